"""Signing in and out, and invitations: the pages that somebody sees who is not signed in."""

from contextlib import suppress
from functools import partial

from fastapi import Request, Response
from starlette.background import BackgroundTask

from app.domain.passwords import check_password
from app.domain.refusals import Invalid, RateLimited, Unauthenticated
from app.doors.limits import RateLimits
from app.doors.routing import NounRouter
from app.doors.runners import client_address
from app.pages.deps import (
    PageReceiver,
    Reading,
    Receiving,
    Writing,
    cookie_name,
    give_session,
    local_address,
    session_limits,
    take_session,
)
from app.pages.forms import Form, Submitted, see_other
from app.pages.passwords import in_password_thread
from app.pages.templating import Frame, render
from app.services import identity
from app.services.identity import Account
from app.services.passwords import Verdict, hash_password, verify_password

router = NounRouter()

WRONG = "The email address or the password is wrong"


@router.get("/sign-in")
def ask(request: Request, run: Reading, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """The two fields; whoever is signed in already goes on."""
    try:
        run.identity  # noqa: B018 - reads who it is, or raises
    except Unauthenticated:
        return _page(request, Form({"next": [local_address(next)]}))
    return see_other(local_address(next))


@router.post("/sign-in")
async def sign_in(request: Request, run: Receiving, form: Submitted) -> Response:
    """Check the password and begin a session. Whether there is such an account shows in neither words nor time."""
    email, password = identity.clean_email(form.text("email")), form.value("password")
    limits: RateLimits = request.app.state.limits
    try:
        form.required("email", "Enter your email address")
        if not password:
            form.add("password", "required", "Enter your password")
        form.check()
        limits.try_sign_in(account=email, address=client_address(request))
    except Invalid:
        return _page(request, form, status=422)
    except RateLimited as error:
        return _wait(request, form, error)

    account = await run.read_as_nobody(identity.find_account, email=email)
    verdict = await _verified(password, account)
    if account is None or not verdict.right:
        return _wrong(request, run, form, account)
    token = await run.commit_as_nobody(
        identity.sign_in,
        account=account,
        verdict=verdict,
        limits=session_limits(run.settings),
        browser=request.headers.get("user-agent", ""),
        replaces=request.cookies.get(cookie_name(run.settings), ""),
    )
    limits.signed_in(account=email, address=client_address(request))
    return give_session(see_other(local_address(form.value("next"))), run.settings, token)


@router.post("/sign-out")
def sign_out(run: Writing) -> Response:
    """End the session and forget its cookie, also when the session was over already."""
    with suppress(Unauthenticated):
        run.write(identity.sign_out)
    return take_session(see_other("/sign-in"), run.settings)


@router.get("/sign-in/help")
def help_with_signing_in(request: Request, run: Reading) -> Response:
    """What to do about a lost password, an old invitation, or no account at all."""
    return render(request, "sessions/help.html", frame=Frame(front_door=run.front_door))


@router.get("/invitations/{token}")
def invitation(request: Request, run: Reading, token: str) -> Response:
    """The form to set a password. Looking at it does not use the invitation up."""
    view = run.read_as_nobody(identity.find_invitation, token=token)
    return _invitation_page(request, Form(), token, view.account)


@router.post("/invitations/{token}")
async def accept_invitation(request: Request, run: Receiving, form: Submitted, token: str) -> Response:
    """Set the password, end what sessions there were, and begin one here."""
    account = (await run.read_as_nobody(identity.find_invitation, token=token)).account
    try:
        password = check_password(form.value("password"), email=account.email)
    except Invalid as error:
        status = form.take(error)
        return _invitation_page(request, form, token, account, status=status)
    hashed = await in_password_thread(partial(hash_password, password))
    session = await run.commit_as_nobody(
        identity.accept_invitation,
        token=token,
        password_hash=hashed,
        limits=session_limits(run.settings),
        browser=request.headers.get("user-agent", ""),
    )
    return give_session(see_other("/"), run.settings, session)


async def _verified(password: str, account: Account | None) -> Verdict:
    stored = account.password_hash if account else None
    return await in_password_thread(partial(verify_password, password, stored))


def _wrong(request: Request, run: PageReceiver, form: Form, account: Account | None) -> Response:
    """The same page in the same time, account or not: what is put on record is written after the answer has gone."""
    form.add("email", "wrong", WRONG)
    response = _page(request, form, status=422)
    if account is not None:
        response.background = BackgroundTask(run.commit_as_nobody, identity.record_failed_sign_in, account=account)
    return response


def _wait(request: Request, form: Form, error: RateLimited) -> Response:
    form.add("email", "too_many", error.message)
    response = _page(request, form, status=429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _page(request: Request, form: Form, *, status: int = 200) -> Response:
    return render(request, "sessions/sign_in.html", status=status, form=form)


def _invitation_page(request: Request, form: Form, token: str, account: Account, *, status: int = 200) -> Response:
    return render(request, "sessions/invitation.html", status=status, form=form, token=token, account=account)
