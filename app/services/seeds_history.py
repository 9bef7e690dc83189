"""A plan's history as its audit trail tells it, written as the steps that would make it happen again.

The trail gives order, moment and who; what was said stands in `texts`, and the rest on the rows. Events that follow
from another one (a fall back, a moved date, a triage) are no steps: the services bring them about.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.evidence import declared_from_stored, restriction_from_stored
from app.domain.record_proposals import RecordKind
from app.domain.success_criteria import from_stored
from app.domain.words import ChangeKind, EvidenceForm, Marking, TriagedThrough, TurnedInto
from app.models import (
    Action,
    AuditEvent,
    ChangeRequest,
    Evidence,
    Milestone,
    Organisation,
    PartMove,
    Plan,
    ProgressUpdate,
    Submission,
    Text,
)
from app.models.texts import REDACTED
from app.services.seeds_format import Calendar, Record, filled
from app.services.seeds_proof import proof_records


@dataclass(slots=True)
class Trail:
    """One plan's audit events, and what is needed to tell them."""

    plan: Plan
    calendar: Calendar
    who: Mapping[str, str]
    events: list[AuditEvent]
    texts: dict[str, Text]
    milestones: dict[str, Milestone]
    evidence: dict[str, Evidence]
    updates: dict[str, ProgressUpdate]
    requests: dict[str, ChangeRequest]
    actions: dict[str, Action]
    moves: dict[str, PartMove]
    submissions: dict[str, Submission]
    organisations: Mapping[str, str]  # slugs, by id
    reopened: set[tuple[str | None, object]] = field(default_factory=set)
    waiting: dict[str | None, list[str]] = field(default_factory=dict)

    def said(self, event: AuditEvent) -> dict[str, str]:
        """What was typed, by field; what was redacted says so."""
        rows = [self.texts[text_id] for _, text_id, _ in json.loads(event.texts)]
        return {row.field: REDACTED if row.body is None else row.body for row in rows}

    def ref(self, event: AuditEvent) -> str:
        return self.milestones[event.milestone_id or ""].ref

    @property
    def made(self) -> set[str | None]:
        """Ids of the actions and milestones that submissions were turned into: they come of that again."""
        return {made for one in self.submissions.values() for made in (one.made_action_id, one.made_milestone_id)}

    def first_theme(self, action: Action) -> str:
        """Where an action stood when it was written."""
        move = self._first_move(action.id)
        return move.from_theme_id if move else action.theme_id

    def first_action(self, milestone: Milestone) -> str:
        """Where a milestone stood when it was written."""
        move = self._first_move(milestone.id)
        return (move.from_action_id if move else None) or milestone.action_id

    def _first_move(self, item_id: str) -> PartMove | None:
        return min((move for move in self.moves.values() if move.item_id == item_id), key=_by_id, default=None)

    def day(self, iso: str | None) -> int | None:
        """A date inside an event's facts, as a day of the demo."""
        return None if iso is None else self.calendar.offset(date.fromisoformat(iso))

    def stamp(self, event: AuditEvent) -> Record:
        """When, and by whom."""
        return filled({**self.calendar.when(event.at), "by": self.who[event.actor_id]})


def _by_id(move: PartMove) -> str:
    return move.id


def read_trail(uow: UnitOfWork, plan: Plan, *, calendar: Calendar, who: Mapping[str, str]) -> Trail:
    """Load a plan's trail. `who` names people by e-mail address and keys as the files do, by id."""
    events = list(
        uow.session.execute(
            select(AuditEvent).where(AuditEvent.chain == plan.id).order_by(AuditEvent.seq)  # type: ignore[arg-type]
        ).scalars()
    )

    def by_id(model: Any) -> dict[str, Any]:
        return {row.id: row for row in uow.session.execute(select(model).where(model.plan_id == plan.id)).scalars()}

    return Trail(
        plan, calendar, who, events, by_id(Text), by_id(Milestone), by_id(Evidence), by_id(ProgressUpdate),
        by_id(ChangeRequest), by_id(Action), by_id(PartMove), by_id(Submission),
        {row.id: row.slug for row in uow.session.execute(select(Organisation.id, Organisation.slug))},  # type: ignore[call-overload]
    )  # fmt: skip


