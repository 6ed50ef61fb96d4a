"""The list answers what its address asks, every row once, on whatever page; found against the rows themselves."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from duban.access.models import Person
from duban.commons.models import ChangeOf, LifeEvent, Organisation, OrganisationCategory
from duban.commons.register import filters, queries, search
from duban.commons.register.filters import AGES, MEMBERS, BadFilter, Filters, read_filters, write_filters, years_before
from duban.commons.register.paging import COUNTED, ORDERS, page_of
from duban.core.paging import count_of
from duban.core.text import folded, spelled
from duban.demo.builders import NOON, make_person
from duban.places.codes import BadCode

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
NAMES = ("合唱队", "志愿服务队", "书画社", "太极社", "养老互助会", "便民帮")
PLACES = ("110112004", "110112004004", "110112004006", "110112005", "110112005001", "110112", "110113001")


def many(count: int, seed: int = 1) -> list[Organisation]:
    """Organisations of every mixture, written as they are."""
    picked = random.Random(seed)
    categories = list(OrganisationCategory.objects.order_by("key"))
    made = []
    for number in range(count):
        name = f"{picked.choice(NAMES)}{number % 7}"
        place = picked.choice(PLACES)
        founded = picked.choice([None, TODAY - timedelta(days=picked.randrange(0, 8000))])
        one = Organisation(
            name=name, name_key=folded(name), search=" ".join((folded(name), *spelled(name))),
            tier=picked.choice(("registered", "filed", "guided")), kind=picked.choice(("club", "studio", "federation")),
            purpose=picked.choice(("leisure", "service", "self_governance")), category=picked.choice(categories),
            stage=picked.choice(("", "growing")), slots=picked.choice((0, 4, 5)), jurisdiction=place, town=place[:9],
            members=picked.choice((0, 3, 9, 10, 29, 30, 100, 5000)), founded=founded, token=f"t{seed}-{number}",
            added_at=NOON, dissolved_on=picked.choice([None, None, None, TODAY]),
            checked_year=picked.choice((0, 2020, 2021)),
        )  # fmt: skip
        made.append(one)
    Organisation.objects.bulk_create(made)
    search.index(made)
    LifeEvent.objects.bulk_create(
        LifeEvent(
            organisation=one, what=ChangeOf.PURPOSE, on=TODAY, before="leisure", after=one.purpose, by={}, at=NOON
        )
        for one in made[::5]
    )
    return made


def years_old(founded: date) -> int:
    return TODAY.year - founded.year - ((TODAY.month, TODAY.day) < (founded.month, founded.day))


def answers(one: Organisation, wanted: Filters) -> bool:
    """The same question, put to a row by itself."""
    turned = one.life.filter(what="purpose").exists() if wanted.turned else False
    same = ("tier", "category_id", "kind", "purpose", "stage")
    tests: list[bool] = [
        bool(wanted.dissolved) == (one.dissolved_on is not None),
        *(getattr(wanted, name.removesuffix("_id")) in ("", getattr(one, name)) for name in same),
        one.jurisdiction.startswith(wanted.area),
        not wanted.slots or one.slots < 5,
        not wanted.check or one.checked_year < 2021,
        not wanted.turned or turned,
        all(folded(word) in one.search for word in wanted.text.split()),
    ]
    if wanted.members:
        low, _dash, high = wanted.members.partition("-")
        tests.append(int(low or 0) <= one.members <= int(high or 10**9))
    if wanted.age == "unknown":
        tests.append(one.founded is None)
    elif wanted.age:
        low, _dash, high = wanted.age.partition("-")
        tests.append(one.founded is not None and int(low or 0) <= years_old(one.founded) <= int(high or 999))
    return all(tests)


def questions() -> Iterator[Filters]:
    yield Filters()
    yield from (Filters(area=area) for area in ("110112", "110112004", "110112004004", "110113", "110199"))
    yield from (Filters(age=age) for age in (*AGES, "-3", "7-7"))
    yield from (Filters(members=members) for members in (*MEMBERS, "-9", "100-100"))
    yield from (Filters(tier=tier, kind="club") for tier in ("registered", "filed", "guided"))
    yield Filters(purpose="service", stage="growing", slots="empty", check="missing")
    yield Filters(turned="1", category="culture")
    yield Filters(dissolved="1", sort="-members")
    yield Filters(text="合唱 2", sort="founded")
    yield Filters(text="hcd", area="110112004", members="10-", age="5-9", sort="-founded")


def test_the_list_answers_as_the_rows_do() -> None:
    made = many(400)
    for wanted in questions():
        found = filters.matching(Organisation.objects.all(), wanted, TODAY)
        assert {one.pk for one in found} == {one.pk for one in made if answers(one, wanted)}, wanted
        assert count_of(found, COUNTED).number == len(found)


@pytest.mark.parametrize("sort", ORDERS)
def test_every_row_stands_on_one_page_forwards_and_back(sort: str) -> None:
    made = many(137, seed=3)
    keyed = Organisation.objects.all()
    seen: list[Any] = []
    back: list[Any] = []
    cursor, before = "", ""
    while True:
        page = page_of(keyed, sort, cursor, size=10)
        seen += page.organisations
        before = page.earlier
        cursor = page.later
        if not cursor:
            break
    assert len({one.pk for one in seen}) == len(seen) == len(made)
    last = page.organisations
    while before:
        page = page_of(keyed, sort, before, size=10)
        back = [*page.organisations, *back]
        before = page.earlier
    assert [one.pk for one in [*back, *last]] == [one.pk for one in seen]
    late, early = date(9999, 1, 1), date(1, 1, 1)
    keys: dict[str, Any] = {
        "": lambda one: (one.town, one.name_key, str(one.pk)),
        "members": lambda one: one.members,
        "-members": lambda one: -one.members,
        "founded": lambda one: one.founded or late,
        "-founded": lambda one: -(one.founded or early).toordinal(),
    }
    ordered = [keys[sort](one) for one in seen]
    assert ordered == sorted(ordered)


def test_a_row_that_comes_or_goes_between_two_pages_moves_no_other() -> None:
    many(30, seed=5)
    first = page_of(Organisation.objects.all(), size=10)
    first.organisations[3].delete()
    second = page_of(Organisation.objects.all(), cursor=first.later, size=10)
    assert not {one.pk for one in first.organisations} & {one.pk for one in second.organisations}
    assert page_of(Organisation.objects.all(), cursor=second.earlier, size=10).organisations[-1].pk == (
        first.organisations[-1].pk
    )


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "WyJhZnRlciIsICIiLCAxLCAyLCAzXQ", "W1siYSJdLCAiIl0"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    for sort in ORDERS:
        with pytest.raises(BadFilter) as refusal:
            page_of(Organisation.objects.all(), sort, cursor)
        assert refusal.value.code == "bad_cursor"


def test_a_cursor_of_another_sort_is_refused() -> None:
    many(20)
    cursor = page_of(Organisation.objects.all(), "members", size=5).later
    with pytest.raises(BadFilter):
        page_of(Organisation.objects.all(), "founded", cursor)


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("tier=high", "unknown_word", "tier"),
        ("sort=name", "unknown_word", "sort"),
        ("check=1", "unknown_word", "check"),
        ("category=nothing", "unknown_category", "category"),
        ("age=5-3", "bad_range", "age"),
        ("age=-", "bad_range", "age"),
        ("members=many", "bad_range", "members"),
        ("members=12345678", "bad_range", "members"),
        ("founded=١٢", "bad_range", "founded"),
        ("federation=x", "bad_federation", "federation"),
        (f"text={'长' * 101}", "text_too_long", "text"),
        ("text=a%00b", "text_too_long", "text"),
        ("area=12", "bad_code", "area"),
    ],
)
def test_what_cannot_be_understood_is_named(query: str, code: str, field: str) -> None:
    with pytest.raises((BadFilter, BadCode)) as refusal:
        read_filters(QueryDict(query), queries.category_names())
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_an_address_read_and_written_is_the_same_and_its_parts_come_off() -> None:
    names = queries.category_names()
    for wanted in questions():
        assert read_filters(QueryDict(write_filters(wanted)), names) == wanted
        chips = filters.sentence(wanted, names, {})
        said = [name for name, value in vars(wanted).items() if value and name != "sort"]
        assert len(chips) == len(said)
        for chip in chips:
            left = [name for name, value in vars(read_filters(QueryDict(chip.without), names)).items() if value]
            assert len([name for name in left if name != "sort"]) == len(said) - 1


@pytest.mark.parametrize("text", ["age=0-99999", "members=9999999-", "founded=9999999", "founded=0", "age=9999999-"])
def test_ends_of_ranges_are_no_fault(text: str) -> None:
    many(10)
    wanted = read_filters(QueryDict(text), {})
    assert filters.sentence(wanted, {}, {})
    list(filters.matching(Organisation.objects.all(), wanted, TODAY))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.dates(date(1850, 1, 1), date(2100, 1, 1)), st.integers(0, 150))
def test_years_before_agrees_with_birthdays(today: date, born: date, years: int) -> None:
    full = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    assert (born <= years_before(today, years)) == (full >= years)


def test_nobody_sees_what_is_outside_their_area() -> None:
    made = many(200)
    reader: Person = make_person("reader", "leader", "110112004")
    village: Person = make_person("village", "community_worker", "110112004004")
    assert {one.pk for one in queries.visible_to(reader)} == {one.pk for one in made if one.town == "110112004"}
    assert {one.pk for one in queries.visible_to(village)} == {
        one.pk for one in made if one.jurisdiction == "110112004004"
    }
    assert not queries.visible_to(make_person("inspector", "inspector"))
