"""Change requests: asked with a reason, seen before they are decided, decided by somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db import UnitOfWork
from app.domain.actors import system_actor
from app.domain.change_requests import OF_MILESTONES, Agreement, ChangeRequestView, Part
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.words import (
    CancellationGround,
    ChangeKind,
    ChangeState,
    DateSetter,
    Door,
    EvidencePolicy,
    MovedRule,
    Rag,
    Status,
)
from app.models import AuditEvent, ChangeRequest, Milestone
from app.services import (
    audit_events,
    baselines,
    change_requests,
    closing,
    meetings,
    milestone_facts,
    milestone_views,
    milestones,
    plans,
)
from app.services.change_requests import Verdict
from tests.factories import COUNCIL, NHS, World, key

TWO_LINES = "A rota that covers every shift\nA named deputy for every shift"


def ask(world: World, view: MilestoneView, kind: ChangeKind, *, by: str = "petra", **given: Any) -> ChangeRequestView:
    return world.write(
        by, change_requests.request_change, milestone=key(view), kind=kind, reason="The panel asked", **given
    )


def ask_plan(world: World, kind: ChangeKind, *, by: str = "petra", **given: Any) -> ChangeRequestView:
    return world.write(
        by, change_requests.request_settings, slug=world.plan, kind=kind, reason="The panel asked", **given
    )


def decide(world: World, asked: ChangeRequestView, outcome: str = "approved", *, by: str = "sam", **given: Any) -> Any:
    return world.write(
        by, change_requests.decide_change, change_request=asked.id, outcome=outcome, reason="Agreed", **given
    )


def later(world: World, days: int = 60) -> Any:
    return world.clock.today + timedelta(days=days)


def part(world: World, title: str, criterion: str, *, days: int = 40, **given: Any) -> Part:
    return Part(title=title, success_criterion=criterion, due_date=later(world, days), **given)


def parts(world: World) -> list[Part]:
    return [
        part(world, "Rota", "A rota that covers every shift."),
        part(world, "Deputies", "a named deputy for  every shift, and a phone", days=50),
    ]


def set_by(world: World, view: MilestoneView, body: DateSetter) -> None:
    world.database.write(
        lambda uow: uow.session.execute(
            update(Milestone).where(Milestone.id == view.row.id).values(due_set_by=body)  # type: ignore[arg-type]
        ),
        actor=system_actor(Door.CLI),
        now=world.clock(),
    )


def rows(world: World, *columns: Any) -> list[Any]:
    return world.database.read(
        lambda uow: list(uow.session.execute(select(*columns))), actor=system_actor(Door.CLI), now=world.clock()
    )


def codes(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, ...]:
    return refused.value.codes


def fields(refused: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(error.name, error.code) for error in refused.value.errors]


def seen_by_ref(world: World, ref: str, *, by: str = "petra") -> MilestoneView:
    return world.read(by, milestones.get_milestone, milestone=MilestoneKey(plan=world.plan, ref=ref))


# --- a due date -------------------------------------------------------------------------------------------------------


def test_a_due_date_moves_when_somebody_else_approves(world: World) -> None:
    view = world.milestone()
    asked = ask(world, view, ChangeKind.DUE_DATE, by="connie", due_date=later(world))
    assert world.seen(view).row.due_date == view.row.due_date

    decided = decide(world, asked)

    row = world.seen(view).row
    assert (decided.state, row.due_date, row.baseline_date, row.moves) == (
        "approved", later(world), view.row.baseline_date, 1,
    )  # fmt: skip


def test_what_it_would_do_is_what_it_does(world: World) -> None:
    view = world.milestone(due_date=world.clock.today)
    world.clock.forward(days=5)
    assert world.seen(view).row.rag is Rag.RED
    before = rows(world, Milestone)
    shown = world.read(
        "petra", change_requests.preview_change, milestone=key(view), kind=ChangeKind.DUE_DATE, due_date=later(world)
    )
    assert len(rows(world, Milestone)) == len(before)
    assert rows(world, ChangeRequest) == []

    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    assert asked.effect == shown
    decide(world, asked)

    [foreseen] = shown.milestones
    row = world.seen(view).row
    assert (foreseen.before, foreseen.after) == ("Red", str(row.rag).capitalize())
    [stored] = rows(world, Milestone.red_from)[-1:]
    assert foreseen.red_after == later(world) + timedelta(days=1)
    assert stored.red_from.date() <= foreseen.red_after


def test_a_weekend_gets_a_warning_and_no_refusal(world: World) -> None:
    view = world.milestone()
    saturday = later(world) + timedelta(days=(5 - later(world).weekday()) % 7)
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=saturday)
    assert asked.effect is not None
    assert "is a Saturday" in asked.effect.warnings[0]
    good_friday = world.clock.today.replace(month=4, day=3)
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=good_friday)
    assert asked.effect is not None
    assert "bank holiday: Good Friday" in asked.effect.warnings[0]


def test_a_due_date_before_the_start_is_malformed(world: World) -> None:
    view = world.milestone()
    with pytest.raises(Invalid) as refused:
        ask(world, view, ChangeKind.DUE_DATE, due_date=view.row.start_date - timedelta(days=1))  # type: ignore[operator]
    assert fields(refused) == [("due_date", "date_order")]


@pytest.mark.parametrize("kind", OF_MILESTONES)
def test_no_kind_is_asked_of_what_was_cancelled(world: World, kind: ChangeKind) -> None:
    view = world.milestone()
    decide(world, ask(world, view, ChangeKind.CANCELLATION, ground=CancellationGround.NO_LONGER_NEEDED))
    with pytest.raises(Refused) as refused:
        ask(world, view, kind)
    assert codes(refused) == ("milestone_ended",)


def test_nothing_is_asked_of_a_draft_or_a_closed_plan(world: World) -> None:
    view = world.milestone()
    world.close()
    with pytest.raises(Refused) as refused:
        ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    assert codes(refused) == ("plan_closed",)
    with pytest.raises(Refused) as refused:
        ask_plan(world, ChangeKind.POLICY, evidence_policy=EvidencePolicy.ACCEPTED)
    assert codes(refused) == ("plan_closed",)


def test_a_stranger_finds_nothing(world: World) -> None:
    view = world.milestone(owner=world.people["nat"].id, restricted_to=[NHS])
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    for who in ("zoe", "pol"):
        for service in (change_requests.get_change_request, change_requests.withdraw_change):
            with pytest.raises(NotFound):
                world.write(who, service, change_request=asked.id)
    assert world.read("pol", change_requests.list_plan_requests, slug=world.plan).items == ()
    assert len(world.read("nat", change_requests.list_plan_requests, slug=world.plan).items) == 1
    with pytest.raises(NotFound):
        world.read("zoe", change_requests.list_plan_requests, slug=world.plan)


def test_another_organisations_officer_is_told_how_many_of_what_is_asked_for_are_kept_back(world: World) -> None:
    view = world.milestone(restricted_to=[COUNCIL])
    first, second = (ask(world, view, ChangeKind.DUE_DATE, due_date=later(world, days)) for days in (50, 60))
    decide(world, first)
    listed = {
        name: world.read("nora", change_requests.list_plan_requests, slug=world.plan, **given)
        for name, given in (
            ("all", {}), ("waiting", {"state": ChangeState.REQUESTED}), ("decided", {"decided": True}),
            ("splits", {"kind": ChangeKind.SPLIT}),
        )
    }  # fmt: skip
    assert {name: page.withheld for name, page in listed.items()} == {"all": 2, "waiting": 1, "decided": 1, "splits": 0}
    assert world.read("connie", change_requests.list_plan_requests, slug=world.plan).withheld is None
    assert second.state == "requested"


# --- deciding ---------------------------------------------------------------------------------------------------------


def test_nobody_decides_their_own_or_twice(world: World) -> None:
    view = world.milestone(owner=world.people["sam"].id)
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    with pytest.raises(Refused) as refused:
        decide(world, asked)
    assert codes(refused) == ("own_milestone",)
    with pytest.raises(Forbidden):
        decide(world, asked, by="petra")
    decide(world, asked, "declined", by="nora")
    with pytest.raises(Refused) as refused:
        decide(world, asked, by="nora")
    assert codes(refused) == ("already_decided",)
    assert world.seen(view).row.due_date == view.row.due_date


def test_a_decision_names_its_meeting(world: World) -> None:
    view = world.milestone()
    meeting = world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    to_come = world.write("petra", meetings.add_meeting, slug=world.plan, on=later(world))
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    with pytest.raises(Invalid) as refused:
        decide(world, asked, meeting=to_come.id)
    assert fields(refused) == [("meeting", "meeting_to_come")]
    with pytest.raises(Invalid):
        decide(world, asked, meeting="0" * 20)
    assert decide(world, asked, meeting=meeting.id).meeting_on == world.clock.today


def test_nothing_was_decided_in_a_meeting_before_it_was_asked(world: World) -> None:
    before = world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    world.clock.forward(days=1)
    asked = ask(world, world.milestone(), ChangeKind.DUE_DATE, due_date=later(world))
    other = ask(world, world.milestone(), ChangeKind.DUE_DATE, due_date=later(world))
    with pytest.raises(Invalid) as refused:
        decide(world, asked, meeting=before.id)
    assert fields(refused) == [("meeting", "meeting_before_request")]
    assert "asked for on Tuesday 3 March 2026, after the review meeting of Monday 2 March" in refused.value.message
    [one] = world.write(
        "sam", change_requests.decide_together, slug=world.plan, meeting=before.id,
        verdicts=[Verdict(other.id, "approved", "Yes")],
    )  # fmt: skip
    assert [reason.code for reason in one.reasons] == ["meeting_before_request"]

    def offered() -> list[str]:
        asked_on = world.clock.today
        found = world.read("sam", change_requests.meetings_to_choose, slug=world.plan, asked_on=asked_on)
        return [meeting.id for meeting in found]

    assert offered() == []
    same_day = world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    assert offered() == [same_day.id]
    assert decide(world, asked, meeting=same_day.id).meeting_on == world.clock.today


def test_of_two_requests_for_one_date_the_second_says_that_it_has_moved_and_is_not_approved(world: World) -> None:
    view = world.milestone()
    first = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    same = ask(world, view, ChangeKind.DUE_DATE, by="connie", due_date=later(world))
    further = ask(world, view, ChangeKind.DUE_DATE, by="connie", due_date=later(world, 75))
    decide(world, first)

    waiting = world.read("sam", change_requests.get_change_request, change_request=same.id)
    assert waiting.effect is not None
    assert waiting.effect.warnings[0].startswith("The due date has moved since this was asked: it was 30 March 2026")
    assert (waiting.due_was, waiting.due_now) == (view.row.due_date, later(world))
    with pytest.raises(Refused) as refused:
        decide(world, same)
    assert codes(refused) == ("same_date",)
    world.clock.forward(hours=1)
    assert decide(world, further).due_was == later(world)
    due = [(one.value, one.was) for one in world.seen(view).date_history if one.field == "due"]
    assert due == [(later(world, 75), later(world)), (later(world), view.row.due_date)]
    assert decide(world, same, "declined").state == "declined"


def test_the_same_is_not_asked_twice_by_the_same_person_while_it_waits(world: World) -> None:
    view = world.milestone()
    same: dict[str, Any] = {"kind": ChangeKind.CANCELLATION, "ground": CancellationGround.NO_LONGER_NEEDED}
    first = ask(world, view, **same)
    with pytest.raises(Refused) as refused:
        ask(world, view, **same)
    assert codes(refused) == ("already_asked",)
    assert "You asked for exactly this on 2 March 2026 at 9:00am" in refused.value.reasons[0].message
    ask(world, view, **same, by="connie")
    ask(world, view, ChangeKind.CANCELLATION, ground=CancellationGround.DUPLICATE, other=world.milestone().row.ref)
    world.write("petra", change_requests.withdraw_change, change_request=first.id)
    ask(world, view, **same)

    ask_plan(world, ChangeKind.SETTINGS, tolerance_days=7)
    with pytest.raises(Refused) as of_plan:
        ask_plan(world, ChangeKind.SETTINGS, tolerance_days=7)
    assert codes(of_plan) == ("already_asked",)
    ask_plan(world, ChangeKind.SETTINGS, tolerance_days=8)


def test_what_waits_lapses_when_its_milestone_ends_or_its_plan_is_closed(world: World) -> None:
    ended, goes_on = world.milestone(), world.milestone()
    moved = ask(world, ended, ChangeKind.DUE_DATE, due_date=later(world))
    kept = ask(world, goes_on, ChangeKind.DUE_DATE, due_date=later(world))
    of_plan = ask_plan(world, ChangeKind.SETTINGS, tolerance_days=7)
    decide(world, ask(world, ended, ChangeKind.CANCELLATION, ground=CancellationGround.NO_LONGER_NEEDED))

    def state(asked: ChangeRequestView) -> tuple[str, str | None]:
        seen = world.read("sam", change_requests.get_change_request, change_request=asked.id)
        return seen.state, seen.decision_reason

    assert state(moved) == ("lapsed", f"{ended.row.ref} was cancelled before this was decided")
    assert (state(kept)[0], state(of_plan)[0]) == ("requested", "requested")
    assert world.read("sam", closing.to_close, slug=world.plan).requests == 2
    world.close()

    assert state(kept) == state(of_plan) == ("lapsed", "The plan was closed before this was decided")
    assert world.read("sam", change_requests.list_plan_requests, slug=world.plan).waiting == 0
    events = rows(world, AuditEvent.item_id, AuditEvent.milestone_id, AuditEvent.event)
    lapsed = {row.item_id: row.milestone_id for row in events if row.event == "change_request_lapsed"}
    assert lapsed == {moved.id: ended.row.id, kept.id: goes_on.row.id, of_plan.id: None}


def test_who_asked_withdraws_and_nobody_else(world: World) -> None:
    view = world.milestone()
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    with pytest.raises(Forbidden):
        world.write("sam", change_requests.withdraw_change, change_request=asked.id)
    assert world.write("petra", change_requests.withdraw_change, change_request=asked.id).state == "withdrawn"
    with pytest.raises(Refused) as refused:
        world.write("petra", change_requests.withdraw_change, change_request=asked.id)
    assert codes(refused) == ("already_decided",)
    with pytest.raises(Refused):
        decide(world, asked)


def test_several_are_decided_in_a_meeting_each_by_itself(world: World) -> None:
    mine, theirs, gone = world.milestone(owner=world.people["sam"].id), world.milestone(), world.milestone()
    meeting = world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today)
    asked = [ask(world, view, ChangeKind.DUE_DATE, due_date=later(world)) for view in (mine, theirs, gone)]
    decide(world, asked[2], "declined", by="nora")
    verdicts = [Verdict(one.id, "approved", "As the panel said") for one in asked] + [
        Verdict("0" * 20, "approved", "Whatever it is")
    ]

    became = world.write("sam", change_requests.decide_together, slug=world.plan, meeting=meeting.id, verdicts=verdicts)

    assert [[reason.code for reason in one.reasons] for one in became] == [
        ["own_milestone"], [], ["already_decided"], ["unknown_change_request"],
    ]  # fmt: skip
    assert [world.seen(view).row.due_date == later(world) for view in (mine, theirs, gone)] == [False, True, False]
    events = [event for (event,) in rows(world, AuditEvent.event)]
    assert events.count("change_decision_refused") == 2
    assert world.seen(theirs).change_requests[0].meeting_on == world.clock.today


def test_several_are_decided_by_a_senior_officer_only(world: World) -> None:
    with pytest.raises(Forbidden):
        world.write("petra", change_requests.decide_together, slug=world.plan, meeting="x", verdicts=[])
    with pytest.raises(Invalid):
        world.write("sam", change_requests.decide_together, slug=world.plan, meeting="", verdicts=[])


# --- cancelling, replacing, merging, splitting ------------------------------------------------------------------------


def test_a_milestone_is_merged_into_another_one(world: World) -> None:
    view, other = world.milestone(), world.milestone(title="Duty rota for all teams")
    asked = ask(world, view, ChangeKind.CANCELLATION, ground=CancellationGround.MERGED, other=other.row.ref.lower())
    decide(world, asked)
    seen = world.seen(view)
    assert seen.row.status is Status.CANCELLED
    assert seen.change_requests[0].other is not None
    assert seen.change_requests[0].other.ref == other.row.ref


def test_merging_names_a_milestone_that_goes_on(world: World) -> None:
    view, ended = world.milestone(), world.milestone()
    kept = world.milestone(owner=world.people["nat"].id, restricted_to=[NHS])
    decide(world, ask(world, ended, ChangeKind.CANCELLATION, ground=CancellationGround.NO_LONGER_NEEDED))
    merge: dict[str, Any] = {"kind": ChangeKind.CANCELLATION, "ground": CancellationGround.MERGED}

    with pytest.raises(Refused) as refused:
        ask(world, view, **merge, other=ended.row.ref)
    assert codes(refused) == ("other_cancelled",)
    with pytest.raises(Invalid) as itself:
        ask(world, view, **merge, other=view.row.ref)
    assert fields(itself) == [("other", "itself")]
    with pytest.raises(Invalid) as unknown:
        ask(world, view, **merge, other="M-99")
    with pytest.raises(Invalid) as restricted:
        ask(world, view, by="connie", **merge, other=kept.row.ref)
    with pytest.raises(Invalid) as none:
        ask(world, view, **merge)
    assert fields(unknown) == fields(restricted) == [("other", "unknown_milestone")]
    assert unknown.value.message.replace("M-99", kept.row.ref) == restricted.value.message
    assert fields(none) == [("other", "required")]


def test_who_may_not_know_of_the_other_milestone_is_not_told_its_name(world: World) -> None:
    view, kept = world.milestone(), world.milestone(owner=world.people["nat"].id, restricted_to=[NHS])
    ask(world, view, ChangeKind.CANCELLATION, ground=CancellationGround.MERGED, other=kept.row.ref)
    assert world.seen(view, by="pol").change_requests[0].other is None


def test_the_trail_keeps_from_a_reader_which_hidden_milestone_goes_on(world: World) -> None:
    def restrict(view: MilestoneView, *organisations: str) -> None:
        changes = {"restricted_to": list(organisations)}
        world.write("petra", milestone_facts.edit_milestone, milestone=key(view), changes=changes, if_match=None)

    view, kept = world.milestone(), world.milestone()
    ask(world, view, ChangeKind.CANCELLATION, ground=CancellationGround.MERGED, other=kept.row.ref)
    restrict(kept, COUNCIL)
    split = ask(world, kept, ChangeKind.SPLIT, parts=parts(world))
    decide(world, split)
    open_part = seen_by_ref(world, "M-04")
    restrict(open_part)

    def facts(who: str, item: str | None, event: str) -> list[dict[str, Any]]:
        found, _ = world.read(who, audit_events.list_events, slug=world.plan, item=item)
        return [line.facts for line in found if line.event == event]

    for item in (view.row.id, None):
        [known] = facts("petra", item, "change_requested")[-1:]
        assert known["other"] == kept.row.id
        [hidden] = facts("nora", item, "change_requested")
        assert (hidden["other"], hidden["ground"]) == (None, "merged")
    assert facts("nora", open_part.row.id, "milestone_added")[0]["came_from"] is None
    assert facts("ada", open_part.row.id, "milestone_added")[0]["came_from"] == kept.row.ref


def test_a_milestone_is_replaced_by_one_that_the_request_describes(world: World) -> None:
    view = world.milestone(supporting_organisations=[NHS])
    asked = ask(world, view, ChangeKind.REPLACEMENT, parts=[part(world, "A better rota", "It covers nights")])
    assert [(one.title, one.before) for one in asked.effect.milestones][1:] == [("A better rota", "")]  # type: ignore[union-attr]

    decided = decide(world, asked)

    made = seen_by_ref(world, decided.parts[0].made.ref)
    assert world.seen(view).row.status is Status.CANCELLED
    assert (made.row.title, made.success_criterion, made.row.due_date) == (
        "A better rota", "It covers nights", later(world, 40),
    )  # fmt: skip
    assert (made.row.baseline_date, made.row.moves, made.row.status) == (later(world, 40), 0, Status.NOT_STARTED)
    assert [one.slug for one in made.row.supporting_organisations] == [NHS]
    assert made.came_from is not None
    assert made.came_from.ref == view.row.ref


def test_the_parts_of_a_split_keep_the_first_baseline_and_the_history(world: World) -> None:
    view = world.milestone(success_criterion=TWO_LINES, due_date=world.clock.today)
    first = view.row.baseline_date
    world.write("connie", milestones.start, milestone=key(view))
    decide(world, ask(world, view, ChangeKind.DUE_DATE, due_date=later(world, 10)))
    asked = ask(world, view, ChangeKind.SPLIT, parts=parts(world))
    decided = decide(world, asked)

    made = [seen_by_ref(world, one.made.ref) for one in decided.parts]
    assert [one.row.baseline_date for one in made] == [first, first]
    assert [one.row.due_date for one in made] == [later(world, 40), later(world, 50)]
    assert [(one.row.moves, one.row.status) for one in made] == [(2, Status.IN_PROGRESS)] * 2
    assert world.seen(view).row.status is Status.CANCELLED
    foreseen = {one.title: one.after for one in asked.effect.milestones[1:]}  # type: ignore[union-attr]
    assert foreseen == {one.row.title: str(one.row.rag).capitalize() for one in made}


def test_splitting_does_not_restart_the_clock_of_a_red_milestone(world: World) -> None:
    view = world.milestone(success_criterion=TWO_LINES, due_date=world.clock.today)
    world.clock.forward(days=12)
    since = world.seen(view).row.since
    still_late = [replace(one, due_date=world.clock.today - timedelta(days=1)) for one in parts(world)]
    decided = decide(world, ask(world, view, ChangeKind.SPLIT, parts=still_late))
    row = seen_by_ref(world, decided.parts[0].made.ref).row
    assert (row.rag, row.since) == (Rag.RED, since)


def test_a_split_that_leaves_a_gap_is_refused_naming_it(world: World) -> None:
    view = world.milestone(success_criterion=TWO_LINES)
    before = rows(world, Milestone.id)
    with pytest.raises(Refused) as refused:
        ask(world, view, ChangeKind.SPLIT, parts=[parts(world)[0], part(world, "Phones", "A phone each")])
    assert codes(refused) == ("criteria_gap",)
    assert "A named deputy for every shift" in refused.value.message
    with pytest.raises(Invalid) as one_part:
        ask(world, view, ChangeKind.SPLIT, parts=parts(world)[:1])
    assert fields(one_part) == [("parts", "too_few_or_many")]
    assert rows(world, Milestone.id) == before


def test_a_split_is_judged_again_when_the_criterion_has_changed(world: World) -> None:
    view = world.milestone(success_criterion=TWO_LINES)
    asked = ask(world, view, ChangeKind.SPLIT, parts=parts(world))
    more = f"{TWO_LINES}\nA rota for holidays"
    decide(world, ask(world, view, ChangeKind.CRITERIA, success_criterion=more))
    with pytest.raises(Refused) as refused:
        decide(world, asked)
    assert codes(refused) == ("criteria_gap",)


def test_a_restriction_is_not_shaken_off_by_splitting(world: World) -> None:
    view = world.milestone(
        success_criterion=TWO_LINES, owner=world.people["nat"].id, organisation=NHS, restricted_to=[NHS]
    )
    with pytest.raises(Invalid) as refused:
        ask(
            world,
            view,
            ChangeKind.SPLIT,
            parts=[replace(parts(world)[0], owner=world.people["pol"].id), parts(world)[1]],
        )
    assert fields(refused) == [("parts.0.owner", "owner_left_out")]
    decided = decide(world, ask(world, view, ChangeKind.SPLIT, parts=parts(world)))
    ref = decided.parts[0].made.ref
    assert seen_by_ref(world, ref, by="nat").row.restricted
    with pytest.raises(NotFound):
        seen_by_ref(world, ref, by="connie")


def test_criteria_change_by_request_only(world: World) -> None:
    view = world.milestone()
    with pytest.raises(Invalid) as refused:
        world.write(
            "petra",
            milestones.edit_milestone,
            milestone=key(view),
            changes={"success_criterion": "Less"},
            if_match=None,
        )
    assert "/change-requests" in refused.value.message
    with pytest.raises(Refused) as same:
        ask(world, view, ChangeKind.CRITERIA, success_criterion=view.success_criterion)
    assert codes(same) == ("same_criterion",)
    decide(world, ask(world, view, ChangeKind.CRITERIA, success_criterion="It covers nights too"))
    assert world.seen(view).success_criterion == "It covers nights too"


def test_what_was_reported_complete_is_not_measured_by_something_else(world: World) -> None:
    view = world.completed()
    with pytest.raises(Refused) as refused:
        ask(world, view, ChangeKind.CRITERIA, success_criterion="Less")
    assert codes(refused) == ("milestone_completed",)


# --- a date that an outside body set ----------------------------------------------------------------------------------


def test_a_date_that_ofsted_set_moves_with_ofsteds_agreement_only(world: World) -> None:
    view = world.milestone()
    early = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world))
    set_by(world, view, DateSetter.OFSTED)
    with pytest.raises(Invalid) as refused:
        ask(world, view, ChangeKind.DUE_DATE, due_date=later(world, 70))
    assert [name for name, _ in fields(refused)] == ["agreement.by", "agreement.reference", "agreement.on"]
    with pytest.raises(Refused) as overtaken:
        decide(world, early)
    assert codes(overtaken) == ("agreement_missing",)

    agreement = Agreement("The lead inspector", world.clock.today, "Letter of 2 March")
    asked = ask(world, view, ChangeKind.DUE_DATE, due_date=later(world, 70), agreement=agreement)
    assert decide(world, asked).agreement == agreement
    assert world.seen(view).row.due_date == later(world, 70)


# --- a plan's policy and settings -------------------------------------------------------------------------------------


def test_a_policy_says_before_what_falls_back_and_then_it_does(world: World) -> None:
    attached, accepted = world.achieved(), world.completed()
    world.accepted(accepted, world.attached(accepted))
    world.write("petra", milestones.mark_achieved, milestone=key(accepted))
    shown = world.read(
        "petra", change_requests.preview_settings, slug=world.plan, kind=ChangeKind.POLICY,
        evidence_policy=EvidencePolicy.ACCEPTED,
    )  # fmt: skip
    assert [one.ref for one in shown.falls_back] == [attached.row.ref]
    assert world.seen(attached).row.status is Status.ACHIEVED

    asked = ask_plan(world, ChangeKind.POLICY, evidence_policy=EvidencePolicy.ACCEPTED)
    assert asked.effect == shown
    decide(world, asked)

    assert world.seen(attached).row.status is Status.COMPLETED
    assert world.seen(accepted).row.status is Status.ACHIEVED
    foreseen = {one.id: one.after for one in shown.changed}
    assert foreseen[attached.row.id] == str(world.seen(attached).row.rag).capitalize()
    assert world.read("sam", plans.get_plan, slug=world.plan).evidence_policy is EvidencePolicy.ACCEPTED


def test_settings_say_before_which_colours_change_and_then_they_do(world: World) -> None:
    view = world.milestone(due_date=world.clock.today)
    world.clock.forward(days=5)
    asked = ask_plan(world, ChangeKind.SETTINGS, overdue_limit_days=20, moved_rule=MovedRule.ANY)
    assert asked.effect is not None
    assert [(one.ref, one.before, one.after) for one in asked.effect.changed] == [(view.row.ref, "Red", "Amber")]
    decide(world, asked)
    assert world.seen(view).row.rag is Rag.AMBER
    plan = world.read("sam", plans.get_plan, slug=world.plan)
    assert (plan.overdue_limit_days, plan.moved_rule) == (20, MovedRule.ANY)


def test_what_is_restricted_is_counted_for_other_organisations_officers_and_hidden_from_others(world: World) -> None:
    view = world.completed(by="nat", owner=world.people["nat"].id, organisation=NHS, restricted_to=[NHS])
    world.attached(view, by="nat")
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    shown = {
        who: world.read(who, change_requests.get_change_request, change_request=asked.id).effect
        for asked in [ask_plan(world, ChangeKind.POLICY, evidence_policy=EvidencePolicy.ACCEPTED)]
        for who in ("petra", "connie", "nora")
    }
    assert len(shown["petra"].falls_back) == 1  # type: ignore[union-attr]
    assert (shown["connie"].falls_back, shown["connie"].withheld) == ((), None)  # type: ignore[union-attr]


def test_settings_that_are_none_or_out_of_range_are_malformed(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        ask_plan(world, ChangeKind.SETTINGS, overdue_limit_days=29)
    assert fields(refused) == [("overdue_limit_days", "out_of_range")]
    with pytest.raises(Invalid) as nothing:
        ask_plan(world, ChangeKind.SETTINGS, tolerance_days=28)
    assert fields(nothing) == [("tolerance_days", "nothing_changes")]
    with pytest.raises(Invalid) as wrong:
        ask_plan(world, ChangeKind.SETTINGS, evidence_policy=EvidencePolicy.ACCEPTED)
    assert fields(wrong) == [("evidence_policy", "not_here")]


def test_a_setting_that_is_already_so_can_only_be_declined(world: World) -> None:
    first, second = (ask_plan(world, ChangeKind.SETTINGS, tolerance_days=7, by=by) for by in ("petra", "connie"))
    decide(world, first)
    with pytest.raises(Refused) as refused:
        decide(world, second)
    assert codes(refused) == ("already_so",)
    assert decide(world, second, "declined").state == ChangeState.DECLINED


# --- a mistyped baseline ----------------------------------------------------------------------------------------------


def correct(world: World, view: MilestoneView, *, by: str = "petra", days: int = 20) -> Any:
    return world.write(
        by, baselines.correct_baseline, milestone=key(view), baseline_date=later(world, days), reason="A typing error"
    )


def test_a_mistyped_baseline_is_corrected_with_a_reason(world: World) -> None:
    view = world.milestone()
    correct(world, view)
    seen = world.seen(view)
    assert (seen.row.baseline_date, seen.row.due_date, seen.row.moves) == (later(world, 20), view.row.due_date, 0)
    [entry] = [change for change in seen.date_history if change.field == "baseline" and change.was]
    assert (entry.was, entry.reason) == (view.row.baseline_date, "A typing error")


def test_a_baseline_is_corrected_by_the_programme_manager_and_only_where_it_differs(world: World) -> None:
    view = world.milestone()
    for who in ("connie", "sam"):
        with pytest.raises(Forbidden):
            correct(world, view, by=who)
    with pytest.raises(NotFound):
        correct(world, view, by="zoe")
    with pytest.raises(Refused) as refused:
        correct(world, view, days=28)
    assert codes(refused) == ("same_date",)


def test_no_correction_makes_a_slip_look_smaller(world: World) -> None:
    view, outside, waits = world.milestone(), world.milestone(), world.milestone()
    set_by(world, outside, DateSetter.OFSTED)
    asked = ask(world, waits, ChangeKind.DUE_DATE, due_date=later(world))
    again = world.achieved()
    world.write("petra", milestones.reopen, milestone=key(again), reason="Not so", due_date=later(world))
    for one, days, code in (
        (view, 29, "later_than_due"),
        (outside, 20, "outside_date"),
        (waits, 20, "date_request_waits"),
    ):
        with pytest.raises(Refused) as refused:
            correct(world, one, days=days)
        assert codes(refused) == (code,)
        assert world.seen(one).may.correct_baseline is (one is view)
    with pytest.raises(Refused) as refused:
        correct(world, again)
    assert codes(refused) == ("reopened", "date_request_waits")
    decide(world, asked)
    assert not world.seen(waits).may.correct_baseline
    correct(world, view)
    correct(world, view, days=28)


def test_what_was_published_stays_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = world.milestone()
    monkeypatch.setattr(milestone_views, "published_on", lambda *_: world.clock.today)
    with pytest.raises(Refused) as refused:
        correct(world, view)
    assert codes(refused) == ("published",)


def test_previews_write_nothing_even_in_a_writing_transaction(world: World) -> None:
    view = world.achieved()

    def look(uow: UnitOfWork) -> None:
        change_requests.preview_settings(
            uow, slug=world.plan, kind=ChangeKind.POLICY, evidence_policy=EvidencePolicy.ACCEPTED
        )
        assert not uow.session.dirty
        assert not uow.session.new
        assert uow.pending == []

    world.database.write(look, actor=world.actor("petra"), now=world.clock())
    assert world.seen(view).row.version == view.row.version


def test_a_merge_says_who_must_prove_the_promise_and_none_is_made_into_what_is_achieved(world: World) -> None:
    done = world.achieved()
    first, other = world.milestone(success_criterion="Cover on nights"), world.milestone(success_criterion="A rota")
    merge = {"kind": ChangeKind.CANCELLATION, "ground": CancellationGround.MERGED}
    with pytest.raises(Refused) as refused:
        world.write("petra", change_requests.request_change, milestone=key(first), reason="One", other=done.row.ref,
                    **merge)  # fmt: skip
    assert refused.value.codes == ("other_achieved",)
    foreseen = world.read("petra", change_requests.preview_change, milestone=key(first), other=other.row.ref, **merge)
    [warning] = foreseen.warnings
    assert f"{other.row.ref} must then prove what {first.row.ref} promises: “Cover on nights”" in warning
    assert "“A rota”" in warning
    asked = world.write("petra", change_requests.request_change, milestone=key(first), reason="One",
                        other=other.row.ref, **merge)  # fmt: skip
    shown = world.read("sam", change_requests.get_change_request, change_request=asked.id)
    assert shown.effect is not None
    assert shown.effect.warnings == foreseen.warnings
    world.write("sam", change_requests.decide_change, change_request=asked.id, outcome="approved", reason="Agreed")
    gone = {"kind": ChangeKind.CANCELLATION, "ground": CancellationGround.NO_LONGER_NEEDED}
    [ending] = world.read("petra", change_requests.preview_change, milestone=key(other), **gone).warnings
    assert f"{first.row.ref} was merged into it" in ending


def test_an_achievement_whose_evidence_has_ended_is_open_for_a_merge(world: World) -> None:
    """Before the stored state has caught up: an expiry counts from its day."""
    into = world.completed(title="Done")
    world.attached(into, effective_to=world.clock.today + timedelta(days=1))
    world.write("petra", milestones.mark_achieved, milestone=key(into))
    world.clock.forward(days=2)
    asked = world.write(
        "petra", change_requests.request_change, milestone=key(world.milestone()), reason="One", other=into.row.ref,
        kind=ChangeKind.CANCELLATION, ground=CancellationGround.MERGED,
    )  # fmt: skip
    assert asked.state == "requested"
