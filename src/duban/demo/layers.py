"""The layers of the demo district, drawn by hand from what the newspaper page says: schematic, not surveyed.

Courses of rivers and roads are rough. Where the page states a distance, a line is drawn so that it passes the place at
that distance: `passing` turns the fact into two vertices. Nothing here is known to any other code.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from duban.engines.geo.geodesy import Plane
from duban.places.files import LayerFeatures

CODES = Path(__file__).parent / "data" / "jurisdictions.csv"
DISTRICT = "110112"
SOURCE = "手绘示意,非测绘成果"
PLANE = Plane(116.72, 39.82)
Point = tuple[float, float]

OUTLINE: list[Point] = [
    (116.600, 39.950), (116.618, 39.985), (116.655, 40.000), (116.690, 40.022), (116.735, 40.028), (116.775, 40.015),
    (116.790, 39.985), (116.808, 39.945), (116.840, 39.905), (116.878, 39.880), (116.915, 39.852), (116.940, 39.815),
    (116.932, 39.780), (116.945, 39.735), (116.915, 39.705), (116.880, 39.690), (116.860, 39.655), (116.820, 39.625),
    (116.775, 39.605), (116.725, 39.622), (116.690, 39.655), (116.640, 39.670), (116.600, 39.700), (116.548, 39.712),
    (116.530, 39.755), (116.545, 39.800), (116.575, 39.835), (116.590, 39.875), (116.600, 39.910),
]  # fmt: skip

SEATS: dict[str, Point] = {
    "110112001": (116.660, 39.905), "110112002": (116.651, 39.917), "110112003": (116.638, 39.903),
    "110112004": (116.677, 39.893), "110112007": (116.722, 39.915), "110112008": (116.690, 39.913),
    "110112009": (116.662, 39.845), "110112010": (116.637, 39.884), "110112011": (116.688, 39.872),
    "110112012": (116.617, 39.905), "110112013": (116.688, 39.936), "110112104": (116.735, 39.975),
    "110112105": (116.715, 39.835), "110112106": (116.806, 39.768), "110112109": (116.580, 39.755),
    "110112110": (116.870, 39.815), "110112114": (116.618, 39.826), "110112117": (116.790, 39.665),
    "110112119": (116.775, 39.895), "110112120": (116.648, 39.948), "110112121": (116.655, 39.868),
    "110112209": (116.705, 39.722),
}  # fmt: skip

# The ten places of the page.
LIXINZHUANG, QUNFANG, CHANGLINGYING = (116.8300, 39.7380), (116.6530, 39.8660), (116.8060, 39.7970)
XIELOU, LUYI, SHENJU = (116.7780, 39.8760), (116.6850, 39.9380), (116.5950, 39.7470)
DAPANG, TAIHU, DASHAWU, AOXIAOYING = (116.7520, 39.9820), (116.6230, 39.8300), (116.9050, 39.8000), (116.7650, 39.6580)

# Village points that the page's places belong to, a short walk away; the others are spread around their seats.
VILLAGES_OF_THE_PAGE: dict[str, Point] = {
    "110112106251": (116.8315, 39.7390), "110112106213": (116.8075, 39.7985), "110112119252": (116.7795, 39.8770),
    "110112109249": (116.5965, 39.7480), "110112104245": (116.7535, 39.9830), "110112110223": (116.9035, 39.8010),
    "110112117237": (116.7668, 39.6590), "110112121013": (116.6540, 39.8670), "110112013001": (116.6860, 39.9390),
    "110112114013": (116.6240, 39.8310),
}  # fmt: skip


@dataclass(frozen=True)
class Passing:
    """A line goes by `place` at `metres`, its nearest point lying in the direction `bearing` (degrees from north)."""

    place: Point
    bearing: float
    metres: float
    reach: float = 400.0
    """How far the straight piece runs to either side of that nearest point, in metres."""


def passing(fact: Passing) -> list[Point]:
    """The two vertices of the straight piece."""
    # Plane metres are true metres times the scale at the place.
    metres = fact.metres * PLANE.scale(*fact.place).item()
    ahead, aside = _directions(fact.bearing)
    foot = _on_plane(fact.place) + metres * ahead
    return [_off_plane(foot - fact.reach * aside), _off_plane(foot + fact.reach * aside)]


def _directions(bearing: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors towards the bearing and a right angle further to the right."""
    angle = np.radians(bearing)
    return np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])


def _on_plane(place: Point) -> NDArray[np.float64]:
    return np.array([value.item() for value in PLANE.forward(*place)])


def _off_plane(spot: NDArray[np.float64]) -> Point:
    lon, lat = PLANE.inverse(*spot)
    return lon.item(), lat.item()


def line(*parts: Point | Passing) -> shapely.LineString:
    """Through the points in their order; a straight piece is run through in the direction that the line comes from."""
    vertices: list[Point] = []
    for part in parts:
        piece = passing(part) if isinstance(part, Passing) else [part]
        if vertices and shapely.Point(vertices[-1]).distance(shapely.Point(piece[0])) > shapely.Point(
            vertices[-1]
        ).distance(shapely.Point(piece[-1])):
            piece.reverse()
        vertices += piece
    return shapely.LineString(vertices)


