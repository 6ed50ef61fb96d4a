"""What the data folder remembers of one test must not be held against the next one's database."""

import shutil

import pytest
from django.conf import settings


@pytest.fixture(autouse=True)
def forgetful_data_folder() -> None:
    for folder in ("history", "bulletins"):
        shutil.rmtree(settings.DUBAN_DATA / folder, ignore_errors=True)
