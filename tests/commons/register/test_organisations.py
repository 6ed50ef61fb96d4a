"""The register kept: what is written stands, every change is dated, and whoever may not writes nothing."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from tests.commons.register.building import AT, draft, make_organisation, refused
from tests.commons.register.test_codes import make_code

from duban.access.models import Person
from duban.commons.models import LifeEvent, Organisation, OrganisationCategory
from duban.commons.register import actions
from duban.commons.register.queries import look_alikes
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
CODE = make_code("5", "1", "110112", "MJ012345")


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def change(worker: Person, one: Organisation, on: date = TODAY, seen: str = "", **changes: Any) -> Organisation:
    return actions.change_organisation(
        by=worker, now=NOON, organisation_id=one.pk, draft=draft(**changes), on=on, seen=seen
    )


def life(one: Organisation) -> list[tuple[str, str, str]]:
    return list(one.life.order_by("pk").values_list("what", "before", "after"))


def test_a_second_press_puts_nothing_there_twice(worker: Person) -> None:
    key = uuid.uuid4()
    made = [
        actions.record_organisation(by=worker, now=NOON, draft=draft(), organisation_id=key).pk for _time in range(2)
    ]
    assert made == [key, key]
    assert Organisation.objects.count() == LifeEvent.objects.count() == 1
    assert AuditRecord.objects.filter(action="record_organisation").count() == 1


def test_every_change_is_dated_on_the_life_line(worker: Person) -> None:
    one = make_organisation(worker)
    on = date(2020, 3, 1)
    change(
        worker, one, on, name="小红帽志愿队", tier="registered", credit_code=CODE, kind="studio", category="楼门文化"
    )
    one.refresh_from_db()
    assert life(one) == [
        ("founded", "", "玉桥小红帽服务队"),
        ("name", "玉桥小红帽服务队", "小红帽志愿队"),
        ("tier", "filed", "registered"),
        ("kind", "team", "studio"),
        ("category", "社区事务", "楼门文化"),
        ("number", "", CODE),
    ]
    assert {event.on for event in one.life.exclude(what="founded")} == {on}
    assert OrganisationCategory.objects.filter(name="楼门文化", local=True).count() == 1
    assert "xiaohongmao" in one.search
    assert CODE.lower() in one.search
    change(
        worker, one, on, name="小红帽志愿队", tier="registered", credit_code=CODE, kind="studio", category="楼门文化"
    )
    assert len(life(one)) == 6


def test_members_and_words_are_no_events(worker: Person) -> None:
    one = make_organisation(worker)
    change(worker, one, members="45", about="帮老人买菜")
    one.refresh_from_db()
    assert (one.members, one.about, len(life(one))) == (45, "帮老人买菜", 1)


def test_a_change_lies_between_the_founding_and_today(worker: Person) -> None:
    one = make_organisation(worker)
    assert refused(lambda: change(worker, one, TODAY + timedelta(days=1), kind="club")) == "day_ahead"
    assert refused(lambda: change(worker, one, date(2014, 4, 30), kind="club")) == "day_before_founding"
    assert len(life(one)) == 1


def test_two_who_change_it_at_once_do_not_overwrite_each_other(worker: Person) -> None:
    one = make_organisation(worker)
    seen = actions.mark_of(one)
    change(worker, one, seen=seen, members="40")
    assert refused(lambda: change(worker, one, seen=seen, about="别的")) == "organisation_changed"


def test_numbers_and_names_are_one_organisations(worker: Person) -> None:
    one = make_organisation(worker, credit_code=CODE, filing_number="YQ-1")
    again = {
        "organisation_there": {},
        "credit_code_taken": {"name": "别的", "credit_code": CODE},
        "filing_number_taken": {"name": "别的", "filing_number": "YQ-1"},
    }
    for code, facts in again.items():
        assert refused(lambda facts=facts: make_organisation(worker, **facts)) == code  # type: ignore[misc]
    make_organisation(worker, filing_number="YQ-2")
    other = make_organisation(worker, "指南针")
    assert refused(lambda: change(worker, other, name="指南针", filing_number="YQ-1")) == "filing_number_taken"
    change(worker, one, credit_code=CODE, filing_number="YQ-9")
    change(worker, other, name="指南针", filing_number="YQ-1")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"name": " "}, "name_missing"),
        ({"name": "长" * 101}, "bad_text"),
        ({"name": "a\x00b"}, "bad_text"),
        ({"tier": "高"}, "unknown_tier"),
        ({"kind": "合唱"}, "unknown_kind"),
        ({"category": ""}, "category_missing"),
        ({"category": "长" * 61}, "category_missing"),
        ({"credit_code": CODE[:-1] + ("0" if CODE[-1] != "0" else "1")}, "code_check"),
        ({"tier": "registered"}, "number_missing"),
        ({"members": "许多"}, "bad_members"),
        ({"founded": TODAY + timedelta(days=1)}, "founded_later"),
        ({"jurisdiction": "通州"}, "bad_code"),
        ({"jurisdiction": "110113001"}, "not_allowed"),
    ],
)
def test_what_is_wrong_leaves_nothing_behind(worker: Person, facts: dict[str, Any], code: str) -> None:
    before = OrganisationCategory.objects.count()
    assert refused(lambda: actions.record_organisation(by=worker, now=NOON, draft=draft(**facts))) == code
    assert refused(lambda: actions.record_organisation(by=worker, now=NOON, draft=draft(), purpose="x")) == (
        "unknown_purpose"
    )
    assert not Organisation.objects.exists()
    assert not AuditRecord.objects.filter(subject_type="organisation").exists()
    assert OrganisationCategory.objects.count() == before


def test_nobody_else_writes(worker: Person) -> None:
    one = make_organisation(worker)
    step: dict[str, Any] = {"now": NOON, "organisation_id": one.pk}
    for role, at, code in (
        ("leader", "110112", "not_allowed"),
        ("community_worker", "110112005", "organisation_not_found"),
    ):
        by = make_person(f"{role}-{at}", role, at)
        acts = (
            lambda by=by: actions.change_organisation(by=by, draft=draft(), on=TODAY, **step),
            lambda by=by: actions.dissolve_organisation(by=by, on=TODAY, reason="x", **step),
            lambda by=by: actions.revive_organisation(by=by, on=TODAY, reason="x", **step),
            lambda by=by: actions.set_areas(by=by, codes=[], **step),
            lambda by=by: actions.join_federation(by=by, federation_id=None, on=TODAY, **step),
            lambda by=by: actions.record_check(by=by, year=2020, outcome="passed", **step),
        )
        assert {refused(act) for act in acts} == {code}
    assert len(life(one)) == 1


def test_moving_it_to_a_place_of_others_is_not_allowed(worker: Person) -> None:
    town = make_person("town", "community_worker", "110112004")
    one = make_organisation(town)
    assert refused(lambda: change(town, one, jurisdiction="110112005001")) == "not_allowed"
    change(worker, one, jurisdiction="110112005001")
    assert refused(lambda: change(town, one)) == "organisation_not_found"


def test_dissolved_it_stays_until_it_is_revived(worker: Person) -> None:
    one = make_organisation(worker)
    step: dict[str, Any] = {"by": worker, "now": NOON, "organisation_id": one.pk}
    assert refused(lambda: actions.dissolve_organisation(**step, on=TODAY, reason=" ")) == "reason_missing"
    assert refused(lambda: actions.dissolve_organisation(**step, on=date(2013, 1, 1), reason="x")) == (
        "day_before_founding"
    )
    for _time in range(2):
        actions.dissolve_organisation(**step, on=date(2020, 12, 1), reason="成员不足")
    assert refused(lambda: change(worker, one, members="5")) == "organisation_dissolved"
    assert refused(lambda: actions.record_check(**step, year=2020, outcome="passed")) == "organisation_dissolved"
    assert refused(lambda: actions.revive_organisation(**step, on=date(2020, 11, 1), reason="误")) == (
        "day_before_dissolving"
    )
    for _time in range(2):
        actions.revive_organisation(**step, on=TODAY, reason="重新活动")
    change(worker, one, members="5")
    assert [(what, before, after) for what, before, after in life(one) if what == "dissolved"] == [
        ("dissolved", "", ""),
        ("dissolved", "", "revived"),
    ]


def test_a_name_is_free_again_when_its_bearer_is_dissolved(worker: Person) -> None:
    one = make_organisation(worker)
    actions.dissolve_organisation(by=worker, now=NOON, organisation_id=one.pk, on=TODAY, reason="解散")
    assert make_organisation(worker).pk != one.pk


def test_a_federation_has_members_and_no_circle(worker: Person) -> None:
    top = make_organisation(worker, "区联合会", at="110112", kind="federation")
    street = make_organisation(worker, "玉桥街道社会组织联合会", at="110112004", kind="federation")
    club = make_organisation(worker)
    step: dict[str, Any] = {"by": worker, "now": NOON, "on": TODAY}
    for _time in range(2):
        actions.join_federation(**step, organisation_id=club.pk, federation_id=street.pk)
    actions.join_federation(**step, organisation_id=street.pk, federation_id=top.pk)
    for one, other, code in (
        (street, club, "federation_not_found"),
        (top, street, "federation_in_circle"),
        (top, top, "federation_in_circle"),
    ):
        join = {"organisation_id": one.pk, "federation_id": other.pk}
        assert refused(lambda join=join: actions.join_federation(**step, **join)) == code  # type: ignore[misc]
    end = {"by": worker, "now": NOON, "on": TODAY, "reason": "x", "organisation_id": street.pk}
    assert refused(lambda: actions.dissolve_organisation(**end)) == "federation_has_members"
    facts = {"jurisdiction": "110112004", "kind": "club", "name": street.name}
    assert refused(lambda: change(worker, street, **facts)) == "federation_has_members"
    actions.join_federation(**step, organisation_id=club.pk, federation_id=None)
    actions.dissolve_organisation(**end)
    assert [row[1:] for row in life(club) if row[0] == "federation"] == [("", street.name), (street.name, "")]


def test_areas_are_set_as_a_whole(worker: Person) -> None:
    one = make_organisation(worker)
    step: dict[str, Any] = {"by": worker, "now": NOON, "organisation_id": one.pk}
    assert actions.set_areas(**step, codes=["110112005", "110112005000", AT]) == ["110112005"]
    actions.set_areas(**step, codes=["110112004006", "110112005"])
    assert set(one.areas.values_list("code", flat=True)) == {"110112005", "110112004006"}
    assert refused(lambda: actions.set_areas(**step, codes=["x"])) == "bad_code"
    assert refused(lambda: actions.set_areas(**step, codes=[f"110112{n:03d}" for n in range(1, 52)])) == (
        "too_many_areas"
    )
    actions.set_areas(**step, codes=[])
    assert not one.areas.exists()


def test_a_check_is_of_a_year_and_the_later_word_stands(worker: Person) -> None:
    one = make_organisation(worker)
    step: dict[str, Any] = {"by": worker, "now": NOON, "organisation_id": one.pk}
    for year in (2013, 2022):
        assert refused(lambda year=year: actions.record_check(**step, year=year, outcome="passed")) == "bad_year"  # type: ignore[misc]
    assert refused(lambda: actions.record_check(**step, year=2020, outcome="fine")) == "unknown_outcome"
    assert refused(lambda: actions.record_check(**step, year=2020, outcome="failed")) == "note_missing"
    for _time in range(2):
        actions.record_check(**step, year=2020, outcome="mend", note="章程未更新")
    actions.record_check(**step, year=2020, outcome="passed")
    actions.record_check(**step, year=2019, outcome="passed")
    one.refresh_from_db()
    assert one.checked_year == 2020
    assert [row[1:] for row in life(one) if row[0] == "check"] == [
        ("2020", "mend"),
        ("2020", "passed"),
        ("2019", "passed"),
    ]


def test_names_alike_are_found_in_the_town_alone(worker: Person) -> None:
    make_organisation(worker, "玉桥街道夕阳红合唱团")
    make_organisation(worker, "指南针")
    make_organisation(worker, "夕阳红合唱团", at="110112005001")
    found = look_alikes("玉桥街道夕阳红合唱队", AT)
    assert [(one.organisation.name, one.same) for one in found] == [("玉桥街道夕阳红合唱团", False)]
    assert [one.organisation.name for one in look_alikes("夕阳红合唱", AT)] == ["玉桥街道夕阳红合唱团"]
    assert look_alikes(" 指南针 ", AT)[0].same
    assert look_alikes("\x00", AT) == look_alikes("", AT) == []
