"""What is counted of an area at a glance agrees with itself and with the rows, whichever database counts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.decisions.world import DISTRICT, NOW, TODAY, TOWN, Office, make_office
from tests.patrol.exposing import make_venue

from duban.demo.builders import NOON, make_finding, make_photo
from duban.ledger import actions as ledger
from duban.ledger.models import Entry
from duban.ledger.recording import record_finding
from duban.outbreak.models import CaseFile
from duban.patrol.importing import import_inspections
from duban.web.models import KeptFigures
from duban.web.overview import count_again, count_area

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None) -> Office:
    return make_office()


def fill(office: Office) -> None:
    """Some days of entries in every state, people under an order, inspections, decisions."""
    for seed in range(1, 16):
        found = NOW - timedelta(days=seed % 6, hours=1)
        finding = make_finding(seed, found_at=found, responsible=TOWN)
        entry = record_finding(by=office.supervisor, now=found, finding=finding).entry
        step: dict[str, Any] = {"now": found + timedelta(minutes=10), "entry_id": entry.pk}
        if seed % 5:
            ledger.list_entry(by=office.supervisor, **step)
        if seed % 5 > 1:
            ledger.assign_entry(by=office.supervisor, unit=TOWN, **step)
        if seed % 5 > 3:
            ledger.submit_remedy(by=office.handler, photos=[make_photo(seed, by=office.handler)], **step)
            ledger.close_entry(by=office.supervisor, **step)
    _area, files = office.order(30)
    CaseFile.objects.filter(pk__in=[file.pk for file in files[:12]]).update(isolated_at=NOW, tested_at=NOW)
    make_venue("店", TOWN, kind="shop")
    head = "venue,venue_type,jurisdiction,visited_at,item,result,note\n"
    rows = "".join(
        f"店{n},shop,{TOWN},2021-01-{day},masks,{said},\n"
        for n, day, said in ((1, 19, "fail"), (2, 20, "pass"), (1, 12, "fail"))
    )
    import_inspections(by=office.supervisor, now=NOW, data=(head + rows).encode(), name="a.csv")
    office.decide("逾期的", due_on=TODAY - timedelta(days=1))
    office.decide("没人管的")


def test_the_numbers_agree_with_the_rows_and_with_each_other(office: Office) -> None:
    fill(office)
    counted = count_area(DISTRICT, NOW)
    books = counted["ledger"]
    rows = Entry.objects.all()
    unremedied = rows.filter(state__in=["found", "listed", "assigned"])
    assert books["open"] == rows.exclude(state="closed").count() == books["open_trend"][-1]
    assert books["overdue"] == unremedied.filter(due_at__lt=NOW).count() == books["overdue_trend"][-1]
    assert books["dispatched_week"] == rows.filter(dispatched_at__isnull=False).count()
    assert sum(books["dispatched_trend"]) == books["dispatched_week"] + books["dispatched_before"]
    assert (
        sum(one["number"] for one in books["late"])
        == unremedied.filter(due_at__lt=NOW, dispatched_at__isnull=False).count()
    )
    assert books["in_time"] <= books["in_time_of"] <= books["dispatched_week"]
    assert list(books["open_trend"]) == sorted(books["open_trend"]), "nothing was struck off later than on its day"
    people = counted["outbreak"]
    assert people["figures"]["followed"] == 30 == people["trend"][-1]
    assert people["stages"]["screened"] == 30
    assert people["stages"]["isolated"] == 12
    assert people["areas"] == 1
    patrol = counted["patrol"]
    assert (patrol["visits"], patrol["problems"], patrol["problems_before"]) == (2, 1, 1)
    assert sum(patrol["trend"]) == 2
    decided = counted["decisions"]
    assert (decided["in_force"], decided["late"], decided["no_work"], decided["wanting"]) == (2, 1, 2, 2)
    assert [line["standing"] for line in decided["lines"]] == ["no_work", "no_work"]


def test_another_area_counts_nothing_of_it(office: Office) -> None:
    fill(office)
    counted = count_area("110113", NOW)
    assert counted["ledger"]["open"] == counted["ledger"]["overdue"] == counted["decisions"]["in_force"] == 0
    assert counted["patrol"]["visits"] == counted["organisations"]["all"] == counted["outbreak"]["areas"] == 0


def test_what_is_kept_is_what_was_counted(office: Office) -> None:
    fill(office)
    kept = count_again(DISTRICT, now=NOW)
    assert KeptFigures.objects.get().value == json.loads(json.dumps(count_area(DISTRICT, NOW)))
    assert kept.at == NOW


def test_a_day_later_the_days_have_moved_on(office: Office) -> None:
    fill(office)
    first, then = (count_area(DISTRICT, NOW + timedelta(days=days))["ledger"] for days in (0, 1))
    assert first["days"][1:] == then["days"][:-1]
    assert first["dispatched_trend"][1:] == then["dispatched_trend"][:-1]
    assert first["open_trend"][1:-1] == then["open_trend"][:-2]
    assert first["overdue_trend"][1:-1] == then["overdue_trend"][:-2]


def test_what_nobody_was_sent_is_overdue_on_each_of_the_days(office: Office) -> None:
    """A trend that left it out would leap on its last day, where the number above it counts all."""
    fill(office)
    for days in (1, 3, 6):
        at = NOW + timedelta(days=days)
        trend = count_area(DISTRICT, at)["ledger"]["overdue_trend"]
        midnight = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = [*(midnight - timedelta(days=back) for back in range(4, -1, -1)), at]
        rows = Entry.objects.filter(state__in=["found", "listed", "assigned"])
        assert list(trend[-6:]) == [rows.filter(due_at__lt=end).count() for end in ends]
        assert trend[-1] > rows.filter(due_at__lt=at, dispatched_at__isnull=False).count()


def test_noon_is_no_border(office: Office) -> None:
    """What was dispatched at the first moment of a day counts on that day, by the clock of the office."""
    midnight = NOON - timedelta(hours=12)
    entry = record_finding(by=office.supervisor, now=midnight, finding=make_finding(1, found_at=midnight)).entry
    ledger.list_entry(by=office.supervisor, now=midnight, entry_id=entry.pk)
    ledger.assign_entry(by=office.supervisor, now=midnight, entry_id=entry.pk, unit=TOWN)
    books = count_area(DISTRICT, NOW)["ledger"]
    assert dict(zip(books["days"], books["dispatched_trend"], strict=True))["2021-01-18"] == 1
