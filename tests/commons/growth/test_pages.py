"""The pages of growth through HTTP: what is written, what is refused at its field, and what a number opens."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.commons.growth.building import make_organisation
from tests.commons.growth.test_growing import TODAY, TOWN
from tests.commons.register.building import PDF
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.growth import actions
from duban.commons.growth.actions import Attended, MilestoneDraft
from duban.commons.models import CourseAttendance, LifeEvent, Milestone, Organisation, PartyRole, Service
from duban.commons.register.documents import keep_document, remove_document
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_jpeg, make_person, make_photo
from duban.evidence.models import Photo

pytestmark = pytest.mark.django_db
DAY = TODAY.isoformat()


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def worker(client: Client) -> Person:
    person = make_person("worker", "community_worker", TOWN)
    client.force_login(person)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return person


def picture(seed: int = 5) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", make_jpeg(seed), "image/jpeg")


def codes_of(page: Any, form: str) -> dict[str, list[str]]:
    return {
        field: [one.code for one in errors.as_data()] for field, errors in page.context["forms"][form].errors.items()
    }


def test_a_stage_with_its_photo_is_written_and_shown(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    url = f"/commons/growth/{one.pk}/"
    answer = client.post(
        url, {"step": "stage", "stage-stage": "growing", "stage-on": DAY, "stage-evidence": picture()}, follow=True
    )
    assert answer.redirect_chain == [(url, 302)]
    event = LifeEvent.objects.get()
    assert (event.after, event.on, Photo.objects.get().pk) == ("growing", TODAY, event.evidence)
    shown = re.search(rf'href="({url}evidence/[^"]+)"', answer.content.decode())
    assert shown is not None
    photo = client.get(shown[1])
    assert photo["Content-Type"] == "image/jpeg"
    assert text_of(photo)
    assert client.get(f"{url}evidence/{'0' * 64}/public/").status_code == 404
    other = make_organisation("别的")
    assert client.get(f"/commons/growth/{other.pk}/evidence/{event.evidence}/public/").status_code == 404


def test_a_document_that_shows_it_is_opened_and_that_is_written_down(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    kept = keep_document(by=worker, now=NOON, organisation_id=one.pk, kind="charter", name="章程.pdf", data=PDF)
    url = f"/commons/growth/{one.pk}/"
    sent = {"step": "stage", "stage-stage": "growing", "stage-on": DAY, "stage-document": kept.digest}
    assert client.post(url, sent).status_code == 302
    answer = client.get(f"{url}evidence/{kept.digest}/public/", follow=True)
    assert answer.content == PDF
    assert AuditRecord.objects.filter(action="take_document").count() == 1
    remove_document(by=worker, now=NOON, organisation_id=one.pk, document_id=kept.pk)
    assert client.get(f"{url}evidence/{kept.digest}/public/").status_code == 404


def test_what_is_refused_stands_at_its_field_and_its_photo_is_let_go(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted", founded=date(2020, 5, 1))
    url = f"/commons/growth/{one.pk}/"
    wrong: list[tuple[dict[str, Any], str, dict[str, list[str]]]] = [
        ({"step": "stage", "stage-stage": "growing", "stage-on": "gestern"}, "stage", {"on": ["bad_days"]}),
        ({"step": "stage", "stage-stage": "growing", "stage-on": DAY}, "stage", {"evidence": ["evidence_missing"]}),
        ({"step": "stage", "stage-stage": "", "stage-on": DAY}, "stage", {"note": ["reason_missing"]}),
        (
            {"step": "stage", "stage-stage": "growing", "stage-on": "2019-01-01", "stage-evidence": picture()},
            "stage",
            {"on": ["day_before_last"]},
        ),
        ({"step": "stage", "stage-stage": "leading", "stage-on": DAY}, "stage", {"stage": ["invalid_choice"]}),
        ({"step": "brand", "brand-brand": "长" * 61, "brand-on": DAY}, "brand", {"brand": ["brand_long"]}),
        (
            {"step": "party", "party-party": "runs", "party-unit": "居民", "party-since": "2031-01-01"},
            "party",
            {"since": ["day_ahead"]},
        ),
        ({"step": "purpose", "purpose-purpose": "service", "purpose-on": DAY}, "purpose", {"note": ["reason_missing"]}),
    ]
    for sent, form, expected in wrong:
        answer = client.post(url, sent)
        assert answer.status_code in {400, 409}, sent
        assert codes_of(answer, form) == expected, sent
    text = SimpleUploadedFile("a.jpg", b"no picture", "image/jpeg")
    sent = {"step": "stage", "stage-stage": "growing", "stage-on": DAY, "stage-evidence": text}
    answer = client.post(url, sent)
    assert list(codes_of(answer, "stage")) == ["evidence"]
    assert answer.status_code == 400
    assert not Photo.objects.exists()
    assert client.post(url, {"step": "anything"}).status_code == 400
    assert not LifeEvent.objects.exists()
    assert not PartyRole.objects.exists()


def test_a_slot_is_filled_and_left_from_the_page(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    url = f"/commons/growth/{one.pk}/"
    sent = {"step": "party", "party-party": "advises", "party-unit": "明峰社工事务所", "party-since": DAY}
    assert client.post(url, sent).status_code == 302
    page = client.get(url).content.decode()
    assert page.count("nobody yet") == 4
    assert "明峰社工事务所" in page
    assert client.post(url, sent | {"party-unit": ""}).status_code == 302
    assert client.get(url).content.decode().count("nobody yet") == 5


def test_who_only_reads_writes_nothing(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    client.force_login(make_person("leader", "leader"))
    for url in (f"/commons/growth/{one.pk}/", "/commons/courses/"):
        page = client.get(url)
        assert page.status_code == 200
        assert 'name="step"' not in page.content.decode()
        assert client.post(url, {"step": "brand", "brand-brand": "x", "brand-on": DAY}).status_code == 403
    assert client.get(f"/commons/services/add/{one.pk}/").status_code == 403
    client.force_login(make_person("elsewhere", "community_worker", "110112106"))
    assert client.get(f"/commons/growth/{one.pk}/").status_code == 404
    assert client.post(f"/commons/growth/{one.pk}/", {}).status_code == 404
    assert client.get(f"/commons/services/add/{one.pk}/").status_code == 404


def test_the_overview_opens_what_it_counts(client: Client, worker: Person) -> None:
    for number in range(7):
        make_organisation(
            f"组织{number}", stage=["", "admitted", "growing"][number % 3], brand="牌" if number < 2 else ""
        )
    make_organisation("联合会", kind="federation", tier="filed")
    elsewhere = make_organisation("别处", "110112106001", stage="admitted")
    actions.fill_party(
        by=worker,
        now=NOON,
        organisation_id=Organisation.objects.get(name="组织1").pk,
        party="leads",
        unit="党工委",
        since=TODAY,
    )
    page = client.get("/commons/growth/")
    assert elsewhere.name not in page.content.decode()
    for shown in page.context["stages"]:
        for url, n in ((shown["url"], shown["line"].n), (shown["short_url"], shown["line"].short)):
            assert client.get(url).context["total"].number == n, url
    assert [shown["line"].n for shown in page.context["stages"]] == [2, 2, 0, 0, 1]
    assert page.context["found"].asking == 5
    for _label, _usually, n, url in page.context["parties"]:
        listed = client.get(url).context
        assert (listed["total"].number, len(listed["rows"])) == (n, n)
    assert [n for _label, _usually, n, _url in page.context["parties"]] == [4, 5, 5, 5, 5]
    assert client.get(page.context["brands_url"]).context["total"].number == 2
    assert client.get(page.context["turned_url"]).context["total"].number == page.context["found"].turned == 0
    assert client.get("/commons/growth/", {"area": "110112106"}).context["found"].asking == 0
    assert client.get("/commons/growth/", {"area": "玉桥"}).status_code == 400
    assert client.get("/commons/growth/slots/", {"party": "owns"}).status_code == 404
    assert client.get("/commons/growth/brands/", {"cursor": "x"}).status_code == 400


def test_a_course_from_begin_to_who_came(client: Client, worker: Person) -> None:
    one = make_organisation("小红帽")
    form = client.get("/commons/courses/").context["form"]
    sent = {
        "id": str(form["id"].value()), "name": "蓄能充电", "provider": "明峰", "jurisdiction": TOWN,
        "begins_on": "2020-06-01",
    }  # fmt: skip
    url = client.post("/commons/courses/", sent)["Location"]
    assert client.post("/commons/courses/", sent)["Location"] == url
    again = client.post("/commons/courses/", sent | {"name": "", "begins_on": "x"})
    assert (again.status_code, sorted(again.context["form"].errors)) == (400, ["begins_on"])
    session = {"step": "session", "session-topic": "议事规则", "session-at": "2021-01-15T09:30"}
    assert client.post(url, session).status_code == 302
    assert client.post(url, session | {"session-at": "neulich"}).status_code == 400
    shown = client.get(url).context["sessions"][0]
    step = shown["form"].prefix
    for text, code in (("小红帽", "bad_line"), ("没有的 3", "unknown_name"), ("", "attendance_missing")):
        answer = client.post(url, {"step": step, f"{step}-attended": text})
        errors = answer.context["sessions"][0]["form"].errors.as_data()
        assert [error.code for error in errors["attended"]] == [code]
        assert answer.status_code == 400
    assert client.post(url, {"step": step, f"{step}-attended": "小红帽 4"}).status_code == 302
    assert CourseAttendance.objects.get().people == 4
    assert client.post(url, {"step": "came-99999", "came-99999-attended": "小红帽 4"}).status_code == 404
    assert client.post(url, {"step": "nothing"}).status_code == 400
    assert "小红帽" in client.get(url).content.decode()
    assert "议事规则" in client.get(f"/commons/growth/{one.pk}/").content.decode()


def test_guests_of_elsewhere_are_counted_and_not_named(client: Client, worker: Person) -> None:
    everywhere = make_person("everywhere", "community_worker")
    course = actions.make_course(
        by=everywhere, now=NOON, name="课", provider="明峰", jurisdiction=TOWN, begins_on=date(2020, 1, 1)
    )
    at = actions.add_session(by=everywhere, now=NOON, course_id=course.pk, at=NOON, topic="主题")
    here, there = make_organisation("本地"), make_organisation("外地", "110112106001")
    attended = [Attended(here.pk, 1), Attended(there.pk, 2)]
    actions.record_attendance(by=everywhere, now=NOON, session_id=at.pk, attended=attended)
    page = client.get(f"/commons/courses/{course.pk}/").content.decode()
    assert "本地" in page
    assert "外地" not in page
    assert "3 people came" in page
    assert "1 organisation of elsewhere" in page


def test_a_service_from_signing_to_the_last_milestone(client: Client, worker: Person) -> None:
    one = make_organisation("明峰")
    add = f"/commons/services/add/{one.pk}/"
    form = client.get(add).context["form"]
    sent = {
        "id": str(form["id"].value()), "name": "培训", "buyer": "办事处", "amount": "18,600.50元",
        "signed_on": "2020-05-20", "milestones": "报告 2020-06-05\n总结 2021-01-31",
    }  # fmt: skip
    for wrong, field, code in (
        ({"milestones": "报告 2020-06-05\n总结"}, "milestones", "bad_line"),
        ({"milestones": "报告 2020-01-05"}, "milestones", "due_before"),
        ({"amount": "viel"}, "amount", "bad_amount"),
        ({"amount": "-1"}, "amount", "bad_amount"),
        ({"amount": "1e999999"}, "amount", "bad_amount"),
        ({"buyer": ""}, "buyer", "buyer_missing"),
    ):
        answer = client.post(add, sent | wrong)
        errors = answer.context["form"].errors.as_data()
        assert ({field: [code]}, 400) == ({k: [e.code for e in v] for k, v in errors.items()}, answer.status_code)
    assert not Service.objects.exists()
    url = client.post(add, sent)["Location"]
    assert client.post(add, sent)["Location"] == url
    assert Service.objects.get().amount == Decimal("18600.50")
    assert client.get("/commons/services/?show=late").context["rows"][0][0].late == 1
    late, ahead = Milestone.objects.order_by("due_on")
    step = f"meet-{late.pk}"
    answer = client.post(url, {"step": step, f"{step}-met_on": DAY})
    assert answer.status_code == 400
    assert [line["form"].errors for line in answer.context["lines"] if line["form"].errors]
    sent = {"step": step, f"{step}-met_on": DAY, f"{step}-evidence": picture()}
    assert client.post(url, sent).status_code == 302
    late.refresh_from_db()
    assert (late.met_on, late.evidence) == (TODAY, Photo.objects.get().pk)
    # Met already, of another service, no milestone at all: nothing is written.
    assert client.post(url, sent).status_code == 400
    assert client.post(url, {"step": "meet-0"}).status_code == 400
    assert client.get("/commons/services/?show=late").context["rows"] == []
    assert (
        client.post(url, {"step": "milestone", "milestone-name": "展示", "milestone-due_on": "2021-03-01"}).status_code
        == 302
    )
    assert (
        client.post(url, {"step": "milestone", "milestone-name": "", "milestone-due_on": "2021-03-01"}).status_code
        == 400
    )
    assert Milestone.objects.count() == 3
    assert ahead.met_on is None


def test_a_document_of_the_organisation_shows_it_too(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    one.documents.create(kind="charter", name="章程.pdf", file="x", digest="ab" * 32, by={}, at=NOON)
    one.documents.create(kind="roster", name="名单.pdf", file="y", digest="cd" * 32, by={}, at=NOON)
    url = f"/commons/growth/{one.pk}/"
    offered = dict(client.get(url).context["forms"]["stage"].fields["document"].choices)
    assert set(offered) == {"", "ab" * 32}
    sent = {"step": "stage", "stage-stage": "growing", "stage-on": DAY, "stage-document": "ab" * 32}
    assert client.post(url, sent).status_code == 302
    assert LifeEvent.objects.get().evidence == "ab" * 32


def test_lists_ask_the_database_few_times(client: Client, worker: Person, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        one = make_organisation(f"组织{number:02}", stage="growing", brand=f"牌{number}")
        actions.sign_service(
            by=worker, now=NOON, organisation_id=one.pk, name="服务", buyer="办事处", amount=Decimal(1),
            signed_on=TODAY - timedelta(days=9), milestones=[MilestoneDraft("报告", TODAY - timedelta(days=1))],
        )  # fmt: skip
        actions.make_course(
            by=worker, now=NOON, name=f"课{number}", provider="明峰", jurisdiction=TOWN, begins_on=date(2020, 1, 1)
        )
    course = actions.make_course(
        by=worker, now=NOON, name="课", provider="明峰", jurisdiction=TOWN, begins_on=date(2020, 1, 1)
    )
    for hour in range(20):
        at = actions.add_session(
            by=worker, now=NOON, course_id=course.pk, at=NOON - timedelta(hours=hour), topic=f"主题{hour}"
        )
        attended = [Attended(pk, 2) for pk in Organisation.objects.values_list("pk", flat=True)]
        actions.record_attendance(by=worker, now=NOON, session_id=at.pk, attended=attended)
    for url in (
        "/commons/growth/", "/commons/growth/slots/", "/commons/growth/brands/", "/commons/courses/",
        "/commons/services/", "/commons/services/?show=late", f"/commons/courses/{course.pk}/",
        f"/commons/growth/{one.pk}/",
    ):  # fmt: skip
        client.get(url)
        with django_assert_max_num_queries(22):
            assert client.get(url).status_code == 200, url
    first = client.get("/commons/growth/brands/")
    assert len(first.context["rows"]) == 50
    later = client.get(first.context["later"])
    assert len(later.context["rows"]) == 10
    assert client.get(later.context["earlier"]).context["rows"] == first.context["rows"]
    assert len(client.get("/commons/services/?page=2").context["rows"]) == 10
    assert client.get("/commons/services/?page=99999999").status_code == 200


def test_a_fragment_on_a_public_page_tells_no_notes(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted")
    proof = make_photo(9, by=worker)
    actions.set_stage(
        by=worker, now=NOON, organisation_id=one.pk, stage="growing", on=TODAY, evidence=proof, note="内部说明"
    )
    client.logout()
    page = client.get(f"/organisations/{one.pk}/").content.decode()
    assert "内部说明" not in page
    assert proof not in page
    assert "evidence/" not in page
