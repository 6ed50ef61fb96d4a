"""What was accepted from a report, printed again and read again, says the same."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from tests.bulletin.conftest import LATER, make_entry, publish

from duban.access.models import Person
from duban.bulletin import actions, compose, notices, queries
from duban.demo.builders import NOON
from duban.engines.notice import SITE, Draft
from duban.ledger.categories import category_index
from duban.ledger.recording import Finding

PAGE = """环境卫生问题挂账督办

潞县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米

潞县镇谢楼村距谢楼路约291米,距北运河约2756米

宋庄镇大庞村距独光路约17米,距中坝河约890米

永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米

台湖镇农贸市场路台湖环境执法站北侧

潞邑街道潞邑三路依威能源充电站东逸佳苑东侧
"""


@pytest.fixture
def codes(people: dict[str, Person]) -> None:
    listed = Path(notices.__file__).parent.parent / "demo" / "data" / "jurisdictions.csv"
    call_command("load_jurisdictions", str(listed), stdout=io.StringIO())


def facts_of(drafts: Any) -> list[tuple[Any, ...]]:
    """Where each place is, in the words of the list."""
    return sorted(_facts(draft) for draft in drafts if draft.kind == SITE)


def _facts(draft: Draft) -> tuple[Any, ...]:
    return (
        draft.jurisdiction.code if draft.jurisdiction else "",
        draft.road.name if draft.road else "",
        draft.road.distance_m if draft.road else None,
        draft.water.name if draft.water else "",
        draft.water.distance_m if draft.water else None,
    )


def accept(by: Person, drafts: list[dict[str, Any]]) -> list[Any]:
    """Each place put on the ledger as its page proposes it."""
    entries = []
    for draft in drafts:
        finding = Finding(
            id=notices.id_of("00000000-0000-0000-0000-000000000001", draft["number"]),
            category=category_index()["event:06011"],
            lon=116.70,
            lat=39.90,
            datum="wgs84",
            found_at=NOON,
            description=notices.description_for(draft),
            position_source="statement",
            statement=notices.statement_for(draft),
            jurisdiction=draft["jurisdiction"]["code"],
        )
        entries.append(notices.accept_place(by=by, now=NOON, finding=finding).entry)
    return entries


@pytest.mark.parametrize("kind", ["html", "pdf", "docx"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_accepted_places_come_out_of_the_printed_bulletin_as_they_went_in(
    people: dict[str, Person], codes: None, kind: str, language: str
) -> None:
    first = notices.read_text(PAGE)
    report = notices.report_of(first)
    drafts = [draft for article in report["articles"] for draft in article["drafts"] if draft["kind"] == SITE]
    entries = accept(people["supervisor"], drafts)
    issue = actions.draft_issue(by=people["supervisor"], now=LATER)
    issue = publish(issue, by=people["supervisor"], second=people["second"])
    printed = queries.export(issue, kind, language)
    again = notices.read_file(printed, f"issue.{kind}")
    assert facts_of(again.drafts) == facts_of(first.drafts)
    assert len(entries) == 6
    assert all(check.ok for article in again.articles for check in article.checks)


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_accepted_places_come_out_of_the_composed_page_as_they_went_in(
    people: dict[str, Person], codes: None, kind: str
) -> None:
    first = notices.read_text(PAGE)
    report = notices.report_of(first)
    accept(people["supervisor"], [draft for article in report["articles"] for draft in article["drafts"]])
    publish(actions.draft_issue(by=people["supervisor"], now=LATER), by=people["supervisor"], second=people["second"])
    document = compose.document_of_day("110112", LATER.date(), LATER)
    again = notices.read_file(compose.render(document, kind, "zh"), f"page.{kind}")
    assert facts_of(again.drafts) == facts_of(first.drafts)
    assert {draft.kind for draft in again.drafts} <= {SITE, "figure"}


def test_the_own_bulletin_gives_no_finding_that_is_not_in_it(
    people: dict[str, Person], codes: None, entry_in: Callable[..., Any]
) -> None:
    entry_in("closed")
    make_entry(77, "found", by=people["supervisor"], handler=people["handler"], description="堆放建筑垃圾约两车")
    issue = publish(
        actions.draft_issue(by=people["supervisor"], now=LATER), by=people["supervisor"], second=people["second"]
    )
    again = notices.read_file(queries.export(issue, "html", "zh"), "issue.html")
    assert [draft.kind for draft in again.drafts if draft.kind not in ("figure",)] == [SITE, SITE]
