"""Saved views on both databases: whose they are, who shares, what they keep, and what is on the record of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, get_ident
from typing import Any

import pytest
from sqlalchemy import text

from app.db import Database, UnitOfWork
from app.domain import saved_views as rules
from app.domain.actors import system_actor
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused, Stale
from app.domain.saved_views import SavedView
from app.domain.words import Scope, ViewOf
from app.services import audit_events, meetings, saved_views
from tests.factories import World, make_world

SLUG = "safeguarding-plan"


def save(world: World, who: str, name: str = "What is Red", *, slug: str | None = SLUG, **given: Any) -> SavedView:
    facts = {"of": ViewOf.EXCEPTIONS, "filters": {"rag": "red"}, **given}
    return world.write(who, saved_views.save_view, slug=slug, name=name, **facts)


def names(world: World, who: Any, slug: str | None = SLUG) -> list[str]:
    return [view.name for view in world.read(who, saved_views.list_views, slug=slug)]


def said(caught: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [f"{error.name}: {error.message}" for error in caught.value.errors]


def test_a_private_view_is_its_owners_alone_and_a_shared_one_everybodys(world: World) -> None:
    mine, shared = save(world, "connie", "Mine"), save(world, "sam", "For the meeting", shared=True)
    of_all = save(world, "connie", "All red", slug=None)
    assert names(world, "connie") == ["For the meeting", "Mine"]
    assert names(world, "pol") == names(world, "ada") == ["For the meeting"]
    assert names(world, "connie", None) == ["All red"]
    assert names(world, "sam", None) == []
    seen = world.read("pol", saved_views.get_view, view=shared.id)
    assert (seen.owner, seen.is_mine, seen.may_rename, seen.may_delete) == ("Director of Services", False, False, False)
    for who, view in (("pol", mine), ("petra", mine), ("zoe", shared), ("olive", shared), ("sam", of_all)):
        with pytest.raises(NotFound):
            world.read(who, saved_views.get_view, view=view.id)
        with pytest.raises(NotFound):
            world.write(who, saved_views.edit_view, view=view.id, changes={"name": "Taken over"})
        with pytest.raises(NotFound):
            world.write(who, saved_views.delete_view, view=view.id)
    with pytest.raises(NotFound):
        save(world, "zoe")
    for nobody in (world.actor("olive"), world.key_actor(Scope.PLAN_READ)):
        with pytest.raises(Forbidden):
            world.read(nobody, saved_views.list_views, slug=SLUG)
    with pytest.raises(Forbidden):
        world.read(world.key_actor(Scope.PLAN_READ), saved_views.list_views, slug=None)


def test_only_managers_and_officers_share_and_never_in_a_closed_plan_or_of_all_plans(world: World) -> None:
    for who in ("connie", "pol", "ada"):
        with pytest.raises(Forbidden):
            save(world, who, shared=True)
        view = save(world, who)
        with pytest.raises(Forbidden):
            world.write(who, saved_views.edit_view, view=view.id, changes={"shared": True})
        assert not world.read(who, saved_views.offers_sharing, slug=SLUG)
    with pytest.raises(Refused) as caught:
        save(world, "petra", slug=None, shared=True)
    assert caught.value.codes == ("not_of_a_plan",)
    shared = save(world, "petra", "Shared", shared=True)
    world.close()
    with pytest.raises(Refused) as caught:
        save(world, "petra", shared=True)
    assert caught.value.codes == ("plan_closed",)
    save(world, "connie", "Of what is over")
    world.write("petra", saved_views.delete_view, view=shared.id)
    assert names(world, "sam") == []


def test_what_others_see_of_a_view_is_on_the_record_and_nothing_else(world: World) -> None:
    def trail() -> list[tuple[str, dict[str, Any], dict[str, str | None]]]:
        lines, _ = world.read("ada", audit_events.list_events, slug=SLUG, limit=10)
        return [(line.event, line.facts, line.texts) for line in lines if line.item_kind == "saved_view"][::-1]

    view = save(world, "sam", "Late", of=ViewOf.MILESTONES, filters={"status": "moved", "q": "Smith", "sort": "-slip"})
    world.write("sam", saved_views.edit_view, view=view.id, changes={"name": "Moved"})
    assert trail() == []
    world.write("sam", saved_views.edit_view, view=view.id, changes={"shared": True})
    facts, texts = (
        {"list": "milestones", "status": "moved", "sort": "-slip"},
        {"name": "Moved", "searched_for": "Smith"},
    )
    assert trail() == [("view_shared", facts, texts)]
    with pytest.raises(Forbidden):
        world.write("petra", saved_views.edit_view, view=view.id, changes={"shared": False})
    world.write("sam", saved_views.edit_view, view=view.id, changes={"name": "Moved often"})
    world.write("sam", saved_views.edit_view, view=view.id, changes={"shared": False})
    world.write("sam", saved_views.edit_view, view=view.id, changes={"shared": True})
    with pytest.raises(Forbidden):
        world.write("connie", saved_views.delete_view, view=view.id)
    world.write("petra", saved_views.delete_view, view=view.id)
    world.write("connie", saved_views.delete_view, view=save(world, "connie").id)
    events = ["view_shared", "shared_view_changed", "view_no_longer_shared", "view_shared", "shared_view_deleted"]
    assert [event for event, *_ in trail()] == events


def test_a_name_is_needed_short_and_not_taken(world: World) -> None:
    view = save(world, "petra", "  What   is Red ")
    assert view.name == "What is Red"
    wrong = {
        " ": "Enter a name for this view",
        "x" * 81: "The name must be 80 characters or fewer",
        "a\x07b": "The name holds a character that is not text",
        "WHAT IS RED": "You have a view of this name already. Choose another name, or delete that one first",
    }
    for name, sentence in wrong.items():
        with pytest.raises(Invalid) as caught:
            save(world, "petra", name)
        assert said(caught) == [f"name: {sentence}"]
    save(world, "connie", "What is red")
    world.write("petra", saved_views.edit_view, view=view.id, changes={"shared": True})
    save(world, "pol", "What is red")
    with pytest.raises(Invalid) as caught:
        save(world, "sam", "what is RED", shared=True)
    assert said(caught) == ["name: Somebody shares a view of this name in this plan already. Choose another name"]
    assert names(world, "sam") == ["What is Red"]


def test_a_view_keeps_filters_that_its_list_takes_and_no_others(world: World) -> None:
    full = {"rag": "amber", "theme": world.theme, "q": "rota", "due_before": "2026-05-01", "sort": "-due", "status": ""}
    view = save(world, "petra", of=ViewOf.MILESTONES, filters=full)
    kept = {name: value for name, value in full.items() if value}
    assert dict(view.filters) == kept
    assert view.gone == ()
    wrong = {
        "detail": ("all", "The milestones have no filter detail"),
        "rag": ("purple", "The filter rag must be one of: red, amber, green"),
        "sort": ("name", "The filter sort must be one of: reference"),
        "due_before": ("soon", "Due before must be a date such as 2009-12-17"),
        "status": ("lost", "The filter status must be one of: not_started"),
        "changed": ("new", "Say since which day it changed"),
        "q": ("x" * 201, "The filter q must be 200 characters or fewer"),
        "theme": ("0" * 20, "The theme that this is filtered by is no longer in the plan"),
        "owner": (world.people["zoe"].id, "The owner that this is filtered by no longer has a role in the plan"),
    }
    for name, (value, sentence) in wrong.items():
        with pytest.raises(Invalid) as caught:
            world.write("petra", saved_views.edit_view, view=view.id, changes={"filters": {name: value}})
        assert said(caught)[0].startswith(f"filters: {sentence}"), name
    with pytest.raises(Invalid) as caught:
        world.write("petra", saved_views.edit_view, view=view.id, changes={"filters": {}})
    assert said(caught) == ["filters: A view keeps at least one filter, or an order of the list"]
    assert dict(world.read("petra", saved_views.get_view, view=view.id).filters) == kept


def test_a_view_of_the_next_review_looks_ahead_to_whichever_is_next(world: World) -> None:
    today = world.clock.today
    for days in (14, 28):
        world.write("petra", meetings.add_meeting, slug=SLUG, on=today + timedelta(days=days))
    first = (today + timedelta(days=14)).isoformat()
    view = save(world, "petra", filters={"on": first, "turns_red": "true"})
    of_all = save(world, "petra", slug=None, filters={"on": "next_review"})
    assert dict(view.filters) == {"on": "next_review", "turns_red": "true"}
    world.clock.forward(days=15)
    second = (today + timedelta(days=28)).isoformat()
    assert world.read("petra", saved_views.open_view, view=view.id)[1] == {"on": second, "turns_red": "true"}
    assert world.read("petra", saved_views.open_view, view=of_all.id)[1] == {"on": second}
    with pytest.raises(Invalid) as caught:
        save(world, "petra", "Some day", filters={"on": (today + timedelta(days=20)).isoformat()})
    assert said(caught) == ["filters: A view is kept of today or of the next review, not of another day"]
    on_screen = {"on": world.clock.today.isoformat(), "rag": "red"}
    assert dict(save(world, "petra", "Today", filters=on_screen).filters) == {"rag": "red"}


def test_a_view_that_names_a_theme_that_is_gone_opens_and_says_so(world: World) -> None:
    view = save(world, "petra", of=ViewOf.MILESTONES, filters={"theme": world.theme, "sort": "due"}, shared=True)

    def point_elsewhere(uow: UnitOfWork) -> None:
        uow.session.execute(
            text("UPDATE saved_views SET filters = replace(filters, :theme, :gone)"),
            {"theme": world.theme, "gone": "0" * 20},
        )

    world.database.write(point_elsewhere, actor=system_actor(), now=world.clock())
    seen = world.read("connie", saved_views.get_view, view=view.id)
    assert seen.gone == ("theme",)
    renamed = world.write("petra", saved_views.edit_view, view=view.id, changes={"name": "By due date"})
    assert renamed.gone == ("theme",)
    mended = world.write("petra", saved_views.edit_view, view=view.id, changes={"filters": {"sort": "due"}})
    assert mended.gone == ()


def test_a_stale_change_and_a_view_too_many_change_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = save(world, "petra", "View 0")
    with pytest.raises(Stale):
        world.write("petra", saved_views.edit_view, view=view.id, changes={"name": "Other"}, if_match="7")
    with pytest.raises(Stale):
        world.write("petra", saved_views.delete_view, view=view.id, if_match="7")
    monkeypatch.setattr(rules, "MOST", 2)
    save(world, "petra", "View 1")
    with pytest.raises(Refused) as caught:
        save(world, "petra", "One more")
    assert caught.value.codes == ("too_many",)
    assert names(world, "petra") == ["View 0", "View 1"]
    save(world, "petra", "Of all plans", slug=None)
    save(world, "connie", "Another's")


def test_of_two_views_of_one_name_at_once_the_second_is_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_url)
    world, both, waited = make_world(database), Barrier(2), set()
    real = saved_views._filter

    def together(*given: Any) -> None:
        real(*given)
        if get_ident() not in waited:
            waited.add(get_ident())
            both.wait(5)

    def one() -> str:
        try:
            return save(world, "petra").name
        except Invalid as error:
            return error.errors[0].code

    monkeypatch.setattr(saved_views, "_filter", together)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: one(), range(2))) == ["What is Red", "taken"]
    database.dispose()
