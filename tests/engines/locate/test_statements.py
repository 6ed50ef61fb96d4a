"""The ten statements of bulletin 192, each on a little district of its own with everything at the stated distance.

Positions are set out with pyproj's geodesic, which the engine does not use.
"""

import pyproj
import pytest
import shapely

from duban.engines.locate import Features, Gazetteer, Layers, locate, statement_en
from duban.engines.locate.statement import Known, compose

EARTH = pyproj.Geod(ellps="WGS84")
HERE = (116.75, 39.82)

CODES = Gazetteer.build(
    *zip(
        ("110112", "通州区", "county"),
        ("110112013", "潞邑街道", "street"),
        ("110112104", "宋庄镇", "town"),
        ("110112104245", "大庞村村委会", "village"),
        ("110112106", "漷县镇", "town"),
        ("110112106213", "长凌营村村委会", "village"),
        ("110112106251", "李辛庄村委会", "village"),
        ("110112109", "马驹桥镇", "town"),
        ("110112109249", "神驹村委会", "village"),
        ("110112110", "西集镇", "town"),
        ("110112110223", "大沙务村村委会", "village"),
        ("110112114", "台湖镇", "town"),
        ("110112117", "永乐店镇", "town"),
        ("110112117237", "熬硝营村委会", "village"),
        ("110112119", "潞城镇", "town"),
        ("110112119252", "谢楼村委会", "village"),
        ("110112121", "梨园地区", "area"),
        strict=True,
    )
)

# Town, village point, its code, road, metres, water, metres, sentence.
RURAL = [
    ("110112106", "李辛庄", "110112106251", "李辛庄西南路", 27, "大梁沟", 1173,
     "漷县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米"),
    ("110112106", "长凌营村", "110112106213", "长凌营环路", 124, "北运河", 465,
     "漷县镇长凌营村距长凌营环路约124米,距北运河约465米"),
    ("110112119", "谢楼", "110112119252", "谢楼路", 291, "北运河", 2756,
     "潞城镇谢楼村距谢楼路约291米,距北运河约2756米"),
    ("110112109", "神驹村", "110112109249", "京沪高速", 60, "通大边沟", 16,
     "马驹桥镇神驹村距京沪高速约60米,距通大边沟约16米"),
    ("110112104", "大庞", "110112104245", "独光路", 17, "中坝河", 890, "宋庄镇大庞村距独光路约17米,距中坝河约890米"),
    ("110112110", "大沙务村", "110112110223", "潮河大堤路", 225, "牛屯引河", 325,
     "西集镇大沙务村距潮河大堤路约225米,距牛屯引河约325米"),
    ("110112117", "熬硝营村委会", "110112117237", "熬硝营西环路", 82, "通大边沟", 536,
     "永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米"),
]  # fmt: skip
# Unit, road, landmark, bearing from the landmark to the point, sentence.
URBAN = [
    ("110112121", "群芳中一街", "群芳三园西区80号楼", 3, "北侧", "梨园地区群芳中一街群芳三园西区80号楼北侧"),
    ("110112013", "潞邑三路", "依威能源充电站东逸佳苑", 95, "东侧", "潞邑街道潞邑三路依威能源充电站东逸佳苑东侧"),
    ("110112114", "农贸市场路", "台湖环境执法站", 350, "北侧", "台湖镇农贸市场路台湖环境执法站北侧"),
]


def spot(metres, bearing, start=HERE):
    lon, lat, _ = EARTH.fwd(*start, bearing, metres)
    return lon, lat


def line_at(metres, bearing, length=400, start=HERE):
    """A line whose nearest spot to `start` is its middle, so many metres off in this direction."""
    foot = spot(metres, bearing, start)
    return shapely.LineString([spot(length / 2, bearing - 90, foot), foot, spot(length / 2, bearing + 90, foot)])


def district(code, name="", **layers):
    around = shapely.box(HERE[0] - 0.1, HERE[1] - 0.1, HERE[0] + 0.1, HERE[1] + 0.1)
    return Layers.build(boundaries=Features([name or "边界"], [around], [code]), **layers)


