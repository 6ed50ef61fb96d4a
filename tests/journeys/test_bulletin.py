"""The bulletin in a real browser: entries moved by button, key and mouse, nothing kept before Save, read by anybody."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.bulletin.conftest import LATER, make_entry, publish
from tests.bulletin.test_blocks import inspect

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue
from duban.demo.builders import NOON, make_jpeg, make_person
from duban.places.actions import load_jurisdictions


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


@pytest.fixture
def inspected(drafter: Person) -> Issue:
    """A draft on the day of an inspection: three venues in two towns with a problem, an entry rectified and one new."""
    codes = "code,name\n110112000000,通州区\n110112104000,宋庄镇\n110112114000,台湖镇\n"
    load_jurisdictions(by=drafter, now=NOON, data=codes.encode(), name="a.csv")
    inspect(drafter, ("甲店", "110112104", "fail"), ("乙店", "110112104", "fail"), ("丁店", "110112114", "fail"))
    handler = make_person("handler", "handler", "110112")
    make_entry(1, "closed", by=drafter, handler=handler)
    make_entry(2, "found", by=drafter, handler=handler)
    return actions.draft_issue(by=drafter, now=LATER, title="第一张版面")


def expect_kinds(page: Page, *kinds: str) -> None:
    expect(page.locator("[data-blocks] .block-kind")).to_have_text(kinds)


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    expect(page.locator(".messages .success")).to_be_visible()


def take(page: Page, issue: Issue, step: str) -> None:
    page.goto(f"/bulletins/desk/{issue.pk}/")
    page.locator(f"form[action$='/{step}/'] button").click()
    expect(page.locator(".messages .success")).to_be_visible()


def test_an_editor_writes_a_page_from_blocks(
    open_page: Callable[..., Page],
    inspected: Issue,
    drafter: Person,
    log_in: Callable[..., None],
    accessible: Callable[[Page], None],
) -> None:
    mine, theirs, anybody = (open_page() for _person in range(3))
    log_in(mine, drafter)
    log_in(theirs, make_person("second", "publisher", "110112"))
    # A picture for the page of the day, then all that the records give, and an article.
    mine.goto("/bulletins/desk/page/?day=2021-01-18")
    mine.locator("#pictures details summary").click()
    mine.locator("#id_photo").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": make_jpeg(7)})
    mine.locator("#id_caption_zh").fill("第一场雪。")
    accessible(mine)
    mine.locator("#pictures details button").click()
    expect(mine.locator(".paper-photo figcaption")).to_have_text("第一场雪。")
    accessible(mine)
    mine.goto(f"/bulletins/desk/{inspected.pk}/")
    mine.locator("#add-block").evaluate("one => one.open = true")
    mine.locator("#id_page_day").fill("2021-01-18")
    mine.locator("form:has(#id_page_day) button").click()
    expect_kinds(mine, "检查与曝光", "图片与说明", "环境卫生台账")
    mine.locator("#add-block").evaluate("one => one.open = true")
    mine.locator("form:has(#id_block_kind) button").click()
    expect_kinds(mine, "检查与曝光", "图片与说明", "环境卫生台账", "普通文章")
    # By keyboard to the top.
    mine.locator("[data-block-move=up]").last.focus()
    for _place in range(3):
        mine.keyboard.press("Alt+ArrowUp")
    expect_kinds(mine, "普通文章", "检查与曝光", "图片与说明", "环境卫生台账")
    expect(mine.locator("[data-announce]")).to_contain_text("1")
    mine.locator("[id$=-headline_zh]").first.fill("我们看到的")
    mine.locator("[id$=-text_zh]").first.fill("全区发现[[problems]]处。")
    mine.locator("[id$=-byline]").first.fill("记者 甲")
    save(mine)
    accessible(mine)
    # A figure that the records do not give, seen red with what they do give, and nobody can approve it.
    exposure = mine.locator("[data-block]").nth(1)
    exposure.locator(".block-field-text_zh [data-as-printed] p").first.click(position={"x": 2, "y": 8})
    exposure.locator("[id$=-text_zh]").fill("共发现问题[[problems=6]]处。")
    save(mine)
    expect(exposure.locator(".said.off")).to_have_text("6")
    expect(exposure.locator(".block-wrong")).to_contain_text("宋庄镇的问题 2")
    expect(exposure.locator(".block-wrong a")).to_have_attribute("href", re.compile("/patrol/figures/rows/"))
    accessible(mine)
    theirs.goto(f"/bulletins/desk/{inspected.pk}/")
    expect(theirs.locator("form[action$='/approve/']")).to_have_count(0)
    expect(theirs.locator(".issue-steps .because").first).to_be_visible()
    accessible(theirs)
    # Mended, approved by the other, published, read by anybody.
    exposure.locator(".block-field-text_zh [data-as-printed] p").first.click(position={"x": 2, "y": 8})
    exposure.locator("[id$=-text_zh]").fill("共发现问题[[problems]]处。")
    save(mine)
    expect(mine.locator(".block-wrong")).to_have_count(0)
    take(theirs, inspected, "approve")
    take(mine, inspected, "publish")
    anybody.goto(f"/bulletins/{inspected.pk}/")
    expect(anybody.locator(".bulletin-article h2").first).to_have_text("我们看到的")
    expect(anybody.locator(".bulletin-exposure .bulletin-intro")).to_have_text("共发现问题3处。")
    expect(anybody.locator(".bulletin-photo figcaption")).to_have_text("第一场雪。")
    accessible(anybody)
    # The erratum is a number of its own, and both issues name the other.
    take(mine, inspected, "correct")
    erratum = Issue.objects.get(corrects=inspected)
    mine.locator("#id_title").fill("更正：第一张版面")
    save(mine)
    take(theirs, erratum, "approve")
    take(mine, erratum, "publish")
    anybody.reload()
    anybody.locator(f".notice a[href$='{erratum.pk}/']").click()
    expect(anybody.locator(".bulletin-correction")).to_contain_text("1")
    expect(anybody.locator("h1")).to_have_text("更正：第一张版面")
    accessible(anybody)
