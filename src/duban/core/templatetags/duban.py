"""The components every page is made of: `{% load duban %}`. What each shows is in the docstring of its tag."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BoundField, CheckboxSelectMultiple
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from duban.core import clock

register = template.Library()

SHORT = {"zh": "n月j日", "en": "j M"}
SHORT_WITH_YEAR = {"zh": "Y年n月j日", "en": "j M Y"}
FULL_DAY = {"zh": "Y年n月j日 l", "en": "l j F Y"}
# Beyond a quarter nobody counts the days any more.
LONG_LATE_DAYS = 90


def _language() -> str:
    return "zh" if (get_language() or "zh").startswith("zh") else "en"


def _local(value: Any) -> date | datetime | None:
    """The value in the office's time zone; ISO text, as frozen documents hold it, is read too."""
    if isinstance(value, str):
        value = parse_datetime(value) or parse_date(value)
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.localtime(value)
    return value if isinstance(value, date) else None


def _time_element(value: Any, *, with_clock: bool) -> SafeString | str:
    local = _local(value)
    if local is None:
        return "–"
    language = _language()
    # Without its year a date of last January would be read as this one's.
    pattern = SHORT if local.year == timezone.localtime(clock.now()).year else SHORT_WITH_YEAR
    full = format_date(local, FULL_DAY[language])
    shown = format_date(local, pattern[language])
    if isinstance(local, datetime):
        full += format_date(local, " H:i")
        shown += format_date(local, " H:i") if with_clock else ""
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), full, shown)


@register.simple_tag
def day(value: Any) -> SafeString | str:
    """A date, datetime or ISO text as `1月20日` / `20 Jan`, with the year unless it is this one; in full on hover."""
    return _time_element(value, with_clock=False)


@register.simple_tag
def moment(value: Any) -> SafeString | str:
    """As `day`, with the hour and minute: `1月20日 08:30` / `20 Jan 08:30`."""
    return _time_element(value, with_clock=True)


