"""Members and applicants are planted through every door; then database, data folder and logs are searched for them."""

import logging
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from tests.commons.register.building import AT, list_places, make_organisation
from tests.test_nothing_in_clear import in_clear, unsealed

from duban.commons.models import Application, Organisation
from duban.commons.register import filing
from duban.core import clock
from duban.core.quiet import HideSecrets
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db(transaction=True)
MEMBER, APPLICANT, LISTED = ("欧阳听雪", "13911112222"), ("慕容望舒", "13933334444"), ("司马拒之", "13955556666")
SECOND = ("诸葛遇见", "13977778888")
PAPER = "上官藏书写的章程"
PLANTED = [*MEMBER, *APPLICANT, *LISTED, *SECOND, PAPER]
LIST = "/commons/organisations/"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    settings.DUBAN_DATA = tmp_path
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def form(name: str, who: tuple[str, str], **more: Any) -> dict[str, Any]:
    roster = "\n".join([f"{LISTED[0]}，{LISTED[1]}，会长", *(f"邻居甲乙{n}" for n in range(9))])
    paper = SimpleUploadedFile("章程.pdf", b"%PDF-1.4 " + PAPER.encode())
    return {
        "id": str(uuid.uuid4()), "name": name, "kind": "club", "category": "culture", "jurisdiction": AT,
        "about": "周二唱歌", "founded": "", "members": roster, "applicant": who[0], "phone": who[1], "charter": paper,
    } | more  # fmt: skip


def test_nobody_stands_in_clear_and_once_forgotten_nowhere(
    own_folder: list[Any], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(HideSecrets(settings.SECRET_ADDRESSES))
    list_places()
    worker = make_person("worker", "community_worker")
    desk, browser = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    desk.force_login(worker)
    one = make_organisation(worker)
    roster = f"{LIST}{one.pk}/roster/"
    desk.post(roster, {"do": "add", "members": f"{MEMBER[0]}，13911112222，太多，词"})
    desk.post(roster, {"do": "add", "members": f"{MEMBER[0]}，{MEMBER[1]}，会长"})
    assert MEMBER[1] in desk.post(roster, {"do": "open", "purpose": "check"}).content.decode()
    row = one.roster.get()
    desk.post(roster, {"do": "role", "member": row.pk, "role": "顾问"})
    paper = SimpleUploadedFile("名册.pdf", b"%PDF-1.4 " + PAPER.encode())
    desk.post(f"{LIST}{one.pk}/change/", {"do": "document", "kind": "roster", "file": paper})
    browser.post("/organisations/apply/", form("坏申请", APPLICANT, members=APPLICANT[0]))
    own = browser.post("/organisations/apply/", form("夕阳红合唱队", APPLICANT))["Location"]
    again = browser.post("/organisations/apply/", form("朝阳书画社", SECOND))["Location"]
    for address in (own, again, f"{own}?mend=1", "/organisations/applications/guess/"):
        browser.get(address)
    made, second = (Application.objects.get(name=name) for name in ("夕阳红合唱队", "朝阳书画社"))
    desk.get(f"/commons/applications/{made.pk}/")
    assert APPLICANT[0] in desk.post(f"/commons/applications/{made.pk}/", {"do": "open"}).content.decode()
    desk.get(f"/commons/applications/{made.pk}/charter/")
    desk.post(f"/commons/applications/{made.pk}/", {"do": "file", "seen": filing.mark_of(made)})
    filed = Organisation.objects.get(name="夕阳红合唱队")
    assert filed.roster.count() == 10
    assert in_clear(PLANTED) == []
    desk.post(f"/commons/applications/{second.pk}/", {"do": "refuse", "reasons": "不在本街道"})
    secrets = [address.split("/")[3] for address in (own, again)]
    said = caplog.text + "".join(capsys.readouterr())
    assert [text for text in (*PLANTED, *secrets) if text in said] == []
    assert in_clear([*PLANTED, *secrets]) == []
    opened = unsealed()
    assert [text for text in PLANTED if text not in opened] == []

    own_folder[0] = NOON + filing.KEPT_FOR + timedelta(days=1)
    call_command("forget_applications")
    assert capsys.readouterr().out.splitlines()[-1] == "2"
    assert SECOND[0] not in unsealed()
    for organisation in (one, filed):
        for row in organisation.roster.all():
            desk.post(f"{LIST}{organisation.pk}/roster/", {"do": "forget", "member": row.pk})
        for document in organisation.documents.all():
            desk.post(f"{LIST}{organisation.pk}/change/", {"do": "remove_document", "document": document.pk})
    opened = unsealed()
    assert [text for text in PLANTED if text in opened] == []
    assert in_clear(PLANTED) == []
