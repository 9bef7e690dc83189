"""The words of Waymark, as closed lists. No synonyms: these are what code, URLs and screens use."""

from enum import StrEnum


class Status(StrEnum):
    """How far a milestone has come. Completed is its owner's word; achieved needs evidence."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ACHIEVED = "achieved"
    CANCELLED = "cancelled"


OPEN_STATUSES = (Status.NOT_STARTED, Status.IN_PROGRESS)


class Rag(StrEnum):
    RED = "red"
    AMBER = "amber"
    GREEN = "green"


class PlanState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    CLOSED = "closed"


class EvidencePolicy(StrEnum):
    """What must be in place before a milestone of the plan can be achieved."""

    ATTACHED = "attached"
    ACCEPTED = "accepted"


class MovedRule(StrEnum):
    """When a moved due date is itself a reason: never, twice or over 84 days, or any move."""

    OFF = "off"
    STANDARD = "standard"
    ANY = "any"


class MeetingState(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    MOVED = "moved"
    CANCELLED = "cancelled"


class Role(StrEnum):
    OBSERVER = "observer"
    CONTRIBUTOR = "contributor"
    PROGRAMME_MANAGER = "programme_manager"
    SENIOR_OFFICER = "senior_officer"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """What an organisation's key may do."""

    EVIDENCE_WRITE = "evidence:write"
    RISKS_PROPOSE = "risks:propose"
    OBSERVATIONS_WRITE = "observations:write"
    PLAN_READ = "plan:read"


class Door(StrEnum):
    """Through which door a change came in."""

    PAGE = "page"
    API = "api"
    CLI = "cli"
    JOB = "job"


class EvidenceForm(StrEnum):
    """What the gate looks at: only a file counts before it is accepted."""

    FILE = "file"
    LINK = "link"
    STATEMENT = "statement"


class EvidenceKind(StrEnum):
    """What a person calls it."""

    DOCUMENT = "document"
    DATA_EXTRACT = "data_extract"
    MINUTES = "minutes"
    LINK = "link"
    STATEMENT = "statement"


class PersonalData(StrEnum):
    """Whose personal data is in an evidence item, as its sender declares it. Several may hold; "none" holds alone."""

    NONE = "none"
    STAFF = "staff"
    SERVICE_USER = "service_user"
    SPECIAL_CATEGORY = "special_category"
    CRIMINAL_OFFENCE = "criminal_offence"


class ReviewOutcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETURNED = "returned"


class ScanState(StrEnum):
    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"
    UNSCANNED = "unscanned"


class ExportState(StrEnum):
    """Where the making of an evidence log export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


class EvidenceState(StrEnum):
    """Where a milestone's evidence stands against its plan's policy."""

    NOTHING_SENT = "nothing_sent"
    REJECTED = "rejected"
    WAITING = "waiting"
    MET = "met"


class Marking(StrEnum):
    OFFICIAL = "official"
    OFFICIAL_SENSITIVE = "official-sensitive"


class ChangeKind(StrEnum):
    DUE_DATE = "due_date"
    CANCELLATION = "cancellation"
    REPLACEMENT = "replacement"
    SPLIT = "split"
    CRITERIA = "criteria"
    POLICY = "policy"
    SETTINGS = "settings"


class ChangeState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"  # it waited when its plan was closed or its milestone ended: nobody can decide it any more


class ViewOf(StrEnum):
    """The list that a saved view is of."""

    MILESTONES = "milestones"
    EXCEPTIONS = "exceptions"


class CancellationGround(StrEnum):
    NO_LONGER_NEEDED = "no_longer_needed"
    REPLACED = "replaced"
    MERGED = "merged"
    DUPLICATE = "duplicate"


class DelayCause(StrEnum):
    WORKFORCE = "workforce"
    PARTNER = "partner"
    DECISION_AWAITED = "decision_awaited"
    DATA_OR_IT = "data_or_it"
    PROCUREMENT = "procurement"
    FUNDING = "funding"
    LEGAL = "legal"
    OTHER = "other"


class DateSetter(StrEnum):
    """A due date that an outside body set can only move with its agreement."""

    PLAN = "plan"
    DFE = "dfe"
    OFSTED = "ofsted"
    OMBUDSMAN = "ombudsman"
    COURT = "court"


class MilestoneEventKind(StrEnum):
    """A state change of a milestone, or a decision on it, each a row of its own."""

    STARTED = "started"
    COMPLETED = "completed"
    RETURNED = "returned"
    ACHIEVED = "achieved"
    FELL_BACK = "fell_back"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    # Decisions of a senior officer, which leave the status as it is.
    ACCEPTED = "accepted"
    ACCEPTANCE_LIFTED = "acceptance_lifted"


class LeftBecause(StrEnum):
    """What took a milestone off the list of exceptions. Only the first of these counts as better (rule 5)."""

    BACK_ON_TRACK = "back_on_track"
    DATE_MOVED = "date_moved"
    CANCELLED = "cancelled"
    DECLARATION_LIFTED = "declaration_lifted"
    PLAN_CHANGED = "plan_changed"


class SubmissionState(StrEnum):
    WAITING = "waiting"
    LOGGED = "logged"
    RETURNED = "returned"
    TURNED_INTO = "turned_into"
    MISDIRECTED = "misdirected"


class TriagedThrough(StrEnum):
    """What ended the wait of a submission."""

    TRIAGE = "triage"
    REVIEW = "review"
    WITHDRAWAL = "withdrawal"


class TurnedInto(StrEnum):
    """What a submission can become."""

    ACTION = "action"
    MILESTONE = "milestone"
    RISK = "risk"


class SubmissionKind(StrEnum):
    EVIDENCE = "evidence"
    RISK = "risk"
    CORRESPONDENCE = "correspondence"


ROLE_WORDS = {
    Role.OBSERVER: "Observer",
    Role.CONTRIBUTOR: "Contributor",
    Role.PROGRAMME_MANAGER: "Programme manager",
    Role.SENIOR_OFFICER: "Senior officer",
    Role.AUDITOR: "Auditor",
}

CAUSE_WORDS = {
    DelayCause.WORKFORCE: "Workforce",
    DelayCause.PARTNER: "Partner",
    DelayCause.DECISION_AWAITED: "Decision awaited",
    DelayCause.DATA_OR_IT: "Data or IT",
    DelayCause.PROCUREMENT: "Procurement",
    DelayCause.FUNDING: "Funding",
    DelayCause.LEGAL: "Legal",
    DelayCause.OTHER: "Other",
}
