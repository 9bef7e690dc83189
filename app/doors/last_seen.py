"""When sessions, tokens and keys were last used: noted in memory by whoever reads, written together a little later.

A GET must not wait for the writer, and losing a note at a crash costs nothing but a few minutes of idle time.
"""

import logging
import threading
from datetime import datetime

from app.db import Database
from app.domain.actors import system_actor
from app.domain.refusals import Unavailable
from app.services.identity import record_last_use

FLUSH_SECONDS = 5
logger = logging.getLogger("waymark.last_seen")


class LastSeen:
    """The notes that have not been written yet."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()

    def note(self, credential: str, credential_id: str, now: datetime) -> None:
        """Note that a credential (session, token, key) was used now."""
        with self._lock:
            self._notes[credential, credential_id] = now

    def flush(self, database: Database) -> int:
        """Write every note, in one transaction, and return how many. A database that is busy gets them next time."""
        with self._lock:
            notes, self._notes = self._notes, {}
        if not notes:
            return 0
        try:
            database.write(lambda uow: record_last_use(uow, uses=notes), actor=system_actor(), now=max(notes.values()))
        except Unavailable as error:
            logger.warning("last uses not written yet: %s", error)
            with self._lock:
                self._notes = {**notes, **self._notes}
            return 0
        return len(notes)

    @property
    def waiting(self) -> bool:
        return bool(self._notes)
