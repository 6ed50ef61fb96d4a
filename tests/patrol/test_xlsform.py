"""Forms that others have made come in, are asked, and go out again as they were."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyxform.xls2xform import convert
from tests.patrol.forms import ASSESSMENT_CHOICES, ASSESSMENT_SURVEY, assessment, cells_of, small, workbook

from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.demo.builders import NOON
from duban.patrol.asking import asked, choices_for
from duban.patrol.checklists import choices_of, items_of
from duban.patrol.editing import Loaded, load_form, move_item, put_in_use, remove_item, save_item, start_draft
from duban.patrol.models import CheckList, CheckListVersion, Item, VersionState
from duban.patrol.xlsform import REASONS
from duban.patrol.xlsform_reading import read_form
from duban.patrol.xlsform_writing import write_form

pytestmark = pytest.mark.django_db


def load(data: bytes, name: str = "form.xlsx", **options: Any) -> Loaded:
    return load_form(by=Console(), now=NOON, data=data, name=name, **options)


def out(version: CheckListVersion) -> bytes:
    version = CheckListVersion.objects.select_related("checklist").get(pk=version.pk)
    return write_form(version, items_of(version), choices_of(version))


def keys(items: list[Item]) -> list[str]:
    return [item.key for item in items]


# ---- a public form --------------------------------------------------------------------------------------------------


def test_a_published_form_is_asked_as_it_says() -> None:
    version = load(assessment(), use=True).version
    items, choices = items_of(version), choices_of(version)
    assert (version.checklist.key, version.checklist.title) == ("rna_2021", "Rapid needs assessment")
    assert [(item.key, item.type) for item in items] == [
        ("intro", "note"), ("consent", "select_one"), ("admin1", "select_one"), ("admin2", "select_one"),
        ("position", "geopoint"), ("gate", "photo"), ("households", "integer"), ("needs", "select_multiple"),
        ("needs_other", "text"), ("litres", "decimal"), ("arrived", "date"), ("member_age", "text"),
        ("follow_up", "select_one"),
    ]  # fmt: skip
    by_key = {item.key: item for item in items}
    assert by_key["admin2"].group == "where"
    assert by_key["member_age"].group == "people/member"
    assert by_key["consent"].required
    assert by_key["position"].hint_en == "Stand at the gate"
    # Of what cannot be told the question is asked: follow_up hangs on a calculation.
    assert keys(asked(items, {})) == ["intro", "consent", "follow_up"]
    given_ = {"consent": "yes", "admin1": "south", "households": 3, "needs": ["water", "other"]}
    assert keys(asked(items, given_)) == keys(items)
    assert [one.name for one in choices_for(by_key["admin2"], choices, given_)] == ["s1"]
    assert [one.label for one in choices_for(by_key["consent"], choices, given_)] == ["Yes", "No"]
    assert by_key["consent"].label_en == "May I ask you some questions?"


def test_what_is_not_supported_is_listed_with_row_and_column() -> None:
    problems = load(assessment()).problems
    told = {(one["sheet"], one["row"], one["column"], one["code"]) for one in problems}
    assert told == {
        ("survey", 2, "type", "type_unsupported"),
        ("survey", 3, "type", "type_unsupported"),
        ("survey", 4, "type", "type_unsupported"),
        ("survey", 15, "type", "type_unsupported"),
        ("survey", 19, "constraint", "expression_unsupported"),
        ("survey", 20, "type", "repeat_unsupported"),
        ("survey", 24, "type", "other_unsupported"),
        ("survey", 24, "relevant", "reference_unsupported"),
        ("survey", 25, "type", "type_unsupported"),
        ("survey", 26, "type", "type_unsupported"),
        ("survey", 0, "label::Français (fr)", "language_unsupported"),
        ("choices", 0, "label::Français (fr)", "language_unsupported"),
        ("survey", 0, "appearance", "column_unsupported"),
        ("survey", 0, "calculation", "column_unsupported"),
        ("survey", 0, "repeat_count", "column_unsupported"),
        ("choices", 0, "media::image", "column_unsupported"),
        ("settings", 0, "style", "column_unsupported"),
        ("readme", 0, "", "sheet_unsupported"),
    }
    assert all(one["code"] in REASONS for one in problems)


def test_a_published_form_goes_out_as_it_came_in() -> None:
    version = load(assessment()).version
    there, back = cells_of(assessment()), cells_of(out(version))
    assert back["survey"] == there["survey"]
    assert back["choices"] == there["choices"]
    assert back["readme"] == there["readme"]
    assert back["settings"] == there["settings"]
    assert [[*row] for row in back["settings"]] == [[*row] for row in there["settings"]]
    convert(io.BytesIO(out(version)).getvalue())


def test_the_same_form_again_writes_nothing() -> None:
    first = load(assessment(), use=True)
    again = load_form(by=Console(), now=NOON + timedelta(days=1), data=assessment(), name="other.xlsx", use=True)
    assert (first.fresh, again.fresh) == (True, False)
    assert first.version.pk == again.version.pk
    assert again.problems == first.problems
    # What was sent out comes back as the same.
    assert not load(out(first.version), use=True).fresh
    assert CheckListVersion.objects.filter(checklist__key="rna_2021").count() == 1


def test_another_wording_becomes_the_next_version() -> None:
    load(small(["text", "a", "A"]), key="x", use=True)
    second = load(small(["text", "a", "B"]), key="x", use=True).version
    assert second.number == 2
    states = CheckListVersion.objects.filter(checklist__key="x").order_by("number").values_list("state", flat=True)
    assert list(states) == [VersionState.RETIRED, VersionState.IN_USE]


def test_a_draft_is_replaced_only_when_told_so() -> None:
    load(small(["text", "a", "A"]), key="x")
    with pytest.raises(DubanError) as refusal:
        load(small(["text", "a", "B"]), key="x")
    assert refusal.value.code == "draft_exists"
    replaced = load(small(["text", "a", "B"]), key="x", replace=True).version
    assert (replaced.number, items_of(replaced)[0].label) == (1, "B")
    assert CheckListVersion.objects.filter(checklist__key="x").count() == 1


# ---- changed here, then out -----------------------------------------------------------------------------------------


def test_only_what_was_changed_here_is_other_in_what_goes_out() -> None:
    version = load(assessment()).version
    at: dict[str, Any] = {"by": Console(), "now": NOON, "version_id": version.pk}
    save_item(**at, key="gate", facts={"label_en": "Photo of the entrance", "required": True})
    save_item(
        **at,
        key="new_one",
        facts={
            "type": "check",
            "label": "入口是否消毒",
            "group": "where",
            "wording": "未消毒",
            "relevant": "${consent} = 'yes'",
        },
    )
    remove_item(**at, key="litres")
    move_item(**at, key="follow_up", to=1)
    there, back = cells_of(assessment()), cells_of(out(version))
    changed = {row.get("name"): row for row in back["survey"]}
    assert changed["gate"]["label::English (en)"] == "Photo of the entrance"
    assert changed["gate"]["required"] == "yes"
    assert changed["gate"]["appearance"] == "new"
    assert changed["new_one"]["type"] == "select_one duban_result"
    assert changed["new_one"]["duban::wording"] == "未消毒"
    names = [row.get("name") for row in back["survey"]]
    assert names.index("where") < names.index("new_one") < names.index("people")
    assert names.index("households") + 1 == names.index("persons")
    assert names.index("follow_up") < names.index("consent")
    untouched = [row for row in there["survey"] if row.get("name") not in ("gate", "litres")]
    assert [row for row in untouched if row not in back["survey"]] == []
    convert(out(version))


def test_a_question_that_its_groups_condition_does_not_bind_parts_the_condition() -> None:
    version = load(assessment()).version
    at: dict[str, Any] = {"by": Console(), "now": NOON, "version_id": version.pk}
    save_item(**at, key="always", facts={"type": "text", "label": "总问", "group": "where"})
    save_item(**at, key="admin2", facts={"group": "people"})
    version = CheckListVersion.objects.select_related("checklist").get(pk=version.pk)
    back = read_form(out(version), "x.xlsx")
    rows = {row.get("name"): row for row in cells_of(out(version))["survey"]}
    assert "relevant" not in rows["where"]
    assert rows["people"]["relevant"] == "${consent} = 'yes'"
    assert rows["gate"]["relevant"] == "${consent} = 'yes'"
    for answers in ({}, {"consent": "yes"}, {"consent": "yes", "households": 2}, {"consent": "no"}):
        assert keys(asked(back.items, answers)) == keys(asked(items_of(version), answers))
    assert "always" in keys(asked(back.items, {}))


def test_every_built_in_list_goes_out_and_comes_back_the_same() -> None:
    for checklist in CheckList.objects.all():
        version = checklist.versions.get()
        data = out(version)
        convert(data)
        form = read_form(data, "x.xlsx")
        assert form.problems == []
        assert (form.key, form.title, form.title_en) == (checklist.key, checklist.title, checklist.title_en)
        assert form.venue_types == version.venue_types
        for item, other in zip(items_of(version), form.items, strict=True):
            facts = {field.name for field in Item._meta.concrete_fields} - {"id", "version"}
            assert {fact: getattr(item, fact) for fact in facts} == {fact: getattr(other, fact) for fact in facts}


def test_changes_to_a_built_in_list_come_back_too() -> None:
    version = start_draft(by=Console(), now=NOON, checklist=CheckList.objects.get(key="safety"))
    save_item(
        by=Console(), now=NOON, version_id=version.pk, key="gas",
        facts={"group": "kitchen", "relevant": "${exits} = 'pass'", "severity": "minor", "days_to_mend": None},
    )  # fmt: skip
    put_in_use(by=Console(), now=NOON, version_id=version.pk)
    form = read_form(out(version), "x.xlsx")
    gas = next(item for item in form.items if item.key == "gas")
    assert (gas.group, gas.relevant, gas.severity, gas.days_to_mend) == ("kitchen", "${exits} = 'pass'", "minor", None)


def test_a_formula_stays_text_on_the_way_out() -> None:
    version = load(small(["note", "a", '=HYPERLINK("http://x","y")'], ["text", "b", "+1"])).version
    data = out(version)
    assert [row["label"] for row in cells_of(data)["survey"]] == ['=HYPERLINK("http://x","y")', "+1"]
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert b"<f>" not in b"".join(book.read(part) for part in book.namelist())


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp", "Zs"]), min_size=1, max_size=20
).filter(lambda text: "$" not in text)


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Forms of questions, groups, conditions on what came before, and rows that nobody supports."""
    headers = ["type", "name", *draw(st.sampled_from([["label"], ["label::中文 (zh)", "label::English (en)"]]))]
    headers += draw(
        st.lists(st.sampled_from(["required", "relevant", "appearance", "hint", "own column"]), unique=True)
    )
    lines: list[list[str]] = []
    asked_before: list[str] = []
    depth = 0
    for name in draw(st.lists(NAMES, min_size=1, max_size=12, unique=True)):
        kind = draw(st.sampled_from(["text", "integer", "image", "note", "select_one l", "calculate", "begin", "end"]))
        cells = {
            "name": name,
            "label": draw(WORDS),
            "label::中文 (zh)": draw(WORDS),
            "label::English (en)": draw(WORDS),
        }
        if kind == "end" and not depth:
            kind = "text"
        if kind == "end":
            depth -= 1
            lines.append(["end_group", *[""] * (len(headers) - 1)])
            continue
        if kind == "begin":
            depth += 1
        cells["type"] = {"begin": "begin_group"}.get(kind, kind)
        cells["required"] = draw(st.sampled_from(["", "yes", "no", "TRUE"]))
        if kind == "calculate":
            cells |= {"appearance": "", "required": ""}
            cells = {**cells, "calculation": "1"}
        if asked_before and kind not in ("calculate",):
            other = draw(st.sampled_from(asked_before))
            cells["relevant"] = draw(st.sampled_from(["", f"${{{other}}} = '1'", f"regex(${{{other}}}, 'a')"]))
        cells["appearance"] = cells.get("appearance", draw(st.sampled_from(["", "minimal"])))
        cells["own column"], cells["hint"] = draw(WORDS), draw(WORDS)
        if kind in ("text", "integer", "image", "select_one l"):
            asked_before.append(name)
        lines.append([cells.get(header, "") for header in headers] + [cells.get("calculation", "")])
    lines += [["end_group"]] * depth
    lines.append(["text", "the_last", "x"])
    choices = [["list_name", "name", "label"], ["l", "a", draw(WORDS)], ["l", "b", draw(WORDS)]]
    return workbook(survey=[[*headers, "calculation"], *lines], choices=choices)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(forms())
