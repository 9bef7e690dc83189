"""What happens when a redaction, a legal hold or a disposal is proposed and decided: by two people, with reasons."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select, update

from app.db import Database, UnitOfWork
from app.domain import permissions
from app.domain import record_proposals as rules
from app.domain.actors import system_actor
from app.domain.evidence import EvidenceView
from app.domain.ids import new_id
from app.domain.permissions import Act, Item
from app.domain.record_proposals import (
    OPEN_STATES,
    TRANSITORY_DAYS,
    YEARS_KEPT,
    RecordKind,
    RecordProposalView,
    RecordState,
    Retention,
)
from app.domain.refusals import NotFound, Reason, Refused, Unavailable, invalid
from app.models import AuditEvent, Evidence, EvidenceLink, IdempotencyRecord, Milestone, Person, RecordProposal, Text
from app.models.identity import table_of
from app.models.texts import REDACTED, latest_texts
from app.models.visibility import knowable_in
from app.services import cursors
from app.services.cases import affected_cases
from app.services.evidence import lock_evidence, take_back
from app.services.evidence_files import referred_to
from app.services.evidence_views import find_evidence, keeping_of, views_of
from app.services.plans import known_plan
from app.services.triage import settle_afresh
from app.services.writing import Checks
from app.storage import MINIMUM_GRACE, Storage

LISTED = 200
ASKED_AGAIN_AFTER = timedelta(days=365)
"""What was declined is not said to be due again for a year."""

_BATCH = 100
_proposals, _texts, _evidence, _links = (
    table_of(RecordProposal), table_of(Text), table_of(Evidence), table_of(EvidenceLink)
)  # fmt: skip
_answers, _events, _milestones = table_of(IdempotencyRecord), table_of(AuditEvent), table_of(Milestone)


def propose(
    uow: UnitOfWork,
    *,
    slug: str,
    kind: RecordKind,
    reason: str,
    text: str | None = None,
    evidence: str | None = None,
) -> RecordProposalView:
    """Propose that a text be redacted, or an item held, released or disposed of. Raises Refused with what stands
    against it, all at once.
    """
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.PROPOSE_RECORD, Item(plan_id=plan.id))
    checks = Checks()
    said = checks.required_text("reason", reason, name="why it is proposed")
    needed = "text" if kind is RecordKind.REDACTION else "evidence"
    if not (text if kind is RecordKind.REDACTION else evidence):
        checks.add(needed, "required", f"Say which {needed} it is about")
    checks.done()
    if kind is RecordKind.REDACTION:
        about, found = _about_text(uow, plan.id, text or "")
    else:
        about, found = _about_evidence(uow, plan.id, kind, evidence or "")
    open_one = _open_proposal(uow, kind, about)
    if open_one is not None and open_one.state is RecordState.PROPOSED:
        found.append(Reason("already_proposed", "It was proposed already, and waits for a decision"))
    _refuse(found, plan.id, title=f"The {kind} was not proposed", attempted=f"{kind}_proposal")
    row = open_one or RecordProposal(
        id=new_id(), plan_id=plan.id, kind=kind, state=RecordState.PROPOSED, created_at=uow.now, **about
    )
    row.state, row.proposed_by, row.proposed_at = RecordState.PROPOSED, uow.actor.id, uow.now
    uow.session.add(row)
    uow.session.flush()
    _record(uow, row, "proposed", said, under=row.id)
    return _views(uow, [row])[0]


def about(
    uow: UnitOfWork, *, slug: str, kind: RecordKind, text: str | None = None, evidence: str | None = None
) -> tuple[str, str | None]:
    """What a proposal would be about, for the form: its reference or kind, and the wording that would go."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.PROPOSE_RECORD, Item(plan_id=plan.id))
    if kind is RecordKind.REDACTION:
        found, _ = _about_text(uow, plan.id, text or "")
        wording = uow.session.execute(select(_texts.c.body).where(_texts.c.id == text)).scalar_one()
        return f"{found['item']} {found['field']}".replace("_", " "), wording or REDACTED
    return _about_evidence(uow, plan.id, kind, evidence or "")[0]["item"], None


