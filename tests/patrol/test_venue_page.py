"""A venue's page: what stands open, who was there, whom it shows to, and how much it asks of the database."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.reading import text_of

from duban.access.models import Person
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.patrol.importing import import_inspections
from duban.patrol.models import Failure, Visit, VisitState
from duban.patrol.venue_page import PAGE_SIZE
from duban.venues.actions import close_venue, record_venue
from duban.venues.contact import Contact
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
TOWN, OTHER = "110112110", "110112106"
HEAD = "venue,venue_type,lon,lat,jurisdiction,visited_at,item,result,note\n"


@pytest.fixture
def supervisor() -> Person:
    return make_person("supervisor", "supervisor", "110112", name="沈督")


@pytest.fixture
def open_page() -> Callable[..., str]:
    def opened(person: Person, venue: Venue, query: str = "") -> str:
        client = Client(headers={"accept-language": "en"})
        client.force_login(person)
        return client.get(f"/patrol/venues/{venue.pk}/{query}").content.decode()

    return opened


def visited(by: Person, *answers: tuple[str, str, str], place: str = TOWN, name: str = "好味面馆") -> Venue:
    """The venue, after visits on these days with these results of these items."""
    rows = "".join(f"{name},restaurant,116.8,39.8,{place},{day},{item},{result},\n" for day, item, result in answers)
    import_inspections(by=by, now=NOON, data=(HEAD + rows).encode(), name="a.csv")
    return Venue.objects.get(name=name)


def section(page: str, title: str) -> str:
    """The words of the section with this heading."""
    found = re.search(rf'<h2 id="{title}-title">.*?</section>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def test_what_stands_open_what_was_mended_and_each_visit_are_told(
    supervisor: Person, open_page: Callable[..., str]
) -> None:
    venue = visited(
        supervisor,
        ("2021-01-12 09:00", "masks", "fail"),
        ("2021-01-12 09:00", "smoking", "fail"),
        ("2021-01-15 09:00", "masks", "pass"),
        ("2021-01-15 09:00", "smoking", "not_inspected"),
        ("2021-01-15 09:00", "ventilation", "na"),
    )
    page = open_page(supervisor, venue)
    assert "smoking indoors" in section(page, "standing")
    assert "masks" not in section(page, "standing")
    assert "people without masks" in section(page, "mended")
    visits = section(page, "visits")
    assert visits.index("15 Jan") < visits.index("12 Jan")
    assert "nothing of 1 item" in visits
    assert "2 of 2" in visits
    assert "沈督" in visits


def test_a_venue_that_nobody_visited_says_so(supervisor: Person, open_page: Callable[..., str]) -> None:
    venue = record_venue(by=supervisor, now=NOON, name="新店", kind="shop", jurisdiction=TOWN)
    page = open_page(supervisor, venue)
    assert "Nobody has visited it yet" in page
    assert "Nothing stands open here" in page
    assert "Nobody has set its position yet" in page
    assert f"/patrol/visits/start/{venue.pk}/" in page
    close_venue(by=supervisor, now=NOON, venue_id=venue.pk)
    page = open_page(supervisor, venue)
    assert "/patrol/visits/start/" not in page
    assert "there is nothing to scan" in page
    assert "Open it again" in page


@pytest.mark.parametrize(
    ("role", "visits", "starts", "keeps", "contact"),
    [
        ("inspector", True, True, True, "张**"),
        ("supervisor", True, True, True, "张**"),
        ("handler", True, False, False, ""),
        ("leader", True, False, False, ""),
        ("publisher", False, False, False, ""),
        ("administrator", False, False, False, ""),
    ],
)
def test_each_role_sees_what_is_its_own(
    supervisor: Person, open_page: Callable[..., str], role: str, visits: bool, starts: bool, keeps: bool, contact: str
) -> None:
    known = Contact("张建国", "13800001234")
    venue = record_venue(by=supervisor, now=NOON, name="好味面馆", kind="restaurant", jurisdiction=TOWN, contact=known)
    visited(supervisor, ("2021-01-12 09:00", "masks", "fail"))
    page = open_page(make_person("reader", role, TOWN), venue)
    assert ("people without masks" in page) == visits
    assert ("/patrol/visits/start/" in page) == starts
    assert (f"/venues/{venue.pk}/edit/" in page) == keeps
    assert ("张**" in page) == bool(contact)
    assert "张建国" not in page
    assert "1380000" not in page
    assert not AuditRecord.objects.filter(action="open_contact").exists()


def test_a_venue_of_another_area_is_not_there(supervisor: Person) -> None:
    venue = visited(supervisor, ("2021-01-12 09:00", "masks", "fail"), place=OTHER)
    client = Client(headers={"accept-language": "en"})
    client.force_login(make_person("elsewhere", "supervisor", TOWN))
    hidden, absent = (client.get(f"/patrol/venues/{key}/") for key in (venue.pk, uuid.UUID(int=5)))
    assert hidden.status_code == absent.status_code == 404
    assert text_of(hidden) == text_of(absent).replace(str(uuid.UUID(int=5)), str(venue.pk))


def finished_at(venue: Venue, moments: list[datetime]) -> None:
    Visit.objects.bulk_create(
        Visit(
            id=uuid.uuid4(), venue=venue, state=VisitState.FINISHED, inspector={"name": "周巡"}, username="zhou",
            jurisdiction=venue.jurisdiction, town=venue.town, visited_at=at, finished_at=at,
        )
        for at in moments
    )  # fmt: skip


def test_the_history_goes_by_pages_each_visit_once(
    supervisor: Person, open_page: Callable[..., str], django_assert_max_num_queries: Any
) -> None:
    venue = record_venue(by=supervisor, now=NOON, name="老店", kind="shop", jurisdiction=TOWN, lon=116.8, lat=39.8)
    moments = [NOON + timedelta(days=number // 3) for number in range(2 * PAGE_SIZE + 3)]
    finished_at(venue, moments)
    shown: list[str] = []
    query, pages = "", []
    while True:
        with django_assert_max_num_queries(32):
            page = open_page(supervisor, venue, query)
        pages.append(page)
        shown += re.findall(r'data-open href="/patrol/visits/([0-9a-f-]{36})/"', page)
        older = re.search(r'rel="next" href="(\?cursor=[\w-]+)#visits"', page)
        if older is None:
            break
        query = older[1]
    assert len(pages) == 3
    assert len(shown) == len(set(shown)) == len(moments)
    back = re.search(r'rel="prev" href="(\?cursor=[\w-]+)#visits"', pages[2])
    assert back is not None
    assert re.findall(r"visits/([0-9a-f-]{36})/", open_page(supervisor, venue, back[1])) == re.findall(
        r"visits/([0-9a-f-]{36})/", pages[1]
    )


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJvbGRlciIsIjIwMjEiLDFd", "bnVsbA"])
def test_a_page_that_is_not_there_is_refused(supervisor: Person, cursor: str) -> None:
    venue = record_venue(by=supervisor, now=NOON, name="老店", kind="shop", jurisdiction=TOWN)
    client = Client(headers={"accept-language": "en"})
    client.force_login(supervisor)
    answer = client.get(f"/patrol/venues/{venue.pk}/?cursor={cursor}")
    assert answer.status_code == 400
    assert "bad_cursor" in answer.content.decode()


def test_many_failures_take_no_more_queries_than_few(
    supervisor: Person, open_page: Callable[..., str], django_assert_max_num_queries: Any
) -> None:
    items = ("masks", "smoking", "ventilation", "thermometer", "temperature", "disinfection", "code_scan")
    venue = visited(supervisor, *(("2021-01-12 09:00", item, "fail") for item in items))
    assert Failure.objects.filter(closed_at=None).count() == len(items)
    with django_assert_max_num_queries(32):
        page = open_page(supervisor, venue)
    assert len(set(re.findall(r"110112-2021-\d{6}", page))) == len(items)
