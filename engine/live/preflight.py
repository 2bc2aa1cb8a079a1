"""What a live run needs, looked at before it starts: each point good, doubtful, bad, or not known yet, with a sentence."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from engine.capture.recorder import free_bytes
from engine.chip.check import ChipCheck, check_model
from engine.chip.quantise import ChipParameters
from engine.errors import BadInput
from engine.events.checks import Size
from engine.live.model import LiveModel
from engine.live.parameters import LiveParameters, steps_in
from engine.live.targets import quantised
from engine.places.workspace import Workspace

Level = Literal["good", "doubtful", "bad", "unknown"]
Mend = Literal["", "region", "window", "polarity", "hot_pixels", "recall"]
_ALIKE, _BEARABLE = 2.0, 5.0  # how many times denser or sparser events may be than in training
_LEAST_FREE = 1 << 30
_BEARABLE_ERROR = 0.1  # of the weights' root mean square; 5 % cost a hundredth of recall on LENS's own example


@dataclass(frozen=True)
class Check:
    """One point of the list.

    Attributes:
        name: of the point.
        level: how it stands.
        sentence: for a person.
        mend: what would put it right, "" where nothing here can; `mended` gives the parameters.
        mend_text: for a button.
        chip: the layout on the chip's cores, of the point that is about them where the run needs the chip.
    """

    name: str
    level: Level
    sentence: str
    mend: Mend = ""
    mend_text: str = ""
    chip: ChipCheck | None = None


@dataclass(frozen=True)
class Present:
    """What the source shows now; None where it is not watched, or not long enough.

    Attributes:
        size: (width, height) of the sensor.
        events_per_pixel: that a window of the region holds at the present rate.
        hot_found: pixels that are hot and not marked yet, by number.
        hot_marked: pixels that are marked as hot.
        measurable: whether the workspace has queries to measure on what the chip's integers cost (engine.live.recall).
        recall: what was measured.
    """

    size: Size | None = None
    events_per_pixel: float | None = None
    hot_found: int | None = None
    hot_marked: int = 0
    measurable: bool = False
    recall: str = ""


def preflight(model: LiveModel, parameters: LiveParameters, present: Present, workspace: Workspace | None = None) -> list[Check]:
    """Look at everything; the order is that of the panel's list.

    Args:
        model: the network.
        parameters: of the run.
        present: what the source shows.
        workspace: where the session would be written; None writes none.
    """
    checks = [_chip(model, parameters)]
    if checks[0].chip is not None and checks[0].level == "good":
        integers = _integers(model, parameters.chip)
        if present.recall:
            integers = replace(integers, sentence=f"{integers.sentence} {present.recall}")
        elif present.measurable:
            integers = replace(integers, mend="recall", mend_text="Measure recall")
        checks.append(integers)
    checks += [_region(model, parameters, present), _window(model, parameters)]
    if model.trained.polarity in ("both", "on", "off") and model.trained.polarity != parameters.polarity:
        checks.append(
            Check(
                "Polarity",
                "doubtful",
                f"{_events(parameters.polarity)} count now, {_events(model.trained.polarity).lower()} when trained.",
                "polarity",
                "Use the trained one",
            )
        )
    checks += [_hot(parameters, present), _density(model, present)]
    if workspace is not None:
        checks.append(_room(workspace))
    return checks


def mended(model: LiveModel, parameters: LiveParameters, mend: Mend) -> LiveParameters:
    """The parameters with one point put right (what needs the source or a job is the view's to do)."""
    changes: dict[Mend, dict[str, object]] = {
        "region": {"region": None},
        "window": {"window_ms": None},
        "polarity": {"polarity": model.trained.polarity},
        "hot_pixels": {"filters": parameters.filters.model_copy(update={"hot_pixels_on": True})},
    }
    return parameters.model_copy(update=changes.get(mend, {}))


def _chip(model: LiveModel, parameters: LiveParameters) -> Check:
    runner = model.runner
    found: ChipCheck | None = None
    try:
        found = check_model(runner.network, runner.inputs, model.frame_size)
        fits, sentence = found.fits, found.sentence
    except BadInput as wrong:
        fits, sentence = False, str(wrong)
    if {"virtual", "speck"} & {parameters.target, parameters.ghost}:
        return Check("Chip", "good" if fits else "bad", sentence, chip=found)
    return Check(
        "Chip", "good", "The CPU runs any network." if fits else f"The CPU runs any network; a Speck could not: {sentence}"
    )


@lru_cache(maxsize=4)
def _integers(model: LiveModel, chip: ChipParameters | None) -> Check:
    """What becomes of the weights in the chip's 8 bits, and the thresholds that it is run with."""
    try:
        made = quantised(model, model.frame_size or model.runner.inputs.dims, chip)
    except BadInput as wrong:
        return Check("Integers", "bad", str(wrong))
    inputs = made.parameters.input_threshold or 0.0
    fires = f"an input fires after {inputs:.2g} events a pixel"
    layers = [layer for layer in made.layers[1:] if layer.scale != 1]
    if not layers:
        return Check("Integers", "good", f"The weights are 8-bit integers already; {fires}.")
    worst = max(layers, key=lambda layer: layer.error)
    told = "; ".join(f"{layer.shape.name}, {_share(layer.clipped)} clipped, {_share(layer.lost)} become 0" for layer in layers)
    level: Level = "good" if worst.error <= _BEARABLE_ERROR else "doubtful"
    return Check("Integers", level, f"Weights in 8 bits: {told}; off by {worst.error:.1%} at most; {fires}.")


def _share(value: float) -> str:
    return "none" if value == 0 else f"{value:.1%}"


def _region(model: LiveModel, parameters: LiveParameters, present: Present) -> Check:
    if present.size is None:
        wanted = model.frame_size
        size = f"{wanted[1]} × {wanted[0]} pixels" if wanted else "any size"
        return Check("Region", "unknown", f"The network takes {size}; start the source to see its sensor.")
    try:
        x, y, width, height = model.region_on(present.size, parameters.region)
    except BadInput as wrong:
        mend: Mend = "region" if parameters.region is not None else ""
        return Check("Region", "bad", str(wrong), mend, "Use the network's own" if mend else "")
    place = f"{width} × {height} pixels at {x}, {y}"
    trained = model.trained
    if trained.region is None:
        return Check("Region", "good", f"{place}, the size that the network takes; nobody knows where it was when trained.")
    if trained.sensor not in (None, present.size):
        was = f"{trained.sensor[0]} × {trained.sensor[1]}" if trained.sensor else "another size"
        return Check(
            "Region", "doubtful", f"{place}: the middle, as the sensor of {was} that it was trained with is another one."
        )
    if (x, y, width, height) != trained.region:
        own: Mend = "region" if parameters.region is not None else ""
        left, top = trained.region[:2]
        return Check("Region", "doubtful", f"{place}; trained at {left}, {top}.", own, "Use the network's own" if own else "")
    return Check("Region", "good", f"{place}, as when trained.")


def _window(model: LiveModel, parameters: LiveParameters) -> Check:
    window_us = model.window_us(parameters.window_ms)
    try:
        steps_in(window_us, parameters.step_us)
    except ValueError as wrong:
        sentence = f"{str(wrong)[:1].upper()}{str(wrong)[1:]}."
        mend: Mend = "window" if parameters.window_ms is not None else ""
        return Check("Window", "bad", sentence, mend, "Use the trained window" if mend else "")
    answers = 1e6 / parameters.step_us
    told = f"{window_us / 1000:g} ms, {answers:.3g} answer{'s' * (answers != 1)} a second"
    trained = model.trained.window_ms
    if trained is None:
        return Check("Window", "good", f"{told}; nobody knows the window of the frames that it was trained on.")
    if window_us != round(1000 * trained):
        return Check("Window", "doubtful", f"{told}; trained with {trained:g} ms.", "window", f"Use {trained:g} ms")
    return Check("Window", "good", f"{told}, as when trained.")


def _hot(parameters: LiveParameters, present: Present) -> Check:
    if present.hot_found is None:
        return Check("Hot pixels", "unknown", "Told from half a second of events: start the source.")
    marked = f"{present.hot_marked} left out" if present.hot_marked and parameters.filters.hot_pixels_on else "none left out"
    if present.hot_found:
        text = f"{present.hot_found} pixel{'s fire' if present.hot_found > 1 else ' fires'} without light, {marked}."
        return Check("Hot pixels", "doubtful", text, "hot_pixels", "Leave them out")
    if present.hot_marked and not parameters.filters.hot_pixels_on:
        return Check(
            "Hot pixels", "doubtful", f"{present.hot_marked} are marked, but the filter is off.", "hot_pixels", "Switch it on"
        )
    return Check("Hot pixels", "good", f"{present.hot_marked} left out, no other." if present.hot_marked else "None.")


def _density(model: LiveModel, present: Present) -> Check:
    now, trained = present.events_per_pixel, model.trained.events_per_pixel
    if now is None:
        then = f"; {trained:.2g} when trained" if trained is not None else ""
        return Check("Events", "unknown", f"Events per pixel are told once the source runs{then}.")
    if trained is None or trained <= 0:
        return Check("Events", "unknown", f"{now:.2g} events per pixel now; nobody knows how many when trained.")
    told = f"{now:.2g} events per pixel now, {trained:.2g} when trained"
    times = max(now, 1e-9) / trained
    apart = max(times, 1 / times)
    if apart <= _ALIKE:
        return Check("Events", "good", f"{told}.")
    why = "the scene, its light or the speed is another" if times > 1 else "the camera stands still, or the light is low"
    return Check("Events", "doubtful" if apart <= _BEARABLE else "bad", f"{told}: {why}.")


def _room(workspace: Workspace) -> Check:
    free = free_bytes(workspace.root)
    told = f"{free / 1e9:.1f} GB free for sessions."
    if free < _LEAST_FREE:
        return Check("Disk", "bad" if free < _LEAST_FREE // 16 else "doubtful", f"Only {told}")
    return Check("Disk", "good", told)


def _events(polarity: str) -> str:
    return {"both": "ON and OFF events", "on": "ON events", "off": "OFF events"}[polarity]
