"""How dates, slips and evidence are said on pages: small functions from facts to words (mocks/README, "Words")."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Protocol

from app.domain.days import day_count, long_date, short_date, span_words, times_words
from app.domain.words import (
    OPEN_STATUSES,
    CancellationGround,
    DateSetter,
    EvidenceKind,
    EvidenceState,
    PersonalData,
    Rag,
    Status,
)


@lru_cache(maxsize=4096)
def short(day: date) -> str:
    """A date in rows, remembered: a long list says few dates many times."""
    return short_date(day)


KIND_WORDS = {"milestone": "Milestone", "risk": "Risk", "indicator": "Indicator", "submission": "Submission"}
STATUS_TITLES = {
    Status.NOT_STARTED: "Not started",
    Status.IN_PROGRESS: "In progress",
    Status.COMPLETED: "Completed",
    Status.ACHIEVED: "Achieved",
    Status.CANCELLED: "Cancelled",
}
# Where the kinds of item that can be an exception are to be read, below their plan.
_PLACES = {"milestone": "milestones", "submission": "inbox"}

RAG_TITLES = {Rag.RED: "Red", Rag.AMBER: "Amber", Rag.GREEN: "Green"}
PERSONAL_DATA_WORDS = {
    PersonalData.STAFF: "Staff",
    PersonalData.SERVICE_USER: "Children, families or other people who use services",
    PersonalData.SPECIAL_CATEGORY: "Health, ethnicity, religion or another special category",
    PersonalData.CRIMINAL_OFFENCE: "Criminal offences or allegations",
    PersonalData.NONE: "None",
}
GROUND_WORDS = {
    CancellationGround.NO_LONGER_NEEDED: "It is no longer needed",
    CancellationGround.REPLACED: "Another milestone replaces it",
    CancellationGround.MERGED: "It is merged into another milestone",
    CancellationGround.DUPLICATE: "It is a duplicate",
}
EVIDENCE_KIND_WORDS = {
    EvidenceKind.DOCUMENT: "Document",
    EvidenceKind.DATA_EXTRACT: "Data extract",
    EvidenceKind.MINUTES: "Minutes",
    EvidenceKind.LINK: "Link",
    EvidenceKind.STATEMENT: "Statement",
}
DATE_SETTER_WORDS = {
    DateSetter.PLAN: "",
    DateSetter.DFE: "the Department for Education",
    DateSetter.OFSTED: "Ofsted",
    DateSetter.OMBUDSMAN: "the Ombudsman",
    DateSetter.COURT: "a court",
}


CHANGE_WORDS = {
    "new": "New",
    "worse": "Worse",
    "same": "The same",
    "better": "Better",
    "left": "Left the list",
    "moved": "Due date moved",
}


def changed_words(change: str | None, since: date) -> str:
    """What a list keeps by how it changed: "Worse since 3 Dec 2009"."""
    return f"{CHANGE_WORDS.get(change or '', change)} since {short(since)}"


class EvidenceCounts(Protocol):
    """How much evidence counts, of how much was sent."""

    @property
    def counting(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def state(self) -> EvidenceState: ...
    @property
    def ends_on(self) -> date | None: ...
    @property
    def notice(self) -> int | None: ...


class Dated(Protocol):
    """What a date line needs of a milestone, whichever list it comes from."""

    @property
    def status(self) -> Status | None: ...
    @property
    def baseline_date(self) -> date | None: ...
    @property
    def due_date(self) -> date | None: ...
    @property
    def forecast_date(self) -> date | None: ...
    @property
    def completed_date(self) -> date | None: ...
    @property
    def approved_slip_days(self) -> int | None: ...
    @property
    def moves(self) -> int: ...


def evidence_words(evidence: EvidenceCounts | None) -> str:
    """The state of a milestone's evidence in a row: "None yet", "1 sent, waiting for review", "2 in place"."""
    if evidence is None or evidence.state == EvidenceState.NOTHING_SENT:
        return "None yet"
    if evidence.state == EvidenceState.MET:
        until = f", to {short(evidence.ends_on)}" if evidence.notice and evidence.ends_on else ""
        return f"{evidence.counting} in place{until}"
    if evidence.state == EvidenceState.WAITING:
        return f"{evidence.total} sent, waiting for review"
    return f"{evidence.total} sent, none counts"


def slip_words(days: int | None) -> str:
    """A slip: "None", "17 days", "4 weeks", "2 weeks early"."""
    if not days:
        return "None"
    return span_words(days) if days > 0 else f"{span_words(days)} early"


def approved_words(days: int | None, moves: int) -> str:
    """The approved slip with its number of moves: "4 weeks, moved once"."""
    return f"{slip_words(days)}, moved {times_words(moves)}"


class Point(NamedTuple):
    """One point of a date line. `modifier` says how the line goes on from here: late, ahead or forecast."""

    name: str
    day: str
    gap: str
    modifier: str


def date_line(item: Dated, *, today: date, achieved: date | None = None) -> tuple[Point, ...]:
    """Baseline → due → today → forecast (or completed, achieved), in the order in which they come.

    Today is shown while the milestone is still to be achieved. Its line is thick where time was lost: from the due date
    to today.
    """
    due = item.due_date
    is_open = item.status is None or item.status in OPEN_STATUSES
    points: list[tuple[date, int, str, str]] = []
    if item.baseline_date is not None:
        points.append((item.baseline_date, 0, "Baseline", "never changes"))
    if due is not None:
        points.append((due, 1, "Due", _moved(item)))
    if is_open and item.forecast_date is not None:
        points.append((item.forecast_date, 3, "Forecast", _against_due(item.forecast_date, due)))
    if not is_open and item.completed_date is not None:
        points.append((item.completed_date, 3, "Completed", _against_due(item.completed_date, due)))
    if achieved is not None:
        points.append((achieved, 4, "Achieved", _against_due(achieved, due)))
    elif points and item.status is not Status.CANCELLED:
        points.append((today, 2, "Today", _today_words(due, today) if is_open else ""))
    points.sort()
    return tuple(
        Point(name, long_date(day), gap, _modifier(name, day, due=due if is_open else None, today=today))
        for day, _, name, gap in points
    )


def _moved(item: Dated) -> str:
    if item.moves == 0:
        return "not moved"
    return f"approved slip {slip_words(item.approved_slip_days).lower()}, moved {times_words(item.moves)}"


def _against_due(day: date, due: date | None) -> str:
    if due is None:
        return ""
    gap = (day - due).days
    if gap == 0:
        return "on the due date"
    return f"{span_words(gap)} {'after' if gap > 0 else 'before'} due"


def _today_words(due: date | None, today: date) -> str:
    if due is None:
        return "no due date"
    if due < today:
        return f"{day_count((today - due).days)} overdue"
    return "due today" if due == today else f"due in {day_count((due - today).days)}"


def _modifier(name: str, day: date, *, due: date | None, today: date) -> str:
    if name == "Forecast":
        return "forecast"
    if day >= today:
        return "ahead"
    return "late" if due is not None and day >= due else ""


def listing(words: Iterable[str]) -> str:
    """Names in a sentence: "A", "A and B", "A, B and C"."""
    found = list(words)
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} and {found[-1]}"


def address_of(slug: str, kind: str, ref: str) -> str:
    """The page of an item; nothing where its kind has none."""
    return f"/plans/{slug}/{_PLACES[kind]}/{ref}" if kind in _PLACES else ""
