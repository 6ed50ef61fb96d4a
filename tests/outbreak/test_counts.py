"""Numbers told to others than health officers: whoever has all of them learns no number below ten by any reckoning."""

import itertools
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.outbreak.people import id_number, write_csv
from tests.outbreak.test_screening import COLUMNS, DISTRICT, HERE, INSIDE, OUTSIDE, THERE, keep, order, person, take

from duban.access.models import Person
from duban.demo.builders import make_person
from duban.outbreak import counts, screening, store
from duban.outbreak.counts import FEW, tellable
from duban.outbreak.models import Found, Screening

# ---- the rule -------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.dictionaries(st.integers(0, 80).map(str), st.sampled_from(["a", "b"]), min_size=0, max_size=80), max_size=5
    )
)
@settings(max_examples=150, deadline=None)
def test_nobody_is_in_two_numbers_and_none_is_small(runs: list[dict[str, str]]) -> None:
    counted: set[str] = set()
    for towns in runs:
        numbers, within = tellable(towns, counted & set(towns))
        assert all(number >= FEW for number in numbers.values())
        assert not within & counted
        for town in {"a", "b"}:
            people = {one for one in towns if towns[one] == town} - counted
            assert within & people == (people if len(people) >= FEW else set())
            assert numbers.get(town, 0) == len(within & people)
        counted |= within


Pattern = tuple[bool, ...]
PATTERNS = {runs: [one for one in itertools.product((False, True), repeat=runs) if any(one)] for runs in (2, 3)}


def worlds(runs: int, most: int) -> Iterator[tuple[int, ...]]:
    """How many people each pattern of screenings may have found: in the first alone, in both, and so on."""
    return itertools.product(range(most + 1), repeat=len(PATTERNS[runs]))


def people_of(world: tuple[int, ...], runs: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{} for _run in range(runs)]
    for index, (number, pattern) in enumerate(zip(world, PATTERNS[runs], strict=True)):
        for run in itertools.compress(found, pattern):
            run.update({f"{index}-{each}": "town" for each in range(number)})
    return found


def told_once(runs: list[dict[str, str]]) -> tuple[int, ...]:
    """What is told: our rule."""
    said, counted = [], set()
    for towns in runs:
        numbers, within = tellable(towns, counted)
        said.append(numbers.get("town", 0))
        counted |= within
    return tuple(said)


def told_each(runs: list[dict[str, str]]) -> tuple[int, ...]:
    """What would be told if each screening only kept its own small numbers back."""
    return tuple(len(towns) if len(towns) >= counts.FEW else 0 for towns in runs)


def leaks(rule: Any, runs: int, most: int, few: int) -> int:
    """How often somebody who knows the rule and all numbers learns of a group, however made up of patterns, that it
    has a certain size from 1 to `few` - 1. What only the end of our own table of worlds tells is left out.
    """
    seen: dict[tuple[int, ...], list[tuple[int, ...]]] = defaultdict(list)
    for world in worlds(runs, most):
        seen[rule(people_of(world, runs))].append(world)
    patterns = range(len(PATTERNS[runs]))
    groups = [group for size in (1, 2) for group in itertools.combinations(patterns, size)]
    found = 0
    for said, candidates in seen.items():
        if max(said) > most:
            continue
        for group in groups:
            sizes = {sum(world[index] for index in group) for world in candidates}
            found += len(sizes) == 1 and 0 < min(sizes) < few
    return found


@pytest.mark.parametrize(("runs", "most", "few"), [(2, 8, 4), (3, 2, 2)])
def test_with_all_numbers_in_hand_no_small_one_is_certain(
    monkeypatch: pytest.MonkeyPatch, runs: int, most: int, few: int
) -> None:
    monkeypatch.setattr(counts, "FEW", few)
    assert leaks(told_once, runs, most, few) == 0


