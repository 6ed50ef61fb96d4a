"""The desk's pages of places and topics over HTTP: each step where it is asked for, each refusal at its field."""

import io
import re
import uuid
from typing import Any

import pypdfium2
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.commons.building import COMMUNITY
from tests.commons.deliberation.building import LATER, MET, RESIDENT, Neighbourhood

from duban.commons.deliberation import actions, comments, problems
from duban.commons.models import Comment, PostedNeed, Problem, SharedPlace, Topic
from duban.core import clock
from duban.core.models import AuditRecord
from duban.decisions.models import Attendance, Decision, Meeting
from duban.demo.builders import NOON, make_jpeg, make_person
from duban.ledger.models import Entry

pytestmark = pytest.mark.django_db


class Now:
    """What time it is; a test moves it."""

    at = NOON


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    cache.clear()
    told = Now()
    monkeypatch.setattr(clock, "now", lambda: told.at)
    return told


@pytest.fixture
def desk(home: Neighbourhood, now: Now) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(home.worker)
    return client


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def post(client: Client, address: str, status: int = 302, **sent: Any) -> str:
    answer = client.post(address, sent)
    assert answer.status_code == status, words(answer)[:3000]
    return words(answer) if status != 302 else answer["Location"]


# ---- places ---------------------------------------------------------------------------------------------------------


def test_a_place_and_a_part_of_it_are_added(desk: Client, home: Neighbourhood) -> None:
    form = {"id": uuid.uuid4(), "kind": "estate", "name": "梨花园", "jurisdiction": COMMUNITY, "lon": "", "lat": ""}
    assert "place_area" in post(desk, "/commons/places/add/", 400, **(form | {"jurisdiction": ""}))
    assert "bad_number" in post(desk, "/commons/places/add/", 400, **(form | {"lon": "东经"}))
    address = post(desk, "/commons/places/add/", **form)
    assert post(desk, "/commons/places/add/", **form) == address
    made = SharedPlace.objects.get(name="梨花园")
    part = {"id": uuid.uuid4(), "within": made.pk, "kind": "entrance", "name": "1门", "lon": "116.6", "lat": ""}
    assert "place_position" in post(desk, "/commons/places/add/", 400, **part)
    post(desk, "/commons/places/add/", **(part | {"lat": "39.9"}))
    assert "1门" in words(desk.get(address))
    assert "place_there" in post(desk, address + "change/", 400, name="艺苑西里", lon="", lat="")
    post(desk, address + "change/", name="梨花园南", lon="", lat="")
    assert "place_within" in post(desk, address + "move/", 400, within=str(home.estate.pk))


@pytest.mark.parametrize("query", ["?cursor=xx", "?cursor=WyJhZnRlciJd", "?area=12", "?area=" + "9" * 40])
@pytest.mark.parametrize("page", ["places", "topics"])
def test_an_address_that_somebody_made_up_is_answered(desk: Client, page: str, query: str) -> None:
    assert desk.get(f"/commons/{page}/{query}").status_code == 400


def test_pages_of_topics_follow_one_another(desk: Client, home: Neighbourhood, now: Now) -> None:
    Topic.objects.bulk_create(
        [
            Topic(place=home.entrance, jurisdiction=COMMUNITY, title=f"题{number}", opened_by={}, opened_at=NOON)
            for number in range(120)
        ]
    )
    seen, address = [], "/commons/topics/"
    while address:
        page = words(desk.get(address))
        seen += re.findall(r">(题\d+)<", page)
        later = re.search(r'rel="next" href="([^"]+)"', page)
        address = "/commons/topics/" + later[1].replace("&amp;", "&") if later else ""
    assert len(seen) == len(set(seen)) == 120


def test_the_poster_leads_to_the_place(desk: Client, home: Neighbourhood) -> None:
    pdf = desk.get(f"/commons/places/{home.entrance.pk}/poster.pdf")
    text = text_of(pdf.content)
    assert pdf["Content-Type"] == "application/pdf"
    assert "艺苑西里 3号楼 2单元" in text
    assert home.entrance.token in text.replace("\r\n", "").replace("\n", "")


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    found = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return found


# ---- a topic --------------------------------------------------------------------------------------------------------


