"""Making a visit: begun once, answered in any order, finished once, taken back whole."""

import io
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from PIL import Image
from tests.patrol.visiting import TOWN, at, make_venue, settle, visited

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_jpeg, make_person, make_photo, make_signature
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry
from duban.patrol import visiting
from duban.patrol.checklists import lists_for
from duban.patrol.models import (
    Answer,
    CheckListVersion,
    Failure,
    Item,
    PatrolRound,
    Recheck,
    RoundVenue,
    Visit,
    VisitNotice,
)
from duban.patrol.queries import open_failures_of
from duban.patrol.signing import open_signature
from duban.patrol.visiting import Closing, Place, Said, VisitDraft
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
ID = uuid.UUID(int=0xA1)


@pytest.fixture
def inspector(db: None) -> Person:
    return make_person("inspector", "inspector", "110112")


@pytest.fixture
def venue(inspector: Person) -> Venue:
    return make_venue(by=inspector)


@pytest.fixture
def version(venue: Venue) -> CheckListVersion:
    return next(one for one in lists_for(venue.kind_id) if one.checklist.key == "epidemic-catering")


def begin(by: Person, venue: Venue, version: CheckListVersion, visit_id: uuid.UUID = ID, **more: Any) -> Visit:
    return visiting.start_visit(
        by=by, now=more.pop("now", at(0)), visit_id=visit_id, venue_id=venue.pk, version_id=version.pk, **more
    )


def say(by: Person, visit_id: uuid.UUID = ID, *, now: float = 1, **results: Any) -> None:
    said = [Said(key, value) for key, value in results.items()]
    visiting.answer_items(by=by, now=at(now), visit_id=visit_id, said=said)


def finish(by: Person, visit_id: uuid.UUID = ID, *, now: float = 10, **closing: Any) -> Any:
    """What was not answered yet is put down as not inspected before."""
    if Visit.objects.filter(pk=visit_id, state="under_way", username=by.username).exists():
        visiting.skip_rest(by=by, now=at(now), visit_id=visit_id)
    return visiting.finish_visit(by=by, now=at(now), visit_id=visit_id, closing=Closing(**closing))


def shoot(by: Person, key: str, seed: int = 1, visit_id: uuid.UUID = ID) -> str:
    photo = visiting.attach_photo(by=by, now=at(2), visit_id=visit_id, key=key, data=make_jpeg(seed))
    return str(photo.pk)


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(DubanError) as refusal:
        call(*arguments, **named)
    return refusal.value.code


# ---- from beginning to end ------------------------------------------------------------------------------------------


