"""The bulletin as DOCX: an office document that a secretary can go on working with, with real styles throughout."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from io import BytesIO
from itertools import count
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.packuri import PackURI
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.shape import CT_Inline
from docx.parts.image import ImagePart
from docx.parts.story import StoryPart
from docx.section import _Footer
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from .issue import Article, Entry, Issue, Photo, Section, read_issue
from .photos import PhotoPath, Print, Wanted, make_prints

_SONG = "宋体"
_HEI = "黑体"
_LATIN = "Times New Roman"
_INK = RGBColor(0x1C, 0x1A, 0x17)
_MUTED = RGBColor(0x62, 0x5C, 0x53)
_VERMILION = RGBColor(0xB3, 0x26, 0x1E)
_GREEN = RGBColor(0x2B, 0x6A, 0x3F)

_TEXT_WIDTH = 162.0
_COLUMN = 72.0
_COMPARED = 52.0
_PICTURE = 110.0
_GAP = 3.0
_FITS_BENEATH = 180
_TALLEST = 3 / 4
# The zip format's first possible moment: the parts of a frozen issue have no time of their own.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def render_docx(document: Mapping[str, Any], *, photo_path: PhotoPath, language: str = "zh") -> bytes:
    """The issue as an A4 DOCX with styles, alt texts and page numbers; the same input gives the same bytes.

    ``photo_path`` takes a photo's dict of the document and gives the path of its public copy. Raises
    DocumentInvalid, LanguageUnknown and PhotoUnusable.
    """
    issue = read_issue(document, language)
    return _same_bytes(_write(issue, make_prints(_wanted(issue), photo_path)))


def _wanted(issue: Issue) -> Iterator[Wanted]:
    for section in issue.sections:
        for entry in section.entries:
            photos = entry.before + entry.after
            width = _COLUMN if section.key != "rectified" and len(photos) <= 2 else _COMPARED
            yield from (Wanted(photo, width, width * _TALLEST) for photo in photos)
    for block in issue.blocks:
        yield from (Wanted(photo, _PICTURE, _PICTURE * _TALLEST) for photo in block.photos)


def _write(issue: Issue, prints: Mapping[tuple[str, float, float], Print]) -> bytes:
    word = docx.Document()
    album = _Album(word.part, prints)
    _set_properties(word, issue)
    _set_styles(word)
    _set_page(word, issue)
    _masthead(word, issue)
    for kind, own in issue.parts:
        if own is not None:
            _words(word, own, album)
        if kind == "hygiene" and issue.has_entries:
            for section in issue.sections:
                _section(word, issue, section, album)
        if kind == "exposure" and issue.exposed:
            _column(word, issue)
    _imprint(word, issue)
    out = BytesIO()
    word.save(out)
    return out.getvalue()


def _section(word: Any, issue: Issue, section: Section, album: "_Album") -> None:
    word.add_heading(section.title, 1)
    if not section.entries:
        word.add_paragraph(section.empty, style="Bulletin Note")
    elif section.key == "rectified":
        for entry in section.entries:
            _comparison(word, issue, entry, album)
    else:
        _grid(word, issue, section.entries, album)


def _words(word: Any, article: Article, album: "_Album") -> None:
    """What a block says: its headline, who wrote it, its pictures with their captions, its text."""
    if article.headline:
        word.add_heading(article.headline, 1)
    if article.byline and article.kind != "photo":
        word.add_paragraph(article.byline, style="Bulletin Note")
    for photo in article.photos:
        shown = word.add_paragraph(style="Bulletin Photo")
        shown.paragraph_format.keep_with_next = True
        album.show(shown, photo, _PICTURE)
        word.add_paragraph(photo.alt, style="Caption")
    if article.byline and article.kind == "photo":
        # Who took it stands beneath the picture that is all there is.
        word.add_paragraph(article.byline, style="Caption")
    for paragraph in article.paragraphs:
        word.add_paragraph(paragraph, style="Bulletin Text")


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
    moment = issue.published.astimezone(UTC).replace(tzinfo=None, microsecond=0)
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


def _set_styles(word: Any) -> None:
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
    _style(word, "Bulletin Photo", _SONG, 4, _INK, after=4)
    _style(word, "Bulletin Gap", _SONG, 8, _INK)
    _style(word, "Bulletin Entry", _HEI, 9.5, _INK, bold=True)
    _style(word, "Bulletin Facts", _SONG, 8, _MUTED, before=1, after=1)
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


def _spaced(style: ParagraphStyle, *, before: float, after: float, align: WD_ALIGN_PARAGRAPH | None = None) -> None:
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
    if not issue.has_entries:
        return
    counts = word.add_paragraph(style="Bulletin Counts")
    for place, section in enumerate(issue.sections):
        counts.add_run(("\u3000\u3000" if place else "") + f"{section.count_label} ")
        figure = counts.add_run(str(section.count))
        figure.bold = True
        figure.font.size = Pt(16)
        counts.add_run(f" {issue.words['place_unit']}".rstrip())
    if issue.exposed:
        counts.add_run(f"\u3000\u3000{issue.words['exposed_count']} ")
        figure = counts.add_run(str(len(issue.exposed)))
        figure.bold = True
        figure.font.size = Pt(16)
        counts.add_run(f" {issue.words['exposed_unit']}".rstrip())
    if issue.schematic:
        word.add_paragraph(issue.schematic, style="Bulletin Note").alignment = WD_ALIGN_PARAGRAPH.CENTER


def _comparison(word: Any, issue: Issue, entry: Entry, album: "_Album") -> None:
    """A table of before, after and the caption; a longer description follows over the full width."""
    if not entry.before and not entry.after:
        _several(word, issue, entry, album)
        return
    rows = max(len(entry.before), len(entry.after))
    table = _table(word, rows + 1, (_COMPARED + _GAP, _COMPARED + _GAP, _TEXT_WIDTH - 2 * (_COMPARED + _GAP)))
    head, *shown = (row.cells for row in table.rows)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell, key, colour in zip(head, ("before", "after"), (_MUTED, _GREEN), strict=False):
        _first_paragraph(cell, word, "Bulletin Label").add_run(issue.words[key]).font.color.rgb = colour
    for place, cells in enumerate(shown):
        for cell, photos, key in zip(cells, (entry.before, entry.after), ("no_before", "no_after"), strict=False):
            if place < len(photos):
                album.show(_first_paragraph(cell, word, "Bulletin Photo"), photos[place], _COMPARED)
            elif not photos and not place:
                _first_paragraph(cell, word, "Bulletin Note").add_run(issue.words[key])
    _caption_cell(shown[0][2], issue, entry, width=None, with_description=False)
    _keep_rows_together(table)
    for part in entry.description:
        word.add_paragraph(part, style="Caption")
    word.add_paragraph(style="Bulletin Gap")


def _grid(word: Any, issue: Issue, entries: Sequence[Entry], album: "_Album") -> None:
    """Entries of one photo two and two in tables; those of several, of none, or with much to say on their own."""
    waiting: list[Entry] = []
    for entry in entries:
        alone = len(entry.before) + len(entry.after) != 1 or _is_long(entry)
        if waiting and (alone or len(waiting) == 2):
            _row(word, issue, waiting, album)
            waiting = []
        if not alone:
            waiting.append(entry)
        elif len(entry.before) + len(entry.after) == 1:
            _row(word, issue, [entry], album)
        else:
            _several(word, issue, entry, album)
    if waiting:
        _row(word, issue, waiting, album)


def _is_long(entry: Entry) -> bool:
    return len(entry.statement) + sum(map(len, entry.description)) > _FITS_BENEATH


def _row(word: Any, issue: Issue, entries: Sequence[Entry], album: "_Album") -> None:
    """Two entries side by side, or a single one with its photo at the left and its words at the right."""
    table = _table(word, len(entries), (_TEXT_WIDTH / 2, _TEXT_WIDTH / 2))
    rows = [row.cells for row in table.rows]
    for column, entry in enumerate(entries):
        photo = (entry.before + entry.after)[0]
        album.show(_first_paragraph(rows[0][column], word, "Bulletin Photo"), photo, _COLUMN)
    if len(entries) == 2:
        for cell, entry in zip(rows[1], entries, strict=True):
            _caption_cell(cell, issue, entry, width=_COLUMN)
    else:
        _caption_cell(rows[0][1], issue, entries[0], width=_COLUMN, with_description=not _is_long(entries[0]))
    _keep_rows_together(table)
    if len(entries) == 1 and _is_long(entries[0]):
        for part in entries[0].description:
            word.add_paragraph(part, style="Caption")
    word.add_paragraph(style="Bulletin Gap")


def _several(word: Any, issue: Issue, entry: Entry, album: "_Album") -> None:
    """Words first, then the photos, if any, running along as one paragraph, as many in a line as have room."""
    photos = entry.before + entry.after
    last = _caption(word.add_paragraph, issue, entry)
    if photos:
        last.paragraph_format.keep_with_next = True
        strip = word.add_paragraph(style="Bulletin Photo")
        for photo in photos:
            album.show(strip, photo, _COMPARED if len(photos) > 2 else _COLUMN)
            strip.add_run("\u2002").font.size = Pt(9)
    word.add_paragraph(style="Bulletin Gap")


def _table(word: Any, rows: int, widths: Sequence[float]) -> Table:
    table = word.add_table(rows, len(widths))
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)
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


def _keep_rows_together(table: Table) -> None:
    """No row is torn by a page end, and the first pictures stay with what belongs to them."""
    for row in table.rows:
        row._tr.get_or_add_trPr().insert(0, OxmlElement("w:cantSplit"))
    for cell in table.rows[0].cells:
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True


def _first_paragraph(cell: _Cell, word: Any, style: str) -> Paragraph:
    paragraph = cell.paragraphs[0]
    paragraph.style = word.styles[style]
    return paragraph


def _caption_cell(cell: _Cell, issue: Issue, entry: Entry, **layout: Any) -> None:
    """The caption in a table cell, without the empty paragraph that every new cell begins with."""
    empty = cell.paragraphs[0]._p
    _caption(cell.add_paragraph, issue, entry, **layout)
    cell._tc.remove(empty)


def _caption(
    add_paragraph: Any,
    issue: Issue,
    entry: Entry,
    *,
    width: float | None = _TEXT_WIDTH,
    with_description: bool = True,
) -> Paragraph:
    """Category, statement, description and facts as paragraphs; the last of them is returned.

    The entry's number ends the first line, at ``width`` millimetres, or without a width stands in a last line.
    """
    head = add_paragraph(style="Bulletin Entry")
    head.paragraph_format.keep_with_next = True
    position = head.add_run(f"{entry.position}  ")
    position.font.color.rgb = _VERMILION
    head.add_run(entry.category)
    if width and entry.number:
        head.paragraph_format.tab_stops.add_tab_stop(Mm(width), WD_TAB_ALIGNMENT.RIGHT)
        number = head.add_run(f"\t{entry.number}")
        number.bold = False
        number.font.size = Pt(7.5)
        number.font.color.rgb = _MUTED
    add_paragraph(entry.statement, style="Caption").paragraph_format.keep_with_next = True
    for part in entry.description if with_description else ():
        add_paragraph(part, style="Caption")
    facts = [f"{label}{issue.words['colon']}{value}" for label, value in entry.facts]
    lines = ["\u3000".join(facts)] if width else [*facts, entry.number]
    for text in filter(None, lines):
        last = add_paragraph(text, style="Bulletin Facts")
    return last


def _column(word: Any, issue: Issue) -> None:
    """The exposure column: a heading, and for each venue its name, what was wrong and how it stands to it."""
    word.add_heading(issue.words["exposed"], 1)
    for one in issue.exposed:
        head = word.add_paragraph(style="Bulletin Entry")
        head.paragraph_format.keep_with_next = True
        head.paragraph_format.tab_stops.add_tab_stop(Mm(_TEXT_WIDTH), WD_TAB_ALIGNMENT.RIGHT)
        head.add_run(f"{one.position}  ").font.color.rgb = _VERMILION
        head.add_run(one.venue)
        for text in (f"  {one.kind}", f"\t{one.town}"):
            aside = head.add_run(text)
            aside.bold = False
            aside.font.size = Pt(8.5)
            aside.font.color.rgb = _MUTED
        if one.correction:
            said = word.add_paragraph(style="Caption")
            said.paragraph_format.keep_with_next = True
            run = said.add_run(one.correction)
            run.bold = True
            run.font.color.rgb = _VERMILION
        for problem in one.problems:
            word.add_paragraph(f"·  {problem}", style="Caption").paragraph_format.keep_with_next = True
        facts = [f"{label}{issue.words['colon']}{value}" for label, value in one.facts]
        word.add_paragraph("\u3000".join(facts), style="Bulletin Facts")
        word.add_paragraph(style="Bulletin Gap")


class _Album:
    """Puts prints into the document, each stored once however often it is shown.

    python-docx would hash every stored picture and search the whole document for each new one, which for a large
    issue takes longer than all the rest.
    """

    def __init__(self, part: StoryPart, prints: Mapping[tuple[str, float, float], Print]) -> None:
        self._part = part
        self._prints = prints
        self._stored: dict[tuple[str, float, float], str] = {}
        self._ids = count(1)

    def show(self, paragraph: Paragraph, photo: Photo, width: float) -> None:
        """Add the photo to the paragraph, whole within a 4:3 frame of ``width`` millimetres."""
        key = (photo.public_sha256, width, width * _TALLEST)
        made = self._prints[key]
        scale = min(width / made.width, width * _TALLEST / made.height)
        number = next(self._ids)
        inline = CT_Inline.new_pic_inline(
            number, self._relation(key, made), f"{photo.role}.jpg", Mm(made.width * scale), Mm(made.height * scale)
        )
        # Some readers take an absent distance for one of 3 mm.
        for side in ("distT", "distB", "distL", "distR"):
            inline.set(side, "0")
        inline.docPr.set("name", f"{photo.role} {number}")
        inline.docPr.set("descr", photo.alt)
        paragraph.add_run()._r.add_drawing(inline)

    def _relation(self, key: tuple[str, float, float], made: Print) -> str:
        if key not in self._stored:
            name = PackURI(f"/word/media/photo{len(self._stored) + 1}.jpg")
            self._stored[key] = self._part.relate_to(ImagePart(name, "image/jpeg", made.jpeg), RT.IMAGE)
        return self._stored[key]


def _imprint(word: Any, issue: Issue) -> None:
    signed = issue.words["imprint"].format(issuer=issue.issuer, number=issue.number)
    word.add_paragraph(signed, style="Bulletin Signed")
    if issue.byline:
        word.add_paragraph(issue.byline, style="Bulletin Signed")
    previous = issue.previous or issue.words["first_issue"]
    proof = word.add_paragraph(f"{issue.words['previous']} {previous}", style="Bulletin Running")
    proof.paragraph_format.space_before = Pt(8)
    word.add_paragraph(issue.words["verify"], style="Bulletin Running")
