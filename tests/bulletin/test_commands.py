"""The commands that other programs call: the last line of stdout, the exit code, --json, and refusals on stderr."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.management import CommandError, call_command
from tests.bulletin.conftest import LATER

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue
from duban.config.command_line import main


def lines(capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    """The command's output, line by line."""
    capsys.readouterr()
    call_command(*command)
    return capsys.readouterr().out.splitlines()


def refused(*command: str) -> str:
    """The code with which the command refuses; it would exit with 1."""
    with pytest.raises(CommandError) as wrong:
        call_command(*command)
    assert wrong.value.returncode == 1
    return str(wrong.value).partition(":")[0]


def test_from_draft_to_file(
    people: dict[str, Person], entry_in: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry_in("closed")
    entry_in("found")
    out = lines(capsys, "draft_bulletin", "--by", "supervisor", "--first", "192", "--json")
    drafted = json.loads(out[-1])
    assert drafted == {"draft": str(Issue.objects.get().pk), "rectified": 1, "new": 1}
    assert lines(capsys, "draft_bulletin", "--by", "supervisor")[-1] == drafted["draft"]
    publish = ("publish_bulletin", "--by", "supervisor", "--approved-by")
    assert lines(capsys, *publish, "second")[-1] == "192"
    for kind, start in (("html", b"<!DOCTYPE"), ("pdf", b"%PDF"), ("docx", b"PK"), ("json", b"{")):
        file = tmp_path / f"bulletin.{kind}"
        assert lines(capsys, "export_bulletin", "192", "--format", kind, "--out", str(file))[-1] == str(file)
        assert file.read_bytes().startswith(start)
    file = tmp_path / "again.json"
    out = lines(capsys, "export_bulletin", "192", "--format", "json", "--out", str(file), "--json")
    assert json.loads(out[-1]) == {"number": 192, "file": str(file), "bytes": file.stat().st_size}
    entry_in("found")
    lines(capsys, "draft_bulletin", "--by", "supervisor")
    published = json.loads(lines(capsys, *publish, "second", "--json")[-1])
    issue = Issue.objects.get(number=193)
    assert published == {"number": 193, "hash": issue.hash, "issue": str(issue.pk)}


def test_publishing_what_the_second_person_approved_already(
    issue_in: Callable[[str], Issue], capsys: pytest.CaptureFixture[str]
) -> None:
    issue_in("approved")
    assert lines(capsys, "publish_bulletin", "--by", "supervisor", "--approved-by", "second")[-1] == "1"


@pytest.mark.parametrize(
    ("state", "command", "code"),
    [
        ("", "draft_bulletin --by nobody", "unknown_person"),
        ("", "draft_bulletin --by handler", "not_allowed"),
        ("", "draft_bulletin --by supervisor --at 440199", "not_allowed"),
        ("", "draft_bulletin --by supervisor --at abc", "bad_code"),
        ("", "draft_bulletin --by supervisor --first 0", "bad_first_number"),
        ("published", "draft_bulletin --by supervisor --first 9", "series_exists"),
        ("", f"draft_bulletin --by supervisor --title {'题' * 101}", "bad_text"),
        ("", "publish_bulletin --by supervisor --approved-by second", "no_draft"),
        ("draft", "publish_bulletin --by supervisor --approved-by supervisor", "own_bulletin"),
        ("draft", "publish_bulletin --by second --approved-by second", "own_approval"),
        ("draft", "publish_bulletin --by supervisor --approved-by leader", "not_allowed"),
        ("draft", "publish_bulletin --by supervisor --approved-by nobody", "unknown_person"),
        ("draft", "publish_bulletin --by stranger --approved-by second", "no_draft"),
        ("draft", "publish_bulletin --by publisher --approved-by second", "not_allowed"),
        ("", "export_bulletin 1 --format pdf --out x.pdf", "no_such_number"),
        ("published", "export_bulletin 1 --format json --out /dev/null/x.json", "file_unwritable"),
        ("published", "export_bulletin 1 --format json --out x.json --at abc", "bad_code"),
    ],
)
def test_refusals(
    state: str, command: str, code: str, people: dict[str, Person], issue_in: Callable[[str], Issue]
) -> None:
    if state:
        issue_in(state)
    before = list(Issue.objects.values().order_by("pk"))
    assert refused(*command.split()) == code
    assert list(Issue.objects.values().order_by("pk")) == before


def test_a_refused_publication_leaves_no_approval_behind(
    issue_in: Callable[[str], Issue], people: dict[str, Person]
) -> None:
    issue = issue_in("draft")
    assert refused("publish_bulletin", "--by", "publisher", "--approved-by", "second") == "not_allowed"
    issue.refresh_from_db()
    assert (issue.state, issue.approved_by) == ("draft", "")


@pytest.mark.parametrize(
    "command",
    [
        "draft_bulletin",
        "draft_bulletin --by a --first viele",
        "publish_bulletin --by a",
        "publish_bulletin --by a --approved-by b --draft 7",
        "export_bulletin 1 --format odt --out x",
        "export_bulletin eins --format pdf --out x",
        "export_bulletin 1 --format pdf",
    ],
)
def test_usage_errors_exit_with_2(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["duban", *command.split()])
    # It is set up; once more would bind the log to this test's stderr, which later tests find closed.
    monkeypatch.setattr(django, "setup", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err


def test_the_draft_named_is_the_one_published(
    issue_in: Callable[[str], Issue],
    entry_in: Callable[..., Any],
    people: dict[str, Person],
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = issue_in("draft")
    entry_in("listed")
    other = actions.draft_issue(by=people["third"], now=LATER)
    publish = ("publish_bulletin", "--by", "supervisor", "--approved-by", "second")
    assert lines(capsys, *publish, "--draft", str(other.pk))[-1] == "1"
    assert lines(capsys, *publish)[-1] == "2"
    mine.refresh_from_db()
    assert mine.number == 2


def test_the_first_number_given_at_publication_begins_no_other_draft(
    people: dict[str, Person], entry_in: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    entry_in("listed")
    lines(capsys, "draft_bulletin", "--by", "supervisor")
    said = lines(capsys, "publish_bulletin", "--by", "third", "--approved-by", "publisher", "--first", "193")
    assert said[-1] == "193"
    assert list(Issue.objects.values_list("state", "number")) == [("published", 193)]


def test_several_drafts_are_not_guessed_between(
    people: dict[str, Person], entry_in: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    entry_in("listed")
    for name in ("甲", "乙"):
        lines(capsys, "draft_bulletin", "--by", "supervisor", "--name", name)
    command = ["publish_bulletin", "--by", "supervisor", "--approved-by", "publisher"]
    assert "draft_ambiguous" in refused(*command)
    assert lines(capsys, *command, "--name", "乙")[-1] == "1"
