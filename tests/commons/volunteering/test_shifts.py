"""Exactly as many in as there are places, in the order in which they came; who waits moves up; hours take a witness."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.commons.building import COMMUNITY

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import Activity, Record, Shift, SignUp
from duban.commons.volunteering import actions, queries
from duban.commons.volunteering.actions import ActivityDraft, Certified, ShiftDraft
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
BEGINS = NOON + timedelta(days=2)
ENDS = BEGINS + timedelta(hours=3)


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def draft(places: int = 2, **more: Any) -> ActivityDraft:
    facts = {"title": "环境卫生大扫除", "organiser": "艺苑西里居委会", "place": "3号楼北侧", "jurisdiction": COMMUNITY}
    return ActivityDraft(**facts | {"shifts": (ShiftDraft(BEGINS, ENDS, places),)} | more)


def announce(worker: Person, places: int = 2, **more: Any) -> Shift:
    activity = actions.announce_activity(by=worker, now=NOON, draft=draft(places, **more))
    return activity.shifts.get()


def join(shift: Shift, number: int, **more: Any) -> actions.SignedUp:
    contact = Contact(f"志愿者{number}", f"1380013{number:04d}")
    facts = {"now": NOON, "contact": contact, "sign_up_id": uuid.uuid4(), **more}
    return actions.sign_up(shift_id=shift.pk, **facts)


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def states(shift: Shift) -> list[str]:
    return list(SignUp.objects.filter(shift=shift).order_by("turn").values_list("state", flat=True))


def test_who_waits_moves_up_in_turn(worker: Person) -> None:
    shift = announce(worker)
    made = [join(shift, number) for number in range(4)]
    assert states(shift) == ["in", "in", "waiting", "waiting"]
    assert queries.place_in_line(made[3].sign_up) == 2
    for _time in range(2):
        actions.withdraw_sign_up(now=NOON, secret=made[0].secret)
    assert states(shift) == ["withdrawn", "in", "in", "waiting"]
    actions.withdraw_sign_up(now=NOON, secret=made[3].secret)
    assert states(shift) == ["withdrawn", "in", "in", "withdrawn"]
    back = join(shift, 0)
    assert back.sign_up.state == "waiting"
    actions.change_shift(by=worker, now=NOON, shift_id=shift.pk, draft=ShiftDraft(BEGINS, ENDS, 3))
    assert states(shift)[-1] == "in"
    fewer = ShiftDraft(BEGINS, ENDS, 2)
    assert refused(lambda: actions.change_shift(by=worker, now=NOON, shift_id=shift.pk, draft=fewer)) == "places_taken"


def test_one_phone_once_and_a_replay_once(worker: Person) -> None:
    shift, key = announce(worker), uuid.uuid4()
    first, again = (join(shift, 1, sign_up_id=key) for _time in range(2))
    assert first.sign_up == again.sign_up
    assert again.secret == ""
    assert refused(lambda: join(shift, 1)) == "signed_up_already"
    assert refused(lambda: join(shift, 2, now=ENDS)) == "shift_over"
    assert b"13800130001" not in bytes(first.sign_up.sealed)
    assert "13800130001" not in first.sign_up.person


def test_a_cancelled_activity_takes_nobody(worker: Person) -> None:
    shift = announce(worker)
    for _time in range(2):
        cancelled = actions.cancel_activity(by=worker, now=NOON, activity_id=shift.activity_id)
    assert cancelled.sequence == 1
    assert refused(lambda: join(shift, 1)) == "activity_cancelled"
    change = {"by": worker, "now": NOON, "activity_id": shift.activity_id, "draft": draft()}
    assert refused(lambda: actions.change_activity(**change)) == "activity_cancelled"


def test_a_shift_alone_is_cancelled_and_the_others_take_place(worker: Person) -> None:
    later = ShiftDraft(BEGINS + timedelta(days=7), ENDS + timedelta(days=7), 2)
    activity = actions.announce_activity(by=worker, now=NOON, draft=draft(shifts=(ShiftDraft(BEGINS, ENDS, 2), later)))
    first, second = activity.shifts.order_by("begins_at")
    signed = join(first, 1)
    cancel = {"by": worker, "now": NOON, "shift_id": first.pk}
    for _time in range(2):
        assert actions.cancel_shift(**cancel).cancelled_at == NOON
    activity.refresh_from_db()
    assert (activity.sequence, activity.cancelled_at) == (1, None)
    assert refused(lambda: join(first, 2)) == "shift_cancelled"
    here = {"now": BEGINS, "secret": signed.secret, "token": first.token}
    assert refused(lambda: actions.check_in(**here)) == "shift_cancelled"
    change = {"by": worker, "now": NOON, "shift_id": first.pk, "draft": ShiftDraft(BEGINS, ENDS, 5)}
    assert refused(lambda: actions.change_shift(**change)) == "shift_cancelled"
    assert list(queries.coming_shifts(NOON)) == [second]
    came = join(second, 3)
    actions.check_in(now=later.begins_at, secret=came.secret, token=second.token)
    cancel["shift_id"] = second.pk
    assert refused(lambda: actions.cancel_shift(**cancel)) == "came_already"
    assert refused(lambda: actions.cancel_shift(**cancel | {"now": later.ends_at})) == "shift_over"
    stranger = make_person("stranger", "community_worker", "110112106")
    assert refused(lambda: actions.cancel_shift(**cancel | {"by": stranger})) == "activity_not_found"
    actions.cancel_activity(by=worker, now=NOON, activity_id=activity.pk)
    assert not Shift.objects.filter(cancelled_at=None).exists()


def test_a_shift_knows_how_many_wait_for_their_hours(worker: Person) -> None:
    shift = announce(worker, 3)
    made = [join(shift, number) for number in range(3)]
    check = {"by": worker, "now": BEGINS, "sign_up_ids": [one.sign_up.pk for one in made]}

    def owed() -> int:
        tally = queries.tallies_of([shift.pk])[shift.pk]
        shift.refresh_from_db()
        assert shift.owed == tally.came - tally.certified
        assert Shift.objects.filter(queries.without_hours(ENDS)).exists() is bool(shift.owed)
        return shift.owed

    for _time in range(2):
        actions.check_in_from_list(**check)
        assert owed() == 3
    for _time in range(2):
        actions.undo_check_in(by=worker, now=BEGINS, sign_up_id=made[0].sign_up.pk)
        assert owed() == 2
    rows = [Certified(one.sign_up.pk, 60, "清理") for one in made[1:]]
    for _time in range(2):
        records = actions.certify_hours(by=worker, now=ENDS, shift_id=shift.pk, rows=rows)
        assert owed() == 0
    for _time in range(2):
        actions.revoke_record(by=worker, now=ENDS, record_id=records[0].pk)
        assert owed() == 1


def test_hours_are_certified_for_who_was_there(worker: Person) -> None:
    shift = announce(worker, 3)
    came, listed, absent = (join(shift, number) for number in range(3))
    assert refused(lambda: actions.check_in(now=BEGINS, secret=came.secret, token="other")) == "wrong_code"
    early = {"now": NOON, "secret": came.secret, "token": shift.token}
    assert refused(lambda: actions.check_in(**early)) == "too_early"
    for minutes in (0, 30):
        found = actions.check_in(now=BEGINS + timedelta(minutes=minutes), secret=came.secret, token=shift.token)
    assert found.came_at == BEGINS
    check = {"by": worker, "now": BEGINS, "sign_up_ids": [came.sign_up.pk, listed.sign_up.pk]}
    assert [actions.check_in_from_list(**check) for _time in range(2)] == [1, 0]
    assert refused(lambda: actions.withdraw_sign_up(now=BEGINS, secret=came.secret)) == "came_already"

    def certify(*people: actions.SignedUp, minutes: int = 180, now: Any = ENDS) -> list[Record]:
        rows = [Certified(one.sign_up.pk, minutes, "清理楼道堆物") for one in people]
        return actions.certify_hours(by=worker, now=now, shift_id=shift.pk, rows=rows)

    assert refused(lambda: certify(absent)) == "not_there"
    assert refused(lambda: certify(came, minutes=600)) == "bad_minutes"
    assert refused(lambda: certify(came, now=NOON)) == "not_over"
    records = certify(came, listed)
    assert certify(came, listed) == records
    assert [one.number for one in records] == ["110112-2021-V000001", "110112-2021-V000002"]
    for _time in range(2):
        actions.revoke_record(by=worker, now=ENDS, record_id=records[0].pk)
    assert certify(came)[0].number == "110112-2021-V000003"


def test_other_offices_and_bad_drafts(worker: Person) -> None:
    shift = announce(worker)
    stranger = make_person("stranger", "community_worker", "110113")
    assert refused(lambda: announce(stranger)) == "not_allowed"
    assert refused(lambda: queries.activity_for(stranger, shift.activity_id)) == "activity_not_found"
    assert refused(lambda: actions.certify_hours(by=stranger, now=ENDS, shift_id=shift.pk, rows=[])) == (
        "shift_not_found"
    )
    assert refused(lambda: announce(worker, shifts=())) == "no_shift"
    assert refused(lambda: announce(worker, lon=116.6)) == "bad_position"
    assert refused(lambda: announce(worker, title=" ")) == "title_missing"
    backwards = (ShiftDraft(ENDS, BEGINS, 2),)
    assert refused(lambda: announce(worker, shifts=backwards)) == "bad_shift"
    key = uuid.uuid4()
    for _time in range(2):
        actions.announce_activity(by=worker, now=NOON, draft=draft(), activity_id=key)
    assert Activity.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_hundred_at_once_for_fifty_places(worker: Person) -> None:
    shift = announce(worker, 50)

    def attempt(number: int) -> None:
        try:
            join(shift, number)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(200)))
    assert states(shift) == ["in"] * 50 + ["waiting"] * 150
    assert list(SignUp.objects.order_by("turn").values_list("turn", flat=True)) == list(range(1, 201))
    shift.refresh_from_db()
    assert shift.taken == 50


class Shifts(RuleBasedStateMachine):
    """Whatever people do in whatever order: nobody waits while a place is free, and nobody overtakes."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = make_person(f"w{uuid.uuid4().hex[:8]}", "community_worker")
        self.shift = announce(self.worker, 3)
        self.secrets: list[str] = []

    @rule(number=st.integers(0, 9))
    def come(self, number: int) -> None:
        try:
            self.secrets.append(join(self.shift, number).secret)
        except DubanError as refusal:
            assert refusal.code == "signed_up_already"  # noqa: PT017

    @rule(which=st.integers(0, 30))
    def leave(self, which: int) -> None:
        if self.secrets:
            actions.withdraw_sign_up(now=NOON, secret=self.secrets[which % len(self.secrets)])

    @rule(places=st.integers(1, 6))
    def resize(self, places: int) -> None:
        try:
            size = ShiftDraft(BEGINS, ENDS, places)
            actions.change_shift(by=self.worker, now=NOON, shift_id=self.shift.pk, draft=size)
        except DubanError as refusal:
            assert refusal.code == "places_taken"  # noqa: PT017

    @invariant()
    def fair(self) -> None:
        self.shift.refresh_from_db()
        standing = [state for state in states(self.shift) if state != "withdrawn"]
        assert standing.count("in") == self.shift.taken == min(self.shift.places, len(standing))
        assert standing == sorted(standing)


