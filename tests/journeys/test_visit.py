"""Visits in a browser: a whole one with a thumb, its tab closed in the middle; two at once; the page's inspection."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.demo import layers
from duban.demo.builders import NOON, make_jpeg, make_person
from duban.demo.inspection import CALLS, PLACES, Call
from duban.ledger.models import Entry, EntryPhoto
from duban.patrol.brief import Span, Wanted, brief_of
from duban.patrol.models import Answer, Failure, Visit, VisitState
from duban.places.actions import load_jurisdictions
from duban.venues.actions import record_venue
from duban.venues.models import Venue

LogIn = Callable[[Page, Any], None]
Check = Callable[[Page], None]


@pytest.fixture
def inspector(transactional_db: None) -> Person:
    return make_person("zhou", "inspector", name="周巡")


@pytest.fixture
def venue(inspector: Person) -> Venue:
    return record_venue(by=inspector, now=NOON, name="平安面馆", kind="restaurant", lon=116.72, lat=39.95,
                        jurisdiction="110112106")  # fmt: skip


def photos(*seeds: int) -> list[Any]:
    return [{"name": f"{seed}.jpg", "mimeType": "image/jpeg", "buffer": make_jpeg(seed)} for seed in seeds]


def begin(page: Page, venue: Venue) -> None:
    page.goto(f"/patrol/visits/start/{venue.pk}/")
    page.get_by_role("button", name=re.compile("Begin the visit|开始检查")).click()
    expect(page.locator("[data-visit][data-ready]")).to_be_visible()


def say(page: Page, result: str, key: str = "") -> None:
    """Press a result, of the question at hand or of one in the list."""
    question = page.locator(f"#q-{key}" if key else ".question.now")
    question.locator(f".result[data-result={result}]").click()


def sent(page: Page) -> None:
    expect(page.locator("[data-keeping][data-state=sent]")).to_be_attached()


def test_a_whole_visit_with_a_thumb_its_tab_closed_in_the_middle(
    open_page: Callable[..., Page], inspector: Person, venue: Venue, log_in: LogIn, accessible: Check
) -> None:
    page = open_page(width=360, language="en", touch=True)
    log_in(page, inspector)
    page.goto(f"/patrol/visits/start/{venue.pk}/")
    accessible(page)
    begin(page, venue)
    accessible(page)
    expect(page.locator("[data-far]")).to_have_text("0 / 8")
    say(page, "fail")
    page.locator(".question.now input[type=file]").set_input_files(photos(1, 2, 3))
    expect(page.locator(".question.now [data-sha]")).to_have_count(3)
    page.get_by_role("button", name="Next").click()
    say(page, "pass")
    expect(page.locator("#q-thermometer")).to_be_visible()
    say(page, "fail")
    page.locator(".question.now input[type=file]").set_input_files(photos(4, 5))
    expect(page.locator(".question.now [data-sha]")).to_have_count(2)
    sent(page)
    # The network dies; what is answered now is kept on the phone alone, and then the tab is closed.
    page.route(re.compile("/(answers|photos)/$"), lambda route: route.abort("aborted"))
    page.get_by_role("button", name="Next").click()
    say(page, "fail")
    page.locator(".question.now textarea").fill("无测温")
    page.locator(".question.now input[type=file]").set_input_files(photos(6))
    expect(page.locator("[data-waiting]")).to_be_attached()
    expect(page.locator("[data-keeping]")).to_contain_text("no connection")
    expect(page.locator("[data-far]")).to_have_text("4 / 8")
    page.wait_for_function(KEPT)
    assert Answer.objects.count() == 3
    context = page.context
    page.close()
    page = context.new_page()
    page.goto(f"/patrol/visits/start/{venue.pk}/")
    expect(page.locator("[data-visit][data-ready]")).to_be_visible()
    expect(page.locator("[data-far]")).to_have_text("4 / 8")
    sent(page)
    assert Visit.objects.count() == 1
    assert sorted(len(answer.photos) for answer in Answer.objects.all()) == [0, 1, 2, 3]
    assert Answer.objects.get(key="temperature").note == "无测温"
    for key in ("masks", "disinfection", "ventilation"):
        expect(page.locator(".question.now")).to_have_attribute("data-key", key)
        say(page, "pass")
    expect(page.locator(".question.now")).to_have_attribute("data-key", "smoking")
    say(page, "na")
    expect(page.locator("[data-far]")).to_have_text("8 / 8")
    page.get_by_role("link", name="To the end").click()
    page.get_by_label("owner").check()
    box = page.locator("canvas")
    box.scroll_into_view_if_needed()
    corner = box.bounding_box()
    assert corner
    page.mouse.move(corner["x"] + 20, corner["y"] + 20)
    page.mouse.down()
    page.mouse.move(corner["x"] + 200, corner["y"] + 60, steps=4)
    page.mouse.up()
    accessible(page)
    page.get_by_role("button", name="Finish the visit").click()
    expect(page.get_by_text("3 items failed, 3 on the ledger")).to_be_visible()
    expect(page.get_by_alt_text("Signature")).to_be_visible()
    accessible(page)
    visit = Visit.objects.get()
    assert (visit.state, visit.signed_as) == (VisitState.FINISHED, "owner")
    assert visit.signature
    assert sorted(Answer.objects.filter(result="fail").values_list("key", flat=True)) == [
        "code_scan", "temperature", "thermometer",
    ]  # fmt: skip
    assert EntryPhoto.objects.count() == 6
    for address in (
        "/patrol/visits/?failed=1",
        "/patrol/failures/",
        "/patrol/notices/",
        f"/patrol/visits/start/{venue.pk}/",
    ):
        page.goto(address)
        accessible(page)
    slip = page.request.get(f"/patrol/visits/{visit.pk}/slip.pdf")
    assert slip.body().startswith(b"%PDF")


KEPT = """async () => {
  const open = indexedDB.open("duban-patrol");
  const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
  const count = (store) => new Promise((done) => {
    const asked = base.transaction(store).objectStore(store).count();
    asked.onsuccess = () => done(asked.result);
  });
  const [answers, photos] = [await count("answers"), await count("photos")];
  base.close();
  return answers === 1 && photos === 1;
}"""


def test_two_inspectors_at_one_venue_at_once(
    open_page: Callable[..., Page], inspector: Person, venue: Venue, log_in: LogIn, accessible: Check
) -> None:
    other = make_person("zhao", "inspector", name="赵巡")
    mine, theirs = open_page(language="en"), open_page(width=360, language="en", touch=True)
    log_in(mine, inspector)
    log_in(theirs, other)
    begin(mine, venue)
    theirs.goto(f"/patrol/visits/start/{venue.pk}/")
    expect(theirs.get_by_text("周巡 has a visit under way here.")).to_be_visible()
    begin(theirs, venue)
    for page, result in ((mine, "fail"), (theirs, "pass")):
        if page is theirs:
            page.get_by_role("button", name="All in a list").click()
        say(page, result, "temperature")
        sent(page)
    for page in (mine, theirs):
        page.get_by_role("link", name="To the end").click()
        page.get_by_role("button", name=re.compile("unanswered down as not inspected")).click()
        page.get_by_role("button", name="Finish the visit").click()
    expect(theirs.get_by_text("1 answer differs.")).to_be_visible()
    accessible(theirs)
    mine.reload()
    expect(mine.get_by_text("1 answer differs.")).to_be_visible()
    accessible(mine)
    assert Visit.objects.filter(state=VisitState.FINISHED).count() == 2
    assert Failure.objects.get().key == "temperature"


def test_the_inspection_of_the_page_entered_in_the_browser(
    open_page: Callable[..., Page], transactional_db: None, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = make_person("sun", name="孙督办")
    load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
    venues = {
        place: record_venue(
            by=supervisor, now=NOON, name=place.name, kind=place.kind, jurisdiction=place.jurisdiction, lon=place.lon,
            lat=place.lat, address=place.address,
        )
        for place in PLACES
    }  # fmt: skip
    page = open_page()
    # Twenty-three visits, one after another, on a machine that may be busy.
    page.set_default_timeout(60_000)
    log_in(page, supervisor)
    seeds = iter(range(1, 1000))
    for call in CALLS:
        monkeypatch.setattr(clock, "now", lambda at=call.at: at)
        enter(page, call, venues[call.place], seeds)
    found = brief_of(Wanted(Span(date(2021, 1, 18), date(2021, 1, 19))))
    assert (found.towns_inspected, found.town_problems, found.street_problems) == (11, 5, 2)
    assert {line.key: line.problems for line in found.with_problems} == {
        "110112104": 3, "110112109": 1, "110112114": 1, "110112003": 2,
    }  # fmt: skip
    assert found.lookback.clean
    assert found.sentence["zh"] == (
        "2021年1月18日至19日，对11个乡镇开展检查指导，共发现问题5处（宋庄镇3处、马驹桥镇1处、台湖镇1处）；"
        "对3个街道开展检查指导，共发现问题2处（北苑街道2处）。对此前发现的4项问题开展“回头看”，暂无未整改问题。"
    )
    assert Entry.objects.count() == Failure.objects.count() == sum(len(call.failed) for call in CALLS)


def enter(page: Page, call: Call, venue: Venue, seeds: Any) -> None:
    page.goto(f"/patrol/visits/start/{venue.pk}/")
    page.get_by_role(
        "button", name=re.compile("Begin the re-check|开始复查" if call.recheck else "Begin the visit|开始检查")
    ).click()
    expect(page.locator("[data-visit][data-ready]")).to_be_visible()
    page.evaluate("document.querySelectorAll('.question .result [value=pass]').forEach((one) => one.click())")
    for key, note in call.failed:
        question = page.locator(f"#q-{key}")
        say(page, "fail", key)
        question.locator("textarea").fill(note)
        question.locator("input[type=file]").set_input_files(photos(next(seeds)))
        expect(question.locator("[data-sha]")).to_have_count(1)
    page.locator("[data-finish]").click()
    page.wait_for_url("**/finish/")
    page.locator(".ending button[type=submit]").click()
    page.wait_for_url(re.compile("/patrol/visits/(?!start).*(?<!finish)/$"))
    assert Visit.objects.filter(venue=venue, state=VisitState.UNDER_WAY).count() == 0
