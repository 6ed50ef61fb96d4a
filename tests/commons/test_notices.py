"""The office hears in its one mail of applications and of who moved up, with nobody's name and number in it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.commons.building import COMMUNITY
from tests.commons.register.building import AT, application, make_application
from tests.commons.volunteering.building import announce, join

from duban.access.models import Person
from duban.commons.models import DeskNotice
from duban.commons.register import filing
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ShiftDraft
from duban.core import clock
from duban.demo.builders import NOON, make_person
from duban.ledger import mail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DUBAN_EMAIL_URL = "smtp://mail.example"
    settings.DUBAN_SITE_URL = "https://duban.example"
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return iter(())


def reader(username: str, role: str = "community_worker", at: str = "110112") -> Person:
    person = make_person(username, role, at)
    Person.objects.filter(pk=person.pk).update(email=f"{username}@example.cn", language="en")
    return person


def mailed(letters: list[Any]) -> dict[str, str]:
    """To whom and what the next run sends."""
    letters.clear()
    mail.send_digests(now=NOON)
    return {letter.to[0].partition("@")[0]: letter.body for letter in letters}


def test_reviewers_hear_once_of_an_application_and_again_when_it_is_sent_again(mailoutbox: list[Any]) -> None:
    worker = reader("worker")
    reader("elsewhere", at="110113")
    reader("inspector", "inspector")
    made, secret = make_application()
    told = filing.told_of(made)
    letters = mailed(mailoutbox)
    assert set(letters) == {"worker"}
    assert f"https://duban.example/commons/applications/{made.pk}/" in letters["worker"]
    for hidden in (told.applicant.name, told.applicant.phone, told.roster[0].name, secret):
        assert hidden not in letters["worker"]
    assert mailed(mailoutbox) == {}
    filing.return_application(by=worker, now=NOON, application_id=made.pk, reasons="请补章程")
    filing.resend_application(now=NOON, secret=secret, draft=application("夕阳红合唱队", AT))
    assert set(mailed(mailoutbox)) == {"worker"}
    # Who has opened it, and what is decided, is told of no more.
    client = Client()
    client.force_login(worker)
    assert DeskNotice.objects.filter(read_at=None).count() == 1
    assert client.get(f"/commons/applications/{made.pk}/").status_code == 200
    assert not DeskNotice.objects.filter(read_at=None).exists()
    second = reader("second")
    other, _secret = make_application("另一个社")
    filing.refuse_application(by=second, now=NOON, application_id=other.pk, reasons="不在本街道")
    assert mailed(mailoutbox) == {}


def test_whoever_runs_an_activity_hears_of_who_moved_up(mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    worker, second = reader("worker"), reader("second")
    reader("elsewhere", at="110113")
    shift = announce(worker, 1)
    first, *waiting = (join(shift, number) for number in range(4))
    assert mailed(mailoutbox) == {}
    actions.withdraw_sign_up(now=NOON, secret=first.secret)
    letters = mailed(mailoutbox)
    assert set(letters) == {"worker", "second"}
    for letter in letters.values():
        assert f"https://duban.example/commons/shifts/{shift.pk}/" in letter
        assert "to be called: 1" in letter
        assert "志愿者" not in letter
        assert "13800130001" not in letter
    assert mailed(mailoutbox) == {}
    # Whoever makes room knows of it; the others hear how many are to be called by now.
    more = ShiftDraft(shift.begins_at, shift.ends_at, 2)
    actions.change_shift(by=worker, now=NOON, shift_id=shift.pk, draft=more)
    letters = mailed(mailoutbox)
    assert set(letters) == {"second"}
    assert "to be called: 2" in letters["second"]
    client = Client()
    client.force_login(second)
    assert client.get(f"/commons/shifts/{shift.pk}/").status_code == 200
    assert not DeskNotice.objects.filter(person=second, read_at=None).exists()
    # Nothing is told of a shift that is over, nor to whom the place is not theirs any more.
    actions.withdraw_sign_up(now=NOON, secret=waiting[0].secret)
    second.roles.all().delete()
    assert set(mailed(mailoutbox)) == {"worker"}
    DeskNotice.objects.update(mailed_at=None)
    monkeypatch.setattr(clock, "now", lambda: shift.ends_at + timedelta(hours=1))
    assert mailed(mailoutbox) == {}


def test_of_a_place_that_came_free_and_went_again_nothing_is_told(mailoutbox: list[Any]) -> None:
    worker = reader("worker")
    shift = announce(worker, 1, jurisdiction=COMMUNITY)
    first, second = join(shift, 1), join(shift, 2)
    actions.withdraw_sign_up(now=NOON, secret=first.secret)
    actions.withdraw_sign_up(now=NOON, secret=second.secret)
    assert mailed(mailoutbox) == {}
