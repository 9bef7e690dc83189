"""England's bank holidays, from the list that the package govuk-bank-holidays carries. The network is never asked."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@cache
def bank_holidays() -> Mapping[date, str]:
    """Every bank holiday of England that is known, with its name.

    The list is as old as the installed package and ends some two years ahead: later days count as working days until a
    newer one is installed.
    """
    # The file alone: the package's own loader brings an HTTP client along.
    known = json.loads((files("govuk_bank_holidays") / "bank-holidays.json").read_text("utf-8"))
    events = known["england-and-wales"]["events"]
    return MappingProxyType({date.fromisoformat(event["date"]): event["title"] for event in events})
