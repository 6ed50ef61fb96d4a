"""Counts over so many files that nobody should wait for them."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q


class KeptKind(models.TextChoices):
    REPORT = "report"
    FUNNEL = "funnel"


class KeptCount(models.Model):
    """The newest count of a day at an office or town. Whoever reads it is told when it was made."""

    kind = models.CharField(max_length=6, choices=KeptKind)
    at = models.CharField(max_length=15, help_text="code of the office, town or community")
    on = models.DateField()
    counted_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True, help_text="when a new count was ordered")
    value = models.JSONField(
        encoder=DjangoJSONEncoder, help_text="every number, also those that are told to health officers alone"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "at", "on"], name="kept_once_of_a_day"),
            models.CheckConstraint(condition=Q(kind__in=KeptKind.values), name="kept_kind_is_known"),
        ]
        indexes = [models.Index(fields=["counted_at"], name="kept_by_age")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at} {self.on}"
