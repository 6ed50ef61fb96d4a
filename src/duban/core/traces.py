"""No byte left of what is deleted: databases keep it in free pages, logs and dead rows unless they are told not to."""

import logging
import time
from collections.abc import Iterable

from django.db import connection

CHECKPOINT_TRIES = 50
log = logging.getLogger(__name__)


def overwrite_deleted() -> None:
    """From now on this connection has SQLite overwrite what it deletes or changes."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def leave_no_trace(tables: Iterable[str]) -> None:
    """Clear what was deleted out of SQLite's write-ahead log, or have PostgreSQL drop the dead rows of these tables.

    Within a transaction neither can be done; the next run does it, as it does where others read the log all the while,
    which is said in this program's own log.
    """
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for _try in range(CHECKPOINT_TRIES):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if not cursor.fetchone()[0]:
                    return
                time.sleep(0.1)
            log.warning(
                "SQLite's write-ahead log is being read and was not cleared: "
                "what was deleted may stay in it until the next run"
            )
        else:
            cursor.execute(f"VACUUM {', '.join(map(connection.ops.quote_name, tables))}")
