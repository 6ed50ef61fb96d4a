"""The figures page: every number opens as many rows, periods beside it, exports, and the refusal of "nothing left"."""

import csv
import io
import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.ledger.pages import browse, codes_in
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.core.audit import Console
from duban.core.models import AuditRecord
from duban.demo import inspection, layers
from duban.demo.builders import NOON, make_person
from duban.patrol.importing import import_inspections
from duban.patrol.models import PatrolRound
from duban.places.actions import load_jurisdictions

pytestmark = pytest.mark.django_db
PAGE = {"from": "2021-01-18", "to": "2021-01-19"}


@pytest.fixture
def supervisor(db: None) -> Person:
    load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
    return make_person("supervisor", "supervisor", "110112")


def take(by: Person, calls: list[inspection.Call]) -> None:
    data = inspection.inspections_file(calls)
    import_inspections(by=by, now=inspection.beijing(25, 8), data=data, name="page.csv")


def open_page(client: Client, name: str = "figures", *args: str, **query: str) -> Any:
    return client.get(reverse(f"patrol:{name}", args=args), query)


def links(html: str) -> list[tuple[int, str]]:
    """(number, address) of every number that is a link."""
    found = re.findall(r'<a class="count" href="([^"]+)"[^>]*>([\d,]+)</a>', html)
    found += re.findall(r'<a class="figure-cell[^"]*" href="([^"]+)">\s*<span class="value">\D*([\d,]+)', html)
    return [(int(number.replace(",", "")), unescape(address)) for address, number in found]


def rows_shown(client: Client, address: str) -> int:
    """How many rows stand on all pages of a list."""
    count = 0
    while True:
        html = client.get(address).content.decode()
        count += html.count("<tr data-row>")
        older = re.search(r'rel="next" href="([^"]+)"', html)
        if not older:
            return count
        address = reverse("patrol:figures_rows") + unescape(older[1])


def test_the_page_says_the_sentence_and_the_figures(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    html = open_page(browse(supervisor), **PAGE).content.decode()
    assert "11 towns and townships were inspected and 5 problems found" in html
    assert "共发现问题5处" in html
    assert "Nothing is left unrectified." in html
    assert "before: 0" in html


def test_every_number_opens_as_many_rows(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    found = [one for one in links(open_page(client, **PAGE).content.decode()) if "rows/" in one[1]]
    assert len(found) > 60
    for number, address in found:
        assert rows_shown(client, address) == number, address


def test_a_long_list_is_read_by_pages_without_loss(supervisor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    monkeypatch.setattr("duban.patrol.figures_rows.page_of.__defaults__", ("", 3))
    asked = sum(len(call.answers) for call in [*inspection.THE_PAGE, *inspection.LOOKED_BACK])
    for figure, number in {
        "visits": 20,
        "venues": 20,
        "problems": 7,
        "failed_items": 13,
        "asked": asked,
        "due": 4,
    }.items():
        address = f"{reverse('patrol:figures_rows')}?from=2021-01-18&to=2021-01-19&figure={figure}"
        assert rows_shown(client, address) == number
        second = re.search(r'rel="next" href="([^"]+)"', client.get(address).content.decode())
        assert second
        html = client.get(reverse("patrol:figures_rows") + unescape(second[1])).content.decode()
        first = re.search(r'rel="prev" href="([^"]+)"', html)
        assert first
        back = client.get(reverse("patrol:figures_rows") + unescape(first[1])).content.decode()
        titles = re.findall(r'class="row-title"><a data-open href="([^"]+)"', back)
        assert titles == re.findall(
            r'class="row-title"><a data-open href="([^"]+)"', client.get(address).content.decode()
        )


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ({"from": "soon", "to": "2021-01-19"}, "bad_date", 400),
        ({"from": "2021-01-19", "to": "2021-01-18"}, "period_reversed", 400),
        ({"from": "1991-01-19", "to": "2021-01-18"}, "period_too_long", 400),
        ({"area": "abc"}, "bad_code", 400),
        ({"round": "no-id"}, "round_not_found", 404),
        ({"round": "00000000-0000-0000-0000-000000000001"}, "round_not_found", 404),
    ],
)
def test_a_question_that_is_none_is_refused_and_the_usual_one_shown(
    query: dict[str, str], code: str, status: int, supervisor: Person
) -> None:
    answer = open_page(browse(supervisor), **query)
    assert answer.status_code == status
    assert codes_in(answer) == {code}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"figure": "all"}, 400),
        ({"cursor": "x"}, 400),
        ({"cursor": "WyJhZnRlciIsICIyMDIxIiwgIjEiXQ"}, 400),
        ({"town": "\x00"}, 200),
        ({"item": "x" * 1000}, 200),
        ({"kind": "nothing"}, 200),
    ],
)
def test_rows_that_are_none(query: dict[str, str], status: int, supervisor: Person) -> None:
    assert open_page(browse(supervisor), "figures_rows", **PAGE, **query).status_code == status