def test_any_form_goes_out_as_it_came_in(data: bytes) -> None:
    form = read_form(data, "form.xlsx")
    checklist = CheckList(key=form.key, title=form.title, title_en=form.title_en)
    version = CheckListVersion(checklist=checklist, number=1, venue_types=form.venue_types, kept=form.kept)
    back = write_form(version, form.items, form.choices)
    there = cells_of(data)
    assert cells_of(back)["survey"] == there["survey"]
    assert cells_of(back)["choices"] == there["choices"]
    again = read_form(back, "form.xlsx")
    assert [vars_of(item) for item in again.items] == [vars_of(item) for item in form.items]


def vars_of(item: Item) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name != "_state"}


# ---- languages and spellings ----------------------------------------------------------------------------------------

LANGUAGES: list[tuple[list[str], list[str], str, tuple[str, str]]] = [
    (["label"], ["A"], "", ("A", "")),
    (["label::English (en)"], ["A"], "", ("A", "A")),
    (["label::中文 (zh)", "label::English (en)"], ["甲", "A"], "", ("甲", "A")),
    (["label::English (en)", "label::Chinese"], ["A", "甲"], "", ("甲", "A")),
    (["label", "label::中文 (zh)"], ["A", "甲"], "", ("甲", "A")),
    (["label", "label::English (en)"], ["甲", "A"], "", ("甲", "A")),
    (["label:English", "label:French"], ["A", "B"], "", ("A", "A")),
    (["label::Swahili (sw)", "label::French (fr)"], ["A", "B"], "French (fr)", ("B", "")),
    (["label", "label::French (fr)"], ["A", "B"], "English (en)", ("A", "A")),
    (["label::Swahili (sw)", "label::French (fr)"], ["A", "B"], "", ("A", "")),
    (["Label::English (en)"], ["A"], "", ("A", "A")),
    (["caption"], ["A"], "", ("A", "")),
]


