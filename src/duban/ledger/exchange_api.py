"""API v1: the ledger as a file, and an edited file taken back in."""

from typing import Any

from django.conf import settings
from django.http import HttpResponseBase, RawPostDataException
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger import export_pages
from duban.ledger.amendments import import_amendments, plan_amendments
from duban.ledger.api import require_sight
from duban.ledger.filters import read_filters
from duban.ledger.views import StaffRequest
from duban.ledger.workbook import XLSX, BadWorkbook

router = Router(tags=["ledger"])
SHOWN = 1000
BYTES = {"schema": {"type": "string", "format": "binary"}}
FEATURES = {
    "schema": {
        "type": "object",
        "properties": {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["type", "features"],
    }
}
BODY = {"required": True, "content": {XLSX: BYTES, "text/csv": BYTES}}


class Filter(Schema):
    state: list[str] = Field(default_factory=list)
    area: str = ""
    category: str = Field("", description="kind:code")
    overdue: str = Field("", description="1: only the overdue")
    due: str = Field("", description="today, week or later")
    asked: str = Field("", description="1: only where more time is asked for")
    lookback: str = Field("", description="due: only what is to be looked back at")
    text: str = ""
    sort: str = "-found_at"


class How(Schema):
    dry_run: bool = Field(False, description="say what would change, and change nothing")
    keep_good: bool = Field(False, description="amend what is good although rows are refused")
    reason: str = Field("", max_length=2000, description="stands in the history of each amended entry")


class ChangeOut(Schema):
    row: int
    number: str
    field: str
    was: str
    becomes: str


class RefusedRow(Schema):
    row: int
    code: str
    field: str
    message: str


class ImportOut(Schema):
    taken: int
    updated: int
    unchanged: int
    refused: int
    report: str | None
    changes: list[ChangeOut] = Field(description="of a dry run, the first 1000: what would change")
    refusals: list[RefusedRow] = Field(description="the first 1000")


def _of_file(media_type: str, content: dict[str, Any] = BYTES) -> dict[str, Any]:
    return {"responses": {200: {"description": "OK", "content": {media_type: content}}}}


@router.get("/export.csv", response=None, summary="The list as CSV", openapi_extra=_of_file("text/csv"))
def export_csv(request: StaffRequest, question: Query[Filter]) -> HttpResponseBase:
    require_sight(request.user)
    return export_pages.csv_response(request.user, read_filters(request.GET))


@router.get(
    "/export.geojson",
    response=None,
    summary="The list as GeoJSON",
    openapi_extra=_of_file("application/geo+json", FEATURES),
)
def export_geojson(request: StaffRequest, question: Query[Filter]) -> HttpResponseBase:
    require_sight(request.user)
    return export_pages.geojson_response(request.user, read_filters(request.GET))


@router.get("/export.xlsx", response=None, summary="The list as a workbook to edit", openapi_extra=_of_file(XLSX))
def export_xlsx(request: StaffRequest, question: Query[Filter]) -> HttpResponseBase:
    require_sight(request.user)
    return export_pages.xlsx_response(request.user, read_filters(request.GET))


@router.post(
    "/amendments",
    response=ImportOut,
    summary="Amend what was edited in an exported file: its bytes as the body",
    openapi_extra={"requestBody": BODY},
)
def post_amendments(request: StaffRequest, how: Query[How]) -> dict[str, Any]:
    """A refused row refuses all of them, unless `keep_good` is asked for. Sending it again changes nothing."""
    data = _body_of(request)
    if len(data) > settings.DUBAN_MAX_UPLOAD:
        limit = settings.DUBAN_MAX_UPLOAD // 1024 // 1024
        raise BadWorkbook(
            "file_too_large", _("At most %(limit)d MB; split the table.") % {"limit": limit}, field="file"
        )
    name = "body.xlsx" if data.startswith(b"PK") else "body.csv"
    changes: list[dict[str, Any]] = []
    if how.dry_run:
        planned = plan_amendments(by=request.user, data=data, name=name)
        changes = planned.changes(SHOWN)
        updated, unchanged, refused = len(planned.amendments), planned.unchanged, planned.refused
    else:
        done = import_amendments(
            by=request.user, now=clock.now(), data=data, name=name, keep_good=how.keep_good, reason=how.reason
        )
        updated, unchanged, refused = done.updated, done.unchanged, done.refused
    return {
        "taken": 0,
        "updated": updated,
        "unchanged": unchanged,
        "refused": len(refused),
        "report": None,
        "changes": changes,
        "refusals": [_refused(row.number, refusal) for row, refusal in refused[:SHOWN]],
    }


def _body_of(request: StaffRequest) -> bytes:
    try:
        return request.body
    except RawPostDataException:
        # A form whose token had to be looked for: its parts have been read already.
        raise BadWorkbook("file_missing", _("Send the file’s bytes as the body, not a form."), field="file") from None


def _refused(row: int, refusal: DubanError) -> dict[str, Any]:
    return {"row": row, "code": refusal.code, "field": refusal.field or "", "message": str(refusal)}
