"""Reading lists of risk areas as they are published: GeoJSON, a table, or plain text; totals they print are checked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

import shapely
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.tables import Row, in_zone, is_workbook, parse_moment, read_table
from duban.core.text import folded, is_plain
from duban.outbreak.models import Measure
from duban.places import queries as places
from duban.places.codes import normalise_code
from duban.places.geojson import load_collection, read_outline

MAX_LOOKBACK = 60
MAX_AREAS = 20_000
DAY_ALONE = re.compile(r"\d{4}[-/年.]\d{1,2}[-/月.]\d{1,2}日?")
LEVELS = {"high": ("high", "高风险"), "medium": ("medium", "中风险"), "low": ("low", "低风险")}
MEASURE_WORDS = {
    Measure.CENTRALISED: ("集中隔离", "集中医学观察", "集中隔离医学观察"),
    Measure.HOME: ("居家隔离", "居家医学观察", "居家"),
    Measure.TEST: ("核酸检测", "检测"),
    Measure.MONITOR: ("健康监测", "监测"),
}
HEADING = re.compile(
    r"((?:[高中低]|high|medium|low)[- ]?(?:风险|risk)[^\s（(:：、。0-9]*)"
    r"\s*[（(:：]?\s*(?:共|total)?\s*(\d+)\s*(?:个|处|areas?)?",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"^\s*(?:\d+\s*[.、．)）]|[(（]\d+[)）]|[-•·*])\s*(.+?)\s*[。;；]?\s*$")


class BadArea(DubanError):
    """`row` counts features, or lines of a table or text, from 1."""


@dataclass(frozen=True)
class AreaDraft:
    """A risk area as a list states it: an outline (GeoJSON, WGS 84) or an administrative code."""

    key: str
    name: str
    level: str
    measure: str
    starts_at: datetime
    ends_at: datetime | None
    lookback_days: int
    code: str = ""
    geometry: dict[str, Any] | None = None
    source: str = ""
    row: int | None = None


@dataclass(frozen=True)
class Defaults:
    """What a list leaves unsaid: a text names places and levels alone."""

    starts: str = ""
    ends: str = ""
    lookback_days: str = ""
    measure: str = ""
    source: str = ""
    level: str = ""


@dataclass(frozen=True)
class ReadAreas:
    drafts: list[AreaDraft]
    refused: list[tuple[Row, DubanError]]
    columns: list[str]
    said: dict[str, int] = field(default_factory=dict)
    """The totals that the list prints, by level as it writes it; under "" of all."""


def read_areas(data: bytes, name: str, defaults: Defaults | None = None) -> ReadAreas:
    """The areas of a list by its file name: .geojson or .json, .csv or a workbook, anything else is text.

    Raises BadArea: `totals_differ`, `no_areas`, `too_many_areas`; BadLayer or BadTable of the file as a whole.
    """
    given, lowered = defaults or Defaults(), name.lower()
    if lowered.endswith((".geojson", ".json")):
        found = _read_geojson(data, given)
    elif lowered.endswith(".csv") or is_workbook(lowered):
        found = _read_csv(data, name, given)
    else:
        found = _read_text(data, given)
    if not found.drafts and not found.refused:
        raise BadArea("no_areas", _("The list names no area."), field="file")
    if len(found.drafts) + len(found.refused) > MAX_AREAS:
        raise BadArea("too_many_areas", _("At most 20,000 areas a list; split it."), field="file")
    if not found.refused:
        _check_totals(found)
    return _unique(found)


def level_of(text: str) -> str:
    """high, medium or low where the words say so, else the words themselves."""
    key = folded(text)
    for level, words in LEVELS.items():
        if any(key.startswith(word) for word in words) or key in {level, words[1][:1]}:
            return level
    return key


def _check_totals(found: ReadAreas) -> None:
    counts = Counter(level_of(draft.level) for draft in found.drafts)
    for level, said in found.said.items():
        read = counts[level_of(level)] if level else len(found.drafts)
        if read != said:
            raise BadArea(
                "totals_differ",
                _("The list says %(said)d areas (%(level)s), but %(read)d were read; nothing was declared.")
                % {"said": said, "level": level or _("all"), "read": read},
                field="file",
            )


def _unique(found: ReadAreas) -> ReadAreas:
    """The areas whose id stands once; the second is refused."""
    seen: set[str] = set()
    drafts, refused = [], list(found.refused)
    for draft in found.drafts:
        if draft.key in seen:
            row = Row(draft.row or 0, {"id": draft.key, "name": draft.name})
            refusal = BadArea(
                "area_twice",
                _("The id “%(key)s” is there twice.") % {"key": draft.key[:60]},
                field="id",
                row=draft.row,
            )
            refused.append((row, refusal))
        else:
            seen.add(draft.key)
            drafts.append(draft)
    return replace(found, drafts=drafts, refused=refused)


# ---- one area -------------------------------------------------------------------------------------------------------


def read_area(cells: Mapping[str, Any], defaults: Defaults, row: int) -> AreaDraft:
    """An area of the contract's properties and a `geometry`; what is empty is taken from the defaults.

    Raises BadArea (`area_name`, `level_missing`, `unknown_measure`, `bad_window`, `bad_lookback_days`, `area_place`,
    `bad_text`), BadCode, BadLayer.
    """

    def text(column: str, default: str = "") -> str:
        value = cells.get(column)
        found = "" if value is None else str(value).strip()
        if not is_plain(found):
            raise BadArea("bad_text", _("The text holds what is no character; type it again."), field=column, row=row)
        return found or default

    name, level = text("name"), text("level", defaults.level)
    if not name or len(name) > 200:
        raise BadArea("area_name", _("An area has a name of at most 200 characters."), field="name", row=row)
    if not level or len(level) > 40:
        raise BadArea(
            "level_missing", _("Write the level as the notice does, in at most 40 characters."), field="level", row=row
        )
    starts = _moment(cells.get("from"), defaults.starts, "from", row)
    ends = _moment(cells.get("to"), defaults.ends, "to", row, last=True)
    if starts is None:
        raise BadArea("bad_window", _("Say from when on people are looked for."), field="from", row=row)
    if ends is not None and ends < starts:
        raise BadArea("bad_window", _("The window ends before it starts."), field="to", row=row)
    geometry, code = cells.get("geometry"), text("code")
    if not geometry and not code:
        raise BadArea("area_place", _("An area needs an outline or an administrative code."), field="code", row=row)
    outline = json.loads(shapely.to_geojson(read_outline(geometry, row))) if geometry else None
    key = text("id") or name
    source = text("source", defaults.source)
    if len(key) > 100 or len(source) > 500:
        raise BadArea("area_name", _("An id has at most 100 characters, a source at most 500."), field="id", row=row)
    return AreaDraft(
        key=key,
        name=name,
        level=level,
        measure=_measure(text("measure", defaults.measure), row),
        starts_at=starts,
        ends_at=ends,
        lookback_days=_lookback(text("lookback_days", defaults.lookback_days), row),
        # A code beside an outline says whose it is; the outline alone is the place.
        code="" if outline else normalise_code(code, row=row),
        geometry=outline,
        source=source,
        row=row,
    )


def _measure(text: str, row: int) -> str:
    word = folded(text)
    for measure, words in MEASURE_WORDS.items():
        if word == measure.value or word in words:
            return measure.value
    raise BadArea(
        "unknown_measure",
        _("The measure is centralised, home, test or monitor, not “%(text)s”.") % {"text": text[:40] or "–"},
        field="measure",
        row=row,
    )


def _lookback(text: str, row: int) -> int:
    days = text.removesuffix(".0") or "0"
    if not re.fullmatch(r"\d{1,3}", days, re.ASCII) or int(days) > MAX_LOOKBACK:
        raise BadArea(
            "bad_lookback_days",
            _("The look-back is 0 to %(most)d whole days, not “%(text)s”.") % {"most": MAX_LOOKBACK, "text": text[:20]},
            field="lookback_days",
            row=row,
        )
    return int(days)


def _moment(value: Any, default: str, column: str, row: int, *, last: bool = False) -> datetime | None:
    """The time, in the office's zone if it has no offset; a day alone as the end of a window is that whole day."""
    if value is None or str(value).strip() == "":
        value = default
    if value == "":
        return None
    moment = value if isinstance(value, datetime) else parse_moment(str(value).strip())
    if moment is None:
        raise BadArea(
            "bad_window",
            _("“%(text)s” is not a date and time; write 2021-01-18 09:30 or 2021-01-18T09:30+08:00.")
            % {"text": str(value)[:40]},
            field=column,
            row=row,
        )
    if last and DAY_ALONE.fullmatch(str(value).strip()):
        moment = datetime.combine(moment.date(), time()) + timedelta(days=1) - timedelta(microseconds=1)
    return in_zone(moment)