def test_the_reckoning_finds_what_the_plain_rule_gives_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two screenings it takes an overlap that is known, as of an order screened for alone and with another."""
    monkeypatch.setattr(counts, "FEW", 3)
    nested = [world for world in worlds(2, 6) if world[PATTERNS[2].index((True, False))] == 0]
    for rule, certain in ((told_each, True), (told_once, False)):
        sizes = defaultdict(set)
        for world in nested:
            sizes[rule(people_of(world, 2))].add(world[PATTERNS[2].index((False, True))])
        small = [found for said, found in sizes.items() if max(said) <= 6 and len(found) == 1 and 0 < min(found) < 3]
        assert bool(small) == certain


# ---- what is kept ---------------------------------------------------------------------------------------------------


@pytest.fixture
def officer(db: None) -> Iterator[Person]:
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield make_person("officer", "health_officer", DISTRICT)
    shutil.rmtree(store.folder(), ignore_errors=True)


@pytest.fixture
def leader(db: None) -> Person:
    return make_person("leader", "leader", DISTRICT)


def told(person: Person, run: Screening) -> dict[str, int]:
    return dict(screening.counts_for(person, Screening.objects.get(pk=run.pk)).towns)


SECOND = {"lon": OUTSIDE["lon"], "lat": OUTSIDE["lat"]}
SECOND_SHAPE = {
    "type": "Polygon",
    "coordinates": [[[116.48, 39.88], [116.52, 39.88], [116.52, 39.92], [116.48, 39.92], [116.48, 39.88]]],
}


def test_one_order_alone_and_with_another_gives_no_difference(officer: Person, leader: Person, tmp_path: Path) -> None:
    rows = [*(person(n, home=HERE) for n in range(1, 13)), *(person(n, home=HERE, **SECOND) for n in range(20, 23))]
    rows += [person(n, home=THERE, **SECOND) for n in range(30, 41)]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    first, second = order(officer), order(officer, id="second", geometry=SECOND_SHAPE)
    assert told(leader, keep(officer, first)) == {HERE: 12}
    both = keep(officer, first, second)
    assert dict(screening.counts_for(officer, both).towns) == {HERE: 15, THERE: 11}
    assert told(leader, both) == {THERE: 11}
    assert told(leader, keep(officer, second)) == {}


def test_another_version_of_an_area_and_more_presences_give_no_difference(
    officer: Person, leader: Person, tmp_path: Path
) -> None:
    take(write_csv(tmp_path / "a.csv", *(person(n, home=HERE) for n in range(1, 13)), columns=COLUMNS))
    assert told(leader, keep(officer, order(officer))) == {HERE: 12}
    take(write_csv(tmp_path / "b.csv", *(person(n, home=HERE) for n in range(10, 15)), columns=COLUMNS))
    again = keep(officer, order(officer, lookback_days=13))
    assert dict(screening.counts_for(officer, again).towns) == {HERE: 14}
    assert told(leader, again) == {}
    take(write_csv(tmp_path / "c.csv", *(person(n, home=HERE) for n in range(20, 29)), columns=COLUMNS))
    # The two of before are told with the nine of now, which together are eleven.
    assert told(leader, keep(officer, order(officer, lookback_days=12))) == {HERE: 11}
    assert Found.objects.filter(counted=True).values("person").distinct().count() == 23


def test_of_two_offices_one_counts_somebody(officer: Person, leader: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", *(person(n, home=THERE) for n in range(1, 13)), columns=COLUMNS))
    town = make_person("town", "health_officer", THERE)
    assert told(leader, keep(town, order(town))) == {THERE: 12}
    assert told(leader, keep(officer, order(officer))) == {}


def test_who_was_counted_under_a_phone_is_not_counted_again_under_a_number(
    officer: Person, leader: Person, tmp_path: Path
) -> None:
    by_phone = [person(n, home=HERE, id_number="") for n in range(1, 12)]
    take(write_csv(tmp_path / "a.csv", *by_phone, columns=COLUMNS))
    number = order(officer)
    assert told(leader, keep(officer, number)) == {HERE: 11}
    take(write_csv(tmp_path / "b.csv", *(person(n, home=HERE, venue="店") for n in range(1, 14)), columns=COLUMNS))
    assert Found.objects.count() == 11
    assert told(leader, keep(officer, number)) == {}
    assert id_number(1) not in str(list(Found.objects.values()))


def test_what_was_told_stays_when_people_are_deleted(officer: Person, leader: Person, tmp_path: Path) -> None:
    take(write_csv(tmp_path / "a.csv", *(person(n, home=HERE, **INSIDE) for n in range(1, 13)), columns=COLUMNS))
    run = keep(officer, order(officer))
    for one in list(Found.objects.all()[:5]):
        one.delete()
    assert told(leader, run) == {HERE: 12}
