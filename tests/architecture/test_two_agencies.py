"""Two agencies in one plan, each with items that the other must never learn of.

Everything that one of them can ask is asked before and after the other's items come into being. Every answer, on every
page and API route, must be the same to the last byte: no title, no reference, no number, no different refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.domain.evidence import EvidenceView
from app.domain.held_uploads import HeldUpload
from app.domain.milestones import MilestoneView
from app.domain.refusals import Refused
from app.domain.words import CancellationGround, ChangeKind, EvidencePolicy, Rag, Scope
from app.services import acceptances, change_requests, evidence, held_uploads, meetings, milestones, plans, updates
from tests.architecture.access import Things, address_of, furnish, routes, send
from tests.factories import COUNCIL, NHS, POLICE, World, key, upload
from tests.house import House

# Who must not notice an agency's items: the other one's people and keys, the council's contributor, an observer.
AGENCIES = {POLICE: "pol", NHS: "nat"}
EVERYBODYS = ("connie", "olive")
# A word that stands in everything that is typed about an agency's items, and nowhere else.
WORDS = {POLICE: "quillfeather", NHS: "brackenmoss"}

# What a list may be asked. `{word}` is in the titles of what is kept, `{owner}` owns it.
QUESTIONS = {
    "/plans/{plan}": ("since=2026-03-02",),
    "/plans/{plan}/exceptions": (
        "q={word}", "owner={owner}", "organisation=metropolitan-police", "organisation=nhs-haringey", "rag=red",
        "detail=all", "on=2026-06-30", "cause=partner", "sort=owner", "support_required=true",
    ),
    "/plans/{plan}/milestones": (
        "q={word}", "owner={owner}", "organisation=metropolitan-police", "organisation=nhs-haringey", "rag=red",
        "status=achieved", "status=cancelled", "status=moved", "ref={ref}", "changed=new&since=2026-03-02",
    ),
    "/plans/{plan}/timeline": ("owner={owner}", "organisation=nhs-haringey", "status=achieved"),
    "/plans/{plan}/search": ("q={word}", "q={ref}"),
    "/search": ("q={word}",),
    "/exceptions": ("on=2026-06-30", "organisation=nhs-haringey", "rag=red"),
    "/plans/{plan}/milestones.csv": ("q={word}",),
    "/plans/{plan}/change-requests": ("state=all",),
    "/api/v1/plans/{plan}/milestones": ("q={word}", "owner={owner}", "ref={ref}", "status=cancelled"),
    "/api/v1/plans/{plan}/exceptions": ("on=2026-06-30", "rag=red", "owner={owner}"),
    "/api/v1/exceptions": ("on=2026-06-30",),
    "/api/v1/plans/{plan}/search": ("q={word}",),
    "/api/v1/plans/{plan}/changes": ("since=2026-03-02",),
}  # fmt: skip
# One's own: whoever comes in changes them.
OWN = re.compile(r"^/(account|sign-|invitations|api/v1/openapi|api/v1/docs|help)")


ABSENT = "0" * 20
# What an address names that may hang on a milestone.
HANGING = re.compile(
    r"\{(ref|milestone|evidence|change_request|upload)\}|(milestones|evidence|change-requests|held-uploads)/\{id\}"
)
Callers = dict[str, dict[bool, TestClient]]
Named = dict[str, str]
Said = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Shared:
    """What the plan has for everybody, and a milestone that both agencies support."""

    things: Things
    joint: MilestoneView
    people: dict[str, str]


@dataclass
class Kept:
    """What an agency keeps to itself: every id and reference, and the word that is in its texts."""

    word: str
    there: list[MilestoneView] = field(default_factory=list)
    files: list[EvidenceView] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def found_in(self, answer: str) -> list[str]:
        """What of it can be read in an answer."""
        ids = [*(view.row.id for view in self.there), *(item.id for item in self.files), *self.asked, *self.held]
        refs = [*(view.row.ref for view in self.there), *(item.ref for item in self.files)]
        return [one for one in (self.word, *ids, *refs) if re.search(rf"\b{one}\b", answer, re.IGNORECASE)]


def test_an_agency_never_learns_of_anothers_items(world: World, tmp_path: Path) -> None:
    """What the police may not notice of the NHS on one database, and the NHS of the police on the other."""
    mine, other = (POLICE, NHS) if world.database.is_sqlite else (NHS, POLICE)
    house = House(world, tmp_path, api_requests_per_minute=100_000)
    shared = shared_by_all(house)
    callers = come_in(house, mine)
    addresses = everything(house, shared, of=other)
    before = walk(callers, addresses)
    kept = keep_to_itself(house, other, shared)
    after = walk(callers, addresses)
    assert differences(before, after) == []
    assert as_if_it_were_not_there(house, callers, shared, kept) == []
    assert [said for said in taken_back(callers, shared, AGENCIES[mine]) if kept.found_in(said)] == []
    others = callers if other == NHS else {**callers, **come_in(house, NHS, people=("nora",))}
    done = done_to_everybodys(house, others, shared, kept)
    assert {one: kept.found_in(said) for one, (_, said) in done.items() if kept.found_in(said)} == {}
    # They themselves find them everywhere: the walk looked where there is something to be found.
    theirs = own_lists(house, other, word=kept.word)
    assert [where for where, said in theirs.items() if not kept.found_in(said)] == []
    if other == POLICE:
        # A senior officer of another organisation is told a number. Of the NHS's own items ours knows.
        officer = walk({"nora": come_in(house, NHS, people=("nora",))["nora"]}, addresses)
        told = {one: kept.found_in(said) for one, (_, said) in officer.items() if "?" not in one}
        assert {one: said for one, said in told.items() if said} == {}


def test_what_waits_for_its_agencys_release_changes_no_answer_for_anybody_else(
    sqlite_world: World, tmp_path: Path
) -> None:
    """Not even for those who may know of everything in the plan: they come to know of it with the release."""
    world, house = sqlite_world, House(sqlite_world, tmp_path, api_requests_per_minute=100_000)
    shared = shared_by_all(house)
    callers = {"petra": come_in(house, COUNCIL, people=("petra",))["petra"]}
    addresses = [one for one in everything(house, shared, of=POLICE) if ".csv" not in one and "?" not in one]
    program = world.key_actor(Scope.EVIDENCE_WRITE, needs_release=True)
    before = walk(callers, addresses)
    for given in ({"upload": upload(b"quillfeather", "quillfeather.txt")}, {"link": "https://police.example/log"}):
        facts = {"title": "Quillfeather", "external_ref": "Quillfeather/7", **given}
        held = world.write(program, held_uploads.attach_or_hold, milestone=key(shared.joint), **facts)
    world.write(program, held_uploads.send_or_hold, slug=world.plan, title="Quillfeather", message="Read me")
    assert differences(before, walk(callers, addresses)) == []
    # Once it is released they all see it.
    world.write("pol", held_uploads.release, upload=held.id)
    after = walk(callers, [f"/plans/{world.plan}/inbox"])
    assert [where for where, said in after.items() if before[where] == said] == []


def shared_by_all(house: House) -> Shared:
    """What the plan has for everybody, some of it provided by each agency, and who brings what to it."""
    world, things = house.world, furnish(house)["ours"]
    world.write("petra", meetings.hold_meeting, meeting=things.meeting)
    world.write("petra", meetings.add_meeting, slug=world.plan, on=world.clock.today + timedelta(days=14))
    view = world.milestone(title="Joint visits", supporting_organisations=[POLICE, NHS])
    for organisation, who in AGENCIES.items():
        world.attached(view, by=who, shared_with=[COUNCIL, POLICE, NHS])
        world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE, organisation=organisation))
    return Shared(things, world.seen(view), {who: actor.id for who, actor in world.people.items()})


def come_in(house: House, mine: str, *, people: tuple[str, ...] = ()) -> Callers:
    """A program (True) and a browser (False) for each of those who must not notice; the agency's key has no browser."""
    who = people or (AGENCIES[mine], *EVERYBODYS)
    callers = {one: {True: house.api(one), False: house.browser(one)} for one in who}
    return {**callers, "key": {True: house.partner(Scope.EVIDENCE_WRITE, Scope.PLAN_READ, organisation=mine)}}


