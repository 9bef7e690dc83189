"""Taking evidence in: the row, its link to the milestone, and the submission where it comes from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select

from app.db import UnitOfWork
from app.domain.days import london_day
from app.domain.evidence import (
    LinkedEvidence,
    Upload,
    already_attached,
    declared_as_stored,
    restriction_as_stored,
    verdicts,
)
from app.domain.ids import new_id
from app.domain.refusals import Reason, Refused, invalid
from app.domain.repeats import Sent, is_sent_again
from app.domain.typed import tidy
from app.domain.words import (
    EvidenceForm,
    EvidenceKind,
    Marking,
    PersonalData,
    PlanState,
    ScanState,
    Status,
    SubmissionKind,
)
from app.models import Evidence, EvidenceLink, EvidenceShare, Organisation, Plan
from app.models.texts import latest_texts
from app.models.visibility import known_item
from app.services import cases, success_criteria
from app.services.cases import Case
from app.services.personal_data import found_in, refuse_undeclared
from app.services.receipts import Origin, comes_from_outside, give_receipt, next_ref
from app.services.repeats import anything_since
from app.services.restricting import parties_named
from app.services.writing import Checks


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody sends: a file, a link or a statement, and what they say about it."""

    title: str
    upload: Upload | None = None
    link: str | None = None
    statement: str | None = None
    description: str | None = None
    kind: EvidenceKind | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    marking: Marking | None = None
    external_ref: str | None = None
    shared_with: tuple[str, ...] = ()
    period_from: date | None = None
    period_to: date | None = None
    personal_data_declared: tuple[PersonalData, ...] = ()
    restricted_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Succession:
    """Which item a newer version follows, and its place in the row of versions."""

    follows: Evidence
    number: int

    @property
    def first(self) -> str:
        return self.follows.first_version_id or self.follows.id


def take_in(uow: UnitOfWork, case: Case, offer: Offer, *, origin: Origin | None = None) -> Evidence:
    """Write an evidence item and link it to the milestone, whose evidence is read afresh. The caller settles. `origin`:
    whose it is, where it was held until now.
    """
    refuse_unless_open(case)
    evidence = write_item(uow, case, [case], offer, origin=origin)
    link(uow, case, evidence)
    return evidence


def write_item(
    uow: UnitOfWork,
    about: Case,
    cases_of: Sequence[Case],
    offer: Offer,
    *,
    succession: Succession | None = None,
    origin: Origin | None = None,
) -> Evidence:
    """Write an evidence item for some milestones, which the caller links it to. Its trail names the milestone `about`.

    Raises Invalid for what is malformed, Refused `evidence_already_attached` for bytes that one of them has already.
    """
    evidence, texts = _checked(uow, about, offer, succession, origin)
    refuse_same_file(uow, about, cases_of, evidence.sha256)
    if offer.upload is not None:
        attempted = "evidence_version" if succession else "evidence_attachment"
        refuse_undeclared(about, offer.upload, offer.personal_data_declared, attempted=attempted)
    if origin is not None:
        origin.stamp_evidence(evidence)
    evidence.ref = next_ref(uow, about.plan.id, "evidence", "E")
    uow.session.add(evidence)
    uow.session.flush()
    _share(uow, evidence, offer.shared_with)
    uow.record(
        "evidence_version_added" if succession else "evidence_attached",
        **{**about.about, "item_kind": "evidence", "item_id": evidence.id, "item_ref": evidence.ref},
        facts={
            **({"supersedes": succession.follows.ref, "version_number": succession.number} if succession else {}),
            "milestone": about.milestone.ref,
            "form": evidence.form,
            "kind": evidence.kind,
            "sha256": evidence.sha256,
            "size": evidence.size,
            "effective_from": evidence.effective_from,
            "effective_to": evidence.effective_to,
            "personal_data": evidence.personal_data_declared,
            "found": found_in(evidence.search),
            **_said_besides(evidence),
        },
        texts={**texts, "title": evidence.title, "link": evidence.link},
    )
    if origin is not None or comes_from_outside(uow, about.plan):
        give_receipt(
            uow, about.plan, SubmissionKind.EVIDENCE, title=evidence.title, milestone_id=about.milestone.id,
            evidence_id=evidence.id, evidence_ref=evidence.ref, external_ref=evidence.external_ref,
            origin=origin,
        )  # fmt: skip
    return evidence


