"""Logging in, one's own password, codes of the second factor, and the people of an office."""

from typing import Any

from allauth.account.forms import ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm as CodeForm
from allauth.mfa.base.forms import ReauthenticateForm as CodeAgainForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.lockout import client_address, locked_until
from duban.access.models import Kind, Role, Scope

CODE = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True})
DAY = {"type": "date"}


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("User name and password do not belong together. Mind capital letters; both are told apart."),
        "inactive": _("This account is closed; the administrator can open it again."),
    }

    def get_invalid_login_error(self) -> ValidationError:
        """After too many tries it says from when on they count again."""
        if self.request is None or not getattr(self.request, "axes_locked_out", False):
            return super().get_invalid_login_error()
        until = locked_until(self.cleaned_data["username"], client_address(self.request))
        return ValidationError(
            _("Too many wrong passwords. Try again after %(time)s, or ask the administrator to unlock the account."),
            code="locked_out",
            params={"time": timezone.localtime(until).strftime("%H:%M") if until else "–"},
        )


class OwnMailForm(forms.Form):
    """Where one's digests go, and in which language they are."""

    use_required_attribute = False

    email = forms.EmailField(
        label=_("E-mail"), required=False, max_length=254, help_text=_("Left empty, no mail is sent to you.")
    )
    language = forms.ChoiceField(label=_("Language of the mails"), choices=settings.LANGUAGES)


class OwnPasswordForm(PasswordChangeForm):
    """The old password once, the new one twice."""

    error_messages = {
        "password_mismatch": _("The two new passwords differ; type the new one twice."),
        "password_incorrect": _("This is not your present password."),
        "password_same": _("The new password must differ from the present one."),
    }

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.fields["old_password"].label = _("Present password")
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""

    def clean_new_password1(self) -> str:
        new = self.cleaned_data.get("new_password1", "")
        if new and new == self.cleaned_data.get("old_password"):
            self.add_error("new_password1", self.error_messages["password_same"])
        return new


class LoginCodeForm(CodeForm):
    code = forms.CharField(label=_("Code from the phone, or a recovery code"), widget=CODE, max_length=20)


class OwnCodeForm(CodeAgainForm):
    code = forms.CharField(label=_("Code from the phone, or a recovery code"), widget=CODE, max_length=20)


class FirstCodeForm(ActivateTOTPForm):
    code = forms.CharField(label=_("Code that the phone shows"), widget=CODE, max_length=20)


class PresentPasswordForm(ReauthenticateForm):
    password = forms.CharField(
        label=_("Present password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class TokenForm(forms.Form):
    name = forms.CharField(label=_("What it is for"), max_length=60)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )
    days = forms.TypedChoiceField(
        label=_("How long it is good"),
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
        coerce=int,
        initial=90,
    )


class DelegationForm(forms.Form):
    taker = forms.CharField(label=_("User name of who stands in"), max_length=150)
    start = forms.DateField(label=_("First day"), widget=forms.DateInput(DAY, format="%Y-%m-%d"))
    end = forms.DateField(label=_("Last day"), widget=forms.DateInput(DAY, format="%Y-%m-%d"))


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    at = forms.CharField(label=_("Administrative code"), max_length=20)
    kind = forms.ChoiceField(label=_("For"), choices=[("", _("everything")), *Kind.choices], required=False)


class PersonForm(RoleForm):
    field_order = ["username", "name", "role", "at", "kind"]

    username = forms.CharField(label=_("User name"), max_length=150)
    name = forms.CharField(label=_("Name"), max_length=60, required=False)
