"""Saved views: all of them, a new one from the filters on screen, and one opened, changed, shared or deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import saved_views as rules
from app.domain.plans import Choices, PlanView
from app.domain.refusals import Forbidden, invalid
from app.domain.saved_views import SavedView
from app.domain.words import ViewOf
from app.doors.routing import NounRouter
from app.pages import exception_reports, milestone_lists
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.pages.views_beside import list_address
from app.services import saved_views as services
from app.services.plans import choices, get_plan

router = NounRouter()

PRIVATE, SHARED = "only_me", "plan"
SHARING = [(PRIVATE, "Only me"), (SHARED, "Everybody who reads this plan", "Each sees in it what they may see")]


@router.get("/plans/{plan}/views")
def show_views(run: Reading, plan: str, request: Request) -> Response:
    """My views in a plan, and those shared in it."""
    return _list_page(run, request, plan)


@router.get("/views")
def show_views_of_all_plans(run: Reading, request: Request) -> Response:
    """My views of the exceptions in all my plans."""
    return _list_page(run, request, None)


@router.get("/plans/{plan}/views/new")
def new_view(run: Reading, plan: str, request: Request) -> Response:
    """The form that saves what a list of the plan is filtered by; the address has it as the list's own has."""
    return _new_page(run, request, plan, _asked(request))


@router.get("/views/new")
def new_view_of_all_plans(run: Reading, request: Request) -> Response:
    """The same of the exceptions in all my plans."""
    return _new_page(run, request, None, _asked(request))


@router.post("/plans/{plan}/views")
def save_view(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Save a view in a plan, for oneself or shared."""
    return _saved(run, request, plan, form)


@router.post("/views")
def save_view_of_all_plans(run: Writing, request: Request, form: Submitted) -> Response:
    """Save a view of the exceptions in all my plans."""
    return _saved(run, request, None, form)


@router.get("/views/{view}")
def open_view(run: Reading, view: str) -> Response:
    """To the list with the view's filters, as they are today."""
    found, query = run.read(services.open_view, view=view)
    return see_other(list_address(found.of, found.plan_slug).with_(**query))


@router.get("/views/{view}/edit")
def edit_view(run: Reading, view: str, request: Request) -> Response:
    """The form that renames a view, takes filters out of it, and shares it or stops that."""
    found = run.read(services.get_view, view=view)
    if not found.may_rename:
        raise Forbidden(f"Only who saved it changes a view: {found.owner}. Save one of your own instead")
    kept = [name for name, _ in found.filters if name not in found.gone]
    facts = {"name": found.name, "filters": kept, "seen_by": SHARED if found.shared else PRIVATE}
    return _edit_page(run, request, found, filled({**facts, "version": found.version}))


@router.post("/views/{view}/edit")
def save_changes(run: Writing, view: str, request: Request, form: Submitted) -> Response:
    """Change a view of one's own."""
    found = run.read(services.get_view, view=view)

    def change() -> SavedView:
        changes: dict[str, Any] = {"name": form.text("name"), "filters": _ticked(form, dict(found.filters))}
        if form.value("seen_by") in (PRIVATE, SHARED):
            changes["shared"] = form.value("seen_by") == SHARED
        return run.write(services.edit_view, view=view, changes=changes, if_match=form.optional("version"))

    return settle(
        form,
        change,
        done=lambda changed: see_other(f"{_every(changed.plan_slug)}#{changed.id}"),
        again=lambda form, status: _edit_page(
            run, request, run.read(services.get_view, view=view), form, status=status
        ),
    )


@router.get("/views/{view}/deletion")
def ask_deletion(run: Reading, view: str, request: Request) -> Response:
    """The form that deletes a view."""
    found = run.read(services.get_view, view=view)
    if not found.may_delete:
        raise Forbidden(f"Only who saved it deletes a view, or a programme manager: {found.owner} did")
    return _deletion_page(run, request, found, Form())


@router.post("/views/{view}/deletion")
def delete_view(run: Writing, view: str, request: Request, form: Submitted) -> Response:
    """Delete a view."""
    found = run.read(services.get_view, view=view)
    return settle(
        form,
        lambda: run.write(services.delete_view, view=view, if_match=form.optional("version")),
        done=lambda _: see_other(_every(found.plan_slug)),
        again=lambda form, status: _deletion_page(
            run, request, run.read(services.get_view, view=view), form, status=status
        ),
    )


# --- The pages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A view as the table shows it."""

    view: SavedView
    list: str
    words: tuple[str, ...]
    gone: tuple[str, ...]
    seen_by: str


def _list_page(run: PageRunner, request: Request, plan: str | None) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView | None, Choices | None, tuple[SavedView, ...], bool]:
        around = _around(uow, plan)
        views = services.list_views(uow, slug=plan)
        return *around, views, services.offers_sharing(uow, slug=plan)

    plan_view, offered, views, may_share = run.read(read)
    rows = [
        _Row(
            view=view,
            list=view.of.capitalize(),
            words=tuple(_words(view.of, dict(view.filters), offered).values()),
            gone=tuple(rules.GONE[name] for name in view.gone),
            seen_by=_seen_by(view),
        )
        for view in views
    ]
    of = tuple(ViewOf) if plan else (ViewOf.EXCEPTIONS,)
    return render(
        request,
        "saved_views/page.html",
        frame=frame_of(run, plan_view),
        rows=rows,
        may_share=may_share,
        lists=[(list_address(one, plan).with_(), _list_words(one, plan)) for one in of],
    )


