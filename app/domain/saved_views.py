"""Saved views: a named set of filters of one list, private to who made it or shared in its plan. Pure.

A view holds filters and nothing that they find: whoever opens it sees what they may see anyway.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.domain.exception_reports import ExceptionFilters
from app.domain.plans import Choices, MilestoneFilters
from app.domain.refusals import FieldError, Invalid, Reason
from app.domain.words import DelayCause, PlanState, Rag, ViewOf

NAME_LIMIT = 80
MOST = 50
"""How many views one person keeps in one plan, and as many of all their plans."""

LONGEST = {"q": 200}
NEXT_REVIEW = "next_review"
"""What a view that looks ahead keeps instead of a day: the next review, whichever that is when it is opened."""

# The filters of each list, by the names they have in its address. How much of a page is open is none.
KEPT: dict[ViewOf, tuple[str, ...]] = {
    ViewOf.MILESTONES: (*MilestoneFilters.__dataclass_fields__, "sort"),
    ViewOf.EXCEPTIONS: tuple(ExceptionFilters.__dataclass_fields__),
}
CHOSEN = ("theme", "owner", "organisation")
"""The filters that name a part of the plan, which may go."""

GONE = {
    "theme": "The theme that this is filtered by is no longer in the plan",
    "owner": "The owner that this is filtered by no longer has a role in the plan",
    "organisation": "The organisation that this is filtered by no longer has a part in the plan",
}

_DAYS = {"due_before": "Due before", "since": "Since"}
_WORDS: dict[str, tuple[str, ...]] = {
    "rag": tuple(Rag), "cause": tuple(DelayCause), "support_required": ("true",), "turns_red": ("true",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view as doors see it. `plan_slug` is None for one of the exceptions in all my plans.

    `filters` are (name, value), as the list's address has them, but that `on` says `next_review`. `gone` are the names
    of those that name what is no longer in the plan. `may_rename` also means its filters and whether it is shared.
    """

    id: str
    name: str
    of: ViewOf
    plan_slug: str | None
    filters: tuple[tuple[str, str], ...]
    shared: bool
    owner: str
    is_mine: bool
    may_rename: bool
    may_delete: bool
    gone: tuple[str, ...]
    version: str

    def query(self, next_review: date | None) -> dict[str, str]:
        """The filters as the list's address has them today. Without a review to come, it is of today."""
        found = dict(self.filters)
        if "on" in found and next_review is None:
            return {name: value for name, value in found.items() if name not in ("on", "turns_red")}
        return {
            name: next_review.isoformat() if name == "on" and next_review else value for name, value in found.items()
        }


def one_line(name: str) -> str:
    """A name as it is kept: without blanks around it, and one between its words."""
    return " ".join(name.split())


def name_key(name: str) -> str:
    """What two names have in common that differ in nothing but capitals and blanks."""
    return one_line(name).casefold()


def wrong_name(name: str, *, taken: bool, shared_taken: bool) -> tuple[str, str] | None:
    """What is wrong with a view's name: (code, sentence). `taken` by one of my own, or by one that others share."""
    if not name:
        return "required", "Enter a name for this view"
    if len(name) > NAME_LIMIT:
        return "too_long", f"The name must be {NAME_LIMIT} characters or fewer"
    if not name.isprintable():
        return "bad_character", "The name holds a character that is not text"
    if taken:
        return "taken", "You have a view of this name already. Choose another name, or delete that one first"
    if shared_taken:
        return "taken", "Somebody shares a view of this name in this plan already. Choose another name"
    return None


def kept(of: ViewOf, asked: Mapping[str, str]) -> dict[str, str]:
    """What a view keeps of the filters on screen: those that its list knows, in their order, and that are set."""
    found = {name: asked[name].strip() for name in KEPT[of] if asked.get(name, "").strip()}
    for name, needs in (("since", "changed"), ("turns_red", "on")):
        if needs not in found:
            found.pop(name, None)
    return found


def check_filters(
    of: ViewOf, filters: Mapping[str, str], *, offered: Choices | None, listed: Mapping[str, tuple[str, ...]]
) -> None:
    """Raise Invalid unless every filter is one that its list takes today.

    `offered` is what the plan's filters offer, None for all plans; `listed` are the words of further filters.
    """
    wrong = [
        FieldError("/filters", *found) for name, value in filters.items() if (found := _wrong(name, value, listed))
    ]
    unknown = [name for name in filters if name not in KEPT[of]]
    wrong += [FieldError("/filters", "unknown_filter", f"The {of} have no filter {name}") for name in unknown]
    if "changed" in filters and "since" not in filters:
        wrong.append(FieldError("/filters", "required", "Say since which day it changed"))
    if not filters:
        wrong.append(FieldError("/filters", "required", "A view keeps at least one filter, or an order of the list"))
    wrong += [FieldError("/filters", "gone", GONE[name]) for name in gone(filters, offered)]
    if wrong:
        raise Invalid(wrong)


def _wrong(name: str, value: str, listed: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    if len(value) > LONGEST.get(name, 100):
        return "too_long", f"The filter {name} must be {LONGEST.get(name, 100)} characters or fewer"
    words = listed.get(name) or _WORDS.get(name)
    if words and value not in words:
        return "choice_invalid", f"The filter {name} must be one of: {', '.join(words)}"
    if name == "on" and value != NEXT_REVIEW:
        return "not_the_next_review", "A view is kept of today or of the next review, not of another day"
    if name in _DAYS:
        try:
            date.fromisoformat(value)
        except ValueError:
            return "date_invalid", f"{_DAYS[name]} must be a date such as 2009-12-17"
    return None


def gone(filters: Mapping[str, str], offered: Choices | None) -> tuple[str, ...]:
    """The filters that name what the plan no longer offers. Nobody can say of all plans."""
    if offered is None:
        return ()
    known = {"theme": offered.themes, "owner": offered.owners, "organisation": offered.organisations}
    return tuple(name for name in CHOSEN if name in filters and filters[name] not in dict(known[name]))


def unmet_sharing(*, plan_state: PlanState | None) -> list[Reason]:
    """Why a view cannot be shared. Empty: it can."""
    if plan_state is None:
        return [Reason("not_of_a_plan", "A view of all your plans is private: save it in a plan to share it there")]
    if plan_state is PlanState.CLOSED:
        return [Reason("plan_closed", "The plan is closed and read-only")]
    return []


def unmet_saving(*, already: int) -> list[Reason]:
    """Why one more view cannot be kept. Empty: it can."""
    if already >= MOST:
        return [Reason("too_many", f"You keep {MOST} views here, which is as many as there can be. Delete one first")]
    return []
