"""Tables of presences as they come, row by row into one shape: what is no number or no time is refused by its row."""

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.tables import BadTable, Row, is_workbook, table_rows
from duban.engines.geo.codes import trim_code
from duban.engines.geo.positions import usable
from duban.outbreak.people import IDENTIFIERS
from duban.places import queries as places
from duban.places.codes import LENGTHS

BATCH = 65_536
MAX_VENUE = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
DATUMS = ("wgs84", "gcj02", "bd09")
CHINA = (73.0, 136.0, 3.0, 54.0)
"""West, east, south, north: a pair that lies there only when turned round was turned round."""

PLACE = ("lon", "lat", "datum", "area_code", "venue")
TIMES = ("arrived", "departed")
COLUMNS = (*IDENTIFIERS, "name", "home", *PLACE, *TIMES)
# What offices call our columns; a source may call them otherwise and says so once.
HEADINGS: dict[str, tuple[str, ...]] = {
    "person": ("person", "token"),
    "id_number": ("id_number", "身份证号", "身份证号码", "身份证", "证件号码", "证件号", "公民身份号码"),
    "phone": ("phone", "手机号", "手机号码", "手机", "联系电话", "联系方式", "电话", "电话号码"),
    "own_id": ("own_id", "编号", "序号id", "用户编号", "用户id"),
    "name": ("name", "姓名"),
    "home": ("home", "stay_jurisdiction", "居住地代码", "现住址代码"),
    "lon": ("lon", "lng", "longitude", "经度"),
    "lat": ("lat", "latitude", "纬度"),
    "datum": ("datum", "坐标系"),
    "area_code": ("area_code", "行政区划代码", "区划代码", "地区代码"),
    "venue": ("venue", "场所", "场所名称", "场所码", "地点", "车次", "班次"),
    "arrived": ("arrived", "到达时间", "进入时间", "扫码时间", "登记时间", "入场时间", "乘车时间", "上车时间"),
    "departed": ("departed", "离开时间", "离场时间", "下车时间"),
}


class BadPresence(DubanError):
    pass


@dataclass
class Told:
    """Some rows of a table: the columns as Arrow arrays (n,), the datum known, and what is wrong with which of them."""

    columns: dict[str, pa.Array]
    numbers: list[int] | range
    wrong: dict[int, DubanError] = field(default_factory=dict)
    """By index into the batch, the first thing wrong with the row."""
    cells: Callable[[int], Mapping[str, Any]] = lambda index: {}
    """The row as it was sent, for handing it back."""
    sent: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    """Longitudes and latitudes (n,) as they came, nan for none, and the names of their datums."""

    def __len__(self) -> int:
        return len(self.numbers)

    def refuse(self, indices: np.ndarray, make: Callable[[int], DubanError]) -> None:
        for index in indices.tolist():
            if index not in self.wrong:
                self.wrong[index] = make(index)

    def texts(self, name: str) -> list[str]:
        """A text column with "" for nothing."""
        column = self.columns.get(name)
        if column is None:
            return [""] * len(self)
        return [value or "" for value in column.to_pylist()]


def read_presences(path: Path, name: str, mapping: Mapping[str, str], datum: str) -> Iterator[Told]:
    """The rows of a Parquet, CSV or workbook file in batches. `mapping` is ours: theirs, where a heading is unknown.

    Raises BadTable for the file as a whole (`columns_missing`, `file_not_a_table`, `bad_mapping`, and those of tables).
    """
    if name.lower().endswith((".parquet", ".pq")):
        yield from _parquet(path, mapping, datum)
    else:
        yield from _table(path, name, mapping, datum)


