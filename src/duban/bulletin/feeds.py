"""The feeds of published issues: Atom (RFC 4287) and JSON Feed 1.1."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.feedgenerator import Atom1Feed, Enclosure
from django.utils.http import http_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from duban.bulletin import queries
from duban.bulletin.models import Issue
from duban.engines.typeset import ENGINE_VERSION

NEWEST = 30
NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@require_safe
def atom(request: HttpRequest) -> HttpResponse:
    """The newest issues. Ids stay what they are when the site moves: the issue's own UUID."""
    site = settings.DUBAN_SITE_URL
    issues = list(queries.published().defer(None)[:NEWEST])
    office = settings.DUBAN_OFFICE or (printable(issues[0].issuer) if issues else "Duban")
    tag = f'"{issues[0].hash[:24] if issues else "none"}-{get_language()}-{ENGINE_VERSION.replace("/", "-")}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    feed = Atom1Feed(
        title=f"{office} · {_('Bulletins')}",
        link=site + reverse("bulletin:public_list"),
        description=_("What is on the books, what is struck off"),
        language="zh-Hans" if (get_language() or "zh").startswith("zh") else "en",
        author_name=office,
        feed_url=site + reverse("bulletin:feed"),
        feed_guid=f"tag:{urlsplit(site).hostname},2021:bulletins",
    )
    for issue in issues:
        document = queries.document(issue)
        pdf = site + reverse("bulletin:download", args=[issue.pk, "pdf", "zh"])
        feed.add_item(
            title=printable(f"{issue.series.name} {_('No. %(number)d') % {'number': issue.number}} {issue.title}"),
            link=site + reverse("bulletin:public_issue", args=[issue.pk]),
            description=summary_of(document),
            author_name=printable(issue.issuer),
            pubdate=issue.published_at,
            updateddate=issue.published_at,
            unique_id=f"urn:uuid:{issue.pk}",
            enclosures=[Enclosure(pdf, "0", "application/pdf")],
        )
    response = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"
    if issues:
        response.headers["Last-Modified"] = http_date(int(issues[0].published_at.timestamp()))  # type: ignore[union-attr]
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


@require_safe
def json_feed(request: HttpRequest) -> HttpResponse:
    """The same issues as JSON Feed 1.1, each with its open data as attachments."""
    site = settings.DUBAN_SITE_URL
    issues = list(queries.published().defer(None)[:NEWEST])
    office = settings.DUBAN_OFFICE or (issues[0].issuer if issues else "Duban")
    tag = f'"json-{issues[0].hash[:24] if issues else "none"}-{get_language()}-{ENGINE_VERSION.replace("/", "-")}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{office} · {_('Bulletins')}",
        "home_page_url": site + reverse("bulletin:public_list"),
        "feed_url": site + reverse("bulletin:feed_json"),
        "description": _("What is on the books, what is struck off"),
        "language": "zh-Hans" if (get_language() or "zh").startswith("zh") else "en",
        "authors": [{"name": office}],
        "items": [_item(issue, site) for issue in issues],
    }
    response = HttpResponse(json.dumps(feed, ensure_ascii=False), content_type="application/feed+json; charset=utf-8")
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    if issues:
        response.headers["Last-Modified"] = http_date(int(issues[0].published_at.timestamp()))  # type: ignore[union-attr]
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _item(issue: Issue, site: str) -> dict[str, Any]:
    document = queries.document(issue)

    def attached(kind: str) -> dict[str, str]:
        mime = queries.ALL[kind].partition(";")[0]
        url = site + reverse("bulletin:download", args=[issue.pk, kind, "zh"])
        return {"url": url, "mime_type": mime, "title": kind}

    return {
        "id": f"urn:uuid:{issue.pk}",
        "url": site + reverse("bulletin:public_issue", args=[issue.pk]),
        "title": f"{issue.series.name} {_('No. %(number)d') % {'number': issue.number}} {issue.title}",
        "content_text": "\n".join([summary_of(document), *texts_of(document)]),
        "summary": summary_of(document),
        "date_published": document["published_at"],
        "authors": [{"name": issue.issuer}],
        "attachments": [attached(kind) for kind in ("pdf", "newspaper", "csv", "geojson", "json")],
    }


def texts_of(document: Mapping[str, Any]) -> list[str]:
    """The headline and the text of each block, in the reader's language."""
    key = "zh" if (get_language() or "zh").startswith("zh") else "en"
    blocks = document.get("blocks", [])
    return [part for block in blocks for part in (block["headline"][key], block["text"][key]) if part]


def summary_of(document: dict) -> str:
    """The counts, and the first paragraph."""
    counts = _("Struck off: %(rectified)d. Newly on the books: %(new)d.") % document["counts"]
    correction = _("Corrects No. %(number)d.") % {"number": document["corrects"]} if document["corrects"] else ""
    first = document["intro"].split("\n")[0]
    return printable(" ".join(part for part in (correction, counts, first) if part))


def printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return NOT_XML.sub("", text)
