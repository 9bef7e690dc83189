"""Search: in one plan, or in all of mine."""

from fastapi import Request
from fastapi.responses import Response
from markupsafe import Markup

from app.db import UnitOfWork
from app.domain import searches as rules
from app.domain.plans import PlanView
from app.domain.searches import Found, Hit
from app.doors.routing import NounRouter
from app.pages.deps import PageRunner, Reading
from app.pages.frames import frame_of
from app.pages.templating import render
from app.pages.wording import short
from app.services import plans
from app.services import searches as services

router = NounRouter()


@router.get("/plans/{plan}/search")
def search_plan(run: Reading, plan: str, request: Request, q: str = "") -> Response:
    """What has the words, in one plan."""
    return _page(run, request, plan, q.strip())


@router.get("/search")
def search_all(run: Reading, request: Request, q: str = "") -> Response:
    """What has the words, in all plans whose live content I may read."""
    return _page(run, request, None, q.strip())


def _page(run: PageRunner, request: Request, slug: str | None, asked: str) -> Response:
    problem = rules.unfit(asked)

    def read(uow: UnitOfWork) -> tuple[PlanView | None, Found | None]:
        plan = None
        if slug is not None:
            plans.live_head(uow, slug)
            plan = plans.get_plan(uow, slug=slug)
        return plan, None if problem else services.search(uow, slug=slug, asked=asked)

    plan, found = run.read(read)
    words = found.words if found else ()
    return render(
        request,
        "searches/page.html",
        frame=frame_of(run, plan, active="search"),
        status=422 if problem and asked else 200,
        asked=asked[: rules.LONGEST],
        problem=problem if asked else "",
        found=found,
        least=rules.LEAST,
        shown=rules.SHOWN,
        here=request.url.path,
        groups=[
            ("Milestones", found.milestones.more, [_milestone(hit, words) for hit in found.milestones.hits]),
            ("Progress updates", found.updates.more, [_update(hit, words) for hit in found.updates.hits]),
            ("Evidence", found.evidence.more, [_evidence(hit, words) for hit in found.evidence.hits]),
        ]
        if found
        else [],
    )


Line = tuple[str, str, Markup, tuple[str, ...], list[str | Markup], str]
"""What was found: (address, reference, its words, what marks it, what else there is to say, the plan)."""


def _milestone(hit: Hit, words: tuple[str, ...]) -> Line:
    return _address(hit), hit.ref, _marked(hit.text, words), hit.milestone_marks, [], hit.plan_title


def _update(hit: Hit, words: tuple[str, ...]) -> Line:
    said = [_marked(hit.text, words), f"{hit.by}, {short(hit.on)}" if hit.on else hit.by]
    return _address(hit), hit.milestone_ref, _marked(hit.milestone_title, ()), hit.milestone_marks, said, hit.plan_title


def _evidence(hit: Hit, words: tuple[str, ...]) -> Line:
    sent = f"{hit.by}, {short(hit.on)}" if hit.on else hit.by
    of = f"For {' · '.join((f'{hit.milestone_ref} {hit.milestone_title}', *hit.milestone_marks))}"
    said: list[str | Markup] = [of, f"{sent}. Withdrawn" if hit.withdrawn else sent]
    return f"/evidence/{hit.id}", hit.ref, _marked(hit.text, words), hit.evidence_marks, said, hit.plan_title


def _address(hit: Hit) -> str:
    return f"/plans/{hit.plan_slug}/milestones/{hit.milestone_ref}"


def _marked(text: str, words: tuple[str, ...]) -> Markup:
    """The text with its words marked; everything in it is escaped."""
    cut = rules.cut(text, words)
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if is_word else piece for piece, is_word in cut)
