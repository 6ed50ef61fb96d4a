"""Filing online: sent twice it is there once, decided once, numbered without a gap, and its names lie encrypted."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.commons.register.building import (
    AT,
    PDF,
    TEN,
    application,
    list_places,
    make_application,
    make_organisation,
    refused,
)

from duban.access.models import Person
from duban.commons.contact import Contact, open_contact
from duban.commons.models import Application, ApplicationState, Organisation
from duban.commons.register import actions, documents, filing
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


@pytest.fixture
def worker(db: None) -> Person:
    list_places()
    return make_person("worker", "community_worker", "110112004")


def file(worker: Person, made: Application, now: datetime = NOON, **more: Any) -> Organisation:
    return filing.file_application(by=worker, now=now, application_id=made.pk, **more)


def test_from_the_form_to_the_register(worker: Person) -> None:
    made, secret = make_application(charter=PDF)
    filing.return_application(by=worker, now=NOON, application_id=made.pk, reasons="名册少一人的电话")
    assert filing.application_of(secret).reasons == "名册少一人的电话"
    filing.resend_application(now=LATER, secret=secret, draft=application(name="夕阳红合唱社"))
    one = file(worker, made, LATER)
    assert (one.name, one.tier, one.filing_number) == ("夕阳红合唱社", "filed", "110112004-2021-0001")
    assert (one.members, one.jurisdiction, one.about, one.kind) == (10, AT, "周二唱歌", "club")
    assert one.filing_number.lower() in Organisation.objects.get().search
    assert list(one.life.order_by("pk").values_list("what", "after")) == [
        ("founded", "夕阳红合唱社"),
        ("tier", "filed"),
    ]
    people = [(open_contact(row.sealed), row.role) for row in one.roster.order_by("pk")]
    assert people[0] == (Contact("居民1", "13800000001"), "会长")
    assert len(people) == 10
    _found, data = documents.take_document(
        by=worker, now=NOON, organisation_id=one.pk, document_id=one.documents.get().pk
    )
    assert data == PDF
    kept = filing.application_of(secret)
    assert (kept.state, kept.organisation) == (ApplicationState.FILED, one)
    told = filing.told_of(kept)
    assert (told.applicant.name, told.roster, told.charter) == ("王阿姨", [], {})
    assert file(worker, made, LATER).pk == one.pk
    assert Organisation.objects.count() == 1


def test_the_same_form_twice_is_one_application_with_one_address(worker: Person) -> None:
    form = uuid.uuid4()
    first, secret = filing.apply_to_file(now=NOON, draft=application(), form_id=form)
    again, same = filing.apply_to_file(now=LATER, draft=application(about="别的"), form_id=form)
    assert (first.pk, secret) == (again.pk, same)
    assert Application.objects.get().facts["about"] == "周二唱歌"
    # Whoever knows the key of an application, as the office does, learns its address from nothing.
    assert filing.apply_to_file(now=NOON, draft=application(), form_id=first.pk)[1] != secret
    assert secret not in str(list(Application.objects.values()))


def test_numbers_follow_without_a_gap_by_town_and_year(worker: Person) -> None:
    anywhere = make_person("district", "community_worker")
    numbers = []
    for n, (at, now) in enumerate(
        [(AT, NOON), ("110112005", NOON), (AT, NOON), (AT, datetime(2022, 1, 1, tzinfo=UTC))]
    ):
        made, _secret = make_application(f"第{n}社", at=at)
        assert refused(lambda made=made: file(anywhere, made, seen="sent:0")) == "application_changed"  # type: ignore[misc]
        numbers.append(file(anywhere, made, now).filing_number)
    assert numbers == ["110112004-2021-0001", "110112005-2021-0001", "110112004-2021-0002", "110112004-2022-0001"]


def test_the_year_is_the_offices(worker: Person) -> None:
    made, _secret = make_application()
    assert file(worker, made, datetime(2020, 12, 31, 17, tzinfo=UTC)).filing_number == "110112004-2021-0001"


def test_a_number_that_somebody_typed_is_passed_over(worker: Person) -> None:
    make_organisation(worker, "老社", filing_number="110112004-2021-0001")
    made, _secret = make_application()
    assert file(worker, made).filing_number == "110112004-2021-0002"


def test_a_refused_filing_takes_no_number(worker: Person) -> None:
    make_organisation(worker, "夕阳红合唱队")
    twin, _secret = make_application()
    assert refused(lambda: file(worker, twin)) == "organisation_there"
    made, _secret = make_application("另一队")
    assert file(worker, made).filing_number == "110112004-2021-0001"
    assert Application.objects.get(pk=twin.pk).state == ApplicationState.SENT


def test_a_guided_group_is_filed_and_keeps_its_life(worker: Person) -> None:
    group = make_organisation(worker, "夕阳红合唱组", tier="guided", members="8")
    filed = make_organisation(worker, "已备案社", filing_number="YQ-3")
    far = make_organisation(make_person("d", "community_worker"), "远处组", at="110112005", tier="guided")
    made, _secret = make_application()
    assert refused(lambda: file(worker, made, into=filed.pk)) == "already_filed"
    for other in (far.pk, uuid.uuid4()):
        assert refused(lambda other=other: file(worker, made, into=other)) == "organisation_not_found"  # type: ignore[misc]
    one = file(worker, made, into=group.pk)
    assert (one.pk, one.name, one.tier, one.members) == (group.pk, "夕阳红合唱组", "filed", 10)
    assert one.filing_number == "110112004-2021-0001"
    assert [row for row in one.life.values_list("what", "before", "after") if row[0] == "tier"] == [
        ("tier", "guided", "filed")
    ]
    assert one.roster.count() == 10


def test_steps_are_taken_from_their_states_alone(worker: Person) -> None:
    ends = {"file": ApplicationState.FILED, "refuse": ApplicationState.REFUSED}
    for n, (end, state) in enumerate(ends.items()):
        made, secret = make_application(f"第{n}队")
        step: dict[str, Any] = {"by": worker, "now": NOON, "application_id": made.pk}
        assert refused(lambda step=step: filing.refuse_application(**step, reasons=" ")) == "reasons_missing"  # type: ignore[misc]
        if end == "file":
            filing.file_application(**step)
        else:
            filing.refuse_application(**step, reasons="不在本街道")
        acts = [
            lambda step=step: filing.return_application(**step, reasons="x"),
            lambda step=step: filing.refuse_application(**step, reasons="x"),
            lambda secret=secret: filing.resend_application(now=NOON, secret=secret, draft=application()),
        ]
        acts += [lambda step=step: filing.file_application(**step)] if end == "refuse" else []
        assert {refused(act) for act in acts} == {"application_decided"}  # type: ignore[arg-type]
        assert Application.objects.get(pk=made.pk).state == state


def test_a_reviewer_who_read_an_older_one_is_told(worker: Person) -> None:
    made, secret = make_application()
    seen = filing.mark_of(made)
    filing.resend_application(now=LATER, secret=secret, draft=application(about="别的"))
    step: dict[str, Any] = {"by": worker, "now": LATER, "application_id": made.pk, "seen": seen}
    assert refused(lambda: filing.file_application(**step)) == "application_changed"
    assert refused(lambda: filing.return_application(**step, reasons="x")) == "application_changed"
    assert not Organisation.objects.exists()


@pytest.mark.parametrize(
    ("facts", "code", "field"),
    [
        ({"name": ""}, "name_missing", "name"),
        ({"kind": "合唱"}, "unknown_kind", "kind"),
        ({"category": "nothing"}, "unknown_category", "category"),
        ({"category": "\x00"}, "unknown_category", "category"),
        ({"jurisdiction": "110112"}, "unknown_place", "jurisdiction"),
        ({"jurisdiction": "110112004999"}, "unknown_place", "jurisdiction"),
        ({"jurisdiction": "玉桥"}, "bad_code", "jurisdiction"),
        ({"about": " "}, "about_missing", "about"),
        ({"applicant": ""}, "contact_name", "name"),
        ({"phone": "一三八"}, "contact_phone", "phone"),
        ({"roster": TEN.rsplit("\n", 1)[0]}, "few_members", "members"),
        ({"roster": "张三，会长，很多，话\n" * 10}, "bad_roster_line", "members"),
        ({"roster": "张三\n" * 501}, "too_many_members", "members"),
        ({"charter": b"MZ\x90", "charter_name": "a.exe"}, "document_type", "file"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_kept(
    worker: Person, facts: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DubanError) as refusal:
        filing.apply_to_file(now=NOON, draft=application(**facts), form_id=uuid.uuid4())
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not Application.objects.exists()


def test_only_who_reviews_there_opens_it_and_the_look_is_written_down(worker: Person) -> None:
    made, _secret = make_application()
    step: dict[str, Any] = {"now": NOON, "application_id": made.pk}
    for role, at in (("community_worker", "110112005"), ("leader", "110112"), ("supervisor", "110112")):
        by = make_person(f"{role}-{at}", role, at)
        acts = (
            lambda by=by: filing.open_application(by=by, **step),
            lambda by=by: filing.take_charter(by=by, **step),
            lambda by=by: filing.return_application(by=by, reasons="x", **step),
            lambda by=by: filing.file_application(by=by, **step),
        )
        assert {refused(act) for act in acts} == {"application_not_found"}  # type: ignore[arg-type]
    told = filing.open_application(by=worker, **step)
    assert told.roster[0].name == "居民1"
    assert AuditRecord.objects.filter(action="open_application").count() == 1
    assert b"\xe5\xb1\x85\xe6\xb0\x911" not in bytes(made.sealed)


def test_secrets_that_open_nothing(worker: Person) -> None:
    for secret in ("", "x", "é", "a" * 500):
        assert refused(lambda secret=secret: filing.application_of(secret)) == "application_not_found"  # type: ignore[misc]


def test_names_of_those_who_were_refused_are_deleted_in_time(worker: Person) -> None:
    made, secret = make_application(charter=PDF)
    sent, _other = make_application("等着的队")
    filing.refuse_application(by=worker, now=NOON, application_id=made.pk, reasons="不在本街道")
    assert filing.forget_applications(by=Console(), now=NOON + filing.KEPT_FOR) == 0
    files = set(documents.folder().glob("*.sealed"))
    assert filing.forget_applications(by=Console(), now=NOON + filing.KEPT_FOR + timedelta(days=1)) == 1
    assert filing.forget_applications(by=Console(), now=NOON + filing.KEPT_FOR + timedelta(days=1)) == 0
    told = filing.told_of(filing.application_of(secret))
    assert (told.applicant.name, told.roster, told.charter) == ("", [], {})
    assert filing.told_of(sent).roster
    assert files


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_file_it_once_and_leave_no_gap(worker: Person) -> None:
    made = [make_application(f"第{n}队")[0] for n in range(6)]

    def attempt(turn: int) -> str:
        try:
            return file(worker, made[turn % 6]).filing_number
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(attempt, range(18)))
    assert set(numbers) == {f"110112004-2021-{n:04d}" for n in range(1, 7)}
    assert Organisation.objects.count() == 6
    assert all(numbers[n] == numbers[n + 6] == numbers[n + 12] for n in range(6))


@pytest.mark.django_db(transaction=True)
def test_the_same_form_pressed_many_times_at_once(worker: Person) -> None:
    form = uuid.uuid4()

    def press(_turn: int) -> tuple[uuid.UUID, str]:
        try:
            made, secret = filing.apply_to_file(now=NOON, draft=application(), form_id=form)
            return made.pk, secret
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(press, range(12)))) == 1
    assert Application.objects.count() == 1


class Filings(RuleBasedStateMachine):
    """Whatever applicants and reviewers do in whatever order: numbers have no gap, and nothing decided changes."""

    def __init__(self) -> None:
        super().__init__()
        list_places()
        self.worker = make_person(f"w{uuid.uuid4().hex[:8]}", "community_worker")
        self.made: list[tuple[Application, str]] = []
        self.decided: dict[uuid.UUID, str] = {}
        self.before = set(Organisation.objects.values_list("pk", flat=True))

    @rule()
    def apply(self) -> None:
        form = uuid.uuid4()
        self.made.append(filing.apply_to_file(now=NOON, draft=application(name=f"队{form.hex[:12]}"), form_id=form))

    @rule(which=st.integers(0, 30), act=st.sampled_from(["return", "refuse", "file", "resend"]))
    def step(self, which: int, act: str) -> None:
        if not self.made:
            return
        made, secret = self.made[which % len(self.made)]
        key: dict[str, Any] = {"by": self.worker, "now": NOON, "application_id": made.pk}
        try:
            if act == "file":
                filing.file_application(**key)
            elif act == "resend":
                filing.resend_application(now=NOON, secret=secret, draft=application(name=made.name))
            else:
                {"return": filing.return_application, "refuse": filing.refuse_application}[act](**key, reasons="理由")
        except DubanError as refusal:
            assert refusal.code == "application_decided"  # noqa: PT017
        state = Application.objects.get(pk=made.pk).state
        if made.pk in self.decided:
            assert state == self.decided[made.pk]
        elif state in ("filed", "refused"):
            self.decided[made.pk] = state

    @invariant()
    def numbers_have_no_gap(self) -> None:
        filed = Organisation.objects.exclude(pk__in=self.before)
        numbers = sorted(int(number.rpartition("-")[2]) for number in filed.values_list("filing_number", flat=True))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        assert len(numbers) == sum(state == "filed" for state in self.decided.values())


def test_numbers_hold_whatever_is_done() -> None:
    run_state_machine_as_test(Filings, settings=settings(max_examples=10, stateful_step_count=15, deadline=None))


def test_what_is_written_can_be_found_by_name(worker: Person) -> None:
    made, _secret = make_application()
    one = file(worker, made)
    assert actions.mark_of(one) == actions.mark_of(Organisation.objects.get(pk=one.pk))
