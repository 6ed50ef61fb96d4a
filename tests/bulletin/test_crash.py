"""The process killed in the middle of a publication: everything is there or nothing, and the replay gets the number."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crashing import installation, refused, run, run_killed, run_script

# Each of these lies before the commit: nothing may be left of the publication.
BEFORE_COMMIT = [
    "duban.bulletin.actions:Issue.save:1:after",
    "duban.bulletin.actions:Issue.save:2:before",
    "duban.bulletin.actions:Issue.save:2:after",
    "duban.bulletin.actions:history.seal_heads:1:after",
    "duban.bulletin.actions:ledger_actions.list_entry:1:after",
    "duban.bulletin.actions:seal:1:before",
    "duban.bulletin.actions:search.write:1:after",
    "duban.bulletin.actions:Series.save:1:after",
    "duban.bulletin.actions:audit.record:2:after",
]


SETUP = """
from duban.bulletin import actions
from duban.core import clock
from duban.demo.builders import make_finding, make_person, make_photo
from duban.ledger import actions as ledger
from duban.ledger.recording import record_finding

wang, li = (make_person(name, "supervisor", "110112") for name in ("wang", "li"))
for seed in (1, 2):
    finding = make_finding(seed, statement=f"某路{seed}号", photos=(make_photo(seed, by=wang),))
    record_finding(by=wang, now=clock.now(), finding=finding)
actions.draft_issue(by=wang, now=clock.now(), first=193)
"""


@pytest.fixture(scope="module")
def environment(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An installation with a draft of two findings, for a series that goes on with No. 193."""
    with installation(tmp_path_factory.mktemp("crash")) as environment:
        run_script(environment, SETUP)
        yield environment


def test_a_publication_killed_anywhere_is_all_or_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    command = ("publish_bulletin", "--by", "wang", "--approved-by", "li")
    export = ("--format", "json", "--out", str(tmp_path / "bulletin.json"))
    for point in BEFORE_COMMIT:
        run_killed(environment, point, *command)
    assert run(environment, "verify_history") == "0"
    assert "no_such_number" in refused(environment, "export_bulletin", "193", *export)
    assert run(environment, *command) == "193"
    run(environment, "export_bulletin", "193", *export)
    document = json.loads((tmp_path / "bulletin.json").read_text("utf-8"))
    assert (document["counts"], document["previous"]) == ({"rectified": 0, "new": 2}, "")
    assert run(environment, "verify_history") == "0"

    # Killed after the commit, in the middle of writing a file: the number is given out, and the file is made again.
    run(environment, "draft_bulletin", "--by", "wang")
    assert run(environment, *command) == "194"
    pdf = tmp_path / "bulletin.pdf"
    wanted = ("export_bulletin", "193", "--format", "pdf", "--out", str(pdf))
    run_killed(environment, "duban.core.files:os.replace:1:before", *wanted)
    assert not pdf.exists()
    run(environment, *wanted)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert run(environment, "verify_history") == "0"
