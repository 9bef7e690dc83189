"""The saved views that stand beside a list: to open one, to save what is on screen, and what of it no longer is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from app.domain import saved_views as rules
from app.domain.plans import Choices
from app.domain.saved_views import SavedView
from app.domain.words import ViewOf
from app.pages.addresses import Addresses

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Beside:
    """What a list says of its views.

    `links` are (name, address, is what is on screen, who shares it), `now` the view on screen; `save` is where what is
    on screen is saved, empty where it is a view already or is filtered by nothing. `gone` are (sentence, the list
    without that filter).
    """

    links: tuple[tuple[str, str, bool, str], ...]
    more: int
    every: str
    save: str
    now: SavedView | None
    gone: tuple[tuple[str, str], ...]


def beside(
    views: Sequence[SavedView],
    of: ViewOf,
    query: Mapping[str, str],
    address: Addresses,
    *,
    plan: str | None,
    next_review: date | None,
    offered: Choices | None,
    found: int,
) -> Beside:
    """`found` is how many rows the list has: a filter is called gone only where nothing matches it."""
    on_screen = rules.kept(of, query)
    asked = [(view, view.query(next_review)) for view in views]
    now = next((view for view, its in asked if its == on_screen), None)
    every = f"/plans/{plan}/views" if plan else "/views"
    links = [
        (view.name, _listed(of, plan, its), view is now, "" if view.is_mine else view.owner)
        for view, its in sorted(asked, key=lambda one: one[0] is not now)[:SHOWN]
    ]
    return Beside(
        links=tuple(links),
        more=len(views) if len(views) > SHOWN else 0,
        every=every,
        save=f"{every}/new?{urlencode({'list': of, **on_screen})}" if on_screen and now is None else "",
        now=now,
        gone=tuple(
            (rules.GONE[name], address.with_(**{name: None})) for name in rules.gone(on_screen, offered) if not found
        ),
    )


def _listed(of: ViewOf, plan: str | None, query: Mapping[str, str]) -> str:
    return list_address(of, plan).with_(**query)


def list_address(of: ViewOf, plan: str | None) -> Addresses:
    """Where a list is."""
    return Addresses(f"/plans/{plan}/{of}" if plan else f"/{of}", {})
