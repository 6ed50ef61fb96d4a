"""The public front page in a real browser: the map live and plain, the divider between before and after, the phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.web.making import publish

NO_WEBGL = """
  const real = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
  };
"""


@pytest.fixture(autouse=True)
def bulletin(transactional_db: None) -> None:
    publish()


def test_the_map_draws_and_a_point_leads_to_its_entry(page: Page) -> None:
    page.goto("/")
    chart = page.locator("duban-map[data-ready]")
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart).to_contain_text("尚未载入地图图层")


def test_without_webgl_the_points_are_links(page: Page) -> None:
    page.add_init_script(NO_WEBGL)
    page.goto("/")
    chart = page.locator("duban-map[data-ready]")
    expect(chart.locator("svg a")).to_have_count(3)
    expect(chart).to_contain_text("改用简图")
    chart.get_by_role("link", name="暴露垃圾, 已销账").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/bulletins/[^/]+/#entry-110112-2021-000001$"))


def test_the_divider_moves_by_keyboard(page: Page) -> None:
    page.goto("/")
    slider = page.locator("img-comparison-slider")
    expect(slider).to_have_attribute("aria-label", "整改前后对比：漷县镇第100村距环村路约27米。可用方向键移动分隔线。")
    before = slider.evaluate("element => element.value")
    slider.focus()
    page.keyboard.down("ArrowRight")
    page.wait_for_function("before => document.querySelector('img-comparison-slider').value > before", arg=before)
    page.keyboard.up("ArrowRight")


def test_without_scripts_both_pictures_stand_side_by_side(open_page: Callable[..., Page]) -> None:
    page = open_page(scripts=False)
    page.goto("/")
    expect(page.locator(".compare-pair img")).to_have_count(2)
    expect(page.get_by_role("img", name="整改后：漷县镇第100村距环村路约27米")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 360])
def test_front_page_is_accessible_and_fits(
    open_page: Callable[..., Page], accessible: Callable[[Page], None], width: int, language: str, dark: bool
) -> None:
    page = open_page(width=width, language=language, dark=dark)
    page.goto("/")
    page.locator("duban-map[data-ready]").wait_for()
    accessible(page)
