"""The ledger's list: what bad filters are told, what a page costs, its map, and steps in bulk."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.ledger.conftest import LATER
from tests.ledger.pages import MakeEntry, browse, codes_in, page_of
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import actions, paging, queries, recording, search, tally
from duban.ledger.leads import Lead
from duban.ledger.models import Entry


def make_entries(by: Person, count: int, start: int = 100) -> list[Entry]:
    findings = [
        make_finding(seed, found_at=NOON - timedelta(hours=seed % 7), photos=(make_photo(seed % 3, by=by),))
        for seed in range(start, start + count)
    ]
    recorded, refused = recording.record_findings(by=by, now=NOON, findings=findings)
    assert not refused
    return [done.entry for done in recorded]


def test_asked_by_htmx_the_table_answers_with_its_rows_alone(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    client = browse(people["supervisor"])
    whole = page_of(client, "list")
    piece = client.get(reverse("ledger:list"), headers={"HX-Request": "true"})
    assert b"<html" in whole.content
    assert b"<html" not in piece.content
    assert piece.content.decode().lstrip().startswith('<section id="rows"')
    assert entry.number in piece.content.decode()
    assert "HX-Request" in piece.headers["Vary"]


def test_the_address_is_the_filter(people: dict[str, Person], entry_in: MakeEntry) -> None:
    found, closed, assigned = entry_in("found"), entry_in("closed"), entry_in("assigned")
    client = browse(people["leader"])

    def numbers(**query: Any) -> set[str]:
        shown = page_of(client, "list", **query).content.decode()
        return {entry.number for entry in (found, closed, assigned) if entry.number in shown}

    assert numbers() == {found.number, closed.number, assigned.number}
    assert numbers(state=["found", "closed"]) == {found.number, closed.number}
    assert numbers(overdue="1") == {found.number, assigned.number}
    assert numbers(text="路边垃圾堆 2") == {closed.number}
    assert numbers(area="110112106") == set()
    assert numbers(area="110112000000") == {found.number, closed.number, assigned.number}
    assert numbers(category="event:06011") == set()


BAD_FILTERS = [
    ({"state": "lost"}, "unknown_state"),
    ({"state": ["found", "<b>"]}, "unknown_state"),
    ({"area": "tongzhou"}, "bad_code"),
    ({"area": "1101"}, "bad_code"),
    ({"category": "06010"}, "unknown_category"),
    ({"category": "event:99999"}, "unknown_category"),
    ({"overdue": "yes"}, "bad_flag"),
    ({"text": "长" * 101}, "text_too_long"),
    ({"sort": "password"}, "bad_sort"),
    ({"sort": "-"}, "bad_sort"),
    ({"cursor": "%%%"}, "bad_cursor"),
    ({"cursor": "bnVsbA"}, "bad_cursor"),
    ({"cursor": "WyJhZnRlciJd"}, "bad_cursor"),
    ({"cursor": "é"}, "bad_cursor"),
]


@pytest.mark.parametrize(("query", "code"), BAD_FILTERS)
def test_a_filter_that_cannot_be_read_is_told_and_shows_nothing(
    people: dict[str, Person], entry_in: MakeEntry, query: dict[str, Any], code: str
) -> None:
    entry = entry_in("found")
    response = page_of(browse(people["supervisor"]), "list", **query)
    assert response.status_code == 400
    assert code in codes_in(response)
    assert entry.number not in response.content.decode()


def test_a_search_for_nul_finds_what_a_search_without_it_does(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    response = page_of(browse(people["supervisor"]), "list", text="\x00垃圾")
    assert response.status_code == 200
    assert entry.number in response.content.decode()


def count_queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as queries_made:
        response = client.get(address)
        assert response.status_code == 200
        if response.streaming:
            b"".join(response)
    return len(queries_made)


@pytest.mark.parametrize("address", ["list", "geojson", "export"])
def test_a_longer_list_costs_no_more_queries(people: dict[str, Person], address: str) -> None:
    client = browse(people["supervisor"])
    make_entries(people["supervisor"], 3)
    few = count_queries(client, reverse(f"ledger:{address}"))
    make_entries(people["supervisor"], 45, start=200)
    assert count_queries(client, reverse(f"ledger:{address}")) == few
    assert few <= 14


def test_a_longer_history_costs_no_more_queries(people: dict[str, Person], entry_in: MakeEntry) -> None:
    client = browse(people["supervisor"])
    entry = entry_in("remedied")
    few = count_queries(client, reverse("ledger:entry", args=[entry.pk]))
    for turn in range(6):
        actions.reject_remedy(by=people["supervisor"], now=LATER, entry_id=entry.pk, reason=f"第{turn}次")
        after = make_photo(900 + turn, by=people["handler"])
        actions.submit_remedy(by=people["handler"], now=LATER, entry_id=entry.pk, photos=[after])
    assert count_queries(client, reverse("ledger:entry", args=[entry.pk])) == few


@pytest.mark.parametrize("sort", sorted(queries.SORTS))
def test_pages_by_key_show_every_row_once_in_order_and_lead_back(people: dict[str, Person], sort: str) -> None:
    make_entries(people["supervisor"], 23)
    Entry.objects.filter(number__endswith="3").update(due_at=None)
    found = queries.entries_for(people["leader"], queries.Filters(sort=sort), now=NOON)
    in_order = list(found)
    pages, cursor = [], ""
    while True:
        page = paging.page_of(found, sort, cursor, size=5)
        pages.append(page)
        if not page.older:
            break
        cursor = page.older
    assert [entry for page in pages for entry in page.entries] == in_order
    assert not pages[0].newer
    backwards = pages[-1]
    for page in reversed(pages[:-1]):
        backwards = paging.page_of(found, sort, backwards.newer, size=5)
        assert backwards.entries == page.entries
    assert not backwards.newer


@pytest.mark.parametrize("sort", ["-found_at", "due_at", "responsible"])
def test_however_the_rows_are_looked_for_they_are_the_same(
    people: dict[str, Person], entry_in: MakeEntry, sort: str
) -> None:
    for state in ("found", "listed", "assigned", "remedied", "closed", "void"):
        entry_in(state)
    Entry.objects.filter(state="assigned").update(responsible="110112106", jurisdiction="110112106251")
    tally.rebuild()
    search.index(list(Entry.objects.all()))
    questions = [
        queries.Filters(sort=sort),
        queries.Filters(sort=sort, states=("found", "assigned")),
        queries.Filters(sort=sort, area="110112106"),
        queries.Filters(sort=sort, overdue=True, category="event:06010"),
        queries.Filters(sort=sort, text="垃圾堆"),
    ]
    for role in ("supervisor", "town_handler", "stranger", "health_officer"):
        for question in questions:
            plain = list(queries.entries_for(people[role], question, now=LATER))
            assert list(queries.find_entries(people[role], question, now=LATER).entries) == plain
            assert queries.find_entries(people[role], question, now=LATER).total.number == len(plain)
            for lead in Lead:
                assert list(queries.entries_for(people[role], question, now=LATER, lead=lead)) == plain, lead


def test_beyond_ten_thousand_the_count_says_so(people: dict[str, Person]) -> None:
    make_entries(people["supervisor"], 12)
    assert str(queries.count_of(Entry.objects.all(), cap=10)) == "10+"
    assert str(queries.count_of(Entry.objects.all(), cap=12)) == "12"


def test_the_map_says_when_it_does_not_show_all(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    make_entries(people["supervisor"], 4)
    monkeypatch.setattr("duban.ledger.map_points.MAP_CAP", 3)
    drawn = page_of(browse(people["supervisor"]), "geojson").json()
    assert len(drawn["features"]) == 3
    assert drawn["more"]
    assert "3" in drawn["note"]
    assert "4" in drawn["note"]


def test_the_map_has_each_entry_where_it_lies(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    (feature,) = page_of(browse(people["supervisor"]), "geojson").json()["features"]
    assert feature["geometry"]["coordinates"] == [entry.lon, entry.lat]
    assert feature["properties"]["url"] == reverse("ledger:entry", args=[entry.pk])
    assert feature["properties"]["overdue"] is True


@pytest.mark.parametrize("words", ["=1+1", "+86 10", "-2+3", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")'])
def test_no_cell_of_the_export_is_a_formula(people: dict[str, Person], words: str) -> None:
    finding = make_finding(1, description=words)
    recording.record_finding(by=people["inspector"], now=NOON, finding=finding)
    text = b"".join(page_of(browse(people["supervisor"]), "export")).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["description"] == f"'{words}"
    assert float(row["lon"]) == pytest.approx(finding.lon)
    assert row["found_at"] == "2021-01-18 12:00"


def test_in_bulk_each_row_stands_for_itself(people: dict[str, Person], entry_in: MakeEntry) -> None:
    good, other, closed, stale = entry_in("found"), entry_in("found"), entry_in("closed"), entry_in("found")
    chosen = [f"{entry.pk}:{entry.event_count}" for entry in (good, other, closed)]
    chosen.append(f"{stale.pk}:{stale.event_count + 1}")
    response = browse(people["supervisor"]).post(reverse("ledger:bulk"), {"action": "list", "entry": chosen})
    shown = response.content.decode()
    assert response.status_code == 200
    assert "2 entries done" in shown
    assert closed.number in shown
    assert stale.number in shown
    assert codes_in(response) == {"wrong_state", "entry_changed"}
    states = dict(Entry.objects.values_list("number", "state"))
    assert states[good.number] == states[other.number] == "listed"
    assert states[stale.number] == "found"


def test_in_bulk_a_deadline_that_runs_is_not_moved(people: dict[str, Person], entry_in: MakeEntry) -> None:
    listed, assigned = entry_in("listed"), entry_in("assigned")
    chosen = [f"{entry.pk}:{entry.event_count}" for entry in (listed, assigned)]
    client = browse(people["supervisor"])
    response = client.post(
        reverse("ledger:bulk"), {"action": "assign", "entry": chosen}, headers={"HX-Request": "true"}
    )
    assert codes_in(response) == {"already_assigned"}
    assert response.headers["HX-Trigger-After-Settle"] == '{"ledger-changed": {}}'
    assert Entry.objects.get(pk=listed.pk).state == "assigned"
    assert Entry.objects.get(pk=assigned.pk).due_at == assigned.due_at


def test_in_bulk_what_one_cannot_see_answers_as_absent(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    chosen = [f"{entry.pk}:1", f"{uuid.uuid4()}:1"]
    response = browse(people["stranger"]).post(reverse("ledger:bulk"), {"action": "list", "entry": chosen})
    assert codes_in(response) == {"entry_not_found"}
    assert entry.number not in response.content.decode()


BAD_BULKS = [
    ({"action": "void", "entry": f"{uuid.uuid4()}:1"}, "unknown_action"),
    ({"entry": f"{uuid.uuid4()}:1"}, "unknown_action"),
    ({"action": "list"}, "nothing_selected"),
    ({"action": "list", "entry": "x"}, "bad_selection"),
    ({"action": "list", "entry": f"{uuid.uuid4()}:x"}, "bad_selection"),
    ({"action": "list", "entry": [f"{uuid.uuid4()}:1"] * 201}, "too_many_selected"),
]


@pytest.mark.parametrize(("sent", "code"), BAD_BULKS)
def test_a_bulk_step_that_makes_no_sense_is_refused(people: dict[str, Person], sent: dict, code: str) -> None:
    response = browse(people["supervisor"]).post(reverse("ledger:bulk"), sent)
    assert response.status_code == 400
    assert codes_in(response) == {code}
