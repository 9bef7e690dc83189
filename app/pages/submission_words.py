"""What the inbox says, made of what the service returned: the clock, the state, the measures."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from app.documents import inbox_charts
from app.documents.inbox_charts import Column
from app.domain.days import clock_time, day_count, london_day, long_date, short_date
from app.domain.markings import marks
from app.domain.submissions import (
    FEW,
    FOLLOWED_WORDS,
    OUTCOME_WORDS,
    Followed,
    InboxCounts,
    Measures,
    Priority,
    Span,
    SubmissionItem,
)
from app.domain.words import Door, Rag, SubmissionKind, SubmissionState, TriagedThrough, TurnedInto
from app.pages.wording import RAG_TITLES

KINDS = {
    SubmissionKind.EVIDENCE: "Evidence",
    SubmissionKind.RISK: "Proposed risk",
    SubmissionKind.CORRESPONDENCE: "Correspondence",
}
_PRIORITIES = {Priority.FIRST: "Suggested first", Priority.NEXT: "Suggested next", Priority.USUAL: ""}


class ClockFace(NamedTuple):
    """The clock beside a submission: how long it has waited against its limit."""

    colour: str
    word: str
    words: str
    fill: int
    first_tick: int
    second_tick: int
    note: str


def clock_face(item: SubmissionItem) -> ClockFace | None:
    """None once it is triaged. The face is as long as the limit and a quarter more."""
    if item.rag is None:
        return None
    scale = 160 / max(1, item.limit_hours)
    return ClockFace(
        item.rag,
        RAG_TITLES[item.rag],
        hours_words(item.hours, item.limit_hours),
        min(200, max(2, round(item.hours * scale))),
        79,
        159,
        f"Triage due {long_date(london_day(item.triage_due_at))}, {clock_time(item.triage_due_at)}",
    )


def hours_words(hours: int, limit: int) -> str:
    """How long it has waited, or has left: "51 hours: 3 over the limit", "23 hours left"."""
    if hours >= limit:
        over = hours - limit
        return f"{_hours(hours)}: {over:,} over the limit" if over else f"{_hours(hours)}: the limit is reached"
    return f"{_hours(limit - hours)} left"


def wait_words(hours: int) -> str:
    """How long something waited: "in 5 hours", "in 4 days"."""
    if hours == 0:
        return "within the hour"
    return f"in {_hours(hours)}" if hours < 72 else f"in {day_count(hours // 24)}"


def _hours(hours: int) -> str:
    return f"{hours:,} hour{'' if hours == 1 else 's'}"


class Row(NamedTuple):
    """One submission in ready words."""

    item: SubmissionItem
    anchor: str
    address: str
    clock: ClockFace | None
    state: str
    state_class: str
    about: str
    suggestion: str
    sent: str
    received: str
    marking: str
    triaged: str
    outcome: str
    followed: str
    logging: str


def row_of(item: SubmissionItem, *, anywhere: bool = False) -> Row:
    """`anywhere`: on a page of several plans, where references alone are not enough."""
    read = f"Read by {item.read_by}" if item.read_by else "Read"
    waits = item.state is SubmissionState.WAITING
    state = ("Unread", " wm-state--strong") if item.read_at is None else (read, " wm-state--off")
    suggestion = item.suggestion
    words = _PRIORITIES[suggestion.priority]
    return Row(
        item=item,
        anchor=f"{item.plan_slug}-{item.ref}" if anywhere else item.ref,
        address=f"/plans/{item.plan_slug}/inbox/{item.ref}",
        clock=clock_face(item),
        state=state[0] if waits else OUTCOME_WORDS[item.state],
        state_class=state[1] if waits else "",
        about=_about(item),
        suggestion=f"{words}: {suggestion.because}" if words else "",
        sent=f"sent through the API by {item.sent_by}" if item.door == Door.API else f"sent by {item.sent_by}",
        received=f"Received {long_date(london_day(item.received_at))}, {clock_time(item.received_at)}",
        marking="".join(marks(marking=item.marking)),
        triaged=_triaged(item),
        outcome=outcome_words(item),
        followed=FOLLOWED_WORDS[item.followed] if item.followed else "",
        logging=_logging(item),
    )


def _about(item: SubmissionItem) -> str:
    kind = KINDS[item.kind]
    if item.concerned is None:
        return kind
    joined = "for" if item.kind is SubmissionKind.EVIDENCE else "about"
    return f"{kind} {joined} {item.concerned.ref} {item.concerned.title}"


def _logging(item: SubmissionItem) -> str:
    if item.kind is not SubmissionKind.EVIDENCE:
        return "Log it: seen, and nothing more is to follow"
    if item.concerned is None:
        return "Log it, to be reviewed"
    return f"Log it, to be reviewed for {item.concerned.ref}"


def _triaged(item: SubmissionItem) -> str:
    if item.triaged_at is None:
        return ""
    late = "" if item.in_time else f" ({_hours(item.hours - item.limit_hours)} late)"
    return f"{long_date(london_day(item.triaged_at))}, {wait_words(item.hours)}{late}"


def outcome_words(item: SubmissionItem) -> str:
    """How it was triaged: "Returned: names of children must be removed", "Turned into milestone M-44"."""
    if item.state is SubmissionState.TURNED_INTO:
        if item.made is None:
            return "Turned into an action or milestone"
        noun = "action" if item.made.kind is TurnedInto.ACTION else "milestone"
        return f"Turned into {noun} {item.made.ref}"
    if item.through == TriagedThrough.WITHDRAWAL:
        return "Withdrawn before it was triaged"
    if item.through == TriagedThrough.REVIEW:
        return f"Reviewed for {item.concerned.ref}" if item.concerned else "Reviewed"
    if item.state is SubmissionState.MISDIRECTED:
        on = f" on {long_date(item.handed_on)}" if item.handed_on else ""
        return f"Misdirected: handed to {item.handed_to or 'another service'}{on}"
    if item.state is SubmissionState.RETURNED:
        return f"Returned: {item.reason or 'redacted'}"
    if item.state is SubmissionState.LOGGED and item.kind is SubmissionKind.EVIDENCE and item.concerned:
        return f"Logged as evidence for {item.concerned.ref}"
    return OUTCOME_WORDS[item.state]


# --- Numbers ----------------------------------------------------------------------------------------------------------


def share(part: int, whole: int) -> str:
    """A share as a page says it: a percentage, or the numbers themselves where they are few."""
    if whole == 0:
        return "None yet"
    if whole < FEW:
        return f"{part} of {whole}"
    return f"{part * 100 // whole}%"


class Tiles(NamedTuple):
    """The four numbers at the head of the inbox."""

    oldest: str
    oldest_note: str
    colour: str
    colour_word: str
    in_time: str
    in_time_note: str
    followed: str
    followed_note: str


def tiles(counts: InboxCounts, measures: Measures, *, hours: int, limit: int, colour: Rag | None) -> Tiles:
    """`hours` is how long the oldest has waited against its `limit`, `colour` its colour; None: nothing waits."""
    recent = measures.recent
    if colour is None:
        oldest = "None"
        last = counts.last_triaged_at
        note = f"waiting. Last triaged {long_date(london_day(last))} at {clock_time(last)}" if last else "waiting"
    else:
        oldest, over = _hours(hours), hours - limit
        note = f"oldest waiting: {_hours(over)} over the limit" if over > 0 else f"oldest waiting, of {_hours(limit)}"
    return Tiles(
        oldest,
        note,
        str(colour or ""),
        RAG_TITLES[colour] if colour else "",
        share(recent.in_time, recent.decided),
        in_time_note(measures),
        share(recent.followed, recent.to_follow),
        followed_note(recent),
    )


def in_time_note(measures: Measures) -> str:
    """What the share of what was triaged in time says: "47 of 50 in the last 28 days"."""
    recent, limit = measures.recent, f"triaged within {measures.hours} hours"
    if recent.decided == 0:
        return f"{limit} in the last 28 days: nothing was due"
    return f"{limit}{_counted(recent.in_time, recent.decided)} in the last 28 days"


def followed_note(recent: Span) -> str:
    """What the share of what was followed through says."""
    if recent.to_follow == 0:
        return "where what followed is done: nothing was to follow in the last 28 days"
    return f"where what followed is done{_counted(recent.followed, recent.to_follow)}"


def _counted(part: int, whole: int) -> str:
    """The numbers behind a percentage; nothing where they stand there already."""
    return f": {part:,} of {whole:,}" if share(part, whole).endswith("%") else ""


def plot(measures: Measures) -> Markup:
    """What came in week by week, as SVG."""
    columns = [Column(_week(span), span.in_time, span.late, span.in_hand) for span in measures.weeks]
    total = sum(span.received for span in measures.weeks)
    title = f"Submissions received in each of the last {len(columns)} weeks, {total:,} in all; the table below has them"
    return Markup(inbox_charts.weekly(columns, title=title))  # noqa: S704 - the chart escapes its labels


def _week(span: Span) -> str:
    return short_date(span.starts).rsplit(" ", 1)[0] if span.starts else ""


def week_rows(measures: Measures) -> Sequence[tuple[str, ...]]:
    """The table under the plot, the latest week first. A week with nothing says so once."""
    return [_week_row(span) for span in reversed(measures.weeks)]


def _week_row(span: Span) -> tuple[str, ...]:
    week = short_date(span.starts) if span.starts else ""
    if span.received == 0:
        return (week, "Nothing came", "", "", "", "", "")
    waits = (_span_hours(span.median_hours), _span_hours(span.longest_hours))
    return (
        week,
        f"{span.received:,}",
        _share_with_numbers(span.in_time, span.decided),
        *waits,
        _share_with_numbers(span.followed, span.to_follow, none="Nothing due"),
        f"{span.waiting:,}" if span.waiting else "None",
    )


def _span_hours(hours: int | None) -> str:
    if hours is None:
        return "Not yet"
    return _hours(hours) if hours < 72 else f"{hours // 24:,} days"


def _share_with_numbers(part: int, whole: int, *, none: str = "Not due yet") -> str:
    if whole == 0:
        return none
    said = share(part, whole)
    return f"{said} ({part:,} of {whole:,})" if "%" in said else said


def done_word(item: SubmissionItem) -> str:
    """The word before what followed, with its full stop, where there is one."""
    word = FOLLOWED_WORDS[item.followed or Followed.NOTHING_DUE]
    return f"{word}." if word else ""