def test_a_whole_visit(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    handler = make_person("handler", "handler", TOWN)
    make_person("far_handler", "handler", "110112110")
    begin(inspector, venue, version)
    say(inspector, code_scan="fail", masks="pass", temperature="na")
    photo = shoot(inspector, "code_scan")
    settled = finish(
        inspector, note=" 已当场告知 ", signed_as="owner", signature=make_signature(), place=Place(116.72, 39.95, 12.5)
    )
    visit = Visit.objects.get()
    assert (visit.state, visit.finished_at, visit.note, visit.signed_as) == ("finished", at(10), "已当场告知", "owner")
    assert (visit.lon, visit.lat, visit.accuracy_m) == (116.72, 39.95, 12.5)
    told = dict(Answer.objects.values_list("key", "result"))
    assert told["code_scan"] == "fail"
    assert told["disinfection"] == "not_inspected"
    assert set(told) == set(Item.objects.filter(version=version).values_list("key", flat=True))
    failure = open_failures_of(venue).get()
    assert failure.mend_by is not None
    assert Entry.objects.get() == failure.entry
    assert settled.entries == [failure.entry_id]
    assert failure.entry.photos.get().photo_id == photo
    assert list(VisitNotice.objects.values_list("person__username", flat=True)) == [handler.username]
    assert b"PNG" not in bytes(visit.signature or b"")
    png = Image.open(io.BytesIO(open_signature(visit.signature or b"")))
    assert png.getextrema()[0] == 0
    assert not AuditRecord.objects.filter(detail__icontains="已当场").exists()


def test_begun_twice_or_in_two_tabs_it_is_one_visit(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    first = begin(inspector, venue, version)
    assert begin(inspector, venue, version, now=at(5)).pk == first.pk
    assert begin(inspector, venue, version, uuid.uuid4(), now=at(9)).pk == first.pk
    assert Visit.objects.get().visited_at == at(0)
    with pytest.raises(DubanError) as refusal:
        visiting.finish_visit(by=inspector, now=at(1), visit_id=ID, closing=Closing())
    assert refusal.value.code == "answer_needed"
    finish(inspector)
    assert begin(inspector, venue, version, uuid.uuid4(), now=at(20)).pk != first.pk


def test_another_inspector_has_a_visit_of_their_own(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    other = make_person("other", "inspector", "110112")
    begin(inspector, venue, version)
    assert begin(other, venue, version, uuid.uuid4()).username == "other"
    assert code_of(begin, other, venue, version) == "visit_id_taken"
    assert code_of(say, other, masks="pass") == "not_your_visit"
    assert code_of(finish, other) == "not_your_visit"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version_id": None}, "bad_checklist"),
        ({"version_id": uuid.UUID(int=9)}, "bad_checklist"),
        ({"recheck": [uuid.UUID(int=9)]}, "bad_recheck"),
        ({"round_id": uuid.UUID(int=9)}, "bad_round"),
        ({"venue_id": uuid.UUID(int=9)}, "unknown_venue"),
    ],
)
def test_what_no_visit_begins_with(
    inspector: Person, venue: Venue, version: CheckListVersion, changes: dict[str, Any], code: str
) -> None:
    said = {"visit_id": ID, "venue_id": venue.pk, "version_id": version.pk} | changes
    assert code_of(visiting.start_visit, by=inspector, now=NOON, **said) == code
    assert not Visit.objects.exists()


def test_at_a_closed_venue_none_begins(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    Venue.objects.update(closed_at=NOON)
    assert code_of(begin, inspector, venue, version) == "venue_closed"


def test_a_list_for_other_venues_is_not_offered(inspector: Person, version: CheckListVersion) -> None:
    salon = make_venue("理发", kind="salon")
    assert code_of(begin, inspector, salon, version) == "bad_checklist"


def test_a_round_that_waits_for_the_venue_takes_the_visit(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    rounds = [
        PatrolRound.objects.create(
            title=title, area="110112", starts_on=NOON.date() - timedelta(days=1), ends_on=NOON.date(), made_by={},
            made_at=NOON,
        )
        for title in ("甲", "乙", "丙")
    ]  # fmt: skip
    for one, inspector_name in zip(rounds, ("", "inspector", "other"), strict=True):
        RoundVenue.objects.create(round=one, venue=venue, town=TOWN, inspector=inspector_name)
    assert begin(inspector, venue, version).round == rounds[1]
    finish(inspector)
    assert begin(inspector, venue, version, uuid.uuid4(), round_id=rounds[2].pk).round == rounds[2]


# ---- answers --------------------------------------------------------------------------------------------------------


def test_a_late_answer_does_not_go_over_a_newer_one(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    begin(inspector, venue, version)
    for value, minute in (("pass", 5), ("fail", 3), ("fail", 5), ("na", 4)):
        said = [Said("masks", value, at=at(minute))]
        visiting.answer_items(by=inspector, now=at(30), visit_id=ID, said=said)
    assert Answer.objects.get().result == "fail"
    visiting.answer_items(by=inspector, now=at(30), visit_id=ID, said=[Said("masks", None, note="再看", at=at(99))])
    answer = Answer.objects.get()
    assert (answer.result, answer.note, answer.answered_at) == ("", "再看", at(30))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Said("no_such", "pass"), "unknown_item"),
        (Said("masks", "perhaps"), "bad_result"),
        (Said("masks", ["pass"]), "bad_result"),
        (Said("masks", "pass", note="长" * 2001), "note_too_long"),
        (Said("masks", "pass", note="\0"), "note_too_long"),
    ],
)
def test_answers_that_are_none(
    inspector: Person, venue: Venue, version: CheckListVersion, said: Said, code: str
) -> None:
    begin(inspector, venue, version)
    both = [Said("code_scan", "pass"), said]
    assert code_of(visiting.answer_items, by=inspector, now=NOON, visit_id=ID, said=both) == code
    assert not Answer.objects.exists()


def test_a_photo_hangs_once_and_comes_off(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    begin(inspector, venue, version)
    first = shoot(inspector, "masks")
    assert shoot(inspector, "masks") == first
    second = shoot(inspector, "masks", 2)
    assert Answer.objects.get().photos == [first, second]
    # The answer that was waiting for a connection comes after its photos, and keeps them.
    visiting.answer_items(by=inspector, now=at(3), visit_id=ID, said=[Said("masks", "fail", at=at(0.5))])
    assert Answer.objects.get().result == "fail"
    for _twice in range(2):
        visiting.detach_photo(by=inspector, now=at(4), visit_id=ID, key="masks", photo=first)
    assert Answer.objects.get().photos == [second]
    assert code_of(shoot, inspector, "no_such") == "no_photo_here"


def test_too_many_photos_are_refused(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    begin(inspector, venue, version)
    Answer.objects.create(visit_id=ID, key="masks", photos=[f"{n:064x}" for n in range(20)], answered_at=NOON)
    assert code_of(shoot, inspector, "masks") == "too_many_photos"


# ---- the end --------------------------------------------------------------------------------------------------------


def test_a_fail_that_needs_a_photo_keeps_the_visit_open(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    begin(inspector, venue, version)
    say(inspector, code_scan="fail")
    with pytest.raises(DubanError) as refusal:
        finish(inspector)
    assert (refusal.value.code, refusal.value.field) == ("photo_needed", "code_scan")
    assert Visit.objects.get().state == "under_way"
    shoot(inspector, "code_scan")
    finish(inspector)
    assert Visit.objects.get().state == "finished"


@pytest.mark.parametrize(
    ("closing", "code"),
    [
        ({"signed_as": "nobody"}, "bad_signed_as"),
        ({"signature": b"x"}, "bad_signed_as"),
        ({"signature": b"x", "signed_as": "refused"}, "bad_signed_as"),
        ({"signature": b"no picture", "signed_as": "owner"}, "bad_signature"),
        ({"signature": make_jpeg(1), "signed_as": "owner"}, "bad_signature"),
        ({"note": "长" * 2001}, "note_too_long"),
        ({"place": Place(181, 0)}, "bad_position"),
        ({"place": Place(1, 91)}, "bad_position"),
        ({"place": Place(float("nan"), 1)}, "bad_position"),
        ({"place": Place(1, 1, -5)}, "bad_position"),
    ],
)
def test_ends_that_are_none(
    inspector: Person, venue: Venue, version: CheckListVersion, closing: dict[str, Any], code: str
) -> None:
    begin(inspector, venue, version)
    say(inspector, temperature="fail")
    assert code_of(finish, inspector, **closing) == code
    assert Visit.objects.get().state == "under_way"
    assert not Failure.objects.exists()


def test_finished_twice_it_is_finished_once(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    begin(inspector, venue, version)
    say(inspector, temperature="fail")
    finish(inspector)
    assert finish(inspector, now=20).opened == []
    assert Visit.objects.get().finished_at == at(10)
    assert Failure.objects.count() == Entry.objects.count() == 1
    assert code_of(say, inspector, masks="pass") == "visit_over"
    assert code_of(shoot, inspector, "masks") == "visit_over"


def test_what_breaks_off_in_the_middle_of_the_end_leaves_the_visit_open(
    inspector: Person, venue: Venue, version: CheckListVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person("handler", "handler", TOWN)
    begin(inspector, venue, version)
    say(inspector, temperature="fail")
    visiting.skip_rest(by=inspector, now=at(3), visit_id=ID)

    def break_off(*_arguments: Any, **_named: Any) -> None:
        raise OSError("the power fails")

    with monkeypatch.context() as patch:
        patch.setattr(visiting, "_tell_town", break_off)
        with pytest.raises(OSError, match="power"):
            visiting.finish_visit(by=inspector, now=at(4), visit_id=ID, closing=Closing())
    assert Visit.objects.get().state == "under_way"
    assert [Failure.objects.count(), Entry.objects.count(), VisitNotice.objects.count()] == [0, 0, 0]
    visiting.finish_visit(by=inspector, now=at(5), visit_id=ID, closing=Closing())
    assert Failure.objects.count() == Entry.objects.count() == VisitNotice.objects.count() == 1


def test_a_recheck_asks_only_what_was_selected(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    settle(inspector, visited(venue, -600, masks="fail", temperature="fail", odd_item="fail"))
    chosen = [failure.pk for failure in open_failures_of(venue).filter(key__in=["masks", "odd_item"])]
    begin(inspector, venue, version, recheck=chosen)
    visit = Visit.objects.get(pk=ID)
    assert visit.recheck
    assert {item.key for item in visiting.items_of(visit)} == {"masks", "odd_item"}
    assert code_of(say, inspector, temperature="pass") == "unknown_item"
    say(inspector, masks="pass")
    finish(inspector)
    assert {failure.key for failure in open_failures_of(venue)} == {"temperature", "odd_item"}
    told = {one.failure.key: one.result for one in Recheck.objects.select_related("failure")}
    assert told == {"masks": "stands", "odd_item": "not_inspected"}


# ---- a visit that comes whole ---------------------------------------------------------------------------------------


def whole(venue: Venue, version: CheckListVersion, **changes: Any) -> VisitDraft:
    facts: dict[str, Any] = {
        "id": ID, "venue_id": venue.pk, "version_id": version.pk, "visited_at": at(-60), "finished_at": at(-30),
    }  # fmt: skip
    told = {"temperature": "fail"} | changes.pop("results", {})
    keys = Item.objects.filter(version=version).values_list("key", flat=True)
    facts["said"] = tuple(Said(key, told.get(key, "pass")) for key in keys)
    return VisitDraft(**facts | changes)


def test_a_whole_visit_sent_again_is_the_same_and_another_is_refused(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    photo = make_photo(5, by=inspector)
    draft = whole(venue, version, photos={"masks": (photo,)})
    visit, fresh = visiting.record_visit(by=inspector, now=NOON, draft=draft)
    assert fresh
    assert (visit.visited_at, visit.finished_at, visit.state) == (at(-60), at(-30), "finished")
    again, fresh = visiting.record_visit(by=inspector, now=at(500), draft=draft)
    assert (again.pk, fresh) == (visit.pk, False)
    assert Failure.objects.count() == Entry.objects.count() == 1
    other = whole(venue, version, results={"temperature": "pass"})
    assert code_of(visiting.record_visit, by=inspector, now=NOON, draft=other) == "visit_id_taken"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"visited_at": at(-10)}, "bad_time"),
        ({"finished_at": at(60 * 48), "visited_at": at(60 * 47)}, "bad_time"),
        ({"visited_at": at(-60).replace(year=1989)}, "bad_time"),
        ({"photos": {"masks": ("0" * 64,)}}, "photo_not_stored"),
        ({"results": {"code_scan": "fail"}}, "photo_needed"),
        ({"said": (Said("masks", "fail"),)}, "answer_needed"),
        ({"said": (Said("nothing", "fail"),)}, "unknown_item"),
        ({"version_id": None}, "bad_checklist"),
    ],
)
def test_whole_visits_that_are_none(
    inspector: Person, venue: Venue, version: CheckListVersion, changes: dict[str, Any], code: str
) -> None:
    draft = whole(venue, version, **changes)
    assert code_of(visiting.record_visit, by=inspector, now=NOON, draft=draft) == code
    assert not Visit.objects.exists()


def test_another_ones_photo_cannot_be_named(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    other = make_person("other", "inspector", "110112")
    draft = whole(venue, version, photos={"masks": (make_photo(5, by=other),)})
    assert code_of(visiting.record_visit, by=inspector, now=NOON, draft=draft) == "photo_not_stored"


# ---- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["handler", "leader", "publisher", "administrator", "health_officer"])
def test_who_makes_no_visits(inspector: Person, venue: Venue, version: CheckListVersion, role: str) -> None:
    person = make_person(role, role, "110112")
    assert code_of(begin, person, venue, version) in {"not_allowed", "unknown_venue"}


def test_elsewhere_there_is_no_such_visit(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    begin(inspector, venue, version)
    stranger = make_person("stranger", "supervisor", "110113")
    for call in (say, finish):
        assert code_of(call, stranger) == "visit_not_found"
    assert code_of(visiting.void_visit, by=stranger, now=NOON, visit_id=ID, reason="误") == "visit_not_found"


# ---- taking back ----------------------------------------------------------------------------------------------------


def void(by: Person, visit_id: uuid.UUID = ID, reason: str = "走错了门") -> Visit:
    return visiting.void_visit(by=by, now=at(100), visit_id=visit_id, reason=reason)


def test_a_visit_taken_back_undoes_what_it_found(inspector: Person, venue: Venue, version: CheckListVersion) -> None:
    supervisor = make_person("supervisor", "supervisor", "110112")
    make_person("handler", "handler", TOWN)
    begin(inspector, venue, version)
    say(inspector, temperature="fail")
    finish(inspector)
    assert code_of(void, inspector) == "not_allowed"
    assert code_of(void, supervisor, reason=" ") == "reason_missing"
    assert code_of(void, supervisor, reason="长" * 301) == "reason_too_long"
    assert void(supervisor).state == "void"
    assert Entry.objects.get().state == State.VOID
    assert not Failure.objects.exists()
    assert not VisitNotice.objects.exists()
    assert Answer.objects.filter(result="fail").exists()
    assert code_of(void, supervisor) == "visit_over"


def test_what_a_visit_taken_back_saw_mended_is_open_again(inspector: Person, venue: Venue) -> None:
    supervisor = make_person("supervisor", "supervisor", "110112")
    settle(inspector, visited(venue, 0, masks="fail"))
    again = visited(venue, 60, masks="pass")
    settle(inspector, again)
    assert not open_failures_of(venue).exists()
    void(supervisor, again.pk)
    assert open_failures_of(venue).count() == 1
    assert not Recheck.objects.exists()


def test_what_others_built_upon_is_not_taken_back(inspector: Person, venue: Venue) -> None:
    supervisor = make_person("supervisor", "supervisor", "110112")
    first, again, third = (visited(venue, 60 * n, masks=one) for n, one in enumerate(["fail", "pass", "fail"]))
    for visit in (first, again, third):
        settle(inspector, visit)
    assert code_of(void, supervisor, first.pk) == "visit_built_upon"
    assert code_of(void, supervisor, again.pk) == "visit_built_upon"
    for visit in (third, again, first):
        void(supervisor, visit.pk)
    assert not Failure.objects.exists()


def test_who_was_there_at_the_same_time_has_found_it_then(inspector: Person, venue: Venue) -> None:
    supervisor = make_person("supervisor", "supervisor", "110112")
    one, two = visited(venue, 0, until=30, masks="fail"), visited(venue, 5, until=20, masks="fail")
    settle(inspector, one)
    settle(inspector, two)
    void(supervisor, one.pk)
    assert open_failures_of(venue).get().opened_by.visit_id == two.pk
    assert Entry.objects.filter(state=State.FOUND).count() == 1


def test_one_takes_back_ones_own_while_it_is_under_way(
    inspector: Person, venue: Venue, version: CheckListVersion
) -> None:
    begin(inspector, venue, version)
    void(inspector)
    assert Visit.objects.get().state == "void"
    assert code_of(finish, inspector) == "visit_over"
    assert begin(inspector, venue, version, uuid.uuid4()).pk != ID


# ---- at once --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once_it_is_one_visit_and_one_failure() -> None:
    inspector = make_person("inspector", "inspector", "110112")
    venue = make_venue(by=inspector)
    version = next(one for one in lists_for(venue.kind_id) if one.checklist.key == "epidemic-catering")
    draft = whole(venue, version)

    def at_once(*calls: Any) -> list[str]:
        outcomes: list[str] = []

        def run(call: Any) -> None:
            try:
                call()
                outcomes.append("")
            except DubanError as refusal:
                outcomes.append(refusal.code)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    def me() -> Person:
        return Person.objects.get(pk=inspector.pk)

    assert at_once(*[lambda: begin(me(), venue, version, uuid.uuid4())] * 2) == ["", ""]
    begun = Visit.objects.get().pk
    say(inspector, begun, temperature="fail")
    visiting.skip_rest(by=inspector, now=at(3), visit_id=begun)
    ends = [lambda: visiting.finish_visit(by=me(), now=at(4), visit_id=begun, closing=Closing())] * 2
    assert at_once(*ends) == ["", ""]
    assert Failure.objects.count() == 1
    assert at_once(*[lambda: visiting.record_visit(by=me(), now=NOON, draft=draft)] * 2) == ["", ""]
    assert Visit.objects.count() == 2
