"""The pages: who may open which, what they refuse and how, what they cost, and that nothing unpublished leaks."""

import json
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.bulletin.conftest import LATER, ROLES, publish

from duban.access.models import Person
from duban.bulletin import actions, queries, tasks, views
from duban.bulletin.models import Issue
from duban.evidence.files import public_path

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script>\"'&amp;"


@pytest.fixture
def browse(people: dict[str, Person]) -> Callable[[str], Client]:
    """A browser in which that person is logged in; `anonymous` is nobody."""

    def enter(who: str, language: str = "en") -> Client:
        client = Client(headers={"Accept-Language": language})
        if who != "anonymous":
            client.force_login(people[who])
        return client

    return enter


def address(name: str, *args: Any) -> str:
    return reverse(f"bulletin:{name}", args=args)


def read(answer: Any) -> bytes:
    """The whole answer; a file is closed when it was read to its end."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# ---- who may open what ----------------------------------------------------------------------------------------------

PUBLIC = ["public_list", "search", "feed", "points", "public_issue", "photo", "download", "stylesheet"]
STAFF = ["desk", "draft", "preview"]
SEEING = {"supervisor", "publisher", "leader"}


def addresses(issue: Issue) -> dict[str, str]:
    photo = queries.document(issue)["sections"][0]["entries"][0]["photos"]["before"][0]["sha256"]
    return {
        "public_list": address("public_list"),
        "search": address("search") + "?q=徐辛庄",
        "feed": address("feed"),
        "points": address("points"),
        "public_issue": address("public_issue", issue.pk),
        "photo": address("photo", photo, "public"),
        "download": address("download", issue.pk, "json", "zh"),
        "stylesheet": address("stylesheet", "any"),
        "desk": address("desk"),
        "draft": address("draft", issue.pk),
    }


def test_every_page_by_every_role(
    issue_in: Callable[[str], Issue],
    entry_in: Callable[..., Any],
    people: dict[str, Person],
    browse: Callable[..., Client],
) -> None:
    issue = issue_in("published")
    entry_in("listed")
    waiting = actions.draft_issue(by=people["supervisor"], now=LATER)
    pages = addresses(issue) | {"preview": address("preview", waiting.pk), "waiting": address("draft", waiting.pk)}
    for who in [*ROLES, "anonymous", "stranger", "town"]:
        client = browse(who)
        for name, url in pages.items():
            expected = 200
            if name not in PUBLIC:
                expected = 302 if who == "anonymous" else 200 if who in SEEING else 403
                if who in {"stranger", "town"}:
                    expected = 200 if name == "desk" else 404
            answer = client.get(url)
            read(answer)
            assert answer.status_code == expected, (who, name)


def test_every_step_by_every_role(
    issue_in: Callable[[str], Issue], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    issue = issue_in("draft")
    for who in [*ROLES, "anonymous", "stranger", "town"]:
        for step in ("edit", "refresh", "approve", "publish", "discard", "correct"):
            if who == "supervisor" or (who, step) == ("publisher", "approve"):
                continue
            sent = {"seen": "1", "title": "假", "issuer": "假", "rectified": "", "new": ""}
            answer = browse(who).post(address("step", issue.pk, step), sent)
            expected = 302 if who == "anonymous" else 404 if who in {"stranger", "town"} else 403
            assert answer.status_code == expected, (who, step)
        if who not in {"supervisor", "stranger", "town"}:
            assert browse(who).post(address("new")).status_code == (302 if who == "anonymous" else 403)
    issue.refresh_from_db()
    assert (issue.state, issue.version) == ("draft", 1)


def test_steps_are_taken_by_post_alone(issue_in: Callable[[str], Issue], browse: Callable[..., Client]) -> None:
    issue = issue_in("draft")
    assert browse("supervisor").get(address("step", issue.pk, "discard")).status_code == 405
    assert browse("supervisor").get(address("new")).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address("new")).status_code == 403


# ---- from the ledger to the reader ----------------------------------------------------------------------------------


def test_the_whole_way(entry_in: Callable[..., Any], people: dict[str, Person], browse: Callable[..., Client]) -> None:
    kept, dropped = entry_in("found"), entry_in("found")
    entry_in("closed")
    drafter, second = browse("supervisor"), browse("second")
    answer = drafter.post(address("new"), {"first": "192"})
    issue = Issue.objects.get()
    assert answer.url == address("draft", issue.pk)
    page = drafter.get(answer.url).content.decode()
    assert "Draft of No. 192" in page
    assert "You wrote at it yourself" in page
    assert "李四" in page
    sent = {"seen": issue.version, "title": "一期", "issuer": "城管委", "intro": "甲\r\n乙", "byline": "记者"}
    ids = {"rectified": issue.items.get(section="rectified").entry_id, "new": f"{kept.pk},{dropped.pk}"}
    move = {"do": f"out:new:{dropped.pk}"}
    answer = drafter.post(address("step", issue.pk, "edit"), sent | ids | move)
    assert answer.url.startswith(address("draft", issue.pk))
    issue.refresh_from_db()
    assert (issue.title, issue.intro, issue.byline) == ("一期", "甲\n乙", "记者")
    assert [item.entry_id for item in issue.items.filter(section="new")] == [kept.pk]
    page = second.get(address("draft", issue.pk)).content.decode()
    assert "Says, as a second person" in page
    assert second.post(address("step", issue.pk, "approve"), {"seen": issue.version}).status_code == 302
    page = drafter.get(address("draft", issue.pk)).content.decode()
    assert "gives it No. 192 of 环境卫生通报, puts 1 finding on the ledger, and cannot be undone" in page
    assert "You approved it" in second.get(address("draft", issue.pk)).content.decode()
    assert drafter.post(address("step", issue.pk, "publish"), {"seen": issue.version + 1}).status_code == 302
    issue.refresh_from_db()
    assert issue.number == 192
    page = Client().get(address("public_issue", issue.pk)).content.decode()
    assert "一期" in page
    assert kept.number in page
    assert dropped.number not in page
    answer = drafter.post(address("step", issue.pk, "correct"), {})
    correction = Issue.objects.get(corrects=issue)
    assert answer.url == address("draft", correction.pk)
    correction = publish(correction, by=people["supervisor"], second=people["second"])
    assert "corrected by No. 193" in browse("anonymous").get(address("public_issue", issue.pk)).content.decode()
    assert "corrects No. 192" in browse("anonymous").get(address("public_issue", correction.pk)).content.decode()


def test_moves_without_scripts(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], browse: Callable[..., Client]
) -> None:
    made = [entry_in("listed").pk for _number in range(3)]
    issue = issue_in("draft")
    order = [item.entry_id for item in issue.items.filter(section="new")]
    client = browse("supervisor")

    def after(move: str) -> list[uuid.UUID]:
        held = [item.entry_id for item in issue.items.filter(section="new")]
        issue.refresh_from_db()
        rectified = issue.items.get(section="rectified").entry_id
        sent = {"title": "题", "issuer": "办", "rectified": rectified, "new": ",".join(map(str, held))}
        answer = client.post(address("step", issue.pk, "edit"), sent | {"do": move, "seen": issue.version})
        assert answer.status_code == 302
        return [item.entry_id for item in issue.items.filter(section="new")]

    one, two, three, *rest = order
    assert set(made) <= set(order)
    assert after(f"down:new:{one}") == [two, one, three, *rest]
    assert after(f"up:new:{one}") == [one, two, three, *rest]
    assert after(f"up:new:{one}") == [one, two, three, *rest]
    assert after(f"out:new:{two}") == [one, three, *rest]
    assert after(f"in:new:{two}") == [one, three, *rest, two]
    assert after(f"down:new:{two}") == [one, three, *rest, two]


def test_bringing_up_to_date(
    issue_in: Callable[[str], Issue], entry_in: Callable[..., Any], browse: Callable[..., Client]
) -> None:
    issue, late = issue_in("draft"), entry_in("listed")
    browse("third").post(address("step", issue.pk, "refresh"), {"seen": "1"})
    assert late.pk in [item.entry_id for item in issue.items.all()]


# ---- what is refused, and how ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"title": ""}, 400, "bad_text"),
        ({"title": "题" * 101}, 400, "bad_text"),
        ({"issuer": " "}, 400, "bad_text"),
        ({"intro": "文" * 4001}, 400, "bad_text"),
        ({"byline": "a\x00"}, 400, ""),
        ({"new": "abc"}, 400, ""),
        ({"new": "1,2,3"}, 400, ""),
        ({"new": str(uuid.UUID(int=7))}, 400, "bad_item"),
        ({"rectified": "x" * 10_000}, 400, ""),
        ({"seen": ""}, 400, ""),
        ({"seen": "eins"}, 400, ""),
        ({"seen": "-1"}, 400, ""),
        ({"seen": "9" * 40}, 400, ""),
        ({"seen": "77"}, 409, "issue_changed"),
        ({"do": "up"}, 400, ""),
        ({"do": "up:old:" + str(uuid.UUID(int=7))}, 400, ""),
        ({"do": "fly:new:" + str(uuid.UUID(int=7))}, 400, ""),
        ({"do": "up:seen:abc"}, 400, ""),
        ({"do": "in:new:" + str(uuid.UUID(int=7))}, 400, "bad_item"),
    ],
)
def test_bad_input_on_the_page_keeps_what_was_typed(
    changes: dict[str, str], status: int, code: str, issue_in: Callable[[str], Issue], browse: Callable[..., Client]
) -> None:
    issue = issue_in("draft")
    before = Issue.objects.filter(pk=issue.pk).values().get()
    items = {key: ",".join(map(str, issue.items.filter(section=key).values_list("entry_id", flat=True)))
             for key in ("rectified", "new")}  # fmt: skip
    typed = {"title": "打好的标题", "issuer": "打好的单位", "intro": "打好的导语", "byline": "", "seen": "1"}
    answer = browse("supervisor").post(address("step", issue.pk, "edit"), typed | items | changes)
    assert answer.status_code == status
    page = answer.content.decode()
    for name in ("title", "issuer", "intro"):
        if name not in changes:
            assert typed[name] in page
    assert "Not saved yet" in page
    if code == "issue_changed":
        assert code in page
    assert 'class="mend"' in page or 'class="notice error"' in page
    assert Issue.objects.filter(pk=issue.pk).values().get() == before


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"first": "0"}, "first"),
        ({"first": "minus"}, "first"),
        ({"first": "1.5"}, "first"),
        ({"first": "9" * 30}, "first"),
        ({"name": "名" * 61}, "name"),
        ({"at": "440199"}, ""),
        ({"at": "nowhere"}, "at"),
        ({"at": "1" * 30}, "at"),
    ],
)
def test_bad_input_for_a_new_draft(sent: dict[str, str], field: str, browse: Callable[..., Client]) -> None:
    answer = browse("supervisor").post(address("new"), sent)
    assert answer.status_code in {400, 403}
    page = answer.content.decode()
    assert f'id="id_{field}_mend"' in page if field else 'class="notice error"' in page
    assert not Issue.objects.exists()


@pytest.mark.parametrize(
    ("step", "sent", "status", "code"),
    [
        ("approve", {"seen": "1"}, 403, "own_bulletin"),
        ("publish", {"seen": "1"}, 409, "wrong_issue_state"),
        ("discard", {"seen": "9"}, 409, "issue_changed"),
        ("refresh", {"seen": "9"}, 409, "issue_changed"),
        ("approve", {"seen": "x"}, 400, "bad_version"),
        ("correct", {}, 409, "wrong_issue_state"),
        ("fly", {}, 404, ""),
    ],
)
def test_refused_steps_say_why_on_the_page(
    step: str,
    sent: dict[str, str],
    status: int,
    code: str,
    issue_in: Callable[[str], Issue],
    browse: Callable[..., Client],
) -> None:
    issue = issue_in("draft")
    answer = browse("supervisor").post(address("step", issue.pk, step), sent)
    assert answer.status_code == status
    assert code in answer.content.decode()


def test_what_was_typed_is_shown_beside_what_the_other_wrote(
    issue_in: Callable[[str], Issue], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    issue = issue_in("draft")
    actions.edit_issue(by=people["third"], now=LATER, issue_id=issue.pk, intro="别人的导语")
    sent = {"title": "我的标题", "issuer": "办", "intro": "我的导语", "seen": "1", "rectified": "", "new": ""}
    page = browse("supervisor").post(address("step", issue.pk, "edit"), sent).content.decode()
    assert "我的导语" in page
    assert "别人的导语" in page
    actions.approve_issue(by=people["second"], now=LATER, issue_id=issue.pk)
    actions.publish_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk)
    answer = browse("supervisor").post(address("step", issue.pk, "edit"), sent)
    assert answer.status_code == 409
    assert "我的导语" in answer.content.decode()


def test_figures_in_the_text_are_held_against_the_rows(
    issue_in: Callable[[str], Issue], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    issue = issue_in("draft")
    url = address("draft", issue.pk)
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, intro="整改1处,新增8处")
    page = browse("supervisor").get(url).content.decode()
    assert "新增8" in page.split('class="blocks"')[1].split("</section>")[0]
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk, intro="整改1处,新增1处")
    assert 'class="blocks"' not in browse("supervisor").get(url).content.decode()


@pytest.mark.parametrize("name", ["public_issue", "draft", "preview"])
def test_there_is_no_such_issue(name: str, browse: Callable[..., Client]) -> None:
    assert browse("supervisor").get(address(name, uuid.uuid4())).status_code == 404


# ---- nothing unpublished, nothing hostile ---------------------------------------------------------------------------


def test_nothing_unpublished_leaks(
    issue_in: Callable[[str], Issue],
    entry_in: Callable[..., Any],
    people: dict[str, Person],
    browse: Callable[..., Client],
) -> None:
    issue = issue_in("published")
    secret = entry_in("listed", statement="秘密地点甲", description="秘密描述乙")
    draft = actions.draft_issue(by=people["supervisor"], now=LATER, title="秘密标题丙")
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=draft.pk, intro="秘密导语丁")
    discarded = actions.draft_issue(by=people["third"], now=LATER, title="秘密标题戊")
    actions.discard_issue(by=people["third"], now=LATER, issue_id=discarded.pk)
    photo = actions.document_of(draft, list(draft.items.all()))["sections"][1]["entries"][0]["photos"]["before"][0]
    client = browse("anonymous")
    for hidden in (draft, discarded):
        assert client.get(address("public_issue", hidden.pk)).status_code == 404
        for kind in queries.FORMATS:
            assert client.get(address("download", hidden.pk, kind, "zh")).status_code == 404
    for variant in ("public", "thumbnail", "original"):
        assert client.get(address("photo", photo["sha256"], variant)).status_code == 404
    mine = queries.document(issue)["sections"][0]["entries"][0]["photos"]["after"][0]["sha256"]
    assert client.get(address("photo", mine, "original")).status_code == 404
    assert client.get("/bulletins/photos/..%2F..%2Fkeys%2Fweb/public/").status_code == 404
    pages = [url for name, url in addresses(issue).items() if name in PUBLIC and name != "photo"]
    pages += [f"{address('search')}?q={word}" for word in ("秘密", "地点甲", "supervisor")]
    pages += [reverse("web:home"), "/api/v1/bulletins/"]
    for url in pages:
        answer = client.get(url)
        assert answer.status_code == 200, url
        for word in ("秘密地点", "秘密描述", "秘密标题", "秘密导语", photo["sha256"], str(draft.pk), secret.number):
            assert word not in answer.content.decode(), (url, word)
    for word in ("秘密", draft.pk, secret.number, photo["sha256"]):
        assert 'class="hit"' not in client.get(address("search"), {"q": str(word)}).content.decode()


def test_hostile_texts_are_only_texts(
    entry_in: Callable[..., Any], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    entry_in("listed", statement=HOSTILE, description=HOSTILE)
    draft = actions.draft_issue(by=people["supervisor"], now=LATER, title=HOSTILE, name=HOSTILE)
    actions.edit_issue(
        by=people["supervisor"], now=LATER, issue_id=draft.pk, intro=HOSTILE, issuer=HOSTILE, byline=HOSTILE
    )
    staff = browse("supervisor")
    pages = [staff.get(address(name, draft.pk)) for name in ("draft", "preview")] + [staff.get(address("desk"))]
    issue = publish(draft, by=people["supervisor"], second=people["second"])
    client = browse("anonymous")
    pages += [client.get(url) for url in (address("public_list"), address("public_issue", issue.pk), "/")]
    pages += [client.get(address("search"), {"q": word}) for word in (HOSTILE, "<script>", "alert", '"', "&")]
    pages += [staff.get(address("draft", issue.pk)), client.get(address("feed"))]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
    assert "&lt;" in pages[0].content.decode()
    assert json.loads(client.get(address("points")).content)["features"][0]["properties"]["text"] == HOSTILE


# ---- search ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("徐辛庄", 1),
        ("辛庄村距", 1),
        ("徐辛庄 暴露垃圾", 1),
        ("EXPOSED", 1),
        ("第一期", 1),
        ("徐辛庄 月球", 0),
        ("schema", 0),
        ("public_sha256", 0),
        ("checkpoint", 0),
        ("%", 0),
        ("_", 0),
        ("\\", 0),
        ("(", 0),
        ("[a-", 0),
        ("a\x00b", 0),
        ("", 0),
        ("   ", 0),
        ("词" * 300, 0),
    ],
)
def test_search(
    text: str, hits: int, entry_in: Callable[..., Any], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    entry_in("listed")
    draft = actions.draft_issue(by=people["supervisor"], now=LATER, title="第一期")
    publish(draft, by=people["supervisor"], second=people["second"])
    answer = browse("anonymous").get(address("search"), {"q": text})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert page.count('class="hit"') == hits
    assert ("<mark>" in page) == bool(hits)


# ---- feed, points, caching, files -----------------------------------------------------------------------------------


def test_the_feed_is_atom(
    issue_in: Callable[[str], Issue], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    empty = ET.fromstring(browse("anonymous").get(address("feed")).content)
    assert empty.tag == f"{ATOM}feed"
    assert empty.find(f"{ATOM}updated") is not None
    issue = issue_in("published")
    correction = actions.correct_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk)
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=correction.pk, title="坏\x0b字\ufffe")
    correction = publish(correction, by=people["supervisor"], second=people["second"])
    answer = browse("anonymous").get(address("feed"))
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.content)
    assert feed.findtext(f"{ATOM}id", "").startswith("tag:")
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [f"urn:uuid:{correction.pk}", f"urn:uuid:{issue.pk}"]
    for entry in entries:
        for needed in ("title", "updated", "summary", "author"):
            assert entry.find(ATOM + needed) is not None, needed
        assert {link.get("rel") for link in entry.findall(f"{ATOM}link")} >= {"alternate", "enclosure"}
    assert "Corrects No. 1." in entries[0].findtext(f"{ATOM}summary", "")
    tag = answer["ETag"]
    assert Client(headers={"Accept-Language": "en", "If-None-Match": tag}).get(address("feed")).status_code == 304


def test_the_points_are_those_of_the_latest_issue(
    issue_in: Callable[[str], Issue], browse: Callable[..., Client]
) -> None:
    assert json.loads(browse("anonymous").get(address("points")).content)["features"] == []
    issue = issue_in("published")
    collection = json.loads(browse("anonymous").get(address("points")).content)
    assert collection["type"] == "FeatureCollection"
    assert sorted(feature["properties"]["state"] for feature in collection["features"]) == ["closed", "listed"]
    for feature in collection["features"]:
        lon, lat = feature["geometry"]["coordinates"]
        assert 116 < lon < 118
        assert 39 < lat < 41
        url, _hash, anchor = feature["properties"]["url"].partition("#")
        assert url == address("public_issue", issue.pk)
        assert f'id="{anchor}"' in browse("anonymous").get(url).content.decode()


def test_a_reader_who_has_the_page_is_told_so(
    issue_in: Callable[[str], Issue], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    issue = issue_in("published")
    url = address("public_issue", issue.pk)
    first = browse("anonymous").get(url)
    tag = {"If-None-Match": first["ETag"]}
    assert "Last-Modified" in first
    assert Client(headers={"Accept-Language": "en"} | tag).get(url).status_code == 304
    assert Client(headers={"Accept-Language": "zh-hans"} | tag).get(url).status_code == 200
    correction = actions.correct_issue(by=people["supervisor"], now=LATER, issue_id=issue.pk)
    publish(correction, by=people["supervisor"], second=people["second"])
    assert Client(headers={"Accept-Language": "en"} | tag).get(url).status_code == 200
    photo = browse("anonymous").get(addresses(issue)["photo"])
    read(photo)
    assert photo["Cache-Control"].startswith("public")
    style = first.content.decode().split('href="/bulletins/page-')[1].split('"')[0]
    assert "immutable" in browse("anonymous").get(f"/bulletins/page-{style}")["Cache-Control"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", queries.FORMATS)
def test_files(kind: str, language: str, issue_in: Callable[[str], Issue], browse: Callable[..., Client]) -> None:
    issue = issue_in("published")
    answer = browse("anonymous").get(address("download", issue.pk, kind, language))
    assert answer.status_code == 200
    assert answer["Content-Type"] == queries.FORMATS[kind]
    assert answer["Content-Disposition"] == f'attachment; filename="bulletin-1-{language}.{kind}"'
    assert answer.content == queries.export(issue, kind, language)


@pytest.mark.parametrize(("kind", "language"), [("odt", "zh"), ("pdf", "fr"), ("pdf", "zh-x")])
def test_no_such_file(
    kind: str, language: str, issue_in: Callable[[str], Issue], browse: Callable[..., Client]
) -> None:
    url = address("download", issue_in("published").pk, kind, language)
    assert browse("anonymous").get(url).status_code == 404


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_link_of_the_pages_leads_somewhere(
    language: str,
    issue_in: Callable[[str], Issue],
    entry_in: Callable[..., Any],
    people: dict[str, Person],
    browse: Any,
) -> None:
    issue = issue_in("published")
    entry_in("listed")
    waiting = actions.draft_issue(by=people["supervisor"], now=LATER)
    client = browse("supervisor", language)
    pages = [address(name) for name in ("public_list", "desk")] + [address("search") + "?q=徐辛庄"]
    pages += [address("public_issue", issue.pk), address("draft", issue.pk), address("draft", waiting.pk)]
    links = {
        link.partition("#")[0].replace("&amp;", "&")
        for page in pages
        for link in re.findall(r'(?:href|src|hx-get)="(/(?!static)[^"]*)"', client.get(page).content.decode())
    }
    assert len(links) > 20
    for link in links:
        answer = client.get(link)
        read(answer)
        assert answer.status_code == 200, link


def test_a_large_issue_is_set_in_the_background(
    issue_in: Callable[[str], Issue], browse: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 1)
    issue = issue_in("published")
    url = address("download", issue.pk, "html", "zh")
    client = browse("anonymous")
    answer = client.get(url)
    assert answer.status_code == 202
    assert f'hx-get="{url}" hx-trigger="every 2s"' in answer.content.decode()
    assert client.get(url, headers={"HX-Request": "true"}).status_code == 202
    waiting = tasks.DBTaskResult.objects.all()
    assert waiting.count() == 1
    assert waiting[0].task.call(*waiting[0].args_kwargs["args"]) == ""
    assert client.get(url, headers={"HX-Request": "true"})["HX-Redirect"] == url
    assert client.get(url).content == queries.export(issue, "html", "zh")


def test_a_photo_that_is_gone_is_said_on_the_page_that_waits(
    issue_in: Callable[[str], Issue], browse: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 1)
    issue = issue_in("published")
    photo = queries.document(issue)["sections"][0]["entries"][0]["photos"]["before"][0]
    path = public_path(photo["sha256"])
    kept = path.read_bytes()
    path.unlink()
    url = address("download", issue.pk, "pdf", "zh")
    client = browse("anonymous")
    try:
        client.get(url)
        task = tasks.DBTaskResult.objects.get()
        result = task.task.call(*task.args_kwargs["args"])
        tasks.DBTaskResult.objects.update(status="SUCCESSFUL", return_value=result)
        answer = client.get(url)
        assert answer.status_code == 409
        assert "photo_unusable" in answer.content.decode()
        monkeypatch.setattr(tasks, "AT_ONCE", 100)
        assert "photo_unusable" in client.get(url).content.decode()
    finally:
        path.write_bytes(kept)


# ---- what a page costs ----------------------------------------------------------------------------------------------


def test_pages_cost_the_same_however_much_there_is(
    entry_in: Callable[..., Any], people: dict[str, Person], browse: Callable[..., Client]
) -> None:
    def cost(client: Client, url: str) -> int:
        client.get(url)
        with CaptureQueriesContext(
            connection,
        ) as queried:
            assert client.get(url).status_code == 200
        return len(queried)

    entry_in("closed")
    draft = actions.draft_issue(by=people["supervisor"], now=LATER)
    issue = publish(draft, by=people["supervisor"], second=people["second"])
    entry_in("listed")
    waiting = actions.draft_issue(by=people["supervisor"], now=LATER)
    staff, anybody = browse("supervisor"), browse("anonymous")
    watched = [
        (staff, address("desk"), 14),
        (staff, address("draft", waiting.pk), 34),
        (staff, address("preview", waiting.pk), 16),
        (anybody, address("public_list"), 2),
        (anybody, address("public_issue", issue.pk), 2),
        (anybody, address("search") + "?q=徐辛庄", 2),
        (anybody, address("feed"), 1),
    ]
    before = [cost(client, url) for client, url, _most in watched]
    for _number in range(4):
        entry_in("listed")
    actions.draft_issue(by=people["supervisor"], now=LATER)
    for name in ("二", "三", "四"):
        draft = actions.draft_issue(by=people["supervisor"], now=LATER, name=name)
        publish(draft, by=people["supervisor"], second=people["second"])
        actions.draft_issue(by=people["third"], now=LATER, name=name + "续")
    after = [cost(client, url) for client, url, _most in watched]
    assert after == before
    for (_client, url, most), queried in zip(watched, after, strict=True):
        assert queried <= most, (url, queried)


def test_a_desk_full_of_drafts_shows_the_newest_and_counts_the_rest(
    issue_in: Callable[[str], Issue], browse: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "DRAFTS_SHOWN", 2)
    first = issue_in("draft")
    for _more in range(3):
        Issue.objects.create(
            series=first.series, title="又一份", issuer="办", drafted_by="third", created_at=LATER + timedelta(hours=1)
        )
    page = browse("supervisor").get(address("desk")).content.decode()
    assert page.count("data-row") == 2
    assert "2 older drafts wait too" in page
