"""The bulletin in a real browser: entries moved by button, key and mouse, nothing kept before Save, read by anybody."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.bulletin.conftest import LATER, make_entry, publish

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue
from duban.demo.builders import make_person


@pytest.fixture
def drafter(transactional_db: None) -> Person:
    return make_person("supervisor", "supervisor", "110112")


@pytest.fixture
def draft(drafter: Person) -> Issue:
    """A draft with one entry rectified and four new ones."""
    handler = make_person("handler", "handler", "110112")
    for seed in range(1, 6):
        make_entry(seed, "closed" if seed == 5 else "listed", by=drafter, handler=handler)
    return actions.draft_issue(by=drafter, now=LATER)


def held(page: Page) -> list[str]:
    """What the new entries say, in their order on the page."""
    return [
        text.removeprefix("宋庄镇徐辛庄村距")
        for text in page.locator("#part-new [data-held] .statement a").all_inner_texts()
    ]


def test_the_page_is_written_on_the_page(
    page: Page, draft: Issue, drafter: Person, log_in: Callable[..., None], accessible: Callable[[Page], None]
) -> None:
    log_in(page, drafter)
    page.goto(f"/bulletins/desk/{draft.pk}/")
    accessible(page)
    one, two, three, four = held(page)
    first = page.locator("#part-new [data-held] .item").first
    first.locator("button[value^='down']").click()
    assert held(page) == [two, one, three, four]
    page.keyboard.press("Alt+ArrowDown")
    assert held(page) == [two, three, one, four]
    assert page.evaluate("document.activeElement.value.startsWith('down')")
    page.locator("#part-new [data-held] .item").last.locator("[data-grip]").drag_to(
        page.locator("#part-new [data-held] .item").first, target_position={"x": 40, "y": 6}
    )
    assert held(page) == [four, two, three, one]
    page.locator("#part-new [data-held] .item").first.locator(".take-out").click()
    assert held(page) == [two, three, one]
    expect(page.locator(".sheet-counts [data-count=new]")).to_have_text("3")
    assert draft.items.filter(section="new").count() == 4
    page.locator("#id_title").fill("第一期")
    # Another step must wait for what is not saved.
    page.locator("form[data-step] button").first.click()
    expect(page).to_have_url(f"{page.url.partition('#')[0]}")
    expect(page.locator("[data-unsaved-word]")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator(".messages .success")).to_be_visible()
    draft.refresh_from_db()
    assert draft.title == "第一期"
    assert held(page) == [two, three, one]
    page.locator("#part-new details.left-out summary").click()
    page.locator("#part-new [data-left] .put-in").click()
    page.locator("[data-save-bar] button").click()
    expect(page.locator(".messages .success")).to_be_visible()
    assert held(page) == [two, three, one, four]
    assert draft.items.filter(section="new").count() == 4


def test_leaving_with_unsaved_words_is_asked_about(
    page: Page, draft: Issue, drafter: Person, log_in: Callable[..., None]
) -> None:
    log_in(page, drafter)
    page.goto(f"/bulletins/desk/{draft.pk}/")
    page.locator("#id_intro").fill("没有保存的话")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/bulletins/")
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("scripts", [True, False])
def test_two_people_take_it_from_draft_to_the_reader(
    scripts: bool, open_page: Callable[..., Page], draft: Issue, drafter: Person, log_in: Callable[..., None]
) -> None:
    second = make_person("second", "publisher", "110112")
    mine, theirs, anybody = (open_page(scripts=scripts) for _person in range(3))
    log_in(mine, drafter)
    log_in(theirs, second)
    mine.goto("/bulletins/desk/")
    mine.get_by_role("link", name="环境卫生通报").first.click()
    mine.locator("#part-new [data-held] .item").first.locator("button[value^='out']").click()
    if scripts:
        mine.locator("[data-save-bar] button").click()
    expect(mine.locator(".messages .success")).to_be_visible()
    theirs.goto("/bulletins/desk/")
    theirs.get_by_role("link", name="环境卫生通报").first.click()
    theirs.locator("form[action$='/approve/'] button").click()
    expect(theirs.locator(".messages .success")).to_be_visible()
    mine.reload()
    mine.locator("form[action$='/publish/'] button").click()
    expect(mine.locator(".messages .success")).to_be_visible()
    anybody.goto("/bulletins/")
    anybody.locator(".archive a").click()
    expect(anybody.locator(".bulletin-new .bulletin-entry")).to_have_count(3)
    with anybody.expect_download() as download:
        anybody.get_by_role("link", name="PDF").click()
    assert download.value.suggested_filename == "bulletin-1-zh.pdf"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "language"), [(360, "zh"), (1280, "en")])
def test_every_page_holds_for_everybody(
    width: int,
    language: str,
    dark: bool,
    open_page: Callable[..., Page],
    draft: Issue,
    drafter: Person,
    log_in: Callable[..., None],
    accessible: Callable[[Page], None],
) -> None:
    second: Any = make_person("second", "publisher", "110112")
    issue = publish(draft, by=drafter, second=second)
    make_entry(50, "listed", by=drafter, handler=second, statement="")
    waiting = actions.draft_issue(by=drafter, now=LATER, title="新增9处")
    page = open_page(width=width, language=language, dark=dark)
    for path in ("", f"{issue.pk}/", "search/?q=徐辛庄", "search/"):
        page.goto(f"/bulletins/{path}")
        accessible(page)
    log_in(page, drafter)
    for path in ("", f"{waiting.pk}/", f"{waiting.pk}/preview/", f"{issue.pk}/"):
        page.goto(f"/bulletins/desk/{path}")
        accessible(page)
