"""The renderer of the synthetic world in NumPy: one frame at a time, all columns at once.

A texture is a tuple (values (channels, texels), (levels_u, levels_v, size_u, size_v, wraps), (density_u, density_v,
origin_v)): a rip map, that is, every combination of halvings along and across, one level after the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Texture = tuple[Floats, tuple[int, int, int, int, bool], tuple[float, float, float]]
_F = np.float32


def _level(footprint: Any, levels: int) -> tuple[Any, Any]:
    """Index of the finer level and the share of the coarser one, for a footprint in texels."""
    mantissa, exponent = np.frexp(np.asarray(footprint, _F))
    index = exponent - 1
    part = _F(2) * mantissa - _F(1)
    top = index >= levels - 1
    small = ~(np.asarray(footprint) > 1)
    return np.where(small, 0, np.where(top, levels - 1, index)), np.where(small | top, _F(0), part)


def _read(texture: Texture, u: Any, v: Any, level_u: tuple[Any, Any], level_v: tuple[Any, Any]) -> Any:
    """Filtered texels (channels, *shape) at texel coordinates u and v."""
    values, (_, levels_v, size_u, size_v, wraps), _ = texture
    u, v, iu, pu, iv, pv = np.broadcast_arrays(u, v, level_u[0], level_u[1], level_v[0], level_v[1])
    total = np.zeros((values.shape[0], *u.shape), _F)
    row = 2 * size_v - (size_v >> (levels_v - 1))
    for a in (0, 1):
        i = np.where(pu > 0, iu + a, iu)
        n_u = size_u >> i
        at_u = u / (1 << i).astype(_F) - _F(0.5)
        if not wraps:
            at_u = np.clip(at_u, 0, n_u - 1)
        u0 = np.floor(at_u).astype(np.int64)
        within_u = at_u - np.floor(at_u)
        u0, u1 = (u0 & (n_u - 1), (u0 + 1) & (n_u - 1)) if wraps else (u0, np.minimum(u0 + 1, n_u - 1))
        for b in (0, 1):
            j = np.where(pv > 0, iv + b, iv)
            n_v = size_v >> j
            at_v = np.clip(v / (1 << j).astype(_F) - _F(0.5), 0, n_v - 1)
            v0 = at_v.astype(np.int64)
            v1 = np.minimum(v0 + 1, n_v - 1)
            within_v = at_v - v0
            share = (pu if a else 1 - pu) * (pv if b else 1 - pv)
            start = (2 * size_u - 2 * n_u) * row + n_u * (2 * size_v - 2 * n_v)
            low = values[:, start + u0 * n_v + v0] * (1 - within_v) + values[:, start + u0 * n_v + v1] * within_v
            high = values[:, start + u1 * n_v + v0] * (1 - within_v) + values[:, start + u1 * n_v + v1] * within_v
            total += (share * (low * (1 - within_u) + high * within_u)).astype(_F)
    return total


def _haze(depth: Any, view: float) -> Any:
    part = np.clip((depth - 0.35 * view) / (0.65 * view), 0, 1)
    return part * part * (3 - 2 * part)


class _Frame:
    """One frame's geometry, shared by the surfaces."""

    def __init__(
        self,
        camera: Floats,
        sections: Floats,
        start: float,
        step: float,
        constants: Floats,
        width: int,
        height: int,
        kerbed: bool,
    ):
        self.focal, self.view, self.half_width, self.ceiling, self.kerb, self.haze, self.sky = (float(c) for c in constants)
        self.x, self.y, self.cosine, self.sine, self.mount, pitch, self.distance = (float(c) for c in camera)
        self.start, self.step, self.kerbed = start, step, kerbed
        self.width, self.horizon = width, 0.5 * height + pitch
        self.rows = np.arange(height)[:, None]
        self.slope = (self.rows + 0.5 - self.horizon) / self.focal
        self.tangent = (np.arange(width) + 0.5 - 0.5 * width) / self.focal
        first = 0
        while first + 2 < len(sections) and start + (first + 1) * step <= self.distance - 0.5:
            first += 1
        self.first = first
        forward, right, normal_forward, normal_right = self.seen(*sections[first:].astype(np.float64).T)
        across = np.minimum(normal_right[:, None] - self.tangent * normal_forward[:, None], -0.05)
        self.left = (self.tangent * forward[:, None] - right[:, None]) / across
        self.depth = forward[:, None] + self.left * normal_forward[:, None]
        stop = (np.abs(self.left) >= self.half_width) & (self.depth > 0)
        stop[0] = False
        past = self.depth > self.view
        past[0] = False
        ends = stop | past
        self.last = np.where(ends.any(0), ends.argmax(0), len(self.depth) - 1)
        columns = np.arange(width)
        self.wall = self.crossing(self.last, self.half_width)
        none = ~stop[self.last, columns] | (self.wall[1] > self.view)
        self.side = np.where(none, -1, self.wall[3])
        self.wall_depth = np.where(none, self.view, self.wall[1])
        self.kerb_hit = self.crossing(self.last, self.half_width)
        self.kerb_side = np.full(width, -1)
        if kerbed:
            inside, outside = np.abs(self.left[:-1]) < self.kerb, np.abs(self.left[1:]) >= self.kerb
            found = inside & outside & (self.depth[1:] > 0) & (np.arange(1, len(self.depth))[:, None] <= self.last)
            self.kerb_hit = self.crossing(found.argmax(0) + 1, self.kerb)
            self.kerb_side = np.where(found.any(0) & (self.kerb_hit[1] <= self.view), self.kerb_hit[3], -1)

    def seen(self, x: Any, y: Any, cosine: Any, sine: Any) -> tuple[Any, Any, Any, Any]:
        """A cross-section in the camera's frame: forward, right, and the same of its normal to the left."""
        dx, dy = x - self.x, y - self.y
        return (
            dx * self.cosine + dy * self.sine,
            dx * self.sine - dy * self.cosine,
            cosine * self.sine - sine * self.cosine,
            -(sine * self.sine + cosine * self.cosine),
        )

    def crossing(self, index: NDArray[np.int64], limit: float) -> tuple[Any, Any, Any, Any]:
        """Where each column's ray comes to `limit` metres off the middle: along, depth, slope, side."""
        columns = np.arange(self.width)
        start, end = np.abs(self.left[index - 1, columns]), np.abs(self.left[index, columns])
        part = np.clip((limit - start) / np.maximum(end - start, 1e-6), 0, 1)
        along = self.start + (self.first + index - 1 + part) * self.step
        depth = self.depth[index - 1, columns] * (1 - part) + self.depth[index, columns] * part
        slope = np.maximum((end - start) / self.step, 1e-3)
        return along, np.maximum(depth, 0.05), slope, np.where(self.left[index, columns] > 0, 0, 1)

    def flat(self, plane: Texture, drop: float, slope: Any) -> Any:
        """Light of the ground or the ceiling in every pixel, `drop` metres from the lens."""
        row_z = drop / np.maximum(slope, 1e-6)
        z = np.minimum(row_z, self.wall_depth)
        at = np.zeros(z.shape, np.int64)
        for index in range(len(self.depth) - 1):
            at = np.where((at == index) & (index + 1 < self.last) & (self.depth[index + 1] < z), index + 1, at)
        columns = np.arange(self.width)
        part = (z - self.depth[at, columns]) / np.maximum(self.depth[at + 1, columns] - self.depth[at, columns], 1e-6)
        along = self.start + (self.first + at + part) * self.step
        side = self.left[at, columns] * (1 - part) + self.left[at + 1, columns] * part
        (levels_u, levels_v, *_), (density_u, density_v, origin) = plane[1], plane[2]
        u = _level(row_z * row_z / (drop * self.focal) * density_u, levels_u)
        v = _level(row_z / self.focal * density_v, levels_v)
        value = _read(plane, along * density_u, (side - origin) * density_v, u, v)[0]
        haze = _haze(row_z, self.view)
        return value * (1 - haze) + self.haze * haze

    def upright(self, texture: Texture, along: Any, depth: Any, slope: Any) -> Any:
        """Texels of a wall or a kerb plane in every pixel."""
        (levels_u, levels_v, *_), (density_u, density_v, origin) = texture[1], texture[2]
        u = _level(depth / self.focal / slope * density_u, levels_u)
        v = _level(depth / self.focal * density_v, levels_v)
        up = self.mount - self.slope * depth
        return _read(texture, along * density_u, (up - origin) * density_v, u, v), up


