"""The record of looks as the superior of those who look reads it: acts, not rows, and which of them are odd and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import NotAllowed, NotFound
from duban.outbreak.models import Look, Task, TaskState
from duban.outbreak.protection.visibility import DUE_ACTS
from duban.places.codes import covers, within

REVIEWS = "look.review"
PAGE = 50
READ_FOR_ODD = 1000
"""So many of the newest acts are gone through for odd ones."""
MANY = 30
NIGHT = (22, 6)
"""From ten in the evening until six."""
ODD = {
    "many": _("many in an hour"),
    "night": _("at night"),
    "elsewhere": pgettext_lazy("odd look", "outside their own town"),
    "nothing_due": _("nothing was due to the person"),
}


@dataclass(frozen=True)
class Wanted:
    """Which looks: "" and None are all."""

    username: str = ""
    day: date | None = None
    ground: str = ""
    odd: bool = False
    unread: bool = False
    """Not ticked as reviewed."""


@dataclass(frozen=True)
class Act:
    """One look, or a list that was opened at one moment. `look` stands for all of them."""

    look: Look
    people: int
    unread: int
    odd: tuple[str, ...] = field(default=())


def looks_for(person: Person) -> QuerySet[Look]:
    """The looks at files of the offices and towns whose leader the person is."""
    codes = rights.codes(person, REVIEWS)
    return Look.objects.filter(within("office", codes) | within("town", codes))


def lookers_for(person: Person) -> list[str]:
    """User names of those who looked, sorted."""
    return list(looks_for(person).order_by("username").values_list("username", flat=True).distinct())


def acts_for(person: Person, wanted: Wanted, *, start: int = 0) -> tuple[list[Act], bool]:
    """A page of acts from the `start`-th on, the newest first, and whether there are more."""
    rows = _filtered(looks_for(person), wanted)
    acts = (
        rows.values("username", "at", "ground", "purpose")
        .annotate(people=Count("pk"), unread=Count("pk", filter=Q(reviewed_at=None)), one=Min("pk"))
        .order_by("-at", "username", "purpose", "ground")
    )
    if not wanted.odd:
        found = list(acts[start : start + PAGE + 1])
        return _with_marks(found[:PAGE]), len(found) > PAGE
    odd = [act for act in _with_marks(list(acts[:READ_FOR_ODD])) if act.odd]
    return odd[start : start + PAGE], len(odd) > start + PAGE


def _filtered(rows: QuerySet[Look], wanted: Wanted) -> QuerySet[Look]:
    if wanted.username:
        rows = rows.filter(username=wanted.username)
    if wanted.ground:
        rows = rows.filter(ground=wanted.ground)
    if wanted.day:
        midnight = timezone.make_aware(datetime.combine(wanted.day, time()))
        rows = rows.filter(at__gte=midnight, at__lt=midnight + timedelta(days=1))
    return rows.filter(reviewed_at=None) if wanted.unread else rows


def _with_marks(rows: Sequence[Mapping[str, Any]]) -> list[Act]:
    looks = Look.objects.in_bulk([row["one"] for row in rows])
    hours, due = _hourly(looks.values()), _due(looks.values())
    return [
        Act(look, row["people"], row["unread"], tuple(_marks(look, hours, due)))
        for row in rows
        if (look := looks.get(row["one"])) is not None
    ]


def _marks(look: Look, hours: Mapping[tuple[str, datetime], int], due: set[tuple[Any, date]]) -> Iterable[str]:
    local = timezone.localtime(look.at)
    if hours.get((look.username, _hour(look.at)), 0) > MANY:
        yield "many"
    if local.hour >= NIGHT[0] or local.hour < NIGHT[1]:
        yield "night"
    if not covers([role[1] for role in look.by.get("roles", [])], look.town):
        yield "elsewhere"
    if look.file_id is not None and (look.file_id, local.date()) not in due:
        yield "nothing_due"


def _hour(at: datetime) -> datetime:
    return timezone.localtime(at).replace(minute=0, second=0, microsecond=0)


def _hourly(looks: Iterable[Look]) -> dict[tuple[str, datetime], int]:
    """How many people each looked at in the hours of these looks; lists of due acts are their daily work."""
    wanted = {(look.username, _hour(look.at)) for look in looks}
    found: dict[tuple[str, datetime], int] = {}
    condition = Q(pk__in=[])
    for username, hour in wanted:
        condition |= Q(username=username, at__gte=hour, at__lt=hour + timedelta(hours=1))
    rows = (
        Look.objects.filter(condition).exclude(purpose=DUE_ACTS).values("username", "at").annotate(number=Count("pk"))
    )
    for row in rows if wanted else []:
        key = (row["username"], _hour(row["at"]))
        found[key] = found.get(key, 0) + row["number"]
    return found


def _due(looks: Iterable[Look]) -> set[tuple[Any, date]]:
    """(file, day) on which something was due to the person of a look."""
    held = list(looks)
    files = {look.file_id for look in held}
    days = {timezone.localtime(look.at).date() for look in held}
    tasks = Task.objects.filter(file__in=files, due_on__in=days).exclude(state=TaskState.CANCELLED)
    return set(tasks.values_list("file", "due_on"))


@transaction.atomic
def review_look(*, by: Person, now: datetime, look_id: int, undo: bool = False) -> int:
    """Tick an act, all its looks together, as reviewed, or take the tick back; how many looks that were.

    Raises NotFound (`look_not_found`), NotAllowed (`own_look`: nobody reviews their own).
    """
    rows = looks_for(by)
    look = rows.filter(pk=look_id).first()
    if look is None:
        raise NotFound("look_not_found", _("There is no such look, or it is not yours to review."))
    if look.username == by.username:
        raise NotAllowed("own_look", _("Your own looks are reviewed by somebody else."))
    act = rows.filter(username=look.username, at=look.at, ground=look.ground, purpose=look.purpose)
    if undo:
        changed = act.exclude(reviewed_at=None).update(reviewed_at=None, reviewed_by=None)
    else:
        changed = act.filter(reviewed_at=None).update(reviewed_at=now, reviewed_by=by.as_actor())
    if changed:
        action = "unreview_look" if undo else "review_look"
        audit.record(by=by, now=now, action=action, subject_type="look", subject_id=look.pk, detail={"looks": changed})
    return changed
