"""Sampling of markets and shops: how often by class and level, the rounds that follow, and what was found."""

import uuid

from django.db import models
from django.db.models import F, Q

from duban.outbreak.models.samples import Result
from duban.venues.models import Venue, VenueType


class SamplingFrequency(models.Model):
    """How venues of one type are sampled at one level in force, from a day on."""

    office = models.CharField(max_length=15, blank=True, help_text="code where it holds; the finest one that fits wins")
    kind = models.ForeignKey(VenueType, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=10, help_text="low, medium, high: as in force, published")
    since = models.DateField()
    every_days = models.PositiveSmallIntegerField()
    staff_percent = models.PositiveSmallIntegerField(help_text="share of the staff sampled each time")
    surfaces = models.PositiveSmallIntegerField(help_text="swabs of surfaces each time")
    source = models.CharField(max_length=300)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["office", "kind", "level", "since"], name="frequency_once_a_day"),
            models.CheckConstraint(
                condition=Q(every_days__gte=1, staff_percent__lte=100), name="frequency_is_possible"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind_id} {self.level}"


class LevelInForce(models.Model):
    """The level that a notice put in force for an area from a day on; published, never computed."""

    code = models.CharField(max_length=15)
    level = models.CharField(max_length=10)
    since = models.DateField()
    source = models.CharField(max_length=300)
    by = models.JSONField(help_text="by value")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code", "since"], name="level_once_a_day")]

    def __str__(self) -> str:
        return f"{self.code} {self.level}"


class VenueSampling(models.Model):
    """One venue on one due day: done, or shown as missed once the day is past."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="+")
    town = models.CharField(max_length=9)
    due_on = models.DateField()
    staff_wanted = models.PositiveIntegerField(help_text="percent of the staff")
    surfaces_wanted = models.PositiveIntegerField()
    staff_taken = models.PositiveIntegerField(default=0)
    surfaces_taken = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "due_on"], name="venue_sampled_once_a_day")]
        indexes = [models.Index(fields=["town", "done_at", "due_on", "id"], name="samplings_of_town")]

    def __str__(self) -> str:
        return f"{self.venue_id} {self.due_on}"


class SurfaceSample(models.Model):
    sampling = models.ForeignKey(VenueSampling, on_delete=models.CASCADE, related_name="surface_samples")
    code = models.CharField(max_length=30, unique=True, help_text="on its label")
    where = models.CharField(max_length=100, help_text="which surface")
    taken_at = models.DateTimeField()
    result = models.CharField(max_length=8, choices=Result, blank=True)
    resulted_at = models.DateTimeField(null=True, blank=True)
    entry = models.UUIDField(null=True, blank=True, help_text="of the ledger, opened for a positive one")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(taken_at__lte=F("resulted_at")) | Q(resulted_at__isnull=True), name="result_after_taking"
            )
        ]

    def __str__(self) -> str:
        return self.code
