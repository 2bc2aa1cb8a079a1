"""The little of FlatBuffers that AEDAT4 needs, with every offset checked against the buffer.

Source: FlatBuffers internals, https://flatbuffers.dev/internals/.
"""

import struct

from engine.events.formats._shared import Damaged

Buffer = bytes | bytearray | memoryview


def unpack(layout: struct.Struct, buffer: Buffer, at: int) -> int:
    """One little-endian number at byte `at`, or Damaged."""
    if at < 0 or at + layout.size > len(buffer):
        raise Damaged("an offset in it points outside")
    value: int = layout.unpack_from(buffer, at)[0]
    return value


U16, U32, U64, I32, I64 = (struct.Struct(f"<{code}") for code in "HIQiq")


class Table:
    """A table at byte `at` of a buffer; fields are by their number in the schema."""

    def __init__(self, buffer: Buffer, at: int) -> None:
        self.buffer, self.at = buffer, at
        self._vtable = at - unpack(I32, buffer, at)
        self._fields = (unpack(U16, buffer, self._vtable) - 4) // 2
        if self._fields < 0 or self._vtable < 0:
            raise Damaged("a table in it is broken")

    @classmethod
    def root(cls, buffer: Buffer, identifier: bytes) -> "Table":
        """The root table of a size-prefixed buffer with this file identifier."""
        if bytes(buffer[8:12]) != identifier:
            raise Damaged(f"it is not marked as {identifier.decode()}")
        return cls(buffer, 4 + unpack(U32, buffer, 4))

    def where(self, field: int) -> int | None:
        """Byte of a field's value, None where it is left out."""
        if field >= self._fields:
            return None
        offset = unpack(U16, self.buffer, self._vtable + 4 + 2 * field)
        return self.at + offset if offset else None

    def number(self, field: int, layout: struct.Struct, default: int) -> int:
        """A scalar field."""
        at = self.where(field)
        return default if at is None else unpack(layout, self.buffer, at)

    def vector(self, field: int, item: int) -> tuple[int, int]:
        """(first byte, number of items) of a vector field with items of `item` bytes; (0, 0) where it is left out."""
        at = self.where(field)
        if at is None:
            return 0, 0
        at += unpack(U32, self.buffer, at)
        count = unpack(U32, self.buffer, at)
        if at + 4 + count * item > len(self.buffer):
            raise Damaged(f"it claims {count} items, more than it has room for")
        return at + 4, count

    def text(self, field: int) -> str:
        """A string field."""
        at, count = self.vector(field, 1)
        return bytes(self.buffer[at : at + count]).decode("utf-8", "replace")
