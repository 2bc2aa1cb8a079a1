"""The children of a sweep: one process a core, each with one thread."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.children import child_command
from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.training.sweep_worker import ONE_THREAD

_READY_SECONDS = 300.0
_LOOK_SECONDS = 0.1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class _Process:
    """A child that is a process."""

    def __init__(self) -> None:
        paths = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            child_command("engine.training.sweep_worker"),
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
        self._children: dict[int, _Process] = {}
        self._idle: list[int] = []
        self._starting: set[int] = set()
        self._hashes: list[str] = []

    def __enter__(self) -> "Pool":
        try:
            for number in range(self._count):
                child = self._children[number] = _Process()
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
