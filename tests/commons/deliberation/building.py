"""A neighbourhood that talks: an estate with a building and an entrance, two workers, and steps of a topic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.commons.building import COMMUNITY, make_households

from duban.access.models import Person
from duban.commons.deliberation import actions, places
from duban.commons.models import Household, SharedPlace, Topic
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.core.errors import DubanError
from duban.decisions.actions import Attendee
from duban.demo.builders import NOON, make_person

MET = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=2)
RESIDENT = "欧阳住户"


def refused(work: Callable[[], object]) -> str:
    """The code that the work is refused with."""
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


@dataclass
class Neighbourhood:
    worker: Person
    second: Person
    estate: SharedPlace
    building: SharedPlace
    entrance: SharedPlace
    doors: list[tuple[Household, str]]
    """Of the entrance, each with the secret of its invitation."""

    def topic(self, place: SharedPlace | None = None, title: str = "楼门怎么美化") -> Topic:
        return actions.open_topic(
            by=self.worker, now=NOON, place_id=(place or self.entrance).pk, title=title, text="楼道堆物多"
        )

    def invited(self, topic: Topic, at: datetime = MET) -> Topic:
        return actions.invite_topic(by=self.worker, now=NOON, topic_id=topic.pk, at=at, place="社区活动室")

    def held(self, topic: Topic, residents: Sequence[str] = (RESIDENT,)) -> Topic:
        self.invited(topic)
        people = [Attendee("chair", "李主任", "居委会主任")]
        people += [Attendee("member", name, resident=True) for name in residents]
        return actions.hold_topic(by=self.worker, now=MET, topic_id=topic.pk, attendance=people)

    def vote(self, topic: Topic, choices: Sequence[str], **rules: Any) -> Any:
        """A vote that is counted, in which the first doors chose so."""
        vote = voting.make_vote(
            by=self.worker, now=MET, topic_id=topic.pk, question="清理楼道吗?", rules=VoteRules(**rules), opens_at=MET,
            closes_at=MET + timedelta(hours=1),
        )  # fmt: skip
        for (household, _secret), choice in zip(self.doors, choices, strict=False):
            voting.cast_vote(household=household, now=MET, vote_id=vote.pk, choice=choice)
        return voting.close_vote(by=self.worker, now=MET + timedelta(hours=2), vote_id=vote.pk)


def make_neighbourhood(doors: int = 4) -> Neighbourhood:
    worker = make_person("worker", "community_worker", COMMUNITY[:9], name="社工甲")
    second = make_person("second", "community_worker", COMMUNITY[:9], name="社工乙")
    made = {"by": worker, "now": NOON}
    estate = places.make_place(kind="estate", name="艺苑西里", jurisdiction=COMMUNITY, lon=116.66, lat=39.89, **made)
    building = places.make_place(kind="building", name="3号楼", within_id=estate.pk, **made)
    entrance = places.make_place(kind="entrance", name="2单元", within_id=building.pk, **made)
    return Neighbourhood(worker, second, estate, building, entrance, make_households(entrance, doors))
