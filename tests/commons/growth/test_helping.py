"""Courses with who came, and services with what was due: all or nothing, and again changes nothing."""

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.commons.growth.building import make_organisation
from tests.commons.growth.test_growing import TODAY, TOWN, refused

from duban.access.models import Person
from duban.commons.growth import actions, queries
from duban.commons.growth.actions import Attended, BadGrowth, MilestoneDraft
from duban.commons.growth.forms import read_attendance, read_milestones
from duban.commons.models import Course, CourseAttendance, CourseSession, Milestone, Service
from duban.core.errors import Conflict, NotAllowed, NotFound
from duban.demo.builders import NOON, make_person, make_photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker", TOWN)


def course(worker: Person, **more: Any) -> Course:
    facts = {"name": "蓄能充电", "provider": "明峰", "jurisdiction": TOWN, "begins_on": date(2020, 6, 1)} | more
    return actions.make_course(by=worker, now=NOON, **facts)


def session(worker: Person, **more: Any) -> CourseSession:
    facts = {"course_id": course(worker).pk, "at": NOON - timedelta(days=3), "topic": "议事规则"} | more
    return actions.add_session(by=worker, now=NOON, **facts)


def test_a_course_once_and_a_session_once(worker: Person) -> None:
    key = uuid.uuid4()
    first, again = course(worker, course_id=key), course(worker, course_id=key, name="别的")
    assert first == again
    assert Course.objects.get().name == "蓄能充电"
    one = session(worker, course_id=first.pk)
    two = session(worker, course_id=first.pk, topic="议事规则(二)")
    assert one == two
    assert CourseSession.objects.get().topic == "议事规则(二)"
    with refused("session_before_course"):
        session(worker, course_id=first.pk, at=NOON - timedelta(days=900))
    for code, more in (("name_missing", {"name": ""}), ("provider_missing", {"provider": "\t"})):
        with refused(code):
            course(worker, **more)
    with refused("not_allowed", NotAllowed):
        course(worker, jurisdiction="110112106")


def test_who_came_is_written_as_a_whole_or_not_at_all(worker: Person) -> None:
    one, two, elsewhere = make_organisation(), make_organisation("二"), make_organisation("三", "110112106001")
    at = session(worker)
    come = {"by": worker, "now": NOON, "session_id": at.pk}
    with refused("organisation_not_found", NotFound):
        actions.record_attendance(attended=[Attended(one.pk, 2), Attended(elsewhere.pk, 1)], **come)
    with refused("named_twice"):
        actions.record_attendance(attended=[Attended(one.pk, 2), Attended(one.pk, 3)], **come)
    with refused("bad_people"):
        actions.record_attendance(attended=[Attended(one.pk, -1)], **come)
    assert not CourseAttendance.objects.exists()
    actions.record_attendance(attended=[Attended(one.pk, 2), Attended(two.pk, 5)], **come)
    actions.record_attendance(attended=[Attended(one.pk, 4), Attended(two.pk, 0)], **come)
    assert list(CourseAttendance.objects.values_list("organisation__name", "people")) == [("夕阳红合唱队", 4)]
    ahead = session(worker, at=NOON + timedelta(days=1), course_id=at.course_id)
    with refused("session_ahead", Conflict):
        actions.record_attendance(by=worker, now=NOON, session_id=ahead.pk, attended=[Attended(one.pk, 2)])


def test_lines_are_read_by_name_or_number_and_a_bad_one_is_named(worker: Person) -> None:
    one = make_organisation("小红帽 服务队", filing_number="玉备-1", tier="filed")
    make_organisation("同名", "110112004001")
    make_organisation("同名", "110112004002")
    assert read_attendance(worker, "小红帽服务队 3人\n\n") == [Attended(one.pk, 3, 1)]
    assert read_attendance(worker, "\n玉备-1，12") == [Attended(one.pk, 12, 2)]
    for text, code, line in (
        ("小红帽服务队 3\n没有这个 2", "unknown_name", 2),
        ("同名 2", "name_of_several", 1),
        ("小红帽服务队", "bad_line", 1),
        ("小红帽服务队 三", "bad_line", 1),
        ("小红帽服务队 \x00 3", "bad_line", 1),
        ("", "attendance_missing", None),
        ("x 1\n" * 501, "too_many_lines", None),
    ):
        with pytest.raises(BadGrowth) as wrong:
            read_attendance(worker, text)
        assert (wrong.value.code, wrong.value.row) == (code, line), text


