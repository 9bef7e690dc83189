"""The honesty checks: signs that a plan looks better than it is (rule 3). Not verdicts: each says what to ask about.

Pure: services hand in rows, what comes back are findings in words. What is looked for, and why, is `CHECKS`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.days import clock_time, day_count, london_day, long_date
from app.domain.plans import PlanView
from app.domain.words import OPEN_STATUSES, Status

BULK_MILESTONES = 5
BULK_WITHIN = timedelta(minutes=10)
SHARED_BY = 5


class Check(StrEnum):
    """What is looked for, in the order in which it is shown."""

    ACTION_WITHOUT_MILESTONE = "action_without_milestone"
    NO_CRITERION = "no_criterion"
    SAME_WORDS = "same_words"
    BULK_UPDATE = "bulk_update"
    SHARED_FILE = "shared_file"
    EVIDENCE_AFTER_COMPLETION = "evidence_after_completion"
    NOT_INDEPENDENT = "not_independent"
    GREEN_UNTIL_OVERDUE = "green_until_overdue"
    APPROVED_BY_OWNER = "approved_by_owner"


CHECKS: dict[Check, tuple[str, str]] = {
    Check.ACTION_WITHOUT_MILESTONE: (
        "Actions without a milestone",
        "What has no dated point that can be checked can neither be late nor be proved.",
    ),
    Check.NO_CRITERION: (
        "No success criterion",
        "Where nobody agreed beforehand what would prove it, anything can be called achieved.",
    ),
    Check.SAME_WORDS: (
        "Same words as the last update",
        "An update that repeats the one before may mean that nobody has looked. “No change” says so openly.",
    ),
    Check.BULK_UPDATE: (
        "Bulk updates",
        "One person updated five or more milestones within ten minutes in the same words: a report for its own sake.",
    ),
    Check.SHARED_FILE: (
        "One file behind five or more milestones",
        "One document seldom proves so much. Ask which part of it shows what.",
    ),
    Check.EVIDENCE_AFTER_COMPLETION: (
        "Evidence dated after the completed date",
        "The work may have been finished later than was reported.",
    ),
    Check.NOT_INDEPENDENT: (
        "Not independently reviewed",
        "One person reported it completed, gave the only evidence and marked it achieved. Every edition says so too.",
    ),
    Check.GREEN_UNTIL_OVERDUE: (
        "Green until the day it was overdue",
        "Nobody said beforehand that it would be late, so nobody could help.",
    ),
    Check.APPROVED_BY_OWNER: (
        "Approved by who owns it",
        "Whoever approved this plan owns these milestones of it, and agreed to their own dates and criteria.",
    ),
}
"""Each check's title, and why it matters."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign: the item it is about, and the sentence. `milestone_ref` is empty where it is about an action.

    `also` are references of the other milestones it is about.
    """

    check: Check
    ref: str
    title: str
    message: str
    milestone_ref: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One check: why it matters, how many findings there are (1,001: more than 1,000), and the first of them."""

    check: Check
    title: str
    why: str
    count: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class HonestyReport:
    """Every check of a plan. `updates_read`: how many of the latest updates the checks of words looked at."""

    plan: PlanView
    groups: tuple[Group, ...]
    updates_read: int

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class Said:
    """An update as the checks of words read it. `words` is empty where there are none, or they were redacted."""

    milestone_id: str
    ref: str
    title: str
    by_id: str
    by: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file, how many milestones it is evidence of, and the references of the first of them, in order."""

    name: str
    number: int
    refs: tuple[str, ...]
    titles: tuple[str, ...]


def action_without_milestone(ref: str, title: str) -> Finding:
    """An action of which no milestone is left but cancelled ones."""
    return Finding(
        Check.ACTION_WITHOUT_MILESTONE, ref, title, "It has no milestone, so nothing shows whether it is done"
    )


def no_criterion(ref: str, title: str) -> Finding:
    return Finding(Check.NO_CRITERION, ref, title, "Nothing says what would prove it", ref)


def not_independent(ref: str, title: str) -> Finding:
    words = "One person reported it completed, gave the only evidence and marked it achieved"
    return Finding(Check.NOT_INDEPENDENT, ref, title, words, ref)


def approved_by_owner(ref: str, title: str) -> Finding:
    return Finding(Check.APPROVED_BY_OWNER, ref, title, "Its owner is who approved the plan", ref)


def evidence_after_completion(
    ref: str, title: str, *, evidence: str, dated: date | None, completed: date | None
) -> Finding | None:
    """Evidence that itself says it is of a later day than the milestone's completed date. When it was sent is another
    matter: evidence may well follow.
    """
    if dated is None or completed is None or dated <= completed:
        return None
    late = day_count((dated - completed).days)
    words = f"{evidence} is dated {long_date(dated)}, {late} after its completed date, {long_date(completed)}"
    return Finding(Check.EVIDENCE_AFTER_COMPLETION, ref, title, words, ref)


def green_until_overdue(
    ref: str, title: str, *, status: Status, due: date | None, amber_on: date | None, today: date
) -> Finding | None:
    """Open and overdue, and no exception before the day after its due date."""
    if status not in OPEN_STATUSES or due is None or amber_on is None or due >= today:
        return None
    if amber_on != due + timedelta(days=1):
        return None
    words = f"Green until its due date, {long_date(due)}, and overdue the day after"
    return Finding(Check.GREEN_UNTIL_OVERDUE, ref, title, words, ref)


def same_words(updates: Iterable[Said]) -> list[Finding]:
    """Milestones whose latest update says what the one before it said. `updates` newest first; those without words
    ("no change" among them) are passed over.
    """
    latest: dict[str, Said] = {}
    judged: set[str] = set()
    found = []
    for said in updates:
        if not said.words or said.milestone_id in judged:
            continue
        last = latest.setdefault(said.milestone_id, said)
        if last is said:
            continue
        judged.add(said.milestone_id)
        if _plain(last.words) == _plain(said.words):
            words = f"The update of {_day(last)} by {last.by} says word for word what that of {_day(said)} said"
            found.append(Finding(Check.SAME_WORDS, last.ref, last.title, words, last.ref))
    return found


def bulk_updates(updates: Iterable[Said]) -> list[Finding]:
    """One person, the same words, many milestones, within minutes: one finding each time. `updates` newest first."""
    alike: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for said in updates:
        if said.words:
            alike[said.by_id, _plain(said.words)].append(said)
    runs = [run for several in alike.values() for run in _runs(several[::-1])]
    return [_bulk(run) for run in sorted(runs, key=lambda run: run[-1].at, reverse=True)]


def shared_file(file: SharedFile) -> Finding | None:
    """One file that is evidence of many milestones."""
    if file.number < SHARED_BY:
        return None
    words = f"“{file.name}” is evidence of {file.number:,} milestones: {_listed(file.refs, file.number)}"
    return Finding(Check.SHARED_FILE, file.refs[0], file.titles[0], words, file.refs[0], file.refs[1:])


def _runs(several: Sequence[Said]) -> list[list[Said]]:
    """Stretches, oldest first, that begin and end within the limit and hold enough different milestones."""
    found: list[list[Said]] = []
    run: list[Said] = []
    for said in [*several, None]:
        if said is not None and (not run or said.at - run[0].at <= BULK_WITHIN):
            run.append(said)
            continue
        if len({one.milestone_id for one in run}) >= BULK_MILESTONES:
            found.append(run)
        run = [said] if said is not None else []
    return found


def _bulk(run: list[Said]) -> Finding:
    refs = tuple(dict.fromkeys(said.ref for said in run))
    first, last = run[0], run[-1]
    between = (
        f"between {clock_time(first.at)} and {clock_time(last.at)}"
        if last.at - first.at >= _A_MINUTE
        else (f"at {clock_time(first.at)}")
    )
    many = f"{len(refs):,} milestones in the same words"
    words = f"{first.by} updated {many} on {_day(first)} {between}: {_listed(refs, len(refs))}"
    return Finding(Check.BULK_UPDATE, first.ref, first.title, words, first.ref, refs[1:])


_A_MINUTE = timedelta(minutes=1)
_NAMED = 8


def _listed(refs: Sequence[str], number: int) -> str:
    more = number - min(len(refs), _NAMED)
    return f"{', '.join(refs[:_NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def _plain(words: str) -> str:
    """Words alone: neither blanks, nor capitals, nor a full stop make another text."""
    return " ".join(words.split()).rstrip(".").casefold()


def _day(said: Said) -> str:
    return long_date(london_day(said.at))
