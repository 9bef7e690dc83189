"""The steps of a demo's history, each carried out by the service that pages and API use: one function a verb.

A verb is what `does` says in the files. What a step leaves out was empty when it happened.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.change_requests import Agreement, Part
from app.domain.closing import Destination
from app.domain.evidence import Upload
from app.domain.milestones import MilestoneKey
from app.domain.personal_data import search_from_text
from app.domain.record_proposals import RecordKind, Retention
from app.domain.submissions import Choice
from app.domain.words import (
    CancellationGround,
    ChangeKind,
    ChangeState,
    DelayCause,
    EvidenceKind,
    EvidencePolicy,
    Marking,
    MeetingState,
    MovedRule,
    PersonalData,
    Rag,
    ReviewOutcome,
    SubmissionState,
    TurnedInto,
)
from app.models import ChangeRequest, Person, Plan, ReviewMeeting
from app.services import (
    acceptances,
    baselines,
    change_requests,
    closing,
    evidence,
    evidence_versions,
    meetings,
    milestones,
    plan_structure,
    plans,
    receipts,
    record_proposals,
    success_criteria,
    triage,
    updates,
)
from app.services.plan_structure import PartKey
from app.services.seeds_format import BadSeeds, Calendar, Record
from app.services.seeds_proof import proofs_of
from app.services.submissions import SubmissionKey


@dataclass(slots=True)
class Stage:
    """Where one plan's history is played: its slug, its calendar, and what has been put on it so far, by reference."""

    plan: str
    calendar: Calendar
    uploads: Mapping[str, Upload]
    milestones: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)

    def key(self, step: Record) -> MilestoneKey:
        return MilestoneKey(id=self.milestone_id(step))

    def milestone_id(self, step: Record) -> str:
        return self._known(self.milestones, step, "milestone")

    def submission(self, step: Record) -> SubmissionKey:
        return SubmissionKey(plan=self.plan, ref=step["submission"])

    def evidence_id(self, step: Record) -> str:
        return self._known(self.evidence, step, "evidence")

    def known_evidence(self, step: Record, name: str) -> str:
        """The id of the evidence whose reference a step gives under this name."""
        return self._known(self.evidence, step, name)

    def _known(self, ids: dict[str, str], step: Record, noun: str) -> str:
        if step[noun] not in ids:
            raise BadSeeds(
                f"{self.plan}: {step['does']} on day {step['day']} names {step[noun]}, which is not there yet."
            )
        return ids[step[noun]]


