"""Roles at codes: what they grant, and that giving them twice changes nothing."""

from datetime import UTC, datetime

import pytest

from duban.access import actions, rights
from duban.access.models import RoleAt
from duban.core.errors import DubanError
from duban.core.models import AuditRecord

NOW = datetime(2021, 1, 20, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_adding_a_person_twice_is_one_person_with_one_role() -> None:
    person, password = actions.add_person(username="wang", role="supervisor", at="110112000000", now=NOW)
    again, none = actions.add_person(username="wang", role="supervisor", at="110112", now=NOW)
    assert password
    assert none is None
    assert again == person
    assert list(RoleAt.objects.values_list("role", "code")) == [("supervisor", "110112")]
    assert AuditRecord.objects.count() == 1


def test_a_role_reaches_what_lies_under_its_code_and_nothing_else() -> None:
    person, _password = actions.add_person(username="wang", role="supervisor", at="110112106", now=NOW)
    assert rights.may(person, "entry.triage", "110112106251")
    assert rights.may(person, "entry.triage", "110112106")
    assert not rights.may(person, "entry.triage", "110112")
    assert not rights.may(person, "entry.triage", "110112110223")
    assert not rights.may(person, "entry.handle", "110112106251")


def test_an_inactive_person_may_nothing() -> None:
    person, _password = actions.add_person(username="wang", role="supervisor", at="110112", now=NOW)
    person.is_active = False
    assert rights.codes(person, "entry.see") == []


@pytest.mark.parametrize(
    ("username", "role", "at", "code"),
    [
        ("wang", "king", "110112", "unknown_role"),
        ("wang", "supervisor", "1101", "bad_code"),
        ("wang", "supervisor", "11011210a", "bad_code"),
        ("wang", "supervisor", "", "bad_code"),
        ("wa ng", "supervisor", "110112", "bad_username"),
        ("w" * 151, "supervisor", "110112", "bad_username"),
    ],
)
def test_bad_input_is_refused_with_its_code(username: str, role: str, at: str, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        actions.add_person(username=username, role=role, at=at, now=NOW)
    assert refusal.value.code == code
