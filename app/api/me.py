"""Who am I: what a key or token is told about itself."""

from fastapi import Response
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.deps import Reading
from app.api.shapes import Organisation, exactly
from app.domain.words import Role, Scope
from app.doors.routing import NounRouter
from app.services import identity as services
from app.services.identity import Me, PlanRoles

router = NounRouter(tags=["Me"])


@exactly
class MyPlan(TypedDict):
    """A plan, and your roles in it; a key has none, its scopes hold in every plan that it names."""

    plan: str
    title: str
    roles: list[Role]


@exactly
class MeShape(TypedDict):
    """A person or a key. `title` is a post title, or a key's name; `email` a person's."""

    kind: str
    id: str
    title: str
    email: str | None
    organisation: Organisation
    administrator: bool
    scopes: list[Scope]
    plans: list[MyPlan]


def me(found: Me) -> MeShape:
    return {
        "kind": found.kind,
        "id": found.id,
        "title": found.title,
        "email": found.email or None,
        "organisation": shapes.organisation(found.organisation),
        "administrator": found.administrator,
        "scopes": list(found.scopes),
        "plans": [_plan(plan) for plan in found.plans],
    }


def _plan(found: PlanRoles) -> MyPlan:
    return {"plan": found.slug, "title": found.title, "roles": list(found.roles)}


_one = TypeAdapter(MeShape)


@router.get("/me", response_model=MeShape, **answers.listed())
def show_me(run: Reading) -> Response:
    """Who you are, with your roles or scopes, and your plans."""
    return answers.listing(_one, me(run.read(services.me)))
