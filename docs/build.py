"""Write errors.md, lifecycle.md and openapi.json from the code: `python docs/build.py`. A test keeps them true."""

import ast
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "duban"


def refusals() -> Iterator[tuple[str, str, str]]:
    """(code, English message, app) of every refusal in the source: a call with a code and a translated sentence."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) >= 2:
                code, message = node.args[0], node.args[1]
                is_code = isinstance(code, ast.Constant) and re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", str(code.value))
                sentences = [
                    call.args[0].value
                    for call in ast.walk(message)
                    if isinstance(call, ast.Call)
                    and getattr(call.func, "id", "") in {"_", "gettext", "gettext_lazy"}
                    and call.args
                    and isinstance(call.args[0], ast.Constant)
                ]
                if is_code and sentences:
                    yield code.value, " / ".join(dict.fromkeys(sentences)), file.relative_to(SOURCE).parts[0]


def errors_page() -> str:
    """docs/errors.md: a row per code."""
    rows: dict[str, tuple[set[str], list[str]]] = {}
    for code, message, app in refusals():
        apps, messages = rows.setdefault(code, (set(), []))
        apps.add(app)
        if message not in messages:
            messages.append(message)
    lines = [
        "# Error codes",
        "",
        "Made from the code by `python docs/build.py`. A code never changes its meaning; programs may rely on it.",
        "",
        "| code | from | says |",
        "|---|---|---|",
    ]
    for code, (apps, messages) in sorted(rows.items()):
        text = " / ".join(messages).replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{code}` | {', '.join(sorted(apps))} | {text} |")
    return "\n".join(lines) + "\n"


def lifecycle_page() -> str:
    """docs/lifecycle.md: the transition table as it stands in ledger/lifecycle.py."""
    from duban.access.rights import PERMISSIONS
    from duban.ledger.lifecycle import TRANSITIONS, State

    lines = [
        "# The life of an entry",
        "",
        "Made from `ledger/lifecycle.py` by `python docs/build.py`; pages and API list the same table.",
        "",
        "States: " + ", ".join(f"`{state}`" for state in State.values) + ".",
        "",
        "| step | from | to | who may | needs | why |",
        "|---|---|---|---|---|---|",
    ]
    for step in TRANSITIONS.values():
        roles = ", ".join(sorted(str(role.value) for role in PERMISSIONS[step.permission]))
        sources = ", ".join(str(state.value) for state in step.sources)
        needs = ", ".join(str(need.value) for need in step.needs) or "–"
        target = step.target.value if step.target else "(stays)"
        lines.append(f"| `{step.action}` | {sources} | {target} | {roles} | {needs} | {step.why} |")
    return "\n".join(lines) + "\n"


def openapi_document() -> str:
    """docs/openapi.json: what /api/v1/openapi.json answers, so that a review sees what changes."""
    from django.core.serializers.json import DjangoJSONEncoder

    from duban.config.api import api

    document = api.get_openapi_schema(path_prefix="/api/v1/")
    return json.dumps(document, indent=1, ensure_ascii=False, cls=DjangoJSONEncoder) + "\n"


def pages() -> dict[str, str]:
    return {"errors.md": errors_page(), "lifecycle.md": lifecycle_page(), "openapi.json": openapi_document()}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "duban.config.settings")
    os.environ.setdefault("DUBAN_DATA", tempfile.mkdtemp())
    import django
    from django.utils import translation

    django.setup()
    with translation.override("en"):
        for name, text in pages().items():
            (ROOT / "docs" / name).write_text(text, encoding="utf-8")
            sys.stdout.write(f"docs/{name}\n")
