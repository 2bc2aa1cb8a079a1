"""What fits the chip, and what would help where it does not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chip.check import check_model, check_network, check_shape, lay_out
from engine.chip.layers import ChipLayer, ChipShape, place_network_shape
from engine.chip.limits import CORES
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.networks.lens import LensNetwork, initial_network
from engine.training.parameters import LensTrainingParameters


def inputs(rows: int, columns: int, region: tuple[int, int] | None = None, **options: object) -> InputParameters:
    return InputParameters(dims=(rows, columns), roi_dim=region, **options)


def head(fed: int, places: int) -> ChipLayer:
    return ChipLayer("places", (fed, 1, 1), places, 1)


# The vendor's own example of what one core holds, see the limits' source.
@pytest.mark.parametrize(("fed", "places"), [(64, 1024), (100, 512), (256, 256), (128, 512)])
def test_heads_that_fit_one_core(fed: int, places: int) -> None:
    assert lay_out([head(fed, places)]) != [None]


@pytest.mark.parametrize(("fed", "places"), [(100, 1024), (256, 512), (128, 1024)])
def test_heads_that_fit_none(fed: int, places: int) -> None:
    assert lay_out([head(fed, places)]) == [None]
    check = check_shape(ChipShape((8, 8), 1, (head(fed, places),)))
    assert not check.fits
    assert "more than core 5 has" in check.sentence


def test_the_example_network_fits_with_words_as_the_rule_counts_them() -> None:
    check = check_network(inputs(10, 10, (80, 80), cell="centre"), 200, 100)
    assert check.fits
    assert check.problems == ()
    # A kernel that reaches the centre pixel (4, 4) of a cell has 5 x 5 weights; 100 -> 7 bits, 200 -> 8, 100 -> 7.
    assert [layer.kernel_words for layer in check.layers] == [1 << 5, 1 << 7 + 8, 200 << 7]
    assert [layer.neuron_words for layer in check.layers] == [256, 200, 100]
    assert [layer.fan_in for layer in check.layers] == [25, 100, 200]
    cores = [layer.core for layer in check.layers]
    assert len(set(cores)) == 3
    for layer in check.layers:
        assert layer.fits
        assert layer.kernel_words <= layer.kernel_available == CORES[layer.core].kernel_words
        assert layer.neuron_words <= layer.neuron_available == CORES[layer.core].neuron_words


def test_a_long_route_says_how_much_is_missing_and_what_would_help() -> None:
    check = check_network(inputs(10, 10), 100, 641)
    assert not check.fits
    assert check.problems == ("641 outputs need 36 KB more than core 5 has for weights (64 KB).",)
    assert check.help == "use 8x8 inputs or 512 places or 64 features"
    assert check.sentence == f"{check.problems[0]} What would help: {check.help}."
    assert check_network(inputs(8, 8), 64, 641).fits
    assert check_network(inputs(10, 10), 100, 512).fits
    assert not check_network(inputs(10, 10), 100, 513).fits
    assert not check_network(inputs(9, 9), 81, 641).fits
    assert [layer.fits for layer in check.layers] == [True, True, False]


def test_one_layer_of_prototypes_reads_the_grid_itself() -> None:
    check = check_network(inputs(7, 7), None, 641)
    assert [layer.layer for layer in check.layers] == ["inputs", "places"]
    assert check.fits
    assert check.layers[1].kernel_words == 1 << 6 + 10
    assert "512 places" in check_network(inputs(10, 10), None, 641).help


@pytest.mark.parametrize("side", [3, 5, 10, 16])
def test_a_cell_that_no_stride_steps_over_is_told_with_a_region_that_helps(side: int) -> None:
    check = check_network(inputs(10, 10, (10 * side, 10 * side), cell="centre"), 200, 100)
    assert not check.fits
    assert check.layers == ()
    assert f"Cells of {side}x{side} pixels need that stride" in check.sentence
    best = max(step for step in (1, 2, 4, 8) if step <= side) * 10
    assert f"a region of {best}x{best} pixels" in check.help


def test_the_camera_sums_a_part_of_a_large_mean_cell() -> None:
    shape = place_network_shape(inputs(8, 8, (128, 128), cell="mean"), 100, 50)
    assert shape.pool == 2
    assert shape.layers[0].stride == (8, 8)
    assert check_shape(shape).fits


def test_other_rules_are_told_too() -> None:
    assert "20x20 inputs cannot be read by one neuron" in check_network(inputs(20, 20), 100, 100).sentence
    assert "larger than the chip's camera" in check_network(inputs(10, 10, (160, 80)), 100, 100).sentence
    assert "1100 outputs are more than the 1024" in check_network(inputs(4, 4), None, 1100).sentence
    crowd = ChipShape((8, 8), 1, tuple(ChipLayer("features", (256, 1, 1), 256, 1) for _ in range(3)))
    assert "Every core large enough for the features holds another layer." in check_shape(crowd).problems


def test_what_only_frames_can_show_is_told() -> None:
    several = check_network(inputs(7, 7, windows=(1, 2, 4), normalise="causal"), None, 100)
    assert not several.fits
    assert "windows is 1 2 4: train with windows 1" in several.sentence
    assert "normalise is causal: train with normalise none" in several.sentence


def test_networks_are_checked_as_their_sizes_are() -> None:
    network = initial_network(100, LensTrainingParameters(), 30, np.random.default_rng(0))
    assert isinstance(network, LensNetwork)
    assert check_model(network, inputs(10, 10), (80, 80)) == check_network(inputs(10, 10, (80, 80)), 200, 30)
    with pytest.raises(BadInput, match="has 100 inputs, but dims 7x7 gives 49"):
        check_model(network, inputs(7, 7))
    with pytest.raises(BadInput, match="at least one place"):
        check_network(inputs(7, 7), 0, 10)
    with pytest.raises(BadInput, match="does not divide the region"):
        check_network(inputs(7, 7), 10, 10, (80, 80))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_layers_reach_every_cell_and_have_one_neuron_a_cell(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 16)), data.draw(st.integers(1, 16))
    height, width = data.draw(st.sampled_from((1, 2, 4, 8))), data.draw(st.sampled_from((1, 2, 4, 8)))
    cell = data.draw(st.sampled_from(("centre", "before_centre", "mean")))
    shape = place_network_shape(inputs(rows, columns, (rows * height, columns * width), cell=cell), 20, 10)
    if not shape.layers:
        assert shape.problems
        return
    first, second, third = shape.layers
    assert first.outputs == (1, rows, columns)
    assert second.outputs == (20, 1, 1)
    assert third.outputs == (10, 1, 1)
    for axis, side in enumerate((height, width)):
        last = side - 1 if cell == "mean" else 0  # of the selected pixels the origin is the only one
        assert first.padding[axis] <= first.origin[axis] < first.kernel - last
    assert second.origin[0] + rows <= second.kernel
    assert second.origin[1] + columns <= second.kernel


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((16, 64, 100, 256)), st.sampled_from((64, 128, 256, 512))), min_size=1, max_size=4))
def test_the_layout_places_all_layers_wherever_any_order_of_cores_does(sizes: list[tuple[int, int]]) -> None:
    layers = [head(*size) for size in sizes]
    placed = lay_out(layers)
    used = [core for core in placed if core is not None]
    assert len(set(used)) == len(used)
    possible = any(
        all(layer.kernel_words <= CORES[core].kernel_words for layer, core in zip(layers, cores, strict=True))
        for cores in itertools.permutations(range(9), len(layers))
    )
    assert possible == (None not in placed)
