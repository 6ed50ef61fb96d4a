"""Importing findings: tried before anything is written, refused by row, carried on in the background."""

import io
import re
import uuid
import zipfile
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from tests.ledger.pages import browse, codes_in, page_of, upload
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.demo.builders import make_jpeg, make_person
from duban.ledger import jobs
from duban.ledger.models import Entry, EntryPhoto

HEAD = "found_at,lon,lat,datum,category,description,photo,external_id\n"


def rows(count: int, *, photo: str = "", start: int = 0) -> str:
    return "".join(
        f"2021-01-18 09:30,{116.8 + n / 10000:.4f},39.8,wgs84,暴露垃圾,第{n}处,{photo},x-{n}\n"
        for n in range(start, start + count)
    )


def send(client: Client, table: str | bytes, name: str = "findings.csv", **files: Any) -> Any:
    data = table.encode() if isinstance(table, str) else table
    return client.post(reverse("ledger:import"), {"file": upload(data, name), **files})


def job_shown(client: Client, response: Any) -> str:
    assert response.status_code == 302, codes_in(response)
    return client.get(response.url).content.decode()


def test_an_import_is_tried_before_anything_is_written(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(3))
    assert "Record 3 findings" in job_shown(client, tried)
    assert not Entry.objects.exists()
    taken = client.post(f"{tried.url}take/")
    assert re.search(r"<b>3</b>\s*recorded", job_shown(client, taken))
    assert Entry.objects.count() == 3
    again = send(client, HEAD + rows(4))
    assert re.search(r"<b>1</b>\s*new", job_shown(client, again))
    assert client.post(f"{tried.url}take/").status_code == 409


def test_refused_rows_come_back_with_their_reasons_and_the_good_can_be_kept(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2) + "2021-01-18,200,39.8,wgs84,暴露垃圾,=1+1,,bad\n")
    shown = job_shown(client, tried)
    assert "bad_longitude" in shown
    assert "Record the 2 good ones" in shown
    refused = b"".join(client.get(f"{tried.url}refused.csv")).decode("utf-8-sig")
    assert "bad_longitude" in refused
    assert "'=1+1" in refused
    client.post(f"{tried.url}take/", {"keep_good": "1"})
    assert Entry.objects.count() == 2


def test_without_keeping_the_good_nothing_of_a_bad_table_is_written(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2) + "2021-01-18,200,39.8,wgs84,暴露垃圾,,,bad\n")
    client.post(f"{tried.url}take/")
    assert not Entry.objects.exists()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_photos_come_as_files_or_zipped_in_folders(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    table = HEAD + rows(1, photo="a.JPG;现场/b.jpg") + rows(1, photo="c.jpg", start=5)
    pack = zipped({"照片/现场/b.jpg": make_jpeg(2), "照片/c.jpg": make_jpeg(3)})
    tried = send(client, table, photos=[upload(make_jpeg(1), "A.jpg"), upload(pack, "照片.zip")])
    shown = job_shown(client, tried)
    assert "Record 2 findings" in shown
    client.post(f"{tried.url}take/")
    assert EntryPhoto.objects.count() == 3


def test_more_than_a_hundred_photos_come_as_single_files(people: dict[str, Person]) -> None:
    photos = [upload(make_jpeg(1), f"{number}.jpg") for number in range(130)]
    client = browse(people["inspector"])
    assert "Record 1 finding" in job_shown(client, send(client, HEAD + rows(1, photo="129.jpg"), photos=photos))


def test_names_written_by_chinese_windows_are_read(people: dict[str, Person]) -> None:
    pack = zipped({"x" * 6: make_jpeg(2)})
    old = "垃圾堆".encode("gb18030")
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(1, photo="垃圾堆"), photos=[upload(pack.replace(b"x" * 6, old), "p.zip")])
    assert "Record 1 finding" in job_shown(client, tried)


def bomb() -> bytes:
    return zipped({"a.jpg": b"\xff\xd8\xff" + bytes(64 * 1024 * 1024)})


