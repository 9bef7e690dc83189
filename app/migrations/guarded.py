"""What the database itself guards, said once for both databases.

The triggers of `triggers_sqlite` and `triggers_postgresql` are made from this: which tables keep every row, which
columns never change, and when evidence counts. `app.domain.evidence.why_not` is the same rule for people; a test holds
the two together.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect

PREFIX = "guard_"
"""Every trigger's name begins so, and every function's: what is ours can be told from what an administrator added."""


@dataclass(frozen=True)
class Guarded:
    """A table that keeps every row. `sentence` says why none is deleted and, where there is something, what to do."""

    table: str
    sentence: str
    unique: tuple[tuple[str, ...], ...]
    stands: tuple[str, ...] = ()
    append_only: bool = False

    @property
    def stands_sentence(self) -> str:
        listed = ", ".join(self.stands)
        return f"{listed} of {self.table} never change{'s' if len(self.stands) == 1 else ''}"


TABLES = (
    Guarded("plans", "A plan is never deleted: close it", (("id",), ("slug",)), stands=("id",)),
    Guarded(
        "milestones",
        "A milestone is never deleted: ask for its cancellation",
        (("id",), ("plan_id", "ref")),
        stands=("id", "plan_id", "ref", "added_at"),
    ),
    Guarded(
        "evidence",
        "Evidence is never deleted: withdraw it",
        (("id",), ("plan_id", "ref"), ("first_version_id", "version_number")),
        stands=(
            *("id", "plan_id", "ref", "door", "received_at", "provided_by", "provided_by_key", "organisation_id"),
            *("form", "sha256", "storage_name", "size", "search"),
            *("restricted_to", "first_version_id", "version_number", "supersedes_id"),
        ),
    ),
    Guarded(
        "evidence_links",
        "A link and its review are never deleted: review it again",
        (("evidence_id", "milestone_id"),),
        stands=("evidence_id", "milestone_id", "plan_id", "linked_at"),
    ),
    Guarded(
        "success_criteria",
        "What was agreed is never deleted: agree something else",
        (("id",),),
        stands=(
            *("id", "plan_id", "milestone_id", "number", "kind", "organisation_id"),
            *("period_from", "period_to", "agreed_at"),
        ),
    ),
    Guarded(
        "criterion_ticks",
        "What is ticked off stays: reject the evidence, or withdraw it",
        (("criterion_id", "evidence_id"),),
        append_only=True,
    ),
    Guarded(
        "submissions",
        "A submission is never deleted: triage it",
        (("id",), ("plan_id", "ref")),
        stands=("id", "plan_id", "ref", "kind", "organisation_id", "received_at"),
    ),
    Guarded(
        "change_requests",
        "A change request is never deleted: decide it",
        (("id",),),
        stands=(
            *("id", "plan_id", "milestone_id", "kind", "requested_by", "requested_at"),
            # `due_was` is what the date was, and a decision may come when it has moved since it was asked.
            *("due_date", "ground", "settings", "agreed_on"),
        ),
    ),
    Guarded(
        "baseline_corrections",
        "The correction of a baseline is never changed: correct it again",
        (("id",),),
        append_only=True,
    ),
    Guarded(
        "record_proposals",
        "A proposal is never deleted: decide it",
        (("id",),),
        stands=("id", "plan_id", "kind", "evidence_id", "text_id", "created_at"),
    ),
    Guarded("texts", "A text is never deleted: it can be redacted", (("id",),)),
    Guarded("audit_heads", "A chain keeps its head", (("chain",),)),
    Guarded("audit_events", "The audit trail is only ever added to", (("id",), ("chain", "seq")), append_only=True),
    Guarded(
        "access_log",
        "The access log is only ever added to",
        (("id",), ("actor_id", "what", "item_id", "hour")),
        append_only=True,
    ),
    Guarded("plan_addresses", "An address stays with its plan", (("slug",),), append_only=True),
    Guarded("part_moves", "What was moved in a plan stays on record", (("id",),), append_only=True),
    Guarded(
        "carried_over",
        "Where an open item of a closed plan went is never changed",
        (("milestone_id",),),
        append_only=True,
    ),
    Guarded("milestone_events", "A milestone's history is only ever added to", (("id",),), append_only=True),
    Guarded("progress_updates", "A progress update is never changed: write another", (("id",),), append_only=True),
)


def columns_there(connection: Connection) -> dict[str, set[str]]:
    """The columns of every guarded table that is there. A trigger made for a later revision cannot stand on them."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    return {
        table.table: {column["name"] for column in inspector.get_columns(table.table)}
        for table in TABLES
        if table.table in there
    }


def evidence_counts(*, milestone: str, plan: str) -> str:
    """The condition, in SQL of both databases, under which link `l` and its evidence `e` count towards a milestone.

    A version counts no more once a newer one `n` that nobody has withdrawn is accepted for the same milestone.

    `milestone` and `plan` are the names under which their rows are known there, `NEW` in a trigger. The milestone's
    `achieved_on` is the day: a trigger reads no clock.
    """
    return f"""l.milestone_id = {milestone}.id
          AND l.plan_id = {milestone}.plan_id
          AND e.id = l.evidence_id
          AND e.plan_id = l.plan_id
          AND e.withdrawn_at IS NULL
          AND e.scan IN ('clean', 'unscanned')
          AND (e.effective_to IS NULL OR e.effective_to >= {milestone}.achieved_on)
          AND NOT EXISTS (
            SELECT 1 FROM evidence n, evidence_links a
            WHERE n.first_version_id = coalesce(e.first_version_id, e.id)
              AND n.version_number > e.version_number
              AND n.plan_id = e.plan_id
              AND n.withdrawn_at IS NULL
              AND a.evidence_id = n.id
              AND a.milestone_id = l.milestone_id
              AND a.outcome = 'accepted'
          )
          AND (
            (l.outcome = 'accepted' AND ({milestone}.reopened_at IS NULL OR l.reviewed_at > {milestone}.reopened_at))
            OR (l.outcome IS NULL AND {plan}.evidence_policy = 'attached' AND e.form = 'file'
                AND ({milestone}.reopened_at IS NULL OR e.received_at > {milestone}.reopened_at))
          )"""


