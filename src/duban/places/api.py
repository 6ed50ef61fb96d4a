"""API v1, places: where a point is, and the list of jurisdictions."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from duban.places import queries
from duban.places.locating import locate_one

router = Router(tags=["places"])


class UnitOut(Schema):
    code: str
    name: str
    kind: str
    parent_code: str


@router.get("/locate", summary="Where a point is, in words")
def locate(request: HttpRequest, lon: float, lat: float, datum: str = "wgs84") -> dict[str, Any]:
    """Degrees in `datum` (wgs84, gcj02 or bd09); the answer is the contract's locate JSON."""
    return locate_one(repr(lon), repr(lat), datum)


@router.get(
    "/jurisdictions", response=list[UnitOut], summary="Jurisdictions by name, pinyin or code, or below a parent"
)
def jurisdictions(request: HttpRequest, q: str = Query("", max_length=60), parent: str | None = None) -> Any:
    return queries.search(q) if parent is None else list(queries.children(parent)[:500])
