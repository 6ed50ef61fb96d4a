"""People are planted through every door; then the whole database, the data folder and the logs are searched for them.

Before deletion nothing of them stands anywhere in clear, although all of it can be opened with the key; after it no key
opens anything of them, and not even the hashes that they were found by are left.
"""

import base64
import json
import logging
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from tests.outbreak.people import id_number

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.core.rotation import sealed_columns
from duban.core.sealed_text import Unreadable, open_bytes
from duban.demo.builders import NOON, make_person
from duban.outbreak import screening
from duban.outbreak.apps import load_reference_data
from duban.outbreak.areas import declare_areas
from duban.outbreak.care.links import make_link
from duban.outbreak.lists import AreaDraft
from duban.outbreak.models import CaseFile, Correction, Declaration, Deletion, Found, Identity
from duban.outbreak.people import Tokens
from duban.outbreak.presences import import_presences
from duban.outbreak.samples import actions as samples

pytestmark = pytest.mark.django_db(transaction=True)
OFFICE, TOWN = "110112", "110112110"
LISTED = {
    "name": "慕容听雪",
    "id_number": id_number(71, "19870605"),
    "phone": "13911112222",
    "address": "翠屏北里丙十七号",
}
FORMED = {
    "name": "司马望舒",
    "id_number": id_number(72, "19920817"),
    "phone": "13933334444",
    "address": "永顺西街癸廿九号",
}
REFUSED = {"name": "诸葛拒之", "phone": "13955556666"}
SEEN = {"name": "上官遇见", "phone": "13977778888"}
WORDS = {
    "note": "慕容听雪说她的猫没人喂",
    "need": "慕容听雪要降压药",
    "ask": "请送米到翠屏北里丙十七号",
    "report": "慕容听雪昨夜咳嗽",
    "correction": "电话应为13911112222",
}
PLANTED = sorted({*LISTED.values(), *FORMED.values(), *REFUSED.values(), *SEEN.values(), *WORDS.values()})


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DUBAN_DATA = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOON)
    cache.clear()
    load_reference_data()
    yield
    cache.clear()


# ---- where anything could stand -------------------------------------------------------------------------------------


def forms_of(text: str) -> set[bytes]:
    """The text as files and tables may hold it: UTF-8, GB 18030, UTF-16, escaped in JSON, in base 64 at any place."""
    found = {text.encode(), text.encode("gb18030"), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + text.encode())
        found.add(coded[4 if shift else 0 : -4])
    return {one for one in found if len(one) >= 6}


def dump() -> Iterator[tuple[str, bytes]]:
    """Every byte of the database by its table or file, sessions unpacked, and of every file below the data folder."""
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        for file in (path, path.with_name(f"{path.name}-wal")):
            if file.exists():
                yield file.name, file.read_bytes()
    else:
        for table in connection.introspection.table_names():
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT coalesce(string_agg(whole::text, chr(10)), '') FROM {table} AS whole")
                yield table, cursor.fetchone()[0].encode()
    for session in Session.objects.all():
        yield "session", json.dumps(session.get_decoded(), ensure_ascii=False, default=str).encode()
    for file in sorted(django_settings.DUBAN_DATA.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(django_settings.DUBAN_DATA)), file.read_bytes() + file.name.encode()


def in_clear(planted: list[str]) -> list[tuple[str, str]]:
    """(where, what) of everything planted that stands somewhere."""
    wanted = {text: forms_of(text) for text in planted}
    return [
        (where, text) for where, data in dump() for text, forms in wanted.items() if any(form in data for form in forms)
    ]


def unsealed() -> str:
    """All that the key opens, of every sealed column and file."""
    found = []
    for model, field in sealed_columns():
        for value in model._base_manager.exclude(**{field.name: None}).values_list(field.name, flat=True):
            found.append(_opened(bytes(value)))
    for file in django_settings.DUBAN_DATA.rglob("*"):
        if file.is_file() and file.read_bytes()[:5] == b"gAAAA":
            found.append(_opened(file.read_bytes()))
    return "\n".join(found)


def _opened(value: bytes) -> str:
    try:
        return open_bytes(value).decode(errors="replace")
    except Unreadable:
        return ""


