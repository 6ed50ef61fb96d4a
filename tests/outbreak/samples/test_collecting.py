"""Who may be put into which tube, what it does to them, and what two phones at once may not do."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from tests.outbreak.samples.building import OTHER, TOWN, fill_tube, make_files, make_point, make_stock, tell, waiting

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import Alert, AlertKind, CaseExposure, CaseFile, Swab, Task, TaskState, Tube
from duban.outbreak.samples import actions, codes

LATER = NOON + timedelta(hours=2)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", "110112")


def refused(code: str, act: Callable[[], object]) -> DubanError:
    with pytest.raises(DubanError) as refusal:
        act()
    assert refusal.value.code == code, refusal.value
    return refusal.value


# ---- codes ----------------------------------------------------------------------------------------------------------


@given(st.text("0123456789", min_size=14, max_size=14), st.integers(0, 13), st.sampled_from("0123456789"))
def test_any_one_wrong_digit_is_noticed(digits: str, place: int, other: str) -> None:
    code = digits + codes.check_character(digits)
    assert codes.read_code(code) == code
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        with pytest.raises(codes.BadTube):
            codes.read_code(wrong)


@given(st.text("0123456789", min_size=14, max_size=14), st.integers(0, 12))
def test_two_neighbours_exchanged_are_noticed(digits: str, place: int) -> None:
    code = digits + codes.check_character(digits)
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if wrong != code:
        with pytest.raises(codes.BadTube):
            codes.read_code(wrong)


def test_a_code_is_read_however_it_is_typed() -> None:
    code = "11011221000001" + codes.check_character("11011221000001")
    for typed in (
        codes.spaced(code),
        f" {code} ",
        code.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")),
    ):
        assert codes.read_code(typed) == code
    for bad in ("", "1", code + "1", "٣" * 15, "x" * 5000, "\x00"):
        with pytest.raises(codes.BadTube):
            codes.read_code(bad)


@pytest.mark.django_db
def test_no_code_is_given_out_twice(officer: Person) -> None:
    printed = actions.issue_labels(by=officer, now=NOON, town=TOWN, number=50)
    opened = [actions.open_tube(by=officer, now=NOON, size=10, town=OTHER).code for _number in range(3)]
    more = actions.issue_labels(by=officer, now=NOON, town=OTHER, number=50)
    assert len({*printed, *opened, *more}) == 103
    tube = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN, code=codes.spaced(printed[7]))
    assert tube.code == printed[7]
    refused("tube_code_used", lambda: actions.open_tube(by=officer, now=NOON, size=5, town=TOWN, code=printed[7]))
    head = "11011221000900"
    never = head + codes.check_character(head)
    refused("tube_code_not_issued", lambda: actions.open_tube(by=officer, now=NOON, size=5, town=TOWN, code=never))


# ---- a tube ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_full_tube_seals_itself_and_its_people_wait(officer: Person) -> None:
    files = make_files(6)
    tube = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN)
    for place, file in enumerate(files[:5]):
        actions.add_swab(by=officer, now=NOON + timedelta(minutes=place), tube_id=tube.pk, file_id=file.pk)
    tube.refresh_from_db()
    assert tube.sealed_at == NOON + timedelta(minutes=4)
    refused("tube_sealed", lambda: actions.add_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=files[5].pk))
    refused("tube_sealed", lambda: actions.remove_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=files[0].pk))
    assert waiting(files[:2]) == [NOON, NOON + timedelta(minutes=1)]
    assert waiting(files[5:]) == [None]
    assert Task.objects.filter(state=TaskState.DONE).count() == 5
    assert CaseFile.objects.get(pk=files[0].pk).tested_at == NOON


@pytest.mark.django_db
def test_the_same_tap_twice_is_one_swab_and_a_second_tube_has_no_test_to_do(officer: Person) -> None:
    (file,) = make_files(1)
    tube, other = (actions.open_tube(by=officer, now=NOON, size=10, town=TOWN) for _number in range(2))
    first = actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=file.pk)
    assert actions.add_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=file.pk).pk == first.pk
    refused("waits_already", lambda: actions.add_swab(by=officer, now=LATER, tube_id=other.pk, file_id=file.pk))
    assert Swab.objects.count() == 1


@pytest.mark.django_db
def test_a_swab_is_taken_out_again_and_its_test_is_due_again(officer: Person) -> None:
    files = make_files(2)
    tube = actions.open_tube(by=officer, now=NOON, size=10, town=TOWN)
    for file in files:
        actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=file.pk)
    assert actions.remove_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=files[0].pk)
    assert not actions.remove_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=files[0].pk)
    assert waiting(files) == [None, NOON]
    assert Task.objects.get(file=files[0]).state == TaskState.OPEN
    assert CaseFile.objects.get(pk=files[0].pk).tested_at is None
    actions.add_swab(by=officer, now=LATER, tube_id=tube.pk, file_id=files[0].pk)
    assert waiting(files) == [LATER, NOON]


@pytest.mark.django_db
def test_who_may_not_be_pooled_is_refused_with_the_reason(officer: Person) -> None:
    contact, second, hot, cooled, fine = make_files(5)
    exposed = {"measure": "centralised", "first": NOON, "last": NOON, "added_by": {}, "added_at": NOON, "basis": "x"}
    CaseExposure.objects.create(file=contact, kind="contact", **exposed)
    CaseExposure.objects.create(file=second, kind="second", **exposed)
    CaseExposure.objects.create(file=fine, kind="contact", withdrawn_at=NOON, **exposed)
    alert = {"town": TOWN, "kind": AlertKind.FEVER}
    Alert.objects.create(file=hot, raised_at=NOON - timedelta(days=3), **alert)
    Alert.objects.create(file=cooled, raised_at=NOON - timedelta(hours=20), closed_at=NOON, **alert)
    tube = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN)
    for file, reason in ((contact, "contact"), (second, "second"), (hot, "fever"), (cooled, "fever")):
        refusal = refused(
            "not_pooled", lambda file=file: actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=file.pk)
        )
        assert refusal.reason == reason
    actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=fine.pk)
    assert fill_tube(officer, [contact], size=1).sealed_at == NOON
    assert [swab.file_id for swab in tube.swabs.all()] == [fine.pk]


@pytest.mark.django_db
def test_an_exposure_of_a_merged_file_counts(officer: Person) -> None:
    whole, part = make_files(2)
    CaseExposure.objects.create(
        file=part, kind="contact", measure="centralised", first=NOON, last=NOON, added_by={}, added_at=NOON, basis="x"
    )
    CaseFile.objects.filter(pk=part.pk).update(merged_into=whole)
    tube = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN)
    for file in (whole, part):
        refused(
            "not_pooled", lambda file=file: actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=file.pk)
        )
    swab = fill_tube(officer, [part], size=1).swabs.get()
    assert swab.file_id == whole.pk


@pytest.mark.django_db
def test_a_tube_given_up_counts_no_more(officer: Person) -> None:
    worker = make_person("worker", "community_worker", TOWN)
    files = make_files(3)
    tube = fill_tube(worker, files)
    refused("not_allowed", lambda: actions.void_tube(by=worker, now=LATER, tube_id=tube.pk))
    actions.void_tube(by=officer, now=LATER, tube_id=tube.pk)
    actions.void_tube(by=officer, now=LATER, tube_id=tube.pk)
    assert waiting(files) == [None] * 3
    assert set(Task.objects.values_list("state", flat=True)) == {TaskState.OPEN}
    refused("tube_voided", lambda: tell(officer, tube, "negative"))
    refused("tube_voided", lambda: actions.seal_tube(by=officer, now=LATER, tube_id=tube.pk))
    done = fill_tube(officer, files)
    tell(officer, done, "negative")
    refused("tube_has_result", lambda: actions.void_tube(by=officer, now=LATER, tube_id=done.pk))


@pytest.mark.django_db
def test_bad_input_is_refused(officer: Person) -> None:
    stranger = make_person("stranger", "community_worker", OTHER)
    (file,) = make_files(1)
    (closed,) = make_files(1, state="closed")
    tube = actions.open_tube(by=officer, now=NOON, size=10, town=TOWN)
    refused("bad_tube_size", lambda: actions.open_tube(by=officer, now=NOON, size=3, town=TOWN))
    refused("bad_code", lambda: actions.open_tube(by=officer, now=NOON, size=1, town="somewhere"))
    refused("not_allowed", lambda: actions.open_tube(by=stranger, now=NOON, size=1, town=TOWN))
    point = make_point(officer, town=OTHER)
    refused("point_elsewhere", lambda: actions.open_tube(by=officer, now=NOON, size=1, town=TOWN, point=point))
    refused("point_not_found", lambda: actions.open_tube(
        by=make_person("here", "community_worker", TOWN), now=NOON, size=1, town=TOWN, point=point))  # fmt: skip
    actions.close_point(by=officer, now=NOON, point_id=point.pk)
    refused("point_closed", lambda: actions.open_tube(by=officer, now=NOON, size=1, town=OTHER, point=point))
    refused("tube_empty", lambda: actions.seal_tube(by=officer, now=NOON, tube_id=tube.pk))
    refused("file_not_open", lambda: actions.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=closed.pk))
    refused("tube_not_found", lambda: actions.add_swab(by=stranger, now=NOON, tube_id=tube.pk, file_id=file.pk))
    theirs = actions.open_tube(by=stranger, now=NOON, size=10, town=OTHER)
    refused("file_not_found", lambda: actions.add_swab(by=stranger, now=NOON, tube_id=theirs.pk, file_id=file.pk))
    refused("tube_not_found", lambda: actions.void_tube(by=stranger, now=NOON, tube_id=tube.pk))


@pytest.mark.django_db(transaction=True)
def test_two_phones_at_once_neither_overfill_a_tube_nor_take_one_person_twice(officer: Person) -> None:
    files = make_files(8)
    tube = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN)
    other = actions.open_tube(by=officer, now=NOON, size=10, town=TOWN)
    calls = [(tube, file) for file in files] + [(other, files[0]), (other, files[0])]
    together = threading.Barrier(len(calls))
    codes_seen: list[str] = []

    def tap(into: Tube, file: CaseFile) -> None:
        together.wait()
        try:
            actions.add_swab(by=officer, now=LATER, tube_id=into.pk, file_id=file.pk)
        except DubanError as refusal:
            codes_seen.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=tap, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tube.refresh_from_db()
    assert tube.swabs.count() == 5
    assert tube.sealed_at == LATER
    assert Swab.objects.filter(file=files[0]).count() == 1
    assert set(codes_seen) <= {"tube_sealed", "waits_already"}
    assert Task.objects.filter(state=TaskState.DONE).count() == Swab.objects.count()


@pytest.mark.django_db
def test_stock_for_speed_is_what_taking_makes(officer: Person) -> None:
    (tube,) = make_stock(officer, 1, people=2)
    assert tell(officer, tube, "positive")
    assert Task.objects.filter(slot="re1").count() == 2
