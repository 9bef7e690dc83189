"""Partner keys of a plan: issued, rotated and revoked by its programme managers and administrators."""

from fastapi import Request, Response

from app.domain.words import Scope
from app.doors.routing import NounRouter
from app.pages.account import days_of
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.services import keys

router = NounRouter()

SCOPE_WORDS = (
    (Scope.EVIDENCE_WRITE, "Attach evidence to the milestones it leads, supports or is asked about"),
    (Scope.RISKS_PROPOSE, "Propose risks"),
    (Scope.OBSERVATIONS_WRITE, "Send values of indicators"),
    (Scope.PLAN_READ, "Read the plan, less what is restricted to others"),
)


@router.get("/plans/{plan}/keys")
def plan_keys(request: Request, run: Reading, plan: str) -> Response:
    """The keys that open the plan, and the form to issue one."""
    run.confirm_password()
    return _page(request, run, plan, filled({"days": keys.USUAL_DAYS}))


@router.post("/plans/{plan}/keys")
def create_key(request: Request, run: Writing, form: Submitted, plan: str) -> Response:
    """Issue a key and show it, this once."""
    run.confirm_password(back=f"/plans/{plan}/keys")
    return settle(
        form,
        lambda: run.write(
            keys.create_key,
            organisation=form.text("organisation"),
            plans=[plan],
            scopes=form.all("scopes"),
            days=days_of(form),
            name=form.text("name"),
            needs_release=bool(form.text("needs_release")),
        ),
        done=lambda issued: _secret_page(request, run, plan, issued),
        again=lambda form, status: _page(request, run, plan, form, status=status),
    )


@router.post("/plans/{plan}/keys/{key}/rotation")
def rotate_key(request: Request, run: Writing, plan: str, key: str) -> Response:
    """Give a key a new secret and show it, this once; the old one stops working."""
    run.confirm_password(back=f"/plans/{plan}/keys")
    return settle(
        Form(),
        lambda: run.write(keys.rotate_key, key=key, plan=plan),
        done=lambda issued: _secret_page(request, run, plan, issued),
        again=lambda form, status: _page(request, run, plan, form, status=status),
    )


@router.post("/plans/{plan}/keys/{key}/revocation")
def revoke_key(run: Writing, plan: str, key: str) -> Response:
    """Stop a key for good."""
    run.confirm_password(back=f"/plans/{plan}/keys")
    run.write(keys.revoke_key, key=key, plan=plan)
    return see_other(f"/plans/{plan}/keys")


@router.get("/administration/front-door")
def front_door(request: Request, run: Reading) -> Response:
    """Whom to tell about a child or an adult at risk: without it no partner key can be issued."""
    contact = run.read(keys.front_door_to_change)
    return _front_door_page(request, run, filled({"front_door": contact}))


@router.post("/administration/front-door")
def set_front_door(request: Request, run: Writing, form: Submitted) -> Response:
    """Set the contact; every page and receipt prints it from then on."""
    return settle(
        form,
        lambda: run.write(keys.set_front_door, contact=form.text("front_door")),
        done=lambda _: _front_door_set(request),
        again=lambda form, status: _front_door_page(request, run, form, status=status),
    )


def _front_door_set(request: Request) -> Response:
    request.app.state.front_door.refresh()
    return see_other("/administration/front-door")


def _page(request: Request, run: PageRunner, plan: str, form: Form, *, status: int = 200) -> Response:
    view = run.read(keys.plan_keys, slug=plan)
    return render(
        request,
        "keys/page.html",
        frame=frame_of(run),
        status=status,
        form=form,
        view=view,
        scopes=SCOPE_WORDS,
    )


def _secret_page(request: Request, run: PageRunner, plan: str, issued: keys.Issued) -> Response:
    return render(
        request,
        "keys/secret.html",
        frame=frame_of(run),
        status=201,
        issued=issued,
        what="key",
        back=f"/plans/{plan}/keys",
    )


def _front_door_page(request: Request, run: PageRunner, form: Form, *, status: int = 200) -> Response:
    return render(request, "keys/front_door.html", frame=frame_of(run), status=status, form=form)
