"""The process killed in the middle of a publication: everything is there or nothing, and the replay gets the number."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crashing import installation, refused, run, run_killed

from duban.demo.builders import make_jpeg

# Each of these lies before the commit: nothing may be left of the publication.
BEFORE_COMMIT = [
    "duban.bulletin.actions:Issue.save:1:after",
    "duban.bulletin.actions:Issue.save:2:before",
    "duban.bulletin.actions:Issue.save:2:after",
    "duban.bulletin.actions:history.seal_heads:1:after",
    "duban.bulletin.actions:ledger_actions.list_entry:1:after",
    "duban.bulletin.actions:document_of:1:after",
    "duban.bulletin.actions:seal:1:before",
    "duban.bulletin.actions:Series.save:1:after",
    "duban.bulletin.actions:audit.record:2:after",
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An installation with a draft of two findings, for a series that goes on with No. 193."""
    folder = tmp_path_factory.mktemp("crash")
    file = folder / "findings.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow("found_at lon lat datum category photo".split())
        for index in range(2):
            (folder / f"{index}.jpg").write_bytes(make_jpeg(index))
            writer.writerow(["2021-01-18 09:00", 116.8, 39.8 + index / 1000, "wgs84", "06010", f"{index}.jpg"])
    with installation(folder) as environment:
        load_layers(environment, folder)
        for person in ("wang", "li"):
            run(environment, "add_person", person, "--role", "supervisor", "--at", "110112")
        run(environment, "import_findings", str(file), "--by", "wang")
        run(environment, "draft_bulletin", "--by", "wang", "--first", "193")
        yield environment


def load_layers(environment: dict[str, str], folder: Path) -> None:
    """A town, a village and a road, so that the findings get their statements."""
    square = [[[116.7, 39.7], [116.9, 39.7], [116.9, 39.9], [116.7, 39.9], [116.7, 39.7]]]
    shapes = {
        "boundaries": ("西集镇", {"type": "Polygon", "coordinates": square}),
        "villages": ("大沙务村", {"type": "Point", "coordinates": [116.8, 39.8]}),
        "roads": ("潮河大堤路", {"type": "LineString", "coordinates": [[116.7, 39.79], [116.9, 39.79]]}),
    }
    for layer, (name, geometry) in shapes.items():
        properties = {"name": name, "code": "110112105"}
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        file = folder / f"{layer}.geojson"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
        run(environment, "load_layer", layer, str(file))


def test_a_publication_killed_anywhere_is_all_or_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    command = ("publish_bulletin", "--by", "wang", "--approved-by", "li")
    export = ("--format", "json", "--out", str(tmp_path / "bulletin.json"))
    for point in BEFORE_COMMIT:
        run_killed(environment, point, *command)
    assert run(environment, "verify_history") == "0"
    assert "no_such_number" in refused(environment, "export_bulletin", "193", *export)
    assert run(environment, *command) == "193"
    run(environment, "export_bulletin", "193", *export)
    document = json.loads((tmp_path / "bulletin.json").read_text("utf-8"))
    assert (document["counts"], document["previous"]) == ({"rectified": 0, "new": 2}, "")
    assert run(environment, "verify_history") == "0"

    # Killed after the commit, in the middle of writing a file: the number is given out, and the file is made again.
    run(environment, "draft_bulletin", "--by", "wang")
    assert run(environment, *command) == "194"
    pdf = tmp_path / "bulletin.pdf"
    wanted = ("export_bulletin", "193", "--format", "pdf", "--out", str(pdf))
    for point in ("duban.core.files:os.replace:1:before", "duban.core.files:os.replace:1:after"):
        run_killed(environment, point, *wanted)
        assert not pdf.exists()
    run(environment, *wanted)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert run(environment, "verify_history") == "0"
