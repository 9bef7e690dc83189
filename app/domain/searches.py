"""Searching by words: what is a question, and where its words stand in a text. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

LEAST, LONGEST = 3, 100
"""Characters that a question has at least, spaces left out, and at most."""

SHOWN = 20
"""How many of each kind are shown."""

READ = 10_000
"""How many of a plan's latest updates, and of its latest evidence, are looked through."""

_AROUND = 90


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `text` is what the words stand in, for a milestone or evidence its title.

    `ref` is the evidence's own reference, or the milestone's, whose address is `/plans/{plan_slug}/milestones/
    {milestone_ref}`. `on` and `by` say when an update was written or evidence received, and by whom (a post title).
    """

    ref: str
    text: str
    plan_slug: str
    plan_title: str
    milestone_ref: str
    milestone_title: str
    id: str = ""
    on: date | None = None
    by: str = ""
    withdrawn: bool = False
    milestone_marks: tuple[str, ...] = ()
    evidence_marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind, and whether there is more than is shown."""

    hits: tuple[Hit, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found, within what its asker may know of."""

    words: tuple[str, ...]
    milestones: Group
    updates: Group
    evidence: Group

    @property
    def total(self) -> int:
        return sum(len(group.hits) for group in (self.milestones, self.updates, self.evidence))

    @property
    def more(self) -> bool:
        return self.milestones.more or self.updates.more or self.evidence.more


def words_of(asked: str) -> tuple[str, ...]:
    """The words of a question, each once. Every one of them has to be found."""
    return tuple(dict.fromkeys(asked.split()))


def unfit(asked: str) -> str:
    """Why this is no question to search by, in a sentence; empty where it is one."""
    if len("".join(asked.split())) < LEAST or not any(mark.isalnum() for mark in asked):
        return f"Enter at least {LEAST} letters or figures to search for"
    if len(asked) > LONGEST:
        return f"Search for {LONGEST} characters or fewer"
    if not asked.isprintable():
        return "Search for letters, figures and ordinary signs only"
    return ""


def has_all(text: str, words: Sequence[str]) -> bool:
    """Whether every word stands in the text, whatever their case."""
    lowered = text.lower()
    return all(word.lower() in lowered for word in words)


def cut(text: str, words: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """A text in pieces: (piece, whether it is one of the words), whatever their case."""
    if not words:
        return ((text, False),)
    longest_first = sorted(words, key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text, flags=re.IGNORECASE)
    return tuple((piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece)


def excerpt(text: str, words: Sequence[str]) -> str:
    """The part of a long text around the first of the words, on one line."""
    line = " ".join(text.split())
    places = [found.start() for word in words if (found := re.search(re.escape(word), line, re.IGNORECASE))]
    first = min(places, default=0)
    begin, end = max(0, first - _AROUND), first + 2 * _AROUND
    return f"{'…' if begin else ''}{line[begin:end].strip()}{'…' if end < len(line) else ''}"
