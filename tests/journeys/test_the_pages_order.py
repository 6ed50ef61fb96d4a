"""The order of the newspaper page in a real browser: from the declaration of two areas to a release and 21 reports.

Each kind of step is taken once by hand, at the office's screen and, where samples are taken and temperatures told, on a
phone. What would be two thousand taps is done by the actions; tests/outbreak/test_the_pages_order.py lets all 2,000 go.
"""

import csv
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FilePayload, Page, expect
from tests.outbreak.declaring import TIANGONGYUAN
from tests.outbreak.people import at, id_number, write_csv
from tests.outbreak.test_the_pages_order import COMMUNITY, CONTACTS, FIRST, PEOPLE, SECONDS, TOWNS, VISITORS, Office

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.demo import layers
from duban.demo.builders import make_person
from duban.outbreak import store
from duban.outbreak.care.missing import ask_for_missing
from duban.outbreak.casefiles.tasks import open_job
from duban.outbreak.desk.report import FIGURES
from duban.outbreak.measures.release import release_person
from duban.outbreak.models import Bed, BedStay, CaseFile, Measure, Plan, Release, Swab, Task, Tube
from duban.outbreak.people import Tokens
from duban.outbreak.presences import import_presences
from duban.outbreak.samples.collecting import add_swab, open_tube
from duban.outbreak.sites.actions import assign_bed
from duban.places.actions import load_jurisdictions

CASE = 47
"""Was in the town on the 17th, lives in TOWN, and ate in a canteen on the 19th with five others."""
TOWN = TOWNS[CASE % len(TOWNS)]
DAYS = 21
COLUMNS = ("name", "id_number", "phone", "home", "lon", "lat", "area_code", "venue", "arrived", "departed")


class Followed(Office):
    """The office's day for those whom the journey follows to their end; of all others calls, visits and reports."""

    def __init__(self, officer: Person):
        super().__init__(officer)
        self.mine: set[uuid.UUID] = set()
        self.by_hand: uuid.UUID | None = None
        """Whom the browser releases."""

    def isolate(self, now: datetime) -> None:
        bring = Task.objects.filter(kind="arrive", state="open", file__in=self.mine).order_by("pk")
        free = Bed.objects.exclude(stays__until__isnull=True, stays__isnull=False).order_by("pk")
        for task, bed in zip(list(bring), list(free), strict=False):
            assign_bed(by=self.officer, now=now, bed_id=bed.pk, file_id=task.file_id)

    def due(self, today: date) -> list[tuple[uuid.UUID, str]]:
        return [(file, town) for file, town in super().due(today) if file in self.mine]

    def let_go(self, today: date, now: datetime) -> None:
        tasks = Task.objects.filter(kind="release", state="open", due_on__lte=today, file__in=self.mine)
        for file_id in list(tasks.exclude(file=self.by_hand).values_list("file", flat=True)):
            release_person(by=self.officer, now=now, file_id=file_id)

    def close(self, today: date) -> None:
        """The reports are read in the browser."""


