"""What stands beside an item's title wherever it is named: its marking, and that not everybody may know of it."""

from typing import Any

from app.domain.words import Marking

RESTRICTED = "Restricted"
MARKING_WORDS = {Marking.OFFICIAL: "Official", Marking.OFFICIAL_SENSITIVE: "Official-Sensitive"}


def marks(*, marking: Marking | None = None, restricted: bool = False) -> tuple[str, ...]:
    """The words, none for what is merely official and known to everybody on the plan."""
    sensitive = (MARKING_WORDS[marking],) if marking is Marking.OFFICIAL_SENSITIVE else ()
    return (*sensitive, RESTRICTED) if restricted else sensitive


def marks_of(item: Any) -> tuple[str, ...]:
    """The same for a milestone: a view, an entity or a row that has both."""
    return marks(marking=item.marking, restricted=item.restricted)