# ---- GeoJSON --------------------------------------------------------------------------------------------------------


def _read_geojson(data: bytes, defaults: Defaults) -> ReadAreas:
    document = load_collection(data)
    drafts: list[AreaDraft] = []
    refused: list[tuple[Row, DubanError]] = []
    columns = ["id", "name", "level", "from", "to", "lookback_days", "measure", "code", "source"]
    for number, feature in enumerate(document["features"], start=1):
        properties = (feature.get("properties") or {}) if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            wrong = BadArea("feature_malformed", _("This is no GeoJSON feature."), row=number)
            refused.append((Row(number, {}), wrong))
            continue
        cells = {**properties, "geometry": feature.get("geometry")}
        cells["id"] = properties.get("id", feature.get("id"))
        try:
            drafts.append(read_area(cells, defaults, number))
        except DubanError as refusal:
            refused.append((Row(number, {column: cells.get(column) for column in columns}), refusal))
    return ReadAreas(drafts, refused, columns, _said(document))


def _said(document: Mapping[str, Any]) -> dict[str, int]:
    """The foreign members `totals` (by level) and `total`."""
    totals, total = document.get("totals"), document.get("total")
    said = {} if not isinstance(totals, dict) else dict(totals)
    if total is not None:
        said[""] = total
    for level, count in said.items():
        if not isinstance(count, int):
            raise BadArea("totals_differ", _("The total of “%(level)s” is no number.") % {"level": level}, field="file")
    return said