def everything(house: House, shared: Shared, *, of: str) -> list[str]:
    """Every address that may be asked for, and the lists with what somebody curious would ask them."""
    paths = sorted(route.removeprefix("GET ") for route in routes(house.app) if route.startswith("GET "))
    next_ref = f"M-{int(shared.joint.row.ref.removeprefix('M-')) + 1:02}"
    asked = {"word": WORDS[of], "owner": house.world.people[AGENCIES[of]].id, "ref": next_ref}
    joint = [f"{door}/evidence/{item.id}" for door in ("", "/api/v1") for item in shared.joint.evidence]
    joint += [f"/plans/{shared.things.plan}/milestones/{shared.joint.row.ref}"]
    return (
        joint
        + [address_of(path, shared.things) for path in paths if not OWN.match(path)]
        + [
            f"{address_of(path, shared.things)}?{question.format(**asked)}"
            for path, questions in QUESTIONS.items()
            for question in questions
        ]
    )


def walk(callers: Callers, addresses: list[str]) -> Said:
    """What each caller is answered at each address: the status with the headers that say something, and the body."""
    said = {}
    for who, clients in callers.items():
        for address in addresses:
            client = clients.get(address.startswith("/api/"))
            if client is not None and not (who in EVERYBODYS and "?" in address):
                answer = client.get(address)
                told = [answer.headers.get(name, "") for name in ("location", "etag", "link")]
                said[f"{who} {address}"] = (f"{answer.status_code} {told}", answer.text)
    return said