def text_that_says(uow: UnitOfWork, *, slug: str, words: str) -> str:
    """The id of the latest text of a plan that says exactly this. Raises NotFound."""
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.PROPOSE_RECORD, Item(plan_id=plan.id))
    statement = (
        select(_texts.c.id)
        .where(_texts.c.plan_id == plan.id, _texts.c.body == words)
        .order_by(_texts.c.written_at.desc(), _texts.c.id.desc())
        .limit(1)
    )
    found: str | None = uow.session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def check_propose(uow: UnitOfWork, *, slug: str) -> None:
    """Whether this actor may propose anything here. Raises Forbidden, NotFound."""
    permissions.require(uow.actor, Act.PROPOSE_RECORD, Item(plan_id=known_plan(uow, slug).id))


def get_proposal(uow: UnitOfWork, *, proposal: str) -> RecordProposalView:
    """One proposal, for who may decide such. Raises Forbidden, NotFound."""
    return _views(uow, [_to_decide(uow, proposal)])[0]


def decide(
    uow: UnitOfWork, *, proposal: str, approved: bool, reason: str, storage: Storage | None = None
) -> RecordProposalView:
    """Approve or decline a proposal: a senior officer who did not make it. What is approved is done at once; the bytes
    of what is disposed of leave `storage` after the commit, or with the next sweep.
    """
    row = _to_decide(uow, proposal)
    checks = Checks()
    said = checks.required_text("reason", reason, name="the reason for your decision")
    checks.done()
    found = rules.unmet_decision(state=row.state, proposed_by=row.proposed_by, decider=uow.actor.id)
    if not found and approved:
        found = _still_against(uow, row)
    _refuse(found, row.plan_id, title=f"The {row.kind} was not decided", attempted=f"{row.kind}_decision")
    if approved:
        _DOES[row.kind](uow, row, storage)
    row.state = RecordState.APPROVED if approved else RecordState.DECLINED
    row.decided_by, row.decided_at = uow.actor.id, uow.now
    uow.session.flush()
    _record(uow, row, str(row.state), said, under=f"{row.id}:decision")
    return _views(uow, [row])[0]


def list_proposals(
    uow: UnitOfWork, *, slug: str, limit: int = LISTED, cursor: str | None = None
) -> tuple[tuple[RecordProposalView, ...], str | None]:
    """A plan's proposals, newest first, as far as the actor may know of what they are about, and the next cursor."""
    statement = _listed(uow, slug).order_by(_proposals.c.id.desc()).limit(limit + 1)
    if cursor:
        statement = statement.where(_proposals.c.id < cursors.decode(cursor, str)[0])
    rows = list(uow.session.execute(statement).scalars())
    more = cursors.encode(rows[limit - 1].id) if len(rows) > limit else None
    return tuple(_views(uow, rows[:limit])), more


def waiting_first(uow: UnitOfWork, *, slug: str) -> tuple[RecordProposalView, ...]:
    """The same for a page: those that wait before those that were decided."""
    waits = _proposals.c.state.in_(OPEN_STATES)
    statement = _listed(uow, slug).order_by(waits.desc(), _proposals.c.id.desc()).limit(LISTED)
    return tuple(_views(uow, list(uow.session.execute(statement).scalars())))


def _listed(uow: UnitOfWork, slug: str) -> Any:
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.READ_AUDIT, Item(plan_id=plan.id))
    return select(RecordProposal).where(RecordProposal.plan_id == plan.id, _known(uow, plan.id))


def set_retention(uow: UnitOfWork, *, evidence: str, retention: Retention, if_match: str | None = None) -> EvidenceView:
    """Say how long an item is kept. It destroys nothing: a disposal is proposed and decided."""
    item = find_evidence(uow, evidence)
    permissions.require(uow.actor, Act.PROPOSE_RECORD, Item(plan_id=item.plan_id))
    item = lock_evidence(uow, evidence, if_match)
    if item.disposed_at is not None:
        _refuse(
            [Reason("already_disposed", "It was disposed of already")], item.plan_id,
            title=f"{item.ref} was not changed", attempted="retention",
        )  # fmt: skip
    was = keeping_of(item)
    if was.retention is not retention:
        item.retention = retention
        item.version += 1
        uow.session.flush()
        uow.record(
            "retention_changed", plan_id=item.plan_id, item_kind="evidence", item_id=item.id, item_ref=item.ref,
            milestone_id=_milestone_of(uow, item.id), facts={"retention": [was.retention, retention]},
        )  # fmt: skip
    return views_of(uow, [item])[0]


