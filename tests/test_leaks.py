"""Nothing of another area shows: entries are planted there, and every address is opened before and after.

Two questions are asked of every address of the site and the API. Does anything in it change, a count or an offer
included, when entries of another area appear? And when something in sight is tied to them, merged into one or cut out
of one, is any of their words, numbers, keys or photos told? What is hidden must also answer as what is not there.
An address that stands in no table below fails the test.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import unified_diff
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import dumps
from django.db import transaction
from django.test import Client
from tests.reading import addresses, text_of

from duban.access import actions as access
from duban.access.models import Person
from duban.bulletin import actions as bulletin
from duban.core import clock
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.evidence.models import Photo
from duban.ledger import actions, jobs, lookback
from duban.ledger.models import Entry
from duban.ledger.recording import record_finding
from duban.ledger.saved import save_filter
from duban.ledger.uploads import SALT

pytestmark = pytest.mark.django_db
HERE, THERE, DISTRICT = "110112110", "110112106", "110112"
NOW = NOON + timedelta(days=40)
MARK = "ZQXVANISHED"
HIDDEN = uuid.UUID(int=0xDEC0DE)
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
NOBODY = "nobody"
READERS = (*ROLES, NOBODY)
LISTS = ("", "?text={mark}", "?text={number}", "?overdue=1", "?lookback=due", "?asked=1", "?due=today", "?sort=due_at")
MAP = "?bbox=116.5,39.5,117,40.1&zoom="
FIGURE = "?figure=handled:n:2021-01-01:2021-02-01"

# What each address is opened with: a string for what follows it. <entry_id> and its like are put in from Things.
GETS: dict[str, tuple[str, ...]] = {
    "/": ("",),
    "/desk/": ("",),
    "/account/": ("",),
    "/account/login/": ("",),
    "/account/password/": ("",),
    "/account/mail/": ("",),
    "/account/stand-in/": ("",),
    "/account/tokens/": ("",),
    "/account/people/": ("", "?q=there"),
    "/account/people/add/": ("",),
    "/account/people/<person_id>/": ("",),
    "/account/again/": ("",),
    "/account/code/": ("",),
    "/account/code/again/": ("",),
    "/account/second-factor/": ("",),
    "/account/second-factor/set-up/": ("",),
    "/account/second-factor/remove/": ("",),
    "/account/second-factor/codes/": ("",),
    "/account/second-factor/codes/new/": ("",),
    "/account/sessions/": ("",),
    "/places/layers.json": ("",),
    "/places/layers/<name>.geojson": ("",),
    "/places/locate": ("?lon=116.8001&lat=39.8",),
    "/places/jurisdictions": ("?q=1101",),
    "/ledger/": (*LISTS, FIGURE),
    "/ledger/points.geojson": LISTS,
    "/ledger/clusters.geojson": (f"{MAP}9", f"{MAP}13", f"{MAP}18", f"{MAP}18&text={{mark}}"),
    "/ledger/export.csv": LISTS[:3],
    "/ledger/export.geojson": LISTS[:3],
    "/ledger/export.xlsx": LISTS[:3],
    "/ledger/export/<job_id>/": ("",),
    "/ledger/export/<job_id>/ledger.xlsx": ("",),
    "/ledger/triage/": ("", "?state=listed", "?at={hidden}", "?last={hidden}"),
    "/ledger/notices/": ("", "?all=1"),
    "/ledger/saved/": ("",),
    "/ledger/photos/<sha256>/<variant>/": ("",),
    "/ledger/figures/": ("", "?month=2021-01", "?month=2021-01&by=category"),
    "/ledger/figures/trend/": ("", "?month=2021-01"),
    "/ledger/figures/weights/": ("",),
    "/ledger/figures/evaluation.<form>": ("?month=2021-01",),
    "/ledger/lookback/": ("",),
    "/ledger/lookback/preview/": (f"?at={HERE}&due_on=2021-02-27&size=5",),
    "/ledger/lookback/<round_id>/": ("", "?standing=all"),
    "/ledger/lookback/<round_id>/redraw/": ("",),
    "/ledger/lookback/<round_id>/frame.csv": ("",),
    "/ledger/add/": ("",),
    "/ledger/add/photos/<word>/": ("",),
    "/ledger/add/place/": ("?lon=116.8001&lat=39.8&category=event:06010", "?lon=116.9001&lat=39.8"),
    "/ledger/import/": ("",),
    "/ledger/import/template.csv": ("",),
    "/ledger/import/template.xlsx": ("",),
    "/ledger/import/<job_id>/": ("",),
    "/ledger/import/<job_id>/refused.csv": ("",),
    "/ledger/<entry_id>/": ("",),
    "/ledger/<entry_id>/verify/": ("",),
    "/bulletins/": ("",),
    "/bulletins/search/": ("?q=%E5%B9%B3%E5%B8%B8", "?q={mark}"),
    "/bulletins/feed/": ("",),
    "/bulletins/points/": ("",),
    "/bulletins/page-<digest>.css": ("",),
    "/bulletins/photos/<sha256>/<variant>/": ("",),
    "/bulletins/<issue_id>/": ("",),
    "/bulletins/<issue_id>/<kind>-<language>/": ("",),
    "/bulletins/desk/": ("",),
    "/bulletins/desk/<issue_id>/": ("",),
    "/bulletins/desk/<issue_id>/preview/": ("",),
    "/api/v1/": ("",),
    "/api/v1/openapi.json": ("",),
    "/api/v1/places/locate": ("?lon=116.8001&lat=39.8",),
    "/api/v1/places/jurisdictions": ("?q=1101",),
    "/api/v1/entries/categories": ("",),
    "/api/v1/entries/": (*LISTS, FIGURE),
    "/api/v1/entries/export.csv": LISTS[:3],
    "/api/v1/entries/export.geojson": LISTS[:3],
    "/api/v1/entries/export.xlsx": LISTS[:3],
    "/api/v1/entries/<entry_id>": ("",),
    "/api/v1/figures": ("?month=2021-01", "?month=2021-01&by=category", "?month=2021-01&by=month"),
    "/api/v1/lookback": ("",),
    "/api/v1/lookback/<round_id>": ("",),
    "/api/v1/lookback/<round_id>/items": ("", "?standing=all"),
    "/api/v1/lookback/<round_id>/redraw": ("",),
    "/api/v1/bulletins/": ("",),
    "/api/v1/bulletins/drafts/": ("",),
    "/api/v1/bulletins/<issue_id>/": ("",),
}
# Addresses that only take something; those with a key in them answer a hidden one as one that is not there.
POSTS = {
    "/account/logout/",
    "/account/stand-in/<delegation_id>/end/",
    "/account/tokens/<token_id>/revoke/",
    "/account/people/<person_id>/roles/<role_id>/take/",
    "/account/people/<person_id>/close/",
    "/account/people/<person_id>/open/",
    "/account/people/<person_id>/unlock/",
    "/account/people/<person_id>/reset/",
    "/ledger/bulk/",
    "/ledger/triage/<entry_id>/<decision>/",
    "/ledger/notices/read/",
    "/ledger/saved/<filter_id>/rename/",
    "/ledger/saved/<filter_id>/delete/",
    "/ledger/lookback/<round_id>/close/",
    "/ledger/add/photos/",
    "/ledger/import/edited/",
    "/ledger/import/<job_id>/take/",
    "/ledger/<entry_id>/<action>/",
    "/bulletins/desk/new/",
    "/bulletins/desk/<issue_id>/<step>/",
    "/i18n/setlang/",
    "/api/v1/evidence/<sha256>",
    "/api/v1/entries/amendments",
    "/api/v1/lookback/<round_id>/close",
    *(f"/api/v1/entries/<entry_id>/{action}" for action in actions.VERBS),
    *(f"/api/v1/bulletins/<issue_id>/{step}/" for step in ("approve", "publish", "discard", "correct")),
}
# What is not the same at the second look for reasons of its own: sessions, secrets made afresh.
OWN_AFFAIRS = "/account/"
WORDS = {
    "<name>": ("roads",),
    "<form>": ("xlsx", "pdf"),
    "<variant>": ("public", "thumbnail", "original"),
    "<digest>": ("abc",),
    "<kind>-<language>": ("json-zh", "html-en"),
    "<decision>": ("list", "void", "merge", "restore"),
    "<action>": tuple(actions.VERBS),
    "<step>": ("save", "approve", "publish", "discard", "correct", "refresh"),
}


@dataclass
class Things:
    """One of each kind, and the words that would betray them."""

    keys: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def hide(self, entry: Entry) -> None:
        self.secrets |= {entry.number, str(entry.pk)}
        for photo in Photo.objects.filter(pk__in=entry.photos.values("photo")):
            self.secrets |= {photo.pk, photo.public_sha256}


ABSENT = {
    "<entry_id>": str(uuid.UUID(int=1)),
    "<round_id>": str(uuid.UUID(int=2)),
    "<issue_id>": str(uuid.UUID(int=3)),
    "<job_id>": str(uuid.UUID(int=5)),
    "<sha256>": "0" * 64,
    "<word>": "no-such-word",
    "<person_id>": "999999",
    "<role_id>": "999999",
    "<filter_id>": "999999",
    "<token_id>": "999999",
    "<delegation_id>": "999999",
}


class World:
    """A district with two towns; the readers are of the one, and what is planted lies in the other."""

    def __init__(self) -> None:
        self.seeds = iter(range(1, 10_000))
        self.chief = make_person("chief", "supervisor", DISTRICT)
        self.fixer = make_person("fixer", "handler", DISTRICT)
        self.readers = {role: make_person(f"here_{role}", role, HERE) for role in ROLES}
        self.others = {role: make_person(f"there_{role}", role, THERE) for role in ROLES}
        self.clients: dict[str, Any] = {NOBODY: Client(headers={"accept-language": "en"})}
        for role, person in self.readers.items():
            self.clients[role] = Client(headers={"accept-language": "en"})
            self.clients[role].force_login(person)
            access.change_own_mail(by=person, now=NOON, email=f"{role}@example.org", language="en")
        self.own, self.hidden = Things(), Things(secrets={MARK})
        self.published = self.publish()
        self.furnish(self.own, self.readers, "平常")

    def entry(self, people: dict[str, Person], state: str, words: str, **changes: Any) -> Entry:
        """An entry of a town, brought to its state by the people of that town."""
        seed, supervisor, handler = next(self.seeds), people["supervisor"], people["handler"]
        facts = {
            "description": f"{words} 说明",
            "statement": f"{words} 位置",
            "photos": (make_photo(seed, by=supervisor),),
            "lon": 116.8001,
            "lat": 39.8,
        }
        finding = make_finding(seed, **facts | changes)
        entry = record_finding(by=supervisor, now=NOON, finding=finding).entry
        step: dict[str, Any] = {"now": NOON + timedelta(hours=1), "entry_id": entry.pk}
        if state == "void":
            return actions.void_entry(by=supervisor, reason=f"{words} 误报", **step)
        if state != "found":
            actions.list_entry(by=supervisor, **step)
        if state in {"assigned", "asked", "held", "remedied", "rework", "closed"}:
            actions.assign_entry(by=supervisor, unit=people["handler"].roles.get().code, **step)
        if state == "asked":
            until = NOON + timedelta(days=90)
            actions.ask_extension(by=handler, until=until, reason=f"{words} 等料", **step)
        if state == "held":
            actions.hold_entry(by=supervisor, reason=f"{words} 施工", **step)
        if state in {"remedied", "rework", "closed"}:
            actions.submit_remedy(by=handler, photos=[make_photo(seed + 5000, by=handler)], **step)
        if state == "rework":
            actions.reject_remedy(by=supervisor, reason=f"{words} 返工", **step)
        if state == "closed":
            actions.close_entry(by=supervisor, **step)
        return Entry.objects.get(pk=entry.pk)

    def furnish(self, things: Things, people: dict[str, Person], words: str) -> None:
        """An entry in every state, and one of all else that the town's people can have."""
        supervisor = people["supervisor"]
        for state in ("listed", "asked", "held", "remedied", "rework", "closed", "void"):
            things.hide(self.entry(people, state, words))
        things.hide(self.entry(people, "found", words, **({} if things is self.own else {"id": HIDDEN})))
        assigned = self.entry(people, "assigned", words)
        things.hide(assigned)
        at = supervisor.roles.get().code
        draft = bulletin.draft_issue(by=supervisor, now=NOW, at=at, title=f"{words} 简报")
        drawn = lookback.draw_round(by=supervisor, now=NOW, at=at, size=3, name=f"{words} 抽查", seed=words).round
        table = SimpleUploadedFile(f"{words}.csv", f"description\n{words}\n".encode())
        job = jobs.make_job(by=supervisor, now=NOW, language="en", table=table)
        kept = save_filter(by=supervisor, now=NOW, name=f"{words} 筛", query="state=found")
        token, _secret = access.make_token(by=supervisor, now=NOW, name=words, scopes=["read"], days=300)
        lent = access.start_delegation(
            by=supervisor, now=NOW, taker=people["inspector"].username, start=NOW, end=NOW + timedelta(days=3)
        )
        access.end_delegation(by=supervisor, now=NOW, delegation_id=lent.pk)
        photo = assigned.photos.get().photo_id
        things.keys = {
            "<entry_id>": str(assigned.pk),
            "<round_id>": str(drawn.pk),
            "<issue_id>": str(draft.pk),
            "<job_id>": job.id,
            "<sha256>": photo,
            "<word>": dumps([photo, supervisor.pk], salt=SALT),
            "<person_id>": str(supervisor.pk),
            "<role_id>": str(supervisor.roles.get().pk),
            "<filter_id>": str(kept.pk),
            "<token_id>": str(token.pk),
            "<delegation_id>": str(lent.pk),
        }
        things.secrets |= {str(draft.pk), str(drawn.pk), job.id}

    def publish(self) -> str:
        """A bulletin of the readers' own town, for anybody to read."""
        supervisor, approver = self.readers["supervisor"], self.readers["publisher"]
        entry = self.entry(self.readers, "listed", "平常 已刊")
        issue = bulletin.draft_issue(by=supervisor, now=NOW, at=HERE, name="简报", title="平常 已刊")
        step: dict[str, Any] = {"now": NOW, "issue_id": issue.pk}
        bulletin.edit_issue(by=supervisor, issuer="办公室", items={"rectified": [], "new": [entry.pk]}, **step)
        bulletin.approve_issue(by=approver, **step)
        return str(bulletin.publish_issue(by=supervisor, **step).pk)

    def plant(self) -> None:
        """All of the other town's, and one that was the readers' duty for a while."""
        self.furnish(self.hidden, self.others, MARK)

    def ask(self, reader: str, method: str, address: str, **sent: Any) -> tuple[int, str]:
        """Status and words of the answer; whatever it changed is taken back."""
        with transaction.atomic():
            answer = getattr(self.clients[reader], method)(address, **sent)
            words = text_of(answer)
            transaction.set_rollback(True)
        return answer.status_code, words

    def look(self, reader: str, *, plain: bool = False) -> dict[str, tuple[int, str]]:
        """What every address answers; `plain`: only those that are not asked for what is hidden."""
        seen = {}
        said = {"mark": MARK, "number": "110112-2021-0000", "hidden": str(HIDDEN)}
        for pattern, queries in GETS.items():
            for keys in (self.own.keys, self.own.keys | {"<issue_id>": self.published}):
                for address in filled(pattern, keys):
                    for query in queries:
                        if address + query not in seen and not (plain and "{" in query):
                            seen[address + query] = self.ask(reader, "get", address + query.format(**said))
        return seen


