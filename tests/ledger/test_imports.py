"""Findings from files: good ones once, bad ones named by row and column, nothing half written."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import shapely
from django.core.management import call_command

from duban.access.models import Person
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.tables import parse_moment
from duban.demo.builders import NOON, make_jpeg
from duban.evidence.models import Photo
from duban.ledger import history
from duban.ledger.imports import Folder, import_findings
from duban.ledger.models import Entry, EntryPhoto
from duban.places.actions import load_layer
from duban.places.files import LayerFeatures

NOW = NOON + timedelta(days=1)
HEAD = ["found_at", "lon", "lat", "datum", "category", "description", "photo", "external_id"]
GOOD = ["2021-01-18 09:30", "116.8", "39.8", "wgs84", "06010", "垃圾", "", "A1"]


def table(*rows: list[str], head: list[str] = HEAD) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode()


def changed(**cells: str) -> list[str]:
    return [cells.get(column, cell) for column, cell in zip(HEAD, GOOD, strict=True)]


def test_a_file_read_twice_adds_nothing_and_a_late_photo_updates(people: dict[str, Person], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(1))
    data = table(
        GOOD, changed(external_id="A2", category="暴露垃圾"), changed(external_id="", category="exposed rubbish")
    )
    kwargs = {"by": people["inspector"], "now": NOW, "name": "f.csv", "photos": Folder(tmp_path)}
    first = import_findings(data=data, **kwargs)
    again = import_findings(data=data, **kwargs)
    assert (first.taken, first.updated, first.unchanged, first.refused) == (3, 0, 0, [])
    assert (again.taken, again.updated, again.unchanged) == (0, 0, 3)
    late = import_findings(data=table(changed(photo="a.jpg")), **kwargs)
    assert (late.taken, late.updated, late.unchanged) == (0, 1, 0)
    assert EntryPhoto.objects.count() == 1
    assert Entry.objects.order_by("number").first().found_at.isoformat() == "2021-01-18T01:30:00+00:00"
    assert list(history.verify_events()) == []


def test_excel_and_gbk_files_are_read_as_offices_save_them(people: dict[str, Person], tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    book.active.append([NOON.replace(tzinfo=None), 116.8, 39.8, "WGS-84", 6010, "垃圾", None, 17])
    file = io.BytesIO()
    book.save(file)
    kwargs = {"by": people["inspector"], "now": NOW, "photos": Folder(tmp_path)}
    assert import_findings(data=file.getvalue(), name="f.xlsx", **kwargs).taken == 1
    gbk = table(changed(external_id="B1", datum="GCJ-02")).decode().encode("gbk")
    assert import_findings(data=gbk, name="f.csv", **kwargs).taken == 1
    shifted = Entry.objects.get(datum_in="gcj02")
    assert 200 < abs(shifted.lon - 116.8) * 85_300 < 900


BAD_ROWS = [
    ({"found_at": ""}, "time_missing", "found_at"),
    ({"found_at": "昨天"}, "bad_time", "found_at"),
    ({"found_at": "2021-02-30 09:00"}, "bad_time", "found_at"),
    ({"found_at": "2031-01-01 09:00"}, "found_in_future", "found_at"),
    ({"found_at": "1921-01-01 09:00"}, "found_too_early", "found_at"),
    ({"lon": ""}, "number_missing", "lon"),
    ({"lon": "一百"}, "bad_number", "lon"),
    ({"lon": "nan"}, "bad_number", "lon"),
    ({"lon": "116,8"}, "bad_number", "lon"),
    ({"lon": "1e999"}, "bad_longitude", "lon"),
    ({"lon": "216.8"}, "bad_longitude", "lon"),
    ({"lat": ""}, "number_missing", "lat"),
    ({"lat": "N39.8"}, "bad_number", "lat"),
    ({"lon": "39.8", "lat": "116.8"}, "bad_latitude", "lat"),
    ({"lon": "0", "lat": "0"}, "no_position", "lon"),
    ({"datum": ""}, "datum_missing", "datum"),
    ({"datum": "CGCS2000"}, "unknown_datum", "datum"),
    ({"category": ""}, "category_missing", "category"),
    ({"category": "99999"}, "unknown_category", "category"),
    ({"category": "垃圾山"}, "unknown_category", "category"),
    ({"description": "长" * 2001}, "description_too_long", "description"),
    ({"photo": "gone.jpg"}, "photo_missing", "photo"),
    ({"photo": "../outside.jpg"}, "photo_missing", "photo"),
    ({"photo": "/etc/hostname"}, "photo_missing", "photo"),
    ({"photo": "长" * 300 + ".jpg"}, "photo_missing", "photo"),
    ({"photo": "letter.jpg"}, "photo_not_an_image", "photo"),
    ({"photo": "empty.jpg"}, "photo_empty", "photo"),
    ({"photo": "cut.jpg"}, "photo_truncated", "photo"),
    ({"external_id": "x" * 201}, "external_id_too_long", "external_id"),
    ({"external_id": "A1", "description": "另一处"}, "finding_conflict", "external_id"),
]


@pytest.mark.parametrize(("cells", "code", "field"), BAD_ROWS)
def test_a_bad_row_is_named_and_refuses_the_file_unless_the_good_are_wanted(
    cells: dict[str, str], code: str, field: str, people: dict[str, Person], tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "outside.jpg").write_bytes(make_jpeg(3))
    (folder / "letter.jpg").write_bytes(b"%PDF-1.7\n%%EOF")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(make_jpeg(4)[:-400])
    bad = changed(**({"external_id": "A2"} | cells))
    kwargs = {"by": people["inspector"], "now": NOW, "name": "f.csv", "photos": Folder(folder)}
    done = import_findings(data=table(GOOD, bad), **kwargs)
    assert [(row.number, refusal.code, refusal.field) for row, refusal in done.refused] == [(3, code, field)]
    assert (done.taken, Entry.objects.count(), Photo.objects.count()) == (0, 0, 0)
    kept = import_findings(data=table(GOOD, bad), keep_good=True, **kwargs)
    assert (kept.taken, len(kept.refused), Entry.objects.count()) == (1, 1, 1)


def test_all_bad_rows_are_named_at_once(people: dict[str, Person], tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(make_jpeg(4)[:-400])
    (tmp_path / "good.jpg").write_bytes(make_jpeg(5))
    rows = [
        changed(photo="good.jpg"),
        changed(external_id="A2", datum=""),
        changed(external_id="A3", photo="cut.jpg"),
        changed(description="另一处"),
    ]
    kwargs = {"by": people["inspector"], "now": NOW, "name": "f.csv", "photos": Folder(tmp_path)}
    done = import_findings(data=table(*rows), **kwargs)
    assert [(row.number, refusal.code) for row, refusal in done.refused] == [
        (3, "datum_missing"),
        (4, "photo_truncated"),
        (5, "finding_conflict"),
    ]
    assert (done.taken, Photo.objects.count()) == (0, 0)


def test_a_place_outside_every_boundary_is_refused_not_guessed(people: dict[str, Person], tmp_path: Path) -> None:
    square = shapely.box(116.7, 39.7, 116.9, 39.9)
    features = LayerFeatures(["通州区"], ["110112"], np.array([square], dtype=object))
    load_layer(by=Console(), now=NOW, name="boundaries", features=features)
    kwargs = {"by": people["inspector"], "now": NOW, "name": "f.csv", "photos": Folder(tmp_path)}
    done = import_findings(data=table(GOOD, changed(external_id="A2", lon="126.8")), keep_good=True, **kwargs)
    assert [(row.number, refusal.code) for row, refusal in done.refused] == [(3, "place_unknown")]
    assert done.taken == 1


BAD_FILES = [
    (b"", "f.csv", "file_empty"),
    (b"  \n ", "f.csv", "file_empty"),
    (b"%PDF-1.7 not a table", "f.csv", "file_not_a_table"),
    (b"PK\x03\x04 not a table", "f.csv", "file_not_a_table"),
    (b"PK\x03\x04 not a book", "f.xlsx", "file_not_a_table"),
    (b"found_at,lon\n2021-01-18,116", "f.csv", "columns_missing"),
    (table(GOOD, head=[*HEAD[:-1], "lon"]), "f.csv", "column_twice"),
    (table([*GOOD, "more"]), "f.csv", "too_many_cells"),
    (table(GOOD) + b'"open', "f.csv", "file_not_a_table"),
    ("found_at,lon,lat,datum,category\n".encode("utf-16"), "f.csv", "file_not_a_table"),
    (b"found_at,lon,lat,datum,category\n\xff\xff\xff", "f.csv", "file_encoding"),
]


@pytest.mark.parametrize(("data", "name", "code"), BAD_FILES)
def test_a_file_that_is_no_table_is_refused_whole(
    data: bytes, name: str, code: str, people: dict[str, Person], tmp_path: Path
) -> None:
    with pytest.raises(DubanError) as refusal:
        import_findings(by=people["inspector"], now=NOW, data=data, name=name, photos=Folder(tmp_path))
    assert refusal.value.code == code


def test_only_who_records_findings_imports_them(people: dict[str, Person], tmp_path: Path) -> None:
    for role in ("handler", "publisher", "leader", "health_officer", "community_worker", "administrator"):
        with pytest.raises(DubanError) as refusal:
            import_findings(by=people[role], now=NOW, data=table(GOOD), name="f.csv", photos=Folder(tmp_path))
        assert (refusal.value.code, refusal.value.status) == ("not_allowed", 403)


def test_the_command_prints_its_result_last_and_hands_back_refused_rows(
    people: dict[str, Person], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "findings.csv"
    file.write_bytes(table(GOOD, changed(external_id="=1+1", datum="")))
    with pytest.raises(SystemExit) as end:
        call_command("import_findings", str(file), by="inspector", json=True)
    said = capsys.readouterr()
    assert end.value.code == 1
    report = tmp_path / "findings.refused.csv"
    assert json.loads(said.out.splitlines()[-1]) == {
        "taken": 0, "updated": 0, "unchanged": 0, "refused": 1, "report": str(report),
    }  # fmt: skip
    assert "datum_missing: row 3" in said.err
    rows = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8-sig"))))
    assert rows[0]["external_id"] == "'=1+1"
    assert rows[0]["reason"].startswith("datum_missing")
    call_command("import_findings", str(file), by="inspector", keep_good=True)
    assert capsys.readouterr().out.splitlines()[-1] == "1"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2021-01-18 09:30", "2021-01-18T09:30:00"),
        ("2021-01-18T09:30:15+08:00", "2021-01-18T09:30:15+08:00"),
        ("2021-01-18T01:30:00Z", "2021-01-18T01:30:00+00:00"),
        ("2021/1/8 9:05", "2021-01-08T09:05:00"),
        ("2021年1月18日", "2021-01-18T00:00:00"),
        ("2021年1月18日 9时30分", "2021-01-18T09:30:00"),
        ("2021年1月18日9时", "2021-01-18T09:00:00"),
        ("2021年1月18日 9点30分20秒", "2021-01-18T09:30:20"),
        ("2021年1月18日 9:30", "2021-01-18T09:30:00"),
    ],
)
def test_times_are_read_as_offices_write_them(text: str, read: str) -> None:
    moment = parse_moment(text)
    assert moment is not None
    assert moment.isoformat() == read


@pytest.mark.parametrize("text", ["", "soon", "18.01.2021", "2021-13-01", "2021-01-18 25:00", "20210118930"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_moment(text) is None
