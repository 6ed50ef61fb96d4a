"""Pages of visits and of failures, as the site and the API show them: by key, not by offset."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db import connection
from django.db.models import CharField, Count, Exists, F, Model, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.ledger.leads import Sifting
from duban.patrol.models import Answer, Failure, Recheck, RecheckResult, Result, Visit, VisitState
from duban.patrol.queries import SEES, failures_for, visits_for
from duban.places import queries as places
from duban.places.codes import LENGTHS, normalise_code, within
from duban.venues import queries as venues

PAGE_SIZE = 50
TOWN = LENGTHS[1]
M = TypeVar("M")
R = TypeVar("R", bound=Model)


class BadQuestion(DubanError):
    pass


@dataclass(frozen=True)
class VisitFilters:
    """The question of the list of visits; its address is made of the same words."""

    state: str = str(VisitState.FINISHED)
    area: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None
    """The last day, by the office's clock."""
    text: str = ""
    mine: bool = False
    failed: bool = False
    item: str = ""
    result: str = ""
    """Of the item, or of any where none is named."""
    looked: str = ""
    """What a re-check in it saw."""
    recheck: bool = False
    venue: uuid.UUID | None = None
    round: uuid.UUID | None = None


@dataclass(frozen=True)
class FailureFilters:
    """The question of the list of failures."""

    state: str = "open"
    """open, closed, or all"""
    area: str = ""
    kind: str = ""
    item: str = ""
    since: date | None = None
    until: date | None = None
    """Days on which it was found."""
    late: bool = False
    """Not mended by the day given."""
    text: str = ""
    venue: uuid.UUID | None = None


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows in order, and the cursors of the pages beside them ("" where there is none)."""

    rows: list[M]
    older: str
    newer: str


# ---- reading an address ---------------------------------------------------------------------------------------------


def read_visit_filters(words: Mapping[str, str]) -> VisitFilters:
    """The question in an address; raises BadQuestion (`bad_question`) or BadCode with the word at fault."""
    return VisitFilters(
        state=_one_of(words, "state", VisitState.values, str(VisitState.FINISHED)),
        area=_area(words),
        kind=_word(words, "kind"),
        since=_day(words, "from"),
        until=_day(words, "to"),
        text=_word(words, "text", 100),
        mine=words.get("mine") == "1",
        failed=words.get("failed") == "1",
        item=_word(words, "item"),
        result=_one_of(words, "result", Result.values),
        looked=_one_of(words, "looked", RecheckResult.values),
        recheck=words.get("recheck") == "1",
        venue=_key(words, "venue"),
        round=_key(words, "round"),
    )


def read_failure_filters(words: Mapping[str, str]) -> FailureFilters:
    """As read_visit_filters."""
    return FailureFilters(
        state=_one_of(words, "state", ["open", "closed", "all"], "open"),
        area=_area(words),
        kind=_word(words, "kind"),
        item=_word(words, "item"),
        since=_day(words, "from"),
        until=_day(words, "to"),
        late=words.get("late") == "1",
        text=_word(words, "text", 100),
        venue=_key(words, "venue"),
    )


def address_of(filters: VisitFilters | FailureFilters, **changes: Any) -> str:
    """The filters as the query of an address, what is as always left out."""
    told = replace(filters, **changes)
    usual = type(filters)()
    names = {"since": "from", "until": "to"}
    pairs = []
    for name, value in vars(told).items():
        if value and value != getattr(usual, name):
            pairs.append((names.get(name, name), "1" if value is True else str(value)))
    return urlencode(pairs)


def _bad(name: str) -> BadQuestion:
    return BadQuestion("bad_question", _("“%(name)s” cannot be read; choose again.") % {"name": name}, field=name)


def _word(words: Mapping[str, str], name: str, longest: int = 64) -> str:
    text = words.get(name, "").strip()
    if len(text) > longest or not is_plain(text):
        raise _bad(name)
    return text


def _one_of(words: Mapping[str, str], name: str, known: list[str], usual: str = "") -> str:
    text = words.get(name, "").strip()
    if text and text not in known:
        raise _bad(name)
    return text or usual


def _area(words: Mapping[str, str]) -> str:
    return normalise_code(words["area"], field="area") if words.get("area", "").strip() else ""


def _day(words: Mapping[str, str], name: str) -> date | None:
    text = words.get(name, "").strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise _bad(name) from error
    if day and not 1900 < day.year < 2200:
        raise _bad(name)
    return day


def _key(words: Mapping[str, str], name: str) -> uuid.UUID | None:
    text = words.get(name, "").strip()
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise _bad(name) from error


def begin_of(day: date) -> datetime:
    """Midnight at which the day begins, by the office's clock."""
    return timezone.make_aware(datetime.combine(day, time()))


# ---- what is asked for ----------------------------------------------------------------------------------------------


def visits_asked(person: Person, filters: VisitFilters) -> QuerySet[Visit]:
    """The visits that the filters ask for among those in the person's area."""
    if filters.venue or filters.text:
        found = visits_for(person)
    else:
        found = _in_reach(Visit.objects.all(), person, filters.area)
    found = _of_state(found, filters)
    if filters.area:
        found = found.filter(within("town" if len(filters.area) <= TOWN else "jurisdiction", [filters.area]))
    if filters.since:
        found = found.filter(visited_at__gte=begin_of(filters.since))
    if filters.until:
        found = found.filter(visited_at__lt=begin_of(filters.until + timedelta(days=1)))
    if filters.mine:
        found = found.filter(username=person.username)
    if filters.recheck:
        found = found.filter(recheck=True)
    if filters.kind:
        found = found.filter(venue__kind=filters.kind)
    if filters.venue:
        found = found.filter(venue=filters.venue)
    if filters.round:
        found = found.filter(round=filters.round)
    if filters.text:
        found = found.filter(venue__in=venues.search(person, filters.text).order_by().values("pk"))
    result = filters.result or (Result.FAIL if filters.failed else "")
    if result or filters.item:
        answers = Answer.objects.filter(visit=OuterRef("pk"))
        answers = answers.filter(result=result) if result else answers
        found = found.filter(Exists(answers.filter(key=filters.item) if filters.item else answers))
    if filters.looked:
        found = found.filter(Exists(Recheck.objects.filter(visit=OuterRef("pk"), result=filters.looked)))
    return found


