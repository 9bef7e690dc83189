"""What a plan is, as doors see it, and the rules of its own life (rule 3, as far as approval)."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from app.domain.expiry import Ending
from app.domain.milestones import MilestoneRow, MovedFrom, OrganisationRef, PersonRef
from app.domain.plan_changes import ChangeCounts, PlanChanges
from app.domain.refusals import Reason, invalid
from app.domain.submissions import Measures
from app.domain.words import EvidencePolicy, MovedRule, PlanState, Rag, Role


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan's facts, and what the viewer may do in it."""

    id: str
    slug: str
    title: str
    purpose: str
    organisation: OrganisationRef
    state: PlanState
    evidence_policy: EvidencePolicy
    tolerance_days: int
    overdue_limit_days: int
    moved_rule: MovedRule
    cycle_days: int
    triage_hours: int
    approved_on: date | None
    approved_by: str | None
    approved_body: str | None
    approved_meeting: str | None
    closed_on: date | None
    last_review: date | None
    next_review: date | None
    last_held: date | None  # the last review meeting that was held
    next_review_is_listed: bool  # False where the list has ended and the day is reckoned from the cycle
    illustrative: bool
    roles: frozenset[Role]
    reads_live: bool  # False for an observer: only published editions
    may_edit: bool
    may_approve: bool
    may_close: bool
    version: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Where milestones stand. Achieved, cancelled and not yet due to start are never counted as Green."""

    red: int = 0
    amber: int = 0
    green: int = 0
    not_due: int = 0
    achieved: int = 0
    cancelled: int = 0
    evidence_outstanding: int = 0
    carried_over: int = 0  # open when the plan was closed: no colour any more

    @property
    def live(self) -> int:
        """Everything but what was cancelled."""
        return self.red + self.amber + self.green + self.not_due + self.achieved + self.carried_over

    def closed(self) -> "Counts":
        """The same of a plan that is closed: what was not achieved was carried over."""
        open_still = self.red + self.amber + self.green + self.not_due
        return replace(self, red=0, amber=0, green=0, not_due=0, carried_over=open_still)

    @property
    def exceptions(self) -> int:
        return self.red + self.amber


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """One row of the plans page."""

    plan: PlanView
    counts: Counts
    due_to_date: int  # milestones due by today, not cancelled
    achieved_of_due: int
    moved: int
    waiting_submissions: int
    oldest_waiting_since: datetime | None
    withheld: int | None  # how many items another organisation's officer is not shown; None for everybody else
    submissions_red: int = 0  # `counts` are of milestones; an exception may be a submission as well
    submissions_amber: int = 0
    changes: ChangeCounts | None = None  # since the last review; None where nothing is an exception
    last_update_on: date | None = None  # when anything was last updated

    @property
    def red(self) -> int:
        """Everything Red, submissions included, as the exceptions page counts it."""
        return self.counts.red + self.submissions_red

    @property
    def amber(self) -> int:
        return self.counts.amber + self.submissions_amber


@dataclass(frozen=True, slots=True)
class ThemeStanding:
    """One bar of the plan home page."""

    id: str
    ref: str
    title: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class TurnsRed:
    """A milestone that will turn Red before the next review if nothing changes."""

    id: str
    ref: str
    title: str
    rag_now: Rag
    red_on: date
    message: str
    owner: str | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InboxClock:
    """How long the oldest submission has waited, and how many wait."""

    waiting: int
    oldest_id: str | None
    oldest_ref: str | None
    oldest_title: str | None
    oldest_from: str | None
    oldest_received_at: datetime | None
    rag: Rag | None
    hours_waited: int
    limit_hours: int
    red: int = 0  # how many of those that wait are Red now, and how many Amber
    amber: int = 0

    @property
    def green(self) -> int:
        return self.waiting - self.red - self.amber


@dataclass(frozen=True, slots=True)
class MovedMilestone:
    """A milestone whose due date is later than its baseline: by how many days, after how many moves."""

    ref: str
    title: str
    approved_slip_days: int
    moves: int
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanHome:
    plan: PlanView
    today: date
    counts: Counts
    themes: tuple[ThemeStanding, ...]
    turns_red: tuple[TurnsRed, ...]
    turns_red_total: int
    submissions_turning_red: int
    inbox: InboxClock
    withheld: int | None
    moved: int  # milestones whose due date was moved, cancelled ones left out
    moved_furthest: tuple[MovedMilestone, ...]
    changes: PlanChanges | None  # None: not an approved plan
    measures: Measures  # of its inbox
    ending: tuple[Ending, ...] = ()  # evidence that ends within the notice, the soonest first
    ending_total: int = 0

    @property
    def turning(self) -> int:
        """Everything that turns Red by the next review, submissions included, as the look-ahead counts it."""
        return self.turns_red_total + self.submissions_turning_red

    @property
    def red(self) -> int:
        """Everything Red, submissions included, as the exceptions page counts it."""
        return self.counts.red + self.inbox.red

    @property
    def amber(self) -> int:
        return self.counts.amber + self.inbox.amber

    @property
    def exceptions(self) -> int:
        return self.red + self.amber


@dataclass(frozen=True, slots=True)
class ThemeView:
    id: str
    ref: str
    title: str
    position: int
    source: str | None
    version: str


@dataclass(frozen=True, slots=True)
class ActionView:
    id: str
    ref: str
    title: str
    theme_id: str
    theme_ref: str
    position: int
    source: str | None
    version: str
    moved_from: MovedFrom | None = None


@dataclass(frozen=True, slots=True)
class MembershipView:
    id: str
    person: PersonRef
    email: str
    role: Role
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class MilestoneFilters:
    """Filters of the milestone list; each is a word or an id, None means all."""

    ref: str | None = None
    rag: Rag | None = None
    status: str | None = None
    theme: str | None = None
    owner: str | None = None
    organisation: str | None = None
    due_before: date | None = None
    q: str | None = None
    changed: str | None = None  # a word of `plan_changes.Change`, or "moved"; takes `since`
    since: date | None = None


class SortBy(StrEnum):
    """A column that the list of milestones is sorted by."""

    REFERENCE = "reference"
    STANDING = "standing"
    OWNER = "owner"
    DUE = "due"
    EXPECTED = "expected"  # forecast or completed
    SLIP = "slip"
    MOVES = "moves"
    DAYS = "days"  # as an exception
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class MilestoneOrder:
    """The order of a list of milestones. In an address it reads `due`, or `-due` for the other way round."""

    by: SortBy = SortBy.REFERENCE
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else str(self.by)


def order_of(asked: str | None) -> MilestoneOrder:
    """The order that an address asks for. Raises Invalid for a column that there is none of."""
    word = (asked or SortBy.REFERENCE).removeprefix("-")
    if word not in tuple(SortBy):
        raise invalid("sort", "choice_invalid", f"Sort must be one of: {', '.join(SortBy)}; or one with a - before it")
    return MilestoneOrder(SortBy(word), descending=(asked or "").startswith("-"))


@dataclass(frozen=True, slots=True)
class MilestonePage:
    items: tuple[MilestoneRow, ...]
    next_cursor: str | None
    total: int  # capped: 1,001 means more than 1,000
    withheld: int | None
    since: datetime | None = None  # what was added from then on is "added since the last report"


@dataclass(frozen=True, slots=True)
class Choices:
    """What filters and forms of a plan offer: (value, words) pairs."""

    themes: tuple[tuple[str, str], ...]
    actions: tuple[tuple[str, str], ...]
    owners: tuple[tuple[str, str], ...]
    organisations: tuple[tuple[str, str], ...]


def unmet_approval(*, state: PlanState, milestones: int) -> list[Reason]:
    """Why a plan cannot be approved now. Empty: it can."""
    if state is not PlanState.DRAFT:
        return [Reason("plan_not_draft", f"The plan is already {state}")]
    if milestones == 0:
        return [Reason("plan_empty", "The plan has no milestones to approve. Add at least one first")]
    return []
