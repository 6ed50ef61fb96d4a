"""The command `screen` over the store, with each form of the plan."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from tests.engines.screen.test_screen import spark_warnings, without_spark
from tests.outbreak.declaring import collection, feature
from tests.outbreak.people import at, write_parquet

from duban.core import clock
from duban.core.audit import Console
from duban.engines.screen import ARROW, ENGINES
from duban.outbreak import store
from duban.outbreak.presences import import_presences


@pytest.mark.django_db
@without_spark
@spark_warnings
def test_the_command_says_the_same_by_every_engine(tmp_path, capsys, monkeypatch, settings):
    monkeypatch.setattr(clock, "now", lambda: at(25))
    settings.DUBAN_SPARK_MASTER = "local[2]"
    shutil.rmtree(store.folder(), ignore_errors=True)
    given = [
        {
            "person": f"p{index % 40}",
            "lon": 116.28 + (index * 13 % 100) / 1250,
            "lat": 39.66 + (index * 29 % 100) / 1250,
            "arrived": at(2 + index % 20, index % 24),
            "departed": at(2 + index % 20, index % 24, 30) if index % 7 else None,
        }
        for index in range(200)
    ]
    file = write_parquet(tmp_path / "a.parquet", given)
    import_presences(by=Console(), now=at(25), path=file, name=file.name, source="登记")
    areas = tmp_path / "areas.geojson"
    areas.write_bytes(collection(feature(), feature(id="b", to="2021-01-18", lookback_days=1)))
    try:
        told, rows = {}, {}
        for engine in ENGINES:
            out = tmp_path / f"{engine}.parquet"
            call_command("screen", areas=str(areas), presences="store", out=out, engine=engine, json=True)
            said = json.loads(capsys.readouterr().out)
            assert said["engine"] == engine
            told[engine] = said["people"], said["rows"], said["inputs"]
            rows[engine] = pq.read_table(out), pq.read_table(said["people_out"])
    finally:
        shutil.rmtree(store.folder(), ignore_errors=True)
    assert told[ARROW][0] > 10
    for engine in ENGINES:
        assert told[engine] == told[ARROW]
        assert all(one.equals(other) for one, other in zip(rows[engine], rows[ARROW], strict=True))
