"""Writes of the access app."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from axes.utils import reset as forget_failures
from django.contrib.auth.hashers import make_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import ApiToken, Delegation, Kind, Person, Role, RoleAt, Scope
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.places.codes import ancestors, normalise_code

MARK = "duban_"
LONGEST_TOKEN_DAYS = 366
LONGEST_DELEGATION = timedelta(days=366)


class BadPerson(DubanError):
    pass


class BadToken(DubanError):
    pass


class BadDelegation(DubanError):
    pass


# ---- people ---------------------------------------------------------------------------------------------------------


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
    """At the console: make the person if new and give the role at the code.

    `kind` limits the role to events or components. Idempotent. Returns the person with the one-time password if just
    made. Raises BadPerson (`unknown_role`, `unknown_kind`, `bad_username`) or BadCode.
    """
    code = _checked_role(role, at, kind)
    person, password = _made_person(username, name, code)
    held: dict[str, Any] = {"role": role, "code": code, "kind": kind}
    if password:
        RoleAt.objects.create(person=person, **held)
        given = True
    else:
        _role, given = RoleAt.objects.get_or_create(person=person, **held)
    if given:
        _note(audit.Console(), now, "add_person", person, held)
    return person, password


@transaction.atomic
def add_colleague(
    *, by: Person, now: datetime, username: str, role: str, at: str, name: str = "", kind: str = ""
) -> tuple[Person, str]:
    """A new person with one role within the administrator's area; returns them with the one-time password.

    Raises NotAllowed (`not_allowed`), Conflict (`username_taken`), BadPerson or BadCode.
    """
    code = _checked_role(role, at, kind)
    rights.require(by, "people.manage", code)
    person, password = _made_person(username, name, code)
    if password is None:
        raise Conflict(
            "username_taken",
            _("There is a person “%(name)s” already; choose another user name.") % {"name": username},
            field="username",
        )
    RoleAt.objects.create(person=person, role=role, code=code, kind=kind)
    _note(by, now, "add_person", person, {"role": role, "code": code, "kind": kind})
    return person, password


@transaction.atomic
def give_role(*, by: Person, now: datetime, person_id: int, role: str, at: str, kind: str = "") -> None:
    """One more role for a person of the administrator's area, at a code within it. Idempotent.

    Raises NotAllowed (`not_allowed`, `own_rights`), NotFound (`unknown_person`), BadPerson or BadCode.
    """
    code = _checked_role(role, at, kind)
    person = _lock_person(by, person_id)
    if person == by:
        raise NotAllowed("own_rights", _("Nobody gives rights to themselves; ask another administrator."))
    rights.require(by, "people.manage", code, apart_from=[person.username])
    _role, given = RoleAt.objects.get_or_create(person=person, role=role, code=code, kind=kind)
    if given:
        _note(by, now, "give_role", person, {"role": role, "code": code, "kind": kind})


@transaction.atomic
def take_role(*, by: Person, now: datetime, role_id: int) -> None:
    """Takes a role that is held within the administrator's area.

    Raises NotFound (`unknown_role_held`), Conflict (`last_administrator`).
    """
    held = RoleAt.objects.select_related("person").filter(pk=role_id).first()
    if held is None or not rights.may(by, "people.manage", held.code, apart_from=[held.person.username]):
        raise NotFound("unknown_role_held", _("Nobody in your area holds this role (any more)."))
    _leave_an_administrator([held])
    held.delete()
    _note(by, now, "take_role", held.person, {"role": held.role, "code": held.code, "kind": held.kind})


@transaction.atomic
def close_account(*, by: Person, now: datetime, person_id: int) -> None:
    """The person logs in no more, and lends no rights; nothing that they did changes. `open_account` undoes it.

    Raises NotAllowed (`own_account`, `beyond_your_area`), NotFound (`unknown_person`), Conflict (`last_administrator`).
    """
    person = _lock_whole(by, person_id)
    _leave_an_administrator(person.roles.filter(role=Role.ADMINISTRATOR))
    if person.is_active:
        person.is_active = False
        person.save(update_fields=["is_active"])
        _note(by, now, "close_account", person)


@transaction.atomic
def open_account(*, by: Person, now: datetime, person_id: int) -> None:
    """The closed account opens again, with the roles that it had."""
    person = _lock_whole(by, person_id)
    if not person.is_active:
        person.is_active = True
        person.save(update_fields=["is_active"])
        _note(by, now, "open_account", person)


@transaction.atomic
def reset_password(*, by: Person, now: datetime, person_id: int, second_factor_too: bool = False) -> str:
    """A one-time password; sessions and API tokens end, and the second factor is removed if asked for (a lost phone).

    Raises as `close_account`.
    """
    person = _lock_whole(by, person_id)
    password = _reset(person, now=now, second_factor_too=second_factor_too)
    _note(by, now, "reset_password", person, {"second_factor_too": second_factor_too})
    return password


@transaction.atomic
def reset_login(*, username: str, now: datetime) -> str:
    """At the console, for who is locked out of everything: a one-time password and no second factor any more."""
    person = get_person(username)
    password = _reset(person, now=now, second_factor_too=True)
    _note(audit.Console(), now, "reset_password", person, {"second_factor_too": True})
    return password


@transaction.atomic
def unlock_person(*, by: Person, now: datetime, person_id: int) -> None:
    """Forgets the wrong passwords, so that the person may try again at once."""
    person = _lock_person(by, person_id)
    forget_failures(username=person.username)
    _note(by, now, "unlock_person", person)


def _checked_role(role: str, at: str, kind: str) -> str:
    """The code, if role and kind are known ones."""
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
    return normalise_code(at, field="at")


def _made_person(username: str, name: str, code: str) -> tuple[Person, str | None]:
    """The person of that user name, with a one-time password if there was none before."""
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as refusal:
        raise BadPerson("bad_username", refusal.messages[0], field="username") from refusal
    if len(username) > 150:
        raise BadPerson("bad_username", _("A user name has at most 150 characters."), field="username")
    password = _one_time_password()
    facts = {"name": name, "home": code, "password": lambda: make_password(password), "must_change_password": True}
    person, made = Person.objects.select_for_update().get_or_create(username=username, defaults=facts)
    return person, password if made else None


def _one_time_password() -> str:
    return secrets.token_urlsafe(12)


def _reset(person: Person, *, now: datetime, second_factor_too: bool) -> str:
    password = _one_time_password()
    person.set_password(password)
    person.must_change_password = True
    person.save()
    person.tokens.filter(revoked=None).update(revoked=now)
    forget_failures(username=person.username)
    if second_factor_too:
        Authenticator.objects.filter(user=person).delete()
    return password


def _lock_person(by: Person, person_id: int) -> Person:
    """The person, locked, if any part of them lies in the administrator's area."""
    person = Person.objects.select_for_update().filter(pk=person_id).first()
    if person is not None and any(rights.may(by, "people.manage", code) for code in _codes_of(person)):
        return person
    raise NotFound("unknown_person", _("There is nobody like that in your area."))


