"""Running `duban` in a process of its own, on a database of its own, and killing it at a chosen point."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

KILLER = """
import importlib, os, signal, sys
module, path, count, when = sys.argv[1].split(":")
del sys.argv[1]
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "duban.config.settings"
django.setup()
owner = importlib.import_module(module)
*parts, name = path.split(".")
for part in parts:
    owner = getattr(owner, part)
kept, calls = getattr(owner, name), [0]
def killing(*args, **options):
    calls[0] += 1
    if calls[0] == int(count) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = kept(*args, **options)
    if calls[0] == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
setattr(owner, name, killing)
from duban.config.command_line import main
main()
"""


@contextmanager
def installation(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a migrated installation in `folder`, on the kind of database that this run tests."""
    url = os.environ["DUBAN_DATABASE_URL"]
    environment = os.environ | {"DUBAN_DATA": str(folder / "data"), "DJANGO_SETTINGS_MODULE": "duban.config.settings"}
    if url.startswith("sqlite"):
        environment["DUBAN_DATABASE_URL"] = "sqlite://"
        run(environment, "migrate", "-v0")
        yield environment
        return
    name = f"crash_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"create database {name}")
    parts = urlsplit(url)
    environment["DUBAN_DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{name}"))
    try:
        run(environment, "migrate", "-v0")
        yield environment
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"drop database {name} with (force)")


def run(environment: dict[str, str], *command: str) -> str:
    """The command's last line of output; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "duban.config.command_line", *command], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout.splitlines() or [""])[-1]


def refused(environment: dict[str, str], *command: str) -> str:
    """What a refused command (exit 1) says on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "duban.config.command_line", *command], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def run_killed(environment: dict[str, str], point: str, *command: str) -> None:
    """Run the command in a process that kills itself at `point`: "module:function:nth call:before|after"."""
    done = subprocess.run(
        [sys.executable, "-c", KILLER, point, *command], env=environment, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, (point, done.returncode, done.stderr)
