"""What stands in each column of the tables that are taken away as CSV: (heading, the cell of a row)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from app.documents.csv_files import Cell
from app.domain.change_requests import ChangeRequestView
from app.domain.evidence import EvidenceView, LinkView
from app.domain.exception_reports import ExceptionItem
from app.domain.honesty import CHECKS, Finding
from app.domain.markings import MARKING_WORDS
from app.domain.meetings import MeetingView
from app.domain.milestones import AuditLine, CarriedOver, MilestoneRow
from app.domain.my_updates import ItemToUpdate
from app.domain.plans import PlanSummary
from app.domain.timelines import TimelineItem
from app.domain.words import CAUSE_WORDS, ROLE_WORDS, Role
from app.pages.change_words import KIND_CHOICES, STATE_WORDS, asked, title_of
from app.pages.evidence_words import door_words, personal_data_words
from app.pages.meetings import STATES
from app.pages.milestone_words import audit_entry, logged
from app.pages.plans import STATE_WORDS as PLAN_STATES
from app.pages.wording import EVIDENCE_KIND_WORDS, KIND_WORDS, RAG_TITLES, STATUS_TITLES, evidence_words

T = TypeVar("T")
Columns = Mapping[str, Callable[[T], Cell]]

_KINDS = {str(kind): words for kind, words in KIND_CHOICES}


def yes(is_so: bool) -> str:
    """A cell that says whether something is so."""
    return "Yes" if is_so else ""


def carried_over_words(carried: CarriedOver | None) -> str:
    """Where an item of a closed plan went, as its page says it."""
    if carried is None:
        return ""
    plan = carried.plan[1] if carried.plan else "Another plan" if carried.elsewhere else ""
    return ": ".join(part for part in (plan, carried.words) if part)


MILESTONE_COLUMNS: Columns[MilestoneRow] = {
    "Reference": lambda row: row.ref,
    "Title": lambda row: row.title,
    "RAG": lambda row: RAG_TITLES[row.rag] if row.rag else "",
    "Where it stands": lambda row: row.standing,
    "Reasons": lambda row: [reason.message for reason in row.reasons],
    "Days at that colour": lambda row: row.days,
    "Days as an exception": lambda row: row.exception_days,
    "Status": lambda row: STATUS_TITLES[row.status],
    "Theme": lambda row: f"{row.theme.ref} {row.theme.title}" if row.theme else "",
    "Action": lambda row: f"{row.action.ref} {row.action.title}",
    "Owner": lambda row: row.owner.title if row.owner else "",
    "Organisation": lambda row: row.organisation.name,
    "Supporting organisations": lambda row: [one.name for one in row.supporting_organisations],
    "Start": lambda row: row.start_date,
    "Baseline": lambda row: row.baseline_date,
    "Due": lambda row: row.due_date,
    "Forecast": lambda row: row.forecast_date,
    "Completed": lambda row: row.completed_date,
    "Achieved": lambda row: row.achieved_date,
    "Slip in days": lambda row: row.slip_days,
    "Approved slip in days": lambda row: row.approved_slip_days,
    "Times moved": lambda row: row.moves,
    "Evidence": lambda row: evidence_words(row.evidence),
    "Evidence ends": lambda row: row.evidence.ends_on,
    "Carried over to": lambda row: carried_over_words(row.carried_over),
    "Marking": lambda row: MARKING_WORDS[row.marking],
    "Restricted": lambda row: yes(row.restricted),
}

EXCEPTION_COLUMNS: Columns[ExceptionItem] = {
    "RAG": lambda item: RAG_TITLES[item.rag],
    "Since": lambda item: item.since,
    "Days at that colour": lambda item: item.days,
    "Days as an exception": lambda item: item.exception_days,
    "RAG today": lambda item: RAG_TITLES[item.rag_now],
    "Turns Red on": lambda item: item.turns_red_on,
    "Plan": lambda item: item.plan_slug,
    "Kind": lambda item: KIND_WORDS.get(item.kind, item.kind.capitalize()),
    "Reference": lambda item: item.ref,
    "Title": lambda item: item.title,
    "Reasons": lambda item: [reason.message for reason in item.reasons],
    "Owner": lambda item: item.owner,
    "Organisation": lambda item: item.organisation,
    "Theme": lambda item: item.theme,
    "Baseline": lambda item: item.baseline_date,
    "Due": lambda item: item.due_date,
    "Forecast": lambda item: item.forecast_date,
    "Completed": lambda item: item.completed_date,
    "Slip in days": lambda item: item.slip_days,
    "Approved slip in days": lambda item: item.approved_slip_days,
    "Times moved": lambda item: item.moves,
    "Evidence": lambda item: evidence_words(item.evidence) if item.kind == "milestone" else "",
    "Issue": lambda item: item.issue,
    "Waiting on": lambda item: item.waiting_on,
    "Waiting since": lambda item: item.waiting_on_since,
    "Cause of delay": lambda item: CAUSE_WORDS[item.cause] if item.cause else "",
    "Support required": lambda item: item.support_required,
    "Path to green": lambda item: item.path_to_green,
    "Green on": lambda item: item.return_to_green_on,
    "Last update": lambda item: item.last_update_at,
    "Last update by": lambda item: item.last_update_by,
    "Accepted until": lambda item: item.accepted_until,
    "Accepted by": lambda item: item.accepted_by,
    "Marking": lambda item: MARKING_WORDS[item.marking],
    "Restricted": lambda item: yes(item.restricted),
}

PLAN_COLUMNS: Columns[PlanSummary] = {
    "Plan": lambda one: one.plan.title,
    "Lead organisation": lambda one: one.plan.organisation.name,
    "Your roles": lambda one: [ROLE_WORDS[role] for role in Role if role in one.plan.roles],
    "State": lambda one: PLAN_STATES[one.plan.state],
    "Red": lambda one: one.red,
    "Amber": lambda one: one.amber,
    "Milestones on track (Green)": lambda one: one.counts.green,
    "Milestones not yet due to start": lambda one: one.counts.not_due,
    "Milestones achieved": lambda one: one.counts.achieved,
    "Milestones due to date": lambda one: one.due_to_date,
    "Achieved of those due": lambda one: one.achieved_of_due,
    "Due dates moved": lambda one: one.moved,
    "Next review": lambda one: one.plan.next_review,
    "Submissions waiting": lambda one: one.waiting_submissions,
    "Oldest submission waiting since": lambda one: one.oldest_waiting_since,
    "Restricted and not shown to you": lambda one: one.withheld,
}

MEETING_COLUMNS: Columns[MeetingView] = {
    "Day": lambda view: view.on,
    "State": lambda view: STATES[view.state][0],
    "Moved from": lambda view: view.moved_from,
    "Why it was moved": lambda view: view.move_reason,
    "Why it was cancelled": lambda view: view.cancellation_reason,
    "Attended by": lambda view: [f"{one.title} ({one.organisation})" for one in view.attended],
    "Also there": lambda view: view.others_present,
    "Not a working day": lambda view: view.warning,
}

CHANGE_REQUEST_COLUMNS: Columns[ChangeRequestView] = {
    "Milestone": lambda one: one.milestone.ref if one.milestone else "",
    "Title": lambda one: one.milestone.title if one.milestone else "The plan",
    "Kind": lambda one: _KINDS[one.kind],
    "What is asked for": lambda one: title_of(one),
    "Why": lambda one: one.reason,
    "Due before": lambda one: one.due_was,
    "Due if approved": lambda one: one.due_date,
    "Facts": lambda one: [f"{name}: {words}" for name, words in asked(one).facts],
    "Asked by": lambda one: one.requested_by,
    "Asked at": lambda one: one.requested_at,
    "State": lambda one: STATE_WORDS[one.state],
    "Decided by": lambda one: one.decided_by,
    "Decided at": lambda one: one.decided_at,
    "Decided in the meeting of": lambda one: one.meeting_on,
    "Why so decided": lambda one: one.decision_reason,
}

UPDATE_COLUMNS: Columns[ItemToUpdate] = {
    "Plan": lambda item: item.plan_title,
    "Reference": lambda item: item.row.ref,
    "Title": lambda item: item.row.title,
    "What is needed": lambda item: [need.message for need in item.needs],
    "Needed since": lambda item: item.needs[0].since if item.needs else None,
    "RAG": lambda item: RAG_TITLES[item.row.rag] if item.row.rag else "",
    "Where it stands": lambda item: item.row.standing,
    "Reasons": lambda item: [reason.message for reason in item.row.reasons],
    "Days as an exception": lambda item: item.row.exception_days,
    "Owner": lambda item: item.row.owner.title if item.row.owner else "",
    "Due": lambda item: item.row.due_date,
    "Forecast": lambda item: item.row.forecast_date,
    "Slip in days": lambda item: item.row.slip_days,
    "Times moved": lambda item: item.row.moves,
    "Next review": lambda item: item.next_review,
    "Last update": lambda item: item.last.at if item.last else None,
    "Last update by": lambda item: item.last.by if item.last else "",
    "What it said": lambda item: item.last.said.narrative if item.last else "",
    "Marking": lambda item: MARKING_WORDS[item.row.marking],
}

EVIDENCE_COLUMNS: Columns[tuple[EvidenceView, LinkView | None]] = {
    "Reference": lambda one: one[0].ref,
    "Title": lambda one: one[0].title,
    "State for this milestone": lambda one: logged(*one).state,
    "Form": lambda one: one[0].form.capitalize(),
    "Kind": lambda one: EVIDENCE_KIND_WORDS[one[0].kind],
    "Description": lambda one: one[0].description,
    "File": lambda one: one[0].file_name,
    "SHA-256": lambda one: one[0].sha256,
    "Link": lambda one: one[0].link,
    "Statement": lambda one: one[0].statement,
    "Sent by": lambda one: one[0].provided_by,
    "Organisation": lambda one: one[0].organisation,
    "Received": lambda one: one[0].received_at,
    "Dated": lambda one: one[0].effective_from,
    "Valid to": lambda one: one[0].effective_to,
    "Period from": lambda one: one[0].period_from,
    "Period to": lambda one: one[0].period_to,
    "Their reference": lambda one: one[0].external_ref,
    "Sent": lambda one: door_words(one[0]),
    "Personal data declared": lambda one: personal_data_words(one[0]),
    "Version": lambda one: one[0].version_number,
    "Newer version": lambda one: one[0].newer.ref if one[0].newer else "",
    "Reviewed by": lambda one: one[1].reviewed_by if one[1] else "",
    "Reviewed at": lambda one: one[1].reviewed_at if one[1] else None,
    "Relevance": lambda one: one[1].relevance if one[1] else None,
    "Robustness": lambda one: one[1].robustness if one[1] else None,
    "Why so reviewed": lambda one: one[1].reason if one[1] else "",
    "Withdrawn": lambda one: one[0].withdrawn_at,
    "Withdrawn by": lambda one: one[0].withdrawn_by,
    "Why withdrawn": lambda one: one[0].withdrawal_reason,
    "Marking": lambda one: MARKING_WORDS[one[0].marking],
    "Restricted to": lambda one: list(one[0].restricted_to),
}

FINDING_COLUMNS: Columns[Finding] = {
    "Check": lambda one: CHECKS[one.check][0],
    "Reference": lambda one: one.ref,
    "Title": lambda one: one.title,
    "What it finds": lambda one: one.message,
    "Also about": lambda one: one.also,
}

TIMELINE_COLUMNS: Columns[TimelineItem] = {
    "Reference": lambda item: item.ref,
    "Title": lambda item: item.title,
    "Theme": lambda item: f"{item.theme.ref} {item.theme.title}",
    "Baseline": lambda item: item.baseline_date,
    "Due": lambda item: item.due_date,
    "Forecast": lambda item: item.forecast_date,
    "Completed": lambda item: item.completed_date,
    "Achieved": lambda item: item.achieved_date,
    "Slip in days": lambda item: item.slip_days,
    "Approved slip in days": lambda item: item.approved_slip_days,
    "Times moved": lambda item: item.moves,
    "RAG": lambda item: RAG_TITLES[item.rag] if item.rag else "",
    "Where it stands": lambda item: item.standing,
    "Marking": lambda item: MARKING_WORDS[item.marking],
    "Restricted": lambda item: yes(item.restricted),
}


def audit_columns(names: Mapping[str, str]) -> Columns[AuditLine]:
    """The columns of an audit trail. `names` says what ids mean."""

    def said(pairs: Sequence[tuple[str, str]]) -> list[str]:
        return [f"{name}: {words}" for name, words in pairs]

    return {
        "Event": lambda line: line.seq,
        "At": lambda line: line.at,
        "What": lambda line: audit_entry(line, names).title,
        "Item": lambda line: line.item_ref,
        "By": lambda line: line.actor or "Waymark",
        "Through": lambda line: audit_entry(line, names).door,
        "Facts": lambda line: said(audit_entry(line, names).facts),
        "What was typed": lambda line: said(audit_entry(line, names).texts),
        "Fingerprint": lambda line: line.hash,
    }
