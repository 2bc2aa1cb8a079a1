"""Poses as files that others read: CSV and NMEA."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.parameters import Parameters, parameter
from engine.simulation.traverse import Poses
from engine.storage import replacing


class GpsParameters(Parameters):
    """Where on Earth the synthetic route lies, and how well its receiver works."""

    latitude_deg: float = parameter(-27.4698, "Latitude of the route's start.", unit="°", ge=-80, le=80)
    longitude_deg: float = parameter(153.0251, "Longitude of the route's start.", unit="°", ge=-179, le=179)
    altitude_m: float = parameter(20.0, "Height above the sea.", unit="m", ge=-400, le=8000)
    start_utc: datetime = parameter(datetime(2026, 3, 1, 2, 0, 0), "UTC at the events' time 0.")
    noise_m: float = parameter(0.3, "Standard deviation of the receiver's slow wandering, east and north.", unit="m", ge=0, le=50)
    seed: int = parameter(1, "The seed of the wandering.", ge=0, le=2**31 - 1)


def _projection(gps: GpsParameters) -> str:
    return f"+proj=aeqd +lat_0={gps.latitude_deg:.9f} +lon_0={gps.longitude_deg:.9f} +datum=WGS84 +units=m"


def to_geographic(
    gps: GpsParameters, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude in degrees of points east (x) and north (y) of the route's start in metres."""
    from pyproj import Transformer

    longitude, latitude = Transformer.from_crs(_projection(gps), "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(latitude), np.asarray(longitude)


def to_metres(
    gps: GpsParameters, latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres east (x) and north (y) of the route's start of points given in degrees."""
    from pyproj import Transformer

    x, y = Transformer.from_crs("EPSG:4326", _projection(gps), always_xy=True).transform(longitude, latitude)
    return np.asarray(x), np.asarray(y)


def _degrees_minutes(value: float, digits: int) -> str:
    """ddmm.mmmmm as NMEA writes it."""
    total = round(abs(value) * 60, 5)
    degrees = int(total // 60)
    return f"{degrees:0{digits}d}{total - 60 * degrees:08.5f}"


def _wandering(gps: GpsParameters, count: int) -> NDArray[np.float64]:
    """A stationary first-order walk (count, 2) with a memory of 20 fixes, as a receiver's error has."""
    random = np.random.default_rng([gps.seed, 0x6B5])
    memory = math.exp(-1 / 20)
    walk = np.zeros((count, 2))
    state = random.standard_normal(2)
    for index in range(count):
        walk[index] = state
        state = memory * state + math.sqrt(1 - memory**2) * random.standard_normal(2)
    return gps.noise_m * walk


def nmea_sentences(poses: Poses, gps: GpsParameters) -> Iterator[str]:
    """RMC and GGA with valid checksums, once a second, as a receiver of 1 Hz logs them."""
    import pynmea2

    last = int(poses.time_us[-1]) // 1_000_000 if len(poses.time_us) else -1
    seconds = np.arange(0, last + 1)
    times = seconds * 1e6
    east, north = (np.interp(times, poses.time_us, axis) for axis in (poses.x, poses.y))
    # Speed and course between half a second before and after, as a receiver smooths them.
    before, after = (
        np.stack([np.interp(times + shift, poses.time_us, axis) for axis in (poses.x, poses.y)], 1) for shift in (-5e5, 5e5)
    )
    covered = np.minimum(times + 5e5, poses.time_us[-1]) - np.maximum(times - 5e5, poses.time_us[0]) if len(seconds) else times
    velocity = (after - before) / np.maximum(covered, 1.0)[:, None] * 1e6
    wandering = _wandering(gps, len(seconds))
    latitudes, longitudes = to_geographic(gps, east + wandering[:, 0], north + wandering[:, 1])
    for index, second in enumerate(seconds):
        utc = gps.start_utc + timedelta(seconds=int(second))
        clock = utc.strftime("%H%M%S.00")
        latitude, longitude = float(latitudes[index]), float(longitudes[index])
        place = (
            _degrees_minutes(latitude, 2),
            "N" if latitude >= 0 else "S",
            _degrees_minutes(longitude, 3),
            "E" if longitude >= 0 else "W",
        )
        speed = float(np.hypot(*velocity[index]))
        course = math.degrees(math.atan2(velocity[index, 0], velocity[index, 1])) % 360
        yield str(
            pynmea2.RMC(
                "GP", "RMC", (clock, "A", *place, f"{speed / 0.514444:.2f}", f"{course:.1f}", utc.strftime("%d%m%y"), "", "", "A")
            )
        )
        yield str(pynmea2.GGA("GP", "GGA", (clock, *place, "1", "10", "0.9", f"{gps.altitude_m:.1f}", "M", "0.0", "M", "", "")))


def write_nmea(path: Path, poses: Poses, gps: GpsParameters) -> None:
    """Write the NMEA log of a traverse, whole or not at all."""
    with replacing(path) as part:
        part.write_text("".join(sentence + "\r\n" for sentence in nmea_sentences(poses, gps)), encoding="ascii", newline="")


def write_poses(path: Path, poses: Poses) -> None:
    """Write time_us,x,y,heading (us, m, m, radians) as CSV, whole or not at all."""
    with replacing(path) as part, part.open("w", encoding="ascii", newline="\n") as file:
        file.write("time_us,x,y,heading\n")
        for time, x, y, heading in zip(poses.time_us, poses.x, poses.y, poses.heading, strict=True):
            file.write(f"{time},{x:.4f},{y:.4f},{heading:.6f}\n")
