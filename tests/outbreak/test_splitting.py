"""An area split into parts: each under its own order, the old one screened for no more, and whence they come kept."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.outbreak.declaring import SQUARE, TIANGONGYUAN, collection, feature
from tests.outbreak.test_areas import daxing  # noqa: F401
from tests.outbreak.test_pages import client_of, words
from tests.outbreak.test_screening import DISTRICT, order

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak import areas, screening
from duban.outbreak.lists import AreaDraft, read_areas
from duban.outbreak.models import Declaration, RiskArea, Step

pytestmark = pytest.mark.django_db
GAOMIDIAN = "110115013"


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def drafts(*ids: str, **changes: Any) -> list[AreaDraft]:
    return read_areas(collection(*(feature(id=key, name=f"{key}区", **changes) for key in ids)), "a.geojson").drafts


def split(by: Person, last: Declaration, *ids: str, **changes: Any) -> list[Declaration]:
    told: dict[str, Any] = {"version": last.version, "source": "通告第9号"} | changes
    told.setdefault("parts", drafts(*ids) if ids else [])
    return areas.split_area(by=by, now=NOON + timedelta(days=1), area_id=last.area_id, **told)


def declared(by: Person, **changes: Any) -> Declaration:
    return Declaration.objects.select_related("area").get(number=order(by, **changes))


def refusal_of(work: Any, *args: Any, **options: Any) -> DubanError:
    with pytest.raises(DubanError) as refusal:
        work(*args, **options)
    return refusal.value


# ---- the step -------------------------------------------------------------------------------------------------------


def test_the_parts_take_its_place_each_under_an_order_of_its_own(officer: Person) -> None:
    old = declared(officer)
    north, south = split(officer, old, parts=drafts("north", "south", level="低风险", measure="test"))
    assert [one.number for one in (north, south)] == ["110112-2021-S0003", "110112-2021-S0004"]
    assert {one.area.part_of_id for one in (north, south)} == {old.area_id}
    assert set(areas.published()) == {north, south}
    assert [(one.step, one.version, one.source) for one in areas.published_area(old.area_id)] == [
        (Step.SPLIT, 2, "通告第9号"),
        (Step.DECLARED, 1, ""),
    ]
    assert [one.area_id for one in areas.ended()] == [old.area_id]
    assert areas.feature_of(north)["properties"]["part_of"] == str(old.area_id)
    assert AuditRecord.objects.filter(action="area_split").count() == 1


def test_the_old_order_is_screened_for_no_more_and_the_refusal_names_the_new_ones(officer: Person) -> None:
    old = declared(officer)
    north, south = split(officer, old, "north", "south")
    again = Declaration.objects.get(area=old.area_id, latest=True).number
    for number in (old.number, again):
        refusal = refusal_of(screening.orders_for, officer, [number, north.number])
        assert refusal.code == "order_split"
        assert north.number in str(refusal)
        assert south.number in str(refusal)
    assert screening.orders_for(officer, [north.number, south.number]) == [north, south]
    # Split again and lifted, what is in force is named alone.
    west, _east = split(officer, north, "west", "east")
    areas.lift_area(by=officer, now=NOON, area_id=west.area_id, version=1, source="通告")
    said = str(refusal_of(screening.orders_for, officer, [old.number]))
    assert [number in said for number in (north.number, west.number, south.number, _east.number)] == [
        False,
        False,
        True,
        True,
    ]
    elsewhere = make_person("elsewhere", "health_officer", "110115")
    assert refusal_of(screening.orders_for, elsewhere, [old.number]).code == "order_not_found"


def test_what_was_split_stays_so_however_it_is_declared_again(officer: Person) -> None:
    old = declared(officer)
    split(officer, old, "north", "south")
    last = areas.declaration_for(officer, old.area_id)
    told: dict[str, Any] = {"by": officer, "now": NOON, "area_id": old.area_id, "version": last.version}
    for work in (
        lambda: declared(officer),
        lambda: declared(officer, level="低风险"),
        lambda: areas.change_area(**told, draft=areas.as_draft(old)),
        lambda: areas.lift_area(**told, source="通告"),
        lambda: split(officer, last, "east", "west"),
    ):
        assert refusal_of(work).code == "area_split"
    assert Declaration.objects.count() == 4
    # A part is an area as any other.
    assert declared(officer, id="north", level="低风险").step == Step.CHANGED


@pytest.mark.parametrize(
    ("ids", "changes", "code"),
    [
        ((), {}, "too_few_parts"),
        (("north",), {}, "too_few_parts"),
        (("north", "ronghui"), {}, "area_twice"),
        (("north", "other"), {}, "area_twice"),
        (("north", "south"), {"source": " "}, "source_missing"),
        (("north", "south"), {"version": 7}, "area_changed"),
    ],
)
def test_a_split_that_is_wrong_changes_nothing(
    officer: Person, ids: tuple[str, ...], changes: dict[str, Any], code: str
) -> None:
    old = declared(officer)
    declared(officer, id="other")
    before = list(Declaration.objects.values_list("number", "latest", "step"))
    assert refusal_of(split, officer, old, *ids, **changes).code == code
    assert list(Declaration.objects.values_list("number", "latest", "step")) == before
    assert RiskArea.objects.count() == 2


def test_only_the_office_that_declared_it_splits_it(officer: Person) -> None:
    old = declared(officer)
    for role, at in (("health_officer", "110115"), ("health_officer", "110112106"), ("supervisor", DISTRICT)):
        other = make_person(f"{role}{at}", role, at)
        assert refusal_of(split, other, old, "north", "south").code == "area_not_found"
    areas.lift_area(by=officer, now=NOON, area_id=old.area_id, version=1, source="通告")
    lifted = areas.declaration_for(officer, old.area_id)
    assert refusal_of(split, officer, lifted, "north", "south").code == "area_lifted"


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["split", "lift", "change"]), st.integers(0, 20)), max_size=8))
def test_whatever_is_done_every_order_leads_to_what_is_in_force(steps: list[tuple[str, int]]) -> None:
    """The areas are a tree: its leaves that are not lifted are what is published, and what the refusals name."""
    by = Person.objects.filter(username="prop").first() or make_person("prop", "health_officer", DISTRICT)
    Declaration.objects.all().delete()
    RiskArea.objects.filter(parts__isnull=True).delete()
    while RiskArea.objects.exists():
        RiskArea.objects.filter(parts__isnull=True).delete()
    root = declared(by)
    for index, (step, which) in enumerate(steps):
        force = list(areas.published())
        if not force:
            break
        last = force[which % len(force)]
        if step == "split":
            split(by, last, f"{index}a", f"{index}b")
        elif step == "lift":
            areas.lift_area(by=by, now=NOON, area_id=last.area_id, version=last.version, source="通告")
        else:
            draft = drafts(last.area.key, level=f"第{index}级")[0]
            areas.change_area(by=by, now=NOON, area_id=last.area_id, version=last.version, draft=draft)
    force = set(areas.published())
    assert {one.area_id for one in force} == {
        one.area_id for one in Declaration.objects.filter(latest=True) if one.step not in areas.ENDED
    }
    if areas.declaration_for(by, root.area_id).step == Step.SPLIT:
        assert set(areas.in_place_of([root.area_id])) == force


@pytest.mark.django_db(transaction=True)
def test_of_two_who_split_at_once_one_does(transactional_db: None) -> None:
    by = make_person("officer", "health_officer", DISTRICT)
    old = declared(by)
    told: list[str] = []

    def work(name: str) -> None:
        try:
            split(by, old, f"{name}1", f"{name}2")
            told.append("done")
        except DubanError as refusal:
            told.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["area_changed", "done"]
    assert RiskArea.objects.count() == 3


# ---- the page and the API -------------------------------------------------------------------------------------------


def outlines(*names: str) -> str:
    features = [{"type": "Feature", "properties": {"name": name}, "geometry": SQUARE} for name in names]
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.mark.usefixtures("daxing")
def test_parts_come_by_code_by_name_drawn_and_as_a_list(officer: Person) -> None:
    old, desk = declared(officer), client_of(officer)
    address = f"/outbreak/areas/{old.area_id}/split/"
    assert "part_outline" in words(desk.get(address))
    sent = {
        "units": f"{TIANGONGYUAN}000\n\n大兴区高米店街道\n",
        "outlines": outlines("北片"),
        "file": SimpleUploadedFile("list.csv", f"id,name,level,code\nx,某村,低风险,{GAOMIDIAN}\n".encode()),
        "source": "通告第9号",
        "version": "1",
    }
    answer = desk.post(address, sent, follow=True)
    parts = list(Declaration.objects.filter(area__part_of=old.area_id).order_by("number"))
    assert ", ".join(one.number for one in parts) in words(answer)
    assert [(one.name, one.level, one.code, one.measure) for one in parts] == [
        ("天宫院街道", "中风险", TIANGONGYUAN, "centralised"),
        ("大兴区高米店街道", "中风险", GAOMIDIAN, "centralised"),
        ("北片", "中风险", "", "centralised"),
        ("某村", "低风险", GAOMIDIAN, "centralised"),
    ]
    assert {(one.starts_at, one.lookback_days, one.source) for one in parts} == {(old.starts_at, 14, "通告第9号")}
    anybody = client_of(None)
    for page in ("/outbreak/areas/", f"/outbreak/areas/{old.area_id}/", "/outbreak/areas/feed/"):
        told = words(anybody.get(page))
        assert "split" in told
        assert "北片" in told
    assert old.name in words(anybody.get(f"/outbreak/areas/{parts[0].area_id}/"))
    assert "part of" in words(desk.get("/outbreak/"))
    assert "ronghui" in words(desk.get(f"/outbreak/areas/{old.area_id}/change/"))
    said = desk.post("/outbreak/screen/", {"order": old.number})
    assert said.status_code == 409
    assert parts[0].number in words(said)


@pytest.mark.usefixtures("daxing")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"units": TIANGONGYUAN}, "too_few_parts"),
        ({"units": f"{TIANGONGYUAN}\n12"}, "bad_code"),
        ({"units": f"{TIANGONGYUAN}\n天边街道"}, "unknown_place"),
        ({"units": f"{TIANGONGYUAN}\n{TIANGONGYUAN}"}, "area_twice"),
        ({"outlines": "{"}, "layer_not_json"),
        ({"outlines": outlines("北片", "")}, "area_name"),
        ({"outlines": outlines("北片", "北片")}, "area_twice"),
        ({"outlines": outlines("北片", "南片"), "source": ""}, "source_missing"),
        ({"outlines": outlines("北片", "南片"), "version": "9"}, "area_changed"),
    ],
)
def test_what_is_wrong_with_the_parts_is_said_and_nothing_declared(
    officer: Person, changes: dict[str, str], code: str
) -> None:
    old, desk = declared(officer), client_of(officer)
    sent = {"units": "", "outlines": "", "source": "通告", "version": "1"} | changes
    answer = desk.post(f"/outbreak/areas/{old.area_id}/split/", sent)
    assert answer.status_code in {400, 409}
    assert code in words(answer)
    assert Declaration.objects.count() == 1


def test_an_area_is_split_over_the_api(officer: Person) -> None:
    old, desk = declared(officer), client_of(officer)
    parts = [{"name": "北片", "geometry": SQUARE}, {"name": "南片", "code": TIANGONGYUAN, "measure": "test"}]

    def send(by: Any, **changes: Any) -> Any:
        sent = {"version": 1, "source": "通告第9号", "parts": parts} | changes
        return by.post(f"/api/v1/outbreak/areas/{old.area_id}/split", json.dumps(sent), content_type="application/json")

    other = client_of(make_person("other", "health_officer", "110115"))
    assert send(other).json()["code"] == "area_not_found"
    assert send(desk, parts=parts[:1]).json()["code"] == "too_few_parts"
    wrong = send(desk, parts=[parts[0], {"name": "南片"}]).json()
    assert (wrong["code"], wrong["row"]) == ("area_place", 2)
    answer = send(desk)
    assert answer.status_code == 201
    told = answer.json()["areas"]
    assert [(one["measure"], one["part_of"]) for one in told] == [
        ("centralised", str(old.area_id)),
        ("test", str(old.area_id)),
    ]
    assert send(desk).json()["code"] == "area_changed"
    assert len(desk.get("/api/v1/outbreak/areas").json()["areas"]) == 2