def sent_already(uow: UnitOfWork, case: Case, offer: Offer) -> str | None:
    """The id of what this actor attached to the milestone last, if this is the same once more."""
    statement = (
        select(Evidence)
        .join(EvidenceLink, EvidenceLink.evidence_id == Evidence.id)  # type: ignore[arg-type]
        .where(EvidenceLink.milestone_id == case.milestone.id, Evidence.provided_by == uow.actor.id)
        .order_by(Evidence.id.desc())  # type: ignore[attr-defined]
        .limit(1)
    )
    last = uow.session.execute(statement).scalar_one_or_none()
    if last is None:
        return None
    its_own = ("evidence_attached", "submission_received")
    since = anything_since(uow, milestone_id=case.milestone.id, at=last.received_at, its_own=its_own)
    before = Sent(uow.actor.id, last.received_at, _kept_of(last, latest_texts(uow.session, [last.id])))
    now = Sent(uow.actor.id, uow.now, _sent_of(offer))
    return last.id if is_sent_again(before, now, anything_since=since) else None


def _kept_of(item: Evidence, texts: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    said = {name: texts.get((item.id, name)) or "" for name in ("description", "statement")}
    return {**said, "title": item.title, "link": item.link or "", "sha256": item.sha256, "marking": item.marking,
            "personal_data": item.personal_data_declared,
            "effective": (item.effective_from, item.effective_to), "period": (item.period_from, item.period_to),
            "restricted": item.restricted_to is not None,
            "external_ref": item.external_ref or ""}  # fmt: skip


def _sent_of(offer: Offer) -> dict[str, Any]:
    named = ("description", "statement", "title", "link", "external_ref")
    typed = {name: tidy(getattr(offer, name)) for name in named}
    return {**typed, "sha256": offer.upload.sha256 if offer.upload else None, "marking": offer.marking,
            "personal_data": declared_as_stored(offer.personal_data_declared),
            "effective": (offer.effective_from, offer.effective_to), "period": (offer.period_from, offer.period_to),
            "restricted": bool(offer.restricted_to)}  # fmt: skip


def _said_besides(evidence: Evidence) -> dict[str, Any]:
    """What a sender need not say, where it was said."""
    said = {
        "period_from": evidence.period_from,
        "period_to": evidence.period_to,
        "restricted": evidence.restricted_to is not None,
    }
    return {name: value for name, value in said.items() if value}


def refuse_same_file(uow: UnitOfWork, about: Case, cases_of: Sequence[Case], sha256: str | None) -> None:
    """The same bytes for the same milestone a second time are not taken, while the first still counts or may yet.

    What the sender may not know of stands in nobody's way: saying so would tell of it.
    """
    if sha256 is None:
        return
    live = [item.evidence_id for case in cases_of for item in _live(case, uow.today)]
    same = (
        select(Evidence.id, Evidence.ref, Evidence.received_at)  # type: ignore[call-overload]
        .where(Evidence.id.in_(live), Evidence.sha256 == sha256, known_item(uow.actor))  # type: ignore[attr-defined]
        .order_by(Evidence.id)
        .limit(1)
    )
    found = uow.session.execute(same).one_or_none() if live else None
    if found is not None:
        raise Refused(
            [already_attached(found.ref, found.id, london_day(found.received_at))],
            title=f"{about.milestone.ref}: nothing was added",
            attempted="evidence_attachment",
            item_kind="milestone",
            item_id=about.milestone.id,
            plan_id=about.plan.id,
        )


def _live(case: Case, today: date) -> list[LinkedEvidence]:
    judged = verdicts(case.evidence, policy=case.settings.policy, on=today, reopened_at=case.milestone.reopened_at)
    stands = (None, "not_reviewed", "before_reopening", "pending_scan")
    return [item for item, why in zip(case.evidence, judged, strict=True) if why in stands]


def link(uow: UnitOfWork, case: Case, evidence: Evidence) -> None:
    """The link that carries the review, and the milestone's evidence as it is with it."""
    uow.session.execute(
        insert(EvidenceLink).values(
            evidence_id=evidence.id,
            milestone_id=case.milestone.id,
            plan_id=case.plan.id,
            linked_at=uow.now,
            linked_by_title=uow.actor.title,
        )
    )
    case.evidence = cases.linked_evidence(uow, [case.milestone.id])[case.milestone.id]
    if case.criteria:
        success_criteria.tick_off(uow, case.milestone.id)


def refuse_unless_open(case: Case) -> None:
    """Evidence is taken for anything that has not been cancelled, in a plan that is not closed."""
    found: list[Reason] = []
    if case.plan.state is PlanState.CLOSED:
        found.append(Reason("plan_closed", "The plan is closed and read-only"))
    if case.milestone.status is Status.CANCELLED:
        found.append(Reason("milestone_cancelled", "It was cancelled, so no evidence is needed"))
    if found:
        raise Refused(
            found,
            title=f"{case.milestone.ref}: the evidence was not attached",
            attempted="evidence_attachment",
            item_kind="milestone",
            item_id=case.milestone.id,
            plan_id=case.plan.id,
        )


def _checked(
    uow: UnitOfWork, case: Case, offer: Offer, succession: Succession | None, origin: Origin | None
) -> tuple[Evidence, dict[str, str | None]]:
    checks = Checks()
    form = _form_of(offer, checks)
    title = checks.title("title", offer.title)
    description = checks.optional_text("description", offer.description)
    statement = checks.required_text("statement", offer.statement) if form is EvidenceForm.STATEMENT else None
    address = checks.web_address("link", offer.link or "") if form is EvidenceForm.LINK else None
    external_ref = checks.optional_text("external_ref", offer.external_ref, limit=120)
    checks.not_future("effective_from", offer.effective_from, uow.today, "Effective from must be today or in the past")
    checks.order(
        "effective_to", offer.effective_from, offer.effective_to, "Effective to must be on or after effective from"
    )
    if PersonalData.NONE in offer.personal_data_declared and len(set(offer.personal_data_declared)) > 1:
        checks.add("personal_data", "one_only", "Say whose personal data is in it, or that it holds none, not both")
    _check_period(checks, offer)
    restricted_to = (
        succession.follows.restricted_to if succession else _restriction(uow, case.plan, checks, offer, origin)
    )
    checks.done()
    upload = offer.upload
    evidence = Evidence(
        id=new_id(),
        plan_id=case.plan.id,
        ref="",
        form=form,
        kind=offer.kind or _KIND_OF[form],
        title=title,
        link=address,
        file_name=upload.file_name if upload else None,
        content_type=upload.content_type if upload else None,
        size=upload.size if upload else None,
        sha256=upload.sha256 if upload else None,
        storage_name=upload.storage_name if upload else None,
        received_at=uow.now,
        effective_from=offer.effective_from,
        effective_to=offer.effective_to,
        provided_by=uow.actor.id if uow.actor.is_person else None,
        provided_by_key=uow.actor.id if uow.actor.is_key else None,
        provided_by_title=uow.actor.title,
        organisation_id=uow.actor.organisation_id or case.plan.lead_organisation_id,
        door=uow.actor.door,
        external_ref=external_ref,
        marking=offer.marking or Marking.OFFICIAL,
        personal_data_declared=declared_as_stored(offer.personal_data_declared),
        search=upload.search.as_text() if upload and upload.search else None,
        scan=ScanState.PENDING if upload and upload.to_scan else ScanState.UNSCANNED,
        period_from=offer.period_from,
        period_to=offer.period_to,
        restricted_to=restricted_to,
        first_version_id=succession.first if succession else None,
        version_number=succession.number if succession else 1,
        supersedes_id=succession.follows.id if succession else None,
    )
    return evidence, {"description": description, "statement": statement}


def _check_period(checks: Checks, offer: Offer) -> None:
    """The days that it supports a milestone for: both or neither, in order."""
    if (offer.period_from is None) != (offer.period_to is None):
        missing = "period_from" if offer.period_from is None else "period_to"
        checks.add(missing, "required", "Give both the first and the last day of the period, or neither")
    checks.order("period_to", offer.period_from, offer.period_to, "The period must end on or after its first day")


def _restriction(uow: UnitOfWork, plan: Plan, checks: Checks, offer: Offer, origin: Origin | None) -> str | None:
    """Who may know of it, as it is stored. Who sends it always may; so may, of what comes from outside the lead
    organisation, the organisation that sends it: it follows there what became of it.
    """
    named = [identity for _, identity in parties_named(uow, checks, offer.restricted_to)]
    if not named:
        return None
    outside = comes_from_outside(uow, plan)
    sender = uow.actor.organisation_id if outside else uow.actor.id
    if origin is not None:
        sender = origin.organisation_id
    return restriction_as_stored([*named, *([sender] if sender else [])])


_KIND_OF = {
    EvidenceForm.FILE: EvidenceKind.DOCUMENT,
    EvidenceForm.LINK: EvidenceKind.LINK,
    EvidenceForm.STATEMENT: EvidenceKind.STATEMENT,
}


def _form_of(offer: Offer, checks: Checks) -> EvidenceForm:
    given = [
        form
        for form, value in (
            (EvidenceForm.FILE, offer.upload),
            (EvidenceForm.LINK, (offer.link or "").strip()),
            (EvidenceForm.STATEMENT, (offer.statement or "").strip()),
        )
        if value
    ]
    if len(given) == 1:
        return given[0]
    if given:
        checks.add("file", "one_only", "Give one of a file, a link or a statement, not several")
    else:
        checks.add("file", "required", "Choose a file, or give a link or a statement")
    checks.done()
    raise AssertionError("unreachable")


def _share(uow: UnitOfWork, evidence: Evidence, slugs: tuple[str, ...]) -> None:
    for slug in dict.fromkeys(slugs):
        found = uow.session.execute(select(Organisation.id).where(Organisation.slug == slug)).scalar_one_or_none()
        if found is None:
            raise invalid("shared_with", "unknown_organisation", f"There is no organisation called {slug}")
        uow.session.execute(insert(EvidenceShare).values(evidence_id=evidence.id, organisation_id=found))
