"""Targets in a live run: the virtual Speck, a ghost beside it, and a board by a labelled FAKE of its driver (no hardware)."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.chip.target import Target, TargetFailed
from engine.chip.virtual import VirtualSpeck
from engine.events.sources import ReplaySource, SourceState
from engine.frames.binning import BinningParameters, bin_events
from engine.frames.inputs import InputParameters
from engine.live import LiveModel, LiveParameters, make_target
from engine.live.cpu import CpuTarget
from engine.live.frames_source import frame_events, frames_source
from engine.live.speck import SpeckBoard
from engine.live.targets import quantised, suited
from engine.live.worker import Fit
from engine.networks.lens import LensNetwork
from engine.recognition.run_network import NetworkRunner
from tests.events.sources.helpers import FakeReader, collect
from tests.live.helpers import (
    PLACES,
    REGION,
    SENSOR,
    WINDOW_US,
    answers_of,
    live_on,
    make_model,
    reference_frames,
    route_events,
)
from tests.waiting import until

FIT = Fit(SENSOR, REGION, WINDOW_US, 4)


@pytest.fixture
def model(tmp_path: Path) -> LiveModel:
    return make_model(tmp_path)


def replay(events):  # type: ignore[no-untyped-def]
    return ReplaySource(lambda: FakeReader(events, SENSOR, 997), factor=None)


def test_targets_keep_to_the_interface(model: LiveModel) -> None:
    for kind in ("cpu", "virtual"):
        target = make_target(kind, model, FIT, LiveParameters())
        assert isinstance(target, Target)
        assert (target.kind, target.places, target.window_us) == (kind, PLACES, WINDOW_US)
    with pytest.raises(TargetFailed, match="No Speck board was opened"):
        make_target("speck", model, FIT, LiveParameters())


def test_the_chip_s_inputs_fire_as_often_as_in_training(model: LiveModel) -> None:
    chip = suited(model, (32, 32))
    assert model.trained.events_per_pixel is not None
    assert model.trained.layers is not None
    frames = reference_frames()
    target = VirtualSpeck(quantised(model, (32, 32), chip), WINDOW_US)
    target.start()
    spikes = []
    for number, frame in enumerate(frames):
        target.feed(frame_events(frame, number * WINDOW_US, WINDOW_US, np.random.default_rng(number)))
        told = target.window((number + 1) * WINDOW_US)
        spikes.append(next(layer.spikes for layer in told.layers if layer.name == "inputs"))
    assert np.mean(spikes) == pytest.approx(model.trained.layers["input"], rel=0.2)


def test_the_virtual_speck_slides_over_the_events_of_the_region(model: LiveModel) -> None:
    events = route_events()
    found, live = answers_of(replay(events), model, LiveParameters(step_ms=25, sequence="none", target="virtual"))
    frames = bin_events(events, SENSOR, BinningParameters(window_ms=100, step_ms=25, roi=REGION))
    np.testing.assert_array_equal(np.stack([answer.frame for answer in found]), frames.images)
    alone = VirtualSpeck(quantised(model, (32, 32), None), WINDOW_US)
    alone.start()
    inside = events[(events["x"] >= 8) & (events["x"] < 40) & (events["y"] >= 4) & (events["y"] < 36)]
    inside["x"] -= 8
    inside["y"] -= 4
    begun = 0
    for answer in found:
        end = int(np.searchsorted(inside["timestamp"], answer.end_us))
        alone.feed(inside[begun:end])
        begun = end
        np.testing.assert_array_equal(answer.spikes.counts, alone.window(answer.end_us).counts)
    power = found[-1].spikes.power
    assert power is not None
    assert not power.measured
    totals = live.totals()
    assert totals.energy_uj_per_place is not None
    assert totals.energy_uj_per_place > 0
    whole = [answer for answer in found if (answer.end_us - 1_000_000) % (4 * WINDOW_US) == 0]
    assert np.mean([answer.place == (answer.start_us - 1_000_000) // (4 * WINDOW_US) for answer in whole]) > 0.7


def test_a_network_that_does_not_fit_the_chip_says_why(model: LiveModel) -> None:
    wide = replace(model, runner=NetworkRunner(wide_network(), None, InputParameters(dims=(16, 16), roi_dim=(32, 32))))
    found, live = answers_of(replay(route_events()), wide, LiveParameters(step_ms=25, target="virtual"))
    assert found == []
    assert live.workers[0].failed
    assert live.problem.startswith("The network does not fit the chip.")


def wide_network() -> LensNetwork:
    """256 inputs to 1,024 features: more weights than any core holds."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=shape).astype(np.float32) / 50 for shape in ((1024, 256), (PLACES, 1024))]
    return LensNetwork(weights[0], np.zeros(1024, np.float32), weights[1], np.zeros(PLACES, np.float32))


