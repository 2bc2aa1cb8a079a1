"""Every format through the one door: content, chunks, order, range, seek, and what is no recording."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.array import EventArray, empty_events, joined
from engine.events.formats import all_formats
from engine.events.recording import open_recording
from tests.events import made

EVENTS = made.some_events(1200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recording of each format, with a name that says nothing."""
    path = tmp_path_factory.mktemp("recordings")
    for name, (_, make) in made.FORMATS.items():
        (path / name).write_bytes(make(EVENTS))
    return path


def read(path: Path, **options: object) -> EventArray:
    chosen = {name: options.pop(name) for name in ("order", "size") if name in options}
    with open_recording(path, **chosen) as reader:  # type: ignore[arg-type]
        return joined([chunk.copy() for chunk in reader.chunks(**options)])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", made.FORMATS)
def test_all_events_come_back(folder: Path, name: str) -> None:
    with open_recording(folder / name) as reader:
        assert reader.format == made.FORMATS[name][0]
        assert reader.size == (
            (640, 480) if name in ("hdf5-dsec", "hdf5-nsavp") else (346, 260) if name in made.SAYS_SIZE else None
        )
        first, last = (int(EVENTS["timestamp"][at]) for at in (0, -1))
        assert reader.time_range in ((first, last), None)
        assert joined(list(reader.chunks())).tolist() == EVENTS.tolist()
        assert reader.time_range == (first, last)
        assert reader.progress == 1.0
        assert reader.counts.events == len(EVENTS)
        assert (reader.counts.out_of_range, reader.counts.out_of_order, reader.counts.dropped, reader.counts.malformed) == (
            0,
            0,
            0,
            0,
        )
        assert not reader.notices


@pytest.mark.parametrize("name", made.FORMATS)
def test_chunks_are_bounded_and_repeatable(folder: Path, name: str) -> None:
    with open_recording(folder / name) as reader:
        for _ in range(2):
            chunks = list(reader.chunks(max_events=77))
            assert all(2 * len(chunk) >= 77 >= len(chunk) for chunk in chunks[:-1])
            assert joined(chunks).tolist() == EVENTS.tolist()
        assert reader.counts.events == len(EVENTS)
        with pytest.raises(BadInput, match="max_events"):
            next(reader.chunks(max_events=0))


@pytest.mark.parametrize("name", made.FORMATS)
def test_a_span_of_time_is_that_part_of_the_whole(folder: Path, name: str) -> None:
    t = EVENTS["timestamp"]
    with open_recording(folder / name) as reader:

        @settings(max_examples=20, deadline=None)
        @given(span=st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)).map(sorted))
        def check(span: list[int]) -> None:
            start, stop = span
            for asked, wanted in (
                ({"start_us": start, "stop_us": stop}, (t >= start) & (t < stop)),
                ({"start_us": start}, t >= start),
                ({"stop_us": stop}, t < stop),
            ):
                assert joined(list(reader.chunks(**asked))).tolist() == EVENTS[wanted].tolist()  # type: ignore[arg-type]

        check()


@pytest.mark.parametrize("name", ["aedat4-lz4", "aedat31", "evt2", "dat", "npy", "hdf5-dsec", "parquet", "rosbag-lz4"])
def test_seeking_does_not_read_what_is_before(tmp_path: Path, name: str) -> None:
    path = tmp_path / "recording"
    events = made.some_events(20_000)
    path.write_bytes(made.FORMATS[name][1](events))
    with open_recording(path) as reader:
        decoded: list[int] = []
        blocks = reader._blocks

        def counted(start_us: int | None, limit: int):  # type: ignore[no-untyped-def]
            for block in blocks(start_us, limit):
                decoded.append(len(block))
                yield block

        reader._blocks = counted  # type: ignore[method-assign]
        late = int(events["timestamp"][19_000])
        got = joined(list(reader.chunks(start_us=late, max_events=100)))
        assert got.tolist() == events[events["timestamp"] >= late].tolist()
        assert sum(decoded) < 3000


def test_time_that_wraps_in_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    # DAT and AEDAT 2 count 32 bits, EVT 3 24 bits, EVT 2 34 bits, AEDAT 3.1 31 bits with the turns in each packet.
    for name, turn in (("dat", 32), ("aedat2", 32), ("evt3", 24), ("evt2", 34), ("aedat31", 31)):
        events = made.some_events(500, start=(1 << turn) - 5000)
        path.write_bytes(made.FORMATS[name][1](events))
        late = int(events["timestamp"][400])
        assert read(path).tolist() == events.tolist(), name
        assert read(path, start_us=late).tolist() == events[events["timestamp"] >= late].tolist(), name


