"""The order of the newspaper page, played from the notice to the last release: 2,000 people and 21 daily reports.

Two areas are declared, who was there is found in the store and handed to the towns; visitors of the community go to
centralised isolation, the others are tested in pools of ten and wait. Three pools are positive, their members are
sampled singly, one is a case; contacts and theirs are found; everybody is released in time, and each day's report
agrees with the day before and with its rows.
"""

import csv
import io
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.outbreak.declaring import TIANGONGYUAN
from tests.outbreak.people import at, id_number, write_csv

from duban.access.models import Person
from duban.demo.builders import make_person
from duban.outbreak import screening, store
from duban.outbreak.areas import declare_areas
from duban.outbreak.care.missing import ask_for_missing
from duban.outbreak.casefiles.actions import confirm_case
from duban.outbreak.casefiles.contacts import open_contacts, open_screened
from duban.outbreak.desk.days import day_of, followed
from duban.outbreak.desk.report import report_of
from duban.outbreak.lists import AreaDraft
from duban.outbreak.measures.plans import refresh_phases, reports_due
from duban.outbreak.measures.release import release_person
from duban.outbreak.measures.todo import finish_tasks
from duban.outbreak.models import (
    Bed,
    BedStay,
    CaseFile,
    DailyReport,
    Ground,
    Measure,
    Plan,
    Swab,
    Task,
    TaskKind,
    Tube,
)
from duban.outbreak.people import Tokens
from duban.outbreak.presences import import_presences
from duban.outbreak.samples.collecting import add_swab, open_tube, seal_tube
from duban.outbreak.samples.importing import import_results
from duban.outbreak.sites.actions import assign_bed
from duban.outbreak.sites.making import RoomsDraft, make_site
from duban.outbreak.tracing import Wanted

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        os.environ.get("DUBAN_TEST_POSTGRES") == "1", reason="long; its steps are tested there one by one"
    ),
]
COMMUNITY = TIANGONGYUAN + "001"
TOWNS = [f"110112{town}" for town in ("104", "105", "106", "109", "110", "114", "116", "117", "119")]
PEOPLE, VISITORS, CONTACTS, SECONDS = 2000, 40, 5, 4
FIRST = 20
DAYS = 21


