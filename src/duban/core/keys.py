"""Keys that this installation makes for itself: files readable by their owner alone, never in the database.

A key that can be changed has versions: `NAME`, `NAME.2`, `NAME.3` in one folder, of which the newest encrypts. Whoever
encrypts holds a shared lock on the newest version's file until what it made is stored; whoever wants to delete an old
version waits for the lock alone, and then knows that nothing under it can still appear.
"""

import contextlib
import fcntl
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FRESH_S = 0.2
"""For so long a look at the folder is good enough; a lock makes it safe, and who cannot open looks again."""


def read_or_make_key(path: Path) -> bytes:
    """The 32 random bytes kept at `path`, made at the first call; whoever asks at once gets the same key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes a file that only its owner reads, under a name of its own for every thread.
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
        _sync(path.parent)
    return path.read_bytes()


# ---- versions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """One version of a key, and which file it was: another file under the same name is another key."""

    path: Path
    number: int
    inode: int
    changed: int


def versions(path: Path) -> list[Version]:
    """The versions of the key that are there, the newest first; the first is made if there is none."""
    found = _versions(path)
    if not found:
        read_or_make_key(path)
        found = _versions(path)
    return found


def _versions(path: Path) -> list[Version]:
    shape = re.compile(rf"{re.escape(path.name)}(?:\.(\d+))?")
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(path.parent) as entries:
        for entry in entries:
            if match := shape.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    # On some systems an entry's own words of its inode are older than the file.
                    known = os.stat(entry.path)
                    found.append(Version(Path(entry.path), int(match[1] or 1), known.st_ino, known.st_mtime_ns))
    return sorted(found, key=lambda version: -version.number)


def make_next(path: Path) -> Version:
    """A new version of the key, which encrypts from now on in every process."""
    newest = versions(path)[0]
    read_or_make_key(path.with_name(f"{path.name}.{newest.number + 1}"))
    return versions(path)[0]


# ---- holding what one encrypts with ---------------------------------------------------------------------------------


class _Lease:
    """A shared lock on a version's file, given up at the latest when its thread ends."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.descriptor: int | None = os.open(version.path, os.O_RDONLY)
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def give_up(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __del__(self) -> None:
        self.give_up()


class _Held(threading.local):
    def __init__(self) -> None:
        self.leases: list[_Lease] = []
        self.looked = 0.0


_held = _Held()


def hold_newest(path: Path) -> Version:
    """The newest version, which cannot be deleted before this thread calls `let_go` or ends."""
    fresh = time.monotonic() - _held.looked < FRESH_S
    if fresh and _held.leases and _held.leases[-1].version.path.parent == path.parent:
        # Were it an older version than the newest, it would still be safe to encrypt with: its file is locked.
        return _held.leases[-1].version
    while True:
        newest = versions(path)[0]
        _held.looked = time.monotonic()
        if _held.leases and _held.leases[-1].version == newest:
            return newest
        with contextlib.suppress(FileNotFoundError):
            lease = _Lease(newest)
            if versions(path)[0] == newest:
                _held.leases.append(lease)
                return newest
            lease.give_up()


def let_go(**_signal: object) -> None:
    """All that this thread encrypted is stored or given up; called at the end of a request or a task."""
    for lease in _held.leases:
        lease.give_up()
    _held.leases = []


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Yields whether nobody else holds the file just now; if so, nobody gets hold of it in the block."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def delete_version(version: Version) -> None:
    version.path.unlink(missing_ok=True)
    _sync(version.path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
