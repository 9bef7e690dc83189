"""The chain: altered, dropped, reordered, cut off, each is found; a redaction is not a fault."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.audit import GENESIS, EventRecord, TextPointer, event_hash, text_faults, text_hash, verify_chain

Entry = tuple[EventRecord, str, str]


def chain_of(length: int) -> list[Entry]:
    entries: list[Entry] = []
    last = GENESIS
    for seq in range(1, length + 1):
        record = EventRecord(
            "plan", seq, datetime(2026, 3, seq, tzinfo=UTC), "person", "p", "Programme Manager", "Council", "page",
            "progress_updated", "milestone", "m", "M-01", "m", "{}", "[]",
        )  # fmt: skip
        this = event_hash(record, last)
        entries.append((record, last, this))
        last = this
    return entries


def faults(entries: list[Entry], *, head: tuple[int, str] | None, anchors: dict[int, str] | None = None) -> list[str]:
    return [fault.problem for fault in verify_chain("plan", entries, head=head, anchors=anchors or {})]


def head_of(entries: list[Entry]) -> tuple[int, str]:
    return len(entries), entries[-1][2]


def test_an_untouched_chain_holds() -> None:
    entries = chain_of(4)
    assert faults(entries, head=head_of(entries), anchors={2: entries[1][2]}) == []
    assert faults([], head=None) == []


@pytest.mark.parametrize("field", ["actor_title", "event", "facts", "item_id", "milestone_id", "texts", "door"])
def test_whatever_is_altered_is_found(field: str) -> None:
    entries = chain_of(3)
    record, before, this = entries[1]
    altered = [entries[0], (replace(record, **{field: "changed"}), before, this), entries[2]]  # type: ignore[arg-type]
    assert faults(altered, head=head_of(entries)) == ["was altered: what it says no longer matches its hash"]


def test_an_event_rewritten_with_a_fresh_hash_breaks_the_next() -> None:
    entries = chain_of(3)
    record = replace(entries[1][0], facts='{"status":"achieved"}')
    rewritten = [entries[0], (record, entries[1][1], event_hash(record, entries[1][1])), entries[2]]
    assert faults(rewritten, head=head_of(entries)) == ["does not continue from the event before it"]


def test_a_dropped_event_is_missed() -> None:
    entries = chain_of(4)
    assert "event 2 is missing" in faults([entries[0], *entries[2:]], head=head_of(entries))[0]


def test_reordered_events_are_found() -> None:
    entries = chain_of(3)
    assert faults([entries[0], entries[2], entries[1]], head=head_of(entries)) != []


def test_a_cut_off_end_is_found_by_the_head_and_without_it_by_an_anchor() -> None:
    entries = chain_of(4)
    assert faults(entries[:2], head=head_of(entries)) == ["the chain should end at event 4, and does not"]
    cut = entries[:2]
    assert "the end was cut off" in faults(cut, head=head_of(cut), anchors={4: entries[3][2]})[0]
    assert faults(cut, head=None) == ["the chain has lost the record of where it ends"]


def test_a_whole_chain_rewritten_differs_from_what_was_recorded_outside() -> None:
    entries, other = chain_of(2), chain_of(1)
    assert faults(entries, head=head_of(entries), anchors={1: "f" * 64}) == [
        "differs from the hash recorded outside the database"
    ]
    assert faults(other, head=head_of(other)) == []


def test_texts_are_held_to_their_hash_and_a_redaction_is_no_fault() -> None:
    pointer = TextPointer("reason", "t1", text_hash("salt", "what was said"))
    said = [
        (1, pointer, ("salt", "what was said")),
        (2, pointer, (None, None)),
        (3, pointer, ("salt", "something else")),
        (4, pointer, None),
        (5, pointer, (None, "what was said")),
    ]
    found = [(fault.seq, fault.problem) for fault in text_faults("plan", said)]
    assert found == [
        (3, "the text of its reason was altered"),
        (4, "the text of its reason is gone"),
        (5, "the text of its reason was altered"),
    ]