def hashes() -> list[str]:
    """The keyed hashes under which the planted are found again."""
    tokens = Tokens()
    return [
        tokens.of(kind, one[kind]) for one in (LISTED, FORMED, SEEN) for kind in ("id_number", "phone") if kind in one
    ]


# ---- the doors ------------------------------------------------------------------------------------------------------


def order_of(officer: Person) -> str:
    ring = [[116.7, 39.79], [116.72, 39.79], [116.72, 39.81], [116.7, 39.81], [116.7, 39.79]]
    draft = AreaDraft(
        key="a", name="一处", level="中风险", measure="home", starts_at=NOON - timedelta(days=5),
        ends_at=NOON + timedelta(days=9), lookback_days=14, geometry={"type": "Polygon", "coordinates": [ring]},
    )  # fmt: skip
    declare_areas(by=officer, now=NOON, drafts=[draft])
    return Declaration.objects.get().number


def by_list(client: Client, order: str) -> None:
    """Sent, judged and taken in; one row is refused, and its rows are fetched."""
    head = "name,id_number,phone,from_place,left_area_at,arrived_at,stay_address,stay_jurisdiction\n"
    who = f"{LISTED['name']},{LISTED['id_number']},{LISTED['phone']}"
    good = f"{who},一处,2021-01-17,2021-01-18,{LISTED['address']},{TOWN}\n"
    bad = f"{REFUSED['name']},123,{REFUSED['phone']},一处,2021-01-17,2021-01-18,,{TOWN}\n"
    sent = SimpleUploadedFile("a.csv", (head + good + bad).encode())
    answer = client.post("/outbreak/files/import/", {"order": order, "file": sent})
    assert answer.status_code == 302, answer.content.decode()
    address = answer.headers["location"]
    client.get(address)
    client.post(f"{address}take/", {"keep_good": "1"}, follow=True)
    client.get(address)
    client.get(f"{address}refused.csv")


def by_form(client: Client, order: str) -> None:
    empty = dict.fromkeys(("birth_date", "from_place", "measure", "arrived_at"), "")
    sent = {name: FORMED[name] for name in ("name", "id_number", "phone")} | empty
    sent |= {"stay": TOWN, "stay_address": FORMED["address"], "basis": order, "last": "2021-01-17 09:00"}
    client.get("/outbreak/files/new/")
    wrong = client.post("/outbreak/files/new/", sent | {"id_number": "1"})
    assert wrong.status_code == 400
    answer = client.post("/outbreak/files/new/", sent)
    assert answer.status_code == 302, answer.content.decode()


def by_presence_and_screening(officer: Person, order: str, folder: Path) -> None:
    path = folder / "presences.csv"
    path.write_text(
        f"name,phone,home,lon,lat,arrived,departed\n{SEEN['name']},{SEEN['phone']},{TOWN},116.71,39.8,"
        "2021-01-15 09:00,2021-01-15 10:00\n",
        encoding="utf-8",
    )
    import_presences(by=Console(), now=NOON, path=path, name="a.csv", source="登记")
    path.unlink()
    seen = screening.preview_screening(by=officer, now=NOON, orders=[order])
    screening.keep_screening(
        by=officer, now=NOON, orders=[order], as_of=seen.as_of, digest=seen.digest, ground="order", purpose="排查人员",
        screening_id=uuid.uuid4(),
    )  # fmt: skip
    assert Found.objects.count() == Identity.objects.count() == 1


def about(client: Client, file: CaseFile) -> None:
    """What is written into a file, and what is opened of it."""
    change = f"/outbreak/files/{file.pk}/change/"
    client.post(change, {"do": "note", "how": "call", "reached": "1", "text": WORDS["note"]})
    client.post(change, {"do": "need", "kind": "medicine", "need_text": WORDS["need"]})
    client.post(f"/outbreak/files/{file.pk}/look/", {"ground": "order", "purpose": "核对住处"})
    page = client.get(f"/outbreak/files/{file.pk}/").content.decode()
    assert LISTED["name"] in page
    assert WORDS["note"] in page


