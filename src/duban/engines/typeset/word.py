"""The bulletin as DOCX: an office document that a secretary can go on working with, with real styles throughout."""

from collections.abc import Mapping, Sequence
from datetime import timezone
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import _Footer
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from .issue import Entry, Issue, Photo, read_issue
from .photos import PhotoPath, Print, Wanted, make_prints

_SONG = "宋体"
_HEI = "黑体"
_LATIN = "Times New Roman"
_INK = RGBColor(0x1C, 0x1A, 0x17)
_MUTED = RGBColor(0x62, 0x5C, 0x53)
_VERMILION = RGBColor(0xB3, 0x26, 0x1E)
_GREEN = RGBColor(0x2B, 0x6A, 0x3F)

_TEXT_WIDTH = 162.0
_COLUMN = 78.0
_THUMBNAIL = 24.0
_TALLEST = 3 / 4
# The zip format's first possible moment: the parts of a frozen issue have no time of their own.
_NO_TIME = (1980, 1, 1, 0, 0, 0)

_Prints = Mapping[tuple[str, float, float], Print]


def render_docx(document: Mapping[str, Any], *, photo_path: PhotoPath, language: str = "zh") -> bytes:
    """The issue as an A4 DOCX with styles, alt texts and page numbers; the same input gives the same bytes.

    ``photo_path`` takes a photo's dict of the document and gives the path of its public copy. Raises
    DocumentInvalid, LanguageUnknown and PhotoUnusable.
    """
    issue = read_issue(document, language)
    photos = [photo for section in issue.sections for entry in section.entries for photo in entry.before + entry.after]
    prints = make_prints((Wanted(photo, _COLUMN, _COLUMN * _TALLEST) for photo in photos), photo_path)
    return _same_bytes(_write(issue, prints))


def _write(issue: Issue, prints: _Prints) -> bytes:
    word = docx.Document()
    _set_properties(word, issue)
    _set_styles(word, issue)
    _set_page(word, issue)
    _masthead(word, issue)
    for section in issue.sections:
        word.add_heading(section.title, 1)
        if not section.entries:
            word.add_paragraph(section.empty, style="Bulletin Note")
        elif section.key == "rectified":
            for entry in section.entries:
                _comparison(word, issue, entry, prints)
        else:
            _grid(word, issue, section.entries, prints)
    _imprint(word, issue)
    out = BytesIO()
    word.save(out)
    return out.getvalue()


def _same_bytes(package: bytes) -> bytes:
    """The same parts in the same order, without the clock that python-docx writes into the zip."""
    out = BytesIO()
    with ZipFile(BytesIO(package)) as given, ZipFile(out, "w") as made:
        for part in given.infolist():
            plain = ZipInfo(part.filename, _NO_TIME)
            plain.compress_type = ZIP_DEFLATED
            plain.external_attr = 0o600 << 16
            made.writestr(plain, given.read(part))
    return out.getvalue()


def _set_properties(word: Any, issue: Issue) -> None:
    moment = issue.published.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)
    properties = word.core_properties
    properties.title = issue.full_title[:255]
    properties.subject = (issue.jurisdiction + issue.series)[:255]
    properties.author = issue.issuer[:255]
    properties.last_modified_by = issue.issuer[:255]
    properties.created = moment
    properties.modified = moment
    properties.revision = 1
    properties.language = issue.words["lang"]
    properties.identifier = issue.hash
    properties.comments = ""
    properties.keywords = ""


