"""What stands in the database, as a demo's plain data files: organisations, people, keys, each plan with its history.

Facts are written as they stand today, a milestone's due date, and where an action or milestone stands, as it first was;
how it came to stand where it does is history.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from app.db import UnitOfWork
from app.domain.audit import NO_PLAN
from app.domain.held_uploads import HeldState
from app.domain.success_criteria import AgreedProof
from app.domain.words import ChangeKind, ChangeState, DateSetter, Marking
from app.models import (
    Action,
    AuditEvent,
    ChangeRequest,
    Evidence,
    HeldUploadRow,
    Membership,
    Milestone,
    MilestoneRestriction,
    MilestoneSupporter,
    Organisation,
    OrganisationKey,
    OrganisationKeyPlan,
    Person,
    Plan,
    SavedViewRow,
    Setting,
    SuccessCriterion,
    Theme,
)
from app.services import seeds_partners
from app.services.keys import FRONT_DOOR
from app.services.seeds_format import Calendar, Record, filled
from app.services.seeds_history import Trail, read_trail, steps
from app.services.seeds_proof import proof_records

WAYMARK = ""
"""The actor id of Waymark itself, which the files leave out."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A demo as its files say it. `files` are names in the evidence store, by file name."""

    settings: Record
    organisations: list[Record]
    people: list[Record]
    keys: list[Record]
    plans: dict[str, Record]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Names:
    """Who and what the rows point to, as the files name them."""

    organisations: dict[str, str]
    people: dict[str, str]
    actors: dict[str, str]


def export_demo(uow: UnitOfWork, *, first_day: date) -> Exported:
    """Everything, with its days counted from `first_day`."""
    calendar = Calendar(first_day)
    organisations, people = _all(uow, Organisation), _all(uow, Person)
    keys, plans = _all(uow, OrganisationKey), _all(uow, Plan)
    people_named = {person.id: person.email for person in people}
    names = _Names(
        organisations={organisation.id: organisation.slug for organisation in organisations},
        people=people_named,
        actors={**people_named, **{key.id: f"key: {key.name}" for key in keys}, WAYMARK: ""},
    )
    front_door = uow.session.get(Setting, FRONT_DOOR)
    return Exported(
        settings=filled({FRONT_DOOR: front_door.value if front_door else None}),
        organisations=sorted((_organisation(row) for row in organisations), key=lambda record: str(record["slug"])),
        people=_people(uow, people, names, calendar),
        keys=_keys(uow, keys, names, calendar),
        plans={plan.slug: _plan(uow, plan, names, calendar) for plan in plans},
        files=_files(uow),
    )


def _all(uow: UnitOfWork, model: Any) -> list[Any]:
    return list(uow.session.execute(select(model).order_by(model.id)).scalars())


def _files(uow: UnitOfWork) -> dict[str, str]:
    statement = select(Evidence.file_name, Evidence.storage_name)  # type: ignore[call-overload]
    rows = uow.session.execute(statement.where(Evidence.file_name.is_not(None)))  # type: ignore[union-attr]
    held = select(HeldUploadRow).where(HeldUploadRow.state == HeldState.AWAITING_RELEASE)  # type: ignore[arg-type]
    waiting = [json.loads(row.offer)["upload"] for row in uow.session.execute(held).scalars()]
    return {
        **{row.file_name: row.storage_name for row in rows},
        **{upload["file_name"]: upload["storage_name"] for upload in waiting if upload},
    }


def _organisation(row: Organisation) -> Record:
    return filled({"slug": row.slug, "name": row.name, "kind": row.kind, "case_pattern": row.case_pattern})


def _people(uow: UnitOfWork, people: Iterable[Person], names: _Names, calendar: Calendar) -> list[Record]:
    left = {event.item_id: event for event in _events(uow, NO_PLAN, "person_left")}
    return [
        filled(
            {
                "email": person.email,
                "post_title": person.post_title,
                "organisation": names.organisations[person.organisation_id],
                "administrator": person.administrator or None,
                "signs_in": True if person.password_hash else None,
                "left": _stamp(left[person.id], names, calendar) if person.id in left else None,
            }
        )
        for person in sorted(people, key=lambda person: person.email)
    ]


def _keys(uow: UnitOfWork, keys: Iterable[OrganisationKey], names: _Names, calendar: Calendar) -> list[Record]:
    plans: dict[str, list[str]] = {}
    named = select(OrganisationKeyPlan.key_id, Plan.slug).join(Plan, Plan.id == OrganisationKeyPlan.plan_id)  # type: ignore[call-overload, arg-type]
    for row in uow.session.execute(named.order_by(Plan.slug)):
        plans.setdefault(row.key_id, []).append(row.slug)
    records = [
        {
            "organisation": names.organisations[key.organisation_id],
            "name": key.name,
            "plans": plans.get(key.id, []),
            "scopes": key.scopes.split(),
            **({"needs_release": True} if key.needs_release else {}),
            "created": filled({**calendar.when(key.created_at), "by": names.people.get(key.created_by or WAYMARK)}),
            "expires_after_days": (key.expires_at - key.created_at).days,
        }
        for key in keys
        if key.revoked_at is None
    ]
    return sorted(records, key=lambda record: (str(record["organisation"]), str(record["name"])))


