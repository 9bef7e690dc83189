"""The honesty checks of a plan, and of one milestone: a fixed number of queries, each up to a cap."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.db import UnitOfWork
from app.domain import honesty as rules
from app.domain import permissions
from app.domain.days import london_day
from app.domain.evidence import EvidenceView
from app.domain.honesty import CHECKS, Check, Finding, Group, HonestyReport, Said, SharedFile
from app.domain.milestones import UpdateView
from app.domain.permissions import Act, Item
from app.domain.words import OPEN_STATUSES, ReviewOutcome, Status
from app.models import Plan, plan_heads
from app.models import honesty as scans
from app.models.exception_scans import COUNT_CAP
from app.services.milestone_rows import status_of
from app.services.plans import live_head, view_of_head

SHOWN = 50


def honesty_checks(uow: UnitOfWork, *, slug: str, check: Check | None = None, limit: int = SHOWN) -> HonestyReport:
    """What each check finds in a plan, the first `limit` of it with its number; `check`: that one alone.

    For programme managers and auditors, who may know of every item. Raises NotFound and Forbidden.
    """
    head = live_head(uow, slug)
    permissions.require(uow.actor, Act.CHECK_HONESTY, Item(plan_id=head.id))
    updates = [_said(row) for row in scans.rows(uow.session, scans.latest_updates(), plan_id=head.id)]
    files, shared = _shared_files(uow, head.id, limit)
    found = {
        Check.ACTION_WITHOUT_MILESTONE: _each(uow, head, scans.actions_without_milestone(), _action),
        Check.NO_CRITERION: _each(uow, head, scans.without_criterion(), _no_criterion),
        Check.SAME_WORDS: rules.same_words(updates),
        Check.BULK_UPDATE: rules.bulk_updates(updates),
        Check.SHARED_FILE: shared,
        Check.EVIDENCE_AFTER_COMPLETION: _each(uow, head, scans.dated_after_completion(), _after_completion),
        Check.NOT_INDEPENDENT: _each(uow, head, scans.not_independent(), _not_independent),
        Check.GREEN_UNTIL_OVERDUE: _overdue(uow, head.id),
        Check.APPROVED_BY_OWNER: _each(uow, head, scans.approved_by_owner(), _approved_by_owner),
    }
    meetings = plan_heads.meetings_of(uow.session, [head.id])[head.id]
    return HonestyReport(
        plan=view_of_head(uow, head, meetings),
        groups=tuple(
            _group(one, found[one], limit, count=files if one is Check.SHARED_FILE else len(found[one]))
            for one in CHECKS
            if check in (None, one)
        ),
        updates_read=len(updates),
    )


def of_milestone(
    uow: UnitOfWork, row: Any, said: Sequence[UpdateView], evidence: Iterable[EvidenceView]
) -> list[Finding]:
    """What holds of one milestone. `row` is one of `milestone_rows`, the rest what its page shows. Two queries."""
    found = [
        _no_criterion(row) if not row.success_criterion else None,
        *rules.same_words(_as_said(row, one) for one in said),
        *_bulk(uow, row, said),
        *_shared(uow, row),
        *(_dated(row, item) for item in evidence if _in_force(row, item)),
        rules.not_independent(row.ref, row.title) if _achieved_alone(row, uow) else None,
        _late(row, uow),
        _approved_by_owner(row) if _is_approvers_own(uow, row) else None,
    ]
    return [finding for finding in found if finding is not None]


def _group(check: Check, found: Sequence[Finding], limit: int, *, count: int) -> Group:
    title, why = CHECKS[check]
    return Group(check, title, why, min(count, COUNT_CAP + 1), tuple(found[:limit]))


def _each(uow: UnitOfWork, head: Any, statement: Any, as_finding: Any) -> list[Finding]:
    found = (as_finding(row) for row in scans.rows(uow.session, statement, plan_id=head.id, today=uow.today))
    return [finding for finding in found if finding is not None]


def _action(row: Any) -> Finding:
    return rules.action_without_milestone(row.ref, row.title)


def _no_criterion(row: Any) -> Finding:
    return rules.no_criterion(row.ref, row.title)


def _not_independent(row: Any) -> Finding:
    return rules.not_independent(row.ref, row.title)


def _achieved_alone(row: Any, uow: UnitOfWork) -> bool:
    """Achieved today, and one person did it all."""
    return row.not_independent and status_of(row, uow.today) is Status.ACHIEVED


def _approved_by_owner(row: Any) -> Finding:
    return rules.approved_by_owner(row.ref, row.title)


def _is_approvers_own(uow: UnitOfWork, row: Any) -> bool:
    """The plan was read with its milestone: no query more."""
    plan = uow.session.get(Plan, row.plan_id)
    if plan is None or plan.approved_at is None or row.added_at > plan.approved_at:
        return False
    return row.status in OPEN_STATUSES and row.owner_id == (plan.approved_by or "")


def _after_completion(row: Any) -> Finding | None:
    name = f"{row.evidence_ref} {row.evidence_title}"
    return rules.evidence_after_completion(
        row.ref, row.title, evidence=name, dated=row.effective_from, completed=row.completed_on
    )


def _overdue(uow: UnitOfWork, plan_id: str) -> list[Finding]:
    rows = scans.rows(uow.session, scans.overdue(), plan_id=plan_id, now=uow.now, today=uow.today)
    return [finding for row in rows if (finding := _late(row, uow)) is not None][: COUNT_CAP + 1]


def _late(row: Any, uow: UnitOfWork) -> Finding | None:
    return rules.green_until_overdue(
        row.ref,
        row.title,
        status=row.status,
        due=row.due_date,
        amber_on=london_day(row.amber_from) if row.amber_from else None,
        today=uow.today,
    )


def _shared_files(uow: UnitOfWork, plan_id: str, limit: int) -> tuple[int, list[Finding]]:
    """How many files there are, and the first of them with the milestones behind them."""
    files = scans.rows(uow.session, scans.shared_files(), plan_id=plan_id, room=COUNT_CAP + 1)
    shown = {row.sha256: row.number for row in files[:limit]}
    behind = scans.rows(uow.session, scans.behind_files(), plan_id=plan_id, hashes=list(shown))
    return len(files), _findings_of_files(behind, shown)


def _shared(uow: UnitOfWork, row: Any) -> list[Finding]:
    """What the files of one milestone are evidence of besides."""
    behind = scans.rows(
        uow.session, scans.behind_files(of_milestone=True), plan_id=row.plan_id, milestone_id=row.id
    )  # fmt: skip
    return _findings_of_files(behind, Counter(one.sha256 for one in behind))


def _findings_of_files(behind: Sequence[Any], numbers: Mapping[str, int]) -> list[Finding]:
    """`behind`: a row for each file and milestone; `numbers`: the files in the order wanted, with how many it is."""
    by_file: dict[str, list[Any]] = {sha256: [] for sha256 in numbers}
    for row in behind:
        by_file[row.sha256].append(row)
    files = [
        SharedFile(rows[0].file_name, numbers[sha256], tuple(row.ref for row in rows), tuple(row.title for row in rows))
        for sha256, rows in by_file.items()
        if rows
    ]
    return [finding for file in files if (finding := rules.shared_file(file)) is not None]


def _bulk(uow: UnitOfWork, row: Any, said: Sequence[UpdateView]) -> list[Finding]:
    """Whether its latest update in words of its own is one of many alike."""
    last = next((one for one in said if one.narrative), None)
    if last is None:
        return []
    near = scans.rows(
        uow.session,
        scans.updates_near(),
        plan_id=row.plan_id,
        update=last.id,
        begin=last.at - rules.BULK_WITHIN,
        end=last.at + rules.BULK_WITHIN,
    )
    found = rules.bulk_updates(_said(one) for one in near)
    return [finding for finding in found if row.ref in (finding.ref, *finding.also)]


def _dated(row: Any, item: EvidenceView) -> Finding | None:
    return rules.evidence_after_completion(
        row.ref, row.title, evidence=f"{item.ref} {item.title}", dated=item.effective_from, completed=row.completed_on
    )


def _in_force(row: Any, item: EvidenceView) -> bool:
    link = next((one for one in item.links if one.milestone_id == row.id), None)
    return link is not None and link.why_not != "withdrawn" and link.outcome in (None, ReviewOutcome.ACCEPTED)


def _said(row: Any) -> Said:
    return Said(row.milestone_id, row.ref, row.title, row.by_id, row.by_title, row.at, row.body or "")


def _as_said(row: Any, update: UpdateView) -> Said:
    words = "" if update.narrative is None or update.narrative == "[redacted]" else update.narrative
    return Said(row.id, row.ref, row.title, "", update.by, update.at, words)
