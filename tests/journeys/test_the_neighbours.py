"""The page's story of an entrance in a real browser: a meeting, problems, a vote, a pairing, 60 works by two partners,
an old corner cleared by 12 volunteers, before and after in the bulletin, hours on certificates.

Residents, partners and volunteers come on phones and without accounts; the office works on its desk. Days go by: the
clock is set on from step to step.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import Record, SharedPlace, Shift
from duban.commons.volunteering.actions import sign_up
from duban.core import clock
from duban.demo.builders import make_person
from duban.demo.pictures import draw_picture
from duban.demo.story import load_places
from duban.demo.works import draw_wall

TOWN, COMMUNITY = "110112004", "110112004014"
SCHOOL, CENTRE = "运河中学", "通州区青少年活动中心"
CORNER, WALL = "2单元一层楼梯下堆满旧物", "楼门墙面破旧，贴满小广告"
VOLUNTEERS = 12
Pages = Callable[..., Page]
LogIn = Callable[[Page, Any], None]


class Days:
    """The clock of the story, which it sets itself; so long a story also takes its time on a busy machine."""

    def __init__(self) -> None:
        self.now = clock.now().replace(hour=1, minute=0, second=0, microsecond=0)

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def typed(self, moment: datetime | None = None) -> str:
        """As a field of day and hour takes it."""
        return f"{timezone.localtime(moment or self.now):%Y-%m-%dT%H:%M}"

    def day(self, **on: float) -> str:
        return f"{timezone.localtime(self.now + timedelta(**on)):%Y-%m-%d}"


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    days = Days()
    monkeypatch.setattr(clock, "now", lambda: days.now)
    cache.clear()
    expect.set_options(timeout=20_000)
    yield days
    expect.set_options(timeout=5_000)
    cache.clear()


@pytest.fixture
def staff(transactional_db: None, days: Days) -> dict[str, Person]:
    load_places(now=days.now)
    return {
        "worker": make_person("you", "community_worker", TOWN, name="尤社"),
        "second": make_person("ding", "community_worker", TOWN, name="丁社"),
        "handler": make_person("ma", "handler", TOWN, name="玉桥马承办"),
        "supervisor": make_person("shen", "supervisor", name="沈督"),
        "publisher": make_person("xu", "publisher", name="许发"),
    }


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    drawn = {
        "corner": draw_picture(3, cleared=False, subject="furniture"),
        "cleared": draw_picture(3, cleared=True, subject="furniture"),
        "bare": draw_wall(1, 0),
        "some": draw_wall(2, 6),
        "more": draw_wall(3, 11),
        "full": draw_wall(1, 15),
    }
    made = {name: tmp_path / f"{name}.jpg" for name in drawn}
    for name, path in made.items():
        path.write_bytes(drawn[name])
    return made


def press(page: Page, name: str) -> None:
    """Press the button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> str:
    """Go where the first link of this name leads; the address without what was asked."""
    with page.expect_navigation():
        page.locator("main").get_by_role("link", name=name).first.click()
    return page.url.partition("?")[0]


def unfold(page: Page, words: str) -> None:
    page.locator("main summary", has_text=words).first.click()


def words_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    words = "".join(one.get_textpage().get_text_bounded() for one in document)
    document.close()
    return "".join(words.split()).replace("\u200b", "")


def printed(page: Page, name: str) -> str:
    """What a button prints as PDF."""
    with page.expect_download() as printing:
        page.locator("main").get_by_role("button", name=name, exact=True).click()
    return words_of(Path(printing.value.path()).read_bytes())


def test_the_story_of_an_entrance(
    open_page: Pages, log_in: LogIn, staff: dict[str, Person], pictures: dict[str, Path], days: Days
) -> None:
    desk = {who: open_page(language="en") for who in staff}
    for who, person in staff.items():
        log_in(desk[who], person)
    worker = desk["worker"]
    phone = open_page(width=360, language="en", touch=True)
    for page in (*desk.values(), phone):
        page.set_default_timeout(60_000)

    invitations = _the_entrance(worker)
    topic = _a_topic_with_its_meeting(worker, phone, pictures, days)
    _a_vote(worker, phone, topic, invitations, days)
    _the_meeting(worker, desk["second"], phone, topic, days)
    _pairing(worker, days)
    _sixty_works(worker, phone, topic, pictures, days)
    number = _an_entry_for_the_corner(worker, desk["supervisor"], topic)
    _twelve_volunteers(worker, phone, days)
    _before_and_after_in_the_bulletin(desk, open_page(language="en"), number, pictures)
    _the_public_page(phone, topic)


