"""Files that are whole or not there: written to a temporary name beside the target, then renamed."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import BadInput


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on a clean exit it takes target's place, on an exception it is removed.

    Missing parent folders are made; a link is followed. A cut of power leaves the old file or the new one.

    Raises:
        BadInput: target is there and is no file: renaming over a device or a pipe would destroy it for everyone.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise BadInput(f"{target} is not a file, so it cannot be replaced by one: choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(target)
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def check_can_be_made(target: Path, option: str) -> None:
    """Refuse a file that could not be made, before the work that it is for and not after it.

    Args:
        target: the file; folders that are missing would be made.
        option: that names it, for the message.

    Raises:
        BadInput: says which folder, and what to do.
    """
    blocked = in_the_way(target.parent)
    if blocked is not None:
        raise BadInput(f"{blocked} cannot be written to: name another file with {option}.")


def in_the_way(folder: Path) -> Path | None:
    """What keeps files from being made in a folder, which would itself be made where it is missing; None where nothing does."""
    there = folder
    while not there.exists():
        there = there.parent
    return None if there.is_dir() and os.access(there, os.W_OK) else there


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`, renamed to it on a clean exit and removed on an exception.

    Raises:
        BadInput: target is there already and is not an empty folder: nothing is overwritten.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise BadInput(f"{target} exists already: choose another name, or move it away.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(target)
    part.mkdir()
    try:
        yield part
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented UTF-8 JSON, whole or not at all."""
    with replacing(target) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(source: Path, limit: int = 64 * 1024 * 1024) -> Any:
    """Read a JSON file of at most `limit` bytes.

    Raises:
        BadInput: the file is missing, too large, or not JSON.
    """
    try:
        size = source.stat().st_size
        if size > limit:
            raise BadInput(f"{source} has {size} bytes, more than the {limit} that a file of this kind may have.")
        return json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{source} does not exist: check the path.") from None
    except (ValueError, OSError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{source} cannot be read as JSON ({error}).") from None
