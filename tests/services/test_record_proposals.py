"""Redaction, legal hold and disposal: two people, a reason each, and what is left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from app.domain.actors import system_actor
from app.domain.record_proposals import RecordKind, RecordState, Retention
from app.domain.refusals import Forbidden, Gone, Invalid, NotFound, Refused
from app.domain.words import Status
from app.models import Evidence, IdempotencyRecord, Text
from app.models.identity import table_of
from app.services import audit_events, evidence, milestones, record_proposals, updates
from app.services.record_proposals import note_due_disposals
from app.storage import LocalStorage, incoming_from_bytes
from tests.factories import World, key, upload

WORDS = "Jo Bloggs was seen on “Friday”"


def proposed(world: World, kind: RecordKind, *, by: str = "petra", **about: Any) -> Any:
    return world.write(by, record_proposals.propose, slug=world.plan, kind=kind, reason="It names a child", **about)


def decided(world: World, proposal: Any, *, by: str = "sam", approved: bool = True, **given: Any) -> Any:
    return world.write(
        by, record_proposals.decide, proposal=proposal.id, approved=approved, reason="Agreed", **given
    )  # fmt: skip


def codes(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, ...]:
    return refused.value.codes


def faults(world: World) -> list[Any]:
    return [
        fault
        for _, _, found in world.read(system_actor(), lambda uow: list(audit_events.verify(uow)))
        for fault in found
    ]


def narratives(world: World, view: Any) -> set[str | None]:
    found = world.read("connie", updates.list_updates, milestone=key(view))
    return {one.narrative for one in found[0]}


def text_of(world: World, body: str) -> str:
    with world.database.reader.connect() as connection:
        return str(connection.execute(select(Text.id).where(Text.body == body)).scalar_one())  # type: ignore[call-overload]


def test_a_text_is_redacted_by_two_people_and_the_chain_still_verifies(world: World) -> None:
    view = world.milestone(title="Rota")
    world.write("connie", updates.add_update, milestone=key(view), narrative=WORDS)
    world.write("connie", updates.add_update, milestone=key(view), narrative="All well")
    text = text_of(world, WORDS)
    with world.database.writer.begin() as connection:
        kept = {"caller": "person:1", "path": "POST /x", "fingerprint": "f", "created_at": world.clock(), "status": 201}
        for number, body in enumerate((WORDS, "Other words")):
            answer = f'{{"narrative": "{body}"}}'.encode()
            row = {"id": str(number), "key": str(number), "body": answer, **kept}
            connection.execute(table_of(IdempotencyRecord).insert().values(**row))

    for by in ("connie", "sam", "ada"):
        with pytest.raises(Forbidden):
            proposed(world, RecordKind.REDACTION, by=by, text=text)
    for by, about in (("zoe", {"text": text}), ("petra", {"text": "nothing"})):
        with pytest.raises(NotFound):
            proposed(world, RecordKind.REDACTION, by=by, **about)
    with pytest.raises(Invalid):
        proposed(world, RecordKind.REDACTION)
    with pytest.raises(Refused) as current:
        proposed(world, RecordKind.REDACTION, text=text_of(world, "Rota"))
    assert codes(current) == ("current_wording",)  # it is the milestone's title: changed first, redacted then

    proposal = proposed(world, RecordKind.REDACTION, text=text)
    assert (proposal.wording, proposal.item, proposal.field) == (WORDS, view.row.ref, "narrative")
    with pytest.raises(Refused) as again:
        proposed(world, RecordKind.REDACTION, text=text)
    assert codes(again) == ("already_proposed",)
    for by, refusal in (("petra", Forbidden), ("ada", Forbidden), ("zoe", NotFound)):
        with pytest.raises(refusal):
            decided(world, proposal, by=by)
    assert narratives(world, view) == {WORDS, "All well"}
    done = decided(world, proposal)
    assert (done.state, done.wording) == (RecordState.APPROVED, "[redacted]")
    with pytest.raises(Refused) as twice:
        decided(world, proposal)
    assert codes(twice) == ("already_decided",)
    assert narratives(world, view) == {"[redacted]", "All well"}
    lines = world.read("ada", audit_events.list_events, slug=world.plan, item=None, limit=50)[0]
    assert WORDS not in repr(lines)
    assert {"redaction_proposed", "redaction_approved"} <= {line.event for line in lines}
    assert faults(world) == []
    with world.database.reader.connect() as connection:
        blanked = connection.execute(select(Text.body, Text.salt).where(Text.id == text)).one()  # type: ignore[call-overload]
        answers = connection.execute(select(IdempotencyRecord.body)).scalars().all()  # type: ignore[call-overload]
    assert tuple(blanked) == (None, None)
    assert [bytes(body) for body in answers] == [b'{"narrative": "Other words"}']  # a replay would say it once more
    with pytest.raises(Refused) as redacted:
        proposed(world, RecordKind.REDACTION, text=text)
    assert codes(redacted) == ("already_redacted",)


def test_evidence_is_disposed_of_when_it_is_due_and_its_hash_and_the_fact_stay(world: World, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    stored = incoming_from_bytes(storage, file_name="rota.txt", content_type="text/plain", content=b"rota").keep()
    view = world.completed()
    item = world.attached(view, upload=upload())
    world.write("petra", milestones.mark_achieved, milestone=key(view))
    twin = world.attached(world.milestone(), upload=upload())
    assert (item.sha256, twin.sha256) == (stored.sha256, stored.sha256)
    with pytest.raises(Refused) as early:
        proposed(world, RecordKind.DISPOSAL, evidence=item.id)
    assert codes(early) == ("not_due",)
    about = {"evidence": item.id, "retention": Retention.WORKING}
    kept = world.write("petra", record_proposals.set_retention, **about).keeping
    assert kept is not None
    assert kept.retention is Retention.WORKING
    with pytest.raises(Forbidden):
        world.write("connie", record_proposals.set_retention, **about)

    assert note_due_disposals(world.database, world.clock()) == 0
    world.clock.forward(days=3 * 366)
    assert [note_due_disposals(world.database, world.clock()) for _ in range(2)] == [1, 0]
    (due,), _ = world.read("petra", record_proposals.list_proposals, slug=world.plan)
    assert (due.state, due.evidence_id, due.may_propose) == (RecordState.DUE, item.id, True)
    with pytest.raises(Refused) as unproposed:
        decided(world, due)
    assert codes(unproposed) == ("not_proposed",)
    proposal = proposed(world, RecordKind.DISPOSAL, evidence=item.id)
    assert proposal.id == due.id
    decided(world, proposed(world, RecordKind.HOLD, evidence=item.id))
    with pytest.raises(Refused) as held:
        decided(world, proposal, storage=storage)
    assert codes(held) == ("legal_hold",)
    decided(world, proposed(world, RecordKind.RELEASE, evidence=item.id))
    assert decided(world, proposal, approved=False).state is RecordState.DECLINED
    assert note_due_disposals(world.database, world.clock()) == 0  # not asked again at once

    assert world.seen(view).row.status is Status.ACHIEVED
    decided(world, proposed(world, RecordKind.DISPOSAL, evidence=item.id), storage=storage)
    assert world.seen(view).row.status is Status.COMPLETED
    gone = world.read("ada", evidence.get_evidence, evidence=item.id)
    assert (gone.sha256, gone.state, gone.may_download) == (stored.sha256, "withdrawn", False)
    assert gone.keeping is not None
    assert gone.keeping.disposed_at is not None
    with pytest.raises(Gone):
        world.write("petra", evidence.open_content, evidence=item.id)
    assert storage.exists(stored.name)  # another item has the same bytes
    world.clock.forward(days=5 * 366)
    last = decided(world, proposed(world, RecordKind.DISPOSAL, evidence=twin.id), storage=storage)
    assert last.state is RecordState.APPROVED
    assert not storage.exists(stored.name)
    assert faults(world) == []
    events = {
        line.event for line in world.read("ada", audit_events.list_events, slug=world.plan, item=None, limit=90)[0]
    }
    assert {"disposal_due", "disposal_proposed", "disposal_declined", "disposal_approved", "hold_approved"} <= events


def test_the_database_refuses_what_one_person_alone_decides_and_a_disposal_under_hold(world: World) -> None:
    item = world.attached(world.milestone())
    proposal = proposed(world, RecordKind.HOLD, evidence=item.id)
    petra = world.people["petra"].id
    alone = f"UPDATE record_proposals SET state = 'approved', decided_by = '{petra}', decided_at = proposed_at"
    for statement in (alone, "DELETE FROM record_proposals", "UPDATE evidence SET disposed_at = received_at"):
        with pytest.raises(DBAPIError), world.database.writer.begin() as connection:
            connection.exec_driver_sql(statement)
    decided(world, proposal)
    held = update(Evidence).values(
        withdrawn_at=world.clock(), withdrawn_by="X", disposed_at=world.clock() + timedelta(1)
    )
    with pytest.raises(DBAPIError), world.database.writer.begin() as connection:
        connection.execute(held)
