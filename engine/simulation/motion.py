"""How the camera moves along the route in one traverse."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.simulation.parameters import TraverseConditions

TICK_S = 0.01
"""Time between two knots of a trajectory."""
_ACCELERATION = 1.0  # m/s2, when it starts and stops
_CHUNK = 500  # knots made at a time
_SPREAD = (0.61, 0.27, 0.12)  # shares of three sines of growing frequency


@dataclass(frozen=True)
class Motion:
    """Where the camera is at n times: distance and left (m), heading offset and pitch (radians), speed (m/s)."""

    distance: NDArray[np.float64]
    left: NDArray[np.float64]
    swing: NDArray[np.float64]
    pitch: NDArray[np.float64]
    speed: NDArray[np.float64]


class Trajectory:
    """One traverse's motion, generated as it is asked for; times before the last `forget` may be dropped.

    `check` is called every few milliseconds of work and may raise.
    """

    def __init__(self, conditions: TraverseConditions, check: Callable[[], None] = lambda: None) -> None:
        generator = np.random.default_rng([conditions.seed, 0x5EED + 1])
        self._conditions, self._check = conditions, check
        self._phase = generator.uniform(0, 2 * math.pi, (4, 3))
        self._stops = np.random.default_rng([conditions.seed, 0x5EED + 2])
        self._next_stop = self._draw_stop(0.0)
        self._waiting = 0
        self._knots = np.zeros((4 * _CHUNK, 2))  # distance and speed; the first _count are made
        self._count = 1
        self._knots[0, 1] = conditions.speed_m_s
        self._first = 0  # index of the first knot kept

    def _draw_stop(self, after: float) -> float:
        mean = self._conditions.stop_every_m
        return after + mean * self._stops.uniform(0.6, 1.4) if mean > 0 else math.inf

    def _waves(self, which: int, at: NDArray[np.float64], wavelengths: tuple[float, float, float]) -> NDArray[np.float64]:
        angle = 2 * math.pi * np.multiply.outer(at, 1 / np.array(wavelengths)) + self._phase[which]
        return np.asarray(np.sin(angle) @ np.array(_SPREAD))

    def _extend(self) -> None:
        self._check()
        conditions = self._conditions
        distance, speed = (float(value) for value in self._knots[self._count - 1])
        if self._count + _CHUNK > len(self._knots):
            grown = np.empty((2 * len(self._knots) + _CHUNK, 2))
            grown[: self._count] = self._knots[: self._count]
            self._knots = grown
        waves = [
            (share, 2 * math.pi / length, phase)
            for share, length, phase in zip(_SPREAD, (53.0, 23.0, 11.0), self._phase[0], strict=True)
        ]
        for index in range(self._count, self._count + _CHUNK):
            wave = 0.0
            for share, number, phase in waves:
                wave += share * math.sin(number * distance + phase)
            wanted = conditions.speed_m_s * (1 + conditions.speed_variation * wave)
            if self._waiting > 0:
                self._waiting -= 1
                wanted = 0.0
                if self._waiting == 0:
                    self._next_stop = self._draw_stop(distance)
            else:
                # The last bit is crept, so that the stop is reached in finite time.
                room = self._next_stop - distance
                wanted = min(wanted, math.sqrt(2 * _ACCELERATION * max(room, 0.0)) + 0.02)
                if room <= 0:
                    self._waiting, wanted = max(1, round(conditions.stop_seconds / TICK_S)), 0.0
            speed = min(wanted, speed + 4 * _ACCELERATION * TICK_S)
            distance += speed * TICK_S
            self._knots[index] = distance, speed
        self._count += _CHUNK

    def at(self, times_us: NDArray[np.int64]) -> Motion:
        """The motion at times in microseconds from the start, none earlier than the last `forget`."""
        knot = np.asarray(times_us, float) * (1e-6 / TICK_S) - self._first
        while knot.size and knot.max() >= self._count - 1:
            self._extend()
        base = np.floor(knot).astype(np.int64)
        part = (knot - base)[:, None]
        value = self._knots[base] * (1 - part) + self._knots[base + 1] * part
        distance, speed = value[:, 0], value[:, 1]
        conditions = self._conditions
        seconds = np.asarray(times_us, float) * 1e-6
        lengths = (97.0, 41.0, 19.0)
        wander = conditions.lateral_wander_m * self._waves(1, distance, lengths)
        turning = (
            conditions.lateral_wander_m
            * (self._waves(1, distance + 0.05, lengths) - self._waves(1, distance - 0.05, lengths))
            / 0.1
        )
        # A camera that stands still neither swings nor nods.
        moving = np.clip(speed / 0.5, 0, 1)
        swing = np.arctan(turning) + moving * math.radians(conditions.heading_jitter_deg) * self._waves(
            2, seconds, (3.1, 1.7, 0.9)
        )
        pitch = moving * math.radians(conditions.vibration_deg) * self._waves(3, seconds, (0.71, 0.23, 0.11))
        return Motion(distance, conditions.lateral_offset_m + wander, swing, pitch, speed)

    def time_at(self, distance: float) -> int:
        """The time in microseconds at which the camera has come `distance` metres (>= 0)."""
        while self._knots[self._count - 1, 0] < distance:
            self._extend()
        index = int(np.searchsorted(self._knots[: self._count, 0], distance))
        if index == 0:
            return round(self._first * TICK_S * 1e6)
        before, after = float(self._knots[index - 1, 0]), float(self._knots[index, 0])
        return round((self._first + index - 1 + (distance - before) / (after - before)) * TICK_S * 1e6)

    def forget(self, before_us: int) -> None:
        """Drop what lies before a time, so that an endless traverse needs no more memory."""
        drop = int(before_us * (1e-6 / TICK_S)) - self._first - 2
        if drop > 4 * _CHUNK:
            self._knots = self._knots[drop : self._count].copy()
            self._first += drop
            self._count -= drop
