"""Accepting an exception until a day: a decision that leaves its colour and every count as they are."""

from fastapi import Response

from app.api import answers
from app.api.answers import MilestoneId
from app.api.bodies import Body, Day, Said
from app.api.deps import Writing
from app.api.milestones import Milestone, moved_on
from app.domain.milestones import MilestoneKey
from app.doors.routing import NounRouter
from app.services import acceptances as services

router = NounRouter(tags=["Exceptions"])


class Acceptance(Body):
    """Until which day, in the future and at most a year ahead, and why."""

    until: Day
    reason: Said


class AcceptanceLifting(Body):
    """Why the milestone stands among the others again."""

    reason: Said


@router.post("/milestones/{id}/acceptance", response_model=Milestone, **answers.made())
def accept_exception(run: Writing, milestone_id: MilestoneId, body: Acceptance) -> Response:
    """Accept a Red or Amber milestone until a day: a senior officer who does not own it. It is listed after the others
    and returns on that day, or when it gets worse. Codes: `not_exception`, `own_milestone`, `plan_not_approved`,
    `plan_closed`.
    """
    return run.write(
        services.accept,
        milestone=MilestoneKey(id=milestone_id),
        until=body.until,
        reason=body.reason,
        if_match=run.if_match,
        respond=moved_on,
    )


@router.post("/milestones/{id}/acceptance/lifting", response_model=Milestone, **answers.made())
def lift_acceptance(run: Writing, milestone_id: MilestoneId, body: AcceptanceLifting) -> Response:
    """Lift an acceptance before its day, with a reason. Codes: `not_accepted`, `own_milestone`."""
    return run.write(
        services.lift,
        milestone=MilestoneKey(id=milestone_id),
        reason=body.reason,
        if_match=run.if_match,
        respond=moved_on,
    )
