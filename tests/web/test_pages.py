"""The desk and the shell around it: who sees what, in which language, with how many queries, and where links lead."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from pytest_django.fixtures import DjangoAssertNumQueries
from tests.web.making import LATER, fill_ledger, publish

from duban.bulletin.actions import draft_issue
from duban.demo.builders import make_person
from duban.web.public import map_points

pytestmark = pytest.mark.django_db
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()


def page(client: Client, name: str, language: str = "zh-hans") -> str:
    answer = client.get(reverse(name), headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_desk_and_the_rooms_it_may_enter(client: Client, role: str) -> None:
    fill_ledger(1)
    client.force_login(make_person(role, role, "110112"))
    shown = page(client, "web:desk")
    assert (reverse("ledger:add") in shown) == (role in {"inspector", "supervisor"})
    sees_ledger = role not in {"health_officer", "community_worker"}
    assert (f'href="{reverse("ledger:list")}"' in shown) == sees_ledger


def test_a_handler_sees_their_own_town_and_nothing_of_another(client: Client) -> None:
    fill_ledger(1)
    client.force_login(make_person("own", "handler", "110112106"))
    assert "110112-2021-000003" in page(client, "web:desk")
    client.force_login(make_person("other", "handler", "110112110"))
    shown = page(client, "web:desk")
    assert "110112-2021" not in shown
    assert "没有待办事项" in shown


def test_a_supervisor_of_another_district_sees_nothing(client: Client) -> None:
    fill_ledger(1)
    client.force_login(make_person("far", "supervisor", "110113"))
    assert "110112-2021" not in page(client, "web:desk")


def test_each_heap_opens_its_rows_in_the_ledger(client: Client) -> None:
    client.force_login(fill_ledger())
    shown = page(client, "web:desk")
    links = re.findall(rf'href="({reverse("ledger:list")}\?[^"]+)"', shown)
    assert links
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("count", [1, 6])
def test_the_desk_asks_the_same_few_questions_however_full(
    client: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(fill_ledger(count))
    with django_assert_max_num_queries(12):
        page(client, "web:desk")


@pytest.mark.parametrize(("language", "heading", "code"), [("zh-hans", "工作台", "zh-Hans"), ("en", "Desk", "en")])
def test_language_follows_the_browser(client: Client, language: str, heading: str, code: str) -> None:
    client.force_login(make_person("sun"))
    shown = page(client, "web:desk", language)
    assert f"<h1>{heading}</h1>" in shown
    assert f'<html lang="{code}">' in shown


def test_chinese_is_what_a_reader_of_neither_language_gets(client: Client) -> None:
    assert '<html lang="zh-Hans">' in page(client, "web:home", "fr")


def test_language_switch_is_kept_and_comes_back_to_the_page(client: Client) -> None:
    client.force_login(make_person("sun"))
    answer = client.post(reverse("set_language"), {"language": "en", "next": "/account/?a=1"})
    assert answer["Location"] == "/account/?a=1"
    assert '<html lang="en">' in page(client, "access:own", "zh-hans")


def test_language_switch_does_not_lead_elsewhere(client: Client) -> None:
    answer = client.post(reverse("set_language"), {"language": "en", "next": "https://elsewhere.example/"})
    assert "elsewhere" not in answer["Location"]


@pytest.mark.parametrize("name", ["web:home", "access:login"])
def test_pages_for_anybody_carry_the_content_policy_and_no_staff_data(client: Client, name: str) -> None:
    fill_ledger(1)
    answer = client.get(reverse(name))
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "110112-2021" not in answer.content.decode()
    assert "boss" not in answer.content.decode()


@pytest.mark.parametrize("name", ["web:home", "web:desk", "access:own", "access:change_password"])
def test_links_and_files_of_a_page_are_there(client: Client, name: str) -> None:
    client.force_login(fill_ledger(1))
    shown = page(client, name)
    for address in set(re.findall(r'(?:href|src|action)="(/[^"#?]*)', shown)):
        if address.startswith(settings.STATIC_URL):
            assert finders.find(address.removeprefix(settings.STATIC_URL)), address
        else:
            try:
                resolve(address)
            except Resolver404:
                pytest.fail(f"{name} links to {address}, which is nowhere")


def test_ids_on_a_page_are_unique(client: Client) -> None:
    client.force_login(fill_ledger(2))
    ids = re.findall(r'\sid="([^"]+)"', page(client, "web:desk"))
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "没有这个页面"), ("en", "There is no such page")])
def test_a_lost_reader_is_told_so_in_their_language(client: Client, language: str, words: str) -> None:
    answer = client.get("/no/such/page", headers={"accept-language": language})
    assert answer.status_code == 404
    assert words in answer.content.decode()


def test_a_form_from_elsewhere_is_not_taken(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(reverse("access:login"), {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "页面打开时间过长" in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "number", "struck"), [("zh-hans", "第192期", "本期销账1处"), ("en", "No. 192", "Struck off: 1")]
)
def test_the_front_page_prints_the_latest_issue(client: Client, language: str, number: str, struck: str) -> None:
    issue = publish()
    shown = page(client, "web:home", language)
    assert number in shown
    assert struck in shown
    assert "清除卫生死角" in shown
    assert "漷县镇第100村" in shown
    address = reverse("bulletin:public_issue", args=[issue.pk])
    assert f"{address}#entry-110112-2021-000001" in shown
    for photo in re.findall(r'src="(/bulletins/photos/[^"]+)"', shown):
        answer = client.get(photo)
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")


def test_the_front_page_tells_only_what_was_published(client: Client) -> None:
    publish()
    fill_ledger(1)
    shown = page(client, "web:home")
    assert shown.count('"lon"') == 3
    assert "路边垃圾堆 0" not in shown
    for name in ("drafter", "approver", "mender", "boss", "孙督办", "赵审核"):
        assert name not in shown


def test_the_front_page_asks_few_questions(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    publish(rectified=2, new=6)
    page(client, "web:home")
    with django_assert_max_num_queries(4):
        page(client, "web:home")


def test_an_entry_that_was_struck_off_later_is_shown_so_on_the_map() -> None:
    old = {"sections": [{"key": "new", "entries": [entry_of("a"), entry_of("b")]}]}
    new = {"sections": [{"key": "rectified", "entries": [entry_of("a")]}]}
    points = map_points([(new, "/2/"), (old, "/1/")])
    assert [(point["id"], point["state"], point["url"]) for point in points] == [
        ("a", "closed", "/2/#entry-a"),
        ("b", "listed", "/1/#entry-b"),
    ]


def entry_of(number: str) -> dict[str, object]:
    category = {"code": "06010", "name": "暴露垃圾", "name_en": ""}
    return {"id": number, "number": number, "category": category, "statement": "", "lon": 116.8, "lat": 39.8}


@pytest.mark.parametrize(
    ("role", "sees"), [("publisher", True), ("supervisor", True), ("leader", False), ("handler", False)]
)
def test_a_draft_lies_on_the_desk_of_who_can_move_it_on(client: Client, role: str, sees: bool) -> None:
    supervisor = fill_ledger(1)
    draft = draft_issue(by=supervisor, now=LATER, at="110112")
    client.force_login(make_person("reader", role, "110112"))
    assert (reverse("bulletin:draft", args=[draft.pk]) in page(client, "web:desk")) == sees


def test_a_refusal_is_a_page_or_for_htmx_a_notice_with_its_code(client: Client) -> None:
    client.force_login(make_person("sun"))
    address = reverse("ledger:entry", args=["00000000-0000-0000-0000-000000000001"])
    whole = client.get(address, headers={"accept-language": "en"})
    part = client.get(address, headers={"accept-language": "en", "hx-request": "true"})
    assert whole.status_code == part.status_code == 404
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "entry_not_found" in whole.content.decode()
    assert 'role="alert"' in part.content.decode()
