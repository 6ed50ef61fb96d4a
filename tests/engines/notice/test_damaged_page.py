"""A scanned page with the slips that scans have: broken columns, lost and mistaken characters, captions twice."""

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from duban.engines.notice import DECISION, FIGURE, FINDING, SITE, UNSURE, Draft, Gazetteer, read_notice

with files("duban.demo").joinpath("data/jurisdictions.csv").open(encoding="utf-8") as listed:
    CODES = Gazetteer.build((row["code"], row["name"]) for row in csv.DictReader(listed))

# Statement as scanned, code, road and metres, water and metres.
STATEMENTS = [
    ("潞县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米", "110112106251", "李辛庄西南路", 27, "大梁沟", 1173),
    ("梨园地区群芳中一街群芳三园西区80号楼北侧", "110112121", "群芳中一街", None, None, None),
    ("潞县镇长凌营村距长凌营环路约124米,距北运河约465米", "110112106213", "长凌营环路", 124, "北运河", 465),
    ("潞县镇谢楼村距谢楼路约291米,距北运河约2756米", "110112119252", "谢楼路", 291, "北运河", 2756),
    ("潞邑街道潞邑三路依威能源充电站东逸佳苑东侧", "110112013", "潞邑三路", None, None, None),
    ("马驹桥镇神驹村距京沪高速约60米,距通大边沟约16米", "110112109249", "京沪高速", 60, "通大边沟", 16),
    ("宋庄镇大庞村距独光路约17米,距中坝河约890米", "110112104245", "独光路", 17, "中坝河", 890),
    ("台湖镇农贸市场路台湖环境执法站北侧", "110112114", "农贸市场路", None, None, None),
    ("西集镇大沙务村距潮河大堤路约225米,距牛屯引河约325米", "110112110223", "潮河大堤路", 225, "牛屯引河", 325),
    ("永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米", "110112117237", "熬硝营西环路", 82, "通大边沟", 536),
]

PAGE = (Path(__file__).parent / "cases" / "damaged_page.txt").read_text(encoding="utf-8")
PAGE += "\n\n\n\n".join(line for line, *_rest in STATEMENTS) + "\n\n\n(区城市管理委员会发布第192期)"


def of_kind(text: str, kind: str) -> list[Draft]:
    return [draft for draft in read_notice(text, CODES).drafts if draft.kind == kind]


def code_of(draft: Draft) -> str:
    return draft.jurisdiction.code if draft.jurisdiction else ""


def test_all_ten_statements_are_read_with_their_distances_and_the_village_decides_the_town() -> None:
    sites = of_kind(PAGE, SITE)
    assert [
        (
            site.text,
            code_of(site),
            site.road and site.road.name,
            site.road and site.road.distance_m,
            site.water and site.water.name,
            site.water and site.water.distance_m,
        )
        for site in sites
    ] == STATEMENTS


def test_damaged_names_are_settled_but_less_surely_than_whole_ones() -> None:
    sites = of_kind(PAGE, SITE)
    assert all(UNSURE <= site.confidence < 0.9 for site in sites if "潞县" in site.text)
    assert all(site.confidence >= 0.9 for site in sites if "潞县" not in site.text)


def test_all_seven_findings_with_their_finest_unit() -> None:
    assert [(draft.venue, code_of(draft), draft.problems) for draft in of_kind(PAGE, FINDING)] == [
        ("丛林美食", "110112104", ("未严格扫码登记", "个别工作人员未佩戴口罩")),
        ("拉面馆", "110112104", ("未严格扫码登记", "个别工作人员未佩戴口罩")),
        ("魅力妙剪", "110112104", ("未严格扫码登记", "个别工作人员未佩戴口罩")),
        ("社区便民综合批发超市", "110112114220", ("未张贴健康宝二维码", "无体温枪")),
        ("兴鑫便利店", "110112109", ("无测温", "无消杀记录")),
        ("首讯拓展网咖", "110112003", ("个别顾客未佩戴口罩", "室内吸烟")),
        ("万达金街", "110112003", ("大多数商铺未设置到访信息登记簿",)),
    ]


def test_a_street_is_not_its_sub_district() -> None:
    mall = next(draft for draft in of_kind(PAGE, FINDING) if draft.venue == "万达金街")
    assert mall.confidence < UNSURE


def test_claimed_counts_are_held_against_what_was_found() -> None:
    checks = [check.to_dict() for article in read_notice(PAGE, CODES).articles for check in article.checks]
    assert checks == [
        {"said": 5, "found": 5, "ok": True},
        {"said": 2, "found": 2, "ok": True},
        {"said": 10, "found": 10, "ok": True},
    ]