def differences(before: Said, after: Said) -> list[str]:
    """Where an answer changed, with the first line that did."""
    return [
        f"{where}: {next((pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]), '')}"
        for where, (status, body) in before.items()
        for one, other in [([status, *body.splitlines()], [after[where][0], *after[where][1].splitlines()])]
        if one != other
    ]


def keep_to_itself(house: House, organisation: str, shared: Shared) -> Kept:
    """Items in every state, with all that hangs on them, that nobody but this agency may know of."""
    world, who = house.world, AGENCIES[organisation]
    kept, today = Kept(WORDS[organisation]), world.clock.today
    word = kept.word.capitalize()

    def add(title: str, **facts: Any) -> MilestoneView:
        view = world.milestone(
            title=f"{word} {title}", success_criterion=f"{word} seen", restricted_to=[organisation],
            organisation=organisation, action=shared.things.action,
            **{"owner": world.people[who].id, "supporting_organisations": [organisation], **facts},
        )  # fmt: skip
        kept.there.append(view)
        return view

    def asked_of(view: MilestoneView, **wish: Any) -> str:
        request = world.write(who, change_requests.request_change, milestone=key(view), reason=f"{word} asks", **wish)
        kept.asked.append(request.id)
        return str(request.id)

    add("soon to be Red", due_date=today + timedelta(days=5))
    overdue = add("overdue", due_date=today - timedelta(days=3), start_date=None)
    world.write(who, updates.add_update, milestone=key(overdue), narrative=f"{word} told", declared_rag=Rag.RED,
                rationale=f"{word} stuck", forecast_date=today + timedelta(days=40), issue=f"{word} issue",
                support_required=f"{word} support", waiting_on=f"{word} waits")  # fmt: skip
    accepted = add("accepted", due_date=today - timedelta(days=2), start_date=None)
    world.write("sam", acceptances.accept, milestone=key(accepted), until=today + timedelta(days=9), reason=word)
    later = add("moved")
    for days in (60, 90):
        moved = asked_of(later, kind=ChangeKind.DUE_DATE, due_date=today + timedelta(days=days))
        world.write("sam", change_requests.decide_change, change_request=moved, outcome="approved", reason=word)
    asked_of(later, kind=ChangeKind.DUE_DATE, due_date=today + timedelta(days=120))
    gone = asked_of(add("cancelled"), kind=ChangeKind.CANCELLATION, ground=CancellationGround.NO_LONGER_NEEDED)
    world.write("sam", change_requests.decide_change, change_request=gone, outcome="approved", reason=word)
    reported = add("reported")
    world.write(who, milestones.report_completed, milestone=key(reported), completed_date=today, narrative=word)
    done = add("done")
    world.write(who, milestones.report_completed, milestone=key(done), completed_date=today, narrative=word)
    kept.files.append(world.write(who, evidence.attach_evidence, milestone=key(done), title=f"{word} file",
                                  upload=upload(word.encode(), f"{kept.word}.txt")))  # fmt: skip
    world.write("petra", milestones.mark_achieved, milestone=key(done))
    # A program of theirs sends something that one of them is to release.
    program = world.key_actor(Scope.EVIDENCE_WRITE, Scope.PLAN_READ, organisation=organisation, needs_release=True)
    for wanted in (done, shared.joint):
        sent = world.write(program, held_uploads.attach_or_hold, milestone=key(wanted), title=f"{word} waits",
                           statement=word, external_ref=f"{word}/7")  # fmt: skip
        assert isinstance(sent, HeldUpload)
        kept.held += [sent.id, sent.submission_id]
    # Of a milestone that everybody knows: evidence that nobody else may know of, in two versions, one of them accepted.
    minutes = world.attached(shared.joint, by=who, title=f"{word} minutes", description=word, external_ref=word,
                             restricted_to=[organisation])  # fmt: skip
    kept.files.insert(0, world.version_of(minutes, by=who, title=f"{word} minutes again"))
    kept.files.append(world.accepted(shared.joint, minutes))
    with pytest.raises(Refused):
        world.write(who, evidence.link_evidence, milestone=key(shared.joint), evidence=minutes.id)
    # What others know of proves one of these too.
    for item in (shared.things.evidence, *(one.id for one in shared.joint.evidence)):
        world.write("petra", evidence.link_evidence, milestone=key(overdue), evidence=item)
    return kept


