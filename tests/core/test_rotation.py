"""A new key while the site serves: nothing sealed before or meanwhile is lost, and nothing stays under the old one."""

import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from duban.access.models import Person
from duban.core import clock, keys, rotation, sealed_text
from duban.core.audit import Console
from duban.core.errors import Conflict
from duban.core.models import AuditRecord
from duban.core.rotation import rotate_key
from duban.core.sealed_text import Unreadable, open_bytes, open_text, seal_bytes, seal_text
from duban.demo.builders import NOON, make_person
from duban.venues.actions import record_venue
from duban.venues.contact import Contact, seal_contact, unseal_contact
from duban.venues.models import Venue

HERE = "110112106"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> Any:
    settings.DUBAN_DATA = tmp_path
    yield
    keys.let_go()


def rotate(**options: Any) -> rotation.Rotated:
    return rotate_key(by=Console(), now=NOON, **({"settle_s": 0} | options))


def forget() -> None:
    """As a process that starts now knows no key."""
    keys.let_go()
    sealed_text._known.clear()
    sealed_text._looked = (None, 0.0)


def key_names() -> set[str]:
    return {file.name for file in (settings.DUBAN_DATA / "keys").iterdir() if not file.name.startswith(".")}


def venue(by: Person, name: str) -> Venue:
    contact = Contact(name, "13800001234")
    facts: dict[str, Any] = {"kind": "shop", "jurisdiction": HERE, "lon": 116.8, "lat": 39.8, "address": "街"}
    return record_venue(by=by, now=NOON, name=name, contact=contact, **facts)


def contacts() -> list[str]:
    found = [unseal_contact(sealed) for sealed in Venue.objects.values_list("contact", flat=True)]
    return sorted(contact.name for contact in found if contact)


@pytest.mark.django_db
def test_what_was_sealed_before_is_read_after_and_the_old_key_is_gone() -> None:
    by = make_person("s", "supervisor", HERE)
    for name in ("甲", "乙", "丙"):
        venue(by, name)
    kept = settings.DUBAN_DATA / "venue-imports" / "a.sealed"
    kept.parent.mkdir()
    kept.write_bytes(seal_bytes(b"table"))
    old = (settings.DUBAN_DATA / "keys" / "contacts").read_bytes()
    done = rotate()
    assert (done.values, done.files, done.unreadable, done.dropped) == (3, 1, 0, 1)
    assert key_names() == {"contacts.2"}
    assert (settings.DUBAN_DATA / "keys" / "contacts.2").read_bytes() != old
    forget()
    assert contacts() == sorted("甲乙丙")
    assert open_bytes(kept.read_bytes()) == b"table"
    record = AuditRecord.objects.get(action="rotate_key")
    assert record.detail == {"values": 3, "files": 1, "unreadable": 0, "dropped": 1}
    assert rotate().version == 3
    assert contacts() == sorted("甲乙丙")


@pytest.mark.django_db
def test_what_no_key_opens_is_counted_and_left() -> None:
    by = make_person("s", "supervisor", HERE)
    lost = venue(by, "甲")
    Venue.objects.filter(pk=lost.pk).update(contact=b"gAAAAABx")
    venue(by, "乙")
    done = rotate()
    assert (done.values, done.unreadable) == (1, 1)
    assert bytes(Venue.objects.get(pk=lost.pk).contact) == b"gAAAAABx"


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["_store", "_replace", "_wait_for", "keys.delete_version"])
def test_broken_off_anywhere_it_goes_on(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by = make_person("s", "supervisor", HERE)
    for number in range(5):
        venue(by, f"店{number}")
    kept = settings.DUBAN_DATA / "venue-imports" / "a.sealed"
    kept.parent.mkdir()
    kept.write_bytes(seal_bytes(b"table"))
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "BATCH", 2)
        owner, name = (keys, "delete_version") if where.startswith("keys") else (rotation, where)
        done, calls = getattr(owner, name), []

        def breaking(*args: Any) -> Any:
            calls.append(args)
            if where != "_store" or len(calls) == 2:
                raise KeyboardInterrupt
            return done(*args)

        patch.setattr(owner, name, breaking)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    forget()
    assert contacts() == [f"店{number}" for number in range(5)]
    assert key_names() == {"contacts", "contacts.2"}
    done_now = rotate()
    # No third version: the broken run is finished first.
    assert done_now.version == 2
    assert key_names() == {"contacts.2"}
    forget()
    assert contacts() == [f"店{number}" for number in range(5)]
    assert open_bytes(kept.read_bytes()) == b"table"


@pytest.mark.django_db
def test_a_file_that_is_brought_over_is_as_old_as_it_was() -> None:
    kept = settings.DUBAN_DATA / "venue-imports" / "a.sealed"
    kept.parent.mkdir()
    kept.write_bytes(seal_bytes(b"table"))
    before = kept.stat().st_mtime_ns
    rotate()
    assert kept.stat().st_mtime_ns == before


