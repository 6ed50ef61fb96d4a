"""Bulletins as anybody may read them: made of published documents alone, never of drafts or the live ledger."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import escape
from django.utils.http import http_date
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from duban.bulletin import queries, tasks
from duban.bulletin.models import Issue, IssueState
from duban.bulletin.search import block_words, entry_words, exposure_words, matching, words_of
from duban.core import tour
from duban.core.integrity import sha256 as digest_of
from duban.engines.typeset import (
    ENGINE_VERSION,
    newspaper_stylesheet,
    render_html,
    render_newspaper_html,
    stylesheet,
)
from duban.evidence.responses import photo_response

PER_PAGE = 60
HITS = 200
"""A search looks through so many issues that hold the words, newest first."""
LINES = 5
"""So many entries are shown of an issue that was found."""
LANGUAGES = ("zh", "en")
PhotoUrl = Callable[[Mapping[str, Any]], str]


def language_now() -> str:
    """The typesetter's word for the language of the page."""
    return "zh" if (get_language() or "zh").startswith("zh") else "en"


def category_name(category: Mapping[str, str]) -> str:
    """The category in the language of the page."""
    return category["name"] if language_now() == "zh" else category["name_en"] or category["name"]


# ---- the list -------------------------------------------------------------------------------------------------------


@require_safe
def issue_list(request: HttpRequest) -> HttpResponse:
    """All published issues by year, newest first."""
    page = Paginator(queries.published(), PER_PAGE).get_page(request.GET.get("page"))
    years = groupby(page.object_list, key=lambda issue: timezone.localtime(issue.published_at).year)
    context = {
        "section": "bulletins",
        "page": page,
        "years": [(year, list(issues)) for year, issues in years],
        "several": len({issue.series_id for issue in page.object_list}) > 1,
    }
    return render(request, "bulletin/public_list.html", context)


# ---- one issue ------------------------------------------------------------------------------------------------------


@require_safe
def issue(request: HttpRequest, issue_id: Any) -> HttpResponse:
    """The issue as a page; a browser that has it already is told so."""
    found = queries.published_issue(issue_id)
    corrections = list(found.corrections.filter(state=IssueState.PUBLISHED).defer("document").order_by("number"))
    language = language_now()
    parts = (found.hash[:24], ENGINE_VERSION.replace("/", "-"), language, len(corrections), style_digest())
    tag = f'"{"-".join(map(str, parts))}{tour.mark_of(request)}"'
    changed = max(int(each.published_at.timestamp()) for each in [found, *corrections] if each.published_at)
    response = get_conditional_response(request, tag, changed)
    if response is None:
        context = {
            "section": "bulletins",
            "issue": found,
            "article": article_of(queries.document(found), language),
            "corrections": corrections,
            "style": style_digest(),
            "set_in": language,
        }
        response = render(request, "bulletin/public_issue.html", context)
    response.headers["ETag"] = tag
    response.headers["Last-Modified"] = http_date(changed)
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def article_of(document: Mapping[str, Any], language: str, *, photo_url: PhotoUrl | None = None) -> SafeString:
    """The document as HTML for a page of ours; the typesetter escapes every text in it."""
    article = render_html(document, photo_url=photo_url or public_photo, language=language, fragment=True)
    return mark_safe(article)  # noqa: S308


def newspaper_of(document: Mapping[str, Any], language: str, *, photo_url: PhotoUrl | None = None) -> SafeString:
    """The document as a newspaper page for a page of ours."""
    article = render_newspaper_html(document, photo_url=photo_url or public_photo, language=language, fragment=True)
    return mark_safe(article)  # noqa: S308


def public_photo(photo: Mapping[str, Any]) -> str:
    """The address of a published photo's public copy."""
    return reverse("bulletin:photo", args=[photo["sha256"], "public"])


@cache
def style_digest() -> str:
    return digest_of(stylesheet().encode())[:12]