def block(place: Point, bearing: float, metres: float, width: float = 36.0, depth: float = 14.0) -> shapely.Polygon:
    """A building whose near side lies `metres` from the place in the direction `bearing`."""
    near = _on_plane(place)
    ahead, aside = _directions(bearing)
    corners = [
        near + ahead * (metres + back) + aside * across
        for back, across in ((0, -width / 2), (0, width / 2), (depth, width / 2), (depth, -width / 2))
    ]
    return shapely.Polygon([_off_plane(corner) for corner in corners])


def roads() -> dict[str, shapely.LineString]:
    return {
        "京沪高速": line((116.560, 39.790), Passing(SHENJU, 35, 60), (116.640, 39.722), (116.700, 39.690),
                     (116.790, 39.640)),
        "六环路": line((116.668, 39.998), (116.716, 39.945), (116.722, 39.900), (116.700, 39.845), (116.655, 39.790),
                    (116.600, 39.768), (116.552, 39.735)),
        "通燕高速": line((116.605, 39.925), (116.660, 39.926), (116.716, 39.925), (116.770, 39.932), (116.812, 39.938)),
        "京津公路": line((116.612, 39.908), (116.660, 39.897), (116.712, 39.862), (116.755, 39.815), (116.800, 39.775),
                     (116.835, 39.715), (116.850, 39.660)),
        "新华西街": line((116.618, 39.9085), (116.640, 39.9075), (116.660, 39.9065)),
        "翠屏西路": line((116.632, 39.915), (116.634, 39.895)),
        "通香路": line((116.790, 39.862), (116.840, 39.838), (116.880, 39.820), (116.925, 39.800)),
        "永乐大街": line((116.770, 39.675), (116.790, 39.667), (116.815, 39.660)),
        "宋庄路": line((116.715, 39.955), (116.735, 39.972), (116.745, 40.005)),
        "台湖大街": line((116.590, 39.823), (116.612, 39.8245), (116.640, 39.822)),
        "于家务大街": line((116.685, 39.725), (116.705, 39.7215), (116.730, 39.718)),
        "漷县大街": line((116.785, 39.771), (116.806, 39.7675), (116.830, 39.765)),
        "李辛庄西南路": line((116.8245, 39.7420), Passing(LIXINZHUANG, 215, 27, 150), (116.8340, 39.7340)),
        "群芳中一街": line((116.6480, 39.8664), Passing(QUNFANG, 0, 14, 120), (116.6590, 39.8659)),
        "长凌营环路": line((116.8062, 39.8015), (116.8088, 39.7998), Passing(CHANGLINGYING, 75, 124, 60),
                     (116.8065, 39.7945)),
        "谢楼路": line((116.7700, 39.8800), Passing(XIELOU, 10, 291, 250), (116.7880, 39.8775)),
        "潞邑三路": line((116.6852, 39.9410), Passing(LUYI, 90, 11, 90), (116.6851, 39.9340)),
        "独光路": line((116.7420, 39.9822), Passing(DAPANG, 180, 17, 200), (116.7640, 39.9816)),
        "农贸市场路": line((116.6190, 39.8303), Passing(TAIHU, 0, 12, 100), (116.6275, 39.8299)),
        "潮河大堤路": line((116.8930, 39.8130), Passing(DASHAWU, 50, 225, 300), (116.9190, 39.7900)),
        "熬硝营西环路": line((116.7638, 39.6640), Passing(AOXIAOYING, 272, 82, 150), (116.7642, 39.6520)),
    }  # fmt: skip


def waters() -> dict[str, shapely.LineString]:
    return {
        "北运河": line((116.664, 39.922), (116.688, 39.901), (116.722, 39.889), (116.7405, 39.8775),
                     Passing(XIELOU, 232, 2756, 500),
                    (116.758, 39.846), (116.775, 39.822), Passing(CHANGLINGYING, 222, 465, 500), (116.830, 39.776),
                    (116.868, 39.764), (116.905, 39.735), (116.936, 39.722)),
        "潮白河": line((116.778, 40.010), (116.790, 39.980), (116.808, 39.942), (116.840, 39.903), (116.878, 39.876),
                    (116.912, 39.850), (116.936, 39.815)),
        "温榆河": line((116.640, 39.990), (116.648, 39.962), (116.661, 39.935), (116.664, 39.922)),
        "通惠河": line((116.602, 39.912), (116.630, 39.913), (116.664, 39.922)),
        "凉水河": line((116.552, 39.812), (116.600, 39.800), (116.660, 39.815), (116.700, 39.842), (116.742, 39.872)),
        "中坝河": line((116.742, 40.020), (116.7430, 40.000), Passing(DAPANG, 275, 890, 500), (116.738, 39.955),
                     (116.733, 39.935)),
        "通大边沟": line((116.560, 39.765), Passing(SHENJU, 205, 16, 300), (116.640, 39.712), (116.690, 39.688),
                     (116.735, 39.672), Passing(AOXIAOYING, 25, 536, 400), (116.812, 39.632)),
        "港沟河": line((116.770, 39.760), (116.775, 39.720), (116.782, 39.690), (116.800, 39.655), (116.815, 39.632)),
        "大梁沟": line((116.795, 39.738), Passing(LIXINZHUANG, 195, 1173, 500), (116.858, 39.722), (116.885, 39.712)),
        "牛屯引河": line((116.862, 39.826), (116.882, 39.812), Passing(DASHAWU, 232, 325, 400), (116.925, 39.775),
                     (116.938, 39.752)),
        "凤港减河": line((116.600, 39.712), (116.660, 39.702), (116.715, 39.700), (116.770, 39.705)),
    }  # fmt: skip


