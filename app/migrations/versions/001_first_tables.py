"""The first tables, and the guards on them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.migrations import triggers

revision = "001"
down_revision = None
branch_labels = None
depends_on = None


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(20), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _word(name: str, *words: str, constraint: str = "", nullable: bool = False) -> sa.Column[Any]:
    kind = sa.Enum(*words, name=constraint or name, native_enum=False, create_constraint=True, length=20)
    return sa.Column(name, kind, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _day(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _long_number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "access_log",
        _id("id"),
        _moment("at"),
        _moment("hour"),
        _id("plan_id", nullable=True),
        _text("actor_kind", 10),
        _id("actor_id"),
        _text("actor_title", 120),
        _word("door", "page", "api", "cli", "job"),
        _text("what", 20),
        _text("item_kind", 30),
        _text("item_id", 60),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        sa.UniqueConstraint(
            "actor_id", "what", "item_id", "hour", name=op.f("uq_access_log_actor_id_what_item_id_hour")
        ),
    )
    op.create_index(op.f("ix_access_log_plan_id"), "access_log", ["plan_id"])
    op.create_table(
        "audit_events",
        _id("id"),
        _text("chain", 20),
        _long_number("seq"),
        _moment("at"),
        _text("actor_kind", 10),
        _id("actor_id"),
        _text("actor_title", 120),
        _text("actor_organisation", 200),
        _word("door", "page", "api", "cli", "job"),
        _text("event", 60),
        _text("item_kind", 30),
        _text("item_id", 60),
        _text("item_ref", 40),
        _id("milestone_id", nullable=True),
        _text("facts"),
        _text("texts"),
        _text("previous_hash", 64),
        _text("hash", 64),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("chain", "seq", name=op.f("uq_audit_events_chain_seq")),
    )
    op.create_index(op.f("ix_audit_events_item"), "audit_events", ["item_id", "chain", "seq"])
    op.create_index(op.f("ix_audit_events_milestone_id"), "audit_events", ["milestone_id"])
    op.create_table(
        "audit_heads",
        _text("chain", 20),
        _long_number("seq"),
        _text("hash", 64),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "idempotency_records",
        _id("id"),
        _text("caller", 40),
        _text("path", 300),
        _text("key", 255),
        _text("fingerprint", 64),
        _moment("created_at"),
        _number("status", nullable=True),
        _text("headers", nullable=True),
        _bytes("body", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_records")),
        sa.UniqueConstraint("caller", "path", "key", name=op.f("uq_idempotency_records_caller_path_key")),
    )
    op.create_index(op.f("ix_idempotency_records_created_at"), "idempotency_records", ["created_at"])
    op.create_table(
        "organisations",
        _id("id"),
        _text("slug", 80),
        _text("name", 200),
        _text("kind", 20),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organisations_slug")),
    )
    op.create_table(
        "outbox",
        _id("id"),
        _text("kind", 30),
        _text("address", 254),
        _text("payload"),
        _moment("created_at"),
        _moment("due_at"),
        _moment("sent_at", nullable=True),
        _number("attempts"),
        _text("last_error", 300, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"])
    op.create_table(
        "settings",
        _text("name", 60),
        _text("value"),
        _day("changed_on", nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "texts",
        _id("id"),
        _id("plan_id", nullable=True),
        _text("item_kind", 30),
        _text("item_id", 60),
        _text("field", 40),
        _text("body", nullable=True),
        _text("salt", 32, nullable=True),
        _moment("written_at"),
        _moment("redacted_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_texts")),
    )
    op.create_index(op.f("ix_texts_item_field"), "texts", ["item_id", "field"])
    op.create_table(
        "people",
        _id("id"),
        _text("email", 254),
        _text("post_title", 120),
        _id("organisation_id"),
        _flag("administrator"),
        _text("password_hash", 200, nullable=True),
        _moment("created_at"),
        _day("left_on", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_people_organisation_id_organisations"),
        ),
        sa.UniqueConstraint("email", name=op.f("uq_people_email")),
    )
    op.create_index(op.f("ix_people_organisation_id"), "people", ["organisation_id"])
    op.create_table(
        "invitations",
        _id("id"),
        _id("person_id"),
        _text("token_hash", 64),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_invitations_person_id_people")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_person_id"), "invitations", ["person_id"])
    op.create_table(
        "organisation_keys",
        _id("id"),
        _id("organisation_id"),
        _text("name", 120),
        _text("token_hash", 64),
        _text("scopes", 200),
        _moment("created_at"),
        _id("created_by", nullable=True),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        _moment("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_keys")),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_organisation_keys_created_by_people")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_organisation_keys_organisation_id_organisations"),
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_organisation_keys_token_hash")),
    )
    op.create_index(op.f("ix_organisation_keys_organisation_id"), "organisation_keys", ["organisation_id"])
    op.create_table(
        "personal_tokens",
        _id("id"),
        _id("person_id"),
        _text("name", 120),
        _text("token_hash", 64),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        _moment("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_tokens")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_personal_tokens_person_id_people")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_personal_tokens_token_hash")),
    )
    op.create_index(op.f("ix_personal_tokens_person_id"), "personal_tokens", ["person_id"])
    op.create_table(
        "plans",
        _id("id"),
        _text("slug", 80),
        _text("title", 200),
        _text("purpose", 2000),
        _id("lead_organisation_id"),
        _word("state", "draft", "approved", "closed"),
        _word("evidence_policy", "attached", "accepted"),
        _number("tolerance_days"),
        _number("overdue_limit_days"),
        _word("moved_rule", "off", "standard", "any"),
        _number("cycle_days"),
        _number("triage_hours"),
        _day("approved_on", nullable=True),
        _id("approved_by", nullable=True),
        _text("approved_body", 200, nullable=True),
        _text("approved_meeting", 200, nullable=True),
        _day("closed_on", nullable=True),
        _flag("illustrative"),
        _moment("created_at"),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.ForeignKeyConstraint(["approved_by"], ["people.id"], name=op.f("fk_plans_approved_by_people")),
        sa.ForeignKeyConstraint(
            ["lead_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plans_lead_organisation_id_organisations"),
        ),
        sa.UniqueConstraint("slug", name=op.f("uq_plans_slug")),
        sa.CheckConstraint("state = 'draft' OR approved_on IS NOT NULL", name=op.f("ck_plans_approved_says_when")),
        sa.CheckConstraint("cycle_days BETWEEN 1 AND 366", name=op.f("ck_plans_cycle")),
        sa.CheckConstraint("overdue_limit_days BETWEEN 0 AND 28", name=op.f("ck_plans_overdue_limit")),
        sa.CheckConstraint("tolerance_days BETWEEN 0 AND 365", name=op.f("ck_plans_tolerance")),
        sa.CheckConstraint("triage_hours BETWEEN 1 AND 240", name=op.f("ck_plans_triage_hours")),
    )
    op.create_index(op.f("ix_plans_lead_organisation_id"), "plans", ["lead_organisation_id"])
    op.create_table(
        "sessions",
        _id("id"),
        _id("person_id"),
        _text("token_hash", 64),
        _moment("created_at"),
        _moment("last_seen_at"),
        _moment("expires_at"),
        _moment("password_at"),
        _moment("ended_at", nullable=True),
        _text("browser", 200),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id_people")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"])
    op.create_table(
        "evidence",
        _id("id"),
        _id("plan_id"),
        _text("ref", 20),
        _word("form", "file", "link", "statement"),
        _word("kind", "document", "data_extract", "minutes", "link", "statement"),
        _text("title", 200),
        _text("link", 2000, nullable=True),
        _text("file_name", 255, nullable=True),
        _text("content_type", 120, nullable=True),
        _number("size", nullable=True),
        _text("sha256", 64, nullable=True),
        _text("storage_name", 120, nullable=True),
        _moment("received_at"),
        _day("effective_from", nullable=True),
        _day("effective_to", nullable=True),
        _id("provided_by", nullable=True),
        _id("provided_by_key", nullable=True),
        _text("provided_by_title", 120),
        _id("organisation_id"),
        _word("door", "page", "api", "cli", "job"),
        _text("external_ref", 120, nullable=True),
        _word("marking", "official", "official-sensitive"),
        _word("scan", "pending", "clean", "infected", "unscanned"),
        _moment("withdrawn_at", nullable=True),
        _text("withdrawn_by", 120, nullable=True),
        _number("link_seq"),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_evidence_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_evidence_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["provided_by_key"],
            ["organisation_keys.id"],
            name=op.f("fk_evidence_provided_by_key_organisation_keys"),
        ),
        sa.ForeignKeyConstraint(["provided_by"], ["people.id"], name=op.f("fk_evidence_provided_by_people")),
        sa.UniqueConstraint("id", "plan_id", name=op.f("uq_evidence_id_plan_id")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_evidence_plan_id_ref")),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_from IS NULL OR effective_to >= effective_from",
            name=op.f("ck_evidence_effective_order"),
        ),
        sa.CheckConstraint(
            "form <> 'file' OR (sha256 IS NOT NULL AND storage_name IS NOT NULL)",
            name=op.f("ck_evidence_file_has_content"),
        ),
        sa.CheckConstraint("form <> 'link' OR link IS NOT NULL", name=op.f("ck_evidence_link_has_address")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)",
            name=op.f("ck_evidence_withdrawn_says_who"),
        ),
    )
    op.create_index(op.f("ix_evidence_effective_to"), "evidence", ["effective_to"])
    op.create_index(op.f("ix_evidence_organisation_id"), "evidence", ["organisation_id"])
    op.create_index(op.f("ix_evidence_sha256"), "evidence", ["sha256"])
    op.create_index(op.f("ix_evidence_storage_name"), "evidence", ["storage_name"])
    op.create_table(
        "memberships",
        _id("id"),
        _id("person_id"),
        _id("plan_id"),
        _word("role", "observer", "contributor", "programme_manager", "senior_officer", "auditor"),
        _day("ends_on", nullable=True),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memberships_person_id_people")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_memberships_plan_id_plans")),
        sa.UniqueConstraint("person_id", "plan_id", "role", name=op.f("uq_memberships_person_id_plan_id_role")),
        sa.CheckConstraint("role <> 'auditor' OR ends_on IS NOT NULL", name=op.f("ck_memberships_auditor_ends")),
    )
    op.create_index(op.f("ix_memberships_plan_id"), "memberships", ["plan_id"])
    op.create_table(
        "organisation_key_plans",
        _id("key_id"),
        _id("plan_id"),
        sa.PrimaryKeyConstraint("key_id", "plan_id", name=op.f("pk_organisation_key_plans")),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["organisation_keys.id"],
            name=op.f("fk_organisation_key_plans_key_id_organisation_keys"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_organisation_key_plans_plan_id_plans")),
    )
    op.create_table(
        "plan_counters",
        _id("plan_id"),
        _text("noun", 20),
        _number("last"),
        sa.PrimaryKeyConstraint("plan_id", "noun", name=op.f("pk_plan_counters")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_counters_plan_id_plans")),
    )
    op.create_table(
        "review_meetings",
        _id("id"),
        _id("plan_id"),
        _day("on_day"),
        _word("state", "planned", "held", "moved", "cancelled"),
        _day("moved_from", nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_meetings")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_review_meetings_plan_id_plans")),
        sa.UniqueConstraint("plan_id", "on_day", name=op.f("uq_review_meetings_plan_id_on_day")),
    )
    op.create_table(
        "risks",
        _id("id"),
        _id("plan_id"),
        _text("ref", 20),
        _text("title", 200),
        _id("owner_id", nullable=True),
        _id("organisation_id"),
        _moment("amber_from", nullable=True),
        _moment("red_from", nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risks")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_risks_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_risks_owner_id_people")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_risks_plan_id_plans")),
        sa.UniqueConstraint("id", "plan_id", name=op.f("uq_risks_id_plan_id")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_risks_plan_id_ref")),
        sa.CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)",
            name=op.f("ck_risks_amber_before_red"),
        ),
    )
    op.create_table(
        "themes",
        _id("id"),
        _id("plan_id"),
        _text("ref", 20),
        _text("title", 200),
        _number("position"),
        _text("source", 20, nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_themes")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_themes_plan_id_plans")),
        sa.UniqueConstraint("id", "plan_id", name=op.f("uq_themes_id_plan_id")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_themes_plan_id_ref")),
    )
    op.create_table(
        "actions",
        _id("id"),
        _id("plan_id"),
        _id("theme_id"),
        _text("ref", 20),
        _text("title", 200),
        _number("position"),
        _text("source", 20, nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_actions_plan_id_plans")),
        sa.ForeignKeyConstraint(
            ["theme_id", "plan_id"],
            ["themes.id", "themes.plan_id"],
            name=op.f("fk_actions_theme_id_plan_id_themes"),
        ),
        sa.UniqueConstraint("id", "plan_id", name=op.f("uq_actions_id_plan_id")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_actions_plan_id_ref")),
    )
    op.create_index(op.f("ix_actions_theme_id"), "actions", ["theme_id"])
    op.create_table(
        "evidence_shares",
        _id("evidence_id"),
        _id("organisation_id"),
        sa.PrimaryKeyConstraint("evidence_id", "organisation_id", name=op.f("pk_evidence_shares")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_shares_evidence_id_evidence")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_evidence_shares_organisation_id_organisations"),
        ),
    )
    op.create_table(
        "submissions",
        _id("id"),
        _id("plan_id"),
        _text("ref", 20),
        _word("kind", "evidence", "risk", "correspondence"),
        _id("evidence_id", nullable=True),
        _id("organisation_id"),
        _text("title", 200),
        _moment("received_at"),
        _moment("triage_due_at"),
        _word("state", "waiting", "logged", "returned", "turned_into", "misdirected"),
        _moment("triaged_at", nullable=True),
        _id("triaged_by", nullable=True),
        _moment("amber_from", nullable=True),
        _moment("red_from", nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.ForeignKeyConstraint(
            ["evidence_id", "plan_id"],
            ["evidence.id", "evidence.plan_id"],
            name=op.f("fk_submissions_evidence_id_plan_id_evidence"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_submissions_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_submissions_plan_id_plans")),
        sa.ForeignKeyConstraint(["triaged_by"], ["people.id"], name=op.f("fk_submissions_triaged_by_people")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_submissions_plan_id_ref")),
        sa.CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)",
            name=op.f("ck_submissions_amber_before_red"),
        ),
    )
    op.create_index(op.f("ix_submissions_evidence_id"), "submissions", ["evidence_id"])
    op.create_index(op.f("ix_submissions_organisation_id"), "submissions", ["organisation_id"])
    op.create_index(
        op.f("ix_submissions_plan_amber"),
        "submissions",
        ["plan_id", "amber_from", "red_from", "id"],
        **_where("amber_from IS NOT NULL"),
    )
    op.create_table(
        "milestones",
        _id("id"),
        _id("plan_id"),
        _id("theme_id"),
        _id("action_id"),
        _text("ref", 20),
        _text("title", 200),
        _text("description"),
        _text("success_criterion"),
        _id("owner_id", nullable=True),
        _id("lead_organisation_id"),
        _flag("restricted"),
        _word("marking", "official", "official-sensitive"),
        _text("source", 20, nullable=True),
        _number("position"),
        _moment("added_at"),
        _number("version"),
        _number("evidence_seq"),
        _word("status", "not_started", "in_progress", "completed", "achieved", "cancelled"),
        _day("start_date", nullable=True),
        _day("baseline_date", nullable=True),
        _day("due_date", nullable=True),
        _word("due_set_by", "plan", "dfe", "ofsted", "ombudsman", "court"),
        _day("forecast_date", nullable=True),
        _day("completed_on", nullable=True),
        _day("achieved_on", nullable=True),
        _id("achieved_by", nullable=True),
        _moment("reopened_at", nullable=True),
        _number("reopened_times"),
        _flag("reopening_pending"),
        _flag("not_independent"),
        _day("in_progress_since", nullable=True),
        _day("open_again_on", nullable=True),
        _day("last_update_on", nullable=True),
        _id("last_update_id", nullable=True),
        _day("reported_on", nullable=True),
        _id("reported_by", nullable=True),
        _word("evidence_state", "nothing_sent", "rejected", "waiting", "met"),
        _day("evidence_waiting_since", nullable=True),
        _day("policy_met_on", nullable=True),
        _day("policy_met_until", nullable=True),
        _day("evidence_lost_on", nullable=True),
        _day("lapsed_on", nullable=True),
        _day("forecast_late_on", nullable=True),
        _day("forecast_beyond_on", nullable=True),
        _word("declared_rag", "red", "amber", "green", nullable=True),
        _day("declared_on", nullable=True),
        _id("declared_by", nullable=True),
        _day("no_date_on", nullable=True),
        _day("no_owner_on", nullable=True),
        _number("moves"),
        _day("first_moved_on", nullable=True),
        _day("second_moved_on", nullable=True),
        _day("moved_far_on", nullable=True),
        _flag("support_required"),
        _text("waiting_on", 200, nullable=True),
        _day("waiting_on_since", nullable=True),
        _word(
            "cause",
            "workforce",
            "partner",
            "decision_awaited",
            "data_or_it",
            "procurement",
            "funding",
            "legal",
            "other",
            nullable=True,
        ),
        _moment("amber_from", nullable=True),
        _moment("red_from", nullable=True),
        _moment("accepted_until", nullable=True),
        _id("accepted_by", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
        sa.ForeignKeyConstraint(["accepted_by"], ["people.id"], name=op.f("fk_milestones_accepted_by_people")),
        sa.ForeignKeyConstraint(["achieved_by"], ["people.id"], name=op.f("fk_milestones_achieved_by_people")),
        sa.ForeignKeyConstraint(
            ["action_id", "plan_id"],
            ["actions.id", "actions.plan_id"],
            name=op.f("fk_milestones_action_id_plan_id_actions"),
        ),
        sa.ForeignKeyConstraint(["declared_by"], ["people.id"], name=op.f("fk_milestones_declared_by_people")),
        sa.ForeignKeyConstraint(
            ["lead_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_milestones_lead_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_milestones_owner_id_people")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_milestones_plan_id_plans")),
        sa.ForeignKeyConstraint(["reported_by"], ["people.id"], name=op.f("fk_milestones_reported_by_people")),
        sa.ForeignKeyConstraint(
            ["theme_id", "plan_id"],
            ["themes.id", "themes.plan_id"],
            name=op.f("fk_milestones_theme_id_plan_id_themes"),
        ),
        sa.UniqueConstraint("id", "plan_id", name=op.f("uq_milestones_id_plan_id")),
        sa.UniqueConstraint("plan_id", "ref", name=op.f("uq_milestones_plan_id_ref")),
        sa.CheckConstraint(
            "status <> 'achieved' OR achieved_on IS NOT NULL",
            name=op.f("ck_milestones_achieved_says_when"),
        ),
        sa.CheckConstraint(
            "red_from IS NULL OR (amber_from IS NOT NULL AND amber_from <= red_from)",
            name=op.f("ck_milestones_amber_before_red"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('completed', 'achieved') OR completed_on IS NOT NULL",
            name=op.f("ck_milestones_completed_says_when"),
        ),
        sa.CheckConstraint(
            "due_date IS NULL OR start_date IS NULL OR due_date >= start_date",
            name=op.f("ck_milestones_due_after_start"),
        ),
    )
    op.create_index(op.f("ix_milestones_action_id"), "milestones", ["action_id"])
    op.create_index(
        op.f("ix_milestones_amber"), "milestones", ["amber_from", "red_from", "id"], **_where("amber_from IS NOT NULL")
    )
    op.create_index(op.f("ix_milestones_lead_organisation_id"), "milestones", ["lead_organisation_id"])
    op.create_index(op.f("ix_milestones_owner_id"), "milestones", ["owner_id"])
    op.create_index(
        op.f("ix_milestones_plan_amber"),
        "milestones",
        ["plan_id", "amber_from", "red_from", "id"],
        **_where("amber_from IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_milestones_plan_red"), "milestones", ["plan_id", "red_from", "id"], **_where("red_from IS NOT NULL")
    )
    op.create_index(op.f("ix_milestones_plan_theme_status"), "milestones", ["plan_id", "theme_id", "status"])
    op.create_index(op.f("ix_milestones_red"), "milestones", ["red_from", "id"], **_where("red_from IS NOT NULL"))
    op.create_table(
        "change_requests",
        _id("id"),
        _id("plan_id"),
        _id("milestone_id", nullable=True),
        _word("kind", "due_date", "cancellation", "replacement", "split", "criteria", "policy", "settings"),
        _word("state", "requested", "approved", "declined"),
        _id("requested_by"),
        _moment("requested_at"),
        _day("due_date", nullable=True),
        _day("due_was", nullable=True),
        _word("ground", "no_longer_needed", "replaced", "merged", "duplicate", nullable=True),
        _id("replaced_by", nullable=True),
        _text("settings", nullable=True),
        _id("decided_by", nullable=True),
        _moment("decided_at", nullable=True),
        _number("version"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_requests")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_change_requests_decided_by_people")),
        sa.ForeignKeyConstraint(
            ["milestone_id", "plan_id"],
            ["milestones.id", "milestones.plan_id"],
            name=op.f("fk_change_requests_milestone_id_plan_id_milestones"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_change_requests_plan_id_plans")),
        sa.ForeignKeyConstraint(["requested_by"], ["people.id"], name=op.f("fk_change_requests_requested_by_people")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by",
            name=op.f("ck_change_requests_decided_by_another"),
        ),
        sa.CheckConstraint(
            "state = 'requested' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name=op.f("ck_change_requests_decided_says_who"),
        ),
    )
    op.create_index(op.f("ix_change_requests_milestone_id"), "change_requests", ["milestone_id"])
    op.create_index(op.f("ix_change_requests_plan_state"), "change_requests", ["plan_id", "state"])
    op.create_table(
        "evidence_links",
        _id("evidence_id"),
        _id("milestone_id"),
        _id("plan_id"),
        _moment("linked_at"),
        _text("linked_by_title", 120),
        _word("outcome", "accepted", "rejected", "returned", nullable=True),
        _number("relevance", nullable=True),
        _number("robustness", nullable=True),
        _id("reviewed_by", nullable=True),
        _moment("reviewed_at", nullable=True),
        sa.PrimaryKeyConstraint("evidence_id", "milestone_id", name=op.f("pk_evidence_links")),
        sa.ForeignKeyConstraint(
            ["evidence_id", "plan_id"],
            ["evidence.id", "evidence.plan_id"],
            name=op.f("fk_evidence_links_evidence_id_plan_id_evidence"),
        ),
        sa.ForeignKeyConstraint(
            ["milestone_id", "plan_id"],
            ["milestones.id", "milestones.plan_id"],
            name=op.f("fk_evidence_links_milestone_id_plan_id_milestones"),
        ),
        sa.ForeignKeyConstraint(["reviewed_by"], ["people.id"], name=op.f("fk_evidence_links_reviewed_by_people")),
        sa.CheckConstraint("relevance IS NULL OR relevance BETWEEN 0 AND 3", name=op.f("ck_evidence_links_relevance")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (reviewed_by IS NULL) AND (outcome IS NULL) = (reviewed_at IS NULL)",
            name=op.f("ck_evidence_links_review_says_who"),
        ),
        sa.CheckConstraint(
            "robustness IS NULL OR robustness BETWEEN 0 AND 3",
            name=op.f("ck_evidence_links_robustness"),
        ),
    )
    op.create_index(op.f("ix_evidence_links_milestone"), "evidence_links", ["milestone_id", "evidence_id"])
    op.create_table(
        "milestone_events",
        _id("id"),
        _id("plan_id"),
        _id("milestone_id"),
        _word("kind", "started", "completed", "returned", "achieved", "fell_back", "reopened", "cancelled"),
        _moment("at"),
        _id("by_id"),
        _text("by_title", 120),
        _text("by_organisation", 200),
        _day("day", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_events")),
        sa.ForeignKeyConstraint(
            ["milestone_id", "plan_id"],
            ["milestones.id", "milestones.plan_id"],
            name=op.f("fk_milestone_events_milestone_id_plan_id_milestones"),
        ),
    )
    op.create_index(op.f("ix_milestone_events_milestone_at"), "milestone_events", ["milestone_id", "at"])
    op.create_table(
        "milestone_restrictions",
        _id("id"),
        _id("milestone_id"),
        _id("organisation_id", nullable=True),
        _id("person_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_restrictions")),
        sa.ForeignKeyConstraint(
            ["milestone_id"],
            ["milestones.id"],
            name=op.f("fk_milestone_restrictions_milestone_id_milestones"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_milestone_restrictions_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_milestone_restrictions_person_id_people")),
        sa.UniqueConstraint(
            "milestone_id", "organisation_id", name=op.f("uq_milestone_restrictions_milestone_id_organisation_id")
        ),
        sa.UniqueConstraint("milestone_id", "person_id", name=op.f("uq_milestone_restrictions_milestone_id_person_id")),
        sa.CheckConstraint(
            "(organisation_id IS NULL) <> (person_id IS NULL)",
            name=op.f("ck_milestone_restrictions_one_of_two"),
        ),
    )
    op.create_table(
        "milestone_supporters",
        _id("milestone_id"),
        _id("organisation_id"),
        sa.PrimaryKeyConstraint("milestone_id", "organisation_id", name=op.f("pk_milestone_supporters")),
        sa.ForeignKeyConstraint(
            ["milestone_id"],
            ["milestones.id"],
            name=op.f("fk_milestone_supporters_milestone_id_milestones"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_milestone_supporters_organisation_id_organisations"),
        ),
    )
    op.create_table(
        "progress_updates",
        _id("id"),
        _id("plan_id"),
        _id("milestone_id"),
        _moment("at"),
        _id("by_id"),
        _text("by_title", 120),
        _text("by_organisation", 200),
        _day("forecast_date", nullable=True),
        _day("forecast_was", nullable=True),
        _word("declared_rag", "red", "amber", "green", nullable=True),
        _text("declaration_effect", 300, nullable=True),
        _day("return_to_green_on", nullable=True),
        _text("waiting_on", 200, nullable=True),
        _day("waiting_on_since", nullable=True),
        _word(
            "cause",
            "workforce",
            "partner",
            "decision_awaited",
            "data_or_it",
            "procurement",
            "funding",
            "legal",
            "other",
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress_updates")),
        sa.ForeignKeyConstraint(
            ["milestone_id", "plan_id"],
            ["milestones.id", "milestones.plan_id"],
            name=op.f("fk_progress_updates_milestone_id_plan_id_milestones"),
        ),
    )
    op.create_index(op.f("ix_progress_updates_milestone_at"), "progress_updates", ["milestone_id", "at"])
    triggers.create_all(op.get_bind())


def downgrade() -> None:
    triggers.drop_all(op.get_bind())
    for table in (
        "progress_updates",
        "milestone_supporters",
        "milestone_restrictions",
        "milestone_events",
        "evidence_links",
        "change_requests",
        "milestones",
        "submissions",
        "evidence_shares",
        "actions",
        "themes",
        "risks",
        "review_meetings",
        "plan_counters",
        "organisation_key_plans",
        "memberships",
        "evidence",
        "sessions",
        "plans",
        "personal_tokens",
        "organisation_keys",
        "invitations",
        "people",
        "texts",
        "settings",
        "outbox",
        "organisations",
        "idempotency_records",
        "audit_heads",
        "audit_events",
        "access_log",
    ):
        op.drop_table(table)
