"""Risk areas: read as published, declared under numbered orders, changed and lifted as versions, and nothing twice."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.outbreak.declaring import SQUARE, TIANGONGYUAN, collection, feature

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak import areas
from duban.outbreak.lists import Defaults, read_areas
from duban.outbreak.models import Declaration, RiskArea, Step
from duban.places.models import Jurisdiction

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", "110112")


def declare(by: Person, *features: dict[str, Any], **more: Any) -> list[areas.Declared]:
    drafts = read_areas(collection(*features), "a.geojson").drafts
    return areas.declare_areas(by=by, now=NOON, drafts=drafts, **more)


def code_of(refusal: pytest.ExceptionInfo[DubanError]) -> str:
    return refusal.value.code


# ---- reading --------------------------------------------------------------------------------------------------------

BOWTIE = {"type": "Polygon", "coordinates": [[[116, 39], [117, 40], [117, 39], [116, 40], [116, 39]]]}
SWAPPED = {"type": "Polygon", "coordinates": [[[39, 116], [40, 116], [40, 117], [39, 116]]]}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": ""}, "area_name", "name"),
        ({"name": "长" * 201}, "area_name", "name"),
        ({"name": "坏\x00"}, "bad_text", "name"),
        ({"level": None}, "level_missing", "level"),
        ({"measure": "burn"}, "unknown_measure", "measure"),
        ({"measure": None}, "unknown_measure", "measure"),
        ({"from": None}, "bad_window", "from"),
        ({"from": "yesterday"}, "bad_window", "from"),
        ({"to": "2021-01-16T00:00:00+08:00"}, "bad_window", "to"),
        ({"lookback_days": -1}, "bad_lookback_days", "lookback_days"),
        ({"lookback_days": 3.5}, "bad_lookback_days", "lookback_days"),
        ({"lookback_days": 1000}, "bad_lookback_days", "lookback_days"),
        ({"geometry": None}, "area_place", "code"),
        ({"geometry": None, "code": "12"}, "bad_code", "code"),
        ({"geometry": BOWTIE}, "feature_outline", "geometry"),
        ({"geometry": SWAPPED}, "feature_swapped", "geometry"),
        ({"geometry": {"type": "Point", "coordinates": [116, 39]}}, "feature_geometry", "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": "x"}}, "feature_geometry", "geometry"),
        ({"id": "x" * 101}, "area_name", "id"),
    ],
)
def test_a_bad_area_is_refused_by_its_row(changes: dict[str, Any], code: str, field: str) -> None:
    found = read_areas(collection(feature(id="first"), feature(**changes)), "a.geojson")
    assert [(row.number, refusal.code, refusal.field) for row, refusal in found.refused] == [(2, code, field)]
    assert [draft.key for draft in found.drafts] == ["first"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", "layer_not_json"),
        (b"[]", "layer_not_features"),
        (collection(), "no_areas"),
        (collection(feature(), crs={"type": "name", "properties": {"name": "EPSG:4490"}}), "layer_crs"),
        (collection(feature(), totals={"中风险": 2}), "totals_differ"),
        (collection(feature(), totals={"high": 1}), "totals_differ"),
        (collection(feature(), total="many"), "totals_differ"),
    ],
)
def test_a_list_that_is_wrong_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        read_areas(data, "a.geojson")
    assert code_of(refusal) == code


def test_totals_that_agree_are_taken() -> None:
    found = read_areas(collection(feature(), totals={"medium": 1}, total=1), "a.geojson")
    assert len(found.drafts) == 1


def test_an_id_stands_once() -> None:
    found = read_areas(collection(feature(), feature()), "a.geojson")
    assert [refusal.code for _row, refusal in found.refused] == ["area_twice"]


def test_a_day_as_the_end_is_the_whole_day_and_naive_times_are_the_office_s() -> None:
    draft = read_areas(collection(feature(**{"from": "2021-01-17 08:00", "to": "2021-01-20"})), "a.geojson").drafts[0]
    assert draft.starts_at.isoformat() == "2021-01-17T08:00:00+08:00"
    assert draft.ends_at is not None
    assert draft.ends_at.isoformat() == "2021-01-20T23:59:59.999999+08:00"


def test_a_table_with_wkt_codes_and_its_total() -> None:
    table = (
        "id,name,level,from,to,lookback_days,measure,code,geometry\n"
        'a,甲,高风险,2021-01-17,,14,集中隔离,,"POLYGON ((116.3 39.6, 116.4 39.6, 116.4 39.7, 116.3 39.6))"\n'
        "b,乙,中风险,2021-01-17,2021-01-20,7,home,110115012000,\n"
        "合计,2,,,,,,,\n"
    )
    found = read_areas(table.encode("gb18030"), "a.csv")
    assert [(one.key, one.measure, one.code, bool(one.geometry)) for one in found.drafts] == [
        ("a", "centralised", "", True),
        ("b", "home", TIANGONGYUAN, False),
    ]
    with pytest.raises(DubanError) as refusal:
        read_areas(table.replace("合计,2", "合计,3").encode(), "a.csv")
    assert code_of(refusal) == "totals_differ"


@pytest.fixture
def daxing(db: None) -> None:
    for code, name, kind in (
        ("110115", "大兴区", "county"),
        (TIANGONGYUAN, "天宫院街道", "street"),
        ("110115012005", "融汇社区", "community"),
        ("110115013", "高米店街道", "street"),
        ("110113", "顺义区", "county"),
        ("110113116", "北石槽镇", "town"),
        ("110113116217", "北石槽村", "village"),
    ):
        Jurisdiction.objects.create(
            code=code, name=name, kind=kind, parent_code=code[:-3] if len(code) > 6 else "", search=name, loaded_at=NOON
        )


NOTICE = """北京市风险地区（截至1月20日）
高风险地区（1个）
1. 北京市大兴区天宫院街道融汇社区
中风险地区（2个）：
1、顺义区北石槽镇北石槽村；
2、大兴区高米店街道
"""
DEFAULTS = Defaults(starts="2021-01-17", lookback_days="14", measure="centralised", source="通告")


def test_a_notice_in_words_is_read_by_the_code_list_and_its_totals(daxing: None) -> None:
    found = read_areas(NOTICE.encode(), "notice.txt", DEFAULTS)
    assert not found.refused
    assert [(one.level, one.code) for one in found.drafts] == [
        ("高风险地区", "110115012005"),
        ("中风险地区", "110113116217"),
        ("中风险地区", "110115013"),
    ]
    assert found.said == {"高风险地区": 1, "中风险地区": 2}


def test_a_place_that_the_code_list_lacks_is_not_its_whole_town(daxing: None) -> None:
    found = read_areas(NOTICE.replace("融汇社区", "海子角社区").encode(), "notice.txt", DEFAULTS)
    assert [(row.number, refusal.code) for row, refusal in found.refused] == [(3, "unknown_place")]


def test_a_line_left_out_shows_in_the_totals(daxing: None) -> None:
    with pytest.raises(DubanError) as refusal:
        read_areas(NOTICE.replace("2、大兴区高米店街道\n", "").encode(), "notice.txt", DEFAULTS)
    assert code_of(refusal) == "totals_differ"


# ---- declaring ------------------------------------------------------------------------------------------------------


def test_each_area_has_an_order_of_its_own_and_may_lie_elsewhere(officer: Person) -> None:
    done = declare(officer, feature(), feature(id="code", geometry=None, code=f"{TIANGONGYUAN}000"))
    assert [one.declaration.number for one in done] == ["110112-2021-S0001", "110112-2021-S0002"]
    assert done[1].declaration.code == TIANGONGYUAN
    assert AuditRecord.objects.filter(action="area_declared").count() == 2


def test_the_same_list_again_is_the_same_orders(officer: Person) -> None:
    first, again = declare(officer, feature()), declare(officer, feature())
    assert first[0].declaration == again[0].declaration
    assert not again[0].fresh
    assert Declaration.objects.count() == 1


def test_a_change_is_a_new_version_under_a_new_number(officer: Person) -> None:
    area = declare(officer, feature())[0].declaration.area
    changed = declare(officer, feature(level="低风险", measure="monitor"))[0].declaration
    assert (changed.version, changed.step, changed.number) == (2, Step.CHANGED, "110112-2021-S0002")
    assert [one.level for one in areas.published()] == ["低风险"]
    assert [one.version for one in areas.published_area(area.pk)] == [2, 1]


def test_lifted_it_is_on_the_list_no_more_until_it_is_declared_again(officer: Person) -> None:
    first = declare(officer, feature())[0].declaration
    step: dict[str, Any] = {"by": officer, "area_id": first.area_id}
    later = NOON + timedelta(days=3)
    lifted = areas.lift_area(now=later, version=1, source="通告", **step).declaration
    assert (lifted.step, lifted.ends_at) == (Step.LIFTED, later)
    assert not areas.published().exists()
    with pytest.raises(DubanError) as refusal:
        areas.lift_area(now=later, version=2, source="通告", **step)
    assert code_of(refusal) == "area_lifted"
    assert declare(officer, feature())[0].declaration.version == 3


def test_a_lifting_needs_its_notice_and_the_version_that_was_seen(officer: Person) -> None:
    first = declare(officer, feature())[0].declaration
    step: dict[str, Any] = {"by": officer, "area_id": first.area_id, "now": NOON}
    for version, source, code in ((1, " ", "source_missing"), (9, "通告", "area_changed")):
        with pytest.raises(DubanError) as refusal:
            areas.lift_area(version=version, source=source, **step)
        assert code_of(refusal) == code


def test_a_window_never_ends_before_it_starts(officer: Person) -> None:
    first = declare(officer, feature(**{"from": "2021-01-30T00:00:00+08:00"}))[0].declaration
    lifted = areas.lift_area(by=officer, now=NOON, area_id=first.area_id, version=1, source="通告").declaration
    assert lifted.ends_at == first.starts_at


def test_who_may_declare_and_whose_it_is(officer: Person) -> None:
    drafts = read_areas(collection(feature()), "a.geojson").drafts
    for role in ("supervisor", "administrator", "leader", "inspector"):
        with pytest.raises(DubanError) as refusal:
            areas.declare_areas(by=make_person(role, role, "110112"), now=NOON, drafts=drafts)
        assert code_of(refusal) == "not_allowed"
    with pytest.raises(DubanError) as refusal:
        areas.declare_areas(by=officer, now=NOON, drafts=drafts, at="110115")
    assert code_of(refusal) == "not_allowed"
    assert not RiskArea.objects.exists()
    mine = declare(officer, feature())[0].declaration
    elsewhere = make_person("elsewhere", "health_officer", "110115")
    for person in (elsewhere, make_person("town", "health_officer", "110112106")):
        with pytest.raises(DubanError) as refusal:
            areas.declaration_for(person, mine.area_id)
        assert code_of(refusal) == "area_not_found"
    assert declare(elsewhere, feature())[0].declaration.number == "110115-2021-S0001"


def test_the_number_of_queries_grows_with_the_list_alone(officer: Person) -> None:
    def asked(count: int) -> int:
        with CaptureQueriesContext(connection) as caught:
            declare(officer, *(feature(id=f"{count}-{index}") for index in range(count)))
        return len(caught)

    asked(1)
    # One more is its line in the audit.
    assert asked(12) - asked(2) == 10
    with CaptureQueriesContext(connection) as caught:
        assert len(list(areas.published())) == 15
    assert len(caught) == 1


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_an_order_a_line(officer: Person, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "areas.geojson"
    file.write_bytes(collection(feature(), feature(id="b", geometry=SQUARE, level="高风险")))
    call_command("declare_areas", str(file), by="officer")
    year = timezone.localdate().year
    assert capsys.readouterr().out.splitlines() == [f"110112-{year}-S0001", f"110112-{year}-S0002"]
    call_command("declare_areas", str(file), by="officer", json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["taken"], said["unchanged"], len(said["orders"])) == (0, 2, 2)


def test_the_command_declares_nothing_where_one_area_is_wrong(officer: Person, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "areas.geojson"
    file.write_bytes(collection(feature(), feature(id="b", level="")))
    with pytest.raises(CommandError, match="areas_refused"):
        call_command("declare_areas", str(file), by="officer")
    assert "level_missing: row 2" in capsys.readouterr().err
    assert "level_missing" in (tmp_path / "areas.refused.csv").read_text()
    assert not RiskArea.objects.exists()
