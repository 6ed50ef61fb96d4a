"""`Authorization: Bearer duban_…`: the API for programs, on behalf of the person who made the token."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja.security import HttpBearer

from duban.access.actions import digest_of
from duban.access.models import ApiToken, Person, Scope
from duban.core import clock
from duban.core.errors import DubanError, NotAllowed

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NOTED_EVERY = timedelta(minutes=1)


class TokenRefused(DubanError):
    """Unknown, revoked and expired tokens answer alike."""

    status = 401


class TokenAuth(HttpBearer):
    """One query, and once a minute one more that notes the use. What the person may still decides."""

    def authenticate(self, request: HttpRequest, token: str) -> Person:
        now = clock.now()
        found = ApiToken.objects.select_related("person").filter(digest=digest_of(token)).first()
        if found is None or not found.is_good(now) or not found.person.is_active:
            raise TokenRefused("bad_token", _("This token is unknown, revoked or expired; make another one."))
        if found.person.must_change_password:
            raise NotAllowed("password_must_change", _("Change your one-time password first."))
        needed = scope_for(request)
        if needed not in found.scopes:
            raise NotAllowed(
                "token_scope", _("This token may not do that; it takes one with “%(scope)s”.") % {"scope": needed.value}
            )
        if found.last_used is None or now - found.last_used >= NOTED_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(last_used=now)
        request.user = found.person
        return found.person


class TokenIfAny(TokenAuth):
    """For what is open to anybody and shows more to some: a token counts where one is shown."""

    def __call__(self, request: HttpRequest) -> Person | bool | None:
        return super().__call__(request) if "authorization" in request.headers else True


def scope_for(request: HttpRequest) -> Scope:
    """What a token must be good for to make this request."""
    if request.method in SAFE:
        return Scope.READ
    room = request.path_info.removeprefix("/api/v1/").partition("/")[0]
    return {"evidence": Scope.PHOTOS, "bulletins": Scope.BULLETINS}.get(room, Scope.WRITE)
