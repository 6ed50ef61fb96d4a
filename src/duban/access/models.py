"""People and the roles they hold at an administrative code."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import connection, models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from duban.core import clock


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


ROLES_HELD = """
SELECT role, code, kind, '' AS giver FROM access_roleat WHERE person_id = %s
UNION
SELECT held.role, held.code, held.kind, giver.username
FROM access_delegation AS lent
JOIN access_person AS giver ON giver.id = lent.giver_id AND giver.is_active
JOIN access_roleat AS held ON held.person_id = giver.id
WHERE lent.taker_id = %s AND lent.start <= %s AND lent."end" > %s AND lent.revoked IS NULL
ORDER BY 2, 1, 3, 4
"""


class Person(AbstractUser):
    """Someone who logs in. `name` is how the office knows them."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=60, blank=True)
    must_change_password = models.BooleanField(default=False)
    language = models.CharField(_("language"), max_length=7, blank=True, default="", help_text="of mails; empty: zh")
    home = models.CharField(max_length=15, blank=True, default="", help_text="the code at which the account was opened")

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @cached_property
    def roles_with_giver(self) -> list[tuple[str, str, str, str]]:
        """(role, code, kind, giver) in one query: own roles with giver "", and what absent people lend this one now.

        Of a giver's own roles alone: what was lent cannot be lent on, and a closed account lends nothing.
        """
        now = connection.ops.adapt_datetimefield_value(clock.now())
        # Asked with every request, and half of what it took was to put the same words together.
        with connection.cursor() as cursor:
            cursor.execute(ROLES_HELD, [self.pk, self.pk, now, now])
            return list(cursor.fetchall())

    @cached_property
    def held_roles(self) -> list[tuple[str, str, str]]:
        """(role, code, kind), own and lent, each once; kind "" is every kind of entry."""
        return list(dict.fromkeys((role, code, kind) for role, code, kind, _giver in self.roles_with_giver))

    def as_actor(self) -> dict[str, Any]:
        """Who this was, by value, for histories that outlive the account.

        A role is [role, code]; a third element tells the kind of entries it is for, where it is for one alone, and for
        whom it is held, where it is lent: [role, code, {"kind": kind, "for": username}].
        """
        roles: list[list[Any]] = []
        own = {held[:3] for held in self.roles_with_giver if not held[3]}
        for role, code, kind, giver in self.roles_with_giver:
            if giver and (role, code, kind) in own:
                continue
            more = ({"kind": kind} if kind else {}) | ({"for": giver} if giver else {})
            roles.append([role, code, more] if more else [role, code])
        return {"username": self.username, "name": str(self), "roles": roles}


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


class Delegation(models.Model):
    """While `giver` is away, `taker` may what the giver may: from `start` on, before `end`, unless revoked."""

    giver = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="lends")
    taker = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="borrows")
    start = models.DateTimeField()
    end = models.DateTimeField()
    created = models.DateTimeField()
    revoked = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="delegation_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="nobody_stands_in_for_oneself"),
        ]
        indexes = [models.Index(fields=["taker", "end"], name="delegation_by_taker")]

    def __str__(self) -> str:
        return f"{self.taker} for {self.giver} {self.start:%Y-%m-%d} {self.end:%Y-%m-%d}"


class Scope(models.TextChoices):
    READ = "read", _("read")
    WRITE = "write", _("record entries and act on them")
    PHOTOS = "photos", _("send photos")
    BULLETINS = "bulletins", _("draft, approve and publish bulletins")


class ApiToken(models.Model):
    """A program's way in on behalf of a person. The secret is shown once and kept as its SHA-256 alone."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person", "-created"], name="token_by_person")]

    def __str__(self) -> str:
        return f"{self.person} {self.name}"

    def is_good(self, now: datetime) -> bool:
        return self.revoked is None and now < self.expires
