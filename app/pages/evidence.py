"""Evidence: attaching it, one item, its file, its newer versions, reviewing and withdrawing it."""

from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from app.db import UnitOfWork
from app.domain.evidence import EvidenceView
from app.domain.files import ACCEPT_ATTRIBUTE, ACCEPTED_SENTENCE, content_disposition, repr_digest
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.permissions import Act, Item, may
from app.domain.personal_data import how_far, lines
from app.domain.plans import Choices, PlanView
from app.domain.record_proposals import Retention
from app.domain.refusals import Forbidden, NotFound
from app.domain.words import EvidenceKind, Marking, ReviewOutcome
from app.doors.held_files import HeldFile, ReceivedFile
from app.doors.received_files import keeping, upload_of
from app.doors.routing import NounRouter
from app.pages.deps import PageReceiver, PageRunner, Reading, Receiving, Writing
from app.pages.evidence_words import STATE_WORDS, door_words, newer_words, personal_data_words
from app.pages.forms import Form, Submitted, filled, see_other, settle
from app.pages.frames import frame_of
from app.pages.milestone_facts import MARKINGS
from app.pages.milestone_words import SCANS, in_log, logged
from app.pages.milestones import (
    address_of,
    read_milestone,
    require_offer,
    show_form,
    show_milestone_page,
)
from app.pages.record_proposals import RETENTIONS
from app.pages.templating import render, wants_fragment
from app.pages.uploading import UPLOAD_BODY, declared, received
from app.pages.wording import EVIDENCE_KIND_WORDS, PERSONAL_DATA_WORDS, listing
from app.services import evidence as services
from app.services import evidence_versions
from app.services.personal_data import unit_of
from app.services.plans import choices, get_plan
from app.services.record_proposals import set_retention as set_retention_of

router = NounRouter()

FORMS = [
    ("file", "A file", "It counts as soon as it is received, where the plan asks for a file"),
    ("link", "A link", "It counts once somebody has reviewed and accepted it"),
    ("statement", "A statement", "It counts once somebody has reviewed and accepted it"),
]
KINDS = [
    (str(kind), EVIDENCE_KIND_WORDS[kind])
    for kind in (EvidenceKind.DOCUMENT, EvidenceKind.DATA_EXTRACT, EvidenceKind.MINUTES)
]


@router.get("/plans/{plan}/milestones/{ref}/evidence/new")
def new_evidence(run: Reading, plan: str, ref: str, request: Request) -> Response:
    """The form that attaches evidence."""
    view, plan_view, offered = run.read(_read_for_attaching, plan=plan, ref=ref)
    require_offer(view.may.attach, "attach evidence")
    return _attach_page(run, request, view, plan_view, offered, Form({"form": ["file"], "marking": ["official"]}))


@router.post("/plans/{plan}/milestones/{ref}/evidence", **UPLOAD_BODY)
async def attach_evidence(run: Receiving, plan: str, ref: str, request: Request) -> Response:
    """Attach a file, a link or a statement to a milestone's evidence log."""
    key = MilestoneKey(plan=plan, ref=ref)
    terms = await run.read(services.check_attach, milestone=key)

    async def change(form: Form, file: ReceivedFile | None) -> Response:
        if isinstance(file, HeldFile) and form.text("form") not in ("", "file"):
            file = form.held = None
        facts = _facts(form, has_file=file is not None)
        form.check()
        upload = upload_of(file, run.settings, looked_at=form.held is not None)
        item = await run.write(
            keeping(file, services.attach_evidence), milestone=key, upload=upload, by_form=True, **facts
        )
        return see_other(f"{address_of(plan, ref)}#{item.ref}")

    async def again(form: Form, status: int) -> Response:
        view, plan_view, offered = await run.read(_read_for_attaching, plan=plan, ref=ref)
        return _attach_page(run, request, view, plan_view, offered, form, status=status)

    return await received(run, request, change, again=again, terms=terms)


