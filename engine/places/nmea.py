"""NMEA 0183 logs of GPS receivers: RMC and GGA of one fix are one pose."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import numpy as np

from engine.jobs import CancelToken
from engine.places.poses import Numbers, Poses, poses_from_rows

_SENTENCE = re.compile(r"\$[A-Z]{2}(?:RMC|GGA),[^$\r\n]*")
_DAY_US = 86_400_000_000
_POOR = 5.0
_KNOT_MPS = 0.514444
_COURSE_FROM_MPS = 0.5
"""A receiver that moves more slowly than this does not know its course."""


@dataclass
class _Fix:
    """What the sentences of one time of day say."""

    clock_us: int
    latitude: float = math.nan
    longitude: float = math.nan
    day: int | None = None
    quality: float = math.nan
    hdop: float = math.nan
    heading: float = math.nan
    void: bool = False


def is_nmea(lines: Sequence[str]) -> bool:
    """Whether there is an RMC or GGA sentence among the first lines."""
    return any(_SENTENCE.search(line) for line in lines[:200])


def parse_nmea(lines: Sequence[str], name: str, cancel: CancelToken | None = None) -> Poses:
    """The fixes of a log, in UTC.

    RMC and GGA of one time are one fix. GGA has no date: it has that of the RMC before it, one day on where the clock has
    passed midnight since. Stationary fixes are kept. Fixes that the receiver calls void, sentences whose checksum is wrong
    and those that cannot be read are left out, counted and noted.
    """
    fixes: list[_Fix] = []
    damaged = unreadable = 0
    for number, line in enumerate(lines):
        if cancel is not None and number % 100 == 0:
            cancel.check()
        found = _SENTENCE.search(line)
        if found is None:
            continue
        sentence = _parsed(found.group())
        if sentence == "checksum":
            damaged += 1
        elif sentence is None or not isinstance(sentence.timestamp, time):
            unreadable += 1
        else:
            _take(sentence, fixes)
    notes = []
    if damaged:
        notes.append(f"{damaged} sentence{'s' if damaged > 1 else ''} with a wrong checksum left out.")
    if unreadable:
        notes.append(f"{unreadable} sentence{'s' if unreadable > 1 else ''} that cannot be read left out.")
    dated = _date(fixes)
    if fixes and not dated:
        notes.append("The log has no date (no RMC sentence): its times are times of a day.")
    void = [fix for fix in fixes if fix.void or math.isnan(fix.latitude)]
    if void:
        notes.append(f"{len(void)} fix{'es' if len(void) > 1 else ''} without a position (void) left out.")
    kept = [fix for fix in fixes if not fix.void]
    poor = sum(fix.hdop > _POOR for fix in kept)
    if poor:
        notes.append(f"{poor} of {len(kept)} fixes have a dilution of precision above {_POOR:g}: they can be tens of metres off.")
    return poses_from_rows(
        np.array([(fix.day or 0) * _DAY_US + fix.clock_us for fix in kept], np.int64),
        np.array([(fix.latitude, fix.longitude) for fix in kept], np.float64).reshape(-1, 2),
        _standing_kept(np.array([fix.heading for fix in kept], np.float64)),
        geographic=True,
        utc=dated,
        source=f"NMEA log {name}",
        notes=notes,
        quality=np.array([fix.quality for fix in kept], np.float64),
        hdop=np.array([fix.hdop for fix in kept], np.float64),
    )


def _parsed(text: str) -> Any:
    import pynmea2

    try:
        return pynmea2.parse(text)
    except pynmea2.ChecksumError:
        return "checksum"
    except (pynmea2.ParseError, ValueError):
        return None


def _take(sentence: Any, fixes: list[_Fix]) -> None:
    at: time = sentence.timestamp
    clock_us = ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond
    if not fixes or fixes[-1].clock_us != clock_us:
        fixes.append(_Fix(clock_us))
    fix = fixes[-1]
    try:
        if sentence.lat and sentence.lon:
            fix.latitude, fix.longitude = float(sentence.latitude), float(sentence.longitude)
        if sentence.sentence_type == "RMC":
            fix.void |= sentence.status != "A"
            if isinstance(sentence.datestamp, date):
                fix.day = (sentence.datestamp - date(1970, 1, 1)) // timedelta(days=1)
            speed, course = sentence.spd_over_grnd, sentence.true_course
            if course is not None and speed is not None and float(speed) * _KNOT_MPS >= _COURSE_FROM_MPS:
                fix.heading = math.pi / 2 - math.radians(float(course))
        else:
            fix.quality = float(sentence.gps_qual)
            fix.void |= fix.quality == 0
            fix.hdop = float(sentence.horizontal_dil or math.nan)
    except (ValueError, TypeError, AttributeError):  # a field that is no number: what is known of the fix stays
        fix.void |= math.isnan(fix.latitude)


def _date(fixes: list[_Fix]) -> bool:
    """Give every fix the day of the dated one before it (after it, at the start), counting midnights; False without any."""
    first = next((index for index, fix in enumerate(fixes) if fix.day is not None), None)
    start = 0 if first is None else first
    for index in range(start - 1, -1, -1):
        after = fixes[index + 1]
        fixes[index].day = (after.day or 0) - (fixes[index].clock_us > after.clock_us + _DAY_US // 2)
    if first is None and fixes:
        fixes[0].day = 0
    for index in range(start + 1, len(fixes)):
        before, fix = fixes[index - 1], fixes[index]
        if fix.day is None:
            fix.day = (before.day or 0) + (fix.clock_us < before.clock_us - _DAY_US // 2)
    return first is not None


def _standing_kept(heading: Numbers) -> Numbers:
    """A receiver that stands does not know where it points: it points where it did when it came to stand."""
    known = np.isfinite(heading)
    if not known.any():
        return heading
    last = np.maximum.accumulate(np.where(known, np.arange(len(heading)), -1))
    return heading[np.where(last >= 0, last, int(np.argmax(known)))]
