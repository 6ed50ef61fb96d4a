"""Finding rows by the words they hold, Chinese or not, on both databases.

What a row is found by is kept as pairs of characters (`grams.py`) beside it. SQLite's full-text table and PostgreSQL's
inverted index lead to the rows that hold all pairs sought; the words themselves are then compared, so that a chance
meeting of pairs is no hit. What very many rows hold is found faster by walking the list in its order and comparing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from duban.core.grams import sought
from duban.core.rows import BATCH, insert
from duban.core.text import folded, is_plain

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class TextIndex:
    """What of one model's rows is searched, and where that is kept."""

    of: type[models.Model]
    texts: type[models.Model]
    """Holds `grams` for each row, with `vector` made of them on PostgreSQL."""
    row: str
    """The one-to-one key of the texts to the rows, which call it `text`."""
    table: str
    """SQLite's full-text table over the texts."""
    tokens: Callable[[Any], Sequence[str]]
    reads: Sequence[str]
    """The columns that `tokens` reads."""
    rare: int
    """What more rows hold than this is found by walking the list."""


def write(index: TextIndex, rows: Sequence[models.Model], *, fresh: bool = False) -> None:
    """Write down what the rows are found by from now on; `fresh`: none of them was before."""
    # In one order: who writes the same new rows at once, each in an order of their own, waits here for the other.
    rows = sorted(rows, key=lambda row: row.pk)
    texts = [index.texts(**{index.row: row, "grams": " ".join(index.tokens(row))}) for row in rows]
    if fresh:
        insert(texts)
        return
    index.texts._base_manager.bulk_create(
        texts, batch_size=BATCH, update_conflicts=True, unique_fields=[index.row], update_fields=["grams"]
    )


def write_missing(index: TextIndex) -> int:
    """Write down what nobody said of rows that are there; how many they were."""
    missing = index.of._base_manager.filter(text=None).order_by("pk").only("pk", *index.reads)
    found, rows = 0, list(missing[:BATCH])
    while rows:
        write(index, rows, fresh=True)
        found += len(rows)
        rows = list(missing.filter(pk__gt=rows[-1].pk)[:BATCH])
    return found


def holding(index: TextIndex, rows: QuerySet[Row], text: str) -> QuerySet[Row]:
    """Those of the rows whose column `search` holds every word of the text, folded; all where there is none."""
    if not is_plain(text):
        return rows.none()
    words = [folded(word) for word in text.split()]
    condition = Q()
    for word in words:
        condition &= Q(search__contains=word)
    query = query_of([[token] for token in sought(" ".join(words))])
    if query and is_rare(index, query):
        condition = Q(pk__in=led_to(index, query)) & condition
    return rows.filter(condition)


def query_of(groups: Sequence[Sequence[str]]) -> str:
    """One token of each group, in the language of the index; `*` ends the beginning of a token."""
    both, either, begins = {"sqlite": (" AND ", " OR ", "*"), "postgresql": (" & ", " | ", ":*")}[connection.vendor]
    return both.join(f"({either.join(group).replace('*', begins)})" for group in groups)


def is_rare(index: TextIndex, query: str) -> bool:
    """No more rows than `rare` hold what the query asks for: no further are they counted."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({_hits(index)} LIMIT %s) AS hits", [query, index.rare + 1])  # noqa: S608
        return cursor.fetchone()[0] <= index.rare


def led_to(index: TextIndex, query: str) -> QuerySet:
    """The keys of the rows that the index finds."""
    if connection.vendor == "sqlite":
        hits: Q | RawSQL = Q(pk__in=RawSQL(_hits(index), [query]))  # noqa: S611
    else:
        hits = RawSQL("vector @@ to_tsquery('simple', %s)", [query], BooleanField())
    return index.texts._base_manager.filter(hits).values(index.row)


def _hits(index: TextIndex) -> str:
    return {
        "sqlite": f"SELECT rowid FROM {index.table} WHERE {index.table} MATCH %s",  # noqa: S608
        "postgresql": f"SELECT id FROM {index.texts._meta.db_table} WHERE vector @@ to_tsquery('simple', %s)",  # noqa: S608
    }[connection.vendor]
