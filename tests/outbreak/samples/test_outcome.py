"""What results mean, tried on every kind of history: first as plain values, then on the rows."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.outbreak.samples.building import TOWN, fill_tube, make_files, tell, waiting

from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import CaseFile, Result, Swab, Task, TaskState
from duban.outbreak.samples import actions, outcome
from duban.outbreak.samples.outcome import Taken
from duban.outbreak.samples.queries import results_of

RESULTS = st.sampled_from(["", *Result.values])
HISTORY = st.lists(st.tuples(st.sampled_from([1, 5, 10]), RESULTS), min_size=1, max_size=8)


def history_of(steps: list[tuple[int, str]]) -> list[Taken]:
    """One person's swabs: each that follows a result which asks for another is single and answers the first such."""
    taken: list[Taken] = []
    for number, (size, result) in enumerate(steps):
        asked = outcome.to_sample_again(taken)
        follows = asked[0].swab if asked else None
        taken.append(Taken(number, "one", NOON + timedelta(hours=number), 1 if asked else size, result, follows))
    return taken


@given(HISTORY, st.randoms())
def test_nobody_is_let_go_before_each_last_swab_is_negative(steps: list[tuple[int, str]], order: Any) -> None:
    taken = history_of(steps)
    last = outcome.last_of_each(taken)
    assert outcome.waits(taken) == any(one.result != "negative" for one in last)
    again = outcome.to_sample_again(taken)
    cases = outcome.cases_to_confirm(taken)
    assert not {one.swab for one in again} & {one.swab for one in cases}
    # Who must not go has a reason that somebody can act on: a result to come, a sample to take, a case to confirm.
    open_ones = {one.swab for one in last if one.result == ""}
    assert outcome.waits(taken) == bool(open_ones or again or cases)
    mixed = list(taken)
    order.shuffle(mixed)
    assert outcome.last_of_each(mixed) == last
    assert outcome.to_sample_again(mixed) == again


@given(HISTORY)
def test_a_swab_is_answered_once(steps: list[tuple[int, str]]) -> None:
    answered = [one.follows for one in history_of(steps) if one.follows is not None]
    assert len(answered) == len(set(answered))


@pytest.mark.parametrize("size", [1, 5, 10])
@pytest.mark.parametrize("result", ["", *Result.values])
def test_what_a_lone_result_means(size: int, result: str) -> None:
    taken = [Taken(1, "one", NOON, size, result)]
    assert outcome.waits(taken) == (result != "negative")
    again = result in ("grey", "invalid") or (result == "positive" and size > 1)
    assert bool(outcome.to_sample_again(taken)) == again
    assert bool(outcome.cases_to_confirm(taken)) == (result == "positive" and size == 1)
    assert outcome.standing(taken[0]) == ("" if again else result)


POOLS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(Result.values)), min_size=1, max_size=3)
ALONE = st.lists(st.sampled_from(["negative", "negative", "positive", "grey", "invalid"]), min_size=0, max_size=20)


@pytest.mark.django_db
@settings(max_examples=6, deadline=None)
@given(pools=POOLS, alone=ALONE, order=st.randoms(use_true_random=False))
def test_pools_on_rows_hold_and_resample_each_member_once(
    pools: list[tuple[int, str]], alone: list[str], order: Any
) -> None:
    """Pools of any result told in any order and twice; then whoever must be sampled again is, until all is said."""
    CaseFile.objects.update(merged_into=None)
    Swab.objects.all().delete()
    CaseFile.objects.all().delete()
    officer = make_person("officer", "health_officer", "110112")
    groups = [make_files(number) for number, _result in pools]
    tubes = [fill_tube(officer, files) for files in groups]
    told = list(zip(tubes, (result for _number, result in pools), strict=True))
    for tube, result in order.sample(told, len(told)):
        assert tell(officer, tube, result)
        assert not tell(officer, tube, result, now=NOON + timedelta(hours=9))
    for files, (_number, result) in zip(groups, pools, strict=True):
        held = result != "negative"
        assert waiting(files) == [NOON if held else None] * len(files)
        for file in files:
            again = list(Task.objects.filter(file=file, slot__startswith="re"))
            assert len(again) == held
            assert results_of([file.pk])[file.pk] == [(NOON, "" if held else "negative")]
    left, hour = list(alone), 10
    asked = Task.objects.filter(slot__startswith="re", state=TaskState.OPEN).order_by("pk")
    while (due := asked.first()) and hour < 60:
        now, hour = NOON + timedelta(hours=hour), hour + 1
        single = fill_tube(officer, [due.file], size=1, now=now)
        assert single.swabs.get().follows is not None
        tell(officer, single, left.pop() if left else "negative", now=now)
    assert not asked.exists()
    follows = [one for one in Swab.objects.values_list("follows", flat=True) if one]
    assert len(follows) == len(set(follows))
    for file in CaseFile.objects.all():
        stands = [result for _at, result in results_of([file.pk])[file.pk]]
        assert (file.waiting_since is None) == (stands == ["negative"])
        assert "" not in stands


