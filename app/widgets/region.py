"""Dragging a rectangle on a picture of pixels: what a press takes hold of, and what a drag makes of it. Knows no widget."""

from collections.abc import Sequence
from dataclasses import dataclass

Region = tuple[int, int, int, int]  # left, top, width, height
Size = tuple[int, int]

LENS_SIZES = (7, 80, 128)
"""Sides of the regions that LENS's own settings use: Brisbane on a Speck (7), its default (80), a whole Speck (128)."""


@dataclass(frozen=True)
class Rules:
    """What a dragged region has to keep to.

    Attributes:
        sensor: (width, height) in pixels.
        square: both sides the same.
        snaps: lengths that a side jumps to when it comes within `reach` pixels of them.
        multiples: (columns, rows): a side jumps to multiples of these, so that the grid divides it.
    """

    sensor: Size
    square: bool = False
    snaps: Sequence[int] = LENS_SIZES
    multiples: Size = (1, 1)
    reach: float = 3.0


@dataclass(frozen=True)
class Grip:
    """What the mouse took hold of: -1, 0, 1 for left, middle, right and for top, middle, bottom; both 0 moves the whole."""

    horizontal: int
    vertical: int

    @property
    def moves(self) -> bool:
        """Whether the whole region moves."""
        return not (self.horizontal or self.vertical)


def grip_at(region: Region | None, x: float, y: float, reach: float) -> Grip | None:
    """What a press at (x, y) takes hold of; None off the region: a new one begins."""
    if region is None:
        return None
    left, top, width, height = region
    right, bottom = left + width, top + height
    if not (left - reach <= x <= right + reach and top - reach <= y <= bottom + reach):
        return None
    horizontal = -1 if abs(x - left) <= reach else 1 if abs(x - right) <= reach else 0
    vertical = -1 if abs(y - top) <= reach else 1 if abs(y - bottom) <= reach else 0
    return Grip(horizontal, vertical)


def dragged(region: Region, grip: Grip, start: tuple[float, float], now: tuple[float, float], rules: Rules) -> Region:
    """The region after a drag from `start` to `now` (pixels of the sensor)."""
    left, top, width, height = region
    if grip.moves:
        x = round(left + now[0] - start[0])
        y = round(top + now[1] - start[1])
        return (min(max(x, 0), rules.sensor[0] - width), min(max(y, 0), rules.sensor[1] - height), width, height)
    anchor = (left if grip.horizontal >= 0 else left + width, top if grip.vertical >= 0 else top + height)
    far = (
        now[0] if grip.horizontal else (left + width),
        now[1] if grip.vertical else (top + height),
    )
    return spanned(anchor, far, rules, (grip.horizontal != 0, grip.vertical != 0))


def spanned(anchor: Size, far: tuple[float, float], rules: Rules, free: tuple[bool, bool] = (True, True)) -> Region:
    """The region from a fixed corner towards a point; `free` says which sides the mouse leads."""
    towards = [1 if far[axis] >= anchor[axis] else -1 for axis in (0, 1)]
    room = [rules.sensor[axis] - anchor[axis] if towards[axis] > 0 else anchor[axis] for axis in (0, 1)]
    for axis in (0, 1):
        if room[axis] < 1:  # at the sensor's edge: only the other way is left
            towards[axis], room[axis] = -towards[axis], rules.sensor[axis]
    sides = [abs(far[axis] - anchor[axis]) for axis in (0, 1)]
    if rules.square:
        lead = max(side for side, led in zip(sides, free, strict=True) if led)
        sides, room = [lead, lead], [min(room), min(room)]
    lengths = [
        snapped(sides[axis], rules, axis, room[axis]) if free[axis] or rules.square else round(sides[axis]) for axis in (0, 1)
    ]
    if rules.square:
        lengths = [min(lengths)] * 2
    corner = [anchor[axis] if towards[axis] > 0 else anchor[axis] - lengths[axis] for axis in (0, 1)]
    return (corner[0], corner[1], lengths[0], lengths[1])


def snapped(length: float, rules: Rules, axis: int, room: int) -> int:
    """A side's length in whole pixels: one of the snaps if near, else a multiple of the grid if near, within the room."""
    wishes = [snap for snap in rules.snaps if abs(snap - length) <= rules.reach]
    step = rules.multiples[axis]
    nearest = max(round(length / step), 1) * step
    if not wishes and abs(nearest - length) <= max(rules.reach, 0.5):
        wishes = [nearest]
    best = min(wishes, key=lambda wish: abs(wish - length)) if wishes else round(length)
    return min(max(best, 1), max(room, 1))


def centred(size: Size, sensor: Size) -> Region:
    """A region of this size in the sensor's middle, no larger than it."""
    width, height = min(size[0], sensor[0]), min(size[1], sensor[1])
    return ((sensor[0] - width) // 2, (sensor[1] - height) // 2, width, height)
