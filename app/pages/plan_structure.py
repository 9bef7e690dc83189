"""A plan's themes, actions and milestones: all in their order, renamed, moved up and down, and from one to another."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain.plan_structure import Part, Shifted
from app.domain.plans import ActionView, Choices, PlanView, ThemeView
from app.domain.refusals import Forbidden, invalid
from app.domain.words import PlanState
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render, wants_fragment
from app.pages.wording import STATUS_TITLES
from app.services import plan_parts, plan_structure
from app.services.plan_structure import PartKey
from app.services.plans import choices, get_plan

router = NounRouter()

DIRECTIONS = {"up": -1, "down": 1}


@router.get("/plans/{plan}/themes")
def show_structure(run: Reading, plan: str, request: Request) -> Response:
    """Every theme with its actions and their milestones, in the plan's order."""
    return _structure_page(run, request, plan)


def _structure_page(
    run: PageRunner,
    request: Request,
    plan: str,
    *,
    problem: Form | None = None,
    status: int = 200,
    shifted: Shifted | None = None,
    direction: str = "",
) -> Response:
    view, structure = run.read(
        lambda uow: (get_plan(uow, slug=plan), plan_structure.read_structure(uow, slug=plan))
    )  # fmt: skip
    fragment = shifted is not None and wants_fragment(request)
    return render(
        request,
        "plan_structure/_structure.html" if fragment else "plan_structure/page.html",
        frame=frame_of(run, view, active="themes"),
        status=status,
        plan=view,
        here=f"/plans/{plan}",
        structure=structure,
        statuses=STATUS_TITLES,
        problem=problem or Form(),
        shifted=_shifted_words(shifted, direction) if shifted else "",
        focus=_button_to_focus(shifted, direction) if shifted else "",
    )


def _shifted_words(shifted: Shifted, direction: str) -> str:
    """What is said aloud after a move: "T-03 moved up. It is now 2 of 5"."""
    return f"{shifted.ref} moved {direction}. It is now {shifted.place} of {shifted.of}"


def _button_to_focus(shifted: Shifted, direction: str) -> str:
    """The button that was pressed, or the other one where that is gone: at the top there is no way up."""
    at_the_end = shifted.place == (1 if direction == "up" else shifted.of)
    if at_the_end:
        direction = "down" if direction == "up" else "up"
    return f"{direction}-{shifted.ref}"


@router.post("/plans/{plan}/themes/{theme}/place")
def place_theme(run: Writing, plan: str, theme: str, request: Request, form: Submitted) -> Response:
    """Move a theme up or down."""
    return _shift(run, request, plan, form, Part.THEME, theme)


@router.post("/plans/{plan}/actions/{action}/place")
def place_action(run: Writing, plan: str, action: str, request: Request, form: Submitted) -> Response:
    """Move an action up or down in its theme."""
    return _shift(run, request, plan, form, Part.ACTION, action)


@router.post("/plans/{plan}/milestones/{ref}/place")
def place_milestone(run: Writing, plan: str, ref: str, request: Request, form: Submitted) -> Response:
    """Move a milestone up or down in its action."""
    return _shift(run, request, plan, form, Part.MILESTONE, ref)


def _shift(run: PageRunner, request: Request, plan: str, form: Form, part: Part, ref: str) -> Response:
    direction = form.value("direction")

    def change() -> Shifted:
        by = DIRECTIONS.get(direction)
        shifted = run.write(
            plan_structure.shift, part=part, key=PartKey(plan=plan, ref=ref), by=by or 0,
            if_match=form.optional("version"),
        )  # fmt: skip
        if by is None:
            raise invalid("direction", "choice_invalid", "Choose up or down")
        return shifted

    def done(shifted: Shifted) -> Response:
        if wants_fragment(request):
            return _structure_page(run, request, plan, shifted=shifted, direction=direction)
        return see_other(f"/plans/{plan}/themes#{ref}")

    return settle(
        form, change, done=done,
        again=lambda form, status: _structure_page(run, request, plan, problem=form, status=status),
    )  # fmt: skip


# --- Themes -----------------------------------------------------------------------------------------------------------


@router.get("/plans/{plan}/themes/new")
def new_theme(run: Reading, plan: str, request: Request) -> Response:
    """The form that adds a theme."""
    return _form_page(run, request, plan, Form(), _NEW_THEME)


