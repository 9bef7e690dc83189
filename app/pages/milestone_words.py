"""What the milestone page says, made of what the service returned: the gate's lines, the evidence log, the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from app.domain.change_requests import REDACTED
from app.domain.days import day_count, long_date
from app.domain.evidence import EvidenceView, LinkView, why_sealed
from app.domain.markings import marks
from app.domain.milestones import AuditLine, DateChange, MilestoneView, UpdateView
from app.domain.words import (
    CAUSE_WORDS,
    ChangeKind,
    ChangeState,
    EvidenceForm,
    EvidencePolicy,
    MilestoneEventKind,
    Rag,
    ReviewOutcome,
    ScanState,
    Status,
)
from app.pages.change_words import cancelled_because
from app.pages.evidence_words import newer_words
from app.pages.templating import file_size, moment, sentence
from app.pages.wording import EVIDENCE_KIND_WORDS, RAG_TITLES, listing

# --- The gate ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """One line of the gate. `links` are evidence references to look at, as (anchor, words)."""

    code: str
    title: str
    met: bool
    text: str
    links: tuple[tuple[str, str], ...] = ()


_POLICY_TITLES = {
    EvidencePolicy.ATTACHED: ("evidence_required", "At least one file that shows the work is done"),
    EvidencePolicy.ACCEPTED: ("evidence_not_accepted", "One evidence item accepted by someone who did not provide it"),
}
_OTHER_TITLES = {
    "evidence_pending_scan": "Every file scanned",
    "plan_not_approved": "An approved plan",
    "criteria_unmet": "Its success criteria met",
}


def needs_of(view: MilestoneView) -> list[Need]:
    """What has to be in place, met or not, in the order in which a person meets it."""
    missing = {reason.code: reason.message for reason in view.row.still_needed}
    evidence_code, evidence_title = _POLICY_TITLES[view.plan_policy]
    needs = [
        Need("not_completed", "Reported complete by its owner", "not_completed" not in missing,
             missing.pop("not_completed", "") or _reported(view)),
        _evidence_need(view, evidence_code, evidence_title, missing.pop(evidence_code, "")),
    ]  # fmt: skip
    needs += [Need(code, _OTHER_TITLES.get(code, "Also needed"), False, text) for code, text in missing.items()]
    return needs


def _reported(view: MilestoneView) -> str:
    report = next((entry for entry in view.timeline if entry.kind == MilestoneEventKind.COMPLETED), None)
    by = report.by if report else "Its owner"
    return f"{by}, {long_date(view.row.completed_date)}" if view.row.completed_date else by


def _evidence_need(view: MilestoneView, code: str, title: str, missing: str) -> Need:
    if not missing:
        counting = [item for item in view.evidence if (link := link_to(item, view)) and link.counts]
        links = tuple((item.ref, f"{item.ref} {item.title}") for item in counting)
        return Need(code, title, True, "Counts:" if links else "", links)
    waiting = tuple((item.ref, f"Review {item.ref}") for item in view.evidence if _waits_for_review(item, view))
    return Need(code, title, False, sentence(missing), waiting)


def _waits_for_review(item: EvidenceView, view: MilestoneView) -> bool:
    link = link_to(item, view)
    return link is not None and link.why_not in ("not_reviewed", "before_reopening")


# --- The evidence log ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoggedEvidence:
    """One item of the log as it bears on this milestone."""

    item: EvidenceView
    state: str
    state_class: str
    what: str
    review: str
    score: str
    may_review: bool
    marking: str
    sealed: str
    newer: str
    counts: bool
    others: tuple["LoggedEvidence", ...] = ()

    @property
    def others_words(self) -> str:
        """The line above the folded versions, which says whether one of them counts meanwhile."""
        words = f"{len(self.others)} other version{'' if len(self.others) == 1 else 's'}"
        counting = [one.item.ref for one in self.others if one.counts]
        verb = "counts" if len(counting) == 1 else "count"
        return f"{words}: {listing(counting)} {verb} meanwhile" if counting else words


_STATES = {
    "withdrawn": ("Withdrawn", " wm-state--off"),
    "quarantined": ("In quarantine", ""),
    "pending_scan": ("Waiting to be scanned", " wm-state--strong"),
    "expired": ("No longer valid", ""),
    "superseded": ("Superseded", " wm-state--off"),
    "rejected": ("Rejected", ""),
    "returned": ("Returned", ""),
    "before_reopening": ("From before the reopening", " wm-state--strong"),
    "not_reviewed": ("Waiting for review", " wm-state--strong"),
}


SCANS = {
    ScanState.PENDING: "Waiting for it: until then the file counts nowhere and cannot be opened",
    ScanState.CLEAN: "Nothing found",
    ScanState.INFECTED: "In quarantine: a virus was found. The file counts nowhere and nobody can open it",
    ScanState.UNSCANNED: "Not scanned: no scanner was set up when it came",
}


def link_to(item: EvidenceView, view: MilestoneView) -> LinkView | None:
    """How an item bears on this milestone."""
    return next((link for link in item.links if link.milestone_id == view.row.id), None)


def logged(item: EvidenceView, link: LinkView | None) -> LoggedEvidence:
    """An item with its state for one milestone in words."""
    state, state_class = _state(link)
    sealed = why_sealed(item.scan)
    return LoggedEvidence(
        item=item,
        state=state,
        state_class=state_class,
        what=what_it_is(item),
        review=_review(link),
        score=_score(link),
        may_review=item.may_review and link is not None,
        marking="".join(marks(marking=item.marking)),
        sealed=sealed.message if sealed is not None else "",
        newer=newer_words(item),
        counts=link is not None and link.counts,
    )


def log_of(view: MilestoneView) -> list[LoggedEvidence]:
    """The evidence log of a milestone, newest first, each item with its other versions folded beneath it: what stands
    for them all is the newest that nobody has withdrawn.
    """
    entries = [logged(item, link_to(item, view)) for item in view.evidence]
    standing: dict[str, LoggedEvidence] = {}
    others: dict[str, list[LoggedEvidence]] = {}
    for entry in sorted(entries, key=lambda one: (one.item.withdrawn_at is not None, -one.item.version_number)):
        if standing.setdefault(entry.item.series, entry) is not entry:
            others.setdefault(entry.item.series, []).append(entry)
    return [
        replace(entry, others=tuple(others[entry.item.series])) if entry.item.series in others else entry
        for entry in entries
        if standing[entry.item.series] is entry
    ]


def in_log(view: MilestoneView, evidence: str) -> LoggedEvidence | None:
    """One entry of the log, whether it stands for itself or is folded."""
    entries = [one for entry in log_of(view) for one in (entry, *entry.others)]
    return next((entry for entry in entries if entry.item.id == evidence), None)


def _state(link: LinkView | None) -> tuple[str, str]:
    if link is None:
        return "", ""
    if link.why_not is not None:
        return _STATES[link.why_not]
    return ("Accepted", " wm-state--wash") if link.outcome is ReviewOutcome.ACCEPTED else ("Counts", " wm-state--wash")


def what_it_is(item: EvidenceView) -> str:
    """Kind, size, who sent it and when: one sentence."""
    kind = EVIDENCE_KIND_WORDS[item.kind]
    size = f", {file_size(item.size)}" if item.form is EvidenceForm.FILE and item.size is not None else ""
    return f"{kind}{size}. Sent by {item.provided_by}, {item.organisation}, {moment(item.received_at)}."


def _review(link: LinkView | None) -> str:
    if link is None or link.outcome is None:
        return ""
    return {
        ReviewOutcome.ACCEPTED: "Why accepted",
        ReviewOutcome.REJECTED: "Why rejected",
        ReviewOutcome.RETURNED: "Why returned",
    }[link.outcome]


def _score(link: LinkView | None) -> str:
    if link is None or link.relevance is None or link.robustness is None:
        return ""
    return f"Relevance {link.relevance} of 3, robustness {link.robustness} of 3."


# --- Updates and history -------------------------------------------------------------------------------------------

_ENTRY_TITLES = {
    "update": "Update",
    MilestoneEventKind.STARTED: "Started",
    MilestoneEventKind.COMPLETED: "Reported complete",
    MilestoneEventKind.RETURNED: "Returned to in progress",
    MilestoneEventKind.ACHIEVED: "Achieved",
    MilestoneEventKind.FELL_BACK: "Fell back to completed",
    MilestoneEventKind.REOPENED: "Reopened",
    MilestoneEventKind.CANCELLED: "Cancelled",
    MilestoneEventKind.ACCEPTED: "Accepted",
    MilestoneEventKind.ACCEPTANCE_LIFTED: "Acceptance lifted",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the timeline: a title, who and when, what was said, and the rest as (name, words)."""

    update: UpdateView
    title: str
    facts: tuple[tuple[str, str], ...]


