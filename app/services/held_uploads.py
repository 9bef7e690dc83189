"""An upload waits for a person of its own organisation: held, released, taken back.

Until it is released it stands in `held_uploads` alone, so no list, count, search, inbox, gate or trail of the plan can
hold it. Whatever intake would refuse is refused on arrival: the upload is taken in for a try, and undone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, func, or_, select

from app.db import UnitOfWork
from app.domain import held_uploads as rules
from app.domain import permissions
from app.domain.actors import Actor
from app.domain.evidence import EvidenceView, why_sealed
from app.domain.held_uploads import HeldState, HeldUpload
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, OrganisationRef, Ref
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound, Refused, Stale, refuse
from app.domain.submissions import SubmissionItem
from app.domain.typed import tidy
from app.domain.words import Marking, PlanState, ScanState, SubmissionKind
from app.models import HeldUploadRow, Milestone, Organisation, Person, Plan
from app.models.held_uploads import plans_to_release_in, visible
from app.models.identity import table_of
from app.models.texts import latest_texts
from app.models.visibility import knowable
from app.services import access_log, cursors, receipts, settling, submissions
from app.services.cases import open_case
from app.services.evidence import attach_evidence, get_evidence
from app.services.evidence_intake import Offer, take_in
from app.services.plans import known_plan
from app.services.receipts import Origin, give_receipt
from app.services.submissions import SubmissionKey
from app.services.writing import Checks

T = TypeVar("T")

PAGE = 200
_OFFER = TypeAdapter(Offer)
_TYPED = ("description", "statement", "message")
_held, _milestones = table_of(HeldUploadRow), table_of(Milestone)


# --- Holding ----------------------------------------------------------------------------------------------------------


def attach_or_hold(
    uow: UnitOfWork, *, milestone: MilestoneKey, if_match: str | None = None, **sent: Any
) -> EvidenceView | HeldUpload:
    """Attach evidence as `evidence.attach_evidence` does or, where the key needs a release, keep it back."""

    def attach(part: UnitOfWork) -> EvidenceView:
        return attach_evidence(part, milestone=milestone, if_match=if_match, **sent)

    if not uow.actor.needs_release:
        return attach(uow)
    view = _try_out(uow, attach)
    several = {name: tuple(sent.pop(name, ())) for name in ("shared_with", "restricted_to")}
    declared = tuple(sent.pop("personal_data", ()))
    offer = Offer(**sent, **several, personal_data_declared=declared)
    return _hold(uow, view.plan_id, SubmissionKind.EVIDENCE, offer, milestone_id=view.links[0].milestone_id)


def send_or_hold(uow: UnitOfWork, **sent: Any) -> SubmissionItem | HeldUpload:
    """Send correspondence as `receipts.send_correspondence` does or, where the key needs a release, keep it back."""

    def send(part: UnitOfWork) -> SubmissionItem:
        return receipts.send_correspondence(part, **sent)

    if not uow.actor.needs_release:
        return send(uow)
    item = _try_out(uow, send)
    offer = Offer(title=item.title, external_ref=item.external_ref)
    about = item.concerned.id if item.concerned else None
    return _hold(
        uow, item.plan_id, SubmissionKind.CORRESPONDENCE, offer, milestone_id=about, message=item.message or ""
    )


def _try_out(uow: UnitOfWork, attempt: Callable[[UnitOfWork], T]) -> T:
    """Carry out what is to be held and undo all of it: references, rows, texts and events."""
    part = UnitOfWork(uow.session, replace(uow.actor, needs_release=False), uow.now)
    savepoint = uow.session.begin_nested()
    try:
        return attempt(part)
    except Refused as refused:
        raise _unheard(refused) from refused
    finally:
        savepoint.rollback()
        uow.session.expire_all()


def _unheard(refused: Refused, held: str = "") -> Refused:
    """The same refusal, put on record outside the plan: there nobody has heard of the upload."""
    refused.plan_id, refused.item_kind, refused.item_id = None, "held_upload", held
    return refused


def _hold(
    uow: UnitOfWork, plan_id: str, kind: SubmissionKind, offer: Offer, *, milestone_id: str | None, message: str = ""
) -> HeldUpload:
    to_scan = offer.upload is not None and offer.upload.to_scan
    row = HeldUploadRow(
        id=new_id(),
        submission_id=new_id(),
        plan_id=plan_id,
        milestone_id=milestone_id,
        kind=kind,
        organisation_id=uow.actor.organisation_id,
        key_id=uow.actor.id,
        sent_by_title=uow.actor.title,
        title=tidy(offer.title),
        offer=_OFFER.dump_json(replace(offer, description=None, statement=None)).decode(),
        storage_name=offer.upload.storage_name if offer.upload else None,
        scan=ScanState.PENDING if to_scan else ScanState.UNSCANNED,
        arrived_at=uow.now,
        state=HeldState.AWAITING_RELEASE,
        changed_at=uow.now,
    )
    uow.session.add(row)
    uow.session.flush()
    _record(
        uow,
        "upload_held",
        row,
        facts={
            "plan": plan_id,
            "milestone": milestone_id,
            "kind": kind,
            "sha256": offer.upload.sha256 if offer.upload else None,
        },
        texts={
            "title": offer.title,
            "description": offer.description,
            "statement": offer.statement,
            "message": message or None,
        },
    )
    return _one(uow, _held.c.id == row.id)


# --- Reading ----------------------------------------------------------------------------------------------------------


def list_held(uow: UnitOfWork) -> tuple[HeldUpload, ...]:
    """What waits for the reader's organisation, the oldest first. Nobody else has anything here."""
    waiting = _held.c.state == HeldState.AWAITING_RELEASE
    return _read(uow, waiting, order=(_held.c.arrived_at, _held.c.id), limit=PAGE)


