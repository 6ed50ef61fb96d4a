"""The page in the making over HTTP: written, moved without scripts, red where wrong; and the files of an issue."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.bulletin.conftest import LATER, publish
from tests.bulletin.test_blocks import page as page
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin import actions, layout
from duban.bulletin.models import Issue
from duban.bulletin.open_data import as_csv
from duban.demo.builders import make_jpeg


@pytest.fixture
def client(people: dict[str, Person]) -> Client:
    made = Client(headers={"accept-language": "en"})
    made.force_login(people["supervisor"])
    return made


def address(issue: Issue, rest: str = "") -> str:
    return f"/bulletins/desk/{issue.pk}/{rest}"


def fields(client: Client, issue: Issue) -> dict[str, str]:
    """What the form of the page would send as it stands."""
    text = client.get(address(issue)).content.decode()
    found = dict(re.findall(r'<input type="hidden" name="(blocks|rectified|new|exposed|seen)" value="([^"]*)"', text))
    texts = {
        f"{block.pk}-{name}": getattr(block, name)
        for block in issue.blocks.all()
        for name in ("headline_zh", "text_zh", "headline_en", "text_en", "byline")
    }
    own = {name: getattr(issue, name) for name in ("title", "intro", "issuer", "byline")}
    return found | texts | own


def status(client: Client, url: str) -> int:
    answer: Any = client.get(url)
    if answer.streaming:
        # Read to its end, so that its file is closed.
        assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    return answer.status_code


def order(issue: Issue) -> list[str]:
    return [block.kind for block in issue.blocks.all()]


def test_the_figures_are_links_and_red_where_they_disagree(client: Client, page: Issue) -> None:
    block = page.blocks.get(kind="exposure")
    text = client.get(address(page)).content.decode()
    assert re.search(r'<a class="said" href="/patrol/figures/rows/\?[^"]*figure=town_problems[^"]*"[^>]*>3</a>', text)
    sent = fields(client, page) | {f"{block.pk}-text_zh": "发现问题[[problems=7]]处"}
    assert client.post(address(page, "edit/"), sent).status_code == 302
    text = client.get(address(page)).content.decode()
    assert re.search(r'<a class="said off"[^>]*title="[^"]*3"[^>]*>7</a>', text)
    assert f'href="#block-{block.pk}"' in text
    second = Client()
    second.force_login(Person.objects.get(username="second"))
    refused = second.post(address(page, "approve/"), {"seen": Issue.objects.get(pk=page.pk).version})
    assert refused.status_code == 409
    assert Issue.objects.get(pk=page.pk).state == "draft"


def test_blocks_move_without_scripts(client: Client, page: Issue, people: dict[str, Person]) -> None:
    made = layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article")
    for move, expected in (
        ("up", ["exposure", "article", "hygiene"]),
        ("up", ["article", "exposure", "hygiene"]),
        ("up", ["article", "exposure", "hygiene"]),
        ("down", ["exposure", "article", "hygiene"]),
        ("out", ["exposure", "hygiene"]),
    ):
        page.refresh_from_db()
        sent = fields(client, page) | {"do": f"{move}:blocks:{made.pk}"}
        answer = client.post(address(page, "edit/"), sent)
        assert (answer.status_code, answer["Location"]) == (302, f"{address(page)}#block-{made.pk}")
        assert order(page) == expected


def test_what_is_too_long_stays_in_its_field_with_the_mend(client: Client, page: Issue) -> None:
    block = page.blocks.get(kind="exposure")
    sent = fields(client, page) | {f"{block.pk}-headline_zh": "长" * 201, f"{block.pk}-text_zh": "留着的字"}
    answer = client.post(address(page, "edit/"), sent)
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "留着的字" in text
    assert "at most 200 characters" in text
    assert page.blocks.get(kind="exposure").text_zh == ""


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"kind": "hygiene"}, "bad_block"),
        ({"kind": "advertisement"}, "bad_block"),
        ({"kind": "photo"}, "photo_missing"),
        ({"kind": "story", "day": "2021-01-18"}, "nothing_on_record"),
        ({"kind": "article", "day": "soon"}, "bad_day"),
        ({"kind": "article", "seen": ""}, "bad_version"),
        ({"kind": "article", "seen": "0"}, "issue_changed"),
    ],
)
def test_a_block_that_cannot_be_added(client: Client, page: Issue, sent: dict[str, str], code: str) -> None:
    answer = client.post(address(page, "blocks/"), {"seen": str(page.version)} | sent)
    assert answer.status_code in {400, 409}
    assert f'<span class="code">{code}</span>' in answer.content.decode()
    assert order(page) == ["exposure", "hygiene"]


def test_a_photo_with_its_caption_from_upload_to_the_public_page(
    client: Client, page: Issue, people: dict[str, Person]
) -> None:
    sent: dict[str, Any] = {
        "kind": "photo", "seen": page.version, "photo": SimpleUploadedFile("a.jpg", make_jpeg(77)),
    }  # fmt: skip
    assert client.post(address(page, "blocks/"), sent).status_code == 302
    block = page.blocks.get(kind="photo")
    (sha256,) = block.parameters["photos"]
    assert status(client, address(page, f"photos/{sha256}/")) == 200
    assert status(client, address(page, f"photos/{'0' * 64}/")) == 404
    anybody = Client()
    assert status(anybody, f"/bulletins/photos/{sha256}/public/") == 404
    page.refresh_from_db()
    sent = fields(client, page) | {f"{block.pk}-text_zh": "第一场雪", f"{block.pk}-headline_zh": "雪"}
    assert client.post(address(page, "edit/"), sent).status_code == 302
    out = publish(Issue.objects.get(pk=page.pk), by=people["supervisor"], second=people["second"])
    assert status(anybody, f"/bulletins/photos/{sha256}/public/") == 200
    shown = anybody.get(f"/bulletins/{out.pk}/").content.decode()
    assert "<figcaption>第一场雪</figcaption>" in shown
    found = anybody.get("/bulletins/search/?q=第一场雪").content.decode()
    assert f"/bulletins/{out.pk}/#block-{block.pk}" in found
    assert "检查指导" not in anybody.get("/bulletins/search/?q=第一场雨").content.decode()


def test_files_of_an_issue_with_blocks(page: Issue, people: dict[str, Person]) -> None:
    out = publish(page, by=people["supervisor"], second=people["second"])
    anybody = Client()
    frozen = json.loads(out.document)
    entries = [entry for section in frozen["sections"] for entry in section["entries"]]
    for kind, start in (("newspaper", b"%PDF"), ("pdf", b"%PDF"), ("docx", b"PK"), ("html", b"<!DOC")):
        answer = anybody.get(f"/bulletins/{out.pk}/{kind}-zh/")
        assert answer.status_code == 200
        assert answer.content.startswith(start)
    rows = list(csv.DictReader(io.StringIO(anybody.get(f"/bulletins/{out.pk}/csv-zh/").content.decode("utf-8-sig"))))
    assert [(row["number"], row["statement"]) for row in rows] == [(one["number"], one["statement"]) for one in entries]
    points = json.loads(anybody.get(f"/bulletins/{out.pk}/geojson-zh/").content)
    assert [one["geometry"]["coordinates"] for one in points["features"]] == [
        [one["lon"], one["lat"]] for one in entries
    ]
    document = anybody.get(f"/api/v1/bulletins/{out.pk}/")
    assert document.content == out.document.encode()


def test_cells_are_no_formulas(page: Issue, people: dict[str, Person]) -> None:
    frozen = actions.document_of(page, list(page.items.all()))
    frozen["sections"][0]["entries"][0]["description"] = "=1+1"
    assert b",=1+1" not in as_csv(frozen)


def test_the_json_feed(page: Issue, people: dict[str, Person]) -> None:
    anybody = Client()
    empty = anybody.get("/bulletins/feed.json")
    assert json.loads(empty.content)["items"] == []
    out = publish(page, by=people["supervisor"], second=people["second"])
    answer = anybody.get("/bulletins/feed.json")
    feed = json.loads(answer.content)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    (item,) = feed["items"]
    assert item["id"] == f"urn:uuid:{out.pk}"
    assert "对2个乡镇" in item["content_text"] or "2 towns" in item["content_text"]
    for one in item["attachments"]:
        assert anybody.get(re.sub("^https?://[^/]+", "", one["url"])).status_code == 200
    assert anybody.get("/bulletins/feed.json", headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_the_desk_asks_as_much_however_many_blocks_there_are(
    client: Client, page: Issue, people: dict[str, Person], django_assert_max_num_queries: Any
) -> None:
    for _number in range(10):
        layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article")
    with django_assert_max_num_queries(75):
        client.get(address(page))
