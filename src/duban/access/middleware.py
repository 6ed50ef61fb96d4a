"""A one-time password opens one door only: the page on which it is changed."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import resolve
from django.utils.translation import gettext as _

OPEN_VIEWS = frozenset({"access:change_password", "access:logout", "access:login", "set_language"})
Answer = Callable[[HttpRequest], HttpResponse]


class OneTimePassword:
    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Runs after the address is known, so that a mistyped one is still a 404."""
        if not (request.user.is_authenticated and request.user.must_change_password):
            return None
        if resolve(request.path_info).view_name in OPEN_VIEWS:
            return None
        if request.path_info.startswith("/api/"):
            return JsonResponse(
                {"code": "password_must_change", "message": _("Change your one-time password first.")}, status=403
            )
        return redirect("access:change_password")
