"""Photos by the SHA-256 of the bytes that came."""

from datetime import UTC

from django.db import models
from django.db.models import Q

from duban.core.integrity import canonical, sha256


class Photo(models.Model):
    sha256 = models.CharField(primary_key=True, max_length=64)
    media_type = models.CharField(max_length=20)
    size = models.PositiveBigIntegerField(help_text="bytes of the original")
    width = models.PositiveIntegerField(help_text="pixels, as shown upright")
    height = models.PositiveIntegerField()
    taken_at = models.DateTimeField(null=True, blank=True, help_text="what the file says of itself")
    lon = models.FloatField(null=True, blank=True, help_text="degrees east, WGS 84, from the file's GPS block")
    lat = models.FloatField(null=True, blank=True)
    public_sha256 = models.CharField(max_length=64, help_text="of the public copy")
    public_width = models.PositiveIntegerField()
    public_height = models.PositiveIntegerField()
    stored_at = models.DateTimeField()
    stored_by = models.JSONField(help_text="who sent it, by value")
    seal = models.CharField(max_length=64, help_text="over all of the above, under this installation's key")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lon__isnull=True, lat__isnull=True)
                | Q(lon__gte=-180, lon__lte=180, lat__gte=-90, lat__lte=90),
                name="photo_point_on_earth",
            ),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]

    def facts_digest(self) -> str:
        """SHA-256 over every fact of the row; what the seal covers."""
        facts = {field.name: getattr(self, field.name) for field in self._meta.concrete_fields if field.name != "seal"}
        for name in ("taken_at", "stored_at"):
            facts[name] = facts[name] and facts[name].astimezone(UTC).isoformat(timespec="microseconds")
        return sha256(canonical(facts))
