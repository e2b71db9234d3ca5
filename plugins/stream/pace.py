"""How fast an answer comes in its opening stretch. Pure.

Nobody sends a count of tokens before the end, so it is estimated to the answer's favour: an event that speaks is a
token at the least, and so are four bytes of text.
"""

from __future__ import annotations

from math import inf

from plugins.stream.watch import Watch

BYTES_PER_TOKEN = 4
_FIELD = b"data: "


class Pace:
    __slots__ = ("_bytes", "_events", "_least", "_seconds", "_tail", "_watch")

    def __init__(self, watch: Watch, least: float, seconds: float) -> None:
        self._watch = watch
        self._least = least  # tokens per second
        self._seconds = seconds
        self._bytes = 0
        self._events = 0
        self._tail = b""

    @property
    def due(self) -> float:
        """When the opening stretch is over."""
        first = self._watch.first_token_at
        return inf if first is None else first + self._seconds

    @property
    def tokens(self) -> float:
        shape, events = self._watch.shape, self._watch.events
        if shape is None:
            return events
        text = self._bytes - self._events * (len(shape.start) + len(shape.end))
        return max(events, text / BYTES_PER_TOKEN)

    def hear(self, stream: bytes) -> None:
        """More of it, merged or as it came."""
        data = self._tail + stream
        self._bytes += len(data) - len(self._tail)
        self._events += data.count(_FIELD)
        self._tail = data[1 - len(_FIELD) :]  # the network may have cut one in two

    def drips(self, now: float) -> bool:
        """Of an answer that is not over."""
        first = self._watch.first_token_at
        return first is not None and self.tokens < self._least * (now - first)
