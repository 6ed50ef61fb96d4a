"""An import killed anywhere leaves nothing half done and is completed by sending it again; two at once are one."""

import json
import threading
from pathlib import Path

import pytest
from django.db import connection
from tests.crashing import installation, run, run_killed

from duban.access.models import Person
from duban.demo import inspection
from duban.demo.builders import make_person
from duban.ledger.models import Entry
from duban.patrol.importing import Imported, import_inspections
from duban.patrol.models import Answer, Failure, Recheck, Visit
from duban.venues.models import Venue

POINTS = [
    "duban.patrol.importing:record_good_venues:1:after",
    "duban.patrol.importing:insert:1:after",
    "duban.patrol.importing:insert:2:after",
    "duban.patrol.importing:settle_visits:1:before",
    "duban.patrol.settling:record_findings:1:after",
    "duban.patrol.importing:settle_visits:1:after",
    "duban.patrol.importing:audit.record:1:after",
]


def test_an_import_killed_anywhere_is_all_or_nothing_and_the_replay_completes_it(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(inspection.inspections_file(inspection.CALLS))
    command = ("import_inspections", str(file), "--by", "wang", "--json")
    brief = ("patrol_brief", "--from", "2021-01-11", "--to", "2021-01-19", "--json")
    with installation(tmp_path) as environment:
        run(environment, "add_person", "wang", "--role", "supervisor", "--at", "110112")
        for point in POINTS:
            run_killed(environment, point, *command)
            assert run(environment, "verify_history") == "0", point
            assert json.loads(run(environment, *brief))["visits"] == 0, point
        done = json.loads(run(environment, *command))
        assert (done["visits"], done["refused"]) == (len(inspection.CALLS), 0)
        assert json.loads(run(environment, *brief))["problems"] == 10
        assert run(environment, "verify_history") == "0"


@pytest.mark.django_db(transaction=True)
def test_the_same_file_sent_twice_at_once_is_taken_once() -> None:
    people = [make_person("first", "supervisor"), make_person("second", "supervisor")]
    data = inspection.inspections_file(inspection.CALLS)
    together = threading.Barrier(len(people))
    done: dict[str, Imported] = {}
    broken: list[Exception] = []

    def send(person: Person) -> None:
        together.wait()
        try:
            now = inspection.beijing(25, 8)
            done[person.username] = import_inspections(by=person, now=now, data=data, name="a.csv")
        except Exception as problem:  # whatever it is, the test says so
            broken.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert sorted(one.visits for one in done.values()) == [0, len(inspection.CALLS)]
    assert Visit.objects.count() == len(inspection.CALLS)
    assert Venue.objects.count() == len(inspection.PLACES)
    assert Answer.objects.count() == sum(len(call.answers) for call in inspection.CALLS)
    assert Failure.objects.filter(closed_at=None).count() == 13
    assert (Recheck.objects.count(), Failure.objects.count(), Entry.objects.count()) == (4, 17, 13)
