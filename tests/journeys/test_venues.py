"""The register in a real browser: on a phone at the door of a shop, and at the desk with the map."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues.actions import record_venue, record_venues
from duban.venues.contact import Contact
from duban.venues.drafts import VenueDraft
from duban.venues.models import Venue
from duban.venues.types import load_types

TOWN = "110112110"


@pytest.fixture
def supervisor(transactional_db: None) -> Person:
    load_types()
    return make_person("sun", name="孙督办")


def test_an_inspector_at_the_door_adds_the_venue_that_is_not_there_yet(
    open_page: Callable[..., Page],
    supervisor: Person,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
) -> None:
    there = record_venue(
        by=supervisor, now=NOON, name="好味面馆", kind="restaurant", jurisdiction=TOWN, lon=116.8, lat=39.8
    )
    page = open_page(width=360, language="en", touch=True)
    log_in(page, make_person("zhou", "inspector", TOWN, name="周巡"))
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": 116.8003, "latitude": 39.8, "accuracy": 8})
    page.goto("/venues/add/")
    page.get_by_label("Name", exact=True).fill("好味面馆二店")
    page.get_by_label("Type").select_option("restaurant")
    page.get_by_role("button", name="Where I stand").click()
    expect(page.get_by_label("Longitude")).to_have_value("116.800300")
    expect(page.locator("#offers")).to_contain_text("好味面馆")
    expect(page.locator("#offers").get_by_role("link")).to_have_attribute("href", f"/patrol/venues/{there.pk}/")
    page.get_by_label("Area").select_option(TOWN)
    page.get_by_label("Contact’s name").fill("张建国")
    page.get_by_label("Contact’s phone").fill("13800001234")
    accessible(page)
    page.get_by_role("button", name="Put it on the register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("好味面馆二店")
    expect(page.locator(".one-sticker svg")).to_be_visible()
    expect(page.get_by_role("link", name="Start a visit")).to_be_visible()
    expect(page.locator("main")).to_contain_text("张**")
    assert Venue.objects.count() == 2
    accessible(page)
    page.get_by_role("link", name="Open the contact").click()
    page.get_by_label("What the contact is needed for").select_option("visit")
    page.get_by_role("button", name="Open the contact").click()
    expect(page.locator("main")).to_contain_text("13800001234")
    assert AuditRecord.objects.filter(action="open_contact").exists()


def test_at_the_desk_the_list_is_sifted_without_reloading_and_stickers_are_printed(
    open_page: Callable[..., Page],
    supervisor: Person,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
) -> None:
    drafts = [VenueDraft(f"第{n}面馆", "restaurant", TOWN, 116.7 + n / 1000, 39.8) for n in range(60)]
    record_venues(by=supervisor, now=NOON, drafts=[*drafts, VenueDraft("小超市", "supermarket", TOWN)])
    page = open_page(width=1280, language="en")
    log_in(page, supervisor)
    page.goto("/venues/")
    expect(page.locator("#rows [data-row]")).to_have_count(50)
    page.evaluate("window.stayed = true")
    page.get_by_label("Search").fill("xiaochaoshi")
    expect(page.locator("#rows [data-row]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?text=xiaochaoshi$"))
    page.get_by_role("link", name=re.compile("xiaochaoshi")).click()
    expect(page.locator("#rows [data-row]")).to_have_count(50)
    expect(page.get_by_label("Search")).to_have_value("")
    page.locator("#rows").get_by_role("link", name="Next").click()
    expect(page.locator("#rows [data-row]")).to_have_count(11)
    page.go_back()
    # What the back button put there listens as what was there first: filters, and the map with its button.
    page.get_by_label("Search").fill("面馆")
    expect(page.locator("#rows")).to_contain_text("60 venues")
    expect(page).to_have_url(f"{page.url.split('?')[0]}?{urlencode({'text': '面馆'})}")
    page.get_by_label("Type").select_option("supermarket")
    expect(page.locator("#rows")).to_contain_text("No venue answers this filter")
    page.go_back()
    expect(page.get_by_label("Type")).to_have_value("")
    expect(page.locator("#rows [data-row]")).to_have_count(50)
    expect(page.locator("duban-map canvas")).to_be_visible()
    page.get_by_role("button", name="Map").click()
    expect(page.locator("duban-map")).to_be_hidden()
    page.get_by_role("button", name="Map").click()
    expect(page.locator("duban-map canvas")).to_be_visible()
    accessible(page)
    for name in ("第0面馆", "第1面馆"):
        page.get_by_label(f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Print their QR stickers").click()
    expect(page.locator(".stickers li")).to_have_count(2)
    with page.expect_response(re.compile(r"stickers\.pdf")) as answer:
        page.evaluate("fetch(document.querySelector('a.btn-primary').href)")
    assert answer.value.headers["content-type"] == "application/pdf"


def test_a_table_is_tried_before_it_is_taken(
    open_page: Callable[..., Page],
    supervisor: Person,
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
) -> None:
    record_venue(by=supervisor, now=NOON, name="老店", kind="shop", jurisdiction=TOWN, contact=Contact("张", ""))
    page = open_page(language="en")
    log_in(page, supervisor)
    page.goto("/venues/")
    page.get_by_role("link", name="Import", exact=True).last.click()
    table = f"name,venue_type,jurisdiction\n老店,shop,{TOWN}\n新店,shop,{TOWN}\n坏店,casino,{TOWN}\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "venues.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".tally")).to_contain_text("1 new")
    expect(page.locator("main")).to_contain_text("unknown_venue_type")
    accessible(page)
    assert Venue.objects.count() == 1
    page.get_by_role("button", name="Take the good rows").click()
    expect(page.locator(".messages")).to_contain_text("1 venues added")
    assert Venue.objects.count() == 2
