"""Tables and their scoped queries, a file per noun."""

from app.models.base import metadata
from app.models.evidence import Evidence, EvidenceLink, EvidenceShare
from app.models.evidence_exports import EvidenceExportRow
from app.models.held_uploads import HeldUploadRow
from app.models.meetings import MeetingAttendance, ReviewMeeting
from app.models.milestones import (
    BaselineCorrection,
    ChangeRequest,
    Milestone,
    MilestoneEvent,
    MilestoneRestriction,
    MilestoneSupporter,
    ProgressUpdate,
)
from app.models.organisations import (
    Invitation,
    Membership,
    Organisation,
    OrganisationKey,
    OrganisationKeyPlan,
    Person,
    PersonalToken,
    UserSession,
)
from app.models.plans import Action, CarriedOver, PartMove, Plan, PlanAddress, PlanCounter, Theme
from app.models.record_proposals import RecordProposal
from app.models.records import (
    AccessLogEntry,
    AuditEvent,
    AuditHead,
    IdempotencyRecord,
    OutboxMessage,
    Setting,
    Text,
)
from app.models.saved_views import SavedViewRow
from app.models.submissions import Risk, Submission
from app.models.success_criteria import CriterionTick, SuccessCriterion
from app.models.webhooks import Webhook

__all__ = [
    "AccessLogEntry",
    "Action",
    "AuditEvent",
    "AuditHead",
    "BaselineCorrection",
    "CarriedOver",
    "ChangeRequest",
    "CriterionTick",
    "Evidence",
    "EvidenceExportRow",
    "EvidenceLink",
    "EvidenceShare",
    "HeldUploadRow",
    "IdempotencyRecord",
    "Invitation",
    "MeetingAttendance",
    "Membership",
    "Milestone",
    "MilestoneEvent",
    "MilestoneRestriction",
    "MilestoneSupporter",
    "Organisation",
    "OrganisationKey",
    "OrganisationKeyPlan",
    "OutboxMessage",
    "PartMove",
    "Person",
    "PersonalToken",
    "Plan",
    "PlanAddress",
    "PlanCounter",
    "ProgressUpdate",
    "RecordProposal",
    "ReviewMeeting",
    "Risk",
    "SavedViewRow",
    "Setting",
    "Submission",
    "SuccessCriterion",
    "Text",
    "Theme",
    "UserSession",
    "Webhook",
    "metadata",
]
