"""Layers: replaced whole or not at all, bad files named by feature, and seen at once by whoever locates."""

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from django.test import Client

from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.places import actions, queries
from duban.places.files import layer_path, read_layer
from duban.places.geojson import read_geojson
from duban.places.models import Layer

NOW = datetime(2021, 1, 20, tzinfo=UTC)
SQUARE = [[[116.0, 39.0], [117.0, 39.0], [117.0, 40.0], [116.0, 40.0], [116.0, 39.0]]]


def geojson(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}).encode()


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def road(name: str | None = "环路", south: float = 39.5) -> dict[str, Any]:
    return feature("LineString", [[116.1, south], [116.9, south]], name=name)


def load(name: str, data: bytes, **options: Any) -> Layer:
    read = read_geojson(data, name)
    return actions.load_layer(by=Console(), now=NOW, name=name, features=read.features, **options)


pytestmark = pytest.mark.django_db(transaction=True)


def test_loading_replaces_and_append_adds_and_old_files_go() -> None:
    first = load("roads", geojson(road("甲路")))
    old = layer_path("roads", first.version)
    assert old.exists()
    second = load("roads", geojson(road("乙路", 39.6)))
    assert not old.exists()
    assert read_layer("roads", second.version).names == ["乙路"]
    third = load("roads", geojson(road("丙路", 39.7)), append=True)
    assert read_layer("roads", third.version).names == ["乙路", "丙路"]
    assert load("roads", geojson()).feature_count == 0
    assert queries.locate_points([116.5], [39.5])[0]["road"] is None


def test_a_new_layer_is_seen_by_the_next_locate_of_a_running_process() -> None:
    load("roads", geojson(road("甲路")))
    assert queries.locate_points([116.5], [39.51])[0]["road"]["name"] == "甲路"
    load("roads", geojson(road("乙路")), as_of=date(2020, 11, 1))
    located = queries.locate_points([116.5], [39.51])[0]
    assert located["road"]["name"] == "乙路"
    assert located["layers"] == {"roads": "2020-11-01"}


def test_the_file_is_geoparquet_that_others_can_read() -> None:
    layer = load("boundaries", geojson(feature("Polygon", SQUARE, name="某镇", code="110112106000")))
    geo = json.loads(pq.read_schema(layer_path("boundaries", layer.version)).metadata[b"geo"])
    assert geo["primary_column"] == "geometry"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    read = read_layer("boundaries", layer.version)
    assert read.codes == ["110112106"]
    assert read.geometries[0].equals(shapely.box(116, 39, 117, 40))


def test_the_same_features_put_back_in_use_keep_their_file() -> None:
    first = load("roads", geojson(road("甲路")))
    load("roads", geojson(road("乙路")))
    again = load("roads", geojson(road("甲路")))
    actions._remove_unused("roads", again.version)
    assert again.version == first.version
    assert layer_path("roads", again.version).exists()


def test_an_outline_that_crosses_itself_a_hair_is_mended_and_schematic_is_kept() -> None:
    ring = [[116.0, 39.0], [117.0, 39.0], [117.0, 40.0], [116.5, 40.0], [116.5, 40.00001], [116.5, 40.0], [116.0, 40.0]]
    hair = [[*ring, ring[0]]]
    read = read_geojson(geojson(feature("Polygon", hair, code="110112")), "boundaries")
    assert read.features.geometries[0].is_valid
    assert read_geojson(geojson(road(), schematic=True), "roads").schematic
    assert np.all(shapely.get_coordinate_dimension(read.features.geometries) == 2)


