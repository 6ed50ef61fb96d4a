"""What waits for whom: the desk's heaps, triage one by one, bulk steps, saved filters, and the offer of a near one."""

import re
import uuid
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
from duban.core.errors import DubanError
from duban.demo.builders import make_person, make_photo
from duban.evidence.models import Photo
from duban.ledger import actions, queries, saved, uploads
from duban.ledger.filters import read_filters, write_filters
from duban.ledger.models import Entry, SavedFilter
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


# ---- many rows at once --------------------------------------------------------------------------------------------


def send_bulk(person: Person, entries: list[Entry], action: str, **more: str) -> Any:
    chosen = [f"{entry.pk}:{entry.event_count}" for entry in entries]
    return browse(person).post(reverse("ledger:bulk"), {"action": action, "entry": chosen} | more)


def test_many_rows_go_to_one_unit_with_deadlines_by_the_rule(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entries = [entry_in("listed"), entry_in("listed"), entry_in("found")]
    answer = send_bulk(people["supervisor"], entries, "assign", unit="110112110")
    assert answer.status_code == 200
    assert "2 entries done." in answer.content.decode()
    assert "wrong_state" in answer.content.decode()
    for entry in entries[:2]:
        entry.refresh_from_db()
        assert (entry.state, entry.responsible) == ("assigned", "110112110")
        assert entry.due_at
        assert entry.deadline_rule


def test_many_rows_to_a_unit_beyond_ones_area_are_refused_one_by_one(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    answer = send_bulk(people["supervisor"], [entry_in("listed")], "assign", unit="110113101")
    assert "not_allowed" in answer.content.decode()
    assert Entry.objects.filter(state="listed").exists()


@pytest.mark.parametrize(
    ("action", "state", "becomes"),
    [("hold", "assigned", "held"), ("resume", "held", "assigned"), ("escalate", "assigned", "assigned")],
)
def test_many_rows_take_one_reason(
    people: dict[str, Person], entry_in: MakeEntry, action: str, state: str, becomes: str
) -> None:
    entries = [entry_in(state), entry_in("void")]
    answer = send_bulk(people["supervisor"], entries, action, reason="连日降雪")
    assert "1 entry done." in answer.content.decode()
    entries[0].refresh_from_db()
    assert entries[0].state == becomes
    assert entries[0].events.latest("seq").words["reason"] == "连日降雪"


def test_a_missing_reason_is_missing_for_all_of_them(people: dict[str, Person], entry_in: MakeEntry) -> None:
    answer = send_bulk(people["supervisor"], [entry_in("assigned")], "hold", reason=" ")
    assert answer.status_code == 400
    assert "reason_missing" in answer.content.decode()
    assert not Entry.objects.filter(state="held").exists()


# ---- saved filters ------------------------------------------------------------------------------------------------


def test_a_filter_is_kept_shown_renamed_and_deleted(people: dict[str, Person]) -> None:
    client = browse(people["handler"])
    answer = client.post(reverse("ledger:saved"), {"name": " 本周  到期 ", "query": "due=week&cursor=x&state=assigned"})
    assert answer.url == f"{reverse('ledger:list')}?state=assigned&due=week"
    shown = client.get(answer.url).content.decode()
    assert 'class="chip on" href="?state=assigned&amp;due=week" aria-current="true"' in shown
    kept = SavedFilter.objects.get()
    assert kept.name == "本周 到期"
    client.post(reverse("ledger:saved_rename", args=[kept.pk]), {"name": "周内"})
    assert "周内" in client.get(reverse("ledger:saved")).content.decode()
    client.post(reverse("ledger:saved_delete", args=[kept.pk]))
    assert not SavedFilter.objects.exists()


def test_names_are_ones_own_and_given_once(people: dict[str, Person]) -> None:
    mine, theirs = browse(people["handler"]), browse(people["supervisor"])
    for client in (mine, theirs):
        assert client.post(reverse("ledger:saved"), {"name": "A", "query": "overdue=1"}).status_code == 302
    again = mine.post(reverse("ledger:saved"), {"name": "A", "query": "asked=1"})
    assert again.status_code == 409
    assert "name_taken" in again.content.decode()
    assert 'value="asked=1"' in again.content.decode()
    mine.post(reverse("ledger:saved"), {"name": "B", "query": "asked=1"})
    other = SavedFilter.objects.get(name="B")
    taken = mine.post(reverse("ledger:saved_rename", args=[other.pk]), {"name": "A"})
    assert taken.status_code == 409
    assert mine.post(reverse("ledger:saved_rename", args=[other.pk]), {"name": "B"}).status_code == 302


@pytest.mark.parametrize("way", ["saved_rename", "saved_delete"])
def test_nobody_touches_another_ones_filters(people: dict[str, Person], way: str) -> None:
    kept = saved.save_filter(by=people["handler"], now=NOW, name="A", query="overdue=1")
    answer = browse(people["supervisor"]).post(reverse(f"ledger:{way}", args=[kept.pk]), {"name": "C"})
    assert answer.status_code == 404
    assert SavedFilter.objects.get().name == "A"
    assert "A</a>" not in browse(people["supervisor"]).get(reverse("ledger:list")).content.decode()


@pytest.mark.parametrize(
    ("name", "query", "code"),
    [("", "", "name_missing"), ("a" * 41, "", "name_too_long"), ("a", "state=lost", "unknown_state")],
)
def test_what_cannot_be_kept_is_refused(people: dict[str, Person], name: str, query: str, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        saved.save_filter(by=people["handler"], now=NOW, name=name, query=query)
    assert refusal.value.code == code


def test_thirty_filters_are_enough(people: dict[str, Person]) -> None:
    for number in range(30):
        saved.save_filter(by=people["handler"], now=NOW, name=str(number), query="")
    with pytest.raises(DubanError) as refusal:
        saved.save_filter(by=people["handler"], now=NOW, name="one more", query="")
    assert refusal.value.code == "too_many_saved"


# ---- triage -------------------------------------------------------------------------------------------------------


def decide(person: Person, entry: Entry, decision: str, **more: Any) -> Any:
    url = reverse("ledger:triage_decide", args=[entry.pk, decision])
    return browse(person).post(url, {"seen": entry.event_count} | more)


def number_shown(answer: Any) -> str:
    found = re.search(r'data-key="o">([^<]+)<', answer.content.decode())
    return found.group(1) if found else ""


def test_triage_shows_the_oldest_first_and_walks_both_ways(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entries = sorted([entry_in("found"), entry_in("listed"), entry_in("found")], key=lambda entry: entry.pk)
    entry_in("assigned")
    client = browse(people["supervisor"])
    answer = client.get(reverse("ledger:triage"))
    assert "3 left" in answer.content.decode()
    seen = [number_shown(answer)]
    while link := re.search(r'data-key="n" href="([^"]+)"', answer.content.decode()):
        answer = client.get(link.group(1).replace("&amp;", "&"))
        seen.append(number_shown(answer))
    assert seen == [entry.number for entry in entries]
    back = re.search(r'data-key="p" href="([^"]+)"', answer.content.decode())
    assert back
    assert number_shown(client.get(back.group(1))) == entries[1].number


@pytest.mark.parametrize(
    ("state", "decision", "becomes"),
    [("found", "accept", "assigned"), ("listed", "accept", "assigned"), ("found", "list", "listed")],
)
def test_a_decision_is_taken_and_the_next_entry_comes(
    people: dict[str, Person], entry_in: MakeEntry, state: str, decision: str, becomes: str
) -> None:
    first, second = sorted([entry_in(state), entry_in(state)], key=lambda entry: entry.pk)
    answer = decide(people["supervisor"], first, decision)
    assert answer.status_code == 302
    first.refresh_from_db()
    assert first.state == becomes
    assert number_shown(browse(people["supervisor"]).get(answer.url)) == second.number


def test_voiding_needs_a_reason_and_can_be_taken_back(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry, other = entry_in("found"), entry_in("found")
    supervisor = people["supervisor"]
    refused = decide(supervisor, entry, "void", reason="")
    assert refused.status_code == 400
    assert "reason_missing" in refused.content.decode()
    assert number_shown(refused) == entry.number
    answer = decide(supervisor, entry, "void", reason="已清理")
    shown = browse(supervisor).get(answer.url).content.decode()
    assert f"Restore: {entry.number}" in shown
    entry.refresh_from_db()
    back = decide(supervisor, entry, "undo")
    entry.refresh_from_db()
    assert entry.state == "listed"
    assert number_shown(browse(supervisor).get(back.url)) == entry.number
    assert other.state == "found"


def test_one_key_merges_into_the_nearest_and_takes_it_back(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry, near = entry_in("found"), entry_in("assigned")
    supervisor = people["supervisor"]
    shown = browse(supervisor).get(reverse("ledger:triage")).content.decode()
    assert f'name="into" value="{near.pk}" data-key="m"' in shown
    answer = decide(supervisor, entry, "merge", into=str(near.pk))
    entry.refresh_from_db()
    assert entry.merged_into_id == near.pk
    assert "Take out of the merger" in browse(supervisor).get(answer.url).content.decode()
    decide(supervisor, entry, "undo")
    entry.refresh_from_db()
    assert entry.state == "listed"


def test_what_somebody_else_decided_meanwhile_is_not_decided_again(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("found")
    actions.list_entry(by=people["supervisor"], now=NOW, entry_id=entry.pk)
    answer = decide(people["supervisor"], entry, "accept")
    assert answer.status_code == 409
    assert "entry_changed" in answer.content.decode()
    listed = decide(people["supervisor"], Entry.objects.get(pk=entry.pk), "undo")
    assert "nothing_to_undo" in listed.content.decode()


@pytest.mark.parametrize("sent", [{"into": ""}, {"into": "x"}])
def test_a_merger_into_nothing_is_refused(people: dict[str, Person], entry_in: MakeEntry, sent: dict[str, str]) -> None:
    answer = decide(people["supervisor"], entry_in("found"), "merge", **sent)
    assert answer.status_code == 400
    assert "bad_merge_target" in answer.content.decode()


def test_triage_is_the_supervisors_and_ends_at_their_area(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    for role in ("inspector", "handler", "leader", "publisher", "administrator"):
        assert browse(people[role]).get(reverse("ledger:triage")).status_code == 403
        assert decide(people[role], entry, "accept").status_code == 403
    assert (
        "Everything that came in is decided."
        in browse(people["stranger"]).get(reverse("ledger:triage")).content.decode()
    )
    assert decide(people["stranger"], entry, "accept").status_code == 404
    assert decide(people["supervisor"], entry, "explode").status_code == 404


def test_triage_asks_at_most_twelve_questions(
    people: dict[str, Person], entry_in: MakeEntry, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for state in ("found", "listed", "assigned", "assigned", "void"):
        last = entry_in(state)
    client = browse(people["supervisor"])
    with django_assert_max_num_queries(12):
        assert client.get(reverse("ledger:triage"), {"last": str(last.pk)}).status_code == 200


# ---- already there? -----------------------------------------------------------------------------------------------


def adding(near: Entry, person: Person, seed: int, **more: Any) -> dict[str, Any]:
    """The form of a finding some ten metres east of another."""
    kept = uploads.keep(Photo.objects.get(pk=make_photo(seed, by=person)), person).word
    facts = {"lon": near.lon + 0.0001, "lat": near.lat, "datum": "wgs84", "category": "event:06010", "kept": kept}
    return facts | {"id": str(uuid.uuid4()), "found_at": "2021-01-20T09:00"} | more


def test_a_finding_near_an_open_one_is_asked_about_before_it_is_recorded(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    near = entry_in("assigned")
    client = browse(people["inspector"])
    sent = adding(near, people["inspector"], 901)
    asked = client.post(reverse("ledger:add"), sent).content.decode()
    assert "It is that one" in asked
    assert near.photos.get().photo_id in asked
    assert Entry.objects.count() == 1
    same = client.post(reverse("ledger:add"), sent | {"same_as": str(near.pk)})
    assert same.url == reverse("ledger:entry", args=[near.pk])
    assert near.photos.count() == 2
    assert Entry.objects.count() == 1


def test_a_new_one_is_recorded_once_asked(people: dict[str, Person], entry_in: MakeEntry) -> None:
    near = entry_in("assigned")
    sent = adding(near, people["inspector"], 902, offered=str(near.pk))
    client = browse(people["inspector"])
    for _press in range(2):
        assert client.post(reverse("ledger:add"), sent).status_code == 302
    assert Entry.objects.count() == 2


@pytest.mark.parametrize(
    "changes",
    [{"category": "event:06011"}, {"lon": 116.9}, {"lat": 39.8006}],
    ids=["another category", "far away", "67 m away"],
)
def test_what_is_another_thing_is_not_asked_about(
    people: dict[str, Person], entry_in: MakeEntry, changes: dict[str, Any]
) -> None:
    sent = adding(entry_in("assigned"), people["inspector"], 903, **changes)
    assert browse(people["inspector"]).post(reverse("ledger:add"), sent).status_code == 302


@pytest.mark.parametrize("state", ["closed", "void"])
def test_what_is_done_is_not_offered(people: dict[str, Person], entry_in: MakeEntry, state: str) -> None:
    sent = adding(entry_in(state), people["inspector"], 904)
    assert browse(people["inspector"]).post(reverse("ledger:add"), sent).status_code == 302


def test_what_the_person_may_not_see_is_neither_offered_nor_added_to(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    near = entry_in("assigned")
    sent = adding(near, people["stranger"], 905)
    client = browse(people["stranger"])
    assert "same_as" not in client.post(reverse("ledger:add"), sent).content.decode()
    assert client.post(reverse("ledger:add"), sent | {"same_as": str(near.pk)}).status_code == 404
    assert near.photos.count() == 1


def test_without_a_photo_there_is_nothing_to_add(people: dict[str, Person], entry_in: MakeEntry) -> None:
    near = entry_in("assigned")
    sent = adding(near, people["inspector"], 906) | {"kept": "", "same_as": str(near.pk)}
    answer = browse(people["inspector"]).post(reverse("ledger:add"), sent)
    assert answer.status_code == 400
    assert "photo_missing" in answer.content.decode()


def test_the_api_names_what_stands_open_near_by(people: dict[str, Person], entry_in: MakeEntry) -> None:
    near = entry_in("assigned")
    entry_in("void")
    body = {"category": "event:06010", "lon": near.lon + 0.0001, "lat": near.lat, "found_at": "2021-01-20 09:00"}
    client = browse(people["inspector"])
    answer = client.put(f"/api/v1/entries/{uuid.uuid4()}?near=true", body, content_type="application/json")
    assert answer.status_code == 201
    [told] = answer.json()["near"]
    assert (told["id"], told["number"], told["category"]) == (str(near.pk), near.number, "event:06010")
    assert 8 < told["distance_m"] < 9
