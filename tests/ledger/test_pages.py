"""The ledger's pages through the Django client: who may open what, what bad input is told, what a page costs."""

import csv
import io
import re
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from PIL import Image
from tests.ledger.conftest import LATER

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding, make_jpeg, make_person, make_photo
from duban.ledger import actions, jobs, paging, queries, recording, search, tally, uploads
from duban.ledger.leads import Lead
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Entry, EntryPhoto, Event
from duban.places import queries as places

MakeEntry = Callable[[str], Entry]
SEES = {"inspector", "handler", "supervisor", "publisher", "leader", "administrator"}
RECORDS = {"inspector", "supervisor"}
TRIAGES = {"supervisor"}
SENDS = {"inspector", "supervisor", "handler"}
ROLES = sorted(SEES | {"health_officer", "community_worker"})
HERE = "?lon=116.8&lat=39.8&datum=wgs84"
# address, method, who gets which answer (the others: 403)
ADDRESSES: list[tuple[str, str, set[str], int]] = [
    ("list", "get", SEES, 200),
    ("geojson", "get", SEES, 200),
    ("export", "get", SEES, 200),
    ("export_geojson", "get", SEES, 200),
    ("export_xlsx", "get", SEES, 200),
    ("bulk", "post", TRIAGES, 400),
    ("add", "get", RECORDS, 200),
    ("upload", "post", SENDS, 200),
    ("propose", "get", RECORDS, 200),
    ("import", "get", RECORDS, 200),
    ("import_edited", "post", TRIAGES, 400),
    ("import_csv_template", "get", RECORDS, 200),
    ("import_xlsx_template", "get", RECORDS, 200),
]


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def browse(person: Person | None, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    if person is not None:
        client.force_login(person)
    return client


def page_of(client: Client, name: str, *args: object, **query: Any) -> Any:
    return client.get(reverse(f"ledger:{name}", args=args), query)


def codes_in(response: Any) -> set[str]:
    """The codes that the page shows beside what is wrong."""
    return set(re.findall(r'<span class="code(?: muted)?">([a-z0-9_]+)</span>', response.content.decode()))


def upload(data: bytes, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


# ---- who may open what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("name", "method", "allowed", "status"), ADDRESSES)
def test_each_room_opens_to_its_roles(
    people: dict[str, Person], name: str, method: str, allowed: set[str], status: int, role: str
) -> None:
    address = reverse(f"ledger:{name}") + (HERE if name == "propose" else "")
    response = getattr(browse(people[role]), method)(address)
    assert response.status_code == (status if role in allowed else 403)
    if response.streaming:
        b"".join(response)


@pytest.mark.parametrize(("name", "method", "_allowed", "_status"), ADDRESSES)
def test_who_is_not_logged_in_is_asked_to(db: None, name: str, method: str, _allowed: set[str], _status: int) -> None:
    response = getattr(browse(None), method)(reverse(f"ledger:{name}"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("access:login"))


@pytest.mark.parametrize("role", [*ROLES, "town_handler", "town_supervisor", "stranger", ""])
def test_an_entry_and_its_photos_show_only_within_scope(
    people: dict[str, Person], entry_in: MakeEntry, role: str
) -> None:
    entry = entry_in("assigned")
    sha = entry.photos.get().photo_id
    client = browse(people[role] if role else None)
    expected = 302 if not role else 200 if role in SEES else 404 if role.startswith(("town", "stra")) else 403
    for name in ("entry", "verify"):
        assert page_of(client, name, entry.pk).status_code == expected
    photo_expected = {403: 404}.get(expected, expected)
    for variant in ("thumbnail", "public", "original"):
        response = page_of(client, "photo", sha, variant)
        assert response.status_code == photo_expected
        if response.streaming:
            b"".join(response)
    if role in {"town_handler", "stranger"}:
        assert entry.number not in page_of(client, "list").content.decode()
        assert page_of(client, "geojson").json()["features"] == []
        for name in ("export", "export_geojson"):
            assert entry.number not in b"".join(page_of(client, name)).decode()


def test_absent_and_hidden_entries_answer_alike(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    client = browse(people["stranger"])
    hidden, absent = page_of(client, "entry", entry.pk), page_of(client, "entry", uuid.uuid4())
    assert hidden.status_code == absent.status_code == 404
    assert codes_in(hidden) == codes_in(absent) == {"entry_not_found"}


def test_a_photo_that_hangs_nowhere_is_hidden_and_so_is_an_unknown_variant(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    loose = make_photo(77, by=people["inspector"])
    client = browse(people["supervisor"])
    assert page_of(client, "photo", loose, "public").status_code == 404
    shown = entry_in("found").photos.get().photo_id
    assert page_of(client, "photo", shown, "private").status_code == 404


def test_a_town_handler_sees_what_is_assigned_to_the_town(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("listed")
    actions.assign_entry(by=people["supervisor"], now=LATER, entry_id=entry.pk, unit="110112106")
    client = browse(people["town_handler"])
    assert page_of(client, "entry", entry.pk).status_code == 200
    assert entry.number in page_of(client, "list").content.decode()


# ---- the table ----------------------------------------------------------------------------------------------------


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


# ---- in bulk --------------------------------------------------------------------------------------------------------


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


# ---- one entry ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("state", ["found", "listed", "assigned", "remedied", "closed", "merged", "void"])
def test_an_entry_shows_in_every_state_what_may_be_done_and_why_the_rest_may_not(
    people: dict[str, Person], entry_in: MakeEntry, state: str, language: str
) -> None:
    entry = entry_in(state)
    for role in ("supervisor", "handler", "inspector", "leader"):
        person = people[role]
        shown = page_of(browse(person, language), "entry", entry.pk).content.decode()
        names = places.names([entry.jurisdiction, entry.responsible])
        for step, reason in queries.steps_for(person, entry, names):
            address = reverse("ledger:step", args=[entry.pk, step.action])
            assert (address in shown) == (not reason), step.action
        assert entry.head_hash[:8] in shown


def test_the_one_primary_button_is_the_next_step_of_this_person(people: dict[str, Person], entry_in: MakeEntry) -> None:
    # The entries are of 2021: a look-back of what was struck off is due by now.
    expected = {"found": "list", "listed": "assign", "remedied": "close", "assigned": None, "held": "resume"}
    expected |= {"closed": "stands", "void": None, "split": None, "merged": None}
    for state, action in expected.items():
        entry = entry_in(state)
        shown = page_of(browse(people["supervisor"]), "entry", entry.pk).content.decode()
        (primary,) = re.findall(r'class="act-now".*?action="([^"]+)"', shown, re.S) or [None]
        assert primary == (reverse("ledger:step", args=[entry.pk, action]) if action else None)
    handler = page_of(browse(people["handler"]), "entry", entry_in("assigned").pk).content.decode()
    assert 'class="act-now"' in handler


def take(client: Client, entry: Entry, action: str, **said: Any) -> Any:
    said.setdefault("seen", entry.event_count)
    return client.post(reverse("ledger:step", args=[entry.pk, action]), said)


def test_an_entry_goes_its_whole_way_through_the_forms(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    supervisor, handler = browse(people["supervisor"]), browse(people["handler"])

    def step(client: Client, action: str, **said: Any) -> None:
        entry.refresh_from_db()
        response = take(client, entry, action, **said)
        assert response.status_code == 302, (action, codes_in(response))

    step(supervisor, "list")
    step(supervisor, "amend", category="event:06011", statement="村北路口", description="渣土", reason="看错了")
    step(supervisor, "add_photo", photos=upload(make_jpeg(50)))
    step(supervisor, "assign", unit="110112", due_at="2999-01-01T09:00")
    step(handler, "remedy", photos=[upload(make_jpeg(51)), upload(make_jpeg(52), "b.png")], reason="已清运")
    step(supervisor, "reject", reason="没拍全")
    step(handler, "return", reason="不在本辖区")
    step(supervisor, "assign", unit="110112")
    step(handler, "remedy", photos=upload(make_jpeg(53)))
    step(supervisor, "close")
    entry.refresh_from_db()
    assert (entry.state, entry.statement, entry.category.code) == ("closed", "村北路口", "06011")
    assert entry.photos.filter(moment="after").count() == 3
    assert entry.photos.filter(moment="before").count() == 2
    shown = page_of(supervisor, "entry", entry.pk).content.decode()
    for words in ("没拍全", "不在本辖区", "已清运", "看错了"):
        assert words in shown
    assert "Whole: 11 events" in page_of(supervisor, "verify", entry.pk).content.decode()


def test_verify_says_where_the_history_was_changed(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("assigned")
    Event.objects.filter(entry=entry, seq=2).update(username="nobody")
    shown = page_of(browse(people["leader"]), "verify", entry.pk).content.decode()
    assert "event_altered" in shown
    assert "event 2" in shown


BAD_STEPS: list[tuple[str, str, str, dict[str, Any], str, int]] = [
    ("assigned", "handler", "remedy", {}, "after_photo_missing", 400),
    ("assigned", "handler", "remedy", {"photos": upload(b"%PDF-1.7 no picture")}, "photo_not_an_image", 400),
    ("assigned", "handler", "remedy", {"photos": upload(make_jpeg(9)[:2000])}, "photo_truncated", 400),
    ("assigned", "handler", "remedy", {"photos": upload(b"")}, "photo_empty", 400),
    ("assigned", "handler", "return", {"reason": " "}, "reason_missing", 400),
    ("assigned", "handler", "return", {"reason": "不是", "unit": "x"}, "bad_code", 400),
    ("assigned", "handler", "return", {"reason": "长" * 2001}, "reason_too_long", 400),
    ("assigned", "handler", "close", {}, "not_allowed", 403),
    ("listed", "supervisor", "assign", {"unit": "12"}, "bad_code", 400),
    ("listed", "supervisor", "assign", {"unit": "110113"}, "not_allowed", 403),
    ("listed", "supervisor", "assign", {"unit": "110112", "due_at": "2020-01-01T00:00"}, "due_in_past", 400),
    ("listed", "supervisor", "assign", {"unit": "110112", "due_at": "soon"}, "bad_time", 400),
    ("listed", "supervisor", "assign", {"unit": "110112", "due_at": "99999-01-01T00:00"}, "bad_time", 400),
    ("remedied", "supervisor", "reject", {"reason": ""}, "reason_missing", 400),
    ("found", "supervisor", "void", {"reason": ""}, "reason_missing", 400),
    ("found", "supervisor", "void", {"reason": "a\x00b"}, "null_characters_not_allowed", 400),
    ("found", "supervisor", "merge", {}, "bad_merge_target", 400),
    ("found", "supervisor", "merge", {"into": "x"}, "bad_merge_target", 400),
    ("found", "supervisor", "merge", {"into": str(uuid.uuid4())}, "bad_merge_target", 400),
    ("found", "supervisor", "merge", {"number": "110112-2021-999999"}, "bad_merge_target", 400),
    ("found", "supervisor", "close", {}, "wrong_state", 409),
    ("found", "supervisor", "add_photo", {}, "photo_missing", 400),
    ("found", "supervisor", "amend", {"category": "", "statement": "x"}, "category_missing", 400),
    ("found", "supervisor", "amend", {"category": "99999", "statement": "x"}, "unknown_category", 400),
    ("found", "supervisor", "amend", {"category": "06010", "statement": "长" * 301}, "bad_statement", 400),
    ("found", "supervisor", "amend", {"category": "06010", "statement": " "}, "bad_statement", 400),
    ("found", "supervisor", "list", {"seen": "x"}, "invalid", 400),
    ("found", "supervisor", "list", {"seen": "99999999999999999999"}, "max_value", 400),
    ("found", "leader", "list", {}, "not_allowed", 403),
    ("closed", "supervisor", "void", {"reason": "晚了"}, "wrong_state", 409),
]


@pytest.mark.parametrize(("state", "role", "action", "said", "code", "status"), BAD_STEPS)
def test_a_step_refused_says_why_with_its_code_and_changes_nothing(
    people: dict[str, Person],
    entry_in: MakeEntry,
    state: str,
    role: str,
    action: str,
    said: dict[str, Any],
    code: str,
    status: int,
) -> None:
    entry = entry_in(state)
    for file in said.values():
        if hasattr(file, "seek"):
            file.seek(0)
    response = take(browse(people[role]), entry, action, **said)
    assert response.status_code == status
    assert code in codes_in(response)
    assert Entry.objects.get(pk=entry.pk).event_count == entry.event_count


def test_the_photo_of_the_finding_does_not_prove_the_remedy(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("assigned")
    response = take(browse(people["handler"]), entry, "remedy", photos=upload(make_jpeg(1)))
    assert entry.photos.get().photo_id in response.content.decode()
    assert "after_is_before" in codes_in(response)


def test_who_was_overtaken_sees_the_entry_as_it_is_and_what_they_had_typed(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("remedied")
    seen = entry.event_count
    actions.amend_entry(by=people["supervisor"], now=LATER, entry_id=entry.pk, statement="路南")
    client = browse(people["supervisor"])
    response = take(client, entry, "reject", seen=seen, reason="看不清")
    shown = response.content.decode()
    assert response.status_code == 409
    assert "entry_changed" in codes_in(response)
    assert "看不清" in shown
    assert "路南" in shown
    (fresh,) = set(re.findall(r'name="seen" value="(\d+)" id="reject_seen"', shown))
    assert take(client, entry, "reject", seen=fresh, reason="看不清").status_code == 302


def test_what_was_typed_is_not_lost_when_the_step_is_no_longer_open(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("remedied")
    actions.close_entry(by=people["supervisor"], now=LATER, entry_id=entry.pk)
    response = take(browse(people["supervisor"]), entry, "reject", reason="还有垃圾没清")
    assert response.status_code == 409
    assert "还有垃圾没清" in response.content.decode()


def test_photos_chosen_stay_chosen_when_the_form_comes_back(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("assigned")
    client = browse(people["handler"])
    response = take(client, entry, "remedy", photos=upload(make_jpeg(60)), reason="长" * 2001)
    (word,) = re.findall(r'name="kept" value="([^"]+)"', response.content.decode())
    thumbnail = client.get(reverse("ledger:kept", args=[word]))
    assert b"".join(thumbnail).startswith(b"\xff\xd8\xff")
    assert take(client, entry, "remedy", kept=word, reason="已清").status_code == 302
    assert EntryPhoto.objects.filter(entry=entry, moment="after").count() == 1


def test_nobody_attaches_a_photo_of_which_they_know_the_hash_alone(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("assigned")
    photo = make_photo(61, by=people["supervisor"])
    client = browse(people["handler"])
    theirs = uploads.keep(uploads.Photo.objects.get(pk=photo), people["supervisor"]).word
    for word in (photo, theirs, "x", f"{theirs}x"):
        assert "after_photo_missing" in codes_in(take(client, entry, "remedy", kept=word))
        assert client.get(reverse("ledger:kept", args=[word])).status_code == 404


def test_what_is_given_back_to_another_unit_is_out_of_sight(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("listed")
    entry = actions.assign_entry(by=people["supervisor"], now=LATER, entry_id=entry.pk, unit="110112106")
    client = browse(people["town_handler"])
    response = take(client, entry, "return", reason="属于宋庄", unit="110112104")
    assert response.status_code == 302
    assert response.url == reverse("ledger:list")


def test_an_unknown_step_and_a_get_are_no_steps(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("found")
    client = browse(people["supervisor"])
    assert take(client, entry, "erase").status_code == 404
    for action in TRANSITIONS:
        assert client.get(reverse("ledger:step", args=[entry.pk, action])).status_code == 405


# ---- adding ---------------------------------------------------------------------------------------------------------


def finding_form(**changes: Any) -> dict[str, Any]:
    said = {
        "id": str(uuid.uuid4()),
        "lon": "116.8",
        "lat": "39.8",
        "datum": "wgs84",
        "category": "event:06010",
        "found_at": "2021-01-18T09:30",
        "description": "村口垃圾",
        "position_source": "gps",
        "accuracy_m": "8",
    } | changes
    return {key: value for key, value in said.items() if value is not None}


def test_a_finding_is_recorded_once_however_often_it_is_sent(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    said = finding_form()
    for _turn in range(2):
        response = client.post(reverse("ledger:add"), said | {"photos": upload(make_jpeg(1))})
        assert response.status_code == 302
    entry = Entry.objects.get()
    assert response.url == reverse("ledger:entry", args=[entry.pk])
    assert str(entry.pk) == said["id"]
    assert (entry.position_source, entry.accuracy_m, entry.photos.count()) == ("gps", 8.0, 1)
    assert entry.found_at.isoformat() == "2021-01-18T01:30:00+00:00"


def test_the_same_id_with_another_finding_is_a_conflict(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    said = finding_form()
    client.post(reverse("ledger:add"), said)
    response = client.post(reverse("ledger:add"), said | {"description": "别的"})
    assert response.status_code == 409
    assert "finding_conflict" in codes_in(response)
    assert Entry.objects.count() == 1


def test_coordinates_of_a_chinese_map_app_are_shifted_back(people: dict[str, Person]) -> None:
    browse(people["inspector"]).post(reverse("ledger:add"), finding_form(datum="gcj02"))
    entry = Entry.objects.get()
    assert entry.datum_in == "gcj02"
    assert 0.003 < 116.8 - entry.lon < 0.01


BAD_FINDINGS: list[tuple[dict[str, Any], str]] = [
    ({"lon": ""}, "number_missing"),
    ({"lat": None}, "number_missing"),
    ({"lon": "east"}, "bad_number"),
    ({"lon": "nan"}, "bad_number"),
    ({"lon": "1e999"}, "bad_number"),
    ({"lat": "Infinity"}, "bad_number"),
    ({"lat": "39,8"}, "bad_number"),
    ({"lon": "１１６"}, "bad_number"),
    ({"lon": "181"}, "bad_longitude"),
    ({"lon": "39.8", "lat": "116.8"}, "bad_latitude"),
    ({"lon": "0", "lat": "0"}, "no_position"),
    ({"datum": "nad27"}, "unknown_datum"),
    ({"datum": ""}, "unknown_datum"),
    ({"category": ""}, "category_missing"),
    ({"category": "event:00000"}, "unknown_category"),
    ({"found_at": "yesterday"}, "bad_time"),
    ({"found_at": "0001-01-01T00:00"}, "bad_time"),
    ({"found_at": "9999-12-31T23:59"}, "bad_time"),
    ({"found_at": "2999-01-01T00:00"}, "found_in_future"),
    ({"found_at": "1980-01-01T00:00"}, "found_too_early"),
    ({"description": "长" * 2001}, "description_too_long"),
    ({"statement": "长" * 301}, "statement_too_long"),
    ({"description": "a\x00"}, "null_characters_not_allowed"),
    ({"responsible": "village"}, "bad_code"),
    ({"accuracy_m": "-1"}, "bad_accuracy"),
    ({"accuracy_m": "1e300"}, "bad_number"),
    ({"photos": upload(b"%PDF-1.7", "plan.jpg")}, "photo_not_an_image"),
    ({"photos": upload(b"", "empty.jpg")}, "photo_empty"),
    ({"photos": upload(make_jpeg(3)[:2000], "half.jpg")}, "photo_truncated"),
]


@pytest.mark.parametrize(("changes", "code"), BAD_FINDINGS)
def test_a_bad_finding_is_told_at_its_field_and_everything_typed_stays(
    people: dict[str, Person], changes: dict[str, Any], code: str
) -> None:
    for file in changes.values():
        if hasattr(file, "seek"):
            file.seek(0)
    said = finding_form(**changes)
    response = browse(people["inspector"]).post(reverse("ledger:add"), said)
    assert response.status_code == 400
    assert code in codes_in(response)
    assert not Entry.objects.exists()
    shown = response.content.decode()
    assert said["id"] in shown
    if "description" not in changes:
        assert "村口垃圾" in shown
    if "category" not in changes:
        assert re.search(r'value="event:06010" checked', shown)


def test_all_that_is_missing_is_told_at_once(people: dict[str, Person]) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:add"), finding_form(lon="", lat="", category=""))
    assert codes_in(response) == {"number_missing", "category_missing"}


@pytest.mark.parametrize(("changes", "code"), [({"id": ""}, "required"), ({"id": "x"}, "invalid")])
def test_a_finding_without_its_id_is_refused(people: dict[str, Person], changes: dict[str, Any], code: str) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:add"), finding_form(**changes))
    assert response.status_code == 400
    assert code in {error.code for error in response.context["form"].errors.as_data()["id"]}


def test_an_error_does_not_lose_the_photos(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    response = client.post(reverse("ledger:add"), finding_form(lon="", photos=upload(make_jpeg(1))))
    words = re.findall(r'name="kept" value="([^"]+)"', response.content.decode())
    assert len(words) == 1
    assert client.post(reverse("ledger:add"), finding_form(kept=words)).status_code == 302
    assert Entry.objects.get().photos.count() == 1


def picture(kind: str) -> bytes:
    """A picture that says when and where it was taken."""
    image = Image.effect_noise((320, 240), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (39.0, 48.0, 0.0), 3: "E", 4: (116.0, 48.0, 0.0)}
    exif[0x8769] = {0x9003: "2021:01:18 09:10:11"}
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
def test_a_photo_sent_at_once_comes_back_with_its_own_time_and_place(people: dict[str, Person], kind: str) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:upload"), {"photos": upload(picture(kind), "x.bin")})
    shown = response.content.decode()
    assert response.status_code == 200
    assert 'data-lon="116.8' in shown
    assert 'data-lat="39.8' in shown
    assert 'data-taken="2021-01-18T09:10"' in shown


def test_of_several_files_the_good_are_kept_and_the_bad_named(people: dict[str, Person]) -> None:
    files = [upload(make_jpeg(1)), upload(b"GIF89a not ours", "x.gif"), upload(make_jpeg(2))]
    response = browse(people["inspector"]).post(reverse("ledger:upload"), {"photos": files})
    shown = response.content.decode()
    assert shown.count('name="kept"') == 2
    assert "x.gif" in shown
    assert codes_in(response) == {"photo_not_an_image"} or codes_in(response) == {"photo_format"}


BAD_PLACES = [
    ("?lon=116.8&datum=wgs84", "number_missing"),
    ("?lon=nan&lat=1", "bad_number"),
    ("?lon=200&lat=1&datum=wgs84", "bad_longitude"),
    ("?lon=0&lat=0&datum=wgs84", "no_position"),
    ("?lon=116&lat=39&datum=mars", "invalid_choice"),
]


@pytest.mark.parametrize(("query", "code"), BAD_PLACES)
def test_a_place_that_is_none_gets_no_proposal(people: dict[str, Person], query: str, code: str) -> None:
    response = browse(people["inspector"]).get(reverse("ledger:propose") + query)
    assert response.status_code == 400
    assert codes_in(response) == {code}


def test_what_stands_open_near_by_is_offered_before_it_is_recorded_twice(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("found")
    far = entry_in("found")
    Entry.objects.filter(pk=far.pk).update(lon=entry.lon + 0.05)
    query = f"?lon={entry.lon + 0.0001}&lat={entry.lat}&category=event:06010"
    shown = browse(people["inspector"]).get(reverse("ledger:propose") + query).content.decode()
    assert entry.number in shown
    assert f'name="same_as" value="{entry.pk}"' in shown
    assert far.number not in shown


def test_merge_offers_the_open_entries_near_by(people: dict[str, Person], entry_in: MakeEntry) -> None:
    one, two = entry_in("found"), entry_in("listed")
    shown = page_of(browse(people["supervisor"]), "entry", one.pk).content.decode()
    assert f'name="into" value="{two.pk}"' in shown
    response = take(browse(people["supervisor"]), one, "merge", into=str(two.pk))
    assert response.status_code == 302
    assert Entry.objects.get(pk=one.pk).merged_into_id == two.pk


# ---- importing ------------------------------------------------------------------------------------------------------

HEAD = "found_at,lon,lat,datum,category,description,photo,external_id\n"


def rows(count: int, *, photo: str = "", start: int = 0) -> str:
    return "".join(
        f"2021-01-18 09:30,{116.8 + n / 10000:.4f},39.8,wgs84,暴露垃圾,第{n}处,{photo},x-{n}\n"
        for n in range(start, start + count)
    )


def send(client: Client, table: str | bytes, name: str = "findings.csv", **files: Any) -> Any:
    data = table.encode() if isinstance(table, str) else table
    return client.post(reverse("ledger:import"), {"file": upload(data, name), **files})


def job_shown(client: Client, response: Any) -> str:
    assert response.status_code == 302, codes_in(response)
    return client.get(response.url).content.decode()


def test_an_import_is_tried_before_anything_is_written(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(3))
    assert "Record 3 findings" in job_shown(client, tried)
    assert not Entry.objects.exists()
    taken = client.post(f"{tried.url}take/")
    assert re.search(r"<b>3</b>\s*recorded", job_shown(client, taken))
    assert Entry.objects.count() == 3
    again = send(client, HEAD + rows(4))
    assert re.search(r"<b>1</b>\s*new", job_shown(client, again))
    assert client.post(f"{tried.url}take/").status_code == 409


def test_refused_rows_come_back_with_their_reasons_and_the_good_can_be_kept(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2) + "2021-01-18,200,39.8,wgs84,暴露垃圾,=1+1,,bad\n")
    shown = job_shown(client, tried)
    assert "bad_longitude" in shown
    assert "Record the 2 good ones" in shown
    refused = b"".join(client.get(f"{tried.url}refused.csv")).decode("utf-8-sig")
    assert "bad_longitude" in refused
    assert "'=1+1" in refused
    client.post(f"{tried.url}take/", {"keep_good": "1"})
    assert Entry.objects.count() == 2


def test_without_keeping_the_good_nothing_of_a_bad_table_is_written(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2) + "2021-01-18,200,39.8,wgs84,暴露垃圾,,,bad\n")
    client.post(f"{tried.url}take/")
    assert not Entry.objects.exists()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_photos_come_as_files_or_zipped_in_folders(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    table = HEAD + rows(1, photo="a.JPG;现场/b.jpg") + rows(1, photo="c.jpg", start=5)
    pack = zipped({"照片/现场/b.jpg": make_jpeg(2), "照片/c.jpg": make_jpeg(3)})
    tried = send(client, table, photos=[upload(make_jpeg(1), "A.jpg"), upload(pack, "照片.zip")])
    shown = job_shown(client, tried)
    assert "Record 2 findings" in shown
    client.post(f"{tried.url}take/")
    assert EntryPhoto.objects.count() == 3


def test_more_than_a_hundred_photos_come_as_single_files(people: dict[str, Person]) -> None:
    photos = [upload(make_jpeg(1), f"{number}.jpg") for number in range(130)]
    client = browse(people["inspector"])
    assert "Record 1 finding" in job_shown(client, send(client, HEAD + rows(1, photo="129.jpg"), photos=photos))


def test_names_written_by_chinese_windows_are_read(people: dict[str, Person]) -> None:
    pack = zipped({"x" * 6: make_jpeg(2)})
    old = "垃圾堆".encode("gb18030")
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(1, photo="垃圾堆"), photos=[upload(pack.replace(b"x" * 6, old), "p.zip")])
    assert "Record 1 finding" in job_shown(client, tried)


def bomb() -> bytes:
    return zipped({"a.jpg": b"\xff\xd8\xff" + bytes(64 * 1024 * 1024)})


def locked() -> bytes:
    """A ZIP whose entries say that they are encrypted."""
    pack = bytearray(zipped({"a.jpg": make_jpeg(1)}))
    pack[6] |= 1
    pack[pack.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(pack)


BAD_TABLES: list[tuple[dict[str, Any], str]] = [
    ({"table": ""}, "file_empty"),
    ({"table": b"PK\x03\x04 no book", "name": "a.csv"}, "file_not_a_table"),
    ({"table": b"no book", "name": "a.xlsx"}, "file_not_a_table"),
    ({"table": b"\xff\xd8\xff\xe0", "name": "a.csv"}, "file_not_a_table"),
    ({"table": "lon,lat\n1,2\n"}, "columns_missing"),
    ({"table": HEAD}, "no_rows"),
    ({"table": HEAD + "1,2,3,4,5,6,7,8,9\n"}, "too_many_cells"),
    ({"table": HEAD.replace("photo", "lon") + rows(1)}, "column_twice"),
    ({"table": HEAD + '"2021\n'}, "file_not_a_table"),
    ({"table": HEAD + rows(1), "photos": upload(b"no zip", "a.zip")}, "zip_unreadable"),
    ({"table": HEAD + rows(1), "photos": upload(locked(), "a.zip")}, "zip_encrypted"),
]


@pytest.mark.parametrize(("sent", "code"), BAD_TABLES)
def test_a_file_that_is_no_table_is_told_at_its_field(people: dict[str, Person], sent: dict, code: str) -> None:
    for file in sent.values():
        if hasattr(file, "seek"):
            file.seek(0)
    response = send(browse(people["inspector"]), **sent)
    assert response.status_code == 400
    assert code in codes_in(response)
    assert not Entry.objects.exists()


def test_no_file_at_all_is_told_too(people: dict[str, Person]) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:import"), {})
    assert response.status_code == 400
    assert codes_in(response) == {"file_missing"}


BAD_PHOTOS: list[tuple[str, bytes, str]] = [
    ("a.jpg", zipped({"../../a.jpg": b"%PDF-1.7"}), "photo_not_an_image"),
    ("../../../etc/passwd", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("/etc/passwd", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("b.jpg", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("a.jpg", bomb(), "photo_too_large"),
    ("a.jpg", zipped({"a.jpg": b""}), "photo_empty"),
    ("a.jpg", zipped({"a.jpg": make_jpeg(1)[:2000]}), "photo_truncated"),
    ("a.jpg", zipped({"x/a.jpg": make_jpeg(1), "y/a.jpg": make_jpeg(2)}), "photo_missing"),
    (
        "a.jpg",
        zipped({"a.jpg": make_jpeg(1)}, zipfile.ZIP_STORED).replace(make_jpeg(1)[100:140], bytes(40)),
        "zip_damaged",
    ),
]


@pytest.mark.parametrize(("name", "pack", "code"), BAD_PHOTOS)
def test_a_photo_that_is_none_refuses_its_row(people: dict[str, Person], name: str, pack: bytes, code: str) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(1, photo=name), photos=[upload(pack, "a.zip")])
    assert code in job_shown(client, tried)


@pytest.mark.django_db(transaction=True)
def test_a_large_table_is_worked_off_in_the_background_and_says_how_far_it_is(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(230))
    waiting = job_shown(client, tried)
    assert 'hx-trigger="every 1s"' in waiting
    assert b"<html" not in client.get(tried.url, headers={"HX-Request": "true"}).content
    work_off()
    assert "Record 230 findings" in client.get(tried.url).content.decode()
    assert not Entry.objects.exists()
    client.post(f"{tried.url}take/")
    assert not Entry.objects.exists()
    work_off()
    assert re.search(r"<b>230</b>\s*recorded", client.get(tried.url).content.decode())
    assert Entry.objects.count() == 230


def work_off() -> None:
    call_command("db_worker", "--batch", "--no-startup-delay", "-v", "0")


def test_an_import_whose_worker_was_stopped_can_be_started_again(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2))
    job = jobs.read_job(tried.url.rstrip("/").rpartition("/")[2])
    stopped = jobs.replace(job, stage="taking", started=True, seen_at="2021-01-18T04:00:00+00:00")
    jobs.save(stopped)
    assert "Start again" in client.get(tried.url).content.decode()
    client.post(f"{tried.url}take/")
    assert Entry.objects.count() == 2


def test_an_import_is_its_senders_alone(people: dict[str, Person]) -> None:
    tried = send(browse(people["inspector"]), HEAD + rows(1))
    other = browse(people["supervisor"])
    assert other.get(tried.url).status_code == 404
    assert other.post(f"{tried.url}take/").status_code == 404
    assert other.get(f"{tried.url}refused.csv").status_code == 404
    assert browse(people["inspector"]).get(reverse("ledger:import_job", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_who_lost_the_role_meanwhile_records_nothing(people: dict[str, Person]) -> None:
    person = make_person("leaving", "inspector")
    tried = send(browse(person), HEAD + rows(230))
    person.roles.all().delete()
    work_off()
    job = jobs.read_job(tried.url.rstrip("/").rpartition("/")[2])
    assert (job.stage, job.error["code"]) == ("failed", "not_allowed")


@pytest.mark.parametrize("name", ["import_csv_template", "import_xlsx_template"])
def test_the_template_names_the_columns_and_its_example_is_never_recorded(people: dict[str, Person], name: str) -> None:
    client = browse(people["inspector"])
    template = page_of(client, name)
    ending = "xlsx" if "xlsx" in name else "csv"
    tried = send(client, template.content, f"findings.{ending}")
    assert "example_row" in job_shown(client, tried)
    if ending == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(template.content))["findings"]
        lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
        assert lists["E2:E5000"].startswith("lists!")
        assert "gcj02" in lists["D2:D5000"]
