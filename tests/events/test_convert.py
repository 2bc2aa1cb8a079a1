"""The jobs: describe a recording, convert it; every readable format to every one we write."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.events import convert as module
from engine.events.array import EVENT_DTYPE, EventArray, empty_events, joined
from engine.events.convert import ConvertParameters, convert, describe_recording
from engine.events.recording import open_recording
from engine.jobs import CancelToken, JobEvent, Notice, Progress, ignore
from tests.events import made

EVENTS = made.some_events(700)


def read_all(path: Path) -> EventArray:
    with open_recording(path, order="error") as reader:
        return joined(list(reader.chunks()))


@pytest.mark.parametrize("name", made.FORMATS)
def test_each_format_is_described_and_converted(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(made.FORMATS[name][1](EVENTS))
    info = describe_recording(source, ignore, CancelToken())
    assert info.format == made.FORMATS[name][0]
    assert (info.events, info.on, info.off) == (700, int(EVENTS["polarity"].sum()), int((1 - EVENTS["polarity"]).sum()))
    assert (info.t_first_us, info.t_last_us) == (int(EVENTS["timestamp"][0]), int(EVENTS["timestamp"][-1]))
    assert info.rate == pytest.approx(700e6 / (EVENTS["timestamp"][-1] - EVENTS["timestamp"][0]))
    assert info.extent == (EVENTS["x"].max() + 1, EVENTS["y"].max() + 1)
    json.dumps(info.as_json(), allow_nan=False)
    for target in ("a.aedat4", "a.npz", "a.txt"):
        done = convert(source, tmp_path / target, ConvertParameters(), ignore, CancelToken())
        assert (done.events, done.left_out) == (700, 0)
        assert read_all(tmp_path / target).tolist() == EVENTS.tolist()
        with open_recording(tmp_path / target) as reader:
            assert reader.size == (info.sensor or info.extent)


events_in_order = st.lists(
    st.tuples(st.integers(0, 10**13), st.integers(0, 345), st.integers(0, 259), st.integers(0, 1)), max_size=60
).map(lambda items: np.array(sorted(items), EVENT_DTYPE))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events_in_order, form=st.sampled_from(["aedat4", "npz", "text"]), unit=st.sampled_from(["s", "us"]))
def test_what_is_converted_is_the_same(tmp_path: Path, events: EventArray, form: str, unit: str) -> None:
    source, target = tmp_path / "source.npy", tmp_path / "target"
    target.unlink(missing_ok=True)
    np.save(source, events)
    convert(source, target, ConvertParameters(format=form, text_time=unit, width=346, height=260), ignore, CancelToken())  # type: ignore[arg-type]
    assert read_all(target).tolist() == events.tolist()


def test_a_part_is_taken_by_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("evt3", "aedat4-lz4", "text"):
        source.write_bytes(made.FORMATS[name][1](EVENTS))
        target = tmp_path / f"{name}.npz"
        convert(source, target, ConvertParameters(start=0.002, duration=0.005), ignore, CancelToken())
        t = EVENTS["timestamp"] - EVENTS["timestamp"][0]
        assert read_all(target).tolist() == EVENTS[(t >= 2000) & (t < 7000)].tolist()


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    source, events = tmp_path / "source.npy", EVENTS.copy()
    events["x"][5] = 400
    events["timestamp"][650] = 3
    np.save(source, events)
    told: list[JobEvent] = []
    parameters = ConvertParameters(width=346, height=260, order="drop")
    done = convert(source, tmp_path / "a.aedat4", parameters, told.append, CancelToken())
    assert (done.events, done.left_out) == (698, 2)
    assert any(isinstance(event, Notice) and "1 events off the sensor, 1 too old" in event.text for event in told)
    info = describe_recording(source, ignore, CancelToken(), size=(346, 260), order="drop")
    assert (info.events, info.out_of_range, info.out_of_order, info.dropped) == (698, 1, 1, 1)


def test_an_unknown_sensor_is_measured_and_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(made.parquet(EVENTS))
    told: list[JobEvent] = []
    convert(source, tmp_path / "a.aedat4", ConvertParameters(), told.append, CancelToken())
    assert any(isinstance(event, Notice) and "does not say its sensor's size" in event.text for event in told)
    progress = [event for event in told if isinstance(event, Progress)]
    assert {event.stage for event in progress} == {"Measuring", "Converting"}
    assert progress[-1] == Progress("Converting", 1000, 1000)


def test_no_events_are_converted_too(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(made.text(empty_events()))
    info = describe_recording(source, ignore, CancelToken())
    assert (info.events, info.t_first_us, info.rate, info.extent) == (0, None, None, None)
    for target in ("a.aedat4", "a.npz", "a.txt"):
        assert convert(source, tmp_path / target, ConvertParameters(), ignore, CancelToken()).events == 0
        assert len(read_all(tmp_path / target)) == 0


def test_bad_wishes_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source.npy"
    np.save(source, EVENTS)
    (tmp_path / "there.npz").write_bytes(b"precious")
    for target, parameters, words in (
        ("there.npz", ConvertParameters(), "exists already"),
        ("a.mp4", ConvertParameters(), "does not tell a format"),
        ("a.npz", ConvertParameters(width=5), "both the width and the height"),
    ):
        with pytest.raises(BadInput, match=words):
            convert(source, tmp_path / target, parameters, ignore, CancelToken())
    assert (tmp_path / "there.npz").read_bytes() == b"precious"
    with pytest.raises(BadInput, match="start"):
        ConvertParameters.check({"start": -1})


@pytest.mark.parametrize("target", ["a.aedat4", "a.npz", "a.txt"])
def test_a_cancelled_conversion_leaves_nothing(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.npy"
    np.save(source, EVENTS)
    monkeypatch.setattr(module, "_CHUNK", 50)
    token, threads = CancelToken(), threading.active_count()

    def stop(event: JobEvent) -> None:
        if isinstance(event, Progress):
            token.cancel()

    with pytest.raises(JobCancelled):
        convert(source, tmp_path / target, ConvertParameters(width=346, height=260), stop, token)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.npy"]
    assert threading.active_count() == threads
    token = CancelToken()
    token.cancel()
    with pytest.raises(JobCancelled):
        describe_recording(source, ignore, token)