@pytest.mark.parametrize(("headers", "cells", "default", "labels"), LANGUAGES)
def test_two_of_the_languages_are_shown(headers: list[str], cells: list[str], default: str, labels: Any) -> None:
    data = workbook(
        survey=[["type", "name", *headers], ["text", "a", *cells]],
        settings=[["form_id", "default_language"], ["f", default]],
    )
    item = read_form(data, "x.xlsx").items[0]
    assert (item.label, item.label_en) == labels


def test_old_spellings_are_read() -> None:
    data = workbook(
        survey=[
            ["Type", "Name", "Label", "bind:required", "bind:relevant", "choice_filter"],
            ["begin group", "g", "G"],
            ["select one from towns", "t", "T", "TRUE", "", ""],
            ["select all that apply from towns", "u", "U", "true()", "${t} = ‘a’"],
            ["gps", "p", "P"],
            ["end group"],
        ],
        choices=[["list name", "value", "label"], ["towns", "a", "A"]],
    )
    form = read_form(data, "x.xlsx")
    assert [(item.type, item.required, item.relevant, item.group) for item in form.items] == [
        ("select_one", True, "", "g"),
        ("select_multiple", True, "${t} = 'a'", "g"),
        ("geopoint", False, "", "g"),
    ]


def test_a_list_of_pass_and_fail_makes_a_check() -> None:
    choices = [["list_name", "name", "label"], *[["r", name, name] for name in ("pass", "fail", "na")]]
    data = small(["select_one r", "masks", "M", "口罩", "grave", "yes", "3"], choices=choices,
                 headers=["duban::wording", "duban::severity", "duban::may_expose", "duban::days_to_mend"])  # fmt: skip
    item = read_form(data, "x.xlsx").items[0]
    assert (item.type, item.list_name, item.wording, item.severity) == ("check", "r", "口罩", "grave")
    assert (item.may_expose, item.days_to_mend) == (True, 3)
    assert cells_of(out(load(data).version))["survey"] == cells_of(data)["survey"]


