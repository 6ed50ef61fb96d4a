"""What finished visits mean: in any order, at once or one by one, the same failures stand open."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.patrol.visiting import TOWN, at, make_venue, settle, visited
from tests.places.test_layers import SQUARE, feature, geojson, load

from duban.access.models import Person
from duban.demo.builders import NOON, make_person, make_photo
from duban.ledger import actions as ledger
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry
from duban.patrol.models import Answer, Failure, Recheck
from duban.patrol.queries import open_failures_of
from duban.places.queries import point_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def inspector(db: None) -> Person:
    return make_person("inspector", "inspector", "110112")


@pytest.fixture
def supervisor(db: None) -> Person:
    return make_person("supervisor", "supervisor", "110112")


def results() -> list[str]:
    return list(Recheck.objects.order_by("at", "visit__finished_at").values_list("result", flat=True))


# ---- failures and re-checks -----------------------------------------------------------------------------------------


def test_a_fail_opens_a_failure_and_goes_on_the_ledger(inspector: Person) -> None:
    venue = make_venue()
    settled = settle(inspector, visited(venue, 0, masks="fail", code_scan="pass", smoking="na"))
    failure = open_failures_of(venue).get()
    assert (failure.key, failure.opened_at, failure.town) == ("masks", at(0), TOWN)
    assert settled.opened == [failure]
    assert settled.entries == [failure.entry_id]
    entry = Entry.objects.get()
    assert (entry.state, entry.category.code, entry.jurisdiction) == (State.FOUND, "10901", TOWN)
    assert venue.name not in entry.description + entry.statement
    assert not Recheck.objects.exists()


@pytest.mark.parametrize(
    ("answers", "rechecks", "stands_open"),
    [
        (["pass"], ["stands"], False),
        (["fail"], ["recurred"], True),
        (["na"], ["not_inspected"], True),
        (["not_inspected"], ["not_inspected"], True),
        ([""], [], True),
        (["fail", "pass"], ["recurred", "stands"], False),
        (["pass", "pass"], ["stands"], False),
        (["not_inspected", "pass", "fail"], ["not_inspected", "stands"], True),
        (["pass", "fail", "pass"], ["stands", "stands"], False),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_what_later_visits_answer(
    inspector: Person, answers: list[str], rechecks: list[str], stands_open: bool, together: bool
) -> None:
    venue = make_venue()
    visits = [visited(venue, 60 * n, masks=answer) for n, answer in enumerate(["fail", *answers])]
    for some in [visits] if together else [[visit] for visit in visits]:
        settle(inspector, *some)
    assert results() == rechecks
    assert open_failures_of(venue).exists() == stands_open


def test_what_a_later_row_shows_mended_does_not_go_on_the_ledger(inspector: Person) -> None:
    venue = make_venue()
    settled = settle(inspector, visited(venue, 0, masks="fail", smoking="fail"), visited(venue, 60, masks="pass"))
    assert [failure.key for failure in open_failures_of(venue)] == ["smoking"]
    assert Entry.objects.count() == len(settled.entries) == 1
    assert len(settled.opened) == 2


def test_a_recheck_leaves_open_what_it_did_not_answer(inspector: Person) -> None:
    venue = make_venue()
    settle(inspector, visited(venue, 0, masks="fail", smoking="fail", temperature="fail"))
    again = visited(venue, 600, recheck=True, masks="pass")
    for failure in open_failures_of(venue).exclude(key="temperature"):
        Recheck.objects.create(visit=again, failure=failure, at=again.visited_at)
    settle(inspector, again)
    told = {one.failure.key: one.result for one in Recheck.objects.select_related("failure")}
    assert told == {"masks": "stands", "smoking": "not_inspected"}
    assert {failure.key for failure in open_failures_of(venue)} == {"smoking", "temperature"}


def test_a_recheck_of_what_another_closed_meanwhile_is_told_all_the_same(inspector: Person) -> None:
    venue = make_venue()
    settle(inspector, visited(venue, 0, masks="fail"))
    failure = open_failures_of(venue).get()
    slow = visited(venue, 600, until=700, recheck=True, masks="fail")
    Recheck.objects.create(visit=slow, failure=failure, at=slow.visited_at)
    settle(inspector, visited(venue, 500, masks="pass"))
    settle(inspector, slow)
    assert results() == ["stands", "recurred"]
    assert open_failures_of(venue).get().pk != failure.pk


# ---- two at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["fail", "pass"])
def test_of_two_at_once_the_one_who_saw_it_failing_is_believed(inspector: Person, first: str) -> None:
    venue = make_venue()
    second = "pass" if first == "fail" else "fail"
    one, two = visited(venue, 0, until=30, masks=first), visited(venue, 5, until=20, masks=second)
    for visits in permutations([one, two]):
        Recheck.objects.all().delete()
        Failure.objects.all().delete()
        for visit in visits:
            settle(inspector, visit)
        assert open_failures_of(venue).count() == 1
        assert not Recheck.objects.exists()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_rechecks_at_once_that_disagree_leave_it_open(inspector: Person, order: tuple[int, int]) -> None:
    venue = make_venue()
    settle(inspector, visited(venue, 0, masks="fail"))
    pair = [visited(venue, 600, until=630, masks="fail"), visited(venue, 605, until=620, masks="pass")]
    for index in order:
        settle(inspector, pair[index])
    assert sorted(results()) == ["recurred", "stands"]
    assert open_failures_of(venue).count() == Failure.objects.count() == 1


def test_two_at_once_who_both_saw_it_failing_open_one_failure(inspector: Person) -> None:
    venue = make_venue()
    for visit in (visited(venue, 0, until=30, masks="fail"), visited(venue, 5, until=20, masks="fail")):
        settle(inspector, visit)
    assert Failure.objects.count() == Entry.objects.count() == 1


def test_what_is_mended_and_fails_again_at_once_is_open_once(inspector: Person) -> None:
    """The one that was open is closed before the next is opened, though both are told together."""
    venue = make_venue()
    settle(inspector, visited(venue, 0, masks="fail"))
    later = [visited(venue, 60 * n, masks=answer) for n, answer in enumerate(["fail", "pass", "fail"], 1)]
    settle(inspector, *later)
    assert list(Failure.objects.order_by("opened_at").values_list("closed_at", flat=True)) == [
        later[1].visited_at,
        None,
    ]


# ---- any order ------------------------------------------------------------------------------------------------------


class AnyOrder(TestCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        answers=st.lists(st.sampled_from(["pass", "fail", "not_inspected"]), min_size=1, max_size=6),
        shuffle=st.randoms(use_true_random=False),
        cut=st.integers(0, 6),
    )
    def test_the_same_stands_open_in_whatever_order_visits_come(
        self, answers: list[str], shuffle: Any, cut: int
    ) -> None:
        """Settled in the order of time, or in two parts of any mixture: the last pass or fail decides."""
        person = Person.objects.filter(username="inspector").first() or make_person("inspector", "inspector")
        venue = make_venue()
        visits = [visited(venue, 60 * n, masks=answer) for n, answer in enumerate(answers)]
        shuffle.shuffle(visits)
        for some in (visits[:cut], visits[cut:]):
            settle(person, *some)
        seen = [answer for answer in answers if answer != "not_inspected"]
        open_ones = list(open_failures_of(venue))
        assert len(open_ones) == (1 if seen and seen[-1] == "fail" else 0)
        for failure in Failure.objects.filter(venue=venue).exclude(closed_at=None):
            assert failure.opened_at < failure.closed_at
        for recheck in Recheck.objects.filter(failure__venue=venue).select_related("failure"):
            assert recheck.failure.opened_at < recheck.at


# ---- the ledger -----------------------------------------------------------------------------------------------------


def test_a_second_failure_joins_the_entry_that_is_open_still(inspector: Person) -> None:
    venue = make_venue()
    settle(inspector, visited(venue, 0, masks="fail"))
    settle(inspector, visited(venue, 60, masks="pass"))
    photo = make_photo(7, by=inspector)
    again = visited(venue, 120, masks="fail")
    Answer.objects.filter(visit=again).update(photos=[photo])
    settled = settle(inspector, again)
    entry = Entry.objects.get()
    assert settled.joined == [entry.pk]
    assert not settled.entries
    assert open_failures_of(venue).get().entry == entry
    assert [hung.photo_id for hung in entry.photos.all()] == [photo]


def struck_off(inspector: Person, supervisor: Person, venue: Any) -> Entry:
    settle(inspector, visited(venue, 0, masks="fail"))
    handler = make_person("handler", "handler", TOWN)
    entry = Entry.objects.get()
    step: dict[str, Any] = {"now": NOON + timedelta(hours=1), "entry_id": entry.pk}
    ledger.list_entry(by=supervisor, **step)
    ledger.assign_entry(by=supervisor, **step)
    ledger.submit_remedy(by=handler, photos=[make_photo(1, by=handler)], **step)
    return ledger.close_entry(by=supervisor, **step)


@pytest.mark.parametrize(
    ("answer", "photographed", "action"),
    [
        ("pass", False, "stands"),
        ("fail", True, "recurred"),
        ("not_inspected", False, "not_inspected"),
        ("fail", False, ""),
    ],
)
def test_a_recheck_is_the_look_back_of_what_was_struck_off(
    inspector: Person, supervisor: Person, answer: str, photographed: bool, action: str
) -> None:
    venue = make_venue()
    entry = struck_off(inspector, supervisor, venue)
    again = visited(venue, 60 * 24 * 9, masks=answer)
    if photographed:
        Answer.objects.filter(visit=again).update(photos=[make_photo(9, by=inspector)])
    settle(inspector, again)
    last = entry.events.order_by("-seq")[0]
    if action:
        assert last.action == action
        assert Entry.objects.count() == 1
    else:
        assert last.action == "close"
        assert open_failures_of(venue).get().entry == Entry.objects.exclude(pk=entry.pk).get()


def test_a_venue_without_position_lies_where_its_code_does(inspector: Person) -> None:
    load("boundaries", geojson(feature("Polygon", SQUARE, name="宋庄镇", code=TOWN)))
    lon, lat, accuracy = point_of("110112106251") or (0, 0, 0)
    assert 116 < lon < 117
    assert 39 < lat < 40
    assert 50_000 < accuracy <= 100_000
    venue = make_venue(lon=None, lat=None)
    settle(inspector, visited(venue, 0, masks="fail"))
    entry = Entry.objects.get()
    assert (entry.position_source, entry.jurisdiction) == ("statement", TOWN)
    assert (entry.lon, entry.lat) == (lon, lat)
    load("boundaries", geojson())


def test_a_venue_that_nobody_can_place_fails_all_the_same(inspector: Person) -> None:
    venue = make_venue(lon=None, lat=None)
    settle(inspector, visited(venue, 0, masks="fail"))
    assert open_failures_of(venue).get().entry is None
    assert not Entry.objects.exists()


def test_what_the_ledger_refuses_is_told_and_open(inspector: Person) -> None:
    venue = make_venue()
    only = make_person("parts", "inspector", "110112")
    only.roles.update(kind="component")
    settled = settle(only, visited(venue, 0, masks="fail"))
    assert [refusal.code for _failure, refusal in settled.refused] == ["outside_kind"]
    assert open_failures_of(venue).get().entry is None


# ---- many -----------------------------------------------------------------------------------------------------------


def test_many_visits_take_no_more_statements_than_few(inspector: Person) -> None:
    def statements(venues: int) -> int:
        visits = []
        for _number in range(venues):
            venue = make_venue()
            visits += [visited(venue, 0, masks="fail", smoking="fail"), visited(venue, 60, masks="pass")]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            settle(inspector, *visits)
        return len(asked)

    statements(1)
    assert statements(30) <= statements(3) + 2


def test_nothing_to_settle_writes_nothing(inspector: Person) -> None:
    settled = settle(inspector)
    assert (settled.opened, settled.rechecked) == ([], [])
    assert not Failure.objects.exists()
    assert settled.entries == []