def steps(trail: Trail) -> Iterator[Record]:
    """The plan's history, in the order in which it happened."""
    for event in trail.events:
        told = _TOLD.get(event.event)
        step = told(trail, event) if told else None
        if step is not None:
            stamp = trail.stamp(event)
            yield filled({**stamp, **step})


def _plan_approval(trail: Trail, _: AuditEvent) -> Record:
    return {"does": "plan_approval", "body": trail.plan.approved_body, "meeting": trail.plan.approved_meeting}


def _meeting_listed(trail: Trail, event: AuditEvent) -> Record | None:
    """What was listed with the draft is no step: it stands among the plan's meetings."""
    if event.at == next(one.at for one in trail.events if one.event == "meeting_listed"):
        return None
    return {"does": "meeting_listed", "meeting_day": trail.day(json.loads(event.facts)["on"])}


def _meeting_held(trail: Trail, event: AuditEvent) -> Record:
    facts, day = json.loads(event.facts), trail.calendar.when(event.at)["day"]
    held_on = trail.day(facts["on"])
    return {
        "does": "meeting_held",
        "meeting_day": held_on if held_on != day else None,
        "attended": [trail.who[person] for person in facts["attended"]],
        "others_present": trail.said(event).get("others_present"),
    }


def _meeting_moved(trail: Trail, event: AuditEvent) -> Record:
    was, now = json.loads(event.facts)["on"]
    return {
        "does": "meeting_moved",
        "meeting_day": trail.day(was),
        "to_day": trail.day(now),
        "reason": trail.said(event)["move_reason"],
    }


def _meeting_cancelled(trail: Trail, event: AuditEvent) -> Record:
    return {
        "does": "meeting_cancelled",
        "meeting_day": trail.day(json.loads(event.facts)["on"]),
        "reason": trail.said(event)["cancellation_reason"],
    }


def _update(trail: Trail, event: AuditEvent) -> Record:
    update, said = _update_told_by(trail, event), trail.said(event)
    return {
        "does": "update",
        "milestone": trail.ref(event),
        "narrative": said.get("narrative"),
        "no_change": update.no_change or None,
        "forecast_day": trail.calendar.offset(update.forecast_date),
        "declared_rag": update.declared_rag,
        "rationale": said.get("rationale"),
        "issue": said.get("issue"),
        "support_required": said.get("support_required"),
        "path_to_green": said.get("path_to_green"),
        "return_to_green_day": trail.calendar.offset(update.return_to_green_on),
        "waiting_on": update.waiting_on,
        "cause": update.cause,
    }


def _update_told_by(trail: Trail, event: AuditEvent) -> ProgressUpdate:
    """The update whose texts the event points to; "no change" may have none."""
    for _, text_id, _ in json.loads(event.texts):
        return trail.updates[trail.texts[text_id].item_id]
    return next(
        one
        for one in trail.updates.values()
        if one.no_change and (one.milestone_id, one.at) == (event.milestone_id, event.at)
    )


def _part_move(trail: Trail, event: AuditEvent) -> Record | None:
    """A theme or action that went to another place, an action or milestone that went to another parent, or both."""
    facts = json.loads(event.facts)
    _, to = facts.get("theme") or (None, None)
    if "action_id" in facts:
        to = trail.actions[facts["action_id"][1]].ref
    _, place = facts.get("position") or facts.get("place") or (None, None)
    if to is None and place is None:
        return None
    return {"does": "move", event.item_kind: event.item_ref, "to": to, "place": place}


def _start(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "start", "milestone": trail.ref(event)}


def _completion(trail: Trail, event: AuditEvent) -> Record:
    _, completed_on = json.loads(event.facts)["completed_date"]
    return {
        "does": "completion",
        "milestone": trail.ref(event),
        "completed_day": trail.day(completed_on),
        "narrative": trail.said(event)["narrative"],
    }


def _return(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "return", "milestone": trail.ref(event), "reason": trail.said(event)["reason"]}