def last_agreed_due_date(milestone: str) -> str:
    """The condition under which change request `r` is the milestone's last approved one about its due date."""
    return f"""r.milestone_id = {milestone}.id AND r.kind = 'due_date' AND r.state = 'approved'
          AND r.decided_at = (SELECT max(a.decided_at) FROM change_requests a
                              WHERE a.milestone_id = {milestone}.id AND a.kind = 'due_date' AND a.state = 'approved')"""


def last_baseline_correction(milestone: str, *, was: str) -> str:
    """The condition under which correction `c` is the milestone's last one, and puts its baseline right from `was`."""
    return f"""c.milestone_id = {milestone}.id AND c.was = {was}.baseline_date
          AND c.baseline_date = {milestone}.baseline_date
          AND c.corrected_at = (SELECT max(a.corrected_at) FROM baseline_corrections a
                                WHERE a.milestone_id = {milestone}.id)"""


def replaced_sentence(table: str) -> str:
    return f"A row of {table} is never replaced, and its keys are not taken again"


GATE = "evidence_gate"
NEVER_INSERTED = "A milestone is never inserted as achieved: insert it completed, add its evidence, then achieve it"
ONLY_FROM_COMPLETED = "Only a completed milestone can be marked as achieved"
NEEDS_A_DAY = "An achieved milestone says on which day it was achieved"
NEEDS_APPROVED_PLAN = "Only a milestone of an approved plan can be marked as achieved"
NEEDS_EVIDENCE = "No evidence counts for this milestone under its plan's policy"
LINKED_FIRST = "A version is inserted before its links, so that what it supersedes is judged"
WOULD_LOSE_EVIDENCE = "An achieved milestone would lose its evidence: lower it to completed first"
POLICY_UNMET = "Achieved milestones would not meet this policy: lower them to completed first"

INDEPENDENT = "independent_review"
BY_NOBODY = "A review says when it was written, and by whom: somebody who is known here"
OWN_EVIDENCE = "Who provided the evidence does not review it"
OWN_ORGANISATION = "What an organisation's key sent is not reviewed by that organisation"
OWN_MILESTONE = "Who owns the milestone does not review its evidence"

REVIEW = "review_stands"
REVIEW_ERASED = "A review is never erased: review it again"
REVIEW_BACKDATED = "A review is never dated before the one it follows"
SCORES_CHANGED = "Relevance and robustness change only with a new review"

WITHDRAWAL = "withdrawal_stands"
WITHDRAWAL_STANDS = "Evidence that was withdrawn stays withdrawn"

DISPOSAL_STANDS = "Evidence that was disposed of stays disposed of"

REOPENING = "reopening_stands"
REOPENING_STANDS = "When and how often a milestone was reopened is never taken back"

DATES = "agreed_dates"
DUE_DATE_AGREED = "A due date of an approved plan moves only to the date of its last approved change request"
BASELINE_STANDS = "The baseline of an approved plan never changes, save by a correction on the record"
FIRST_BASELINE = "A first baseline in an approved plan is the first due date"
DATE_SETTER_STANDS = "Who set a due date of an approved plan is never taken back"

PLAN_STATE = "plan_state"
PLAN_GOES_FORWARD = "A plan goes from draft to approved to closed, never back"

DECISION = "decision_stands"
DECISION_STANDS = "A change request that was decided is never changed"
ASKED_FIRST = "A change request is never inserted as decided: insert it requested, then decide it"
DECIDED_BY_NOBODY = "A decision says when it was made, and by whom: somebody who is known here"
OWN_REQUEST = "Who asked for a change does not decide it"
OWN_MILESTONES_CHANGE = "Who owns the milestone does not decide its changes"
BODY_HAS_NOT_AGREED = "A date that an outside body set moves only with that body's agreement on the record"

REDACTION = "only_redacted"
ONLY_REDACTED = "A text is never changed: redaction takes its body and salt away together, once, and says when"

HEAD = "head_rises"
HEAD_RISES = "The head of a chain only moves on"

NEVER_DELETED = "never_deleted"
APPEND_ONLY = "append_only"
NEVER_REPLACED = "never_replaced"
SLUG_TAKEN = "Another plan has this address, or had it"
NEVER_CHANGED = "never_changed"
ROWID = "rowid_is_not_chosen"
ROWID_SENTENCE = "Rows are numbered by the database"
MOMENT = "moments_are_moments"
MOMENT_SENTENCE = "A day is written YYYY-MM-DD and a moment YYYY-MM-DD HH:MM:SS.ffffff, in UTC"

GUARDS = (
    GATE, INDEPENDENT, REVIEW, WITHDRAWAL, REOPENING, DATES, PLAN_STATE, DECISION, REDACTION, HEAD, NEVER_DELETED,
    APPEND_ONLY, NEVER_REPLACED, NEVER_CHANGED, ROWID, MOMENT,
)  # fmt: skip
"""What a refusal's message begins with; on PostgreSQL also the name of the constraint that it reports."""
