"""What is found on the register is what holds the words, whichever way leads to it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.access.models import Person
from duban.core.text import folded
from duban.demo.builders import NOON, make_person
from duban.venues import search
from duban.venues.actions import VenueEdit, edit_venue, record_venue
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
TOWN = "110112110"
LETTERS = st.text("好味面馆店aBé1 ﹪%_'\"*-", max_size=6)


@settings(max_examples=30, deadline=None)
@given(names=st.lists(LETTERS, max_size=6), sought=LETTERS)
def test_the_index_and_the_walk_find_the_same(names: list[str], sought: str) -> None:
    Venue.objects.all().delete()
    person = Person.objects.filter(username="finder").first() or make_person("finder")
    for name in names:
        if folded(name):
            record_venue(by=person, now=NOON, name=name, kind="shop", jurisdiction=TOWN)
    found = set(search.matching(Venue.objects.all(), sought))
    assert found == {
        venue for venue in Venue.objects.all() if all(folded(word) in venue.search for word in sought.split())
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "INDEX", replace(search.INDEX, rare=-1))
        assert set(search.matching(Venue.objects.all(), sought)) == found


def test_a_venue_is_found_by_its_new_name_and_no_more_by_the_old(supervisor: Person) -> None:
    venue = record_venue(by=supervisor, now=NOON, name="好味面馆", kind="shop", jurisdiction=TOWN)
    edit_venue(by=supervisor, now=NOON, venue_id=venue.pk, edit=VenueEdit(name="川香火锅"))
    assert not search.matching(Venue.objects.all(), "好味")
    for text in ("川香", "火", "chuanxiang", "cxhg"):
        assert list(search.matching(Venue.objects.all(), text)) == [venue], text
    venue.delete()
    assert not search.matching(Venue.objects.all(), "川香")


def test_what_is_rare_is_led_to_by_the_index(supervisor: Person, django_assert_num_queries: Any) -> None:
    record_venue(by=supervisor, now=NOON, name="好味面馆", kind="shop", jurisdiction=TOWN)
    with django_assert_num_queries(2):
        assert len(search.matching(Venue.objects.all(), "面馆")) == 1
