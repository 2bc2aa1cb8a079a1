"""A street: two rows of facades, a road with pavements, trees, poles, signs and parked cars."""

from dataclasses import dataclass

import numpy as np

from engine.simulation.canvas import BLOCK_M, CATALOGUE, FACADE, GROUND, PARKED, THING, Canvas, generator, lots
from engine.simulation.parameters import TraverseConditions, WorldParameters
from engine.simulation.textures import Floats

HALF_WIDTH, KERB = 5.0, 2.7
WALL_SIZE, GROUND_SIZE, KERB_SIZE = 128, 256, 32
DENSITY = 16.0
GROUND_DENSITY = GROUND_SIZE / (2 * HALF_WIDTH)
LOT_M = 11.0


@dataclass(frozen=True)
class Thing:
    """A board across the route: where, how large, which sprite, how bright, and whether it stands before the kerb planes."""

    distance: float
    left: float
    half_width: float
    bottom: float
    top: float
    sprite: str
    gain: float
    front: bool


class Street:
    """Paints a street's planes, block by block."""

    half_width, kerb, ceiling = HALF_WIDTH, KERB, 8.0

    def __init__(self, world: WorldParameters, conditions: TraverseConditions) -> None:
        self._world, self._conditions = world, conditions
        self.haze = 0.75 * conditions.light + 0.1 * conditions.lamps
        self.sky = 1.3 * conditions.light + 0.02 * conditions.lamps
        # A facade is lit by the sun on the other side of the street.
        self._wall_light = tuple(conditions.light * (0.55 - sign * 0.4 * conditions.sun_side) for sign in (1, -1))

    def _facade(self, number: int, side: int) -> tuple[bool, float, np.random.Generator]:
        """Whether a building stands on a lot, how high, and the generator of the rest of it."""
        random = generator(self._world.seed, FACADE, side, number)
        return bool(random.random() > 0.14), float(random.uniform(5.2, 7.9)), random

    def _pool(self, distance: Floats) -> Floats:
        """Light of the street lamps along the route, as a share of their strongest."""
        phase = (distance / 24.0) % 1.0 - 0.5
        return np.asarray(np.exp(-((phase * 24.0 / 5.0) ** 2)), np.float32)

    def wall(self, side: int, start: float) -> Floats:
        """(2, u, v) of the left (0) or right (1) row of facades."""
        conditions = self._conditions
        canvas = Canvas(start, (DENSITY, DENSITY), WALL_SIZE, 0.0, 0.0, 0.0)
        glow = Canvas(start, (DENSITY, DENSITY), WALL_SIZE, 0.0)
        for number, low, high in lots(start, self._world.seed, side, LOT_M):
            built, height, random = self._facade(number, side)
            if built:
                self._building(canvas, glow, number, side, low, high, height, random)
            else:  # a hedge between two gate posts, leaf by leaf
                rise = random.uniform(0.9, 1.8)
                for leaf in np.arange(low, high, 0.25):
                    canvas.rect(
                        leaf,
                        leaf + 0.25,
                        0,
                        rise + random.uniform(-0.15, 0.15),
                        random.uniform(0.04, 0.3) + 0.1 * conditions.season,
                    )
                for post in (low, high - 0.3):
                    canvas.rect(post, post + 0.3, 0, 2.1, 0.5)
        canvas.grain(generator(self._world.seed, FACADE, side, 1 << 20, round(start)), 0.08, 0.13)
        canvas.tone(self._world.contrast)
        pool = self._pool(canvas.along.astype(np.float32)) * np.exp(-(((canvas.across - 2.5) / 3.0) ** 2)).astype(np.float32)
        canvas.value *= self._wall_light[side] + 1.2 * conditions.lamps * pool
        canvas.value += 8.0 * conditions.lamps * glow.value
        return canvas.premultiplied()

    def _building(
        self,
        canvas: Canvas,
        glow: Canvas,
        number: int,
        side: int,
        low: float,
        high: float,
        height: float,
        random: np.random.Generator,
    ) -> None:
        kind = generator(self._world.seed, CATALOGUE, int(random.integers(self._world.facade_types)))
        snow = 0.12 * self._conditions.season
        tone = min(float(kind.uniform(0.22, 0.7) * random.uniform(0.85, 1.15)) + snow, 0.85)
        pane, edge = float(kind.uniform(0.025, 0.1)), float(kind.choice([0.9, 0.7, 0.08]))
        wide, tall, pitch = float(kind.uniform(0.8, 1.5)), float(kind.uniform(1.0, 1.7)), float(kind.uniform(1.7, 2.8))
        storey = float(kind.uniform(2.5, 3.1))
        shop, banded = bool(kind.random() < 0.35), bool(kind.random() < 0.5)
        canvas.rect(low, high, 0, height, tone)
        canvas.rect(low, high, height - 0.25, height, 0.6 * tone)
        canvas.rect(low, low + 0.15, 0, height, 0.5 * tone)
        canvas.rect(low, high, 0, 0.5, 0.7 * tone)
        # Cladding: panels or pilasters, which a camera that drives past sees as edges.
        strips = kind.random()
        if strips < 0.6:
            period, depth = float(kind.uniform(0.6, 1.8)), float(kind.uniform(0.3, 0.75))
            for strip in np.arange(low + 0.15, high - 0.2, period):
                canvas.scale(
                    strip,
                    strip + (0.35 if strips < 0.3 else 0.5) * period,
                    0.5,
                    height - 0.25,
                    depth * random.uniform(0.85, 1.15),
                )
        columns = max(int((high - low - 0.5) / pitch), 1)
        margin = (high - low - columns * pitch) / 2
        door = int(random.integers(columns))
        floors = int((height - 0.4) / storey) if height > storey + 0.4 else 1
        for floor in range(floors):
            sill = floor * storey + 0.9
            if banded and floor:
                canvas.rect(low, high, floor * storey + 0.1, floor * storey + 0.3, min(1.35 * tone, 0.9))
            for column in range(columns):
                u = low + margin + column * pitch + (pitch - wide) / 2
                lit = random.random() < 0.3
                if floor == 0 and column == door:
                    canvas.frame(u, u + 1.05, 0, 2.15, float(random.uniform(0.05, 0.5)), edge, 0.1)
                elif floor == 0 and shop:
                    canvas.frame(u - 0.3, u + wide + 0.3, 0.5, 2.3, pane, edge, 0.1)
                    if lit:
                        glow.rect(u - 0.2, u + wide + 0.2, 0.6, 2.2, 1.0)
                elif sill + tall < height - 0.3:
                    canvas.frame(u, u + wide, sill, sill + tall, pane, edge, 0.12)
                    canvas.rect(u + wide / 2 - 0.04, u + wide / 2 + 0.04, sill, sill + tall, edge)
                    if random.random() < 0.35:  # a curtain
                        canvas.rect(u + 0.12, u + wide * random.uniform(0.3, 0.9), sill + 0.12, sill + tall - 0.12, 0.45)
                    if lit:
                        glow.rect(u + 0.12, u + wide - 0.12, sill + 0.12, sill + tall - 0.12, 0.6)
        # What makes one building of a type known from another: signs, awnings, posters.
        for _ in range(int(random.integers(2, 7))):
            u, v = random.uniform(low, high - 0.5), random.uniform(0.6, min(height - 1.2, 4.2))
            width, rise = random.uniform(0.3, 2.4), random.uniform(0.25, 0.9)
            canvas.frame(
                u,
                min(u + width, high),
                v,
                v + rise,
                float(random.choice([0.05, 0.3, 0.8])),
                float(random.uniform(0.05, 0.9)),
                0.12,
            )

    def ground(self, start: float) -> Floats:
        """(1, u, v) of the road and its pavements, v from the right edge to the left."""
        conditions, seed = self._conditions, self._world.seed
        canvas = Canvas(start, (DENSITY, GROUND_DENSITY), GROUND_SIZE, -HALF_WIDTH, 0.17 + 0.06 * conditions.season)
        canvas.grain(generator(seed, GROUND, round(start)), 0.08, 0.08)
        for sign in (-1, 1):
            near, far = sorted((sign * KERB, sign * HALF_WIDTH))
            canvas.rect(start, start + BLOCK_M, near, far, 0.36 + 0.2 * conditions.season)
            kerb = KERB if sign > 0 else -KERB - 0.16
            canvas.rect(start, start + BLOCK_M, kerb, kerb + 0.16, 0.5)
            for joint in np.arange(np.floor(start), start + BLOCK_M, 1.0):
                canvas.rect(joint, joint + 0.07, near, far, 0.24)
        for dash in np.arange(6.0 * np.floor(start / 6.0), start + BLOCK_M, 6.0):
            canvas.rect(dash, dash + 3.0, -0.07, 0.07, 0.72)
        for number, low, high in lots(start, seed, 2, 18.0):
            random = generator(seed, GROUND, 1 << 20, number)
            u = random.uniform(low, high)
            kind = random.random()
            if kind < 0.22:  # a crossing
                for stripe in np.arange(-2.3, 2.3, 0.95):
                    canvas.rect(u, u + 2.6, stripe, stripe + 0.5, 0.75)
            elif kind < 0.75:  # a patch of new asphalt
                side = random.uniform(-2.2, 0.8)
                canvas.rect(u, u + random.uniform(1, 5), side, side + random.uniform(0.6, 1.6), float(random.uniform(0.07, 0.3)))
            canvas.ellipse(random.uniform(low, high), random.uniform(-1.8, 1.8), 0.35, 0.35, 0.06)
        canvas.tone(self._world.contrast)
        # The shadow of the sun's side of the street.
        light = np.full_like(canvas.value, conditions.light)
        if abs(conditions.sun_side) > 0.05:
            side = 0 if conditions.sun_side > 0 else 1
            for number, low, high in lots(start, seed, side, LOT_M):
                built, height, _ = self._facade(number, side)
                reach = HALF_WIDTH - (height if built else 1.2) * abs(conditions.sun_side)
                inside = (canvas.along >= low) & (canvas.along < high)
                inside = inside & (canvas.across > reach if side == 0 else canvas.across < -reach)
                light[inside] = 0.4 * conditions.light
        light += 1.2 * conditions.lamps * self._pool(canvas.along.astype(np.float32))
        return (canvas.value * light)[None]

    def ahead(self, side: int, start: float) -> Floats:
        """(2, u, v) of the kerb plane of a side: what stands along the pavement's edge."""
        seed = self._world.seed
        canvas = Canvas(start, (DENSITY, DENSITY), KERB_SIZE, 0.0, 0.0, 0.0)
        for number, low, high in lots(start, seed, 3 + side, 14.0):
            random = generator(seed, THING, 1 << 20, side, number)
            kind = random.random()
            if kind < 0.18:  # a fence
                for post in np.arange(low, high - 1, 0.9):
                    canvas.rect(post, post + 0.12, 0, 1.0, 0.5)
                canvas.rect(low, high - 1, 0.8, 0.92, 0.5)
            elif kind < 0.34:  # a hedge
                rise = random.uniform(0.5, 0.9)
                for leaf in np.arange(low, low + random.uniform(2, 8), 0.25):
                    canvas.rect(leaf, leaf + 0.25, 0, rise, random.uniform(0.04, 0.28))
            elif kind < 0.6:  # a box
                u = random.uniform(low, high)
                canvas.frame(u, u + 0.7, 0, random.uniform(0.8, 1.3), float(random.uniform(0.1, 0.7)), 0.08, 0.07)
        for first, tone in self._cars(side, start):
            canvas.rect(first - 0.6, first + 4.8, 0, 2.0, 0.0, 0.0)
            canvas.rect(first, first + 4.2, 0.22, 0.95, tone)
            canvas.rect(first + 0.9, first + 3.4, 0.95, 1.42, tone)
            canvas.rect(first + 1.1, first + 2.05, 0.98, 1.32, 0.07)
            canvas.rect(first + 2.2, first + 3.2, 0.98, 1.32, 0.07)
            for wheel in (first + 0.75, first + 3.45):
                canvas.ellipse(wheel, 0.32, 0.32, 0.32, 0.04)
                canvas.ellipse(wheel, 0.32, 0.15, 0.15, 0.4)
        canvas.tone(self._world.contrast)
        canvas.value *= self._wall_light[side] + 1.2 * self._conditions.lamps * self._pool(canvas.along.astype(np.float32))
        return canvas.premultiplied()

    def _cars(self, side: int, start: float) -> list[tuple[float, float]]:
        """First metre and tone of the cars that reach into a block: their places are the street's, who parks is the drive's."""
        found = []
        for slot in range(int(start // 6.5) - 1, int((start + BLOCK_M) // 6.5) + 2):
            here = generator(self._world.seed, PARKED, side, slot)
            today = generator(self._world.seed, PARKED, 1 << 20, self._conditions.seed, side, slot)
            if here.random() < 0.55 and today.random() < self._conditions.parked_cars:
                found.append((6.5 * slot + 0.8 + today.uniform(-0.3, 0.3), float(today.choice([0.06, 0.2, 0.45, 0.75]))))
        return found

    def things(self, start: float) -> list[Thing]:
        """The boards whose place is in a block."""
        seed, conditions = self._world.seed, self._conditions
        found = []
        for side, sign in ((0, 1), (1, -1)):
            light = self._wall_light[side] + 0.5 * conditions.lamps
            for number, low, high in lots(start, seed, 5 + side, 9.0):
                if not start <= low < start + BLOCK_M:
                    continue
                random = generator(seed, THING, side, number)
                at, kind = low + random.uniform(0, 0.8) * (high - low), random.random()
                if kind < 0.3:
                    rise, reach = random.uniform(4.8, 7.5), random.uniform(1.1, 1.7)
                    left = sign * (KERB + reach + 0.1)
                    found.append(Thing(at, left, 0.14, 0.0, 2.4, "trunk", light, False))
                    crown = "crown" if conditions.season < 0.6 else "bare"
                    found.append(Thing(at + 0.01, left, reach, 2.1, rise, crown, light, False))
                elif kind < 0.52:
                    found.append(Thing(at, sign * 2.55, 0.07, 0.0, 6.0, "pole", light, True))
                    found.append(Thing(at + 0.01, sign * 2.2, 0.45, 5.9, 6.1, "pole", light, True))
                    if conditions.lamps > 0:
                        found.append(Thing(at - 0.01, sign * 1.9, 0.22, 5.75, 5.95, "lamp", 14 * conditions.lamps, True))
                elif kind < 0.8:
                    sprite = ["disc", "triangle", "square", "stripes"][int(random.integers(4))]
                    found.append(Thing(at, sign * 2.95, 0.04, 0.0, 2.0, "pole", light, False))
                    found.append(
                        Thing(
                            at - 0.01,
                            sign * 2.95,
                            random.uniform(0.3, 0.5),
                            2.0,
                            2.0 + random.uniform(0.6, 1.0),
                            sprite,
                            light,
                            False,
                        )
                    )
            for first, tone in self._cars(side, start):
                if start <= first < start + BLOCK_M:
                    found.append(Thing(first, sign * (KERB + 0.85), 0.85, 0.15, 1.42, "car", light * (0.4 + tone), False))
        return found
