"""The Haringey demo: what its files say, what a visitor finds, and that they come back unchanged."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select

from app.db import Database, UnitOfWork
from app.domain import rag
from app.domain.actors import Actor, system_actor
from app.domain.days import london_day
from app.domain.evidence import Upload
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.plan_structure import Part
from app.domain.rag import RuleCode
from app.domain.refusals import NotFound, Refused
from app.domain.words import Door, EvidenceState, PlanState, Rag, ReviewOutcome, Status
from app.models import AuditEvent, Milestone, Person, Plan, Text
from app.services import (
    audit_events,
    cases,
    evidence,
    identity,
    milestones,
    passwords,
    plan_parts,
    plan_structure,
    seeds,
    seeds_export,
    settling,
    updates,
)
from app.services import closing as closings
from app.services.plan_structure import PartKey
from app.services.seeds import Credentials
from app.services.seeds_format import BadSeeds, Calendar, first_day_for, read_demo
from app.services.seeds_replay import Stage, play
from app.storage import Storage, incoming_from_bytes, open_storage
from tests.postgres import Postgres

FOLDER = seeds.demo_folder()
NOW = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)  # a Thursday: the demo's first day, before the clocks change
SAFEGUARDING = "safeguarding-plan"
APPROVED = (SAFEGUARDING, "adult-social-care", "social-care-correspondence", "learning-from-complaints")
DRAFT, CLOSED = "early-help-plan", "jar-action-plan"
PLANS = (*APPROVED, DRAFT, CLOSED)

# The surnames in the documents that the demo is drawn from, as SHA-256 of their small letters: nobody is named here
# either.
SURNAMES = frozenset(
    line.strip() for line in Path(__file__).with_name("surnames.sha256").read_text("utf-8").splitlines() if line.strip()
)


@dataclass(frozen=True)
class Loaded:
    """A demo as it was loaded, and where its files are kept."""

    database: Database
    storage: Storage
    credentials: Credentials
    folder: Path

    def read(self, service: Any, *, who: Actor | None = None, now: datetime = NOW, **given: Any) -> Any:
        actor = who or system_actor(Door.CLI)
        return self.database.read(lambda uow: service(uow, **given), actor=actor, now=now)

    def write(self, service: Any, *, who: Actor, now: datetime = NOW, **given: Any) -> Any:
        return self.database.write(lambda uow: service(uow, **given), actor=who, now=now)

    def actor(self, email: str) -> Actor:
        """Somebody of the demo, signed in."""

        def sign_in(uow: UnitOfWork) -> str:
            person = uow.session.execute(select(Person.id).where(Person.email == email)).scalar_one()  # type: ignore[call-overload]
            limits = identity.Limits(idle=timedelta(hours=1), absolute=timedelta(hours=1))
            return identity.open_session(uow, person_id=person, limits=limits)

        token = self.database.write(sign_in, actor=system_actor(Door.CLI), now=NOW)
        found: Actor = self.read(identity.actor_from_session, token=token, idle=timedelta(hours=1)).actor
        return found

    def milestone(self, ref: str, *, plan: str = SAFEGUARDING, who: Actor | None = None) -> MilestoneView:
        found: MilestoneView = self.read(milestones.get_milestone, who=who, milestone=MilestoneKey(plan=plan, ref=ref))
        return found


@pytest.fixture(scope="module", autouse=True)
def _quick_passwords() -> Iterator[None]:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", lambda: quick)
        yield


def load(url: str, folder: Path, *, now: datetime = NOW, files: Path = FOLDER, first_day: date | None = None) -> Loaded:
    database, storage = Database(url), open_storage(f"file://{folder}/evidence")
    credentials = seeds.load_demo(database, storage, folder=files, now=now, first_day=first_day)
    return Loaded(database, storage, credentials, folder)


@pytest.fixture(scope="module")
def demo(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The demo on SQLite. Tests that share it only read."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copyfile(sqlite_template, folder / "waymark.db")
    loaded = load(f"sqlite:///{folder}/waymark.db", folder)
    yield loaded
    loaded.database.dispose()


@pytest.fixture(scope="module")
def demo_on_postgres(
    postgres_server: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loaded]:
    url = postgres_server.create(template=postgres_template)
    loaded = load(url, tmp_path_factory.mktemp("demo"))
    yield loaded
    loaded.database.dispose()
    postgres_server.drop(url)


@pytest.fixture
def own_demo(demo: Loaded, tmp_path: Path) -> Iterator[Loaded]:
    """A copy of the demo to change."""
    with (
        closing(sqlite3.connect(demo.folder / "waymark.db")) as source,
        closing(sqlite3.connect(tmp_path / "waymark.db")) as target,
    ):
        source.backup(target)
    database = Database(f"sqlite:///{tmp_path}/waymark.db")
    yield Loaded(database, demo.storage, demo.credentials, tmp_path)
    database.dispose()


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a demo but its description, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "README.md"
    }


def exported(loaded: Loaded, folder: Path, *, now: datetime = NOW) -> dict[str, bytes]:
    seeds.export_seeds(loaded.database, loaded.storage, folder=folder, now=now)
    return files_of(folder)


def upload(loaded: Loaded, name: str) -> Upload:
    incoming = incoming_from_bytes(
        loaded.storage, file_name=name, content_type="text/csv", content=f"file,{name}\n".encode()
    )
    stored = incoming.keep()
    return Upload(name, "text/csv", stored.size, stored.sha256, stored.name)


# --- loaded, and written back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["demo", "demo_on_postgres"])
def test_what_was_loaded_is_written_back_byte_for_byte(
    where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert exported(request.getfixturevalue(where), tmp_path) == files_of(FOLDER)


def test_a_demo_that_was_worked_in_comes_back_as_it_is(own_demo: Loaded, sqlite_template: Path, tmp_path: Path) -> None:
    """Every verb, and everybody who can be behind one: a person, a partner's key, Waymark itself."""
    manager = own_demo.actor("programme.manager@haringey.example")
    partner = own_demo.read(identity.actor_from_bearer, token=own_demo.credentials.keys[0].secret).actor
    key = {ref: MilestoneKey(id=own_demo.milestone(ref).row.id) for ref in ("M-06", "M-09", "M-15", "M-36", "M-10")}
    officer = own_demo.actor("senior.officer@haringey.example")
    hour = iter(NOW + timedelta(minutes=7, seconds=30) * number for number in range(20))

    def do(service: Any, who: Actor, **given: Any) -> Any:
        return own_demo.write(service, who=who, now=next(hour), **given)

    sent = do(
        evidence.attach_evidence,
        partner,
        milestone=key["M-06"],
        title="Strategy discussion log",
        upload=upload(own_demo, "strategy-discussion-log.csv"),
        external_ref="CAIT-7",
    )
    do(evidence.link_evidence, manager, milestone=key["M-09"], evidence=sent.id)
    do(milestones.mark_achieved, manager, milestone=key["M-06"], note="Seen by the officers")
    do(evidence.withdraw_evidence, manager, evidence=sent.id, reason="It names children")
    do(milestones.lift_declaration, officer, milestone=key["M-15"], reason="The replies are in")
    do(milestones.start, manager, milestone=key["M-36"])
    do(milestones.return_to_progress, system_actor(Door.CLI), milestone=key["M-06"], reason="By Waymark itself")
    do(updates.add_update, manager, milestone=key["M-10"], narrative="On we go", forecast_date=date(2026, 4, 30))
    recruit = own_demo.read(plan_structure.get_action, action=PartKey(plan=SAFEGUARDING, ref="A-07"))
    do(milestones.edit_milestone, manager, milestone=key["M-10"], changes={"action": recruit.id}, if_match=None)
    do(plan_structure.shift, manager, part=Part.MILESTONE, key=PartKey(id=key["M-10"].id), by=-1)
    first_theme = {"theme": PartKey(plan=SAFEGUARDING, ref="T-03"), "changes": {"position": 1}}
    do(plan_structure.edit_theme, manager, **first_theme, if_match=None)
    both = {"theme": recruit.theme_id, "position": 2}
    moved = PartKey(plan=SAFEGUARDING, ref="A-03")
    do(plan_structure.edit_action, manager, action=moved, changes=both, if_match=None)
    extra = do(plan_parts.add_theme, manager, slug=DRAFT, title="Added twice")
    added = do(plan_parts.add_action, manager, slug=DRAFT, theme=extra.id, title="Added twice")
    do(plan_structure.remove_action, manager, action=PartKey(id=added.id), reason="Added twice")
    do(plan_structure.remove_theme, manager, theme=PartKey(id=extra.id), reason="Added twice")
    later = NOW + timedelta(days=1)
    first = exported(own_demo, tmp_path / "first", now=later)

    (tmp_path / "again").mkdir()
    shutil.copyfile(sqlite_template, tmp_path / "again" / "waymark.db")
    again = load(
        f"sqlite:///{tmp_path}/again/waymark.db",
        tmp_path / "again",
        files=tmp_path / "first",
        now=later,
        first_day=NOW.date(),
    )

    assert exported(again, tmp_path / "second", now=later) == first
    assert b'"by": "key: ' in first[f"plans/{SAFEGUARDING}.json"]
    again.database.dispose()


