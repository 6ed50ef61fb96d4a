"""The exposure column in HTML, PDF and DOCX: the same words in all three, and nothing where there is no column."""

from copy import deepcopy
from io import BytesIO
from typing import Any

import docx
import pypdfium2
import pytest

from duban.engines.typeset import DocumentInvalid, render_docx, render_html, render_pdf

SHOP = {
    "id": "00000000-0000-4000-8000-000000000001",
    "venue": "丛林美食<&>",
    "kind": {"name": "餐馆", "name_en": "Restaurant"},
    "town": {"code": "110112104", "name": "宋庄镇"},
    "visited_on": "2021-01-18",
    "problems": [
        {"key": "code_scan", "zh": "未严格执行扫码登记", "en": "codes not scanned", "mended_on": None},
        {"key": "masks", "zh": "从业人员未佩戴口罩", "en": "staff without masks", "mended_on": "2021-01-20"},
    ],
    "stand": "disputes",
    "corrects": None,
}


def texts_of(document: dict[str, Any], bench: Any, language: str) -> dict[str, str]:
    """What each format says, without its blanks."""
    html = render_html(document, photo_url=bench.url, language=language)
    pdf = pypdfium2.PdfDocument(render_pdf(document, photo_path=bench.path, language=language))
    word = docx.Document(BytesIO(render_docx(document, photo_path=bench.path, language=language)))
    said = {
        "html": html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
        "pdf": "".join(page.get_textpage().get_text_bounded() for page in pdf),
        "docx": "".join(paragraph.text for paragraph in word.paragraphs),
    }
    pdf.close()
    return {kind: "".join(text.split()) for kind, text in said.items()}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "zh",
            ["曝光台", "丛林美食<&>", "餐馆", "宋庄镇", "未严格执行扫码登记",
             "从业人员未佩戴口罩（2021年1月20日复查已整改）", "检查日期：2021年1月18日", "经营方意见：有异议"],
        ),
        (
            "en",
            ["Exposed", "丛林美食<&>", "Restaurant", "codesnotscanned", "staffwithoutmasks(seenmendedon20January2021)",
             "Inspected:18January2021", "Thevenue:disputesit"],
        ),
    ],
)  # fmt: skip
def test_the_column_says_the_same_in_every_format(bench: Any, language: str, words: list[str]) -> None:
    said = texts_of(bench.document(new=[bench.entry(0)], exposures=[SHOP]), bench, language)
    for kind, text in said.items():
        # In HTML a label and its value are two elements.
        found = text.replace("</dt><dd>", "：" if language == "zh" else ":")
        assert [word for word in words if word not in found] == [], kind


def test_an_issue_without_a_column_says_nothing_of_it(bench: Any) -> None:
    plain = bench.document(new=[bench.entry(0)])
    for column in ({}, {"exposures": []}, {"exposures": None}):
        for text in texts_of(plain | column, bench, "zh").values():
            assert "曝光" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"corrects": {"id": "x", "approved_on": "2021-01-19", "number": None}}, "以此为准，替代2021年1月19日的曝光"),
        ({"corrects": {"id": "x", "approved_on": "2021-01-19", "number": 192}}, "以此为准，替代第192期的曝光"),
        (
            {"corrects": {"id": "x", "approved_on": "2021-01-19", "number": None}, "problems": []},
            "2021年1月19日的曝光不实，现予撤回",
        ),
        (
            {"corrects": {"id": "x", "approved_on": "2021-01-19", "number": 192}, "problems": []},
            "第192期的曝光不实，现予撤回",
        ),
        ({"stand": ""}, "期限内未答复"),
        ({"stand": "mended"}, "称已整改"),
    ],
)
def test_corrections_and_stands_are_said(bench: Any, changes: dict[str, Any], said: str) -> None:
    for kind, text in texts_of(bench.document(exposures=[SHOP | changes]), bench, "zh").items():
        assert said in text, kind


def test_a_long_column_runs_over_pages_and_stays_whole(bench: Any) -> None:
    column = [SHOP | {"id": f"{number:036d}", "venue": f"第{number}家店"} for number in range(61)]
    for text in texts_of(bench.document(exposures=column), bench, "zh").values():
        assert all(f"第{number}家店" in text for number in range(61))


def test_the_same_column_gives_the_same_bytes(bench: Any) -> None:
    document = bench.document(exposures=[SHOP])
    for render in (render_pdf, render_docx):
        assert render(document, photo_path=bench.path) == render(deepcopy(document), photo_path=bench.path)


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"exposures": {}}, "/exposures"),
        ({"exposures": ["x"]}, "/exposures/0"),
        ({"exposures": [SHOP | {"venue": None}]}, "/exposures/0/venue"),
        ({"exposures": [SHOP | {"stand": "perhaps"}]}, "/exposures/0/stand"),
        ({"exposures": [SHOP | {"problems": []}]}, "/exposures/0/problems"),
        ({"exposures": [SHOP | {"problems": [1]}]}, "/exposures/0/problems/0"),
        ({"exposures": [SHOP | {"visited_on": "yesterday"}]}, "/exposures/0/visited_on"),
        ({"exposures": [SHOP | {"corrects": "x"}]}, "/exposures/0/corrects"),
        ({"exposures": [SHOP | {"corrects": {"number": True}}]}, "/exposures/0/corrects/number"),
    ],
)
def test_a_broken_column_is_named(bench: Any, broken: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentInvalid) as refusal:
        render_html(bench.document() | broken, photo_url=bench.url)
    assert refusal.value.path == path