def note_due_disposals(database: Database, now: Any) -> int:
    """Say of every item whose time is over that it may be disposed of. Nobody but two people does it. For the jobs."""
    due = database.read(_due, actor=system_actor(), now=now)
    return sum(database.write(lambda uow, one=one: _note_due(uow, one), actor=system_actor(), now=now) for one in due)


# --- what a proposal is about -----------------------------------------------------------------------------------------


def _about_text(uow: UnitOfWork, plan_id: str, text: str) -> tuple[dict[str, Any], list[Reason]]:
    row = uow.session.execute(select(Text).where(Text.id == text, Text.plan_id == plan_id)).scalar_one_or_none()
    if row is None:
        raise NotFound
    event = uow.session.execute(
        select(_events.c.item_ref, _events.c.item_kind, _events.c.milestone_id)
        .where(_events.c.chain == plan_id, _events.c.texts.contains(text, autoescape=True))
        .limit(1)
    ).one_or_none()
    about = {
        "text_id": row.id,
        "item": ((event.item_ref if event else "") or row.item_kind)[:40],
        "field": row.field,
        "milestone_id": event.milestone_id if event else None,
    }
    return about, _against_redaction(uow, row)


def _against_redaction(uow: UnitOfWork, row: Text) -> list[Reason]:
    latest = (
        select(_texts.c.id)
        .where(_texts.c.item_id == row.item_id, _texts.c.field == row.field)
        .order_by(_texts.c.written_at.desc(), _texts.c.id.desc())
        .limit(1)
    )
    stands = rules.is_column_too(row.item_kind, row.field) and uow.session.execute(latest).scalar() == row.id
    return rules.unmet_redaction(redacted=row.redacted_at is not None, stands_on_item=stands)


def _about_evidence(
    uow: UnitOfWork, plan_id: str, kind: RecordKind, evidence: str
) -> tuple[dict[str, Any], list[Reason]]:
    item = find_evidence(uow, evidence)
    if item.plan_id != plan_id:
        raise NotFound
    about = {"evidence_id": item.id, "item": item.ref, "milestone_id": _milestone_of(uow, item.id)}
    return about, rules.unmet_keeping(kind, keeping_of(item), uow.today)


def _milestone_of(uow: UnitOfWork, evidence: str) -> str | None:
    """The milestone that is named for an item: one that the whole plan may know of, if there is one."""
    statement = (
        select(_milestones.c.id)
        .join(_links, _links.c.milestone_id == _milestones.c.id)
        .where(_links.c.evidence_id == evidence)
        .order_by(_milestones.c.restricted, _milestones.c.id)
        .limit(1)
    )
    found: str | None = uow.session.execute(statement).scalar_one_or_none()
    return found


def _open_proposal(uow: UnitOfWork, kind: RecordKind, about: dict[str, Any]) -> RecordProposal | None:
    same = (
        RecordProposal.text_id == about["text_id"]
        if kind is RecordKind.REDACTION
        else and_(_proposals.c.evidence_id == about["evidence_id"], _proposals.c.kind == kind)
    )
    statement = select(RecordProposal).where(same, _proposals.c.state.in_(OPEN_STATES)).with_for_update()
    return uow.session.execute(statement).scalar_one_or_none()


def _still_against(uow: UnitOfWork, row: RecordProposal) -> list[Reason]:
    """What has come up since it was proposed."""
    if row.kind is RecordKind.REDACTION:
        return _against_redaction(uow, uow.session.execute(select(Text).where(Text.id == row.text_id)).scalar_one())
    item = uow.session.execute(select(Evidence).where(Evidence.id == row.evidence_id)).scalar_one()
    return rules.unmet_keeping(row.kind, keeping_of(item), uow.today)


# --- what an approval does --------------------------------------------------------------------------------------------


def _redact(uow: UnitOfWork, row: RecordProposal, _: Storage | None) -> None:
    """Blank one text and its salt. Answers kept for a repeated request that hold its words are forgotten too."""
    body = uow.session.execute(select(_texts.c.body).where(_texts.c.id == row.text_id)).scalar_one()
    _blank(uow, _texts.c.id == row.text_id)
    _forget_answers(uow, body)


def _blank(uow: UnitOfWork, which: Any) -> None:
    uow.session.execute(
        update(_texts).where(which, _texts.c.redacted_at.is_(None)).values(body=None, salt=None, redacted_at=uow.now)
    )


