"""Needs for anybody: a sign-up in one step, parts with photos; no contact, no unverified photo or name in public."""

import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.commons.building import COMMUNITY
from tests.reading import text_of

from duban.access.models import Person
from duban.commons.guests import TRIES
from duban.commons.models import Delivery, Pledge, PostedNeed
from duban.commons.pairing import actions
from duban.commons.pairing.actions import NeedDraft
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_jpeg, make_person, make_photo
from duban.evidence.models import Photo

pytestmark = pytest.mark.django_db
DUE = date(2021, 2, 10)
PLANTED = ("东方不问", "13911223344")


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


@pytest.fixture
def anybody(db: None) -> Client:
    return Client(headers={"accept-language": "en"})


def posted(worker: Person, target: int = 60, code: str = COMMUNITY, **more: Any) -> PostedNeed:
    return actions.post_need(by=worker, now=NOON, draft=NeedDraft("楼门文化作品", "幅", target, DUE, code, **more))


def picture(seed: int) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", make_jpeg(seed), content_type="image/jpeg")


def form(**changes: str) -> dict[str, str]:
    name, phone = PLANTED
    return {"id": str(uuid.uuid4()), "number": "40", "partner": "运河中学", "name": name, "phone": phone, **changes}


def own_page(answer: Any) -> str:
    return str(answer["Location"].partition("?")[0])


def test_sign_up_deliver_in_parts_and_be_thanked(worker: Person, anybody: Client) -> None:
    need = posted(worker)
    page = f"/needs/{need.pk}/"
    assert "60 of 60 幅 still wanted" in text_of(anybody.get("/needs/"))
    answer = anybody.post(page, form())
    mine = own_page(answer)
    assert re.fullmatch(r"/needs/mine/[\w-]{22}/", mine)
    words = text_of(anybody.get(answer["Location"]))
    assert f"http://testserver{mine}" in words
    assert PLANTED[1] not in words
    for number, seed in (("25", 1), ("15", 2)):
        brought = anybody.post(f"{mine}deliver/", {"number": number, "photos": picture(seed)})
        assert brought["Location"] == f"{mine}?done=brought"
    assert "You brought all of it" in text_of(anybody.get(mine))
    public = text_of(anybody.get(page))
    assert "40 signed up for, 40 brought, 0 verified" in public
    assert "运河中学" not in public
    photos = [one.photos[0] for one in Delivery.objects.order_by("pk")]
    for sha in photos:
        assert anybody.get(f"{page}photos/{sha}/public/").status_code == 404
    actions.verify_delivery(by=worker, now=NOON, delivery_id=Delivery.objects.order_by("pk")[0].pk, good=True)
    public = text_of(anybody.get(page))
    assert re.search(r"<b>运河中学</b>\s*25 幅", public)
    shown = anybody.get(f"{page}photos/{photos[0]}/public/")
    assert b"".join(shown.streaming_content)[:2] == b"\xff\xd8"  # type: ignore[attr-defined]
    assert shown["Cache-Control"].startswith("public")
    for sha, variant in ((photos[0], "original"), (photos[1], "thumbnail"), ("x", "public"), (photos[0], "other")):
        assert anybody.get(f"{page}photos/{sha}/{variant}/").status_code == 404
    actions.close_need(by=worker, now=NOON, need_id=need.pk, thanks="谢谢同学们")
    public = text_of(anybody.get(page))
    assert "谢谢同学们" in public
    assert 'name="phone"' not in public
    assert anybody.post(page, form(number="1")).status_code == 409
    assert "Done, with thanks" in text_of(anybody.get("/needs/"))


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"number": "61"}, "too_many", 409),
        ({"number": "0"}, "bad_number", 400),
        ({"number": "all"}, "bad_number", 400),
        ({"partner": " "}, "partner_missing", 400),
        ({"partner": "x" * 101}, "partner_missing", 400),
        ({"name": ""}, "contact_name", 400),
        ({"phone": "call me"}, "contact_phone", 400),
        ({"id": "1"}, "invalid", 400),
        ({"name": "王\x00"}, "null_characters_not_allowed", 400),
    ],
)
def test_a_wrong_sign_up_says_where_and_keeps_what_was_typed(
    worker: Person, anybody: Client, change: dict[str, str], code: str, status: int
) -> None:
    need = posted(worker)
    answer = anybody.post(f"/needs/{need.pk}/", form(**change))
    words = text_of(answer)
    assert answer.status_code == status
    assert code in words or code == "invalid"
    assert 'value="运河中学"' in words or "partner" in change
    assert not Pledge.objects.exists()


def test_a_second_press_signs_up_once(worker: Person, anybody: Client) -> None:
    need, sent = posted(worker), form()
    first, again = (anybody.post(f"/needs/{need.pk}/", sent) for _press in range(2))
    assert own_page(first).startswith("/needs/mine/")
    assert again["Location"] == f"/needs/{need.pk}/?again=1"
    assert Pledge.objects.count() == 1


