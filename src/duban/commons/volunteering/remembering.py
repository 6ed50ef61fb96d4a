"""The sign-ups that were made with a browser, in a cookie that only pages below /volunteer/ are sent."""

import json
from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse

from duban.commons.models import SignUp
from duban.commons.secrets import digest_of
from duban.commons.volunteering.actions import SECRET

NAME = "volunteer"
PATH = "/volunteer/"
MOST = 12
LASTS = timedelta(days=60)


def remembered(request: HttpRequest) -> list[str]:
    """The secrets, the newest first."""
    try:
        told = json.loads(request.get_signed_cookie(NAME, default="", salt=NAME, max_age=LASTS) or "[]")
    except (BadSignature, ValueError):
        return []
    return [one for one in told if isinstance(one, str) and SECRET.fullmatch(one)][:MOST]


def remember(request: HttpRequest, response: HttpResponse, secret: str) -> None:
    """Put the secret in front of those that are there."""
    secrets = list(dict.fromkeys([secret, *remembered(request)]))[:MOST]
    response.set_signed_cookie(
        NAME,
        json.dumps(secrets),
        salt=NAME,
        max_age=LASTS,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def own_sign_ups(request: HttpRequest) -> list[tuple[SignUp, str]]:
    """What they open, each with its secret."""
    secrets = {digest_of(secret): secret for secret in remembered(request)}
    found = SignUp.objects.select_related("shift__activity").filter(digest__in=secrets)
    return [(one, secrets[one.digest]) for one in found.order_by("shift__begins_at", "pk")]
