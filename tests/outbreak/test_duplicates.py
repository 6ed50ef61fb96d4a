"""The same stay sent again, in another file, order, table or by another source: known already, and stored once."""

import shutil
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.outbreak.declaring import SQUARE
from tests.outbreak.people import at, write_csv, write_parquet
from tests.outbreak.test_presences import rows, take
from tests.outbreak.test_screening import DISTRICT, keep, order

from duban.demo.builders import make_person
from duban.outbreak import store
from duban.outbreak.models import FoundExposure, PresenceImport

pytestmark = pytest.mark.django_db
NUMBERS = count()
INSIDE = tuple(SQUARE["coordinates"][0][0])


@pytest.fixture(autouse=True)
def empty_store(db: None) -> Any:
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


def stay(person: str, day: int, place: int, departed: int | None) -> dict[str, Any]:
    """A stay; places 0 to 3 are a point, a venue, a code, and all of them."""
    arrived = at(day)
    said: dict[str, Any] = {"person": person, "arrived": arrived}
    said |= {"lon": 116.3, "lat": 39.7} if place in {0, 3} else {}
    said |= {"venue": "店"} if place in {1, 3} else {}
    said |= {"area_code": "110115012"} if place in {2, 3} else {}
    return said | {"departed": None if departed is None else arrived + timedelta(hours=departed)}


Stays = st.lists(
    st.tuples(st.sampled_from(["甲", "乙"]), st.integers(10, 12), st.integers(0, 3), st.sampled_from([None, 0, 1])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.tuples(Stays, st.sampled_from(["登记", "票务"])), min_size=1, max_size=3))
def test_every_row_read_is_taken_once_or_known_already(tmp_path: Path, files: list[Any]) -> None:
    shutil.rmtree(store.folder(), ignore_errors=True)
    PresenceImport.objects.all().delete()
    store.PresencePart.objects.all().delete()
    there: set[Any] = set()
    for stays, source in files:
        done = take(write_parquet(tmp_path / f"{next(NUMBERS)}.parquet", [stay(*one) for one in stays]), source)
        fresh = set(stays) - there
        assert (done.read, done.taken, done.refused) == (len(stays), len(fresh), 0)
        assert done.unchanged == done.read - done.taken
        there |= set(stays)
        assert len(rows()) == len(there)


def test_a_table_says_again_what_a_parquet_file_said(tmp_path: Path) -> None:
    row = {"phone": "13800000001", "lon": "116.3", "lat": "39.7", "departed": ""}
    file = write_csv(tmp_path / "a.csv", row | {"arrived": "2021-01-18 09:00"})
    assert take(file).taken == 1
    same = {"person": "13800000001", "lon": 116.3, "lat": 39.7, "arrived": at(18)}
    again = take(write_parquet(tmp_path / "b.parquet", [same]), "别家")
    assert (again.read, again.taken, again.unchanged) == (1, 0, 1)


def test_a_visit_that_two_sources_tell_of_is_one_visit(tmp_path: Path) -> None:
    lon, lat = INSIDE
    said = {"person": "甲", "lon": lon, "lat": lat, "arrived": at(18), "departed": at(18, 10)}
    for index, source in enumerate(("登记", "票务", "登记")):
        take(write_parquet(tmp_path / f"{index}.parquet", [said, {**said, "person": f"其他{index}"}]), source)
    officer = make_person("officer", "health_officer", DISTRICT)
    keep(officer, order(officer))
    visits = sorted(FoundExposure.objects.values_list("visits", "minutes"))
    assert visits == [(1, 60.0)] * 4
    assert sorted(PresenceImport.objects.values_list("read", "taken", "unchanged")) == [(2, 1, 1), (2, 1, 1), (2, 2, 0)]
