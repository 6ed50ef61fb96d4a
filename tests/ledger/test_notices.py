"""Who is told of what, in the app and by mail; and that nobody is told of what they may not see."""

import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django.fixtures import DjangoAssertNumQueries

from duban.access.models import Person
from duban.config.settings import _email
from duban.demo.builders import make_photo
from duban.ledger import actions, mail
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Entry, Notification
from duban.ledger.notices import TOLD, unread_count

MakeEntry = Callable[[str], Entry]
NOW = datetime(2021, 1, 20, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def assigned(people: dict[str, Person], entry_in: MakeEntry) -> Entry:
    """An entry assigned to the district, so that its handler was told once."""
    entry = entry_in("listed")
    return actions.assign_entry(by=people["supervisor"], now=NOW, entry_id=entry.pk, unit="110112")


def browse(person: Person, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    return client


def bell(person: Person) -> str:
    shown = browse(person).get(reverse("web:desk")).content.decode()
    assert "tool bell" in shown
    return shown.partition('class="unread-count">')[2].partition("<")[0]


def page(person: Person, **query: str) -> str:
    return browse(person).get(reverse("ledger:notices"), query).content.decode()


# ---- in the app ---------------------------------------------------------------------------------------------------


def test_every_step_that_is_told_is_a_step_of_the_table() -> None:
    assert set(TOLD) <= set(TRANSITIONS)


def test_the_unit_is_told_of_its_work_and_the_supervisors_of_what_comes_back(
    people: dict[str, Person], assigned: Entry
) -> None:
    assert bell(people["handler"]) == "1"
    assert bell(people["supervisor"]) == ""
    photo = make_photo(777, by=people["handler"])
    actions.submit_remedy(by=people["handler"], now=NOW, entry_id=assigned.pk, photos=[photo])
    assert bell(people["supervisor"]) == "1"
    assert "a remedy was submitted" in page(people["supervisor"])
    assert bell(people["handler"]) == "1"


def test_an_escalation_is_told_to_the_units_leaders_too(people: dict[str, Person], assigned: Entry) -> None:
    actions.escalate_entry(by=people["supervisor"], now=NOW, entry_id=assigned.pk, reason="迟迟不动")
    assert "escalated: it hangs" in page(people["leader"])
    assert "escalated: it hangs" in page(people["handler"])


def test_what_is_told_stands_by_entry_and_is_read_once(people: dict[str, Person], assigned: Entry) -> None:
    actions.hold_entry(by=people["supervisor"], now=NOW, entry_id=assigned.pk, reason="雪")
    handler = people["handler"]
    shown = page(handler)
    assert shown.count("<li data-row") == 1
    assert "assigned to your unit" in shown
    assert "put on hold" in shown
    client = browse(handler)
    newest = Notification.objects.filter(person=handler).latest("pk").pk
    answer = client.post(reverse("ledger:notices_read"), {"entry": str(assigned.pk), "up_to": str(newest)})
    assert answer.url == reverse("ledger:notices")
    assert bell(handler) == ""
    assert "Nothing new." in page(handler)
    assert "put on hold" in page(handler, all="1")


def test_all_means_all_that_the_page_showed(people: dict[str, Person], assigned: Entry) -> None:
    handler = people["handler"]
    shown = Notification.objects.filter(person=handler).latest("pk").pk
    actions.hold_entry(by=people["supervisor"], now=NOW, entry_id=assigned.pk, reason="雪")
    browse(handler).post(reverse("ledger:notices_read"), {"up_to": str(shown)})
    assert bell(handler) == "1"
    browse(handler).post(reverse("ledger:notices_read"))
    assert bell(handler) == ""


def test_opening_the_entry_reads_its_notices_and_no_others(
    people: dict[str, Person], assigned: Entry, entry_in: MakeEntry
) -> None:
    other = actions.assign_entry(by=people["supervisor"], now=NOW, entry_id=entry_in("listed").pk, unit="110112")
    browse(people["handler"]).get(reverse("ledger:entry", args=[assigned.pk]))
    unread = Notification.objects.filter(person=people["handler"], read_at=None)
    assert [notice.entry_id for notice in unread] == [other.pk]


def test_nobody_marks_another_ones_notices(people: dict[str, Person], assigned: Entry) -> None:
    browse(people["supervisor"]).post(reverse("ledger:notices_read"))
    assert bell(people["handler"]) == "1"
    bad = browse(people["handler"]).post(reverse("ledger:notices_read"), {"entry": "x"})
    assert bad.status_code == 404


def test_who_lost_the_role_sees_nothing_of_what_they_were_told(people: dict[str, Person], assigned: Entry) -> None:
    handler = people["handler"]
    assert unread_count(handler) == 1
    handler.roles.update(code="110113")
    moved = Person.objects.get(pk=handler.pk)
    assert unread_count(moved) == 0
    assert assigned.number not in page(moved, all="1")
    handler.roles.all().delete()
    assert browse(Person.objects.get(pk=handler.pk)).get(reverse("ledger:notices")).status_code == 403


def test_the_bell_counts_no_further_than_anybody_reads(people: dict[str, Person], assigned: Entry) -> None:
    more = [
        Notification(person=people["handler"], entry=assigned, action="assign", at=NOW, by="supervisor")
        for _number in range(120)
    ]
    Notification.objects.bulk_create(more)
    assert bell(people["handler"]) == "99+"
    first = page(people["handler"])
    assert "before=" in first
    assert page(people["handler"], before=str(Notification.objects.order_by("pk")[30].pk)).count("data-row") == 1


@pytest.mark.parametrize("more", [0, 5])
def test_the_page_asks_the_same_few_questions(
    people: dict[str, Person],
    assigned: Entry,
    entry_in: MakeEntry,
    more: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _number in range(more):
        actions.assign_entry(by=people["supervisor"], now=NOW, entry_id=entry_in("listed").pk, unit="110112")
    client = browse(people["handler"])
    with django_assert_max_num_queries(8):
        assert client.get(reverse("ledger:notices")).status_code == 200


# ---- by mail ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailing(people: dict[str, Person], settings: Any) -> None:
    settings.DUBAN_EMAIL_URL = "smtp://mail.example"
    settings.DUBAN_SITE_URL = "https://duban.example"
    Person.objects.filter(username="handler").update(email="chen@example.cn", language="en")
    Person.objects.filter(username="supervisor").update(email="sun@example.cn")


def test_one_mail_holds_all_that_is_unread_by_how_it_presses(
    people: dict[str, Person], entry_in: MakeEntry, mailing: None, mailoutbox: list[Any]
) -> None:
    supervisor = people["supervisor"]
    entries = [
        actions.assign_entry(by=supervisor, now=NOW, entry_id=entry_in("listed").pk, unit="110112")
        for _number in range(4)
    ]
    fresh, late, hung, held = entries
    Entry.objects.filter(pk=late.pk).update(due_at=NOW - timedelta(hours=1))
    actions.escalate_entry(by=supervisor, now=NOW, entry_id=hung.pk, reason="迟迟不动")
    Notification.objects.filter(entry=held).update(read_at=NOW)
    actions.hold_entry(by=supervisor, now=NOW, entry_id=held.pk, reason="雪")
    assert mail.send_digests(now=NOW) == mail.Sent(1, 0)
    [sent] = mailoutbox
    assert sent.to == ["chen@example.cn"]
    assert sent.subject == "Duban: Escalated 1, Overdue 1, New 1, Decided 1"
    for entry in entries:
        assert sent.body.count(f"{entry.number} ") == 1
        assert f"https://duban.example{reverse('ledger:entry', args=[entry.pk])}" in sent.body
    assert sent.body.index(hung.number) < sent.body.index(late.number) < sent.body.index(fresh.number)
    assert "迟迟不动" not in sent.body


def test_a_second_run_sends_nothing_and_a_new_step_only_itself(
    people: dict[str, Person], assigned: Entry, mailing: None, mailoutbox: list[Any]
) -> None:
    assert mail.send_digests(now=NOW).sent == 1
    assert mail.send_digests(now=NOW).sent == 0
    actions.hold_entry(by=people["supervisor"], now=NOW, entry_id=assigned.pk, reason="雪")
    assert mail.send_digests(now=NOW).sent == 1
    assert "put on hold" in mailoutbox[1].body
    assert "assigned to your unit" not in mailoutbox[1].body


def test_no_mail_goes_out_about_what_is_read_or_out_of_sight(
    people: dict[str, Person], assigned: Entry, mailing: None, mailoutbox: list[Any]
) -> None:
    people["handler"].roles.update(code="110113")
    assert mail.send_digests(now=NOW).sent == 0
    people["handler"].roles.update(code="110112")
    Notification.objects.update(read_at=NOW)
    assert mail.send_digests(now=NOW).sent == 0
    Notification.objects.update(read_at=None)
    Person.objects.filter(username="handler").update(is_active=False)
    assert mail.send_digests(now=NOW).sent == 0
    assert not mailoutbox


def test_a_mail_that_failed_is_sent_the_next_time(
    people: dict[str, Person], assigned: Entry, mailing: None, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        assert mail.send_digests(now=NOW) == mail.Sent(0, 1)
        with pytest.raises(SystemExit):
            call_command("send_digests")
    assert mail.send_digests(now=NOW) == mail.Sent(1, 0)


def test_mails_are_chinese_unless_a_person_wants_english(
    people: dict[str, Person], assigned: Entry, mailing: None, mailoutbox: list[Any]
) -> None:
    photo = make_photo(778, by=people["handler"])
    actions.submit_remedy(by=people["handler"], now=NOW, entry_id=assigned.pk, photos=[photo])
    mail.send_digests(now=NOW)
    by_address = {sent.to[0]: sent.body for sent in mailoutbox}
    assert "Exposed rubbish" in by_address["chen@example.cn"]
    assert "暴露垃圾" in by_address["sun@example.cn"]


def test_without_a_mail_server_the_command_says_so(people: dict[str, Person], settings: Any) -> None:
    settings.DUBAN_EMAIL_URL = ""
    with pytest.raises(CommandError, match="no_mail_server"):
        call_command("send_digests")


@pytest.mark.parametrize(
    ("url", "port", "ssl", "tls"),
    [
        ("smtp://u:p%40ss@mail.example:587?tls=1", 587, False, True),
        ("smtps://u:p%40ss@mail.example", 465, True, False),
        ("smtp://u:p%40ss@mail.example", 25, False, False),
    ],
)
def test_the_mail_servers_address_is_read(url: str, port: int, ssl: bool, tls: bool) -> None:
    read = _email(url)
    assert (read["PORT"], read["USE_SSL"], read["USE_TLS"]) == (port, ssl, tls)
    assert (read["HOST"], read["HOST_USER"], read["HOST_PASSWORD"]) == ("mail.example", "u", "p@ss")


@pytest.mark.parametrize("url", ["mail.example:25", "http://mail.example", "smtp://"])
def test_a_mail_servers_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="DUBAN_EMAIL_URL"):
        _email(url)


def test_people_say_themselves_where_their_mail_goes(people: dict[str, Person]) -> None:
    client = browse(people["handler"])
    bad = client.post(reverse("access:own_mail"), {"email": "nowhere", "language": "en"})
    assert bad.status_code == 200
    assert 'id="id_email_mend"' in bad.content.decode()
    assert client.post(reverse("access:own_mail"), {"email": "a@b.cn", "language": "en"}).status_code == 302
    assert "goes to a@b.cn" in client.get(reverse("access:own")).content.decode()
    handler = Person.objects.get(username="handler")
    assert (handler.email, handler.language) == ("a@b.cn", "en")
