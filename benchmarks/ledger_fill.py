"""A ledger of N entries as a district of two years has them, written past the ORM: for measuring, not for verifying.

The hashes of the events are random, so `verify_history` would refuse this ledger; everything that lists, maps, searches
and counts reads finds it as the actions would have left it.
"""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from duban.demo import layers
from duban.engines.geo import cells
from duban.ledger import search, tally
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Counter, Entry, EntryText, Event

CHUNK = 20_000
MONTHS = 24
DISTRICT = "110112"
ROADS = (
    "京津公路",
    "通香路",
    "漷马路",
    "张凤路",
    "潞苑北大街",
    "宋梁路",
    "徐尹路",
    "觅西路",
    "通怀路",
    "武兴路",
    "九德路",
    "永乐大街",
)
WATERS = ("北运河", "潮白河", "凉水河", "港沟河", "中坝河", "萧太后河", "凤港减河", "运潮减河")
SIDES = ("东侧", "西侧", "南侧", "北侧", "东南侧", "西北侧")
WHAT = (
    "路边散落生活垃圾", "绿地内堆放旧家具和杂物", "墙角堆放建筑渣土", "垃圾桶满冒未及时清运", "沟渠边漂浮垃圾",
    "门前堆放装修垃圾", "非法小广告成片张贴", "占道经营摆放货物", "道路破损积水", "井盖缺失", "路灯不亮", "护栏损坏",
    "树枝遮挡交通标志", "共享单车乱停放", "裸露地面未苫盖", "焚烧秸秆落叶", "公厕保洁不到位", "宣传栏破损",
)  # fmt: skip
THEN = ("，已联系保洁人员", "，影响行人通行", "，约三立方米", "，群众多次反映", "，需尽快处理", "，属反复发生点位", "")
RARE = ("石棉瓦", "废旧轮胎", "医疗废物", "动物尸体", "危险化学品空桶")
SHARES = {
    State.FOUND: 0.02, State.LISTED: 0.015, State.ASSIGNED: 0.04, State.HELD: 0.005, State.REMEDIED: 0.015,
    State.CLOSED: 0.885, State.MERGED: 0.008, State.VOID: 0.012,
}  # fmt: skip
STILL_OPEN = (State.FOUND, State.LISTED, State.ASSIGNED, State.HELD, State.REMEDIED)
Columns = dict[str, Any]
"""By column: one text for all rows, or a text (None: null) for each."""


def fill(rows: int, *, now: datetime, seed: int = 3) -> None:
    """Write `rows` entries found in the 24 months before `now`, with first event, text index and tally."""
    random = np.random.default_rng(seed)
    places, weights = _places(random)
    categories = list(Category.objects.order_by("pk"))
    shares = random.dirichlet(np.full(len(categories), 0.4))
    writer = _Writer()
    began = now - timedelta(days=30 * MONTHS)
    found = np.sort(random.integers(int(began.timestamp()), int(now.timestamp()) - 3600, rows))
    indexes = list(Entry._meta.indexes)
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(Entry, index)
    running: dict[int, int] = {}
    into = None
    for start in range(0, rows, CHUNK):
        moments = found[start : start + CHUNK]
        place = random.choice(len(places), len(moments), p=weights)
        chosen = random.choice(len(categories), len(moments), p=shares)
        entries, texts, into = _entries(
            random, moments, [places[at] for at in place], chosen, categories, running, into, now
        )
        writer.write(Entry._meta.db_table, entries)
        writer.write(Event._meta.db_table, _events(random, entries))
        writer.write(EntryText._meta.db_table, {"entry_id": entries["id"], "grams": texts})
    writer.close()
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(Entry, index)
    for year, value in running.items():
        Counter.objects.create(key=f"entry:{DISTRICT}-{year}", value=value)
    tally.rebuild()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _places(random: np.random.Generator) -> tuple[list[tuple[str, str, str, float, float]], NDArray[np.float64]]:
    """(code, town's name, name, lon, lat) of the demo's villages and communities, and how much is found in each."""
    table = list(csv.DictReader(io.StringIO(layers.codes_table().decode())))
    names = {row["code"]: row["name"] for row in table}
    found = [
        (
            code,
            names[code[:9]],
            row["name"].removesuffix("村委会").removesuffix("居委会"),
            float(row["lon"]),
            float(row["lat"]),
        )
        for row in table
        if len(code := row["code"]) == 12 and row["lon"]
    ]
    weights = random.pareto(1.1, len(found)) + 0.2
    return found, weights / weights.sum()


