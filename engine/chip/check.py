"""Whether a network fits the chip, core by core, and what would help where it does not.

sinabs's own mapping looks at memory alone and says only that there is no valid mapping; the rules here are all that the chip's
documents state (engine.chip.limits). It needs sizes only, so that a person can be told before training.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from engine.chip.layers import ChipLayer, ChipShape, place_network_shape
from engine.chip.limits import (
    CORES,
    LARGEST_FEATURES,
    LARGEST_KERNEL,
    LARGEST_MAP,
    LARGEST_PADDING,
    POOLS,
    SENSOR,
    STATE_MAX,
    STRIDES,
    WEIGHT_MAX,
    Core,
)
from engine.errors import BadInput
from engine.frames.inputs import InputParameters


@dataclass(frozen=True)
class LayerCheck:
    """One layer against the core that it is on, or against the one that comes nearest where it fits none.

    Attributes:
        layer: "inputs", "features" or "places".
        core: number of the core.
        fits: whether it can be there.
        neurons, features, fan_in: of the layer.
        kernel_words, neuron_words, bias_words: that it uses (8 bit, 16 bit, one a feature).
        kernel_available, neuron_available, bias_available: that the core has.
        why: a sentence where it does not fit, else "".
    """

    layer: str
    core: int
    fits: bool
    neurons: int
    features: int
    fan_in: int
    kernel_words: int
    kernel_available: int
    neuron_words: int
    neuron_available: int
    bias_words: int
    bias_available: int
    why: str = ""


@dataclass(frozen=True)
class ChipCheck:
    """What the check found.

    Attributes:
        fits: whether the chip can run the network.
        layers: one entry a layer, in order; empty where the layers themselves cannot be made.
        problems: what stands against it, a sentence each; where the chip fits it, none.
        help: what would help ("use 7x7 inputs or 512 places"), or "".
        notes: what does not stand against it but should be known.
    """

    fits: bool
    layers: tuple[LayerCheck, ...]
    problems: tuple[str, ...] = ()
    help: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The outcome in one sentence or a few."""
        if self.fits:
            cores = ", ".join(str(layer.core) for layer in self.layers)
            return f"Fits the chip on the cores {cores}."
        advice = f" What would help: {self.help}." if self.help else ""
        return " ".join(self.problems) + advice

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {**asdict(self), "sentence": self.sentence}


def check_network(
    inputs: InputParameters, features: int | None, places: int, region: tuple[int, int] | None = None, *, advise: bool = True
) -> ChipCheck:
    """Check a place network by its sizes alone.

    Args:
        inputs: grid, region and cell; the region may be left out there and given here.
        features: neurons of the feature layer; None for a network of one layer (prototypes).
        places: output neurons.
        region: (rows, columns) of the event frames, where inputs.roi_dim does not say it; the grid itself if neither does.
        advise: also search for what would help (some milliseconds).

    Returns:
        The check; a network that does not fit is an outcome, not an error.

    Raises:
        BadInput: the grid does not divide the region, or a size is not positive.
    """
    if places < 1 or (features is not None and features < 1):
        raise BadInput("A network needs at least one place and one feature: check feature_multiplier and the reference.")
    settled = inputs if inputs.roi_dim is not None else inputs.for_frames(region or inputs.dims)
    shape = place_network_shape(settled, features, places)
    check = check_shape(shape)
    if check.fits or not advise:
        return check
    return ChipCheck(False, check.layers, check.problems, _advice(settled, features, places, shape), check.notes)


class PlaceNetwork(Protocol):
    """What of a network is needed here."""

    @property
    def inputs(self) -> int:
        """Input values."""

    @property
    def places(self) -> int:
        """Output neurons."""


def check_model(network: PlaceNetwork, inputs: InputParameters, region: tuple[int, int] | None = None) -> ChipCheck:
    """Check a network that is there: a LensNetwork, or one of one layer, which has no `features` and may have several
    neurons a place.

    Raises:
        BadInput: the inputs are not the network's.
    """
    if inputs.inputs != network.inputs:
        raise BadInput(
            f"The network has {network.inputs} inputs, but dims {inputs.dims[0]}x{inputs.dims[1]} gives {inputs.inputs}: "
            "give the grid that it was trained with."
        )
    features: int | None = getattr(network, "features", None)
    outputs: int = getattr(network, "neurons", network.places) if features is None else network.places
    return check_network(inputs, features, outputs, region)


