"""The pages and the API of rounds: planning, watching, giving out, closing, and an inspector's own list."""

import csv
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.patrol.exposing import make_checklist, make_venue, make_visit
from tests.people import Held, make_people

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON
from duban.patrol import rounds
from duban.patrol.models import PatrolRound, RoundVenue

pytestmark = pytest.mark.django_db
ASKED = {
    "title": "节前检查", "at": "110112", "starts_on": "2021-01-18", "ends_on": "2021-01-24", "size": "", "seed": "",
    "inspectors": "", "checklist": "",
}  # fmt: skip


@pytest.fixture
def people(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Person]:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    held = {role: Held(role) for role in ("inspector", "supervisor", "leader", "publisher")}
    return make_people(held | {"town": Held("supervisor", "110112104")})


@pytest.fixture
def venues(people: dict[str, Person]) -> list[Any]:
    return [
        make_venue(f"餐馆{town}{number}", f"110112{town}", lon=116.7 + number / 100, lat=39.9)
        for town in ("104", "106")
        for number in range(3)
    ]


@pytest.fixture
def browse(people: dict[str, Person]) -> Callable[[str], Client]:
    def enter(who: str) -> Client:
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(people[who])
        return client

    return enter


def at(name: str, *args: Any) -> str:
    return reverse(f"patrol:{name}", args=args)


def plan(client: Client, **changes: Any) -> Any:
    return client.post(at("rounds"), ASKED | {"id": uuid.uuid4()} | changes)


def test_planned_watched_visited_and_closed(browse: Callable[[str], Client], venues: list[Any]) -> None:
    boss, walker = browse("supervisor"), browse("inspector")
    assert "No round has been planned yet" in boss.get(at("rounds")).content.decode()
    found = boss.get(at("round_preview") + "?at=110112&venue_types=restaurant&size=4").content.decode()
    assert "<b>6</b> venues, of which <b>4</b>" in found
    made = plan(boss, size="4", venue_types=["restaurant"], inspectors="inspector", seed="腊月")
    round_ = PatrolRound.objects.get()
    assert made.headers["Location"] == at("round", round_.pk)
    page = walker.get(at("round", round_.pk)).content.decode()
    first = RoundVenue.objects.filter(round=round_, drawn=True).order_by("pk").select_related("venue").first()
    assert first is not None
    start = f"{at('visit_start', first.venue_id)}?round={round_.pk}"
    assert start in page
    assert start in walker.get(at("round_mine")).content.decode()
    make_visit(first.venue, make_checklist(), ("masks",))
    assert start not in walker.get(at("round", round_.pk)).content.decode()
    assert first.venue.name in walker.get(at("round", round_.pk) + "?show=failed").content.decode()
    assert start not in walker.get(at("round_mine")).content.decode()
    missing = boss.post(at("round_close", round_.pk), {"reason": ""})
    assert missing.status_code == 400
    assert "reason_missing" in missing.content.decode()
    assert boss.post(at("round_close", round_.pk), {"reason": "雪大"}).status_code == 302
    closed = boss.get(at("round", round_.pk) + "?show=missed")
    assert "雪大" in closed.content.decode()
    assert len(closed.context["venues"]) == 3
    assert boss.post(at("round_close", round_.pk), {"reason": "again"}).status_code == 409
    assert "Nothing waits for you" in walker.get(at("round_mine")).content.decode()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ""}, "bad_title"),
        ({"at": ""}, "bad_code"),
        ({"starts_on": "soon"}, "bad_days"),
        ({"ends_on": "2021-02-30"}, "bad_days"),
        ({"ends_on": "2021-01-01"}, "bad_days"),
        ({"size": "many"}, "bad_size"),
        ({"size": "0"}, "bad_size"),
        ({"size": "9999999999"}, "bad_size"),
        ({"seed": "=cmd"}, "bad_seed"),
        ({"inspectors": "leader"}, "unknown_inspector"),
        ({"checklist": "x"}, "unknown_checklist"),
        ({"venue_types": ["castle"]}, "invalid_choice"),
        ({"id": "x"}, "invalid"),
    ],
)
def test_a_bad_plan_stays_on_the_page(
    changes: dict[str, Any], code: str, browse: Callable[[str], Client], venues: list[Any]
) -> None:
    answer = plan(browse("supervisor"), **changes)
    assert answer.status_code == 400
    assert f'<span class="code">{code}</span>' in answer.content.decode()
    assert not PatrolRound.objects.exists()


