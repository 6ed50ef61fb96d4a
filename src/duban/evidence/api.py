"""API v1, evidence: photos are sent by their hash before what they belong to."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema

from duban.access import rights
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.evidence.actions import store_photo

router = Router(tags=["evidence"])


class PhotoOut(Schema):
    sha256: str
    media_type: str
    width: int
    height: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None


BYTES = {"schema": {"type": "string", "format": "binary"}}
BODY = {"required": True, "content": dict.fromkeys(("image/jpeg", "image/png", "image/heic"), BYTES)}


@router.put(
    "/{sha256}",
    response=PhotoOut,
    summary="Store a photo: the raw bytes as the body",
    openapi_extra={"requestBody": BODY},
)
def put_photo(request: HttpRequest, sha256: str) -> Any:
    """JPEG, PNG or HEIC. Sending it again gives the same answer."""
    person: Any = request.user
    if not (rights.codes(person, "entry.record") or rights.codes(person, "entry.handle")):
        raise NotAllowed("not_allowed", _("You send no photos: that is for those who find and those who fix."))
    return store_photo(by=person, now=clock.now(), data=request.body, sha256=sha256)
