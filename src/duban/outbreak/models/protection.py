"""Who looked at whom, what people ask to have corrected, and what was deleted by rule."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.casefiles import CaseFile
from duban.outbreak.models.screening import Ground


class Look(models.Model):
    """One look at what is masked otherwise. Written before it is had; the looker's superior reads it.

    It outlives the file, of which only the number is left: a number of nobody.
    """

    file = models.ForeignKey(CaseFile, on_delete=models.SET_NULL, null=True, related_name="looks")
    number = models.CharField(max_length=30, help_text="of the file, by value")
    office = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    username = models.CharField(max_length=150)
    by = models.JSONField(help_text="by value")
    ground = models.CharField(max_length=8, choices=Ground)
    purpose = models.CharField(max_length=300)
    fields = models.JSONField(help_text="which were shown")
    at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ground__in=Ground.values), name="look_ground_is_known")]
        indexes = [
            models.Index(fields=["office", "-at", "id"], name="looks_of_office"),
            models.Index(fields=["town", "-at", "id"], name="looks_of_town"),
            models.Index(fields=["file", "-at"], name="looks_at_file"),
        ]

    def __str__(self) -> str:
        return f"{self.username} {self.at:%Y-%m-%d %H:%M}"


class CorrectionState(models.TextChoices):
    ASKED = "asked", _("asked for")
    MADE = "made", _("made")
    REFUSED = "refused", _("refused")


class Correction(models.Model):
    """What a person asks to have put right in their own file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="corrections")
    town = models.CharField(max_length=9)
    sealed = models.BinaryField(help_text="what is wrong, in their words, encrypted")
    state = models.CharField(max_length=7, choices=CorrectionState, default=CorrectionState.ASKED)
    answer = models.BinaryField(null=True, help_text="encrypted")
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["town", "state", "made_at"], name="corrections_of_town")]

    def __str__(self) -> str:
        return f"{self.state} {self.made_at:%Y-%m-%d}"


class DeletionRule(models.Model):
    """After how many days something goes, from a day on. The finest office that fits wins."""

    key = models.CharField(max_length=20, help_text="file, handover, screening, look")
    office = models.CharField(max_length=15, blank=True)
    since = models.DateField()
    days = models.PositiveIntegerField(help_text="after the end of what it is about")
    source = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "office", "since"], name="deletion_rule_once_a_day")]

    def __str__(self) -> str:
        return f"{self.key} {self.days}"


class Deletion(models.Model):
    """One run of the rules: a certificate of what is gone, in numbers alone.

    The numbers are added up as the rows go; without a digest the run was broken off, and the next one finishes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=40, unique=True)
    on = models.DateField(help_text="the day as of which the rules were applied")
    counts = models.JSONField(help_text="rows and files that went, by office and kind")
    rules = models.JSONField(help_text="the rules that applied, by value")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 over all else of the row")
    by = models.JSONField(help_text="by value")
    scope = models.JSONField(
        null=True, help_text="codes of the offices whose rows went; null: all, and what is of no office"
    )
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.number