def _set_styles(word: Any, issue: Issue) -> None:
    styles = word.styles
    _font(styles["Normal"], _SONG, 10.5, _INK)
    styles["Normal"].paragraph_format.space_after = Pt(0)
    language = styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr")).find(qn("w:lang"))
    language.set(qn("w:val"), "en-GB")
    language.set(qn("w:eastAsia"), "zh-CN")

    title = styles["Title"]
    _font(title, _HEI, 20, _INK, bold=True)
    _no_border(title)
    _spaced(title, before=14, after=10, align=WD_ALIGN_PARAGRAPH.CENTER)

    heading = styles["Heading 1"]
    _font(heading, _HEI, 14, _INK, bold=True)
    _spaced(heading, before=18, after=8)
    _border(heading.element.get_or_add_pPr(), "top", 12, "1C1A17", space=4)

    caption = styles["Caption"]
    _font(caption, _SONG, 9.5, _INK)
    caption.font.bold = False
    _spaced(caption, before=0, after=0)

    _style(word, "Bulletin Place", _HEI, 12, _INK, align=WD_ALIGN_PARAGRAPH.CENTER)
    _style(word, "Bulletin Series", _HEI, 34, _VERMILION, bold=True, align=WD_ALIGN_PARAGRAPH.CENTER)
    _style(word, "Bulletin Number", _HEI, 12, _INK, align=WD_ALIGN_PARAGRAPH.CENTER)
    issuer = _style(word, "Bulletin Issuer", _SONG, 10.5, _INK, before=6)
    _border(issuer.element.get_or_add_pPr(), "bottom", 18, "B3261E", space=3)
    issuer.paragraph_format.tab_stops.add_tab_stop(Mm(_TEXT_WIDTH), WD_TAB_ALIGNMENT.RIGHT)
    _style(word, "Bulletin Correction", _HEI, 10.5, _VERMILION, bold=True, before=6, after=6)
    intro = _style(word, "Bulletin Text", _SONG, 10.5, _INK, align=WD_ALIGN_PARAGRAPH.JUSTIFY)
    intro.paragraph_format.line_spacing = 1.4
    _indent_characters(intro, 2)
    _style(word, "Bulletin Counts", _HEI, 12, _INK, before=10, after=4, align=WD_ALIGN_PARAGRAPH.CENTER)
    _style(word, "Bulletin Note", _SONG, 9, _MUTED)
    _style(word, "Bulletin Label", _HEI, 9, _MUTED, bold=True, after=2)
    _style(word, "Bulletin Photo", _SONG, 4, _INK, after=3)
    _style(word, "Bulletin Entry", _HEI, 9.5, _INK, bold=True)
    _style(word, "Bulletin Facts", _SONG, 8, _MUTED, before=1, after=6)
    _style(word, "Bulletin Signed", _SONG, 10.5, _INK, before=6, align=WD_ALIGN_PARAGRAPH.RIGHT)
    _style(word, "Bulletin Running", _SONG, 7.5, _MUTED)


def _style(
    word: Any,
    name: str,
    east_asian: str,
    size: float,
    colour: RGBColor,
    *,
    bold: bool = False,
    before: float = 0,
    after: float = 0,
    align: WD_ALIGN_PARAGRAPH | None = None,
) -> ParagraphStyle:
    style = word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = word.styles["Normal"]
    _font(style, east_asian, size, colour, bold=bold)
    _spaced(style, before=before, after=after, align=align)
    return style


def _font(style: ParagraphStyle, east_asian: str, size: float, colour: RGBColor, *, bold: bool = False) -> None:
    style.font.name = _LATIN
    style.font.size = Pt(size)
    style.font.bold = bold
    style.font.color.rgb = colour
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    # A theme font would win over the named one.
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    fonts.set(qn("w:eastAsia"), east_asian)
    spacing = style.element.rPr.find(qn("w:spacing"))
    if spacing is not None:
        style.element.rPr.remove(spacing)


def _spaced(
    style: ParagraphStyle, *, before: float, after: float, align: WD_ALIGN_PARAGRAPH | None = None
) -> None:
    style.paragraph_format.space_before = Pt(before)
    style.paragraph_format.space_after = Pt(after)
    if align is not None:
        style.paragraph_format.alignment = align


def _indent_characters(style: ParagraphStyle, characters: int) -> None:
    style.paragraph_format.first_line_indent = Pt(10.5 * characters)
    style.element.get_or_add_pPr().find(qn("w:ind")).set(qn("w:firstLineChars"), str(characters * 100))


def _no_border(style: ParagraphStyle) -> None:
    border = style.element.get_or_add_pPr().find(qn("w:pBdr"))
    if border is not None:
        style.element.pPr.remove(border)


def _border(properties: Any, side: str, eighths: int, colour: str, *, space: int) -> None:
    borders = OxmlElement("w:pBdr")
    edge = OxmlElement(f"w:{side}")
    for name, value in (("val", "single"), ("sz", str(eighths)), ("space", str(space)), ("color", colour)):
        edge.set(qn(f"w:{name}"), value)
    borders.append(edge)
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:kinsoku", "w:wordWrap", "w:overflowPunct",
        "w:topLinePunct", "w:autoSpaceDE", "w:autoSpaceDN", "w:bidi", "w:adjustRightInd", "w:snapToGrid",
        "w:spacing", "w:ind", "w:contextualSpacing", "w:mirrorIndents", "w:suppressOverlap", "w:jc",
        "w:textDirection", "w:textAlignment", "w:textboxTightWrap", "w:outlineLvl", "w:rPr",
    )  # fmt: skip


