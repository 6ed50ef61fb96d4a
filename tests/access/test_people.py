"""Administration of people: only within one's own area, never of one's own rights, always one administrator left."""

import pytest
from django.test import Client
from django.urls import reverse

from duban.access import actions
from duban.access.models import Person, Role, RoleAt
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import make_person

pytestmark = pytest.mark.django_db
TOWN, OTHER_TOWN, DISTRICT = "110112106", "110112110", "110112"


@pytest.fixture
def chief() -> Person:
    return make_person("chief", "administrator", TOWN)


def act(action, by: Person, **more):
    return action(by=Person.objects.get(pk=by.pk), now=clock.now(), **more)


def refusal_of(action, by: Person, **more) -> str:
    try:
        act(action, by, **more)
    except DubanError as refusal:
        return refusal.code
    return ""


def refused(action, by: Person, **more) -> str:
    with pytest.raises(DubanError) as refusal:
        act(action, by, **more)
    return refusal.value.code


def test_a_new_person_comes_with_a_role_and_a_one_time_password(chief: Person) -> None:
    person, password = act(actions.add_colleague, chief, username="wu", role="handler", at=TOWN, kind="event")
    assert person.check_password(password)
    assert person.must_change_password
    assert person.held_roles == [("handler", TOWN, "event")]
    record = AuditRecord.objects.get(action="add_person", actor__username="chief")
    assert password not in str(record.detail)


@pytest.mark.parametrize("at", [OTHER_TOWN, DISTRICT])
def test_nothing_is_given_beyond_the_own_code(chief: Person, at: str) -> None:
    assert refused(actions.add_colleague, chief, username="wu", role="handler", at=at) == "not_allowed"
    wu = make_person("wu", "handler", TOWN)
    assert refused(actions.give_role, chief, person_id=wu.pk, role="handler", at=at) == "not_allowed"
    assert not Person.objects.filter(roles__code=at).exists()


def test_people_of_elsewhere_are_not_there(chief: Person) -> None:
    li = make_person("li", "handler", OTHER_TOWN)
    held = RoleAt.objects.get(person=li)
    for action, more in [
        (actions.give_role, {"person_id": li.pk, "role": "handler", "at": TOWN}),
        (actions.close_account, {"person_id": li.pk}),
        (actions.open_account, {"person_id": li.pk}),
        (actions.reset_password, {"person_id": li.pk}),
        (actions.unlock_person, {"person_id": li.pk}),
    ]:
        assert refused(action, chief, **more) == "unknown_person"
    assert refused(actions.take_role, chief, role_id=held.pk) == "unknown_role_held"
    assert refused(actions.add_colleague, chief, username="li", role="handler", at=TOWN) == "username_taken"


def test_a_town_does_not_close_or_take_over_an_account_of_the_district(chief: Person) -> None:
    li = make_person("li", "leader", DISTRICT)
    RoleAt.objects.create(person=li, role="handler", code=TOWN)
    for action in (actions.close_account, actions.reset_password):
        assert refused(action, chief, person_id=li.pk) == "beyond_your_area"
    act(actions.take_role, chief, role_id=RoleAt.objects.get(person=li, code=TOWN).pk)
    assert Person.objects.get(pk=li.pk).held_roles == [("leader", DISTRICT, "")]


def test_nobody_lifts_their_own_rights(chief: Person) -> None:
    for role in ("supervisor", "administrator"):
        assert refused(actions.give_role, chief, person_id=chief.pk, role=role, at=TOWN) == "own_rights"
    for action in (actions.close_account, actions.reset_password):
        assert refused(action, chief, person_id=chief.pk) == "own_account"


