"""New rows by the hundred thousand: values that are alike are prepared once, and no model is made of each row."""

import json
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db import connection, models

BATCH = 500
as_day = lru_cache(maxsize=4000)(lambda day: connection.ops.adapt_datefield_value(day))


def as_key(key: uuid.UUID) -> Any:
    """The key as the database has it."""
    return key if connection.features.has_native_uuid_field else key.hex


class Written:
    """JSON of values that many rows share; one is written down once, as long as this object is there."""

    def __init__(self) -> None:
        self.texts: dict[int, tuple[Any, str]] = {}

    def __call__(self, value: Any) -> str:
        # The value is held too, or another one might come to lie at its address.
        known = self.texts.get(id(value))
        if known is None:
            known = self.texts[id(value)] = (value, json.dumps(value, ensure_ascii=False))
        return known[1]


def insert_values(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of prepared values in the order of the columns, some hundred to a statement."""
    head = f'INSERT INTO "{model._meta.db_table}" ({", ".join(columns)}) VALUES '  # noqa: S608 - names of ours
    marks = f"({', '.join(['%s'] * len(columns))})"
    waiting = iter(rows)
    with connection.cursor() as cursor:
        while batch := list(islice(waiting, BATCH)):
            values = [value for row in batch for value in row]
            cursor.execute(head + ", ".join([marks] * len(batch)), values)
