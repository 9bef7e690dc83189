"""One's own account: sessions, password, tokens, and typing the password again before the delicate pages."""

from functools import partial

from fastapi import Request, Response

from app.domain.passwords import check_password
from app.domain.refusals import Invalid, RateLimited, Refused
from app.doors.limits import RateLimits
from app.doors.routing import NounRouter
from app.doors.runners import client_address
from app.pages.deps import (
    PageReceiver,
    PageRunner,
    Reading,
    Receiving,
    Writing,
    give_session,
    local_address,
    session_limits,
    take_session,
)
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.passwords import in_password_thread
from app.pages.templating import render
from app.services import identity, keys
from app.services.passwords import Verdict, hash_password, verify_password

router = NounRouter(prefix="/account")

TOKENS = "/account/tokens"


@router.get("")
def account(request: Request, run: Reading, done: str = "") -> Response:
    """Who one is here, and the browsers one is signed in with."""
    me, sessions = run.read(
        lambda uow: (identity.me(uow), identity.list_sessions(uow, limits=session_limits(run.settings)))
    )
    names = {session.browser: browser_name(session.browser) for session in sessions}
    return render(request, "account/page.html", frame=frame_of(run), me=me, sessions=sessions, names=names, done=done)


@router.post("/sessions/{session}/ending")
def end_session(run: Writing, session: str) -> Response:
    """End one of one's own sessions; with the one in use, that is signing out."""
    run.write(identity.end_session, session=session)
    if session == run.actor.session_id:
        return take_session(see_other("/sign-in"), run.settings)
    return see_other("/account?done=session")


@router.post("/sessions/endings")
def end_other_sessions(run: Writing) -> Response:
    """End all of one's own sessions but the one in use."""
    run.write(identity.end_other_sessions)
    return see_other("/account?done=sessions")


# --- password ---------------------------------------------------------------------------------------------------------


@router.get("/password")
def ask_new_password(request: Request, run: Reading) -> Response:
    """The form to change one's password."""
    run.identity  # noqa: B018 - raises unless somebody is signed in
    return _password_page(request, run, Form())


@router.post("/password")
async def change_password(request: Request, run: Receiving, form: Submitted) -> Response:
    """Check the old password, set the new one, and go on in a new session: all others end."""
    try:
        account, verdict = await _check_own_password(request, run, form, field="current")
        if not verdict.right:
            form.add("current", "wrong", "That is not your password now")
            form.check()
        password = check_password(form.value("password"), email=account.email)
    except Invalid as error:
        status = form.take(error)
        return _password_page(request, run.runner, form, status=status)
    except RateLimited as error:
        form.add("current", "too_many", error.message)
        return _waiting(_password_page(request, run.runner, form, status=429), error)
    hashed = await in_password_thread(partial(hash_password, password))
    token = await run.write(
        identity.change_password,
        password_hash=hashed,
        limits=session_limits(run.settings),
        browser=request.headers.get("user-agent", ""),
    )
    return give_session(see_other("/account?done=password"), run.settings, token)


@router.get("/confirmation")
def ask_password_again(request: Request, run: Reading, next: str = "/account") -> Response:  # noqa: A002
    """The password once more, before keys, tokens and roles."""
    run.identity  # noqa: B018 - raises unless somebody is signed in
    return _confirmation_page(request, run, Form({"next": [local_address(next)]}))


@router.post("/confirmation")
async def confirm_password(request: Request, run: Receiving, form: Submitted) -> Response:
    """Go on to where the password was asked for, with a new token for the session. It holds for 15 minutes."""
    try:
        _, verdict = await _check_own_password(request, run, form, field="password")
        token = await run.write(identity.confirm_password, verdict=verdict)
    except Invalid as error:
        status = form.take(error)
        return _confirmation_page(request, run.runner, form, status=status)
    except Refused as error:
        form.add("password", "wrong", error.reasons[0].message)
        return _confirmation_page(request, run.runner, form, status=422)
    except RateLimited as error:
        form.add("password", "too_many", error.message)
        return _waiting(_confirmation_page(request, run.runner, form, status=429), error)
    return give_session(see_other(local_address(form.value("next"))), run.settings, token)


