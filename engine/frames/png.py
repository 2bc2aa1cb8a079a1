"""Event frames as 8-bit grayscale PNG files."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.storage import replacing

Frame = NDArray[np.uint8]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST_SIDE = 8192
_COLOURS = {0: "grayscale", 2: "colour", 3: "palette", 4: "grayscale with alpha", 6: "colour with alpha"}


def read_frame(path: Path) -> Frame:
    """Read one event frame.

    Returns:
        (height, width) uint8, events counted per pixel.

    Raises:
        BadInput: missing, broken, or anything but 8-bit grayscale.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: check the index file against the folder.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    _check_png(content, path)
    import cv2

    frame = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if frame is None or frame.ndim != 2 or frame.dtype != np.uint8:
        raise BadInput(f"{path} is broken: its pixels cannot be decoded; export this frame again.")
    return np.asarray(frame, np.uint8)


def read_frames(paths: Iterable[Path], each: Callable[[int], None] | None = None) -> Frame:
    """Read event frames of one size.

    Args:
        paths: the files, in order.
        each: called with the number of frames read so far; may raise to stop.

    Returns:
        (frames, height, width) uint8.

    Raises:
        BadInput: no file at all, a broken file, or one whose size differs from the first one's.
    """
    frames: list[Frame] = []
    first: Path | None = None
    for path in paths:
        frame = read_frame(path)
        if first is None:
            first = path
        elif frame.shape != frames[0].shape:
            raise BadInput(
                f"{path} is {_size(frame)} pixels, but {first.name} is {_size(frames[0])}: a traverse has one size of frames, "
                "convert or remove this one."
            )
        frames.append(frame)
        if each is not None:
            each(len(frames))
    if first is None:
        raise BadInput("There are no frames to read: the traverse is empty.")
    return np.stack(frames)


def encode_png(frame: NDArray[np.uint8]) -> bytes:
    """PNG bytes of a (height, width) grayscale or (height, width, 3) RGB uint8 image."""
    import cv2

    ok, content = cv2.imencode(".png", frame if frame.ndim == 2 else frame[..., ::-1])
    if not ok:
        raise ValueError(f"an image of shape {frame.shape} and type {frame.dtype} cannot be written as PNG")
    return bytes(content)


def write_png(path: Path, frame: NDArray[np.uint8]) -> None:
    """Write a grayscale or RGB uint8 image, whole or not at all."""
    content = encode_png(frame)
    with replacing(path) as part:
        part.write_bytes(content)


def _size(frame: Frame) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"


def _check_png(content: bytes, path: Path) -> None:
    """Refuse what is not a whole 8-bit grayscale PNG.

    OpenCV decodes a truncated file into a half-black image without a word, so the checksums are walked here.
    """
    if not content.startswith(_SIGNATURE):
        raise BadInput(f"{path} is not a PNG file: event frames are 8-bit grayscale PNGs.")
    kinds = []
    for kind, body in _chunks(content, path):
        kinds.append(kind)
        if kind == b"IHDR" and len(body) == 13:
            width, height = int.from_bytes(body[0:4], "big"), int.from_bytes(body[4:8], "big")
            depth, colour = body[8], body[9]
            if colour != 0 or depth != 8:
                raise BadInput(
                    f"{path} is {depth}-bit {_COLOURS.get(colour, 'of an unknown colour type')}: "
                    "event frames are 8-bit grayscale, convert it first."
                )
            if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
                raise BadInput(f"{path} says it is {width}x{height} pixels: sides of 1 to {_LARGEST_SIDE} are read.")
    if kinds[:1] != [b"IHDR"] or b"IDAT" not in kinds or kinds[-1] != b"IEND":
        raise BadInput(f"{path} is broken: it ends too early; export this frame again.")


def _chunks(content: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    position = len(_SIGNATURE)
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 12 + length
        kind, body = content[position + 4 : position + 8], content[position + 8 : end - 4]
        if end > len(content) or zlib.crc32(kind + body) != int.from_bytes(content[end - 4 : end], "big"):
            raise BadInput(f"{path} is broken: a part of it is cut off or damaged; export this frame again.")
        yield kind, body
        if kind == b"IEND":
            return
        position = end
