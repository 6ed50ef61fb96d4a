"""What the engine found by token, put together by person: one has as many tokens as they gave names."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from duban.core.integrity import canonical, sha256
from duban.engines.screen import MEASURES
from duban.outbreak.models import Alias
from duban.outbreak.people import persons_of


def aliases_digest() -> str:
    """SHA-256 of who is another name of whom."""
    pairs = Alias.objects.filter(shared=False).order_by("token").values_list("token", "person")
    return sha256("\n".join(f"{token} {person}" for token, person in pairs.iterator(10_000)).encode())


def one_person_each(per_area: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows by person and area with aliases put together, and the strictest measure of each person anew.

    Stays are counted one by one, so those under several names add up.
    """
    tokens = pc.unique(per_area["person"]).to_pylist()
    ties = persons_of(tokens)
    severity = pa.table({"measure": list(MEASURES), "severity": list(range(len(MEASURES)))})
    tied = pa.table({"token": pa.array(list(ties), pa.string()), "to": pa.array(list(ties.values()), pa.string())})
    with duckdb.connect() as database:
        database.register("given", per_area)
        database.register("tied", tied)
        database.register("severity", severity)
        database.execute(
            "CREATE TABLE per_area AS SELECT coalesce(tied.to, given.person) AS person, area, "
            "any_value(level) AS level, min(first) AS first, max(last) AS last, "
            "sum(visits)::BIGINT AS visits, sum(minutes) AS minutes, "
            "any_value(measure) AS measure FROM given LEFT JOIN tied ON tied.token = given.person GROUP BY 1, area"
        )
        merged = database.sql("SELECT * FROM per_area ORDER BY person, area").to_arrow_table()
        people = database.sql(
            "SELECT person, d.measure AS measure, d.area AS area, areas, last FROM (SELECT person, "
            "min(struct_pack(strict := severity, late := -epoch_us(last), area, measure)) AS d, "
            "count(*) AS areas, max(last) AS last FROM per_area JOIN severity USING (measure) GROUP BY person) "
            "ORDER BY person"
        ).to_arrow_table()
    names = ("person", "area", "level", "first", "last", "visits", "minutes", "measure")
    return merged.select(names).cast(per_area.schema.remove_metadata()), people


def output_digest(per_area: pa.Table) -> str:
    """SHA-256 of the rows found, in their order: the same inputs give the same."""
    columns = {name: per_area[name] for name in per_area.column_names}
    for name in ("first", "last"):
        columns[name] = per_area[name].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return sha256(canonical([column.to_pylist() for _name, column in sorted(columns.items())]))