def _removal(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "removal", event.item_kind: event.item_ref, "reason": trail.said(event)["reason"]}


def _achievement(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "achievement", "milestone": trail.ref(event), "note": trail.said(event).get("note")}


def _reopening(trail: Trail, event: AuditEvent) -> Record:
    """With the due date that was asked for in the same moment, whose request is then no step of its own."""
    asked = next(
        request
        for request in trail.requests.values()
        if request.milestone_id == event.milestone_id and request.requested_at == event.at
    )
    trail.reopened.add((asked.milestone_id, asked.requested_at))
    return {
        "does": "reopening",
        "milestone": trail.ref(event),
        "reason": trail.said(event)["reason"],
        "due_day": trail.calendar.offset(asked.due_date),
    }


def _lifting(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "lifting", "milestone": trail.ref(event), "reason": trail.said(event)["reason"]}


def _acceptance(trail: Trail, event: AuditEvent) -> Record:
    _, until = json.loads(event.facts)["accepted_until"]
    return {
        "does": "acceptance",
        "milestone": trail.ref(event),
        "until_day": trail.day(until),
        "reason": trail.said(event)["reason"],
    }


def _acceptance_lifting(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "acceptance_lifting", "milestone": trail.ref(event), "reason": trail.said(event)["reason"]}


def _attach(trail: Trail, event: AuditEvent) -> Record:
    item, said = trail.evidence[event.item_id], trail.said(event)
    return {
        "does": "attach",
        "milestone": trail.ref(event),
        **_told_of(trail, item, said),
        "link": item.link,
        "statement": said.get("statement"),
        "restricted_to": _parties(trail, item),
    }


def _version(trail: Trail, event: AuditEvent) -> Record:
    item = trail.evidence[event.item_id]
    return {
        "does": "version",
        "of": json.loads(event.facts)["supersedes"],
        **_told_of(trail, item, trail.said(event)),
    }


def _told_of(trail: Trail, item: Evidence, said: Mapping[str, str]) -> Record:
    """What is said of an item, whichever version it is."""
    return {
        "evidence": item.ref,
        "title": said["title"],
        "kind": item.kind,
        "description": said.get("description"),
        "file": item.file_name if item.form is EvidenceForm.FILE else None,
        "effective_from_day": trail.calendar.offset(item.effective_from),
        "effective_to_day": trail.calendar.offset(item.effective_to),
        "period_from_day": trail.calendar.offset(item.period_from),
        "period_to_day": trail.calendar.offset(item.period_to),
        "personal_data": [str(word) for word in declared_from_stored(item.personal_data_declared)],
        "marking": item.marking if item.marking is not Marking.OFFICIAL else None,
        "external_ref": item.external_ref,
        "search": json.loads(item.search) if item.search else None,
    }


def _parties(trail: Trail, item: Evidence) -> list[str]:
    """Whom it is restricted to, less who sent it: they know of it anyway."""
    named = set(restriction_from_stored(item.restricted_to)) - {item.provided_by, item.organisation_id}
    return sorted(trail.organisations.get(one) or trail.who[one] for one in named)


def _retention(_: Trail, event: AuditEvent) -> Record:
    return {
        "does": "retention",
        "evidence": event.item_ref,
        "retention": json.loads(event.facts)["retention"][1],
    }


def _record_proposal(trail: Trail, event: AuditEvent) -> Record | None:
    """A redaction names the words that it is about, and is told while they are there."""
    kind, reason = event.event.removesuffix("_proposed"), trail.said(event)["reason"]
    if event.item_kind == "evidence":
        return {"does": "record_proposal", "kind": kind, "evidence": event.item_ref, "reason": reason}
    body = trail.texts[json.loads(event.facts)["text"]].body
    return None if body is None else {"does": "record_proposal", "kind": kind, "words": body, "reason": reason}


def _link(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "link", "milestone": trail.ref(event), "evidence": event.item_ref}


