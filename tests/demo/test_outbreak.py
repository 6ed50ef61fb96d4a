"""The demo's outbreak: who it makes up is nobody, no moment of it lies ahead, and what it leaves hangs together."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from duban.demo import comers, layers, outbreak
from duban.ledger.models import Entry
from duban.outbreak.areas import in_force
from duban.outbreak.care.links import file_of_link
from duban.outbreak.desk.report import report_of
from duban.outbreak.measures.certificate import certificate_of
from duban.outbreak.models import (
    Alert,
    BedStay,
    CareRequest,
    CaseFile,
    Declaration,
    Found,
    Measure,
    Release,
    Step,
    SurfaceSample,
    Swab,
    Task,
    TaskKind,
    Tube,
    VenueSampling,
)
from duban.outbreak.people import normal_id_number, normal_phone

ORIGINS = (comers.TIANGONGYUAN, comers.WANGXI)


def test_nobody_of_either_order_is_somebody_of_the_other() -> None:
    everybody = [one for origin in ORIGINS for one in comers.comers(origin)]
    for facts in ("id_number", "phone"):
        assert len({getattr(one, facts) for one in everybody}) == 2 * comers.PEOPLE


@pytest.mark.parametrize("origin", ORIGINS)
def test_everybody_made_up_can_be_told_apart_and_is_nobody(origin: comers.Origin) -> None:
    people = comers.comers(origin)
    assert people == comers.comers(origin)
    for facts in ("name", "id_number", "phone"):
        assert len({getattr(one, facts) for one in people}) == comers.PEOPLE
    assert all(normal_id_number(one.id_number) == one.id_number for one in people)
    assert all(normal_phone(one.phone) == one.phone for one in people)
    assert {one.id_number[:6] for one in people} == {comers.COUNTY}
    assert {one.stay for one in people} <= set(layers.villages())
    assert sum(one.visited_community for one in people) == comers.VISITORS
    assert sum(one.stay.startswith(comers.YUQIAO) for one in people) == comers.OF_YUQIAO
    family = [one for one in people if one.together]
    assert len({(one.stay, one.address, one.area, one.day, one.hour, one.name[0]) for one in family}) == 1


@given(st.integers(0, 10**9).map(lambda seconds: datetime(2021, 2, 1, tzinfo=UTC) + timedelta(seconds=seconds)))
def test_the_page_s_day_is_the_day_before_at_whatever_hour_it_is_told(now: datetime) -> None:
    days = outbreak.Days(now)
    assert days.day(21) == timezone.localdate(now)
    assert days.at(20, 23, 59) < now
    assert days.at(20, 21) - days.at(19, 14) == timedelta(hours=31)


def check_the_outbreak(secret: str, now: datetime) -> None:
    """What load_demo left in the database of it; called where the demo is loaded once."""
    days = outbreak.Days(now)
    standing = in_force(Declaration.objects.all())
    assert set(standing.values_list("area__key", flat=True)) == set(outbreak.LATELY.keys)
    assert Found.objects.count() == 2 * comers.PEOPLE
    followed = CaseFile.objects.filter(state="open")
    assert followed.count() == comers.PEOPLE
    assert Counter(followed.values_list("measure", flat=True)) == {
        Measure.CENTRALISED: comers.VISITORS,
        Measure.TEST: comers.PEOPLE - comers.VISITORS,
    }
    assert not followed.filter(plans__current=True, plans__ends_on__lt=days.day(21)).exists()

    lying = BedStay.objects.filter(until=None)
    assert lying.count() == outbreak.IN_BEDS
    family = lying.exclude(file__household=None)
    assert family.count() == comers.FAMILY
    assert len(set(family.values_list("bed__room", flat=True))) == 1
    assert lying.values("bed__room").distinct().count() == outbreak.IN_BEDS - comers.FAMILY + 1
    assert Task.objects.filter(kind=TaskKind.ARRIVE, state="open").count() == comers.VISITORS - outbreak.IN_BEDS
    assert file_of_link(secret).pk in set(lying.values_list("file", flat=True))

    # The members of the positive pool are held but for the one whose single sample was negative.
    held = Tube.objects.get(size=10, result="positive", sealed_at__gt=days.at(20, 0)).swabs
    again = Swab.objects.get(follows__in=held.all())
    assert again.tube.result == "negative"
    unknown = Tube.objects.get(result="").swabs
    waiting = {*held.values_list("file", flat=True), *unknown.values_list("file", flat=True)} - {again.file_id}
    assert set(followed.exclude(waiting_since=None).values_list("pk", flat=True)) == waiting

    raised = Alert.objects.filter(closed_at=None).values_list("kind", "level")
    assert set(raised) == {("fever", 1), ("symptom", 1)}
    assert CareRequest.objects.get().due_at > now

    missed = VenueSampling.objects.get(done_at=None, due_on__lt=days.day(21))
    assert missed.venue.name == outbreak.MISSED
    positive = SurfaceSample.objects.get(result="positive")
    entry = Entry.objects.get(pk=positive.entry)
    assert positive.sampling.venue.name not in f"{entry.description}{entry.statement}"


def check_the_page_s_order() -> None:
    """What load_demo left of the order of January 2021: everybody found was followed up to a release that holds."""
    days = outbreak.THE_PAGE_S
    assert days.day(20) == date(2021, 1, 20)
    orders = Declaration.objects.filter(area__key__in=outbreak.PAGE.keys).values("number")
    files = CaseFile.objects.filter(exposures__basis__in=orders).distinct()
    assert files.count() == comers.PEOPLE
    assert set(files.values_list("state", flat=True)) == {"released"}
    assert not files.filter(released_at__gte=days.at(outbreak.LIFTED, 0)).exists()
    assert not Task.objects.filter(file__in=files, state="open").exists()
    releases = Release.objects.filter(file__in=files)
    assert releases.count() == comers.PEOPLE
    certificate = releases.order_by("number")[0]
    assert certificate_of(certificate.code)
    assert not BedStay.objects.filter(file__in=files, until=None).exists()
    areas = Declaration.objects.filter(area__key__in=outbreak.PAGE.keys, latest=True)
    assert set(areas.values_list("step", flat=True)) == {Step.LIFTED}
    assert not VenueSampling.objects.filter(done_at=None, due_on__lt=date(2022, 1, 1)).exists()

    figures = report_of(days.day(20), layers.DISTRICT).total.figures
    assert {name: figures[name] for name in ("followed", "centralised", "test", "new", "released")} == {
        "followed": comers.PEOPLE,
        "centralised": comers.VISITORS,
        "test": comers.PEOPLE - comers.VISITORS,
        "new": 0,
        "released": 0,
    }
    assert report_of(days.day(outbreak.LIFTED), layers.DISTRICT).total.figures["followed"] == 0
