"""The register's pages as somebody meets them: opened, filled in wrong, filled in right, and read by strangers."""

import re
import uuid
from datetime import date, timedelta
from typing import Any

import pypdfium2
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from tests.commons.register.building import AT, PDF, TEN, list_places, make_application, make_organisation
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.models import Application, Document, Organisation
from duban.commons.register import actions, filing, roster
from duban.commons.register.roster import MemberDraft
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
SECRET_NAME, SECRET_PHONE = "慕容听雪", "13955557777"
LIST = "/commons/organisations/"


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    cache.clear()


@pytest.fixture
def worker(db: None) -> Person:
    list_places()
    return make_person("worker", "community_worker", "110112004")


def client_of(person: Person | None) -> Client:
    client = Client(headers={"accept-language": "en"})
    if person is not None:
        client.force_login(person)
    return client


@pytest.fixture
def desk(worker: Person) -> Client:
    return client_of(worker)


@pytest.fixture
def anybody() -> Client:
    return client_of(None)


def form(**changes: Any) -> dict[str, Any]:
    said = {
        "id": str(uuid.uuid4()), "name": "玉桥合唱团", "tier": "guided", "kind": "club", "category": "culture",
        "jurisdiction": AT, "purpose": "leisure", "members": "20", "founded": "2018-03-01", "about": "唱歌",
        "credit_code": "", "filing_number": "", "new_category": "",
    }  # fmt: skip
    return said | changes


# ---- the desk -------------------------------------------------------------------------------------------------------


def test_from_the_form_to_the_page(desk: Client) -> None:
    wrong = desk.post(f"{LIST}add/", form(tier="registered", credit_code="123"))
    assert wrong.status_code == 400
    assert "A credit code has 18 characters." in wrong.content.decode()
    answer = desk.post(f"{LIST}add/", form(new_category="楼门文化"))
    one = Organisation.objects.get()
    assert answer.headers["Location"] == f"{LIST}{one.pk}/"
    assert one.category.name == "楼门文化"
    page = desk.get(f"{LIST}{one.pk}/").content.decode()
    for words in ("玉桥合唱团", "楼门文化", "玉桥北里社区", "None for 2021 yet."):
        assert words in page
    assert "玉桥合唱团" in desk.get(f"{LIST}?text=hct").content.decode()
    assert "玉桥合唱团" not in desk.get(f"{LIST}?tier=filed").content.decode()


def test_a_name_much_alike_is_shown_once_before(desk: Client, worker: Person) -> None:
    make_organisation(worker, "玉桥街道夕阳红合唱团")
    said = form(name="玉桥街道夕阳红合唱队")
    shown = desk.post(f"{LIST}add/", said)
    assert (shown.status_code, Organisation.objects.count()) == (200, 1)
    offered = re.findall(r'name="offered" value="([^"]+)"', shown.content.decode())
    assert desk.post(f"{LIST}add/", said | {"offered": offered}).status_code == 302
    assert desk.post(f"{LIST}add/", said | {"offered": offered}).status_code == 302
    assert Organisation.objects.count() == 2


def test_a_change_says_since_when_and_a_change_in_between_is_told(desk: Client, worker: Person) -> None:
    one = make_organisation(worker)
    address = f"{LIST}{one.pk}/edit/"
    seen = re.search(r'name="seen" value="(\w+)"', desk.get(address).content.decode())
    assert seen
    said = form(name=one.name, tier="filed", kind="team", category="affairs", members="32", founded="2014-05-01")
    said |= {"on": "2020-02-01", "seen": seen[1], "kind": "studio", "about": ""}
    assert desk.post(address, said).status_code == 302
    assert one.life.get(what="kind").on == date(2020, 2, 1)
    again = desk.post(address, said | {"members": "33"})
    assert again.status_code == 409
    assert "organisation_changed" in again.content.decode()
    ahead = desk.post(address, said | {"seen": "", "kind": "club", "on": "2031-01-01"})
    assert "day_ahead" in ahead.content.decode()


