"""Plans and due acts of files: made once, moved with what they follow from, and nothing after the end."""

from datetime import timedelta

import pytest
from tests.outbreak.measures.building import due, expose, make_file
from tests.outbreak.people import at

from duban.outbreak.measures.plans import refresh_phases, replan
from duban.outbreak.models import CaseFile

pytestmark = pytest.mark.django_db


def fresh(file: CaseFile) -> CaseFile:
    file.refresh_from_db()
    return file


def test_a_visitor_of_an_area_is_followed_day_by_day() -> None:
    file = make_file(at(20))
    expose(file, at(16), at(20))
    assert replan(now=at(20), file_ids=[file.pk]) == 1
    assert due(file) == [
        ("arrive", "2021-01-20", "", "open"),
        ("reach", "2021-01-20", "", "open"),
        ("test", "2021-01-20", "", "open"),
        ("test", "2021-01-23", "", "open"),
        ("test", "2021-01-30", "", "open"),
        ("test", "2021-01-30", "2", "open"),
        ("release", "2021-01-31", "", "open"),
    ]
    assert (fresh(file).measure, str(file.ends_on), file.no_measure) == ("centralised", "2021-01-30", "")
    assert replan(now=at(20), file_ids=[file.pk]) == 0
    assert replan(now=at(22), file_ids=[file.pk]) == 0
    assert refresh_phases(now=at(25) + timedelta(hours=1)) == 0
