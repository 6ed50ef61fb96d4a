"""The superior's record of looks, the person's own page and its corrections, certificates, and figures taken away."""

import csv
import io
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult
from hypothesis import given
from hypothesis import strategies as st
from tests.outbreak.protection.building import (
    COMMUNITY,
    FACTS,
    HERE,
    OFFICE,
    THERE,
    make_file,
    make_full,
    make_look,
    make_task,
)

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.core.sealed_text import open_text
from duban.demo.builders import NOON, make_person
from duban.outbreak.care.links import make_link
from duban.outbreak.casefiles.identity import facts_of, masked
from duban.outbreak.models import CaseFile, Correction, Deletion, Look
from duban.outbreak.protection import daily, deletion_pages, statistics
from duban.outbreak.protection.corrections import answer_correction, ask_correction
from duban.outbreak.protection.looks import Wanted, acts_for, review_look
from duban.outbreak.protection.statistics import Row, age_band, export_statistics, suppressed, telling
from duban.outbreak.protection.visibility import open_file

pytestmark = pytest.mark.django_db
WHY: dict[str, Any] = {"ground": "order", "purpose": "核对住处"}


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    settings.DUBAN_DATA = tmp_path
    cache.clear()


def client_of(person: Person | None = None) -> Client:
    client = Client(headers={"accept-language": "en"})
    if person is not None:
        client.force_login(person)
    return client


def words(answer: Any) -> str:
    return answer.content.decode()


# ---- the superior's record ------------------------------------------------------------------------------------------


def odd(person: Person, **wanted: Any) -> list[tuple[str, ...]]:
    return [act.odd for act in acts_for(person, Wanted(**wanted))[0]]


def test_what_is_odd_about_a_look() -> None:
    leader, file = make_person("l", "leader", OFFICE), make_file(NOON)
    make_task(file, NOON)
    mine = {"username": "o", "by": {"username": "o", "name": "o", "roles": [["health_officer", HERE]]}}
    make_look(file, NOON, **mine)
    assert odd(leader) == [()]
    Look.objects.all().delete()
    for hour, marks in ((13, ()), (14, ("night",)), (21, ("night", "nothing_due")), (22, ("nothing_due",))):
        make_look(file, NOON.replace(hour=hour, minute=0), **mine)
        assert odd(leader) == [marks], hour
        Look.objects.all().delete()
    make_look(file, NOON, username="x", by={"roles": [["health_officer", THERE]]})
    assert odd(leader) == [("elsewhere",)]
    Look.objects.all().delete()
    for minute in range(31):
        make_look(file, NOON.replace(minute=minute), **mine)
    assert set(odd(leader)) == {("many",)}
    Look.objects.first().delete()  # type: ignore[union-attr]
    assert set(odd(leader)) == {()}
    assert odd(leader, odd=True) == []


def test_a_list_that_was_opened_is_one_act() -> None:
    leader = make_person("l", "leader", HERE)
    for _number in range(3):
        make_look(make_file(NOON), NOON)
    make_look(make_file(NOON), NOON, username="other")
    acts, more = acts_for(leader, Wanted())
    assert sorted(act.people for act in acts) == [1, 3]
    assert not more
    (large,) = [act for act in acts if act.people == 3]
    assert review_look(by=leader, now=NOON, look_id=large.look.pk) == 3
    assert [act.unread for act in acts_for(leader, Wanted(unread=True))[0]] == [1]
    assert review_look(by=leader, now=NOON, look_id=large.look.pk) == 0
    assert review_look(by=leader, now=NOON, look_id=large.look.pk, undo=True) == 3


@pytest.mark.parametrize(
    ("role", "code", "username", "refusal"),
    [
        ("leader", THERE, "p", "look_not_found"),
        ("health_officer", OFFICE, "p", "look_not_found"),
        ("leader", HERE, "maker", "own_look"),
    ],
)
def test_who_may_not_tick(role: str, code: str, username: str, refusal: str) -> None:
    look = make_look(make_file(NOON), NOON)
    with pytest.raises(DubanError) as refused:
        review_look(by=make_person(username, role, code), now=NOON, look_id=look.pk)
    assert refused.value.code == refusal
    assert Look.objects.get().reviewed_at is None