def entry_of(update: UpdateView) -> Entry:
    """A progress update or state change in words."""
    facts: list[tuple[str, str | None]] = [
        ("Until", long_date(update.day) if update.day else None),
        ("Declared", _declared(update)),
        ("Why", update.rationale),
        ("Forecast", _forecast(update)),
        ("Issue", update.issue),
        ("Support required", update.support_required),
        ("Path to green", _path(update)),
        ("Waiting on", _waiting(update)),
        ("Cause of delay", CAUSE_WORDS[update.cause] if update.cause else None),
    ]
    title = _ENTRY_TITLES.get(update.kind, update.kind)
    if update.no_change:
        title = "No change"
    elif update.declared_rag is not None and update.narrative is None:
        title = "Declaration"
    return Entry(update, title, tuple((name, text) for name, text in facts if text))


def _declared(update: UpdateView) -> str | None:
    if update.declaration_effect:
        return update.declaration_effect.removeprefix("Declared ")
    return RAG_TITLES[update.declared_rag] if update.declared_rag else None


def _forecast(update: UpdateView) -> str | None:
    if update.forecast_date is None:
        return None
    if update.forecast_was is None or update.forecast_was == update.forecast_date:
        return long_date(update.forecast_date)
    return f"moved from {long_date(update.forecast_was)} to {long_date(update.forecast_date)}"


