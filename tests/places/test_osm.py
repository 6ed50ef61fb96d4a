"""An OpenStreetMap extract fills the layers with what statements need, and nothing that would mislead them."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from tests.places.test_layers import geojson, load, road

from duban.places import queries
from duban.places.models import Layer

pytestmark = pytest.mark.django_db(transaction=True)

NODES = {
    1: (116.00, 39.00), 2: (116.10, 39.00), 3: (116.10, 39.10), 4: (116.00, 39.10),
    5: (116.02, 39.05), 6: (116.08, 39.05), 7: (116.05, 39.06), 8: (116.06, 39.04),
}  # fmt: skip
TAGGED = {
    1: {"place": "city", "name": "大城"},
    7: {"place": "village", "name": "柳林"},
    8: {"amenity": "school", "name": "柳林小学"},
}
WAYS = {
    10: ([5, 6], {"highway": "secondary", "name": "柳林路"}),
    11: ([5, 8], {"highway": "footway", "name": "小径"}),
    12: ([5, 7], {"highway": "residential"}),
    13: ([1, 3], {"waterway": "river", "name": "东河"}),
    14: ([1, 2, 3, 4, 1], {"boundary": "administrative", "name": "某区", "division_code": "110112"}),
    15: ([1, 2, 3, 4, 1], {"boundary": "administrative", "name": "无码区"}),
    16: ([5, 6, 8, 5], {"natural": "water", "name": "湖"}),
}


def osm(folder: Path) -> Path:
    def tags(pairs: dict[str, str]) -> str:
        return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in pairs.items())

    nodes = "".join(
        f'<node id="{number}" version="1" lon="{lon}" lat="{lat}">{tags(TAGGED.get(number, {}))}</node>'
        for number, (lon, lat) in NODES.items()
    )
    ways = ""
    for number, (points, pairs) in WAYS.items():
        course = "".join(f'<nd ref="{point}"/>' for point in points)
        ways += f'<way id="{number}" version="1">{course}{tags(pairs)}</way>'
    file = folder / "small.osm"
    file.write_text(f'<?xml version="1.0"?><osm version="0.6">{nodes}{ways}</osm>', encoding="utf-8")
    return file


def test_named_things_fill_their_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_osm", str(osm(tmp_path)), "--json")
    said = capsys.readouterr()
    counts = json.loads(said.out.splitlines()[-1])
    assert counts == {"boundaries": 1, "landmarks": 1, "roads": 1, "villages": 1, "waters": 2}
    assert "1 administrative boundaries carry no code" in said.err
    located = queries.locate_points([116.05], [39.055])[0]
    assert located["jurisdiction"]["code"] == "110112"
    assert located["village"] == "柳林村"
    assert located["road"]["name"] == "柳林路"
    assert Layer.objects.get(pk="roads").source.startswith("OpenStreetMap")


@pytest.mark.parametrize("data", [b"", b"<osm><node id=", b"not a map at all"])
def test_a_bad_extract_leaves_the_old_layers(data: bytes, tmp_path: Path) -> None:
    version = load("roads", geojson(road("旧路"))).version
    file = tmp_path / "bad.osm"
    file.write_bytes(data)
    with pytest.raises(CommandError, match="osm_unreadable"):
        call_command("load_osm", str(file))
    assert Layer.objects.get(pk="roads").version == version
