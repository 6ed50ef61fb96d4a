"""People and the roles they hold at an administrative code."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    INSPECTOR = "inspector", _("inspector")
    HANDLER = "handler", _("handler")
    SUPERVISOR = "supervisor", _("supervisor")
    PUBLISHER = "publisher", _("publisher")
    HEALTH_OFFICER = "health_officer", _("health officer")
    COMMUNITY_WORKER = "community_worker", _("community worker")
    LEADER = "leader", _("leader")
    ADMINISTRATOR = "administrator", _("administrator")


class Person(AbstractUser):
    """Someone who logs in. `name` is how the office knows them."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=60, blank=True)
    must_change_password = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @cached_property
    def held_roles(self) -> list[tuple[str, str]]:
        """(role, code) pairs, read once per request."""
        return list(RoleAt.objects.filter(person=self).order_by("code", "role").values_list("role", "code"))

    def as_actor(self) -> dict[str, Any]:
        """Who this was, by value, for histories that outlive the account."""
        return {
            "username": self.username,
            "name": str(self),
            "roles": [list(pair) for pair in self.held_roles],
        }


class RoleAt(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=20, choices=Role)
    code = models.CharField(max_length=15)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "code"], name="one_role_once_at_a_code"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.role} {self.code}"
