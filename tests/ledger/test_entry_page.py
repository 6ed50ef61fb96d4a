"""One entry's page and the way to it: who may open what, which steps are offered, and how a refused one comes back."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.ledger.conftest import LATER
from tests.ledger.pages import HERE, RECORDS, ROLES, SEES, SENDS, TRIAGES, MakeEntry, browse, codes_in, page_of, upload
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.demo.builders import make_jpeg, make_photo
from duban.ledger import actions, queries, uploads
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Entry, EntryPhoto, Event
from duban.places import queries as places

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


def test_merge_offers_the_open_entries_near_by(people: dict[str, Person], entry_in: MakeEntry) -> None:
    one, two = entry_in("found"), entry_in("listed")
    shown = page_of(browse(people["supervisor"]), "entry", one.pk).content.decode()
    assert f'name="into" value="{two.pk}"' in shown
    response = take(browse(people["supervisor"]), one, "merge", into=str(two.pk))
    assert response.status_code == 302
    assert Entry.objects.get(pk=one.pk).merged_into_id == two.pk
