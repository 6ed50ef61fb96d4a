"""What calendars follow: read by a public parser, ids that stay, changes that are counted."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event
from tests.commons.building import make_place
from tests.commons.volunteering.building import BEGINS, ENDS, announce, anybody, draft, sign_up

from duban.access.models import Person
from duban.commons.deliberation import actions as deliberation
from duban.commons.models import Shift
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ShiftDraft
from duban.commons.volunteering.calendars import calendar_of_shifts
from duban.core import clock
from duban.core.text import is_plain
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    return now


def read(data: bytes) -> list[Event]:
    """The events; the shape of lines and of the whole is checked on the way."""
    assert data.endswith(b"END:VCALENDAR\r\n")
    for line in data.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75, line
        assert b"\n" not in line
        line.decode()
    calendar = Calendar.from_ical(data)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert calendar["PRODID"].startswith("-//Duban//")
    assert not calendar.errors
    zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    events = calendar.walk("VEVENT")
    for event in events:
        assert not event.errors
        for name in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "SUMMARY", "URL"):
            assert name in event, name
        assert event["DTSTART"].params["TZID"] in zones
    return events


def feed(address: str = "/volunteer/feed.ics") -> list[Event]:
    answer = anybody().get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return read(answer.content)


def test_an_entry_says_what_when_and_where(worker: Person) -> None:
    shift = announce(worker, text="带手套;\n带铁锹, 谢谢", lon=116.67, lat=39.89)
    event = feed()[0]
    assert event["UID"] == str(shift.pk)
    assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (BEGINS, ENDS)
    assert event.decoded("DTSTART").utcoffset() == timedelta(hours=8)
    assert event.decoded("DTSTAMP") == NOON
    assert str(event["SUMMARY"]) == "环境卫生大扫除"
    assert str(event["LOCATION"]) == "3号楼北侧"
    assert str(event["DESCRIPTION"]) == "带手套;\n带铁锹, 谢谢\n\n艺苑西里居委会"
    assert event["GEO"].to_ical() == "39.89;116.67"
    assert str(event["URL"]).endswith(f"/volunteer/{shift.activity_id}/")


def test_ids_stay_and_changes_are_counted(worker: Person) -> None:
    shift = announce(worker)
    (first,) = feed()
    later = NOON + timedelta(hours=1)
    actions.change_shift(
        by=worker, now=later, shift_id=shift.pk, draft=ShiftDraft(BEGINS, ENDS + timedelta(hours=1), 3)
    )  # fmt: skip
    (second,) = feed()
    actions.change_activity(
        by=worker, now=later, activity_id=shift.activity_id, draft=draft(ShiftDraft(BEGINS, ENDS, 1), title="铲冰")
    )  # fmt: skip
    third = next(event for event in feed() if event["UID"] == str(shift.pk))
    actions.cancel_activity(by=worker, now=later, activity_id=shift.activity_id)
    gone = feed()
    assert len(gone) == 2, "what was cancelled stays, or calendars would go on showing it"
    fourth = next(event for event in gone if event["UID"] == str(shift.pk))
    assert {event["UID"] for event in (first, second, third, fourth)} == {str(shift.pk)}
    assert [event["SEQUENCE"] for event in (first, second, third, fourth)] == [0, 1, 2, 3]
    assert [str(event["STATUS"]) for event in (first, second, third, fourth)] == ["CONFIRMED"] * 3 + ["CANCELLED"]
    assert second.decoded("DTSTAMP") == later
    assert feed(f"/volunteer/{shift.activity_id}/shifts.ics")[0]["SEQUENCE"] == 3


def test_what_is_of_an_area_and_of_late(worker: Person, at_noon: list[Any]) -> None:
    here, there = announce(worker), announce(worker, jurisdiction="110112106")
    assert [event["UID"] for event in feed("/volunteer/feed.ics?at=110112106")] == [str(there.pk)]
    assert {event["UID"] for event in feed()} == {str(here.pk), str(there.pk)}
    at_noon[0] = BEGINS + timedelta(days=30)
    assert len(feed()) == 2
    at_noon[0] = BEGINS + timedelta(days=32)
    assert feed() == []


def test_an_unchanged_feed_is_a_line(worker: Person) -> None:
    shift, browser = announce(worker), anybody()
    tag = browser.get("/volunteer/feed.ics")["ETag"]
    assert browser.get("/volunteer/feed.ics", headers={"if-none-match": tag}).status_code == 304
    actions.cancel_activity(by=worker, now=NOON, activity_id=shift.activity_id)
    assert browser.get("/volunteer/feed.ics", headers={"if-none-match": tag}).status_code == 200


def test_ones_own_entry_goes_from_waiting_to_in_to_withdrawn(worker: Person) -> None:
    shift, browser = announce(worker, 1), anybody()
    first, second = sign_up(browser, shift), sign_up(anybody(), shift, phone="13900000001")
    address = f"/volunteer/mine/{second}/shift.ics"
    (waiting,) = feed(address)
    browser.post(f"/volunteer/mine/{first}/withdraw/")
    (inside,) = feed(address)
    browser.post(f"/volunteer/mine/{second}/withdraw/")
    (gone,) = feed(address)
    assert [str(event["STATUS"]) for event in (waiting, inside, gone)] == ["TENTATIVE", "CONFIRMED", "CANCELLED"]
    assert [event["SEQUENCE"] for event in (waiting, inside, gone)] == [0, 1, 2]
    assert len({str(event["UID"]) for event in (waiting, inside, gone)}) == 1
    assert str(gone["UID"]) != str(shift.pk)
    assert str(gone["URL"]).endswith(f"/volunteer/mine/{second}/")
    assert browser.get(address)["Cache-Control"] == "no-store"
    actions.cancel_activity(by=worker, now=NOON, activity_id=shift.activity_id)
    assert str(feed(f"/volunteer/mine/{first}/shift.ics")[0]["STATUS"]) == "CANCELLED"


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=90).filter(
    lambda words: bool(words.strip()) and is_plain(words)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=PLAIN, place=PLAIN, words=PLAIN)
def test_whatever_is_written_is_read_again(worker: Person, title: str, place: str, words: str) -> None:
    shift = announce(worker, title=title, place=place, text=words)
    (event,) = read(calendar_of_shifts(Shift.objects.filter(pk=shift.pk).select_related("activity"), title))
    activity = shift.activity

    def flat(text: str) -> str:
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", " ", re.sub(r"\r\n?", "\n", text))

    assert str(event["SUMMARY"]) == flat(activity.title)
    assert str(event["LOCATION"]) == flat(activity.place)
    assert str(event["DESCRIPTION"]) == flat(f"{activity.text}\n\n{activity.organiser}")


def test_an_entrance_has_its_meetings_and_its_communitys_shifts(worker: Person, at_noon: list[Any]) -> None:
    place, other = make_place(), make_place("5号楼1单元", code="110112106001")
    topic = deliberation.open_topic(by=worker, now=NOON, place_id=place.pk, title="楼门怎么美化;")
    invite = {"by": worker, "topic_id": topic.pk, "place": "楼前空地"}
    deliberation.invite_topic(now=NOON, at=BEGINS, **invite)
    shift = announce(worker)
    announce(worker, jurisdiction="110112106001")
    browser, address = anybody(), f"/n/{place.token}/calendar.ics"

    def meeting() -> Event:
        answer = browser.get(address)
        events = {str(one["UID"]): one for one in Calendar.from_ical(answer.content).walk("VEVENT")}
        assert len(events) == 2
        return events[next(key for key in events if key != str(shift.pk))]

    first, tag = meeting(), browser.get(address)["ETag"]
    assert (str(first["SUMMARY"]), str(first["LOCATION"])) == ("楼门怎么美化;", "楼前空地")
    assert first.decoded("DTSTART") == BEGINS
    assert browser.get(address, headers={"if-none-match": tag}).status_code == 304
    later = BEGINS + timedelta(days=1)
    deliberation.invite_topic(now=NOON + timedelta(hours=1), at=later, **invite)
    moved = meeting()
    assert moved["UID"] == first["UID"]
    assert moved["SEQUENCE"] > first["SEQUENCE"]
    assert moved.decoded("DTSTART") == later
    assert moved.decoded("DTSTAMP") == NOON + timedelta(hours=1)
    assert browser.get(address, headers={"if-none-match": tag}).status_code == 200
    assert len(feed(f"/n/{other.token}/calendar.ics")) == 1
    assert browser.get("/n/none/calendar.ics").status_code == 404
