"""Outcomes by worked examples, and what must hold of every one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.commons.models import VoteRule
from duban.commons.voting.outcome import ABSTAIN, NO, YES, outcome

# rule, quorum %, households, abstentions count, (yes, no, abstain), carried, why
EXAMPLES = [
    ("majority", 0, 20, True, (6, 5, 0), True, "carried"),
    ("majority", 0, 20, True, (6, 5, 1), False, "not_carried"),
    ("majority", 0, 20, False, (6, 5, 9), True, "carried"),
    ("majority", 0, 20, True, (5, 6, 0), False, "not_carried"),
    ("majority", 0, 20, True, (5, 5, 0), False, "tie"),
    ("majority", 50, 7, True, (3, 0, 0), False, "quorum_missed"),
    ("majority", 50, 7, True, (3, 0, 1), True, "carried"),
    ("majority", 50, 7, False, (3, 0, 1), False, "quorum_missed"),
    ("majority", 50, 8, True, (4, 0, 0), True, "carried"),
    ("absolute", 0, 20, True, (10, 0, 0), False, "not_carried"),
    ("absolute", 0, 20, True, (11, 9, 0), True, "carried"),
    ("two_thirds", 0, 20, True, (8, 4, 0), True, "carried"),
    ("two_thirds", 0, 20, True, (8, 4, 1), False, "not_carried"),
    ("two_thirds", 0, 20, False, (8, 4, 1), True, "carried"),
    ("consensus", 0, 20, True, (9, 0, 3), True, "carried"),
    ("consensus", 0, 20, True, (19, 1, 0), False, "not_carried"),
    ("majority", 0, 20, True, (0, 0, 8), False, "nobody_voted"),
    ("majority", 100, 0, True, (0, 0, 0), False, "nobody_voted"),
    ("majority", 50, 20, False, (0, 0, 20), False, "quorum_missed"),
]


@pytest.mark.parametrize(("rule", "quorum", "households", "abstentions", "votes", "carried", "why"), EXAMPLES)
def test_worked_examples(
    rule: str, quorum: int, households: int, abstentions: bool, votes: tuple[int, int, int], carried: bool, why: str
) -> None:
    found = outcome(
        rule,
        quorum_percent=quorum,
        households=households,
        abstentions_count=abstentions,
        counts=dict(zip((YES, NO, ABSTAIN), votes, strict=True)),
    )
    assert found.why == why
    assert found.carried == (why == "carried")
    assert found.winner == (YES if found.carried else "")


@pytest.mark.parametrize(
    ("rule", "counts", "winner", "why"),
    [
        ("most", {"benches": 5, "lamps": 4, "paint": 3}, "benches", "carried"),
        ("most", {"benches": 5, "lamps": 5, "paint": 3}, "", "tie"),
        ("majority", {"benches": 5, "lamps": 4, "paint": 3}, "", "not_carried"),
        ("majority", {"benches": 7, "lamps": 4, "paint": 2}, "benches", "carried"),
        ("consensus", {"benches": 7, "lamps": 0, "paint": 0}, "benches", "carried"),
    ],
)
def test_several_options(rule: str, counts: dict[str, int], winner: str, why: str) -> None:
    found = outcome(rule, quorum_percent=0, households=40, abstentions_count=True, counts=counts)
    assert (found.winner, found.why) == (winner, why)


NUMBERS = st.integers(0, 60)


@given(st.sampled_from(VoteRule.values), st.integers(0, 100), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_what_holds_of_every_outcome(
    rule: str, quorum: int, yes: int, no: int, abstain: int, silent: int, abstentions: bool
) -> None:
    households = yes + no + abstain + silent
    counts = {YES: yes, NO: no, ABSTAIN: abstain}
    asked = {"quorum_percent": quorum, "households": households, "abstentions_count": abstentions}
    found = outcome(rule, **asked, counts=counts)
    assert found.turnout == yes + no + (abstain if abstentions else 0)
    assert found.quorum_met == (found.turnout * 100 >= quorum * households)
    assert found.carried == (found.why == "carried")
    if found.carried:
        assert found.quorum_met
        assert yes > no
        # One more in favour never undoes it.
        assert outcome(rule, **asked | {"households": households + 1}, counts=counts | {YES: yes + 1}).carried or (
            rule == "absolute" or quorum
        )
        # What carries when nobody may abstain unheard carries too when abstentions are left out, but for the quorum.
        assert outcome(rule, **asked | {"abstentions_count": False, "quorum_percent": 0}, counts=counts).carried
