"""A plan's parts: themes, actions and memberships. Review meetings have a module of their own."""

from datetime import date, datetime
from typing import NotRequired

from fastapi import Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import ActionId, Page, PlanSlug, ThemeId
from app.api.bodies import Body, Day, Elsewhere, Key, Line, Place, Said, absent
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Person, Reference, exactly, reference
from app.domain.milestones import MovedFrom as Moved
from app.domain.plans import ActionView, MembershipView, ThemeView
from app.domain.words import Role
from app.doors.routing import NounRouter
from app.services import plan_parts as services
from app.services import plan_structure
from app.services.plan_structure import PartKey

router = NounRouter(tags=["Parts of a plan"])


@exactly
class MovedFrom(TypedDict):
    """Where an action or a milestone stood before it was moved. Its reference stayed."""

    theme: Reference
    action: Reference | None
    at: datetime
    by: str


@exactly
class Theme(TypedDict):
    """An area for improvement. Its reference never changes and is never reused. `position` 1 is first in the plan."""

    id: str
    ref: str
    title: str
    position: int
    source: str | None
    version: str


@exactly
class Action(TypedDict):
    """What will be done, under a theme (its id). `position` 1 is first in the theme; `moved_from` is only there for
    one action, and null for one that was never moved.
    """

    id: str
    ref: str
    title: str
    theme: str
    position: int
    source: str | None
    moved_from: NotRequired[MovedFrom | None]
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


class ThemeChanges(Body):
    """Another title, another place in the plan (1 is first), or both."""

    title: Line = absent()
    position: Place = absent()
    ref: Elsewhere = None


class ActionChanges(Body):
    """Another title, another theme of the plan (its id), another place in the theme (1 is first)."""

    title: Line = absent()
    theme: Key = absent()
    position: Place = absent()
    ref: Elsewhere = None


class PartRemoval(Body):
    """Why a theme or an action leaves a draft."""

    reason: Said


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


def moved_from(found: Moved | None) -> MovedFrom | None:
    if found is None:
        return None
    return {
        "theme": reference(found.theme),
        "action": reference(found.action) if found.action else None,
        "at": found.at,
        "by": found.by,
    }


def _one_action(view: ActionView) -> Reply:
    return Reply(_action({**action(view), "moved_from": moved_from(view.moved_from)}), version=view.version)


def _one_theme(view: ThemeView) -> Reply:
    return Reply(_theme(theme(view)), version=view.version)


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


@router.get("/themes/{id}", response_model=Theme, **answers.read())
def show_theme(run: Reading, theme_id: ThemeId) -> Response:
    """One theme."""
    return run.answer(_one_theme(run.read(plan_structure.get_theme, theme=PartKey(id=theme_id))))


@router.patch("/themes/{id}", response_model=Theme, **answers.changed())
def edit_theme(run: Writing, theme_id: ThemeId, body: ThemeChanges) -> Response:
    """Rename a theme, or give it another place. No change request: it is on the record."""
    return run.write(
        plan_structure.edit_theme,
        theme=PartKey(id=theme_id),
        changes=body.changes(),
        if_match=run.must_match(),
        respond=_one_theme,
    )


@router.post("/themes/{id}/removal", response_model=Theme, **answers.made())
def remove_theme(run: Writing, theme_id: ThemeId, body: PartRemoval) -> Response:
    """Take an empty theme out of a draft; its reference is not given out again. Answers with what it was. Codes:
    `plan_approved`, `plan_closed`, `has_actions`, `has_milestones`, `moved_from_here`.
    """
    return run.write(
        plan_structure.remove_theme,
        theme=PartKey(id=theme_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=lambda view: Reply(_theme(theme(view)), status=201),
    )


@router.get("/actions/{id}", response_model=Action, **answers.read())
def show_action(run: Reading, action_id: ActionId) -> Response:
    """One action, with where it stood before it was moved."""
    return run.answer(_one_action(run.read(plan_structure.get_action, action=PartKey(id=action_id))))


@router.patch("/actions/{id}", response_model=Action, **answers.changed())
def edit_action(run: Writing, action_id: ActionId, body: ActionChanges) -> Response:
    """Rename an action, move it to another theme with its milestones, or give it another place. References stay."""
    return run.write(
        plan_structure.edit_action,
        action=PartKey(id=action_id),
        changes=body.changes(),
        if_match=run.must_match(),
        respond=_one_action,
    )


@router.post("/actions/{id}/removal", response_model=Action, **answers.made())
def remove_action(run: Writing, action_id: ActionId, body: PartRemoval) -> Response:
    """Take an empty action out of a draft; its reference is not given out again. Answers with what it was. Codes:
    `plan_approved`, `plan_closed`, `has_milestones`, `moved_from_here`, `made_of_a_submission`.
    """
    return run.write(
        plan_structure.remove_action,
        action=PartKey(id=action_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=lambda view: Reply(_action(action(view)), status=201),
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
