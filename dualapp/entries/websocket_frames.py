"""Parse and build websocket frames that are unfragmented, short and uncompressed (RFC 6455 section 5.2).

The `websockets` library takes three times as long. It gets all other frames. The frames handled here are complete
messages between two of the library's frames, so they do not affect its state.
"""

from __future__ import annotations

import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # it was built without a compiler
    from websockets.utils import apply_mask

#: The first byte of an unfragmented message without extensions: text, or bytes.
TEXT, BINARY = 0x81, 0x82
#: The FIN bit, the bits of the opcode, and the first opcode of control frames.
LAST, OPCODE, CONTROL = 0x80, 0x0F, 8
#: The second byte: the mask bit, set in each client's frame, and the length or one of these codes.
MASKED, TWO_BYTES, EIGHT_BYTES = 0x80, 126, 127

with_two_bytes = struct.Struct("!BBH").pack
with_eight_bytes = struct.Struct("!BBQ").pack


class Cutter:
    """Cuts what comes from a client into frames."""

    def __init__(self, longest: float) -> None:
        """Leave messages of more than `longest` bytes to the library, which refuses them."""
        self._longest = longest
        self._is_within_message = False

    def message(self, data: bytes, start: int) -> tuple[bytes, int] | None:
        """Return the message that is the frame at `start`, and where it ends; None for any other frame."""
        if self._is_within_message or len(data) < start + 6 or data[start] not in (TEXT, BINARY):
            return None
        size, start = data[start + 1] ^ MASKED, start + 6
        if size == TWO_BYTES:
            size, start = int.from_bytes(data[start - 4 : start - 2]), start + 2
        elif size > TWO_BYTES:
            return None
        end = start + size
        if end > len(data) or size > self._longest:
            return None
        return apply_mask(data[start:end], data[start - 4 : start]), end

    def size(self, data: bytes, start: int) -> int | None:
        """Return the length of the frame at `start`, of any kind; None if its head is not whole."""
        if len(data) < start + 2:
            return None
        size, head = data[start + 1] & ~MASKED, 6
        if size >= TWO_BYTES:
            more = 2 if size == TWO_BYTES else 8
            if len(data) < start + 2 + more:
                return None
            size, head = int.from_bytes(data[start + 2 : start + 2 + more]), head + more
        if data[start] & OPCODE < CONTROL:
            self._is_within_message = not data[start] & LAST
        return head + size


def frame(first: int, data: bytes) -> bytes:
    """Make the server's frame of a message."""
    size = len(data)
    if size < TWO_BYTES:
        return bytes((first, size)) + data
    if size < 1 << 16:
        return with_two_bytes(first, TWO_BYTES, size) + data
    return with_eight_bytes(first, EIGHT_BYTES, size) + data
