"""Who came from a risk area is found and followed: of the page's days up to the last release, and once more of now.

The page's order is that of its 98th meeting. Another one is told as if it had been given the day before yesterday,
since the desks hold what is due on the day on which the demo is loaded: its places and people are made up altogether.
"""

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.utils import timezone

from duban.access.models import Person
from duban.demo import comers, inspection, layers
from duban.demo.comers import TIANGONGYUAN, VISITORS, WANGXI, YUQIAO, Origin
from duban.outbreak import screening
from duban.outbreak.areas import declare_areas, lift_area
from duban.outbreak.care.alerts import close_alert, take_alert
from duban.outbreak.care.links import make_link
from duban.outbreak.care.missing import ask_for_missing
from duban.outbreak.care.reports import record_report
from duban.outbreak.care.requests import make_request
from duban.outbreak.care.rules import open_slots
from duban.outbreak.casefiles.contacts import open_screened
from duban.outbreak.casefiles.notes import add_contact_note, add_need
from duban.outbreak.casefiles.opening import FileDraft, open_files
from duban.outbreak.lists import AreaDraft
from duban.outbreak.measures.plans import refresh_phases
from duban.outbreak.measures.release import release_person
from duban.outbreak.measures.todo import finish_tasks
from duban.outbreak.models import (
    Alert,
    CaseFile,
    Declaration,
    DeletionRule,
    FileState,
    Ground,
    Measure,
    ReportedBy,
    Room,
    Task,
    TaskKind,
    TaskState,
    Tube,
    VenueSampling,
)
from duban.outbreak.presences import import_presences
from duban.outbreak.protection.corrections import ask_correction
from duban.outbreak.protection.rules import FILE, SCREENING
from duban.outbreak.protection.visibility import open_file
from duban.outbreak.samples.appointments import book_appointments
from duban.outbreak.samples.collecting import add_swab, open_tube, seal_tube
from duban.outbreak.samples.importing import import_results
from duban.outbreak.samples.points import PointDraft, save_point
from duban.outbreak.sites.actions import assign_bed, assign_household
from duban.outbreak.sites.making import RoomsDraft, close_site, make_site
from duban.outbreak.venue_sampling.frequencies import put_level_in_force
from duban.outbreak.venue_sampling.rounds import plan_rounds
from duban.outbreak.venue_sampling.sampling import record_sampling, record_surface_result

LABORATORY = "区疾控中心实验室"
LATE = "110112117"
"""The town that has not sampled yet."""
NAMESPACE = uuid.UUID("0f6d0f0c-3d5b-4b1e-9a6f-52a4c6b7d8e9")
IN_BEDS, REACHED = 20, 114
"""How many of the visitors are in a bed, and how many of all were reached, in the order of the list."""
FREE_ROOMS = ("218", "219", "220", "302")
"""For the visitors who come a day later."""
SILENT, UNHEARD = 9, 20
"""Of so many people one did not report last evening; one who is to be brought to the site did not all day."""
MISSED, POSITIVE = inspection.YONGLEDIAN.name, inspection.LIYUAN.name
SURFACES = ("水产摊案板", "冷柜把手", "公用秤", "收银台", "卷帘门把手", "下水口")


@dataclass(frozen=True)
class Days:
    """The page's January, moved so that its 20th is the day before `now`."""

    now: datetime

    @property
    def first(self) -> date:
        """What stands for 1 January."""
        return timezone.localdate(self.now) - timedelta(days=20)

    def day(self, day: int) -> date:
        return self.first + timedelta(days=day - 1)

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """By the clock of the office; nothing after the 20th lies before `now` for certain."""
        return datetime.combine(self.day(day), time(hour, minute), timezone.get_default_timezone())


