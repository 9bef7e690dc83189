"""Who the cast are, and the permission table of product.md, by role."""

from __future__ import annotations

STRANGERS = ("zoe", "max")
KNOW_ALL = ("petra", "sam", "ada")
ROLES = {
    "petra": "manager", "sam": "officer", "nora": "officer", "connie": "contributor", "pol": "contributor",
    "nat": "contributor", "olive": "observer", "ada": "auditor", "key": "key", "zoe": "", "max": "",
}  # fmt: skip
ANYBODY_WITH = {
    "read": ("contributor", "manager", "officer", "auditor"),
    "edit": ("manager",),
    "update": ("manager",),
    "declare": ("manager",),
    "lift": ("officer",),
    "attach": ("contributor", "manager", "officer", "key"),
    "review": ("manager", "officer"),
    "achieve": ("manager",),
    "return": ("manager",),
    "reopen": ("manager",),
    "request": ("contributor", "manager"),
    "decide": ("officer",),
    "approve": ("officer",),
    "accept": ("officer",),
}
