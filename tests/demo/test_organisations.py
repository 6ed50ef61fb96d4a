"""The figures of the page come out of rows: 5,041 in all, and of 玉桥 what its federation says of itself."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import transaction

from duban.commons.growth.figures import figures_in, sentences
from duban.commons.growth.queries import growth_of
from duban.commons.models import CourseAttendance, LifeEvent, Organisation, PartyRole
from duban.commons.register.codes import credit_code_fault
from duban.commons.register.drafts import searched_text
from duban.core.audit import Console
from duban.demo import layers, organisations
from duban.demo.builders import NOON
from duban.demo.organisations import BEGAN, FEDERATION, LIYUAN, TOTAL, YUQIAO
from duban.places.actions import load_jurisdictions
from duban.places.models import Jurisdiction

pytestmark = pytest.mark.django_db
PRINTED = date(2021, 1, 20)
CHECKED = date(2021, 3, 5)


@pytest.fixture(scope="module")
def register(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Made once for all that follows; nobody changes it."""
    with django_db_blocker.unblock(), transaction.atomic():
        load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="a.csv")
        assert organisations.add_organisations(now=NOON, today=CHECKED) == TOTAL
        yield
        transaction.set_rollback(True)


def test_the_numbers_of_the_page_come_out_of_rows(register: None) -> None:
    district = figures_in(["110112"], PRINTED, "110112")
    assert district.total.n == Organisation.objects.filter(dissolved_on=None).count() == 5041
    assert {one.line.key for one in district.places} == {code for code in layers.units() if len(code) == 9}
    assert all(one.line.n for one in district.places)
    yuqiao = figures_in([YUQIAO], PRINTED, YUQIAO)
    filed = yuqiao.line("tiers", "filed")
    assert filed.n == 298
    assert 11_000 < filed.members < 12_000
    assert (yuqiao.line("kinds", "club").n, yuqiao.line("kinds", "studio").n) == (100, 100)
    assert yuqiao.turned > 50
    assert "298" in sentences(yuqiao, "玉桥街道")["zh"]


def test_its_federation_is_over_seven_years_old_and_has_its_five_parties(register: None) -> None:
    federation = Organisation.objects.get(name=FEDERATION)
    assert federation.founded is not None
    assert 7 <= (PRINTED - federation.founded).days / 365.25 < 8
    grown = growth_of(federation)
    assert [slot.held and slot.held.unit for slot in grown.slots] == [
        "玉桥街道党工委", "玉桥街道办事处", "玉桥街道各社区居委会", "专业社会组织", "社区居民",
    ]  # fmt: skip
    assert grown.empty == 0
    assert grown.belonging is not None
    assert (grown.belonging.organisations, grown.belonging.clubs, grown.belonging.studios) == (298, 100, 100)
    assert Organisation.objects.filter(kind="federation", slots__lt=5).exists()


def test_most_had_their_annual_check_this_year_and_the_others_last_year(register: None) -> None:
    missing = Organisation.objects.filter(checked_year__lt=CHECKED.year)
    assert TOTAL / 8 < missing.count() <= TOTAL / 7 + 1
    assert set(missing.values_list("checked_year", flat=True)) == {CHECKED.year - 1}
    checks = LifeEvent.objects.filter(what="check")
    assert checks.count() == TOTAL
    assert not checks.filter(on__gt=CHECKED).exists()
    assert {str(one.on.year) for one in checks.filter(after="passed")[:50]} <= {"2020", "2021"}


def test_old_brands_and_new_forces_bear_their_names(register: None) -> None:
    brands = dict(Organisation.objects.filter(town=YUQIAO).exclude(brand="").values_list("name", "founded"))
    for old in ("情暖夕阳工作室", "十姐妹工作室", "五老带六小"):
        assert brands[old].year <= 2013
    for new in ("指南针", "小红帽", "好邻居", "便民帮"):
        assert brands[new].year >= 2017
    assert Organisation.objects.filter(jurisdiction="110112109008", name="劝导小分队").exists()
    came = CourseAttendance.objects.filter(session__course__provider="明峰社工事务所").select_related("organisation")
    assert {one.organisation.town for one in came} == {LIYUAN}
    assert {one.session.at.year for one in came.select_related("session")} == {2020}


def test_every_row_is_as_sound_as_if_it_had_been_typed(register: None) -> None:
    listed = set(Jurisdiction.objects.values_list("code", flat=True))
    events: dict[object, list[LifeEvent]] = {}
    for event in LifeEvent.objects.order_by("on", "pk"):
        events.setdefault(event.organisation_id, []).append(event)
    held = Counter(PartyRole.objects.filter(until=None).values_list("organisation", flat=True))
    for one in Organisation.objects.all():
        assert one.jurisdiction in listed
        assert one.town == one.jurisdiction[:9]
        assert one.search == searched_text(one)
        assert not one.credit_code or credit_code_fault(one.credit_code) is None
        assert bool(one.credit_code) == (one.tier == "registered")
        assert one.founded is None or BEGAN <= one.founded <= PRINTED
        assert one.slots == held[one.pk]
        life = events.get(one.pk, [])
        stages = [event.after for event in life if event.what == "stage"]
        assert one.stage == (stages[-1] if stages else "")
        turns = [event.after for event in life if event.what == "purpose"]
        assert not turns or turns[-1] == one.purpose
        assert all(one.founded is None or event.on >= one.founded for event in life), one.name


def test_twice_is_once_and_the_same_every_time(register: None) -> None:
    assert organisations.add_organisations(now=NOON, today=CHECKED) == 0
    assert Organisation.objects.count() == TOTAL
    assert [made.draft for made in organisations.told()] == [made.draft for made in organisations.told()]
