"""Every page sends a fixed number of queries: as many for a plan that has grown as for one that is small.

A page that is not in the table fails the suite, and so does a line without a page.
"""

from __future__ import annotations

from datetime import timedelta

from app.domain.milestones import MilestoneView
from app.domain.words import Rag, Role, ViewOf
from app.services import acceptances, meetings, plan_parts, plans, saved_views, updates
from tests.architecture.access import Things, furnish, hang, routes
from tests.factories import CAST, key, members
from tests.pages.conftest import Kept, statements

# At most how many queries a page sends, who asks, and the state of the milestone that it is asked about.
PAGES = """
 7  petra   -          GET /account
 4  petra   -          GET /account/confirmation
 4  petra   -          GET /account/password
 5  petra   -          GET /account/tokens
 4  max     -          GET /administration/front-door
15  petra   -          GET /evidence/{evidence}
16  petra   -          GET /evidence/{evidence}/versions/new
15  petra   -          GET /evidence/{evidence}/withdrawal
15  petra   -          GET /exceptions
13  petra   -          GET /exceptions.csv
 4  petra   -          GET /help
 4  petra   -          GET /help/accessibility
 4  petra   -          GET /help/privacy
 4  petra   -          GET /help/rag
 9  petra   -          GET /plans
10  petra   -          GET /plans.csv
 4  max     -          GET /plans/new
26  petra   -          GET /plans/{plan}
11  petra   -          GET /plans/{plan}/actions/new
14  petra   -          GET /plans/{plan}/actions/{action}/edit
14  zoe     drafted    GET /plans/{plan}/actions/{action}/removal
20  sam     draft      GET /plans/{plan}/approval
14  petra   -          GET /plans/{plan}/audit-events
14  petra   -          GET /plans/{plan}/records
16  petra   -          GET /plans/{plan}/records/new?kind=hold&evidence={evidence}
16  sam     -          GET /plans/{plan}/records/{proposal}/decision
15  petra   -          GET /plans/{plan}/audit-events.csv
20  petra   -          GET /plans/{plan}/change-requests
11  petra   -          GET /plans/{plan}/change-requests.csv
16  petra   -          GET /plans/{plan}/change-requests/new
22  sam     -          GET /plans/{plan}/change-requests/{change_request}/decision
20  sam     -          GET /plans/{plan}/closure
12  petra   -          GET /plans/{plan}/edit
16  petra   -          GET /plans/{plan}/exceptions
15  petra   -          GET /plans/{plan}/exceptions.csv
17  petra   -          GET /plans/{plan}/honesty-checks
18  petra   -          GET /plans/{plan}/honesty-checks.csv
 9  petra   -          GET /plans/{plan}/keys
 9  petra   -          GET /plans/{plan}/webhooks
12  petra   -          GET /plans/{plan}/meetings
13  petra   -          GET /plans/{plan}/meetings.csv
13  petra   -          GET /plans/{plan}/meetings/{meeting}/cancellation
13  petra   -          GET /plans/{plan}/meetings/{meeting}/holding
13  petra   -          GET /plans/{plan}/meetings/{meeting}/move
11  petra   -          GET /plans/{plan}/memberships
20  petra   -          GET /plans/{plan}/milestones
13  petra   -          GET /plans/{plan}/milestones.csv
11  petra   -          GET /plans/{plan}/milestones/new
30  petra   overdue    GET /plans/{plan}/milestones/{ref}
28  sam     overdue    GET /plans/{plan}/milestones/{ref}/acceptance
28  sam     accepted   GET /plans/{plan}/milestones/{ref}/acceptance/lifting
28  sam     overdue    GET /plans/{plan}/milestones/{ref}/declaration
35  petra   overdue    GET /plans/{plan}/milestones/{ref}/audit
38  petra   overdue    GET /plans/{plan}/milestones/{ref}/audit.csv
30  petra   overdue    GET /plans/{plan}/milestones/{ref}/baseline-correction
30  petra   overdue    GET /plans/{plan}/milestones/{ref}/change-requests/new
31  sam     mine       GET /plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision
30  petra   overdue    GET /plans/{plan}/milestones/{ref}/completion
28  connie  declared   GET /plans/{plan}/milestones/{ref}/declaration/lifting
35  petra   overdue    GET /plans/{plan}/milestones/{ref}/edit
32  petra   overdue    GET /plans/{plan}/milestones/{ref}/evidence/new
28  petra   overdue    GET /plans/{plan}/milestones/{ref}/evidence.csv
28  zoe     drafted    GET /plans/{plan}/milestones/{ref}/removal
28  petra   achieved   GET /plans/{plan}/milestones/{ref}/reopening
23  petra   completed  GET /plans/{plan}/milestones/{ref}/return
30  petra   overdue    GET /plans/{plan}/milestones/{ref}/updates/new
15  petra   -          GET /plans/{plan}/search?q=more
15  petra   -          GET /plans/{plan}/themes
11  petra   -          GET /plans/{plan}/themes/new
12  petra   -          GET /plans/{plan}/themes/{theme}/edit
12  zoe     drafted    GET /plans/{plan}/themes/{theme}/removal
11  petra   -          GET /plans/{plan}/timeline
10  petra   -          GET /plans/{plan}/timeline.csv
10  petra   -          GET /plans/{plan}/timeline.svg
14  petra   -          GET /plans/{plan}/views
12  petra   -          GET /plans/{plan}/evidence-export
11  petra   -          GET /plans/{plan}/views/new?list=milestones&q=more
13  petra   -          GET /search?q=more
 2  petra   -          GET /sign-in/help
16  petra   -          GET /updates
18  petra   -          GET /updates.csv
25  petra   overdue    GET /updates/{plan}/{ref}
 5  petra   -          GET /views
11  petra   -          GET /views/new?list=exceptions&rag=red
11  petra   -          GET /views/{view}/deletion
13  petra   -          GET /views/{view}/edit
 9  pol     -          GET /held-uploads
 9  petra   -          GET /inbox
22  petra   -          GET /plans/{plan}/inbox
 9  pol     -          GET /plans/{plan}/inbox/new
12  petra   -          GET /plans/{plan}/inbox/triaged
14  petra   -          GET /plans/{plan}/inbox/{submission}
"""
NO_PAGE = {
    "GET /": "leads on to the plans, or to signing in",
    "GET /evidence/{evidence}/content": "the file itself",
    "GET /held-uploads/{upload}/content": "the file itself",
    "GET /evidence-exports/{export}/content": "the file itself",
    "GET /invitations/{token}": "for somebody who has no password yet",
    "GET /milestones/{milestone}": "leads on to the milestone's page",
    "GET /plans/{plan}/milestones/{ref}/achievement": "leads on to the milestone's page",
    "GET /sign-in": "for somebody who is not signed in",
    "GET /views/{view}": "leads on to the list that was saved",
}


