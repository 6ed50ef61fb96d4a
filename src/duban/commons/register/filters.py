"""The register's question as an address and as a sentence: `?area=110112005&tier=filed&members=100-&age=5-9`.

Names in the address: `text` (name, pinyin, initials, numbers), `area` (administrative code), `tier`, `category` (key),
`kind`, `purpose`, `stage`, `age` (completed years), `members` and `founded` (year) as ranges with both ends in them
(`5-9`, `10-`, `-2014`), `age=unknown`, `slots=empty` (not all five parties there), `turned=1` (its purpose changed),
`check=missing` (none this year), `federation` (id: what belongs to it), `dissolved=1`, `sort`. Figures open their rows
with these.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from duban.commons.models import ChangeOf, LifeEvent, Organisation, OrganisationKind, Purpose, Stage, Tier
from duban.commons.register import search
from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.places.codes import LENGTHS, LONGEST, normalise_code, outermost

UNKNOWN = "unknown"
AGES = ("0-0", "1-2", "3-4", "5-9", "10-", UNKNOWN)
"""Completed years, as the list offers them; any other range is understood as well."""
MEMBERS = ("0-9", "10-29", "30-49", "50-99", "100-")
CHOICES: dict[str, tuple[str, ...]] = {
    "tier": tuple(Tier.values),
    "kind": tuple(OrganisationKind.values),
    "purpose": tuple(Purpose.values),
    "stage": tuple(Stage.values),
    "slots": ("empty",),
    "turned": ("1",),
    "check": ("missing",),
    "dissolved": ("1",),
    "sort": ("members", "-members", "founded", "-founded"),
}
RANGED = ("age", "members", "founded")
LARGEST = 9_999_999
FIRST_YEAR, LAST_YEAR = 1, 9998
TOWN = LENGTHS[1]


class BadFilter(DubanError):
    pass


@dataclass(frozen=True)
class Range:
    """Whole numbers from `low` to `high`, both of them in it; None is open."""

    low: int | None
    high: int | None

    def __str__(self) -> str:
        return f"{'' if self.low is None else self.low}-{'' if self.high is None else self.high}"


@dataclass(frozen=True)
class Filters:
    """Empty is everything but what is dissolved, by town and name."""

    text: str = ""
    area: str = ""
    tier: str = ""
    category: str = ""
    kind: str = ""
    purpose: str = ""
    stage: str = ""
    age: str = ""
    members: str = ""
    founded: str = ""
    slots: str = ""
    turned: str = ""
    check: str = ""
    federation: str = ""
    dissolved: str = ""
    sort: str = field(default="", metadata={"chip": False})


@dataclass(frozen=True)
class Chip:
    """One part of the sentence, and the address of the list without it."""

    words: str
    without: str
    late: bool = False


# ---- the address ----------------------------------------------------------------------------------------------------


def read_filters(query: QueryDict, categories: Mapping[str, str]) -> Filters:
    """What the address asks for; `categories` are names by key.

    Raises BadFilter (`unknown_word`, `unknown_category`, `bad_range`, `bad_federation`, `text_too_long`), BadCode.
    """
    said = {one.name: query.get(one.name, "").strip() for one in fields(Filters)}
    for name, known in CHOICES.items():
        if said[name] and said[name] not in known:
            raise _refuse(
                "unknown_word", gettext_lazy("“%s” is no choice here; choose from the list."), said[name], name
            )
    if said["category"] and said["category"] not in categories:
        raise _refuse("unknown_category", gettext_lazy("There is no category “%s”."), said["category"], "category")
    for name in RANGED:
        if said[name] and not (name == "age" and said[name] == UNKNOWN):
            read_range(said[name], name)
    if said["federation"]:
        try:
            said["federation"] = str(uuid.UUID(said["federation"]))
        except ValueError:
            raise _refuse(
                "bad_federation", gettext_lazy("“%s” is no federation."), said["federation"], "federation"
            ) from None
    if len(said["text"]) > 100 or not is_plain(said["text"]):
        raise BadFilter("text_too_long", gettext_lazy("Search for at most 100 characters."), field="text")
    if said["area"]:
        said["area"] = normalise_code(said["area"], field="area")
    return Filters(**said)


def read_range(text: str, name: str) -> Range:
    """`5-9`, `10-`, `-2014`, or one number alone; raises BadFilter (`bad_range`)."""
    found = re.fullmatch(r"(\d{0,7})-(\d{0,7})|(\d{1,7})", text, re.ASCII)
    low, high, alone = found.groups() if found else ("", "", None)
    if alone is not None:
        low = high = alone
    span = Range(int(low) if low else None, int(high) if high else None)
    backwards = span.low is not None and span.high is not None and span.low > span.high
    if span == Range(None, None) or backwards:
        raise _refuse("bad_range", gettext_lazy("“%s” is no range; write 5-9, 10- or -4."), text, name)
    return span


def _refuse(code: str, message: Promise, value: str, name: str) -> BadFilter:
    return BadFilter(code, str(message) % value[:40], field=name)


def write_filters(wanted: Filters, **more: str) -> str:
    """The query string of a question, without the question mark."""
    return urlencode({name: value for name, value in (vars(wanted) | more).items() if value})


# ---- what answers it ------------------------------------------------------------------------------------------------


def in_areas(codes: list[str]) -> Q:
    """Organisations based within any of the codes; none where there are none."""
    condition = Q(pk__in=[])
    for code in outermost(codes):
        if len(code) == TOWN:
            condition |= Q(town=code)
        elif len(code) < TOWN:
            condition |= Q(town__gte=code, town__lte=code.ljust(TOWN, "9"))
        else:
            condition |= Q(jurisdiction__gte=code, jurisdiction__lte=code.ljust(LONGEST, "9"))
    return condition


def matching(organisations: QuerySet[Organisation], wanted: Filters, today: date) -> QuerySet[Organisation]:
    """Those of the organisations that answer the question."""
    same: dict[str, Any] = {
        column: getattr(wanted, column)
        for column in ("tier", "category", "kind", "purpose", "stage", "federation")
        if getattr(wanted, column)
    }
    found = organisations.filter(dissolved_on__isnull=not wanted.dissolved, **same)
    if wanted.area:
        found = found.filter(in_areas([wanted.area]))
    if wanted.members:
        found = found.filter(_between("members", read_range(wanted.members, "members")))
    if wanted.founded:
        found = found.filter(_founded(read_range(wanted.founded, "founded")))
    if wanted.age == UNKNOWN:
        found = found.filter(founded=None)
    elif wanted.age:
        found = found.filter(_aged(read_range(wanted.age, "age"), today))
    if wanted.slots:
        found = found.filter(slots__lt=5)
    if wanted.check:
        found = found.filter(checked_year__lt=today.year)
    if wanted.turned:
        turns = LifeEvent.objects.filter(organisation=OuterRef("pk"), what=ChangeOf.PURPOSE)
        found = found.filter(Exists(turns))
    return search.matching(found, wanted.text)


def _between(column: str, span: Range) -> Q:
    condition = Q()
    if span.low is not None:
        condition &= Q(**{f"{column}__gte": min(span.low, LARGEST)})
    if span.high is not None:
        condition &= Q(**{f"{column}__lte": min(span.high, LARGEST)})
    return condition


def _founded(span: Range) -> Q:
    condition = Q()
    if span.low is not None:
        condition &= Q(founded__gte=date(_year(span.low), 1, 1))
    if span.high is not None:
        condition &= Q(founded__lt=date(_year(span.high) + 1, 1, 1))
    return condition


def _aged(span: Range, today: date) -> Q:
    """Of so many completed years: founded at the latest `low` years ago, and not yet `high` + 1 years ago."""
    condition = Q(founded__isnull=False)
    if span.low is not None:
        condition &= Q(founded__lte=years_before(today, span.low))
    if span.high is not None:
        condition &= Q(founded__gt=years_before(today, span.high + 1))
    return condition


def _year(number: int) -> int:
    return min(max(number, FIRST_YEAR), LAST_YEAR)


def years_before(day: date, years: int) -> date:
    """The latest day on which somebody who is so old on `day` can have been born; 29 February counts on 1 March."""
    year = day.year - years
    if year < FIRST_YEAR:
        return date.min
    return (
        day.replace(year=year, day=28)
        if (day.month, day.day) == (2, 29) and not _leaps(year)
        else day.replace(year=year)
    )


def _leaps(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# ---- the sentence ---------------------------------------------------------------------------------------------------


def sentence(
    wanted: Filters, categories: Mapping[str, str], areas: Mapping[str, str], federation: str = ""
) -> list[Chip]:
    """The question in words, part by part: names of categories by key and of areas by code."""
    words: dict[str, str] = {
        "area": areas.get(wanted.area, wanted.area),
        "tier": _label(Tier, wanted.tier),
        "category": categories.get(wanted.category, wanted.category),
        "kind": _label(OrganisationKind, wanted.kind),
        "purpose": _label(Purpose, wanted.purpose),
        "stage": _label(Stage, wanted.stage),
        "age": age_words(wanted.age),
        "members": members_words(wanted.members),
        "founded": founded_words(wanted.founded),
        "slots": _("a party is missing") if wanted.slots else "",
        "turned": _("its purpose changed") if wanted.turned else "",
        "check": _("no annual check this year") if wanted.check else "",
        "federation": _("belongs to %(name)s") % {"name": federation or "–"} if wanted.federation else "",
        "text": _("“%(text)s”") % {"text": wanted.text} if wanted.text else "",
        "dissolved": _("dissolved") if wanted.dissolved else "",
    }
    return [
        Chip(said, write_filters(replace(wanted, **{name: ""})), late=name == "check")
        for name, said in words.items()
        if said
    ]


def _label(choices: Any, value: str) -> str:
    return str(choices(value).label) if value else ""


def age_words(age: str) -> str:
    """`1-2` as “1 to 2 years old”."""
    if not age or age == UNKNOWN:
        return _("age unknown") if age else ""
    span = read_range(age, "age")
    if span == Range(0, 0):
        return _("less than a year old")
    if span.high is None:
        return ngettext("%(n)d year or older", "%(n)d years or older", span.low or 0) % {"n": span.low or 0}
    if span.low == span.high:
        return ngettext("%(n)d year old", "%(n)d years old", span.high) % {"n": span.high}
    return _("%(low)d to %(high)d years old") % {"low": span.low or 0, "high": span.high}


def members_words(members: str) -> str:
    if not members:
        return ""
    span = read_range(members, "members")
    if span.high is None:
        return ngettext("%(n)s member or more", "%(n)s members or more", span.low or 0) % {"n": f"{span.low or 0:,}"}
    if span.low == span.high:
        return ngettext("%(n)s member", "%(n)s members", span.high) % {"n": f"{span.high:,}"}
    return _("%(low)s to %(high)s members") % {"low": f"{span.low or 0:,}", "high": f"{span.high:,}"}


def founded_words(founded: str) -> str:
    if not founded:
        return ""
    span = read_range(founded, "founded")
    if span.high is None:
        return _("founded in %(year)s or later") % {"year": span.low}
    if span.low is None:
        return _("founded by the end of %(year)s") % {"year": span.high}
    if span.low == span.high:
        return _("founded in %(year)s") % {"year": span.low}
    return _("founded from %(low)s to %(high)s") % {"low": span.low, "high": span.high}
