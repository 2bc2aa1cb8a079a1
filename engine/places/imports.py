"""Frames from elsewhere: a folder of images as a new traverse, and LENS's datasets as they are."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.frames.png import encode_png
from engine.jobs import CancelToken, Emit, Notice, Progress, Throttle
from engine.parameters import Parameters, parameter
from engine.places.making import TraverseName, write_new_traverse
from engine.places.natural import natural_key
from engine.places.poses import counted
from engine.places.traverse import Traverse, TraverseInfo
from engine.places.workspace import Workspace
from engine.storage import new_folder

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_LARGEST_FILE = 256 * 1024 * 1024
_LARGEST_SIDE = 8192
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EPOCHS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (float("inf"), 1e-3))
"""A number in a file's name below each limit is a time in s, ms, us or ns: microseconds a unit."""


class ImportParameters(Parameters):
    """Import a folder of images as a traverse."""

    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("davis128", "Name of the camera that filmed it.")
    name: str = parameter("", "Name of the traverse (left empty: the folder's).")
    size: tuple[int, int] | None = parameter(
        None, "Width and height that every image is brought to (left out: as they are, if they are of one size).", unit="pixels"
    )
    fit: Literal["crop", "stretch"] = parameter(
        "crop", "How an image of another shape is brought to that size: its middle part (crop), or the whole of it (stretch)."
    )
    times: Literal["none", "rate", "names"] = parameter(
        "none",
        "Where the frames' times come from: nowhere (none), one image every window_ms (rate), or the last number in each file's "
        "name (names), in seconds, or since 1970 in s, ms, us or ns. Poses need times.",
    )
    window_ms: float | None = parameter(None, "Time that each image covers (left out: unknown).", unit="ms", gt=0, le=3.6e6)


def import_images(workspace: Workspace, folder: Path, parameters: ImportParameters, emit: Emit, cancel: CancelToken) -> Traverse:
    """Make a traverse of the images in a folder, in natural order of their names; the images stay.

    Every image becomes 8-bit gray. Notices say what was converted.

    Raises:
        BadInput: no image, one that cannot be read, images of unequal sizes and no size given, or the name is taken.
        JobCancelled: stopped; nothing is left of it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder: choose the folder that has the images.")
    paths = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != "."),
        key=lambda path: natural_key(path.name),
    )
    if not paths:
        raise BadInput(f"{folder} has no images ({', '.join(suffix[1:] for suffix in SUFFIXES)}): choose another folder.")
    name = TraverseName(parameters.dataset, parameters.camera, parameters.name or folder.name)
    name.refuse_existing(workspace)
    starts = _starts(paths, parameters)
    window_ms = parameters.window_ms
    if window_ms is None and len(starts) > 1:
        window_ms = max(float(np.median(np.diff(starts))) / 1e3, 1e-3)
    info = TraverseInfo(
        window_ms=window_ms,
        start_us=starts[0] if starts else None,
        window_starts_us=starts,
        clock="names of the images" if parameters.times == "names" else "camera",
        made_from=f"{counted(len(paths), 'image')} of {folder}",
    )
    converter = _Converter(parameters)
    contents = (encode_png(converter.gray(path)) for path in paths)
    traverse = write_new_traverse(workspace, name, contents, len(paths), info, emit, cancel)
    for text in converter.told():
        emit(Notice(text))
    return traverse


def _starts(paths: Sequence[Path], parameters: ImportParameters) -> list[int]:
    if parameters.times == "none":
        return []
    if parameters.times == "rate":
        if parameters.window_ms is None:
            raise BadInput("times rate needs window_ms: give the time from one image to the next.")
        return [round(number * parameters.window_ms * 1000) for number in range(len(paths))]
    found = [_NUMBER.findall(path.stem) for path in paths]
    bare = next((path.name for path, numbers in zip(paths, found, strict=True) if not numbers), None)
    if bare is not None:
        raise BadInput(f"{bare} has no number in its name that could be its time: take times rate or none.")
    values = [numbers[-1] for numbers in found]
    middle = float(sorted(values, key=float)[len(values) // 2])
    scale = next(scale for limit, scale in _EPOCHS if middle < limit)
    starts = [_scaled(value, scale) for value in values]
    late = next((number for number in range(1, len(starts)) if starts[number] <= starts[number - 1]), None)
    if late is not None:
        raise BadInput(f"{paths[late].name} is not later than {paths[late - 1].name} by its name: take times rate or none.")
    return starts


def _scaled(text: str, scale: float) -> int:
    """A number's text in microseconds, to the digit where it is whole."""
    whole, _, rest = text.partition(".")
    if scale >= 1:
        return int(whole) * int(scale) + (round(float(f"0.{rest}") * scale) if rest else 0)
    return int(whole) // round(1 / scale)