class Hands:
    """The officer's screen and a phone, and what the clock of the office says."""

    def __init__(self, office: Followed, screen: Page, phone: Page, check: Callable[[Page], None]):
        self.office, self.screen, self.phone, self.check = office, screen, phone, check
        self.now = at(FIRST, 7)

    def open(self, page: Page, address: str) -> None:
        page.goto(address)
        self.check(page)

    def press(self, name: str) -> None:
        self.screen.locator("main").get_by_role("button", name=name, exact=True).first.click()

    def work_off(self) -> None:
        """Open the files of the job that the screen shows. A worker would never end: it watches over care as well, and
        by its clock whatever falls due in this January is due at once."""
        open_job(urlsplit(self.screen.url).path.rstrip("/").rpartition("/")[2])

    # ---- who was there ----------------------------------------------------------------------------------------------

    def declare(self) -> None:
        self.now, page = at(FIRST, 8), self.screen
        for name, code, measure in (("融汇社区", COMMUNITY, "centralised"), ("天宫院街道", TIANGONGYUAN, "test")):
            self.open(page, "/outbreak/declare/")
            for field, value in (
                ("name", name), ("level", "中风险"), ("starts", "2021-01-17T00:00"), ("lookback_days", "14"),
                ("source", "市通告"), ("place", code),
            ):  # fmt: skip
                page.locator(f"[name={field}]").first.fill(value)
            page.locator("[name=measure]").first.select_option(measure)
            self.press("Declare")
            expect(page.get_by_role("status").filter(has_text="Declared under the order")).to_be_visible()

    def screen_and_hand_over(self) -> None:
        self.now, page = at(FIRST, 9), self.screen
        self.open(page, "/outbreak/")
        for box in page.locator("[name=order]").all():
            box.check()
        self.press("See who was there")
        expect(page.locator(".tally").first).to_contain_text("2,000")
        self.check(page)
        page.locator("[name=ground]").select_option("order")
        page.locator("[name=purpose]").fill("第九十八次会议：摸排天宫院街道来通人员")
        page.get_by_role("button", name="Keep the list of").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Screening")
        self.press("Hand the lists to the towns")
        page.wait_for_url("**/outbreak/files/opening/*/")
        expect(page.get_by_role("progressbar")).to_be_attached()
        self.check(page)
        self.work_off()
        expect(page.locator("#job .tally .done")).to_contain_text("2,000")
        self.check(page)
        assert CaseFile.objects.filter(measure=Measure.CENTRALISED).count() == VISITORS

    # ---- the first day ----------------------------------------------------------------------------------------------

    def tap_off_the_first_act(self) -> None:
        page = self.screen
        self.open(page, f"/outbreak/today/?place={TOWN}")
        act = page.locator(".act").first
        key = (act.get_attribute("id") or "").removeprefix("act-")
        act.locator("form button").click()
        expect(page.locator(f"#act-{key}.is-done")).to_be_visible()
        assert Task.objects.get(pk=key).state == "done"
        self.check(page)

    def give_a_bed(self) -> CaseFile:
        """A site with sixty beds; the first of those who wait for one gets one."""
        page = self.screen
        self.open(page, "/outbreak/sites/add/")
        page.locator("[name=name]").fill("一号集中点")
        page.locator("[name=town]").select_option(TOWNS[0])
        page.locator("[name=opened_on]").fill("2021-01-01")
        for name, value in (("floor", "1"), ("first", "101"), ("last", "160"), ("beds", "1")):
            page.locator(f"[name={name}]").first.fill(value)
        self.press("Make the site")
        expect(page.locator(".tally li").first).to_contain_text("60")
        self.check(page)
        self.press("Give the bed")
        expect(page.locator(".tally li").nth(1)).to_contain_text("1")
        self.check(page)
        return BedStay.objects.get().file

    def tell_a_fever(self, visitor: CaseFile, own: Page) -> str:
        """The officer makes the link, the person reports on it without an account, and somebody answers the alert."""
        page = self.screen
        self.open(page, f"/outbreak/care/{visitor.pk}/")
        self.press("Make the link")
        address = urlsplit(page.locator("#own-address").inner_text().strip()).path
        self.open(own, address)
        own.locator("[name=other]").fill("38.1")
        own.locator("form[action$='/report/'] > button").click()
        expect(own.locator(".notice.success")).to_be_visible()
        expect(own.locator(".slots")).to_contain_text("38.1")
        self.check(own)
        self.open(page, "/outbreak/care/alerts/")
        expect(page.locator("tr[data-row]")).to_contain_text(visitor.number)
        self.press("I answer it")
        page.locator("[name=words]").fill("送发热门诊，核酸阴性")
        self.press("Close it")
        expect(page.locator("tr[data-row]")).to_have_count(0)
        return address

    # ---- samples ----------------------------------------------------------------------------------------------------

    def set_up_a_point(self) -> None:
        self.now, page = at(FIRST, 10), self.screen
        self.open(page, "/outbreak/samples/points/")
        for name, value in (
            ("name", "文化站采样点"), ("opens", "08:00"), ("closes", "20:00"), ("per_hour", "60"),
            ("result_hours", "12"),
        ):  # fmt: skip
            page.locator(f"[name={name}]").fill(value)
        page.locator("[name=town]").select_option(TOWN)
        self.press("Set it up")
        self.check(page)
        self.open(page, f"/outbreak/samples/appointments/?town={TOWN}")
        page.locator("[name=on]").fill("2021-01-20")
        self.press("Make the appointments")
        expect(page.get_by_role("status").filter(has_text="everybody has one")).to_be_visible()
        self.check(page)

    def open_on_the_phone(self, size: int) -> None:
        self.open(self.phone, "/outbreak/samples/")
        self.phone.locator("[name=place]").select_option(index=0)
        self.phone.locator(f"[name=size][value='{size}']").check()
        self.phone.get_by_role("button", name="Open the tube").tap()
        expect(self.phone.locator(".fill-line")).to_contain_text(f"0 / {size}")
        self.check(self.phone)

    def type_on_the_phone(self, text: str) -> None:
        self.phone.locator("[name=text]").fill(text)
        self.phone.locator(".scan [type=submit]").tap()

    def fill_a_pool(self) -> Tube:
        """One by their number, nine by a tap on their name; the full tube seals itself."""
        self.now, phone = at(FIRST, 10, 20), self.phone
        self.open_on_the_phone(10)
        self.type_on_the_phone(number_of(CASE))
        for inside in range(1, 10):
            expect(phone.locator(".fill-line b")).to_have_text(str(inside))
            phone.locator("ul.tap button").first.tap()
        expect(phone.locator(".lifeline")).to_contain_text("Sealed")
        self.check(phone)
        tube = Tube.objects.get()
        assert (tube.swabs.count(), tube.sealed_at) == (10, self.now)
        return tube

    def fill_three_more(self) -> None:
        people = [(file, town) for file, town in Office.due(self.office, self.now.date()) if town == TOWN]
        for start in range(0, 30, 10):
            tube = open_tube(by=self.office.officer, now=self.now, size=10, town=TOWN)
            for file_id, _town in people[start : start + 10]:
                add_swab(by=self.office.officer, now=self.now, tube_id=tube.pk, file_id=file_id)

    def send_results(self, now: datetime, results: dict[str, str]) -> None:
        """The laboratory's table of code and result, through the page."""
        self.now, page = now, self.screen
        table = StringIO()
        told = (now + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")
        rows = [(code, word, "区疾控中心实验室", told) for code, word in results.items()]
        csv.writer(table).writerows([("试管编号", "检测结果", "检测机构", "报告时间"), *rows])
        self.open(page, "/outbreak/samples/results/")
        sent = FilePayload(name="结果.csv", mimeType="text/csv", buffer=table.getvalue().encode())
        page.locator("[name=file]").set_input_files(sent)
        self.press("Take the results in")
        expect(page.locator("#job .tally .done")).to_contain_text(str(len(results)))
        self.check(page)

    def resample(self, case: CaseFile) -> Tube:
        """Everybody of the three pools waits; the case alone on the phone, the others by the action."""
        self.now, page = at(FIRST, 17), self.screen
        self.open(page, "/outbreak/samples/due/")
        assert page.locator("#again-title").locator("xpath=..").inner_text().split()[-1] == "30"
        self.open(page, f"/outbreak/files/{case.pk}/")
        expect(page.locator(".page-head .waits")).to_be_visible()
        self.open_on_the_phone(1)
        self.type_on_the_phone(case.number)
        expect(self.phone.locator(".lifeline")).to_contain_text("Sealed")
        self.check(self.phone)
        self.office.sample(self.office.due(self.now.date()), self.now, size=1)
        assert not Task.objects.filter(slot__startswith="re", state="open").exists()
        return Tube.objects.get(size=1, swabs__file=case)

    # ---- a case -----------------------------------------------------------------------------------------------------

    def confirm(self, case: CaseFile) -> None:
        self.now, page = at(FIRST, 21), self.screen
        self.open(page, "/outbreak/samples/due/")
        self.press("Confirm as a case")
        expect(page.get_by_role("status").filter(has_text=case.number)).to_be_visible()
        self.open(page, f"/outbreak/files/{case.pk}/")
        expect(page.locator(".page-head")).to_contain_text("hospital")
        page.locator("summary", has_text="Open who it is").click()
        page.locator("[name=ground]").select_option("order")
        page.locator("[name=purpose]").fill("流行病学调查")
        page.locator("form[action$='/look/'] button").click()
        expect(page.locator(".facts").first).to_contain_text(number_of(CASE))
        self.press("Trace contacts and open their files")
        page.wait_for_url("**/outbreak/files/opening/*/")
        self.work_off()
        expect(page.locator("#job .tally .done")).to_contain_text(str(CONTACTS + SECONDS))
        self.check(page)

    # ---- the end ----------------------------------------------------------------------------------------------------

    def is_not_ready(self, file: CaseFile) -> None:
        self.open(self.screen, f"/outbreak/files/{file.pk}/release/")
        expect(self.screen.get_by_role("button", name="Release the person")).to_be_disabled()
        expect(self.screen.locator(".ticks .met")).not_to_have_count(0)

    def release(self, file: CaseFile, anybody: Page) -> None:
        """Every box is ticked; the certificate opens to whoever scans it, and prints."""
        page = self.screen
        self.open(page, f"/outbreak/files/{file.pk}/release/")
        expect(page.locator(".ticks").first.locator("li:not(.met)")).to_have_count(0)
        self.press("Release the person")
        expect(page.locator("#certificate-title")).to_be_visible()
        self.check(page)
        release = Release.objects.get(file=file)
        pdf = page.request.get(f"/outbreak/files/{file.pk}/certificate.pdf")
        assert pdf.body().startswith(b"%PDF")
        self.open(anybody, f"/certificate/{release.code}/")
        expect(anybody.locator("main")).to_contain_text(release.number)

    def reports(self) -> list[dict[str, int]]:
        """The figures of each day as the page says them, whose towns add up to the sum."""
        found = []
        for day in range(DAYS):
            on = date(2021, 1, FIRST) + timedelta(days=day)
            self.screen.goto(f"/outbreak/report/?on={on}&at=110112")
            rows = self.screen.locator("table.by-town tbody tr").evaluate_all(
                "rows => rows.map(row => [...row.querySelectorAll('td')].map(td => td.innerText))"
            )
            numbers = [[int(cell.replace(",", "")) for cell in row] for row in rows]
            assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1], on
            found.append(dict(zip(FIGURES, numbers[-1], strict=True)))
        self.check(self.screen)
        return found


