"""The requests of the access matrix: for every route one that nothing but a permission or a rule can refuse.

Each carries a version that nobody has read. Whoever may do a thing is told that it is stale, and nothing changes, so
that all can be asked about the same items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from app.domain.milestones import MilestoneKey
from app.domain.record_proposals import RecordKind
from app.domain.words import ChangeKind, Scope, ViewOf
from app.services import (
    change_requests,
    evidence_exports,
    held_uploads,
    identity,
    keys,
    meetings,
    milestones,
    plan_parts,
    plans,
    receipts,
    record_proposals,
    saved_views,
    webhooks,
)
from app.services import evidence_export_building as building
from tests.factories import COUNCIL, NHS, POLICE, key, upload
from tests.house import LIMITS, House

PEOPLE = ("olive", "connie", "pol", "petra", "sam", "nora", "ada", "max", "zoe")
KEYS = {
    "key to attach": Scope.EVIDENCE_WRITE,
    "key to propose": Scope.RISKS_PROPOSE,
    "key to observe": Scope.OBSERVATIONS_WRITE,
    "key to read": Scope.PLAN_READ,
}
WHO = ("nobody", *PEOPLE, *KEYS)

STALE = "0.0"
UNSAID = "\u200f"  # what shows nothing: a reason that only a rule refuses
LET_IN, SIGN_IN, NOT_THEIRS, UNKNOWN = "y", "-", "3", "4"
OPEN = frozenset({"/static", "/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True)
class Things:
    """What a request names: a plan, one of its milestones, and what hangs on that."""

    plan: str
    theme: str
    action: str
    ref: str
    milestone: str
    evidence: str
    submission: str
    submission_ref: str
    change_request: str
    meeting: str
    view: str
    held: str
    export: str
    webhook: str
    proposal: str
    key: str
    token: str
    session: str

    @property
    def path(self) -> dict[str, str]:
        names = (
            "plan",
            "ref",
            "milestone",
            "evidence",
            "change_request",
            "meeting",
            "view",
            "export",
            "proposal",
            "key",
            "token",
            "session",
            "webhook",
        )
        # The first theme and the first action of every plan.
        first = {"theme": "T-01", "action": "A-01"}
        return {
            **{name: getattr(self, name) for name in names},
            **first,
            "submission": self.submission_ref,
            "upload": self.held,
        }


def routes(app: FastAPI) -> set[str]:
    """Every route of the application, "POST /sign-in"; a method that Starlette adds by itself is left out."""
    found = set()
    for route in iter_route_contexts(app.routes):
        path: str = route.path or ""
        if path not in OPEN:
            found |= {f"{method} {path}" for method in getattr(route, "methods", None) or () if method != "HEAD"}
    return found


HELD = b"a rota that waits for its release"


def furnish(house: House) -> dict[str, Things]:
    """The same things three times over: for the whole plan, restricted to the NHS, and in another plan.

    Tokens and sessions are Connie's and, in the other plan, Zoe's.
    """
    world = house.world
    store_the_rota(house)
    ours = hang(house, by="petra", plan=world.plan, theme=world.theme, action=world.action)
    kept = hang(
        house,
        by="petra",
        plan=world.plan,
        theme=world.theme,
        action=world.action,
        owner=world.people["nat"].id,
        organisation=NHS,
        restricted_to=[NHS],
    )
    theme = world.write("zoe", plan_parts.add_theme, slug=world.other_plan, title="Elsewhere").id
    action = world.write("zoe", plan_parts.add_action, slug=world.other_plan, theme=theme, title="Elsewhere").id
    away = hang(house, by="zoe", plan=world.other_plan, theme=theme, action=action, owner=None)
    return {"ours": ours, "restricted": kept, "elsewhere": away}


def hang(house: House, *, by: str, plan: str, theme: str, action: str, **facts: Any) -> Things:
    world = house.world
    view = world.milestone(by=by, slug=plan, action=action, **facts)
    item = world.attached(view, by=by, upload=upload())
    if plan == world.plan:
        request = world.write(
            by,
            change_requests.request_change,
            milestone=key(view),
            kind=ChangeKind.DUE_DATE,
            reason="The panel moved",
            due_date=world.clock.today + timedelta(days=90),
        ).id
    else:
        request = "0" * 20  # a draft's dates are edited, not asked for
    # The police's, or for what is restricted to the NHS its own.
    sender = world.key_actor(Scope.EVIDENCE_WRITE, organisation=NHS if "restricted_to" in facts else POLICE,
                             plans=(world.read(by, plans.get_plan, slug=plan).id,))  # fmt: skip
    held = world.write(
        replace(sender, scopes=sender.scopes | {Scope.PLAN_READ}, needs_release=True),
        held_uploads.attach_or_hold,
        milestone=key(view),
        title="A log",
        upload=upload(HELD),
    )  # fmt: skip
    sent = world.write(sender, receipts.send_correspondence, slug=plan, title="A letter", message="Read me")
    ref = world.read(by, milestones.get_milestone, milestone=MilestoneKey(id=view.row.id)).row.ref
    person = "connie" if plan == world.plan else "zoe"
    return Things(
        plan,
        theme,
        action,
        ref,
        milestone=view.row.id,
        evidence=item.id,
        submission=sent.id,
        submission_ref=sent.ref,
        change_request=request,
        meeting=meeting_id(house, by=by, plan=plan),
        view=view_id(house, by=by, plan=plan),
        held=held.id,
        export=export_id(house, by=by, plan=plan),
        webhook=webhook_id(house, by=by, plan=plan),
        proposal=world.write(
            by, record_proposals.propose, slug=plan, kind=RecordKind.HOLD, reason="A claim", evidence=item.id
        ).id,
        key=key_id(house, plan),
        token=token_id(house, person),
        session=session_id(house, person),
    )


def meeting_id(house: House, *, by: str, plan: str) -> str:
    """A review meeting of the plan, planned for today."""
    found = house.world.read(by, meetings.list_meetings, slug=plan)
    if not found:
        return house.world.write(by, meetings.add_meeting, slug=plan, on=house.world.clock.today).id
    return found[0].id


def view_id(house: House, *, by: str, plan: str) -> str:
    """A view that is shared in the plan."""
    found = house.world.read(by, saved_views.list_views, slug=plan)
    if not found:
        filters = {"rag": "red"}
        made = {"slug": plan, "of": ViewOf.EXCEPTIONS, "name": "What is Red", "filters": filters, "shared": True}
        return house.world.write(by, saved_views.save_view, **made).id
    return found[0].id


def export_id(house: House, *, by: str, plan: str) -> str:
    """An export of the plan's evidence log, which is its asker's alone; it is made, so that they can ask again."""
    found = house.world.read(by, evidence_exports.list_exports, slug=plan)
    if not found:
        made = house.world.write(by, evidence_exports.ask_export, slug=plan)
        building.build_waiting(house.world.database, house.app.state.storage, house.world.clock())
        return made.id
    return found[0].id


def webhook_id(house: House, *, by: str, plan: str) -> str:
    """A webhook of the police in the plan: one of its own, for one is removed."""
    given = {"organisation": POLICE, "url": "https://police.example/hook", "events": ["submission.triaged"]}
    return house.world.write(by, webhooks.create_webhook, slug=plan, secret_key="for a test", **given).id


def key_id(house: House, plan: str) -> str:
    """A partner's key that opens the plan."""
    house.key(Scope.RISKS_PROPOSE, plans=(plan,))
    return house.world.read("max", keys.plan_keys, slug=plan).keys[0].id


