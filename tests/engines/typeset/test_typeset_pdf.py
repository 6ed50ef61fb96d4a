"""The printed bulletin, read back with an independent PDF reader."""

import re

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from duban.engines.typeset import issue_hash, render_pdf

NASTY = (
    "#set page(width: 1cm)",
    "#panic(1) #sys.inputs",
    "*粗* _斜_ `码` $x^2$ @ref <label>",
    "= 标题 - 列表 + 编号 / 词: 义",
    "// 注释 /* 注释 */ \\ \\u{41} ~ --- ...",
    "<b>粗</b> &amp; <script>alert(1)</script>",
    '"引号" \'单引号\' #"x" [内容] {代码}',
    "http://example.org/a?b=c",
    "𠮷野家 㴔河 漷县 𬬭",
    "שלום 通州",
)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def body_of(pdf: bytes) -> str:
    """The text without the lines at head and foot, which cut a running text at page ends."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(
            page.get_textpage().get_text_bounded(left=0, bottom=62, right=600, top=842 - 54) for page in document
        )
    finally:
        document.close()


def pages_of(pdf: bytes) -> int:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()


def images_of(pdf: bytes) -> list[tuple[float, float]]:
    """The pixel sizes of all images shown, page by page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [
            shown.get_px_size()
            for page in document
            for shown in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=8)
        ]
    finally:
        document.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_of_the_page_is_in_print(bench, statements, squeeze, language):
    document = bench.page_192(schematic=True, corrects=191, byline="冯维静 文")
    text = squeeze(text_of(render_pdf(document, photo_path=bench.path, language=language)))
    for statement in statements:
        assert squeeze(statement) in text
    for section in document["sections"]:
        for entry in section["entries"]:
            assert entry["number"] in text
    for always in ("通州区城市管理委员会", "冯维静文", "漷县镇", issue_hash(document), "c" * 64, "d" * 64):
        assert always in text
    words = {
        "zh": ("第192期", "整治前后对比", "新增挂账督办", "2021年1月20日", "销账：2021年1月19日", "更正第191期",
               "示意图", "暴露垃圾", "整治销账2处", "新增挂账8处", "整治前", "整治后"),
        "en": ("No.192", "Rectified:beforeandafter", "Newlyputontheledger", "20January2021", "Struckoff:19January2021",
               "correctsNo.191", "schematic", "Exposedrubbish", "Before", "After"),
    }  # fmt: skip
    for word in words[language]:
        assert word in text


def test_dates_are_those_of_the_offset_of_publication(bench, squeeze):
    # Half past four in the afternoon of the 25th in Greenwich is the 26th in Beijing.
    text = squeeze(text_of(render_pdf(bench.page_192(), photo_path=bench.path)))
    assert "整改期限：2021年1月26日" in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_are_numbered_and_each_carries_the_hash(bench, squeeze, language):
    document = bench.page_192()
    read = pypdfium2.PdfDocument(render_pdf(document, photo_path=bench.path, language=language))
    assert 2 <= len(read) <= 4
    for number, page in enumerate(read, start=1):
        text = squeeze(page.get_textpage().get_text_bounded())
        shown = f"第{number}页共{len(read)}页" if language == "zh" else f"Page{number}of{len(read)}"
        assert shown in text
        assert issue_hash(document) in text
    read.close()


def test_every_photo_is_shown_once_and_no_larger_than_print_needs(bench):
    document = bench.page_192()
    document["sections"][1]["entries"].append(bench.entry(10, before=[bench.photo(2048, 1536), bench.photo(900, 1600)]))
    sizes = images_of(render_pdf(document, photo_path=bench.path))
    assert len(sizes) == 2 * 2 + 8 + 2
    assert max(max(size) for size in sizes) <= 600


def test_the_file_is_tagged_titled_and_speaks_its_language(bench):
    pdf = render_pdf(bench.page_192(), photo_path=bench.path)
    read = pypdfium2.PdfDocument(pdf)
    metadata = read.get_metadata_dict()
    assert read.is_tagged()
    assert metadata["Title"] == "通州区环境卫生通报 第192期 清除卫生死角 助力疫情防控"
    assert metadata["Author"] == "通州区城市管理委员会"
    assert metadata["CreationDate"].startswith("D:20210119161000")
    read.close()
    assert b"pdfuaid" in pdf
    assert re.search(rb"/Lang ?\(zh", pdf)


def test_bold_is_a_weight_of_its_own(bench):
    """The variable font is cut at several weights: headings are no thickened text."""
    read = pypdfium2.PdfDocument(render_pdf(bench.page_192(), photo_path=bench.path))
    names = set()
    for shown in read[0].get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
        font = pdfium.FPDFTextObj_GetFont(shown.raw)
        buffer = (pdfium.c_char * 200)()
        pdfium.FPDFFont_GetBaseFontName(font, buffer, 200)
        names.add(buffer.value)
    read.close()
    assert len(names) >= 3


