"""The pages of samples: a tube filled by taps and typed numbers, lists, labels, results, and what nobody else sees."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.outbreak.samples.building import LAB, OTHER, TOWN, fill_tube, make_files, make_point, make_stock, tell

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import Appointment, CaseExposure, CaseFile, Look, Swab, Tube
from duban.outbreak.samples import actions, codes
from duban.places.models import Jurisdiction

pytestmark = pytest.mark.django_db
NOW = NOON + timedelta(hours=2)


@pytest.fixture
def officer(db: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    Jurisdiction.objects.create(
        code=TOWN, name="永顺镇", kind="town", parent_code="110112", search="永顺镇", loaded_at=NOON
    )
    return make_person("officer", "health_officer", "110112")


@pytest.fixture
def worker(officer: Person) -> Person:
    return make_person("worker", "community_worker", TOWN)


@pytest.fixture
def at() -> Callable[[Person], Client]:
    def log_in(person: Person) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(person)
        return client

    return log_in


def words(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))  # type: ignore[attr-defined]


def test_a_tube_is_filled_by_taps_and_by_the_number(worker: Person, at: Callable[[Person], Client]) -> None:
    files = make_files(5)
    point = make_point(make_person("boss", "health_officer", "110112"))
    client = at(worker)
    answer = client.post("/outbreak/samples/", {"place": str(point.pk), "size": "5", "code": ""})
    tube = Tube.objects.get()
    page = f"/outbreak/samples/tubes/{tube.pk}/"
    assert (answer.status_code, answer.url) == (302, page)
    for file in files[:3]:
        client.post(f"{page}add/", {"text": file.number.lower()})
    assert client.post(f"{page}add/", {"text": files[0].number}).status_code == 302, "the same again changes nothing"
    assert tube.swabs.count() == 3
    client.post(f"{page}remove/", {"file": str(files[0].pk)})
    htmx = {"HTTP_HX_REQUEST": "true"}
    part = client.post(f"{page}add/", {"file": str(files[3].pk)}, **htmx)
    assert part.status_code == 200
    assert "room for 2 more" in words(part)
    client.post(f"{page}seal/")
    tube.refresh_from_db()
    assert tube.sealed_at == NOW
    shown = words(client.get(page))
    assert files[1].number in shown
    assert files[0].number not in shown


def test_who_may_not_be_pooled_is_told_why(worker: Person, at: Callable[[Person], Client]) -> None:
    (contact,) = make_files(1)
    CaseExposure.objects.create(
        file=contact,
        kind="contact",
        measure="centralised",
        first=NOON,
        last=NOON,
        added_by={},
        added_at=NOON,
        basis="x",
    )
    tube = actions.open_tube(by=worker, now=NOON, size=10, town=TOWN)
    answer = at(worker).post(f"/outbreak/samples/tubes/{tube.pk}/add/", {"text": contact.number})
    assert answer.status_code == 409
    assert "a close contact is sampled alone" in words(answer)
    assert "not_pooled" in words(answer)
    answer = at(worker).post(f"/outbreak/samples/tubes/{tube.pk}/add/", {"text": "nobody"})
    assert (answer.status_code, "person_not_found" in words(answer)) == (400, True)


def test_a_worker_sees_nobody_of_another_town(officer: Person, worker: Person, at: Callable[[Person], Client]) -> None:
    (theirs,) = make_files(1, town=OTHER)
    tube = fill_tube(officer, [theirs], size=1, town=OTHER)
    client = at(worker)
    assert client.get(f"/outbreak/samples/tubes/{tube.pk}/").status_code == 404
    mine = actions.open_tube(by=worker, now=NOON, size=1, town=TOWN)
    assert client.post(f"/outbreak/samples/tubes/{mine.pk}/add/", {"file": str(theirs.pk)}).status_code == 404
    assert client.post(f"/outbreak/samples/tubes/{mine.pk}/add/", {"text": theirs.number}).status_code == 400
    assert codes.spaced(tube.code) not in words(client.get("/outbreak/samples/"))
    for address in ("results/", "labels/", "appointments/"):
        assert client.get(f"/outbreak/samples/{address}").status_code == 403
    assert client.post(f"/outbreak/samples/tubes/{mine.pk}/result/", {"result": "negative"}).status_code == 403
    assert client.post("/outbreak/samples/points/", {"name": "x"}).status_code == 403


def test_names_on_a_list_are_looks_on_the_record(worker: Person, at: Callable[[Person], Client]) -> None:
    files = make_files(3, due=(0, 7))
    tube = fill_tube(worker, files)
    shown = words(at(worker).get(f"/outbreak/samples/tubes/{tube.pk}/"))
    assert "张三" in shown, "a test is still due to each of them"
    assert Look.objects.filter(username="worker").count() == 3
    boss = at(make_person("boss", "health_officer", TOWN))
    assert "张三" not in words(boss.get(f"/outbreak/samples/tubes/{tube.pk}/"))


def test_results_by_form_and_by_table(officer: Person, at: Callable[[Person], Client]) -> None:
    tubes = [fill_tube(officer, make_files(2)) for _number in range(3)]
    client = at(officer)
    page = f"/outbreak/samples/tubes/{tubes[0].pk}/"
    told = {"result": "positive", "laboratory": LAB, "resulted_at": timezone.localtime(NOW).strftime("%Y-%m-%d %H:%M")}
    assert "bad_time" not in words(client.post(f"{page}result/", told))
    assert Tube.objects.get(pk=tubes[0].pk).result == "positive"
    bad = client.post(f"{page}result/", told | {"result": "negative"})
    assert (bad.status_code, "not overwritten" in words(bad) or "positive" in words(bad)) == (400, True)
    rows = [(tubes[1].code, "阴性"), (tubes[2].code, "灰区"), ("12", "阴性")]
    table = "管码,结果,实验室,时间\n" + "\n".join(f"{code},{result},{LAB},2021-01-18 13:00" for code, result in rows)
    sent = client.post("/outbreak/samples/results/", {"file": SimpleUploadedFile("r.csv", table.encode())})
    assert sent.status_code == 302
    report = words(client.get(sent.url))
    assert "bad_tube_code" in report
    assert "2 people wait" in report
    assert b"bad_tube_code" in b"".join(client.get(f"{sent.url}refused.csv").streaming_content)
    assert client.post("/outbreak/samples/results/", {}).status_code == 400
    due = words(client.get("/outbreak/samples/due/"))
    assert all(swab.file.number in due for swab in Swab.objects.filter(tube__in=(tubes[0], tubes[2])))
    assert not any(swab.file.number in due for swab in tubes[1].swabs.all())


def test_a_single_positive_is_confirmed_on_the_page(officer: Person, at: Callable[[Person], Client]) -> None:
    files = make_files(2)
    for file in files:
        tell(officer, fill_tube(officer, [file], size=1), "positive", now=NOW)
    first, second = (Swab.objects.get(file=file) for file in files)
    client = at(officer)
    wrong = client.post(f"/outbreak/samples/due/{first.pk}/confirm/", {"onset_at": "yesterday"})
    assert (wrong.status_code, "bad_time" in words(wrong)) == (400, True)
    said = {"onset_at": "2021-01-17 09:00"}
    assert client.post(f"/outbreak/samples/due/{first.pk}/confirm/", said).status_code == 302
    case = CaseFile.objects.get(pk=files[0].pk)
    assert (case.confirmed_at, case.waiting_since, case.no_measure) == (NOW, None, "hospital")
    assert client.post(f"/outbreak/samples/due/{second.pk}/again/").status_code == 302
    client.get("/outbreak/samples/due/")
    shown = words(client.get("/outbreak/samples/due/"))
    assert files[0].number not in shown
    assert files[1].number in shown
    assert client.post(f"/outbreak/samples/due/{first.pk}/confirm/").status_code == 409
    assert client.post("/outbreak/samples/due/99999999/again/").status_code == 404


def test_points_appointments_and_the_list_to_print(officer: Person, at: Callable[[Person], Client]) -> None:
    client = at(officer)
    asked = {
        "name": "体育馆", "town": TOWN, "opens": "08:00", "closes": "18:00", "per_hour": "2", "result_hours": "12",
    }  # fmt: skip
    for wrong in ({"closes": "07:00"}, {"per_hour": "0"}, {"per_hour": "x"}, {"name": ""}, {"opens": "99"}):
        assert client.post("/outbreak/samples/points/", asked | wrong).status_code == 400, wrong
    made = client.post("/outbreak/samples/points/", asked)
    assert made.status_code == 302
    assert client.post("/outbreak/samples/points/", asked).status_code == 409
    files = make_files(5)
    booked = client.post("/outbreak/samples/appointments/", {"town": TOWN, "on": "2021-01-18", "measures": ["test"]})
    assert booked.status_code == 302
    assert Appointment.objects.count() == 5
    page = words(client.get(f"{made.url}?on=2021-01-18"))
    assert all(file.number in page for file in files)
    one = Appointment.objects.order_by("pk").first()
    assert client.post(f"/outbreak/samples/appointments/{one.pk}/cancel/").status_code == 302
    assert words(client.get(f"{made.url}?on=2021-01-18")).count("T") < page.count("T")
    assert client.post(f"{made.url}close/").status_code == 302
    none = client.post("/outbreak/samples/appointments/", {"town": TOWN, "on": "2021-01-18", "measures": ["test"]})
    assert (none.status_code, "no_point" in words(none) or "No sampling point" in words(none)) == (400, True)


def test_a_sheet_of_labels(officer: Person, at: Callable[[Person], Client]) -> None:
    answer = at(officer).post("/outbreak/samples/labels/", {"town": TOWN, "size": "10", "number": "45"})
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")
    assert at(officer).post("/outbreak/samples/labels/", {"town": TOWN, "size": "10", "number": "0"}).status_code == 400
    assert at(officer).post("/outbreak/samples/labels/", {"town": TOWN, "size": "3", "number": "1"}).status_code == 400


def test_how_long_it_takes_and_what_is_overdue(officer: Person, at: Callable[[Person], Client]) -> None:
    point = make_point(officer, result_hours=2)
    slow = actions.open_tube(by=officer, now=NOON - timedelta(hours=3), size=1, town=TOWN, point=point)
    tell(officer, fill_tube(officer, make_files(1)), "negative", now=NOW)
    page = words(at(officer).get("/outbreak/samples/turnaround/?from=2021-01-18&to=2021-01-18"))
    assert codes.spaced(slow.code) in page
    assert LAB in page
    assert "2.0" in page
    assert at(officer).get("/outbreak/samples/turnaround/?from=x&to=9999-99-99").status_code == 200


def test_lists_ask_as_much_for_many_as_for_few(officer: Person, at: Callable[[Person], Client]) -> None:
    client = at(officer)
    asked = []
    for number in (2, 30):
        for tube in make_stock(officer, number, people=3):
            tell(officer, tube, "grey", now=NOW)
        for address in ("", "due/", "turnaround/"):
            client.get(f"/outbreak/samples/{address}")
            with CaptureQueriesContext(connection) as seen:
                assert client.get(f"/outbreak/samples/{address}?show=day&on=2021-01-18").status_code == 200
            asked.append(len(seen))
    assert asked[:3] == asked[3:]
