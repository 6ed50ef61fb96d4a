"""The table of organisations: found again, kept where good, reported where odd, and never twice."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from tests.commons.register.test_codes import make_code

from duban.access.models import Person
from duban.commons.models import LifeEvent, Organisation, OrganisationCategory
from duban.commons.register.importing import COLUMNS, Imported, import_organisations
from duban.core.errors import NotAllowed
from duban.core.models import AuditRecord
from duban.core.tables import BadTable
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
CODE = make_code("5", "1", "110112", "MJ012345")
ROW = {
    "name": "玉桥小红帽服务队", "tier": "filed", "credit_code": "", "filing_number": "YQ-001", "category": "社区事务",
    "jurisdiction": "110112005001", "members": "32", "founded": "2014-05-01", "kind": "team",
}  # fmt: skip


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def table(*rows: dict[str, Any]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**ROW, **row} for row in rows)
    return file.getvalue().encode()


def take(worker: Person, *rows: dict[str, Any], days: int = 0) -> Imported:
    return import_organisations(by=worker, now=NOON + timedelta(days=days), data=table(*rows), name="a.csv")


def codes(done: Imported) -> list[str]:
    return [refusal.code for _row, refusal in done.refused]


def test_a_replay_changes_nothing(worker: Person) -> None:
    first = take(worker, {}, {"name": "情暖夕阳工作室", "filing_number": "", "kind": "工作室"})
    assert (first.taken, first.updated, first.unchanged, first.refused) == (2, 0, 0, [])
    again = take(worker, {}, {"name": "情暖夕阳工作室", "filing_number": "", "kind": "工作室"}, days=1)
    assert (again.taken, again.updated, again.unchanged) == (0, 0, 2)
    assert LifeEvent.objects.count() == 2


def test_what_a_row_leaves_out_stays(worker: Person) -> None:
    take(worker, {"credit_code": CODE})
    done = take(worker, {"credit_code": "", "kind": "", "members": "", "founded": "", "tier": "登记"}, days=1)
    assert codes(done) == ["number_missing"]
    done = take(worker, {"credit_code": CODE, "kind": "", "members": "", "tier": "登记", "filing_number": ""}, days=1)
    assert done.updated == 1
    found = Organisation.objects.get()
    assert (found.tier, found.kind, found.members, found.filing_number) == ("registered", "team", 32, "YQ-001")
    assert CODE.lower() in found.search
    assert "yq-001" in found.search
    tier = LifeEvent.objects.get(what="tier")
    assert (tier.before, tier.after, tier.on) == ("filed", "registered", date(2021, 1, 19))


def test_a_new_name_under_the_same_number_is_the_same_organisation(worker: Person) -> None:
    take(worker, {})
    assert take(worker, {"name": "小红帽志愿服务队"}).updated == 1
    found = Organisation.objects.get()
    assert found.name == "小红帽志愿服务队"
    assert "xiaohongmao" in found.search
    assert LifeEvent.objects.filter(what="name").count() == 1


def test_one_name_with_other_numbers_is_another_organisation(worker: Person) -> None:
    take(worker, {})
    assert take(worker, {"filing_number": "YQ-002"}).taken == 1
    assert Organisation.objects.count() == 2


def test_numbers_of_two_organisations_are_refused(worker: Person) -> None:
    take(worker, {"credit_code": CODE, "filing_number": ""}, {"name": "十姐妹工作室"})
    done = take(worker, {"credit_code": CODE, "filing_number": "YQ-001"})
    assert codes(done) == ["numbers_of_two"]


def test_bad_rows_are_refused_and_good_ones_kept(worker: Person) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "name_missing"),
        ({"tier": "很高"}, "unknown_tier"),
        ({"kind": "合唱"}, "unknown_kind"),
        ({"members": "许多"}, "bad_members"),
        ({"members": "-3"}, "bad_members"),
        ({"founded": "2031-01-01"}, "founded_later"),
        ({"founded": "去年"}, "bad_time"),
        ({"credit_code": CODE[:-1] + ("0" if CODE[-1] != "0" else "1")}, "code_check"),
        ({"credit_code": "123"}, "code_length"),
        ({"jurisdiction": "通州"}, "bad_code"),
        ({"jurisdiction": "110113001"}, "outside_scope"),
        ({"category": ""}, "category_missing"),
        ({"name": "长" * 101}, "bad_text"),
    ]
    done = take(worker, *(row for row, _code in bad), {"name": "好邻居"})
    assert codes(done) == [code for _row, code in bad]
    assert [row.number for row, _refusal in done.refused] == list(range(2, 15))
    assert done.taken == 1
    assert Organisation.objects.get().name == "好邻居"


def test_odd_rows_are_kept_and_reported(worker: Person) -> None:
    take(worker, {"name": "玉桥街道夕阳红合唱团", "filing_number": ""})
    done = take(
        worker,
        {"name": "玉桥街道夕阳红合唱队", "filing_number": "", "members": "4"},
        {"name": "便民帮", "filing_number": ""},
    )
    assert done.taken == 2
    assert [(row.number, odd.code) for row, odd in done.warnings] == [(2, "few_members"), (2, "name_alike")]


def test_an_unknown_category_becomes_a_local_one_once(worker: Person) -> None:
    take(worker, {"category": "楼门文化"}, {"name": "指南针", "filing_number": "", "category": "楼门文化"})
    take(worker, {"name": "便民帮", "filing_number": "", "category": " 楼门文化 "})
    found = OrganisationCategory.objects.get(local=True)
    assert (found.name, found.organisations.count()) == ("楼门文化", 3)


def test_who_keeps_no_organisations_takes_none(worker: Person) -> None:
    with pytest.raises(NotAllowed):
        take(make_person("reader", "leader"), {})
    elsewhere = make_person("elsewhere", "community_worker", "110113")
    take(worker, {"credit_code": CODE, "filing_number": ""})
    done = take(elsewhere, {"credit_code": CODE, "jurisdiction": "110113001", "filing_number": ""})
    assert codes(done) == ["outside_scope"]


def test_a_file_that_is_no_table_of_organisations(worker: Person) -> None:
    with pytest.raises(BadTable) as refusal:
        import_organisations(by=worker, now=NOON, data=b"a,b\n1,2\n", name="a.csv")
    assert refusal.value.code == "columns_missing"


def test_the_command_reports_by_row(worker: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(COLUMNS))
    book.active.append([ROW[column] for column in COLUMNS])
    book.active.append([*[ROW[column] for column in COLUMNS][:6], "x", "", ""])
    file = tmp_path / "organisations.xlsx"
    book.save(file)
    call_command("import_organisations", str(file), by="worker", json=True)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    report = str(tmp_path / "organisations.refused.csv")
    expected = {"taken": 1, "updated": 0, "unchanged": 0, "refused": 1, "report": report, "warnings": 0}
    assert result == expected
    refused = list(csv.DictReader((tmp_path / "organisations.refused.csv").read_text("utf-8-sig").splitlines()))
    assert refused[0]["name"] == ROW["name"]
    assert AuditRecord.objects.filter(action="import_organisations").count() == 1
