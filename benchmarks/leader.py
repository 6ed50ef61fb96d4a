"""What the leader's page takes over N entries, P people who are followed and O organisations, on both databases.

Each database is made in a folder of its own, migrated and filled (`ledger_fill.py`, `following.py`, and organisations
with decisions of a body here), its figures are counted once, and the page is asked for by a leader and a supervisor
through the site's own views: the page (which is printed as it is), the part that the wall renews each minute, the map,
the brief, and every address behind a number or a line of the page, of which the slowest is told. The peer is the same
page in the same run that keeps nothing and counts for every reader. Both must tell the same numbers, and those must be
what plain queries say. The last line is the result in JSON: p95 in milliseconds, of the slower database.

    python benchmarks/leader.py --entries 1000000 --people 300000 --organisations 100000 --keep /tmp/leader

Run again with the same sizes and folder, it measures on what is there.
"""

import argparse
import html
import json
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from following import DATABASES, set_up

ORGANISED = ("filed", "guided", "registered")
DECISIONS = 60
VIEWS = {9: "116.5,39.5,117,40.1", 11: "116.6,39.7,116.9,40", 13: "116.65,39.88,116.72,39.93"}
"""Of the map, by zoom: the district, a part of it, a town."""
ROWS_ASKED = 10
COUNTED_AFRESH = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="The leader's page over many entries, people and organisations.")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--organisations", type=int, default=2_000)
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
    peer = max(answer["peer"] for answer in answers)
    print(
        json.dumps(
            {
                "name": "leader",
                "entries": options.entries,
                "people": options.people,
                "organisations": options.organisations,
                "databases": list(wanted),
                "ours": ours,
                "peers": {"counted_for_every_reader_ms": peer},
                "ratio": {"counted_for_every_reader": round(peer / ours["page_p95_ms"], 1)},
                "unit": "ms",
                "same": all(answer["same"] for answer in answers),
            }
        )
    )
    return 0


