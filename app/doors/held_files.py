"""A file that was received and waits for its sender's answer: kept in the store, with no row, for a few hours.

The page that asks carries a signed note of it, so that whoever sent the bytes need not send them again, and nobody
else can attach them. A file that is never answered for is swept like any other that has no row.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from app.domain.personal_data import Search, lines, search_from_text
from app.domain.refusals import invalid
from app.services.personal_data import unit_of
from app.settings import Settings
from app.storage import IncomingFile, Storage, Stored, name_of

HELD = timedelta(hours=12)
"""Less than the day after which a file without a row is swept."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file in the store without a row: takes the place of one that has just come in."""

    file_name: str
    content_type: str
    sha256: str
    size: int
    search: Search | None
    note: str
    storage: Storage

    @property
    def found(self) -> list[str]:
        """What was found in it, in words."""
        return lines(self.search, unit_of(self.file_name)) if self.search else []

    def keep(self) -> Stored:
        """It is kept already; raises Invalid when it was swept."""
        name = name_of(self.sha256)
        if not self.storage.exists(name):
            raise invalid("file", "gone", "The file was not kept any longer. Choose it again")
        return Stored(self.sha256, self.size, name)


ReceivedFile = IncomingFile | HeldFile


def hold(file: ReceivedFile, *, settings: Settings, storage: Storage, who: str, place: str, now: datetime) -> HeldFile:
    """Keep a file for who sent it to a place (an address), and sign a note of it. Raises Unavailable."""
    if isinstance(file, HeldFile):
        return file
    file.keep()
    held = HeldFile(file.file_name, file.content_type, file.sha256, file.size, file.search, "", storage)
    until = int((now + HELD).timestamp())
    search = held.search.as_text() if held.search else None
    said = json.dumps([who, place, until, held.file_name, held.content_type, held.sha256, held.size, search]).encode()
    note = urlsafe_b64encode(said).decode() + "." + _signature(settings, said)
    return replace(held, note=note)


def held_file(
    note: str, *, settings: Settings, storage: Storage, who: str, place: str, now: datetime
) -> HeldFile | None:
    """The file that a note speaks of; None when it is not ours, not theirs, or too old."""
    encoded, _, signature = note.partition(".")
    try:
        said = urlsafe_b64decode(encoded.encode())
    except ValueError:
        return None
    if not said or not hmac.compare_digest(signature.encode(), _signature(settings, said).encode()):
        return None
    theirs, there, until, file_name, content_type, digest, size, search = json.loads(said)
    if (theirs, there) != (who, place) or now.timestamp() > until:
        return None
    return HeldFile(file_name, content_type, digest, size, search_from_text(search), note, storage)


def _signature(settings: Settings, said: bytes) -> str:
    key = b"held-file:" + settings.secret_key.get_secret_value().encode()
    return hmac.new(key, said, sha256).hexdigest()
