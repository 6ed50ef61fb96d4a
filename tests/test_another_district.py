"""The main job on a district the code has never seen, given as files: codes, layers, 12 findings with photos.

Every statement on the published PDF is held against distances that pyproj computes on its own.
"""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import shapely
from django.core.management import call_command
from pyproj import Transformer

from duban.demo.builders import make_jpeg
from duban.ledger.models import Entry

CENTRE = (103.80, 36.05)
TOWNS = {"620199101": "北塬镇", "620199102": "南滩乡", "620199001": "河湾街道"}
VILLAGES = {
    "620199101201": ("上塬村委会", 103.76, 36.11),
    "620199101202": ("石沟", 103.84, 36.12),
    "620199102201": ("沙滩村村委会", 103.75, 36.00),
    "620199102202": ("柳坪村民委员会", 103.83, 35.99),
    "620199001001": ("桥头社区居委会", 103.80, 36.055),
}


def collection(*features: tuple[str, str, Any, dict[str, str]]) -> str:
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": name, **more},
                    "geometry": {"type": kind, "coordinates": coordinates},
                }
                for name, kind, coordinates, more in features
            ],
        },
        ensure_ascii=False,
    )


def box(west: float, south: float, east: float, north: float) -> list:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def winding(seed: int, start: tuple[float, float], end: tuple[float, float]) -> list[list[float]]:
    steps = np.linspace(0, 1, 40)[:, None]
    line = np.array(start) * (1 - steps) + np.array(end) * steps
    line[1:-1] += np.random.default_rng(seed).normal(0, 0.0015, (38, 2))
    return line.round(7).tolist()