# ---- a table --------------------------------------------------------------------------------------------------------

TOTAL_WORDS = {"total", "合计", "总计", "共计"}


def _read_csv(data: bytes, name: str, defaults: Defaults) -> ReadAreas:
    """Columns id, name, level, from, to, lookback_days, measure, code, geometry (WKT), source.

    A row whose id is total or 合计 states a total: its name is the number, its level what was counted.
    """
    columns, rows = read_table(data, name, required=("name", "level"))
    drafts: list[AreaDraft] = []
    refused: list[tuple[Row, DubanError]] = []
    said: dict[str, int] = {}
    for row in rows:
        if row.text("id").lower() in TOTAL_WORDS or row.text("name").lower() in TOTAL_WORDS:
            numbers = re.findall(r"\d+", " ".join(str(cell) for cell in row.cells.values() if cell is not None))
            said[row.text("level")] = int(numbers[0]) if numbers else 0
            continue
        try:
            drafts.append(read_area({**row.cells, "geometry": _wkt(row)}, defaults, row.number))
        except DubanError as refusal:
            refused.append((row, refusal))
    return ReadAreas(drafts, refused, columns, said)


def _wkt(row: Row) -> dict[str, Any] | None:
    text = row.text("geometry")
    if not text:
        return None
    try:
        return json.loads(shapely.to_geojson(shapely.from_wkt(text)))
    except (shapely.errors.ShapelyError, ValueError) as error:
        raise BadArea("feature_geometry", _("The outline is no WKT."), field="geometry", row=row.number) from error


# ---- text -----------------------------------------------------------------------------------------------------------


def _read_text(data: bytes, defaults: Defaults) -> ReadAreas:
    """Headings with a level and a number (“中风险地区（9个）”), and below each one place a line, numbered or marked."""
    lines = _decoded(data).splitlines()
    drafts: list[AreaDraft] = []
    refused: list[tuple[Row, DubanError]] = []
    said: dict[str, int] = {}
    level = ""
    for number, line in enumerate(lines, start=1):
        item = NUMBERED.match(line)
        headings = HEADING.findall(line)
        if headings and not (item and level and not item[1].startswith(headings[0][0])):
            said |= {words: int(count) for words, count in headings}
            level = headings[-1][0]
            continue
        if item is None or not level:
            continue
        cells = {"name": item[1], "level": level}
        try:
            code = code_of_place(item[1], number)
            drafts.append(read_area({**cells, "code": code}, defaults, number))
        except DubanError as refusal:
            refused.append((Row(number, cells), refusal))
    return ReadAreas(drafts, refused, ["name", "level"], said)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadArea("file_encoding", _("The text is neither UTF-8 nor GB 18030; save it as UTF-8."), field="file")


def code_of_place(text: str, row: int | None = None) -> str:
    """The code of the finest unit that a place's words name, county to community; raises BadArea (`unknown_place`).

    “大兴区天宫院街道融汇社区” is found part by part, each within the one before; two that fit equally are none.
    """
    words = re.sub(r"^(?:\w{2,3}(?:省|自治区))?(?:北京|天津|上海|重庆)?市?", "", re.sub(r"\s", "", text)) or text
    parts = re.findall(r".+?(?:自治县|新区|街道|地区|社区|[区县旗镇乡村])", words) or [words]
    within: Sequence[str] | None = None
    code = ""
    for part in parts:
        units = [unit for unit in places.search(part, codes=within, limit=50) if unit.name in {part, f"{part}委会"}]
        units = units or [unit for unit in places.search(part, codes=within, limit=50) if unit.name.startswith(part)]
        if len(_coarsest(unit.code for unit in units)) != 1:
            if code and not units:
                break
            continue
        code = min((unit.code for unit in units), key=len)
        within = [code]
    whole = parts[-1] if parts else text
    if not code or not _named(code, whole):
        raise BadArea(
            "unknown_place",
            _("No unit of the code list is called “%(name)s”; give its code, or draw the outline.")
            % {"name": text[:60]},
            field="name",
            row=row,
        )
    return code


def _coarsest(codes: Iterable[str]) -> set[str]:
    found = list(codes)
    shortest = min((len(code) for code in found), default=0)
    return {code for code in found if len(code) == shortest}


def _named(code: str, part: str) -> bool:
    """Whether the code is of the last part that was named: a community not on the list is not its whole town."""
    name = places.names([code]).get(code, "")
    return name.startswith(part) or part.startswith(name)
