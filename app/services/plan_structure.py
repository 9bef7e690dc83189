"""A plan's themes, actions and milestones: renamed, put in another order, moved under another parent.

That is the programme manager's to do in a draft and in an approved plan alike: it is no change request, and it is
always on the record. References never change, and what was moved says where it stood before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select, true, update

from app.db import UnitOfWork
from app.domain import permissions, plan_structure
from app.domain.ids import new_id
from app.domain.markings import marks_of
from app.domain.milestones import MilestoneKey, Ref
from app.domain.permissions import Act, Item
from app.domain.plan_structure import ActionPlace, Draft, Facts, MilestonePlace, Part, Shifted, Structure, ThemePlace
from app.domain.plans import ActionView, ThemeView
from app.domain.refusals import NotFound, Reason, Refused, Stale
from app.domain.words import PlanState, Status
from app.models import Action, Membership, Milestone, PartMove, Plan, Theme
from app.models import plan_structure as rows
from app.models.visibility import knowable_in
from app.services import addresses, plan_parts
from app.services.cases import open_case
from app.services.milestone_rows import moved_from_of
from app.services.plans import known_plan, live_head
from app.services.writing import Checks, refuse_unknown

MILESTONES_SHOWN, LACKS_LOOKED_THROUGH = 500, 5_000


@dataclass(frozen=True, slots=True)
class PartKey:
    """Names a theme or an action: by its id, or by its plan's slug and its reference."""

    id: str = ""
    plan: str = ""
    ref: str = ""


# --- reading ----------------------------------------------------------------------------------------------------------


def read_structure(uow: UnitOfWork, *, slug: str) -> Structure:
    """Themes, their actions and the milestones of those that the actor may know of, each in its order."""
    plan = live_head(uow, slug)
    session, mine = uow.session, and_(knowable_in(uow.actor, plan.id), not_removed(plan.state))
    themes, actions = rows.themes_in(session, plan.id), rows.actions_in(session, plan.id)
    milestones = rows.milestones_in(session, mine, limit=MILESTONES_SHOWN + 1, day=plan.closed_on or uow.today)
    too_long = len(milestones) > MILESTONES_SHOWN
    numbers = rows.milestones_by_action(session, mine)
    shown = [] if too_long else milestones
    moves = rows.latest_moves(session, [*(row.id for row in actions), *(row.id for row in shown)])
    return Structure(
        themes=tuple(
            ThemePlace(
                theme.id,
                theme.ref,
                theme.title,
                str(theme.version),
                tuple(_action_place(row, shown, numbers, moves) for row in actions if row.theme_id == theme.id),
            )
            for theme in themes
        ),
        too_long=too_long,
    )


def not_removed(state: PlanState) -> Any:
    """What a draft still holds: who takes a milestone out of one has done with it. In other plans, all."""
    return Milestone.status != Status.CANCELLED if state is PlanState.DRAFT else true()


def _action_place(row: Any, milestones: Sequence[Any], numbers: dict[str, int], moves: dict[str, Any]) -> ActionPlace:
    return ActionPlace(
        id=row.id,
        ref=row.ref,
        title=row.title,
        version=str(row.version),
        moved_from=moved_from_of(moves.get(row.id)),
        milestones=tuple(
            MilestonePlace(
                one.id, one.ref, one.title, one.status, one.owner_title, moved_from_of(moves.get(one.id)), marks_of(one)
            )
            for one in milestones
            if one.action_id == row.id
        ),
        milestones_total=numbers.get(row.id, 0),
    )


def read_draft(uow: UnitOfWork, *, slug: str) -> Draft:
    """How far a draft has come, and what it lacks. An administrator, who reads no plan, sees how far."""
    plan = known_plan(uow, slug)
    live = permissions.may(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    if not (live or uow.actor.administrator):
        permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=plan.id))
    every = knowable_in(uow.actor, plan.id) if live else Milestone.plan_id == plan.id
    themes, actions = rows.themes_in(uow.session, plan.id), rows.actions_in(uow.session, plan.id)
    mine = and_(every, not_removed(plan.state))
    milestones = rows.milestones_in(uow.session, mine, limit=LACKS_LOOKED_THROUGH, day=uow.today)
    held = uow.session.execute(select(Membership.role).where(Membership.plan_id == plan.id).distinct()).scalars()
    missing = plan_structure.lacks([_ref(row) for row in actions], [_facts(row) for row in milestones])
    return Draft(len(themes), len(actions), len(milestones), frozenset(held), missing if live else ())


def _ref(row: Any) -> Ref:
    return Ref(row.id, row.ref, row.title)


def _facts(row: Any) -> Facts:
    return Facts(
        _ref(row),
        row.action_id,
        bool(row.owner_id),
        row.due_date is not None,
        bool(row.success_criterion.strip()),
        marks_of(row),
    )


