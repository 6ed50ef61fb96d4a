"""API v1: the routers of the apps, one login, and every refusal as `{code, message, field}` with its status."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import SessionAuth

from duban.access.tokens import TokenAuth
from duban.core.errors import DubanError


class Refusal(Schema):
    """What every refusal answers with."""

    code: str
    message: str
    field: str | None = None
    row: int | None = None


REFUSALS = {
    400: "Refused: the code says why",
    401: "No login, or the token is unknown, revoked or expired",
    403: "Not allowed to you, or not to this token",
    404: "Not there, or not yours to see",
    409: "In conflict with what is stored",
    413: "Too large",
    422: "Not of the shape that is described here",
}


class Api(NinjaAPI):
    """The document also tells how each operation refuses, since all of them do it in one way."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._documents: dict[tuple[str, str], OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Made once in each language: that takes longer than all other answers, and nothing in it changes."""
        prefix = path_prefix or self.get_root_path(path_params or {})
        key = get_language() or "", prefix
        if key not in self._documents:
            self._documents[key] = self._document(prefix)
        return self._documents[key]

    def _document(self, prefix: str) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=prefix)
        document["components"].setdefault("schemas", {})["Refusal"] = Refusal.model_json_schema()
        refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                for status in sorted(_refusals_of(path, method, operation) - set(operation["responses"])):
                    operation["responses"][status] = {"description": REFUSALS[status], "content": refusal}
        return document


def _refusals_of(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    statuses = {400}
    if operation.get("security"):
        statuses |= {401, 403}
    if "{" in path:
        statuses |= {404}
    if operation.get("parameters") or operation.get("requestBody"):
        # What a question names may be out of sight as well.
        statuses |= {404, 422}
    if method != "get":
        statuses |= {404, 409, 413}
    return statuses


# The interactive page would load its scripts from elsewhere; the document itself is at /api/v1/openapi.json.
api = Api(title="Duban", version="1", auth=[TokenAuth(), SessionAuth(csrf=True)], urls_namespace="api", docs_url=None)
api.add_router("/places", "duban.places.api.router")
api.add_router("/evidence", "duban.evidence.api.router")
api.add_router("/entries", "duban.ledger.api.router")
api.add_router("/entries", "duban.ledger.exchange_api.router")
api.add_router("/figures", "duban.ledger.figures_api.router")
api.add_router("/lookback", "duban.ledger.lookback_api.router")
api.add_router("/decisions", "duban.web.decisions_api.router")
api.add_router("/venues", "duban.venues.api.router")
api.add_router("/patrol", "duban.patrol.api.router")
api.add_router("/outbreak", "duban.outbreak.api.router")
api.add_router("/organisations", "duban.commons.growth_api.router")
api.add_router("/organisations", "duban.commons.api.router")
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


def no_such_address(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that is none: a program gets the API's refusal, a person the page."""
    if not request.path_info.startswith("/api/"):
        return page_not_found(request, exception)
    return not_found(request, Http404())