def _the_entrance(worker: Page) -> list[str]:
    """An estate with an entrance and its six doors; the addresses of their invitations."""
    worker.goto("/commons/places/add/")
    worker.get_by_label("What it is", exact=True).select_option("estate")
    worker.locator("#id_name").fill("艺苑西里")
    worker.locator("#id_jurisdiction").select_option(COMMUNITY)
    worker.locator("#id_lon").fill("116.6705")
    worker.locator("#id_lat").fill("39.8945")
    press(worker, "Add it")
    follow(worker, "Add a part")
    worker.get_by_label("What it is", exact=True).select_option("entrance")
    worker.locator("#id_name").fill("3号楼2单元")
    press(worker, "Add it")
    follow(worker, "Invite and print invitations")
    worker.get_by_label("Floors", exact=True).fill("3")
    worker.get_by_label("Doors a floor").fill("2")
    press(worker, "Make invitations")
    addresses = re.findall(r"/vote/[\w-]{22}/", worker.content())
    words = printed(worker, "Print the invitations (PDF)")
    for door in ("101", "102", "201", "202", "301", "302"):
        assert f"Door{door}" in words
    invitations = sorted(set(addresses))
    assert len(invitations) == 6
    assert all(one in words for one in invitations)
    return invitations


def _a_topic_with_its_meeting(worker: Page, phone: Page, pictures: dict[str, Path], days: Days) -> str:
    place = SharedPlace.objects.get(kind="entrance")
    worker.goto(f"/commons/places/{place.pk}/")
    follow(worker, "Open a topic")
    worker.locator("#id_title").fill("怎样让楼门更有活力")
    press(worker, "Open it")
    expect(worker.get_by_role("heading", level=1)).to_have_text("怎样让楼门更有活力")
    topic = worker.url.rstrip("/").rpartition("/")[2]
    for text, picture in ((CORNER, "corner"), (WALL, "bare")):
        worker.locator("#problem-text").fill(text)
        worker.locator("#problem-photo").set_input_files(pictures[picture])
        press(worker, "List it")
        expect(worker.locator("#problems")).to_contain_text(text)
    worker.locator("#invite-at").fill(days.typed(days.now + timedelta(days=2)))
    worker.locator("#invite-place").fill("艺苑西里社区议事厅")
    press(worker, "Invite")
    expect(worker.locator("#meet")).to_contain_text("艺苑西里社区议事厅")
    # Whoever scans the code at the entrance sees it.
    phone.goto(f"/n/{place.token}/")
    expect(phone.locator(".meeting-call")).to_contain_text("艺苑西里社区议事厅")
    follow(phone, "怎样让楼门更有活力")
    expect(phone.locator("#problems + ol")).to_contain_text(CORNER)
    return topic


def _a_vote(worker: Page, phone: Page, topic: str, invitations: list[str], days: Days) -> None:
    """Five doors vote in secret with two taps each; four of them for the works."""
    worker.goto(f"/commons/topics/{topic}/votes/add/")
    worker.locator("#id_question").fill("请同学们创作楼门文化作品，同意吗？")
    worker.get_by_label("Secret: nobody ever sees it").check()
    worker.locator("#id_opens_at").fill(days.typed())
    worker.locator("#id_closes_at").fill(days.typed(days.now + timedelta(days=1)))
    press(worker, "Make the vote")
    vote = worker.url
    days.later(minutes=5)
    for at, address in enumerate(invitations[:5]):
        phone.goto(address)
        expect(phone.get_by_text("This vote is secret")).to_be_visible()
        phone.get_by_role("button", name="no" if at == 4 else "yes", exact=True).tap()
        phone.get_by_role("button", name="Yes, this is our vote").tap()
        expect(phone.get_by_role("status").filter(has_text="Thank you")).to_be_visible()
    worker.goto(vote)
    expect(worker.locator(".vote-line")).to_contain_text("5 of 6 households have voted")
    expect(worker.locator(".counts")).to_have_count(0)
    days.later(days=1)
    worker.goto(vote)
    press(worker, "Count the vote")
    expect(worker.locator(".reckoning")).to_contain_text("yes 4, no 1, abstain 0")
    follow(worker, "Count again")
    expect(worker.get_by_role("status").filter(has_text="the same result")).to_be_visible()


