"""Several people at the register at once: each venue comes on it once, one edit wins, and nobody sees a 500."""

import json
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from duban.access.models import Person
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues.actions import mark_of, record_venue, record_venues
from duban.venues.drafts import VenueDraft
from duban.venues.models import Venue, VenueText
from duban.venues.types import load_types

pytestmark = pytest.mark.django_db(transaction=True)
TOWN = "110112110"


@pytest.fixture
def keeper() -> Person:
    load_types()
    return make_person("keeper")


def all_at_once(works: list[Callable[[], None]]) -> None:
    together = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        together.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_list_imported_by_four_at_once_is_on_the_register_once(keeper: Person) -> None:
    drafts = [VenueDraft(f"店{number}", "shop" if number % 2 else "market", TOWN) for number in range(20)]
    made: list[int] = []

    def take() -> None:
        made.append(sum(fresh for _venue, fresh in record_venues(by=keeper, now=NOON, drafts=drafts)))

    all_at_once([take] * 4)
    assert sorted(made) == [0, 0, 0, 20]
    assert Venue.objects.count() == VenueText.objects.count() == 20


def test_one_venue_sent_by_four_at_once_is_one(keeper: Person) -> None:
    statuses: list[int] = []
    body = json.dumps({"name": "好味面馆", "venue_type": "shop", "jurisdiction": TOWN})

    def send() -> None:
        client = Client(raise_request_exception=False)
        client.force_login(keeper)
        address = "/api/v1/venues/00000000-0000-0000-0000-00000000000b"
        statuses.append(client.put(address, body, content_type="application/json").status_code)

    all_at_once([send] * 4)
    assert set(statuses) <= {200, 201}
    assert Venue.objects.count() == 1
    assert AuditRecord.objects.filter(action="record_venue").count() == 1


def test_of_edits_from_one_page_at_once_one_is_made(keeper: Person) -> None:
    venue = record_venue(by=keeper, now=NOON, name="好味面馆", kind="shop", jurisdiction=TOWN)
    seen, statuses = mark_of(venue), []

    def edit(number: int) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(keeper)
        body = json.dumps({"address": f"{number}号", "seen": seen})
        statuses.append(client.patch(f"/api/v1/venues/{venue.pk}", body, content_type="application/json").status_code)

    all_at_once([lambda number=number: edit(number) for number in range(4)])  # type: ignore[misc]
    assert sorted(statuses) == [200, 409, 409, 409]
    assert AuditRecord.objects.filter(action="edit_venue").count() == 1
