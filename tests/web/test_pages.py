"""The desk and the shell around it: who sees what, in which language, with how many queries, and where links lead."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from duban.access.models import Person
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions

pytestmark = pytest.mark.django_db
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
LATER = NOON + timedelta(hours=2)


def fill_ledger(count: int = 3) -> Person:
    """Entries found, listed and assigned, `count` of each, all long overdue by today; returns the supervisor."""
    supervisor, inspector = make_person("boss"), make_person("eyes", "inspector")
    for seed in range(3 * count):
        finding = make_finding(seed, photos=(make_photo(seed, by=inspector),), responsible="110112106")
        entry = actions.record_finding(by=inspector, now=NOON, finding=finding).entry
        if seed % 3:
            actions.list_entry(by=supervisor, now=LATER, entry_id=entry.id)
        if seed % 3 == 2:
            actions.assign_entry(by=supervisor, now=LATER, entry_id=entry.id, unit="110112106")
    return supervisor


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
    with django_assert_max_num_queries(16):
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
