"""Reasons of dates and conditions of release, put into words."""

from typing import Any

from django.utils.translation import gettext as _


def condition_words(code: str, met: bool, detail: dict[str, Any]) -> str:
    """One sentence that says what must hold, and what is missing where it does not."""
    said = {
        "plan": _("the last day of the plan is over"),
        "arrived": _("the person was brought to the site"),
        "tests": _("every test was taken"),
        "negative": _("every sample was negative"),
        "double": _("two samples before release were negative"),
        "waiting": _("no result is waited for"),
        "alerts": _("no alert is open"),
        "quiet": _("the last days were reported, without fever or symptoms"),
    }
    return said[code]