def test_acts_on_the_page_and_what_they_refuse(desk: Client, worker: Person) -> None:
    one = make_organisation(worker, filing_number="YQ-7")
    federation = make_organisation(worker, "玉桥联合会", at="110112004", kind="federation")
    change = f"{LIST}{one.pk}/change/"

    def act(do: str, **said: Any) -> str:
        answer = desk.post(change, {"do": do, **said})
        return "done" if answer.status_code == 302 else answer.content.decode()

    assert "bad_year" in act("check", year="x", outcome="passed")
    assert "note_missing" in act("check", year="2020", outcome="failed")
    assert act("check", year="2021", outcome="passed", note="") == "done"
    assert "federation_not_found" in act("federation", federation=str(uuid.uuid4()), on="2021-01-01")
    assert "federation_not_found" in act("federation", federation="x", on="2021-01-01")
    assert act("federation", federation=str(federation.pk), on="2021-01-01") == "done"
    assert act("areas", areas=["110112005", "110112004006"]) == "done"
    assert "bad_code" in act("areas", areas=["x"])
    assert "document_missing" in act("document", kind="charter")
    assert "document_type" in act("document", kind="charter", file=SimpleUploadedFile("a.pdf", b"<html>"))
    assert act("document", kind="charter", file=SimpleUploadedFile("章程.pdf", PDF)) == "done"
    kept = Document.objects.get()
    taken = desk.get(f"{LIST}{one.pk}/files/{kept.pk}/")
    assert (taken.content, taken.headers["Content-Type"]) == (PDF, "application/pdf")
    assert "no-cache" in taken.headers["Cache-Control"]
    assert act("remove_document", document="999") != "done"
    assert act("remove_document", document=str(kept.pk)) == "done"
    assert "reason_missing" in act("dissolve", on="2021-01-01", reason="")
    assert act("dissolve", on="2021-01-01", reason="成员不足") == "done"
    assert "organisation_dissolved" in act("check", year="2020", outcome="passed")
    assert act("revive", on="2021-01-10", reason="重新活动") == "done"
    assert act("nothing") == "done"
    page = desk.get(f"{LIST}{one.pk}/").content.decode()
    for words in ("潞源街道", "玉桥联合会", "passed"):
        assert words in page
    assert "None for 2021 yet." not in page


def test_the_roster_is_masked_until_it_is_opened(desk: Client, worker: Person) -> None:
    one = make_organisation(worker, members="")
    address = f"{LIST}{one.pk}/roster/"
    wrong = desk.post(address, {"do": "add", "members": "张三，会长，会计"})
    assert (wrong.status_code, "Line 1" in wrong.content.decode()) == (400, True)
    assert desk.post(address, {"do": "add", "members": f"{SECRET_NAME}，{SECRET_PHONE}，会长\n李四"}).status_code == 302
    page = desk.get(address).content.decode()
    assert "慕***" in page
    assert SECRET_NAME not in page
    assert SECRET_PHONE not in page
    refused = desk.post(address, {"do": "open", "purpose": ""})
    assert SECRET_NAME not in refused.content.decode()
    opened = desk.post(address, {"do": "open", "purpose": "check"}).content.decode()
    assert SECRET_NAME in opened
    assert SECRET_PHONE in opened
    assert AuditRecord.objects.filter(action="open_roster").count() == 1
    row = one.roster.order_by("pk").first()
    assert row is not None
    for said in ({"do": "role", "role": "顾问"}, {"do": "role", "role": "顾问", "on": "2021-01-18"}):
        desk.post(address, {"member": row.pk, **said})
    current = one.roster.filter(until=None, role="顾问").get()
    assert desk.post(address, {"do": "end", "member": current.pk, "on": "2031-01-01"}).status_code == 400
    assert desk.post(address, {"do": "end", "member": current.pk}).status_code == 302
    assert desk.post(address, {"do": "forget", "member": current.pk}).status_code == 302
    for key in ("x", "-1", "9" * 30, current.pk):
        assert desk.post(address, {"do": "end", "member": key}).status_code == 404
    for role in ("leader", "supervisor"):
        assert client_of(make_person(role, role)).get(address).status_code == 403


def test_a_wrong_filter_is_named_on_the_page(desk: Client) -> None:
    for query, code in (("age=x", "bad_range"), ("area=1", "bad_code"), ("cursor=x", "bad_cursor")):
        answer = desk.get(f"{LIST}?{query}")
        assert (answer.status_code, code in answer.content.decode()) == (400, True)


def test_lists_take_few_questions_however_long_they_are(
    desk: Client, worker: Person, anybody: Client, django_assert_max_num_queries: Any
) -> None:
    for n in range(60):
        make_organisation(worker, f"第{n}社", members=str(n))
    for n in range(12):
        make_application(f"第{n}申请")
    with django_assert_max_num_queries(15):
        desk.get(LIST)
    with django_assert_max_num_queries(15):
        desk.get("/commons/applications/")
    with django_assert_max_num_queries(10):
        anybody.get("/organisations/")
    with django_assert_max_num_queries(30):
        desk.get(f"{LIST}{Organisation.objects.all()[0].pk}/")


# ---- filing online --------------------------------------------------------------------------------------------------


