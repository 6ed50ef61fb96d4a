"""`duban locate`, the page's and the API's question: the contract's shape, every bad point refused by name."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pyproj import Geod
from tests.places.test_layers import feature, geojson, load

from duban.core.errors import DubanError
from duban.demo.builders import make_person
from duban.places.locating import locate_one

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = ["jurisdiction", "village", "road", "water", "landmark", "form", "statement", "reasons", "layers"]


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    call_command("locate", *arguments)
    return capsys.readouterr().out.splitlines()[-1]


def test_without_any_layer_it_cannot_tell_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    located = json.loads(say(capsys, "116.8", "39.8", "--json"))
    assert list(located) == KEYS
    assert (located["form"], located["statement"], located["jurisdiction"]) == ("none", "", None)
    assert {reason["code"] for reason in located["reasons"]} >= {"no_roads", "no_boundaries", "cannot_tell"}
    assert say(capsys, "-70.5", "-33.4") == "cannot tell"


@pytest.mark.parametrize("lat", [18.5, 31.0, 39.8, 52.9])
def test_distance_and_bearing_are_those_of_the_earth(lat: float, capsys: pytest.CaptureFixture[str]) -> None:
    load("roads", geojson(feature("LineString", [[110.0, lat - 0.3], [110.0, lat + 0.3]], name="直路")))
    road = json.loads(say(capsys, "110.021", str(lat), "--json"))["road"]
    _ahead, _back, metres = Geod(ellps="WGS84").inv(110.021, lat, 110.0, lat)
    assert road["name"] == "直路"
    assert abs(road["distance_m"] - metres) <= max(1.0, 0.005 * metres)
    assert abs(road["bearing"] - 270) < 0.2


def test_a_datum_is_converted_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    load("roads", geojson(feature("LineString", [[116.5, 39.0], [116.5, 40.0]], name="经线路")))
    metres = {
        datum: json.loads(say(capsys, "116.51", "39.5", "--datum", datum, "--json"))["road"]["distance_m"]
        for datum in ("wgs84", "gcj02", "bd09", "GCJ-02")
    }
    assert 300 < abs(metres["wgs84"] - metres["gcj02"]) < 900
    assert metres["gcj02"] == metres["GCJ-02"]
    assert metres["bd09"] != metres["gcj02"]


BAD_POINTS = [
    (("181", "39"), "bad_longitude"),
    (("116", "91"), "bad_latitude"),
    (("39.8", "116.8"), "bad_latitude"),
    (("abc", "39"), "bad_number"),
    (("116", ""), "number_missing"),
    (("nan", "39"), "bad_number"),
    (("116", "inf"), "bad_number"),
    (("116°", "39"), "bad_number"),
    (("1e999", "39"), "bad_longitude"),
    (("116", "39", "--datum", "cgcs2000"), "unknown_datum"),
]


@pytest.mark.parametrize(("arguments", "code"), BAD_POINTS)
def test_a_bad_point_is_refused_by_code(arguments: tuple[str, ...], code: str) -> None:
    with pytest.raises(CommandError, match=code):
        call_command("locate", *arguments)


def test_usage_errors_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("116",), ("--csv", "x.csv")):
        with pytest.raises(SystemExit) as end:
            call_command("locate", *arguments)
        assert end.value.code == 2


def test_a_table_keeps_its_columns_and_says_what_is_wrong_with_a_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("roads", geojson(feature("LineString", [[116.5, 39.0], [116.5, 40.0]], name="经线路")))
    load("villages", geojson(feature("Point", [116.51, 39.5], name="某村")))
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(
        "id,lon,lat,datum\na,116.51,39.5,\nb,39.5,116.51,\nc,116.51,39.5,gcj02\nd,,39,\n", encoding="utf-8"
    )
    assert say(capsys, "--csv", str(source), "--out", str(out)) == "4"
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert [bool(row["error"]) for row in rows] == [False, True, False, True]
    assert rows[1]["error"].startswith("bad_latitude: lat:")
    assert rows[0]["road"] == "经线路"
    assert rows[0]["road_distance_m"] != rows[2]["road_distance_m"]
    assert json.loads(say(capsys, "--csv", str(source), "--out", str(out), "--json")) == {"located": 2, "refused": 2}


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="file_unreadable"):
        call_command("locate", "--csv", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out.csv"))


BAD_QUERIES: list[tuple[dict[str, Any], str]] = [
    ({}, "number_missing"),
    ({"lon": "116"}, "number_missing"),
    ({"lon": "x", "lat": "39"}, "bad_number"),
    ({"lon": "116", "lat": "39", "datum": "moon"}, "unknown_datum"),
    ({"lon": "999", "lat": "39"}, "bad_longitude"),
    ({"lon": "116\x00", "lat": "39"}, "bad_number"),
]


@pytest.mark.parametrize(("query", "code"), BAD_QUERIES)
def test_the_page_answers_a_bad_point_with_its_code(query: dict[str, Any], code: str, client: Client) -> None:
    client.force_login(make_person("wang"))
    answer = client.get("/places/locate", query, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "malformed"),
        ({"lon": "x", "lat": "39"}, 422, "malformed"),
        ({"lon": "nan", "lat": "39"}, 400, "bad_number"),
        ({"lon": "inf", "lat": "39"}, 400, "bad_number"),
        ({"lon": "200", "lat": "39"}, 400, "bad_longitude"),
        ({"lon": "116", "lat": "39", "datum": ""}, 400, "unknown_datum"),
    ],
)
def test_the_api_answers_a_bad_point_with_its_code(
    query: dict[str, Any], status: int, code: str, client: Client
) -> None:
    assert client.get("/api/v1/places/locate", query).status_code == 401
    client.force_login(make_person("wang"))
    answer = client.get("/api/v1/places/locate", query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_is_not_logged_in_is_told_nothing_of_places(client: Client) -> None:
    for path in ("/places/locate?lon=116&lat=39", "/places/jurisdictions?q=a"):
        assert client.get(path).status_code == 302


def test_pickers_survive_what_no_code_or_name_may_hold(client: Client) -> None:
    client.force_login(make_person("wang"))
    for query in ({"q": "\x00"}, {"parent": "\x00"}, {"parent": "x"}, {"q": "'"}, {"q": "%"}):
        assert client.get("/places/jurisdictions", query).json() == {"units": []}
        assert client.get("/api/v1/places/jurisdictions", query).json() == []


def test_a_single_point_is_an_array_of_one() -> None:
    with pytest.raises(DubanError):
        locate_one("116", "north", "wgs84")
    assert locate_one(" 116 ", "+39.0", "wgs84")["form"] == "none"
