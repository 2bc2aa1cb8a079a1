"""What can be set about a synthetic world, its camera, and one drive through it."""

from typing import Literal

from engine.parameters import Parameters, parameter


class WorldParameters(Parameters):
    """A street or a corridor: everything along it follows from the seed and the position."""

    kind: Literal["street", "corridor"] = parameter("street", "A street with facades, or a corridor with a lit ceiling.")
    seed: int = parameter(1, "The seed of everything that stands along the route.", ge=0, le=2**31 - 1)
    curviness: float = parameter(
        0.5, "How much the route winds: 0 is straight, 1 turns up to 75 degrees from its main direction.", ge=0, le=1
    )
    facade_types: int = parameter(
        9, "Number of facade types that repeat along the route: with fewer, more places look alike.", ge=1, le=64
    )
    contrast: float = parameter(
        1.4, "Exponent on the contrasts of everything that is painted; with more, the camera sees more events.", ge=0.3, le=3
    )
    view_m: float = parameter(64.0, "How far the camera sees before haze takes over.", unit="m", ge=20, le=72)


class CameraParameters(Parameters):
    """A pinhole event camera; the same `camera_seed` has the same hot pixels and thresholds in every traverse.

    The noise vocabulary and its defaults are those of v2e (Hu, Liu, Delbruck, CVPRW 2021).
    """

    width: int = parameter(128, "Pixels in a row.", unit="px", ge=8, le=1024)
    height: int = parameter(128, "Pixels in a column.", unit="px", ge=8, le=1024)
    field_of_view_deg: float = parameter(80.0, "Horizontal field of view.", unit="°", ge=30, le=100)
    mount_height_m: float = parameter(1.2, "Height of the lens above the ground.", unit="m", ge=0.2, le=2.2)
    camera_seed: int = parameter(1, "The seed of what differs from pixel to pixel.", ge=0, le=2**31 - 1)
    threshold_on: float = parameter(0.2, "Nominal change of log intensity for an ON event.", ge=0.02, le=2)
    threshold_off: float = parameter(0.2, "Nominal change of log intensity for an OFF event.", ge=0.02, le=2)
    threshold_sigma: float = parameter(0.03, "Standard deviation of the thresholds over the pixels.", ge=0, le=0.5)
    cutoff_hz: float = parameter(
        300.0, "Bandwidth of a pixel in full daylight; it falls with the light. 0 has no low pass.", unit="Hz", ge=0, le=1e5
    )
    leak_rate_hz: float = parameter(
        0.1, "ON events a second that a pixel leaks without any change of light.", unit="Hz", ge=0, le=20
    )
    shot_rate_hz: float = parameter(
        0.3, "Noise events a second and pixel, half of them ON, in darkness; a quarter of it in daylight.", unit="Hz", ge=0, le=50
    )
    hot_share: float = parameter(0.0005, "Share of hot pixels.", ge=0, le=0.1)
    hot_rate_hz: float = parameter(
        60.0, "Median rate of the hot pixels, which spread over a factor of three either way.", unit="Hz", ge=0, le=2000
    )
    refractory_us: float = parameter(500.0, "Dead time of a pixel after an event.", unit="us", ge=1, le=1e5)
    dark_level: float = parameter(0.004, "Dark current, as a share of the light of a white wall at noon.", ge=1e-4, le=0.5)
    pixels_per_step: float = parameter(
        1.0, "Largest image motion between two rendered frames, of a street's kerb or a corridor's wall.", unit="px", ge=0.1, le=8
    )


class TraverseConditions(Parameters):
    """What differs from one drive along a route to the next."""

    seed: int = parameter(1, "The seed of this drive's noise, wandering and passing things.", ge=0, le=2**31 - 1)
    speed_m_s: float = parameter(2.0, "Cruising speed.", unit="m/s", ge=0.05, le=40)
    speed_variation: float = parameter(0.15, "Largest share by which the speed swells and falls along the way.", ge=0, le=0.8)
    stop_every_m: float = parameter(0.0, "Mean distance between stops; 0 never stops.", unit="m", ge=0, le=1e5)
    stop_seconds: float = parameter(3.0, "How long a stop lasts.", unit="s", ge=0.1, le=120)
    lateral_offset_m: float = parameter(0.0, "Mean offset to the left of the route's middle.", unit="m", ge=-1.2, le=1.2)
    lateral_wander_m: float = parameter(0.12, "How far the camera wanders to either side of that.", unit="m", ge=0, le=0.4)
    heading_jitter_deg: float = parameter(0.6, "How far the camera swings about its direction of travel.", unit="°", ge=0, le=5)
    vibration_deg: float = parameter(0.05, "How far the camera nods.", unit="°", ge=0, le=1)
    light: float = parameter(1.0, "Global gain of the light: 1 is noon, 0.05 late dusk.", ge=0.002, le=4)
    sun_side: float = parameter(0.6, "Where the sun stands: -1 right, 1 left, 0 ahead or an overcast sky.", ge=-1, le=1)
    lamps: float = parameter(0.0, "How much street lamps and lit windows shine, as a share of noon.", ge=0, le=1)
    parked_cars: float = parameter(0.5, "Share of the kerb taken by parked cars, others in each drive.", ge=0, le=1)
    season: float = parameter(
        0.0, "From summer (0) to winter (1): foliage thins, walls and ground change their tone.", ge=0, le=1
    )
    noise: float = parameter(1.0, "Factor on leak, shot noise and hot pixels.", ge=0, le=20)


PRESETS: dict[str, TraverseConditions] = {
    "reference": TraverseConditions(),
    "same-day": TraverseConditions(seed=2, speed_m_s=2.3, lateral_offset_m=0.25),
    "winter-stops": TraverseConditions(
        seed=5, speed_m_s=2.2, stop_every_m=80.0, lateral_offset_m=-0.2, light=0.5, sun_side=0.0, parked_cars=0.3, season=1.0
    ),
    "other-day": TraverseConditions(
        seed=3, speed_m_s=1.7, lateral_offset_m=-0.35, light=0.6, sun_side=-0.5, parked_cars=0.4, season=0.3, noise=1.5
    ),
    "dusk": TraverseConditions(
        seed=4, speed_m_s=1.8, lateral_offset_m=0.3, light=0.06, sun_side=0.0, lamps=0.05, parked_cars=0.7, season=0.3, noise=2.0
    ),
}
"""Named conditions: "reference" to learn from, the others to be recognised in, from easy to hard for simple methods."""
