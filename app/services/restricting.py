"""Whom an item is restricted to: organisations and people, by the names that doors take."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import UnitOfWork
from app.models import Organisation, Person
from app.services.writing import Checks


def parties_named(uow: UnitOfWork, checks: Checks, names: Sequence[str]) -> list[tuple[str, str]]:
    """Organisations by slug or id, people by id, each as ("organisation" or "person", id); an error for the unknown."""
    allowed: list[tuple[str, str]] = []
    for name in dict.fromkeys(names):
        organisation = uow.session.execute(
            select(Organisation.id).where((Organisation.slug == name) | (Organisation.id == name))
        ).scalar_one_or_none()
        person = None if organisation else uow.session.get(Person, name)
        if organisation:
            allowed.append(("organisation", organisation))
        elif person is not None:
            allowed.append(("person", person.id))
        else:
            checks.add("restricted_to", "unknown", f"There is no organisation or person called {name}")
    return allowed
