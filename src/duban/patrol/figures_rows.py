"""The rows behind the figures of inspections: each figure's number is how many rows it opens."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.patrol import brief
from duban.patrol.brief import Wanted
from duban.patrol.models import Answer, Failure, RecheckResult, Result, Visit
from duban.patrol.wording import Words, words_of
from duban.places import queries as places
from duban.venues.models import Venue, VenueType

PAGE_SIZE = 50
LEFT = (RecheckResult.RECURRED, RecheckResult.NOT_INSPECTED)
SAW = {
    "due": None,
    "stands": (RecheckResult.STANDS,),
    "recurred": (RecheckResult.RECURRED,),
    "not_inspected": (RecheckResult.NOT_INSPECTED,),
    "left": LEFT,
}
"""What the last look must have seen, for the figures of the look-back."""
PROBLEMS = ("problems", "town_problems", "street_problems")
FIGURES = {
    "visits": _("Visits"),
    "venues": _("Venues visited"),
    "problems": _("Venues with a problem"),
    "town_problems": _("Venues with a problem in towns and townships"),
    "street_problems": _("Venues with a problem in sub-districts"),
    "failed_items": _("Failed items"),
    "asked": _("Items asked"),
    "due": _("Look-back: due"),
    "stands": _("Look-back: stands"),
    "recurred": _("Look-back: not mended"),
    "not_inspected": _("Look-back: not inspected"),
    "left": _("Look-back: left"),
}


class BadFigure(DubanError):
    pass


@dataclass(frozen=True)
class Narrower:
    """Only of a town, an item, a type; "" is all of them."""

    town: str = ""
    item: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Line:
    """One row, of whatever it is: a visit, a venue, an answer or a failure."""

    venue: Venue
    town: str
    at: datetime | None = None
    items: tuple[Words, ...] = ()
    """What failed, or was looked at again."""
    result: str = ""
    visit: Visit | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True)
class Page:
    lines: list[Line]
    older: str
    newer: str


def rows_of(wanted: Wanted, figure: str, narrower: Narrower) -> QuerySet[Any]:
    """The rows of a figure, unordered; raises BadFigure (`unknown_figure`)."""
    if figure not in FIGURES:
        raise BadFigure("unknown_figure", _("There is no such figure."), field="figure")
    if figure == "visits":
        return _narrowed(brief.visits_of(wanted), narrower, town="town", kind="venue__kind", item="answers__key")
    if figure == "venues":
        return Venue.objects.filter(Exists(rows_of(wanted, "visits", narrower).filter(venue=OuterRef("pk"))))
    if figure in PROBLEMS:
        failed = _narrowed(_answers(wanted, "failed_items"), narrower)
        if figure != "problems":
            failed = failed.filter(visit__town__in=brief.units_of(wanted, streets=figure == "street_problems"))
        return Venue.objects.filter(Exists(failed.filter(visit__venue=OuterRef("pk"))))
    if figure in SAW:
        found = brief.due_failures(wanted)
        saw = SAW[figure]
        return _narrowed(
            found if saw is None else found.filter(seen__in=saw), narrower, town="town", kind="venue__kind"
        )
    return _narrowed(_answers(wanted, figure), narrower)


def _answers(wanted: Wanted, figure: str) -> QuerySet[Answer]:
    if figure == "asked":
        return Answer.objects.filter(wanted.visited("visit__")).exclude(result="")
    return brief.fails_of(wanted)


def _narrowed(
    rows: QuerySet[Any],
    narrower: Narrower,
    *,
    town: str = "visit__town",
    kind: str = "visit__venue__kind",
    item: str = "key",
) -> QuerySet[Any]:
    said = {town: narrower.town, kind: narrower.kind, item: narrower.item}
    return rows.filter(**{column: value for column, value in said.items() if value})


# ---- pages ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """How rows of one model are ordered and read."""

    column: str
    """By which they are ordered, the newest (of names: the first) first."""
    select: tuple[str, ...]
    lines: Callable[[list[Any], Wanted], Iterator[Line]]
    descending: bool = True


def page_of(wanted: Wanted, figure: str, narrower: Narrower, cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """A page of a figure's rows by key; raises BadFigure (`unknown_figure`, `bad_cursor`)."""
    rows = rows_of(wanted, figure, narrower).order_by()
    kind = KINDS[rows.model]
    backwards, key = _read_cursor(cursor, rows.model) if cursor else (False, None)
    down = kind.descending != backwards
    if key is not None:
        way = "lt" if down else "gt"
        value, pk = key
        # The first condition says nothing new; it lets an index start at the key.
        rows = rows.filter(
            Q(**{f"{kind.column}__{way}e": value})
            & (Q(**{f"{kind.column}__{way}": value}) | Q(**{kind.column: value, f"pk__{way}": pk}))
        )
    order = [f"-{kind.column}", "-pk"] if down else [kind.column, "pk"]
    found = list(rows.select_related(*kind.select).order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_older = bool(found) and (backwards or more)
    has_newer = bool(found) and (more if backwards else key is not None)
    return Page(
        lines=list(kind.lines(found, wanted)),
        older=_cursor("after", found[-1], kind) if has_older else "",
        newer=_cursor("before", found[0], kind) if has_newer else "",
    )


def lines_of(wanted: Wanted, figure: str, narrower: Narrower, chunk: int = 2000) -> Iterator[Line]:
    """Every row of a figure, a chunk of them in memory at a time."""
    cursor = ""
    while True:
        page = page_of(wanted, figure, narrower, cursor, chunk)
        yield from page.lines
        if not page.older:
            return
        cursor = page.older


def _value(row: Model, column: str) -> Any:
    found: Any = row
    for part in column.split("__"):
        found = getattr(found, part)
    return found


def _cursor(direction: str, row: Model, kind: _Kind) -> str:
    value = _value(row, kind.column)
    key = [direction, value.isoformat() if isinstance(value, datetime) else value, str(row.pk)]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, model: type[Model]) -> tuple[bool, tuple[Any, Any]]:
    try:
        direction, text, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in {"after", "before"} or not isinstance(text, str) or "\x00" in text or len(text) > 200:
            raise ValueError(cursor)
        value: Any = text
        if KINDS[model].column != "name":
            value = datetime.fromisoformat(text)
            if value.tzinfo is None or not 1900 < value.year < 9000:
                raise ValueError(cursor)
        key = model._meta.pk.to_python(pk)
        if isinstance(key, int) and not 0 <= key < 2**63:
            raise ValueError(cursor)
        return direction == "before", (value, key)
    except (ValueError, TypeError, AttributeError, RecursionError, ValidationError) as error:
        raise BadFigure(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error


# ---- lines ----------------------------------------------------------------------------------------------------------


def _failed_in(condition: Q, wanted: Wanted, by: str) -> dict[Any, tuple[Words, ...]]:
    """The words of what failed in the period, by visit or by venue."""
    rows = brief.fails_of(wanted).filter(condition).order_by("key").values_list(by, "key").distinct()
    found: dict[Any, list[str]] = {}
    for one, key in rows:
        found.setdefault(one, []).append(key)
    words = words_of(key for keys in found.values() for key in keys)
    return {one: tuple(words[key] for key in keys) for one, keys in found.items()}


def _visit_lines(found: list[Visit], wanted: Wanted) -> Iterator[Line]:
    failed = _failed_in(Q(visit__in=[visit.pk for visit in found]), wanted, "visit")
    names = _towns(visit.town for visit in found)
    for visit in found:
        yield Line(
            visit.venue, names.get(visit.town, visit.town), visit.visited_at, failed.get(visit.pk, ()), visit=visit
        )


def _venue_lines(found: list[Venue], wanted: Wanted) -> Iterator[Line]:
    failed = _failed_in(Q(visit__venue__in=[venue.pk for venue in found]), wanted, "visit__venue")
    names = _towns(venue.town for venue in found)
    for venue in found:
        yield Line(venue, names.get(venue.town, venue.town), None, failed.get(venue.pk, ()))


def _answer_lines(found: list[Answer], wanted: Wanted) -> Iterator[Line]:
    words = words_of(answer.key for answer in found)
    names = _towns(answer.visit.town for answer in found)
    for answer in found:
        visit = answer.visit
        result = str(Result(answer.result).label)
        yield Line(
            visit.venue, names.get(visit.town, visit.town), visit.visited_at, (words[answer.key],), result, visit
        )


def _failure_lines(found: list[Failure], wanted: Wanted) -> Iterator[Line]:
    words = words_of(failure.key for failure in found)
    names = _towns(failure.town for failure in found)
    for failure in found:
        seen = str(RecheckResult(failure.seen).label)  # type: ignore[attr-defined]
        town = names.get(failure.town, failure.town)
        yield Line(failure.venue, town, None, (words[failure.key],), seen, opened_at=failure.opened_at)


def _towns(codes: Iterable[str]) -> dict[str, str]:
    return places.names(codes)


KINDS: dict[type[Model], _Kind] = {
    Visit: _Kind("visited_at", ("venue__kind",), _visit_lines),
    Venue: _Kind("name", ("kind",), _venue_lines, descending=False),
    Answer: _Kind("visit__visited_at", ("visit__venue__kind",), _answer_lines),
    Failure: _Kind("opened_at", ("venue__kind",), _failure_lines),
}


def counted(wanted: Wanted, figure: str, narrower: Narrower) -> int:
    """How many rows the figure has."""
    return rows_of(wanted, figure, narrower).order_by().count()


def in_words(narrower: Narrower) -> list[str]:
    """What the rows are narrowed to, for a heading."""
    said = []
    if narrower.town:
        said.append(places.names([narrower.town]).get(narrower.town, narrower.town))
    if narrower.item:
        said.append(words_of([narrower.item])[narrower.item].here)
    if narrower.kind:
        kind = VenueType.objects.filter(pk=narrower.kind).first()
        said.append(str(kind or narrower.kind))
    return said
