"""Who sees what of a person: every role by every field, and no look that is not on the record."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.outbreak.protection.building import COMMUNITY, FACTS, HERE, OFFICE, THERE, make_file, make_task

from duban.access.models import Person, Role
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.outbreak.casefiles.identity import facts_of_many, masked
from duban.outbreak.models import CaseFile, Look
from duban.outbreak.protection.visibility import (
    DUE_ACTS,
    looked_recently,
    open_file,
    open_list,
    sees,
    show_list,
    shown,
)

pytestmark = pytest.mark.django_db
ALL = tuple(vars(FACTS))
WHY: dict[str, Any] = {"ground": "order", "purpose": "核对住处"}
MASKED = masked(FACTS)

# By role and field what a page shows of a file of theirs without a look, and after one of everything.
BARE = {
    Role.HEALTH_OFFICER: {name: getattr(MASKED, name) for name in ALL},
    Role.COMMUNITY_WORKER: {
        "name": MASKED.name,
        "id_number": "",
        "phone": MASKED.phone,
        "birth_date": "",
        "stay_address": MASKED.stay_address,
        "from_place": "",
    },
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("code", [OFFICE, HERE, COMMUNITY, THERE, "110112110002", "110105"])
def test_every_role_at_every_place(role: Role, code: str) -> None:
    file = make_file(NOON)
    person = make_person("p", role, code)
    wanted = dict.fromkeys(ALL, "")
    covered = code in (OFFICE, HERE) or (code == COMMUNITY and role == Role.COMMUNITY_WORKER)
    if covered:
        wanted = BARE.get(role, wanted)
    assert vars(shown(person, file, FACTS)) == wanted
    assert sees(person, file, "exposures") == (covered and role == Role.HEALTH_OFFICER)
    assert sees(person, file, "needs") == (covered and role in BARE)


def test_nothing_masked_is_the_whole() -> None:
    for name in ALL:
        assert getattr(MASKED, name) != getattr(FACTS, name)
        assert getattr(FACTS, name)


def test_a_look_is_written_down_before_it_is_had() -> None:
    file, officer = make_file(NOON), make_person("o", "health_officer", OFFICE)
    assert looked_recently(officer, file, NOON) == frozenset()
    found = open_file(by=officer, now=NOON, file_id=file.pk, fields=["name", "phone"], **WHY)
    assert (found.name, found.phone, found.id_number) == (FACTS.name, FACTS.phone, MASKED.id_number)
    look = Look.objects.get()
    assert (look.username, look.ground, look.purpose, look.fields) == ("o", "order", "核对住处", ["name", "phone"])
    assert (look.number, look.office, look.town, look.at) == (file.number, OFFICE, HERE, NOON)
    later = NOON + timedelta(minutes=59)
    assert looked_recently(officer, file, later) == {"name", "phone"}
    assert shown(officer, file, FACTS, looked=looked_recently(officer, file, later)).name == FACTS.name
    assert looked_recently(officer, file, NOON + timedelta(hours=1)) == frozenset()
    assert looked_recently(make_person("x", "health_officer", OFFICE), file, NOON) == frozenset()
    assert FACTS.name not in str(AuditRecord.objects.values())


@pytest.mark.parametrize(
    ("role", "code", "changes", "refusal"),
    [
        ("health_officer", OFFICE, {"ground": ""}, "ground_missing"),
        ("health_officer", OFFICE, {"ground": "curiosity"}, "ground_missing"),
        ("health_officer", OFFICE, {"purpose": " "}, "purpose_missing"),
        ("health_officer", OFFICE, {"purpose": "电话 139-1234-5678"}, "purpose_with_number"),
        ("health_officer", OFFICE, {"purpose": f"找{FACTS.name}核对"}, "purpose_with_name"),
        ("health_officer", OFFICE, {"fields": []}, "fields_missing"),
        ("health_officer", OFFICE, {"fields": ["sealed"]}, "fields_missing"),
        ("health_officer", OFFICE, {"file_id": uuid.uuid4()}, "file_not_found"),
        ("health_officer", THERE, {}, "file_not_found"),
        ("community_worker", COMMUNITY, {}, "not_allowed"),
        ("community_worker", COMMUNITY, {"fields": ["name"]}, "not_allowed"),
        ("leader", OFFICE, {}, "file_not_found"),
        ("administrator", OFFICE, {}, "file_not_found"),
    ],
)
def test_refused_looks_leave_nothing(role: str, code: str, changes: dict[str, Any], refusal: str) -> None:
    file, person = make_file(NOON), make_person("p", role, code)
    with pytest.raises(DubanError) as refused:
        open_file(**{"by": person, "now": NOON, "file_id": file.pk, **WHY, **changes})
    assert refused.value.code == refusal
    assert not Look.objects.exists()


def test_one_foreign_file_in_a_list_opens_none() -> None:
    officer = make_person("o", "health_officer", HERE)
    files = [make_file(NOON), make_file(NOON, town=THERE, stay=THERE)]
    with pytest.raises(DubanError) as refused:
        open_list(by=officer, now=NOON, file_ids=[file.pk for file in files], **WHY)
    assert refused.value.code == "file_not_found"
    assert not Look.objects.exists()
    found = open_list(by=officer, now=NOON, file_ids=[files[0].pk], **WHY)
    assert found == {files[0].pk: FACTS}


# ---- lists of due acts ----------------------------------------------------------------------------------------------


def lists(by: Person, files: list[CaseFile], now: Any = NOON) -> Any:
    return show_list(by=by, now=now, files=files, facts=facts_of_many(files))


def test_a_worker_gets_name_phone_and_address_of_whom_an_act_is_due_to() -> None:
    worker = make_person("w", "community_worker", COMMUNITY)
    due, done, elsewhere = make_file(NOON), make_file(NOON), make_file(NOON, town=THERE, stay=THERE)
    for file in (due, elsewhere):
        make_task(file, NOON)
    make_task(done, NOON, state="done")
    found = lists(worker, [due, done, elsewhere])
    assert (found[due.pk].name, found[due.pk].phone, found[due.pk].stay_address) == (
        FACTS.name, FACTS.phone, FACTS.stay_address,
    )  # fmt: skip
    assert (found[due.pk].id_number, found[due.pk].birth_date, found[due.pk].from_place) == ("", "", "")
    assert vars(found[done.pk]) == BARE[Role.COMMUNITY_WORKER]
    assert set(vars(found[elsewhere.pk]).values()) == {""}
    look = Look.objects.get()
    assert (look.file_id, look.purpose, look.fields) == (due.pk, DUE_ACTS, ["name", "phone", "stay_address"])


def test_list_views_are_looks_once_an_hour() -> None:
    worker = make_person("w", "community_worker", COMMUNITY)
    files = [make_file(NOON) for _number in range(3)]
    for file in files:
        make_task(file, NOON)
    lists(worker, files[:2])
    lists(worker, files[:2], NOON + timedelta(minutes=59))
    assert Look.objects.count() == 2
    lists(worker, files, NOON + timedelta(minutes=59))
    assert Look.objects.count() == 3
    lists(worker, files, NOON + timedelta(minutes=60))
    assert Look.objects.count() == 6
    lists(make_person("w2", "community_worker", HERE), files, NOON)
    assert Look.objects.count() == 9


def test_an_officer_s_list_stays_masked() -> None:
    officer, file = make_person("o", "health_officer", HERE), make_file(NOON)
    make_task(file, NOON)
    assert lists(officer, [file])[file.pk] == MASKED
    assert not Look.objects.exists()


def test_a_list_asks_as_often_for_one_as_for_many() -> None:
    worker = make_person("w", "community_worker", COMMUNITY)
    files = [make_file(NOON) for _number in range(12)]
    for file in files:
        make_task(file, NOON)
    lists(worker, files[:1])
    counts = []
    for some in (files[1:2], files[2:]):
        with CaptureQueriesContext(connection) as queries:
            lists(worker, some)
        counts.append(len(queries))
    assert counts[0] == counts[1]