def test_the_record_is_filtered_ticked_and_paged() -> None:
    client = client_of(make_person("l", "leader", OFFICE))
    assert "Nobody has looked" in words(client.get("/outbreak/looks/"))
    officer = make_person("o", "health_officer", HERE)
    file = make_file(NOON)
    open_file(by=officer, now=NOON, file_id=file.pk, **WHY)
    make_look(file, NOON - timedelta(days=1), ground="case", purpose="流调")
    page = words(client.get("/outbreak/looks/"))
    assert "核对住处" in page
    assert "流调" in page
    assert file.number in page
    assert FACTS.name not in page
    assert "流调" not in words(client.get("/outbreak/looks/?person=o"))
    assert "流调" not in words(client.get(f"/outbreak/looks/?day={NOON.date()}"))
    assert "核对住处" not in words(client.get("/outbreak/looks/?ground=case"))
    assert "nothing was due" in words(client.get("/outbreak/looks/?odd=1"))
    look = Look.objects.get(username="o")
    answer = client.post(f"/outbreak/looks/{look.pk}/review/", {"here": "/outbreak/looks/?person=o"}, follow=True)
    assert answer.redirect_chain[0][0] == "/outbreak/looks/?person=o"
    assert "undo" in words(answer)
    answer = client.post(f"/outbreak/looks/{look.pk}/review/", {"here": "https://example.org/", "undo": "1"})
    assert answer.headers["location"] == "/outbreak/looks/"
    for strange in ("?day=2021-13-45", "?from=-1", "?from=9999999999", "?ground=x&person=%00", "?day=x"):
        assert client.get(f"/outbreak/looks/{strange}").status_code == 200, strange


