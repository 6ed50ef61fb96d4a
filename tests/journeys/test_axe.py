"""Every page that answers a person, in both languages: nothing for axe, and nothing wider than its window."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.reading import text_of
from tests.two_towns import GETS, NOBODY, World, filled

from duban.access.models import Person

READERS = ("supervisor", "administrator", "handler", "inspector", "health_officer", "community_worker", NOBODY)
"""Each page is opened by the first of them whom it answers."""
# What is no document of ours but a file set for print; the bulletin's own tests look at it.
FILES = ("/bulletins/<issue_id>/<kind>-<language>/",)


def pages(world: World) -> Iterator[tuple[str, str]]:
    """(reader, address) of every address that answers somebody with a page."""
    for pattern, queries in GETS.items():
        if pattern.startswith("/api/") or pattern in FILES:
            continue
        for address in dict.fromkeys(
            [*filled(pattern, world.own.keys), *filled(pattern, world.own.keys | world.published)]
        ):
            question = "" if "{" in queries[0] else queries[0]
            for reader in READERS:
                answer = world.clients[reader].get(address + question)
                words = text_of(answer)
                if answer.status_code == 200:
                    # A fragment is looked at with the page that asks for it, and a file is none to anybody.
                    if answer["Content-Type"].startswith("text/html") and "<html" in words:
                        yield reader, address + question
                    break


@pytest.mark.django_db(transaction=True)
def test_axe_finds_nothing_on_any_page(
    open_page: Callable[..., Page], log_in: Callable[[Page, Person], None], accessible: Callable[[Page], None]
) -> None:
    world = World()
    by_reader: dict[str, list[str]] = {}
    for reader, address in pages(world):
        by_reader.setdefault(reader, []).append(address)
    assert sum(map(len, by_reader.values())) >= 30
    wrong: list[str] = []
    for (reader, addresses), language in product(by_reader.items(), ("zh", "en")):
        page = open_page(language=language)
        if reader != NOBODY:
            log_in(page, world.readers[reader])
        for address in addresses:
            answer: Any = page.goto(address)
            assert answer.ok, address
            try:
                accessible(page)
            except AssertionError as problem:
                wrong.append(f"{language} {reader} {address}: {problem}")
    assert not wrong, "\n\n".join(wrong)
