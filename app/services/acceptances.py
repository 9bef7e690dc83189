"""Accepting a Red or Amber milestone until a day, and lifting that again. It keeps its colour and every count."""

from datetime import date

from app.db import UnitOfWork
from app.domain import acceptances as rules
from app.domain import rag
from app.domain.days import london_day, start_of_day
from app.domain.milestones import MilestoneKey, MilestoneMoved
from app.domain.permissions import Act
from app.domain.refusals import Reason, Refused
from app.domain.words import MilestoneEventKind
from app.services import settling
from app.services.cases import Case, open_case
from app.services.milestone_views import moved
from app.services.writing import Checks


def accept(
    uow: UnitOfWork, *, milestone: MilestoneKey, until: date, reason: str, if_match: str | None = None
) -> MilestoneMoved:
    """Accept a milestone that is Red or Amber today until a day, at most a year ahead. A later word replaces an earlier
    one.

    It stands after the others until then, or until it gets worse. Raises Invalid for the day or an empty reason,
    Refused for who owns it, and for what is no exception.
    """
    case = open_case(uow, milestone, act=Act.ACCEPT_EXCEPTION, if_match=if_match)
    checks = Checks()
    wrong = rules.wrong_day(until, uow.today)
    if wrong:
        checks.add("until", *wrong)
    said = checks.required_text("reason", reason, name="why it is accepted")
    checks.done()
    settling.work_out(case, uow.today)
    row = case.milestone
    colour = rag.colour_on(rag.moments_from_stored(row.amber_from, row.red_from), uow.today)
    _refuse(
        case,
        rules.unmet_acceptance(plan_state=case.plan.state, colour=colour, is_own=_is_own(uow, case)),
        attempted="acceptance",
        title=f"{row.ref} was not accepted",
    )
    was = row.acceptance_ends_on
    row.acceptance_ends_on, row.accepted_by, row.accepted_until = until, uow.actor.id, start_of_day(until)
    uow.session.flush()
    event_id = settling.note_event(uow, case, MilestoneEventKind.ACCEPTED, day=until)
    facts = {"accepted_until": [was, until], "rag": colour}
    about = {**case.about, "item_id": row.id}
    uow.record("exception_accepted", **about, facts=facts, texts={"reason": said}, texts_of=event_id)
    settling.settle(uow, case)
    return moved(uow, case)


def lift(uow: UnitOfWork, *, milestone: MilestoneKey, reason: str, if_match: str | None = None) -> MilestoneMoved:
    """End an acceptance before its day: the milestone stands among the others again."""
    case = open_case(uow, milestone, act=Act.ACCEPT_EXCEPTION, if_match=if_match)
    checks = Checks()
    said = checks.required_text("reason", reason, name="why the acceptance is lifted")
    checks.done()
    row = case.milestone
    stands = row.accepted_until is not None and london_day(row.accepted_until) > uow.today
    _refuse(
        case,
        rules.unmet_lifting(plan_state=case.plan.state, is_accepted=stands, is_own=_is_own(uow, case)),
        attempted="acceptance_lifting",
        title=f"The acceptance of {row.ref} was not lifted",
    )
    facts = {"accepted_until": [row.acceptance_ends_on, None]}
    row.acceptance_ends_on = row.accepted_by = row.accepted_until = None
    uow.session.flush()
    event_id = settling.note_event(uow, case, MilestoneEventKind.ACCEPTANCE_LIFTED)
    uow.record("acceptance_lifted", **case.about, facts=facts, texts={"reason": said}, texts_of=event_id)
    settling.settle(uow, case)
    return moved(uow, case)


def _is_own(uow: UnitOfWork, case: Case) -> bool:
    """Nobody decides on what they own."""
    return case.milestone.owner_id is not None and case.milestone.owner_id == uow.actor.id


def _refuse(case: Case, reasons: list[Reason], *, attempted: str, title: str) -> None:
    if reasons:
        raise Refused(
            reasons,
            title=title,
            attempted=attempted,
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )
