"""The pages and the API of the exposure column: who opens what, what a refusal shows, and what anybody reads."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.patrol.exposing import expose, make_checklist, make_venue, make_visit, mend
from tests.people import Held, make_people

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON
from duban.patrol import exposure
from duban.patrol.models import Exposure

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'&amp;"


@pytest.fixture
def people(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Person]:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    roles = ("inspector", "handler", "supervisor", "publisher", "leader", "administrator")
    return make_people({role: Held(role) for role in roles} | {"second": Held("supervisor")})


@pytest.fixture
def visit(people: dict[str, Person]) -> Any:
    return make_visit(make_venue(), make_checklist(), ("code_scan", "masks", "fire_exit"))


@pytest.fixture
def browse(people: dict[str, Person]) -> Callable[..., Client]:
    def enter(who: str, language: str = "en") -> Client:
        client = Client(headers={"Accept-Language": language})
        client.force_login(people[who])
        return client

    return enter


def at(name: str, *args: Any) -> str:
    return reverse(f"patrol:{name}", args=args)


def propose_for(client: Client, visit: Any, **changes: Any) -> Any:
    sent = {"id": uuid.uuid4(), "keys": ["code_scan", "masks"], "reply_until": "", "expires_on": ""} | changes
    return client.post(at("exposure_propose", visit.pk), sent)


def test_from_the_visit_to_the_public_page(browse: Callable[..., Client], visit: Any) -> None:
    first, second = browse("supervisor"), browse("second")
    assert at("exposure_propose", visit.pk) in first.get(at("exposures")).content.decode()
    form = first.get(at("exposure_propose", visit.pk)).content.decode()
    assert "staff without masks" in form
    assert "emergency exit" not in form
    made = propose_for(first, visit)
    page = made.headers["Location"]
    key = Exposure.objects.get().pk
    assert page == at("exposure", key)
    assert "You proposed it yourself" in first.get(page).content.decode()
    assert "may still reply" in second.get(page).content.decode()
    replied = first.post(at("exposure_reply", key), {"stand": "disputes", "words": HOSTILE})
    assert replied.headers["Location"] == page
    shown = second.get(page).content.decode()
    assert HOSTILE not in shown
    assert "&lt;script&gt;" in shown
    seen = exposure.mark_of(Exposure.objects.get())
    assert second.post(at("exposure_approve", key), {"seen": seen}).status_code == 302
    public = Client(headers={"Accept-Language": "en"}).get(at("exposed")).content.decode()
    for words in ("丛林美食", "staff without masks", "disputes it"):
        assert words in public
    for hidden in ("alert(1)", "张建国", "王巡查", "supervisor"):
        assert hidden not in public
    chinese = Client(headers={"Accept-Language": "zh-hans"}).get(at("exposed")).content.decode()
    assert "从业人员未佩戴口罩" in chinese


def test_the_open_data_says_the_same_in_both_languages(people: dict[str, Person], visit: Any) -> None:
    made = expose(visit, by=people["supervisor"], second=people["second"])
    mend(visit, "masks", at=NOON + timedelta(hours=1))
    for address in (at("exposed_data"), "/api/v1/patrol/exposed"):
        answer = Client().get(address)
        assert answer.json() == {
            "exposed": [
                {
                    "id": str(made.pk),
                    "venue": "丛林美食",
                    "kind": {"zh": visit.venue.kind.name, "en": visit.venue.kind.name_en},
                    "town": {"code": "110112104", "name": "110112104"},
                    "visited_on": "2021-01-18",
                    "problems": [
                        {
                            "key": "code_scan",
                            "zh": "未严格执行扫码登记",
                            "en": "did not have visitors scan the code",
                            "mended_on": None,
                        },
                        {
                            "key": "masks",
                            "zh": "从业人员未佩戴口罩",
                            "en": "staff without masks",
                            "mended_on": "2021-01-18",
                        },
                    ],
                    "stand": "accepts",
                    "approved_on": "2021-01-18",
                    "expires_on": "2021-02-17",
                    "corrects": None,
                }
            ]
        }
    assert Client().get(at("exposed_data")).headers["Access-Control-Allow-Origin"] == "*"


def test_nothing_waiting_refused_withdrawn_or_over_is_public(people: dict[str, Person], visit: Any) -> None:
    made = exposure.propose_exposure(by=people["supervisor"], now=NOON, visit_id=visit.pk).exposure
    for state in ("proposed", "refused", "withdrawn", "approved"):
        decided = {"decided_by": "second", "approved_at": NOON, "expires_on": "2021-01-17"}
        Exposure.objects.filter(pk=made.pk).update(state=state, **(decided if state == "approved" else {}))
        assert "丛林" not in Client().get(at("exposed")).content.decode()
        assert Client().get(at("exposed_data")).json() == {"exposed": []}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"keys": []}, "nothing_to_expose"),
        ({"keys": ["fire_exit"]}, "invalid_choice"),
        ({"reply_until": "2021-01-18T12:30"}, "bad_reply_until"),
        ({"reply_until": "soon"}, "bad_time"),
        ({"expires_on": "2021-02-30"}, "bad_expires_on"),
        ({"expires_on": "2020-01-01"}, "bad_expires_on"),
        ({"expires_on": "x"}, "bad_expires_on"),
        ({"id": "x"}, "invalid"),
    ],
)
def test_a_bad_proposal_stays_on_the_page_with_its_code(
    changes: dict[str, Any], code: str, browse: Callable[..., Client], visit: Any
) -> None:
    answer = propose_for(browse("supervisor"), visit, **changes)
    assert answer.status_code == 400
    assert f'<span class="code">{code}</span>' in answer.content.decode()
    assert not Exposure.objects.exists()


def test_a_persons_name_is_refused_at_its_field(browse: Callable[..., Client]) -> None:
    visit = make_visit(make_venue("张建国面馆"), make_checklist())
    answer = propose_for(browse("supervisor"), visit)
    assert answer.status_code == 400
    assert "name_of_person" in answer.content.decode()
    assert propose_for(browse("supervisor"), visit, withhold_name="on").status_code == 302
    assert Exposure.objects.get().venue_name.startswith("某")


def test_pressing_twice_proposes_once(browse: Callable[..., Client], visit: Any) -> None:
    own = uuid.uuid4()
    client = browse("supervisor")
    answers = [propose_for(client, visit, id=own) for _press in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert Exposure.objects.count() == 1


@pytest.mark.parametrize(
    ("step", "sent", "status", "code"),
    [
        ("reply", {"stand": ""}, 400, "bad_stand"),
        ("reply", {"stand": "perhaps"}, 400, "bad_stand"),
        ("refuse", {"reason": ""}, 400, "reason_missing"),
        ("withdraw", {"reason": " "}, 400, "reason_missing"),
        ("approve", {"seen": ""}, 409, "exposure_changed"),
        ("approve", {"seen": "proposed"}, 409, "reply_pending"),
    ],
)
def test_a_refused_step_says_so_on_the_page(
    step: str, sent: dict[str, str], status: int, code: str, browse: Callable[..., Client], visit: Any
) -> None:
    propose_for(browse("supervisor"), visit)
    found = Exposure.objects.get()
    who = "supervisor" if step == "reply" else "second"
    answer = browse(who).post(at(f"exposure_{step}", found.pk), {"seen": exposure.mark_of(found)} | sent)
    assert answer.status_code == status
    assert code in answer.content.decode()
    found.refresh_from_db()
    assert found.state == "proposed"


def test_correcting_begins_with_what_was_told(
    browse: Callable[..., Client], people: dict[str, Person], visit: Any
) -> None:
    old = expose(visit, by=people["supervisor"], second=people["second"], keys=["masks"])
    client = browse("supervisor")
    address = at("exposure_propose", visit.pk) + f"?corrects={old.pk}"
    assert address in client.get(at("exposure", old.pk)).content.decode()
    assert client.get(address).context["form"]["keys"].value() == ["masks"]
    sent = {"id": uuid.uuid4(), "keys": [], "reply_until": "", "expires_on": ""}
    made = client.post(address, sent)
    assert made.status_code == 302
    new = Exposure.objects.get(corrects=old)
    assert new.problems == []
    assert "taken back" in client.get(at("exposures")).content.decode()
    for wrong in ("x", str(uuid.uuid4()), str(visit.pk)):
        assert client.get(at("exposure_propose", visit.pk) + f"?corrects={wrong}").status_code == 404


def test_the_list_is_paged_by_key_and_costs_the_same(
    browse: Callable[..., Client], people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    version, client = make_checklist(), browse("supervisor")
    monkeypatch.setattr("duban.patrol.exposure_pages.PAGE_SIZE", 3)
    costs = []
    for number in range(8):
        exposure.propose_exposure(
            by=people["supervisor"],
            now=NOON + timedelta(minutes=number // 2),
            visit_id=make_visit(make_venue(f"店铺{number}"), version).pk,
        )
        make_visit(make_venue(f"待提{number}"), version)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(at("exposures"))
        costs.append(len(seen))
    assert costs[-1] == costs[0]
    read: list[str] = []
    address = at("exposures")
    while address:
        answer = client.get(address)
        read += [line.exposure.venue_name for line in answer.context["lines"]]
        address = at("exposures") + answer.context["older"] if answer.context["older"] else ""
    assert sorted(read) == sorted(f"店铺{number}" for number in range(8))
    assert read[0] in {"店铺6", "店铺7"}
    monkeypatch.setattr("duban.patrol.exposure_pages.VISITS_SHOWN", 3)
    offered: list[str] = []
    address = at("exposures")
    while address:
        answer = client.get(address)
        offered += [visit.venue.name for visit, _town in answer.context["visits"]]
        earlier = answer.context["earlier"].split("#")[0]
        address = at("exposures") + earlier if earlier else ""
    assert sorted(offered) == sorted(f"待提{number}" for number in range(8))
    assert client.get(at("exposures") + "?before=nonsense").status_code == 200
    for word in ("shown", "past", "refused", "withdrawn", "all", "nonsense"):
        assert client.get(at("exposures") + f"?state={word}&after=nonsense").status_code == 200


def test_the_api_proposes_replays_and_decides(browse: Callable[..., Client], visit: Any) -> None:
    first, second = browse("supervisor"), browse("second")
    address = f"/api/v1/patrol/exposures/{uuid.uuid4()}"

    def send(client: Client, method: str, path: str, body: dict[str, Any]) -> Any:
        return getattr(client, method)(path, json.dumps(body), content_type="application/json")

    asked = {"visit": str(visit.pk), "keys": ["masks"]}
    assert send(first, "put", address, asked).status_code == 201
    assert send(first, "put", address, asked).status_code == 200
    assert send(first, "put", address, asked | {"keys": None}).json()["code"] == "exposure_id_taken"
    assert send(first, "put", address, asked | {"reply_until": "2021-01-25T00:00"}).status_code == 422
    assert send(second, "post", address + "/approve", {}).json()["code"] == "reply_pending"
    assert send(first, "post", address + "/reply", {"stand": "mended"}).json()["stand"] == "mended"
    assert send(first, "post", address + "/approve", {}).json()["code"] == "own_exposure"
    seen = second.get(address).json()["seen"]
    assert send(second, "post", address + "/approve", {"seen": "proposed"}).json()["code"] == "exposure_changed"
    assert send(second, "post", address + "/approve", {"seen": seen}).json()["state"] == "approved"
    assert send(second, "post", address + "/refuse", {"reason": "晚了"}).status_code == 409
    assert send(second, "post", address + "/withdraw", {"reason": ""}).json()["code"] == "reason_missing"
    assert send(second, "post", address + "/withdraw", {"reason": "误"}).json()["state"] == "withdrawn"