def test_who_comes_when_all_is_taken_is_told(worker: Person, anybody: Client) -> None:
    need = posted(worker, target=40)
    late = form()
    anybody.post(f"/needs/{need.pk}/", form())
    answer = anybody.post(f"/needs/{need.pk}/", late)
    assert (answer.status_code, "need_met" in text_of(answer)) == (409, True)


def test_what_is_taken_back_is_free_for_others(worker: Person, anybody: Client) -> None:
    need = posted(worker)
    mine = own_page(anybody.post(f"/needs/{need.pk}/", form()))
    anybody.post(f"{mine}deliver/", {"number": "10", "photos": picture(1)})
    for _press in range(2):
        assert anybody.post(f"{mine}withdraw/")["Location"] == f"{mine}?done=free"
    need.refresh_from_db()
    assert need.pledged == 10
    answer = anybody.post(f"{mine}deliver/", {"number": "1", "photos": picture(2)})
    assert (answer.status_code, "more_than_pledged" in text_of(answer)) == (400, True)
    assert Photo.objects.count() == 1


@pytest.mark.parametrize("number", ["", "0", "-1", "41", "9999999999"])
def test_a_wrong_number_keeps_no_photo(worker: Person, anybody: Client, number: str) -> None:
    mine = own_page(anybody.post(f"/needs/{posted(worker).pk}/", form()))
    answer = anybody.post(f"{mine}deliver/", {"number": number, "photos": [picture(1), picture(2)]})
    assert answer.status_code == 400
    assert not Photo.objects.exists()
    assert not Delivery.objects.exists()


def test_of_ten_photos_or_one_bad_one_none_is_kept(worker: Person, anybody: Client) -> None:
    mine = own_page(anybody.post(f"/needs/{posted(worker).pk}/", form()))
    ten = [picture(seed) for seed in range(10)]
    for photos in (ten, [picture(1), SimpleUploadedFile("a.jpg", b"GIF89a")]):
        answer = anybody.post(f"{mine}deliver/", {"number": "5", "photos": photos})
        assert answer.status_code == 400
    assert not Photo.objects.exists()
    assert not Delivery.objects.exists()


def test_nothing_public_names_who_signed_up(worker: Person, anybody: Client) -> None:
    need = posted(worker, before=make_photo(1, by=worker))
    mine = own_page(anybody.post(f"/needs/{need.pk}/", form()))
    anybody.post(f"{mine}deliver/", {"number": "10", "photos": picture(2)})
    actions.verify_delivery(by=worker, now=NOON, delivery_id=Delivery.objects.get().pk, good=True)
    for address in ("/needs/", f"/needs/{need.pk}/", mine, f"{mine}?new=1"):
        words = text_of(anybody.get(address))
        assert not any(one in words for one in PLANTED), address
    told = str(list(AuditRecord.objects.values_list("actor", "detail")))
    assert not any(one in told for one in PLANTED)
    secret = mine.split("/")[3]
    assert secret not in told + text_of(anybody.get("/needs/")) + text_of(anybody.get(f"/needs/{need.pk}/"))


def test_needs_of_one_area(worker: Person, anybody: Client) -> None:
    posted(worker)
    actions.pair(by=worker, now=NOON, jurisdiction=COMMUNITY, partner="青少年活动中心", signed_on=date(2020, 9, 1))
    actions.pair(by=worker, now=NOON, jurisdiction=COMMUNITY, partner="明年再来", signed_on=date(2022, 9, 1))
    assert "楼门文化作品" in text_of(anybody.get(f"/needs/?at={COMMUNITY[:9]}"))
    elsewhere = text_of(anybody.get("/needs/?at=110112110"))
    assert "楼门文化作品" not in elsewhere
    for nonsense in ("x", "1", "110112' OR 1=1", "９９９９９９", "1" * 40):
        assert anybody.get("/needs/", {"at": nonsense}).status_code == 200
    words = text_of(anybody.get("/needs/"))
    assert "青少年活动中心" in words
    assert "明年再来" not in words


def test_the_day_after_nobody_signs_up(worker: Person, anybody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    need = posted(worker)
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=24))
    assert "楼门文化作品" not in text_of(anybody.get("/needs/"))
    words = text_of(anybody.get(f"/needs/{need.pk}/"))
    assert 'name="phone"' not in words
    assert anybody.post(f"/needs/{need.pk}/", form()).status_code == 409


def test_who_floods_or_guesses_waits(worker: Person, anybody: Client) -> None:
    need = posted(worker, target=100)
    for _turn in range(TRIES):
        assert anybody.post(f"/needs/{need.pk}/", form(number="1")).status_code == 302
    assert anybody.post(f"/needs/{need.pk}/", form(number="1")).status_code == 429
    assert Pledge.objects.count() == TRIES
    for number in range(TRIES):
        assert anybody.get(f"/needs/mine/guess{number}/").status_code == 404
    assert anybody.get("/needs/mine/guess/").status_code == 429


def test_public_pages_ask_few_questions(worker: Person, anybody: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        posted(worker, target=10 + number)
    with django_assert_max_num_queries(9):
        anybody.get("/needs/")
    with django_assert_max_num_queries(9):
        anybody.get(f"/needs/{PostedNeed.objects.all()[0].pk}/")
