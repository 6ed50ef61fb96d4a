"""The desk of decisions by HTTP: what is listed, taken down, linked and closed, and what is refused to whom."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.decisions.world import DISTRICT, NOW, TODAY, TOWN, Office, make_office

from duban.access.models import Person
from duban.core import clock
from duban.decisions import actions
from duban.decisions.actions import Attendee, Unit
from duban.decisions.models import Attendance, Body, Decision, Meeting, Paper
from duban.demo.builders import NOON, make_person
from duban.ledger import mandates as ledger
from duban.ledger.models import EntryMandate
from duban.web.reminders import remind_of_decisions

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return make_office()


@pytest.fixture
def at() -> Callable[[Person], Client]:
    def log_in(person: Person) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(person)
        return client

    return log_in


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# ---- the list -------------------------------------------------------------------------------------------------------


def test_the_list_answers_by_state_and_unit(office: Office, at: Callable[[Person], Client]) -> None:
    lead = Unit("漷县镇", TOWN)
    office.decide("逾期的", due_on=TODAY - timedelta(days=1), lead=lead)
    office.decide("快到的", due_on=TODAY + timedelta(days=3))
    worked = office.decide("有活的")
    gone = office.decide("办完的")
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=office.entry().pk, decision_id=worked.pk)
    actions.close_decision(by=office.supervisor, now=NOW, decision_id=gone.pk, report="已落实")
    client = at(office.supervisor)

    def listed(query: str) -> set[str]:
        page = words(client.get(f"/decisions/{query}"))
        return {text for text in ("逾期的", "快到的", "有活的", "办完的") if text in page}

    assert listed("") == {"逾期的", "快到的", "有活的"}
    assert listed("?show=late") == {"逾期的"}
    assert listed("?show=soon") == {"快到的"}
    assert listed("?show=no_work") == {"逾期的", "快到的"}
    assert listed("?show=closed") == {"办完的"}
    assert listed("?show=all") == {"逾期的", "快到的", "有活的", "办完的"}
    assert listed("?unit=漷县镇") == {"逾期的"}
    assert listed("?unit=nobody&show=nonsense&page=abc") == listed("")
    assert "not seen through: no work" in words(client.get("/decisions/?show=no_work"))
    shown = words(at(office.handler).get("/decisions/?show=all"))
    assert "逾期的" in shown
    assert "快到的" not in shown


def test_a_long_list_costs_no_more_queries_than_a_short_one(
    office: Office, at: Callable[[Person], Client], django_assert_max_num_queries: Any
) -> None:
    for number in range(35):
        office.decide(f"第{number}项", due_on=TODAY + timedelta(days=number))
    client = at(office.supervisor)
    client.get("/decisions/")
    with django_assert_max_num_queries(22):
        first = client.get("/decisions/")
    assert "?show=open&amp;page=2" in first.content.decode()
    assert "第34项" in words(client.get("/decisions/?page=2"))


# ---- one decision ---------------------------------------------------------------------------------------------------


def test_work_is_linked_by_number_or_from_the_list_and_taken_away(
    office: Office, at: Callable[[Person], Client]
) -> None:
    decision, entry, round_ = office.decide(), office.entry(), office.round()
    client, page = at(office.supervisor), f"/decisions/{decision.pk}/"
    assert "no work is linked" in words(client.get(page))
    for said in ({"number": entry.number}, {"work": f"round:{round_.pk}"}):
        assert client.post(f"{page}link/", said).status_code == 302
    shown = words(client.get(page))
    assert entry.number in shown
    assert "0 of 2 venues visited" in shown
    for said, code in (
        ({}, "unknown_work"),
        ({"number": "110112-2021-999999"}, "entry_not_found"),
        ({"number": "x\x00"}, None),
        ({"work": "round:abc"}, "work_not_found"),
        ({"work": f"round:{uuid.uuid4()}"}, "round_not_found"),
        ({"work": "sampling:99"}, "level_not_found"),
        ({"work": "moon:1"}, "unknown_work"),
    ):
        answer = client.post(f"{page}link/", said)
        assert answer.status_code in {400, 404}, said
        assert code is None or code in words(answer)
    for work in (f"entry:{entry.pk}", f"round:{round_.pk}"):
        assert client.post(f"{page}unlink/", {"work": work}).status_code == 302
    assert "no work is linked" in words(client.get(page))
    assert EntryMandate.objects.filter(ended_at=None).count() == 0


def test_every_kind_of_work_shows_its_rows_as_far_as_the_reader_may_see_them(
    office: Office, at: Callable[[Person], Client]
) -> None:
    decision, (area, _files), level, need = office.decide(), office.order(12), office.sampling(), office.need()
    entry = office.entry()
    client, page = at(office.supervisor), f"/decisions/{decision.pk}/"
    for work in (f"order:{area.pk}", f"sampling:{level.pk}", f"need:{need.pk}", f"entry:{entry.pk}"):
        assert client.post(f"{page}link/", {"work": work}).status_code == 302, work
    shown = words(client.get(page))
    assert "天宫院街道融汇社区" in shown
    assert need.title in shown
    assert entry.number in shown
    seen_by_worker = words(at(make_person("all", "community_worker")).get(page))
    assert need.title in seen_by_worker
    assert entry.number not in seen_by_worker, "the ledger is not theirs to see"
    assert "1 more that is not yours to see" in seen_by_worker


def test_who_does_not_record_is_offered_nothing(office: Office, at: Callable[[Person], Client]) -> None:
    decision = office.decide(lead=Unit("漷县镇", TOWN))
    page = f"/decisions/{decision.pk}/"
    for person in (office.leader, office.handler):
        body = at(person).get(page).content.decode()
        assert '<form method="post" action="/decisions/' not in body
        for step in ("link", "unlink", "close", "withdraw"):
            assert at(person).post(f"{page}{step}/", {"report": "x", "reason": "x"}).status_code == 403
    assert at(make_person("far", at="110113")).get(page).status_code == 404
    assert at(office.supervisor).get(f"/decisions/{uuid.uuid4()}/").status_code == 404


def test_the_report_is_put_to_a_later_meeting_and_stands_there(office: Office, at: Callable[[Person], Client]) -> None:
    body = office.meeting.body
    later = actions.plan_meeting(by=office.supervisor, now=NOW, body_id=body.pk, at=NOW + timedelta(days=7))
    decision = office.decide(due_on=TODAY)
    client, page = at(office.supervisor), f"/decisions/{decision.pk}/"
    assert decision.text in words(client.get(f"/decisions/meetings/{later.pk}/"))
    assert "report_missing" in words(client.post(f"{page}close/", {"report": " "}))
    for wrong in ("nonsense", str(uuid.uuid4())):
        assert client.post(f"{page}close/", {"report": "好", "reported_to": wrong}).status_code == 404
    same = client.post(f"{page}close/", {"report": "好", "reported_to": str(office.meeting.pk)})
    assert "report_to_earlier" in words(same)
    assert client.post(f"{page}close/", {"report": "全部落实", "reported_to": str(later.pk)}).status_code == 302
    assert "全部落实" in words(client.get(page))
    assert "Reported here as seen through" in words(client.get(f"/decisions/meetings/{later.pk}/"))
    assert client.post(f"{page}close/", {"report": "再来"}).status_code == 409


def test_opening_a_decision_reads_its_reminder(office: Office, at: Callable[[Person], Client]) -> None:
    decision = office.decide("没人管的", starts_at=NOON - timedelta(days=3))
    remind_of_decisions(now=NOW)
    client = at(office.supervisor)
    assert "nothing carries it out yet" in words(client.get("/decisions/"))
    assert "Who was reminded" in words(client.get(f"/decisions/{decision.pk}/"))
    assert "You were reminded" not in words(client.get("/decisions/"))


# ---- meetings -------------------------------------------------------------------------------------------------------


def test_a_meeting_from_its_plan_to_its_approved_minutes(office: Office, at: Callable[[Person], Client]) -> None:
    client = at(office.supervisor)
    answer = client.post(
        "/decisions/meetings/", {"name": "环境整治专班", "kind": "committee", "jurisdiction": DISTRICT}
    )
    body = Body.objects.get(name="环境整治专班")
    assert answer.url == f"/decisions/meetings/bodies/{body.pk}/"
    said = {"number": "12", "at": "2021-01-21T15:00", "place": "会议室", "agenda": "第一项\n\n第二项"}
    assert client.post(f"/decisions/meetings/bodies/{body.pk}/", said | {"at": "soon"}).status_code == 400
    assert client.post(f"/decisions/meetings/bodies/{body.pk}/", said | {"number": "x"}).status_code == 400
    page = client.post(f"/decisions/meetings/bodies/{body.pk}/", said).url
    assert "meeting_number_taken" in words(client.post(f"/decisions/meetings/bodies/{body.pk}/", said))
    meeting = Meeting.objects.get(body=body)
    assert (meeting.number, [one.title for one in meeting.agenda.all()]) == (12, ["第一项", "第二项"])
    assert client.post(f"{page}change/", {"at": "2021-01-21T16:00", "agenda": "只有一项"}).status_code == 302
    assert client.post(f"{page}change/", {"at": "xx"}).status_code == 400
    assert client.post(f"{page}minutes/", {"minutes": "早了"}).status_code == 409
    people = {"chair": "张三，组长", "members": "李四,副组长\n王五", "guests": "", "excused": "赵六"}
    assert client.post(f"{page}attendance/", people | {"chair": "甲\n乙"}).status_code == 400
    assert client.post(f"{page}attendance/", people).status_code == 302
    assert Attendance.objects.filter(meeting=meeting).count() == 4
    assert client.post(f"{page}minutes/", {"minutes": "会议要求抓紧"}).status_code == 302
    assert "own_minutes" in words(client.post(f"{page}approve/"))
    second = at(make_person("second"))
    assert second.post(f"{page}approve/").status_code == 302
    shown = words(client.get(page))
    assert "只有一项" in shown
    assert "张三" in shown
    assert "approved by second" in shown
    assert client.post(f"{page}minutes/", {"minutes": "改"}).status_code == 409
    assert client.post(f"{page}cancel/").status_code == 409


def test_a_decision_is_taken_down_once_however_often_the_form_is_sent(
    office: Office, at: Callable[[Person], Client]
) -> None:
    client, page = at(office.supervisor), f"/decisions/meetings/{office.meeting.pk}/"
    said = {
        "id": str(uuid.uuid4()), "text": "立即摸排", "jurisdiction": DISTRICT, "lead": "", "lead_code": TOWN,
        "joint": "公安分局\n各乡镇", "due_on": "2021-01-25", "measure_of_success": "全部到位",
    }  # fmt: skip
    for _time in range(2):
        assert client.post(f"{page}decisions/", said).status_code == 302
    decision = Decision.objects.get(meeting=office.meeting)
    assert decision.starts_at == office.meeting.at
    assert decision.lead_code == TOWN
    assert [unit["name"] for unit in decision.joint_units] == ["公安分局", "各乡镇"]
    for wrong, code in (
        ({"id": "nonsense"}, ""),
        ({"text": ""}, "decision_text"),
        ({"jurisdiction": "abc"}, "bad_code"),
        ({"due_on": "2021-13-77"}, "bad_day"),
        ({"due_on": "2020-01-01"}, "due_before_start"),
        ({"starts_at": "noon"}, "bad_moment"),
        ({"text": "坏\x00"}, ""),
    ):
        fresh = {"id": str(uuid.uuid4())} | wrong
        answer = client.post(f"{page}decisions/", said | fresh)
        assert answer.status_code == 400, wrong
        assert code in words(answer)
    assert Decision.objects.count() == 1


def test_residents_names_are_for_who_keeps_the_list(office: Office, at: Callable[[Person], Client]) -> None:
    body = actions.make_body(
        by=office.supervisor, now=NOW, kind="residents", name="艺苑西里议事协商会", jurisdiction=DISTRICT
    )
    meeting = actions.plan_meeting(by=office.supervisor, now=NOW, body_id=body.pk, at=NOW)
    people = [Attendee("chair", "李书记", "社区党总支书记"), Attendee("guest", "张居民", resident=True)]
    actions.hold_meeting(by=office.supervisor, now=NOW, meeting_id=meeting.pk, attendance=people)
    page = f"/decisions/meetings/{meeting.pk}/"
    assert "张居民" in words(at(office.supervisor).get(page))
    shown = words(at(office.leader).get(page))
    assert "李书记" in shown
    assert "张居民" not in shown
    said = {"chair": "李书记，书记", "members": "张居民"}
    assert at(office.supervisor).post(f"{page}attendance/", said).status_code == 302
    assert not Attendance.objects.filter(name="张居民").exists()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", "paper_empty"),
        ("a.pdf", b"MZ not a pdf", "paper_kind"),
        ("a.exe", b"%PDF-1.7", "paper_kind"),
        ("a.html", b"<script>", "paper_kind"),
    ],
)
def test_what_is_no_paper_is_refused(
    office: Office, at: Callable[[Person], Client], name: str, data: bytes, code: str
) -> None:
    page = f"/decisions/meetings/{office.meeting.pk}/papers/"
    answer = at(office.supervisor).post(page, {"title": "材料", "file": SimpleUploadedFile(name, data)})
    assert answer.status_code == 400
    # Django itself turns an empty file away and the form says so of its own.
    assert code in words(answer) or not data
    assert not Paper.objects.exists()


def test_a_paper_is_kept_once_and_handed_out_to_be_saved(office: Office, at: Callable[[Person], Client]) -> None:
    page, client = f"/decisions/meetings/{office.meeting.pk}/papers/", at(office.supervisor)
    for _time in range(2):
        client.post(page, {"title": "../../../etc/passwd", "file": SimpleUploadedFile("../x.PDF", b"%PDF-1.7 body")})
    paper = Paper.objects.get()
    answer = client.get(f"{page}{paper.pk}/")
    assert b"".join(answer.streaming_content) == b"%PDF-1.7 body"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{page}999999/").status_code == 404
    assert at(make_person("far", at="110113")).get(f"{page}{paper.pk}/").status_code == 404
    assert (
        client.post(page, {"title": " ", "file": SimpleUploadedFile("b.png", b"\x89PNG\r\n\x1a\n1")}).status_code == 400
    )


def test_the_desk_tells_of_reminders_and_the_entry_of_what_it_carries_out(
    office: Office, at: Callable[[Person], Client]
) -> None:
    decision = office.decide("没人管的", starts_at=NOON - timedelta(days=3))
    remind_of_decisions(now=NOW)
    client = at(office.supervisor)
    assert "没人管的" in words(client.get("/desk/"))
    entry = office.entry()
    ledger.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    assert "没人管的" in words(client.get(f"/ledger/{entry.pk}/"))
    assert "没人管的" not in words(at(make_person("eyes", "inspector")).get(f"/ledger/{entry.pk}/"))
    client.get(f"/decisions/{decision.pk}/")
    assert "没人管的" not in words(client.get("/desk/"))
    rows = words(client.get(f"/ledger/?decision={decision.pk}"))
    assert entry.number in rows
    assert "carrying out a decision" in rows
    for wrong in ("1", "x" * 40, f"{decision.pk}0", str(decision.pk).upper()):
        assert client.get(f"/ledger/?decision={wrong}").status_code in {200, 400}


NASTY = (
    "", " ", "\x00", "\ud800", "𠮷" * 3000, "-1", "1e9", "９", "<script>alert(1)</script>", "'; DROP TABLE",
    "2021-99-99", "2021-01-20T99:99", "0001-01-01T00:00", "9999-12-31T23:59", "%s %(x)s {0}", "round:", "entry:\x00",
    "sampling:99999999999999999999", "need:00000000-0000-0000-0000-000000000000", "order:x",
)  # fmt: skip


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_nothing_that_is_typed_breaks_a_page(office: Office, at: Callable[[Person], Client], value: str) -> None:
    decision, client = office.decide(), at(office.supervisor)
    body, meeting = office.meeting.body, office.meeting
    actions.hold_meeting(by=office.supervisor, now=NOW, meeting_id=meeting.pk, attendance=[])
    before = (Decision.objects.count(), Meeting.objects.count(), EntryMandate.objects.count())
    sent = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    forms = {
        f"/decisions/{decision.pk}/link/": ("number", "work"),
        f"/decisions/{decision.pk}/unlink/": ("work",),
        f"/decisions/meetings/{meeting.pk}/change/": ("at", "place", "title", "agenda"),
        f"/decisions/meetings/{meeting.pk}/attendance/": ("chair", "members", "guests", "excused"),
        f"/decisions/meetings/{meeting.pk}/decisions/": ("id", "text", "jurisdiction", "lead", "lead_code", "due_on"),
        f"/decisions/meetings/{meeting.pk}/papers/": ("title", "file"),
        f"/decisions/meetings/bodies/{body.pk}/": ("number", "at", "agenda"),
        "/decisions/meetings/": ("name", "kind", "jurisdiction"),
        "/leader/count/": ("at",),
    }
    for address, fields in forms.items():
        assert client.post(address, dict.fromkeys(fields, sent)).status_code < 500, address
    # What an address does not read leaves it as it is: /leader/ counts everything again to say the same.
    asked = {
        "/decisions/": ("show", "unit", "page"),
        "/leader/": ("at", "screen"),
        "/decisions/meetings/": ("page",),
        "/ledger/": ("show", "unit", "page", "at", "decision"),
        f"/decisions/meetings/bodies/{body.pk}/": ("page",),
    }
    for address, names in asked.items():
        for name in names:
            assert client.get(address, {name: sent}).status_code < 500, (address, name)
    assert (Decision.objects.count(), Meeting.objects.count(), EntryMandate.objects.count()) == before
    for address, fields in {
        f"/decisions/meetings/{meeting.pk}/minutes/": ("minutes",),
        f"/decisions/{decision.pk}/withdraw/": ("reason",),
        f"/decisions/{decision.pk}/close/": ("report", "reported_to"),
    }.items():
        assert client.post(address, dict.fromkeys(fields, sent)).status_code < 500, address