def get_theme(uow: UnitOfWork, *, theme: PartKey) -> ThemeView:
    """One theme. NotFound outside its plan, Forbidden for who may not read the plan live."""
    row, _ = _part(uow, Theme, theme)
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=row.plan_id))
    return plan_parts.theme_view(row)


def get_action(uow: UnitOfWork, *, action: PartKey) -> ActionView:
    """One action, with where it stood before."""
    row, _ = _part(uow, Action, action)
    permissions.require(uow.actor, Act.READ_PLAN, Item(plan_id=row.plan_id))
    return _action_view(uow, row)


def _action_view(uow: UnitOfWork, row: Action) -> ActionView:
    theme = uow.session.get(Theme, row.theme_id)
    moved = moved_from_of(rows.latest_moves(uow.session, [row.id]).get(row.id))
    return plan_parts.action_view(row, theme.ref if theme else "", moved)


# --- changing ---------------------------------------------------------------------------------------------------------


def edit_theme(uow: UnitOfWork, *, theme: PartKey, changes: dict[str, Any], if_match: str | None) -> ThemeView:
    """Rename a theme, or give it another place in the plan: `title`, `position` (1 is first)."""
    row, plan = _opened(uow, Theme, theme, if_match)
    refuse_unknown(changes, ("title", "position"), elsewhere={"ref": "A reference never changes"})
    texts = _renamed(row, plan, changes)
    facts: dict[str, Any] = {}
    if "position" in changes:
        facts |= _put_at(uow, _siblings(uow, row), row, changes["position"])
    _keep(uow, row, "theme", facts, texts)
    return plan_parts.theme_view(row)


def edit_action(uow: UnitOfWork, *, action: PartKey, changes: dict[str, Any], if_match: str | None) -> ActionView:
    """Rename an action, move it under another theme of its plan, or give it another place there: `title`, `theme` (an
    id), `position` (1 is first). Its milestones go with it.
    """
    row, plan = _opened(uow, Action, action, if_match)
    refuse_unknown(changes, ("title", "theme", "position"), elsewhere={"ref": "A reference never changes"})
    target = _theme_to_move_to(uow, row, changes)
    texts = _renamed(row, plan, changes)
    facts: dict[str, Any] = {}
    if target is not None:
        facts |= _move_action(uow, row, target)
    if "position" in changes:
        facts |= _put_at(uow, _siblings(uow, row), row, changes["position"])
    _keep(uow, row, "action", facts, texts)
    return _action_view(uow, row)


def remove_theme(uow: UnitOfWork, *, theme: PartKey, reason: str, if_match: str | None = None) -> ThemeView:
    """Take an empty theme out of a draft. Its row goes, its reference is never given out again, and the trail keeps
    what it was and why it went. Returns what it was.
    """
    row, plan = _opened(uow, Theme, theme, if_match, to_remove=True)
    said = _reason(reason)
    siblings = _siblings(uow, row)
    _refuse_removal(uow, row, plan, Part.THEME)
    view = plan_parts.theme_view(row)
    _take_out(uow, row, siblings, "theme", reason=said)
    return view


def remove_action(uow: UnitOfWork, *, action: PartKey, reason: str, if_match: str | None = None) -> ActionView:
    """Take an empty action out of a draft, as `remove_theme` does a theme."""
    row, plan = _opened(uow, Action, action, if_match, to_remove=True)
    said = _reason(reason)
    siblings = _siblings(uow, row)
    _refuse_removal(uow, row, plan, Part.ACTION)
    view = _action_view(uow, row)
    _take_out(uow, row, siblings, "action", reason=said)
    return view


def _reason(reason: str) -> str:
    checks = Checks()
    said = checks.required_text("reason", reason, name="why it is removed")
    checks.done()
    return said


def _refuse_removal(uow: UnitOfWork, row: Theme | Action, plan: Plan, part: Part) -> None:
    unmet = plan_structure.unmet_removal(part, plan.state, plan_structure.Holds(**rows.held_by(uow.session, row)))
    if unmet:
        raise Refused(
            unmet,
            title=f"{row.ref} was not removed",
            attempted=f"{part.value}_removal",
            item_kind=part.value,
            item_id=row.id,
            plan_id=plan.id,
        )


def _take_out(uow: UnitOfWork, row: Theme | Action, siblings: Sequence[Any], kind: str, *, reason: str) -> None:
    uow.record(
        f"{kind}_removed",
        plan_id=row.plan_id,
        item_kind=kind,
        item_id=row.id,
        item_ref=row.ref,
        texts={"reason": reason},
    )
    uow.session.delete(row)
    uow.session.flush()
    _number(uow, [one for one in siblings if one is not row])


