"""The way in: lock-out after wrong passwords, the second factor with real codes, sessions that end elsewhere."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from duban.access import actions
from duban.access.models import Person
from duban.core import clock
from duban.core.models import AuditRecord
from duban.demo.builders import make_person

PASSWORD = "kept-by-me-alone"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_tries_remembered() -> None:
    cache.clear()


@pytest.fixture
def person() -> Person:
    person = make_person("sun", name="孙督办")
    person.set_password(PASSWORD)
    person.save()
    return person


def log_in(client: Client, password: str = PASSWORD, language: str = "en", **more: str):
    return client.post(
        reverse("access:login"),
        {"username": "sun", "password": password},
        headers={"accept-language": language},
        **more,
    )


def code_now(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


def set_up(client: Client) -> str:
    """Goes the whole way as a person does; returns the key that the phone keeps."""
    address = reverse("mfa_activate_totp")
    asked = client.get(address)
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert client.post(asked["Location"], {"password": PASSWORD, "next": address})["Location"] == address
    page = client.get(address)
    assert "data:image/svg+xml;base64," in page.content.decode()
    secret = page.context["form"].secret
    answer = client.post(address, {"code": code_now(secret)})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    cache.clear()
    return secret


# ---- lock-out -------------------------------------------------------------------------------------------------------


def test_five_wrong_passwords_lock_out_with_the_time_of_the_next_try(client: Client, person: Person) -> None:
    answers = [log_in(client, "wrong") for _try in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    locked = log_in(client)
    assert locked.status_code == 429
    assert re.search(r"Try again after \d\d:\d\d", locked.content.decode())
    assert "locked_out" in locked.content.decode()
    assert not get_user(client).is_authenticated


def test_a_lock_out_is_for_that_address_and_ends_with_time(client: Client, person: Person) -> None:
    for _try in range(5):
        log_in(client, "wrong")
    assert log_in(Client(), REMOTE_ADDR="10.0.0.7").status_code == 302
    AccessAttempt.objects.update(attempt_time=clock.now() - settings.AXES_COOLOFF_TIME - timedelta(minutes=1))
    assert log_in(client).status_code == 302


def test_a_good_login_forgets_the_wrong_ones(client: Client, person: Person) -> None:
    for _try in range(4):
        log_in(client, "wrong")
    assert log_in(client).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_no_password_is_kept_with_the_failures(client: Client, person: Person) -> None:
    log_in(client, "my-secret-guess")
    attempt = AccessAttempt.objects.get()
    assert "my-secret-guess" not in attempt.post_data + attempt.get_data


def test_an_administrator_unlocks(client: Client, person: Person) -> None:
    for _try in range(5):
        log_in(client, "wrong")
    chief = make_person("chief", "administrator")
    office = Client()
    office.force_login(chief)
    page = office.get(reverse("access:person", args=[person.pk]), headers={"accept-language": "en"})
    assert "locked until" in page.content.decode()
    assert office.post(reverse("access:unlock_person", args=[person.pk])).status_code == 302
    assert log_in(client).status_code == 302
    assert AuditRecord.objects.filter(action="unlock_person", subject_id=person.pk).exists()


# ---- second factor --------------------------------------------------------------------------------------------------


def test_with_a_second_factor_the_password_alone_opens_nothing(client: Client, person: Person) -> None:
    log_in(client)
    secret = set_up(client)
    assert AuditRecord.objects.filter(action="set_up_second_factor").count() == 1
    other = Client()
    half = log_in(other)
    assert half["Location"] == reverse("mfa_authenticate")
    assert not get_user(other).is_authenticated
    assert other.get(reverse("web:desk"))["Location"].startswith(reverse("access:login"))
    wrong = other.post(reverse("mfa_authenticate"), {"code": "000000"}, headers={"accept-language": "en"})
    assert wrong.status_code == 200
    assert "does not fit" in wrong.content.decode()
    assert other.post(reverse("mfa_authenticate"), {"code": code_now(secret)})["Location"] == reverse("web:desk")
    assert get_user(other) == person


def test_the_target_survives_the_second_step(client: Client, person: Person) -> None:
    log_in(client)
    secret = set_up(client)
    other = Client()
    target = reverse("access:own")
    other.post(reverse("access:login"), {"username": "sun", "password": PASSWORD, "next": target})
    assert other.post(reverse("mfa_authenticate"), {"code": code_now(secret)})["Location"] == target


def test_a_recovery_code_opens_once(client: Client, person: Person) -> None:
    log_in(client)
    set_up(client)
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    assert len(codes) == 10
    for expected in (302, 200):
        other = Client()
        log_in(other)
        assert other.post(reverse("mfa_authenticate"), {"code": codes[0]}).status_code == expected
    assert client.post(reverse("mfa_generate_recovery_codes")).status_code == 302
    assert not set(codes) & set(client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"])


def test_guessing_codes_is_stopped(client: Client, person: Person) -> None:
    log_in(client)
    secret = set_up(client)
    other = Client()
    log_in(other)
    for _try in range(6):
        other.post(reverse("mfa_authenticate"), {"code": "000000"})
    answer = other.post(reverse("mfa_authenticate"), {"code": code_now(secret)}, headers={"accept-language": "en"})
    assert "Too many tries" in answer.content.decode()
    assert not get_user(other).is_authenticated


def test_the_database_holds_no_key_in_the_clear(client: Client, person: Person) -> None:
    log_in(client)
    secret = set_up(client)
    assert all(secret not in str(data) for data in Authenticator.objects.values_list("data", flat=True))


def test_removing_it_is_a_post_after_the_password(client: Client, person: Person) -> None:
    log_in(client)
    set_up(client)
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 200
    assert Authenticator.objects.exists()
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()
    assert log_in(Client())["Location"] == reverse("web:desk")


@pytest.mark.parametrize("name", ["mfa_index", "mfa_activate_totp", "usersessions_list", "account_reauthenticate"])
def test_a_one_time_password_opens_none_of_these(client: Client, person: Person, name: str) -> None:
    person.must_change_password = True
    person.save()
    client.force_login(person)
    assert client.get(reverse(name))["Location"] == reverse("access:change_password")


def test_an_installation_can_ask_administrators_for_it(client: Client, settings) -> None:
    settings.DUBAN_REQUIRE_MFA = True
    for username, role, expected in (("chief", "administrator", 302), ("sun", "supervisor", 200)):
        client.force_login(make_person(username, role))
        assert client.get(reverse("web:desk")).status_code == expected
    chief = Person.objects.get(username="chief")
    chief.set_password(PASSWORD)
    chief.save()
    client.force_login(chief)
    assert client.get(reverse("web:desk"))["Location"] == reverse("mfa_activate_totp")
    refused = client.get("/api/v1/entries/categories")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_needed")
    set_up(client)
    assert client.get(reverse("web:desk")).status_code == 200


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_nobody_signs_up_or_resets_by_mail(client: Client, language: str) -> None:
    for path in ("signup/", "password/reset/", "email/", "login/code/"):
        assert client.get(f"/account/{path}", headers={"accept-language": language}).status_code == 404


# ---- sessions -------------------------------------------------------------------------------------------------------


def test_signing_out_elsewhere_ends_the_other_session_alone(client: Client, person: Person) -> None:
    other, third = Client(), Client()
    for each in (client, other, third):
        log_in(each)
    rows = client.get(reverse("usersessions_list")).context["rows"]
    assert [here for _session, here in rows].count(True) == 1
    theirs = next(session for session, _here in rows if session.session_key == other.session.session_key)
    client.post(reverse("usersessions_list"), {"session": theirs.pk})
    assert not get_user(other).is_authenticated
    assert get_user(third).is_authenticated
    client.post(reverse("usersessions_list"))
    assert not get_user(third).is_authenticated
    assert get_user(client).is_authenticated


def test_nobody_ends_a_session_of_somebody_else(client: Client, person: Person) -> None:
    log_in(client)
    stranger = Client()
    stranger.force_login(make_person("li"))
    session = client.get(reverse("usersessions_list")).context["rows"][0][0]
    stranger.post(reverse("usersessions_list"), {"session": session.pk})
    stranger.post(reverse("usersessions_list"), {"session": "x"})
    assert get_user(client).is_authenticated


def test_a_new_password_ends_the_other_sessions(client: Client, person: Person) -> None:
    other = Client()
    log_in(client)
    log_in(other)
    new = {"old_password": PASSWORD, "new_password1": "quite-another-one", "new_password2": "quite-another-one"}
    client.post(reverse("access:change_password"), new)
    assert get_user(client).is_authenticated
    assert not get_user(other).is_authenticated
    assert [here for _session, here in client.get(reverse("usersessions_list")).context["rows"]] == [True]


def test_the_console_lets_back_in_who_lost_everything(client: Client, person: Person) -> None:
    log_in(client)
    set_up(client)
    password = actions.reset_login(username="sun", now=clock.now())
    assert not get_user(client).is_authenticated
    assert log_in(client, password)["Location"] == reverse("web:desk")
    assert client.get(reverse("web:desk"))["Location"] == reverse("access:change_password")


def test_a_page_asks_for_session_person_roles_and_bell_alone(
    client: Client, person: Person, django_assert_num_queries
) -> None:
    log_in(client)
    with django_assert_num_queries(4):
        assert client.get("/account/stand-in/").status_code == 200
