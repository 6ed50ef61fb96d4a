"""What the bulletin tells others; of the public only what is published."""

import base64
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.bulletin.models import WAITING, Issue, IssueState, Series
from duban.bulletin.open_data import as_csv, as_geojson
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.files import write_whole
from duban.core.integrity import seal, sha256
from duban.core.integrity import sha256 as digest_of
from duban.engines.typeset import (
    ENGINE_VERSION,
    PhotoUnusable,
    render_docx,
    render_html,
    render_newspaper_html,
    render_newspaper_pdf,
    render_pdf,
)
from duban.evidence.files import public_path
from duban.places.codes import within

FORMATS = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
}
MORE = {
    "newspaper": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
}
"""The newspaper page, and the entries as open data."""
ALL = FORMATS | MORE
ENDINGS = {"newspaper": "newspaper.pdf"}
OPEN_DATA: dict[str, Callable[[Mapping[str, Any]], bytes]] = {"csv": as_csv, "geojson": as_geojson}


HTML: dict[str, Callable[..., str]] = {"html": render_html, "newspaper_html": render_newspaper_html}
FILES: dict[str, Callable[..., bytes]] = {
    "pdf": render_pdf,
    "docx": render_docx,
    "newspaper": render_newspaper_pdf,
}


class BadExport(DubanError):
    pass


def issues_for(person: Person) -> QuerySet[Issue]:
    """Drafts and published issues of the series in the person's area, newest first; without the frozen documents."""
    place = within("series__jurisdiction", rights.codes(person, "bulletin.see"))
    return Issue.objects.filter(place).select_related("series", "corrects").defer("document")


def issue_for(person: Person, issue_id: uuid.UUID) -> Issue:
    """The issue, if the person may see it, else NotFound (`issue_not_found`)."""
    issue = issues_for(person).filter(pk=issue_id).first()
    if issue is None:
        raise NotFound("issue_not_found", _("There is no such bulletin, or it is not yours to see."))
    return issue


def waiting_for(person: Person, *, name: str = "") -> Issue:
    """The draft that a command means: the person's own, else the one in their area (`no_draft`, `draft_ambiguous`)."""
    waiting = issues_for(person).filter(state__in=WAITING)
    if name:
        waiting = waiting.filter(series__name=name)
    found = list(waiting.filter(drafted_by=person.username)[:2]) or list(waiting[:2])
    if not found:
        raise NotFound("no_draft", _("No draft waits to be published; make one with draft_bulletin."))
    if len(found) > 1:
        raise Conflict("draft_ambiguous", _("Several drafts wait; say which with --draft or --name."))
    return found[0]


def published() -> QuerySet[Issue]:
    """All published issues, newest first; without the frozen documents."""
    issues = Issue.objects.filter(state=IssueState.PUBLISHED).select_related("series", "corrects").defer("document")
    return issues.order_by("-published_at", "-number")


def published_issue(issue_id: uuid.UUID) -> Issue:
    """The published issue with its document, else NotFound (`issue_not_found`)."""
    issue = Issue.objects.filter(pk=issue_id, state=IssueState.PUBLISHED).select_related("series", "corrects").first()
    if issue is None:
        raise NotFound("issue_not_found", _("There is no such bulletin."))
    return issue


def numbered(number: int, *, name: str = "", at: str = "") -> Issue:
    """The published issue of that number; NotFound (`no_such_number`), BadExport (`number_ambiguous`)."""
    issues = Issue.objects.filter(state=IssueState.PUBLISHED, number=number).select_related("series")
    if name:
        issues = issues.filter(series__name=name)
    if at:
        issues = issues.filter(series__jurisdiction=at)
    found = list(issues[:2])
    if not found:
        raise NotFound("no_such_number", _("No bulletin No. %(number)d was published.") % {"number": number})
    if len(found) > 1:
        raise BadExport(
            "number_ambiguous",
            _("Several series have a No. %(number)d; say which with --name and --at.") % {"number": number},
        )
    return found[0]