def test_one_name_in_two_groups_is_two_questions() -> None:
    data = small(["begin_group", "a", "A"], ["text", "name", "N"], ["end_group"],
                 ["begin_group", "b", "B"], ["text", "name", "N"], ["end_group"])  # fmt: skip
    version = load(data).version
    assert keys(items_of(version)) == ["name", "b.name"]
    assert cells_of(out(version))["survey"] == cells_of(data)["survey"]


# ---- what is no form ------------------------------------------------------------------------------------------------


def test_names_and_sizes_are_bounded() -> None:
    assert refusal_of(small(["text", "a" * 65, "A"])) == "name_too_long"
    assert refusal_of(small(["text", "a", "x" * 10_001])) == "text_not_plain"
    assert refusal_of(small(*[["text", f"q{n}", "A"] for n in range(2001)])) == "form_too_large"
    deep = [["begin_group", f"g{n}", "G"] for n in range(40)]
    assert refusal_of(small(*deep, ["text", "a", "A"], *[["end_group"]] * 40)) == "form_too_large"
    assert refusal_of(
        workbook(**{"survey": [["type", "name"], ["text", "a"]], **{f"s{n}": [["x"]] for n in range(31)}})
    ) == ("form_too_large")


def refusal_of(data: bytes, name: str = "form.xlsx") -> str:
    with pytest.raises(DubanError) as refusal:
        load(data, name)
    assert not CheckList.objects.filter(key="form").exists()
    return refusal.value.code


