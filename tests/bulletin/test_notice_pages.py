"""Reading a report in the browser: what is shown, what is accepted and how often, what is refused and to whom."""

import io
import re
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import docx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from PIL import Image

from duban.access.models import Person
from duban.bulletin import notice_tasks, notices
from duban.bulletin.notice_files import MAX_MARKUP, BadNotice, is_short, text_of
from duban.core import clock
from duban.core.audit import Console
from duban.decisions import actions as decisions
from duban.decisions.models import Decision
from duban.demo.builders import NOON, make_person
from duban.engines.notice import UNSURE
from duban.ledger import jobs, queries
from duban.ledger.filters import Filters
from duban.ledger.queries import entries_for
from duban.places.actions import load_jurisdictions

CODES = """code,name
110112,通州区
110112104,宋庄镇
110112104212,疃里村委会
110112106,漷县镇
110112106251,李辛庄村委会
110112119,潞城镇
110112119252,谢楼村委会
110113,顺义区
110113101,南法信镇
"""
REPORT = """# 区环境整治工作领导小组召开第3次会议

本报讯 昨日,区环境整治工作领导小组召开第3次会议。会议要求,宋庄镇要立即开展疃里村垃圾清理。

# 环境检查

检查共发现问题2处:宋庄镇疃里村好又来超市门前堆放杂物;南法信镇顺平路小吃店占道经营。

潞县镇谢楼村距谢楼路约291米,距北运河约2756米
"""


@pytest.fixture
def people(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Person]:
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    load_jurisdictions(by=Console(), now=NOON, data=CODES.encode(), name="codes.csv")
    roles = "inspector handler supervisor publisher community_worker leader".split()
    made = {role: make_person(role, role, "110112") for role in roles}
    made["town"] = make_person("town", "supervisor", "110112106")
    return made


@pytest.fixture
def browse(people: dict[str, Person]) -> Callable[[str], Client]:
    def enter(who: str) -> Client:
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(people[who])
        return client

    return enter


START = "/bulletins/notices/"


def paste(client: Client, text: str) -> str:
    answer = client.post(START, {"text": text})
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def draft_address(client: Client, address: str, kind: str) -> str:
    """The page that accepts the first draft of a kind."""
    job = jobs.read_job(address.rstrip("/").rpartition("/")[2])
    number = next(
        draft["number"] for article in job.report["articles"] for draft in article["drafts"] if draft["kind"] == kind
    )
    return f"{address}{number}/"


PLACE = {
    "category": "event:06036",
    "statement": "宋庄镇疃里村好又来超市门前",
    "description": "堆放杂物",
    "jurisdiction": "110112104212",
    "found_at": "2021-01-18T09:00",
    "lon": "116.706",
    "lat": "39.949",
}


def entries_of(person: Person) -> list[Any]:
    return list(entries_for(person, Filters(), now=clock.now()))


def test_the_drafts_stand_beside_their_words_and_the_claims_beside_what_was_found(browse: Any) -> None:
    client = browse("supervisor")
    shown = page(client, paste(client, REPORT))
    assert shown.count('class="draft') >= 5
    assert "said 2, found 2" in shown
    assert re.search(r"<mark class=\"of-finding\">.*?宋庄镇疃里村好又来超市门前堆放杂物", shown, re.S)
    assert re.search(r"谢楼村委会.*?110112119252", shown, re.S)
    assert "look twice" not in shown.partition("谢楼村委会")[0][-400:]


def test_nothing_found_is_said_to_be_an_answer(browse: Any) -> None:
    client = browse("supervisor")
    shown = page(client, paste(client, "今天天气很好,公园里的花开了。"))
    assert "That is an answer, too." in shown
    assert 'class="draft' not in shown


def test_accepting_a_finding_makes_one_entry_however_often(browse: Any, people: dict[str, Person]) -> None:
    client = browse("supervisor")
    address = paste(client, REPORT)
    accepting = draft_address(client, address, "finding")
    form = page(client, accepting)
    assert "110112104212" in form
    assert "堆放杂物" in form
    for _time in range(2):
        answer = client.post(accepting, PLACE)
        assert answer.status_code == 302
        assert answer["Location"].startswith(address + "#draft-")
    (entry,) = entries_of(people["supervisor"])
    assert (entry.statement, entry.jurisdiction, entry.description) == (
        PLACE["statement"], PLACE["jurisdiction"], PLACE["description"],
    )  # fmt: skip
    shown = page(client, address)
    assert f"/ledger/{entry.pk}/" in shown
    again = client.post(accepting, PLACE | {"description": "别的"})
    assert again.status_code == 409
    assert "draft_taken" in again.content.decode()
    assert client.get(accepting)["Location"].startswith(address + "#draft-"), "an old tab leads back"
    assert len(entries_of(people["supervisor"])) == 1


