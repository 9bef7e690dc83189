"""Evidence log exports: how long one is kept, what it leaves out and why, and what its files are called."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.actors import Actor
from app.domain.evidence import EvidenceView
from app.domain.files import safe_file_name
from app.domain.refusals import Reason
from app.domain.submissions import MISDIRECTED_TITLE
from app.domain.words import EvidenceForm, ExportState, ScanState

KEPT = timedelta(days=7)
"""How long a finished export can be downloaded."""

KEPT_AT_ONCE = 3
"""So many finished exports of one plan a person has: the oldest goes when another is ready."""

LEASE = timedelta(minutes=2)
"""Whoever builds an export says at least this often that it is still at it; otherwise another process takes over."""

MOST_ATTEMPTS = 3
MAX_BYTES = 50_000_000_000

INDEX_CSV, INDEX_PAGE, MANIFEST, FILES = "index.csv", "index.html", "manifest-sha256.txt", "files"

_NAME_LENGTH = 80
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*]')


class LeftOut(StrEnum):
    """Why the file of an item that the person may know of is not in their export."""

    QUARANTINED = "quarantined"
    PENDING_SCAN = "pending_scan"
    MISDIRECTED = "misdirected"
    DISPOSED = "disposed"
    WITHDRAWN = "withdrawn"
    NOT_THEIRS = "not_theirs"
    MISSING = "missing"
    ALTERED = "altered"


LEFT_OUT_WORDS = {
    LeftOut.QUARANTINED: "in quarantine: a virus was found in it",
    LeftOut.PENDING_SCAN: "waiting to be scanned for viruses",
    LeftOut.MISDIRECTED: "misdirected: open to who triaged it and to senior officers alone",
    LeftOut.DISPOSED: "disposed of",
    LeftOut.WITHDRAWN: "withdrawn",
    LeftOut.NOT_THEIRS: "not for whoever asked: open to the organisation that sent it and to those it is shared with",
    LeftOut.MISSING: "missing from the store: tell whoever looks after Waymark",
    LeftOut.ALTERED: "altered in the store, so that it is not what was sent: tell whoever looks after Waymark",
}


def why_left_out(item: EvidenceView, *, in_store: bool) -> LeftOut | None:
    """Why an item's file stays out, judged before it is read; None where it goes in. Only for items with a file."""
    if item.title == MISDIRECTED_TITLE and not item.may_open:
        return LeftOut.MISDIRECTED
    if not in_store:
        return LeftOut.DISPOSED
    if item.withdrawn_at is not None:
        return LeftOut.WITHDRAWN
    if item.scan is ScanState.INFECTED:
        return LeftOut.QUARANTINED
    if item.scan is ScanState.PENDING:
        return LeftOut.PENDING_SCAN
    return None if item.may_open else LeftOut.NOT_THEIRS


def has_file(item: EvidenceView) -> bool:
    """Whether a file was sent, be it still there or not."""
    return item.form is EvidenceForm.FILE


def name_in_export(item: EvidenceView) -> str:
    """What an item's file is called inside: its reference, the end of its id, the sender's name.

    Safe on Windows and macOS too, and never the name of another: `files/E-7-k3f9qz-rota.pdf`.
    """
    plain = _NOT_ON_WINDOWS.sub("_", safe_file_name(item.file_name or ""))
    stem, dot, extension = plain.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = plain, ""
    ending = f".{extension}" if extension else ""
    return f"{FILES}/{item.ref}-{item.id[-6:]}-{stem[:_NAME_LENGTH].strip(' .') or 'file'}{ending}"


def archive_name(slug: str, moment: datetime) -> str:
    """What the export itself is saved as."""
    return f"{slug}-evidence-log-{moment.date().isoformat()}.zip"


def rights_mark(actor: Actor, plan_id: str) -> str:
    """Stands for everything that decides what a person may read of a plan: an export made with other rights than
    theirs now is not handed out.
    """
    roles = sorted(actor.roles_in(plan_id))
    said = repr((actor.id, actor.organisation_id, roles, plan_id in actor.led_plans))
    return hashlib.sha256(said.encode()).hexdigest()


def unmet_download(state: ExportState, *, same_rights: bool) -> list[Reason]:
    """What keeps an export from being downloaded."""
    found = {
        ExportState.WAITING: Reason("export_not_ready", "The export is waiting to be made. Try again in a minute"),
        ExportState.RUNNING: Reason("export_not_ready", "The export is being made. Try again in a minute"),
        ExportState.FAILED: Reason("export_failed", "The export could not be made. Ask for another"),
        ExportState.EXPIRED: Reason("export_expired", "The export was deleted after 7 days. Ask for another"),
    }.get(state)
    if found is not None:
        return [found]
    if same_rights:
        return []
    return [Reason("rights_changed", "Your part in this plan has changed since the export was made. Ask for another")]


@dataclass(slots=True)
class Tally:
    """What went into an export: items, files, and files left out by why."""

    items: int = 0
    files: int = 0
    left_out: dict[LeftOut, int] = field(default_factory=dict)

    def leave_out(self, why: LeftOut) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


def tally_sentences(files: int, left_out: Mapping[LeftOut, int]) -> list[str]:
    """What an export says of itself: how many files it holds, and how many it leaves out, and why."""
    missed = sum(left_out.values())
    said = [f"It holds {_files(files)}.", f"It leaves out {_files(missed)}." if missed else "It leaves out no file."]
    return said + [f"{left_out[why]} {LEFT_OUT_WORDS[why]}" for why in LeftOut if left_out.get(why)]


def _files(count: int) -> str:
    return f"{count:,} file" if count == 1 else f"{count:,} files"


def tally_as_stored(left_out: Mapping[LeftOut, int]) -> str:
    """Why files were left out, as one column holds it: `quarantined=1 withdrawn=2`."""
    return " ".join(f"{why}={left_out[why]}" for why in LeftOut if left_out.get(why))


def tally_from_stored(stored: str) -> dict[LeftOut, int]:
    """What `tally_as_stored` made."""
    return {LeftOut(why): int(count) for why, _, count in (one.partition("=") for one in stored.split())}


@dataclass(frozen=True, slots=True)
class EvidenceExport:
    """One export, for whoever asked for it. `items_done` of `items_total` tells how far it is; `problem` why it failed.

    `files` and `left_out` are there once it is ready, as `size`, `sha256` and `expires_at` are.
    """

    id: str
    plan_slug: str
    plan_title: str
    state: ExportState
    asked_at: datetime
    items_done: int
    items_total: int
    files: int
    left_out: Mapping[LeftOut, int]
    size: int | None
    sha256: str | None
    finished_at: datetime | None
    expires_at: datetime | None
    problem: str

    @property
    def is_going_on(self) -> bool:
        return self.state in (ExportState.WAITING, ExportState.RUNNING)

    @property
    def sentences(self) -> Sequence[str]:
        """What it says of itself once it is ready."""
        return tally_sentences(self.files, self.left_out)
