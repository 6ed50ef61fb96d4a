"""Reasons of dates and conditions of release, put into words."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from duban.outbreak.models import CountedFrom, ExposureKind, MeasureRule, NoMeasure

Detail = Mapping[str, Any]


def is_chinese() -> bool:
    """Whether what is said now is said in Chinese."""
    return (get_language() or "zh").startswith("zh")


def name_of(rule: MeasureRule) -> str:
    """What a version of a rule is called."""
    return rule.name if is_chinese() else rule.name_en or rule.name


def day_words(day: str | date) -> str:
    """A date, or its ISO text, as the office writes it."""
    value = date.fromisoformat(day) if isinstance(day, str) else day
    return format_date(value, "n月j日" if is_chinese() else "j M")


# ---- dates ----------------------------------------------------------------------------------------------------------


def why_words(why: Detail, *, grounds: bool = True) -> str:
    """Why something is due on its day, as a sentence. `grounds`: also by which exposure, which not all may see."""
    simple = {
        "opened": _("due since the person is followed"),
        "unreached": _("the person could not be reached yet"),
        "centralised": _("centralised isolation begins"),
        "no_report": _("the report did not come"),
        "sampled_again": _("the last sample gave no clear result"),
    }
    code = why.get("code", "")
    if code in simple:
        return simple[code]
    if code == "end":
        return _("the day after the last day of the plan, %(last)s") % {"last": day_words(why["last"])}
    if code not in ("phase", "test", "late", "double", "visit"):
        return ""
    said = _counted(code, why)
    return _("%(said)s (%(ground)s)") % {"said": said, "ground": _ground(why)} if grounds else said


def _counted(code: str, why: Detail) -> str:
    start = _("the arrival") if why["counted"] == CountedFrom.ARRIVAL else _("the last exposure")
    told = {"day": why["day"], "start": start, "from": day_words(why["from"])}
    if code == "phase":
        return _("until day %(day)d after %(start)s on %(from)s") % told
    if code == "late":
        was = {"was": day_words(why["was"])}
        return _("makes up for the test of %(was)s, day %(day)d after %(start)s, before this was known") % (told | was)
    if code == "double":
        return _("second sample of the last day of tests: two are needed before release")
    if code == "visit":
        every = why["every"]
        return ngettext("a visit every day at home", "a visit every %(every)d days at home", every) % {"every": every}
    return _("day %(day)d after %(start)s on %(from)s") % told


def _ground(why: Detail) -> str:
    """Which exposure it follows from: an order is named, a case never is."""
    kind = str(ExposureKind(why["kind"]).label)
    if why["kind"] == ExposureKind.AREA:
        return _("%(kind)s, order %(order)s") % {"kind": kind, "order": why["basis"]}
    return kind


# ---- conditions -----------------------------------------------------------------------------------------------------


def condition_words(code: str, met: bool, detail: Detail) -> str:
    """What holds, or what is missing, as one sentence."""
    return _held(code, detail) if met else _missing(code, detail)


def _held(code: str, detail: Detail) -> str:
    if code == "plan":
        return _("the last day of the plan was %(last)s") % {"last": day_words(detail["last"])}
    return {
        "arrived": _("nobody is still to be brought to a site"),
        "tests": _("every test was taken"),
        "negative": _("no sample is anything but negative"),
        "double": _("two samples before release were negative"),
        "waiting": _("no result is waited for"),
        "alerts": _("no alert is open"),
        "quiet": _("the last days were reported, without fever or symptoms"),
    }[code]


def _missing(code: str, detail: Detail) -> str:
    if code == "plan":
        if "last" in detail:
            return _("the plan goes on until %(last)s") % {"last": day_words(detail["last"])}
        return _("there is no plan: %(why)s") % {"why": _no_measure(detail["why"])}
    if code == "tests":
        return ngettext("%(n)d test is not taken", "%(n)d tests are not taken", detail["open"]) % {"n": detail["open"]}
    if code == "negative":
        return _negative(detail)
    if code == "double":
        told = {"n": detail["negative"], "from": day_words(detail["from"])}
        return _("two negative samples of two tubes are needed from %(from)s on, there are %(n)d") % told
    if code == "alerts":
        return ngettext("%(n)d alert is open", "%(n)d alerts are open", detail["open"]) % {"n": detail["open"]}
    if code == "quiet":
        return _quiet(detail)
    return {
        "arrived": _("the person was not brought to the site yet"),
        "waiting": _("a result is waited for"),
    }[code]


def _no_measure(reason: str) -> str:
    return str(NoMeasure(reason).label) if reason else _("not worked out yet")


def _negative(detail: Detail) -> str:
    bad, without = detail["bad"], detail["without"]
    parts = []
    if bad:
        parts.append(ngettext("%(n)d sample is not negative", "%(n)d samples are not negative", bad) % {"n": bad})
    if without:
        words = ngettext("%(n)d test has no sample on record", "%(n)d tests have no sample on record", without)
        parts.append(words % {"n": without})
    return _(", ").join(parts)


def _quiet(detail: Detail) -> str:
    parts = []
    if detail["missing"]:
        days = _(", ").join(day_words(day) for day in detail["missing"])
        parts.append(_("reports of %(days)s are missing or to come") % {"days": days})
    if detail["ill"]:
        words = ngettext("%(n)d report of fever or symptoms", "%(n)d reports of fever or symptoms", detail["ill"])
        parts.append(words % {"n": detail["ill"]})
    return _(", ").join(parts)
