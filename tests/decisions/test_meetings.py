"""Bodies meet under numbers of their own, minutes take two people, and what was decided is carried out by entries."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.decisions import actions, queries
from duban.decisions.actions import Attendee, Unit
from duban.decisions.models import Attendance, Body, Decision, Meeting
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger import mandates
from duban.ledger.recording import record_finding

pytestmark = pytest.mark.django_db
DISTRICT = "110112"


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("office")


@pytest.fixture
def body(officer: Person) -> Body:
    return actions.make_body(by=officer, now=NOON, kind="leading_group", name="防控工作领导小组", jurisdiction=DISTRICT)


@pytest.fixture
def meeting(officer: Person, body: Body) -> Meeting:
    return actions.plan_meeting(by=officer, now=NOON, body_id=body.pk, at=NOON, number=98, agenda=["调度疫情防控"])


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def decide(officer: Person, meeting: Meeting, text: str = "立即摸排", **facts: object) -> Decision:
    return actions.record_decision(
        by=officer, now=NOON, meeting_id=meeting.pk, text=text, jurisdiction=DISTRICT, **facts
    )


def test_meetings_are_numbered_on_from_where_the_body_is(officer: Person, body: Body, meeting: Meeting) -> None:
    following = actions.plan_meeting(by=officer, now=NOON, body_id=body.pk, at=NOON + timedelta(days=7))
    assert (meeting.number, following.number) == (98, 99)
    assert [item.title for item in meeting.agenda.all()] == ["调度疫情防控"]
    taken = refused(lambda: actions.plan_meeting(by=officer, now=NOON, body_id=body.pk, at=NOON, number=98))
    assert taken == "meeting_number_taken"
    again = actions.make_body(by=officer, now=NOON, kind="committee", name=body.name, jurisdiction="110112000")
    assert again == body


def test_a_body_of_elsewhere_is_not_there(body: Body, meeting: Meeting) -> None:
    stranger = make_person("stranger", at="110113")
    assert refused(lambda: queries.body_for(stranger, body.pk)) == "body_not_found"
    assert refused(lambda: decide(stranger, meeting)) == "meeting_not_found"
    reader = make_person("reader", "leader")
    assert refused(lambda: decide(reader, meeting)) == "not_allowed"


def test_minutes_are_approved_by_another_person(officer: Person, meeting: Meeting) -> None:
    second = make_person("second")
    write = {"by": officer, "now": NOON, "meeting_id": meeting.pk}
    assert refused(lambda: actions.write_minutes(**write, minutes="会议要求")) == "meeting_not_held"
    assert refused(lambda: actions.approve_minutes(by=second, now=NOON, meeting_id=meeting.pk)) == "minutes_missing"
    people = [Attendee("chair", "曾某", "组长"), Attendee("guest", "张居民", resident=True)]
    actions.hold_meeting(**write, attendance=people)
    actions.hold_meeting(**write, attendance=people)
    assert refused(lambda: actions.hold_meeting(**write, attendance=[people[0], people[0]])) == "attendance_wrong"
    actions.write_minutes(**write, minutes="会议要求")
    assert refused(lambda: actions.approve_minutes(by=officer, now=NOON, meeting_id=meeting.pk)) == "own_minutes"
    assert not queries.published_meetings(DISTRICT)
    actions.approve_minutes(by=second, now=NOON, meeting_id=meeting.pk)
    actions.approve_minutes(by=second, now=NOON + timedelta(days=1), meeting_id=meeting.pk)
    shown = queries.published_meetings(DISTRICT).get()
    assert shown.approved_at == NOON
    assert refused(lambda: actions.write_minutes(**write, minutes="改了")) == "meeting_over"
    chair, resident = Attendance.objects.filter(meeting=meeting).order_by("pk")
    assert (chair.name, chair.sealed) == ("曾某", None)
    assert resident.name == ""
    assert queries.name_of(resident) == "张居民"
    assert "张居民" not in str(list(AuditRecord.objects.values_list("detail", flat=True)))


def test_at_once_is_the_moment_of_the_meeting_and_a_replay_decides_nothing_new(
    officer: Person, meeting: Meeting
) -> None:
    key = uuid.uuid4()
    first = decide(officer, meeting, decision_id=key, lead=Unit("区疾控中心", "110112"), joint=[Unit("各乡镇")])
    assert decide(officer, meeting, "另一句", decision_id=key) == first
    assert first.starts_at == meeting.at
    assert first.joint_units == [{"name": "各乡镇", "code": ""}]
    assert decide(officer, meeting).position == 2
    early = refused(lambda: decide(officer, meeting, due_on=meeting.at.date() - timedelta(days=1)))
    assert early == "due_before_start"
    assert refused(lambda: decide(officer, meeting, "  ")) == "decision_text"
    assert refused(lambda: decide(officer, meeting, "坏\x00字")) == "bad_text"


def test_a_closing_report_goes_to_a_later_meeting(officer: Person, body: Body, meeting: Meeting) -> None:
    later = actions.plan_meeting(by=officer, now=NOON, body_id=body.pk, at=NOON + timedelta(days=7))
    decision = decide(officer, meeting)
    close = {"by": officer, "now": NOON, "decision_id": decision.pk, "report": "已全部落实"}
    assert refused(lambda: actions.close_decision(**close, reported_to=meeting.pk)) == "report_to_earlier"
    actions.close_decision(**close, reported_to=later.pk)
    assert refused(lambda: actions.close_decision(**close)) == "decision_over"
    assert refused(lambda: actions.withdraw_decision(by=officer, now=NOON, decision_id=decision.pk, reason="错")) == (
        "decision_over"
    )


def test_a_meeting_whose_decisions_are_in_force_is_not_cancelled(officer: Person, meeting: Meeting) -> None:
    decision = decide(officer, meeting)
    cancel = {"by": officer, "now": NOON, "meeting_id": meeting.pk}
    assert refused(lambda: actions.cancel_meeting(**cancel)) == "meeting_decided"
    actions.withdraw_decision(by=officer, now=NOON, decision_id=decision.pk, reason="会议推迟")
    for _time in range(2):
        assert actions.cancel_meeting(**cancel).state == "cancelled"
    assert refused(lambda: decide(officer, meeting)) == "meeting_over"


def test_entries_say_how_far_a_decision_is_and_none_once_they_are_unlinked(officer: Person, meeting: Meeting) -> None:
    decision = decide(officer, meeting)
    entry = record_finding(by=officer, now=NOON, finding=make_finding()).entry
    for _time in range(2):
        mandates.link_entry(by=officer, now=NOON, entry_id=entry.pk, decision_id=decision.pk)
    work = mandates.work_of([decision.pk], NOON)[decision.pk]
    assert (work.entries, work.open, work.closed) == (1, 1, 0)
    assert mandates.entry_ids_of(decision.pk) == [entry.pk]
    for _time in range(2):
        mandates.unlink_entry(by=officer, now=NOON, entry_id=entry.pk, decision_id=decision.pk)
    assert mandates.work_of([decision.pk], NOON) == {}
    mandates.link_entry(by=officer, now=NOON, entry_id=entry.pk, decision_id=decision.pk)
    assert mandates.entry_ids_of(decision.pk) == [entry.pk]
    stranger = make_person("stranger", at="110113")
    foreign = {"by": stranger, "now": NOON, "entry_id": entry.pk, "decision_id": decision.pk}
    assert refused(lambda: mandates.link_entry(**foreign)) == "decision_not_found"
    absent = {"by": officer, "now": NOON, "entry_id": uuid.uuid4(), "decision_id": decision.pk}
    assert refused(lambda: mandates.link_entry(**absent)) == "entry_not_found"


@pytest.mark.django_db(transaction=True)
def test_two_at_once_take_two_numbers(officer: Person, body: Body) -> None:
    def plan(_turn: int) -> int:
        try:
            return actions.plan_meeting(by=officer, now=NOON, body_id=body.pk, at=NOON).number
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(plan, range(4))) == [1, 2, 3, 4]