def _entries(
    random: np.random.Generator,
    moments: NDArray[np.int64],
    places: Sequence[tuple[str, str, str, float, float]],
    chosen: NDArray[np.int64],
    categories: Sequence[Category],
    running: dict[int, int],
    into: str | None,
    now: datetime,
) -> tuple[Columns, list[str], str | None]:
    count = len(moments)
    lon = np.round([place[3] for place in places] + random.normal(0, 0.006, count), 6)
    lat = np.round([place[4] for place in places] + random.normal(0, 0.005, count), 6)
    ids = _hex(random, count, 16)
    codes, shares = list(SHARES), np.array(list(SHARES.values()))
    # What is old is done with; most of what stands open was found in the last two months.
    age = (now.timestamp() - moments) / 86400
    odds = np.where(age < 60, 6.0, 0.4)
    lean = shares[None, :] * np.where(np.isin(codes, STILL_OPEN)[None, :], odds[:, None], 1.0)
    lean = np.cumsum(lean / lean.sum(axis=1, keepdims=True), axis=1)
    states = [codes[min(at, len(codes) - 1)] for at in (random.random((count, 1)) > lean).sum(axis=1)]
    spans = random.integers(1, 7, count) * 86400
    due, closed = (
        moments + spans,
        np.minimum(moments + (spans * random.lognormal(-0.4, 0.6, count)).astype(int), int(now.timestamp())),
    )
    merged: list[str | None] = []
    for at, state in enumerate(states):
        if state == State.MERGED and into is None:
            state = states[at] = State.VOID
        merged.append(into if state == State.MERGED else None)
        if state == State.CLOSED:
            into = ids[at]
    texts = [
        _text(place, numbers)
        for place, numbers in zip(places, random.integers(0, 1 << 30, (count, 8)).tolist(), strict=True)
    ]
    past = {state: [state in among for state in states] for state, among in _PASSED.items()}
    found_at, due_at, closed_at = _stamps(moments), _stamps(due), _stamps(closed)
    dispatched = _stamps(moments + 7200)

    def when(state: str, stamps: list[str]) -> list[str | None]:
        return [stamp if yes else None for stamp, yes in zip(stamps, past[state], strict=True)]

    columns: Columns = {
        "id": ids,
        "number": _numbers(moments, running),
        "category_id": [str(categories[at].pk) for at in chosen],
        "description": [description for _statement, description in texts],
        "lon": [repr(value) for value in lon.tolist()],
        "lat": [repr(value) for value in lat.tolist()],
        "accuracy_m": "8.0",
        "position_source": "gps",
        "datum_in": "wgs84",
        "cell": [str(cell) for cell in cells.cell_of(lon, lat).tolist()],
        "statement": [statement for statement, _description in texts],
        "located": "{}",
        "jurisdiction": [place[0] for place in places],
        "responsible": [place[0][:9] for place in places],
        "state": [str(state) for state in states],
        "found_at": found_at,
        "recorded_at": found_at,
        "listed_at": when("listed", _stamps(moments + 3600)),
        "dispatched_at": when("assigned", dispatched),
        "due_at": due_at,
        "due_provisional": "0",
        "deadline_rule": "event-2021",
        "runs_from": when("assigned", dispatched),
        "pauses": "[]",
        "extension_count": "0",
        "remedied_at": when("remedied", closed_at),
        "verified_at": when("closed", closed_at),
        "closed_at": when("closed", closed_at),
        "rework_count": [str(value) for value in random.binomial(2, 0.05, count).tolist()],
        "return_count": "0",
        "reopen_count": "0",
        "escalation": "0",
        "cycle": "1",
        "lookback_due_at": when("closed", _stamps(closed + 30 * 86400)),
        "lookback": [_lookback(state, draw) for state, draw in zip(states, random.random(count).tolist(), strict=True)],
        "merged_into_id": merged,
        "content_digest": _hex(random, count, 32),
        "event_count": "1",
        "head_hash": _hex(random, count, 32),
        "unsealed": "0",
    }
    grams = [
        _grams(f"{statement} {description}", place[0], place[0][:9])
        for (statement, description), place in zip(texts, places, strict=True)
    ]
    return columns, grams, into


