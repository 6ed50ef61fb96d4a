"""The way in and the people of an area, in a real browser: both languages, phone width, dark, and nothing for axe."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from playwright.sync_api import Page, expect

from duban.access.actions import start_delegation
from duban.core import clock
from duban.demo.builders import make_person

PASSWORD = "kept-by-me-alone"


@pytest.fixture
def chief(transactional_db: None) -> Any:
    cache.clear()
    person = make_person("chief", "administrator", "110112", name="周管理")
    person.set_password(PASSWORD)
    person.save()
    return person


def type_in(page: Page) -> None:
    page.goto("/account/login/")
    page.locator("#id_username").fill("chief")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def test_a_second_factor_from_setting_up_to_the_next_login(
    open_page: Callable[..., Page], chief: Any, accessible: Callable[[Page], None]
) -> None:
    page = open_page(width=360, language="en", dark=True)
    type_in(page)
    page.goto("/account/second-factor/set-up/")
    expect(page).to_have_url(re.compile("/account/again/"))
    accessible(page)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.locator("img.qr")).to_be_visible()
    accessible(page)
    secret = page.locator(".secret").inner_text()

    def code() -> str:
        return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))

    page.locator("#id_code").fill(code())
    page.locator("main button[type=submit]").click()
    expect(page.locator(".secrets li")).to_have_count(10)
    accessible(page)
    other = open_page(width=360)
    type_in(other)
    expect(other).to_have_url(re.compile("/account/code/$"))
    accessible(other)
    cache.clear()
    other.locator("#id_code").fill(code())
    other.locator("main button[type=submit]").click()
    expect(other).to_have_url(re.compile("/desk/$"))
    page.goto("/account/sessions/")
    accessible(page)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    other.goto("/desk/")
    expect(other).to_have_url(re.compile("/account/login/"))


@pytest.mark.parametrize(("width", "language", "dark"), [(1280, "zh", False), (360, "en", True)])
def test_the_pages_of_an_administrator(
    open_page: Callable[..., Page],
    chief: Any,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    width: int,
    language: str,
    dark: bool,
) -> None:
    now = clock.now()
    person = make_person("li", "supervisor", "110112106", name="李四")
    start_delegation(by=person, now=now, taker="chief", start=now, end=now + timedelta(days=3))
    page = open_page(width=width, language=language, dark=dark)
    log_in(page, chief)
    for path in ("", "stand-in/", "tokens/", "second-factor/", "people/", "people/add/", f"people/{person.pk}/"):
        page.goto(f"/account/{path}")
        accessible(page)
    page.goto("/account/tokens/")
    page.locator("#id_name").fill("tablet")
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator(".secret")).to_have_text(re.compile("^duban_"))
    accessible(page)
    page.goto("/account/people/add/")
    page.locator("#id_username").fill("wu")
    page.locator("#id_at").fill("110112106")
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".secret")).to_be_visible()
    accessible(page)