def by_own_page(secret: str) -> None:
    anybody = Client(headers={"accept-language": "en"})
    own = f"/care/{secret}/"
    anybody.post(f"{own}report/", {"slot": "am", "temperature": "38.2", "symptoms": "cough", "note": WORDS["report"]})
    anybody.post(f"{own}ask/", {"id": str(uuid.uuid4()), "kind": "food", "words": WORDS["ask"]})
    anybody.post(f"{own}mine/correct/", {"words": WORDS["correction"]})
    whole = anybody.post(f"{own}mine/whole/", {"digits": LISTED["phone"][-4:]})
    assert LISTED["address"] in whole.content.decode()
    assert Correction.objects.count() == 1
    anybody.get("/care/not-a-link/mine/")


def sampled(officer: Person, file: CaseFile) -> None:
    tube = samples.open_tube(by=officer, now=NOON, size=1, town=TOWN)
    samples.add_swab(by=officer, now=NOON, tube_id=tube.pk, file_id=file.pk)
    samples.seal_tube(by=officer, now=NOON, tube_id=tube.pk)
    samples.record_result(
        by=officer, now=NOON, tube_id=tube.pk, result="negative", laboratory="实验室", resulted_at=NOON
    )


def looked_at_everywhere(client: Client, worker: Client) -> None:
    for one in (client, worker):
        for page in ("files/", "today/", "care/alerts/", "care/requests/", "corrections/", "samples/", "samples/due/",
                     "funnel/", "report/", "deletions/", "looks/", "nowhere/"):  # fmt: skip
            one.get(f"/outbreak/{page}")


def test_nobody_stands_anywhere_in_clear_and_after_deletion_nowhere_at_all(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    officer = make_person("officer", "health_officer", OFFICE)
    client, worker = Client(headers={"accept-language": "en"}), Client(headers={"accept-language": "en"})
    client.force_login(officer)
    worker.force_login(make_person("worker", "community_worker", TOWN))
    order = order_of(officer)
    by_list(client, order)
    by_form(client, order)
    by_presence_and_screening(officer, order, tmp_path)
    file = next(one for one in CaseFile.objects.all() if LISTED["name"] in _opened(bytes(one.sealed)))
    about(client, file)
    by_own_page(make_link(by=officer, now=NOON, file_id=file.pk))
    sampled(officer, file)
    looked_at_everywhere(client, worker)

    assert in_clear(PLANTED) == []
    said = caplog.text + "".join(capsys.readouterr())
    assert [text for text in PLANTED if text in said] == []
    opened = unsealed()
    assert [text for text in PLANTED if text not in opened] == []
    digests = hashes()
    assert {text for _where, text in in_clear(digests)} == set(digests)

    for one in CaseFile.objects.all():
        closing = client.post(f"/outbreak/files/{one.pk}/change/", {"do": "close", "reason": "elsewhere"})
        assert closing.status_code == 302, re.sub(r"\s+", " ", closing.content.decode())[:4000]
    on = (NOON + timedelta(days=90)).date().isoformat()
    call_command("run_deletion", "--date", on)
    assert int(capsys.readouterr().out.splitlines()[-1]) > 20
    assert (CaseFile.objects.count(), Found.objects.count(), Identity.objects.count()) == (0, 0, 0)
    assert in_clear([*PLANTED, *digests]) == []
    opened = unsealed()
    assert [text for text in PLANTED if text in opened] == []
    numbers = json.dumps(Deletion.objects.get().counts)
    assert '"people": 2' in numbers
    call_command("run_deletion", "--date", on)
    assert capsys.readouterr().out.splitlines()[-1] == "0"


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """Else the test above would be of no worth."""
    make_person("o", "health_officer", OFFICE, name="慕容听雪")
    (tmp_path / "x.bin").write_bytes(b"\1" + base64.b64encode(f"x{FORMED['name']}yz".encode()))
    (tmp_path / "y.bin").write_bytes(json.dumps({"a": SEEN["name"]}).encode())
    (tmp_path / "z.bin").write_bytes(REFUSED["name"].encode("gb18030"))
    found = {text for _where, text in in_clear([LISTED["name"], FORMED["name"], SEEN["name"], REFUSED["name"]])}
    assert found == {LISTED["name"], FORMED["name"], SEEN["name"], REFUSED["name"]}
