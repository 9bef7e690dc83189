"""Saved views: named filters of a plan's milestones or exceptions, or of the exceptions in all my plans."""

from typing import Annotated

from fastapi import Response
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers
from app.api.answers import Page, PlanSlug, SavedViewId
from app.api.bodies import Body, Elsewhere, Line, Nothing, ShortText, absent
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, exactly
from app.domain.saved_views import SavedView as View
from app.domain.words import ViewOf
from app.doors.routing import NounRouter
from app.services import saved_views as services

router = NounRouter(tags=["Saved views"])

Filters = Annotated[
    dict[Line, ShortText],
    Field(
        max_length=20,
        description="By name, as the list's own parameters; on pages also `sort`, and `on` is `next_review`",
        examples=[{"rag": "red", "cause": "workforce"}],
    ),
]


@exactly
class SavedView(TypedDict):
    """Filters of a list under a name. `plan` is null for the exceptions in all my plans. `owner` is a post title;
    `gone` names the filters that name what is no longer in the plan.
    """

    id: str
    name: str
    of: ViewOf
    plan: str | None
    filters: dict[str, str]
    shared: bool
    owner: str
    mine: bool
    gone: list[str]
    version: str


class NewView(Body):
    """A view of a plan's list. Programme managers and senior officers may share theirs in the plan."""

    name: Line
    of: ViewOf
    filters: Filters
    shared: bool = False


class NewViewOfAll(Body):
    """A view of the exceptions in all my plans. Nobody else sees it."""

    name: Line
    filters: Filters


class ViewChanges(Body):
    """Another name, other filters, shared or no longer. What is left out stays."""

    name: Line = absent()
    filters: Filters = absent()
    shared: bool = absent()
    of: Elsewhere = None


def saved_view(view: View) -> SavedView:
    return {
        "id": view.id,
        "name": view.name,
        "of": view.of,
        "plan": view.plan_slug,
        "filters": dict(view.filters),
        "shared": view.shared,
        "owner": view.owner,
        "mine": view.is_mine,
        "gone": [*view.gone],
        "version": view.version,
    }


_one = TypeAdapter(SavedView).dump_json
_list: TypeAdapter[Listing[SavedView]] = TypeAdapter(Listing[SavedView])


def _made(view: View) -> Reply:
    location = f"/api/v1/views/{view.id}"
    return Reply(_one(saved_view(view)), status=201, version=view.version, location=location)


def _deleted(view: View) -> Reply:
    return Reply(_one(saved_view(view)), status=201)


def _now(view: View) -> Reply:
    return Reply(_one(saved_view(view)), version=view.version)


def _listed(run: Reading, slug: str | None, page: Page) -> Response:
    shown, next_cursor = answers.page_of(run.read(services.list_views, slug=slug), page)
    return answers.listing(_list, {"items": [saved_view(view) for view in shown], "next_cursor": next_cursor})


@router.get("/plans/{plan}/views", response_model=Listing[SavedView], **answers.listed())
def list_saved_views(run: Reading, plan: PlanSlug, page: Page) -> Response:
    """My views in a plan and those shared in it, by name. For people: a key keeps none."""
    return _listed(run, plan, page)


@router.post("/plans/{plan}/views", response_model=SavedView, **answers.made())
def save_view(run: Writing, plan: PlanSlug, body: NewView) -> Response:
    """Save filters of a plan's list under a name. Codes of refusals: `too_many`, `plan_closed` (when shared)."""
    return run.write(
        services.save_view,
        slug=plan,
        of=body.of,
        name=body.name,
        filters=body.filters,
        shared=body.shared,
        respond=_made,
    )


@router.get("/views", response_model=Listing[SavedView], **answers.listed())
def list_saved_views_of_all_plans(run: Reading, page: Page) -> Response:
    """My views of the exceptions in all my plans, by name."""
    return _listed(run, None, page)


@router.post("/views", response_model=SavedView, **answers.made())
def save_view_of_all_plans(run: Writing, body: NewViewOfAll) -> Response:
    """Save filters of the exceptions in all my plans under a name."""
    return run.write(
        services.save_view, slug=None, of=ViewOf.EXCEPTIONS, name=body.name, filters=body.filters, respond=_made
    )


@router.get("/views/{id}", response_model=SavedView, **answers.read())
def show_saved_view(run: Reading, view_id: SavedViewId) -> Response:
    """One view: my own, or one that somebody shares with me."""
    return run.answer(_now(run.read(services.get_view, view=view_id)))


@router.patch("/views/{id}", response_model=SavedView, **answers.changed())
def edit_saved_view(run: Writing, view_id: SavedViewId, body: ViewChanges) -> Response:
    """Change a view of one's own. What others see of it is on the record."""
    return run.write(services.edit_view, view=view_id, changes=body.changes(), if_match=run.must_match(), respond=_now)


@router.post("/views/{id}/deletion", response_model=SavedView, **answers.made())
def delete_saved_view(run: Writing, view_id: SavedViewId, body: Nothing | None = None) -> Response:  # noqa: ARG001 - takes no fields
    """Delete a view of one's own, or as a programme manager one that is shared. Answers with what it was."""
    return run.write(services.delete_view, view=view_id, if_match=run.if_match, respond=_deleted)
