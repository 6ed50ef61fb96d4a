"""Screening by example: golden cases, hostile files, streams, results in files, and the three forms of the plan."""

import importlib.util
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from tests.engines.screen.brute import exposed
from tests.engines.screen.test_screen_laws import SCHEMA, as_found

from duban.engines.screen import (
    ARROW,
    DUCKDB,
    ENGINE_VERSION,
    ENGINES,
    REASONS,
    SPARK,
    Area,
    Areas,
    ScreenError,
    Store,
    read_areas,
    screen,
    together,
)

START = datetime(2021, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=20)
SQUARE = shapely.box(116, 36, 117, 37)
BEIJING = ZoneInfo("Asia/Shanghai")

without_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="Spark needs Java and the extra duban[spark]",
)
# Spark's own client leaves sockets to the collector, and warns of what it will change.
spark_warnings = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)


def area(name="a", **more):
    given = {
        "name": "",
        "level": "高风险",
        "measure": "home",
        "start": START,
        "end": START + 24 * HOUR,
        "shape": SQUARE,
    }
    return Area(id=name, **(given | more))


def row(person="p", lon=116.5, lat=36.5, arrived=START, departed=START + HOUR, code=None, venue=None):
    return {
        "person": person,
        "lon": lon,
        "lat": lat,
        "area_code": code,
        "venue": venue,
        "arrived": arrived,
        "departed": departed,
    }


def table(*rows):
    return pa.Table.from_pylist(list(rows), SCHEMA)


def found(rows, *areas, **more):
    return screen(table(*rows), Areas(areas), now=NOW, workers=1, **more)


