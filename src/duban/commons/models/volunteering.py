"""Volunteers: activities with shifts, who signed up, who came, and the hours that were certified."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from duban.commons.models.organisations import Organisation


class Activity(models.Model):
    """Something to do together: a clean-up at entries of the ledger, say."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    organiser = models.CharField(max_length=100, help_text="the unit that certifies the hours")
    title = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    place = models.CharField(max_length=200)
    lon = models.FloatField(null=True, blank=True, help_text="degrees east, WGS 84; both or none")
    lat = models.FloatField(null=True, blank=True)
    entries = models.JSONField(default=list, help_text="ids of entries of the ledger")
    sequence = models.PositiveIntegerField(default=0, help_text="of the calendar entry; counts its changes")
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-made_at"], name="activities_by_place")]

    def __str__(self) -> str:
        return self.title


class Shift(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="shifts")
    jurisdiction = models.CharField(max_length=15, help_text="that of the activity, for lists by time")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    places = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)
    signed = models.PositiveIntegerField(default=0, help_text="sign-ups so far; gives each its turn")
    owed = models.PositiveIntegerField(default=0, help_text="how many came whose hours nobody certified")
    token = models.CharField(max_length=22, unique=True, help_text="of the QR at the meeting point; random")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="alone, or with its activity")

    class Meta:
        ordering = ["activity", "begins_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("begins_at")),
                name="shift_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=Q(taken__lte=F("places")), name="not_more_in_than_places"),
        ]
        indexes = [
            models.Index(fields=["begins_at"], name="shifts_by_time"),
            models.Index(fields=["jurisdiction", "begins_at"], name="shifts_by_place"),
            models.Index(
                fields=["begins_at", "id", "jurisdiction"], condition=Q(owed__gt=0), name="shifts_owing_hours"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.begins_at:%Y-%m-%d %H:%M}"


class SignUpState(models.TextChoices):
    IN = "in", _("in")
    WAITING = "waiting", _("on the waiting list")
    WITHDRAWN = "withdrawn", _("withdrawn")


class SignUp(models.Model):
    """Somebody who wants to come; no account is needed. `turn` keeps the order for ever."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    shift = models.ForeignKey(Shift, on_delete=models.CASCADE, related_name="sign_ups")
    turn = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=SignUpState)
    sealed = models.BinaryField(null=True, help_text="JSON: name, phone; encrypted; null once it is forgotten")
    person = models.CharField(
        max_length=64, blank=True, help_text="keyed hash of the phone: once in a shift; empty once it is forgotten"
    )
    digest = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of the secret that opens it again",
    )
    at = models.DateTimeField()
    moved_up_at = models.DateTimeField(null=True, blank=True, help_text="when a place came free for who had waited")
    came_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="when the contact was deleted; the name stays with a record that stands"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shift", "turn"], name="turn_once_in_a_shift"),
            models.UniqueConstraint(
                fields=["shift", "person"],
                condition=~Q(state="withdrawn") & ~Q(person=""),
                name="signed_up_once_in_a_shift",
            ),
        ]
        indexes = [models.Index(fields=["person", "shift"], name="sign_ups_of_person")]

    def __str__(self) -> str:
        return f"{self.turn} {self.state}"


class Record(models.Model):
    """What the organiser certifies of one volunteer and shift (Civil Affairs Order 67). A wrong one is revoked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    sign_up = models.ForeignKey(SignUp, on_delete=models.PROTECT, related_name="records")
    number = models.CharField(max_length=40, unique=True)
    code = models.CharField(max_length=43, unique=True, help_text="of the certificate's QR; random")
    minutes = models.PositiveIntegerField()
    service = models.CharField(max_length=200, help_text="what was done")
    training = models.CharField(max_length=200, blank=True)
    commendation = models.CharField(max_length=200, blank=True)
    evaluation = models.CharField(max_length=200, blank=True)
    by = models.JSONField(help_text="who certified it, by value")
    at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sign_up"],
                condition=Q(revoked_at__isnull=True),
                name="one_record_stands",
            ),
            models.CheckConstraint(
                condition=Q(minutes__gte=1, minutes__lte=1440),
                name="hours_of_a_day_at_most",
            ),
        ]

    def __str__(self) -> str:
        return self.number
