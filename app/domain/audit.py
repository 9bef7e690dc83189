"""The hash chain of the audit trail (rule 6): what is hashed, and how a chain is proved.

Typed text is not copied into the chain: an event holds the field, a salted SHA-256 and a pointer to the text's
own row, so that a redaction blanks that row alone and the chain still verifies.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
NO_PLAN = "-"  # the chain of events without a plan


@dataclass(frozen=True, slots=True)
class TextPointer:
    """One typed text of an event: which field, where the text is kept, and what it hashed to when written."""

    field: str
    text_id: str
    sha256: str

    def as_list(self) -> list[str]:
        return [self.field, self.text_id, self.sha256]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An audit event as it is hashed."""

    chain: str
    seq: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_title: str
    actor_organisation: str
    door: str
    event: str
    item_kind: str
    item_id: str
    item_ref: str
    milestone_id: str | None
    facts: str  # canonical JSON
    texts: str  # canonical JSON, a list of [field, text id, sha256]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a chain does not hold, and how."""

    chain: str
    seq: int
    problem: str


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes beyond the necessary."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def text_hash(salt: str, body: str) -> str:
    """Salted SHA-256 of a stored text, as hex. The salt lives and dies with the text."""
    return hashlib.sha256(f"{salt}\n{body}".encode()).hexdigest()


def event_hash(record: EventRecord, previous_hash: str) -> str:
    """The hash of one event, over everything it says and the hash before it."""
    moment = record.at.astimezone(UTC).isoformat(timespec="microseconds")
    said = [
        previous_hash,
        record.chain,
        record.seq,
        moment,
        record.actor_kind,
        record.actor_id,
        record.actor_title,
        record.actor_organisation,
        record.door,
        record.event,
        record.item_kind,
        record.item_id,
        record.item_ref,
        record.milestone_id,
        record.facts,
        record.texts,
    ]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def verify_chain(
    chain: str,
    events: Iterable[tuple[EventRecord, str, str]],
    *,
    head: tuple[int, str] | None,
    anchors: Mapping[int, str],
) -> Iterator[Fault]:
    """Yield a Fault for everything wrong with one chain.

    `events` are (record, previous_hash, hash) in order of seq; `head` is the stored end of the chain and
    `anchors` hashes recorded elsewhere by seq (published reports, exports, backups, the daily log line).
    """
    expected, last_hash = 1, GENESIS
    unseen = dict(anchors)
    for record, previous_hash, stored_hash in events:
        if record.seq != expected:
            yield Fault(chain, expected, f"event {expected} is missing: the next one kept is {record.seq}")
            expected = record.seq
        elif previous_hash != last_hash:
            yield Fault(chain, record.seq, "does not continue from the event before it")
        if event_hash(record, previous_hash) != stored_hash:
            yield Fault(chain, record.seq, "was altered: what it says no longer matches its hash")
        anchored = unseen.pop(record.seq, None)
        if anchored is not None and anchored != stored_hash:
            yield Fault(chain, record.seq, "differs from the hash recorded outside the database")
        expected, last_hash = expected + 1, stored_hash
    if head is None and expected > 1:
        yield Fault(chain, expected - 1, "the chain has lost the record of where it ends")
    if head is not None and head != (expected - 1, last_hash):
        yield Fault(chain, expected - 1, f"the chain should end at event {head[0]}, and does not")
    for seq in sorted(unseen):
        yield Fault(chain, seq, "was recorded outside the database and is no longer here: the end was cut off")


def text_faults(
    chain: str, pointers: Iterable[tuple[int, TextPointer, tuple[str | None, str | None] | None]]
) -> Iterator[Fault]:
    """Yield a Fault for every typed text that is gone or differs. Each item: seq, pointer, (salt, body) as stored.

    A redacted text (both blank) is no fault.
    """
    for seq, pointer, stored in pointers:
        if stored is None:
            yield Fault(chain, seq, f"the text of its {pointer.field} is gone")
        elif stored == (None, None):
            continue
        elif stored[0] is None or stored[1] is None or text_hash(stored[0], stored[1]) != pointer.sha256:
            yield Fault(chain, seq, f"the text of its {pointer.field} was altered")


HEAD_EVENT = "audit_head"
"""The event of a log line that says where a chain ended."""


def head_line(chain: str, seq: int, chain_hash: str, at: datetime) -> str:
    """Where a chain ends at a moment, as one line to be kept where nobody who can write the database can write."""
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    return canonical({"event": HEAD_EVENT, "chain": chain, "seq": seq, "hash": chain_hash, "at": moment})


def recorded_heads(lines: Iterable[str]) -> tuple[dict[str, dict[int, str]], list[Fault]]:
    """What `head_line`s say, by chain and seq, and a Fault wherever two of them disagree.

    The lines of a server's log may stand between them. Raises ValueError for one that was cut off or altered.
    """
    found: dict[str, dict[int, str]] = {}
    faults = []
    for line in lines:
        if f'"{HEAD_EVENT}"' not in line:
            continue
        said = _head_in(line)
        if said is None:
            continue
        chain, seq, chain_hash = said
        if found.setdefault(chain, {}).setdefault(seq, chain_hash) != chain_hash:
            faults.append(Fault(chain, seq, "was recorded outside the database with two different hashes"))
    return found, faults


def _head_in(line: str) -> tuple[str, int, str] | None:
    said = json.loads(line)
    if not isinstance(said, dict) or said.get("event") != HEAD_EVENT:
        return None
    chain, seq, chain_hash = said.get("chain"), said.get("seq"), said.get("hash")
    if not (isinstance(chain, str) and isinstance(seq, int) and isinstance(chain_hash, str)):
        raise ValueError("a line about a chain's head lacks its chain, seq or hash")
    return chain, seq, chain_hash