def test_the_virtual_speck_as_the_cpu_s_ghost(model: LiveModel) -> None:
    parameters = LiveParameters(step_ms=25, sequence="none", target="virtual", ghost="cpu")
    found, live = answers_of(replay(route_events()), model, parameters)
    figures, history = live.ghost()
    assert figures is not None
    assert figures.windows == len(found) == len(history)
    assert figures.same > 0.6
    assert figures.correlation > 0.7
    assert isinstance(live.workers[0].target, VirtualSpeck)
    assert isinstance(live.workers[1].target, CpuTarget)


def test_recorded_frames_become_that_many_events_of_each_pixel() -> None:
    frames = reference_frames()
    source = frames_source(len(frames), (32, 32), lambda number: frames[number], WINDOW_US, 1, None)
    with source:
        events = collect(source)
    assert (np.diff(events["timestamp"]) >= 0).all()
    binned = bin_events(events, (32, 32), BinningParameters(window_ms=WINDOW_US / 1000, start_us=0))
    np.testing.assert_array_equal(binned.images, frames)


# -- a board, by a fake of its driver


@pytest.fixture
def board():  # type: ignore[no-untyped-def]
    from tests.chip.fake_driver import Board

    return Board()


@pytest.fixture
def samna(board, monkeypatch):  # type: ignore[no-untyped-def]
    pytest.importorskip("torch")
    pytest.importorskip("sinabs")
    from tests.chip.fake_driver import modules
    from tests.chip.stand_in import driver

    with driver(modules({"Speck2fDevKit": [board]})) as fake, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sinabs.backend.dynapcnn.dynapcnn_network as network_module

        class NoWaiting:
            @staticmethod
            def sleep(seconds: float) -> None:
                return

        monkeypatch.setattr(network_module, "time", NoWaiting)
        monkeypatch.setattr("engine.chip.speck._SILENCE_S", 1e6)  # the fake's arithmetic takes longer than a chip may be silent
        yield fake
    assert "samna" not in sys.modules


def test_a_board_takes_the_source_s_events(model: LiveModel, board, samna) -> None:  # type: ignore[no-untyped-def]
    found_board = SpeckBoard.find(lambda sentence: False)
    assert found_board.kit.name == "Speck 2f dev kit"
    parameters = LiveParameters(step_ms=25, sequence="none", target="speck", ghost="virtual")
    events = route_events(windows=1)
    found, live = answers_of(replay(events), model, parameters, make=found_board.maker())
    assert live.problem == ""
    figures, _ = live.ghost()
    assert figures is not None
    assert figures.windows == len(found) > 10
    assert figures.correlation == pytest.approx(1)  # the fake board runs the virtual chip's twin
    assert board.closed


def test_a_board_looks_through_its_own_camera(model: LiveModel, board, samna, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    parameters = LiveParameters(step_ms=25, sequence="none", target="speck")
    source, make = SpeckBoard.find(lambda sentence: False, "speck2fdevkit:0").with_camera(model, parameters)
    capture, live = live_on(source, model, parameters, keep_all=False, make=make)
    live.start()
    capture.start()
    try:
        until(lambda: source.state is SourceState.RUNNING, "the board")
        assert source.size == (32, 32)
        events = route_events(0, 1)

        def seen() -> bool:
            return live.totals().places >= 8

        for part in np.array_split(events, 20):
            board.see(part["timestamp"], part["x"] - 8 + 23, part["y"] - 4)
            board.measure(int(part["timestamp"][-1]), (5e-5, 6e-4, 1.3e-3, 8e-5, 6e-4))
        until(seen, "places")
        last = live.last()
        assert last is not None
        assert last.spikes.power is not None
        assert last.spikes.power.measured
        assert last.frame.sum() > 0
        board.unplugged = True
        monkeypatch.setattr("engine.chip.speck._SILENCE_S", 0.05)
        until(lambda: capture.state is SourceState.FAILED or live.workers[0].failed, "the failure")
    finally:
        capture.stop()
        live.stop()
    assert board.closed


def test_no_board_and_another_board_are_sentences() -> None:
    from tests.chip.fake_driver import Board, modules
    from tests.chip.stand_in import driver

    with driver(modules({})), pytest.raises(TargetFailed, match="No Speck board is attached: plug one in"):
        SpeckBoard.find(lambda sentence: False)
    with (
        driver(modules({"Speck2fDevKit": [Board()]})),
        pytest.raises(TargetFailed, match="The board speck2fmodule:0 is not attached"),
    ):
        SpeckBoard.find(lambda sentence: False, "speck2fmodule:0")
