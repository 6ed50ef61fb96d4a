"""The ledger table's question as an address and as a sentence: `?state=listed&area=110112106&overdue=1`."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.core.errors import DubanError
from duban.ledger.categories import category_index
from duban.ledger.figures import in_words, read_figure
from duban.ledger.lifecycle import State
from duban.ledger.models import Category
from duban.ledger.queries import DUE, SORTS, Filters
from duban.places.codes import normalise_code

NEWEST = "-found_at"
DUE_WORDS = {
    "today": gettext_lazy("due today"),
    "week": gettext_lazy("due later this week"),
    "later": gettext_lazy("due after this week"),
}


class BadFilter(DubanError):
    pass


@dataclass(frozen=True)
class Chip:
    """One part of the sentence, and the address without it."""

    words: str
    without: str
    late: bool = False


def read_filters(query: QueryDict, categories: Mapping[str, Category] | None = None) -> Filters:
    """What the address asks for; raises BadFilter naming the part that cannot be understood.

    `categories`: the category_index, where it has been read.

    Codes: `unknown_state`, `unknown_category`, `bad_sort`, `bad_flag`, `bad_due`, `bad_lookback`, `bad_decision`,
    `text_too_long`, `bad_code` for the area, and what read_figure refuses.
    """
    states = tuple(dict.fromkeys(state for state in query.getlist("state") if state))
    for state in states:
        if state not in State.values:
            raise _refuse("unknown_state", gettext_lazy("“%s” is no state of an entry."), state, "state")
    area = query.get("area", "").strip()
    category = query.get("category", "").strip()
    if category and (":" not in category or category not in (categories or category_index())):
        raise _refuse("unknown_category", gettext_lazy("“%s” is no category of the ledger."), category, "category")
    flags = {name: query.get(name, "") for name in ("overdue", "asked")}
    for name, value in flags.items():
        if value not in {"", "0", "1"}:
            raise _refuse("bad_flag", gettext_lazy("This is 1 or left out, not “%s”."), value, name)
    due, lookback = query.get("due", ""), query.get("lookback", "")
    if due and due not in DUE:
        raise _refuse("bad_due", gettext_lazy("Due is today, week or later, not “%s”."), due, "due")
    if lookback not in {"", "due"}:
        raise _refuse("bad_lookback", gettext_lazy("The look-back is due or left out, not “%s”."), lookback, "lookback")
    text = query.get("text", "").replace("\x00", "").strip()
    if len(text) > 100:
        raise BadFilter("text_too_long", gettext_lazy("Search for at most 100 characters."), field="text")
    figure = query.get("figure", "")
    decision = query.get("decision", "")
    if decision and not _is_id(decision):
        raise _refuse("bad_decision", gettext_lazy("“%s” is not the id of a decision."), decision, "decision")
    sort = query.get("sort", "") or NEWEST
    if sort not in SORTS:
        raise _refuse("bad_sort", gettext_lazy("The table cannot be sorted by “%s”."), sort, "sort")
    return Filters(
        states=states,
        area=normalise_code(area, field="area") if area else "",
        category=category,
        overdue=flags["overdue"] == "1",
        due=due,
        asked=flags["asked"] == "1",
        lookback=lookback,
        text=text,
        figure=read_figure(figure) if figure else None,
        decision=decision,
        sort=sort,
    )


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _refuse(code: str, message: Promise, value: str, field: str) -> BadFilter:
    return BadFilter(code, str(message) % value[:40], field=field)


def write_filters(filters: Filters, **more: str) -> str:
    """The query string of a question, without the question mark; "" asks for everything, newest first."""
    pairs = [("state", state) for state in filters.states]
    pairs += [("area", filters.area), ("category", filters.category), ("overdue", "1" if filters.overdue else "")]
    pairs += [("due", filters.due), ("asked", "1" if filters.asked else ""), ("lookback", filters.lookback)]
    pairs += [("text", filters.text), ("figure", str(filters.figure or "")), ("decision", filters.decision)]
    pairs += [("sort", "" if filters.sort == NEWEST else filters.sort), *more.items()]
    return urlencode([(name, value) for name, value in pairs if value])


def sentence(filters: Filters, names: Mapping[str, str], categories: Mapping[str, Category]) -> list[Chip]:
    """The question in words, part by part; `names` says what the area is called."""
    chips: list[Chip] = []
    if filters.figure:
        chips.append(Chip(in_words(filters.figure, names), write_filters(replace(filters, figure=None))))
    if filters.decision:
        chips.append(Chip(_("carrying out a decision"), write_filters(replace(filters, decision=""))))
    if filters.area:
        words = names.get(filters.area, filters.area)
        chips.append(Chip(words, write_filters(replace(filters, area=""))))
    if filters.category:
        words = str(categories[filters.category])
        chips.append(Chip(words, write_filters(replace(filters, category=""))))
    if filters.states:
        words = _(" or ").join(str(State(state).label) for state in filters.states)
        chips.append(Chip(words, write_filters(replace(filters, states=()))))
    if filters.overdue:
        chips.append(Chip(_("overdue"), write_filters(replace(filters, overdue=False)), late=True))
    if filters.due:
        chips.append(Chip(str(DUE_WORDS[filters.due]), write_filters(replace(filters, due=""))))
    if filters.asked:
        chips.append(Chip(_("more time asked for"), write_filters(replace(filters, asked=False))))
    if filters.lookback:
        chips.append(Chip(_("look-back due"), write_filters(replace(filters, lookback=""))))
    if filters.text:
        chips.append(Chip(_("“%(text)s”") % {"text": filters.text}, write_filters(replace(filters, text=""))))
    return chips


def sort_links(filters: Filters) -> dict[str, dict[str, str]]:
    """For each column that sorts: the address that sorts by it (again: the other way), and how it sorts now."""
    links = {}
    for column in [name for name in SORTS if not name.startswith("-")]:
        newest_first = column in {"found_at", "number"}
        first, then = (f"-{column}", column) if newest_first else (column, f"-{column}")
        now = {column: "ascending", f"-{column}": "descending"}.get(filters.sort, "")
        target = then if filters.sort == first else first
        links[column] = {"url": f"?{write_filters(replace(filters, sort=target))}", "sorted": now}
    return links