def _review(trail: Trail, event: AuditEvent) -> Record:
    facts = json.loads(event.facts)
    return {
        "does": "review",
        "milestone": trail.ref(event),
        "evidence": event.item_ref,
        "outcome": facts["outcome"],
        "relevance": facts["relevance"],
        "robustness": facts["robustness"],
        "reason": trail.said(event)["reason"],
        "meets": facts.get("meets"),
    }


def _withdrawal(trail: Trail, event: AuditEvent) -> Record:
    return {"does": "withdrawal", "evidence": event.item_ref, "reason": trail.said(event)["reason"]}


def _correspondence(trail: Trail, event: AuditEvent) -> Record | None:
    """Evidence gets its receipt with the step that attaches it."""
    item, said = trail.submissions[event.item_id], trail.said(event)
    if item.evidence_id is not None:
        return None
    return {
        "does": "correspondence",
        "submission": item.ref,
        "title": said["title"],
        "message": said["message"],
        "milestone": trail.ref(event) if item.milestone_id else None,
        "external_ref": item.external_ref,
    }


def _reading(_: Trail, event: AuditEvent) -> Record:
    return {"does": "reading", "submission": event.item_ref}


def _passing(trail: Trail, event: AuditEvent) -> Record:
    _, person = json.loads(event.facts)["passed_to"]
    return {"does": "passing", "submission": event.item_ref, "person": trail.who[person]}


def _triage(trail: Trail, event: AuditEvent) -> Record | None:
    """Only a person's answer: a review or a withdrawal ends a wait by itself."""
    facts, said = json.loads(event.facts), trail.said(event)
    if facts["by"] != TriagedThrough.TRIAGE:
        return None
    return {
        "does": "triage",
        "submission": event.item_ref,
        "outcome": facts["outcome"],
        **_made(trail, trail.submissions[event.item_id]),
        "reason": said.get("reason"),
        "handed_to": said.get("handed_to"),
        "handed_on_day": trail.day(facts.get("handed_on")),
        "their_reference": said.get("their_reference"),
    }


def _made(trail: Trail, item: Submission) -> Record:
    """What it was turned into, as it was asked for."""
    if item.made_action_id is not None:
        added = next(one for one in trail.events if one.item_id == item.made_action_id and one.event == "action_added")
        return {"into": TurnedInto.ACTION, "parent": json.loads(added.facts)["theme"],
                "title": trail.said(added)["title"]}  # fmt: skip
    if item.made_milestone_id is None:
        return {}
    row = trail.milestones[item.made_milestone_id]
    return {
        "into": TurnedInto.MILESTONE,
        "parent": trail.actions[trail.first_action(row)].ref,
        "title": row.title,
        "success_criterion": row.success_criterion,
        "owner": trail.who[row.owner_id] if row.owner_id else None,
        "due_day": trail.calendar.offset(row.baseline_date),
    }


def _change_request(trail: Trail, event: AuditEvent) -> Record | None:
    request, said = trail.requests[event.item_id], trail.said(event)
    trail.waiting.setdefault(request.milestone_id, []).append(request.id)
    if (request.milestone_id, request.requested_at) in trail.reopened:
        return None
    kept = json.loads(request.settings) if request.settings else {}
    return {
        "does": "change_request",
        "milestone": trail.ref(event) if request.milestone_id else None,
        "kind": request.kind,
        "reason": said["reason"],
        "due_day": trail.calendar.offset(request.due_date) if request.kind is ChangeKind.DUE_DATE else None,
        "ground": request.ground,
        "other": trail.milestones[request.replaced_by].ref if request.replaced_by else None,
        "success_criterion": said.get("success_criterion"),
        "criteria": proof_records(from_stored(kept["criteria"]), trail.calendar) if "criteria" in kept else None,
        "parts": [_part(trail, said, number, part) for number, part in enumerate(kept.get("parts", ()), 1)],
        "settings": {name: becomes for name, (_, becomes) in kept.get("settings", {}).items()},
        "agreement": _agreement(trail, request, said),
    }


def _part(trail: Trail, said: dict[str, str], number: int, part: Record) -> Record:
    return filled(
        {
            "title": said[f"title_{number}"],
            "success_criterion": said[f"success_criterion_{number}"],
            "due_day": trail.day(part["due_date"]),
            "owner": trail.who[part["owner"]] if part["owner"] else None,
        }
    )