_PASSED = {
    "listed": {State.LISTED, State.ASSIGNED, State.HELD, State.REMEDIED, State.CLOSED, State.MERGED},
    "assigned": {State.ASSIGNED, State.HELD, State.REMEDIED, State.CLOSED},
    "remedied": {State.REMEDIED, State.CLOSED},
    "closed": {State.CLOSED},
}


def _lookback(state: str, draw: float) -> str:
    return "stands" if state == State.CLOSED and draw < 0.3 else ""


def _text(place: tuple[str, str, str, float, float], numbers: Sequence[int]) -> tuple[str, str]:
    _code, town, village, _lon, _lat = place
    road, water, side = ROADS[numbers[0] % len(ROADS)], WATERS[numbers[1] % len(WATERS)], SIDES[numbers[2] % len(SIDES)]
    statement = f"{town}{village}{side}距{road}约{numbers[3] % 900 + 10}米，距{water}约{numbers[4] % 3000 + 50}米"
    what = RARE[numbers[5] % len(RARE)] if numbers[6] % 10_000 == 0 else WHAT[numbers[5] % len(WHAT)]
    return statement, f"{village}{what}{THEN[numbers[7] % len(THEN)]}"


def _events(random: np.random.Generator, entries: Columns) -> Columns:
    count = len(entries["id"])
    return {
        "entry_id": entries["id"],
        "seq": "1",
        "action": "record",
        "from_state": "",
        "to_state": entries["state"],
        "at": entries["found_at"],
        "username": "inspector",
        "roles": '[["inspector", "110112"]]',
        "facts": [f'{{"set": {{"number": "{number}"}}, "photos": []}}' for number in entries["number"]],
        "words": [f'{{"actor": "周巡", "description": "{text}"}}' for text in entries["description"]],
        "salt": _hex(random, count, 16),
        "words_digest": _hex(random, count, 32),
        "previous": "",
        "hash": entries["head_hash"],
    }


def _numbers(moments: NDArray[np.int64], running: dict[int, int]) -> list[str]:
    """As recording gives them: county, year found by the clock of the district, running count."""
    years = (moments + 8 * 3600).astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    numbers = []
    for year in years.tolist():
        running[year] = running.get(year, 0) + 1
        numbers.append(f"{DISTRICT}-{year}-{running[year]:06d}")
    return numbers


def _stamps(moments: NDArray[np.int64]) -> list[str]:
    return [text.replace("T", " ") for text in np.datetime_as_string(moments.astype("datetime64[s]")).tolist()]


def _hex(random: np.random.Generator, count: int, size: int) -> list[str]:
    text = random.bytes(count * size).hex()
    return [text[at : at + 2 * size] for at in range(0, len(text), 2 * size)]


_TOKENS: dict[str, str] = {}


def _grams(text: str, jurisdiction: str, responsible: str) -> str:
    """search.tokens_of with its tokens remembered: the same pairs come up a million times."""
    found = {}
    for word in text.lower().split():
        for at in range(len(word)):
            pair = word[at : at + 2]
            token = _TOKENS.get(pair)
            if token is None:
                token = _TOKENS[pair] = search.grams(pair)[0]
            found[token] = None
    return " ".join([*found, search.PLACE + jurisdiction, search.UNIT + responsible])


class _Writer:
    """Rows of text columns into a table: COPY on PostgreSQL, executemany on SQLite."""

    def __init__(self) -> None:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=OFF")
                cursor.execute("PRAGMA cache_size=-1000000")

    def write(self, table: str, columns: Columns) -> None:
        count = next(len(values) for values in columns.values() if isinstance(values, list))
        rows = zip(
            *(values if isinstance(values, list) else [values] * count for values in columns.values()), strict=True
        )
        names = ", ".join(f'"{name}"' for name in columns)
        raw = connection.connection
        if connection.vendor == "sqlite":
            raw.execute("BEGIN")
            marks = ", ".join("?" * len(columns))
            raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
            raw.execute("COMMIT")
            return
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            lines = ("\t".join(["\\N" if value is None else value for value in row]) for row in rows)
            copy.write("\n".join(lines) + "\n")

    def close(self) -> None:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=FULL")
                cursor.execute("PRAGMA cache_size=-64000")
