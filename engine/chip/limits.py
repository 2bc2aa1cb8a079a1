"""What a Speck chip has, from its vendor's documents: nine cores of three memory sizes, and what a layer may be.

Source: the memory sizes and rules that sinabs 3.1.3 uses to place layers (sinabs.backend.dynapcnn), and SynSense's overview of
the DYNAP-CNN architecture.
"""

from dataclasses import dataclass

SENSOR = 128
"""Rows and columns of the camera on the chip, and of the largest input that a core takes."""

LARGEST_MAP = 64
"""Rows and columns, at most, of a core's output."""

LARGEST_FEATURES = 1024
LARGEST_KERNEL = 16
STRIDES = (1, 2, 4, 8)
LARGEST_PADDING = 7
POOLS = (1, 2, 4)
WEIGHT_BITS = 8
STATE_BITS = 16
WEIGHT_MIN, WEIGHT_MAX = -(1 << WEIGHT_BITS - 1), (1 << WEIGHT_BITS - 1) - 1
STATE_MIN, STATE_MAX = -(1 << STATE_BITS - 1), (1 << STATE_BITS - 1) - 1


@dataclass(frozen=True)
class Core:
    """One core: the layer that it can hold.

    Attributes:
        number: 0 to 8.
        kernel_words: weights, 8 bit each.
        neuron_words: states, 16 bit each.
        bias_words: biases, one a feature.
    """

    number: int
    kernel_words: int
    neuron_words: int
    bias_words: int = 1024


_KI = 1024
CORES = tuple(
    Core(number, kernels * _KI, neurons * _KI)
    for number, (kernels, neurons) in enumerate([(16, 64)] * 3 + [(32, 32)] * 2 + [(64, 16)] * 2 + [(16, 16)] * 2)
)

RAILS = ("io", "ram", "logic", "vddd", "vdda")
"""The chip's power supplies, in the order of the board's channels: 2.5 V input and output, memory, logic, the camera's digital
and analogue parts."""
