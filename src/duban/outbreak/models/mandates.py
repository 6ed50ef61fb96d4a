"""The decisions that risk areas and levels in force carry out: who came from there, and which venues are sampled."""

from django.db import models
from django.db.models import Q

from duban.decisions.models import Mandate
from duban.outbreak.models.areas import RiskArea
from duban.outbreak.models.venue_sampling import LevelInForce


class OrderMandate(Mandate):
    """The decision that an area's orders carry out, with all their versions."""

    area = models.ForeignKey(RiskArea, on_delete=models.PROTECT, related_name="mandates")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["area", "decision"], condition=Q(ended_at__isnull=True), name="order_carries_out_once"
            )
        ]
        indexes = [models.Index(fields=["decision", "ended_at"], name="order_mandates_of_decision")]

    def __str__(self) -> str:
        return f"{self.area_id} {self.decision_id}"


class SamplingMandate(Mandate):
    """The decision that the sampling of venues under a level carries out, from its day on."""

    level = models.ForeignKey(LevelInForce, on_delete=models.PROTECT, related_name="mandates")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["level", "decision"], condition=Q(ended_at__isnull=True), name="sampling_carries_out_once"
            )
        ]
        indexes = [models.Index(fields=["decision", "ended_at"], name="sampling_mandates_of_decision")]

    def __str__(self) -> str:
        return f"{self.level_id} {self.decision_id}"
