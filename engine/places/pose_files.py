"""Pose logs as files: NMEA, GPX, CSV with named columns, TUM trajectories; which one it is, the content says."""

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.jobs import CancelToken
from engine.places.nmea import is_nmea, parse_nmea
from engine.places.poses import Numbers, Poses, counted, poses_from_rows

_LARGEST = 256 * 1024 * 1024
_MOST_KEPT = 8
_kept: OrderedDict[tuple[str, int, int], Poses] = OrderedDict()
"""Logs by path, time of change and size: the positions of one traverse are asked for again and again."""
_lock = threading.Lock()
Columns = Callable[[int | None], Numbers]
_FORMS = "NMEA (RMC or GGA), GPX, CSV with named columns (time and x, y or latitude, longitude), or a TUM trajectory"


def read_poses(path: Path, cancel: CancelToken | None = None) -> Poses:
    """Read a log of poses, by its content; one that has not changed since it was read last is not read again.

    Args:
        path: the log.
        cancel: checked some hundred times a second.

    Raises:
        BadInput: missing, too large, of no known form, or without a single usable pose; the sentence says what is wrong.
        JobCancelled: stopped.
    """
    try:
        state = path.stat()
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: choose the log of poses again.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    if state.st_size > _LARGEST:
        raise BadInput(f"{path} has {state.st_size >> 20} MiB: logs of poses of up to {_LARGEST >> 20} MiB are read.")
    key = (str(path.absolute()), state.st_mtime_ns, state.st_size)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    poses = _read(path, cancel)
    with _lock:
        _kept[key] = poses
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return poses


def _read(path: Path, cancel: CancelToken | None) -> Poses:
    text = _text(path)
    lines = text.splitlines()
    if "<gpx" in text[:4096].lower():
        return _checked(_gpx(text, path), path)
    if is_nmea(lines):
        return _checked(parse_nmea(lines, path.name, cancel), path)
    content = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if content and _is_tum(content[0]):
        return _checked(_tum(content, path), path)
    # A CSV's header may be a comment.
    named = [line.lstrip("# ") for line in lines if line.strip()]
    if named and re.search(r"[A-Za-z]", named[0]):
        return _checked(_table(named, path), path)
    raise BadInput(f"{path} is no log of poses that is read: give {_FORMS}.")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    if b"\0" in content[:4096]:
        raise BadInput(f"{path} is not text: give {_FORMS}.")
    return content.decode("utf-8-sig", errors="replace")


def _checked(poses: Poses, path: Path) -> Poses:
    if len(poses) == 0:
        raise BadInput(f"{path} has no usable pose: {' '.join(poses.notes) or 'it is empty.'}")
    return poses


# -- GPX


def _gpx(text: str, path: Path) -> Poses:
    if "<!doctype" in text[:4096].lower() or "<!entity" in text.lower():
        raise BadInput(f"{path} defines XML entities, which no GPX log needs: it is not read.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadInput(f"{path} is broken XML ({error}): export the track again.") from None
    times, places, hdop, timeless = [], [], [], 0
    for point in root.iter():
        if not isinstance(point.tag, str) or point.tag.rpartition("}")[2] != "trkpt":
            continue
        parts = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in point}
        when = _iso_us(parts.get("time", ""))
        if when is None:
            timeless += 1
            continue
        times.append(when)
        places.append((_number(point.get("lat", "")), _number(point.get("lon", ""))))
        hdop.append(_number(parts.get("hdop", "")))
    notes = [f"{counted(timeless, 'point')} without a time left out."] if timeless else []
    return poses_from_rows(
        np.array(times, np.int64),
        np.array(places, np.float64).reshape(-1, 2),
        np.full(len(times), np.nan),
        geographic=True,
        utc=True,
        source=f"GPX track {path.name}",
        notes=notes,
        hdop=np.array(hdop, np.float64),
    )


def _iso_us(text: str) -> int | None:
    """Microseconds since 1970 of an ISO 8601 date and time; UTC where it names no zone."""
    try:
        when = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# -- TUM