def _path(update: UpdateView) -> str | None:
    if update.return_to_green_on is None:
        return update.path_to_green
    return f"{update.path_to_green or ''} Green on {long_date(update.return_to_green_on)}, says its owner.".strip()


def _waiting(update: UpdateView) -> str | None:
    if not update.waiting_on:
        return None
    return (
        f"{update.waiting_on}, since {long_date(update.waiting_on_since)}"
        if update.waiting_on_since
        else update.waiting_on
    )


def history_line(change: DateChange) -> tuple[str, str, str]:
    """A line of the date history: ("Due 16 November 2009", "was 30 October 2009. Approved …", reason)."""
    words = long_date(change.value) if change.value else "none"
    was = f"was {long_date(change.was)}. " if change.was else ""
    if change.field == "baseline":
        about = f"approved with the plan by {change.by}" if change.by else "approved with the plan"
        if change.was:
            about = f"was {long_date(change.was)}. Corrected {moment(change.at)}, {change.by}"
    else:
        verb = "Approved " if change.field == "due" else ""
        about = f"{was}{verb}{moment(change.at)}, {change.by}"
    return f"{change.field.capitalize()} {words}", about, change.reason or ""


# --- Where it stands -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """The block under the title: a colour or a word of its own, since when, why, and the status in words."""

    css: str
    tag: str
    tag_css: str
    days: str
    reasons: tuple[str, ...]
    words: str
    detail: str


