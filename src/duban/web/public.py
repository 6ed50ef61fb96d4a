"""What the public home shows, made of frozen bulletin documents (schema duban.bulletin/1) and nothing else.

Public pages are made from what was published, never from the live ledger: so no staff data can slip in.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class EntryShown:
    """A published entry in the reader's language; `before` and `after` are addresses of public copies or empty."""

    number: str
    category: str
    statement: str
    description: str
    unit: str
    found_at: str
    due_at: str
    closed_at: str
    before: str
    after: str
    url: str


@dataclass(frozen=True)
class IssueShown:
    """A published issue. Dates are ISO text as frozen; `url` is the issue's own page."""

    number: int
    title: str
    series: str
    issuer: str
    byline: str
    published_at: str
    corrects: int | None
    schematic: bool
    url: str
    paragraphs: list[str]
    besides: list[tuple[str, str]]
    """Headline and address of what else the issue tells of."""
    rectified: list[EntryShown]
    new: list[EntryShown]


def issue_url(issue_id: uuid.UUID) -> str:
    """The address of a published issue's own page."""
    return reverse("bulletin:public_issue", args=[issue_id])


def entry_url(issue_address: str, number: str) -> str:
    """The address of an entry in its issue."""
    return f"{issue_address}#entry-{number}"


def photo_url(photo: Mapping[str, Any]) -> str:
    """The address of a photo's public copy."""
    return reverse("bulletin:photo", args=[photo["sha256"], "public"])


def show_issue(document: Mapping[str, Any], *, url: str) -> IssueShown:
    """The issue with its entries by section."""
    sections = {section["key"]: section["entries"] for section in document["sections"]}
    entries = {
        key: [show_entry(entry, issue_address=url) for entry in sections.get(key, [])] for key in ("rectified", "new")
    }
    return IssueShown(
        number=document["number"],
        title=document["title"],
        series=document["series"]["name"],
        issuer=document["issuer"],
        byline=document["byline"],
        published_at=document["published_at"],
        corrects=document["corrects"],
        schematic=document["schematic"],
        url=url,
        paragraphs=[line for line in document["intro"].split("\n") if line.strip()],
        besides=[
            (headline, f"{url}#block-{block['id']}")
            for block in document.get("blocks", ())
            if block["kind"] != "hygiene" and (headline := in_language(block["headline"]))
        ],
        rectified=entries["rectified"],
        new=entries["new"],
    )


def show_entry(entry: Mapping[str, Any], *, issue_address: str) -> EntryShown:
    """One entry of a document; its address is its place in the issue."""
    photos = {moment: [photo_url(photo) for photo in found] for moment, found in entry["photos"].items()}
    return EntryShown(
        number=entry["number"],
        category=category_name(entry["category"]),
        statement=entry["statement"],
        description=entry["description"],
        unit=entry["responsible"]["name"],
        found_at=entry["found_at"],
        due_at=entry["due_at"] or "",
        closed_at=entry["closed_at"] or "",
        before=next(iter(photos.get("before", [])), ""),
        after=next(iter(photos.get("after", [])), ""),
        url=entry_url(issue_address, entry["number"]),
    )


def in_language(words: Mapping[str, str]) -> str:
    """Words by language in the reader's, else in Chinese."""
    return words.get("zh" if (get_language() or "zh").startswith("zh") else "en") or words.get("zh", "")


def category_name(category: Mapping[str, Any]) -> str:
    """The category in the reader's language."""
    return category["name"] if (get_language() or "zh").startswith("zh") else category["name_en"] or category["name"]


def map_points(documents: Iterable[tuple[Mapping[str, Any], str]]) -> list[dict[str, Any]]:
    """Every published entry once, as the latest of the documents (newest first, each with its address) tells of it."""
    points: dict[str, dict[str, Any]] = {}
    for document, url in documents:
        for section in document["sections"]:
            closed = section["key"] == "rectified"
            for entry in section["entries"]:
                points.setdefault(
                    entry["id"],
                    {
                        "id": entry["number"],
                        "lon": entry["lon"],
                        "lat": entry["lat"],
                        "state": "closed" if closed else "listed",
                        "word": _("struck off") if closed else _("on the books"),
                        "title": category_name(entry["category"]),
                        "text": entry["statement"],
                        "url": entry_url(url, entry["number"]),
                    },
                )
    return list(points.values())
