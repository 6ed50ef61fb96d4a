"""Standing in: what is lent, from when until when, and that nobody judges their own work through another."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from duban.access import actions, rights
from duban.access.models import Delegation, Person, RoleAt
from duban.access.queries import people_who_may
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import make_person

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def giver() -> Person:
    return make_person("sun", "supervisor", "110112")


@pytest.fixture
def taker() -> Person:
    return make_person("li", "inspector", "110112106")


def again(person: Person) -> Person:
    """As the next request reads the person."""
    return Person.objects.get(pk=person.pk)


def lend(giver: Person, taker: Person, start: datetime, end: datetime) -> Delegation:
    return actions.start_delegation(by=giver, now=clock.now(), taker=taker.username, start=start, end=end)


def test_in_force_the_taker_may_what_the_giver_may_now(giver: Person, taker: Person, now: datetime) -> None:
    assert not rights.may(again(taker), "entry.triage", "110112")
    lend(giver, taker, now - DAY, now + DAY)
    assert rights.may(again(taker), "entry.triage", "110112")
    RoleAt.objects.filter(person=giver).delete()
    assert not rights.may(again(taker), "entry.triage", "110112")


@pytest.mark.parametrize(("start", "end"), [(1, 2), (-3, 0)])
def test_out_of_its_days_nothing_is_lent(giver: Person, taker: Person, now: datetime, start: int, end: int) -> None:
    Delegation.objects.create(giver=giver, taker=taker, start=now + start * DAY, end=now + end * DAY, created=now)
    assert again(taker).held_roles == [("inspector", "110112106", "")]


@pytest.mark.parametrize("ends", ["giver", "taker"])
def test_either_ends_it(giver: Person, taker: Person, now: datetime, ends: str) -> None:
    delegation = lend(giver, taker, now, now + DAY)
    by = {"giver": giver, "taker": taker}[ends]
    actions.end_delegation(by=by, now=now, delegation_id=delegation.pk)
    assert not rights.may(again(taker), "entry.triage", "110112")
    assert AuditRecord.objects.filter(action="end_delegation").count() == 1


def test_nobody_else_ends_it(giver: Person, taker: Person, now: datetime) -> None:
    delegation = lend(giver, taker, now, now + DAY)
    with pytest.raises(DubanError) as refusal:
        actions.end_delegation(by=make_person("wu"), now=now, delegation_id=delegation.pk)
    assert refusal.value.code == "unknown_delegation"


def test_a_closed_account_lends_nothing(giver: Person, taker: Person, now: datetime) -> None:
    lend(giver, taker, now, now + DAY)
    Person.objects.filter(pk=giver.pk).update(is_active=False)
    assert not rights.may(again(taker), "entry.triage", "110112")


def test_what_was_lent_is_not_lent_on(giver: Person, taker: Person, now: datetime) -> None:
    third = make_person("wu", "handler", "110112106")
    lend(giver, taker, now, now + DAY)
    lend(again(taker), third, now, now + DAY)
    roles = {role for role, _code, _kind in again(third).held_roles}
    assert roles == {"handler", "inspector"}


def test_history_says_for_whom(giver: Person, taker: Person, now: datetime) -> None:
    lend(giver, taker, now, now + DAY)
    assert again(taker).as_actor()["roles"] == [
        ["supervisor", "110112", {"for": "sun"}],
        ["inspector", "110112106"],
    ]
    assert again(giver).as_actor()["roles"] == [["supervisor", "110112"]]


def test_ones_own_role_is_not_marked_as_lent(giver: Person, now: datetime) -> None:
    colleague = make_person("li", "supervisor", "110112")
    lend(giver, colleague, now, now + DAY)
    assert again(colleague).held_roles == [("supervisor", "110112", "")]
    assert again(colleague).as_actor()["roles"] == [["supervisor", "110112"]]


def test_a_lent_right_does_not_reach_the_givers_own_work(giver: Person, taker: Person, now: datetime) -> None:
    lend(giver, taker, now, now + DAY)
    assert rights.may(again(taker), "bulletin.approve", "110112")
    assert not rights.may(again(taker), "bulletin.approve", "110112", apart_from=["sun"])
    colleague = make_person("wang", "publisher", "110112")
    lend(giver, colleague, now, now + DAY)
    assert rights.may(again(colleague), "bulletin.approve", "110112", apart_from=["sun"])


def test_who_is_told_includes_the_stand_in(giver: Person, taker: Person, now: datetime) -> None:
    assert [name for _pk, name in people_who_may("entry.triage", "110112106251")] == ["sun"]
    lend(giver, taker, now, now + DAY)
    assert sorted(name for _pk, name in people_who_may("entry.triage", "110112106251", "event")) == ["li", "sun"]


def test_roles_and_what_is_lent_are_one_query(giver: Person, taker: Person, now: datetime, django_assert_num_queries):
    lend(giver, taker, now, now + DAY)
    person = again(taker)
    with django_assert_num_queries(1):
        assert len(person.held_roles) == 2
        assert person.as_actor()["roles"]
        assert rights.codes(person, "entry.triage") == ["110112"]


def test_refusals_name_what_is_wrong(giver: Person, taker: Person, now: datetime) -> None:
    idle = make_person("wu")
    RoleAt.objects.filter(person=idle).delete()
    cases = [
        (giver, "sun", now, now + DAY, "own_stand_in"),
        (giver, "nobody", now, now + DAY, "unknown_person"),
        (again(idle), "li", now, now + DAY, "nothing_to_lend"),
        (giver, "li", now, now, "bad_period"),
        (giver, "li", now - 3 * DAY, now - DAY, "bad_period"),
        (giver, "li", now, now + 400 * DAY, "period_too_long"),
    ]
    for by, name, start, end, code in cases:
        with pytest.raises(DubanError) as refusal:
            actions.start_delegation(by=by, now=now, taker=name, start=start, end=end)
        assert refusal.value.code == code
    lend(giver, taker, now, now + 3 * DAY)
    with pytest.raises(DubanError) as refusal:
        lend(giver, taker, now + 2 * DAY, now + 5 * DAY)
    assert refusal.value.code == "lent_already"


def test_pages_start_show_and_end_it(client: Client, giver: Person, taker: Person) -> None:
    client.force_login(giver)
    today = clock.now().date()
    days = {"taker": "li", "start": today - DAY, "end": today + DAY}
    assert client.post(reverse("access:lend"), days | {"taker": "nobody"}).context["form"].errors["taker"]
    assert client.post(reverse("access:lend"), days).status_code == 302
    assert "li" in client.get(reverse("access:own")).content.decode()
    other = Client()
    other.force_login(taker)
    page = other.get(reverse("access:own"), headers={"accept-language": "en"}).content.decode()
    assert "standing in for sun" in page
    delegation = Delegation.objects.get()
    assert other.post(reverse("access:end_lending", args=[delegation.pk])).status_code == 302
    assert not rights.may(again(taker), "entry.triage", "110112")