class _Converter:
    """Turns images of any kind into 8-bit gray ones of one size, and remembers what it had to do."""

    def __init__(self, parameters: ImportParameters) -> None:
        self._size, self._fit = parameters.size, parameters.fit
        if self._size is not None and not all(1 <= side <= _LARGEST_SIDE for side in self._size):
            raise BadInput(f"size should be sides of 1 to {_LARGEST_SIDE} pixels, but is {self._size[0]} x {self._size[1]}.")
        self._first: tuple[str, tuple[int, int]] | None = None
        self._colour = self._deep = self._resized = 0

    def gray(self, path: Path) -> NDArray[np.uint8]:
        import cv2

        image = self._eight_bits(_decoded(path), path)
        height, width = image.shape
        if self._size is None:
            if self._first is None:
                self._first = (path.name, (width, height))
            elif self._first[1] != (width, height):
                name, (w, h) = self._first
                raise BadInput(
                    f"{path} is {width}x{height} pixels, but {name} is {w}x{h}: give the size that all images are brought to."
                )
            return image
        if (width, height) == self._size:
            return image
        self._resized += 1
        if self._fit == "crop":
            image = _middle(image, self._size)
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def told(self) -> list[str]:
        """What was converted, a sentence each."""
        said = []
        if self._colour:
            said.append(f"{counted(self._colour, 'colour image')} converted to 8-bit gray.")
        if self._deep:
            said.append(f"{counted(self._deep, '16-bit image')} made 8-bit: counts up to 255 kept, larger ranges divided by 256.")
        if self._resized and self._size is not None:
            how = "cut to the middle and scaled" if self._fit == "crop" else "stretched"
            said.append(f"{counted(self._resized, 'image')} {how} to {self._size[0]}x{self._size[1]} pixels.")
        return said

    def _eight_bits(self, image: NDArray[Any], path: Path) -> NDArray[np.uint8]:
        import cv2

        if image.ndim == 3:
            self._colour += 1
            codes = {3: cv2.COLOR_BGR2GRAY, 4: cv2.COLOR_BGRA2GRAY}
            if image.shape[2] == 2:  # gray with alpha
                image = image[..., 0]
            elif image.shape[2] in codes:
                image = cv2.cvtColor(image, codes[image.shape[2]])
            else:
                raise BadInput(f"{path} has {image.shape[2]} channels: gray and colour images are read.")
        if image.dtype == np.uint16:
            self._deep += 1
            # An event camera's 16-bit frames hold counts, which are mostly small; a photograph uses the whole range.
            image = image if int(image.max(initial=0)) <= 255 else image // 256
        elif image.dtype != np.uint8:
            raise BadInput(f"{path} has pixels of the type {image.dtype}: images of 8 or 16 bits are read, convert it first.")
        return np.ascontiguousarray(image, np.uint8)


def _decoded(path: Path) -> NDArray[Any]:
    import cv2

    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise BadInput(f"{path} has more than {_LARGEST_FILE >> 20} MiB: this is no event frame.")
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    except cv2.error:
        image = None
    if image is None or min(image.shape[:2]) < 1:
        raise BadInput(f"{path} is no image that can be decoded: take it out of the folder, or export it again.")
    if max(image.shape[:2]) > _LARGEST_SIDE:
        raise BadInput(f"{path} is {image.shape[1]}x{image.shape[0]} pixels: sides of up to {_LARGEST_SIDE} are read.")
    return np.asarray(image)


def _middle(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The largest middle part that has the shape of `size` (width, height)."""
    height, width = image.shape
    wide = min(width, max(round(height * size[0] / size[1]), 1))
    tall = min(height, max(round(width * size[1] / size[0]), 1))
    left, top = (width - wide) // 2, (height - tall) // 2
    return image[top : top + tall, left : left + wide]


# -- LENS's datasets


def import_tree(workspace: Workspace, folder: Path, emit: Emit, cancel: CancelToken) -> list[TraverseName]:
    """Copy all traverses of another workspace, or of LENS's dataset folder, as they are: frames, index files, ground truths.

    Raises:
        BadInput: the folder has no traverses, or one of them or its index file is there already; then nothing is copied.
        JobCancelled: stopped; the traverses that were copied whole are kept.
    """
    other = Workspace.open(folder)
    if other.root.resolve() == workspace.root.resolve():
        raise BadInput(f"{folder} is the open workspace itself: choose another folder.")
    names = [TraverseName(*found) for found in other.traverses()]
    if not names:
        raise BadInput(
            f"{folder} has no traverses (dataset/camera/traverse/*.png): choose LENS's dataset folder, or import it as images."
        )
    for name in names:
        name.refuse_existing(workspace)
    copied = []
    for number, name in enumerate(names):
        _copy(name, other, workspace, emit, cancel, f"{number + 1} of {len(names)}")
        copied.append(name)
    truths = 0
    for path in sorted(other.data_dir.glob("*/*/*_GT.*")):
        cancel.check()
        target = workspace.data_dir / path.relative_to(other.data_dir)
        if path.is_file() and not target.exists():
            shutil.copyfile(path, target)
            truths += path.suffix == ".npy"
    emit(Notice(f"{counted(len(copied), 'traverse')} and {counted(truths, 'ground truth')} copied from {folder}."))
    return copied


def _copy(name: TraverseName, other: Workspace, workspace: Workspace, emit: Emit, cancel: CancelToken, which: str) -> None:
    source, throttle = name.folder(other), Throttle()
    files = [path for path in source.iterdir() if path.is_file() and not path.name.startswith(".")]
    with new_folder(name.folder(workspace)) as part:
        for done, path in enumerate(files, start=1):
            cancel.check()
            shutil.copyfile(path, part / path.name)
            if done == len(files) or throttle.ready():
                emit(Progress(f"Copying {name.traverse} ({which})", done, len(files), "files"))
    index = other.index_file(name.traverse)
    if index.is_file() and not workspace.index_file(name.traverse).exists():
        shutil.copyfile(index, workspace.index_file(name.traverse))


def kind_of_folder(folder: Path) -> Literal["tree", "images", "recordings", "nothing"]:
    """What a folder that a person dropped holds: traverses, images, or else perhaps recordings."""
    for base in (folder / "dataset", folder):
        if base.is_dir() and next(base.glob("*/*/*/*.png"), None) is not None:
            return "tree"
    files = list(_first_files(folder))
    if any(path.suffix.lower() in SUFFIXES for path in files):
        return "images"
    return "recordings" if files else "nothing"


def _first_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
