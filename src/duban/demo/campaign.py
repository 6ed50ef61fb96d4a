"""What the office makes of the inspection lately: most of it exposed, one left for a second person, a round begun."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from duban.access.models import Person
from duban.demo import inspection, layers
from duban.patrol import exposure, rounds

STANDS = {
    inspection.CONGLIN.name: "accepts",
    inspection.RAMEN.name: "mended",
    inspection.MIAOJIAN.name: "accepts",
    inspection.STORE.name: "mended",
    inspection.XINGXIN.name: "accepts",
    inspection.SHOUXUN.name: "disputes",
}
"""How the venues replied; whoever is not named may still."""
SIZE = 8


def expose(*, people: Mapping[str, Person], now: datetime) -> None:
    """Propose what the page tells of, write the replies down, and have a second person approve what was replied to."""
    begun, found = now - timedelta(hours=20), {call.place.name for call in inspection.THE_PAGE if call.failed}
    for visit in reversed(exposure.proposable_visits(people["supervisor"])):
        if visit.venue.name not in found:
            continue
        made = exposure.propose_exposure(by=people["supervisor"], now=begun, visit_id=visit.pk).exposure
        if stand := STANDS.get(visit.venue.name):
            replied = begun + timedelta(hours=2)
            exposure.record_reply(by=people["supervisor"], now=replied, exposure_id=made.pk, stand=stand)
            exposure.approve_exposure(by=people["publisher"], now=now - timedelta(hours=4), exposure_id=made.pk)


def plan(*, people: Mapping[str, Person], now: datetime) -> None:
    """A round of this week over a sample of the register, the inspector's to walk."""
    today = timezone.localdate(now)
    rounds.plan_round(
        by=people["supervisor"],
        now=now,
        at=layers.DISTRICT,
        title="重点场所防疫检查",
        starts_on=today,
        ends_on=today + timedelta(days=6),
        size=SIZE,
        inspectors=["inspector"],
        seed="duban",
    )
