"""The guards of the database as SQLite triggers.

Three things are particular to SQLite. `INSERT OR REPLACE` deletes the row in its way without a word to a delete
trigger, so every guarded table refuses a row whose key exists. `UPDATE OR REPLACE` does the same to whatever stands at
the new key, a table's hidden `rowid` included, so keys and rowids never change. And a column takes a value of any
type, so the days and moments that the gate compares must be written as such.

None of this depends on `PRAGMA foreign_keys`, `recursive_triggers` or `ignore_check_constraints`.
"""

import re

from sqlalchemy import Connection

from app.migrations import guarded
from app.migrations.guarded import (
    PREFIX,
    TABLES,
    Guarded,
    evidence_counts,
    last_agreed_due_date,
    last_baseline_correction,
)

_DAYS = {"milestones": ("achieved_on",), "evidence": ("effective_to",)}
_MOMENTS = {"milestones": ("reopened_at",), "evidence": ("received_at",), "evidence_links": ("reviewed_at",)}
_OF_ROW = re.compile(r"\b(?:NEW|OLD)\.(\w+)")
_MOMENT_SHAPE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*"


def _refuse(guard: str, sentence: str, *, how: str = "ABORT") -> str:
    said = f"{guard}: {sentence}".replace("'", "''")
    return f"RAISE({how}, '{said}')"


def _trigger(name: str, event: str, table: str, body: str, *, when: str = "") -> str:
    condition = f"\nWHEN {when}" if when else ""
    return f"CREATE TRIGGER {PREFIX}{name} {event} ON {table}{condition}\nBEGIN\n  {body};\nEND"


def _refusal(name: str, event: str, table: str, refused: str, *, when: str = "") -> tuple[str, str]:
    return f"{PREFIX}{name}", _trigger(name, event, table, f"SELECT {refused}", when=when)


def _has_evidence(*, milestone: str, plan: str) -> str:
    condition = evidence_counts(milestone=milestone, plan=plan)
    return f"""EXISTS (
        SELECT 1 FROM evidence_links l, evidence e
        WHERE {condition})"""


def _keeping_rows() -> dict[str, str]:
    made: dict[str, str] = {}
    for table in TABLES:
        made.update(_never_deleted_or_replaced(table))
        made.update(_never_changed(table))
    return made


def _never_deleted_or_replaced(table: Guarded) -> dict[str, str]:
    name, rowid = table.table, f"EXISTS (SELECT 1 FROM {table.table} WHERE rowid = NEW.rowid)"
    taken = [rowid, *(_key_exists(name, key) for key in table.unique)]
    replaced = _refuse(guarded.NEVER_REPLACED, guarded.replaced_sentence(name))
    if name == "access_log":
        # Opened again within the hour: the entry that is there stays, and nothing is said of it.
        body = (
            f"SELECT CASE WHEN {' OR '.join(taken[:-1])} THEN {replaced}\n    WHEN {taken[-1]} THEN RAISE(IGNORE) END"
        )
    else:
        body = f"SELECT {replaced} WHERE {' OR '.join(taken)}"
    refused = _refuse(guarded.ROWID, guarded.ROWID_SENTENCE)
    return dict(
        [
            _refusal(f"{name}_never_deleted", "BEFORE DELETE", name, _refuse(guarded.NEVER_DELETED, table.sentence)),
            (
                f"{PREFIX}{name}_never_replaced",
                _trigger(f"{name}_never_replaced", "BEFORE INSERT", name, body),
            ),
            # Before the insert a rowid that was not chosen reads -1: a row that really has it could be replaced.
            _refusal(f"{name}_rowid_not_chosen", "AFTER INSERT", name, refused, when="NEW.rowid < 1"),
        ]
    )


def _key_exists(table: str, key: tuple[str, ...]) -> str:
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"


def _never_changed(table: Guarded) -> dict[str, str]:
    name = table.table
    if table.append_only:
        refused = _refuse(guarded.APPEND_ONLY, table.sentence)
        return dict([_refusal(f"{name}_append_only", "BEFORE UPDATE", name, refused)])
    if not table.stands:
        return {}
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in ("rowid", *table.stands))
    refused = _refuse(guarded.NEVER_CHANGED, table.stands_sentence)
    return dict([_refusal(f"{name}_keys_stand", "BEFORE UPDATE", name, refused, when=changed)])


