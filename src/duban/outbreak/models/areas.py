"""Risk areas with their orders."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Measure(models.TextChoices):
    """The strictest first."""

    CENTRALISED = "centralised", _("centralised isolation")
    HOME = "home", _("isolation at home")
    TEST = "test", _("test")
    MONITOR = "monitor", _("health monitoring")


class Step(models.TextChoices):
    DECLARED = "declared", _("declared")
    CHANGED = "changed", _("changed")
    LIFTED = "lifted", _("lifted")
    SPLIT = "split", _("split")


class RiskArea(models.Model):
    """What stays the same from version to version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.CharField(max_length=100, help_text="what the published list calls it")
    jurisdiction = models.CharField(max_length=15, help_text="of the office that screens for it; it may lie elsewhere")
    part_of = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="parts", help_text="what it was split from"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "key"], name="risk_area_key_once_in_an_office")]

    def __str__(self) -> str:
        return self.key


class Declaration(models.Model):
    """One version of a risk area under an order number of its own; nothing of it changes afterwards.

    The place is an outline or an administrative code. Whoever was there between `lookback_days` before `starts_at` and
    `ends_at`, both included, is exposed.
    """

    area = models.ForeignKey(RiskArea, on_delete=models.PROTECT, related_name="declarations")
    version = models.PositiveIntegerField()
    number = models.CharField(max_length=40, unique=True, help_text="of the order")
    step = models.CharField(max_length=8, choices=Step)
    latest = models.BooleanField()
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=40, help_text="in the words of the notice")
    measure = models.CharField(max_length=11, choices=Measure)
    code = models.CharField(max_length=15, blank=True)
    geometry = models.JSONField(null=True, help_text="GeoJSON Polygon or MultiPolygon, WGS 84")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="empty: it goes on")
    lookback_days = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=500, blank=True, help_text="the notice that published it")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what is declared, for replays")
    declared_by = models.JSONField(help_text="by value")
    declared_at = models.DateTimeField()

    class Meta:
        ordering = ["area", "version"]
        constraints = [
            models.UniqueConstraint(fields=["area", "version"], name="risk_area_version_once"),
            models.UniqueConstraint(fields=["area"], condition=Q(latest=True), name="one_latest_declaration"),
            models.CheckConstraint(condition=Q(measure__in=Measure.values), name="measure_is_known"),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="declaration_step_is_known"),
            models.CheckConstraint(
                condition=Q(geometry__isnull=True) | Q(code=""), name="risk_area_by_outline_or_by_code"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="window_ends_after_it_starts"
            ),
        ]
        indexes = [models.Index(fields=["latest", "-declared_at"], name="declarations_now")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"
