"""TensorBoard and Weights & Biases hear what a run tells: optional packages, off unless they are asked for."""

import contextlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from engine.children import in_bundle
from engine.errors import BadInput
from engine.jobs import Emit, JobEvent, Metric, Notice
from engine.training.live import BEGIN, SPIKES
from engine.training.runs import Run

_HISTOGRAMS = ("firing_rate", "threshold", "weight")
_NO_FIGURES = (BEGIN, SPIKES)  # what plots need to draw, and one place's spikes
_PROJECT = "revisit"


def check_trackers(tensorboard: bool, wandb: bool) -> None:
    """Say before a run begins that a package is missing.

    Raises:
        BadInput: which one, and how to get it.
    """
    for wanted, package, title in ((tensorboard, "tensorboard", "TensorBoard"), (wandb, "wandb", "Weights & Biases")):
        if wanted and importlib.util.find_spec(package) is None:
            if in_bundle():
                raise BadInput(f"{title} cannot be added to this bundle: install Revisit with pip, or train without it.")
            raise BadInput(f"{title} is not installed: pip install 'revisit[{package}]', or train without it.")


@contextlib.contextmanager
def tracking(tensorboard: bool, wandb: bool, run: Run, emit: Emit) -> Iterator[Emit]:
    """An `emit` that tells the trackers, too; their packages are there (check_trackers)."""
    with contextlib.ExitStack() as stack:
        listeners = []
        if tensorboard:
            listeners.append(stack.enter_context(_tensorboard(run)))
        if wandb:
            listeners.append(stack.enter_context(_wandb(run, emit)))

        def tell(event: JobEvent) -> None:
            if isinstance(event, Metric) and event.name not in _NO_FIGURES:
                for listener in listeners:
                    listener(event)
            emit(event)

        yield tell if listeners else emit


@contextlib.contextmanager
def _tensorboard(run: Run) -> Iterator[Callable[[Metric], None]]:
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(run.folder / "tensorboard"))
    try:

        def tell(event: Metric) -> None:
            for name, number in _scalars(event).items():
                writer.add_scalar(name, number, event.step)
            for key in _HISTOGRAMS:
                values = event.values.get(key)
                if isinstance(values, np.ndarray) and values.size:
                    writer.add_histogram(f"{event.name}/{key}", values, event.step)

        yield tell
    finally:
        writer.close()


@contextlib.contextmanager
def _wandb(run: Run, emit: Emit) -> Iterator[Callable[[Metric], None]]:
    package = importlib.import_module("wandb")
    mode = os.environ.get("WANDB_MODE", "offline")
    opened = package.init(
        project=_PROJECT,
        name=run.info.name,
        dir=str(run.folder),
        config=run.info.model_dump(mode="json"),
        mode=mode,
        # Standard output may be a command's JSON, and a window has none: the package is to leave it alone, and to be quiet.
        settings=package.Settings(console="off", silent=True),
    )
    try:

        def tell(event: Metric) -> None:
            numbers: dict[str, Any] = _scalars(event)
            for key in _HISTOGRAMS:
                values = event.values.get(key)
                if isinstance(values, np.ndarray) and values.size:
                    numbers[f"{event.name}/{key}"] = package.Histogram(values)
            if numbers:
                opened.log({**numbers, f"{event.name}/step": event.step})

        yield tell
    finally:
        opened.finish()
    if mode == "offline":
        emit(Notice(f"Weights & Biases has not been told: wandb sync {run.folder / 'wandb'}/offline-run-* sends the log."))


def _scalars(event: Metric) -> dict[str, float]:
    found = {}
    for key, value in event.values.items():
        if isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value):
            found[f"{event.name}/{key}"] = float(value)
        elif key in ("firing_rate", "threshold") and isinstance(value, np.ndarray) and value.size:
            found[f"{event.name}/mean {key}"] = float(value.mean())
    return found