def measure(database: str, options: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own, since a process has one database."""
    sizes = f"{options.entries}-{options.people}-{options.organisations}"
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as fresh:
        folder = options.keep / f"{database}-{sizes}" if options.keep else Path(fresh)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, "--inside", database, "--keep", str(folder)]
        for name in ("entries", "people", "organisations", "requests"):
            command += [f"--{name}", str(getattr(options, name))]
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


def measure_here(options: argparse.Namespace) -> int:
    set_up(options.inside, options.keep)
    from django.core.management import call_command

    from duban.commons.models import Organisation
    from duban.core import clock

    call_command("migrate", verbosity=0)
    if not Organisation.objects.exists():
        began = time.perf_counter()
        fill(options, now=clock.now())
        print(f"{options.inside}: filled in {time.perf_counter() - began:.0f} s", flush=True)
    print(json.dumps(Measuring(options.inside, options.requests).run()))
    return 0


def fill(options: argparse.Namespace, *, now: Any) -> None:
    """Places and people of the demo, then entries, people followed, organisations, and decisions with their links."""
    import following
    import ledger_fill
    from duban.demo import story

    story.load_places(now=now)
    story.add_people(now=now)
    ledger_fill.fill(options.entries, now=now)
    following.fill(options.people, now=now)
    add_organisations(options.organisations, now=now)
    add_decisions(now=now)


def add_organisations(count: int, *, now: Any) -> None:
    from duban.commons.models import Organisation, OrganisationCategory
    from duban.demo.layers import villages

    places, category = sorted(villages()), OrganisationCategory.objects.order_by("pk")[0]
    for start in range(0, count, 5000):
        Organisation.objects.bulk_create(
            [
                Organisation(
                    name=f"社团{number}", name_key=f"社团{number}", search=f"社团{number}",
                    tier=ORGANISED[number % 3], kind="club", category=category,
                    jurisdiction=places[number % len(places)], town=places[number % len(places)][:9],
                    members=number % 90, founded=date(2000 + number % 26, 1 + number % 12, 1),
                    token=uuid.uuid4().hex[:22], added_at=now,
                )
                for number in range(start, min(start + 5000, count))
            ],
            batch_size=1000,
        )  # fmt: skip


def add_decisions(*, now: Any) -> None:
    """Decisions of one body, due before and after today, carried out by entries, or by nothing."""
    from duban.access.models import Person
    from duban.decisions import actions
    from duban.ledger.models import Entry, EntryMandate

    by = Person.objects.get(username="supervisor")
    body = actions.make_body(by=by, now=now, kind="leading_group", name="领导小组", jurisdiction="110112")
    meeting = actions.plan_meeting(by=by, now=now, body_id=body.pk, at=now - timedelta(days=30), number=98)
    entries = list(Entry.objects.order_by("-found_at").values_list("pk", flat=True)[: 20 * DECISIONS])
    for number in range(DECISIONS):
        decision = actions.record_decision(
            by=by, now=now, meeting_id=meeting.pk, text=f"第{number}项", jurisdiction="110112",
            due_on=(now + timedelta(days=number - DECISIONS // 3)).date(),
        )  # fmt: skip
        if number % 10:
            own = entries[20 * number : 20 * number + 20]
            EntryMandate.objects.bulk_create(
                [EntryMandate(entry_id=key, decision=decision, by=by.as_actor(), at=now) for key in own]
            )


class Measuring:
    """The questions, and what asking them took."""

    def __init__(self, database: str, requests: int) -> None:
        from django.test import Client

        from duban.access.models import Person

        self.database, self.requests = database, requests
        self.clients = {}
        for name in ("leader", "supervisor"):
            self.clients[name] = Client()
            self.clients[name].force_login(
                Person.objects.get(username=name), "django.contrib.auth.backends.ModelBackend"
            )

    def run(self) -> dict[str, Any]:
        from duban.core import clock
        from duban.web.overview import count_again, count_area

        now = clock.now()
        began = time.perf_counter()
        kept = count_again("110112", now=now)
        count_ms = (time.perf_counter() - began) * 1000
        print(f"{self.database:>10}  a count in the background {count_ms:,.0f} ms", flush=True)
        page = self.ask("the page", "/leader/")
        live = self.ask("the wall's part", "/leader/?screen=1", HTTP_HX_REQUEST="true")
        points = max(
            self.ask(
                f"the map at zoom {zoom}", f"/ledger/clusters.geojson?overdue=1&sort=due_at&bbox={box}&zoom={zoom}"
            )
            for zoom, box in VIEWS.items()
        )
        brief = max(self.ask(f"the brief as {form}", f"/leader/brief.{form}") for form in ("pdf", "docx"))
        rows = self.ask_rows()
        afresh = []
        for _time in range(COUNTED_AFRESH):
            began = time.perf_counter()
            counted = count_area("110112", now)
            afresh.append((time.perf_counter() - began) * 1000)
        same = json.loads(json.dumps(counted)) == json.loads(json.dumps(kept.value)) and self.check(kept.value, now)
        peer = sorted(afresh)[len(afresh) // 2] + page
        print(f"{self.database:>10}  counted for every reader {peer:,.0f} ms; same: {same}", flush=True)
        return {
            "ours": {
                "page_p95_ms": round(page, 1), "wall_p95_ms": round(live, 1), "map_p95_ms": round(points, 1),
                "brief_p95_ms": round(brief, 1), "rows_p95_ms": round(rows, 1), "count_ms": round(count_ms),
            },
            "peer": round(peer),
            "same": same,
        }  # fmt: skip

    def ask_rows(self) -> float:
        """p95 of the slowest address that the page leads to."""
        slowest, where = 0.0, ""
        for client in self.clients.values():
            page = client.get("/leader/").content.decode()
            shown = page[page.index('id="leader-live"') :]
            links = {html.unescape(link) for link in re.findall(r'href="(/[^"]+)"', shown) if "/static/" not in link}
            for link in sorted(links):
                p95 = self.ask("", link, clients=[client], requests=ROWS_ASKED)
                if p95 > slowest:
                    slowest, where = p95, link
        print(
            f"{self.database:>10}  {'rows behind it, slowest':<24} {'':11}  p95 {slowest:7.1f} ms {where}", flush=True
        )
        return slowest

    def ask(self, kind: str, address: str, *, clients: Sequence[Any] = (), requests: int = 0, **headers: str) -> float:
        """So many requests after a warm-up; prints (where it has a name) and returns p95 in milliseconds."""
        clients = clients or list(self.clients.values())
        taken = []
        for number in range(-4, requests or self.requests):
            began = time.perf_counter()
            answer = clients[number % len(clients)].get(address, **headers)
            spent = (time.perf_counter() - began) * 1000
            assert answer.status_code == 200, (address, answer.status_code)
            if number >= 0:
                taken.append(spent)
        taken.sort()
        p95 = taken[min(int(0.95 * len(taken)), len(taken) - 1)]
        if not kind:
            return p95
        print(f"{self.database:>10}  {kind:<24} p50 {taken[len(taken) // 2]:7.1f}  p95 {p95:7.1f} ms", flush=True)
        return p95

    def check(self, kept: dict[str, Any], now: Any) -> bool:
        """Whether the numbers are what plain queries say."""
        from duban.commons.models import Organisation
        from duban.decisions.models import Decision
        from duban.ledger.lifecycle import OPEN, UNREMEDIED
        from duban.ledger.models import Entry
        from duban.outbreak.models import CaseFile

        books, decided = kept["ledger"], kept["decisions"]
        plain: Sequence[tuple[Any, Any]] = (
            (books["open"], Entry.objects.filter(state__in=OPEN).count()),
            (books["overdue"], Entry.objects.filter(state__in=UNREMEDIED, due_at__lt=now).count()),
            (kept["organisations"]["all"], Organisation.objects.count()),
            (decided["in_force"], Decision.objects.filter(state="in_force").count()),
            (kept["outbreak"]["figures"]["followed"], CaseFile.objects.filter(state="open", merged_into=None).count()),
        )
        # A number that would tell of few people somewhere is not told at all.
        wrong = [pair for pair in plain if pair[0] is not None and pair[0] != pair[1]]
        if wrong:
            print(f"{self.database:>10}  not as plain queries say: {wrong}", flush=True)
        return not wrong


if __name__ == "__main__":
    raise SystemExit(main())
