"""Daily care: a person's own link, reports of temperature and symptoms, alerts, and requests."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.casefiles import CaseFile


class CareLink(models.Model):
    """What opens a person's own page without an account. Only the digest of its secret is kept."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret in the address")
    made_at = models.DateTimeField()
    made_by = models.JSONField(help_text="by value")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file"], condition=Q(revoked_at__isnull=True), name="one_link_a_file")
        ]

    def __str__(self) -> str:
        return self.digest[:12]


class Slot(models.TextChoices):
    MORNING = "am", _("morning")
    EVENING = "pm", _("evening")


class ReportedBy(models.TextChoices):
    LINK = "link", _("by the person")
    SITE = "site", _("by the site")
    PHONE = "phone", _("by phone")


class DailyReport(models.Model):
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="reports")
    on = models.DateField()
    slot = models.CharField(max_length=2, choices=Slot)
    temperature = models.DecimalField(max_digits=3, decimal_places=1, help_text="degrees Celsius")
    symptoms = models.JSONField(help_text="codes of the list in care; empty: none")
    sealed = models.BinaryField(null=True, help_text="what the person adds, encrypted")
    how = models.CharField(max_length=5, choices=ReportedBy)
    by = models.JSONField(null=True, blank=True, help_text="by value; empty: the person")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "on", "slot"], name="one_report_a_slot"),
            models.CheckConstraint(
                condition=Q(temperature__gte=30, temperature__lte=45), name="temperature_of_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.slot}"


class AlertKind(models.TextChoices):
    FEVER = "fever", _("fever")
    SYMPTOM = "symptom", _("symptom")
    SILENT = "silent", _("no report for a day")


class Alert(models.Model):
    """Something that a named person must answer; if nobody does in time, the next level is told."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="alerts")
    town = models.CharField(max_length=9)
    kind = models.CharField(max_length=7, choices=AlertKind)
    report = models.ForeignKey(DailyReport, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    level = models.PositiveSmallIntegerField(default=1, help_text="1 the town, 2 the office, 3 its leader")
    raised_at = models.DateTimeField()
    escalates_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.JSONField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.JSONField(null=True, blank=True)
    sealed = models.BinaryField(null=True, help_text="what was done, encrypted")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["file", "kind"], condition=Q(closed_at__isnull=True), name="one_open_alert_of_a_kind"
            )
        ]
        indexes = [models.Index(fields=["town", "closed_at", "-level", "raised_at"], name="alerts_of_town")]

    def __str__(self) -> str:
        return f"{self.kind} {self.raised_at:%Y-%m-%d}"


class RequestKind(models.TextChoices):
    FOOD = "food", _("food")
    MEDICINE = "medicine", _("medicine")
    DOCTOR = "doctor", _("see a doctor")
    OTHER = "other", _("something else")


class CareRequest(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="requests")
    town = models.CharField(max_length=9)
    kind = models.CharField(max_length=8, choices=RequestKind)
    sealed = models.BinaryField(help_text="what the person asks for, encrypted")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    owner = models.JSONField(null=True, blank=True, help_text="who sees to it, by value")
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["town", "done_at", "due_at"], name="requests_of_town")]

    def __str__(self) -> str:
        return f"{self.kind} {self.made_at:%Y-%m-%d}"
