"""Jurisdictions by administrative code, and which version of each layer is in use."""

from django.db import models
from django.db.models import Q


class Jurisdiction(models.Model):
    code = models.CharField(primary_key=True, max_length=15)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, help_text="county, street, area, town, township, village, community, grid")
    parent_code = models.CharField(max_length=15, blank=True, db_index=True)
    search = models.CharField(max_length=240, help_text="name, pinyin and its initials, for pickers")
    loaded_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class LayerName(models.TextChoices):
    ROADS = "roads"
    WATERS = "waters"
    VILLAGES = "villages"
    BOUNDARIES = "boundaries"
    LANDMARKS = "landmarks"


class Layer(models.Model):
    """The version of a layer in use; its features lie in a GeoParquet file named by the file's SHA-256."""

    name = models.CharField(primary_key=True, max_length=12, choices=LayerName)
    version = models.CharField(max_length=64)
    as_of = models.DateField(help_text="the day that the features describe")
    loaded_at = models.DateTimeField()
    feature_count = models.PositiveIntegerField()
    schematic = models.BooleanField(default=False, help_text="drawn by hand; every map says so")
    source = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(name__in=LayerName.values), name="layer_name_known")]

    def __str__(self) -> str:
        return f"{self.name} {self.version[:12]}"
