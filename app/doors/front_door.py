"""The front-door contact, as every page and receipt prints it: kept in memory, read again every minute."""

from datetime import UTC, datetime

from app.db import Database
from app.domain.refusals import WaymarkError
from app.services.identity import NOBODY
from app.services.keys import front_door

REFRESH_SECONDS = 60


class FrontDoor:
    """Whom to tell about a child or an adult at risk; `contact` is empty while nobody has set it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.contact = ""
        self.refresh()

    def refresh(self) -> None:
        """Read it again. A database that cannot be read just now leaves it as it was."""
        try:
            self.contact = self._database.read(front_door, actor=NOBODY, now=datetime.now(UTC))
        except WaymarkError:
            return
