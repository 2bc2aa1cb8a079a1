"""A session's folder: what a live run saw and said, whole up to its last window whatever ends it.

output/<date-time>/events.aedat4     raw events, as they came
                   spikes.npy        (places, windows) what the target gave, higher is more alike
                   similarity.npy    (places, windows) what the place was chosen by, after the sequence stage
                   places.csv        a line a window
                   power.csv         a line a window, where power is known
                   parameters.json   how it was run
                   session.json      its totals, written at the end
"""

import errno
import logging
import threading
from pathlib import Path
from typing import Any

from engine import __version__
from engine.capture.queue import WeighedQueue
from engine.chip.limits import RAILS
from engine.live.answer import Answer
from engine.live.growing import GrowingMatrix
from engine.storage import write_json

log = logging.getLogger(__name__)

SCHEMA = 1
EVENTS = "events.aedat4"
_QUEUE_WINDOWS = 256
_PLACES = "window,time_us,place,confidence,lost,latency_ms,seen,events,synops"
_POWER = ("window", "time_us", *(f"{rail}_w" for rail in RAILS), "total_w", "energy_j", "measured")


class SessionWriter:
    """Writes a session's answers in a thread of its own, so that a slow disk holds up no answer.

    Args:
        folder: of the session; it is made.
        places: rows of the matrices.
        parameters: what parameters.json says.

    Attributes:
        problem: a sentence once the folder cannot be written any more; what was written before is whole.
        written: windows on disk; left_out: windows that came too fast for the disk, or after it failed.

    Raises:
        OSError: the folder or a file in it cannot be made.
    """

    def __init__(self, folder: Path, places: int, parameters: dict[str, Any]) -> None:
        self.folder = folder
        self.problem = ""
        self.written = self.left_out = 0
        folder.mkdir(parents=True)
        write_json(folder / "parameters.json", {"schema_version": SCHEMA, "revisit": __version__, **parameters})
        self._spikes = GrowingMatrix(folder / "spikes.npy", places, "<f4")
        self._similarity = GrowingMatrix(folder / "similarity.npy", places, "<f4")
        self._places = _Table(folder / "places.csv", _PLACES)
        self._power: _Table | None = None
        self._queue: WeighedQueue[Answer] = WeighedQueue(_QUEUE_WINDOWS)
        self._thread = threading.Thread(target=self._work, name="live: session", daemon=True)
        self._thread.start()

    def put(self, answer: Answer) -> None:
        """Write an answer, soon; never waits."""
        self._queue.put(answer, 1, keep=False)

    def finish(self, totals: dict[str, Any]) -> None:
        """Write what waits, and the totals; safe to call twice."""
        self._queue.close()
        self._thread.join(10.0)
        self.left_out += self._queue.dropped
        for part in (self._spikes, self._similarity, self._places, self._power):
            if part is not None:
                try:
                    part.close()
                except OSError as error:
                    self._fail(error)
        whole = {"complete": not self.problem, "problem": self.problem, "windows": self.written, "left_out": self.left_out}
        try:
            write_json(self.folder / "session.json", {"schema_version": SCHEMA, **whole, "totals": totals})
        except OSError as error:
            self._fail(error)

    def _work(self) -> None:
        while not self._queue.finished:
            answer = self._queue.take(None)
            if answer is None:
                continue
            if self.problem:
                self.left_out += 1
                continue
            try:
                self._write(answer)
                self.written += 1
            except OSError as error:
                self.left_out += 1
                self._fail(error)
            except Exception as error:
                log.exception("writing a session failed")
                self.left_out += 1
                self.problem = f"The session could not be written ({type(error).__name__}, see the log)."

    def _write(self, answer: Answer) -> None:
        spikes, power = answer.spikes, answer.spikes.power
        synops = "" if spikes.synops is None else str(spikes.synops)
        self._places.append(
            f"{answer.number},{answer.end_us},{answer.place},{answer.confidence:.4f},{int(answer.lost)},"
            f"{1000 * answer.latency_s:.3f},{answer.seen:.3f},{spikes.input_events},{synops}"
        )
        # The tables before the matrices: a kill between them leaves a line too many, never a column that nothing tells of.
        if power is not None:
            if self._power is None:
                self._power = _Table(self.folder / "power.csv", ",".join(_POWER))
            rails = ",".join(f"{watts:.6g}" for watts in power.watts)
            self._power.append(
                f"{answer.number},{answer.end_us},{rails},{power.total_w:.6g},{power.energy_j:.6g},{int(power.measured)}"
            )
        self._append(answer)

    def _append(self, answer: Answer) -> None:
        for matrix, column in ((self._spikes, answer.spikes.counts), (self._similarity, answer.scores)):
            matrix.widen(len(column))  # a place was remembered
            matrix.append(column)

    def _fail(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        remedy = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "check its permissions"
        if not self.problem:
            self.problem = f"{self.folder} cannot be written any more ({reason}): {remedy}; the windows before are whole."


class _Table:
    """A CSV file that holds whole lines only, also when one cannot be written to its end."""

    def __init__(self, path: Path, header: str) -> None:
        self._file = path.open("xb", buffering=0)
        self._whole = 0
        self.append(header)

    def append(self, line: str) -> None:
        """Add a line."""
        data = memoryview(f"{line}\n".encode())
        length = len(data)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
            raise
        self._whole += length

    def close(self) -> None:
        """Close the file."""
        self._file.close()
