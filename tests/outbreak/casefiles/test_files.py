"""One file a person, whatever order and shape their data come in; two files made one and taken apart again; and nobody
without a measure or a reason."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.outbreak.casefiles.building import DISTRICT, NOW, OTHER, TOWN, all_rows, draft, exposure, open_them
from tests.outbreak.people import at, id_number

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import make_person
from duban.outbreak.casefiles import actions, notes
from duban.outbreak.casefiles.identity import Facts, facts_of, masked, seal
from duban.outbreak.casefiles.queries import file_for, files_for, find, own_and_merged
from duban.outbreak.models import BedStay, CaseExposure, CaseFile, FileKey, Need, Plan, Task

pytestmark = pytest.mark.django_db
ID, ID_2 = id_number(1), id_number(2)
BRIEF = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""A shrunk example is not worth minutes of writing rows."""
PHONE, PHONE_2 = "13800000001", "13800000002"


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", DISTRICT)


def refusal_of(work: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(DubanError) as refusal:
        work(*args, **options)
    return refusal.value.code


# ---- found again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"id_number": ID}, {"id_number": ID.lower()}),
        (
            {"id_number": ID},
            {"name": "张 三", "id_number": ID.translate(str.maketrans("0123456789", "０１２３４５６７８９"))},
        ),
        ({"phone": PHONE}, {"phone": f"+86 {PHONE}"}),
        ({"id_number": ID, "phone": PHONE}, {"phone": PHONE}),
        ({"phone": PHONE}, {"id_number": ID, "phone": PHONE}),
        ({"id_number": ID}, {"birth_date": "1980-01-01"}),
        ({"birth_date": "1980-01-01"}, {"id_number": ID, "phone": PHONE}),
        ({"id_number": "E12345678"}, {"id_number": "e 1234 5678"}),
    ],
)
def test_the_same_person_is_found_again(officer: Person, first: dict[str, str], again: dict[str, str]) -> None:
    opened = open_them(officer, draft(**first))
    second = open_them(officer, draft(**again))
    assert (opened.taken, second.taken) == (1, 0)
    assert second.files == opened.files
    assert open_them(officer, draft(**first), draft(**again)).unchanged == 2


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"phone": PHONE}, {"phone": PHONE, "name": "李四"}),
        ({"id_number": ID, "phone": PHONE}, {"id_number": ID_2, "phone": PHONE}),
        ({"phone": PHONE, "birth_date": "1980-01-01"}, {"phone": PHONE_2, "birth_date": "1980-01-01"}),
        ({"id_number": ID}, {"id_number": ID_2}),
    ],
)
def test_others_who_share_something_are_others(officer: Person, first: dict[str, str], other: dict[str, str]) -> None:
    assert open_them(officer, draft(**first), draft(**other)).taken == 2


def test_one_id_number_under_two_names_is_refused_and_not_guessed(officer: Person) -> None:
    done = open_them(officer, draft(id_number=ID), draft(id_number=ID, name="李四"))
    assert (done.taken, {index: one.code for index, one in done.refused.items()}) == (1, {1: "id_with_other_name"})
    assert CaseFile.objects.count() == 1


def test_two_files_that_fit_are_not_chosen_between(officer: Person) -> None:
    open_them(officer, draft(id_number=ID, phone=PHONE), draft(id_number=ID_2, phone=PHONE))
    done = open_them(officer, draft(phone=PHONE))
    assert [one.code for one in done.refused.values()] == ["several_files"]


def test_nobody_is_followed_under_a_name_alone(officer: Person) -> None:
    done = open_them(officer, draft(), draft(phone=PHONE, name=""), draft(name="", token="a" * 64))
    assert {index: one.code for index, one in done.refused.items()} == {0: "nobody_named", 1: "nobody_named"}
    assert done.taken == 1


def test_what_is_unknown_is_filled_in_and_what_is_known_stays(officer: Person) -> None:
    open_them(officer, draft(id_number=ID, stay=DISTRICT))
    done = open_them(officer, draft(id_number=ID, phone=PHONE, stay=f"{TOWN}001"))
    file = done.files[0]
    file.refresh_from_db()
    assert (done.updated, facts_of(file).phone, file.town, file.stay) == (1, PHONE, TOWN, f"{TOWN}001")
    assert {(task.town, task.stay) for task in Task.objects.all()} == {(TOWN, f"{TOWN}001")}
    other = open_them(officer, draft(id_number=ID, phone=PHONE_2, stay=OTHER))
    file.refresh_from_db()
    assert (facts_of(file).phone, file.town) == (PHONE, TOWN)
    assert other.differing == {0: ["phone", "stay"]}
    assert find(officer, PHONE_2).get() == file


