"""Check-lists are changed as drafts; what is in use stays as it is."""

import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import ProtectedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.patrol.checklists import choices_of, items_of, lists_for
from duban.patrol.comparing import compare
from duban.patrol.editing import (
    discard_draft,
    make_checklist,
    mark_of,
    move_item,
    put_in_use,
    remove_item,
    save_item,
    save_list,
    set_facts,
    start_draft,
)
from duban.patrol.models import CheckList, CheckListVersion, Item, VersionState

pytestmark = pytest.mark.django_db
NOW = NOON + timedelta(days=1)


@pytest.fixture
def chief() -> Person:
    return make_person("chief", "supervisor", "110112106")


def draft_of(by: Person, key: str = "safety") -> CheckListVersion:
    return start_draft(by=by, now=NOW, checklist=CheckList.objects.get(key=key))


def keys(version: CheckListVersion) -> str:
    return " ".join(item.key for item in items_of(version))


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def test_a_draft_becomes_the_version_in_use_and_the_old_one_stays(chief: Person) -> None:
    old = CheckListVersion.objects.get(checklist__key="safety")
    before = [vars_of(item) for item in items_of(old)]
    draft = draft_of(chief)
    assert draft_of(chief).pk == draft.pk
    save_item(by=chief, now=NOW, version_id=draft.pk, key="exits", facts={"label": "出口通不通"})
    save_item(by=chief, now=NOW, version_id=draft.pk, key="alarm", facts={"type": "check", "label": "有无报警器"})
    assert [version.number for version in lists_for("salon") if version.checklist.key == "safety"] == [1]
    put_in_use(by=chief, now=NOW, version_id=draft.pk)
    old.refresh_from_db()
    assert (old.state, [vars_of(item) for item in items_of(old)]) == (VersionState.RETIRED, before)
    now = next(version for version in lists_for("salon") if version.checklist.key == "safety")
    assert (now.number, str(now.effective_from)) == (2, "2021-01-19")
    assert keys(now) == "exits extinguishers wiring gas charging alarm"
    found = compare(items_of(old), items_of(now))
    assert [item.key for item in found.added] == ["alarm"]
    assert [(one.new.key, [change.fact for change in one.changes]) for one in found.changed] == [("exits", ["label"])]
    actions = list(AuditRecord.objects.filter(subject_type="checklist").values_list("action", flat=True).order_by("pk"))
    assert actions == ["start_checklist_draft", "save_checklist_item", "save_checklist_item", "use_checklist"]


def vars_of(item: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name != "_state"}


def changes_of(at: dict[str, Any]) -> list[Callable[[], Any]]:
    """Every way to change a version."""
    return [
        lambda: save_item(key="exits", facts={"label": "x"}, **at),
        lambda: remove_item(key="exits", **at),
        lambda: move_item(key="exits", to=2, **at),
        lambda: save_list(list_name="l", choices=[], **at),
        lambda: set_facts(title="x", **at),
        lambda: put_in_use(**at),
        lambda: discard_draft(**at),
    ]


def test_what_is_in_use_or_gone_is_not_edited(chief: Person) -> None:
    used = CheckListVersion.objects.get(checklist__key="safety")
    draft = draft_of(chief)
    discard_draft(by=chief, now=NOW, version_id=draft.pk)
    for version_id, code in ((used.pk, "version_not_draft"), (draft.pk, "version_not_found")):
        for work in changes_of({"by": chief, "now": NOW, "version_id": version_id}):
            assert refused(work) == code
    assert keys(used) == "exits extinguishers wiring gas charging"


@pytest.mark.parametrize("role", ["inspector", "handler", "leader", "publisher"])
def test_only_who_may_edit_does(role: str) -> None:
    person = make_person(role, role, "110112")
    checklist = CheckList.objects.get(key="safety")
    assert refused(lambda: start_draft(by=person, now=NOW, checklist=checklist)) == "not_allowed"
    assert refused(lambda: make_checklist(by=person, now=NOW, key="x", title="x")) == "not_allowed"
    assert refused(lambda: put_in_use(by=person, now=NOW, version_id=uuid.uuid4())) == "not_allowed"


