"""A newspaper page: articles beside one another in columns, headlines in a serif, the hygiene column with its pictures.

One page of 390 by 540 mm, the size of a Chinese broadsheet; the type is set as large as the page allows. The same
document gives an HTML page that is one column on a phone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

import pypdfium2

from .issue import Article, Entry, Issue, Photo, read_issue
from .page import PhotoUrl, headline_html
from .pdf import set_pdf
from .photos import PhotoPath, Wanted, make_prints
from .words import written_weekday

# Millimetres. What newspaper.typ is given it keeps no copy of.
PAGE = (390.0, 540.0)
MARGIN = 15.0
GUTTER = 6.0
TEXT_WIDTH = PAGE[0] - 2 * MARGIN
WIDEST_PICTURE = TEXT_WIDTH / 2
# How many pictures stand abreast in the hygiene column: what leaves the fewest places empty, the larger size if equal.
ABREAST = (5, 6, 7, 8)
_TALLEST = 3 / 4
SIZES = (1.7, 1.6, 1.5, 1.4, 1.32, 1.24, 1.17, 1.1, 1.05, 1.0, 0.95, 0.9, 0.85, 0.8)
"""Of the type, against ten points: tried until all stands on one page. With less the page runs on to a second one."""
WIDE_FROM = 1.32
"""From this size of type on the page has five columns: fewer than ten characters to a line tear the words apart."""
_ROWS = 3
_HOPELESS = 3
MOST_ENTRIES = 24
"""Entries printed with their pictures; how many there are besides is said."""


def render_newspaper_pdf(document: Mapping[str, Any], *, photo_path: PhotoPath, language: str = "zh") -> bytes:
    """The page as PDF; the same input gives the same bytes. Raises what ``render_pdf`` raises."""
    issue = read_issue(document, language)
    articles = articles_of(issue)
    abreast = _abreast(issue)
    unit = (TEXT_WIDTH - (abreast - 1) * 5.0) / abreast
    wanted = [Wanted(photo, WIDEST_PICTURE, WIDEST_PICTURE) for article in articles for photo in article.photos]
    entries = _shown(issue)
    wanted += [Wanted(photo, unit, unit * _TALLEST) for photos, _entry, _pair in entries for photo in photos]
    prints = make_prints(wanted, photo_path)
    names = {key: f"photo-{place}.jpg" for place, key in enumerate(prints)}
    pictures = {names[key]: made.jpeg for key, made in prints.items()}

    def picture(photo: Photo, width: float, height: float) -> dict[str, Any]:
        key = (photo.public_sha256, width, height)
        made = prints[key]
        return {"file": names[key], "alt": photo.alt, "ratio": round(made.height / made.width, 4)}

    shown = [
        {
            "position": str(place),
            "statement": caption_of(entry),
            "pictures": [picture(photo, unit, unit * _TALLEST) for photo in photos],
            "is_pair": is_pair,
        }
        for place, (photos, entry, is_pair) in enumerate(entries, 1)
    ]
    page = _page(issue) | {
        "measures": {
            "page": PAGE, "margin": MARGIN, "gutter": GUTTER, "abreast": abreast, "unit": unit,
        },
        "articles": [
            _article(article)
            | {"photos": [picture(photo, WIDEST_PICTURE, WIDEST_PICTURE) for photo in article.photos[:2]]}
            for article in articles
        ],
        "rows": _rows([entry for entry in shown if entry["pictures"]], abreast),
        "listed": [entry for entry in shown if not entry["pictures"]],
    }  # fmt: skip

    def in_size(size: float) -> bytes:
        sized = page | {"size": size, "columns": 5 if size >= WIDE_FROM else 6}
        return set_pdf("newspaper", sized, pictures=pictures, printed=issue.published, serif=True)

    return _largest(in_size)


def _largest(make: Callable[[float], bytes]) -> bytes:
    """The page in the largest type that leaves it one page; of a smaller one the rows are others, and may be taller.

    What fills three pages in the smallest type is not tried in a larger one.
    """
    made = make(SIZES[-1])
    if pages_of(made) >= _HOPELESS:
        return made
    for size in SIZES[:-1]:
        larger = make(size)
        if pages_of(larger) == 1:
            return larger
    return made


def pages_of(pdf: bytes) -> int:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()


def articles_of(issue: Issue) -> list[Article]:
    """The blocks of the page; an issue without blocks is its hygiene column under its own headline."""
    if issue.blocks:
        # The headline and introduction of the issue have no place of their own here: they open its hygiene column.
        return [
            replace(block, headline=block.headline or issue.title, paragraphs=issue.intro + block.paragraphs)
            if block.kind == "hygiene"
            else block
            for block in issue.blocks
        ]
    words = issue.words
    signed = words["imprint"].format(issuer=issue.issuer, number=issue.number)
    return [
        Article("hygiene", "hygiene", issue.title or issue.series, issue.intro, issue.byline, (), signed,
                issue.number_text)
    ]  # fmt: skip


def _shown(issue: Issue) -> list[tuple[tuple[Photo, ...], Entry, bool]]:
    """Entries with the pictures that stand for them; of a struck-off one before and after make a pair."""
    found = []
    for section in issue.sections:
        for entry in section.entries:
            is_pair = section.key == "rectified" and bool(entry.before and entry.after)
            photos = (entry.before[0], entry.after[0]) if is_pair else (entry.before + entry.after)[:1]
            found.append((photos, entry, is_pair))
    return found[:MOST_ENTRIES]


def caption_of(entry: Entry) -> str:
    """The place, and where no picture shows what is wrong there, the words that say it."""
    if entry.before or entry.after or not entry.description:
        return entry.statement
    words = " ".join(entry.description)
    return f"{entry.statement}：{words}" + ("" if words[-1] in "。！？.!?" else "。")


def _abreast(issue: Issue) -> int:
    """How many pictures stand in a row: so few that there are at most three rows, else what leaves the fewest gaps."""
    units = [2 if is_pair else 1 for _photos, _entry, is_pair in _shown(issue)]

    def rows(columns: int) -> int:
        count, room = 0, 0
        for one in units:
            if one > room:
                count, room = count + 1, columns
            room -= one
        return count

    few = [columns for columns in ABREAST if rows(columns) <= _ROWS]
    return min(few or ABREAST[-1:], key=lambda columns: (rows(columns) * columns - sum(units), columns))


def _rows(entries: Sequence[dict[str, Any]], abreast: int) -> list[list[dict[str, Any]]]:
    """Entries in their order, as many in a row as have room."""
    rows: list[list[dict[str, Any]]] = []
    room = 0
    for entry in entries:
        units = 2 if entry["is_pair"] else 1
        if units > room:
            rows.append([])
            room = abreast
        rows[-1].append(entry)
        room -= units
    return rows


def _left_out(issue: Issue) -> int:
    return max(0, sum(len(section.entries) for section in issue.sections) - MOST_ENTRIES)


def _page(issue: Issue) -> dict[str, Any]:
    words, day = issue.words, issue.published.date()
    left = _left_out(issue)
    return {
        "lang": issue.language,
        "meta": {"title": title_of(issue), "author": issue.issuer or issue.jurisdiction},
        "name": issue.series,
        "place": issue.jurisdiction,
        "number": issue.number_text,
        "day": str(day.day),
        "date": issue.published_text,
        "weekday": written_weekday(day, issue.language),
        "month": issue.published_text.rsplit("月", 1)[0] + "月" if issue.language == "zh" else f"{day:%m/%Y}",
        "correction": issue.correction,
        "foot": " ".join(part for part in (issue.schematic, words["made_of_records"]) if part),
        "beside": words["beside"],
        "more": words["more_entries"].format(count=left) if left else "",
    }


def _article(article: Article) -> dict[str, Any]:
    return {
        "kind": article.kind,
        "headline": article.headline,
        "paragraphs": list(article.paragraphs),
        "byline": article.byline,
        "signed": article.signed,
        "number": article.number_text,
    }


# ---- HTML -----------------------------------------------------------------------------------------------------------


def title_of(issue: Issue) -> str:
    return " ".join(
        part for part in (issue.jurisdiction + issue.series, issue.number_text, issue.published_text) if part
    )


def render_newspaper_html(
    document: Mapping[str, Any], *, photo_url: PhotoUrl, language: str = "zh", fragment: bool = False
) -> str:
    """The page as a complete HTML document with its styles, or with ``fragment`` as one ``<article>``."""
    issue = read_issue(document, language)
    article = "\n".join(_paper(issue, photo_url))
    if fragment:
        return article
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{issue.words["lang"]}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title_of(issue))}</title>",
            f"<style>\n{_file('tokens.css')}{newspaper_stylesheet()}</style>",
            "</head>",
            "<body>",
            "<main>",
            article,
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def newspaper_stylesheet() -> str:
    """The CSS of the newspaper page; tokens as in ``stylesheet``."""
    return _file("newspaper.css")


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _paper(issue: Issue, photo_url: PhotoUrl) -> Iterator[str]:
    day = issue.published.date()
    yield f'<article class="paper" lang="{issue.words["lang"]}">'
    yield '<header class="paper-mast">'
    yield f'<p class="paper-place"{_zh(issue)}>{escape(issue.jurisdiction)}</p>'
    yield f'<h1 class="paper-name"{_zh(issue)}>{escape(issue.series)}</h1>'
    yield '<p class="paper-date">'
    yield f'<time datetime="{day.isoformat()}">{escape(issue.published_text)}</time>'
    yield f"<span>{escape(written_weekday(day, issue.language))}</span>"
    if issue.number_text:
        yield f"<span>{escape(issue.number_text)}</span>"
    yield "</p>"
    yield "</header>"
    if issue.correction:
        yield f'<p class="paper-correction">{escape(issue.correction)}</p>'
    yield '<div class="paper-articles">'
    articles = articles_of(issue)
    for article, is_wide in zip(articles, _wide(articles), strict=True):
        yield from _section(issue, article, photo_url, is_wide=is_wide)
    yield "</div>"
    yield '<footer class="paper-foot">'
    yield f"<p>{escape(' '.join(part for part in (issue.schematic, issue.words['made_of_records']) if part))}</p>"
    yield "</footer>"
    yield "</article>"


def _wide(articles: Sequence[Article]) -> list[bool]:
    """Which take the full width: the hygiene column, and what has nobody beside it."""
    wide = [article.kind == "hygiene" for article in articles]
    at = 0
    while at < len(articles):
        if not wide[at] and at + 1 < len(articles) and not wide[at + 1]:
            at += 2
        else:
            wide[at] = True
            at += 1
    return wide


def _section(issue: Issue, article: Article, photo_url: PhotoUrl, *, is_wide: bool) -> Iterator[str]:
    name = f"block-{escape(article.id)}"
    kinds = f"paper-article paper-{article.kind}" + (" paper-wide" if is_wide else "")
    labelled = f' aria-labelledby="{name}"' if article.headline else ""
    yield f'<section class="{kinds}"{labelled}>'
    if article.headline:
        yield f'<h2 id="{name}">{headline_html(article.headline)}</h2>'
    if article.byline and article.kind != "photo":
        yield f'<p class="paper-byline"{_zh(issue)}>{escape(article.byline)}</p>'
    for photo in article.photos:
        yield "<figure>"
        yield _image(photo, photo_url)
        yield f"<figcaption>{escape(photo.alt)}</figcaption>"
        yield "</figure>"
    if article.byline and article.kind == "photo":
        # Who took it stands beneath the picture that is all there is.
        yield f'<p class="paper-byline"{_zh(issue)}>{escape(article.byline)}</p>'
    if article.paragraphs:
        yield '<div class="paper-text">'
        yield from (f"<p>{escape(paragraph)}</p>" for paragraph in article.paragraphs)
        yield "</div>"
    if article.kind == "hygiene":
        yield from _entries(issue, photo_url)
    if article.signed:
        yield f'<p class="paper-signed"{_zh(issue)}>{escape(article.signed)}</p>'
    yield "</section>"


def _entries(issue: Issue, photo_url: PhotoUrl) -> Iterator[str]:
    shown = _shown(issue)
    if not shown:
        return
    yield '<ol class="paper-entries">'
    for photos, entry, is_pair in shown:
        yield '<li class="paper-pair">' if is_pair else "<li>"
        yield "<figure>"
        if photos:
            yield '<div class="paper-pictures">'
            yield from (_image(photo, photo_url) for photo in photos)
            yield "</div>"
        yield f'<figcaption{_zh(issue)} dir="auto">{escape(caption_of(entry))}</figcaption>'
        yield "</figure>"
        yield "</li>"
    yield "</ol>"
    if left := _left_out(issue):
        yield f'<p class="paper-more">{escape(issue.words["more_entries"].format(count=left))}</p>'


def _image(photo: Photo, photo_url: PhotoUrl) -> str:
    return (
        f'<img src="{escape(photo_url(photo.source))}" alt="{escape(photo.alt)}"'
        f' width="{photo.width}" height="{photo.height}" decoding="async" loading="lazy">'
    )


def _zh(issue: Issue) -> str:
    return "" if issue.language == "zh" else ' lang="zh-Hans"'