def shift(uow: UnitOfWork, *, part: Part, key: PartKey, by: int, if_match: str | None = None) -> Shifted:
    """Move a part up (`by=-1`) or down (`by=1`) among its neighbours. At the end of the row it stays where it is."""
    if part is Part.MILESTONE:
        return _shift_milestone(uow, key, by, if_match)
    table: Any = Theme if part is Part.THEME else Action
    row, plan = _opened(uow, table, key, if_match)
    _refuse_closed(plan, row.id, part.value)
    siblings = _siblings(uow, row)
    now = [one.id for one in siblings].index(row.id) + 1
    facts = _put_at(uow, siblings, row, now + by)
    _keep(uow, row, part.value, facts, {})
    return Shifted(part, row.id, row.ref, min(max(now + by, 1), len(siblings)), len(siblings))


def _shift_milestone(uow: UnitOfWork, key: PartKey, by: int, if_match: str | None) -> Shifted:
    """Among those of its action. Who may move one knows of all: it takes a programme manager."""
    found = MilestoneKey(id=key.id, plan=key.plan, ref=key.ref)
    case = open_case(uow, found, act=Act.EDIT_PLAN, if_match=if_match)
    _refuse_closed(case.plan, case.milestone.id, Part.MILESTONE.value)
    order = [one.id for one in _milestones_beside(uow, case.milestone)]
    now = order.index(case.milestone.id) + 1
    place = min(max(now + by, 1), len(order))
    place_milestone(uow, case.milestone, place)
    return Shifted(Part.MILESTONE, case.milestone.id, case.milestone.ref, place, len(order))


def place_milestone(uow: UnitOfWork, row: Milestone, place: int) -> None:
    """Put a milestone at a place of its action, 1 being first. The order of an action is no fact of its milestones, so
    that none of them becomes another version.
    """
    siblings = _milestones_beside(uow, row)
    before = [one.id for one in siblings]
    after = plan_structure.reordered(before, row.id, place)
    if after == before:
        return
    for number, milestone_id in enumerate(after, start=1):
        uow.session.execute(update(Milestone).where(Milestone.id == milestone_id).values(place=number))
    uow.session.expire(row, ["place"])
    uow.record(
        "milestone_placed",
        plan_id=row.plan_id,
        item_kind="milestone",
        item_id=row.id,
        item_ref=row.ref,
        milestone_id=row.id,
        facts={"place": [before.index(row.id) + 1, after.index(row.id) + 1]},
    )


def _milestones_beside(uow: UnitOfWork, row: Milestone) -> Sequence[Any]:
    """Those of the same action, in order, locked by id as everybody locks them."""
    same = (Milestone.action_id == row.action_id, Milestone.plan_id == row.plan_id)
    locked = select(Milestone.id).where(*same).order_by(Milestone.id).with_for_update(key_share=True)
    uow.session.execute(locked).all()
    return uow.session.execute(select(Milestone.id).where(*same).order_by(*rows.MILESTONE_ORDER)).all()


def note_milestone_move(uow: UnitOfWork, row: Milestone, *, theme_id: str, action_id: str) -> None:
    """A milestone that now stands in another action: it goes last there, and says where it stood."""
    row.place = None
    _note_move(uow, row, Part.MILESTONE, theme_id=theme_id, action_id=action_id)


def _note_move(
    uow: UnitOfWork, row: Action | Milestone, part: Part, *, theme_id: str, action_id: str | None = None
) -> None:
    uow.session.add(
        PartMove(
            id=new_id(),
            plan_id=row.plan_id,
            item_kind=part.value,
            item_id=row.id,
            from_theme_id=theme_id,
            from_action_id=action_id,
            at=uow.now,
            by_title=uow.actor.title,
        )
    )
    uow.session.flush()


def _theme_to_move_to(uow: UnitOfWork, row: Action, changes: dict[str, Any]) -> Theme | None:
    """The other theme that is asked for, None when it stays. Raises Invalid for one that is not of this plan."""
    if "theme" not in changes or changes["theme"] == row.theme_id:
        return None
    found = uow.session.execute(
        select(Theme).where(Theme.id == changes["theme"], Theme.plan_id == row.plan_id)
    ).scalar_one_or_none()
    if found is None:
        checks = Checks()
        checks.add("theme", "unknown_theme", "Choose a theme of this plan: an action stays in its plan")
        checks.done()
    return found


def _move_action(uow: UnitOfWork, row: Action, target: Theme) -> dict[str, Any]:
    """Milestones first, by id, as everybody locks them; whoever adds one meanwhile waits for the action."""
    of_action = (Milestone.action_id == row.id, Milestone.plan_id == row.plan_id)
    left = uow.session.get(Theme, row.theme_id)
    _note_move(uow, row, Part.ACTION, theme_id=row.theme_id)
    old_siblings = [one for one in _siblings(uow, row) if one.id != row.id]
    last = uow.session.execute(select(func.max(Action.position)).where(Action.theme_id == target.id)).scalar_one()
    row.theme_id, row.position = target.id, (last or 0) + 1
    uow.session.flush()
    _number(uow, old_siblings)
    moved = update(Milestone).where(*of_action).values(theme_id=target.id, version=Milestone.version + 1)
    uow.session.execute(moved.execution_options(synchronize_session=False))
    uow.session.expire_all()
    return {"theme": [left.ref if left else None, target.ref]}


