"""Samples of people: points and appointments, tubes of one or several, their results."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.casefiles import CaseFile
from duban.outbreak.models.measures import Task


class SamplingPoint(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    office = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    name = models.CharField(max_length=100)
    address = models.CharField(max_length=200, blank=True)
    opens = models.TimeField()
    closes = models.TimeField()
    per_hour = models.PositiveIntegerField(help_text="people that can be sampled in an hour")
    result_hours = models.PositiveSmallIntegerField(
        default=24, help_text="after the first swab the result of a tube is due within so many hours"
    )
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "name"], name="point_name_once_in_an_office")]

    def __str__(self) -> str:
        return self.name


class Appointment(models.Model):
    """One person at one point in one hour. Cancelled ones make room."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="appointments")
    point = models.ForeignKey(SamplingPoint, on_delete=models.CASCADE, related_name="appointments")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="appointments")
    at = models.DateTimeField(help_text="the beginning of the hour")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    kept_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task"], condition=Q(cancelled_at__isnull=True), name="one_appointment_a_test"
            )
        ]
        indexes = [models.Index(fields=["point", "at"], name="appointments_of_point")]

    def __str__(self) -> str:
        return f"{self.point_id} {self.at:%Y-%m-%d %H:%M}"


class Result(models.TextChoices):
    NEGATIVE = "negative", _("negative")
    GREY = "grey", _("grey")
    POSITIVE = "positive", _("positive")
    INVALID = "invalid", _("invalid")


class Tube(models.Model):
    """`size` swabs at most. A tube is open until it is sealed, then waits for its result; a result is never changed,
    a wrong one is answered by sampling again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=30, unique=True, help_text="on its label")
    office = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    point = models.ForeignKey(SamplingPoint, on_delete=models.PROTECT, null=True, blank=True, related_name="tubes")
    size = models.PositiveSmallIntegerField(help_text="1, 5 or 10")
    opened_at = models.DateTimeField()
    opened_by = models.JSONField(help_text="by value")
    sealed_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=8, choices=Result, blank=True)
    resulted_at = models.DateTimeField(null=True, blank=True)
    resulted_by = models.JSONField(null=True, blank=True)
    laboratory = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__in=[1, 5, 10]), name="tube_of_one_five_or_ten"),
            models.CheckConstraint(
                condition=Q(result="", resulted_at__isnull=True) | (~Q(result="") & Q(resulted_at__isnull=False)),
                name="result_has_its_time",
            ),
        ]
        indexes = [models.Index(fields=["town", "resulted_at", "opened_at"], name="tubes_of_town")]

    def __str__(self) -> str:
        return self.code


class Swab(models.Model):
    """One person's sample in a tube. `follows` names the swab of the pool that made it necessary."""

    tube = models.ForeignKey(Tube, on_delete=models.PROTECT, related_name="swabs")
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="swabs")
    task = models.ForeignKey(Task, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    follows = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    taken_at = models.DateTimeField()
    taken_by = models.JSONField(help_text="by value")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tube", "file"], name="one_swab_of_a_person_in_a_tube")]
        indexes = [
            models.Index(fields=["file", "-taken_at"], name="swabs_of_file"),
            models.Index(fields=["taken_at", "tube", "file"], name="swabs_by_time"),
            models.Index(fields=["follows", "taken_at"], condition=Q(follows__isnull=False), name="swabs_taken_again"),
        ]

    def __str__(self) -> str:
        return f"{self.tube_id} {self.taken_at:%Y-%m-%d}"
