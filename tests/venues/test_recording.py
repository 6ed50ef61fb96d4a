"""Venues come on the register once, in their place, and from whoever keeps it there."""

import math
from typing import Any

import pytest

from duban.access.models import Person
from duban.core.errors import DubanError, NotAllowed, NotFound
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues import queries
from duban.venues.actions import record_good_venues, record_venue, record_venues
from duban.venues.contact import Contact, masked, unseal_contact
from duban.venues.drafts import VenueDraft
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
TOWN, OTHER = "110112110", "110112106"


def draft(name: str = "好味面馆", **changes: Any) -> VenueDraft:
    return VenueDraft(**{"name": name, "kind": "restaurant", "jurisdiction": TOWN} | changes)


def test_a_venue_is_written_in_its_place_and_found_again(supervisor: Person) -> None:
    venue = record_venue(
        by=supervisor,
        now=NOON,
        name=" 好味 面馆(一店) ",
        kind="restaurant",
        jurisdiction="110112110201",
        address="Ａ街1号",
    )
    stored = Venue.objects.get()
    assert (stored.name, stored.town, stored.jurisdiction) == ("好味 面馆(一店)", TOWN, "110112110201")
    assert len(stored.token) == 22
    for text in ("好味", "haowei", "hwmg", "a街", "面馆（一店）", "HAOWEI a街1号", ""):
        assert list(queries.search(supervisor, text)) == [venue], text
    for text in ("别家", "haowei 别家", "\x00", "%", "_"):
        assert not queries.search(supervisor, text), text
    record = AuditRecord.objects.get(action="record_venue")
    assert (record.subject_type, record.subject_id, record.detail) == ("venue", str(venue.pk), {})


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": ""}, "name_missing", "name"),
        ({"name": "　 "}, "name_missing", "name"),
        ({"name": "x" * 101}, "name_missing", "name"),
        ({"name": "a\x00b"}, "bad_text", "name"),
        ({"name": "a\ufffeb"}, "bad_text", "name"),
        ({"address": "a\x07b"}, "bad_text", "address"),
        ({"address": "x" * 201}, "address_too_long", "address"),
        ({"kind": "casino"}, "unknown_venue_type", "venue_type"),
        ({"kind": ""}, "unknown_venue_type", "venue_type"),
        ({"jurisdiction": "1101"}, "bad_code", "jurisdiction"),
        ({"jurisdiction": ""}, "place_missing", "lon"),
        ({"lon": 116.8}, "position_incomplete", "lon"),
        ({"lat": 39.8}, "position_incomplete", "lon"),
        ({"lon": 181.0, "lat": 39.8}, "bad_longitude", "lon"),
        ({"lon": 39.8, "lat": 116.8}, "bad_latitude", "lat"),
        ({"lon": math.nan, "lat": 39.8}, "bad_longitude", "lon"),
        ({"lon": 116.8, "lat": math.inf}, "bad_latitude", "lat"),
        ({"lon": 0.0, "lat": 0.0}, "no_position", "lon"),
        ({"lon": 116.8, "lat": 39.8, "datum": "utm"}, "unknown_datum", "datum"),
        ({"jurisdiction": "310101"}, "outside_scope", "jurisdiction"),
        ({"contact": Contact("x" * 61)}, "bad_contact_name", "contact_name"),
        ({"contact": Contact("张", "call me")}, "bad_phone", "contact_phone"),
    ],
)
def test_what_no_venue_may_be_is_refused_by_field_and_row(
    supervisor: Person, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DubanError) as refusal:
        record_venues(by=supervisor, now=NOON, drafts=[draft(row=2), draft(row=3, **{"name": "二号"} | changes)])
    assert (refusal.value.code, refusal.value.field, refusal.value.row) == (code, field, 3)
    assert not Venue.objects.exists()


def test_good_ones_are_kept_where_asked_and_the_rest_named_by_index(supervisor: Person) -> None:
    drafts = [draft("一号"), draft("", row=3), draft("三号"), draft(kind="x", row=5)]
    found, refused = record_good_venues(by=supervisor, now=NOON, drafts=drafts)
    assert {index: made for index, (_venue, made) in found.items()} == {0: True, 2: True}
    assert [(index, why.code, why.row) for index, why in refused] == [
        (1, "name_missing", 3),
        (3, "unknown_venue_type", 5),
    ]