ROADS = {
    f"{name}路": winding(seed, start, end)
    for seed, (name, start, end) in enumerate(
        [
            ("上塬", (103.70, 36.10), (103.82, 36.13)),
            ("石沟", (103.80, 36.14), (103.90, 36.09)),
            ("沙滩", (103.70, 36.01), (103.80, 35.98)),
            ("柳坪", (103.78, 35.97), (103.90, 36.02)),
            ("桥头", (103.78, 36.05), (103.82, 36.06)),
        ]
    )
}
WATERS = {
    "黄水": winding(50, (103.70, 36.03), (103.90, 36.035)),
    "石沟河": winding(51, (103.86, 36.14), (103.84, 36.04)),
}
LANDMARKS = {"桥头小学": (103.7985, 36.0555), "河湾市场": (103.8030, 36.0570)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [("code", "name", "remark"), ("620199000000", "试验区", "x")]
    rows += [(f"{code}000", name, "") for code, name in TOWNS.items()]
    rows += [(code, name, "") for code, (name, _lon, _lat) in VILLAGES.items()]
    (tmp_path / "codes.csv").write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    boundaries = [
        ("北塬镇", "Polygon", box(103.70, 36.07, 103.90, 36.15), {"code": "620199101000"}),
        ("南滩乡", "Polygon", box(103.70, 35.95, 103.90, 36.04), {"code": "620199102"}),
        ("河湾街道", "Polygon", box(103.70, 36.04, 103.90, 36.07), {"code": "620199001"}),
    ]
    layers = {
        "boundaries": collection(*boundaries),
        "roads": collection(*[(name, "LineString", line, {}) for name, line in ROADS.items()]),
        "waters": collection(*[(name, "LineString", line, {}) for name, line in WATERS.items()]),
        "villages": collection(*[(name, "Point", [lon, lat], {}) for name, lon, lat in VILLAGES.values()]),
        "landmarks": collection(*[(name, "Point", list(at), {}) for name, at in LANDMARKS.items()]),
    }
    for name, text in layers.items():
        (tmp_path / f"{name}.geojson").write_text(text, encoding="utf-8")
    return tmp_path


def findings() -> list[tuple[float, float]]:
    """Eight points in the countryside, four in the sub-district, seeded."""
    dice = np.random.default_rng(7)
    rural = [
        (103.72 + 0.16 * x, (36.08 if i % 2 else 35.96) + 0.06 * y) for i, (x, y) in enumerate(dice.random((8, 2)))
    ]
    urban = [(103.795 + 0.012 * x, 36.05 + 0.012 * y) for x, y in dice.random((4, 2))]
    return [(round(lon, 6), round(lat, 6)) for lon, lat in rural + urban]


def nearest(lines: dict[str, list], lon: float, lat: float) -> tuple[str, float]:
    """Name and metres of the nearest line, on a plane that keeps distances from this very point true."""
    plane = Transformer.from_crs("EPSG:4326", f"+proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=WGS84", always_xy=True)
    metres = {
        name: shapely.LineString(np.column_stack(plane.transform(*np.array(line).T))).distance(shapely.Point(0, 0))
        for name, line in lines.items()
    }
    name = min(metres, key=metres.__getitem__)
    return name, metres[name]


def last_line(capsys: pytest.CaptureFixture[str], *command: str, **options: Any) -> str:
    capsys.readouterr()
    flags = [f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}") for key, value in options.items()]
    call_command(*command, *flags)
    return capsys.readouterr().out.splitlines()[-1]


@pytest.mark.django_db(transaction=True)
def test_twelve_findings_of_another_district_become_a_published_pdf_with_true_statements(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert last_line(capsys, "load_jurisdictions", str(folder / "codes.csv")) == "9"
    for name in ("boundaries", "roads", "waters", "villages", "landmarks"):
        assert int(last_line(capsys, "load_layer", name, str(folder / f"{name}.geojson"))) > 0
    last_line(capsys, "add_person", "wang", role="supervisor", at="620199")
    last_line(capsys, "add_person", "li", role="publisher", at="620199000000")

    points = findings()
    with (folder / "findings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("found_at lon lat datum category description photo external_id".split())
        for index, (lon, lat) in enumerate(points):
            (folder / f"{index}.jpg").write_bytes(make_jpeg(index))
            writer.writerow(
                ["2024-05-06 10:00", lon, lat, "wgs84", "06011", f"渣土{index}", f"{index}.jpg", f"F-{index}"]
            )
    done = json.loads(last_line(capsys, "import_findings", str(folder / "findings.csv"), by="wang", json=True))
    assert done == {"taken": 12, "updated": 0, "unchanged": 0, "refused": 0, "report": None}

    last_line(capsys, "draft_bulletin", by="wang", first=31)
    assert last_line(capsys, "publish_bulletin", by="wang", approved_by="li") == "31"
    pdf = folder / "bulletin.pdf"
    last_line(capsys, "export_bulletin", "31", format="pdf", out=str(pdf))
    printed = _text(pdf)

    entries = {(entry.lon, entry.lat): entry for entry in Entry.objects.all()}
    for lon, lat in points[:8]:
        statement = entries[lon, lat].statement
        assert re.sub(r"\s", "", statement) in printed
        _check_rural(statement, lon, lat)
    for lon, lat in points[8:]:
        statement = entries[lon, lat].statement
        assert re.sub(r"\s", "", statement) in printed
        _check_urban(statement, lon, lat)
    assert last_line(capsys, "verify_history") == "0"


def _text(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf.read_bytes()))
    text = "".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return re.sub(r"\s", "", text)


def _check_rural(statement: str, lon: float, lat: float) -> None:
    said = re.fullmatch(r"(北塬镇|南滩乡)(\w+村)距(\w+?路)约(\d+)米,距(\w+?)约(\d+)米", statement)
    assert said, statement
    town, village, road, road_metres, water, water_metres = said.groups()
    assert town == ("北塬镇" if lat > 36.07 else "南滩乡")
    in_town = {code: place for code, place in VILLAGES.items() if TOWNS[code[:9]] == town}
    closest = min(in_town.values(), key=lambda place: (place[1] - lon) ** 2 * 0.654 + (place[2] - lat) ** 2)
    assert village == re.sub(r"(村民委员会|村委会|村)$", "", re.sub(r"(村民委员会|村委会)$", "", closest[0])) + "村"
    for name, metres, lines in ((road, road_metres, ROADS), (water, water_metres, WATERS)):
        true_name, true_metres = nearest(lines, lon, lat)
        assert name == true_name
        assert abs(int(metres) - true_metres) <= max(1.0, 0.005 * true_metres)


def _check_urban(statement: str, lon: float, lat: float) -> None:
    said = re.fullmatch(r"河湾街道(\w+?路)(桥头小学|河湾市场)([东南西北]{1,2})侧", statement)
    assert said, statement
    road, landmark, side = said.groups()
    assert road == nearest(ROADS, lon, lat)[0]
    marks = {name: [list(at), [at[0] + 1e-9, at[1]]] for name, at in LANDMARKS.items()}
    assert landmark == nearest(marks, lon, lat)[0]
    east = (lon - LANDMARKS[landmark][0]) * np.cos(np.radians(lat))
    bearing = np.degrees(np.arctan2(east, lat - LANDMARKS[landmark][1])) % 360
    assert side == "北 东北 东 东南 南 西南 西 西北".split()[round(bearing / 45) % 8]
