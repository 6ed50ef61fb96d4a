"""Risk areas with their orders, the store of presences, who the tokens stand for, and what screening found."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

# ---- risk areas -----------------------------------------------------------------------------------------------------


class Measure(models.TextChoices):
    """The strictest first."""

    CENTRALISED = "centralised", _("centralised isolation")
    HOME = "home", _("isolation at home")
    TEST = "test", _("test")
    MONITOR = "monitor", _("health monitoring")


class Step(models.TextChoices):
    DECLARED = "declared", _("declared")
    CHANGED = "changed", _("changed")
    LIFTED = "lifted", _("lifted")


class RiskArea(models.Model):
    """What stays the same from version to version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.CharField(max_length=100, help_text="what the published list calls it")
    jurisdiction = models.CharField(max_length=15, help_text="of the office that screens for it; it may lie elsewhere")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "key"], name="risk_area_key_once_in_an_office")]

    def __str__(self) -> str:
        return self.key


class Declaration(models.Model):
    """One version of a risk area under an order number of its own; nothing of it changes afterwards.

    The place is an outline or an administrative code. Whoever was there between `lookback_days` before `starts_at` and
    `ends_at`, both included, is exposed.
    """

    area = models.ForeignKey(RiskArea, on_delete=models.PROTECT, related_name="declarations")
    version = models.PositiveIntegerField()
    number = models.CharField(max_length=40, unique=True, help_text="of the order")
    step = models.CharField(max_length=8, choices=Step)
    latest = models.BooleanField()
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=40, help_text="in the words of the notice")
    measure = models.CharField(max_length=11, choices=Measure)
    code = models.CharField(max_length=15, blank=True)
    geometry = models.JSONField(null=True, help_text="GeoJSON Polygon or MultiPolygon, WGS 84")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="empty: it goes on")
    lookback_days = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=500, blank=True, help_text="the notice that published it")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what is declared, for replays")
    declared_by = models.JSONField(help_text="by value")
    declared_at = models.DateTimeField()

    class Meta:
        ordering = ["area", "version"]
        constraints = [
            models.UniqueConstraint(fields=["area", "version"], name="risk_area_version_once"),
            models.UniqueConstraint(fields=["area"], condition=Q(latest=True), name="one_latest_declaration"),
            models.CheckConstraint(condition=Q(measure__in=Measure.values), name="measure_is_known"),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="declaration_step_is_known"),
            models.CheckConstraint(
                condition=Q(geometry__isnull=True) | Q(code=""), name="risk_area_by_outline_or_by_code"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="window_ends_after_it_starts"
            ),
        ]
        indexes = [models.Index(fields=["latest", "-declared_at"], name="declarations_now")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


# ---- presences ------------------------------------------------------------------------------------------------------


class PresenceSource(models.Model):
    """Where lists of presences come from, and how its tables are read, remembered from one to the next."""

    name = models.CharField(max_length=60, unique=True)
    columns = models.JSONField(default=dict, help_text="our column: theirs, where it goes by another name")
    datum = models.CharField(max_length=5, default="wgs84")

    def __str__(self) -> str:
        return self.name


class PresenceImport(models.Model):
    """A file that was taken in. The same file again adds nothing."""

    source = models.ForeignKey(PresenceSource, on_delete=models.PROTECT, related_name="imports")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    read = models.PositiveBigIntegerField()
    taken = models.PositiveBigIntegerField()
    unchanged = models.PositiveBigIntegerField()
    refused = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "digest"], name="presence_file_once_from_a_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.digest[:12]}"


class PresencePart(models.Model):
    """A Parquet file of the store: presences that began on one day, sorted by cell. What no row names is not there."""

    day = models.DateField()
    file = models.CharField(max_length=200, unique=True, help_text="below the folder of presences")
    source = models.ForeignKey(PresenceSource, on_delete=models.PROTECT, related_name="parts")
    rows = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")

    class Meta:
        ordering = ["day", "file"]
        indexes = [models.Index(fields=["day"], name="presence_part_by_day")]

    def __str__(self) -> str:
        return self.file


