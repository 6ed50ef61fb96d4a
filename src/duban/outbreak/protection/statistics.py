"""Files for statistics: no person and no key of one, and no combination of what might tell somebody below ten people.

What may tell somebody is the town, the age band, the week in which they were found, and the measure. A row whose
combination is shared by fewer than ten is told more coarsely, step by step, and left out if even the coarsest is rare.
"""

import csv
import io
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.outbreak.casefiles.identity import facts_of_many
from duban.outbreak.casefiles.queries import in_scope
from duban.outbreak.counts import FEW
from duban.outbreak.models import CaseFile
from duban.outbreak.protection.visibility import BadLook
from duban.outbreak.screening import checked_purpose
from duban.places.codes import LENGTHS

EXPORTS = "file.export"
MOST = 50_000
BATCH = 2000
BANDS = (0, 18, 40, 60, 80)
FORMATS = ("csv", "parquet")


class BadExport(DubanError):
    pass


@dataclass(frozen=True, order=True)
class Row:
    """One person. "" and None are not told; `week` is the Monday of the week the file was opened, or its month."""

    place: str
    age: str
    week: str
    measure: str
    days_to_reached: int | None = None
    days_to_tested: int | None = None
    days_to_isolated: int | None = None
    days_to_released: int | None = None


COLUMNS = tuple(one.name for one in fields(Row))
TELLING = 4
"""The first so many columns may tell somebody, each combination of them is shared by ten or more."""


def telling(row: Row) -> tuple[str, str, str, str]:
    return row.place, row.age, row.week, row.measure


COARSER: tuple[Callable[[Row], Row], ...] = (
    lambda row: replace(row, age=""),
    lambda row: replace(row, place=row.place[: LENGTHS[0]]),
    lambda row: replace(row, week=row.week[:7]),
    lambda row: replace(row, measure=""),
    lambda row: replace(row, week=""),
)


def suppressed(rows: Iterable[Row], few: int = FEW) -> list[Row]:
    """The rows that may be told, each so coarse that `few` or more share its combination; in an order that says nothing
    of where they came from."""
    left = list(rows)
    told: list[Row] = []
    for coarser in (None, *COARSER):
        if coarser is not None:
            left = [coarser(row) for row in left]
        groups: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
        for row in left:
            groups[telling(row)].append(row)
        left = []
        for group in groups.values():
            (told if len(group) >= few else left).extend(group)
    return sorted(told, key=lambda row: [(value is not None, str(value)) for value in astuple(row)])


def age_band(born: str, on: date) -> str:
    """0-17, 18-39 and so on, at the day; "" where the date of birth is unknown."""
    try:
        birth = date.fromisoformat(born)
    except ValueError:
        return ""
    age = on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
    if age < 0:
        return ""
    low = max(band for band in BANDS if band <= age)
    above = [band for band in BANDS if band > low]
    return f"{low}-{above[0] - 1}" if above else f"{low}+"


@dataclass(frozen=True)
class Exported:
    """The file, how many people are in it, and how many were left out."""

    data: bytes
    people: int
    left_out: int


@transaction.atomic
def export_statistics(
    *, by: Person, now: datetime, first: date, last: date, form: str, ground: str, purpose: str
) -> Exported:
    """The files that the officer may export, opened from `first` to `last`, as CSV or Parquet; on the record.

    Raises NotAllowed (`not_allowed`), BadExport (`bad_period`, `unknown_form`, `export_too_large`), BadScreening
    (`ground_missing`, `purpose_missing`, `purpose_with_number`), BadLook (`purpose_with_name`).
    """
    codes = rights.codes(by, EXPORTS)
    if not codes:
        rights.require(by, EXPORTS, "")
    if form not in FORMATS:
        raise BadExport("unknown_form", _("It is CSV or Parquet."), field="form")
    if last < first:
        raise BadExport("bad_period", _("The period ends before it starts."), field="last")
    text = checked_purpose(ground, purpose)
    since, until = (timezone.make_aware(datetime.combine(day, time())) for day in (first, last + timedelta(days=1)))
    files = CaseFile.objects.filter(in_scope(codes), merged_into=None, opened_at__gte=since, opened_at__lt=until)
    if files.count() > MOST:
        raise BadExport("export_too_large", _("More than 50,000 files; choose a shorter period."), field="last")
    rows = _rows(list(files.order_by("pk").values_list("pk", flat=True)), text)
    told = suppressed(rows)
    detail = {"ground": ground, "purpose": text, "people": len(told), "left_out": len(rows) - len(told)}
    detail |= {"first": first.isoformat(), "last": last.isoformat(), "form": form}
    audit.record(
        by=by, now=now, action="export_statistics", subject_type="case_files", subject_id=codes[0], detail=detail
    )
    return Exported(_written(told, form), len(told), len(rows) - len(told))


def _rows(keys: Sequence[uuid.UUID], purpose: str) -> list[Row]:
    rows = []
    for start in range(0, len(keys), BATCH):
        files = list(CaseFile.objects.filter(pk__in=keys[start : start + BATCH]))
        facts = facts_of_many(files)
        if any(one.name and one.name in purpose for one in facts.values()):
            raise BadLook("purpose_with_name", _("Leave the person's name out of the purpose."), field="purpose")
        for file in files:
            opened = timezone.localtime(file.opened_at).date()
            rows.append(
                Row(
                    place=file.town,
                    age=age_band(facts[file.pk].birth_date, opened),
                    week=(opened - timedelta(days=opened.weekday())).isoformat(),
                    measure=file.measure,
                    days_to_reached=_days(file.opened_at, file.reached_at),
                    days_to_tested=_days(file.opened_at, file.tested_at),
                    days_to_isolated=_days(file.opened_at, file.isolated_at),
                    days_to_released=_days(file.opened_at, file.released_at),
                )
            )
    return rows


def _days(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else (timezone.localtime(end).date() - timezone.localtime(start).date()).days


def _written(rows: Sequence[Row], form: str) -> bytes:
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
        return text.getvalue().encode("utf-8-sig")
    kinds = [pa.string()] * TELLING + [pa.int32()] * (len(COLUMNS) - TELLING)
    arrays = [pa.array([getattr(row, name) for row in rows], kind) for name, kind in zip(COLUMNS, kinds, strict=True)]
    file = io.BytesIO()
    pq.write_table(pa.table(dict(zip(COLUMNS, arrays, strict=True))), file)
    return file.getvalue()
