"""The demo is what it claims: the page's statements from drawn layers alone, valid layers, a story that verifies."""

import io
import json

import pytest
import shapely
from django.core.management import call_command
from PIL import Image

from duban.bulletin import queries as bulletins
from duban.config.management.commands.verify_history import all_problems
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo import layers
from duban.demo.builders import make_person
from duban.demo.pictures import draw_picture
from duban.engines.locate import Features, Gazetteer, Layers, locate
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry, Event

STATEMENTS = {
    layers.LIXINZHUANG: "漷县镇李辛庄村距李辛庄西南路约27米,距大梁沟约1173米",
    layers.QUNFANG: "梨园地区群芳中一街群芳三园西区80号楼北侧",
    layers.CHANGLINGYING: "漷县镇长凌营村距长凌营环路约124米,距北运河约465米",
    layers.XIELOU: "潞城镇谢楼村距谢楼路约291米,距北运河约2756米",
    layers.LUYI: "潞邑街道潞邑三路依威能源充电站东逸佳苑东侧",
    layers.SHENJU: "马驹桥镇神驹村距京沪高速约60米,距通大边沟约16米",
    layers.DAPANG: "宋庄镇大庞村距独光路约17米,距中坝河约890米",
    layers.TAIHU: "台湖镇农贸市场路台湖环境执法站北侧",
    layers.DASHAWU: "西集镇大沙务村距潮河大堤路约225米,距牛屯引河约325米",
    layers.AOXIAOYING: "永乐店镇熬硝营村距熬硝营西环路约82米,距通大边沟约536米",
}


def test_the_ten_places_of_the_page_get_its_statements_from_the_layers_alone() -> None:
    drawn = layers.draw_layers()
    built = Layers.build(**{name: Features(f.names, f.geometries, f.codes) for name, f in drawn.items()})
    codes = Gazetteer.build(list(layers.units()), list(layers.units().values()))
    lons, lats = zip(*STATEMENTS, strict=True)
    assert list(locate(lons, lats, built, codes).statement) == list(STATEMENTS.values())


def test_boundaries_cover_the_district_without_overlap_and_hold_their_villages() -> None:
    areas = layers.boundaries()
    towns = {code for code in layers.units() if len(code) == 9}
    assert set(areas) == towns
    assert len(towns) == 22
    assert all(area.is_valid and area.geom_type == "Polygon" for area in areas.values())
    whole = shapely.Polygon(layers.outline())
    assert shapely.coverage_is_valid(list(areas.values()))
    assert sum(area.area for area in areas.values()) == pytest.approx(whole.area, rel=1e-9)
    assert shapely.union_all(list(areas.values())).area == pytest.approx(whole.area, rel=1e-9)
    villages = layers.villages()
    assert len(villages) >= 60
    assert [code for code, at in villages.items() if not areas[code[:9]].contains(shapely.Point(at))] == []


def test_a_picture_follows_from_its_seed_and_shows_the_same_place_before_and_after() -> None:
    before, again, after = (draw_picture(3, cleared=cleared) for cleared in (False, False, True))
    assert before == again
    assert before != after
    sky = [Image.open(io.BytesIO(data)).crop((0, 0, 1600, 500)).resize((16, 5)) for data in (before, after)]
    differences = [abs(a - b) for a, b in zip(sky[0].tobytes(), sky[1].tobytes(), strict=True)]
    assert max(differences) <= 4


@pytest.mark.django_db(transaction=True)
def test_the_demo_loads_once_tells_the_page_and_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["loaded"] is True
    audited, events = AuditRecord.objects.count(), Event.objects.count()
    call_command("load_demo", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["loaded"] is False
    assert (AuditRecord.objects.count(), Event.objects.count()) == (audited, events)

    issue = bulletins.document(bulletins.numbered(192))
    assert issue["counts"] == {"rectified": 2, "new": 8}
    assert issue["schematic"] is True
    printed = [entry["statement"] for section in issue["sections"] for entry in section["entries"]]
    assert sorted(printed) == sorted(STATEMENTS.values())
    assert set(Entry.objects.values_list("state", flat=True)) == set(State.values)
    assert list(all_problems()) == []


@pytest.mark.django_db
def test_the_demo_does_not_go_into_a_database_in_use() -> None:
    make_person("somebody")
    with pytest.raises(Exception, match="not_empty") as refusal:
        call_command("load_demo")
    assert isinstance(refusal.value.__cause__, DubanError)
