"""The event camera in NumPy, step by step and bit for bit what the compiled loop does."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_F = np.float32
_UNIT = _F(2.0**-24)


def log_of(value: Floats) -> Floats:
    """Natural logarithm of positive float32 numbers, to about 2e-7, with the operations of the compiled loop."""
    shifted = np.ascontiguousarray(value, _F).view(np.uint32) - np.uint32(0x3F3504F3)
    exponent = shifted.view(np.int32) >> 23
    m = ((shifted & np.uint32(0x007FFFFF)) + np.uint32(0x3F3504F3)).view(_F)
    t = (m - _F(1)) / (m + _F(1))
    square = t * t
    series = _F(2) + square * (_F(0.6666666667) + square * (_F(0.4) + square * _F(0.2857142857)))
    return np.asarray(exponent.astype(_F) * _F(0.6931471806) + t * series, _F)


def mix(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A bijection of 32-bit numbers that scatters them (the finaliser of MurmurHash3)."""
    h = np.asarray(value, np.uint32)
    h = h ^ (h >> np.uint32(16))
    h = h * np.uint32(0x85EBCA6B)
    h = h ^ (h >> np.uint32(13))
    h = h * np.uint32(0xC2B2AE35)
    return np.asarray(h ^ (h >> np.uint32(16)), np.uint32)


def camera_events(
    frames: Floats,
    durations: NDArray[np.int64],
    keys: NDArray[np.uint32],
    state: Floats,
    pattern: Floats,
    start_us: int,
    width: int,
    dark: float,
    low_pass_per_us: float,
    shot_per_us: float,
    refractory: float,
    threads: int = 0,
) -> NDArray[np.uint8]:
    """Events (n, 16 bytes, sorted by time, then pixel) of luminance frames; `state` goes on where it was.

    Args:
        frames: (steps, pixels), the luminance at the end of each step.
        durations: of the steps, in microseconds.
        keys: one a step, for the counter-based noise.
        state: (3, pixels), changed in place: log level, difference since the last event, dead time left.
        pattern: (3, pixels): ON threshold, OFF threshold, leak in log units a microsecond.
        start_us: time at the start of the first step.
        width: pixels in a row.
        dark: added to the luminance before the logarithm.
        low_pass_per_us: 2 pi times the cutoff in full light.
        shot_per_us: probability of a noise event in the dark.
        refractory: dead time after an event, in microseconds.
        threads: not used here.
    """
    del threads
    pixel = np.arange(frames.shape[1], dtype=np.uint32) * np.uint32(0x9E3779B9)
    found: list[NDArray[np.int64]] = []  # rows of (time, pixel, polarity)
    start = start_us
    for frame, length, key in zip(frames, durations, keys, strict=True):
        found.append(_step(frame, int(length), pixel, key, state, pattern, start, dark, low_pass_per_us, shot_per_us, refractory))
        start += int(length)
    rows = np.concatenate(found) if found else np.zeros((0, 3), np.int64)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    events = np.zeros((len(rows), 16), np.uint8)
    events[:, 0:8] = np.ascontiguousarray(rows[:, 0]).view(np.uint8).reshape(-1, 8)
    events[:, 8:10] = (rows[:, 1] % width).astype("<i2").view(np.uint8).reshape(-1, 2)
    events[:, 10:12] = (rows[:, 1] // width).astype("<i2").view(np.uint8).reshape(-1, 2)
    events[:, 12] = rows[:, 2]
    return events


def _step(
    luminance: Floats,
    length: int,
    pixel: NDArray[np.uint32],
    key: np.uint32,
    state: Floats,
    pattern: Floats,
    start: int,
    dark: float,
    low_pass_per_us: float,
    shot_per_us: float,
    refractory: float,
) -> NDArray[np.int64]:
    """One step of all pixels: rows of (time, pixel, polarity)."""
    level, difference, hold = state
    on, off, leak = pattern
    duration = _F(length)
    low_pass, shot = _F(low_pass_per_us) * duration, _F(shot_per_us) * duration
    light = np.minimum(luminance, _F(1))
    x = low_pass * (_F(0.1) + _F(0.9) * light)
    pass_all = _F(0 if low_pass > 0 else 1)
    share = _F(1) - _F(1) / (_F(1) + x * (_F(1) + x * (_F(0.5) + x * _F(0.1666666667)))) + pass_all
    after = level + share * (log_of(luminance + _F(dark)) - level)
    rise = (after - level) + leak * duration
    reached = difference + rise
    probability = _F(0.5) * shot / (_F(1) + _F(3) * light)
    draws = mix(pixel ^ key)
    draw = (draws >> np.uint32(8)).astype(_F) * _UNIT
    noise_on, noise_off = draw < probability, draw >= _F(1) - probability
    special = (reached >= on) | (reached <= -off) | (hold > 0) | noise_on | noise_off
    level[:] = after
    difference[~special] = reached[~special]

    # From here on only the pixels in which something may happen; they leave the loop one after the other.
    index = np.flatnonzero(special)
    still_held = hold[index] >= duration
    hold[index[still_held]] -= duration
    difference[index[still_held]] = 0
    index = index[~still_held]
    now = hold[index]
    value = np.where(now > 0, _F(0), difference[index])
    slope = rise[index] / duration
    noise_time = (mix(draws[index] ^ np.uint32(0x68BC21EB)) >> np.uint32(8)).astype(_F) * _UNIT * duration
    noise = (noise_on[index] | noise_off[index]) & (noise_time >= now)
    noise_polarity = noise_on[index]
    rows = []
    while index.size:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            up = np.where(value >= on[index], now, now + (on[index] - value) / slope)
            down = np.where(value <= -off[index], now, now + (-off[index] - value) / slope)
        rising, falling = (slope > 0) | (value >= on[index]), (slope < 0) | (value <= -off[index])
        following = np.where(falling, down, np.where(rising, up, _F(np.inf)))
        polarity = ~falling
        by_noise = noise & (noise_time >= now) & (noise_time <= following)
        following = np.where(by_noise, noise_time, following)
        polarity = np.where(by_noise, noise_polarity, polarity)
        noise &= ~by_noise
        fires = following < duration
        quiet = index[~fires]
        difference[quiet] = value[~fires] + slope[~fires] * (duration - now[~fires])
        hold[quiet] = 0
        rows.append(np.stack([start + following[fires].astype(np.int64), index[fires], polarity[fires].astype(np.int64)], 1))
        now = following + _F(refractory)
        ends = fires & (now >= duration)
        difference[index[ends]] = 0
        hold[index[ends]] = now[ends] - duration
        keep = fires & ~ends
        index, now, slope, noise = index[keep], now[keep], slope[keep], noise[keep]
        noise_time, noise_polarity = noise_time[keep], noise_polarity[keep]
        value = np.zeros(index.size, _F)
    return np.concatenate(rows) if rows else np.zeros((0, 3), np.int64)
