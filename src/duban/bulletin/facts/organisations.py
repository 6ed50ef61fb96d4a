"""How many community organisations the area has, and what its oldest federation has brought forth."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse

from duban.bulletin.facts.sight import Sight, written_list
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.commons.growth.overview import branded
from duban.commons.models import (
    Course,
    CourseAttendance,
    Organisation,
    OrganisationKind,
    Party,
    PartyRole,
    Tier,
)
from duban.commons.register.filters import in_areas
from duban.places import queries as places
from duban.places.codes import LENGTHS, within

KIND = "organisations"
BRANDS = 8
DOES = {
    Party.LEADS: ("领导", "leads"),
    Party.DIRECTS: ("主导", "directs"),
    Party.GUIDES: ("引导", "guides"),
    Party.ADVISES: ("指导", "advises"),
    Party.RUNS: ("自导", "run it themselves"),
}


def of_day(sight: Sight) -> Facts | None:
    return told(sight, {})


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    standing = _standing(sight.area, sight)
    by_tier = {
        row["tier"]: (row["n"], row["people"])
        for row in standing.order_by().values("tier").annotate(n=Count("pk"), people=Sum("members"))
    }
    total = sum(n for n, _people in by_tier.values())
    if not total:
        return None
    figures = [
        Figure("organisations", "社区社会组织", "community organisations", total, _url(sight.area), _parts("tier")),
        Figure(
            "members", "全部成员", "members of all of them", sum(people for _n, people in by_tier.values()),
            _url(sight.area),
        ),
        *(
            Figure(
                f"tier:{tier}", f"{words[0]}的组织", f"organisations {words[1]}", by_tier.get(tier, (0, 0))[0],
                _url(sight.area, tier=tier),
            )
            for tier, words in TIERS.items()
        ),
    ]  # fmt: skip
    federation = (
        standing.filter(kind=OrganisationKind.FEDERATION, founded__lte=sight.day).order_by("founded", "name").first()
    )
    lines = [
        (
            f"目前，{sight.place}已有[[organisations]]个社区社会组织，共有成员[[members]]人。",
            f"{sight.place} has [[organisations]] community organisations with [[members]] members.",
        )
    ]
    if federation is not None:
        more, said = _federation(sight, federation)
        figures += more
        lines += said
    figures += (course := _course(sight))[0]
    lines += course[1]
    return Facts(
        KIND,
        {},
        {
            "zh": f"{sight.place}已有[[organisations]]个社区社会组织",
            "en": f"{sight.place} has [[organisations]] community organisations",
        },
        {"zh": "\n".join(zh for zh, _en in lines), "en": "\n".join(en for _zh, en in lines)},
        figures_by_key(*figures),
    )


def _standing(area: str, sight: Sight) -> QuerySet[Organisation]:
    """Those that stood when the day ended; of whom nobody knows since when, they are taken to have."""
    founded = Q(founded=None) | Q(founded__lte=sight.day)
    return Organisation.objects.filter(in_areas([area]), founded, Q(dissolved_on=None) | Q(dissolved_on__gt=sight.day))


TIERS = {Tier.REGISTERED: ("登记", "registered"), Tier.FILED: ("备案", "filed"), Tier.GUIDED: ("指导", "guided")}
Lines = list[tuple[str, str]]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(f"{name}:{tier}" for tier in TIERS)


def _url(area: str, **more: str) -> str:
    return f"{reverse('commons:organisations')}?{urlencode({'area': area} | more)}"


def _federation(sight: Sight, federation: Organisation) -> tuple[list[Figure], Lines]:
    """What stands in the federation's street or town, and who brings it along."""
    town = federation.jurisdiction[: LENGTHS[1]]
    there = _standing(town, sight)
    rows = list(there.order_by().values("tier", "kind").annotate(n=Count("pk"), people=Sum("members")))
    filed = [row for row in rows if row["tier"] == Tier.FILED]
    clubs = sum(row["n"] for row in rows if row["kind"] == OrganisationKind.CLUB)
    studios = sum(row["n"] for row in rows if row["kind"] == OrganisationKind.STUDIO)
    years = _years(federation.founded, sight.day)
    name = places.names([town]).get(town, town)
    figures = [
        Figure(
            "filed", f"{name}备案的组织", f"filed organisations of {name}", sum(row["n"] for row in filed),
            _url(town, tier=Tier.FILED),
        ),
        Figure(
            "filed_members", f"{name}备案组织的成员", f"their members in {name}",
            sum(row["people"] for row in filed), _url(town, tier=Tier.FILED),
        ),
        Figure("clubs", f"{name}的社团", f"clubs of {name}", clubs, _url(town, kind=OrganisationKind.CLUB)),
        Figure("studios", f"{name}的工作室", f"studios of {name}", studios, _url(town, kind=OrganisationKind.STUDIO)),
        Figure(
            "federation_years", "联合会成立的年数", "years of the federation", years,
            reverse("neighbours:organisation", args=[federation.pk]),
        ),
    ]  # fmt: skip
    made_zh = "，".join(
        said
        for count, said in ((clubs, "[[clubs]]个社团"), (studios, "[[studios]]个文化工作室"))
        if count
    )  # fmt: skip
    made_en = written_list(
        [said for count, said in ((clubs, "[[clubs]] clubs"), (studios, "[[studios]] studios")) if count]
    )
    lines = [
        (
            f"{federation.name}是{sight.place}最早成立的社区社会组织联合会，成立已满[[federation_years]]年。"
            + (f"{name}现有{made_zh}，" if made_zh else f"{name}")
            + "共有备案社区社会组织[[filed]]支，成员[[filed_members]]人。",
            f"{federation.name} is the oldest federation of {sight.place}, founded [[federation_years]] years ago. "
            + (f"{name} has {made_en}; " if made_en else "")
            + "[[filed]] organisations with [[filed_members]] members are filed there.",
        )
    ]
    parties = dict(PartyRole.objects.filter(organisation=federation, until=None).values_list("party", "unit"))
    if len(parties) == len(DOES):
        said_zh = "、".join(f"{parties[party]}{zh}" for party, (zh, _en) in DOES.items())
        said_en = written_list([f"{parties[party]} {en}" for party, (_zh, en) in DOES.items()])
        lines.append((f"联合会由“{said_zh}”，五方联动。", f"Five parties bring it along: {said_en}."))
    brands = list(branded([town]).exclude(pk=federation.pk).order_by("founded", "name").values_list("brand", flat=True))
    if brands:
        shown = brands[:BRANDS]
        figures.append(
            Figure("brands", "有品牌的组织", "organisations with a name of their own", len(brands), _url(town))
        )
        lines.append(
            (
                f"{'、'.join(shown)}等组织丰富了居民的文化生活。" if len(brands) > len(shown) else (
                    f"{'、'.join(shown)}是其中的品牌。"
                ),
                f"Among them: {written_list(shown)}.",
            )
        )  # fmt: skip
    return figures, lines