def _the_meeting(worker: Page, second: Page, phone: Page, topic: str, days: Days) -> None:
    days.later(days=1)
    page = f"/commons/topics/{topic}/"
    worker.goto(f"{page}attendance/")
    worker.get_by_label("In the chair").fill("尤社,艺苑西里社区")
    worker.get_by_label("Guests of units and organisations").fill(f"马老师,{SCHOOL}\n田老师,{CENTRE}")
    worker.locator("#residents").fill("公孙无名\n慕容不见\n司徒有声")
    press(worker, "Keep the list")
    worker.goto(page)
    unfold(worker, "Write down a decision")
    worker.locator("#decide-text").fill("请辖区单位认领60幅楼门文化作品；清理2单元旧物角。")
    worker.locator("#decide-vote").select_option(index=1)
    worker.locator("#decide-lead").fill("艺苑西里社区居委会")
    for text in (CORNER, WALL):
        worker.locator("#decisions label", has_text=text).locator("input").check()
    press(worker, "Write it down")
    expect(worker.locator("#decisions .decided")).to_contain_text("60幅")
    for text, answer in ((CORNER, "列入清洁行动，本周末清理。"), (WALL, "由同学们的作品装扮。")):
        problem = worker.locator("#problems li", has_text=text)
        problem.locator("summary", has_text="Answer").click()
        problem.locator("textarea").fill(answer)
        problem.get_by_role("button", name="Publish the answer").click()
        expect(worker.locator("#problems")).to_contain_text(answer)
    worker.goto(f"{page}minutes/")
    worker.locator("#minutes").fill("居民和辖区单位代表商定：认领作品，清理旧物角。")
    press(worker, "Hand them in to be approved")
    second.goto(page)
    press(second, "Approve and publish")
    expect(second.locator("#minutes")).to_contain_text("approved and published")
    phone.goto(f"/topics/{topic}/")
    for words in ("认领作品，清理旧物角", "列入清洁行动", "60幅", "3 residents"):
        expect(phone.locator("main")).to_contain_text(words)
    for resident in ("公孙无名", "慕容不见", "司徒有声"):
        expect(phone.locator("body")).not_to_contain_text(resident)


def _pairing(worker: Page, days: Days) -> None:
    for partner in (SCHOOL, CENTRE):
        worker.goto("/commons/pairings/add/")
        worker.locator("#id_partner").fill(partner)
        worker.locator("#id_jurisdiction").select_option(COMMUNITY)
        worker.locator("#id_signed_on").fill(days.day())
        worker.locator("#id_text").fill("“红色1+1”结对共建。")
        press(worker, "Put it on record")
        expect(worker.locator("tbody")).to_contain_text(partner)


