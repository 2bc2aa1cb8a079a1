"""A corridor: walls with doors and notice boards, a lit ceiling, a tiled floor, beams, and things left standing."""

import numpy as np

from engine.simulation.canvas import BLOCK_M, CATALOGUE, CEILING, FACADE, GROUND, PARKED, THING, Canvas, generator, lots
from engine.simulation.parameters import TraverseConditions, WorldParameters
from engine.simulation.street import Thing
from engine.simulation.textures import Floats

HALF_WIDTH, CEILING_M = 1.75, 3.0
DENSITY, SIZE = 32.0, 128
FLOOR_DENSITY = SIZE / (2 * HALF_WIDTH)
LOT_M = 5.0


class Corridor:
    """Paints a corridor's planes, block by block.

    Of the conditions `sun_side`, `lamps` and `season` show little or nothing here; `parked_cars` are boxes left standing.
    """

    half_width, kerb, ceiling = HALF_WIDTH, 0.0, CEILING_M

    def __init__(self, world: WorldParameters, conditions: TraverseConditions) -> None:
        self._world, self._conditions = world, conditions
        self._light = 0.5 * conditions.light
        self.haze, self.sky = 0.35 * self._light, self._light

    def _lamps(self, start: float) -> list[tuple[float, int, bool]]:
        """Middle, kind and whether it shines, of the lamps in and next to a block. A stretch of about 30 m has one kind."""
        found = []
        for number in range(int(start // 3.2) - 2, int((start + BLOCK_M) // 3.2) + 3):
            stretch = generator(self._world.seed, CEILING, 1 << 20, number // 9)
            kind = int(stretch.integers(4))
            random = generator(self._world.seed, CEILING, number)
            found.append((3.2 * number + random.uniform(-0.3, 0.3), kind, bool(random.random() > 0.15)))
        return found

    def _pool(self, canvas: Canvas, reach: float) -> Floats:
        """Light of the lamps on a plane, as a share of full light."""
        light = np.full((canvas.value.shape[0], 1), 0.8, np.float32)
        for middle, _, shines in self._lamps(canvas.start):
            if shines:
                light += 0.6 * np.exp(-(((canvas.along - middle) / reach) ** 2)).astype(np.float32)
        return light * np.float32(self._light)

    def wall(self, side: int, start: float) -> Floats:
        """(1, u, v) of the left (0) or right (1) wall."""
        seed = self._world.seed
        canvas = Canvas(start, (DENSITY, DENSITY), SIZE, 0.0, 0.6)
        glow = Canvas(start, (DENSITY, DENSITY), SIZE, 0.0)
        for number, low, high in lots(start, seed, side, LOT_M):
            random = generator(seed, FACADE, side, number)
            kind = generator(seed, CATALOGUE, int(random.integers(self._world.facade_types)))
            tone, band = float(kind.uniform(0.4, 0.75)), float(kind.uniform(0.2, 0.6))
            canvas.rect(low, high, 0, 4, tone)
            canvas.rect(low, high, 0, float(kind.uniform(0.3, 1.2)), band)
            canvas.rect(low, high, 0, 0.12, 0.1)
            if kind.random() < 0.4:  # a handrail
                canvas.rect(low, high, 0.95, 1.05, 0.12)
            if kind.random() < 0.3:  # a pipe
                canvas.rect(low, high, 2.6, 2.75, 0.25)
            at = low + random.uniform(0.2, 0.8)
            if kind.random() < 0.75:  # a door, with its frame, its pane and its plate
                wide, leaf = float(kind.choice([0.95, 0.95, 1.7])), float(kind.uniform(0.08, 0.55))
                canvas.frame(at, at + wide, 0, 2.15, leaf, float(kind.choice([0.1, 0.85])), 0.09)
                if kind.random() < 0.5:
                    canvas.rect(at + 0.35, at + 0.6, 1.1, 1.9, 0.75)
                canvas.rect(at + wide + 0.15, at + wide + 0.4, 1.5, 1.65, 0.9)
                at += wide + 0.5
            elif random.random() < 0.4:  # a window
                canvas.frame(at, at + 1.6, 0.9, 2.3, 0.5, 0.15, 0.07)
                glow.rect(at + 0.07, at + 1.53, 0.97, 2.23, self._conditions.light * 0.5)
                at += 2.0
            for _ in range(int(random.integers(0, 5))):  # boards, posters, boxes
                u, v = random.uniform(at, max(high - 0.4, at + 0.2)), random.uniform(0.9, 1.9)
                width, rise = random.uniform(0.25, 1.3), random.uniform(0.2, 0.8)
                canvas.frame(
                    u, min(u + width, high), v, v + rise, float(random.uniform(0.1, 0.9)), float(random.uniform(0.03, 0.9)), 0.06
                )
            if random.random() < 0.2:  # an extinguisher
                canvas.rect(high - 0.35, high - 0.17, 0.7, 1.25, 0.12)
        canvas.grain(generator(seed, FACADE, side, 1 << 20, round(start)), 0.02, 0.03)
        canvas.tone(self._world.contrast)
        return (canvas.value * self._pool(canvas, 1.5) * np.float32(0.8) + glow.value)[None]

    def ground(self, start: float) -> Floats:
        """(1, u, v) of the floor."""
        seed = self._world.seed
        canvas = Canvas(start, (DENSITY, FLOOR_DENSITY), SIZE, -HALF_WIDTH, 0.3 + 0.05 * self._conditions.season)
        for number, low, high in lots(start, seed, 2, 20.0):
            random = generator(seed, GROUND, 1 << 20, number)
            canvas.rect(low, high, -2, 2, float(random.uniform(0.16, 0.42)))
            if random.random() < 0.5:
                for joint in np.arange(np.ceil(low / 0.6) * 0.6, high, 0.6):
                    canvas.scale(joint, joint + 0.04, -2, 2, 0.65)
            if random.random() < 0.6:
                canvas.rect(low, high, -1.3, -1.15, 0.1)
                canvas.rect(low, high, 1.15, 1.3, 0.1)
            if random.random() < 0.5:  # a door mat
                u = random.uniform(low, high)
                canvas.rect(u, u + 1.8, -0.9, 0.9, 0.06)
        canvas.grain(generator(seed, GROUND, round(start)), 0.03, 0.03)
        canvas.tone(self._world.contrast)
        # The lamps' reflection: broad, because the floor is worn.
        gloss = np.zeros_like(canvas.value)
        for middle, _, shines in self._lamps(start):
            if shines:
                gloss += 0.12 * np.exp(-(((canvas.along - middle) / 0.6) ** 2) - (canvas.across / 0.5) ** 2).astype(np.float32)
        return (canvas.value * self._pool(canvas, 1.5) + gloss * np.float32(self._light))[None]

    def roof(self, start: float) -> Floats:
        """(1, u, v) of the ceiling with its lamps."""
        seed = self._world.seed
        canvas = Canvas(start, (DENSITY, FLOOR_DENSITY), SIZE, -HALF_WIDTH, 0.5)
        glow = Canvas(start, (DENSITY, FLOOR_DENSITY), SIZE, -HALF_WIDTH)
        for joint in np.arange(np.floor(start), start + BLOCK_M, 1.0):
            canvas.rect(joint, joint + 0.05, -2, 2, 0.35)
        canvas.grain(generator(seed, CEILING, 1 << 21, round(start)), 0.02, 0.02)
        for middle, kind, shines in self._lamps(start):
            bright = 4.0 * self._light if shines else 0.1
            if kind == 0:
                glow.rect(middle - 0.6, middle + 0.6, -0.15, 0.15, bright)
            elif kind == 1:
                glow.rect(middle - 0.3, middle + 0.3, -0.9, -0.3, bright)
                glow.rect(middle - 0.3, middle + 0.3, 0.3, 0.9, bright)
            elif kind == 2:
                glow.ellipse(middle, 0.0, 0.35, 0.35, bright)
            else:
                glow.rect(middle - 1.3, middle + 1.3, 0.9, 1.05, bright)
        return (canvas.value * np.float32(0.5 * self._light) + glow.value)[None]

    def things(self, start: float) -> list[Thing]:
        """The boards whose place is in a block."""
        seed, conditions = self._world.seed, self._conditions
        found = []
        for number, low, high in lots(start, seed, 3, 13.0):
            if not start <= low < start + BLOCK_M:
                continue
            random = generator(seed, THING, number)
            at = low + random.uniform(0.1, 0.9) * (high - low)
            if random.random() < 0.5:  # a door frame that one passes through
                tone = random.uniform(0.15, 0.9) * self._light
                found.append(Thing(at, 0.0, HALF_WIDTH, 2.45, CEILING_M, "pole", tone, True))
                for side in (-1, 1):
                    found.append(Thing(at - 0.01, side * (HALF_WIDTH - 0.12), 0.12, 0.0, 2.45, "pole", tone, True))
            elif random.random() < 0.5:  # a hanging sign
                left = random.uniform(-0.7, 0.7)
                found.append(Thing(at, left, 0.35, 2.3, 2.6, "square", 1.4 * self._light, True))
        for slot in range(int(np.ceil(start / 6.0)), int(np.ceil((start + BLOCK_M) / 6.0))):
            # Plants and bins stay; trolleys and boxes are others in each drive.
            here, today = generator(seed, THING, 1 << 20, slot), generator(seed, PARKED, conditions.seed, slot)
            side = here.choice([-1, 1])
            if here.random() < 0.35:
                sprite, rise = ("crown", 1.4) if here.random() < 0.5 else ("stripes", 0.7)
                found.append(Thing(6.0 * slot + here.uniform(0, 3), side * 1.4, 0.28, 0.0, rise, sprite, 0.8 * self._light, True))
            elif today.random() < 0.3 * conditions.parked_cars:
                found.append(
                    Thing(
                        6.0 * slot + 3.2 + today.uniform(0, 2),
                        -side * 1.35,
                        0.3,
                        0.0,
                        today.uniform(0.5, 1.2),
                        "square",
                        0.7 * self._light,
                        True,
                    )
                )
        return found