def _seen_by(view: SavedView) -> str:
    if not view.is_mine:
        return f"Everybody on the plan, shared by {view.owner}"
    return "Everybody on the plan" if view.shared else "Only you"


def _new_page(
    run: PageRunner, request: Request, plan: str | None, asked: Mapping[str, str], form: Form | None = None, **more: Any
) -> Response:
    of = _of(run, plan, asked)
    kept = rules.kept(of, asked)
    shown = form or filled({"filters": list(kept), "seen_by": PRIVATE})
    return _form_page(
        run, request, plan, shown, of=of, kept=kept, back=list_address(of, plan).with_(**kept),
        heading="Save a view", button="Save the view", action=_every(plan), is_new=True, **more,
    )  # fmt: skip


def _saved(run: PageRunner, request: Request, plan: str | None, form: Form) -> Response:
    asked = {name: form.text(name) for name in ("list", *(name for names in rules.KEPT.values() for name in names))}
    of = _of(run, plan, asked)

    def change() -> SavedView:
        filters = _ticked(form, rules.kept(of, asked))
        shared = form.value("seen_by") == SHARED
        return run.write(services.save_view, slug=plan, of=of, name=form.text("name"), filters=filters, shared=shared)

    return settle(
        form,
        change,
        done=lambda view: see_other(f"/views/{view.id}"),
        again=lambda form, status: _new_page(run, request, plan, asked, form, status=status),
    )


def _ticked(form: Form, filters: Mapping[str, str]) -> dict[str, str]:
    """The filters that are to be kept. A day since when goes with what changed since."""
    chosen = form.all("filters")
    return {name: value for name, value in filters.items() if ("changed" if name == "since" else name) in chosen}


def _edit_page(run: PageRunner, request: Request, view: SavedView, form: Form, *, status: int = 200) -> Response:
    return _form_page(
        run, request, view.plan_slug, form, of=view.of, kept=dict(view.filters), back=_every(view.plan_slug),
        heading="Change a saved view", button="Save the view", action=f"/views/{view.id}/edit", is_new=False,
        status=status, view=view,
    )  # fmt: skip


