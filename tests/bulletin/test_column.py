"""The exposure column in the bulletin: drawn by itself, frozen, printed in every format, verified, corrected."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.bulletin.conftest import LATER, publish
from tests.bulletin.test_exports import words_of
from tests.patrol.exposing import expose, make_checklist, make_venue, make_visit, mend

from duban.access.models import Person
from duban.bulletin import actions, column, public, queries
from duban.bulletin.models import Exposed, Issue
from duban.bulletin.verify import verify_issues
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.integrity import canonical, sha256
from duban.demo.builders import NOON
from duban.patrol import exposure

pytestmark = pytest.mark.django_db


@pytest.fixture
def exposed_at(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`exposed_at("丛林美食", "110112104")` is an approved exposure of a venue there, made by the supervisor."""
    monkeypatch.setattr(clock, "now", lambda: LATER)
    version = make_checklist()
    moments = (NOON + timedelta(seconds=second) for second in range(100))

    def make(name: str = "丛林美食", at: str = "110112104", **changes: Any) -> Any:
        visit = make_visit(make_venue(name, at), version, changes.pop("failed", ("code_scan", "masks")))
        return expose(visit, by=people["supervisor"], second=people["second"], now=next(moments), **changes)

    return make


def draft_of(people: dict[str, Person], **options: Any) -> Issue:
    return actions.draft_issue(by=people["supervisor"], now=LATER, **options)


def code_of(act: Callable[..., Any], **options: Any) -> str:
    try:
        act(**{"now": LATER} | options)
    except DubanError as refusal:
        return refusal.code
    return ""


def test_a_draft_draws_what_is_exposed_in_its_area(exposed_at: Callable[..., Any], people: dict[str, Person]) -> None:
    later, first = exposed_at("台湖店", "110112114220"), exposed_at("丛林美食", "110112104212")
    exposed_at("过期", expires_on=date(2021, 1, 19))
    elsewhere = exposed_at("隔壁镇")
    town = actions.draft_issue(by=people["town"], now=LATER + timedelta(days=2))
    assert column.order_of(town) == []
    made = actions.draft_issue(by=people["supervisor"], now=LATER + timedelta(days=2))
    assert column.order_of(made) == [first.pk, elsewhere.pk, later.pk]
    document = actions.document_of(made, [])
    assert [line["venue"] for line in document["exposures"]] == ["丛林美食", "隔壁镇", "台湖店"]
    assert document["counts"] == {"rectified": 0, "new": 0, "exposed": 3}


def test_an_exposure_is_printed_once_in_a_series_and_by_each_series(
    exposed_at: Callable[..., Any], people: dict[str, Person], entry_in: Callable[..., Any]
) -> None:
    one = exposed_at()
    first = draft_of(people)
    assert column.order_of(first) == [one.pk]
    assert column.order_of(draft_of(people, name="防疫通报")) == [one.pk]
    publish(first, by=people["supervisor"], second=people["second"])
    second = exposed_at("第二家")
    assert column.order_of(draft_of(people)) == [second.pk]


def test_a_document_without_a_column_has_no_such_key(people: dict[str, Person]) -> None:
    document = actions.document_of(draft_of(people), [])
    assert "exposures" not in document
    assert document["counts"] == {"rectified": 0, "new": 0}


def test_what_is_published_is_frozen_and_verifies(
    exposed_at: Callable[..., Any], people: dict[str, Person], entry_in: Callable[..., Any]
) -> None:
    entry_in("listed")
    one = exposed_at()
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    document = json.loads(issue.document)
    assert document["exposures"] == [
        {
            "id": str(one.pk),
            "venue": "丛林美食",
            "kind": {"name": one.venue.kind.name, "name_en": one.venue.kind.name_en},
            "town": {"code": "110112104", "name": "110112104"},
            "visited_on": "2021-01-18",
            "problems": [
                {"key": "code_scan", "zh": "未严格执行扫码登记", "en": "did not have visitors scan the code",
                 "mended_on": None},
                {"key": "masks", "zh": "从业人员未佩戴口罩", "en": "staff without masks", "mended_on": None},
            ],
            "stand": "accepts",
            "corrects": None,
        }
    ]  # fmt: skip
    mend(one.visit, "masks", at=LATER + timedelta(days=1))
    exposure.withdraw_exposure(by=people["second"], now=LATER, exposure_id=one.pk, reason="误")
    issue.refresh_from_db()
    assert json.loads(issue.document) == document
    assert list(verify_issues()) == []


