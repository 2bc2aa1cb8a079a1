"""Event frames in and out of PNG files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.errors import BadInput
from engine.frames.png import encode_png, read_frame, read_frames, write_png


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_frame_comes_back_as_it_went(tmp_path_factory: pytest.TempPathFactory, frame: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("png") / "frame.png"
    write_png(path, frame)
    np.testing.assert_array_equal(read_frame(path), frame)


def test_lens_example_is_read(shared_data: Path) -> None:
    folder = shared_data / "lens-example/example/davis128/example-reference"
    frames = read_frames(sorted(folder.glob("*.png")))
    assert frames.shape == (100, 80, 80)
    assert frames.dtype == np.uint8


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, frame: np.ndarray) -> None:
    content = encode_png(frame)
    path = tmp_path / "cut.png"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(BadInput, match=r"cut\.png"):
            read_frame(path)


def test_a_damaged_byte_is_noticed(tmp_path: Path, frame: np.ndarray) -> None:
    content = bytearray(encode_png(frame))
    path = tmp_path / "bad.png"
    for position in range(8, len(content), 7):
        content[position] ^= 0x55
        path.write_bytes(content)
        with pytest.raises(BadInput):
            read_frame(path)
        content[position] ^= 0x55


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((8, 8, 3), np.uint8), "8-bit colour"),
        (np.zeros((8, 8, 4), np.uint8), "8-bit colour with alpha"),
        (np.zeros((8, 8), np.uint16), "16-bit grayscale"),
    ],
)
def test_anything_but_8_bit_gray_is_refused_by_name(tmp_path: Path, image: np.ndarray, words: str) -> None:
    path = tmp_path / "frame.png"
    assert cv2.imwrite(str(path), image)
    with pytest.raises(BadInput, match=words):
        read_frame(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(b"GIF89a and so on")
    with pytest.raises(BadInput, match="not a PNG"):
        read_frame(path)
    with pytest.raises(BadInput, match="does not exist"):
        read_frame(tmp_path / "none.png")


def test_frames_of_two_sizes_are_refused(tmp_path: Path, frame: np.ndarray) -> None:
    write_png(tmp_path / "a.png", frame)
    write_png(tmp_path / "b.png", frame[:12])
    with pytest.raises(BadInput, match=r"b\.png is 32x12 pixels, but a\.png is 32x24"):
        read_frames([tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(BadInput, match="no frames"):
        read_frames([])
