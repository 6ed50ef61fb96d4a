"""The page of a day, made of what all parts of the system know: what has no record has no place on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.bulletin import queries
from duban.bulletin.facts import epidemic, hygiene, inspection, meeting, organisations, picture, story
from duban.bulletin.facts.sight import Sight
from duban.bulletin.figures import Facts
from duban.bulletin.models import DEFAULT_SERIES
from duban.bulletin.printing import frozen_block
from duban.core.errors import DubanError
from duban.engines.typeset import SCHEMA_WITH_BLOCKS
from duban.places import queries as places
from duban.places.codes import LENGTHS
from duban.places.models import Jurisdiction

PAPER = "督办日报"


class BadPage(DubanError):
    pass


@dataclass(frozen=True)
class Page:
    """What the records give for a day: the facts of each block in their order, and the hygiene column."""

    sight: Sight
    facts: list[Facts]
    column: hygiene.Column | None


SOURCES: tuple[Callable[[Sight], Facts | None], ...] = (
    meeting.of_day,
    inspection.of_day,
    epidemic.of_day,
    story.topic_of_day,
    organisations.of_day,
)
AFTER: tuple[Callable[[Sight], Facts | None], ...] = (story.activity_of_day,)
"""Beneath the hygiene column."""


def page_of(area: str, day: date, now: datetime) -> Page:
    """What there is to print of the area on that day."""
    sight = Sight(area, day, now)
    facts = [found for source in SOURCES if (found := source(sight)) is not None]
    facts += picture.all_of_day(sight)
    column = hygiene.of_day(sight, DEFAULT_SERIES)
    if column is not None:
        facts.append(column.facts)
    facts += [found for source in AFTER if (found := source(sight)) is not None]
    return Page(sight, facts, column)


def document_of_day(area: str, day: date, now: datetime) -> dict[str, Any]:
    """The page as a document of the typesetter; raises BadPage (`nothing_to_print`)."""
    page = page_of(area, day, now)
    if not page.facts:
        raise BadPage(
            "nothing_to_print",
            _("Nothing is on record for a page of %(day)s; choose another day, or say where with --at.")
            % {"day": day.isoformat()},
            field="date",
        )
    sections = page.column.sections if page.column else []
    moment = datetime.combine(day, time(), timezone.get_default_timezone())
    blocks = []
    for number, facts in enumerate(page.facts, 1):
        block = frozen_block(facts, None) | {"id": str(number)}
        if facts.kind == hygiene.KIND and page.column is not None:
            block |= {"number": page.column.number, "issuer": page.column.issuer}
        blocks.append(block)
    return {
        "schema": SCHEMA_WITH_BLOCKS,
        "series": {"name": PAPER, "jurisdiction": {"code": area, "name": page.sight.place}},
        "number": None,
        "corrects": None,
        "title": "",
        "intro": "",
        "issuer": settings.DUBAN_OFFICE or page.sight.place,
        "byline": "",
        "published_at": moment.isoformat(timespec="seconds"),
        "schematic": any(layer.schematic for layer in places.layers_in_use()),
        "sections": sections,
        "counts": {section["key"]: len(section["entries"]) for section in sections},
        "checkpoint": "",
        "previous": "",
        "blocks": blocks,
    }


def area_of(at: str) -> str:
    """The code that is given, else the one county of the code list; raises BadPage (`area_needed`)."""
    if at:
        return at
    first = Jurisdiction.objects.order_by("code").values_list("code", flat=True).first()
    last = Jurisdiction.objects.order_by("-code").values_list("code", flat=True).first()
    county = LENGTHS[0]
    if first is None or last is None or first[:county] != last[:county]:
        raise BadPage(
            "area_needed",
            _("Several counties are on the code list, or none; say whose page it is with --at CODE.")
            if first
            else _("No code list is loaded; load one with load_jurisdictions."),
            field="at",
        )
    return first[:county]


def render(document: Mapping[str, Any], kind: str, language: str) -> bytes:
    """The page as `html` (its pictures in it) or `pdf`."""
    return queries.render(dict(document), "newspaper" if kind == "pdf" else "newspaper_html", language)
