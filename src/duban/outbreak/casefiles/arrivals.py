"""Hand-over lists of arrivals as other districts send them: each row judged, mended only where there is no doubt."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.tables import Row, in_zone, parse_moment, read_table
from duban.core.text import is_plain
from duban.outbreak.casefiles.identity import Facts, normal_document
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.opening import TOWN, ExposureDraft, FileDraft
from duban.outbreak.lists import code_of_place
from duban.outbreak.models import Declaration, ExposureKind
from duban.outbreak.people import is_mobile, normal_id_number, normal_phone
from duban.places import queries as places
from duban.places.codes import covers

COLUMNS = {
    "name": ("姓名", "名字"),
    "id_number": ("身份证号", "身份证号码", "身份证", "证件号", "证件号码", "公民身份号码"),
    "phone": ("电话", "手机", "手机号", "手机号码", "联系电话", "联系方式"),
    "from_place": ("来源地", "来自", "出发地", "来自何处"),
    "left_area_at": ("离开时间", "离开日期", "离开风险区时间"),
    "arrived_at": ("到达时间", "到达日期", "抵达时间", "到京时间"),
    "stay_address": ("居住地址", "现住址", "住址", "详细地址"),
    "stay_jurisdiction": ("居住地区划", "街道乡镇", "属地", "区划代码", "所属社区"),
}
"""Ours, and what others call them."""
NEEDED = ("name", "id_number", "phone")
NOTHING = frozenset(
    {"无", "-", "--", "—", "/", "\\", "不详", "未知", "不明", "n/a", "na", "null", "none", "nan", "空", "暂无"}
)
AHEAD = timedelta(hours=1)
EXPECTED = timedelta(days=30)
"""How long before somebody arrives a list may announce them."""
SERIAL = re.compile(r"[3-6]\d{4}(\.\d+)?", re.ASCII)
"""Days since 30 December 1899, as Excel keeps a date: 1982 to 2091."""
COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[ T]?(\d\d):?(\d\d)(?::?(\d\d))?)?", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})((?:\s.*)?)", re.ASCII)
DOTTED = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})")
LONGEST = {"name": 60, "from_place": 100, "stay_address": 150}


@dataclass(frozen=True)
class Arrival:
    """A row that can be taken: its number, who it is about, and what was mended or is not known."""

    row: Row
    draft: FileDraft
    notes: tuple[str, ...]


@dataclass
class ReadArrivals:
    columns: list[str]
    rows: int = 0
    good: list[Arrival] = field(default_factory=list)
    refused: list[tuple[Row, DubanError]] = field(default_factory=list)

    def notes(self) -> Counter[str]:
        return Counter(note for one in self.good for note in one.notes)


def read_arrivals(data: bytes, name: str, *, order: Declaration, scope: Sequence[str], now: datetime) -> ReadArrivals:
    """The rows of a CSV or workbook with the contract's columns, or their Chinese names, judged one by one.

    `scope`: the codes whose people the reader may follow. Raises BadTable for the file as a whole.
    """
    columns, rows = read_table(data, name, required=())
    ours = _columns(columns)
    judge = _Judge(order, scope, now)
    read = ReadArrivals(columns, len(rows))
    for row in rows:
        try:
            read.good.append(judge.read(row, {name: row.cells.get(theirs) for name, theirs in ours.items()}))
        except DubanError as refusal:
            refusal.row = row.number
            read.refused.append((row, refusal))
    return read


def _columns(heading: Sequence[str]) -> dict[str, str]:
    """What the file calls each of our columns; raises BadFile (`columns_missing`)."""
    found: dict[str, str] = {}
    for ours, theirs in COLUMNS.items():
        for column in heading:
            if re.sub(r"\s", "", column) in (ours, *theirs):
                found.setdefault(ours, column)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise BadFile(
            "columns_missing",
            _("The first row must name the columns; missing: %(columns)s.") % {"columns": ", ".join(missing)},
            field=missing[0],
        )
    return found


class _Judge:
    """Judges the rows of one list; what is asked often is remembered."""

    def __init__(self, order: Declaration, scope: Sequence[str], now: datetime):
        self.order, self.scope, self.now = order, scope, now
        area = order.area.jurisdiction
        self.office = area[:6]
        # Who is found nowhere is looked after by the office, or by the town that takes the list in.
        self.nowhere = next((code[:TOWN] for code in (self.office, area, *scope) if covers(scope, code)), self.office)
        self.since = order.starts_at - timedelta(days=order.lookback_days)
        self.codes: dict[str, str] = {}
        self.moments: dict[object, datetime | None] = {}

    def read(self, row: Row, cells: Mapping[str, Any]) -> Arrival:
        text = {name: _text(cells.get(name)) for name in COLUMNS}
        notes: list[str] = []
        name, id_number, phone = _in_place(text["name"], text["id_number"], text["phone"], notes)
        facts = Facts(
            name=_name(name),
            id_number=_id_number(id_number),
            phone=phone,
            stay_address=_words(text["stay_address"], "stay_address"),
            from_place=_words(text["from_place"], "from_place"),
        )
        _require_phone(facts, notes)
        stay = self._stay(text["stay_jurisdiction"], notes)
        exposure = self._exposure(cells, notes)
        town = stay[:TOWN] if stay else self.nowhere
        return Arrival(row, FileDraft(facts, stay or self.nowhere, town, (exposure,)), tuple(notes))

    # ---- when -------------------------------------------------------------------------------------------------------

    def _exposure(self, cells: Mapping[str, Any], notes: list[str]) -> ExposureDraft:
        left = self._moment(cells.get("left_area_at"), "left_area_at")
        arrived = self._moment(cells.get("arrived_at"), "arrived_at")
        if arrived is not None and arrived > self.now + EXPECTED:
            raise BadFile("in_the_future", _("The arrival lies more than a month ahead."), field="arrived_at")
        if left is None:
            left = self._no_later_than(arrived)
            notes.append("left_unknown")
        if left > self.now + AHEAD:
            raise BadFile("in_the_future", _("The departure lies in the future."), field="left_area_at")
        if arrived is not None and _before(arrived, left):
            raise BadFile(
                "arrived_before_left",
                _("The person arrived before leaving the area; see which is right."),
                field="arrived_at",
            )
        if _before(left, self.since):
            raise BadFile(
                "left_before_window",
                _("The person left before the time that the order names, so it does not reach them."),
                field="left_area_at",
            )
        last = min(left, self.order.ends_at) if self.order.ends_at else left
        order = self.order
        return ExposureDraft(ExposureKind.AREA, order.number, order.measure, order.name[:200], last, last, arrived)

    def _no_later_than(self, arrived: datetime | None) -> datetime:
        """Who arrived had left by then: an upper bound, no guess. Raises BadFile (`left_missing`)."""
        if arrived is None or arrived > self.now + AHEAD:
            raise BadFile("left_missing", _("When the person left the area is missing."), field="left_area_at")
        return arrived

    def _moment(self, value: Any, column: str) -> datetime | None:
        if not isinstance(value, datetime | date | float | int):
            value = _text(value)
        if value == "":
            return None
        if value not in self.moments:
            self.moments[value] = moment_of(value)
        moment = self.moments[value]
        if moment is None:
            raise BadFile(
                "bad_date",
                _("“%(text)s” is no date that can be read in one way alone; write 2021-01-18 or 2021-01-18 09:30.")
                % {"text": str(value)[:40]},
                field=column,
            )
        return moment

    # ---- where ------------------------------------------------------------------------------------------------------

    def _stay(self, text: str, notes: list[str]) -> str:
        """The code of the finest known unit; "" where nothing of it is known. Raises BadFile (`stay_elsewhere`)."""
        if text not in self.codes:
            self.codes[text] = code_of_stay(text)
        code = self.codes[text]
        if code and not (code.startswith(self.office) and (covers(self.scope, code) or len(code) < TOWN)):
            raise BadFile(
                "stay_elsewhere",
                _("The person stays outside your area (%(code)s); hand the row over to whose it is.") % {"code": code},
                field="stay_jurisdiction",
            )
        if len(code) < TOWN:
            notes.append("stay_unknown")
            return ""
        return code


def code_of_stay(text: str) -> str:
    """The code of a unit that the list of units holds, cut to what it holds; a foreign county's as it stands."""
    if not text:
        return ""
    digits = re.sub(r"\D", "", text) if re.fullmatch(r"[\d\s]+", text) else ""
    if digits:
        if len(digits) < 6:
            return ""
        known = places.names([digits[:length] for length in (15, 12, 9, 6) if len(digits) >= length])
        return max(known, key=len, default=digits[:6] if len(digits) in (6, 9, 12, 15) else "")
    try:
        return code_of_place(text)
    except DubanError:
        return ""


