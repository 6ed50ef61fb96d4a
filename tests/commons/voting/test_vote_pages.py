"""The desk's pages of votes: rules fixed once, nothing told while it is open, paper counted by two apart."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.commons.building import make_households, make_place, make_topic
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.models import Household, PaperCount, SharedPlace, Topic, Vote, Voted
from duban.commons.voting import actions
from duban.commons.voting.actions import VoteRules
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=3)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOON)


def at(monkeypatch: pytest.MonkeyPatch, moment: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture
def desk(worker: Person) -> Client:
    return client_of(worker)


def client_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def asked(worker: Person, doors: int = 4, **rules: Any) -> tuple[Vote, list[Household]]:
    place = make_place()
    households = [one for one, _secret in make_households(place, doors)]
    vote = actions.make_vote(
        by=worker, now=NOON, topic_id=make_topic(place, worker).pk, question="放长椅吗?", rules=VoteRules(**rules),
        opens_at=NOON, closes_at=LATER,
    )  # fmt: skip
    return vote, households


def form(**changes: str) -> dict[str, str]:
    return {
        "id": str(uuid.uuid4()), "question": "装灯吗?", "options": "", "rule": "majority", "quorum_percent": "50",
        "secrecy": "secret", "abstentions_count": "on", "opens_at": "2021-01-18T12:00", "closes_at": "2021-01-25T18:00",
        **changes,
    }  # fmt: skip


@pytest.fixture
def topic(worker: Person) -> Topic:
    place = make_place()
    make_households(place, 3)
    return make_topic(place, worker)


def test_a_vote_is_made_once_and_as_the_form_says(desk: Client, topic: Topic) -> None:
    sent = form(options="长椅\n\n 路灯 \n油漆", rule="most")
    for _press in range(2):
        answer = desk.post(f"/commons/topics/{topic.pk}/votes/add/", sent)
        assert answer.status_code == 302
    vote = Vote.objects.get()
    assert answer["Location"] == f"/commons/votes/{vote.pk}/"
    assert [one["label"] for one in vote.options] == ["长椅", "路灯", "油漆"]
    assert (vote.secret, vote.quorum_percent, vote.abstentions_count) == (True, 50, True)
    assert vote.closes_at.isoformat() == "2021-01-25T18:00:00+08:00" or vote.closes_at.hour == 10


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"question": " "}, "bad_question"),
        ({"question": "x" * 301}, "bad_question"),
        ({"options": "长椅\n长 椅"}, "bad_options"),
        ({"options": "长椅"}, "bad_options"),
        ({"rule": "most"}, "bad_options"),
        ({"rule": "dictator"}, "invalid_choice"),
        ({"quorum_percent": "101"}, "max_value"),
        ({"quorum_percent": "-1"}, "min_value"),
        ({"quorum_percent": "half"}, "invalid"),
        ({"closes_at": "2021-01-18T11:00"}, "bad_times"),
        ({"closes_at": "tomorrow"}, "bad_times"),
        ({"opens_at": ""}, "bad_times"),
        ({"secrecy": "perhaps"}, "invalid_choice"),
        ({"question": "灯\x00"}, "null_characters_not_allowed"),
    ],
)
def test_a_wrong_form_says_where_and_makes_nothing(
    desk: Client, topic: Topic, change: dict[str, str], code: str
) -> None:
    answer = desk.post(f"/commons/topics/{topic.pk}/votes/add/", form(**change))
    assert answer.status_code == 400
    assert f'<span class="code">{code}</span>' in text_of(answer)
    assert not Vote.objects.exists()


def test_without_households_the_page_sends_to_them(desk: Client, worker: Person) -> None:
    topic = make_topic(make_place("空楼门"), worker)
    words = text_of(desk.get(f"/commons/topics/{topic.pk}/votes/add/"))
    assert f"/commons/places/{topic.place_id}/households/" in words
    assert '<form method="post" novalidate' not in words
    assert desk.post(f"/commons/topics/{topic.pk}/votes/add/", form()).status_code == 400


def test_while_it_is_open_nobody_learns_how_it_stands(desk: Client, worker: Person) -> None:
    vote, households = asked(worker)
    before = counted(desk, vote)
    for one, choice in zip(households, ["yes", "yes", "no"], strict=False):
        actions.cast_vote(household=one, now=NOON, vote_id=vote.pk, choice=choice)
    words = counted(desk, vote)
    assert "3 of 4 households have voted" in words
    assert '<ul class="counts">' not in before + words
    for door in (1, 2, 3):
        assert re.search(rf'<li class="voted"><svg.*?</svg>\s*{door}<', words, re.DOTALL)
    assert re.search(r"<li>4</li>", words)
    assert desk.post(f"/commons/votes/{vote.pk}/close/").status_code == 409
    assert desk.post(f"/commons/votes/{vote.pk}/doors/").status_code == 409
    leader = client_of(make_person("leader", "leader"))
    assert 'class="doors"' not in counted(leader, vote)


def counted(client: Client, vote: Vote, query: str = "") -> str:
    answer = client.get(f"/commons/votes/{vote.pk}/{query}")
    assert answer.status_code == 200
    return text_of(answer)


def test_the_reckoning_stands_on_the_page_and_is_counted_anew(
    desk: Client, worker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote, households = asked(worker, quorum_percent=50)
    for one, choice in zip(households, ["yes", "yes", "no"], strict=False):
        actions.cast_vote(household=one, now=NOON, vote_id=vote.pk, choice=choice)
    at(monkeypatch, LATER)
    assert desk.post(f"/commons/votes/{vote.pk}/close/").status_code == 302
    words = counted(desk, vote)
    assert "Of 4 households 3 have voted: yes 2, no 1, abstain 0." in words
    assert "50% of 4 households, rounded up, are 2." in words
    assert "More than half of 3 is 2 or more; yes has 2." in words
    assert "Carried." in words
    assert "the same result" in counted(desk, vote, "?recount=1")
    Voted.objects.filter(vote=vote, household=households[0]).update(choice="no")
    assert "it is not what stands" in counted(desk, vote, "?recount=1")


def test_who_voted_how_is_told_once_it_is_over_and_looking_is_recorded(
    desk: Client, worker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote, households = asked(worker)
    secret, doors = asked(worker, secret=True)
    actions.cast_vote(household=households[2], now=NOON, vote_id=vote.pk, choice="no")
    actions.cast_vote(household=doors[2], now=NOON, vote_id=secret.pk, choice="no")
    at(monkeypatch, LATER)
    for one in (vote, secret):
        actions.close_vote(by=worker, now=LATER, vote_id=one.pk)
    answer = text_of(desk.post(f"/commons/votes/{vote.pk}/doors/"))
    assert re.search(r"<h3>no</h3>\s*<ul class=\"doors\"><li>3</li></ul>", answer)
    assert AuditRecord.objects.filter(action="open_ballots", subject_id=str(vote.pk)).count() == 1
    refusal = desk.post(f"/commons/votes/{secret.pk}/doors/")
    assert (refusal.status_code, "vote_is_secret" in text_of(refusal)) == (409, True)
    assert "/doors/" not in counted(desk, secret)


def test_paper_by_two_people_who_do_not_see_the_first_count(
    desk: Client, worker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote, _households = asked(worker)
    second = client_of(make_person("second", "community_worker"))
    sent = {"id": str(uuid.uuid4()), "doors": "2,3、4", "count-yes": "2", "count-no": "1", "count-abstain": ""}
    for wrong, code in (
        ({"doors": ""}, "bad_paper"),
        ({"doors": "2 9 4"}, "unknown_door"),
        ({"count-yes": "two"}, "bad_paper"),
        ({"count-yes": "-1", "count-no": "4"}, "bad_paper"),
        ({"count-yes": "99999999"}, "bad_paper"),
        ({"id": "x"}, "bad_id"),
    ):
        answer = desk.post(f"/commons/votes/{vote.pk}/papers/", sent | wrong)
        assert (answer.status_code, code in text_of(answer)) == (400, True), wrong
    for _press in range(2):
        assert desk.post(f"/commons/votes/{vote.pk}/papers/", sent).status_code == 302
    paper = PaperCount.objects.get()
    page = f"/commons/votes/papers/{paper.pk}/"
    assert 'name="count-yes"' not in text_of(desk.get(page))
    assert desk.post(page, {"count-yes": "2", "count-no": "1"}).status_code == 409
    shown = text_of(second.get(page))
    assert 'name="count-yes"' in shown
    assert re.findall(r'name="count-\w+"[^>]*value="(\d+)"', shown) == []
    differs = second.post(page, {"count-yes": "3"}, follow=True)
    assert "something else" in text_of(differs)
    assert not Voted.objects.exists()
    at(monkeypatch, LATER)
    assert desk.post(f"/commons/votes/{vote.pk}/close/").status_code == 409
    assert second.post(page, {"count-yes": "2", "count-no": "1"}).status_code == 302
    assert desk.post(f"/commons/votes/papers/{paper.pk}/discard/").status_code == 409
    assert desk.post(f"/commons/votes/{vote.pk}/close/").status_code == 302
    assert "yes 2, no 1, abstain 0" in counted(desk, vote)


def test_a_vote_is_taken_back_only_while_it_is_untouched(desk: Client, worker: Person) -> None:
    vote, households = asked(worker)
    other, _doors = asked(worker)
    actions.cast_vote(household=households[0], now=NOON, vote_id=vote.pk, choice="no")
    answer = desk.post(f"/commons/votes/{vote.pk}/discard/")
    assert (answer.status_code, "vote_begun" in text_of(answer)) == (409, True)
    assert desk.post(f"/commons/votes/{other.pk}/discard/").status_code == 302
    assert list(Vote.objects.values_list("pk", flat=True)) == [vote.pk]


def test_the_list_asks_few_questions(desk: Client, worker: Person, django_assert_max_num_queries: Any) -> None:
    for _turn in range(12):
        asked(worker, 2)
    with django_assert_max_num_queries(12):
        words = text_of(desk.get("/commons/votes/"))
    assert words.count("data-row") == 12
    for show, rows in (("open", 12), ("over", 0), ("closed", 0)):
        assert text_of(desk.get(f"/commons/votes/?show={show}")).count("data-row") == rows


# ---- households -----------------------------------------------------------------------------------------------------


@pytest.fixture
def place(worker: Person) -> SharedPlace:
    return make_place()


def test_invitations_are_shown_once_and_printed_from_that_page(desk: Client, place: SharedPlace) -> None:
    address = f"/commons/places/{place.pk}/households/"
    answer = desk.post(address, {"doors": "101,102", "floors": "2", "per_floor": "2"})
    assert answer["Cache-Control"] == "no-store"
    words = text_of(answer)
    secrets = re.findall(r"/vote/([\w-]+)/", words)
    assert len(set(secrets)) == 4
    assert set(place.households.values_list("door", flat=True)) == {"101", "102", "201", "202"}
    assert not any(secret in text_of(desk.get(address)) for secret in secrets)
    kept = re.search(r'name="secrets" value="([^"]+)"', words)
    assert kept is not None
    printed = desk.post(f"{address}invitations.pdf", {"secrets": kept[1]})
    assert printed["Content-Type"] == "application/pdf"
    page = text_of(printed)
    for door in ("101", "102", "201", "202"):
        assert f"Door {door}" in page
    assert all(secret in page.replace("\r", "").replace("\n", "").replace("\u200b", "") for secret in secrets)
    # Nothing that is no invitation of this place is printed as one.
    elsewhere = make_place("4单元")
    made = actions.invite_households(
        by=Person.objects.get(username="worker"), now=NOON, place_id=elsewhere.pk, doors=["9"]
    )
    refused = desk.post(f"{address}invitations.pdf", {"secrets": f"{made['9']} nonsense"})
    assert (refused.status_code, "no_invitations" in text_of(refused)) == (400, True)


def test_many_doors_are_printed_in_parts(desk: Client, place: SharedPlace) -> None:
    answer = text_of(desk.post(f"/commons/places/{place.pk}/households/", {"floors": "20", "per_floor": "8"}))
    parts = re.findall(r'name="secrets" value="([^"]+)"', answer)
    assert [len(part.split()) for part in parts] == [120, 40]
    assert place.households.count() == 160
    assert "?page=2" in answer


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "doors_missing"),
        ({"doors": "x" * 21}, "bad_door"),
        ({"floors": "6"}, "bad_floors"),
        ({"floors": "61", "per_floor": "2"}, "bad_floors"),
        ({"floors": "six", "per_floor": "2"}, "bad_floors"),
        ({"floors": "0", "per_floor": "2"}, "bad_floors"),
        ({"doors": "101\x00"}, "bad_door"),
    ],
)
def test_wrong_doors_are_refused_whole(desk: Client, place: SharedPlace, sent: dict[str, str], code: str) -> None:
    answer = desk.post(f"/commons/places/{place.pk}/households/", sent)
    assert (answer.status_code, code in text_of(answer)) == (400, True)
    assert not place.households.exists()


def test_a_lost_invitation_is_renewed_and_a_wrong_door_taken_out(desk: Client, worker: Person) -> None:
    vote, households = asked(worker)
    place = vote.topic.place
    old = households[0].digest
    words = text_of(desk.post(f"/commons/households/{households[0].pk}/renew/"))
    assert len(set(re.findall(r"/vote/([\w-]+)/", words))) == 1
    households[0].refresh_from_db()
    assert households[0].digest != old
    actions.cast_vote(household=households[0], now=NOON, vote_id=vote.pk, choice="yes")
    for household in households[:2]:
        answer = desk.post(f"/commons/households/{household.pk}/remove/")
        assert (answer.status_code, "vote_under_way" in text_of(answer)) == (409, True)
    actions.close_vote(by=worker, now=LATER, vote_id=vote.pk)
    answer = desk.post(f"/commons/households/{households[0].pk}/remove/")
    assert (answer.status_code, "household_voted" in text_of(answer)) == (409, True)
    assert desk.post(f"/commons/households/{households[1].pk}/remove/").status_code == 302
    assert place.households.count() == 3
    renewed = text_of(desk.post(f"/commons/places/{place.pk}/households/renew/"))
    assert len(set(re.findall(r"/vote/([\w-]+)/", renewed))) == 3
    stranger = client_of(make_person("stranger", "community_worker", "110113"))
    for step in ("renew", "remove"):
        assert stranger.post(f"/commons/households/{households[2].pk}/{step}/").status_code == 404


def test_doors_that_come_late_do_not_change_a_vote_that_is_over(
    desk: Client, worker: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = make_place("艺苑西里", kind="estate")
    entrance = make_place("1单元", within=estate)
    make_households(entrance, 2)
    vote = actions.make_vote(
        by=worker, now=NOON, topic_id=make_topic(estate, worker).pk, question="装灯吗?", rules=VoteRules(),
        opens_at=NOON, closes_at=LATER,
    )  # fmt: skip
    doors = f"/commons/places/{entrance.pk}/households/"
    assert desk.post(doors, {"doors": "8"}).status_code == 200
    at(monkeypatch, LATER)
    answer = desk.post(doors, {"doors": "9"})
    assert (answer.status_code, "vote_uncounted" in text_of(answer)) == (409, True)
    assert actions.close_vote(by=worker, now=LATER, vote_id=vote.pk).result["households"] == 3  # type: ignore[index]
    assert desk.post(doors, {"doors": "9"}).status_code == 200
    assert actions.recount(Vote.objects.get(pk=vote.pk))[1].why == "nobody_voted"


def test_a_ballot_says_question_answers_and_rules(desk: Client, worker: Person) -> None:
    vote, _households = asked(worker, secret=True)
    page = text_of(desk.get(f"/commons/votes/{vote.pk}/ballot.pdf"))
    assert page.count("放长椅吗?") == 2
    for words in ("yes", "no", "abstain", "Each household has one vote.", "Do not write your name"):
        assert words in " ".join(page.split())
