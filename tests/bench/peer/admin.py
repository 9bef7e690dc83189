"""The change list, as somebody who knows Django would make it: no query a row, no count of the whole table."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery

from tests.bench.peer.models import EvidenceLink, Milestone, Text
from tests.bench.seeding import NOW, THOUSAND_ID, TODAY


@admin.register(Milestone)
class MilestoneAdmin(admin.ModelAdmin):
    list_display = (
        "ref", "title", "colour", "days", "theme", "owner", "lead_organisation", "baseline_date", "due_date",
        "forecast_date", "waiting_on", "cause", "issue", "support_required", "path_to_green", "evidence",
    )  # fmt: skip
    list_select_related = ("theme", "owner", "lead_organisation")
    list_filter = ("status", "cause")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("red_from", "id")

    def get_queryset(self, request: Any) -> Any:
        """The Red milestones of the plan, longest first, with their latest words and their number of evidence items."""
        links = EvidenceLink.objects.filter(milestone=OuterRef("pk")).order_by().values("milestone")
        annotated = {"evidence_count": Subquery(links.annotate(number=Count("*")).values("number"))}
        for name in ("issue", "support_required", "path_to_green"):
            said = Text.objects.filter(item_id=OuterRef("last_update_id"), field=name)
            annotated[f"said_{name}"] = Subquery(said.values("body")[:1])
        rows = super().get_queryset(request).filter(plan_id=THOUSAND_ID, red_from__lte=NOW)
        return rows.annotate(**annotated)

    def colour(self, row: Any) -> str:
        return "Red"

    def days(self, row: Any) -> int:
        return (TODAY - row.red_from.date()).days + 1

    def issue(self, row: Any) -> str:
        return row.said_issue or ""

    def support_required(self, row: Any) -> str:
        return row.said_support_required or ""

    def path_to_green(self, row: Any) -> str:
        return row.said_path_to_green or ""

    def evidence(self, row: Any) -> int:
        return row.evidence_count or 0