def count_held(uow: UnitOfWork) -> int:
    """How many of these there are."""
    statement = _statement(uow.actor, func.count()).where(_held.c.state == HeldState.AWAITING_RELEASE)
    return uow.session.connection().execute(statement).scalar_one()


def get_held(uow: UnitOfWork, *, upload: str) -> HeldUpload:
    """One of them, whatever became of it. NotFound for everybody but its organisation."""
    return _one(uow, _held.c.id == upload)


def submission_or_held(uow: UnitOfWork, *, submission: str) -> SubmissionItem | HeldUpload:
    """A submission or, as long as it is held, the upload that will be one."""
    held = _read(uow, _held.c.submission_id == submission, _held.c.state != HeldState.RELEASED, limit=1)
    return held[0] if held else submissions.get_submission(uow, submission=SubmissionKey(id=submission))


def evidence_or_held(uow: UnitOfWork, *, evidence: str) -> EvidenceView | HeldUpload:
    """An item of evidence or, as long as it is held, the upload that will be one."""
    is_evidence = _held.c.kind == SubmissionKind.EVIDENCE
    held = _read(uow, _held.c.id == evidence, is_evidence, _held.c.state != HeldState.RELEASED, limit=1)
    return held[0] if held else get_evidence(uow, evidence=evidence)


