"""What a vote comes to: counts and rules in, one answer out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duban.commons.models import VoteRule

YES, NO, ABSTAIN = "yes", "no", "abstain"


@dataclass(frozen=True)
class Outcome:
    """`turnout` counts households that voted as the rules count them, `winner` is the option that carried, or "".

    `why`: quorum_missed, nobody_voted, carried, not_carried or tie.
    """

    turnout: int
    quorum: int
    quorum_met: bool
    base: int
    """Of how many votes a share was taken."""
    carried: bool
    winner: str
    why: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def outcome(
    rule: str, *, quorum_percent: int, households: int, abstentions_count: bool, counts: Mapping[str, int]
) -> Outcome:
    """The outcome of a vote of so many households; `counts` by option, those who abstained under "abstain".

    With `abstentions_count` they count towards the quorum and among those who vote; without, they count nowhere. A
    question of yes and no is carried by its yes; of several options the one that the rule asks for is the winner, and
    two that are level are a tie.
    """
    options = {option: number for option, number in counts.items() if option != ABSTAIN}
    voted = sum(options.values())
    turnout = voted + (counts.get(ABSTAIN, 0) if abstentions_count else 0)
    # Rounded up: of 7 households half is 4.
    quorum = -(-households * quorum_percent // 100)
    met = turnout >= quorum

    def answer(why: str, winner: str = "") -> Outcome:
        base = households if rule == VoteRule.ABSOLUTE else turnout
        return Outcome(turnout, quorum, met, base, why == "carried", winner, why)

    if not voted:
        return answer("quorum_missed" if not met else "nobody_voted")
    if not met:
        return answer("quorum_missed")
    most = max(options.values())
    leaders = sorted(option for option, number in options.items() if number == most)
    if len(leaders) > 1:
        return answer("tie")
    leader, others = leaders[0], voted - most
    enough = {
        VoteRule.MAJORITY: 2 * most > turnout,
        VoteRule.ABSOLUTE: 2 * most > households,
        VoteRule.TWO_THIRDS: 3 * most >= 2 * turnout,
        VoteRule.CONSENSUS: others == 0,
        VoteRule.MOST: True,
    }[VoteRule(rule)]
    if not enough or leader == NO:
        return answer("not_carried")
    return answer("carried", leader)
