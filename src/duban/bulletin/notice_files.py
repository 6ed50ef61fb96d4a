"""Reports as text, whatever they come in: TXT, DOCX, PDF with text in it, HTML.

What `duban.engines.notice` reads is plain text in which a headline begins with #, and the cells of a table are
parted by tabs; the files say both, so that neither has to be guessed.
"""

import codecs
import io
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from threading import Lock
from typing import Any

import docx
import pypdfium2
from django.utils.translation import gettext_lazy as _
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from duban.bulletin.notice_pdf import MAX_CELL, page_text
from duban.core.errors import DubanError

MAX_BYTES = 20 << 20
MAX_CHARACTERS = 200_000
MAX_PAGES = 200
MAX_UNPACKED = 200 << 20
MAX_MARKUP = 24 << 20
"""Bytes of markup in a Word file: taken apart it fills some twenty times as much memory."""
SHORT_TEXT = 60_000
SHORT_MARKUP = 1 << 20
SHORT_PAGES = 4
MAX_SPAN = 100
NAMES = (".txt", ".docx", ".pdf", ".html", ".htm", ".md")

_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form"
    " header hr li main nav ol p pre section summary table tbody tfoot thead tr ul".split()
)
_HEADLINES = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_UNREAD = frozenset(("script", "style", "template", "noscript", "title"))
_COMPATIBLE = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_BLANKS = "\u200b\ufeff\u2060"
_ODD = frozenset(("Cn", "Co", "Cs"))
# PDFium keeps its state in one place for the whole process.
_one_at_a_time = Lock()
_HOLDERS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml")))
_LEFT_OUT = frozenset((*map(qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr")), f"{{{_COMPATIBLE}}}Fallback"))


class BadNotice(DubanError):
    pass


def text_of(data: bytes, name: str) -> str:
    """The file's text, line ends as \\n. Which kind it is says its content, and its name where that says nothing.

    Raises BadNotice: `notice_empty`, `notice_too_large`, `notice_too_long`, `notice_unreadable`, `notice_locked`,
    `notice_without_text`, `notice_encoding`, `notice_garbled`.
    """
    check_size(len(data))
    if not data.strip():
        raise BadNotice("notice_empty", _("There is no text in it."), field="file")
    if data.startswith(b"%PDF"):
        text = _pdf(data)
    elif data.startswith(b"PK\x03\x04"):
        text = _docx(data)
    elif data.startswith((b"\xd0\xcf\x11\xe0", b"{\\rtf")):
        raise BadNotice(
            "notice_unreadable", _("An old Word file cannot be read; save it as DOCX and send that."), field="file"
        )
    else:
        text = _plain(data)
        if name.lower().endswith((".html", ".htm")) or text.lstrip()[:200].lower().startswith(
            ("<!doctype html", "<html")
        ):
            text = _html(text)
    return checked_text(text)


def check_size(size: int) -> None:
    """Raises BadNotice `notice_too_large` where a file has more bytes than are read."""
    if size > MAX_BYTES:
        raise BadNotice("notice_too_large", _("The file is larger than 20 MB; send its text alone."), field="file")


def is_short(data: bytes) -> bool:
    """Whether the file is read, or refused, in the time that somebody waits for a page."""
    if data.startswith(b"%PDF"):
        with _one_at_a_time:
            try:
                document = pypdfium2.PdfDocument(data)
            except pypdfium2.PdfiumError:
                return True
            try:
                return len(document) <= SHORT_PAGES
            finally:
                document.close()
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return _markup_in(archive) <= SHORT_MARKUP
        except zipfile.BadZipFile:
            return True
    return len(data) <= SHORT_TEXT


def checked_text(text: str, *, field: str = "file") -> str:
    """The text with one kind of line ends. Raises BadNotice: `notice_empty`, `notice_too_long`, `notice_garbled`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if not text.translate(dict.fromkeys(map(ord, _BLANKS))).strip():
        raise BadNotice("notice_empty", _("There is no text in it."), field=field)
    if len(text) > MAX_CHARACTERS:
        raise BadNotice(
            "notice_too_long", _("The text is longer than 200,000 characters; read it part by part."), field=field
        )
    if sum(
        letter == "\ufffd" or (letter > "\ud7ff" and unicodedata.category(letter) in _ODD) for letter in text
    ) * 20 > len(text):
        raise _garbled(field)
    return text


def _plain(data: bytes) -> str:
    """The characters of a text file.

    GB 18030 gives nearly any bytes some characters, so what was only guessed to be that is held against the ones that
    simplified Chinese writes: Big5 or a damaged UTF-8 file come out as rare ones.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            guesses = [(encoding, "strict"), (encoding, "replace")]
            break
    else:
        guesses = [("utf-8", "strict"), ("gb18030", "strict"), ("utf-8", "replace"), ("gb18030", "replace")]
    garbled = False
    for encoding, errors in guesses:
        try:
            text = data.decode(encoding, errors)
        except UnicodeDecodeError:
            continue
        if (errors == "replace" and text.count("\ufffd") * 20 > len(text)) or _holds_controls(text):
            continue
        if encoding == "gb18030" and _is_rare(text):
            garbled = True
            continue
        return text
    if garbled:
        raise _garbled()
    raise BadNotice("notice_encoding", _("This is no text file; send TXT, DOCX or PDF."), field="file")


def _holds_controls(text: str) -> bool:
    return sum(character < " " and character not in "\t\n\r\f\v" for character in text) * 20 > len(text)


def _is_rare(text: str) -> bool:
    """Whether more than one in five of the characters beyond ASCII are none that GB 2312 has."""
    beyond = [character for character in text if character > "\x7f"]
    common = "".join(beyond).encode("gb2312", "ignore").decode("gb2312")
    return (len(beyond) - len(common)) * 5 > len(beyond)


def _pdf(data: bytes) -> str:
    with _one_at_a_time:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise BadNotice(
                    "notice_locked", _("The PDF is locked with a password; send it unlocked."), field="file"
                ) from error
            raise _unreadable() from error
        try:
            if len(document) > MAX_PAGES:
                raise BadNotice(
                    "notice_too_long", _("The PDF has more than 200 pages; send the ones that matter."), field="file"
                )
            pages = []
            for page in document:
                pages.append(page_text(page))
                page.close()
        except pypdfium2.PdfiumError as error:
            raise _unreadable() from error
        finally:
            document.close()
    text = "\n".join(pages).replace("\ufffe", "").replace("\u0002", "")
    if not text.strip():
        raise BadNotice(
            "notice_without_text",
            _("The PDF holds pictures of pages and no text; have its text recognised first, then send that."),
            field="file",
        )
    return text


def _docx(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > MAX_UNPACKED or _markup_in(archive) > MAX_MARKUP:
                raise BadNotice(
                    "notice_too_large",
                    _("The file unpacks to more than can be read; send its text alone."),
                    field="file",
                )
        document = docx.Document(io.BytesIO(data))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError, OSError, SyntaxError) as error:
        raise _unreadable() from error
    return "\n".join(_of_word(document))


def _markup_in(archive: zipfile.ZipFile) -> int:
    return sum(entry.file_size for entry in archive.infolist() if entry.filename.endswith((".xml", ".rels")))


def _of_word(holder: Document | _Cell) -> Iterator[str]:
    inner = holder._tc if isinstance(holder, _Cell) else holder.element.body
    for block in _blocks_in(inner):
        if block.tag == qn("w:tbl"):
            yield from _of_table(Table(block, holder))
            continue
        boxes: list[str] = []
        text = "".join(_words_in(block, boxes)).strip("\n")
        style = Paragraph(block, holder).style
        named = (style.name or "") if style is not None else ""
        yield f"# {text}" if text.strip() and named.startswith(("Heading", "Title", "标题")) else text
        yield from boxes


def _blocks_in(element: Any) -> Iterator[Any]:
    """Paragraphs and tables in their order, those of forms and of tracked changes too."""
    for child in element:
        if child.tag in (qn("w:p"), qn("w:tbl")):
            yield child
        elif child.tag in _HOLDERS:
            yield from _blocks_in(child)


def _words_in(element: Any, boxes: list[str]) -> Iterator[str]:
    """The words of a paragraph as it stands with its changes accepted; those of its text boxes go to `boxes`."""
    for child in element:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag == qn("w:tab"):
            yield "\t"
        elif child.tag in (qn("w:br"), qn("w:cr")):
            yield "\n" if child.get(qn("w:type")) in (None, "textWrapping") else ""
        elif child.tag == qn("w:noBreakHyphen"):
            yield "-"
        elif child.tag == qn("w:txbxContent"):
            for block in child.iter(qn("w:p")):
                boxes.append("".join(_words_in(block, boxes)))
        elif child.tag not in _LEFT_OUT:
            yield from _words_in(child, boxes)


def _of_table(table: Table) -> Iterator[str]:
    """Rows with their cells parted by tabs; two cells with paragraphs in each are columns of a page, read in turn."""
    for row in table.rows:
        # A cell that spans columns is handed out once for each; said once, the columns stay in line.
        spanned = [cell._tc for cell in row.cells]
        firsts = [place == 0 or cell is not spanned[place - 1] for place, cell in enumerate(spanned)]
        said = [_lines_of(cell) if first else [] for cell, first in zip(row.cells, firsts, strict=True)]
        if sum(map(bool, said)) > 1 and (all(len(lines) <= 1 for lines in said) or _filled(said, firsts) > 2):
            yield "\t".join(map(_in_one_line, said)).rstrip("\t")
        else:
            for lines in said:
                yield from lines


def _lines_of(cell: _Cell) -> list[str]:
    return [line.strip() for part in _of_word(cell) for line in part.split("\n") if line.strip()]


def _filled(said: list[list[str]], firsts: list[bool]) -> int:
    """How many columns have words in them, their own or those of a cell that reaches into them."""
    filled = 0
    words: list[str] = []
    for lines, first in zip(said, firsts, strict=True):
        words = lines if first else words
        filled += bool(words)
    return filled


def _in_one_line(lines: list[str]) -> str:
    return "".join(
        line if line.endswith(("。", "；", ";", "，", ",", "、", "：", ":")) or line is lines[-1] else line + "；"
        for line in lines
    )


@dataclass
class _OpenTable:
    """Where a table of a web page stands: the column that comes next, and the cells from above that reach down."""

    column: int = 0
    words_from: int | None = None
    """Of the open cell: where its words begin among the parts."""
    spans: tuple[int, int] = (1, 1)
    reaching: dict[int, tuple[int, str]] = field(default_factory=dict)
    """column -> how many rows more, this one included, and the words"""


class _Text(HTMLParser):
    """The words of a page, each block on a line of its own, a row's cells by tabs, terms with a colon."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unread = 0
        self.tables: list[_OpenTable] = []
        self.repeated = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self.unread += 1
        elif tag in _HEADLINES:
            self.parts.append("\n\n# ")
        elif tag == "table":
            self.tables.append(_OpenTable())
            self.parts.append("\n")
        elif tag == "tr" and self.tables:
            self._end_row(self.tables[-1])
        elif tag in ("td", "th") and self.tables:
            self._begin_cell(self.tables[-1], dict(attrs))
        elif tag == "dd":
            self.parts.append("：")
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self.unread = max(0, self.unread - 1)
        elif tag in _HEADLINES:
            self.parts.append("\n\n")
        elif tag in ("td", "th") and self.tables:
            self._end_cell(self.tables[-1])
        elif tag in ("tr", "table") and self.tables:
            self._end_row(self.tables[-1])
            if tag == "table":
                self.tables.pop()
        elif tag in _BLOCKS and tag not in ("dt", "br"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        between_cells = self.tables and self.tables[-1].words_from is None and not data.strip()
        if not self.unread and not between_cells:
            self.parts.append(" ".join(data.split()) if data.strip() else " ")

    def _begin_cell(self, table: _OpenTable, attributes: dict[str, str | None]) -> None:
        self._end_cell(table)
        self._reach(table)
        self.parts.append("\t" if table.column else "")
        table.words_from = len(self.parts)
        table.spans = _number(attributes.get("rowspan")), _number(attributes.get("colspan"))

    def _end_cell(self, table: _OpenTable) -> None:
        if table.words_from is None:
            return
        words = "".join(self.parts[table.words_from :])
        if "\t" not in words and len(words) <= MAX_CELL:
            # A longer one, or one with a table in it, is a part of the page and no cell; its lines stay lines.
            words = _in_one_line([line.strip() for line in words.split("\n") if line.strip()])
            self.parts[table.words_from :] = [words]
        rows, columns = table.spans
        columns = max(1, min(columns, MAX_SPAN - table.column))
        if rows > 1 and table.column < MAX_SPAN:
            for column in range(table.column, table.column + columns):
                table.reaching[column] = (rows, words if column == table.column else "")
        self.parts.append("\t" * (columns - 1))
        table.column += columns
        table.words_from = None

    def _reach(self, table: _OpenTable) -> None:
        while table.column in table.reaching:
            words = table.reaching[table.column][1]
            self.repeated += len(words)
            self.parts.append(("\t" if table.column else "") + (words if self.repeated <= MAX_CHARACTERS else ""))
            table.column += 1

    def _end_row(self, table: _OpenTable) -> None:
        self._end_cell(table)
        if table.column:
            self._reach(table)
            table.reaching = {column: (rows - 1, words) for column, (rows, words) in table.reaching.items() if rows > 1}
            table.column = 0
        self.parts.append("\n")


def _number(text: str | None) -> int:
    """How many rows or columns a cell spans; what makes no sense counts as one."""
    return min(int(text), MAX_SPAN) if text and text.isdecimal() and text.isascii() and text.strip("0") else 1


def _html(text: str) -> str:
    reader = _Text()
    reader.feed(text)
    reader.close()
    lines = ("".join(reader.parts)).split("\n")
    return "\n".join(line.strip(" ").rstrip("\t") for line in lines)


def _garbled(field: str = "file") -> BadNotice:
    return BadNotice(
        "notice_garbled",
        _("Its characters come out garbled; save it as UTF-8, or have the text recognised anew, and send that."),
        field=field,
    )


def _unreadable() -> BadNotice:
    return BadNotice(
        "notice_unreadable",
        _("The file cannot be opened; save it again as DOCX, PDF or TXT and send that."),
        field="file",
    )
