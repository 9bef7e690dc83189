"""What an approved change does to milestones: worked out once, for whoever asks to see it and whoever carries it out.

Each function below changes a milestone's facts in place, whether it is the row itself or a copy that is thrown away.
None of them reads or writes the database, and none reads a clock.
"""

from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

from app.domain import rag
from app.domain.change_requests import Foreseen, Part, Proposal
from app.domain.days import london_day
from app.domain.markings import marks_of
from app.domain.rag import Moves, PlanSettings
from app.domain.words import ChangeKind, EvidencePolicy, MovedRule, Status
from app.models import Milestone
from app.services import settling
from app.services.milestone_case import Case
from app.services.milestone_rows import colour_word

_COLUMNS = tuple(column.name for column in Milestone.__table__.columns)  # type: ignore[attr-defined]
_OF_RULES = frozenset({"tolerance_days", "overdue_limit_days", "cycle_days"})

# What the parts of a split take over, so that dividing the work hides nothing of its history.
_CARRIED = (
    *("status", "in_progress_since", "open_again_on", "last_update_on", "last_update_id"),
    *("declared_rag", "declared_on", "declared_by", "declared_update_id", "declared_by_others"),
    *("amber_from", "red_from"),
)


def carry_out(row: Any, asked: Proposal, today: date) -> None:
    """What an approval does to the milestone itself."""
    if asked.kind is ChangeKind.DUE_DATE:
        move_due_date(row, asked.due_date, today)
    elif asked.kind is ChangeKind.CRITERIA:
        row.success_criterion = asked.success_criterion
    else:
        row.status, row.completed_on = Status.CANCELLED, None


def move_due_date(row: Any, due_date: date | None, today: date) -> None:
    """The agreed date, how often it was moved, and the baseline where it is the first. Ends a reopening's wait."""
    _count_move(row, row, due_date, today)
    row.due_date = due_date
    if row.baseline_date is None:
        row.baseline_date = due_date
    row.reopening_pending = False


def successor(old: Any, part: Part, kind: ChangeKind, *, milestone_id: str, ref: str, now: datetime) -> Milestone:
    """The new milestone that a replacement or one part of a split becomes, in the place of the old one.

    What replaces begins afresh. A part keeps the first baseline, the moves and, while it stays one, the run as an
    exception.
    """
    due = part.due_date
    row = Milestone(
        id=milestone_id,
        plan_id=old.plan_id,
        theme_id=old.theme_id,
        action_id=old.action_id,
        ref=ref,
        title=part.title,
        description="",
        success_criterion=part.success_criterion,
        owner_id=part.owner or old.owner_id,
        lead_organisation_id=old.lead_organisation_id,
        restricted=old.restricted,
        marking=old.marking,
        added_at=now,
        position=int(ref.rpartition("-")[2] or 0),
        version=0,
        start_date=old.start_date if old.start_date and due and old.start_date <= due else None,
        due_date=due,
        baseline_date=due,
        due_set_by=old.due_set_by,
        came_from=old.id,
    )
    if kind is ChangeKind.SPLIT:
        for name in _CARRIED:
            setattr(row, name, getattr(old, name))
        row.baseline_date = old.baseline_date or due
        _count_move(row, old, due, london_day(now))
    return row


def lapses(case: Case, settings: PlanSettings, today: date) -> bool:
    """Whether an achieved milestone would not meet its plan's policy under these settings."""
    return settling.would_lapse(replace(case, settings=settings), case.evidence, today)


def settings_with(settings: PlanSettings, becomes: dict[str, Any]) -> PlanSettings:
    """A plan's settings with some of them changed; what no rule of colour looks at is passed over."""
    given: dict[str, Any] = {name: value for name, value in becomes.items() if name in _OF_RULES}
    if "evidence_policy" in becomes:
        given["policy"] = EvidencePolicy(becomes["evidence_policy"])
    if "moved_rule" in becomes:
        given["moved_rule"] = MovedRule(becomes["moved_rule"])
    return replace(settings, **given)


# --- Before and after -------------------------------------------------------------------------------------------------


def foresee(case: Case, asked: Proposal, now: datetime) -> list[Foreseen]:
    """What approving a request now would do to its milestone, and to those that it would make."""
    today = london_day(now)
    after = _copy(case)
    carry_out(after.milestone, asked, today)
    settling.work_out(after, today)
    found = [_compared(case, after, today)]
    for part in asked.parts:
        row = successor(case.milestone, part, asked.kind, milestone_id="", ref="", now=now)
        made = replace(case, milestone=row, evidence=[])
        settling.work_out(made, today)
        moments = rag.moments_from_stored(row.amber_from, row.red_from)
        word = _word(made, today)
        found.append(Foreseen("", "", part.title, "", word, False, None, moments.red_on, None, moments.amber_on))
    return found


def foresee_settings(case: Case, becomes: dict[str, Any], today: date) -> Foreseen:
    """What other settings of the plan would do to one of its milestones."""
    settings = settings_with(case.settings, becomes)
    after = replace(_copy(case), settings=settings)
    lowered = settings.policy is not case.settings.policy and lapses(case, settings, today)
    falls_back = lowered and not lapses(case, case.settings, today)
    if lowered:
        settling.lower(after.milestone, today)
    settling.work_out(after, today)
    return _compared(case, after, today, falls_back=falls_back)


def _count_move(row: Any, old: Any, due_date: date | None, today: date) -> None:
    moves = rag.moved_facts(
        Moves(old.moves, old.first_moved_on, old.second_moved_on, old.moved_far_on),
        baseline=old.baseline_date,
        old_due=old.due_date,
        new_due=due_date,
        today=today,
    )
    row.moves, row.first_moved_on = moves.moves, moves.first_moved_on
    row.second_moved_on, row.moved_far_on = moves.second_moved_on, moves.moved_far_on


def _copy(case: Case) -> Case:
    """The same case over a record that nobody writes back."""
    milestone: Any = SimpleNamespace(**{name: getattr(case.milestone, name) for name in _COLUMNS})
    return replace(case, milestone=milestone)


def _compared(before: Case, after: Case, today: date, *, falls_back: bool = False) -> Foreseen:
    row = before.milestone
    was = rag.moments_from_stored(row.amber_from, row.red_from)
    becomes = rag.moments_from_stored(after.milestone.amber_from, after.milestone.red_from)
    return Foreseen(
        row.id, row.ref, row.title, _word(before, today), _word(after, today), falls_back,
        was.red_on, becomes.red_on, was.amber_on, becomes.amber_on, marks_of(row),
    )  # fmt: skip


def _word(case: Case, today: date) -> str:
    """The word that stands for a milestone: its colour, or what stands instead of one."""
    facts = settling.facts_of(case.milestone)
    colour = colour_word(case.milestone, facts, case.settings, today)
    if colour is not None:
        return colour.capitalize()
    return rag.standing_words(facts, today, achieved_on=case.milestone.achieved_on)
