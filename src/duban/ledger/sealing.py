"""Sealing what was written: at once in a command or a task, and a moment later where a web server records all day.

A checkpoint costs as much as the step that it covers. A web process therefore leaves it to a thread of its own, which
seals what has come together, at most twice a second; an entry says itself that it is not sealed yet, and what a process
that dies leaves behind is sealed by the next write anywhere.
"""

import logging
import threading
import time

from django.db import close_old_connections, transaction

from duban.core import clock
from duban.ledger import history, tally

PAUSE_S = 0.5
FOLD_EVERY = 16
"""Checkpoints between two looks at how many loose counts there are."""
log = logging.getLogger(__name__)
_wanted: threading.Event | None = None


def seal_on_commit() -> None:
    """Once for a transaction, however many events it wrote."""
    waiting = [hook[1] for hook in transaction.get_connection().run_on_commit]
    if _seal not in waiting:
        transaction.on_commit(_seal, robust=True)


def seal_in_background() -> None:
    """From now on this process seals in a thread; called where the web server loads the site."""
    global _wanted
    _wanted = threading.Event()
    threading.Thread(target=_seal_when_wanted, args=(_wanted,), name="sealing", daemon=True).start()


def _seal() -> None:
    if _wanted is not None:
        _wanted.set()
        return
    checkpoint = history.seal_if_free(now=clock.now())
    if checkpoint and checkpoint % FOLD_EVERY == 0:
        tally.fold_if_many()


def _seal_when_wanted(wanted: threading.Event) -> None:
    while True:
        wanted.wait()
        wanted.clear()
        close_old_connections()
        try:
            if history.seal_if_free(now=clock.now()):
                tally.fold_if_many()
        except Exception:
            # The next write wants it again; nothing is lost but the moment.
            log.exception("sealing failed")
        time.sleep(PAUSE_S)
