"""Lists of needs, agreements and votes: every row once, page after page and back, and a cursor that is none."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from tests.commons.building import COMMUNITY, make_place, make_topic

from duban.access.models import Person
from duban.commons.models import Pairing, PostedNeed, Vote
from duban.core import clock
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
MANY = 117
DAY = date(2021, 2, 10)
NAMES = [f"第{n:03d}号" for n in range(MANY)]
LISTS = [
    "/commons/needs/",
    "/commons/needs/?show=closed",
    "/needs/",
    "/commons/pairings/",
    "/commons/pairings/?show=over",
    "/commons/votes/",
    "/commons/votes/?show=closed",
]


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    """As many of everything, of which many fall on one day."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    worker = make_person("worker", "community_worker")
    needs(worker, closed=False)
    needs(worker, closed=True)
    by = worker.as_actor()
    days = [DAY - timedelta(days=100 + n // 9) for n in range(MANY)]
    for until, word in ((None, ""), (date(2021, 1, 1), "旧")):
        Pairing.objects.bulk_create(
            Pairing(jurisdiction=COMMUNITY, partner=word + name, signed_on=day, until=until, made_by=by)
            for name, day in zip(NAMES, days, strict=True)
        )
    topic = make_topic(make_place(), worker)
    Vote.objects.bulk_create(
        Vote(
            topic=topic, question=name, options=[], rule="majority", quorum_percent=0, secret=False, made_by=by,
            abstentions_count=True, opens_at=NOON - timedelta(days=9, hours=n // 9), closes_at=NOON, closed_at=NOON,
        )
        for n, name in enumerate(NAMES)
    )  # fmt: skip
    client = Client(headers={"accept-language": "en"})
    client.force_login(worker)
    return client


def needs(worker: Person, *, closed: bool) -> None:
    PostedNeed.objects.bulk_create(
        PostedNeed(
            jurisdiction=COMMUNITY, title=name, unit="个", target=5, due_on=DAY + timedelta(days=n // 9),
            posted_by=worker.as_actor(), posted_at=NOON, closed_at=NOON + timedelta(hours=n // 9) if closed else None,
        )
        for n, name in enumerate(NAMES)
    )  # fmt: skip


def page_of(client: Client, address: str) -> tuple[list[str], dict[str, str]]:
    """The names on the page in their order, and where its links lead."""
    page = client.get(address).content.decode()
    rows = page.partition("Done, with thanks")[0]
    links = {way: link.replace("&amp;", "&") for way, link in re.findall(r'rel="(prev|next)" href="([^"]+)"', page)}
    return re.findall(r"第\d{3}号", rows), {way: address.partition("?")[0] + link for way, link in links.items()}


@pytest.mark.parametrize("address", LISTS)
def test_every_row_is_there_once_there_and_back(desk: Client, address: str) -> None:
    names, links = page_of(desk, address)
    assert "prev" not in links
    pages, last = [names], {}
    while "next" in links:
        names, links = page_of(desk, last := links["next"])
        pages.append(names)
    assert last
    assert sorted(name for page in pages for name in page) == NAMES
    for page in pages[-2::-1]:
        names, links = page_of(desk, links["prev"])
        assert names == page


@pytest.mark.parametrize("address", LISTS)
def test_a_cursor_that_is_none_is_refused(desk: Client, address: str) -> None:
    answer = desk.get(address, {"cursor": "nonsense"})
    assert answer.status_code == 400
    assert "bad_cursor" in answer.content.decode()
