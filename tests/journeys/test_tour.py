"""A newcomer walks the guided tour with the keyboard alone, on a phone and at a desk."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.web.making import fill_ledger, publish

from duban.access.models import Person
from duban.demo.builders import make_person


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("role", "language", "width", "dark"), [("leader", "en", 1280, False), ("community_worker", "zh", 360, True)]
)
def test_a_newcomer_walks_with_the_keyboard_alone(
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Person], None],
    accessible: Callable[[Page], None],
    role: str,
    language: str,
    width: int,
    dark: bool,
) -> None:
    publish()
    fill_ledger(1)
    page = open_page(width=width, language=language, dark=dark)
    log_in(page, make_person(role, role, "110112"))
    page.goto("/tour/")
    accessible(page)
    page.get_by_role("button").filter(has_text=re.compile("Begin the tour|开始导览")).press("Enter")
    for number in range(1, 7):
        card = page.get_by_role("complementary").filter(has_text=re.compile(f"Step {number} of 6|第{number}步"))
        expect(card).to_be_in_viewport(ratio=1)
        onward = card.locator(f"button[value='{number + 1}']")
        accessible(page)
        if "#" not in page.url:
            # Where the address names no place on the page, the hand lies on the way on.
            expect(onward).to_be_focused()
        onward.press("Enter")
        expect(onward).to_have_count(0)
    expect(page).to_have_url(re.compile("/desk/$"))
    expect(page.locator("aside.tour")).to_have_count(0)
