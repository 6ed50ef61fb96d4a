"""The inspection slip as PDF: the same words in the same bytes, and nothing of them is markup."""

import io
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest
import segno
from PIL import Image

from duban.engines.typeset import render_slip

PRINTED = datetime(2021, 1, 18, 4, 0, 5, 999_999, tzinfo=UTC)


def slip(**changes: Any) -> dict[str, Any]:
    said = {
        "lang": "zh",
        "title": "现场检查告知单",
        "subtitle": "检查 1a2b3c4d",
        "facts": [["场所", "平安面馆"], ["检查时间", "2021-01-18 12:00"]],
        "verdict": "2 项不合格",
        "failed_title": "须整改事项",
        "headings": ["", "不合格项", "整改期限"],
        "failed": [
            {"number": "1", "label": "未测温", "basis": "", "note": "", "mend": "立即"},
            {"number": "2", "label": "未戴口罩", "basis": "工作要求", "note": "两人", "mend": "2021-01-19 17:30"},
        ],
        "rest_title": "其他检查项",
        "rest": [["是否通风", "合格"]],
        "note": ["检查备注", "店主在场"],
        "sign": [
            {"label": "场所签字", "drawn": True, "words": "", "who": "经营者"},
            {"label": "检查人", "drawn": False, "words": "周巡", "who": "2021-01-18 12:20"},
        ],
        "hand": "不合格项已同时告知属地。",
        "scan": "扫码查看本场所",
        "page": "第 {page} 页，共 {pages} 页",
    }
    return said | changes


def code() -> bytes:
    file = io.BytesIO()
    segno.make("https://example.org/v/abc", micro=False).save(file, kind="svg", xmldecl=False)
    return file.getvalue()


def signature() -> bytes:
    file = io.BytesIO()
    Image.new("L", (300, 100), 0).save(file, "PNG")
    return file.getvalue()


def words_of(pdf: bytes) -> tuple[int, str]:
    document = pypdfium2.PdfDocument(pdf)
    pages, words = len(document), "\n".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return pages, words


def test_it_says_all_and_is_the_same_again() -> None:
    first = render_slip(slip(), qr=code(), signature=signature(), printed=PRINTED)
    assert first == render_slip(slip(), qr=code(), signature=signature(), printed=PRINTED)
    pages, words = words_of(first)
    assert pages == 1
    for part in (
        "平安面馆",
        "2 项不合格",
        "未戴口罩",
        "两人",
        "2021-01-19 17:30",
        "是否通风",
        "店主在场",
        "周巡",
        "第 1 页，共 1 页",
    ):
        assert part in words


@pytest.mark.parametrize(
    "text", ['#read("/etc/passwd")', "$x^2$", "*bold* _it_", "[a](b)", "<label>", "// no", "\\u{41}", "=" * 5]
)
def test_nothing_of_the_words_is_markup(text: str) -> None:
    failed = [{"number": "1", "label": text, "basis": text, "note": text, "mend": ""}]
    pdf = render_slip(slip(failed=failed, verdict=text), qr=code(), signature=None, printed=PRINTED)
    assert words_of(pdf)[1].count(text) == 4


def test_what_no_font_has_and_what_is_very_long_is_printed_all_the_same() -> None:
    failed = [
        {"number": str(n), "label": "未测温", "basis": "要求" * 40, "note": "😀" + "长" * 300, "mend": "立即"}
        for n in range(30)
    ]
    pages, words = words_of(
        render_slip(slip(failed=failed, facts=[["场所", "面" * 100]]), qr=code(), signature=None, printed=PRINTED)
    )
    assert pages > 2
    assert "〓" in words


def test_with_nothing_failed_and_nobody_signing() -> None:
    empty = slip(failed=[], rest=[], note=[], verdict="未发现不合格项", lang="en")
    assert "未发现不合格项" in words_of(render_slip(empty, qr=code(), signature=None, printed=PRINTED))[1]
