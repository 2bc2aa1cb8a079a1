"""The world: the renderer against its twin, the route's geometry, laziness and determinism."""

import numpy as np
import pytest

from engine import native
from engine.native.twins import world_view as twin
from engine.simulation.motion import Motion, Trajectory
from engine.simulation.parameters import PRESETS, CameraParameters, TraverseConditions, WorldParameters
from engine.simulation.route import SECTION_M, Route
from engine.simulation.textures import RipMap
from engine.simulation.world import World

CAMERA = CameraParameters(width=40, height=32)


def moment(distance: float, left: float = 0.0, swing: float = 0.0, pitch: float = 0.0) -> Motion:
    one = np.ones(1)
    return Motion(distance * one, left * one, swing * one, pitch * one, one)


@pytest.mark.parametrize("kind", ["street", "corridor"])
@pytest.mark.parametrize("name", ["reference", "dusk", "winter-stops"])
def test_renderer_equals_its_twin(kind: str, name: str) -> None:
    world = World(WorldParameters(kind=kind, curviness=0.8), PRESETS[name], CAMERA)
    random = np.random.default_rng(1)
    for distance in random.uniform(0, 400, 6):
        arguments = world.arguments(
            moment(distance, random.uniform(-0.8, 0.8), random.uniform(-0.08, 0.08), random.uniform(-0.01, 0.01))
        )
        ours, theirs = native.render_frames(*arguments), twin.render_frames(*arguments)
        assert ours.shape == (1, 32, 40)
        close = np.isclose(ours, theirs, rtol=2e-3, atol=2e-4)
        assert close.mean() > 0.999  # where a ray just meets or misses an edge, rounding decides


@pytest.mark.parametrize("kind", ["street", "corridor"])
def test_pictures_have_contrast_and_change_from_place_to_place(kind: str) -> None:
    world = World(WorldParameters(kind=kind), PRESETS["reference"], CAMERA)
    pictures = np.log(np.stack([world.render(moment(distance))[0] for distance in np.arange(0, 200, 10.0)]) + 0.01)
    assert (pictures.std((1, 2)) > 0.2).all()
    assert np.isfinite(pictures).all()
    flat = pictures.reshape(len(pictures), -1)
    alike = np.corrcoef(flat)[np.triu_indices(len(flat), 1)]
    assert alike.max() < 0.98
    assert alike.mean() > 0.2  # alike enough to be mistaken for each other


def test_pictures_depend_on_position_only_not_on_how_one_came_there() -> None:
    parameters, conditions = WorldParameters(), PRESETS["reference"]
    driven, dropped = World(parameters, conditions, CAMERA), World(parameters, conditions, CAMERA)
    for distance in np.arange(0, 500, 20.0):
        driven.render(moment(distance))
    np.testing.assert_array_equal(driven.render(moment(500.0)), dropped.render(moment(500.0)))


def test_far_along_the_route_memory_and_precision_are_those_of_its_start() -> None:
    world = World(WorldParameters(), PRESETS["reference"], CAMERA)
    for distance in (10.0, 5000.0):
        step = [world.render(moment(distance + shift))[0] for shift in (0.0, 0.01, 0.02)]
        # A centimetre changes a pixel or two of contrast, not the picture: no jitter from large coordinates.
        assert np.abs(np.diff(np.log(np.stack(step)), axis=0)).mean() < 0.02
        assert len(world._things) <= 8


def test_seed_and_conditions_change_what_they_should() -> None:
    def picture(parameters: WorldParameters, **changes: object) -> np.ndarray:
        return World(parameters, TraverseConditions(**changes), CAMERA).render(moment(30.0))[0]

    base = picture(WorldParameters())
    np.testing.assert_array_equal(base, picture(WorldParameters()))
    assert np.abs(base - picture(WorldParameters(seed=2))).mean() > 0.05
    np.testing.assert_allclose(picture(WorldParameters(), light=0.25), 0.25 * base, rtol=1e-4)
    assert np.abs(base - picture(WorldParameters(), sun_side=-0.6)).mean() > 0.03
    assert not np.array_equal(base, picture(WorldParameters(), season=1.0))
    # Without parked cars the seed of the drive changes nothing that stands.
    bare = [picture(WorldParameters(), seed=seed, parked_cars=0.0) for seed in (1, 2)]
    np.testing.assert_array_equal(*bare)