def number_of(person: int) -> str:
    return id_number(person % 1000, f"19{60 + person // 1000:02d}0101")


@pytest.fixture
def officer(transactional_db: None, tmp_path: Path) -> Iterator[Person]:
    """A health officer of the district, in whose store the arrivals are and who ate with whom."""
    shutil.rmtree(store.folder(), ignore_errors=True)
    load_jurisdictions(by=Console(), now=at(FIRST, 7), data=layers.codes_table(), name="codes.csv")
    officer = make_person("qin", "health_officer", name="秦防")
    office = Followed(officer)
    rows = [
        office._meal("", 9, number)
        | {
            "area_code": COMMUNITY if number < VISITORS else f"{TIANGONGYUAN}{2 + number % 7:03d}",
            "arrived": f"2021-01-{10 + number % 8:02d} 09:00",
            "departed": f"2021-01-{10 + number % 8:02d} 18:00",
        }
        for number in range(PEOPLE)
    ]
    contacts = range(PEOPLE, PEOPLE + CONTACTS)
    rows += [office._meal("食堂", 12, number) for number in (CASE, *contacts)]
    rows += [office._meal("茶馆", 18, number) for number in (PEOPLE, *range(contacts.stop, contacts.stop + SECONDS))]
    path = write_csv(tmp_path / "a.csv", *({"lon": "", "lat": "", **row} for row in rows), columns=COLUMNS)
    done = import_presences(by=officer, now=at(FIRST, 7), path=path, name=path.name, source="来通登记")
    assert (done.taken, done.refused) == (len(rows), 0)
    yield officer
    shutil.rmtree(store.folder(), ignore_errors=True)


