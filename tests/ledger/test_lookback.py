"""Look-back rounds: drawn so that anybody can draw them again, closed in the open, and told in strict words."""

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


def browse(person: Person) -> Any:
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
    asked: dict[str, Any] = {"at": "110112", "size": size, "now": NOW} | more
    return draw_round(by=by, **asked).round


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


def by_hand(rows: list[dict[str, str]]) -> list[str]:
    """What the recipe of the docs draws from the rows of the file."""
    page = (ROOT / "docs" / "lookback.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"rows": rows}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], names)
    return list(names["drawn"])


@given(frames, some.integers(1, 100), seeds)
def test_the_recipe_of_the_docs_draws_the_same(frame: list[tuple[str, str, bool]], size: int, seed: str) -> None:
    rows = [
        {"seed": seed, "size": str(size), "number": number, "town": town, "again": str(int(again))}
        for number, town, again in frame
    ]
    assert set(by_hand(rows)) == set(draw(frame, size, seed).numbers)


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
    others: list[tuple[Person, dict[str, Any]]] = [(people["supervisor"], {"size": 3}), (people["inspector"], {})]
    for by, other in others:
        with pytest.raises(DubanError) as refusal:
            draw_round(by=by, now=NOW, at="110112", **asked | other)
        assert (refusal.value.code, refusal.value.status) == ("round_id_taken", 409)


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """What each call answers, or the code of its refusal; all begin at the same moment, in threads of their own."""
    together = threading.Barrier(len(calls))
    answers = [""] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        together.wait()
        try:
            answers[index] = str(call())
        except DubanError as refusal:
            answers[index] = refusal.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_who_draw_at_once_draw_no_entry_twice(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 12)
    drawers = [people[who] for who in ("supervisor", "inspector") * 2]
    answers = at_once(*[lambda by=by: a_round(by, 3).items.count() for by in drawers])
    assert sorted(answers) == ["12", "nothing_due", "nothing_due", "nothing_due"]
    assert LookbackItem.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_the_same_draw_twice_at_once_is_one_round(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 6)
    key = uuid.uuid4()
    answers = at_once(*[lambda: a_round(people["supervisor"], 3, round_id=key).number] * 3)
    assert answers == ["110112-2021-R001"] * 3
    assert LookbackItem.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_a_revisit_while_somebody_draws_is_not_lost(people: dict[str, Person]) -> None:
    entries = strike_off(people["inspector"], 8)
    supervisor = people["supervisor"]
    steps = [
        lambda key=entry.pk: actions.mark_stands(by=supervisor, now=NOW, entry_id=key).lookback for entry in entries[:5]
    ]
    answers = at_once(lambda: a_round(supervisor, 8).number, *steps)
    assert answers == ["110112-2021-R001", *["stands"] * 5]
    kept = dict(LookbackItem.objects.values_list("entry", "result"))
    assert {kept.get(entry.pk, "stands") for entry in entries[:5]} == {"stands"}
    assert counted(LookbackRound.objects.get()).evidenced == 3


@pytest.mark.django_db(transaction=True)
def test_a_revisit_while_somebody_closes_the_round_is_in_it_or_after_it(people: dict[str, Person]) -> None:
    inspector, supervisor = people["inspector"], people["supervisor"]
    strike_off(inspector, 6)
    round_ = a_round(supervisor, 6)
    photos = [make_photo(700 + number, by=inspector) for number in range(3)]
    entries = drawn_entries(round_)
    steps = [
        lambda key=entry.pk, sha=sha: actions.mark_recurred(by=inspector, now=NOW, entry_id=key, photos=[sha]).state
        for entry, sha in zip(entries, photos, strict=False)
    ]
    close = [lambda: close_round(by=supervisor, now=NOW, round_id=round_.pk, reason="封路").is_open] * 2
    answers = at_once(*close, *steps)
    assert sorted(answers[:2]) == ["False", "round_closed"]
    assert answers[2:] == ["assigned"] * 3
    counts = counted(round_)
    assert (counts.open, counts.not_inspected) == (3, 3)
    for item in round_.items.select_related("entry"):
        steps_taken = list(item.entry.events.order_by("seq").values_list("action", flat=True))[1:]
        expected = {"": [["recurred"]], "recurred": [["recurred"]]}
        assert steps_taken in expected.get(item.result, [["not_inspected"], ["not_inspected", "recurred"]])


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
    item: Any = with_standing(round_.items.all()).get(entry=entry)
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


# ---- the pages ----------------------------------------------------------------------------------------------------


def page(person: Person, name: str, *args: Any, **query: Any) -> Any:
    return browse(person).get(reverse(f"ledger:{name}", args=args), query)


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_page_counts_what_a_draw_would_find_and_draws_it(people: dict[str, Person], at_noon: Any) -> None:
    strike_off(people["inspector"], 20)
    client = browse(people["supervisor"])
    shown = client.get(reverse("ledger:lookback"))
    assert "20 due, of which 4 came back before." in text_of(shown)
    counted = client.get(reverse("ledger:lookback_preview"), {"at": "110112", "due_on": "2021-03-19", "size": "2"})
    assert "There are 6 strata, more than are to be drawn" in text_of(counted)
    form = {
        "id": str(uuid.uuid4()),
        "at": "110112",
        "due_on": "2021-03-19",
        "size": "7",
        "name": "一季度",
        "seed": "98",
    }
    answers = [client.post(reverse("ledger:lookback"), form) for _press in range(2)]
    round_ = LookbackRound.objects.get()
    assert [answer.url for answer in answers] == [reverse("ledger:lookback_round", args=[round_.pk])] * 2
    said = text_of(client.get(answers[0].url))
    assert "of 20 due, 7 drawn, 7 struck off and not yet looked at, 13 sampled out" in said
    assert "110112-2021-R001" in text_of(client.get(reverse("ledger:lookback")))
    preview = [one for one in lookback.strata_of(round_.items.all()) if one.drawn]
    assert sum(one.drawn for one in preview) == 7


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"size": ""}, "bad_size"),
        ({"size": "0"}, "bad_size"),
        ({"size": "٣"}, "bad_size"),
        ({"size": "many"}, "bad_size"),
        ({"due_on": "2021-02-31"}, "bad_due_on"),
        ({"due_on": "soon"}, "bad_due_on"),
        ({"due_on": "0001-01-01"}, "bad_due_on"),
        ({"at": ""}, "bad_code"),
        ({"at": "110113"}, "not_allowed"),
        ({"at": "110112106"}, ""),
        ({"seed": "=1+1"}, "bad_seed"),
        ({"name": "长" * 81}, "name_too_long"),
        ({"id": "x"}, "invalid"),
    ],
)
def test_a_form_that_cannot_be_drawn_says_why(
    people: dict[str, Person], at_noon: Any, sent: dict[str, str], code: str
) -> None:
    strike_off(people["inspector"], 3, jurisdiction="110112106")
    form = {"id": str(uuid.uuid4()), "at": "110112", "due_on": "2021-03-19", "size": "1"} | sent
    answer = browse(people["supervisor"]).post(reverse("ledger:lookback"), form)
    assert answer.status_code == (302 if not code else 403 if code == "not_allowed" else 400)
    assert LookbackRound.objects.exists() == (not code)
    assert not code or code in answer.content.decode()


