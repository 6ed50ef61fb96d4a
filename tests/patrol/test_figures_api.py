"""API v1: the brief, the rows behind it, and the refusal of "nothing left"."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from tests.ledger.pages import browse

from duban.access.models import Person
from duban.core.audit import Console
from duban.demo import inspection, layers
from duban.demo.builders import NOON, make_person
from duban.patrol.importing import import_inspections
from duban.places.actions import load_jurisdictions

pytestmark = pytest.mark.django_db
DAYS = {"from": "2021-01-18", "to": "2021-01-19"}
BRIEF = "/api/v1/patrol/brief"


@pytest.fixture
def supervisor(db: None) -> Person:
    load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
    return make_person("supervisor", "supervisor", "110112")


def take(by: Person, calls: list[inspection.Call]) -> None:
    data = inspection.inspections_file(calls)
    import_inspections(by=by, now=inspection.beijing(25, 8), data=data, name="page.csv")


def post(client: Client, body: dict[str, Any]) -> Any:
    return client.post(f"{BRIEF}/clean", json.dumps(body), content_type="application/json")


def test_the_brief_is_what_the_command_prints(supervisor: Person, capsys: pytest.CaptureFixture) -> None:
    take(supervisor, inspection.CALLS)
    call_command("patrol_brief", "--from", DAYS["from"], "--to", DAYS["to"], "--json")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert browse(supervisor).get(BRIEF, DAYS).json() == printed
    assert printed["lookback"]["clean"] is True


def test_every_figure_of_the_brief_has_its_rows(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    client = browse(supervisor)
    found = client.get(BRIEF, DAYS).json()
    figures = {
        key: found[key] for key in ("visits", "venues", "problems", "town_problems", "street_problems", "failed_items")
    }
    figures |= {key: found["lookback"][key] for key in ("due", "stands", "recurred", "not_inspected")}
    for figure, number in figures.items():
        answer = client.get(f"{BRIEF}/rows", DAYS | {"figure": figure}).json()
        assert (answer["total"], len(answer["lines"])) == (number, number)
    for one in found["by_town"]:
        query = DAYS | {"figure": "problems", "town": one["code"]}
        assert client.get(f"{BRIEF}/rows", query).json()["total"] == one["problems"]
    for one in found["by_item"]:
        query = DAYS | {"figure": "failed_items", "item": one["item"]}
        assert client.get(f"{BRIEF}/rows", query).json()["total"] == one["failed_items"]
    line = client.get(f"{BRIEF}/rows", DAYS | {"figure": "problems", "town": "110112114"}).json()["lines"][0]
    assert line["venue"]["name"] == "便民综合批发超市"
    assert len(line["items"]) == 2


def test_nothing_left_over_the_api(supervisor: Person) -> None:
    take(supervisor, [call for call in inspection.CALLS if call != inspection.LOOKED_BACK[1]])
    client = browse(supervisor)
    refused = post(client, DAYS)
    assert refused.status_code == 409
    assert refused.json()["code"] == "lookback_not_clean"
    assert "次渠美发" in refused.json()["message"]
    take(supervisor, inspection.LOOKED_BACK)
    assert post(client, DAYS).json()["zh"] == "对此前发现的4项问题开展“回头看”，暂无未整改问题。"
    assert post(browse(make_person("leader", "leader")), DAYS).status_code == 403
    assert post(client, DAYS | {"area": "110113"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "x", "to": "y"}, 400),
        ({"figure": "else"}, 422),
        ({"cursor": "x"}, 400),
        ({"round": "x"}, 404),
        ({"area": "x"}, 400),
    ],
)
def test_questions_that_are_none(query: dict[str, str], status: int, supervisor: Person) -> None:
    assert browse(supervisor).get(f"{BRIEF}/rows", query).status_code == status


def test_who_counts_nothing_learns_nothing(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    assert Client().get(BRIEF, DAYS).status_code == 401
    assert browse(make_person("inspector", "inspector")).get(BRIEF, DAYS).status_code == 403
    assert browse(make_person("inspector2", "inspector")).get(f"{BRIEF}/rows", DAYS).status_code == 403
    assert browse(make_person("far", "supervisor", "110113")).get(BRIEF, DAYS).json()["visits"] == 0
