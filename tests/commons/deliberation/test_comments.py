"""Households talk with their invitation under names that they choose; a hidden word leaves its reason in its place."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import translation
from tests.commons.deliberation.building import LATER, MET, Neighbourhood, make_neighbourhood, refused

from duban.commons.deliberation import actions, comments, places, shown
from duban.commons.deliberation.comments import comment
from duban.commons.models import Comment, Topic
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def topic(home: Neighbourhood) -> Topic:
    return home.topic()


def say(topic: Topic, by: object, text: str = "我同意", **more: object) -> Comment:
    return comment(now=MET, topic_id=topic.pk, by=by, text=text, **more)  # type: ignore[arg-type]


def test_an_invitation_opens_the_topics_of_its_door_and_of_what_that_lies_in(home: Neighbourhood) -> None:
    household = home.doors[0][0]
    for place in (home.entrance, home.building, home.estate):
        assert say(home.topic(place, place.name), household).household == household
    other = places.make_place(by=home.worker, now=NOON, kind="entrance", name="1单元", within_id=home.building.pk)
    assert refused(lambda: say(home.topic(other, "别的"), household)) == "topic_not_found"
    assert refused(lambda: comment(now=MET, topic_id=uuid.uuid4(), by=household, text="x")) == "topic_not_found"


def test_answers_belong_to_the_thread_that_they_hang_on(home: Neighbourhood, topic: Topic) -> None:
    root = say(topic, home.doors[0][0], "灯坏了", pen_name="二楼邻居")
    first = say(topic, home.worker, "已报修", parent_id=root.pk)
    second = say(topic, home.doors[1][0], "谢谢", parent_id=first.pk)
    assert (root.root_id, first.root_id, second.root_id) == (None, root.pk, root.pk)
    with translation.override("en"):
        names = [shown.name_of(one) for one in (root, first, second)]
    assert names == ["二楼邻居", "community worker", "a household"]
    # A door that is taken out leaves its words, which are nobody of the office's.
    home.doors[1][0].delete()
    second.refresh_from_db()
    with translation.override("en"):
        assert (second.household, shown.name_of(second)) == (None, "a household")
    foreign = say(home.topic(home.estate, "别的"), home.worker)
    assert refused(lambda: say(topic, home.worker, parent_id=foreign.pk)) == "comment_not_found"
    comments.hide_comment(by=home.worker, now=MET, comment_id=root.pk, reason="广告")
    assert refused(lambda: say(topic, home.worker, parent_id=root.pk)) == "comment_not_found"


def test_a_replay_says_nothing_twice_and_another_word_under_the_same_id_is_not_lost(
    home: Neighbourhood, topic: Topic
) -> None:
    key, (first, second) = uuid.uuid4(), (home.doors[0][0], home.doors[1][0])
    once = say(topic, first, comment_id=key)
    assert say(topic, first, comment_id=key) == once
    assert Comment.objects.count() == 1
    assert refused(lambda: say(topic, first, "另一句", comment_id=key)) == "comment_conflict"
    assert refused(lambda: say(topic, second, comment_id=key)) == "comment_conflict"


def test_a_household_says_so_much_a_day_and_no_more(home: Neighbourhood, topic: Topic) -> None:
    household = home.doors[0][0]
    for number in range(comments.A_DAY):
        say(topic, household, f"第{number}句")
    assert refused(lambda: say(topic, household)) == "too_many_comments"
    say(topic, home.doors[1][0])
    comment(now=MET + timedelta(days=1), topic_id=topic.pk, by=household, text="新的一天")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"text": " "}, "comment_text"),
        ({"text": "长" * 2001}, "comment_text"),
        ({"text": "坏\x00"}, "bad_text"),
        ({"pen_name": "长" * 31}, "pen_name"),
        ({"text": "打我电话13800138000吧"}, "personal_number"),
        ({"text": "１３８-００１３-８０００"}, "personal_number"),
        ({"text": "身份证11010519491231002X"}, "personal_number"),
        ({"pen_name": "13800138000"}, "personal_number"),
    ],
)
def test_what_no_comment_may_be(home: Neighbourhood, topic: Topic, facts: dict[str, str], code: str) -> None:
    assert refused(lambda: say(topic, home.doors[0][0], **facts)) == code
    assert not Comment.objects.exists()


@pytest.mark.parametrize("text", ["物业电话010-69540000", "编号110112-2021-000056", "2021-01-05 19:30", "25户"])
def test_numbers_that_are_nobodys_own_may_stand(home: Neighbourhood, topic: Topic, text: str) -> None:
    assert say(topic, home.doors[0][0], text).text == text


def test_nobody_talks_on_about_what_is_closed(home: Neighbourhood, topic: Topic) -> None:
    actions.close_topic(by=home.worker, now=MET, topic_id=topic.pk)
    assert refused(lambda: say(topic, home.doors[0][0])) == "topic_closed"
    assert refused(lambda: say(topic, home.worker)) == "topic_closed"


def test_a_word_is_hidden_with_its_reason_and_shown_again(home: Neighbourhood, topic: Topic) -> None:
    said = say(topic, home.doors[0][0])
    hide = {"by": home.worker, "comment_id": said.pk}
    assert refused(lambda: comments.hide_comment(now=MET, reason=" ", **hide)) == "reason_missing"
    comments.hide_comment(now=MET, reason="含人身攻击", **hide)
    assert comments.hide_comment(now=LATER, reason="又", **hide).hidden_at == MET
    supervisor = make_person("super", "supervisor", "110112")
    assert refused(lambda: comments.show_comment(by=supervisor, now=LATER, comment_id=said.pk)) == "not_allowed"
    stranger = make_person("stranger", "community_worker", "110112106")
    assert refused(lambda: comments.show_comment(by=stranger, now=LATER, comment_id=said.pk)) == "comment_not_found"
    assert comments.show_comment(by=home.worker, now=LATER, comment_id=said.pk).hidden_for == ""


def test_pages_of_threads_hold_each_once_in_their_order(home: Neighbourhood, topic: Topic) -> None:
    # All within one second, and some at the same moment.
    for number in range(45):
        comment(now=MET + timedelta(seconds=number // 3), topic_id=topic.pk, by=home.worker, text=f"第{number}")
    seen, before = [], ""
    while True:
        page = shown.threads_of(topic, before)
        seen += [thread.root.pk for thread in page.threads]
        if not page.later:
            break
        before = page.later
    assert seen == list(topic.comments.order_by("-at", "-pk").values_list("pk", flat=True))
    assert len(shown.threads_of(topic, "no key").threads) == shown.THREADS


def test_a_long_thread_shows_its_first_answers_and_all_on_its_own_page(home: Neighbourhood, topic: Topic) -> None:
    root = parent = say(topic, home.worker, "开始")
    for number in range(shown.ANSWERS + 5):
        parent = comment(
            now=MET + timedelta(minutes=number + 1), topic_id=topic.pk, by=home.worker, text=f"答{number}",
            parent_id=parent.pk,
        )  # fmt: skip
    thread = shown.threads_of(topic).threads[0]
    assert (len(thread.lines), thread.answers, thread.more) == (shown.ANSWERS + 1, shown.ANSWERS + 5, 5)
    assert max(line.depth for line in thread.lines) == shown.DEEPEST
    lines, later = shown.thread_page(root, size=20)
    more, end = shown.thread_page(root, later, size=20)
    assert [line.comment.text for line in lines + more] == [f"答{number}" for number in range(shown.ANSWERS + 5)]
    assert end == ""


@pytest.mark.django_db(transaction=True)
def test_one_word_sent_several_times_at_once_is_said_once() -> None:
    home = make_neighbourhood(1)
    topic, key, household = home.topic(), uuid.uuid4(), home.doors[0][0]

    def press(_turn: int) -> uuid.UUID:
        try:
            return say(topic, household, comment_id=key).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(press, range(4))) == {key}
    assert Comment.objects.count() == 1
