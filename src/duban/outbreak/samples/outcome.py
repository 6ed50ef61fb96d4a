"""What results mean for the people in the tubes. Plain values in and out: no database, no clock.

A pool that is positive, grey or invalid says nothing of any one of its members: each is held and sampled again alone,
once for that pool. A single tube that is grey or invalid is sampled again as well. Only a single positive is about a
person; it is for somebody to confirm, or to have sampled again. Whatever order results come in, what follows is worked
out from all that is known, so that a result read twice changes nothing.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

NEGATIVE, POSITIVE, GREY, INVALID, NONE = "negative", "positive", "grey", "invalid", ""


@dataclass(frozen=True)
class Taken:
    """A swab in a tube that was not voided. `size` is that of its tube, `result` the tube's, "" while there is none."""

    swab: int
    file: Hashable
    at: datetime
    size: int
    result: str = NONE
    follows: int | None = None


Asks = Callable[[Sequence[Taken]], list[Taken]]
"""Of one person's swabs, those that ask somebody for something."""


def asks_again(size: int, result: str) -> bool:
    """Whether this result of a tube of `size` says that everybody in it must be sampled again, alone."""
    return result in (GREY, INVALID) or (result == POSITIVE and size > 1)


def last_of_each(taken: Sequence[Taken]) -> list[Taken]:
    """Without those that another swab was taken in the place of: what stands of each person's tests, in order of time.

    Of two that follow the same swab both stand.
    """
    answered = {one.follows for one in taken if one.follows is not None}
    return sorted((one for one in taken if one.swab not in answered), key=lambda one: (one.at, one.swab))


def to_sample_again(taken: Sequence[Taken]) -> list[Taken]:
    """The swabs whose result asks for another that has not been taken yet: one for each, whatever came first."""
    return [one for one in last_of_each(taken) if asks_again(one.size, one.result)]


def cases_to_confirm(taken: Sequence[Taken]) -> list[Taken]:
    """The single positives that stand: somebody must confirm them, or have them sampled again."""
    return [one for one in last_of_each(taken) if one.size == 1 and one.result == POSITIVE]


def waits(taken: Sequence[Taken]) -> bool:
    """Whether a person of whom these are all the swabs must wait where they are: until every last one is negative."""
    return any(one.result != NEGATIVE for one in last_of_each(taken))


def standing(one: Taken) -> str:
    """The result that counts for the person: none yet where the tube's says no more than that they must wait."""
    return NONE if asks_again(one.size, one.result) else one.result
