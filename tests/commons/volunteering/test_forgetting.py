"""Contacts go when they have served their purpose: all of them, once, and no more than that."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_tasks_db.models import DBTaskResult
from tests.commons.volunteering.building import BEGINS, ENDS, announce, anybody, join, text

from duban.access.models import Person
from duban.commons.contact import open_contact
from duban.commons.models import SignUp
from duban.commons.volunteering import actions, forgetting
from duban.commons.volunteering.actions import Certified
from duban.core import clock
from duban.core.audit import Console
from duban.core.models import AuditRecord
from duban.core.sealed_text import open_bytes
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
NAMES = ("欧阳听雪", "慕容望舒", "诸葛拒之")
PHONES = ("13911112222", "13933334444", "13955556666")


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Any:
    settings.DUBAN_DATA = tmp_path
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    return now


def three(worker: Person) -> list[SignUp]:
    """One with hours, one who was there without, one who waits."""
    shift = announce(worker, 2)
    people = [
        join(shift, number, name=name, phone=phone).sign_up
        for number, (name, phone) in enumerate(zip(NAMES, PHONES, strict=True))
    ]
    actions.check_in_from_list(by=worker, now=BEGINS, sign_up_ids=[one.pk for one in people[:2]])
    actions.certify_hours(by=worker, now=ENDS, shift_id=shift.pk, rows=[Certified(people[0].pk, 60, "扫雪")])
    return people


def stored() -> str:
    """Every row of the tables of sign-ups and of the audit, as text, and what the key opens of it."""
    rows = [list(SignUp.objects.values_list()), list(AuditRecord.objects.values_list())]
    opened = [open_bytes(one).decode() for one in SignUp.objects.exclude(sealed=None).values_list("sealed", flat=True)]
    return json.dumps(rows, default=_as_text) + "".join(opened)


def _as_text(value: Any) -> str:
    return bytes(value).decode() if isinstance(value, memoryview | bytes) else str(value)


def test_nothing_stands_in_clear_and_afterwards_only_the_name_of_a_record(worker: Person) -> None:
    people = three(worker)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM commons_signup")
        raw = "".join(str(bytes(cell) if isinstance(cell, memoryview) else cell) for row in cursor for cell in row)
    assert not [part for part in (*NAMES, *PHONES) if part in raw or part.encode().hex() in raw]
    hashes = {one.person for one in people}
    assert len(hashes) == 3
    before = ENDS + timedelta(seconds=1)
    assert forgetting.forget_volunteers(by=Console(), now=before, before=before) == 3
    assert forgetting.forget_volunteers(by=Console(), now=before, before=before) == 0
    left = stored()
    assert [part for part in (*NAMES, *PHONES) if part in left] == [NAMES[0]]
    assert [one for one in sorted(hashes) if one in left] == [people[0].person]
    assert AuditRecord.objects.filter(action="forget_volunteers").count() == 1


def test_the_rule_counts_whole_days_after_the_end(worker: Person, at_noon: list[Any], capsys: Any) -> None:
    three(worker)
    for days, gone in ((29, "0"), (30, "0"), (31, "3"), (32, "0")):
        at_noon[0] = BEGINS + timedelta(days=days)
        call_command("forget_volunteers")
        assert capsys.readouterr().out.splitlines()[-1] == gone, days


def test_a_day_may_be_named(worker: Person, capsys: Any) -> None:
    three(worker)
    call_command("forget_volunteers", "--before", "2021-01-20")
    call_command("forget_volunteers", "--before", "2021-01-21")
    assert capsys.readouterr().out.split() == ["0", "3"]
    with pytest.raises(CommandError, match="bad_date"):
        call_command("forget_volunteers", "--before", "yesterday")


def test_what_is_to_come_is_left_alone(worker: Person) -> None:
    join(announce(worker))
    assert forgetting.forget_volunteers(by=Console(), now=NOON, before=NOON) == 0
    assert SignUp.objects.get().forgotten_at is None


def test_pages_go_on_without_the_names(worker: Person, at_noon: list[Any]) -> None:
    shift = announce(worker, 2)
    kept, other = join(shift, 1, name=NAMES[0]), join(shift, 2)
    actions.check_in(now=BEGINS, secret=kept.secret, token=shift.token)
    record = actions.certify_hours(
        by=worker, now=ENDS, shift_id=shift.pk, rows=[Certified(kept.sign_up.pk, 60, "扫雪")]
    )[0]
    at_noon[0] = ENDS + timedelta(days=40)
    forgetting.forget_volunteers(by=Console(), now=at_noon[0], before=at_noon[0])
    assert anybody().get(f"/volunteer/mine/{other.secret}/").status_code == 200
    assert anybody().get(f"/volunteer/mine/{kept.secret}/certificate.pdf").status_code == 200
    client = anybody()
    client.force_login(worker)
    page = text(client.get(f"/commons/shifts/{shift.pk}/"))
    assert "deleted" in page
    assert record.number in page
    actions.revoke_record(by=worker, now=at_noon[0], record_id=record.pk)
    assert forgetting.forget_volunteers(by=Console(), now=at_noon[0], before=at_noon[0]) == 1
    assert not SignUp.objects.exclude(sealed=None).exists()
    told = text(anybody().get(f"/volunteer/certificates/{record.code}/"))
    assert "does not stand" in told
    assert "欧" not in told


def test_many_are_forgotten_in_parts(worker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 3)
    shift = announce(worker, 5)
    for number in range(10):
        join(shift, number)
    assert forgetting.forget_volunteers(by=Console(), now=ENDS, before=ENDS + timedelta(seconds=1)) == 10
    assert {one.person for one in SignUp.objects.all()} == {""}


def test_a_name_that_no_key_opens_holds_nothing_up(worker: Person) -> None:
    people = three(worker)
    SignUp.objects.filter(pk=people[0].pk).update(sealed=b"gAAAAA-of-another-key")
    assert forgetting.forget_volunteers(by=Console(), now=ENDS, before=ENDS + timedelta(seconds=1)) == 3
    assert not SignUp.objects.exclude(sealed=None).exists()


def test_the_worker_forgets_every_night_and_sets_the_next_down_once(worker: Person, at_noon: list[Any]) -> None:
    three(worker)
    for _time in range(2):
        forgetting.set_nightly(now=NOON)
    tonight = DBTaskResult.objects.get()
    assert tonight.run_after.isoformat() == "2021-01-18T19:40:00+00:00"
    at_noon[0] = BEGINS + timedelta(days=60)
    forgetting.forget_nightly.call()
    assert not SignUp.objects.filter(forgotten_at=None).exists()
    assert DBTaskResult.objects.count() == 2


def test_the_name_stays_readable_for_the_certificate(worker: Person) -> None:
    people = three(worker)
    forgetting.forget_volunteers(by=Console(), now=ENDS, before=ENDS + timedelta(seconds=1))
    people[0].refresh_from_db()
    contact = open_contact(people[0].sealed)
    assert (contact.name, contact.phone) == (NAMES[0], "")
