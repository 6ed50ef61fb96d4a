"""Screening and tracing over the store: one person whatever they were called, nothing kept before it is confirmed,
nothing told to who may not know it, and no identity opened off the record."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.outbreak.declaring import TIANGONGYUAN, collection, feature
from tests.outbreak.people import at, id_number, write_csv, write_parquet

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import make_person
from duban.outbreak import areas, screening, store
from duban.outbreak.lists import read_areas
from duban.outbreak.models import Found, FoundExposure, Ground, Identity, Opening, Screening
from duban.outbreak.opening import open_identity, openings_of
from duban.outbreak.people import Tokens
from duban.outbreak.presences import import_presences
from duban.outbreak.retention import drop_presences
from duban.outbreak.tracing import Wanted, cases_in, trace_store

pytestmark = pytest.mark.django_db
HERE, THERE, DISTRICT = "110112110", "110112106", "110112"
NOW = at(25)
COLUMNS = ("name", "id_number", "phone", "home", "lon", "lat", "area_code", "venue", "arrived", "departed")
INSIDE = {"lon": "116.32", "lat": "39.70"}
OUTSIDE = {"lon": "116.50", "lat": "39.90"}


@pytest.fixture(autouse=True)
def empty_store(db: None) -> Any:
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def take(path: Path, source: str = "登记") -> None:
    import_presences(by=Console(), now=NOW, path=path, name=path.name, source=source)


def person(serial: int, **changes: str) -> dict[str, str]:
    return {"id_number": id_number(serial), "phone": f"138000{serial:05d}", "name": f"某{serial}", **INSIDE, **changes}


def order(by: Person, **changes: Any) -> str:
    drafts = read_areas(collection(feature(**changes)), "a.geojson").drafts
    return areas.declare_areas(by=by, now=NOW, drafts=drafts)[0].declaration.number


def keep(by: Person, *orders: str, **changes: Any) -> Screening:
    seen = screening.preview_screening(by=by, now=NOW, orders=orders)
    facts = {"as_of": seen.as_of, "digest": seen.digest, "ground": Ground.ORDER, "purpose": "第98次会议决定的摸排"}
    return screening.keep_screening(by=by, now=NOW, orders=orders, **facts | changes)


def refusal_of(work: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(DubanError) as refusal:
        work(*args, **options)
    return refusal.value.code


# ---- one person each ------------------------------------------------------------------------------------------------


def test_stays_under_two_names_are_one_persons(officer: Person, tmp_path: Path) -> None:
    both = person(1, venue="登记处", **OUTSIDE)
    by_phone = {"phone": both["phone"], "name": "", "id_number": "", **INSIDE}
    by_number = {
        "phone": "",
        "id_number": both["id_number"],
        "arrived": "2021-01-19 09:00",
        "departed": "2021-01-19 09:30",
    }
    take(write_csv(tmp_path / "a.csv", both, by_phone, by_number, person(2), columns=COLUMNS))
    numbers = [order(officer), order(officer, id="home", measure="home", geometry=None, code=TIANGONGYUAN)]
    found = screening.screen_store(screening.areas_of(screening.orders_for(officer, numbers)), now=NOW)
    assert found.per_area is not None
    assert found.per_person is not None
    first = Tokens().of("id_number", id_number(1))
    rows = {row["person"]: row for row in found.per_area.to_pylist()}
    assert len(rows) == 2
    assert (rows[first]["visits"], rows[first]["minutes"]) == (2, 90.0)
    assert (rows[first]["first"], rows[first]["last"]) == (at(18, 9), at(19, 9, 30))
    assert [row["measure"] for row in found.per_person.to_pylist()] == ["centralised", "centralised"]


def test_the_strictest_of_several_areas_decides(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, area_code=f"{TIANGONGYUAN}005"), columns=COLUMNS))
    mild = order(officer, measure="monitor")
    strict = order(officer, id="code", measure="home", geometry=None, code=TIANGONGYUAN)
    kept = keep(officer, mild, strict)
    found = Found.objects.get(screening=kept)
    assert (found.measure, found.order, found.areas) == ("home", strict, 2)
    assert set(FoundExposure.objects.values_list("order", flat=True)) == {mild, strict}


def test_the_store_answers_as_the_file_does(officer: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    given = [
        {
            "person": f"p{index % 70}",
            "lon": 116.28 + (index * 13 % 100) / 1250,
            "lat": 39.66 + (index * 29 % 100) / 1250,
            "arrived": at(2 + index % 20, index % 24),
            "departed": at(2 + index % 20, index % 24, 30) if index % 7 else None,
        }
        for index in range(400)
    ]
    file = write_parquet(tmp_path / "a.parquet", given)
    take(file)
    (tmp_path / "areas.geojson").write_bytes(collection(feature(), feature(id="b", to="2021-01-18", lookback_days=1)))
    order(officer)
    told = {}
    for name in (str(file), "store"):
        out = tmp_path / f"{len(told)}.parquet"
        areas_file = str(tmp_path / "areas.geojson")
        call_command("screen", areas=areas_file, presences=name, out=out, json=True)
        token = Tokens().of_person if name != "store" else str
        told[name] = sorted(
            (
                token(row["person"]),
                row["area"],
                row["first"],
                row["last"],
                row["visits"],
                row["minutes"],
                row["measure"],
            )
            for row in pq.read_table(out).to_pylist()
        )
        people = pq.read_table(tmp_path / f"{len(told) - 1}_people.parquet").to_pylist()
        assert {row["person"] for row in people} == {row["person"] for row in pq.read_table(out).to_pylist()}
    assert told[str(file)] == told["store"]
    assert len(told["store"]) > 20


# ---- preview, keep, reproduce ---------------------------------------------------------------------------------------


def test_a_preview_keeps_nothing_but_that_somebody_looked(officer: Person, tmp_path: Path) -> None:
    take(
        write_csv(
            tmp_path / "a.csv", person(1, home=HERE), person(2, home=THERE), person(3, home=HERE), columns=COLUMNS
        )
    )
    seen = screening.preview_screening(by=officer, now=NOW, orders=[order(officer)])
    assert (seen.people, seen.towns, seen.measures) == (3, [(HERE, 2), (THERE, 1)], {"centralised": 3})
    assert not Screening.objects.exists()
    assert not Found.objects.exists()
    assert AuditRecord.objects.filter(action="preview_screening").count() == 1


def test_what_was_seen_is_kept_with_its_ground_and_can_be_done_again(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1), person(2), columns=COLUMNS))
    number = order(officer)
    kept = keep(officer, number)
    assert (kept.people, kept.orders, kept.ground) == (2, [number], "order")
    assert kept.engine_version
    assert set(kept.inputs) == {"areas", "store", "aliases", "as_of"}
    assert screening.reproduces(kept)
    drop_presences(by=Console(), now=NOW, before=at(20).date())
    assert not screening.reproduces(kept)
    assert Identity.objects.count() == 2


def test_the_same_confirmation_twice_is_one(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1), columns=COLUMNS))
    number, key = order(officer), uuid.uuid4()
    first, again = (keep(officer, number, screening_id=key) for _time in range(2))
    assert first == again
    assert Screening.objects.count() == 1


def test_what_has_changed_since_the_preview_is_not_kept(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1), columns=COLUMNS))
    number = order(officer)
    seen = screening.preview_screening(by=officer, now=NOW, orders=[number])
    take(write_csv(tmp_path / "b.csv", person(2), columns=COLUMNS))
    assert refusal_of(keep, officer, number, digest=seen.digest) == "preview_changed"
    assert not Screening.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ground": "curiosity"}, "ground_missing"),
        ({"ground": ""}, "ground_missing"),
        ({"purpose": " "}, "purpose_missing"),
        ({"purpose": "x" * 301}, "purpose_missing"),
        ({"purpose": "查 138 0000 0001 是谁"}, "purpose_with_number"),
        ({"purpose": "坏的\x00字"}, "purpose_missing"),
    ],
)
def test_without_ground_and_purpose_nothing_is_kept(officer: Person, changes: dict[str, str], code: str) -> None:
    assert refusal_of(keep, officer, order(officer), **changes) == code
    assert not Screening.objects.exists()


def test_orders_that_cannot_be_screened_for(officer: Person) -> None:
    number = order(officer)
    for wrong in ([], ["110112-2021-S9999"], [number, "x"]):
        assert refusal_of(screening.preview_screening, by=officer, now=NOW, orders=wrong) == "order_not_found"
    order(officer, measure="test")
    assert refusal_of(screening.preview_screening, by=officer, now=NOW, orders=[number]) == "order_not_found"
    for role, code in (("supervisor", DISTRICT), ("health_officer", HERE), ("health_officer", "110115")):
        other = make_person(f"{role}{code}", role, code)
        assert (
            refusal_of(screening.preview_screening, by=other, now=NOW, orders=["110112-2021-S0002"])
            == "order_not_found"
        )


# ---- towns ----------------------------------------------------------------------------------------------------------


def test_the_town_is_of_the_home_else_of_where_the_district_last_saw_them(officer: Person, tmp_path: Path) -> None:
    rows = [
        person(1, home=f"{THERE}001"),
        person(2),
        person(2, **OUTSIDE, area_code=f"{HERE}001", arrived="2021-01-19 09:00", departed=""),
        person(2, **OUTSIDE, area_code="110115012", arrived="2021-01-20 09:00", departed=""),
        person(3),
    ]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    kept = keep(officer, order(officer))
    towns = dict(Found.objects.filter(screening=kept).values_list("person", "town"))
    assert {serial: towns[Tokens().of("id_number", id_number(serial))] for serial in (1, 2, 3)} == {
        1: THERE,
        2: HERE,
        3: DISTRICT,
    }


def test_a_town_that_screens_for_itself_finds_its_own_alone(officer: Person, tmp_path: Path) -> None:
    town = make_person("town", "health_officer", THERE)
    rows = [person(1, home=THERE), person(2, home=HERE), person(3), person(4, home="110115012")]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    number = order(town)
    seen = screening.preview_screening(by=town, now=NOW, orders=[number])
    assert (seen.people, seen.towns, seen.elsewhere) == (2, [(THERE, 1), ("110115012", 1)], True)
    kept = keep(town, number)
    assert kept.people == 2
    assert Found.objects.count() == FoundExposure.objects.count() == 2
    assert screening.reproduces(kept)
    # Who lives where nobody lists them is not lost; with an officer of their own they are left to that one.
    make_person("daxing", "health_officer", "110115")
    seen = screening.preview_screening(by=town, now=NOW, orders=[number])
    assert seen.towns == [(THERE, 1)]
    seen = screening.preview_screening(by=officer, now=NOW, orders=[order(officer)])
    assert dict(seen.towns) == {THERE: 1, HERE: 1, DISTRICT: 1}


# ---- who sees what --------------------------------------------------------------------------------------------------


@pytest.fixture
def handed(officer: Person, tmp_path: Path) -> Screening:
    """12 of one town, 3 of another."""
    rows = [*(person(n, home=HERE) for n in range(1, 13)), *(person(n, home=THERE) for n in range(20, 23))]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    return keep(officer, order(officer))


def test_a_town_sees_its_own_and_only_after_it_was_handed_over(officer: Person, handed: Screening) -> None:
    town = make_person("town", "health_officer", THERE)
    assert not screening.screenings_for(town).exists()
    assert screening.hand_to_towns(by=officer, now=NOW, screening_id=handed.pk).handed_at == NOW
    assert screening.hand_to_towns(by=officer, now=at(30), screening_id=handed.pk).handed_at == NOW
    handed = screening.screenings_for(town).get()
    assert set(screening.found_for(town, handed).values_list("town", flat=True)) == {THERE}
    counts = screening.counts_for(town, handed)
    assert (counts.towns, counts.total) == ([(THERE, 3)], 3)
    assert refusal_of(screening.hand_to_towns, by=town, now=NOW, screening_id=handed.pk) == "screening_not_found"
    assert screening.found_for(officer, handed).count() == 15


def test_a_number_below_ten_is_told_to_health_officers_alone(officer: Person, handed: Screening) -> None:
    assert screening.counts_for(officer, handed).towns == [(HERE, 12), (THERE, 3)]
    for role in ("supervisor", "leader"):
        other = make_person(role, role, DISTRICT)
        assert not screening.found_for(other, handed).exists()
        counts = screening.counts_for(other, handed)
        assert counts.towns == [(HERE, 12)]
        assert (counts.total, counts.measures, counts.complete) == (None, [], False)
    for role, code in (
        ("administrator", DISTRICT),
        ("inspector", DISTRICT),
        ("supervisor", HERE),
        ("leader", "110115"),
    ):
        other = make_person(f"{role}{code}", role, code)
        assert refusal_of(screening.screening_for, other, handed.pk) == "screening_not_found"


def test_a_total_below_ten_is_no_number_either(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, home=HERE), columns=COLUMNS))
    counts = screening.counts_for(make_person("leader", "leader", DISTRICT), keep(officer, order(officer)))
    assert (counts.towns, counts.total, counts.measures) == ([], None, [])


def test_the_list_takes_the_same_queries_however_many_there_are(officer: Person, handed: Screening) -> None:
    with CaptureQueriesContext(connection) as caught:
        list(screening.screenings_for(officer))
        screening.counts_for(officer, handed)
    assert len(caught) <= 4


# ---- opening --------------------------------------------------------------------------------------------------------


def test_an_identity_is_opened_on_the_record(officer: Person, handed: Screening) -> None:
    found = Found.objects.filter(town=THERE).first()
    assert found is not None
    facts = open_identity(by=officer, now=NOW, found_id=found.pk, ground="order", purpose="通知集中隔离")
    assert facts["name"].startswith("某2")
    opening = openings_of(found).get()
    assert (opening.by["username"], opening.ground, opening.purpose) == ("officer", "order", "通知集中隔离")
    record = AuditRecord.objects.get(action="open_identity")
    assert record.subject_id == str(found.pk)
    assert facts["name"] not in json.dumps(record.detail, ensure_ascii=False)


def test_nobody_else_opens_anybody(officer: Person, handed: Screening) -> None:
    found = Found.objects.filter(town=THERE).first()
    assert found is not None
    opening = {"now": NOW, "found_id": found.pk, "ground": "order", "purpose": "通知集中隔离"}
    own = make_person("own", "health_officer", THERE)
    others = [make_person(role, role, DISTRICT) for role in ("supervisor", "leader", "administrator", "publisher")]
    others += [make_person("next", "health_officer", HERE), own]
    for other in others:
        assert refusal_of(open_identity, by=other, **opening) == "found_not_found"
    assert not Opening.objects.exists()
    screening.hand_to_towns(by=officer, now=NOW, screening_id=handed.pk)
    assert open_identity(by=own, **opening)["phone"]
    assert refusal_of(open_identity, by=others[-2], **opening) == "found_not_found"
    assert refusal_of(open_identity, by=own, **opening | {"ground": ""}) == "ground_missing"
    assert refusal_of(open_identity, by=own, **opening | {"found_id": uuid.uuid4()}) == "found_not_found"
    assert Opening.objects.count() == 1


# ---- tracing --------------------------------------------------------------------------------------------------------


def test_contacts_are_traced_through_every_name(tmp_path: Path) -> None:
    """The case is known by phone at the market; its contact registers there by number, and meets a third by phone."""
    case, contact, third = (person(n, venue="市场") for n in (1, 2, 3))
    rows = [
        case | {"id_number": ""},
        contact | {"phone": ""},
        contact | {"venue": "登记处", "arrived": "2021-01-18 06:00", "departed": "2021-01-18 06:10"},
        {**contact, "id_number": "", "venue": "饭店", "arrived": "2021-01-19 12:00", "departed": "2021-01-19 13:00"},
        {**third, "venue": "饭店", "arrived": "2021-01-19 12:20", "departed": "2021-01-19 13:00"},
    ]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    cases = cases_in(f"person,onset_at,sampled_at,isolated_at\n{case['phone']},2021-01-19,2021-01-20,\n".encode())
    found = trace_store(cases, Wanted(generations=2), now=NOW)
    assert found.table is not None
    first, second, last = (Tokens().of("id_number", id_number(n)) for n in (1, 2, 3))
    phone = Tokens().of("phone", case["phone"])
    told = [
        (row["source"], row["person"], row["place"], row["minutes"], row["generation"])
        for row in found.table.to_pylist()
    ]
    assert told == [(phone, second, "市场", 60.0, 1), (second, last, "饭店", 40.0, 2)]
    assert first not in {row[0] for row in told}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("person,onset_at,sampled_at,isolated_at\n", "no_cases"),
        ("who\nx\n", "missing_column"),
        ("person,sampled_at\n,2021-01-18\n", "no_person"),
        ("person,sampled_at\nx,\n", "no_onset"),
        ("person,sampled_at\nx,soon\n", "bad_time"),
    ],
)
def test_cases_that_cannot_be_traced(text: str, code: str) -> None:
    assert refusal_of(cases_in, text.encode()) == code


def test_the_commands_say_what_they_found(officer: Person, tmp_path: Path, capsys: Any) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, venue="店"), person(2, venue="店"), columns=COLUMNS))
    with pytest.raises(CommandError, match="no_areas"):
        call_command("screen", areas="all", presences="store", out=tmp_path / "out.parquet")
    order(officer)
    call_command("screen", areas="all", presences="store", out=tmp_path / "out.parquet")
    assert capsys.readouterr().out.splitlines()[-1] == "2"
    assert {row["area"] for row in pq.read_table(tmp_path / "out.parquet").to_pylist()} == {"ronghui"}
    cases = tmp_path / "cases.csv"
    cases.write_text(f"person,onset_at,sampled_at,isolated_at\n{id_number(1)},,2021-01-19,\n")
    call_command("trace", cases=cases, presences="store", out=tmp_path / "contacts.parquet", json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["contacts"], said["people"]) == (1, [1])
    assert AuditRecord.objects.filter(action__in=["screen_store", "trace_contacts"], actor__name="console").count() == 2
    with pytest.raises(CommandError, match="bad_setting"):
        call_command("trace", cases=cases, presences="store", out=tmp_path / "x.parquet", generations=0)
    for name in ("none.parquet", "areas.geojson"):
        (tmp_path / "areas.geojson").write_bytes(collection(feature()))
        with pytest.raises(CommandError):
            call_command(
                "screen",
                areas=str(tmp_path / "areas.geojson"),
                presences=str(tmp_path / name),
                out=tmp_path / "x.parquet",
            )