def _extent(texture: Texture) -> float:
    return texture[1][3] / texture[2][1]


def _boards(image: Any, frame: _Frame, boards: Floats, sprites: Sequence[Texture], front: bool) -> Any:
    for board in boards.astype(np.float64).tolist():
        section, x, y, cosine, sine, left, half_width, bottom, top, sprite, gain, is_front = board
        if bool(is_front) != front or section < frame.distance + 0.3:
            continue
        forward, right, normal_forward, normal_right = frame.seen(x, y, cosine, sine)
        across = np.minimum(normal_right - frame.tangent * normal_forward, -0.05)
        side = (frame.tangent * forward - right) / across
        z = forward + side * normal_forward
        z = np.where((z < 0.3) | (z > frame.view) | (z > frame.wall_depth + 0.1), np.nan, z)
        pixel = z / frame.focal
        covered = np.clip((half_width - np.abs(side - left)) / pixel + 0.5, 0, 1) * np.minimum(1, 2 * half_width / pixel)
        use = np.flatnonzero(covered > 0)
        if not use.size:
            continue
        side, z, pixel, covered = side[use], z[use], pixel[use], covered[use]
        high, low = frame.horizon - (top - frame.mount) / pixel, frame.horizon - (bottom - frame.mount) / pixel
        rows = np.clip(np.minimum(frame.rows + 1, low) - np.maximum(frame.rows, high), 0, 1)
        texture = sprites[int(sprite)]
        levels_u, levels_v, size_u, size_v, _ = texture[1]
        scale_u, scale_v = size_u / (2 * half_width), size_v / (top - bottom)
        up = frame.mount - (frame.rows + 0.5 - frame.horizon) * pixel
        u, v = _level(pixel * scale_u, levels_u), _level(pixel * scale_v, levels_v)
        value, opacity = _read(texture, (left + half_width - side) * scale_u, (up - bottom) * scale_v, u, v)
        haze, share = _haze(z, frame.view), covered * rows
        lit = gain * value * (1 - haze) + frame.haze * haze * opacity
        image[:, use] = image[:, use] * (1 - share * opacity) + share * lit
    return image


