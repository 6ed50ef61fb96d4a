"""What two_towns.py holds of voting: one of each of its things, made by a town's community worker."""

from datetime import datetime, timedelta

from tests.commons.building import make_place, make_topic

from duban.access.models import Person
from duban.commons.voting import actions
from duban.commons.voting.actions import VoteRules


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    place = make_place(f"{words} 楼门", code=f"{town}001")
    made = actions.invite_households(by=by, now=now, place_id=place.pk, doors=["101", "102"])
    vote = actions.make_vote(
        by=by,
        now=now - timedelta(hours=1),
        topic_id=make_topic(place, by, f"{words} 议题", now).pk,
        question=f"{words} 怎么办?",
        rules=VoteRules(),
        opens_at=now - timedelta(hours=1),
        closes_at=now + timedelta(days=3),
    )
    paper = actions.enter_paper(by=by, now=now, vote_id=vote.pk, doors=["102"], counts={"yes": 1})
    household = place.households.get(door="101")
    keys = {
        "<vote_id>": str(vote.pk),
        "<asked>": str(vote.pk),
        "<paper_id>": str(paper.pk),
        "<household_id>": str(household.pk),
        "<invitation>": made["101"],
    }
    return keys, {str(vote.pk), str(paper.pk)}
