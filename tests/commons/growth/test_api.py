"""Growth through the API: read as it stands, written once, refused by its field."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from tests.commons.growth.building import make_organisation
from tests.commons.growth.test_growing import TODAY, TOWN

from duban.access.models import Person
from duban.commons.growth import actions
from duban.commons.growth.actions import MilestoneDraft
from duban.commons.models import LifeEvent, Organisation
from duban.core import clock
from duban.demo.builders import NOON, make_person, make_photo

pytestmark = pytest.mark.django_db
DAY = TODAY.isoformat()


@pytest.fixture
def worker(client: Client, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    person = make_person("worker", "community_worker", TOWN)
    client.force_login(person)
    return person


def post(client: Client, one: Organisation, what: str, **body: Any) -> Any:
    return client.post(f"/api/v1/organisations/{one.pk}/{what}", body, content_type="application/json")


def test_what_became_of_it_is_written_and_read(client: Client, worker: Person) -> None:
    one, proof = make_organisation(), make_photo(3, by=worker)
    for _time in range(2):
        assert post(client, one, "stage", stage="admitted", on=DAY).json()["stage"] == "admitted"
    assert LifeEvent.objects.count() == 1
    assert post(client, one, "stage", stage="growing", on=DAY, evidence=proof, note="成长").status_code == 200
    assert post(client, one, "purpose", purpose="self_governance", on=DAY, evidence=proof).status_code == 200
    assert post(client, one, "brand", brand="楼门管家", on=DAY).json()["brand"] == "楼门管家"
    told = post(client, one, "party", party="runs", unit="居民代表", since=DAY).json()
    assert {slot["party"]: slot["unit"] for slot in told["slots"]}["runs"] == "居民代表"
    actions.sign_service(
        by=worker, now=NOON, organisation_id=one.pk, name="培育", buyer="街道", amount=Decimal(100), signed_on=TODAY,
        milestones=[MilestoneDraft("第一步", TODAY)],
    )  # fmt: skip
    told = client.get(f"/api/v1/organisations/{one.pk}/growth").json()
    assert (told["stage"], told["purpose"]) == ("growing", "self_governance")
    assert [(change["what"], change["after"]) for change in told["life"]] == [
        ("stage", "admitted"),
        ("stage", "growing"),
        ("purpose", "self_governance"),
        ("brand", "楼门管家"),
    ]
    assert told["life"][1]["evidence"] == proof
    assert [due["late"] for service in told["services"] for due in service["milestones"]] == [False]
    assert post(client, one, "party", party="runs", unit="", since=DAY).json()["slots"][-1]["unit"] == ""
    seen = client.get(f"/api/v1/organisations/growth?area={TOWN}").json()
    assert [(line["stage"], line["organisations"]) for line in seen["stages"]][1] == ("growing", 1)
    assert (seen["asking"], seen["empty"]["runs"], seen["brands"]) == (1, 1, 1)


def test_what_is_refused_names_its_field(client: Client, worker: Person) -> None:
    one = make_organisation(stage="admitted", founded=date(2020, 5, 1))
    for what, body, status, code, field in (
        ("stage", {"stage": "growing", "on": DAY}, 400, "evidence_missing", "evidence"),
        ("stage", {"stage": "leading", "on": DAY}, 409, "stage_skipped", None),
        ("stage", {"stage": "grown", "on": DAY}, 400, "unknown_stage", "stage"),
        ("stage", {"stage": "growing", "on": DAY, "evidence": "0" * 64}, 400, "unknown_evidence", "evidence"),
        ("stage", {"stage": "growing", "on": "gestern"}, 422, "malformed", "body.on"),
        ("stage", {"stage": "growing", "on": DAY, "why": "x"}, 422, "malformed", "body.why"),
        ("purpose", {"purpose": "service", "on": DAY}, 400, "reason_missing", "note"),
        ("brand", {"brand": "长" * 61, "on": DAY}, 400, "brand_long", "brand"),
        ("party", {"party": "pays", "unit": "街道", "since": DAY}, 400, "unknown_party", "party"),
        ("party", {"party": "runs", "unit": "居民", "since": "2031-01-01"}, 400, "day_ahead", "since"),
    ):
        answer = post(client, one, what, **body)
        told = answer.json()
        assert (answer.status_code, told["code"], told.get("field")) == (status, code, field), (what, body)
    assert not LifeEvent.objects.exists()
    assert client.get("/api/v1/organisations/growth?area=abc").json()["code"] == "bad_code"


def test_who_may_not_is_told_and_who_does_not_see_finds_nothing(client: Client, worker: Person) -> None:
    one = make_organisation()
    client.force_login(make_person("leader", "leader"))
    assert client.get(f"/api/v1/organisations/{one.pk}/growth").status_code == 200
    assert post(client, one, "stage", stage="admitted", on=DAY).json()["code"] == "not_allowed"
    client.force_login(make_person("stranger", "community_worker", "110112106"))
    assert client.get(f"/api/v1/organisations/{one.pk}/growth").status_code == 404
    assert post(client, one, "stage", stage="admitted", on=DAY).status_code == 404
    client.force_login(make_person("inspector", "inspector"))
    assert client.get("/api/v1/organisations/growth").status_code == 403
