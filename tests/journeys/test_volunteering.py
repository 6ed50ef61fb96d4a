"""A neighbour signs up on a phone, scans the poster and is on the list; every page on the way reads well."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.commons.volunteering.building import draft, join

from duban.access.models import Person
from duban.commons.models import SignUp
from duban.commons.volunteering import actions
from duban.commons.volunteering.actions import ShiftDraft
from duban.core import clock
from duban.demo.builders import make_person


@pytest.mark.django_db(transaction=True)
def test_from_the_phone_to_the_list(
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Person], None],
    accessible: Callable[[Page], None],
) -> None:
    worker, now = make_person("worker", "community_worker"), clock.now()
    today = ShiftDraft(now - timedelta(hours=1), now + timedelta(hours=2), 2)
    later = ShiftDraft(now + timedelta(days=3), now + timedelta(days=3, hours=2), 5)
    activity = actions.announce_activity(by=worker, now=now, draft=draft(today, later, lon=116.67, lat=39.89))
    shift = activity.shifts.order_by("begins_at")[0]
    join(shift, 1, now=now)

    phone = open_page(width=360, touch=True)
    phone.goto("/volunteer/")
    accessible(phone)
    phone.get_by_role("link", name="我要参加").first.click()
    phone.get_by_role("button", name="我要参加").click()
    accessible(phone)
    expect(phone.get_by_text("请填写姓名")).to_be_visible()
    phone.get_by_label("您的姓名").fill("王秀兰")
    phone.get_by_label("您的电话").fill("138 0013 8000")
    phone.get_by_role("button", name="我要参加").click()
    expect(phone.get_by_text("报名成功")).to_be_visible()
    accessible(phone)
    phone.goto(f"/volunteer/here/{shift.token}/")
    accessible(phone)
    phone.get_by_role("button", name="我到了").first.click()
    expect(phone.get_by_text("已签到")).to_be_visible()

    waiting = open_page(width=360, language="en", dark=True)
    waiting.goto(f"/volunteer/mine/{join(shift, 3, now=now).secret}/")
    expect(waiting.get_by_text("number 1 on the waiting list")).to_be_visible()
    accessible(waiting)

    desk = open_page(language="en", width=360)
    log_in(desk, worker)
    desk.goto(f"/commons/shifts/{shift.pk}/")
    expect(desk.get_by_text("王秀兰")).to_have_count(0)
    desk.get_by_role("button", name="Show names and numbers").click()
    expect(desk.get_by_text("王秀兰")).to_be_visible()
    desk.get_by_role("button", name="Is here", exact=True).click()
    expect(desk.locator("tr.came")).to_have_count(2)
    accessible(desk)
    desk.get_by_role("link", name="Certify hours").click()
    accessible(desk)
    desk.get_by_role("button", name="Certify for those ticked").click()
    expect(desk.get_by_text("2 records are certified.")).to_be_visible()
    accessible(desk)
    assert SignUp.objects.filter(records__isnull=False).count() == 2

    phone.goto("/volunteer/")
    phone.locator(".own-list a").click()
    answer: Any = phone.request.get(f"{phone.url}certificate.pdf")
    assert answer.body().startswith(b"%PDF")
