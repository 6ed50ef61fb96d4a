"""The reckoning is what somebody with a pencil would write: its numbers lead to the outcome, in either language."""

import re

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from duban.commons.models import Vote, VoteRule
from duban.commons.voting.outcome import ABSTAIN, NO, YES, outcome
from duban.commons.voting.words import outcome_of, reckoning_of, rules_of, secrecy_of

NUMBERS = st.integers(0, 40)


def reckoned(
    rule: str, quorum: int, abstentions: bool, counts: dict[str, int], silent: int, options: list[str]
) -> tuple[Vote, list[str]]:
    households = sum(counts.values()) + silent
    found = outcome(
        rule, quorum_percent=quorum, households=households, abstentions_count=abstentions, counts=counts
    ).as_json()
    result = {**found, "households": households, "counts": counts}
    vote = Vote(
        question="?", rule=rule, quorum_percent=quorum, abstentions_count=abstentions, secret=False, result=result,
        options=[{"key": key, "label": "" if key in {YES, NO} else key} for key in options],
    )  # fmt: skip
    return vote, reckoning_of(vote, counts, result)


@given(
    st.sampled_from([one for one in VoteRule.values if one != VoteRule.MOST]),
    st.integers(0, 100), st.booleans(), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["en", "zh-hans"]),
)  # fmt: skip
def test_the_numbers_lead_to_the_outcome(
    rule: str, quorum: int, abstentions: bool, yes: int, no: int, abstain: int, silent: int, language: str
) -> None:
    counts = {YES: yes, NO: no, ABSTAIN: abstain}
    with override(language):
        vote, steps = reckoned(rule, quorum, abstentions, counts, silent, [YES, NO])
        assert outcome_of(vote)
        assert not [step for step in [*steps, *rules_of(vote)] if "%%" in step or "%(" in step]
        assert secrecy_of(vote)
    numbers = [int(one) for one in re.findall(r"\d+", steps[0])]
    assert numbers == [yes + no + abstain + silent, yes + no + abstain, yes, no, abstain]
    result = vote.result
    assert result is not None
    if quorum:
        at = 2 if not abstentions else 1
        needed, came = (int(re.findall(r"\d+", step)[-1]) for step in (steps[at], steps[at + 1].split("part")[0]))
        assert (came >= needed) == result["quorum_met"]
    if result["why"] in {"carried", "not_carried"}:
        last = [int(one) for one in re.findall(r"\d+", steps[-1])]
        if rule == VoteRule.CONSENSUS:
            enough = last[1] == 0
        else:
            needed, has = last[-2:]
            enough = has >= needed
        assert (enough and yes > no) == result["carried"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("rule", VoteRule.values)
def test_several_options_and_a_tie(rule: str, language: str) -> None:
    options = ["长椅", "路灯", "油漆"]
    with override(language):
        _vote, level = reckoned(rule, 0, True, {"长椅": 5, "路灯": 5, "油漆": 1, ABSTAIN: 0}, 3, options)
        assert "长椅" in level[-1]
        assert "路灯" in level[-1]
        vote, leads = reckoned(rule, 0, True, {"长椅": 9, "路灯": 0, "油漆": 0, ABSTAIN: 0}, 3, options)
        assert "长椅" in leads[-1]
        assert "长椅" in outcome_of(vote)
