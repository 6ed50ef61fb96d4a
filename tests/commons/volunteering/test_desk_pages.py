"""The office announces, sees masked names until it looks on the record, checks in by a tap, and certifies."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from tests.commons.volunteering.building import BEGINS, ENDS, announce, anybody, draft, join, sign_up, text
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.models import Activity, Record, Shift, SignUp
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import Certified, ShiftDraft
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions as ledger
from duban.ledger.recording import record_finding

pytestmark = pytest.mark.django_db
NAME = "欧阳听雪"


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def logged_in(person: Person) -> Client:
    client = anybody()
    client.force_login(person)
    return client


@pytest.fixture
def desk(worker: Person) -> Client:
    return logged_in(worker)


def open_entry(seed: int = 1, **changes: Any) -> Any:
    supervisor = Person.objects.filter(username="chief").first() or make_person("chief")
    finding = make_finding(seed, photos=(make_photo(seed, by=supervisor),), **changes)
    entry = record_finding(by=supervisor, now=NOON, finding=finding).entry
    return ledger.list_entry(by=supervisor, now=NOON, entry_id=entry.pk)


def sent(**more: Any) -> dict[str, Any]:
    facts = {
        "id": str(uuid.uuid4()),
        "title": "大扫除",
        "organiser": "居委会",
        "jurisdiction": "110112",
        "place": "楼前",
    }
    line = {"day": ["2021-01-23", ""], "begins": ["09:00", ""], "ends": ["11:30", ""], "places": ["12", ""]}
    return facts | line | more


# ---- announcing -----------------------------------------------------------------------------------------------------


def test_an_open_entry_proposes_what_and_where(desk: Client) -> None:
    entry = open_entry()
    page = desk.get("/commons/activities/add/")
    assert [one.id for one in page.context["offered"]] == [entry.pk]
    page = desk.get(f"/commons/activities/add/?entry={entry.pk}")
    form = page.context["form"]
    assert form["title"].value() == "Clean-up"
    assert (form["lon"].value(), form["lat"].value()) == (entry.lon, entry.lat)
    assert form["place"].value() == (entry.statement or entry.description)
    assert page.context["offered"] == []
    answer = desk.post("/commons/activities/add/", sent(entry=str(entry.pk), lon=str(entry.lon), lat=str(entry.lat)))
    assert answer.status_code == 302, text(answer)
    activity = Activity.objects.get()
    assert activity.entries == [str(entry.pk)]
    shift = activity.shifts.get()
    assert (shift.begins_at.isoformat(), shift.places) == ("2021-01-23T01:00:00+00:00", 12)
    page = text(desk.get(answer["Location"]))
    photo = entry.photos.get().photo_id
    assert f"/commons/activities/photos/{photo}/public/" in page
    assert entry.number in page


def test_a_shift_is_cancelled_at_the_desk_and_everybody_reads_it(desk: Client, worker: Person) -> None:
    shift = announce(worker)
    browser = anybody()
    secret = sign_up(browser, shift)
    page = f"/commons/shifts/{shift.pk}/"
    there = desk.get(page).content.decode()
    assert "Cancel this shift" in there
    assert re.search(r'href="/commons/activities/"[^>]*aria-current="page"[^>]*>\s*Volunteering', there)
    assert desk.post(f"{page}cancel/")["Location"] == page
    assert "It was called off: 1 person was in" in text(desk.get(page))
    assert "Cancel this shift" not in text(desk.get(page))
    assert "does not take place" in text(browser.get(f"/volunteer/{shift.activity_id}/"))
    assert "This does not take place" in text(browser.get(f"/volunteer/mine/{secret}/"))
    assert "This does not take place" in text(browser.get(f"/volunteer/here/{shift.token}/"))
    for calendar in (f"/volunteer/{shift.activity_id}/shifts.ics", f"/volunteer/mine/{secret}/shift.ics"):
        assert "STATUS:CANCELLED" in browser.get(calendar).content.decode()


def test_anybody_sees_before_and_after_of_what_was_struck_off(worker: Person) -> None:
    entry, still_open = open_entry(), open_entry(2)
    before, after = entry.photos.get().photo_id, make_photo(7, by=worker)
    shift = announce(worker, entries=(entry.pk, still_open.pk))
    browser, url = anybody(), f"/volunteer/{shift.activity_id}/"
    page = browser.get(url).content.decode()
    assert "What was done together" not in page
    assert browser.get(f"{url}photos/{before}/public/").status_code == 404
    chief, handler = Person.objects.get(username="chief"), make_person("handler", "handler")
    step: dict[str, Any] = {"now": NOON, "entry_id": entry.pk}
    ledger.assign_entry(by=chief, unit="110112", **step)
    ledger.submit_remedy(by=handler, photos=[after], **step)
    ledger.close_entry(by=chief, **step)
    page = browser.get(url).content.decode()
    assert "What was done together" in page
    for photo in (before, after):
        assert f"{url}photos/{photo}/public/" in page
        answer = browser.get(f"{url}photos/{photo}/public/")
        assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")  # type: ignore[arg-type]
        assert "public" in answer["Cache-Control"]
        assert browser.get(f"{url}photos/{photo}/original/").status_code == 404
    hidden = still_open.photos.get().photo_id
    assert browser.get(f"{url}photos/{hidden}/public/").status_code == 404


def test_pictures_of_entries_are_copies_without_what_the_camera_wrote(desk: Client, worker: Person) -> None:
    photo = open_entry().photos.get().photo_id
    answer = desk.get(f"/commons/activities/photos/{photo}/thumbnail/")
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")  # type: ignore[arg-type]
    assert desk.get(f"/commons/activities/photos/{photo}/original/").status_code == 404
    loose = make_photo(77, by=worker)
    assert desk.get(f"/commons/activities/photos/{loose}/public/").status_code == 404


def test_entries_of_another_area_are_neither_offered_nor_taken(worker: Person) -> None:
    entry = open_entry()
    stranger = logged_in(make_person("stranger", "community_worker", "110113"))
    assert stranger.get(f"/commons/activities/add/?entry={entry.pk}").context["chosen"] == []
    answer = stranger.post("/commons/activities/add/", sent(jurisdiction="110113", entry=str(entry.pk)))
    assert answer.status_code == 302
    assert Activity.objects.get().entries == []


def test_the_same_form_twice_is_one_activity(desk: Client) -> None:
    form = sent()
    first, again = (desk.post("/commons/activities/add/", form) for _time in range(2))
    assert first["Location"] == again["Location"]
    assert (Activity.objects.count(), Shift.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": ""}, "title_missing"),
        ({"organiser": ""}, "organiser_missing"),
        ({"place": " "}, "place_missing"),
        ({"jurisdiction": "x"}, "bad_code"),
        ({"jurisdiction": "110113"}, "not_allowed"),
        ({"lon": "116"}, "bad_position"),
        ({"lon": "x", "lat": "39"}, "bad_number"),
        ({"lon": "316", "lat": "39"}, "bad_position"),
        ({"day": ["", ""], "begins": ["", ""], "ends": ["", ""]}, "no_shift"),
        ({"day": ["2021-13-45", ""]}, "bad_shift_line"),
        ({"ends": ["x", ""]}, "bad_shift_line"),
        ({"places": ["", ""]}, "bad_shift_line"),
        ({"places": ["０", ""]}, "bad_shift_line"),
        ({"places": ["0", ""]}, "bad_shift"),
        ({"places": ["9" * 40, ""]}, "bad_shift"),
        ({"ends": ["09:00", ""]}, "bad_shift"),
        ({"day": ["2021-01-23", "2021-01-24"]}, "bad_shift_line"),
    ],
)
def test_a_bad_form_says_what_is_wrong_and_keeps_what_was_typed(
    desk: Client, change: dict[str, Any], code: str
) -> None:
    answer = desk.post("/commons/activities/add/", sent(text="带手套") | change)
    assert answer.status_code in {400, 403}, text(answer)
    assert code in text(answer)
    assert Activity.objects.count() == 0
    if answer.status_code == 400 and code != "bad_code":
        assert "带手套" in text(answer)


def test_changing_keeps_the_shifts_and_tells_the_calendars(desk: Client, worker: Person) -> None:
    entry, other = open_entry(1), open_entry(2)
    shift = announce(worker, entries=(entry.pk, other.pk))
    address = f"/commons/activities/{shift.activity_id}/change/"
    assert 'value="3号楼北侧"' in text(desk.get(address))
    blank = {name: [""] for name in ("day", "begins", "ends", "places")}
    answer = desk.post(address, sent(title="铲冰", entry=[str(entry.pk)]) | blank)
    assert answer.status_code == 302, text(answer)
    activity = Activity.objects.get()
    assert (activity.title, activity.sequence, activity.entries) == ("铲冰", 1, [str(entry.pk)])
    assert activity.shifts.get() == shift
    desk.post(address, sent(title="铲冰"))
    assert activity.shifts.count() == 2
    desk.post(f"/commons/activities/{activity.pk}/cancel/")
    assert desk.post(address, sent()).status_code == 409
    assert "cancelled" in text(desk.get(f"/commons/activities/{activity.pk}/"))


def test_who_changes_an_activity_leaves_the_entries_that_they_cannot_see(worker: Person) -> None:
    seen, hidden = open_entry(1), open_entry(2, lon=116.6, lat=39.9)
    shift = announce(worker, entries=(seen.pk, hidden.pk), jurisdiction=f"{seen.jurisdiction[:6]}005001")
    neighbour = logged_in(make_person("neighbour", "community_worker", shift.jurisdiction))
    blank = {name: [""] for name in ("day", "begins", "ends", "places")}
    form = sent(title="铲冰", jurisdiction=shift.jurisdiction) | blank
    assert neighbour.post(f"/commons/activities/{shift.activity_id}/change/", form).status_code == 302
    assert Activity.objects.get().entries == [str(seen.pk), str(hidden.pk)]


# ---- the lists ------------------------------------------------------------------------------------------------------


def test_the_three_lists(desk: Client, worker: Person, at_noon: list[Any], django_assert_max_num_queries: Any) -> None:
    coming, over, gone = announce(worker), announce(worker), announce(worker)
    early = BEGINS - timedelta(days=1)
    actions.change_shift(
        by=worker, now=NOON, shift_id=over.pk, draft=ShiftDraft(early, early + timedelta(hours=1), 2)
    )  # fmt: skip
    made = join(over)
    actions.cancel_activity(by=worker, now=NOON, activity_id=gone.activity_id)
    at_noon[0] = early + timedelta(hours=2)
    actions.check_in_from_list(by=worker, now=early, sign_up_ids=[made.sign_up.pk])

    def listed(show: str) -> list[Any]:
        with django_assert_max_num_queries(15):
            return [row.shift.pk for row in desk.get(f"/commons/activities/?show={show}").context["rows"]]

    assert listed("coming") == [coming.pk]
    assert listed("hours") == [over.pk]
    assert set(listed("all")) == {coming.pk, over.pk, gone.pk}
    assert listed("nonsense") == [coming.pk]
    actions.certify_hours(
        by=worker, now=at_noon[0], shift_id=over.pk, rows=[Certified(made.sign_up.pk, 60, "扫雪")]
    )  # fmt: skip
    assert listed("hours") == []


@pytest.mark.parametrize("show", ["coming", "all"])
def test_every_shift_stands_on_one_page(desk: Client, worker: Person, show: str) -> None:
    same = [ShiftDraft(BEGINS, ENDS, 3)] * 55
    for _time in range(2):
        actions.announce_activity(by=worker, now=NOON, draft=draft(*same))
    seen: list[Any] = []
    address = f"?show={show}"
    while address:
        page = desk.get(f"/commons/activities/{address}").context
        seen += [row.shift.pk for row in page["rows"]]
        address = page["later"]
    assert len(seen) == len(set(seen)) == 110


# ---- who signed up --------------------------------------------------------------------------------------------------


def test_names_are_masked_until_somebody_looks_and_the_look_is_written_down(
    desk: Client, worker: Person, at_noon: list[Any]
) -> None:
    shift = announce(worker)
    join(shift, name=NAME, phone="13911112222")
    pages = [f"/commons/shifts/{shift.pk}/", f"/commons/shifts/{shift.pk}/list/"]
    for page in pages:
        seen = text(desk.get(page))
        assert "欧***" in seen
        assert NAME not in seen
        assert "13911112222" not in seen
    assert not AuditRecord.objects.filter(action="look_at_volunteers").exists()
    desk.post(f"{pages[0]}look/")
    look = AuditRecord.objects.get(action="look_at_volunteers")
    assert (look.subject_id, look.detail, look.actor["username"]) == (str(shift.pk), {"people": 1}, "worker")
    for page in pages:
        seen = text(desk.get(page))
        assert NAME in seen
        assert "13911112222" in seen
    other = announce(worker)
    join(other, name=NAME)
    assert NAME not in text(desk.get(f"/commons/shifts/{other.pk}/")), "a look is at one shift"
    at_noon[0] = NOON + timedelta(hours=1)
    assert NAME not in text(desk.get(pages[0]))


@pytest.mark.parametrize("role", ["supervisor", "leader"])
def test_who_only_oversees_sees_no_name(worker: Person, role: str) -> None:
    shift = announce(worker)
    join(shift, name=NAME)
    client = logged_in(make_person("boss", role))
    assert client.post(f"/commons/shifts/{shift.pk}/look/").status_code == 403
    page = text(client.get(f"/commons/shifts/{shift.pk}/"))
    assert NAME not in page
    assert "Show names" not in page
    assert client.get(f"/commons/shifts/{shift.pk}/hours/").status_code == 403


def test_somebody_who_called_gets_a_slip(desk: Client, worker: Person) -> None:
    shift = announce(worker)
    page = desk.get(f"/commons/shifts/{shift.pk}/").context["new"]
    facts = {"id": str(page["id"]), "key": page["key"], "name": "刘奶奶", "phone": "69540000"}
    address = f"/commons/shifts/{shift.pk}/sign-up/"
    for _time in range(2):
        slip = desk.post(address, facts)
        assert f"/volunteer/mine/{page['key']}/" in text(slip)
        assert slip["Cache-Control"] == "no-store"
    assert SignUp.objects.count() == 1
    assert AuditRecord.objects.filter(action="sign_up_for", subject_id=facts["id"]).exists()
    assert "You are in." in text(anybody().get(f"/volunteer/mine/{page['key']}/"))
    wrong = desk.post(address, facts | {"id": str(uuid.uuid4()), "phone": "abc"})
    assert wrong.status_code == 400
    assert "contact_phone" in text(wrong)
    assert desk.post(address, facts | {"id": "x"}).status_code == 400


def test_by_a_tap_here_not_here_and_not_coming(desk: Client, worker: Person, at_noon: list[Any]) -> None:
    shift = announce(worker, 1)
    first, second = join(shift, 1).sign_up, join(shift, 2).sign_up
    address = f"/commons/shifts/{shift.pk}/person/"

    def tap(person: SignUp, do: str) -> int:
        return desk.post(address, {"person": str(person.pk), "do": do}).status_code

    assert tap(first, "here") == 409, "too early"
    at_noon[0] = BEGINS
    assert tap(first, "here") == 302
    assert tap(first, "withdraw") == 409
    assert tap(second, "here") == 409, "who waits is not in"
    assert tap(first, "not_here") == 302
    first.refresh_from_db()
    assert first.came_at is None
    assert tap(first, "withdraw") == 302
    second.refresh_from_db()
    assert second.state == "in"
    other = join(announce(worker)).sign_up
    assert tap(other, "here") == 400, "of another shift"
    assert desk.post(address, {"person": "x", "do": "here"}).status_code == 400
    assert {"withdraw_for", "undo_check_in", "check_in_from_list"} <= set(
        AuditRecord.objects.values_list("action", flat=True)
    )


def test_another_time_and_more_places(desk: Client, worker: Person) -> None:
    shift = announce(worker, 1)
    people = [join(shift, number).sign_up for number in range(3)]
    change = {"day": "2021-01-21", "begins": "08:00", "ends": "09:00", "places": "2"}
    address = f"/commons/shifts/{shift.pk}/change/"
    assert desk.post(address, change).status_code == 302
    for one in people:
        one.refresh_from_db()
    assert [one.state for one in people] == ["in", "in", "waiting"]
    assert [one.moved_up_at for one in people] == [None, NOON, None]
    page = text(desk.get(f"/commons/shifts/{shift.pk}/"))
    assert "1 person moved up from the waiting list and may not know it: call them." in page
    wrong = desk.post(address, change | {"places": "1"})
    assert wrong.status_code == 400
    assert "places_taken" in text(wrong)
    assert "bad_shift_line" in text(desk.post(address, change | {"day": "x"}))


def test_the_poster_leads_to_the_check_in(desk: Client, worker: Person) -> None:
    shift = announce(worker)
    page = desk.get(f"/commons/shifts/{shift.pk}/poster/")
    assert "<svg" in text(page)
    assert shift.token not in text(desk.get(f"/commons/shifts/{shift.pk}/"))
    call = text(desk.get(f"/commons/activities/{shift.activity_id}/poster/"))
    assert f"/volunteer/{shift.activity_id}/" in call
    assert "Wednesday 20 January 12:00–15:00" in call
    assert shift.token not in call


# ---- hours ----------------------------------------------------------------------------------------------------------


def test_hours_for_those_who_are_ticked(desk: Client, worker: Person, at_noon: list[Any]) -> None:
    shift = announce(worker, 3)
    people = [join(shift, number, name=f"{NAME}{number}").sign_up for number in range(3)]
    at_noon[0] = BEGINS
    actions.check_in_from_list(by=worker, now=BEGINS, sign_up_ids=[one.pk for one in people[:2]])
    at_noon[0] = ENDS
    address = f"/commons/shifts/{shift.pk}/hours/"
    page = desk.get(address)
    assert [row.line.sign_up.turn for row in page.context["rows"]] == [1, 2]
    assert [row.minutes for row in page.context["rows"]] == ["180", "180"]
    first, second, absent = (str(one.pk) for one in people)
    facts = {"service": "清理楼道", "person": [first], f"minutes-{first}": "150", f"commendation-{first}": "表扬"}
    for change, code in (
        ({"person": []}, "nobody_ticked"),
        ({f"minutes-{first}": "x"}, "bad_minutes"),
        ({f"minutes-{first}": "0"}, "bad_minutes"),
        ({f"minutes-{first}": "9999"}, "bad_minutes"),
        ({"service": ""}, "service_missing"),
        ({"person": ["x"]}, "bad_id"),
        ({"person": [absent], f"minutes-{absent}": "60"}, "not_there"),
        ({"person": [str(uuid.uuid4())]}, "bad_minutes"),
    ):
        answer = desk.post(address, facts | change)
        assert code in text(answer), code
        assert answer.status_code in {400, 404, 409}
        assert Record.objects.count() == 0
    assert desk.post(address, facts | {"person": [first, first]}).status_code == 302
    record = Record.objects.get()
    assert (record.minutes, record.commendation, str(record.sign_up_id)) == (150, "表扬", first)
    assert [row.line.sign_up.turn for row in desk.get(address).context["rows"]] == [2]
    page = desk.get(f"/commons/shifts/{shift.pk}/")
    assert record.number in text(page)
    assert "2 h 30 min" in text(page)
    pdf = desk.get(f"/commons/records/{record.pk}/certificate.pdf")
    assert f"{NAME}0" in text_of(pdf)
    assert AuditRecord.objects.filter(action="print_certificate", subject_id=str(record.pk)).count() == 1
    again = {"person": first, "do": "not_here"}
    assert "certified_already" in text(desk.post(f"/commons/shifts/{shift.pk}/person/", again))
    assert desk.post(f"/commons/records/{record.pk}/revoke/").status_code == 302
    assert desk.get(f"/commons/records/{record.pk}/certificate.pdf").status_code == 409
    assert [row.line.sign_up.turn for row in desk.get(address).context["rows"]] == [1, 2]
    assert second


def test_a_long_list_is_turned_over(desk: Client, worker: Person, django_assert_max_num_queries: Any) -> None:
    shift = announce(worker, 250)
    for number in range(205):
        join(shift, number)
    with django_assert_max_num_queries(15):
        page = desk.get(f"/commons/shifts/{shift.pk}/")
    assert (len(page.context["lines"]), page.context["later"]) == (200, 200)
    assert len(desk.get(f"/commons/shifts/{shift.pk}/?from=200").context["lines"]) == 5
    assert desk.get(f"/commons/shifts/{shift.pk}/?from=%F0x").status_code == 200
