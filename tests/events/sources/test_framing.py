"""The stream's format: what was sent is what is decoded, for every way to cut the bytes, and nothing else is believed."""

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events.array import EVENT_DTYPE, EventArray
from engine.events.sources.framing import HEADER_BYTES, LARGEST_PACKET, PacketDecoder, header, wire_events
from engine.events.sources.source import SourceFailed

from .helpers import SIZE, make_events


def decode(stream: bytes, cuts: list[int]) -> tuple[list[EventArray], PacketDecoder, list[tuple[bool, int]]]:
    decoder = PacketDecoder()
    found, ends = [], []
    edges = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for begin, end in itertools.pairwise(edges):
        piece = stream[begin:end]
        while piece:
            space = decoder.space()
            assert len(space) > 0
            count = min(len(space), len(piece))
            space[:count] = piece[:count]
            packet = decoder.wrote(count)
            piece = piece[count:]
            if packet is not None:
                assert packet.size == SIZE
                found.append(packet.events)
                ends.append((packet.last, packet.dropped))
    return found, decoder, ends


def test_the_header_is_what_the_documentation_says() -> None:
    written = header((640, 480), 3, 7, last=True)
    assert written == b"RVEV" + bytes([1, 0, 1, 0, 0x80, 2, 0xE0, 1, 3, 0, 0, 0, 7, 0, 0, 0])
    assert len(written) == HEADER_BYTES == 20


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=8),
    st.lists(st.integers(0, 60 * 16 * 8), max_size=60),
    st.integers(0, 2**40),
)
def test_events_come_out_as_they_went_in_for_every_chunking(counts: list[int], cuts: list[int], dropped: int) -> None:
    events = make_events(sum(counts))
    packets, first = [], 0
    for number, count in enumerate(counts):
        packets.append(header(SIZE, count, dropped, last=number == len(counts) - 1))
        packets.append(events[first : first + count].tobytes())
        first += count
    found, decoder, ends = decode(b"".join(packets), cuts)
    assert [len(part) for part in found] == counts
    assert np.array_equal(np.concatenate(found), events)
    assert ends == [(False, dropped % 2**32)] * (len(counts) - 1) + [(True, dropped % 2**32)]
    assert decoder.between_packets


def test_every_byte_at_a_time() -> None:
    events = make_events(5)
    stream = header(SIZE, 5, 0) + events.tobytes()
    found, _, _ = decode(stream, list(range(len(stream))))
    assert np.array_equal(found[0], events)


def test_a_cut_packet_keeps_its_whole_events() -> None:
    events = make_events(5)
    stream = header(SIZE, 5, 0) + events.tobytes()
    for length in range(len(stream)):
        found, decoder, _ = decode(stream[:length], [])
        assert not found
        whole = decoder.whole_events()
        assert np.array_equal(whole, events[: max(0, length - HEADER_BYTES) // 16])


def raw_header(
    magic: bytes = b"RVEV", version: int = 1, flags: int = 0, width: int = 320, height: int = 240, count: int = 0
) -> bytes:
    return struct.pack("<4sHHHHII", magic, version, flags, width, height, count, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (raw_header(magic=b"HTTP"), "does not send Revisit's event stream"),
        (raw_header(version=2), "version 2"),
        (raw_header(flags=6), "unknown flags"),
        (raw_header(width=60_000, height=60_000), "60000x60000"),
        (raw_header(width=0), "0x240"),
        (raw_header(count=LARGEST_PACKET + 1), "1048577"),
        (raw_header(count=0xFFFF_FFFF), "4294967295"),
    ],
)
def test_a_wrong_header_is_a_sentence_before_memory_is_taken(wrong: bytes, says: str) -> None:
    decoder = PacketDecoder("The stream x")
    decoder.space()[:20] = wrong
    with pytest.raises(SourceFailed, match=says) as failure:
        decoder.wrote(20)
    assert str(failure.value).startswith("The stream x")
    assert len(decoder.space()) <= HEADER_BYTES


def test_a_sensor_that_changes_is_refused() -> None:
    decoder = PacketDecoder()
    decoder.space()[:20] = raw_header()
    assert decoder.wrote(20) is not None
    decoder.space()[:20] = raw_header(width=640)
    with pytest.raises(SourceFailed, match="320x240 to 640x240"):
        decoder.wrote(20)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_garbage_ends_in_a_sentence_or_waits_for_more(garbage: bytes) -> None:
    try:
        decode(garbage, [])
    except SourceFailed as failure:
        assert str(failure).endswith(".")
    else:
        assert len(garbage) < HEADER_BYTES or garbage[:4] == b"RVEV"


def test_unused_bytes_leave_as_zeros() -> None:
    events = make_events(100)
    events.view(np.uint8).reshape(-1, 16)[:, 13:] = 0xAB
    wired = wire_events(events[::1])
    assert np.array_equal(wired, events)
    assert wired.dtype == EVENT_DTYPE
    assert not wired.view(np.uint8).reshape(-1, 16)[:, 13:].any()
    assert not np.shares_memory(wired, events)
