"""Progress updates: what an owner says, forecasts, declares and asks for."""

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain import milestones as rules
from app.domain import permissions, rag
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, UpdateView
from app.domain.permissions import Act
from app.domain.refusals import Reason, Refused
from app.domain.repeats import Sent, is_sent_again
from app.domain.words import DelayCause, LeftBecause, MilestoneEventKind, Rag, Status
from app.models import ProgressUpdate
from app.models.texts import latest_texts
from app.services import cursors, settling, waiting
from app.services.cases import Case, open_perhaps_stale, read_case
from app.services.repeats import anything_since
from app.services.writing import Checks

TEXT_FIELDS = ("narrative", "rationale", "issue", "support_required", "path_to_green")


def add_update(
    uow: UnitOfWork,
    *,
    milestone: MilestoneKey,
    narrative: str | None = None,
    no_change: bool = False,
    forecast_date: date | None = None,
    declared_rag: Rag | None = None,
    rationale: str | None = None,
    issue: str | None = None,
    support_required: str | None = None,
    path_to_green: str | None = None,
    return_to_green_on: date | None = None,
    waiting_on: str | None = None,
    cause: DelayCause | None = None,
    if_match: str | None = None,
) -> UpdateView:
    """Add a progress update; the first one starts the milestone.

    A declaration worse than the rules counts from today; one that is better is kept, improves nothing, and the
    update says so. A forecast is the owner's to change, and each change is kept.

    `no_change`: what the last update said stands, all of it. The narrative may then be left out, and anything else that
    is sent has to be what is there already.

    A senior officer declares Amber or Red on anything: with the rationale alone, for the update is its owner's.

    The same words sent twice by one press too many are kept once: the second is answered with the first
    (`sent_again`), whatever version it names.
    """
    worse = declared_rag in (Rag.AMBER, Rag.RED)
    act = Act.DECLARE if worse else Act.UPDATE
    case, stale = open_perhaps_stale(uow, milestone, act=act, if_match=if_match)
    declares_only = not permissions.may(uow.actor, Act.UPDATE, case.item)
    texts = _checked(
        uow,
        case,
        needs_narrative=not (no_change or declares_only),
        narrative=narrative,
        declared_rag=declared_rag,
        rationale=rationale,
        issue=issue,
        support_required=support_required,
        path_to_green=path_to_green,
        waiting_on=waiting_on,
        forecast_date=forecast_date,
        return_to_green_on=return_to_green_on,
    )
    said = {
        **texts, "forecast_date": forecast_date, "declared_rag": declared_rag, "cause": cause,
        "return_to_green_on": return_to_green_on,
    }  # fmt: skip
    # With "no change", whatever else is sent is what was there, and is not written down again.
    words = {"no_change": True, "narrative": texts["narrative"]} if no_change else {"no_change": False, **said}
    first = _sent_already(uow, case, words)
    if first is not None:
        if no_change:
            _check_nothing_changes(uow, case.milestone, said)
        return waiting.of_update(uow, case.plan.id, first)
    if stale is not None:
        raise stale
    if declares_only:
        owners = {"forecast_date": forecast_date, "return_to_green_on": return_to_green_on, "cause": cause}
        return _only_declare(uow, case, declared_rag, texts, {**owners, "no_change": no_change or None})
    if no_change:
        return _add_no_change(uow, case, texts["narrative"], said)
    _refuse_unless_updatable(case)
    row = case.milestone
    declared = row.declared_rag is not None
    waits = texts.pop("waiting_on")
    update = _new_update(
        uow,
        case,
        forecast_date=forecast_date,
        forecast_was=row.forecast_date if forecast_date and forecast_date != row.forecast_date else None,
        declared_rag=declared_rag,
        declaration_effect=_declare(uow, case, declared_rag),
        return_to_green_on=return_to_green_on,
        waiting_on=waits,
        waiting_on_since=_waiting_since(uow, row, waits),
        cause=cause,
    )
    uow.session.add(update)  # written with the milestone, when it is settled
    because = LeftBecause.DECLARATION_LIFTED if declared and row.declared_rag is None else LeftBecause.BACK_ON_TRACK
    _note_reason(uow, row, update)
    facts = _facts(row, update)
    _carry_to_row(uow, row, update, asks_for_support=bool(texts["support_required"]))
    _start_if_first(uow, case)
    uow.record("progress_updated", **case.about, facts=facts, texts=texts, texts_of=update.id)
    settling.settle(uow, case, because)
    view = as_view(update, {(update.id, name): text for name, text in texts.items() if text})
    return waiting.of_update(uow, case.plan.id, view)


