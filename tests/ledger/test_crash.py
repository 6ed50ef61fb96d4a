"""The process killed in the middle of an import: nothing half done, and the same file again completes it."""

import csv
import json
from pathlib import Path

import pytest
from tests.crashing import installation, run, run_killed

from duban.demo.builders import make_jpeg

ROWS = 12
POINTS = [
    "duban.core.files:write_whole:4:before",
    "duban.core.files:os.replace:5:after",
    "duban.evidence.actions:Photo.save:3:after",
    "duban.ledger.recording:insert:1:before",
    "duban.ledger.recording:insert:1:after",
    "duban.ledger.recording:insert:2:after",
    "duban.ledger.recording:insert:3:after",
    "duban.ledger.recording:seal_on_commit:1:after",
]
AFTER_COMMIT = "duban.ledger.history:seal_if_free:1:before"


def _file(folder: Path) -> Path:
    file = folder / "findings.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow("found_at lon lat datum category photo external_id".split())
        for index in range(ROWS):
            (folder / f"{index}.jpg").write_bytes(make_jpeg(index))
            writer.writerow(["2021-01-18 09:00", 116.8, 39.8 + index / 1000, "gcj02", "06010", f"{index}.jpg", index])
    return file


def test_an_import_killed_anywhere_is_all_or_nothing_and_the_replay_completes_it(tmp_path: Path) -> None:
    file = _file(tmp_path)
    command = ("import_findings", str(file), "--by", "wang", "--json")
    with installation(tmp_path) as environment:
        run(environment, "add_person", "wang", "--role", "supervisor", "--at", "110112")
        for point in POINTS:
            run_killed(environment, point, *command)
            assert run(environment, "verify_history") == "0", point
            left = json.loads(run(environment, "draft_bulletin", "--by", "wang", "--json"))
            assert (left["new"], left["rectified"]) == (0, 0), point
        run_killed(environment, AFTER_COMMIT, *command)
        assert run(environment, "verify_history") == "0"
        done = json.loads(run(environment, *command))
        assert done == {"taken": 0, "updated": 0, "unchanged": ROWS, "refused": 0, "report": None}
        assert json.loads(run(environment, "draft_bulletin", "--by", "wang", "--json"))["new"] == ROWS
        assert run(environment, "verify_history") == "0"


@pytest.mark.parametrize(
    "point", ["duban.places.actions:write_layer:1:after", "duban.places.actions:Layer.save:1:after"]
)
def test_a_layer_load_killed_leaves_the_old_layer_in_use(point: str, tmp_path: Path) -> None:
    def layer(name: str) -> str:
        road = {"type": "LineString", "coordinates": [[116.8, 39.8], [116.9, 39.8]]}
        feature = {"type": "Feature", "properties": {"name": name}, "geometry": road}
        file = tmp_path / f"{name}.geojson"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
        return str(file)

    with installation(tmp_path) as environment:
        run(environment, "load_layer", "roads", layer("旧路"))
        run_killed(environment, point, "load_layer", "roads", layer("新路"))
        located = json.loads(run(environment, "locate", "116.85", "39.81", "--json"))
        assert located["road"]["name"] == "旧路"
