"""The honesty checks of a plan: what each finds in the database, for whom, on the page and through the API."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.honesty import Check
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.refusals import Forbidden, NotFound
from app.services import evidence, honesty, milestones, plan_parts, updates
from tests.factories import World, key, upload
from tests.house import House
from tests.pages.conftest import statements
from tests.pages.markup import read


def found(world: World, check: Check, who: str = "petra") -> list[str]:
    """What a check finds: its references, in order."""
    [group] = world.read(who, honesty.honesty_checks, slug=world.plan, check=check).groups
    assert group.count == len(group.findings)
    return [finding.ref for finding in group.findings]


def ref(view: MilestoneView) -> str:
    return view.row.ref


def say(world: World, view: MilestoneView, words: str) -> None:
    world.write("connie", updates.add_update, milestone=key(view), narrative=words)


def every_sign(world: World) -> dict[Check, str]:
    """One finding of each check; returns the reference each is about."""
    action = world.write("petra", plan_parts.add_action, slug=world.plan, theme=world.theme, title="Nothing under it")
    first = MilestoneKey(plan=world.plan, ref="M-01")
    owner = {"owner": world.people["sam"].id}
    world.write("petra", milestones.edit_milestone, milestone=first, changes=owner, if_match=None)
    bare = world.milestone(title="Bare", success_criterion="")
    late = world.milestone(title="Late", due_date=world.clock.today + timedelta(days=1))
    say(world, late, "All is well")
    again = world.milestone(title="Again")
    say(world, again, "On track")
    several = [world.milestone(title=f"One of many {n}") for n in range(5)]
    for n, view in enumerate(several):
        say(world, view, f"Begun with {n}")
    item = world.attached(several[0])
    for view in several[1:]:
        world.write("connie", evidence.link_evidence, milestone=key(view), evidence=item.id)
    dated = world.completed(title="Dated later")
    world.attached(dated, effective_from=world.clock.today + timedelta(days=-1))
    later = world.completed(title="Dated after")
    world.clock.forward(days=2)
    world.write(
        "connie", evidence.attach_evidence, milestone=key(later), title="Audit", upload=upload(b"audit"),
        effective_from=world.clock.today,
    )  # fmt: skip
    alone = world.milestone(title="Alone", owner=world.people["petra"].id)
    world.completed(alone, by="petra")
    world.write("petra", evidence.attach_evidence, milestone=key(alone), title="Mine", upload=upload(b"mine"))
    world.write("petra", milestones.mark_achieved, milestone=key(alone))
    for view in several:
        world.clock.forward(minutes=1)
        say(world, view, "Progress is good")
    world.clock.forward(hours=1)
    say(world, again, "On track.")
    return {
        Check.ACTION_WITHOUT_MILESTONE: action.ref,
        Check.NO_CRITERION: ref(bare),
        Check.SAME_WORDS: ref(again),
        Check.BULK_UPDATE: ref(several[0]),
        Check.SHARED_FILE: ref(several[0]),
        Check.EVIDENCE_AFTER_COMPLETION: ref(later),
        Check.NOT_INDEPENDENT: ref(alone),
        Check.GREEN_UNTIL_OVERDUE: ref(late),
        Check.APPROVED_BY_OWNER: "M-01",
    }


def test_each_check_finds_its_sign_and_no_other(world: World) -> None:
    expected = every_sign(world)
    for check, reference in expected.items():
        assert found(world, check) == [reference], check
        assert found(world, check, "ada") == [reference]
    report = world.read("ada", honesty.honesty_checks, slug=world.plan)
    assert [group.check for group in report.groups] == list(Check)
    assert report.total == len(expected)


def test_what_is_mended_is_no_longer_found(world: World) -> None:
    every_sign(world)
    [again] = found(world, Check.SAME_WORDS)
    world.write("connie", updates.add_update, milestone=MilestoneKey(plan=world.plan, ref=again), narrative="Two teams")
    assert found(world, Check.SAME_WORDS) == []
    view = world.read("petra", milestones.get_milestone, milestone=MilestoneKey(
        plan=world.plan, ref=found(world, Check.SHARED_FILE)[0]
    ))  # fmt: skip
    world.write("petra", evidence.withdraw_evidence, evidence=view.evidence[0].id, reason="Wrong file")
    assert found(world, Check.SHARED_FILE) == []


def test_the_same_file_sent_again_under_another_name_is_one_file(world: World) -> None:
    for n in range(5):
        view = world.milestone(title=f"One of many {n}")
        world.write(
            "connie", evidence.attach_evidence, milestone=key(view), title="Rota", upload=upload(b"rota", f"r{n}.txt")
        )  # fmt: skip
    assert len(found(world, Check.SHARED_FILE)) == 1


def test_they_are_for_programme_managers_and_auditors_alone(world: World) -> None:
    for who in ("connie", "sam", "nora", "olive"):
        with pytest.raises(Forbidden):
            world.read(who, honesty.honesty_checks, slug=world.plan)
    with pytest.raises(NotFound):
        world.read("zoe", honesty.honesty_checks, slug=world.plan)


def test_the_milestones_page_says_what_holds_of_it_to_those_two_roles(world: World) -> None:
    expected = every_sign(world)
    for check, reference in expected.items():
        if check is Check.ACTION_WITHOUT_MILESTONE:
            continue
        where = MilestoneKey(plan=world.plan, ref=reference)
        [group] = world.read("ada", honesty.honesty_checks, slug=world.plan, check=check).groups
        for who in ("petra", "ada"):
            seen = world.read(who, milestones.get_milestone, milestone=where).honesty
            assert group.findings[0].message in seen
        for who in ("connie", "sam"):
            assert world.read(who, milestones.get_milestone, milestone=where).honesty == ()


def test_the_page_and_the_api_say_the_same_in_a_fixed_number_of_queries(world: World, tmp_path: Path) -> None:
    house = House(world, tmp_path)
    address = f"/plans/{world.plan}/honesty-checks"
    empty = read(house.browser("ada").get(address).text)
    assert "None of the checks finds anything" in empty.text
    assert empty.problems() == []
    browser = house.browser("petra")
    with statements(world.database) as few:
        browser.get(address)
    expected = every_sign(world)
    browser = house.browser("petra")
    with statements(world.database) as many:
        answer = browser.get(address)
    page = read(answer.text)
    assert page.problems() == []
    assert len(many) == len(few)
    assert len(many) <= 16 or not world.database.is_sqlite  # PostgreSQL's own come on top
    items = house.api("ada").get(f"/api/v1{address}").json()["items"]
    assert {one["check"]: [finding["ref"] for finding in one["findings"]] for one in items} == {
        str(check): [reference] for check, reference in expected.items()
    }
    for one in items:
        assert one["count"] == 1
        assert one["why"] in page.text
        assert one["findings"][0]["message"] in page.text
    milestone = read(browser.get(f"/plans/{world.plan}/milestones/{expected[Check.SAME_WORDS]}").text)
    assert address in milestone.links()
    assert "says word for word" in milestone.text
    one_check = read(browser.get(f"{address}?check=same_words").text)
    assert "Bulk updates" not in one_check.text
    assert browser.get(f"{address}?check=nonsense").status_code == 422
    assert house.browser("sam").get(address).status_code == 403
    assert address in read(browser.get(f"/plans/{world.plan}").text).links()
    assert address not in read(house.browser("sam").get(f"/plans/{world.plan}").text).links()
