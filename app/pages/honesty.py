"""The honesty checks of a plan, for its programme managers and auditors."""

from fastapi import Request
from fastapi.responses import Response

from app.domain.honesty import Check
from app.domain.refusals import invalid
from app.doors.routing import NounRouter
from app.pages.deps import Reading
from app.pages.frames import frame_of
from app.pages.templating import render
from app.pages.wording import listing
from app.services.honesty import honesty_checks

router = NounRouter()

ALL_OF_ONE = 1_000


@router.get("/plans/{plan}/honesty-checks")
def show_honesty_checks(run: Reading, plan: str, request: Request, check: str = "") -> Response:
    """What each check finds, with why it matters; `check` shows that one alone, and up to 1,000 of it."""
    only = check_in_address(check)
    report = run.read(honesty_checks, slug=plan, check=only, **({"limit": ALL_OF_ONE} if only else {}))
    return render(
        request,
        "honesty/page.html",
        frame=frame_of(run, report.plan, active="honesty", is_page=only is None),
        report=report,
        only=only,
        here=f"/plans/{plan}/honesty-checks",
        items=f"/plans/{plan}/milestones",
        as_csv=f"/plans/{plan}/honesty-checks.csv" + (f"?check={only}" if only else ""),
    )


def check_in_address(word: str) -> Check | None:
    """The one check that an address asks for; None for all. Raises Invalid for a word that is none."""
    if word and word not in tuple(Check):
        raise invalid("check", "choice_invalid", f"Check must be one of {listing(Check)}")
    return Check(word) if word else None
