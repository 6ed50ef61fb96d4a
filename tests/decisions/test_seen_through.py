"""Whatever is linked, taken away, sent again, or too late, of every kind of work: a decision tells what is true."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.decisions.world import NOW, Office, make_office

from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.decisions import actions
from duban.decisions.models import Decision
from duban.web.decision_work import change_link
from duban.web.progress import KINDS, Standing, has_work, progress_of

pytestmark = pytest.mark.django_db
KEPT = tuple(KINDS)
ENDS: dict[str, Callable[..., Decision]] = {"close": actions.close_decision, "withdraw": actions.withdraw_decision}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["link", "unlink"]), st.integers(0, 1), st.sampled_from(KEPT)),
        st.tuples(st.sampled_from(sorted(ENDS)), st.integers(0, 1), st.just("")),
    ),
    max_size=14,
)


@pytest.fixture
def office(db: None) -> Office:
    return make_office()


def pieces(office: Office) -> dict[str, str]:
    """One piece of each kind of work, by its key."""
    area, _files = office.order(11)
    found = {
        "order": str(area.pk),
        "sampling": str(office.sampling().pk),
        "round": str(office.round().pk),
        "entry": str(office.entry().pk),
        "need": str(office.need().pk),
    }
    assert set(found) == set(KINDS), "a kind of work that no test links"
    return found


def change(office: Office, decision: Decision, kind: str, key: str, linked: bool) -> str:
    """ "" where it was taken, else the code of the refusal. Needs are their community worker's to link."""
    by = office.worker if kind == "need" else office.supervisor
    try:
        with transaction.atomic():
            change_link(by, decision, kind=kind, key=key, linked=linked, now=NOW)
    except DubanError as refusal:
        return refusal.code
    return ""


def on_the_books(decision: Decision, kind: str) -> list[str]:
    told = AuditRecord.objects.filter(subject_id=str(decision.pk), action__in=(f"link_{kind}", f"unlink_{kind}"))
    return list(told.order_by("pk").values_list("action", flat=True))


def require_truth(decisions: list[Decision], links: set[tuple[int, str]], over: dict[int, str]) -> None:
    """What the pages say of each decision is what is linked to it now."""
    for decision in decisions:
        decision.refresh_from_db()
    found = progress_of(decisions, NOW)
    idle = set(Decision.objects.filter(~has_work()).values_list("pk", flat=True))
    for place, decision in enumerate(decisions):
        linked = {kind for at, kind in links if at == place}
        progress = found[decision.pk]
        assert {strand.kind for strand in progress.strands} == linked
        assert progress.pieces == len(linked)
        assert (decision.pk in idle) == (not linked)
        assert (progress.percent is None) == (not linked)
        if place in over:
            assert progress.standing == {"close": Standing.CLOSED, "withdraw": Standing.WITHDRAWN}[over[place]]
        else:
            assert (progress.standing == Standing.NO_WORK) == (not linked)
        for kind in KEPT:
            steps = on_the_books(decision, kind)
            assert all(first != second for first, second in pairwise(steps)), "one step twice on the books"
            assert (steps[-1:] == [f"link_{kind}"]) == (kind in linked)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_in_whatever_order_a_decision_tells_what_is_linked(office: Office, steps: list[tuple[str, int, str]]) -> None:
    with transaction.atomic():
        keys, decisions = pieces(office), [office.decide(), office.decide("另一项")]
        links: set[tuple[int, str]] = set()
        over: dict[int, str] = {}
        for step, place, kind in steps:
            if step in ENDS:
                words = {"close": {"report": "已落实"}, "withdraw": {"reason": "情况变了"}}[step]
                if place not in over:
                    ENDS[step](by=office.supervisor, now=NOW, decision_id=decisions[place].pk, **words)
                    over[place] = step
                continue
            told = change(office, decisions[place], kind, keys[kind], step == "link")
            stands = (place, kind) in links
            if stands == (step == "link"):
                assert told == "", "what is so already is no wrong step, however late it comes"
            elif step == "link" and kind == "need" and (1 - place, kind) in links:
                assert told == "need_has_decision"
            elif place in over:
                assert told == "decision_over"
            else:
                assert told == ""
                links ^= {(place, kind)}
            require_truth(decisions, links, over)
        transaction.set_rollback(True)


@pytest.mark.parametrize("kind", KEPT)
def test_the_last_link_taken_away_leaves_it_not_seen_through(office: Office, kind: str) -> None:
    keys, decision = pieces(office), office.decide()
    for key in (kind, "entry"):
        assert change(office, decision, key, keys[key], True) == ""
    for key in dict.fromkeys((kind, "entry")):
        assert progress_of([decision], NOW)[decision.pk].standing != Standing.NO_WORK
        assert change(office, decision, key, keys[key], False) == ""
    assert progress_of([decision], NOW)[decision.pk].standing == Standing.NO_WORK


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("key", ["", "nonsense", "0", "-1", "٣", "9" * 30, "\x00", str(uuid.UUID(int=7))])
def test_work_that_is_not_there_is_linked_to_nothing(office: Office, kind: str, key: str) -> None:
    decision = office.decide()
    assert change(office, decision, kind, key, True).endswith("_not_found")
    assert change(office, decision, kind, key, False).endswith("_not_found")
    assert not on_the_books(decision, kind)


def at_once(office: Office, works: list[Callable[[], Any]]) -> list[Any]:
    """All of them at the same moment, each on a connection of its own."""

    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KEPT)
def test_two_at_once_link_take_away_and_close_one_after_the_other(office: Office, kind: str) -> None:
    key, decision = pieces(office)[kind], office.decide()

    def step(linked: bool) -> Callable[[], str]:
        return lambda: change(office, Decision.objects.get(pk=decision.pk), kind, key, linked)

    assert at_once(office, [step(True)] * 4) == [""] * 4
    require_truth([decision], {(0, kind)}, {})
    assert on_the_books(decision, kind) == [f"link_{kind}"]
    assert at_once(office, [step(linked) for linked in (True, False, False, True)]) == [""] * 4
    stands = kind in {strand.kind for strand in progress_of([decision], NOW)[decision.pk].strands}
    require_truth([decision], {(0, kind)} if stands else set(), {})

    def close() -> str:
        actions.close_decision(by=office.supervisor, now=NOW, decision_id=decision.pk, report="已落实")
        return ""

    answers = at_once(office, [step(not stands), close])
    assert answers[1] == ""
    assert answers[0] in {"", "decision_over"}
    changed = answers[0] == ""
    require_truth([decision], {(0, kind)} if stands != changed else set(), {0: "close"})
