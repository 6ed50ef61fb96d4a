"""Letting clients go where one web process has more of them than its share."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

IN_HAND = 2
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def spread(application: Application) -> Application:
    """Close the connection after an answer while this process has more than IN_HAND requests in hand.

    Web processes share one door, and whoever wakes first takes every client that waits there and keeps it as long as
    its connection lasts: one process may have four and another none. A client that has to come in again may find it.
    """
    count, lock = 0, threading.Lock()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal count
        with lock:
            count += 1
            crowded = count > IN_HAND

        def start(status: str, headers: list[tuple[str, str]], *failed: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")] if crowded else headers, *failed)

        try:
            return application(environ, start)
        finally:
            with lock:
                count -= 1

    return answer
