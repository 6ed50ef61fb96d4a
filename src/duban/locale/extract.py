"""Bring the Chinese catalogue up to date with the sources: `python -m duban.locale.extract`.

Strings of Python and of templates are found with Babel and Django's own reading of templates, so that no system gettext
is needed. Translations that are still used stay, new strings come with an empty one, and those without are listed.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

SOURCES = Path(__file__).resolve().parent.parent
CATALOGUE = SOURCES / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS: dict[str, tuple | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
Message = tuple[str, int, str | tuple[str, ...], str | None]


def python_form(template: str, origin: str) -> str:
    """The template as text that reads as Python: its strings as calls, all else blanked, nothing indented."""
    return "\n".join(line.lstrip() for line in templatize(template, origin=origin).splitlines())


def messages(sources: Path = SOURCES) -> Iterator[Message]:
    """(file, line, msgid or (singular, plural), context) of every marked string under `sources`, in a fixed order."""
    for path in sorted([*sources.rglob("*.py"), *sources.rglob("templates/**/*.*")]):
        if path.suffix not in {".py", ".html", ".txt", ".xml"}:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            text = python_form(text, path.name)
        name = path.relative_to(sources).as_posix()
        for line, msgid, _comments, context in extract(
            "python", BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}
        ):
            yield name, line, msgid, context


def template_catalogue() -> Catalog:
    """Every marked string with the files it stands in and no translation."""
    catalogue = Catalog(locale="zh_Hans", project="duban", charset="utf-8")
    for name, _line, msgid, context in messages():
        catalogue.add(msgid, locations=[(name, 0)], context=context)
    return catalogue


def read_catalogue() -> Catalog:
    """The catalogue as it is stored, or an empty one."""
    if not CATALOGUE.exists():
        return Catalog(locale="zh_Hans", project="duban", charset="utf-8")
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def untranslated(catalogue: Catalog) -> list[str]:
    """The msgids (of a plural its singular) whose translation is missing or only guessed."""
    missing = []
    for message in catalogue:
        strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(strings)):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


def main() -> int:
    """Write the catalogue; exits 1 and lists what lacks a translation."""
    catalogue = read_catalogue()
    catalogue.update(template_catalogue(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    catalogue.revision_date = catalogue.creation_date
    catalogue.header_comment = "# Chinese of Duban, in the words of a government office."
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=110, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    missing = untranslated(catalogue)
    for msgid in missing:
        sys.stdout.write(f"{msgid!r}\n")
    sys.stdout.write(f"{len(catalogue)} strings, {len(missing)} without a translation\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
