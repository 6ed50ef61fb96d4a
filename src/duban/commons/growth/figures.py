"""How many organisations an area has: by place, tier, category, kind, purpose, age and members, and over the years.

Every figure counts rows of the register and can open them. Five questions in all, each answered from an index alone (so
rows are counted by the asterisk and towns cut from the code: the index holds neither keys nor towns). What is dissolved
counts only towards the years in which it stood.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, CharField, Count, QuerySet, Sum, Value, When
from django.db.models.functions import Substr
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from duban.commons.models import ChangeOf, LifeEvent, Organisation, OrganisationKind, Purpose, Tier
from duban.commons.register.filters import AGES, MEMBERS, UNKNOWN, age_words, members_words, read_range, years_before
from duban.commons.register.queries import category_names
from duban.places import queries as places
from duban.places.codes import LENGTHS, within

COUNTY, TOWN, VILLAGE = LENGTHS[:3]
FIRST_YEAR = 1980
"""What is older is counted with this year on the chart; the register knows the day."""


@dataclass(frozen=True)
class Line:
    """A row of a table: how many organisations, how many members they have; `wanted` asks the register for them."""

    key: str
    label: str | Promise
    n: int
    members: int
    wanted: dict[str, str]


@dataclass(frozen=True)
class PlaceLine:
    """A street, town or community, its organisations by tier, and where on the map it stands (None: nobody knows)."""

    line: Line
    tiers: dict[str, int]
    at: tuple[float, float] | None


@dataclass(frozen=True)
class Year:
    """`founded`: standing today; `gone`: founded then and dissolved since; `stood`: how many did at the year's end."""

    year: int
    founded: int
    gone: int
    dissolved: int
    stood: int
    turned: int

    @property
    def span(self) -> str:
        """As the register asks for it."""
        return f"-{self.year}" if self.year == FIRST_YEAR else f"{self.year}-{self.year}"


@dataclass(frozen=True)
class Figures:
    total: Line
    places: list[PlaceLine]
    places_are: str
    """"town" or "community"."""
    tiers: list[Line]
    kinds: list[Line]
    purposes: list[Line]
    categories: list[Line]
    ages: list[Line]
    sizes: list[Line]
    years: list[Year]
    undated: int
    """Standing today, nobody knows since when."""
    turned: int
    """Changes of purpose to self-governance, over all years."""

    def line(self, lines: str, key: str) -> Line:
        """One of the lines; of nothing, a line of none."""
        return next((one for one in getattr(self, lines) if one.key == key), Line(key, key, 0, 0, {}))


def figures_in(codes: Collection[str], today: date, area: str = "") -> Figures:
    """The figures of all that lies within the codes; `area` is the code that was asked for, "" for all of them."""
    there = Organisation.objects.filter(within("jurisdiction", codes))
    standing = there.filter(dissolved_on=None)
    sorts: list[Any] = list(
        standing.values("tier", "kind", "purpose", "category_id")
        .annotate(n=Count("*"), people=Sum("members"))
        .order_by()
    )
    days: list[Any] = list(
        there.values("founded", "dissolved_on").annotate(n=Count("*"), people=Sum("members")).order_by()
    )
    turns = _turned_on(codes)
    return Figures(
        total=Line(
            "", "", sum(row["n"] for row in sorts), sum(row["people"] for row in sorts), {"area": area} if area else {}
        ),
        places=places_in(codes, area),
        places_are="community" if len(area) >= TOWN else "town",
        tiers=_lines(sorts, "tier", Tier.choices, area),
        kinds=_lines(sorts, "kind", OrganisationKind.choices, area),
        purposes=_lines(sorts, "purpose", Purpose.choices, area),
        categories=_lines(sorts, "category_id", list(category_names().items()), area, "category"),
        ages=_ages(days, today, area),
        sizes=_sizes(standing, area),
        years=_years(days, turns, today),
        undated=sum(row["n"] for row in days if row["founded"] is None and row["dissolved_on"] is None),
        turned=sum(turns.values()),
    )


def _wanted(area: str, name: str, value: str) -> dict[str, str]:
    return {"area": area, name: value} if area else {name: value}


def _lines(
    rows: Iterable[dict[str, Any]],
    column: str,
    choices: Sequence[tuple[str, str | Promise]],
    area: str,
    name: str = "",
) -> list[Line]:
    n, people = Counter[str](), Counter[str]()
    for row in rows:
        n[row[column]] += row["n"]
        people[row[column]] += row["people"]
    return [
        Line(key, label, n[key], people[key], _wanted(area, name or column, key))
        for key, label in choices
        # A local category is listed where somebody bears it.
        if n[key] or not name
    ]