@cache
def newspaper_digest() -> str:
    return digest_of(newspaper_stylesheet().encode())[:12]


@require_safe
def page_style(request: HttpRequest, digest: str) -> HttpResponse:
    """A typesetter's style sheet; under the address with its digest it never changes."""
    is_newspaper = digest == newspaper_digest()
    sheet = newspaper_stylesheet() if is_newspaper else stylesheet()
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    kept = is_newspaper or digest == style_digest()
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
    return response


@require_safe
def photo(request: HttpRequest, sha256: str, variant: str) -> HttpResponse | FileResponse:
    """The public copy or thumbnail of a photo that a published issue shows; else there is none."""
    if variant not in {"public", "thumbnail"} or not queries.photo_is_published(sha256):
        raise Http404(sha256)
    return photo_response(request, sha256, variant, shared=True)


# ---- downloads ------------------------------------------------------------------------------------------------------


@require_GET
def download(request: HttpRequest, issue_id: Any, kind: str, language: str) -> HttpResponse:
    """The issue as a file. A large one is set in the background: the page then says how far it is, and asks again."""
    if kind not in queries.ALL or language not in LANGUAGES:
        raise Http404(kind)
    found = queries.published_issue(issue_id)
    tag = f'"{found.hash}-{ENGINE_VERSION.replace("/", "-")}-{kind}-{language}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    if tasks.is_slow(found, kind, language):
        return _progress(request, found, kind, language)
    if request.htmx:  # type: ignore[attr-defined]
        # The page that waited has its answer: the file itself is fetched by the browser, not by the script.
        response = HttpResponse(headers={"HX-Redirect": request.path})
        return response
    response = HttpResponse(queries.export(found, kind, language), content_type=queries.ALL[kind])
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    name = f"bulletin-{found.number}-{language}.{queries.ENDINGS.get(kind, kind)}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _progress(request: HttpRequest, found: Issue, kind: str, language: str) -> HttpResponse:
    task = tasks.begin_export(found, kind, language)
    context = {
        "section": "bulletins",
        "issue": found,
        "kind": kind,
        "set_in": language,
        "task": task,
        "code": "export_failed" if task.status == "FAILED" else (task.return_value or ""),
        "photos": found.document.count('"public_sha256":'),
    }
    part = "bulletin/parts/progress.html"
    response = render(
        request,
        part if request.htmx else "bulletin/progress.html",  # type: ignore[attr-defined]
        context,
        status=409 if context["code"] else 202,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


# ---- the map --------------------------------------------------------------------------------------------------------


@require_GET
def points(request: HttpRequest) -> JsonResponse:
    """The entries of the latest issue of each series as GeoJSON (WGS 84), as they were printed."""
    features = [feature_of(point) for point in queries.published_points()]
    response = JsonResponse({"type": "FeatureCollection", "features": features}, content_type="application/geo+json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


def feature_of(point: Mapping[str, Any]) -> dict[str, Any]:
    """A published point as the map reads it."""
    closed = point["state"] == "closed"
    return {
        "type": "Feature",
        "id": point["id"],
        "geometry": {"type": "Point", "coordinates": [point["lon"], point["lat"]]},
        "properties": {
            "id": point["id"],
            "state": point["state"],
            "word": _("struck off") if closed else _("on the books"),
            "title": category_name(point["category"]),
            "text": point["statement"],
            "bulletin": point["number"],
            "url": reverse("bulletin:public_issue", args=[point["issue"]]) + f"#entry-{point['entry']}",
        },
    }


# ---- search ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """An entry, or the issue's own words, with what was looked for marked in it."""

    text: SafeString
    about: SafeString
    url: str
    photo: str


@dataclass(frozen=True)
class Hit:
    """An issue that holds the words, and the lines of it that do."""

    issue: Issue
    title: SafeString
    lines: list[Line]
    more: int
    url: str


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Published issues whose printed text holds every word, with the lines that hold them."""
    text = " ".join(request.GET.get("q", "").replace("\x00", " ")[:100].split())
    words = text.split()[:8]
    hits = hits_for(words) if words else []
    page = Paginator(hits, 20).get_page(request.GET.get("page"))
    context = {"section": "bulletins", "query": text, "page": page}
    return render(request, "bulletin/search.html", context)


def hits_for(words: list[str]) -> list[Hit]:
    """The newest issues that hold the words in what they print, not merely in their codes or hashes."""
    issues = matching(queries.published().defer(None), " ".join(words))[:HITS]
    found = (hit_in(issue, words) for issue in issues)
    return [hit for hit in found if hit is not None]


def hit_in(issue: Issue, words: list[str]) -> Hit | None:
    """What the issue holds of the words: entries with all of them, else with some of them; None if nothing."""
    document = queries.document(issue)
    entries = [entry for section in document["sections"] for entry in section["entries"]]
    exposed = [exposure_words(exposure) for exposure in document.get("exposures", [])]
    blocks = [block_words(block) for block in document.get("blocks", [])]
    printed = "\n".join(words_of(document)).lower()
    lowered = [word.lower() for word in words]
    if not all(word in printed for word in lowered):
        return None
    url = reverse("bulletin:public_issue", args=[issue.pk])
    held = [entry for entry in entries if all(word in entry_words(entry).lower() for word in lowered)]
    intro = [part for part in document["intro"].split("\n") if all(word in part.lower() for word in lowered)]
    told = [*exposed, *blocks]
    if not held and not intro and not any(all(word in text.lower() for word in lowered) for text in told):
        held = [entry for entry in entries if any(word in entry_words(entry).lower() for word in lowered)]
    lines = [Line(mark(excerpt(part, lowered), words), SafeString(""), url, "") for part in intro]
    lines += [
        Line(
            mark(excerpt(text, lowered), words),
            mark(block["headline"]["zh"] if language_now() == "zh" else block["headline"]["en"], words),
            f"{url}#block-{block['id']}",
            "",
        )
        for block, text in zip(document.get("blocks", []), blocks, strict=True)
        if all(word in text.lower() for word in lowered)
    ]
    lines += [line_of(entry, words, url) for entry in held]
    lines += [
        Line(mark(excerpt(text, lowered), words), SafeString(""), f"{url}#exposure-{exposure['id']}", "")
        for exposure, text in zip(document.get("exposures", []), exposed, strict=True)
        if all(word in text.lower() for word in lowered)
    ]
    return Hit(issue, mark(document["title"], words), lines[:LINES], max(0, len(lines) - LINES), url)


def line_of(entry: Mapping[str, Any], words: list[str], url: str) -> Line:
    """An entry that was found; its address is its place in the issue."""
    photos = [*entry["photos"].get("before", []), *entry["photos"].get("after", [])]
    about = [category_name(entry["category"]), entry["responsible"]["name"], entry["number"]]
    text = " ".join(part for part in (entry["statement"], entry["description"]) if part)
    return Line(
        mark(excerpt(text, [word.lower() for word in words]), words),
        mark(" · ".join(filter(None, about)), words),
        f"{url}#entry-{entry['number']}",
        reverse("bulletin:photo", args=[photos[0]["sha256"], "thumbnail"]) if photos else "",
    )


def excerpt(text: str, words: Iterable[str], *, around: int = 60) -> str:
    """The text around the first of the words, with dots where it was cut."""
    lowered = text.lower()
    first = min((place for word in words if (place := lowered.find(word)) >= 0), default=0)
    start, end = max(0, first - around), first + 2 * around
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


def mark(text: str, words: list[str]) -> SafeString:
    """The text as HTML with the words marked."""
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    parts = re.split(f"({pattern})", text, flags=re.IGNORECASE) if pattern else [text]
    marked = (f"<mark>{escape(part)}</mark>" if index % 2 else escape(part) for index, part in enumerate(parts))
    return mark_safe("".join(marked))  # noqa: S308
