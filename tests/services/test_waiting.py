"""What a milestone is waiting on: a milestone that is restricted to others is not named to who may not know of it."""

from datetime import timedelta

from app.domain.exception_reports import ExceptionFilters
from app.domain.milestones import NOT_SHOWN
from app.services import exception_reports, milestones, my_updates, updates
from tests.factories import NHS, POLICE, World, key


def test_a_milestone_that_is_waited_on_is_named_to_those_alone_who_may_know_of_it(world: World) -> None:
    hidden = world.milestone(restricted_to=[NHS], owner=world.people["nat"].id, title="Referrals to the clinic")
    late = world.milestone(
        due_date=world.clock.today - timedelta(days=3), start_date=None, supporting_organisations=[NHS, POLICE]
    )
    ref, said = hidden.row.ref, f"the clinic ({hidden.row.ref.lower()})"
    answer = world.write("nat", updates.add_update, milestone=key(late), narrative="Late", waiting_on=said)
    assert answer.waiting_on == said

    def read_by(who: str) -> set[str | None]:
        report = world.read(who, exception_reports.compile_report, slug=world.plan, filters=ExceptionFilters())
        exported = world.read(who, lambda uow: list(exception_reports.all_items(
            uow, slug=world.plan, filters=ExceptionFilters())))  # fmt: skip
        listed, _ = world.read(who, updates.list_updates, milestone=key(late))
        page = world.read(who, milestones.get_milestone, milestone=key(late))
        assert page.latest_update
        on_form = world.read(who, my_updates.item_to_update, milestone=key(late)) if who in ("connie", "nat") else None
        found: set[str | None] = {row.item.waiting_on for row in report.report.red}
        found |= {one.waiting_on for one in exported}
        found |= {one.waiting_on for one in listed} | {page.latest_update.waiting_on}
        found |= {on_form.last.said.waiting_on} if on_form and on_form.last else set()
        return found - {""}  # of what is Red besides

    assert {who: read_by(who) for who in ("nat", "petra")} == {"nat": {said}, "petra": {said}}
    assert {who: read_by(who) for who in ("connie", "pol")} == {who: {NOT_SHOWN} for who in ("connie", "pol")}
    # A reference that is not there reads like one that is kept from you; one that you may know of is named.
    for waits, shown in (("M-99", NOT_SHOWN), (late.row.ref, late.row.ref), ("NHS Haringey", "NHS Haringey")):
        world.write("nat", updates.add_update, milestone=key(late), narrative=f"On {waits}", waiting_on=waits)
        assert world.seen(late, by="pol").latest_update.waiting_on == shown  # type: ignore[union-attr]
    # What stood for it, sent back by somebody who cannot know it, leaves what is there.
    world.write("nat", updates.add_update, milestone=key(late), narrative="Late", waiting_on=ref)
    answer = world.write("connie", updates.add_update, milestone=key(late), narrative="Soon", waiting_on=NOT_SHOWN)
    assert (answer.waiting_on, world.seen(late).latest_update.waiting_on) == (NOT_SHOWN, ref)  # type: ignore[union-attr]
