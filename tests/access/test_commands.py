"""The console: people with a role for one kind of entries, and the way back in for who lost everything."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from duban.access import rights
from duban.access.models import Person
from duban.demo.builders import make_person

pytestmark = pytest.mark.django_db


def run(*words: str, **options: object) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue().splitlines()[-1]


def test_a_role_for_one_kind_reaches_that_kind_alone() -> None:
    password = run("add_person", "wang", role="supervisor", at="110112", kind="event")
    person = Person.objects.get(username="wang")
    assert person.check_password(password)
    assert rights.grants(person, "entry.triage") == [("110112", "event")]
    assert rights.may(person, "entry.triage", "110112106", "event")
    assert not rights.may(person, "entry.triage", "110112106", "component")
    assert rights.may(person, "entry.triage", "110112106")
    assert person.as_actor()["roles"] == [["supervisor", "110112", {"kind": "event"}]]


def test_unknown_kinds_and_people_are_refused() -> None:
    with pytest.raises(CommandError, match="unknown_kind"):
        run("add_person", "wang", role="supervisor", at="110112", kind="dream")
    with pytest.raises(CommandError, match="unknown_person"):
        run("reset_login", "nobody")


def test_reset_login_prints_a_one_time_password() -> None:
    make_person("wang")
    answer = json.loads(run("reset_login", "wang", json=True))
    person = Person.objects.get(username=answer["username"])
    assert person.check_password(answer["password"])
    assert person.must_change_password