def test_the_history_uses_every_verb_it_may(demo: Loaded) -> None:
    used = {step["does"] for plan in read_demo(FOLDER).plans for step in plan["history"]}

    assert used == set(seeds_verbs()) - {"start", "lifting", "acceptance_lifting", "removal"}


def seeds_verbs() -> list[str]:
    from app.services.seeds_replay import VERBS

    return list(VERBS)


def test_the_demo_is_loaded_into_an_empty_database_only(demo: Loaded) -> None:
    with pytest.raises(BadSeeds, match="plans in this database already"):
        seeds.load_demo(demo.database, demo.storage, folder=FOLDER, now=NOW)


def test_a_step_that_is_refused_stops_the_load_and_leaves_nothing(sqlite_url: str, tmp_path: Path) -> None:
    files = tmp_path / "seeds"
    shutil.copytree(FOLDER, files)
    for slug in PLANS:
        if slug != APPROVED[3]:
            (files / "plans" / f"{slug}.json").unlink()
    (files / "keys.json").write_text("[]")
    path = files / "plans" / f"{APPROVED[3]}.json"
    plan = json.loads(path.read_text("utf-8"))
    steps = plan["history"]
    plan["history"] = [steps[0], *(step for step in steps if step["does"] == "achievement")]
    path.write_text(json.dumps(plan), "utf-8")

    with pytest.raises(BadSeeds, match=r"learning-from-complaints, day -\d+ at \d\d:\d\d, achievement: .*not reported"):
        load(sqlite_url, tmp_path, files=files)

    database = Database(sqlite_url)
    nothing = database.read(
        lambda uow: [
            uow.session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Plan, Person, AuditEvent, Text)
        ],
        actor=system_actor(),
        now=NOW,
    )
    database.dispose()
    assert nothing == [0, 0, 0, 0]