def test_events_off_the_sensor_are_counted_and_left_out(tmp_path: Path) -> None:
    events = EVENTS.copy()
    events["x"][5], events["y"][9], events["x"][11] = 346, 300, 345
    inside = np.delete(events, [5, 9])
    for name in ("evt3", "evt2", "dat", "aedat31", "text", "rosbag-none"):
        path = tmp_path / name
        path.write_bytes(made.FORMATS[name][1](events))
        with open_recording(path) as reader:
            assert joined(list(reader.chunks())).tolist() == inside.tolist()
            assert reader.counts.out_of_range == 2
    path = tmp_path / "small.npy"
    path.write_bytes(made.npy(EVENTS))
    kept = EVENTS[(EVENTS["x"] < 100) & (EVENTS["y"] < 50)]
    assert read(path, size=(100, 50)).tolist() == kept.tolist()


def test_coordinates_that_no_int16_holds_do_not_wrap(tmp_path: Path) -> None:
    path = tmp_path / "wide.npy"
    np.save(path, np.array([[1, 65536 + 3, 4, 1], [2, 3, -65536 + 4, 0], [3, 3, 4, 1]]))
    with open_recording(path) as reader:
        assert made.rows(joined(list(reader.chunks()))) == [(3, 3, 4, 1)]
        assert reader.counts.out_of_range == 2


def test_times_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "broken.npy"
    np.save(path, np.array([[0.1, 3, 4, 1], [np.nan, 3, 4, 1], [np.inf, 3, 4, 1], [1e300, 3, 4, 1], [0.5, 3, 4, np.nan]]))
    with open_recording(path) as reader:
        assert made.rows(joined(list(reader.chunks()))) == [(100000, 3, 4, 1), (500000, 3, 4, 0)]
        assert reader.counts.malformed == 3


