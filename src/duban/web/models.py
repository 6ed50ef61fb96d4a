"""Figures of the leader's page that cost too much to count for every reader."""

from django.db import models


class KeptFigures(models.Model):
    """The newest count of an area. Whoever opens the page reads it with the time at which it was counted."""

    code = models.CharField(max_length=15, primary_key=True)
    at = models.DateTimeField(help_text="when it was counted")
    asked_at = models.DateTimeField(null=True, blank=True, help_text="when a new count was ordered")
    took_ms = models.PositiveIntegerField(default=0, help_text="what the count took")
    value = models.JSONField()

    def __str__(self) -> str:
        return f"{self.code} {self.at:%Y-%m-%d %H:%M}"
