"""A call that waits for a lock of ours, so that a test can see what it has locked already. On PostgreSQL alone."""

import threading
from collections.abc import Callable

from django.db import connection


def waiting(call: Callable[[], object]) -> threading.Thread:
    """The call in a thread of its own, returned once it waits for this connection; joined when that has let go."""
    pids: list[int] = []

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
        call()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    with connection.cursor() as cursor:
        blocked = False
        while not blocked and (thread.is_alive() or not pids):
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pids[0] if pids else 0])
            blocked = cursor.fetchone()[0]
    assert blocked, "the call ended without waiting"
    return thread