@pytest.mark.parametrize("nasty", NASTY)
def test_text_is_never_markup(bench, squeeze, nasty):
    entry = bench.entry(0, statement=nasty, description=nasty, responsible={"code": "1", "name": nasty})
    entry["category"] = {"code": "1", "name": nasty, "name_en": nasty}
    document = bench.document([], [entry], title=nasty, intro=nasty, issuer=nasty, byline=nasty)
    document["series"] = {"name": nasty, "jurisdiction": {"code": "1", "name": nasty}}
    pdf = render_pdf(document, photo_path=bench.path)
    text = squeeze(text_of(pdf))
    letters = squeeze(nasty)
    if "ש" in nasty:
        # A reader may give right-to-left words in the order seen or in the order read.
        assert "שלום" in text or "םולש" in text
        return
    assert text.count(letters) >= 6
    assert pages_of(pdf) == 1


def test_what_no_font_has_is_a_printers_mark_and_what_is_no_letter_is_gone(bench, squeeze):
    statement = "甲\x00\x01\x1b乙\u202e丙\ud800丁\ufffe戊😀己\ue000庚\tฤ\r\n辛"
    entry = bench.entry(0, statement=statement)
    text = squeeze(text_of(render_pdf(bench.document([], [entry]), photo_path=bench.path)))
    assert re.search("甲乙丙[〓\ufffd]丁戊〓己〓庚〓辛", text)


def test_an_issue_without_entries_says_so(bench, squeeze):
    for language, sentences in (
        ("zh", ("本期无整治销账的点位。", "本期无新增挂账的点位。")),
        ("en", ("Noplaceswerestruckoffinthisissue.", "Noplaceswerenewlyputontheledgerinthisissue.")),
    ):
        pdf = render_pdf(bench.document(), photo_path=bench.path, language=language)
        text = squeeze(text_of(pdf))
        assert all(sentence in text for sentence in sentences)
        assert pages_of(pdf) == 1
        assert images_of(pdf) == []


def test_an_issue_with_absent_sections_speaks_of_both(bench, squeeze):
    text = squeeze(text_of(render_pdf(bench.document(sections=[]), photo_path=bench.path)))
    assert "本期无整治销账的点位。" in text
    assert "本期无新增挂账的点位。" in text


@pytest.mark.parametrize("photos", [0, 1, 2, 3, 4, 5, 7, 12, 40])
def test_any_number_of_photos_finds_its_place(bench, squeeze, photos):
    before = [bench.photo(90 + 30 * (place % 3), 90 + 20 * (place % 4)) for place in range(photos)]
    after = [bench.photo() for _ in range(photos // 2)]
    document = bench.document(
        [bench.entry(0, before=before, after=after), bench.entry(1, before=[], after=after)],
        [bench.entry(2, before=before), bench.entry(3)],
    )
    pdf = render_pdf(document, photo_path=bench.path)
    assert len(images_of(pdf)) == 2 * len(before) + 2 * len(after) + 1
    text = squeeze(text_of(pdf))
    for index in range(4):
        assert squeeze(bench.entry(index, before=[])["statement"]) in text


@pytest.mark.parametrize("photos", [0, 1, 3])
@pytest.mark.parametrize("key", ["statement", "description"])
def test_long_words_run_on_to_further_pages_and_lose_nothing(bench, squeeze, photos, key):
    long = "".join(f"第{number}处堆放点，" for number in range(1200))
    before = [bench.photo() for _ in range(photos)]
    entries = [bench.entry(0, before=before, after=before[:1], **{key: long})]
    for document in (bench.document(entries, []), bench.document([], entries)):
        pdf = render_pdf(document, photo_path=bench.path)
        assert long in squeeze(body_of(pdf))
        assert pages_of(pdf) >= 3


def test_no_line_begins_with_closing_punctuation(bench):
    intro = "整治，" * 40 + "督办。" * 40 + "“挂账”、" * 30 + "（销账）；" * 30
    pdf = render_pdf(bench.document(intro=intro), photo_path=bench.path)
    lines = text_of(pdf).splitlines()
    assert len(lines) > 10
    assert not [line for line in lines if line[:1] in set("，。；：、！？）》”’")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_same_document_gives_the_same_bytes(bench, language):
    document = bench.page_192()
    first = render_pdf(document, photo_path=bench.path, language=language)
    assert render_pdf(document, photo_path=bench.path, language=language) == first
    document["published_at"] = "2021-01-20T00:11:00+08:00"
    assert render_pdf(document, photo_path=bench.path, language=language) != first


def test_a_large_issue_keeps_every_statement(bench, squeeze):
    photos = [bench.photo() for _ in range(20)]
    rectified = [
        bench.entry(index, before=[photos[index % 20]], after=[photos[(index + 7) % 20]],
                    statement=f"宋庄镇大庞村距独光路约{index}米,距中坝河约{1000 + index}米")
        for index in range(100)
    ]  # fmt: skip
    new = [
        bench.entry(index, before=[photos[index % 20], photos[(index + 1) % 20]],
                    statement=f"台湖镇农贸市场路{index}号楼北侧")
        for index in range(100, 200)
    ]  # fmt: skip
    pdf = render_pdf(bench.document(rectified, new), photo_path=bench.path)
    text = squeeze(text_of(pdf))
    assert all(entry["statement"] in text for entry in rectified + new)
    assert len(images_of(pdf)) == 400
    assert 30 <= pages_of(pdf) <= 80
