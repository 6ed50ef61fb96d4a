"""The second factor, who one is asked again, and where one is logged in: allauth's steps on pages of our own."""

from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from duban.access import forms
from duban.access.actions import end_sessions, note_second_factor
from duban.access.middleware import HAS_SECOND_FACTOR
from duban.access.requests import StaffRequest
from duban.core import clock


class Step(mfa.AuthenticateView):
    """Between the password and the desk: the code."""

    form_class = forms.LoginCodeForm
    template_name = "access/code.html"


class Again(account.ReauthenticateView):
    form_class = forms.PresentPasswordForm
    template_name = "access/again.html"


class AgainByCode(mfa.ReauthenticateView):
    form_class = forms.OwnCodeForm
    template_name = "access/again.html"


class Overview(mfa.IndexView):
    template_name = "access/second_factor.html"


class SetUp(totp.ActivateTOTPView):
    form_class = forms.FirstCodeForm
    template_name = "access/set_up.html"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        note_second_factor(by=self.request.user, now=clock.now(), done="set_up_second_factor")
        messages.success(self.request, _("From now on you log in with your password and a code."))
        return answer


class TakeAway(totp.DeactivateTOTPView):
    template_name = "access/take_away.html"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        self.request.session.pop(HAS_SECOND_FACTOR, None)
        note_second_factor(by=self.request.user, now=clock.now(), done="remove_second_factor")
        messages.success(self.request, _("You log in with your password alone again."))
        return answer


class RecoveryCodes(recovery_codes.ViewRecoveryCodesView):
    template_name = "access/recovery_codes.html"


class NewRecoveryCodes(recovery_codes.GenerateRecoveryCodesView):
    template_name = "access/new_recovery_codes.html"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        note_second_factor(by=self.request.user, now=clock.now(), done="renew_recovery_codes")
        messages.success(self.request, _("These codes are new; the old ones are void."))
        return answer


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sessions(request: StaffRequest) -> HttpResponse:
    """Where one is logged in; a POST ends the named session, or all but this one."""
    if request.method == "POST":
        count = end_sessions(
            by=request.user,
            now=clock.now(),
            session_id=request.POST.get("session"),
            except_key=request.session.session_key,
        )
        messages.success(request, _("Signed out elsewhere: %(count)s.") % {"count": count})
        return redirect(reverse("usersessions_list"))
    found = sorted(UserSession.objects.purge_and_list(request.user), key=lambda session: session.created_at)
    rows = [(session, session.session_key == request.session.session_key) for session in reversed(found)]
    return render(request, "access/sessions.html", {"rows": rows})
