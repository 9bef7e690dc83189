"""What happens when a newer version of an item is sent, and what an accepted one supersedes.

Each version is an item of its own, with its file, its hash, its links and their reviews. The older one counts on until
the newer one has been accepted for the milestone; turned down or withdrawn, the newer one changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import insert, or_, select

from app.db import UnitOfWork
from app.domain import evidence as rules
from app.domain import permissions
from app.domain.evidence import EvidenceView
from app.domain.permissions import Act, Item
from app.domain.personal_data import Terms
from app.domain.refusals import Forbidden, Reason, invalid
from app.domain.words import EvidenceForm, PlanState, Status
from app.models import Evidence, EvidenceLink, EvidenceShare
from app.services import settling
from app.services.cases import Case, affected_cases
from app.services.evidence import get_evidence, lock_evidence, refuse_misdirected, refused_for, told_of
from app.services.evidence_intake import Offer, Succession, link, write_item
from app.services.personal_data import search_terms


def check_add_version(uow: UnitOfWork, *, evidence: str) -> Terms:
    """Before a body is read: whether this actor may send a newer version of this item at all, and what the file is
    searched for.
    """
    _require(uow, get_evidence(uow, evidence=evidence))
    return search_terms(uow)


def add_version(uow: UnitOfWork, *, evidence: str, offer: Offer, if_match: str | None = None) -> EvidenceView:
    """Take a newer version of an item: a file, for every milestone that the item supports and that is not cancelled.

    It keeps the item's restriction, its marking and kind where none are given, and who else may open the file. By the
    organisation that provided the item or its first version, a programme manager or a senior officer. What comes from
    outside the lead organisation is a submission, with its receipt and its clock.
    """
    view = get_evidence(uow, evidence=evidence)
    _require(uow, view)
    linked_to = uow.session.execute(select(EvidenceLink.milestone_id).where(EvidenceLink.evidence_id == view.id))
    affected = affected_cases(uow, list(linked_to.scalars()))
    about = told_of(affected, view)
    item = lock_evidence(uow, evidence, if_match)
    versions = _versions(uow, item)
    supported = [case for case in affected if case.milestone.status is not Status.CANCELLED]
    _refuse(uow, about, item, versions, supported)
    if offer.upload is None:
        raise invalid("file", "required", "Choose the file that is the newer version")
    succession = Succession(item, number=versions[-1].version_number + 1)
    kind = item.kind if item.form is EvidenceForm.FILE else None
    given = replace(offer, kind=offer.kind or kind, marking=offer.marking or item.marking)
    newer = write_item(uow, told_of(supported, view), supported, given, succession=succession)
    _share_alike(uow, item, newer)
    # The older one says from now on that a newer one waits: whoever looks at it has another page before them.
    item.version += 1
    for case in supported:
        link(uow, case, newer)
        settling.settle(uow, case, quietly=newer.restricted_to is not None)
    return get_evidence(uow, evidence=newer.id)


def _require(uow: UnitOfWork, view: EvidenceView) -> None:
    first = uow.session.get(Evidence, view.first_version_id or view.id)
    item = uow.session.get(Evidence, view.id)
    organisations = frozenset(one.organisation_id for one in (first, item) if one is not None)
    permissions.require(uow.actor, Act.ADD_VERSION, Item(plan_id=view.plan_id, organisations=organisations))
    if uow.actor.needs_release:
        raise Forbidden("What this key sends waits for a person of your organisation, who sends the newer version")
    if uow.actor.is_key and uow.actor.organisation_id not in organisations:
        raise Forbidden("A key sends newer versions of what its own organisation sent", needs="a person")


def _versions(uow: UnitOfWork, item: Evidence) -> Sequence[Evidence]:
    """All versions of an item, the first one first. Read under the item's lock."""
    first = item.first_version_id or item.id
    statement = (
        select(Evidence)
        .where(or_(Evidence.id == first, Evidence.first_version_id == first))  # type: ignore[arg-type]
        .order_by(Evidence.version_number)  # type: ignore[arg-type]
        .with_for_update(key_share=True)
    )
    return uow.session.execute(statement, execution_options={"populate_existing": True}).scalars().all()


def _refuse(
    uow: UnitOfWork, about: Case, item: Evidence, versions: Sequence[Evidence], supported: Sequence[Case]
) -> None:
    later = [one for one in versions if one.version_number > item.version_number and one.withdrawn_at is None]
    found: list[Reason] = rules.unmet_version(
        ref=item.ref,
        withdrawn=item.withdrawn_at is not None,
        newer=later[-1].ref if later else None,
        all_cancelled=not supported,
    )
    if about.plan.state is PlanState.CLOSED:
        found = [Reason("plan_closed", "The plan is closed and read-only")]
    if found:
        title = f"No newer version of {item.ref} was added"
        raise refused_for(about, item, found, title=title, attempted="evidence_version")
    refuse_misdirected(uow, about, item, "evidence_version")


def _share_alike(uow: UnitOfWork, older: Evidence, newer: Evidence) -> None:
    """Whoever may open the older file may open the newer one."""
    shares = select(EvidenceShare.organisation_id)  # type: ignore[call-overload]
    there = set(uow.session.execute(shares.where(EvidenceShare.evidence_id == newer.id)).scalars())
    for organisation in uow.session.execute(shares.where(EvidenceShare.evidence_id == older.id)).scalars():
        if organisation not in there:
            uow.session.execute(insert(EvidenceShare).values(evidence_id=newer.id, organisation_id=organisation))


__all__ = ["Offer", "add_version", "check_add_version"]