BAD_LAYERS = [
    ("roads", b"", "layer_not_json"),
    ("roads", b"{", "layer_not_json"),
    ("roads", b"\xff\xfe\x00", "layer_not_json"),
    ("roads", b"[" * 100_000, "layer_not_json"),
    ("roads", b"[]", "layer_not_features"),
    ("roads", b'{"type": "Feature"}', "layer_not_features"),
    ("roads", b'{"features": {}}', "layer_not_features"),
    ("roads", geojson(crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}), "layer_crs"),
    ("roads", geojson(crs="EPSG:4490"), "layer_crs"),
    ("roads", geojson(crs={"type": "name", "properties": "EPSG:3857"}), "layer_crs"),
    ("roads", b'{"type": "Topology", "features": []}', "layer_not_features"),
    ("roads", geojson("road"), "feature_malformed"),
    ("roads", geojson(road("\ud800")), "feature_malformed"),
    ("roads", geojson(feature("LineString", [[116, 39], [117, 39]], name={"a": 1})), "feature_malformed"),
    ("roads", geojson({"type": "Feature", "properties": {}, "geometry": {"type": ["Point"]}}), "feature_geometry"),
    ("roads", geojson({"type": "Feature", "properties": [], "geometry": None}), "feature_malformed"),
    ("roads", geojson({"type": "Feature", "properties": {}, "geometry": None}), "feature_geometry"),
    ("roads", geojson(feature("Point", [116, 39])), "feature_geometry"),
    ("roads", geojson(feature("Polygon", SQUARE)), "feature_geometry"),
    ("villages", geojson(feature("LineString", [[116, 39], [117, 39]])), "feature_geometry"),
    ("boundaries", geojson(feature("Point", [116, 39], code="110112")), "feature_geometry"),
    ("roads", geojson(feature("LineString", [[116.0, 39.0]])), "feature_geometry"),
    ("roads", geojson(feature("LineString", "here")), "feature_geometry"),
    ("roads", geojson(feature("LineString", [])), "feature_geometry"),
    ("roads", geojson(feature("LineString", [[116.0, None], [117.0, 39.0]])), "feature_geometry"),
    ("roads", geojson(road()).replace(b"116.1", b"NaN"), "layer_not_json"),
    ("roads", geojson(feature("LineString", [[39.0, 116.0], [39.1, 116.0]])), "feature_swapped"),
    ("roads", geojson(feature("LineString", [[440000, 4400000], [440010, 4400000]])), "feature_off_earth"),
    ("roads", geojson(feature("LineString", [[1e400, 39.0], [116.0, 39.0]])), "layer_not_json"),
    ("boundaries", geojson(feature("Polygon", SQUARE, name="无码")), "boundary_without_code"),
    ("boundaries", geojson(feature("Polygon", SQUARE, code="ABC")), "bad_code"),
    ("boundaries", geojson(feature("Polygon", SQUARE, code="11")), "bad_code"),
    (
        "boundaries",
        geojson(feature("Polygon", [[[116, 39], [117, 40], [117, 39], [116, 40], [116, 39]]], code="110112")),
        "feature_outline",
    ),
]


@pytest.mark.parametrize(("name", "data", "code"), BAD_LAYERS)
def test_a_bad_layer_is_refused_by_code_and_the_old_one_stays(name: str, data: bytes, code: str) -> None:
    good = {
        "roads": geojson(road("旧路")),
        "villages": geojson(feature("Point", [116.5, 39.5], name="旧村")),
        "boundaries": geojson(feature("Polygon", SQUARE, name="旧镇", code="110112")),
    }[name]
    version = load(name, good).version
    with pytest.raises(DubanError) as refusal:
        load(name, data)
    assert refusal.value.code == code
    assert Layer.objects.get(pk=name).version == version
    assert layer_path(name, version).exists()


def test_maps_get_layers_with_an_address_per_version_and_a_304_when_they_have_it(client: Client) -> None:
    load("roads", geojson(road("甲路"), road(None)), schematic=True, source="手绘")
    index = client.get("/places/layers.json").json()["layers"]
    assert [(layer["name"], layer["schematic"], layer["source"]) for layer in index] == [("roads", True, "手绘")]
    answer = client.get(index[0]["url"])
    collection = json.loads(answer.content)
    assert [f["properties"]["name"] for f in collection["features"]] == ["甲路", ""]
    assert client.get(index[0]["url"], headers={"If-None-Match": answer["ETag"]}).status_code == 304
    load("roads", geojson(road("乙路")))
    assert client.get("/places/layers.json").json()["layers"][0]["url"] != index[0]["url"]
    assert client.get("/places/layers/rivers.geojson").status_code == 404