def token_id(house: House, person: str) -> str:
    """A token of this person."""
    house.token(person)
    return house.world.read(person, keys.list_tokens)[0].id


def session_id(house: House, person: str) -> str:
    """A session of this person, in a browser of its own."""
    house.session(person)
    return house.world.read(person, identity.list_sessions, limits=LIMITS)[-1].id


def store_the_rota(house: House) -> None:
    """The bytes that `factories.upload` speaks of, and what is held, where the application looks for them."""
    for content in (b"rota", HELD):
        upload = house.app.state.storage.begin()
        upload.write(content)
        upload.keep()


def ask(client: TestClient, route: str, things: Things, *, who: str) -> str:
    """Send a route's request about these things, and return how it was answered, as one of the four signs."""
    answer = send(client, route, things, who=who)
    if answer.status_code == 401 or answer.headers.get("location", "").startswith("/sign-in"):
        return SIGN_IN
    return {403: NOT_THEIRS, 404: UNKNOWN}.get(answer.status_code, LET_IN)


def send(client: TestClient, route: str, things: Things, *, who: str) -> Any:
    """Send a route's request about these things, and return the answer."""
    method, path = route.split(" ")
    if path.startswith("/api/"):
        given: dict[str, Any] = {"headers": {"If-Match": f'"{STALE}"'}}
        if method != "GET":
            given["json"] = body(path.removeprefix("/api/v1"), things, who=who)
    else:
        given = {} if method == "GET" else {"data": form(path, things)}
    return client.request(method, address_of(path, things), **given)


