"""Which tests a run holds, and what one test must not leave for the next one's database."""

import os
import shutil

import pytest
from django.conf import settings

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The run on PostgreSQL is for what asks a database; the rest ran on SQLite and would say the same."""
    if os.environ.get("DUBAN_TEST_POSTGRES") != "1":
        return
    asking = [item for item in items if _asks_database(item)]
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
