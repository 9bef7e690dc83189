"""What partners send: the receipts, what became of each, triage, and the measures of an inbox."""

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from fastapi import Query, Response
from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from app.api import answers, shapes
from app.api.answers import Paging, PlanSlug, SubmissionId
from app.api.bodies import Body, Day, Key, Line, LongText, Said, ShortText, storably, stripped
from app.api.deps import Reading, Reply, Writing
from app.api.shapes import Listing, Organisation, Reference, exactly
from app.domain.held_uploads import HeldState, HeldUpload
from app.domain.submissions import Choice, Followed, Measures, Span, SubmissionItem, notice
from app.domain.words import Rag, SubmissionKind, SubmissionState, TriagedThrough, TurnedInto
from app.doors.routing import NounRouter
from app.services import held_uploads, submission_measures, triage
from app.services.submissions import SubmissionKey

router = NounRouter(tags=["Submissions"])

# --- what goes out ----------------------------------------------------------------------------------------------------


@exactly
class HandedOn(TypedDict):
    """What was misdirected: to whom it was handed, when, and their reference."""

    to: str | None
    on: date | None
    reference: str | None


@exactly
class Made(TypedDict):
    """What it was turned into, where you may know of it."""

    kind: TurnedInto
    id: str
    ref: str
    title: str


@exactly
class FollowUp(TypedDict):
    """What came of it. Only `done` counts as followed through; `nothing_due`: nothing was to follow."""

    state: Followed
    message: str


@exactly
class Submission(TypedDict):
    """Something from outside the plan's lead organisation. `sha256` is that of the file or the message; `milestone` the
    one it concerns; `rag` its colour while it waits. The content of what was misdirected is closed to all but who
    triaged it and senior officers. `notice` is there when it is received. `awaiting_release`: a person of your own
    organisation is to release it first; its `ref` and its hours begin with `released_at`. `taken_back`: that person did
    not release it; `reason` says why.
    """

    id: str
    ref: str | None
    plan: str
    kind: SubmissionKind
    title: str
    message: str | None
    evidence: str | None
    sha256: str | None
    external_ref: str | None
    organisation: Organisation
    sent_by: str
    milestone: Reference | None
    received_at: datetime
    released_at: datetime | None
    triage_due_at: datetime | None
    state: SubmissionState | HeldState
    rag: Rag | None
    read_at: datetime | None
    passed_to: str | None
    triaged_at: datetime | None
    triaged_by: str | None
    triaged_through: TriagedThrough | None
    reason: str | None
    handed_on: HandedOn | None
    made: Made | None
    followed: FollowUp | None
    changed_at: datetime | None
    version: str
    notice: NotRequired[str]


@exactly
class Weighed(TypedDict):
    """What came in during a week that begins on `starts`, or during the last 28 days. `decided`: triaged, or overdue by
    now; `in_time` of these were triaged in time. Waits are those of what is decided, in full hours. `to_follow`:
    something was to follow from it; `followed`: that is done.
    """

    starts: NotRequired[date]
    received: int
    in_time: int
    decided: int
    waiting: int
    median_hours: int | None
    longest_hours: int | None
    to_follow: int
    followed: int


@exactly
class InboxMeasures(TypedDict):
    """The last 12 weeks, the earliest first, and the last 28 days. `hours`: within which a person triages."""

    hours: int
    weeks: list[Weighed]
    recent: Weighed


def submission(item: SubmissionItem) -> Submission:
    """A submission as the API gives it."""
    concerned, made, handed = item.concerned, item.made, item.state is SubmissionState.MISDIRECTED
    return {
        "id": item.id,
        "ref": item.ref,
        "plan": item.plan_slug,
        "kind": item.kind,
        "title": item.title,
        "message": item.message,
        "evidence": item.evidence.id if item.evidence else None,
        "sha256": _sha256(item),
        "external_ref": item.external_ref,
        "organisation": shapes.organisation(item.organisation),
        "sent_by": item.sent_by,
        "milestone": {"id": concerned.id, "ref": concerned.ref, "title": concerned.title} if concerned else None,
        "received_at": item.received_at,
        "released_at": item.released_at,
        "triage_due_at": item.triage_due_at,
        "state": item.state,
        "rag": item.rag,
        "read_at": item.read_at,
        "passed_to": item.passed_to,
        "triaged_at": item.triaged_at,
        "triaged_by": item.triaged_by,
        "triaged_through": TriagedThrough(item.through) if item.through else None,
        "reason": item.reason,
        "handed_on": {"to": item.handed_to, "on": item.handed_on, "reference": item.their_reference}
        if handed
        else None,
        "made": {"kind": made.kind, "id": made.id, "ref": made.ref, "title": made.title} if made else None,
        "followed": {"state": item.followed, "message": item.followed_words} if item.followed else None,
        "changed_at": item.changed_at,
        "version": item.version,
    }


