"""Searching on both databases: what is found, what is not, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from app.db import UnitOfWork
from app.domain.actors import system_actor
from app.domain.plans import MilestoneFilters
from app.domain.refusals import Forbidden, Invalid, NotFound
from app.domain.searches import Found
from app.domain.words import Scope
from app.services import evidence, milestone_lists, searches, updates
from tests.factories import NHS, World, key


def find(world: World, who: Any, asked: str, slug: str | None = "safeguarding-plan") -> Found:
    return world.read(who, searches.search, slug=slug, asked=asked)


def refs(found: Found) -> tuple[list[str], list[str], list[str]]:
    groups = (found.milestones, found.updates, found.evidence)
    return tuple([hit.ref for hit in group.hits] for group in groups)  # type: ignore[return-value]


@pytest.fixture
def told(world: World) -> World:
    view = world.milestone(title="Rota of 50% cover_published")
    world.write("connie", updates.add_update, milestone=key(view), narrative="The lighthouse is staffed at night")
    world.write("connie", evidence.attach_evidence, milestone=key(view), title="Lighthouse log", statement="Seen")
    hidden = world.milestone(title="Lighthouse in secret", restricted_to=[NHS], owner=world.people["nat"].id)
    world.write("nat", updates.add_update, milestone=key(hidden), narrative="The lighthouse keeper is known")
    world.write("nat", evidence.attach_evidence, milestone=key(hidden), title="Lighthouse letter", statement="Read")
    return world


def test_titles_updates_and_evidence_are_found_in_either_case(told: World) -> None:
    assert refs(find(told, "connie", "LIGHTHOUSE")) == ([], ["M-02"], ["E-001"])
    assert refs(find(told, "connie", "rota cover")) == (["M-02"], [], [])
    assert refs(find(told, "connie", "m-02"))[0] == ["M-02"]
    assert find(told, "connie", "lighthouse keeper").total == 0


def test_what_is_restricted_is_found_by_whom_it_is_for_and_by_nobody_else(told: World) -> None:
    assert find(told, "nat", "lighthouse").total == 5
    for who in ("connie", "pol"):
        found = find(told, who, "lighthouse")
        assert found.total == 2, who
        assert find(told, who, "lighthouse", None).total == 2
    assert find(told, "petra", "lighthouse").total == 5


def test_letters_beyond_a_to_z_are_found_in_either_case(told: World) -> None:
    view = told.milestone(title="Überprüfung für ÉLODIE")
    told.write("connie", updates.add_update, milestone=key(view), narrative="Ærø and ŁÓDŹ were told; Ωmega too")
    told.write("connie", evidence.attach_evidence, milestone=key(view), title="Façade à ÇA", statement="Seen")
    for words in ("überprüfung", "ÜBERPRÜFUNG élodie", "Élodie"):
        assert refs(find(told, "connie", words))[0] == [view.row.ref], words
        listed = told.read(
            "connie", milestone_lists.list_milestones, slug=told.plan, filters=MilestoneFilters(q=words.split()[-1])
        )
        assert [row.ref for row in listed.items] == [view.row.ref], words
    for words in ("łódź", "ÆRØ", "ωMEGA"):
        assert refs(find(told, "connie", words))[1] == [view.row.ref], words
    assert refs(find(told, "connie", "FAÇADE ça"))[2] != []
    assert find(told, "connie", "façade 50%").total == 0


def test_percent_and_underscore_are_signs_like_any_other(told: World) -> None:
    assert refs(find(told, "connie", "50%"))[0] == ["M-02"]
    assert refs(find(told, "connie", "5%r cover"))[0] == []
    assert refs(find(told, "connie", "cover_pub"))[0] == ["M-02"]
    assert refs(find(told, "connie", "rota_of"))[0] == []


def test_redacted_text_is_never_found(told: World) -> None:
    def redact(uow: UnitOfWork) -> None:
        uow.session.execute(
            text("UPDATE texts SET body = NULL, salt = NULL, redacted_at = :now WHERE body LIKE 'The lighthouse is%'"),
            {"now": uow.now},
        )

    told.database.write(redact, actor=system_actor(), now=told.clock())
    assert refs(find(told, "petra", "staffed"))[1] == []
    assert refs(find(told, "petra", "redacted"))[1] == []


def test_a_stranger_an_observer_and_a_key_without_reading_are_told_nothing(told: World) -> None:
    with pytest.raises(NotFound):
        find(told, "zoe", "lighthouse")
    with pytest.raises(Forbidden):
        find(told, "olive", "lighthouse")
    with pytest.raises(Forbidden):
        find(told, told.key_actor(Scope.EVIDENCE_WRITE), "lighthouse")
    for who in ("zoe", "olive", "max"):
        assert find(told, who, "lighthouse", None).total == 0


def test_what_is_no_question_is_named(told: World) -> None:
    with pytest.raises(Invalid, match="at least 3"):
        find(told, "petra", "ab")


def test_a_long_list_is_cut_and_says_so(world: World) -> None:
    for number in range(21):
        world.milestone(title=f"Beacon {number}")
    found = find(world, "petra", "beacon")
    assert len(found.milestones.hits) == 20
    assert found.milestones.more