@pytest.mark.parametrize(
    "query", [{"at": "x"}, {"at": "110113"}, {"due_on": "x"}, {"size": "x"}, {"due_on": "9999-12-31"}]
)
def test_a_preview_of_what_makes_no_sense_is_no_error(
    people: dict[str, Person], at_noon: Any, query: dict[str, str]
) -> None:
    answer = page(people["supervisor"], "lookback_preview", **{"at": "110112", "due_on": "", "size": "5"} | query)
    assert answer.status_code == 200


def test_each_count_opens_its_rows(people: dict[str, Person], at_noon: Any) -> None:
    strike_off(people["inspector"], 14)
    round_ = a_round(people["supervisor"], 6)
    one, two, three = drawn_entries(round_)[:3]
    actions.mark_stands(by=people["inspector"], now=NOW, entry_id=one.pk)
    actions.mark_not_inspected(by=people["inspector"], now=NOW, entry_id=two.pk, reason="封路")
    actions.reopen_entry(by=people["supervisor"], now=NOW, entry_id=three.pk, reason="误销")
    counts = counted(round_)
    for standing in ["", "all", *Standing.values]:
        rows = {"": counts.drawn, "all": counts.due}.get(standing) or counts.of(standing or "open")
        shown = page(people["supervisor"], "lookback_round", round_.pk, standing=standing).content.decode()
        assert shown.count("<tr data-row>") == rows, standing
    shown = page(people["supervisor"], "lookback_round", round_.pk).content.decode()
    # The three steps of each of those not seen yet lead to their forms on the entry's page.
    assert shown.count("#recurred_reason") == 4
    entry = page(people["supervisor"], "entry", two.pk).content.decode()
    assert all(f'id="{action}_reason"' in entry for action in ("stands", "recurred", "not_inspected"))


