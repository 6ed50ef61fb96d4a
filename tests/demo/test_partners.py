"""The page's 60 works by two partners, and the vote that stands open, as the demo tells them: once alone."""

from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.test import Client

from duban.access.models import Person
from duban.commons.models import Delivery, Pairing, PaperCount, Pledge, PostedNeed, Vote, Voted
from duban.commons.pairing import queries
from duban.commons.voting.queries import household_of
from duban.core import clock
from duban.demo import ballots, neighbours, partners
from duban.demo.builders import make_person
from duban.demo.story import beijing

pytestmark = pytest.mark.django_db
NOW = datetime(2021, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> dict[str, Person]:
    cache.clear()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    roles = {"supervisor": "supervisor", "supervisor2": "supervisor", "handler": "handler"}
    made = {name: make_person(name, role) for name, role in roles.items()}
    made["community_worker"] = make_person("community_worker", "community_worker", neighbours.TOWN)
    neighbours.tell(people=made, now=NOW)
    return made


def tell(people: dict[str, Person]) -> str:
    partners.add_partners(people=people, posted=beijing(13, 15), now=NOW)
    return ballots.ask_neighbours(people=people, now=NOW)


def test_sixty_works_of_two_partners_carry_the_decision_out(people: dict[str, Person]) -> None:
    tell(people)
    need = PostedNeed.objects.get(decision=neighbours.WORKS)
    assert queries.bars_of([need])[need.pk] == queries.Bar(60, 60, 60, 60)
    assert [(one.partner, one.number) for one in queries.brought_to(need)] == [
        (partners.SCHOOL, 40),
        (partners.CENTRE, 20),
    ]
    assert set(Pairing.objects.values_list("partner", flat=True)) == {partners.SCHOOL, partners.CENTRE}
    page = Client().get(f"/needs/{need.pk}/").content.decode()
    assert need.thanks[:10] in page
    assert "010695" not in page


def test_the_vote_stands_open_and_the_invitation_has_not_voted(people: dict[str, Person]) -> None:
    secret = tell(people)
    vote = Vote.objects.get(closed_at=None)
    assert not Voted.objects.filter(vote=vote, household=household_of(secret)).exists()
    answer = Client().get(f"/vote/{secret}/")
    assert answer["Location"] == f"/vote/{secret}/{vote.pk}/"


def test_told_twice_it_is_told_once(people: dict[str, Person]) -> None:
    tables = (PostedNeed, Pledge, Delivery, Pairing, Vote, Voted, PaperCount)
    tell(people)
    before = [table._default_manager.count() for table in tables]
    tell(people)
    assert [table._default_manager.count() for table in tables] == before
