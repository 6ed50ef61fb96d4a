"""The made-up city of benchmarks/screen.py and benchmarks/trace.py: presences of fourteen days, and areas in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from duban.engines.screen import MEASURES, Area, Areas

START = datetime(2021, 1, 5, tzinfo=UTC)
DAYS = 14
NOW = START + timedelta(days=DAYS + 7)
INSTANT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("area_code", pa.string()),
        ("venue", pa.string()),
        ("arrived", INSTANT),
        ("departed", INSTANT),
    ]
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 1 << 17
# Degrees that the city of 20 million presences is wide, and its middle.
_WIDE = 0.5
_MIDDLE = (116.65, 39.9)


def make_presences(
    rows: int, seed: int, wide: float = _WIDE, venues: int = 0, still: float = 0.02
) -> Iterator[pa.RecordBatch]:
    """Batches of presences: half of them crowd about 40 places, the share `still` is still there.

    Ten presences a person. With `venues`, every row is at one of them, where its position is.
    """
    random = np.random.default_rng(seed)
    crowds = random.uniform(-0.5, 0.5, (40, 2)) * wide
    spots = random.uniform(-0.5, 0.5, (max(venues, 1), 2)) * wide
    people = max(1, rows // 10)
    low = int((START - _EPOCH) / timedelta(microseconds=1))
    for at in range(0, rows, _BATCH):
        count = min(_BATCH, rows - at)
        person = random.integers(0, people, count)
        where = random.uniform(-0.5, 0.5, (count, 2)) * wide
        crowded = np.flatnonzero(random.random(count) < 0.5)
        where[crowded] = crowds[random.integers(0, 40, len(crowded))] + random.normal(0, 0.01, (len(crowded), 2))
        venue = random.integers(0, max(venues, 1), count)
        if venues:
            where = spots[venue]
        arrived = low + random.integers(0, DAYS * 86_400, count) * 1_000_000
        departed = arrived + random.integers(1, 180, count) * 60_000_000
        yield pa.record_batch(
            [
                _tokens(person),
                pa.array(_MIDDLE[0] + where[:, 0]),
                pa.array(_MIDDLE[1] + 0.8 * where[:, 1]),
                pa.nulls(count, pa.string()),
                pa.array([f"venue-{number:06d}" for number in venue]) if venues else pa.nulls(count, pa.string()),
                pa.array(arrived, INSTANT),
                pa.array(departed, INSTANT, mask=random.random(count) < still),
            ],
            schema=SCHEMA,
        )


def _tokens(person: np.ndarray) -> pa.Array:
    """64 digits that look like a keyed hash and name the person: four mixed numbers in hexadecimal."""
    mixed = np.empty((len(person), 4), dtype=np.uint64)
    value = person.astype(np.uint64)
    for column in range(4):
        value = (value + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(31)
        mixed[:, column] = value
    nibbles = np.empty((len(person), 64), dtype=np.uint8)
    raw = mixed.view(np.uint8).reshape(len(person), 32)
    nibbles[:, 0::2], nibbles[:, 1::2] = raw >> 4, raw & 15
    text = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[nibbles]
    offsets = np.arange(len(person) + 1, dtype=np.int32) * 64
    return pa.StringArray.from_buffers(len(person), pa.py_buffer(offsets), pa.py_buffer(text))


def write_presences(path: Path, batches: Iterator[pa.RecordBatch]) -> None:
    """In no order, as a district would hand them over; tokens and positions hardly repeat and get no dictionary."""
    with pq.ParquetWriter(
        path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=["area_code", "venue"]
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)


def make_areas(count: int, vertices: int, seed: int, wide: float = _WIDE) -> Areas:
    """Irregular shapes of some hundred metres to two kilometres, with windows of two to five days and open ends."""
    random = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    areas = []
    for number in range(count):
        x, y = random.uniform(-0.48, 0.48, 2) * wide
        radius = random.uniform(0.003, 0.012) * np.ones(vertices)
        for wave in range(2, 12):
            radius *= 1 + random.uniform(-0.1, 0.1) * np.sin(wave * angle + random.uniform(0, 2 * np.pi))
        radius *= random.uniform(0.97, 1.03, vertices)
        corners = np.stack([x + radius * np.cos(angle), 0.8 * (y + radius * np.sin(angle))], axis=1) + _MIDDLE
        start = START + timedelta(days=int(random.integers(2, 10)))
        end = None if number % 5 == 4 else start + timedelta(days=int(random.integers(2, 6)))
        areas.append(
            Area(f"area-{number:03d}", "", "中风险", MEASURES[number % 4], start, end, 2, shapely.Polygon(corners))
        )
    return Areas(tuple(areas))
