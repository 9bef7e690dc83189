"""What surrounds a page for whoever is signed in."""

from app.domain.actors import Actor
from app.domain.permissions import Act, Item, may, plans_to_update
from app.domain.plans import PlanView
from app.pages.deps import PageReceiver, PageRunner
from app.pages.templating import Frame
from app.services.exception_reports import count_now
from app.services.held_uploads import count_held
from app.services.my_updates import count_left


def frame_of(
    run: PageRunner | PageReceiver,
    plan: PlanView | None = None,
    *,
    active: str = "",
    is_page: bool = True,
    exceptions: int | None = None,
    updates: int | None = None,
) -> Frame:
    """The frame after a use case has been run, which is when it is known who asks.

    Where the page has not counted the plan's exceptions and its reader's updates itself, they are counted here.
    """
    if exceptions is None and plan is not None and plan.reads_live and isinstance(run, PageRunner):
        exceptions = run.read(count_now, plan_id=plan.id)
    has_updates = bool(plans_to_update(run.actor)[0])
    if updates is None and has_updates and isinstance(run, PageRunner):
        updates = run.read(count_left)
    return Frame(
        person=run.actor.title,
        organisation=organisation_shown(run.actor, plan),
        plan=plan,
        active=active,
        is_page=is_page,
        exceptions=exceptions,
        has_updates=has_updates,
        updates=updates,
        has_inbox=any(may(run.actor, Act.TRIAGE, Item(plan_id=plan_id)) for plan_id in run.actor.roles),
        held=_count_held(run),
        front_door=run.front_door,
    )


def _count_held(run: PageRunner | PageReceiver) -> int:
    """Asked only where it is known that something is held: nearly nobody has anything."""
    if not run.actor.held_in or not isinstance(run, PageRunner):
        return 0
    return run.read(count_held)


def organisation_shown(actor: Actor, plan: PlanView | None) -> str:
    """In the header stands whose plan it is; outside any plan, the reader's own organisation."""
    return plan.organisation.name if plan else actor.organisation
