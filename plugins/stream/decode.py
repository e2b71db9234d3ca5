"""Bytes to server-sent events, losing no byte: the raws of all events and the tail are the input.

An event ends with its blank line, that is, at two line ends in a row. A line end is LF, CRLF or CR.
"""

import re
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"

# Two line ends in a row, told apart so that no cut of the bytes changes the answer:
# - "\n\r" may be half of "\n\r\n", so it counts only once the byte behind it is known;
# - "\r\r" counts at once, because a sender of bare CRs sends nothing behind its last event. A "\n" that follows belongs
#   to that second CR; it opens the next event's raw, where it is a blank line and means nothing.
_BLANK_LINE = re.compile(rb"\n\n|\r\r|\n\r\n|\n\r(?=[^\n])")
_LONGEST_OPEN_END = 2


class Event(NamedTuple):
    """One event. A tuple, because a frozen dataclass costs more to build than the rest of the decoding."""

    raw: bytes  # exactly as received, blank line included
    data: bytes | None  # its data lines joined; None when it has none, as a comment does
    name: bytes | None  # its event field


# Event() runs a function in Python first; this costs half.
_NEW = tuple.__new__


class ProtocolError(ValueError):
    """The sender broke the framing, or an event is larger than we hold."""


class Decoder:
    """Cuts one stream into events. After a ProtocolError it is of no further use."""

    __slots__ = ("_at_start", "_max_event_bytes", "_tail")

    def __init__(self, max_event_bytes: int = 8 * 2**20) -> None:
        self._max_event_bytes = max_event_bytes
        self._tail = bytearray()
        self._at_start = True

    @property
    def pending(self) -> bool:
        """Whether half an event waits for its other half, or a byte order mark may still come."""
        return bool(self._tail) or self._at_start

    def feed(self, chunk: bytes) -> list[Event]:
        if self._tail:
            # Looking only at what is new keeps a large event that comes in many small chunks linear.
            unseen = max(len(self._tail) - _LONGEST_OPEN_END, 0)
            self._tail += chunk
            if _BLANK_LINE.search(self._tail, unseen) is None:
                self._check(len(self._tail))
                return []
            chunk = bytes(self._tail)
            self._tail.clear()
        if self._at_start and chunk and not _BOM.startswith(chunk[:1]):
            self._at_start = False
        return self._cut(chunk) if self._at_start or b"\r" in chunk else self._cut_usual(chunk)

    def close(self) -> bytes:
        """The bytes behind the last whole event. Not an event: its sender did not finish it."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail

    def _cut_usual(self, chunk: bytes) -> list[Event]:
        """Nearly always: no CR, and every event one line. One split then finds both lines and events."""
        if len(chunk) > self._max_event_bytes:
            return self._cut(chunk)
        if chunk.find(b"\n") == len(chunk) - 2 and chunk.startswith(b"data: ") and chunk.endswith(b"\n"):
            return [_NEW(Event, (chunk, chunk[6:-2], None))]  # one event by itself, as a paced stream sends them
        end = chunk.rfind(b"\n\n") + 2
        lines = chunk[:end].split(b"\n")
        if any(lines[1::2]) or len(lines) % 2 == 0 or lines[-1]:
            return self._cut(chunk)
        self._tail += chunk[end:]
        return [
            _NEW(Event, (line + b"\n\n", line[6:], None)) if line.startswith(b"data: ") else _read(line + b"\n\n")
            for line in lines[:-1:2]
        ]

    def _cut(self, chunk: bytes) -> list[Event]:
        events = []
        start = 0
        for blank_line in _BLANK_LINE.finditer(chunk):
            end = blank_line.end()
            self._check(end - start)
            events.append(self._read_next(chunk[start:end]))
            start = end
        self._check(len(chunk) - start)
        self._tail += chunk[start:]
        return events

    def _read_next(self, raw: bytes) -> Event:
        if not self._at_start:
            return _read(raw)
        self._at_start = False
        return _read(raw.removeprefix(_BOM))._replace(raw=raw)

    def _check(self, size: int) -> None:
        if size > self._max_event_bytes:
            raise ProtocolError(f"an event has more than {self._max_event_bytes} bytes")


def _read(raw: bytes) -> Event:
    data: list[bytes] = []
    name = None
    for line in raw.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return Event(raw, b"\n".join(data) if data else None, name)
