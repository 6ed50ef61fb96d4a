"""Every string that a person may see has its Chinese, with the same placeholders and Chinese punctuation."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from duban.locale.extract import messages, read_catalogue, template_catalogue, untranslated

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}|</?\w+")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return read_catalogue()


def pairs(catalogue: Catalog) -> Iterator[tuple[Message, str, str]]:
    """(message, English, Chinese) for each that is translated; of a plural the form for many."""
    missing = untranslated(catalogue)
    for message in catalogue:
        first = message.id if isinstance(message.id, str) else message.id[0]
        if first and first not in missing:
            english = message.id if isinstance(message.id, str) else message.id[-1]
            chinese = message.string if isinstance(message.string, str) else message.string[0]
            yield message, english, chinese


def test_the_catalogue_holds_every_string_of_the_sources_and_no_other(catalogue: Catalog) -> None:
    stored = {(m.id if isinstance(m.id, str) else m.id[0], m.context) for m in catalogue if m.id}
    used = {(m.id if isinstance(m.id, str) else m.id[0], m.context) for m in template_catalogue() if m.id}
    assert used - stored == set(), "run python -m duban.locale.extract and translate"
    assert stored - used == set(), "run python -m duban.locale.extract"


def test_nothing_lacks_its_translation(catalogue: Catalog) -> None:
    assert untranslated(catalogue) == []


def test_placeholders_survive(catalogue: Catalog) -> None:
    for _message, english, chinese in pairs(catalogue):
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(chinese)), english


def test_chinese_sentences_have_chinese_punctuation(catalogue: Catalog) -> None:
    """A half-width comma after a Chinese character is a slip, except in location statements, which are data."""
    slips = [chinese for *_rest, chinese in pairs(catalogue) if re.search(r"[\u4e00-\u9fff][,;:?!]", chinese)]
    assert slips == []


def test_extraction_reads_templates_and_plurals() -> None:
    found = {msgid for _file, _line, msgid, _context in messages()}
    assert ("%(total)s row", "%(total)s rows") in found
    assert "Skip to the content" in found
