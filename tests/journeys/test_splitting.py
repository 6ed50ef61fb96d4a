"""A risk area split in a real browser: two parts drawn on the map take its place."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.outbreak.test_screening import DISTRICT, order

from duban.demo.builders import make_person
from duban.outbreak.models import Declaration


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_the_parts_of_an_area_are_drawn(
    transactional_db: None,
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    width: int,
    dark: bool,
) -> None:
    officer = make_person("qin", "health_officer", DISTRICT, name="秦防")
    area = Declaration.objects.get(number=order(officer)).area_id
    page = open_page(language="en", width=width, dark=dark)
    log_in(page, officer)
    page.goto(f"/outbreak/areas/{area}/change/")
    page.get_by_role("link", name="Split the area").click()
    expect(page.locator("duban-map[data-ready]")).to_be_visible()
    take = page.get_by_role("button", name="Take it as a part")
    west = (("116.30", "39.68"), ("116.32", "39.68"), ("116.32", "39.72"))
    east = (("116.32", "39.68"), ("116.34", "39.68"), ("116.34", "39.72"))
    for name, ring in (("西片", west), ("", east)):
        for lon, lat in ring:
            expect(take).to_be_disabled()
            page.locator("#corner_lon").fill(lon)
            page.locator("#corner_lat").fill(lat)
            page.get_by_role("button", name="Add the corner").click()
        page.get_by_label("Name of the part").fill(name)
        take.click()
    expect(page.locator("[data-count]")).to_have_text("2")
    accessible(page)
    send = page.get_by_role("button", name="Split the area")
    send.click()
    expect(page.locator("main")).to_contain_text("source_missing")
    # What was drawn is not lost by it.
    expect(page.locator("[data-count]")).to_have_text("2")
    page.get_by_label("Source notice").fill("通告第9号")
    send.click()
    expect(page.get_by_role("status").filter(has_text="take its place")).to_be_visible()
    accessible(page)
    parts = Declaration.objects.filter(area__part_of__isnull=False).order_by("number")
    assert [one.name for one in parts] == ["西片", "大兴区天宫院街道融汇社区, part 2"]
    page.goto("/outbreak/areas/")
    expect(page.locator("main")).to_contain_text("Lifted or split")
    accessible(page)