def test_the_record_asks_as_often_for_one_as_for_many() -> None:
    client, counts = client_of(make_person("l", "leader", OFFICE)), []
    for number in (1, 30):
        for at in range(number):
            make_look(make_file(NOON), NOON + timedelta(minutes=at), username=f"u{at % 3}")
        client.get("/outbreak/looks/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/outbreak/looks/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


# ---- the person's own page ------------------------------------------------------------------------------------------


def own_page(file: CaseFile) -> str:
    return f"/care/{make_link(by=make_person('w', 'community_worker', COMMUNITY), now=NOON, file_id=file.pk)}/mine/"


def opened(**changes: Any) -> CaseFile:
    file = make_full(NOON, **changes)
    file.links.all().delete()
    file.releases.all().delete()
    return file


def test_what_is_held_is_masked_until_the_last_digits_are_known() -> None:
    file = opened()
    address, client = own_page(file), client_of()
    page = client.get(address)
    said = words(page)
    hidden = masked(FACTS)
    assert page.headers["cache-control"] == "no-store"
    for name in ("name", "id_number", "phone", "stay_address"):
        assert getattr(FACTS, name) not in said
        assert getattr(hidden, name) in said
    assert "说明" not in said
    wrong = client.post(f"{address}whole/", {"digits": "0000"})
    assert (wrong.status_code, FACTS.name in words(wrong)) == (400, False)
    for digits in (FACTS.phone[-4:], FACTS.id_number[-4:].lower()):
        whole = words(client.post(f"{address}whole/", {"digits": digits}))
        assert all(getattr(FACTS, name) in whole for name in vars(FACTS))
        assert "说明" in whole
    assert FACTS.name not in words(client.get(address))


def test_digits_are_not_guessed() -> None:
    address, client = own_page(opened()), client_of()
    for number in range(5):
        assert client.post(f"{address}whole/", {"digits": f"{number:04}"}).status_code == 400
    refused = client.post(f"{address}whole/", {"digits": FACTS.phone[-4:]})
    assert (refused.status_code, FACTS.name in words(refused)) == (429, False)


def test_the_person_reads_who_looked_by_role_and_office_and_no_name() -> None:
    file = opened()
    officer = make_person("officer-wang", "health_officer", OFFICE)
    Person.objects.filter(pk=officer.pk).update(name="王某某")
    officer.refresh_from_db()
    open_file(by=officer, now=NOON, file_id=file.pk, **WHY)
    said = words(client_of().get(own_page(file)))
    assert "health officer" in said
    assert "核对住处" in said
    assert "王某某" not in said
    assert "officer-wang" not in said
    assert "做事的人" not in said


def test_a_correction_is_asked_answered_and_read() -> None:
    file = opened()
    file.corrections.all().delete()
    address, client = own_page(file), client_of()
    said = "我的名字写错了，应该是欧阳秀文"
    for _twice in range(2):
        answer = client.post(f"{address}correct/", {"words": said}, follow=True)
        assert "the answer will stand here" in words(answer)
    row = Correction.objects.get()
    assert said.encode() not in bytes(row.sealed)
    officer = make_person("o", "health_officer", HERE)
    desk = client_of(officer)
    assert file.number in words(desk.get("/outbreak/corrections/"))
    page = words(desk.get(f"/outbreak/corrections/{row.pk}/"))
    assert said in page
    assert FACTS.name not in page
    refused = desk.post(f"/outbreak/corrections/{row.pk}/", {"made": "1", "answer": " ", "name": "欧阳秀文"})
    assert refused.status_code == 400
    assert "words_missing" in words(refused)
    assert facts_of(CaseFile.objects.get(pk=file.pk)) == FACTS
    done = desk.post(
        f"/outbreak/corrections/{row.pk}/", {"made": "1", "answer": "已改正", "name": "欧阳秀文"}, follow=True
    )
    assert done.status_code == 200
    told = facts_of(CaseFile.objects.get(pk=file.pk))
    assert (told.name, told.phone, told.id_number) == ("欧阳秀文", FACTS.phone, FACTS.id_number)
    assert "已改正" in words(client.get(address))
    again = desk.post(f"/outbreak/corrections/{row.pk}/", {"made": "0", "answer": "不改了"})
    assert again.status_code == 409
    assert said not in str(list(AuditRecord.objects.values()))
    assert "欧阳" not in str(list(AuditRecord.objects.values()))


def test_a_refusal_changes_nothing_and_says_why() -> None:
    file, officer = make_file(NOON), make_person("o", "health_officer", OFFICE)
    row = ask_correction(now=NOON, file=file, words="地址不对")
    answer_correction(
        by=officer, now=NOON, correction_id=row.pk, made=False, answer="查过，无误", changes={"name": "别人"}
    )
    row.refresh_from_db()
    assert row.answer is not None
    assert (row.state, open_text(row.answer)) == ("refused", "查过，无误")
    assert facts_of(CaseFile.objects.get()) == FACTS


@pytest.mark.parametrize(
    ("role", "code"), [("community_worker", COMMUNITY), ("leader", OFFICE), ("health_officer", THERE)]
)
def test_corrections_are_the_office_s_and_the_town_s(role: str, code: str) -> None:
    row = ask_correction(now=NOON, file=make_file(NOON), words="地址不对")
    with pytest.raises(DubanError) as refusal:
        answer_correction(by=make_person("p", role, code), now=NOON, correction_id=row.pk, made=True, answer="已改正")
    assert refusal.value.code == "correction_not_found"


def test_nobody_floods_the_office() -> None:
    file = make_file(NOON)
    for number in range(5):
        ask_correction(now=NOON, file=file, words=f"第{number}处写错了")
    with pytest.raises(DubanError) as refusal:
        ask_correction(now=NOON, file=file, words="还有一处写错了")
    assert refusal.value.code == "too_many_corrections"
    for wrong in ("", "短", "x" * 501, "坏\x00字符字符"):
        with pytest.raises(DubanError) as refusal:
            ask_correction(now=NOON, file=file, words=wrong)
        assert refusal.value.code == "words_missing"


# ---- certificates ---------------------------------------------------------------------------------------------------


def test_an_administrator_sees_what_is_due_deletes_it_and_prints_the_certificate() -> None:
    end = NOON - timedelta(days=20)
    for number in range(3):
        make_full(end, state="released", released_at=end, stay=COMMUNITY if number else HERE)
    make_file(end, ends_on=end.date())
    client = client_of(make_person("a", "administrator", OFFICE))
    page = words(client.get("/outbreak/deletions/"))
    assert "Delete it now" in page
    assert "never deleted by rule" in page
    assert "Delete it now" not in words(client_of(make_person("l", "leader", OFFICE)).get("/outbreak/deletions/"))
    answer = client.post("/outbreak/deletions/run/", follow=True)
    row = Deletion.objects.get()
    assert row.number in words(answer)
    assert "3 files were deleted" in words(answer)
    pdf = client.get(f"/outbreak/deletions/{row.pk}/certificate.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert "Nothing was due" in words(client.post("/outbreak/deletions/run/", follow=True))
    Deletion.objects.update(counts={HERE: {"people": 2}})
    assert "altered" in words(client.get(f"/outbreak/deletions/{row.pk}/"))
    elsewhere = client_of(make_person("x", "administrator", "110105"))
    assert elsewhere.get(f"/outbreak/deletions/{row.pk}/").status_code == 404


def test_much_is_left_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion_pages, "AT_ONCE", 0)
    make_file(NOON, state="closed", closed_at=NOON - timedelta(days=30), opened_at=NOON - timedelta(days=30))
    client = client_of(make_person("a", "administrator", OFFICE))
    assert "The worker deletes it" in words(client.post("/outbreak/deletions/run/", follow=True))
    assert CaseFile.objects.count() == 1
    waiting = DBTaskResult.objects.get()
    daily.delete_later.func(*waiting.args_kwargs["args"])
    assert CaseFile.objects.count() == 0
    assert Deletion.objects.get().by["username"] == "a"


def test_the_worker_deletes_every_night_and_sets_down_the_next_once() -> None:
    make_file(NOON, state="closed", closed_at=NOON - timedelta(days=15), opened_at=NOON - timedelta(days=30))
    daily.set_daily(now=NOON)
    daily.set_daily(now=NOON)
    assert DBTaskResult.objects.count() == 1
    daily.delete_daily.func()
    assert CaseFile.objects.count() == 0
    assert DBTaskResult.objects.count() == 1
    assert daily.next_night(datetime(2021, 1, 18, 19, 29, tzinfo=UTC)) == datetime(2021, 1, 18, 19, 30, tzinfo=UTC)
    assert daily.next_night(datetime(2021, 1, 18, 19, 30, tzinfo=UTC)) == datetime(2021, 1, 19, 19, 30, tzinfo=UTC)


# ---- for statistics -------------------------------------------------------------------------------------------------

COMBINATIONS = [
    Row(place, age, week, measure, days)
    for place in (HERE, THERE, "110105001")
    for age in ("", "0-17", "80+")
    for week in ("2021-01-04", "2021-01-11", "2021-02-01")
    for measure in ("", "home")
    for days in (None, 3)
]
ROWS = st.lists(st.sampled_from(COMBINATIONS), max_size=120)


@given(rows=ROWS, few=st.integers(2, 12))
def test_no_combination_below_the_bound_is_ever_told(rows: list[Row], few: int) -> None:
    told = suppressed(rows, few)
    counts = Counter(telling(row) for row in told)
    assert all(number >= few for number in counts.values())
    assert len(told) <= len(rows)
    # Two districts are told apart to the last; of each fewer than the bound are left out.
    assert len(rows) - len(told) < 2 * few
    # What is told is as it was, or coarser; the other columns go with their row.
    assert Counter(row.days_to_reached for row in told) <= Counter(row.days_to_reached for row in rows)
    fine = Counter(telling(row) for row in rows)
    for combination, number in fine.items():
        if number >= few:
            assert counts[combination] >= number


@given(born=st.dates(date(1900, 1, 1), date(2021, 1, 18)))
def test_age_bands_hold_every_age(born: date) -> None:
    band = age_band(born.isoformat(), date(2021, 1, 18))
    assert band in {"0-17", "18-39", "40-59", "60-79", "80+"}
    assert age_band("", date(2021, 1, 18)) == age_band("2021-02-01", date(2021, 1, 18)) == ""


def take_away(by: Person, **changes: Any) -> statistics.Exported:
    period = {"first": NOON.date() - timedelta(days=30), "last": NOON.date(), "form": "csv"}
    return export_statistics(**{"by": by, "now": NOON, **period, **WHY, **changes})


def test_figures_taken_away_name_nobody_and_stand_on_the_record() -> None:
    officer = make_person("o", "health_officer", OFFICE)
    for number in range(12):
        make_file(NOON, measure="home", reached_at=NOON + timedelta(days=number % 2))
    for town in (THERE, HERE):
        make_file(NOON, measure="test", town=town, stay=town)
    made = take_away(officer)
    rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert (made.people, made.left_out, len(rows)) == (12, 2, 12)
    assert Counter(row["place"] for row in rows) == {HERE: 12}
    assert Counter(row["days_to_reached"] for row in rows) == {"0": 6, "1": 6}
    text = made.data.decode("utf-8-sig")
    assert not any(
        value and value in text for value in (*vars(FACTS).values(), *CaseFile.objects.values_list("number", flat=True))
    )
    table = pq.read_table(io.BytesIO(take_away(officer, form="parquet").data))
    assert table.num_rows == 12
    record = AuditRecord.objects.filter(action="export_statistics").order_by("pk")[0]
    assert record.detail["people"] == 12
    assert record.detail["ground"] == "order"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"ground": ""}, "ground_missing"),
        ({"purpose": "找欧阳修文的统计"}, "purpose_with_name"),
        ({"form": "xls"}, "unknown_form"),
        ({"last": date(2020, 1, 1)}, "bad_period"),
    ],
)
def test_what_is_not_taken_away(changes: dict[str, Any], refusal: str) -> None:
    make_file(NOON)
    with pytest.raises(DubanError) as refused:
        take_away(make_person("o", "health_officer", OFFICE), **changes)
    assert refused.value.code == refusal
    assert not AuditRecord.objects.filter(action="export_statistics").exists()


