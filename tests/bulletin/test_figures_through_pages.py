"""From the page where a record is changed to the page that anybody reads: figures follow until the issue is out."""

import html
import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.bulletin.test_block_pages import address, fields
from tests.bulletin.test_blocks import TABLE
from tests.bulletin.test_blocks import page as page
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin.models import Issue


def signed_in(person: Person) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(person)
    return client


def send_inspection(client: Client, venue: str) -> None:
    """One more visit with a problem, by the import page of inspections."""
    table = f"{TABLE}{venue},shop,110112114,2021-01-18,masks,fail,\n"
    sent = client.post("/patrol/import/", {"file": SimpleUploadedFile("a.csv", table.encode(), "text/csv")})
    assert sent.status_code == 302, sent.content.decode()
    assert client.post(f"{sent['Location']}take/").status_code == 302


def version(issue: Issue) -> dict[str, int]:
    return {"seen": Issue.objects.get(pk=issue.pk).version}


def printed(text: str) -> str:
    """What is read, without the marks of a page."""
    return "".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def test_a_record_changes_the_draft_on_its_page_and_nothing_that_is_out(people: dict[str, Person], page: Issue) -> None:
    writer, second, anybody = signed_in(people["supervisor"]), signed_in(people["second"]), Client()
    assert "共发现问题3处" in printed(writer.get(address(page)).content.decode())
    send_inspection(writer, "己店")
    assert "共发现问题4处" in printed(writer.get(address(page)).content.decode())
    assert second.post(address(page, "approve/"), version(page)).status_code == 302
    assert writer.post(address(page, "publish/"), version(page)).status_code == 302
    url = f"/bulletins/{page.pk}/"
    files = {kind: anybody.get(f"{url}{kind}-zh/").content for kind in ("json", "html")}
    assert "共发现问题4处" in printed(anybody.get(url, headers={"accept-language": "zh-hans"}).content.decode())
    send_inspection(writer, "庚店")
    assert "共发现问题4处" in printed(anybody.get(url, headers={"accept-language": "zh-hans"}).content.decode())
    assert {kind: anybody.get(f"{url}{kind}-zh/").content for kind in files} == files
    day = writer.get("/bulletins/desk/page/?day=2021-01-18").content.decode()
    assert "共发现问题5处" in printed(day), "the page of the day is made of the records at each look"


def test_a_figure_that_disagrees_stops_the_issue_and_leads_to_its_rows(people: dict[str, Person], page: Issue) -> None:
    writer, second = signed_in(people["supervisor"]), signed_in(people["second"])
    block = page.blocks.get(kind="exposure")
    sent = fields(writer, page) | {f"{block.pk}-text_zh": "共发现问题[[problems=6]]处。"}
    assert writer.post(address(page, "edit/"), sent).status_code == 302
    for step, client in (("approve/", second), ("publish/", writer)):
        refused = client.post(address(page, step), version(page))
        assert refused.status_code == 409
        assert Issue.objects.get(pk=page.pk).state == "draft"
    shown = writer.get(address(page)).content.decode()
    rows = re.search(r'href="(/patrol/figures/rows/\?[^"]*figure=problems[^"]*)"', shown)
    assert rows
    behind = writer.get(html.unescape(rows[1])).content.decode()
    assert [venue for venue in ("甲店", "乙店", "丙店", "丁店", "戊店") if venue in behind] == ["甲店", "乙店", "丁店"]
    sent = fields(writer, page) | {f"{block.pk}-text_zh": "共发现问题[[problems=3]]处。"}
    assert writer.post(address(page, "edit/"), sent).status_code == 302
    assert second.post(address(page, "approve/"), version(page)).status_code == 302
    send_inspection(writer, "己店")
    refused = writer.post(address(page, "publish/"), version(page))
    assert refused.status_code == 409, "the record changed after the second person looked"
    assert Issue.objects.get(pk=page.pk).number is None