def _sixty_works(worker: Page, phone: Page, topic: str, pictures: dict[str, Path], days: Days) -> None:
    """Two partners sign up for 40 and 20, bring them in three parts, and each part is verified with its photo."""
    worker.goto(f"/commons/topics/{topic}/")
    follow(worker, "Post what it needs")
    worker.locator("#id_title").fill("楼门文化作品")
    worker.locator("#id_target").fill("60")
    worker.locator("#id_unit").fill("幅")
    worker.locator("#id_due_on").fill(days.day(days=30))
    worker.locator("#id_before").set_input_files(pictures["bare"])
    press(worker, "Post it")
    expect(worker.get_by_text("It carries out:")).to_be_visible()
    need = worker.url
    phone.goto("/needs/")
    public, own = follow(phone, "楼门文化作品"), {}
    for partner, number in ((SCHOOL, "40"), (CENTRE, "20")):
        phone.goto(public)
        phone.locator("#id_number").fill(number)
        phone.locator("#id_partner").fill(partner)
        phone.locator("#id_name").fill("联系老师")
        phone.locator("#id_phone").fill("13800138000")
        phone.get_by_role("button", name="Sign up", exact=True).tap()
        expect(phone.get_by_role("status").filter(has_text="you are signed up")).to_be_visible()
        own[partner] = phone.url.partition("?")[0]
    phone.goto(public)
    expect(phone.get_by_text("All of it is signed up for. Thank you!")).to_be_visible()
    expect(phone.locator("main")).not_to_contain_text(SCHOOL)
    for partner, number, picture in ((SCHOOL, "25", "some"), (CENTRE, "20", "more"), (SCHOOL, "15", "full")):
        days.later(days=3)
        phone.goto(own[partner])
        phone.locator("#number").fill(number)
        phone.locator("#photos").set_input_files(pictures[picture])
        phone.get_by_role("button", name="We brought this").tap()
        expect(phone.get_by_role("status").filter(has_text="Thank you")).to_be_visible()
        worker.goto(need)
        expect(worker.locator(".acts .photos img")).to_have_count(1)
        press(worker, "I saw it: verified")
        expect(worker.locator(".acts")).to_have_count(0)
    unfold(worker, "Close it with thanks")
    worker.locator("#after").set_input_files(pictures["full"])
    worker.locator("#thanks").fill("60幅作品全部上墙，谢谢同学们！")
    press(worker, "Close the need")
    phone.goto(public)
    expect(phone.get_by_role("status").filter(has_text="60幅作品全部上墙")).to_be_visible()
    expect(phone.locator("ul.lines li")).to_have_text([f"{SCHOOL} 40 幅", f"{CENTRE} 20 幅"])
    expect(phone.locator("ul.photos img")).to_have_count(3)
    expect(phone.locator("img-comparison-slider, .compare-pair").first).to_be_visible()


def _an_entry_for_the_corner(worker: Page, supervisor: Page, topic: str) -> str:
    """The corner is an entry of the ledger, given to the sub-district; its number."""
    worker.goto(f"/commons/topics/{topic}/")
    problem = worker.locator("#problems li", has_text=CORNER)
    problem.locator("summary", has_text="Put it on the ledger").click()
    problem.locator("select").select_option(label="Piled objects")
    problem.get_by_role("button", name="Put it on the ledger").click()
    line = worker.locator("#problems li", has_text=CORNER)
    expect(line).to_contain_text(re.compile(r"\d{6}-\d{4}-\d+"))
    found = re.search(r"\d{6}-\d{4}-\d+", line.inner_text())
    assert found is not None
    supervisor.goto(f"/ledger/?text={found[0]}")
    supervisor.locator("tbody").get_by_role("link").first.click()
    for step in ("Put on the ledger", "Assign"):
        supervisor.locator(".act-now").get_by_role("button", name=step, exact=True).click()
        expect(supervisor.get_by_role("status").filter(has_text="Done")).to_be_visible()
    return found[0]