def test_a_long_round_is_turned_page_by_page(people: dict[str, Person], at_noon: Any) -> None:
    strike_off(people["inspector"], 110)
    round_ = a_round(people["supervisor"], 5)
    client, seen = browse(people["supervisor"]), []
    address = f"{reverse('ledger:lookback_round', args=[round_.pk])}?standing=all"
    while address:
        shown = client.get(address).content.decode()
        seen.append(re.findall(r'<td><span class="name">(110112-[\d-]+)</span></td>', shown))
        further = re.search(r'rel="next" href="([^"#]+)', shown)
        address = address.partition("?")[0] + further.group(1).replace("&amp;", "&") if further else ""
    assert [len(numbers) for numbers in seen] == [50, 50, 10]
    assert [number for numbers in seen for number in numbers] == list(
        round_.items.order_by("pk").values_list("entry__number", flat=True)
    )
    back = re.search(r'rel="prev" href="([^"#]+)', shown)
    assert back
    middle = client.get(f"{reverse('ledger:lookback_round', args=[round_.pk])}{back.group(1).replace('&amp;', '&')}")
    assert re.findall(r'<td><span class="name">(110112-[\d-]+)</span></td>', middle.content.decode()) == seen[1]


@pytest.mark.parametrize(
    ("query", "code"), [("standing=lost", "bad_standing"), ("after=x", "bad_cursor"), ("before=-1", "bad_cursor")]
)
def test_a_page_of_a_round_that_there_is_not(people: dict[str, Person], query: str, code: str) -> None:
    strike_off(people["inspector"], 2)
    round_ = a_round(people["supervisor"], 1)
    answer = browse(people["supervisor"]).get(f"{reverse('ledger:lookback_round', args=[round_.pk])}?{query}")
    assert answer.status_code == 400
    assert code in answer.content.decode()


def test_the_round_is_drawn_again_on_its_page_and_by_the_recipe_of_the_docs(people: dict[str, Person]) -> None:
    strike_off(people["inspector"], 40)
    round_ = a_round(people["supervisor"], 11, seed="二零二一 98")
    said = page(people["supervisor"], "lookback_redraw", round_.pk)
    assert "the same entries come out" in text_of(said)
    answer = page(people["supervisor"], "lookback_frame", round_.pk)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lookback-110112-2021-R001.csv"'
    data = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data)))
    assert {row["seed"] for row in rows} == {"二零二一 98"}
    assert len(rows) == 40
    assert set(by_hand(rows)) == {row["number"] for row in rows if row["drawn"] == "1"}
    LookbackItem.objects.filter(pk=round_.items.filter(drawn=False)[0].pk).update(drawn=True)
    assert "other entries come out" in text_of(page(people["supervisor"], "lookback_redraw", round_.pk))


def test_closing_on_the_page_asks_for_a_reason(people: dict[str, Person], at_noon: Any) -> None:
    strike_off(people["inspector"], 4)
    round_ = a_round(people["supervisor"], 2)
    client, address = browse(people["supervisor"]), reverse("ledger:lookback_close", args=[round_.pk])
    refused = client.post(address, {"reason": ""})
    assert refused.status_code == 400
    assert "reason_missing" in refused.content.decode()
    closed = client.post(address, {"reason": "封控 <b>"})
    shown = client.get(closed.url).content.decode()
    assert "封控 &lt;b&gt;" in shown
    assert "Not yet known whether all is rectified: of 4 due, 2 drawn, 2 not inspected, 2 sampled out." in shown
    assert address not in shown
    assert client.post(address, {"reason": "再来"}).status_code == 409


WHO = [
    # who, the pages of a round, its frame and redraw, drawing and closing
    ("supervisor", 200, 200, True),
    ("inspector", 200, 200, True),
    ("leader", 200, 200, False),
    ("publisher", 200, 200, False),
    ("administrator", 200, 200, False),
    ("town_supervisor", 200, 403, False),
    ("handler", 403, 403, False),
    ("town_handler", 403, 403, False),
    ("health_officer", 403, 403, False),
    ("community_worker", 403, 403, False),
    ("stranger", 404, 404, False),
]


