"""The desk's pages of needs and agreements: posted once, verified with photos, contacts masked and looks recorded."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.commons.building import COMMUNITY, make_place
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import Delivery, Organisation, OrganisationCategory, Pairing, Pledge, PostedNeed
from duban.commons.pairing import actions
from duban.commons.pairing.actions import NeedDraft
from duban.commons.pairing.forgetting import forget_partners
from duban.core import clock
from duban.core.audit import Console
from duban.core.models import AuditRecord
from duban.core.text import folded
from duban.demo.builders import NOON, make_jpeg, make_person
from duban.evidence.models import Photo
from duban.places.models import Jurisdiction

pytestmark = pytest.mark.django_db
DUE = date(2021, 2, 10)
SOMEBODY = Contact("欧阳阿姨", "13800138000")


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def worker(db: None) -> Person:
    Jurisdiction.objects.create(
        code=COMMUNITY, name="艺苑西里社区", kind="community", parent_code=COMMUNITY[:9], loaded_at=NOON
    )
    return make_person("worker", "community_worker")


@pytest.fixture
def desk(worker: Person) -> Client:
    return client_of(worker)


def client_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def picture(seed: int = 1, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, make_jpeg(seed), content_type="image/jpeg")


def form(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "title": "楼门文化作品", "unit": "幅", "target": "60", "due_on": "2021-02-10",
        "jurisdiction": COMMUNITY, "place": "", "text": "", "decision": "", **changes,
    }  # fmt: skip


def posted(worker: Person, target: int = 60) -> PostedNeed:
    return actions.post_need(by=worker, now=NOON, draft=NeedDraft("楼门文化作品", "幅", target, DUE, COMMUNITY))


def pledged(need: PostedNeed, number: int = 40, partner: str = "运河中学") -> actions.Pledged:
    return actions.pledge(
        now=NOON, need_id=need.pk, partner=partner, contact=SOMEBODY, number=number, pledge_id=uuid.uuid4()
    )


# ---- posting --------------------------------------------------------------------------------------------------------


def test_a_need_is_posted_once_with_its_photo_and_place(desk: Client, worker: Person) -> None:
    place = make_place()
    sent = form(place=str(place.pk), jurisdiction="110112")
    for _press in range(2):
        answer = desk.post("/commons/needs/add/", sent | {"before": picture()})
        assert answer.status_code == 302
    need = PostedNeed.objects.get()
    assert (need.place, need.jurisdiction, need.target, need.due_on) == (place, COMMUNITY, 60, DUE)
    assert Photo.objects.get().pk == need.before


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"title": ""}, "title_missing", 400),
        ({"unit": ""}, "unit_missing", 400),
        ({"target": "0"}, "bad_target", 400),
        ({"target": "many"}, "bad_target", 400),
        ({"target": "-3"}, "bad_target", 400),
        ({"due_on": "2021-01-17"}, "due_in_the_past", 400),
        ({"due_on": "soon"}, "bad_days", 400),
        ({"due_on": "2021-02-31"}, "bad_days", 400),
        ({"jurisdiction": "abc"}, "bad_code", 400),
        ({"jurisdiction": "110113001001"}, "not_allowed", 403),
        ({"decision": "00000000-0000-0000-0000-000000000007"}, "decision_not_found", 404),
        ({"title": "画\x00"}, "null_characters_not_allowed", 400),
    ],
)
def test_a_wrong_form_says_where_and_keeps_no_photo(
    desk: Client, change: dict[str, str], code: str, status: int
) -> None:
    answer = desk.post("/commons/needs/add/", form(**change) | {"before": picture()})
    assert (answer.status_code, code in text_of(answer)) == (status, True)
    assert not PostedNeed.objects.exists()
    assert not Photo.objects.exists()


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"", make_jpeg(1)[:900]])
def test_what_is_no_photo_is_refused_at_its_field(desk: Client, data: bytes) -> None:
    wrong = SimpleUploadedFile("a.jpg", data, content_type="image/jpeg")
    answer = desk.post("/commons/needs/add/", form() | {"before": wrong})
    assert (answer.status_code, "photo_" in text_of(answer)) == (400, True)
    assert not PostedNeed.objects.exists()


def test_a_need_may_grow_but_never_below_what_is_pledged(desk: Client, worker: Person) -> None:
    need = posted(worker)
    pledged(need)
    change = {"text": "画框自备", "target": "39", "due_on": "2021-02-20"}
    answer = desk.post(f"/commons/needs/{need.pk}/change/", change)
    assert (answer.status_code, "pledged_already" in text_of(answer)) == (400, True)
    assert desk.post(f"/commons/needs/{need.pk}/change/", change | {"target": "80"}).status_code == 302
    need.refresh_from_db()
    assert (need.target, need.text, need.due_on) == (80, "画框自备", date(2021, 2, 20))
    actions.close_need(by=worker, now=NOON, need_id=need.pk)
    assert desk.post(f"/commons/needs/{need.pk}/change/", change | {"target": "90"}).status_code == 409


# ---- what came ------------------------------------------------------------------------------------------------------


def test_delivered_verified_refused_and_thanked(desk: Client, worker: Person) -> None:
    need = posted(worker)
    made = pledged(need)
    desk.post(f"/commons/needs/pledges/{made.pledge.pk}/record/", {"number": "25"})
    first = Delivery.objects.get()
    verify = f"/commons/needs/deliveries/{first.pk}/verify/"
    answer = desk.post(verify, {"good": "1"})
    assert (answer.status_code, "photo_missing" in text_of(answer)) == (400, True)
    answer = desk.post(verify, {"good": "1", "photos": SimpleUploadedFile("a.jpg", b"no")})
    assert answer.status_code == 400
    assert desk.post(verify, {"good": "1", "photos": [picture(1), picture(2)]}).status_code == 302
    first.refresh_from_db()
    assert (first.verified_at, len(first.photos)) == (NOON, 2)
    answer = desk.post(verify, {"good": "1", "photos": picture(3)})
    assert (answer.status_code, Photo.objects.count()) == (409, 2)
    desk.post(f"/commons/needs/pledges/{made.pledge.pk}/record/", {"number": "15", "photos": picture(4)})
    second = Delivery.objects.get(verified_by__isnull=True)
    refuse = f"/commons/needs/deliveries/{second.pk}/verify/"
    assert desk.post(refuse, {"reason": ""}).status_code == 400
    assert desk.post(refuse, {"reason": "画框破损"}).status_code == 302
    page = text_of(desk.get(f"/commons/needs/{need.pk}/"))
    assert "画框破损" in page
    assert "40 signed up for, 25 brought, 25 verified" in page
    answer = desk.post(f"/commons/needs/{need.pk}/close/", {"thanks": "谢谢同学们", "after": picture(5)})
    assert answer.status_code == 302
    need.refresh_from_db()
    assert (need.closed_at, need.thanks, bool(need.after)) == (NOON, "谢谢同学们", True)


@pytest.mark.parametrize(("number", "code"), [("41", "more_than_pledged"), ("", "bad_number"), ("1.5", "bad_number")])
def test_a_wrong_number_keeps_no_photo(desk: Client, worker: Person, number: str, code: str) -> None:
    made = pledged(posted(worker))
    answer = desk.post(
        f"/commons/needs/pledges/{made.pledge.pk}/record/", {"number": number, "photos": [picture(1), picture(2)]}
    )
    assert (answer.status_code, code in text_of(answer)) == (400, True)
    assert not Delivery.objects.exists()
    assert not Photo.objects.exists()


def test_a_contact_is_masked_and_each_look_recorded(desk: Client, worker: Person) -> None:
    need = posted(worker)
    made = pledged(need)
    page = text_of(desk.get(f"/commons/needs/{need.pk}/"))
    assert "138****00" in page
    assert SOMEBODY.phone not in page + SOMEBODY.name
    assert SOMEBODY.name not in page
    opened = desk.post(f"/commons/needs/pledges/{made.pledge.pk}/contact/")
    assert SOMEBODY.phone in text_of(opened)
    assert opened["Cache-Control"] == "no-store"
    assert AuditRecord.objects.filter(action="open_contact", subject_id=str(made.pledge.pk)).count() == 1
    supervisor = client_of(make_person("supervisor", "supervisor"))
    assert "138****00" not in text_of(supervisor.get(f"/commons/needs/{need.pk}/"))
    assert supervisor.post(f"/commons/needs/pledges/{made.pledge.pk}/contact/").status_code == 403


def test_contacts_are_forgotten_in_time(desk: Client, worker: Person) -> None:
    need = posted(worker)
    made = pledged(need)
    after = DUE + timedelta(days=1)
    assert [forget_partners(by=Console(), now=NOON, before=day) for day in (DUE, after, after)] == [0, 1, 0]
    assert AuditRecord.objects.get(action="forget_partners").detail == {"partners": 1, "before": "2021-02-11"}
    assert Pledge.objects.get().sealed is None
    assert "deleted in time" in text_of(desk.get(f"/commons/needs/{need.pk}/"))
    assert desk.post(f"/commons/needs/pledges/{made.pledge.pk}/contact/").status_code == 200


def test_a_poster_says_what_is_wanted_and_where_to_sign_up(desk: Client, worker: Person) -> None:
    need = posted(worker)
    words = "".join(text_of(desk.get(f"/commons/needs/{need.pk}/poster.pdf")).split())
    for part in ("楼门文化作品", "60幅", "10February2021", f"/needs/{need.pk}/"):
        assert part in words
    PostedNeed.objects.update(text="画框自备\n\n#strong[x] $y$ \n" + "长" * 400)
    words = "".join(text_of(desk.get(f"/commons/needs/{need.pk}/poster.pdf")).split())
    assert "画框自备" in words
    assert "#strong[x]$y$" in words
    assert "…" in words


def test_the_office_strikes_a_sign_up(desk: Client, worker: Person) -> None:
    need = posted(worker)
    made = pledged(need)
    actions.deliver(now=NOON, secret=made.secret, number=10)
    for _press in range(2):
        assert desk.post(f"/commons/needs/pledges/{made.pledge.pk}/strike/").status_code == 302
    need.refresh_from_db()
    assert need.pledged == 10


def test_another_office_reaches_nothing(desk: Client, worker: Person) -> None:
    need = posted(worker)
    made = pledged(need)
    brought = actions.deliver(now=NOON, secret=made.secret, number=10)
    stranger = client_of(make_person("stranger", "community_worker", "110113"))
    assert stranger.get(f"/commons/needs/{need.pk}/").status_code == 404
    for address in (
        f"/commons/needs/{need.pk}/close/",
        f"/commons/needs/{need.pk}/change/",
        f"/commons/needs/pledges/{made.pledge.pk}/contact/",
        f"/commons/needs/pledges/{made.pledge.pk}/strike/",
        f"/commons/needs/pledges/{made.pledge.pk}/record/",
        f"/commons/needs/deliveries/{brought.pk}/verify/",
    ):
        assert stranger.post(address, {"number": "1"}).status_code == 404, address
    assert not Photo.objects.exists()


def test_the_list_asks_few_questions(desk: Client, worker: Person, django_assert_max_num_queries: Any) -> None:
    for number in range(15):
        made = pledged(posted(worker, target=60 + number))
        actions.deliver(now=NOON, secret=made.secret, number=10)
    with django_assert_max_num_queries(13):
        words = text_of(desk.get("/commons/needs/"))
    assert words.count("data-row") == 15
    actions.close_need(by=worker, now=NOON, need_id=PostedNeed.objects.all()[0].pk)
    assert text_of(desk.get("/commons/needs/")).count("data-row") == 14
    assert text_of(desk.get("/commons/needs/?show=closed")).count("data-row") == 1


# ---- agreements -----------------------------------------------------------------------------------------------------


def test_an_agreement_is_on_record_linked_by_name_and_ended(desk: Client, worker: Person) -> None:
    category = OrganisationCategory.objects.first()
    assert category is not None
    school = Organisation.objects.create(
        name="运河中学", name_key=folded("运河中学"), search="", tier="registered", kind="other", category=category,
        jurisdiction=COMMUNITY, town=COMMUNITY[:9], token="t" * 22, added_at=NOON,
    )  # fmt: skip
    sent = {"partner": "运河中学", "jurisdiction": COMMUNITY, "signed_on": "2020-09-01", "text": "1+1"}
    for _press in range(2):
        assert desk.post("/commons/pairings/add/", sent).status_code == 302
    pairing = Pairing.objects.get()
    assert pairing.organisation == school
    page = text_of(desk.get("/commons/pairings/"))
    assert "运河中学" in page
    assert "艺苑西里社区" in page
    for until, kept in (("never", None), ("2020-08-31", None), ("2021-01-17", date(2021, 1, 17))):
        desk.post(f"/commons/pairings/{pairing.pk}/end/", {"until": until})
        pairing.refresh_from_db()
        assert pairing.until == kept
    assert "运河中学" not in text_of(desk.get("/commons/pairings/"))
    assert "运河中学" in text_of(desk.get("/commons/pairings/?show=over"))


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"partner": " "}, "partner_missing", 400),
        ({"partner": "x" * 101}, "partner_missing", 400),
        ({"signed_on": "yesterday"}, "bad_days", 400),
        ({"jurisdiction": "110113001"}, "not_allowed", 403),
        ({"jurisdiction": ""}, "bad_code", 400),
    ],
)
def test_a_wrong_agreement(desk: Client, change: dict[str, str], code: str, status: int) -> None:
    sent = {"partner": "运河中学", "jurisdiction": COMMUNITY, "signed_on": "2020-09-01", "text": "", **change}
    answer = desk.post("/commons/pairings/add/", sent)
    assert (answer.status_code, code in text_of(answer)) == (status, True)
    assert not Pairing.objects.exists()
