"""What comes from outside the lead organisation gets a receipt: from then on a clock runs until a person triages it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, or_, select, update

from app.db import UnitOfWork
from app.domain import permissions
from app.domain import submissions as rules
from app.domain.ids import new_id
from app.domain.permissions import Act, Item
from app.domain.refusals import Forbidden, refuse
from app.domain.submissions import SubmissionItem
from app.domain.words import Door, PlanState, ScanState, SubmissionKind, SubmissionState
from app.models import Evidence, Milestone, Plan, PlanCounter, Submission
from app.models.visibility import knowable_in
from app.services.plans import known_plan
from app.services.submissions import SubmissionKey, get_submission
from app.services.writing import Checks


def next_ref(uow: UnitOfWork, plan_id: str, noun: str, prefix: str) -> str:
    """The plan's next reference of a kind, "E-047". Handed out once, never reused."""
    bump = (
        update(PlanCounter)
        .where(PlanCounter.plan_id == plan_id, PlanCounter.noun == noun)
        .values(last=PlanCounter.last + 1)
        .returning(PlanCounter.last)
    )
    number = uow.session.execute(bump).scalar_one_or_none()
    if number is None:
        uow.session.execute(insert(PlanCounter).values(plan_id=plan_id, noun=noun, last=1))
        number = 1
    width = 3 if noun in ("evidence", "submission") else 2
    return f"{prefix}-{number:0{width}}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something comes from that was held until now: it is its sender's, not that of who released it, and has the
    ids that its receipt gave.
    """

    evidence_id: str
    submission_id: str
    key_id: str
    title: str
    organisation_id: str
    arrived_at: datetime
    scan: ScanState

    def stamp_evidence(self, evidence: Evidence) -> None:
        """Received on arrival, from the key."""
        evidence.id, evidence.received_at, evidence.scan = self.evidence_id, self.arrived_at, self.scan
        evidence.provided_by, evidence.provided_by_key = None, self.key_id
        evidence.provided_by_title, evidence.organisation_id = self.title, self.organisation_id
        evidence.door = Door.API

    def stamp_submission(self, submission: Submission) -> None:
        """Sent by the key. Its hours began with the release."""
        submission.id, submission.arrived_at = self.submission_id, self.arrived_at
        submission.sent_by, submission.sent_by_key = None, self.key_id
        submission.sent_by_title, submission.organisation_id = self.title, self.organisation_id
        submission.door = Door.API


def comes_from_outside(uow: UnitOfWork, plan: Plan) -> bool:
    """Rule 4: by a key, or from a person of an organisation other than the plan's lead organisation."""
    return uow.actor.is_key or (uow.actor.is_person and uow.actor.organisation_id != plan.lead_organisation_id)


def give_receipt(
    uow: UnitOfWork,
    plan: Plan,
    kind: SubmissionKind,
    *,
    title: str,
    milestone_id: str | None = None,
    evidence_id: str | None = None,
    evidence_ref: str | None = None,
    external_ref: str | None = None,
    message: str | None = None,
    origin: Origin | None = None,
) -> Submission:
    """Write a submission by whoever sends it, and put its receipt on the record.

    `origin`: whose it is, where it was held until now.
    """
    if uow.actor.needs_release:
        raise Forbidden("What this key sends is released by a person of its organisation first", needs="a person")
    runs = rules.clock(uow.now, hours=plan.triage_hours)
    submission = Submission(
        id=new_id(),
        plan_id=plan.id,
        ref=next_ref(uow, plan.id, "submission", "S"),
        kind=kind,
        evidence_id=evidence_id,
        milestone_id=milestone_id,
        organisation_id=uow.actor.organisation_id or plan.lead_organisation_id,
        title=title,
        external_ref=external_ref,
        sent_by=uow.actor.id if uow.actor.is_person else None,
        sent_by_key=uow.actor.id if uow.actor.is_key else None,
        sent_by_title=uow.actor.title,
        door=uow.actor.door,
        received_at=uow.now,
        triage_due_at=runs.due_at,
        state=SubmissionState.WAITING,
        amber_from=runs.amber_from,
        red_from=runs.red_from,
        changed_at=uow.now,
    )
    if origin is not None:
        origin.stamp_submission(submission)
    uow.session.add(submission)
    uow.session.flush()
    uow.record(
        "submission_received",
        plan_id=plan.id,
        item_kind="submission",
        item_id=submission.id,
        item_ref=submission.ref,
        milestone_id=milestone_id,
        facts={
            "triage_due_at": runs.due_at,
            **({"evidence": evidence_ref} if evidence_ref else {"kind": kind}),
        },
        texts={"title": title, "message": message} if evidence_id is None else {},
    )
    return submission


def send_correspondence(
    uow: UnitOfWork,
    *,
    slug: str,
    title: str,
    message: str,
    milestone: str | None = None,
    external_ref: str | None = None,
) -> SubmissionItem:
    """Something that is neither evidence nor a proposed risk, for the plan's inbox.

    `milestone` names the one it concerns, by id or reference. Raises Refused `from_inside` for a person of the plan's
    lead organisation, whose words are no submission.
    """
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.SUBMIT, Item(plan_id=plan.id))
    about = {"attempted": "submission", "item_kind": "plan", "item_id": plan.id, "plan_id": plan.id}
    checks = Checks()
    cleaned = checks.title("title", title)
    said = checks.required_text("message", message, name="what you want to say")
    reference = checks.optional_text("external_ref", external_ref, limit=120, name="your reference")
    concerned = _known_milestone(uow, plan.id, milestone) if milestone else None
    if milestone and concerned is None:
        checks.add("milestone", "unknown_milestone", "Name a milestone of this plan, such as M-04, or none")
    checks.done()
    if plan.state is PlanState.CLOSED:
        raise refuse("plan_closed", "The plan is closed and read-only", **about)
    if not comes_from_outside(uow, plan):
        raise refuse(
            "from_inside",
            "The inbox is for what comes from outside the lead organisation. Say it in an update, or as an action",
            **about,
        )
    sent = give_receipt(
        uow, plan, SubmissionKind.CORRESPONDENCE, title=cleaned, message=said, milestone_id=concerned,
        external_ref=reference,
    )  # fmt: skip
    return get_submission(uow, submission=SubmissionKey(id=sent.id))


def _known_milestone(uow: UnitOfWork, plan_id: str, named: str) -> str | None:
    """The id of a milestone that the actor may know of, by its id or its reference."""
    wanted = select(Milestone.id).where(  # type: ignore[call-overload]
        or_(Milestone.id == named, Milestone.ref == named.strip().upper()), knowable_in(uow.actor, plan_id)
    )
    found: str | None = uow.session.execute(wanted).scalar_one_or_none()
    return found