def sign(worker: Person, **more: Any) -> Service:
    facts = {
        "name": "培育发展", "buyer": "玉桥街道办事处", "amount": Decimal("320000"), "signed_on": date(2020, 3, 2),
        "milestones": [MilestoneDraft("报告", date(2020, 6, 1)), MilestoneDraft("展示", date(2021, 3, 1))],
    } | more  # fmt: skip
    return actions.sign_service(by=worker, now=NOON, **facts)


def test_a_service_is_signed_once_with_its_milestones(worker: Person) -> None:
    one, key = make_organisation(), uuid.uuid4()
    first = sign(worker, organisation_id=one.pk, service_id=key)
    assert sign(worker, organisation_id=one.pk, service_id=key) == first
    assert (Service.objects.count(), Milestone.objects.count()) == (1, 2)
    for code, more in (
        ("bad_amount", {"amount": Decimal(-1)}),
        ("bad_amount", {"amount": Decimal("NaN")}),
        ("bad_amount", {"amount": Decimal("1e40")}),
        ("day_ahead", {"signed_on": TODAY + timedelta(days=1)}),
        ("due_before", {"milestones": [MilestoneDraft("报告", date(2020, 1, 1))]}),
        ("milestone_missing", {"milestones": [MilestoneDraft(" ", date(2020, 6, 1))]}),
        ("buyer_missing", {"buyer": ""}),
    ):
        with refused(code):
            sign(worker, organisation_id=one.pk, **more)
    assert Service.objects.count() == 1


def test_a_milestone_is_late_until_it_is_met_with_evidence(worker: Person) -> None:
    service = sign(worker, organisation_id=make_organisation().pk)
    late, ahead = service.milestones.order_by("due_on")
    assert list(queries.late_milestones([TOWN], TODAY)) == [late]
    assert not queries.late_milestones(["110112106"], TODAY).exists()
    meet = {"by": worker, "now": NOON, "milestone_id": late.pk, "met_on": TODAY}
    with refused("evidence_missing"):
        actions.meet_milestone(evidence="", **meet)
    with refused("unknown_evidence"):
        actions.meet_milestone(evidence="f" * 64, **meet)
    proof = make_photo(3, by=worker)
    for code, day in (("day_ahead", TODAY + timedelta(days=1)), ("met_before_signing", date(2020, 3, 1))):
        with refused(code):
            actions.meet_milestone(evidence=proof, **(meet | {"met_on": day}))
    actions.meet_milestone(evidence=proof, **meet)
    again = actions.meet_milestone(evidence=make_photo(4, by=worker), **(meet | {"met_on": TODAY - timedelta(days=1)}))
    assert (again.met_on, again.evidence) == (TODAY, proof)
    assert not queries.late_milestones([TOWN], TODAY).exists()
    shown = queries.service_shown(service, list(service.milestones.all()), ahead.due_on + timedelta(days=1))
    assert (shown.met, shown.late) == (1, 1)


def test_a_milestone_added_twice_is_one(worker: Person) -> None:
    service = sign(worker, organisation_id=make_organisation().pk, milestones=[])
    draft = MilestoneDraft("总结", date(2021, 5, 1))
    for _twice in range(2):
        actions.add_milestone(by=worker, now=NOON, service_id=service.pk, draft=draft)
    assert service.milestones.count() == 1
    stranger = make_person("stranger", "community_worker", "110112106")
    with refused("service_not_found", NotFound):
        actions.add_milestone(by=stranger, now=NOON, service_id=service.pk, draft=draft)


def test_milestones_are_read_line_by_line() -> None:
    assert read_milestones("需求调研 报告 2020-6-5\n\n五次培训，2020-09-10") == [
        MilestoneDraft("需求调研 报告", date(2020, 6, 5), 1),
        MilestoneDraft("五次培训", date(2020, 9, 10), 3),
    ]
    for text in ("报告", "报告 2020-13-01", "报告 明天", "x" * 300 + " 2020-01-01"):
        with refused("bad_line"):
            read_milestones(text)