def standing_of(view: MilestoneView) -> Standing:
    """Colour, days and reasons; or the word that stands instead of a colour."""
    row = view.row
    detail = ""
    if row.status is Status.COMPLETED and row.completed_date:
        detail = f"Reported complete on {long_date(row.completed_date)}"
    if row.status is Status.ACHIEVED and row.achieved_date:
        detail = f"On {long_date(row.achieved_date)}"
    if row.status is Status.CANCELLED:
        detail = _why_cancelled(view)
    if row.rag is None:
        achieved = row.status is Status.ACHIEVED
        return Standing(
            css="achieved" if achieved else "plain",
            tag=row.standing,
            tag_css="wm-rag wm-rag--achieved wm-rag--large" if achieved else "wm-standing__word",
            days="",
            reasons=(),
            words="Not independently reviewed" if view.not_independent else "",
            detail=detail,
        )
    return Standing(
        css=row.rag,
        tag=RAG_TITLES[row.rag],
        tag_css=f"wm-rag wm-rag--{row.rag} wm-rag--large",
        days=_days(row.rag, row.days, row.exception_days),
        reasons=tuple(reason.message for reason in row.reasons),
        words=row.standing,
        detail=detail,
    )


def _why_cancelled(view: MilestoneView) -> str:
    """Why it ended, and where the work went."""
    ending = (ChangeKind.CANCELLATION, ChangeKind.REPLACEMENT, ChangeKind.SPLIT)
    done = (one for one in view.change_requests if one.state == ChangeState.APPROVED and one.kind in ending)
    ended_by = next(done, None)
    if ended_by is None:
        return "It was removed from the draft"
    because = cancelled_because(ended_by)
    return f"{because[0].upper()}{because[1:]}"


def _days(rag: Rag, days: int | None, exception_days: int | None) -> str:
    if rag is Rag.GREEN or days is None:
        return ""
    if exception_days is not None and exception_days > days:
        return f"for {day_count(days)}, an exception for {exception_days}"
    return f"for {day_count(days)}"


# --- The audit trail -----------------------------------------------------------------------------------------------

_DOORS = {"page": "on a page", "api": "through the API", "cli": "on the command line", "job": "by a job"}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An audit event as a person reads it."""

    line: AuditLine
    title: str
    door: str
    facts: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]
    redactable: tuple[tuple[str, str], ...] = ()


def audit_entries(lines: Sequence[AuditLine], *, names: Mapping[str, str]) -> list[AuditEntry]:
    """A trail in words, in the order given. `names` says what ids mean."""
    return [audit_entry(line, names) for line in lines]


def audit_entry(line: AuditLine, names: Mapping[str, str]) -> AuditEntry:
    """One event in words."""
    facts = ((_titled(name), _named_fact(name, value, names)) for name, value in line.facts.items())
    return AuditEntry(
        line=line,
        title=line.event.replace("_", " ").capitalize(),
        door=_DOORS.get(line.door, line.door),
        facts=tuple((name, words) for name, words in facts if words),
        texts=tuple((_titled(name), body if body is not None else "redacted") for name, body in line.texts.items()),
        redactable=tuple(
            (_titled(name), line.text_ids[name])
            for name, body in line.texts.items()
            if body not in (None, REDACTED) and name in line.text_ids
        ),
    )


def _titled(name: str) -> str:
    return {"sha256": "SHA-256", "rag": "RAG", "size": "Size in bytes"}.get(name, name.replace("_", " ").capitalize())


def _named_fact(name: str, value: object, names: Mapping[str, str]) -> str:
    """The milestone that goes on is named for whoever may know of it; the trail holds its id only."""
    if name == "other" and value not in names:
        return "another milestone"
    return _fact(value, names)


def _fact(value: object, names: Mapping[str, str]) -> str:
    """A fact in words; a change, kept as [was, is], says both. Nothing where there was and is nothing."""
    if not isinstance(value, list):
        return _said(value, names)
    if len(value) != 2 or any(isinstance(part, list) for part in value):
        return listing(_said(part, names) for part in value)
    was, now = (_said(part, names) for part in value)
    return f"{now or 'none'} (was {was})" if was else now


def _said(value: object, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if text in names:
        return names[text]
    return _moment_or_day(text) or text.replace("_", " ")


def _moment_or_day(text: str) -> str:
    try:
        return long_date(date.fromisoformat(text)) if len(text) == 10 else moment(datetime.fromisoformat(text))
    except ValueError:
        return ""
