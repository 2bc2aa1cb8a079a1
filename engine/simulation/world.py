"""The synthetic world as one traverse finds it: painted ahead of the camera, forgotten behind it."""

import math

import numpy as np
from numpy.typing import NDArray

from engine.native import render_frames
from engine.simulation import corridor, street
from engine.simulation.canvas import BLOCK_M
from engine.simulation.motion import Motion
from engine.simulation.parameters import CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.route import SECTION_M, Route
from engine.simulation.sprites import sprites
from engine.simulation.street import Thing
from engine.simulation.textures import Floats, RipMap

_RING_BLOCKS = 8
_RING_M = BLOCK_M * _RING_BLOCKS  # more than the farthest view and the block at either end


class World:
    """Renders what a camera sees along the route under given conditions; memory does not grow with the length."""

    def __init__(self, parameters: WorldParameters, conditions: TraverseConditions, camera: CameraParameters) -> None:
        self.route = Route(parameters)
        self._parameters, self._camera = parameters, camera
        self._painter = (
            street.Street(parameters, conditions) if parameters.kind == "street" else corridor.Corridor(parameters, conditions)
        )
        self._planes = self._empty_planes()
        sprite_maps = sprites()
        self._sprite_index = {name: index for index, name in enumerate(sprite_maps)}
        self._sprites = [sprite.data() for sprite in sprite_maps.values()]
        self._things: dict[int, list[Thing]] = {}
        self._focal = 0.5 * camera.width / math.tan(math.radians(camera.field_of_view_deg) / 2)

    def _empty_planes(self) -> list[RipMap]:
        """Left wall, right wall, ground, then the ceiling or both kerb planes."""

        def plane(channels: int, density: tuple[float, float], size_v: int, origin: float) -> RipMap:
            size = (round(_RING_M * density[0]), size_v)
            # The coarsest texel must fit into a block a whole number of times.
            levels = (round(BLOCK_M * density[0]).bit_length() - 2, size_v.bit_length() - 2)
            return RipMap(channels, size, levels, density, origin, wraps=True)

        if isinstance(self._painter, street.Street):
            upright = (street.DENSITY, street.DENSITY)
            return [
                plane(2, upright, street.WALL_SIZE, 0.0),
                plane(2, upright, street.WALL_SIZE, 0.0),
                plane(1, (street.DENSITY, street.GROUND_DENSITY), street.GROUND_SIZE, -street.HALF_WIDTH),
                plane(2, upright, street.KERB_SIZE, 0.0),
                plane(2, upright, street.KERB_SIZE, 0.0),
            ]
        upright, flat = (corridor.DENSITY, corridor.DENSITY), (corridor.DENSITY, corridor.FLOOR_DENSITY)
        return [
            plane(1, upright, corridor.SIZE, 0.0),
            plane(1, upright, corridor.SIZE, 0.0),
            plane(1, flat, corridor.SIZE, -corridor.HALF_WIDTH),
            plane(1, flat, corridor.SIZE, -corridor.HALF_WIDTH),
        ]

    def _paint(self, block: int) -> None:
        start, painter = block * BLOCK_M, self._painter
        painted = [painter.wall(0, start), painter.wall(1, start), painter.ground(start)]
        if isinstance(painter, street.Street):
            painted += [painter.ahead(0, start), painter.ahead(1, start)]
        else:
            painted.append(painter.roof(start))
        for plane, values in zip(self._planes, painted, strict=True):
            plane.paint((block % _RING_BLOCKS) * values.shape[1], values)
        self._things[block] = painter.things(start)

    def _prepare(self, nearest: float, farthest: float) -> None:
        """Paint what is seen between two distances, and forget the things before."""
        first, last = math.floor((nearest - 1) / BLOCK_M), math.floor(farthest / BLOCK_M)
        for block in [block for block in self._things if block < first]:
            del self._things[block]
        for block in range(first, last + 1):
            if block not in self._things:
                self._paint(block)

    @property
    def edge_pixels_per_metre(self) -> float:
        """How far the kerb, or a corridor's wall, moves at the edge of the picture when the camera goes a metre."""
        edge = 0.5 * self._camera.width
        return edge * edge / ((self._painter.kerb or self._painter.half_width) * self._focal)

    @property
    def constants(self) -> Floats:
        """What the renderer needs besides textures: see engine.native.render_frames."""
        painter = self._painter
        view = self._parameters.view_m
        return np.array(
            [self._focal, view, painter.half_width, painter.ceiling, painter.kerb, painter.haze, painter.sky], np.float32
        )

    def arguments(self, motion: Motion) -> tuple[object, ...]:
        """Everything that engine.native.render_frames takes before the number of threads.

        Distances and positions are told relative to the start of the ring, so that float32 is as fine at the end of a
        long route as at its start.
        """
        nearest, farthest = float(motion.distance.min()), float(motion.distance.max()) + self._parameters.view_m
        self._prepare(nearest, farthest)
        zero = _RING_M * math.floor(max(nearest - 1, 0.0) / _RING_M)
        first = max(math.floor((nearest - 1) / SECTION_M), 0)
        count = math.ceil((farthest + 1) / SECTION_M) - first + 2
        points = self.route.sections(first, count)
        origin = points[0]
        angle = self.route.heading(np.asarray((first + np.arange(count)) * SECTION_M, np.float64))
        sections = np.column_stack([points - origin, np.cos(angle), np.sin(angle)]).astype(np.float32)
        heading = self.route.heading(motion.distance) + motion.swing
        place = self.route.place(motion.distance, motion.left) - origin
        mount = np.full(len(heading), self._camera.mount_height_m)
        rows = self._focal * np.tan(motion.pitch)
        cameras = np.column_stack([place, np.cos(heading), np.sin(heading), mount, rows, motion.distance - zero]).astype(
            np.float32
        )
        return (
            cameras,
            sections,
            first * SECTION_M - zero,
            SECTION_M,
            [plane.data() for plane in self._planes],
            self._sprites,
            self._boards(nearest, farthest, origin, zero),
            self.constants,
            self._camera.width,
            self._camera.height,
        )

    def _boards(self, nearest: float, farthest: float, origin: NDArray[np.float64], zero: float) -> Floats:
        things = [thing for block in self._things.values() for thing in block if nearest <= thing.distance <= farthest]
        # Far ones first; those that are as far in the order in which they were put up.
        things.sort(key=lambda thing: -thing.distance)
        distance = np.array([thing.distance for thing in things])
        boards = np.zeros((len(things), 12), np.float32)
        if things:
            angle = self.route.heading(distance)
            boards[:, 0] = distance - zero
            boards[:, 1:3] = self.route.position(distance) - origin
            boards[:, 3], boards[:, 4] = np.cos(angle), np.sin(angle)
            boards[:, 5:] = [
                (t.left, t.half_width, t.bottom, t.top, self._sprite_index[t.sprite], t.gain, t.front) for t in things
            ]
        return boards

    def render(self, motion: Motion, threads: int = 0) -> Floats:
        """Luminance frames (n, height, width) of n moments within a few metres of each other; 1 is a white wall at noon."""
        return np.asarray(render_frames(*self.arguments(motion), threads))