def check_shape(shape: ChipShape) -> ChipCheck:
    """Check layers, and lay them out on the cores."""
    problems = list(shape.problems)
    rows, columns = shape.region
    if max(rows, columns) > SENSOR:
        problems.append(
            f"The region of {rows}x{columns} pixels is larger than the chip's camera of {SENSOR}x{SENSOR}: "
            "choose a region inside it."
        )
    cores = lay_out(shape.layers)
    checks = []
    for layer, core in zip(shape.layers, cores, strict=True):
        why = _rules(layer)
        if core is None:
            nearest = min(CORES, key=lambda core: _missing(layer, core))
            why = why or _shortage(layer, nearest) or _no_core_left(layer)
        else:
            nearest = CORES[core]
        if why:
            problems.append(why)
        checks.append(_entry(layer, nearest, why))
    if len(shape.layers) > len(CORES):
        problems.append(f"The network has {len(shape.layers)} layers, and the chip {len(CORES)} cores: use fewer layers.")
    return ChipCheck(not problems, tuple(checks), tuple(problems), "", tuple(_notes(shape)))


def lay_out(layers: Sequence[ChipLayer]) -> list[int | None]:
    """A core for each layer, of those that have the memory: as many layers as can be placed, each on the smallest core it can.

    A bipartite matching by augmenting paths (Kuhn's algorithm); a layer's cores are tried from the one with the least memory
    to spare, so that large cores stay free for large layers.
    """
    holder: dict[int, int] = {}
    wanted = [
        [core.number for core in sorted(CORES, key=lambda c: (c.kernel_words, c.neuron_words)) if _missing(layer, core) == 0]
        for layer in layers
    ]

    def place(layer: int, tried: set[int]) -> bool:
        for core in wanted[layer]:
            if core not in tried:
                tried.add(core)
                if core not in holder or place(holder[core], tried):
                    holder[core] = layer
                    return True
        return False

    for layer in range(len(layers)):
        place(layer, set())
    cores: list[int | None] = [None] * len(layers)
    for core, layer in holder.items():
        cores[layer] = core
    return cores


def _missing(layer: ChipLayer, core: Core) -> int:
    """Bytes of kernel and neuron memory that a core lacks for a layer."""
    return (
        max(0, layer.kernel_words - core.kernel_words)
        + 2 * max(0, layer.neuron_words - core.neuron_words)
        + max(0, layer.bias_words - core.bias_words)
    )


def _rules(layer: ChipLayer) -> str:
    """What of a layer breaks a rule other than memory, as a sentence; else ""."""
    what, (features, rows, columns) = _OF[layer.name], layer.outputs
    if features > LARGEST_FEATURES:
        return f"{features} {what} are more than the {LARGEST_FEATURES} that one core can have."
    if max(rows, columns) > LARGEST_MAP:
        return f"The {what} form a map of {rows}x{columns}, larger than a core's {LARGEST_MAP}x{LARGEST_MAP}."
    if max(layer.inputs[1:]) > SENSOR:
        return f"The {what} read a map of {layer.inputs[1]}x{layer.inputs[2]}, larger than a core's {SENSOR}x{SENSOR}."
    if layer.kernel > LARGEST_KERNEL or max(layer.padding) > LARGEST_PADDING:
        return f"The {what} need a kernel of {layer.kernel}x{layer.kernel}, larger than {LARGEST_KERNEL}x{LARGEST_KERNEL}."
    if not set(layer.stride) <= set(STRIDES) or layer.pool not in POOLS:
        return f"The {what} need a stride of {max(layer.stride)} or a pooling of {layer.pool}, which the chip does not have."
    return ""


def _shortage(layer: ChipLayer, core: Core) -> str:
    """What of the nearest core is too small, as a sentence; "" where it would do were it free."""
    what = f"{layer.features} {_OF[layer.name]}"
    kernel, neuron = layer.kernel_words - core.kernel_words, 2 * (layer.neuron_words - core.neuron_words)
    if kernel > 0:
        return f"{what} need {_kilobytes(kernel)} more than core {core.number} has for weights ({_kilobytes(core.kernel_words)})."
    if neuron > 0:
        return (
            f"{what} need {_kilobytes(neuron)} more than core {core.number} has for states ({_kilobytes(2 * core.neuron_words)})."
        )
    return ""


