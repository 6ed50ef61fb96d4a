"""The public home tells of what neighbours do, and of nothing that is over, full or called off."""

from datetime import timedelta

import pytest
from django.test import Client
from tests.commons.building import COMMUNITY, make_place, make_topic

from duban.commons.deliberation.actions import call_off_meeting, invite_topic
from duban.commons.models import PostedNeed
from duban.commons.pairing.actions import NeedDraft, post_need
from duban.commons.volunteering.actions import ActivityDraft, ShiftDraft, announce_activity, cancel_activity
from duban.core import clock
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


def home(client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return client.get("/", headers={"accept-language": "en"}).content.decode()


def test_it_shows_what_is_to_come(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make_person("worker", "community_worker", COMMUNITY)
    topic = make_topic(make_place(), worker)
    invite_topic(by=worker, now=NOON, topic_id=topic.pk, at=NOON + timedelta(days=2), place="活动室")
    off = make_topic(make_place("别处"), worker, title="不开的会")
    invite_topic(by=worker, now=NOON, topic_id=off.pk, at=NOON + timedelta(days=2), place="活动室")
    call_off_meeting(by=worker, now=NOON, topic_id=off.pk)
    shift = ShiftDraft(NOON + timedelta(days=1), NOON + timedelta(days=1, hours=2), 12)
    draft = ActivityDraft("清理死角", "社区服务队", "楼后", COMMUNITY, shifts=(shift,))
    announce_activity(by=worker, now=NOON, draft=draft)
    gone = announce_activity(
        by=worker, now=NOON, draft=ActivityDraft("取消的", "队", "楼后", COMMUNITY, shifts=(shift,))
    )
    cancel_activity(by=worker, now=NOON, activity_id=gone.pk)
    for title, pledged in (("书画", 20), ("长椅", 60)):
        due_on = (NOON + timedelta(days=9)).date()
        need = NeedDraft(title=title, unit="幅", target=60, due_on=due_on, jurisdiction=COMMUNITY)
        made = post_need(by=worker, now=NOON, draft=need)
        PostedNeed.objects.filter(pk=made.pk).update(pledged=pledged)
    words = home(client, monkeypatch)
    assert topic.title in words
    assert "清理死角" in words
    assert "书画" in words
    assert "40 幅" in words
    for hidden in ("不开的会", "取消的", "长椅"):
        assert hidden not in words


def test_it_says_nothing_where_nothing_comes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    words = home(client, monkeypatch)
    assert "Neighbours meet" not in words
    assert "All that is needed" not in words
