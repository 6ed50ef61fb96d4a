"""Check-lists with versions, rounds, visits with their answers, failures, and what of them is exposed."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.decisions.models import Mandate

# ---- check-lists ----------------------------------------------------------------------------------------------------


class QuestionType(models.TextChoices):
    CHECK = "check", _("pass or fail")
    SELECT_ONE = "select_one", _("one of a list")
    SELECT_MULTIPLE = "select_multiple", _("several of a list")
    TEXT = "text", _("text")
    INTEGER = "integer", _("whole number")
    DECIMAL = "decimal", _("number")
    DATE = "date", _("date")
    PHOTO = "photo", _("photo")
    GEOPOINT = "geopoint", _("position")
    NOTE = "note", _("note to read")


class Severity(models.TextChoices):
    MINOR = "minor", _("minor")
    MAJOR = "major", _("major")
    GRAVE = "grave", _("grave")


class CheckList(models.Model):
    """What stays the same from version to version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=100)
    title_en = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.title


class VersionState(models.TextChoices):
    DRAFT = "draft", _("draft")
    IN_USE = "in_use", _("in use")
    RETIRED = "retired", _("retired")


class CheckListVersion(models.Model):
    """One wording of a check-list; once in use nothing of it changes, so that old answers keep their questions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    checklist = models.ForeignKey(CheckList, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=VersionState, default=VersionState.DRAFT)
    venue_types = models.JSONField(default=list, help_text="keys of the types it is for; empty: every type")
    kept = models.JSONField(default=dict, help_text="what an XLSForm said that no column here holds, for the way out")
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()
    effective_from = models.DateField(null=True, blank=True, help_text="set when it is put in use")

    class Meta:
        ordering = ["checklist", "number"]
        constraints = [
            models.UniqueConstraint(fields=["checklist", "number"], name="checklist_version_once"),
            models.UniqueConstraint(
                fields=["checklist"], condition=Q(state="in_use"), name="one_version_of_a_checklist_in_use"
            ),
            models.UniqueConstraint(fields=["checklist"], condition=Q(state="draft"), name="one_draft_of_a_checklist"),
        ]

    def __str__(self) -> str:
        return f"{self.checklist_id} {self.number}"


class Item(models.Model):
    """One question. Those of type `check` are answered pass, fail, na or not_inspected; a fail becomes a failure."""

    version = models.ForeignKey(CheckListVersion, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=64, help_text="code_scan, masks ...; the same over versions")
    type = models.CharField(max_length=15, choices=QuestionType, default=QuestionType.CHECK)
    group = models.CharField(max_length=200, blank=True, help_text="path of the groups it stands in, by /")
    label = models.CharField(max_length=2000)
    label_en = models.CharField(max_length=2000, blank=True)
    hint = models.CharField(max_length=2000, blank=True)
    hint_en = models.CharField(max_length=2000, blank=True)
    required = models.BooleanField(default=False)
    relevant = models.CharField(max_length=2000, blank=True, help_text="XLSForm expression; empty: always asked")
    list_name = models.CharField(max_length=64, blank=True, help_text="of the choices, for select types")
    choice_filter = models.CharField(
        max_length=2000, blank=True, help_text="XLSForm expression over the choices' columns"
    )
    constraint = models.CharField(max_length=2000, blank=True, help_text="XLSForm expression; `.` is the answer")
    constraint_message = models.CharField(max_length=500, blank=True)
    constraint_message_en = models.CharField(max_length=500, blank=True)
    # What makes a check out of a question.
    basis = models.CharField(max_length=300, blank=True, help_text="the rule that asks for it")
    severity = models.CharField(max_length=5, choices=Severity, default=Severity.MAJOR)
    photo_on_fail = models.BooleanField(default=False)
    wording = models.CharField(max_length=200, blank=True, help_text="how a bulletin says that it failed")
    wording_en = models.CharField(max_length=200, blank=True)
    category = models.CharField(
        max_length=20, blank=True, help_text="kind:code of the ledger; empty: not on the ledger"
    )
    days_to_mend = models.PositiveSmallIntegerField(null=True, blank=True, help_text="working days given to the venue")
    may_expose = models.BooleanField(default=False)

    class Meta:
        ordering = ["version", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="item_key_once_in_a_version")]

    def __str__(self) -> str:
        return self.label


class Choice(models.Model):
    """One answer of a list; `columns` are what choice filters compare."""

    version = models.ForeignKey(CheckListVersion, on_delete=models.CASCADE, related_name="choices")
    position = models.PositiveIntegerField()
    list_name = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    label = models.CharField(max_length=500)
    label_en = models.CharField(max_length=500, blank=True)
    columns = models.JSONField(default=dict)

    class Meta:
        ordering = ["version", "position"]
        # Under one parent a name stands once; under another it may stand again.
        indexes = [models.Index(fields=["version", "list_name"], name="choice_by_list")]

    def __str__(self) -> str:
        return self.label


# ---- rounds ---------------------------------------------------------------------------------------------------------


class PatrolRound(models.Model):
    """A campaign: which venues are to be visited, by whom, from when to when.

    `strategy` says where the venues came from: all of the area and types, or a sample of `size` drawn by `seed` that
    anybody can draw again from the venues listed in RoundVenue.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=100)
    area = models.CharField(max_length=15)
    venue_types = models.JSONField(default=list, help_text="keys; empty: every type")
    starts_on = models.DateField()
    ends_on = models.DateField()
    seed = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(null=True, blank=True, help_text="of the sample; null: all of them")
    engine = models.CharField(max_length=20, blank=True)
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    close_reason = models.CharField(max_length=300, blank=True, help_text="why some of it was not visited")
    checklist = models.ForeignKey(CheckList, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-starts_on", "-made_at"]
        constraints = [models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="round_ends_after_start")]

    def __str__(self) -> str:
        return self.title