BAD_ITEMS: list[tuple[str, str, dict[str, Any]]] = [
    ("bad_item_key", "Bad Key", {}),
    ("bad_item_key", "", {}),
    ("bad_item_key", "a" * 65, {}),
    ("label_missing", "x", {"label": "  "}),
    ("text_too_long", "x", {"label": "x" * 2001}),
    ("text_too_long", "x", {"hint": "\x00"}),
    ("unknown_type", "x", {"type": "trick"}),
    ("unknown_severity", "x", {"severity": "huge"}),
    ("unknown_category", "x", {"category": "event:99999"}),
    ("bad_days", "x", {"days_to_mend": 0}),
    ("bad_days", "x", {"days_to_mend": 400}),
    ("bad_group", "x", {"group": "a//b"}),
    ("bad_group", "x", {"group": "a b"}),
    ("list_missing", "x", {"type": "select_one"}),
    ("list_missing", "x", {"type": "select_multiple", "list_name": "nowhere"}),
    ("bad_condition", "x", {"relevant": "${nowhere} = 1"}),
    ("bad_condition", "x", {"relevant": "pulldata('a')"}),
    ("bad_condition", "x", {"constraint": ". >"}),
    ("bad_condition", "x", {"choice_filter": "nocolumn = 1"}),
]


@pytest.mark.parametrize(("code", "key", "facts"), BAD_ITEMS)
def test_an_item_that_cannot_be_is_refused(chief: Person, code: str, key: str, facts: dict[str, Any]) -> None:
    draft = draft_of(chief)
    full = {"type": "check", "label": "问题"} | facts

    def save() -> None:
        with transaction.atomic():
            save_item(by=chief, now=NOW, version_id=draft.pk, key=key, facts=full)

    assert refused(save) == code
    assert keys(draft) == "exits extinguishers wiring gas charging"


def test_a_stale_page_does_not_overwrite(chief: Person) -> None:
    draft = draft_of(chief)
    at: dict[str, Any] = {"by": chief, "now": NOW, "version_id": draft.pk, "key": "gas"}
    seen = mark_of(items_of(draft)[3])
    save_item(facts={"label": "先改的"}, seen=seen, **at)
    assert refused(lambda: save_item(facts={"label": "后改的"}, seen=seen, **at)) == "item_changed"
    assert items_of(draft)[3].label == "先改的"


def test_a_draft_with_faults_is_not_put_in_use(chief: Person) -> None:
    empty = make_checklist(by=chief, now=NOW, key="empty", title="空表")
    assert refused(lambda: put_in_use(by=chief, now=NOW, version_id=empty.pk)) == "draft_not_ready"
    draft = draft_of(chief)
    at: dict[str, Any] = {"by": chief, "now": NOW, "version_id": draft.pk}
    save_list(list_name="yes", choices=[{"name": "a", "label": "甲", "columns": {"of": "x"}}], **at)
    facts = {"type": "select_one", "label": "哪个", "list_name": "yes", "choice_filter": "of = ${gas}"}
    save_item(key="which", facts=facts | {"relevant": "${exits} = 'fail'"}, **at)
    remove_item(key="exits", **at)
    save_list(list_name="yes", choices=[], **at)
    with pytest.raises(DubanError) as refusal:
        put_in_use(**at)
    assert refusal.value.code == "draft_not_ready"
    assert "${exits}" in str(refusal.value)
    assert "of = ${gas}" in str(refusal.value)


def test_lists_are_written_whole(chief: Person) -> None:
    draft = draft_of(chief)
    at: dict[str, Any] = {"by": chief, "now": NOW, "version_id": draft.pk}
    save_list(list_name="a", choices=[{"name": "1", "label": "一"}, {"name": "2", "label": "二"}], **at)
    save_list(list_name="b", choices=[{"name": "3", "label": "三", "columns": {"of": "1"}}], **at)
    save_list(list_name="a", choices=[{"name": "2", "label": "贰"}], **at)
    assert [(one.list_name, one.name, one.label) for one in choices_of(draft)] == [("b", "3", "三"), ("a", "2", "贰")]
    assert refused(lambda: save_list(list_name="a b", choices=[], **at)) == "bad_list_name"
    assert refused(lambda: save_list(list_name="c", choices=[{"name": "a b", "label": "x"}], **at)) == "bad_choice_name"
    with pytest.raises(DubanError) as refusal:
        save_list(list_name="c", choices=[{"name": "a", "label": "x"}, {"name": "b", "label": ""}], **at)
    assert (refusal.value.code, refusal.value.row) == ("label_missing", 2)


