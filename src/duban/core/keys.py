"""Keys that this installation makes for itself: files readable by their owner alone, never in the database."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


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
    return path.read_bytes()
