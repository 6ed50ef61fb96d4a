"""From the map to the towns through the pages: declare, preview, confirm, hand over, open; and what others get."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.outbreak.declaring import SQUARE, collection, feature
from tests.outbreak.people import at, id_number, write_csv
from tests.outbreak.test_screening import COLUMNS, DISTRICT, HERE, NOW, THERE, keep, order, person, take

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.core.models import AuditRecord
from duban.demo.builders import make_person
from duban.ledger import jobs
from duban.outbreak import screening, store
from duban.outbreak.models import Declaration, Found, Opening, Screening
from duban.outbreak.retention import drop_presences

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_store(db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def client_of(person: Person | None) -> Client:
    client = Client(headers={"accept-language": "en"})
    if person is not None:
        client.force_login(person)
    return client


@pytest.fixture
def desk(officer: Person) -> Client:
    return client_of(officer)


FORM = {
    "name": "融汇社区",
    "level": "中风险",
    "measure": "centralised",
    "starts": "2021-01-17T00:00",
    "lookback_days": "14",
    "geometry": json.dumps(SQUARE),
}


def words(answer: Any) -> str:
    return answer.content.decode()


# ---- declaring ------------------------------------------------------------------------------------------------------


def test_from_the_map_to_the_towns(desk: Client, officer: Person, tmp_path: Path) -> None:
    rows = [*(person(n, home=HERE) for n in range(1, 4)), person(9, home=THERE)]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    answer = desk.post("/outbreak/declare/", FORM, follow=True)
    assert "110112-2021-S0001" in words(answer)
    answer = desk.post("/outbreak/screen/", {"order": "110112-2021-S0001"}, follow=True)
    address = answer.redirect_chain[-1][0]
    assert HERE in words(answer)
    assert not Screening.objects.exists()
    refused = desk.post(f"{address}keep/", {"ground": "", "purpose": ""})
    assert refused.status_code == 400
    assert "ground_missing" in words(refused)
    answer = desk.post(f"{address}keep/", {"ground": "order", "purpose": "第98次会议决定的摸排"}, follow=True)
    run = Screening.objects.get()
    assert answer.redirect_chain[-1][0] == f"/outbreak/runs/{run.pk}/"
    assert "某1" not in words(answer)
    assert desk.post(f"{address}keep/", {"ground": "order", "purpose": "再来一次"}).status_code == 302
    assert Screening.objects.count() == 1
    desk.post(f"/outbreak/runs/{run.pk}/hand/")
    town = client_of(make_person("town", "health_officer", THERE))
    page = words(town.get(f"/outbreak/runs/{run.pk}/"))
    theirs, ours = Found.objects.get(town=THERE), Found.objects.filter(town=HERE)[0]
    assert str(theirs.pk) in page
    assert str(ours.pk) not in page
    assert town.get(f"/outbreak/found/{ours.pk}/").status_code == 404
    asked = {"ground": "order", "purpose": "通知集中隔离"}
    opened = town.post(f"/outbreak/found/{theirs.pk}/", asked)
    assert "某9" in words(opened)
    assert opened["Cache-Control"] == "no-store"
    again = words(town.get(f"/outbreak/found/{theirs.pk}/"))
    assert "某9" not in again
    assert "通知集中隔离" in again


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "area_name"),
        ({"level": ""}, "level_missing"),
        ({"starts": ""}, "bad_window"),
        ({"ends": "2021-01-01T00:00"}, "bad_window"),
        ({"lookback_days": "x"}, "bad_lookback_days"),
        ({"geometry": ""}, "area_place"),
        ({"geometry": "{"}, "feature_geometry"),
        ({"geometry": '{"type": "Point", "coordinates": [1, 2]}'}, "feature_geometry"),
        ({"place": "110115012"}, "area_place"),
        ({"geometry": "", "place": "天边街道"}, "unknown_place"),
        ({"geometry": "", "place": "12"}, "bad_code"),
        ({"starts": "soon"}, "bad_time"),
    ],
)
def test_what_is_wrong_stands_at_its_field(desk: Client, changes: dict[str, str], code: str) -> None:
    answer = desk.post("/outbreak/declare/", FORM | changes)
    assert answer.status_code == 400
    assert code in words(answer)
    assert not Declaration.objects.exists()


def test_a_published_list_is_declared_whole_or_not_at_all(desk: Client) -> None:
    def send(data: bytes) -> Any:
        file = SimpleUploadedFile("list.geojson", data)
        return desk.post("/outbreak/declare/", {"list-file": file, "list-lookback_days": "14"}, follow=True)

    wrong = words(send(collection(feature(), feature(id="b", level=""))))
    assert "level_missing" in wrong
    assert "totals_differ" in words(send(collection(feature(), total=7)))
    assert "layer_not_json" in words(send(b"{"))
    assert "file_missing" in words(desk.post("/outbreak/declare/", {"list-lookback_days": "14"}))
    assert not Declaration.objects.exists()
    assert "110112-2021-S0001" in words(send(collection(feature(), feature(id="b"))))
    assert Declaration.objects.count() == 2


def test_changed_and_lifted_it_keeps_its_history(desk: Client, officer: Person) -> None:
    order(officer)
    area = Declaration.objects.get().area_id
    address = f"/outbreak/areas/{area}/change/"
    assert "ronghui" in words(desk.get(address))
    form = FORM | {"key": "ronghui", "version": "1", "level": "低风险", "measure": "monitor"}
    assert desk.post(address, form).status_code == 302
    stale = desk.post(address, form)
    assert stale.status_code == 409
    assert "area_changed" in words(stale)
    assert desk.post(f"/outbreak/areas/{area}/lift/", {"version": "2", "source": "通告第9号"}).status_code == 302
    page = words(client_of(None).get(f"/outbreak/areas/{area}/"))
    for told in ("中风险", "低风险", "通告第9号", "110112-2021-S0003"):
        assert told in page


# ---- for anybody ----------------------------------------------------------------------------------------------------


def test_anybody_reads_what_is_published_and_nothing_else(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, home=HERE), columns=COLUMNS))
    keep(officer, order(officer))
    anybody = client_of(None)
    assert "融汇社区" in words(anybody.get("/outbreak/areas/"))
    assert "融汇社区" in words(anybody.get("/outbreak/areas/feed/"))
    found = json.loads(anybody.get("/outbreak/areas/areas.geojson").content)
    assert found["features"][0]["properties"]["lookback_days"] == 14
    assert json.loads(anybody.get("/api/v1/outbreak/areas").content)["areas"][0]["level"] == "中风险"
    area = found["features"][0]["id"]
    assert len(json.loads(anybody.get(f"/api/v1/outbreak/areas/{area}").content)["areas"]) == 1
    assert anybody.get(f"/outbreak/areas/{uuid.uuid4()}/").status_code == 404
    for shut in ("/outbreak/", "/outbreak/declare/", "/outbreak/presences/", "/outbreak/trace/"):
        assert anybody.get(shut).status_code == 302
    assert anybody.get("/api/v1/outbreak/screenings").status_code == 401


def test_lists_ask_as_often_however_long_they_are(desk: Client, officer: Person) -> None:
    def asked(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert desk.get(address).status_code == 200
        return len(caught)

    order(officer)
    before = [asked(address) for address in ("/outbreak/", "/outbreak/areas/")]
    for number in range(12):
        order(officer, id=f"area{number}")
    assert [asked(address) for address in ("/outbreak/", "/outbreak/areas/")] == before


# ---- others ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["supervisor", "leader", "administrator", "inspector", "handler", "publisher"])
def test_without_the_health_role_nobody_is_listed_exported_searched_or_opened(
    officer: Person, tmp_path: Path, role: str
) -> None:
    rows = [*(person(n, home=HERE) for n in range(1, 13)), person(20, home=THERE)]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    run = keep(officer, order(officer))
    screening.hand_to_towns(by=officer, now=NOW, screening_id=run.pk)
    found = Found.objects.filter(town=THERE).get()
    client = client_of(make_person("other", role, DISTRICT))
    counts = role in {"supervisor", "leader"}
    page = client.get(f"/outbreak/runs/{run.pk}/?town={THERE}")
    assert page.status_code == (200 if counts else 403)
    assert found.person[:8] not in words(page)
    assert ">1<" not in words(page)
    assert ("12" in words(page)) == counts
    api = client.get(f"/api/v1/outbreak/screenings/{run.pk}")
    assert api.status_code == (200 if counts else 404)
    if counts:
        told = api.json()
        assert (told["people"], told["complete"], told["measures"]) == (None, False, {})
        assert [town["people"] for town in told["towns"]] == [12]
    assert client.get(f"/api/v1/outbreak/screenings/{run.pk}/people").status_code == 404
    asked = {"ground": "order", "purpose": "想看看是谁"}
    assert client.get(f"/outbreak/found/{found.pk}/").status_code == 403
    assert client.post(f"/outbreak/found/{found.pk}/", asked).status_code == 403
    assert client.post(f"/outbreak/runs/{run.pk}/list.csv", asked).status_code == 403
    assert client.post("/outbreak/screen/", {"order": run.orders}).status_code == 403
    assert not Opening.objects.exists()


def test_the_list_with_names_is_an_opening_of_each(desk: Client, officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, name="=cmd()"), person(2), columns=COLUMNS))
    run = keep(officer, order(officer))
    address = f"/outbreak/runs/{run.pk}/list.csv"
    assert desk.post(address, {"ground": "order", "purpose": ""}).status_code == 400
    assert not Opening.objects.exists()
    answer = desk.post(address, {"ground": "order", "purpose": "逐人通知"})
    assert answer["Content-Type"].startswith("text/csv")
    assert id_number(2) in words(answer)
    assert "'=cmd()" in words(answer)
    assert Opening.objects.count() == 2
    assert AuditRecord.objects.get(action="open_list").detail["people"] == 2


def test_other_officers_jobs_are_not_there(officer: Person, desk: Client, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1), columns=COLUMNS))
    answer = desk.post("/outbreak/screen/", {"order": order(officer)}, follow=True)
    address = answer.redirect_chain[-1][0]
    other = client_of(make_person("other", "health_officer", DISTRICT))
    assert other.get(address).status_code == 404
    assert other.post(f"{address}keep/", {"ground": "order", "purpose": "第98次会议"}).status_code == 404


def test_a_town_that_was_not_handed_its_list_sees_no_screening(officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, home=THERE), columns=COLUMNS))
    run = keep(officer, order(officer))
    town = client_of(make_person("town", "health_officer", THERE))
    assert town.get(f"/outbreak/runs/{run.pk}/").status_code == 404
    assert town.get(f"/api/v1/outbreak/screenings/{run.pk}").status_code == 404
    assert town.get("/api/v1/outbreak/screenings").json() == {"screenings": []}


# ---- presences and contacts -----------------------------------------------------------------------------------------


def test_a_list_from_the_browser_is_taken_in_and_its_file_forgotten(desk: Client, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "a.csv", person(1), person(2, phone="", id_number=""), columns=COLUMNS).read_bytes()
    sent = {"source": "登记", "file": SimpleUploadedFile("名单.csv", data), "columns": "", "datum": ""}
    answer = desk.post("/outbreak/presences/", sent, follow=True)
    address = answer.redirect_chain[-1][0]
    assert "no_person" in words(answer)
    assert "某2" not in words(answer)
    job = jobs.read_job(address.rstrip("/").rpartition("/")[2])
    assert (job.report["taken"], job.report["refused"]) == (1, 1)
    assert sorted(file.name for file in job.folder.iterdir()) == ["job.json", "refused.csv"]
    refused = b"".join(desk.get(f"{address}refused.csv").streaming_content)  # type: ignore[attr-defined]
    assert "某2" in refused.decode("utf-8-sig")
    other = client_of(make_person("other", "health_officer", DISTRICT))
    assert other.get(address).status_code == 404
    assert other.get(f"{address}refused.csv").status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": ""}, "bad_source"),
        ({"file": None}, "file_missing"),
        ({"columns": "arrived"}, "bad_mapping"),
        ({"columns": "colour = x"}, "bad_mapping"),
    ],
)
def test_a_list_that_cannot_be_taken(desk: Client, changes: dict[str, Any], code: str) -> None:
    sent = {"source": "登记", "file": SimpleUploadedFile("a.csv", b"x\n1\n"), "columns": "", "datum": ""} | changes
    answer = desk.post("/outbreak/presences/", {name: value for name, value in sent.items() if value is not None})
    assert answer.status_code == 400
    assert code in words(answer)


def test_contacts_are_traced_shown_and_the_cases_forgotten(desk: Client, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1, venue="店"), person(2, venue="店"), columns=COLUMNS))
    cases = f"person,onset_at,sampled_at,isolated_at\n{id_number(1)},,2021-01-19,\n".encode()
    sent = {"minutes": "15", "metres": "0", "generations": "1", "after_minutes": "0"}
    wrong = desk.post("/outbreak/trace/", sent | {"file": SimpleUploadedFile("c.csv", b"who\n")})
    assert "missing_column" in words(wrong)
    many = desk.post("/outbreak/trace/", sent | {"generations": "-1", "file": SimpleUploadedFile("c.csv", cases)})
    assert "bad_setting" in words(many)
    answer = desk.post("/outbreak/trace/", sent | {"file": SimpleUploadedFile("c.csv", cases)}, follow=True)
    address = answer.redirect_chain[-1][0]
    assert "店" in words(answer)
    assert id_number(1) not in words(answer)
    job = jobs.read_job(address.rstrip("/").rpartition("/")[2])
    assert not (job.folder / "table").exists()
    assert b"".join(desk.get(f"{address}contacts.parquet").streaming_content).startswith(b"PAR1")  # type: ignore[attr-defined]
    other = client_of(make_person("other", "health_officer", DISTRICT))
    assert other.get(address).status_code == 404
    assert other.get(f"{address}contacts.parquet").status_code == 404
    drop_presences(by=Console(), now=NOW, before=at(18).date())
    assert desk.get(address).status_code == 200
    drop_presences(by=Console(), now=NOW, before=at(19).date())
    assert desk.get(address).status_code == 404
    assert not job.folder.exists()


# ---- API ------------------------------------------------------------------------------------------------------------


def test_an_area_is_declared_over_the_api_once(desk: Client, officer: Person) -> None:
    sent = {
        "id": "ronghui",
        "name": "融汇",
        "level": "中风险",
        "measure": "home",
        "starts": "2021-01-17",
        "geometry": SQUARE,
    }

    def put(**changes: Any) -> Any:
        return desk.post("/api/v1/outbreak/areas", json.dumps(sent | changes), content_type="application/json")

    assert [put().status_code for _time in range(2)] == [201, 200]
    assert put(level="低风险").json()["version"] == 2
    assert put(measure="burn").json()["code"] == "unknown_measure"
    assert put(geometry=None).json()["code"] == "area_place"


def test_people_come_without_a_name_over_the_api(desk: Client, officer: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", person(1), person(2), columns=COLUMNS))
    run = keep(officer, order(officer))
    assert [one["id"] for one in desk.get("/api/v1/outbreak/screenings").json()["screenings"]] == [str(run.pk)]
    found = desk.get(f"/api/v1/outbreak/screenings/{run.pk}/people").json()
    assert (len(found["people"]), found["after"]) == (2, None)
    assert set(found["people"][0]) == {"id", "town", "measure", "order", "areas", "last"}
    rest = desk.get(f"/api/v1/outbreak/screenings/{run.pk}/people?after={found['people'][0]['id']}").json()
    assert [one["id"] for one in rest["people"]] == [found["people"][1]["id"]]