def test_others_administer_nothing() -> None:
    wu, li = make_person("wu", "supervisor", DISTRICT), make_person("li", "handler", TOWN)
    assert refused(actions.add_colleague, wu, username="x", role="handler", at=TOWN) == "not_allowed"
    assert refused(actions.reset_password, wu, person_id=li.pk) == "unknown_person"


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize(("at", "inside"), [(DISTRICT, True), (TOWN, True), (OTHER_TOWN, False), (TOWN + "251", False)])
def test_who_may_what_by_role_and_scope(role: str, at: str, inside: bool, client: Client) -> None:
    """Every action and page of this kind, by every role at four places, on a handler of one town."""
    by, wu = make_person("by", role, at), make_person("wu", "handler", TOWN)
    make_person("keeper", "administrator", DISTRICT)
    may = inside and role == Role.ADMINISTRATOR
    held = RoleAt.objects.get(person=wu)
    codes = [
        refusal_of(actions.give_role, by, person_id=wu.pk, role="inspector", at=TOWN),
        refusal_of(actions.close_account, by, person_id=wu.pk),
        refusal_of(actions.open_account, by, person_id=wu.pk),
        refusal_of(actions.unlock_person, by, person_id=wu.pk),
        refusal_of(actions.reset_password, by, person_id=wu.pk),
        refusal_of(actions.take_role, by, role_id=held.pk),
        refusal_of(actions.add_colleague, by, username="new", role="handler", at=TOWN),
    ]
    assert codes == [""] * 7 if may else codes == ["unknown_person"] * 5 + ["unknown_role_held", "not_allowed"]
    client.force_login(Person.objects.get(pk=by.pk))
    answers = [
        client.get(reverse("access:people")).status_code,
        client.get(reverse("access:add_person")).status_code,
        client.get(reverse("access:person", args=[wu.pk])).status_code,
    ]
    if may:
        assert answers == [200, 200, 200]
    else:
        assert answers == ([200, 200, 404] if role == Role.ADMINISTRATOR else [403, 403, 403])


def test_the_last_administrator_of_an_area_stays(chief: Person) -> None:
    own = RoleAt.objects.get(person=chief)
    assert refused(actions.take_role, chief, role_id=own.pk) == "last_administrator"
    second = make_person("second", "administrator", DISTRICT)
    Person.objects.filter(pk=second.pk).update(is_active=False)
    assert refused(actions.take_role, chief, role_id=own.pk) == "last_administrator"
    Person.objects.filter(pk=second.pk).update(is_active=True)
    act(actions.take_role, chief, role_id=own.pk)
    assert not RoleAt.objects.filter(person=chief).exists()


def test_the_last_administrator_is_not_closed_by_a_stand_in(chief: Person) -> None:
    taker = make_person("li", "handler", TOWN)
    now = clock.now()
    actions.start_delegation(by=chief, now=now, taker="li", start=now, end=now.replace(year=now.year + 1))
    assert refused(actions.close_account, taker, person_id=chief.pk) == "beyond_your_area"
    assert refused(actions.reset_password, taker, person_id=chief.pk) == "beyond_your_area"
    assert refused(actions.give_role, taker, person_id=taker.pk, role="administrator", at=TOWN) == "own_rights"
    wu, _password = act(actions.add_colleague, taker, username="wu", role="handler", at=TOWN)
    record = AuditRecord.objects.get(action="add_person", subject_id=wu.pk)
    assert ["administrator", TOWN, {"for": "chief"}] in record.actor["roles"]


def test_who_lost_the_last_role_is_still_found_by_the_area_that_opened_the_account(chief: Person) -> None:
    wu = make_person("wu", "handler", TOWN)
    act(actions.take_role, chief, role_id=RoleAt.objects.get(person=wu).pk)
    act(actions.give_role, chief, person_id=wu.pk, role="inspector", at=TOWN)
    act(actions.give_role, chief, person_id=wu.pk, role="inspector", at=TOWN)
    assert AuditRecord.objects.filter(action="give_role").count() == 1
    assert Person.objects.get(pk=wu.pk).held_roles == [("inspector", TOWN, "")]


def test_closing_ends_the_session_and_opening_brings_the_roles_back(chief: Person, client: Client) -> None:
    wu = make_person("wu", "supervisor", TOWN)
    client.force_login(wu)
    act(actions.close_account, chief, person_id=wu.pk)
    assert client.get(reverse("web:desk")).status_code == 302
    act(actions.open_account, chief, person_id=wu.pk)
    assert Person.objects.get(pk=wu.pk).held_roles == [("supervisor", TOWN, "")]
    assert list(AuditRecord.objects.filter(subject_id=wu.pk).order_by("pk").values_list("action", flat=True)) == [
        "add_person",
        "close_account",
        "open_account",
    ]


