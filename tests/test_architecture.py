"""Rules of the tree that no linter knows: which way foreign keys point, what a commit never holds."""

import ast
import re
import tomllib
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "duban"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def floors() -> dict[str, int]:
    """How high each app lies, from the import contract itself."""
    contract = next(c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    return {name: -depth for depth, layer in enumerate(contract["layers"]) for name in re.findall(r"\w+", layer)}


def test_foreign_keys_point_downwards_and_name_nothing_back() -> None:
    height = floors()
    for model in apps.get_models():
        if not model.__module__.startswith("duban."):
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            if field.auto_created or target is None or not target.__module__.startswith("duban."):
                continue
            here, there = model._meta.app_label, target._meta.app_label
            assert height[there] <= height[here], f"{model.__name__}.{field.name} points up"
            if there != here:
                assert field.remote_field.related_name == "+", f"{model.__name__}.{field.name} names something back"


def test_no_app_listens_to_another_ones_signals() -> None:
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "@receiver" not in text, file
        for call in re.findall(r"\b(\w+)\.connect\(.*", text):
            assert call in {"post_migrate", "duckdb", "request_finished", "task_finished"}, file


def test_every_write_in_actions_takes_keywords_alone_with_by_and_now() -> None:
    for file in SOURCE.glob("*/actions.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            decorated = isinstance(node, ast.FunctionDef) and any(
                "atomic" in ast.unparse(decorator) for decorator in node.decorator_list
            )
            if isinstance(node, ast.FunctionDef) and decorated and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.kwonlyargs]
                assert not node.args.args, f"{file.parent.name}.{node.name} takes positional arguments"
                assert "now" in names, f"{file.parent.name}.{node.name} does not take now"


def test_only_the_clock_asks_the_machine_for_the_time() -> None:
    for file in SOURCE.rglob("*.py"):
        if file.name != "clock.py":
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"datetime\.now\(|timezone\.now\(|time\.time\(\)|date\.today\(", text), file


def test_no_page_carries_inline_script() -> None:
    for file in SOURCE.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", text), file
        assert not re.search(r"\son[a-z]+=[\"']", text), file


def test_no_registry_or_machine_path_in_what_is_committed() -> None:
    for name in ("requirements/base.txt", "requirements/test.txt", "requirements/bench.txt", "package-lock.json"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "index-url" not in text
        assert "resolved" not in text