def test_the_page_hands_the_file_over() -> None:
    client = client_of(make_person("o", "health_officer", OFFICE))
    assert client.get("/outbreak/files/export/").status_code == 200
    sent = {"first": "2021-01-01", "last": "2021-01-31", "form": "parquet", **WHY}
    answer = client.post("/outbreak/files/export/", sent)
    assert answer.headers["content-disposition"] == 'attachment; filename="statistics-2021-01-01-2021-01-31.parquet"'
    assert pq.read_table(io.BytesIO(answer.content)).column_names == list(statistics.COLUMNS)
    assert client.post("/outbreak/files/export/", sent | {"ground": ""}).status_code == 400
    assert client_of(make_person("w", "community_worker", COMMUNITY)).get("/outbreak/files/export/").status_code == 403


def test_every_page_is_there_in_both_languages() -> None:
    make_full(NOON - timedelta(days=30), state="released", released_at=NOON - timedelta(days=30))
    row = ask_correction(now=NOON, file=make_file(NOON), words="地址不对")
    client = client_of(make_person("a", "leader", OFFICE))
    for language in ("en", "zh-hans"):
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        for address in ("looks/", "deletions/"):
            assert client.get(f"/outbreak/{address}").status_code == 200
    officer = client_of(make_person("o", "health_officer", OFFICE))
    assert officer.get(f"/outbreak/corrections/{row.pk}/").status_code == 200
    assert officer.get(f"/outbreak/corrections/{uuid.uuid4()}/").status_code == 404