def test_a_statement_that_is_missing_shows_in_the_count() -> None:
    (check,) = [
        check
        for article in read_notice(PAGE.replace(STATEMENTS[3][0], ""), CODES).articles
        for check in article.checks
        if check.said == 10
    ]
    assert (check.found, check.ok) == (9, False)


def test_places_are_counted_and_not_what_is_wrong_in_one_of_them() -> None:
    text = "检查发现问题2处。其中:北苑街道翠屏西路首讯拓展网咖顾客未戴口罩,室内有人吸烟。"
    (check,) = read_notice(text, CODES).articles[0].checks
    assert (check.said, check.found) == (2, 1)
    (check,) = read_notice(text.replace("问题2处", "2个问题"), CODES).articles[0].checks
    assert (check.said, check.found) == (2, 2)


def test_columns_that_stand_side_by_side_are_read_one_after_the_other() -> None:
    text = (
        "宋庄镇大庞村:          西集镇大沙务村:\n"
        "村口垃圾桶             距潮河堤路225米\n"
        "满溢                   路边倾倒渣土\n"
        "马驹桥镇神驹村:        永乐店镇熬硝营村:\n"
        "路边堆物               村东暴露垃圾\n"
    )
    drafts = [draft for article in read_notice(text, CODES).articles for draft in article.drafts]
    told = {
        draft.jurisdiction.name.removesuffix("村委会").removesuffix("村"): "".join(draft.problems)
        for draft in drafts
        if draft.jurisdiction
    }
    assert set(told) == {"大庞", "神驹", "大沙务", "熬硝营"}
    assert "满溢" in told["大庞"]
    assert "堆物" in told["神驹"]
    assert "暴露垃圾" in told["熬硝营"]
    assert all(draft.text == text[slice(*draft.span)] for draft in drafts)


def test_a_table_with_blanks_between_its_cells_is_no_page_in_columns() -> None:
    text = (
        "环境问题通报\n宋庄镇大庞村          村口垃圾桶满溢\n"
        "西集镇大沙务村        路边倾倒渣土\n马驹桥镇神驹村        村东暴露垃圾\n"
    )
    drafts = [draft for article in read_notice(text, CODES).articles for draft in article.drafts]
    assert [draft.jurisdiction.code[:9] for draft in drafts if draft.jurisdiction] == [
        CODES.forms[town][0].code for town in ("宋庄镇", "西集镇", "马驹桥镇")
    ]


def test_the_meeting_its_orders_and_the_figures() -> None:
    orders = of_kind(PAGE, DECISION)
    assert [order.value for order in orders] == [98, 98]
    assert "天宫院街道来通人员的摸排" in orders[0].text
    assert orders[1].place == "天宫院街道融汇社区"
    assert not any(order.jurisdiction for order in orders), "another district's place has no code here"
    figures = {(draft.measure, draft.value) for draft in of_kind(PAGE, FIGURE)}
    assert figures >= {
        ("社区社会组织", 5041),
        ("社区社会组织", 298),
        ("社团", 100),
        ("文化工作室", 100),
        ("成员", 11000),
        ("区疫情防控工作领导小组会议次数", 98),
    }


def test_captions_printed_twice_are_one_place() -> None:
    doubled = PAGE.replace(STATEMENTS[6][0], f"{STATEMENTS[6][0]}\n\n{STATEMENTS[6][0]}")
    assert len(of_kind(doubled, SITE)) == 10


@pytest.mark.parametrize("gap", ["\n", "\n\n", " \n\n\n "])
@pytest.mark.parametrize("where", range(4, 24, 3))
def test_a_statement_broken_anywhere_is_still_one(where: int, gap: str) -> None:
    whole = STATEMENTS[8][0]
    (site,) = of_kind(f"本期挂账:\n\n{whole[:where]}{gap}{whole[where:]}\n\n以上。", SITE)
    assert (code_of(site), site.road.distance_m, site.water.distance_m) == ("110112110223", 225, 325)
    assert "".join(site.text.split()) == whole


# A town that the scan damaged with a village of several towns, or a village that the town does not have.
@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("漷县镇谢楼村", "110112119252"),
        ("宋庄镇神驹村", ""),
        ("潞县镇不存在村", "110112106"),
        ("北山镇大沙务村", ""),
        ("西集镇大沙务村", "110112110223"),
        ("西集镇西沙务村", "110112110"),
        ("西集大沙务村", "110112110223"),
        ("西集镇大砂务村", "110112110223"),
    ],
)
def test_what_cannot_be_told_is_unsure_and_never_surely_wrong(place: str, code: str) -> None:
    (site,) = of_kind(f"{place}距某路约27米,距某河约300米", SITE)
    assert code_of(site) in (code, "")
    if place not in ("西集镇大沙务村", "西集大沙务村", "西集镇大砂务村"):
        assert site.confidence < UNSURE or code_of(site) == code[:9]
