"""Taking a hand-over list in: good rows open files or add to them, refused ones go back, a replay adds nothing."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError, NotFound
from duban.core.tables import Row
from duban.outbreak.casefiles.arrivals import Arrival, ReadArrivals, read_arrivals
from duban.outbreak.casefiles.opening import COUNTY, OPENS, Opened, open_files
from duban.outbreak.models import Declaration, Handover
from duban.places.codes import covers

BATCH = 5000
"""Rows that are written together: a crash leaves whole batches, and the same list again adds the rest."""
NOTES = {
    "swapped": _("columns were swapped; put right"),
    "left_unknown": _("the departure is missing; the arrival was taken as the latest it can have been"),
    "stay_unknown": _("where the person stays is unknown"),
    "phone_unreadable": _("the phone is no telephone's number"),
    "differing": _("the file says something else; it was kept"),
}
Progress = Callable[[str, int, int], None]


def no_progress(_step: str, _done: int, _total: int) -> None:
    """For who does not watch."""


@dataclass
class Taken:
    """What became of the rows: `read` = taken + updated + unchanged + refused. `notes` counts what was mended."""

    read: int
    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    refused: list[tuple[Row, DubanError]] = field(default_factory=list)


def orders_to_hand_over(person: Person) -> list[Declaration]:
    """Orders in force of offices whose people, or some of whose people, the person may follow; the newest first."""
    codes = rights.codes(person, OPENS)
    found = Declaration.objects.filter(latest=True).exclude(step="lifted").select_related("area")
    return [one for one in found.order_by("-declared_at", "number") if _reaches(codes, one)]


def order_for(person: Person, number: str) -> Declaration:
    """One of them; raises NotFound (`order_not_found`)."""
    order = Declaration.objects.filter(number=number, latest=True).exclude(step="lifted").select_related("area").first()
    if order is None or not _reaches(rights.codes(person, OPENS), order):
        raise NotFound("order_not_found", _("There is no such order in force, or another office gave it."))
    return order


def _reaches(codes: Sequence[str], order: Declaration) -> bool:
    office = order.area.jurisdiction[:COUNTY]
    return covers(codes, office) or any(code.startswith(office) for code in codes)


def read_handover(*, by: Person, now: datetime, data: bytes, name: str, order: Declaration) -> ReadArrivals:
    """The list's rows as the person may take them in; raises BadTable, BadFile (`columns_missing`)."""
    return read_arrivals(data, name, order=order, scope=rights.codes(by, OPENS), now=now)


def import_arrivals(
    *, by: Person, now: datetime, data: bytes, name: str, order: str, progress: Progress = no_progress
) -> Taken:
    """Take in a list of arrivals for an order. Who has a file already gets the exposure there.

    Raises NotFound (`order_not_found`), and BadTable or BadFile for the file as a whole.
    """
    declaration = order_for(by, order)
    office = declaration.area.jurisdiction[:COUNTY]
    digest = hashlib.sha256(data).hexdigest()
    earlier = Handover.objects.filter(office=office, order=order, digest=digest).first()
    if earlier is not None and not earlier.refused:
        return Taken(earlier.read, unchanged=earlier.read)
    progress("reading", 0, 0)
    read = read_handover(by=by, now=now, data=data, name=name, order=declaration)
    done = Taken(read.rows, notes=read.notes(), columns=read.columns, refused=list(read.refused))
    for start, part in _batches(read.good):
        progress("rows", start, len(read.good))
        drafts = [one.draft for one in part]
        _add(done, part, open_files(by=by, now=now, office=office, drafts=drafts, origin=f"list {digest[:12]}"))
    done.refused.sort(key=lambda pair: pair[0].number)
    _keep(by, now, office, order, digest, done)
    return done


def _batches(rows: list[Arrival]) -> Iterator[tuple[int, list[Arrival]]]:
    return ((start, rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))


def _add(done: Taken, part: list[Arrival], opened: Opened) -> None:
    done.taken += opened.taken
    done.updated += opened.updated
    done.unchanged += opened.unchanged
    done.notes["differing"] += len(opened.differing)
    for index, refusal in opened.refused.items():
        refusal.row = part[index].row.number
        done.refused.append((part[index].row, refusal))


def _keep(by: Person, now: datetime, office: str, order: str, digest: str, done: Taken) -> None:
    """Remember the list by its digest; of a list that came again, what it brought in all."""
    row, made = Handover.objects.get_or_create(
        office=office,
        order=order,
        digest=digest,
        defaults={
            "read": done.read,
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "by": by.as_actor(),
            "at": now,
        },
    )
    if not made:
        row.taken, row.updated, row.refused = row.taken + done.taken, row.updated + done.updated, len(done.refused)
        row.unchanged = max(row.read - row.taken - row.updated - row.refused, 0)
        row.save(update_fields=["taken", "updated", "refused", "unchanged"])
    detail = {name: getattr(done, name) for name in ("read", "taken", "updated", "unchanged")}
    audit.record(
        by=by,
        now=now,
        action="import_arrivals",
        subject_type="handover",
        subject_id=row.pk,
        detail={**detail, "refused": len(done.refused), "order": order, "file": digest},
    )
