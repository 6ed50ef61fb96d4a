"""Lists of risk areas as notices print them, and the people who declare them."""

import json
from typing import Any

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[116.30, 39.68], [116.34, 39.68], [116.34, 39.72], [116.30, 39.72], [116.30, 39.68]]],
}
TIANGONGYUAN = "110115012"


def feature(**changes: Any) -> dict[str, Any]:
    """The Ronghui community; a change of `geometry` is one of the feature, the others are properties."""
    properties = {
        "id": "ronghui",
        "name": "大兴区天宫院街道融汇社区",
        "level": "中风险",
        "from": "2021-01-17T00:00:00+08:00",
        "to": None,
        "lookback_days": 14,
        "measure": "centralised",
    }
    geometry = changes.pop("geometry", SQUARE)
    return {"type": "Feature", "geometry": geometry, "properties": properties | changes}


def collection(*features: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **members}).encode()