def test_straight_corridor_has_the_pinhole_geometry() -> None:
    # In a straight corridor the floor meets the left wall at x = -half width: their edge is where a pinhole camera puts it.
    camera = CameraParameters(width=200, height=160)
    world = World(WorldParameters(kind="corridor", curviness=0.0), TraverseConditions(parked_cars=0.0), camera)
    arguments = list(world.arguments(moment(20.0)))
    planes = [
        (np.full_like(values, level), sizes, scale)
        for (values, sizes, scale), level in zip(arguments[4], (1.0, 2.0, 3.0, 4.0), strict=True)
    ]
    arguments[4], arguments[6] = planes, np.zeros((0, 12), np.float32)
    picture = native.render_frames(*arguments)[0]
    focal = 100 / np.tan(np.radians(40))
    for column in (5, 30, 60):
        depth = 1.75 / ((100 - (column + 0.5)) / focal)
        assert picture[:, column][80] == pytest.approx(1.0, abs=0.01)
        wall = np.flatnonzero(np.abs(picture[:, column] - 1.0) < 0.01)
        assert wall.max() + 1 == pytest.approx(80 + focal * 1.2 / depth, abs=1.01) or wall.max() == 159
        assert wall.min() == pytest.approx(max(80 - focal * 1.8 / depth, 0), abs=1.01)
    assert picture[80, 190] == pytest.approx(2.0, abs=0.01)
    assert picture[159, 100] == pytest.approx(3.0, abs=0.01)
    assert picture[0, 100] == pytest.approx(4.0, abs=0.01)


def test_route_is_a_curve_of_unit_speed_that_never_turns_back() -> None:
    route = Route(WorldParameters(curviness=1.0))
    along = np.arange(0, 3000, 0.7)
    points = route.position(along)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.7, rtol=2e-3)
    assert (np.diff(points[:, 0]) > 0).all()
    # Independent of the order in which it is asked for, and equal to fine numerical integration.
    fine = np.arange(0, 1000, 0.001)
    angle = route.heading(fine + 0.0005)
    end = np.array([np.cos(angle).sum(), np.sin(angle).sum()]) * 0.001
    np.testing.assert_allclose(Route(WorldParameters(curviness=1.0)).position(np.array([1000.0]))[0], end, atol=0.01)
    np.testing.assert_allclose(route.sections(700, 3), route.position(np.array([700, 701, 702]) * SECTION_M), atol=1e-9)


def test_motion_stops_and_goes_on_and_knows_when_it_is_where() -> None:
    conditions = TraverseConditions(speed_m_s=4.0, stop_every_m=40.0, stop_seconds=2.0)
    trajectory = Trajectory(conditions)
    times = np.arange(0, 120_000_000, 20_000)
    motion = trajectory.at(times)
    assert (np.diff(motion.distance) >= -1e-9).all()
    assert motion.speed.max() < 4.0 * 1.16
    standing = motion.speed < 0.01
    edges = np.diff(standing.astype(int))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    assert 4 <= len(ends) <= 12
    for start, end in zip(starts, ends, strict=False):
        assert 1.9 < 0.02 * (end - start) < 2.5
    for distance in (0.0, 13.0, 77.7):
        moment_us = np.array([trajectory.time_at(distance)])
        assert trajectory.at(moment_us).distance[0] == pytest.approx(distance, abs=0.01)


def test_forgetting_keeps_the_motion_and_bounds_the_memory() -> None:
    kept, short = Trajectory(TraverseConditions()), Trajectory(TraverseConditions())
    for now in range(0, 400_000_000, 500_000):
        times = now + np.arange(0, 500_000, 50_000)
        np.testing.assert_allclose(kept.at(times).distance, short.at(times).distance, atol=1e-9)
        short.forget(now)
    assert len(short._knots) < 4000 < len(kept._knots)


def test_rip_map_levels_are_means() -> None:
    random = np.random.default_rng(2)
    values = random.random((1, 32, 16), np.float32)
    made = RipMap(1, (32, 16), (4, 3))
    made.paint(0, values)
    flat = made.data()[0][0]
    start = 0
    for i in range(4):
        for j in range(3):
            shape = (32 >> i, 16 >> j)
            level = flat[start : start + shape[0] * shape[1]].reshape(shape)
            expected = values[0].reshape(shape[0], 1 << i, shape[1], 1 << j).mean((1, 3))
            np.testing.assert_allclose(level, expected, rtol=1e-5)
            start += level.size


def test_wrong_input_to_the_renderer_is_refused() -> None:
    if native.variant() == "numpy":
        pytest.skip("the twin leaves this to NumPy")
    arguments = list(World(WorldParameters(), PRESETS["reference"], CAMERA).arguments(moment(5.0)))
    bad_sizes = (arguments[4][0][0], (7, 6, 4096, 128, True), arguments[4][0][2])
    no_such_sprite = arguments[6].copy()
    no_such_sprite[0, 9] = 99
    infinite = arguments[0].copy()
    infinite[0, 0] = np.inf
    for index, wrong in (
        (0, infinite),
        (0, arguments[0][:, :6].copy()),
        (1, arguments[1][:2].copy()),
        (3, 0.0),
        (4, arguments[4][:3]),
        (4, [bad_sizes, *arguments[4][1:]]),
        (6, no_such_sprite),
        (8, 0),
    ):
        changed = [*arguments]
        changed[index] = wrong
        with pytest.raises((ValueError, TypeError)):
            native.render_frames(*changed)