def test_an_unknown_verb_or_reference_is_named(demo: Loaded) -> None:
    stage = Stage("some-plan", Calendar(NOW.date()), {})
    uow: Any = None

    with pytest.raises(BadSeeds, match="some-plan: a step on day -3 does “wish”"):
        play(uow, stage, {"day": -3, "does": "wish"})
    with pytest.raises(BadSeeds, match="some-plan: update on day -3 names M-99"):
        play(uow, stage, {"day": -3, "does": "update", "milestone": "M-99"})


def test_a_folder_without_a_demo_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadSeeds, match="holds no plans"):
        read_demo(tmp_path)
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "one.json").write_text("{")
    with pytest.raises(BadSeeds, match=r"settings\.json cannot be read"):
        read_demo(tmp_path)
    for name in ("settings", "organisations", "people", "keys"):
        (tmp_path / f"{name}.json").write_text("{}")
    with pytest.raises(BadSeeds, match=r"one\.json is not JSON"):
        read_demo(tmp_path)


# --- days -------------------------------------------------------------------------------------------------------------


def test_the_first_day_is_the_thursday_on_or_before() -> None:
    thursday = date(2026, 3, 12)
    week = [thursday + timedelta(days=number) for number in range(7)]

    assert {first_day_for(day) for day in week} == {thursday}
    assert first_day_for(thursday + timedelta(days=7)) == thursday + timedelta(days=7)


