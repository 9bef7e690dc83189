"""Addresses of plans and organisations."""

import re

from app.services.writing import Checks

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_LIMIT = 80


def check_slug(checks: Checks, field: str, slug: str) -> None:
    """Small letters, digits and single hyphens: `safeguarding-plan`."""
    if not _SLUG.fullmatch(slug or "") or len(slug) > SLUG_LIMIT:
        checks.add(field, "not_an_address", "Use small letters, digits and hyphens, such as safeguarding-plan")
