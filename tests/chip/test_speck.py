"""Our side of the Speck, against a labelled FAKE of its driver (tests/chip/fake_driver.py): nothing was tried on hardware."""

import importlib.machinery
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from engine.chip import speck
from engine.chip.quantise import ChipParameters, quantise
from engine.chip.speck import KITS, AttachedKit, SpeckChip, SpeckParameters, attached_kits, driver_state, load_driver
from engine.chip.target import Target, TargetFailed
from engine.chip.virtual import VirtualSpeck
from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from tests.chip.fake_driver import Board, modules
from tests.chip.nets import random_events, random_network
from tests.chip.stand_in import driver

INPUTS = InputParameters(dims=(5, 5), roi_dim=(40, 40), cell="centre", encoding="raw")
RAILS_W = (5e-5, 6e-4, 1.3e-3, 8e-5, 6e-4)


@pytest.fixture(scope="module")
def made():
    network = random_network(np.random.default_rng(1), 25, 40, 12)
    return quantise(network, INPUTS, ChipParameters(input_threshold=1, feature_threshold=1))


@pytest.fixture
def board():
    return Board()


@pytest.fixture
def samna(board, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("sinabs")
    with driver(modules({"Speck2fDevKit": [board], "Something else": [Board()]})) as fake, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sinabs.backend.dynapcnn.dynapcnn_network as network_module

        class NoWaiting:
            sleep = staticmethod(lambda seconds: None)

        monkeypatch.setattr(network_module, "time", NoWaiting)
        yield fake
    assert "samna" not in sys.modules


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def opened(made, samna, clock=None, window_us=500_000, **options):
    kit = attached_kits(samna)[0]
    chip = SpeckChip(made, kit, samna, SpeckParameters(**options), window_us=window_us, clock=clock or Clock())
    chip.start()
    return chip


def test_boards_are_found_by_their_names(samna):
    assert attached_kits(samna) == [AttachedKit("speck2fdevkit:0", "Speck 2f dev kit")]


def test_no_board_is_a_normal_state():
    with driver(modules({})) as fake:
        assert attached_kits(fake) == []


def test_what_is_put_on_the_board_is_our_integers_region_filter_and_layout(made, board, samna):
    chip = opened(made, samna, slow_clock_hz=100)
    assert isinstance(chip, Target)
    assert (chip.kind, chip.name, chip.takes_events, chip.places) == ("speck", "Speck 2f dev kit", False, 12)
    configuration = board.configuration
    dvs = configuration.dvs_layer
    assert (dvs.origin.x, dvs.origin.y, dvs.cut.x, dvs.cut.y) == (23, 0, 62, 39)  # the cut is inclusive
    assert dvs.merge
    assert dvs.pass_sensor_events
    assert dvs.monitor_enable
    assert configuration.dvs_filter.enable
    assert configuration.dvs_filter.hot_pixel_filter_enable
    assert configuration.dvs_filter.threshold == 5
    assert board.order == [layer.core for layer in made.check.layers]
    for layer, core in zip(made.layers, board.order, strict=True):
        written = configuration.cnn_layers[core]
        np.testing.assert_array_equal(np.array(written.weights), layer.weights.transpose(3, 0, 2, 1))
        assert (written.threshold_high, written.threshold_low) == (layer.threshold, layer.lowest)
        assert not written.return_to_zero
        assert written.monitor_enable == (core == board.order[-1])
    assert board.slow_clock == [True, 100]
    assert board.watch == ["reset", "enable True"]
    assert board.power_hz == 20
    chip.stop()
    assert board.closed
    assert board.power_hz is None
    chip.stop()


def test_what_the_camera_sees_comes_back_as_the_virtual_speck_would_answer(made, board, samna):
    chip = opened(made, samna)
    virtual = VirtualSpeck(made, window_us=500_000)
    virtual.start()
    rng = np.random.default_rng(3)
    for end in (300_000, 600_000, 900_000):
        events = random_events(rng, 600, 128, 128, margin=0)
        times = np.sort(rng.integers(end - 300_000, end, 600))
        board.see(times, events["x"] // 2 + 23, events["y"] // 3)
        board.measure(end - 1000, RAILS_W)
        seen = chip.camera_events()
        assert len(seen) > 100
        assert (seen["x"].min(), seen["y"].min()) >= (0, 0)
        assert max(seen["x"].max(), seen["y"].max()) < 40
        virtual.feed(seen)
        told, expected = chip.window(end), virtual.window(end)
        np.testing.assert_array_equal(told.counts, expected.counts)
        np.testing.assert_array_equal(told.spike_times, expected.spike_times)
        np.testing.assert_array_equal(told.spike_places, expected.spike_places)
        assert told.input_events > 0
        assert [layer.name for layer in told.layers] == ["places"]
        assert told.layers[0].spikes == told.counts.sum()
        assert told.power is not None
        assert told.power.measured
        np.testing.assert_allclose(told.power.watts, RAILS_W)
    assert told.counts.sum() > 0
    assert told.synops is None
    chip.stop()


def test_events_can_be_sent_to_it_and_times_stay_the_senders(made, board, samna):
    chip = opened(made, samna, camera=False)
    assert chip.takes_events
    assert not board.configuration.dvs_layer.pass_sensor_events
    virtual = VirtualSpeck(made, window_us=500_000)
    virtual.start()
    events = random_events(np.random.default_rng(4), 5000, 40, 40)
    events["timestamp"] += 7_000_000_000
    events["timestamp"].sort()
    for target in (chip, virtual):
        target.feed(events)
    end = 7_001_000_000
    told, expected = chip.window(end), virtual.window(end)
    assert told.counts.sum() > 0
    np.testing.assert_array_equal(told.counts, expected.counts)
    np.testing.assert_array_equal(told.spike_times, expected.spike_times)
    with pytest.raises(RuntimeError, match="own camera"):
        opened(made, samna).feed(events)


def test_a_reset_writes_the_configuration_anew_and_forgets(made, board, samna):
    chip = opened(made, samna)
    before = board.applied
    board.see(range(0, 4000, 10), [27] * 400, [4] * 400)
    chip.reset()
    assert board.applied == before + 1
    assert chip.window(10_000).counts.sum() == 0


def test_a_board_that_is_unplugged_or_silent_is_told_in_one_sentence(made, board, samna):
    clock = Clock()
    chip = opened(made, samna, clock=clock)
    clock.now = 1.5
    board.measure(10, RAILS_W)
    chip.window(1000)
    clock.now = 3.0
    chip.window(2000)
    clock.now = 3.6
    with pytest.raises(TargetFailed, match="silent for 2 s: it may be unplugged"):
        chip.window(3000)
    board.unplugged = True
    with pytest.raises(
        TargetFailed, match=r"did not reset its states \(RuntimeError: libusb: no device\): check its USB 3 cable"
    ):
        chip.reset()
    chip.stop()
    assert board.closed
    with pytest.raises(TargetFailed, match="did not take the network"):
        chip.start()


def test_regions_off_the_camera_and_networks_too_large_are_refused(made, samna):
    kit = attached_kits(samna)[0]
    with pytest.raises(BadInput, match="lies off the camera"):
        SpeckChip(made, kit, samna, SpeckParameters(origin=(100, 0)))
    large = quantise(random_network(np.random.default_rng(0), 100, 200, 300), InputParameters(dims=(10, 10), roi_dim=(80, 80)))
    with pytest.raises(BadInput, match="does not fit the chip"):
        SpeckChip(large, kit, samna)
    pooled = quantise(random_network(np.random.default_rng(0), 16, 20, 9), InputParameters(dims=(4, 4), roi_dim=(64, 64)))
    with pytest.raises(BadInput, match="multiple of 2"):
        SpeckChip(pooled, kit, samna, SpeckParameters(origin=(23, 0)))
    assert SpeckChip(pooled, kit, samna).origin == (32, 32)
    whole = quantise(random_network(np.random.default_rng(0), 256, 20, 9), InputParameters(dims=(16, 16), roi_dim=(128, 128)))
    assert SpeckChip(whole, kit, samna).origin == (0, 0)


def test_a_chip_that_is_not_open_says_so(made, samna):
    chip = SpeckChip(made, attached_kits(samna)[0], samna)
    assert chip.origin == (23, 0)
    for call in (chip.camera_events, chip.reset, lambda: chip.window(0)):
        with pytest.raises(TargetFailed, match="not open: start again"):
            call()


def test_the_driver_is_never_imported_to_find_out_whether_it_is_there(monkeypatch, tmp_path):
    def found(folder):
        spec = importlib.machinery.ModuleSpec("samna", None, origin=str(folder / "__init__.py"))
        monkeypatch.setattr(speck.importlib.util, "find_spec", lambda name: spec)

    monkeypatch.setattr(speck.importlib.util, "find_spec", lambda name: None)
    assert driver_state() == "missing"
    (tmp_path / "__init__.py").write_text("PYPI_SAMNA = True\n")
    found(tmp_path)
    assert driver_state() == "installer"
    (tmp_path / "samna.so").write_bytes(b"")
    assert driver_state() == "installed"
    assert "samna" not in sys.modules


def test_a_person_is_asked_before_it_downloads_and_every_failure_offers_the_virtual_chip(monkeypatch):
    def importing(error):
        def load(name):
            raise error

        return load

    asked = []
    monkeypatch.setattr(speck, "driver_state", lambda: "installer")
    monkeypatch.setattr(speck.importlib, "import_module", importing(AssertionError("it must not be imported")))
    with pytest.raises(TargetFailed, match="not downloaded: choose the virtual chip"):
        load_driver(lambda sentence: bool(asked.append(sentence)))
    assert "downloads it now by its own installer" in asked[0]
    monkeypatch.setattr(speck.importlib, "import_module", importing(ImportError("libusb")))
    with pytest.raises(TargetFailed, match=r"could not be installed or loaded \(ImportError: libusb\): choose the virtual chip"):
        load_driver(lambda sentence: True)
    monkeypatch.setattr(speck, "driver_state", lambda: "missing")
    with pytest.raises(TargetFailed, match="or choose the virtual chip"):
        load_driver(lambda sentence: True)
    assert "samna" not in sys.modules


def test_what_the_installer_and_sinabs_print_is_no_part_of_a_commands_output(made, samna, monkeypatch, capfd, caplog):
    with caplog.at_level("INFO", "engine.chip.speck"):
        opened(made, samna).stop()
    assert capfd.readouterr().out == ""
    assert "Network is valid" in caplog.text

    def install(name):
        subprocess.run([sys.executable, "-c", "print('pip says')"], check=True)
        return samna

    monkeypatch.setattr(speck.importlib, "import_module", install)
    assert load_driver(lambda sentence: True) is samna
    print("the result")
    out, err = capfd.readouterr()
    assert out == "the result\n"
    assert "pip says" in err


def test_it_is_not_asked_where_the_driver_is_installed(samna):
    assert load_driver(lambda sentence: pytest.fail("asked")) is samna


def test_samna_is_imported_in_one_place_only():
    engine = Path(speck.__file__).parents[1]
    for path in engine.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import samna" not in text, path
        if path != Path(speck.__file__):
            assert 'import_module("samna' not in text, path
    assert [kit.id for kit in KITS] == ["speck2edevkit", "speck2fmodule", "speck2fdevkit"]
