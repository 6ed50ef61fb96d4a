"""Every number of the figures equals the rows behind it; scores and weights are as worked out by hand."""

import io
import random
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_finding
from duban.ledger import evaluation, figures, queries, recording
from duban.ledger.figures import INDICATORS, Share
from duban.ledger.filters import read_filters
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Entry

JANUARY = date(2021, 1, 1)
NOW = NOON + timedelta(days=3)
UNITS = ["110112106", "110112104", "110112110"]


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def scatter(by: Person, seed: int, count: int = 60) -> None:
    """Entries with every column that a figure reads set at random, late, early or not at all."""
    draw = random.Random(seed)
    made = [make_finding(one) for one in range(1, count + 1)]
    recorded, _refused = recording.record_findings(by=by, now=NOON, findings=made)
    entries = [done.entry for done in recorded]
    categories = list(Category.objects.all()[:3])

    def moment() -> Any:
        return draw.choice([None, NOON + timedelta(hours=draw.randint(-24 * 50, 24 * 4))])

    for entry in entries:
        entry.state = draw.choice([state for state in State if state != State.MERGED])
        entry.responsible, entry.category = draw.choice(UNITS), draw.choice(categories)
        for column in ("dispatched_at", "dispatch_due_at", "due_at", "remedied_at", "verified_at", "verify_due_at"):
            setattr(entry, column, moment())
        entry.closed_at = NOON if entry.state == State.CLOSED else None
        for column in ("return_count", "rework_count", "extension_count", "reopen_count"):
            setattr(entry, column, draw.choice([0, 0, 1, 2]))
        entry.cycle = draw.choice([1, 1, 2])
        entry.save()


def rows_of(person: Person, address: str) -> int:
    wanted = read_filters(QueryDict(address.partition("?")[2].replace("&amp;", "&")))
    return queries.entries_for(person, wanted, now=NOW).count()


@pytest.fixture
def clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duban.core.clock.now", lambda: NOW)


