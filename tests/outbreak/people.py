"""Lists of presences as sources send them, and people with ID numbers whose check digits are right."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from duban.outbreak.people import ID_CHECKS, ID_WEIGHTS

COLUMNS = ("name", "id_number", "phone", "lon", "lat", "area_code", "venue", "arrived", "departed")
GOOD = {
    "name": "张三",
    "id_number": "",
    "phone": "13800000001",
    "lon": "116.32",
    "lat": "39.70",
    "area_code": "",
    "venue": "",
    "arrived": "2021-01-18 09:00",
    "departed": "2021-01-18 10:00",
}
UTC_TIME = pa.timestamp("us", "UTC")


def id_number(serial: int, born: str = "19800101") -> str:
    digits = f"110112{born}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, ID_WEIGHTS, strict=True))
    return digits + ID_CHECKS[total % 11]


def write_csv(path: Path, *rows: dict[str, Any], columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({column: (GOOD | row).get(column, "") for column in columns} for row in rows)
    return path


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of January 2021, office's clock."""
    return datetime(2021, 1, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def write_parquet(path: Path, rows: list[dict[str, Any]], *, times: pa.DataType = UTC_TIME) -> Path:
    """The contract's columns; what a row does not say is null."""
    kinds = {"person": pa.string(), "lon": pa.float64(), "lat": pa.float64(), "area_code": pa.string()}
    kinds |= {"venue": pa.string(), "arrived": times, "departed": times}
    arrays = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()}
    pq.write_table(pa.table(arrays), path)
    return path
