"""Small recordings of every format, made without the code under test where another maker exists."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.events.array import EventArray, empty_events

WIDTH, HEIGHT = 346, 260


def some_events(count: int, seed: int = 0, start: int = 1000, gap: int = 40) -> EventArray:
    """Events in order on a sensor of 346 x 260."""
    rng = np.random.default_rng(seed)
    events = empty_events(count)
    events["timestamp"] = start + np.cumsum(rng.integers(0, gap, count))
    events["x"], events["y"] = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    events["polarity"] = rng.integers(0, 2, count)
    return events


def rows(events: EventArray) -> list[tuple[int, int, int, int]]:
    """(t, x, y, p) as Python numbers."""
    return list(zip(*(events[name].tolist() for name in ("timestamp", "x", "y", "polarity")), strict=True))


def evt2(events: EventArray) -> bytes:
    words, high = [], -1
    for t, x, y, p in rows(events):
        if t >> 6 != high:
            high = t >> 6
            words.append(0x8 << 28 | (high & 0x0FFFFFFF))
        words.append(p << 28 | (t & 0x3F) << 22 | x << 11 | y)
    head = f"% evt 2.0\n% format EVT2;height={HEIGHT};width={WIDTH}\n% end\n".encode()
    return head + struct.pack(f"<{len(words)}I", *words)


def evt3_words(events: EventArray) -> list[int]:
    """EVT 3.0 words; neighbours on a row at one time and polarity become vectors."""
    words: list[int] = []
    high = low = row = -1
    items, i = rows(events), 0
    while i < len(items):
        t, x, y, p = items[i]
        if t >> 12 != high:
            high, low = t >> 12, -1
            words.append(0x8000 | (high & 0xFFF))
        if t & 0xFFF != low:
            low = t & 0xFFF
            words.append(0x6000 | low)
        if y != row:
            row = y
            words.append(y)
        j, bits = i, 0
        while j < len(items) and items[j][0] == t and items[j][2:] == (y, p) and x <= items[j][1] < x + 20:
            bit = 1 << (items[j][1] - x)
            if bit <= bits:  # vectors put out from the left to the right
                break
            bits |= bit
            j += 1
        if j - i > 1:
            words += [0x3000 | p << 11 | x, 0x4000 | bits & 0xFFF, 0x5000 | bits >> 12]
            i = j
        else:
            words.append(0x2000 | p << 11 | x)
            i += 1
    return words


def evt3(events: EventArray) -> bytes:
    words = evt3_words(events)
    return f"% evt 3.0\n% geometry {WIDTH}x{HEIGHT}\n% end\n".encode() + struct.pack(f"<{len(words)}H", *words)


def dat(events: EventArray) -> bytes:
    head = f"% Data file containing CD events.\n% Version 2\n% Width {WIDTH}\n% Height {HEIGHT}\n".encode() + b"\x0c\x08"
    return head + b"".join(struct.pack("<II", t & 0xFFFFFFFF, p << 28 | y << 14 | x) for t, x, y, p in rows(events))


def aedat2(events: EventArray) -> bytes:
    head = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS346\r\n#End Of ASCII Header\r\n"
    out = [head, struct.pack(">II", 0x80000000, 5), struct.pack(">II", 0x400, 6)]  # a frame's sample, an external event
    for t, x, y, p in rows(events):
        out.append(struct.pack(">II", (HEIGHT - 1 - y) << 22 | (WIDTH - 1 - x) << 12 | p << 11, t & 0xFFFFFFFF))
    return b"".join(out)


def aedat31(events: EventArray) -> bytes:
    out = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS346\r\n#!END-HEADER\r\n"]
    out.append(struct.pack("<hhiiiiii", 2, 1, 4, 0, 0, 1, 1, 1) + b"\0" * 4)  # a frame, passed over
    items = rows(events)
    for first in range(0, len(items), 100):
        part = items[first : first + 100]
        for overflow in sorted({t >> 31 for t, *_ in part}):
            kept = [item for item in part if item[0] >> 31 == overflow]
            out.append(struct.pack("<hhiiiiii", 1, 1, 8, 4, overflow, 2 * len(kept), len(kept) + 1, len(kept)))
            out += [struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t & 0x7FFFFFFF) for t, x, y, p in kept]
            out.append(struct.pack("<Ii", 5 << 17 | 5 << 2, 0))  # not valid
    return b"".join(out)


def aedat4(events: EventArray, compression: str = "lz4") -> bytes:
    import tempfile

    from engine.events.writer import EventWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.aedat4"
        with EventWriter(path, (WIDTH, HEIGHT), compression=compression, flush_ms=None) as writer:  # type: ignore[arg-type]
            for first in range(0, len(events), 100):
                writer.write(events[first : first + 100])
                writer.flush()
        return path.read_bytes()


def text(events: EventArray) -> bytes:
    lines = [f"{WIDTH} {HEIGHT}\n"]
    lines += [f"{t // 1_000_000}.{t % 1_000_000:06d} {x} {y} {p}\n" for t, x, y, p in rows(events)]
    return "".join(lines).encode()


def text_zip(events: EventArray) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.txt", text(events))
    return out.getvalue()


def text_gzip(events: EventArray) -> bytes:
    return gzip.compress(text(events), mtime=0)


def npy(events: EventArray) -> bytes:
    out = io.BytesIO()
    np.save(out, np.stack([events[name].astype(np.int64) for name in ("timestamp", "x", "y", "polarity")], 1))
    return out.getvalue()


def npy_records(events: EventArray) -> bytes:
    records = np.zeros(len(events), [("t", ">f8"), ("x", ">u2"), ("y", ">u2"), ("p", "?")])
    for name, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
        records[name] = events[field]
    out = io.BytesIO()
    np.save(out, records)
    return out.getvalue()


def npz(events: EventArray) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, t=events["timestamp"], x=events["x"], y=events["y"], p=events["polarity"] * 2 - 1)
    return out.getvalue()


def _hdf5(fill: Callable[..., None]) -> bytes:
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        fill(file)
    return out.getvalue()


def dsec(events: EventArray) -> bytes:
    def fill(file) -> None:  # type: ignore[no-untyped-def]
        start = int(events["timestamp"][0]) if len(events) else 0
        t = events["timestamp"] - start
        options = {"chunks": (min(256, len(t)),), "compression": "gzip"} if len(t) else {}
        for name, values in (("t", t), ("x", events["x"]), ("y", events["y"]), ("p", events["polarity"])):
            file.create_dataset(f"events/{name}", data=values, **options)
        file["t_offset"] = start
        file["ms_to_idx"] = np.searchsorted(t, 1000 * np.arange((t[-1] // 1000 + 2) if len(t) else 0))

    return _hdf5(fill)


def mvsec(events: EventArray) -> bytes:
    def fill(file) -> None:  # type: ignore[no-untyped-def]
        file["davis/left/events"] = np.stack(
            [events["x"].astype(float), events["y"], events["timestamp"] / 1e6, events["polarity"] * 2.0 - 1], 1
        )

    return _hdf5(fill)


def nsavp(events: EventArray) -> bytes:
    def fill(file) -> None:  # type: ignore[no-untyped-def]
        for name, values in (
            ("timestamps", events["timestamp"] * 1000),
            ("x_coordinates", events["x"].astype("u2")),
            ("y_coordinates", events["y"].astype("u2")),
            ("polarities", events["polarity"].astype("u1")),
        ):
            file[f"events/{name}"] = values

    return _hdf5(fill)


def parquet(events: EventArray) -> bytes:
    import pyarrow
    from pyarrow import parquet as writer

    out = io.BytesIO()
    table = pyarrow.table(
        {name: events[field] for name, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity"))}
    )
    writer.write_table(table, out, row_group_size=100)
    return out.getvalue()


def rosbag(events: EventArray, package: str = "dvs_msgs", compression: str = "lz4") -> bytes:
    import tempfile

    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg("uint16 x\nuint16 y\ntime ts\nbool polarity\n", f"{package}/msg/Event"))
    layout = f"std_msgs/Header header\nuint32 height\nuint32 width\n{package}/Event[] events\n"
    store.register(get_types_from_msg(layout, f"{package}/msg/EventArray"))
    event, message = store.types[f"{package}/msg/Event"], store.types[f"{package}/msg/EventArray"]
    header, time = store.types["std_msgs/msg/Header"], store.types["builtin_interfaces/msg/Time"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.bag"
        bag = Writer(path)
        bag.chunk_threshold = 1 << 14  # several chunks, also in a small bag
        if compression != "none":
            bag.set_compression(Writer.CompressionFormat[compression.upper()])
        with bag:
            bag.add_connection("/a/text", "std_msgs/msg/String", typestore=store)
            topic = bag.add_connection("/dvs/events", f"{package}/msg/EventArray", typestore=store)
            for first in range(0, len(events), 100):
                items = rows(events[first : first + 100])
                packed = [event(x, y, time(t // 1_000_000, t % 1_000_000 * 1000), bool(p)) for t, x, y, p in items]
                stamp = time(items[-1][0] // 1_000_000, 0)
                whole = message(header(first, stamp, "camera"), HEIGHT, WIDTH, packed)
                bag.write(topic, items[-1][0] * 1000, store.serialize_ros1(whole, f"{package}/msg/EventArray"))
        return path.read_bytes()


FORMATS: dict[str, tuple[str, Callable[[EventArray], bytes]]] = {
    "aedat4-lz4": ("aedat4", aedat4),
    "aedat4-zstd": ("aedat4", lambda events: aedat4(events, "zstd")),
    "aedat4-none": ("aedat4", lambda events: aedat4(events, "none")),
    "aedat31": ("aedat31", aedat31),
    "aedat2": ("aedat2", aedat2),
    "evt2": ("evt2", evt2),
    "evt3": ("evt3", evt3),
    "dat": ("dat", dat),
    "npy": ("npy", npy),
    "npy-records": ("npy", npy_records),
    "npz": ("npz", npz),
    "text": ("text", text),
    "text-zip": ("text", text_zip),
    "text-gzip": ("text", text_gzip),
    "hdf5-dsec": ("hdf5", dsec),
    "hdf5-mvsec": ("hdf5", mvsec),
    "hdf5-nsavp": ("hdf5", nsavp),
    "parquet": ("parquet", parquet),
    "rosbag-none": ("rosbag1", lambda events: rosbag(events, compression="none")),
    "rosbag-bz2": ("rosbag1", lambda events: rosbag(events, "prophesee_event_msgs", "bz2")),
    "rosbag-lz4": ("rosbag1", rosbag),
}
"""By name: the format that a reader should say, and bytes of a file that holds the events."""

SAYS_SIZE = {name for name in FORMATS if not name.startswith(("np", "parquet"))}