def test_a_reset_ends_sessions_and_tokens(chief: Person, client: Client) -> None:
    wu = make_person("wu", "supervisor", TOWN)
    client.force_login(wu)
    token, _secret = actions.make_token(by=wu, now=clock.now(), name="n", scopes=["read"], days=3)
    password = act(actions.reset_password, chief, person_id=wu.pk)
    assert client.get(reverse("web:desk"))["Location"].startswith(reverse("access:login"))
    token.refresh_from_db()
    assert token.revoked
    wu.refresh_from_db()
    assert wu.check_password(password)
    assert wu.must_change_password


# ---- pages ----------------------------------------------------------------------------------------------------------


def test_the_list_is_of_the_area_searched_and_paged(
    chief: Person, client: Client, django_assert_max_num_queries
) -> None:
    for number in range(60):
        make_person(f"wu{number:02}", "handler", TOWN)
    make_person("li", "handler", OTHER_TOWN, name="李远方")
    client.force_login(chief)
    with django_assert_max_num_queries(9):
        page = client.get(reverse("access:people")).content.decode()
    assert "wu00" in page
    assert "wu59" not in page
    assert "李远方" not in page
    assert "wu59" in client.get(reverse("access:people"), {"page": 2}).content.decode()
    found = client.get(reverse("access:people"), {"q": "wu59"}).content.decode()
    assert "wu59" in found
    assert "wu01" not in found
    assert client.get(reverse("access:people"), {"q": "李"}).status_code == 200
    assert client.get(reverse("access:people"), {"q": "\x00"}).status_code == 200


def test_pages_are_closed_to_others_and_to_elsewhere(chief: Person, client: Client) -> None:
    li = make_person("li", "handler", OTHER_TOWN)
    client.force_login(li)
    for name in ("access:people", "access:add_person"):
        assert client.get(reverse(name)).status_code == 403
    client.force_login(chief)
    assert client.get(reverse("access:person", args=[li.pk])).status_code == 404
    for name in ("close_account", "open_account", "unlock_person", "reset_password"):
        assert client.post(reverse(f"access:{name}", args=[li.pk])).status_code == 404
        assert client.get(reverse(f"access:{name}", args=[li.pk])).status_code == 405


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_adding_giving_taking_closing_by_the_pages(chief: Person, client: Client, language: str) -> None:
    client.force_login(chief)
    head = {"headers": {"accept-language": language}}
    form = {"username": "wu", "name": "吴", "role": "handler", "at": TOWN, "kind": ""}
    bad = client.post(reverse("access:add_person"), form | {"at": OTHER_TOWN}, **head)
    assert "not_allowed" in bad.content.decode()
    assert client.post(reverse("access:add_person"), form | {"at": "1"}, **head).context["form"].errors["at"]
    made = client.post(reverse("access:add_person"), form, **head)
    assert made.context["password"] in made.content.decode()
    wu = Person.objects.get(username="wu")
    address = reverse("access:person", args=[wu.pk])
    assert client.post(address, {"role": "inspector", "at": TOWN, "kind": "component"}, **head).status_code == 302
    role = RoleAt.objects.get(person=wu, role="inspector")
    assert client.post(reverse("access:take_role", args=[wu.pk, role.pk]), **head)["Location"] == address
    assert client.post(reverse("access:close_account", args=[wu.pk]), **head)["Location"] == address
    assert client.post(reverse("access:open_account", args=[wu.pk]), **head)["Location"] == address
    reset = client.post(reverse("access:reset_password", args=[wu.pk]), {"second_factor_too": "on"}, **head)
    assert reset.context["password"] in reset.content.decode()
    assert client.get(address, **head).status_code == 200


def test_taking_ones_own_last_role_leads_to_ones_own_page(chief: Person, client: Client) -> None:
    make_person("second", "administrator", DISTRICT)
    client.force_login(chief)
    role = RoleAt.objects.get(person=chief)
    Person.objects.filter(pk=chief.pk).update(home="")
    answer = client.post(reverse("access:take_role", args=[chief.pk, role.pk]))
    assert answer["Location"] == reverse("access:own")