# --- tokens -----------------------------------------------------------------------------------------------------------


@router.get("/tokens")
def tokens(request: Request, run: Reading) -> Response:
    """One's own tokens for the API, and the form to make one."""
    run.confirm_password()
    return _tokens_page(request, run, filled({"days": keys.USUAL_DAYS}))


@router.post("/tokens")
def create_token(request: Request, run: Writing, form: Submitted) -> Response:
    """Make a token and show it, this once."""
    run.confirm_password(back=TOKENS)
    return settle(
        form,
        lambda: run.write(keys.create_token, name=form.text("name"), days=days_of(form)),
        done=lambda issued: _secret_page(request, run, issued),
        again=lambda form, status: _tokens_page(request, run, form, status=status),
    )


@router.post("/tokens/{token}/rotation")
def rotate_token(request: Request, run: Writing, token: str) -> Response:
    """Give a token a new secret and show it, this once; the old one stops working."""
    run.confirm_password(back=TOKENS)
    form = Form()
    return settle(
        form,
        lambda: run.write(keys.rotate_token, token=token),
        done=lambda issued: _secret_page(request, run, issued),
        again=lambda form, status: _tokens_page(request, run, form, status=status),
    )


@router.post("/tokens/{token}/revocation")
def revoke_token(run: Writing, token: str) -> Response:
    """Stop a token for good."""
    run.confirm_password(back=TOKENS)
    run.write(keys.revoke_token, token=token)
    return see_other(TOKENS)


# --- helpers ----------------------------------------------------------------------------------------------------------


_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """A browser as its person would call it: "Firefox on Windows". Browsers name others first and themselves last,
    so the order of looking matters.
    """
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if browser and system else user_agent[:60] or "Unknown browser"


def days_of(form: Form) -> int:
    """The number of days in a form. Raises Invalid when it is none."""
    typed = form.text("days")
    if not typed.isdecimal() or len(typed) > 4:
        form.add("days", "whole_number", "Enter a number of days")
        form.check()
    return int(typed)


async def _check_own_password(
    request: Request, run: PageReceiver, form: Form, *, field: str
) -> tuple[identity.Account, Verdict]:
    """Compare what was typed with one's own password, as often as one may sign in. Raises Invalid, RateLimited."""
    account = await run.read(identity.own_account)
    typed = form.value(field)
    if not typed:
        form.add(field, "required", "Enter your password")
        form.check()
    limits: RateLimits = request.app.state.limits
    limits.try_sign_in(account=account.email, address=client_address(request))
    verdict = await in_password_thread(partial(verify_password, typed, account.password_hash))
    if verdict.right:
        limits.signed_in(account=account.email, address=client_address(request))
    return account, verdict


def _waiting(response: Response, error: RateLimited) -> Response:
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _password_page(request: Request, run: PageRunner, form: Form, *, status: int = 200) -> Response:
    return render(request, "account/password.html", frame=frame_of(run), status=status, form=form)


def _confirmation_page(request: Request, run: PageRunner, form: Form, *, status: int = 200) -> Response:
    return render(request, "account/confirmation.html", frame=frame_of(run), status=status, form=form)


def _tokens_page(request: Request, run: PageRunner, form: Form, *, status: int = 200) -> Response:
    tokens = run.read(keys.list_tokens)
    return render(request, "account/tokens.html", frame=frame_of(run), status=status, form=form, tokens=tokens)


def _secret_page(request: Request, run: PageRunner, issued: keys.Issued) -> Response:
    return render(
        request, "keys/secret.html", frame=frame_of(run), status=201, issued=issued, what="token", back=TOKENS
    )
