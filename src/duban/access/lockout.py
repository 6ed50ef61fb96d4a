"""Who guesses passwords waits: how long, and the answer meanwhile. django-axes counts."""

from datetime import datetime

from allauth.account.adapter import get_adapter
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse

from duban.core import clock


def client_address(request: HttpRequest) -> str | None:
    """The address the request came from, behind DUBAN_PROXIES proxies; None where there is none."""
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None


def too_many(_request: HttpRequest, answer: HttpResponse, _credentials: object = None) -> HttpResponse:
    """The page as the view made it (it says until when), as 429."""
    answer.status_code = 429
    return answer


def locked_until(username: str, address: str | None = None) -> datetime | None:
    """When the user name may be tried again (from that address, else from every one); None if it may be now."""
    since = clock.now() - settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(username=username, attempt_time__gt=since)
    if address is not None:
        attempts = attempts.filter(ip_address=address)
    by_address = attempts.values("ip_address").annotate(tries=Sum("failures_since_start"), last=Max("attempt_time"))
    locked = [row["last"] for row in by_address if row["tries"] >= settings.AXES_FAILURE_LIMIT]
    return max(locked) + settings.AXES_COOLOFF_TIME if locked else None