@pytest.mark.django_db
def test_a_second_test_of_the_same_person_does_not_let_go_who_is_held() -> None:
    officer = make_person("officer", "health_officer", "110112")
    (file,) = make_files(1, due=(0, 1))
    early = fill_tube(officer, [file])
    tomorrow = NOON + timedelta(days=1)
    late = fill_tube(officer, [file], now=tomorrow)
    tell(officer, late, "negative", now=tomorrow + timedelta(hours=1))
    assert waiting([file]) == [NOON]
    tell(officer, early, "positive", now=tomorrow + timedelta(hours=2))
    assert waiting([file]) == [NOON]
    assert Task.objects.get(slot="re1").due_on.isoformat() == "2021-01-19"
    single = fill_tube(officer, [file], size=1, now=tomorrow + timedelta(hours=3))
    tell(officer, single, "negative", now=tomorrow + timedelta(hours=4))
    assert waiting([file]) == [None]
    stands = [result for _at, result in results_of([file.pk])[file.pk]]
    assert stands == ["negative", "negative"]


@pytest.mark.django_db
def test_an_act_ticked_off_without_a_swab_does_not_lose_the_second_sample() -> None:
    from duban.outbreak.measures.todo import finish_tasks

    officer = make_person("officer", "health_officer", "110112")
    (file,) = make_files(1)
    tell(officer, fill_tube(officer, [file]), "grey")
    finish_tasks(by=officer, now=NOON + timedelta(hours=7), task_ids=[Task.objects.get(slot="re1").pk])
    assert waiting([file]) == [NOON]
    now = NOON + timedelta(hours=8)
    single = fill_tube(officer, [file], size=1, now=now)
    tell(officer, single, "negative", now=now)
    assert waiting([file]) == [None]


@pytest.mark.django_db
def test_a_contradicting_result_is_refused_and_changes_nothing() -> None:
    officer = make_person("officer", "health_officer", "110112")
    files = make_files(3)
    tube = fill_tube(officer, files)
    tell(officer, tube, "阴性")
    with pytest.raises(DubanError) as refusal:
        tell(officer, tube, "阳性")
    assert (refusal.value.code, refusal.value.status) == ("result_stands", 409)
    assert waiting(files) == [None] * 3


@pytest.mark.django_db
def test_a_single_positive_is_confirmed_or_sampled_again() -> None:
    officer = make_person("officer", "health_officer", "110112")
    worker = make_person("worker", "community_worker", TOWN)
    file, other = make_files(2)
    for one in (file, other):
        tell(officer, fill_tube(officer, [one], size=1), "positive")
    assert not Task.objects.filter(slot__startswith="re").exists()
    swab = Swab.objects.get(file=file)
    assert actions.sample_again(by=officer, now=NOON + timedelta(hours=7), swab_id=swab.pk) == 1
    assert actions.sample_again(by=officer, now=NOON + timedelta(hours=7), swab_id=swab.pk) == 0
    with pytest.raises(DubanError):
        actions.sample_again(by=worker, now=NOON, swab_id=swab.pk)
    assert results_of([file.pk])[file.pk] == [(NOON, "positive")]
    now = NOON + timedelta(hours=8)
    tell(officer, fill_tube(officer, [file], size=1, now=now), "negative", now=now)
    assert waiting([file, other]) == [None, NOON]
    with pytest.raises(DubanError) as refusal:
        actions.sample_again(by=officer, now=now, swab_id=swab.pk)
    assert refusal.value.code == "not_to_confirm"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"result": ""}, "result_missing"),
        ({"result": "maybe"}, "unknown_result"),
        ({"laboratory": "  "}, "laboratory_missing"),
        ({"laboratory": "室" * 101}, "laboratory_too_long"),
        ({"laboratory": "坏\x00"}, "bad_text"),
        ({"resulted_at": NOON + timedelta(days=2)}, "result_in_future"),
        ({"resulted_at": NOON - timedelta(minutes=1)}, "result_before_sample"),
        ({"code": "110112210000011"}, "bad_tube_code"),
    ],
)
@pytest.mark.django_db
def test_bad_results_are_refused(changes: dict[str, Any], code: str) -> None:
    officer = make_person("officer", "health_officer", "110112")
    tube = fill_tube(officer, make_files(1), size=1)
    told = {"code": tube.code, "result": "negative", "laboratory": "室", "resulted_at": NOON + timedelta(hours=1)}
    with pytest.raises(DubanError) as refusal:
        actions.record_result(by=officer, now=NOON + timedelta(hours=2), **told | changes)
    assert refusal.value.code == code
    worker = make_person("worker", "community_worker", TOWN)
    with pytest.raises(DubanError) as refusal:
        actions.record_result(by=worker, now=NOON + timedelta(hours=2), **told)
    assert refusal.value.code == "tube_not_found"
    unsealed = actions.open_tube(by=officer, now=NOON, size=5, town=TOWN)
    with pytest.raises(DubanError) as refusal:
        actions.record_result(by=officer, now=NOON + timedelta(hours=2), **told | {"code": unsealed.code})
    assert refusal.value.code == "tube_not_sealed"