def test_an_exposure_only_grows_and_a_withdrawn_one_stays_withdrawn(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    longer = draft(id_number=ID, exposures=(exposure(first=at(16), last=at(18, 12)),))
    assert open_them(officer, longer).updated == 1
    assert open_them(officer, draft(id_number=ID)).unchanged == 1
    row = CaseExposure.objects.get()
    assert (row.first, row.last) == (at(16), at(18, 12))
    actions.withdraw_exposure(by=officer, now=NOW, file_id=file.pk, exposure_id=row.pk)
    file.refresh_from_db()
    assert file.no_measure == "withdrawn"
    assert open_them(officer, longer).unchanged == 1
    assert not Task.objects.filter(state="open").exclude(kind="report").exists()


def test_a_list_that_comes_again_after_the_end_opens_nothing(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    actions.close_file(by=officer, now=NOW, file_id=file.pk, reason="elsewhere")
    again = open_them(officer, draft(id_number=ID))
    assert (again.unchanged, CaseFile.objects.count()) == (1, 1)
    assert open_them(officer, draft(id_number=ID, exposures=(exposure("another"),))).taken == 1
    assert not Task.objects.filter(file=file, state="open").exists()
    assert not Plan.objects.filter(file=file, current=True).exists()


PEOPLE = st.lists(
    st.builds(
        draft,
        name=st.sampled_from(["张三", "李四"]),
        id_number=st.sampled_from(["", ID, ID_2]),
        phone=st.sampled_from(["", PHONE, PHONE_2]),
        birth_date=st.sampled_from(["", "1980-01-01", "1975-05-05"]),
        stay=st.sampled_from([DISTRICT, TOWN, f"{TOWN}001", OTHER]),
        exposures=st.sampled_from(
            [(exposure(),), (exposure("other"),), (exposure(), exposure("other", last=at(17, 12)))]
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(people=PEOPLE)
@BRIEF
def test_a_replay_adds_nothing_and_everybody_has_a_measure_or_a_reason(officer: Person, people: list[Any]) -> None:
    with transaction.atomic():
        first = open_them(officer, *people)
        before = all_rows()
        again = open_them(officer, *people, now=NOW + timedelta(hours=1))
        assert all_rows() == before
        assert (again.taken, again.updated) == (0, 0)
        assert first.taken + first.updated + first.unchanged + len(first.refused) == len(people)
        assert set(again.refused) >= set(first.refused)
        # Two open files never share an ID number, and each holds one plan or one reason.
        numbers = list(FileKey.objects.filter(kind="id_number").values_list("digest", flat=True))
        assert len(numbers) == len(set(numbers))
        for file in CaseFile.objects.all():
            assert Plan.objects.filter(file=file, current=True).count() == (0 if file.no_measure else 1)
            assert file.state == "open"
        transaction.set_rollback(True)


@given(people=PEOPLE, pick=st.data())
@BRIEF
def test_a_merge_taken_back_leaves_all_as_it_was(officer: Person, people: list[Any], pick: Any) -> None:
    with transaction.atomic():
        open_them(officer, *people, draft(id_number=id_number(7)), draft(id_number=id_number(8)))
        files = list(CaseFile.objects.order_by("number"))
        one, other = pick.draw(st.permutations(files))[:2]
        before = all_rows()
        actions.merge_files(by=officer, now=NOW, file_id=one.pk, into_id=other.pk)
        assert actions.merge_files(by=officer, now=NOW, file_id=one.pk, into_id=other.pk).pk == other.pk
        assert set(own_and_merged(other)) == {one.pk, other.pk}
        assert file_for(officer, one.pk).pk == other.pk
        assert not Task.objects.filter(file=one, state="open").exists()
        assert not Plan.objects.filter(file=one, current=True).exists()
        # Whoever is found by what the merged file knew is found in the one above it: nothing is opened anew.
        with transaction.atomic():
            assert open_them(officer, *people).taken == 0
            transaction.set_rollback(True)
        actions.unmerge_file(by=officer, now=NOW, file_id=one.pk)
        actions.unmerge_file(by=officer, now=NOW, file_id=one.pk)
        assert all_rows() == before
        transaction.set_rollback(True)


# ---- merging --------------------------------------------------------------------------------------------------------


def two(officer: Person) -> tuple[CaseFile, CaseFile]:
    one, other = open_them(officer, draft(id_number=ID), draft(phone=PHONE, name="李四")).files
    return one, other


def test_what_cannot_be_merged(officer: Person) -> None:
    one, other = two(officer)
    merge = {"by": officer, "now": NOW}
    assert refusal_of(actions.merge_files, **merge, file_id=one.pk, into_id=one.pk) == "merge_into_itself"
    assert refusal_of(actions.merge_files, **merge, file_id=one.pk, into_id=uuid.uuid4()) == "file_not_found"
    CaseFile.objects.filter(pk=one.pk).update(waiting_since=NOW)
    assert refusal_of(actions.merge_files, **merge, file_id=one.pk, into_id=other.pk) == "merge_other_way"
    actions.merge_files(**merge, file_id=other.pk, into_id=one.pk)
    assert refusal_of(actions.merge_files, **merge, file_id=one.pk, into_id=other.pk) == "file_not_open"
    assert not BedStay.objects.exists()


def test_exposures_of_both_count_for_the_one_that_goes_on(officer: Person) -> None:
    one, other = open_them(
        officer, draft(id_number=ID), draft(phone=PHONE, name="李四", exposures=(exposure("late", last=at(19, 7)),))
    ).files
    alone = Plan.objects.get(file=one, current=True).ends_on
    actions.merge_files(by=officer, now=NOW, file_id=other.pk, into_id=one.pk)
    assert Plan.objects.get(file=one, current=True).ends_on == alone + timedelta(days=1)
    actions.withdraw_exposure(
        by=officer, now=NOW, file_id=one.pk, exposure_id=CaseExposure.objects.get(basis="late").pk
    )
    assert Plan.objects.get(file=one, current=True).ends_on == alone


# ---- who may --------------------------------------------------------------------------------------------------------


def test_each_sees_and_changes_what_is_theirs(officer: Person) -> None:
    town = make_person("town", "health_officer", TOWN)
    other = make_person("other", "health_officer", OTHER)
    worker = make_person("worker", "community_worker", f"{TOWN}001")
    file = open_them(town, draft(id_number=ID, stay=f"{TOWN}001")).files[0]
    near = open_them(officer, draft(id_number=ID_2, stay=f"{TOWN}002")).files[0]
    assert set(files_for(officer)) == set(files_for(town)) == {file, near}
    assert list(files_for(worker)) == [file]
    assert not files_for(other).exists()
    assert not files_for(make_person("boss", "leader", DISTRICT)).exists()
    assert refusal_of(file_for, other, file.pk) == "file_not_found"
    assert refusal_of(actions.move_file, by=other, now=NOW, file_id=file.pk, stay=OTHER) == "file_not_found"
    assert refusal_of(actions.move_file, by=worker, now=NOW, file_id=file.pk, stay=OTHER) == "file_not_found"
    assert refusal_of(open_them, other, draft(id_number=id_number(3))) == "not_allowed"
    assert refusal_of(open_them, worker, draft(id_number=id_number(3), stay=f"{TOWN}001")) == "not_allowed"
    for text in (ID, "张三", "张三 1980-01-01", "张三1980年1月1日", file.number):
        assert file in find(town, text)
        assert not find(other, text).exists()


def test_a_person_who_moves_takes_along_what_is_due(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    actions.move_file(by=officer, now=NOW, file_id=file.pk, stay=f"{OTHER}003000")
    assert {(task.town, task.stay) for task in Task.objects.all()} == {(OTHER, f"{OTHER}003")}
    move = {"by": officer, "now": NOW, "file_id": file.pk}
    assert refusal_of(actions.move_file, **move, stay="110115012") == "stay_elsewhere"


def test_a_confirmed_case_is_in_no_measure_and_a_close_is_no_release(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    close = {"by": officer, "now": NOW, "file_id": file.pk}
    assert refusal_of(actions.close_file, **close, reason="withdrawn") == "exposure_stands"
    assert refusal_of(actions.close_file, **close, reason="unreached") == "bad_reason"
    ahead = NOW + timedelta(days=1)
    case = {"by": officer, "now": NOW, "file_id": file.pk, "onset_at": None}
    assert refusal_of(actions.confirm_case, **case, sampled_at=ahead) == "in_the_future"
    actions.confirm_case(**case, sampled_at=at(18))
    file.refresh_from_db()
    assert (file.no_measure, file.confirmed_at, file.sampled_at) == ("hospital", NOW, at(18))
    assert not Plan.objects.filter(file=file, current=True).exists()


# ---- notes ----------------------------------------------------------------------------------------------------------


def test_whoever_was_reached_needs_no_longer_be_reached(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    said = {"by": officer, "now": NOW, "file_id": file.pk, "how": "call"}
    assert refusal_of(notes.add_contact_note, **said, reached=False, text="") == "text_missing"
    notes.add_contact_note(**said, reached=False, text="无人接听")
    assert Task.objects.get(file=file, kind="reach").state == "open"
    note = notes.add_contact_note(**said, reached=True, text="已告知")
    file.refresh_from_db()
    assert (file.reached_at, Task.objects.get(file=file, kind="reach").state) == (NOW, "done")
    assert notes.words_of(note) == "已告知"
    assert "已告知".encode() not in bytes(note.sealed)


def test_needs_come_and_go(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    need = notes.add_need(by=officer, now=NOW, file_id=file.pk, kind="medicine", text="降压药")
    for _time in range(2):
        notes.end_need(by=officer, now=NOW, file_id=file.pk, need_id=need.pk)
    assert Need.objects.get().ended_at == NOW
    missing = {"by": officer, "now": NOW, "file_id": file.pk, "need_id": 0}
    assert refusal_of(notes.end_need, **missing) == "need_not_found"


# ---- who it is ------------------------------------------------------------------------------------------------------


def test_nothing_of_the_person_stands_in_clear(officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID, phone=PHONE, name="欧阳某某", stay_address="某路1号")).files[0]
    seen = actions.version_of(file)
    actions.correct_facts(by=officer, now=NOW, file_id=file.pk, facts=Facts(name="欧阳某某", id_number=ID_2), seen=seen)
    rows = [*CaseFile.objects.values(), *FileKey.objects.values(), *AuditRecord.objects.values()]
    told = " ".join(str(value) for row in rows for value in row.values())
    assert not [text for text in ("欧阳", ID, ID_2, PHONE, "某路") if text in told]
    assert find(officer, ID_2).get() == file
    assert not find(officer, ID).exists()


@given(
    name=st.text(max_size=8),
    number=st.sampled_from(["", ID, "E12345678"]),
    phone=st.sampled_from(["", PHONE, "62001234"]),
)
@settings(max_examples=50, deadline=None)
def test_a_mask_tells_little(name: str, number: str, phone: str) -> None:
    facts = Facts(
        name=name, id_number=number, phone=phone, birth_date="1980-01-01", stay_address="梨园镇群芳园小区12号楼"
    )
    shown = masked(facts)
    assert shown.name in ("", f"{name[:1]}**")
    assert shown.birth_date == "1980"
    assert "12号楼" not in shown.stay_address
    for whole, part in ((number, shown.id_number), (phone, shown.phone)):
        assert len(part) == len(whole)
        assert part.count("*") * 3 >= len(whole)
    assert facts_of(CaseFile(sealed=seal(facts))) == facts


# ---- two at once ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_who_open_the_same_people_at_once_open_each_once() -> None:
    officer = make_person("officer", "health_officer", DISTRICT)
    people = [draft(id_number=id_number(serial), name=f"某{'甲乙丙丁'[serial % 4]}") for serial in range(20)]
    done, broken = [], []
    ready = threading.Barrier(2)

    def work(mine: list[Any]) -> None:
        try:
            ready.wait(5)
            done.append(open_them(officer, *mine))
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(mine,)) for mine in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not broken
    assert sorted((one.taken, one.unchanged) for one in done) == [(0, 20), (20, 0)]
    assert CaseFile.objects.count() == Plan.objects.filter(current=True).count() == 20
    assert len(set(CaseFile.objects.values_list("number", flat=True))) == 20
