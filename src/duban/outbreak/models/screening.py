"""What a screening found, and who looked at whom."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.areas import Measure


class Ground(models.TextChoices):
    """What allows the office to look for people, and to open who they are."""

    ORDER = "order", _("an order of the leading group under the law on infectious diseases")
    CASE = "case", _("the investigation of a confirmed case")
    REQUEST = "request", _("a request of another district's health office")
    PERSON = "person", _("the person's own request")


class Screening(models.Model):
    """A run that somebody confirmed: who was in the areas of its orders, and what each of them must do."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    orders = models.JSONField(help_text="numbers of the orders")
    ground = models.CharField(max_length=8, choices=Ground)
    purpose = models.CharField(max_length=300)
    engine = models.CharField(max_length=10)
    engine_version = models.CharField(max_length=40)
    inputs = models.JSONField(help_text="SHA-256 of the areas, of each file of presences and of the aliases")
    output_digest = models.CharField(max_length=64, help_text="SHA-256 of the rows found, in their order")
    presences = models.PositiveBigIntegerField()
    people = models.PositiveIntegerField()
    told = models.JSONField(default=dict, help_text="what others than health officers are told: people by town")
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()
    handed_at = models.DateTimeField(null=True, blank=True, help_text="when the towns were given their lists")

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-made_at"], name="screening_by_place")]
        constraints = [models.CheckConstraint(condition=Q(ground__in=Ground.values), name="screening_ground_is_known")]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.made_at:%Y-%m-%d %H:%M}"


class Found(models.Model):
    """A person found by a run, with the strictest measure and the order that decided it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="found")
    person = models.CharField(max_length=64, help_text="token")
    town = models.CharField(max_length=9, help_text="that looks after the person; the office's own code if unknown")
    measure = models.CharField(max_length=11, choices=Measure)
    order = models.CharField(max_length=40, help_text="number of the one that decided")
    areas = models.PositiveIntegerField()
    last = models.DateTimeField(help_text="the end of the last exposure")
    counted = models.BooleanField(default=False, help_text="in a number that others than health officers are told")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["screening", "person"], name="found_once_in_a_screening")]
        indexes = [
            models.Index(fields=["screening", "town", "id"], name="found_by_town"),
            models.Index(fields=["person"], name="found_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person[:12]} {self.measure}"


class FoundExposure(models.Model):
    """Why: what one person was exposed to in one area."""

    found = models.ForeignKey(Found, on_delete=models.CASCADE, related_name="exposures")
    order = models.CharField(max_length=40)
    first = models.DateTimeField()
    last = models.DateTimeField()
    visits = models.PositiveIntegerField()
    minutes = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["found", "order"], name="exposed_once_under_an_order")]

    def __str__(self) -> str:
        return f"{self.order} {self.visits}"


class Opening(models.Model):
    """A look at who somebody is: by whom, when, on what ground and to what end."""

    found = models.ForeignKey(Found, on_delete=models.CASCADE, related_name="openings")
    ground = models.CharField(max_length=8, choices=Ground)
    purpose = models.CharField(max_length=300)
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ground__in=Ground.values), name="opening_ground_is_known")]

    def __str__(self) -> str:
        return f"{self.found_id} {self.at:%Y-%m-%d %H:%M}"
