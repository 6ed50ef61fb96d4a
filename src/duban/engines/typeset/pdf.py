"""The printed bulletin: a tagged PDF (PDF/UA-1, PDF/A-2a) set by Typst.

The document reaches Typst as a JSON file and is shown as plain strings, so no text of an entry can ever be read as
markup. What goes where on the page is decided here, how it looks in ``bulletin.typ``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import manimgx_fonts_cjk
import pylopdf_fonts_zh_cn
import typst

from .errors import TypesetError
from .issue import Entry, Issue, Photo, Section, read_issue
from .photos import PhotoPath, Print, Wanted, make_prints

# Millimetres of the A4 page; bulletin.typ is given them and keeps none of its own.
TEXT_WIDTH = 152.0
GUTTER = 6.0
SMALL_GUTTER = 3.0
COLUMN = (TEXT_WIDTH - GUTTER) / 2
COMPARED = 54.0
PICTURE = 110.0
# Several pictures of one entry stand two, three or four in a row over the full measure.
ABREAST = {columns: (TEXT_WIDTH - (columns - 1) * SMALL_GUTTER) / columns for columns in (2, 3, 4)}
# A frame is at most as tall as a 4:3 landscape picture: a portrait one stands whole within it.
_TALLEST = 3 / 4

# Characters of a description that still fit beneath, and beside, a picture; longer ones get the full measure.
_FITS_BENEATH = 120
_FITS_BESIDE = 50
# A statement longer than this may be torn by a page end, because it might not fit on any.
_FITS_ON_PAGE = 250
_GETA = "〓"
_UNPRINTABLE = re.compile(r'the text `"(.*)"` could not be displayed', re.DOTALL)
_ESCAPE = re.compile(r"\\(u\{([0-9a-f]+)\}|.)")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
_CLAUSE = re.compile(r"[^,，]+[,，]*|[,，]+")

Prints = Mapping[tuple[str, float, float], Print]


def render_pdf(document: Mapping[str, Any], *, photo_path: PhotoPath, language: str = "zh") -> bytes:
    """The issue as an A4 PDF; the same input gives the same bytes.

    ``photo_path`` takes a photo's dict of the document and gives the path of its public copy. Raises
    DocumentInvalid, LanguageUnknown and PhotoUnusable. A character that none of the fonts has (an emoji) is
    printed as 〓, the printer's mark for a missing type; HTML and DOCX keep it.
    """
    issue = read_issue(document, language)
    prints = make_prints(_wanted(issue), photo_path)
    names = {key: f"photo-{place}.jpg" for place, key in enumerate(prints)}
    page = _page(issue, prints, names)
    pictures = {names[key]: made.jpeg for key, made in prints.items()}
    return set_pdf("bulletin", page, pictures=pictures, printed=issue.published)


def set_pdf(
    name: str, page: Mapping[str, Any], *, pictures: Mapping[str, bytes], printed: datetime, serif: bool = False
) -> bytes:
    """The PDF of the layout ``name``.typ, which reads ``page`` as ``name``.json; ``serif`` brings Noto Serif SC.

    Pictures go through a folder of their own, because Typst's in-memory files can only be text.
    """
    with TemporaryDirectory(prefix="duban-typeset-") as folder:
        root = Path(folder)
        (root / "main.typ").write_bytes(_template(name))
        for picture, jpeg in pictures.items():
            (root / picture).write_bytes(jpeg)
        return _compile(root, name, page, printed, _fonts(serif=serif))


def _compile(root: Path, name: str, page: Mapping[str, Any], printed: datetime, fonts: typst.Fonts) -> bytes:
    text = _PRIVATE_USE.sub(_GETA, json.dumps(page, ensure_ascii=False))
    while True:
        (root / f"{name}.json").write_text(text, encoding="utf-8")
        try:
            return typst.compile(
                root / "main.typ",
                root=root,
                font_paths=fonts,
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=["a-2a", "ua-1"],
                timestamp=printed,
            )
        except typst.TypstError as problem:
            missing = _missing_characters(problem.diagnostic)
            replaced = text.translate(dict.fromkeys(map(ord, missing), _GETA))
            if replaced == text:
                raise TypesetError(f"The page could not be set: {problem.message}") from problem
            text = replaced


def _missing_characters(diagnostic: str) -> set[str]:
    """The characters that Typst says no font could show; those that JSON itself is made of are never among them."""
    found: set[str] = set()
    for problem in diagnostic.split("\nerror: "):
        shown = _UNPRINTABLE.search(problem)
        if shown:
            found.update(_ESCAPE.sub(_unescape, shown[1]))
    return {character for character in found if ord(character) > 0x7E}


def _unescape(escape: re.Match[str]) -> str:
    return chr(int(escape[2], 16)) if escape[2] else escape[1]


@cache
def _template(name: str) -> bytes:
    return files(__package__).joinpath(f"{name}.typ").read_bytes()


@cache
def _fonts(*, serif: bool) -> typst.Fonts:
    # The serif is kept from the other layouts, which might take a missing letter from it.
    packages = [manimgx_fonts_cjk, pylopdf_fonts_zh_cn] if serif else [manimgx_fonts_cjk]
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=True,
        font_paths=[str(Path(package.__file__).parent) for package in packages],
    )


def _wanted(issue: Issue) -> Iterator[Wanted]:
    for section in issue.sections:
        for form, entries in _rows(section):
            for entry in entries:
                yield from (Wanted(photo, width, width * _TALLEST) for photo, width in _places(form, entry))
    for block in issue.blocks:
        yield from (Wanted(photo, PICTURE, PICTURE * _TALLEST) for photo in block.photos)


def _places(form: str, entry: Entry) -> Iterator[tuple[Photo, float]]:
    """Each photo of an entry with the width, in millimetres, of the frame it gets in a row of this form."""
    photos = entry.before + entry.after
    width = {"comparison": COMPARED, "several": ABREAST[_abreast(len(photos))]}.get(form, COLUMN)
    yield from ((photo, width) for photo in photos)


def _abreast(photos: int) -> int:
    """How many of ``photos`` pictures stand in a row: what leaves the fewest places empty, the larger size if equal."""
    return 2 if photos <= 2 else min((3, 4), key=lambda columns: -photos % columns)


def _rows(section: Section) -> Iterator[tuple[str, Sequence[Entry]]]:
    """The entries in their order, cut into rows of the page.

    ``comparison``: before beside after. ``pair``: two entries side by side. ``lone``: one entry, its photo at the
    left and its words at the right, so that no half row stays empty. ``several``: more than one photo, over the full
    measure. ``text``: words without a photo.
    """
    waiting: list[Entry] = []
    for entry in section.entries:
        form = _form(section, entry)
        if form == "column":
            waiting.append(entry)
            if len(waiting) == 2:
                yield "pair", tuple(waiting)
                waiting = []
            continue
        if waiting:
            yield "lone", tuple(waiting)
            waiting = []
        yield form, (entry,)
    if waiting:
        yield "lone", tuple(waiting)


def _form(section: Section, entry: Entry) -> str:
    photos = len(entry.before) + len(entry.after)
    if not photos:
        return "text"
    if section.key == "rectified":
        return "comparison"
    if photos > 1:
        return "several"
    return "lone" if _is_long("column", entry) or len(entry.statement) > _FITS_ON_PAGE else "column"


def _is_long(form: str, entry: Entry) -> bool:
    return sum(map(len, entry.description)) > (_FITS_BESIDE if form == "comparison" else _FITS_BENEATH)


def _page(issue: Issue, prints: Prints, names: Mapping[tuple[str, float, float], str]) -> dict[str, Any]:
    def picture(photo: Photo, width: float) -> dict[str, Any]:
        key = (photo.public_sha256, width, width * _TALLEST)
        made = prints[key]
        natural = width * made.height / made.width
        return {"file": names[key], "alt": photo.alt, "height": round(min(natural, width * _TALLEST), 3)}

    def placed(form: str, entry: Entry) -> dict[str, Any]:
        pictures = [picture(photo, width) for photo, width in _places(form, entry)]
        return {
            "position": str(entry.position),
            "number": entry.number,
            "category": entry.category,
            "category_lang": entry.category_lang[:2],
            "clauses": _CLAUSE.findall(entry.statement),
            "description": list(entry.description),
            "facts": [{"label": label, "value": value} for label, value in entry.facts],
            "long": _is_long(form, entry),
            "endless": len(entry.statement) > _FITS_ON_PAGE,
            "abreast": _abreast(len(pictures)),
            "pictures": pictures,
            "before": pictures[: len(entry.before)],
            "after": pictures[len(entry.before) :],
        }

    return {
        "lang": issue.language,
        "words": dict(issue.words),
        "measures": {"gutter": GUTTER, "small_gutter": SMALL_GUTTER, "text_width": TEXT_WIDTH, "compared": COMPARED},
        "meta": {"title": issue.full_title, "author": issue.issuer},
        "series": issue.series,
        "jurisdiction": issue.jurisdiction,
        "number_text": issue.number_text,
        # The masthead has said it already.
        "title": "" if issue.title == issue.series else issue.title,
        "issuer": issue.issuer,
        "byline": issue.byline,
        "published": issue.published_text,
        "correction": issue.correction,
        "schematic": issue.schematic,
        "intro": list(issue.intro),
        "imprint": issue.words["imprint"].format(issuer=issue.issuer, number=issue.number),
        "hash": issue.hash,
        "checkpoint": issue.checkpoint,
        "previous": issue.previous or issue.words["first_issue"],
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "count": str(section.count),
                "count_label": section.count_label,
                "empty": "" if section.entries else section.empty,
                "rows": [
                    {"form": form, "entries": [placed(form, entry) for entry in entries]}
                    for form, entries in _rows(section)
                ],
            }
            for section in issue.sections
        ],
        "has_entries": issue.has_entries,
        "parts": [
            {
                "kind": kind,
                "headline": own.headline if own else "",
                "paragraphs": list(own.paragraphs) if own else [],
                "byline": own.byline if own else "",
                "pictures": [picture(photo, PICTURE) for photo in own.photos] if own else [],
            }
            for kind, own in issue.parts
        ],
        "exposed": [
            {
                "position": str(one.position),
                "venue": one.venue,
                "kind": one.kind,
                "town": one.town,
                "problems": list(one.problems),
                "correction": one.correction,
                "facts": [{"label": label, "value": value} for label, value in one.facts],
            }
            for one in issue.exposed
        ],
        "exposed_count": str(len(issue.exposed)),
    }
