"""The event camera: luminance frames in, events out."""

import math

import numpy as np
from numpy.typing import NDArray

from engine.events.array import EVENT_DTYPE, EventArray
from engine.native import camera_events
from engine.native.twins.event_camera import log_of, mix
from engine.simulation.parameters import CameraParameters
from engine.simulation.textures import Floats


class EventCamera:
    """Pixels that fire when the log intensity has changed by their threshold.

    Log response with dark current; first-order low pass whose bandwidth grows with the light; ON and OFF thresholds that differ
    from pixel to pixel; leak events; shot noise, more of it in the dark; hot pixels, which are pixels that leak fast; a dead time
    after every event; time stamps interpolated between frames. After v2e (Hu, Liu, Delbruck, CVPRW 2021). What differs from pixel
    to pixel comes from `camera_seed`; the noise of a traverse comes from `seed`, is counter-based, and so depends neither on the
    number of threads nor on how the frames were cut into calls.
    """

    def __init__(self, parameters: CameraParameters, seed: int, noise: float = 1.0, threads: int = 0) -> None:
        self._parameters, self._noise, self._threads = parameters, noise, threads
        pixels = parameters.width * parameters.height
        body = np.random.default_rng([parameters.camera_seed, 0xCA3E7A])
        mismatch = parameters.threshold_sigma * body.standard_normal((2, pixels))
        nominal = np.array([[parameters.threshold_on], [parameters.threshold_off]])
        thresholds = np.maximum(nominal + mismatch, 0.25 * nominal)
        # Leak rates spread log-normally; a hot pixel is one whose leak is some hundred times faster.
        rate = parameters.leak_rate_hz * np.exp(0.4 * body.standard_normal(pixels))
        self.hot: NDArray[np.int64] = np.sort(body.permutation(pixels)[: round(parameters.hot_share * pixels)])
        rate[self.hot] = parameters.hot_rate_hz * 3.0 ** body.uniform(-1, 1, len(self.hot))
        self._pattern = np.stack([*thresholds, noise * rate * thresholds[0] * 1e-6]).astype(np.float32)
        drive = np.random.default_rng([seed, 0xD21FE])
        self._key = np.uint32(drive.integers(2**32, dtype=np.uint64))
        self._phase = (drive.uniform(-0.9, 0.9, pixels) * thresholds.min(0)).astype(np.float32)
        self._state = np.zeros((3, 0), np.float32)
        self._steps = 0

    def start(self, frame: Floats) -> None:
        """Let the pixels settle on a frame (height, width) of luminance."""
        level = log_of(frame.reshape(-1) + np.float32(self._parameters.dark_level))
        self._state = np.stack([level, self._phase, np.zeros_like(level)]).astype(np.float32)

    def events(self, frames: Floats, durations_us: NDArray[np.int64], start_us: int) -> EventArray:
        """Events, sorted by time, while the luminance goes linearly in its logarithm from frame to frame.

        Args:
            frames: (n, height, width), the luminance at the end of each step; 1 is a white wall at noon.
            durations_us: (n), the steps' lengths in whole microseconds.
            start_us: when the first step begins: the end of the last call's last step.
        """
        if self._state.size == 0:
            self.start(frames[0])
        steps = np.arange(self._steps, self._steps + len(frames), dtype=np.uint32)
        self._steps += len(frames)
        parameters = self._parameters
        records = camera_events(
            np.ascontiguousarray(frames, np.float32).reshape(len(frames), -1),
            np.ascontiguousarray(durations_us, np.int64),
            mix(mix(steps) ^ self._key),
            self._state,
            self._pattern,
            start_us,
            parameters.width,
            parameters.dark_level,
            2 * math.pi * parameters.cutoff_hz * 1e-6,
            self._noise * parameters.shot_rate_hz * 1e-6,
            parameters.refractory_us,
            self._threads,
        )
        return np.asarray(records).reshape(-1).view(EVENT_DTYPE)
