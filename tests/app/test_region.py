"""Dragging a region: whatever the mouse does, the region is on the sensor, and square where it has to be."""

from hypothesis import given
from hypothesis import strategies as st

from app.widgets.region import LENS_SIZES, Grip, Rules, centred, dragged, grip_at, spanned

SENSORS = st.tuples(st.integers(8, 400), st.integers(8, 400))
PLACES = st.tuples(st.floats(-100, 500), st.floats(-100, 500))


def on_sensor(region: tuple[int, int, int, int], sensor: tuple[int, int]) -> bool:
    left, top, width, height = region
    return left >= 0 and top >= 0 and width >= 1 and height >= 1 and left + width <= sensor[0] and top + height <= sensor[1]


@given(SENSORS, st.data(), PLACES, st.booleans(), st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_a_new_region_is_on_the_sensor(sensor, data, far, square, multiples) -> None:  # type: ignore[no-untyped-def]
    corner = data.draw(st.tuples(st.integers(0, sensor[0]), st.integers(0, sensor[1])))
    made = spanned(corner, far, Rules(sensor, square, LENS_SIZES, multiples))
    assert on_sensor(made, sensor)
    assert not square or made[2] == made[3]


@given(SENSORS, st.data(), PLACES, PLACES, st.booleans(), st.integers(-1, 1), st.integers(-1, 1))
def test_a_dragged_region_stays_on_the_sensor(sensor, data, start, now, square, across, down) -> None:  # type: ignore[no-untyped-def]
    left, top = data.draw(st.integers(0, sensor[0] - 1)), data.draw(st.integers(0, sensor[1] - 1))
    width, height = data.draw(st.integers(1, sensor[0] - left)), data.draw(st.integers(1, sensor[1] - top))
    region = (left, top, width, height)
    made = dragged(region, Grip(across, down), start, now, Rules(sensor, square))
    assert on_sensor(made, sensor)
    if across == down == 0:
        assert made[2:] == region[2:]
    elif square:
        assert made[2] == made[3]


def test_sides_snap_to_the_sizes_of_lens_and_to_the_grid() -> None:
    rules = Rules((346, 260), multiples=(10, 10), reach=3)
    assert spanned((10, 10), (91.4, 88.2), rules) == (10, 10, 80, 80)
    assert spanned((10, 10), (136, 138), rules) == (10, 10, 128, 128)
    assert spanned((10, 10), (112.2, 158.6), rules) == (10, 10, 100, 150)
    assert spanned((10, 10), (114.6, 155.2), rules) == (10, 10, 105, 145)


def test_a_drag_backwards_keeps_the_corner_where_it_began() -> None:
    assert spanned((100, 90), (20, 10), Rules((346, 260))) == (20, 10, 80, 80)


def test_what_a_press_takes_hold_of() -> None:
    region = (10, 20, 80, 60)
    assert grip_at(region, 50, 50, 3) == Grip(0, 0)
    assert grip_at(region, 11, 50, 3) == Grip(-1, 0)
    assert grip_at(region, 92, 79, 3) == Grip(1, 1)
    assert grip_at(region, 5, 50, 3) is None
    assert grip_at(None, 5, 50, 3) is None


def test_an_edge_moves_alone() -> None:
    region = (10, 20, 80, 60)
    assert dragged(region, Grip(1, 0), (90, 50), (105, 70), Rules((346, 260))) == (10, 20, 95, 60)
    assert dragged(region, Grip(-1, 0), (10, 50), (30, 70), Rules((346, 260))) == (30, 20, 60, 60)


def test_a_region_in_the_middle_is_no_larger_than_the_sensor() -> None:
    assert centred((80, 80), (346, 260)) == (133, 90, 80, 80)
    assert centred((500, 80), (346, 260)) == (0, 90, 346, 80)
