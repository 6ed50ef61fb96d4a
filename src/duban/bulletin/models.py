"""Numbered issues of a series, and which entries each carries."""

import uuid
from datetime import UTC

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.core.integrity import canonical, sha256


class IssueState(models.TextChoices):
    DRAFT = "draft", _("draft")
    APPROVED = "approved", _("approved")
    PUBLISHED = "published", _("published")
    DISCARDED = "discarded", _("discarded")


LIVE = (IssueState.DRAFT, IssueState.APPROVED, IssueState.PUBLISHED)
WAITING = (IssueState.DRAFT, IssueState.APPROVED)


class BlockKind(models.TextChoices):
    DECISIONS = "decisions", pgettext_lazy("block of a page", "meeting and decisions")
    EXPOSURE = "exposure", pgettext_lazy("block of a page", "inspection and exposure")
    HYGIENE = "hygiene", pgettext_lazy("block of a page", "hygiene ledger")
    STORY = "story", pgettext_lazy("block of a page", "story of neighbours")
    ORGANISATIONS = "organisations", pgettext_lazy("block of a page", "community organisations")
    EPIDEMIC = "epidemic", pgettext_lazy("block of a page", "epidemic brief")
    PHOTO = "photo", pgettext_lazy("block of a page", "photo with caption")
    ARTICLE = "article", pgettext_lazy("block of a page", "article")


ONCE = (BlockKind.HYGIENE, BlockKind.EXPOSURE)
"""An issue with blocks has one of each: where its entries and its exposures stand."""
DEFAULT_SERIES = "环境卫生通报"


class Section(models.TextChoices):
    RECTIFIED = "rectified", _("rectified")
    NEW = "new", _("new on the ledger")


class Series(models.Model):
    """A line of numbered bulletins of one jurisdiction; its row is the lock of whoever publishes."""

    jurisdiction = models.CharField(max_length=15)
    name = models.CharField(max_length=60)
    first_number = models.PositiveIntegerField(default=1)
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["jurisdiction", "name"]
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "name"], name="series_once_per_place")]

    def __str__(self) -> str:
        return self.name


class Issue(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="issues")
    state = models.CharField(max_length=9, choices=IssueState, default=IssueState.DRAFT)
    number = models.PositiveIntegerField(null=True, blank=True)
    title = models.CharField(max_length=100)
    intro = models.TextField(blank=True)
    issuer = models.CharField(max_length=100)
    byline = models.CharField(max_length=100, blank=True)
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")
    drafted_by = models.CharField(max_length=150, help_text="user names are kept by value")
    edited_by = models.JSONField(default=list, help_text="user names of all who changed the draft")
    approved_by = models.CharField(max_length=150, blank=True)
    published_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(
        default=1, help_text="counts changes, so that two editors cannot pass over each other"
    )
    document = models.TextField(
        blank=True, help_text="the frozen bulletin, canonical JSON; nothing is printed from elsewhere"
    )
    hash = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True, help_text="HMAC of the hash under this installation's key")
    previous = models.CharField(max_length=64, blank=True, help_text="hash of the issue before it in the series")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["-published_at", "-number"], name="issue_newest", condition=Q(state=IssueState.PUBLISHED)
            ),
            models.Index(fields=["series", "state"], name="issue_by_series"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["series", "number"], name="issue_number_once"),
            models.CheckConstraint(
                condition=Q(state=IssueState.PUBLISHED, number__isnull=False, published_at__isnull=False)
                & ~Q(hash="")
                & ~Q(document="")
                | ~Q(state=IssueState.PUBLISHED)
                & Q(number__isnull=True, published_at__isnull=True, hash="", document=""),
                name="issue_published_iff_frozen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.number or '–'}"

    def record_digest(self) -> str:
        """SHA-256 over who did what when to a published issue, and what it holds; what the seal covers."""
        record = {
            "hash": self.hash,
            "series": [self.series.jurisdiction, self.series.name],
            "number": self.number,
            "corrects": self.corrects_id and str(self.corrects_id),
            "people": [self.drafted_by, self.edited_by, self.approved_by, self.published_by],
            "times": [
                moment and moment.astimezone(UTC).isoformat(timespec="microseconds")
                for moment in (self.created_at, self.published_at)
            ],
            "items": [
                [item.section, item.position, str(item.entry_id)]
                for item in self.items.order_by("section", "position", "pk")
            ],
        }
        # Absent where there is no column, so that the seals of issues from before there was one still fit.
        if column := [str(row.exposure_id) for row in self.exposed.order_by("position", "pk")]:
            record["exposed"] = column
        return sha256(canonical(record))


class IssueText(models.Model):
    """What a published issue is found by, as pairs of characters; see search.py."""

    issue = models.OneToOneField(Issue, on_delete=models.CASCADE, related_name="text")
    grams = models.TextField()

    def __str__(self) -> str:
        return str(self.issue_id)


class Item(models.Model):
    """An entry's place in an issue. `reserved` keeps it out of every other live issue of the series."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="items")
    entry = models.ForeignKey("ledger.Entry", on_delete=models.PROTECT, related_name="+")
    section = models.CharField(max_length=9, choices=Section)
    position = models.PositiveIntegerField()
    reserved = models.CharField(max_length=80, unique=True, null=True, blank=True, help_text="null in a correction")

    class Meta:
        ordering = ["section", "position"]
        constraints = [models.UniqueConstraint(fields=["issue", "entry", "section"], name="item_once_per_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.section} {self.entry_id}"


class Exposed(models.Model):
    """An exposure's place in an issue's column. `reserved` keeps it out of every other live issue of the series."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="exposed")
    exposure = models.ForeignKey("patrol.Exposure", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    reserved = models.CharField(max_length=80, unique=True, null=True, blank=True, help_text="null in a correction")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["issue", "exposure"], name="exposure_once_per_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.exposure_id}"


class Block(models.Model):
    """A part of the page in its place. What is left empty is written from the records; figures stand in it as marks.

    An issue without blocks prints its entries and its exposures in their fixed order, as all issues did once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="blocks")
    kind = models.CharField(max_length=13, choices=BlockKind)
    position = models.PositiveIntegerField()
    headline_zh = models.CharField(max_length=200, blank=True)
    headline_en = models.CharField(max_length=200, blank=True)
    text_zh = models.TextField(blank=True)
    text_en = models.TextField(blank=True)
    byline = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(default=dict, help_text="what it tells of: a day, a meeting, a topic; photos")

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issue", "kind"],
                condition=Q(kind__in=["hygiene", "exposure"]),
                name="block_once_in_an_issue",
            ),
            models.CheckConstraint(condition=Q(kind__in=BlockKind.values), name="block_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.kind}"


class Picture(models.Model):
    """A picture of a day with its caption: it stands by itself on the page and shows no finding."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    day = models.DateField(help_text="of the page on which it stands")
    photo = models.ForeignKey("evidence.Photo", on_delete=models.PROTECT, related_name="+")
    caption_zh = models.CharField(max_length=500)
    caption_en = models.CharField(max_length=500, blank=True)
    byline = models.CharField(max_length=100, blank=True, help_text="who wrote, who took it")
    filed_by = models.CharField(max_length=150, help_text="user names are kept by value")
    filed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["filed_at", "id"]
        indexes = [models.Index(fields=["jurisdiction", "day"], name="picture_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "day", "photo"],
                condition=Q(withdrawn_at__isnull=True),
                name="picture_once_on_a_page",
            )
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.day} {self.photo_id}"
