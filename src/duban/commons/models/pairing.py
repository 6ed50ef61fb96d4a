"""Partners: a community and the organisations based there, what is needed, and who brings it."""

import uuid

from django.db import models
from django.db.models import F, Q

from duban.commons.models.deliberation import SharedPlace
from duban.commons.models.organisations import Organisation
from duban.decisions.models import Decision


class Pairing(models.Model):
    """A dated agreement of a community with an organisation or unit based there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15, help_text="of the community")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    partner = models.CharField(
        max_length=100,
        help_text="the organisation's name, or that of a unit on no register",
    )
    text = models.TextField(blank=True, help_text="what both agreed")
    signed_on = models.DateField()
    until = models.DateField(null=True, blank=True)
    made_by = models.JSONField(help_text="by value")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "partner", "signed_on"],
                name="paired_once_on_a_day",
            )
        ]
        indexes = [models.Index(fields=["-signed_on", "-id", "jurisdiction"], name="pairings_newest")]

    def __str__(self) -> str:
        return self.partner


class PostedNeed(models.Model):
    """What a place needs: how many of what until when. The bar fills as partners sign up, deliver, and are verified."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    place = models.ForeignKey(SharedPlace, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    title = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    unit = models.CharField(max_length=20, help_text="of what is counted: artworks, hours, benches")
    target = models.PositiveIntegerField()
    pledged = models.PositiveIntegerField(default=0, help_text="sum of the pledges that stand")
    due_on = models.DateField()
    before = models.CharField(max_length=64, blank=True, help_text="SHA-256 of a photo")
    after = models.CharField(max_length=64, blank=True)
    thanks = models.TextField(blank=True, help_text="for the page of thanks")
    posted_by = models.JSONField(help_text="by value")
    posted_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(target__gte=1), name="need_of_one_at_least"),
            models.CheckConstraint(
                condition=Q(pledged__lte=F("target")),
                name="not_more_pledged_than_needed",
            ),
        ]
        indexes = [
            models.Index(fields=["jurisdiction", "closed_at", "due_on"], name="needs_by_place"),
            models.Index(fields=["due_on", "id", "jurisdiction"], condition=Q(closed_at=None), name="needs_open"),
            models.Index(fields=["-closed_at", "-id", "jurisdiction"], name="needs_closed"),
        ]

    def __str__(self) -> str:
        return self.title


class Pledge(models.Model):
    """What a partner signed up for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    need = models.ForeignKey(PostedNeed, on_delete=models.CASCADE, related_name="pledges")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    partner = models.CharField(max_length=100, help_text="an organisation or unit, no person")
    sealed = models.BinaryField(null=True, help_text="JSON: contact's name and phone; encrypted; empty once forgotten")
    digest = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of the secret that opens it again",
    )
    number = models.PositiveIntegerField(help_text="units pledged")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__gte=1), name="pledge_of_one_at_least")]

    def __str__(self) -> str:
        return f"{self.partner} {self.number}"


class Delivery(models.Model):
    """A part of a pledge that was brought; it counts as verified once somebody of the community saw it."""

    pledge = models.ForeignKey(Pledge, on_delete=models.CASCADE, related_name="deliveries")
    number = models.PositiveIntegerField()
    photos = models.JSONField(default=list, help_text="SHA-256 of each")
    at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.JSONField(null=True, blank=True)
    refused_for = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__gte=1), name="delivery_of_one_at_least")]

    def __str__(self) -> str:
        return f"{self.number}"