def _lock_whole(by: Person, person_id: int) -> Person:
    """The person, locked, if all their roles lie in the administrator's area: no town closes a district's account."""
    person = _lock_person(by, person_id)
    if person == by:
        raise NotAllowed("own_account", _("Not your own account; ask another administrator."))
    for code in _codes_of(person):
        if not rights.may(by, "people.manage", code, apart_from=[person.username]):
            raise NotAllowed(
                "beyond_your_area",
                _("%(person)s holds a role at %(code)s, beyond your area; an administrator there does this.")
                % {"person": person, "code": code},
            )
    return person


def _codes_of(person: Person) -> set[str]:
    return {code for code in [person.home, *person.roles.values_list("code", flat=True)] if code}


def _leave_an_administrator(leaving: Iterable[RoleAt]) -> None:
    """Raises Conflict (`last_administrator`) if no active person would administer the code any more."""
    for held in leaving:
        if held.role != Role.ADMINISTRATOR:
            continue
        reaching = [*ancestors(held.code), held.code]
        others = RoleAt.objects.select_for_update().filter(role=Role.ADMINISTRATOR, code__in=reaching).order_by("pk")
        if not [other for other in others.select_related("person") if other.pk != held.pk and other.person.is_active]:
            raise Conflict(
                "last_administrator",
                _("%(person)s is the last administrator of %(code)s; make another one first.")
                % {"person": held.person, "code": held.code},
            )


def _note(by: audit.Actor, now: datetime, action: str, person: Person, detail: dict[str, object] | None = None) -> None:
    audit.record(by=by, now=now, action=action, subject_type="person", subject_id=person.pk, detail=detail)


# ---- one's own way in -----------------------------------------------------------------------------------------------


@transaction.atomic
def change_own_password(*, by: Person, password: str, now: datetime) -> None:
    """Set the password and end the one-time state; the caller has validated its strength."""
    by.set_password(password)
    by.must_change_password = False
    by.save(update_fields=["password", "must_change_password"])
    _note(by, now, "change_own_password", by)


@transaction.atomic
def change_own_mail(*, by: Person, now: datetime, email: str, language: str) -> None:
    """Where digests go, and in which language; an empty address gets none. The caller has validated both."""
    by.email, by.language = email, language
    by.save(update_fields=["email", "language"])
    _note(by, now, "change_own_mail", by)


@transaction.atomic
def note_second_factor(*, by: Person, now: datetime, done: str) -> None:
    """Puts on record what allauth has just done to the person's own second factor."""
    _note(by, now, done, by)