def _no_core_left(layer: ChipLayer) -> str:
    return f"Every core large enough for the {_OF[layer.name]} holds another layer."


def _kilobytes(size: int) -> str:
    """Bytes in KB, rounded up, so that no shortage reads 0."""
    return f"{-(-size // 1024)} KB"


_OF = {"inputs": "input neurons", "features": "features", "places": "outputs"}


def _entry(layer: ChipLayer, core: Core, why: str) -> LayerCheck:
    features, rows, columns = layer.outputs
    return LayerCheck(
        layer=layer.name,
        core=core.number,
        fits=not why,
        neurons=features * rows * columns,
        features=features,
        fan_in=layer.fan_in,
        kernel_words=layer.kernel_words,
        kernel_available=core.kernel_words,
        neuron_words=layer.neuron_words,
        neuron_available=core.neuron_words,
        bias_words=layer.bias_words,
        bias_available=core.bias_words,
        why=why,
    )


def _notes(shape: ChipShape) -> Iterator[str]:
    limit = STATE_MAX // WEIGHT_MAX
    for layer in shape.layers:
        if layer.name != "inputs" and layer.fan_in > limit:
            yield (
                f"One of the {_OF[layer.name]} has {layer.fan_in} weights: more than {limit} of the largest arriving at once "
                "would take a 16-bit state to its end, where it stays; event by event this does not come about."
            )


def _advice(inputs: InputParameters, features: int | None, places: int, shape: ChipShape) -> str:
    """Changes of one size that make it fit, each tried by the check itself, largest first."""

    def fits(changed: InputParameters, features: int | None, places: int) -> bool:
        return check_shape(place_network_shape(changed, features, places)).fits

    found = []
    region = inputs.roi_dim or inputs.dims
    per_input = None if features is None else features / inputs.inputs
    grid = _first(
        _grids(inputs.dims, region),
        lambda dims: fits(
            inputs.model_copy(update={"dims": dims, "roi_dim": dims if region == inputs.dims else region}),
            None if per_input is None else max(1, int(per_input * dims[0] * dims[1])),
            places,
        ),
    )
    if grid is not None:
        found.append(f"{grid[0]}x{grid[1]} inputs")
    smaller = _smaller_region(inputs)
    if smaller is not None and fits(inputs.model_copy(update={"roi_dim": smaller}), features, places):
        found.append(f"a region of {smaller[0]}x{smaller[1]} pixels")
    if not shape.problems:
        fewer = _largest(places, lambda count: fits(inputs, features, count))
        if fewer:
            found.append(f"{fewer} places")
        if features is not None:
            narrower = _largest(features, lambda count: fits(inputs, count, places))
            if narrower:
                found.append(f"{narrower} features")
    return "use " + " or ".join(found) if found else ""


def _grids(dims: tuple[int, int], region: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Smaller grids, largest first: those that divide the region, and where the region is the grid itself any of its shape."""
    rows, columns = dims
    for height in range(rows, 1, -1):
        width = max(1, round(columns * height / rows))
        divides = region == dims or (region[0] % height == 0 and region[1] % width == 0)
        if divides and (height, width) != dims:
            yield height, width


def _smaller_region(inputs: InputParameters) -> tuple[int, int] | None:
    """The largest region within this one whose cells are square and have a side that the chip can step by."""
    side = max((step for step in STRIDES if step <= min(inputs.cell_size)), default=0)
    region = (inputs.dims[0] * side, inputs.dims[1] * side)
    return region if region != inputs.roi_dim else None


def _first(candidates: Iterator[tuple[int, int]], good: Callable[[tuple[int, int]], bool]) -> tuple[int, int] | None:
    return next((candidate for candidate in candidates if good(candidate)), None)


def _largest(most: int, good: Callable[[int], bool]) -> int:
    """The largest count under `most` that is good, where smaller ones are good too; 0 if none."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low