def asked(**changes: Any) -> dict[str, Any]:
    said = {
        "id": str(uuid.uuid4()), "name": "夕阳红合唱队", "kind": "club", "category": "culture", "jurisdiction": AT,
        "about": "周二唱歌", "founded": "", "members": TEN, "applicant": SECRET_NAME, "phone": SECRET_PHONE,
    }  # fmt: skip
    return said | changes


def test_somebody_files_an_organisation_without_an_account(anybody: Client, desk: Client) -> None:
    assert "玉桥北里社区" in anybody.get("/organisations/apply/").content.decode()
    short = anybody.post("/organisations/apply/", asked(members="张三\n李四"))
    assert (short.status_code, "few_members" in short.content.decode()) == (400, True)
    assert "张三" in short.content.decode()
    said = asked()
    sent = anybody.post("/organisations/apply/", said | {"charter": SimpleUploadedFile("章程.pdf", PDF)})
    own = sent.headers["Location"]
    assert anybody.post("/organisations/apply/", said).headers["Location"] == own
    page = anybody.get(own)
    assert "Your application is with" in page.content.decode()
    assert (page.headers["Cache-Control"], page.headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    made = Application.objects.get()
    address = f"/commons/applications/{made.pk}/"
    shown = desk.get(address).content.decode()
    assert SECRET_NAME not in shown
    assert SECRET_PHONE not in shown
    assert "居**" in shown
    assert "居民1" not in shown
    assert SECRET_NAME in desk.post(address, {"do": "open"}).content.decode()
    assert desk.get(f"{address}charter/").content == PDF
    seen = filing.mark_of(made)
    assert "reasons_missing" in desk.post(address, {"do": "return", "reasons": "", "seen": seen}).content.decode()
    desk.post(address, {"do": "return", "reasons": "请写明活动地点", "seen": seen})
    returned = anybody.get(own).content.decode()
    assert "请写明活动地点" in returned
    assert SECRET_NAME in returned
    assert anybody.post(own, asked(about="周二在文化站唱歌", id="")).status_code == 302
    assert "application_changed" in desk.post(address, {"do": "file", "seen": seen}).content.decode()
    made.refresh_from_db()
    filed = desk.post(address, {"do": "file", "seen": filing.mark_of(made)})
    one = Organisation.objects.get()
    assert filed.headers["Location"] == f"{LIST}{one.pk}/"
    done = anybody.get(own).content.decode()
    assert "110112004-2021-0001" in done
    assert SECRET_NAME not in done
    assert one.about == "周二在文化站唱歌"
    assert desk.get(f"{LIST}{one.pk}/").status_code == 200
    assert anybody.post(own, asked()).status_code == 200
    assert Organisation.objects.count() == 1


def test_who_guesses_addresses_or_floods_the_office_waits(anybody: Client, worker: Person) -> None:
    for n in range(30):
        assert anybody.get(f"/organisations/applications/guess-{n}/").status_code == 404
    assert anybody.get("/organisations/applications/guess-31/").status_code == 429
    for _time in range(30):
        assert anybody.post("/organisations/apply/", asked()).status_code == 302
    assert anybody.post("/organisations/apply/", asked()).status_code == 429


def test_a_certificate_says_whether_the_filing_stands(desk: Client, anybody: Client, worker: Person) -> None:
    made, _secret = make_application()
    one = filing.file_application(by=worker, now=NOON, application_id=made.pk)
    for language, words in (("en", "Certificate of filing"), ("zh-hans", one.name)):
        desk.cookies["django_language"] = language
        answer = desk.get(f"{LIST}{one.pk}/certificate.pdf", headers={"accept-language": language})
        document = pypdfium2.PdfDocument(answer.content)
        assert len(document) == 1
        text = document[0].get_textpage().get_text_bounded()
        document.close()
        assert "110112004-2021-0001" in text
        assert words in text
    address = f"/organisations/certificates/{one.token}/"
    assert "This filing stands." in anybody.get(address).content.decode()
    actions.dissolve_organisation(by=worker, now=NOON, organisation_id=one.pk, on=NOON.date(), reason="解散")
    gone = anybody.get(address).content.decode()
    assert "no longer stands" in gone
    assert "This filing stands." not in gone
    assert desk.get(f"{LIST}{one.pk}/certificate.pdf").status_code == 409
    for token in ("x", "x" * 50, "é"):
        assert anybody.get(f"/organisations/certificates/{token}/").status_code == 404
    guided = make_organisation(worker, "组", tier="guided")
    assert desk.get(f"{LIST}{guided.pk}/certificate.pdf").status_code == 409


# ---- anybody --------------------------------------------------------------------------------------------------------


def test_no_member_no_applicant_and_no_file_is_on_any_public_page(
    anybody: Client, desk: Client, worker: Person
) -> None:
    one = make_organisation(worker, filing_number="YQ-1")
    people = [MemberDraft(SECRET_NAME, SECRET_PHONE, "秘密会计")]
    roster.add_members(by=worker, now=NOON, organisation_id=one.pk, drafts=people)
    desk.post(
        f"{LIST}{one.pk}/change/", {"do": "document", "kind": "roster", "file": SimpleUploadedFile("秘册.pdf", PDF)}
    )
    actions.record_check(by=worker, now=NOON, organisation_id=one.pk, year=2020, outcome="mend", note="秘密缺名册")
    make_application("申请中的社", applicant=SECRET_NAME, phone=SECRET_PHONE)
    addresses = (
        "/organisations/",
        "/organisations/?text=秘密",
        "/organisations/hsds.json",
        f"/organisations/{one.pk}/",
        f"/organisations/certificates/{one.token}/",
        "/organisations/apply/",
        "/",
    )
    for address in addresses:
        answer = anybody.get(address)
        assert answer.status_code == 200, address
        words = text_of(answer)
        for secret in (SECRET_NAME, SECRET_PHONE, "慕", "13955", "会计", "秘册", "缺名册", "申请中的社"):
            assert secret not in words, (address, secret)


def test_the_public_register_is_found_by_what_people_know(anybody: Client, worker: Person) -> None:
    make_organisation(worker, "指南针", category="living", kind="studio")
    dissolved = make_organisation(worker, "旧社")
    actions.dissolve_organisation(by=worker, now=NOON, organisation_id=dissolved.pk, on=NOON.date(), reason="解散")
    everything = anybody.get("/organisations/").content.decode()
    assert "指南针" in everything
    assert "旧社" not in everything
    assert (
        "指南针" in anybody.get("/organisations/?text=znz&kind=studio&category=living&area=110112004").content.decode()
    )
    assert "指南针" not in anybody.get("/organisations/?area=110112005").content.decode()
    # What the office alone asks is not answered to anybody.
    assert "旧社" not in anybody.get("/organisations/?dissolved=1").content.decode()
    assert anybody.get("/organisations/?check=missing&tier=x").status_code == 400
    assert "Dissolved on" in anybody.get(f"/organisations/{dissolved.pk}/").content.decode()


# ---- tables ---------------------------------------------------------------------------------------------------------


def table(*rows: str) -> SimpleUploadedFile:
    head = "name,tier,credit_code,filing_number,category,jurisdiction,members,founded,kind"
    return SimpleUploadedFile("a.csv", "\n".join([head, *rows]).encode())


def test_a_table_is_tried_then_its_good_rows_are_taken(desk: Client) -> None:
    sent = desk.post(
        f"{LIST}import/",
        {
            "file": table(
                f"好社,filed,,Y-1,新类,{AT},4,2014,club", f"坏社,high,,,新类,{AT},,,", "外社,filed,,,新类,110112005,,,"
            )
        },
    )
    job = sent.headers["Location"]
    tried = desk.get(job).content.decode()
    assert "Nothing has been written yet." in tried
    assert "unknown_tier" in tried
    assert "outside_scope" in tried
    assert "fewer than 10 members" in tried
    assert not Organisation.objects.exists()
    assert desk.post(f"{job}take/").status_code == 302
    one = Organisation.objects.get()
    assert (one.name, one.founded) == ("好社", date(2014, 1, 1))
    assert "坏社" in text_of(desk.get(f"{job}refused.csv"))
    assert desk.post(f"{job}take/").status_code == 409
    for file, code in ((None, "file_missing"), (SimpleUploadedFile("a.csv", b"a,b\n1,2\n"), "columns_missing"),
                       (table(), "no_rows"), (SimpleUploadedFile("a.xlsx", b"x"), "file_not_a_table")):  # fmt: skip
        answer = desk.post(f"{LIST}import/", {"file": file} if file else {})
        assert (answer.status_code, code in answer.content.decode()) == (400, True), code
    other = client_of(make_person("other", "community_worker", "110112004"))
    assert other.get(job).status_code == 404


def test_the_office_days_are_its_own_zones(desk: Client, worker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make_organisation(worker)
    late = NOON + timedelta(hours=13)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert timezone.localdate(late) == date(2021, 1, 19)
    desk.post(f"{LIST}{one.pk}/change/", {"do": "dissolve", "on": "2021-01-19", "reason": "解散"})
    one.refresh_from_db()
    assert one.dissolved_on == date(2021, 1, 19)