@pytest.mark.parametrize(("who", "sees", "whole", "closes"), WHO)
def test_who_may_do_what_with_a_round(
    people: dict[str, Person], at_noon: Any, who: str, sees: int, whole: int, closes: bool
) -> None:
    strike_off(people["inspector"], 6)
    round_ = a_round(people["supervisor"], 3)
    person, api = people[who], f"/api/v1/lookback/{round_.pk}"
    listed = 200 if sees == 404 else sees
    assert page(person, "lookback").status_code == listed
    assert browse(person).get("/api/v1/lookback").status_code == listed
    if listed == 200:
        there = round_.number in page(person, "lookback").content.decode()
        assert there == (sees == 200)
        assert bool(browse(person).get("/api/v1/lookback").json()["rounds"]) == (sees == 200)
    assert page(person, "lookback_round", round_.pk).status_code == sees
    # The API says only that it is not there to who could see none at all.
    assert browse(person).get(api).status_code == browse(person).get(f"{api}/items").status_code
    assert browse(person).get(api).status_code == (200 if sees == 200 else 404)
    for name in ("lookback_frame", "lookback_redraw"):
        assert page(person, name, round_.pk).status_code == whole
    assert browse(person).get(f"{api}/redraw").status_code == (404 if sees != 200 else whole)
    drawing = page(person, "lookback_preview", at="110112", due_on="", size="3").status_code
    assert drawing == (200 if who in {"supervisor", "inspector", "town_supervisor", "stranger"} else 403)
    closed = browse(person).post(reverse("ledger:lookback_close", args=[round_.pk]), {"reason": "封路"})
    assert closed.status_code == (302 if closes else 404 if who == "stranger" else 403)
    assert LookbackRound.objects.get().is_open != closes


def test_who_sees_a_part_sees_nothing_of_the_rest(people: dict[str, Person], at_noon: Any) -> None:
    """A town's supervisor sees the part of the district's round that lies in their town, and no count of the rest."""
    strike_off(people["inspector"], 9)
    town = strike_off(people["inspector"], 4, first=50, jurisdiction="110112106", responsible="110112106")
    away = strike_off(people["inspector"], 5, first=70, jurisdiction="110112110", responsible="110112110")
    Entry.objects.exclude(pk__in=[entry.pk for entry in [*town, *away]]).update(
        jurisdiction="110112104", responsible="110112104"
    )
    round_ = a_round(people["supervisor"], 18)
    person, api = people["town_supervisor"], f"/api/v1/lookback/{round_.pk}"
    assert not lookback.sees_whole(person, round_)
    shown = page(person, "lookback_round", round_.pk, standing="all").content.decode()
    numbers = set(re.findall(r"110112-2021-\d{6}", shown))
    assert numbers == {entry.number for entry in town}
    told = browse(person).get(api).json()
    assert (told["whole"], told["size"], told["counts"]["due"]) == (False, None, 4)
    assert [one["town"]["code"] for one in told["strata"]] == ["110112106", "110112106"]
    listed = browse(person).get("/api/v1/lookback").json()["rounds"]
    assert [one["due"] for one in listed] == [4]
    items = browse(person).get(f"{api}/items?standing=all").json()["items"]
    assert {item["number"] for item in items} == numbers
    line = re.search(r"<tr data-row>.*?</tr>", page(person, "lookback").content.decode(), re.DOTALL)
    assert line
    assert "18" not in re.sub(r"<[^>]+>", " ", line.group()).replace("2021", "")


