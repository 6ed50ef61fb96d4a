"""A laboratory's table of results: a row a tube, every row looked at before one is written, a replay adding nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.core.tables import BadTable, Row, read_table
from duban.core.text import folded
from duban.outbreak.models import Result, Tube
from duban.outbreak.samples.codes import BadTube, read_code
from duban.outbreak.samples.queries import MANAGES, in_parts, in_towns, tube_not_found
from duban.outbreak.samples.results import (
    Told,
    is_news,
    last_swabs,
    read_laboratory,
    read_result,
    write_results,
)

COLUMNS = ("code", "result", "laboratory", "resulted_at")
HEADINGS = {
    "code": ("tube", "tube code", "管码", "试管编号", "管号", "条码", "采样管编号", "标本编号", "样本编号"),
    "result": ("结果", "检测结果", "检验结果"),
    "laboratory": ("lab", "检测机构", "实验室", "检验机构", "检测单位"),
    "resulted_at": ("time", "时间", "检测时间", "报告时间", "结果时间", "出结果时间"),
}
"""What laboratories call the columns, beside our own names."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportedResults:
    """How a file went, or would go. `again` counts the tests that are due again because of it."""

    rows: int
    taken: int
    unchanged: int
    again: int
    by_result: dict[str, int]
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


@dataclass(frozen=True)
class Line:
    row: Row
    code: str
    told: Told


def unheard(_stage: str, _done: int, _total: int) -> None:
    """For a caller that does not wait to be told."""


def import_results(
    *, by: Person, now: datetime, data: bytes, name: str, keep_good: bool = True, progress: Progress = unheard
) -> ImportedResults:
    """Take the results of a CSV or XLSX file; what is wrong with a row is in the result, and the row is left out.

    A result known already changes nothing, one that contradicts it is refused. Raises BadTable for a file that is no
    table, NotAllowed (`not_allowed`).
    """
    return _import(by=by, now=now, data=data, name=name, keep_good=keep_good, progress=progress)


def check_results(
    *, by: Person, now: datetime, data: bytes, name: str, progress: Progress = unheard
) -> ImportedResults:
    """What import_results would make of the file, with nothing kept."""
    with transaction.atomic():
        done = _import(by=by, now=now, data=data, name=name, keep_good=True, progress=progress)
        transaction.set_rollback(True)
    return done


@transaction.atomic
def _import(
    *, by: Person, now: datetime, data: bytes, name: str, keep_good: bool, progress: Progress
) -> ImportedResults:
    if not rights.codes(by, MANAGES):
        rights.require(by, MANAGES, "")
    columns, rows = read_results_table(data, name)
    lines, refused = _read(rows, progress)
    groups, against = _by_tube(lines)
    refused += against
    progress("tubes", 0, len(groups))
    tubes = _lock_tubes(by, [group[0].code for group in groups])
    news, known, wrong = _sort(groups, tubes, now)
    refused += wrong
    if refused and not keep_good:
        news = []
    progress("people", 0, len(news))
    again = write_results(by=by, now=now, told=news) if news else 0
    by_result = {str(value): sum(told.result == value for _tube, told in news) for value in Result}
    if news:
        audit.record(
            by=by,
            now=now,
            action="import_results",
            subject_type="tube",
            subject_id=news[0][0].pk,
            detail={"tubes": len(news), "again": again, **by_result},
        )
    return ImportedResults(
        rows=len(rows),
        taken=len(news),
        unchanged=known,
        again=again,
        by_result=by_result,
        columns=columns,
        refused=sorted(refused, key=lambda pair: pair[0].number),
    )


