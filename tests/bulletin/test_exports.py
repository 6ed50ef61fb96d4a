"""The four formats in both languages hold what the issue says, and nothing is handed out that is not whole."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from django.conf import settings
from tests.bulletin.conftest import LATER, publish

from duban.bulletin import actions, queries
from duban.bulletin.models import Issue
from duban.bulletin.queries import BadExport
from duban.core.errors import NotFound
from duban.evidence.files import public_path


def words_of(data: bytes, kind: str) -> str:
    """The text of an export, without the white space that a format adds."""
    if kind == "pdf":
        pdf = pypdfium2.PdfDocument(data)
        text = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    elif kind == "docx":
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = [name for name in archive.namelist() if name.startswith("word/") and name.endswith(".xml")]
        text = re.sub("<[^>]*>", "", "".join(archive.read(name).decode() for name in parts))
    else:
        text = data.decode()
    return "".join(text.split())


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", queries.FORMATS)
def test_every_format_says_what_the_issue_says(kind: str, language: str, issue_in: Callable[[str], Issue]) -> None:
    issue = issue_in("published")
    document = queries.document(issue)
    data = queries.export(issue, kind, language)
    text = words_of(data, kind)
    entries = [entry for section in document["sections"] for entry in section["entries"]]
    assert len(entries) == 2
    for entry in entries:
        assert "".join(entry["statement"].split()) in text
        assert entry["number"] in text
    assert issue.hash in text or kind == "json"
    assert queries.export(issue, kind, language) == data
    if kind != "json":
        assert queries.kept_export(issue, kind, language).read_bytes() == data


def test_the_json_is_the_frozen_bytes(issue_in: Callable[[str], Issue]) -> None:
    issue = issue_in("published")
    assert queries.export(issue, "json") == issue.document.encode()
    assert json.loads(queries.export(issue, "json"))["schema"] == "duban.bulletin/1"


@pytest.mark.parametrize("kind", ["html", "pdf", "docx"])
@pytest.mark.parametrize("wrong", ["missing", "altered"])
def test_a_photo_that_is_not_whole_stops_the_export(wrong: str, kind: str, issue_in: Callable[[str], Issue]) -> None:
    issue = issue_in("published")
    photo = queries.document(issue)["sections"][0]["entries"][0]["photos"]["before"][0]
    path = public_path(photo["sha256"])
    kept = path.read_bytes()
    path.chmod(0o600)
    try:
        if wrong == "missing":
            path.unlink()
        else:
            path.write_bytes(kept[:-40] + bytes(40))
        with pytest.raises(BadExport) as refused:
            queries.export(issue, kind)
        assert refused.value.code == "photo_unusable"
        assert not queries.kept_export(issue, kind, "zh").exists()
        assert not list((settings.DUBAN_DATA / "bulletins").glob(f"{issue.hash}*{kind}*"))
    finally:
        path.write_bytes(kept)
    assert queries.export(issue, kind)


def test_there_is_no_such_format(issue_in: Callable[[str], Issue]) -> None:
    with pytest.raises(BadExport) as refused:
        queries.export(issue_in("published"), "odt")
    assert (refused.value.code, refused.value.field) == ("unknown_format", "format")


def test_a_number_that_several_series_have(issue_in: Callable[[str], Issue], people: dict[str, Any]) -> None:
    issue_in("published")
    draft = actions.draft_issue(by=people["supervisor"], now=LATER, name="另一种通报")
    publish(draft, by=people["supervisor"], second=people["second"])
    with pytest.raises(BadExport) as refused:
        queries.numbered(1)
    assert refused.value.code == "number_ambiguous"
    assert queries.numbered(1, name="另一种通报").series.name == "另一种通报"
    with pytest.raises(NotFound) as absent:
        queries.numbered(9)
    assert absent.value.code == "no_such_number"
