"""Never more pledged than needed, whoever comes at once; delivered in parts, verified with photos."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.commons.building import COMMUNITY

from duban.access.models import Person
from duban.commons.contact import Contact, checked_contact, open_contact
from duban.commons.models import Delivery, Pledge, PostedNeed
from duban.commons.pairing import actions, queries
from duban.commons.pairing.actions import NeedDraft
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person, make_photo

pytestmark = pytest.mark.django_db
DUE = date(2021, 2, 10)
SOMEBODY = Contact("王老师", "13800138000")


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def post(worker: Person, target: int = 60, **more: Any) -> PostedNeed:
    draft = NeedDraft("楼门文化作品", "幅", target, DUE, COMMUNITY, **more)
    return actions.post_need(by=worker, now=NOON, draft=draft)


def pledge(need: PostedNeed, number: int, partner: str = "运河中学", **more: Any) -> actions.Pledged:
    facts = {"now": NOON, "partner": partner, "contact": SOMEBODY, "pledge_id": uuid.uuid4(), **more}
    return actions.pledge(need_id=need.pk, number=number, **facts)


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def bar(need: PostedNeed) -> queries.Bar:
    need.refresh_from_db()
    return queries.bars_of([need])[need.pk]


def test_sixty_works_by_two_partners_in_parts(worker: Person) -> None:
    need, photo = post(worker), make_photo(1, by=worker)
    school, centre = pledge(need, 40), pledge(need, 20, "青少年活动中心")
    assert refused(lambda: pledge(need, 1)) == "need_met"
    first = actions.deliver(now=NOON, secret=school.secret, number=25, photos=[photo])
    assert refused(lambda: actions.deliver(now=NOON, secret=school.secret, number=16)) == "more_than_pledged"
    second = actions.deliver(now=NOON, secret=centre.secret, number=20)
    judge: dict[str, Any] = {"by": worker, "now": NOON}
    actions.verify_delivery(**judge, delivery_id=first.pk, good=True)
    assert refused(lambda: actions.verify_delivery(**judge, delivery_id=second.pk, good=True)) == "photo_missing"
    actions.verify_delivery(**judge, delivery_id=second.pk, good=True, photos=[photo])
    assert refused(lambda: actions.verify_delivery(**judge, delivery_id=second.pk, good=True)) == "delivery_judged"
    third = actions.deliver(now=NOON, secret=school.secret, number=15, photos=[photo])
    assert refused(lambda: actions.verify_delivery(**judge, delivery_id=third.pk, good=False)) == "reason_missing"
    actions.verify_delivery(**judge, delivery_id=third.pk, good=False, reason="画框破损")
    assert bar(need) == queries.Bar(60, 60, 45, 45)
    actions.deliver(now=NOON, secret=school.secret, number=15, photos=[photo])
    assert bar(need) == queries.Bar(60, 60, 60, 45)
    closed = actions.close_need(**judge, need_id=need.pk, after=photo, thanks="谢谢同学们")
    assert (closed.closed_at, closed.after) == (NOON, photo)
    assert refused(lambda: pledge(need, 1)) == "need_closed"


def test_no_more_than_is_left_and_what_is_taken_back_is_free(worker: Person) -> None:
    need = post(worker)
    first = pledge(need, 50)
    assert refused(lambda: pledge(need, 11)) == "too_many"
    assert refused(lambda: pledge(need, 0)) == "bad_number"
    actions.deliver(now=NOON, secret=first.secret, number=10)
    for _time in range(2):
        actions.withdraw_pledge(now=NOON, secret=first.secret)
    assert bar(need) == queries.Bar(60, 10, 10, 0)
    second = pledge(need, 50)
    for _time in range(2):
        actions.withdraw_pledge(now=NOON, secret=second.secret)
    assert bar(need).pledged == 10
    assert refused(lambda: actions.deliver(now=NOON, secret=second.secret, number=1)) == "pledge_withdrawn"
    assert refused(lambda: actions.deliver(now=NOON, secret="guess", number=1)) == "pledge_not_found"


def test_a_replay_pledges_once_and_does_not_show_the_secret_again(worker: Person) -> None:
    need, key = post(worker), uuid.uuid4()
    first, again = (pledge(need, 20, pledge_id=key) for _time in range(2))
    assert first.pledge == again.pledge
    assert (bool(first.secret), again.secret) == (True, "")
    assert bar(need).pledged == 20


def test_who_pledged_is_kept_encrypted(worker: Person) -> None:
    made = pledge(post(worker), 1).pledge
    assert b"13800138000" not in bytes(made.sealed)
    assert open_contact(made.sealed) == SOMEBODY
    assert SOMEBODY.masked == Contact("王**", "138****00")
    assert refused(lambda: checked_contact("", "13800138000")) == "contact_name"
    assert refused(lambda: checked_contact("王", "一三八")) == "contact_phone"
    assert checked_contact(" 王 ", "+86 138-0013-8000").phone == "13800138000"


def test_bad_needs_and_other_offices(worker: Person) -> None:
    past = NeedDraft("画", "幅", 60, date(2021, 1, 17), COMMUNITY)
    assert refused(lambda: actions.post_need(by=worker, now=NOON, draft=past)) == "due_in_the_past"
    assert refused(lambda: post(worker, 0)) == "bad_target"
    assert refused(lambda: post(worker, before="0" * 64)) == "unknown_photo"
    stranger = make_person("stranger", "community_worker", "110113")
    need = post(worker)
    assert refused(lambda: post(stranger)) == "not_allowed"
    assert refused(lambda: actions.close_need(by=stranger, now=NOON, need_id=need.pk)) == "need_not_found"
    late = NOON + timedelta(days=60)
    assert refused(lambda: pledge(need, 1, now=late)) == "need_closed"


def test_a_pairing_is_signed_once(worker: Person) -> None:
    facts: dict[str, Any] = {"by": worker, "now": NOON, "jurisdiction": COMMUNITY, "partner": "运河中学"}
    first, again = (actions.pair(**facts, signed_on=date(2020, 9, 1)) for _time in range(2))
    assert first == again
    end = {"by": worker, "now": NOON, "pairing_id": first.pk}
    assert refused(lambda: actions.end_pairing(**end, until=date(2019, 1, 1))) == "ends_before"
    actions.end_pairing(**end, until=date(2021, 9, 1))


@pytest.mark.django_db(transaction=True)
def test_two_hundred_at_once_for_sixty(worker: Person) -> None:
    need = post(worker)

    def attempt(turn: int) -> bool:
        try:
            pledge(need, 1, f"居民组{turn}")
        except DubanError as refusal:
            if refusal.code != "need_met":
                raise
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(200))) == 60
    assert bar(need).pledged == 60
    assert Pledge.objects.filter(need=need).count() == 60


class Pledges(RuleBasedStateMachine):
    """Whatever partners do in whatever order, the sums are those of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = make_person(f"w{uuid.uuid4().hex[:8]}", "community_worker")
        self.need = post(self.worker, 30)
        self.photo = make_photo(1, by=self.worker)
        self.secrets: list[str] = []

    @rule(number=st.integers(0, 12))
    def sign_up(self, number: int) -> None:
        try:
            self.secrets.append(pledge(self.need, number).secret)
        except DubanError as refusal:
            assert refusal.code in {"need_met", "too_many", "bad_number"}  # noqa: PT017

    @rule(which=st.integers(0, 20), number=st.integers(1, 12))
    def bring(self, which: int, number: int) -> None:
        if self.secrets:
            try:
                actions.deliver(now=NOON, secret=self.secrets[which % len(self.secrets)], number=number)
            except DubanError as refusal:
                assert refusal.code in {"pledge_withdrawn", "more_than_pledged"}  # noqa: PT017

    @rule(which=st.integers(0, 20), good=st.booleans())
    def judge(self, which: int, good: bool) -> None:
        waiting = list(Delivery.objects.filter(pledge__need=self.need, verified_by__isnull=True).order_by("pk"))
        if waiting:
            actions.verify_delivery(
                by=self.worker, now=NOON, delivery_id=waiting[which % len(waiting)].pk, good=good, reason="不符",
                photos=[self.photo],
            )  # fmt: skip

    @rule(which=st.integers(0, 20))
    def take_back(self, which: int) -> None:
        if self.secrets:
            actions.withdraw_pledge(now=NOON, secret=self.secrets[which % len(self.secrets)])

    @invariant()
    def sums_hold(self) -> None:
        found = bar(self.need)
        standing = Pledge.objects.filter(need=self.need, withdrawn_at=None)
        assert found.pledged == sum(one.number for one in standing)
        assert found.verified <= found.delivered <= found.pledged <= found.target


def test_sums_hold_whatever_partners_do() -> None:
    run_state_machine_as_test(Pledges, settings=settings(max_examples=12, stateful_step_count=20, deadline=None))
