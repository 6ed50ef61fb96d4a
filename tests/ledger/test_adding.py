"""Adding a finding by hand: nothing typed is lost, no photo either, and what is there already is offered."""

import io
import re
import uuid
from typing import Any

import pytest
from django.urls import reverse
from PIL import Image
from tests.ledger.pages import MakeEntry, browse, codes_in, upload
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.demo.builders import make_jpeg
from duban.ledger.models import Entry


def finding_form(**changes: Any) -> dict[str, Any]:
    said = {
        "id": str(uuid.uuid4()),
        "lon": "116.8",
        "lat": "39.8",
        "datum": "wgs84",
        "category": "event:06010",
        "found_at": "2021-01-18T09:30",
        "description": "村口垃圾",
        "position_source": "gps",
        "accuracy_m": "8",
    } | changes
    return {key: value for key, value in said.items() if value is not None}


def test_a_finding_is_recorded_once_however_often_it_is_sent(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    said = finding_form()
    for _turn in range(2):
        response = client.post(reverse("ledger:add"), said | {"photos": upload(make_jpeg(1))})
        assert response.status_code == 302
    entry = Entry.objects.get()
    assert response.url == reverse("ledger:entry", args=[entry.pk])
    assert str(entry.pk) == said["id"]
    assert (entry.position_source, entry.accuracy_m, entry.photos.count()) == ("gps", 8.0, 1)
    assert entry.found_at.isoformat() == "2021-01-18T01:30:00+00:00"


def test_the_same_id_with_another_finding_is_a_conflict(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    said = finding_form()
    client.post(reverse("ledger:add"), said)
    response = client.post(reverse("ledger:add"), said | {"description": "别的"})
    assert response.status_code == 409
    assert "finding_conflict" in codes_in(response)
    assert Entry.objects.count() == 1


def test_coordinates_of_a_chinese_map_app_are_shifted_back(people: dict[str, Person]) -> None:
    browse(people["inspector"]).post(reverse("ledger:add"), finding_form(datum="gcj02"))
    entry = Entry.objects.get()
    assert entry.datum_in == "gcj02"
    assert 0.003 < 116.8 - entry.lon < 0.01


BAD_FINDINGS: list[tuple[dict[str, Any], str]] = [
    ({"lon": ""}, "number_missing"),
    ({"lat": None}, "number_missing"),
    ({"lon": "east"}, "bad_number"),
    ({"lon": "nan"}, "bad_number"),
    ({"lon": "1e999"}, "bad_number"),
    ({"lat": "Infinity"}, "bad_number"),
    ({"lat": "39,8"}, "bad_number"),
    ({"lon": "１１６"}, "bad_number"),
    ({"lon": "181"}, "bad_longitude"),
    ({"lon": "39.8", "lat": "116.8"}, "bad_latitude"),
    ({"lon": "0", "lat": "0"}, "no_position"),
    ({"datum": "nad27"}, "unknown_datum"),
    ({"datum": ""}, "unknown_datum"),
    ({"category": ""}, "category_missing"),
    ({"category": "event:00000"}, "unknown_category"),
    ({"found_at": "yesterday"}, "bad_time"),
    ({"found_at": "0001-01-01T00:00"}, "bad_time"),
    ({"found_at": "9999-12-31T23:59"}, "bad_time"),
    ({"found_at": "2999-01-01T00:00"}, "found_in_future"),
    ({"found_at": "1980-01-01T00:00"}, "found_too_early"),
    ({"description": "长" * 2001}, "description_too_long"),
    ({"statement": "长" * 301}, "statement_too_long"),
    ({"description": "a\x00"}, "null_characters_not_allowed"),
    ({"responsible": "village"}, "bad_code"),
    ({"accuracy_m": "-1"}, "bad_accuracy"),
    ({"accuracy_m": "1e300"}, "bad_number"),
    ({"photos": upload(b"%PDF-1.7", "plan.jpg")}, "photo_not_an_image"),
    ({"photos": upload(b"", "empty.jpg")}, "photo_empty"),
    ({"photos": upload(make_jpeg(3)[:2000], "half.jpg")}, "photo_truncated"),
]


@pytest.mark.parametrize(("changes", "code"), BAD_FINDINGS)
def test_a_bad_finding_is_told_at_its_field_and_everything_typed_stays(
    people: dict[str, Person], changes: dict[str, Any], code: str
) -> None:
    for file in changes.values():
        if hasattr(file, "seek"):
            file.seek(0)
    said = finding_form(**changes)
    response = browse(people["inspector"]).post(reverse("ledger:add"), said)
    assert response.status_code == 400
    assert code in codes_in(response)
    assert not Entry.objects.exists()
    shown = response.content.decode()
    assert said["id"] in shown
    if "description" not in changes:
        assert "村口垃圾" in shown
    if "category" not in changes:
        assert re.search(r'value="event:06010" checked', shown)


def test_all_that_is_missing_is_told_at_once(people: dict[str, Person]) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:add"), finding_form(lon="", lat="", category=""))
    assert codes_in(response) == {"number_missing", "category_missing"}


@pytest.mark.parametrize(("changes", "code"), [({"id": ""}, "required"), ({"id": "x"}, "invalid")])
def test_a_finding_without_its_id_is_refused(people: dict[str, Person], changes: dict[str, Any], code: str) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:add"), finding_form(**changes))
    assert response.status_code == 400
    assert code in {error.code for error in response.context["form"].errors.as_data()["id"]}


def test_an_error_does_not_lose_the_photos(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    response = client.post(reverse("ledger:add"), finding_form(lon="", photos=upload(make_jpeg(1))))
    words = re.findall(r'name="kept" value="([^"]+)"', response.content.decode())
    assert len(words) == 1
    assert client.post(reverse("ledger:add"), finding_form(kept=words)).status_code == 302
    assert Entry.objects.get().photos.count() == 1


def picture(kind: str) -> bytes:
    """A picture that says when and where it was taken."""
    image = Image.effect_noise((320, 240), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (39.0, 48.0, 0.0), 3: "E", 4: (116.0, 48.0, 0.0)}
    exif[0x8769] = {0x9003: "2021:01:18 09:10:11"}
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
def test_a_photo_sent_at_once_comes_back_with_its_own_time_and_place(people: dict[str, Person], kind: str) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:upload"), {"photos": upload(picture(kind), "x.bin")})
    shown = response.content.decode()
    assert response.status_code == 200
    assert 'data-lon="116.8' in shown
    assert 'data-lat="39.8' in shown
    assert 'data-taken="2021-01-18T09:10"' in shown


def test_of_several_files_the_good_are_kept_and_the_bad_named(people: dict[str, Person]) -> None:
    files = [upload(make_jpeg(1)), upload(b"GIF89a not ours", "x.gif"), upload(make_jpeg(2))]
    response = browse(people["inspector"]).post(reverse("ledger:upload"), {"photos": files})
    shown = response.content.decode()
    assert shown.count('name="kept"') == 2
    assert "x.gif" in shown
    assert codes_in(response) == {"photo_not_an_image"} or codes_in(response) == {"photo_format"}


BAD_PLACES = [
    ("?lon=116.8&datum=wgs84", "number_missing"),
    ("?lon=nan&lat=1", "bad_number"),
    ("?lon=200&lat=1&datum=wgs84", "bad_longitude"),
    ("?lon=0&lat=0&datum=wgs84", "no_position"),
    ("?lon=116&lat=39&datum=mars", "invalid_choice"),
]


@pytest.mark.parametrize(("query", "code"), BAD_PLACES)
def test_a_place_that_is_none_gets_no_proposal(people: dict[str, Person], query: str, code: str) -> None:
    response = browse(people["inspector"]).get(reverse("ledger:propose") + query)
    assert response.status_code == 400
    assert codes_in(response) == {code}


def test_what_stands_open_near_by_is_offered_before_it_is_recorded_twice(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("found")
    far = entry_in("found")
    Entry.objects.filter(pk=far.pk).update(lon=entry.lon + 0.05)
    query = f"?lon={entry.lon + 0.0001}&lat={entry.lat}&category=event:06010"
    shown = browse(people["inspector"]).get(reverse("ledger:propose") + query).content.decode()
    assert entry.number in shown
    assert f'name="same_as" value="{entry.pk}"' in shown
    assert far.number not in shown