def lines() -> dict[str, tuple[int, str, str]]:
    """Route, with what it is asked → at most how many queries, who asks, about which milestone."""
    table = {}
    for line in PAGES.strip().splitlines():
        most, who, state, route = line.split(maxsplit=3)
        table[route] = (int(most), who, state)
    return table


def pages(house: Kept) -> set[str]:
    """Every address that a browser may ask for."""
    return {route for route in routes(house.app) if route.startswith("GET ") and "/api/" not in route}


def test_every_page_has_its_line_and_every_line_its_page(house: Kept) -> None:
    assert pages(house) == {route.partition("?")[0] for route in lines()} | set(NO_PAGE)


def test_every_page_sends_as_many_queries_for_many_rows_as_for_few(full: Kept) -> None:
    ours, draft = furnished(full)
    few = walked(full, ours)
    grow(full, ours, draft)
    full.world.clock.forward(hours=2)  # an export is written to the access log once an hour
    many = walked(full, ours)
    assert {route: (few[route], sent) for route, sent in many.items() if sent != few[route]} == {}
    assert {route: sent for route, sent in many.items() if sent > lines()[route][0]} == {}


def walked(house: Kept, things: Things) -> dict[str, int]:
    """How many queries every page sent, each of which must have answered."""
    browsers = {who: house.browser(who) for who in CAST}
    found = {}
    for route, (_, who, state) in lines().items():
        given = dict(things.path)
        if state in house.there:
            given["ref"] = house.there[state].row.ref
        if state in ("draft", "drafted"):
            given["plan"] = house.world.other_plan
        with statements(house.world.database) as sent:
            answer = browsers[who].get(route.removeprefix("GET ").format(**given))
        assert answer.status_code == 200, (route, answer.status_code, answer.text[:300])
        found[route] = len(sent)
    return found


def furnished(house: Kept) -> tuple[Things, Things]:
    """Something of every kind in the plan and in a draft, and a milestone for each form."""
    things, world, there = furnish(house), house.world, house.there
    members(world, {"sam": (Role.SENIOR_OFFICER,)}, world.read("zoe", plans.get_plan, slug=world.other_plan).id)
    there["declared"] = world.milestone(title="Declared by its owner")
    world.write("connie", updates.add_update, milestone=key(there["declared"]), narrative="Slow",
                declared_rag=Rag.RED, rationale="Nobody is there")  # fmt: skip
    there["accepted"] = accepted(house, "Known of")
    grow(house, things["ours"], things["elsewhere"])
    elsewhere = {"slug": things["elsewhere"].plan, "action": things["elsewhere"].action}
    there["drafted"] = world.milestone(by="zoe", owner=None, title="Added twice", **elsewhere)
    return things["ours"], things["elsewhere"]


def accepted(house: Kept, title: str) -> MilestoneView:
    """A milestone that was due yesterday, and is accepted as it is."""
    world, today = house.world, house.world.clock.today
    view = world.milestone(title=title, due_date=today - timedelta(days=1), start_date=None)
    world.write("sam", acceptances.accept, milestone=key(view), until=today + timedelta(days=30), reason="Known")
    return view


def grow(house: Kept, things: Things, draft: Things) -> None:
    """Two more of everything that a page may list, of the plans and of each milestone that is asked about."""
    world = house.world
    for number in range(len(house.there), len(house.there) + 2):
        name = f"One more {number}"
        hang(house, by="petra", plan=world.plan, theme=things.theme, action=things.action, title=name)
        house.there[name] = accepted(house, name)
        world.milestone(by="zoe", slug=draft.plan, action=draft.action, owner=None, title=name)
        theme = world.write("petra", plan_parts.add_theme, slug=world.plan, title=name).id
        world.write("petra", plan_parts.add_action, slug=world.plan, theme=theme, title=name)
        world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=number))
        world.write("petra", saved_views.save_view, slug=world.plan, of=ViewOf.EXCEPTIONS, name=name,
                    filters={"rag": "red"}, shared=True)  # fmt: skip
        for asked_about in ("overdue", "declared", "accepted", "asked"):
            view = house.there[asked_about]
            world.write("petra", updates.add_update, milestone=key(view), narrative=name)
            world.attached(view)
        for who in ("petra", "connie"):
            house.token(who)
            house.session(who)
