"""The shell in a real browser: log in, theme, language, menus, keys, and no page wider than the phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.web.making import fill_ledger

from duban.access.actions import add_person, get_person
from duban.core import clock

PASSWORD = "kept-by-me-alone"


@pytest.fixture
def supervisor(transactional_db: None) -> Any:
    add_person(username="sun", role="supervisor", at="110112", now=clock.now(), name="孙督办")
    person = get_person("sun")
    person.set_password(PASSWORD)
    person.must_change_password = False
    person.save()
    return person


def test_one_time_password_leads_to_the_desk_by_way_of_ones_own(page: Page, supervisor: Any) -> None:
    supervisor.must_change_password = True
    supervisor.save()
    page.goto("/desk/")
    page.get_by_label("用户名").fill("sun")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("请设置本人密码")
    page.goto("/desk/")
    expect(page.get_by_role("heading", level=1)).to_have_text("请设置本人密码")
    page.get_by_label("当前密码").fill(PASSWORD)
    page.get_by_label("新密码", exact=True).fill("a-new-one-of-mine")
    page.get_by_label("再输一遍新密码").fill("a-new-one-of-mine")
    page.get_by_role("button", name="修改密码").click()
    expect(page).to_have_url(re.compile(r"/desk/$"))
    expect(page.get_by_role("status").filter(has_text="密码已修改")).to_be_visible()


def test_theme_follows_the_system_until_the_person_chooses(open_page: Callable[..., Page]) -> None:
    page = open_page(dark=True)
    page.goto("/")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="深色或浅色").click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_language_switch_stays_on_the_page(page: Page, supervisor: Any, log_in: Callable[[Page, Any], None]) -> None:
    log_in(page, supervisor)
    page.goto("/account/?from=test")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("button", name="English").click()
    expect(page).to_have_url(re.compile(r"/account/\?from=test$"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", name="My roles")).to_be_visible()


def test_keys_show_their_list_and_can_be_switched_off(
    page: Page, supervisor: Any, log_in: Callable[[Page, Any], None]
) -> None:
    log_in(page, supervisor)
    page.goto("/account/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("启用单键操作").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="关闭").click()
    page.keyboard.press("d")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/account/$"))


def test_menu_on_a_phone_opens_and_escape_gives_the_focus_back(
    open_page: Callable[..., Page], supervisor: Any, log_in: Callable[[Page, Any], None]
) -> None:
    page = open_page(width=360)
    log_in(page, supervisor)
    page.goto("/account/")
    menu = page.locator("summary[aria-label='菜单']")
    menu.click()
    link = page.locator("details.only-narrow").get_by_role("link", name="工作台")
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(menu).to_be_focused()


@pytest.mark.parametrize(("width", "language", "dark"), [(1280, "zh", False), (360, "en", True)])
@pytest.mark.parametrize("path", ["/desk/", "/account/", "/account/password/", "/no/such/page"])
def test_pages_are_accessible_and_fit(
    open_page: Callable[..., Page],
    supervisor: Any,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    path: str,
    width: int,
    language: str,
    dark: bool,
) -> None:
    fill_ledger(1)
    page = open_page(width=width, language=language, dark=dark)
    log_in(page, supervisor)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    accessible(page)


def test_j_and_enter_open_the_most_urgent_entry(
    page: Page, supervisor: Any, log_in: Callable[[Page, Any], None]
) -> None:
    fill_ledger(1)
    log_in(page, supervisor)
    page.goto("/desk/")
    first = page.locator("[data-row] a[data-open]").first
    page.keyboard.press("j")
    expect(first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ledger/[0-9a-f-]{36}/$"))


def test_works_without_scripts(open_page: Callable[..., Page], supervisor: Any) -> None:
    page = open_page(scripts=False)
    page.goto("/account/login/")
    page.get_by_label("用户名").fill("sun")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("工作台")
    page.locator("details.only-wide summary").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page).to_have_url(re.compile(r"/$"))