def _moments_are_moments() -> dict[str, str]:
    made: dict[str, str] = {}
    refused = _refuse(guarded.MOMENT, guarded.MOMENT_SENTENCE)
    for table in ("milestones", "evidence", "evidence_links"):
        days, moments = _DAYS.get(table, ()), _MOMENTS.get(table, ())
        wrong = [f"NEW.{day} IS NOT date(NEW.{day}, '+0 days')" for day in days]
        wrong += [
            f"NEW.{moment} IS NOT NULL AND (typeof(NEW.{moment}) <> 'text' OR NEW.{moment} NOT GLOB '{_MOMENT_SHAPE}')"
            for moment in moments
        ]
        when = " OR ".join(f"({condition})" for condition in wrong)
        for event in ("INSERT", f"UPDATE OF {', '.join((*days, *moments))}"):
            name = f"{table}_moments_{event.split()[0].lower()}"
            made.update([_refusal(name, f"BEFORE {event}", table, refused, when=when)])
    return made


def _gate() -> dict[str, str]:
    achieved = "NEW.status = 'achieved'"
    judged = f"""SELECT CASE
    WHEN OLD.status NOT IN ('completed', 'achieved')
      THEN {_refuse(guarded.GATE, guarded.ONLY_FROM_COMPLETED)}
    WHEN NEW.achieved_on IS NULL
      THEN {_refuse(guarded.GATE, guarded.NEEDS_A_DAY)}
    WHEN NOT EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state = 'approved')
      THEN {_refuse(guarded.GATE, guarded.NEEDS_APPROVED_PLAN)}
    WHEN NOT EXISTS (SELECT 1 FROM plans p WHERE p.id = NEW.plan_id AND {_has_evidence(milestone="NEW", plan="p")})
      THEN {_refuse(guarded.GATE, guarded.NEEDS_EVIDENCE)}
    END"""
    item_judged = f"""UPDATE milestones SET evidence_seq = evidence_seq + 1
    WHERE id IN (SELECT milestone_id FROM evidence_links WHERE evidence_id = NEW.id);
  SELECT {_refuse(guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)} WHERE EXISTS (
    SELECT 1 FROM evidence_links own JOIN milestones m ON m.id = own.milestone_id JOIN plans p ON p.id = m.plan_id
    WHERE own.evidence_id = NEW.id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="p")})"""
    link_judged = f"""UPDATE milestones SET evidence_seq = evidence_seq + 1 WHERE id = NEW.milestone_id;
  SELECT {_refuse(guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)} WHERE EXISTS (
    SELECT 1 FROM milestones m JOIN plans p ON p.id = m.plan_id
    WHERE m.id = NEW.milestone_id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="p")})"""
    policy_judged = f"""UPDATE milestones SET evidence_seq = evidence_seq + 1 WHERE plan_id = NEW.id;
  SELECT {_refuse(guarded.GATE, guarded.POLICY_UNMET)} WHERE EXISTS (
    SELECT 1 FROM milestones m
    WHERE m.plan_id = NEW.id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="NEW")})"""
    made = [
        ("milestones_gate_insert", "BEFORE INSERT", "milestones",
         f"SELECT {_refuse(guarded.GATE, guarded.NEVER_INSERTED)}", achieved),
        ("milestones_gate_update", "BEFORE UPDATE OF id, plan_id, status, achieved_on, reopened_at", "milestones",
         judged, achieved),
        ("evidence_gate", "AFTER UPDATE OF form, scan, received_at, effective_to, withdrawn_at", "evidence",
         item_judged, ""),
        ("evidence_links_gate_insert", "AFTER INSERT", "evidence_links",
         "UPDATE evidence SET link_seq = link_seq + 1 WHERE id = NEW.evidence_id", ""),
        ("evidence_links_gate_update", "AFTER UPDATE OF outcome, reviewed_at", "evidence_links", link_judged, ""),
        ("evidence_links_gate_version", "AFTER INSERT", "evidence_links", link_judged,
         "NEW.outcome = 'accepted'"
         " AND EXISTS (SELECT 1 FROM evidence WHERE id = NEW.evidence_id AND version_number > 1)"),
        ("evidence_gate_version", "BEFORE INSERT", "evidence",
         f"SELECT {_refuse(guarded.GATE, guarded.LINKED_FIRST)}"
         " WHERE EXISTS (SELECT 1 FROM evidence_links WHERE evidence_id = NEW.id)", "NEW.version_number > 1"),
        ("plans_gate", "AFTER UPDATE OF evidence_policy", "plans", policy_judged, ""),
    ]  # fmt: skip
    return {f"{PREFIX}{name}": _trigger(name, event, table, body, when=when) for name, event, table, body, when in made}


