"""What the tests of the ledger's pages share: who asks, what is sent, and which codes an answer shows."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from duban.access.models import Person
from duban.ledger.models import Entry

MakeEntry = Callable[[str], Entry]
SEES = {"inspector", "handler", "supervisor", "publisher", "leader", "administrator"}
RECORDS = {"inspector", "supervisor"}
TRIAGES = {"supervisor"}
SENDS = {"inspector", "supervisor", "handler"}
ROLES = sorted(SEES | {"health_officer", "community_worker"})
HERE = "?lon=116.8&lat=39.8&datum=wgs84"


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def browse(person: Person | None, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    if person is not None:
        client.force_login(person)
    return client


def page_of(client: Client, name: str, *args: object, **query: Any) -> Any:
    return client.get(reverse(f"ledger:{name}", args=args), query)


def codes_in(response: Any) -> set[str]:
    """The codes that the page shows beside what is wrong."""
    return set(re.findall(r'<span class="code(?: muted)?">([a-z0-9_]+)</span>', response.content.decode()))


def upload(data: bytes, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)