def quiet(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


class Office:
    """What the officers of the district do in the course of a day."""

    def __init__(self, officer: Person):
        self.officer = officer
        self.reports: list[Any] = []

    # ---- the first day ----------------------------------------------------------------------------------------------

    def hear_of_the_risk(self, folder: Path) -> None:
        """Arrivals, and a restaurant where the later case sat, are in the store; the areas are declared."""
        rows = [
            {
                "name": f"来人{number}",
                "id_number": id_number(number % 1000, f"19{60 + number // 1000:02d}0101"),
                "phone": f"139{number:08d}",
                "home": TOWNS[number % len(TOWNS)],
                "area_code": COMMUNITY if number < VISITORS else f"{TIANGONGYUAN}{2 + number % 7:03d}",
                "arrived": f"2021-01-{10 + number % 8:02d} 09:00",
                "departed": f"2021-01-{10 + number % 8:02d} 18:00",
            }
            for number in range(PEOPLE)
        ]
        rows += [self._meal("食堂", 12, VISITORS)]
        rows += [self._meal("食堂", 12, PEOPLE + number) for number in range(CONTACTS)]
        rows += [self._meal("茶馆", 18, PEOPLE)]
        rows += [self._meal("茶馆", 18, PEOPLE + CONTACTS + number) for number in range(SECONDS)]
        columns = ("name", "id_number", "phone", "home", "lon", "lat", "area_code", "venue", "arrived", "departed")
        path = write_csv(folder / "arrivals.csv", *({"lon": "", "lat": "", **row} for row in rows), columns=columns)
        taken = import_presences(by=self.officer, now=at(FIRST, 7), path=path, name=path.name, source="来通登记")
        assert (taken.taken, taken.refused) == (len(rows), 0)
        notice: dict[str, Any] = {
            "level": "中风险", "starts_at": at(17), "ends_at": None, "lookback_days": 14, "source": "市通告",
        }  # fmt: skip
        drafts = [
            AreaDraft(key="融汇", name="融汇社区", measure="centralised", code=COMMUNITY, **notice),
            AreaDraft(key="天宫院", name="天宫院街道", measure="test", code=TIANGONGYUAN, **notice),
        ]
        declared = declare_areas(by=self.officer, now=at(FIRST, 8), drafts=drafts)
        self.orders = [one.declaration.number for one in declared]

    def _meal(self, venue: str, hour: int, number: int) -> dict[str, str]:
        return {
            "name": f"来人{number}",
            "id_number": id_number(number % 1000, f"19{60 + number // 1000:02d}0101"),
            "phone": f"139{number:08d}",
            "home": TOWNS[number % len(TOWNS)],
            "venue": venue,
            "area_code": TOWNS[0],
            "arrived": f"2021-01-19 {hour}:00",
            "departed": f"2021-01-19 {hour + 1}:00",
        }

    def screen(self) -> None:
        now = at(FIRST, 9)
        seen = screening.preview_screening(by=self.officer, now=now, orders=self.orders)
        assert seen.people == PEOPLE
        kept = screening.keep_screening(
            by=self.officer, now=now, orders=self.orders, as_of=seen.as_of, digest=seen.digest, ground=Ground.ORDER,
            purpose="第九十八次会议：摸排天宫院街道来通人员",
        )  # fmt: skip
        screening.hand_to_towns(by=self.officer, now=now, screening_id=kept.pk)
        for _time in range(2):
            made = open_screened(by=self.officer, now=now, screening_id=kept.pk, progress=quiet)
        assert (made.taken, made.unchanged) == (0, PEOPLE), made
        measures = Counter(CaseFile.objects.values_list("measure", flat=True))
        assert measures[Measure.CENTRALISED] == VISITORS
        # Who left more than a week ago is through the first phase of the second order already.
        assert measures[Measure.TEST] + measures[Measure.MONITOR] == PEOPLE - VISITORS

    def isolate(self, now: datetime) -> None:
        """A bed for everybody who is to be brought to the site."""
        bring = Task.objects.filter(kind=TaskKind.ARRIVE, state="open").order_by("pk")
        free = Bed.objects.exclude(stays__until__isnull=True, stays__isnull=False).order_by("pk")
        for task, bed in zip(list(bring), list(free), strict=False):
            assign_bed(by=self.officer, now=now, bed_id=bed.pk, file_id=task.file_id)

    # ---- each day ---------------------------------------------------------------------------------------------------

    def work(self, day: int, positive: int = 0) -> None:
        """Reach and visit, take the tests that are due, send them in, hear the reports, let go who is through."""
        morning, evening = self.hour(day, 9), self.hour(day, 19)
        refresh_phases(now=morning)
        today = (morning + timedelta(hours=8)).date()
        acts = Task.objects.filter(state="open", due_on__lte=today, kind__in=[TaskKind.REACH, TaskKind.VISIT])
        finish_tasks(by=self.officer, now=morning, task_ids=list(acts.values_list("pk", flat=True)))
        self.isolate(morning)
        self.report(today, morning)
        self.sample(self.due(today), self.hour(day, 10))
        self.results(self.hour(day, 16), positive)
        self.sample(self.due(today), self.hour(day, 17), size=1)
        self.results(self.hour(day, 20), 1 if positive else 0)
        self.let_go(today, evening)
        self.close(today)

    @staticmethod
    def hour(day: int, hour: int) -> datetime:
        return at(FIRST, hour) + timedelta(days=day)

    def due(self, today: date) -> list[tuple[uuid.UUID, str]]:
        tasks = Task.objects.filter(kind=TaskKind.TEST, state="open", due_on__lte=today)
        return list(tasks.order_by("town", "pk").values_list("file", "town"))

    def sample(self, people: Iterable[tuple[uuid.UUID, str]], now: datetime, size: int = 10) -> None:
        """A pool for ten at a time; who may not be pooled, or is due a second time, gets a tube alone."""
        tube: Tube | None = None
        room = 0
        alone = set(Task.objects.filter(kind=TaskKind.TEST, state="open", slot__startswith="re").values_list("file"))
        contacts = set(CaseFile.objects.filter(exposures__kind__in=["contact", "second"]).values_list("pk", flat=True))
        done: set[uuid.UUID] = set()
        for file_id, town in people:
            if size == 1 or file_id in contacts or file_id in done or (file_id,) in alone:
                single = open_tube(by=self.officer, now=now, size=1, town=town)
                add_swab(by=self.officer, now=now, tube_id=single.pk, file_id=file_id)
                continue
            if tube is None or tube.town != town or not room:
                tube, room = open_tube(by=self.officer, now=now, size=size, town=town), size
            room -= 1
            add_swab(by=self.officer, now=now, tube_id=tube.pk, file_id=file_id)
            done.add(file_id)
        for one in Tube.objects.filter(sealed_at=None, voided_at=None):
            seal_tube(by=self.officer, now=now, tube_id=one.pk)

    def results(self, now: datetime, positive: int) -> None:
        tubes = list(Tube.objects.filter(resulted_at=None).order_by("-size", "opened_at", "code"))
        file = io.StringIO()
        rows = csv.writer(file)
        rows.writerow(["试管编号", "结果", "检测机构", "时间"])
        told = (now + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")
        for number, tube in enumerate(tubes):
            rows.writerow([tube.code, "阳性" if number < positive else "阴性", "区疾控中心实验室", told])
        done = import_results(by=self.officer, now=now, data=file.getvalue().encode(), name="results.csv")
        assert (done.taken, done.refused) == (len(tubes), [])

    def report(self, today: date, now: datetime) -> None:
        """Everybody tells their temperature by their link, twice where twice is asked for."""
        files = list(CaseFile.objects.filter(state="open").values_list("pk", flat=True))
        owed = reports_due(files, today)
        rows = [
            DailyReport(file_id=file_id, on=today, slot=slot, temperature="36.5", symptoms=[], how="link", at=now)
            for file_id, times in owed.items()
            for slot in ("am", "pm")[-times:]
        ]
        DailyReport.objects.bulk_create(rows, batch_size=500)
        assert ask_for_missing(now=now + timedelta(hours=2)) == 0

    def let_go(self, today: date, now: datetime) -> None:
        tasks = Task.objects.filter(kind=TaskKind.RELEASE, state="open", due_on__lte=today)
        for file_id in list(tasks.values_list("file", flat=True)):
            release_person(by=self.officer, now=now, file_id=file_id)

    def close(self, today: date) -> None:
        """The day's report, whose sums are the rows' and follow from the day before."""
        report = report_of(today)
        total = report.total.figures
        assert total["followed"] == followed(CaseFile.objects.all(), day_of(today)).count()
        assert total["followed"] == sum(total[str(one)] or 0 for one in (*Measure.values, "none"))
        if self.reports:
            before = self.reports[-1].total.figures
            gone = (total["released"] or 0) + (total["closed"] or 0)
            assert total["followed"] == (before["followed"] or 0) + (total["new"] or 0) - gone
        self.reports.append(report)


def test_from_the_notice_to_the_last_release(tmp_path: Path) -> None:
    office = Office(make_person("officer", "health_officer"))
    shutil.rmtree(store.folder(), ignore_errors=True)
    rooms = [RoomsDraft("1", "101", "130", 1), RoomsDraft("2", "201", "230", 1)]
    make_site(
        by=office.officer, now=at(FIRST, 7), site_id=uuid.uuid4(), town=TOWNS[0], name="一号集中点", address="",
        opened_on=date(2021, 1, 1), rooms=rooms,
    )  # fmt: skip
    office.hear_of_the_risk(tmp_path)
    office.screen()

    # Tested in pools of ten: three are positive, their members wait on and are sampled singly, one is a case.
    office.work(0, positive=3)
    pools = Tube.objects.filter(size=10, result="positive")
    assert pools.count() == 3
    held = set(Swab.objects.filter(tube__in=pools).values_list("file", flat=True))
    again = Swab.objects.filter(follows__tube__in=pools)
    assert set(again.values_list("file", flat=True)) == held
    assert again.count() == len(held)
    found = CaseFile.objects.get(swabs__in=again.filter(tube__result="positive"))
    assert not CaseFile.objects.exclude(pk=found.pk).filter(waiting_since__isnull=False).exists()

    # The person who sat in the canteen stands for the case, whoever's pool the laboratory found.
    case = CaseFile.objects.get(keys__digest=_digest_of(VISITORS))
    now = office.hour(0, 21)
    for file in {found, case}:
        confirm_case(by=office.officer, now=now, file_id=file.pk, onset_at=None, sampled_at=office.hour(0, 10))
    for _time in range(2):
        made = open_contacts(by=office.officer, now=now, file_id=case.pk, wanted=Wanted(generations=2), progress=quiet)
    assert made.people == CONTACTS + SECONDS
    assert made.taken == 0
    kinds = Counter(CaseFile.objects.filter(exposures__basis=str(case.pk)).values_list("exposures__kind", flat=True))
    assert kinds == {"contact": CONTACTS, "second": SECONDS}
    office.reports.clear()
    office.close(date(2021, 1, FIRST))

    # Twenty-one daily reports; nobody is let go early, nobody is kept.
    for day in range(1, DAYS):
        office.work(day)
    assert len(office.reports) == DAYS
    left = CaseFile.objects.filter(state="open").exclude(confirmed_at__isnull=False)
    assert not left.exists(), list(left.values_list("number", "measure", "ends_on", "no_measure"))
    for plan in Plan.objects.filter(current=True, file__state="released").select_related("file"):
        assert plan.file.released_at is not None
        assert (plan.file.released_at + timedelta(hours=8)).date() == plan.ends_on + timedelta(days=1)
    assert not Task.objects.filter(state="open").exists()
    assert not BedStay.objects.filter(until=None).exclude(file__confirmed_at__isnull=False).exists()
    new = sum(report.total.figures["new"] for report in office.reports)
    released = sum(report.total.figures["released"] for report in office.reports)
    assert new == PEOPLE + CONTACTS + SECONDS
    assert released == new - CaseFile.objects.filter(confirmed_at__isnull=False).count()


def _digest_of(number: int) -> str:
    return Tokens().of("id_number", id_number(number % 1000, f"19{60 + number // 1000:02d}0101"))