def test_a_topic_goes_its_whole_way_through_its_page(desk: Client, home: Neighbourhood, now: Now) -> None:
    form = {"id": uuid.uuid4(), "place": home.entrance.pk, "title": "楼门怎么美化", "text": ""}
    assert "topic_title" in post(desk, "/commons/topics/add/", 400, **(form | {"title": " "}))
    assert "topic_place" in post(desk, "/commons/topics/add/", 400, **(form | {"place": ""}))
    topic = post(desk, "/commons/topics/add/", **form)
    assert post(desk, "/commons/topics/add/", **form) == topic
    invite = {"at": "2021-01-19T12:00", "place": "活动室", "agenda": "清理\n\n装饰\n"}
    late = post(desk, topic + "invite/", 400, **(invite | {"at": "2021-01-01T12:00"}))
    assert "meeting_in_the_past" in late
    assert 'value="2021-01-01T12:00"' in late
    assert "装饰" in late
    assert "bad_time" in post(desk, topic + "invite/", 400, **(invite | {"at": "明天"}))
    post(desk, topic + "invite/", **invite)
    invitation = text_of(desk.get(topic + "invitation.pdf").content)
    assert "楼门怎么美化" in invitation
    assert "装饰" in invitation
    assert "活动室" in text_of(desk.get(topic + "forms.pdf").content)
    people = {
        "chair": "李主任，居委会",
        "members": "",
        "guests": "王老师, 中学",
        "residents": f"{RESIDENT}\n东方",
        "excused": "",
    }
    assert "meeting_ahead" in post(desk, topic + "attendance/", 409, **people)
    now.at = MET
    empty = dict.fromkeys(people, "")
    assert "attendance_wrong" in post(desk, topic + "attendance/", 400, **empty)
    post(desk, topic + "attendance/", **people)
    page = words(desk.get(topic))
    assert "李主任" in page
    assert "2 residents" in page
    assert RESIDENT not in page
    assert "problem_text" in post(desk, topic + "problems/", 400, text=" ")
    wrong = SimpleUploadedFile("a.jpg", b"no picture", "image/jpeg")
    assert "photo_not_an_image" in words(desk.post(topic + "problems/", {"text": "灯坏", "photo": wrong}))
    assert not Problem.objects.exists()
    photo = SimpleUploadedFile("a.jpg", make_jpeg(1), "image/jpeg")
    assert desk.post(topic + "problems/", {"text": "堆物", "photo": photo}).status_code == 302
    problem = Problem.objects.get()
    own = f"/commons/problems/{problem.pk}/"
    assert "answer_missing" in post(desk, own + "answer/", 400, answer="")
    assert "unknown_category" in post(desk, own + "entry/", 400, category="x")
    post(desk, own + "entry/", category="event:06036", description="")
    assert Entry.objects.get().photos.count() == 1
    decide = {"id": uuid.uuid4(), "text": "周六清理", "vote": "", "due_on": "", "problems": [problem.pk]}
    assert "bad_day" in post(desk, topic + "decide/", 400, **(decide | {"due_on": "周六"}))
    assert "decision_text" in post(desk, topic + "decide/", 400, **(decide | {"text": ""}))
    post(desk, topic + "decide/", **decide)
    post(desk, topic + "decide/", **decide)
    assert Decision.objects.count() == 1
    assert "0 of 1 works done" in words(desk.get(topic))
    post(desk, own + "answer/", answer="周六清理")
    assert "minutes_unapproved" in post(desk, topic + "close/", 409)
    assert "minutes_wrong" in post(desk, topic + "minutes/", 400, minutes=" ")
    post(desk, topic + "minutes/", minutes="商定周六清理")
    assert "own_minutes" in post(desk, topic + "minutes/approve/", 409)
    second = Client(headers={"accept-language": "en"})
    second.force_login(home.second)
    assert "Approve and publish" in words(second.get(topic))
    post(second, topic + "minutes/approve/")
    post(desk, topic + "close/")
    assert Topic.objects.get().state == "closed"
    closed = words(desk.get(topic))
    assert "List it" not in closed
    assert "topic_closed" in post(desk, topic + "say/", 409, text="还有")


def test_the_list_of_who_was_there_is_opened_on_the_record_and_comes_back_whole(
    desk: Client, home: Neighbourhood, now: Now
) -> None:
    topic = home.held(home.topic(), [RESIDENT, "司徒某"])
    now.at = LATER
    address = f"/commons/topics/{topic.pk}/attendance/"
    assert not AuditRecord.objects.filter(action="see_attendance").exists()
    page = desk.get(address)
    assert RESIDENT in words(page)
    assert "no-store" in page["Cache-Control"]
    record = AuditRecord.objects.get(action="see_attendance")
    assert (record.subject_id, record.actor["username"]) == (str(topic.pk), "worker")
    before = [(one.presence, one.name, one.title) for one in Attendance.objects.order_by("pk")]
    fields = dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', page.content.decode(), re.DOTALL))
    post(desk, address, **fields, chair="李主任, 居委会主任")
    assert [(one.presence, one.name, one.title) for one in Attendance.objects.order_by("pk")] == before
    other = Client()
    other.force_login(make_person("super", "supervisor", "110112"))
    assert other.get(address).status_code == 403


def test_a_word_is_said_answered_hidden_and_shown_again(desk: Client, home: Neighbourhood, now: Now) -> None:
    topic = home.topic()
    said = comments.comment(now=NOON, topic_id=topic.pk, by=home.doors[0][0], text="灯坏了", pen_name="二楼")
    address = f"/commons/topics/{topic.pk}/"
    key = uuid.uuid4()
    assert "comment_text" in post(desk, address + "say/", 400, id=key, text="", parent=str(said.pk))
    for _press in range(2):
        post(desk, address + "say/", id=key, text="已报修", parent=str(said.pk))
    assert Comment.objects.get(parent=said).text == "已报修"
    assert "reason_missing" in post(desk, f"/commons/comments/{said.pk}/hide/", 400, reason="")
    post(desk, f"/commons/comments/{said.pk}/hide/", reason="广告")
    page = words(desk.get(address))
    assert "广告" in page
    post(desk, f"/commons/comments/{said.pk}/show/")
    assert "广告" not in words(desk.get(address))