def _twelve_volunteers(worker: Page, phone: Page, days: Days) -> None:
    """They sign up, the first and who comes too late on this phone, are seen where they meet, and get their hours."""
    worker.goto("/commons/activities/add/")
    worker.locator(".entry-picks label", has_text="3号楼2单元").locator("input").check()
    press(worker, "Take these")
    worker.locator("#id_title").fill("旧物角大扫除")
    worker.locator("#id_organiser").fill("艺苑西里社区居委会")
    worker.locator("[name=day]").first.fill(days.day(days=2))
    worker.locator("[name=begins]").first.fill("09:00")
    worker.locator("[name=ends]").first.fill("11:00")
    worker.locator("[name=places]").first.fill(str(VOLUNTEERS))
    press(worker, "Announce")
    expect(worker.get_by_role("heading", level=1)).to_have_text("旧物角大扫除")
    shift = Shift.objects.select_related("activity").get()
    phone.goto("/volunteer/")
    address, mine = follow(phone, "旧物角大扫除"), ""
    for number in (0, VOLUNTEERS):
        phone.goto(address)
        phone.locator("#id_name").fill(f"志愿者{number}")
        phone.locator("#id_phone").fill(f"1380013{8000 + number}")
        phone.locator("form").get_by_role("button", name="I come along").tap()
        words = "You are number 1 on the waiting list" if number else "Thank you, you are in."
        expect(phone.get_by_role("status").filter(has_text=words)).to_be_visible()
        mine = mine or phone.url.partition("?")[0]
        for one in range(1, 0 if number else VOLUNTEERS):
            sign_up(
                now=days.now, shift_id=shift.pk, contact=Contact(f"志愿者{one}", f"1380013{8000 + one}"),
                sign_up_id=uuid.uuid4(),
            )  # fmt: skip
    days.now = shift.begins_at
    worker.goto(f"/commons/shifts/{shift.pk}/")
    for _one in range(VOLUNTEERS):
        before = worker.locator("tr.came").count()
        worker.get_by_role("button", name="Is here", exact=True).first.click()
        expect(worker.locator("tr.came")).to_have_count(before + 1)
    days.now = shift.ends_at + timedelta(hours=1)
    worker.goto(f"/commons/shifts/{shift.pk}/hours/")
    worker.locator("#service").fill("清理楼门旧物角")
    press(worker, "Certify for those ticked")
    assert Record.objects.count() == VOLUNTEERS
    phone.goto(mine)
    expect(phone.locator(".hours")).to_contain_text("清理楼门旧物角")
    certificate = phone.get_by_role("link", name="My certificate (PDF)").get_attribute("href")
    assert certificate is not None
    words = words_of(phone.request.get(certificate).body())
    record = Record.objects.select_related("sign_up").get(sign_up__turn=1)
    for part in ("志愿者0", "清理楼门旧物角", record.number):
        assert part in words
    phone.goto(f"/volunteer/certificates/{record.code}/")
    expect(phone.locator("main")).to_contain_text(record.number)
    expect(phone.locator("main")).not_to_contain_text("志愿者0")


def _before_and_after_in_the_bulletin(
    desk: dict[str, Page], reader: Page, number: str, pictures: dict[str, Path]
) -> None:
    """The sub-district shows what became of the corner, the district strikes it off, the next bulletin prints both."""
    handler, supervisor, publisher = desk["handler"], desk["supervisor"], desk["publisher"]
    handler.goto(f"/ledger/?text={number}")
    with handler.expect_navigation():
        handler.locator("tbody").get_by_role("link").first.click()
    handler.locator("input[type=file]:not([capture])").first.set_input_files(pictures["cleared"])
    expect(handler.locator("[data-kept]")).to_have_count(1)
    handler.locator(".act-now").get_by_role("button", name="Submit the remedy", exact=True).click()
    expect(handler.get_by_role("status").filter(has_text="Done")).to_be_visible()
    supervisor.goto(handler.url)
    supervisor.locator(".act-now").get_by_role("button", name="Verify and strike off", exact=True).click()
    expect(supervisor.get_by_role("status").filter(has_text="Done")).to_be_visible()
    supervisor.goto("/bulletins/desk/")
    supervisor.get_by_role("button", name="New draft").click()
    expect(supervisor.get_by_text(number)).to_be_visible()
    draft = supervisor.url
    for page, step, state in ((publisher, "approve", "approved"), (supervisor, "publish", "published")):
        page.goto(draft)
        page.locator(f"form[action$='/{step}/']").get_by_role("button").click()
        expect(page.locator(f".state[data-state={state}]").first).to_be_visible()
    reader.goto("/bulletins/")
    reader.locator("main").get_by_role("link", name=re.compile("1")).first.click()
    expect(reader.locator("main")).to_contain_text("3号楼2单元")
    expect(reader.locator("main img")).to_have_count(2)


def _the_public_page(phone: Page, topic: str) -> None:
    """The entrance's own page shows what was decided and done, and names none of the residents."""
    place = SharedPlace.objects.get(kind="entrance")
    phone.goto(f"/n/{place.token}/")
    expect(phone.locator("main")).to_contain_text("2 of 2 works done")
    expect(phone.locator("img-comparison-slider, .compare-pair").first).to_be_visible()
    for address in (f"/n/{place.token}/", f"/topics/{topic}/", "/needs/", "/volunteer/"):
        phone.goto(address)
        for hidden in ("公孙无名", "慕容不见", "司徒有声", "联系老师", "志愿者0", "13800138"):
            expect(phone.locator("body")).not_to_contain_text(hidden)
        assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
