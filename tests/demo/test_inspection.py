"""The page's inspection as plain values holds the page's figures."""

import csv
import io

from duban.demo import inspection, layers
from duban.engines.locate import kind_from_name


def town_kinds() -> dict[str, str]:
    with layers.CODES.open(encoding="utf-8", newline="") as file:
        return {row["code"]: kind_from_name(row["name"], row["code"]) for row in csv.DictReader(file)}


def test_the_page_visits_every_town_and_township_and_finds_five_problems_in_three_of_them() -> None:
    kinds = town_kinds()
    towns = {code for code, kind in kinds.items() if len(code) == 9 and kind != "street"}
    page = [*inspection.THE_PAGE, *inspection.LOOKED_BACK]
    assert {call.place.jurisdiction[:9] for call in page if kinds[call.place.jurisdiction[:9]] != "street"} == towns
    assert len(towns) == 11
    failed = [call.place.jurisdiction[:9] for call in inspection.THE_PAGE if call.failed]
    assert sorted(code for code in failed if kinds[code] != "street") == [
        "110112104", "110112104", "110112104", "110112109", "110112114",
    ]  # fmt: skip
    assert [code for code in failed if kinds[code] == "street"] == ["110112003", "110112003"]


def test_the_look_back_covers_everything_found_in_the_week_before() -> None:
    found = {(call.place, item) for call in inspection.THE_WEEK_BEFORE for item, _note in call.failed}
    seen = {(call.place, item) for call in inspection.LOOKED_BACK for item, result, _note in call.answers}
    assert found == seen
    assert not any(call.failed for call in inspection.LOOKED_BACK)


def test_every_place_lies_in_a_unit_of_the_code_list_and_every_failed_item_is_asked_there() -> None:
    kinds = town_kinds()
    assert {place.jurisdiction for place in inspection.PLACES} <= set(kinds)
    for call in inspection.CALLS:
        assert {item for item, _note in call.failed} <= set(inspection.ASKED[call.place.kind])


def test_the_file_has_a_row_for_each_answer() -> None:
    read = list(csv.DictReader(io.StringIO(inspection.inspections_file(inspection.CALLS).decode())))
    assert len(read) == sum(len(call.answers) for call in inspection.CALLS)
    assert tuple(read[0]) == inspection.COLUMNS
    assert sum(row["result"] == "fail" for row in read) == 17
