"""Writes of the access app."""

import secrets
from datetime import datetime

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.models import Kind, Person, Role, RoleAt
from duban.core import audit
from duban.core.errors import DubanError, NotFound
from duban.places.codes import normalise_code


class BadPerson(DubanError):
    pass


def get_person(username: str) -> Person:
    """The active person of that user name, else NotFound (`unknown_person`)."""
    person = Person.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise NotFound("unknown_person", _("There is no active person “%(name)s”.") % {"name": username})
    return person


@transaction.atomic
def add_person(
    *, username: str, role: str, at: str, now: datetime, name: str = "", kind: str = ""
) -> tuple[Person, str | None]:
    """Make the person if new and give the role at the code; returns them with the one-time password if just made.

    `kind` limits the role to events or components. Idempotent.
    Raises BadPerson (`unknown_role`, `unknown_kind`, `bad_username`) or BadCode.
    """
    if role not in Role.values:
        raise BadPerson(
            "unknown_role",
            _("“%(role)s” is no role; the roles are %(roles)s.") % {"role": role, "roles": ", ".join(Role.values)},
            field="role",
        )
    if kind and kind not in Kind.values:
        raise BadPerson(
            "unknown_kind",
            _("“%(kind)s” is no kind of entries; the kinds are %(kinds)s.")
            % {"kind": kind, "kinds": ", ".join(Kind.values)},
            field="kind",
        )
    code = normalise_code(at, field="at")
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as refusal:
        raise BadPerson("bad_username", refusal.messages[0], field="username") from refusal
    if len(username) > 150:
        raise BadPerson("bad_username", _("A user name has at most 150 characters."), field="username")
    person, made = Person.objects.select_for_update().get_or_create(username=username, defaults={"name": name})
    password = None
    if made:
        password = secrets.token_urlsafe(12)
        person.set_password(password)
        person.must_change_password = True
        person.save()
    _role, given = RoleAt.objects.get_or_create(person=person, role=role, code=code, kind=kind)
    if made or given:
        audit.record(
            by=audit.Console(),
            now=now,
            action="add_person",
            subject_type="person",
            subject_id=person.pk,
            detail={"role": role, "code": code, "kind": kind},
        )
    return person, password


@transaction.atomic
def change_own_password(*, by: Person, password: str, now: datetime) -> None:
    """Set the password and end the one-time state; the caller has validated its strength."""
    by.set_password(password)
    by.must_change_password = False
    by.save(update_fields=["password", "must_change_password"])
    audit.record(by=by, now=now, action="change_own_password", subject_type="person", subject_id=by.pk)