class TestOrder:
    """Time that goes backwards, by option."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "back.npy"
        np.save(path, np.array([[10, 1, 1, 1], [30, 2, 1, 1], [20, 3, 1, 1], [40, 4, 1, 1], [5, 5, 1, 1], [50, 6, 1, 1]]))
        return path

    def test_error(self, path: Path) -> None:
        with pytest.raises(BadInput, match="backwards, from 30 to 20 us"):
            read(path, order="error")

    def test_sort_within_the_chunk(self, path: Path) -> None:
        assert read(path, order="sort")["timestamp"].tolist() == [5, 10, 20, 30, 40, 50]

    def test_sort_leaves_out_what_belongs_before_an_earlier_chunk(self, path: Path) -> None:
        with open_recording(path) as reader:
            assert joined(list(reader.chunks(max_events=3)))["timestamp"].tolist() == [10, 20, 30, 40, 50]
            assert (reader.counts.out_of_order, reader.counts.dropped) == (2, 1)

    def test_drop(self, path: Path) -> None:
        for size in (1, 2, 100):
            with open_recording(path, order="drop") as reader:
                assert joined(list(reader.chunks(max_events=size)))["timestamp"].tolist() == [10, 30, 40, 50]
                assert (reader.counts.out_of_order, reader.counts.dropped) == (2, 2)

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        times=st.lists(st.integers(0, 50), min_size=1, max_size=60),
        size=st.integers(1, 70),
        order=st.sampled_from(["sort", "drop"]),
    )
    def test_whatever_the_times_the_chunks_rise(self, tmp_path: Path, times: list[int], size: int, order: str) -> None:
        path = tmp_path / "times.npy"
        np.save(path, np.array([(t, 1, 1, 1) for t in times], [(name, "i8") for name in "txyp"]))
        with open_recording(path, order=order) as reader:  # type: ignore[arg-type]
            got = joined(list(reader.chunks(max_events=size)))["timestamp"].tolist()
            assert got == sorted(got)
            assert len(got) + reader.counts.dropped == len(times)
            highest = np.maximum.accumulate(times)
            assert reader.counts.out_of_order == int(np.count_nonzero(np.array(times) < highest))
            if order == "drop":
                assert got == [t for t, top in zip(times, highest, strict=True) if t == top]


@pytest.mark.parametrize("name", made.FORMATS)
def test_no_events_are_no_error(tmp_path: Path, name: str) -> None:
    if name.startswith("hdf5"):
        pytest.importorskip("h5py")
    path = tmp_path / "empty"
    path.write_bytes(made.FORMATS[name][1](empty_events()))
    if name.startswith("rosbag"):  # a bag without messages lists its topics all the same
        pass
    with open_recording(path) as reader:
        assert list(reader.chunks()) == []
        assert reader.progress == 1.0


def test_what_is_no_recording_is_said_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    for content in (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"hello world, this is prose\n", b"\0" * 5000, b"PK\x03\x04 no zip"):
        path.write_bytes(content)
        with pytest.raises(BadInput) as caught:
            open_recording(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"")
    with pytest.raises(BadInput, match="empty"):
        open_recording(path)
    with pytest.raises(BadInput, match="does not exist"):
        open_recording(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="folder"):
        open_recording(tmp_path)


def test_wrong_options_are_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="order"):
        open_recording(folder / "npy", order="backwards")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="size"):
        open_recording(folder / "npy", size=(0, 5))


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from engine.events.formats.aedat4 import Aedat4Reader
    from engine.events.formats.hdf5 import Hdf5Reader
    from engine.events.formats.parquet import ParquetReader

    for name, module, reader in (
        ("hdf5-dsec", "h5py", Hdf5Reader),
        ("parquet", "pyarrow.parquet", ParquetReader),
        ("aedat4-lz4", "lz4.frame", Aedat4Reader),
        ("aedat4-zstd", "zstandard", Aedat4Reader),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(BadInput, match=r"needs the package .* pip install revisit\[recordings\]"):
            reader(folder / name, None)


def test_a_crash_of_the_library_in_the_child_is_a_sentence(folder: Path) -> None:
    with open_recording(folder / "hdf5-dsec") as reader:
        chunks = reader.chunks(max_events=100)
        assert len(next(chunks)) == 100
        reader._child.kill()  # type: ignore[attr-defined]
        assert len(joined(list(chunks))) < len(EVENTS)
        assert any("crashed" in notice for notice in reader.notices)


def test_every_format_says_what_it_is() -> None:
    for name, module in all_formats().items():
        assert module.TITLE and isinstance(module.RANK, int), name
    assert {form for form, _ in made.FORMATS.values()} == set(all_formats())


def test_a_closed_reader_reads_no_more(folder: Path) -> None:
    for name in made.FORMATS:
        with open_recording(folder / name) as reader:
            pass
        with pytest.raises(ValueError):
            list(reader.chunks())


def test_columns_are_found_by_name_and_by_content(tmp_path: Path) -> None:
    lines = {
        "named.csv": ("x,y,polarity,timestamp\n", "{x},{y},{p},{t}\n"),
        "prophesee.csv": ("", "{x},{y},{p},{t}\n"),
        "signs.txt": ("# comment\n", "{t} {x} {y} {s}\n"),
        "tabs.txt": ("346\t260\r\n", "{t}\t{x}\t{y}\t{p}\r\n"),
    }
    for name, (head, line) in lines.items():
        body = "".join(line.format(t=t, x=x, y=y, p=p, s=2 * p - 1) for t, x, y, p in made.rows(EVENTS))
        (tmp_path / name).write_text(head + body, newline="")
        with open_recording(tmp_path / name) as reader:
            assert reader.metadata["time_unit"] == "us"
            assert joined(list(reader.chunks())).tolist() == EVENTS.tolist(), name


def test_prophesee_hdf5_and_its_codec(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    records = np.zeros(len(EVENTS), [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    for name, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
        records[name] = EVENTS[field]
    path = tmp_path / "open.hdf5"
    with h5py.File(path, "w") as file:
        file["CD/events"] = records
        file.attrs["geometry"] = "1280x720"
    with open_recording(path) as reader:
        assert reader.size == (1280, 720)
        assert joined(list(reader.chunks())).tolist() == EVENTS.tolist()
    path = tmp_path / "closed.hdf5"
    with h5py.File(path, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((100,))
        plist.set_filter(0x8ECF, h5py.h5z.FLAG_OPTIONAL, (1,))
        group = file.create_group("CD")
        space = h5py.h5s.create_simple((len(records),))
        h5py.h5d.create(group.id, b"events", h5py.h5t.py_create(records.dtype), space, dcpl=plist)
    with pytest.raises(BadInput, match="ECF codec"):
        open_recording(path)


def test_a_dataset_in_another_file_is_not_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "dsec").write_bytes(made.dsec(EVENTS))
    with h5py.File(tmp_path / "link", "w") as file:
        file["events"] = h5py.ExternalLink(str(tmp_path / "dsec"), "events")
    with h5py.File(tmp_path / "raw", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", (10,), "i8", external=[(str(tmp_path / "dsec"), 0, 80)])
    for name in ("link", "raw"):
        with pytest.raises(BadInput):
            open_recording(tmp_path / name)
