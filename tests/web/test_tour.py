"""The guided tour: every role walks it from the first step to the last, past pages that it may open."""

import re

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from tests.web.making import fill_ledger, publish

from duban.access.models import Role
from duban.demo.builders import make_person
from duban.web.tour import STEPS

pytestmark = pytest.mark.django_db
ROLES = [str(role.value) for role in Role]
GO = reverse("web:tour_go")


def signed_in(role: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(make_person(role, role, "110112"))
    return client


def card(page: str) -> str:
    found = re.search(r'<aside class="tour".*?</aside>', page, re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize("is_empty", [True, False])
@pytest.mark.parametrize("role", ROLES)
def test_every_role_walks_from_the_first_step_to_the_last(role: str, is_empty: bool) -> None:
    if not is_empty:
        publish()
        fill_ledger(2)
    client = signed_in(role)
    for number, step in enumerate(STEPS, 1):
        answer = client.post(GO, {"to": number}, follow=True)
        assert answer.status_code == 200, (step.key, answer.redirect_chain)
        shown = card(answer.content.decode())
        assert f"Step {number} of 6" in shown, step.key
        assert str(step.title) in shown
        assert f'name="to" value="{number + 1}"' in shown
        assert 'value="0"' not in shown
        assert ("Back" in shown) == (number > 1)
    end = client.post(GO, {"to": len(STEPS) + 1}, follow=True)
    assert end.request["PATH_INFO"] == reverse("web:desk")
    assert card(end.content.decode()) == ""


def test_who_may_not_open_a_page_reads_a_public_one_and_is_told_so() -> None:
    fill_ledger(1)
    worker, supervisor = signed_in("community_worker"), signed_in("supervisor")
    first = worker.post(GO, {"to": 1}, follow=True)
    assert first.request["PATH_INFO"].startswith("/bulletins/")
    assert "this one anybody may read" in card(first.content.decode())
    first = supervisor.post(GO, {"to": 1}, follow=True)
    assert first.request["PATH_INFO"].startswith("/ledger/")
    assert "this one anybody may read" not in card(first.content.decode())


def test_the_card_goes_along_leads_back_and_is_left() -> None:
    client = signed_in("supervisor")
    client.post(GO, {"to": 5})
    elsewhere = card(client.get(reverse("web:desk")).content.decode())
    assert "Step 5 of 6" in elsewhere
    assert "To the page of this step" in elsewhere
    assert "autofocus" not in elsewhere
    assert "Go on at step 5" in client.get(reverse("web:tour")).content.decode()
    left = client.post(GO, {"to": "leave"}, follow=True)
    assert card(left.content.decode()) == ""
    assert "Begin the tour" in client.get(reverse("web:tour")).content.decode()


@pytest.mark.parametrize("wrong", ["", "0", "8", "-1", "1.0", "一", "9" * 400, "next"])
def test_a_step_that_there_is_not(wrong: str) -> None:
    client = signed_in("supervisor")
    answer = client.post(GO, {"to": wrong}, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == ("no_such_step", "to")
    assert card(client.get(reverse("web:desk")).content.decode()) == ""


def test_nobody_is_led_without_having_logged_in() -> None:
    client = Client()
    for answer in (client.get(reverse("web:tour")), client.post(GO, {"to": 1})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("access:login"))
    home = client.get("/")
    assert card(home.content.decode()) == ""
    assert not client.cookies.get("sessionid")


def test_it_is_offered_on_the_desk_of_a_demo_until_it_is_declined(settings: LazySettings) -> None:
    client = signed_in("leader")
    desk = reverse("web:desk")
    assert card(client.get(desk).content.decode()) == ""
    settings.DUBAN_TOUR = True
    assert "New here?" in card(client.get(desk).content.decode())
    assert card(client.get(reverse("ledger:list")).content.decode()) == ""
    client.post(GO, {"to": "leave"})
    assert card(client.get(desk).content.decode()) == ""


def test_a_page_that_a_browser_keeps_is_sent_again_with_the_card_and_without() -> None:
    issue = publish()
    client, url = signed_in("inspector"), reverse("bulletin:public_issue", args=[issue.pk])
    tags = [client.get(url).headers["ETag"]]
    for to in ("6", "leave"):
        client.post(GO, {"to": to})
        tags.append(client.get(url).headers["ETag"])
    assert tags[0] == tags[2] != tags[1]
    assert client.get(url, headers={"if-none-match": tags[0]}).status_code == 304
