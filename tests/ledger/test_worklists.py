"""What waits for whom: the desk's heaps, triage one by one, bulk steps, saved filters, and the offer of a near one."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django.fixtures import DjangoAssertNumQueries

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_person
from duban.ledger import actions, queries
from duban.ledger.filters import read_filters, write_filters
from duban.ledger.models import Entry
from duban.ledger.worklists import DUTIES, waiting_for

MakeEntry = Callable[[str], Entry]
# Wednesday 20 January 2021, 10:00 in Beijing.
NOW = datetime(2021, 1, 20, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def at_ten(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


def browse(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def due(entry: Entry, when: datetime) -> Entry:
    Entry.objects.filter(pk=entry.pk).update(due_at=when)
    return entry


def heaps(person: Person, now: datetime = NOW) -> dict[str, list[str]]:
    return {heap.key: [entry.number for entry in heap.entries] for heap in waiting_for(person, now=now)}


# ---- the desk -----------------------------------------------------------------------------------------------------


# Midnight in Beijing is 16:00 UTC; the week ends with Sunday the 24th.
DUE = [
    (NOW - timedelta(seconds=1), "late"),
    (NOW, "today"),
    (datetime(2021, 1, 20, 15, 59, tzinfo=UTC), "today"),
    (datetime(2021, 1, 20, 16, 0, tzinfo=UTC), "week"),
    (datetime(2021, 1, 24, 15, 59, tzinfo=UTC), "week"),
    (datetime(2021, 1, 24, 16, 0, tzinfo=UTC), "later"),
]


@pytest.mark.parametrize(("when", "group"), DUE)
def test_a_deadline_falls_into_its_group_by_the_offices_clock(
    people: dict[str, Person], entry_in: MakeEntry, when: datetime, group: str
) -> None:
    entry = due(entry_in("assigned"), when)
    assert heaps(people["handler"]) == {f"own-{group}": [entry.number]}
    expected = {} if group == "later" else {group: [entry.number]}
    assert heaps(people["supervisor"]) == expected


@pytest.mark.parametrize("role", ["supervisor", "handler", "inspector"])
def test_each_heap_counts_the_rows_that_its_link_opens(
    people: dict[str, Person], entry_in: MakeEntry, at_ten: datetime, role: str
) -> None:
    for when, _group in DUE:
        due(entry_in("assigned"), when)
    for state in ("found", "listed", "remedied", "closed", "held", "void"):
        entry_in(state)
    Entry.objects.filter(state="closed").update(lookback_due_at=NOW)
    asked = entry_in("assigned")
    until = NOW + timedelta(days=30)
    actions.ask_extension(by=people["handler"], now=NOW, entry_id=asked.pk, until=until, reason="下雨")
    for heap in waiting_for(people[role], now=NOW):
        found = queries.entries_for(people[role], heap.filters, now=NOW)
        assert heap.count == found.count(), heap.key
        assert [entry.pk for entry in found[: len(heap.entries)]] == [entry.pk for entry in heap.entries], heap.key
    shown = browse(people[role]).get(reverse("web:desk")).content.decode()
    for link, count in re.findall(r'href="/ledger/\?([^"]+)"[^>]*>all (\d+) in the ledger', shown):
        answer = browse(people[role]).get(f"/ledger/?{link.replace('&amp;', '&')}")
        assert len(re.findall(r"<tr data-row", answer.content.decode())) == int(count)
    keys = set(heaps(people[role]))
    assert (
        keys
        == {
            "supervisor": {"late", "asked", "verify", "list", "assign", "today", "week", "lookback"},
            "handler": {"own-late", "own-today", "own-week", "own-later"},
            "inspector": {"lookback"},
        }[role]
    )


def test_who_looked_back_and_saw_it_stand_has_nothing_left_to_do(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("closed")
    later = entry.lookback_due_at + timedelta(days=1)  # type: ignore[operator]
    assert heaps(people["inspector"], later) == {"lookback": [entry.number]}
    actions.mark_not_inspected(by=people["inspector"], now=later, entry_id=entry.pk, reason="封路")
    assert heaps(people["inspector"], later) == {"lookback": [entry.number]}
    actions.mark_stands(by=people["inspector"], now=later, entry_id=entry.pk)
    assert heaps(people["inspector"], later) == {}


def test_a_role_for_one_kind_brings_no_work_of_the_other(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry_in("found")
    person = make_person("parts", "inspector")
    person.roles.create(role="supervisor", code="110112", kind="component")
    assert heaps(Person.objects.get(pk=person.pk)) == {}


@pytest.mark.parametrize("more", [0, 4])
@pytest.mark.parametrize("role", ["supervisor", "handler"])
def test_the_desk_asks_at_most_twelve_questions(
    people: dict[str, Person],
    entry_in: MakeEntry,
    at_ten: datetime,
    role: str,
    more: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for when, _group in DUE * (1 + more):
        due(entry_in("assigned"), when)
    for state in ("found", "listed", "remedied"):
        entry_in(state)
    client = browse(people[role])
    with django_assert_max_num_queries(12):
        assert client.get(reverse("web:desk")).status_code == 200


@pytest.mark.parametrize("bad", ["due=tomorrow", "asked=yes", "lookback=1"])
def test_the_ledger_refuses_words_that_it_does_not_know(people: dict[str, Person], bad: str) -> None:
    answer = browse(people["supervisor"]).get(f"{reverse('ledger:list')}?{bad}")
    assert answer.status_code == 400
    assert f"bad_{'flag' if bad.startswith('asked') else bad.partition('=')[0]}" in answer.content.decode()


def test_the_address_of_a_heap_is_read_back_as_the_same_question(people: dict[str, Person]) -> None:
    for duty in DUTIES:
        assert read_filters(QueryDict(write_filters(duty.filters))) == duty.filters
