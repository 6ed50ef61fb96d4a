"""Look-back rounds: drawn by a seed so that anybody can draw them again, closed in the open, and told in strict words."""

import csv
import io
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as some
from pytest_django.fixtures import DjangoAssertNumQueries

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions, lookback, recording
from duban.ledger.lookback import close_round, draw_round, redrawn
from duban.ledger.models import Category, Entry, Event, LookbackItem, LookbackRound
from duban.ledger.rectified import Counts, Standing, counts_of, sentence, with_standing
from duban.ledger.sampling import allocate, digest, draw

MakeEntry = Callable[[str], Entry]
NOW = NOON + timedelta(days=60)
TOWNS = ("110112106", "110112104", "110112110")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


def browse(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def strike_off(by: Person, count: int, *, first: int = 1, **columns: Any) -> list[Entry]:
    """Entries struck off a month ago and due now, spread over three towns; every fifth had come back before."""
    made = [make_finding(seed, responsible=TOWNS[seed % 3]) for seed in range(first, first + count)]
    recorded, _refused = recording.record_findings(by=by, now=NOON, findings=made)
    entries = [done.entry for done in recorded]
    for seed, entry in enumerate(entries, start=first):
        entry.state, entry.closed_at, entry.remedied_at = "closed", NOON + timedelta(days=30), NOON
        entry.lookback_due_at, entry.cycle = NOW - timedelta(days=1), 1 + (seed % 5 == 0)
        for column, value in columns.items():
            setattr(entry, column, value)
        entry.save()
    return entries


def a_round(by: Person, size: int = 3, **more: Any) -> LookbackRound:
    return draw_round(**{"by": by, "now": NOW, "at": "110112", "size": size} | more).round


def drawn_entries(round_: LookbackRound) -> list[Entry]:
    return [item.entry for item in round_.items.filter(drawn=True).select_related("entry")]


def counted(round_: LookbackRound) -> Counts:
    counts = counts_of(LookbackItem.objects.filter(round=round_))
    assert sum(counts.of(one) for one in Standing) == counts.due == round_.items.count()
    return counts


# ---- the draw alone -----------------------------------------------------------------------------------------------

frames = some.lists(
    some.tuples(some.integers(0, 9999), some.sampled_from(TOWNS), some.booleans()), min_size=1, max_size=80,
    unique_by=lambda row: row[0],
).map(lambda rows: [(f"110112-2021-{number:06d}", town, again) for number, town, again in rows])  # fmt: skip
seeds = some.text(some.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@given(frames, some.integers(0, 100), seeds, some.randoms())
def test_the_order_of_the_frame_changes_nothing(
    frame: list[tuple[str, str, bool]], size: int, seed: str, chance: Any
) -> None:
    shuffled = list(frame)
    chance.shuffle(shuffled)
    assert draw(shuffled, size, seed) == draw(frame, size, seed) == draw(frame, size, seed)


@given(frames, some.integers(0, 100), seeds)
def test_the_sizes_add_up_and_every_stratum_is_in_while_it_can_be(
    frame: list[tuple[str, str, bool]], size: int, seed: str
) -> None:
    drawing = draw(frame, size, seed)
    of = Counter((town, again) for _number, town, again in frame)
    taken = Counter((town, again) for number, town, again in frame if number in set(drawing.numbers))
    assert len(drawing.numbers) == len(set(drawing.numbers)) == min(size, len(frame))
    assert {(one.town, one.again): (one.size, one.drawn) for one in drawing.strata} == {
        key: (of[key], taken[key]) for key in of
    }
    assert sum(1 for key in of if taken[key]) == min(size, len(of))
    if size >= len(of):
        # In proportion: who has a share of one or more is at most one off it, but for what the small ones took.
        for key, n in of.items():
            assert 1 <= taken[key] <= n
            assert taken[key] <= max(1, -(-size * n // len(frame)))


@given(frames, some.integers(1, 100), seeds)
def test_in_a_stratum_those_with_the_smallest_digests_are_drawn(
    frame: list[tuple[str, str, bool]], size: int, seed: str
) -> None:
    chosen = set(draw(frame, size, seed).numbers)
    for key in {row[1:] for row in frame}:
        order = sorted((number for number, *stratum in frame if tuple(stratum) == key), key=lambda n: digest(seed, n))
        taken = [number in chosen for number in order]
        assert taken == sorted(taken, reverse=True)


@pytest.mark.parametrize(
    ("sizes", "size", "shares"),
    [
        ((60, 30, 10), 10, (6, 3, 1)),
        ((60, 30, 10), 11, (7, 3, 1)),
        ((97, 2, 1), 10, (8, 1, 1)),
        ((50, 50), 3, (2, 1)),
        ((1, 1, 1), 3, (1, 1, 1)),
        ((5, 4), 99, (5, 4)),
        ((0,), 0, (0,)),
    ],
)
def test_shares_are_as_worked_out_by_hand(sizes: tuple[int, ...], size: int, shares: tuple[int, ...]) -> None:
    keys = [(str(number), False) for number in range(len(sizes))]
    found = allocate(dict(zip(keys, sizes, strict=True)), size, dict.fromkeys(keys, ""))
    assert tuple(found[key] for key in keys) == shares


def test_a_frame_of_a_hundred_thousand_is_drawn_in_a_moment() -> None:
    frame = [(f"110112-2021-{n:06d}", f"1101121{n % 21:02d}", n % 17 == 0) for n in range(100_000)]
    begun = time.perf_counter()
    assert len(draw(frame, 2000, "98").numbers) == 2000
    assert time.perf_counter() - begun < 5


def test_what_was_once_drawn_is_drawn_for_ever() -> None:
    """A golden case: whoever changes the draw must give it another version."""
    frame = [(f"110112-2021-{n:06d}", TOWNS[n % 3], n % 5 == 0) for n in range(1, 41)]
    assert [int(number[-6:]) for number in draw(frame, 9, "98").numbers] == [13, 16, 25, 36, 18, 30, 17, 38, 5]


# ---- drawing ------------------------------------------------------------------------------------------------------


def test_a_round_keeps_its_frame_its_seed_and_who_drew_it(people: dict[str, Person]) -> None:
    entries = strike_off(people["inspector"], 20)
    round_ = a_round(people["supervisor"], 6, name=" 一季度 ")
    assert (round_.name, round_.area, round_.size, round_.drawn_by) == ("一季度", "110112", 6, "supervisor")
    assert round_.number == "110112-2021-R001"
    assert re.fullmatch("[0-9a-f]{32}", round_.seed)
    assert set(round_.items.values_list("entry", flat=True)) == {entry.pk for entry in entries}
    assert round_.items.filter(drawn=True).count() == 6
    assert {(one.town, one.again) for one in lookback.strata_of(round_.items.all()) if one.drawn} == {
        (TOWNS[n % 3], n % 5 == 0) for n in range(15)
    }
    record = AuditRecord.objects.get(action="draw_lookback")
    assert record.detail == {"area": "110112", "due": 20, "drawn": 6}
    again = redrawn(round_)
    assert again.same
    assert set(again.drawing.numbers) == {entry.number for entry in drawn_entries(round_)}


def test_another_seed_or_another_frame_is_seen_by_drawing_again(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 30)
    round_ = a_round(people["supervisor"], 9, seed="98")
    LookbackRound.objects.filter(pk=round_.pk).update(seed="99")
    assert not redrawn(LookbackRound.objects.get()).same
    LookbackRound.objects.filter(pk=round_.pk).update(seed="98")
    assert redrawn(LookbackRound.objects.get()).same
    item = round_.items.filter(drawn=True)[0]
    LookbackItem.objects.filter(pk=item.pk).update(drawn=False)
    assert not redrawn(LookbackRound.objects.get()).same


@pytest.mark.parametrize(
    ("columns", "due"),
    [
        ({}, True),
        ({"lookback": "not_inspected"}, True),
        ({"lookback": "stands"}, False),
        ({"lookback_due_at": NOW + timedelta(days=1)}, False),
        ({"state": "assigned", "closed_at": None}, False),
        ({"jurisdiction": "110113104", "responsible": "110113104"}, False),
    ],
)
def test_the_frame_is_what_is_due_in_the_area(people: dict[str, Person], columns: dict[str, Any], due: bool) -> None:
    strike_off(people["inspector"], 1, **columns)
    if due:
        assert a_round(people["supervisor"]).items.count() == 1
    else:
        with pytest.raises(DubanError) as refusal:
            a_round(people["supervisor"])
        assert refusal.value.code == "nothing_due"
        assert not LookbackRound.objects.exists()


def test_what_falls_due_later_is_in_a_round_up_to_that_day(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 1, lookback_due_at=NOW + timedelta(days=1))
    day = (NOW + timedelta(days=1)).date()
    assert a_round(people["supervisor"], due_on=day).items.count() == 1


def test_an_entry_is_in_one_open_round_and_due_again_when_it_was_not_seen(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 10)
    first = a_round(people["supervisor"], 4)
    strike_off(people["inspector"], 3, first=50)
    second = a_round(people["supervisor"], 2)
    assert second.items.count() == 3
    assert second.number == "110112-2021-R002"
    with pytest.raises(IntegrityError), transaction.atomic():
        second.items.create(entry=drawn_entries(first)[0], town=TOWNS[0], again=False, drawn=True)
    seen = drawn_entries(first)[0]
    actions.mark_stands(by=people["inspector"], now=NOW, entry_id=seen.pk)
    close_round(by=people["supervisor"], now=NOW, round_id=first.pk, reason="疫情封控")
    third = a_round(people["supervisor"], 2)
    assert third.items.count() == 9
    assert not third.items.filter(entry=seen).exists()


def test_a_round_of_one_kind_holds_only_that(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 2)
    part = Category.objects.create(kind="component", code="01001", name="井盖", name_en="manhole cover")
    strike_off(people["inspector"], 2, first=50, category=part)
    person = make_person("parts", "leader")
    person.roles.create(role="supervisor", code="110112", kind="component")
    person = Person.objects.get(pk=person.pk)
    round_ = a_round(person)
    assert round_.kind == "component"
    assert {entry.category_id for entry in drawn_entries(round_)} == {part.pk}
    assert lookback.may_close(person, round_)
    of_all = a_round(people["supervisor"])
    assert of_all.kind == ""
    assert of_all.items.count() == 2
    assert not lookback.may_close(person, of_all)


@pytest.mark.parametrize(
    ("who", "at", "code"),
    [
        ("town_supervisor", "110112110", "not_allowed"),
        ("town_supervisor", "110112", "not_allowed"),
        ("stranger", "110112", "not_allowed"),
        ("handler", "110112", "not_allowed"),
        ("leader", "110112", "not_allowed"),
        ("administrator", "110112", "not_allowed"),
        ("supervisor", "1101", "bad_code"),
    ],
)
def test_who_may_not_draw_there(people: dict[str, Person], who: str, at: str, code: str) -> None:
    strike_off(people["inspector"], 3)
    with pytest.raises(DubanError) as refusal:
        a_round(people[who], at=at)
    assert refusal.value.code == code
    assert not LookbackRound.objects.exists()


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({"size": 0}, "bad_size", "size"),
        ({"size": -1}, "bad_size", "size"),
        ({"size": 2001}, "bad_size", "size"),
        ({"name": "长" * 81}, "name_too_long", "name"),
        ({"name": "\x00"}, "name_too_long", "name"),
        ({"seed": "s" * 65}, "bad_seed", "seed"),
        ({"seed": "a\nb"}, "bad_seed", "seed"),
        ({"seed": "\ud800"}, "bad_seed", "seed"),
        ({"due_on": date(1, 1, 1)}, "bad_due_on", "due_on"),
        ({"due_on": date(9999, 12, 31)}, "bad_due_on", "due_on"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_its_field(
    people: dict[str, Person], sent: dict[str, Any], code: str, field: str
) -> None:
    strike_off(people["inspector"], 3)
    with pytest.raises(DubanError) as refusal:
        a_round(people["supervisor"], **sent)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_the_same_draw_again_is_the_first_one(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 5)
    asked: dict[str, Any] = {"round_id": uuid.uuid4(), "name": "一季度", "size": 2}
    first = draw_round(by=people["supervisor"], now=NOW, at="110112", **asked)
    again = draw_round(by=people["supervisor"], now=NOW + timedelta(days=9), at="110112000000", **asked)
    assert (first.fresh, again.fresh) == (True, False)
    assert first.round == again.round
    assert LookbackRound.objects.count() == 1
    for by, other in ((people["supervisor"], {"size": 3}), (people["inspector"], {})):
        with pytest.raises(DubanError) as refusal:
            draw_round(**{"by": by, "now": NOW, "at": "110112"} | asked | other)
        assert (refusal.value.code, refusal.value.status) == ("round_id_taken", 409)


@pytest.mark.django_db(transaction=True)
def test_two_who_draw_at_once_draw_no_entry_twice(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 12)
    together = threading.Barrier(4)
    answers: list[str] = []

    def send(who: str) -> None:
        together.wait()
        try:
            answers.append(str(a_round(people[who], 3).items.count()))
        except DubanError as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(who,)) for who in ("supervisor", "inspector") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["12", "nothing_due", "nothing_due", "nothing_due"]
    assert LookbackItem.objects.count() == 12


# ---- what a revisit does to a round, and closing it ---------------------------------------------------------------


def test_each_revisit_is_written_into_the_open_round(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 12)
    inspector = people["inspector"]
    round_ = a_round(people["supervisor"], 6)
    one, two, three = drawn_entries(round_)[:3]
    actions.mark_not_inspected(by=inspector, now=NOW, entry_id=one.pk, reason="封路")
    actions.mark_not_inspected(by=inspector, now=NOW, entry_id=two.pk, reason="封路")
    actions.mark_stands(by=inspector, now=NOW, entry_id=two.pk)
    actions.mark_recurred(by=inspector, now=NOW, entry_id=three.pk, photos=[make_photo(7, by=inspector)])
    results = dict(round_.items.exclude(result="").values_list("entry", "result"))
    assert results == {one.pk: "not_inspected", two.pk: "stands", three.pk: "recurred"}
    assert counted(round_) == Counts(
        due=12, drawn=6, open=1, evidenced=3, seen=1, not_inspected=1, sampled_out=6, recurred=1
    )


def test_who_recurred_and_was_fixed_again_is_not_seen_until_somebody_goes(people: dict[str, Person]) -> None:
    inspector, supervisor, handler = people["inspector"], people["supervisor"], people["handler"]
    strike_off(inspector, 1)
    round_ = a_round(supervisor, 1)
    (entry,) = drawn_entries(round_)

    def now_is() -> str:
        counts = counted(round_)
        return next(str(one) for one in Standing if counts.of(one))

    assert now_is() == "evidenced"
    actions.mark_recurred(by=inspector, now=NOW, entry_id=entry.pk, photos=[make_photo(7, by=inspector)])
    assert now_is() == "open"
    actions.submit_remedy(by=handler, now=NOW, entry_id=entry.pk, photos=[make_photo(8, by=handler)])
    assert now_is() == "claimed"
    actions.close_entry(by=supervisor, now=NOW, entry_id=entry.pk)
    assert now_is() == "evidenced"
    actions.mark_stands(by=inspector, now=NOW, entry_id=entry.pk)
    assert now_is() == "seen"
    assert round_.items.get().result == "recurred"
    actions.reopen_entry(by=supervisor, now=NOW, entry_id=entry.pk, reason="误销")
    assert now_is() == "open"


@pytest.mark.parametrize("drawn", [True, False])
@pytest.mark.parametrize(
    ("then", "stands"),
    [
        ("reopen", "open"),
        ("merge_into_open", "open"),
        ("merge_into_closed", "evidenced"),
        ("split", "open"),
        ("split_and_fixed", "evidenced"),
        ("void", "not_inspected"),
    ],
)
def test_what_happened_to_an_entry_meanwhile_is_told(
    people: dict[str, Person], entry_in: MakeEntry, drawn: bool, then: str, stands: str
) -> None:
    supervisor = people["supervisor"]
    strike_off(people["inspector"], 2, first=500)
    round_ = a_round(supervisor, 1)
    entry = round_.items.get(drawn=drawn).entry
    common: dict[str, Any] = {"by": supervisor, "now": NOW, "entry_id": entry.pk}
    actions.reopen_entry(reason="误销", **common)
    if then.startswith("merge"):
        other = entry_in("assigned")
        actions.merge_entry(into=other.pk, **common)
        if then == "merge_into_closed":
            Entry.objects.filter(pk=other.pk).update(state="closed", closed_at=NOW)
    elif then.startswith("split"):
        actions.split_entry(units=list(TOWNS[:2]), **common)
        if then == "split_and_fixed":
            Entry.objects.filter(split_from=entry).update(state="closed", closed_at=NOW)
    elif then == "void":
        actions.void_entry(reason="误报", **common)
    item = with_standing(round_.items.all()).get(entry=entry)
    expected = "sampled_out" if stands == "evidenced" and not drawn else stands
    assert item.standing == expected
    assert not counted(round_).all_rectified


def test_a_merger_into_a_split_one_stands_as_its_parts(people: dict[str, Person], entry_in: MakeEntry) -> None:
    supervisor = people["supervisor"]
    strike_off(people["inspector"], 1, first=500)
    round_ = a_round(supervisor, 1)
    (entry,) = drawn_entries(round_)
    actions.reopen_entry(by=supervisor, now=NOW, entry_id=entry.pk, reason="误销")
    other = entry_in("assigned")
    actions.merge_entry(by=supervisor, now=NOW, entry_id=entry.pk, into=other.pk)
    actions.split_entry(by=supervisor, now=NOW, entry_id=other.pk, units=list(TOWNS[:2]))
    assert counted(round_).open == 1


def test_closing_makes_what_nobody_saw_not_inspected_with_a_reason_in_each_history(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 10)
    supervisor = people["supervisor"]
    round_ = a_round(supervisor, 5)
    seen, gone, *left = drawn_entries(round_)
    actions.mark_stands(by=people["inspector"], now=NOW, entry_id=seen.pk)
    actions.reopen_entry(by=supervisor, now=NOW, entry_id=gone.pk, reason="误销")
    with pytest.raises(DubanError) as refusal:
        close_round(by=supervisor, now=NOW, round_id=round_.pk, reason=" ")
    assert refusal.value.code == "reason_missing"
    assert counted(round_).not_inspected == 0
    closed = close_round(by=supervisor, now=NOW, round_id=round_.pk, reason="疫情封控，未能前往")
    assert (closed.closed_at, closed.closed_by, closed.is_open) == (NOW, "supervisor", False)
    steps = Event.objects.filter(action="not_inspected")
    assert {event.entry_id for event in steps} == {entry.pk for entry in left}
    assert {event.words["reason"] for event in steps} == {"疫情封控，未能前往"}
    assert counted(closed) == Counts(due=10, drawn=5, open=1, seen=1, not_inspected=3, sampled_out=5)
    assert not closed.items.filter(open=True).exists()
    with pytest.raises(DubanError) as twice:
        close_round(by=supervisor, now=NOW, round_id=round_.pk)
    assert (twice.value.code, twice.value.status) == ("round_closed", 409)


def test_a_round_that_was_seen_to_its_end_needs_no_reason_and_stays_as_it_was(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 2)
    round_ = a_round(people["supervisor"], 1)
    (entry,) = drawn_entries(round_)
    actions.mark_stands(by=people["inspector"], now=NOW, entry_id=entry.pk)
    close_round(by=people["supervisor"], now=NOW, round_id=round_.pk)
    other = round_.items.get(drawn=False).entry
    actions.mark_not_inspected(by=people["inspector"], now=NOW, entry_id=other.pk, reason="封路")
    assert counted(round_) == Counts(due=2, drawn=1, seen=1, sampled_out=1)


@pytest.mark.parametrize(
    ("who", "code"), [("town_supervisor", "not_allowed"), ("leader", "not_allowed"), ("stranger", "round_not_found")]
)
def test_who_does_not_answer_for_all_of_a_round_cannot_close_it(people: dict[str, Person], who: str, code: str) -> None:
    strike_off(people["inspector"], 3)
    round_ = a_round(people["supervisor"], 2)
    with pytest.raises(DubanError) as refusal:
        close_round(by=people[who], now=NOW, round_id=round_.pk, reason="封路")
    assert refusal.value.code == code
    assert LookbackRound.objects.get().is_open


# ---- the words ----------------------------------------------------------------------------------------------------

SENTENCES = [
    (Counts(due=5, drawn=5, seen=5), "All rectified: of 5 due, 5 drawn, 5 seen to stand."),
    (
        Counts(due=40, drawn=12, seen=12, sampled_out=28),
        "All rectified of those looked at: of 40 due, 12 drawn, 12 seen to stand, 28 sampled out.",
    ),
    (Counts(due=5, drawn=5, seen=4, open=1), "Not all rectified: of 5 due, 5 drawn, 1 open again, 4 seen to stand."),
    (
        Counts(due=5, drawn=5, seen=4, claimed=1),
        "Not all rectified: of 5 due, 5 drawn, 1 claimed as fixed, 4 seen to stand.",
    ),
    (
        Counts(due=5, drawn=5, seen=4, evidenced=1),
        "Not yet known whether all is rectified: of 5 due, 5 drawn, 1 struck off and not yet looked at, "
        "4 seen to stand.",
    ),
    (
        Counts(due=40, drawn=5, seen=4, not_inspected=1, sampled_out=35),
        "Not yet known whether all is rectified: of 40 due, 5 drawn, 4 seen to stand, 1 not inspected, 35 sampled out.",
    ),
    (
        Counts(due=40, drawn=5, seen=5, open=1, sampled_out=34),
        "Not all rectified: of 40 due, 5 drawn, 1 open again, 5 seen to stand, 34 sampled out.",
    ),
    (Counts(), "Nothing of this round lies in your area."),
]


@pytest.mark.parametrize(("counts", "words"), SENTENCES)
def test_the_sentence_says_no_more_than_was_seen(counts: Counts, words: str) -> None:
    assert sentence(counts) == words
    with translation.override("zh-hans"):
        assert sentence(counts)


@given(some.lists(some.integers(0, 3), min_size=6, max_size=6))
def test_all_rectified_is_said_only_when_nothing_is_left(numbers: list[int]) -> None:
    counts = Counts(due=sum(numbers), drawn=1, **dict(zip(map(str, Standing), numbers, strict=True)))
    said = sentence(counts)
    left = counts.open + counts.claimed + counts.evidenced + counts.not_inspected
    assert said.startswith("All rectified") == (counts.seen > 0 and not left)
    assert not counts.sampled_out or f"{counts.sampled_out} sampled out" in said