def address_of(path: str, things: Things) -> str:
    """A route's path with what it names filled in."""
    return path.format(**{**things.path, "id": item_of(path, things), "token": things.token})


def item_of(path: str, things: Things) -> str:
    if "/themes/{id}" in path or "/actions/{id}" in path:
        return things.theme if "/themes/" in path else things.action
    if "/evidence/{id}" in path:
        return things.evidence
    if "/submissions/{id}" in path:
        return things.submission
    if "/meetings/{id}" in path:
        return things.meeting
    if "/record-proposals/{id}" in path:
        return things.proposal
    if "/views/{id}" in path:
        return things.view
    if "/held-uploads/{id}" in path:
        return things.held
    if "/evidence-exports/{id}" in path:
        return things.export
    return things.change_request if "/change-requests/{id}" in path else things.milestone


def body(path: str, things: Things, *, who: str) -> Mapping[str, Any]:
    """What a program sends."""
    slug = "plan-of-" + who.replace(" ", "-")
    bodies: dict[str, Mapping[str, Any]] = {
        "/plans": {"slug": slug, "title": "A plan", "organisation": COUNCIL},
        "/plans/{plan}": {"title": "Safeguarding Plan"},
        "/plans/{plan}/approval": {"body": "Trust", "meeting": "March"},
        "/plans/{plan}/closure": {"reason": "All done", "rest": {"to": "Elsewhere"}},
        "/plans/{plan}/themes": {"title": "A theme"},
        "/plans/{plan}/actions": {"title": "An action", "theme": things.theme},
        "/plans/{plan}/meetings": {"on": "2030-01-07"},
        "/plans/{plan}/meetings/year": {"first_day": "2031-01-07"},
        "/meetings/{id}/holding": {},
        "/meetings/{id}/move": {"on": "2026-06-01", "reason": "The room is taken"},
        "/meetings/{id}/cancellation": {"reason": "Nobody can come"},
        "/plans/{plan}/memberships": {"person": "nobody@haringey.example", "role": "contributor"},
        "/plans/{plan}/milestones": {
            "title": "A milestone", "action": things.action, "organisation": COUNCIL, "start_date": "2026-03-02",
            "due_date": "2026-04-01",
        },
        "/plans/{plan}/views": {"name": "For a test", "of": "milestones", "filters": {"rag": "red"}},
        "/views": {"name": "For a test", "filters": {"rag": "red"}},
        "/views/{id}": {"name": "Another name"},
        "/views/{id}/deletion": {},
        "/themes/{id}": {"title": "Another title"},
        "/actions/{id}": {"title": "Another title"},
        "/themes/{id}/removal": {"reason": "Added twice"},
        "/actions/{id}/removal": {"reason": "Added twice"},
        "/milestones/{id}": {"title": "Another title"},
        "/milestones/{id}/start": {},
        "/milestones/{id}/completion": {"completed_date": "2026-03-02", "narrative": "Done"},
        "/milestones/{id}/return": {"reason": "Not yet"},
        "/milestones/{id}/removal": {"reason": "Added twice"},
        "/milestones/{id}/achievement": {},
        "/milestones/{id}/reopening": {"reason": "It was not so", "due_date": "2026-06-01"},
        "/milestones/{id}/lifting": {"reason": "Solved"},
        "/milestones/{id}/acceptance": {"until": "2026-06-01", "reason": "Agreed with the board"},
        "/milestones/{id}/acceptance/lifting": {"reason": "It takes too long"},
        "/milestones/{id}/updates": {"narrative": "On our way"},
        "/milestones/{id}/change-requests": {"kind": "due_date", "reason": "Later", "due_date": "2026-06-01"},
        "/milestones/{id}/change-requests/preview": {"kind": "due_date", "due_date": "2026-06-01"},
        "/milestones/{id}/baseline-correction": {"baseline_date": "2026-06-01", "reason": "Mistyped"},
        "/plans/{plan}/change-requests": {"kind": "policy", "reason": "Stricter", "evidence_policy": "accepted"},
        "/plans/{plan}/change-requests/preview": {"kind": "policy", "evidence_policy": "accepted"},
        "/plans/{plan}/change-requests/decisions": {
            "meeting": "0", "decisions": [{"change_request": "0", "outcome": "declined", "reason": "No"}],
        },
        "/change-requests/{id}/withdrawal": {},
        "/change-requests/{id}/decision": {"outcome": "approved", "reason": "Agreed"},
        "/milestones/{id}/evidence": {"title": "Said", "statement": "It is so"},
        "/evidence/{id}/review": {"outcome": "accepted", "relevance": 3, "robustness": 3, "reason": "Good"},
        "/evidence/{id}/withdrawal": {"reason": "Wrong file"},
        "/evidence/{id}/retention": {"retention": "inquiry"},
        "/plans/{plan}/record-proposals": {"kind": "hold", "evidence": things.evidence, "reason": "A claim"},
        "/record-proposals/{id}/decision": {"outcome": "approved", "reason": UNSAID},
        "/evidence/{id}/links": {"milestone": things.milestone},
        "/evidence/{id}/versions": {},  # a form with a file: what it holds is asked for after who sends it
        "/plans/{plan}/evidence-exports": {},
        "/plans/{plan}/submissions": {"title": "A letter", "message": "Read me"},
        "/submissions/{id}/triage": {"outcome": "logged"},
        "/submissions/{id}/reading": {},
        "/held-uploads/{id}/release": {},
        "/held-uploads/{id}/withdrawal": {"reason": "The wrong file"},
        "/submissions/{id}/passing": {"person": things.submission},
    }  # fmt: skip
    return bodies[path]