def _reviews() -> dict[str, str]:
    judged = f"""SELECT CASE
    WHEN NEW.reviewed_at IS NULL OR NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.reviewed_by)
      THEN {_refuse(guarded.INDEPENDENT, guarded.BY_NOBODY)}
    WHEN EXISTS (SELECT 1 FROM evidence WHERE id = NEW.evidence_id AND provided_by = NEW.reviewed_by)
      THEN {_refuse(guarded.INDEPENDENT, guarded.OWN_EVIDENCE)}
    WHEN EXISTS (SELECT 1 FROM evidence e JOIN people r ON r.id = NEW.reviewed_by WHERE e.id = NEW.evidence_id
                 AND e.provided_by_key IS NOT NULL AND e.organisation_id = r.organisation_id)
      THEN {_refuse(guarded.INDEPENDENT, guarded.OWN_ORGANISATION)}
    WHEN EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND owner_id = NEW.reviewed_by)
      THEN {_refuse(guarded.INDEPENDENT, guarded.OWN_MILESTONE)}
    END"""
    stands = f"""SELECT CASE
    WHEN OLD.outcome IS NOT NULL AND (NEW.outcome IS NULL OR NEW.reviewed_by IS NULL OR NEW.reviewed_at IS NULL)
      THEN {_refuse(guarded.REVIEW, guarded.REVIEW_ERASED)}
    WHEN NEW.reviewed_at < OLD.reviewed_at
      THEN {_refuse(guarded.REVIEW, guarded.REVIEW_BACKDATED)}
    WHEN (NEW.relevance IS NOT OLD.relevance OR NEW.robustness IS NOT OLD.robustness)
         AND NEW.reviewed_at IS OLD.reviewed_at AND NEW.outcome IS OLD.outcome
      THEN {_refuse(guarded.REVIEW, guarded.SCORES_CHANGED)}
    END"""
    reviewed = "NEW.outcome IS NOT NULL"
    return {
        f"{PREFIX}{name}": _trigger(name, event, "evidence_links", body, when=when)
        for name, event, body, when in (
            ("evidence_links_independent_insert", "BEFORE INSERT", judged, reviewed),
            ("evidence_links_independent_update", "BEFORE UPDATE OF outcome, reviewed_by, reviewed_at", judged,
             reviewed),
            ("evidence_links_review_stands",
             "BEFORE UPDATE OF outcome, reviewed_by, reviewed_at, relevance, robustness", stands, ""),
        )
    }  # fmt: skip


