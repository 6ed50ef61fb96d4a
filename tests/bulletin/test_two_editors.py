"""Two editors at one page: what each wrote where the other did not is kept, and what both wrote stands side by side."""

import html
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.bulletin.conftest import LATER
from tests.bulletin.test_block_pages import address
from tests.bulletin.test_blocks import page as page
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin import actions, blocks, layout
from duban.bulletin.blocks import TEXTS, Words
from duban.bulletin.models import Block, Issue
from duban.demo.builders import make_photo


@pytest.fixture
def client(people: dict[str, Person]) -> Client:
    made = Client(headers={"accept-language": "en"})
    made.force_login(people["supervisor"])
    return made


@pytest.fixture
def article(page: Issue, people: dict[str, Person]) -> Block:
    made = layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article")
    write(page, people["supervisor"], {made.pk: {"headline_zh": "旧题", "text_zh": "旧文\n第二段", "byline": "旧署名"}})
    return made


def write(page: Issue, by: Person, changes: dict[Any, dict[str, str]], leave: tuple[Any, ...] = ()) -> None:
    words = [
        Words(block.pk, **({name: getattr(block, name) for name in TEXTS} | changes.get(block.pk, {})))
        for block in page.blocks.all()
        if block.pk not in leave
    ]
    actions.edit_issue(by=by, now=LATER, issue_id=page.pk, blocks=words)


def sent_from(text: str) -> dict[str, str]:
    """What a browser sends of the page as it was shown: hidden fields, and what stands in the others."""
    found = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', text)
    }
    found |= {
        name: html.unescape(value).replace("\n", "\r\n")
        for name, value in re.findall(r'<textarea[^>]* name="([\w-]+)"[^>]*>\n([^<]*)</textarea>', text)
    }
    return found | {
        name: html.unescape(value)
        for name, value in re.findall(r'<input id="[\w-]+" name="([\w-]+)" value="([^"]*)"', text)
    }


def test_what_the_other_alone_wrote_is_kept(
    client: Client, page: Issue, article: Block, people: dict[str, Person]
) -> None:
    mine = sent_from(client.get(address(page)).content.decode())
    write(page, people["second"], {article.pk: {"text_zh": "别人的文", "byline": "别人的署名"}})
    actions.edit_issue(by=people["second"], now=LATER, issue_id=page.pk, intro="别人的导语")
    mine |= {f"{article.pk}-headline_zh": "我的题", f"{article.pk}-byline": "我的署名", "title": "我的标题"}
    answer = client.post(address(page, "edit/"), mine)
    assert answer.status_code == 409
    shown = sent_from(answer.content.decode())
    assert [shown[f"{article.pk}-{name}"] for name in ("headline_zh", "text_zh", "byline")] == [
        "我的题", "别人的文", "我的署名"
    ]  # fmt: skip
    assert (shown["title"], shown["intro"]) == ("我的标题", "别人的导语")
    assert re.search(r'class="was">.*?别人的署名', answer.content.decode(), re.S)
    assert client.post(address(page, "edit/"), shown).status_code == 302
    kept = Block.objects.get(pk=article.pk)
    assert (kept.headline_zh, kept.text_zh, kept.byline) == ("我的题", "别人的文", "我的署名")


def test_words_in_a_block_that_is_gone_are_shown_to_be_copied(
    client: Client, page: Issue, article: Block, people: dict[str, Person]
) -> None:
    mine = sent_from(client.get(address(page)).content.decode())
    write(page, people["second"], {}, leave=(article.pk,))
    answer = client.post(address(page, "edit/"), mine | {f"{article.pk}-text_zh": "写了很久的话"})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "taken off the page meanwhile" in text
    assert "写了很久的话" in text
    actions.discard_issue(by=people["second"], now=LATER, issue_id=page.pk)
    gone = client.post(address(page, "edit/"), mine | {f"{article.pk}-text_zh": "写了很久的话"})
    assert gone.status_code == 409
    assert "写了很久的话" in gone.content.decode()


@pytest.mark.parametrize("was", ["", "{", "[]", '{"title": 3}', json.dumps({"title": "x" * 5000})])
def test_a_page_that_does_not_say_what_was_there(
    was: str, client: Client, page: Issue, article: Block, people: dict[str, Person]
) -> None:
    mine = sent_from(client.get(address(page)).content.decode()) | {"was": was, "title": "我的标题"}
    actions.edit_issue(by=people["second"], now=LATER, issue_id=page.pk, title="别人的标题")
    answer = client.post(address(page, "edit/"), mine)
    assert answer.status_code == 409
    assert sent_from(answer.content.decode())["title"] == "我的标题"


def test_a_page_of_two_hundred_blocks_is_saved(client: Client, page: Issue, people: dict[str, Person]) -> None:
    Block.objects.bulk_create(
        [Block(issue=page, kind="article", position=9 + at, text_zh=f"第{at}段") for at in range(198)]
    )
    with pytest.raises(blocks.BadBlock) as refused:
        layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article")
    assert refused.value.code == "too_many_blocks"
    mine = sent_from(client.get(address(page)).content.decode())
    assert client.post(address(page, "edit/"), mine).status_code == 302
    assert page.blocks.count() == 200


def test_the_page_asks_no_more_for_more_blocks(client: Client, page: Issue, people: dict[str, Person]) -> None:
    photos = [make_photo(seed, by=people["inspector"]) for seed in range(4)]

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address(page)).status_code == 200
        return len(asked)

    queries()
    found = []
    for at, many in ((10, 4), (20, 40)):
        Block.objects.bulk_create(
            [
                Block(issue=page, kind="photo", position=at, parameters={"photos": {photos[one % 4]: {}}})
                for one in range(many)
            ]
        )
        found.append(queries())
    assert found[0] == found[1]
    shown = f"{address(page)}photos/{photos[0]}/"
    with CaptureQueriesContext(connection) as asked:
        answer: Any = client.get(shown)
        assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    assert len(asked) < 10
