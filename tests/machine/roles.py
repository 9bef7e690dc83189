"""Who the cast are, and the permission table of product.md, by role."""

from __future__ import annotations

STRANGERS = ("zoe", "max")
KNOW_ALL = ("petra", "sam", "ada")
# Nora holds two roles: she may ask for a change and decide on one, though never on her own.
ROLES: dict[str, frozenset[str]] = {
    "petra": frozenset({"manager"}),
    "sam": frozenset({"officer"}),
    "nora": frozenset({"officer", "contributor"}),
    "connie": frozenset({"contributor"}),
    "pol": frozenset({"contributor"}),
    "nat": frozenset({"contributor"}),
    "olive": frozenset({"observer"}),
    "ada": frozenset({"auditor"}),
    "key": frozenset({"key"}),
    "zoe": frozenset(),
    "max": frozenset(),
}
ANYBODY_WITH: dict[str, frozenset[str]] = {
    "read": frozenset({"contributor", "manager", "officer", "auditor"}),
    "edit": frozenset({"manager"}),
    "update": frozenset({"manager"}),
    "declare": frozenset({"manager", "officer"}),
    "lift": frozenset({"officer"}),
    "attach": frozenset({"contributor", "manager", "officer", "key"}),
    "review": frozenset({"manager", "officer"}),
    "achieve": frozenset({"manager"}),
    "return": frozenset({"manager"}),
    "reopen": frozenset({"manager"}),
    "request": frozenset({"contributor", "manager"}),
    "decide": frozenset({"officer"}),
    "approve": frozenset({"officer"}),
    "accept": frozenset({"officer"}),
}
