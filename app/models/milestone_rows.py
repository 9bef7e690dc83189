"""A milestone with the words around it, as one Core row: what lists and exception reports read.

Plain tables, not entities: a statement on an entity's attributes costs the ORM's compilation at every execution.
"""

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.orm import Session

from app.models.linked_evidence import evidence_from_json, gathered_evidence
from app.models.milestones import Milestone, MilestoneSupporter, ProgressUpdate
from app.models.organisations import Organisation, Person
from app.models.plans import Action, Plan, Theme
from app.models.raw_rows import RawColumns
from app.models.texts import gathered_texts, texts_from_json

_milestones: Any = Milestone.__table__
_updates: Any = ProgressUpdate.__table__
_themes: Any = Theme.__table__
_actions: Any = Action.__table__
_plans: Any = Plan.__table__
_owner: Any = Person.__table__.alias("owner")
_declarer: Any = Person.__table__.alias("declarer")
_accepter: Any = Person.__table__.alias("accepter")
_owner_organisation: Any = Organisation.__table__.alias("owner_organisation")
_lead: Any = Organisation.__table__.alias("lead")
_supporters: Any = MilestoneSupporter.__table__

owner_title: Any = _owner.c.post_title
"""What a list is sorted by when it is sorted by owner."""

SAID = ("issue", "support_required", "path_to_green")
"""What of the latest update an exception prints."""

# What only a milestone's own page and its changes need.
_LEFT_OUT = (
    *("description", "success_criterion", "action_id", "lead_organisation_id", "source", "position"),
    *("due_set_by", "achieved_on", "achieved_by", "reopened_times", "not_independent", "reported_by"),
    *(
        "support_required",
        "accepted_by",
        "acceptance_ends_on",
        "came_from",
        "left_list_on",
        "left_list_because",
        "declared_update_id",
    ),
    "declared_by_others",
)

AROUND = (
    _themes.c.ref.label("theme_ref"),
    _themes.c.title.label("theme_title"),
    _owner.c.post_title.label("owner_title"),
    _owner.c.left_on.label("owner_left_on"),
    _declarer.c.post_title.label("declarer_title"),
    _accepter.c.post_title.label("accepter_title"),
    _lead.c.name.label("lead_name"),
    _lead.c.slug.label("lead_slug"),
)
FURTHER_AROUND = (
    _actions.c.ref.label("action_ref"),
    _actions.c.title.label("action_title"),
    _owner_organisation.c.name.label("owner_organisation"),
    _plans.c.slug.label("plan_slug"),
    _plans.c.approved_at.label("plan_approved_at"),
)


@cache
def with_neighbours() -> Any:
    """The tables that `AROUND` and `FURTHER_AROUND` are columns of."""
    return (
        _milestones.join(_plans, _plans.c.id == _milestones.c.plan_id)
        .join(_themes, _themes.c.id == _milestones.c.theme_id)
        .join(_actions, _actions.c.id == _milestones.c.action_id)
        .join(_lead, _lead.c.id == _milestones.c.lead_organisation_id)
        .outerjoin(_owner, _owner.c.id == _milestones.c.owner_id)
        .outerjoin(_owner_organisation, _owner_organisation.c.id == _owner.c.organisation_id)
        .outerjoin(_declarer, _declarer.c.id == _milestones.c.declared_by)
        .outerjoin(_accepter, _accepter.c.id == _milestones.c.accepted_by)
    )


@cache
def milestone_rows() -> Any:
    """Milestones joined to their theme, action, owner, lead organisation and plan. The caller adds its scope."""
    columns = (*_milestones.c, *AROUND, *FURTHER_AROUND)
    return select(*columns).select_from(with_neighbours())


_COMPARED = ("id", "plan_id", "amber_from", "red_from")
_REPORTED = RawColumns(
    (
        *(column for column in _milestones.c if column.name not in (*_LEFT_OUT, *_COMPARED)),
        *AROUND,
        _updates.c.at.label("update_at"),
        _updates.c.by_title.label("update_by"),
        _updates.c.return_to_green_on,
    )
)


@cache
def _by_id() -> Any:
    return milestone_rows().where(_milestones.c.id == bindparam("milestone"))


def milestone_row_by_id(session: Session, milestone_id: str) -> Any:
    """One of `milestone_rows`."""
    return session.connection().execute(_by_id(), {"milestone": milestone_id}).one()


@cache
def _supporting() -> Any:
    return (
        select(_supporters.c.milestone_id, _lead.c.id, _lead.c.slug, _lead.c.name)
        .join(_lead, _lead.c.id == _supporters.c.organisation_id)
        .where(_supporters.c.milestone_id.in_(bindparam("milestones", expanding=True)))
        .order_by(_lead.c.name)
    )


def supporting_organisations(session: Session, milestone_ids: list[str]) -> Sequence[Any]:
    """A row for each supporting organisation of these milestones, by name."""
    return session.connection().execute(_supporting(), {"milestones": milestone_ids}).all()


class ExceptionRow(SimpleNamespace):
    """One milestone of the exception report by name. `linked`: its evidence; `said`: {field: text} of its update
    and of its declaration.
    """


@cache
def exception_rows() -> Any:
    """Milestones as the exception report reads them: all that an item is made of in one row.

    Its first values are `id`, `plan_id`, `amber_from` and `red_from`; `typed_exception_row` makes sense of the rest.
    """
    joined = (
        _milestones.join(_themes, _themes.c.id == _milestones.c.theme_id)
        .join(_lead, _lead.c.id == _milestones.c.lead_organisation_id)
        .outerjoin(_owner, _owner.c.id == _milestones.c.owner_id)
        .outerjoin(_declarer, _declarer.c.id == _milestones.c.declared_by)
        .outerjoin(_accepter, _accepter.c.id == _milestones.c.accepted_by)
        .outerjoin(_updates, _updates.c.id == _milestones.c.last_update_id)
    )
    return select(
        *(_milestones.c[name] for name in _COMPARED),
        *_REPORTED.selected,
        gathered_evidence(_milestones.c.id).label("linked"),
        gathered_texts(_milestones.c.last_update_id, SAID).label("said"),
        gathered_texts(_milestones.c.declared_update_id, ("rationale",)).label("declared"),
    ).select_from(joined)


def typed_exception_row(values: tuple[Any, ...], dialect: Dialect) -> ExceptionRow:
    """The values of one of these rows by name and with their types."""
    named = _REPORTED.typed(dict(zip(_exception_names(), values, strict=True)), dialect)
    linked, said, declared = named.pop("linked"), named.pop("said"), named.pop("declared")
    texts = texts_from_json(said) | texts_from_json(declared)
    return ExceptionRow(**named, linked=evidence_from_json(linked), said=texts)


@cache
def _exception_names() -> tuple[str, ...]:
    return tuple(exception_rows().selected_columns.keys())
