"""Joins neighbouring text events into one, because LiteLLM and clients pay per event, not per character.

The text is never decoded: the bodies of JSON strings are joined as they are, escapes and all. The join of two valid
bodies is valid, and halves of a character that were split over two events meet again.
"""

from plugins.stream.decode import Event
from plugins.stream.parse import parse_object
from plugins.stream.shape import Shape, shape_of

# "data: " and two line ends. With so few bytes around its data an event has no room for a name, a comment or an id.
_PLAIN_FRAME_BYTES = 8


def joined(shape: Shape, block: bytes) -> tuple[bytes, int] | None:
    """A block of whole events of one shape as one event, and how many they were; None if it is anything else.

    One replacement in C does the work of all of them: between two texts stand always the same bytes, and those hold
    line ends, which no JSON string may hold, so that they cannot be part of a text.
    """
    joint = shape.joint
    if not (block.startswith(b"data: ") and block.endswith(b"\n\n")) or b"\\" + joint in block:
        return None  # an escape before the joint could reach across it
    merged = block.replace(joint, b"")
    if not shape.text_in(merged[6:-2]):
        return None
    return merged, (len(block) - len(merged)) // len(joint) + 1


class Merger:
    """Holds text events back until the caller's window ends. The order of events is kept."""

    __slots__ = ("_held", "_met", "_shape")

    def __init__(self) -> None:
        self._shape: Shape | None = None  # of everything held, and of the next event if it is to be held
        self._held: list[Event] = []
        self._met: set[tuple[int, str]] = set()  # choice and field whose first text has left

    @property
    def held(self) -> bool:
        return bool(self._held)

    def push(self, event: Event) -> bytes:
        """What must leave now; b"" when the event is held."""
        raw, data, _ = event
        shape = self._shape
        if (
            shape is not None
            and data is not None
            and (len(raw) - len(data) <= _PLAIN_FRAME_BYTES or _framed_in_crlf(raw, data))
            and shape.text_in(data)
        ):
            self._held.append(event)
            return b""
        return self._push_other(event)

    def flush(self) -> bytes:
        """What is held, as one event."""
        held, shape = self._held, self._shape
        if not held or shape is None:
            return b""
        self._held = []
        if len(held) == 1:
            return held[0].raw
        start, end = len(shape.head), -len(shape.tail)
        bodies = [event.data[start:end] for event in held if event.data is not None]
        return b"".join((b"data: ", shape.head, *bodies, shape.tail, b"\n\n"))

    def _push_other(self, event: Event) -> bytes:
        shape = _shape_of(event)
        if shape is None:
            return self.flush() + event.raw
        if self._shape is not None and (shape.head, shape.tail) == (self._shape.head, self._shape.tail):
            self._held.append(event)
            return b""
        out = self.flush()
        self._shape = shape
        if (shape.choice, shape.field) not in self._met:
            self._met.add((shape.choice, shape.field))
            return out + event.raw  # the first words are what the client waits for
        self._held.append(event)
        return out


def _shape_of(event: Event) -> Shape | None:
    raw, data, _ = event
    if data is None or not (len(raw) - len(data) <= _PLAIN_FRAME_BYTES or _framed_in_crlf(raw, data)):
        return None
    chunk = parse_object(data)
    return None if chunk is None else shape_of(data, chunk)


def _framed_in_crlf(raw: bytes, data: bytes) -> bool:
    return raw == b"data: %b\r\n\r\n" % data
