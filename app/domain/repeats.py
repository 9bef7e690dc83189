"""The same thing sent twice by one press of a button too many: kept once, and the second is answered with the first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SENT_AGAIN_WITHIN = timedelta(minutes=10)
"""For how long what is sent again is taken for the same.

A double click comes within a second, a form that a browser sends again after a broken connection or a reload within
minutes. Whoever writes the same words a fortnight later says so anew: that is an update of its own, and the honesty
check for repeated words shows it. Ten minutes lie far from both; no review cycle is shorter than a day.
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sent: who, when, and every value of it."""

    by: str
    at: datetime
    values: Mapping[str, Any]


def is_sent_again(first: Sent, second: Sent, *, anything_since: bool) -> bool:
    """Whether the second is the first once more: by the same person, word for word, soon after, and nothing happened to
    the milestone in between (after that it would be news).
    """
    if anything_since or first.by != second.by:
        return False
    return first.values == second.values and second.at - first.at <= SENT_AGAIN_WITHIN
