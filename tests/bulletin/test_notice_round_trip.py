"""What was accepted from a report, printed again and read again, says the same."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from tests.bulletin.conftest import LATER, make_entry, publish

from duban.access.models import Person
from duban.bulletin import actions, compose, notices, queries
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee
from duban.demo.builders import NOON
from duban.engines.notice import DECISION, FINDING, SITE, Draft
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

DAY = """# 区疫情防控工作领导小组召开第九十八次会议

会议要求，要立即启动对大兴区天宫院街道来通人员的摸排，第一时间安排进行核酸检测。对于到过天宫院街道融汇社区的人员，要按照要求立即落实集中隔离医学观察等管控措施。会议强调，纳入管控范围的人员进行核酸检测后，要就地隔离观察，等待检测结果。

# 一商业街多数商铺无到访信息登记簿

指导组对11个乡镇落实农村地区防疫措施开展检查指导，共发现问题5处。分别是：宋庄镇疃里大街丛林美食、驾校外环路拉面馆、魅力妙剪未严格扫码登记，个别工作人员未佩戴口罩；台湖镇兴武林村便民综合批发超市未张贴健康宝二维码、无体温枪；马驹桥镇兴华街中街兴鑫便利店无测温、无消杀记录。

指导组还检查了各街道经营场所防控措施落实情况，发现问题2处。分别是：北苑街道翠屏西路首讯拓展网咖内个别顾客未佩戴口罩，并有室内吸烟现象；北苑街道新华西街万达金街大多数商铺未设置到访信息登记簿。

# 清除卫生死角

""" + PAGE.partition("\n\n")[2]
"""A meeting with its orders, seven places with problems, six others: a page in a newspaper's words."""


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


def told_by(drafts: Any) -> dict[str, list[tuple[Any, ...]]]:
    """All that was read but for where in the text it stands: what is wrong where, what was ordered, where sites are."""
    told: dict[str, list[tuple[Any, ...]]] = {"finding": [], "decision": [], "site": facts_of(drafts)}
    for draft in drafts:
        unit = draft.jurisdiction.code if draft.jurisdiction else ""
        if draft.kind == FINDING:
            told["finding"].append((draft.venue, unit, sorted(draft.problems), draft.measure))
        elif draft.kind == DECISION:
            told["decision"].append((draft.value, draft.place, draft.measure))
    return {kind: sorted(facts) for kind, facts in told.items()}


def hold_meeting(by: Person, second: Person, number: int, drafts: list[dict[str, Any]]) -> None:
    """The meeting of that number, with each order recorded as its page proposes it, and its minutes approved."""
    said: dict[str, Any] = {"by": by, "now": LATER}
    body = decisions.make_body(kind="leading_group", name="区疫情防控工作领导小组", jurisdiction="110112", **said)
    meeting = decisions.plan_meeting(by=by, now=NOON - timedelta(days=1), body_id=body.pk, at=NOON, number=number)
    who = (Attendee("chair", "王某某", "区委书记"),)
    decisions.hold_meeting(meeting_id=meeting.pk, attendance=who, **said)
    for draft in drafts:
        notices.accept_order(
            meeting_id=meeting.pk, decision_id=notices.id_of("00000000-0000-0000-0000-000000000001", draft["number"]),
            text="".join(draft["text"].split()), jurisdiction="110112", **said,
        )  # fmt: skip
    decisions.write_minutes(meeting_id=meeting.pk, minutes="会议研究了疫情防控工作。", **said)
    decisions.approve_minutes(by=second, now=LATER, meeting_id=meeting.pk)


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


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_findings_orders_and_places_come_out_of_the_composed_page_as_they_went_in(
    people: dict[str, Person], codes: None, kind: str
) -> None:
    first = notices.read_text(DAY)
    drafts = [draft for article in notices.report_of(first)["articles"] for draft in article["drafts"]]
    told = told_by(first.drafts)
    assert {name: len(facts) for name, facts in told.items()} == {"finding": 7, "decision": 3, "site": 6}
    assert {value for value, _place, _measure in told["decision"]} == {98}
    accept(people["supervisor"], [draft for draft in drafts if draft["kind"] in (SITE, FINDING)])
    orders = [draft for draft in drafts if draft["kind"] == DECISION]
    hold_meeting(people["supervisor"], people["leader"], 98, orders)
    document = compose.document_of_day("110112", LATER.date(), LATER)
    again = notices.read_file(compose.render(document, kind, "zh"), f"page.{kind}")
    assert told_by(again.drafts) == told
    assert 98 in {draft.value for draft in again.drafts if draft.kind == "figure"}


def test_a_venue_without_a_place_of_its_own_keeps_its_unit(people: dict[str, Person], codes: None) -> None:
    first = notices.read_text(DAY)
    drafts = {draft["venue"]: draft for article in notices.report_of(first)["articles"] for draft in article["drafts"]}
    assert notices.statement_for(drafts["魅力妙剪"]) == "宋庄镇魅力妙剪"
    village = {"code": "110112104212", "name": "疃里村委会"}
    assert notices.statement_for(drafts["魅力妙剪"] | {"jurisdiction": village}) == "宋庄镇疃里村魅力妙剪"
    assert notices.statement_for(drafts["魅力妙剪"] | {"confidence": 0.3}) == "魅力妙剪", "unsure: nothing is claimed"


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
