"""Reminders of decisions go out in the same mail as the ledger's, once, to whoever may still see what they are of."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from tests.decisions.world import NOW, TODAY, TOWN, Office, make_office

from duban.access.models import Person
from duban.decisions import actions
from duban.decisions.actions import Unit
from duban.decisions.models import Decision, DecisionNotice
from duban.decisions.reminders import mark_read
from duban.demo.builders import NOON
from duban.ledger import actions as ledger
from duban.ledger import mail, mandates
from duban.web.reminders import remind_of_decisions

pytestmark = pytest.mark.django_db
SERVER = "django.core.mail.backends.locmem.EmailBackend.send_messages"


@pytest.fixture
def office(db: None, settings: Any) -> Office:
    settings.DUBAN_EMAIL_URL = "smtp://mail.example"
    settings.DUBAN_SITE_URL = "https://duban.example"
    office = make_office()
    Person.objects.filter(username="handler").update(email="chen@example.cn", language="en")
    Person.objects.filter(username="leader").update(email="li@example.cn")
    return office


def decide(office: Office, text: str, days: int, *, works: bool = True) -> Decision:
    """Led by the town, due so many days from today."""
    made = office.decide(
        text, due_on=TODAY + timedelta(days=days), lead=Unit("漷县镇", TOWN), starts_at=NOON - timedelta(days=20)
    )
    if works:
        entry = office.entry(made.position)
        mandates.link_entry(by=office.supervisor, now=NOON, entry_id=entry.pk, decision_id=made.pk)
    return made


def test_one_mail_holds_entries_and_decisions_by_how_they_press(office: Office, mailoutbox: list[Any]) -> None:
    made = {
        text: decide(office, text, days, works=works)
        for text, days, works in (
            ("快到的\n两行", 2, True),
            ("逾期的", -1, True),
            ("挂着的", -9, True),
            ("没人管的", 9, False),
        )
    }
    entry = office.entry(40)
    ledger.list_entry(by=office.supervisor, now=NOON, entry_id=entry.pk)
    ledger.assign_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, unit=TOWN)
    remind_of_decisions(now=NOW)
    assert mail.send_digests(now=NOW) == mail.Sent(2, 0)
    letters = {letter.to[0]: letter for letter in mailoutbox}
    handler, leader = letters["chen@example.cn"], letters["li@example.cn"]
    assert handler.subject == "Duban: Escalated 1, Overdue 1, Due soon or not begun 2, New 1"
    body = handler.body
    assert body.index("挂着的") < body.index("逾期的") < body.index("快到的 两行")
    assert "nothing carries it out yet (2021-01-20) · due 2021-01-29" in body
    assert f"{entry.number} " in body
    for decision in made.values():
        assert f"https://duban.example/decisions/{decision.pk}/" in body
    assert "All decisions: https://duban.example/decisions/" in body
    assert "挂着的" in leader.body
    assert "逾期的" not in leader.body
    assert "/ledger/notices/" not in leader.body, "nothing of the ledger was told"


def test_a_second_run_sends_nothing_and_a_mail_that_failed_goes_out_the_next_time(
    office: Office, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    decide(office, "逾期的", -1)
    remind_of_decisions(now=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(SERVER, refuse)
        assert mail.send_digests(now=NOW) == mail.Sent(0, 1)
    assert mail.send_digests(now=NOW) == mail.Sent(1, 0)
    assert mail.send_digests(now=NOW) == mail.Sent(0, 0)
    remind_of_decisions(now=NOW + timedelta(days=1))
    assert mail.send_digests(now=NOW + timedelta(days=1)) == mail.Sent(0, 0), "the same of the same day is told once"
    assert mail.send_digests(now=NOW + timedelta(days=9)) == mail.Sent(0, 0)
    remind_of_decisions(now=NOW + timedelta(days=9))
    assert mail.send_digests(now=NOW + timedelta(days=9)) == mail.Sent(2, 0), "it was put before the leaders"
    assert [len(letter.to) for letter in mailoutbox] == [1, 1, 1]


def test_the_right_at_the_moment_of_sending_decides(office: Office, mailoutbox: list[Any]) -> None:
    decision = decide(office, "逾期的", -1)
    remind_of_decisions(now=NOW)
    handler = Person.objects.get(username="handler")
    handler.roles.update(code="110113")
    assert mail.send_digests(now=NOW).sent == 0
    handler.roles.update(code=TOWN)
    Person.objects.filter(pk=handler.pk).update(is_active=False)
    assert mail.send_digests(now=NOW).sent == 0
    Person.objects.filter(pk=handler.pk).update(is_active=True)
    mark_read(by=handler, now=NOW, decision_id=decision.pk)
    assert mail.send_digests(now=NOW).sent == 0
    DecisionNotice.objects.update(read_at=None)
    actions.withdraw_decision(by=office.supervisor, now=NOW, decision_id=decision.pk, reason="情况变了")
    assert mail.send_digests(now=NOW).sent == 0
    assert not mailoutbox
    assert not DecisionNotice.objects.exclude(mailed_at=None).exists(), "what was not told is not marked as told"


def test_a_decision_is_told_once_with_all_that_was_said_of_it(office: Office, mailoutbox: list[Any]) -> None:
    decide(office, "没人管又逾期的", -1, works=False)
    remind_of_decisions(now=NOW)
    assert mail.send_digests(now=NOW).sent == 1
    [letter] = mailoutbox
    assert letter.subject == "Duban: Overdue 1"
    assert letter.body.count("没人管又逾期的") == 1
    assert "overdue (2021-01-20)" in letter.body
    assert "nothing carries it out yet (2021-01-20)" in letter.body