def _is_tum(line: str) -> bool:
    parts = line.split()
    return len(parts) == 8 and not any(math.isnan(_number(part)) for part in parts)


def _tum(lines: Sequence[str], path: Path) -> Poses:
    rows = [[_number(part) for part in line.split()] for line in lines]
    whole = [row for row in rows if len(row) == 8 and not any(map(math.isnan, row))]
    notes = [f"{counted(len(rows) - len(whole), 'line')} without eight numbers left out."] if len(whole) < len(rows) else []
    values = np.array(whole, np.float64)
    times = _microseconds([line.split()[0] for line in lines if _is_tum(line)], 1e6)
    return poses_from_rows(
        times,
        values[:, 1:3],
        _yaw(values[:, 4], values[:, 5], values[:, 6], values[:, 7]),
        geographic=False,
        utc=bool(np.median(times) > 1e14),  # since 1970 in microseconds: later than 1973
        source=f"TUM trajectory {path.name}",
        notes=notes,
    )


def _yaw(x: Numbers, y: Numbers, z: Numbers, w: Numbers) -> Numbers:
    """The heading of a quaternion: where the robot's x axis points, seen from above."""
    return np.asarray(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)), np.float64)


def _microseconds(texts: Sequence[str], factor: float) -> NDArray[np.int64]:
    """Numbers of time as whole microseconds; those since 1970 would lose their last digits as floats."""
    made = np.zeros(len(texts), np.int64)
    for index, text in enumerate(texts):
        whole, point, rest = text.strip().partition(".")
        if factor == 1e6 and point and whole.lstrip("+-").isdecimal() and rest.isdecimal():
            sign = -1 if whole.startswith("-") else 1
            made[index] = int(whole) * 1_000_000 + sign * round(float("0." + rest) * 1e6)
        elif text.strip().lstrip("+-").isdecimal() and factor >= 1:
            made[index] = int(text) * int(factor)
        else:
            made[index] = round(float(text) * factor)
    return made


# -- CSV

_TIMES = {
    "us": 1.0, "ms": 1e3, "ns": 1e-3, "s": 1e6, "sec": 1e6, "secs": 1e6, "seconds": 1e6, "usec": 1.0, "nsec": 1e-3, "msec": 1e3,
}  # fmt: skip
_X = ("x", "x_m", "east", "east_m", "easting", "e", "pos_x", "position_x", "p_x", "px", "tx", "t_x")
_Y = ("y", "y_m", "north", "north_m", "northing", "n", "pos_y", "position_y", "p_y", "py", "ty", "t_y")
_LATITUDE = ("latitude", "lat", "latitude_deg", "lat_deg", "gps_latitude", "gps_lat")
_LONGITUDE = ("longitude", "lon", "lng", "long", "longitude_deg", "lon_deg", "gps_longitude", "gps_lon")
_HEADING = ("heading", "heading_rad", "yaw", "yaw_rad", "theta", "theta_rad")
_HEADING_DEG = ("heading_deg", "yaw_deg", "theta_deg")
_COURSE = ("course", "course_deg", "bearing", "bearing_deg", "azimuth", "azimuth_deg", "cog", "track")
_QUATERNION = tuple((f"q{axis}", f"q_{axis}", f"orientation_{axis}") for axis in "xyzw")