def landmarks() -> dict[str, shapely.Geometry]:
    return {
        "群芳三园西区80号楼": block(QUNFANG, 180, 9),
        "依威能源充电站东逸佳苑": block(LUYI, 270, 8, width=22, depth=12),
        "台湖环境执法站": block(TAIHU, 180, 8, width=26, depth=12),
        "漷县镇中心小学": shapely.Point(116.8100, 39.7660),
        "万达广场金街": shapely.Point(116.6375, 39.9080),
        "首讯网咖": shapely.Point(116.6335, 39.9020),
        "玉桥市场": shapely.Point(116.6780, 39.8920),
        "艺苑西里3号楼": shapely.Point(116.6735, 39.8955),
        "运河中学": shapely.Point(116.6700, 39.9020),
        "西海子公园": shapely.Point(116.6615, 39.9135),
        "九棵树地铁站": shapely.Point(116.6570, 39.8905),
        "果园环岛": shapely.Point(116.6400, 39.8950),
        "杨庄北里12号楼": shapely.Point(116.6180, 39.9060),
        "土桥地铁站": shapely.Point(116.6860, 39.8735),
        "行政办公区东门": shapely.Point(116.7280, 39.9160),
        "芙蓉东路公交站": shapely.Point(116.6920, 39.9120),
        "文化旅游区站": shapely.Point(116.6640, 39.8450),
        "富河园西门": shapely.Point(116.6500, 39.9490),
        "如意园": shapely.Point(116.6520, 39.9180),
    }


@cache
def units() -> dict[str, str]:
    """Code -> name of every jurisdiction of the demo."""
    with CODES.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file)}


@cache
def boundaries() -> dict[str, shapely.Polygon]:
    """Code -> polygon: each place belongs to the nearest seat, within the outline; neighbours share their edges."""
    outline = shapely.Polygon(OUTLINE)
    cells = shapely.voronoi_polygons(shapely.MultiPoint(list(SEATS.values())), extend_to=outline)
    tree = shapely.STRtree(list(cells.geoms))
    pieces = {
        code: shapely.intersection(cells.geoms[tree.query(shapely.Point(seat), predicate="within")[0]], outline)
        for code, seat in SEATS.items()
    }
    return pieces


@cache
def villages() -> dict[str, Point]:
    """Code -> point of every village and community: those of the page where they were drawn, the others around."""
    placed = dict(VILLAGES_OF_THE_PAGE)
    for town, polygon in boundaries().items():
        seat = np.array(SEATS[town])
        others = [code for code in units() if code.startswith(town) and len(code) == 12 and code not in placed]
        for index, code in enumerate(others):
            angle = 2 * np.pi * (index + 0.35) / max(len(others), 1)
            ray = shapely.LineString([seat, seat + 0.3 * np.array([np.cos(angle), np.sin(angle)])])
            reach = shapely.intersection(ray, polygon).length
            lon, lat = seat + 0.5 * reach * np.array([np.cos(angle), np.sin(angle)])
            placed[code] = (round(float(lon), 6), round(float(lat), 6))
    return placed


def _layer(names: Sequence[str], codes: Sequence[str], shapes: Sequence[shapely.Geometry]) -> LayerFeatures:
    geometries = np.empty(len(shapes), dtype=object)
    geometries[:] = shapes
    return LayerFeatures(list(names), list(codes), geometries)


def draw_layers() -> dict[str, LayerFeatures]:
    """All five layers by name."""
    names = units()
    areas, spots = boundaries(), villages()
    drawn = {"roads": roads(), "waters": waters(), "landmarks": landmarks()}
    layers = {name: _layer(list(shapes), [""] * len(shapes), list(shapes.values())) for name, shapes in drawn.items()}
    layers["boundaries"] = _layer([names[code] for code in areas], list(areas), list(areas.values()))
    layers["villages"] = _layer(
        [names[code] for code in spots], list(spots), [shapely.Point(spot) for spot in spots.values()]
    )
    return layers


def codes_table() -> bytes:
    """The code list as the file that load_jurisdictions takes, the kind stated where the name does not say it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["code", "name"])
    writer.writerows(units().items())
    return text.getvalue().encode()
