"""People without an account: what their secret addresses open is kept private, and whoever guesses or floods waits."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from duban.access.lockout import client_address
from duban.commons.secrets import digest_of
from duban.core.errors import DubanError

TRIES, SECONDS = 30, 3600
"""So many secrets that open nothing, or so many sign-ups, then an address waits an hour."""


class TooMany(DubanError):
    status = 429


def require_patience(request: HttpRequest, what: str) -> None:
    """Raises TooMany (`too_many_tries`) for an address that came too often for `what` within the hour."""
    if cache.get(_key(request, what), 0) >= TRIES:
        raise TooMany("too_many_tries", _("Too many attempts came from here; wait an hour, or ask your community."))


def count_try(request: HttpRequest, what: str) -> None:
    key = _key(request, what)
    cache.set(key, cache.get(key, 0) + 1, SECONDS)


def kept_private(response: HttpResponse) -> HttpResponse:
    """The answer, for no cache and no search engine."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _key(request: HttpRequest, what: str) -> str:
    return f"commons-{what}:{digest_of(client_address(request) or '')}"
