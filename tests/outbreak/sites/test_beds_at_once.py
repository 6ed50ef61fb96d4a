"""Twenty at once for one bed, for many beds, for one room: one gets it, nobody lies twice; on a real database."""

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.crashing import installation, run_script

pytestmark = pytest.mark.django_db
"""None of them reads this run's own database; with the mark they run on PostgreSQL as well."""
HEAD = """
import json, threading, uuid
from django.db import connection
from tests.outbreak.care.building import beds_of, make_file, make_site, report
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.models import BedStay, DailyReport, Alert
from duban.outbreak.sites import actions

officer = make_person(uuid.uuid4().hex[:8], "health_officer", "110112")
site = make_site(officer, name=uuid.uuid4().hex[:8], rooms=[("201", "210", 2)])
beds = beds_of(site)

def all_at_once(acts):
    together, outcome = threading.Barrier(len(acts)), []
    def run(act):
        try:
            together.wait()
            act()
            outcome.append("done")
        except DubanError as refusal:
            outcome.append(refusal.code)
        finally:
            connection.close()
    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = list(BedStay.objects.filter(until=None, bed__room__site=site).values_list("bed", "file"))
    print(json.dumps([outcome, [str(bed) for bed, _file in held], [str(file) for _bed, file in held]]))

def assign(bed, file):
    return lambda: actions.assign_bed(by=officer, now=NOON, bed_id=bed.pk, file_id=file.pk)
"""
ONE_BED = """
files = [make_file(household=site.pk) for _n in range(20)]
all_at_once([assign(beds[0], file) for file in files])
"""
ONE_PERSON = """
file = make_file()
all_at_once([assign(bed, file) for bed in beds])
"""
STRANGERS = """
files = [make_file() for _n in range(20)]
all_at_once([assign(beds[number % 2], file) for number, file in enumerate(files)])
"""
CROSSING = """
files = [make_file(household=site.pk) for _n in range(10)]
for bed, file in zip(beds, files):
    assign(bed, file)()
def move(number):
    to = beds[(number * 7 + 3) % 20]
    return lambda: actions.transfer(by=officer, now=NOON, bed_id=to.pk, file_id=files[number % 10].pk)
all_at_once([move(number) for number in range(20)])
"""
REPORTED = """
file = make_file()
all_at_once([lambda: report(file, "38.5", "cough") for _n in range(20)])
print(json.dumps([DailyReport.objects.filter(file=file).count(), Alert.objects.filter(file=file).count()]))
"""


@pytest.fixture(scope="module")
def environment(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with installation(tmp_path_factory.mktemp("beds_at_once")) as environment:
        yield environment


@pytest.mark.parametrize(
    ("script", "refusal"), [(ONE_BED, "bed_taken"), (ONE_PERSON, "already_in_a_bed")], ids=["one bed", "one person"]
)
def test_of_twenty_at_once_one_gets_it(environment: dict[str, str], script: str, refusal: str) -> None:
    outcome, beds, files = run_script(environment, HEAD + script)[0]
    assert Counter(outcome) == {"done": 1, refusal: 19}
    assert len(beds) == len(files) == 1


def test_of_twenty_strangers_one_gets_the_room(environment: dict[str, str]) -> None:
    outcome, beds, _files = run_script(environment, HEAD + STRANGERS)[0]
    assert outcome.count("done") == len(beds) == 1
    assert set(outcome) <= {"done", "bed_taken", "room_of_others"}


def test_twenty_moves_that_cross_lose_nobody(environment: dict[str, str]) -> None:
    outcome, beds, files = run_script(environment, HEAD + CROSSING)[0]
    assert set(outcome) <= {"done", "bed_taken"}
    assert len(beds) == len(set(beds)) == len(files) == len(set(files)) == 10


def test_of_twenty_reports_one_counts(environment: dict[str, str]) -> None:
    (outcome, _beds, _files), counted = run_script(environment, HEAD + REPORTED)
    assert outcome == ["done"] * 20
    assert counted == [1, 2]
