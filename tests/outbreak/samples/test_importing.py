"""A laboratory's table of results: words and headings as they come, every refusal, replay, and thousands of rows."""

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.outbreak.samples.building import LAB, OTHER, fill_tube, make_files, make_stock, waiting

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import CaseFile, Task, Tube
from duban.outbreak.samples import actions, codes
from duban.outbreak.samples.importing import ImportedResults

pytestmark = pytest.mark.django_db
NOW = NOON + timedelta(hours=8)
WHEN = "2021-01-18 18:00"


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", "110112")


def table(*rows: tuple[str, ...], head: str = "code,result,laboratory,resulted_at") -> bytes:
    return "\n".join([head, *(",".join(row) for row in rows)]).encode()


def take(by: Person, data: bytes, name: str = "a.csv", **more: Any) -> ImportedResults:
    return actions.import_results(by=by, now=NOW, data=data, name=name, **more)


def told(done: ImportedResults) -> tuple[int, int, list[tuple[int, str]]]:
    return done.taken, done.unchanged, [(row.number, refusal.code) for row, refusal in done.refused]


def test_a_workbook_with_the_laboratorys_own_words(officer: Person) -> None:
    pools = [make_files(3) for _number in range(4)]
    tubes = [fill_tube(officer, files) for files in pools]
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["试管编号", "检测结果", "检测机构", "报告时间", "备注"])
    for tube, word in zip(tubes, ("阴性", "阳性", "灰区", "无效"), strict=True):
        sheet.append([codes.spaced(tube.code), word, LAB, "2021年1月18日 18时00分", "复核"])
    file = io.BytesIO()
    book.save(file)
    done = take(officer, file.getvalue(), "结果.xlsx")
    assert told(done) == (4, 0, [])
    assert done.again == 9
    assert done.by_result == {"negative": 1, "grey": 1, "positive": 1, "invalid": 1}
    assert [row[0] is None for row in map(waiting, pools)] == [True, False, False, False]
    assert Tube.objects.get(pk=tubes[0].pk).resulted_at == NOON + timedelta(hours=6)
    assert told(take(officer, file.getvalue(), "结果.xlsx")) == (0, 4, [])
    assert Task.objects.filter(slot__startswith="re").count() == 9
    assert AuditRecord.objects.filter(action="import_results").count() == 1


def test_bad_rows_come_back_and_good_ones_are_kept(officer: Person) -> None:
    good, other, theirs, unsealed, voided, done = (
        fill_tube(officer, make_files(1), size=1) if number != 3 else
        actions.open_tube(by=officer, now=NOON, size=5, town=OTHER)
        for number in range(6)
    )  # fmt: skip
    actions.void_tube(by=officer, now=NOON, tube_id=voided.pk)
    Tube.objects.filter(pk=theirs.pk).update(town="440199101")
    take(officer, table((done.code, "阴性", LAB, WHEN)))
    typo = done.code[:-2] + str((int(done.code[-2]) + 1) % 10) + done.code[-1]
    head = "11011221009999"
    answer = take(
        officer,
        table(
            (good.code, "negative", LAB, WHEN),
            (typo, "阴性", LAB, WHEN),
            (head + codes.check_character(head), "阴性", LAB, WHEN),
            (theirs.code, "阴性", LAB, WHEN),
            (unsealed.code, "阴性", LAB, WHEN),
            (voided.code, "阴性", LAB, WHEN),
            (done.code, "阳性", LAB, WHEN),
            (done.code, "", LAB, WHEN),
            (other.code, "好", LAB, WHEN),
            (other.code, "阴性", "", WHEN),
            (other.code, "阴性", LAB, "soon"),
            (other.code, "阴性", LAB, "2031-01-18 18:00"),
            (other.code, "阴性", LAB, "2021-01-17 18:00"),
        ),
    )
    assert told(answer) == (
        1,
        0,
        [
            (3, "bad_tube_code"),
            (4, "tube_not_found"),
            (5, "tube_not_found"),
            (6, "tube_not_sealed"),
            (7, "tube_voided"),
            (8, "result_stands"),
            (9, "result_missing"),
            (10, "unknown_result"),
            (11, "laboratory_missing"),
            (12, "bad_time"),
            (13, "result_in_future"),
            (14, "result_before_sample"),
        ],
    )


def test_two_rows_that_contradict_are_both_refused(officer: Person) -> None:
    tube = fill_tube(officer, make_files(1), size=1)
    done = take(officer, table((tube.code, "阴性", LAB, WHEN), (tube.code, "阳性", LAB, WHEN)))
    assert told(done) == (0, 0, [(2, "tube_twice"), (3, "tube_twice")])
    assert Tube.objects.get(pk=tube.pk).result == ""
    assert told(take(officer, table(*[(tube.code, "阴性", LAB, WHEN)] * 2))) == (1, 1, [])


def test_all_or_nothing_if_asked_for(officer: Person) -> None:
    tube = fill_tube(officer, make_files(1), size=1)
    data = table((tube.code, "阴性", LAB, WHEN), ("1", "阴性", LAB, WHEN))
    assert told(take(officer, data, keep_good=False)) == (0, 0, [(3, "bad_tube_code")])
    seen = actions.check_results(by=officer, now=NOW, data=data, name="a.csv")
    assert told(seen) == (1, 0, [(3, "bad_tube_code")])
    assert Tube.objects.get(pk=tube.pk).result == ""


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.csv", "file_empty"),
        (b"tube,what\n1,2\n", "a.csv", "columns_missing"),
        (b"\x00\x01", "a.csv", "file_not_a_table"),
        (b"PK\x03\x04no", "a.xlsx", "file_not_a_table"),
        (b"code,code,result,laboratory,resulted_at\n", "a.csv", "column_twice"),
    ],
)
def test_a_file_that_is_no_table_is_refused(officer: Person, data: bytes, name: str, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        take(officer, data, name)
    assert refusal.value.code == code


def test_only_who_manages_samples_brings_results(officer: Person) -> None:
    worker = make_person("worker", "community_worker", "110112")
    with pytest.raises(DubanError) as refusal:
        take(worker, table())
    assert refusal.value.code == "not_allowed"


def test_thousands_of_tubes_ask_no_query_a_row(officer: Person) -> None:
    tubes = make_stock(officer, 2000)
    words = ("阴性", "阴性", "阴性", "阳性", "灰区")
    rows = [(tube.code, words[place % 5], LAB, WHEN) for place, tube in enumerate(tubes)]
    with CaptureQueriesContext(connection) as asked:
        done = take(officer, table(*rows))
    assert told(done) == (2000, 0, [])
    assert len(asked) < 100
    assert CaseFile.objects.filter(waiting_since=None).count() == 1200
    assert Task.objects.filter(slot="re1").count() == 800
    assert told(take(officer, table(*rows))) == (0, 2000, [])
