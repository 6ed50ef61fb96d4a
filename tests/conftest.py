"""Which tests a run holds, and what one test must not leave for the next one's database."""

import gc
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from tests.templates import keep_postgres_template, keep_template, postgres_template, put_template, restoring

# No test asserts a time, and a busy machine is not a fault of what is tried out on it.
hypothesis.settings.register_profile("duban", deadline=None)
hypothesis.settings.load_profile("duban")

ONCE = re.compile(r"/tests/(?:demo|engines|web)/|/test_(?:\w*pages?|\w*api|rights_table|\w*export|catalogue)\.py$")
# Set from a document already read, by an engine that knows no database (see the contracts in pyproject.toml): on
# PostgreSQL the same document is read for HTML, in the same test.
TYPESET = ("pdf", "docx")
# Begun with: a long file that comes last would keep one process busy while the other has nothing left.
LONGEST = (
    "/tests/test_leaks.py",
    "/tests/access/test_rights_table.py",
    "/tests/outbreak/test_the_pages_order.py",
    "/tests/journeys/test_axe.py",
    "/tests/journeys/test_the_pages_order.py",
)
# To look for garbage as often as Python does, through all that was imported, takes a tenth of the time of all tests.
gc.set_threshold(100_000, 50, 50)
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first; on PostgreSQL what asks a database: the rest ran on SQLite and would say the same.

    Pages and the API are tried out on SQLite, and so are engines, which know no database. On PostgreSQL each address is
    opened by test_leaks.py, in every role, and what lies beneath has tests of its own.
    """
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))
    if os.environ.get("DUBAN_TEST_POSTGRES") != "1":
        return
    asking = [
        item
        for item in items
        if not ONCE.search(item.path.as_posix()) and _asks_database(item) and not _is_of_typesetting(item)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in asking])
    items[:] = asking


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def _asks_database(item: pytest.Item) -> bool:
    # A class of Django's, or one that Hypothesis makes of a state machine, says nothing of itself here.
    plain = isinstance(item, pytest.Function) and item.cls is None
    return (
        not plain
        or item.get_closest_marker("django_db") is not None
        or bool(DATABASE_FIXTURES & set(item.fixturenames))
    )


def _is_of_typesetting(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    return called is not None and any(value in TYPESET for value in called.params.values() if isinstance(value, str))


@pytest.fixture(autouse=True)
def forgetful_data_folder() -> None:
    """What the data folder remembers of one test must not be held against the next one's database."""
    for folder in ("history", "bulletins"):
        shutil.rmtree(settings.DUBAN_DATA / folder, ignore_errors=True)


# ---- The database of this run begins with a migrated one, where there is one -----------------------------------------


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    return connection.vendor == "sqlite" and put_template(settings.DATABASES["default"]["TEST"]["NAME"])


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    if connection.vendor == "postgresql":
        with postgres_template() as (name, made), django_db_blocker.unblock():
            if not made:
                maintenance = connection.settings_dict["NAME"]
                draft = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
                connection.close()
                connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = maintenance
                keep_postgres_template(draft, name)
        connection.settings_dict["TEST"]["TEMPLATE"] = name


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """After a test that commits, the database comes back: Django would empty it and load reference data anew."""
    if connection.vendor == "sqlite":
        keep_template(settings.DATABASES["default"]["TEST"]["NAME"])
    with django_db_blocker.unblock():
        restore = restoring()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: restore())
        yield
