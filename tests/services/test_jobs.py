"""What Waymark does without anybody asking."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.event import listen

from app.db import Database, IdempotencySlot, StoredAnswer, UnitOfWork
from app.domain.actors import system_actor
from app.domain.evidence import Upload
from app.domain.milestones import MilestoneView
from app.domain.refusals import Unavailable
from app.domain.words import Status
from app.models import (
    AuditEvent,
    IdempotencyRecord,
    Invitation,
    Milestone,
    MilestoneEvent,
    OutboxMessage,
    UserSession,
)
from app.services import audit_events, evidence, identity, jobs, milestones, people
from app.storage import Storage, incoming_from_bytes, open_storage
from tests.factories import COUNCIL, MORNING, World, key

LIMITS = identity.Limits(idle=timedelta(hours=1), absolute=timedelta(hours=12))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(f"file://{tmp_path}/evidence")


def run(world: World, storage: Storage) -> jobs.Done:
    return jobs.run_due(world.database, storage, world.clock())


def achieved_until(world: World, days: int, **facts: Any) -> MilestoneView:
    """An achieved milestone whose only evidence ends that many days from today."""
    view = world.completed(**facts)
    world.attached(view, effective_to=world.clock.today + timedelta(days=days))
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    return world.seen(view)


def count(world: World, model: Any, *where: Any) -> int:
    statement = select(func.count()).select_from(model).where(*where)
    found: int = world.read("max", lambda uow: uow.session.execute(statement).scalar_one())
    return found


def events(world: World, name: str) -> list[AuditEvent]:
    statement = select(AuditEvent).where(AuditEvent.event == name)  # type: ignore[arg-type]
    return world.read("max", lambda uow: list(uow.session.execute(statement).scalars()))


# --- evidence that ended ----------------------------------------------------------------------------------------------


def test_a_milestone_whose_evidence_has_ended_falls_back(world: World, storage: Storage) -> None:
    view = achieved_until(world, 10)
    ends = world.clock.today + timedelta(days=10)
    world.clock.forward(days=13)

    done = run(world, storage)

    stored = world.read("max", lambda uow: uow.session.get(Milestone, view.row.id))
    assert done.fell_back == 1
    assert stored is not None
    assert (stored.status, stored.achieved_on) == (Status.COMPLETED, None)
    assert stored.lapsed_on == ends + timedelta(days=1), "counted from its day, not from the day the job ran"
    (event,) = events(world, "milestone_fell_back")
    assert (event.door, event.actor_kind, event.milestone_id) == ("job", "system", view.row.id)


def test_what_pages_say_is_the_same_before_and_after_the_job(world: World, storage: Storage) -> None:
    view = achieved_until(world, 10)
    world.clock.forward(days=13)

    before = world.seen(view).row
    run(world, storage)
    after = world.seen(view).row

    assert (before.status, before.rag, before.days) == (after.status, after.rag, after.days)


def test_on_its_last_day_evidence_still_counts(world: World, storage: Storage) -> None:
    view = achieved_until(world, 10)
    world.clock.forward(days=10)
    assert run(world, storage).fell_back == 0
    assert world.seen(view).row.status is Status.ACHIEVED

    world.clock.forward(days=1)
    assert run(world, storage).fell_back == 1


def test_evidence_that_does_not_end_keeps_its_milestone(world: World, storage: Storage) -> None:
    world.achieved()
    world.clock.forward(days=800)
    assert run(world, storage).fell_back == 0


def test_a_second_run_finds_nothing_left_to_do(world: World, storage: Storage) -> None:
    achieved_until(world, 1)
    world.clock.forward(days=5)

    assert run(world, storage).fell_back == 1
    assert run(world, storage).fell_back == 0
    assert count(world, MilestoneEvent, MilestoneEvent.kind == "fell_back") == 1


def test_two_runs_at_once_lower_each_milestone_once(world: World, storage: Storage) -> None:
    for _ in range(6):
        achieved_until(world, 1)
    world.clock.forward(days=5)
    done: list[jobs.Done] = []
    threads = [threading.Thread(target=lambda: done.append(run(world, storage))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(one.fell_back for one in done) == 6
    assert len(done) == 3
    assert count(world, MilestoneEvent, MilestoneEvent.kind == "fell_back") == 6
    proved = world.read("max", lambda uow: list(audit_events.verify(uow)))
    assert [faults for _, _, faults in proved] == [[], []]


def test_expired_milestones_are_found_by_an_index(sqlite_url: str) -> None:
    database, sent = Database(sqlite_url), []
    listen(database.reader, "before_cursor_execute", lambda *said: sent.append(said[2:4]))

    jobs.fall_back_expired(database, MORNING)

    (statement, parameters) = sent[-1]
    with database.reader.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    database.dispose()
    assert [row.detail for row in plan if "milestones" in row.detail] == [
        "SEARCH milestones USING INDEX ix_milestones_evidence_ending (policy_met_until>? AND policy_met_until<?)"
    ]


# --- files ------------------------------------------------------------------------------------------------------------


def put(storage: Storage, folder: Path, content: bytes, *, days_ago: float, now: datetime) -> str:
    """A file in the store that was put there some days before `now`. Returns its name."""
    stored = incoming_from_bytes(storage, file_name="a.txt", content_type="text/plain", content=content).keep()
    moment = (now - timedelta(days=days_ago)).timestamp()
    os.utime(folder / "evidence" / stored.name, (moment, moment))
    return stored.name


def test_a_file_without_a_row_goes_after_a_day_and_one_with_a_row_stays(
    world: World, storage: Storage, tmp_path: Path
) -> None:
    now = world.clock()
    orphan = put(storage, tmp_path, b"nobody's", days_ago=2, now=now)
    young = put(storage, tmp_path, b"its row is on the way", days_ago=0.5, now=now)
    kept, withdrawn = (put(storage, tmp_path, content, days_ago=2, now=now) for content in (b"kept", b"withdrawn"))
    view = world.completed()
    for name in (kept, withdrawn):
        given = Upload("a.txt", "text/plain", 4, name[-64:], name)
        item = world.write("connie", evidence.attach_evidence, milestone=key(view), title="File", upload=given)
    world.write("petra", evidence.withdraw_evidence, evidence=item.id, reason="The wrong file")

    done = run(world, storage)

    assert done.files_deleted == 1
    assert {name: storage.exists(name) for name in (orphan, young, kept, withdrawn)} == {
        orphan: False,
        young: True,
        kept: True,
        withdrawn: True,
    }


def test_what_a_broken_upload_left_goes(world: World, storage: Storage, tmp_path: Path) -> None:
    upload = storage.begin()
    upload.write(b"half of it")
    upload._file.close()  # as when its process is killed
    (left,) = (tmp_path / "evidence" / "tmp").glob("*.part")
    moment = (world.clock() - timedelta(hours=3)).timestamp()
    os.utime(left, (moment, moment))

    assert run(world, storage).uploads_cleared == 1
    assert not left.exists()


class Away:
    """A store that cannot be reached."""

    def sweep_temporary(self, **_: Any) -> int:
        raise Unavailable("away")


def test_what_has_nothing_to_do_with_files_is_done_while_the_store_is_away(world: World) -> None:
    achieved_until(world, 1)
    world.clock.forward(days=5)
    away: Any = Away()

    done = jobs.run_due(world.database, away, world.clock())
    assert (done.fell_back, done.store_away) == (1, True)
    in_turn = jobs.run_in_turn(world.database, away, world.clock())
    assert (in_turn.store_away, len(in_turn.heads)) == (True, 2)


# --- records that are over --------------------------------------------------------------------------------------------


def remember(world: World, name: str) -> None:
    slot = IdempotencySlot(caller="someone", path="/api/v1/x", key=name, fingerprint="f" * 64)
    world.database.write_once(
        lambda _uow: None, lambda _: StoredAnswer(201, {}, b"{}"), slot, actor=system_actor(), now=world.clock()
    )


def test_answers_are_kept_for_a_day_and_no_longer(world: World, storage: Storage) -> None:
    remember(world, "first")
    world.clock.forward(hours=23)
    remember(world, "second")
    assert run(world, storage).records_deleted == 0

    world.clock.forward(hours=1)
    assert run(world, storage).records_deleted == 1
    assert count(world, IdempotencyRecord, IdempotencyRecord.key == "second") == 1


def test_sessions_go_a_day_after_they_are_over(world: World, storage: Storage) -> None:
    connie = world.people["connie"].id
    for _ in range(2):
        world.write("connie", identity.open_session, person_id=connie, limits=LIMITS)
    one = world.read("max", lambda uow: uow.session.execute(select(UserSession.id).limit(1)).scalar_one())  # type: ignore[call-overload]
    world.write("max", identity.close_sessions, person_id=connie, only=one)

    world.clock.forward(hours=25)  # the one that was ended is a day old; the other ran out 13 hours ago
    assert run(world, storage).records_deleted == 1
    assert count(world, UserSession) == 1
    world.clock.forward(hours=12)
    assert run(world, storage).records_deleted == 1
    assert count(world, UserSession) == 0


def test_a_session_that_works_stays(world: World, storage: Storage) -> None:
    long = identity.Limits(idle=timedelta(days=7), absolute=timedelta(days=7))
    world.write("connie", identity.open_session, person_id=world.people["connie"].id, limits=long)
    world.clock.forward(days=6)
    assert run(world, storage).records_deleted == 0
    assert count(world, UserSession) == 1


def test_invitations_go_a_month_after_they_are_over(world: World, storage: Storage) -> None:
    invite: Callable[[UnitOfWork], Any] = lambda uow: people.create_person(  # noqa: E731
        uow, email="new@haringey.example", post_title="New", organisation=COUNCIL
    )
    world.write("max", invite)
    world.clock.forward(days=32)
    assert run(world, storage).records_deleted == 0
    world.clock.forward(days=1)
    assert run(world, storage).records_deleted == 1
    assert count(world, Invitation) == 0


def test_many_records_go_in_several_short_transactions(
    world: World, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_BATCH", 2)
    for number in range(5):
        remember(world, str(number))
    world.clock.forward(days=2)
    told: list[tuple[str, int, int | None]] = []

    done = jobs.run_due(world.database, storage, world.clock(), progress=lambda *said: told.append(said))

    assert done.records_deleted == 5
    assert [so_far for what, so_far, _ in told if what == "Records that are over"] == [2, 4, 5]


def test_what_is_to_be_sent_is_never_lost(world: World, storage: Storage) -> None:
    def add(uow: UnitOfWork) -> None:
        for number, sent_at in enumerate((None, uow.now)):
            uow.session.execute(
                insert(OutboxMessage).values(
                    id=f"message-{number}", kind="mail", address="a@b.example", payload="{}", created_at=uow.now,
                    due_at=uow.now, sent_at=sent_at, attempts=number,
                )
            )  # fmt: skip

    world.write("max", add)
    world.clock.forward(days=400)

    assert run(world, storage).waiting_to_be_sent == 1
    assert count(world, OutboxMessage) == 2


# --- taking turns -----------------------------------------------------------------------------------------------------


def turn(world: World, storage: Storage) -> jobs.Done:
    return jobs.run_in_turn(world.database, storage, world.clock())


def test_of_several_servers_one_does_the_jobs(world: World, storage: Storage) -> None:
    achieved_until(world, 1)
    world.clock.forward(days=5)
    assert turn(world, storage).fell_back == 1

    achieved_until(world, 0)
    world.clock.forward(days=1)
    assert turn(world, storage).fell_back == 1
    another = achieved_until(world, 0)
    world.clock.forward(days=1)
    assert turn(world, storage).fell_back == 1
    assert turn(world, storage) == jobs.Done(), "another server has just done it"
    assert world.seen(another).row.status is Status.COMPLETED


def test_files_and_heads_have_their_turn_once_a_day(world: World, storage: Storage, tmp_path: Path) -> None:
    first = turn(world, storage)
    assert [chain for chain, _, _ in first.heads] == sorted([world.plan_id, *_other_chains(world)])

    orphan = put(storage, tmp_path, b"nobody's", days_ago=2, now=world.clock())
    world.clock.forward(hours=23)
    assert (turn(world, storage).heads, storage.exists(orphan)) == ((), True)
    world.clock.forward(hours=1)
    assert turn(world, storage).files_deleted == 1


def _other_chains(world: World) -> list[str]:
    heads = world.read("max", audit_events.heads)
    return [chain for chain, _, _ in heads if chain != world.plan_id]


def test_a_turn_taken_by_a_clock_that_was_wrong_holds_nobody_up(world: World, storage: Storage) -> None:
    now = world.clock()
    world.clock.forward(days=365)
    turn(world, storage)
    world.clock.now = now
    assert turn(world, storage).heads != ()


def test_two_servers_that_ask_at_once_do_not_both_take_the_first_turn(database: Database, storage: Storage) -> None:
    now, taken = datetime(2026, 3, 2, 9, tzinfo=UTC), []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        taken.append(jobs._take_turn(database, "jobs", now, every=jobs.EVERY))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False, False, False, True]
