"""Poses: where the robot was and when, out of a GPS or odometry log, asked at the times of event frames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput

Numbers = NDArray[np.float64]
LONGEST_GAP_S = 10.0
_MOVING_M = 0.25
"""Between two poses nearer than this the direction of motion says nothing."""


@dataclass(frozen=True)
class Poses:
    """A log of poses in order of time, no time twice.

    Attributes:
        times_us: (n,) int64, microseconds of the log's own clock; since 1970 where `utc`.
        place: (n, 2) float64; latitude and longitude in degrees where `geographic`, else metres (x, y) in a local frame.
        heading: (n,) float64, radians counter-clockwise from east (or from x); NaN where the log does not say it.
        geographic: what `place` holds.
        utc: whether the times are those of the world's clock.
        source: what the log is, for people ("NMEA log monday.nmea").
        quality, hdop: (n,) float64 of GPS fixes (GGA's quality and dilution of precision); NaN elsewhere.
        notes: what was found while reading, a sentence each.
    """

    times_us: NDArray[np.int64]
    place: Numbers
    heading: Numbers
    geographic: bool = False
    utc: bool = False
    source: str = ""
    quality: Numbers = field(default_factory=lambda: np.zeros(0))
    hdop: Numbers = field(default_factory=lambda: np.zeros(0))
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times_us)

    @property
    def origin(self) -> tuple[float, float] | None:
        """Latitude and longitude of the first pose, a fit origin of a local frame; None where the log is local itself."""
        return (float(self.place[0, 0]), float(self.place[0, 1])) if self.geographic and len(self) else None

    def metres(self, origin: tuple[float, float] | None = None) -> Numbers:
        """(n, 2) metres: east and north of `origin` (latitude, longitude) of a geographic log, as they are of a local one.

        Raises:
            BadInput: an origin was given for a local log, or none for a geographic one.
        """
        self._check(origin)
        return self.place if origin is None else to_metres(self.place, origin)

    def at(
        self,
        times_us: NDArray[np.int64],
        offset_s: float = 0.0,
        origin: tuple[float, float] | None = None,
        longest_gap_s: float = LONGEST_GAP_S,
    ) -> tuple[Numbers, Numbers]:
        """Position and heading at given times, interpolated; NaN where the log has none, never a clamped end.

        Args:
            times_us: (m,) int64, of the events' clock.
            offset_s: what is added to the events' clock to have the log's.
            origin: of the local frame, for a geographic log (see `metres`).
            longest_gap_s: between poses further apart in time than this nothing is interpolated.

        Returns:
            (m, 2) metres and (m,) radians; the heading is the log's own where it has one, else that of the motion.

        Raises:
            BadInput: as `metres`.
        """
        self._check(origin)
        place, heading = self.places_at(times_us, offset_s, longest_gap_s)
        return (place if origin is None else to_metres(place, origin)), heading

    def places_at(
        self, times_us: NDArray[np.int64], offset_s: float = 0.0, longest_gap_s: float = LONGEST_GAP_S
    ) -> tuple[Numbers, Numbers]:
        """As `at`, with the places as the log has them: latitude and longitude of a geographic one."""
        wanted = np.asarray(times_us, np.int64) + round(offset_s * 1e6)
        place, heading = np.full((len(wanted), 2), np.nan), np.full(len(wanted), np.nan)
        if len(self) == 0:
            return place, heading
        angles = self._headings
        after = np.searchsorted(self.times_us, wanted, side="left")
        right = np.minimum(after, len(self) - 1)
        exact = (after < len(self)) & (self.times_us[right] == wanted)
        left = np.where(exact, right, np.maximum(right - 1, 0))
        gap = self.times_us[right] - self.times_us[left]
        known = exact | ((after > 0) & (after < len(self)) & (gap <= round(longest_gap_s * 1e6)))
        share = np.where(exact, 0.0, (wanted - self.times_us[left]) / np.maximum(gap, 1))
        step = self.place[right] - self.place[left]
        if self.geographic:
            step[:, 1] = np.mod(step[:, 1] + 180, 360) - 180  # over the date line the short way
        place[known] = (self.place[left] + step * share[:, None])[known]
        turned = angles[left] + _wrapped(angles[right] - angles[left]) * share
        # Where one end has no direction (the robot stands), the other end's holds.
        turned = np.where(np.isnan(turned), np.where(np.isnan(angles[left]), angles[right], angles[left]), turned)
        heading[known] = _wrapped(turned)[known]
        return place, heading

    @cached_property
    def _headings(self) -> Numbers:
        return self.heading if np.isfinite(self.heading).any() else motion_heading(self.metres(self.origin))

    def _check(self, origin: tuple[float, float] | None) -> None:
        if self.geographic != (origin is not None) and len(self):
            kinds = "latitude and longitude" if self.geographic else "local metres"
            raise BadInput(f"{self.source or 'The log'} has {kinds}: it does not fit into the frame that was asked for.")


def motion_heading(xy: Numbers) -> Numbers:
    """The direction of motion at each of (n, 2) points, radians; a robot that stands keeps the direction that it came with.

    NaN where nothing ever moves. Steps shorter than 0.25 m are joined until they are that long, so that noise has no say.
    """
    heading = np.full(len(xy), np.nan)
    known = np.flatnonzero(np.isfinite(xy).all(axis=1))
    points = xy[known].tolist()
    found = np.full(len(points), np.nan)
    anchor = 0
    for index in range(1, len(points)):
        east, north = points[index][0] - points[anchor][0], points[index][1] - points[anchor][1]
        if math.hypot(east, north) >= _MOVING_M:
            found[anchor:index] = math.atan2(north, east)
            anchor = index
    if anchor:
        found[anchor:] = found[anchor - 1]
    heading[known] = found
    return heading


def to_metres(place: Numbers, origin: tuple[float, float]) -> Numbers:
    """(n, 2) latitude and longitude in degrees as metres east and north of `origin` (WGS 84, azimuthal equidistant)."""
    from pyproj import Transformer

    local = f"+proj=aeqd +lat_0={origin[0]:.9f} +lon_0={origin[1]:.9f} +datum=WGS84 +units=m"
    known = np.isfinite(place).all(axis=1)
    metres = np.full((len(place), 2), np.nan)
    if known.any():
        transformer = Transformer.from_crs("EPSG:4326", local, always_xy=True)
        east, north = transformer.transform(place[known, 1], place[known, 0])
        metres[known] = np.stack([east, north], axis=1)
    return metres


def poses_from_rows(
    times_us: NDArray[np.int64],
    place: Numbers,
    heading: Numbers,
    *,
    geographic: bool,
    utc: bool,
    source: str,
    notes: Sequence[str] = (),
    quality: Numbers | None = None,
    hdop: Numbers | None = None,
) -> Poses:
    """Poses from rows in any order: sorted by time, one a time, rows without numbers left out; each of these is noted."""
    said = list(notes)
    whole = np.isfinite(place).all(axis=1)
    if geographic:
        whole &= (np.abs(place[:, 0]) <= 90) & (np.abs(place[:, 1]) <= 180)
    if not whole.all():
        said.append(f"{counted(int((~whole).sum()), 'row')} without a usable position left out.")
    kept = np.flatnonzero(whole)
    if (np.diff(times_us[kept]) < 0).any():
        said.append("The rows are not in order of time: they were sorted.")
    order = kept[np.argsort(times_us[kept], kind="stable")]
    first = np.ones(len(order), bool)
    first[1:] = np.diff(times_us[order]) > 0
    if not first.all():
        said.append(f"{counted(int((~first).sum()), 'row')} with a time that was there already left out.")
    order = order[first]
    nothing = np.full(len(times_us), np.nan)
    return Poses(
        times_us[order],
        place[order],
        heading[order],
        geographic,
        utc,
        source,
        (nothing if quality is None else quality)[order],
        (nothing if hdop is None else hdop)[order],
        tuple(said),
    )


def counted(number: int, thing: str) -> str:
    """A number with its thing: 1 row, 7 rows."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _wrapped(angle: Numbers) -> Numbers:
    """Angles turned into (-pi, pi]."""
    return np.asarray(np.pi - np.mod(np.pi - angle, 2 * np.pi), np.float64)
