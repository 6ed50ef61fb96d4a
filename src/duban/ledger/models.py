"""The ledger's tables. History is appended; an entry's own columns are the sum of its events."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.decisions.models import Mandate
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


class Unit(models.TextChoices):
    """What the amount of a deadline counts."""

    WORKING_HOURS = "working_hours", _("working hours")
    WORKING_DAYS = "working_days", _("working days")
    HOURS = "hours", _("hours")
    DAYS = "days", _("days")


class Lookback(models.TextChoices):
    """What the last revisit of a struck-off entry saw, in its present cycle."""

    STANDS = "stands", _("stands")
    NOT_INSPECTED = "not_inspected", _("not inspected")


class Category(models.Model):
    """What is wrong: a 5-digit code, unique together with its kind."""

    kind = models.CharField(max_length=9, choices=Kind)
    code = models.CharField(max_length=5)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=80)

    class Meta:
        ordering = ["kind", "code"]
        constraints = [models.UniqueConstraint(fields=["kind", "code"], name="category_code_once_per_kind")]

    def __str__(self) -> str:
        return self.name if (get_language() or "zh").startswith("zh") else self.name_en


def in_sight(
    person: Person,
    *,
    place: str = "jurisdiction",
    unit: str = "responsible",
    category: str = "category",
    kind: str = "",
) -> Q:
    """What lies in, or is the duty of, the person's area; a handler sees only what is theirs.

    A role for one kind of entries shows only those: by the column `kind` where there is one, else by the category's.
    """
    seeing, own = rights.grants(person, "entry.see"), rights.grants(person, "entry.see_own")
    sight = Q(pk__in=[])
    for one in sorted({of for _code, of in [*seeing, *own]}):
        places = [code for code, of in seeing if of == one]
        units = [code for code, of in own if of == one]
        reach = within(place, places) | within(unit, [*places, *units])
        sight |= reach & (Q(**{kind: one}) if one and kind else of_kind(one, category))
    return sight


def of_kind(kind: str, category: str = "category") -> Q:
    """Entries of one kind; "" is every kind. No join: SQLite would begin with the categories."""
    return Q(**{f"{category}__in": Category.objects.filter(kind=kind).order_by().values("pk")}) if kind else Q()


class DeadlineRule(models.Model):
    """How long a unit has, by category and area, from a date on; an entry keeps the id of the rule it ran under."""

    rule = models.CharField(max_length=40, primary_key=True, help_text="id of this version; never given twice")
    kind = models.CharField(max_length=9, blank=True, choices=Kind, help_text="empty: every kind")
    code = models.CharField(max_length=5, blank=True, help_text="of the category; empty: every one")
    area = models.CharField(max_length=15, blank=True, help_text="administrative code; empty: everywhere")
    amount = models.PositiveIntegerField(help_text="time to remedy from dispatch, in `unit`")
    unit = models.CharField(max_length=13, choices=Unit)
    workday = models.CharField(max_length=60, help_text="opening times of a working day: 08:30-12:00 13:30-17:30")
    dispatch_hours = models.PositiveIntegerField(help_text="working hours from listing to dispatch")
    verify_hours = models.PositiveIntegerField(help_text="working hours from remedy to verification")
    lookback_days = models.PositiveIntegerField(help_text="days from striking off to the look-back")
    effective_from = models.DateField()

    class Meta:
        ordering = ["kind", "code", "area", "effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "code", "area", "effective_from"], name="one_deadline_rule_from_a_day"
            ),
            models.CheckConstraint(condition=Q(unit__in=Unit.values), name="deadline_unit_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="deadline_amount_positive"),
        ]

    def __str__(self) -> str:
        return self.rule


class CalendarDay(models.Model):
    """A day that somebody said is worked or not; a year with no such day is unknown."""

    date = models.DateField(primary_key=True)
    working = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.date} {'working' if self.working else 'off'}"


FIGURE_COLUMNS = [
    "dispatched_at",
    "state",
    "responsible",
    "jurisdiction",
    "category",
    "due_at",
    "remedied_at",
    "verified_at",
    "verify_due_at",
    "dispatch_due_at",
    "cycle",
    "return_count",
    "rework_count",
    "reopen_count",
    "extension_count",
]


SIFTED = ["state", "category"]


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, person: Person) -> "EntryQuerySet":
        return self.filter(in_sight(person))


class Entry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=24, unique=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, db_index=False)
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
    listed_at = models.DateTimeField(null=True, blank=True, help_text="put on the ledger")
    dispatch_due_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True, help_text="first assigned, in this cycle")
    due_at = models.DateTimeField(null=True, blank=True)
    due_provisional = models.BooleanField(default=False, help_text="the deadline runs into a year without a calendar")
    deadline_rule = models.CharField(max_length=40, blank=True, help_text="version of the rule that due_at follows")
    runs_from = models.DateTimeField(null=True, blank=True, help_text="when the deadline began to run")
    pauses = models.JSONField(default=list, help_text="[from, to] of each hold since runs_from; the open one has no to")
    extension_until = models.DateTimeField(null=True, blank=True, help_text="the deadline asked for, undecided")
    extension_count = models.PositiveIntegerField(default=0)
    remedied_at = models.DateTimeField(null=True, blank=True, help_text="last remedy submitted, in this cycle")
    verify_due_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="last remedy struck off or rejected")
    closed_at = models.DateTimeField(null=True, blank=True)
    rework_count = models.PositiveIntegerField(default=0)
    return_count = models.PositiveIntegerField(default=0)
    reopen_count = models.PositiveIntegerField(default=0)
    escalation = models.PositiveIntegerField(default=0, help_text="how often it was escalated")
    cycle = models.PositiveIntegerField(default=1, help_text="1, and one more with each recurrence")
    lookback_due_at = models.DateTimeField(null=True, blank=True)
    lookback = models.CharField(max_length=13, blank=True, choices=Lookback)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    split_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
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
            # Wide, so that a list is sifted by scope, state and category without opening a row that is not shown.
            models.Index(fields=["jurisdiction", "id", *SIFTED], name="entry_by_place"),
            models.Index(fields=["responsible", "id", *SIFTED], name="entry_by_unit"),
            models.Index(fields=["-found_at", "-id", *SIFTED, "jurisdiction", "responsible"], name="entry_newest"),
            models.Index(fields=["due_at", "id", *SIFTED, "jurisdiction", "responsible"], name="entry_by_deadline"),
            models.Index(
                fields=["state", "due_at", "id", "found_at", "category", "jurisdiction", "responsible", "cell"],
                name="entry_by_due",
            ),
            models.Index(
                fields=["cell", *SIFTED, "due_at", "jurisdiction", "responsible"],
                name="entry_by_cell",
            ),
            models.Index(fields=["state", "id"], name="entry_by_state"),
            models.Index(fields=["category", "id"], name="entry_by_category"),
            models.Index(fields=["id"], condition=Q(unsealed=True), name="entry_unsealed"),
            models.Index(fields=["lookback_due_at"], condition=Q(state=State.CLOSED), name="entry_lookback"),
            models.Index(fields=["id"], condition=Q(due_provisional=True), name="entry_provisional"),
            models.Index(fields=["split_from"], condition=Q(split_from__isnull=False), name="entry_parts"),
            # The figures of a month are counted from this index alone; see figures.py.
            models.Index(fields=FIGURE_COLUMNS, condition=Q(dispatched_at__isnull=False), name="entry_figures"),
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


class EntryText(models.Model):
    """What of an entry is searched: its words as pairs of characters; see search.py."""

    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="text")
    grams = models.TextField()

    def __str__(self) -> str:
        return str(self.entry_id)


class Tally(models.Model):
    """Steps of a count: the sum of n over equal keys is how many entries there are so; see tally.py."""

    cell = models.BigIntegerField(help_text="quadkey cell of the coarse grid")
    jurisdiction = models.CharField(max_length=15)
    responsible = models.CharField(max_length=15)
    kind = models.CharField(max_length=9, choices=Kind)
    category = models.BigIntegerField(help_text="key of the category; 0: all of them together")
    state = models.CharField(max_length=8, choices=State)
    n = models.IntegerField()
    folded = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(folded=False), name="tally_loose"),
            models.Index(
                fields=["category", "cell", "state", "jurisdiction", "responsible", "kind", "n"], name="tally_by_cell"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "cell", "jurisdiction", "responsible", "kind", "state"],
                condition=Q(folded=True),
                name="tally_folded_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.state} {self.n:+d}"


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
    action = models.CharField(max_length=17)
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


class LookbackRound(models.Model):
    """A sample of struck-off entries to revisit, drawn so that anyone can draw it again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=24, unique=True)
    name = models.CharField(max_length=80)
    area = models.CharField(max_length=15)
    kind = models.CharField(max_length=9, blank=True, choices=Kind, help_text="of the entries; empty: every kind")
    due_on = models.DateField(help_text="the frame: entries whose look-back falls due on this day or before")
    size = models.PositiveIntegerField(help_text="how many were to be drawn")
    seed = models.CharField(max_length=64)
    engine = models.CharField(max_length=20, help_text="version of the drawing")
    drawn_at = models.DateTimeField()
    drawn_by = models.CharField(max_length=150)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    close_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-drawn_at", "-number"]
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="lookback_size_positive")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class LookbackItem(models.Model):
    """An entry of a round's frame as it stood at the draw, whether it was drawn, and what the revisit saw."""

    round = models.ForeignKey(LookbackRound, on_delete=models.PROTECT, related_name="items")
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+")
    town = models.CharField(max_length=9, help_text="of the responsible unit")
    again = models.BooleanField(help_text="had recurred or been reopened before")
    drawn = models.BooleanField(help_text="else sampled out")
    open = models.BooleanField(default=True, help_text="its round is not closed")
    result = models.CharField(max_length=13, blank=True, help_text="stands, recurred or not_inspected; empty: to do")
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["round", "drawn", "id"], name="lookback_drawn")]
        constraints = [
            models.UniqueConstraint(fields=["round", "entry"], name="drawn_once_a_round"),
            models.UniqueConstraint(fields=["entry"], condition=Q(open=True), name="in_one_open_round"),
            models.CheckConstraint(
                condition=Q(result__in=["", "stands", "recurred", "not_inspected"]), name="lookback_result_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.result}"


class SavedFilter(models.Model):
    """A person's question to the ledger under a name of their own."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=600, help_text="as in the ledger's address")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name


class Notification(models.Model):
    """A step on an entry that somebody should know of."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=17)
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["person", "-at"], name="notification_of_person"),
            models.Index(fields=["person"], condition=Q(read_at__isnull=True), name="notification_unread"),
            models.Index(fields=["person"], condition=Q(mailed_at__isnull=True), name="notification_unmailed"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.action} {self.entry_id}"


class EvaluationWeight(models.Model):
    """How much an indicator counts in the score of a unit, from a day on."""

    indicator = models.CharField(max_length=30)
    weight = models.DecimalField(max_digits=6, decimal_places=2)
    effective_from = models.DateField()

    class Meta:
        ordering = ["effective_from", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["indicator", "effective_from"], name="one_weight_from_a_day"),
            models.CheckConstraint(condition=Q(weight__gte=0), name="weight_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.weight}"


class EntryMandate(Mandate):
    """The decision that an entry carries out."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="mandates")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "decision"], condition=Q(ended_at__isnull=True), name="entry_carries_out_once"
            )
        ]
        indexes = [models.Index(fields=["decision", "ended_at"], name="mandates_of_decision")]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.decision_id}"