def as_if_it_were_not_there(house: House, callers: Callers, shared: Shared, kept: Kept) -> list[str]:
    """Requests that name one of the items and are not answered as if they named nothing at all."""
    there = {"ref": kept.there[0].row.ref, "milestone": kept.there[0].row.id, "evidence": kept.files[0].id,
             "change_request": kept.asked[-1], "held": kept.held[0]}  # fmt: skip
    absent = {name: "M-99" if name == "ref" else ABSENT for name in there}
    wrong = []
    for route in sorted(routes(house.app)):
        if not HANGING.search(route) or route.startswith(("GET /views", "POST /views")):
            continue
        for who, clients in callers.items():
            client = clients.get("/api/" in route)
            if client is None:
                continue
            asked = [send(client, route, replace(shared.things, **named), who=who) for named in (there, absent)]
            said = [(one.status_code, nameless(one.text, there, absent)) for one in asked]
            if said[0] != said[1] or said[0][0] not in ((404, 403, 303) if route.startswith("GET") else (404, 403)):
                wrong.append(f"{who} {route}: {said[0]} instead of {said[1]}")
    return wrong + named_from_elsewhere(callers, shared, there, absent)


def named_from_elsewhere(callers: Callers, shared: Shared, there: Named, absent: Named) -> list[str]:
    """The same of requests that are about an item of one's own, and name the other one in what they send."""
    address, wrong = f"/api/v1/milestones/{shared.joint.row.id}", []
    into = {"kind": "cancellation", "ground": "merged", "reason": "Both are one"}
    for who in set(callers) - {"olive"}:
        for path, sent, name, kind in (
            ("evidence", {}, "evidence", "evidence"),
            ("change-requests", into, "other", "milestone"),
            ("change-requests", into, "other", "ref"),
        ):
            said = []
            for ids in (there, absent):
                answer = callers[who][True].post(f"{address}/{path}", json={**sent, name: ids[kind]})
                said.append((answer.status_code, nameless(answer.text, there, absent)))
            if said[0] != said[1] or said[0][0] < 400:
                wrong.append(f"{who} {path} {kind}: {said[0]} instead of {said[1]}")
    return wrong