@pytest.mark.parametrize("kind", ["html", "pdf", "docx", "json"])
def test_every_format_prints_the_column_and_no_person(
    kind: str, exposed_at: Callable[..., Any], people: dict[str, Person], entry_in: Callable[..., Any]
) -> None:
    entry_in("listed")
    exposed_at()
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    text = words_of(queries.export(issue, kind), kind)
    for words in ("丛林美食", "未严格执行扫码登记", "从业人员未佩戴口罩"):
        assert words in text
    for name in ("张建国", "13800138000", "王巡查"):
        assert name not in text


@pytest.mark.parametrize("change", ["out", "other", "order", "document"])
def test_a_column_that_was_tampered_with_shows(
    change: str, exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    exposed_at("一")
    exposed_at("二")
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    rows = list(issue.exposed.all())
    if change == "out":
        rows[0].delete()
    elif change == "other":
        Exposed.objects.filter(pk=rows[0].pk).update(exposure=exposed_at("三"))
    elif change == "order":
        Exposed.objects.filter(pk=rows[0].pk).update(position=9)
    else:
        document = json.loads(issue.document)
        document["exposures"][0]["venue"] = "另一家"
        Issue.objects.filter(pk=issue.pk).update(
            document=canonical(document).decode(), hash=sha256(canonical(document))
        )
    assert {problem.code for problem in verify_issues()} & {"issue_altered", "issue_forged"}


@pytest.mark.parametrize("fate", ["withdrawn", "expired"])
def test_what_nobody_may_read_any_more_does_not_go_out(
    fate: str, exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one = exposed_at(expires_on=date(2021, 1, 19))
    issue = draft_of(people)
    actions.approve_issue(by=people["second"], now=LATER, issue_id=issue.pk)
    now = LATER
    if fate == "withdrawn":
        exposure.withdraw_exposure(by=people["second"], now=LATER, exposure_id=one.pk, reason="误")
    else:
        now = LATER + timedelta(days=2)
    step: dict[str, Any] = {"by": people["supervisor"], "issue_id": issue.pk, "now": now}
    (refusal,) = actions.blockers(issue, now)
    assert (refusal.code, refusal.field) == ("exposure_over", "exposed")
    assert "丛林美食" in str(refusal)
    assert code_of(actions.publish_issue, **step) == "exposure_over"
    assert column.order_of(actions.edit_issue(exposed=[], **step)) == []
    actions.approve_issue(by=people["second"], now=now, issue_id=issue.pk)
    assert not code_of(actions.publish_issue, **step)


def test_bringing_a_draft_up_to_date_lets_go_and_appends(
    exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one, two = exposed_at("一"), exposed_at("二")
    draft_of(people)
    exposure.withdraw_exposure(by=people["second"], now=LATER, exposure_id=one.pk, reason="误")
    three = exposed_at("三")
    assert column.order_of(draft_of(people)) == [two.pk, three.pk]


def test_the_order_is_the_editors_and_strangers_are_refused(
    exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one, two = exposed_at("一"), exposed_at("二")
    issue = draft_of(people)
    step: dict[str, Any] = {"by": people["supervisor"], "issue_id": issue.pk}
    actions.edit_issue(now=LATER, exposed=[two.pk, one.pk], **step)
    assert column.order_of(issue) == [two.pk, one.pk]
    actions.edit_issue(now=LATER, exposed=[one.pk], **step)
    actions.edit_issue(now=LATER, title="仍在", **step)
    assert column.order_of(issue) == [one.pk]
    proposed = exposure.propose_exposure(
        by=people["supervisor"], now=LATER, visit_id=make_visit(make_venue(), make_checklist()).pk
    ).exposure
    for wrong in ([one.pk, one.pk], [proposed.pk], [issue.pk]):
        assert code_of(actions.edit_issue, exposed=wrong, **step) == "bad_exposure"
    assert column.order_of(issue) == [one.pk]


def test_a_discarded_draft_lets_go_of_its_column(exposed_at: Callable[..., Any], people: dict[str, Person]) -> None:
    one = exposed_at()
    actions.discard_issue(by=people["supervisor"], now=LATER, issue_id=draft_of(people).pk)
    assert column.order_of(draft_of(people)) == [one.pk]


def test_a_correction_in_the_next_issue_names_the_number_of_the_old(
    exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    old = exposed_at()
    publish(draft_of(people, first=192), by=people["supervisor"], second=people["second"])
    new = expose(old.visit, by=people["supervisor"], second=people["second"], corrects=old.pk, keys=[])
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    (line,) = json.loads(issue.document)["exposures"]
    assert line["corrects"] == {"id": str(old.pk), "approved_on": "2021-01-18", "number": 192}
    assert "第192期的曝光不实，现予撤回" in words_of(queries.export(issue, "pdf"), "pdf")
    assert column.order_of(issue) == [new.pk]


def test_a_correction_of_the_issue_takes_the_column_along(
    exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one, two = exposed_at("一"), exposed_at("二")
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    step: dict[str, Any] = {"by": people["supervisor"], "now": LATER}
    correction = actions.correct_issue(issue_id=issue.pk, **step)
    assert column.order_of(correction) == [one.pk, two.pk]
    actions.edit_issue(issue_id=correction.pk, exposed=[two.pk], **step)
    actions.edit_issue(issue_id=correction.pk, exposed=[two.pk, one.pk], **step)
    publish(correction, by=people["supervisor"], second=people["second"])
    assert list(verify_issues()) == []


# ---- pages and API --------------------------------------------------------------------------------------------------


@pytest.fixture
def client(people: dict[str, Person]) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(people["supervisor"])
    return client


def test_the_editor_takes_out_and_puts_in(
    client: Client, exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one, two = exposed_at("一家店"), exposed_at("二家店")
    issue = draft_of(people)
    address = reverse("bulletin:draft", args=[issue.pk])
    page = client.get(address).content.decode()
    assert "一家店" in page
    assert f'name="exposed" value="{one.pk},{two.pk}"' in page
    sent = {"title": "题", "issuer": "办", "intro": "", "byline": "", "rectified": "", "new": "", "seen": issue.version}
    edit = reverse("bulletin:step", args=[issue.pk, "edit"])
    moved = client.post(edit, sent | {"exposed": f"{one.pk},{two.pk}", "do": f"down:exposed:{one.pk}"})
    assert moved.status_code == 302
    assert column.order_of(issue) == [two.pk, one.pk]
    issue.refresh_from_db()
    assert client.post(edit, sent | {"seen": issue.version}).status_code == 302
    assert column.order_of(issue) == [two.pk, one.pk]
    issue.refresh_from_db()
    client.post(edit, sent | {"exposed": "", "seen": issue.version})
    assert column.order_of(issue) == []
    assert "一家店" in client.get(address).content.decode()
    issue.refresh_from_db()
    client.post(reverse("bulletin:step", args=[issue.pk, "refresh"]), {"seen": issue.version})
    assert set(column.order_of(issue)) == {one.pk, two.pk}


def test_the_editor_says_what_is_over(
    client: Client, exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one = exposed_at()
    issue = draft_of(people)
    exposure.withdraw_exposure(by=people["second"], now=LATER, exposure_id=one.pk, reason="误")
    page = client.get(reverse("bulletin:draft", args=[issue.pk])).content.decode()
    assert "past its last day: 丛林美食" in page
    assert re.search(rf'class="item wrong" id="row-{one.pk}"', page)


def test_the_api_tells_and_sets_the_column(
    client: Client, exposed_at: Callable[..., Any], people: dict[str, Person]
) -> None:
    one, two = exposed_at("一"), exposed_at("二")
    issue = draft_of(people)
    address = f"/api/v1/bulletins/{issue.pk}/"
    assert client.get(address).json()["exposed"] == [str(one.pk), str(two.pk)]
    answer = client.patch(address, json.dumps({"exposed": [str(two.pk)]}), content_type="application/json")
    assert answer.json()["exposed"] == [str(two.pk)]
    refused = client.patch(address, json.dumps({"exposed": [str(issue.pk)]}), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_exposure")


def test_the_public_search_finds_an_exposed_venue(exposed_at: Callable[..., Any], people: dict[str, Person]) -> None:
    one = exposed_at("丛林美食")
    issue = publish(draft_of(people), by=people["supervisor"], second=people["second"])
    (hit,) = public.hits_for(["丛林美食", "口罩"])
    assert hit.lines[0].url.endswith(f"{issue.pk}/#exposure-{one.pk}")
    page = Client().get(reverse("bulletin:public_issue", args=[issue.pk])).content.decode()
    assert f'id="exposure-{one.pk}"' in page
