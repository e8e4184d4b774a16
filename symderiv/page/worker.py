"""Answers questions in a process of its own, with limits of time and memory."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Mapping
from threading import Lock
from typing import Any

from .answering import answer

if sys.platform != "win32":
    import resource

SECONDS = 60.0  # for one answer
MEMORY = 3 << 30  # bytes of a process


def _serve(questions: Any, memory: int) -> None:
    """Answer what comes through a pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server stops it
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            asked = questions.recv()
        except EOFError:
            return
        try:
            found = answer(asked)
        except MemoryError:
            found = refusal("this takes more memory than a page may use")
        except Exception as error:  # a fault of the program is an answer, too
            found = refusal(f"{type(error).__name__} in the program: {error}")
        questions.send(found)


def refusal(message: str, remedy: str = "") -> dict[str, Any]:
    """Return an answer that says why there is none."""
    return {"ok": False, "error": {"message": message, "remedy": remedy}}


class Worker:
    """One process that answers one question after the other; a new one where it took too long.

    >>> with Worker() as worker:
    ...     worker.ask({"what": "derive", "text": "x.T @ x", "name": "x"})["results"][0]["text"]
    '2 * x'
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self._turn = Lock()
        self._process: Any = None
        self._pipe: Any = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer, or the refusal that says that it took too long."""
        with self._turn:
            if self._process is None or not self._process.is_alive():
                self._start()
            self._pipe.send(asked)
            try:
                if self._pipe.poll(self.seconds):
                    found: dict[str, Any] = self._pipe.recv()
                    return found
            except (EOFError, OSError):
                self.close()
                return refusal("this takes more memory than a page may use")
            self.close()
            return refusal(
                f"no answer within {self.seconds:g} seconds",
                "the command line has no such limit: symderiv derive ..",
            )

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.memory), daemon=True)
        self._process.start()
        theirs.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None