@transaction.atomic
def end_sessions(*, by: Person, now: datetime, session_id: str | None, except_key: str | None) -> int:
    """Ends one of the person's own sessions, or all but the one of that key; returns how many ended."""
    sessions = UserSession.objects.filter(user=by).exclude(session_key=except_key)
    if session_id is not None:
        sessions = sessions.filter(pk=session_id) if session_id.isdecimal() else sessions.none()
    ended = list(sessions)
    for session in ended:
        session.end()
    if ended:
        _note(by, now, "end_sessions", by, {"count": len(ended)})
    return len(ended)


# ---- tokens for programs --------------------------------------------------------------------------------------------


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_token(*, by: Person, now: datetime, name: str, scopes: Iterable[str], days: int) -> tuple[ApiToken, str]:
    """A token and its secret, which is kept nowhere. Raises BadToken (`token_name`, `unknown_scope`, `token_days`)."""
    wanted = sorted(set(scopes))
    if not name.strip() or len(name) > 60:
        raise BadToken("token_name", _("Say in up to 60 characters what the token is for."), field="name")
    if not wanted or not set(wanted) <= set(Scope.values):
        raise BadToken(
            "unknown_scope",
            _("Choose at least one of %(scopes)s.") % {"scopes": ", ".join(Scope.values)},
            field="scopes",
        )
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise BadToken(
            "token_days", _("A token is good for 1 to %(most)s days.") % {"most": LONGEST_TOKEN_DAYS}, field="days"
        )
    secret = MARK + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        person=by,
        name=name.strip(),
        digest=digest_of(secret),
        scopes=wanted,
        created=now,
        expires=now + timedelta(days=days),
    )
    audit.record(
        by=by,
        now=now,
        action="make_token",
        subject_type="token",
        subject_id=token.pk,
        detail={"scopes": wanted, "days": days},
    )
    return token, secret


@transaction.atomic
def revoke_token(*, by: Person, now: datetime, token_id: int) -> None:
    """The person's own token is good no more. Idempotent. Raises NotFound (`unknown_token`)."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id, person=by).first()
    if token is None:
        raise NotFound("unknown_token", _("You have no such token."))
    if token.revoked is None:
        token.revoked = now
        token.save(update_fields=["revoked"])
        audit.record(by=by, now=now, action="revoke_token", subject_type="token", subject_id=token.pk)


# ---- standing in ----------------------------------------------------------------------------------------------------


@transaction.atomic
def start_delegation(*, by: Person, now: datetime, taker: str, start: datetime, end: datetime) -> Delegation:
    """From `start` until `end` the person of that user name may what `by` may; what was lent to `by` is not lent on.

    Raises NotFound (`unknown_person`), BadDelegation (`own_stand_in`, `nothing_to_lend`, `bad_period`,
    `period_too_long`), Conflict (`lent_already`).
    """
    person = get_person(taker)
    if person == by:
        raise BadDelegation("own_stand_in", _("Nobody stands in for themselves."), field="taker")
    if not any(giver == "" for _role, _code, _kind, giver in by.roles_with_giver):
        raise BadDelegation("nothing_to_lend", _("You hold no role of your own that could be lent."))
    if end <= start or end <= now:
        raise BadDelegation(
            "bad_period", _("The last day must not lie before the first, nor in the past."), field="end"
        )
    if end - start > LONGEST_DELEGATION:
        raise BadDelegation("period_too_long", _("Nobody stands in for longer than a year."), field="end")
    Person.objects.select_for_update().get(pk=by.pk)
    if Delegation.objects.filter(giver=by, taker=person, revoked=None, start__lt=end, end__gt=start).exists():
        raise Conflict(
            "lent_already", _("%(person)s stands in for you on these days already.") % {"person": person}, field="taker"
        )
    delegation = Delegation.objects.create(giver=by, taker=person, start=start, end=end, created=now)
    audit.record(
        by=by,
        now=now,
        action="start_delegation",
        subject_type="delegation",
        subject_id=delegation.pk,
        detail={"taker": person.pk, "start": start.isoformat(), "end": end.isoformat()},
    )
    return delegation


@transaction.atomic
def end_delegation(*, by: Person, now: datetime, delegation_id: int) -> None:
    """Giver or taker ends it now. Idempotent. Raises NotFound (`unknown_delegation`)."""
    delegation = Delegation.objects.select_for_update().filter(pk=delegation_id).first()
    if delegation is None or by.pk not in (delegation.giver_id, delegation.taker_id):
        raise NotFound("unknown_delegation", _("There is no such delegation of yours."))
    if delegation.revoked is None:
        delegation.revoked = now
        delegation.save(update_fields=["revoked"])
        audit.record(by=by, now=now, action="end_delegation", subject_type="delegation", subject_id=delegation.pk)