def taken_back(callers: Callers, shared: Shared, who: str) -> list[str]:
    """What is said, there and then and in the trail, when an agency withdraws what proves one of the items too."""
    item = next(one.id for one in shared.joint.evidence if one.provided_by_id == shared.people[who])
    address = f"/api/v1/evidence/{item}/withdrawal"
    answers = [callers[who][True].post(address, json={"reason": "The wrong file"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]
    trail = callers["connie"][False].get(f"/plans/{shared.things.plan}/milestones/{shared.joint.row.ref}/audit")
    assert "The wrong file" in trail.text
    return [*(answer.text for answer in answers), trail.text]


def done_to_everybodys(house: House, callers: Callers, shared: Shared, kept: Kept) -> Said:
    """What is said of what everybody knows, when one of the items has a part in what becomes of it."""
    world, plan = house.world, shared.things.plan
    world.write("connie", updates.add_update, milestone=key(shared.joint), narrative="It waits",
                waiting_on=kept.there[0].row.ref)  # fmt: skip
    request = world.write(
        "petra", change_requests.request_change, milestone=key(shared.joint), kind=ChangeKind.CANCELLATION,
        ground=CancellationGround.MERGED, other=kept.there[0].row.id, reason="Both are one",
    )  # fmt: skip
    world.write("sam", change_requests.decide_change, change_request=request.id, outcome="approved", reason="Agreed")
    world.write("sam", plans.change_policy, slug=plan, policy=EvidencePolicy.ACCEPTED)
    page, item = f"/plans/{plan}/milestones/{shared.joint.row.ref}", f"/api/v1/milestones/{shared.joint.row.id}"
    return walk(callers, [
        page, f"{page}/audit", f"{page}/audit.csv", item, f"{item}/change-requests", f"{item}/updates",
        f"/api/v1/change-requests/{request.id}", f"/plans/{plan}", f"/plans/{plan}/change-requests",
        f"/plans/{plan}/audit-events", f"/plans/{plan}/audit-events.csv", f"/api/v1/plans/{plan}/audit-events",
        f"/api/v1/plans/{plan}/change-requests", f"/api/v1/plans/{plan}/changes",
    ])  # fmt: skip


def nameless(answer: str, *given: Named) -> str:
    """An answer without the names that the request had in it."""
    for named in given:
        for one in named.values():
            answer = answer.replace(one, "it")
    return answer


# Where an item of somebody's own is listed, counted and found.
LISTS = (
    "{plan}/milestones", "{plan}/milestones?q={word}", "{plan}/exceptions", "{plan}/timeline", "{plan}/search?q={word}",
    "{plan}/change-requests", "{plan}/milestones.csv", "{plan}/exceptions.csv", "/search?q={word}", "/exceptions",
    "/updates",
)  # fmt: skip


def own_lists(house: House, organisation: str, *, word: str) -> dict[str, str]:
    """What an agency reads in the lists when it looks for a word."""
    browser = house.browser(AGENCIES[organisation])
    plan = f"/plans/{house.world.plan}"
    found = {}
    for address in LISTS:
        answer = browser.get(address.format(plan=plan, word=word))
        assert answer.status_code == 200, address
        found[address] = answer.text.replace(f"q={word}", "").replace(f'value="{word}"', "")
    return found
