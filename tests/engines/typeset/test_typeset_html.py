"""The web bulletin, read back with an HTML parser."""

import re
from html.parser import HTMLParser

import pytest

from duban.engines.typeset import issue_hash, render_html, stylesheet

VOID = {"meta", "img", "br", "link"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and that every tag is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize(
    ("language", "lang", "words"),
    [
        ("zh", "zh-Hans", ("第192期", "整治前后对比", "2021年1月20日", "暴露垃圾", "更正第191期", "示意图")),
        ("zh-hans", "zh-Hans", ("第192期",)),
        (
            "en",
            "en",
            ("No. 192", "Rectified: before and after", "20 January 2021", "corrects No. 191"),
        ),
        ("en-GB", "en", ("No. 192",)),
    ],
)
@pytest.mark.parametrize("fragment", [False, True])
def test_every_word_is_on_the_page(bench, statements, language, lang, words, fragment):
    document = bench.page_192(schematic=True, corrects=191)
    page = read(render_html(document, photo_url=bench.url, language=language, fragment=fragment))
    text = "".join(page.text)
    for piece in (*statements, *words, issue_hash(document), "c" * 64, "d" * 64, "通州区城市管理委员会"):
        assert piece in text
    assert page.tags[0] == (("article", {"class": "bulletin", "lang": lang}) if fragment else ("html", {"lang": lang}))


def test_the_page_can_be_read_without_seeing_it(bench):
    page = read(render_html(bench.page_192(), photo_url=bench.url))
    assert len(page.named("h1")) == 1
    assert len(page.named("h2")) == 2
    assert len(page.named("figure")) == len(page.named("figcaption")) == 10
    images = page.named("img")
    assert len(images) == 12
    assert len({image["alt"] for image in images}) == 12
    assert images[0]["alt"].startswith("整治前：暴露垃圾，漷县镇李辛庄村")
    assert all(image["width"] == "120" and image["height"] == "90" for image in images)
    assert page.named("time")[0]["datetime"] == "2021-01-20T00:10:00+08:00"
    assert page.named("meta")[1] == {"name": "viewport", "content": "width=device-width, initial-scale=1"}


def test_chinese_within_the_english_page_is_marked_as_chinese(bench):
    page = read(render_html(bench.page_192(), photo_url=bench.url, language="en", fragment=True))
    marked = [attributes for name, attributes in page.tags if attributes.get("class") == "bulletin-statement"]
    assert len(marked) == 10
    assert {attributes["lang"] for attributes in marked} == {"zh-Hans"}


def test_the_fragment_brings_no_style_or_script_of_its_own(bench):
    document = bench.page_192()
    fragment = render_html(document, photo_url=bench.url, fragment=True)
    assert fragment in render_html(document, photo_url=bench.url)
    page = read(fragment)
    assert not page.named("style")
    assert not page.named("script")
    assert not [attributes for _, attributes in page.tags if "style" in attributes]
    classes = {name for _, attributes in page.tags for name in (attributes.get("class") or "").split()}
    assert classes
    assert all(name.startswith("bulletin") for name in classes)


def test_the_styles_serve_print_dark_and_narrow(bench):
    page = render_html(bench.page_192(), photo_url=bench.url)
    css = page[page.index("<style>") : page.index("</style>")]
    assert stylesheet() in css
    assert "@media print" in css
    assert "prefers-color-scheme: dark" in css
    assert "Songti SC" in css
    assert css.count("{") == css.count("}")
    for token in ("--ink", "--paper", "--rule", "--muted", "--due", "--done"):
        assert css.count(f"{token}:") == 3
    assert not re.search(r"url\(|@import|https?:", css)


@pytest.mark.parametrize(
    "nasty",
    [
        "<b>粗</b>",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "&lt;b&gt; &amp; &#60;",
        "]]> <!-- --> </article></main>",
        "{{ 7 * 7 }} {% now %}",
        "#set page() *x*",
        "😀 𠮷 שלום",
    ],
)
def test_text_is_never_markup(bench, nasty):
    entry = bench.entry(0, statement=nasty, description=nasty, number=nasty, responsible={"code": "1", "name": nasty})
    entry["category"] = {"code": "1", "name": nasty, "name_en": nasty}
    document = bench.document(
        [entry], [], title=nasty, intro=nasty, issuer=nasty, byline=nasty, checkpoint=nasty, previous=nasty
    )
    document["series"] = {"name": nasty, "jurisdiction": {"code": "1", "name": nasty}}
    plain = bench.document([bench.entry(0, description="一", photos=entry["photos"])], [], byline="一", intro="一")

    def url(photo):
        return nasty

    page = read(render_html(document, photo_url=url))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in read(render_html(plain, photo_url=bench.url)).tags]
    assert "".join(page.text).count(nasty) >= 10
    assert page.named("img")[0]["src"] == nasty
    assert set(page.named("img")[0]) == {"src", "alt", "width", "height", "decoding"}


def test_what_is_no_letter_is_gone(bench):
    entry = bench.entry(0, statement="甲\x00\x1b乙\u202e丙\u2066丁\ud800戊\r\n己\x85庚")
    html = render_html(bench.document([], [entry]), photo_url=bench.url)
    assert "甲乙丙丁\ufffd戊 己 庚" in html
    html.encode("utf-8")


def test_an_issue_without_entries_says_so(bench):
    text = "".join(read(render_html(bench.document(), photo_url=bench.url)).text)
    assert "本期无整治销账的点位。" in text
    assert "本期无新增挂账的点位。" in text


def test_missing_sides_are_named(bench):
    document = bench.document([bench.entry(0), bench.entry(1, before=[], after=[bench.photo()])], [])
    text = "".join(read(render_html(document, photo_url=bench.url)).text)
    assert text.count("无整治后照片") == 1
    assert text.count("无整治前照片") == 1
