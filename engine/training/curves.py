"""What a run has told of itself, kept beside its network: curves over the steps, and the last state of every plot."""

import bisect
import json
import math
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import Emit, JobEvent, Metric
from engine.storage import replacing
from engine.training.live import BEGIN, LAYERS, SPIKES, VALIDATION, WEIGHTS

SCHEMA = 1
_SAVE_SECONDS = 5.0
_MOST_ROWS = 4_000
_LARGEST_FILE = 256 * 1024 * 1024
_PERCENTILES = (0, 10, 50, 90, 100)

Rows = dict[str, NDArray[np.float64]]


@dataclass
class Curves:
    """The curves of a run.

    Attributes:
        series: by metric ("feature layer", "output layer", "validation") columns of one length: step, and what the metric says
            (rate_0 ... rate_100 and threshold_0 ... threshold_100 are percentiles over the neurons).
        last: by metric the newest values, whole (arrays and numbers).
    """

    series: dict[str, Rows] = field(default_factory=dict)
    last: dict[str, dict[str, Any]] = field(default_factory=dict)


class CurveCollector:
    """Keeps what a run tells, in columns that can be read while it runs."""

    def __init__(self, before: Curves | None = None) -> None:
        self._series: dict[str, dict[str, list[float]]] = {}
        self.last: dict[str, dict[str, Any]] = dict(before.last) if before is not None else {}
        for name, columns in before.series.items() if before is not None else ():
            self._series[name] = {key: values.tolist() for key, values in columns.items()}
        self.learning = int(LAYERS[1] in self._series)  # index of the layer that was told of last

    def take(self, metric: Metric) -> None:
        """Keep a metric."""
        if metric.name == BEGIN:
            self._cut_back(LAYERS.index(metric.values["layer"]), metric.step, int(metric.values["output_step"]))
            return
        row, told = _row(metric), self.steps(metric.name)
        if row is not None and metric.name == VALIDATION and told and metric.step < told[-1]:
            self._take_late(row)
            return
        self.last[metric.name] = {**metric.values, "step": metric.step}
        if metric.name in LAYERS:
            self.learning = LAYERS.index(metric.name)
        if row is None:
            return
        self._drop(metric.name, metric.step - 1)  # a step that is told of twice counts as it was told of last
        self._insert(metric.name, row, len(self.steps(metric.name)))

    def _take_late(self, row: dict[str, float]) -> None:
        """A network is judged that has learned more since: its figures stand before those that were told of already."""
        told = self.steps(VALIDATION)
        if row["step"] not in told:
            self._insert(VALIDATION, row, bisect.bisect(told, row["step"]))
            self.last[VALIDATION]["left_out"] = row.get("left_out", 0)

    def _insert(self, name: str, row: dict[str, float], at: int) -> None:
        columns = self._series.setdefault(name, {})
        length = len(self.steps(name))
        for key in row.keys() - columns.keys():
            columns[key] = [math.nan] * length
        for key, values in columns.items():
            values.insert(at, row.get(key, math.nan))
        if length >= _MOST_ROWS:
            for values in columns.values():
                del values[1::2]

    def _cut_back(self, layer: int, step: int, output_step: int) -> None:
        """A layer learns from a step on: what was told of later steps of it is void, and of its network's output layer."""
        # The network is judged while its output layer learns, and the steps of that are its own.
        told = {LAYERS[1]: step if layer else output_step, VALIDATION: step if layer else output_step}
        if layer == 0:
            told[LAYERS[0]] = step
        for name, kept in told.items():
            self._drop(name, kept)
        void = [name for name, kept in told.items() if kept == 0]
        void += [WEIGHTS[LAYERS.index(name)] for name in void if name in LAYERS]
        if layer == 0:
            void.append(SPIKES)
        for name in void:
            self._series.pop(name, None)
            self.last.pop(name, None)

    def _drop(self, name: str, after: int) -> None:
        columns = self._series.get(name, {})
        steps = columns.get("step", [])
        kept = len(steps)
        while kept and steps[kept - 1] > after:
            kept -= 1
        for values in columns.values():
            del values[kept:]

    def steps(self, name: str) -> list[float]:
        """The steps at which a metric was kept."""
        return self._series.get(name, {}).get("step", [])

    def column(self, name: str, key: str) -> NDArray[np.float64]:
        """One column of a metric; empty where there is none."""
        return np.array(self._series.get(name, {}).get(key, []), np.float64)

    def curves(self) -> Curves:
        """What was kept so far."""
        made = {name: {key: np.array(values) for key, values in columns.items()} for name, columns in self._series.items()}
        return Curves(made, dict(self.last))


