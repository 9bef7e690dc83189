"""Sending on from an address that a plan had to the one it has."""

from urllib.parse import quote

from fastapi import Request

from app.domain.refusals import Moved


def new_address(request: Request, moved: Moved) -> str | None:
    """The address of this request with the plan's new one in it; None when the old one stood elsewhere, in a body."""
    before, found, after = request.url.path.partition(f"/plans/{quote(moved.old)}")
    if not found or (after and not after.startswith("/")):
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{before}/plans/{moved.new}{after}{query}"