def read_results_table(data: bytes, name: str) -> tuple[list[str], list[Row]]:
    """The columns as they were sent, and the rows under our names; raises BadTable (`columns_missing` and others)."""
    columns, rows = read_table(data, name, required=())
    named: dict[str, str] = {}
    for ours in COLUMNS:
        names = {folded(one) for one in (ours, *HEADINGS[ours])}
        theirs = [column for column in columns if folded(column) in names]
        if not theirs:
            raise BadTable(
                "columns_missing",
                _("The first row must name the columns; missing: %(columns)s.")
                % {"columns": f"{ours} ({HEADINGS[ours][2 if ours == 'code' else 0]})"},
                field=ours,
            )
        named[ours] = theirs[0]
    return columns, [
        replace(row, cells=row.cells | {ours: row.cells.get(theirs) for ours, theirs in named.items()}) for row in rows
    ]


def _read(rows: Sequence[Row], progress: Progress) -> tuple[list[Line], list[tuple[Row, DubanError]]]:
    lines: list[Line] = []
    refused: list[tuple[Row, DubanError]] = []
    moments: dict[Any, datetime] = {}
    for done, row in enumerate(rows):
        if done % 1000 == 0:
            progress("rows", done, len(rows))
        try:
            lines.append(_line(row, moments))
        except DubanError as refusal:
            refused.append((row, refusal))
    return lines, refused


def _line(row: Row, moments: dict[Any, datetime]) -> Line:
    code = read_code(row.text("code"), row=row.number)
    result = read_result(row.text("result"), row=row.number)
    laboratory = read_laboratory(row.text("laboratory"), row=row.number)
    cell = row.cells.get("resulted_at")
    if cell not in moments:
        moment = row.moment_in("resulted_at")
        if not 1990 <= moment.year < 9000:
            raise BadTube(
                "result_before_sample",
                _("The date lies before 1990; check the year."),
                field="resulted_at",
                row=row.number,
            )
        moments[cell] = moment.astimezone(UTC)
    return Line(row, code, Told(result, laboratory, moments[cell]))


def _by_tube(lines: Iterable[Line]) -> tuple[list[list[Line]], list[tuple[Row, DubanError]]]:
    """The lines of each tube that agree, and those that contradict one another, of which none is kept."""
    by_code: dict[str, list[Line]] = {}
    for line in lines:
        by_code.setdefault(line.code, []).append(line)
    agreed: list[list[Line]] = []
    against: list[tuple[Row, DubanError]] = []
    for same in by_code.values():
        if len({line.told.result for line in same}) == 1:
            agreed.append(same)
            continue
        numbers = ", ".join(str(line.row.number) for line in same[:10])
        against += [
            (
                line.row,
                BadTube(
                    "tube_twice",
                    _("The rows %(rows)s give one tube different results.") % {"rows": numbers},
                    field="result",
                    row=line.row.number,
                ),
            )
            for line in same
        ]
    return agreed, against


def _lock_tubes(by: Person, codes: Sequence[str]) -> dict[str, Tube]:
    scope = in_towns("town", rights.codes(by, MANAGES))
    found: dict[str, Tube] = {}
    for part in in_parts(sorted(codes)):
        rows = Tube.objects.select_for_update().filter(scope, code__in=part).order_by("code")
        found |= {tube.code: tube for tube in rows}
    return found


def _sort(
    groups: Sequence[Sequence[Line]], tubes: Mapping[str, Tube], now: datetime
) -> tuple[list[tuple[Tube, Told]], int, list[tuple[Row, DubanError]]]:
    """What is new, how many lines say what is known, and the refused. Of a tube's lines the first sound one counts."""
    last = last_swabs(list(tubes.values()))
    news: list[tuple[Tube, Told]] = []
    known = 0
    refused: list[tuple[Row, DubanError]] = []
    for group in groups:
        told = False
        for line in group:
            try:
                tube = tubes.get(line.code)
                if tube is None:
                    raise tube_not_found(field="code", row=line.row.number)
                if is_news(tube, line.told, last.get(tube.pk), now, row=line.row.number) and not told:
                    news.append((tube, line.told))
                    told = True
                else:
                    known += 1
            except DubanError as refusal:
                refused.append((line.row, refusal))
    return news, known, refused
