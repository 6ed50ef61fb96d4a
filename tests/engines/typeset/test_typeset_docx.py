"""The Word bulletin, read back with python-docx and as bare XML."""

from io import BytesIO
from zipfile import ZipFile

import docx
import pytest
from docx.oxml.ns import qn
from lxml import etree

from duban.engines.typeset import issue_hash, render_docx


def parts_of(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def text_of(content: bytes) -> str:
    parts = parts_of(content)
    shown = []
    for name, part in parts.items():
        if name == "word/document.xml" or name.startswith(("word/header", "word/footer")):
            for paragraph in etree.fromstring(part).iter(qn("w:p")):
                shown.append("".join(piece.text or "\t" for piece in paragraph.iter(qn("w:t"), qn("w:tab"))))
    return "\n".join(shown)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("第192期", "整治前后对比", "新增挂账督办", "2021年1月20日", "暴露垃圾", "责任单位：漷县镇",
                "更正第191期", "示意图")),
        ("en", ("No. 192", "Rectified: before and after", "20 January 2021", "Exposed rubbish", "Responsible: 漷县镇",
                "corrects No. 191", "schematic")),
    ],
)  # fmt: skip
def test_the_same_content_in_word(bench, statements, language, words):
    document = bench.page_192(schematic=True, corrects=191, byline="冯维静 文")
    text = text_of(render_docx(document, photo_path=bench.path, language=language))
    always = ("环境卫生通报", "通州区城市管理委员会", "冯维静 文", issue_hash(document), "c" * 64, "d" * 64)
    for piece in (*statements, *words, *always):
        assert piece in text


def test_styles_tables_and_page_numbers_are_real(bench):
    content = render_docx(bench.page_192(), photo_path=bench.path)
    word = docx.Document(BytesIO(content))
    headings = [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == "Heading 1"]
    assert headings == ["整治前后对比", "新增挂账督办"]
    assert [paragraph.text for paragraph in word.paragraphs if paragraph.style.name == "Title"] == [
        "清除卫生死角 助力疫情防控"
    ]
    assert [cell.text for cell in word.tables[0].rows[0].cells][:2] == ["整治前", "整治后"]
    assert len(word.tables) == 2 + 4
    fonts = {
        name: word.styles[name].element.rPr.rFonts.get(qn("w:eastAsia")) for name in ("Normal", "Title", "Heading 1")
    }
    assert fonts == {"Normal": "宋体", "Title": "黑体", "Heading 1": "黑体"}
    footers = b"".join(part for name, part in parts_of(content).items() if name.startswith("word/footer"))
    assert footers.count(b'w:instr="PAGE"') == 2
    assert footers.count(b'w:instr="NUMPAGES"') == 2


def test_photos_are_embedded_once_with_words_for_who_cannot_see(bench):
    shared = bench.photo()
    document = bench.document(
        [bench.entry(0, before=[shared], after=[bench.photo()])], [bench.entry(2, before=[shared, shared])]
    )
    content = render_docx(document, photo_path=bench.path)
    body = etree.fromstring(parts_of(content)["word/document.xml"])
    described = [shown.get("descr") for shown in body.iter(qn("wp:docPr"))]
    assert len(described) == 4
    assert described[0].startswith("整治前：暴露垃圾，漷县镇李辛庄村")
    assert "第2张，共2张" in described[3]
    ids = [shown.get("id") for shown in body.iter(qn("wp:docPr"))]
    assert len(set(ids)) == 4
    # The shared photo is printed in two sizes, so it is stored twice, not three times.
    assert len([name for name in parts_of(content) if name.startswith("word/media/")]) == 3


@pytest.mark.parametrize(
    "nasty",
    ["<w:b/>&amp; <script>", "</w:t></w:r>", "{{ 7 * 7 }} {% x %}", "甲\x00\x08乙\ud800丙\uffff", "😀 𠮷 שלום", "a\tb"],
)
def test_text_is_never_markup(bench, nasty):
    entry = bench.entry(0, statement=nasty, description=f"{nasty}\n{nasty}")
    content = render_docx(bench.document([], [entry], title=nasty, intro=nasty), photo_path=bench.path)
    word = docx.Document(BytesIO(content))
    expected = nasty.replace("\t", " ")
    for gone in "\x00\x08\uffff":
        expected = expected.replace(gone, "")
    expected = expected.replace("\ud800", "\ufffd")
    assert word.tables[0].rows[0].cells[1].paragraphs[1].text == expected
    assert any(paragraph.text == expected for paragraph in word.paragraphs)


def test_the_same_document_gives_the_same_bytes(bench):
    document = bench.page_192()
    first = render_docx(document, photo_path=bench.path)
    assert render_docx(document, photo_path=bench.path) == first
    properties = docx.Document(BytesIO(first)).core_properties
    assert properties.author == "通州区城市管理委员会"
    assert properties.created.isoformat() == "2021-01-19T16:10:00+00:00"
    with ZipFile(BytesIO(first)) as package:
        assert {part.date_time for part in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_issue_without_entries_says_so(bench):
    text = text_of(render_docx(bench.document(), photo_path=bench.path))
    assert "本期无整治销账的点位。" in text
    assert "本期无新增挂账的点位。" in text


def test_a_large_issue_keeps_every_statement_and_photo(bench):
    photos = [bench.photo() for _ in range(20)]
    rectified = [
        bench.entry(
            index, before=[photos[index % 20]], after=[photos[(index + 7) % 20]], statement=f"距独光路约{index}米"
        )
        for index in range(100)
    ]
    new = [
        bench.entry(index, before=photos[index % 10 : index % 10 + index % 4], statement=f"农贸市场路{index}号楼北侧")
        for index in range(100, 200)
    ]
    content = render_docx(bench.document(rectified, new), photo_path=bench.path)
    text = text_of(content)
    assert all(entry["statement"] in text for entry in rectified + new)
    body = etree.fromstring(parts_of(content)["word/document.xml"])
    assert len(list(body.iter(qn("wp:inline")))) == 200 + sum(len(entry["photos"]["before"]) for entry in new)
