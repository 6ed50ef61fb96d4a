import pytest

from duban.engines.locate import Gazetteer, kind_from_name, town_name, trim_code, village_name
from duban.engines.locate.names import clean, village_key


@pytest.mark.parametrize(
    ("listed", "kind", "printed"),
    [
        ("大沙务村村委会", "village", "大沙务村"),
        ("李辛庄村委会", "village", "李辛庄村"),
        ("李辛庄村民委员会", "village", "李辛庄村"),
        ("李辛庄", "village", "李辛庄村"),
        ("葛布店南里社区居委会", "community", "葛布店南里社区"),
        ("土桥社区居民委员会", "community", "土桥社区"),
        ("东关居委会", "community", "东关社区"),
        ("东关", "community", "东关"),
        ("北苑社区", "village", "北苑社区"),
        ("牛堡屯 村委会", "village", "牛堡屯村"),
        ("国营农场", "village", "国营农场"),
        ("村委会", "village", "村委会村"),
        ("Monte  Carlo ", "village", "Monte Carlo"),
        ("", "village", ""),
    ],
)
def test_how_villages_are_printed(listed, kind, printed):
    assert village_name(listed, kind) == printed


def test_spellings_of_one_village_share_a_key():
    assert {village_key(name) for name in ("大庞村村委会", "大庞村", "大庞", "大庞村民委员会", " 大庞 村")} == {"大庞"}
    assert village_key("１２连") == village_key("12连村")
    assert village_key("村") == "村"


def test_names_are_printed_as_loaded():
    assert clean(" 京 沪　高速\n") == "京沪高速"
    assert clean("Boulevard  Albert 1er") == "Boulevard Albert 1er"
    assert clean("８０号楼") == "８０号楼"
    assert clean(None) == ""


@pytest.mark.parametrize(
    ("listed", "printed"),
    [
        ("西集镇", "西集镇"), ("北苑街道办事处", "北苑街道"), ("梨园地区办事处", "梨园地区"),
        ("西集镇人民政府", "西集镇"), ("人民政府", "人民政府"), ("于家务回族乡", "于家务回族乡"),
    ],
)  # fmt: skip
def test_how_towns_are_printed(listed, printed):
    assert town_name(listed) == printed


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("北京市", "1101", "city"), ("通州区", "110112", "county"), ("北苑街道", "110112003", "street"),
        ("梨园地区办事处", "110112121", "area"), ("西集镇", "110112110", "town"),
        ("于家务回族乡", "110112209", "township"), ("某某开发区", "110112400", "town"),
        ("大庞村村委会", "110112104245", "village"),
        ("土桥社区居民委员会", "110112105001", "community"), ("一格", "110112105001001", "grid"),
        # A community in a village's range of codes: only the name tells.
        ("东关居委会", "110112104245", "community"),
    ],
)  # fmt: skip
def test_the_kind_is_read_from_the_name(name, code, kind):
    assert kind_from_name(name, code) == kind


@pytest.mark.parametrize(
    ("given", "trimmed"),
    [
        ("440199101000", "440199101"), ("440199000000", "440199"), ("440199101201", "440199101201"),
        (" 440199 ", "440199"), ("100000", "100000"), ("440199000000000", "440199"),
        ("", ""), (None, ""), ("4401a9", ""), ("４４０１９９", ""),
    ],
)  # fmt: skip
def test_trailing_groups_of_zeros_say_nothing(given, trimmed):
    assert trim_code(given) == trimmed


LIST = Gazetteer.build(
    ["110112104", "110112104201", "110112104202", "110112104001", "110112105201", "110112105202", "x"],
    ["宋庄镇", "富豪村委会", "小堡村村委会", "富豪社区居委会", "小堡村委会", "独村村委会", "废"],
)


@pytest.mark.parametrize(
    ("name", "within", "code", "problem"),
    [
        ("小堡", "110112104", "110112104202", ""),
        ("小堡村", "110112105", "110112105201", ""),
        ("小堡", "", None, "ambiguous"),
        ("独村", "", "110112105202", ""),
        ("独村", "110112104", None, "not_listed"),
        ("富豪村", "110112104", "110112104201", ""),
        ("富豪社区", "110112104", "110112104001", ""),
        ("富豪", "110112104", "110112104201", ""),
        ("宋庄镇", "", None, "not_listed"),
        ("", "", None, "not_listed"),
    ],
)
def test_which_village_a_name_means(name, within, code, problem):
    match = LIST.village(name, within)
    assert (match.unit and match.unit.code, match.problem) == (code, problem)


def test_the_list_fills_in_kinds_and_drops_what_is_no_code():
    assert {unit.kind for unit in LIST.units.values()} == {"town", "village", "community"}
    assert LIST.find("x") is None
