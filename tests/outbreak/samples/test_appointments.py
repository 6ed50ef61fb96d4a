"""Appointments: every due test gets an hour while there is room, no hour overflows, and nobody has two."""

import threading
from collections import Counter
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.outbreak.samples.building import TOWN, day_of, fill_tube, make_files, make_point, tell

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import Appointment, SamplingPoint, Task, TaskState
from duban.outbreak.samples import actions
from duban.outbreak.samples.appointments import Booked, appointments_at, next_appointments
from duban.outbreak.samples.points import hours_of

pytestmark = pytest.mark.django_db
DAY = day_of()


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", "110112")


def book(by: Person, **more: Any) -> Booked:
    return actions.book_appointments(**{"by": by, "now": NOON, "town": TOWN, "on": DAY} | more)


def loads() -> Counter[tuple[Any, Any]]:
    return Counter(Appointment.objects.filter(cancelled_at=None).values_list("point", "at"))


def fits() -> bool:
    room = dict(SamplingPoint.objects.values_list("pk", "per_hour"))
    return all(number <= room[point] for (point, _at), number in loads().items())


def test_hours_are_filled_one_after_the_other_and_the_rest_is_told(officer: Person) -> None:
    # It is noon: of these eight hours six are left, the one that runs among them.
    big = make_point(officer, name="大", opens=time(10), closes=time(18), per_hour=3)
    small = make_point(officer, name="小", opens=time(16), closes=time(17), per_hour=1)
    make_files(30)
    assert book(officer) == Booked(made=19, left=11, missed=0)
    assert fits()
    assert sorted(loads().values()) == [1, 3, 3, 3, 3, 3, 3]
    assert book(officer) == Booked(made=0, left=11, missed=0)
    assert book(officer, on=DAY + timedelta(days=1)).made == 11
    assert fits()
    assert {point.name for point in (big, small)} == set(
        Appointment.objects.values_list("point__name", flat=True).distinct()
    )


def test_who_is_asked_to_come(officer: Person) -> None:
    make_point(officer)
    (plain,) = make_files(1, due=(0, 0)[:1])
    (early,) = make_files(1, due=(-3, 0))
    make_files(1, due=(1,))
    make_files(1, measure="centralised")
    make_files(1, measure="home")
    make_files(1, state="closed")
    make_files(1, town="110112106")
    (again,) = make_files(1)
    tell(officer, fill_tube(officer, [again]), "grey")
    book(officer, now=NOON)
    assert set(Appointment.objects.values_list("file", flat=True)) == {plain.pk, early.pk}
    assert Appointment.objects.get(file=early).task.due_on == DAY - timedelta(days=3)
    assert book(officer, measures=["home"]).made == 1


def test_households_come_together(officer: Person) -> None:
    from uuid import uuid4

    make_point(officer, per_hour=2)
    homes = [uuid4() for _number in range(4)]
    for home in [*homes, *homes]:
        make_files(1, household=home)
    book(officer)
    hours: dict[Any, set[Any]] = {}
    for home, at in Appointment.objects.values_list("file__household", "at"):
        hours.setdefault(home, set()).add(at)
    assert [len(at) for at in hours.values()] == [1] * 4


def test_one_that_was_missed_is_given_again_and_one_that_was_kept_stays(officer: Person) -> None:
    make_point(officer, per_hour=1)
    came, missed = make_files(2)
    book(officer)
    later = NOON + timedelta(hours=5)
    fill_tube(officer, [came], now=NOON + timedelta(minutes=20))
    done = book(officer, now=later)
    assert (done.made, done.missed) == (1, 1)
    assert Appointment.objects.get(file=came).kept_at == NOON + timedelta(minutes=20)
    assert next_appointments([came.pk, missed.pk], later)[missed.pk].at >= later - timedelta(hours=1)
    assert came.pk not in next_appointments([came.pk], later)
    point = SamplingPoint.objects.get()
    assert appointments_at(point, DAY).count() == 2


def test_taking_one_back_makes_room(officer: Person) -> None:
    point = make_point(officer, opens=time(12), closes=time(13), per_hour=1)
    first, second = make_files(2)
    assert book(officer) == Booked(1, 1, 0)
    one = Appointment.objects.get()
    actions.cancel_appointment(by=officer, now=NOON, appointment_id=one.pk)
    actions.cancel_appointment(by=officer, now=NOON, appointment_id=one.pk)
    assert book(officer).made == 1
    assert fits()
    kept = Appointment.objects.get(cancelled_at=None)
    fill_tube(officer, [kept.file])
    with pytest.raises(DubanError) as refusal:
        actions.cancel_appointment(by=officer, now=NOON, appointment_id=kept.pk)
    assert refusal.value.code == "appointment_kept"
    Task.objects.filter(state=TaskState.OPEN).update(state=TaskState.CANCELLED)
    assert {first.pk, second.pk} >= {kept.file_id}
    assert hours_of(point, DAY)[0] == NOON


def test_an_appointment_whose_test_is_no_longer_due_makes_room(officer: Person) -> None:
    make_point(officer, opens=time(12), closes=time(13), per_hour=1)
    (first,) = make_files(1)
    book(officer)
    Task.objects.filter(file=first).update(state=TaskState.CANCELLED)
    make_files(1)
    assert book(officer) == Booked(1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"on": DAY - timedelta(days=1)}, "day_past"),
        ({"town": "x"}, "bad_code"),
        ({"town": "110112106"}, "no_point"),
        ({"measures": ["burn"]}, "unknown_measure"),
    ],
)
def test_bad_requests_are_refused(officer: Person, changes: dict[str, Any], code: str) -> None:
    make_point(officer)
    with pytest.raises(DubanError) as refusal:
        book(officer, **changes)
    assert refusal.value.code == code
    with pytest.raises(DubanError):
        book(make_person("worker", "community_worker", TOWN))
    with pytest.raises(DubanError):
        actions.cancel_appointment(by=officer, now=NOON, appointment_id=10**6)


def test_many_are_booked_without_a_query_each(officer: Person) -> None:
    make_point(officer, per_hour=500)
    make_files(1500)
    with CaptureQueriesContext(connection) as seen:
        assert book(officer).made == 1500
    assert len(seen) < 20


@pytest.mark.django_db(transaction=True)
def test_two_at_once_fill_no_hour_beyond_its_room(officer: Person) -> None:
    make_point(officer, name="一", per_hour=3)
    make_point(officer, name="二", per_hour=2)
    make_files(40)
    together = threading.Barrier(3)
    done: list[Booked] = []

    def run() -> None:
        together.wait()
        try:
            done.append(book(officer))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.made for one in done) == 30
    assert fits()
    files = list(Appointment.objects.values_list("file", flat=True))
    assert len(files) == len(set(files))
