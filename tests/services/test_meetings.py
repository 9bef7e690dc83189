"""Review meetings on both databases: the list, and what moving, cancelling and holding one does to milestones."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from app.domain.days import london_day
from app.domain.exception_reports import ExceptionFilters
from app.domain.meetings import MeetingView
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.words import MeetingState, Rag
from app.models import AuditEvent, Milestone, ReviewMeeting
from app.services import exception_reports, meetings, plan_home, plans, updates
from tests.factories import World, key

TODAY = date(2026, 3, 2)  # a Monday


def listed(world: World, *days: int) -> list[MeetingView]:
    return [
        world.write("petra", meetings.add_meeting, slug=world.plan, on=TODAY + timedelta(days=number))
        for number in days
    ]


def shown(world: World, who: str = "petra") -> list[tuple[date, str]]:
    return [(one.on, str(one.state)) for one in world.read(who, meetings.list_meetings, slug=world.plan)]


def next_review(world: World) -> date | None:
    return world.read("petra", plans.get_plan, slug=world.plan).next_review


def stored(world: World, milestone: str) -> tuple[date | None, date | None]:
    """The first day as an exception and the first at Red, as the row has them."""
    statement = select(Milestone.amber_from, Milestone.red_from).where(Milestone.id == milestone)  # type: ignore[call-overload]
    row = world.read("petra", lambda uow: uow.session.execute(statement).one())
    return tuple(london_day(one) if one else None for one in row)  # type: ignore[return-value]


def silent(world: World) -> str:
    """A milestone that an update put in progress today, and that nobody speaks of any more."""
    view = world.milestone(start_date=None, due_date=TODAY + timedelta(days=300))
    world.write("connie", updates.add_update, milestone=key(view), narrative="Begun")
    return view.row.id


def unchanged(world: World, error: type[Exception], *, who: str = "petra", service, **given) -> Exception:
    """Try what cannot be done, and see that nothing has changed."""
    before = shown(world)
    with pytest.raises(error) as raised:
        world.write(who, service, **given)
    assert shown(world) == before
    return raised.value


# --- The list -------------------------------------------------------------------------------------------------------


def test_the_list_is_made_a_year_ahead_and_skips_englands_bank_holidays(world: World) -> None:
    made = world.write("petra", meetings.make_list, slug=world.plan, first_day=date(2026, 3, 6))

    days = [one.on for one in made]
    assert days[:5] == [date(2026, 3, 6), date(2026, 3, 20), date(2026, 4, 7), date(2026, 4, 17), date(2026, 5, 1)]
    assert date(2026, 4, 3) not in days  # Good Friday: Easter Monday is skipped with it
    assert date(2026, 12, 29) in days  # Christmas Day, a weekend and Boxing Day's substitute
    assert TODAY + timedelta(days=351) <= days[-1] <= TODAY + timedelta(days=365)
    assert [one.on for one in world.read("petra", meetings.list_meetings, slug=world.plan)] == days


def test_the_list_goes_on_in_its_rhythm_whatever_was_skipped_moved_or_cancelled(world: World) -> None:
    world.write("petra", meetings.make_list, slug=world.plan, first_day=date(2026, 3, 6))
    last = world.read("petra", meetings.list_meetings, slug=world.plan)[-1]
    world.write("petra", meetings.move_meeting, meeting=last.id, on=last.on + timedelta(days=3), reason="The hall")
    world.clock.forward(days=100)

    more = world.write("petra", meetings.make_list, slug=world.plan)

    assert [(one.on - date(2026, 3, 6)).days % 14 for one in more if one.on != date(2027, 3, 30)].count(0) >= 6
    assert more[0].on == last.on + timedelta(days=14)


def test_without_a_first_day_an_empty_list_begins_a_cycle_after_the_approval(world: World) -> None:
    made = world.write("petra", meetings.make_list, slug=world.plan)

    assert made[0].on == TODAY + timedelta(days=14)


def test_a_list_that_reaches_a_year_ahead_is_not_made_again(world: World) -> None:
    world.write("petra", meetings.make_list, slug=world.plan)
    refused = unchanged(world, Refused, service=meetings.make_list, slug=world.plan)
    assert refused.codes == ("list_complete",)  # type: ignore[attr-defined]


def test_the_first_day_comes_after_the_list_and_not_before_today(world: World) -> None:
    listed(world, 10)
    for day, code in ((-1, "date_in_past"), (10, "before_end_of_list"), (3, "before_end_of_list")):
        error = unchanged(
            world, Invalid, service=meetings.make_list, slug=world.plan, first_day=TODAY + timedelta(days=day)
        )
        assert [(one.pointer, one.code) for one in error.errors] == [("/first_day", code)]  # type: ignore[attr-defined]


def test_by_hand_a_weekend_gets_a_warning_and_is_listed(world: World) -> None:
    [saturday] = listed(world, 5)
    assert saturday.warning == "7 March 2026 is a Saturday"
    [good_friday] = listed(world, 32)
    assert good_friday.warning == "3 April 2026 is a bank holiday: Good Friday"
    assert shown(world) == [(date(2026, 3, 7), "planned"), (date(2026, 4, 3), "planned")]


def test_a_day_that_is_past_or_taken_is_not_listed(world: World) -> None:
    listed(world, 7)
    for day, code in ((-1, "date_in_past"), (7, "taken")):
        error = unchanged(world, Invalid, service=meetings.add_meeting, slug=world.plan, on=TODAY + timedelta(days=day))
        assert [one.code for one in error.errors] == [code]  # type: ignore[attr-defined]


def test_only_a_programme_manager_changes_the_list_and_readers_of_the_live_plan_see_it(world: World) -> None:
    [meeting] = listed(world, 0)
    for who in ("connie", "sam", "ada", "olive"):
        unchanged(world, Forbidden, who=who, service=meetings.make_list, slug=world.plan)
        for service, given in (
            (meetings.hold_meeting, {}),
            (meetings.move_meeting, {"on": TODAY + timedelta(days=1), "reason": "The hall"}),
            (meetings.cancel_meeting, {"reason": "Snow"}),
        ):
            unchanged(world, Forbidden, who=who, service=service, meeting=meeting.id, **given)
    unchanged(world, NotFound, who="zoe", service=meetings.cancel_meeting, meeting=meeting.id, reason="Snow")
    for who in ("connie", "pol", "sam", "nora", "ada"):
        assert shown(world, who) == [(TODAY, "planned")]
    with pytest.raises(Forbidden):
        shown(world, "olive")
    with pytest.raises(NotFound):
        shown(world, "zoe")


def test_a_closed_plan_keeps_its_list(world: World) -> None:
    [meeting] = listed(world, 3)
    world.close()
    for service, given in (
        (meetings.add_meeting, {"slug": world.plan, "on": TODAY}),
        (meetings.make_list, {"slug": world.plan}),
        (meetings.hold_meeting, {"meeting": meeting.id}),
        (meetings.move_meeting, {"meeting": meeting.id, "on": TODAY, "reason": "The hall"}),
        (meetings.cancel_meeting, {"meeting": meeting.id, "reason": "Snow"}),
    ):
        refused = unchanged(world, Refused, service=service, **given)
        assert refused.codes == ("plan_closed",)  # type: ignore[attr-defined]
    assert next_review(world) is None


# --- Held, moved, cancelled -----------------------------------------------------------------------------------------


def test_a_meeting_is_held_with_who_was_there(world: World) -> None:
    [meeting] = listed(world, 0)
    there = [world.people[name].id for name in ("sam", "nora")]

    view = world.write(
        "petra", meetings.hold_meeting, meeting=meeting.id, attended=there, others_present="The lead inspector"
    )

    assert (view.state, view.others_present) == (MeetingState.HELD, "The lead inspector")
    assert [(one.title, one.organisation) for one in view.attended] == [
        ("Director of Services", "Haringey Council"), ("NHS Director", "NHS Haringey")
    ]  # fmt: skip
    event = select(AuditEvent.facts).where(AuditEvent.event == "meeting_held")  # type: ignore[call-overload]
    facts = world.read("petra", lambda uow: uow.session.execute(event).scalar_one())
    assert "inspector" not in facts
    assert there[0] in facts


def test_holding_is_refused_with_its_own_sentence(world: World) -> None:
    today, later, gone = listed(world, 0, 3, 4)
    world.write("petra", meetings.hold_meeting, meeting=today.id)
    world.write("petra", meetings.cancel_meeting, meeting=gone.id, reason="Snow")
    for meeting, code, sentence in (
        (today, "already_held", "This meeting has been held, and what has happened is not changed"),
        (later, "meeting_to_come", "This meeting is still to come: it is held on Thursday 5 March 2026"),
        (gone, "already_cancelled", "This meeting was cancelled. List another one instead"),
    ):
        refused = unchanged(world, Refused, service=meetings.hold_meeting, meeting=meeting.id)
        assert [(one.code, one.message) for one in refused.reasons] == [(code, sentence)]  # type: ignore[attr-defined]
    invalid = unchanged(
        world, Invalid, service=meetings.hold_meeting, meeting=today.id, attended=[world.people["max"].id]
    )
    assert [one.pointer for one in invalid.errors] == ["/attended"]  # type: ignore[attr-defined]


def test_moving_is_refused_with_its_own_sentence(world: World) -> None:
    first, second, held = listed(world, 7, 14, 0)
    world.write("petra", meetings.hold_meeting, meeting=held.id)
    day = timedelta(days=1)
    for meeting, on, code in (
        (first, TODAY - day, "date_in_past"),
        (first, second.on, "taken"),
        (first, held.on, "taken"),
        (first, first.on, "same_date"),
    ):
        error = unchanged(world, Invalid, service=meetings.move_meeting, meeting=meeting.id, on=on, reason="The hall")
        assert [(one.pointer, one.code) for one in error.errors] == [("/on", code)]  # type: ignore[attr-defined]
    error = unchanged(world, Invalid, service=meetings.move_meeting, meeting=first.id, on=first.on + day, reason=" ")
    assert [one.pointer for one in error.errors] == ["/reason"]  # type: ignore[attr-defined]
    for service, given in (
        (meetings.move_meeting, {"on": TODAY + day, "reason": "The hall"}),
        (meetings.cancel_meeting, {"reason": "The hall"}),
    ):
        refused = unchanged(world, Refused, service=service, meeting=held.id, **given)
        assert refused.codes == ("already_held",)  # type: ignore[attr-defined]


def test_a_stale_version_changes_nothing(world: World) -> None:
    [meeting] = listed(world, 0)
    world.write("petra", meetings.move_meeting, meeting=meeting.id, on=TODAY + timedelta(days=1), reason="The hall")
    for service, given in (
        (meetings.hold_meeting, {}),
        (meetings.move_meeting, {"on": TODAY, "reason": "Back"}),
        (meetings.cancel_meeting, {"reason": "Snow"}),
    ):
        unchanged(world, Stale, service=service, meeting=meeting.id, if_match=meeting.version, **given)


def test_a_cancelled_meeting_leaves_its_day_free(world: World) -> None:
    first, second = listed(world, 7, 14)
    world.write("petra", meetings.cancel_meeting, meeting=first.id, reason="Snow")
    world.write("petra", meetings.move_meeting, meeting=second.id, on=first.on, reason="Instead")

    assert shown(world) == [(first.on, "cancelled"), (first.on, "moved")]
    assert next_review(world) == first.on


def test_the_database_takes_no_second_meeting_on_a_day(world: World) -> None:
    listed(world, 7)
    with pytest.raises(Exception, match=r"UNIQUE|uq_review_meetings_day"):
        world.write(
            "petra",
            lambda uow: (
                uow.session.add(ReviewMeeting(id="0" * 20, plan_id=world.plan_id, on_day=TODAY + timedelta(days=7))),
                uow.session.flush(),
            ),
        )


# --- What follows -----------------------------------------------------------------------------------------------------


def test_moving_the_next_meeting_moves_the_moments_of_what_is_silent_in_the_same_transaction(world: World) -> None:
    first, second, third, fourth, fifth = listed(world, 7, 14, 21, 28, 35)
    milestone = silent(world)
    # The update covers the first; the third is the second in a row without one, the fifth the fourth.
    assert stored(world, milestone) == (third.on, fifth.on)

    world.write("petra", meetings.move_meeting, meeting=first.id, on=TODAY + timedelta(days=27), reason="The hall")

    assert stored(world, milestone) == (TODAY + timedelta(days=27), fifth.on)
    assert next_review(world) == second.on

    world.write("petra", meetings.cancel_meeting, meeting=fourth.id, reason="Snow")
    # Reckoned: the list has ended.
    assert stored(world, milestone) == (TODAY + timedelta(days=27), TODAY + timedelta(days=49))

    def fail(uow, **given):
        meetings.move_meeting(uow, **given)
        raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError):
        world.write("petra", fail, meeting=second.id, on=TODAY + timedelta(days=33), reason="The hall")
    assert stored(world, milestone) == (TODAY + timedelta(days=27), TODAY + timedelta(days=49))
    assert next_review(world) == second.on


def test_holding_a_meeting_changes_no_milestone(world: World) -> None:
    first, *_ = listed(world, 0, 7, 14, 21, 28)
    milestone = silent(world)
    before = stored(world, milestone)
    world.write("petra", meetings.hold_meeting, meeting=first.id)
    assert stored(world, milestone) == before
    assert next_review(world) == TODAY + timedelta(days=7)


def test_the_look_ahead_follows_the_list(world: World) -> None:
    first, second = listed(world, 7, 14)
    view = world.milestone(title="Due between", due_date=TODAY + timedelta(days=9))

    def home() -> tuple[date | None, int]:
        found = world.read("petra", plan_home.plan_home, slug=world.plan)
        return found.plan.next_review, found.turns_red_total

    def later() -> date | None:
        compiled = world.read("petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters())
        everywhere = world.read("petra", exception_reports.compile_report, slug=None, filters=ExceptionFilters())
        assert compiled.next_review == everywhere.next_review
        return compiled.next_review

    assert (home(), later()) == ((first.on, 0), first.on)
    world.write("petra", meetings.cancel_meeting, meeting=first.id, reason="Snow")
    assert (home(), later()) == ((second.on, 1), second.on)
    ahead = world.read(
        "petra", exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters(on=later(), rag=Rag.RED)
    )
    assert view.row.ref in [row.item.ref for row in ahead.report.rows]


def test_where_the_list_ends_the_next_review_is_reckoned_and_says_so(world: World) -> None:
    [meeting] = listed(world, 0)
    world.write("petra", meetings.hold_meeting, meeting=meeting.id)
    plan = world.read("petra", plans.get_plan, slug=world.plan)
    assert (plan.next_review, plan.next_review_is_listed) == (TODAY + timedelta(days=14), False)
    assert plan.last_review == TODAY


def test_the_page_has_the_past_newest_first_and_the_next_one_marked(world: World) -> None:
    listed(world, *range(15))
    world.clock.forward(days=12)
    found = world.read("petra", meetings.meeting_list, slug=world.plan)
    assert [one.on.day for one in found.past] == [13, 12, 11, 10, 9, 8, 7, 6, 5, 4]
    assert found.past_total == 12
    assert [one.on.day for one in found.coming] == [14, 15, 16]
    assert found.next_id == found.coming[0].id
    assert len(world.read("petra", meetings.meeting_list, slug=world.plan, all_past=True).past) == 12


def test_no_list_puts_a_review_off_for_good(world: World) -> None:
    [first, *others] = world.write("petra", meetings.make_list, slug=world.plan)
    with pytest.raises(Invalid) as too_far:
        world.write("petra", meetings.move_meeting, meeting=first.id, on=date(2199, 12, 31), reason="Later")
    assert [error.code for error in too_far.value.errors] == ["moved_too_far"]
    assert "a cycle and a half from its planned day" in too_far.value.message
    for service, given in ((meetings.add_meeting, {"on": date(2199, 12, 31)}),
                           (meetings.make_list, {"first_day": date(2199, 12, 31)})):  # fmt: skip
        with pytest.raises(Invalid) as mistyped:
            world.write("petra", service, slug=world.plan, **given)
        assert [error.code for error in mistyped.value.errors] == ["too_far_ahead"]

    silently = silent(world)
    for one in [first, *others[:-1]]:
        world.write("petra", meetings.cancel_meeting, meeting=one.id, reason="Not needed")
    assert next_review(world) == TODAY + timedelta(days=14)
    # An update covers the first day of the cycle; the third and the fifth are the second and fourth without one.
    assert stored(world, silently) == (TODAY + timedelta(days=42), TODAY + timedelta(days=70))
    world.clock.forward(days=70)
    added = world.write("petra", meetings.make_list, slug=world.plan)
    assert len(added) > 15
    assert added[0].on < others[8].on
    assert all(one.on >= world.clock.today for one in added)