def _facts(form: Form, *, has_file: bool) -> dict[str, Any]:
    chosen = form.text("form") or "file"
    if chosen == "file" and not has_file:
        form.add("file", "required", "Choose a file")
    if chosen != "file" and has_file:
        form.add("form", "one_only", "You chose a file as well. Send one or the other")
    return {
        **_said(form),
        "personal_data": declared(form),
        "kind": form.choice("kind", EvidenceKind) if chosen == "file" else None,
        "link": form.required("link", "Enter the link") if chosen == "link" else None,
        "statement": form.required("statement", "Enter the statement") if chosen == "statement" else None,
        "marking": form.choice("marking", Marking) or Marking.OFFICIAL,
        "restricted_to": form.all("restricted_to"),
    }


def _said(form: Form) -> dict[str, Any]:
    """What is said of an item, whichever version it is."""
    return {
        "title": form.required("title", "Enter what it is, as a title"),
        "description": form.optional("description"),
        "effective_from": form.day("effective_from", "The day it is valid from"),
        "effective_to": form.day("effective_to", "The last day it is valid"),
        "period_from": form.day("period_from", "The first day of the period"),
        "period_to": form.day("period_to", "The last day of the period"),
        "external_ref": form.optional("external_ref"),
        "shared_with": tuple(form.all("shared_with")),
    }


def _read_for_attaching(uow: UnitOfWork, *, plan: str, ref: str) -> tuple[MilestoneView, PlanView, Choices]:
    return *read_milestone(uow, plan=plan, ref=ref), choices(uow, slug=plan)


