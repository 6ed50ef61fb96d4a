"""The register's list and its map, adding and editing, the contact, stickers and types, over HTTP."""

import io
import re
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import segno
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.reading import text_of

from duban.access.models import Person
from duban.core import paging
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues import filters, map_points, queries
from duban.venues.actions import VenueEdit, close_venue, edit_venue, mark_of, record_venue, record_venues
from duban.venues.contact import Contact, unseal_contact
from duban.venues.drafts import VenueDraft
from duban.venues.models import Venue, VenueType

pytestmark = pytest.mark.django_db
TOWN, OTHER = "110112110", "110112106"
ClientOf = Callable[[Person], Client]


@pytest.fixture
def client(supervisor: Person, client_of: ClientOf) -> Client:
    return client_of(supervisor)


def venue_of(supervisor: Person, name: str = "好味面馆", **said: Any) -> Venue:
    facts = {"kind": "restaurant", "jurisdiction": TOWN}
    return record_venue(by=supervisor, now=NOON, name=name, **facts | said)


def names_in(answer: Any) -> list[str]:
    return re.findall(r'data-open href="[^"]+">([^<]+)</a>', text_of(answer))


# ---- the list -------------------------------------------------------------------------------------------------------


def test_the_list_is_sifted_by_words_type_area_and_what_is_closed(supervisor: Person, client: Client) -> None:
    venue_of(supervisor, "好味面馆", address="幸福街1号")
    venue_of(supervisor, "大超市", kind="supermarket")
    venue_of(supervisor, "好运面馆", jurisdiction=OTHER)
    gone = venue_of(supervisor, "老面馆")
    close_venue(by=supervisor, now=NOON, venue_id=gone.pk)
    for query, names in {
        "": ["好运面馆", "大超市", "好味面馆"],
        "text=haowei": ["好味面馆"],
        "text=面馆": ["好运面馆", "好味面馆"],
        "text=幸福街 面馆": ["好味面馆"],
        "kind=supermarket": ["大超市"],
        f"area={OTHER}": ["好运面馆"],
        f"area={TOWN}000": ["大超市", "好味面馆"],
        "closed=1": ["老面馆"],
        "text=没有": [],
    }.items():
        assert names_in(client.get(f"/venues/?{query}")) == names, query
    rows = client.get("/venues/?kind=supermarket", headers={"HX-Request": "true"})
    assert b"<html" not in rows.content
    assert names_in(rows) == ["大超市"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("kind=casino", "unknown_venue_type"),
        ("area=12", "bad_code"),
        ("area=%00", "bad_code"),
        ("closed=2", "bad_flag"),
        ("text=%00", "bad_text"),
        (f"text={'x' * 101}", "bad_text"),
        ("cursor=abc", "bad_cursor"),
        ("cursor=WyJhZnRlciIsMSwyLDNd", "bad_cursor"),
        ("cursor=W10", "bad_cursor"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_on_the_page(client: Client, query: str, code: str) -> None:
    answer = client.get(f"/venues/?{query}")
    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert client.get(f"/venues/points.geojson?{query}").status_code in {200, 400}


@settings(max_examples=15, deadline=None)
@given(
    kept=st.lists(st.tuples(st.sampled_from([TOWN, OTHER]), st.sampled_from("甲乙丙")), max_size=13),
    size=st.integers(1, 5),
)
def test_pages_forth_and_back_hold_each_venue_once_in_order(kept: list[tuple[str, str]], size: int) -> None:
    Venue.objects.all().delete()
    person = Person.objects.filter(username="walker").first() or make_person("walker")
    for place, name in kept:
        venue_of(person, name, jurisdiction=place)
    everything = list(queries.visible_to(person))
    page = paging.page_of(queries.visible_to(person), queries.ORDER, size=size)
    pages = [page]
    while page.later:
        page = paging.page_of(queries.visible_to(person), queries.ORDER, page.later, size=size)
        pages.append(page)
    assert [venue for one in pages for venue in one.rows] == everything
    assert not pages[0].earlier
    for before, after in reversed(list(pairwise(pages))):
        assert paging.page_of(queries.visible_to(person), queries.ORDER, after.earlier, size=size).rows == before.rows


def test_a_long_list_takes_as_many_queries_as_a_short_one(
    supervisor: Person, client: Client, django_assert_max_num_queries: Any
) -> None:
    drafts = [VenueDraft(f"第{number}店", "shop", TOWN) for number in range(120)]
    record_venues(by=supervisor, now=NOON, drafts=drafts)
    with django_assert_max_num_queries(14):
        assert len(names_in(client.get("/venues/"))) == 50
    with django_assert_max_num_queries(14):
        client.get("/venues/?text=店&kind=shop")


def test_an_empty_register_teaches(client: Client, client_of: ClientOf) -> None:
    assert "Import the list that the office has" in client.get("/venues/").content.decode()
    leader = client_of(make_person("leader", "leader"))
    page = leader.get("/venues/").content.decode()
    assert "An inspector or a supervisor adds them" in page
    assert "/venues/add/" not in page


# ---- the map --------------------------------------------------------------------------------------------------------


def test_the_map_draws_few_as_points_and_many_as_clusters_that_add_up(supervisor: Person, client: Client) -> None:
    spots = [(116.6 + number % 40 / 400, 39.8 + number // 40 / 400) for number in range(520)]
    drafts = [VenueDraft(f"店{number}", "shop", TOWN, lon, lat) for number, (lon, lat) in enumerate(spots)]
    record_venues(by=supervisor, now=NOON, drafts=[*drafts, VenueDraft("无处店", "shop", TOWN)])
    far = client.get("/venues/clusters.geojson?bbox=116,39,117,41&zoom=8").json()
    assert far["count"] == 520 == sum(one["properties"]["count"] for one in far["features"])
    assert len(far["features"]) < 520
    near = client.get("/venues/clusters.geojson?bbox=116.6,39.8,116.62,39.81&zoom=14").json()
    inside = {f"店{n}" for n, (lon, lat) in enumerate(spots) if 116.6 <= lon <= 116.62 and 39.8 <= lat <= 39.81}
    # The box is widened to whole cells.
    titles = {one["properties"]["title"] for one in near["features"]}
    assert inside <= titles
    assert len(titles) == near["count"] < len(inside) + 20
    assert near["features"][0]["properties"]["word"] == "shop"
    assert client.get("/venues/clusters.geojson?bbox=1,1,2,2&zoom=8").json()["features"] == []
    every = client.get("/venues/points.geojson?text=店1").json()
    assert {one["properties"]["title"] for one in every["features"]} == {
        f"店{n}" for n in range(520) if "店1" in f"店{n}"
    }


def test_more_points_than_a_map_bears_are_told(supervisor: Person, client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(map_points, "MAP_CAP", 2)
    for number in range(3):
        venue_of(supervisor, f"店{number}", lon=116.8, lat=39.8 + number / 100)
    answer = client.get("/venues/points.geojson").json()
    assert (len(answer["features"]), answer["more"]) == (2, True)
    assert answer["note"]


@pytest.mark.parametrize(
    "query", ["", "bbox=1,2,3&zoom=3", "bbox=9,1,2,2&zoom=3", "bbox=1,1,2,2&zoom=x", "bbox=1,1,2,2&zoom=nan"]
)
def test_a_box_that_is_none_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/venues/clusters.geojson?{query}", headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] in {"bad_box", "bad_zoom"}


# ---- adding and editing ---------------------------------------------------------------------------------------------


def said(**changes: str) -> dict[str, str]:
    facts = {"id": str(uuid.uuid4()), "name": "好味面馆", "venue_type": "restaurant", "jurisdiction": TOWN}
    return {**facts, "datum": "wgs84"} | changes


def test_a_venue_is_added_and_a_second_press_adds_no_second(client: Client) -> None:
    form = said(contact_name="张建国", contact_phone="13800001234", lon="116.8", lat="39.8")
    first = client.post("/venues/add/", form)
    venue = Venue.objects.get()
    assert (first.status_code, first.headers["Location"]) == (302, f"/patrol/venues/{venue.pk}/")
    assert str(venue.pk) == form["id"]
    assert unseal_contact(venue.contact) == Contact("张建国", "13800001234")
    again = client.post("/venues/add/", form)
    assert again.headers["Location"] == first.headers["Location"]
    assert Venue.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "name_missing"),
        ({"venue_type": ""}, "unknown_venue_type"),
        ({"jurisdiction": ""}, "place_missing"),
        ({"lon": "116.8"}, "position_incomplete"),
        ({"lon": "east", "lat": "39.8"}, "bad_number"),
        ({"lon": "1e400", "lat": "39.8"}, "bad_number"),
        ({"lon": "39.8", "lat": "116.8"}, "bad_latitude"),
        ({"jurisdiction": "310101"}, "outside_scope"),
        ({"contact_phone": "none"}, "bad_phone"),
        ({"name": "a\x00b"}, "null_characters_not_allowed"),
        ({"id": "x"}, "invalid"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    client: Client, changes: dict[str, str], code: str
) -> None:
    answer = client.post("/venues/add/", said(address="幸福街", **changes))
    page = answer.content.decode()
    assert answer.status_code in {400, 403}
    assert code in page
    assert 'value="幸福街"' in page
    assert not Venue.objects.exists()


def test_what_may_be_the_same_is_shown_once_before_it_is_added(supervisor: Person, client: Client) -> None:
    there = venue_of(supervisor, "好味面馆", lon=116.8, lat=39.8)
    venue_of(supervisor, "别家", lon=116.8, lat=39.8)
    form = said(name="好味面馆店", lon="116.8005", lat="39.8", jurisdiction="")
    piece = client.get("/venues/look-alikes/", form).content.decode()
    assert str(there.pk) in piece
    assert "别家" not in piece
    asked = client.post("/venues/add/", form)
    assert asked.status_code == 200
    assert "Already on the register?" in asked.content.decode()
    assert Venue.objects.count() == 2
    answered = client.post("/venues/add/", {**form, "offered": [str(there.pk)]})
    assert answered.status_code == 302
    assert Venue.objects.count() == 3


def test_nobody_is_shown_a_look_alike_out_of_sight(supervisor: Person, client_of: ClientOf) -> None:
    venue_of(supervisor, "好味面馆", lon=116.8, lat=39.8)
    keeper = client_of(make_person("keeper", "inspector", OTHER))
    assert "好味" not in keeper.get("/venues/look-alikes/?name=好味面馆&lon=116.8&lat=39.8").content.decode()


def test_an_edit_leaves_what_nobody_touched_and_a_stale_page_changes_nothing(
    supervisor: Person, client: Client
) -> None:
    venue = venue_of(supervisor, lon=116.80000049, lat=39.8, contact=Contact("张建国", "1380000"))
    page = client.get(f"/venues/{venue.pk}/edit/").content.decode()
    assert "张建国" not in page
    form = said(id=str(venue.pk), seen=mark_of(venue), lon="116.800000", lat="39.800000", name="新名")
    assert client.post(f"/venues/{venue.pk}/edit/", form).status_code == 302
    stored = Venue.objects.get()
    assert (stored.name, stored.lon, unseal_contact(stored.contact)) == (
        "新名",
        116.80000049,
        Contact("张建国", "1380000"),
    )
    stale = client.post(f"/venues/{venue.pk}/edit/", {**form, "name": "旧页"})
    assert stale.status_code == 409
    assert "venue_changed" in stale.content.decode()
    assert Venue.objects.get().name == "新名"
    form |= {"seen": mark_of(stored), "remove_contact": "on"}
    client.post(f"/venues/{venue.pk}/edit/", form)
    assert Venue.objects.get().contact is None


def test_a_position_is_moved_but_not_taken_away(supervisor: Person, client: Client) -> None:
    venue = venue_of(supervisor, lon=116.8, lat=39.8)
    form = said(id=str(venue.pk), lon="", lat="")
    answer = client.post(f"/venues/{venue.pk}/edit/", form)
    assert "position_kept" in answer.content.decode()
    client.post(f"/venues/{venue.pk}/edit/", {**form, "lon": "116.9", "lat": "39.9", "datum": "gcj02"})
    assert Venue.objects.get().lon == pytest.approx(116.894, abs=0.002)


def test_two_who_edit_at_once_from_one_page_are_told(supervisor: Person) -> None:
    venue = venue_of(supervisor)
    seen = mark_of(venue)
    edit_venue(by=supervisor, now=NOON, venue_id=venue.pk, edit=VenueEdit(address="甲"), seen=seen)
    with pytest.raises(Exception, match="meanwhile"):
        edit_venue(by=supervisor, now=NOON, venue_id=venue.pk, edit=VenueEdit(address="乙"), seen=seen)


def test_closing_and_opening_again(supervisor: Person, client: Client) -> None:
    venue = venue_of(supervisor)
    assert client.post(f"/venues/{venue.pk}/close/").status_code == 302
    assert client.post(f"/venues/{venue.pk}/close/").status_code == 409
    assert client.post(f"/venues/{venue.pk}/reopen/").status_code == 302
    assert Venue.objects.get().closed_at is None


# ---- the contact ----------------------------------------------------------------------------------------------------


def test_a_contact_is_shown_to_who_says_what_for_and_never_kept_by_a_browser(
    supervisor: Person, client: Client
) -> None:
    venue = venue_of(supervisor, contact=Contact("张建国", "13800001234"))
    asked = client.get(f"/venues/{venue.pk}/contact/")
    assert "张建国" not in asked.content.decode()
    assert "no-store" in asked.headers["Cache-Control"]
    none = client.post(f"/venues/{venue.pk}/contact/", {"purpose": ""})
    assert none.status_code == 400
    assert "unknown_purpose" in none.content.decode()
    opened = client.post(f"/venues/{venue.pk}/contact/", {"purpose": "notice"})
    assert "13800001234" in opened.content.decode()
    assert "no-store" in opened.headers["Cache-Control"]
    assert AuditRecord.objects.filter(action="open_contact").count() == 1
    told = client.get(f"/venues/{venue.pk}/contact/").content.decode()
    assert "Opened lately" in told
    assert "to tell what failed" in told
    assert "13800001234" not in told


def test_no_list_map_or_sticker_tells_a_contact(supervisor: Person, client: Client) -> None:
    venue = venue_of(supervisor, contact=Contact("张建国", "13800001234"), lon=116.8, lat=39.8)
    for address in (
        "/venues/", "/venues/points.geojson", "/venues/clusters.geojson?bbox=116,39,117,41&zoom=15",
        "/venues/export.csv", "/venues/export.xlsx", "/venues/stickers/", "/venues/stickers.pdf",
        f"/venues/{venue.pk}/edit/", f"/venues/{venue.pk}/sticker.svg", f"/patrol/venues/{venue.pk}/",
    ):  # fmt: skip
        text = text_of(client.get(address))
        assert text
        assert "张建国" not in text, address
        assert "1380000" not in text, address


# ---- stickers and types ---------------------------------------------------------------------------------------------


def test_a_sticker_leads_to_its_venue_until_it_is_renewed(
    supervisor: Person, client: Client, client_of: ClientOf
) -> None:
    venue = venue_of(supervisor)
    page = f"/patrol/venues/{venue.pk}/"
    assert client.get(f"/v/{venue.token}").headers["Location"] == page
    elsewhere = client_of(make_person("elsewhere", "inspector", OTHER))
    assert elsewhere.get(f"/v/{venue.token}").status_code == 404
    assert elsewhere.get("/v/no-such-token").status_code == 404
    assert Client().get(f"/v/{venue.token}").headers["Location"].startswith("/account/login/?next=/v/")
    client.post(f"/venues/{venue.pk}/sticker/")
    assert client.get(f"/v/{venue.token}").status_code == 404
    venue.refresh_from_db()
    assert client.get(f"/v/{venue.token}").headers["Location"] == page


def test_a_sticker_says_the_address_of_the_site_and_no_word_of_the_venue(
    supervisor: Person, client: Client, settings: Any
) -> None:
    settings.DUBAN_SITE_URL = "https://duban.example.org"
    venue = venue_of(supervisor)
    said = segno.make(f"https://duban.example.org/v/{venue.token}", error="q", micro=False)
    png = client.get(f"/venues/{venue.pk}/sticker.png")
    assert png.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(png.content)) as picture:
        dark = np.asarray(picture.convert("L"))[6::12, 6::12] < 128
    assert (dark[4:-4, 4:-4] == np.array(said.matrix, dtype=bool)).all()
    assert not dark[:4].any()
    assert client.get(f"/venues/{venue.pk}/sticker.svg").content.startswith(b"<svg")


def test_a_sheet_holds_those_chosen_or_those_of_the_filter_and_none_that_is_closed(
    supervisor: Person, client: Client
) -> None:
    noodles, shop = venue_of(supervisor, "好味面馆"), venue_of(supervisor, "小店", kind="shop")
    gone = venue_of(supervisor, "老店")
    close_venue(by=supervisor, now=NOON, venue_id=gone.pk)
    for query, names in {
        "": {"好味面馆", "小店"},
        "kind=shop": {"小店"},
        f"venue={noodles.pk}&venue={gone.pk}&venue=x": {"好味面馆"},
        f"venue={noodles.pk}&venue={shop.pk}&kind=shop": {"好味面馆", "小店"},
        "venue=x": set(),
    }.items():
        page = client.get(f"/venues/stickers/?{query}").content.decode()
        assert set(re.findall(r"<b>([^<]+)</b>", page)) - {"Duban"} == names, query
    pdf = client.get("/venues/stickers.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert "好味面馆" in text_of(pdf)


def test_too_many_stickers_are_refused(supervisor: Person, client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("duban.venues.stickers.MOST", 1)
    venue_of(supervisor, "一"), venue_of(supervisor, "二")
    for address in ("/venues/stickers/", "/venues/stickers.pdf"):
        answer = client.get(address)
        assert answer.status_code == 400
        assert "too_many_stickers" in answer.content.decode()


def test_an_administrator_keeps_the_types(client: Client, client_of: ClientOf) -> None:
    boss = client_of(make_person("boss", "administrator"))
    added = boss.post("/venues/types/", {"key": "bath_house", "name": "浴室", "name_en": "bath house"})
    assert added.status_code == 302
    assert "bath house" in boss.get("/venues/types/").content.decode()
    wrong = boss.post("/venues/types/", {"key": "shop", "name": "店", "name_en": "shop"})
    assert wrong.status_code == 409
    assert "built_in_type" in wrong.content.decode()
    assert boss.post("/venues/types/shop/remove/").status_code == 409
    assert boss.post("/venues/types/bath_house/remove/").status_code == 302
    assert not VenueType.objects.filter(pk="bath_house").exists()
    assert client.get("/venues/types/").status_code == 403


def test_a_filter_is_written_as_it_was_read() -> None:
    wanted = filters.Filters("面 馆&", "shop", TOWN, True)
    assert filters.read_filters(QueryDict(filters.write_filters(wanted)), {"shop": ""}) == wanted
    assert filters.write_filters(filters.Filters()) == ""