class RoundMandate(Mandate):
    """The decision that a round carries out."""

    round = models.ForeignKey(PatrolRound, on_delete=models.PROTECT, related_name="mandates")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["round", "decision"], condition=Q(ended_at__isnull=True), name="round_carries_out_once"
            )
        ]
        indexes = [models.Index(fields=["decision", "ended_at"], name="round_mandates_of_decision")]

    def __str__(self) -> str:
        return f"{self.round_id} {self.decision_id}"


class RoundVenue(models.Model):
    """A venue of a round's frame; `drawn` ones are to be visited, `inspector` (a user name) by whom, "" by anybody."""

    round = models.ForeignKey(PatrolRound, on_delete=models.CASCADE, related_name="venues")
    venue = models.ForeignKey("venues.Venue", on_delete=models.PROTECT, related_name="+")
    town = models.CharField(max_length=9)
    drawn = models.BooleanField(default=True)
    inspector = models.CharField(max_length=150, blank=True)
    missed = models.BooleanField(default=False, help_text="not visited when the round was closed")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "venue"], name="venue_once_in_a_round")]
        indexes = [models.Index(fields=["inspector", "round"], name="round_venue_by_inspector")]

    def __str__(self) -> str:
        return f"{self.round_id} {self.venue_id}"


# ---- visits ---------------------------------------------------------------------------------------------------------


class VisitState(models.TextChoices):
    UNDER_WAY = "under_way", _("under way")
    FINISHED = "finished", _("finished")
    VOID = "void", _("void")


class Result(models.TextChoices):
    PASS = "pass", _("pass")
    FAIL = "fail", _("fail")
    NA = "na", _("not applicable")
    NOT_INSPECTED = "not_inspected", _("not inspected")


class Visit(models.Model):
    """One inspector at one venue. The id is made where the visit begins, so that what is sent twice is one visit.

    `jurisdiction` and `town` are the venue's at that time. Only finished visits count anywhere.
    """

    id = models.UUIDField(primary_key=True)
    venue = models.ForeignKey("venues.Venue", on_delete=models.PROTECT, related_name="+")
    round = models.ForeignKey(PatrolRound, null=True, blank=True, on_delete=models.PROTECT, related_name="visits")
    version = models.ForeignKey(
        CheckListVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="visits",
        help_text="null: imported answers to items of no list, or a re-check of open items alone",
    )  # fmt: skip
    state = models.CharField(max_length=9, choices=VisitState, default=VisitState.UNDER_WAY)
    recheck = models.BooleanField(default=False, help_text="only open failures are looked at")
    inspector = models.JSONField(help_text="by value")
    username = models.CharField(max_length=150)
    jurisdiction = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    visited_at = models.DateTimeField(help_text="when it began")
    finished_at = models.DateTimeField(null=True, blank=True)
    lon = models.FloatField(null=True, blank=True, help_text="where the inspector stood, WGS 84")
    lat = models.FloatField(null=True, blank=True)
    accuracy_m = models.FloatField(null=True, blank=True)
    note = models.TextField(blank=True)
    signature = models.BinaryField(null=True, help_text="PNG drawn on the screen, encrypted; see signing.py")
    signed_as = models.CharField(max_length=30, blank=True, help_text="owner, manager, staff, refused")
    seen = models.PositiveIntegerField(default=0, help_text="counts changes, so that a stale page is noticed")
    source = models.CharField(max_length=64, blank=True, help_text="SHA-256 of an imported visit's rows")
    void_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "visited_at", "town"], name="visit_by_time"),
            models.Index(fields=["venue", "-visited_at"], name="visit_by_venue"),
            models.Index(fields=["username", "state", "-visited_at"], name="visit_by_inspector"),
            models.Index(fields=["jurisdiction", "-visited_at", "id"], name="visit_by_place"),
        ]

    def __str__(self) -> str:
        return f"{self.venue_id} {self.visited_at:%Y-%m-%d}"