def test_a_unit_that_the_reading_is_not_sure_of_is_told_and_not_filled_in(browse: Any) -> None:
    client = browse("supervisor")
    address = paste(client, "检查发现,宋庄镇某某村农贸市场污水外溢。")
    job = jobs.read_job(address.rstrip("/").rpartition("/")[2])
    (draft,) = job.report["articles"][0]["drafts"]
    jobs.save(replace(job, report=_with_confidence(job.report, 0.4)))
    form = page(client, f"{address}{draft['number']}/")
    assert re.search(r"Perhaps:.*?宋庄镇.*?110112104", form, re.S)
    assert 'value="110112104"' not in form


def _with_confidence(report: dict[str, Any], confidence: float) -> dict[str, Any]:
    articles = [
        article | {"drafts": [draft | {"confidence": confidence} for draft in article["drafts"]]}
        for article in report["articles"]
    ]
    return report | {"articles": articles}


def test_a_settled_statement_is_proposed_with_the_names_of_the_list(browse: Any) -> None:
    client = browse("supervisor")
    form = page(client, draft_address(client, paste(client, REPORT), "site"))
    assert 'value="潞城镇谢楼村距谢楼路约291米,距北运河约2756米"' in form
    assert "潞县镇谢楼村距谢楼路约291米" in form, "the words as printed stand above it"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("category", "", "category_missing"),
        ("category", "event:99999", "unknown_category"),
        ("lon", "", "number_missing"),
        ("lat", "north", "bad_number"),
        ("lat", "139", "bad_latitude"),
        ("jurisdiction", "12", "unit_unknown"),
        ("jurisdiction", "110112999", "unit_unknown"),
        ("jurisdiction", "110113101", "outside_scope"),
        ("found_at", "yesterday", "bad_time"),
        ("found_at", "2031-01-01T09:00", "found_in_future"),
        ("statement", "远" * 301, ""),
        ("description", "长" * 2001, "description_too_long"),
        ("description", "a\ud800b", ""),
    ],
)
def test_what_is_typed_wrong_is_refused_and_nothing_written(
    browse: Any, people: dict[str, Person], field: str, value: str, code: str
) -> None:
    client = browse("supervisor")
    accepting = draft_address(client, paste(client, REPORT), "finding")
    answer = client.post(accepting, PLACE | {field: value.encode("utf-8", "replace").decode()})
    if code:
        assert answer.status_code in (400, 403), answer.content.decode()[:300]
        assert code in answer.content.decode()
    assert answer.status_code < 500
    if answer.status_code != 302:
        assert not entries_of(people["supervisor"])


def test_an_order_becomes_a_decision_of_the_meeting_that_is_chosen(browse: Any, people: dict[str, Person]) -> None:
    by = people["supervisor"]
    body = decisions.make_body(
        by=by,
        now=NOON,
        kind="leading_group",
        name="区环境整治工作领导小组",
        jurisdiction="110112",
    )
    meeting = decisions.plan_meeting(by=by, now=NOON, body_id=body.pk, at=NOON, number=3)
    client = browse("supervisor")
    accepting = draft_address(client, paste(client, REPORT), "decision")
    form = page(client, accepting)
    assert f'value="{meeting.pk}" selected' in form, "the meeting of the number is proposed"
    assert client.post(accepting, {"meeting": "", "text": "清理"}).status_code == 400
    assert not Decision.objects.exists()
    sent = {"meeting": str(meeting.pk), "text": "立即开展疃里村垃圾清理", "jurisdiction": "110112104212"}
    for _time in range(2):
        assert client.post(accepting, sent).status_code == 302
    (decision,) = Decision.objects.all()
    assert (decision.meeting, decision.jurisdiction) == (meeting, "110112104212")
    for other in ({"text": "清理全区垃圾"}, {"jurisdiction": "110112104"}):
        again = client.post(accepting, sent | other)
        assert again.status_code == 409
        assert "draft_taken" in again.content.decode()
    decision.refresh_from_db()
    assert decision.text == sent["text"]
    assert reverse("web:decision", args=[decision.pk]) in page(
        client, accepting.rpartition("/")[0].rpartition("/")[0] + "/"
    )


