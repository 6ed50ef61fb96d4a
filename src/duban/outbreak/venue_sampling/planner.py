"""How to sample with least work: pool sizes by prevalence, and how often a place must be sampled. Pure functions.

Sources: R. Dorfman, “The detection of defective members of large populations”, 1943, for pools. For the interval the
model is ours and plain; `ASSUMPTIONS` says what it takes for granted, and the page prints it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LARGEST_POOL = 64


def cost_per_person(prevalence: ArrayLike, size: ArrayLike) -> Floats:
    """Tests per person where pools of `size` are tested and members of a positive one again singly; they broadcast.

    1/k + 1 - (1 - p)^k for k > 1; a pool of one is one test. Prevalence within 0..1.
    """
    p, k = np.broadcast_arrays(np.asarray(prevalence, dtype=float), np.asarray(size, dtype=float))
    return np.where(k <= 1, 1.0, 1 / k + 1 - (1 - p) ** k)


def best_pool(prevalence: ArrayLike, largest: int = LARGEST_POOL) -> tuple[NDArray[np.int64], Floats]:
    """For each prevalence (n,) the pool size with the least tests per person, and that cost. 1: do not pool."""
    sizes = np.arange(1, largest + 1)
    costs = cost_per_person(np.asarray(prevalence, dtype=float)[..., np.newaxis], sizes)
    at = costs.argmin(axis=-1)
    return sizes[at], np.take_along_axis(costs, at[..., np.newaxis], axis=-1)[..., 0]


def infected_after(days: ArrayLike, doubling_days: float, staff: int) -> Floats:
    """How many of the staff are infected so many days after the first: doubling, and never more than there are."""
    return np.minimum(2.0 ** (np.asarray(days, dtype=float) / doubling_days), staff)


def found_in_round(
    days: ArrayLike,
    *,
    staff: int,
    staff_share: float,
    surfaces: int,
    doubling_days: float,
    sensitivity: float,
    surface_share: float,
) -> Floats:
    """The probability that a round so many days after the introduction finds it.

    Each infected person is sampled with `staff_share` and then found with `sensitivity`; each swab of a surface is
    positive with `surface_share` for each infected person, at most with `sensitivity`.
    """
    infected = infected_after(days, doubling_days, staff)
    by_people = (1 - staff_share * sensitivity) ** infected
    by_surfaces = (1 - np.minimum(surface_share * infected, sensitivity)) ** surfaces
    return 1 - by_people * by_surfaces


def found_within(interval: int, within_days: int, **round_: float) -> float:
    """The probability that an introduction is found within so many days by rounds every `interval` days.

    The introduction falls on each day of the interval alike; `round_` is what `found_in_round` takes besides days.
    """
    first = np.arange(1, interval + 1)
    rounds = np.arange(0, within_days + 1)
    days = first[:, np.newaxis] + rounds * interval
    missed = np.where(days <= within_days, 1 - found_in_round(days, **round_), 1.0)  # type: ignore[arg-type]
    return float(1 - missed.prod(axis=1).mean())


def longest_interval(within_days: int, probability: float, longest: int = 30, **round_: float) -> int | None:
    """The longest interval in days with which an introduction is found in time with the probability; None: none is.

    A longer interval never finds more, so the first that fails ends the search.
    """
    found = None
    for interval in range(1, longest + 1):
        if found_within(interval, within_days, **round_) < probability:
            break
        found = interval
    return found
