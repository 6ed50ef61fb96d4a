"""The demo's volunteers: what the page tells comes out of rows, and telling it twice changes nothing."""

from datetime import timedelta

import pytest

from duban.commons.models import Activity, Record, Shift, SignUp
from duban.commons.volunteering import queries
from duban.demo import volunteers
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("hours", [-11, 0, 11])
def test_twelve_cleared_a_corner_and_more_is_coming(hours: int) -> None:
    now = NOON + timedelta(hours=hours)
    people = {"community_worker": make_person("worker", "community_worker", "110112004")}
    for _time in range(2):
        volunteers.tell(people=people, now=now)
    assert (Activity.objects.count(), Shift.objects.count()) == (4, 5)
    corner = Shift.objects.get(activity__title__contains="死角")
    tally = queries.tallies_of([corner.pk])[corner.pk]
    assert (tally.taken, tally.waiting, tally.came, tally.certified) == (12, 2, 11, 11)
    assert Record.objects.exclude(commendation="").count() == volunteers.PRAISED
    coming = list(queries.coming_shifts(now))
    assert [(one.taken, one.places) for one in coming] == [(9, 20), (12, 12), (3, 8)]
    assert SignUp.objects.filter(state="waiting").count() == 2 + 3
    assert not SignUp.objects.filter(at__gt=now).exists()
