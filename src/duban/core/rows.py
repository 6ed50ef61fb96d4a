"""Writing new rows where a request writes many kinds of them: the statement of a model is put together once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

BATCH = 500


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model, some hundred to a statement. Keys that the database gives are not read back.

    `bulk_create` builds its SQL anew for each call, which for a single row costs more than the database takes for it.
    """
    if not rows:
        return
    head, marks, fields = _statement(type(rows[0]))
    # The connection itself: what stands for it looks it up anew for each value.
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            values: list[Any] = []
            for row in batch:
                values += [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
            cursor.execute(head + ", ".join([marks] * len(batch)), values)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=100)
def _statement(model: type[models.Model]) -> tuple[str, str, list[models.Field]]:
    """The words before the rows, the marks of one row, and the fields whose values stand in it."""
    fields: list[models.Field] = [
        field for field in model._meta.concrete_fields if not (field.generated or isinstance(field, models.AutoField))
    ]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    head = f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES '  # noqa: S608
    return head, f"({', '.join(['%s'] * len(fields))})", fields