def browse(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("who", ["supervisor", "town_supervisor"])
def test_every_number_on_the_page_equals_the_rows_behind_it(
    people: dict[str, Person], clock_stands: None, seed: int, who: str
) -> None:
    scatter(people["inspector"], seed)
    client, counted = browse(people[who]), 0
    for name in ("figures", "figures_trend"):
        page = client.get(reverse(f"ledger:{name}"), {"month": "2021-01"}).content.decode()
        for address, shown in re.findall(r'<a class="count" href="([^"]*)"[^>]*>([\d,]+)</a>', page):
            assert rows_of(people[who], address) == int(shown.replace(",", "")), address
            counted += 1
    assert counted > 50


def test_a_number_opens_the_list_of_its_rows(people: dict[str, Person], clock_stands: None) -> None:
    scatter(people["inspector"], 3)
    page = browse(people["leader"]).get(reverse("ledger:list"), {"figure": "handled:n:2021-01-01:2021-02-01"})
    period = figures.month_of(JANUARY)
    found = figures.add_up(figures.by_unit_and_category(people["leader"], period, now=NOW).values())
    assert page.context["total"].number == found["handled"].n > 0
    assert escape("Handled, January 2021") in page.content.decode()


NO_NUMBERS = (
    " x handled:n handled:x:2021-01-01:2021-02-01 handled:n:2021-02-01:2021-01-01 handled:n:a:b:1:2"
    " handled:n:2021-01-01:2021-02-01:12 handled:n:2021-01-01:9999-12-31"
).split(" ")


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_names_no_number_is_refused(text: str) -> None:
    with pytest.raises(figures.BadFigure):
        figures.read_figure(text)


def test_sums_by_unit_category_and_month_agree(people: dict[str, Person]) -> None:
    scatter(people["inspector"], 4)
    found = evaluation.evaluate(people["supervisor"], JANUARY, now=NOW)
    assert figures.add_up(one.shares for one in found.units) == found.total
    assert figures.add_up(shares for _category, shares in found.categories) == found.total
    assert found.months[JANUARY] == found.total
    cohort = Entry.objects.exclude(state__in=("merged", "split", "void"))
    cohort = cohort.filter(
        dispatched_at__gte=figures.midnight(JANUARY), dispatched_at__lt=figures.midnight(date(2021, 2, 1))
    )
    assert found.total["dispatched"] == Share(cohort.count(), cohort.count())
    assert all(0 <= share.n <= share.of for share in found.total.values())


def shares(**given: tuple[int, int]) -> figures.Shares:
    return figures.nothing() | {key: Share(*pair) for key, pair in given.items()}


def test_the_score_is_as_worked_out_by_hand(db: None) -> None:
    weights = figures.weights_at(JANUARY)
    assert sum(weights.values()) == 100
    unit = shares(handled=(3, 4), timely_handled=(2, 4), rework=(1, 4), overdue=(1, 4), extension=(1, 5))
    # 30 * .75 + 20 * .5 + 20 * .75 + 20 * .75 + 10 * .8
    assert figures.score_of(unit, weights) == Decimal("70.50")
    # Nothing to judge yet: rework is left out, (0 + 0 + 0 + 10) of 80.
    late = shares(handled=(0, 1), timely_handled=(0, 1), overdue=(1, 1), extension=(0, 1))
    assert figures.score_of(late, weights) == Decimal("12.50")
    assert figures.score_of(shares(dispatched=(3, 3), extension=(0, 3)), weights) is None
    ranked = figures.ranking({"a": late, "b": unit, "c": unit, "d": figures.nothing()}, weights)
    assert [(one.unit, one.rank) for one in ranked] == [("b", 1), ("c", 1), ("a", 3), ("d", None)]


def test_weights_are_added_and_never_overwritten(people: dict[str, Person]) -> None:
    admin = people["administrator"]
    before = figures.weights_at(JANUARY)
    new = {"handled": Decimal(60), "recurrence": Decimal(40)}

    def refused(by: Person = admin, month: date = date(2021, 2, 1), **weights: Decimal) -> str:
        with pytest.raises(DubanError) as refusal:
            figures.set_weights(by=by, now=NOON, month=month, weights=weights or new)
        return refusal.value.code

    assert refused(by=people["supervisor"]) == "not_allowed"
    assert refused(handled=Decimal(99)) == "weights_not_100"
    assert refused(dispatched=Decimal(100)) == "unknown_indicator"
    assert refused(handled=Decimal("NaN")) == "bad_weight"
    assert refused(month=date(2020, 12, 1)) == "month_past"
    figures.set_weights(by=admin, now=NOON, month=date(2021, 2, 1), weights=new)
    assert refused() == "weights_exist"
    assert figures.weights_at(date(2021, 1, 31)) == before
    assert figures.weights_at(date(2021, 2, 1)) == new
    assert AuditRecord.objects.filter(action="set_weights").count() == 1


ROOMS = {"supervisor", "leader", "administrator", "publisher"}


@pytest.mark.parametrize("role", sorted(ROOMS | {"inspector", "handler", "health_officer", "community_worker"}))
def test_each_room_of_the_figures_opens_to_its_roles(people: dict[str, Person], role: str) -> None:
    client = browse(people[role])
    sees, weighs = (200 if role in ROOMS else 403), (200 if role == "administrator" else 403)
    assert client.get(reverse("ledger:figures")).status_code == sees
    assert client.get(reverse("ledger:figures_trend")).status_code == sees
    assert client.get(reverse("ledger:evaluation", args=["xlsx"])).status_code == sees
    assert client.get("/api/v1/figures").status_code == sees
    assert client.get(reverse("ledger:weights")).status_code == weighs


def test_bad_months_are_refused_in_words(people: dict[str, Person]) -> None:
    client = browse(people["leader"])
    for month in ("2021-13", "x", "0000-01", "2021-1"):
        assert client.get(reverse("ledger:figures"), {"month": month}).status_code == 400
        assert client.get("/api/v1/figures", {"month": month}).json()["code"] == "bad_month"


def test_the_reports_hold_the_numbers(people: dict[str, Person]) -> None:
    scatter(people["inspector"], 5)
    found = evaluation.evaluate(people["supervisor"], JANUARY, now=NOW)
    book = openpyxl.load_workbook(io.BytesIO(evaluation.as_xlsx(found)))
    rows = list(book.worksheets[0].iter_rows(min_row=5, values_only=True))
    assert len(rows) == len(found.units) + 1
    assert rows[-1][4] == found.total["dispatched"].n
    assert len(rows[0]) == 4 + 1 + 3 * (len(INDICATORS) - 1)
    assert all(not (isinstance(cell, str) and cell.startswith("=")) for row in rows for cell in row)
    assert evaluation.as_pdf(found).startswith(b"%PDF")


def test_the_api_tells_what_the_page_tells(people: dict[str, Person], clock_stands: None) -> None:
    scatter(people["inspector"], 6)
    found = evaluation.evaluate(people["leader"], JANUARY, now=NOW)
    client = browse(people["leader"])
    for by, lines in (("unit", found.units), ("category", found.categories), ("month", found.months)):
        told = client.get("/api/v1/figures", {"month": "2021-01", "by": by}).json()
        assert len(told["lines"]) == len(lines)
        assert {key: (one["n"], one["of"]) for key, one in told["total"].items()} == {
            key: (one.n, one.of) for key, one in found.total.items()
        }
