"""The guards of the database as PostgreSQL triggers.

A row that is only locked is no conflict for a transaction with an older snapshot, and FOR UPDATE inside a trigger
deadlocks with the locks of foreign keys. So a trigger writes what it judges: a change to what counts adds one to the
`evidence_seq` of its milestones, in the order of their ids, before it looks; a new link adds one to the `link_seq` of
its evidence; a change of policy writes every milestone of the plan, and a new milestone writes the plan, for a change
of policy with an older snapshot could not see it; and judging a milestone takes its plan's row FOR SHARE, which holds
a change of policy or state up.

The functions are volatile: each of their statements sees what was committed until then. They name their own search
path, temporary tables last, so that no session can put a table of its own in the place of ours. Triggers are enabled
ALWAYS: `session_replication_role` does not switch them off. There are no WHEN clauses, because the server rewrites
them and `compare` could not tell them from an altered one.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from app.migrations import guarded
from app.migrations.guarded import PREFIX, TABLES, evidence_counts, last_agreed_due_date, last_baseline_correction

_SEARCH_PATH = "pg_catalog, public, pg_temp"


@dataclass(frozen=True)
class Trigger:
    """A trigger in the words in which the server gives it back. `function` stands without its prefix."""

    table: str
    event: str
    function: str
    arguments: tuple[str, ...] = ()
    each: str = "ROW"

    @property
    def columns(self) -> set[str]:
        """The columns that it watches."""
        _, _, listed = self.event.partition(" OF ")
        return set(listed.split(", ")) if listed else set()

    def statement(self, name: str) -> str:
        given = ", ".join(_quoted(argument) for argument in self.arguments)
        return (
            f"CREATE TRIGGER {name} {self.event} ON public.{self.table} FOR EACH {self.each}"
            f" EXECUTE FUNCTION {PREFIX}{self.function}({given})"
        )


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _refuse(guard: str, sentence: str) -> str:
    """Raise a check violation that names the guard as its constraint. No percent sign: a driver would read one."""
    said = _quoted(f"{guard}: {sentence}")
    return f"RAISE EXCEPTION USING MESSAGE = {said}, ERRCODE = '23514', CONSTRAINT = '{guard}', TABLE = TG_TABLE_NAME;"


def _has_evidence(*, milestone: str, plan: str) -> str:
    condition = evidence_counts(milestone=milestone, plan=plan)
    return f"""EXISTS (
        SELECT 1 FROM evidence_links l, evidence e
        WHERE {condition})"""


_LINK_JUDGED = f"""UPDATE milestones SET evidence_seq = evidence_seq + 1 WHERE id = NEW.milestone_id;
  IF EXISTS (
    SELECT 1 FROM milestones m JOIN plans p ON p.id = m.plan_id
    WHERE m.id = NEW.milestone_id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="p")}
  ) THEN
    {_refuse(guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)}
  END IF;"""

_FUNCTIONS = {
    "refuse": """
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_ARGV[0] || ': ' || TG_ARGV[1], ERRCODE = '23514', CONSTRAINT = TG_ARGV[0],
    TABLE = TG_TABLE_NAME;
END""",
    "keys_stand": f"""
DECLARE
  was jsonb := to_jsonb(OLD);
  is_now jsonb := to_jsonb(NEW);
BEGIN
  FOR i IN 1 .. TG_NARGS - 1 LOOP
    IF was -> TG_ARGV[i] IS DISTINCT FROM is_now -> TG_ARGV[i] THEN
      RAISE EXCEPTION USING MESSAGE = '{guarded.NEVER_CHANGED}: ' || TG_ARGV[0], ERRCODE = '23514',
        CONSTRAINT = '{guarded.NEVER_CHANGED}', TABLE = TG_TABLE_NAME;
    END IF;
  END LOOP;
  RETURN NEW;
END""",
    "milestones_gate_insert": f"""
