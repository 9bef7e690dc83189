"""Review meetings: a plan's list made from its cycle, and what becomes of each: held, moved, cancelled.

A planned, moved or cancelled meeting is a fact of the rules: every milestone's moments are worked out again in the
same transaction. Holding one changes no day, and so no milestone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select

from app.bank_holidays import bank_holidays
from app.db import UnitOfWork
from app.domain import meetings as rules
from app.domain import permissions
from app.domain.days import add_days, long_date
from app.domain.ids import new_id
from app.domain.meetings import A_YEAR, MeetingList, MeetingPage, MeetingView
from app.domain.milestones import PersonRef
from app.domain.permissions import Act, Item
from app.domain.refusals import NotFound, Reason, Refused, Stale, invalid
from app.domain.words import MeetingState, PlanState
from app.models import MeetingAttendance, Plan, ReviewMeeting, plan_heads
from app.models.meetings import attendance, people_of_plan
from app.models.texts import latest_texts
from app.services import resettling
from app.services.plans import known_plan, live_plan, view_of
from app.services.writing import Checks

PAST_SHOWN = 10
TAKEN = "There is already a review meeting on that day"


def list_meetings(uow: UnitOfWork, *, slug: str) -> tuple[MeetingView, ...]:
    """The plan's review meetings, in order of day, cancelled ones too."""
    return _views(uow, _rows(uow, live_plan(uow, slug)))


def meeting_list(uow: UnitOfWork, *, slug: str, all_past: bool = False) -> MeetingList:
    """The list as its page shows it: what is to come, the next review marked, and the last few that are past."""
    plan = live_plan(uow, slug)
    view = view_of(uow, plan)
    rows = _rows(uow, plan)
    past = [row for row in rows if row.on_day < uow.today or row.state is MeetingState.HELD][::-1]
    shown = past if all_past else past[:PAST_SHOWN]
    coming = [row for row in rows if row not in past]
    views = {meeting.id: meeting for meeting in _views(uow, [*shown, *coming])}
    is_next = (row.id for row in coming if row.on_day == view.next_review and row.state is not MeetingState.CANCELLED)
    return MeetingList(
        plan=view,
        past=tuple(views[row.id] for row in shown),
        past_total=len(past),
        coming=tuple(views[row.id] for row in coming),
        next_id=next(is_next, None),
        last_listed=rows[-1].on_day if rows else None,
    )


def get_meeting(uow: UnitOfWork, *, slug: str, meeting: str) -> MeetingPage:
    """One meeting of a plan with who could have been there: everybody who has a role in the plan."""
    plan = live_plan(uow, slug)
    row = uow.session.get(ReviewMeeting, meeting)
    if row is None or row.plan_id != plan.id:
        raise NotFound
    people = (_person(one, uow.today) for one in people_of_plan(uow.session, plan.id))
    [view] = _views(uow, [row])
    return MeetingPage(view_of(uow, plan), view, tuple(one for one in people if not one.left))


def add_meeting(uow: UnitOfWork, *, slug: str, on: date, state: MeetingState = MeetingState.PLANNED) -> MeetingView:
    """List a review meeting. A weekend or bank holiday gets a warning, never a refusal.

    Raises Invalid for a day that is past or taken, Refused for a closed plan.
    """
    return add_meetings(uow, slug=slug, meetings=[(on, state)])[0]


def add_meetings(uow: UnitOfWork, *, slug: str, meetings: list[tuple[date, MeetingState]]) -> tuple[MeetingView, ...]:
    """Several at once, settled once. Those that took place before the plan was kept here are listed as held."""
    plan = _to_edit(uow, slug, "meeting_addition")
    taken = _days_taken(uow, plan)
    return _settled(uow, plan, [_write(uow, plan, on, taken, state=state) for on, state in meetings])


