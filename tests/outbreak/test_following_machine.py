"""Random officers open, expose, merge, place, sample, report and release at random times, under rules that change:
nobody goes with an open condition, nothing is due after that, no bed is held twice, and everybody is accounted for."""

import collections
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.outbreak.people import at

from duban.core.errors import DubanError
from duban.demo.builders import make_person
from duban.outbreak.care.reports import record_report
from duban.outbreak.casefiles import actions as files
from duban.outbreak.casefiles.identity import Facts
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.desk.funnel import funnel_of
from duban.outbreak.measures.editing import RuleDraft, add_rule, replan_office
from duban.outbreak.measures.plans import refresh_phases, replan
from duban.outbreak.measures.release import release_person, revoke_release
from duban.outbreak.measures.todo import finish_tasks, reopen_task
from duban.outbreak.models import Bed, BedStay, CareLink, CaseExposure, CaseFile, Plan, Release, Swab, Task, Tube
from duban.outbreak.samples import actions as samples
from duban.outbreak.sites import actions as sites
from duban.outbreak.sites.making import RoomsDraft, make_site

pytestmark = pytest.mark.django_db
OFFICE, TOWNS = "110112", ("110112106", "110112110")
DONE: collections.Counter[str] = collections.Counter()
"""How often each step was really taken: a machine that is always refused proves nothing."""
PEOPLE = 5
some = st.integers(0, 10**6)
DAY = timedelta(days=1)


