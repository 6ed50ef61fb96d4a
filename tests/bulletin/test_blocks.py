"""Blocks of a page: figures that follow the records until the issue is out, and words that the checks do not let go."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from tests.bulletin.conftest import LATER, publish

from duban.access.models import Person
from duban.bulletin import actions, blocks, layout, queries
from duban.bulletin.blocks import BadBlock, Words
from duban.bulletin.checks import PLAIN, WrongText, unchecked
from duban.bulletin.figures import Figure, chinese_number, english_ordinal, figures_by_key, marks_in, pieces, resolved
from duban.bulletin.models import Block, Issue
from duban.bulletin.verify import verify_issues
from duban.commons.contact import Contact, seal_contact
from duban.commons.models import Membership
from duban.commons.register.actions import record_organisation
from duban.commons.register.drafts import OrganisationDraft
from duban.core.errors import Conflict, DubanError
from duban.core.text import folded
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee, Unit
from duban.demo.builders import NOON
from duban.engines.notice import numbers
from duban.engines.typeset import issue_hash
from duban.ledger.history import seal_heads
from duban.outbreak.models import CaseFile, FileKey
from duban.outbreak.people import Tokens
from duban.patrol.importing import import_inspections
from duban.places.actions import load_jurisdictions

DAY = date(2021, 1, 18)
TABLE = "venue,venue_type,jurisdiction,visited_at,item,result,note\n"


def inspect(by: Person, *rows: tuple[str, str, str]) -> None:
    """Visits of the day: (venue, town, result)."""
    lines = [f"{venue},shop,{town},2021-01-18,masks,{result},\n" for venue, town, result in rows]
    import_inspections(by=by, now=LATER, data=(TABLE + "".join(lines)).encode(), name="a.csv")


@pytest.fixture
def towns(people: dict[str, Person]) -> None:
    codes = "code,name\n110112000000,通州区\n110112104000,宋庄镇\n110112114000,台湖镇\n110112003000,北苑街道\n"
    load_jurisdictions(by=people["administrator"], now=NOON, data=codes.encode(), name="a.csv")


@pytest.fixture
def page(people: dict[str, Person], towns: None, entry_in: Callable[..., Any]) -> Issue:
    """A draft with the day's inspection laid out: five venues in two towns, three of them with a problem."""
    inspect(
        people["supervisor"],
        ("甲店", "110112104", "fail"),
        ("乙店", "110112104", "fail"),
        ("丙店", "110112104", "pass"),
        ("丁店", "110112114", "fail"),
        ("戊店", "110112114", "pass"),
    )
    entry_in("closed")
    entry_in("found")
    issue = actions.draft_issue(by=people["supervisor"], now=LATER)
    return layout.lay_out_page(by=people["supervisor"], now=LATER, issue_id=issue.pk, day=DAY)


def words_of(issue: Issue, **changed: dict[str, str]) -> list[Words]:
    """The blocks as they are, those of the kinds named changed."""
    return [
        Words(block.pk, **{name: getattr(block, name) for name in blocks.TEXTS} | changed.get(block.kind, {}))
        for block in issue.blocks.all()
    ]


def write(issue: Issue, by: Person, **changed: dict[str, str]) -> Issue:
    return actions.edit_issue(by=by, now=LATER, issue_id=issue.pk, blocks=words_of(issue, **changed))


def text_of(issue: Issue, kind: str = "exposure", language: str = "zh") -> str:
    document = actions.document_of(issue, list(issue.items.all()))
    return next(block for block in document["blocks"] if block["kind"] == kind)["text"][language]


def refusal(issue: Issue) -> dict[str, DubanError]:
    return {wrong.code: wrong for wrong in actions.blockers(issue, LATER)}


def test_a_page_says_what_the_records_say(page: Issue) -> None:
    assert "对2个乡镇开展检查指导，共发现问题3处。" in text_of(page)
    assert "2 towns and townships were inspected; 3 problems were found." in text_of(page, language="en")
    said = {one["key"]: (one["said"], one["found"]) for one in actions.document_of(page, [])["blocks"][0]["figures"]}
    assert said == {"towns": (2, 2), "town_problems": (3, 3)}
    assert not refusal(page)