def filled(pattern: str, keys: dict[str, str]) -> Iterator[str]:
    """The address with a key for each of its parts, once for each word that it knows."""
    for part, key in keys.items():
        pattern = pattern.replace(part, key)
    for part, words in WORDS.items():
        if part in pattern:
            for word in words:
                yield from filled(pattern.replace(part, word), {})
            return
    yield pattern


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


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Built once for all that follows: looked at by every reader, planted, looked at again."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        with transaction.atomic():
            world = World()
            world.before = {reader: world.look(reader) for reader in READERS}
            world.plant()
            world.after = {reader: world.look(reader) for reader in READERS}
            yield world
            transaction.set_rollback(True)


@pytest.mark.parametrize("reader", READERS)
def test_nothing_changes_when_something_appears_elsewhere(world: World, reader: str) -> None:
    changed = {
        address: [*unified_diff(words.splitlines(), world.after[reader][address][1].splitlines(), lineterm="", n=0)]
        for address, (status, words) in world.before[reader].items()
        if world.after[reader][address] != (status, words) and not address.startswith(OWN_AFFAIRS)
    }
    assert not changed


@pytest.mark.parametrize("reader", READERS)
def test_no_address_tells_of_it(world: World, reader: str) -> None:
    told = {
        address: found
        for address, (_status, words) in world.after[reader].items()
        if "{" not in address and (found := {secret for secret in world.hidden.secrets if secret in words})
    }
    assert not told