def _what_stands() -> dict[str, str]:
    """Facts that only move one way, or only as was agreed."""
    not_draft = "EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state <> 'draft')"
    made = [
        ("evidence_withdrawal_stands", "UPDATE OF withdrawn_at, withdrawn_by", "evidence",
         _refuse(guarded.WITHDRAWAL, guarded.WITHDRAWAL_STANDS),
         "OLD.withdrawn_at IS NOT NULL AND (NEW.withdrawn_at IS NOT OLD.withdrawn_at"
         " OR NEW.withdrawn_by IS NOT OLD.withdrawn_by)"),
        ("evidence_disposal_stands", "UPDATE OF disposed_at", "evidence",
         _refuse(guarded.WITHDRAWAL, guarded.DISPOSAL_STANDS),
         "OLD.disposed_at IS NOT NULL AND NEW.disposed_at IS NOT OLD.disposed_at"),
        ("milestones_reopening_stands", "UPDATE OF reopened_at, reopened_times", "milestones",
         _refuse(guarded.REOPENING, guarded.REOPENING_STANDS),
         "(OLD.reopened_at IS NOT NULL AND (NEW.reopened_at IS NULL OR NEW.reopened_at < OLD.reopened_at))"
         " OR NEW.reopened_times < OLD.reopened_times"),
        ("milestones_due_date_agreed", "UPDATE OF due_date", "milestones",
         _refuse(guarded.DATES, guarded.DUE_DATE_AGREED),
         f"NEW.due_date IS NOT OLD.due_date AND {not_draft} AND NOT EXISTS (SELECT 1 FROM change_requests r"
         f" WHERE r.due_date IS NEW.due_date AND {last_agreed_due_date('NEW')})"),
        ("milestones_baseline_stands", "UPDATE OF baseline_date", "milestones",
         _refuse(guarded.DATES, guarded.BASELINE_STANDS),
         f"OLD.baseline_date IS NOT NULL AND NEW.baseline_date IS NOT OLD.baseline_date AND {not_draft}"
         " AND NOT EXISTS (SELECT 1 FROM baseline_corrections c"
         f" WHERE {last_baseline_correction('NEW', was='OLD')})"),
        ("milestones_first_baseline", "UPDATE OF baseline_date", "milestones",
         _refuse(guarded.DATES, guarded.FIRST_BASELINE),
         "OLD.baseline_date IS NULL AND NEW.baseline_date IS NOT NULL AND NEW.baseline_date IS NOT NEW.due_date"
         f" AND {not_draft}"),
        ("milestones_date_setter_stands", "UPDATE OF due_set_by", "milestones",
         _refuse(guarded.DATES, guarded.DATE_SETTER_STANDS),
         f"OLD.due_set_by <> 'plan' AND NEW.due_set_by IS NOT OLD.due_set_by AND {not_draft}"),
        ("plans_state_forward", "UPDATE OF state", "plans", _refuse(guarded.PLAN_STATE, guarded.PLAN_GOES_FORWARD),
         "(OLD.state = 'approved' AND NEW.state NOT IN ('approved', 'closed'))"
         " OR (OLD.state = 'closed' AND NEW.state <> 'closed')"),
        *(("plans_address_taken_" + event.split()[0].lower(), event, "plans",
           _refuse(guarded.NEVER_REPLACED, guarded.SLUG_TAKEN),
           "EXISTS (SELECT 1 FROM plan_addresses WHERE slug = NEW.slug AND plan_id <> NEW.id)")
          for event in ("INSERT", "UPDATE OF slug")),
        ("change_requests_decision_stands", "UPDATE", "change_requests",
         _refuse(guarded.DECISION, guarded.DECISION_STANDS), "OLD.state <> 'requested'"),
        ("change_requests_asked_first", "INSERT", "change_requests",
         _refuse(guarded.DECISION, guarded.ASKED_FIRST), "NEW.state <> 'requested'"),
        ("texts_only_redacted", "UPDATE", "texts", _refuse(guarded.REDACTION, guarded.ONLY_REDACTED),
         "NOT (OLD.redacted_at IS NULL AND NEW.redacted_at IS NOT NULL AND NEW.body IS NULL AND NEW.salt IS NULL"
         " AND NEW.rowid IS OLD.rowid AND NEW.id IS OLD.id AND NEW.plan_id IS OLD.plan_id"
         " AND NEW.item_kind IS OLD.item_kind AND NEW.item_id IS OLD.item_id AND NEW.field IS OLD.field"
         " AND NEW.written_at IS OLD.written_at)"),
        ("audit_heads_only_rise", "UPDATE", "audit_heads", _refuse(guarded.HEAD, guarded.HEAD_RISES),
         "NEW.rowid IS NOT OLD.rowid OR NEW.chain IS NOT OLD.chain OR NEW.seq <= OLD.seq"),
    ]  # fmt: skip
    return dict(
        _refusal(name, f"BEFORE {event}", table, refused, when=when) for name, event, table, refused, when in made
    )