def _sent_already(uow: UnitOfWork, case: Case, said: dict[str, Any]) -> UpdateView | None:
    """The latest update of the milestone, if this is the same once more: a double click, a form that was sent again."""
    statement = (
        select(ProgressUpdate)
        .where(ProgressUpdate.milestone_id == case.milestone.id)
        .order_by(ProgressUpdate.id.desc())  # type: ignore[attr-defined]
        .limit(1)
    )
    last = uow.session.execute(statement).scalar_one_or_none()
    if last is None or last.by_id != uow.actor.id:
        return None
    view = as_view(last, latest_texts(uow.session, [last.id]))
    before = Sent(last.by_id, last.at, {name: getattr(view, name) for name in said})
    since = anything_since(
        uow, milestone_id=case.milestone.id, at=last.at, its_own=("progress_updated", "declared")
    )  # fmt: skip
    if not is_sent_again(before, Sent(uow.actor.id, uow.now, said), anything_since=since):
        return None
    return replace(view, sent_again=True)


def _only_declare(
    uow: UnitOfWork, case: Case, declared: Rag | None, texts: dict[str, str | None], owners: dict[str, Any]
) -> UpdateView:
    """Put a declaration down by somebody whose update it is not: the milestone still waits for its owner's."""
    checks = Checks()
    for name in ("issue", "support_required", "path_to_green", "waiting_on", *owners):
        if (texts | owners).get(name) is not None:
            checks.add(name, "not_yours", "Whoever updates the milestone says this. You declare, and say why")
    checks.done()
    _refuse_unless_updatable(case, *rules.unmet_declaration(case.milestone.status))
    update = _new_update(uow, case, declared_rag=declared, declaration_effect=_declare(uow, case, declared))
    uow.session.add(update)
    _note_reason(uow, case.milestone, update)
    said = {name: texts[name] for name in ("narrative", "rationale")}
    uow.record("declared", **case.about, facts={"declared_rag": declared}, texts=said, texts_of=update.id)
    settling.settle(uow, case)
    return as_view(update, {(update.id, name): text for name, text in said.items() if text})


def _note_reason(uow: UnitOfWork, row: Any, update: ProgressUpdate) -> None:
    """Where what stands is this actor's declaration, its reason is the latest that they gave for it."""
    if update.declared_rag is not None and (row.declared_rag, row.declared_by) == (update.declared_rag, uow.actor.id):
        row.declared_update_id = update.id


def _add_no_change(uow: UnitOfWork, case: Case, narrative: str | None, given: dict[str, Any]) -> UpdateView:
    """Put down that nothing has changed. What the last update said of forecast, issue and support stays in force."""
    row = case.milestone
    _refuse_unless_updatable(
        case, *rules.unmet_no_change(last_update_on=row.last_update_on, open_again_on=row.open_again_on)
    )
    _check_nothing_changes(uow, row, given)
    update = _new_update(uow, case, no_change=True)
    uow.session.add(update)
    uow.session.flush()
    row.no_change_on = row.no_change_on or uow.today
    texts = {"narrative": narrative}
    uow.record("progress_updated", **case.about, facts={"no_change": True}, texts=texts, texts_of=update.id)
    settling.settle(uow, case)
    return as_view(update, {(update.id, "narrative"): narrative} if narrative else {})


def _check_nothing_changes(uow: UnitOfWork, row: Any, given: dict[str, Any]) -> None:
    """Raise Invalid for what is sent along with "no change" and is not what is there already."""
    last = uow.session.get(ProgressUpdate, row.last_update_id)
    texts = latest_texts(uow.session, [row.last_update_id])
    there = {
        **{name: texts.get((row.last_update_id, name)) for name in ("issue", "support_required", "path_to_green")},
        "waiting_on": row.waiting_on,
        "cause": row.cause,
        "forecast_date": row.forecast_date,
        "return_to_green_on": last.return_to_green_on if last else None,
    }
    checks = Checks()
    for name, value in given.items():
        if name != "narrative" and value is not None and value != there.get(name):
            checks.add(name, "no_change", "You say that nothing has changed, and this is not what was said last")
    checks.done()