def make_list(uow: UnitOfWork, *, slug: str, first_day: date | None = None) -> tuple[MeetingView, ...]:
    """List the review meetings of the plan's cycle for a year ahead, after the last one that is listed, and in every
    stretch before it that was left empty or cancelled.

    They begin on `first_day` or, without it, one cycle after the last listed one; in an empty list, after the approval.
    A day on a weekend or bank holiday is skipped for the next working day (`rules.planned_days`). Returns what was
    added. Raises Invalid for a first day that is past or not after the list, Refused where that reaches far enough.
    """
    plan = _to_edit(uow, slug, "meeting_list")
    rows = _rows(uow, plan)
    last = rows[-1] if rows else None  # whatever became of that meeting: the list goes on after it
    first = _first_day(uow, plan, last, first_day)
    until = max(first_day or uow.today, add_days(uow.today, A_YEAR))
    found = rules.planned_days(first, cycle_days=plan.cycle_days, until=until, bank_holidays=bank_holidays())
    wanted = [*_gaps(uow, plan, rows), *(one for one in found if last is None or one.on > last.on_day)]
    if not wanted:
        reach = f"The list reaches a year ahead: the cycle's next review meeting would be on {long_date(first)}"
        raise _refused(plan, [Reason("list_complete", reach)], attempted="meeting_list", title="Nothing was added")
    taken = _days_taken(uow, plan)
    return _settled(uow, plan, [_write(uow, plan, one.on, taken, cycle_day=one.cycle_day) for one in wanted])


def _gaps(uow: UnitOfWork, plan: Plan, rows: Sequence[ReviewMeeting]) -> tuple[rules.PlannedDay, ...]:
    """The days that are missing in the list: a stretch that nobody planned, or where all were cancelled."""
    kept = [(_cycle_day(row), row.on_day) for row in rows if row.state is not MeetingState.CANCELLED]
    if plan.approved_on is not None and (not kept or plan.approved_on < kept[0][1]):
        kept.insert(0, (plan.approved_on, plan.approved_on))
    if rows and rows[-1].state is MeetingState.CANCELLED:
        after = add_days(_cycle_day(rows[-1]), plan.cycle_days)
        kept.append((after, after))
    return rules.empty_stretches(
        kept,
        cycle_days=plan.cycle_days,
        today=uow.today,
        until=add_days(uow.today, A_YEAR),
        bank_holidays=bank_holidays(),
    )


def _cycle_day(row: ReviewMeeting) -> date:
    """The day that a meeting was planned for. Days that were skipped or moved do not shift the rhythm."""
    return row.cycle_day or row.moved_from or row.on_day


def hold_meeting(
    uow: UnitOfWork,
    *,
    meeting: str,
    attended: Sequence[str] = (),
    others_present: str | None = None,
    if_match: str | None = None,
) -> MeetingView:
    """Put on record that a review meeting took place: who of the plan's people came (ids), and who else, as typed.

    Raises Invalid for somebody without a role in the plan, Refused for a meeting to come, held or cancelled.
    """
    case = _open(uow, meeting, "meeting_holding", if_match)
    checks = Checks()
    others = checks.optional_text("others_present", others_present, name="who else was there")
    known = {one.id for one in people_of_plan(uow.session, case.plan.id)}
    if not known.issuperset(attended):
        checks.add("attended", "unknown_person", "Choose people who have a role in this plan")
    checks.done()
    row = case.row
    case.refuse(rules.unmet_holding(state=row.state, on=row.on_day, today=uow.today), "was not put on record as held")
    was, row.state = row.state, MeetingState.HELD
    row.version += 1
    uow.session.flush()
    people = list(dict.fromkeys(attended))
    if people:
        rows = [{"meeting_id": row.id, "person_id": person} for person in people]
        uow.session.execute(insert(MeetingAttendance), rows)
    facts = {"on": row.on_day, "state": [was, row.state], "attended": people}
    uow.record("meeting_held", **case.about, facts=facts, texts={"others_present": others})
    return _views(uow, [row])[0]


