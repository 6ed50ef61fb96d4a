"""Anybody signs up in one step, finds their page again, is checked in by a code; and nobody learns of another."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commons.volunteering.building import BEGINS, ENDS, announce, anybody, draft, form, join, sign_up, text
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.models import Record, SignUp
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import Certified, ShiftDraft
from duban.core import clock
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
NAME, PHONE = "欧阳听雪", "13911112222"


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


# ---- signing up -----------------------------------------------------------------------------------------------------


def test_one_step_and_the_own_page(worker: Person) -> None:
    shift, browser = announce(worker, 2), anybody()
    assert "2 places are free" in text(browser.get("/volunteer/"))
    secret = sign_up(browser, shift)
    page = browser.get(f"/volunteer/mine/{secret}/?done=in")
    assert "Thank you, you are in." in text(page)
    assert "王**" in text(page)
    assert "王秀兰" not in text(page)
    assert "13800138000" not in text(page)
    assert (page["Cache-Control"], page["X-Robots-Tag"], page["Referrer-Policy"]) == (
        "no-store", "noindex, nofollow", "no-referrer",
    )  # fmt: skip
    home = text(browser.get("/volunteer/"))
    assert f"/volunteer/mine/{secret}/" in home
    assert "1 place is free" in home
    assert secret not in text(anybody().get("/volunteer/"))


def test_a_second_press_leads_to_the_same_page(worker: Person) -> None:
    shift, browser = announce(worker), anybody()
    sent = form(shift)
    first, again = (browser.post(f"/volunteer/{shift.activity_id}/", sent) for _time in range(2))
    assert first["Location"] == again["Location"]
    assert SignUp.objects.count() == 1
    stranger = anybody().post(f"/volunteer/{shift.activity_id}/", sent | {"key": "x" * 22})
    assert stranger.status_code == 409
    assert sent["key"] not in text(stranger)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "contact_name"),
        ({"name": "名" * 31}, "contact_name"),
        ({"name": "a\0b"}, "Null characters"),
        ({"phone": ""}, "contact_phone"),
        ({"phone": "一三八"}, "contact_phone"),
        ({"phone": "1" * 99}, "contact_phone"),
        ({"shift": "none"}, "bad_id"),
        ({"id": "none"}, "bad_id"),
        ({"key": ""}, "bad_id"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_written(
    worker: Person, change: dict[str, str], words: str
) -> None:
    shift = announce(worker)
    sent = form(shift, name="李建国", phone="13900001111") | change
    answer = anybody().post(f"/volunteer/{shift.activity_id}/", sent)
    assert answer.status_code in {400, 409}
    assert words in text(answer)
    if "name" not in change:
        assert "李建国" in text(answer)
    assert SignUp.objects.count() == 0


def test_going_back_and_signing_somebody_else_up_is_not_lost(worker: Person) -> None:
    shift, browser = announce(worker), anybody()
    address, sent = f"/volunteer/{shift.activity_id}/", form(shift)
    assert browser.get(address)["Cache-Control"] == "no-store", "the form holds a secret"
    browser.post(address, sent)
    answer = browser.post(address, sent | {"name": "别人", "phone": "13900000009"})
    assert answer.status_code == 409
    assert "sign_up_conflict" in text(answer)
    assert SignUp.objects.count() == 1
    first, second = (browser.get(address).context["form"]["key"].value() for _time in range(2))
    assert first != second


def test_the_shift_of_another_activity_is_not_taken(worker: Person) -> None:
    one, other = announce(worker), announce(worker)
    answer = anybody().post(f"/volunteer/{one.activity_id}/", form(other))
    assert answer.status_code == 400
    assert SignUp.objects.count() == 0


def test_the_same_number_twice_is_told_at_the_number(worker: Person) -> None:
    shift = announce(worker)
    sign_up(anybody(), shift)
    answer = anybody().post(f"/volunteer/{shift.activity_id}/", form(shift, name="别人"))
    assert answer.status_code == 409
    assert "signed_up_already" in text(answer)


def test_who_waits_sees_their_turn_and_moves_up(worker: Person) -> None:
    shift = announce(worker, 1)
    first, second, third = (sign_up(anybody(), shift, phone=f"1390000000{n}") for n in range(3))
    browser = anybody()
    assert "number 2 on the waiting list" in text(browser.get(f"/volunteer/mine/{third}/"))
    answer = browser.post(f"/volunteer/mine/{first}/withdraw/", follow=True)
    assert "You gave your place back." in text(answer)
    assert "A place came free: you are in." in text(browser.get(f"/volunteer/mine/{second}/"))
    assert "number 1 on the waiting list" in text(browser.get(f"/volunteer/mine/{third}/"))
    browser.post(f"/volunteer/mine/{first}/withdraw/")
    assert list(SignUp.objects.order_by("turn").values_list("state", flat=True)) == ["withdrawn", "in", "waiting"]


def test_what_is_over_or_cancelled_takes_nobody(worker: Person, at_noon: list[Any]) -> None:
    shift, other = announce(worker), announce(worker)
    secret = sign_up(anybody(), other)
    actions.cancel_activity(by=worker, now=NOON, activity_id=other.activity_id)
    for address in (f"/volunteer/{other.activity_id}/", f"/volunteer/mine/{secret}/"):
        page = text(anybody().get(address))
        assert "it was cancelled" in page
        assert 'name="phone"' not in page
    assert anybody().post(f"/volunteer/{other.activity_id}/", form(other)).status_code == 409
    assert str(other.activity_id) not in text(anybody().get("/volunteer/"))
    at_noon[0] = ENDS
    assert 'name="phone"' not in text(anybody().get(f"/volunteer/{shift.activity_id}/"))
    assert anybody().post(f"/volunteer/{shift.activity_id}/", form(shift)).status_code == 409
    assert "Nothing is planned" in text(anybody().get("/volunteer/"))


def test_a_page_in_chinese(worker: Person) -> None:
    shift = announce(worker)
    page = text(anybody("zh-hans").get(f"/volunteer/{shift.activity_id}/"))
    assert 'lang="zh-Hans"' in page
    assert "1月20日 星期三" in page


# ---- the list -------------------------------------------------------------------------------------------------------


def test_the_pages_of_the_list_hold_every_shift_once(worker: Person, django_assert_max_num_queries: Any) -> None:
    same = [ShiftDraft(BEGINS, ENDS, 3)] * 40
    later = [ShiftDraft(BEGINS + timedelta(days=n), ENDS + timedelta(days=n), 3) for n in range(1, 21)]
    activity = actions.announce_activity(by=worker, now=NOON, draft=draft(*same, *later))
    seen: list[str] = []
    address, browser = "/volunteer/", anybody()
    for _page in range(5):
        with django_assert_max_num_queries(8):
            page = browser.get(address)
        seen += [str(one.shift.pk) for one in page.context["shifts"]]
        if not page.context["later"]:
            break
        address = f"/volunteer/{page.context['later']}"
    assert sorted(seen) == sorted(str(one.pk) for one in activity.shifts.all())
    assert len(seen) == 60


def test_the_list_of_a_town(worker: Person) -> None:
    here, there = announce(worker), announce(worker, jurisdiction="110112106")
    page = text(anybody().get("/volunteer/?at=110112106"))
    assert str(there.activity_id) in page
    assert str(here.activity_id) not in page
    assert f'value="{here.jurisdiction[:9]}"' in page


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(max_size=40))
def test_no_address_brings_it_down(worker: Person, words: str) -> None:
    part = quote(words.replace("/", ""), safe="")
    for address in (
        f"/volunteer/?at={part}&after={part}",
        f"/volunteer/feed.ics?at={part}",
        f"/volunteer/mine/{part or 'x'}/",
        f"/volunteer/here/{part or 'x'}/",
        f"/volunteer/certificates/{part or 'x'}/",
    ):
        cache.clear()
        assert anybody().get(address).status_code in {200, 301, 404}, address


# ---- being there ----------------------------------------------------------------------------------------------------


def test_the_code_at_the_meeting_point_checks_in_who_signed_up_with_this_phone(
    worker: Person, at_noon: list[Any]
) -> None:
    shift, browser = announce(worker), anybody()
    secret = sign_up(browser, shift)
    here = f"/volunteer/here/{shift.token}/"
    assert "too_early" in text(browser.post(here))
    at_noon[0] = BEGINS
    assert "I am here" in text(browser.get(here))
    assert SignUp.objects.get().came_at is None, "opening the page is not being there"
    answer = browser.post(here, follow=True)
    assert answer.redirect_chain[0][0] == f"/volunteer/mine/{secret}/?done=here"
    assert "You are on the list." in text(answer)
    at_noon[0] = BEGINS + timedelta(minutes=5)
    browser.post(here)
    assert SignUp.objects.get().came_at == BEGINS
    assert "came_already" in text(browser.post(f"/volunteer/mine/{secret}/withdraw/"))


def test_by_number_for_who_signed_up_elsewhere(worker: Person, at_noon: list[Any]) -> None:
    shift, other = announce(worker, 1), announce(worker, 1)
    sign_up(anybody(), shift)
    sign_up(anybody(), shift, phone="13900000001")
    at_noon[0] = BEGINS
    browser, here = anybody(), f"/volunteer/here/{shift.token}/"
    assert "not_on_the_list" in text(browser.post(here, {"phone": "13900000009"}))
    assert "not_on_the_list" in text(browser.post(f"/volunteer/here/{other.token}/", {"phone": "13800138000"}))
    assert "contact_phone" in text(browser.post(here, {"phone": "x"}))
    assert "not_in" in text(browser.post(here, {"phone": "13900000001"})), "who waits is not checked in"
    answer = browser.post(here, {"phone": "+86 138-0013-8000"}, follow=True)
    assert "You are on the list." in text(answer)
    assert SignUp.objects.filter(came_at=BEGINS).count() == 1


def test_who_guesses_waits(worker: Person, at_noon: list[Any]) -> None:
    shift = announce(worker)
    secret = join(shift).secret
    at_noon[0] = BEGINS
    browser = anybody()
    for number in range(10):
        assert browser.get(f"/volunteer/mine/{number}/").status_code == 404
        assert browser.post(f"/volunteer/here/{shift.token}/", {"phone": f"1390000{number:04d}"}).status_code == 404
        assert browser.get(f"/volunteer/certificates/{number}/").status_code == 404
    assert browser.get("/volunteer/mine/x/").status_code == 429
    assert browser.get("/volunteer/certificates/x/").status_code == 429
    assert browser.post(f"/volunteer/here/{shift.token}/", {"phone": "13800130001"}).status_code == 429
    assert browser.get(f"/volunteer/mine/{secret}/").status_code == 200, "neighbours behind one address go on"


# ---- hours ----------------------------------------------------------------------------------------------------------


def certified(worker: Person, at_noon: list[Any]) -> tuple[str, Record]:
    """Somebody's secret and their record."""
    shift = announce(worker)
    made = join(shift, name=NAME)
    actions.check_in(now=BEGINS, secret=made.secret, token=shift.token)
    row = Certified(made.sign_up.pk, 150, "清理楼道堆物", "安全讲解", "通报表扬", "认真负责")
    record = actions.certify_hours(by=worker, now=ENDS, shift_id=shift.pk, rows=[row])[0]
    at_noon[0] = ENDS
    return made.secret, record