def test_a_changed_record_changes_the_draft_and_never_what_is_published(people: dict[str, Person], page: Issue) -> None:
    out = publish(page, by=people["supervisor"], second=people["second"])
    frozen, printed = out.document, out.hash
    assert json.loads(frozen)["schema"] == "duban.bulletin/2"
    assert issue_hash(json.loads(frozen)) == printed
    draft = actions.correct_issue(by=people["supervisor"], now=LATER, issue_id=out.pk)
    assert "共发现问题3处" in text_of(draft)
    inspect(people["supervisor"], ("己店", "110112114", "fail"))
    assert "共发现问题4处" in text_of(draft)
    again = Issue.objects.get(pk=out.pk)
    assert (again.document, again.hash) == (frozen, printed)
    assert "共发现问题3处" in queries.export(again, "html").decode()
    assert not list(verify_issues())


def test_an_edited_figure_stops_it_and_names_the_rows(people: dict[str, Person], page: Issue) -> None:
    page = write(page, people["supervisor"], exposure={"text_zh": "共发现问题[[problems=6]]处。"})
    assert text_of(page) == "共发现问题6处。"
    wrong = refusal(page)["figure_disagrees"]
    assert isinstance(wrong, WrongText)
    with override("zh-hans"):
        said = str(refusal(page)["figure_disagrees"])
    assert "6" in said
    assert "宋庄镇的问题 2, 台湖镇的问题 1" in said
    assert "figure=problems" in wrong.url
    assert "from=2021-01-18" in wrong.url
    assert wrong.as_dict()["rows"] == wrong.url
    with pytest.raises(Conflict) as refused:
        actions.approve_issue(by=people["second"], now=LATER, issue_id=page.pk)
    assert refused.value.code == "figure_disagrees"
    page = write(page, people["supervisor"], exposure={"text_zh": "共发现问题[[problems=3]]处。"})
    assert publish(page, by=people["supervisor"], second=people["second"]).number == 1


def test_a_record_that_changes_between_approval_and_publication_stops_it(
    people: dict[str, Person], page: Issue
) -> None:
    page = write(page, people["supervisor"], exposure={"text_zh": "共发现问题[[problems=3]]处。"})
    actions.approve_issue(by=people["second"], now=LATER, issue_id=page.pk)
    inspect(people["supervisor"], ("己店", "110112114", "fail"))
    with pytest.raises(Conflict) as refused:
        actions.publish_issue(by=people["supervisor"], now=LATER, issue_id=page.pk)
    assert refused.value.code == "figure_disagrees"
    assert Issue.objects.get(pk=page.pk).number is None


def test_parts_must_add_up(people: dict[str, Person], page: Issue) -> None:
    text = "问题[[problems=5]]处：宋庄镇[[problems:110112104=3]]处，台湖镇[[problems:110112114]]处。"
    page = write(page, people["supervisor"], exposure={"text_zh": text})
    found = [wrong.code for wrong in actions.blockers(page, LATER)]
    assert found == ["figure_disagrees", "figure_disagrees", "sum_disagrees"]
    text = "问题[[problems]]处：宋庄镇[[problems:110112104]]处，台湖镇[[problems:110112114]]处。"
    assert not refusal(write(page, people["supervisor"], exposure={"text_zh": text}))


@pytest.mark.parametrize(
    "mark", ["[[nothing]]", "[[problems=]]", "[[problems=x]]", "[[ ]]", "[[问题]]", "[[visits:1]]"]
)
def test_a_mark_of_nothing_stops_it(people: dict[str, Person], page: Issue, mark: str) -> None:
    page = write(page, people["supervisor"], exposure={"text_zh": f"发现{mark}处。"})
    assert list(refusal(page)) == ["figure_unknown"]
    assert text_of(page) == f"发现{mark}处。"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("联系电话13800005678。", "number_of_person"),
        ("联系电话138 0000 5678", "number_of_person"),
        ("电话010-69540001", "number_of_person"),
        ("身份证11010519491231002X", "number_of_person"),
    ],
)
def test_numbers_of_persons_stop_it(people: dict[str, Person], page: Issue, text: str, code: str) -> None:
    page = write(page, people["supervisor"], exposure={"text_zh": text})
    assert list(refusal(page)) == [code]
    # What is printed of them in the refusal is not the number itself.
    assert "5678" not in str(refusal(page)[code])
    assert "1002X" not in str(refusal(page)[code])


def test_plain_numbers_are_listed_and_dates_are_not(people: dict[str, Person], page: Issue) -> None:
    text = "1月18日，12家参加，第3期。2021年共[[problems]]处，第80号楼，27米，另有45人、1,200件。"
    page = write(page, people["supervisor"], exposure={"text_zh": text, "text_en": "On 18 January 12 came."})
    told = blocks.told(page, {}, LATER)
    assert [one.number for one in unchecked(told)] == ["12", "45", "1,200", "12"]
    assert not refusal(page)


