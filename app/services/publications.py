"""What has been published: one question, asked by whatever may change only until then."""

from datetime import date

from app.db import UnitOfWork
from app.services.milestone_case import Case


def published_on(_: UnitOfWork, __: Case) -> date | None:
    """The day on which a milestone's baseline was first published; None: it was not.

    Nothing is published yet in this version, so nothing is past correcting.
    """
    return None
