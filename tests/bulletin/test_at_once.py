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
EDITORS = """
import json, threading
from datetime import date
from django.db import connection
from duban.bulletin import actions, blocks, layout, pictures
from duban.bulletin.models import Issue, Picture
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import make_jpeg, make_person

people = [make_person(f"editor{number}", "supervisor", "110112") for number in range(6)]
issue = actions.draft_issue(by=people[0], now=clock.now(), name="众人")
article = layout.add_block(by=people[0], now=clock.now(), issue_id=issue.pk, kind="article")
seen = Issue.objects.get(pk=issue.pk).version
order = [block.pk for block in issue.blocks.all()]

def at_once(act):
    together, outcome = threading.Barrier(6), []

    def take(by):
        try:
            together.wait()
            outcome.append(act(by))
        except DubanError as refusal:
            outcome.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[by]) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome

def write(by):
    words = [blocks.Words(pk, text_zh=by.username if pk == article.pk else "") for pk in order]
    actions.edit_issue(by=by, now=clock.now(), issue_id=issue.pk, blocks=words, seen=seen)
    return by.username

def add(by):
    layout.add_block(by=by, now=clock.now(), issue_id=issue.pk, kind="article")
    return "added"

def file(by):
    facts = {"at": "110112", "day": date(2021, 1, 20), "photo": make_jpeg(1), "caption_zh": by.username}
    return str(pictures.file_picture(by=by, now=clock.now(), **facts).pk)

written, added, filed = at_once(write), at_once(add), at_once(file)
article.refresh_from_db()
positions = list(issue.blocks.values_list("position", flat=True))
print(json.dumps([written, article.text_zh, added, positions, len(set(filed)), Picture.objects.count()]))
"""


@pytest.fixture(scope="module")
def environment(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
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


def test_six_editors_at_one_page(environment: dict[str, str]) -> None:
    written, text, added, positions, filed, pictures = run_script(environment, EDITORS)[-1]
    assert sorted(written) == sorted([text] + ["issue_changed"] * 5)
    assert added == ["added"] * 6
    assert positions == list(range(9))
    assert (filed, pictures) == (1, 1)
    assert run(environment, "verify_history") == "0"