def _of_state(found: QuerySet[Visit], filters: VisitFilters) -> QuerySet[Visit]:
    """Those of the state; where a name leads to the venues, it sifts and does not lead SQLite through all visits."""
    if not filters.text or connection.vendor != "sqlite":
        return found.filter(state=filters.state)
    sifted: Any = found.alias(standing=Sifting(F("state"), output_field=CharField()))
    named: QuerySet[Visit] = sifted.filter(standing=filters.state)
    return named


def failures_asked(person: Person, filters: FailureFilters, now: datetime) -> QuerySet[Failure]:
    """The failures that the filters ask for among those in the person's area."""
    found = failures_for(person) if filters.venue else _in_reach(Failure.objects.all(), person, filters.area)
    if filters.state != "all":
        found = found.filter(closed_at__isnull=filters.state == "open")
    if filters.area:
        found = found.filter(within("town" if len(filters.area) <= TOWN else "jurisdiction", [filters.area]))
    if filters.since:
        found = found.filter(opened_at__gte=begin_of(filters.since))
    if filters.until:
        found = found.filter(opened_at__lt=begin_of(filters.until + timedelta(days=1)))
    if filters.item:
        found = found.filter(key=filters.item)
    if filters.kind:
        found = found.filter(venue__kind=filters.kind)
    if filters.late:
        found = found.filter(closed_at=None, mend_by__lt=now)
    if filters.venue:
        found = found.filter(venue=filters.venue)
    if filters.text:
        found = found.filter(venue__in=venues.search(person, filters.text).order_by().values("pk"))
    return found


def _in_reach(rows: QuerySet[R], person: Person, area: str) -> QuerySet[R]:
    """Those in the person's area, found by the index of that area where it is small, else read in the list's order.

    SQLite would lead with the area however wide it is, and sort all that lies in it for a page of fifty.
    """
    codes = rights.codes(person, SEES)
    wide = any(len(code) < TOWN for code in codes) and len(area) < TOWN
    if connection.vendor != "sqlite" or not wide:
        return rows.filter(within("jurisdiction", codes))
    sifted: Any = rows.alias(reach=Sifting(F("jurisdiction"), output_field=CharField()))
    found: QuerySet[R] = sifted.filter(within("reach", codes))
    return found


# ---- pages ----------------------------------------------------------------------------------------------------------


def page_by_time(rows: QuerySet[R], column: str, after: str = "", before: str = "", size: int = PAGE_SIZE) -> Page[R]:
    """The newest first by a time column and the key, from a cursor on; raises BadQuestion (`bad_cursor`)."""
    backwards = bool(before)
    cursor = read_cursor(before or after) if before or after else None
    if cursor is not None:
        moment, key = cursor
        side = "gt" if backwards else "lt"
        beyond = Q(**{f"{column}__{side}": moment}) | Q(**{column: moment, f"pk__{side}": key})
        # Said apart as well, since no index serves an "or".
        rows = rows.filter(beyond, **{f"{column}__{side}e": moment})
    order = [column, "pk"] if backwards else [f"-{column}", "-pk"]
    found = list(rows.order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    first, last = (write_cursor(getattr(row, column), row.pk) for row in (found[0], found[-1])) if found else ("", "")
    older = last if found and (more or backwards) else ""
    newer = first if found and (more if backwards else cursor is not None) else ""
    return Page(found, older, newer)


def write_cursor(moment: datetime, key: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), str(key)]).encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, uuid.UUID]:
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        read = datetime.fromisoformat(moment)
        if read.tzinfo is None or not 1900 < read.year < 2200:
            raise ValueError
        return read, uuid.UUID(key)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadQuestion("bad_cursor", _("This page is no more; begin at the first."), field="after") from error


@dataclass(frozen=True)
class VisitLine:
    """A visit in a list."""

    visit: Visit
    town: str
    failed: int
    checks: int
    """Answered pass or fail."""


def page_of_visits(
    person: Person, filters: VisitFilters, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Page[VisitLine]:
    """A page of visits with what failed in each, in a few queries."""
    asked = visits_asked(person, filters).defer("signature").select_related("venue__kind")
    page = page_by_time(asked, "visited_at", after, before, size)
    counted = Answer.objects.filter(visit__in=[visit.pk for visit in page.rows]).exclude(result="").order_by()
    counts = {
        pk: (failed, checks)
        for pk, failed, checks in counted.values_list("visit").annotate(
            failed=Count("pk", filter=Q(result=Result.FAIL)),
            checks=Count("pk", filter=Q(result__in=[Result.PASS, Result.FAIL])),
        )
    }
    names = places.names({visit.town for visit in page.rows})
    lines = [VisitLine(visit, names.get(visit.town, visit.town), *counts.get(visit.pk, (0, 0))) for visit in page.rows]
    return Page(lines, page.older, page.newer)
