"""Invitations fill half a sheet each and nothing of them runs over; a ballot stands on one sheet whatever is asked."""

from datetime import UTC, datetime

import pypdfium2
import pytest

from duban.engines.typeset import Door, render_ballots, render_doors

PRINTED = datetime(2021, 1, 18, 4, 0, tzinfo=UTC)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 0h5v5h-5z"/></svg>'
INVITATION = {
    "lang": "zh", "title": "您家的邀请", "place": "艺苑西里 12号楼 2单元", "door": "门牌", "steps": ["扫码。" * 8] * 3,
    "no_phone": "没有手机?", "keep": "请妥善保管。", "office": "艺苑西里社区居委会",
}  # fmt: skip
BALLOT = {
    "lang": "zh", "title": "选票", "place": "艺苑西里", "topic": "楼门", "question": "放长椅吗?",
    "how": "请选一项打叉。",
    "options": ["同意", "不同意", "弃权"], "rules": ["每户一票。"], "until": "请于1月20日前交回。",
    "secrecy": "请勿写姓名。", "office": "艺苑西里社区居委会",
}  # fmt: skip


def pages_of(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    words = ["".join(page.get_textpage().get_text_bounded().split()) for page in document]
    document.close()
    return words


@pytest.mark.parametrize("number", [1, 2, 3, 6, 7])
def test_two_invitations_to_a_sheet(number: int) -> None:
    doors = [Door(f"{100 + one}", f"https://x.example/vote/{'a-_Z' * 5}{one}/", SVG) for one in range(number)]
    pages = pages_of(render_doors(doors, page=INVITATION, printed=PRINTED))
    assert len(pages) == (number + 1) // 2
    for at, door in enumerate(doors):
        words = pages[at // 2].replace("\u200b", "")
        assert f"门牌{door.number}" in words
        assert door.address in words


@pytest.mark.parametrize(
    ("options", "question", "copies"),
    [
        (["同意", "不同意", "弃权"], "放长椅吗?", 2),
        (["一" * 60] * 3, "楼" * 60, 1),
        (["一" * 100] * 12 + ["弃权"], "楼" * 300, 1),
        (["option " * 14] * 12 + ["abstain"], "Why " * 70, 1),
        (["#strong[x]", "$x^2$", "= y"], "*放*?", 2),
    ],
)
def test_a_ballot_stands_on_one_sheet(options: list[str], question: str, copies: int) -> None:
    pdf = render_ballots({**BALLOT, "options": options, "question": question}, printed=PRINTED)
    pages = pages_of(pdf)
    assert pages[0].count("".join(question.split())) == copies
    for option in set(options):
        assert "".join(pages).count("".join(option.split())) >= copies
    if len(question) < 200:
        assert len(pages) == 1