def _decisions() -> dict[str, str]:
    judged = f"""SELECT CASE
    WHEN NEW.decided_at IS NULL OR NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.decided_by)
      THEN {_refuse(guarded.DECISION, guarded.DECIDED_BY_NOBODY)}
    WHEN NEW.decided_by = NEW.requested_by
      THEN {_refuse(guarded.DECISION, guarded.OWN_REQUEST)}
    WHEN EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND owner_id = NEW.decided_by)
      THEN {_refuse(guarded.DECISION, guarded.OWN_MILESTONES_CHANGE)}
    WHEN NEW.state = 'approved' AND NEW.kind = 'due_date' AND NEW.agreed_on IS NULL
         AND EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND due_set_by <> 'plan')
      THEN {_refuse(guarded.DECISION, guarded.BODY_HAS_NOT_AGREED)}
    END"""
    name, event = "change_requests_decided_by_another", "BEFORE UPDATE OF state, decided_by, decided_at"
    decided = "NEW.state IN ('approved', 'declined')"
    return {f"{PREFIX}{name}": _trigger(name, event, "change_requests", judged, when=decided)}


def _addresses() -> dict[str, str]:
    """Every address a plan gets is kept, so that none can come to mean another plan."""
    kept = """INSERT INTO plan_addresses (slug, plan_id) SELECT NEW.slug, NEW.id
  WHERE NOT EXISTS (SELECT 1 FROM plan_addresses WHERE slug = NEW.slug AND plan_id = NEW.id)"""
    names = {"INSERT": "plans_address_kept_insert", "UPDATE OF slug": "plans_address_kept_update"}
    return {f"{PREFIX}{name}": _trigger(name, f"AFTER {event}", "plans", kept) for event, name in names.items()}


TRIGGERS: dict[str, str] = {
    **_gate(), **_reviews(), **_what_stands(), **_decisions(), **_addresses(), **_moments_are_moments(),
    **_keeping_rows(),
}  # fmt: skip
"""Every trigger's name and its text, exactly as SQLite keeps it."""


def create_all(connection: Connection) -> None:
    """Create every trigger that this revision's tables have the columns for. None of them may exist."""
    for statement in _wanted(connection).values():
        connection.exec_driver_sql(statement)


def drop_all(connection: Connection) -> None:
    """Drop every trigger of ours, of this version or an earlier one."""
    for name in _existing(connection):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def compare(connection: Connection) -> list[str]:
    """What is not as it should be, a sentence each, beginning with the trigger's name. Empty: all is well."""
    there, wanted = _existing(connection), _wanted(connection)
    found = [f"{name} is missing" for name in wanted if name not in there]
    found += [f"{name} is not as it should be" for name, sql in wanted.items() if there.get(name, sql) != sql]
    return sorted(found + [f"{name} should not be there" for name in there if name not in wanted])


def _wanted(connection: Connection) -> dict[str, str]:
    """The triggers that can stand on the tables that are there: half way up, later tables and columns are not yet."""
    columns = guarded.columns_there(connection)
    return {name: sql for name, sql in TRIGGERS.items() if not columns or _can_stand(sql, columns)}


def _can_stand(sql: str, columns: dict[str, set[str]]) -> bool:
    if "version_number" in sql and "version_number" not in columns.get("evidence", ()):
        return False  # named in the body alone, where nothing else looks
    table = sql.split(" ON ")[1].split()[0]
    named = {table, *(other.table for other in TABLES if f"FROM {other.table}" in sql)}
    of_row = set(_OF_ROW.findall(sql)) - {"rowid"}
    return named <= columns.keys() and of_row <= columns[table]


def _existing(connection: Connection) -> dict[str, str]:
    statement = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB '{PREFIX}*'"
    return {row.name: row.sql for row in connection.exec_driver_sql(statement)}
