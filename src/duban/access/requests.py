"""The request of somebody who has logged in, and the way into pages that need a role."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotAllowed

View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """A request of somebody logged in, behind `person_who` or the API's own login."""

    user: Person
    htmx: HtmxDetails


def person_who(*permissions: str) -> Callable[[View], View]:
    """Only for people logged in who hold one of the permissions somewhere; others are told that they do not."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def checked(request: StaffRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if not scope_of(request.user, *permissions):
                raise NotAllowed("not_allowed", _("None of your roles opens this page."))
            return view(request, *args, **options)

        return checked

    return decorate


def scope_of(person: Person, *permissions: str) -> list[str]:
    """Every code at which the person holds one of the permissions."""
    return [code for permission in permissions for code in rights.codes(person, permission)]
