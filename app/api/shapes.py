"""The shapes that several nouns' answers share, and how each is made from what a service hands over.

Answers are typed dictionaries: built in a microsecond, written out by Pydantic's serialiser, and documented exactly.
"""

from datetime import date
from typing import Generic, NotRequired, TypeVar

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from app.domain.exception_reports import EvidenceSummary
from app.domain.milestones import EvidenceCount, OrganisationRef, PersonRef, Ref
from app.domain.words import EvidenceState

exactly = with_config(ConfigDict(extra="forbid"))

T = TypeVar("T")


@exactly
class Listing(TypedDict, Generic[T]):
    """One page of a list. `next_cursor` asks for the next page; null: there is none."""

    items: list[T]
    next_cursor: str | None


@exactly
class CountedListing(TypedDict, Generic[T]):
    """One page of a list. `withheld` is only there for senior officers of other organisations than the plan's lead:
    how many items are restricted to others, and so left out.
    """

    items: list[T]
    next_cursor: str | None
    withheld: NotRequired[int]


@exactly
class Organisation(TypedDict):
    """An organisation, by its slug."""

    slug: str
    name: str


@exactly
class Person(TypedDict):
    """A person, by post title."""

    id: str
    title: str
    organisation: str


@exactly
class Reference(TypedDict):
    """A theme or an action: its id, its permanent reference and its words."""

    id: str
    ref: str
    title: str


@exactly
class Evidenced(TypedDict):
    """How many evidence items count, of how many that were sent, and where that leaves the plan's evidence policy.
    `ends_on` is the last day on which it is in place, null where it has none; `notice_days` is 30 from 30 days before
    that day on, and 7 from 7 days before.
    """

    counting: int
    total: int
    state: EvidenceState
    ends_on: date | None
    notice_days: int | None


@exactly
class Need(TypedDict):
    """One thing that stands in the way, and what would satisfy it. `personal_data_found` says how many (`count`) of
    what (`kind`) were found on which `page`, sheet or slide: null where there are none, or for all further ones.
    """

    code: str
    message: str
    kind: NotRequired[str]
    count: NotRequired[int]
    page: NotRequired[int | None]


def organisation(found: OrganisationRef) -> Organisation:
    return {"slug": found.slug, "name": found.name}


def person(found: PersonRef | None) -> Person | None:
    return None if found is None else {"id": found.id, "title": found.title, "organisation": found.organisation}


def reference(found: Ref) -> Reference:
    return {"id": found.id, "ref": found.ref, "title": found.title}


def evidenced(found: EvidenceCount | EvidenceSummary) -> Evidenced:
    return {
        "counting": found.counting,
        "total": found.total,
        "state": found.state,
        "ends_on": found.ends_on,
        "notice_days": found.notice,
    }
