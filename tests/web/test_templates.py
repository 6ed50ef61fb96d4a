"""What holds for every template: no inline script, no handler, no address from elsewhere."""

import re
from pathlib import Path

import pytest

import duban

SOURCES = Path(duban.__file__).parent
TEMPLATES = sorted(SOURCES.rglob("templates/**/*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_no_inline_script_no_handler_no_foreign_address(path: Path) -> None:
    text = re.sub(
        r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    for attributes, body in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL | re.IGNORECASE):
        assert "src=" in attributes or 'type="application/json"' in attributes, body
        assert "src=" not in attributes or not body.strip()
    assert not re.search(r"<[^>{]*\son\w+\s*=", text, re.IGNORECASE), "handlers belong into modules"
    assert "javascript:" not in text.lower()
    assert not re.search(r"hx-on[:-]|hx-vals\s*=\s*['\"]js:", text), "evaluated text is what the policy forbids"
    assert not re.search(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//""", text), "nothing from another server"


def test_every_picture_has_words() -> None:
    for path in TEMPLATES:
        for tag in re.findall(r"<img\b[^>]*>", path.read_text(encoding="utf-8")):
            assert re.search(r"\balt=", tag), (path.name, tag)


def test_scripts_load_nothing_from_elsewhere() -> None:
    for path in sorted(SOURCES.rglob("static/**/*.js")):
        text = path.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert addresses == set(), path.name
        assert not re.search(r"\beval\(|new Function\(", text), path.name
