"""Bad documents and bad photos: refused with a code that names the fault, in every format, and never half set."""

import copy
import hashlib
import json
from datetime import date
from io import BytesIO

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from duban.engines.typeset import (
    DocumentInvalid,
    LanguageUnknown,
    PhotoUnusable,
    TypesetError,
    issue_hash,
    render_docx,
    render_html,
    render_pdf,
)
from duban.engines.typeset.issue import clean, line, paragraphs, read_issue
from duban.engines.typeset.photos import PRINT_DPI, Wanted, make_prints
from duban.engines.typeset.words import words_in, written_date

GONE = object()


def changed(document: dict, path: str, value: object) -> dict:
    """A copy of ``document`` with the value at ``path`` put in place, or taken out if GONE."""
    document = copy.deepcopy(document)
    *way, last = path.strip("/").split("/")
    place = document
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    key = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = value
    return document


BAD = [
    ("/schema", GONE, "/schema"),
    ("/schema", "duban.bulletin/3", "/schema"),
    ("/schema", "duban.bulletin/2", "/blocks"),
    ("/series", GONE, "/series"),
    ("/series/name", 5, "/series/name"),
    ("/series/jurisdiction", "通州区", "/series/jurisdiction"),
    ("/series/jurisdiction/name", None, "/series/jurisdiction/name"),
    ("/number", "192", "/number"),
    ("/number", True, "/number"),
    ("/corrects", "191", "/corrects"),
    ("/title", ["x"], "/title"),
    ("/intro", {"x": 1}, "/intro"),
    ("/issuer", GONE, "/issuer"),
    ("/published_at", GONE, "/published_at"),
    ("/published_at", "yesterday", "/published_at"),
    ("/published_at", "2021-01-20T00:10:00", "/published_at"),
    ("/sections", GONE, "/sections"),
    ("/sections", {"rectified": []}, "/sections"),
    ("/sections/0", "rectified", "/sections/0"),
    ("/sections/0/key", "old", "/sections/0/key"),
    ("/sections/1/key", "rectified", "/sections/1/key"),
    ("/sections/0/entries", GONE, "/sections/0/entries"),
    ("/sections/0/entries/0", 7, "/sections/0/entries/0"),
    ("/sections/0/entries/0/category", GONE, "/sections/0/entries/0/category"),
    ("/sections/0/entries/0/category/name", GONE, "/sections/0/entries/0/category/name"),
    ("/sections/0/entries/0/statement", None, "/sections/0/entries/0/statement"),
    ("/sections/0/entries/0/responsible", GONE, "/sections/0/entries/0/responsible"),
    ("/sections/0/entries/0/closed_at", "soon", "/sections/0/entries/0/closed_at"),
    ("/sections/0/entries/0/photos", [], None),
    ("/sections/0/entries/0/photos", ["x"], "/sections/0/entries/0/photos"),
    ("/sections/0/entries/0/photos/before", {"sha256": "x"}, "/sections/0/entries/0/photos/before"),
    ("/sections/0/entries/0/photos/before/0", "abc", "/sections/0/entries/0/photos/before/0"),
    ("/sections/0/entries/0/photos/before/0/width", "120", "/sections/0/entries/0/photos/before/0/width"),
    (
        "/sections/0/entries/0/photos/before/0/public_sha256",
        GONE,
        "/sections/0/entries/0/photos/before/0/public_sha256",
    ),
    ("/counts/new", "<b>8</b>", "/counts/new"),
    ("/counts", [2, 8], "/counts"),
    ("/counts", GONE, None),
    ("/byline", GONE, None),
    ("/previous", "", None),
]


@pytest.mark.parametrize(("path", "value", "fault"), BAD)
def test_a_faulty_document_is_refused_at_the_fault(bench, path, value, fault):
    document = changed(bench.page_192(), path, value)
    renders = (
        lambda: render_html(document, photo_url=bench.url),
        lambda: render_pdf(document, photo_path=bench.path),
        lambda: render_docx(document, photo_path=bench.path),
    )
    for render in renders:
        if fault is None:
            assert render()
        else:
            with pytest.raises(DocumentInvalid) as refused:
                render()
            assert refused.value.path == fault
            assert refused.value.code == "bulletin_document_invalid"