def test_a_row_per_person_and_area_and_the_strictest_measure_per_person():
    result = found(
        [
            row("b", arrived=START - HOUR, departed=START + HOUR),
            row("b", arrived=START + 2 * HOUR, departed=START + 3 * HOUR),
            row("a", lon=116.2, lat=36.2),
            row("out", lon=118.0),
        ],
        area("wide", measure="monitor", lookback_days=1),
        area("small", measure="centralised", shape=shapely.box(116.4, 36.4, 116.6, 36.6)),
    )
    assert result.per_area.to_pylist() == [
        {"person": "a", "area": "wide", "level": "高风险", "first": START, "last": START + HOUR, "visits": 1,
         "minutes": 60.0, "measure": "monitor"},
        {"person": "b", "area": "small", "level": "高风险", "first": START, "last": START + 3 * HOUR, "visits": 2,
         "minutes": 120.0, "measure": "centralised"},
        {"person": "b", "area": "wide", "level": "高风险", "first": START - HOUR, "last": START + 3 * HOUR, "visits": 2,
         "minutes": 180.0, "measure": "monitor"},
    ]  # fmt: skip
    assert result.per_person.to_pylist() == [
        {"person": "a", "measure": "monitor", "area": "wide", "areas": 1, "last": START + HOUR},
        {"person": "b", "measure": "centralised", "area": "small", "areas": 2, "last": START + 3 * HOUR},
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_person_whose_rows_come_in_several_batches_is_decided_once(monkeypatch, size, workers):
    """One with four areas beside others with one, two and three, in batches too small for them."""
    measures = zip(("test", "home", "monitor", "home"), (116.9, 116.7, 116.5, 116.3), strict=True)
    areas = [area(f"{east}", measure=measure, shape=shapely.box(116, 36, east, 37)) for measure, east in measures]
    rows = [row(f"p{nth:02d}", lon=116.8 - 0.2 * (nth * 7 % 4), arrived=START + nth * HOUR / 9) for nth in range(25)]
    rows = [one | {"departed": one["arrived"] + HOUR} for one in rows]
    whole = screen(table(*rows), Areas(tuple(areas)), now=NOW, workers=1)
    # All goes on on disk, and comes from there in such batches.
    monkeypatch.setattr(together, "_COPIES", 1 << 60)
    grouped = together.stream
    monkeypatch.setattr(
        together,
        "stream",
        lambda *asked: (batch.slice(at, size) for batch in grouped(*asked) for at in range(0, batch.num_rows, size)),
    )
    split = screen(table(*rows), Areas(tuple(areas)), now=NOW, workers=workers)
    assert split.per_area.equals(whole.per_area)
    assert split.per_person.equals(whole.per_person)
    assert whole.per_person["areas"].to_pylist() == [1 + nth * 7 % 4 for nth in range(25)]
    assert (split.exposures, split.people) == (whole.exposures, whole.people)


def test_of_equally_strict_areas_the_latest_decides_then_the_lower_id():
    early, late = area("a-early", end=START), area("z-late")
    assert found([row()], early, late).per_person["area"].to_pylist() == ["z-late"]
    assert found([row()], area("b"), area("a"), area("c", measure="test")).per_person["area"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    ("arrived", "departed", "lookback", "end", "held"),
    [
        (-2, 0, 0, 24, True),  # leaves as the window opens
        (-2, -0.0001, 0, 24, False),
        (24, 30, 0, 24, True),  # comes as it closes
        (24.0001, 30, 0, 24, False),
        (-50, -48, 2, 24, True),  # the look-back, its first moment included
        (-50, -48.0001, 2, 24, False),
        (-900, None, 0, 24, True),  # still there
        (900, 901, 0, None, True),  # no end in sight
        (25, None, 0, 24, False),
        (5, 5, 0, 24, True),  # a stay of no length
    ],
)
@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
def test_windows_are_closed_at_both_ends(arrived, departed, lookback, end, held, engine):
    stay = row(arrived=START + arrived * HOUR, departed=None if departed is None else START + departed * HOUR)
    window = area(lookback_days=lookback, end=None if end is None else START + end * HOUR)
    assert found([stay], window, engine=engine).exposures == held


def test_what_has_no_end_lasts_until_now():
    (only,) = found([row(departed=None)], area(end=None)).per_area.to_pylist()
    assert (only["last"], only["minutes"]) == (NOW, 20 * 24 * 60.0)
    (later,) = found([row(arrived=NOW + HOUR, departed=None)], area(end=None)).per_area.to_pylist()
    assert (later["first"], later["last"], later["minutes"]) == (NOW + HOUR, NOW + HOUR, 0.0)


@pytest.mark.parametrize(
    ("code", "of_area", "held"),
    [
        ("440199101002", "440199101", True),
        ("440199101000", "440199101", True),
        ("440199101", "440199101", True),
        ("440199", "440199101", False),
        ("44019910", "440199101", False),
        ("440199102", "440199101", False),
        ("", "440199101", False),
        (None, "440199101", False),
    ],
)
@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
def test_a_code_holds_what_begins_with_it(code, of_area, held, engine):
    result = found([row(code=code)], area(shape=None, code=of_area), engine=engine)
    assert (result.exposures, result.rejects) == (held, {})


@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
def test_areas_none_of_which_is_a_shape_or_that_are_none_at_all(engine):
    assert found([row(code="440199")], area(shape=None, code="440199"), engine=engine).people == 1
    result = found([row()], engine=engine)
    assert (result.rows, result.accepted, result.exposures) == (1, 1, 0)
    assert result.per_area.schema.names[0] == "person"


BAD = [
    ("no_person", row(None)),
    ("no_person", row("")),
    ("no_place", row(lon=None, lat=None)),
    ("no_place", row(lon=None, lat=None, code="")),
    ("no_place", row(lon=None, lat=None, venue="店")),
    ("half_position", row(lon=None)),
    ("half_position", row(lat=None, code="440199")),
    ("not_a_number", row(lon=float("nan"))),
    ("not_a_number", row(lat=float("-inf"))),
    ("swapped", row(lon=36.5, lat=116.5)),
    ("out_of_range", row(lon=200.0)),
    ("out_of_range", row(lat=-200.0)),
    ("out_of_range", row(lat=1e300)),
    ("no_arrival", row(arrived=None)),
    ("departed_before_arrived", row(departed=START - HOUR)),
]


@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
def test_every_bad_row_is_rejected_with_its_reason_and_none_is_dropped(engine):
    rows = [row(f"good-{n}") for n in range(5)]
    for place, (_, bad) in enumerate(BAD):
        rows.insert(3 * place % len(rows), bad)
    expected = [(n, reason) for n, one in enumerate(rows) for reason, bad in BAD if bad is one]
    result = found(rows, area(), engine=engine)
    assert [(one["row"], one["reason"]) for one in result.rejected.to_pylist()] == expected
    assert result.rows == len(rows) == result.accepted + sum(result.rejects.values())
    assert sorted(result.per_area["person"].to_pylist()) == [f"good-{n}" for n in range(5)]
    assert result.rejects.keys() <= REASONS.keys()


@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
def test_times_without_a_zone_are_rejected_row_by_row(engine, tmp_path):
    naive = table(row("p"), row("q")).set_column(
        5, "arrived", pa.array([START.replace(tzinfo=None)] * 2, pa.timestamp("us"))
    )
    pq.write_table(naive, tmp_path / "naive.parquet")
    pq.write_table(table(row("r")), tmp_path / "utc.parquet")
    result = screen(tmp_path, Areas((area(),)), now=NOW, engine=engine)
    assert result.rejects == {"naive_time": 2}
    assert {one["file"] for one in result.rejected.to_pylist()} == {str(tmp_path / "naive.parquet")}
    assert result.per_area["person"].to_pylist() == ["r"]


@pytest.mark.parametrize("engine", [ARROW, DUCKDB])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_other_units_orders_and_kinds_of_columns_mean_the_same(engine, unit, tmp_path):
    plain = table(row("p", code="440199"), row("q", departed=None), row("p", lon=None, lat=None, code="440199101"))
    kinds = {
        "lat": plain["lat"],
        "extra": pa.array([1, 2, 3]),
        "lon": plain["lon"],
        "arrived": plain["arrived"].cast(pa.timestamp(unit, "Asia/Shanghai")),
        "person": plain["person"].dictionary_encode(),
        "area_code": plain["area_code"].cast(pa.large_string()),
        "departed": plain["departed"].cast(pa.timestamp(unit, "UTC")),
    }
    pq.write_table(pa.table(kinds), tmp_path / "p.parquet")
    areas = Areas((area(), area("code", shape=None, code="440199")))
    one = screen(plain, areas, now=NOW)
    other = screen(tmp_path / "p.parquet", areas, now=NOW, engine=engine)
    assert one.per_area.equals(other.per_area)
    assert sum(other.per_area["visits"].to_pylist()) == 4


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"lon": [1.0], "lat": [1.0], "arrived": [START]}, "missing_column"),
        ({"person": ["p"], "lon": [1.0], "lat": [1.0]}, "missing_column"),
        ({"person": ["p"], "lon": [1.0], "arrived": [START]}, "missing_column"),
        ({"person": ["p"], "lon": ["east"], "lat": [1.0], "arrived": [START]}, "bad_column"),
        ({"person": [7], "lon": [1.0], "lat": [1.0], "arrived": [START]}, "bad_column"),
        ({"person": ["p"], "lon": [1.0], "lat": [1.0], "arrived": ["yesterday"]}, "bad_column"),
    ],
)
def test_a_file_of_other_columns_is_refused(columns, code, tmp_path):
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(ScreenError) as error:
        screen(tmp_path / "p.parquet", Areas((area(),)), now=NOW)
    assert error.value.code == code