@pytest.mark.parametrize("bearing", [0, 40, 130, 222, 305])
@pytest.mark.parametrize(("town", "point", "code", "road", "to_road", "water", "to_water", "sentence"), RURAL)
def test_rural_statements_of_the_page(town, point, code, road, to_road, water, to_water, sentence, bearing):
    layers = district(
        town,
        roads=Features(["别的路", road], [line_at(to_road + 40, bearing + 180), line_at(to_road, bearing)]),
        waters=Features([water, "别的河"], [line_at(to_water, bearing + 77), line_at(to_water + 60, bearing + 200)]),
        villages=Features(["远村", point], [shapely.Point(spot(3000, 90)), shapely.Point(spot(250, 200))]),
        landmarks=Features(["村委会门口"], [shapely.Point(spot(80, 10))]),
    )
    result = locate(*HERE, layers, CODES).to_dict(0)
    assert result["statement"] == sentence
    assert result["form"] == "rural"
    assert result["jurisdiction"] == {"code": code, "name": CODES.find(code).name}
    assert sentence.startswith(CODES.find(town).name + result["village"])
    assert result["road"]["distance_m"] == pytest.approx(to_road, abs=0.02)
    assert result["water"]["distance_m"] == pytest.approx(to_water, abs=0.02)
    assert abs((result["road"]["bearing"] - bearing + 180) % 360 - 180) < 0.2
    assert result["reasons"][-1]["code"] == "rural"


@pytest.mark.parametrize(("unit", "road", "landmark", "bearing", "side", "sentence"), URBAN)
def test_urban_statements_of_the_page(unit, road, landmark, bearing, side, sentence):
    layers = district(
        unit,
        roads=Features([road], [line_at(12, 77)]),
        waters=Features(["通惠河"], [line_at(600, 20)]),
        landmarks=Features(["远楼", landmark], [shapely.Point(spot(300, 0)), shapely.Point(spot(25, bearing + 180))]),
    )
    result = locate(*HERE, layers, CODES).to_dict(0)
    assert result["statement"] == sentence
    assert result["form"] == "urban"
    assert result["landmark"] == {"name": landmark, "side": side}
    assert result["jurisdiction"]["code"] == unit
    assert result["village"] is None


def test_the_statement_in_english():
    layers = district(
        "110112110",
        roads=Features(["潮河大堤路"], [line_at(225, 30)]),
        waters=Features(["牛屯引河"], [line_at(325, 200)]),
        villages=Features(["大沙务村"], [shapely.Point(HERE)]),
    )
    result = locate(*HERE, layers, CODES).to_dict(0)
    assert statement_en(result) == "西集镇大沙务村: about 225 m from 潮河大堤路 and about 325 m from 牛屯引河"
    layers = district(
        "110112121",
        roads=Features(["群芳中一街"], [line_at(12, 77)]),
        landmarks=Features(["80号楼"], [shapely.Point(spot(25, 135))]),
    )
    result = locate(*HERE, layers, CODES).to_dict(0)
    assert statement_en(result) == "梨园地区, 群芳中一街, north-west side of 80号楼"
    assert statement_en(locate(*HERE, Layers.build(), CODES).to_dict(0)) == ""


KNOWN = {
    "place": {"prefix": "西集镇", "village": "大沙务村"},
    "road": {"road": "甲路", "road_metres": 10.4},
    "water": {"water": "乙河", "water_metres": 20.5},
    "landmark": {"landmark": "丙楼", "side": "东侧"},
}


@pytest.mark.parametrize(
    ("kind", "parts", "form", "sentence", "why"),
    [
        ("village", "place road water landmark", "rural", "西集镇大沙务村距甲路约10米,距乙河约21米", "rural"),
        ("village", "place road", "rural", "西集镇大沙务村距甲路约10米", "rural"),
        ("village", "place water", "rural", "西集镇大沙务村距乙河约21米", "rural"),
        ("village", "place landmark", "urban", "西集镇丙楼东侧", "urban_without_lines"),
        ("village", "place", "none", "", "cannot_tell"),
        ("community", "place road water landmark", "urban", "西集镇甲路丙楼东侧", "urban"),
        ("community", "place road water", "rural", "西集镇大沙务村距甲路约10米,距乙河约21米", "rural_without_landmark"),
        ("street", "place landmark", "urban", "西集镇丙楼东侧", "urban"),
        ("area", "place", "none", "", "cannot_tell"),
        ("street", "", "none", "", "cannot_tell"),
        ("town", "place road water landmark", "rural", "西集镇大沙务村距甲路约10米,距乙河约21米", "rural_by_village"),
        ("town", "road water landmark", "urban", "甲路丙楼东侧", "urban_without_village"),
        ("township", "road water", "none", "", "cannot_tell"),
        ("county", "place road", "rural", "西集镇大沙务村距甲路约10米", "rural_by_village"),
        ("", "place road water landmark", "none", "", "cannot_tell"),
    ],
)
def test_which_form_and_why(kind, parts, form, sentence, why):
    known = {key: value for part in parts.split() for key, value in KNOWN[part].items()}
    known = Known(name="某处", kind=kind, **{"prefix": "", **known})
    got_form, got_sentence, reason = compose(known)
    assert (got_form, got_sentence, reason.code) == (form, sentence, why)
    assert reason.text
    assert reason.text_en.isascii() or "某处" in reason.text_en
