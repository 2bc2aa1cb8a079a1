"""Prototype networks: how rows are made, places that come and go, maps that merge, and their files."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.frames.encoder import InputStatistics, floors, statistics_of
from engine.networks.lens import LensNetwork
from engine.networks.open import open_network
from engine.networks.prototype import (
    PrototypeNetwork,
    PrototypeRule,
    add_place,
    load_prototypes,
    merge,
    prototype_name,
    prototypes_of,
    remove_place,
    save_prototypes,
)

SIGNED = PrototypeRule("causal", 2)


def seen(count: int, inputs: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, (count, inputs)).clip(-1, 1).astype(np.float32)


def made(count: int = 9, seed: int = 0, rule: PrototypeRule = SIGNED) -> PrototypeNetwork:
    rows = np.abs(seen(count, seed=seed)) if rule.folded else seen(count, seed=seed)
    return prototypes_of(rows, statistics_of(rows), rule, 0.5)


def drives(network: PrototypeNetwork, shown: np.ndarray) -> np.ndarray:
    return network.weights.astype(float) @ shown.T + network.bias[:, None]


def test_weights_are_the_references_at_unit_length_window_by_window() -> None:
    rows, network = seen(9), made(9)
    for window in (slice(0, 6), slice(6, 12)):
        unit = rows[:, window] / np.linalg.norm(rows[:, window], axis=1, keepdims=True)
        np.testing.assert_allclose(network.weights[:, window], (unit * 21 * np.sqrt(6)).clip(-127, 127), atol=0.51)
    assert not network.bias.any()
    assert (network.inputs, network.neurons, network.places) == (12, 9, 9)
    own = np.einsum("pi,pi->p", network.weights.astype(float), rows)
    assert network.threshold == pytest.approx(own.mean() / 2, abs=1)


def test_folded_deviations_answer_as_shown_ones_do() -> None:
    rng = np.random.default_rng(1)
    encoded = rng.uniform(0, 0.6, (40, 50)).astype(np.float32)
    statistics = statistics_of(encoded)
    network = prototypes_of(encoded, statistics, PrototypeRule("reference", 1), 0.5)
    assert network.bias.any()
    z = (encoded - statistics.mean) / (statistics.deviation + floors(statistics, 1))
    answers = drives(network, encoded)
    expected = (z / np.linalg.norm(z, axis=1, keepdims=True)) @ z.T
    correlation = [np.corrcoef(answers[:, query], expected[:, query])[0, 1] for query in range(40)]
    assert min(correlation) > 0.99


def test_a_reference_that_shows_nothing_has_no_weights() -> None:
    rows = seen(4)
    rows[2] = 0
    assert not prototypes_of(rows, None, SIGNED, 0.5).weights[2].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 1000), st.sampled_from(["causal", "reference", "none"]))
def test_adding_a_place_leaves_the_others_answers_as_they_were(count: int, seed: int, mode: Any) -> None:
    rule = PrototypeRule(mode, 2)
    network = made(count + 1, seed, rule)
    shown = np.abs(seen(5, seed=seed + 1)) if mode != "causal" else seen(5, seed=seed + 1)
    new = shown[0]
    grown = add_place(network, new, rule)
    assert grown.places == network.places + 1
    np.testing.assert_array_equal(drives(grown, shown)[:-1], drives(network, shown))
    expected = prototypes_of(new[None], network.statistics, rule, 0.5)
    np.testing.assert_array_equal(grown.weights[-1], expected.weights[0])
    np.testing.assert_array_equal(drives(remove_place(grown, network.places), shown), drives(network, shown))


def test_a_place_can_be_looked_at_again_and_be_removed_with_all_its_neurons() -> None:
    network = made(4)
    again = add_place(network, seen(1, seed=7)[0], SIGNED, place=1)
    assert again.neuron_places.tolist() == [0, 1, 1, 2, 3]
    assert again.places == 4
    less = remove_place(again, 1)
    assert less.neuron_places.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(less.weights, network.weights[[0, 2, 3]])


def test_two_maps_of_one_route_merge() -> None:
    day, night = made(5, 1), made(5, 2)
    both = merge(day, night)
    assert both.neuron_places.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    np.testing.assert_array_equal(both.weights[::2], day.weights)
    ratio = day.threshold / night.threshold
    np.testing.assert_allclose(both.weights[1::2], (night.weights * ratio).clip(-127, 127), atol=0.51)
    some = merge(day, made(3, 3), [4, -1, 0])
    assert some.neuron_places.tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_what_does_not_fit_is_one_sentence() -> None:
    network = made(4)
    for wrong, sentence in (
        (lambda: add_place(network, np.zeros(3, np.float32), SIGNED), "has 12 inputs, but the new place 3"),
        (lambda: add_place(network, np.zeros(12, np.float32), SIGNED, place=4), "There is no place 4"),
        (lambda: remove_place(network, 4), "Place 4 cannot be removed"),
        (lambda: remove_place(made(1), 0), "one must stay"),
        (lambda: merge(network, made(5)), "have 4 and 5 places: say which place is which"),
        (lambda: merge(network, made(2), [0, 4]), "from 0 to 3"),
        (lambda: merge(network, made(2), [0.5, 1]), "from 0 to 3"),
        (lambda: merge(network, prototypes_of(seen(4, 6), None, SIGNED, 0.5)), "12 and 6 inputs"),
        (lambda: merge(network, prototypes_of(seen(4), None, SIGNED, 0.5)), "normalised and plain"),
        (lambda: prototypes_of(np.zeros((0, 4), np.float32), None, SIGNED, 0.5), "at least one place"),
    ):
        with pytest.raises(BadInput, match=sentence):
            wrong()


def test_a_file_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    network = merge(made(5, 1, PrototypeRule("reference", 2)), made(5, 2, PrototypeRule("reference", 2)))
    path = tmp_path / prototype_name("monday", 12, 5)
    assert path.name == "monday_PROTOTYPE_IN12_DB5.pth"
    for each in (network, prototypes_of(seen(3), None, SIGNED, 0.5)):
        save_prototypes(path, each)
        read = open_network(path)
        assert isinstance(read, PrototypeNetwork)
        for name in ("weights", "bias", "neuron_places", "threshold"):
            np.testing.assert_array_equal(getattr(read, name), getattr(each, name))
        assert (read.statistics is None) == (each.statistics is None)
        if read.statistics is not None and each.statistics is not None:
            np.testing.assert_array_equal(read.statistics.deviation, each.statistics.deviation)


def state() -> dict[str, Any]:
    return {
        "prototype_layer.w.weight": torch.ones(3, 4, dtype=torch.int8),
        "prototype_layer.bias": torch.zeros(3, dtype=torch.int32),
        "prototype_layer.thr": torch.tensor([5], dtype=torch.int32),
        "prototype_layer.place": torch.arange(3, dtype=torch.int32),
        "input.mean": torch.zeros(4),
        "input.deviation": torch.ones(4),
    }


def changed(**changes: Any) -> dict[str, Any]:
    return state() | {key.replace("__", "."): value for key, value in changes.items()}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({k: v for k, v in state().items() if k != "input.mean"}, "must hold exactly"),
    "float": (changed(prototype_layer__w__weight=torch.ones(3, 4)), "tensor of int8"),
    "number": (changed(prototype_layer__thr=5), "tensor of int32"),
    "shape": (changed(prototype_layer__bias=torch.zeros(2, dtype=torch.int32)), "one entry a neuron"),
    "axes": (changed(prototype_layer__w__weight=torch.ones(12, dtype=torch.int8)), "shape"),
    "gap": (changed(prototype_layer__place=torch.tensor([0, 2, 3], dtype=torch.int32)), "without gaps"),
    "threshold": (changed(prototype_layer__thr=torch.tensor([0], dtype=torch.int32)), "threshold"),
    "lowest": (changed(prototype_layer__w__weight=torch.full((3, 4), -128, dtype=torch.int8)), "-127"),
    "NaN": (changed(input__mean=torch.full((4,), float("nan"))), "not valid numbers"),
    "negative": (changed(input__deviation=-torch.ones(4)), "not valid numbers"),
    "statistics": (changed(input__mean=torch.zeros(3), input__deviation=torch.ones(3)), "statistics"),
    "huge": (changed(prototype_layer__w__weight=torch.ones(1, dtype=torch.int8).expand(1 << 20, 1 << 20)), "shape"),
    "empty": (changed(prototype_layer__w__weight=torch.ones(3, 0, dtype=torch.int8)), "at least"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_one_sentence(case: str, tmp_path: Path) -> None:
    content, sentence = BAD[case]
    path = tmp_path / "bad.pth"
    torch.save(content, path)
    for read in (load_prototypes, open_network):
        with pytest.raises(BadInput, match=sentence) as error, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own
            read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_lens_file_is_opened_as_one(shared_data: Path) -> None:
    path = shared_data / "lens-example" / "models" / "example-reference_LENS_IN100_FN200_DB100.pth"
    assert isinstance(open_network(path), LensNetwork)
    with pytest.raises(BadInput, match="not a prototype network"):
        load_prototypes(path)


def test_numbers_that_a_chip_cannot_hold_are_refused() -> None:
    good = made(3)
    for wrong, sentence in (
        ({"weights": good.weights.astype(np.int16)}, "int8"),
        ({"bias": good.bias[:2]}, "one entry a neuron"),
        ({"threshold": 0}, "at least 1"),
        ({"neuron_places": np.array([0, 1, 3], np.int32)}, "without gaps"),
        ({"statistics": InputStatistics(np.zeros(3, np.float32), np.ones(3, np.float32))}, "one entry an input"),
    ):
        values = {name: getattr(good, name) for name in ("weights", "bias", "threshold", "neuron_places", "statistics")}
        with pytest.raises(ValueError, match=sentence):
            PrototypeNetwork(**(values | wrong))