@router.post("/plans/{plan}/themes")
def add_theme(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Add a theme, after the others."""

    def change() -> ThemeView:
        title = _title(form)
        form.check()
        return run.write(plan_parts.add_theme, slug=plan, title=title, source=None)

    return _settled(run, request, plan, form, change, _NEW_THEME)


@router.get("/plans/{plan}/themes/{theme}/edit")
def ask_theme(run: Reading, plan: str, theme: str, request: Request) -> Response:
    """The form that renames a theme."""
    view = run.read(plan_structure.get_theme, theme=PartKey(plan=plan, ref=theme))
    return _form_page(run, request, plan, filled({"title": view.title}), _of_theme(view))


@router.post("/plans/{plan}/themes/{theme}/edit")
def edit_theme(run: Writing, plan: str, theme: str, request: Request, form: Submitted) -> Response:
    """Rename a theme."""
    key = PartKey(plan=plan, ref=theme)

    def change() -> ThemeView:
        changes = {"title": _title(form)}
        form.check()
        return run.write(plan_structure.edit_theme, theme=key, changes=changes, if_match=form.optional("version"))

    return _settled(run, request, plan, form, change, lambda: _of_theme(run.read(plan_structure.get_theme, theme=key)))


@router.get("/plans/{plan}/themes/{theme}/removal")
def ask_theme_removal(run: Reading, plan: str, theme: str, request: Request) -> Response:
    """The form that takes an empty theme out of a draft."""
    view = run.read(plan_structure.get_theme, theme=PartKey(plan=plan, ref=theme))
    return _form_page(run, request, plan, Form(), _removal_of(view, "theme"))


@router.post("/plans/{plan}/themes/{theme}/removal")
def remove_theme(run: Writing, plan: str, theme: str, request: Request, form: Submitted) -> Response:
    """Take an empty theme out of a draft."""
    key = PartKey(plan=plan, ref=theme)

    def change() -> ThemeView:
        return run.write(
            plan_structure.remove_theme, theme=key, reason=_why(form), if_match=form.optional("version")
        )  # fmt: skip

    return _settled(
        run, request, plan, form, change,
        lambda: _removal_of(run.read(plan_structure.get_theme, theme=key), "theme"), anchored=False,
    )  # fmt: skip


# --- Actions ----------------------------------------------------------------------------------------------------------


@router.get("/plans/{plan}/actions/new")
def new_action(run: Reading, plan: str, request: Request, theme: str = "") -> Response:
    """The form that adds an action, to the theme that the address may name by its id."""
    return _form_page(run, request, plan, filled({"theme": theme}), _NEW_ACTION)


@router.post("/plans/{plan}/actions")
def add_action(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Add an action, after the others of its theme."""

    def change() -> ActionView:
        theme = form.required("theme", "Choose the theme it belongs to")
        title = _title(form)
        form.check()
        return run.write(plan_parts.add_action, slug=plan, theme=theme, title=title)

    return _settled(run, request, plan, form, change, _NEW_ACTION)


@router.get("/plans/{plan}/actions/{action}/edit")
def ask_action(run: Reading, plan: str, action: str, request: Request) -> Response:
    """The form that renames an action and moves it to another theme."""
    view = run.read(plan_structure.get_action, action=PartKey(plan=plan, ref=action))
    return _form_page(run, request, plan, filled({"title": view.title, "theme": view.theme_id}), _of_action(view))


@router.post("/plans/{plan}/actions/{action}/edit")
def edit_action(run: Writing, plan: str, action: str, request: Request, form: Submitted) -> Response:
    """Rename an action, or move it to another theme with its milestones."""
    key = PartKey(plan=plan, ref=action)

    def change() -> ActionView:
        changes = {"title": _title(form), "theme": form.required("theme", "Choose the theme it belongs to")}
        form.check()
        return run.write(plan_structure.edit_action, action=key, changes=changes, if_match=form.optional("version"))

    return _settled(
        run, request, plan, form, change, lambda: _of_action(run.read(plan_structure.get_action, action=key))
    )


@router.get("/plans/{plan}/actions/{action}/removal")
def ask_action_removal(run: Reading, plan: str, action: str, request: Request) -> Response:
    """The form that takes an empty action out of a draft."""
    view = run.read(plan_structure.get_action, action=PartKey(plan=plan, ref=action))
    return _form_page(run, request, plan, Form(), _removal_of(view, "action"))


@router.post("/plans/{plan}/actions/{action}/removal")
def remove_action(run: Writing, plan: str, action: str, request: Request, form: Submitted) -> Response:
    """Take an empty action out of a draft."""
    key = PartKey(plan=plan, ref=action)

    def change() -> ActionView:
        return run.write(
            plan_structure.remove_action, action=key, reason=_why(form), if_match=form.optional("version")
        )  # fmt: skip

    return _settled(
        run, request, plan, form, change,
        lambda: _removal_of(run.read(plan_structure.get_action, action=key), "action"), anchored=False,
    )  # fmt: skip


# --- The forms of both ------------------------------------------------------------------------------------------------


def _title(form: Form) -> str:
    return form.required("title", "Enter a title")


def _why(form: Form) -> str:
    reason = form.required("reason", "Enter why it is removed")
    form.check()
    return reason


_Asked = dict[str, Any]
_NEW_THEME: _Asked = {"template": "plan_structure/theme.html", "path": "themes", "heading": "Add a theme",
                      "button": "Add the theme", "caption": "Themes and actions", "anchor": ""}  # fmt: skip
_NEW_ACTION: _Asked = {"template": "plan_structure/action.html", "path": "actions", "heading": "Add an action",
                       "button": "Add the action", "caption": "Themes and actions", "anchor": ""}  # fmt: skip


def _of_theme(view: ThemeView) -> _Asked:
    return {"template": "plan_structure/theme.html", "path": f"themes/{view.ref}/edit", "heading": "Rename this theme",
            "button": "Save the theme", "caption": view.ref, "anchor": f"#{view.ref}", "part": view}  # fmt: skip


def _of_action(view: ActionView) -> _Asked:
    return {"template": "plan_structure/action.html", "path": f"actions/{view.ref}/edit",
            "heading": "Rename or move this action", "button": "Save the action", "caption": view.ref,
            "anchor": f"#{view.ref}", "part": view}  # fmt: skip


def _removal_of(view: ThemeView | ActionView, noun: str) -> _Asked:
    return {"template": "plan_structure/removal.html", "path": f"{noun}s/{view.ref}/removal",
            "heading": f"Remove this {noun}", "button": f"Remove the {noun}", "caption": view.ref,
            "anchor": f"#{view.ref}", "part": view, "only_in": PlanState.DRAFT,
            "refused_title": f"{view.ref} was not removed"}  # fmt: skip


def _settled(
    run: PageRunner,
    request: Request,
    plan: str,
    form: Form,
    change: Callable[[], ThemeView | ActionView],
    asked: _Asked | Callable[[], _Asked],
    *,
    anchored: bool = True,
) -> Response:
    return settle(
        form,
        change,
        done=lambda view: see_other(f"/plans/{plan}/themes" + (f"#{view.ref}" if anchored else "")),
        again=lambda form, status: _form_page(
            run, request, plan, form, asked() if callable(asked) else asked, status=status
        ),
    )


def _form_page(
    run: PageRunner, request: Request, plan: str, form: Form, asked: _Asked, *, status: int = 200
) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView, Choices]:
        return get_plan(uow, slug=plan), choices(uow, slug=plan)

    view, offered = run.read(read)
    if not view.may_edit and not form.failed:
        raise Forbidden("Themes and actions are a programme manager’s to change, until the plan is closed")
    if asked.get("only_in", view.state) is not view.state and not form.failed:
        raise Forbidden("Themes and actions are removed from a draft only")
    part = asked.get("part")
    return render(
        request,
        asked["template"],
        frame=frame_of(run, view, active="themes", is_page=False),
        status=status,
        form=form,
        plan=view,
        part=part,
        choices=offered,
        heading=asked["heading"],
        caption=asked["caption"],
        back=f"/plans/{plan}/themes{asked['anchor']}",
        action=f"/plans/{plan}/{asked['path']}",
        button=asked["button"],
        version=part.version if part else "",
        refused_title=asked.get("refused_title", ""),
        clashes=_clashes(form, part, offered) if part else [],
    )


def _clashes(form: Form, part: ThemeView | ActionView, offered: Choices) -> list[tuple[str, str, str]]:
    """Where what was typed differs from what somebody else has made of it meanwhile."""
    if form.stale is None:
        return []
    compared = [("Title", form.text("title"), part.title)]
    if isinstance(part, ActionView):
        themes = dict(offered.themes)
        compared.append(("Theme", themes.get(form.text("theme"), ""), themes.get(part.theme_id, "")))
    return [(label, yours, theirs) for label, yours, theirs in compared if yours != theirs]
