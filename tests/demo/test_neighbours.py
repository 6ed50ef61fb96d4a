"""The page's entrances as the demo tells them: from the meeting to the cleared stairwell, and once alone."""

from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.test import Client

from duban.access.models import Person
from duban.commons.deliberation import shown
from duban.commons.models import Comment, Household, Problem, SharedPlace, Topic
from duban.core import clock
from duban.core.models import AuditRecord
from duban.decisions.models import Meeting
from duban.demo import neighbours
from duban.demo.builders import make_person
from duban.ledger.models import Entry, Event

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


def test_the_stairwells_went_the_whole_way(people: dict[str, Person]) -> None:
    topic = Topic.objects.select_related("meeting", "place").get(state="closed")
    problems, decided = shown.problems_of(topic, NOW), shown.decisions_of(topic.meeting, NOW)
    # The 60 works are told by the partners, who are not asked here.
    undone = [step.key for step in shown.life_of(topic, problems, decided) if not step.done]
    assert undone == []
    assert all(one.problem.answer for one in problems)
    assert [one.is_pair for one in problems] == [True, False, False, False]
    assert (Entry.objects.get().state, topic.meeting and topic.meeting.state) == ("closed", "approved")
    assert decided[0].decision.pk == neighbours.WORKS
    vote = topic.votes.get()
    assert (vote.result["winner"], vote.result["turnout"], vote.result["households"]) == ("calligraphy", 25, 36)
    assert topic.meeting is not None
    assert topic.meeting.attendance.exclude(sealed=None).count() == len(neighbours.RESIDENTS)


def test_told_twice_it_is_told_once(people: dict[str, Person]) -> None:
    tables = (SharedPlace, Household, Topic, Problem, Comment, Meeting, Entry, Event, AuditRecord)
    before = [table._default_manager.count() for table in tables]
    neighbours.tell(people=people, now=NOW)
    assert [table._default_manager.count() for table in tables] == before
    assert AuditRecord.objects.filter(at__gt=NOW).count() == 0


def test_its_pages_tell_of_no_resident(people: dict[str, Person]) -> None:
    client = Client()
    addresses = [f"/n/{place.token}/" for place in SharedPlace.objects.all()]
    for address in [*addresses, *(f"/topics/{topic.pk}/" for topic in Topic.objects.all())]:
        page = client.get(address).content.decode()
        assert not [name for name in neighbours.RESIDENTS if name in page], address
    assert "我们开会" in client.get(f"/n/{SharedPlace.objects.get(name='艺苑西里').token}/").content.decode()
