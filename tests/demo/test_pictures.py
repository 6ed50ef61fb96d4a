"""The drawn pictures: the same bytes for the same seed, the same place before and after, EXIF as a phone writes it."""

import csv
import io
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image

from duban.demo.pictures import SIZE, SUBJECTS, draw_picture
from duban.demo.rubbish import BEFORE
from duban.demo.stages import STAGES
from duban.evidence.images import examine
from duban.ledger.categories import REFERENCE

BEIJING = timezone(timedelta(hours=8))


def pixels(data: bytes) -> np.ndarray:
    """(120, 160) grey, 0 to 255."""
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert image.size == SIZE
        return np.asarray(image.convert("L").resize((160, 120)), float)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_before_and_after_are_one_place_that_differs_where_the_rubbish_lay(stage: str) -> None:
    seed = sorted(STAGES).index(stage) + 11
    before, after = (
        pixels(draw_picture(seed, cleared=cleared, stage=stage, subject="heap", snow=0.3)) for cleared in (False, True)
    )
    changed = np.abs(before - after) > 12
    assert 0.01 < changed.mean() < 0.25
    # What has changed lies on the ground in front of us, not in the sky and not everywhere across.
    rows, columns = np.nonzero(changed)
    assert rows.min() > 25
    assert np.quantile(columns, 0.95) - np.quantile(columns, 0.05) < 100
    assert np.abs(before - after)[~changed].mean() < 3


@pytest.mark.parametrize("subject", sorted(BEFORE))
def test_everything_can_be_found_and_is_seen_to_be_gone(subject: str) -> None:
    before, after = (pixels(draw_picture(5, cleared=cleared, stage="lane", subject=subject)) for cleared in (0, 1))
    assert (np.abs(before - after) > 12).mean() > 0.005


def test_a_picture_follows_from_its_seed_and_every_seed_has_another() -> None:
    again = [draw_picture(8, cleared=False, snow=0.5) for _time in range(2)]
    assert again[0] == again[1]
    assert len({draw_picture(seed, cleared=False) for seed in range(8, 16)}) == 8


def test_snow_lies_where_it_is_said_to() -> None:
    bare, snowed = (pixels(draw_picture(3, cleared=True, stage="green", snow=snow)) for snow in (0.0, 0.9))
    assert (snowed[60:] - bare[60:]).mean() > 20


def test_every_built_in_event_outdoors_has_something_drawn_for_it() -> None:
    """What fails within a venue (class 10) comes with the inspectors' own photos."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        events = {row["code"] for row in csv.DictReader(file) if row["kind"] == "event"}
    events = {code for code in events if not code.startswith("10")}
    assert events <= set(SUBJECTS)
    assert set(SUBJECTS.values()) == set(BEFORE)


def test_exif_says_time_and_place_as_evidence_reads_them() -> None:
    moment = datetime(2021, 1, 18, 9, 10, tzinfo=BEIJING)
    read = examine(draw_picture(2, cleared=False, taken_at=moment, at=(116.806, 39.797)))
    assert read.taken_at == moment
    assert (read.lon, read.lat) == pytest.approx((116.806, 39.797), abs=1e-6)
    silent = examine(draw_picture(2, cleared=False))
    assert (silent.taken_at, silent.lon, silent.lat) == (None, None, None)
