"""Reports as text, whatever they come in: TXT, DOCX, PDF with text in it, HTML.

What `duban.engines.notice` reads is plain text in which a headline begins with #, and the cells of a table are
parted by tabs; the files say both, so that neither has to be guessed.
"""

import codecs
import io
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from threading import Lock

import docx
import pypdfium2
from django.utils.translation import gettext_lazy as _
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from duban.core.errors import DubanError

MAX_BYTES = 20 << 20
MAX_CHARACTERS = 200_000
MAX_PAGES = 200
MAX_UNPACKED = 200 << 20
NAMES = (".txt", ".docx", ".pdf", ".html", ".htm", ".md")

_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form"
    " header hr li main nav ol p pre section summary table tbody tfoot thead tr ul".split()
)
_HEADLINES = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_UNREAD = frozenset(("script", "style", "template", "noscript", "title"))
# PDFium keeps its state in one place for the whole process.
_one_at_a_time = Lock()


class BadNotice(DubanError):
    pass


def text_of(data: bytes, name: str) -> str:
    """The file's text, line ends as \\n. Which kind it is says its content, and its name where that says nothing.

    Raises BadNotice: `notice_empty`, `notice_too_large`, `notice_too_long`, `notice_unreadable`, `notice_locked`,
    `notice_without_text`, `notice_encoding`.
    """
    if len(data) > MAX_BYTES:
        raise BadNotice("notice_too_large", _("The file is larger than 20 MB; send its text alone."), field="file")
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


def checked_text(text: str) -> str:
    """The text with one kind of line ends. Raises BadNotice: `notice_empty`, `notice_too_long`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if not text.strip():
        raise BadNotice("notice_empty", _("There is no text in it."), field="file")
    if len(text) > MAX_CHARACTERS:
        raise BadNotice(
            "notice_too_long", _("The text is longer than 200,000 characters; read it part by part."), field="file"
        )
    return text


def _plain(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            encodings = [encoding]
            break
    else:
        encodings = ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if sum(character < " " and character not in "\t\n\r\f\v" for character in text) * 20 <= len(text):
            return text
    raise BadNotice("notice_encoding", _("This is no text file; send TXT, DOCX or PDF."), field="file")


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
                text_page = page.get_textpage()
                pages.append(text_page.get_text_bounded())
                text_page.close()
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
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                raise BadNotice(
                    "notice_too_large", _("The file is larger than 20 MB; send its text alone."), field="file"
                )
        document = docx.Document(io.BytesIO(data))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError, OSError, SyntaxError) as error:
        raise _unreadable() from error
    return "\n".join(_of_word(document))


def _of_word(holder: Document | _Cell) -> Iterator[str]:
    for part in holder.iter_inner_content():
        if isinstance(part, Paragraph):
            style = part.style.name if part.style is not None else ""
            text = part.text.strip("\n")
            yield f"# {text}" if text.strip() and (style or "").startswith(("Heading", "Title", "标题")) else text
        else:
            yield from _of_table(part)


def _of_table(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells: list[_Cell] = []
        for cell in row.cells:
            # A cell that spans columns is handed out once for each.
            if not cells or cell._tc is not cells[-1]._tc:
                cells.append(cell)
        said = [[line for line in _of_word(cell) if line.strip()] for cell in cells]
        if all(len(lines) <= 1 for lines in said) or sum(map(bool, said)) > 2:
            yield "\t".join("；".join(lines) if len(lines) > 1 else "".join(lines) for lines in said)
        else:
            for lines in said:
                yield from lines


class _Text(HTMLParser):
    """The words of a page, each block on a line of its own, cells by tabs, terms with a colon."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self.unread += 1
        elif tag in _HEADLINES:
            self.parts.append("\n\n# ")
        elif tag in ("td", "th"):
            self.parts.append("\t")
        elif tag == "dd":
            self.parts.append("：")
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self.unread = max(0, self.unread - 1)
        elif tag in _HEADLINES:
            self.parts.append("\n\n")
        elif tag in _BLOCKS and tag not in ("dt", "br"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.parts.append(" ".join(data.split()) if data.strip() else " ")


def _html(text: str) -> str:
    reader = _Text()
    reader.feed(text)
    reader.close()
    lines = ("".join(reader.parts)).split("\n")
    return "\n".join(line.strip(" ").removeprefix("\t") for line in lines)


def _unreadable() -> BadNotice:
    return BadNotice(
        "notice_unreadable",
        _("The file cannot be opened; save it again as DOCX, PDF or TXT and send that."),
        field="file",
    )
