"""The demo's outbreak: who it makes up is nobody, no moment of it lies ahead, and what it leaves hangs together."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from duban.demo import comers, layers, outbreak
from duban.ledger.models import Entry
from duban.outbreak.care.links import file_of_link
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
    SurfaceSample,
    Swab,
    Task,
    TaskKind,
    Tube,
    VenueSampling,
)
from duban.outbreak.people import normal_id_number, normal_phone


def test_everybody_made_up_can_be_told_apart_and_is_nobody() -> None:
    people = comers.comers()
    assert people == comers.comers()
    for facts in ("name", "id_number", "phone"):
        assert len({getattr(one, facts) for one in people}) == comers.PEOPLE
    assert all(normal_id_number(one.id_number) == one.id_number for one in people)
    assert all(normal_phone(one.phone) == one.phone for one in people)
    assert {one.id_number[:6] for one in people} == {comers.COUNTY}
    assert {one.stay for one in people} <= set(layers.villages())
    assert sum(one.area == comers.COMMUNITY for one in people) == comers.VISITORS
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
    assert Declaration.objects.count() == 2
    assert Found.objects.count() == comers.PEOPLE
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
    held = Tube.objects.get(size=10, result="positive").swabs
    again = Swab.objects.get(follows__in=held.all())
    assert again.tube.result == "negative"
    unknown = Tube.objects.get(result="").swabs
    waiting = {*held.values_list("file", flat=True), *unknown.values_list("file", flat=True)} - {again.file_id}
    assert set(followed.exclude(waiting_since=None).values_list("pk", flat=True)) == waiting

    release = Release.objects.get()
    assert certificate_of(release.code)
    assert release.file.state == "released"
    assert not release.file.tasks.filter(state="open").exists()

    raised = Alert.objects.filter(closed_at=None).values_list("kind", "level")
    assert set(raised) == {("fever", 1), ("symptom", 1)}
    assert CareRequest.objects.get().due_at > now

    missed = VenueSampling.objects.get(done_at=None, due_on__lt=days.day(21))
    assert missed.venue.name == outbreak.MISSED
    positive = SurfaceSample.objects.get(result="positive")
    entry = Entry.objects.get(pk=positive.entry)
    assert positive.sampling.venue.name not in f"{entry.description}{entry.statement}"