def test_over_is_right_while_it_holds() -> None:
    figures = figures_by_key(Figure("members", "成员", "members", 11286))
    assert resolved("[[members>11000]]人", figures, "zh") == "11000多人"
    assert resolved("[[members>11000]]", figures, "en") == "over 11,000"
    right = {
        said: next(marks_in(f"[[members>{said}]]", figures, "zh")).is_right
        for said in (11000, 11286, 11285, 20000, 100)
    }
    assert right == {11000: True, 11286: False, 11285: True, 20000: False, 100: False}


@given(st.text(alphabet="[]=>:a1_文 \n", max_size=40))
def test_any_text_is_read_and_given_back_whole(text: str) -> None:
    figures = figures_by_key(Figure("a", "甲", "a", 1), Figure("a1", "乙", "b", 22))
    found = pieces(text, figures, "zh")
    assert "".join(one if isinstance(one, str) else text[one.start : one.end] for one in found) == text
    resolved(text, figures, "en")
    PLAIN.findall(text)


@given(st.integers(0, 9999))
def test_numbers_in_words(number: int) -> None:
    assert numbers.number_of(chinese_number(number)) == number
    assert english_ordinal(number).startswith(f"{number:,}")


def test_the_98th() -> None:
    assert (chinese_number(98), chinese_number(110), chinese_number(12), chinese_number(105)) == (
        "九十八", "一百一十", "十二", "一百零五",
    )  # fmt: skip
    assert [english_ordinal(number) for number in (1, 2, 3, 11, 98, 111, 121)] == (
        "1st 2nd 3rd 11th 98th 111th 121st".split()
    )


# ---- order, locks and what is refused --------------------------------------------------------------------------------


def test_blocks_are_ordered_and_taken_out_but_for_those_of_the_issue_itself(
    people: dict[str, Person], page: Issue
) -> None:
    made = layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article", day=DAY)
    before = [block.kind for block in page.blocks.all()]
    assert before == ["exposure", "hygiene", "article"]
    turned = list(reversed(words_of(page)))
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=page.pk, blocks=turned)
    assert [block.kind for block in page.blocks.all()] == before[::-1]
    rest = [words for words in turned if words.id != made.pk]
    actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=page.pk, blocks=rest)
    assert [block.kind for block in page.blocks.all()] == ["hygiene", "exposure"]
    for wrong in (rest[:1], [*rest, rest[0]], [*rest, Words(made.pk)]):
        with pytest.raises(BadBlock) as refused:
            actions.edit_issue(by=people["supervisor"], now=LATER, issue_id=page.pk, blocks=wrong)
        assert refused.value.code == "bad_block"
    with pytest.raises(BadBlock) as refused:
        layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="hygiene")
    assert refused.value.code == "bad_block"


def test_laying_out_twice_makes_nothing_twice(people: dict[str, Person], page: Issue) -> None:
    write(page, people["supervisor"], exposure={"text_zh": "自己写的。"})
    layout.lay_out_page(by=people["supervisor"], now=LATER, issue_id=page.pk, day=DAY)
    assert [block.kind for block in page.blocks.all()] == ["exposure", "hygiene"]
    assert page.blocks.get(kind="exposure").text_zh == "自己写的。"


def test_a_change_of_a_block_asks_for_approval_anew(people: dict[str, Person], page: Issue) -> None:
    approved = actions.approve_issue(by=people["second"], now=LATER, issue_id=page.pk)
    with pytest.raises(Conflict) as refused:
        layout.add_block(
            by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article", seen=approved.version - 1
        )
    assert refused.value.code == "issue_changed"
    layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article", seen=approved.version)
    assert Issue.objects.get(pk=page.pk).state == "draft"
    publish(Issue.objects.get(pk=page.pk), by=people["supervisor"], second=people["second"])
    with pytest.raises(Conflict) as late:
        layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind="article")
    assert late.value.code == "wrong_issue_state"


@pytest.mark.parametrize("who", ["inspector", "handler", "publisher", "leader", "stranger"])
def test_who_may_not_draft_may_not_lay_out(people: dict[str, Person], page: Issue, who: str) -> None:
    with pytest.raises(DubanError) as refused:
        layout.add_block(by=people[who], now=LATER, issue_id=page.pk, kind="article")
    assert refused.value.code in {"not_allowed", "issue_not_found"}
    assert page.blocks.count() == 2


