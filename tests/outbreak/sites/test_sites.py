"""Sites, beds and who lies in them: no bed twice, families together, and figures that equal the rows."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.outbreak.care.building import DISTRICT, OTHER, TOWN, beds_of, due, make_file, make_site

from duban.access.models import Person
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import Bed, BedStay, CaseFile, FileState, Room, Site
from duban.outbreak.sites import actions, making
from duban.outbreak.sites.queries import by_number, free_beds, history_of, occupancy, plan_of, sites_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def refused(code: str, act: Any, **asked: Any) -> None:
    with pytest.raises(DubanError) as error:
        act(**asked)
    assert error.value.code == code


# ---- making ---------------------------------------------------------------------------------------------------------


def test_one_form_makes_floors_rooms_and_beds(officer: Person) -> None:
    site = make_site(officer, rooms=[("201", "203", 2), ("A09", "A11", 1), ("大厅", "", 5)])
    assert [room.name for room in site.rooms.order_by("pk")] == ["201", "202", "203", "A09", "A10", "A11", "大厅"]
    assert Bed.objects.filter(room__site=site).count() == 3 * 2 + 3 + 5
    assert AuditRecord.objects.filter(action="make_site").count() == 1


def test_a_second_press_makes_no_second_site(officer: Person) -> None:
    key = uuid.uuid4()
    assert make_site(officer, site_id=key) == make_site(officer, site_id=key)
    assert Site.objects.count() == 1
    refused("site_of_others", make_site, by=officer, site_id=key, name="另一处")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "site_name"),
        ({"name": "潞" * 101}, "site_name"),
        ({"address": "a\x00"}, "bad_address"),
        ({"rooms": [("201", "202", 0)]}, "bad_beds"),
        ({"rooms": [("201", "202", 51)]}, "bad_beds"),
        ({"rooms": [("202", "201", 1)]}, "room_range"),
        ({"rooms": [("A1", "B2", 1)]}, "room_range"),
        ({"rooms": [("1", "9999", 1)]}, "too_many_rooms"),
        ({"rooms": [("x" * 21, "", 1)]}, "room_name"),
        ({"rooms": [("201", "203", 1), ("203", "", 1)]}, "room_there"),
        ({"town": "11011"}, "bad_code"),
    ],
)
def test_what_is_wrong_makes_nothing(officer: Person, changes: dict[str, Any], code: str) -> None:
    refused(code, make_site, by=officer, **changes)
    assert not Site.objects.exists()
    assert not Room.objects.exists()


def test_a_name_is_one_sites_in_an_office(officer: Person) -> None:
    make_site(officer)
    refused("site_name_taken", make_site, by=officer)


def test_who_makes_and_sees_sites(officer: Person) -> None:
    site = make_site(officer)
    town, other = make_person("town", "health_officer", TOWN), make_person("other", "health_officer", OTHER)
    worker, leader = make_person("worker", "community_worker", TOWN), make_person("leader", "leader", TOWN)
    for person, sees in [(town, True), (other, False), (worker, True), (leader, True)]:
        assert list(sites_for(person)) == ([site] if sees else [])
    for person in (other, worker, leader):
        with pytest.raises((NotAllowed, NotFound)):
            making.add_rooms(by=person, now=NOON, site_id=site.pk, rooms=[making.RoomsDraft("3", "301", "", 1)])
    assert making.add_rooms(by=town, now=NOON, site_id=site.pk, rooms=[making.RoomsDraft("3", "301", "", 3)]) == 3
    with pytest.raises(NotAllowed):
        make_site(town, town=OTHER, name="别处")


def test_rooms_are_in_the_order_of_their_numbers() -> None:
    assert sorted(["10F", "2F", "B1", "2", "大厅"], key=by_number) == ["2", "2F", "10F", "B1", "大厅"]


# ---- taking a bed ---------------------------------------------------------------------------------------------------


def test_a_bed_brings_the_person_there(officer: Person) -> None:
    site, file = make_site(officer), make_file()
    task, reach = due(file), due(file, "reach")
    stay = actions.assign_bed(by=officer, now=NOON, bed_id=beds_of(site)[0].pk, file_id=file.pk)
    for one in (task, reach):
        one.refresh_from_db()
        assert one.state == "done"
    file.refresh_from_db()
    assert file.isolated_at == file.reached_at == NOON
    again = actions.assign_bed(by=officer, now=NOON + timedelta(hours=1), bed_id=beds_of(site)[0].pk, file_id=file.pk)
    assert again == stay
    assert BedStay.objects.count() == 1
    file.refresh_from_db()
    assert file.isolated_at == NOON


def test_no_bed_is_held_twice(officer: Person) -> None:
    site, first, second = make_site(officer), make_file(), make_file()
    bed, other, *_rest = beds_of(site)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=first.pk)
    refused("bed_taken", actions.assign_bed, by=officer, now=NOON, bed_id=bed.pk, file_id=second.pk)
    refused("already_in_a_bed", actions.assign_bed, by=officer, now=NOON, bed_id=other.pk, file_id=first.pk)
    # Whoever goes past the actions meets the constraints.
    for row in ({"bed": bed, "file": second}, {"bed": other, "file": first}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BedStay.objects.create(since=NOON, by={}, **row)


def test_who_was_merged_lies_in_one_bed(officer: Person) -> None:
    site, lying, kept = make_site(officer), make_file(), make_file()
    bed, other, *_rest = beds_of(site)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=lying.pk)
    CaseFile.objects.filter(pk=lying.pk).update(merged_into=kept)
    refused("already_in_a_bed", actions.assign_bed, by=officer, now=NOON, bed_id=other.pk, file_id=kept.pk)
    ended = actions.end_stay(by=officer, now=NOON, file_id=kept.pk, reason="release")
    assert ended is not None
    assert not BedStay.objects.filter(until=None).exists()


@pytest.mark.parametrize("state", [FileState.RELEASED, FileState.CLOSED])
def test_who_is_no_longer_followed_takes_no_bed(officer: Person, state: str) -> None:
    site, file = make_site(officer), make_file(state=state)
    refused("file_not_open", actions.assign_bed, by=officer, now=NOON, bed_id=beds_of(site)[0].pk, file_id=file.pk)


def test_a_bed_out_of_use_is_given_to_nobody(officer: Person) -> None:
    site, file = make_site(officer), make_file()
    bed, other, *_rest = beds_of(site)
    making.set_out_of_use(by=officer, now=NOON, bed_id=bed.pk, out=True)
    refused("bed_out_of_use", actions.assign_bed, by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
    making.set_out_of_use(by=officer, now=NOON, bed_id=bed.pk, out=False)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
    refused("bed_taken", making.set_out_of_use, by=officer, now=NOON, bed_id=bed.pk, out=True)
    refused("site_not_empty", making.close_site, by=officer, now=NOON, site_id=site.pk)
    actions.end_stay(by=officer, now=NOON, file_id=file.pk, reason="home")
    making.close_site(by=officer, now=NOON, site_id=site.pk)
    refused("site_closed", actions.assign_bed, by=officer, now=NOON, bed_id=other.pk, file_id=file.pk)


def test_a_transfer_leaves_and_takes_in_one_moment(officer: Person) -> None:
    site, file = make_site(officer), make_file()
    bed, _same_room, other, *_rest = beds_of(site)
    later = NOON + timedelta(hours=5)
    refused("in_no_bed", actions.transfer, by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
    assert actions.transfer(by=officer, now=later, bed_id=bed.pk, file_id=file.pk).since == NOON
    stay = actions.transfer(by=officer, now=later, bed_id=other.pk, file_id=file.pk)
    assert stay.since == later == history_of(bed).get().until
    assert history_of(bed).get().ended_for == "transfer"
    assert actions.transfer(by=officer, now=later, bed_id=other.pk, file_id=file.pk) == stay


def test_a_transfer_that_is_refused_leaves_nobody_without_a_bed(officer: Person) -> None:
    site, file, there = make_site(officer), make_file(), make_file()
    bed, _same_room, other, *_rest = beds_of(site)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
    actions.assign_bed(by=officer, now=NOON, bed_id=other.pk, file_id=there.pk)
    refused("bed_taken", actions.transfer, by=officer, now=NOON, bed_id=other.pk, file_id=file.pk)
    assert BedStay.objects.get(file=file, until=None).bed == bed


def test_leaving_twice_is_leaving_once(officer: Person) -> None:
    site, file = make_site(officer), make_file()
    actions.assign_bed(by=officer, now=NOON, bed_id=beds_of(site)[0].pk, file_id=file.pk)
    refused("stay_end", actions.end_stay, by=officer, now=NOON, file_id=file.pk, reason="because")
    # A clock set back: the stay ends when it began and not before.
    ended = actions.end_stay(by=officer, now=NOON - timedelta(hours=1), file_id=file.pk, reason="release")
    assert ended is not None
    assert ended.until == NOON
    assert actions.end_stay(by=officer, now=NOON, file_id=file.pk, reason="release") is None


# ---- rooms of one household -----------------------------------------------------------------------------------------


def test_strangers_share_no_room_unless_said_why(officer: Person) -> None:
    site, first, second = make_site(officer), make_file(), make_file()
    bed, beside, *_rest = beds_of(site)
    actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=first.pk)
    asked: dict[str, Any] = {"by": officer, "now": NOON, "bed_id": beside.pk, "file_id": second.pk}
    refused("room_of_others", actions.assign_bed, **asked)
    refused("bad_reason", actions.assign_bed, **asked, reason="因" * 201)
    assert actions.assign_bed(**asked, reason="同车来的,别处已满").shared_for
    floor = plan_of(site)[0]
    assert [room.mixed for room in floor.rooms] == [True, False]


def test_a_household_goes_into_one_room_or_not_at_all(officer: Person) -> None:
    home = uuid.uuid4()
    family = [make_file(household=home) for _n in range(3)]
    site = make_site(officer, rooms=[("201", "", 2), ("202", "", 3)])
    small, large = site.rooms.order_by("pk")
    asked: dict[str, Any] = {"by": officer, "now": NOON, "household": home}
    refused("room_too_small", actions.assign_household, **asked, room_id=small.pk)
    assert not BedStay.objects.exists()
    stays = actions.assign_household(**asked, room_id=large.pk)
    assert {stay.file_id for stay in stays} == {file.pk for file in family}
    assert not any(stay.shared_for for stay in stays)
    assert actions.assign_household(**asked, room_id=large.pk) == []
    refused(
        "household_not_found", actions.assign_household, by=officer, now=NOON, household=uuid.uuid4(), room_id=large.pk
    )


def test_a_household_meets_strangers_in_no_room(officer: Person) -> None:
    home = uuid.uuid4()
    make_file(household=home)
    stranger, site = make_file(), make_site(officer, rooms=[("201", "", 3)])
    actions.assign_bed(by=officer, now=NOON, bed_id=beds_of(site)[0].pk, file_id=stranger.pk)
    room = site.rooms.get().pk
    refused("room_of_others", actions.assign_household, by=officer, now=NOON, household=home, room_id=room)
    assert BedStay.objects.count() == 1


# ---- who may --------------------------------------------------------------------------------------------------------


def test_who_gives_beds(officer: Person) -> None:
    site, file, theirs = make_site(officer), make_file(), make_file(town=OTHER)
    bed = beds_of(site)[0]
    town, worker = make_person("town", "health_officer", TOWN), make_person("worker", "community_worker", TOWN)
    other = make_person("other", "health_officer", OTHER)
    refused("not_allowed", actions.assign_bed, by=worker, now=NOON, bed_id=bed.pk, file_id=file.pk)
    refused("bed_not_found", actions.assign_bed, by=other, now=NOON, bed_id=bed.pk, file_id=theirs.pk)
    refused("file_not_found", actions.assign_bed, by=town, now=NOON, bed_id=bed.pk, file_id=theirs.pk)
    refused("bed_not_found", actions.assign_bed, by=town, now=NOON, bed_id=999999, file_id=file.pk)
    actions.assign_bed(by=town, now=NOON, bed_id=bed.pk, file_id=file.pk)
    refused("file_not_found", actions.end_stay, by=other, now=NOON, file_id=file.pk, reason="release")


# ---- figures --------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["assign", "move", "leave", "out", "in"]), st.integers(0, 5), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_figures_equal_the_rows_whatever_happens(officer: Person, steps: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        site, files = make_site(officer, rooms=[("201", "203", 2)]), [make_file() for _n in range(4)]
        beds = beds_of(site)
        for number, (step, bed, file) in enumerate(steps):
            asked: dict[str, Any] = {"by": officer, "now": NOON + timedelta(minutes=number)}
            try:
                if step in ("out", "in"):
                    making.set_out_of_use(bed_id=beds[bed].pk, out=step == "out", **asked)
                elif step == "leave":
                    actions.end_stay(file_id=files[file].pk, reason="home", **asked)
                else:
                    act = actions.assign_bed if step == "assign" else actions.transfer
                    act(bed_id=beds[bed].pk, file_id=files[file].pk, reason="满", **asked)
            except Conflict:
                pass
            full, floors = occupancy([site])[site.pk], plan_of(site)
            shown = [one.state for floor in floors for room in floor.rooms for one in room.beds]
            held = list(BedStay.objects.filter(until=None).values_list("bed", flat=True))
            assert len(held) == len(set(held)) == full.taken == shown.count("taken")
            assert full.free == len(free_beds(site)) == shown.count("free")
            assert full.out_of_use == shown.count("out") == sum(bed.out_of_use for bed in beds_of(site))
            assert full.taken + full.free + full.out_of_use == full.beds == 6
            assert not BedStay.objects.filter(until=None, bed__out_of_use=True).exists()
        transaction.set_rollback(True)