# ---- cells ----------------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """The cell in one width, without blanks around it; "" for the words that say that there is nothing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    return "" if text.lower() in NOTHING else text


def _in_place(name: str, id_number: str, phone: str, notes: list[str]) -> tuple[str, str, str]:
    """The three in their own columns: where each is beyond doubt what it is, a swap is put right."""
    kinds = [_kind(text) for text in (name, id_number, phone)]
    told = {kind: text for kind, text in zip(kinds, (name, id_number, phone), strict=True) if text}
    right = all(
        not text or kind == place for kind, place, text in zip(kinds, NEEDED, (name, id_number, phone), strict=True)
    )
    if right or "" in told or len(told) != sum(bool(text) for text in (name, id_number, phone)):
        return name, id_number, phone
    notes.append("swapped")
    return told.get("name", ""), told.get("id_number", ""), told.get("phone", "")


def _kind(text: str) -> str:
    """What a text is beyond doubt, else ""."""
    if normal_id_number(text) or normal_document(text):
        return "id_number"
    if is_mobile(normal_phone(text)):
        return "phone"
    return "name" if text and not re.search(r"\d", text) else ""


def _name(text: str) -> str:
    if not text:
        raise BadFile("name_missing", _("The name is missing."), field="name")
    if re.search(r"\d", text):
        raise BadFile("bad_name", _("A name has no digits; the columns may be swapped."), field="name")
    return _words(re.sub(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])", "", text), "name")


