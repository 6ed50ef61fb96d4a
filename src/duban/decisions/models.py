"""Who decides, when they met, and what they decided. A decision knows nothing of the work that carries it out."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class BodyKind(models.TextChoices):
    LEADING_GROUP = "leading_group", _("leading group")
    COMMITTEE = "committee", _("committee")
    COUNCIL = "council", _("community council")
    RESIDENTS = "residents", _("residents' meeting")


class Body(models.Model):
    """Something that meets and decides, for one area."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=13, choices=BodyKind)
    name = models.CharField(max_length=100)
    jurisdiction = models.CharField(max_length=15)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "name"], name="body_name_once_in_an_area"),
            models.CheckConstraint(condition=Q(kind__in=BodyKind.values), name="body_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class MeetingState(models.TextChoices):
    PLANNED = "planned", _("planned")
    HELD = "held", _("held")
    APPROVED = "approved", _("minutes approved")
    CANCELLED = "cancelled", _("cancelled")


class Meeting(models.Model):
    """One meeting of a body, numbered by it: the 98th."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    body = models.ForeignKey(Body, on_delete=models.PROTECT, related_name="meetings")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    place = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=9, choices=MeetingState, default=MeetingState.PLANNED)
    minutes = models.TextField(blank=True, help_text="in the words that are published once they are approved")
    minutes_by = models.JSONField(null=True, blank=True, help_text="by value")
    approved_by = models.JSONField(null=True, blank=True, help_text="by value; somebody else than who wrote them")
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["body", "number"], name="meeting_number_once_in_a_body"),
            models.CheckConstraint(
                condition=Q(state__in=MeetingState.values),
                name="meeting_state_is_known",
            ),
        ]
        indexes = [models.Index(fields=["body", "-at"], name="meetings_of_body")]

    def __str__(self) -> str:
        return f"{self.body} {self.number}"


class AgendaItem(models.Model):
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="agenda")
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["meeting", "position"]
        constraints = [models.UniqueConstraint(fields=["meeting", "position"], name="agenda_position_once")]

    def __str__(self) -> str:
        return self.title


class Presence(models.TextChoices):
    CHAIR = "chair", _("in the chair")
    MEMBER = "member", _("member")
    GUEST = "guest", _("guest")
    EXCUSED = "excused", _("excused")


class Attendance(models.Model):
    """Who was there. Residents' names are encrypted; those of officials stand in the published minutes."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="attendance")
    presence = models.CharField(max_length=7, choices=Presence)
    title = models.CharField(max_length=100, blank=True, help_text="office or unit, as published")
    name = models.CharField(max_length=60, blank=True, help_text="of an official; empty for a resident")
    sealed = models.BinaryField(null=True, help_text="a resident's name, encrypted")

    def __str__(self) -> str:
        return f"{self.presence} {self.title}"


class Paper(models.Model):
    """A document that lay before a meeting."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="papers")
    title = models.CharField(max_length=200)
    file = models.CharField(max_length=200, help_text="below the folder of papers")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    public = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.title


class DecisionState(models.TextChoices):
    IN_FORCE = "in_force", _("in force")
    CLOSED = "closed", _("seen through")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Decision(models.Model):
    """What a meeting decided: who does what, where, from when until when, and how one sees that it is done."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="decisions")
    position = models.PositiveIntegerField()
    text = models.TextField()
    jurisdiction = models.CharField(max_length=15, help_text="code of the area it is for")
    lead_unit = models.CharField(max_length=100, blank=True)
    lead_code = models.CharField(max_length=15, blank=True)
    joint_units = models.JSONField(default=list, help_text="[{name, code}]")
    starts_at = models.DateTimeField(help_text="“at once” is the moment of the meeting")
    due_on = models.DateField(null=True, blank=True)
    measure_of_success = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=9, choices=DecisionState, default=DecisionState.IN_FORCE)
    report = models.TextField(blank=True, help_text="closing report, put to a later meeting")
    reported_to = models.ForeignKey(Meeting, on_delete=models.PROTECT, null=True, blank=True, related_name="reports")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.JSONField(null=True, blank=True)
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["meeting", "position"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "position"], name="decision_position_once"),
            models.CheckConstraint(
                condition=Q(state__in=DecisionState.values),
                name="decision_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state="in_force", closed_at__isnull=True)
                | (~Q(state="in_force") & Q(closed_at__isnull=False)),
                name="decision_closed_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(reported_to=F("meeting")),
                name="reported_to_a_later_meeting",
            ),
        ]
        indexes = [
            models.Index(fields=["jurisdiction", "state", "due_on"], name="decisions_by_place"),
            models.Index(fields=["lead_code", "state", "due_on"], name="decisions_of_unit"),
            models.Index(fields=["-made_at", "id"], name="decisions_newest_first"),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Mandate(models.Model):
    """That a piece of work carries a decision out: the key to the work is the heir's, which lies above.

    Taken away, the link stays with its end: what was said is not undone.
    """

    decision = models.ForeignKey("decisions.Decision", on_delete=models.PROTECT, related_name="+")
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()
    ended_by = models.JSONField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class NoticeKind(models.TextChoices):
    """The gravest last."""

    SOON = "soon", _("due soon")
    NO_WORK = "no_work", _("nothing carries it out yet")
    LATE = "late", _("overdue")
    ESCALATED = "escalated", _("overdue for long: put before the leaders")


class DecisionNotice(models.Model):
    """What a person was reminded of, once for each kind and each due day of the decision."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="notices")
    person = models.ForeignKey("access.Person", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=9, choices=NoticeKind)
    due_on = models.DateField(help_text="of the decision at the time; put off, it is reminded of again")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "person", "kind", "due_on"], name="reminded_once_of_a_day"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_is_known"),
        ]
        indexes = [
            models.Index(fields=["person", "read_at", "-at"], name="decision_notices_of_person"),
            models.Index(
                fields=["person"],
                condition=Q(mailed_at__isnull=True, read_at__isnull=True),
                name="decision_notices_to_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id} {self.kind}"
