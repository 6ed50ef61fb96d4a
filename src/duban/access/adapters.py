"""How this office uses allauth: nobody signs up, pages say themselves what was done, secrets are stored encrypted."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from duban.core.keys import read_or_make_key

PATIENCE = _("Too many tries. Wait five minutes, then try again.")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "incorrect_password": _("This is not your present password."),
        "rate_limited": PATIENCE,
        "too_many_login_attempts": PATIENCE,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *_message: Any, **_options: Any) -> None:
        """Our own pages say what was done, in the words of the office."""


class MfaAdapter(DefaultMFAAdapter):
    """The seeds of the codes are read with a key of the data folder alone; a copy of the database gives no code."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code does not fit. It changes every 30 seconds; the phone's clock must be right."),
    }

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(read_or_make_key(settings.DUBAN_DATA / "keys" / "login")))
