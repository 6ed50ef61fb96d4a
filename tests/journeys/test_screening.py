"""Screening in a real browser: an area drawn on the map, counted by town, confirmed, and one person opened."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.outbreak.people import id_number, write_csv
from tests.outbreak.test_screening import COLUMNS, DISTRICT, HERE, THERE, person, take

from duban.access.models import Person
from duban.demo.builders import make_person
from duban.outbreak import store
from duban.outbreak.models import Declaration, Found, Opening, Screening


@pytest.fixture
def officer(transactional_db: None, tmp_path: Path) -> Iterator[Person]:
    shutil.rmtree(store.folder(), ignore_errors=True)
    rows = [*(person(n, home=HERE, venue="店") for n in range(1, 4)), person(9, home=THERE, venue="店")]
    take(write_csv(tmp_path / "a.csv", *rows, columns=COLUMNS))
    yield make_person("qin", "health_officer", DISTRICT, name="秦防")
    shutil.rmtree(store.folder(), ignore_errors=True)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_an_area_is_drawn_counted_confirmed_and_one_person_opened(
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    officer: Person,
    width: int,
    dark: bool,
) -> None:
    page = open_page(language="en", width=width, dark=dark)
    log_in(page, officer)
    page.goto("/outbreak/declare/")
    expect(page.locator("duban-map[data-ready]")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("融汇社区")
    page.get_by_label("Level").fill("中风险")
    page.get_by_label("From", exact=False).first.fill("2021-01-17T00:00")
    for lon, lat in (("116.30", "39.68"), ("116.34", "39.68"), ("116.34", "39.72"), ("116.99", "39.99")):
        page.locator("#corner_lon").fill(lon)
        page.locator("#corner_lat").fill(lat)
        page.get_by_role("button", name="Add the corner").click()
    page.get_by_role("button", name="Take back the last").click()
    page.locator("#corner_lon").fill("116.30")
    page.locator("#corner_lat").fill("39.72")
    page.get_by_role("button", name="Add the corner").click()
    expect(page.locator("[data-corners]")).to_have_text("4")
    accessible(page)
    page.get_by_role("button", name="Declare", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Declared under the order")).to_be_visible()
    assert len(Declaration.objects.get().geometry["coordinates"][0]) == 5
    accessible(page)
    page.get_by_role("button", name="See who was there").click()
    page.wait_for_url("**/outbreak/screen/*/")
    expect(page.locator(".tally").first).to_contain_text("4")
    accessible(page)
    assert not Screening.objects.exists()
    page.get_by_label("Ground").select_option("order")
    page.get_by_label("Purpose").fill("第98次会议决定的摸排")
    page.get_by_role("button", name="Keep the list of 4 people").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Screening")
    accessible(page)
    page.get_by_role("button", name="Hand the lists to the towns").click()
    page.wait_for_url("**/outbreak/files/opening/*/")
    expect(page.locator("#job .tally .done")).to_contain_text("4")
    accessible(page)
    page.goto(f"/outbreak/runs/{Screening.objects.get().pk}/")
    found = Found.objects.filter(town=THERE).get()
    page.get_by_role("link", name=found.person[:8]).click()
    page.wait_for_url(f"**/outbreak/found/{found.pk}/")
    accessible(page)
    page.get_by_label("Ground").select_option("order")
    page.get_by_label("Purpose").fill("通知集中隔离")
    page.get_by_role("button", name="Open who it is").click()
    expect(page.locator("main")).to_contain_text(id_number(9))
    assert Opening.objects.count() == 1
    page.goto("/outbreak/areas/")
    expect(page.locator("main")).to_contain_text("融汇社区")
    accessible(page)


def test_a_list_is_taken_in_and_contacts_are_drawn(
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    officer: Person,
    tmp_path: Path,
) -> None:
    page = open_page(language="zh")
    log_in(page, officer)
    page.goto("/outbreak/presences/")
    accessible(page)
    file = write_csv(tmp_path / "b.csv", person(5, venue="店"), person(6, lon="39.7", lat="116.3"), columns=COLUMNS)
    page.locator("[name=source]").fill("登记")
    page.locator("[name=file]").set_input_files(file)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("swapped")
    accessible(page)
    cases = tmp_path / "cases.csv"
    cases.write_text(f"person,onset_at,sampled_at,isolated_at\n{id_number(1)},,2021-01-19,\n")
    page.goto("/outbreak/trace/")
    accessible(page)
    page.locator("[name=file]").set_input_files(cases)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("[data-chains] svg")).to_be_visible()
    expect(page.locator("[data-timeline] svg")).to_be_visible()
    accessible(page)
