"""API v1, places: where a point is, and the list of jurisdictions."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from duban.places import queries
from duban.places.locating import locate_one

router = Router(tags=["places"])


class NamedOut(Schema):
    code: str
    name: str


class NearestLineOut(Schema):
    name: str
    distance_m: float
    bearing: float = Field(description="degrees from north, clockwise, as seen from the point")


class LandmarkOut(Schema):
    name: str
    side: str | None


class ReasonOut(Schema):
    code: str
    text: str
    text_en: str


class LocatedOut(Schema):
    jurisdiction: NamedOut | None
    village: str | None
    road: NearestLineOut | None
    water: NearestLineOut | None
    landmark: LandmarkOut | None
    form: Literal["rural", "urban", "none"]
    statement: str
    reasons: list[ReasonOut]
    layers: dict[str, str] = Field(description="the day that each layer asked describes")


class UnitOut(Schema):
    code: str
    name: str
    kind: str
    parent_code: str


@router.get("/locate", response=LocatedOut, summary="Where a point is, in words")
def locate(request: HttpRequest, lon: float, lat: float, datum: str = "wgs84") -> dict[str, Any]:
    """Degrees in `datum` (wgs84, gcj02 or bd09); the answer is the contract's locate JSON."""
    return locate_one(repr(lon), repr(lat), datum)


@router.get(
    "/jurisdictions", response=list[UnitOut], summary="Jurisdictions by name, pinyin or code, or below a parent"
)
def jurisdictions(request: HttpRequest, q: str = Query("", max_length=60), parent: str | None = None) -> Any:
    return queries.search(q) if parent is None else list(queries.children(parent)[:500])
