"""Volunteers are planted through every door; then database, data folder, sessions and logs are searched for them."""

import logging
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from tests.commons.volunteering.building import BEGINS, ENDS, announce, anybody, form
from tests.test_nothing_in_clear import in_clear, unsealed

from duban.commons.models import Record, SignUp
from duban.core import clock
from duban.core.quiet import HideSecrets
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db(transaction=True)
BY_PAGE, BY_CALL, REFUSED = ("欧阳听雪", "13911112222"), ("慕容望舒", "13933334444"), ("诸葛拒之", "13955556666")
PLANTED = [*BY_PAGE, *BY_CALL, *REFUSED]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    settings.DUBAN_DATA = tmp_path
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def test_nobody_stands_in_clear_and_once_forgotten_nowhere(
    own_folder: list[Any], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(HideSecrets(settings.SECRET_ADDRESSES))
    worker = make_person("worker", "community_worker")
    desk, browser = Client(headers={"accept-language": "en"}), anybody()
    desk.force_login(worker)
    shift = announce(worker)
    sheet, page = f"/commons/shifts/{shift.pk}/", f"/volunteer/{shift.activity_id}/"
    browser.post(page, form(shift, name=REFUSED[0], phone="1"))
    browser.post(page, form(shift, name="", phone=REFUSED[1]))
    mine = browser.post(page, form(shift, *BY_PAGE))["Location"].partition("?")[0]
    for address in (mine, f"{mine}shift.ics", "/volunteer/", page):
        browser.get(address)
    caller = {"id": str(uuid.uuid4()), "key": "x" * 22, "name": BY_CALL[0], "phone": BY_CALL[1]}
    slip = desk.post(f"{sheet}sign-up/", caller).content.decode()
    their = re.search(r"/volunteer/mine/[\w-]{22}/", slip)[0]
    own_folder[0] = BEGINS
    browser.post(f"/volunteer/here/{shift.token}/")
    anybody().post(f"/volunteer/here/{shift.token}/", {"phone": BY_CALL[1]})
    anybody().post(f"/volunteer/here/{shift.token}/", {"phone": REFUSED[1]})
    desk.post(f"{sheet}look/")
    for address in (sheet, f"{sheet}list/", f"{sheet}hours/", "/commons/activities/"):
        assert desk.get(address).status_code == 200
    own_folder[0] = ENDS
    people = list(SignUp.objects.order_by("turn"))
    hours = {"service": "清理", "person": [str(one.pk) for one in people]}
    assert desk.post(f"{sheet}hours/", hours | {f"minutes-{one.pk}": "60" for one in people}).status_code == 302
    records = list(Record.objects.order_by("sign_up__turn"))
    assert len(records) == 2
    for record in records:
        desk.get(f"/commons/records/{record.pk}/certificate.pdf")
        browser.get(f"/volunteer/certificates/{record.code}/")
    browser.get(f"{mine}certificate.pdf")
    browser.get("/volunteer/mine/none/")

    assert in_clear(PLANTED) == []
    said = caplog.text + "".join(capsys.readouterr())
    assert [part for part in [*PLANTED, mine[16:-1], their[16:-1]] if part in said] == []
    opened = unsealed()
    assert [part for part in PLANTED if part not in opened] == list(REFUSED)
    hashes = [one.person for one in people]
    assert {part for _where, part in in_clear(hashes)} == set(hashes), "the search finds what is there"

    own_folder[0] = ENDS + timedelta(days=40)
    desk.post(f"/commons/records/{records[1].pk}/revoke/")
    call_command("forget_volunteers")
    assert capsys.readouterr().out.splitlines()[-1] == "2"
    kept = records[0].sign_up.person
    assert {part for _where, part in in_clear([*PLANTED, *hashes])} == {kept}
    opened = unsealed()
    assert [part for part in PLANTED if part in opened] == [BY_PAGE[0]]
