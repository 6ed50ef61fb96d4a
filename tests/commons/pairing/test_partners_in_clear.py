"""Contacts of partners and invitations of doors are planted; then database, data folder and logs are searched."""

import logging
import re
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from tests.commons.building import COMMUNITY, make_place, make_topic
from tests.test_nothing_in_clear import in_clear, unsealed

from duban.commons.models import Pledge, Vote
from duban.commons.pairing import actions
from duban.commons.pairing.actions import NeedDraft
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.core import clock
from duban.core.quiet import HideSecrets
from duban.demo.builders import NOON, make_jpeg, make_person

pytestmark = pytest.mark.django_db(transaction=True)
SIGNED_UP, REFUSED = ("欧阳听雪", "13911112222"), ("诸葛拒之", "13955556666")
PLANTED = [*SIGNED_UP, *REFUSED]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    settings.DUBAN_DATA = tmp_path
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def test_no_partner_stands_in_clear_and_once_forgotten_nowhere(
    own_folder: list[Any], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(HideSecrets(settings.SECRET_ADDRESSES))
    worker = make_person("worker", "community_worker")
    desk, anybody = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    desk.force_login(worker)
    draft = NeedDraft("楼门文化作品", "幅", 60, date(2021, 2, 10), COMMUNITY)
    need = actions.post_need(by=worker, now=NOON, draft=draft)
    page = f"/needs/{need.pk}/"
    sent = {"number": "40", "partner": "运河中学", "name": SIGNED_UP[0], "phone": SIGNED_UP[1]}
    for wrong in ({"phone": "1", "name": REFUSED[0]}, {"name": "", "phone": REFUSED[1]}, {"number": "61"}):
        assert anybody.post(page, sent | wrong | {"id": str(uuid.uuid4())}).status_code in {400, 409}
    mine = anybody.post(page, sent | {"id": str(uuid.uuid4())})["Location"].partition("?")[0]
    photo = SimpleUploadedFile("欧阳听雪.jpg", make_jpeg(1), content_type="image/jpeg")
    assert anybody.post(f"{mine}deliver/", {"number": "10", "photos": photo}).status_code == 302
    anybody.get(f"{mine}none/")
    pledge = Pledge.objects.get()
    assert SIGNED_UP[1] in desk.post(f"/commons/needs/pledges/{pledge.pk}/contact/").content.decode()
    for address in (page, mine, "/needs/", f"/commons/needs/{need.pk}/", "/commons/needs/"):
        body = (desk if address.startswith("/commons") else anybody).get(address).content.decode()
        assert not any(one in body for one in PLANTED), address

    secret = mine.split("/")[3]
    assert in_clear([*PLANTED, secret]) == []
    said = caplog.text + "".join(capsys.readouterr())
    assert [part for part in [*PLANTED, secret] if part in said] == []
    opened = unsealed()
    assert [part for part in PLANTED if part in opened] == list(SIGNED_UP)

    own_folder[0] = NOON + timedelta(days=60)
    call_command("forget_partners")
    assert capsys.readouterr().out.strip() == "1"
    assert not any(part in unsealed() for part in PLANTED)


def test_no_invitation_stands_in_clear(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(HideSecrets(settings.SECRET_ADDRESSES))
    worker = make_person("worker", "community_worker")
    desk, phone = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    desk.force_login(worker)
    place = make_place()
    shown = desk.post(f"/commons/places/{place.pk}/households/", {"doors": "101 102"}).content.decode()
    secrets = sorted(set(re.findall(r"/vote/([\w-]{22})/", shown)))
    kept = re.search(r'name="secrets" value="([^"]+)"', shown)
    assert kept is not None
    assert desk.post(f"/commons/places/{place.pk}/households/invitations.pdf", {"secrets": kept[1]}).status_code == 200
    vote = voting.make_vote(
        by=worker, now=NOON, topic_id=make_topic(place, worker).pk, question="装灯吗?", rules=VoteRules(secret=True),
        opens_at=NOON, closes_at=NOON + timedelta(days=1),
    )  # fmt: skip
    for secret in secrets:
        phone.get(f"/vote/{secret}/")
        phone.post(f"/vote/{secret}/{vote.pk}/", {"choice": "no"})
        assert phone.post(f"/vote/{secret}/{vote.pk}/", {"choice": "no", "sure": "1"}).status_code == 302
        phone.get(f"/talk/{secret}/")
    assert Vote.objects.get().voted.count() == len(secrets) == 2
    assert in_clear(secrets) == []
    said = caplog.text + "".join(capsys.readouterr())
    assert [secret for secret in secrets if secret in said] == []