def _years(founded: date | None, day: date) -> int:
    if founded is None:
        return 0
    return day.year - founded.year - ((day.month, day.day) < (founded.month, founded.day))


def _course(sight: Sight) -> tuple[list[Figure], Lines]:
    """The last course that had begun by then."""
    rows = Course.objects.filter(within("jurisdiction", [sight.area]), begins_on__lte=sight.day)
    course = rows.order_by("-begins_on", "-pk").first()
    if course is None:
        return [], []
    sessions = course.sessions.filter(at__lt=sight.end)
    came = CourseAttendance.objects.filter(session__in=sessions.values("pk"))
    trained = came.order_by().values("organisation").distinct().count()
    url = reverse("commons:course", args=[course.pk])
    figures = [
        Figure("sessions", "培训的次数", "sessions of the course", sessions.count(), url),
        Figure("trained", "参加培训的组织", "organisations that were trained", trained, url),
    ]
    if not trained:
        return [], []
    name = places.names([course.jurisdiction]).get(course.jurisdiction, course.jurisdiction)
    return figures, [
        (
            f"{name}引入{course.provider}，开设{_quoted(course.name)}培训，已培训[[sessions]]次，参加的组织[[trained]]个。",
            f"In {name}, {course.provider} holds the course {_quoted(course.name)}: [[sessions]] sessions so far, with "
            "[[trained]] organisations.",
        )
    ]


def _quoted(name: str) -> str:
    """In quotation marks, unless it has some of its own."""
    return name if "“" in name else f"“{name}”"
