"""Locating what people type: text in, checked, in a stated datum; one point or a table of them."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.tables import Row, read_table
from duban.places import queries

DATUMS = ("wgs84", "gcj02", "bd09")
ADDED = (
    "statement", "form", "jurisdiction", "jurisdiction_name", "village", "road", "road_distance_m", "water",
    "water_distance_m",
    "landmark", "side", "reasons", "error",
)  # fmt: skip


class BadPoint(DubanError):
    pass


def read_point(row: Row, datum: str) -> tuple[float, float, str]:
    """(lon, lat, datum) of a row; its own datum cell goes before `datum`. Raises DubanError naming the field."""
    spoken = (row.text("datum") or datum).lower().replace("-", "")
    if spoken not in DATUMS:
        raise BadPoint(
            "unknown_datum",
            _("“%(datum)s” is no datum known here; write wgs84, gcj02 or bd09.") % {"datum": spoken[:40]},
            field="datum",
            row=row.number,
        )
    lon, lat = row.number_in("lon"), row.number_in("lat")
    if abs(lon) > 180:
        raise BadPoint(
            "bad_longitude", _("A longitude lies between -180 and 180 degrees."), field="lon", row=row.number
        )
    if abs(lat) > 90:
        raise BadPoint(
            "bad_latitude",
            _("A latitude lies between -90 and 90 degrees; is longitude first?"),
            field="lat",
            row=row.number,
        )
    return lon, lat, spoken


def locate_one(lon: str, lat: str, datum: str) -> dict[str, Any]:
    """The contract's locate JSON of a point as typed. Raises DubanError."""
    east, north, datum = read_point(Row(1, {"lon": lon, "lat": lat}), datum)
    lons, lats = queries.to_wgs84([east], [north], datum)
    return queries.locate_points(lons, lats)[0]


def locate_table(data: bytes, name: str, datum: str) -> tuple[list[str], list[dict[str, Any]], int]:
    """Columns and rows of the table with what the engine says beside each point, and how many rows were refused.

    A refused row keeps its cells and has the reason under `error`. Raises BadTable.
    """
    columns, rows = read_table(data, name, required=("lon", "lat"))
    answers: list[dict[str, Any]] = [{column: row.text(column) for column in columns if column} for row in rows]
    points: dict[str, list[tuple[int, float, float]]] = {}
    wrong = 0
    for index, row in enumerate(rows):
        try:
            lon, lat, spoken = read_point(row, datum)
            points.setdefault(spoken, []).append((index, lon, lat))
        except DubanError as refusal:
            wrong += 1
            answers[index]["error"] = f"{refusal.code}: {refusal.field}: {refusal}"
    for spoken, group in points.items():
        lons, lats = queries.to_wgs84([lon for _i, lon, _lat in group], [lat for _i, _lon, lat in group], spoken)
        for (index, _lon, _lat), located in zip(group, queries.locate_points(lons, lats), strict=True):
            answers[index] |= _flat(located)
    heading = [*[column for column in columns if column and column not in ADDED], *ADDED]
    return heading, [{column: answer.get(column, "") for column in heading} for answer in answers], wrong


def _flat(located: dict[str, Any]) -> dict[str, Any]:
    """One located point as cells."""
    jurisdiction, road, water = (located[key] or {} for key in ("jurisdiction", "road", "water"))
    landmark = located["landmark"] or {}
    return {
        "statement": located["statement"],
        "form": located["form"],
        "jurisdiction": jurisdiction.get("code", ""),
        "jurisdiction_name": jurisdiction.get("name", ""),
        "village": located["village"] or "",
        "road": road.get("name", ""),
        "road_distance_m": road.get("distance_m", ""),
        "water": water.get("name", ""),
        "water_distance_m": water.get("distance_m", ""),
        "landmark": landmark.get("name", ""),
        "side": landmark.get("side", "") or "",
        "reasons": "; ".join(reason["text"] for reason in located["reasons"]),
        "error": "",
    }
