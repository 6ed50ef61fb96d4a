"""What a vote is and came to, in sentences that a reader can check with pencil and paper."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from duban.commons.models import Vote, VoteRule
from duban.commons.voting import queries
from duban.commons.voting.outcome import ABSTAIN, NO, YES

PLANNED, OPEN, OVER, CARRIED, FAILED = "planned", "open", "over", "carried", "failed"
SHAPES = {PLANNED: "draft", OPEN: "assigned", OVER: "remedied", CARRIED: "closed", FAILED: "discarded"}


def state_of(vote: Vote, now: datetime) -> str:
    """planned, open, over (not counted yet), carried or failed."""
    if vote.closed_at is not None:
        return CARRIED if (vote.result or {}).get("carried") else FAILED
    if now < vote.opens_at:
        return PLANNED
    return OPEN if now < vote.closes_at else OVER


def state_word(state: str) -> str:
    return {
        PLANNED: pgettext("vote", "not open yet"),
        OPEN: pgettext("vote", "open"),
        OVER: pgettext("vote", "over, not counted yet"),
        CARRIED: pgettext("vote", "carried"),
        FAILED: pgettext("vote", "not carried"),
    }[state]


def option_word(vote: Vote, key: str) -> str:
    """How an answer reads: its own words, else yes, no, abstain."""
    label = next((option["label"] for option in vote.options if option["key"] == key), "")
    return label or {
        YES: pgettext("vote", "yes"),
        NO: pgettext("vote", "no"),
        ABSTAIN: pgettext("vote", "abstain"),
    }.get(key, key)


def options_of(vote: Vote) -> list[tuple[str, str]]:
    """(key, words) of each answer, abstain last."""
    return [(key, option_word(vote, key)) for key in (*(option["key"] for option in vote.options), ABSTAIN)]


def secrecy_of(vote: Vote) -> str:
    """Open or secret, in the one sentence that whoever votes reads."""
    if vote.secret:
        return _("This vote is secret: nobody can see how your household votes, not the office either.")
    return _("This vote is open: the community office can see how your household votes.")


def rules_of(vote: Vote) -> list[str]:
    """The rules as they were fixed before the vote opened."""
    quorum = (
        _("It counts if at least %(percent)d%% of all households take part.") % {"percent": vote.quorum_percent}
        if vote.quorum_percent
        else _("It counts however many households take part.")
    )
    abstentions = (
        _("Whoever abstains counts among those who take part.")
        if vote.abstentions_count
        else _("Whoever abstains is not counted among those who take part.")
    )
    carries = _("What carries: %(rule)s.") % {"rule": VoteRule(vote.rule).label}
    return [_("Each household has one vote."), carries, quorum, abstentions]


@dataclass(frozen=True)
class Count:
    label: str
    number: int
    percent: int
    """Of the largest count, for a bar."""
    winner: bool


@dataclass(frozen=True)
class Line:
    """A vote as a list or a topic's page shows it. `counts` is empty until it is counted."""

    vote: Vote
    state: str
    word: str
    shape: str
    households: int
    turnout: int
    """Households that have voted, abstentions included."""
    turnout_percent: int
    counts: list[Count]
    outcome: str


def line_of(vote: Vote, now: datetime) -> Line:
    state = state_of(vote, now)
    result: dict[str, Any] = vote.result if vote.closed_at is not None and vote.result else {}
    if result:
        households, turnout = result["households"], sum(result["counts"].values())
    else:
        households = queries.households_of(vote.topic.place).count()
        turnout = vote.voted.count() if state != PLANNED else 0
    most = max(result["counts"].values(), default=0) if result else 0
    counts = [
        Count(words, number, round(100 * number / most) if most else 0, key == result["winner"])
        for key, words in options_of(vote)
        for number in [result["counts"].get(key, 0)]
    ] if result else []  # fmt: skip
    return Line(
        vote=vote,
        state=state,
        word=state_word(state),
        shape=SHAPES[state],
        households=households,
        turnout=turnout,
        turnout_percent=round(100 * turnout / households) if households else 0,
        counts=counts,
        outcome=outcome_of(vote) if result else "",
    )


def outcome_of(vote: Vote) -> str:
    """The result of a counted vote in one sentence."""
    result = vote.result or {}
    why = result["why"]
    if why == "carried":
        if result["winner"] == YES:
            return _("Carried.")
        return _("Carried: %(option)s.") % {"option": option_word(vote, result["winner"])}
    return {
        "quorum_missed": _("Not carried: too few households took part."),
        "nobody_voted": _("Not carried: nobody said yes or no."),
        "tie": _("Not carried: the votes are level."),
        "not_carried": _("Not carried."),
    }[why]


def reckoning_of(vote: Vote, counts: dict[str, int], found: dict[str, Any]) -> list[str]:
    """How the outcome follows from the counts, step by step. `found` has the fields of an Outcome, and `households`."""
    cast = sum(counts.values())
    said = pgettext("between answers", ", ").join(f"{words} {counts.get(key, 0)}" for key, words in options_of(vote))
    steps = [
        ngettext(
            "Of %(households)d households %(cast)d has voted: %(said)s.",
            "Of %(households)d households %(cast)d have voted: %(said)s.",
            cast,
        )
        % {"households": found["households"], "cast": cast, "said": said}
    ]
    if not vote.abstentions_count:
        steps.append(
            _("Those who abstain are left out, so %(turnout)d count as taking part.") % {"turnout": found["turnout"]}
        )
    if vote.quorum_percent:
        numbers = {
            "percent": vote.quorum_percent,
            "households": found["households"],
            "quorum": found["quorum"],
            "turnout": found["turnout"],
        }
        steps.append(_("%(percent)d%% of %(households)d households, rounded up, are %(quorum)d.") % numbers)
        steps.append(
            _("%(turnout)d took part: enough.") % numbers
            if found["quorum_met"]
            else _("%(turnout)d took part: too few.") % numbers
        )
    if found["why"] in {"carried", "not_carried", "tie"}:
        steps.append(_rule_step(vote, counts, found))
    return steps


def _rule_step(vote: Vote, counts: dict[str, int], found: dict[str, Any]) -> str:
    options = {key: number for key, number in counts.items() if key != ABSTAIN}
    most = max(options.values())
    leaders = sorted(key for key, number in options.items() if number == most)
    facts = {
        "base": found["base"],
        "option": pgettext("between answers", ", ").join(option_word(vote, key) for key in leaders),
        "most": most,
        "others": sum(options.values()) - most,
    }
    if len(leaders) > 1:
        return _("%(option)s have %(most)d votes each, so none of them leads.") % facts
    if vote.rule == VoteRule.MAJORITY:
        return _("More than half of %(base)d is %(needed)d or more; %(option)s has %(most)d.") % {
            **facts, "needed": found["base"] // 2 + 1,
        }  # fmt: skip
    if vote.rule == VoteRule.ABSOLUTE:
        return _("More than half of all %(base)d households is %(needed)d or more; %(option)s has %(most)d.") % {
            **facts, "needed": found["base"] // 2 + 1,
        }  # fmt: skip
    if vote.rule == VoteRule.TWO_THIRDS:
        return _("Two thirds of %(base)d, rounded up, are %(needed)d; %(option)s has %(most)d.") % {
            **facts, "needed": -(-2 * found["base"] // 3),
        }  # fmt: skip
    if vote.rule == VoteRule.CONSENSUS:
        return _("%(option)s has %(most)d votes, and %(others)d went to anything else; it must be 0.") % facts
    return _("%(option)s has the most votes, %(most)d.") % facts