def test_from_the_declaration_to_a_release_and_its_reports(
    open_page: Callable[..., Page],
    log_in: Callable[[Page, Any], None],
    accessible: Callable[[Page], None],
    officer: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen, phone, own = open_page(language="en"), *(open_page(width=360, language="en", touch=True) for _ in "ab")
    log_in(screen, officer)
    log_in(phone, officer)
    office = Followed(officer)
    hands = Hands(office, screen, phone, accessible)
    for page in (screen, phone, own):
        page.set_default_timeout(60_000)
    monkeypatch.setattr(clock, "now", lambda: hands.now)

    hands.declare()
    hands.screen_and_hand_over()
    hands.tap_off_the_first_act()
    visitor = hands.give_a_bed()
    address = hands.tell_a_fever(visitor, own)

    # Ten by taps, thirty by the action: three of the four pools are positive, and their thirty people wait.
    hands.set_up_a_point()
    case = CaseFile.objects.get(keys__digest=Tokens().of("id_number", number_of(CASE)))
    tapped = hands.fill_a_pool()
    hands.fill_three_more()
    codes = [tapped.code, *Tube.objects.exclude(pk=tapped.pk).order_by("code").values_list("code", flat=True)]
    hands.send_results(at(FIRST, 16), dict(zip(codes, ("阳性", "阳性", "阳性", "阴性"), strict=True)))
    held = CaseFile.objects.filter(waiting_since__isnull=False)
    assert set(held) == set(CaseFile.objects.filter(swabs__tube__result="positive"))
    assert held.count() == 30
    office.mine = set(Swab.objects.values_list("file", flat=True)) | {visitor.pk}
    single = hands.resample(case)
    alone = Tube.objects.filter(size=1, result="").values_list("code", flat=True)
    hands.send_results(at(FIRST, 20), {code: "阳性" if code == single.code else "阴性" for code in alone})
    assert list(held.all()) == [case]
    hands.confirm(case)
    contacts = CaseFile.objects.filter(exposures__basis=str(case.pk))
    assert sorted(contacts.values_list("exposures__kind", flat=True)) == ["contact"] * CONTACTS + ["second"] * SECONDS

    # The watch asks for the reports of the first evening; who tells nothing is asked by the town.
    assert ask_for_missing(now=hands.now) > 0

    # Day after day by the actions; on the last of the visitor's days the browser lets them go.
    office.mine |= set(contacts.values_list("pk", flat=True))
    office.by_hand = visitor.pk
    hands.is_not_ready(visitor)
    last = Plan.objects.get(file=visitor, current=True).ends_on
    for day in range(1, DAYS):
        office.work(day)
        hands.now = office.hour(day, 19)
        if day == (last - date(2021, 1, FIRST)).days + 1:
            hands.release(visitor, own)
            own.goto(address)
            expect(own.locator("form")).to_have_count(0)
    left = CaseFile.objects.filter(pk__in=office.mine - {case.pk}).exclude(state="released")
    assert not left.exists(), list(left.values_list("number", "measure", "ends_on"))
    assert not BedStay.objects.filter(until=None).exists()

    told = hands.reports()
    for now, before in zip(told[1:], told, strict=False):
        assert now["followed"] == before["followed"] + now["new"] - now["released"] - now["closed"]
    for now in told:
        assert now["followed"] == sum(now[name] for name in (*Measure.values, "none"))
    assert sum(one["new"] for one in told) == PEOPLE + CONTACTS + SECONDS
    assert sum(one["released"] for one in told) == len(office.mine) - 1
    hands.open(screen, "/outbreak/funnel/?on=2021-02-09&at=110112&now=1")
    expect(screen.locator("tr.sum").first).to_contain_text("2,009")
    for form, start in (("xlsx", b"PK"), ("docx", b"PK"), ("pdf", b"%PDF")):
        assert screen.request.get(f"/outbreak/report/following.{form}?on=2021-02-09").body().startswith(start)