def drafts_on(shown: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="draft-(\d+)"', shown)]


def test_the_drafts_are_shown_by_what_is_left_to_do(browse: Any) -> None:
    client = browse("supervisor")
    address = paste(client, REPORT + "\n某街道某市场门口污水横流。")
    report = jobs.read_job(address.rstrip("/").rpartition("/")[2]).report
    drafts = [draft for article in report["articles"] for draft in article["drafts"]]
    everything = drafts_on(page(client, address))
    assert everything == [draft["number"] for draft in drafts] == drafts_on(page(client, address + "?show=nonsense"))
    accepting = draft_address(client, address, "finding")
    taken = int(accepting.rstrip("/").rpartition("/")[2])
    assert client.post(accepting, PLACE).status_code == 302
    for show, left in (
        ("open", [draft["number"] for draft in drafts if draft["kind"] in notices.ACCEPTED]),
        ("doubtful", [draft["number"] for draft in drafts if draft["confidence"] < UNSURE]),
    ):
        shown = page(client, f"{address}?show={show}")
        assert drafts_on(shown) == [number for number in left if number != taken], show
        assert shown.count('class="at" id="at-') == len(everything), "the text is marked whole"
        assert f'href="?#draft-{taken}"' in shown, "what is not listed is one step away"
    assert re.search(rf'<mark class="of-finding taken"><a[^>]*id="at-{taken}"', page(client, address))


def test_a_report_is_found_again_under_its_first_words(browse: Any) -> None:
    client = browse("supervisor")
    address = paste(client, REPORT)
    assert f'<a href="{address}">区环境整治工作领导小组召开第3次会议</a>' in page(client, START)
    assert address not in page(browse("inspector"), START)
    for odd, name in (
        ("## ../../etc/passwd", "／..／etc／passwd"),
        ("\n \n长" + "长" * 300, "<h1>" + "长" * 40 + "</h1>"),
    ):
        assert name in page(client, paste(client, odd))
    (jobs.imports_folder() / address.rstrip("/").rpartition("/")[2]).rename(jobs.imports_folder() / "gone")
    assert address not in page(client, START)


def test_a_figure_is_copied_and_not_accepted(browse: Any) -> None:
    client = browse("supervisor")
    address = paste(client, "玉桥街道已有备案社区社会组织298支,成员11000多人。")
    assert "data-copy" in page(client, address)
    assert client.get(f"{address}0/").status_code == 404
    assert client.get(f"{address}999/").status_code == 404


def test_a_report_belongs_to_who_sent_it(browse: Any) -> None:
    address = paste(browse("supervisor"), REPORT)
    for who in ("inspector", "town"):
        assert browse(who).get(address).status_code == 404
        assert browse(who).get(f"{address}0/").status_code == 404
        assert browse(who).post(f"{address}0/", PLACE).status_code == 404
    assert browse("supervisor").get(f"{START}{uuid.uuid4()}/").status_code == 404


@pytest.mark.parametrize("who", ["handler", "publisher", "leader"])
def test_who_makes_nothing_of_it_does_not_read_it_in(browse: Any, who: str) -> None:
    assert browse(who).get(START).status_code == 403
    assert browse(who).post(START, {"text": REPORT}).status_code == 403


def test_a_community_worker_may_take_up_orders_but_puts_nothing_on_the_ledger(browse: Any) -> None:
    client = browse("community_worker")
    address = paste(client, REPORT)
    shown = page(client, address)
    assert draft_address(client, address, "decision") in shown
    assert draft_address(client, address, "finding") not in shown
    assert client.post(draft_address(client, address, "finding"), PLACE).status_code == 403


SHAPE = (
    '<w:r {ns} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>'
    '<mc:Choice Requires="wps"><w:txbxContent>{inner}</w:txbxContent></mc:Choice>'
    "<mc:Fallback><w:txbxContent>{inner}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>"
)


def saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def word_file() -> bytes:
    document = docx.Document()
    document.add_heading("环境检查", 1)
    document.add_paragraph("检查发现,宋庄镇疃里村好又来超市门前堆放杂物。")
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table.rows[0].cells, ("单位名称", "地址", "存在问题"), strict=True):
        cell.text = text
    for cell, text in zip(table.rows[1].cells, ("喜乐面馆", "宋庄镇疃里村", "后厨脏乱"), strict=True):
        cell.text = text
    return saved(document)


