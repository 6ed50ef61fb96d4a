"""Telling the office what residents did, in the ledger's one mail: an application to read, somebody to call.

A notice names the application or the shift and nobody who is in it. It is unread until the person opens the page, and
while it is, what happens there again is the same notice.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import people_who_may
from duban.commons.models import Application, ApplicationState, DeskNotice, Shift, SignUp, SignUpState
from duban.commons.volunteering.words import when_words
from duban.core import clock
from duban.ledger.mail import Line, Teller
from duban.places.codes import within

REVIEWS, MANAGES = "organisation.review", "activity.manage"


def tell_of_application(application: Application, *, now: datetime) -> None:
    """It waits for whoever reviews applications of its place."""
    people = people_who_may(REVIEWS, application.jurisdiction)
    _tell([key for key, _username in people], now, application=application)


def tell_of_moved_up(shift: Shift, *, now: datetime, by: Person | None = None) -> None:
    """Somebody is in who waited and may not know it: whoever runs activities there calls them, but for who did it."""
    people = people_who_may(MANAGES, shift.jurisdiction)
    _tell([key for key, _username in people if by is None or key != by.pk], now, shift=shift)


def _tell(people: list[int], now: datetime, **about: Any) -> None:
    # Whoever has not read of it yet has one notice of it, of which the next mail tells again.
    DeskNotice.objects.filter(person__in=people, read_at=None, **about).update(at=now, mailed_at=None)
    DeskNotice.objects.bulk_create(
        [DeskNotice(person_id=key, at=now, **about) for key in people], ignore_conflicts=True
    )


def mark_read(*, by: Person, now: datetime, of: Application | Shift) -> None:
    """The person has opened the page. Where nothing is unread nothing is written."""
    about = Q(application=of) if isinstance(of, Application) else Q(shift=of)
    unread = DeskNotice.objects.filter(about, person=by, read_at=None)
    if unread.exists():
        unread.update(read_at=now)


def applications_told(person: Person) -> QuerySet[DeskNotice]:
    """The unread ones of applications that wait and that the person reviews, the newest first."""
    scope = within("application__jurisdiction", rights.codes(person, REVIEWS))
    return _unread(person).filter(scope, application__state=ApplicationState.SENT).select_related("application")


def shifts_told(person: Person) -> QuerySet[DeskNotice]:
    """The unread ones of shifts that the person runs, while somebody there is to be called; the newest first."""
    scope = within("shift__jurisdiction", rights.codes(person, MANAGES))
    takes_place = Q(shift__ends_at__gt=clock.now(), shift__cancelled_at=None)
    found = _unread(person).filter(scope, takes_place, Exists(_moved_up(OuterRef("shift"))))
    return found.select_related("shift__activity")


def _unread(person: Person) -> QuerySet[DeskNotice]:
    return DeskNotice.objects.filter(person=person, read_at=None).order_by("-at", "-pk")


def application_lines(notices: Iterable[DeskNotice], _now: datetime) -> dict[str, list[Line]]:
    """As the mail tells them."""
    return {
        "new": [
            _line(one.application.name, _("an organisation asks to be filed"), "commons:application", one.application)
            for one in notices
            if one.application is not None
        ]
    }


def shift_lines(notices: Iterable[DeskNotice], _now: datetime) -> dict[str, list[Line]]:
    """As the mail tells them."""
    lines = []
    for one in notices:
        if one.shift is not None:
            told = _("moved up from the waiting list, to be called: %(n)d") % {"n": _moved_up(one.shift).count()}
            lines.append(
                _line(f"{one.shift.activity.title} · {when_words(one.shift)}", told, "commons:shift", one.shift)
            )
    return {"new": lines}


def _line(title: str, told: str, page: str, of: Application | Shift) -> Line:
    return Line(title=title, told=[told], due="", url=settings.DUBAN_SITE_URL + reverse(page, args=[of.pk]))


def _moved_up(shift: Shift | OuterRef) -> QuerySet[SignUp]:
    """Who came in from the waiting list and has not been seen there yet."""
    return SignUp.objects.filter(shift=shift, state=SignUpState.IN, moved_up_at__isnull=False, came_at=None)


TELLERS = [
    Teller(DeskNotice, applications_told, application_lines, gettext_lazy("All applications:"), "commons:applications"),
    Teller(DeskNotice, shifts_told, shift_lines, gettext_lazy("All shifts:"), "commons:activities"),
]
