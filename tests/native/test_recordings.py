"""The decoders of recordings: compiled against twins, and twins against a word-by-word reading of the specification."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import native
from engine.events.array import EventArray, empty_events
from engine.native.twins import recordings as twins
from tests.events import made

COMPILED = pytest.mark.skipif(native.variant() == "numpy", reason="the compiled loops are not there")

evt3_words = st.lists(
    st.one_of(
        st.integers(0, 0xFFFF),
        st.tuples(st.sampled_from([0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x8]), st.integers(0, 0xFFF)).map(
            lambda pair: pair[0] << 12 | pair[1]
        ),
    ),
    max_size=300,
)
evt2_words = st.lists(
    st.one_of(
        st.integers(0, 0xFFFFFFFF),
        st.tuples(st.sampled_from([0x0, 0x1, 0x8]), st.integers(0, 0x0FFFFFFF)).map(lambda pair: pair[0] << 28 | pair[1]),
    ),
    max_size=300,
)


def slow_evt3(words: list[int]) -> tuple[list[tuple[int, int, int, int]], int]:
    """EVT 3.0 as its specification says, a word at a time: (t, x, y, p) of the events, malformed words."""
    events, malformed = [], 0
    base = high = y = x = None
    low = p = 0
    for word in words:
        kind, value = word >> 12, word & 0xFFF
        if kind == 0x8:
            if high is not None and high - value > 2048:
                base += 1 << 24
            base = 0 if base is None else base
            high, low = value, 0
        elif kind == 0x6:
            low = value if high is not None else 0
        elif kind == 0x0:
            y = value & 0x7FF
        elif kind == 0x3:
            x, p = value & 0x7FF, value >> 11
        elif kind in (0x2, 0x4, 0x5):
            if high is None or y is None or (kind != 0x2 and x is None):
                malformed += 1
                continue
            t = base + (high << 12) + low
            if kind == 0x2:
                events.append((t, value & 0x7FF, y, value >> 11))
                continue
            width = 12 if kind == 0x4 else 8
            events += [(t, x + bit, y, p) for bit in range(width) if value >> bit & 1]
            x = min(x + width, 0x7000)
        elif kind not in (0x7, 0xA, 0xE, 0xF):
            malformed += 1
    return events, malformed


def slow_evt2(words: list[int]) -> tuple[list[tuple[int, int, int, int]], int]:
    """EVT 2.0 as its specification says, a word at a time."""
    events, malformed, turns, high = [], 0, 0, None
    for word in words:
        kind = word >> 28
        if kind == 0x8:
            value = word & 0x0FFFFFFF
            turns += high is not None and high - value > 1 << 27
            high = value
        elif kind <= 1:
            if high is None:
                malformed += 1
            else:
                t = (turns << 34) + (high << 6) + (word >> 22 & 0x3F)
                events.append((t, word >> 11 & 0x7FF, word & 0x7FF, kind))
        elif kind not in (0xA, 0xE, 0xF):
            malformed += 1
    return events, malformed


def in_pieces(decode, words: np.ndarray, cuts: list[int], room: int) -> tuple[EventArray, int]:  # type: ignore[no-untyped-def]
    """All events, with the words cut into pieces and room for few events at a time."""
    state, parts = twins.evt_state(), []
    for piece in np.split(words, sorted(cut for cut in cuts if cut <= len(words))):
        while len(piece):
            out = empty_events(room)
            taken, written = decode(np.ascontiguousarray(piece), state, out)
            assert taken > 0
            parts.append(out[:written])
            piece = piece[taken:]
    return (np.concatenate(parts) if parts else empty_events()), int(state[twins.MALFORMED])


@COMPILED
@settings(deadline=None)
@given(evt3_words, st.lists(st.integers(0, 300), max_size=3), st.integers(12, 60))
def test_evt3_is_read_as_specified_however_it_is_cut(words: list[int], cuts: list[int], room: int) -> None:
    events, malformed = slow_evt3(words)
    for decode in (native.decode_evt3, twins.decode_evt3):
        decoded, bad = in_pieces(decode, np.array(words, np.uint16), cuts, room)
        assert made.rows(decoded) == events
        assert bad == malformed


@COMPILED
@settings(deadline=None)
@given(evt2_words, st.lists(st.integers(0, 300), max_size=3), st.integers(1, 60))
def test_evt2_is_read_as_specified_however_it_is_cut(words: list[int], cuts: list[int], room: int) -> None:
    events, malformed = slow_evt2(words)
    for decode in (native.decode_evt2, twins.decode_evt2):
        decoded, bad = in_pieces(decode, np.array(words, np.uint32), cuts, room)
        assert made.rows(decoded) == events
        assert bad == malformed


def test_evt3_time_starts_again_after_24_bits() -> None:
    words = np.array([0x8FFF, 0x6FFF, 0x0001, 0x2002, 0x8000, 0x6001, 0x2003], np.uint16)
    out = empty_events(12 * len(words))
    native.decode_evt3(words, twins.evt_state(), out)
    assert out["timestamp"][:2].tolist() == [0xFFFFFF, 0x1000001]


def test_no_room_is_no_overrun() -> None:
    words = np.array([0x8000, 0x0001, 0x3000, 0x4FFF], np.uint16)
    for decode in (native.decode_evt3, twins.decode_evt3):
        assert decode(words, twins.evt_state(), empty_events(11)) == (0, 0)


@COMPILED
def test_the_binding_refuses_what_it_could_run_over() -> None:
    words = np.zeros(4, np.uint16)
    for arguments in (
        (np.zeros((2, 2), np.uint16), twins.evt_state(), empty_events(50)),
        (np.zeros(4, np.uint8), twins.evt_state(), empty_events(50)),
        (np.zeros(8, np.uint16)[::2], twins.evt_state(), empty_events(50)),
        (words, np.zeros(3, np.int64), empty_events(50)),
        (words, np.full(twins.STATES, 1 << 40), empty_events(50)),
        (words, twins.evt_state(), np.zeros(50, np.int64)),
        (words, twins.evt_state(), empty_events(50)[::2]),
    ):
        with pytest.raises(ValueError):
            native.decode_evt3(*arguments)
    locked = empty_events(50)
    locked.flags.writeable = False
    with pytest.raises(ValueError):
        native.decode_evt3(words, twins.evt_state(), locked)
    with pytest.raises(ValueError):
        native.parse_events(b"", [0, 1, 2, 16], 0, empty_events(1))
    with pytest.raises(ValueError):
        native.parse_events(b"", [0, 1, 2, 3], 4, empty_events(1))


numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.integers(0, 2000).map(str),
    st.builds(lambda power, more: str(2**62 // power + more), st.sampled_from([1, 1000, 10**6]), st.integers(-3, 3)),
    st.decimals(-(10**6), 10**6, places=7, allow_nan=False).map(lambda value: f"{value:f}"),
    st.sampled_from(
        ["", "x", ".", "-", "1.", ".5", "+3", "1e3", "2.5E-1", "1e99", "nan", "inf", "0x1p3", "1_0", "3.", "--1", "1e", "9" * 70]
    ),
)
lines = st.lists(st.lists(numbers, max_size=6).map(" ".join), max_size=8).map("\n".join)


@COMPILED
@settings(deadline=None, max_examples=300)
@given(lines, st.permutations([0, 1, 2, 3]), st.sampled_from([0, 1, 3]), st.integers(1, 10))
def test_text_is_parsed_as_by_decimals(text: str, columns: list[int], unit: int, room: int) -> None:
    data = text.encode() + b"\n# comment\n\n 1\t2,3;1 7\r\n5 5"
    ours, theirs = empty_events(room), empty_events(room)
    assert native.parse_events(data, columns, unit, ours) == twins.parse_events(data, columns, unit, theirs)
    off = np.abs(ours["timestamp"] - theirs["timestamp"])
    # A number with an exponent goes through a double.
    assert (off <= np.maximum(1, np.abs(theirs["timestamp"]) >> 50)).all()
    for name in ("x", "y", "polarity"):
        assert ours[name].tolist() == theirs[name].tolist()


def test_times_in_text_are_exact() -> None:
    out = empty_events(4)
    text = b"1506117000.000001 1 2 1\n0.1234565 0 0 0\n-0.000001 0 0 0\n1.500000000000000000e+00 1.0 2.9 1.0\n"
    assert native.parse_events(text, [0, 1, 2, 3], 1, out) == (len(text), 4, 0)
    assert made.rows(out) == [(1506117000000001, 1, 2, 1), (123457, 0, 0, 0), (-1, 0, 0, 0), (1500000, 1, 2, 1)]


events_of_any_kind = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-(2**15), 2**15 - 1),
        st.integers(-(2**15), 2**15 - 1),
        st.integers(-128, 127),
    ),
    max_size=30,
).map(
    lambda items: np.array(items, [("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "i1")]).astype(
        empty_events().dtype
    )
)


@COMPILED
@settings(deadline=None)
@given(events_of_any_kind, st.booleans())
def test_events_to_text_is_the_same_in_both(events: EventArray, seconds: bool) -> None:
    assert native.format_events(events, seconds) == twins.format_events(events, seconds)


@COMPILED
@settings(deadline=None)
@given(events_of_any_kind, st.integers(0, 32768), st.integers(0, 32768), st.integers(-(2**63), 2**63 - 1))
def test_events_are_checked_alike_in_both(events: EventArray, width: int, height: int, newest: int) -> None:
    assert native.check_events(events, width, height, newest) == twins.check_events(events, width, height, newest)