def _forget_answers(uow: UnitOfWork, body: str) -> None:
    needles = {json.dumps(body, ensure_ascii=plain)[1:-1].encode() for plain in (True, False)}
    kept = uow.session.connection().execute(
        select(_answers.c.id, _answers.c.body).where(_answers.c.body.is_not(None)),
        execution_options={"yield_per": _BATCH},
    )
    holding = [answer.id for answer in kept if any(needle in answer.body for needle in needles)]
    for start in range(0, len(holding), _BATCH):
        uow.session.execute(delete(_answers).where(_answers.c.id.in_(holding[start : start + _BATCH])))


def _hold(uow: UnitOfWork, row: RecordProposal, _: Storage | None) -> None:
    item = lock_evidence(uow, row.evidence_id or "")
    item.held_at = uow.now if row.kind is RecordKind.HOLD else None
    item.version += 1


def _dispose(uow: UnitOfWork, row: RecordProposal, storage: Storage | None) -> None:
    """Destroy what an item says, and leave its hash and that it was here. What stands on it is lowered first."""
    linked_to = uow.session.execute(
        select(EvidenceLink.milestone_id).where(EvidenceLink.evidence_id == row.evidence_id)
    )
    affected = affected_cases(uow, linked_to.scalars())
    item = lock_evidence(uow, row.evidence_id or "")
    if item.withdrawn_at is None:
        take_back(uow, item, affected, why=f"{item.ref} disposed of")
    item.disposed_at = uow.now
    item.version += 1
    uow.session.flush()
    _blank(uow, and_(_texts.c.item_id == item.id, _texts.c.field.in_(("statement", "description"))))
    settle_afresh(uow, affected)
    name = item.storage_name
    if name is None or storage is None or referred_to(uow, [name]):
        return
    # What was put there within the hour may be somebody's new upload of the same bytes, whose row is still to come.
    before = uow.now - MINIMUM_GRACE
    uow.after_commit.append(lambda: _remove(storage, name, before))


def _remove(storage: Storage, name: str, before: Any) -> None:
    try:
        storage.delete(name, unchanged_since=before)
    except Unavailable:
        return  # no row refers to it any more: the next sweep deletes it


_DOES: dict[RecordKind, Callable[[UnitOfWork, RecordProposal, Storage | None], None]] = {
    RecordKind.REDACTION: _redact,
    RecordKind.HOLD: _hold,
    RecordKind.RELEASE: _hold,
    RecordKind.DISPOSAL: _dispose,
}


# --- what is due ------------------------------------------------------------------------------------------------------


def _due(uow: UnitOfWork) -> list[str]:
    kept = _proposals.alias()
    spoken_of = exists().where(
        kept.c.evidence_id == _evidence.c.id,
        kept.c.kind == RecordKind.DISPOSAL,
        or_(
            kept.c.state.in_(OPEN_STATES),
            and_(kept.c.state == RecordState.DECLINED, kept.c.decided_at > uow.now - ASKED_AGAIN_AFTER),
        ),
    )
    # By the calendar a little later; `_note_due` looks at the very day.
    over = [
        and_(_of_class(retention), _evidence.c.received_at < uow.now - timedelta(days=365 * years or TRANSITORY_DAYS))
        for retention, years in YEARS_KEPT.items()
        if years is not None
    ]
    statement = select(_evidence.c.id).where(
        _evidence.c.disposed_at.is_(None), _evidence.c.held_at.is_(None), or_(*over), ~spoken_of
    )
    return list(uow.session.connection().execute(statement.order_by(_evidence.c.id)).scalars())


def _of_class(retention: Retention) -> Any:
    same = _evidence.c.retention == retention
    return or_(same, _evidence.c.retention.is_(None)) if retention is Retention.PLAN_RECORD else same


def _note_due(uow: UnitOfWork, evidence: str) -> bool:
    item = lock_evidence(uow, evidence)
    if not keeping_of(item).due(uow.today):
        return False
    about = {"evidence_id": item.id, "item": item.ref, "milestone_id": _milestone_of(uow, item.id)}
    if _open_proposal(uow, RecordKind.DISPOSAL, about) is not None:
        return False
    row = RecordProposal(
        id=new_id(), plan_id=item.plan_id, kind=RecordKind.DISPOSAL, state=RecordState.DUE, created_at=uow.now, **about
    )
    uow.session.add(row)
    uow.session.flush()
    _record(uow, row, "due", None, under=row.id)
    return True


