"""Running `duban` in processes of its own, on a database of its own, and killing them at a chosen point.

Each installation has one process that has loaded the project and does nothing but fork: a command runs, and is killed,
in a child of it, which costs a fiftieth of starting the interpreter anew.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from tests.templates import keep_postgres_template, keep_template, postgres_template, put_template

FORKING = """
import importlib, json, os, signal, sys, tempfile, traceback
import django
django.setup()
import duban.config.urls
from duban.config.command_line import main

def kill_at(point):
    module, path, count, when = point.split(":")
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
    # What the module defines itself is known by its name to those who imported it.
    holders = sys.modules.values() if getattr(kept, "__module__", "") == module and not parts else []
    for holder in [owner, *(one for one in holders if vars(one).get(name) is kept)]:
        setattr(holder, name, killing)

def act(point, command, script):
    if point:
        kill_at(point)
    sys.argv = ["duban", *command]
    try:
        exec(script, {"__name__": "__main__"}) if script else main()
    except SystemExit as done:
        return done.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

for line in sys.stdin:
    files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
    child = os.fork()
    if not child:
        for number, file in enumerate(files, start=1):
            os.dup2(file.fileno(), number)
        code = act(**json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = [(file.seek(0), file.read().decode())[1] for file in files]
    print(json.dumps([status, *said]), flush=True)
"""
_forking: dict[str, subprocess.Popen[str]] = {}


@contextmanager
def installation(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a migrated installation in `folder`, on the kind of database that this run tests."""
    url = os.environ["DUBAN_DATABASE_URL"]
    data = folder / "data"
    environment = os.environ | {"DUBAN_DATA": str(data), "DJANGO_SETTINGS_MODULE": "duban.config.settings"}
    if url.startswith("sqlite"):
        environment["DUBAN_DATABASE_URL"] = "sqlite://"
        data.mkdir()
        made = put_template(data / "duban.sqlite3")
        with _process(environment):
            if not made:
                run(environment, "migrate", "-v0")
                keep_template(data / "duban.sqlite3")
            yield environment
        return
    parts = urlsplit(url)
    with psycopg.connect(url, autocommit=True) as server:
        name = f"crash_{uuid.uuid4().hex}"
        with postgres_template() as (template, made):
            if not made:
                server.execute(f"create database {name}")
                environment["DUBAN_DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{name}"))
                with _process(environment):
                    run(environment, "migrate", "-v0")
                keep_postgres_template(name, template)
        server.execute(f"create database {name} template {template}")
        environment["DUBAN_DATABASE_URL"] = urlunsplit(parts._replace(path=f"/{name}"))
        try:
            with _process(environment):
                yield environment
        finally:
            server.execute(f"drop database {name} with (force)")


@contextmanager
def _process(environment: dict[str, str]) -> Iterator[None]:
    """The process that forks for the installation, as long as it is asked."""
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _forking[environment["DUBAN_DATA"]] = process
    try:
        yield
    finally:
        del _forking[environment["DUBAN_DATA"]]
        process.communicate()


def _answer(environment: dict[str, str], **asked: Any) -> tuple[int, str, str]:
    """Exit status (-9: killed), stdout and stderr of a child that does what is asked."""
    process = _forking[environment["DUBAN_DATA"]]
    asking: IO[str] | None = process.stdin
    answering: IO[str] | None = process.stdout
    assert asking is not None
    assert answering is not None
    asking.write(json.dumps({"point": "", "command": [], "script": ""} | asked) + "\n")
    asking.flush()
    status, out, error = json.loads(answering.readline())
    return status, out, error


def run(environment: dict[str, str], *command: str) -> str:
    """The command's last line of output; it must succeed."""
    status, out, error = _answer(environment, command=command)
    assert status == 0, error
    return (out.splitlines() or [""])[-1]


def run_script(environment: dict[str, str], script: str) -> list[Any]:
    """What Python code prints there, each line read as JSON; it must succeed."""
    status, out, error = _answer(environment, script=script)
    assert status == 0, error
    return [json.loads(line) for line in out.splitlines()]


def refused(environment: dict[str, str], *command: str) -> str:
    """What a refused command (exit 1) says on stderr."""
    status, out, error = _answer(environment, command=command)
    assert status == 1, (status, out, error)
    return error


def run_killed(environment: dict[str, str], point: str, *command: str) -> None:
    """Run the command in a process that kills itself at `point`: "module:function:nth call:before|after"."""
    status, _out, error = _answer(environment, point=point, command=command)
    assert status == -signal.SIGKILL, (point, status, error)
