"""Damaged recordings of every format: a sentence or what could be read, never a crash, a hang or endless memory.

REVISIT_FUZZ multiplies the number of examples; REVISIT_FUZZ_NATIVE=1 leaves out the formats that other libraries read, for
runs under the sanitizers.
"""

import io
import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.events.array import joined
from engine.events.recording import open_recording
from tests.events import made
from tests.waiting import PATIENCE_S

TIMES = int(os.environ.get("REVISIT_FUZZ", "1"))
IN_A_CHILD = {name for name, (form, _) in made.FORMATS.items() if form in ("hdf5", "parquet")}
LIBRARIES = IN_A_CHILD | {"aedat4-lz4", "aedat4-zstd"} if os.environ.get("REVISIT_FUZZ_NATIVE") else set()
NAMES = [name for name in made.FORMATS if name not in LIBRARIES and not (LIBRARIES and name.startswith("rosbag"))]
EVENTS = made.some_events(20)
FILES = {name: made.FORMATS[name][1](EVENTS) for name in NAMES}


def read_damaged(path: Path) -> tuple[np.ndarray, list[str], int] | str:
    """(events, notices, malformed) or the sentence; the promises of a reader are checked on the way."""
    started = time.monotonic()
    try:
        with open_recording(path) as reader:
            chunks, newest = [], None
            for chunk in reader.chunks(max_events=16):
                t, x, y, p = (chunk[name] for name in ("timestamp", "x", "y", "polarity"))
                assert 0 < len(chunk) <= 16
                assert (np.diff(t) >= 0).all() and (newest is None or t[0] >= newest)
                assert (x >= 0).all() and (y >= 0).all() and np.isin(p, (0, 1)).all()
                if reader.size is not None:
                    assert (x < reader.size[0]).all() and (y < reader.size[1]).all()
                newest = t[-1]
                chunks.append(chunk.copy())
            if reader.time_range is not None:
                list(reader.chunks(start_us=sum(reader.time_range) // 2))
            assert 0 <= reader.progress <= 1
            return joined(chunks), reader.notices, reader.counts.malformed
    except BadInput as error:
        text = str(error)
        assert str(path) in text and "\n" not in text and text.endswith(".")
        return text
    finally:
        assert time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize("name", NAMES)
def test_cut_off_at_every_byte(tmp_path: Path, name: str) -> None:
    path, data = tmp_path / "cut", FILES[name]
    every = len(data) // 7 if name in IN_A_CHILD else 1
    fewer_without_a_word = 0
    for length in range(0, len(data), every):
        if length % 64 and data[length - 64 : length + 64] == b" " * 128:
            continue  # the padding of a bag's header
        path.write_bytes(data[:length])
        result = read_damaged(path)
        if not isinstance(result, str):
            events, notices, malformed = result
            assert events.tolist() == EVENTS[: len(events)].tolist(), length
            fewer_without_a_word += len(events) < len(EVENTS) and not notices and not malformed
    # Where events have no frame around them, a cut between two of them cannot be seen.
    if name.startswith(("aedat4", "npy", "npz", "hdf5", "parquet", "rosbag", "text-zip")):
        assert fewer_without_a_word == 0


@pytest.mark.parametrize("name", NAMES)
def test_bytes_changed_at_random(tmp_path: Path, name: str) -> None:
    path, data = tmp_path / "changed", FILES[name]
    number = st.sampled_from(
        [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 1 << 20, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1]
    )
    last = len(data) - 1
    where = st.one_of(st.integers(0, last), st.integers(0, min(last, 300)), st.integers(max(0, last - 300), last))
    change = st.one_of(
        st.tuples(st.just("set"), where, st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("set"), where, number.map(lambda value: value.to_bytes(4, "little"))),
        st.tuples(st.just("set"), where, number.map(lambda value: (value << 32 | value).to_bytes(8, "little"))),
        st.tuples(st.just("insert"), where, st.binary(min_size=1, max_size=9)),
        st.tuples(st.just("remove"), where, st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("repeat"), where, st.binary(min_size=1, max_size=40)),
    )

    @settings(
        max_examples=TIMES * (7 if name in IN_A_CHILD else 100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(change, min_size=1, max_size=6))
    def check(changes: list[tuple[str, int, bytes]]) -> None:
        changed = bytearray(data)
        for kind, at, value in changes:
            if kind == "set":
                changed[at : at + len(value)] = value
            elif kind == "insert":
                changed[at:at] = value
            elif kind == "remove":
                del changed[at : at + len(value)]
            else:
                changed[at:at] = changed[at : at + len(value)]
        path.write_bytes(changed)
        read_damaged(path)

    check()


@settings(max_examples=TIMES * 200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([b"", *sorted({data[:14] for data in FILES.values()}), *sorted({data[:80] for data in FILES.values()})]),
    rest=st.binary(max_size=400),
)
def test_a_right_beginning_and_then_anything(tmp_path: Path, head: bytes, rest: bytes) -> None:
    if head.startswith((b"\x89HDF", b"PAR1")):
        return  # one child each: they have the tests above
    path = tmp_path / "anything"
    path.write_bytes(head + rest)
    read_damaged(path)


CLAIMS = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from tests.events.test_fuzz import read_damaged
for name in sys.argv[1:]:
    result = read_damaged(Path(name))
    print(Path(name).name, result if isinstance(result, str) else (len(result[0]), result[1]))
# Not ru_maxrss, which begins at what the parent had.
print("peak", next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def _claims() -> dict[str, bytes]:
    """Files that claim to hold 10 GB, or nearly."""
    import lz4.frame

    huge = 10 << 30
    header = FILES["aedat4-none"] if "aedat4-none" in FILES else made.aedat4(EVENTS, "none")
    first = 18 + struct.unpack_from("<I", header, 14)[0]
    lz4_head = made.aedat4(EVENTS)[:first]
    zstd_head = made.aedat4(EVENTS, "zstd")[:first]
    vector = struct.pack("<II4s2xHHHiII", 44, 16, b"EVTS", 6, 8, 4, 6, 4, (1 << 32) - 1)
    lz4_bomb = lz4.frame.compress(b"\0" * (300 << 20))
    # A frame that says 10 GB in its header and holds nothing.
    zstd_claim = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", huge) + b"\x01\x00\x00"
    npy = io.BytesIO()
    np.lib.format.write_array_header_1_0(npy, {"descr": "<i8", "fortran_order": False, "shape": (huge // 32, 4)})
    npz = io.BytesIO()
    with zipfile.ZipFile(npz, "w") as archive:
        for name in "txyp":
            column = io.BytesIO()
            np.lib.format.write_array_header_1_0(column, {"descr": "<i8", "fortran_order": False, "shape": (huge // 8,)})
            archive.writestr(f"{name}.npy", column.getvalue() + b"\0" * 80)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.txt", b"1 2 3 1\n" + b" " * (64 << 20))
    packet = struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, (1 << 31) - 1, (1 << 31) - 1, (1 << 31) - 1)
    aedat31 = b"#!AER-DAT3.1\r\n#Source 1: DAVIS346\r\n#!END-HEADER\r\n" + packet + struct.pack("<Ii", 3, 5)
    fields = b"op=\x05", b"compression=none", b"size=" + struct.pack("<I", 0xFFFFFFF0)
    record = b"".join(struct.pack("<I", len(field)) + field for field in fields)
    bag = b"#ROSBAG V2.0\n" + struct.pack("<I", len(record)) + record + struct.pack("<I", 0xFFFFFFF0) + b"\0" * 100
    gzip_bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    return {
        "aedat4-header": b"#!AER-DAT4.0\r\n" + struct.pack("<I", 0xFFFFFFF0) + b"\0" * 100,
        "aedat4-packet": header[:first] + struct.pack("<ii", 0, (1 << 31) - 1) + b"\0" * 100,
        "aedat4-vector": header[:first] + struct.pack("<ii", 0, 48) + vector + b"\0" * 16,
        "aedat4-lz4-bomb": lz4_head + struct.pack("<ii", 0, len(lz4_bomb)) + lz4_bomb,
        "aedat4-zstd-claim": zstd_head + struct.pack("<ii", 0, len(zstd_claim)) + zstd_claim,
        "npy": npy.getvalue() + b"\0" * 64,
        "npz": npz.getvalue(),
        "text-bomb": zipped.getvalue(),
        "gzip-bomb": gzip_bomb.compress(b"1 2 3 1\n" + b"\0" * (64 << 20)) + gzip_bomb.flush(),
        "aedat31": aedat31,
        "rosbag": bag,
    }


@pytest.mark.skipif(bool(LIBRARIES), reason="the sanitizers need more address space than the limit")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_claim_of_ten_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    for name, content in _claims().items():
        (tmp_path / name).write_bytes(content)
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        [sys.executable, "-c", CLAIMS, *files],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert int(said.pop("peak")) < 900 << 10  # KiB; importing what the tests need takes some 150 MiB
    assert set(said) == set(_claims())
    assert said["npy"].startswith("(2,") and "cut off" in said["npy"]
    assert (
        "left out" in said["aedat4-lz4-bomb"] and "left out" in said["aedat4-zstd-claim"] and "left out" in said["aedat4-vector"]
    )


@pytest.mark.skipif(bool(LIBRARIES), reason="libhdf5 is left out")
def test_hdf5_that_claims_ten_gigabytes(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "claim", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", (10 << 27,), "i8", chunks=(1000,))
    result = read_damaged(tmp_path / "claim")
    assert isinstance(result, str) and f"claims {10 << 30} bytes" in result


@pytest.mark.skipif(bool(LIBRARIES), reason="libhdf5 is left out")
def test_a_child_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from engine.events.formats import _isolated

    (tmp_path / "dsec").write_bytes(made.dsec(EVENTS))
    with open_recording(tmp_path / "dsec") as reader:
        monkeypatch.setattr(_isolated, "TIMEOUT_S", 0.5)
        reader._child.send_signal(signal.SIGSTOP)  # type: ignore[attr-defined]
        assert list(reader.chunks()) == []
        assert any("gave no sign" in notice for notice in reader.notices)