@register.inclusion_tag("core/parts/deadline.html")
def deadline(due_at: datetime | None, late: bool = False) -> dict[str, Any]:
    """A deadline as a person reckons it: late by how much, today or tomorrow at what hour, else the day.

    `late` is the caller's word for it: whether a passed deadline still matters is a rule of its own.
    """
    due, now = _local(due_at), timezone.localtime(clock.now())
    if not isinstance(due, datetime):
        return {"due": None}
    hours = int((now - due).total_seconds() // 3600)
    by = ""
    if late and hours >= 24 * LONG_LATE_DAYS:
        by = _("late since %(day)s") % {"day": format_date(due, SHORT_WITH_YEAR[_language()])}
    elif late and hours >= 24:
        by = ngettext("%(days)d day late", "%(days)d days late", hours // 24) % {"days": hours // 24}
    elif late:
        by = ngettext("%(hours)d hour late", "%(hours)d hours late", max(hours, 1)) % {"hours": max(hours, 1)}
    near = {0: _("today"), 1: _("tomorrow")}.get((due.date() - now.date()).days, "")
    return {"due": due, "late_by": by, "near": near, "full": format_date(due, f"{FULL_DAY[_language()]} H:i")}


@register.simple_tag
def distance(metres: float | None) -> SafeString | str:
    """`约27米` / `about 27 m`, in whole metres; a dash for None."""
    if metres is None:
        return "–"
    return format_html('<span class="name">{}</span>', _("about %(metres)s m") % {"metres": f"{round(metres):,}"})


@register.simple_tag
def count(number: int, url: str = "", label: str = "") -> SafeString:
    """A number with its thousands marked; with `url` a link that opens the rows behind it, `label` says which."""
    shown = f"{number:,}"
    if not url:
        return format_html('<span class="count">{}</span>', shown)
    return format_html('<a class="count" href="{}" aria-label="{}">{}</a>', url, f"{shown} {label}".strip(), shown)


@register.inclusion_tag("core/parts/shape.html")
def shape(name: str) -> dict[str, Any]:
    """A symbol of `core/shapes.svg` in the colour of its text; never the only bearer of a meaning."""
    return {"name": name}


@register.inclusion_tag("core/parts/state.html")
def state(code: str, word: str | Promise, overdue: bool = False) -> dict[str, Any]:
    """A state by shape, word and colour. `overdue` adds the vermilion word beside it."""
    return {"code": code, "word": word, "overdue": overdue}


@register.inclusion_tag("core/parts/field.html")
def field(bound: BoundField, hint: str = "", key: str = "") -> dict[str, Any]:
    """A form field with label, hint, and its error with the mend under it; `key` is the key that goes to it."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", type(widget).__name__.lower())
    is_group = kind == "radio" or isinstance(widget, CheckboxSelectMultiple)
    attributes: dict[str, Any] = {}
    if kind in {"select"}:
        attributes["class"] = "form-select"
    elif kind not in {"checkbox", "radio", "hidden"}:
        attributes["class"] = "form-control"
    elif kind == "checkbox" and not is_group:
        attributes["class"] = "form-check-input"
    given = widget.attrs.get("class")
    if given and "class" in attributes:
        attributes["class"] = f"{attributes['class']} {given}"
    if key:
        attributes["data-key"] = key
    described = [f"{bound.auto_id}_hint"] if hint or bound.help_text else []
    if bound.errors:
        described.append(f"{bound.auto_id}_mend")
        attributes["aria-invalid"] = "true"
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attributes),
        "hint": hint or bound.help_text,
        "kind": kind,
        "is_group": is_group,
    }


@register.inclusion_tag("core/parts/form_errors.html")
def form_errors(form: Any) -> dict[str, Any]:
    """What is wrong with the form as a whole; what is wrong with a field stands at the field."""
    return {"form": form}


@register.inclusion_tag("core/parts/empty.html")
def empty(sentence: str | Promise, url: str = "", action: str | Promise = "") -> dict[str, Any]:
    """An empty list teaches: one sentence and, with `url`, one button."""
    return {"sentence": sentence, "url": url, "action": action}


@register.inclusion_tag("core/parts/pages.html", takes_context=True)
def pages(context: template.Context, page: Page, parameter: str = "page") -> dict[str, Any]:
    """Page numbers for a Django `Page`; every other part of the address stays."""
    kept = context["request"].GET.copy()

    def address(number: int) -> str:
        kept[parameter] = str(number)
        return f"?{kept.urlencode()}"

    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return {
        "page": page,
        "numbers": [(number, address(number) if isinstance(number, int) else "") for number in numbers],
        "previous": address(page.number - 1),
        "next": address(page.number + 1),
    }


@register.inclusion_tag("core/parts/older_newer.html")
def older_newer(older: str = "", newer: str = "", total: int | None = None) -> dict[str, Any]:
    """Links through a list kept by key: `older` and `newer` are whole addresses or empty."""
    return {"older": older, "newer": newer, "total": total}


@register.inclusion_tag("core/parts/compare.html")
def compare(before: str = "", after: str = "", alt: str = "", caption: str | Promise = "") -> dict[str, Any]:
    """Before beside after with a divider to drag or move by arrow keys; two pictures side by side without scripts.

    `before` and `after` are addresses of pictures, either may be empty; `alt` says what is to be seen.
    """
    return {"before": before, "after": after, "alt": alt, "caption": caption}


@register.inclusion_tag("core/parts/map.html")
def map_of(
    points: Sequence[dict[str, Any]] = (),
    source: str = "",
    label: str | Promise = "",
    size: str = "",
    pick_lon: str = "",
    pick_lat: str = "",
    pick_datum: str = "",
    ident: str = "map",
    max_zoom: int = 15,
) -> dict[str, Any]:
    """The map with its layers, and points by state.

    points: dicts with lon, lat (degrees, WGS 84), id, state, word (the state's), overdue, title, text, url; all but lon
    and lat may be absent. source: instead of points, an address that answers `{"points": [...], "note": ...}` or, with
    the same properties, GeoJSON. size: "", "tall" or "low". max_zoom: how near it starts.
    pick_lon, pick_lat: ids of the inputs that a click or Enter fills, after which the element fires `duban:picked`
    (detail lon, lat); pick_datum: id of a select that is then set to wgs84.
    """
    words = {
        "schematic": _("Schematic map"),
        "as_of": _("layers as of"),
        "loading": _("Drawing the map …"),
        "no_layers": _("No map layers are loaded."),
        "no_webgl": _("This browser draws no live map; a plain one is shown."),
        "failed": _("The map could not be drawn. Coordinates can still be typed."),
        "pick": _("Click the map to set the place; with the keyboard, move with the arrow keys and press Enter."),
        "open": _("Open"),
        "overdue": _("overdue"),
        "close": _("Close"),
        "zoom_in": _("Zoom in"),
        "zoom_out": _("Zoom out"),
        "two_fingers": _("Use two fingers to move the map"),
        "here": _("the place set"),
    }
    return {
        "points": list(points),
        "source": source,
        "label": label or _("Map"),
        "size": size,
        "pick_lon": pick_lon,
        "pick_lat": pick_lat,
        "pick_datum": pick_datum,
        "ident": ident,
        "max_zoom": max_zoom,
        "words": json.dumps(words, ensure_ascii=False),
    }