def known_columns(headings: list[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Ours: theirs. Raises BadTable (`bad_mapping`, `columns_missing`)."""
    there = {folded: heading for heading in headings if (folded := _folded(heading))}
    found = {}
    for ours, theirs in mapping.items():
        if ours not in COLUMNS:
            raise BadTable(
                "bad_mapping",
                _("There is no column %(name)s; there are %(all)s.") % {"name": ours[:40], "all": ", ".join(COLUMNS)},
                field=ours[:40],
            )
        if _folded(theirs) in there:
            found[ours] = there[_folded(theirs)]
    for ours, words in HEADINGS.items():
        if ours not in found:
            heading = next((there[word] for word in words if word in there), None)
            if heading is not None and heading not in found.values():
                found[ours] = heading
    missing = [] if any(name in found for name in IDENTIFIERS) else ["person"]
    missing += [] if "arrived" in found else ["arrived"]
    missing += [] if {"lon", "lat"} <= set(found) or {"area_code", "venue"} & set(found) else ["lon", "lat"]
    if missing:
        raise BadTable(
            "columns_missing",
            _("The first row must name the columns; missing: %(columns)s. Say once what they are called here.")
            % {"columns": ", ".join(missing)},
            field=missing[0],
        )
    return found


def _folded(heading: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", heading)).lower()


# ---- Parquet --------------------------------------------------------------------------------------------------------


def _parquet(path: Path, mapping: Mapping[str, str], datum: str) -> Iterator[Told]:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise BadTable("file_not_a_table", _("The file cannot be read as Parquet."), field="file") from error
    with file:
        found = known_columns(file.schema_arrow.names, mapping)
        for name in TIMES:
            kind = file.schema_arrow.field(found[name]).type if name in found else pa.timestamp("us", "UTC")
            if not (pa.types.is_timestamp(kind) or pa.types.is_null(kind)):
                raise BadTable(
                    "bad_time", _("The column %(name)s must hold timestamps.") % {"name": found[name]}, field=name
                )
        number = 1
        try:
            for batch in file.iter_batches(BATCH, columns=list(dict.fromkeys(found.values())), use_threads=False):
                yield _from_arrow(batch, found, number, datum)
                number += batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise BadTable(
                "file_not_a_table", _("The Parquet file is damaged after row %(row)d.") % {"row": number - 1}
            ) from error


def _from_arrow(batch: pa.RecordBatch, found: Mapping[str, str], number: int, datum: str) -> Told:
    rows = batch.num_rows
    given = {ours: batch.column(batch.schema.get_field_index(theirs)) for ours, theirs in found.items()}
    naive = next((name for name in TIMES if name in given and getattr(given[name].type, "tz", "") is None), None)
    columns = {}
    for name, column in given.items():
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = pa.float64() if name in {"lon", "lat"} else pa.string()
        if name in TIMES:
            if pa.types.is_timestamp(column.type) and column.type.tz is None:
                column = column.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
            kind = pa.timestamp("us", "UTC")
        try:
            columns[name] = column.cast(kind, safe=False)
        except pa.ArrowException as error:
            raise BadTable(
                "bad_column", _("The column %(name)s is of a kind that cannot be read.") % {"name": name}, field=name
            ) from error
    told = Told(columns, range(number, number + rows), cells=lambda index: _cells(given, index))
    if naive is not None:
        told.refuse(
            np.arange(rows),
            lambda index: BadPresence(
                "naive_time",
                _("The times carry no time zone; write timestamps in UTC."),
                field=naive,
                row=number + index,
            ),
        )
    _finish(told, datum)
    return told


def _cells(given: Mapping[str, pa.Array], index: int) -> dict[str, Any]:
    values = {name: column[index].as_py() for name, column in given.items()}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


# ---- tables ---------------------------------------------------------------------------------------------------------


def _table(path: Path, name: str, mapping: Mapping[str, str], datum: str) -> Iterator[Told]:
    if not (name.lower().endswith((".csv", ".txt")) or is_workbook(name)):
        raise BadTable(
            "file_not_a_table", _("Send Parquet, CSV or an Excel workbook; the name must end so."), field="file"
        )
    data = path.read_bytes()
    headings, rows = table_rows(data, name, required=())
    found = known_columns(headings, {ours: theirs.lower() for ours, theirs in mapping.items()})
    if is_workbook(name):
        rows = iter(list(rows))
    else:
        # What is wrong with the file as a whole comes before its first row; all rows at once would take gigabytes.
        deque(rows, maxlen=0)
        _headings, rows = table_rows(data, name, required=())
    while batch := list(islice(rows, BATCH)):
        told = _from_rows(batch, found)
        _finish(told, datum)
        yield told


def _from_rows(rows: list[Row], found: Mapping[str, str]) -> Told:
    values: dict[str, list[Any]] = {name: [] for name in found}
    wrong: dict[int, DubanError] = {}
    for index, row in enumerate(rows):
        for name, theirs in found.items():
            value: Any = None
            text = row.text(theirs)
            if text:
                try:
                    value = _cell(row, name, theirs, text)
                except DubanError as refusal:
                    wrong.setdefault(index, BadPresence(refusal.code, refusal.message, field=name, row=row.number))
            values[name].append(value)
    columns = {
        name: pa.array(
            column,
            pa.float64() if name in {"lon", "lat"} else pa.timestamp("us", "UTC") if name in TIMES else pa.string(),
        )
        for name, column in values.items()
    }
    return Told(columns, [row.number for row in rows], wrong, lambda index: rows[index].cells)


def _cell(row: Row, name: str, theirs: str, text: str) -> Any:
    if name in {"lon", "lat"}:
        return row.number_in(theirs)
    if name in TIMES:
        return row.moment_in(theirs).astimezone(UTC)
    return text.replace("\x00", "")


# ---- what is wrong with a row ---------------------------------------------------------------------------------------


def _finish(told: Told, datum: str) -> None:
    """Bring positions to WGS 84 and codes to their normal form, and find what is wrong with each row."""
    _places(told, datum)
    _times(told)
    _codes(told)


def _places(told: Told, datum: str) -> None:
    rows = len(told)
    lon, lat = (_numbers(told, name) for name in ("lon", "lat"))
    has_lon, has_lat = (_given(told, name) for name in ("lon", "lat"))
    both = has_lon & has_lat

    def refuse(where: Any, code: str, words: Any, column: str) -> None:
        told.refuse(
            np.flatnonzero(where), lambda index: BadPresence(code, words, field=column, row=told.numbers[index])
        )

    nowhere = ~(has_lon | has_lat)
    for name in ("area_code", "venue"):
        nowhere &= ~_given(told, name)
    refuse(nowhere, "no_place", _("There is neither a position nor an area code nor a venue."), "lon")
    refuse(has_lon != has_lat, "half_position", _("There is a longitude or a latitude, but not both."), "lon")
    refuse(both & ~(np.isfinite(lon) & np.isfinite(lat)), "not_a_number", _("The position is no finite number."), "lon")
    good, turned = usable(lon, lat), usable(lat, lon)
    swapped = both & turned & (~good | (_in_china(lat, lon) & ~_in_china(lon, lat)))
    refuse(swapped, "swapped", _("Longitude and latitude are swapped."), "lon")
    refuse(both & ~good, "out_of_range", _("Longitude must be within -180..180 and latitude within -90..90."), "lon")
    refuse(
        both & (lon == 0) & (lat == 0), "zero_position", _("A position of 0, 0 is an empty field, not a place."), "lon"
    )
    lon, lat = np.where(both & good, lon, np.nan), np.where(both & good, lat, np.nan)
    names = np.full(rows, datum)
    if "datum" in told.columns:
        said = [value.strip().lower().replace("-", "").replace("_", "") for value in told.texts("datum")]
        names = np.where(np.array(said) == "", datum, said)
    refuse(
        both & ~np.isin(names, DATUMS),
        "unknown_datum",
        _("The datum is wgs84, gcj02 or bd09; they differ by hundreds of metres."),
        "datum",
    )
    told.sent = (lon.copy(), lat.copy(), names)
    for other in ("gcj02", "bd09"):
        where = np.flatnonzero((names == other) & ~np.isnan(lon))
        if len(where):
            lon[where], lat[where] = places.to_wgs84(lon[where].tolist(), lat[where].tolist(), other)
    cell = np.zeros(rows, dtype=np.int64)
    known = ~np.isnan(lon)
    if known.any():
        cell[known] = places.cell(lon[known].tolist(), lat[known].tolist())
    told.columns["lon"] = pa.array(lon, mask=~known)
    told.columns["lat"] = pa.array(lat, mask=~known)
    told.columns["cell"] = pa.array(cell, mask=~known)


def _numbers(told: Told, name: str) -> Any:
    column = told.columns.get(name)
    if column is None:
        return np.full(len(told), np.nan)
    return column.fill_null(np.nan).to_numpy(zero_copy_only=False).astype(np.float64, copy=True)


def _given(told: Told, name: str) -> Any:
    column = told.columns.get(name)
    if column is None:
        return np.zeros(len(told), dtype=bool)
    if pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        return pc.not_equal(column, "").fill_null(False).to_numpy(zero_copy_only=False)
    return pc.is_valid(column).to_numpy(zero_copy_only=False)


def _in_china(lon: Any, lat: Any) -> Any:
    west, east, south, north = CHINA
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _times(told: Told) -> None:
    arrived, departed = told.columns["arrived"], told.columns.get("departed")
    if departed is None:
        departed = told.columns["departed"] = pa.nulls(len(told), pa.timestamp("us", "UTC"))

    def refuse(where: pa.Array, code: str, words: Any, column: str) -> None:
        indices = np.flatnonzero(where.fill_null(False).to_numpy(zero_copy_only=False))
        told.refuse(indices, lambda index: BadPresence(code, words, field=column, row=told.numbers[index]))

    refuse(pc.is_null(arrived), "no_arrival", _("There is no time of arrival."), "arrived")
    refuse(pc.less(departed, arrived), "departed_before_arrived", _("The departure is before the arrival."), "departed")
    early = pa.scalar(EARLIEST, pa.timestamp("us", "UTC"))
    refuse(pc.less(arrived, early), "too_long_ago", _("A time before 2000 is an empty field."), "arrived")


def _codes(told: Told) -> None:
    for name in ("area_code", "home"):
        column = told.columns.get(name)
        if column is None:
            told.columns[name] = pa.nulls(len(told), pa.string())
            continue
        coded = column.fill_null("").dictionary_encode()
        words = coded.dictionary.to_pylist()
        normal = [trim_code(word) for word in words]
        bad = np.array(
            [bool(word.strip()) and len(code) not in LENGTHS for word, code in zip(words, normal, strict=True)]
        )
        of = coded.indices.to_numpy(zero_copy_only=False)
        told.refuse(
            np.flatnonzero(bad[of]),
            lambda index, name=name, words=words, of=of: BadPresence(  # type: ignore[misc]
                "bad_code",
                _("An administrative code has 6, 9, 12 or 15 digits, not “%(code)s”.")
                % {"code": words[of[index]][:40]},
                field=name,
                row=told.numbers[index],
            ),
        )
        told.columns[name] = pa.array([code or None for code in normal], pa.string()).take(coded.indices)
    venue = told.columns.get("venue")
    if venue is None:
        told.columns["venue"] = pa.nulls(len(told), pa.string())
        return
    venue = pc.utf8_trim_whitespace(venue)
    told.refuse(
        np.flatnonzero(pc.greater(pc.utf8_length(venue), MAX_VENUE).fill_null(False).to_numpy(zero_copy_only=False)),
        lambda index: BadPresence(
            "venue_too_long", _("A venue has at most 200 characters."), field="venue", row=told.numbers[index]
        ),
    )
    told.columns["venue"] = pc.if_else(pc.equal(venue, ""), None, venue)
