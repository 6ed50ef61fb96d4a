"""API v1: the routers of the apps, one login, and every refusal as `{code, message, field}` with its status."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import SessionAuth

from duban.access.tokens import TokenAuth
from duban.core.errors import DubanError

api = NinjaAPI(title="Duban", version="1", auth=[TokenAuth(), SessionAuth(csrf=True)], urls_namespace="api")
api.add_router("/places", "duban.places.api.router")
api.add_router("/evidence", "duban.evidence.api.router")
api.add_router("/entries", "duban.ledger.api.router")
api.add_router("/figures", "duban.ledger.figures_api.router")
api.add_router("/bulletins", "duban.bulletin.api.router")


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


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return api.create_response(request, {"code": "not_found", "message": _("There is nothing here.")}, status=404)


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that is no JSON, or whatever else the request's frame is wrong with."""
    code = {400: "not_json", 405: "method_not_allowed", 429: "too_many"}.get(error.status_code, "refused")
    message = _("The body cannot be read as JSON.") if code == "not_json" else error.message
    return api.create_response(request, {"code": code, "message": message}, status=error.status_code)