@pytest.mark.parametrize("more", [0, 40])
@pytest.mark.parametrize("name", ["lookback", "lookback_round"])
def test_the_pages_ask_the_same_few_questions_however_many_entries(
    people: dict[str, Person],
    at_noon: Any,
    name: str,
    more: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    strike_off(people["inspector"], 5 + more)
    round_ = a_round(people["supervisor"], 4 + more)
    client = browse(people["supervisor"])
    with django_assert_max_num_queries(12):
        assert client.get(reverse(f"ledger:{name}", args=[round_.pk] if name != "lookback" else [])).status_code == 200


# ---- the API ------------------------------------------------------------------------------------------------------


def send(person: Person, method: str, path: str, body: Any) -> Any:
    client = browse(person)
    return getattr(client, method)(f"/api/v1/lookback/{path}", json.dumps(body), content_type="application/json")


def test_a_round_from_draw_to_close_over_the_api(people: dict[str, Person], at_noon: Any) -> None:
    strike_off(people["inspector"], 12)
    supervisor, path = people["supervisor"], str(uuid.uuid4())
    body = {"at": "110112", "size": 5, "seed": "98", "name": "一季度"}
    first, again = (send(supervisor, "put", path, body) for _press in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = send(supervisor, "put", path, body | {"size": 6})
    assert (other.status_code, other.json()["code"]) == (409, "round_id_taken")
    told = first.json()
    assert (told["number"], told["seed"], told["due_on"]) == ("110112-2021-R001", "98", "2021-03-19")
    assert told["counts"] | {"due": 12, "drawn": 5, "evidenced": 5, "sampled_out": 7} == told["counts"]
    assert sum(one["drawn"] for one in told["strata"]) == 5
    assert set(told["sentence"]) == {"zh", "en"}
    redraw = browse(supervisor).get(f"/api/v1/lookback/{path}/redraw").json()
    items = browse(supervisor).get(f"/api/v1/lookback/{path}/items?limit=3").json()
    assert redraw["same"]
    rest = browse(supervisor).get(f"/api/v1/lookback/{path}/items?limit=3&after={items['after']}").json()
    assert {item["number"] for item in items["items"] + rest["items"]} == set(redraw["numbers"])
    assert not rest["after"]
    seen = items["items"][0]["entry"]
    stands = browse(supervisor).post(f"/api/v1/entries/{seen}/stands", "{}", content_type="application/json")
    assert stands.status_code == 200
    refused = send(supervisor, "post", f"{path}/close", {})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (400, "reason_missing", "reason")
    closed = send(supervisor, "post", f"{path}/close", {"reason": "封路"}).json()
    assert (closed["counts"]["seen"], closed["counts"]["not_inspected"]) == (1, 4)
    assert not closed["counts"]["all_rectified"]
    assert closed["closed_by"] == {"code": "supervisor", "name": "supervisor"}
    twice = send(supervisor, "post", f"{path}/close", {"reason": "封路"})
    assert (twice.status_code, twice.json()["code"]) == (409, "round_closed")
    (line,) = browse(supervisor).get("/api/v1/lookback").json()["rounds"]
    assert (line["due"], line["drawn"], line["to_look_at"]) == (12, 5, 0)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"size": 0}, 400, "bad_size"),
        ({"size": "5"}, 422, "malformed"),
        ({"size": 1.5}, 422, "malformed"),
        ({"size": 10**30}, 422, "malformed"),
        ({"size": True}, 422, "malformed"),
        ({"due_on": 5}, 422, "malformed"),
        ({"due_on": "2021-02-31"}, 422, "malformed"),
        ({"due_on": "0001-01-01"}, 400, "bad_due_on"),
        ({"due_on": "9999-12-31"}, 400, "bad_due_on"),
        ({"at": "x"}, 400, "bad_code"),
        ({"at": "110113"}, 403, "not_allowed"),
        ({"at": None}, 422, "malformed"),
        ({"seed": "\x00"}, 422, "malformed"),
        ({"seed": "s" * 65}, 400, "bad_seed"),
        ({"name": "长" * 81}, 400, "name_too_long"),
        ({"colour": "red"}, 422, "malformed"),
        ({"at": "110112104"}, 400, "nothing_due"),
    ],
)
def test_what_the_api_cannot_draw_it_refuses_by_code(
    people: dict[str, Person], at_noon: Any, sent: dict[str, Any], status: int, code: str
) -> None:
    strike_off(people["inspector"], 3, jurisdiction="110112106")
    answer = send(people["supervisor"], "put", str(uuid.uuid4()), {"at": "110112", "size": 2} | sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not LookbackRound.objects.exists()


@pytest.mark.parametrize(
    "path", ["?page=0", "?limit=101", "?page=x", "{id}/items?limit=0", "{id}/items?standing=lost", "{id}/items?after=x"]
)
def test_what_the_api_cannot_list_it_refuses(people: dict[str, Person], path: str) -> None:
    strike_off(people["inspector"], 2)
    round_ = a_round(people["supervisor"], 1)
    place = path.format(id=round_.pk)
    answer = browse(people["supervisor"]).get(f"/api/v1/lookback{'/' if path.startswith('{') else ''}{place}")
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"malformed", "bad_standing", "bad_cursor"}
    assert browse(people["supervisor"]).get(f"/api/v1/lookback/{uuid.uuid4()}").json()["code"] == "round_not_found"