@pytest.mark.parametrize("first_day", [date(2026, 3, 26), date(2026, 10, 22), date(2028, 2, 24)])
def test_a_london_day_and_time_comes_back_across_a_change_of_the_clocks(first_day: date) -> None:
    calendar = Calendar(first_day)
    for day in range(-160, 160):
        when = {"day": day, "time": "16:30"}
        assert calendar.when(calendar.moment(when)) == when
        assert calendar.offset(calendar.day(day)) == day


def test_a_moment_is_written_as_exactly_as_it_is_known() -> None:
    calendar = Calendar(date(2026, 7, 2))
    moment = datetime(2026, 7, 1, 12, 0, 5, 20, tzinfo=UTC)

    assert calendar.when(moment) == {"day": -1, "time": "13:00:05.000020"}
    assert calendar.moment(calendar.when(moment)) == moment


# --- what a visitor finds ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    plan: str
    ref: str
    status: Status
    colour: Rag
    reasons: tuple[rag.Reason, ...]
    words: str
    evidence: EvidenceState


@dataclass(frozen=True)
class Judged:
    """A milestone as it is stored, and what the rules look at."""

    plan: str
    row: Milestone
    facts: rag.MilestoneFacts
    settings: rag.PlanSettings

    def on(self, day: date) -> Standing:
        """By its stored moments, with the reasons that the rules give."""
        return Standing(
            plan=self.plan,
            ref=self.row.ref,
            status=self.row.status,
            colour=rag.colour_on(rag.moments_from_stored(self.row.amber_from, self.row.red_from), day),
            reasons=rag.reasons_on(self.facts, self.settings, day),
            words=rag.standing_words(self.facts, day, achieved_on=self.row.achieved_on),
            evidence=self.row.evidence_state,
        )


@pytest.fixture(scope="module")
def judged(demo: Loaded) -> list[Judged]:
    def look(uow: UnitOfWork) -> list[Judged]:
        statement = select(Milestone, Plan).join(Plan, Plan.id == Milestone.plan_id)  # type: ignore[arg-type]
        return [
            Judged(plan.slug, row, settling.facts_of(row), cases.fresh_case(uow, row, plan).settings)
            for row, plan in uow.session.execute(statement).all()
        ]

    found: list[Judged] = demo.read(look)
    return found


def standings(judged: list[Judged], on: date) -> list[Standing]:
    return [one.on(on) for one in judged]


def days(first: int, last: int) -> list[date]:
    return [NOW.date() + timedelta(days=number) for number in range(first, last + 1)]


def colours(found: list[Standing], plan: str) -> dict[Rag, int]:
    return {colour: sum(1 for one in found if one.plan == plan and one.colour is colour) for colour in Rag}


@pytest.mark.parametrize("on", [*days(0, 6), NOW.date() + timedelta(days=30)], ids=str)
def test_every_reason_is_to_be_seen_in_the_first_week_and_a_month_later(judged: list[Judged], on: date) -> None:
    seen = {reason.code for one in standings(judged, on) for reason in one.reasons}

    assert seen == set(RuleCode)