def test_pressing_twice_plans_once_and_who_may_not_is_told(browse: Callable[[str], Client], venues: list[Any]) -> None:
    own = uuid.uuid4()
    assert [plan(browse("supervisor"), id=own).status_code for _press in range(2)] == [302, 302]
    assert plan(browse("inspector")).status_code == 403
    assert plan(browse("town")).status_code == 403
    assert browse("publisher").get(at("rounds")).status_code == 403
    assert PatrolRound.objects.count() == 1


def test_the_proof_and_the_frame(browse: Callable[[str], Client], venues: list[Any]) -> None:
    boss = browse("supervisor")
    plan(boss, size="3", seed="x")
    round_ = PatrolRound.objects.get()
    assert "the same venues come out" in boss.get(at("round_redraw", round_.pk)).content.decode()
    part = boss.get(at("round_redraw", round_.pk), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    body = b"".join(boss.get(at("round_frame", round_.pk)).streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert len(rows) == 6
    assert {row["seed"] for row in rows} == {"x"}
    drawn = rounds.draw([(row["venue"], row["town"], False) for row in rows], 3, "x").numbers
    assert set(drawn) == {row["venue"] for row in rows if row["drawn"] == "1"}
    RoundVenue.objects.filter(round=round_).update(drawn=True)
    assert "other venues come out" in boss.get(at("round_redraw", round_.pk)).content.decode()
    for name in ("round_redraw", "round_frame"):
        assert browse("town").get(at(name, round_.pk)).status_code == 403


def test_a_town_sees_its_part_alone(browse: Callable[[str], Client], venues: list[Any]) -> None:
    plan(browse("supervisor"))
    round_ = PatrolRound.objects.get()
    page = browse("town").get(at("round", round_.pk) + "?show=all").content.decode()
    assert "餐馆1040" in page
    assert "餐馆106" not in page
    features = browse("town").get(at("round_points", round_.pk)).json()["features"]
    assert {feature["properties"]["title"] for feature in features} == {"餐馆1040", "餐馆1041", "餐馆1042"}
    assert browse("supervisor").get(at("round_points", round_.pk)).json()["note"] == ""


def test_the_map_says_how_each_stands(
    browse: Callable[[str], Client], venues: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(browse("supervisor"))
    version = make_checklist()
    make_visit(venues[0], version, ())
    make_visit(venues[1], version, ("masks",))
    address = at("round_points", PatrolRound.objects.get().pk)
    words = {
        feature["properties"]["title"]: feature["properties"]["word"]
        for feature in browse("leader").get(address).json()["features"]
    }
    assert words[venues[0].name] == "visited"
    assert words[venues[1].name] == "with problems"
    assert words[venues[2].name] == "to visit"
    monkeypatch.setattr("duban.patrol.round_pages.MAP_CAP", 2)
    capped = browse("leader").get(address).json()
    assert (len(capped["features"]), capped["note"]) == (2, "The map shows the first 2.")


def test_giving_out(browse: Callable[[str], Client], venues: list[Any]) -> None:
    boss = browse("supervisor")
    plan(boss)
    round_ = PatrolRound.objects.get()
    assert boss.post(at("round_assign", round_.pk), {"town": "110112104", "inspector": "inspector"}).status_code == 302
    assert RoundVenue.objects.filter(inspector="inspector").count() == 3
    refused = boss.post(at("round_assign", round_.pk), {"town": "", "inspector": "leader"})
    assert refused.status_code == 400
    assert "unknown_inspector" in refused.content.decode()
    assert browse("inspector").post(at("round_assign", round_.pk), {}).status_code == 403


def test_the_nearest_come_first_on_my_list(browse: Callable[[str], Client], venues: list[Any]) -> None:
    plan(browse("supervisor"))
    client = browse("inspector")
    names = [
        stop.row.venue.name for stop, _town in client.get(at("round_mine") + "?lon=116.72&lat=39.9").context["stops"]
    ]
    assert [name[-1] for name in names] == ["2", "2", "1", "1", "0", "0"]
    for wrong in ("?lon=x&lat=y", "?lon=nan&lat=1", "?lon=999&lat=1", "?lon=116.7"):
        answer = client.get(at("round_mine") + wrong)
        assert (answer.status_code, answer.context["known"]) == (200, False)


def test_pages_of_a_large_round_cost_the_same(
    browse: Callable[[str], Client], venues: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duban.patrol.round_pages.PAGE_SIZE", 2)
    boss = browse("supervisor")
    plan(boss)
    round_ = PatrolRound.objects.get()
    read: list[str] = []
    costs = set()
    address = at("round", round_.pk)
    while address:
        with CaptureQueriesContext(connection) as seen:
            answer = boss.get(address)
        costs.add(len(seen))
        read += [line.row.venue.name for line in answer.context["venues"]]
        address = at("round", round_.pk) + answer.context["older"].split("#")[0] if answer.context["older"] else ""
    assert sorted(read) == sorted(venue.name for venue in venues)
    assert len(costs) == 1
    for number in range(3):
        plan(boss, title=f"第{number}轮")
    with CaptureQueriesContext(connection) as few:
        boss.get(at("rounds"))
    for number in range(5):
        plan(boss, title=f"又{number}轮")
    with CaptureQueriesContext(connection) as many:
        boss.get(at("rounds"))
    assert len(few) == len(many)
    for query in ("?show=nonsense&town=x&after=x", "?after=99999999999999999999", "?page=x"):
        assert boss.get(at("round", round_.pk) + query).status_code == 200


def test_the_api_plans_replays_watches_and_closes(browse: Callable[[str], Client], venues: list[Any]) -> None:
    boss = browse("supervisor")
    address = f"/api/v1/patrol/rounds/{uuid.uuid4()}"

    def send(client: Client, method: str, path: str, body: dict[str, Any]) -> Any:
        return getattr(client, method)(path, json.dumps(body), content_type="application/json")

    asked = {
        "at": "110112",
        "title": "节前",
        "starts_on": "2021-01-18",
        "ends_on": "2021-01-24",
        "size": 4,
        "seed": "x",
    }
    assert send(boss, "put", address, asked).status_code == 201
    assert send(boss, "put", address, asked).status_code == 200
    assert send(boss, "put", address, asked | {"size": 3}).json()["code"] == "round_id_taken"
    assert send(boss, "put", address, asked | {"starts_on": 20210118}).status_code == 422
    assert send(browse("town"), "put", f"/api/v1/patrol/rounds/{uuid.uuid4()}", asked).json()["code"] == "not_allowed"
    told = boss.get(address).json()
    assert (told["frame"], told["drawn"], told["visited"], told["whole"]) == (6, 4, 0, True)
    assert [town["frame"] for town in told["towns"]] == [3, 3]
    assert browse("town").get(address).json()["frame"] == 3
    read: list[str] = []
    after = "0"
    while after:
        page = boss.get(f"{address}/venues?limit=3&after={after}").json()
        read += [row["venue"] for row in page["venues"]]
        after = page["after"]
    again = boss.get(f"{address}/redraw").json()
    assert again["same"]
    assert set(again["venues"]) == set(read)
    assert len(boss.get(f"{address}/venues?drawn=false").json()["venues"]) == 6
    assert send(boss, "post", f"{address}/assign", {"inspector": "inspector"}).json() == {"venues": 4}
    assert send(boss, "post", f"{address}/close", {}).json()["code"] == "reason_missing"
    assert send(boss, "post", f"{address}/close", {"reason": "雪"}).json()["close_reason"] == "雪"
    listed = boss.get("/api/v1/patrol/rounds").json()
    assert [line["title"] for line in listed["rounds"]] == ["节前"]
    assert browse("publisher").get("/api/v1/patrol/rounds").status_code == 403
