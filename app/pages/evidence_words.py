"""What pages and files say of an evidence item: its state, its newer version, what its sender declares."""

from app.domain.evidence import EvidenceView
from app.domain.words import Door
from app.pages.wording import PERSONAL_DATA_WORDS, listing

STATE_WORDS = {
    "withdrawn": "Withdrawn",
    "quarantined": "In quarantine",
    "pending_scan": "Waiting to be scanned",
    "superseded": "Superseded",
    "expired": "No longer valid",
    "accepted": "Accepted",
    "rejected": "Rejected",
    "returned": "Returned",
    "waiting": "Waiting for review",
}
"""An item's one word (`app.domain.evidence.state_words`), as it is printed."""

_DOORS = {Door.PAGE: "on a page", Door.API: "through the API", Door.CLI: "at the command line", Door.JOB: "by a job"}


def door_words(item: EvidenceView) -> str:
    """Through which door it came, and whether a key brought it."""
    return "by key, through the API" if item.by_key else _DOORS[item.door]


def personal_data_words(item: EvidenceView) -> str:
    """What its sender declared."""
    return listing(PERSONAL_DATA_WORDS[one] for one in item.personal_data) or "Not declared"


def newer_words(item: EvidenceView) -> str:
    """What follows from an item's newer version, where there is one."""
    newer = item.newer
    if newer is None:
        return ""
    if newer.state == "accepted":
        return "It has been accepted: this one counts no more."
    if newer.state in ("waiting", "pending_scan"):
        waits = "is scanned and" if newer.state == "pending_scan" else "has been"
        return f"It waits for review. This one stays in force until the newer one {waits} accepted."
    return f"It was not accepted ({STATE_WORDS[newer.state].lower()}), so this one stays in force."
