"""Named counters: numbers of entries and checkpoints, versions of what is kept in memory."""

from django.db import connection


def count_up(key: str, by: int = 1) -> int:
    """Add to a counter, made if there is none, and return its new value; its row is locked until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_counter (key, value) VALUES (%s, %s) "
            "ON CONFLICT (key) DO UPDATE SET value = ledger_counter.value + excluded.value RETURNING value",
            [key, by],
        )
        return cursor.fetchone()[0]
