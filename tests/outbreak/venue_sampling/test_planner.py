"""The planner against published numbers, and against drawing lots."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.outbreak.venue_sampling import planner

ROUND = {
    "staff": 60, "staff_share": 0.5, "surfaces": 16, "doubling_days": 3.0, "sensitivity": 0.8, "surface_share": 0.02,
}  # fmt: skip


def test_dorfman() -> None:
    sizes, costs = planner.best_pool([0.001, 0.01, 0.02, 0.05, 0.10])
    assert sizes.tolist() == [32, 11, 8, 5, 4]
    assert np.round(costs, 4).tolist() == [0.0628, 0.1956, 0.2742, 0.4262, 0.5939]


def test_where_many_are_infected_nobody_pools() -> None:
    sizes, costs = planner.best_pool([0.4, 1.0])
    assert sizes.tolist() == [1, 1]
    assert costs.tolist() == [1.0, 1.0]
    assert planner.best_pool([0.0])[0].tolist() == [planner.LARGEST_POOL]


@given(st.floats(0, 1), st.integers(2, 64))
def test_a_pool_costs_what_a_draw_of_its_members_costs(prevalence: float, size: int) -> None:
    cost = float(planner.cost_per_person(prevalence, size))
    assert cost == pytest.approx(1 / size + 1 - (1 - prevalence) ** size)
    assert 0 < cost <= 1 + 1 / size


def test_the_interval_against_drawing_lots() -> None:
    random = np.random.default_rng(98)
    interval, within, tries = 3, 7, 40_000
    first = random.integers(1, interval + 1, tries)
    found = np.zeros(tries, dtype=bool)
    for turn in range(within):
        days = first + turn * interval
        infected = np.minimum(2 ** (days / ROUND["doubling_days"]), ROUND["staff"])
        people = random.random(tries) < 1 - (1 - ROUND["staff_share"] * ROUND["sensitivity"]) ** infected
        swabs = random.random((tries, int(ROUND["surfaces"]))) < np.minimum(0.02 * infected, 0.8)[:, np.newaxis]
        found |= (days <= within) & (people | swabs.any(axis=1))
    assert planner.found_within(interval, within, **ROUND) == pytest.approx(found.mean(), abs=0.01)


@given(
    st.integers(1, 200), st.floats(0, 1), st.integers(0, 60), st.floats(0.5, 20), st.floats(0.05, 1), st.floats(0, 0.5),
    st.integers(1, 20),
)  # fmt: skip
def test_rarer_rounds_never_find_more(
    staff: int, share: float, surfaces: int, doubling: float, sensitivity: float, surface: float, within: int
) -> None:
    round_ = {
        "staff": staff, "staff_share": share, "surfaces": surfaces, "doubling_days": doubling,
        "sensitivity": sensitivity, "surface_share": surface,
    }  # fmt: skip
    found = [planner.found_within(interval, within, **round_) for interval in range(1, 12)]
    assert all(0 <= one <= 1 for one in found)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(found))
    longest = planner.longest_interval(within, 0.5, 11, **round_)
    assert longest == max((days for days, one in enumerate(found, start=1) if one >= 0.5), default=None)
