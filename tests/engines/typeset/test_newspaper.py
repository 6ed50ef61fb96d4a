"""The newspaper page: one sheet whatever is on it, every word of every block on it, in columns of one width."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pypdfium2
import pytest
from tests.engines.typeset.conftest import Bench

from duban.engines.typeset import (
    DocumentInvalid,
    PhotoUnusable,
    render_docx,
    render_html,
    render_newspaper_html,
    render_newspaper_pdf,
    render_pdf,
)

NASTY = ("#set page(width: 1cm)", "*粗* _斜_ $x^2$ @ref <label>", "<script>alert(1)</script>", '"引号" #panic(1)')


def block(kind: str, text: str = "", *, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": f"b{number}",
        "kind": kind,
        "headline": {"zh": f"标题{kind}{number}", "en": f"Headline {kind} {number}"},
        "text": {"zh": text, "en": ""},
        "byline": "",
        "figures": [],
        "photos": [],
    } | more


def page(bench: Bench, blocks: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    made = bench.page_192(**({"schema": "duban.bulletin/2", "blocks": blocks} | changed))
    return made


def sheet(pdf: bytes) -> tuple[int, str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document), "".join("".join(one.get_textpage().get_text_bounded() for one in document).split())
    finally:
        document.close()


@pytest.fixture
def whole(bench: Bench) -> dict[str, Any]:
    photo = bench.photo(400, 300) | {"caption": {"zh": "孩子们的画上了墙", "en": "Drawings on the wall"}}
    return page(
        bench,
        [
            block("decisions", "会议要求，严防死守。\n" + "扎扎实实筑牢屏障。" * 60, number=1, byline="记者 甲"),
            block("exposure", "共发现问题5处。" * 12, number=2),
            block("story", "楼门美了。" * 30, number=3, photos=[photo]),
            block("organisations", "已有5041个。" * 20, number=4),
            block("hygiene", "为切实履行措施。", number=5) | {"number": 192, "issuer": "通州区城市管理委员会"},
            block("epidemic", "在管121人。", number=6),
            block("article", "志愿者来了。", number=7),
        ],
        number=None,
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_all_that_is_told_stands_on_one_sheet(whole: dict[str, Any], bench: Bench, language: str) -> None:
    made = render_newspaper_pdf(whole, photo_path=bench.path, language=language)
    pages, text = sheet(made)
    assert pages == 1
    for one in whole["blocks"]:
        assert "".join(one["headline"][language].split()) in text
        assert one["text"]["zh"].split("\n")[-1][-4:] in text
    for section in whole["sections"]:
        for entry in section["entries"]:
            assert entry["statement"] in text
    assert ("孩子们的画上了墙" if language == "zh" else "Drawingsonthewall") in text
    assert "记者甲" in text
    assert render_newspaper_pdf(whole, photo_path=bench.path, language=language) == made


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_any_number_of_blocks_is_set(bench: Bench, count: int) -> None:
    blocks = [block("article", f"第{number}篇的正文。" * 8, number=number) for number in range(count)]
    pages, text = sheet(render_newspaper_pdf(page(bench, blocks, sections=[]), photo_path=bench.path))
    assert pages == 1
    assert all(f"第{number}篇的正文" in text for number in range(count))


def test_too_much_runs_on_to_a_second_sheet_and_loses_nothing(bench: Bench) -> None:
    blocks = [
        block("article", f"起{number}" + "长文章的正文。" * 1500 + f"止{number}", number=number) for number in range(4)
    ]
    pages, text = sheet(render_newspaper_pdf(page(bench, blocks), photo_path=bench.path))
    assert pages > 1
    assert all(f"止{number}" in text for number in range(4))


def test_an_issue_without_blocks_is_its_hygiene_column(bench: Bench) -> None:
    pages, text = sheet(render_newspaper_pdf(bench.page_192(), photo_path=bench.path))
    assert pages == 1
    assert "清除卫生死角助力疫情防控" in text
    assert "第192期" in text


def test_entries_without_pictures_and_many_of_them(bench: Bench) -> None:
    entries = [bench.entry(number, before=[]) for number in range(40)]
    made = page(bench, [block("hygiene", number=1)], sections=[{"key": "new", "entries": entries}], counts={"new": 40})
    pages, text = sheet(render_newspaper_pdf(made, photo_path=bench.path))
    assert pages == 1
    assert "其余16处" in text


def test_texts_are_only_texts(bench: Bench) -> None:
    made = page(bench, [block("article", "\n".join(NASTY), number=1, byline=NASTY[2])])
    _pages, text = sheet(render_newspaper_pdf(made, photo_path=bench.path))
    assert "".join(NASTY[0].split()) in text
    web = render_newspaper_html(made, photo_url=bench.url)
    assert "<script>alert" not in web
    assert "&lt;script&gt;" in web


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.heads: list[str] = []
        self.ids: list[str] = []
        self.unnamed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.heads.append(tag)
        if "id" in told:
            self.ids.append(str(told["id"]))
        self.unnamed += tag == "img" and not told.get("alt")


def test_the_html_has_an_outline_and_named_pictures(whole: dict[str, Any], bench: Bench) -> None:
    outline = _Outline()
    outline.feed(render_newspaper_html(whole, photo_url=bench.url))
    assert outline.heads == ["h1"] + ["h2"] * 7
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.unnamed == 0
    fragment = render_newspaper_html(whole, photo_url=bench.url, fragment=True)
    assert "style=" not in fragment
    assert fragment.startswith("<article")


def test_the_blocks_stand_in_every_other_layout_too(
    whole: dict[str, Any], bench: Bench, squeeze: Callable[[str], str]
) -> None:
    issue = whole | {"number": 192}
    web = render_html(issue, photo_url=bench.url)
    places = [web.index(one["headline"]["zh"]) for one in whole["blocks"]]
    assert places == sorted(places)
    assert "孩子们的画上了墙" in web
    document = pypdfium2.PdfDocument(render_pdf(issue, photo_path=bench.path))
    text = squeeze("".join(one.get_textpage().get_text_bounded() for one in document))
    document.close()
    for one in whole["blocks"]:
        assert one["headline"]["zh"] in text
    assert render_docx(issue, photo_path=bench.path).startswith(b"PK")


def test_what_is_no_page_is_refused_at_the_fault(whole: dict[str, Any], bench: Bench) -> None:
    for change, path in (
        ({"blocks": [block("advertisement")]}, "/blocks/0/kind"),
        ({"blocks": [block("article", headline="x")]}, "/blocks/0/headline"),
        ({"blocks": [block("article", photos=[{"sha256": "x"}])]}, "/blocks/0/photos/0/public_sha256"),
        ({"blocks": {}}, "/blocks"),
        ({"number": "192"}, "/number"),
    ):
        with pytest.raises(DocumentInvalid) as refused:
            render_newspaper_html(whole | change, photo_url=bench.url)
        assert refused.value.path == path
    gone = {"sha256": "0" * 64, "public_sha256": "1" * 64, "width": 4, "height": 3, "caption": {"zh": "", "en": ""}}
    with pytest.raises(PhotoUnusable):
        render_newspaper_pdf(whole | {"blocks": [block("photo", photos=[gone])]}, photo_path=bench.path)
