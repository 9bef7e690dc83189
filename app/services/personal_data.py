"""The personal-data guard: what uploads are searched for besides the usual, and the rule when something was found."""

from typing import Any

from sqlalchemy import select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import personal_data as rules
from app.domain.evidence import Upload
from app.domain.files import kind_of_name
from app.domain.permissions import Act, Item
from app.domain.personal_data import Terms
from app.domain.refusals import NotFound, Refused, invalid
from app.domain.words import PersonalData
from app.models import Organisation
from app.models.identity import table_of
from app.services.cases import Case

MOST_PATTERNS = 100

_organisations = table_of(Organisation)


def search_terms(uow: UnitOfWork) -> Terms:
    """What an upload is searched for: the case numbers of every organisation here, because a file that one sends may
    be about another's.
    """
    statement = (
        select(_organisations.c.case_pattern)
        .where(_organisations.c.case_pattern.is_not(None))
        .order_by(_organisations.c.slug)
        .limit(MOST_PATTERNS)
    )
    return Terms(tuple(uow.session.connection().execute(statement).scalars()), uow.today)


def refuse_undeclared(case: Case, upload: Upload, declared: tuple[PersonalData, ...], *, attempted: str) -> None:
    """Raise Refused `personal_data_found`, a reason a kind and page, until its sender has declared what a file holds.

    What is refused, and put on the record, says kind, count and page, and never the value.
    """
    unit = unit_of(upload.file_name)
    found = rules.undeclared(upload.search, declared, looked_at=upload.looked_at, unit=unit)
    if found:
        raise Refused(
            found,
            title="The file looks as if it holds personal data",
            attempted=attempted,
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )


def found_in(stored: str | None) -> dict[str, int] | None:
    """How many of each kind a file holds, for the trail; None where nothing was found."""
    search = rules.search_from_text(stored)
    return rules.totals(search) or None if search else None


def unit_of(file_name: str | None) -> str:
    """Whether a file of this name has pages, sheets or slides."""
    kind = kind_of_name(file_name or "")
    return rules.unit_of(kind.name if kind else "")


def set_case_pattern(uow: UnitOfWork, *, organisation: str, pattern: str) -> None:
    """Set how an organisation (its slug) writes its case numbers, such as `LCS-######`; empty: it is not looked for.

    Raises Forbidden, Invalid, NotFound.
    """
    permissions.require(uow.actor, Act.ADMINISTER, Item(plan_id=""))
    said = pattern.strip()
    if said and not rules.pattern_fits(said):
        raise invalid("pattern", "not_a_pattern", rules.PATTERN_HELP)
    connection = uow.session.connection()
    found: Any = connection.execute(
        select(_organisations.c.id, _organisations.c.slug, _organisations.c.case_pattern)
        .where(_organisations.c.slug == organisation)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound(f"There is no organisation called {organisation}")
    if found.case_pattern == (said or None):
        return
    connection.execute(update(_organisations).where(_organisations.c.id == found.id).values(case_pattern=said or None))
    uow.record(
        "case_pattern_set",
        plan_id=None,
        item_kind="organisation",
        item_id=found.id,
        item_ref=found.slug[:40],
        facts={"case_pattern": [found.case_pattern, said or None]},
    )
