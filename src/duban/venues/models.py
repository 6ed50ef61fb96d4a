"""Shops, markets, estates, buildings: places with a type, which inspectors visit."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language


class VenueType(models.Model):
    """What kind of place it is; the built-in ones come with `migrate`, an office adds its own."""

    key = models.SlugField(primary_key=True, max_length=30)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=60)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "key"]

    def __str__(self) -> str:
        return self.name if (get_language() or "zh").startswith("zh") else self.name_en


class Venue(models.Model):
    """`town` is the 9-digit code that `jurisdiction` starts with, or `jurisdiction` itself where it is no finer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=100)
    kind = models.ForeignKey(VenueType, on_delete=models.PROTECT, related_name="venues")
    lon = models.FloatField(null=True, blank=True, help_text="degrees east, WGS 84; both or none")
    lat = models.FloatField(null=True, blank=True)
    cell = models.BigIntegerField(null=True, blank=True, help_text="finest quadkey cell of the point")
    jurisdiction = models.CharField(max_length=15)
    town = models.CharField(max_length=9)
    address = models.CharField(max_length=200, blank=True, help_text="as the office writes it")
    statement = models.CharField(max_length=300, blank=True, help_text="where it is, by the layers; empty: no position")
    contact = models.BinaryField(null=True, help_text="name and phone of the owner, encrypted; see contact.py")
    token = models.CharField(max_length=22, unique=True, help_text="what its sticker says; random")
    name_key = models.CharField(max_length=100, help_text="the name without blanks and width, for finding it again")
    search = models.CharField(max_length=400, help_text="name, pinyin and its initials, address; lower case")
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True, help_text="the venue is there no more")

    class Meta:
        ordering = ["town", "name", "id"]
        indexes = [
            models.Index(fields=["town", "name_key"], name="venue_by_town_and_name"),
            models.Index(fields=["jurisdiction", "name", "id"], name="venue_by_place"),
            models.Index(fields=["kind", "jurisdiction", "name", "id"], name="venue_by_kind"),
            models.Index(fields=["cell", "jurisdiction", "closed_at", "kind"], name="venue_by_cell"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(lon__isnull=True, lat__isnull=True)
                | Q(lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
                name="venue_on_earth_or_nowhere",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class VenueText(models.Model):
    """What a venue is found by, as pairs of characters; see search.py."""

    venue = models.OneToOneField(Venue, on_delete=models.CASCADE, related_name="text")
    grams = models.TextField()

    def __str__(self) -> str:
        return str(self.venue_id)
