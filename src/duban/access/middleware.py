"""Doors that open in order: a one-time password is changed first, then a second factor set up where it must be."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import resolve
from django.utils.translation import gettext as _

from duban.access.models import Role

OPEN_VIEWS = frozenset({"access:change_password", "access:logout", "access:login", "set_language"})
SETTING_UP = OPEN_VIEWS | {"mfa_activate_totp", "account_reauthenticate", "mfa_view_recovery_codes", "mfa_index"}
MFA_ROLES = frozenset({Role.ADMINISTRATOR, Role.HEALTH_OFFICER})
"""Whoever opens accounts or reads health data."""
HAS_SECOND_FACTOR = "has_second_factor"
Answer = Callable[[HttpRequest], HttpResponse]


class OneTimePassword:
    """A one-time password opens one door only: the page on which it is changed."""

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


class SecondFactor:
    """With DUBAN_REQUIRE_MFA, people of MFA_ROLES see nothing before they have one; asked once per session."""

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        if not settings.DUBAN_REQUIRE_MFA or not request.user.is_authenticated:
            return None
        if request.session.get(HAS_SECOND_FACTOR) or resolve(request.path_info).view_name in SETTING_UP:
            return None
        if not any(role in MFA_ROLES for role, _code, _kind in request.user.held_roles):
            return None
        if is_mfa_enabled(request.user):
            request.session[HAS_SECOND_FACTOR] = True
            return None
        if request.path_info.startswith("/api/"):
            return JsonResponse(
                {"code": "second_factor_needed", "message": _("Set up a second factor first.")}, status=403
            )
        return redirect("mfa_activate_totp")
