"""Lists whose positions are in another datum than they say: refused where known places say so, and only there."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from tests.outbreak.people import at, write_csv, write_parquet
from tests.outbreak.test_presences import take

from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.engines.geo import datums
from duban.outbreak import datum_check, store
from duban.outbreak.datum_check import suspect
from duban.outbreak.models import Identity
from duban.outbreak.reading import DATUMS
from duban.places.models import Layer
from duban.venues.actions import record_venue

TOWNS = {f"1101121{n:02d}": (116.60 + n * 0.05, 39.80) for n in range(4)}
"""Towns side by side, 0.05 degrees wide and high; by code their south-west corners."""


@pytest.fixture(autouse=True)
def empty_store(db: None) -> Iterator[None]:
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


@pytest.fixture
def boundaries(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import shapely

    shapes = [shapely.box(west, south, west + 0.05, south + 0.05) for west, south in TOWNS.values()]
    features = datum_check.places.LayerFeatures(list(TOWNS), list(TOWNS), np.array(shapes, dtype=object))
    monkeypatch.setattr(datum_check.places, "layer_in_use", lambda name: (Layer(name=name), features))


def people_of_towns(true: str, count: int = 1200, seed: int = 1) -> list[dict[str, Any]]:
    """People anywhere in the towns, with their codes; positions in the datum `true`."""
    chance = random.Random(seed)
    rows = []
    for index in range(count):
        code = chance.choice(list(TOWNS))
        west, south = TOWNS[code]
        lon, lat = west + chance.random() * 0.05, south + chance.random() * 0.05
        (x,), (y,) = datums.from_wgs84([lon], [lat], true)
        rows.append({"person": f"p{index}", "lon": x, "lat": y, "area_code": code, "arrived": at(18)})
    return rows


def sent(path: Path, true: str, said: str) -> tuple[str, str | None, str]:
    """Code, field and words of the refusal; empty if it was taken."""
    try:
        take(write_parquet(path / f"{true}-{said}.parquet", people_of_towns(true)), f"{true}-{said}", datum=said)
    except DubanError as refusal:
        return refusal.code, refusal.field, str(refusal)
    return "", None, ""


@pytest.mark.usefixtures("boundaries")
@pytest.mark.parametrize("true", DATUMS)
def test_each_datum_is_told_from_each_by_the_boundaries(tmp_path: Path, true: str) -> None:
    for said in DATUMS:
        with translation.override("en"):
            code, field, words = sent(tmp_path, true, said)
        assert (code, field) == (("", None) if true == said else ("datum_suspected", "datum"))
        assert (f"are {true}," in words) == (true != said)
        # Of a refused list nobody is kept.
        assert Identity.objects.exists() == (true == said)
        Identity.objects.all().delete()


def test_without_known_places_nothing_is_guessed(tmp_path: Path) -> None:
    assert sent(tmp_path, "gcj02", "wgs84")[0] == ""


@pytest.mark.usefixtures("boundaries")
def test_codes_that_say_something_else_accuse_nobody(tmp_path: Path) -> None:
    """Codes of where people live, of one town for all, a moved boundary, a market just beyond it."""
    chance = random.Random(2)
    rows = people_of_towns("wgs84")
    at_home = [row | {"area_code": chance.choice(list(TOWNS))} for row in rows]
    one = [row | {"area_code": next(iter(TOWNS))} for row in rows]
    west, south = TOWNS["110112101"]
    moved = [
        row | {"lon": west + 0.0501 + chance.random() * 0.003, "lat": south + chance.random() * 0.05,
               "area_code": "110112101"}
        for row in rows
    ]  # fmt: skip
    market = [row | {"lon": west + 0.053, "lat": south + 0.02, "area_code": "110112101"} for row in rows]
    for index, case in enumerate((at_home, one, moved, market)):
        assert take(write_parquet(tmp_path / f"{index}.parquet", case), f"source {index}").taken > 0, index


def test_check_ins_at_venues_tell_it_too(tmp_path: Path) -> None:
    by = make_person("inspector", "inspector", "110112")
    rows = []
    for index in range(10):
        lon, lat = 116.60 + index * 0.01, 39.80 + index * 0.005
        venue = record_venue(
            by=by, now=NOON, name=f"店{index}", kind="shop", lon=lon, lat=lat, jurisdiction="110112104"
        )
        (x,), (y,) = datums.from_wgs84([lon + 0.0003], [lat], "gcj02")
        for person in range(3):
            told = {"phone": f"138{index:04d}{person:04d}", "venue": venue.token, "arrived": "2021-01-18 09:00"}
            rows.append(told | {"lon": f"{x:.6f}", "lat": f"{y:.6f}"})
    columns = ("phone", "venue", "lon", "lat", "arrived")
    with pytest.raises(DubanError) as refusal:
        take(write_csv(tmp_path / "a.csv", *rows, columns=columns))
    assert refusal.value.code == "datum_suspected"
    assert not Identity.objects.exists()
    assert take(tmp_path / "a.csv", datum="gcj02").taken == 30
    # Three venues may be where nobody thought; too few to say.
    assert take(write_csv(tmp_path / "b.csv", *rows[:9], columns=columns), "别家").taken == 9


Rows = st.lists(
    st.tuples(st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 2), st.integers(0, 30)), max_size=120
)


@given(Rows)
def test_no_list_is_accused_but_by_nine_places_of_ten(rows: list[tuple[list[bool], int, int]]) -> None:
    """Held against a count row by row, and blind to the order of the rows."""
    agrees = np.array([row[0] for row in rows], dtype=bool).reshape(-1, 3)
    said = np.array([row[1] for row in rows], dtype=np.int64)
    place = np.array([str(row[2]) for row in rows])
    name = np.array([str(row[2] % 5) for row in rows])
    found = suspect(agrees, said, place, name)
    back = slice(None, None, -1)
    assert suspect(agrees[back], said[back], place[back], name[back]) == found
    if found is None:
        return
    tally: dict[int, int] = {}
    for reads, one, where in rows:
        if one == found.said:
            tally[where] = tally.get(where, 0) + reads[found.other] - reads[found.said]
    pro, contra = sum(vote > 0 for vote in tally.values()), sum(vote < 0 for vote in tally.values())
    assert (pro, contra) == (found.places, found.against)
    assert pro >= 8
    assert pro >= 9 * contra
