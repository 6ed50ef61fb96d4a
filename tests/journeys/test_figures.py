"""The figures of inspections in a real browser: from a table to the sentence, a number's rows, and the refusal."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.core.audit import Console
from duban.core.models import AuditRecord
from duban.demo import inspection, layers
from duban.demo.builders import NOON, make_person
from duban.places.actions import load_jurisdictions

DAYS = "?from=2021-01-18&to=2021-01-19"


@pytest.fixture
def supervisor(transactional_db: None) -> Person:
    load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
    return make_person("supervisor", "supervisor")


def send(page: Page, calls: list[inspection.Call]) -> None:
    page.goto("/patrol/import/")
    data = inspection.inspections_file(calls)
    page.locator("input[type=file]").set_input_files({"name": "visits.csv", "mimeType": "text/csv", "buffer": data})
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(re.compile(r"/patrol/import/[0-9a-f-]{36}/$"))
    page.locator("form[action$='/take/'] button").click()
    expect(page.locator(".tally .done b")).to_have_text(str(len(calls)))


def test_the_pages_inspection_sent_as_a_table_says_the_pages_sentence(
    open_page: Callable[..., Page],
    supervisor: Person,
    log_in: Callable[..., None],
    accessible: Callable[[Page], None],
) -> None:
    page = open_page(width=360)
    log_in(page, supervisor)
    barber = inspection.LOOKED_BACK[1]
    send(page, [call for call in inspection.CALLS if call != barber])
    accessible(page)

    page.goto(f"/patrol/figures/{DAYS}")
    accessible(page)
    expect(page.locator(".news .said")).to_contain_text("对11个乡镇开展检查指导，共发现问题5处")
    expect(page.locator(".news .said")).to_contain_text("未查看1项")
    page.locator("#lookback form button").click()
    expect(page.locator(".notice.error .left li")).to_have_count(1)
    expect(page.locator(".notice.error .left b")).to_have_text(barber.place.name)
    assert not AuditRecord.objects.filter(action="state_lookback_clean").exists()

    send(page, [barber])
    page.goto(f"/patrol/figures/{DAYS}")
    expect(page.locator(".news .said")).to_contain_text("暂无未整改问题")
    page.locator("#lookback form button").click()
    expect(page.locator(".messages")).to_contain_text("暂无未整改问题")
    assert AuditRecord.objects.filter(action="state_lookback_clean").count() == 1

    page.locator("a.figure-cell[href*='figure=town_problems']").click()
    expect(page.locator("tr[data-row]")).to_have_count(5)
    accessible(page)
    expect(page.locator("main")).to_contain_text(inspection.STORE.name)