def render_frames(
    cameras: Floats,
    sections: Floats,
    section_start: float,
    section_step: float,
    planes: Sequence[Texture],
    sprites: Sequence[Texture],
    boards: Floats,
    constants: Floats,
    width: int,
    height: int,
    threads: int = 0,
) -> Floats:
    """Luminance frames (n, height, width).

    Args:
        cameras: (n, 7): x, y, cosine and sine of the heading, height of the lens (m), pitch in rows, distance along the route.
        sections: (m, 4), the route's cross-sections: x, y, cosine and sine of its heading.
        section_start: distance along the route of the first section.
        section_step: distance between two.
        planes: left wall, right wall, ground, and the ceiling or both kerb planes.
        sprites: what is painted on the boards.
        boards: (k, 12), far to near: distance along, x, y, cosine, sine, left, half width, bottom, top, sprite, gain, and
            whether they stand in front of the kerb planes.
        constants: focal length (px), view, half width, ceiling, kerb (m), light of the haze and of the sky.
        width: pixels in a row.
        height: pixels in a column.
        threads: not used here.
    """
    del threads
    roofed = len(planes) == 4
    frames = np.zeros((len(cameras), height, width), _F)
    for image, camera in zip(frames, cameras, strict=True):
        frame = _Frame(camera, sections, section_start, section_step, constants, width, height, not roofed)
        depth = frame.wall_depth
        below = frame.horizon + frame.focal * frame.mount / depth
        above = frame.horizon - frame.focal * (frame.ceiling - frame.mount) / depth
        on_ground = np.clip(frame.rows + 1 - below, 0, 1)
        on_ceiling = np.clip(above - frame.rows, 0, 1) if roofed else np.zeros_like(on_ground)
        light = on_ground * frame.flat(planes[2], frame.mount, frame.slope)
        if roofed:
            light += on_ceiling * frame.flat(planes[3], frame.ceiling - frame.mount, -frame.slope)
        backdrop = np.full_like(light, frame.haze)
        if not roofed:
            backdrop += (frame.sky - frame.haze) * np.clip(-frame.slope * 1.5, 0, 1)
        behind = backdrop.copy()
        haze = _haze(depth, frame.view)
        for side in (0, 1):
            texels, up = frame.upright(planes[side], frame.wall[0], depth, frame.wall[2])
            opacity = texels[1] if len(texels) == 2 else np.ones_like(up)
            top = planes[side][2][2] + _extent(planes[side])
            inside = np.clip((top - up) * frame.focal / depth + 0.5, 0, 1)
            seen = backdrop * (1 - opacity * inside) + (texels[0] * (1 - haze) + frame.haze * haze * opacity) * inside
            behind = np.where(frame.side == side, seen, behind)
        light += np.maximum(1 - on_ground - on_ceiling, 0) * behind
        light = _boards(light, frame, boards, sprites, front=False)
        if not roofed:
            along, kerb_depth, slope, _ = frame.kerb_hit
            pixel, haze = kerb_depth / frame.focal, _haze(kerb_depth, frame.view)
            for side in (0, 1):
                texture = planes[3 + side]
                texels, _ = frame.upright(texture, along, kerb_depth, slope)
                origin = texture[2][2]
                top, bottom = (frame.horizon - (level - frame.mount) / pixel for level in (origin + _extent(texture), origin))
                rows = np.clip(np.minimum(frame.rows + 1, bottom) - np.maximum(frame.rows, top), 0, 1)
                lit = texels[0] * (1 - haze) + frame.haze * haze * texels[1]
                light = np.where(frame.kerb_side == side, light * (1 - rows * texels[1]) + rows * lit, light)
        image[:] = _boards(light, frame, boards, sprites, front=True)
    return frames
