"""What the docs say is what the code does: settings, commands, states, error codes, the README's two commands."""

import re
import runpy
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.utils import translation
from ninja import Schema

from duban.config.api import api
from duban.ledger.lifecycle import State

ROOT = Path(__file__).resolve().parent.parent
RUNNING = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
build = runpy.run_path(str(ROOT / "docs" / "build.py"))


@pytest.mark.parametrize("name", ["errors.md", "lifecycle.md", "openapi.json"])
def test_pages_made_from_the_code_are_up_to_date(name: str) -> None:
    with translation.override("en"):
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == build["pages"]()[name]


def test_each_name_in_the_api_document_is_of_one_shape() -> None:
    document = api.get_openapi_schema(path_prefix="/api/v1/")
    named: dict[str, set[str]] = {}
    waiting = [Schema]
    while waiting:
        shape = waiting.pop()
        waiting += shape.__subclasses__()
        if shape.__module__.startswith("duban."):
            named.setdefault(shape.__name__, set()).add(shape.__module__)
    assert (
        not {name: where for name, where in named.items() if len(where) > 1}.keys() & document["components"]["schemas"]
    )


def test_every_setting_is_documented_and_no_other() -> None:
    settings = (ROOT / "src" / "duban" / "config" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:environ\.get|_flag|_words)\(\s*"(DUBAN_\w+)"', settings))
    assert read == set(re.findall(r"^\| `(DUBAN_\w+)` \|", RUNNING, re.MULTILINE))


def test_every_command_is_documented_and_no_other() -> None:
    ours = {name for name, app in get_commands().items() if app.startswith("duban.")}
    table = set(re.findall(r"^\| `(\w+)", RUNNING, re.MULTILINE)) - {"migrate", "db_worker"}
    settings = {name for name in table if name.startswith("DUBAN_")}
    assert ours == table - settings


def test_every_state_has_its_word_in_the_lifecycle() -> None:
    page = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    assert all(f"`{state}`" in page for state in State.values)


def test_readme_is_short_and_names_the_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 100
    assert "make demo" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_links_between_docs_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), (page.name, target)