def test_facts_and_new_lists_are_checked(chief: Person) -> None:
    draft = draft_of(chief)
    at: dict[str, Any] = {"by": chief, "now": NOW, "version_id": draft.pk}
    set_facts(
        title="安全表", title_en="Safety", venue_types=["market", "shop"], groups={"safety": ("消防", "Fire")}, **at
    )
    draft = CheckListVersion.objects.select_related("checklist").get(pk=draft.pk)
    assert (draft.venue_types, draft.kept["groups"]["safety"]["label"]) == (["shop", "market"], "消防")
    # What is in use is called as it was, until the draft takes its place.
    assert draft.checklist.title == "场所安全检查表"
    used = put_in_use(**at)
    assert (used.checklist.title, used.checklist.title_en) == ("安全表", "Safety")
    at["version_id"] = draft_of(chief).pk
    assert refused(lambda: set_facts(title=" ", **at)) == "title_missing"
    assert refused(lambda: set_facts(title="x", venue_types=["castle"], **at)) == "unknown_venue_type"
    assert refused(lambda: make_checklist(by=chief, now=NOW, key="Bad Key", title="x")) == "bad_key"
    assert refused(lambda: make_checklist(by=chief, now=NOW, key="safety", title="x")) == "checklist_exists"


def test_discarding_the_only_draft_takes_the_list_with_it(chief: Person) -> None:
    version = make_checklist(by=chief, now=NOW, key="short-lived", title="暂时")
    discard_draft(by=chief, now=NOW, version_id=version.pk)
    assert not CheckList.objects.filter(key="short-lived").exists()
    draft = draft_of(chief)
    discard_draft(by=chief, now=NOW, version_id=draft.pk)
    assert CheckList.objects.filter(key="safety").exists()


def test_a_check_list_with_versions_cannot_be_deleted() -> None:
    with pytest.raises(ProtectedError):
        CheckList.objects.get(key="safety").delete()


def test_moving_joins_the_group_of_where_it_goes(chief: Person) -> None:
    draft = draft_of(chief, "epidemic-catering")
    at: dict[str, Any] = {"by": chief, "now": NOW, "version_id": draft.pk}
    assert items_of(draft)[-1].group == "smoke_free"
    move_item(key="smoking", to=1, **at)
    assert (items_of(draft)[0].key, items_of(draft)[0].group) == ("smoking", "epidemic")
    move_item(key="smoking", to=99, **at)
    assert keys(draft).endswith("ventilation smoking")
    save_item(key="smoking", facts={"group": "smoke_free"}, **at)
    save_item(key="vapes", facts={"type": "check", "label": "电子烟", "group": "smoke_free"}, **at)
    save_item(key="masks", facts={"group": "smoke_free"}, **at)
    assert keys(draft) == "code_scan code_poster thermometer temperature disinfection ventilation smoking vapes masks"
    save_item(key="code_poster", facts={"label": "健康码"}, **at)
    assert [item.position for item in items_of(draft)] == list(range(1, 10))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 9)), max_size=6))
def test_however_items_are_moved_none_is_lost_and_groups_hold_together(
    chief: Person, moves: list[tuple[int, int]]
) -> None:
    with transaction.atomic():
        draft = draft_of(chief, "epidemic-catering")
        names = keys(draft).split()
        for which, to in moves:
            move_item(by=chief, now=NOW, version_id=draft.pk, key=names[which], to=to)
        items = items_of(draft)
        assert sorted(item.key for item in items) == sorted(names)
        assert [item.position for item in items] == list(range(1, len(names) + 1))
        runs = [item.group for at, item in enumerate(items) if not at or items[at - 1].group != item.group]
        assert len(runs) == len(set(runs))
        transaction.set_rollback(True)


def test_the_fewest_moves_are_told() -> None:
    def order(words: str) -> list[Item]:
        return [Item(key=key, type="check", label=key) for key in words.split()]

    moved = compare(order("a b c d e"), order("e a b c d")).changed
    assert [(one.new.key, one.moved) for one in moved] == [("e", (5, 1))]
    assert compare(order("a b c"), order("a b c")).same
    shuffled = [f"q{n}" for n in range(2000)]
    random.Random(7).shuffle(shuffled)
    assert compare(order(" ".join(f"q{n}" for n in range(2000))), order(" ".join(shuffled))).changed
