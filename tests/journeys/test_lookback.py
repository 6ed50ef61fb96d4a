"""A look-back round in a real browser: counted before it is drawn, drawn again, each entry one press away, closed."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger import lookback, recording
from duban.ledger.models import LookbackRound

TOWNS = ("110112106", "110112104", "110112110")


@pytest.fixture
def supervisor(transactional_db: None) -> Person:
    """Of a district with twelve entries struck off, whose look-back is due."""
    person = make_person("sun", name="孙督办")
    made = [make_finding(seed, responsible=TOWNS[seed % 3]) for seed in range(12)]
    recorded, _refused = recording.record_findings(by=person, now=NOON, findings=made)
    for done in recorded:
        entry = done.entry
        entry.state, entry.closed_at, entry.lookback_due_at = "closed", NOON, NOON + timedelta(days=30)
        entry.save()
    return person


def test_a_round_is_counted_drawn_checked_and_closed(
    open_page: Callable[..., Page], supervisor: Person, log_in: Callable[[Page, Any], None]
) -> None:
    page = open_page(language="en")
    log_in(page, supervisor)
    page.goto("/ledger/")
    page.get_by_role("link", name="Look-back", exact=True).click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("12 due, of which 0 came back before.")
    page.get_by_label("How many to draw").fill("2")
    expect(preview).to_contain_text("There are 3 strata, more than are to be drawn")
    page.get_by_label("How many to draw").fill("4")
    expect(preview.locator("tfoot")).to_contain_text("4")
    page.get_by_label("Due by").fill("2021-01-20")
    expect(preview).to_contain_text("Nothing is due")
    page.get_by_label("Due by").fill("2021-03-01")
    expect(preview).to_contain_text("12 due")
    page.get_by_label("Name of the round").fill("一季度")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("一季度")
    expect(page.locator("#redrawn")).to_contain_text("the same entries come out")
    expect(page.locator("#items [data-row]")).to_have_count(4)
    with page.expect_download() as file:
        page.get_by_role("link", name="Frame and seed as CSV").click()
    assert re.fullmatch(r"lookback-110112-\d{4}-R001\.csv", file.value.suggested_filename)
    page.locator("#items").get_by_role("link", name="recurred").first.click()
    expect(page.locator("#do-recurred")).to_have_attribute("open", "")
    page.go_back()
    page.locator("#items").get_by_role("link", name="stands", exact=True).first.click()
    page.get_by_role("button", name="Looked back: stands").first.click()
    page.get_by_role("link", name="Look-back", exact=True).click()
    page.locator(".rounds").get_by_role("link").click()
    expect(page.locator(".verdict")).to_contain_text("3 struck off and not yet looked at, 1 seen to stand")
    page.get_by_label("Reason").fill("封控")
    page.get_by_role("button", name="Close the round").click()
    expect(page.locator(".verdict")).to_contain_text("1 seen to stand, 3 not inspected, 8 sampled out.")
    assert not LookbackRound.objects.get().is_open


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_the_pages_of_rounds_are_accessible(
    open_page: Callable[..., Page],
    supervisor: Person,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    width: int,
    dark: bool,
) -> None:
    drawn = lookback.draw_round(by=supervisor, now=clock.now(), at="110112", size=5, name="一季度").round
    page = open_page(width=width, dark=dark, language="en")
    log_in(page, supervisor)
    for address in (
        "",
        f"{drawn.pk}/",
        f"{drawn.pk}/?standing=all",
        f"{drawn.pk}/?standing=lost",
        f"{drawn.pk}/redraw/",
    ):
        page.goto(f"/ledger/lookback/{address}")
        page.wait_for_load_state("networkidle")
        accessible(page)
