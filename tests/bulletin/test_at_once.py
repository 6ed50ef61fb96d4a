"""Several people publishing at once: every issue its own number, none twice, none left out; on a real database."""

from collections.abc import Iterator

import pytest
from tests.crashing import installation, run, run_script

SCRIPT = """
import json, sys, threading
from django.db import connection
from duban.bulletin import actions
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import make_finding, make_person
from duban.ledger import actions as ledger
from duban.ledger.recording import record_finding

# (area of the drafter, series): two of the series print the same entries, and the town's prints some of the district's.
WANTED = [("110112106", "甲")] * 2 + [("110112", "甲")] * 4 + [("110112", "乙")] * 2
second = make_person("second", "publisher", "110112")
seed, drafts, printed = 0, [], []
for index, (area, name) in enumerate(WANTED):
    person = make_person(f"drafter{index}", "supervisor", area)
    for _each in range(3):
        seed += 1
        facts = {"statement": f"某路{seed}号", "responsible": "110112106"}
        record_finding(by=person, now=clock.now(), finding=make_finding(seed, **facts))
    issue = actions.draft_issue(by=person, now=clock.now(), name=name)
    drafts.append((person, issue.pk))
    printed.append({item.entry_id for item in issue.items.all()})

together = threading.Barrier(len(drafts))
outcome = [None] * len(drafts)

def publish(index, person, issue_id):
    try:
        together.wait()
        actions.approve_issue(by=second, now=clock.now(), issue_id=issue_id)
        issue = actions.publish_issue(by=person, now=clock.now(), issue_id=issue_id)
        outcome[index] = [issue.series_id, issue.number]
    except DubanError as refusal:
        outcome[index] = [refusal.code, 0]
    finally:
        connection.close()

threads = [threading.Thread(target=publish, args=(index, *draft)) for index, draft in enumerate(drafts)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps([outcome, len(printed[0] & printed[2]), len(printed[2] & printed[6])]))
"""
TWICE = """
import json, threading
from django.db import connection
from duban.bulletin import actions
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import make_person

person, other = make_person("one", "supervisor", "110112"), make_person("other", "supervisor", "110112")
second = make_person("second", "publisher", "110112")
issue = actions.draft_issue(by=person, now=clock.now(), name="六人")
actions.approve_issue(by=second, now=clock.now(), issue_id=issue.pk)
together, outcome = threading.Barrier(6), []

def publish(by):
    try:
        together.wait()
        outcome.append(actions.publish_issue(by=by, now=clock.now(), issue_id=issue.pk).number)
    except DubanError as refusal:
        outcome.append(refusal.code)
    finally:
        connection.close()

threads = [threading.Thread(target=publish, args=[by]) for by in [person, other] * 3]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(sorted(outcome, key=str)))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with installation(tmp_path_factory.mktemp("at_once")) as environment:
        yield environment


def test_eight_drafts_of_several_series_published_at_once(environment: dict[str, str]) -> None:
    numbers: dict[int, list[int]] = {}
    outcome, shared_with_town, shared_with_other = run_script(environment, SCRIPT)[-1]
    assert shared_with_town == 3
    assert shared_with_other
    for series, number in outcome:
        numbers.setdefault(series, []).append(number)
    assert sorted(sorted(found) for found in numbers.values()) == [[1, 2], [1, 2], [1, 2, 3, 4]]
    assert run(environment, "verify_history") == "0"


def test_one_draft_published_by_six_at_once_goes_out_once(environment: dict[str, str]) -> None:
    assert run_script(environment, TWICE)[-1] == [1] + ["wrong_issue_state"] * 5
    assert run(environment, "verify_history") == "0"