def _agreement(trail: Trail, request: ChangeRequest, said: dict[str, str]) -> Record | None:
    if request.agreed_on is None:
        return None
    day = trail.calendar.offset(request.agreed_on)
    return {"by": said["agreed_by"], "day": day, "reference": said["agreement_reference"]}


def _decision(trail: Trail, event: AuditEvent) -> Record:
    facts = json.loads(event.facts)
    return {
        "does": "decision",
        **_which(trail, event),
        "outcome": facts["outcome"],
        "reason": trail.said(event)["decision_reason"],
        "meeting_day": trail.day(facts.get("meeting")),
    }


def _change_withdrawal(trail: Trail, event: AuditEvent) -> Record:
    reason = trail.said(event).get("decision_reason")
    return {"does": "change_withdrawal", **_which(trail, event), "reason": reason}


def _which(trail: Trail, event: AuditEvent) -> Record:
    """Which request it is about: the first of those that wait, or as many further on as is said."""
    request = trail.requests[event.item_id]
    waiting = trail.waiting[request.milestone_id]
    place = waiting.index(request.id)
    waiting.remove(request.id)
    return {"milestone": trail.ref(event) if request.milestone_id else None, "further_on": place or None}


def _baseline_correction(trail: Trail, event: AuditEvent) -> Record:
    _, corrected = json.loads(event.facts)["baseline_date"]
    return {
        "does": "baseline_correction",
        "milestone": trail.ref(event),
        "baseline_day": trail.day(corrected),
        "reason": trail.said(event)["reason"],
    }


def _plan_closure(trail: Trail, event: AuditEvent) -> Record:
    carried = [one for one in trail.events if one.event == "milestone_carried_over" and one.at == event.at]
    items = [
        filled(
            {
                "milestone": trail.ref(one),
                "to": trail.said(one).get("carried_over"),
                "plan": json.loads(one.facts)["to_plan"],
            }
        )
        for one in carried
    ]
    said, agreed_on = trail.said(event), json.loads(event.facts).get("agreed_on")
    closure: Record = {"does": "plan_closure", "reason": said["closing_reason"], "items": items}
    if agreed_on:
        agreement = {"by": said["agreed_by"], "day": trail.day(agreed_on), "reference": said["agreement_reference"]}
        closure["agreement"] = agreement
    return closure


_TOLD: dict[str, Callable[[Trail, AuditEvent], Record | None]] = {
    "theme_edited": _part_move,
    "action_edited": _part_move,
    "milestone_edited": _part_move,
    "milestone_placed": _part_move,
    "plan_approved": _plan_approval,
    "plan_closed": _plan_closure,
    "meeting_listed": _meeting_listed,
    "meeting_held": _meeting_held,
    "meeting_moved": _meeting_moved,
    "meeting_cancelled": _meeting_cancelled,
    "progress_updated": _update,
    "declared": _update,
    "milestone_started": _start,
    "milestone_reported_completed": _completion,
    "milestone_returned": _return,
    "milestone_removed": _removal,
    "theme_removed": _removal,
    "action_removed": _removal,
    "milestone_achieved": _achievement,
    "milestone_reopened": _reopening,
    "declaration_lifted": _lifting,
    "exception_accepted": _acceptance,
    "acceptance_lifted": _acceptance_lifting,
    "evidence_attached": _attach,
    "evidence_version_added": _version,
    "evidence_linked": _link,
    "evidence_reviewed": _review,
    "evidence_withdrawn": _withdrawal,
    "retention_changed": _retention,
    **{f"{kind}_proposed": _record_proposal for kind in RecordKind},
    "submission_received": _correspondence,
    "submission_read": _reading,
    "submission_passed": _passing,
    "submission_triaged": _triage,
    "change_requested": _change_request,
    "change_request_decided": _decision,
    "change_request_withdrawn": _change_withdrawal,
    "baseline_corrected": _baseline_correction,
}