def move_meeting(uow: UnitOfWork, *, meeting: str, on: date, reason: str, if_match: str | None = None) -> MeetingView:
    """Move a review meeting to another day, with a reason. The milestones' moments follow in the same transaction.

    Raises Invalid for a day that is past, taken or the one it stands on, Refused for one that was held or cancelled.
    """
    case = _open(uow, meeting, "meeting_move", if_match)
    row, checks = case.row, Checks()
    said = checks.required_text("reason", reason, name="why it is moved")
    if on < uow.today:
        checks.add("on", "date_in_past", "A review meeting is moved to today or a later day")
    elif on == row.on_day:
        checks.add("on", "same_date", "It is on that day already")
    elif on in _days_taken(uow, case.plan):
        checks.add("on", "taken", TAKEN)
    checks.done()
    case.refuse(rules.unmet_change(state=row.state), "was not moved")
    if too_far := rules.moved_too_far(on, planned=_cycle_day(row), cycle_days=case.plan.cycle_days):
        raise invalid("on", "moved_too_far", too_far)
    facts = {"on": [row.on_day, on], "state": [row.state, MeetingState.MOVED]}
    row.moved_from, row.on_day, row.state = row.on_day, on, MeetingState.MOVED
    return _changed(uow, case, "meeting_moved", facts, {"move_reason": said})


def cancel_meeting(uow: UnitOfWork, *, meeting: str, reason: str, if_match: str | None = None) -> MeetingView:
    """Cancel a review meeting, with a reason. It counts for nothing any more, and leaves its day free.

    Raises Refused for one that was held or cancelled.
    """
    case = _open(uow, meeting, "meeting_cancellation", if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="why it is cancelled")
    checks.done()
    row = case.row
    case.refuse(rules.unmet_change(state=row.state), "was not cancelled")
    facts = {"on": row.on_day, "state": [row.state, MeetingState.CANCELLED]}
    row.state = MeetingState.CANCELLED
    return _changed(uow, case, "meeting_cancelled", facts, {"cancellation_reason": said})


@dataclass(frozen=True, slots=True)
class _Case:
    """A meeting under consideration, with its plan."""

    row: ReviewMeeting
    plan: Plan
    attempted: str

    @property
    def about(self) -> dict[str, Any]:
        return {"plan_id": self.plan.id, "item_kind": "meeting", "item_id": self.row.id}

    def refuse(self, reasons: list[Reason], what: str) -> None:
        """Raise Refused when there are any reasons."""
        if reasons:
            title = f"The review meeting of {long_date(self.row.on_day)} {what}"
            raise _refused(self.plan, reasons, attempted=self.attempted, title=title, meeting=self.row)


def _open(uow: UnitOfWork, meeting: str, attempted: str, if_match: str | None) -> _Case:
    """Take up a meeting to change it: found, allowed, locked, current, in a plan that is not closed."""
    statement = select(ReviewMeeting, Plan).join(Plan, Plan.id == ReviewMeeting.plan_id)
    found = uow.session.execute(
        statement.where(ReviewMeeting.id == meeting).with_for_update(of=ReviewMeeting)
    ).one_or_none()
    if found is None:
        raise NotFound
    row, plan = found
    known_plan(uow, plan.slug)
    permissions.require(uow.actor, Act.EDIT_PLAN, Item(plan_id=plan.id))
    if if_match is not None and if_match != str(row.version):
        raise Stale(current_version=str(row.version))
    case = _Case(row, plan, attempted)
    if plan.state is PlanState.CLOSED:
        case.refuse([_CLOSED], "was not changed")
    return case


def _changed(
    uow: UnitOfWork, case: _Case, event: str, facts: dict[str, Any], texts: dict[str, str | None]
) -> MeetingView:
    """Count the change, put it on record, and let the milestones follow."""
    case.row.version += 1
    uow.session.flush()
    uow.record(event, **case.about, facts=facts, texts=texts)
    return _settled(uow, case.plan, [case.row.id])[0]


_CLOSED = Reason("plan_closed", "The plan is closed and read-only")


def _to_edit(uow: UnitOfWork, slug: str, attempted: str) -> Plan:
    plan = known_plan(uow, slug)
    permissions.require(uow.actor, Act.EDIT_PLAN, Item(plan_id=plan.id))
    if plan.state is PlanState.CLOSED:
        raise _refused(plan, [_CLOSED], attempted=attempted, title="Nothing was added")
    return plan


def _refused(
    plan: Plan, reasons: list[Reason], *, attempted: str, title: str, meeting: ReviewMeeting | None = None
) -> Refused:
    return Refused(
        reasons,
        title=title,
        attempted=attempted,
        item_kind="meeting" if meeting else "plan",
        item_id=meeting.id if meeting else plan.id,
        plan_id=plan.id,
    )


