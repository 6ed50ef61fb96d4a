"""Isolation sites: rooms and beds, and who lies where. No bed is ever held twice."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.casefiles import CaseFile


class Site(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    office = models.CharField(max_length=15)
    town = models.CharField(max_length=9, help_text="where it lies")
    name = models.CharField(max_length=100)
    address = models.CharField(max_length=200, blank=True)
    opened_on = models.DateField()
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "name"], name="site_name_once_in_an_office")]
        indexes = [models.Index(fields=["town", "name"], name="sites_of_town")]

    def __str__(self) -> str:
        return self.name


class Room(models.Model):
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="rooms")
    floor = models.CharField(max_length=10, blank=True)
    name = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="room_once_in_a_site")]

    def __str__(self) -> str:
        return self.name


class Bed(models.Model):
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="beds")
    label = models.CharField(max_length=10)
    out_of_use = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "label"], name="bed_once_in_a_room")]

    def __str__(self) -> str:
        return self.label


class StayEnd(models.TextChoices):
    """Why somebody left a bed."""

    RELEASE = "release", _("released")
    TRANSFER = "transfer", _("moved to another bed")
    HOSPITAL = "hospital", _("taken to hospital")
    HOME = "home", _("goes on at home")
    CLOSED = "closed", _("the file was closed")
    MISTAKE = "mistake", _("entered by mistake")


class BedStay(models.Model):
    """A person in a bed, from when until when. `until` empty: still there."""

    bed = models.ForeignKey(Bed, on_delete=models.PROTECT, related_name="stays")
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="bed_stays")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    by = models.JSONField(help_text="by value")
    ended_by = models.JSONField(null=True, blank=True)
    ended_for = models.CharField(max_length=10, choices=StayEnd, blank=True)
    shared_for = models.CharField(
        max_length=200, blank=True, help_text="why the room is shared with people of another household"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bed"], condition=Q(until__isnull=True), name="no_bed_twice"),
            models.UniqueConstraint(fields=["file"], condition=Q(until__isnull=True), name="nobody_in_two_beds"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="bed_left_after_taken"
            ),
        ]
        indexes = [models.Index(fields=["bed", "-since"], name="stays_of_bed")]

    def __str__(self) -> str:
        return f"{self.bed_id} {self.since:%Y-%m-%d}"