# --- what is shared ---------------------------------------------------------------------------------------------------


def _known(uow: UnitOfWork, plan_id: str) -> Any:
    known = select(_milestones.c.id).where(knowable_in(uow.actor, plan_id))
    return or_(_proposals.c.milestone_id.is_(None), _proposals.c.milestone_id.in_(known))


def _to_decide(uow: UnitOfWork, proposal: str) -> RecordProposal:
    """The proposal, locked in a transaction that writes, for who may decide on it."""
    statement = select(RecordProposal).where(RecordProposal.id == proposal)
    if uow.memory is None:
        statement = statement.with_for_update(key_share=True)
    row = uow.session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if row is None or row.plan_id not in permissions.plans_known(uow.actor) or not _knows(uow, row):
        raise NotFound
    permissions.require(uow.actor, Act.DECIDE_RECORD, Item(plan_id=row.plan_id))
    return row


def _knows(uow: UnitOfWork, row: RecordProposal) -> bool:
    statement = select(_proposals.c.id).where(_proposals.c.id == row.id, _known(uow, row.plan_id))
    return uow.session.execute(statement).first() is not None


def _refuse(found: list[Reason], plan_id: str, *, title: str, attempted: str) -> None:
    if found:
        raise Refused(found, title=title, attempted=attempted, item_kind="plan", item_id=plan_id, plan_id=plan_id)


def _record(uow: UnitOfWork, row: RecordProposal, became: str, said: str | None, *, under: str) -> None:
    uow.record(
        f"{row.kind}_{became}",
        plan_id=row.plan_id,
        item_kind="record_proposal" if row.evidence_id is None else "evidence",
        item_id=row.evidence_id or row.id,
        item_ref=row.item,
        milestone_id=row.milestone_id,
        facts={"field": row.field, "text": row.text_id} if row.text_id else {},
        texts={"reason": said},
        texts_of=under,
    )


def _views(uow: UnitOfWork, rows: list[RecordProposal]) -> list[RecordProposalView]:
    said = latest_texts(uow.session, [key for row in rows for key in (row.id, f"{row.id}:decision")])
    people = {one for row in rows for one in (row.proposed_by, row.decided_by) if one}
    titles = _pairs(uow, Person.id, Person.post_title, people)
    bodies = _pairs(uow, Text.id, Text.body, {row.text_id for row in rows if row.text_id})
    return [_view(uow, row, said, titles, bodies) for row in rows]


def _pairs(uow: UnitOfWork, key: Any, value: Any, wanted: set[str]) -> dict[str, Any]:
    return {row[0]: row[1] for row in uow.session.execute(select(key, value).where(key.in_(wanted)))}


def _view(
    uow: UnitOfWork, row: RecordProposal, said: dict[tuple[str, str], str], titles: dict[str, str],
    bodies: dict[str, str | None],
) -> RecordProposalView:  # fmt: skip
    here = Item(plan_id=row.plan_id)
    wording = None if row.text_id is None else bodies.get(row.text_id) or REDACTED
    return RecordProposalView(
        id=row.id,
        kind=row.kind,
        state=row.state,
        item=row.item,
        field=row.field,
        evidence_id=row.evidence_id,
        text_id=row.text_id,
        wording=wording,
        reason=said.get((row.id, "reason")),
        proposed_by=titles.get(row.proposed_by or ""),
        proposed_at=row.proposed_at,
        decided_by=titles.get(row.decided_by or ""),
        decided_at=row.decided_at,
        decision_reason=said.get((f"{row.id}:decision", "reason")),
        may_propose=row.state is RecordState.DUE and permissions.may(uow.actor, Act.PROPOSE_RECORD, here),
        may_decide=row.state is RecordState.PROPOSED
        and row.proposed_by != uow.actor.id
        and permissions.may(uow.actor, Act.DECIDE_RECORD, here),
    )


def outcome_of(word: str) -> bool:
    """Whether an outcome approves. Raises Invalid for what is none."""
    if word not in (RecordState.APPROVED, RecordState.DECLINED):
        raise invalid("outcome", "required", "Choose whether to approve or to decline it")
    return word == RecordState.APPROVED
