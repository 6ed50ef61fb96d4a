"""A migrated SQLite database to begin with, kept from run to run: to migrate one takes as long as dozens of tests."""

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import duban

FOLDER = Path(__file__).parent.parent / ".venv" / "test-templates"


def template() -> Path:
    """Where the database of just these migrations and reference data is kept, or is yet to be."""
    source = Path(duban.__file__).parent
    files = sorted([*source.glob("*/migrations/*.py"), *source.glob("*/reference/*.*")])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return FOLDER / f"{digest[:16]}.sqlite3"


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
        with sqlite3.connect(database) as connection:
            connection.execute("VACUUM INTO ?", [str(draft)])
        connection.close()
        draft.replace(path)