def document(issue: Issue) -> dict[str, Any]:
    return json.loads(issue.document)


def photo_is_published(sha256: str) -> bool:
    """Whether a published issue shows this photo."""
    # The entries lead to the few issues that can show it; reading every document would take too long for each photo.
    held = Issue.objects.filter(state=IssueState.PUBLISHED, items__entry__photos__photo_id=sha256)
    printed = Q(document__contains=f'"sha256":"{sha256}"')
    # Of blocks no key leads from the photo to them; issues that have some are few.
    with_blocks = Issue.objects.filter(state=IssueState.PUBLISHED, blocks__isnull=False)
    return held.filter(printed).exists() or with_blocks.filter(printed).exists()


def published_points() -> list[dict[str, Any]]:
    """The entries of the latest issue of each series, as points for the public map: as printed, nothing newer."""
    points = []
    for series in Series.objects.all():
        latest = series.issues.filter(state=IssueState.PUBLISHED).order_by("-number").first()
        for section in document(latest)["sections"] if latest else []:
            points += [_point(entry, section["key"], latest) for entry in section["entries"]]
    return points


def _point(entry: dict[str, Any], section: str, issue: Any) -> dict[str, Any]:
    return {
        "id": f"{issue.pk}:{entry['id']}",
        "issue": str(issue.pk),
        "number": issue.number,
        "entry": entry["number"],
        "lon": entry["lon"],
        "lat": entry["lat"],
        "state": "closed" if section == "rectified" else "listed",
        "statement": entry["statement"],
        "category": entry["category"],
    }


def export(issue: Issue, kind: str, language: str = "zh") -> bytes:
    """A published issue as html, pdf, docx, newspaper (made once, then kept), json (the frozen bytes), csv or geojson.

    Raises BadExport (`unknown_format`, `photo_unusable`): a missing or altered photo stops it, and is named.
    """
    if kind not in ALL:
        raise BadExport(
            "unknown_format", _("The formats are %(formats)s.") % {"formats": ", ".join(ALL)}, field="format"
        )
    if kind == "json":
        return issue.document.encode()
    if kind in OPEN_DATA:
        return OPEN_DATA[kind](document(issue))
    kept = kept_export(issue, kind, language)
    signature = kept.with_name(f"{kept.name}.seal")
    if kept.exists() and signature.exists():
        data = kept.read_bytes()
        if hmac.compare_digest(seal(sha256(data)).encode(), signature.read_bytes()):
            return data
    data = render(document(issue), kind, language)
    write_whole(kept, data)
    write_whole(signature, seal(sha256(data)).encode())
    return data


def kept_export(issue: Issue, kind: str, language: str) -> Path:
    """Where the export is kept; a new engine makes a new one."""
    engine = ENGINE_VERSION.replace("/", "-")
    return settings.DUBAN_DATA / "bulletins" / f"{issue.hash}-{engine}-{language}.{kind}"


def render(frozen: dict[str, Any], kind: str, language: str) -> bytes:
    """A bulletin document set as html (photos inside), pdf or docx."""

    def path(photo: Mapping[str, Any]) -> Path:
        return public_path(photo["sha256"])

    try:
        if kind in HTML:
            return HTML[kind](frozen, photo_url=inline_photo, language=language).encode()
        return FILES[kind](frozen, photo_path=path, language=language)
    except (PhotoUnusable, FileNotFoundError) as error:
        raise BadExport(
            "photo_unusable",
            _("A photo of this bulletin is missing or was altered (%(error)s); verify_history says more.")
            % {"error": error},
        ) from error


def inline_photo(photo: Mapping[str, Any]) -> str:
    """The public copy in the page itself; as the other formats do, only if it is still what was frozen."""
    data = public_path(photo["sha256"]).read_bytes()
    if digest_of(data) != photo["public_sha256"]:
        raise PhotoUnusable(photo["sha256"], photo["public_sha256"], "is not what was published")
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