def _form_page(
    run: PageRunner,
    request: Request,
    plan: str | None,
    form: Form,
    *,
    of: ViewOf,
    kept: Mapping[str, str],
    is_new: bool,
    status: int = 200,
    view: SavedView | None = None,
    **context: Any,
) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView | None, Choices | None, bool]:
        return *_around(uow, plan), services.offers_sharing(uow, slug=plan)

    plan_view, offered, may_share = run.read(read)
    gone = view.gone if view else rules.gone(kept, offered)
    return render(
        request,
        "saved_views/form.html",
        frame=frame_of(run, plan_view, is_page=False),
        status=status,
        form=form,
        of=of,
        kept=tuple(kept.items()) if is_new else (),
        filters=list(_words(of, kept, offered).items()),
        gone=[rules.GONE[name] for name in gone],
        is_new=is_new,
        list_words=_list_words(of, plan),
        sharing=SHARING if may_share or (view is not None and view.shared) else [],
        caption=of.capitalize() if is_new else "Saved views",
        version=form.value("version") if form.failed and not form.stale else (view.version if view else ""),
        refused_title="",
        clashes=[("This view", form.text("name"), _now(view, offered))] if form.stale and view else [],
        **context,
    )


def _now(view: SavedView, offered: Choices | None) -> str:
    return "; ".join([view.name, *_words(view.of, dict(view.filters), offered).values(), _seen_by(view)])


def _deletion_page(run: PageRunner, request: Request, view: SavedView, form: Form, *, status: int = 200) -> Response:
    plan = run.read(get_plan, slug=view.plan_slug) if view.plan_slug else None
    return render(
        request,
        "saved_views/deletion.html",
        frame=frame_of(run, plan, is_page=False),
        status=status,
        form=form,
        view=view,
        list_words=_list_words(view.of, view.plan_slug),
        caption="Saved views",
        heading="Delete a saved view",
        back=_every(view.plan_slug),
        action=f"/views/{view.id}/deletion",
        button="Delete the view",
        version=view.version,
        refused_title="",
        clashes=[],
    )


# --- Words and addresses -------------------------------------------------------------------------------------------


def _around(uow: UnitOfWork, plan: str | None) -> tuple[PlanView | None, Choices | None]:
    return (get_plan(uow, slug=plan), choices(uow, slug=plan)) if plan else (None, None)


def _asked(request: Request) -> dict[str, str]:
    return dict(request.query_params)


def _of(run: PageRunner, plan: str | None, asked: Mapping[str, str]) -> ViewOf:
    """The list that a view is to be of. Whoever may not know of the plan hears that first."""
    run.read(services.offers_sharing, slug=plan)
    word = asked.get("list", "")
    lists = tuple(ViewOf) if plan else (ViewOf.EXCEPTIONS,)
    if word not in lists:
        raise invalid("list", "choice_invalid", f"List must be one of: {', '.join(lists)}")
    return ViewOf(word)


def _every(plan: str | None) -> str:
    return f"/plans/{plan}/views" if plan else "/views"


def _list_words(of: ViewOf, plan: str | None) -> str:
    return f"the {of}" if plan else f"the {of} in all my plans"


def _words(of: ViewOf, query: Mapping[str, str], offered: Choices | None) -> dict[str, str]:
    """What a view keeps, in words, by filter, in the order in which it keeps it."""
    found = _FILTERS[of](query, offered)
    if "sort" in query:
        found["sort"] = f"Sorted {milestone_lists.ORDER_WORDS.get(query['sort'], query['sort'])}"
    if query.get("on"):
        found["on"] = "As at the next review"
    return {name: _with_name(name, found.get(name, value)) for name, value in query.items() if name != "since"}


def _with_name(name: str, words: str) -> str:
    """A colour is known by itself; who and what are said with what they are of it."""
    called = {"theme": "Theme", "owner": "Owner", "organisation": "Organisation"}.get(name)
    return f"{called}: {words}" if called and words != called else words


def _of_milestones(query: Mapping[str, str], offered: Choices | None) -> dict[str, str]:
    return milestone_lists.filter_words(query, offered) if offered else {}


def _of_exceptions(query: Mapping[str, str], offered: Choices | None) -> dict[str, str]:
    asked = {name: value for name, value in query.items() if name != "on"}
    return exception_reports.filter_words(exception_reports.filters_of(asked), offered)


_FILTERS: dict[ViewOf, Callable[[Mapping[str, str], Choices | None], dict[str, str]]] = {
    ViewOf.MILESTONES: _of_milestones,
    ViewOf.EXCEPTIONS: _of_exceptions,
}
