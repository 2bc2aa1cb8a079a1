"""The children of a sweep: one process a core, each with one thread."""

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.training.sweep_worker import ONE_THREAD, TrialRunner, answers

_READY_SECONDS = 300.0
_LOOK_SECONDS = 0.1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class _Child(Protocol):
    def send(self, message: Mapping[str, Any]) -> None: ...

    def fileno(self) -> int: ...

    def messages(self) -> list[dict[str, Any]]: ...

    def end(self) -> None: ...


class _Process:
    """A child that is a process."""

    def __init__(self) -> None:
        paths = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from engine.training.sweep_worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore"},
            bufsize=0,
            start_new_session=True,  # Ctrl-C in a terminal is the parent's affair
        )
        self._rest = b""

    def send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the end that comes instead of an answer says so
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def fileno(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def messages(self) -> list[dict[str, Any]]:
        """What has come; a child that has died says so."""
        data = os.read(self.fileno(), 1 << 16)
        if not data:
            return [{"died": self._process.wait()}]
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


class _Thread:
    """A child that is a thread, in a frozen application: there is no interpreter to start, and the loops release the lock."""

    def __init__(self, cancel: CancelToken) -> None:
        self._cancel = CancelToken()
        self._outer = cancel
        self._in: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._out: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._read, self._write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="trial of a sweep", daemon=True)
        self._thread.start()

    def send(self, message: Mapping[str, Any]) -> None:
        self._in.put(dict(message))

    def fileno(self) -> int:
        return self._read

    def messages(self) -> list[dict[str, Any]]:
        os.read(self._read, 1)
        return [self._out.get()]

    def end(self) -> None:
        self._cancel.cancel()
        self._in.put(None)
        self._thread.join()
        os.close(self._read)
        os.close(self._write)

    def _say(self, message: dict[str, Any]) -> None:
        self._out.put(message)
        os.write(self._write, b".")

    def _serve(self) -> None:
        try:
            setup = self._in.get()
            if setup is None:
                return
            runner = TrialRunner(setup["setup"], self._cancel)
            self._say({"ready": {"data_hash": runner.data_hash}})

            def report(value: float, step: int) -> bool:
                self._say({"report": value, "step": step})
                answer = self._in.get()
                if answer is None:
                    raise JobCancelled("the sweep is cancelled")
                return bool(answer["prune"])

            while (request := self._in.get()) is not None:
                for answer in answers(runner, request, report):
                    self._say(answer)
        except BadInput as error:
            self._say({"bad": str(error)})
        except JobCancelled:
            return


class Pool:
    """Children that are ready for trials; killed at the end, whatever they do.

    Args:
        setup: what TrialRunner is told.
        count: how many.
        cancel: heeded while they start.

    Raises:
        BadInput: the data cannot be read, or a child does not start.
        JobCancelled: cancelled before they were ready.
    """

    def __init__(self, setup: Mapping[str, Any], count: int, cancel: CancelToken) -> None:
        self._setup, self._count, self._cancel = dict(setup), count, cancel
        self._children: dict[int, _Child] = {}
        self._idle: list[int] = []
        self._starting: set[int] = set()
        self._hashes: list[str] = []

    def __enter__(self) -> "Pool":
        try:
            for number in range(self._count):
                child: _Child = _Thread(self._cancel) if getattr(sys, "frozen", False) else _Process()
                self._children[number] = child
                child.send({"setup": self._setup})
            self._await_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def data_hash(self) -> str:
        """Of what the children have read."""
        return self._hashes[0]

    def idle(self) -> list[int]:
        """Children without a trial."""
        return list(self._idle)

    def send(self, child: int, message: Mapping[str, Any]) -> None:
        """Give a child a trial, or an answer."""
        if child in self._idle:
            self._idle.remove(child)
        self._children[child].send(message)

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any]]]:
        """What children have said, after waiting for at most so long; one that died has failed its trial and is replaced.

        Raises:
            BadInput: a child died while it started.
        """
        busy = {child.fileno(): number for number, child in self._children.items() if number not in self._idle}
        if not busy:
            return []
        found = []
        for descriptor in select.select(list(busy), [], [], seconds)[0]:
            number = busy[descriptor]
            for message in self._children[number].messages():
                if number in self._starting and ("died" in message or "bad" in message):
                    raise BadInput(str(message.get("bad", "The processes of the sweep die while they start.")))
                if "died" in message:
                    self._children[number].end()
                    self._children[number] = _Process()
                    self._children[number].send({"setup": self._setup})
                    self._starting.add(number)
                    found.append((number, {"bad": f"The process that trained it died (exit code {message['died']})."}))
                elif "ready" in message:
                    self._starting.discard(number)
                    self._idle.append(number)
                else:
                    if "report" not in message:
                        self._idle.append(number)
                    found.append((number, message))
        return found

    def _await_ready(self) -> None:
        end = time.monotonic() + _READY_SECONDS
        waiting = set(self._children)
        while waiting:
            self._cancel.check()
            if time.monotonic() > end:
                raise BadInput(f"The processes of the sweep were not ready after {_READY_SECONDS:.0f} s: use fewer of them.")
            descriptors = {self._children[number].fileno(): number for number in waiting}
            for descriptor in select.select(list(descriptors), [], [], _LOOK_SECONDS)[0]:
                number = descriptors[descriptor]
                for message in self._children[number].messages():
                    if "bad" in message:
                        raise BadInput(str(message["bad"]))
                    if "died" in message:
                        raise BadInput(f"A process of the sweep died while it started (exit code {message['died']}).")
                    self._hashes.append(str(message["ready"]["data_hash"]))
                    self._idle.append(number)
                    waiting.discard(number)

    def _end(self) -> None:
        children, self._children = self._children, {}
        for child in children.values():
            child.end()
