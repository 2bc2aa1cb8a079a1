"""The layers of a place network as the chip's cores hold them: every one is a convolution with IAF neurons.

A grid of cells over the region is a convolution whose stride is the cell (one pixel of the kernel has weight 1 where a pixel
is selected, all of a cell where it is averaged); a fully connected layer is a convolution whose kernel covers its whole input.
Kernels are square on the chip, so that oblong cells and grids get padding and zero weights.
"""

from dataclasses import dataclass

from engine.chip.limits import LARGEST_KERNEL, LARGEST_PADDING, POOLS, STRIDES
from engine.frames.inputs import InputParameters

Shape = tuple[int, int, int]
"""Features, rows, columns."""


@dataclass(frozen=True)
class ChipLayer:
    """The shape of one layer on a core.

    Attributes:
        name: "inputs", "features" or "places".
        inputs: (features, rows, columns) that it reads.
        features: that it gives.
        kernel: rows and columns of the kernel.
        stride, padding: rows and columns.
        origin: row and column of the kernel at which the weights begin that are not padding.
        pool: neurons of its output map, squared, that are summed for the next layer.
    """

    name: str
    inputs: Shape
    features: int
    kernel: int
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    origin: tuple[int, int] = (0, 0)
    pool: int = 1

    @property
    def outputs(self) -> Shape:
        """(features, rows, columns) of its neurons."""
        rows, columns = (
            (size + 2 * pad - self.kernel) // step + 1
            for size, pad, step in zip(self.inputs[1:], self.padding, self.stride, strict=True)
        )
        return self.features, rows, columns

    @property
    def fan_in(self) -> int:
        """Weights of one neuron."""
        return self.inputs[0] * self.kernel**2

    @property
    def kernel_words(self) -> int:
        """8-bit words of kernel memory: addresses are rounded up to powers of two."""
        return self.inputs[0] << bits(self.kernel**2) + bits(self.features)

    @property
    def neuron_words(self) -> int:
        """16-bit words of neuron memory, rounded likewise."""
        features, rows, columns = self.outputs
        return features << bits(rows) + bits(columns)

    @property
    def bias_words(self) -> int:
        """Words of bias memory: one a feature, as sinabs counts them even where all are 0."""
        return self.features


def bits(count: int) -> int:
    """Bits of an address of `count` things: ceil(log2(count))."""
    return (count - 1).bit_length()


@dataclass(frozen=True)
class ChipShape:
    """A network's layers on the chip, before or after training.

    Attributes:
        region: (rows, columns) of pixels that it looks at.
        pool: pixels of the camera, squared, that the chip's first step sums.
        layers: in order; empty where `problems` says why there can be none.
        problems: what no layout can do, a sentence each.
    """

    region: tuple[int, int]
    pool: int
    layers: tuple[ChipLayer, ...]
    problems: tuple[str, ...] = ()


def place_network_shape(inputs: InputParameters, features: int | None, places: int) -> ChipShape:
    """The chip's layers of a place network.

    Args:
        inputs: the network's inputs, settled for a region (roi_dim).
        features: neurons of the feature layer, or None for a network of one layer (prototypes).
        places: output neurons.

    Raises:
        BadInput: dims does not divide the region.
    """
    height, width = inputs.cell_size
    region = inputs.roi_dim or inputs.dims
    rows, columns = inputs.dims
    # The camera's own pooling is a sum, so that it can stand for a part of the mean, never of a selected pixel.
    pools = [pool for pool in POOLS if inputs.cell == "mean" and height % pool == 0 and width % pool == 0] or [1]
    fits = [pool for pool in pools if height // pool in STRIDES and width // pool in STRIDES]
    problems = []
    if inputs.window_count > 1:
        lengths = " ".join(map(str, inputs.windows or ()))
        problems.append(f"The chip sees one window at a time, but windows is {lengths}: train with windows 1.")
    if (inputs.normalise or "none") != "none":
        problems.append(f"The chip sees plain events, but normalise is {inputs.normalise}: train with normalise none.")
    selection = None
    pool = fits[0] if fits else 1
    if not fits:
        more = ", or cells of 16x16 or 32x32 with cell mean" if max(height, width) > max(STRIDES) else ""
        problems.append(
            f"Cells of {height}x{width} pixels need that stride, and the chip has strides of 1, 2, 4 and 8: choose dims and a "
            f"region so that a cell has 1, 2, 4 or 8 pixels a side{more}."
        )
    else:
        first, last = ((0, 0), (height // pool - 1, width // pool - 1))
        if inputs.cell != "mean":
            pixel = int(inputs.selected_pixels()[0])
            first = last = divmod(pixel, region[1])
        selection = _covering(
            "inputs", (1, region[0] // pool, region[1] // pool), 1, (height // pool, width // pool), first, last, inputs.dims
        )
        if selection is None:
            problems.append(
                f"Cells of {height}x{width} pixels are so oblong that no square kernel of the chip fits them: "
                "choose squarer cells."
            )
    reading = _reading("places" if features is None else "features", rows, columns, features or places)
    if reading is None:
        problems.append(
            f"{rows}x{columns} inputs cannot be read by one neuron, whose kernel has at most "
            f"{LARGEST_KERNEL}x{LARGEST_KERNEL} weights an input map: use {LARGEST_KERNEL}x{LARGEST_KERNEL} inputs or fewer."
        )
    if selection is None or reading is None:
        return ChipShape(region, pool, (), tuple(problems))
    if features is None:
        return ChipShape(region, pool, (selection, reading), tuple(problems))
    layers = (selection, reading, ChipLayer("places", (features, 1, 1), places, 1))
    return ChipShape(region, pool, layers, tuple(problems))


def _reading(name: str, rows: int, columns: int, features: int) -> ChipLayer | None:
    """A fully connected layer over a grid; an oblong one has a stride so long that its kernel stands in one place only."""
    for stride in ((1, 1), (max(STRIDES), max(STRIDES))):
        layer = _covering(name, (1, rows, columns), features, stride, (0, 0), (rows - 1, columns - 1), (1, 1))
        if layer is not None:
            return layer
    return None


def _covering(
    name: str,
    inputs: Shape,
    features: int,
    stride: tuple[int, int],
    first: tuple[int, int],
    last: tuple[int, int],
    outputs: tuple[int, int],
) -> ChipLayer | None:
    """The layer with the smallest square kernel that reaches pixels `first` to `last` of each cell and has these outputs."""
    for kernel in range(1, LARGEST_KERNEL + 1):
        padding = []
        for axis in (0, 1):
            size, step = inputs[1 + axis], stride[axis]
            fitting = [
                pad
                for pad in range(LARGEST_PADDING + 1)
                if kernel > last[axis] + pad
                and size + 2 * pad >= kernel
                and (size + 2 * pad - kernel) // step + 1 == outputs[axis]
            ]
            padding += fitting[:1]
        if len(padding) == 2:
            origin = (first[0] + padding[0], first[1] + padding[1])
            return ChipLayer(name, inputs, features, kernel, stride, (padding[0], padding[1]), origin)
    return None