def _set_page(word: Any, issue: Issue) -> None:
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm((210 - _TEXT_WIDTH) / 2)
    page.top_margin, page.bottom_margin = Mm(22), Mm(24)
    page.header_distance, page.footer_distance = Mm(12), Mm(10)
    page.different_first_page_header_footer = True
    header = page.header.paragraphs[0]
    _running(word, header)
    header.add_run(f"{issue.jurisdiction}{issue.series}  {issue.number_text}\t{issue.published_text}")
    _running(word, page.first_page_header.paragraphs[0])
    for footer in (page.footer, page.first_page_footer):
        _footer(word, footer, issue)


def _running(word: Any, paragraph: Paragraph) -> None:
    paragraph.style = word.styles["Bulletin Running"]
    paragraph.paragraph_format.tab_stops.add_tab_stop(Mm(_TEXT_WIDTH), WD_TAB_ALIGNMENT.RIGHT)


def _footer(word: Any, footer: _Footer, issue: Issue) -> None:
    proof = footer.paragraphs[0]
    _running(word, proof)
    proof.add_run(f"{issue.words['hash']} ").font.size = Pt(5.5)
    proof.add_run(issue.hash).font.size = Pt(5.5)
    proof.add_run("\t")
    for part in _split_fields(issue.words["page"]):
        if part == "{page}":
            _field(proof, "PAGE")
        elif part == "{pages}":
            _field(proof, "NUMPAGES")
        else:
            proof.add_run(part)
    second = footer.add_paragraph()
    _running(word, second)
    second.add_run(f"{issue.words['checkpoint']} {issue.checkpoint}").font.size = Pt(5.5)


def _split_fields(pattern: str) -> list[str]:
    before, _, rest = pattern.partition("{page}")
    between, _, after = rest.partition("{pages}")
    return [part for part in (before, "{page}", between, "{pages}", after) if part]


def _field(paragraph: Paragraph, instruction: str) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), instruction)
    run = OxmlElement("w:r")
    shown = OxmlElement("w:t")
    shown.text = "1"
    run.append(shown)
    field.append(run)
    paragraph._p.append(field)


def _masthead(word: Any, issue: Issue) -> None:
    word.add_paragraph(issue.jurisdiction, style="Bulletin Place")
    word.add_paragraph(issue.series, style="Bulletin Series")
    word.add_paragraph(issue.number_text, style="Bulletin Number")
    word.add_paragraph(f"{issue.issuer}\t{issue.published_text}", style="Bulletin Issuer")
    word.add_paragraph(issue.title or issue.full_title, style="Title")
    if issue.correction:
        word.add_paragraph(issue.correction, style="Bulletin Correction")
    for paragraph in issue.intro:
        word.add_paragraph(paragraph, style="Bulletin Text")
    counts = word.add_paragraph(style="Bulletin Counts")
    for place, section in enumerate(issue.sections):
        counts.add_run(("\u3000\u3000" if place else "") + f"{section.count_label} ")
        figure = counts.add_run(str(section.count))
        figure.bold = True
        figure.font.size = Pt(16)
        counts.add_run(f" {issue.words['place_unit']}".rstrip())
    if issue.schematic:
        word.add_paragraph(issue.schematic, style="Bulletin Note").alignment = WD_ALIGN_PARAGRAPH.CENTER


def _comparison(word: Any, issue: Issue, entry: Entry, prints: _Prints) -> None:
    """A table of two columns, before and after; its last row, over both, holds the caption."""
    if not entry.before and not entry.after:
        _caption(word.add_paragraph, entry)
        return
    rows = max(len(entry.before), len(entry.after))
    table = _table(word, rows + 2)
    _mark_header(table)
    for cell, key, colour in zip(table.rows[0].cells, ("before", "after"), (_MUTED, _GREEN), strict=True):
        label = _first_paragraph(cell, "Bulletin Label")
        label.add_run(issue.words[key]).font.color.rgb = colour
    for place in range(rows):
        for cell, photos, missing in zip(
            table.rows[place + 1].cells,
            (entry.before, entry.after),
            (issue.words["no_before"], issue.words["no_after"]),
            strict=True,
        ):
            paragraph = _first_paragraph(cell, "Bulletin Photo")
            if place < len(photos):
                _picture(paragraph, photos[place], prints, _COLUMN)
            elif not photos and not place:
                paragraph.style = word.styles["Bulletin Note"]
                paragraph.add_run(missing)
    left, right = table.rows[-1].cells
    _caption_cell(left.merge(right), entry)
    _keep_rows_together(table)
    word.add_paragraph(style="Bulletin Photo")


