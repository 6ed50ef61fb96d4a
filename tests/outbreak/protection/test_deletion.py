"""Deletion by rule: what is due goes with all that hangs on it, nothing else, once, and the certificate adds up."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, models
from django_tasks_db.models import DBTaskResult
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st
from tests.outbreak.protection.building import HERE, OFFICE, THERE, make_file, make_full, make_look

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.ledger import jobs
from duban.outbreak import retention, tasks
from duban.outbreak.models import (
    CaseFile,
    Declaration,
    Deletion,
    DeletionRule,
    Found,
    Look,
    NoMeasure,
    RiskArea,
    Screening,
)
from duban.outbreak.protection import deletion, due
from duban.outbreak.protection.deletion import certificates_for, is_whole, run_deletion
from duban.outbreak.protection.due import Scope, waiting
from duban.outbreak.protection.rules import load_rules, rules_on

pytestmark = pytest.mark.django_db
DAY = NOON.date()


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    settings.DUBAN_DATA = tmp_path


def run(on: date, **changes: Any) -> deletion.Deleted:
    return run_deletion(**{"by": Console(), "now": NOON + timedelta(days=60), "on": on, **changes})


def hanging() -> Iterator[tuple[type[models.Model], str]]:
    """Each table from which a path of foreign keys leads to a file, with the field."""
    for model in apps.get_app_config("outbreak").get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.ForeignKey) and field.remote_field.model is CaseFile and model is not CaseFile:
                yield model, field.name


def test_a_file_goes_with_everything_that_hangs_on_it() -> None:
    file = make_full(NOON, state="released", released_at=NOON)
    left = make_full(NOON)
    tables = list(hanging())
    # A table that is new needs a row in building.py, else this test would not see whether it goes.
    assert [model.__name__ for model, name in tables if not model._base_manager.filter(**{name: file}).exists()] == []
    before = {model: model._base_manager.count() for model, _name in tables}
    done = run(DAY + timedelta(days=14))
    assert done.people == 1
    assert not CaseFile.objects.filter(pk=file.pk).exists()
    for model, name in tables:
        if model is not Look:
            assert not model._base_manager.filter(**{name: file.pk}).exists(), model
            assert model._base_manager.filter(**{name: left}).exists(), model
    look = Look.objects.get(file=None)
    assert look.number == file.number
    gone = sum(before[model] - model._base_manager.count() for model, _name in tables if model is not Look)
    assert done.counts[HERE]["rows"] == gone
    connection.check_constraints()


def test_a_second_run_finds_nothing_and_certifies_nothing() -> None:
    make_full(NOON, state="released", released_at=NOON)
    first = run(DAY + timedelta(days=14))
    assert first.total > 10
    assert run(DAY + timedelta(days=14)) == deletion.Deleted()
    assert run(DAY + timedelta(days=900)) == deletion.Deleted()
    assert Deletion.objects.get().number == first.number == "DEL-2021-00001"


OFFSETS = st.integers(-2, 20)


@options(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    files=st.lists(
        st.tuples(st.sampled_from(["open", "released", "closed", *NoMeasure.values]), OFFSETS, st.integers(0, 23)),
        max_size=8,
    ),
    on=st.integers(0, 40),
    days=st.integers(0, 20),
    town_days=st.none() | st.integers(0, 20),
)
def test_exactly_what_is_due_goes(files: list[tuple[str, int, int]], on: int, days: int, town_days: int | None) -> None:
    CaseFile.objects.all().delete()
    DeletionRule.objects.filter(key="file").delete()
    DeletionRule.objects.create(key="file", since=date(2020, 1, 1), days=days, source="x")
    DeletionRule.objects.create(key="file", since=date(2029, 1, 1), days=0, source="not yet")
    if town_days is not None:
        DeletionRule.objects.create(key="file", office=HERE, since=date(2020, 1, 1), days=town_days, source="x")
    as_of, kept = DAY + timedelta(days=on), set()
    applied = days if town_days is None else town_days
    for state, offset, hour in files:
        # Hours of the office's day.
        end = datetime(DAY.year, DAY.month, DAY.day, hour, tzinfo=UTC) + timedelta(days=offset, hours=-8)
        due_on = DAY + timedelta(days=offset + applied)
        if state in ("released", "closed"):
            file = make_file(end, state=state, **{f"{state}_at": end})
            goes = due_on <= as_of
        elif state == "open":
            file = make_file(end, ends_on=end.date())
            goes = False
        else:
            file = make_file(end, no_measure=state)
            goes = state in due.OVER_WITHOUT_RELEASE and due_on <= as_of
        if not goes:
            kept.add(file.pk)
    told = sum(row.people for row in waiting(rules_on(as_of), Scope(), NOON))
    done = run(as_of)
    assert set(CaseFile.objects.values_list("pk", flat=True)) == kept
    assert done.people == told == len(files) - len(kept)


def test_what_was_merged_goes_with_the_file_it_is_in_and_not_before() -> None:
    root = make_file(NOON, state="released", released_at=NOON + timedelta(days=10))
    middle = make_file(NOON, state="released", released_at=NOON, merged_into=root)
    make_file(NOON, merged_into=middle)
    make_file(NOON, merged_into=root)
    assert run(DAY + timedelta(days=23)).people == 0
    assert run(DAY + timedelta(days=24)).people == 4
    assert not CaseFile.objects.exists()


def test_an_open_file_long_over_is_told_and_left() -> None:
    make_file(NOON, ends_on=DAY)
    (row,) = waiting(rules_on(DAY + timedelta(days=14)), Scope(), NOON)
    assert (row.place, row.people, row.late) == (HERE, 0, 1)
    run(DAY + timedelta(days=300))
    assert CaseFile.objects.count() == 1


def test_batches_each_add_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "BATCH", 2)
    for _number in range(5):
        make_file(NOON, state="closed", closed_at=NOON)
    assert run(DAY + timedelta(days=14)).people == 5


@pytest.mark.parametrize("after_batches", [0, 1, 2])
def test_broken_off_it_is_finished_under_the_same_certificate(
    after_batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "BATCH", 2)
    for _number in range(5):
        make_full(NOON, state="closed", closed_at=NOON)
    with monkeypatch.context() as patch:
        add, calls = deletion._Run._add, []

        def breaking(self: Any, office: str, counts: dict[str, int]) -> None:
            add(self, office, counts)
            calls.append(office)
            if len(calls) > after_batches:
                raise KeyboardInterrupt

        patch.setattr(deletion._Run, "_add", breaking)
        with pytest.raises(KeyboardInterrupt):
            run(DAY + timedelta(days=14))
    # The batch in which it broke is whole again, and so are its numbers.
    assert CaseFile.objects.count() == 5 - min(5, 2 * after_batches)
    done = run(DAY + timedelta(days=14))
    assert done.people == 5
    assert done.number == Deletion.objects.get().number
    assert is_whole(Deletion.objects.get())


# ---- the certificate ------------------------------------------------------------------------------------------------


def test_a_certificate_holds_numbers_alone_and_shows_what_was_altered() -> None:
    make_full(NOON, state="released", released_at=NOON)
    run(DAY + timedelta(days=14))
    row = Deletion.objects.get()
    assert is_whole(row)
    assert all(isinstance(number, int) for kinds in row.counts.values() for number in kinds.values())
    row.counts[HERE]["people"] = 2
    assert not is_whole(row)


def test_a_person_deletes_what_is_of_their_own_offices() -> None:
    here, there = (
        make_file(NOON, state="closed", closed_at=NOON),
        make_file(NOON, state="closed", closed_at=NOON, town=THERE, stay=THERE),
    )
    folder = make_job("arrivals").folder
    by = make_person("a", "administrator", HERE)
    assert run(DAY + timedelta(days=14), by=by).counts == {HERE: {"people": 1, "rows": 4}}
    assert list(CaseFile.objects.all()) == [there]
    assert here not in CaseFile.objects.all()
    assert folder.exists()
    for role in ("health_officer", "leader", "community_worker"):
        with pytest.raises(DubanError) as refusal:
            run(DAY, by=make_person(role, role, OFFICE))
        assert refusal.value.code == "not_allowed"


def test_certificates_are_read_by_those_of_the_office() -> None:
    for town in (HERE, THERE):
        make_file(NOON, state="closed", closed_at=NOON, town=town, stay=town, office=town)
    make_job("arrivals")
    run(DAY + timedelta(days=14))
    seen: dict[str, Any] = {}
    for role, code in (("health_officer", HERE), ("leader", OFFICE), ("administrator", "110105"), ("handler", OFFICE)):
        rows = certificates_for(make_person(f"{role}{code}", role, code))
        seen[code] = [sorted(row.counts) for row in rows]
        if code == OFFICE:
            assert seen[code] == ([["", THERE, HERE]] if role == "leader" else [])
    assert seen[HERE] == [[HERE]]
    assert seen["110105"] == []


# ---- screenings, looks, folders, queue ------------------------------------------------------------------------------


def make_screening(number: str, **changes: Any) -> Screening:
    area = RiskArea.objects.create(key=number, jurisdiction=OFFICE)
    values: dict[str, Any] = {"step": "declared", "ends_at": None, "declared_at": NOON}
    Declaration.objects.create(
        area=area, version=1, number=number, latest=True, name=number, level="中风险", measure="home", code=HERE,
        starts_at=NOON - timedelta(days=9), lookback_days=0, digest="x", declared_by={}, **values | changes,
    )  # fmt: skip
    run_of = Screening.objects.create(
        jurisdiction=OFFICE, orders=[number], ground="order", purpose="排查", engine="x", engine_version="1", inputs={},
        output_digest="x", presences=1, people=1, made_by={}, made_at=NOON,
    )  # fmt: skip
    found = Found.objects.create(
        screening=run_of, person="a" * 64, town=HERE, measure="home", order=number, areas=1, last=NOON
    )
    found.openings.create(ground="order", purpose="核对", by={}, at=NOON)
    found.exposures.create(order=number, first=NOON, last=NOON, visits=1, minutes=1)
    return run_of


def test_who_was_found_goes_after_the_last_order_ended_and_the_screening_stays() -> None:
    going, lifted = make_screening("S1"), make_screening("S2", step="lifted")
    ended = make_screening("S3", ends_at=NOON + timedelta(days=5))
    done = run(DAY + timedelta(days=29))
    assert done.total == 0
    assert run(DAY + timedelta(days=30)).counts == {OFFICE: {"found": 1, "rows": 2}}
    assert set(Found.objects.values_list("screening", flat=True)) == {going.pk, ended.pk}
    assert run(DAY + timedelta(days=35)).counts == {OFFICE: {"found": 1, "rows": 2}}
    assert Screening.objects.filter(pk=lifted.pk).get().people == 1


def test_looks_are_kept_for_three_years() -> None:
    file = make_file(NOON)
    make_look(file, NOON)
    make_look(file, NOON + timedelta(days=1))
    assert run(DAY + timedelta(days=1094)).total == 0
    assert run(DAY + timedelta(days=1095)).counts == {OFFICE: {"looks": 1}}


def make_job(kind: str, stage: str = "taken", seen: datetime = NOON) -> jobs.Job:
    by = Person(username="o")
    table = SimpleUploadedFile("a.csv", "欧阳修文".encode())
    job = jobs.make_job(by=by, now=seen, language="en", table=table, kind=kind)
    job = replace(job, stage=stage, seen_at=jobs.stamp(seen))
    jobs.save(job)
    return job


@pytest.mark.parametrize(
    ("kind", "stage", "minutes", "goes"),
    [
        ("arrivals", "taken", 0, True),
        ("arrivals", "failed", 0, True),
        (tasks.PRESENCES, "taken", 0, True),
        (tasks.TRACING, "failed", 0, True),
        ("arrivals", "checked", 5, False),
        ("arrivals", "checked", 90, True),
        ("arrivals", "taking", 1, False),
        ("arrivals", "taking", 90, True),
        ("findings", "taken", 999, False),
        ("inspections", "taken", 999, False),
    ],
)
def test_lists_that_were_sent_go_when_they_have_served(kind: str, stage: str, minutes: int, goes: bool) -> None:
    job = make_job(kind, stage, NOON - timedelta(minutes=minutes))
    done = run(DAY - timedelta(days=300), now=NOON)
    assert job.folder.exists() is not goes
    assert done.counts == ({"": {"jobs": 1}} if goes else {})


def test_finished_work_leaves_the_queue() -> None:
    for path, status in (
        ("duban.outbreak.tasks.import_later", "SUCCESSFUL"),
        ("duban.outbreak.tasks.import_later", "FAILED"),
        ("duban.outbreak.tasks.import_later", "READY"),
        ("duban.ledger.tasks.take_later", "SUCCESSFUL"),
    ):
        DBTaskResult.objects.create(
            task_path=path, status=status, args_kwargs={}, backend_name="default", run_after=NOON,
            exception_class_path="", traceback="",
        )  # fmt: skip
    assert run(DAY).counts == {"": {"queue": 2}}


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    make_full(NOON, state="released", released_at=NOON)
    on = (DAY + timedelta(days=14)).isoformat()
    call_command("run_deletion", "--date", on, "--preview", "--json")
    (row,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (row["place"], row["people"]) == (HERE, 1)
    call_command("run_deletion", "--date", on)
    number = int(capsys.readouterr().out.splitlines()[-1])
    assert number > 10
    call_command("run_deletion", "--date", on)
    assert capsys.readouterr().out.splitlines()[-1] == "0"
    call_command("run_deletion", "--json")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {"deleted": 0, "people": 0, "certificate": None, "counts": {}}


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="bad_date"):
        call_command("run_deletion", "--date", "昨天")


def test_the_rules_are_written_once() -> None:
    assert load_rules() == 0
    assert {row.key: row.days for row in DeletionRule.objects.filter(office="")} == {
        "file": 14, "handover": 0, "screening": 30, "look": 1095,
    }  # fmt: skip


# ---- no byte left ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_no_byte_of_what_went_is_left_in_the_file_of_the_database() -> None:
    """Asked of SQLite's file and of its write-ahead log; PostgreSQL's tables are vacuumed."""
    load_rules()
    file = make_full(NOON, state="released", released_at=NOON)
    sealed = bytes(file.sealed)
    if connection.vendor == "postgresql":
        run(DAY + timedelta(days=14))
        return
    path = Path(connection.settings_dict["NAME"])
    files = [path, path.with_name(f"{path.name}-wal")]
    assert any(sealed[:60] in one.read_bytes() for one in files if one.exists())
    run(DAY + timedelta(days=14))
    assert not any(sealed[20:60] in one.read_bytes() for one in files if one.exists())


def test_one_at_a_time(settings: Any) -> None:
    with deletion.alone(settings.DUBAN_DATA / ".deletion.lock"), pytest.raises(DubanError) as refusal:
        run(DAY)
    assert refusal.value.code == "deletion_runs"


def test_presences_go_by_their_own_rule_as_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[date] = []
    monkeypatch.setattr(retention, "drop_presences", lambda *, by, now, before: dropped.append(before) or [])
    retention.PresencePart.objects.create(
        day=DAY,
        file="x",
        rows=1,
        digest="x",
        source=retention.PresencePart.source.field.related_model.objects.create(name="s"),
    )
    run(DAY + timedelta(days=59))
    assert dropped == []
    run(DAY + timedelta(days=60))
    assert dropped == [DAY + timedelta(days=1)]