class Following(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        key = uuid.uuid4().hex[:8]
        self.officer = make_person(f"o{key}", "health_officer", OFFICE)
        self.now = at(20)
        self.drafts: list[files.FileDraft] = []
        rooms = [RoomsDraft("1", "101", "102", 2)]
        make_site(
            by=self.officer, now=self.now, site_id=uuid.uuid4(), town=TOWNS[0], name=f"点{key}", address="",
            opened_on=self.today, rooms=rooms,
        )  # fmt: skip

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    @property
    def today(self) -> date:
        return (self.now + timedelta(hours=8)).date()

    def attempt(self, name: str, work: Callable[..., Any], **facts: Any) -> Any:
        """Do it, or be refused as people are: nothing else may go wrong, and a refusal leaves nothing behind."""
        try:
            with transaction.atomic():
                found = work(by=self.officer, now=self.now, **facts)
        except DubanError:
            return None
        DONE[name] += 1
        return found

    def one(self, number: int, **facts: Any) -> CaseFile | None:
        rows = list(CaseFile.objects.filter(**facts).order_by("number"))
        return rows[number % len(rows)] if rows else None

    # ---- steps ------------------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for who, (kind, back, measure) in enumerate(
            [
                ("area", 4, "centralised"),
                ("area", 9, "home"),
                ("contact", 1, "centralised"),
                ("second", 2, "centralised"),
            ]
        ):
            self.open(who, kind, back, measure, TOWNS[who % 2])

    @rule(who=st.integers(0, PEOPLE - 1), kind=st.sampled_from(["area", "contact", "second"]), back=st.integers(0, 18),
          measure=st.sampled_from(["centralised", "home", "test"]), town=st.sampled_from(TOWNS))  # fmt: skip
    def open(self, who: int, kind: str, back: int, measure: str, town: str) -> None:
        last = self.now - back * DAY
        exposure = files.ExposureDraft(kind, f"S{kind}{back % 3}", measure, "一处", last, last)
        draft = files.FileDraft(Facts(name=f"人{who}", phone=f"1380000000{who}"), town, town, (exposure,))
        self.attempt("open", files.open_files, office=OFFICE, drafts=[draft], origin="form")
        self.drafts.append(draft)

    @rule(number=some)
    def open_again(self, number: int) -> None:
        """A list that is read again adds nobody and no reason."""
        if not self.drafts:
            return
        open_ones = CaseFile.objects.filter(state="open")
        before = (set(open_ones.values_list("pk", flat=True)), CaseExposure.objects.count(), Task.objects.count())
        draft = self.drafts[number % len(self.drafts)]
        with transaction.atomic():
            done = files.open_files(by=self.officer, now=self.now, office=OFFICE, drafts=[draft], origin="form")
            after = (set(open_ones.values_list("pk", flat=True)), CaseExposure.objects.count(), Task.objects.count())
            # Who was released or closed may be followed anew; everybody else is known.
            assert done.taken or before == after

    @rule(number=some, back=st.integers(0, 10), kind=st.sampled_from(["area", "contact"]))
    def expose(self, number: int, back: int, kind: str) -> None:
        if file := self.one(number):
            last = self.now - back * DAY
            exposure = files.ExposureDraft(kind, f"S{number % 3}", "centralised", "一处", last, last)
            self.attempt("expose", files.add_exposure, file_id=file.pk, exposure=exposure)

    @rule(number=some)
    def withdraw(self, number: int) -> None:
        rows = list(CaseExposure.objects.filter(withdrawn_at=None).order_by("pk"))
        if rows:
            row = rows[number % len(rows)]
            self.attempt("withdraw", files.withdraw_exposure, file_id=row.file_id, exposure_id=row.pk)

    @rule(number=some, other=some)
    def merge(self, number: int, other: int) -> None:
        file, into = self.one(number), self.one(other)
        if file and into and file != into:
            self.attempt("merge", files.merge_files, file_id=file.pk, into_id=into.pk)

    @rule(number=some)
    def unmerge(self, number: int) -> None:
        if file := self.one(number, merged_into__isnull=False):
            self.attempt("unmerge", files.unmerge_file, file_id=file.pk)

    @rule(number=some)
    def move(self, number: int) -> None:
        if file := self.one(number):
            self.attempt("move", files.move_file, file_id=file.pk, stay=TOWNS[number % 2])

    @rule(number=some)
    def confirm(self, number: int) -> None:
        if number % 4 == 0 and (file := self.one(number)):
            self.attempt("confirm", files.confirm_case, file_id=file.pk, onset_at=None, sampled_at=self.now)

    @rule(number=some, reason=st.sampled_from(["elsewhere", "withdrawn"]))
    def close(self, number: int, reason: str) -> None:
        if number % 4 == 0 and (file := self.one(number)):
            self.attempt("close", files.close_file, file_id=file.pk, reason=reason)

    @rule(bed=st.integers(0, 3), number=some, step=st.sampled_from(["assign", "transfer", "leave"]))
    def lie(self, bed: int, number: int, step: str) -> None:
        if file := self.one(number):
            facts: dict[str, Any] = {"file_id": file.pk, "reason": "home"}
            if step != "leave":
                facts |= {"bed_id": list(Bed.objects.order_by("pk"))[bed].pk, "reason": "同住"}
            work = {"assign": sites.assign_bed, "transfer": sites.transfer, "leave": sites.end_stay}[step]
            self.attempt(step, work, **facts)

    @rule(number=some, again=st.booleans())
    def act(self, number: int, again: bool) -> None:
        rows = list(Task.objects.order_by("pk"))
        if not rows:
            return
        task = rows[number % len(rows)]
        if again:
            self.attempt("reopen", reopen_task, task_id=task.pk)
        elif self.attempt("finish", finish_tasks, task_ids=[task.pk]) is not None:
            assert finish_tasks(by=self.officer, now=self.now, task_ids=[task.pk]) == 0

    @rule(number=some, size=st.sampled_from([1, 1, 5]))
    def sample(self, number: int, size: int) -> None:
        tube = Tube.objects.filter(size=size, sealed_at=None).first()
        tube = tube or self.attempt("tube", samples.open_tube, size=size, town=TOWNS[0])
        if tube and (file := self.one(number)):
            self.attempt("swab", samples.add_swab, tube_id=tube.pk, file_id=file.pk)

    @rule(result=st.sampled_from(["negative", "negative", "negative", "positive", "grey"]))
    def result(self, result: str) -> None:
        tube = Tube.objects.filter(result="", swabs__isnull=False).first()
        if tube:
            if tube.sealed_at is None:
                self.attempt("seal", samples.seal_tube, tube_id=tube.pk)
            told = {"result": result, "laboratory": "实验室", "resulted_at": self.now}
            self.attempt("result", samples.record_result, tube_id=tube.pk, **told)

    @rule(
        key=st.sampled_from(["area:centralised", "area:home", "contact"]),
        length=st.integers(3, 20),
        ahead=st.integers(0, 4),
    )
    def change_rule(self, key: str, length: int, ahead: int) -> None:
        draft = RuleDraft(
            key=key, since=self.today + ahead * DAY, name="新规", name_en="", phases=(("centralised", length),),
            test_days=(1, length), counted_from="exposure", double=bool(length % 2), reports=1, visit_every=0,
            quiet_days=1, source="通告",
        )  # fmt: skip
        if self.attempt("rule", add_rule, draft=draft):
            replan_office(now=self.now, office=OFFICE)

    @rule(hours=st.sampled_from([5, 24, 72]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        refresh_phases(now=self.now)

    @rule(number=some)
    def follow_to_the_end(self, number: int) -> None:
        """All that is asked for is done, day by day; what then stands in the way is looked at by the release."""
        file = self.one(number, state="open", merged_into=None, no_measure="")
        if file is None:
            return
        for _day in range(30):
            self._live(file)
            if self.attempt("release", release_person, file_id=file.pk):
                return
            self.now += DAY
            refresh_phases(now=self.now)

    def _live(self, file: CaseFile) -> None:
        told = {"on": self.today, "slot": "am", "temperature": "36.5", "symptoms": [], "how": "phone"}
        self.attempt("report", record_report, file_id=file.pk, **told)
        for task in Task.objects.filter(file=file, state="open", due_on__lte=self.today).exclude(kind="release"):
            if task.kind != "test":
                self.attempt("finish", finish_tasks, task_ids=[task.pk])
                continue
            tube = self.attempt("tube", samples.open_tube, size=1, town=TOWNS[0])
            if self.attempt("swab", samples.add_swab, tube_id=tube.pk, file_id=file.pk):
                self.attempt("result", samples.record_result, tube_id=tube.pk, result="negative", laboratory="实验室",
                             resulted_at=self.now)  # fmt: skip
        for tube in Tube.objects.filter(swabs__file__in=own_and_merged(file), result="", sealed_at__isnull=False):
            told = {"result": "negative", "laboratory": "实验室", "resulted_at": self.now}
            self.attempt("result", samples.record_result, tube_id=tube.pk, **told)

    @rule(number=some)
    def release(self, number: int) -> None:
        if file := self.one(number, merged_into=None):
            self._let_go(file)

    def _let_go(self, file: CaseFile) -> None:
        reason = self._in_the_way(file)
        done = self.attempt("release", release_person, file_id=file.pk)
        assert not (done and reason), reason

    def _in_the_way(self, file: CaseFile) -> str:
        """Read from the rows alone, apart from the code that decides."""
        ids = own_and_merged(file)
        plan = Plan.objects.filter(file=file, current=True).first()
        if file.state == "released":
            return ""
        if plan is None or plan.ends_on >= self.today:
            return "plan"
        if Task.objects.filter(file__in=ids, kind__in=["test", "arrive"], state="open").exists():
            return "tasks"
        unanswered = Swab.objects.filter(file__in=ids, tube__voided_at=None).exclude(tube__result="negative")
        answered = Swab.objects.filter(file__in=ids).values("follows")
        return "sample" if unanswered.exclude(pk__in=answered.exclude(follows=None)).exists() else ""

    @rule(number=some)
    def revoke(self, number: int) -> None:
        if file := self.one(number, state="released"):
            self.attempt("revoke", revoke_release, file_id=file.pk)

    # ---- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_due_to_who_is_gone(self) -> None:
        assert not Task.objects.filter(state="open").exclude(file__state="open", file__merged_into=None).exists()
        released = CaseFile.objects.filter(state="released")
        assert not BedStay.objects.filter(file__in=released, until=None).exists()
        assert not CareLink.objects.filter(file__in=released, revoked_at=None).exists()
        standing = Release.objects.filter(revoked_at=None)
        assert set(standing.values_list("file", flat=True)) == set(released.values_list("pk", flat=True))
        assert all(one["met"] for row in standing for one in row.conditions)

    @invariant()
    def no_bed_twice(self) -> None:
        held = BedStay.objects.filter(until=None)
        assert not held.values("bed").annotate(n=Count("pk")).filter(n__gt=1)
        assert not held.values("file").annotate(n=Count("pk")).filter(n__gt=1)

    @invariant()
    def everybody_is_in_one_measure_or_has_a_reason(self) -> None:
        for file in CaseFile.objects.filter(state="open", merged_into=None):
            plans = list(Plan.objects.filter(file=file, current=True))
            if file.no_measure:
                assert (plans, file.measure, file.ends_on) == ([], "", None)
                continue
            (plan,) = plans
            assert plan.starts_on <= self.today
            phases = [one for one in plan.phases if one["first"] <= self.today.isoformat()]
            assert (phases[-1]["measure"], plan.ends_on) == (file.measure, file.ends_on)
            late = Task.objects.filter(file=file, state="open", due_on__gt=plan.ends_on).exclude(kind="release")
            # Only what a sample made necessary, or what was missed, is asked for after the end.
            assert not [one for one in late if one.due_on > self.today]
            assert Task.objects.filter(file=file, kind="release", state="open").count() == 1

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        ids = list(CaseFile.objects.values_list("pk", flat=True))
        tasks = list(Task.objects.order_by("pk").values_list("pk", "state"))
        assert replan(now=self.now, file_ids=ids) == 0
        assert list(Task.objects.order_by("pk").values_list("pk", "state")) == tasks

    @invariant()
    def the_funnel_is_its_rows(self) -> None:
        told = funnel_of(OFFICE, self.today)
        rows = CaseFile.objects.filter(merged_into=None, office=OFFICE)
        assert told.total.counts["released"] == rows.filter(released_at__isnull=False).count()
        assert told.total.counts["screened"] == sum(row.counts["screened"] or 0 for row in told.towns)


def test_everybody_is_followed_and_nobody_is_forgotten() -> None:
    DONE.clear()
    run_state_machine_as_test(
        Following,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert {"open", "swab", "result", "rule", "release"} <= set(DONE), DONE
    assert DONE.total() > 100
