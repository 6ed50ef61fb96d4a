"""Row groups of files screened in several processes, since threads of one Python seldom use a second core in full.

A helper is an interpreter started anew and not a fork: whoever screens may have threads of DuckDB, of Arrow or of a
server, and what these hold a fork would never let go. It reads the file itself, so that a task is a few hundred bytes,
and answers in Arrow's buffers. It ends when its socket does, whatever becomes of the process that started it, or when
nothing more comes.
"""

import atexit
import os
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Protocol

from .errors import ScreenError
from .kernel import Found, Kernel
from .presences import Chunk, GroupChunk, forget_sources

# Rows from which a second interpreter pays for its start.
WORTH_A_HELPER = 4_000_000
# Tasks that a helper has at once.
_AHEAD = 2
# Seconds that a helper waits for work.
_PATIENCE = 60.0


class Screens(Protocol):
    def screen(self, chunk: Chunk) -> Found: ...


class Workers:
    """A kernel and helpers, `count` processes in all; `screen` gives a row group to one that is free. For a `with`.

    Until a helper is ready the others do its work. One that is lost ends the screening: ScreenError `helper_lost`.
    """

    def __init__(self, kernel: Kernel, count: int):
        self.kernel = kernel
        self.threads = 1 + _AHEAD * (count - 1)
        self._free: SimpleQueue[Screens] = SimpleQueue()
        self._free.put(kernel)
        self._helpers = [_take_helper() for _ in range(count - 1)]
        for helper in self._helpers:
            helper.begin(kernel, self._free)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for helper in self._helpers:
            if error is None and helper.ready():
                _idle.append(helper)
            else:
                helper.stop()

    def screen(self, chunk: Chunk) -> Found:
        """As the kernel does; to be called in `threads` threads."""
        if not self._helpers or not isinstance(chunk, GroupChunk):
            return self.kernel.screen(chunk)
        one = self._free.get()
        try:
            return one.screen(chunk)
        finally:
            self._free.put(one)


class _Helper:
    """Another process, which has a kernel at a time; its places are among the free ones as soon as it is ready."""

    def __init__(self) -> None:
        ours, theirs = zip(*(Pipe() for _ in range(_AHEAD)), strict=True)
        self._places = [_Place(socket) for socket in ours]
        descriptors = [socket.fileno() for socket in theirs]
        start = f"from {__name__} import serve; serve({descriptors})"
        # An interpreter that starts no threads for algebra, of which there is none, starts sooner.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        # In a group of its own, where Ctrl-C does not reach it: who asked decides what becomes of the work.
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and words)
            [sys.executable, "-c", start],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            env=environment,
            process_group=0,
        )
        for socket in theirs:
            socket.close()

    def begin(self, kernel: Kernel, free: "SimpleQueue[Screens]") -> None:
        self._beginning = Thread(target=self._begin, args=(kernel, free), daemon=True)
        self._beginning.start()

    def _begin(self, kernel: Kernel, free: "SimpleQueue[Screens]") -> None:
        try:
            self._places[0].ask(kernel)
        except ScreenError:
            # It ended before it began: what it would have done is left to the others.
            return
        for place in self._places:
            free.put(place)

    def ready(self) -> bool:
        """Whether it may be given another kernel."""
        return not self._beginning.is_alive() and self.lives()

    def lives(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._beginning.join()
        for place in self._places:
            place.close()


# Helpers without work, until it comes or they end by themselves.
_idle: list[_Helper] = []
os.register_at_fork(after_in_child=_idle.clear)


@atexit.register
def stop_helpers() -> None:
    """End the processes that wait for work."""
    while _idle:
        _idle.pop().stop()


def _take_helper() -> _Helper:
    while _idle:
        helper = _idle.pop()
        if helper.lives():
            return helper
        helper.stop()
    return _Helper()


class _Place:
    """One of a helper's sockets. There are several, so that a task waits there while an answer is on its way."""

    def __init__(self, socket: Connection):
        self._socket = socket
        self.close = socket.close

    def screen(self, chunk: Chunk) -> Found:
        found: Found = self.ask(chunk)
        return found

    def ask(self, question: Any) -> Any:
        try:
            self._socket.send(question)
            said = self._socket.recv()
        except (EOFError, OSError) as error:
            raise ScreenError("helper_lost", "A process that helped with the screening was ended.") from error
        if isinstance(said, Exception):
            raise said
        return said


def serve(descriptors: list[int]) -> None:
    """What a helper runs: kernels and chunks come on its sockets, findings go back, until one closes or none come."""
    sockets = [Connection(descriptor) for descriptor in descriptors]
    kernel: Kernel | None = None
    try:
        while asked := wait(sockets, _PATIENCE):
            for socket in asked:
                assert isinstance(socket, Connection)
                question = socket.recv()
                if isinstance(question, Kernel):
                    kernel = question
                    # The next screening may find another file of the same name.
                    forget_sources()
                    socket.send(None)
                elif kernel is not None:
                    socket.send(_answer(kernel, question))
    except (EOFError, OSError):
        return


def _answer(kernel: Kernel, chunk: Chunk) -> Found | Exception:
    try:
        return kernel.screen(chunk)
    except Exception as error:
        return error