def corner() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "survey"
    book.active["A1"], book.active["XFD1048576"] = "type", "x"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HOSTILE: list[tuple[str, bytes, str]] = [
    ("file_empty", b"", "form.xlsx"),
    ("file_not_a_table", b"not a workbook", "form.xlsx"),
    ("file_not_a_table", b"PK\x03\x04rest", "form.xlsx"),
    ("file_not_a_table", assessment()[:3000], "form.xlsx"),
    ("sheet_too_large", corner(), "form.xlsx"),
    ("form_not_a_workbook", assessment(), "form.csv"),
    ("form_without_survey", workbook(sheet1=[["type"], ["text"]]), "form.xlsx"),
    ("form_empty", workbook(survey=[["type", "name", "label"]]), "form.xlsx"),
    ("form_empty", small(["calculate", "a", "", "1"], headers=["calculation"]), "form.xlsx"),
    ("form_invalid", workbook(survey=[["name", "label"], ["a", "A"]]), "form.xlsx"),
    ("form_invalid", small(["text", "a b", "A"]), "form.xlsx"),
    ("form_invalid", small(["text", "", "A"]), "form.xlsx"),
    ("form_invalid", small(["text", "<x>", "A"]), "form.xlsx"),
    ("form_invalid", small(["nonsense", "a", "A"]), "form.xlsx"),
    ("form_invalid", small(["text", "a", "A"], ["text", "a", "B"]), "form.xlsx"),
    ("form_invalid", small(["begin_group", "g", "G"], ["text", "a", "A"]), "form.xlsx"),
    ("form_invalid", small(["text", "a", "A"], ["end_group"]), "form.xlsx"),
    ("form_invalid", small(["select_one nowhere", "a", "A"]), "form.xlsx"),
    ("form_invalid", small(["text", "a", "A", "${nowhere} = 1"], headers=["relevant"]), "form.xlsx"),
    ("column_twice", workbook(survey=[["type", "name", "label", "label"], ["text", "a", "A"]]), "form.xlsx"),
]


@pytest.mark.parametrize(
    ("code", "data", "name"), HOSTILE, ids=[f"{code}-{at}" for at, (code, *_x) in enumerate(HOSTILE)]
)
def test_what_is_no_form_is_refused_and_leaves_nothing(code: str, data: bytes, name: str) -> None:
    assert refusal_of(data, name) == code


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(range(1, len(ASSESSMENT_SURVEY))), st.sampled_from(range(13)), st.text(max_size=40))
def test_any_cell_may_hold_anything(row: int, column: int, text: str) -> None:
    lines = [[*line, *[""] * (13 - len(line))] for line in ASSESSMENT_SURVEY]
    lines[row][column] = "".join(one for one in text if one.isprintable())
    try:
        form = read_form(workbook(survey=lines, choices=ASSESSMENT_CHOICES), "x.xlsx")
    except DubanError:
        return
    assert {item.key for item in form.items}
    asked(form.items, {"consent": "yes"})


# ---- the commands ---------------------------------------------------------------------------------------------------


def test_the_commands_load_and_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, back = tmp_path / "rna.xlsx", tmp_path / "back.xlsx"
    file.write_bytes(assessment())
    call_command("load_xlsform", str(file), "--json")
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (first["taken"], first["unchanged"], first["checklist"], first["state"]) == (13, 0, "rna_2021", "in_use")
    assert len(first["unsupported"]) == 18
    assert all(one["why"] for one in first["unsupported"])
    call_command("load_xlsform", str(file), "--json")
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (again["taken"], again["unchanged"], again["version"]) == (0, 13, 1)
    call_command("export_xlsform", "rna_2021", "--out", str(back))
    assert cells_of(back.read_bytes())["survey"] == cells_of(assessment())["survey"]
    file.write_bytes(small(["nonsense", "a", "A"]))
    with pytest.raises(CommandError, match="form_invalid"):
        call_command("load_xlsform", str(file))
    with pytest.raises(CommandError, match="checklist_not_found"):
        call_command("export_xlsform", "nowhere", "--out", str(back))
