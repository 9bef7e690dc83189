"""What people typed, made fit to be kept and shown: without what turns the reading direction, and never invisible."""

import re
import unicodedata

# Marks, embeddings, overrides and isolates (Unicode, "Bidirectional Control"). Letters that are read from the right
# carry their direction themselves and need none of these; with them a title could make the words beside it read
# backwards.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# Letters and symbols that are drawn as nothing: the fillers of Hangul, and Braille's empty cell.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_SEEN = ("L", "N", "P", "S")


def tidy(text: str | None) -> str:
    """The text without direction marks and without blanks around it; nothing where it holds nothing visible."""
    kept = _DIRECTION.sub("", text or "").strip()
    return kept if any(map(_is_seen, kept)) else ""


def _is_seen(character: str) -> bool:
    """Whether it is drawn by itself: a letter, figure, sign or symbol, not a space, a mark or a control."""
    return unicodedata.category(character)[0] in _SEEN and character not in _BLANK
