"""Tokens for programs: what each scope opens, when one is good, and that the person's rights still decide."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from duban.access import actions
from duban.access.models import ApiToken, Person
from duban.bulletin.actions import draft_issue
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import make_person

pytestmark = pytest.mark.django_db
READ = "/api/v1/entries/categories"
WRITE = "/api/v1/entries/00000000-0000-4000-8000-000000000001/close"


@pytest.fixture
def person() -> Person:
    return make_person("sun")


def make(person: Person, *scopes: str) -> str:
    _token, secret = actions.make_token(by=person, now=clock.now(), name="tablet", scopes=scopes, days=30)
    return secret


def call(client: Client, secret: str, path: str = READ, method: str = "get"):
    return client.generic(
        method.upper(), path, b"{}", content_type="application/json", headers={"authorization": f"Bearer {secret}"}
    )


def test_a_token_reads_without_a_session(client: Client, person: Person) -> None:
    secret = make(person, "read")
    assert secret.startswith("duban_")
    assert call(client, secret).status_code == 200
    assert client.get(READ).status_code == 401


def test_the_secret_is_stored_nowhere(person: Person) -> None:
    secret = make(person, "read")
    token = ApiToken.objects.get()
    assert secret not in str(vars(token))
    assert len(token.digest) == 64


@pytest.mark.parametrize(
    ("scope", "path", "method"),
    [
        ("write", WRITE, "post"),
        ("photos", "/api/v1/evidence/" + "0" * 64, "put"),
        ("bulletins", "/api/v1/bulletins/", "post"),
    ],
)
def test_each_scope_opens_its_own_room(client: Client, person: Person, scope: str, path: str, method: str) -> None:
    others = {"read", "write", "photos", "bulletins"} - {scope}
    refused = call(client, make(person, *others), path, method)
    if refused.status_code in (404, 405):
        pytest.fail(f"{path} is no address for {method}")
    assert (refused.status_code, refused.json()["code"]) == (403, "token_scope")
    assert call(client, make(person, scope), path, method).json().get("code") != "token_scope"
    assert call(client, make(person, scope)).json()["code"] == "token_scope"


def test_unknown_revoked_and_expired_tokens_answer_alike(client: Client, person: Person) -> None:
    revoked, expired = make(person, "read"), make(person, "read")
    actions.revoke_token(by=person, now=clock.now(), token_id=ApiToken.objects.order_by("pk").first().pk)
    ApiToken.objects.filter(revoked=None).update(expires=clock.now() - timedelta(seconds=1))
    for secret in (revoked, expired, "duban_nonsense", "", "x y"):
        answer = call(client, secret)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_token"), secret


def test_a_closed_account_or_one_time_password_stops_the_token(client: Client, person: Person) -> None:
    secret = make(person, "read")
    Person.objects.update(must_change_password=True)
    assert call(client, secret).json()["code"] == "password_must_change"
    Person.objects.update(must_change_password=False, is_active=False)
    assert call(client, secret).json()["code"] == "bad_token"


def test_what_is_open_to_anybody_heeds_a_token_where_one_is_shown(client: Client, person: Person) -> None:
    draft = draft_issue(by=person, now=clock.now())
    path = f"/api/v1/bulletins/{draft.pk}/"
    assert client.get(path).status_code == 404
    assert call(client, make(person, "read"), path).status_code == 200
    assert call(client, "duban_nonsense", path).json()["code"] == "bad_token"


def test_the_persons_own_rights_still_decide(client: Client) -> None:
    worker = make_person("wu", "community_worker")
    answer = call(client, make(worker, "read"), "/api/v1/entries/")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_it_costs_at_most_two_queries_and_notes_the_use_once_a_minute(client: Client, person: Person) -> None:
    secret = make(person, "read")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert call(client, secret).status_code == 200
        assert not [query for query in queries if "django_session" in query["sql"]]
        return len([query for query in queries if "access_apitoken" in query["sql"]])

    assert cost() == 2
    used = ApiToken.objects.get().last_used
    assert used is not None
    assert cost() == 1
    assert ApiToken.objects.get().last_used == used
    ApiToken.objects.update(last_used=used - timedelta(minutes=2))
    assert cost() == 2
    assert ApiToken.objects.get().last_used >= used


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "token_name"),
        ({"name": "n" * 61}, "token_name"),
        ({"scopes": []}, "unknown_scope"),
        ({"scopes": ["read", "all"]}, "unknown_scope"),
        ({"days": 0}, "token_days"),
        ({"days": 400}, "token_days"),
    ],
)
def test_bad_tokens_are_not_made(person: Person, changes: dict, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        actions.make_token(**{"by": person, "now": clock.now(), "name": "n", "scopes": ["read"], "days": 9} | changes)
    assert refusal.value.code == code


def test_the_page_shows_the_secret_once_and_revokes(client: Client, person: Person) -> None:
    client.force_login(person)
    address = reverse("access:tokens")
    made = client.post(address, {"name": "tablet", "scopes": ["read"], "days": "30"})
    secret = made.context["secret"]
    assert secret in made.content.decode()
    assert secret not in client.get(address).content.decode()
    assert call(Client(), secret).status_code == 200
    token = ApiToken.objects.get()
    stranger = Client()
    stranger.force_login(make_person("li"))
    assert stranger.post(reverse("access:end_token", args=[token.pk])).status_code == 404
    assert client.post(reverse("access:end_token", args=[token.pk])).status_code == 302
    assert call(Client(), secret).status_code == 401
    assert AuditRecord.objects.filter(action__in=["make_token", "revoke_token"]).count() == 2