def _table(lines: Sequence[str], path: Path) -> Poses:
    delimiter = next((sign for sign in (",", ";", "\t") if sign in lines[0]), None)
    names = [_plain(name) for name in lines[0].split(delimiter)]
    columns = {name: index for index, name in reversed(list(enumerate(names)))}
    clock = _time_column(columns)
    x, y, geographic = _place_columns(columns)
    if clock is None or x is None or y is None:
        missing = "a column of time" if clock is None else "columns x and y, or latitude and longitude"
        raise BadInput(f"{path} needs {missing}, but its first line is {lines[0].strip()!r}: name its columns so.")
    rows = [[part.strip().strip('"') for part in line.split(delimiter)] for line in lines[1:] if not line.startswith("#")]
    whole = [row for row in rows if len(row) >= len(names) and _readable(row[clock])]
    notes = [f"{counted(len(rows) - len(whole), 'row')} without a time or cut short left out."] if len(whole) < len(rows) else []
    times, unit, utc = _times([row[clock] for row in whole], names[clock])

    def column(index: int | None) -> Numbers:
        return np.array([_number(row[index]) for row in whole] if index is not None else [np.nan] * len(whole), np.float64)

    notes.append(f"Times are read as {unit}{' since 1970' if utc else ''}.")
    return poses_from_rows(
        times,
        np.stack([column(x), column(y)], axis=1),
        _table_heading(columns, column),
        geographic=geographic,
        utc=utc,
        source=f"{'GPS' if geographic else 'Pose'} table {path.name}",
        notes=notes,
    )


def _plain(name: str) -> str:
    """A column's name in small letters: "Time [s]" and "field.pose.position.x" become "time_s" and "position_x"."""
    bare = re.sub(r"[\s\[\]()/\-]+", "_", name.strip().strip('"%').lower()).strip("_")
    parts = [part for part in bare.split(".") if part not in ("field", "pose", "")]
    return "_".join(parts[-2:])


def _first(columns: dict[str, int], names: Sequence[str]) -> int | None:
    return next((columns[name] for name in names if name in columns), None)


def _time_column(columns: dict[str, int]) -> int | None:
    exact = _first(columns, ("time", "timestamp", "t", "stamp", "utc", "datetime", "date_time", "seconds", "sec"))
    if exact is not None:
        return exact
    stems = ("time", "timestamp", "t", "stamp", "utc", "gps_time", "unix", "header_stamp", "unix_time")
    return _first(columns, [f"{stem}_{unit}" for stem in stems for unit in _TIMES])


def _place_columns(columns: dict[str, int]) -> tuple[int | None, int | None, bool]:
    latitude, longitude = _first(columns, _LATITUDE), _first(columns, _LONGITUDE)
    x, y = _first(columns, _X), _first(columns, _Y)
    if x is not None and y is not None:
        return x, y, False
    return latitude, longitude, True


def _table_heading(columns: dict[str, int], column: Columns) -> Numbers:
    quaternion = [_first(columns, names) for names in _QUATERNION]
    if None not in quaternion:
        return _yaw(*(column(index) for index in quaternion))
    radians, degrees, course = (_first(columns, names) for names in (_HEADING, _HEADING_DEG, _COURSE))
    if radians is not None:
        return column(radians)
    if degrees is not None:
        return np.asarray(np.radians(column(degrees)), np.float64)
    return np.asarray(np.pi / 2 - np.radians(column(course)), np.float64)


def _readable(text: str) -> bool:
    return not math.isnan(_number(text)) or _iso_us(text) is not None


def _times(texts: Sequence[str], name: str) -> tuple[NDArray[np.int64], str, bool]:
    """Microseconds, the unit for people, and whether they are since 1970."""
    if not texts:
        return np.zeros(0, np.int64), "seconds", False
    if all(math.isnan(_number(text)) for text in texts):
        return np.array([_iso_us(text) or 0 for text in texts], np.int64), "dates", True
    values = [text for text in texts if not math.isnan(_number(text))]
    if len(values) < len(texts):
        raise BadInput(f"The column {name} mixes numbers and dates: give one of them.")
    unit = name.rpartition("_")[2]
    factor = _TIMES.get(unit, 0.0)
    if not factor or unit == name:
        # A bare "time": seconds, unless the numbers can only be since 1970 in a smaller unit.
        middle = abs(_number(values[len(values) // 2]))
        factor = next(f for limit, f in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (math.inf, 1e-3)) if middle < limit)
    words = {1.0: "microseconds", 1e3: "milliseconds", 1e-3: "nanoseconds", 1e6: "seconds"}[factor]
    made = _microseconds(values, factor)
    return made, words, bool(np.median(made) > 1e14)
