"""Exposing in a real browser, from visit to printed column; and a round, from the plan to an inspector’s hand."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.patrol.exposing import make_checklist, make_venue, make_visit

from duban.access.models import Person
from duban.bulletin.models import Issue
from duban.core import clock
from duban.demo.builders import make_person
from duban.patrol.models import Exposure, RoundVenue


@pytest.fixture
def people(transactional_db: None) -> dict[str, Person]:
    made = {role: make_person(role, role) for role in ("supervisor", "inspector", "publisher")}
    return made | {"second": make_person("second", "supervisor")}


def test_a_venue_is_exposed_by_two_persons_and_stands_in_the_bulletin(
    open_page: Callable[..., Page],
    people: dict[str, Person],
    log_in: Callable[..., None],
    accessible: Callable[[Page], None],
) -> None:
    make_visit(make_venue("丛林美食"), make_checklist(), ("code_scan", "masks"), at=clock.now() - timedelta(hours=1))
    first, second = open_page(), open_page()
    log_in(first, people["supervisor"])
    log_in(second, people["second"])

    first.goto("/patrol/exposures/")
    accessible(first)
    first.locator("a[href*='/propose/']").first.click()
    accessible(first)
    first.locator("form.column button[type=submit]").click()
    first.wait_for_url(re.compile(r"/patrol/exposures/[0-9a-f-]{36}/$"))
    accessible(first)
    address = first.url
    first.locator("#reply_stand").select_option("mended")
    first.locator("#reply_words").fill("当天已改")
    first.locator("form[action$='/reply/'] button[type=submit]").click()
    expect(first.locator("form[action$='/approve/']")).to_have_count(0)

    second.goto(address)
    second.locator("form[action$='/approve/'] button").click()
    expect(second.locator("form[action$='/approve/']")).to_have_count(0)
    assert Exposure.objects.get().state == "approved"

    anybody = open_page(width=360, dark=True)
    anybody.goto("/patrol/exposed/")
    accessible(anybody)
    expect(anybody.locator(".exposure-card")).to_contain_text("从业人员未佩戴口罩")
    expect(anybody.locator("main")).not_to_contain_text("当天已改")

    first.goto("/bulletins/desk/")
    first.locator("form[action$='/new/'] button[type=submit]").first.click()
    first.wait_for_url(re.compile(r"/bulletins/desk/[0-9a-f-]{36}/$"))
    column = first.locator("#part-exposed")
    expect(column.locator("[data-held] .item")).to_have_count(1)
    column.locator(".take-out").click()
    expect(first.locator(".sheet-counts [data-count=exposed]")).to_have_text("0")
    column.locator("summary").click()
    column.locator(".put-in").click()
    expect(column.locator("[data-held] .item")).to_have_count(1)
    first.locator("[data-save-bar] button").click()
    expect(first.locator("[data-save-bar][data-on]")).to_have_count(0)
    accessible(first)
    issue = Issue.objects.get()
    publisher = open_page()
    log_in(publisher, people["publisher"])
    publisher.goto(f"/bulletins/desk/{issue.pk}/")
    publisher.locator("form[action$='/approve/'] button").click()
    third = open_page()
    log_in(third, people["second"])
    third.goto(f"/bulletins/desk/{issue.pk}/")
    third.locator("form[action$='/publish/'] button").click()
    expect(third.locator(".bulletin-exposed")).to_contain_text("丛林美食")
    anybody.goto(f"/bulletins/{issue.pk}/")
    expect(anybody.locator(".bulletin-exposures")).to_contain_text("称已整改")
    accessible(anybody)


def test_a_round_is_planned_at_the_desk_and_walked_with_a_phone(
    open_page: Callable[..., Page],
    people: dict[str, Person],
    log_in: Callable[..., None],
    accessible: Callable[[Page], None],
) -> None:
    venues = [make_venue(f"面馆{number}", lon=116.70 + number / 100, lat=39.9) for number in range(6)]
    desk = open_page()
    log_in(desk, people["supervisor"])
    desk.goto("/patrol/rounds/")
    accessible(desk)
    desk.locator("#id_title").fill("节前检查")
    desk.locator("#id_size").fill("4")
    expect(desk.locator("#preview b").last).to_have_text("4")
    desk.locator("#id_inspectors").fill("inspector")
    desk.locator("#id_seed").evaluate("field => { field.closest('details').open = true; field.value = '腊月' }")
    desk.locator("form[hx-get] button[type=submit]").click()
    desk.wait_for_url(re.compile(r"/patrol/rounds/[0-9a-f-]{36}/$"))
    expect(desk.locator("dd[hx-get] .done")).to_be_visible()
    accessible(desk)
    planned = desk.url

    phone = open_page(width=360, touch=True, language="en")
    context: Any = phone.context
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"longitude": 116.75, "latitude": 39.9})
    log_in(phone, people["inspector"])
    phone.goto("/patrol/rounds/mine/")
    expect(phone.locator(".stop")).to_have_count(4)
    phone.locator("[data-nearest]").click()
    phone.wait_for_url(re.compile(r"lon=116\.75"))
    names = phone.locator(".stop-name").all_inner_texts()
    drawn = RoundVenue.objects.filter(drawn=True).values_list("venue__name", flat=True)
    assert names == sorted(drawn, reverse=True)
    accessible(phone)
    phone.locator(".stop").first.click()
    phone.wait_for_url(re.compile(r"/patrol/visits/start/.*round="))

    make_visit(next(venue for venue in venues if venue.name == names[0]), make_checklist(), (), at=clock.now())
    phone.goto("/patrol/rounds/mine/")
    expect(phone.locator(".stop")).to_have_count(3)
    desk.goto(planned)
    desk.locator("form[action$='/close/'] button[type=submit]").click()
    expect(desk.locator("#close-mend")).to_be_visible()
    desk.locator("#close-reason").fill("雪大")
    desk.locator("form[action$='/close/'] button[type=submit]").click()
    expect(desk.locator("form[action$='/close/']")).to_have_count(0)
    assert RoundVenue.objects.filter(missed=True).count() == 3
