"""Nothing of another area shows: entries are planted there, and every address is opened before and after.

Two questions are asked of every address of the site and the API. Does anything in it change, a count or an offer
included, when entries of another area appear? And when something in sight is tied to them, merged into one or cut out
of one, is any of their words, numbers, keys or photos told? What is hidden must also answer as what is not there.
An address that stands in no table of two_towns.py fails the test.
"""

import json
import uuid
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import pytest
from django.db import connection, transaction
from tests.reading import addresses
from tests.two_towns import (
    ABSENT,
    CHIEF,
    GETS,
    HERE,
    HIDDEN,
    MARK,
    NOBODY,
    NOW,
    POSTS,
    READERS,
    World,
    filled,
)

from duban.core import clock
from duban.demo.builders import NOON
from duban.ledger.mail import send_digests
from duban.ledger.models import Entry

pytestmark = pytest.mark.django_db
# Addresses that nobody here opens: what asks for the password again, what a worker writes, what is not loaded, what
# leads on.
SHUT = {
    "/api/v1/",
    "/v/<token>",
    "/places/layers/<name>.geojson",
    "/ledger/export/<job_id>/",
    "/account/code/",
    "/account/code/again/",
    "/account/second-factor/codes/",
    "/account/second-factor/codes/new/",
    "/account/second-factor/remove/",
    "/account/second-factor/set-up/",
    "/ledger/export/<job_id>/ledger.xlsx",
    "/ledger/import/<job_id>/refused.csv",
    "/patrol/import/<import_id>/refused.csv",
    "/patrol/visits/<visit_id>/finish/",
}
# Refused for the role alone, which the table of rights holds: whatever is planted, it is not asked again.
REFUSED = {403, 405}
# Who looks before and after, and is told nothing: everybody. On PostgreSQL the three who between them open nearly every
# address, for who sees what is the same selection there; the others open each address once.
COMPARED = READERS if connection.vendor == "sqlite" else ("supervisor", "health_officer", "community_worker")
# What is not the same at the second look for reasons of its own: sessions, secrets made afresh.
OWN_AFFAIRS = "/account/"


# ---- the tables hold every address ----------------------------------------------------------------------------------


def test_every_address_stands_in_a_table() -> None:
    assert set(addresses()) == set(GETS) | POSTS


def test_what_only_takes_answers_no_look(world: World) -> None:
    for pattern in sorted(POSTS):
        for address in filled(pattern, world.own.keys):
            for reader in ("supervisor", NOBODY):
                status, _words = world.ask(reader, "get", address)
                assert status in {302, 403, 404, 405}, address


# ---- nothing changes ------------------------------------------------------------------------------------------------


