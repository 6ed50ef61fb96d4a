"""Inspections from a table: each row checked, visits found again, replays adding nothing, late rows joining."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.patrol.visiting import TOWN

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo import inspection
from duban.demo.builders import NOON, make_person
from duban.ledger.models import Entry
from duban.patrol.importing import COLUMNS, Imported, check_inspections, import_inspections
from duban.patrol.models import Answer, Failure, Recheck, Visit, VisitState
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
HEAD = ",".join(COLUMNS)
GOOD = f"丛林美食,restaurant,116.706,39.949,{TOWN},2021-01-18 09:10,masks,fail,未佩戴口罩"


@pytest.fixture
def supervisor(db: None) -> Person:
    return make_person("supervisor", "supervisor", "110112")


def table(*rows: str) -> bytes:
    return "\n".join([HEAD, *rows]).encode()


def row(**changes: str) -> str:
    cells = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | changes
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([cells[column] for column in COLUMNS])
    return text.getvalue()


def take(by: Person, *rows: str, **more: Any) -> Imported:
    return import_inspections(by=by, now=NOON, data=table(*rows), name="a.csv", **more)


def codes(done: Imported) -> list[tuple[int, str, str | None]]:
    return [(row.number, refusal.code, refusal.field) for row, refusal in done.refused]


def standing() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (Venue, Visit, Answer, Failure, Recheck, Entry)}


# ---- the page -------------------------------------------------------------------------------------------------------


def test_the_pages_inspection_comes_in_as_visits_failures_and_entries(supervisor: Person) -> None:
    data = inspection.inspections_file(inspection.CALLS)
    done = import_inspections(by=supervisor, now=inspection.beijing(20, 8), data=data, name="page.csv")
    assert done.refused == []
    assert (done.visits, done.venues) == (len(inspection.CALLS), len(inspection.PLACES))
    assert done.taken == Answer.objects.count() == sum(len(call.answers) for call in inspection.CALLS)
    assert Failure.objects.filter(closed_at=None).count() == 13
    assert Entry.objects.count() == 13
    assert list(Recheck.objects.values_list("result", flat=True)) == ["stands"] * 4
    assert Answer.objects.filter(key="masks", item=None).count() == 0


def test_a_replay_adds_nothing_in_whatever_order_its_rows_are(supervisor: Person) -> None:
    rows = inspection.inspections_file(inspection.CALLS).decode().split("\r\n")
    now = inspection.beijing(20, 8)
    import_inspections(by=supervisor, now=now, data="\r\n".join(rows).encode(), name="page.csv")
    before, written = standing(), AuditRecord.objects.count()
    lines = [line for line in rows[1:] if line]
    random.Random(1).shuffle(lines)
    for name in ("page.csv", "again.csv"):
        done = import_inspections(by=supervisor, now=now, data="\n".join([rows[0], *lines]).encode(), name=name)
        assert (done.taken, done.updated, done.unchanged, done.refused) == (0, 0, len(lines), [])
    assert standing() == before
    assert AuditRecord.objects.count() == written


def test_the_files_order_decides_nothing(supervisor: Person) -> None:
    """Mended on the 19th, found on the 18th: also where the later visit stands first."""
    done = take(supervisor, row(visited_at="2021-01-18 18:00", result="pass", note=""), row())
    assert done.visits == 2
    assert Recheck.objects.get().result == "stands"
    assert not Failure.objects.filter(closed_at=None).exists()
    assert not Entry.objects.exists()


# ---- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"venue": ""}, "venue_missing", "venue"),
        ({"venue": "EXAMPLE"}, "example_row", "venue"),
        ({"venue": "店" * 101}, "name_missing", "venue"),
        ({"venue": "a\x01b\ud800"}, "file_encoding", "file"),
        ({"venue_type": "casino"}, "unknown_venue_type", "venue_type"),
        ({"venue_type": ""}, "unknown_venue_type", "venue_type"),
        ({"lon": "east"}, "bad_number", "lon"),
        ({"lon": "216"}, "bad_longitude", "lon"),
        ({"lon": "39.9", "lat": "116.6"}, "bad_latitude", "lat"),
        ({"lon": ""}, "position_incomplete", "lon"),
        ({"lon": "0", "lat": "0"}, "no_position", "lon"),
        ({"lon": "", "lat": "", "jurisdiction": ""}, "place_missing", "lon"),
        ({"jurisdiction": "11011"}, "bad_code", "jurisdiction"),
        ({"jurisdiction": "110113104"}, "outside_scope", "jurisdiction"),
        ({"visited_at": ""}, "time_missing", "visited_at"),
        ({"visited_at": "yesterday"}, "bad_time", "visited_at"),
        ({"visited_at": "2031-01-18"}, "visited_in_future", "visited_at"),
        ({"visited_at": "0021-01-18"}, "visited_too_early", "visited_at"),
        ({"item": ""}, "item_missing", "item"),
        ({"item": "x" * 65}, "bad_item", "item"),
        ({"result": ""}, "result_missing", "result"),
        ({"result": "perhaps"}, "unknown_result", "result"),
        ({"note": "n" * 2001}, "note_too_long", "note"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_of_it_and_the_others_are_taken(
    changes: dict[str, str], code: str, field: str, supervisor: Person
) -> None:
    bad = row(**changes)
    if code == "file_encoding":
        with pytest.raises(DubanError) as refusal:
            import_inspections(
                by=supervisor, now=NOON, data=f"{HEAD}\n{bad}".encode("utf-8", "surrogatepass"), name="a.csv"
            )
        assert refusal.value.code == code
        return
    done = take(supervisor, row(venue="好店"), bad)
    assert codes(done) == [(3, code, field)]
    assert (done.taken, done.visits) == (1, 1)
    assert Venue.objects.get().name == "好店"


def test_one_bad_row_refuses_the_file_where_the_good_ones_were_not_asked_for(supervisor: Person) -> None:
    done = take(supervisor, row(venue="好店"), row(result="perhaps"), keep_good=False)
    assert codes(done) == [(3, "unknown_result", "result")]
    assert (done.taken, done.visits, done.venues) == (0, 0, 0)
    assert standing() == dict.fromkeys(standing(), 0)


def test_trying_a_file_writes_nothing_and_tells_what_taking_it_would_do(supervisor: Person) -> None:
    rows = [row(), row(item="smoking", result="pass"), row(visited_at="2021-01-17 09:00"), row(result="?")]
    tried = check_inspections(by=supervisor, now=NOON, data=table(*rows), name="a.csv")
    assert standing() == dict.fromkeys(standing(), 0)
    assert not AuditRecord.objects.filter(action__in=["record_venues", "import_inspections"]).exists()
    done = take(supervisor, *rows)
    assert (tried.taken, tried.visits, tried.venues, codes(tried)) == (
        done.taken,
        done.visits,
        done.venues,
        codes(done),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("PASS", "pass"),
        ("不合格", "fail"),
        ("N/A", "na"),
        ("Not_Inspected", "not_inspected"),
        ("未检查", "not_inspected"),
    ],
)
def test_results_are_read_as_offices_write_them(said: str, meant: str, supervisor: Person) -> None:
    take(supervisor, row(result=said))
    assert Answer.objects.get().result == meant


def test_types_are_read_by_key_or_name_and_positions_may_be_empty(supervisor: Person) -> None:
    done = take(
        supervisor,
        row(venue_type="餐馆", lon="", lat=""),
        row(venue_type="Restaurant", lon="", lat="", item="smoking"),
        row(venue="漷县超市", venue_type="supermarket", jurisdiction="110112106000"),
    )
    assert done.refused == []
    assert sorted(Venue.objects.values_list("kind_id", "town")) == [("restaurant", TOWN), ("supermarket", "110112106")]
    assert Visit.objects.count() == 2


def test_an_item_of_no_list_is_kept_by_its_key(supervisor: Person) -> None:
    take(supervisor, row(item="10F"))
    answer = Answer.objects.get()
    assert (answer.key, answer.item) == ("10f", None)
    assert Failure.objects.get().entry is not None


def test_one_item_of_one_visit_said_twice(supervisor: Person) -> None:
    done = take(
        supervisor,
        row(item="masks", note="甲"),
        row(item="masks", note="乙"),
        row(item="smoking", result="pass"),
        row(item="smoking", result="pass"),
        row(item="ventilation", result="pass"),
        row(item="ventilation", result="fail"),
    )
    assert codes(done) == [(6, "item_twice", "result"), (7, "item_twice", "result")]
    assert (done.taken, done.unchanged) == (2, 2)
    assert dict(Answer.objects.values_list("key", "note")) == {"masks": "甲;乙", "smoking": "未佩戴口罩"}


# ---- visits known already -------------------------------------------------------------------------------------------


def test_mended_rows_join_the_visit_they_are_of(supervisor: Person) -> None:
    take(supervisor, row(visited_at="2021-01-12 09:00", item="smoking"), row(visited_at="2021-01-12 09:00"))
    first = take(supervisor, row(result="?"), row(item="smoking"))
    assert codes(first) == [(2, "unknown_result", "result")]
    second = take(supervisor, row(item="ventilation"), row(result="pass"), row(item="smoking"))
    assert (second.taken, second.updated, second.unchanged, second.visits) == (0, 2, 1, 0)
    assert Visit.objects.count() == 2
    assert sorted(Failure.objects.filter(closed_at=None).values_list("key", flat=True)) == ["smoking", "ventilation"]
    assert sorted(Recheck.objects.values_list("failure__key", "result")) == [
        ("masks", "stands"),
        ("smoking", "recurred"),
    ]
    replay = take(supervisor, row(item="ventilation"), row(result="pass"), row(item="smoking"))
    assert (replay.updated, replay.unchanged) == (0, 3)


def test_another_answer_does_not_overwrite_what_is_recorded(supervisor: Person) -> None:
    take(supervisor, row(), row(item="smoking"))
    done = take(supervisor, row(result="pass"), row(item="smoking"))
    assert codes(done) == [(2, "visit_conflict", "item")]
    assert done.unchanged == 1
    assert Answer.objects.get(key="masks").result == "fail"


def test_nothing_is_added_to_a_visit_that_was_voided(supervisor: Person) -> None:
    take(supervisor, row())
    Visit.objects.update(state=VisitState.VOID)
    assert take(supervisor, row()).unchanged == 1
    assert codes(take(supervisor, row(), row(item="smoking"))) == [(3, "visit_void", "item")]
    assert Answer.objects.count() == 1


@pytest.mark.parametrize("role", ["handler", "leader", "publisher", "administrator", "health_officer"])
def test_only_who_makes_visits_imports_them(role: str) -> None:
    with pytest.raises(DubanError) as refusal:
        take(make_person("other", role, "110112"), row())
    assert refusal.value.code == "not_allowed"


def test_an_inspector_of_a_town_takes_in_what_lies_there(db: None) -> None:
    done = take(make_person("inspector", "inspector", TOWN), row(), row(jurisdiction="110112104"))
    assert codes(done) == [(3, "outside_scope", "jurisdiction")]


def test_twice_the_visits_take_no_more_statements(supervisor: Person) -> None:
    def statements(count: int, day: int) -> int:
        rows = [
            row(venue=f"店{day}{n}", visited_at=f"2021-01-{day} {n // 60:02}:{n % 60:02}", item=item, result=result)
            for n in range(count)
            for item, result in (("masks", "fail" if n % 3 == 0 else "pass"), ("smoking", "pass"))
        ]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert take(supervisor, *rows).taken == 2 * count
        return len(asked)

    statements(2, 10)
    assert statements(40, 11) == statements(20, 12)


# ---- the command ----------------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[dict[str, Any], str]:
    call_command("import_inspections", *map(str, arguments), "--json")
    shown = capsys.readouterr()
    return json.loads(shown.out.splitlines()[-1]), shown.err


def test_the_command_answers_with_counts_and_hands_back_what_it_refused(
    supervisor: Person, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(table(row(), row(item="smoking", result="pass"), row(venue="=1+1", result="perhaps")))
    result, said = run(capsys, file, "--by", "supervisor")
    report = tmp_path / "visits.refused.csv"
    assert result == {
        "taken": 2, "updated": 0, "unchanged": 0, "refused": 1, "report": str(report), "visits": 1, "venues": 1,
    }  # fmt: skip
    assert "unknown_result: row 4: result" in said
    (refused,) = csv.DictReader(io.StringIO(report.read_text(encoding="utf-8")))
    assert refused["venue"] == "'=1+1"
    assert refused["reason"].startswith("unknown_result: result: ")
    assert run(capsys, file, "--by", "supervisor")[0] | {"report": None} == {
        "taken": 0, "updated": 0, "unchanged": 2, "refused": 1, "report": None, "visits": 0, "venues": 0,
    }  # fmt: skip


def test_the_command_takes_nothing_of_a_bad_file_where_asked_to(
    supervisor: Person, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(table(row(), row(result="perhaps")))
    with pytest.raises(SystemExit) as stop:
        run(capsys, file, "--by", "supervisor", "--no-keep-good")
    assert stop.value.code == 1
    assert json.loads(capsys.readouterr().out)["taken"] == 0
    assert not Visit.objects.exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "file_empty"), (b"a,b\n1,2\n", "columns_missing"), (b"\x89PNG\x00", "file_not_a_table")],
)
def test_the_command_refuses_what_is_no_table(data: bytes, code: str, supervisor: Person, tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(data)
    with pytest.raises(CommandError, match=code):
        call_command("import_inspections", str(file), "--by", "supervisor")
