"""The store of presences, and who the tokens stand for."""

from django.db import models
from django.db.models import F, Q


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