def _new_update(uow: UnitOfWork, case: Case, **said: Any) -> ProgressUpdate:
    return ProgressUpdate(
        id=new_id(),
        plan_id=case.plan.id,
        milestone_id=case.milestone.id,
        at=uow.now,
        by_id=uow.actor.id,
        by_title=uow.actor.title,
        by_organisation=uow.actor.organisation,
        **said,
    )


def list_updates(
    uow: UnitOfWork, *, milestone: MilestoneKey, limit: int = 50, cursor: str | None = None
) -> tuple[tuple[UpdateView, ...], str | None]:
    """A milestone's progress updates, newest first. The cursor is the id of the last one seen."""
    case = read_case(uow, milestone)
    permissions.require(uow.actor, Act.READ_PLAN, case.item)
    return updates_of(uow, case, limit=limit, cursor=cursor)


def updates_of(
    uow: UnitOfWork, case: Case, *, limit: int, cursor: str | None = None
) -> tuple[tuple[UpdateView, ...], str | None]:
    statement = (
        select(ProgressUpdate)
        .where(ProgressUpdate.milestone_id == case.milestone.id)
        .order_by(ProgressUpdate.id.desc())
        .limit(limit + 1)
    )
    if cursor:
        statement = statement.where(ProgressUpdate.id < cursors.decode(cursor, str)[0])
    rows = list(uow.session.execute(statement).scalars())
    texts = latest_texts(uow.session, [row.id for row in rows[:limit]])
    more = cursors.encode(rows[limit - 1].id) if len(rows) > limit else None
    return waiting.of_updates(uow, case.plan.id, [as_view(row, texts) for row in rows[:limit]]), more


def _checked(
    uow: UnitOfWork,
    case: Case,
    *,
    needs_narrative: bool,
    declared_rag: Rag | None,
    forecast_date: date | None,
    return_to_green_on: date | None,
    **texts: str | None,
) -> dict[str, Any]:
    checks = Checks()
    take_narrative = checks.required_text if needs_narrative else checks.optional_text
    kept: dict[str, Any] = {
        "narrative": take_narrative("narrative", texts["narrative"], name="what has happened"),
        "waiting_on": rules.waiting_as_stored(
            checks.optional_text("waiting_on", texts["waiting_on"], limit=200), case.milestone.waiting_on
        ),
    }
    for name in ("rationale", "issue", "support_required", "path_to_green"):
        kept[name] = checks.optional_text(name, texts[name])
    if declared_rag is not None and not kept["rationale"]:
        checks.add("rationale", "required", f"Say why you declare it {declared_rag.capitalize()}")
    checks.order(
        "forecast_date",
        case.milestone.start_date,
        forecast_date,
        "The forecast date must be on or after the start date",
    )
    # What was said before and has passed since may be said again: the rules say that it has passed.
    if forecast_date != case.milestone.forecast_date:
        checks.not_past("forecast_date", forecast_date, uow.today, "The forecast date must be today or later")
    if return_to_green_on is not None and return_to_green_on < uow.today:
        last = uow.session.get(ProgressUpdate, case.milestone.last_update_id or "")
        if last is None or last.return_to_green_on != return_to_green_on:
            message = "The date it returns to Green must be today or later"
            checks.not_past("return_to_green_on", return_to_green_on, uow.today, message)
    checks.done()
    return kept


def _refuse_unless_updatable(case: Case, *further: Reason) -> None:
    found = rules.unmet_plan_state(case.plan.state) + rules.may_be_updated(case.milestone.status)
    found = found or list(further)
    if found:
        raise Refused(
            found,
            title=f"{case.milestone.ref} was not updated",
            attempted="progress_update",
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )


def _declare(uow: UnitOfWork, case: Case, declared: Rag | None) -> str | None:
    """What a declaration does, in a sentence. Never an improvement on what the rules say."""
    row = case.milestone
    if declared is None:
        return None
    if row.status is Status.COMPLETED:
        return (
            f"Declared {declared.capitalize()}. It is reported completed, so the evidence rules alone decide its colour"
        )
    before = rag.colour_on(rag.moments_from_stored(row.amber_from, row.red_from), uow.today)
    if declared is Rag.GREEN:
        return _lift_by_green(uow, case, before)
    return _worsen(uow, row, declared, before)


def _lift_by_green(uow: UnitOfWork, case: Case, before: Rag) -> str:
    row = case.milestone
    if row.declared_rag is None:
        stays = (
            "it is Green by the rules"
            if before is Rag.GREEN
            else f"the rules say {before.capitalize()}, so it stays so"
        )
        return f"Declared Green: {stays}"
    if not permissions.may(uow.actor, Act.LIFT_DECLARATION, case.item):
        return (
            f"Declared Green: the declaration of {row.declared_rag.capitalize()} stands until whoever declared it, or a"
            " senior officer, lifts it"
        )
    lifted = row.declared_rag
    settling.end_declaration(row)
    return f"Declared Green: this lifts the declaration of {lifted.capitalize()}; the rules alone decide its colour"


def _worsen(uow: UnitOfWork, row: Any, declared: Rag, before: Rag) -> str:
    if row.declared_rag is not None and row.declared_by != uow.actor.id:
        row.declared_by_others = True
    if row.declared_rag is Rag.RED and declared is Rag.AMBER:
        return "Declared Amber: the declaration of Red stands until it is lifted"
    if row.declared_rag is not declared:
        row.declared_rag, row.declared_on, row.declared_by = declared, uow.today, uow.actor.id
    if rag.SEVERITY[before] > rag.SEVERITY[declared]:
        return (
            f"Declared {declared.capitalize()}: the rules say {before.capitalize()}, so it stays {before.capitalize()}"
        )
    return f"Declared {declared.capitalize()}"


def _waiting_since(uow: UnitOfWork, row: Any, waiting: str | None) -> date | None:
    if waiting is None:
        return None
    return row.waiting_on_since if row.waiting_on == waiting else uow.today


def _facts(row: Any, update: ProgressUpdate) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if update.forecast_date is not None and update.forecast_date != row.forecast_date:
        facts["forecast_date"] = [row.forecast_date, update.forecast_date]
    for name in ("declared_rag", "return_to_green_on", "cause"):
        if getattr(update, name) is not None:
            facts[name] = getattr(update, name)
    return facts


def _carry_to_row(uow: UnitOfWork, row: Any, update: ProgressUpdate, *, asks_for_support: bool) -> None:
    """What lists and filters need of the latest update stands on the milestone's row."""
    row.last_update_on, row.last_update_id, row.no_change_on = uow.today, update.id, None
    if update.forecast_date is not None:
        row.forecast_date = update.forecast_date
    row.support_required = asks_for_support
    row.waiting_on, row.waiting_on_since, row.cause = update.waiting_on, update.waiting_on_since, update.cause


def _start_if_first(uow: UnitOfWork, case: Case) -> None:
    if case.milestone.status is not Status.NOT_STARTED:
        return
    case.milestone.status = Status.IN_PROGRESS
    case.milestone.in_progress_since = uow.today
    settling.note_event(uow, case, MilestoneEventKind.STARTED)


def as_view(update: Any, texts: dict[tuple[str, str], str]) -> UpdateView:
    """A row of `progress_updates` (an entity or a Core row) with what was typed."""
    return UpdateView(
        id=update.id,
        kind="update",
        at=update.at,
        by=update.by_title,
        by_organisation=update.by_organisation,
        narrative=texts.get((update.id, "narrative")),
        forecast_date=update.forecast_date,
        forecast_was=update.forecast_was,
        declared_rag=update.declared_rag,
        rationale=texts.get((update.id, "rationale")),
        declaration_effect=update.declaration_effect,
        issue=texts.get((update.id, "issue")),
        support_required=texts.get((update.id, "support_required")),
        path_to_green=texts.get((update.id, "path_to_green")),
        return_to_green_on=update.return_to_green_on,
        waiting_on=update.waiting_on,
        waiting_on_since=update.waiting_on_since,
        cause=update.cause,
        no_change=update.no_change,
    )
