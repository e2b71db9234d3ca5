"""What becomes of a provider's bytes: passed on to a client in fewer events, or collected into one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from plugins.stream.aggregate import Aggregate
from plugins.stream.decode import Decoder, Event, ProtocolError
from plugins.stream.merge import Merger, joined
from plugins.stream.shape import Shape
from plugins.stream.watch import Broken, Kind, Watch

MOST_COLLECTED_BYTES = 2**26


class Reader(Protocol):
    """Takes in an answer as it arrives. `broken` once it can no longer become whole."""

    broken: Broken | None

    def feed(self, parts: list[bytes], now: float) -> bytes:
        """What may be passed on now, of what came in these parts."""


class Relay:
    """Passes an answer on. Text that came together leaves together; everything else as it came, in order.

    A [DONE] behind half an answer is kept back, and so is the usage that only we asked for. A terse one also leaves out
    what says nothing, for a reader that pays by the event.
    """

    def __init__(self, watch: Watch, *, merge: bool, wants_usage: bool, terse: bool = False) -> None:
        self._watch = watch
        self._merge = merge
        self._wants_usage = wants_usage
        self._terse = terse
        self._decoder = Decoder()
        self._merger = Merger()
        self._steady: Shape | None = None  # that the next parts are likely to have
        self.broken: Broken | None = None

    def feed(self, parts: list[bytes], now: float) -> bytes:
        shape = self._steady
        if shape is not None and (merged := self._joined(shape, parts, now)):
            return merged  # nearly always
        out = b"".join([*self._in_runs(parts, now), self._merger.flush()])
        self._steady = None if self.broken or self._watch.done else self._known_shape
        return out

    @property
    def _known_shape(self) -> Shape | None:
        return self._watch.shape if self._merge and not self._decoder.pending else None

    def _joined(self, shape: Shape, parts: list[bytes], now: float) -> bytes | None:
        block = joined(shape, parts)
        if block is None:
            return None
        merged, events = block
        self._watch.hear(events, len(merged) - shape.framing, now)
        return merged

    def _in_runs(self, parts: list[bytes], now: float) -> Iterator[bytes]:
        """Runs of one shape are joined, and what stands between them is read event by event."""
        while parts and not self.broken and not self._watch.done:
            shape = self._known_shape
            length = _leading(parts, shape) if shape else 0
            merged = self._joined(shape, parts[:length], now) if shape and length > 1 else None
            if shape is not None and merged is not None:
                yield self._merger.push(Event(merged, merged[6:-2], None), shape)
            else:
                length = max(length, 1)
                for event in _events(self, self._decoder, b"".join(parts[:length])):
                    yield self._passed_on(event, now)
            parts = parts[length:]

    def _passed_on(self, event: Event, now: float) -> bytes:
        if self._watch.done or self.broken:
            return b""
        kind = self._watch.see(event, now)
        self.broken = _broken_by(kind, self._watch)
        if self.broken or (kind is Kind.ROLE and self._terse):
            return b""
        if kind is Kind.OTHER and not self._wants_usage and _only_usage(event):
            return b""
        return self._merger.push(event, self._watch.text_shape) if self._merge else event.raw


class Collector:
    """Collects an answer whose client wants it in one piece."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._decoder = Decoder()
        self._aggregate = Aggregate()
        self._size = 0
        self.broken: Broken | None = None

    def feed(self, parts: list[bytes], now: float) -> bytes:
        self._size += sum(map(len, parts))
        if self._size > MOST_COLLECTED_BYTES:
            self.broken = Broken.MALFORMED
            return b""
        for event in _events(self, self._decoder, b"".join(parts)):
            if self._watch.done or self.broken:
                break
            kind = self._watch.see(event, now)
            self.broken = _broken_by(kind, self._watch)
            if event.data and kind is not Kind.DONE and not self.broken:
                self._aggregate.add(event.data)
        return b""

    def completion(self) -> dict[str, Any]:
        return self._aggregate.completion()


def _leading(parts: list[bytes], shape: Shape) -> int:
    """How many parts, from the first on, may be more of the same text."""
    return next((at for at, part in enumerate(parts) if not shape.may_go_on_with(part)), len(parts))


def _events(reader: Reader, decoder: Decoder, chunk: bytes) -> list[Event]:
    try:
        return decoder.feed(chunk)
    except ProtocolError:
        reader.broken = Broken.MALFORMED
        return []


def _broken_by(kind: Kind, watch: Watch) -> Broken | None:
    if kind is Kind.ERROR:
        return Broken.ERROR_EVENT
    if kind is Kind.MALFORMED:
        return Broken.MALFORMED
    return Broken.NO_FINISH if kind is Kind.DONE and not watch.whole else None


def _only_usage(event: Event) -> bool:
    return event.data is not None and b'"choices":[]' in event.data.replace(b" ", b"")