@pytest.mark.parametrize("role", ["handler", "publisher", "leader", "administrator", "health_officer"])
def test_who_keeps_no_register_records_nothing(role: str) -> None:
    person = make_person("somebody", role, "110112")
    with pytest.raises(NotAllowed) as refusal:
        record_venue(by=person, now=NOON, name="店", kind="shop", jurisdiction=TOWN)
    assert refusal.value.code == "not_allowed"


def test_the_same_venue_is_recorded_once(supervisor: Person) -> None:
    drafts = [
        draft("好味面馆"),
        draft("好味 面馆", lon=116.80, lat=39.80),
        draft("好味面馆", kind="shop"),
        draft("好味面馆", jurisdiction=OTHER),
        draft("KFC", lon=116.80, lat=39.80),
        draft("ｋｆｃ", lon=116.8012, lat=39.80),
        draft("kfc", lon=116.85, lat=39.80),
    ]
    first = record_venues(by=supervisor, now=NOON, drafts=drafts)
    assert [made for _venue, made in first] == [True, False, True, True, True, False, True]
    assert first[5][0] == first[4][0]
    again = record_venues(by=supervisor, now=NOON, drafts=drafts)
    assert [made for _venue, made in again] == [False] * 7
    assert [venue.pk for venue, _made in again] == [venue.pk for venue, _made in first]
    assert Venue.objects.count() == 5


def test_one_that_is_still_there_goes_before_a_closed_one_and_a_closed_one_before_a_new(supervisor: Person) -> None:
    old = record_venue(by=supervisor, now=NOON, name="老店", kind="shop", jurisdiction=TOWN)
    Venue.objects.update(closed_at=NOON)
    [(found, made)] = record_venues(by=supervisor, now=NOON, drafts=[draft("老店", kind="shop")])
    assert (found, made) == (old, False)
    young = record_venue(by=supervisor, now=NOON, name="老店", kind="shop", jurisdiction=TOWN)
    [(found, made)] = record_venues(by=supervisor, now=NOON, drafts=[draft("老店", kind="shop")])
    assert (found, made) == (young, False)


def test_a_thousand_venues_take_a_handful_of_statements(supervisor: Person, django_assert_max_num_queries: Any) -> None:
    drafts = [draft(f"第{number}店", lon=116.7 + number / 1e5, lat=39.8) for number in range(1000)]
    with django_assert_max_num_queries(20):
        made = record_venues(by=supervisor, now=NOON, drafts=drafts)
    assert sum(fresh for _venue, fresh in made) == 1000
    with django_assert_max_num_queries(20):
        record_venues(by=supervisor, now=NOON, drafts=drafts)
    assert AuditRecord.objects.filter(action="record_venues").count() == 1


def test_points_in_other_datums_are_moved(supervisor: Person) -> None:
    [(venue, _made)] = record_venues(by=supervisor, now=NOON, drafts=[draft(lon=116.80, lat=39.80, datum="gcj02")])
    assert venue.lon is not None
    assert 0.003 < 116.80 - venue.lon < 0.01
    assert venue.cell is not None


def test_a_contact_is_not_to_be_read_in_the_database(supervisor: Person) -> None:
    contact = Contact("张建国", "13800001234")
    record_venue(by=supervisor, now=NOON, name="店", kind="shop", jurisdiction=TOWN, contact=contact)
    stored = Venue.objects.get().contact
    assert b"1380000" not in bytes(stored)
    assert unseal_contact(stored) == contact
    assert masked(contact) == Contact("张**", "**********34")


def test_who_sees_which(supervisor: Person) -> None:
    here = record_venue(by=supervisor, now=NOON, name="这", kind="shop", jurisdiction=f"{TOWN}201")
    there = record_venue(by=supervisor, now=NOON, name="那", kind="shop", jurisdiction=OTHER)
    handler = make_person("handler", "handler", TOWN)
    assert list(queries.visible_to(handler)) == [here]
    assert queries.venue_for(handler, here.pk) == here
    assert queries.venue_of_sticker(handler, here.token) == here
    for lost in (lambda: queries.venue_for(handler, there.pk), lambda: queries.venue_of_sticker(handler, there.token)):
        with pytest.raises(NotFound) as refusal:
            lost()
        assert refusal.value.code == "unknown_venue"
    assert not queries.visible_to(make_person("worker", "community_worker", "110112"))
