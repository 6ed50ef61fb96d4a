"""A form of others becomes a check-list in a real browser: loaded, looked through, mended, tried, put in use."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.patrol.forms import assessment

from duban.access.models import Person
from duban.demo.builders import make_person

FORM = {
    "name": "rna.xlsx",
    "mimeType": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "buffer": assessment(),
}
Login = Callable[[Page, Any], None]


@pytest.fixture
def supervisor(transactional_db: None) -> Person:
    return make_person("sun", name="孙督办")


def test_a_form_is_loaded_tried_and_put_in_use(
    open_page: Callable[..., Page], supervisor: Person, log_in: Login, accessible: Callable[[Page], None]
) -> None:
    page = open_page(language="en")
    log_in(page, supervisor)
    page.goto("/patrol/lists/")
    accessible(page)
    page.get_by_role("link", name="Load an XLSForm").click()
    page.get_by_label("XLSForm workbook").set_input_files(files=[FORM])
    page.get_by_role("button", name="Load", exact=True).click()
    page.get_by_text("18 things of the form are not supported here").click()
    expect(page.get_by_text("repeat_count")).to_be_visible()
    accessible(page)

    page.get_by_role("link", name="As the inspector sees it").click()
    expect(page.get_by_text("Province")).to_have_count(0)
    page.get_by_text("Yes", exact=True).first.click()
    page.get_by_text("South", exact=True).click()
    expect(page.get_by_text("Coast")).to_be_visible()
    expect(page.get_by_text("Upper Valley")).to_have_count(0)
    page.get_by_text("North", exact=True).click()
    expect(page.get_by_text("Upper Valley")).to_be_visible()
    page.get_by_text("No", exact=True).first.click()
    expect(page.get_by_text("Province")).to_have_count(0)
    accessible(page)
    page.get_by_role("link", name="Back", exact=True).click()

    page.get_by_role("link", name="Add a question").click()
    expect(page.get_by_text("Where its choices come from")).to_be_hidden()
    page.get_by_role("textbox", name="Key").fill("gate_guarded")
    page.get_by_label("Question", exact=True).first.fill("大门是否有人值守")
    page.get_by_label("Kind of question").select_option("select_one")
    expect(page.get_by_text("What makes a check of it")).to_be_hidden()
    page.get_by_label("List of choices").select_option("yes_no")
    page.get_by_label("Asked when").fill("${gate_open} = 'yes'")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("bad_condition")).to_be_visible()
    accessible(page)
    page.get_by_label("Asked when").fill("${consent} = 'yes'")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Move up: 大门是否有人值守").click()
    expect(page.locator("#item-gate_guarded")).to_be_visible()

    page.get_by_role("button", name="Put in use").click()
    expect(page.get_by_text("Version 1 is in use from now on.")).to_be_visible()
    expect(page.get_by_role("link", name="大门是否有人值守")).to_have_count(0)
    with page.expect_download() as file:
        page.get_by_role("link", name="As an XLSForm").click()
    assert file.value.suggested_filename == "rna_2021-1.xlsx"


def test_the_bench_is_used_on_a_phone_and_by_keyboard(
    open_page: Callable[..., Page], supervisor: Person, log_in: Login, accessible: Callable[[Page], None]
) -> None:
    page = open_page(width=360, language="en", touch=True)
    log_in(page, supervisor)
    page.goto("/patrol/lists/safety/")
    accessible(page)
    page.get_by_role("button", name="Edit as a draft").tap()
    expect(page.locator(".bench-items li")).to_have_count(5)
    accessible(page)
    down = page.get_by_role("button", name="Move down: Are escape routes and exits free?")
    down.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".bench-items li").first).to_have_id("item-extinguishers")
    page.get_by_role("button", name="Take out: Is the wiring in order?").tap()
    expect(page.locator("#item-wiring")).to_have_count(0)
    page.get_by_role("link", name="What is other than in use").tap()
    expect(page.get_by_role("heading", name="Taken out")).to_be_visible()
    accessible(page)


def test_without_scripts_everything_is_there(open_page: Callable[..., Page], supervisor: Person, log_in: Login) -> None:
    page = open_page(language="en", scripts=False)
    log_in(page, supervisor)
    page.goto("/patrol/lists/safety/1/preview/")
    page.get_by_text("fail", exact=True).first.click()
    page.get_by_role("button", name="What is asked now?").click()
    expect(page.get_by_text("A photo is asked for here.")).to_be_visible()