@pytest.mark.parametrize("language", ["fr", "", "z", None, 3])
def test_other_languages_are_refused(bench, language):
    with pytest.raises(LanguageUnknown):
        render_html(bench.page_192(), photo_url=bench.url, language=language)
    with pytest.raises(LanguageUnknown):
        render_pdf(bench.page_192(), photo_path=bench.path, language=language)


def jpeg(size=(640, 480)) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("render", [render_pdf, render_docx])
@pytest.mark.parametrize("fault", ["gone", "altered", "truncated", "pdf", "empty", "folder"])
def test_an_unusable_photo_stops_the_issue_and_is_named(bench, render, fault):
    content = {"truncated": jpeg()[:9000], "pdf": b"%PDF-1.7 renamed", "empty": b""}.get(fault, jpeg())
    photo = bench.store(content)
    if fault == "gone":
        bench.path(photo).unlink()
    if fault == "folder":
        bench.path(photo).unlink()
        bench.path(photo).mkdir()
    if fault == "altered":
        bench.path(photo).write_bytes(jpeg((320, 240)))
    document = bench.document([], [bench.entry(0), bench.entry(1, before=[photo]), bench.entry(2)])
    with pytest.raises(PhotoUnusable) as refused:
        render(document, photo_path=bench.path)
    assert isinstance(refused.value, TypesetError)
    assert refused.value.code == "bulletin_photo_unusable"
    assert refused.value.sha256 == photo["sha256"]
    assert photo["sha256"] in str(refused.value)


def test_a_picture_of_monstrous_size_is_refused_before_it_is_decoded(bench):
    out = BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    document = bench.document([], [bench.entry(0, before=[bench.store(out.getvalue())])])
    with pytest.raises(PhotoUnusable):
        render_pdf(document, photo_path=bench.path)


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA")]
)
def test_pictures_of_every_mode_print(bench, kind, mode):
    photo = bench.photo(kind=kind, mode=mode)
    document = bench.document([], [bench.entry(0, before=[photo])])
    pdf = render_pdf(document, photo_path=bench.path)
    read = pypdfium2.PdfDocument(pdf)
    assert len(read) == 1
    read.close()
    assert render_docx(document, photo_path=bench.path)


def test_a_turned_photo_is_printed_upright_and_scaled_to_its_box(bench):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = bench.photo(1600, 1200, exif=exif)
    issue = read_issue(bench.document([], [bench.entry(0, before=[photo])]), "zh")
    shown = issue.sections[1].entries[0].before[0]
    made = make_prints([Wanted(shown, 60.0, 45.0)], bench.path)[(shown.public_sha256, 60.0, 45.0)]
    assert made.height == round(45 / 25.4 * PRINT_DPI)
    assert made.height > made.width
    with Image.open(BytesIO(made.jpeg)) as picture:
        assert picture.size == (made.width, made.height)
        assert not picture.getexif()


def test_the_hash_is_that_of_canonical_json(bench):
    document = bench.page_192()
    assert issue_hash(document) == issue_hash(json.loads(json.dumps(document)))
    assert issue_hash(dict(reversed(document.items()))) == issue_hash(document)
    assert issue_hash(document | {"title": "清除"}) != issue_hash(document)
    assert issue_hash({"b": "区", "a": 1}) == hashlib.sha256('{"a":1,"b":"区"}'.encode()).hexdigest()


def test_rendering_leaves_the_document_as_it_was(bench):
    document = bench.page_192()
    before = json.dumps(document)
    render_pdf(document, photo_path=bench.path)
    render_docx(document, photo_path=bench.path)
    render_html(document, photo_url=bench.url)
    assert json.dumps(document) == before


@given(st.text())
def test_cleaning_is_done_once_and_leaves_nothing_unprintable(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")
    assert not any(ord(character) < 32 and character != "\n" for character in cleaned)
    assert "\n" not in line(text)
    assert all(part and "\n" not in part for part in paragraphs(text))


@given(st.dates())
def test_dates_are_written_in_both_languages(day: date):
    assert written_date(day, "zh") == f"{day.year}年{day.month}月{day.day}日"
    english = written_date(day, "en").split()
    assert (int(english[0]), int(english[2])) == (day.day, day.year)


def test_both_languages_have_the_same_words():
    chinese, english = words_in("zh"), words_in("en")
    assert set(chinese) == set(english)
    for key in chinese:
        assert sorted(part.split("}")[0] for part in chinese[key].split("{")[1:]) == sorted(
            part.split("}")[0] for part in english[key].split("{")[1:]
        )
