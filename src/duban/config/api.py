"""API v1: the routers of the apps, one login, and every refusal as `{code, message, field}` with its status."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.security import SessionAuth

from duban.core.errors import DubanError

api = NinjaAPI(title="Duban", version="1", auth=SessionAuth(csrf=True), urls_namespace="api")


@api.exception_handler(DubanError)
def refused(request: HttpRequest, refusal: DubanError) -> HttpResponse:
    return api.create_response(request, refusal.as_dict(), status=refusal.status)


@api.exception_handler(AuthenticationError)
def not_logged_in(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return api.create_response(request, {"code": "login_required", "message": _("Log in first.")}, status=401)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The first thing wrong with the request's shape, named by its field."""
    first = error.errors[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    answer = {"code": "malformed", "message": f"{field}: {first['msg']}", "field": field}
    return api.create_response(request, answer, status=422)