def _plan(uow: UnitOfWork, plan: Plan, names: _Names, calendar: Calendar) -> Record:
    trail = read_trail(uow, plan, calendar=calendar, who=names.actors)
    themes = _parts(uow, Theme, plan)
    actions = _parts(uow, Action, plan)
    theme_refs = {theme.id: theme.ref for theme in themes}
    return {
        "facts": {
            "slug": plan.slug,
            "title": plan.title,
            "purpose": plan.purpose,
            "organisation": names.organisations[plan.lead_organisation_id],
            "created": trail.stamp(_first(trail, "plan_created")),
            "written": trail.stamp(_first(trail, "theme_added")),
        },
        "settings": _first_settings(trail, plan),
        "meetings": _meetings(trail),
        "memberships": _memberships(uow, plan, names, calendar),
        "themes": _by_ref(
            [filled({"ref": theme.ref, "title": theme.title, "source": theme.source}) for theme in themes],
            _removed(trail, "theme"),
        ),
        "actions": _by_ref(
            [
                filled(
                    {
                        "ref": row.ref,
                        "theme": theme_refs[trail.first_theme(row)],
                        "title": row.title,
                        "source": row.source,
                    }
                )
                for row in actions
                if row.id not in trail.made
            ],
            _removed(trail, "action"),
        ),
        "milestones": _milestones(uow, trail, names, {action.id: action.ref for action in actions}),
        **filled(
            {
                "views": _views(uow, plan, {**theme_refs, **names.people}, names, calendar),
                "webhooks": seeds_partners.webhooks_of(uow, trail, names.organisations),
                "held": seeds_partners.held(uow, trail),
            }
        ),
        "history": list(steps(trail)),
    }


def _views(uow: UnitOfWork, plan: Plan, known: Mapping[str, str], names: _Names, calendar: Calendar) -> list[Record]:
    """Saved views as they are now. `known` are themes by reference and people by e-mail address."""
    found = select(SavedViewRow).where(SavedViewRow.plan_id == plan.id)  # type: ignore[arg-type]
    rows = uow.session.execute(found.order_by(SavedViewRow.saved_at, SavedViewRow.id)).scalars()  # type: ignore[arg-type]
    return [
        filled(
            {
                "name": row.name,
                "of": row.of_list,
                "filters": {name: known.get(value, value) for name, value in json.loads(row.filters).items()},
                "shared": row.shared or None,
                "saved": {**calendar.when(row.saved_at), "by": names.people[row.owner_id]},
            }
        )
        for row in rows
    ]


def _parts(uow: UnitOfWork, model: Any, plan: Plan) -> list[Any]:
    """In the order in which they were written: by the numbers of their references."""
    found = uow.session.execute(select(model).where(model.plan_id == plan.id)).scalars()
    return sorted(found, key=lambda row: _number(row.ref))


def _by_ref(parts: list[Record], removed: list[Record]) -> list[Record]:
    return sorted([*parts, *removed], key=lambda part: _number(str(part["ref"])))


def _number(ref: str) -> int:
    return int(ref.rpartition("-")[2])


def _removed(trail: Trail, noun: str) -> list[Record]:
    """Themes or actions that were taken out of the draft: only the trail still knows them, and their references are
    not given out again. They are written down as they were added; that they left is a step of the history.
    """
    gone = {event.item_id for event in trail.events if event.event == f"{noun}_removed"}
    return [
        {"ref": event.item_ref, **json.loads(event.facts), "title": trail.said(event)["title"]}
        for event in trail.events
        if event.event == f"{noun}_added" and event.item_id in gone
    ]


def _first(trail: Trail, name: str) -> AuditEvent:
    return next(event for event in trail.events if event.event == name)


def _events(uow: UnitOfWork, chain: str, name: str) -> Iterable[AuditEvent]:
    return uow.session.execute(
        select(AuditEvent).where(AuditEvent.chain == chain, AuditEvent.event == name).order_by(AuditEvent.seq)  # type: ignore[arg-type]
    ).scalars()


def _stamp(event: AuditEvent, names: _Names, calendar: Calendar) -> Record:
    return filled({**calendar.when(event.at), "by": names.actors[event.actor_id]})


def _meetings(trail: Trail) -> list[Record]:
    """As they were listed with the draft; what was listed, held, moved or cancelled since is history."""
    events = [event for event in trail.events if event.event == "meeting_listed"]
    listed = [json.loads(event.facts) for event in events if event.at == events[0].at]
    return [
        {"day": trail.day(facts["on"]), "state": facts["state"]}
        for facts in sorted(listed, key=lambda facts: str(facts["on"]))
    ]


