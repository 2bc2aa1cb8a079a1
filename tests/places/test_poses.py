"""Logs of poses: every form read, interpolated in time, never clamped; damaged ones said in a sentence."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.places.pose_files import read_poses
from engine.places.poses import Poses, motion_heading, to_metres
from engine.simulation.logs import GpsParameters, to_geographic, write_nmea, write_poses
from engine.simulation.traverse import Poses as DrivenPoses
from tests.places.made import CancelAfter

DAY_US = 86_400_000_000


def log(times_s: list[float], x: list[float], heading: list[float] | None = None) -> Poses:
    xy = np.stack([np.array(x, float), np.zeros(len(x))], axis=1)
    angles = np.full(len(x), np.nan) if heading is None else np.array(heading, float)
    return Poses(np.array([round(1e6 * t) for t in times_s], np.int64), xy, angles)


def us(*seconds: float) -> np.ndarray:
    return np.array([round(1e6 * s) for s in seconds], np.int64)


# -- interpolation


def test_between_poses_it_is_linear_and_outside_there_is_none() -> None:
    poses = log([0, 1, 2], [0, 10, 30])
    place, heading = poses.at(us(-0.1, 0, 0.5, 1, 1.75, 2, 2.1))
    np.testing.assert_allclose(place[:, 0], [np.nan, 0, 5, 10, 25, 30, np.nan])
    np.testing.assert_allclose(heading, [np.nan, 0, 0, 0, 0, 0, np.nan])


def test_the_offset_goes_from_the_events_clock_to_the_logs() -> None:
    place, _ = log([100, 101], [0, 10]).at(us(0.5), offset_s=100)
    assert place[0, 0] == pytest.approx(5)


def test_a_days_gap_is_not_crossed() -> None:
    poses = log([0, 1, 86_401, 86_402], [0, 10, 20, 30])
    place, _ = poses.at(us(0.5, 1, 2, 43_000, 86_401, 86_401.5))
    np.testing.assert_allclose(place[:, 0], [5, 10, np.nan, np.nan, 20, 25])
    across, _ = poses.at(us(43_201), longest_gap_s=86_400)
    assert across[0, 0] == pytest.approx(15)


def test_headings_turn_the_short_way() -> None:
    _, heading = log([0, 1], [0, 1], [math.radians(170), math.radians(-170)]).at(us(0.25, 0.5, 0.75))
    np.testing.assert_allclose(np.degrees(heading), [175, 180, -175])


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20, unique=True), st.lists(st.integers(-100, 1100), max_size=20))
def test_as_the_slow_twin_says(seconds: list[int], asked: list[int]) -> None:
    times = sorted(seconds)
    poses = log([float(t) for t in times], [t**1.5 for t in times])
    place, _ = poses.at(us(*asked), longest_gap_s=50)
    for t, found in zip(asked, place[:, 0], strict=True):
        before, after = [s for s in times if s <= t], [s for s in times if s >= t]
        if not before or not after or (after[0] - before[-1]) > 50:
            assert math.isnan(found)
        else:
            a, b = before[-1], after[0]
            share = 0.0 if a == b else (t - a) / (b - a)
            assert found == pytest.approx(a**1.5 + share * (b**1.5 - a**1.5))


def test_a_robot_that_stands_keeps_its_heading_and_noise_does_not_turn_it() -> None:
    generator = np.random.default_rng(2)
    drive = np.stack([np.zeros(20), np.linspace(0, 20, 20)], axis=1)
    stand = drive[-1] + 0.02 * generator.standard_normal((50, 2))
    heading = motion_heading(np.concatenate([drive, stand]))
    np.testing.assert_allclose(heading, math.pi / 2, atol=0.05)
    assert np.isnan(motion_heading(0.01 * generator.standard_normal((50, 2)))).all()


def test_metres_are_the_simulations_own_inverse() -> None:
    gps = GpsParameters(latitude_deg=51.5, longitude_deg=-0.1)
    x, y = np.array([0.0, 1200.0, -3000.0]), np.array([0.0, -500.0, 7000.0])
    place = np.stack(to_geographic(gps, x, y), axis=1)
    np.testing.assert_allclose(to_metres(place, (51.5, -0.1)), np.stack([x, y], axis=1), atol=1e-3)


# -- NMEA


def sentence(body: str) -> str:
    check = 0
    for sign in body:
        check ^= ord(sign)
    return f"${body}*{check:02X}"


def rmc(clock: str, day: str, minutes: float = 0.0, status: str = "A", speed: str = "10.0", course: str = "90.0") -> str:
    return sentence(f"GPRMC,{clock},{status},2728.{10000 + round(minutes * 1e4):05d},S,15301.50000,E,{speed},{course},{day},,,A")


def gga(clock: str, minutes: float = 0.0, quality: str = "1", hdop: str = "0.9") -> str:
    return sentence(f"GPGGA,{clock},2728.{10000 + round(minutes * 1e4):05d},S,15301.50000,E,{quality},10,{hdop},20.0,M,0.0,M,,")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\r\n".join(lines) + "\r\n", encoding="ascii")
    return path


def test_the_simulators_log_comes_back(tmp_path: Path) -> None:
    gps = GpsParameters(noise_m=0.0)
    times = np.arange(0, 30_000_001, 20_000)
    x, y = times / 1e6 * 3.0, 20 * np.sin(times / 4e6)
    heading = np.arctan2(20 / 4 * np.cos(times / 4e6), 3.0)
    write_nmea(tmp_path / "a.nmea", DrivenPoses(times, x, y, heading, x), gps)
    poses = read_poses(tmp_path / "a.nmea")
    assert (len(poses), poses.geographic, poses.utc, poses.notes) == (31, True, True, ())
    start = int(gps.start_utc.timestamp()) if gps.start_utc.tzinfo else 1_772_330_400
    assert poses.times_us[0] == start * 1_000_000
    assert (poses.quality == 1).all() and (poses.hdop == 0.9).all()
    origin = (gps.latitude_deg, gps.longitude_deg)
    place, course = poses.at(us(0, 2.5, 17), float(start), origin)
    np.testing.assert_allclose(place, np.stack([np.interp(us(0, 2.5, 17), times, axis) for axis in (x, y)], 1), atol=0.2)
    np.testing.assert_allclose(course, np.interp(us(0, 2.5, 17), times, heading), atol=0.05)


def test_rmc_and_gga_of_one_time_are_one_fix_in_either_order(tmp_path: Path) -> None:
    poses = read_poses(
        write(tmp_path / "a.txt", gga("100000.00"), rmc("100000.00", "010326"), rmc("100001.00", "010326"), gga("100001.00"))
    )
    assert len(poses) == 2 and (poses.quality == 1).all()
    np.testing.assert_array_equal(np.diff(poses.times_us), [1_000_000])
    np.testing.assert_allclose(poses.heading, 0.0, atol=1e-9)  # a course of 90 degrees is east


def test_the_date_is_carried_over_midnight(tmp_path: Path) -> None:
    poses = read_poses(
        write(
            tmp_path / "a.nmea",
            gga("235957.00"),
            rmc("235958.00", "280226"),
            gga("235959.00"),
            gga("000000.00"),
            gga("000001.00"),
            rmc("000002.00", "010326"),
        )
    )
    np.testing.assert_array_equal(np.diff(poses.times_us), [1_000_000] * 5)
    assert poses.times_us[3] % DAY_US == 0


def test_a_log_of_gga_alone_has_times_of_a_day(tmp_path: Path) -> None:
    poses = read_poses(write(tmp_path / "a.nmea", gga("235959.00"), gga("000000.00")))
    assert not poses.utc and int(np.diff(poses.times_us)[0]) == 1_000_000
    assert any("no date" in note for note in poses.notes)


def test_stationary_fixes_stay_and_point_where_they_did(tmp_path: Path) -> None:
    lines = [rmc(f"1000{second:02d}.00", "010326", speed="9.0" if second < 5 else "0.0", course="0.0") for second in range(20)]
    poses = read_poses(write(tmp_path / "a.nmea", *lines))
    assert len(poses) == 20
    np.testing.assert_allclose(poses.heading, math.pi / 2)


def test_void_fixes_and_wrong_checksums_are_counted(tmp_path: Path) -> None:
    damaged = rmc("100003.00", "010326").replace("2728", "2729")
    void = [rmc("100001.00", "010326", status="V"), gga("100002.00", quality="0")]
    poses = read_poses(write(tmp_path / "a.nmea", rmc("100000.00", "010326"), *void, damaged, rmc("100004.00", "010326")))
    assert len(poses) == 2
    assert "1 sentence with a wrong checksum left out." in poses.notes
    assert "2 fixes without a position (void) left out." in poses.notes


def test_quality_and_dilution_of_precision_are_read_and_poor_fixes_told(tmp_path: Path) -> None:
    lines = [gga("100000.00"), gga("100001.00", quality="2", hdop="7.5"), gga("100002.00", hdop="")]
    poses = read_poses(write(tmp_path / "a.nmea", *lines))
    np.testing.assert_array_equal(poses.quality, [1, 2, 1])
    np.testing.assert_array_equal(poses.hdop, [0.9, 7.5, np.nan])
    assert any("1 of 3 fixes have a dilution of precision above 5" in note for note in poses.notes)


def test_a_log_with_nothing_but_void_fixes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no usable pose: 1 fix without a position"):
        read_poses(write(tmp_path / "a.nmea", rmc("100001.00", "010326", status="V")))


# -- GPX, CSV, TUM


def test_gpx(tmp_path: Path) -> None:
    (tmp_path / "walk.gpx").write_text(
        '<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
        '<trkpt lat="51.5" lon="-0.1"><time>2026-03-01T02:00:00Z</time><hdop>1.2</hdop></trkpt>'
        '<trkpt lat="51.6" lon="-0.1"><time>2026-03-01T03:00:00.5+01:00</time></trkpt>'
        '<trkpt lat="51.7" lon="-0.1"></trkpt></trkseg></trk></gpx>',
        encoding="utf-8",
    )
    poses = read_poses(tmp_path / "walk.gpx")
    assert poses.geographic and poses.utc
    np.testing.assert_array_equal(poses.times_us, [1_772_330_400_000_000, 1_772_330_400_500_000])
    assert poses.hdop[0] == 1.2 and poses.notes == ("1 point without a time left out.",)


def test_gpx_with_entities_or_broken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gpx").write_text('<!DOCTYPE gpx [<!ENTITY a "b">]><gpx></gpx>', encoding="utf-8")
    with pytest.raises(BadInput, match="entities"):
        read_poses(tmp_path / "a.gpx")
    (tmp_path / "b.gpx").write_text("<gpx><trk>", encoding="utf-8")
    with pytest.raises(BadInput, match="broken XML"):
        read_poses(tmp_path / "b.gpx")


def test_the_simulators_csv_comes_back(tmp_path: Path) -> None:
    times = np.arange(0, 1_000_000, 20_000)
    heading = np.linspace(0, 1, len(times))
    write_poses(tmp_path / "a.csv", DrivenPoses(times, times / 1e6, -times / 1e6, heading, times / 1e6))
    poses = read_poses(tmp_path / "a.csv")
    assert not poses.geographic and not poses.utc
    np.testing.assert_array_equal(poses.times_us, times)
    np.testing.assert_allclose(poses.place[:, 1], -times / 1e6)
    np.testing.assert_allclose(poses.heading, heading, atol=1e-6)


@pytest.mark.parametrize(
    ("header", "row", "times_us", "place", "heading"),
    [
        ("time_s,x,y", "1.5,2,3", 1_500_000, (2, 3), math.nan),
        ("Time [ms];East;North;Yaw (deg)", "1500;2;3;90", 1_500_000, (2, 3), math.pi / 2),
        ("timestamp,latitude,longitude,course", "1772330400.25,51.5,-0.1,90", 1_772_330_400_250_000, (51.5, -0.1), 0.0),
        ("timestamp,lon,lat", "2026-03-01T02:00:00Z,-0.1,51.5", 1_772_330_400_000_000, (51.5, -0.1), math.nan),
        ("time,field.pose.position.x,field.pose.position.y", "1772330400000000000,2,3", 1_772_330_400_000_000, (2, 3), math.nan),
        ("# t tx ty tz qx qy qz qw", "1.5 2 3 0 0 0 0.70710678 0.70710678", 1_500_000, (2, 3), math.pi / 2),
    ],
)
def test_csv_with_named_columns(
    tmp_path: Path, header: str, row: str, times_us: int, place: tuple[float, float], heading: float
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    poses = read_poses(tmp_path / "a.csv")
    assert poses.times_us[0] == times_us
    np.testing.assert_allclose(poses.place[0], place)
    np.testing.assert_allclose(poses.heading[0], heading, atol=1e-6)
    assert poses.utc is (times_us > 1e14) and poses.geographic is ("lat" in header)


def test_rows_out_of_order_twice_or_without_numbers_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time_s,x,y\n2,2,2\n1,1,1\n1,5,5\n3,nan,3\nlate,4,4\n", encoding="utf-8")
    poses = read_poses(tmp_path / "a.csv")
    np.testing.assert_allclose(poses.place[:, 0], [1, 2])
    text = " ".join(poses.notes)
    assert "1 row without a usable position" in text and "sorted" in text and "1 row with a time that was there" in text
    assert "1 row without a time" in text


def test_tum(tmp_path: Path) -> None:
    half = math.sqrt(0.5)
    (tmp_path / "a.txt").write_text(f"# a comment\n1305031098.6659 1 2 0 0 0 {half} {half}\n1305031098.7 1 3 0 0 0 1 0\n")
    poses = read_poses(tmp_path / "a.txt")
    np.testing.assert_array_equal(poses.times_us, [1_305_031_098_665_900, 1_305_031_098_700_000])
    np.testing.assert_allclose(np.abs(poses.heading), [math.pi / 2, math.pi], atol=1e-6)
    assert poses.utc and not poses.geographic


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no log of poses"),
        (b"\x00\x01\x02", "not text"),
        (b"1,2,3\n4,5,6\n", "no log of poses"),
        (b"time,speed\n1,2\n", "columns x and y, or latitude and longitude"),
        (b"x,y\n1,2\n", "a column of time"),
        (b"time,x,y\n", "no usable pose"),
    ],
)
def test_what_is_no_log_is_refused_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "ä b.csv").write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        read_poses(tmp_path / "ä b.csv")


def test_a_missing_log(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_poses(tmp_path / "a.nmea")


def test_a_log_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time_s,x,y\n1,1,1\n")
    first = read_poses(path)
    assert read_poses(path) is first  # kept, as nothing has changed
    path.write_text("time_s,x,y\n1,1,1\n2,2,2\n")
    assert len(read_poses(path)) == 2


def test_reading_a_long_log_can_be_cancelled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nmea", *[gga(f"10{n // 60:02d}{n % 60:02d}.00") for n in range(400)])
    with pytest.raises(JobCancelled):
        read_poses(path, CancelAfter(3))
    assert len(read_poses(path)) == 400


def test_metres_are_east_and_north_on_the_ellipsoid() -> None:
    """Against the textbook: geodetic to Earth-centred, turned into the plane at the origin (WGS 84)."""

    def centred(latitude: float, longitude: float) -> np.ndarray:
        phi, lam, eccentricity = math.radians(latitude), math.radians(longitude), 6.69437999014e-3
        radius = 6_378_137.0 / math.sqrt(1 - eccentricity * math.sin(phi) ** 2)
        flat = radius * math.cos(phi)
        return np.array([flat * math.cos(lam), flat * math.sin(lam), radius * (1 - eccentricity) * math.sin(phi)])

    origin = (-27.4698, 153.0251)
    phi, lam = math.radians(origin[0]), math.radians(origin[1])
    east = np.array([-math.sin(lam), math.cos(lam), 0])
    north = np.array([-math.sin(phi) * math.cos(lam), -math.sin(phi) * math.sin(lam), math.cos(phi)])
    for place in ((-27.4698, 153.0351), (-27.4598, 153.0251), (-27.4758, 153.0141)):
        apart = centred(*place) - centred(*origin)
        np.testing.assert_allclose(to_metres(np.array([place]), origin)[0], [apart @ east, apart @ north], atol=0.01)
