"""A report is read, its drafts are accepted, the page is composed from the ledger and read again: the same facts."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.bulletin.conftest import LATER

from duban.access.models import Person
from duban.bulletin import compose, notices
from duban.engines.notice import Notice
from duban.ledger.categories import category_index
from duban.ledger.recording import Finding
from duban.places.actions import load_jurisdictions

REPORT = """# 防疫检查

指导组对2个乡镇开展检查指导，共发现问题3处。分别是：宋庄镇疃里大街丛林美食、宋庄镇魅力妙剪未严格扫码登记，个别工作人员未佩戴口罩；\
马驹桥镇兴华街中街兴鑫便利店无测温、无消杀记录。

# 清除卫生死角

漷县镇李辛庄村距李辛庄西南路约27米，距大梁沟约1173米

梨园地区群芳中一街群芳三园西区80号楼北侧

宋庄镇大庞村距独光路约17米，距中坝河约890米
"""
CODES = """code,name
110112000000,通州区
110112104000,宋庄镇
110112104212,疃里村委会
110112104245,大庞村村委会
110112106000,漷县镇
110112106251,李辛庄村委会
110112109000,马驹桥镇
110112121000,梨园地区
"""


def facts(notice: Notice) -> set[tuple[Any, ...]]:
    """What was read, without where in the text: kind, unit, venue, problems, road, water."""
    found = set()
    for draft in notice.drafts:
        if draft.kind == "site":
            line = [(one.name, one.distance_m) if one else None for one in (draft.road, draft.water)]
            found.add(("site", draft.jurisdiction.code if draft.jurisdiction else "", *line))
        elif draft.kind == "finding":
            problems = "".join(sorted(set("".join(draft.problems)) - set("，、")))
            found.add(("finding", (draft.jurisdiction.code if draft.jurisdiction else "")[:9], draft.venue, problems))
    return found


@pytest.mark.parametrize("ending", ["html", "pdf"])
def test_what_was_accepted_is_read_from_the_page_again(people: dict[str, Person], tmp_path: Path, ending: str) -> None:
    load_jurisdictions(by=people["administrator"], now=LATER, data=CODES.encode(), name="a.csv")
    read = notices.read_text(REPORT)
    wanted = facts(read)
    assert len(wanted) == 6
    for number, draft in enumerate(draft.to_dict() for draft in read.drafts if draft.kind in {"site", "finding"}):
        unit = draft["jurisdiction"]
        finding = Finding(
            id=uuid.uuid5(uuid.NAMESPACE_URL, str(number)), category=category_index()["06010"],
            lon=116.7 + number / 100, lat=39.8, datum="wgs84", found_at=LATER,
            statement=notices.statement_for(draft), description=notices.description_for(draft),
            jurisdiction=unit["code"] if unit else "",
        )  # fmt: skip
        notices.accept_place(by=people["supervisor"], now=LATER, finding=finding)
    document = compose.document_of_day("110112", LATER.date(), LATER)
    page = compose.render(document, ending, "zh")
    assert facts(notices.read_file(page, f"a.{ending}")) == wanted
