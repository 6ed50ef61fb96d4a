"""How the organisations of an area stand: stages, empty slots, purposes that turned, brands. Counts alone."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise

from duban.commons.growth.queries import ASKS_FOR_PARTIES, IN_INCUBATION, STAGES
from duban.commons.models import (
    ChangeOf,
    LifeEvent,
    Organisation,
    OrganisationKind,
    Party,
    PartyRole,
    Purpose,
)
from duban.places.codes import covers, within

SLOTS = len(Party)


@dataclass(frozen=True)
class StageLine:
    """How many organisations stand at a stage, and how many of them lack one of the five parties."""

    key: str
    label: str | Promise
    n: int
    short: int


@dataclass(frozen=True)
class Overview:
    stages: list[StageLine]
    federations: StageLine
    asking: int
    """How many organisations have five slots to fill: those in incubation and the federations."""
    empty: dict[Party, int]
    """Of these, how many lack each party."""
    turned: int
    """How many are there for self-governance today and were for something else before."""
    studios: int
    brands: int


def overlap(codes: Collection[str], area: str) -> list[str]:
    """What of the codes lies in the area."""
    return [area] if covers(codes, area) else [code for code in codes if code.startswith(area)]


def standing(codes: Collection[str]) -> QuerySet[Organisation]:
    """The organisations of the codes that are not dissolved."""
    return Organisation.objects.filter(within("jurisdiction", codes), dissolved_on=None)


def growth_in(codes: Collection[str]) -> Overview:
    """Five counts over the organisations of the codes."""
    short = Count("pk", filter=Q(slots__lt=SLOTS))
    there = standing(codes)
    groups = {
        group["stage"]: group
        for group in there.filter(IN_INCUBATION).values("stage").annotate(n=Count("*"), short=short).order_by()
    }
    lines = [
        StageLine(stage, stage.label, *((groups[stage]["n"], groups[stage]["short"]) if stage in groups else (0, 0)))
        for stage in STAGES
    ]
    kinds = there.filter(kind__in=[OrganisationKind.FEDERATION, OrganisationKind.STUDIO]).values("kind")
    counted = {
        group["kind"]: group
        for group in kinds.annotate(n=Count("*"), short=short, plain=Count("pk", filter=Q(stage=""))).order_by()
    }
    federations = counted.get(OrganisationKind.FEDERATION, {"n": 0, "short": 0, "plain": 0})
    asking = sum(line.n for line in lines) + federations["plain"]
    held = PartyRole.objects.filter(until=None, organisation__in=there.filter(ASKS_FOR_PARTIES)).values("party")
    filled = dict(held.annotate(n=Count("*")).order_by().values_list("party", "n"))
    return Overview(
        stages=lines,
        federations=StageLine(
            OrganisationKind.FEDERATION, OrganisationKind.FEDERATION.label, federations["n"], federations["short"]
        ),
        asking=asking,
        empty={party: asking - filled.get(party, 0) for party in Party},
        turned=turned(codes).count(),
        studios=counted.get(OrganisationKind.STUDIO, {"n": 0})["n"],
        brands=branded(codes).count(),
    )


def turned(codes: Collection[str]) -> QuerySet[Organisation]:
    turns = LifeEvent.objects.filter(what=ChangeOf.PURPOSE)
    return standing(codes).filter(pk__in=turns.values("organisation"), purpose=Purpose.SELF_GOVERNANCE)


def lacking(codes: Collection[str], party: str) -> QuerySet[Organisation]:
    """Those that have the five slots and nobody in this one."""
    held = PartyRole.objects.filter(organisation=OuterRef("pk"), party=party, until=None)
    return standing(codes).filter(ASKS_FOR_PARTIES, ~Exists(held))


def branded(codes: Collection[str]) -> QuerySet[Organisation]:
    """Those that are known by a name of their own."""
    return standing(codes).exclude(brand="")
