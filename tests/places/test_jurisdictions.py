"""The code list: trailing zeros, kinds by name, all rows or none, and scope as digit ranges."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.places import queries
from duban.places.actions import BadJurisdictions, load_jurisdictions
from duban.places.codes import LENGTHS, ancestors, covers, normalise_code, outermost, within
from duban.places.models import Jurisdiction

NOW = datetime(2021, 1, 20, tzinfo=UTC)


def load(text: str | bytes, name: str = "codes.csv") -> int:
    data = text if isinstance(text, bytes) else text.encode()
    return load_jurisdictions(by=Console(), now=NOW, data=data, name=name)


@pytest.mark.django_db
def test_a_list_as_statistics_print_it_is_read_and_reading_again_changes_nothing() -> None:
    text = (
        "code,name,extra\n440199000000,演示区,x\n440199101000,东河镇,\n440199102000,西河乡,\n440199001000,城关街道,\n"
        "440199002000,城南地区办事处,\n440199101201,柳林村委会,\n440199001001,花园社区居委会,\n440199001001001,第一网格,\n"
    )
    assert load(text) == 8
    assert load("﻿" + text) == 8
    assert load(text.encode("gbk")) == 8
    kinds = dict(Jurisdiction.objects.values_list("code", "kind"))
    assert kinds == {
        "440199": "county",
        "440199101": "town",
        "440199102": "township",
        "440199001": "street",
        "440199002": "area",
        "440199101201": "village",
        "440199001001": "community",
        "440199001001001": "grid",
    }
    assert Jurisdiction.objects.get(pk="440199101201").parent_code == "440199101"


BAD_LISTS = [
    ("", "file_empty", None),
    ("name\n东河镇", "columns_missing", None),
    ("code\n440199", "columns_missing", None),
    ("code,code,name\n1,2,3", "column_twice", None),
    ("code,name\n4401,某市", "bad_code", 2),
    ("code,name\n44019a,演示区", "bad_code", 2),
    ("code,name\n440199,演示区\n,东河镇", "bad_code", 3),
    ("code,name\n440199,", "name_missing", 2),
    ("code,name\n440199," + "长" * 101, "name_missing", 2),
    ("code,name,kind\n440199,演示区,planet", "unknown_kind", 2),
    ("code,name\n440199,演示区\n440199000,另一区", "code_twice", 3),
    ('code,name\n"440199,演示区', "file_not_a_table", None),
    ("code,name\n440199,演示区,多余", "too_many_cells", 2),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "code", "row"), BAD_LISTS)
def test_a_bad_list_loads_nothing_and_names_the_row(text: str, code: str, row: int | None) -> None:
    with pytest.raises(DubanError) as refusal:
        load(text)
    assert refusal.value.code == code
    if row is not None:
        assert refusal.value.row == row
    assert Jurisdiction.objects.count() == 0


@pytest.mark.django_db
def test_every_bad_row_is_reported_not_only_the_first() -> None:
    with pytest.raises(BadJurisdictions) as refusal:
        load("code,name\n1,甲\n440199,演示区\n2,乙")
    assert [row.number for row, _reason in refusal.value.refused] == [2, 4]


@pytest.mark.django_db
def test_units_are_found_by_name_pinyin_initials_and_code() -> None:
    load("code,name\n110112,通州区\n110112106,漷县镇\n110112106251,李辛庄村委会\n110113106,另镇")
    for text in ("漷县", "huoxian", "hxz", "110112106"):
        assert "110112106" in [unit.code for unit in queries.search(text)], text
    assert queries.search("镇", codes=["110113"])[0].code == "110113106"
    assert [unit.code for unit in queries.children("110112")] == ["110112106"]
    assert queries.names(["110112", "999999"]) == {"110112": "通州区"}
    assert queries.unit_for("110112106251") == "110112106"
    assert queries.unit_for("110112") == "110112"


CODES = st.sampled_from(LENGTHS).flatmap(lambda length: st.text("0123", min_size=length, max_size=length))


@given(CODES)
def test_normalising_is_idempotent_and_keeps_the_county(code: str) -> None:
    once = normalise_code(code)
    assert normalise_code(once) == once
    assert code.startswith(once)
    assert set(code[len(once) :]) <= {"0"}
    assert once[:6] == code[:6]


@given(st.lists(CODES))
def test_outermost_codes_cover_the_same_and_not_one_another(codes: list[str]) -> None:
    kept = outermost(codes)
    assert all(covers(kept, code) for code in codes)
    assert not any(a != b and a.startswith(b) for a in kept for b in kept)


@pytest.mark.parametrize(
    "code", ["", "abc", "1101", "110112106251001002", "１１０１１２", "110112 106", "-10112", None]
)
def test_what_is_no_code_is_refused(code: object) -> None:
    with pytest.raises(DubanError) as refusal:
        normalise_code(code)
    assert refusal.value.code == "bad_code"


def test_ancestors_go_down_from_the_county() -> None:
    assert ancestors("110112106251") == ["110112", "110112106"]


class ScopeInTheDatabase(TestCase):
    @given(st.lists(CODES, max_size=12), st.lists(CODES, max_size=3))
    def test_the_range_holds_exactly_what_starts_with_the_code(self, stored: list[str], scopes: list[str]) -> None:
        Jurisdiction.objects.all().delete()
        Jurisdiction.objects.bulk_create(
            [Jurisdiction(code=code, name=code, kind="town", search=code, loaded_at=NOW) for code in set(stored)]
        )
        found = set(Jurisdiction.objects.filter(within("code", scopes)).values_list("code", flat=True))
        assert found == {code for code in stored if covers(scopes, code)}