class CurveRecorder(CurveCollector):
    """An `emit` that keeps what passes through, and writes it to a file every few seconds.

    Args:
        onward: who hears the events after it.
        path: the file; what is there already is gone on from.
    """

    def __init__(self, onward: Emit, path: Path) -> None:
        super().__init__(read_curves(path) if path.exists() else None)
        self._onward, self._path = onward, path
        self._saved, self._news = time.monotonic(), True

    def __call__(self, event: JobEvent) -> None:
        """Keep an event and hand it on."""
        if isinstance(event, Metric):
            self.take(event)
            self._news = True
            if time.monotonic() - self._saved > _SAVE_SECONDS:
                self.save()
        self._onward(event)

    def save(self) -> None:
        """Write the file, whole or not at all, unless all of it is there already."""
        if self._news:
            write_curves(self._path, self.curves())
        self._saved, self._news = time.monotonic(), False


def _row(event: Metric) -> dict[str, float] | None:
    if event.name not in (*LAYERS, VALIDATION):
        return None
    row = {"step": float(event.step)}
    for key, value in event.values.items():
        if isinstance(value, int | float | np.integer | np.floating):
            row[key] = float(value)
    for key, short in (("firing_rate", "rate"), ("threshold", "threshold")):
        values = event.values.get(key)
        if isinstance(values, np.ndarray) and values.size:
            found = _percentiles(values)
            row |= {f"{short}_{percent}": float(x) for percent, x in zip(_PERCENTILES, found, strict=True)}
    return row


def _percentiles(values: NDArray[Any]) -> NDArray[np.float64]:
    """As np.percentile, in a fifth of its time: it is asked for ten times a second while a network learns."""
    ordered = np.sort(values, axis=None).astype(np.float64)
    return np.interp(np.array(_PERCENTILES) * (len(ordered) - 1) / 100, np.arange(len(ordered)), ordered)


def write_curves(path: Path, curves: Curves) -> None:
    """Write curves as an .npz, whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for name, columns in curves.series.items():
        arrays |= {f"series/{name}/{key}": values for key, values in columns.items()}
    for name, values in curves.last.items():
        numbers[name] = {}
        for key, value in values.items():
            if isinstance(value, np.ndarray):
                arrays[f"last/{name}/{key}"] = value
            else:
                numbers[name][key] = _plain(value)
    header = json.dumps({"schema": SCHEMA, "last": numbers})
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, header=np.array(header), **arrays)  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return list(value) if isinstance(value, tuple) else value


def read_curves(path: Path) -> Curves:
    """Read curves back.

    Raises:
        BadInput: the file is missing, broken or larger than curves can be.
    """
    curves = Curves()
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_FILE:
                raise BadInput(f"{path} is larger than the curves of a run can be: remove it.")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"][()]))
            if header["schema"] != SCHEMA:
                raise BadInput(f"{path} was written by another version of Revisit and is not read.")
            curves.last = {str(name): dict(values) for name, values in header["last"].items()}
            for name in file.files:
                where, _, rest = name.partition("/")
                metric, _, key = rest.rpartition("/")
                if where == "series":
                    curves.series.setdefault(metric, {})[key] = np.asarray(file[name], np.float64).ravel()
                elif where == "last":
                    curves.last.setdefault(metric, {})[key] = file[name]
        for name, columns in curves.series.items():
            if len({len(values) for values in columns.values()}) != 1 or "step" not in columns:
                raise BadInput(f"{path}: the columns of {name!r} have different lengths: remove the file.")
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist.") from None
    except BadInput:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path} cannot be read as the curves of a run ({type(error).__name__}): remove it.") from None
    return curves


def export_values(curves: Curves, folder: Path) -> list[Path]:
    """Write curves as CSV files, one a metric, and the last firing rates, thresholds and weight histograms likewise.

    Raises:
        BadInput: the folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, columns in curves.series.items():
            written.append(_write_csv(folder / f"{name.replace(' ', '_')}.csv", columns))
        for name, values in curves.last.items():
            rows: dict[str, NDArray[Any]] = {
                key: np.asarray(value) for key, value in values.items() if key in ("firing_rate", "threshold")
            }
            if rows:
                written.append(_write_csv(folder / f"{name.replace(' ', '_')}_neurons.csv", rows))
            if "counts" in values and "edges" in values:
                edges = np.asarray(values["edges"])
                columns = {"from": edges[:-1], "to": edges[1:], "weights": np.asarray(values["counts"])}
                written.append(_write_csv(folder / f"{name.replace(' ', '_')}_histogram.csv", columns))
    except OSError as error:
        raise BadInput(f"{folder} cannot take the values ({error.strerror}): choose another folder.") from None
    return written


def _write_csv(path: Path, columns: dict[str, NDArray[Any]]) -> Path:
    with replacing(path) as part:
        lines = [",".join(columns), *(",".join(f"{value:.9g}" for value in row) for row in zip(*columns.values(), strict=True))]
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
