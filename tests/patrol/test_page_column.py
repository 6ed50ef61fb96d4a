"""The page's exposure column, out of the inspection as it was entered."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from duban.bulletin import actions, column
from duban.demo import inspection
from duban.demo.builders import NOON, make_person
from duban.patrol import exposure
from duban.patrol.importing import import_inspections
from duban.places.models import Jurisdiction

pytestmark = pytest.mark.django_db
TOWNS = {"110112104": "宋庄镇", "110112114": "台湖镇", "110112109": "马驹桥镇", "110112003": "北苑街道"}
# As printed on 20 January 2021, in the standard words of the check-list.
THE_COLUMN = {
    "丛林美食": ("110112104", ["code_scan", "masks"]),
    "驾校外环路拉面馆": ("110112104", ["code_scan", "masks"]),
    "魅力妙剪": ("110112104", ["code_scan", "masks"]),
    "便民综合批发超市": ("110112114", ["thermometer", "code_poster"]),
    "兴鑫便利店": ("110112109", ["temperature", "disinfection"]),
    "首讯拓展网咖": ("110112003", ["masks", "smoking"]),
    "万达金街": ("110112003", ["visitor_register"]),
}


def test_the_inspection_gives_the_column_of_the_page() -> None:
    for code, name in TOWNS.items():
        Jurisdiction.objects.update_or_create(
            code=code,
            defaults={"name": name, "kind": "town", "parent_code": "110112", "search": name, "loaded_at": NOON},
        )
    first, second = make_person("first", "supervisor"), make_person("second", "supervisor")
    evening = inspection.beijing(19, 18, 30)
    data = inspection.inspections_file(inspection.CALLS)
    import_inspections(by=first, now=evening, data=data, name="inspection.csv")
    start = inspection.beijing(18, 0)
    visits = [visit for visit in exposure.proposable_visits(first) if visit.visited_at >= start]
    assert {visit.venue.name for visit in visits} == set(THE_COLUMN)
    for visit in visits:
        made = exposure.propose_exposure(by=first, now=evening, visit_id=visit.pk).exposure
        exposure.record_reply(by=first, now=evening, exposure_id=made.pk, stand="accepts")
        exposure.approve_exposure(by=second, now=evening + timedelta(hours=1), exposure_id=made.pk)
    issue = actions.draft_issue(by=first, now=inspection.beijing(19, 20))
    printed: list[dict[str, Any]] = column.printed(issue)
    found = {line["venue"]: (line["town"]["code"], sorted(p["key"] for p in line["problems"])) for line in printed}
    assert found == {venue: (town, sorted(keys)) for venue, (town, keys) in THE_COLUMN.items()}
    assert {line["town"]["name"] for line in printed} == set(TOWNS.values())
    assert {line["visited_on"] for line in printed} == {"2021-01-18", "2021-01-19"}
    assert all(problem["zh"] and problem["en"] for line in printed for problem in line["problems"])
    towns = {code: len({line["venue"] for line in printed if line["town"]["code"] == code}) for code in TOWNS}
    # Five problems in three towns, as the newspaper counts venues, and two in a sub-district.
    assert towns == {"110112104": 3, "110112114": 1, "110112109": 1, "110112003": 2}
    assert timezone.localdate(evening).isoformat() == "2021-01-19"
