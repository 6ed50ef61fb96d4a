"""What each person must do: rules with effective dates, the plan that follows from them, due acts and release."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from duban.outbreak.models.casefiles import CaseFile


class CountedFrom(models.TextChoices):
    EXPOSURE = "exposure", _("last exposure")
    ARRIVAL = "arrival", _("arrival in the district")


class MeasureRule(models.Model):
    """One version of what an exposure of one kind asks for, from a day on. Built-in rows have no office."""

    key = models.CharField(
        max_length=40, help_text="area:centralised, area:home, area:test, area:monitor, contact, second"
    )
    office = models.CharField(max_length=15, blank=True, help_text="code where it holds; the finest one that fits wins")
    since = models.DateField()
    until = models.DateField(null=True, blank=True, help_text="last day; empty: it goes on")
    name = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    phases = models.JSONField(help_text='[{"measure": "centralised", "days": 14}, {"measure": "monitor", "days": 7}]')
    test_days = models.JSONField(help_text="days after the start on which a test is due: [1, 4, 7, 14]")
    counted_from = models.CharField(max_length=8, choices=CountedFrom)
    double_before_release = models.BooleanField(help_text="two samples before release")
    quiet_days = models.PositiveSmallIntegerField(
        default=3, help_text="days before release, each with a report and none with fever or symptoms"
    )
    reports_a_day = models.PositiveSmallIntegerField(help_text="of temperature and symptoms")
    visit_every = models.PositiveSmallIntegerField(help_text="days between visits; 0: none")
    source = models.CharField(max_length=300, help_text="the notice that says so")
    added_by = models.JSONField(null=True, blank=True, help_text="by value; empty: built in")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "office", "since"], name="measure_rule_once_a_day"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="rule_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.since}"


class Plan(models.Model):
    """The schedule of one person as it was worked out once; the newest is current, the others are why it changed."""

    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="plans")
    version = models.PositiveIntegerField()
    current = models.BooleanField()
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="last day in a measure")
    phases = models.JSONField(help_text="[{measure, first, last, reports, why: {code, ...}}], no gap and no overlap")
    next_on = models.DateField(null=True, help_text="first day of the phase after today's; empty: there is none")
    digest = models.CharField(max_length=64, help_text="SHA-256 of exposures and rules it follows from")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "version"], name="plan_version_once"),
            models.UniqueConstraint(fields=["file"], condition=Q(current=True), name="one_current_plan"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="plan_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["next_on"], condition=Q(current=True), name="plans_by_next_phase")]

    def __str__(self) -> str:
        return f"{self.file_id} {self.version}"


class TaskKind(models.TextChoices):
    REACH = "reach", _("reach the person")
    ARRIVE = "arrive", _("bring to the site")
    TEST = "test", _("test")
    VISIT = "visit", _("visit")
    REPORT = "report", _("ask for the missing report")
    RELEASE = "release", _("release")


class TaskState(models.TextChoices):
    OPEN = "open", _("due")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("no longer due")


class Task(models.Model):
    """One act that is due to one person on one day. `town` is the file's, so that a town's list is one index."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="tasks")
    town = models.CharField(max_length=9)
    stay = models.CharField(max_length=15, help_text="the file's, for who looks after one community")
    kind = models.CharField(max_length=7, choices=TaskKind)
    due_on = models.DateField()
    slot = models.CharField(max_length=4, blank=True, help_text="am, pm, or which of several on a day")
    state = models.CharField(max_length=9, choices=TaskState, default=TaskState.OPEN)
    why = models.JSONField(help_text="{code, ...}: the reason for the date, put into words where it is shown")
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.JSONField(null=True, blank=True, help_text="by value")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["file", "kind", "due_on", "slot"], condition=~Q(state="cancelled"), name="act_once_a_day"
            ),
            models.CheckConstraint(condition=Q(state__in=TaskState.values), name="task_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["town", "state", "due_on", "kind", "id"], name="tasks_of_town"),
            models.Index(fields=["stay", "state", "due_on", "kind", "id"], name="tasks_by_stay"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_on}"


class Release(models.Model):
    """Somebody let go by a named person, with the conditions as they stood. The certificate is set from this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    file = models.ForeignKey(CaseFile, on_delete=models.CASCADE, related_name="releases")
    number = models.CharField(max_length=40, unique=True)
    code = models.CharField(max_length=43, unique=True, help_text="what the certificate's QR leads to; random")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="+")
    conditions = models.JSONField(help_text="[{code, met, ...}] at that moment")
    at = models.DateTimeField()
    by = models.JSONField(help_text="by value")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file"], condition=Q(revoked_at__isnull=True), name="one_release_stands")
        ]
        indexes = [
            models.Index(
                fields=["at", "revoked_at", "file"],
                condition=Q(revoked_at__isnull=False),
                name="releases_taken_back",
            )
        ]

    def __str__(self) -> str:
        return self.number
