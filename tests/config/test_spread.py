"""A web process with many requests in hand lets clients go, so that they may find one with none."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from duban.config.spread import IN_HAND, spread

Headers = list[tuple[str, str]]


def headers_of(application: Callable[..., Iterable[bytes]]) -> Headers:
    told: Headers = []
    assert list(application({}, lambda _status, headers, *_failed: told.extend(headers))) == [b"done"]
    return told


def test_only_a_process_with_more_in_hand_than_its_share_closes() -> None:
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        waiting.release()
        assert gate.wait(20)
        return [b"done"]

    application = spread(slow)
    answers: list[Headers] = []
    clients = [
        threading.Thread(target=lambda: answers.append(headers_of(application))) for _client in range(IN_HAND + 3)
    ]
    for client in clients:
        client.start()
        assert waiting.acquire(timeout=20)
    gate.set()
    for client in clients:
        client.join()
    assert sum(("Connection", "close") in headers for headers in answers) == 3
    assert ("Connection", "close") not in headers_of(application)


def test_a_failed_request_is_in_hand_no_more() -> None:
    def failing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ:
            raise LookupError
        start_response("200 OK", [])
        return [b"done"]

    application = spread(failing)
    for _request in range(IN_HAND + 1):
        with pytest.raises(LookupError):
            application({"bad": 1}, lambda *_answer: None)
    assert headers_of(application) == []
