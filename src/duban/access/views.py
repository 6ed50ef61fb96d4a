"""Login, logout, one's own page and password, who stands in for one, and the tokens of one's programs."""

from datetime import datetime, time, timedelta
from typing import Any

from allauth.account.utils import perform_login
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.actions import (
    change_own_mail,
    change_own_password,
    end_delegation,
    make_token,
    revoke_token,
    start_delegation,
)
from duban.access.forms import DelegationForm, LoginForm, OwnMailForm, OwnPasswordForm, TokenForm
from duban.access.models import ApiToken, Kind, Person, Role
from duban.access.queries import delegations_of, names_of_people
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import DubanError
from duban.places import queries as places


class Login(LoginView):
    """Name and password; allauth asks for the code where the person has a second factor."""

    form_class = LoginForm
    template_name = "access/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        return perform_login(self.request, form.get_user(), redirect_url=self.get_success_url())


class Logout(LogoutView):
    """By POST alone; goes to the public site."""


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@login_required
def change_password(request: StaffRequest) -> HttpResponse:
    """Change one's own password; who came with a one-time password sees nothing else until this is done."""
    form = OwnPasswordForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        change_own_password(by=request.user, password=form.cleaned_data["new_password1"], now=clock.now())
        update_session_auth_hash(request, request.user)
        UserSession.objects.create_from_request(request)
        messages.success(request, _("Your password is changed."))
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "access/change_password.html", {"form": form, "forced": request.user.must_change_password})


@require_safe
@login_required
def own(request: StaffRequest) -> HttpResponse:
    """Who one is to the office, the roles one holds and where, and the way to all that secures one's account."""
    person = request.user
    held = person.roles_with_giver
    givers = names_of_people({giver for *_held, giver in held if giver})
    return render(
        request,
        "access/own.html",
        {
            "roles": in_words([row[:3] for row in held], [givers.get(row[3], "") for row in held]),
            "delegations": delegations_of(person, clock.now()),
            "may_lend": any(not giver for *_held, giver in held),
            "may_manage": bool(rights.codes(person, "people.manage")),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def own_mail(request: StaffRequest) -> HttpResponse:
    """One's mail address for digests, and their language."""
    person = request.user
    initial = {"email": person.email, "language": person.language or settings.LANGUAGE_CODE}
    form = OwnMailForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        change_own_mail(by=person, now=clock.now(), **form.cleaned_data)
        messages.success(request, _("Address and language of your mails are kept."))
        return redirect("access:own")
    return render(request, "access/own_mail.html", {"form": form})


def in_words(held: list[tuple[str, str, str]], givers: list[str] | None = None) -> list[dict[str, str]]:
    """(role, code, kind) triples as a page shows them."""
    names = places.names([code for _role, code, _kind in held])
    return [
        {
            "role": str(Role(role).label),
            "code": code,
            "place": names.get(code, "–"),
            "kind": str(Kind(kind).label) if kind else _("everything"),
            "giver": giver,
        }
        for (role, code, kind), giver in zip(held, givers or [""] * len(held), strict=True)
    ]


def refuse(form: Any, refusal: DubanError) -> None:
    """Puts the refusal beside the field that it is about, else above the form."""
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, ValidationError(str(refusal), code=refusal.code))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def lend(request: StaffRequest) -> HttpResponse:
    """Name who stands in while one is away, by first and last day."""
    today = timezone.localdate(clock.now())
    form = DelegationForm(request.POST or None, initial={"start": today, "end": today + timedelta(days=7)})
    if request.method == "POST" and form.is_valid():
        try:
            delegation = start_delegation(
                by=request.user,
                now=clock.now(),
                taker=form.cleaned_data["taker"],
                start=_midnight(form.cleaned_data["start"]),
                end=_midnight(form.cleaned_data["end"] + timedelta(days=1)),
            )
        except DubanError as refusal:
            refusal.field = refusal.field or ("taker" if refusal.code == "unknown_person" else None)
            refuse(form, refusal)
        else:
            messages.success(request, _("%(person)s stands in for you.") % {"person": delegation.taker})
            return redirect("access:own")
    return render(request, "access/lend.html", {"form": form})


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@require_POST
@login_required
def end_lending(request: StaffRequest, delegation_id: int) -> HttpResponse:
    end_delegation(by=request.user, now=clock.now(), delegation_id=delegation_id)
    messages.success(request, _("The standing-in has ended."))
    return redirect("access:own")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def tokens(request: StaffRequest) -> HttpResponse:
    """One's tokens, and a form for another; its secret is on the answer to that form and nowhere else."""
    form = TokenForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            _token, secret = make_token(by=request.user, now=clock.now(), **form.cleaned_data)
        except DubanError as refusal:
            refuse(form, refusal)
        else:
            form = TokenForm()
    return render(request, "access/tokens.html", {"form": form, "secret": secret, "rows": _token_rows(request.user)})


def _token_rows(person: Person) -> list[tuple[ApiToken, bool]]:
    now = clock.now()
    return [(token, token.is_good(now)) for token in person.tokens.order_by("-created")[:100]]


@require_POST
@login_required
def end_token(request: StaffRequest, token_id: int) -> HttpResponse:
    revoke_token(by=request.user, now=clock.now(), token_id=token_id)
    messages.success(request, _("The token is good no more."))
    return redirect("access:tokens")