def _renamed(row: Theme | Action, plan: Plan, changes: dict[str, Any]) -> dict[str, str]:
    """Everything that can be wrong is said at once; then the title is put on the row, and returned if it is another."""
    checks = Checks()
    title = checks.title("title", changes["title"]) if "title" in changes else row.title
    place = changes.get("position", 1)
    if not isinstance(place, int) or place < 1:
        checks.add("position", "out_of_range", "The first place is 1")
    checks.done()
    _refuse_closed(plan, row.id, "theme" if isinstance(row, Theme) else "action")
    if title == row.title:
        return {}
    row.title = title
    return {"title": title}


def _siblings(uow: UnitOfWork, row: Theme | Action) -> list[Any]:
    """The themes of the plan, or the actions of the theme, in order; all of them locked."""
    if isinstance(row, Theme):
        statement: Any = select(Theme).where(Theme.plan_id == row.plan_id)
    else:
        statement = select(Action).where(Action.theme_id == row.theme_id)
    found = uow.session.execute(statement.with_for_update(key_share=True)).scalars().all()
    return sorted(found, key=lambda one: (one.position, one.id))


def _put_at(uow: UnitOfWork, siblings: Sequence[Any], row: Theme | Action, place: int) -> dict[str, Any]:
    by_id = {one.id: one for one in siblings}
    before = list(by_id)
    after = plan_structure.reordered(before, row.id, place)
    if after == before:
        return {}
    _number(uow, [by_id[one] for one in after], but=row)
    return {"position": [before.index(row.id) + 1, after.index(row.id) + 1]}


def _number(uow: UnitOfWork, ordered: Sequence[Any], *, but: Any = None) -> None:
    """Positions from 1. Who is pushed along is another version; `but` is counted by its own change."""
    for place, one in enumerate(ordered, start=1):
        if one.position != place:
            one.position = place
            one.version += 0 if one is but else 1
    uow.session.flush()


def _keep(uow: UnitOfWork, row: Theme | Action, kind: str, facts: dict[str, Any], texts: dict[str, str]) -> None:
    """One more version and one event, if anything changed."""
    if not facts and not texts:
        return
    row.version += 1
    uow.session.flush()
    uow.record(
        f"{kind}_edited", plan_id=row.plan_id, item_kind=kind, item_id=row.id, item_ref=row.ref, facts=facts,
        texts=texts,
    )  # fmt: skip


def _opened(
    uow: UnitOfWork, table: Any, key: PartKey, if_match: str | None, *, to_remove: bool = False
) -> tuple[Any, Plan]:
    if table is Action:
        _lock_milestones_of(uow, key)
    row, plan = _part(uow, table, key, lock=True, to_remove=to_remove)
    permissions.require(uow.actor, Act.EDIT_PLAN, Item(plan_id=plan.id))
    if if_match is not None and if_match != str(row.version):
        raise Stale(current_version=str(row.version))
    return row, plan


def _lock_milestones_of(uow: UnitOfWork, key: PartKey) -> None:
    row, _ = _part(uow, Action, key)
    statement = select(Milestone.id).where(Milestone.action_id == row.id).order_by(Milestone.id)
    uow.session.execute(statement.with_for_update(key_share=True)).all()


def _part(
    uow: UnitOfWork, table: Any, key: PartKey, *, lock: bool = False, to_remove: bool = False
) -> tuple[Any, Plan]:
    """`to_remove` locks it against whoever is about to put something into it, too."""
    statement = select(table, Plan).join(Plan, Plan.id == table.plan_id)
    if key.id:
        statement = statement.where(table.id == key.id)
    else:
        statement = statement.where(Plan.slug == key.plan, table.ref == key.ref)
    if lock:
        statement = statement.with_for_update(of=table, key_share=not to_remove).execution_options(
            populate_existing=True
        )
    found = uow.session.execute(statement).one_or_none()
    if found is None or not (uow.actor.is_system or found[1].id in permissions.plans_known(uow.actor)):
        addresses.follow(uow, key.plan)
        raise NotFound
    return found[0], found[1]


def _refuse_closed(plan: Plan, item_id: str, kind: str) -> None:
    if plan.state is PlanState.CLOSED:
        raise Refused(
            [Reason("plan_closed", "The plan is closed and read-only")],
            title=f"The {kind} was not changed",
            attempted=f"{kind}_edit",
            item_kind=kind,
            item_id=item_id,
            plan_id=plan.id,
        )
