"""Reading in a process of its own, for libraries that a damaged file can crash, hang or fill the memory with (libhdf5, Arrow).

The child gets requests as lines of JSON and answers with lines of JSON, followed by the bytes of the events. It ends when its
parent closes the pipe or dies.
"""

import contextlib
import importlib
import json
import os
import select
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine.children import child_command
from engine.errors import BadInput
from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.formats._shared import Damaged
from engine.events.recording import EventReader, Size

TIMEOUT_S = 60.0
"""A reader that gives no sign for this long is taken for hung."""

_MEMORY = 8 << 30  # bytes of address space that a child may take


def open_isolated(path: Path, size: Size | None, module: str, reader: str) -> EventReader:
    """A reader whose class (`reader` in the module of that name) runs in a child."""
    return IsolatedReader(path, size, module, reader)


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    child.wait()


class IsolatedReader(EventReader):
    """What is seen of the reader in the child."""

    def __init__(self, path: Path, size: Size | None, module: str, reader: str) -> None:
        super().__init__(path, size)
        self.format = module.rpartition(".")[2]  # type: ignore[misc]
        paths = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._child = subprocess.Popen(
            child_command(__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore"},
            bufsize=0,
        )
        self._finalizer = weakref.finalize(self, _end, self._child)
        try:
            answer = self._ask(
                {"path": str(path.absolute()), "shown": str(path), "size": size, "module": module, "reader": reader}
            )
        except Damaged as error:
            self.close()
            raise BadInput(f"{path} cannot be read as {self.format} recording: {error}.") from None
        except BaseException:
            self.close()
            raise
        if "bad" in answer:
            self.close()
            raise BadInput(str(answer["bad"]))
        self.size = tuple(answer["size"]) if answer["size"] else None
        self.metadata = answer["metadata"]
        self.time_range = tuple(answer["time_range"]) if answer["time_range"] else None
        self._take(answer)

    def close(self) -> None:
        """End the child."""
        self._finalizer()

    def _take(self, answer: dict[str, Any]) -> None:
        self._read, self._total = answer["read"], answer["total"]
        for text in answer["notices"]:
            self.notice(text)

    def _receive(self, count: int) -> bytearray:
        """Exactly `count` bytes from the child."""
        data = bytearray(count)
        view, at = memoryview(data), 0
        pipe = self._child.stdout
        assert pipe is not None  # it was asked for; mypy does not know
        while at < count:
            if not select.select([pipe], [], [], TIMEOUT_S)[0]:
                self.close()
                raise Damaged(f"the library that reads it gave no sign for {TIMEOUT_S:.0f} s")
            got = os.readv(pipe.fileno(), [view[at:]])
            if not got:
                self.close()
                raise Damaged("it is so damaged that the library that reads it crashed")
            at += got
        return data

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._finalizer.alive:
            raise ValueError(f"{self.path} is closed.")
        pipe = self._child.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # the answer that does not come says so
            pipe.write(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._receive(int.from_bytes(self._receive(4), "little")))
        return answer

    def _blocks(self, start_us: int | None, limit: int) -> Iterator[EventArray]:
        request: dict[str, Any] = {"start_us": start_us, "limit": limit}
        try:
            while True:
                answer = self._ask(request)
                request = {}
                self._take(answer)
                self.counts.malformed = answer["malformed"]
                if answer["events"] is None:
                    return
                yield np.frombuffer(self._receive(answer["events"] * EVENT_DTYPE.itemsize), EVENT_DTYPE)
        except Damaged as error:
            self.notice(f"The file cannot be read on ({error}): what comes before was read.")


def serve() -> None:
    """The child: answer requests on standard input until it closes."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints does not get between the answers
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    requests = os.fdopen(0, "rb")
    _serve(requests, answers)


def _answer(answers: IO[bytes], reader: EventReader | None, answer: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    if reader is not None:
        answer |= {"read": reader._read, "total": reader._total, "notices": reader.notices, "malformed": reader.counts.malformed}
    line = json.dumps(answer).encode()
    _write(answers, len(line).to_bytes(4, "little") + line)
    _write(answers, payload)


def _write(answers: IO[bytes], data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[answers.write(view) :]


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    request = json.loads(requests.readline())
    try:
        size = tuple(request["size"]) if request["size"] else None
        reader: EventReader = getattr(importlib.import_module(request["module"]), request["reader"])(Path(request["path"]), size)
    except BadInput as error:
        _answer(answers, None, {"bad": str(error).replace(request["path"], request["shown"])})
        return
    metadata = {key: value.item() if isinstance(value, np.generic) else value for key, value in reader.metadata.items()}
    _answer(answers, reader, {"size": reader.size, "metadata": metadata, "time_range": reader.time_range})
    blocks: Iterator[EventArray] = iter(())
    while line := requests.readline():
        request = json.loads(line)
        if "limit" in request:
            reader.counts.reset()
            reader._read = 0
            blocks = reader._blocks(request["start_us"], request["limit"])
        block = next(blocks, None)
        if block is None:
            _answer(answers, reader, {"events": None})
        else:
            _answer(answers, reader, {"events": len(block)}, np.ascontiguousarray(block).view(np.uint8).data)
