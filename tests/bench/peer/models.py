"""The tables as Django sees them: read, never made."""

from django.db import models


class Theme(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    title = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "themes"

    def __str__(self) -> str:
        return str(self.title)


class Organisation(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    name = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "organisations"

    def __str__(self) -> str:
        return str(self.name)


class Person(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    post_title = models.CharField(max_length=120)

    class Meta:
        managed = False
        db_table = "people"

    def __str__(self) -> str:
        return str(self.post_title)


class Milestone(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    plan_id = models.CharField(max_length=20)
    ref = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=20)
    theme = models.ForeignKey(Theme, models.DO_NOTHING)
    owner = models.ForeignKey(Person, models.DO_NOTHING, null=True)
    lead_organisation = models.ForeignKey(Organisation, models.DO_NOTHING)
    due_date = models.DateField(null=True)
    baseline_date = models.DateField(null=True)
    forecast_date = models.DateField(null=True)
    cause = models.CharField(max_length=20, null=True)
    waiting_on = models.CharField(max_length=200, null=True)
    last_update_id = models.CharField(max_length=20, null=True)
    amber_from = models.DateTimeField(null=True)
    red_from = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "milestones"

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"


class EvidenceLink(models.Model):
    evidence_id = models.CharField(primary_key=True, max_length=20)
    milestone = models.ForeignKey(Milestone, models.DO_NOTHING)

    class Meta:
        managed = False
        db_table = "evidence_links"


class Text(models.Model):
    id = models.CharField(primary_key=True, max_length=20)
    item_id = models.CharField(max_length=60)
    field = models.CharField(max_length=40)
    body = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "texts"