@pytest.mark.django_db(transaction=True)
def test_the_old_key_stays_while_somebody_has_sealed_and_not_stored() -> None:
    by = make_person("s", "supervisor", HERE)
    shop = venue(by, "甲")
    keys.let_go()
    sealed, may_store = threading.Event(), threading.Event()

    def write_slowly() -> None:
        value = seal_contact(Contact("晚", "13800001234"))
        sealed.set()
        may_store.wait(20)
        Venue.objects.filter(pk=shop.pk).update(contact=value)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    sealed.wait(20)
    with pytest.raises(Conflict) as refusal:
        rotate(wait_s=0.2)
    assert refusal.value.code == "key_in_use"
    assert contacts() == ["甲"]
    may_store.set()
    writer.join()
    assert rotate(wait_s=5).dropped == 1
    forget()
    assert contacts() == ["晚"]


@pytest.mark.django_db(transaction=True)
def test_two_write_and_read_while_the_key_is_changed_twice() -> None:
    by = make_person("s", "supervisor", HERE)
    shops = [venue(by, f"店{number}") for number in range(6)]
    keys.let_go()
    stop = threading.Event()
    wrong: list[BaseException] = []
    written: dict[uuid.UUID, str] = {}

    def write(mine: list[Venue], who: str) -> None:
        turn = 0
        try:
            while not stop.is_set() or turn < 3:
                turn += 1
                for shop in mine:
                    name = f"{who}{turn}"
                    Venue.objects.filter(pk=shop.pk).update(contact=seal_contact(Contact(name, "")))
                    written[shop.pk] = name
                    contact = unseal_contact(Venue.objects.values_list("contact", flat=True).get(pk=shop.pk))
                    assert contact is not None
                    assert contact.name == name
                keys.let_go()
        except BaseException as error:
            wrong.append(error)
        finally:
            connection.close()

    writers = [
        threading.Thread(target=write, args=(shops[:3], "a")),
        threading.Thread(target=write, args=(shops[3:], "b")),
    ]
    for writer in writers:
        writer.start()
    try:
        first, second = rotate(), rotate()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not wrong
    assert (first.version, second.version) == (2, 3)
    assert key_names() == {"contacts.3"}
    forget()
    found = {shop.pk: unseal_contact(shop.contact) for shop in Venue.objects.all()}
    assert {key: contact.name for key, contact in found.items() if contact} == written


@pytest.mark.django_db
def test_one_at_a_time() -> None:
    keys.versions(sealed_text.key_file())
    with keys.alone(settings.DUBAN_DATA / "keys" / ".rotating") as free:
        assert free
        with pytest.raises(Conflict) as refusal:
            rotate()
    assert refusal.value.code == "rotation_runs"
    assert key_names() == {"contacts"}


@pytest.mark.django_db
def test_the_command_says_how_many(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    monkeypatch.setattr(rotation.time, "sleep", lambda _seconds: None)
    venue(make_person("s", "supervisor", HERE), "甲")
    call_command("rotate_key")
    assert capsys.readouterr().out.splitlines()[-1] == "1"
    call_command("rotate_key", "--json")
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == '{"values": 1, "files": 0, "unreadable": 0, "version": 3, "dropped": 1}'


CHILD = """
import sys, pathlib
from django.conf import settings
settings.configure(DUBAN_DATA=pathlib.Path(sys.argv[1]))
from duban.core.sealed_text import open_text, seal_text
from duban.core.keys import let_go
for line in sys.stdin:
    word, value = line.split()
    print(open_text(value.encode()) if word == "open" else seal_text(value).decode(), flush=True)
    let_go()
"""


def test_a_process_that_runs_finds_the_new_key_and_forgets_the_old_one_later() -> None:
    before = seal_text("before")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(settings.DUBAN_DATA)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None

    def ask(word: str, value: str) -> str:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{word} {value}\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    try:
        assert ask("open", before.decode()) == "before"
        first = keys.versions(sealed_text.key_file())[0]
        keys.let_go()
        second = keys.make_next(sealed_text.key_file())
        assert ask("open", seal_text("after").decode()) == "after"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keys, "FRESH_S", 0)
            keys.let_go()
            keys.delete_version(first)
            forget()
            # What it seals now, this process opens with the new key alone.
            assert open_text(ask("seal", "anew").encode()) == "anew"
            assert sealed_text.fernet_of(second).decrypt(ask("seal", "again").encode()) == b"again"
            # A page that had read a row just before still opens it there; who starts now does not.
            assert ask("open", before.decode()) == "before"
            with pytest.raises(Unreadable):
                open_text(before)
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()
