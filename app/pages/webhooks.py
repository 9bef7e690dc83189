"""Webhooks of a plan: where partners' programs are told what came of what they sent, and how far each telling came."""

from collections.abc import Callable

from fastapi import Request, Response

from app.domain.webhooks import TOLD, Paused, WebhookEvent
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading, Writing
from app.pages.forms import Form, Submitted, see_other, settle
from app.pages.frames import frame_of
from app.pages.templating import render
from app.services import webhooks as services

router = NounRouter()

EVENT_WORDS = {
    WebhookEvent.TRIAGED: "Something that they sent was triaged",
    WebhookEvent.REVIEWED: "Evidence that they sent was reviewed",
    WebhookEvent.PING: "Test ping",
}
PAUSED_WORDS = {
    Paused.BY_A_PERSON: "Paused",
    Paused.FAILING: "Paused: nothing arrived eight times in a row",
}
_DONE = {
    "ping": "A test ping is on its way. Load this page again in a few seconds to see whether it arrived.",
    "paused": "It is paused. What there is to tell is kept.",
    "resumed": "It is resumed. What waited is being sent.",
    "removed": "It was removed. Nothing more is told to it.",
}


@router.get("/plans/{plan}/webhooks")
def plan_webhooks(run: Reading, plan: str, request: Request, done: str = "") -> Response:
    """The webhooks of a plan, their last deliveries, and the form to set one up."""
    run.confirm_password()
    return _page(run, request, plan, Form({"events": list(TOLD)}), done=_DONE.get(done, ""))


@router.post("/plans/{plan}/webhooks")
def create_webhook(run: Writing, plan: str, request: Request, form: Submitted) -> Response:
    """Set one up and show its secret, this once."""
    run.confirm_password(back=_here(plan))
    return settle(
        form,
        lambda: run.write(
            services.create_webhook,
            slug=plan,
            organisation=form.text("organisation"),
            url=form.text("url"),
            events=form.all("events"),
            secret_key=_secret_key(run),
        ),
        done=lambda made: _secret_page(run, request, plan, made),
        again=lambda form, status: _page(run, request, plan, form, status=status),
    )


@router.post("/plans/{plan}/webhooks/{webhook}/rotation")
def rotate_secret(run: Writing, plan: str, webhook: str, request: Request) -> Response:
    """Give it a new secret and show that, this once; the old one signs nothing more."""
    run.confirm_password(back=_here(plan))
    made = run.write(services.rotate_secret, slug=plan, webhook=webhook, secret_key=_secret_key(run))
    return _secret_page(run, request, plan, made)


@router.post("/plans/{plan}/webhooks/{webhook}/ping")
def ping(run: Writing, plan: str, webhook: str, request: Request) -> Response:
    """Send it something that says nothing."""
    return _step(run, plan, webhook, request, services.ping, "ping")


@router.post("/plans/{plan}/webhooks/{webhook}/pausing")
def pause(run: Writing, plan: str, webhook: str, request: Request) -> Response:
    """Send nothing until it is resumed."""
    return _step(run, plan, webhook, request, services.pause, "paused")


@router.post("/plans/{plan}/webhooks/{webhook}/resumption")
def resume(run: Writing, plan: str, webhook: str, request: Request) -> Response:
    """Go on."""
    return _step(run, plan, webhook, request, services.resume, "resumed")


@router.post("/plans/{plan}/webhooks/{webhook}/removal")
def remove(run: Writing, plan: str, webhook: str, request: Request) -> Response:
    """Tell it nothing any more."""
    return _step(run, plan, webhook, request, services.remove, "removed")


def _step(
    run: PageRunner, plan: str, webhook: str, request: Request, service: Callable[..., None], done: str
) -> Response:
    run.confirm_password(back=_here(plan))
    return settle(
        Form(),
        lambda: run.write(service, slug=plan, webhook=webhook),
        done=lambda _: see_other(f"{_here(plan)}?done={done}"),
        again=lambda form, status: _page(run, request, plan, form, status=status),
    )


def _here(plan: str) -> str:
    return f"/plans/{plan}/webhooks"


def _secret_key(run: PageRunner) -> str:
    return run.settings.secret_key.get_secret_value()


def _page(run: PageRunner, request: Request, plan: str, form: Form, *, done: str = "", status: int = 200) -> Response:
    view = run.read(services.plan_webhooks, slug=plan)
    return render(
        request,
        "webhooks/page.html",
        frame=frame_of(run),
        status=status,
        form=form,
        view=view,
        events=[(event, EVENT_WORDS[event]) for event in TOLD],
        words=EVENT_WORDS,
        paused=PAUSED_WORDS,
        done=done,
    )


def _secret_page(run: PageRunner, request: Request, plan: str, made: services.Registered) -> Response:
    return render(request, "webhooks/secret.html", frame=frame_of(run), status=201, made=made, back=_here(plan))
