"""Daily care and sites at the desk, through the pages: a floor in one table, by phone, the link, alerts, requests."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.outbreak.care.building import DAY, DISTRICT, OTHER, TOWN, beds_of, due, make_file, make_site, report

from duban.access.models import Person
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import Alert, BedStay, CareLink, CareRequest, DailyReport, Site
from duban.outbreak.sites import actions

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def client_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


@pytest.fixture
def desk(officer: Person) -> Client:
    return client_of(officer)


def words(answer: Any) -> str:
    return answer.content.decode()


def lying(officer: Person, site: Site, people: int, **changes: Any) -> list[BedStay]:
    return [
        actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=make_file(**changes).pk, reason="满")
        for bed in beds_of(site)[:people]
    ]


# ---- sites ----------------------------------------------------------------------------------------------------------


def test_a_site_is_made_in_one_form(desk: Client) -> None:
    page = words(desk.get("/outbreak/sites/add/"))
    assert 'name="first"' in page
    sent: dict[str, Any] = {"id": str(uuid.uuid4()), "name": "云杉酒店", "town": TOWN, "opened_on": "2021-01-18"}
    lines = {"floor": ["2", "3", ""], "first": ["201", "301", ""], "last": ["210", "", ""], "beds": ["2", "x", "2"]}
    refused = desk.post("/outbreak/sites/add/", sent | lines)
    assert refused.status_code == 400
    assert "bad_beds" in words(refused)
    assert 'value="210"' in words(refused)
    assert "bad_days" in words(desk.post("/outbreak/sites/add/", sent | lines | {"opened_on": "soon"}))
    lines["beds"][1] = "4"
    for _press in range(2):
        answer = desk.post("/outbreak/sites/add/", sent | lines)
        assert answer.status_code == 302
    site = Site.objects.get()
    assert len(beds_of(site)) == 24
    page = words(desk.get(answer["Location"]))
    assert page.count('<a class="bed free"') == 24
    assert "云杉酒店" in words(desk.get("/outbreak/sites/"))


def test_the_plan_places_a_person_and_a_family(desk: Client, officer: Person) -> None:
    site, home = make_site(officer, rooms=[("201", "202", 2)]), uuid.uuid4()
    alone, family = make_file(), [make_file(household=home) for _n in range(2)]
    for file in (alone, *family):
        due(file)
    address = f"/outbreak/sites/{site.pk}/"
    page = words(desk.get(address))
    assert alone.number in page
    assert "All 2 in this room" in page
    bed, beside, other, *_rest = beds_of(site)
    desk.post(f"{address}place/", {"file": alone.pk, "bed": bed.pk})
    refused = desk.post(f"{address}place/", {"file": family[0].pk, "bed": beside.pk})
    assert refused.status_code == 409
    assert "room_of_others" in words(refused)
    desk.post(f"{address}place/", {"file": family[0].pk, "bed": other.pk, "family": "1"})
    assert BedStay.objects.filter(until=None).count() == 3
    assert words(desk.get(address)).count('<a class="bed taken"') == 3
    for bad in ({"file": "x", "bed": bed.pk}, {"file": alone.pk, "bed": "9" * 30}, {"file": alone.pk}):
        assert desk.post(f"{address}place/", bad).status_code in {400, 404}


def test_a_bed_is_given_moved_left_and_put_out_of_use(desk: Client, officer: Person) -> None:
    site, file = make_site(officer), make_file()
    bed, beside, *_rest = beds_of(site)
    address = f"/outbreak/sites/beds/{bed.pk}/"
    assert "person_unclear" in words(desk.post(f"{address}assign/", {"person": "nobody"}))
    assert desk.post(f"{address}assign/", {"person": file.number}).status_code == 302
    assert file.number in words(desk.get(address))
    assert desk.post(f"{address}use/", {"out": "1"}).status_code == 409
    assert desk.post(f"{address}move/", {"bed": beside.pk}).status_code == 302
    assert "bed_free" in words(desk.post(f"{address}leave/", {"reason": "home"}))
    assert desk.post(f"{address}use/", {"out": "1"}).status_code == 302
    assert "out of use" in words(desk.get(address))
    there = f"/outbreak/sites/beds/{beside.pk}/"
    assert "stay_end" in words(desk.post(f"{there}leave/", {"reason": "x"}))
    assert desk.post(f"{there}leave/", {"reason": "home"}).status_code == 302
    assert desk.post(f"{there}assign/", {"person": file.number, "move": "1"}).status_code == 409
    history = words(desk.get(there))
    assert "goes on at home" in history
    assert "moved to another bed" in words(desk.get(address))


def test_a_leader_sees_how_full_it_is_and_nobody_in_it(officer: Person) -> None:
    site = make_site(officer)
    stay = lying(officer, site, 1)[0]
    leader = client_of(make_person("leader", "leader", DISTRICT))
    for address in (f"/outbreak/sites/{site.pk}/", f"/outbreak/sites/beds/{stay.bed_id}/"):
        page = words(leader.get(address))
        assert "taken" in page
        assert stay.file.number not in page
        assert str(stay.file_id) not in page


# ---- a floor --------------------------------------------------------------------------------------------------------


def test_a_floor_is_reported_in_one_table(desk: Client, officer: Person) -> None:
    site = make_site(officer)
    one, two, three = lying(officer, site, 3)
    address = f"/outbreak/sites/{site.pk}/round/?slot=am&floor=2"
    sent = {"slot": "am", f"t-{one.pk}": "36.5", f"t-{two.pk}": "99", f"t-{three.pk}": ""}
    answer = desk.post(address, sent)
    assert answer.status_code == 400
    assert "bad_temperature" in words(answer)
    assert 'value="99"' in words(answer)
    assert DailyReport.objects.get().how == "site"
    answer = desk.post(address, sent | {f"t-{two.pk}": "38,3", f"s-{two.pk}": ["cough"]})
    assert answer.status_code == 302
    assert DailyReport.objects.count() == 2
    assert Alert.objects.count() == 2
    assert AuditRecord.objects.filter(action="record_report").count() == 2
    page = words(desk.get(address))
    assert "1 is missing" in page
    assert 'value="38.3"' in page


def test_a_floor_keeps_what_the_person_added(desk: Client, officer: Person) -> None:
    site = make_site(officer)
    stay = lying(officer, site, 1)[0]
    report(stay.file, "36.5", note="夜里睡得好")
    desk.post(f"/outbreak/sites/{site.pk}/round/", {"slot": "am", f"t-{stay.pk}": "36.5"})
    assert DailyReport.objects.get().how == "link"
    desk.post(f"/outbreak/sites/{site.pk}/round/", {"slot": "am", f"t-{stay.pk}": "36.7"})
    assert "夜里睡得好" in words(desk.get(f"/outbreak/care/{stay.file_id}/"))


def test_a_floor_costs_the_same_queries_for_twenty_as_for_two(desk: Client, officer: Person) -> None:
    counts = []
    for name, people in (("a", 2), ("b", 20)):
        site = make_site(officer, name=name, rooms=[("201", "210", 2)])
        lying(officer, site, people)
        for address in (f"/outbreak/sites/{site.pk}/round/", f"/outbreak/sites/{site.pk}/"):
            desk.get(address)
            with CaptureQueriesContext(connection) as queries:
                desk.get(address)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


# ---- one person -----------------------------------------------------------------------------------------------------


def test_by_phone_a_report_and_a_request_are_taken(desk: Client) -> None:
    file = make_file()
    address = f"/outbreak/care/{file.pk}/"
    refused = desk.post(f"{address}report/", {"slot": "am", "temperature": "x", "note": "夜里"})
    assert refused.status_code == 400
    assert 'value="夜里"' in words(refused)
    desk.post(f"{address}report/", {"slot": "am", "temperature": "37.4", "symptoms": ["throat"], "note": "夜里"})
    assert DailyReport.objects.get().how == "phone"
    page = words(desk.get(address))
    assert "37.4 ℃" in page
    assert "sore throat" in page
    assert "request_kind" in words(desk.post(f"{address}ask/", {"id": str(uuid.uuid4()), "kind": "x"}))
    desk.post(f"{address}ask/", {"id": str(uuid.uuid4()), "kind": "doctor", "words": "复诊"})
    assert CareRequest.objects.count() == 1


def test_the_link_is_shown_once(desk: Client) -> None:
    file = make_file()
    address = f"/outbreak/care/{file.pk}/"
    answer = desk.post(f"{address}link/")
    assert answer["Cache-Control"] == "no-store"
    secret = words(answer).partition('id="own-address">')[2].partition("</p>")[0].rstrip("/").rpartition("/")[2]
    assert "<svg" in words(answer)
    assert secret not in words(desk.get(address))
    assert Client().get(f"/care/{secret}/").status_code == 200
    desk.post(f"{address}link/end/")
    assert CareLink.objects.get().revoked_at == NOON
    assert Client().get(f"/care/{secret}/").status_code == 404


# ---- alerts and requests --------------------------------------------------------------------------------------------


def test_alerts_are_taken_and_closed_at_the_desk(desk: Client, officer: Person) -> None:
    file = make_file(stay=f"{TOWN}001")
    report(file, "38.6", "breath")
    worker = client_of(make_person("worker", "community_worker", f"{TOWN}001"))
    leader = client_of(make_person("leader", "leader", DISTRICT))
    page = words(worker.get("/outbreak/care/alerts/"))
    assert "38.6 ℃" in page
    assert "short of breath" in page
    assert "38.6" not in words(leader.get("/outbreak/care/alerts/"))
    Alert.objects.update(level=3)
    page = words(leader.get("/outbreak/care/alerts/"))
    assert "the leader" in page
    for kept in ("38.6", "short of breath", file.number, str(file.pk)):
        assert kept not in page
    alert = Alert.objects.get(kind="fever")
    address = f"/outbreak/care/alerts/{alert.pk}/"
    assert worker.post(f"{address}take/").status_code == 302
    assert desk.post(f"{address}take/").status_code == 409
    assert "words_missing" in words(desk.post(f"{address}close/", {"words": ""}, follow=True))
    desk.post(f"{address}close/", {"words": "已送发热门诊"})
    assert "已送发热门诊" in words(desk.get("/outbreak/care/alerts/?show=closed"))


def test_requests_are_given_and_done_at_the_desk(desk: Client) -> None:
    file = make_file()
    other = client_of(make_person("other", "community_worker", OTHER))
    desk.post(f"/outbreak/care/{file.pk}/ask/", {"id": str(uuid.uuid4()), "kind": "food", "words": "牛奶"})
    made = CareRequest.objects.get()
    assert "牛奶" in words(desk.get("/outbreak/care/requests/"))
    assert "牛奶" not in words(other.get("/outbreak/care/requests/"))
    address = f"/outbreak/care/requests/{made.pk}/"
    assert other.post(f"{address}give/").status_code == 404
    assert "owner_unknown" in words(desk.post(f"{address}give/", {"username": "other"}, follow=True))
    desk.post(f"{address}give/")
    assert "牛奶" in words(desk.get("/outbreak/care/requests/?mine=1"))
    desk.post(f"{address}done/")
    assert "牛奶" not in words(desk.get("/outbreak/care/requests/"))
    assert "牛奶" in words(desk.get("/outbreak/care/requests/?show=done"))
    assert DAY.isoformat() in str(CareRequest.objects.get().done_at)