BEGIN
  IF NEW.status = 'achieved' THEN
    {_refuse(guarded.GATE, guarded.NEVER_INSERTED)}
  END IF;
  -- Once a transaction: a version of the row, and none of its values.
  UPDATE plans SET created_at = created_at WHERE id = NEW.plan_id AND xmin <> pg_current_xact_id()::xid;
  RETURN NEW;
END""",
    "milestones_gate_update": f"""
DECLARE
  p plans;
BEGIN
  IF NEW.status <> 'achieved' THEN
    RETURN NEW;
  END IF;
  IF OLD.status NOT IN ('completed', 'achieved') THEN
    {_refuse(guarded.GATE, guarded.ONLY_FROM_COMPLETED)}
  END IF;
  IF NEW.achieved_on IS NULL OR NOT isfinite(NEW.achieved_on) THEN
    {_refuse(guarded.GATE, guarded.NEEDS_A_DAY)}
  END IF;
  SELECT * INTO p FROM plans WHERE id = NEW.plan_id FOR SHARE;
  IF p.state IS DISTINCT FROM 'approved' THEN
    {_refuse(guarded.GATE, guarded.NEEDS_APPROVED_PLAN)}
  END IF;
  IF NOT {_has_evidence(milestone="NEW", plan="p")} THEN
    {_refuse(guarded.GATE, guarded.NEEDS_EVIDENCE)}
  END IF;
  RETURN NEW;
END""",
    "evidence_gate": f"""
DECLARE
  linked text;
BEGIN
  FOR linked IN SELECT milestone_id FROM evidence_links WHERE evidence_id = NEW.id ORDER BY milestone_id LOOP
    UPDATE milestones SET evidence_seq = evidence_seq + 1 WHERE id = linked;
  END LOOP;
  IF EXISTS (
    SELECT 1 FROM evidence_links own JOIN milestones m ON m.id = own.milestone_id JOIN plans p ON p.id = m.plan_id
    WHERE own.evidence_id = NEW.id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="p")}
  ) THEN
    {_refuse(guarded.GATE, guarded.WOULD_LOSE_EVIDENCE)}
  END IF;
  RETURN NULL;
END""",
    "evidence_links_gate_insert": """
BEGIN
  UPDATE evidence SET link_seq = link_seq + 1 WHERE id = NEW.evidence_id;
  RETURN NEW;
END""",
    "evidence_links_gate_update": f"""
BEGIN
  {_LINK_JUDGED}
  RETURN NULL;
END""",
    # A newer version that comes in as accepted supersedes the older one at once.
    "evidence_links_gate_version": f"""
BEGIN
  IF NEW.outcome IS DISTINCT FROM 'accepted'
      OR NOT EXISTS (SELECT 1 FROM evidence WHERE id = NEW.evidence_id AND version_number > 1) THEN
    RETURN NULL;
  END IF;
  {_LINK_JUDGED}
  RETURN NULL;
END""",
    "plans_gate": f"""
BEGIN
  -- In the order of their ids, as everybody takes milestones; then written, because a lock alone is no conflict.
  PERFORM 1 FROM milestones WHERE plan_id = NEW.id ORDER BY id FOR NO KEY UPDATE;
  UPDATE milestones SET evidence_seq = evidence_seq + 1 WHERE plan_id = NEW.id;
  IF EXISTS (
    SELECT 1 FROM milestones m
    WHERE m.plan_id = NEW.id AND m.status = 'achieved' AND NOT {_has_evidence(milestone="m", plan="NEW")}
  ) THEN
    {_refuse(guarded.GATE, guarded.POLICY_UNMET)}
  END IF;
  RETURN NULL;
END""",
    "evidence_links_independent": f"""