def locked() -> bytes:
    """A ZIP whose entries say that they are encrypted."""
    pack = bytearray(zipped({"a.jpg": make_jpeg(1)}))
    pack[6] |= 1
    pack[pack.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(pack)


BAD_TABLES: list[tuple[dict[str, Any], str]] = [
    ({"table": ""}, "file_empty"),
    ({"table": b"PK\x03\x04 no book", "name": "a.csv"}, "file_not_a_table"),
    ({"table": b"no book", "name": "a.xlsx"}, "file_not_a_table"),
    ({"table": b"\xff\xd8\xff\xe0", "name": "a.csv"}, "file_not_a_table"),
    ({"table": "lon,lat\n1,2\n"}, "columns_missing"),
    ({"table": HEAD}, "no_rows"),
    ({"table": HEAD + "1,2,3,4,5,6,7,8,9\n"}, "too_many_cells"),
    ({"table": HEAD.replace("photo", "lon") + rows(1)}, "column_twice"),
    ({"table": HEAD + '"2021\n'}, "file_not_a_table"),
    ({"table": HEAD + rows(1), "photos": upload(b"no zip", "a.zip")}, "zip_unreadable"),
    ({"table": HEAD + rows(1), "photos": upload(locked(), "a.zip")}, "zip_encrypted"),
]


@pytest.mark.parametrize(("sent", "code"), BAD_TABLES)
def test_a_file_that_is_no_table_is_told_at_its_field(people: dict[str, Person], sent: dict, code: str) -> None:
    for file in sent.values():
        if hasattr(file, "seek"):
            file.seek(0)
    response = send(browse(people["inspector"]), **sent)
    assert response.status_code == 400
    assert code in codes_in(response)
    assert not Entry.objects.exists()


def test_no_file_at_all_is_told_too(people: dict[str, Person]) -> None:
    response = browse(people["inspector"]).post(reverse("ledger:import"), {})
    assert response.status_code == 400
    assert codes_in(response) == {"file_missing"}


BAD_PHOTOS: list[tuple[str, bytes, str]] = [
    ("a.jpg", zipped({"../../a.jpg": b"%PDF-1.7"}), "photo_not_an_image"),
    ("../../../etc/passwd", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("/etc/passwd", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("b.jpg", zipped({"a.jpg": make_jpeg(1)}), "photo_missing"),
    ("a.jpg", bomb(), "photo_too_large"),
    ("a.jpg", zipped({"a.jpg": b""}), "photo_empty"),
    ("a.jpg", zipped({"a.jpg": make_jpeg(1)[:2000]}), "photo_truncated"),
    ("a.jpg", zipped({"x/a.jpg": make_jpeg(1), "y/a.jpg": make_jpeg(2)}), "photo_missing"),
    (
        "a.jpg",
        zipped({"a.jpg": make_jpeg(1)}, zipfile.ZIP_STORED).replace(make_jpeg(1)[100:140], bytes(40)),
        "zip_damaged",
    ),
]


@pytest.mark.parametrize(("name", "pack", "code"), BAD_PHOTOS)
def test_a_photo_that_is_none_refuses_its_row(people: dict[str, Person], name: str, pack: bytes, code: str) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(1, photo=name), photos=[upload(pack, "a.zip")])
    assert code in job_shown(client, tried)


@pytest.mark.django_db(transaction=True)
def test_a_large_table_is_worked_off_in_the_background_and_says_how_far_it_is(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(230))
    waiting = job_shown(client, tried)
    assert 'hx-trigger="every 1s"' in waiting
    assert b"<html" not in client.get(tried.url, headers={"HX-Request": "true"}).content
    work_off()
    assert "Record 230 findings" in client.get(tried.url).content.decode()
    assert not Entry.objects.exists()
    client.post(f"{tried.url}take/")
    assert not Entry.objects.exists()
    work_off()
    assert re.search(r"<b>230</b>\s*recorded", client.get(tried.url).content.decode())
    assert Entry.objects.count() == 230


def work_off() -> None:
    call_command("db_worker", "--batch", "--no-startup-delay", "-v", "0")


def test_an_import_whose_worker_was_stopped_can_be_started_again(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = send(client, HEAD + rows(2))
    job = jobs.read_job(tried.url.rstrip("/").rpartition("/")[2])
    stopped = jobs.replace(job, stage="taking", started=True, seen_at="2021-01-18T04:00:00+00:00")
    jobs.save(stopped)
    assert "Start again" in client.get(tried.url).content.decode()
    client.post(f"{tried.url}take/")
    assert Entry.objects.count() == 2


def test_an_import_is_its_senders_alone(people: dict[str, Person]) -> None:
    tried = send(browse(people["inspector"]), HEAD + rows(1))
    other = browse(people["supervisor"])
    assert other.get(tried.url).status_code == 404
    assert other.post(f"{tried.url}take/").status_code == 404
    assert other.get(f"{tried.url}refused.csv").status_code == 404
    assert browse(people["inspector"]).get(reverse("ledger:import_job", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_who_lost_the_role_meanwhile_records_nothing(people: dict[str, Person]) -> None:
    person = make_person("leaving", "inspector")
    tried = send(browse(person), HEAD + rows(230))
    person.roles.all().delete()
    work_off()
    job = jobs.read_job(tried.url.rstrip("/").rpartition("/")[2])
    assert (job.stage, job.error["code"]) == ("failed", "not_allowed")


@pytest.mark.parametrize("name", ["import_csv_template", "import_xlsx_template"])
def test_the_template_names_the_columns_and_its_example_is_never_recorded(people: dict[str, Person], name: str) -> None:
    client = browse(people["inspector"])
    template = page_of(client, name)
    ending = "xlsx" if "xlsx" in name else "csv"
    tried = send(client, template.content, f"findings.{ending}")
    assert "example_row" in job_shown(client, tried)
    if ending == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(template.content))["findings"]
        lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
        assert lists["E2:E5000"].startswith("lists!")
        assert "gcj02" in lists["D2:D5000"]
