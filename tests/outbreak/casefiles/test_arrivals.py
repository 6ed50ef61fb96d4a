"""Hand-over lists as they come: each row judged, mended only without doubt, good ones kept, bad ones handed back."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.outbreak.casefiles.building import (
    DISTRICT,
    GOOD,
    NOW,
    OTHER,
    TOWN,
    all_rows,
    declare,
    draft,
    exposure,
    load_units,
    open_them,
    table,
)
from tests.outbreak.people import at, id_number

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import make_person
from duban.ledger import jobs
from duban.outbreak.casefiles.arrivals import moment_of
from duban.outbreak.casefiles.handover import Taken, import_arrivals, order_for, read_handover
from duban.outbreak.casefiles.identity import facts_of
from duban.outbreak.models import CaseExposure, CaseFile, Handover

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(db: None) -> Person:
    load_units()
    return make_person("officer", "health_officer", DISTRICT)


@pytest.fixture
def order(officer: Person) -> str:
    return declare(officer)


def take(officer: Person, order: str, *rows: dict[str, str], **changes: Any) -> Taken:
    facts = {"now": NOW, "data": table(*rows), "name": "a.csv"} | changes
    return import_arrivals(by=officer, order=order, **facts)


def judged(officer: Person, order: str, **changes: str) -> Any:
    """What is made of one row: the arrival, or the code of its refusal."""
    read = read_handover(by=officer, now=NOW, data=table(changes), name="a.csv", order=order_for(officer, order))
    return read.good[0] if read.good else read.refused[0][1].code


# ---- a row ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id_number": id_number(1)[:17] + "0"}, "bad_id_number"),
        ({"id_number": "110112198002300013"}, "bad_id_number"),
        ({"id_number": "", "phone": ""}, "nobody_named"),
        ({"id_number": "无", "phone": "12"}, "bad_phone"),
        ({"id_number": "", "phone": "1380000001"}, "bad_phone"),
        ({"name": ""}, "name_missing"),
        ({"name": "张3"}, "bad_name"),
        ({"left_area_at": "", "arrived_at": ""}, "left_missing"),
        ({"left_area_at": "一月中旬"}, "bad_date"),
        ({"left_area_at": "3/4/2021"}, "bad_date"),
        ({"left_area_at": "1月18日"}, "bad_date"),
        ({"arrived_at": "2021-01-17"}, "arrived_before_left"),
        ({"left_area_at": "2021-01-21", "arrived_at": ""}, "in_the_future"),
        ({"arrived_at": "2021-05-01"}, "in_the_future"),
        ({"left_area_at": "2021-01-02"}, "left_before_window"),
        ({"stay_jurisdiction": "110115012"}, "stay_elsewhere"),
    ],
)
def test_what_is_refused(officer: Person, order: str, changes: dict[str, str], code: str) -> None:
    assert judged(officer, order, **changes) == code


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({}, ()),
        ({"id_number": GOOD["phone"], "phone": GOOD["id_number"]}, ("swapped",)),
        ({"name": GOOD["phone"], "phone": GOOD["name"]}, ("swapped",)),
        ({"name": GOOD["id_number"], "id_number": GOOD["phone"], "phone": GOOD["name"]}, ("swapped",)),
        ({"phone": "12345"}, ("phone_unreadable",)),
        ({"left_area_at": ""}, ("left_unknown",)),
        ({"stay_jurisdiction": ""}, ("stay_unknown",)),
        ({"stay_jurisdiction": "某镇"}, ("stay_unknown",)),
        ({"stay_jurisdiction": "漷县镇"}, ()),
        ({"stay_jurisdiction": f"{TOWN}000"}, ()),
        ({"stay_jurisdiction": f"{TOWN}999"}, ()),
        ({"phone": "＋８６ １３８-0000-0001", "id_number": GOOD["id_number"].lower()}, ()),
        ({"left_area_at": "2021-01-18", "arrived_at": "2021-01-18 08:00"}, ()),
        ({"arrived_at": ""}, ()),
    ],
)
def test_what_is_taken_and_what_is_mended(
    officer: Person, order: str, changes: dict[str, str], notes: tuple[str, ...]
) -> None:
    found = judged(officer, order, **changes)
    assert found.notes == notes
    assert (found.draft.facts.name, found.draft.facts.id_number) == (GOOD["name"], GOOD["id_number"])
    assert found.draft.town == (DISTRICT if "stay_unknown" in notes else TOWN)
    last = at(18, 12) if "left_unknown" in notes else found.draft.exposures[0].last
    assert found.draft.exposures[0].last == last


@pytest.mark.parametrize(
    "text",
    ["2021-01-18", "2021/1/18", "2021年1月18日", "2021.1.18", "20210118", "44214", "18/1/2021", "1/18/2021",
     "２０２１－０１－１８", "2021-01-18T00:00:00+08:00", " 2021年01月18日 00时00分 "],
)  # fmt: skip
def test_a_day_in_every_shape_is_the_same_day(text: str) -> None:
    assert moment_of(text) == at(18, 0)


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.dates(), st.datetimes()))
@settings(max_examples=150, deadline=None)
def test_no_cell_breaks_the_reading_of_dates(value: Any) -> None:
    moment = moment_of(value)
    assert moment is None or moment.tzinfo is not None


# ---- a list ---------------------------------------------------------------------------------------------------------


ROWS = (
    {},
    {},
    {"id_number": "", "left_area_at": "2021-01-18 10:00"},
    {"id_number": id_number(2), "name": "李四"},
    {"id_number": id_number(2), "name": "王五"},
    {"id_number": id_number(3)[:17] + ("0" if id_number(3)[17] != "0" else "1")},
    {"id_number": id_number(4), "name": "赵六", "phone": "", "stay_jurisdiction": "不详"},
)


def test_good_rows_are_kept_and_the_sums_agree(officer: Person, order: str) -> None:
    done = take(officer, order, *ROWS)
    assert (done.read, done.taken, done.updated, done.unchanged) == (7, 3, 1, 1)
    assert [(row.number, refusal.code) for row, refusal in done.refused] == [
        (6, "id_with_other_name"),
        (7, "bad_id_number"),
    ]
    assert CaseExposure.objects.filter(basis=order).count() == 3
    assert sorted(CaseExposure.objects.values_list("last", flat=True)) == [at(18, 9), at(18, 9), at(18, 10)]
    before = all_rows()
    again = take(officer, order, *ROWS, now=NOW + timedelta(hours=1))
    assert (again.taken, again.updated, again.unchanged, len(again.refused)) == (0, 0, 5, 2)
    backwards = take(officer, order, *ROWS[::-1])
    assert (backwards.taken, backwards.updated) == (0, 0)
    assert all_rows() == before
    assert Handover.objects.count() == 2


def test_a_list_without_faults_that_came_is_not_read_again(officer: Person, order: str) -> None:
    take(officer, order, {})
    CaseFile.objects.update(state="closed")
    again = take(officer, order, {})
    assert (again.read, again.unchanged, CaseFile.objects.count()) == (1, 1, 1)


def test_who_has_a_file_gets_the_exposure_there(officer: Person, order: str) -> None:
    file = open_them(officer, draft(id_number=GOOD["id_number"], exposures=(exposure("earlier"),))).files[0]
    done = take(officer, order, {"phone": "13800000009"})
    assert (done.taken, done.updated) == (0, 1)
    assert set(file.exposures.values_list("basis", flat=True)) == {"earlier", order}
    file.refresh_from_db()
    assert facts_of(file).phone == "13800000009"


def test_a_town_takes_its_own_alone(order: str) -> None:
    town = make_person("town", "health_officer", TOWN)
    done = take(
        town,
        order,
        {},
        {"id_number": id_number(2), "stay_jurisdiction": OTHER},
        {"id_number": id_number(3), "stay_jurisdiction": ""},
    )
    assert [refusal.code for _row, refusal in done.refused] == ["stay_elsewhere"]
    assert set(CaseFile.objects.values_list("town", flat=True)) == {TOWN}


@pytest.mark.parametrize("role", ["community_worker", "supervisor", "leader", "inspector"])
def test_others_take_nothing_in(order: str, role: str) -> None:
    with pytest.raises(DubanError) as refusal:
        take(make_person("other", role, DISTRICT), order, {})
    assert refusal.value.code == "order_not_found"


def test_an_order_that_is_over_or_unknown_takes_nothing(officer: Person, order: str) -> None:
    declare(officer, measure="home")
    for number in (order, "no such"):
        with pytest.raises(DubanError) as refusal:
            take(officer, number, {})
        assert refusal.value.code == "order_not_found"


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_command_tells_and_hands_back(
    officer: Person, order: str, tmp_path: Path, suffix: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    file = tmp_path / f"list.{suffix}"
    if suffix == "csv":
        file.write_bytes(table(*ROWS))
    else:
        book = openpyxl.Workbook()
        book.active.append(["姓名", "身份证号", "手机号", "来源地", "离开时间", "到达时间", "现住址", "街道乡镇"])
        for row in ROWS:
            book.active.append(list((GOOD | row).values()))
        book.save(file)
    call_command("import_arrivals", str(file), "--order", order, "--by", "officer", "--json")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: told[name] for name in ("taken", "updated", "unchanged", "refused")} == {
        "taken": 3, "updated": 1, "unchanged": 1, "refused": 2,
    }  # fmt: skip
    assert told["report"] == str(tmp_path / "list.refused.csv")
    back = list(csv.DictReader(io.StringIO(Path(told["report"]).read_text(encoding="utf-8-sig"))))
    assert [row["reason"].partition(":")[0] for row in back] == ["id_with_other_name", "bad_id_number"]


# ---- from the browser -----------------------------------------------------------------------------------------------


@pytest.fixture
def desk(officer: Person, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    client.force_login(officer)
    return client


def send(desk: Client, order: str, *rows: dict[str, str]) -> str:
    file = SimpleUploadedFile("名单.csv", table(*rows))
    answer = desk.post("/outbreak/files/import/", {"order": order, "file": file})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def test_a_list_is_seen_before_it_is_taken_and_lies_nowhere_in_clear(desk: Client, order: str) -> None:
    address = send(desk, order, *ROWS)
    assert not CaseFile.objects.exists()
    page = desk.get(address).content.decode()
    assert "张**" in page
    assert GOOD["id_number"] not in page
    folder = jobs.imports_folder() / address.rstrip("/").rpartition("/")[2]
    told = b"".join(path.read_bytes() for path in folder.iterdir())
    assert GOOD["id_number"].encode() not in told
    assert "张三".encode() not in told
    desk.post(f"{address}take/")
    desk.post(f"{address}take/")
    assert CaseFile.objects.count() == 3
    assert not (folder / "table").exists()
    refused = desk.get(f"{address}refused.csv").content.decode("utf-8-sig")
    assert [line.partition(",")[0] for line in refused.splitlines()[1:]] == ["王五", "张三"]
    assert "id_with_other_name" in desk.get(address).content.decode()


def test_what_is_no_list_is_said_so(desk: Client, order: str) -> None:
    for data, word in ((b"a,b\n1,2", "columns_missing"), (b"", "file_empty")):
        file = SimpleUploadedFile("a.csv", data or b" ")
        answer = desk.post("/outbreak/files/import/", {"order": order, "file": file}, follow=True)
        assert word in answer.content.decode()
    answer = desk.post("/outbreak/files/import/", {"order": "none"})
    assert answer.status_code == 400