def test_each_reason_is_to_be_seen_at_each_of_its_colours(judged: list[Judged]) -> None:
    seen = {(reason.code, reason.colour) for one in standings(judged, NOW.date()) for reason in one.reasons}
    both = {
        RuleCode.OVERDUE,
        RuleCode.EVIDENCE_OUTSTANDING,
        RuleCode.FORECAST_LATE,
        RuleCode.DECLARED,
        RuleCode.NO_UPDATE,
    }
    amber = both | set(RuleCode) - {RuleCode.REOPENED}

    assert {code for code, colour in seen if colour is Rag.AMBER} == amber
    assert {code for code, colour in seen if colour is Rag.RED} == both | {RuleCode.REOPENED}


def test_every_state_is_to_be_seen(judged: list[Judged]) -> None:
    found = standings(judged, NOW.date())

    assert {one.status for one in found} == set(Status)
    assert {one.plan for one in found} == set(PLANS)
    outstanding = {one.evidence for one in found if one.words == "Not achieved: evidence outstanding"}
    assert outstanding == {EvidenceState.NOTHING_SENT, EvidenceState.REJECTED, EvidenceState.WAITING}
    assert "Achieved 12 days late" in {one.words for one in found}
    assert {one.words for one in found if one.plan == SAFEGUARDING} >= {"Achieved", "Cancelled"}


def test_the_safeguarding_plan_has_the_size_of_the_real_one(judged: list[Judged]) -> None:
    found = standings(judged, NOW.date())
    mine = [one for one in found if one.plan == SAFEGUARDING]

    assert len(mine) == 44
    assert colours(found, SAFEGUARDING)[Rag.RED] == 9
    assert colours(found, SAFEGUARDING)[Rag.AMBER] == 14
    assert sum(1 for one in mine if one.status is Status.ACHIEVED) == 13


def test_something_is_about_to_turn_in_every_approved_plan(judged: list[Judged]) -> None:
    """The look-ahead to the next fortnight says something whenever in its first week the demo is opened."""
    for on in (NOW.date(), NOW.date() + timedelta(days=6)):
        now, then = standings(judged, on), standings(judged, on + timedelta(days=14))
        for plan in APPROVED:
            worse = [
                after.ref
                for before, after in zip(now, then, strict=True)
                if before.plan == plan and rag.SEVERITY[after.colour] > rag.SEVERITY[before.colour]
            ]
            assert worse, f"{plan} on {on}"


def test_a_demo_that_is_left_alone_for_a_month_gets_worse_and_stays_readable(judged: list[Judged]) -> None:
    before, after = standings(judged, NOW.date()), standings(judged, NOW.date() + timedelta(days=30))

    for plan in APPROVED:
        total = sum(1 for one in after if one.plan == plan)
        assert colours(before, plan)[Rag.RED] <= colours(after, plan)[Rag.RED] < total
        assert sum(1 for one in after if one.plan == plan and one.status is Status.ACHIEVED) >= 2


def test_stored_colours_are_those_of_the_rules_on_every_day_to_come(judged: list[Judged]) -> None:
    for on in days(0, 60):
        for one in standings(judged, on):
            worst = one.reasons[0].colour if one.reasons else Rag.GREEN
            assert one.colour is worst, f"{one.plan} {one.ref} on {on}"


def test_nothing_lies_in_the_future_and_the_trail_holds(demo: Loaded) -> None:
    def latest(uow: UnitOfWork) -> datetime:
        statement = select(func.max(AuditEvent.at)).where(AuditEvent.chain != "-")  # type: ignore[arg-type]
        found: datetime = uow.session.execute(statement).scalar_one()
        return found

    assert london_day(demo.read(latest)) < NOW.date()
    chains = demo.read(lambda uow: list(audit_events.verify(uow)))
    assert len(chains) == len(PLANS) + 1
    assert [faults for _, _, faults in chains if faults] == []