BEGIN
  IF NEW.outcome IS NULL THEN
    RETURN NEW;
  END IF;
  IF NEW.reviewed_at IS NULL OR NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.reviewed_by) THEN
    {_refuse(guarded.INDEPENDENT, guarded.BY_NOBODY)}
  END IF;
  IF EXISTS (SELECT 1 FROM evidence WHERE id = NEW.evidence_id AND provided_by = NEW.reviewed_by) THEN
    {_refuse(guarded.INDEPENDENT, guarded.OWN_EVIDENCE)}
  END IF;
  IF EXISTS (SELECT 1 FROM evidence e JOIN people r ON r.id = NEW.reviewed_by WHERE e.id = NEW.evidence_id
      AND e.provided_by_key IS NOT NULL AND e.organisation_id = r.organisation_id) THEN
    {_refuse(guarded.INDEPENDENT, guarded.OWN_ORGANISATION)}
  END IF;
  IF EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND owner_id = NEW.reviewed_by) THEN
    {_refuse(guarded.INDEPENDENT, guarded.OWN_MILESTONE)}
  END IF;
  RETURN NEW;
END""",
    "evidence_links_review_stands": f"""
BEGIN
  IF OLD.outcome IS NOT NULL AND (NEW.outcome IS NULL OR NEW.reviewed_by IS NULL OR NEW.reviewed_at IS NULL) THEN
    {_refuse(guarded.REVIEW, guarded.REVIEW_ERASED)}
  END IF;
  IF NEW.reviewed_at < OLD.reviewed_at THEN
    {_refuse(guarded.REVIEW, guarded.REVIEW_BACKDATED)}
  END IF;
  IF (NEW.relevance IS DISTINCT FROM OLD.relevance OR NEW.robustness IS DISTINCT FROM OLD.robustness)
      AND NEW.reviewed_at IS NOT DISTINCT FROM OLD.reviewed_at AND NEW.outcome IS NOT DISTINCT FROM OLD.outcome THEN
    {_refuse(guarded.REVIEW, guarded.SCORES_CHANGED)}
  END IF;
  RETURN NEW;
END""",
    "evidence_withdrawal_stands": f"""