def _write(
    uow: UnitOfWork,
    plan: Plan,
    on: date,
    taken: set[date],
    *,
    state: MeetingState = MeetingState.PLANNED,
    cycle_day: date | None = None,
) -> str:
    """List one more meeting on a day that is not taken yet. Returns its id."""
    checks = Checks()
    if on in taken:
        checks.add("on", "taken", TAKEN)
    if state is MeetingState.HELD:
        checks.not_future("on", on, uow.today, "A meeting is held on its day, not before")
    elif on < uow.today:
        checks.add("on", "date_in_past", "A planned meeting must be today or later")
    elif too_far := rules.too_far(on, uow.today):
        checks.add("on", "too_far_ahead", too_far)
    checks.done()
    taken.add(on)
    row = ReviewMeeting(id=new_id(), plan_id=plan.id, on_day=on, state=state, cycle_day=cycle_day, version=1)
    uow.session.add(row)
    uow.session.flush()
    uow.record("meeting_listed", plan_id=plan.id, item_kind="meeting", item_id=row.id, facts={"on": on, "state": state})
    return row.id


def _settled(uow: UnitOfWork, plan: Plan, ids: list[str]) -> tuple[MeetingView, ...]:
    """Let the milestones follow a change of these meetings, and return those."""
    resettling.resettle(uow, plan)
    statement = select(ReviewMeeting).where(ReviewMeeting.id.in_(ids))
    rows = {row.id: row for row in uow.session.execute(statement).scalars()}
    return _views(uow, [rows[meeting_id] for meeting_id in ids])


def _days_taken(uow: UnitOfWork, plan: Plan) -> set[date]:
    return set(plan_heads.meeting_days(uow.session, [plan.id])[plan.id])


def _first_day(uow: UnitOfWork, plan: Plan, last: ReviewMeeting | None, chosen: date | None) -> date:
    """The day on which the cycle goes on: the one chosen, or one reckoned from the list or the approval."""
    checks = Checks()
    if chosen is not None:
        if chosen < uow.today:
            checks.add("first_day", "date_in_past", "The first review meeting must be today or later")
        elif too_far := rules.too_far(chosen, uow.today):
            checks.add("first_day", "too_far_ahead", too_far)
        elif last is not None and chosen <= last.on_day:
            after = f"Choose a day after {long_date(last.on_day)}, where the list ends"
            checks.add("first_day", "before_end_of_list", after)
        checks.done()
        return chosen
    reckoned_from = _cycle_day(last) if last else plan.approved_on
    if reckoned_from is None:
        checks.add("first_day", "required", "Enter the day of the first review meeting")
        checks.done()
        raise AssertionError("unreachable")
    return rules.first_day_after(reckoned_from, cycle_days=plan.cycle_days, today=uow.today)


def _rows(uow: UnitOfWork, plan: Plan) -> list[ReviewMeeting]:
    statement = select(ReviewMeeting).where(ReviewMeeting.plan_id == plan.id)
    return list(uow.session.execute(statement.order_by(ReviewMeeting.on_day, ReviewMeeting.id)).scalars())


def _views(uow: UnitOfWork, rows: Sequence[ReviewMeeting]) -> tuple[MeetingView, ...]:
    """Meetings with their reasons and who was there, in two queries for any number of them."""
    ids = [row.id for row in rows]
    came = attendance(uow.session, ids)
    texts = latest_texts(uow.session, ids)
    return tuple(
        MeetingView(
            id=row.id,
            on=row.on_day,
            state=row.state,
            moved_from=row.moved_from,
            move_reason=texts.get((row.id, "move_reason")),
            cancellation_reason=texts.get((row.id, "cancellation_reason")),
            attended=tuple(_person(one, uow.today) for one in came[row.id]),
            others_present=texts.get((row.id, "others_present")),
            warning=rules.day_warning(row.on_day, bank_holidays()),
            version=str(row.version),
        )
        for row in rows
    )


def _person(row: Any, today: date) -> PersonRef:
    return PersonRef(row.id, row.post_title, row.organisation, row.left_on is not None and row.left_on <= today)