def test_the_certificate_bears_the_name_and_its_code_tells_less(worker: Person, at_noon: list[Any]) -> None:
    secret, record = certified(worker, at_noon)
    browser = anybody()
    assert "2 h 30 min" in text(browser.get(f"/volunteer/mine/{secret}/"))
    for language, words in (("en", "Certificate of volunteer service"), ("zh-hans", "2021")):
        answer = anybody(language).get(f"/volunteer/mine/{secret}/certificate.pdf")
        assert answer["Cache-Control"] == "no-store"
        page = text_of(answer)
        for part in (words, NAME, record.number, "清理楼道堆物", "安全讲解", "通报表扬", "认真负责", "艺苑西里居委会"):
            assert part in page
        assert "1380013" not in page
    told = text(browser.get(f"/volunteer/certificates/{record.code}/"))
    for part in ("This certificate stands.", record.number, "欧***", "2 h 30 min", "清理楼道堆物", "艺苑西里居委会"):
        assert part in told
    assert NAME not in told


def test_a_certificate_that_was_taken_back_says_so(worker: Person, at_noon: list[Any]) -> None:
    secret, record = certified(worker, at_noon)
    actions.revoke_record(by=worker, now=ENDS, record_id=record.pk)
    assert "does not stand" in text(anybody().get(f"/volunteer/certificates/{record.code}/"))
    assert anybody().get(f"/volunteer/mine/{secret}/certificate.pdf").status_code == 409
    row = Certified(record.sign_up_id, 120, "清理楼道堆物")
    again = actions.certify_hours(by=worker, now=ENDS, shift_id=record.sign_up.shift_id, rows=[row])[0]
    assert again.number in text_of(anybody().get(f"/volunteer/mine/{secret}/certificate.pdf"))
    assert "does not stand" in text(anybody().get(f"/volunteer/certificates/{record.code}/"))


def test_without_hours_there_is_no_certificate(worker: Person) -> None:
    secret = join(announce(worker)).secret
    assert anybody().get(f"/volunteer/mine/{secret}/certificate.pdf").status_code == 404


# ---- nobody learns of another ---------------------------------------------------------------------------------------


def test_no_public_page_tells_who_signed_up(worker: Person, at_noon: list[Any]) -> None:
    shift = announce(worker, 1)
    join(shift, name=NAME, phone=PHONE)
    other = sign_up(anybody(), shift)
    seen = ""
    for reader in (anybody(), Client()):
        for address in (
            "/volunteer/",
            f"/volunteer/{shift.activity_id}/",
            f"/volunteer/{shift.activity_id}/shifts.ics",
            "/volunteer/feed.ics",
            f"/volunteer/here/{shift.token}/",
            f"/volunteer/mine/{other}/",
            f"/volunteer/mine/{other}/shift.ics",
        ):
            answer = reader.get(address)
            assert answer.status_code == 200, address
            seen += text(answer)
    assert not [part for part in (NAME, NAME[:2], PHONE, PHONE[-4:], PHONE[:7]) if part in seen]
