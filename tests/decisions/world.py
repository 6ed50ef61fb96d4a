"""A meeting of the leading group with decisions, and one piece of each kind of work that can carry them out."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.commons.building import COMMUNITY
from tests.outbreak.casefiles.building import declare, draft, exposure, open_them
from tests.patrol.exposing import make_venue

from duban.access.models import Person
from duban.commons.models import PostedNeed
from duban.commons.pairing.actions import NeedDraft, post_need
from duban.decisions import actions
from duban.decisions.models import Decision, Meeting
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger.models import Entry
from duban.ledger.recording import record_finding
from duban.outbreak.models import CaseFile, Declaration, LevelInForce, RiskArea
from duban.outbreak.venue_sampling.frequencies import load_frequencies, put_level_in_force
from duban.outbreak.venue_sampling.rounds import plan_rounds
from duban.patrol.models import PatrolRound
from duban.patrol.rounds import plan_round

DISTRICT, TOWN = "110112", "110112106"
NOW = NOON + timedelta(days=2)
TODAY = date(2021, 1, 20)


@dataclass
class Office:
    """Who decides, who sees to what, and the meeting."""

    supervisor: Person
    officer: Person
    worker: Person
    leader: Person
    handler: Person
    meeting: Meeting

    def decide(self, text: str = "立即摸排", **facts: Any) -> Decision:
        given = {"by": self.supervisor, "now": NOON, "meeting_id": self.meeting.pk, "jurisdiction": DISTRICT}
        return actions.record_decision(text=text, **given | facts)

    def entry(self, seed: int = 1) -> Entry:
        return record_finding(by=self.supervisor, now=NOON, finding=make_finding(seed)).entry

    def round(self, size: int = 2) -> PatrolRound:
        for number in range(size):
            make_venue(f"店 {number}", TOWN, kind="shop")
        return plan_round(
            by=self.supervisor, now=NOON, at=DISTRICT, title="重点场所检查", starts_on=NOON.date(),
            ends_on=NOON.date() + timedelta(days=1),
        ).round  # fmt: skip

    def order(self, people: int = 12, **changes: Any) -> tuple[RiskArea, list[CaseFile]]:
        """A risk area with its order, and so many people under it."""
        number = declare(self.officer, **changes)
        facts = [draft(exposures=(exposure(number),), token=uuid.uuid4().hex) for _one in range(people)]
        files = open_them(self.officer, *facts).files if facts else []
        return Declaration.objects.select_related("area").get(number=number).area, list(files)

    def sampling(self) -> LevelInForce:
        """Sampling in force since two days ago: one market due then, and so on."""
        load_frequencies()
        make_venue("集贸市场", TOWN, kind="market", lon=116.8, lat=39.8)
        level = put_level_in_force(
            by=self.officer, now=NOON, code=DISTRICT, level="medium", since=NOON.date(), source="通知"
        )
        plan_rounds(now=NOON, codes=[DISTRICT])
        return level

    def need(self, target: int = 10) -> PostedNeed:
        facts = NeedDraft("楼门作品", "幅", target, date(2021, 2, 10), COMMUNITY)
        return post_need(by=self.worker, now=NOON, draft=facts)


def make_office() -> Office:
    supervisor = make_person("office")
    body = actions.make_body(
        by=supervisor, now=NOON, kind="leading_group", name="防控工作领导小组", jurisdiction=DISTRICT
    )
    meeting = actions.plan_meeting(by=supervisor, now=NOON, body_id=body.pk, at=NOON, number=98)
    return Office(
        supervisor,
        make_person("officer", "health_officer"),
        make_person("worker", "community_worker"),
        make_person("leader", "leader"),
        make_person("handler", "handler", TOWN),
        meeting,
    )
