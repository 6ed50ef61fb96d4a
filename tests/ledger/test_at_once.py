"""Several people at once, over HTTP in threads of their own: one success and clear conflicts, nothing lost, no 500."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from tests.waiting import waiting

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import history, recording, tally
from duban.ledger.models import Entry, Event, Tally

pytestmark = pytest.mark.django_db(transaction=True)
Call = tuple[Person, str, dict[str, Any]]


def post_all(calls: list[Call], *, method: str = "post") -> list[tuple[int, str]]:
    """(status, code) of each call; all are sent at the same moment."""
    together = threading.Barrier(len(calls))
    answers: list[tuple[int, str]] = [(0, "")] * len(calls)

    def send(index: int, person: Person, path: str, body: dict[str, Any]) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(person)
        together.wait()
        call = getattr(client, method)
        response = call(f"/api/v1/entries/{path}", json.dumps(body), content_type="application/json")
        answers[index] = (response.status_code, response.json().get("code", ""))
        connection.close()

    threads = [threading.Thread(target=send, args=(index, *call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def assert_whole() -> None:
    history.seal_heads(now=Entry.objects.latest("recorded_at").recorded_at)
    assert [*history.verify_events(), *history.verify_checkpoints()] == []
    rows = Counter(Entry.objects.values_list("state", flat=True))
    assert dict(tally.sums(Tally.objects.filter(category=tally.ALL), ["state"])) == dict(rows)
    assert not Entry.objects.filter(unsealed=True).exists()


def test_the_same_step_twice_at_once_is_done_once(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    entry = entry_in("listed")
    calls = [(people["supervisor"], f"{entry.pk}/assign", {"seen": entry.event_count})] * 2
    answers = sorted(post_all(calls))
    assert answers == [(200, ""), (409, "entry_changed")]
    assert Event.objects.filter(entry=entry, action="assign").count() == 1
    assert_whole()


def test_forty_changes_of_one_entry_at_once(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    """Steps that exclude one another, steps that do not, and some on a state that is gone by then."""
    entry = entry_in("assigned")
    supervisor, handler = people["supervisor"], people["handler"]
    photos = [make_photo(900 + number, by=supervisor) for number in range(8)]
    until = (clock.now() + timedelta(days=30)).isoformat()
    calls: list[Call] = [(supervisor, "add_photo", {"photo": photo}) for photo in photos]
    calls += [(supervisor, "amend", {"description": f"第{number}次更正"}) for number in range(8)]
    calls += [(supervisor, "escalate", {"reason": "久拖未决"})] * 6
    calls += [(handler, "ask_extension", {"reason": "下雪", "until": until})] * 6
    calls += [(supervisor, "hold", {"reason": "下雪"}), (supervisor, "resume", {})] * 3
    calls += [(handler, "return", {"reason": "不是本单位"})] * 3
    calls += [(supervisor, "assign", {})] * 3
    assert len(calls) == 40
    answers = post_all([(person, f"{entry.pk}/{action}", body) for person, action, body in calls])
    assert {status for status, _code in answers} <= {200, 409}, answers
    entry.refresh_from_db()
    done = sum(status == 200 for status, _code in answers)
    assert Event.objects.filter(entry=entry).count() == entry.event_count == 3 + done
    assert Event.objects.filter(entry=entry, action="add_photo").count() == len(photos)
    assert_whole()


def test_merging_each_into_the_other_at_once(people: dict[str, Person], entry_in: Callable[[str], Entry]) -> None:
    one, other = entry_in("listed"), entry_in("listed")
    supervisor = people["supervisor"]
    calls: list[Call] = [(supervisor, f"{one.pk}/merge", {"into": str(other.pk)})]
    calls += [(supervisor, f"{other.pk}/merge", {"into": str(one.pk)})]
    assert sorted(status for status, _code in post_all(calls))[0] == 200
    assert sorted(Entry.objects.values_list("state", flat=True)) == ["listed", "merged"]
    assert_whole()


def test_findings_recorded_at_once_get_numbers_without_gaps(people: dict[str, Person]) -> None:
    body = {"category": "06010", "lon": 116.8, "lat": 39.77, "found_at": "2021-01-18T12:00:00+08:00"}
    calls: list[Call] = [(people["inspector"], str(make_finding(seed).id), body) for seed in range(8)]
    assert [status for status, _code in post_all(calls, method="put")] == [201] * 8
    numbers = sorted(Entry.objects.values_list("number", flat=True))
    assert numbers == [f"110112-2021-{number:06d}" for number in range(1, 9)]
    assert_whole()


def test_the_same_findings_at_once_each_in_an_order_of_its_own(people: dict[str, Person]) -> None:
    findings = [make_finding(seed) for seed in range(1200)]
    together, told = threading.Barrier(2), []

    def send(rows: list[Any]) -> None:
        together.wait()
        recorded, refused = recording.record_findings(by=people["inspector"], now=NOON, findings=rows)
        told.append((Counter(one.outcome for one in recorded), refused))
        connection.close()

    threads = [threading.Thread(target=send, args=[rows]) for rows in (findings, findings[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told, key=str) == [({"taken": 1200}, []), ({"unchanged": 1200}, [])]
    assert_whole()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_sealing_holds_no_entry_while_it_waits_for_an_earlier_one(people: dict[str, Person]) -> None:
    """Who locks several entries does it by their keys; sealing in another order would wait for them and they for it."""
    made, _refused = recording.record_findings(
        by=people["inspector"], now=NOON, findings=[make_finding(seed) for seed in range(2)]
    )
    first, second = sorted(one.entry.pk for one in made)
    for key in (second, first):
        # Stored in the other order, in which the database comes upon them by itself.
        Entry.objects.filter(pk=key).update(unsealed=True)
    entries = Entry.objects.order_by().values_list("pk", flat=True)
    with transaction.atomic():
        entries.select_for_update().get(pk=first)
        sealing = waiting(lambda: history.seal_heads(now=NOON))
        assert entries.select_for_update(nowait=True).get(pk=second) == second
    sealing.join()
    assert_whole()