def places_in(codes: Collection[str], area: str = "") -> list[PlaceLine]:
    """By town; within a town by community, what is of the town itself first."""
    standing = Organisation.objects.filter(within("jurisdiction", codes), dissolved_on=None)
    unit = Substr("jurisdiction", 1, TOWN if len(area) < TOWN else VILLAGE)
    rows = standing.annotate(unit=unit).values("unit", "tier").annotate(n=Count("*"), people=Sum("members"))
    n, people, tiers = Counter[str](), Counter[str](), dict[str, dict[str, int]]()
    for row in rows.order_by():
        n[row["unit"]] += row["n"]
        people[row["unit"]] += row["people"]
        tiers.setdefault(row["unit"], {})[row["tier"]] = row["n"]
    # A street without any is a figure as well.
    listed = _units(codes, area)
    names = listed | places.names(set(n) - set(listed))
    units = sorted(set(n) | set(listed))
    points = places.points_of(units)
    # What stands at the town itself is no part of it: the register would open the whole town.
    finest = TOWN if len(area) < TOWN else VILLAGE
    return [
        PlaceLine(
            Line(unit, names.get(unit, unit), n[unit], people[unit], {"area": unit} if len(unit) >= finest else {}),
            {tier: tiers.get(unit, {}).get(tier, 0) for tier in Tier.values},
            points[unit][:2] if unit in points else None,
        )
        for unit in units
    ]


def _units(codes: Collection[str], area: str) -> dict[str, str]:
    """The towns within the codes, or the communities of the town, with their names."""
    if len(area) >= TOWN:
        return {unit.code: unit.name for unit in places.children(area)} if len(area) == TOWN else {}
    return {unit.code: unit.name for unit in places.counties_and_towns(codes) if len(unit.code) == TOWN}


def _ages(days: Iterable[dict[str, Any]], today: date, area: str) -> list[Line]:
    n, people = Counter[str](), Counter[str]()
    bands = [(age, read_range(age, "age")) for age in AGES if age != UNKNOWN]
    latest = {age: years_before(today, span.low or 0) for age, span in bands}
    after = {age: years_before(today, span.high + 1) if span.high is not None else date.min for age, span in bands}
    for row in days:
        if row["dissolved_on"] is not None:
            continue
        founded = row["founded"]
        band = UNKNOWN
        if founded is not None:
            # The day before which nobody counts is in no band but the last one.
            band = next((age for age, _span in bands if after[age] < founded <= latest[age]), bands[-1][0])
        n[band] += row["n"]
        people[band] += row["people"]
    return [Line(age, age_words(age), n[age], people[age], _wanted(area, "age", age)) for age in AGES]


def _sizes(standing: QuerySet[Organisation], area: str) -> list[Line]:
    bands = [(size, read_range(size, "members")) for size in MEMBERS]
    whens = [When(members__gte=span.low or 0, then=Value(size)) for size, span in reversed(bands)]
    rows = standing.annotate(band=Case(*whens, output_field=CharField())).values("band")
    found = {row["band"]: row for row in rows.annotate(n=Count("*"), people=Sum("members")).order_by()}
    none = {"n": 0, "people": 0}
    return [
        Line(
            size, members_words(size), found.get(size, none)["n"], found.get(size, none)["people"],
            _wanted(area, "members", size),
        )
        for size, _span in bands
    ]  # fmt: skip


def _turned_on(codes: Collection[str]) -> Counter[int]:
    """How often a purpose turned to self-governance, by year."""
    turns = LifeEvent.objects.filter(
        within("organisation__jurisdiction", codes),
        what=ChangeOf.PURPOSE,
        after=Purpose.SELF_GOVERNANCE,
        organisation__dissolved_on=None,
    )
    found = Counter[int]()
    for day, n in turns.values("on").annotate(n=Count("*")).order_by().values_list("on", "n"):
        found[day.year] += n
    return found


def _years(days: Sequence[dict[str, Any]], turns: Counter[int], today: date) -> list[Year]:
    """From the first founding on; an empty register has no years."""
    founded, gone, dissolved = Counter[int](), Counter[int](), Counter[int]()
    for row in days:
        if row["founded"] is None:
            continue
        year = max(row["founded"].year, FIRST_YEAR)
        if row["dissolved_on"] is None:
            founded[year] += row["n"]
        else:
            gone[year] += row["n"]
            dissolved[row["dissolved_on"].year] += row["n"]
    known = founded.keys() | gone.keys()
    years, stood = [], 0
    for year in range(min(known), today.year + 1) if known else ():
        stood += founded[year] + gone[year] - dissolved[year]
        years.append(Year(year, founded[year], gone[year], dissolved[year], stood, turns[year]))
    return years


def sentences(found: Figures, place: str) -> dict[str, str]:
    """What a newspaper would say of the figures, in both languages; `place` is the area's name as it is listed."""
    said = {}
    for language, key in (("zh-hans", "zh"), ("en", "en")):
        with override(language):
            said[key] = _(
                "%(place)s has %(total)s community organisations with %(members)s members; %(filed)s of them are "
                "filed, with %(filed_members)s members. There are %(clubs)s clubs and %(studios)s studios; %(turned)s "
                "turned to self-governance."
            ) % {
                "place": place,
                "total": f"{found.total.n:,}",
                "members": f"{found.total.members:,}",
                "filed": f"{found.line('tiers', Tier.FILED).n:,}",
                "filed_members": f"{found.line('tiers', Tier.FILED).members:,}",
                "clubs": f"{found.line('kinds', OrganisationKind.CLUB).n:,}",
                "studios": f"{found.line('kinds', OrganisationKind.STUDIO).n:,}",
                "turned": f"{found.turned:,}",
            }
    return said
