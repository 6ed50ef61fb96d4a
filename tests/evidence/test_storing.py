"""Keeping photos: once, byte for byte, whatever comes in between; and saying so when a file was touched."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client

from duban.core.errors import DubanError
from duban.core.integrity import sha256
from duban.core.models import AuditRecord
from duban.demo.builders import make_jpeg, make_person
from duban.evidence import files
from duban.evidence.actions import discard_photos, store_photo
from duban.evidence.models import Photo
from duban.evidence.verify import verify_photos

NOW = datetime(2021, 1, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def empty_folder(settings: object, tmp_path: Path) -> None:
    settings.DUBAN_DATA = tmp_path  # type: ignore[attr-defined]


def kept() -> list[Path]:
    from django.conf import settings

    return [path for path in (settings.DUBAN_DATA / "evidence").rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_a_photo_is_kept_once_byte_for_byte() -> None:
    person = make_person("wang")
    data = make_jpeg(1)
    photo = store_photo(by=person, now=NOW, data=data, sha256=sha256(data))
    again = store_photo(by=make_person("li"), now=NOW, data=data)
    assert photo == again
    assert files.original_path(photo.sha256).read_bytes() == data
    assert sha256(files.public_path(photo.sha256).read_bytes()) == photo.public_sha256
    assert len(kept()) == 3
    assert AuditRecord.objects.filter(action="store_photo").count() == 1
    assert list(verify_photos()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "claimed", "code", "status"),
    [
        (make_jpeg(1), "0" * 64, "photo_hash_mismatch", 409),
        (make_jpeg(1), "xyz", "bad_sha256", 400),
        (make_jpeg(1), sha256(make_jpeg(1)).upper(), "bad_sha256", 400),
        (b"%PDF-1.4", None, "photo_not_an_image", 400),
        (make_jpeg(1)[:-500], None, "photo_truncated", 400),
        (b"", None, "photo_empty", 400),
    ],
)
def test_after_a_refusal_nothing_is_kept(data: bytes, claimed: str | None, code: str, status: int) -> None:
    with pytest.raises(DubanError) as refusal:
        store_photo(by=make_person("wang"), now=NOW, data=data, sha256=claimed)
    assert (refusal.value.code, refusal.value.status) == (code, status)
    assert kept() == []
    assert Photo.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_photo_from_several_phones_at_once_is_one_photo() -> None:
    person = make_person("wang")
    start, errors = threading.Barrier(6), []

    def send() -> None:
        try:
            start.wait()
            store_photo(by=person, now=NOW, data=make_jpeg(7))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _phone in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Photo.objects.count() == 1
    assert len(kept()) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("variant", ["original", "public copy"])
@pytest.mark.parametrize("deed", ["altered", "missing"])
def test_a_touched_file_shows(variant: str, deed: str) -> None:
    person = make_person("wang")
    store_photo(by=person, now=NOW, data=make_jpeg(1))
    photo = store_photo(by=person, now=NOW, data=make_jpeg(2))
    path = (files.original_path if variant == "original" else files.public_path)(photo.sha256)
    if deed == "missing":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    (problem,) = verify_photos()
    assert (problem.code, problem.where) == (f"photo_{deed}", f"photo {photo.sha256}")
    assert variant in problem.detail


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("taken_at", NOW),
        ("lon", 116.5),
        ("size", 5),
        ("width", 1),
        ("stored_by", {}),
        ("stored_at", NOW.replace(year=2020)),
        ("public_sha256", "0" * 64),
        ("media_type", "image/png"),
    ],
)
def test_editing_a_fact_of_a_photo_shows(column: str, value: object, settings: object) -> None:
    photo = store_photo(by=make_person("wang"), now=NOW, data=make_jpeg(2))
    if column == "lon":
        Photo.objects.update(lat=39.9)
    Photo.objects.update(**{column: value})
    assert {(problem.code, problem.where) for problem in verify_photos()} == {
        ("photo_altered", f"photo {photo.sha256}")
    }


@pytest.mark.django_db
def test_what_came_with_something_refused_is_let_go_of_unless_it_was_there_before() -> None:
    person = make_person("wang")
    early = store_photo(by=person, now=NOW, data=make_jpeg(1))
    later = NOW.replace(hour=5)
    fresh = store_photo(by=person, now=later, data=make_jpeg(2))
    discard_photos(by=person, now=later, sha256s=[early.sha256, fresh.sha256])
    assert list(Photo.objects.all()) == [early]
    assert len(kept()) == 3


@pytest.mark.django_db
def test_files_lost_after_the_row_come_back_with_a_replay() -> None:
    person = make_person("wang")
    photo = store_photo(by=person, now=NOW, data=make_jpeg(3))
    for path in kept()[1:]:
        path.unlink()
    store_photo(by=person, now=NOW, data=make_jpeg(3))
    assert len(kept()) == 3
    assert list(verify_photos()) == []
    assert Photo.objects.get() == photo


@pytest.mark.django_db
def test_the_api_takes_photos_from_those_who_find_and_those_who_fix(client: Client) -> None:
    data = make_jpeg(4)
    url = f"/api/v1/evidence/{sha256(data)}"

    def send(body: bytes = data, to: str = url) -> tuple[int, str]:
        answer = client.put(to, body, content_type="image/jpeg")
        return answer.status_code, answer.json().get("code", "")

    assert send() == (401, "login_required")
    for role in ("publisher", "leader", "administrator", "health_officer", "community_worker"):
        client.force_login(make_person(role, role))
        assert send() == (403, "not_allowed")
    for role in ("inspector", "supervisor", "handler"):
        client.force_login(make_person(role, role))
        assert send() == (200, "")
    assert send(make_jpeg(5)) == (409, "photo_hash_mismatch")
    assert send(b"", to=f"/api/v1/evidence/{sha256(b'')}") == (400, "photo_empty")
    assert send(to="/api/v1/evidence/abc") == (400, "bad_sha256")
    assert send(b"%PDF-", to=f"/api/v1/evidence/{sha256(b'%PDF-')}") == (400, "photo_not_an_image")
