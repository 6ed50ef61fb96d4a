"""A migrated database to begin with, and to come back to: to migrate one takes as long as dozens of tests.

SQLite's is kept from run to run; PostgreSQL's as long as its server, which all processes of a run share.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection, transaction

import duban

FOLDER = Path(__file__).parent.parent / ".venv" / "test-templates"


def _digest() -> str:
    source = Path(duban.__file__).parent
    files = sorted([*source.glob("*/migrations/*.py"), *source.glob("*/reference/*.*")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


# ---- To begin with ---------------------------------------------------------------------------------------------------


def template() -> Path:
    """Where the SQLite database of just these migrations and reference data is kept, or is yet to be."""
    return FOLDER / f"{_digest()}.sqlite3"


def put_template(database: Path) -> bool:
    """Begin the database with the template; False: there is none yet."""
    try:
        shutil.copyfile(template(), database)
    except FileNotFoundError:
        return False
    return True


def keep_template(database: Path) -> None:
    """Keep the migrated database as the template, if there is none."""
    path = template()
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with sqlite3.connect(database) as made:
            made.execute("VACUUM INTO ?", [str(draft)])
        made.close()
        draft.replace(path)


@contextmanager
def postgres_template() -> Iterator[tuple[str, bool]]:
    """The name of the migrated database on the server, and whether it is there; if not, it is to be made meanwhile.

    Who comes second waits until that is done: nobody makes it twice.
    """
    name = f"migrated_{_digest()}"
    with psycopg.connect(os.environ["DUBAN_DATABASE_URL"], autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(1)")
        yield name, bool(server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall())


def keep_postgres_template(draft: str, name: str) -> None:
    """Keep the migrated database, to which nobody is connected, as the template."""
    with psycopg.connect(os.environ["DUBAN_DATABASE_URL"], autocommit=True) as server:
        server.execute(f"ALTER DATABASE {draft} RENAME TO {name}")


# ---- To come back to -------------------------------------------------------------------------------------------------


def restoring() -> Callable[[], None]:
    """Remember the test database as it is; what is returned brings it back.

    Django empties all tables, and then has all written anew that comes with `migrate`.
    """
    return {"sqlite": _restoring_sqlite, "postgresql": _restoring_postgres}[connection.vendor]()


def _restoring_sqlite() -> Callable[[], None]:
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    connection.ensure_connection()
    connection.connection.backup(kept)

    def restore() -> None:
        # Waits for who still writes, as long as a statement does: the copy itself would wait for ever.
        with transaction.atomic():
            pass
        kept.backup(connection.connection)

    return restore


def _restoring_postgres() -> Callable[[], None]:
    """What was there lies in a schema of its own; a table that still holds just that is left as it is."""
    with connection.cursor() as cursor:
        tables = [table for table in _tables_with_pages() if _marks([table])]
        cursor.execute("CREATE SCHEMA kept")
        for table in tables:
            cursor.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}")
    marks = _marks(tables)

    def restore() -> None:
        now = _marks(_tables_with_pages())
        changed = [table for table in {*now, *marks} if now.get(table) != marks.get(table)]
        with transaction.atomic(), connection.cursor() as cursor:
            # Tables are emptied in any order, and no row is looked up that refers to what goes.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in changed:
                cursor.execute(f"DELETE FROM {table}")
                if table in marks:
                    cursor.execute(f"INSERT INTO {table} TABLE kept.{table}")
        marks.update(_marks([table for table in changed if table in marks]))

    return restore


def _tables_with_pages() -> list[str]:
    """The tables in which rows were written, be they there still or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"
        )
        return [table for (table,) in cursor.fetchall()]


def _marks(tables: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(rows, newest transaction that wrote one) of each table with rows: every change makes another mark."""
    asked = " UNION ALL ".join(
        f"SELECT '{table}', count(*), max(xmin::text::bigint) FROM {table} HAVING count(*) > 0" for table in tables
    )
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return {table: (rows, newest) for table, rows, newest in cursor.fetchall()}
