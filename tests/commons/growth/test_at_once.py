"""Two at once: a slot has one holder, a stage is reached once, a course is begun once, whichever database it is."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connections
from tests.commons.growth.building import make_organisation

from duban.commons.growth import actions
from duban.commons.growth.actions import MilestoneDraft
from duban.commons.models import LifeEvent, Milestone, Organisation, PartyRole, Service
from duban.commons.register.categories import load_categories
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person, make_photo

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2021, 1, 18)


def at_once(*acts: object) -> Counter[str]:
    """How each of the acts ended: "done", or with which refusal."""

    def one(act: object) -> str:
        try:
            act()  # type: ignore[operator]
        except DubanError as refusal:
            return refusal.code
        else:
            return "done"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(one, acts))


def test_eight_take_a_slot_and_one_holds_it(transactional_db: None) -> None:
    load_categories()
    worker = make_person("worker", "community_worker")
    one = make_organisation(stage="admitted")

    def take(number: int) -> object:
        return lambda: actions.fill_party(
            by=worker, now=NOON, organisation_id=one.pk, party="runs", unit=f"单位{number}", since=TODAY
        )

    assert at_once(*map(take, range(8))) == {"done": 8}
    assert PartyRole.objects.filter(until=None).count() == Organisation.objects.get().slots == 1
    assert PartyRole.objects.count() == 8


def test_a_stage_is_reached_once_and_none_is_skipped(transactional_db: None) -> None:
    load_categories()
    worker = make_person("worker", "community_worker")
    one, proof = make_organisation(stage="admitted"), make_photo(1, by=worker)

    def reach(stage: str) -> object:
        return lambda: actions.set_stage(
            by=worker, now=NOON, organisation_id=one.pk, stage=stage, on=TODAY, evidence=proof, note="说明"
        )

    ended = at_once(*map(reach, ["growing"] * 6))
    assert ended == {"done": 6}
    event = LifeEvent.objects.get()
    assert (event.before, event.after) == ("admitted", "growing")


def test_a_service_sent_twice_at_once_is_one(transactional_db: None) -> None:
    load_categories()
    worker = make_person("worker", "community_worker")
    one, key = make_organisation(), uuid.uuid4()

    def sign() -> None:
        actions.sign_service(
            by=worker, now=NOON, organisation_id=one.pk, name="服务", buyer="办事处", amount=Decimal(1),
            signed_on=TODAY, milestones=[MilestoneDraft("报告", TODAY)], service_id=key,
        )  # fmt: skip

    assert at_once(*[sign] * 6) == {"done": 6}
    assert (Service.objects.count(), Milestone.objects.count()) == (1, 1)


def test_a_course_sent_twice_at_once_is_one(transactional_db: None) -> None:
    worker, key = make_person("worker", "community_worker"), uuid.uuid4()
    kept = []

    def begin() -> None:
        kept.append(
            actions.make_course(
                by=worker, now=NOON, name="课", provider="明峰", jurisdiction="110112", begins_on=TODAY, course_id=key
            ).pk
        )

    assert at_once(*[begin] * 6) == {"done": 6}
    assert set(kept) == {key}
