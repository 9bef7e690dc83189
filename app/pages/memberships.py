"""Who works in a plan: listed, and given roles by its programme managers and administrators."""

from fastapi import Request
from fastapi.responses import Response

from app.db import UnitOfWork
from app.domain import permissions
from app.domain.permissions import Act, Item
from app.domain.plans import MembershipView, PlanView
from app.domain.words import ROLE_WORDS, Role
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.services import plan_parts
from app.services.plans import get_plan

router = NounRouter()


@router.get("/plans/{plan}/memberships")
def show_memberships(run: Reading, plan: str, request: Request) -> Response:
    """Who holds which role, and the form that gives one."""
    return _page(run, request, plan, Form(), confirmed=True)


@router.post("/plans/{plan}/memberships")
def add_membership(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Give a person a role."""

    def change() -> MembershipView:
        person = form.required("person", "Enter the person’s e-mail address")
        role = form.choice("role", Role)
        if role is None and form.error("role") is None:
            form.add("role", "required", "Choose a role")
        ends_on = form.day("ends_on", "The last day")
        form.check()
        assert role is not None  # noqa: S101 - for the type checker: `check` has raised
        return run.write(plan_parts.add_membership, slug=plan, person=person, role=role, ends_on=ends_on)

    _require(run, plan)
    run.confirm_password(back=f"/plans/{plan}/memberships")
    return settle(
        form,
        change,
        done=lambda _: see_other(f"/plans/{plan}/memberships"),
        again=lambda form, status: _page(run, request, plan, form, status=status),
    )


def _require(run: PageRunner, plan: str) -> None:
    """Who may not give roles hears that first, then that the password is needed."""

    def check(uow: UnitOfWork) -> None:
        permissions.require(uow.actor, Act.MANAGE_MEMBERSHIPS, Item(plan_id=get_plan(uow, slug=plan).id))

    run.read(check)


def _page(
    run: PageRunner, request: Request, plan: str, form: Form, *, status: int = 200, confirmed: bool = False
) -> Response:
    def read(uow: UnitOfWork) -> tuple[PlanView, tuple[MembershipView, ...]]:
        view = get_plan(uow, slug=plan)
        permissions.require(uow.actor, Act.MANAGE_MEMBERSHIPS, Item(plan_id=view.id))
        return view, plan_parts.list_memberships(uow, slug=plan)

    view, members = run.read(read)
    if confirmed:
        run.confirm_password()
    return render(
        request,
        "memberships/page.html",
        frame=frame_of(run, view, active="memberships"),
        status=status,
        form=form,
        plan=view,
        members=members,
        roles=[(role, words) for role, words in ROLE_WORDS.items()],
    )
