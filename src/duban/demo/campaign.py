"""What the office makes of the inspection: the page's places exposed, one left for a second person, and two rounds."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.utils import timezone

from duban.access.models import Person
from duban.demo import inspection, layers
from duban.patrol import exposure, rounds
from duban.patrol.importing import import_inspections

STANDS = {
    inspection.CONGLIN.name: "accepts",
    inspection.RAMEN.name: "mended",
    inspection.MIAOJIAN.name: "accepts",
    inspection.STORE.name: "mended",
    inspection.XINGXIN.name: "accepts",
    inspection.SHOUXUN.name: "disputes",
    inspection.WANDA.name: "accepts",
}
"""How the page's venues replied."""
UNHEARD = inspection.NOODLES.name
"""What was found there the week before is proposed, and its reply is waited for."""
SIZE = 8
PAGE_ROUND = "农贸市场、商超、便利店防疫措施检查"
PAGE_TYPES = ("market", "supermarket", "convenience", "village_store")


def expose(*, people: Mapping[str, Person], now: datetime) -> None:
    """Propose what the page tells of, write the replies down, and have a second person approve what was replied to.

    Told of now, since nobody may be named for more than a year.
    """
    begun = now - timedelta(hours=20)
    for visit in reversed(exposure.proposable_visits(people["supervisor"])):
        name = visit.venue.name
        if name not in STANDS and name != UNHEARD:
            continue
        made = exposure.propose_exposure(by=people["supervisor"], now=begun, visit_id=visit.pk).exposure
        if stand := STANDS.get(name):
            replied = begun + timedelta(hours=2)
            exposure.record_reply(by=people["supervisor"], now=replied, exposure_id=made.pk, stand=stand)
            exposure.approve_exposure(by=people["publisher"], now=now - timedelta(hours=4), exposure_id=made.pk)


def walk(*, people: Mapping[str, Person]) -> None:
    """The round that the 98th meeting asked for, over all places of its types: walked in two days and closed."""
    planned = rounds.plan_round(
        by=people["supervisor"], now=inspection.beijing(19, 17), at=layers.DISTRICT, title=PAGE_ROUND,
        starts_on=date(2021, 1, 21), ends_on=date(2021, 1, 23), venue_types=PAGE_TYPES, inspectors=["inspector"],
        seed="duban",
    ).round  # fmt: skip
    import_inspections(
        by=people["inspector"], now=inspection.beijing(22, 18, 30),
        data=inspection.inspections_file(inspection.ROUND), name="round.csv",
    )  # fmt: skip
    rounds.close_round(by=people["supervisor"], now=inspection.beijing(23, 9), round_id=planned.pk)


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