def _outcome(path: str) -> str:
    return "accepted" if "review" in path else "logged" if "inbox" in path else "approved"


def form(path: str, things: Things) -> Mapping[str, Any]:
    """What a page's form sends. A name that a page does not know is passed over, so one form will do for many."""
    day = {"day": "1", "month": "6", "year": "2026"}
    named = ("due_date", "start_date", "baseline_date", "on", "first_day", "until")
    dates = {f"{name}-{part}": day[part] for name in named for part in day}
    today = {"completed_date-day": "2", "completed_date-month": "3", "completed_date-year": "2026"}
    return {
        "version": STALE, "reason": "For a reason", "narrative": "On our way", "title": "A title", "note": "Noted",
        "action": things.action, "organisation": COUNCIL, "kind": "due_date" if "change" in path else "statement",
        "statement": "It is so", "outcome": _outcome(path), "relevance": "3",
        "robustness": "3", "body": "Trust", "meeting": "March", "name": "for a test", "days": "30",
        "chosen": things.submission_ref if "inbox" in path else things.change_request, "message": "Read me",
        "list": "milestones", "filters": "theme",
        "scopes": "plan:read", "front_door": "Call us", "form": "statement", "marking": "official", "direction": "up",
        "url": "https://police.example/other", "events": "evidence.reviewed",
        "slug": things.plan, "cycle_days": "14", "person": "nobody@haringey.example", "role": "observer",
        "theme": things.theme, **dates, **today,
        "retention": "inquiry",
        **({"kind": "hold", "evidence": things.evidence, "reason": ""} if "/records" in path else {}),
        **({"declared_rag": "red", "rationale": "Off track"} if path.endswith("/declaration") else {}),
    }  # fmt: skip