def refusals(answers: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    return {
        address: (status, words)
        for address, (status, words) in answers.items()
        if status in REFUSED or (status == 302 and words.startswith("/account/login/"))
    }


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Built once for all that follows: looked at by every reader, planted, looked at again."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        with transaction.atomic():
            world = World()
            world.before = {reader: world.look(reader) for reader in (*COMPARED, CHIEF)}
            world.plant()
            world.after = {}
            for reader in (*READERS, CHIEF):
                refused = refusals(world.before.get(reader, {}))
                world.after[reader] = refused | world.look(reader, shut=refused)
            world.tie()
            yield world
            transaction.set_rollback(True)


@pytest.mark.parametrize("reader", COMPARED)
def test_nothing_changes_when_something_appears_elsewhere(world: World, reader: str) -> None:
    changed = {
        address: [*unified_diff(words.splitlines(), world.after[reader][address][1].splitlines(), lineterm="", n=0)]
        for address, (status, words) in world.before[reader].items()
        if world.after[reader][address] != (status, words) and not address.startswith(OWN_AFFAIRS)
    }
    assert not changed


def told(world: World, answers: dict[str, tuple[int, str]]) -> dict[str, set[str]]:
    """By address the secrets that stand in its answer."""
    found = {address: {one for one in world.hidden.secrets if one in words} for address, (_, words) in answers.items()}
    return {address: secrets for address, secrets in found.items() if secrets}


def test_it_shows_to_who_may_see_it(world: World) -> None:
    """The test of the test: addresses that list, count, draw or export do change, and do tell."""
    before, after = world.before[CHIEF], world.after[CHIEF]
    changed = {address.partition("?")[0] for address in before if before[address] != after[address]}
    ledger = (
        "",
        "points.geojson",
        "clusters.geojson",
        "triage/",
        "notices/",
        "lookback/",
        "figures/",
        "figures/trend/",
    )
    assert {f"/ledger/{name}" for name in (*ledger, "export.csv", "export.geojson", "export.xlsx")} <= changed
    assert {"/ledger/add/place/", "/ledger/figures/evaluation.xlsx", "/bulletins/desk/"} <= changed
    assert {"/desk/", "/api/v1/entries/", "/api/v1/figures", "/api/v1/lookback", "/api/v1/bulletins/drafts/"} <= changed
    assert MARK in after["/ledger/export.xlsx"][1]
    assert HIDDEN.hex in after["/ledger/points.geojson"][1].replace("-", "")


def test_every_address_is_open_to_somebody(world: World) -> None:
    shut = set()
    for pattern, queries in GETS.items():
        keys = world.own.keys, world.own.keys | world.published
        opened = [address + query for some in keys for address in filled(pattern, some) for query in queries]
        if not any(world.after[reader][one][0] == 200 for one in opened for reader in (*READERS, CHIEF)):
            shut.add(pattern)
    assert not sorted(shut - SHUT)


@pytest.mark.parametrize("reader", COMPARED)
def test_no_address_tells_of_what_is_tied_to_something_in_sight(world: World, reader: str) -> None:
    assert not told(world, world.look(reader, plain=True, shut=refusals(world.before[reader])))
    for name, key in world.tied.items():
        for address in (
            filled("/ledger/<entry_id>/", {"<entry_id>": key}),
            filled("/api/v1/entries/<entry_id>", {"<entry_id>": key}),
        ):
            for one in address:
                status, words = world.ask(reader, "get", one)
                assert not told(world, {f"{name} {one}": (status, words)})


# ---- absent and forbidden answer alike ------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", COMPARED)
def test_what_is_hidden_answers_as_what_is_not_there(world: World, reader: str) -> None:
    unlike = {}
    for pattern in sorted({*GETS, *POSTS}):
        if any(part in pattern for part in ABSENT):
            for hidden, absent in zip(filled(pattern, world.hidden.keys), filled(pattern, ABSENT), strict=True):
                there = world.answer_of(reader, pattern, hidden, world.hidden.keys)
                nowhere = world.answer_of(reader, pattern, absent, ABSENT)
                if there != nowhere:
                    unlike[hidden] = [*unified_diff(there.splitlines(), nowhere.splitlines(), lineterm="", n=0)]
    assert not unlike


# ---- what is sent ---------------------------------------------------------------------------------------------------


def test_nothing_hidden_can_be_named_in_a_step(world: World) -> None:
    """Merging into it, hanging its photo on one's own, amending it by a file: as if there were none such."""
    own, hidden = world.own.keys["<entry_id>"], world.hidden.keys
    for reader in ("supervisor", "inspector", "handler"):
        for named in ("into", "photo", "photos"):
            answers = []
            for keys in (hidden, ABSENT):
                value = keys["<entry_id>"] if named == "into" else keys["<sha256>"]
                action = {"into": "merge", "photo": "add_photo", "photos": "remedy"}[named]
                body = {named: [value] if named == "photos" else value, "reason": "同一件"}
                body.pop("reason") if named == "photo" else None
                status, words = world.ask(
                    reader, "post", f"/api/v1/entries/{own}/{action}", data=body, content_type="application/json"
                )
                answers.append((status, words.replace(value[:12], "").replace(value, "")))
            assert answers[0] == answers[1], (reader, named)
            assert answers[0][0] >= 400


def test_a_file_that_names_what_is_hidden_is_refused_as_one_that_names_nothing(world: World) -> None:
    file = world.after[CHIEF]["/ledger/export.csv"][1].partition("\ufeff")[2]
    heading, *lines = file.splitlines()
    row = next(line for line in lines if str(HIDDEN) in line).replace(MARK, "改")
    answers = []
    for key in (str(HIDDEN), ABSENT["<entry_id>"]):
        data = f"{heading}\n{row.replace(str(HIDDEN), key)}\n".encode()
        address = "/api/v1/entries/amendments?dry_run=true"
        answers.append(world.ask("supervisor", "post", address, data=data, content_type="text/csv"))
    assert answers[0] == answers[1]
    assert "entry_not_found" in answers[0][1]


def test_a_finding_beside_what_is_hidden_is_offered_nothing_of_it(world: World) -> None:
    finding = {"category": "06010", "lon": 116.8001, "lat": 39.8, "found_at": NOON.isoformat(), "description": "新"}
    for reader in ("supervisor", "inspector"):
        status, words = world.ask(
            reader,
            "put",
            f"/api/v1/entries/{uuid.UUID(int=77)}?near=true",
            data=finding,
            content_type="application/json",
        )
        assert status == 201
        assert json.loads(words)["near"]
        assert not told(world, {reader: (status, words)})
        form = finding | {"id": uuid.UUID(int=78), "category": "event:06010", "found_at": "2021-01-18 12:00"}
        form |= {"datum": "wgs84", "position_source": "map"}
        status, words = world.ask(reader, "post", "/ledger/add/", data=form)
        assert 'name="same_as"' in words
        assert not told(world, {reader: (status, words)})


def test_many_at_once_leave_alone_what_is_hidden(world: World) -> None:
    for action in ("list", "assign"):
        sent = {"action": action, "unit": HERE, "selected": [f"{HIDDEN}:1"]}
        status, words = world.ask("supervisor", "post", "/ledger/bulk/", data=sent)
        assert not told(world, {action: (status, words.replace(str(HIDDEN), ""))})
    assert Entry.objects.get(pk=HIDDEN).event_count == 1


def test_no_mail_tells_of_it(world: World, settings: Any, mailoutbox: list[Any]) -> None:
    settings.DUBAN_EMAIL_URL = "locmem:"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_digests(now=NOW).sent
    for letter in mailoutbox:
        assert not told(world, {letter.to[0]: (0, letter.subject + letter.body)})