def test_what_is_no_parquet_file_is_refused_and_leaves_no_result(tmp_path):
    (tmp_path / "p.parquet").write_bytes(b"PAR1 nothing of the kind")
    for path, code in ((tmp_path / "p.parquet", "unreadable"), (tmp_path / "absent.parquet", "no_file")):
        with pytest.raises(ScreenError) as error:
            screen(path, Areas((area(),)), now=NOW, out=tmp_path / "out.parquet")
        assert error.value.code == code
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]
    with pytest.raises(ScreenError) as error:
        screen(table(), Areas(()), now=NOW, engine="abacus")
    assert error.value.code == "unknown_engine"


def test_a_damaged_file_is_an_error_and_the_old_result_stays(tmp_path):
    path, out = tmp_path / "p.parquet", tmp_path / "out.parquet"
    pq.write_table(table(*(row(f"p{n}") for n in range(2000))), path, compression="none")
    screen(path, Areas((area(),)), now=NOW, out=out)
    before = out.read_bytes()
    broken = bytearray(path.read_bytes())
    broken[4:400] = b"\xff" * 396
    path.write_bytes(broken)
    with pytest.raises((OSError, pa.ArrowException)):
        screen(path, Areas((area(),)), now=NOW, out=out)
    assert out.read_bytes() == before


def test_results_in_files_say_from_what_they_were_made(tmp_path):
    path, out = tmp_path / "p.parquet", tmp_path / "out.parquet"
    pq.write_table(table(row("p"), row(None)), path)
    result = screen(path, Areas((area(),)), now=NOW, out=out)
    assert result.per_area is result.per_person is result.rejected is None
    for name, column in (("out", "minutes"), ("out_people", "areas"), ("out_rejects", "reason")):
        assert pq.read_table(tmp_path / f"{name}.parquet").num_rows == 1
        assert column in pq.read_schema(tmp_path / f"{name}.parquet").names
    said = pq.read_schema(out).metadata
    assert said[b"duban.version"] == ENGINE_VERSION.encode()
    assert said[b"duban.input.areas"] == result.inputs["areas"].encode()
    assert said[f"duban.input.{path}".encode()] == result.inputs[str(path)].encode()
    again = screen(path, Areas((area(),)), now=NOW, out=tmp_path / "again.parquet")
    assert out.read_bytes() == (tmp_path / "again.parquet").read_bytes()
    assert again.inputs == result.inputs
    assert result.inputs["areas"] != Areas((area(lookback_days=1),)).digest