def held(item: HeldUpload) -> Submission:
    """What is held back, in the shape of what it becomes."""
    is_evidence = item.kind is SubmissionKind.EVIDENCE
    digest = item.upload.sha256 if item.upload else None
    about = item.milestone
    return {
        "id": item.submission_id,
        "ref": None,
        "plan": item.plan_slug,
        "kind": item.kind,
        "title": item.title,
        "message": item.said,
        "evidence": item.id if is_evidence else None,
        "sha256": digest or (hashlib.sha256(item.said.encode()).hexdigest() if item.said and not is_evidence else None),
        "external_ref": item.external_ref,
        "organisation": shapes.organisation(item.organisation),
        "sent_by": item.sent_by,
        "milestone": {"id": about.id, "ref": about.ref, "title": about.title} if about else None,
        "received_at": item.arrived_at,
        "released_at": None,
        "triage_due_at": None,
        "state": item.state,
        "rag": None,
        "read_at": None,
        "passed_to": None,
        "triaged_at": None,
        "triaged_by": None,
        "triaged_through": None,
        "reason": item.reason,
        "handed_on": None,
        "made": None,
        "followed": None,
        "changed_at": item.changed_at,
        "version": item.version,
    }


def _either(item: SubmissionItem | HeldUpload) -> Submission:
    return held(item) if isinstance(item, HeldUpload) else submission(item)


def _sha256(item: SubmissionItem) -> str | None:
    if item.evidence is not None:
        return item.evidence.sha256
    return hashlib.sha256(item.message.encode()).hexdigest() if item.message else None


def _weighed(span: Span) -> Weighed:
    given: Weighed = {
        "received": span.received,
        "in_time": span.in_time,
        "decided": span.decided,
        "waiting": span.waiting,
        "median_hours": span.median_hours,
        "longest_hours": span.longest_hours,
        "to_follow": span.to_follow,
        "followed": span.followed,
    }
    if span.starts is not None:
        given["starts"] = span.starts
    return given


_one = TypeAdapter(Submission).dump_json
_list: TypeAdapter[Listing[Submission]] = TypeAdapter(Listing[Submission])
_measures = TypeAdapter(InboxMeasures).dump_json


def _recorded(item: SubmissionItem) -> Reply:
    where = f"/api/v1/submissions/{item.id}"
    return Reply(_one(submission(item)), status=201, version=item.version, location=where)


# --- what comes in ----------------------------------------------------------------------------------------------------

_Reference = Annotated[str, stripped, StringConstraints(max_length=120), storably]


class Polling(Paging):
    """What has changed since a moment."""

    since: AwareDatetime | None = Field(
        default=None, description="Only what was received or triaged at this moment or later (RFC 3339)"
    )


class NewSubmission(Body):
    """Correspondence: something that is neither evidence nor a proposed risk."""

    title: Line
    message: Said
    milestone: Key | None = Field(default=None, description="The milestone it concerns, by id or reference")
    external_ref: _Reference | None = Field(default=None, description="Your own reference")


class Triage(Body):
    """What happens to it. `returned` takes a `reason`; `turned_into` takes `into` with the `theme` of an action, or the
    `action` of a milestone, and a `title` if it is to have another one; `misdirected` takes `handed_to`, `handed_on`
    and `their_reference`. A `reason` is read by the sender.
    """

    outcome: Literal[
        SubmissionState.LOGGED, SubmissionState.RETURNED, SubmissionState.TURNED_INTO, SubmissionState.MISDIRECTED
    ]
    reason: LongText | None = None
    into: TurnedInto | None = None
    title: ShortText | None = None
    theme: Key | None = Field(default=None, description="The id of the theme that the action belongs to")
    action: Key | None = Field(default=None, description="The id of the action that the milestone belongs to")
    owner: Key | None = Field(default=None, description="The id of who owns the milestone")
    due_date: Day | None = None
    success_criterion: LongText | None = None
    handed_to: ShortText | None = None
    handed_on: Day | None = Field(default=None, description="Not in the future")
    their_reference: _Reference | None = None

    def choice(self) -> Choice:
        """The same as the service takes it."""
        facts = self.facts()
        theme, action = facts.pop("theme"), facts.pop("action")
        return Choice(**facts, parent=theme if self.into is TurnedInto.ACTION else action)


