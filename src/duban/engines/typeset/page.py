"""The bulletin as HTML: a fragment for a page of the web application, or a page that stands alone."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from .issue import Article, Entry, Issue, Photo, Section, read_issue

PhotoUrl = Callable[[Mapping[str, Any]], str]

# The first pictures are seen at once; the rest are fetched when the reader comes near them.
_EAGER_PHOTOS = 4
_CLAUSE = re.compile(r"[^：，；！？]+[：，；！？]*|^[：，；！？]+")


def render_html(
    document: Mapping[str, Any],
    *,
    photo_url: PhotoUrl,
    language: str = "zh",
    fragment: bool = False,
) -> str:
    """The issue as a complete page with its styles in it, or with ``fragment`` as one ``<article>`` for another page.

    ``photo_url`` takes a photo's dict of the document and gives the address of its public copy. The fragment holds
    no style of its own (no ``style`` attributes either, so it passes a strict content security policy) and needs
    ``stylesheet()``; its headline is an ``h1``. Raises DocumentInvalid and LanguageUnknown.
    """
    issue = read_issue(document, language)
    article = "\n".join(_article(issue, photo_url))
    return article if fragment else _page(issue, article)


@cache
def stylesheet() -> str:
    """The CSS of the bulletin; it reads the tokens --ink --rule --muted --due --done and has a value for each."""
    return files(__package__).joinpath("bulletin.css").read_text(encoding="utf-8")


@cache
def _tokens() -> str:
    return files(__package__).joinpath("tokens.css").read_text(encoding="utf-8")


def _page(issue: Issue, article: str) -> str:
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{issue.words["lang"]}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f'<meta name="author" content="{escape(issue.issuer)}">',
            f"<title>{escape(issue.full_title)}</title>",
            f"<style>\n{_tokens()}{stylesheet()}</style>",
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


def _article(issue: Issue, photo_url: PhotoUrl) -> Iterator[str]:
    words = issue.words
    yield f'<article class="bulletin" lang="{words["lang"]}">'
    yield '<header class="bulletin-masthead">'
    yield f'<p class="bulletin-place"{_zh(issue)}>{escape(issue.jurisdiction)}</p>'
    yield f'<p class="bulletin-series"{_zh(issue)}>{escape(issue.series)}</p>'
    yield f'<p class="bulletin-number">{escape(issue.number_text)}</p>'
    yield '<p class="bulletin-imprint">'
    yield f"<span{_zh(issue)}>{escape(issue.issuer)}</span>"
    yield f'<time datetime="{escape(issue.published.isoformat())}">{escape(issue.published_text)}</time>'
    yield "</p>"
    yield f'<h1 class="bulletin-title"{_zh(issue)}>{escape(issue.title or issue.full_title)}</h1>'
    yield "</header>"
    if issue.correction:
        yield f'<p class="bulletin-correction">{escape(issue.correction)}</p>'
    if issue.intro:
        yield f'<div class="bulletin-intro"{_zh(issue)}>'
        yield from (f"<p>{escape(paragraph)}</p>" for paragraph in issue.intro)
        yield "</div>"
    if issue.has_entries:
        yield from _counts(issue)
    if issue.schematic:
        yield f'<p class="bulletin-schematic">{escape(issue.schematic)}</p>'
    seen = 0
    for kind, own in issue.parts:
        if own is not None and (own.headline or own.paragraphs or own.photos):
            yield from _words(issue, own, photo_url)
        if kind == "hygiene" and issue.has_entries:
            for section in issue.sections:
                yield from _section(issue, section, photo_url, seen)
                seen += sum(len(entry.before) + len(entry.after) for entry in section.entries)
        if kind == "exposure" and issue.exposed:
            yield from _column(issue)
    yield from _colophon(issue)
    yield "</article>"


def _counts(issue: Issue) -> Iterator[str]:
    words = issue.words
    yield f'<dl class="bulletin-counts" aria-label="{escape(words["counts"])}">'
    for section in issue.sections:
        unit = f" <small>{escape(words['place_unit'])}</small>" if words["place_unit"] else ""
        yield f"<div><dt>{escape(section.count_label)}</dt><dd>{section.count}{unit}</dd></div>"
    if issue.exposed:
        unit = f" <small>{escape(words['exposed_unit'])}</small>" if words["exposed_unit"] else ""
        yield f"<div><dt>{escape(words['exposed_count'])}</dt><dd>{len(issue.exposed)}{unit}</dd></div>"
    yield "</dl>"


def headline_html(headline: str) -> str:
    """The headline, a line of which ends after a mark rather than within a word wherever that is possible."""
    clauses = _CLAUSE.findall(headline)
    if len(clauses) < 2:
        return escape(headline)
    return "".join(f'<span class="clause">{escape(clause)}</span>' for clause in clauses)


def _words(issue: Issue, article: Article, photo_url: PhotoUrl) -> Iterator[str]:
    """What a block says: its headline, who wrote it, its text and its pictures."""
    yield f'<section class="bulletin-section bulletin-article bulletin-{article.kind}" id="block-{escape(article.id)}">'
    if article.headline:
        yield f"<h2>{headline_html(article.headline)}</h2>"
    if article.byline and article.kind != "photo":
        yield f'<p class="bulletin-byline"{_zh(issue)}>{escape(article.byline)}</p>'
    for photo in article.photos:
        yield '<figure class="bulletin-picture">'
        yield _image(photo, photo_url, lazy=True)
        yield f"<figcaption>{escape(photo.alt)}</figcaption>"
        yield "</figure>"
    if article.byline and article.kind == "photo":
        # Who took it stands beneath the picture that is all there is.
        yield f'<p class="bulletin-byline"{_zh(issue)}>{escape(article.byline)}</p>'
    if article.paragraphs:
        yield '<div class="bulletin-intro">'
        yield from (f"<p>{escape(paragraph)}</p>" for paragraph in article.paragraphs)
        yield "</div>"
    yield "</section>"


def _section(issue: Issue, section: Section, photo_url: PhotoUrl, seen: int) -> Iterator[str]:
    yield f'<section class="bulletin-section bulletin-{section.key}">'
    yield f"<h2>{escape(section.title)}</h2>"
    if not section.entries:
        yield f'<p class="bulletin-empty">{escape(section.empty)}</p>'
    else:
        yield '<ol class="bulletin-entries">'
        for entry in section.entries:
            lazy = seen >= _EAGER_PHOTOS
            seen += len(entry.before) + len(entry.after)
            yield (
                f'<li class="bulletin-entry" id="entry-{escape(entry.number)}">'
                if entry.number
                else '<li class="bulletin-entry">'
            )
            yield "<figure>"
            yield from _pictures(issue, section, entry, photo_url, lazy)
            yield "<figcaption>"
            yield from _caption(issue, entry)
            yield "</figcaption>"
            yield "</figure>"
            yield "</li>"
        yield "</ol>"
    yield "</section>"


def _pictures(issue: Issue, section: Section, entry: Entry, photo_url: PhotoUrl, lazy: bool) -> Iterator[str]:
    if not entry.before and not entry.after:
        return
    if section.key != "rectified":
        yield '<div class="bulletin-photos">'
        yield from (_image(photo, photo_url, lazy) for photo in entry.before + entry.after)
        yield "</div>"
        return
    yield '<div class="bulletin-compared">'
    for key, photos in (("before", entry.before), ("after", entry.after)):
        yield f'<div class="bulletin-side bulletin-{key}">'
        yield f'<p class="bulletin-side-label">{escape(issue.words[key])}</p>'
        yield from (_image(photo, photo_url, lazy) for photo in photos)
        if not photos:
            yield f'<p class="bulletin-no-photo">{escape(issue.words[f"no_{key}"])}</p>'
        yield "</div>"
    yield "</div>"


def _image(photo: Photo, photo_url: PhotoUrl, lazy: bool) -> str:
    loading = ' loading="lazy"' if lazy else ""
    return (
        f'<img src="{escape(photo_url(photo.source))}" alt="{escape(photo.alt)}"'
        f' width="{photo.width}" height="{photo.height}" decoding="async"{loading}>'
    )


def _caption(issue: Issue, entry: Entry) -> Iterator[str]:
    yield (
        f'<p class="bulletin-head"><span class="bulletin-position" aria-hidden="true">{entry.position}</span> '
        f'<span class="bulletin-category" lang="{entry.category_lang}">{escape(entry.category)}</span>'
        + (f' <span class="bulletin-entry-number">{escape(entry.number)}</span>' if entry.number else "")
        + "</p>"
    )
    yield f'<p class="bulletin-statement"{_zh(issue)} dir="auto">{escape(entry.statement)}</p>'
    for part in entry.description:
        yield f'<p class="bulletin-description"{_zh(issue)} dir="auto">{escape(part)}</p>'
    yield '<dl class="bulletin-facts">'
    yield from (f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in entry.facts)
    yield "</dl>"


def _column(issue: Issue) -> Iterator[str]:
    words = issue.words
    yield '<section class="bulletin-section bulletin-exposed">'
    yield f"<h2>{escape(words['exposed'])}</h2>"
    yield '<ol class="bulletin-exposures">'
    for one in issue.exposed:
        yield f'<li id="exposure-{escape(one.id)}">'
        yield (
            f'<p class="bulletin-head"><span class="bulletin-position" aria-hidden="true">{one.position}</span> '
            f'<span class="bulletin-category"{_zh(issue)}>{escape(one.venue)}</span> '
            f'<span class="bulletin-kind">{escape(one.kind)}</span> '
            f'<span class="bulletin-entry-number"{_zh(issue)}>{escape(one.town)}</span></p>'
        )
        if one.correction:
            yield f'<p class="bulletin-corrects">{escape(one.correction)}</p>'
        if one.problems:
            yield '<ul class="bulletin-problems">'
            yield from (f"<li>{escape(problem)}</li>" for problem in one.problems)
            yield "</ul>"
        yield '<dl class="bulletin-facts">'
        yield from (f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in one.facts)
        yield "</dl>"
        yield "</li>"
    yield "</ol>"
    yield "</section>"


def _colophon(issue: Issue) -> Iterator[str]:
    words = issue.words
    yield '<footer class="bulletin-colophon">'
    yield f'<p class="bulletin-signed">{escape(words["imprint"].format(issuer=issue.issuer, number=issue.number))}</p>'
    if issue.byline:
        yield f'<p class="bulletin-signed"{_zh(issue)}>{escape(issue.byline)}</p>'
    yield '<dl class="bulletin-proof">'
    for label, value in (
        (words["hash"], issue.hash),
        (words["checkpoint"], issue.checkpoint),
        (words["previous"], issue.previous or words["first_issue"]),
    ):
        yield f"<div><dt>{escape(label)}</dt><dd><code>{escape(value)}</code></dd></div>"
    yield "</dl>"
    yield f'<p class="bulletin-verify">{escape(words["verify"])}</p>'
    yield "</footer>"


def _zh(issue: Issue) -> str:
    """Marks Chinese text within an English page, so that it is read aloud and set as Chinese."""
    return "" if issue.language == "zh" else ' lang="zh-Hans"'