BEGIN
  IF OLD.withdrawn_at IS NOT NULL AND (NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at
      OR NEW.withdrawn_by IS DISTINCT FROM OLD.withdrawn_by) THEN
    {_refuse(guarded.WITHDRAWAL, guarded.WITHDRAWAL_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "evidence_disposal_stands": f"""
BEGIN
  IF OLD.disposed_at IS NOT NULL AND NEW.disposed_at IS DISTINCT FROM OLD.disposed_at THEN
    {_refuse(guarded.WITHDRAWAL, guarded.DISPOSAL_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "milestones_reopening_stands": f"""
BEGIN
  IF (OLD.reopened_at IS NOT NULL AND (NEW.reopened_at IS NULL OR NEW.reopened_at < OLD.reopened_at))
      OR NEW.reopened_times < OLD.reopened_times THEN
    {_refuse(guarded.REOPENING, guarded.REOPENING_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "milestones_due_date_agreed": f"""
BEGIN
  IF NEW.due_date IS DISTINCT FROM OLD.due_date
      AND EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state <> 'draft')
      AND NOT EXISTS (
        SELECT 1 FROM change_requests r
        WHERE r.due_date IS NOT DISTINCT FROM NEW.due_date AND {last_agreed_due_date("NEW")}
      ) THEN
    {_refuse(guarded.DATES, guarded.DUE_DATE_AGREED)}
  END IF;
  RETURN NEW;
END""",
    "milestones_baseline_stands": f"""
BEGIN
  IF OLD.baseline_date IS NOT NULL AND NEW.baseline_date IS DISTINCT FROM OLD.baseline_date
      AND EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state <> 'draft')
      AND NOT EXISTS (
        SELECT 1 FROM baseline_corrections c WHERE {last_baseline_correction("NEW", was="OLD")}
      ) THEN
    {_refuse(guarded.DATES, guarded.BASELINE_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "milestones_first_baseline": f"""
BEGIN
  IF OLD.baseline_date IS NULL AND NEW.baseline_date IS NOT NULL AND NEW.baseline_date IS DISTINCT FROM NEW.due_date
      AND EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state <> 'draft') THEN
    {_refuse(guarded.DATES, guarded.FIRST_BASELINE)}
  END IF;
  RETURN NEW;
END""",
    "milestones_date_setter_stands": f"""
BEGIN
  IF OLD.due_set_by <> 'plan' AND NEW.due_set_by IS DISTINCT FROM OLD.due_set_by
      AND EXISTS (SELECT 1 FROM plans WHERE id = NEW.plan_id AND state <> 'draft') THEN
    {_refuse(guarded.DATES, guarded.DATE_SETTER_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "plans_state_forward": f"""
BEGIN
  IF (OLD.state = 'approved' AND NEW.state NOT IN ('approved', 'closed'))
      OR (OLD.state = 'closed' AND NEW.state <> 'closed') THEN
    {_refuse(guarded.PLAN_STATE, guarded.PLAN_GOES_FORWARD)}
  END IF;
  RETURN NEW;
END""",
    "plans_address_taken": f"""
BEGIN
  IF EXISTS (SELECT 1 FROM plan_addresses WHERE slug = NEW.slug AND plan_id <> NEW.id) THEN
    {_refuse(guarded.NEVER_REPLACED, guarded.SLUG_TAKEN)}
  END IF;
  RETURN NEW;
END""",
    "plans_address_kept": """
BEGIN
  INSERT INTO plan_addresses (slug, plan_id) SELECT NEW.slug, NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM plan_addresses WHERE slug = NEW.slug AND plan_id = NEW.id);
  RETURN NULL;
END""",
    "change_requests_decision_stands": f"""
BEGIN
  IF OLD.state <> 'requested' THEN
    {_refuse(guarded.DECISION, guarded.DECISION_STANDS)}
  END IF;
  RETURN NEW;
END""",
    "change_requests_asked_first": f"""
BEGIN
  IF NEW.state <> 'requested' THEN
    {_refuse(guarded.DECISION, guarded.ASKED_FIRST)}
  END IF;
  RETURN NEW;
END""",
    "change_requests_decided_by_another": f"""
BEGIN
  IF NEW.state NOT IN ('approved', 'declined') THEN
    RETURN NEW;
  END IF;
  IF NEW.decided_at IS NULL OR NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.decided_by) THEN
    {_refuse(guarded.DECISION, guarded.DECIDED_BY_NOBODY)}
  END IF;
  IF NEW.decided_by = NEW.requested_by THEN
    {_refuse(guarded.DECISION, guarded.OWN_REQUEST)}
  END IF;
  IF EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND owner_id = NEW.decided_by) THEN
    {_refuse(guarded.DECISION, guarded.OWN_MILESTONES_CHANGE)}
  END IF;
  IF NEW.state = 'approved' AND NEW.kind = 'due_date' AND NEW.agreed_on IS NULL
      AND EXISTS (SELECT 1 FROM milestones WHERE id = NEW.milestone_id AND due_set_by <> 'plan') THEN
    {_refuse(guarded.DECISION, guarded.BODY_HAS_NOT_AGREED)}
  END IF;
  RETURN NEW;
END""",
    "texts_only_redacted": f"""
DECLARE
  redacted texts := OLD;
BEGIN
  redacted.body := NULL;
  redacted.salt := NULL;
  redacted.redacted_at := NEW.redacted_at;
  IF OLD.redacted_at IS NOT NULL OR NEW.redacted_at IS NULL OR NEW IS DISTINCT FROM redacted THEN
    {_refuse(guarded.REDACTION, guarded.ONLY_REDACTED)}
  END IF;
  RETURN NEW;
END""",
    "audit_heads_only_rise": f"""
BEGIN
  IF NEW.chain <> OLD.chain OR NEW.seq <= OLD.seq THEN
    {_refuse(guarded.HEAD, guarded.HEAD_RISES)}
  END IF;
  RETURN NEW;
END""",
}

FUNCTIONS: dict[str, str] = {f"{PREFIX}{name}": f"{body}\n" for name, body in _FUNCTIONS.items()}
"""Every trigger function's name and its body, exactly as the server keeps it."""


def _own_function(table: str, what: str, event: str) -> tuple[str, Trigger]:
    """A trigger with a function of its own, which has its name."""
    return f"{PREFIX}{table}_{what}", Trigger(table, event, f"{table}_{what}")


def _keeping_rows() -> dict[str, Trigger]:
    made: dict[str, Trigger] = {}
    for table in TABLES:
        name = table.table
        never = (guarded.NEVER_DELETED, table.sentence)
        made[f"{PREFIX}{name}_never_deleted"] = Trigger(name, "BEFORE DELETE", "refuse", never)
        made[f"{PREFIX}{name}_never_truncated"] = Trigger(name, "BEFORE TRUNCATE", "refuse", never, each="STATEMENT")
        if table.append_only:
            made[f"{PREFIX}{name}_append_only"] = Trigger(
                name, "BEFORE UPDATE", "refuse", (guarded.APPEND_ONLY, table.sentence)
            )
        elif table.stands:
            made[f"{PREFIX}{name}_keys_stand"] = Trigger(
                name, f"BEFORE UPDATE OF {', '.join(table.stands)}", "keys_stand",
                (table.stands_sentence, *table.stands),
            )  # fmt: skip
    return made


TRIGGERS: dict[str, Trigger] = {
    **dict(
        [
            _own_function("milestones", "gate_insert", "BEFORE INSERT"),
            _own_function(
                "milestones", "gate_update", "BEFORE UPDATE OF id, plan_id, status, achieved_on, reopened_at"
            ),
            (
                f"{PREFIX}evidence_gate",
                Trigger(
                    "evidence",
                    "AFTER UPDATE OF form, scan, received_at, effective_to, withdrawn_at",
                    "evidence_gate",
                ),
            ),
            # Before the row is there: the order in which a withdrawal takes them, evidence and then milestones.
            _own_function("evidence_links", "gate_insert", "BEFORE INSERT"),
            _own_function("evidence_links", "gate_update", "AFTER UPDATE OF outcome, reviewed_at"),
            _own_function("evidence_links", "gate_version", "AFTER INSERT"),
            (f"{PREFIX}plans_gate", Trigger("plans", "AFTER UPDATE OF evidence_policy", "plans_gate")),
            (
                f"{PREFIX}evidence_links_independent_insert",
                Trigger("evidence_links", "BEFORE INSERT", "evidence_links_independent"),
            ),
            (
                f"{PREFIX}evidence_links_independent_update",
                Trigger(
                    "evidence_links",
                    "BEFORE UPDATE OF outcome, reviewed_by, reviewed_at",
                    "evidence_links_independent",
                ),
            ),
            _own_function(
                "evidence_links",
                "review_stands",
                "BEFORE UPDATE OF outcome, reviewed_by, reviewed_at, relevance, robustness",
            ),
            _own_function("evidence", "withdrawal_stands", "BEFORE UPDATE OF withdrawn_at, withdrawn_by"),
            _own_function("evidence", "disposal_stands", "BEFORE UPDATE OF disposed_at"),
            _own_function("milestones", "reopening_stands", "BEFORE UPDATE OF reopened_at, reopened_times"),
            _own_function("milestones", "due_date_agreed", "BEFORE UPDATE OF due_date"),
            _own_function("milestones", "baseline_stands", "BEFORE UPDATE OF baseline_date"),
            _own_function("milestones", "first_baseline", "BEFORE UPDATE OF baseline_date"),
            _own_function("milestones", "date_setter_stands", "BEFORE UPDATE OF due_set_by"),
            _own_function("plans", "state_forward", "BEFORE UPDATE OF state"),
            *(
                (
                    f"{PREFIX}plans_address_{what}_{event.split()[0].lower()}",
                    Trigger("plans", f"{moment} {event}", f"plans_address_{what}"),
                )
                for event in ("INSERT", "UPDATE OF slug")
                for what, moment in (("taken", "BEFORE"), ("kept", "AFTER"))
            ),
            _own_function("change_requests", "decision_stands", "BEFORE UPDATE"),
            _own_function("change_requests", "asked_first", "BEFORE INSERT"),
            _own_function("change_requests", "decided_by_another", "BEFORE UPDATE OF state, decided_by, decided_at"),
            _own_function("texts", "only_redacted", "BEFORE UPDATE"),
            _own_function("audit_heads", "only_rise", "BEFORE UPDATE"),
        ]
    ),
    **_keeping_rows(),
}
"""Every trigger by its name."""


def create_all(connection: Connection) -> None:
    """Create every function, and the triggers that this revision's tables have the columns for. None may exist."""
    for name, body in FUNCTIONS.items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql"
            f" SET search_path = {_SEARCH_PATH} AS $function${body}$function$"
        )
    for name, trigger in _wanted(connection).items():
        connection.exec_driver_sql(trigger.statement(name))
        connection.exec_driver_sql(f"ALTER TABLE public.{trigger.table} ENABLE ALWAYS TRIGGER {name}")


def drop_all(connection: Connection) -> None:
    """Drop every trigger and function of ours, of this version or an earlier one."""
    for name, (table, _, _) in _existing_triggers(connection).items():
        connection.exec_driver_sql(f"DROP TRIGGER {name} ON public.{table}")
    for name in _existing_functions(connection):
        connection.exec_driver_sql(f"DROP FUNCTION public.{name}()")


def compare(connection: Connection) -> list[str]:
    """What is not as it should be, a sentence each, beginning with the trigger's or function's name."""
    triggers, functions = _existing_triggers(connection), _existing_functions(connection)
    wanted = _wanted(connection)
    found = [f"{name} is missing" for name in wanted if name not in triggers]
    found += [f"{name}() is missing" for name in FUNCTIONS if name not in functions]
    for name, trigger in wanted.items():
        _, definition, enabled = triggers.get(name, ("", trigger.statement(name), "A"))
        if definition != trigger.statement(name):
            found.append(f"{name} is not as it should be")
        if enabled != "A":
            found.append(f"{name} is switched off")
    kept = (f"search_path={_SEARCH_PATH}", "v")
    found += [
        f"{name}() is not as it should be"
        for name, body in FUNCTIONS.items()
        if functions.get(name, (body, *kept)) != (body, *kept)
    ]
    found += [f"{name} should not be there" for name in triggers if name not in wanted]
    return sorted(found + [f"{name}() should not be there" for name in functions if name not in FUNCTIONS])


def _wanted(connection: Connection) -> dict[str, Trigger]:
    """The triggers that can stand on the tables that are there: half way up, later tables and columns are not yet."""
    columns = guarded.columns_there(connection)
    return {
        name: trigger
        for name, trigger in TRIGGERS.items()
        if not columns or (trigger.table in columns and trigger.columns <= columns[trigger.table])
    }


def _existing_triggers(connection: Connection) -> dict[str, tuple[str, str, str]]:
    """Table, definition and whether it is enabled (A: always), by name."""
    rows = connection.exec_driver_sql(
        "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid), t.tgenabled::text"
        " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND starts_with(t.tgname, '{PREFIX}')"
    )
    # A function is qualified when the session's search path leads elsewhere first.
    return {
        name: (table, definition.replace("EXECUTE FUNCTION public.", "EXECUTE FUNCTION "), enabled)
        for name, table, definition, enabled in rows
    }


def _existing_functions(connection: Connection) -> dict[str, tuple[str, str, str]]:
    """Body, settings and volatility, by name."""
    rows = connection.exec_driver_sql(
        "SELECT proname, prosrc, array_to_string(proconfig, ';'), provolatile::text FROM pg_proc"
        f" WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, '{PREFIX}')"
    )
    return {name: (body, settings or "", volatile) for name, body, settings, volatile in rows}
