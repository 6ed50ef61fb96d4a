"""Rounds follow what is in force, missed ones show, and a positive surface puts an entry on the ledger once."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.patrol.exposing import make_venue

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.ledger.models import Entry
from duban.outbreak.models import SamplingFrequency, SurfaceSample, VenueSampling
from duban.outbreak.venue_sampling import rounds
from duban.outbreak.venue_sampling.frequencies import (
    Frequency,
    InForce,
    load_frequencies,
    put_level_in_force,
    set_frequency,
)
from duban.outbreak.venue_sampling.sampling import record_sampling, record_surface_result
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
TOWN = "110112106"


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer")


@pytest.fixture
def market(officer: Person) -> Venue:
    return make_venue("台湖农贸市场", TOWN, kind="market", lon=116.8, lat=39.8)


def plan(days: int = 0) -> int:
    return rounds.plan_rounds(now=NOON + timedelta(days=days), codes=["110112"])


def due() -> list[int]:
    """Days from today on which something is due and not done."""
    days = VenueSampling.objects.filter(done_at=None).order_by("due_on").values_list("due_on", flat=True)
    return [(day - TODAY).days for day in days]


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def take(officer: Person, sampling: VenueSampling, days: int = 0, **facts: Any) -> VenueSampling:
    given_ = {"staff_taken": 12, "surfaces": ["门把手", "案板"]} | facts
    return record_sampling(by=officer, now=NOON + timedelta(days=days), sampling_id=sampling.pk, **given_)


def test_rounds_follow_the_level_in_force(officer: Person, market: Venue) -> None:
    make_venue("饭馆", TOWN)
    make_venue("关了的市场", TOWN, kind="market", closed_at=NOON)
    assert plan() == 3
    assert due() == [0, 7, 14]
    assert plan() == 0
    level: dict[str, Any] = {"by": officer, "now": NOON, "since": TODAY, "source": "市通告"}
    put_level_in_force(**level, code="110112", level="medium")
    put_level_in_force(**level, code="110112", level="medium")
    assert plan() > 0
    assert due() == [0, 3, 6, 9, 12]
    put_level_in_force(**level, code=TOWN, level="high")
    plan()
    assert due() == list(range(15))
    assert refused(lambda: put_level_in_force(**level, code=TOWN, level="low")) == "level_taken"
    assert refused(lambda: put_level_in_force(**level, code=TOWN, level="severe")) == "unknown_level"
    assert refused(lambda: put_level_in_force(**level, code="110113", level="low")) == "not_allowed"


def test_a_missed_round_stays_and_the_next_is_not_later_for_it(officer: Person, market: Venue) -> None:
    plan()
    plan(days=9)
    assert due() == [0, 7, 14, 21]
    seen = rounds.samplings_for(officer)
    missed = rounds.shown(seen, "missed", TODAY + timedelta(days=9))
    assert [(one.due_on - TODAY).days for one in missed] == [7, 0]


def test_a_frequency_of_the_office_wins_over_the_built_in_one(officer: Person, market: Venue) -> None:
    draft = Frequency("110112", "market", "low", TODAY, 2, 30, 5)
    change: dict[str, Any] = {"by": officer, "now": NOON, "source": "区通知"}
    set_frequency(**change, draft=draft)
    set_frequency(**change, draft=draft)
    assert InForce(TODAY).for_venue("market", TOWN) == draft
    assert InForce(TODAY - timedelta(days=1)).for_venue("market", TOWN) != draft
    again = Frequency("110112", "market", "low", TODAY, 3, 30, 5)
    assert refused(lambda: set_frequency(**change, draft=again)) == "frequency_taken"
    nothing = Frequency("110112", "market", "low", TODAY + timedelta(days=1), 3, 0, 0)
    assert refused(lambda: set_frequency(**change, draft=nothing)) == "bad_frequency"
    load_frequencies()
    assert SamplingFrequency.objects.filter(office="110112").count() == 1


def test_a_round_is_done_once(officer: Person, market: Venue) -> None:
    plan()
    first, later = VenueSampling.objects.order_by("due_on")[:2]
    assert refused(lambda: take(officer, later)) == "sampling_too_early"
    assert refused(lambda: take(officer, first, staff_taken=0, surfaces=[])) == "nothing_sampled"
    assert refused(lambda: take(officer, first, staff_taken=-1)) == "bad_staff"
    assert refused(lambda: take(make_person("reader", "leader"), first)) == "not_allowed"
    assert refused(lambda: take(make_person("stranger", "health_officer", "110113"), first)) == "sampling_not_found"
    take(officer, first)
    take(officer, first, surfaces=["别的"])
    assert list(SurfaceSample.objects.order_by("pk").values_list("where", flat=True)) == ["门把手", "案板"]
    codes = list(SurfaceSample.objects.order_by("pk").values_list("code", flat=True))
    assert codes == ["110112-2021-E000001", "110112-2021-E000002"]
    assert plan() == 0


def test_a_positive_surface_puts_one_entry_on_the_ledger_and_names_no_venue(officer: Person, market: Venue) -> None:
    plan()
    take(officer, VenueSampling.objects.order_by("due_on")[0])
    board = SurfaceSample.objects.get(where="案板")
    result: dict[str, Any] = {"by": officer, "now": NOON + timedelta(hours=8), "sample_id": board.pk}
    early = NOON - timedelta(hours=1)
    assert refused(lambda: record_surface_result(**result, result="positive", resulted_at=early)) == (
        "result_before_sample"
    )
    assert refused(lambda: record_surface_result(**result, result="maybe")) == "unknown_result"
    for _time in range(2):
        board = record_surface_result(**result, result="positive")
    assert refused(lambda: record_surface_result(**result, result="negative")) == "result_stands"
    entry = Entry.objects.get()
    assert (board.entry, entry.category.code, entry.jurisdiction) == (entry.pk, "10902", TOWN)
    assert "案板" in entry.description
    assert market.name not in f"{entry.description} {entry.statement}"
    assert refused(lambda: record_surface_result(**result | {"sample_id": 0}, result="negative")) == "surface_not_found"


def test_the_pages(officer: Person, market: Venue, client: Client) -> None:
    client.force_login(officer)
    answer = client.post("/outbreak/sampling/plan/", follow=True)
    assert market.name in answer.content.decode()
    first = VenueSampling.objects.order_by("due_on")[0]
    page = f"/outbreak/sampling/{first.pk}/"
    assert client.post(page, {"staff_taken": "许多", "surfaces": ""}).status_code == 400
    client.post(page, {"staff_taken": "12", "surfaces": "门把手\n\n案板\n"})
    swab = SurfaceSample.objects.get(where="案板")
    answer = client.post(f"{page}surfaces/{swab.pk}/", {"result": "positive"}, follow=True)
    assert answer.status_code == 200
    assert Entry.objects.count() == 1
    assert client.get("/outbreak/sampling/?show=done").content.decode().count(market.name) == 1
    level = {"what": "level", "level-code": "110112", "level-level": "high", "level-since": "20日", "level-source": "x"}
    assert client.post("/outbreak/sampling/in-force/", level).status_code == 400
    assert client.post("/outbreak/sampling/in-force/", level | {"level-since": "2021-01-18"}).status_code == 302
    frequency = {
        "what": "frequency", "office": "110112", "kind": "market", "level": "high", "since": "2021-01-18",
        "every_days": "1.5", "staff_percent": "50", "surfaces": "9", "source": "区通知",
    }  # fmt: skip
    assert client.post("/outbreak/sampling/in-force/", frequency).status_code == 400
    assert client.post("/outbreak/sampling/in-force/", frequency | {"every_days": "2"}).status_code == 302
    planner = client.get("/outbreak/sampling/planner/?prevalence=1&people=1000")
    assert "0.1956" in planner.content.decode()
    assert client.get("/outbreak/sampling/planner/?prevalence=x&staff=-1").status_code == 400


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=6))
def test_whatever_is_done_or_missed_no_day_has_two_rounds(
    officer: Person, market: Venue, steps: list[tuple[int, bool]]
) -> None:
    VenueSampling.objects.all().delete()
    day = 0
    for forward, done in steps:
        plan(days=day)
        assert plan(days=day) == 0
        now = [one for one in VenueSampling.objects.filter(done_at=None) if (one.due_on - TODAY).days <= day]
        if done and now:
            take(officer, now[0], days=day)
        day += forward
    rows = list(VenueSampling.objects.values_list("due_on", flat=True))
    assert len(rows) == len(set(rows))