def test_it_is_fair_whatever_people_do() -> None:
    run_state_machine_as_test(Shifts, settings=settings(max_examples=12, stateful_step_count=20, deadline=None))


@pytest.mark.django_db(transaction=True)
def test_who_is_checked_in_and_withdraws_at_once_is_one_of_both(worker: Person) -> None:
    shift = announce(worker, 12)
    made = [join(shift, number) for number in range(16)]

    def attempt(work: Callable[[], object]) -> None:
        try:
            work()
        except DubanError as refusal:
            assert refusal.code in {"came_already", "not_in"}  # noqa: PT017
        finally:
            connection.close()

    def both(one: actions.SignedUp) -> list[Callable[[], object]]:
        return [
            lambda: actions.check_in(now=BEGINS, secret=one.secret, token=shift.token),
            lambda: actions.withdraw_sign_up(now=BEGINS, secret=one.secret),
        ]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, [work for one in made for work in both(one)]))
    rows = list(SignUp.objects.filter(shift=shift))
    assert not [one for one in rows if one.came_at and one.state != "in"], "nobody came who withdrew"
    shift.refresh_from_db()
    standing = [one for one in rows if one.state == "in"]
    waiting = [one for one in rows if one.state == "waiting"]
    assert len(standing) == shift.taken
    assert not waiting or shift.taken == shift.places


