"""The main job in a real browser: a photo in the field becomes a before and after in a numbered bulletin."""

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_finding, make_person, make_photo
from duban.demo.pictures import draw_picture
from duban.demo.story import load_places
from duban.ledger import actions, recording
from duban.ledger.models import Entry

TOWN = "110112106"
Pages = Callable[..., Page]
LogIn = Callable[[Page, Any], None]


@pytest.fixture
def staff(transactional_db: None) -> dict[str, Person]:
    """The demo's map, and one person for each part of the work."""
    load_places(now=clock.now())
    return {
        "inspector": make_person("chen", "inspector", name="陈巡查"),
        "supervisor": make_person("zhao", "supervisor", name="赵督办"),
        "handler": make_person("wang", "handler", TOWN, name="漷县王承办"),
        "publisher": make_person("sun", "publisher", name="孙发布"),
    }


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """The same corner before and after; the first says where it was taken."""
    made = {}
    for name, cleared in (("before", False), ("after", True)):
        made[name] = tmp_path / f"{name}.jpg"
        at = None if cleared else (116.7716, 39.7505)
        made[name].write_bytes(draw_picture(3, cleared=cleared, taken_at=clock.now() - timedelta(hours=1), at=at))
    return made


def choose(page: Page, *files: Path) -> None:
    """Choose pictures and wait until the server has them."""
    page.locator("input[type=file]:not([capture])").first.set_input_files(files)
    expect(page.locator("[data-kept]")).to_have_count(len(files))


def press_primary(page: Page, label: str) -> None:
    page.locator(".act-now").get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Done")).to_be_visible()


def test_from_a_photo_to_a_numbered_bulletin(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person], pictures: dict[str, Path]
) -> None:
    pages = {}
    for who, person in staff.items():
        pages[who] = open_page(language="en")
        log_in(pages[who], person)

    # The inspector: photo, category, a click on the map.
    page = pages["inspector"]
    page.goto("/ledger/add/")
    choose(page, pictures["before"])
    page.get_by_text("Exposed rubbish", exact=True).click()
    page.locator("#id_description").fill("村口路边有生活垃圾")
    page.locator("duban-map[data-ready]").click(position={"x": 280, "y": 190})
    expect(page.locator("#id_lon")).not_to_have_value("")
    expect(page.locator(".proposal .statement")).not_to_be_empty()
    # The photo knows better where it was.
    page.get_by_role("button", name="Where the photo was taken").click()
    expect(page.locator("#id_lon")).to_have_value("116.771600")
    expect(page.locator(".proposal")).to_contain_text("漷县镇")
    statement = page.locator(".proposal .statement").inner_text()
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(statement)
    expect(page.locator(".lifeline .here")).to_contain_text("found")
    expect(page.locator(".act-now")).to_have_count(0)
    address = page.url
    number = page.locator(".facts-line .name").first.inner_text()

    # The supervisor: from the desk to the entry, on the ledger, to the town.
    page = pages["supervisor"]
    page.goto("/desk/")
    page.locator("#list tr[data-row]", has_text=number).get_by_role("link").click()
    expect(page).to_have_url(address)
    press_primary(page, "Put on the ledger")
    expect(page.get_by_label("Unit", exact=True)).to_have_value(TOWN)
    press_primary(page, "Assign")
    expect(page.locator(".waiting")).to_contain_text("漷县镇")

    # The town: the same corner, cleared; without a photo it is not believed.
    page = pages["handler"]
    page.goto(address)
    page.locator(".act-now").get_by_role("button", name="Submit the remedy").click()
    expect(page.locator(".mend")).to_contain_text("after_photo_missing")
    choose(page, pictures["after"])
    press_primary(page, "Submit the remedy")
    expect(page.locator("img-comparison-slider")).to_be_visible()

    # Back at the district: before and after side by side, struck off, into the bulletin.
    page = pages["supervisor"]
    page.goto(address)
    press_primary(page, "Verify and strike off")
    page.get_by_role("link", name="Verify").click()
    expect(page.locator("#verified")).to_contain_text("Whole: 5 events")
    page.goto("/bulletins/desk/")
    page.get_by_role("button", name="New draft").click()
    expect(page.get_by_text(number)).to_be_visible()
    draft = page.url

    # The second person reads it and says yes.
    page = pages["publisher"]
    page.goto(draft)
    page.locator("form[action$='/approve/']").get_by_role("button").click()
    expect(page.locator(".state[data-state=approved]").first).to_be_visible()

    page = pages["supervisor"]
    page.goto(draft)
    page.locator("form[action$='/publish/']").get_by_role("button").click()
    expect(page.locator(".state[data-state=published]").first).to_be_visible()

    # Anybody reads it.
    reader = open_page(language="en")
    reader.goto("/bulletins/")
    reader.locator("main").get_by_role("link", name=re.compile("1")).first.click()
    expect(reader.get_by_text(statement).first).to_be_visible()
    shown = reader.locator("main img")
    expect(shown).to_have_count(2)
    for index in range(2):
        image = shown.nth(index)
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("picture => picture.naturalWidth") > 0
    # The originals, with what they say of the phone, stay with the office.
    original = Entry.objects.get(number=number).photos.first()
    assert original is not None
    answer = reader.request.get(f"/ledger/photos/{original.photo_id}/original/")
    assert "image" not in answer.headers["content-type"]