def play(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """Carry out one step of a history. Raises BadSeeds for a verb or reference that is not known."""
    verb = VERBS.get(step["does"])
    if verb is None:
        raise BadSeeds(
            f"{stage.plan}: a step on day {step['day']} does “{step['does']}”, which is not a verb of the history."
        )
    verb(uow, stage, step)


def _plan_approval(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    plans.approve_plan(uow, slug=stage.plan, body=step["body"], meeting=step["meeting"])


def _agreement(stage: Stage, step: Record) -> Agreement | None:
    agreed = step.get("agreement")
    return Agreement(agreed["by"], stage.calendar.day(agreed["day"]), agreed["reference"]) if agreed else None


def _plan_closure(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """Where each open item went stands in `items`: by milestone, in words (`to`), to another plan, or both."""
    items = {one["milestone"]: Destination(one.get("to", ""), one.get("plan", "")) for one in step.get("items", ())}
    agreed = _agreement(stage, step)
    closing.close_plan(uow, slug=stage.plan, reason=step["reason"], items=items, agreement=agreed)


def _meeting_held(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    meetings.hold_meeting(
        uow,
        meeting=_meeting_on(uow, stage, step, step.get("meeting_day", step["day"])),
        attended=_people(uow, stage, step, step.get("attended", ())),
        others_present=step.get("others_present"),
    )


def _meeting_listed(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    meetings.add_meeting(uow, slug=stage.plan, on=stage.calendar.date_of(step["meeting_day"]))


def _meeting_moved(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    meetings.move_meeting(
        uow,
        meeting=_meeting_on(uow, stage, step, step["meeting_day"]),
        on=stage.calendar.date_of(step["to_day"]),
        reason=step["reason"],
    )


def _meeting_cancelled(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    meetings.cancel_meeting(uow, meeting=_meeting_on(uow, stage, step, step["meeting_day"]), reason=step["reason"])


def _meeting_on(uow: UnitOfWork, stage: Stage, step: Record, day: int) -> str:
    """The review meeting that stands on a day of the demo."""
    on = stage.calendar.date_of(day)
    for meeting in meetings.list_meetings(uow, slug=stage.plan):
        if meeting.on == on and meeting.state is not MeetingState.CANCELLED:
            return meeting.id
    raise BadSeeds(f"{stage.plan}: {step['does']} on day {step['day']} finds no review meeting on day {day}.")


def _people(uow: UnitOfWork, stage: Stage, step: Record, emails: Sequence[str]) -> list[str]:
    """People by e-mail address, as ids."""
    rows = uow.session.execute(select(Person.email, Person.id).where(Person.email.in_(emails)))  # type: ignore[call-overload]
    ids: dict[str, str] = {row.email: row.id for row in rows}
    unknown = [email for email in emails if email not in ids]
    if unknown:
        raise BadSeeds(f"{stage.plan}: {step['does']} on day {step['day']} names {unknown[0]}, who is not there.")
    return [ids[email] for email in emails]


def _move(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """A theme, action or milestone to another parent (`to`), to another place (`place`), or both."""
    place = {"position": step["place"]} if "place" in step else {}
    if "theme" in step:
        key = PartKey(plan=stage.plan, ref=step["theme"])
        plan_structure.edit_theme(uow, theme=key, changes=place, if_match=None)
        return
    parent = PartKey(plan=stage.plan, ref=step.get("to", ""))
    if "action" in step:
        to = {"theme": plan_structure.get_theme(uow, theme=parent).id} if parent.ref else {}
        key = PartKey(plan=stage.plan, ref=step["action"])
        plan_structure.edit_action(uow, action=key, changes={**to, **place}, if_match=None)
        return
    to = {"action": plan_structure.get_action(uow, action=parent).id} if parent.ref else {}
    milestones.edit_milestone(uow, milestone=stage.key(step), changes={**to, **place}, if_match=None)


def _update(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    updates.add_update(
        uow,
        milestone=stage.key(step),
        narrative=step.get("narrative"),
        no_change=step.get("no_change", False),
        forecast_date=stage.calendar.day(step.get("forecast_day")),
        declared_rag=_word(Rag, step.get("declared_rag")),
        rationale=step.get("rationale"),
        issue=step.get("issue"),
        support_required=step.get("support_required"),
        path_to_green=step.get("path_to_green"),
        return_to_green_on=stage.calendar.day(step.get("return_to_green_day")),
        waiting_on=step.get("waiting_on"),
        cause=_word(DelayCause, step.get("cause")),
    )


def _start(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.start(uow, milestone=stage.key(step))


def _completion(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.report_completed(
        uow,
        milestone=stage.key(step),
        completed_date=stage.calendar.date_of(step["completed_day"]),
        narrative=step["narrative"],
    )


def _return(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.return_to_progress(uow, milestone=stage.key(step), reason=step["reason"])


def _removal(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """An empty theme or action, or a milestone, that left its draft."""
    if "theme" in step:
        plan_structure.remove_theme(uow, theme=PartKey(plan=stage.plan, ref=step["theme"]), reason=step["reason"])
        return
    if "action" in step:
        plan_structure.remove_action(uow, action=PartKey(plan=stage.plan, ref=step["action"]), reason=step["reason"])
        return
    milestones.remove(uow, milestone=stage.key(step), reason=step["reason"])


def _achievement(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.mark_achieved(uow, milestone=stage.key(step), note=step.get("note"))


def _reopening(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.reopen(
        uow, milestone=stage.key(step), reason=step["reason"], due_date=stage.calendar.date_of(step["due_day"])
    )


def _lifting(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    milestones.lift_declaration(uow, milestone=stage.key(step), reason=step["reason"])


def _acceptance(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    acceptances.accept(
        uow, milestone=stage.key(step), until=stage.calendar.date_of(step["until_day"]), reason=step["reason"]
    )


def _acceptance_lifting(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    acceptances.lift(uow, milestone=stage.key(step), reason=step["reason"])


def _attach(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    taken = evidence.attach_evidence(
        uow,
        milestone=stage.key(step),
        link=step.get("link"),
        statement=step.get("statement"),
        restricted_to=_parties(uow, stage, step),
        **_told_of(stage, step),
        personal_data=_declared(step),
    )
    _note(stage, step, taken.ref, taken.id)


def _version(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """A newer version of the evidence `of`."""
    offer = evidence_versions.Offer(**_told_of(stage, step), personal_data_declared=_declared(step))
    taken = evidence_versions.add_version(uow, evidence=stage.known_evidence(step, "of"), offer=offer)
    _note(stage, step, taken.ref, taken.id)


def _note(stage: Stage, step: Record, ref: str, identity: str) -> None:
    if ref != step["evidence"]:
        raise BadSeeds(f"{stage.plan}: the evidence on day {step['day']} became {ref}, not {step['evidence']}.")
    stage.evidence[ref] = identity


def _told_of(stage: Stage, step: Record) -> dict[str, Any]:
    """What is said of an item, whichever version it is."""
    name = step.get("file")
    if name is not None and name not in stage.uploads:
        raise BadSeeds(f"{stage.plan}: {step['evidence']} is the file {name}, which is not in files/.")
    return {
        "title": step["title"],
        "upload": _found_in(stage.uploads[name], step) if name is not None else None,
        "description": step.get("description"),
        "kind": EvidenceKind(step["kind"]),
        "effective_from": stage.calendar.day(step.get("effective_from_day")),
        "effective_to": stage.calendar.day(step.get("effective_to_day")),
        "period_from": stage.calendar.day(step.get("period_from_day")),
        "period_to": stage.calendar.day(step.get("period_to_day")),
        "marking": _word(Marking, step.get("marking")) or Marking.OFFICIAL,
        "external_ref": step.get("external_ref"),
    }


def _declared(step: Record) -> tuple[PersonalData, ...]:
    return tuple(PersonalData(word) for word in step.get("personal_data", ()))


def _parties(uow: UnitOfWork, stage: Stage, step: Record) -> list[str]:
    """Organisations by slug; people by e-mail address, as ids."""
    named = step.get("restricted_to", ())
    people = [one for one in named if "@" in one]
    return [*(one for one in named if "@" not in one), *_people(uow, stage, step, people)]


def _found_in(upload: Upload, step: Record) -> Upload:
    """A demo's file with what it says was found in it."""
    return replace(upload, search=search_from_text(json.dumps(step["search"]))) if "search" in step else upload


def _retention(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    record_proposals.set_retention(uow, evidence=stage.evidence_id(step), retention=Retention(step["retention"]))


def _record_proposal(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    about: dict[str, Any] = {"evidence": stage.evidence_id(step)} if "evidence" in step else {}
    if "words" in step:
        about["text"] = record_proposals.text_that_says(uow, slug=stage.plan, words=step["words"])
    record_proposals.propose(uow, slug=stage.plan, kind=RecordKind(step["kind"]), reason=step["reason"], **about)


def _link(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    evidence.link_evidence(uow, milestone=stage.key(step), evidence=stage.evidence_id(step))


def _review(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    evidence.review_evidence(
        uow,
        evidence=stage.evidence_id(step),
        milestone=stage.milestone_id(step),
        outcome=ReviewOutcome(step["outcome"]),
        relevance=step["relevance"],
        robustness=step["robustness"],
        reason=step["reason"],
        meets=_agreed(uow, stage, step),
    )


def _agreed(uow: UnitOfWork, stage: Stage, step: Record) -> list[str]:
    """What a reviewer said that an item meets, from its words."""
    if "meets" not in step:
        return []
    known = success_criteria.criteria_of(uow, stage.milestone_id(step))
    return [one.id for one in known if success_criteria.words_of(one) in step["meets"]]


def _correspondence(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    sent = receipts.send_correspondence(
        uow,
        slug=stage.plan,
        title=step["title"],
        message=step["message"],
        milestone=stage.milestone_id(step) if "milestone" in step else None,
        external_ref=step.get("external_ref"),
    )
    if sent.ref != step["submission"]:
        raise BadSeeds(
            f"{stage.plan}: the correspondence on day {step['day']} became {sent.ref}, not {step['submission']}."
        )


def _reading(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    triage.mark_read(uow, submission=stage.submission(step))


def _passing(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    [person] = _people(uow, stage, step, [step["person"]])
    triage.pass_on(uow, submission=stage.submission(step), person=person)


def _triage(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    into = _word(TurnedInto, step.get("into"))
    made = triage.triage(
        uow,
        submission=stage.submission(step),
        choice=Choice(
            SubmissionState(step["outcome"]),
            reason=step.get("reason"),
            into=into,
            title=step.get("title"),
            parent=_parent(uow, stage, step, into),
            owner=_people(uow, stage, step, [step["owner"]])[0] if "owner" in step else None,
            due_date=stage.calendar.day(step.get("due_day")),
            success_criterion=step.get("success_criterion"),
            handed_to=step.get("handed_to"),
            handed_on=stage.calendar.day(step.get("handed_on_day")),
            their_reference=step.get("their_reference"),
        ),
    ).made
    if made is not None and made.kind is TurnedInto.MILESTONE:
        stage.milestones[made.ref] = made.id


def _parent(uow: UnitOfWork, stage: Stage, step: Record, into: TurnedInto | None) -> str | None:
    if into is None:
        return None
    key = PartKey(plan=stage.plan, ref=step["parent"])
    get = plan_structure.get_theme if into is TurnedInto.ACTION else plan_structure.get_action
    return get(uow, **{"theme" if into is TurnedInto.ACTION else "action": key}).id


def _withdrawal(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    evidence.withdraw_evidence(uow, evidence=stage.evidence_id(step), reason=step["reason"])


def _change_request(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    """Of a milestone, or of the plan itself where none is named."""
    if "milestone" not in step:
        change_requests.request_settings(
            uow, slug=stage.plan, kind=ChangeKind(step["kind"]), reason=step["reason"], **_settings(step["settings"])
        )
        return
    change_requests.request_change(
        uow,
        milestone=stage.key(step),
        kind=ChangeKind(step["kind"]),
        reason=step["reason"],
        due_date=stage.calendar.day(step.get("due_day")),
        ground=_word(CancellationGround, step.get("ground")),
        other=step.get("other"),
        success_criterion=step.get("success_criterion"),
        criteria=proofs_of(step["criteria"], stage.calendar) if "criteria" in step else None,
        parts=[_part(uow, stage, part) for part in step.get("parts", ())],
        agreement=_agreement(stage, step),
    )


def _part(uow: UnitOfWork, stage: Stage, part: Record) -> Part:
    email = part.get("owner")
    owner = select(Person.id).where(Person.email == email)  # type: ignore[call-overload]
    return Part(
        title=part["title"],
        success_criterion=part["success_criterion"],
        due_date=stage.calendar.date_of(part["due_day"]),
        owner=uow.session.execute(owner).scalar_one() if email else None,
    )


def _settings(given: Record) -> dict[str, Any]:
    words = {"evidence_policy": EvidencePolicy, "moved_rule": MovedRule}
    return {name: words[name](value) if name in words else value for name, value in given.items()}


def _decision(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    decided = change_requests.decide_change(
        uow,
        change_request=_waiting(uow, stage, step),
        outcome=step["outcome"],
        reason=step["reason"],
        meeting=_meeting(uow, stage, step),
    )
    stage.milestones.update({part.made.ref: part.made.id for part in decided.parts if part.made})


def _change_withdrawal(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    change_requests.withdraw_change(uow, change_request=_waiting(uow, stage, step), reason=step.get("reason"))


def _waiting(uow: UnitOfWork, stage: Stage, step: Record) -> str:
    """What was asked first of what the milestone (or the plan) still has open, or as many further on as is said."""
    milestone_id = stage.milestone_id(step) if "milestone" in step else None
    statement = (
        select(ChangeRequest.id)  # type: ignore[call-overload]
        .join(Plan, Plan.id == ChangeRequest.plan_id)
        .where(
            Plan.slug == stage.plan,
            ChangeRequest.milestone_id == milestone_id,
            ChangeRequest.state == ChangeState.REQUESTED,
        )
        .order_by(ChangeRequest.requested_at, ChangeRequest.id)
    )
    waiting = list(uow.session.execute(statement).scalars())
    place: int = step.get("further_on", 0)
    if place >= len(waiting):
        about = step.get("milestone", "the plan")
        raise BadSeeds(f"{stage.plan}: on day {step['day']} {about} has no such change to decide on.")
    found: str = waiting[place]
    return found


def _meeting(uow: UnitOfWork, stage: Stage, step: Record) -> str | None:
    if "meeting_day" not in step:
        return None
    on = stage.calendar.date_of(step["meeting_day"])
    statement = (
        select(ReviewMeeting.id)  # type: ignore[call-overload]
        .join(Plan, Plan.id == ReviewMeeting.plan_id)
        .where(Plan.slug == stage.plan, ReviewMeeting.on_day == on)
    )
    found: str = uow.session.execute(statement).scalar_one()
    return found


def _baseline_correction(uow: UnitOfWork, stage: Stage, step: Record) -> None:
    baseline = stage.calendar.date_of(step["baseline_day"])
    baselines.correct_baseline(uow, milestone=stage.key(step), baseline_date=baseline, reason=step["reason"])


def _word(words: Any, value: str | None) -> Any:
    return None if value is None else words(value)


VERBS: dict[str, Callable[[UnitOfWork, Stage, Record], None]] = {
    "plan_approval": _plan_approval,
    "plan_closure": _plan_closure,
    "meeting_listed": _meeting_listed,
    "meeting_held": _meeting_held,
    "meeting_moved": _meeting_moved,
    "meeting_cancelled": _meeting_cancelled,
    "move": _move,
    "update": _update,
    "start": _start,
    "completion": _completion,
    "return": _return,
    "removal": _removal,
    "achievement": _achievement,
    "reopening": _reopening,
    "lifting": _lifting,
    "acceptance": _acceptance,
    "acceptance_lifting": _acceptance_lifting,
    "attach": _attach,
    "version": _version,
    "link": _link,
    "review": _review,
    "withdrawal": _withdrawal,
    "retention": _retention,
    "record_proposal": _record_proposal,
    "correspondence": _correspondence,
    "reading": _reading,
    "passing": _passing,
    "triage": _triage,
    "change_request": _change_request,
    "decision": _decision,
    "change_withdrawal": _change_withdrawal,
    "baseline_correction": _baseline_correction,
}
