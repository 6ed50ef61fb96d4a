"""What an invitation opens: two taps and a vote, no more than one, nothing of it in logs, caches or search engines."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from tests.commons.building import make_households, make_place, make_topic
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.guests import TRIES
from duban.commons.models import Household, Vote, Voted
from duban.commons.voting import actions
from duban.commons.voting.actions import VoteRules
from duban.core import clock
from duban.core.quiet import HideSecrets
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=3)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture
def phone(db: None) -> Client:
    return Client(headers={"accept-language": "en"})


def asked(worker: Person, opens: Any = NOON, question: str = "放长椅吗?", **rules: Any) -> tuple[Vote, list[Any]]:
    place = make_place(question)
    doors = make_households(place, 3)
    vote = actions.make_vote(
        by=worker, now=NOON, topic_id=make_topic(place, worker).pk, question=question, rules=VoteRules(**rules),
        opens_at=opens, closes_at=LATER,
    )  # fmt: skip
    return vote, doors


def test_choose_confirm_thanks(worker: Person, phone: Client) -> None:
    vote, doors = asked(worker, secret=True)
    household, secret = doors[0]
    opened = phone.get(f"/vote/{secret}/")
    page = f"/vote/{secret}/{vote.pk}/"
    assert (opened.status_code, opened["Location"]) == (302, page)
    words = text_of(phone.get(page))
    assert "This vote is secret" in words
    assert words.index('value="yes"') < words.index('value="no"') < words.index('value="abstain"')
    sure = phone.post(page, {"choice": "no"})
    assert '<p class="chosen">no</p>' in text_of(sure)
    assert not Voted.objects.exists()
    done = phone.post(page, {"choice": "no", "sure": "1"})
    assert (done.status_code, done["Location"]) == (302, f"{page}?thanks=1")
    assert "Thank you" in text_of(phone.get(done["Location"]))
    assert Voted.objects.get().household == household
    for answer in (opened, sure, done, phone.get(page)):
        assert answer["Cache-Control"] == "no-store"
        assert "noindex" in answer["X-Robots-Tag"]
    # Nothing to vote is left, so the invitation opens the list.
    assert "Nothing waits" in text_of(phone.get(f"/vote/{secret}/"))


@pytest.mark.parametrize("secret_vote", [False, True])
def test_a_second_press_and_a_second_mind_change_nothing(worker: Person, phone: Client, secret_vote: bool) -> None:
    vote, doors = asked(worker, secret=secret_vote)
    page = f"/vote/{doors[0][1]}/{vote.pk}/"
    for choice in ("yes", "yes", "no"):
        answer = phone.post(page, {"choice": choice, "sure": "1"}, follow=True)
        assert answer.status_code == 200
        assert "household" in text_of(answer)
    assert "Each household votes once." in text_of(answer)
    assert actions.recount(Vote.objects.get(pk=vote.pk))[0] == {"yes": 1, "no": 0, "abstain": 0}
    # The page never says what was chosen.
    assert 'class="chosen"' not in text_of(phone.get(page))


@pytest.mark.parametrize(
    "sent", [{"choice": "maybe"}, {"sure": "1"}, {"choice": "", "sure": "1"}, {"choice": "是\x00"}]
)
def test_no_choice_is_asked_for_again(worker: Person, phone: Client, sent: dict[str, str]) -> None:
    vote, doors = asked(worker)
    answer = phone.post(f"/vote/{doors[0][1]}/{vote.pk}/", sent)
    assert (answer.status_code, "bad_choice" in text_of(answer)) == (400, True)
    assert not Voted.objects.exists()


def test_before_and_after_it_is_open(worker: Person, phone: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    vote, doors = asked(worker, opens=NOON + timedelta(hours=1))
    page = f"/vote/{doors[0][1]}/{vote.pk}/"
    assert "not open yet" in text_of(phone.get(page))
    assert phone.post(page, {"choice": "yes", "sure": "1"}).status_code == 409
    monkeypatch.setattr(clock, "now", lambda: LATER)
    words = text_of(phone.get(page))
    assert "This vote is over." in words
    assert '<button type="submit" class="btn" name="choice"' not in words
    assert phone.post(page, {"choice": "yes", "sure": "1"}).status_code == 409
    assert not Voted.objects.exists()
    actions.close_vote(by=worker, now=LATER, vote_id=vote.pk)
    assert "Not carried" in text_of(phone.get(page))


def test_an_invitation_opens_its_own_votes_alone(worker: Person, phone: Client) -> None:
    vote, doors = asked(worker)
    other, _doors = asked(worker, question="装灯吗?")
    assert phone.get(f"/vote/{doors[0][1]}/{other.pk}/").status_code == 404
    assert phone.post(f"/vote/{doors[0][1]}/{other.pk}/", {"choice": "yes", "sure": "1"}).status_code == 404
    assert phone.get(f"/vote/nobody/{vote.pk}/").status_code == 404
    actions.renew_invitation(by=worker, now=NOON, household_id=doors[0][0].pk)
    assert phone.get(f"/vote/{doors[0][1]}/{vote.pk}/").status_code == 404


def test_several_votes_are_listed(worker: Person, phone: Client) -> None:
    vote, doors = asked(worker)
    second = actions.make_vote(
        by=worker,
        now=NOON,
        topic_id=vote.topic_id,
        question="刷墙吗?",
        rules=VoteRules(),
        opens_at=NOON,
        closes_at=LATER,
    )
    words = text_of(phone.get(f"/vote/{doors[0][1]}/"))
    for one in (vote, second):
        assert f"/vote/{doors[0][1]}/{one.pk}/" in words
    assert "door 1" in words
    actions.cast_vote(household=doors[0][0], now=NOON, vote_id=vote.pk, choice="yes")
    assert phone.get(f"/vote/{doors[0][1]}/")["Location"].endswith(f"/{second.pk}/")
    assert "Your household has voted." in text_of(phone.get(f"/vote/{doors[0][1]}/?all=1"))


def test_who_guesses_waits(worker: Person, phone: Client) -> None:
    _vote, doors = asked(worker)
    for number in range(TRIES):
        assert phone.get(f"/vote/guess{number}/").status_code == 404
    assert phone.get("/vote/guess/").status_code == 429
    assert phone.get(f"/vote/{doors[0][1]}/").status_code == 429


def test_no_log_shows_an_invitation(worker: Person, phone: Client, caplog: pytest.LogCaptureFixture) -> None:
    vote, doors = asked(worker)
    secret = doors[0][1]
    caplog.handler.addFilter(HideSecrets(django_settings.SECRET_ADDRESSES))
    with caplog.at_level(logging.DEBUG):
        phone.get(f"/vote/{secret}/none/")
        phone.post(f"/vote/{secret}/{vote.pk}/", {"choice": "maybe"})
        phone.get(f"/vote/{secret}x/")
    assert "/vote/…" in caplog.text
    assert secret not in caplog.text


def test_no_other_door_stands_on_the_page(worker: Person, phone: Client) -> None:
    vote, doors = asked(worker)
    Household.objects.filter(pk=doors[1][0].pk).update(door="邻居907")
    actions.cast_vote(household=doors[1][0], now=NOON, vote_id=vote.pk, choice="no")
    for address in (f"/vote/{doors[0][1]}/?all=1", f"/vote/{doors[0][1]}/{vote.pk}/"):
        assert "邻居907" not in text_of(phone.get(address))