def test_on_a_phone_three_taps_make_a_finding(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person], pictures: dict[str, Path]
) -> None:
    page = open_page(width=360, language="en", touch=True)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": 116.7720, "latitude": 39.7503, "accuracy": 9})
    log_in(page, staff["inspector"])
    page.goto("/ledger/add/")
    expect(page.get_by_text("Take a photo")).to_be_visible()
    with page.expect_file_chooser() as camera:
        page.get_by_text("Take a photo").tap()
    camera.value.set_files(pictures["after"])
    page.get_by_text("Exposed rubbish", exact=True).tap()
    # Where the phone stands was asked when the photo was taken; the bar at the foot says what it found.
    expect(page.locator("[data-save-place]")).not_to_be_empty()
    expect(page.locator("[data-kept]")).to_have_count(1)
    page.get_by_role("button", name="Record it").tap()
    expect(page.locator(".lifeline .here")).to_contain_text("found")
    entry = Entry.objects.get()
    assert (entry.position_source, entry.accuracy_m, entry.photos.count()) == ("gps", 9.0, 1)
    assert entry.responsible == TOWN
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_was_chosen_survives_an_error(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person], pictures: dict[str, Path]
) -> None:
    page = open_page(language="en")
    log_in(page, staff["inspector"])
    page.goto("/ledger/add/")
    choose(page, pictures["before"], pictures["after"])
    page.locator("[data-drop]").first.click()
    expect(page.locator("[data-kept]")).to_have_count(1)
    page.get_by_role("button", name="Record it").click()
    expect(page.locator(".mend", has_text="number_missing").first).to_be_visible()
    expect(page.locator("[data-kept]")).to_have_count(1)
    # Pasted from a map app, latitude first; the other datum moves the place and says so.
    page.locator("#id_lon").evaluate(
        """field => {
          const data = new DataTransfer();
          data.setData("text", "39.7505, 116.7716");
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#id_lat")).to_have_value("39.7505")
    page.get_by_label("Datum").select_option("gcj02")
    expect(page.locator(".proposal")).to_contain_text("Converted to WGS-84")
    page.get_by_text("Exposed rubbish", exact=True).click()
    page.get_by_role("button", name="Record it").click()
    expect(page.locator(".lifeline .here")).to_contain_text("found")
    entry = Entry.objects.get()
    assert entry.datum_in == "gcj02"
    assert entry.lon == pytest.approx(116.7716 - 0.0061, abs=0.001)


def fill(person: Person, count: int) -> list[Entry]:
    now = clock.now()
    photo = make_photo(1, by=person)
    findings = [
        make_finding(seed, found_at=now - timedelta(hours=seed), lon=116.75 + seed / 1000, lat=39.75, photos=(photo,))
        for seed in range(count)
    ]
    recorded, refused = recording.record_findings(by=person, now=now, findings=findings)
    assert not refused
    return [done.entry for done in recorded]


def test_the_table_is_worked_by_address_keyboard_and_in_bulk(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person]
) -> None:
    entries = fill(staff["supervisor"], 60)
    page = open_page(language="en")
    log_in(page, staff["supervisor"])
    page.goto("/ledger/")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(50)

    # The filter is the address, without a page being loaded; back leads back.
    page.evaluate("window.same = true")
    page.get_by_text("found", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"\?state=found$"))
    page.keyboard.press("Escape")
    page.locator("body").press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("路边垃圾堆 5")
    # Every word is sought by itself, wherever it stands.
    expect(rows).to_have_count(sum("5" in f"{entry.statement} {entry.description}" for entry in entries))
    page.get_by_role("link", name="Found", exact=True).click()
    expect(page).to_have_url(re.compile(r"sort=found_at"))
    expect(rows.first).to_contain_text(entries[59].statement)
    assert page.evaluate("window.same")
    page.go_back()
    expect(page).not_to_have_url(re.compile(r"sort="))
    page.locator(".says .chip", has_text="路边垃圾堆 5").click()
    expect(rows).to_have_count(50)

    # The next page by key, and an entry opened by keyboard alone.
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(10)
    # A page of its own: its rows stand there before its scripts listen to keys.
    page.wait_for_load_state("load")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/ledger/{entries[50].pk}/$"))
    page.go_back()

    # A stretch chosen with shift, worked in one go, each refusal with its line.
    actions.list_entry(by=staff["supervisor"], now=clock.now(), entry_id=entries[52].pk)
    page.goto("/ledger/?sort=found_at")
    boxes = page.locator("[data-select]")
    boxes.nth(6).click()
    boxes.nth(9).click(modifiers=["Shift"])
    expect(page.locator("[data-selected-count]")).to_have_text("4")
    actions.list_entry(by=staff["supervisor"], now=clock.now(), entry_id=entries[51].pk)
    page.get_by_role("button", name="Put on the ledger").click()
    expect(page.locator("#bulk-result")).to_contain_text("2 entries done")
    expect(page.locator(".bulk-refused li")).to_have_count(2)
    expect(page.locator("#rows tbody tr").nth(6).locator("[data-state=listed]")).to_be_visible()


def test_the_map_follows_the_filter(open_page: Pages, log_in: LogIn, staff: dict[str, Person]) -> None:
    fill(staff["supervisor"], 3)
    page = open_page(language="en")
    log_in(page, staff["supervisor"])
    page.goto("/ledger/")
    page.locator("#ledger-map duban-map[data-ready]").wait_for()
    with page.expect_response(re.compile(r"(points|clusters)\.geojson\?.*overdue=1")) as answer:
        page.get_by_text("overdue", exact=True).first.click()
    assert answer.value.json()["features"] == []
    page.get_by_role("button", name="Map").click()
    expect(page.locator("#ledger-map")).to_be_hidden()
    page.reload()
    expect(page.locator("#ledger-map")).to_be_hidden()


def test_an_import_is_tried_then_recorded(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person], tmp_path: Path, pictures: dict[str, Path]
) -> None:
    table = tmp_path / "findings.csv"
    table.write_text(
        "found_at,lon,lat,datum,category,description,photo\n"
        "2021-01-18 09:30,116.7716,39.7505,wgs84,暴露垃圾,村口,before.jpg\n"
        "2021-01-18 09:40,200,39.7505,wgs84,暴露垃圾,路口,\n",
        encoding="utf-8",
    )
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(pictures["before"], folder)
    packed = shutil.make_archive(str(tmp_path / "photos"), "zip", folder)
    page = open_page(language="en")
    log_in(page, staff["inspector"])
    page.goto("/ledger/import/")
    page.get_by_label("The table").set_input_files(table)
    page.get_by_label("The photos it names").set_input_files(packed)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("bad_longitude")).to_be_visible()
    assert not Entry.objects.exists()
    page.get_by_role("button", name="Record the 1 good one").click()
    expect(page.locator(".tally .done")).to_contain_text("1")
    assert Entry.objects.get().photos.count() == 1


def test_a_workbook_goes_out_and_comes_back_edited(
    open_page: Pages,
    log_in: LogIn,
    accessible: Callable[[Page], None],
    staff: dict[str, Person],
    tmp_path: Path,
) -> None:
    entry, other = fill(staff["supervisor"], 2)
    page = open_page(language="en")
    log_in(page, staff["supervisor"])
    page.goto("/ledger/?sort=number")
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    book = openpyxl.load_workbook(file)
    row = {cell.value: cell.row for cell in book["ledger"]["A"]}[entry.number]
    book["ledger"].cell(row, 5).value = "核对过的描述"
    book.save(file)
    page.goto("/ledger/import/")
    page.get_by_label("The edited file").set_input_files(file)
    page.get_by_role("button", name="Compare it").click()
    expect(page.locator("ins")).to_have_text("核对过的描述")
    accessible(page)
    page.get_by_role("button", name="Amend 1 entry").click()
    expect(page.locator(".tally .done")).to_contain_text("1")
    assert dict(Entry.objects.values_list("pk", "description")) == {
        entry.pk: "核对过的描述",
        other.pk: other.description,
    }


ROOMS = ["/ledger/", "/ledger/?state=closed", "/ledger/add/", "/ledger/import/", "entry"]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(("width", "language", "dark"), [(1280, "zh", False), (1280, "en", True), (360, "zh", True)])
def test_every_page_is_accessible_and_fits(
    open_page: Pages,
    log_in: LogIn,
    accessible: Callable[[Page], None],
    staff: dict[str, Person],
    room: str,
    width: int,
    language: str,
    dark: bool,
) -> None:
    entry, _other = fill(staff["supervisor"], 2)
    page = open_page(width=width, language=language, dark=dark)
    log_in(page, staff["supervisor"])
    page.goto(f"/ledger/{entry.pk}/" if room == "entry" else room)
    for summary in page.locator("main details > summary").all():
        if summary.is_visible():
            summary.click()
    if page.locator("duban-map:visible").count():
        page.locator("duban-map[data-ready]").wait_for()
    accessible(page)
