"""Zip files from outside."""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path

ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError, struct.error, KeyError,
    ValueError, IndexError, OverflowError, AttributeError,
)  # fmt: skip
"""What Python's zipfile raises on damaged, encrypted or exotic files."""


def is_zip(head: bytes) -> bool:
    """Whether the file begins as a zip does."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def members(path: Path) -> list[str]:
    """Names of the files in a zip; none where its directory is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]
    except ZIP_ERRORS:
        return []
