"""The same answers from the definitions alone: every row against every area, every stay against every other."""

import itertools
from collections import defaultdict
from fractions import Fraction

import shapely

from duban.engines.screen.instants import FOREVER, to_micros


def on_or_in(rings, x, y):
    """Whether (x, y) lies within rings by the even-odd rule, or upon one; exact."""
    inside = False
    for ring in rings:
        for (ax, ay), (bx, by) in itertools.pairwise(ring):
            cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            if cross == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                return True
            if (ay > y) != (by > y) and (cross > 0) == (by > ay):
                inside = not inside
    return inside


def rings_of(area):
    """The rings of each polygon of an area, in fractions."""
    return [
        [[(Fraction(x), Fraction(y)) for x, y, *_ in ring.coords] for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(area.shape)
    ]


def exposed(rows, areas, now):
    """(person, area id) -> (first, last, visits, stayed) in microseconds, of good rows as dicts."""
    found = {}
    for area in areas.areas:
        parts = rings_of(area) if area.shape is not None else []
        opens, closes = to_micros(area.opens), to_micros(area.end) if area.end else FOREVER
        for row in rows:
            at = to_micros(row["arrived"])
            left = to_micros(row["departed"]) if row["departed"] else FOREVER
            by_code = area.code and (row["area_code"] or "").startswith(area.code)
            placed = row["lon"] is not None
            by_place = placed and any(on_or_in(p, Fraction(row["lon"]), Fraction(row["lat"])) for p in parts)
            if not (by_code or by_place) or at > closes or left < opens:
                continue
            first, last = max(at, opens), min(left, closes)
            last = max(first, to_micros(now)) if last == FOREVER else last
            a, b, visits, stayed = found.get((row["person"], area.id), (first, last, 0, 0))
            found[row["person"], area.id] = (min(a, first), max(b, last), visits + 1, stayed + last - first)
    return found


def met(rows, windows, now, *, minutes, generations, after=0, near=lambda one, other: False):
    """(generation, source, person, place) -> (first, last, microseconds); `windows` are person -> (opens, closes)."""
    found, seen = {}, set(windows)
    for generation in range(1, generations + 1):
        here = defaultdict(list)
        for one in rows:
            if one["person"] not in windows:
                continue
            opens, closes = windows[one["person"]]
            begin, end = max(one["arrived"], opens), min(one["departed"], closes)
            if begin > end:
                continue
            end = (max(begin, now) if end >= FOREVER else end) + after
            place = one["venue"] or f"{one['lon']:.5f},{one['lat']:.5f}"
            for other in rows:
                same = (one["venue"] and one["venue"] == other["venue"]) or near(one, other)
                left = max(other["arrived"], now) if other["departed"] >= FOREVER else other["departed"]
                first, last = max(begin, other["arrived"]), min(end, left)
                if same and other["person"] not in seen and first <= last:
                    here[one["person"], other["person"], place].append((first, last))
        kept = {}
        for key, spans in here.items():
            total = sum(last - first for first, last in spans)
            if total >= minutes * 60_000_000:
                kept[generation, *key] = (min(a for a, _ in spans), max(b for _, b in spans), total)
        found |= kept
        windows = {}
        for (_, _, person, _), (first, _, _) in kept.items():
            windows[person] = (min(first, windows.get(person, (first, 0))[0]), FOREVER)
        seen |= set(windows)
    return found
