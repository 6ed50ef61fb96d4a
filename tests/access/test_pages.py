"""Login, the one-time password, one's own page: who gets in where, and what is said when not."""

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.urls import reverse

from duban.access.models import Person
from duban.core.models import AuditRecord
from duban.demo.builders import make_person

PASSWORD = "kept-by-me-alone"
pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Person:
    person = make_person("sun", name="孙督办")
    person.set_password(PASSWORD)
    person.save()
    return person


def log_in(client: Client, password: str = PASSWORD, **more: str):
    return client.post(reverse("access:login"), {"username": "sun", "password": password, **more})


def test_login_leads_to_the_desk(client: Client, person: Person) -> None:
    assert log_in(client)["Location"] == reverse("web:desk")
    assert client.get(reverse("access:login"))["Location"] == reverse("web:desk")


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_login_leads_nowhere_else(client: Client, person: Person, target: str) -> None:
    assert log_in(client, next=target)["Location"] == reverse("web:desk")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_wrong_password_is_told_at_the_form_and_lets_nobody_in(client: Client, person: Person, language: str) -> None:
    answer = client.post(
        reverse("access:login"), {"username": "sun", "password": "wrong"}, headers={"accept-language": language}
    )
    assert answer.status_code == 200
    words = {"zh-hans": "用户名与密码不符", "en": "do not belong together"}[language]
    assert words in answer.content.decode()
    assert not get_user(client).is_authenticated


def test_a_closed_account_does_not_open(client: Client, person: Person) -> None:
    person.is_active = False
    person.save()
    assert log_in(client).status_code == 200
    assert not get_user(client).is_authenticated


def test_logout_is_a_post(client: Client, person: Person) -> None:
    client.force_login(person)
    assert client.get(reverse("access:logout")).status_code == 405
    assert client.post(reverse("access:logout"))["Location"] == reverse("web:home")
    assert not get_user(client).is_authenticated


@pytest.mark.parametrize("name", ["web:desk", "access:own", "access:change_password"])
def test_nobody_unknown_sees_staff_pages(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("access:login"))


@pytest.mark.parametrize("name", ["web:desk", "access:own", "web:home"])
def test_a_one_time_password_opens_only_the_page_that_ends_it(client: Client, person: Person, name: str) -> None:
    person.must_change_password = True
    person.save()
    client.force_login(person)
    assert client.get(reverse(name))["Location"] == reverse("access:change_password")
    assert client.get("/no/such/page").status_code == 404
    assert client.get(reverse("access:change_password")).status_code == 200
    assert client.post(reverse("set_language"), {"language": "en"}).status_code == 302


def test_the_api_says_so_as_json(client: Client, person: Person) -> None:
    person.must_change_password = True
    person.save()
    client.force_login(person)
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 403
    assert answer.json()["code"] == "password_must_change"


def test_changing_it_ends_the_one_time_state_keeps_the_session_and_is_audited(client: Client, person: Person) -> None:
    person.must_change_password = True
    person.save()
    log_in(client)
    new = {"old_password": PASSWORD, "new_password1": "quite-another-one", "new_password2": "quite-another-one"}
    assert client.post(reverse("access:change_password"), new)["Location"] == reverse("web:desk")
    person.refresh_from_db()
    assert not person.must_change_password
    assert person.check_password("quite-another-one")
    assert client.get(reverse("web:desk")).status_code == 200
    assert AuditRecord.objects.filter(action="change_own_password").count() == 1


@pytest.mark.parametrize(
    ("old", "first", "second", "field"),
    [
        ("wrong", "quite-another-one", "quite-another-one", "old_password"),
        (PASSWORD, "quite-another-one", "quite-another-two", "new_password2"),
        (PASSWORD, "short", "short", "new_password2"),
        (PASSWORD, "password12345678", "password12345678", None),
        (PASSWORD, "1234567890", "1234567890", "new_password2"),
        (PASSWORD, PASSWORD, PASSWORD, "new_password1"),
        (PASSWORD, "", "", "new_password1"),
    ],
)
def test_a_bad_new_password_is_refused_at_its_field(
    client: Client, person: Person, old: str, first: str, second: str, field: str | None
) -> None:
    client.force_login(person)
    answer = client.post(
        reverse("access:change_password"), {"old_password": old, "new_password1": first, "new_password2": second}
    )
    if field is None:
        assert answer.status_code == 302
        return
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert f'id="id_{field}_mend"' in answer.content.decode()
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_own_page_lists_roles_with_their_places(client: Client, person: Person) -> None:
    client.force_login(person)
    page = client.get(reverse("access:own"), headers={"accept-language": "zh-hans"}).content.decode()
    assert "督办员" in page
    assert "110112" in page


def test_passwords_are_not_shown_again(client: Client, person: Person) -> None:
    assert "my-secret-guess" not in log_in(client, "my-secret-guess").content.decode()
