"""The list of files: what its address asks for, a page at a time by key, names masked."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from duban.access.models import Person
from duban.outbreak.casefiles.identity import Facts, facts_of
from duban.outbreak.casefiles.queries import files_for, find
from duban.outbreak.models import CaseFile, FileState, Measure, NoMeasure
from duban.outbreak.protection.visibility import shown

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """What the list shows; "" is everything. `measure` may also be a reason why there is none, or `none`: any such.

    `q` is who is looked for. It is sent in a form and stands in no address: addresses are kept and handed on.
    """

    state: str = FileState.OPEN
    measure: str = ""
    town: str = ""
    waiting: bool = False
    q: str = ""

    def address(self, **changes: object) -> str:
        """The query of the same list with something else."""
        asked = {name: changes.get(name, value) for name, value in vars(self).items() if name != "q"}
        kept = {name: "1" if value is True else value for name, value in asked.items() if value}
        return "?" + urlencode(kept | ({"state": "all"} if not asked["state"] else {}))


def read_wanted(query: Mapping[str, str], looked_for: str = "") -> Wanted:
    """From an address and the form; what it does not know counts as not said."""
    state, measure, town = query.get("state", ""), query.get("measure", ""), query.get("town", "")
    return Wanted(
        state="" if state == "all" else state if state in FileState.values else FileState.OPEN,
        measure=measure if measure in {*Measure.values, *NoMeasure.values, "none"} else "",
        town=town if town.isascii() and town.isdecimal() and len(town) <= 9 else "",
        waiting=query.get("waiting") == "1",
        q=looked_for.strip()[:100],
    )


def listed(person: Person, wanted: Wanted) -> QuerySet[CaseFile]:
    """The person's files that are like that, the newest first. Who is looked for is found in whatever state."""
    if wanted.q:
        return find(person, wanted.q)
    files = files_for(person)
    if wanted.state:
        files = files.filter(state=wanted.state)
    if wanted.measure in Measure.values:
        files = files.filter(measure=wanted.measure, no_measure="")
    elif wanted.measure == "none":
        files = files.exclude(no_measure="")
    elif wanted.measure:
        files = files.filter(no_measure=wanted.measure)
    if wanted.town:
        files = files.filter(town=wanted.town)
    if wanted.waiting:
        files = files.exclude(waiting_since=None)
    return files


def page_after(files: QuerySet[CaseFile], key: str, size: int = PAGE) -> tuple[list[CaseFile], str]:
    """The files after the one that the key names, and the key of the next page, "" on the last one."""
    at = _key(key)
    if at is not None:
        moment, pk = at
        files = files.filter(opened_at__lte=moment).filter(Q(opened_at__lt=moment) | Q(pk__gt=pk))
    found = list(files[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return found[:size], f"{last.opened_at.isoformat()}~{last.pk}" if last else ""


def _key(text: str) -> tuple[datetime, uuid.UUID] | None:
    moment, sign, pk = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        return (at, uuid.UUID(pk)) if sign and at.tzinfo is not None else None
    except ValueError:
        return None


def as_seen(person: Person, files: Sequence[CaseFile]) -> list[tuple[CaseFile, Facts]]:
    """Each file of a page with what a list shows of the person: masked, or nothing."""
    return [(file, shown(person, file, facts_of(file))) for file in files]
