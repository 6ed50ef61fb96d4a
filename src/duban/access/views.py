"""Login, logout, one's own page and password."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from duban.access.actions import change_own_password
from duban.access.forms import LoginForm, OwnPasswordForm
from duban.access.models import Kind, Role
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.places import queries as places


class Login(LoginView):
    form_class = LoginForm
    template_name = "access/login.html"
    redirect_authenticated_user = True


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
        messages.success(request, _("Your password is changed."))
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "access/change_password.html", {"form": form, "forced": request.user.must_change_password})


@require_safe
@login_required
def own(request: StaffRequest) -> HttpResponse:
    """Who one is to the office, and the roles one holds and where."""
    names = places.names([code for _role, code, _kind in request.user.held_roles])
    roles = [
        {
            "role": Role(role).label,
            "code": code,
            "place": names.get(code, "–"),
            "kind": Kind(kind).label if kind else _("everything"),
        }
        for role, code, kind in request.user.held_roles
    ]
    return render(request, "access/own.html", {"roles": roles})
