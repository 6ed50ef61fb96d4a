"""Which town looks after each person found, and whose health officers list them."""

from collections.abc import Collection, Iterable, Sequence

import duckdb
import pyarrow as pa

from duban.access.queries import people_who_may
from duban.outbreak import store
from duban.outbreak.models import PresencePart
from duban.outbreak.people import all_tokens_of, homes_of
from duban.places import queries as places
from duban.places.codes import LENGTHS

RUNS = "screening.run"
TOWN = LENGTHS[1]


def towns_of(persons: Collection[str], office: str) -> dict[str, str]:
    """The town that looks after each person: of their home, else where the office's area saw them last.

    Of who was seen nowhere in the office's area no more than the county is known.
    """
    homes = {person: code[:TOWN] for person, code in homes_of(persons).items()}
    unknown = [person for person in persons if person not in homes]
    seen = _last_seen(unknown, office) if unknown else {}
    return {person: homes.get(person) or seen.get(person) or office[: LENGTHS[0]] for person in persons}


def others_than(office: str, towns: Iterable[str]) -> set[str]:
    """The towns whose people are not the office's to list: they lie elsewhere, and a health officer of theirs does."""
    outside = {town for town in towns if not town.startswith(office)}
    return {town for town in outside if people_who_may(RUNS, town)}


def _last_seen(persons: Sequence[str], office: str) -> dict[str, str]:
    names = all_tokens_of(persons)
    kind = pa.schema([("token", pa.string()), ("of", pa.string())])
    tokens = pa.table({"token": list(names), "of": list(names.values())}, kind)
    with store.reading():
        files = store.paths_of(PresencePart.objects.all())
        if not files:
            return {}
        with duckdb.connect(config={"memory_limit": f"{store.MEMORY_MB}MB"}) as database:
            database.register("wanted", tokens)
            rows = database.execute(
                "SELECT wanted.of, arg_max(area_code, arrived) FILTER (WHERE starts_with(area_code, $office)), "
                "max(arrived) FILTER (WHERE starts_with(area_code, $office))::VARCHAR, "
                "arg_max({'lon': lon, 'lat': lat}, arrived) FILTER (WHERE lon IS NOT NULL), "
                "max(arrived) FILTER (WHERE lon IS NOT NULL)::VARCHAR "
                "FROM read_parquet($files) AS p JOIN wanted ON wanted.token = p.person GROUP BY 1",
                {"files": files, "office": office},
            ).fetchall()
    found = {person: code[:TOWN] for person, code, _when, _point, _seen in rows if code}
    points = [(person, point) for person, code, when, point, seen in rows if point and (not code or seen > when)]
    for start in range(0, len(points), 5000):
        batch = points[start : start + 5000]
        located = places.locate_points([point["lon"] for _p, point in batch], [point["lat"] for _p, point in batch])
        for (person, _point), place in zip(batch, located, strict=True):
            code = (place.get("jurisdiction") or {}).get("code") or ""
            if code.startswith(office):
                found[person] = code[:TOWN]
    return found