class Answer(models.Model):
    """What was answered to one item; `item` is null where an import names an item of no list."""

    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=64, help_text="of the item")
    item = models.ForeignKey(Item, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    result = models.CharField(max_length=13, choices=Result, blank=True, help_text="of a check; else empty")
    value = models.JSONField(null=True, help_text="of any other question")
    note = models.TextField(blank=True)
    photos = models.JSONField(default=list, help_text="SHA-256 of stored photos, in their order")
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit", "key"], name="one_answer_to_an_item_in_a_visit")]
        indexes = [models.Index(fields=["key", "result"], name="answer_by_item")]

    def __str__(self) -> str:
        return f"{self.key} {self.result}"


class Failure(models.Model):
    """An item that failed at a venue and is open until a re-check sees it pass: at most one open one per item.

    `entry` is its entry on the ledger; null where the item has no category or nobody knows where the venue is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    venue = models.ForeignKey("venues.Venue", on_delete=models.PROTECT, related_name="+")
    jurisdiction = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    key = models.CharField(max_length=64)
    opened_by = models.ForeignKey(Answer, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(help_text="when the visit that found it began")
    mend_by = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(Answer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey("ledger.Entry", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "key"], condition=Q(closed_at__isnull=True), name="one_open_failure_of_an_item"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="failure_closed_by_an_answer",
            ),
        ]
        indexes = [
            models.Index(fields=["closed_at", "opened_at", "town"], name="failure_by_time"),
            models.Index(fields=["-opened_at", "-id", "jurisdiction", "closed_at"], name="failure_newest"),
            models.Index(fields=["entry"], name="failure_by_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.venue_id} {self.key}"


class RecheckResult(models.TextChoices):
    STANDS = "stands", _("stands")
    RECURRED = "recurred", _("not mended")
    NOT_INSPECTED = "not_inspected", _("not inspected")


class Recheck(models.Model):
    """One look at a failure that was open before the visit. No answer to it is `not_inspected`: it is open still."""

    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="rechecks")
    failure = models.ForeignKey(Failure, on_delete=models.PROTECT, related_name="rechecks")
    result = models.CharField(max_length=13, choices=RecheckResult, blank=True, help_text="empty: visit under way")
    at = models.DateTimeField(help_text="when the visit began")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit", "failure"], name="one_look_at_a_failure_in_a_visit")]
        indexes = [models.Index(fields=["at", "result"], name="recheck_by_time")]

    def __str__(self) -> str:
        return f"{self.failure_id} {self.result}"


class VisitNotice(models.Model):
    """Somebody of the town was told on the spot of what a visit found."""

    person = models.ForeignKey("access.Person", on_delete=models.CASCADE, related_name="+")
    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="notices")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "visit"], name="told_once_of_a_visit")]
        indexes = [
            models.Index(fields=["person", "-at"], name="visit_notice_of_person"),
            models.Index(fields=["person"], condition=Q(read_at__isnull=True), name="visit_notice_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.visit_id}"


# ---- exposure -------------------------------------------------------------------------------------------------------


class ExposureState(models.TextChoices):
    PROPOSED = "proposed", pgettext_lazy("exposure", "proposed")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", pgettext_lazy("exposure", "refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("exposure", "withdrawn")


class Stand(models.TextChoices):
    ACCEPTS = "accepts", _("does not dispute it")
    MENDED = "mended", _("says it is mended")
    DISPUTES = "disputes", _("disputes it")
    DECLINES = "declines", _("declines to reply")


class Exposure(models.Model):
    """What of a venue's failures may be told the public: `problems` are standard wordings, no person's name.

    It is shown from `approved_at` until `expires_on`, unless withdrawn; a correction is a new one that names the old.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="exposures")
    venue = models.ForeignKey("venues.Venue", on_delete=models.PROTECT, related_name="+")
    jurisdiction = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    state = models.CharField(max_length=9, choices=ExposureState, default=ExposureState.PROPOSED)
    venue_name = models.CharField(max_length=100, help_text="as printed")
    problems = models.JSONField(default=list, help_text="[{key, zh, en}] as printed")
    reply_until = models.DateTimeField(help_text="before it nobody approves what the venue has not replied to")
    stand = models.CharField(max_length=8, choices=Stand, blank=True, help_text="of the venue, printed beside it")
    reply = models.TextField(blank=True, help_text="the venue's own words, for who decides; never printed")
    replied_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="of a refusal or withdrawal")
    expires_on = models.DateField()
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")

    class Meta:
        ordering = ["-proposed_at", "id"]
        indexes = [models.Index(fields=["state", "expires_on", "town"], name="exposure_by_state")]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("proposed_by")), name="exposure_decided_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue_name} {self.state}"