def _memberships(uow: UnitOfWork, plan: Plan, names: _Names, calendar: Calendar) -> list[Record]:
    rows = uow.session.execute(select(Membership).where(Membership.plan_id == plan.id)).scalars()  # type: ignore[arg-type]
    records = [
        filled({"person": names.people[row.person_id], "role": row.role, "ends_day": calendar.offset(row.ends_on)})
        for row in rows
    ]
    return sorted(records, key=lambda record: (record["person"], record["role"]))


def _milestones(uow: UnitOfWork, trail: Trail, names: _Names, actions: dict[str, str]) -> list[Record]:
    supporters = _by_milestone(uow, MilestoneSupporter, trail)
    restrictions = _by_milestone(uow, MilestoneRestriction, trail)
    agreed = _by_milestone(uow, SuccessCriterion, trail)
    added = {event.item_id: event for event in trail.events if event.event == "milestone_added"}
    written_at = _first(trail, "theme_added").at

    def record(row: Milestone) -> Record:
        return filled(
            {
                "ref": row.ref,
                "action": actions[trail.first_action(row)],
                "title": row.title,
                "description": row.description,
                "success_criterion": _first_criterion(trail, row),
                "criteria": proof_records(_first_proof(trail, row, agreed.get(row.id, []), names), trail.calendar),
                "owner": names.people.get(row.owner_id or ""),
                "organisation": names.organisations[row.lead_organisation_id],
                "supporting_organisations": sorted(
                    names.organisations[one.organisation_id] for one in supporters.get(row.id, [])
                ),
                "start_day": trail.calendar.offset(row.start_date),
                "due_day": trail.calendar.offset(_first_due_date(trail, row)),
                "due_set_by": row.due_set_by if row.due_set_by is not DateSetter.PLAN else None,
                "marking": row.marking if row.marking is not Marking.OFFICIAL else None,
                "restricted_to": _restricted_to(restrictions.get(row.id, []), names),
                "source": row.source,
                "added": trail.stamp(added[row.id]) if row.added_at != written_at else None,
            }
        )

    # What came of a change request comes of it again.
    written = (row for row in trail.milestones.values() if row.came_from is None and row.id not in trail.made)
    return [record(row) for row in sorted(written, key=lambda row: row.position)]


def _by_milestone(uow: UnitOfWork, model: Any, trail: Trail) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in uow.session.execute(select(model).where(model.milestone_id.in_(list(trail.milestones)))).scalars():
        found.setdefault(row.milestone_id, []).append(row)
    return found


def _restricted_to(rows: list[MilestoneRestriction], names: _Names) -> list[str]:
    """Organisations by slug, then people by e-mail address."""
    organisations = sorted(names.organisations[row.organisation_id] for row in rows if row.organisation_id)
    return organisations + sorted(names.people[row.person_id] for row in rows if row.person_id)


def _first_criterion(trail: Trail, row: Milestone) -> str:
    """As it stood before the first change that was approved."""
    found = row.success_criterion
    for event in reversed(trail.events):
        if event.milestone_id == row.id and event.event == "criteria_changed":
            found = ""
        elif not found and event.item_id == row.id and event.event in ("milestone_added", "milestone_edited"):
            found = trail.said(event).get("success_criterion", "")
    return found


def _first_proof(trail: Trail, row: Milestone, rows: list[SuccessCriterion], names: _Names) -> list[AgreedProof]:
    """The proof agreed for it before the first change that was approved."""
    changes = [one.at for one in trail.events if one.milestone_id == row.id and one.event == "criteria_changed"]
    until = min(changes, default=None)
    first = [
        one
        for one in rows
        if (one.replaced_at is None if until is None else one.agreed_at < until)
        and (until is None or one.replaced_at is None or one.replaced_at >= until)
    ]
    return [
        AgreedProof(
            number=one.number,
            kind=one.kind,
            organisation=names.organisations[one.organisation_id] if one.organisation_id else None,
            period_from=one.period_from,
            period_to=one.period_to,
        )
        for one in sorted(first, key=lambda one: one.position)
    ]


def _first_settings(trail: Trail, plan: Plan) -> Record:
    """As they stood when the plan was approved: what was changed since is history."""
    settings = {
        "evidence_policy": plan.evidence_policy,
        "tolerance_days": plan.tolerance_days,
        "overdue_limit_days": plan.overdue_limit_days,
        "moved_rule": plan.moved_rule,
        "cycle_days": plan.cycle_days,
        "triage_hours": plan.triage_hours,
    }
    for event in reversed(trail.events):
        if event.event in ("evidence_policy_changed", "plan_settings_changed"):
            facts = json.loads(event.facts)
            settings.update({name: facts[name][0] for name in settings if name in facts})
    return settings


def _first_due_date(trail: Trail, row: Milestone) -> date | None:
    """As it stood before the first move that was approved."""
    moves = sorted(
        (request for request in trail.requests.values() if _moved(request, row)),
        key=lambda request: (request.decided_at is None, request.decided_at),
    )
    return moves[0].due_was if moves else row.due_date


def _moved(request: ChangeRequest, row: Milestone) -> bool:
    return (
        request.milestone_id == row.id and request.kind is ChangeKind.DUE_DATE and request.state is ChangeState.APPROVED
    )