def word_paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_word_file_is_read_with_its_text_boxes_forms_and_changes() -> None:
    document = docx.Document()
    shown = document.add_paragraph("通报如下")._p
    shown.append(parse_xml(SHAPE.format(ns=nsdecls("w"), inner=word_paragraph("框中的话"))))
    changed = document.add_paragraph("改过")._p
    changed.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="1"><w:r><w:t>添上的话</w:t></w:r></w:ins>'))
    changed.append(parse_xml(f'<w:del {nsdecls("w")} w:id="2"><w:r><w:delText>删去的话</w:delText></w:r></w:del>'))
    form = f"<w:sdt {nsdecls('w')}><w:sdtContent>{word_paragraph('表单里的话')}</w:sdtContent></w:sdt>"
    document.element.body.insert(2, parse_xml(form))
    assert text_of(saved(document), "a.docx") == "通报如下\n框中的话\n改过添上的话\n表单里的话"


def test_the_columns_of_a_word_table_stay_in_line() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for column, text in enumerate(("单位", "地址", "存在问题")):
        table.cell(0, column).text = text
    table.cell(1, 0).merge(table.cell(1, 1)).text = "疃里村小卖部"
    table.cell(1, 2).text = "食品过期\n地面油污；\n无台账"
    table.cell(2, 0).merge(table.cell(2, 2)).text = "合计1家"
    assert text_of(saved(document), "a.docx") == (
        "单位\t地址\t存在问题\n疃里村小卖部\t\t食品过期；地面油污；无台账\n合计1家"
    )


def test_a_word_file_that_unpacks_to_a_mountain_is_refused_before_it_is_unpacked() -> None:
    whole, swollen = io.BytesIO(word_file()), io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            more = b" " * (MAX_MARKUP + 1) if entry.filename == "word/document.xml" else b""
            new.writestr(entry.filename, old.read(entry) + more)
    assert len(swollen.getvalue()) < 1 << 20
    assert not is_short(swollen.getvalue())
    with pytest.raises(BadNotice) as refusal:
        text_of(swollen.getvalue(), "a.docx")
    assert refusal.value.code == "notice_too_large"


@pytest.mark.parametrize("damaged", [REPORT.encode() + b"\xe5\xae", REPORT.encode()[1:], REPORT.encode("gb18030")[:-1]])
def test_a_text_file_cut_off_within_a_character_is_read(damaged: bytes) -> None:
    assert "好又来超市" in text_of(damaged, "a.txt")


