"""Named counters: numbers of entries and checkpoints, versions of what is kept in memory."""

from django.db import connection


def value_of(key: str) -> int:
    """What the counter stands at; 0 before it is first counted up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM ledger_counter WHERE key = %s", [key])
        row = cursor.fetchone()
    return row[0] if row else 0


def count_up(key: str, by: int = 1) -> int:
    """Add to a counter, made if there is none, and return its new value; its row is locked until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_counter (key, value) VALUES (%s, %s) "
            "ON CONFLICT (key) DO UPDATE SET value = ledger_counter.value + excluded.value RETURNING value",
            [key, by],
        )
        return cursor.fetchone()[0]
