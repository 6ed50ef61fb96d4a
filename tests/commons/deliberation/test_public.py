"""Pages for anybody: an entrance's own, a topic's, and a household's with its invitation; no resident is on any."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.commons.building import COMMUNITY
from tests.commons.deliberation.building import LATER, MET, RESIDENT, Neighbourhood

from duban.commons.deliberation import actions, comments, places, problems
from duban.commons.guests import TRIES
from duban.commons.models import Comment, Topic
from duban.core import clock
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee
from duban.demo.builders import NOON, make_person, make_photo
from duban.ledger import actions as ledger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(clock, "now", lambda: LATER)


@pytest.fixture
def anybody() -> Client:
    return Client(headers={"accept-language": "en"})


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def seen(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, words(answer)[:2000]
    return words(answer)


def lived(home: Neighbourhood) -> Topic:
    """A topic with all that one can have, minutes not approved yet."""
    topic = home.topic()
    photo = make_photo(1, by=home.worker)
    problem = problems.list_problem(by=home.worker, now=NOON, topic_id=topic.pk, text="堆放旧家具", photo=photo)
    problems.list_problem(by=home.worker, now=NOON, topic_id=topic.pk, text="灯坏")
    home.held(topic, [RESIDENT, "司徒某"])
    problems.problem_to_entry(by=home.worker, now=MET, problem_id=problem.pk, category="06036")
    problems.answer_problem(by=home.worker, now=MET, problem_id=problem.pk, answer="周六清理")
    actions.decide_topic(
        by=home.worker, now=LATER, topic_id=topic.pk, text="一起清理", vote_id=home.vote(topic, ["yes", "yes"]).pk,
        problems=[problem.pk],
    )  # fmt: skip
    comments.comment(now=MET, topic_id=topic.pk, by=home.doors[0][0], text="支持", pen_name="二楼邻居")
    meeting = actions.meeting_of(Topic.objects.select_related("meeting").get(pk=topic.pk))
    decisions.write_minutes(by=home.worker, now=LATER, meeting_id=meeting.pk, minutes="纪要：周六清理楼道")
    return topic


def everywhere(home: Neighbourhood, topic: Topic) -> list[str]:
    root = topic.comments.filter(root=None).get()
    places = [f"/n/{place.token}/" for place in (home.entrance, home.building, home.estate)]
    own = f"/talk/{home.doors[0][1]}/"
    return [*places, f"/topics/{topic.pk}/", f"/topics/{topic.pk}/threads/{root.pk}/", own, f"{own}{topic.pk}/"]


def test_no_page_shows_a_resident_nor_a_door_nor_who_wrote(home: Neighbourhood, anybody: Client) -> None:
    topic = lived(home)
    door = "丙门九九九"
    home.doors[1][0].door = door
    home.doors[1][0].save()
    comments.comment(
        now=MET, topic_id=topic.pk, by=home.doors[1][0], text="我也支持", parent_id=topic.comments.get().pk
    )
    for approved in (False, True):
        for address in everywhere(home, topic):
            page = seen(anybody, address)
            for secret in (RESIDENT, "司徒某", door, "worker", "社工甲", home.doors[1][1]):
                assert secret not in page, (approved, address, secret)
        if not approved:
            assert "纪要：周六清理楼道" not in seen(anybody, f"/topics/{topic.pk}/")
            assert "李主任" not in seen(anybody, f"/topics/{topic.pk}/")
            decisions.approve_minutes(
                by=home.second, now=LATER, meeting_id=actions.meeting_of(Topic.objects.get(pk=topic.pk)).pk
            )
    page = seen(anybody, f"/topics/{topic.pk}/")
    assert "纪要：周六清理楼道" in page
    assert "李主任" in page
    assert "2 residents" in page


def test_the_entrance_tells_what_is_open_decided_and_done(home: Neighbourhood, anybody: Client) -> None:
    topic, supervisor = lived(home), make_person("super")
    handler = make_person("handler", "handler", COMMUNITY[:9])
    coming = home.topic(home.estate, "小区装灯")
    actions.invite_topic(
        by=home.worker, now=LATER, topic_id=coming.pk, at=LATER + timedelta(days=3), place="凉亭", agenda=["灯"]
    )
    aside = places.make_place(by=home.worker, now=NOON, kind="entrance", name="1单元", within_id=home.building.pk)
    page = seen(anybody, f"/n/{home.entrance.token}/")
    for word in ("小区装灯", "凉亭", "楼门怎么美化", "一起清理", "0 of 1 works done"):
        assert word in page
    assert "/photos/" not in page
    # What the other entrance talks about alone is not this one's affair, what the estate does is.
    assert "楼门怎么美化" not in seen(anybody, f"/n/{aside.token}/")
    assert "小区装灯" in seen(anybody, f"/n/{aside.token}/")
    entry = topic.problems.exclude(entry=None).get().entry
    step: dict[str, Any] = {"now": LATER, "entry_id": entry}
    ledger.list_entry(by=supervisor, **step)
    ledger.assign_entry(by=supervisor, unit=COMMUNITY[:9], **step)
    after = make_photo(7, by=handler)
    ledger.submit_remedy(by=handler, photos=[after], **step)
    assert anybody.get(f"/topics/{topic.pk}/photos/{after}/public/").status_code == 404
    ledger.close_entry(by=supervisor, **step)
    assert after in seen(anybody, f"/n/{home.entrance.token}/")
    answer = anybody.get(f"/topics/{topic.pk}/photos/{after}/public/")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)


def test_photos_are_those_of_the_topic_and_never_the_originals(home: Neighbourhood, anybody: Client) -> None:
    topic = lived(home)
    photo = topic.problems.exclude(photo="").get().photo
    other, foreign = home.topic(home.estate, "别的"), make_photo(2, by=home.worker)
    answer = anybody.get(f"/topics/{topic.pk}/photos/{photo}/thumbnail/")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    for address in (
        f"/topics/{topic.pk}/photos/{photo}/original/",
        f"/topics/{topic.pk}/photos/{foreign}/public/",
        f"/topics/{topic.pk}/photos/none/public/",
        f"/topics/{topic.pk}/photos/%00/public/",
        f"/topics/{other.pk}/photos/{photo}/public/",
        f"/topics/{uuid.uuid4()}/photos/{photo}/public/",
    ):
        assert anybody.get(address).status_code == 404


def test_a_household_says_something_and_answers_somebody(home: Neighbourhood, anybody: Client) -> None:
    topic, (household, secret) = home.topic(), home.doors[0]
    own = f"/talk/{secret}/{topic.pk}/"
    page = seen(anybody, own)
    assert "csrfmiddlewaretoken" in page
    answer = anybody.get(own)
    assert answer["Cache-Control"] == "no-store"
    key = uuid.uuid4()
    wrong = anybody.post(own, {"id": key, "text": " ", "pen_name": "一楼奶奶"})
    assert wrong.status_code == 400
    assert "comment_text" in words(wrong)
    assert 'value="一楼奶奶"' in words(wrong)
    for _press in range(2):
        sent = anybody.post(own, {"id": key, "text": "放门厅里", "pen_name": "一楼奶奶"})
        assert sent.status_code == 302, words(sent)[:2000]
    said = Comment.objects.get()
    assert (said.household, said.pen_name) == (household, "一楼奶奶")
    thanked = seen(anybody, sent["Location"].partition("#")[0])
    assert "Thank you, your words are there." in thanked
    reply = seen(anybody, f"{own}?to={said.pk}")
    assert "Answer 一楼奶奶" in reply
    other = f"/talk/{home.doors[1][1]}/{topic.pk}/"
    assert anybody.post(other, {"id": uuid.uuid4(), "text": "好", "to": str(said.pk)}).status_code == 302
    assert Comment.objects.get(parent=said).household == home.doors[1][0]
    # The public page takes nothing.
    assert "<textarea" not in seen(anybody, f"/topics/{topic.pk}/")
    assert anybody.post(f"/topics/{topic.pk}/", {"text": "x"}).status_code == 405


def test_what_is_closed_takes_no_word_and_shows_no_form(home: Neighbourhood, anybody: Client) -> None:
    topic = home.topic()
    actions.close_topic(by=home.worker, now=LATER, topic_id=topic.pk)
    own = f"/talk/{home.doors[0][1]}/{topic.pk}/"
    assert "<textarea" not in seen(anybody, own)
    answer = anybody.post(own, {"id": uuid.uuid4(), "text": "还有"})
    assert answer.status_code == 409
    assert "topic_closed" in words(answer)


def test_an_invitation_of_elsewhere_opens_nothing_here(home: Neighbourhood, anybody: Client) -> None:
    aside = places.make_place(by=home.worker, now=NOON, kind="entrance", name="1单元", within_id=home.building.pk)
    topic = home.topic(aside, "别家的事")
    assert anybody.get(f"/talk/{home.doors[0][1]}/{topic.pk}/").status_code == 404
    assert "别家的事" not in seen(anybody, f"/talk/{home.doors[0][1]}/")


def test_whoever_guesses_waits(home: Neighbourhood, anybody: Client) -> None:
    for number in range(TRIES):
        assert anybody.get(f"/talk/guess-{number}/").status_code == 404
    assert anybody.get(f"/talk/{home.doors[0][1]}/").status_code == 429


@pytest.mark.parametrize("address", ["/n/nowhere/", f"/topics/{uuid.UUID(int=1)}/", "/n/%00/", "/n/坏/", "/talk/坏/"])
def test_what_is_not_there_is_not_there(home: Neighbourhood, anybody: Client, address: str) -> None:
    assert anybody.get(address).status_code == 404


def test_pages_ask_the_same_few_questions_however_much_is_said(home: Neighbourhood, anybody: Client) -> None:
    topic = lived(home)
    asked = []
    for more in (1, 60):
        for number in range(more):
            comments.comment(now=MET, topic_id=topic.pk, by=home.worker, text=f"话{more}-{number}")
            actions.open_topic(by=home.worker, now=MET, place_id=home.entrance.pk, title=f"题{more}-{number}")
        counts = []
        for address in (f"/n/{home.entrance.token}/", f"/topics/{topic.pk}/"):
            with CaptureQueriesContext(connection) as caught:
                assert anybody.get(address).status_code == 200
            counts.append(len(caught))
        asked.append(counts)
    assert all(after <= before + 1 for before, after in zip(*asked, strict=True))
    assert max(asked[1]) <= 20


def test_officials_stand_there_once_minutes_are_out_and_excused_never(home: Neighbourhood, anybody: Client) -> None:
    topic = home.topic()
    home.invited(topic)
    people = [Attendee("chair", "李主任"), Attendee("excused", "缺席者", resident=True)]
    actions.hold_topic(by=home.worker, now=MET, topic_id=topic.pk, attendance=people)
    meeting = actions.meeting_of(Topic.objects.get(pk=topic.pk))
    decisions.write_minutes(by=home.worker, now=MET, meeting_id=meeting.pk, minutes="纪要")
    decisions.approve_minutes(by=home.second, now=MET, meeting_id=meeting.pk)
    page = seen(anybody, f"/topics/{topic.pk}/")
    assert "李主任" in page
    assert "缺席者" not in page