def test_nobody_sees_figures_of_other_places(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(make_person("leader", "leader", "110112104"))
    html = open_page(client, **PAGE).content.decode()
    assert "1 town or township was inspected and 3 problems found" in html
    assert "北苑" not in html
    everything = {
        figure: open_page(client, "figures_rows", **PAGE, figure=figure).content.decode()
        for figure in ("visits", "due")
    }
    assert "首讯" not in everything["visits"]
    assert everything["due"].count("<tr data-row>") == 0
    assert (
        open_page(client, "figures_rows", **PAGE, figure="visits", area="110112003").content.count(b"<tr data-row>")
        == 0
    )
    for role in ("inspector", "handler", "health_officer"):
        assert open_page(browse(make_person(f"a_{role}", role)), **PAGE).status_code == 403


def test_a_publisher_sees_what_failed_but_is_led_to_no_visit(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    query = PAGE | {"figure": "failed_items"}
    assert b"/patrol/visits/" in open_page(browse(supervisor), "figures_rows", **query).content
    publisher = open_page(browse(make_person("publisher", "publisher")), "figures_rows", **query).content
    assert "首讯".encode() in publisher
    assert b"/patrol/visits/" not in publisher


# ---- nothing left ---------------------------------------------------------------------------------------------------


def test_nothing_left_is_put_on_record(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    answer = client.post(reverse("patrol:figures_clean"), PAGE, follow=True)
    assert answer.status_code == 200
    assert "nothing is left unrectified" in answer.content.decode()
    assert AuditRecord.objects.filter(action="state_lookback_clean").count() == 1


def test_nothing_left_is_refused_and_the_page_names_what_is(supervisor: Person) -> None:
    take(supervisor, [call for call in inspection.CALLS if call != inspection.LOOKED_BACK[1]])
    client = browse(supervisor)
    answer = client.post(reverse("patrol:figures_clean"), PAGE)
    assert answer.status_code == 409
    assert codes_in(answer) == {"lookback_not_clean"}
    html = answer.content.decode()
    assert "<b>次渠美发</b>" in html
    assert "<b>漷县老街面馆</b>" not in html
    assert not AuditRecord.objects.filter(action="state_lookback_clean").exists()
    assert client.post(reverse("patrol:figures_clean"), {"from": "2020-01-01", "to": "2020-01-02"}).status_code == 409
    assert browse(make_person("leader", "leader")).post(reverse("patrol:figures_clean"), PAGE).status_code == 403


# ---- comparison, trend, export --------------------------------------------------------------------------------------


def test_a_round_is_compared_with_the_one_before(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    made = {"area": "110112", "made_by": {}, "made_at": NOON}
    rounds = [
        PatrolRound.objects.create(title=title, starts_on=first, ends_on=first + timedelta(days=1), **made)
        for title, first in (("一月上旬", date(2021, 1, 11)), ("一月中旬", date(2021, 1, 18)))
    ]
    answer = open_page(browse(supervisor), round=str(rounds[1].pk))
    assert answer.context["earlier"].round == rounds[0]
    assert "2021-01-11" in answer.content.decode()
    assert open_page(browse(supervisor), round=str(rounds[0].pk)).context["earlier"].round is None


def test_the_months_come_by_htmx_and_on_a_page_of_their_own(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    whole = open_page(client, "figures_trend", **PAGE).content.decode()
    part = client.get(reverse("patrol:figures_trend"), PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    for html in (whole, part):
        assert html.count('data-column="head" data-value="20') == 12
        assert 'data-value="23"' in html


def test_the_workbook_holds_the_figures_and_nothing_that_runs(supervisor: Person) -> None:
    evil = inspection.Place("=HYPERLINK(1)", "shop", "110112104", 116.71, 39.96)
    take(
        supervisor, [*inspection.CALLS, inspection.Call(evil, inspection.beijing(18, 12), (("masks", ""),), ("masks",))]
    )
    data = open_page(browse(supervisor), "figures_file", "xlsx", **PAGE).content
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Figures", "By town", "By item", "By type", "Failed items", "Look-back"]
    facts = {row[0]: row[1] for row in book["Figures"].iter_rows(values_only=True)}
    assert (facts["Towns and townships inspected"], facts["Problems in towns and townships"], facts["Problems"]) == (
        11,
        6,
        8,
    )
    assert book["Failed items"].max_row == 15
    assert book["Look-back"].max_row == 5
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_the_csv_holds_every_row_of_a_number(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    answer = open_page(client, "figures_file", "csv", **PAGE, figure="failed_items")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert len(rows) == 13
    assert {"Venue", "Type", "Town", "When", "Items", "Result"} == set(rows[0])
    assert open_page(client, "figures_file", "csv", **PAGE, figure="nothing").status_code == 400
    assert open_page(client, "figures_file", "pdf", **PAGE).status_code == 404


def test_an_empty_register_says_what_is_missing(supervisor: Person) -> None:
    html = open_page(browse(supervisor)).content.decode()
    assert "Nobody finished a visit in this period." in html
    assert "nothing is said of a look-back" in html


@pytest.mark.parametrize("name", ["figures", "figures_rows"])
def test_more_visits_take_no_more_statements(name: str, supervisor: Person) -> None:
    client = browse(supervisor)
    take(supervisor, [*inspection.THE_WEEK_BEFORE, *inspection.THE_PAGE[:2], *inspection.LOOKED_BACK[:1]])
    open_page(client, name, **PAGE)
    with CaptureQueriesContext(connection) as few:
        open_page(client, name, **PAGE)
    take(supervisor, [*inspection.THE_PAGE[2:], *inspection.LOOKED_BACK[1:]])
    with CaptureQueriesContext(connection) as many:
        open_page(client, name, **PAGE)
    assert len(many) == len(few)