def _attach_page(
    run: PageRunner | PageReceiver,
    request: Request,
    view: MilestoneView,
    plan: PlanView,
    offered: Choices,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    return show_form(
        run, request, "evidence/new.html", view, plan, form,
        path="evidence", heading="Attach evidence", button="Attach evidence", status=status,
        forms=FORMS, parties=[*offered.organisations, *offered.owners], **_offered(run, offered),
    )  # fmt: skip


def _offered(run: PageRunner | PageReceiver, offered: Choices) -> dict[str, Any]:
    """What both upload forms offer."""
    return {
        "kinds": KINDS,
        "markings": [(marking, words) for marking, words, *_ in MARKINGS],
        "whose": list(PERSONAL_DATA_WORDS.items()),
        "accept": ACCEPT_ATTRIBUTE,
        "accepted": ACCEPTED_SENTENCE,
        "organisations": [one for one in offered.organisations if one[0] != run.actor.organisation_slug],
        "shared_hint": _SHARED,
    }


_SHARED = (
    "Your own organisation, programme managers, senior officers and auditors can. Everybody on the plan sees that it"
    " exists, unless you restrict it below."
)
_SHARED_AS_BEFORE = "Whoever could open the version before can open this one too."


@router.get("/evidence/{evidence}")
def show_evidence(run: Reading, evidence: str, request: Request) -> Response:
    """One item of evidence: what it is, its receipt, and what it supports."""
    item, plan = run.read(_read_evidence, evidence=evidence)
    return render(
        request,
        "evidence/page.html",
        frame=frame_of(run, plan, active="milestones", is_page=False),
        item=item,
        entry=logged(item, item.links[0]),
        links=[(link, logged(item, link)) for link in item.links],
        kind=EVIDENCE_KIND_WORDS[item.kind],
        scan=SCANS[item.scan],
        retentions=RETENTIONS,
        may_keep=may(run.actor, Act.PROPOSE_RECORD, Item(plan_id=item.plan_id)),
        search=item.search
        and {
            "lines": lines(item.search, unit := unit_of(item.file_name)),
            "how_far": how_far(item.search, unit),
        },
        door=door_words(item),
        personal_data=personal_data_words(item),
        restricted_to=listing(item.restricted_to),
        newer=newer_words(item),
        history=[(one, STATE_WORDS[one.state]) for one in reversed(item.versions)],
    )


@router.get("/evidence/{evidence}/versions/new")
def new_version(run: Reading, evidence: str, request: Request) -> Response:
    """The form that sends a newer version, with what was said of this one."""
    item, plan, offered = run.read(_read_for_version, evidence=evidence)
    if not item.may_replace:
        raise Forbidden("A newer version is sent by the organisation that provided it, or by the plan's managers")
    said = {
        name: getattr(item, name)
        for name in ("title", "kind", "marking", "effective_from", "effective_to", "period_from", "period_to")
    }
    return _version_page(run, request, item, plan, offered, filled(said))


@router.post("/evidence/{evidence}/versions", **UPLOAD_BODY)
async def add_version(run: Receiving, evidence: str, request: Request) -> Response:
    """Take a newer version of an item: the older one counts until this one has been accepted."""
    terms = await run.read(evidence_versions.check_add_version, evidence=evidence)

    async def change(form: Form, file: ReceivedFile | None) -> Response:
        if file is None:
            form.add("file", "required", "Choose the newer file")
        said = {**_said(form), "kind": form.choice("kind", EvidenceKind), "marking": form.choice("marking", Marking)}
        whose = tuple(declared(form))
        form.check()
        upload = upload_of(file, run.settings, looked_at=form.held is not None)
        item = await run.write(
            keeping(file, evidence_versions.add_version),
            evidence=evidence,
            offer=evidence_versions.Offer(upload=upload, personal_data_declared=whose, **said),
            if_match=form.optional("version"),
        )
        return see_other(f"/evidence/{item.id}")

    async def again(form: Form, status: int) -> Response:
        item, plan, offered = await run.read(_read_for_version, evidence=evidence)
        return _version_page(run, request, item, plan, offered, form, status=status)

    return await received(run, request, change, again=again, terms=terms)


def _read_for_version(uow: UnitOfWork, *, evidence: str) -> tuple[EvidenceView, PlanView, Choices]:
    item, plan = _read_evidence(uow, evidence=evidence)
    return item, plan, choices(uow, slug=item.plan_slug)


def _version_page(
    run: PageRunner | PageReceiver,
    request: Request,
    item: EvidenceView,
    plan: PlanView,
    offered: Choices,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    return render(
        request,
        "evidence/version.html",
        frame=frame_of(run, plan, active="milestones", is_page=False),
        status=status,
        form=form,
        item=item,
        counting=[link for link in item.links if link.counts],
        heading="Send a newer version",
        caption=item.ref,
        back=f"/evidence/{item.id}",
        action=f"/evidence/{item.id}/versions",
        button="Send it",
        version=item.version,
        refused_title="",
        clashes=[("Title", form.text("title"), item.title)] if form.stale else [],
        **{**_offered(run, offered), "shared_hint": _SHARED_AS_BEFORE},
    )


@router.post("/evidence/{evidence}/retention")
def set_retention(run: Writing, evidence: str, form: Submitted) -> Response:
    """Say how long an item is kept."""
    retention = form.choice("retention", Retention)
    if retention is None:
        form.add("retention", "required", "Choose how long it is kept")
    form.check()
    run.write(set_retention_of, evidence=evidence, retention=retention, if_match=form.optional("version"))
    return see_other(f"/evidence/{evidence}")


def _read_evidence(uow: UnitOfWork, *, evidence: str) -> tuple[EvidenceView, PlanView]:
    item = services.get_evidence(uow, evidence=evidence)
    return item, get_plan(uow, slug=item.plan_slug)


@router.get("/evidence/{evidence}/content")
def download_evidence(run: Writing, evidence: str) -> Response:
    """The file, to be saved: never shown inside a page of ours. That it was opened is put on the access log."""
    content = run.write(services.open_content, evidence=evidence)
    opened = run.storage.open(content.storage_name)
    return StreamingResponse(
        opened.chunks,
        media_type=content.content_type,
        headers={
            "Content-Disposition": content_disposition(content.file_name),
            "Content-Length": str(opened.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Repr-Digest": repr_digest(content.sha256),
            "Cache-Control": "private, no-store",
        },
    )


@router.post("/plans/{plan}/milestones/{ref}/evidence/{evidence}/review")
def review_evidence(run: Writing, plan: str, ref: str, evidence: str, request: Request, form: Submitted) -> Response:
    """Accept or reject an item for one milestone."""

    def change() -> EvidenceView:
        outcome = form.choice("outcome", ReviewOutcome)
        if outcome not in (ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED):
            form.add("outcome", "required", "Choose whether to accept or to reject it")
        relevance, robustness = _score(form, "relevance"), _score(form, "robustness")
        reason = form.required("reason", "Enter why")
        form.check()
        view = run.read(read_milestone, plan=plan, ref=ref)[0]
        return run.write(
            services.review_evidence,
            evidence=evidence,
            milestone=view.row.id,
            outcome=outcome,
            relevance=relevance,
            robustness=robustness,
            reason=reason,
            meets=form.all("meets"),
            if_match=form.optional("version"),
        )

    def done(item: EvidenceView) -> Response:
        if not wants_fragment(request):
            return see_other(f"{address_of(plan, ref)}#{item.ref}")
        return _item_or_page(run, request, plan, ref, evidence, None, 200)

    return settle(
        form,
        change,
        done=done,
        again=lambda form, status: _item_or_page(run, request, plan, ref, evidence, form, status),
    )


def _score(form: Form, name: str) -> int | None:
    """A score from 0 to 3. None, with an error, when none was chosen."""
    given = form.text(name)
    if given in ("0", "1", "2", "3"):
        return int(given)
    form.add(name, "required", f"Score its {name} from 0 to 3")
    return None


def _item_or_page(
    run: PageRunner, request: Request, plan: str, ref: str, evidence: str, form: Form | None, status: int
) -> Response:
    """The reviewed item with what depends on it, for HTMX; the whole page otherwise."""
    view, plan_view = run.read(read_milestone, plan=plan, ref=ref)
    entry = in_log(view, evidence)
    if entry is None:
        raise NotFound
    item = entry.item
    if form is not None:
        form.prefix = f"{item.ref}-"
    return show_milestone_page(
        run, request, view, plan_view,
        today=run.today,
        status=status,
        template="milestones/_swapped_evidence.html" if wants_fragment(request) else "milestones/page.html",
        problem=form,
        review_open=evidence if form is not None else "",
        focus=item.ref if form is None else "",
        entry=entry,
    )  # fmt: skip


@router.get("/evidence/{evidence}/withdrawal")
def ask_withdrawal(run: Reading, evidence: str, request: Request) -> Response:
    """The form that withdraws an item."""
    return _withdrawal_page(run, request, evidence, Form())


@router.post("/evidence/{evidence}/withdrawal")
def withdraw_evidence(run: Writing, evidence: str, request: Request, form: Submitted) -> Response:
    """Withdraw an item, with a reason. What stood on it falls back at once."""

    def change() -> EvidenceView:
        reason = form.required("reason", "Enter why it is withdrawn")
        form.check()
        return run.write(
            services.withdraw_evidence, evidence=evidence, reason=reason, if_match=form.optional("version")
        )

    def done(item: EvidenceView) -> Response:
        return see_other(f"{address_of(item.plan_slug, item.links[0].milestone_ref)}#{item.ref}")

    return settle(
        form,
        change,
        done=done,
        again=lambda form, status: _withdrawal_page(run, request, evidence, form, status=status),
    )


def _withdrawal_page(run: PageRunner, request: Request, evidence: str, form: Form, *, status: int = 200) -> Response:
    item, plan = run.read(_read_evidence, evidence=evidence)
    if not item.may_withdraw and not form.failed:
        raise Forbidden("Evidence is withdrawn by the organisation that provided it, once, or by the plan's managers")
    return render(
        request,
        "evidence/withdrawal.html",
        frame=frame_of(run, plan, active="milestones", is_page=False),
        status=status,
        form=form,
        item=item,
        counting=[link for link in item.links if link.counts],
        heading="Withdraw this evidence",
        caption=item.ref,
        back=f"/evidence/{item.id}",
        action=f"/evidence/{item.id}/withdrawal",
        button="Withdraw it",
        version=item.version,
        refused_title="",
        clashes=[("State", form.text("reason"), item.state.replace("_", " "))] if form.stale else [],
    )
