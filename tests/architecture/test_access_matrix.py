"""Who is let in where: every route of both doors × everybody who may come, as the product's table has it.

A route that is not in the matrix fails the suite, and so does a line without a route.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.architecture.access import KEYS, LET_IN, PEOPLE, SIGN_IN, UNKNOWN, WHO, ask, furnish, routes
from tests.factories import World
from tests.house import House

# y let in (what rules and forms then say is another matter) · - asked to sign in · 3 not theirs · 4 does not exist.
#
# ┌ nobody
# │ ┌ observer
# │ │┌ contributor of the council, who owns the milestone and sent nothing
# │ ││┌ contributor of the police
# │ │││┌ programme manager
# │ ││││┌ senior officer
# │ │││││┌ senior officer of the NHS
# │ ││││││┌ auditor
# │ │││││││ ┌ administrator
# │ │││││││ │┌ programme manager of another plan
# │ │││││││ ││ ┌ keys of the police, API only: evidence:write, risks:propose, observations:write, plan:read
MATRIX = """
- 3yyyyyy 44 333y  GET /api/v1/actions/{id}
- 333y333 44 3333  PATCH /api/v1/actions/{id}
- 333y333 44 3333  POST /api/v1/actions/{id}/removal
- 3yyyyyy 44 433y  GET /api/v1/change-requests/{id}
- 3333yy3 44 4333  POST /api/v1/change-requests/{id}/decision
- 333y333 44 4333  POST /api/v1/change-requests/{id}/withdrawal
y yyyyyyy yy yyyy  GET /api/v1/docs
- 3yyyyyy 44 444y  GET /api/v1/evidence/{id}
- 3y3yyyy 44 4443  GET /api/v1/evidence/{id}/content
- 3yyyyy3 44 4333  POST /api/v1/evidence/{id}/links
- 333yyy3 44 4443  POST /api/v1/evidence/{id}/review
- 3y3yyy3 44 4443  POST /api/v1/evidence/{id}/versions
- 3y3yyy3 44 4443  POST /api/v1/evidence/{id}/withdrawal
- 444y444 44 4444  GET /api/v1/evidence-exports/{id}
- 444y444 44 4444  GET /api/v1/evidence-exports/{id}/content
- yyyyyyy yy 333y  GET /api/v1/exceptions
- yyyyyyy yy yyyy  GET /api/v1/me
- 333y333 34 3333  POST /api/v1/meetings/{id}/cancellation
- 333y333 34 3333  POST /api/v1/meetings/{id}/holding
- 333y333 34 3333  POST /api/v1/meetings/{id}/move
- yyyyyyy yy yyyy  GET /api/v1/held-uploads
- 44y4444 44 yyyy  GET /api/v1/held-uploads/{id}
- 44y4444 44 3333  POST /api/v1/held-uploads/{id}/release
- 44y4444 44 3333  POST /api/v1/held-uploads/{id}/withdrawal
- 3yyyyyy 44 433y  GET /api/v1/milestones/{id}
- 333y333 44 4333  PATCH /api/v1/milestones/{id}
- 3333yy3 44 4333  POST /api/v1/milestones/{id}/acceptance
- 3333yy3 44 4333  POST /api/v1/milestones/{id}/acceptance/lifting
- 333y333 44 4333  POST /api/v1/milestones/{id}/achievement
- 333y333 44 4333  POST /api/v1/milestones/{id}/baseline-correction
- 3yyyyyy 44 433y  GET /api/v1/milestones/{id}/change-requests
- 3yyy333 44 4333  POST /api/v1/milestones/{id}/change-requests
- 3yyy333 44 4333  POST /api/v1/milestones/{id}/change-requests/preview
- 3y3y333 44 4333  POST /api/v1/milestones/{id}/completion
- 3yyyyyy 44 433y  GET /api/v1/milestones/{id}/evidence
- 3yyyyy3 44 4333  POST /api/v1/milestones/{id}/evidence
- 3333yy3 44 4333  POST /api/v1/milestones/{id}/lifting
- 333y333 44 4333  POST /api/v1/milestones/{id}/removal
- 333y333 44 4333  POST /api/v1/milestones/{id}/reopening
- 3y3y333 44 4333  POST /api/v1/milestones/{id}/return
- 3y3y333 44 4333  POST /api/v1/milestones/{id}/start
- 3yyyyyy 44 433y  GET /api/v1/milestones/{id}/updates
- 3y3y333 44 4333  POST /api/v1/milestones/{id}/updates
y yyyyyyy yy yyyy  GET /api/v1/openapi.json
- yyyyyyy yy yyyy  GET /api/v1/plans
- 3333333 y3 3333  POST /api/v1/plans
- yyyyyyy y4 yyyy  GET /api/v1/plans/{plan}
- 333y333 34 3333  PATCH /api/v1/plans/{plan}
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/actions
- 333y333 34 3333  POST /api/v1/plans/{plan}/actions
- 3333yy3 34 3333  POST /api/v1/plans/{plan}/approval
- 333yyyy 34 3333  GET /api/v1/plans/{plan}/audit-events
- 333yyyy 34 3333  GET /api/v1/plans/{plan}/record-proposals
- 333y333 34 3333  POST /api/v1/plans/{plan}/record-proposals
- 3333yy3 44 4333  POST /api/v1/record-proposals/{id}/decision
- 333y333 44 4443  POST /api/v1/evidence/{id}/retention
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/change-requests
- 3yyy333 34 3333  POST /api/v1/plans/{plan}/change-requests
- 3333yy3 34 3333  POST /api/v1/plans/{plan}/change-requests/decisions
- 3yyy333 34 3333  POST /api/v1/plans/{plan}/change-requests/preview
- 3333yy3 34 3333  POST /api/v1/plans/{plan}/closure
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/changes
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/exceptions
- 333y33y 34 3333  GET /api/v1/plans/{plan}/honesty-checks
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/meetings
- 333y333 34 3333  POST /api/v1/plans/{plan}/meetings
- 333y333 34 3333  POST /api/v1/plans/{plan}/meetings/year
- 3yyyyyy y4 333y  GET /api/v1/plans/{plan}/memberships
- 333y333 y4 3333  POST /api/v1/plans/{plan}/memberships
- 3yyyyyy 34 y33y  GET /api/v1/plans/{plan}/milestones
- 333y333 34 3333  POST /api/v1/plans/{plan}/milestones
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/themes
- 333y333 34 3333  POST /api/v1/plans/{plan}/themes
- 3yyyyyy 44 333y  GET /api/v1/themes/{id}
- 333y333 44 3333  PATCH /api/v1/themes/{id}
- 333y333 44 3333  POST /api/v1/themes/{id}/removal
- 3yyyyyy 34 3333  GET /api/v1/plans/{plan}/views
- 3yyyyyy 34 3333  POST /api/v1/plans/{plan}/views
- 3yyyyyy 34 3333  GET /api/v1/plans/{plan}/evidence-exports
- 3yyyyyy 34 3333  POST /api/v1/plans/{plan}/evidence-exports
- yyyyyyy yy 3333  GET /api/v1/views
- yyyyyyy yy 3333  POST /api/v1/views
- 4yyyyyy 44 4444  GET /api/v1/views/{id}
- 433y333 44 4444  PATCH /api/v1/views/{id}
- 433y333 44 4444  POST /api/v1/views/{id}/deletion
- yyyyyyy yy yyyy  GET /api/v1/submissions
- 44yyy4y 44 yyyy  GET /api/v1/submissions/{id}
- 443yy43 44 3333  POST /api/v1/submissions/{id}/passing
- 443yy43 44 3333  POST /api/v1/submissions/{id}/reading
- 443yy43 44 3333  POST /api/v1/submissions/{id}/triage
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/submission-measures
- 3yyyyyy 34 yyyy  GET /api/v1/plans/{plan}/submissions
- 3yyyyy3 34 y333  POST /api/v1/plans/{plan}/submissions
- yyyyyyy yy 3333  GET /api/v1/updates
y yyyyyyy yy       GET /
- yyyyyyy yy       GET /account
- yyyyyyy yy       GET /account/confirmation
- yyyyyyy yy       POST /account/confirmation
- yyyyyyy yy       GET /account/password
- yyyyyyy yy       POST /account/password
- 4y44444 44       POST /account/sessions/{session}/ending
- yyyyyyy yy       POST /account/sessions/endings
- yyyyyyy yy       GET /account/tokens
- yyyyyyy yy       POST /account/tokens
- 4y44444 44       POST /account/tokens/{token}/revocation
- 4y44444 44       POST /account/tokens/{token}/rotation
- 3333333 y3       GET /administration/front-door
- 3333333 y3       POST /administration/front-door
- 3yyyyyy 44       GET /evidence/{evidence}
- 3y3yyyy 44       GET /evidence/{evidence}/content
- 3y3yyy3 44       POST /evidence/{evidence}/versions
- 3y3yyy3 44       GET /evidence/{evidence}/versions/new
- 3y3yyy3 44       GET /evidence/{evidence}/withdrawal
- 3y3yyy3 44       POST /evidence/{evidence}/withdrawal
- yyyyyyy yy       GET /exceptions
- 3yyyyyy 3y       GET /exceptions.csv
y yyyyyyy yy       GET /help
y yyyyyyy yy       GET /help/accessibility
y yyyyyyy yy       GET /help/privacy
y yyyyyyy yy       GET /help/rag
4 4444444 44       GET /invitations/{token}
4 4444444 44       POST /invitations/{token}
- 3yyyyyy 44       GET /milestones/{milestone}
- yyyyyyy yy       GET /plans
- 3333333 y3       POST /plans
- 3333333 y3       GET /plans/new
- 3yyyyyy 3y       GET /plans.csv
- yyyyyyy y4       GET /plans/{plan}
- 333y333 34       POST /plans/{plan}/actions
- 333y333 34       GET /plans/{plan}/actions/new
- 333y333 44       GET /plans/{plan}/actions/{action}/edit
- 333y333 44       POST /plans/{plan}/actions/{action}/edit
- 333y333 44       POST /plans/{plan}/actions/{action}/place
- 3333333 44       GET /plans/{plan}/actions/{action}/removal
- 333y333 44       POST /plans/{plan}/actions/{action}/removal
- 3333333 34       GET /plans/{plan}/approval
- 3333yy3 34       POST /plans/{plan}/approval
- 333yyyy 34       GET /plans/{plan}/audit-events
- 333y333 44       POST /evidence/{evidence}/retention
- 333yyyy 34       GET /plans/{plan}/records
- 333y333 34       GET /plans/{plan}/records/new
- 333y333 34       POST /plans/{plan}/records
- 3333yy3 44       GET /plans/{plan}/records/{proposal}/decision
- 3333yy3 44       POST /plans/{plan}/records/{proposal}/decision
- 333yyyy 34       GET /plans/{plan}/audit-events.csv
- 3333yy3 34       GET /plans/{plan}/closure
- 333y333 34       GET /plans/{plan}/edit
- 333y333 34       POST /plans/{plan}/edit
- 333y333 y4       GET /plans/{plan}/memberships
- 333y333 y4       POST /plans/{plan}/memberships
- 3333yy3 34       POST /plans/{plan}/closure
- 3yyyyyy 34       GET /plans/{plan}/change-requests
- 3yyy333 34       POST /plans/{plan}/change-requests
- 3yyy333 34       GET /plans/{plan}/change-requests/new
- 3333yy3 34       POST /plans/{plan}/change-requests/decisions
- 3333yy3 44       GET /plans/{plan}/change-requests/{change_request}/decision
- 3333yy3 44       POST /plans/{plan}/change-requests/{change_request}/decision
- 333y333 44       POST /plans/{plan}/change-requests/{change_request}/withdrawal
- 3yyyyyy 34       GET /plans/{plan}/exceptions
- 333y33y 34       GET /plans/{plan}/honesty-checks
- 3yyyyyy 34       GET /plans/{plan}/exceptions.csv
- yyyyyyy yy       GET /held-uploads
- 44y4444 44       GET /held-uploads/{upload}/content
- 44y4444 44       POST /held-uploads/{upload}/release
- 44y4444 44       POST /held-uploads/{upload}/withdrawal
- yyyyyyy yy       GET /inbox
- 3yyyyyy 34       GET /plans/{plan}/inbox
- 3yyyyy3 34       POST /plans/{plan}/inbox
- 33y33y3 34       GET /plans/{plan}/inbox/new
- 3yyyyyy 34       GET /plans/{plan}/inbox/triaged
- 443yy43 44       POST /plans/{plan}/inbox/triage
- 44yyy4y 44       GET /plans/{plan}/inbox/{submission}
- 443yy43 44       POST /plans/{plan}/inbox/{submission}/passing
- 443yy43 44       POST /plans/{plan}/inbox/{submission}/reading
- 443yy43 44       POST /plans/{plan}/inbox/{submission}/triage
- 333y333 y4       GET /plans/{plan}/keys
- 333y333 y4       POST /plans/{plan}/keys
- 333y333 y4       POST /plans/{plan}/keys/{key}/revocation
- 333y333 y4       POST /plans/{plan}/keys/{key}/rotation
- 333y333 y4       GET /plans/{plan}/webhooks
- 333y333 y4       POST /plans/{plan}/webhooks
- 333y333 y4       POST /plans/{plan}/webhooks/{webhook}/pausing
- 333y333 y4       POST /plans/{plan}/webhooks/{webhook}/ping
- 333y333 y4       POST /plans/{plan}/webhooks/{webhook}/resumption
- 333y333 y4       POST /plans/{plan}/webhooks/{webhook}/rotation
- 333y333 y4       POST /plans/{plan}/webhooks/{webhook}/removal
- 3yyyyyy 34       GET /plans/{plan}/meetings
- 3yyyyyy 34       GET /plans/{plan}/meetings.csv
- 333y333 34       POST /plans/{plan}/meetings
- 333y333 34       POST /plans/{plan}/meetings/year
- 333y333 34       GET /plans/{plan}/meetings/{meeting}/cancellation
- 333y333 34       POST /plans/{plan}/meetings/{meeting}/cancellation
- 333y333 34       GET /plans/{plan}/meetings/{meeting}/holding
- 333y333 34       POST /plans/{plan}/meetings/{meeting}/holding
- 333y333 34       GET /plans/{plan}/meetings/{meeting}/move
- 333y333 34       POST /plans/{plan}/meetings/{meeting}/move
- 3yyyyyy 34       GET /plans/{plan}/milestones
- 3yyyyyy 34       GET /plans/{plan}/milestones.csv
- 333y333 34       POST /plans/{plan}/milestones
- 333y333 34       GET /plans/{plan}/milestones/new
- 3yyyyyy 44       GET /plans/{plan}/milestones/{ref}
- 3333yy3 44       GET /plans/{plan}/milestones/{ref}/acceptance
- 3333yy3 44       POST /plans/{plan}/milestones/{ref}/acceptance
- 3333333 44       GET /plans/{plan}/milestones/{ref}/acceptance/lifting
- 3333yy3 44       POST /plans/{plan}/milestones/{ref}/acceptance/lifting
y yyyyyyy yy       GET /plans/{plan}/milestones/{ref}/achievement
- 333y333 44       POST /plans/{plan}/milestones/{ref}/achievement
- 3y3yyyy 44       GET /plans/{plan}/milestones/{ref}/audit
- 3y3yyyy 44       GET /plans/{plan}/milestones/{ref}/audit.csv
- 3yyy333 44       POST /plans/{plan}/milestones/{ref}/change-requests
- 3yyy333 44       GET /plans/{plan}/milestones/{ref}/change-requests/new
- 3333yy3 44       GET /plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision
- 3333333 44       GET /plans/{plan}/milestones/{ref}/baseline-correction
- 333y333 44       POST /plans/{plan}/milestones/{ref}/baseline-correction
- 3333yy3 44       POST /plans/{plan}/milestones/{ref}/change-requests/{change_request}/decision
- 3y3y333 44       GET /plans/{plan}/milestones/{ref}/completion
- 3y3y333 44       POST /plans/{plan}/milestones/{ref}/completion
- 3333yy3 44       GET /plans/{plan}/milestones/{ref}/declaration
- 3y3yyy3 44       POST /plans/{plan}/milestones/{ref}/declaration
- 3333yy3 44       GET /plans/{plan}/milestones/{ref}/declaration/lifting
- 3333yy3 44       POST /plans/{plan}/milestones/{ref}/declaration/lifting
- 333y333 44       GET /plans/{plan}/milestones/{ref}/edit
- 333y333 44       POST /plans/{plan}/milestones/{ref}/edit
- 3yyyyy3 44       POST /plans/{plan}/milestones/{ref}/evidence
- 3yyyyy3 44       GET /plans/{plan}/milestones/{ref}/evidence/new
- 333yyy3 44       POST /plans/{plan}/milestones/{ref}/evidence/{evidence}/review
- 333y333 44       POST /plans/{plan}/milestones/{ref}/place
- 3333333 44       GET /plans/{plan}/milestones/{ref}/removal
- 333y333 44       POST /plans/{plan}/milestones/{ref}/removal
- 3333333 44       GET /plans/{plan}/milestones/{ref}/reopening
- 333y333 44       POST /plans/{plan}/milestones/{ref}/reopening
- 3333333 44       GET /plans/{plan}/milestones/{ref}/return
- 3y3y333 44       POST /plans/{plan}/milestones/{ref}/return
- 3y3y333 44       POST /plans/{plan}/milestones/{ref}/start
- 3y3y333 44       POST /plans/{plan}/milestones/{ref}/updates
- 3y3y333 44       GET /plans/{plan}/milestones/{ref}/updates/new
- 3yyyyyy 34       GET /plans/{plan}/themes
- 333y333 34       POST /plans/{plan}/themes
- 333y333 34       GET /plans/{plan}/themes/new
- 333y333 44       GET /plans/{plan}/themes/{theme}/edit
- 333y333 44       POST /plans/{plan}/themes/{theme}/edit
- 333y333 44       POST /plans/{plan}/themes/{theme}/place
- 3333333 44       GET /plans/{plan}/themes/{theme}/removal
- 333y333 44       POST /plans/{plan}/themes/{theme}/removal
- yyyyyyy yy       GET /updates
- 3y3y333 44       GET /updates/{plan}/{ref}
- 3y3y333 44       POST /updates/{plan}/{ref}
- 3yyyyyy 34       GET /plans/{plan}/search
- yyyyyyy yy       GET /search
- 3yyyyyy 34 333y  GET /api/v1/plans/{plan}/search
- 3yyyyyy 34       GET /plans/{plan}/timeline
- 3yyyyyy 34       GET /plans/{plan}/timeline.svg
- 3yyyyyy 34       GET /plans/{plan}/change-requests.csv
- 333y33y 34       GET /plans/{plan}/honesty-checks.csv
- 3yyyyyy 44       GET /plans/{plan}/milestones/{ref}/evidence.csv
- 3yyyyyy 34       GET /plans/{plan}/timeline.csv
- 3yyyyyy 3y       GET /updates.csv
- 3yyyyyy 34       GET /plans/{plan}/views
- 3yyyyyy 34       GET /plans/{plan}/views/new
- 3yyyyyy 34       POST /plans/{plan}/views
- 444y444 44       GET /evidence-exports/{export}/content
- 3yyyyyy 34       GET /plans/{plan}/evidence-export
- 3yyyyyy 34       POST /plans/{plan}/evidence-export
- yyyyyyy yy       GET /views
- yyyyyyy yy       GET /views/new
- yyyyyyy yy       POST /views
- 4yyyyyy 44       GET /views/{view}
- 433y333 44       GET /views/{view}/edit
- 433y333 44       POST /views/{view}/edit
- 433y333 44       GET /views/{view}/deletion
- 433y333 44       POST /views/{view}/deletion
y yyyyyyy yy       GET /sign-in
y yyyyyyy yy       POST /sign-in
y yyyyyyy yy       GET /sign-in/help
- ------- --       POST /sign-out
"""

# Of what is restricted to the NHS these know nothing, whatever their line says.
KEPT_FROM = frozenset({"olive", "connie", "pol", *KEYS})


def lines() -> dict[str, dict[str, str]]:
    """Route → who → sign. Keys come through the API alone."""
    table = {}
    for line in MATRIX.strip().splitlines():
        signs, route = line[:18].replace(" ", ""), line[18:].strip()
        who = WHO if "/api/" in route else ("nobody", *PEOPLE)
        table[route] = dict(zip(who, signs, strict=True))
    return table


@pytest.fixture
def house(sqlite_world: World, tmp_path: Path) -> House:
    return House(sqlite_world, tmp_path)


def test_every_route_has_its_line_and_every_line_its_route(house: House) -> None:
    assert routes(house.app) == set(lines())


@pytest.mark.parametrize("who", WHO)
def test_everybody_gets_as_far_as_their_line_says(house: House, who: str) -> None:
    things = furnish(house)
    wrong = []
    for kind, expected in (("elsewhere", elsewhere), ("restricted", restricted), ("ours", ours)):
        clients = come_in(house, who)
        for route, line in lines().items():
            if who not in line or (kind != "ours" and "{" not in route):
                continue
            answer = ask(clients["/api/" in route], route, things[kind], who=who)
            if answer != expected(who, route, line):
                wrong.append(f"{route}, {kind}: {answer} instead of {expected(who, route, line)}")
    assert wrong == []


def come_in(house: House, who: str) -> dict[bool, TestClient]:
    """A program (True) and a browser (False) for one of those who may come."""
    if who == "nobody":
        return {True: house.program(), False: house.stranger()}
    if who in KEYS:
        return {True: house.program(house.key(KEYS[who]))}
    return {True: house.api(who), False: house.browser(who)}


def ours(who: str, route: str, line: dict[str, str]) -> str:
    """What everybody in the plan may know of."""
    return line[who]


def restricted(who: str, route: str, line: dict[str, str]) -> str:
    """What is restricted to the NHS: the rest of the plan knows nothing of it, and nobody gains anything."""
    of_all = any(name in route for name in ("/themes/{id}", "/actions/{id}", "/meetings/{id}", "/views/{id}"))
    if "/evidence-exports/" in route:
        return line[who]  # of a plan, whoever may know of what in it
    hanging = ("{id}", "{ref}", "{milestone}", "{evidence}", "{change_request}", "{proposal}")
    if any(name in route for name in ("/submissions/{id}", "{submission}")) or route.endswith("/inbox/triage"):
        # What the NHS sent is known to its own people as well.
        return LET_IN if who == "nora" else UNKNOWN if who in KEPT_FROM else line[who]
    if any(name in route for name in ("/held-uploads/{id}", "{upload}")):
        return LET_IN if who == "nora" else line[who] if line[who] == SIGN_IN else UNKNOWN
    hangs_on_a_milestone = not of_all and any(name in route for name in hanging)
    if hangs_on_a_milestone and who in KEPT_FROM and line["nobody"] == SIGN_IN:
        return UNKNOWN
    return line[who]


def elsewhere(who: str, route: str, line: dict[str, str]) -> str:
    """What is in a plan that only Zoe is in. An administrator knows that every plan exists, and no more."""
    if who == "zoe":
        return as_manager_of_a_draft(route, line)
    if who in ("nobody", "max") or line["nobody"] != SIGN_IN or line["zoe"] == LET_IN:
        return line[who]
    return UNKNOWN


# In a draft nothing is completed, and there is no change to ask for; there alone milestones are removed.
OTHERWISE_IN_A_DRAFT = {
    "GET /plans/{plan}/themes/{theme}/removal": LET_IN,
    "GET /plans/{plan}/actions/{action}/removal": LET_IN,
    "GET /plans/{plan}/milestones/{ref}/removal": LET_IN,
    "GET /plans/{plan}/change-requests/new": "3",
    "GET /plans/{plan}/milestones/{ref}/baseline-correction": "3",
    "GET /plans/{plan}/milestones/{ref}/change-requests/new": "3",
    "GET /plans/{plan}/milestones/{ref}/completion": "3",
    "GET /plans/{plan}/milestones/{ref}/updates/new": "3",
}


def as_manager_of_a_draft(route: str, line: dict[str, str]) -> str:
    if "/account/" in route:
        return LET_IN  # Zoe's own
    if "change-request" in route and ("{id}" in route.split("change-requests")[-1] or "{change_request}" in route):
        return UNKNOWN
    return OTHERWISE_IN_A_DRAFT.get(route, line["petra"])
