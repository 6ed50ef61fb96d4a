"""The request of somebody who has logged in, for views behind a login."""

from django.http import HttpRequest

from duban.access.models import Person


class StaffRequest(HttpRequest):
    user: Person