class Passing(Body):
    """Who it is passed to."""

    person: Key = Field(description="The id of somebody who triages in the plan")


# --- the routes -------------------------------------------------------------------------------------------------------


@router.get("/submissions", response_model=Listing[Submission], **answers.listed())
def list_all_submissions(run: Reading, polling: Annotated[Polling, Query()]) -> Response:
    """Submissions of all your plans in the order in which they changed, the earliest first. A key sees its own
    organisation's: poll with the `changed_at` of the last one you have seen as `since`.
    """
    return _listing(run, polling)


@router.get("/plans/{plan}/submissions", response_model=Listing[Submission], **answers.listed())
def list_submissions(run: Reading, plan: PlanSlug, polling: Annotated[Polling, Query()]) -> Response:
    """The same of one plan."""
    return _listing(run, polling, slug=plan)


def _listing(run: Reading, polling: Polling, *, slug: str | None = None) -> Response:
    items, next_cursor = run.read(
        held_uploads.poll, slug=slug, since=polling.since, limit=polling.limit, cursor=polling.cursor
    )
    return answers.listing(_list, {"items": [_either(item) for item in items], "next_cursor": next_cursor})


@router.post("/plans/{plan}/submissions", response_model=Submission, **answers.made())
def send_correspondence(run: Writing, plan: PlanSlug, body: NewSubmission) -> Response:
    """Send correspondence; the answer is its receipt. Codes: `from_inside`, `plan_closed`."""

    def receipt(item: SubmissionItem | HeldUpload) -> Reply:
        given = _either(item)
        given["notice"] = notice(run.front_door)
        where = f"/api/v1/submissions/{given['id']}"
        return Reply(_one(given), status=201, version=item.version, location=where)

    return run.write(held_uploads.send_or_hold, slug=plan, **body.facts(), respond=receipt)


@router.get("/plans/{plan}/submission-measures", response_model=InboxMeasures, **answers.listed())
def show_measures(run: Reading, plan: PlanSlug) -> Response:
    """How the plan's inbox fares, week by week and over the last 28 days."""
    found: Measures = run.read(submission_measures.get_measures, slug=plan)
    body: Any = {
        "hours": found.hours,
        "weeks": [_weighed(span) for span in found.weeks],
        "recent": _weighed(found.recent),
    }
    return Response(_measures(body), media_type="application/json")


@router.get("/submissions/{id}", response_model=Submission, **answers.read())
def show_submission(run: Reading, submission_id: SubmissionId) -> Response:
    """One submission, and what became of it."""
    item = run.read(held_uploads.submission_or_held, submission=submission_id)
    return run.answer(Reply(_one(_either(item)), version=item.version))


@router.post("/submissions/{id}/triage", response_model=Submission, **answers.made())
def triage_submission(run: Writing, submission_id: SubmissionId, body: Triage) -> Response:
    """Triage a submission. Codes: `already_triaged` (the message says by whom, when and how), `own_submission`,
    `own_organisation`, `plan_closed`, `no_risk_register`.
    """
    key = SubmissionKey(id=submission_id)
    return run.write(triage.triage, submission=key, choice=body.choice(), if_match=run.if_match, respond=_recorded)


@router.post("/submissions/{id}/reading", response_model=Submission, **answers.made())
def mark_read(run: Writing, submission_id: SubmissionId) -> Response:
    """Say that you, who triage, have read it. The clock keeps running."""
    return run.write(triage.mark_read, submission=SubmissionKey(id=submission_id), respond=_recorded)


@router.post("/submissions/{id}/passing", response_model=Submission, **answers.made())
def pass_on(run: Writing, submission_id: SubmissionId, body: Passing) -> Response:
    """Pass it to somebody who triages in the plan. The clock keeps running. Codes: `already_triaged`, `cannot_triage`,
    `own_submission`, `plan_closed`.
    """
    key = SubmissionKey(id=submission_id)
    return run.write(triage.pass_on, submission=key, person=body.person, if_match=run.if_match, respond=_recorded)
