"""The pages of a visit over HTTP: with scripts and without, for who makes it, for the town, and for nobody else."""

import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.patrol.visiting import TOWN, at, make_venue, settle, visited
from tests.reading import text_of

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_jpeg, make_person, make_signature
from duban.ledger.models import Entry
from duban.patrol.checklists import lists_for
from duban.patrol.models import Answer, CheckList, CheckListVersion, Choice, Item, Visit, VisitNotice
from duban.patrol.queries import open_failures_of
from duban.patrol.visit_pages import read_value
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db


@pytest.fixture
def inspector(db: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(clock, "now", lambda: at(0) + timedelta(microseconds=123_456))
    return make_person("inspector", "inspector", "110112", name="李巡")


@pytest.fixture
def venue(inspector: Person) -> Venue:
    return make_venue(by=inspector)


@pytest.fixture
def version(venue: Venue) -> CheckListVersion:
    return next(one for one in lists_for(venue.kind_id) if one.checklist.key == "epidemic-catering")


def as_(person: Person, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    return client


def begun(client: Client, venue: Venue, version: CheckListVersion) -> str:
    sent = {"id": uuid.uuid4(), "version": version.pk}
    answer = client.post(f"/patrol/visits/start/{venue.pk}/", sent)
    assert answer.status_code == 302
    return str(answer.url)


def queue(client: Client, address: str, **answers: str) -> Any:
    said = [{"key": key, "type": "check", "value": [value], "note": "", "at": None} for key, value in answers.items()]
    return client.post(f"{address}answers/", json.dumps({"said": said}), content_type="application/json")


# ---- from beginning to end ------------------------------------------------------------------------------------------


def test_a_visit_from_its_venue_to_its_slip(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    handler = make_person("handler", "handler", TOWN, name="王办")
    client = as_(inspector)
    page = client.get(f"/patrol/visits/start/{venue.pk}/").content.decode()
    assert "Epidemic measures at eateries" in page
    address = begun(client, venue, version)
    assert client.get(f"/patrol/visits/start/{venue.pk}/").url == address
    assert "0 / 8" in client.get(address).content.decode()
    state = queue(client, address, code_scan="fail", masks="pass").json()
    assert (state["done"], state["total"], state["refused"]) == (2, 8, {})
    photo = SimpleUploadedFile("a.jpg", make_jpeg(1), "image/jpeg")
    (sha,) = client.post(f"{address}photos/", {"key": "code_scan", "photo": photo}).json()["photos"]["code_scan"]
    thumbnail = client.get(f"{address}photos/{sha}/thumbnail/")
    assert b"".join(thumbnail).startswith(b"\xff\xd8")
    ending = client.get(f"{address}finish/").content.decode()
    assert "Put the 6 unanswered down as not inspected" in ending
    assert client.post(f"{address}finish/", {"signed_as": ""}).status_code == 400
    assert client.post(f"{address}finish/", {"skip": "1"}).status_code == 302
    png = "data:image/png;base64," + base64.b64encode(make_signature()).decode()
    sent = {
        "note": "店主在场",
        "signed_as": "owner",
        "signature": png,
        "lon": "116.72",
        "lat": "39.95",
        "accuracy_m": "9",
    }
    over = client.post(f"{address}finish/", sent, follow=True).content.decode()
    assert "Finished: 1 item failed, 1 on the ledger, the town is told." in over
    assert Entry.objects.get().number in over
    words = text_of(client.get(f"{address}slip.pdf"))
    for part in ("Inspection slip", venue.name, "no strict code scan", "2021-01-19 17:30", "owner", "店主在场", "李巡"):
        assert part in words
    assert "未严格扫码登记" in text_of(as_(inspector, "zh-hans").get(f"{address}slip.pdf"))
    assert client.get(f"{address}signature.png").content.startswith(b"\x89PNG")
    assert client.get(f"{address}finish/").url == address
    town = as_(handler)
    assert venue.name in town.get("/patrol/notices/").content.decode()
    assert "Told on the spot: 1 new" in town.get("/patrol/visits/").content.decode()
    assert town.get(address).status_code == 200
    assert VisitNotice.objects.get().read_at == clock.now()
    assert "not read yet" not in client.get(address).content.decode()


def test_without_scripts_each_question_is_a_form(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)
    photo = SimpleUploadedFile("a.jpg", make_jpeg(1), "image/jpeg")
    sent = {"key": "masks", "value": "fail", "note": "两人未戴", "photo": photo}
    answer = client.post(f"{address}answers/", sent)
    assert answer.url == f"{address}#q-masks"
    said = Answer.objects.get()
    assert (said.result, said.note, len(said.photos)) == ("fail", "两人未戴", 1)
    client.post(f"{address}answers/", {"key": "masks", "value": "fail", "drop": said.photos[0]})
    assert Answer.objects.get().photos == []
    wrong = client.post(f"{address}answers/", {"key": "masks", "value": "perhaps"}, follow=True)
    assert "bad_result" in wrong.content.decode()


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("check", ["pass"], "pass"),
        ("check", [], None),
        ("text", ["  "], None),
        ("select_multiple", ["a", "b"], ["a", "b"]),
        ("integer", ["-3"], -3),
        ("integer", ["x"], "x"),
        ("decimal", ["2.5"], 2.5),
        ("geopoint", ["116.7, 39.9 12"], [116.7, 39.9, 12]),
        ("geopoint", ["116.7 north"], [116.7, "north"]),
        ("", ["a"], "a"),
    ],
)
def test_words_of_a_form_as_values(kind: str, words: list[str], value: Any) -> None:
    assert read_value(kind, words) == value


def test_one_refused_answer_holds_up_no_other(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)
    state = queue(client, address, code_scan="pass", masks="perhaps", nothing="pass").json()
    assert {key: one["code"] for key, one in state["refused"].items()} == {
        "masks": "bad_result", "nothing": "unknown_item",
    }  # fmt: skip
    assert state["answered"] == ["code_scan"]


@pytest.mark.parametrize(
    "body",
    [
        " ", "[]", "{}", '{"said": 1}', '{"said": [1]}', '{"said": [{}]}', '{"said": [{"key": "masks"}]}',
        "[" * 5000, '{"said": null}', '{"said": {"a": 1}}', '{"said": [{"key": "masks", "value": "pass"}]}',
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read(inspector: Person, venue: Venue, version: CheckListVersion, body: str) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)
    answer = client.post(f"{address}answers/", body, content_type="application/json")
    assert answer.status_code == 400
    assert not Answer.objects.exists()


def test_odd_answers_are_refused_one_by_one(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)
    said = [
        {"key": "masks", "value": value, "at": moment, "note": note}
        for value, moment, note in [
 (["pass"], None, ""), (["pass"], "yesterday", ""), (["pass"], "2021-01-18T04:00:00", 5),
            (["pass"], "0001-01-01T00:00:00Z", "x" * 2001), ([], 7, ""),
        ]
    ]  # fmt: skip
    answer = client.post(f"{address}answers/", json.dumps({"said": said}), content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["refused"]["masks"]["code"] == "note_too_long"


@pytest.mark.parametrize("data", [b"", b"no picture", b"GIF89a" + b"0" * 50])
def test_files_that_are_no_photos(inspector: Person, venue: Venue, version: CheckListVersion, data: bytes) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)
    sent = {"key": "masks", "photo": SimpleUploadedFile("a.jpg", data, "image/jpeg")}
    assert client.post(f"{address}photos/", sent).status_code in {200, 400}
    assert not Answer.objects.exclude(photos=[]).exists()


KINDS: list[dict[str, Any]] = [
    {"key": "intro", "type": "note"},
    {"key": "province", "type": "select_one", "list_name": "provinces", "required": True},
    {"key": "county", "type": "select_one", "list_name": "counties", "choice_filter": "province = ${province}"},
    {"key": "sells", "type": "select_multiple", "list_name": "goods"},
    {"key": "seats", "type": "integer", "constraint": ". > 0"},
    {"key": "size", "type": "decimal"},
    {"key": "opened", "type": "date"},
    {"key": "spot", "type": "geopoint"},
    {"key": "front", "type": "photo"},
    {"key": "words", "type": "text", "relevant": "${masks} = 'fail'"},
    {"key": "masks", "type": "check"},
]
CHOICES = {
    "provinces": [("bj", {}), ("hb", {})],
    "counties": [("tz", {"province": "bj"}), ("sh", {"province": "hb"})],
    "goods": [("meat", {}), ("fish", {})],
}


@pytest.fixture
def of_every_kind(venue: Venue) -> CheckListVersion:
    checklist = CheckList.objects.create(key="every-kind", title="各类题")
    version = CheckListVersion.objects.create(
        checklist=checklist, number=1, state="in_use", venue_types=["restaurant"], made_by={}, made_at=at(-99)
    )
    for place, facts in enumerate(KINDS):
        Item.objects.create(version=version, position=place, label=facts["key"], **facts)
    for name, choices in CHOICES.items():
        for place, (choice, columns) in enumerate(choices):
            Choice.objects.create(
                version=version, position=place, list_name=name, name=choice, label=choice.upper(), columns=columns
            )
    return version


def test_questions_of_every_kind_are_shown_answered_and_checked(
    inspector: Person, venue: Venue, of_every_kind: CheckListVersion
) -> None:
    client = as_(inspector)
    address = begun(client, venue, of_every_kind)
    assert "0 / 9" in client.get(address).content.decode()

    def send(**answers: list[str]) -> Any:
        kinds = {facts["key"]: facts["type"] for facts in KINDS}
        said = [{"key": key, "type": kinds[key], "value": value} for key, value in answers.items()]
        return client.post(f"{address}answers/", json.dumps({"said": said}), content_type="application/json").json()

    assert send(province=["bj"])["offered"]["county"] == ["tz"]
    assert "words" in send(masks=["fail"])["asked"]
    state = send(
        county=["sh"], sells=["meat", "fish"], seats=["0"], size=["12.5"], opened=["2020-12-01"], words=["写几句"],
        spot=["116.72 39.95 8"],
    )  # fmt: skip
    assert state["refused"] == {}
    photo = SimpleUploadedFile("a.jpg", make_jpeg(1), "image/jpeg")
    client.post(f"{address}photos/", {"key": "front", "photo": photo})
    wrong = client.get(f"{address}finish/").content.decode()
    assert "Choose from the list." in wrong
    assert "This answer lies outside what the form allows." in wrong
    refused = send(seats=["x"], opened=["yesterday"], sells=["gold"], spot=["999 999"])["refused"]
    assert {key: one["code"] for key, one in refused.items()} == {
        "seats": "bad_number", "opened": "bad_date", "sells": "bad_choice", "spot": "bad_position",
    }  # fmt: skip
    send(county=["tz"], seats=["40"])
    over = client.post(f"{address}finish/", {}, follow=True).content.decode()
    for said in ("BJ", "TZ", "MEAT", "FISH", "40", "12.5", "2020-12-01", "116.720000", "写几句"):
        assert said in over
    assert "MEAT" in text_of(client.get(f"{address}slip.pdf"))
    stored = {answer.key: answer.value for answer in Answer.objects.exclude(key="masks")}
    assert (stored["sells"], stored["seats"], stored["spot"]) == (["meat", "fish"], 40, [116.72, 39.95, 8])


def test_what_is_no_longer_asked_goes_with_the_end(
    inspector: Person, venue: Venue, of_every_kind: CheckListVersion
) -> None:
    client = as_(inspector)
    address = begun(client, venue, of_every_kind)
    queue(client, address, masks="fail", province="bj")
    said = [{"key": "words", "type": "text", "value": ["旧话"]}]
    client.post(f"{address}answers/", json.dumps({"said": said}), content_type="application/json")
    assert "words" not in queue(client, address, masks="pass").json()["asked"]
    client.post(f"{address}finish/", {})
    assert Visit.objects.get().state == "finished"
    assert not Answer.objects.filter(key="words").exists()


# ---- re-check and taking back ---------------------------------------------------------------------------------------


def test_a_recheck_from_the_page_and_its_end(inspector: Person, venue: Venue) -> None:
    settle(inspector, visited(venue, -600, masks="fail", temperature="fail"))
    client = as_(inspector)
    page = client.get(f"/patrol/visits/start/{venue.pk}/").content.decode()
    assert page.count('name="recheck"') == 2
    failure = open_failures_of(venue).get(key="masks")
    sent = {"id": uuid.uuid4(), "what": "recheck", "recheck": [failure.pk]}
    address = client.post(f"/patrol/visits/start/{venue.pk}/", sent).url
    assert "1 item has no answer: it stays open" in client.get(f"{address}finish/").content.decode()
    queue(client, address, masks="pass")
    over = client.post(f"{address}finish/", {}, follow=True).content.decode()
    assert "Looked at again:" in over
    assert [one.key for one in open_failures_of(venue)] == ["temperature"]


def test_a_supervisor_takes_a_visit_back_with_a_reason(inspector: Person, venue: Venue) -> None:
    visit = visited(venue, -60, masks="fail")
    settle(inspector, visit)
    supervisor = as_(make_person("supervisor"))
    address = f"/patrol/visits/{visit.pk}/"
    assert "Take this visit back" in supervisor.get(address).content.decode()
    assert "Take this visit back" not in as_(inspector).get(address).content.decode()
    assert "reason_missing" in supervisor.post(f"{address}void/", {"reason": ""}).content.decode()
    assert "走错" in supervisor.post(f"{address}void/", {"reason": "走错"}, follow=True).content.decode()
    assert supervisor.get(f"{address}slip.pdf").status_code == 404
    assert as_(inspector).post(f"{address}void/", {"reason": "我"}).status_code in {403, 409}


def test_two_at_once_see_where_they_differ(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    other = make_person("other", "inspector", "110112", name="赵巡")
    mine, theirs = as_(inspector), as_(other)
    first, second = begun(mine, venue, version), ""
    assert "李巡 has a visit under way here" in theirs.get(f"/patrol/visits/start/{venue.pk}/").content.decode()
    second = begun(theirs, venue, version)
    queue(mine, first, temperature="fail", masks="pass")
    queue(theirs, second, temperature="pass", masks="pass")
    assert "1 answer differs." in mine.get(first).content.decode()
    for client, address in ((mine, first), (theirs, second)):
        client.post(f"{address}finish/", {"skip": "1"})
        assert "1 answer differs." in client.get(f"{address}finish/").content.decode()
        page = client.post(f"{address}finish/", {}, follow=True).content.decode()
        assert "1 answer differs." in page
    assert "赵巡 <b>pass</b>" in mine.get(first).content.decode()
    assert "李巡 <b>fail</b>" in theirs.get(second).content.decode()
    assert Visit.objects.filter(state="finished").count() == 2
    assert open_failures_of(venue).get().key == "temperature"


# ---- lists ----------------------------------------------------------------------------------------------------------


def names_in(client: Client, address: str) -> set[str]:
    page = client.get(address)
    assert page.status_code == 200
    return {venue.name for venue in Venue.objects.all() if f">{venue.name}<" in page.content.decode()}


def test_filters_of_the_visits(inspector: Person) -> None:
    shops = [make_venue(name, kind=kind) for name, kind in (("面馆", "restaurant"), ("发廊", "salon"))]
    far = make_venue("网吧", kind="netcafe", jurisdiction="110112110", lon=None, lat=None)
    settle(inspector, visited(shops[0], -60, masks="fail"), visited(shops[1], -60 * 30, masks="pass"))
    settle(inspector, visited(far, -60 * 60, masks="fail"), visited(far, -30, masks="pass", smoking="na"))
    Visit.objects.filter(venue=shops[1]).update(username="other")
    client = as_(inspector)
    every = {shops[0].name, shops[1].name, far.name}
    cases: dict[str, set[str]] = {
        "": every,
        "?failed=1": {shops[0].name, far.name},
        "?mine=1": {shops[0].name, far.name},
        "?kind=salon": {shops[1].name},
        f"?area={TOWN}": {shops[0].name, shops[1].name},
        "?from=2021-01-18": {shops[0].name, far.name},
        "?to=2021-01-16": {far.name},
        "?text=wb": {far.name},
        "?item=smoking": {far.name},
        "?item=masks&result=pass": {shops[1].name, far.name},
        "?looked=stands": {far.name},
        "?looked=recurred": set(),
        "?state=void": set(),
        "?state=under_way": set(),
        f"?venue={far.pk}": {far.name},
        f"?round={uuid.uuid4()}": set(),
        "?recheck=1": set(),
    }
    assert {query: names_in(client, f"/patrol/visits/{query}") for query in cases} == cases
    failures: dict[str, set[str]] = {
        "": {shops[0].name},
        "?state=all": {shops[0].name, far.name},
        "?state=closed": {far.name},
        "?item=masks&state=all&kind=netcafe": {far.name},
        "?late=1": set(),
        "?text=mg": {shops[0].name},
        f"?venue={far.pk}&state=all": {far.name},
        "?to=2021-01-16&state=all": {far.name},
        "?from=2021-01-18&state=all": {shops[0].name},
        "?area=110112110&state=all": {far.name},
    }
    assert {query: names_in(client, f"/patrol/failures/{query}") for query in failures} == failures


@pytest.mark.parametrize(
    "query",
    [
        "state=odd", "area=12", "from=yesterday", "to=2021-13-01", "from=0001-01-01", "result=odd", "looked=odd",
        "venue=1", "round=x", "after=x", "before=bm8", "text=%00", "kind=" + "x" * 65,
    ],
)  # fmt: skip
def test_questions_that_cannot_be_read(inspector: Person, query: str) -> None:
    answer = as_(inspector).get(f"/patrol/visits/?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_pages_follow_one_another_and_cost_the_same(inspector: Person) -> None:
    venues = [make_venue() for _n in range(3)]
    visits = [visited(venues[n % 3], -n, masks="fail", smoking="pass") for n in range(120)]
    settle(inspector, *visits)
    client = as_(inspector)
    seen: list[str] = []
    address = "/patrol/visits/"
    for _page in range(3):
        page = client.get(address).content.decode()
        found = [str(visit.pk) for visit in visits if f"/patrol/visits/{visit.pk}/" in page]
        seen += found
        address = "/patrol/visits/" + page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert sorted(seen) == sorted(str(visit.pk) for visit in visits)
    back = page.partition('rel="prev" href="')[2].partition('"')[0].replace("&amp;", "&")
    again = client.get(f"/patrol/visits/{back}").content.decode()
    assert [str(visit.pk) for visit in visits if f"/patrol/visits/{visit.pk}/" in again] == seen[50:100]

    def statements(size: int) -> int:
        Visit.objects.exclude(pk__in=[visit.pk for visit in visits[:size]]).update(state="void")
        with CaptureQueriesContext(connection) as asked:
            client.get("/patrol/visits/")
            client.get("/patrol/failures/?state=all")
            client.get("/patrol/notices/")
        return len(asked)

    many = statements(40)
    assert many == statements(2)


def test_a_visit_page_asks_the_same_however_much_it_holds(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    client = as_(inspector)
    address = begun(client, venue, version)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(address)
            client.get(f"{address}finish/")
        return len(asked)

    few = statements()
    queue(client, address, **dict.fromkeys(Item.objects.filter(version=version).values_list("key", flat=True), "fail"))
    assert statements() <= few


# ---- who sees -------------------------------------------------------------------------------------------------------


def test_elsewhere_nothing_of_it_is_there(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    address = begun(as_(inspector), venue, version)
    stranger = as_(make_person("stranger", "supervisor", "110113"))
    for part in ("", "finish/", "slip.pdf", "signature.png", f"photos/{'0' * 64}/thumbnail/"):
        assert stranger.get(f"{address}{part}").status_code == 404
    assert stranger.post(f"{address}void/", {"reason": "x"}).status_code == 404
    assert queue(stranger, address, masks="pass").status_code == 404
    assert venue.name not in stranger.get("/patrol/visits/?state=under_way").content.decode()
    assert as_(make_person("officer", "health_officer")).get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_somebody_elses_visit_under_way_is_read_and_not_answered(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    address = begun(as_(inspector), venue, version)
    other = as_(make_person("other", "inspector"))
    assert "data-visit" not in other.get(address).content.decode()
    assert queue(other, address, masks="pass").status_code == 403
    assert other.get(f"{address}finish/").url == address