def test_what_is_short_is_told_by_what_is_in_it() -> None:
    """A PDF of one page and a Word file may weigh much and hold little."""
    picture = io.BytesIO()
    Image.effect_noise((1000, 1000), 90).convert("RGB").save(picture, "PDF")
    assert len(picture.getvalue()) > 100_000
    assert is_short(picture.getvalue())
    assert is_short(word_file())
    assert is_short(REPORT.encode())
    assert not is_short(("今天无事。" * 8000).encode())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", REPORT.encode()),
        ("a.txt", REPORT.encode("gb18030")),
        ("a.txt", b"\xef\xbb\xbf" + REPORT.encode()),
        ("a.txt", REPORT.encode("utf-16")),
        ("a.md", REPORT.replace("\n", "\r\n").encode()),
        ("a.docx", word_file()),
        ("a.html", f"<html><body><h1>检查</h1><p>{REPORT}</p></body></html>".encode()),
    ],
)
def test_files_of_all_kinds_hold_the_same_finding(browse: Any, name: str, data: bytes) -> None:
    client = browse("supervisor")
    answer = client.post(START, {"file": SimpleUploadedFile(name, data)})
    assert answer.status_code == 302, answer.content.decode()
    shown = page(client, answer["Location"])
    assert "好又来超市" in shown
    if name == "a.docx":
        assert "<b>喜乐面馆</b>" in shown


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"", "notice_empty"),
        ("a.txt", b" \n ", "notice_empty"),
        ("a.txt", "\ufeff\u200b\n".encode(), "notice_empty"),
        ("a.txt", b"\xff\xfe\x00", "notice_e"),
        ("a.txt", b"a" * ((20 << 20) + 1), "notice_too_large"),
        ("a.txt", "檢查發現,宋莊鎮疃裡村超市門前堆放雜物。".encode("big5", "ignore"), "notice_garbled"),
        ("a.txt", REPORT.encode().decode("gb18030", "replace").encode(), "notice_garbled"),
        ("a.txt", ("\ue001\ue002宋庄镇" * 9).encode(), "notice_garbled"),
        ("a.jpg", bytes(range(256)) * 40, "notice_encoding"),
        ("a.doc", b"\xd0\xcf\x11\xe0" + b"x" * 90, "notice_unreadable"),
        ("a.docx", b"PK\x03\x04broken", "notice_unreadable"),
        ("a.pdf", b"%PDF-1.7 broken", "notice_unreadable"),
        ("a.txt", "长".encode() * 200_001, "notice_too_long"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_its_field(browse: Any, name: str, data: bytes, code: str) -> None:
    client = browse("supervisor")
    answer = client.post(START, {"file": SimpleUploadedFile(name, data)})
    if answer.status_code == 302:
        notice_tasks.read_job(answer["Location"].rstrip("/").rpartition("/")[2])
        answer = client.get(answer["Location"])
        assert answer.status_code == 200
    assert code in answer.content.decode()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"text": " \u3000"}, "notice_empty"),
        ({"text": "\u200b"}, "notice_empty"),
        ({"text": "长" * 200_001}, "notice_too_long"),
        ({"text": "\ufffd区\ufffd"}, "notice_garbled"),
        ({"text": REPORT, "file": SimpleUploadedFile("a.txt", b"x")}, "notice_both"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_at_its_field(browse: Any, sent: dict[str, Any], code: str) -> None:
    answer = browse("supervisor").post(START, sent)
    assert answer.status_code == 400
    refused = re.search(r'id="id_text_mend".*?</div>', answer.content.decode(), re.S)
    assert refused is not None
    assert code in refused[0]


def test_a_long_report_is_read_in_the_background_and_its_page_asks_again(browse: Any) -> None:
    client = browse("supervisor")
    long = REPORT + "\n\n" + "今天无事。" * 8000
    address = client.post(START, {"file": SimpleUploadedFile("long.txt", long.encode())})["Location"]
    job = address.rstrip("/").rpartition("/")[2]
    if jobs.read_job(job).is_running:
        assert 'hx-trigger="every 1s"' in page(client, address)
        notice_tasks.read_job(job)
    assert "好又来超市" in page(client, address)


def test_the_page_costs_few_queries_however_many_drafts(
    browse: Any, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = browse("supervisor")
    many = "检查发现:\n" + "\n".join(f"宋庄镇疃里村第{number}超市门前堆放杂物。" for number in range(300))
    address = paste(client, many)
    with django_assert_max_num_queries(15):
        page(client, address)


def test_hostile_words_stay_words(browse: Any) -> None:
    client = browse("supervisor")
    shown = page(client, paste(client, "检查发现,宋庄镇疃里村<script>alert(1)</script>超市门前堆放杂物。"))
    assert "<script>alert" not in shown
    assert reverse("bulletin:notice_start") == START
    assert queries.states_of([]) == {}


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><th>镇</th><th>单位</th><th>问题</th></tr>"
            "<tr><td rowspan=2><p>宋庄镇</p></td>\n<td><p>超市</p></td><td><p>堆物</p><p>满溢。</p>占道</td></tr>"
            "<tr><td>面馆</td><td></td></tr><tr><td>漷县镇<td colspan='2'>未检查</table>完",
            "镇\t单位\t问题|宋庄镇\t超市\t堆物；满溢。占道|宋庄镇\t面馆|漷县镇\t未检查|完",
        ),
        ("<table><tr><td colspan=3>标题</td></tr><tr><td></td><td>乙</td></tr></table>", "标题|\t乙"),
        (
            f"<table><tr><td><p>{'长' * 300}</p><p>{'文' * 300}</p></td><td>侧栏</td></tr></table>",
            f"{'长' * 300}|{'文' * 300}|\t侧栏",
        ),
        ("<table><tr><td><table><tr><td>甲<td>乙</table></td></tr></table>", "甲\t乙"),
        ("<td rowspan=2>无表</td><tr><td>之行</td></tr>", "无表|之行"),
        (
            "<table><tr><td rowspan=0 colspan=x>甲</td><td rowspan=99999999>乙</td></tr><tr><td>丙</td></table>",
            "甲\t乙|丙\t乙",
        ),
    ],
)
def test_the_rows_of_a_web_page_come_out_as_rows(html: str, text: str) -> None:
    read = text_of(f"<html><body>{html}</body></html>".encode(), "a.html")
    assert [line for line in read.split("\n") if line.strip()] == text.split("|")


def test_cells_that_reach_far_do_not_swell_a_web_page() -> None:
    wide = "<tr>" + f"<td rowspan=100 colspan=100>{'长' * 400}" * 50 + "<tr><td>" * 100
    with pytest.raises(BadNotice) as refusal:
        text_of(f"<html><table>{wide * 100}</table></html>".encode(), "a.html")
    assert refusal.value.code == "notice_too_long"
