"""NumPy twins of the recordings' decoders (src/prophesee.cpp, src/event_text.cpp, src/recordings.cpp)."""

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

BASE, TIME, Y, X, POLARITY, MALFORMED, TRIGGERS, STATES = range(8)
"""Where decode_evt2 and decode_evt3 keep what they carry from one block to the next."""

Words = NDArray[Any]
Events = NDArray[np.void]
_I64 = NDArray[np.int64]


def evt_state() -> _I64:
    """The state before the first word: time, row and column unknown (-1)."""
    state = np.zeros(STATES, np.int64)
    state[[BASE, Y, X]] = -1
    return state


def _bases(highs: _I64, before: int, period: int) -> _I64:
    """The unwrapped time base at each high-part word; a step back of more than half the period is a new turn."""
    all_highs = highs if before < 0 else np.concatenate(([before % period], highs))
    turns = np.concatenate(([0], np.cumsum(np.diff(all_highs) < -(period // 2)))) * period
    bases: _I64 = all_highs + turns
    return bases if before < 0 else bases[1:] + (before - before % period)


def _held(values: _I64, at: NDArray[np.bool_], before: int) -> _I64:
    """At each word, the value of the last word where `at` is true; `before` up to the first."""
    latest = np.maximum.accumulate(np.where(at, np.arange(len(at)), -1))
    held: _I64 = np.where(latest >= 0, values[latest], before)
    return held


def decode_evt2(words: Words, state: _I64, out: Events) -> tuple[int, int]:
    """Twin of decode_evt2: EVT 2.0 words to events, (words taken, events written)."""
    words = words[: len(out)].astype(np.int64)
    kind = words >> 28
    is_high, is_event = kind == 0x8, kind <= 1
    bases = np.zeros(len(words), np.int64)
    bases[is_high] = _bases((words[is_high] & 0x0FFFFFFF) << 6, int(state[BASE]), 1 << 34)
    base = _held(bases, is_high, int(state[BASE]))
    keep = is_event & (base >= 0)
    kept = words[keep]
    written = len(kept)
    out["timestamp"][:written] = base[keep] + (kept >> 22 & 0x3F)
    out["x"][:written] = kept >> 11 & 0x7FF
    out["y"][:written] = kept & 0x7FF
    out["polarity"][:written] = kind[keep]
    if len(words):
        state[BASE] = base[-1]
    known = is_event | np.isin(kind, (0x8, 0xA, 0xE, 0xF))
    state[MALFORMED] += np.count_nonzero(~known) + np.count_nonzero(is_event & ~keep)
    state[TRIGGERS] += np.count_nonzero(kind == 0xA)
    return len(words), written


def decode_evt3(words: Words, state: _I64, out: Events) -> tuple[int, int]:
    """Twin of decode_evt3: EVT 3.0 words to events, (words taken, events written)."""
    words = words[: len(out) // 12].astype(np.int64)  # a word is at most 12 events
    if not len(words):
        return 0, 0
    kind, index = words >> 12, np.arange(len(words))
    is_high, is_low, is_y, is_base = kind == 0x8, kind == 0x6, kind == 0x0, kind == 0x3
    is_vector = (kind == 0x4) | (kind == 0x5)
    bases = np.zeros(len(words), np.int64)
    bases[is_high] = _bases((words[is_high] & 0xFFF) << 12, int(state[BASE]), 1 << 24)
    base = _held(bases, is_high, int(state[BASE]))
    is_time = is_high | (is_low & (base >= 0))
    time = _held(base + np.where(is_low, words & 0xFFF, 0), is_time, int(state[TIME]))
    y = _held(words & 0x7FF, is_y, int(state[Y]))
    polarity = _held(words >> 11 & 1, is_base, int(state[POLARITY]))
    valid = is_vector & (base >= 0) & (y >= 0) & (_held(words, is_base, int(state[X])) >= 0)
    steps = np.where(valid, np.where(kind == 0x4, 12, 8), 0)
    passed = np.cumsum(steps)
    start = _held(np.where(is_base, (words & 0x7FF) - passed, 0), is_base, int(state[X]))
    after = start + passed  # after the word; -1 stays -1 as no vector is valid then
    x = np.minimum(after - steps, 0x7000)

    single = (kind == 0x2) & (base >= 0) & (y >= 0)
    mask = np.where(kind == 0x4, words & 0xFFF, words & 0xFF)
    bits = (mask[valid, None] >> np.arange(12) & 1).astype(bool)
    rows, offsets = np.nonzero(bits)
    word = np.concatenate((index[single], index[valid][rows]))
    column = np.concatenate(((words & 0x7FF)[single], x[valid][rows] + offsets))
    sign = np.concatenate(((words >> 11 & 1)[single], polarity[valid][rows]))
    order = np.argsort(word, kind="stable")
    word, written = word[order], len(order)
    out["timestamp"][:written] = time[word]
    out["x"][:written] = column[order]
    out["y"][:written] = y[word]
    out["polarity"][:written] = sign[order]
    state[BASE], state[TIME], state[Y], state[X] = base[-1], time[-1], y[-1], min(int(after[-1]), 0x7000)
    state[POLARITY] = polarity[-1]
    known = np.isin(kind, (0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0xA, 0xE, 0xF))
    state[MALFORMED] += np.count_nonzero(~known | ((kind == 0x2) & ~single) | (is_vector & ~valid))
    state[TRIGGERS] += np.count_nonzero(kind == 0xA)
    return len(words), written


_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_SPACES = re.compile(rb"[ \t,;\r]+")
_SCALE = (Decimal(1), Decimal(1_000_000), Decimal(1) / 1000, Decimal(1000))


def _event(line: bytes, columns: Sequence[int], unit: int) -> tuple[int, int, int, int] | None:
    tokens = [token for token in _SPACES.split(line) if token][: 1 + max(columns)]
    if len(tokens) <= max(columns) or not all(_NUMBER.match(token) for token in tokens):
        return None
    t, x, y, p = (Decimal(tokens[column].decode()) for column in columns)
    if any(abs(value) > Decimal(2) ** 62 for value in (t, x, y, p)):
        return None
    us = int((t * _SCALE[unit]).quantize(Decimal(1), ROUND_HALF_UP))
    if abs(us) > 2**62:
        return None
    pixels = [math.floor(value) if 0 <= value < 32768 else -1 for value in (x, y)]
    return us, pixels[0], pixels[1], int(p > 0)


def parse_events(text: bytes, columns: Sequence[int], unit: int, out: Events) -> tuple[int, int, int]:
    """Twin of parse_events: whole lines to events, (bytes taken, events written, malformed lines)."""
    at = written = malformed = 0
    while written < len(out) and (end := text.find(b"\n", at)) >= 0:
        line, at = text[at:end], end + 1
        bare = line.strip(b" \t,;\r")
        if not bare or bare[:1] in b"#%":
            continue
        event = _event(bare, columns, unit)
        if event is None:
            malformed += 1
            continue
        for name, value in zip(("timestamp", "x", "y", "polarity"), event, strict=True):
            out[name][written] = value
        written += 1
    return at, written, malformed


def format_events(events: Events, seconds: bool) -> bytes:
    """Twin of format_events: events to lines `t x y p`, t in us or in seconds with six decimals."""
    lines = []
    for t, x, y, p in zip(*(events[name].tolist() for name in ("timestamp", "x", "y", "polarity")), strict=True):
        time = f"{'-' if t < 0 else ''}{abs(t) // 1_000_000}.{abs(t) % 1_000_000:06d}" if seconds else str(t)
        lines.append(f"{time} {x} {y} {int(p > 0)}\n")
    return "".join(lines).encode()


def check_events(events: Events, width: int, height: int, newest: int) -> tuple[int, int, int, int, int]:
    """Twin of check_events: (off the sensor, older than the newest before, odd polarity, oldest, newest time stamp)."""
    if not len(events):
        return 0, 0, 0, np.iinfo(np.int64).max, np.iinfo(np.int64).min
    t, x, y, p = (events[name] for name in ("timestamp", "x", "y", "polarity"))
    outside = np.count_nonzero((x < 0) | (x >= width) | (y < 0) | (y >= height))
    before = np.maximum.accumulate(np.concatenate(([newest], t[:-1])))
    odd = np.count_nonzero((p != 0) & (p != 1))
    return int(outside), int(np.count_nonzero(t < before)), int(odd), int(t.min()), int(t.max())
