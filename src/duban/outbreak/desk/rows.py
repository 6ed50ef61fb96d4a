"""The people behind one number of the report or the funnel, for whoever may see their files."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.outbreak.casefiles.queries import SEES, in_scope
from duban.outbreak.desk import days, funnel
from duban.outbreak.desk.days import BadQuestion, Day, Files
from duban.outbreak.models import CaseFile

PAGE = 50
TITLES = {
    "followed": pgettext_lazy("people", "followed"),
    "new": pgettext_lazy("people", "new"),
    "reached": pgettext_lazy("people", "reached"),
    "tested": pgettext_lazy("people", "sampled"),
    "positive": pgettext_lazy("people", "positive"),
    "waiting": pgettext_lazy("people", "waiting for a result"),
    "released": pgettext_lazy("people", "released"),
    "closed": pgettext_lazy("people", "closed for another reason"),
    "came:screened": gettext_lazy("on the books by then"),
    "came:reached": gettext_lazy("reached by then"),
    "came:tested": gettext_lazy("sampled by then"),
    "came:isolated": gettext_lazy("isolated by then"),
    "came:released": gettext_lazy("released by then"),
    "stuck:reached": gettext_lazy("followed and not yet reached"),
    "stuck:tested": gettext_lazy("followed and not yet sampled"),
    "stuck:isolated": gettext_lazy("to be isolated and not yet there"),
    "late": gettext_lazy("past their last day and not released"),
}
"""Every number that opens its people, in words."""


@dataclass(frozen=True)
class Asked:
    """`town` and `order` narrow the figure of an office or town `at` on a day."""

    figure: str
    on: date
    at: str
    town: str = ""
    order: str = ""


@dataclass(frozen=True)
class Page:
    files: list[CaseFile]
    older: str


def find(asked: Asked) -> Files:
    """The files of a figure; raises NotFound (`no_such_figure`)."""
    if asked.figure not in TITLES:
        raise NotFound("no_such_figure", _("There is no such figure."))
    day, files = days.day_of(asked.on), days.files_at(asked.at)
    if asked.town:
        files = files.filter(town=asked.town)
    if asked.order:
        files = funnel.of_order(files, asked.order)
    return files.filter(_condition(asked.figure, day))


def _condition(figure: str, day: Day) -> Q:
    way, _colon, stage = figure.partition(":")
    ways: dict[str, Callable[[], Q]] = {
        "came": lambda: funnel.is_come_to(stage, day),
        "stuck": lambda: funnel.is_stuck(stage, day),
        "late": lambda: funnel.is_late(day),
    }
    return ways[way]() if way in ways else days.FIGURES[way](day)


def rows_for(person: Person, asked: Asked) -> Files:
    """Those of them whose files the person may see."""
    # By the columns themselves: to look each of 300,000 keys up in a list of as many takes seconds.
    return find(asked).filter(in_scope(rights.codes(person, SEES)))


def page_of(files: Files, cursor: str = "") -> Page:
    """Fifty files, the newest first; raises BadQuestion (`bad_cursor`)."""
    if cursor:
        opened, key = _read(cursor)
        files = files.filter(opened_at__lte=opened).filter(Q(opened_at__lt=opened) | Q(pk__gt=key))
    found = list(files.order_by("-opened_at", "pk")[: PAGE + 1])
    older = base64.urlsafe_b64encode(_written(found[PAGE - 1])).decode().rstrip("=") if len(found) > PAGE else ""
    return Page(found[:PAGE], older)


def _written(file: CaseFile) -> bytes:
    return json.dumps([file.opened_at.isoformat(), file.pk.hex]).encode()


def _read(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        opened, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(opened)
        if moment.tzinfo is None or not 1900 < moment.year < 9000:
            raise ValueError(cursor)
        return moment, uuid.UUID(key)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadQuestion(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error