@pytest.mark.django_db(transaction=True)
def test_hours_certified_by_two_at_once_are_certified_once(worker: Person) -> None:
    shift = announce(worker, 5)
    made = [join(shift, number) for number in range(5)]
    for one in made:
        actions.check_in(now=BEGINS, secret=one.secret, token=shift.token)

    def certify(_number: int) -> None:
        try:
            rows = [Certified(one.sign_up.pk, 60, "清理") for one in made]
            actions.certify_hours(by=worker, now=ENDS, shift_id=shift.pk, rows=rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(certify, range(6)))
    assert Record.objects.count() == 5
    numbers = sorted(Record.objects.values_list("number", flat=True))
    assert numbers == [f"110112-2021-V{serial:06d}" for serial in range(1, 6)]


def test_others_see_no_shift_of_an_area_that_is_not_theirs(worker: Person) -> None:
    shift = announce(worker, 1)
    made = join(shift, 1)
    stranger = make_person("stranger", "community_worker", "110113")
    step = {"by": stranger, "now": BEGINS}
    listed = {"sign_up_ids": [made.sign_up.pk]}
    assert refused(lambda: actions.check_in_from_list(**step, **listed)) == "sign_up_not_found"
    assert refused(lambda: actions.withdraw_for(**step, sign_up_id=made.sign_up.pk)) == "sign_up_not_found"
    assert refused(lambda: actions.undo_check_in(**step, sign_up_id=made.sign_up.pk)) == "sign_up_not_found"
    boss = {"by": make_person("boss", "leader"), "now": BEGINS}
    assert refused(lambda: actions.check_in_from_list(**boss, **listed)) == "not_allowed"
    assert refused(lambda: actions.withdraw_for(**boss, sign_up_id=made.sign_up.pk)) == "not_allowed"
    actions.cancel_activity(by=worker, now=NOON, activity_id=shift.activity_id)
    late = {"now": BEGINS, "secret": made.secret, "token": shift.token}
    assert refused(lambda: actions.check_in(**late)) == "activity_cancelled"