def test_each_approved_plan_meets_again_soon_and_every_plan_is_shown_as_illustrative(demo: Loaded) -> None:
    found = {slug: demo.read(lambda uow, slug=slug: seeds_plan(uow, slug)) for slug in PLANS}
    assert all(plan.illustrative for plan in found.values())
    for slug in APPROVED:
        assert found[slug].state is PlanState.APPROVED
        assert found[slug].next_review is not None
        assert found[slug].next_review - NOW.date() <= timedelta(days=28)
    assert (found[DRAFT].state, found[CLOSED].state) == (PlanState.DRAFT, PlanState.CLOSED)


def test_what_was_open_in_the_closed_plan_says_where_it_went(demo: Loaded) -> None:
    manager = demo.actor("programme.manager@haringey.example")
    found = demo.read(closings.closed, who=manager, slug=CLOSED)

    assert found.reason
    assert [one.ref for one in found.items] == ["M-02", "M-03", "M-04", "M-05"]
    assert {one.carried_over.plan for one in found.items} == {None, (SAFEGUARDING, "Safeguarding Plan")}


def seeds_plan(uow: UnitOfWork, slug: str) -> Any:
    from app.services import plans

    return plans.get_plan(uow, slug=slug)


def test_one_achievement_was_not_reviewed_by_anybody_else(demo: Loaded) -> None:
    def found(uow: UnitOfWork) -> list[str]:
        return list(uow.session.execute(select(Milestone.ref).where(Milestone.not_independent)).scalars())  # type: ignore[call-overload]

    assert demo.read(found) == ["M-37"]


def test_what_is_restricted_does_not_exist_for_others(demo: Loaded) -> None:
    nurse, police = demo.actor("lead@nhs.example"), demo.actor("analyst@police.example")

    assert demo.milestone("M-26", who=nurse).row.rag is Rag.RED
    assert demo.milestone("M-07", who=police).row.restricted
    with pytest.raises(NotFound):
        demo.milestone("M-26", who=police)
    with pytest.raises(NotFound):
        demo.milestone("M-07", who=nurse)


# --- the story --------------------------------------------------------------------------------------------------------


def test_the_story_can_be_told(own_demo: Loaded) -> None:
    """Refused without evidence; the police attach it with their key; achieved; withdrawn, and an exception at once."""
    manager = own_demo.actor("programme.manager@haringey.example")
    offered = own_demo.credentials.keys[0]
    partner = own_demo.read(identity.actor_from_bearer, token=offered.secret).actor
    milestone = MilestoneKey(id=offered.milestone_id)
    before = own_demo.milestone(offered.milestone_ref)
    assert (offered.milestone_ref, before.row.status, before.row.rag) == ("M-06", Status.COMPLETED, Rag.AMBER)

    with pytest.raises(Refused) as refused:
        own_demo.write(milestones.mark_achieved, who=manager, milestone=milestone)
    assert refused.value.codes == ("evidence_required",)
    sent = own_demo.write(
        evidence.attach_evidence, who=partner, milestone=milestone, title="Log", upload=upload(own_demo, "log.csv")
    )
    achieved = own_demo.write(milestones.mark_achieved, who=manager, milestone=milestone)
    assert (achieved.row.status, achieved.row.rag) == (Status.ACHIEVED, None)

    own_demo.write(evidence.withdraw_evidence, who=manager, evidence=sent.id, reason="Sent for another month")
    fallen = own_demo.milestone("M-06")
    assert (fallen.row.status, fallen.row.rag) == (Status.COMPLETED, Rag.AMBER)
    assert RuleCode.EVIDENCE_LAPSED in {reason.code for reason in fallen.row.reasons}


def test_waiting_evidence_can_be_reviewed_by_the_performance_manager(own_demo: Loaded) -> None:
    reviewer = own_demo.actor("performance.manager@haringey.example")
    waiting = own_demo.milestone("M-33")
    link = next(item for item in waiting.evidence if item.state == "waiting")

    own_demo.write(
        evidence.review_evidence,
        who=reviewer,
        evidence=link.id,
        outcome=ReviewOutcome.ACCEPTED,
        relevance=3,
        robustness=2,
        reason="Two months agree",
    )

    assert own_demo.milestone("M-33").row.evidence.state is EvidenceState.MET