def test_batches_stream_through_and_are_asked_for_as_they_are_needed():
    made = []

    def batches():
        for number in range(40):
            made.append(number)
            yield table(row(f"p{number}"), row("everybody")).to_batches()[0]

    result = screen(batches(), Areas((area(),)), now=NOW, workers=2)
    assert (result.rows, result.people, len(made)) == (80, 41, 40)
    assert result.per_area.filter(pa.compute.equal(result.per_area["person"], "everybody"))["visits"].to_pylist() == [
        40
    ]


def test_large_tables_and_row_groups_are_taken_in_pieces(tmp_path):
    count = (1 << 20) + 5
    random = np.random.default_rng(1)
    lon, lat = random.uniform(115.5, 117.5, count), random.uniform(35.5, 37.5, count)
    lon[count - 2] = np.nan
    whole = pa.table(
        {
            "person": pa.array(random.integers(0, 500, count)).cast(pa.string()),
            "lon": lon,
            "lat": lat,
            "arrived": pa.array(np.full(count, START.timestamp() * 1e6, dtype=np.int64), pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(whole, tmp_path / "p.parquet", row_group_size=count)
    inside = shapely.intersects_xy(SQUARE, lon, lat)
    for source in (whole, tmp_path / "p.parquet"):
        result = screen(source, Areas((area(),)), now=NOW)
        assert result.per_area["visits"].to_numpy().sum() == inside.sum()
        assert (result.rows, result.rejected["row"].to_pylist()) == (count, [count - 2])


def test_little_memory_is_enough(tmp_path):
    count = 300_000
    random = np.random.default_rng(2)
    whole = pa.table(
        {
            "person": pa.array([f"{n:064x}" for n in range(count)]),
            "lon": random.uniform(116, 117, count),
            "lat": random.uniform(36, 37, count),
            "arrived": pa.array([START] * count, pa.timestamp("us", "UTC")),
        }
    )
    result = screen(whole, Areas((area(),)), now=NOW, memory_mb=64, out=tmp_path / "out.parquet")
    assert result.people == count
    persons = pq.read_table(tmp_path / "out.parquet", columns=["person"])["person"].to_pylist()
    assert persons == sorted(persons)


def mixed(random, count):
    """Good rows by the thousand about a few areas, with every kind of place."""
    rows = []
    for n in range(count):
        lon, lat = (round(float(v), 2) for v in random.uniform((115.8, 35.8), (117.2, 37.2)))
        begin = START + timedelta(minutes=int(random.integers(-6000, 6000)))
        placed = random.random() < 0.9
        rows.append(
            row(
                f"人{random.integers(0, 60)}",
                lon if placed else None,
                lat if placed else None,
                begin,
                None if random.random() < 0.1 else begin + timedelta(minutes=int(random.integers(0, 400))),
                None if placed and random.random() < 0.5 else f"44019910{n % 3}",
            )
        )
    return rows


MIXED_AREAS = Areas(
    (
        area("square", lookback_days=1),
        area(
            "hole", measure="test", shape=shapely.box(116.1, 36.1, 116.9, 36.9) - shapely.box(116.3, 36.3, 116.7, 36.7)
        ),
        area(
            "parts",
            measure="centralised",
            shape=shapely.MultiPolygon([shapely.box(116, 36, 116.25, 36.25), shapely.box(116.25, 36, 116.5, 36.5)]),
        ),
        area("code", measure="monitor", shape=None, code="440199101", end=None),
    )
)


@without_spark
@spark_warnings
def test_duckdb_and_spark_give_identical_rows(tmp_path):
    rows = mixed(np.random.default_rng(4), 1500)
    good, bad = table(*rows), table(*(bad for _, bad in BAD))
    (tmp_path / "a folder").mkdir()
    pq.write_table(pa.concat_tables([good.slice(0, 700), bad]), tmp_path / "a folder" / "1.parquet")
    nanos = good.slice(700).set_column(5, "arrived", good["arrived"].slice(700).cast(pa.timestamp("ns", "UTC")))
    pq.write_table(nanos.drop_columns(["venue"]), tmp_path / "a folder" / "2.parquet")
    one, two, three = (
        screen(tmp_path / "a folder", MIXED_AREAS, now=NOW, engine=engine, master="local[2]") for engine in ENGINES
    )
    assert as_found(one.per_area) == exposed(rows, MIXED_AREAS, NOW)
    for other in (two, three):
        assert one.per_area.equals(other.per_area)
        assert one.per_person.equals(other.per_person)
        assert one.rejected.equals(other.rejected)
        assert (one.rows, one.rejects, one.inputs) == (other.rows, other.rejects, other.inputs)
    assert (three.engine, sum(three.rejects.values())) == (SPARK, len(BAD))


@without_spark
@spark_warnings
def test_spark_reads_the_store_on_the_cluster_that_is_named(tmp_path):
    rows = mixed(np.random.default_rng(12), 800)
    store = Store(tmp_path / "the store", BEIJING)
    store.add(table(*rows))
    one, two, three = (screen(store, MIXED_AREAS, now=NOW, engine=engine, master="local[2]") for engine in ENGINES)
    assert as_found(one.per_area) == exposed(rows, MIXED_AREAS, NOW)
    for other in (two, three):
        assert one.per_area.equals(other.per_area)
        assert one.per_person.equals(other.per_person)
        assert (one.inputs, one.rows_held) == (other.inputs, other.rows_held)
    from pyspark.sql import SparkSession

    assert SparkSession.builder.getOrCreate().sparkContext.master == "local[2]"


def test_spark_is_asked_for_only_when_it_is_chosen(monkeypatch, tmp_path):
    pq.write_table(table(row()), tmp_path / "p.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    assert screen(tmp_path, Areas((area(),)), now=NOW).people == 1
    with pytest.raises(ScreenError) as error:
        screen(tmp_path, Areas((area(),)), now=NOW, engine=SPARK)
    assert error.value.code == "no_spark"


def feature(geometry="square", **properties):
    said = {
        "id": "x",
        "name": "某区",
        "level": "高风险",
        "from": "2021-01-10T00:00:00+08:00",
        "to": None,
        "measure": "test",
    }
    shape = json.loads(shapely.to_geojson(SQUARE)) if geometry == "square" else geometry
    return {"type": "Feature", "properties": said | properties, "geometry": shape}


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def test_areas_are_read_as_the_contract_says():
    areas = read_areas(
        collection(
            feature(lookback_days=2),
            feature(None, id="c", code="440199101000", **{"from": "2021-01-10T08:00", "to": "2021-01-12"}),
        ),
        BEIJING,
    )
    one, two = areas.areas
    assert (one.opens, one.end, one.shape.equals(SQUARE)) == (datetime(2021, 1, 7, 16, tzinfo=UTC), None, True)
    assert (two.code, two.start) == ("440199101", START)
    assert two.end == datetime(2021, 1, 12, 23, 59, 59, 999999, tzinfo=BEIJING)


BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
POINT = {"type": "Point", "coordinates": [116.5, 36.5]}
SWAPPED = {"type": "Polygon", "coordinates": [[[36, 116], [37, 116], [37, 117], [36, 116]]]}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (feature(BOW_TIE), "bad_geometry"),
        (feature(POINT), "bad_geometry"),
        (feature(SWAPPED), "bad_geometry"),
        (feature({"type": "Polygon", "coordinates": []}), "bad_geometry"),
        (feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "bad_geometry"),
        (feature({"kind": "Polygon"}), "bad_geometry"),
        (feature(7), "bad_geometry"),
        (feature(None), "no_place"),
        (feature(None, code="somewhere"), "bad_code"),
        (feature(measure="arrest"), "unknown_measure"),
        (feature(measure=None), "missing_property"),
        (feature(id=""), "missing_property"),
        (feature(**{"from": None}), "missing_property"),
        (feature(**{"from": "soon"}), "bad_window"),
        (feature(**{"from": "2021-01-10T00:00:00"}), "naive_time"),
        (feature(to="2021-01-09T00:00:00Z"), "bad_window"),
        (feature(lookback_days=-1), "bad_window"),
        (feature(lookback_days=1.5), "bad_window"),
        (feature(lookback_days="two"), "bad_window"),
        ({"type": "Feature"}, "bad_geojson"),
        (None, "bad_geojson"),
    ],
)
def test_a_bad_area_is_refused_with_its_row(bad, code):
    with pytest.raises(ScreenError) as error:
        read_areas(collection(feature(id="good"), bad))
    assert (error.value.code, error.value.row) == (code, 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": 3}', "not json"])
def test_what_is_no_collection_is_refused(text):
    with pytest.raises(ScreenError) as error:
        read_areas(text)
    assert error.value.code == "bad_geojson"


def test_two_areas_of_one_id_are_refused():
    with pytest.raises(ScreenError) as error:
        Areas((area("same"), area("same")))
    assert (error.value.code, error.value.row) == ("same_id", 1)


def test_the_store_keeps_good_rows_by_day_sorted_by_cell_and_rejects_the_rest(tmp_path):
    rows = mixed(np.random.default_rng(6), 3000)
    rows = list({tuple(one.items()): one for one in rows}.values())
    store = Store(tmp_path / "store", BEIJING)
    given = table(*rows, *(bad for reason, bad in BAD if bad["venue"] is None), rows[7])
    added = store.add(given, rejects_out=tmp_path / "rejects.parquet")
    assert (added.rows, added.taken) == (given.num_rows, len(rows))
    assert added.taken + sum(added.rejects.values()) == added.rows
    assert added.rejects["duplicate"] == 1
    rejected = pq.read_table(tmp_path / "rejects.parquet").to_pylist()
    assert [one["row"] for one in rejected if one["reason"] == "duplicate"] == [given.num_rows - 1]
    assert store.rows == len(rows)
    assert list(added.days) == store.days == sorted({one["arrived"].astimezone(BEIJING).date() for one in rows})
    for path in (tmp_path / "store").glob("day=*/*.parquet"):
        cells = pq.read_table(path)["cell"]
        assert cells.drop_null().to_pylist() == sorted(cells.drop_null().to_pylist())
    assert screen(store, MIXED_AREAS, now=NOW).per_area.equals(screen(table(*rows), MIXED_AREAS, now=NOW).per_area)


def test_a_replayed_import_adds_nothing_and_a_failed_one_leaves_nothing(tmp_path):
    store = Store(tmp_path)
    rows = table(*mixed(np.random.default_rng(8), 200))
    store.add(rows)
    before, digest = sorted(path.name for path in tmp_path.rglob("*")), store.digest()
    store.add(rows)
    assert (sorted(path.name for path in tmp_path.rglob("*")), store.digest()) == (before, digest)

    def breaks():
        yield table(*mixed(np.random.default_rng(9), 200)).to_batches()[0]
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="dead"):
        store.add(breaks())
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_dropped_days_are_gone(tmp_path):
    store = Store(tmp_path, BEIJING)
    store.add(table(*mixed(np.random.default_rng(10), 500)))
    first, *_, last = store.days
    rows = store.rows
    (dropped, *more) = store.drop_before(last)
    assert (dropped.day, store.days) == (first, [last])
    assert rows == store.rows + sum(one.rows for one in (dropped, *more))
    assert [path.name for path in tmp_path.iterdir()] == [f"day={last.isoformat()}"]
    assert store.drop_before(date(2000, 1, 1)) == []


def test_one_small_area_reads_only_the_row_groups_about_it(tmp_path):
    random = np.random.default_rng(12)
    count = 120_000
    whole = pa.table(
        {
            "person": pa.array(random.integers(0, 999, count)).cast(pa.string()),
            "lon": random.uniform(116, 117, count),
            "lat": random.uniform(36, 37, count),
            "arrived": pa.array([START] * count, pa.timestamp("us", "UTC")),
            "departed": pa.array([START + HOUR] * count, pa.timestamp("us", "UTC")),
        }
    )
    store = Store(tmp_path)
    store.add(whole)
    small = Areas((area(shape=shapely.box(116.1, 36.1, 116.12, 36.12)),))
    one, other = screen(store, small, now=NOW), screen(whole, small, now=NOW)
    assert one.per_area.equals(other.per_area)
    assert one.exposures > 10
    assert one.rows <= 2 * (1 << 14)
    assert one.rows_held == count
    later = Areas((area(shape=small.areas[0].shape, start=START + 2 * HOUR),))
    assert screen(store, later, now=NOW).rows == 0


def test_a_spoilt_index_is_said_to_be_one(tmp_path):
    store = Store(tmp_path)
    store.add(table(row()))
    next(tmp_path.rglob("*.index.json")).write_text("{}")
    with pytest.raises(ScreenError) as error:
        screen(Store(tmp_path), Areas((area(),)), now=NOW)
    assert error.value.code == "bad_store"