def test_nothing_on_record_is_said_and_not_invented(people: dict[str, Person], page: Issue) -> None:
    for kind in ("decisions", "story", "organisations", "epidemic"):
        with pytest.raises(BadBlock) as refused:
            layout.add_block(by=people["supervisor"], now=LATER, issue_id=page.pk, kind=kind, day=DAY)
        assert refused.value.code == "nothing_on_record"


def test_a_meeting_whose_minutes_are_approved_is_told(people: dict[str, Person], page: Issue) -> None:
    by, second = people["supervisor"], people["leader"]
    body = decisions.make_body(by=by, now=NOON, kind="leading_group", name="区防控领导小组", jurisdiction="110112")
    meeting = decisions.plan_meeting(
        by=by, now=NOON - timedelta(days=1), body_id=body.pk, at=NOON - timedelta(hours=2), number=98,
        agenda=["研究调度疫情防控工作"],
    )  # fmt: skip
    step: dict[str, Any] = {"now": NOON, "meeting_id": meeting.pk}
    decisions.hold_meeting(
        by=by,
        attendance=(Attendee("chair", "曾主持", "区委书记"), Attendee("member", "陈居民", "", resident=True)),
        **step,
    )
    decisions.record_decision(
        by=by, text="立即启动摸排", jurisdiction="110112", lead=Unit("区卫生健康委", "110112"), **step
    )
    with pytest.raises(BadBlock):
        layout.add_block(by=by, now=LATER, issue_id=page.pk, kind="decisions", day=DAY)
    decisions.write_minutes(by=by, minutes="会议要求，要立足“四早”。", **step)
    decisions.approve_minutes(by=second, now=NOON + timedelta(hours=1), meeting_id=meeting.pk)
    layout.add_block(by=by, now=LATER, issue_id=page.pk, kind="decisions", day=DAY)
    said = text_of(page, "decisions")
    assert said.startswith(
        "1月18日上午，区防控领导小组召开第九十八次会议，研究调度疫情防控工作。区委书记曾主持主持会议。"
    )
    assert "会议要求，要立足“四早”。" in said
    assert "会议共作出1项决定。会议决定：立即启动摸排（由区卫生健康委负责）。" in said
    assert "陈居民" not in said
    assert "98th meeting" in text_of(page, "decisions", "en")
    seal_heads(now=LATER)


def test_a_block_whose_record_is_gone_stops_it(people: dict[str, Person], page: Issue) -> None:
    block = Block.objects.create(issue=page, kind="story", position=9, parameters={"topic": "0" * 32})
    assert list(refusal(page)) == ["block_without_facts"]
    actions.edit_issue(
        by=people["supervisor"], now=LATER, issue_id=page.pk,
        blocks=[words for words in words_of(page) if words.id != block.pk],
    )  # fmt: skip
    assert not refusal(page)


# ---- names of protected people --------------------------------------------------------------------------------------


def test_a_name_of_the_protected_tables_stops_it(people: dict[str, Person], page: Issue) -> None:
    file = CaseFile.objects.create(
        office="110112", number="W1", person="x" * 64, sealed=b"", town="110112104", stay="110112104",
        opened_at=LATER, origin="form",
    )  # fmt: skip
    FileKey.objects.create(file=file, kind="name", digest=Tokens().of("name", folded("欧阳静怡")))
    FileKey.objects.create(file=file, kind="name", digest=Tokens().of("name", folded("Anna Muster")))
    for text, named in (("居民欧阳静怡表示满意。", "欧阳静怡"), ("Mrs Anna Muster said so", "Anna Muster")):
        page = write(page, people["supervisor"], exposure={"text_zh": text})
        wrong = refusal(page)
        assert list(wrong) == ["person_named"]
        assert named in str(wrong["person_named"])
    assert not refusal(write(page, people["supervisor"], exposure={"text_zh": "居民欧阳表示静怡满意。"}))


def test_a_name_of_a_roster_stops_approval(people: dict[str, Person], page: Issue) -> None:
    made = record_organisation(
        by=people["community_worker"], now=LATER,
        draft=OrganisationDraft(
            name="合唱队", tier="guided", category="culture", jurisdiction="110112104", kind="team"
        ),
    )  # fmt: skip
    Membership.objects.create(organisation=made, sealed=seal_contact(Contact("诸葛晓月", "13800005678")))
    page = write(page, people["supervisor"], exposure={"text_zh": "志愿者诸葛晓月参加。"})
    with pytest.raises(Conflict) as refused:
        actions.approve_issue(by=people["second"], now=LATER, issue_id=page.pk)
    assert refused.value.code == "person_named"
