"""A person's case file: who they are (encrypted), why they are followed, what they need, and what was said to them."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.areas import Measure


class FileState(models.TextChoices):
    OPEN = "open", _("followed")
    RELEASED = "released", _("released")
    CLOSED = "closed", _("closed for another reason")


class NoMeasure(models.TextChoices):
    """Why somebody who is followed is in no measure."""

    WITHDRAWN = "withdrawn", _("every exposure was withdrawn")
    ELSEWHERE = "elsewhere", _("handed over to another district")
    HOSPITAL = "hospital", _("in hospital as a confirmed case")
    UNREACHED = "unreached", _("cannot be reached")
    PAST = "past", _("the measure was over before the file was opened")
    NO_RULE = "no_rule", _("no rule is in force for the exposure")


class CaseFile(models.Model):
    """One person followed by one office. Lists read what is here alone; who it is lies in `sealed`.

    Moments of the funnel are set once, the first time each is reached. A file that was merged into another keeps its
    rows; whoever asks for the other's gets them too, so that taking a merge back moves nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    office = models.CharField(max_length=15, help_text="code of the office that keeps it")
    number = models.CharField(max_length=30, unique=True, help_text="names the file where no name may stand")
    person = models.CharField(max_length=64, help_text="token of the strongest identifier")
    sealed = models.BinaryField(
        help_text="JSON: name, id_number, phone, birth_date, stay_address, from_place; encrypted"
    )
    town = models.CharField(max_length=9, help_text="that looks after the person; the office's code if unknown")
    stay = models.CharField(max_length=15, help_text="code of where the person stays, as fine as known")
    household = models.UUIDField(null=True, blank=True, help_text="shared by those who live together")
    state = models.CharField(max_length=8, choices=FileState, default=FileState.OPEN)
    no_measure = models.CharField(max_length=10, choices=NoMeasure, blank=True, help_text="why there is none")
    measure = models.CharField(max_length=11, choices=Measure, blank=True, help_text="of today's phase of the plan")
    ends_on = models.DateField(null=True, blank=True, help_text="last day of the plan")
    waiting_since = models.DateTimeField(null=True, blank=True, help_text="waits in place for a result")
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="a confirmed case")
    onset_at = models.DateTimeField(null=True, blank=True, help_text="of a confirmed case with symptoms")
    sampled_at = models.DateTimeField(null=True, blank=True, help_text="of a confirmed case: the positive sample")
    opened_at = models.DateTimeField()
    reached_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    isolated_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged")
    origin = models.CharField(max_length=60, help_text="screening, form, contact, or the list it came with")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["office", "person"],
                condition=Q(state=FileState.OPEN, merged_into__isnull=True),
                name="one_open_file_a_person",
            ),
            models.CheckConstraint(condition=Q(state__in=FileState.values), name="file_state_is_known"),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="no_file_merged_into_itself"),
        ]
        indexes = [
            models.Index(fields=["town", "state", "-opened_at", "id"], name="files_of_town"),
            models.Index(fields=["stay", "state"], name="files_by_stay"),
            models.Index(fields=["office", "state", "town"], name="files_of_office"),
            models.Index(fields=["office", "state", "-opened_at", "id"], name="files_of_office_by_time"),
            # All that the funnel and the report ask of a file, so that neither reads the rows.
            models.Index(
                fields=[
                    "office",
                    "merged_into",
                    "town",
                    "state",
                    "opened_at",
                    "reached_at",
                    "tested_at",
                    "isolated_at",
                    "released_at",
                    "closed_at",
                    "ends_on",
                    "id",
                ],
                name="files_by_moments",
            ),
            # The key's own index is of nothing but empty ones, so that SQLite takes it for useless.
            models.Index(fields=["merged_into", "id"], condition=Q(merged_into__isnull=False), name="files_merged"),
            models.Index(
                fields=["confirmed_at", "id"], condition=Q(confirmed_at__isnull=False), name="files_confirmed"
            ),
            models.Index(fields=["person"], name="files_of_person"),
            models.Index(fields=["household"], name="files_of_household"),
        ]

    def __str__(self) -> str:
        return self.number


class FileKey(models.Model):
    """What a person may be found by: a keyed hash of an ID number, a phone, or a name with a birth date."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=10, help_text="id_number, phone, name_birth, own_id, name")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "kind", "digest"], name="key_once_in_a_file")]
        indexes = [models.Index(fields=["digest", "kind"], name="files_by_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:12]}"


class ExposureKind(models.TextChoices):
    AREA = "area", _("was in a risk area")
    CONTACT = "contact", _("close contact")
    SECOND = "second", _("contact of a close contact")
    FORM = "form", _("as entered by the office")


class CaseExposure(models.Model):
    """One reason why the person is followed. Nothing is deleted: what was wrong is withdrawn."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="exposures")
    kind = models.CharField(max_length=7, choices=ExposureKind)
    basis = models.CharField(max_length=64, help_text="number of the order, or id of the case's file")
    measure = models.CharField(max_length=11, choices=Measure, help_text="that the order asks for")
    place = models.CharField(max_length=200, blank=True, help_text="of the exposure, no address of a person")
    first = models.DateTimeField()
    last = models.DateTimeField()
    arrived_at = models.DateTimeField(null=True, blank=True, help_text="in this district, where that is known")
    added_by = models.JSONField(help_text="by value")
    added_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "kind", "basis"], name="exposed_once_on_a_basis"),
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="exposure_ends_after_it_starts"),
        ]
        indexes = [
            models.Index(fields=["basis", "kind"], name="exposures_by_basis"),
            models.Index(fields=["file", "kind", "withdrawn_at", "basis"], name="exposures_of_file"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.basis}"


class NeedKind(models.TextChoices):
    MEDICINE = "medicine", _("medicine")
    PREGNANCY = "pregnancy", _("pregnancy")
    CARER = "carer", _("cares for others")
    ILLNESS = "illness", _("chronic illness")
    OTHER = "other", _("other need")


class Need(models.Model):
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="needs")
    kind = models.CharField(max_length=9, choices=NeedKind)
    sealed = models.BinaryField(help_text="what exactly, encrypted")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kind


class ContactHow(models.TextChoices):
    CALL = "call", _("call")
    VISIT = "visit", _("visit")
    MESSAGE = "message", _("message")


class ContactNote(models.Model):
    """One call, visit or message of the office to the person."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="contact_notes")
    how = models.CharField(max_length=7, choices=ContactHow)
    reached = models.BooleanField()
    sealed = models.BinaryField(help_text="what was said, encrypted")
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.how} {self.at:%Y-%m-%d}"


class Handover(models.Model):
    """A list of arrivals that was taken in. The same file for the same order adds nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    office = models.CharField(max_length=15)
    order = models.CharField(max_length=40, help_text="number of the order")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    read = models.PositiveIntegerField()
    taken = models.PositiveIntegerField()
    updated = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["office", "order", "digest"], name="handover_once_for_an_order")]

    def __str__(self) -> str:
        return f"{self.order} {self.digest[:12]}"
