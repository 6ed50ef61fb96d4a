"""What an issue prints as tables for programs: its entries as CSV and as GeoJSON (WGS 84), from the frozen document."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from duban.core.tables import guard

COLUMNS = (
    "issue", "section", "position", "number", "category", "category_name", "category_name_en", "statement",
    "description", "responsible", "responsible_name", "found_at", "due_at", "closed_at", "lon", "lat", "photos",
)  # fmt: skip


def rows_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """An entry a row, in the order in which they are printed."""
    for section in document["sections"]:
        for position, entry in enumerate(section["entries"], 1):
            yield {
                "issue": document["number"],
                "section": section["key"],
                "position": position,
                "number": entry["number"],
                "category": entry["category"]["code"],
                "category_name": entry["category"]["name"],
                "category_name_en": entry["category"]["name_en"],
                "statement": entry["statement"],
                "description": entry["description"],
                "responsible": entry["responsible"]["code"],
                "responsible_name": entry["responsible"]["name"],
                "found_at": entry["found_at"],
                "due_at": entry["due_at"] or "",
                "closed_at": entry["closed_at"] or "",
                "lon": entry["lon"],
                "lat": entry["lat"],
                "photos": sum(len(photos) for photos in entry["photos"].values()),
            }


def as_csv(document: Mapping[str, Any]) -> bytes:
    """UTF-8 with the mark that spreadsheets look for; no cell of it is taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows_of(document):
        writer.writerow({key: guard(value) if isinstance(value, str) else value for key, value in row.items()})
    return text.getvalue().encode("utf-8-sig")


def as_geojson(document: Mapping[str, Any]) -> bytes:
    features = [
        {
            "type": "Feature",
            "id": row["number"],
            "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "properties": {key: value for key, value in row.items() if key not in {"lon", "lat"}},
        }
        for row in rows_of(document)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()