def test_a_topic_page_asks_no_more_for_more(desk: Client, home: Neighbourhood, now: Now) -> None:
    topic = home.held(home.topic())
    now.at = LATER
    asked = []
    for more in (1, 40):
        for number in range(more):
            one = problems.list_problem(by=home.worker, now=MET, topic_id=topic.pk, text=f"问题{more}-{number}")
            if number % 2 == 0:
                problems.problem_to_entry(by=home.worker, now=MET, problem_id=one.pk, category="06036")
            comments.comment(now=MET, topic_id=topic.pk, by=home.worker, text=f"话{number}")
        with CaptureQueriesContext(connection) as caught:
            assert desk.get(f"/commons/topics/{topic.pk}/").status_code == 200
        asked.append(len(caught))
    assert asked[1] <= asked[0] + 1
    assert asked[1] <= 30


def test_each_problem_has_its_own_pictures(desk: Client, home: Neighbourhood, now: Now) -> None:
    topic = home.topic()
    for number in (1, 2, 3):
        photo = SimpleUploadedFile("a.jpg", make_jpeg(number), "image/jpeg")
        desk.post(
            f"/commons/topics/{topic.pk}/problems/", {"text": f"问题{number}", "photo": photo if number < 3 else ""}
        )
    for address in (f"/commons/topics/{topic.pk}/", f"/topics/{topic.pk}/"):
        page = desk.get(address).content.decode()
        parts = re.split(r'<li id="problem-\d+"', page)[1:]
        shown = [set(re.findall(r"/photos/(\w{64})/", part)) for part in parts[:2]]
        wanted = [{one.photo} for one in Problem.objects.order_by("pk")[:2]]
        assert shown == wanted


def test_a_need_counts_as_work_of_what_was_decided(desk: Client, home: Neighbourhood, now: Now) -> None:
    topic = home.held(home.topic())
    decision = actions.decide_topic(by=home.worker, now=MET, topic_id=topic.pk, text="做60幅作品")
    need = PostedNeed.objects.create(
        jurisdiction=COMMUNITY, decision=decision, title="作品", unit="幅", target=60, due_on=LATER.date(),
        posted_by={}, posted_at=MET,
    )  # fmt: skip
    assert "0 of 1 works done" in words(desk.get(f"/commons/topics/{topic.pk}/"))
    need.closed_at = LATER
    need.save()
    assert "1 of 1 works done" in words(desk.get(f"/topics/{topic.pk}/"))


# ---- comments from a table ------------------------------------------------------------------------------------------


def test_a_table_of_comments_is_taken_in_and_the_refused_rows_come_back(
    desk: Client, home: Neighbourhood, now: Now
) -> None:
    topic = home.topic()
    address = f"/commons/topics/{topic.pk}/comments/"
    assert "file_missing" in post(desk, address, 400)
    bad = SimpleUploadedFile("a.csv", b"id,text\n1,x\n")
    assert "columns_missing" in words(desk.post(address, {"file": bad}))
    template = desk.get("/commons/comments/template.csv").content
    taken = desk.post(address, {"file": SimpleUploadedFile("a.csv", template)})
    assert taken.status_code == 302, words(taken)
    assert sorted(topic.comments.values_list("external_id", "parent__external_id")) == [("a1", None), ("a2", "a1")]
    table = "id,parent,pen_name,text,at\nb1,nobody,,一,2021-01-05 10:00\nb2,,,二,2021-01-05 10:00\n"
    job = desk.post(address, {"file": SimpleUploadedFile("b.csv", table.encode())})["Location"]
    page = words(desk.get(job))
    assert "parent_missing" in page
    assert b"parent_missing" in b"".join(desk.get(job + "refused.csv").streaming_content)
    assert topic.comments.count() == 3
    stranger = Client()
    stranger.force_login(home.second)
    assert stranger.get(job).status_code == 404


def test_nobody_of_elsewhere_or_without_the_right_takes_a_step(home: Neighbourhood, now: Now) -> None:
    topic = home.held(home.topic())
    stranger, leader = Client(), Client()
    stranger.force_login(make_person("stranger", "community_worker", "110112106"))
    leader.force_login(make_person("leader", "leader", "110112"))
    address = f"/commons/topics/{topic.pk}/"
    assert (stranger.get(address).status_code, leader.get(address).status_code) == (404, 200)
    for step in ("invite", "problems", "decide", "close", "say", "call-off", "change", "attendance", "minutes"):
        assert stranger.post(f"{address}{step}/").status_code == 404, step
        assert leader.post(f"{address}{step}/").status_code == 403, step
    assert Meeting.objects.get().minutes == ""