class Identity(models.Model):
    """Who a token stands for, encrypted; opened for people found alone. It goes with their last presence."""

    token = models.CharField(primary_key=True, max_length=64)
    sealed = models.BinaryField(help_text="JSON: name, id_number, phone, own_id, person, source")
    home = models.CharField(max_length=15, blank=True, help_text="code of where the person lives, if a source said so")

    def __str__(self) -> str:
        return self.token[:12]


class Alias(models.Model):
    """Another token of a person, of a weaker identifier. One that two people gave is nobody's."""

    token = models.CharField(primary_key=True, max_length=64)
    person = models.CharField(max_length=64, db_index=True)
    shared = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(token=F("person")), name="nobody_is_their_own_alias")]

    def __str__(self) -> str:
        return self.token[:12]


# ---- screening ------------------------------------------------------------------------------------------------------


class Ground(models.TextChoices):
    """What allows the office to look for people, and to open who they are."""

    ORDER = "order", _("an order of the leading group under the law on infectious diseases")
    CASE = "case", _("the investigation of a confirmed case")
    REQUEST = "request", _("a request of another district's health office")
    PERSON = "person", _("the person's own request")


class Screening(models.Model):
    """A run that somebody confirmed: who was in the areas of its orders, and what each of them must do."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    jurisdiction = models.CharField(max_length=15)
    orders = models.JSONField(help_text="numbers of the orders")
    ground = models.CharField(max_length=8, choices=Ground)
    purpose = models.CharField(max_length=300)
    engine = models.CharField(max_length=10)
    engine_version = models.CharField(max_length=40)
    inputs = models.JSONField(help_text="SHA-256 of the areas, of each file of presences and of the aliases")
    output_digest = models.CharField(max_length=64, help_text="SHA-256 of the rows found, in their order")
    presences = models.PositiveBigIntegerField()
    people = models.PositiveIntegerField()
    made_by = models.JSONField(help_text="by value")
    made_at = models.DateTimeField()
    handed_at = models.DateTimeField(null=True, blank=True, help_text="when the towns were given their lists")

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-made_at"], name="screening_by_place")]
        constraints = [models.CheckConstraint(condition=Q(ground__in=Ground.values), name="screening_ground_is_known")]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.made_at:%Y-%m-%d %H:%M}"


class Found(models.Model):
    """A person found by a run, with the strictest measure and the order that decided it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="found")
    person = models.CharField(max_length=64, help_text="token")
    town = models.CharField(max_length=9, help_text="that looks after the person; the office's own code if unknown")
    measure = models.CharField(max_length=11, choices=Measure)
    order = models.CharField(max_length=40, help_text="number of the one that decided")
    areas = models.PositiveIntegerField()
    last = models.DateTimeField(help_text="the end of the last exposure")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["screening", "person"], name="found_once_in_a_screening")]
        indexes = [
            models.Index(fields=["screening", "town", "id"], name="found_by_town"),
            models.Index(fields=["person"], name="found_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person[:12]} {self.measure}"


class FoundExposure(models.Model):
    """Why: what one person was exposed to in one area."""

    found = models.ForeignKey(Found, on_delete=models.CASCADE, related_name="exposures")
    order = models.CharField(max_length=40)
    first = models.DateTimeField()
    last = models.DateTimeField()
    visits = models.PositiveIntegerField()
    minutes = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["found", "order"], name="exposed_once_under_an_order")]

    def __str__(self) -> str:
        return f"{self.order} {self.visits}"


class Opening(models.Model):
    """A look at who somebody is: by whom, when, on what ground and to what end."""

    found = models.ForeignKey(Found, on_delete=models.CASCADE, related_name="openings")
    ground = models.CharField(max_length=8, choices=Ground)
    purpose = models.CharField(max_length=300)
    by = models.JSONField(help_text="by value")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ground__in=Ground.values), name="opening_ground_is_known")]

    def __str__(self) -> str:
        return f"{self.found_id} {self.at:%Y-%m-%d %H:%M}"
