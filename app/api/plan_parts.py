"""A plan's parts: themes, actions and memberships. Review meetings have a module of their own."""

from datetime import date

from fastapi import APIRouter, Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import Page, PlanSlug
from app.api.bodies import Body, Day, Key, Line
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Person, exactly
from app.domain.plans import ActionView, MembershipView, ThemeView
from app.domain.words import Role
from app.services import plan_parts as services

router = APIRouter(tags=["Parts of a plan"])


@exactly
class Theme(TypedDict):
    """An area for improvement. Its reference never changes and is never reused."""

    id: str
    ref: str
    title: str
    position: int
    source: str | None
    version: str


@exactly
class Action(TypedDict):
    """What will be done, under a theme (its id)."""

    id: str
    ref: str
    title: str
    theme: str
    position: int
    source: str | None
    version: str


@exactly
class Membership(TypedDict):
    """A role that a person holds in the plan, for an auditor until a day."""

    id: str
    person: Person
    email: str
    role: Role
    ends_on: date | None


class NewTheme(Body):
    """An area for improvement."""

    title: Line


class NewAction(Body):
    """What will be done. `theme` is the id of its theme."""

    theme: Key
    title: Line


class NewMembership(Body):
    """A role for a person, who is named by e-mail address. An auditor's needs its last day."""

    person: Key
    role: Role
    ends_on: Day | None = Field(default=None, description="The last day; needed for an auditor")


def theme(view: ThemeView) -> Theme:
    return {
        "id": view.id,
        "ref": view.ref,
        "title": view.title,
        "position": view.position,
        "source": view.source,
        "version": view.version,
    }


def action(view: ActionView) -> Action:
    return {
        "id": view.id,
        "ref": view.ref,
        "title": view.title,
        "theme": view.theme_id,
        "position": view.position,
        "source": view.source,
        "version": view.version,
    }


def membership(view: MembershipView) -> Membership:
    return {
        "id": view.id,
        "person": {"id": view.person.id, "title": view.person.title, "organisation": view.person.organisation},
        "email": view.email,
        "role": view.role,
        "ends_on": view.ends_on,
    }


_theme = TypeAdapter(Theme).dump_json
_action = TypeAdapter(Action).dump_json
_membership = TypeAdapter(Membership).dump_json
_themes: TypeAdapter[Listing[Theme]] = TypeAdapter(Listing[Theme])
_actions: TypeAdapter[Listing[Action]] = TypeAdapter(Listing[Action])
_memberships: TypeAdapter[Listing[Membership]] = TypeAdapter(Listing[Membership])


@router.get("/plans/{plan}/themes", response_model=Listing[Theme], **answers.listed())
def list_themes(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """The plan's themes in their order."""
    shown, next_cursor = answers.page_of(run.read(services.list_themes, slug=plan), page)
    return answers.listing(_themes, {"items": [theme(view) for view in shown], "next_cursor": next_cursor})


@router.post("/plans/{plan}/themes", response_model=Theme, **answers.made())
def add_theme(run: Writing, plan: PlanSlug, body: NewTheme) -> Response:
    """Add a theme."""
    return run.write(
        services.add_theme,
        slug=plan,
        title=body.title,
        respond=lambda view: Reply(_theme(theme(view)), status=201, version=view.version),
    )


@router.get("/plans/{plan}/actions", response_model=Listing[Action], **answers.listed())
def list_actions(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """The plan's actions in their order."""
    shown, next_cursor = answers.page_of(run.read(services.list_actions, slug=plan), page)
    return answers.listing(_actions, {"items": [action(view) for view in shown], "next_cursor": next_cursor})


@router.post("/plans/{plan}/actions", response_model=Action, **answers.made())
def add_action(run: Writing, plan: PlanSlug, body: NewAction) -> Response:
    """Add an action to a theme."""
    return run.write(
        services.add_action,
        slug=plan,
        theme=body.theme,
        title=body.title,
        respond=lambda view: Reply(_action(action(view)), status=201, version=view.version),
    )


@router.get("/plans/{plan}/memberships", response_model=Listing[Membership], **answers.listed())
def list_memberships(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """Who holds which role in the plan."""
    shown, next_cursor = answers.page_of(run.read(services.list_memberships, slug=plan), page)
    return answers.listing(_memberships, {"items": [membership(view) for view in shown], "next_cursor": next_cursor})


@router.post("/plans/{plan}/memberships", response_model=Membership, **answers.made())
def add_membership(run: Writing, plan: PlanSlug, body: NewMembership) -> Response:
    """Give a person a role in the plan."""
    return run.write(
        services.add_membership,
        slug=plan,
        **body.facts(),
        respond=lambda view: Reply(_membership(membership(view)), status=201),
    )