# --- who gets in ------------------------------------------------------------------------------------------------------


def test_each_demo_person_gets_a_password_of_their_own(demo: Loaded) -> None:
    people = demo.credentials.people
    named = {
        *(f"{name}@haringey.example" for name in ("programme.manager", "senior.officer", "contributor", "observer")),
        *("auditor@haringey.example", "administrator@haringey.example", "analyst@police.example", "lead@nhs.example"),
    }

    def hashes(uow: UnitOfWork) -> dict[str, str]:
        statement = select(Person.email, Person.password_hash).where(Person.password_hash.is_not(None))  # type: ignore[call-overload, union-attr]
        return {row.email: row.password_hash for row in uow.session.execute(statement)}

    stored = demo.read(hashes)
    assert set(stored) == {person.email for person in people} == named
    assert len({person.password for person in people}) == len(people)
    for person in people:
        assert len(person.password) >= 12
        assert passwords.verify_password(person.password, stored[person.email]).right


def test_credentials_are_for_their_owner_alone_and_say_all_it_takes(demo: Loaded, tmp_path: Path) -> None:
    text = seeds.credentials_text(demo.credentials, origin="http://127.0.0.1:8000")
    path = tmp_path / "var" / "demo-credentials.txt"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)

    seeds.keep_credentials(path, text)

    assert path.read_text("utf-8") == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = demo.credentials.keys[0]
    assert f"http://127.0.0.1:8000/api/v1/milestones/{key.milestone_id}/evidence" in text
    assert f"Authorization: Bearer {key.secret}" in text
    for person in demo.credentials.people:
        assert person.email in text
        assert person.password in text


def test_no_secret_is_in_the_files() -> None:
    for name, content in files_of(FOLDER).items():
        assert b"$argon2" not in content, name
        assert b"wmk_" not in content, name


# --- what the files say -----------------------------------------------------------------------------------------------


def test_nobody_is_named() -> None:
    assert len(SURNAMES) >= 15
    for name, content in {**files_of(FOLDER), "README.md": (FOLDER / "README.md").read_bytes()}.items():
        words = set(re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", content.decode("utf-8", "replace").lower()))
        named = {word for word in words if hashlib.sha256(word.encode()).hexdigest() in SURNAMES}
        assert not named, f"{name} names {named}"


def test_every_address_is_an_example() -> None:
    for name, content in files_of(FOLDER).items():
        if not name.endswith((".pdf", ".docx")):
            for found in re.findall(rb"[\w.]+@([\w.]+)|https?://([^/\"\s]+)", content):
                assert b"".join(found).endswith(b".example"), name


def test_what_is_a_fact_and_what_is_invented_is_marked() -> None:
    sources = {"stated", "implied", "illustrative"}
    for plan in read_demo(FOLDER).plans:
        parts = [*plan["themes"], *plan["actions"], *plan["milestones"]]
        assert {part["source"] for part in parts} <= sources
        invented = plan["facts"]["slug"] in (DRAFT, CLOSED)
        assert invented or {"stated", "implied"} & {part["source"] for part in parts}


def test_no_work_falls_on_a_weekend() -> None:
    """Days count from a Thursday: 2 and 3 more are Saturday and Sunday."""
    for plan in read_demo(FOLDER).plans:
        found = [*plan["meetings"], *plan["history"]]
        worked = [one["day"] for one in found] + [
            one[name] for one in plan["milestones"] for name in ("start_day", "due_day") if name in one
        ]
        assert [day for day in worked if day % 7 in (2, 3)] == []


def test_an_export_without_a_demo_counts_from_the_thursday_before(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    result = seeds.export_seeds(database, open_storage(f"file://{tmp_path}/none"), folder=tmp_path / "out", now=NOW)
    database.dispose()

    assert result == seeds_export.Exported({}, [], [], [], {}, {})
    assert json.loads((tmp_path / "out" / "people.json").read_text()) == []