def _words(text: str, column: str) -> str:
    if len(text) > LONGEST[column] or not is_plain(text):
        raise BadFile("text_too_long", _("At most %(most)d characters.") % {"most": LONGEST[column]}, field=column)
    return text


def _id_number(text: str) -> str:
    number = normal_id_number(text) or normal_document(text)
    if text and not number:
        raise BadFile(
            "bad_id_number",
            _("This is no ID number: its length, its date or its check digit is wrong."),
            field="id_number",
        )
    return number


def _require_phone(facts: Facts, notes: list[str]) -> None:
    phone = normal_phone(facts.phone)
    good = bool(phone) and (is_mobile(phone) or not re.match(r"1[3-9]", phone))
    if good or (facts.id_number and not facts.phone):
        return
    if facts.id_number:
        notes.append("phone_unreadable")
        return
    if facts.phone:
        raise BadFile("bad_phone", _("This is no telephone's number, and there is no ID number."), field="phone")
    raise BadFile(
        "nobody_named", _("Neither an ID number nor a phone: nobody could be found again."), field="id_number"
    )


def moment_of(value: Any) -> datetime | None:
    """A date and time as lists write them, in the office's zone; None for what is none, or could be read in two ways.

    >>> moment_of("18.1.2021").isoformat() == moment_of("２０２１年1月18日").isoformat() == moment_of(44214).isoformat()
    True
    >>> moment_of("3/4/2021") is None
    True
    """
    if isinstance(value, datetime):
        return in_zone(value)
    if isinstance(value, date):
        return in_zone(datetime.combine(value, time()))
    text = _text(value)
    try:
        moment = _serial(text) or _compact(text) or _year_last(text) or parse_moment(DOTTED.sub(r"\1-\2-\3", text))
    except (ValueError, OverflowError):
        return None
    return in_zone(moment) if moment and 1900 <= moment.year <= 2100 else None


def _serial(text: str) -> datetime | None:
    if not SERIAL.fullmatch(text):
        return None
    moment = datetime(1899, 12, 30) + timedelta(days=float(text))  # noqa: DTZ001  by the office's clock
    return moment.replace(microsecond=0)


def _compact(text: str) -> datetime | None:
    found = COMPACT.fullmatch(text)
    return datetime(*(int(part or 0) for part in found.groups())) if found else None  # type: ignore[arg-type]  # noqa: DTZ001


def _year_last(text: str) -> datetime | None:
    """18/1/2021 and 1/18/2021; of 3/4/2021 nobody knows the month."""
    found = YEAR_LAST.fullmatch(text)
    if found is None:
        return None
    one, other = int(found[1]), int(found[2])
    if one <= 12 and other <= 12 and one != other:
        return None
    day, month = (one, other) if one > 12 else (other, one)
    return parse_moment(f"{found[3]}-{month:02d}-{day:02d}{found[4]}")


def _before(one: datetime, other: datetime) -> bool:
    """Whether the one lies before the other; where one of them is a day alone, by the day."""
    one, other = timezone.localtime(one), timezone.localtime(other)
    if time() in (one.time(), other.time()):
        return one.date() < other.date()
    return one < other