def quiet(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Order:
    """What a meeting ordered: whom to look for, and where they stay."""

    origin: Origin
    keys: tuple[str, str]
    """Of the sub-district's area and of the community's."""
    source: str
    purpose: str
    site: tuple[str, str]
    """Name and address."""


PAGE = Order(
    TIANGONGYUAN, ("tiangongyuan", "ronghui"), "区疫情防控工作领导小组第九十八次会议",
    "第九十八次会议：摸排天宫院街道来通人员", ("运河驿站集中隔离点", "玉桥中路8号"),
)  # fmt: skip
LATELY = Order(
    WANGXI, ("wangxi", "wangxi-community"), "区疫情防控工作领导小组第九十九次会议",
    "第九十九次会议：摸排望溪街道来通人员", ("桥庄集中隔离点", "玉桥南里12号"),
)  # fmt: skip
THE_PAGE_S = Days(inspection.beijing(21, 9))
"""The page's own January."""
LIFTED = 36
"""Of the page's January: 5 February, when all are released and the areas are none any more."""
KEPT = 3650
"""Days for which the demo keeps files: its people are nobody, and the page of a day is made of them."""


def tell_the_page(*, people: Mapping[str, Person]) -> None:
    """The order of 19 January 2021, from the first list to the last release."""
    for key in (FILE, SCREENING):
        DeletionRule.objects.create(
            key=key, office=layers.DISTRICT, since=THE_PAGE_S.first, days=KEPT, source="演示：人物均为虚构，留存供翻看"
        )
    told = _told(people, PAGE, THE_PAGE_S)
    told.sample_venues(missed="", positive="")
    told.sample_venues_more_often()
    told.let_go()


def tell(*, people: Mapping[str, Person], now: datetime) -> str:
    """The order of now, up to now; returns the secret of the link of somebody who is isolated."""
    told = _told(people, LATELY, Days(now))
    told.sample_venues(missed=MISSED, positive=POSITIVE)
    return told.today()


def _told(people: Mapping[str, Person], order: Order, days: Days) -> "_Told":
    """The order and the day after it."""
    told = _Told(people["health_officer"], people["community_worker"], order, days)
    told.declare()
    told.find()
    told.settle_down()
    told.sample()
    told.report()
    return told


def _results(by: Person, now: datetime, told: Iterable[tuple[Tube, str]]) -> None:
    """Take in the laboratory's table."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["试管编号", "结果", "检测机构", "时间"])
    moment = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    rows.writerows([tube.code, result, LABORATORY, moment] for tube, result in told)
    import_results(by=by, now=now, data=file.getvalue().encode(), name="results.csv")


def _tube(by: Person, now: datetime, town: str, files: Sequence[uuid.UUID], size: int) -> Tube:
    """A sealed tube with the swabs of these people."""
    tube = open_tube(by=by, now=now, size=size, town=town)
    for file_id in files:
        add_swab(by=by, now=now, tube_id=tube.pk, file_id=file_id)
    return seal_tube(by=by, now=now, tube_id=tube.pk)


class _Told:
    """The order of the 19th and what was done about it on the 20th."""

    def __init__(self, officer: Person, worker: Person, order: Order, days: Days):
        self.officer, self.worker, self.order, self.days = officer, worker, order, days
        self.comers = comers.comers(order.origin)
        self.files: list[CaseFile] = []
        """Of each of the comers, in their order."""

    # ---- found ------------------------------------------------------------------------------------------------------

    def declare(self) -> None:
        """Who came is in the store, then the meeting orders what is to be done about them."""
        days = self.days
        with TemporaryDirectory() as folder:
            path = Path(folder) / "arrivals.csv"
            comers.write_presences(path, self.comers, days.first)
            import_presences(by=self.officer, now=days.at(19, 14), path=path, name=path.name, source="来通人员登记")
        origin, (wide, narrow) = self.order.origin, self.order.keys
        notice: dict[str, Any] = {
            "level": "中风险", "starts_at": days.at(17, 0), "ends_at": None, "lookback_days": 14,
            "source": self.order.source,
        }  # fmt: skip
        drafts = [
            AreaDraft(key=wide, name=origin.name, measure="test", code=origin.code, **notice),
            AreaDraft(
                key=narrow, name=f"{origin.name}{origin.community}", measure="centralised",
                code=origin.community_code, **notice,
            ),
        ]  # fmt: skip
        declared = declare_areas(by=self.officer, now=days.at(19, 15), drafts=drafts)
        self.orders = [one.declaration.number for one in declared]

    def find(self) -> None:
        """Screen, hand the lists to the towns, open a file for each; the towns say who lives where and with whom."""
        by, days = self.officer, self.days
        now = days.at(19, 16)
        seen = screening.preview_screening(by=by, now=now, orders=self.orders)
        kept = screening.keep_screening(
            by=by, now=now, orders=self.orders, as_of=seen.as_of, digest=seen.digest, ground=Ground.ORDER,
            purpose=self.order.purpose,
        )  # fmt: skip
        screening.hand_to_towns(by=by, now=days.at(19, 16, 20), screening_id=kept.pk)
        open_screened(by=by, now=days.at(19, 16, 30), screening_id=kept.pk, progress=quiet)
        family = uuid.uuid5(NAMESPACE, f"family:{self.order.keys[0]}")
        drafts = [
            FileDraft(one.facts, one.stay, one.stay[:9], household=family if one.together else None)
            for one in self.comers
        ]
        opened = open_files(by=by, now=days.at(19, 19), office=layers.DISTRICT, drafts=drafts, origin="handover")
        self.files = [opened.file_of[index] for index in range(len(drafts))]

    # ---- reached and isolated ---------------------------------------------------------------------------------------

    def settle_down(self) -> None:
        """Most are reached in the evening; the visitors come to the site next morning, the family into one room."""
        by, days = self.officer, self.days
        reached = [file.pk for file in self.files[:REACHED]]
        tasks = Task.objects.filter(file__in=reached, kind=TaskKind.REACH, due_on__lte=days.day(19))
        finish_tasks(by=by, now=days.at(19, 20, 30), task_ids=list(tasks.values_list("pk", flat=True)))
        self.site = make_site(
            by=by, now=days.at(19, 17), site_id=uuid.uuid5(NAMESPACE, f"site:{self.order.keys[0]}"), town=YUQIAO,
            name=self.order.site[0], address=self.order.site[1], opened_on=days.day(19),
            rooms=[RoomsDraft("2", "201", "220", 2), RoomsDraft("3", "301", "306", 3)],
        )  # fmt: skip
        self._fill()
        add_need(
            by=by, now=days.at(20, 9), file_id=self.files[1].pk, kind="medicine", text="高血压，每日早晨服药",
        )  # fmt: skip
        add_contact_note(
            by=self.worker, now=days.at(19, 20), file_id=self.files[26].pk, how="call", reached=True,
            text="已告知核酸检测时间，独居，请邻居代购蔬菜",
        )  # fmt: skip

    def _fill(self) -> None:
        by, days = self.officer, self.days
        families = Room.objects.get(site=self.site, name="301")
        household = self.files[0].household
        assert household is not None
        assign_household(by=by, now=days.at(20, 8, 30), household=household, room_id=families.pk)
        singles = Room.objects.filter(site=self.site, floor="2").order_by("name")
        for number, (room, file) in enumerate(zip(singles, self.files[comers.FAMILY : IN_BEDS], strict=False)):
            bed = room.beds.order_by("pk")[0]
            assign_bed(by=by, now=days.at(20, 8, 40 + number), bed_id=bed.pk, file_id=file.pk)

    # ---- sampled ----------------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """Pools of ten in each town; one is positive, its members are held, one of them is sampled again so far."""
        by, days = self.officer, self.days
        yuqiao = [
            file.pk for file, one in zip(self.files, self.comers, strict=True)
            if one.stay.startswith(YUQIAO) and not one.visited_community
        ]  # fmt: skip
        pools = [
            _tube(by, days.at(20, 9 + number), YUQIAO, yuqiao[start : start + 10], 10)
            for number, start in enumerate((0, 10))
        ]
        site = [file.pk for file in self.files[:IN_BEDS]]
        others = {file.town for file in self.files[VISITORS:]} - {YUQIAO, LATE}
        for number, town in enumerate(sorted(others)):
            theirs = [file.pk for file in self.files[VISITORS:] if file.town == town]
            pools.append(_tube(by, days.at(20, 10, number), town, theirs, 10))
        pools.append(_tube(by, days.at(20, 10, 50), YUQIAO, site[6:16], 10))
        alone = [_tube(by, days.at(20, 11, number), YUQIAO, [file_id], 1) for number, file_id in enumerate(site[:6])]
        self.held = yuqiao[11:20]
        """Members of the positive pool that are not sampled again yet."""
        self.waiting = _tube(by, days.at(20, 14), YUQIAO, yuqiao[20:24], 5)
        _results(by, days.at(20, 16), [(tube, "阳性" if tube == pools[1] else "阴性") for tube in (*pools, *alone)])
        again = _tube(by, days.at(20, 16, 30), YUQIAO, yuqiao[10:11], 1)
        _results(by, days.at(20, 20, 30), [(again, "阴性")])

    # ---- cared for --------------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Links for those at the site; last evening's reports, but for a few, who are asked."""
        by, days = self.officer, self.days
        linked = {file.pk for file in self.files[:IN_BEDS]}
        self.secrets = {key: make_link(by=by, now=days.at(20, 10), file_id=key) for key in sorted(linked)}
        for slot, hour, files in (("am", 10, self.files[:VISITORS]), ("pm", 18, self.files)):
            for number, file in enumerate(files):
                if number == UNHEARD or (slot == "pm" and number % SILENT == SILENT - 1):
                    continue
                own = file.pk in linked
                record_report(
                    by=None if own else by, now=days.at(20, hour, number % 60), file_id=file.pk, on=days.day(20),
                    slot=slot, temperature=f"36.{2 + number % 6}", symptoms=[],
                    how=ReportedBy.LINK if own else ReportedBy.PHONE,
                )  # fmt: skip
        ask_for_missing(now=days.at(20, 10, 5))
        ask_for_missing(now=days.at(20, 20, 5))
        alert = Alert.objects.get(file=self.files[UNHEARD])
        take_alert(by=by, now=days.at(20, 20, 20), alert_id=alert.pk)
        words = "入户查看，本人无恙，手机停机；已代缴话费，约定明早报告"
        close_alert(by=by, now=days.at(20, 21), alert_id=alert.pk, words=words)

    def today(self) -> str:
        """Within the last hours: a fever, food asked for, a request for correction and the officer's look at a file."""
        now, days = self.days.now, self.days
        point = PointDraft(YUQIAO, "玉桥文化广场采样点", time(8), time(18), 60, address="玉桥中路20号")
        save_point(by=self.officer, now=days.at(19, 18), draft=point)
        book_appointments(by=self.officer, now=now, town=YUQIAO, on=days.day(22))
        feverish, hungry, wrong = (self.files[index] for index in (5, 3, 4))
        moment = now - timedelta(minutes=20)
        record_report(
            by=None, now=moment, file_id=feverish.pk, on=timezone.localdate(moment), slot=open_slots(moment)[-1],
            temperature="37.9", symptoms=["throat"], note="昨夜起嗓子疼",
        )  # fmt: skip
        moment = now - timedelta(minutes=40)
        make_request(
            by=None, now=moment, request_id=uuid.uuid5(NAMESPACE, f"food:{now}"), file_id=hungry.pk, kind="food",
            words="请送一份清淡的早餐和两瓶水",
        )  # fmt: skip
        ask_correction(now=moment, file=wrong, words="我住的是2单元，不是3单元")
        open_file(
            by=self.officer, now=now - timedelta(minutes=15), file_id=feverish.pk, ground=Ground.ORDER,
            purpose="发热报警，联系本人核实症状",
        )  # fmt: skip
        refresh_phases(now=now)
        return self.secrets[hungry.pk]

    # ---- the page's, to the end -------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Who was left is reached and brought; all are sampled and released when it is time, the areas lifted."""
        by, days = self.officer, self.days
        keys = [file.pk for file in self.files]
        left = Task.objects.filter(file__in=keys, kind=TaskKind.REACH, state=TaskState.OPEN)
        finish_tasks(by=by, now=days.at(21, 9), task_ids=list(left.values_list("pk", flat=True)))
        free = Room.objects.filter(site=self.site, name__in=FREE_ROOMS).order_by("name")
        for room, file in zip(free, self.files[IN_BEDS:VISITORS], strict=True):
            assign_bed(by=by, now=days.at(21, 9, 30), bed_id=room.beds.order_by("pk")[0].pk, file_id=file.pk)
        again = [_tube(by, days.at(21, 10, number), YUQIAO, [key], 1) for number, key in enumerate(self.held)]
        _results(by, days.at(21, 16), [(tube, "阴性") for tube in (self.waiting, *again)])
        for day in range(21, LIFTED):
            self._sample_due(day)
            self._release_due(day)
        for area in Declaration.objects.filter(area__key__in=self.order.keys, latest=True).select_related("area"):
            lift_area(
                by=by, now=days.at(LIFTED, 9), area_id=area.area_id, version=area.version, source="中风险地区降为低风险"
            )
        close_site(by=by, now=days.at(LIFTED, 10), site_id=self.site.pk)

    def _sample_due(self, day: int) -> None:
        """In pools of ten of a town; on a last day twice."""
        by, days = self.officer, self.days
        for hour in (9, 14):
            due = Task.objects.filter(
                file__in=self.files, kind=TaskKind.TEST, state=TaskState.OPEN, due_on__lte=days.day(day)
            )
            by_town: dict[str, list[uuid.UUID]] = {}
            for town, key in due.order_by("file__town", "file").values_list("file__town", "file").distinct():
                by_town.setdefault(town, []).append(key)
            tubes = [
                _tube(by, days.at(day, hour, number), town, keys[start : start + 10], 10)
                for number, (town, keys) in enumerate(by_town.items())
                for start in range(0, len(keys), 10)
            ]
            if tubes:
                _results(by, days.at(day, 20), [(tube, "阴性") for tube in tubes])

    def _release_due(self, day: int) -> None:
        """Those whose measure ended the day before, with the reports of their last days."""
        by, days = self.officer, self.days
        over = CaseFile.objects.filter(pk__in=[file.pk for file in self.files], ends_on=days.day(day - 1))
        for file in over.filter(state=FileState.OPEN).order_by("pk"):
            for back in range(3 if file.measure == Measure.CENTRALISED else 1, 0, -1):
                record_report(
                    by=by, now=days.at(day - back, 18), file_id=file.pk, on=days.day(day - back), slot="pm",
                    temperature="36.4", symptoms=[], how=ReportedBy.PHONE,
                )  # fmt: skip
            release_person(by=by, now=days.at(day, 9, 30), file_id=file.pk)

    # ---- venues -----------------------------------------------------------------------------------------------------

    def sample_venues(self, *, missed: str, positive: str) -> None:
        """The rounds of the 18th, at which one may be missed and another have a positive surface; then more often."""
        by, days = self.officer, self.days
        plan_rounds(now=days.at(18, 8), codes=[layers.DISTRICT])
        self._sample_venues(18, missed=missed, positive=positive)
        put_level_in_force(
            by=by, now=days.at(19, 15, 30), code=layers.DISTRICT, level="medium", since=days.day(19),
            source=self.order.source,
        )  # fmt: skip
        plan_rounds(now=days.now, codes=[layers.DISTRICT])

    def _sample_venues(self, day: int, *, missed: str = "", positive: str = "") -> None:
        """All that is due on the day, with three surfaces of each, or six where one is positive."""
        by, days = self.officer, self.days
        due = VenueSampling.objects.filter(due_on=days.day(day), done_at=None).select_related("venue")
        for number, sampling in enumerate(due.order_by("venue__name")):
            if sampling.venue.name == missed:
                continue
            done = record_sampling(
                by=by, now=days.at(day, 9, number), sampling_id=sampling.pk, staff_taken=4 + number,
                surfaces=SURFACES[: 6 if sampling.venue.name == positive else 3],
            )  # fmt: skip
            for sample in done.surface_samples.order_by("pk"):
                bad = done.venue.name == positive and sample.where == SURFACES[0]
                record_surface_result(
                    by=by, now=days.at(day + 1, 11), sample_id=sample.pk, result="positive" if bad else "negative"
                )

    def sample_venues_more_often(self) -> None:
        """Each round of the level that is in force, until another takes its place."""
        by, days = self.officer, self.days
        for day in range(21, LIFTED):
            self._sample_venues(day)
        put_level_in_force(
            by=by, now=days.at(LIFTED, 9), code=layers.DISTRICT, level="low", since=days.day(LIFTED),
            source="中风险地区降为低风险",
        )  # fmt: skip