def _grid(word: Any, issue: Issue, entries: Sequence[Entry], prints: _Prints) -> None:
    """Entries with photos two and two in tables of one row; those without stand between them as paragraphs."""
    waiting: list[Entry] = []
    for entry in entries:
        if entry.before or entry.after:
            waiting.append(entry)
            if len(waiting) == 2:
                _pair(word, waiting, prints)
                waiting = []
            continue
        if waiting:
            _pair(word, waiting, prints)
            waiting = []
        _caption(word.add_paragraph, entry)
    if waiting:
        _pair(word, waiting, prints)


def _pair(word: Any, entries: Sequence[Entry], prints: _Prints) -> None:
    table = _table(word, 2)
    for column, entry in enumerate(entries):
        photos = entry.before + entry.after
        above, below = table.columns[column].cells
        _picture(_first_paragraph(above, "Bulletin Photo"), photos[0], prints, _COLUMN)
        if len(photos) > 1:
            strip = above.add_paragraph(style="Bulletin Photo")
            for photo in photos[1:]:
                _picture(strip, photo, prints, _THUMBNAIL)
                strip.add_run(" ")
        _caption_cell(below, entry)
    _keep_rows_together(table)
    word.add_paragraph(style="Bulletin Photo")


def _table(word: Any, rows: int) -> Table:
    table = word.add_table(rows, 2)
    table.autofit = False
    for column in table.columns:
        column.width = Mm(_TEXT_WIDTH / 2)
        for cell in column.cells:
            cell.width = Mm(_TEXT_WIDTH / 2)
    margins = OxmlElement("w:tblCellMar")
    for side, width in (("left", 0), ("right", 170)):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(width))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr
    look = properties.find(qn("w:tblLook"))
    properties.insert(properties.index(look) if look is not None else len(properties), margins)
    return table


def _mark_header(table: Table) -> None:
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))


def _keep_rows_together(table: Table) -> None:
    """No row is torn by a page end, and the pictures stay with the caption beneath them."""
    for row in table.rows:
        row._tr.get_or_add_trPr().insert(0, OxmlElement("w:cantSplit"))
    for row in table.rows[:-1]:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = True


def _first_paragraph(cell: _Cell, style: str) -> Paragraph:
    paragraph = cell.paragraphs[0]
    paragraph.style = style
    return paragraph


def _caption_cell(cell: _Cell, entry: Entry) -> None:
    """The caption in a table cell, without the empty paragraphs every new or merged cell begins with."""
    empty = [paragraph._p for paragraph in cell.paragraphs]
    _caption(cell.add_paragraph, entry)
    for paragraph in empty:
        cell._tc.remove(paragraph)


def _caption(add_paragraph: Any, entry: Entry) -> None:
    head = add_paragraph(style="Bulletin Entry")
    head.paragraph_format.keep_with_next = True
    position = head.add_run(f"{entry.position}  ")
    position.font.color.rgb = _VERMILION
    head.add_run(entry.category)
    statement = add_paragraph(entry.statement, style="Caption")
    statement.paragraph_format.keep_with_next = True
    for part in entry.description:
        add_paragraph(part, style="Caption")
    facts = "\u3000".join(f"{label} {value}" for label, value in entry.facts)
    add_paragraph("\u3000".join(part for part in (facts, entry.number) if part), style="Bulletin Facts")


def _picture(paragraph: Paragraph, photo: Photo, prints: _Prints, width: float) -> None:
    made = prints[(photo.public_sha256, _COLUMN, _COLUMN * _TALLEST)]
    # Whole within its frame, whichever side is the longer.
    shown = min(width, width * _TALLEST * made.width / made.height)
    picture = paragraph.add_run().add_picture(BytesIO(made.jpeg), width=Mm(shown))
    properties = picture._inline.docPr
    properties.set("descr", photo.alt)
    properties.set("name", f"{photo.role} {properties.get('id')}")


def _imprint(word: Any, issue: Issue) -> None:
    signed = issue.words["imprint"].format(issuer=issue.issuer, number=issue.number)
    word.add_paragraph(signed, style="Bulletin Signed")
    if issue.byline:
        word.add_paragraph(issue.byline, style="Bulletin Signed")
    previous = issue.previous or issue.words["first_issue"]
    word.add_paragraph(f"{issue.words['previous']} {previous}", style="Bulletin Note").paragraph_format.space_before = Pt(12)
    word.add_paragraph(issue.words["verify"], style="Bulletin Note")
