"""Which tests a run holds, and what one test must not leave for the next one's database."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

import duban

ONCE = re.compile(r"/tests/(?:demo|web)/|/test_(?:\w*pages?|\w*api|rights_table|\w*export|catalogue)\.py$")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The run on PostgreSQL is for what asks a database; the rest ran on SQLite and would say the same.

    Pages and the API are tried out on SQLite. On PostgreSQL each address is opened by test_leaks.py, in every role, and
    what lies beneath has tests of its own.
    """
    if os.environ.get("DUBAN_TEST_POSTGRES") != "1":
        return
    asking = [item for item in items if not ONCE.search(item.path.as_posix()) and _asks_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in asking])
    items[:] = asking


def _asks_database(item: pytest.Item) -> bool:
    # A class of Django's, or one that Hypothesis makes of a state machine, says nothing of itself here.
    plain = isinstance(item, pytest.Function) and item.cls is None
    return (
        not plain
        or item.get_closest_marker("django_db") is not None
        or bool(DATABASE_FIXTURES & set(item.fixturenames))
    )


@pytest.fixture(autouse=True)
def forgetful_data_folder() -> None:
    """What the data folder remembers of one test must not be held against the next one's database."""
    for folder in ("history", "bulletins"):
        shutil.rmtree(settings.DUBAN_DATA / folder, ignore_errors=True)


# ---- A migrated database kept from run to run, where somebody made the folder .venv/test-templates ------------------


def _template() -> Path | None:
    """The migrated SQLite database of just these migrations, there or yet to be kept."""
    folder = Path(__file__).parent.parent / ".venv" / "test-templates"
    if not folder.is_dir() or connection.vendor != "sqlite":
        return None
    files = sorted(Path(duban.__file__).parent.glob("*/migrations/*.py"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return folder / f"{digest[:16]}.sqlite3"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    template = _template()
    if template is not None and template.exists():
        shutil.copyfile(template, settings.DATABASES["default"]["TEST"]["NAME"])


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    template = _template()
    return template is not None and template.exists()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    template = _template()
    if template is not None and not template.exists():
        draft = template.with_suffix(f".{os.getpid()}")
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(draft)])
        draft.replace(template)
