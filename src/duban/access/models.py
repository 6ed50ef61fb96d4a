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


class Kind(models.TextChoices):
    """What of the two kinds of entries a role reaches; empty is both."""

    EVENT = "event", _("events")
    COMPONENT = "component", _("components")


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
    def held_roles(self) -> list[tuple[str, str, str]]:
        """(role, code, kind) of what this person holds, read once per request; kind "" is every kind of entry."""
        roles = RoleAt.objects.filter(person=self).order_by("code", "role", "kind")
        return list(roles.values_list("role", "code", "kind"))

    def as_actor(self) -> dict[str, Any]:
        """Who this was, by value, for histories that outlive the account.

        A role is [role, code], and [role, code, {"kind": kind}] where it is for one kind of entries alone.
        """
        return {
            "username": self.username,
            "name": str(self),
            "roles": [[role, code, {"kind": kind}] if kind else [role, code] for role, code, kind in self.held_roles],
        }


class RoleAt(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=20, choices=Role)
    code = models.CharField(max_length=15)
    kind = models.CharField(max_length=9, choices=Kind, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "code", "kind"], name="one_role_once_at_a_code"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
            models.CheckConstraint(condition=models.Q(kind__in=["", *Kind.values]), name="role_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.role} {self.code} {self.kind}".rstrip()
