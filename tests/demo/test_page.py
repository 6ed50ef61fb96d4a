"""The page of 20 January 2021 that the demo composes: every section of the newspaper's, every figure a count of rows.

Asked of the demo that `test_demo` loads.
"""

from datetime import date
from typing import Any

from django.test import Client

from duban.bulletin import compose, notices
from duban.bulletin import queries as bulletins
from duban.commons.models import Organisation, OrganisationKind, PostedNeed, Tier
from duban.core import clock
from duban.decisions.models import Meeting
from duban.demo import inspection, layers
from duban.engines.notice import DECISION, FINDING, SITE, UNSURE
from duban.outbreak.models import CaseFile, Declaration, Swab
from duban.patrol.models import Visit

DAY = date(2021, 1, 20)
KINDS = ["decisions", "exposure", "epidemic", "story", "organisations", "photo", "hygiene"]


def check_the_page() -> None:
    """Composed and as it was published: nothing of the newspaper's is left out, nothing says other than the records."""
    check_it_is_read_back()
    composed = {one["kind"]: one for one in compose.document_of_day(layers.DISTRICT, DAY, clock.now())["blocks"]}
    assert list(composed) == KINDS
    _check_figures({kind: _figures(block) for kind, block in composed.items()})
    text = "".join(block["headline"]["zh"] + block["text"]["zh"] for block in composed.values())
    for words in (
        "召开第九十八次会议", "曾赞荣主持会议", "1月18日至19日", "对11个乡镇", "共发现问题5处", "共发现问题2处",
        "暂无未整改问题", "5041个社区社会组织", "备案社区社会组织298支", "60幅", "选取了2处", "新发现的8处",
    ):  # fmt: skip
        assert words in text, words
    for call in inspection.THE_PAGE:
        assert (call.place.name in composed["exposure"]["text"]["zh"]) == bool(call.failed), call.place.name

    published = bulletins.document(bulletins.numbered(192))
    printed = {block["kind"]: block for block in published["blocks"]}
    assert set(printed) >= set(KINDS)
    for kind in ("decisions", "exposure", "story", "organisations", "photo"):
        assert printed[kind]["text"] == composed[kind]["text"], kind
    home = Client(headers={"accept-language": "zh-hans"}).get("/").content.decode()
    for kind in ("decisions", "exposure", "epidemic", "story", "organisations"):
        assert f'#block-{printed[kind]["id"]}">{printed[kind]["headline"]["zh"]}</a>' in home, kind
    assert {line["venue"] for line in published["exposures"]} == {
        call.place.name for call in inspection.THE_PAGE if call.failed
    }


def _figures(block: dict[str, Any]) -> dict[str, int]:
    return {figure["key"]: figure["said"] for figure in block["figures"]}


def _check_figures(said: dict[str, dict[str, int]]) -> None:
    """Each figure against a count of its rows made here, in the plainest way that there is."""
    meeting = Meeting.objects.get(number=98)
    assert said["decisions"] == {"meeting": 98, "decisions": meeting.decisions.count()}

    visits = list(Visit.objects.filter(visited_at__date__in=[date(2021, 1, 18), date(2021, 1, 19)]))
    units: dict[bool, set[str]] = {True: set(), False: set()}
    problems = {True: 0, False: 0}
    for visit in visits:
        is_street = layers.units()[visit.jurisdiction[:9]].endswith("街道")
        units[is_street].add(visit.jurisdiction[:9])
        problems[is_street] += visit.answers.filter(result="fail").exists()
    assert said["exposure"] == {
        "towns": len(units[False]), "town_problems": problems[False], "streets": len(units[True]),
        "street_problems": problems[True],
        "lookback": sum(len(call.failed) for call in inspection.THE_WEEK_BEFORE),
    }  # fmt: skip

    standing = [
        one
        for one in Organisation.objects.all()
        if (one.founded is None or one.founded <= DAY) and (one.dissolved_on is None or one.dissolved_on > DAY)
    ]
    yuqiao = [one for one in standing if one.jurisdiction.startswith("110112004")]
    filed = [one for one in yuqiao if one.tier == Tier.FILED]
    counted = {
        "organisations": len(standing),
        "members": sum(one.members for one in standing),
        "filed": len(filed),
        "filed_members": sum(one.members for one in filed),
        "clubs": sum(one.kind == OrganisationKind.CLUB for one in yuqiao),
        "studios": sum(one.kind == OrganisationKind.STUDIO for one in yuqiao),
    }
    assert {key: said["organisations"][key] for key in counted} == counted
    assert (counted["organisations"], counted["filed"], counted["clubs"], counted["studios"]) == (5041, 298, 100, 100)
    assert counted["filed_members"] > 11_000

    need = PostedNeed.objects.get(target=60)
    assert said["story"]["wanted"] == need.target == said["story"]["pledged"]
    assert said["hygiene"] == {"rectified": 2, "new": 8}

    followed = CaseFile.objects.filter(opened_at__date__lte=DAY).exclude(released_at__date__lte=DAY)
    tested = Swab.objects.filter(taken_at__date=DAY).values("file").distinct()
    assert said["epidemic"] == {
        "followed": followed.count(), "tested": tested.count(),
        "areas": Declaration.objects.filter(declared_at__date__lte=DAY).count(),
    }  # fmt: skip


def check_it_is_read_back() -> None:
    """The composed page, read as if it were somebody else's report, gives the facts that it was made of."""
    document = compose.document_of_day(layers.DISTRICT, DAY, clock.now())
    statements = sorted(entry["statement"] for section in document["sections"] for entry in section["entries"])
    failed = {call.place.name.removeprefix("驾校外环路") for call in inspection.THE_PAGE if call.failed}
    for kind in ("html", "pdf"):
        read = notices.read_file(compose.render(document, kind, "zh"), f"page.{kind}")
        drafts = [draft for article in notices.report_of(read)["articles"] for draft in article["drafts"]]
        sites = [notices.statement_for(draft) for draft in drafts if draft["kind"] == SITE]
        assert sorted(sites) == statements, kind
        orders = [draft for draft in drafts if draft["kind"] == DECISION]
        assert (len(orders), {draft["value"] for draft in orders}) == (5, {98}), kind
        said = {draft["value"] for draft in drafts if draft["kind"] == "figure"}
        assert said >= {98, 11, 60, 5041, 298, 100, 11286}, kind
        found = [draft for draft in drafts if draft["kind"] == FINDING and draft["confidence"] >= UNSURE]
        where = [f"{draft['place'] or ''}{draft['venue'] or ''}" for draft in found]
        assert [name for name in failed if not any(name in one for one in where)] == [], kind
        assert len(found) == len(failed), "none is read that nobody wrote"
        assert all(check.ok for article in read.articles for check in article.checks), kind
