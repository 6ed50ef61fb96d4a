"""The store: every row judged, nobody's name in it, nothing twice or half there, and nothing left of what went."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from tests.crashing import installation, run, run_killed, run_script
from tests.outbreak.people import at, id_number, write_csv, write_parquet

from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak import people, store
from duban.outbreak.models import Alias, Identity, PresenceImport, PresencePart, PresenceSource
from duban.outbreak.presences import Taken, import_presences
from duban.outbreak.retention import drop_by_age, drop_presences
from duban.venues.actions import record_venue

LATER = at(31)


@pytest.fixture(autouse=True)
def empty_store(db: None) -> Any:
    import shutil

    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


def take(path: Path, source: str = "登记", **more: Any) -> Taken:
    report = path.with_name(f"{path.stem}.refused.csv")
    return import_presences(by=Console(), now=LATER, path=path, name=path.name, source=source, report=report, **more)


def rows() -> list[dict[str, Any]]:
    found = []
    for part in PresencePart.objects.all():
        found += pq.read_table(store.folder() / part.file).to_pylist()
    return found


def bytes_of_store() -> bytes:
    return b"".join(file.read_bytes() for file in store.folder().rglob("*") if file.is_file())


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (id_number(1), id_number(1)),
        (f" {id_number(1)[:6]} {id_number(1)[6:]} ", id_number(1)),
        ("11010519491231002x", "11010519491231002X"),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
        ("110105194912310021", ""),
        ("11010519491331002X", ""),
        ("110105491231002", ""),
        ("", ""),
    ],
)
def test_an_id_number_is_length_date_and_check_digit(text: str, normal: str) -> None:
    assert people.normal_id_number(text) == normal


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers_of_identifiers(text: str) -> None:
    assert len(people.normal_id_number(text)) in (0, 18)
    phone = people.normal_phone(text)
    assert people.normal_phone(phone) == phone


@pytest.mark.parametrize(
    "text", ["13800000001", "+86 138 0000 0001", "0086-138-0000-0001", "138-0000-0001", "１３８００００００01"]
)
def test_a_phone_is_its_digits(text: str) -> None:
    assert people.normal_phone(text) == "13800000001"


def test_the_strongest_identifier_makes_the_token_and_the_weaker_ones_its_aliases() -> None:
    tokens = people.Tokens()
    told = {"id_number": id_number(1), "phone": "13800000001", "own_id": "7"}
    person = people.identify(told, "登记", tokens)
    assert person is not None
    assert person.token == tokens.of("id_number", id_number(1)) == tokens.of_person(id_number(1))
    assert person.aliases == (tokens.of("phone", "13800000001"), tokens.of("own_id", "登记:7"))
    assert people.identify({"id_number": "坏", "name": "张三"}, "登记", tokens) is None
    other = people.identify({"own_id": "7"}, "别家", tokens)
    assert other is not None
    assert other.token not in person.aliases


def test_the_key_lies_in_the_data_folder_readable_by_its_owner_alone() -> None:
    people.Tokens()
    assert (settings.DUBAN_DATA / "keys" / "presences").stat().st_mode & 0o077 == 0


# ---- rows that are wrong --------------------------------------------------------------------------------------------

WRONG = [
    ({"phone": ""}, "no_person"),
    ({"phone": "12", "id_number": "110105194912310021"}, "no_person"),
    ({"lon": "", "lat": ""}, "no_place"),
    ({"lat": ""}, "half_position"),
    ({"lon": "abc"}, "bad_number"),
    ({"lon": "39.7", "lat": "116.32"}, "swapped"),
    ({"lon": "39.7", "lat": "80.3"}, "swapped"),
    ({"lon": "439000", "lat": "4400000"}, "out_of_range"),
    ({"lon": "0", "lat": "0"}, "zero_position"),
    ({"arrived": ""}, "no_arrival"),
    ({"arrived": "gestern"}, "bad_time"),
    ({"arrived": "1899-12-31 00:00"}, "too_long_ago"),
    ({"arrived": "2031-01-18 09:00", "departed": ""}, "in_the_future"),
    ({"departed": "2021-01-18 08:59"}, "departed_before_arrived"),
    ({"area_code": "12"}, "bad_code"),
    ({"area_code": "通州"}, "bad_code"),
    ({"venue": "店" * 201}, "venue_too_long"),
    ({"datum": "xian80"}, "unknown_datum"),
]


def test_each_bad_row_is_refused_with_its_reason_and_the_good_ones_are_kept(tmp_path: Path) -> None:
    columns = ("name", "id_number", "phone", "lon", "lat", "datum", "area_code", "venue", "arrived", "departed")
    file = write_csv(
        tmp_path / "a.csv", {}, *(changes for changes, _code in WRONG), {"phone": "13800000002"}, columns=columns
    )
    done = take(file)
    assert [(one.row, one.refusal.code) for one in done.shown] == [
        (number, code) for number, (_changes, code) in enumerate(WRONG, start=3)
    ]
    assert (done.read, done.taken, done.unchanged, done.refused) == (len(WRONG) + 2, 2, 0, len(WRONG))
    with (tmp_path / "a.refused.csv").open(encoding="utf-8-sig", newline="") as refused:
        handed_back = list(csv.DictReader(refused))
    assert [row["reason"].partition(":")[0] for row in handed_back] == [code for _changes, code in WRONG]
    assert handed_back[0]["name"] == "张三"
    assert Identity.objects.count() == 2


def test_mended_rows_sent_again_are_taken(tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", {}, {"phone": ""}))
    (tmp_path / "a.refused.csv").write_text(
        (tmp_path / "a.refused.csv").read_text(encoding="utf-8-sig").replace("张三,,,", "张三,,13800000009,")
    )
    done = take(tmp_path / "a.refused.csv")
    assert (done.taken, done.refused) == (1, 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"name,arrived\nx,y\n", "columns_missing"),
        (b"PK\x03\x04", "file_not_a_table"),
        (b"person,person,arrived\n", "column_twice"),
    ],
)
def test_a_file_that_is_no_table_of_presences(tmp_path: Path, content: bytes, code: str) -> None:
    for name in ("a.csv", "a.parquet", "a.pdf"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DubanError) as refusal:
            take(tmp_path / name)
        assert refusal.value.code == (code if name == "a.csv" else "file_not_a_table")
    assert not store.stored().rows


def test_parquet_without_a_time_zone_is_refused_by_row(tmp_path: Path) -> None:
    row = {"person": "a", "lon": 116.3, "lat": 39.7, "arrived": at(18).replace(tzinfo=None)}
    done = take(write_parquet(tmp_path / "a.parquet", [row, row], times=pa.timestamp("us")))
    assert [one.refusal.code for one in done.shown] == ["naive_time", "naive_time"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_of_any_unit_and_zone(tmp_path: Path, unit: str) -> None:
    row = {"person": "a", "lon": 116.3, "lat": 39.7, "arrived": at(18)}
    take(write_parquet(tmp_path / "a.parquet", [row], times=pa.timestamp(unit, "Asia/Shanghai")))
    assert [(one["arrived"], one["departed"]) for one in rows()] == [(at(18), None)]


def test_positions_of_another_datum_are_brought_to_wgs_84(tmp_path: Path) -> None:
    columns = ("phone", "lon", "lat", "datum", "arrived")
    file = write_csv(tmp_path / "a.csv", {"datum": "gcj02"}, {"datum": "WGS-84"}, {"datum": ""}, columns=columns)
    take(file, datum="bd09")
    gcj, wgs, bd = (
        sorted(rows(), key=lambda row: -row["lon"])[1],
        max(rows(), key=lambda row: row["lon"]),
        min(rows(), key=lambda row: row["lon"]),
    )
    assert (wgs["lon"], wgs["lat"]) == (116.32, 39.70)
    assert 0.005 < wgs["lon"] - gcj["lon"] < 0.008
    assert 0.010 < wgs["lon"] - bd["lon"] < 0.014


# ---- mapping --------------------------------------------------------------------------------------------------------


def test_common_headings_are_known_and_others_remembered_by_source(tmp_path: Path) -> None:
    columns = ("姓名", "手机号", "经度", "纬度", "到达时间")
    row = {
        "姓名": "李四",
        "手机号": "13800000003",
        "经度": "116.3",
        "纬度": "39.7",
        "到达时间": "2021年1月18日 9时30分",
    }
    assert take(write_csv(tmp_path / "a.csv", row, columns=columns)).taken == 1
    odd = ("who", "x", "y", "seen")
    row = {"who": "13800000004", "x": "116.3", "y": "39.7", "seen": "2021-01-18 09:00"}
    file = write_csv(tmp_path / "b.csv", row, columns=odd)
    with pytest.raises(DubanError) as refusal:
        take(file, "票务")
    assert refusal.value.code == "columns_missing"
    assert take(file, "票务", columns={"phone": "Who", "lon": "x", "lat": "y", "arrived": "seen"}).taken == 1
    again = write_csv(tmp_path / "c.csv", row | {"who": "13800000005"}, columns=odd)
    assert take(again, "票务").taken == 1
    assert PresenceSource.objects.get(name="票务").columns["phone"] == "Who"
    with pytest.raises(DubanError) as refusal:
        take(file, "票务", columns={"colour": "x"})
    assert refusal.value.code == "bad_mapping"


# ---- check-ins ------------------------------------------------------------------------------------------------------


def test_who_checks_in_by_a_sticker_was_at_its_venue(tmp_path: Path) -> None:
    by = make_person("inspector", "inspector", "110112")
    shop = record_venue(by=by, now=NOON, name="便民超市", kind="shop", lon=116.7, lat=39.9, jurisdiction="110112104")
    columns = ("phone", "venue", "arrived")
    given = [{"venue": shop.token}, {"venue": f"http://localhost:8000/v/{shop.token}"}, {"venue": "n" * 22}]
    take(write_csv(tmp_path / "a.csv", *given, columns=columns))
    told = sorted(((row["venue"], row["lon"], row["area_code"]) for row in rows()), key=str)
    assert told == [("n" * 22, None, None), (f"便民超市 #{shop.token[:8]}", 116.7, "110112104")]


# ---- what the store holds -------------------------------------------------------------------------------------------


def test_the_store_holds_no_name_number_or_phone_and_the_database_none_in_clear(tmp_path: Path) -> None:
    number = id_number(7)
    take(write_csv(tmp_path / "a.csv", {"name": "欧阳某某", "id_number": number, "phone": "13912345678"}))
    token = people.Tokens().of("id_number", number)
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, sealed, home FROM outbreak_identity")
        held = b"|".join(bytes(part) if not isinstance(part, str) else part.encode() for part in cursor.fetchone())
    for secret in ("欧阳某某", number, "13912345678"):
        assert secret.encode() not in bytes_of_store()
        assert secret.encode() not in held
    assert [row["person"] for row in rows()] == [token]
    assert people.facts_of(token)["name"] == "欧阳某某"
    assert not any(number in json.dumps(record.detail) for record in AuditRecord.objects.all())


def test_days_are_those_of_the_office_and_rows_are_sorted_by_cell(tmp_path: Path) -> None:
    given = [
        {"person": str(index), "lon": 116.3 + (index * 37 % 50) / 100, "lat": 39.7, "arrived": at(18, 0, 1)}
        for index in range(50)
    ]
    given.append({"person": "night", "lon": 116.3, "lat": 39.7, "arrived": at(18, 23, 59)})
    done = take(write_parquet(tmp_path / "a.parquet", given))
    assert [day.isoformat() for day in done.days] == ["2021-01-18"]
    cells = [row["cell"] for row in rows()]
    assert cells == sorted(cells)
    assert len(cells) == 51


# ---- replays and duplicates -----------------------------------------------------------------------------------------


def test_a_replay_adds_nothing_nor_do_rows_that_overlap(tmp_path: Path) -> None:
    given = [{"person": str(i), "lon": 116.3, "lat": 39.7, "arrived": at(10 + i)} for i in range(4)]
    first = take(write_parquet(tmp_path / "a.parquet", given[:3]))
    assert (first.taken, first.unchanged) == (3, 0)
    files = list(PresencePart.objects.values_list("file", flat=True))
    again = take(tmp_path / "a.parquet")
    assert (again.read, again.taken, again.unchanged) == (3, 0, 3)
    other = take(write_parquet(tmp_path / "b.parquet", [*given[1:], given[3]]), "别家")
    assert (other.read, other.taken, other.unchanged, other.refused) == (4, 1, 3, 0)
    assert set(files) < set(PresencePart.objects.values_list("file", flat=True))
    assert len(rows()) == 4


def test_two_writers_at_once_are_one_too_many(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", {})
    with store.writing(), pytest.raises(DubanError) as refusal:
        take(file)
    assert refusal.value.code == "store_busy"
    assert take(file).taken == 1


# ---- aliases --------------------------------------------------------------------------------------------------------


def test_who_gave_two_identifiers_is_found_under_both(tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", {"phone": "13800000001"}))
    take(write_csv(tmp_path / "b.csv", {"id_number": id_number(1), "phone": "13800000001", "venue": "店"}))
    phone, number = people.Tokens().of("phone", "13800000001"), people.Tokens().of("id_number", id_number(1))
    assert {row["person"] for row in rows()} == {phone, number}
    assert people.persons_of([phone, number]) == {phone: number}
    assert people.all_tokens_of([number]) == {number: number, phone: number}


def test_a_phone_that_two_people_gave_is_nobodys(tmp_path: Path) -> None:
    pair = [{"id_number": id_number(serial), "phone": "13800000001"} for serial in (1, 2)]
    take(write_csv(tmp_path / "a.csv", *pair))
    phone = people.Tokens().of("phone", "13800000001")
    assert Alias.objects.get(token=phone).shared
    assert people.persons_of([phone]) == {}
    take(write_csv(tmp_path / "b.csv", {"id_number": id_number(1), "phone": "13800000001", "venue": "店"}))
    assert Alias.objects.get(token=phone).shared


def test_a_chain_of_names_leads_to_one_person(tmp_path: Path) -> None:
    columns = ("own_id", "id_number", "phone", "lon", "lat", "arrived")
    take(write_csv(tmp_path / "a.csv", {"own_id": "7", "phone": "13800000001"}, columns=columns))
    take(write_csv(tmp_path / "b.csv", {"id_number": id_number(1)}, columns=columns))
    take(
        write_csv(tmp_path / "c.csv", {"own_id": "7", "phone": "", "id_number": id_number(1)}, columns=columns), "别家"
    )
    own, phone = people.Tokens().of("own_id", "登记:7"), people.Tokens().of("phone", "13800000001")
    number = people.Tokens().of("id_number", id_number(1))
    assert people.persons_of([own]) == {own: number, phone: number}


# ---- what goes ------------------------------------------------------------------------------------------------------


def month(tmp_path: Path) -> Path:
    given = [
        {"person": f"day{day}", "lon": 116.3, "lat": 39.7, "venue": f"VENUE{day}", "arrived": at(day)}
        for day in range(10, 16)
    ]
    return write_parquet(tmp_path / "month.parquet", given)


def test_after_a_drop_no_byte_of_those_days_remains(tmp_path: Path) -> None:
    take(month(tmp_path))
    tokens = {day: people.Tokens().of_person(f"day{day}") for day in range(10, 16)}
    gone = drop_presences(by=Console(), now=LATER, before=at(13).date())
    assert [day.day for day in gone] == [10, 11, 12]
    held = bytes_of_store()
    for day, token in tokens.items():
        for trace in (token.encode(), f"VENUE{day}".encode()):
            assert (trace in held) == (day >= 13), day
        assert Identity.objects.filter(token=token).exists() == (day >= 13)
    assert sorted(folder.name for folder in store.folder().glob("day=*")) == [
        f"day=2021-01-{day}" for day in (13, 14, 15)
    ]
    record = AuditRecord.objects.get(action="drop_presences")
    assert (record.detail["rows"], record.detail["people"], len(record.detail["days"])) == (3, 3, 3)


def test_dropped_twice_nothing_more_goes_and_what_is_sent_anew_is_taken(tmp_path: Path) -> None:
    take(month(tmp_path))
    drop_presences(by=Console(), now=LATER, before=at(13).date())
    assert drop_presences(by=Console(), now=LATER, before=at(13).date()) == []
    assert not PresenceImport.objects.exists()
    done = take(tmp_path / "month.parquet")
    assert (done.taken, done.unchanged) == (3, 3)


def test_who_stays_in_another_day_stays_known_by_every_name(tmp_path: Path) -> None:
    number = id_number(1)
    take(write_csv(tmp_path / "a.csv", {"id_number": number, "arrived": "2021-01-10 09:00", "departed": ""}))
    take(write_csv(tmp_path / "b.csv", {"arrived": "2021-01-14 09:00", "departed": ""}))
    drop_presences(by=Console(), now=LATER, before=at(12).date())
    phone = people.Tokens().of("phone", "13800000001")
    assert [row["person"] for row in rows()] == [phone]
    person = people.persons_of([phone])[phone]
    assert people.facts_of(person)["id_number"] == number
    drop_presences(by=Console(), now=LATER, before=at(20).date())
    assert not Identity.objects.exists()
    assert not Alias.objects.exists()
    assert not list(store.folder().glob("day=*"))


def test_old_days_go_by_themselves_and_it_is_noted(tmp_path: Path, settings: Any) -> None:
    settings.DUBAN_PRESENCE_DAYS = 3
    done = take(month(tmp_path))
    assert [day.day for day in done.dropped] == [10, 11, 12]
    assert {row["venue"] for row in rows()} == {"VENUE13", "VENUE14", "VENUE15"}
    assert AuditRecord.objects.filter(action="drop_presences").count() == 1
    settings.DUBAN_PRESENCE_DAYS = 0
    assert drop_by_age(by=Console(), now=LATER) == []


def test_strays_of_a_crash_are_seen_by_nobody(tmp_path: Path) -> None:
    take(month(tmp_path))
    day = next(store.folder().glob("day=2021-01-10"))
    for file in list(day.iterdir()):
        (day / f"f{file.name[1:]}").write_bytes(file.read_bytes())
    with store.reading() as there:
        assert there.rows == 6
    assert len(list(day.iterdir())) == 2


# ---- crashes --------------------------------------------------------------------------------------------------------

POINTS = [
    "duban.outbreak.store:sorted_parts:1:before",
    "duban.outbreak.store:sorted_parts:1:after",
    "duban.outbreak.store:put_in_place:1:after",
    "duban.outbreak.presences:_record:1:after",
]


@pytest.fixture(scope="module")
def shared(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with installation(tmp_path_factory.mktemp("presences")) as environment:
        yield environment


@pytest.fixture
def environment(shared: dict[str, str]) -> Iterator[dict[str, str]]:
    """An installation that begins, and is left, with no presence and no person."""
    yield shared
    run(shared, "drop_presences", "--before", "2021-02-01")
    assert stored(shared) == []
    assert run_script(shared, LEFT) == [0]


LEFT = """
from duban.outbreak.models import Alias, Identity, PresenceImport, PresencePart
print(sum(kind.objects.count() for kind in (Alias, Identity, PresenceImport, PresencePart)))
"""


def stored(environment: dict[str, str]) -> list[Path]:
    return list((Path(environment["DUBAN_DATA"]) / "presences").rglob("*.parquet"))


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_in_the_middle_leaves_nothing_and_the_same_again_is_whole(
    environment: dict[str, str], tmp_path: Path, point: str
) -> None:
    file = month(tmp_path)
    run_killed(environment, point, "import_presences", str(file), "--source", "登记")
    said = json.loads(run(environment, "import_presences", str(file), "--source", "登记", "--json"))
    assert (said["taken"], said["unchanged"]) == (6, 0)
    again = json.loads(run(environment, "import_presences", str(file), "--source", "登记", "--json"))
    assert (again["taken"], again["unchanged"]) == (0, 6)
    assert len(stored(environment)) == 6


@pytest.mark.parametrize(
    "point", ["duban.outbreak.retention:forget_people:1:after", "duban.outbreak.store:_clear:2:before"]
)
def test_a_crash_while_dropping_is_mended_by_the_next_drop(
    environment: dict[str, str], tmp_path: Path, point: str
) -> None:
    file = month(tmp_path)
    run(environment, "import_presences", str(file), "--source", "登记")
    run_killed(environment, point, "drop_presences", "--before", "2021-01-13")
    run(environment, "drop_presences", "--before", "2021-01-13")
    root = Path(environment["DUBAN_DATA"]) / "presences"
    held = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert b"VENUE12" not in held
    assert b"VENUE13" in held


# ---- commands -------------------------------------------------------------------------------------------------------


def test_the_command_says_what_came_in_and_what_went_out(tmp_path: Path, capsys: Any) -> None:
    file = write_csv(tmp_path / "a.csv", {}, {"phone": ""}, {})
    call_command("import_presences", str(file), source="登记", json=True)
    answer = capsys.readouterr()
    said = json.loads(answer.out)
    assert (said["taken"], said["unchanged"], said["refused"], said["read"]) == (1, 1, 1, 3)
    assert said["report"] == str(tmp_path / "a.refused.csv")
    assert "3 read = 1 taken + 1 known already + 1 refused" in answer.err
    call_command("drop_presences", before="2021-01-19")
    assert capsys.readouterr().out.splitlines()[-1] == "1"
    for wrong in ({"before": "soon"},):
        with pytest.raises(CommandError, match="bad_date"):
            call_command("drop_presences", **wrong)
    with pytest.raises(CommandError, match="file_unreadable"):
        call_command("import_presences", str(tmp_path / "none.csv"), source="登记")


def test_the_number_of_queries_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def asked(count: int) -> int:
        given = [{"person": f"{count}-{index}", "lon": 116.3, "lat": 39.7, "arrived": at(18)} for index in range(count)]
        file = write_parquet(tmp_path / f"{count}.parquet", given)
        with CaptureQueriesContext(connection) as caught:
            take(file)
        return len(caught)

    asked(1)
    assert asked(20) == asked(300)
