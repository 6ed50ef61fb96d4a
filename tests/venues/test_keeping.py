"""Keeping the register: changing, closing and opening again, stickers, contacts on the record, types of one's own."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues import actions
from duban.venues.actions import VenueEdit
from duban.venues.contact import Contact, unseal_contact
from duban.venues.models import Venue, VenueType
from duban.venues.types import load_types

pytestmark = pytest.mark.django_db
TOWN, OTHER = "110112110", "110112106"
LATER = NOON + timedelta(days=1)


@pytest.fixture
def venue(supervisor: Person) -> Venue:
    return actions.record_venue(
        by=supervisor, now=NOON, name="好味面馆", kind="restaurant", jurisdiction=TOWN, lon=116.80, lat=39.80,
        contact=Contact("张建国", "13800001234"),
    )  # fmt: skip


def refused(code: str, act: Callable[..., Any], **said: Any) -> DubanError:
    with pytest.raises(DubanError) as refusal:
        act(**{"now": LATER} | said)
    assert refusal.value.code == code
    return refusal.value


def test_an_edit_changes_what_it_names_and_records_which_without_values(supervisor: Person, venue: Venue) -> None:
    edit = VenueEdit(name="好味面馆(新)", kind="shop", address="幸福街1号")
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=edit)
    stored = Venue.objects.get()
    assert (stored.name, stored.kind_id, stored.address) == ("好味面馆(新)", "shop", "幸福街1号")
    assert (stored.lon, stored.lat, stored.jurisdiction, stored.token) == (116.80, 39.80, TOWN, venue.token)
    assert stored.name_key == "好味面馆(新)"
    assert "幸福街" in stored.search
    assert unseal_contact(stored.contact) == Contact("张建国", "13800001234")
    assert AuditRecord.objects.get(action="edit_venue").detail == {"changed": ["name", "kind_id", "address"]}
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=edit)
    assert AuditRecord.objects.filter(action="edit_venue").count() == 1


def test_a_contact_is_changed_and_removed(supervisor: Person, venue: Venue) -> None:
    edit = VenueEdit(contact=Contact("李四", ""))
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=edit)
    assert unseal_contact(Venue.objects.get().contact) == Contact("李四", "")
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=VenueEdit(contact=Contact()))
    assert Venue.objects.get().contact is None
    assert "李四" not in str(list(AuditRecord.objects.values()))


def test_a_venue_is_moved_within_what_its_keeper_keeps(supervisor: Person, venue: Venue) -> None:
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=VenueEdit(jurisdiction=OTHER))
    assert Venue.objects.get().town == OTHER
    edit = VenueEdit(place=(116.90, 39.90, "wgs84"), jurisdiction=TOWN)
    actions.edit_venue(by=supervisor, now=LATER, venue_id=venue.pk, edit=edit)
    moved = Venue.objects.get()
    assert (moved.lon, moved.lat, moved.town) == (116.90, 39.90, TOWN)
    assert moved.cell != venue.cell
    keeper = make_person("keeper", "inspector", TOWN)
    edit = VenueEdit(jurisdiction=OTHER)
    wrong = refused("outside_scope", actions.edit_venue, by=keeper, venue_id=venue.pk, edit=edit)
    assert wrong.field == "jurisdiction"
    stranger = make_person("stranger", "inspector", OTHER)
    refused("unknown_venue", actions.edit_venue, by=stranger, venue_id=venue.pk, edit=VenueEdit(name="x"))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (VenueEdit(name=""), "name_missing"),
        (VenueEdit(kind="casino"), "unknown_venue_type"),
        (VenueEdit(place=(200.0, 39.8, "wgs84")), "bad_longitude"),
        (VenueEdit(jurisdiction="12"), "bad_code"),
        (VenueEdit(contact=Contact("", "x")), "bad_phone"),
        (VenueEdit(address="x" * 201), "address_too_long"),
    ],
)
def test_an_edit_to_what_no_venue_may_be_changes_nothing(
    supervisor: Person, venue: Venue, edit: VenueEdit, code: str
) -> None:
    before = Venue.objects.values().get()
    refused(code, actions.edit_venue, by=supervisor, venue_id=venue.pk, edit=edit)
    assert Venue.objects.values().get() == before
    assert not AuditRecord.objects.filter(action="edit_venue").exists()


def test_a_venue_closes_and_opens_again_in_that_order_alone(supervisor: Person, venue: Venue) -> None:
    one: dict[str, Any] = {"by": supervisor, "venue_id": venue.pk}
    refused("venue_open", actions.reopen_venue, **one)
    actions.close_venue(now=LATER, **one)
    assert Venue.objects.get().closed_at == LATER
    refused("venue_closed", actions.close_venue, **one)
    refused("venue_closed", actions.edit_venue, edit=VenueEdit(name="x"), **one)
    refused("venue_closed", actions.renew_sticker, **one)
    actions.reopen_venue(now=LATER, **one)
    assert Venue.objects.get().closed_at is None


def test_an_old_sticker_leads_nowhere_once_renewed(supervisor: Person, venue: Venue) -> None:
    renewed = actions.renew_sticker(by=supervisor, now=LATER, venue_id=venue.pk)
    assert len(renewed.token) == 22
    assert renewed.token != venue.token


def test_each_opening_of_a_contact_is_on_the_record_with_its_purpose(supervisor: Person, venue: Venue) -> None:
    one: dict[str, Any] = {"by": supervisor, "venue_id": venue.pk}
    assert actions.open_contact(now=LATER, purpose="recheck", **one) == Contact("张建国", "13800001234")
    assert actions.open_contact(now=LATER, purpose="visit", **one) == Contact("张建国", "13800001234")
    records = AuditRecord.objects.filter(action="open_contact").order_by("pk")
    assert [record.detail for record in records] == [{"purpose": "recheck"}, {"purpose": "visit"}]
    assert [record.actor["username"] for record in records] == ["supervisor"] * 2
    for purpose in ("", "curiosity", "张建国"):
        refused("unknown_purpose", actions.open_contact, purpose=purpose, **one)
    Venue.objects.update(contact=None)
    refused("no_contact", actions.open_contact, purpose="visit", **one)
    assert records.count() == 2


@pytest.mark.parametrize("role", ["handler", "publisher", "leader", "administrator"])
def test_who_only_reads_opens_no_contact_and_keeps_nothing(venue: Venue, role: str) -> None:
    reader = make_person("reader", role, "110112")
    one: dict[str, Any] = {"by": reader, "venue_id": venue.pk}
    refused("not_allowed", actions.open_contact, purpose="visit", **one)
    refused("not_allowed", actions.edit_venue, edit=VenueEdit(name="x"), **one)
    refused("not_allowed", actions.close_venue, **one)
    refused("not_allowed", actions.renew_sticker, **one)


def test_what_is_sent_twice_under_one_id_is_one_venue(supervisor: Person) -> None:
    said: dict[str, Any] = {"by": supervisor, "kind": "shop", "jurisdiction": TOWN, "venue_id": uuid.UUID(int=7)}
    first = actions.record_venue(now=NOON, name="小店", **said)
    assert actions.record_venue(now=LATER, name="小 店", **said) == first
    assert Venue.objects.get().created_at == NOON
    refused("venue_conflict", actions.record_venue, name="大店", **said)
    elsewhere = make_person("elsewhere", "supervisor", OTHER)
    refused("venue_conflict", actions.record_venue, name="小店", **said | {"by": elsewhere, "jurisdiction": OTHER})


def test_types_of_ones_own_come_and_go_and_the_built_in_ones_stay(supervisor: Person) -> None:
    boss = make_person("boss", "administrator", "110112")
    said: dict[str, Any] = {"by": boss, "name": "浴室", "name_en": "bath house"}
    actions.write_type(now=NOON, key="bath_house", **said)
    actions.write_type(now=NOON, key="bath_house", **said | {"name": "公共浴室"})
    assert VenueType.objects.get(pk="bath_house").name == "公共浴室"
    assert VenueType.objects.last().pk == "other"  # type: ignore[union-attr]
    load_types()
    assert VenueType.objects.filter(pk="bath_house").exists()
    for key in ("", "x", "Bath", "1st", "浴室", "a" * 31, "a\x00b"):
        refused("bad_type_key", actions.write_type, key=key, **said)
    refused("type_name_missing", actions.write_type, key="sauna", **said | {"name": " "})
    refused("built_in_type", actions.write_type, key="shop", **said)
    refused("built_in_type", actions.remove_type, by=boss, key="shop")
    refused("unknown_type", actions.remove_type, by=boss, key="sauna")
    refused("not_allowed", actions.write_type, key="sauna", **said | {"by": supervisor})
    refused("not_allowed", actions.remove_type, by=supervisor, key="bath_house")
    venue = actions.record_venue(by=supervisor, now=NOON, name="店", kind="bath_house", jurisdiction=TOWN)
    refused("type_in_use", actions.remove_type, by=boss, key="bath_house")
    actions.edit_venue(by=supervisor, now=NOON, venue_id=venue.pk, edit=VenueEdit(kind="shop"))
    actions.remove_type(by=boss, now=NOON, key="bath_house")
    assert not VenueType.objects.filter(pk="bath_house").exists()