def poll(
    uow: UnitOfWork,
    *,
    slug: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[tuple[SubmissionItem | HeldUpload, ...], str | None]:  # fmt: skip
    """As `submissions.list_submissions`, and among them what is held or was taken back, for its organisation."""
    items, more = submissions.list_submissions(uow, slug=slug, since=since, limit=limit, cursor=cursor)
    held = _changed(uow, slug=slug, since=since, after=submissions.place_of(cursor), limit=limit + 1)
    if not held:
        return items, more
    together = sorted([*items, *held], key=_when_changed)
    if len(together) <= limit:
        return tuple(together), more
    last = together[limit - 1]
    return tuple(together[:limit]), cursors.encode(*(str(part) for part in _place_after(last)))


def _when_changed(one: SubmissionItem | HeldUpload) -> tuple[Any, str]:
    return one.changed_at, one.submission_id if isinstance(one, HeldUpload) else one.id


def _place_after(one: SubmissionItem | HeldUpload) -> tuple[str, str]:
    moment, last_id = _when_changed(one)
    return moment.isoformat(), last_id


def _changed(
    uow: UnitOfWork, *, slug: str | None, since: datetime | None, after: tuple[datetime, str] | None, limit: int
) -> tuple[HeldUpload, ...]:
    if not (uow.actor.is_key or plans_to_release_in(uow.actor)):
        return ()
    columns, plan_id = _held.c, known_plan(uow, slug).id if slug else None
    conditions = [columns.state != HeldState.RELEASED]
    if plan_id is not None:
        conditions.append(columns.plan_id == plan_id)
    if since is not None:
        conditions.append(columns.changed_at >= since)
    if after is not None:
        beyond = and_(columns.changed_at == after[0], columns.submission_id > after[1])
        conditions.append(or_(columns.changed_at > after[0], beyond))
    return _read(uow, *conditions, order=(columns.changed_at, columns.submission_id), limit=limit)


def open_held(uow: UnitOfWork, *, upload: str) -> HeldUpload:
    """The file, for who is to decide on it, put on the access log (a write use case).

    Raises NotFound, and Refused while the scanner has not seen it.
    """
    held = _to_decide(uow, upload)
    if held.upload is None or held.state is HeldState.TAKEN_BACK:
        raise NotFound("There is no file")
    sealed = why_sealed(held.scan)
    if sealed is not None:
        raise Refused([sealed], title="It cannot be opened")
    access_log.note(uow, "opened", item_kind="held_upload", item_id=held.id, plan_id=None)
    return held


# --- Deciding ---------------------------------------------------------------------------------------------------------


def release(uow: UnitOfWork, *, upload: str, if_match: str | None = None) -> HeldUpload:
    """Let the council see it: only now it becomes evidence or correspondence, and its hours begin. Its received moment
    stays that of its arrival.

    Raises NotFound, Refused (`already_released`, `already_taken_back`, or what stands against attaching it now), Stale.
    """
    held = _to_decide(uow, upload)
    try:
        case = open_case(uow, MilestoneKey(id=held.milestone.id), act=Act.ATTACH) if held.milestone else None
        row = _locked(uow, held, if_match, releasing=True)
        offer, origin = _as_sent(uow, row), _origin(row)
        if row.kind is SubmissionKind.EVIDENCE and case is not None:
            item = take_in(uow, case, offer, origin=origin)
            settling.settle(uow, case)
            ref = item.ref
        else:
            ref = _send(uow, row, offer, origin)
    except Refused as refused:
        raise _unheard(refused, held.id) from refused
    _decide(uow, row, HeldState.RELEASED)
    is_evidence = row.kind is SubmissionKind.EVIDENCE
    uow.record(
        "upload_released",
        plan_id=row.plan_id,
        item_kind="evidence" if is_evidence else "submission",
        item_id=row.id if is_evidence else row.submission_id,
        item_ref=ref,
        milestone_id=row.milestone_id,
        facts={"sent_by": row.sent_by_title, "arrived_at": row.arrived_at},
    )
    _record(uow, "upload_released", row, facts={"ref": ref})
    return _one(uow, _held.c.id == upload)


def take_back(uow: UnitOfWork, *, upload: str, reason: str, if_match: str | None = None) -> HeldUpload:
    """Keep it from the council for good. Its file is deleted with the next run of the jobs; its hash and the fact stay.

    Raises NotFound, Invalid, Refused `already_released` or `already_taken_back`, Stale.
    """
    held = _to_decide(uow, upload)
    checks = Checks()
    said = checks.required_text("reason", reason, name="why you take it back: whoever sent it will read it")
    checks.done()
    try:
        row = _locked(uow, held, if_match, releasing=False)
    except Refused as refused:
        raise _unheard(refused, held.id) from refused
    _decide(uow, row, HeldState.TAKEN_BACK)
    _record(uow, "upload_taken_back", row, facts={}, texts={"taken_back": said})
    return _one(uow, _held.c.id == upload)


def _to_decide(uow: UnitOfWork, upload: str) -> HeldUpload:
    held = get_held(uow, upload=upload)
    permissions.require(uow.actor, Act.RELEASE_UPLOAD, Item(plan_id=held.plan_id))
    return held


def _locked(uow: UnitOfWork, held: HeldUpload, if_match: str | None, *, releasing: bool) -> HeldUploadRow:
    statement = select(HeldUploadRow, Person.post_title).outerjoin(Person, Person.id == HeldUploadRow.decided_by)  # type: ignore[call-overload]
    locked = statement.where(HeldUploadRow.id == held.id).with_for_update(of=HeldUploadRow)
    row, decided_by = uow.session.execute(locked, execution_options={"populate_existing": True}).one()
    unmet = rules.unmet_decision(row.state, decided_by or "somebody", scan=row.scan, releasing=releasing)
    if unmet:
        raise Refused(
            list(unmet),
            title="It was not released" if releasing else "It was not taken back",
            attempted="upload_release" if releasing else "upload_taking_back",
        )
    if if_match is not None and if_match != str(row.version):
        raise Stale(current_version=str(row.version))
    return row  # type: ignore[no-any-return]


def _as_sent(uow: UnitOfWork, row: HeldUploadRow) -> Offer:
    offer, said = _OFFER.validate_json(row.offer), latest_texts(uow.session, [row.id])
    return replace(offer, description=said.get((row.id, "description")), statement=said.get((row.id, "statement")))


def _origin(row: HeldUploadRow) -> Origin:
    return Origin(
        evidence_id=row.id,
        submission_id=row.submission_id,
        key_id=row.key_id,
        title=row.sent_by_title,
        organisation_id=row.organisation_id,
        arrived_at=row.arrived_at,
        scan=row.scan,
    )


def _send(uow: UnitOfWork, row: HeldUploadRow, offer: Offer, origin: Origin) -> str:
    plan = uow.session.execute(select(Plan).where(Plan.id == row.plan_id)).scalar_one()  # type: ignore[arg-type]
    if plan.state is PlanState.CLOSED:
        raise refuse("plan_closed", "The plan is closed and read-only", attempted="upload_release")
    message = latest_texts(uow.session, [row.id]).get((row.id, "message"))
    return give_receipt(
        uow, plan, row.kind, title=offer.title, milestone_id=row.milestone_id, external_ref=offer.external_ref,
        message=message, origin=origin,
    ).ref  # fmt: skip


def _decide(uow: UnitOfWork, row: HeldUploadRow, state: HeldState) -> None:
    row.state, row.decided_at, row.decided_by = state, uow.now, uow.actor.id
    row.changed_at = uow.now
    row.version += 1
    uow.session.flush()


def _record(
    uow: UnitOfWork,
    event: str,
    row: HeldUploadRow,
    *,
    facts: dict[str, Any],
    texts: dict[str, str | None] | None = None,
) -> None:
    """In the trail of events without a plan: in the plan's own, its managers would read of it."""
    uow.record(event, plan_id=None, item_kind="held_upload", item_id=row.id, facts=facts, texts=texts)


# --- The rows ---------------------------------------------------------------------------------------------------------


def _one(uow: UnitOfWork, condition: ColumnElement[bool]) -> HeldUpload:
    found = _read(uow, condition, limit=1)
    if not found:
        raise NotFound
    return found[0]


def _read(
    uow: UnitOfWork, *conditions: ColumnElement[bool], limit: int, order: Sequence[Any] = ()
) -> tuple[HeldUpload, ...]:
    statement = _statement(uow.actor).where(*conditions).order_by(*order).limit(limit)
    rows = uow.session.connection().execute(statement).all()
    said = latest_texts(uow.session, [row.id for row in rows])
    return tuple(_view(uow, row, said) for row in rows)


def _statement(actor: Actor, *instead: Any) -> Any:
    """What the actor may see. A person releases for milestones that they may know of; a key's receipts stay its own."""
    organisation, plan, decider = table_of(Organisation), table_of(Plan), table_of(Person)
    known = and_(_milestones.c.id == _held.c.milestone_id, knowable(actor))
    columns = instead or (
        *_held.c,
        organisation.c.slug.label("organisation_slug"),
        organisation.c.name.label("organisation_name"),
        plan.c.slug.label("plan_slug"),
        plan.c.title.label("plan_title"),
        decider.c.post_title.label("decider"),
        _milestones.c.ref.label("milestone_ref"),
        _milestones.c.title.label("milestone_title"),
    )
    statement = select(*columns).select_from(
        _held.join(organisation, organisation.c.id == _held.c.organisation_id)
        .join(plan, plan.c.id == _held.c.plan_id)
        .outerjoin(decider, decider.c.id == _held.c.decided_by)
        .outerjoin(_milestones, known)
    )
    if actor.is_person:
        statement = statement.where(or_(_held.c.milestone_id.is_(None), _milestones.c.id.is_not(None)))
    return statement.where(visible(actor))


def _view(uow: UnitOfWork, row: Any, said: dict[tuple[str, str], str]) -> HeldUpload:
    offer = _OFFER.validate_json(row.offer)
    return HeldUpload(
        id=row.id,
        submission_id=row.submission_id,
        plan_id=row.plan_id,
        plan_slug=row.plan_slug,
        plan_title=row.plan_title,
        kind=row.kind,
        title=row.title,
        evidence_kind=offer.kind,
        upload=offer.upload,
        effective_from=offer.effective_from,
        effective_to=offer.effective_to,
        period_from=offer.period_from,
        period_to=offer.period_to,
        restricted=bool(offer.restricted_to),
        link=offer.link,
        said=next((said[row.id, field] for field in _TYPED if (row.id, field) in said), None),
        marking=offer.marking or Marking.OFFICIAL,
        personal_data=offer.personal_data_declared,
        external_ref=offer.external_ref,
        milestone=Ref(row.milestone_id, row.milestone_ref, row.milestone_title) if row.milestone_ref else None,
        organisation=OrganisationRef(row.organisation_id, row.organisation_slug, row.organisation_name),
        sent_by=row.sent_by_title,
        arrived_at=row.arrived_at,
        scan=row.scan,
        state=row.state,
        decided_at=row.decided_at,
        decided_by=row.decider,
        reason=said.get((row.id, "taken_back")),
        changed_at=row.changed_at,
        may_release=uow.actor.is_person and row.state is HeldState.AWAITING_RELEASE,
        version=str(row.version),
    )
