"""Several people at one visit, one exposure and one round at once: one proposal, one decision, one close; on a real
database."""

from collections.abc import Iterator

import pytest
from tests.crashing import installation, run_script

HEAD = """
import json, threading, uuid
from datetime import timedelta
from django.db import connection
from tests.patrol.exposing import make_checklist, make_venue, make_visit
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import make_person
from duban.patrol import exposure, rounds

now = clock.now()
people = [make_person(f"s{number}", "supervisor") for number in range(6)]

def all_at_once(acts):
    together, outcome = threading.Barrier(len(acts)), []
    def run(act):
        try:
            together.wait()
            outcome.append(str(act()))
        except DubanError as refusal:
            outcome.append(refusal.code)
        finally:
            connection.close()
    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(sorted(outcome)))
"""
PROPOSED = """
visit = make_visit(make_venue(), make_checklist(), at=now - timedelta(hours=1))
def propose(by):
    return bool(exposure.propose_exposure(by=by, now=now, visit_id=visit.pk).fresh)
all_at_once([lambda by=by: propose(by) for by in people])
"""
REPLAYED = """
visit = make_visit(make_venue(), make_checklist(), at=now - timedelta(hours=1))
own = uuid.uuid4()
def propose():
    return exposure.propose_exposure(by=people[0], now=now, visit_id=visit.pk, exposure_id=own).fresh
all_at_once([propose] * 6)
"""
DECIDED = """
visit = make_visit(make_venue(), make_checklist(), at=now - timedelta(hours=1))
made = exposure.propose_exposure(by=people[0], now=now, visit_id=visit.pk).exposure
exposure.record_reply(by=people[0], now=now, exposure_id=made.pk, stand="accepts")
step = {"now": now, "exposure_id": made.pk}
def approve(by):
    return exposure.approve_exposure(by=by, **step).state
def refuse(by):
    return exposure.refuse_exposure(by=by, reason="x", **step).state
all_at_once([lambda act=act, by=by: act(by) for act, by in zip([approve, refuse] * 3, people[1:] + people[1:2])])
"""
CLOSED = """
for number in range(3):
    make_venue(f"v{number}")
today = now.date()
own = uuid.uuid4()
asked = {"by": people[0], "now": now, "at": "110112", "title": "t", "starts_on": today, "ends_on": today}
round_ = rounds.plan_round(round_id=own, **asked).round
def close(by):
    return rounds.close_round(by=by, now=now, round_id=own, reason="x").closed_by != ""
all_at_once([lambda by=by: close(by) for by in people])
"""
PLANNED = """
for number in range(3):
    make_venue(f"v{number}")
today = now.date()
own = uuid.uuid4()
asked = {"by": people[0], "now": now, "at": "110112", "title": "t", "starts_on": today, "ends_on": today}
all_at_once([lambda: rounds.plan_round(round_id=own, **asked).fresh] * 6)
"""


def answer_of(environment: dict[str, str], script: str) -> list[str]:
    names = script.replace('make_person(f"s{number}"', 'make_person(f"{uuid.uuid4().hex[:8]}"')
    return run_script(environment, names)[-1]


@pytest.fixture(scope="module")
def environment(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with installation(tmp_path_factory.mktemp("exposed_at_once")) as environment:
        yield environment


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (PROPOSED, ["True"] + ["exposure_exists"] * 5),
        (REPLAYED, ["False"] * 5 + ["True"]),
        (CLOSED, ["True"] + ["round_closed"] * 5),
        (PLANNED, ["False"] * 5 + ["True"]),
    ],
)
def test_of_six_at_once_one_counts(environment: dict[str, str], script: str, outcome: list[str]) -> None:
    assert answer_of(environment, HEAD + script) == outcome


def test_of_six_who_decide_at_once_one_does(environment: dict[str, str]) -> None:
    outcome = answer_of(environment, HEAD + DECIDED)
    assert outcome.count("wrong_exposure_state") == 5
    assert set(outcome) - {"wrong_exposure_state"} <= {"approved", "refused"}
