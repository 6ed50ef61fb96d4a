"""The ledger's tables. History is appended; an entry's own columns are the sum of its events."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.ledger.lifecycle import OPEN, State
from duban.places.codes import within


class Kind(models.TextChoices):
    EVENT = "event", _("event")
    COMPONENT = "component", _("component")


class PositionSource(models.TextChoices):
    GPS = "gps", _("GPS")
    MAP = "map", _("picked on the map")
    STATEMENT = "statement", _("from a statement")
    IMPORT = "import", _("imported")


class Datum(models.TextChoices):
    WGS84 = "wgs84", "WGS-84"
    GCJ02 = "gcj02", "GCJ-02"
    BD09 = "bd09", "BD-09"


class Moment(models.TextChoices):
    BEFORE = "before", _("before")
    AFTER = "after", _("after")


class Category(models.Model):
    """What is wrong: a 5-digit code, unique together with its kind."""

    kind = models.CharField(max_length=9, choices=Kind)
    code = models.CharField(max_length=5)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=80)
    hours = models.PositiveIntegerField(help_text="time to remedy, in hours from dispatch")

    class Meta:
        ordering = ["kind", "code"]
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="category_code_once_per_kind")]

    def __str__(self) -> str:
        return self.name if (get_language() or "zh").startswith("zh") else self.name_en


def in_sight(person: Person, *, place: str = "jurisdiction", unit: str = "responsible") -> Q:
    """What lies in, or is the duty of, the person's area; a handler sees only what is theirs."""
    seeing, own = rights.codes(person, "entry.see"), rights.codes(person, "entry.see_own")
    return within(place, seeing) | within(unit, [*seeing, *own])


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, person: Person) -> "EntryQuerySet":
        return self.filter(in_sight(person))


class Entry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=24, unique=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    description = models.TextField(blank=True)
    lon = models.FloatField(help_text="degrees east, WGS 84")
    lat = models.FloatField(help_text="degrees north, WGS 84")
    accuracy_m = models.FloatField(null=True, blank=True)
    position_source = models.CharField(max_length=9, choices=PositionSource)
    datum_in = models.CharField(max_length=5, choices=Datum)
    cell = models.BigIntegerField()
    statement = models.CharField(max_length=300, blank=True)
    located = models.JSONField(default=dict, help_text="what the locate engine answered")
    jurisdiction = models.CharField(max_length=15, help_text="finest unit known")
    responsible = models.CharField(max_length=15, help_text="unit that must fix it")
    state = models.CharField(max_length=8, choices=State)
    found_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    rework_count = models.PositiveIntegerField(default=0)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    content_digest = models.CharField(
        max_length=64, help_text="of the finding as submitted, to tell a replay from a conflict"
    )
    event_count = models.PositiveIntegerField(default=0)
    head_hash = models.CharField(max_length=64, blank=True)
    unsealed = models.BooleanField(default=True, help_text="has events that no checkpoint covers yet")

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at", "-id"]
        indexes = [
            models.Index(fields=["jurisdiction", "state", "due_at"], name="entry_by_place"),
            models.Index(fields=["responsible", "state", "due_at"], name="entry_by_unit"),
            models.Index(fields=["state", "due_at"], name="entry_by_due"),
            models.Index(fields=["-found_at", "-id"], name="entry_newest"),
            models.Index(fields=["due_at", "id"], name="entry_by_deadline"),
            models.Index(fields=["cell"], name="entry_by_cell"),
            models.Index(fields=["id"], condition=Q(unsealed=True), name="entry_unsealed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
                name="entry_point_on_earth",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="entry_state_known"),
            models.CheckConstraint(
                condition=Q(state=State.MERGED, merged_into__isnull=False)
                | (~Q(state=State.MERGED) & Q(merged_into__isnull=True)),
                name="entry_merged_iff_into",
            ),
            models.CheckConstraint(
                condition=Q(state=State.CLOSED, closed_at__isnull=False)
                | (~Q(state=State.CLOSED) & Q(closed_at__isnull=True)),
                name="entry_closed_iff_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.statement}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class EntryPhoto(models.Model):
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="photos")
    photo = models.ForeignKey("evidence.Photo", on_delete=models.PROTECT, related_name="+")
    moment = models.CharField(max_length=6, choices=Moment)
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["moment", "position"]
        constraints = [models.UniqueConstraint(fields=["entry", "photo", "moment"], name="entry_photo_once")]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.moment} {self.photo_id[:12]}"


class Event(models.Model):
    """One step in an entry's history; see history.py for what its hash covers."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    action = models.CharField(max_length=16)
    from_state = models.CharField(max_length=8, blank=True)
    to_state = models.CharField(max_length=8)
    at = models.DateTimeField()
    username = models.CharField(max_length=150)
    roles = models.JSONField(default=list)
    facts = models.JSONField(default=dict, help_text="columns of the entry that this step set, photos it added")
    words = models.JSONField(default=dict, help_text="erasable text: actor's name, reason, description")
    salt = models.CharField(max_length=32)
    words_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["entry", "seq"]
        constraints = [models.UniqueConstraint(fields=["entry", "seq"], name="event_seq_once")]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.seq} {self.action}"


class Checkpoint(models.Model):
    """Chains the heads of entries, so that a removed tail, entry or event shows; see history.py."""

    seq = models.PositiveIntegerField(primary_key=True)
    at = models.DateTimeField()
    heads = models.JSONField(help_text="[entry id, event count, head hash] of each entry changed since the last one")
    previous = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, help_text="HMAC of the hash under this installation's key")

    class Meta:
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash[:12]}"


class Counter(models.Model):
    """The last number given out under a key; its row is the lock of whoever takes the next."""

    key = models.CharField(max_length=40, primary_key=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.key} {self.value}"
