"""The newspaper page of a day: it prints what the records say, alike in both files, and nothing where there is none."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from tests.bulletin.conftest import LATER, publish
from tests.bulletin.test_blocks import inspect
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin import actions, compose
from duban.bulletin.compose import BadPage
from duban.bulletin.models import Issue
from duban.bulletin.notices import read_file
from duban.commons.register.actions import dissolve_organisation, record_organisation
from duban.commons.register.drafts import OrganisationDraft
from duban.ledger.models import Entry
from duban.patrol.brief import Wanted, brief_of, read_span
from duban.places.actions import load_jurisdictions

DAY = date(2021, 1, 18)
AREA = "110112"


def blocks(day: date = DAY, area: str = AREA) -> dict[str, dict[str, Any]]:
    return {block["kind"]: block for block in compose.document_of_day(area, day, LATER)["blocks"]}


def figures(block: dict[str, Any]) -> dict[str, int]:
    return {figure["key"]: figure["said"] for figure in block["figures"]}


def run(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    call_command("compose_page", *command)
    return capsys.readouterr().out.splitlines()[-1]


def test_nothing_on_record_is_refused_and_nothing_written(db: None, towns: None, tmp_path: Path) -> None:
    out = tmp_path / "a.pdf"
    with pytest.raises(CommandError) as wrong:
        call_command("compose_page", "--date", "2021-01-18", "--out", str(out))
    assert (str(wrong.value).partition(":")[0], wrong.value.returncode) == ("nothing_to_print", 1)
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--date", "2021-02-30", "--out", "a.pdf"),
        ("--date", "2021-01-18", "--out", "a.pdf", "--at", "12"),
        ("--date", "2021-01-18", "--out", "a.doc"),
        ("--out", "a.pdf"),
    ],
)
def test_bad_arguments(db: None, towns: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("compose_page", *arguments)


def test_whose_page_it_is_must_be_told_where_it_is_not_clear(people: dict[str, Person], towns: None) -> None:
    assert compose.area_of("") == AREA
    codes = "code,name\n110112000000,通州区\n440199000000,别处县\n"
    load_jurisdictions(by=people["administrator"], now=LATER, data=codes.encode(), name="a.csv")
    with pytest.raises(BadPage) as refused:
        compose.area_of("")
    assert refused.value.code == "area_needed"
    assert compose.area_of("440199") == "440199"


def test_the_inspection_is_the_brief(people: dict[str, Person], towns: None) -> None:
    rows = [("甲店", "110112104", "fail"), ("乙店", "110112104", "pass"), ("丙店", "110112003", "fail")]
    inspect(people["supervisor"], *rows)
    found = brief_of(Wanted(read_span("2021-01-18", "2021-01-18"), codes=(AREA,)))
    said = figures(blocks()["exposure"])
    assert said == {
        "towns": found.towns_inspected, "town_problems": found.town_problems,
        "streets": found.streets_inspected, "street_problems": found.street_problems,
    }  # fmt: skip
    # Nobody has agreed yet to expose them, so nobody is named.
    text = json.dumps(compose.document_of_day(AREA, DAY, LATER), ensure_ascii=False)
    assert not re.search("甲店|乙店|丙店", text)
    assert "exposure" in blocks(DAY + timedelta(days=6))
    with pytest.raises(BadPage):
        blocks(DAY + timedelta(days=7))


def test_the_hygiene_column_is_the_issue_of_the_day_or_what_the_next_would_hold(
    people: dict[str, Person], towns: None, entry_in: Callable[..., Any]
) -> None:
    entry_in("closed")
    entry_in("listed")
    before = compose.document_of_day(AREA, DAY, LATER)
    assert (before["blocks"][0]["number"], before["counts"]) == (1, {"rectified": 1, "new": 1})
    out = publish(
        actions.draft_issue(by=people["supervisor"], now=LATER), by=people["supervisor"], second=people["second"]
    )
    entry_in("listed")
    same = compose.document_of_day(AREA, DAY, LATER)
    assert same["sections"] == json.loads(out.document)["sections"]
    Entry.objects.filter(pk=out.items.filter(section="new").get().entry_id).update(statement="改过的地方")
    assert compose.document_of_day(AREA, DAY, LATER)["sections"] == same["sections"]
    later = compose.document_of_day(AREA, DAY + timedelta(days=30), LATER)
    assert (later["blocks"][0]["number"], later["counts"]) == (2, {"rectified": 0, "new": 1})
    assert "1" in later["blocks"][0]["text"]["zh"]


def test_organisations_are_counted_as_they_stand(people: dict[str, Person], towns: None) -> None:
    by = people["community_worker"]
    made = [
        record_organisation(
            by=by, now=LATER,
            draft=OrganisationDraft(
                name=f"第{number}队", members="7", tier="guided", category="culture",
                jurisdiction="110112104", kind="team"
            ),
        )
        for number in range(3)
    ]  # fmt: skip
    assert figures(blocks()["organisations"]) == {"organisations": 3, "members": 21}
    dissolve_organisation(by=by, now=LATER, organisation_id=made[0].pk, on=DAY, reason="合并")
    assert figures(blocks()["organisations"]) == {"organisations": 2, "members": 14}


def test_both_files_say_the_same_and_are_read_back(
    people: dict[str, Person],
    towns: None,
    entry_in: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inspect(people["supervisor"], ("甲店", "110112104", "fail"), ("丙店", "110112003", "pass"))
    statement = "宋庄镇大庞村距独光路约17米,距中坝河约890米"
    entry_in("listed", statement=statement)
    html, pdf = tmp_path / "a.html", tmp_path / "a.pdf"
    asked = ("--date", "2021-01-18", "--out")
    assert run(capsys, *asked, str(html)) == str(html)
    told = json.loads(run(capsys, *asked, str(pdf), "--json"))
    assert [block["kind"] for block in told["blocks"]] == ["exposure", "hygiene"]
    document = pypdfium2.PdfDocument(pdf.read_bytes())
    assert len(document) == 1
    width, height = document[0].get_size()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (390, 540)
    printed = "".join(document[0].get_textpage().get_text_bounded().split())
    web = html.read_text(encoding="utf-8")
    for words in ("共发现问题1处", "第1期", statement, "2021年1月18日", "星期一"):
        assert "".join(words.split()) in printed
        assert words in web
    again = tmp_path / "b.pdf"
    run(capsys, *asked, str(again))
    assert again.read_bytes() == pdf.read_bytes()
    notice = read_file(html.read_bytes(), "a.html")
    sites = [draft for draft in notice.drafts if draft.kind == "site"]
    assert [draft.text for draft in sites] == [statement]
    assert all(check.ok for article in notice.articles for check in article.checks if "问题" not in check.text)


def test_a_page_in_english(
    people: dict[str, Person], towns: None, entry_in: Callable[..., Any], tmp_path: Path
) -> None:
    entry_in("listed")
    for name in ("a.html", "a.pdf"):
        call_command("compose_page", "--date", "2021-01-18", "--out", str(tmp_path / name), "--language", "en")
    assert "[1 newly found" not in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "18 January 2021" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_the_page_on_the_desk(people: dict[str, Person], towns: None, entry_in: Callable[..., Any]) -> None:
    entry_in("listed")
    client = Client()
    client.force_login(people["leader"])
    answer = client.get("/bulletins/desk/page/?day=2021-01-18")
    assert answer.status_code == 200
    assert "宋庄镇徐辛庄村距徐宋路" in answer.content.decode()
    assert client.get("/bulletins/desk/page/?day=2021-01-18&as=pdf").content.startswith(b"%PDF")
    assert client.get("/bulletins/desk/page/?day=soon").status_code == 400
    assert client.get("/bulletins/desk/page/?day=1999-01-01").status_code == 200
    client.force_login(people["stranger"])
    assert "徐辛庄" not in client.get("/bulletins/desk/page/?day=2021-01-18").content.decode()
    assert Issue.objects.count() == 0
