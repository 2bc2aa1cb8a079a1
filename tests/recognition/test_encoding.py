import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.native.twins import spiking as twin
from engine.recognition.encoding import Selection, SpikingParameters, draw_field, encode, firing_thresholds

NO_FIELD = np.empty((0, 0), np.uint32)


# Random123's own known answers for philox4x32-10: counter, key, result.
@pytest.mark.parametrize(
    ("counter", "seed", "expected"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_generator_gives_its_authors_known_answers(counter, seed, expected):
    assert tuple(twin.philox(np.array(counter, np.uint32), seed)) == expected


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**64 - 1),
    frame=st.integers(0, 2**64 - 3),
    timebin=st.integers(1, 200),
    inputs=st.integers(1, 40),
    shared=st.booleans(),
    data=st.randoms(use_true_random=False),
)
def test_compiled_bits_equal_the_twins(seed, frame, timebin, inputs, shared, data):
    thresholds = np.array(
        [[data.choice([0, 1, data.randrange(2**24), 2**24, 2**32]) for _ in range(inputs)] for _ in range(2)], np.uint64
    )
    field = NO_FIELD
    if shared:
        field = np.random.default_rng(seed).integers(0, 2**24, (inputs, (timebin + 63) // 64 * 64), np.uint32)
    arguments = (thresholds, field, seed, frame, timebin)
    np.testing.assert_array_equal(native.encode_spikes(*arguments), twin.encode_spikes(*arguments))


def test_lens_field_is_torchs():
    torch = pytest.importorskip("torch")
    timebin, region = 70, 35
    pixels = np.array([0, 3, 4, 20, 34])
    rates = np.random.default_rng(1).integers(0, 256, (6, len(pixels)), np.uint8)
    rates[0] = [0, 1, 127, 254, 255]
    bits = encode(rates, SpikingParameters(timebin=timebin, field="lens"), Selection(pixels, region))
    torch.manual_seed(50)
    field = torch.rand(timebin, region)[:, pixels]
    expected = field[None] < torch.from_numpy(rates.astype(np.float32) / np.float32(255))[:, None, :]
    np.testing.assert_array_equal(bits, expected.numpy())
    np.testing.assert_array_equal(
        bits,
        encode(
            rates.astype(np.float32) / np.float32(255),
            SpikingParameters(timebin=timebin, field="lens"),
            Selection(pixels, region),
        ),
    )


def test_lens_field_is_drawn_alike_in_pieces(monkeypatch):
    parameters = SpikingParameters(timebin=50, field="lens")
    selection = Selection(np.arange(0, 90, 7), 91)
    whole = draw_field(parameters, 13, selection)
    monkeypatch.setattr("engine.recognition.encoding._CHUNK", 3 * 91)
    monkeypatch.setattr("engine.recognition.encoding._kept", {})
    np.testing.assert_array_equal(draw_field(parameters, 13, selection), whole)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        draw_field(SpikingParameters(timebin=51, field="lens"), 13, selection, cancel)


@settings(deadline=None, max_examples=25)
@given(value=st.integers(0, 255), seed=st.integers(0, 2**64 - 1), frame=st.integers(0, 10**6))
def test_firing_rates_lie_within_binomial_bounds(value, seed, frame):
    steps, inputs = 500, 40
    bits = encode(np.full((1, inputs), value, np.uint8), SpikingParameters(timebin=steps, seed=seed), first_frame=frame)
    p = value / 255
    fired, trials = int(bits.sum()), bits.size
    assert abs(fired - trials * p) <= 6 * np.sqrt(trials * p * (1 - p))  # six sigma; exact at p = 0 and p = 1


def test_draws_of_steps_inputs_frames_and_seeds_are_independent():
    half = np.full((40, 50), 0.5, np.float32)
    bits = encode(half, SpikingParameters(timebin=320)).astype(np.float64) - 0.5
    other = encode(half, SpikingParameters(timebin=320, seed=1)).astype(np.float64) - 0.5
    for a, b in [
        (bits[1:], bits[:-1]),
        (bits[:, 1:], bits[:, :-1]),
        (bits[:, 16:], bits[:, :-16]),  # another word of one counter
        (bits[:, 64:], bits[:, :-64]),
        (bits[:, :, 1:], bits[:, :, :-1]),
        (bits, other),
    ]:
        assert abs(4 * (a * b).mean()) < 6 / np.sqrt(a.size)


def test_a_frames_spikes_depend_on_its_number_alone():
    rates = np.random.default_rng(0).integers(0, 256, (9, 30), np.uint8)
    parameters = SpikingParameters(timebin=100, seed=7)
    whole = encode(rates, parameters, first_frame=5)
    for i in range(9):
        np.testing.assert_array_equal(encode(rates[i : i + 1], parameters, first_frame=5 + i)[0], whole[i])
    np.testing.assert_array_equal(encode(rates, SpikingParameters(timebin=65, seed=7), first_frame=5), whole[:, :65])


def test_a_higher_rate_fires_wherever_a_lower_one_does():
    lower, higher = (encode(np.full((3, 20), value, np.uint8), SpikingParameters()) for value in (40, 90))
    assert (higher >= lower).all()
    assert (higher > lower).any()


def test_pixel_values_and_their_float_probabilities_are_one():
    values = np.arange(256, dtype=np.uint8)[None]
    for field in ("own", "lens"):
        np.testing.assert_array_equal(
            firing_thresholds(values, field), firing_thresholds(values.astype(np.float32) / np.float32(255), field)
        )
    assert firing_thresholds(values, "own")[0, [0, 255]].tolist() == [0, 2**32]


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (np.zeros(5, np.uint8), "frames x inputs"),
        (np.zeros((1, 5), np.int32), "int32"),
        (np.full((1, 5), 1.5, np.float32), "between 0 and 1"),
        (np.full((1, 5), -0.1), "between 0 and 1"),
        (np.full((1, 5), np.nan, np.float32), "between 0 and 1"),
    ],
)
def test_bad_rates_are_told(rates, words):
    with pytest.raises(BadInput, match=words):
        encode(rates, SpikingParameters())


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (None, "which pixels"),
        (Selection(np.arange(3), 100), "3 pixels"),
        (Selection(np.arange(97, 101), 100), "outside its region"),
    ],
)
def test_the_shared_field_needs_a_selection_that_fits(selection, words):
    with pytest.raises(BadInput, match=words):
        encode(np.zeros((1, 4), np.uint8), SpikingParameters(field="lens"), selection)


def test_parameters_out_of_bounds_are_told():
    with pytest.raises(BadInput, match="timebin"):
        SpikingParameters.check({"timebin": 0})
    with pytest.raises(BadInput, match="field"):
        SpikingParameters.check({"field": "shared"})
