"""Joins neighbouring text events into one, because LiteLLM and clients pay per event, not per character.

The text is never decoded: the bodies of JSON strings are joined as they are, escapes and all. The join of two valid
bodies is valid, and halves of a character that were split over two events meet again.
"""

import re

from plugins.stream.decode import Event
from plugins.stream.parse import is_string
from plugins.stream.shape import Shape

# "data: " and two line ends. With so few bytes around its data an event has no room for a name, a comment or an id.
_PLAIN_FRAME_BYTES = 8


# The text of an event that ends within an escape, when its line end stands for the end of the text.
_CUT_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\n")


def joined(shape: Shape, parts: list[bytes]) -> tuple[bytes, int] | None:
    """Parts that are whole events of one shape as one event, and how many they were; None if they are anything else.

    The texts are cut out by the lengths of what is around them, and the proof that this was right is that they make the
    same bytes when they are put back. No JSON string holds a line end, so there is one way to cut.
    """
    start, end = len(shape.start), -len(shape.end)
    texts = [part[start:end] for part in parts]
    text = b"".join(texts)
    block = b"".join(parts)
    if b"\n" in text:  # more than one event in a part
        texts = [line[start : end + 2] for line in block.split(b"\n")[:-2:2]]
        text = b"".join(texts)
    if not text or shape.start + shape.joint.join(texts) + shape.end != block:
        return None
    if b"\\" in text and _CUT_ESCAPE.search(b"\n".join([*texts, b""])):
        return None  # it would reach into the next text
    return (shape.start + text + shape.end, len(texts)) if is_string(text) else None


class Merger:
    """Holds text events back until what came together has been pushed. The order of events is kept."""

    __slots__ = ("_held", "_shape")

    def __init__(self) -> None:
        self._shape: Shape | None = None  # of everything held
        self._held: list[Event] = []

    @property
    def held(self) -> bool:
        return bool(self._held)

    def push(self, event: Event, shape: Shape | None) -> bytes:
        """What must leave now; b"" when the event is held. Its shape is None unless it is plain text."""
        if shape is None or not _is_plainly_framed(event):
            return self.flush() + event.raw
        before = self._shape
        out = b""
        if before is None or (shape.head, shape.tail) != (before.head, before.tail):
            out = self.flush()
            self._shape = shape
        self._held.append(event)
        return out

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
        return b"".join((shape.start, *bodies, shape.end))


def _is_plainly_framed(event: Event) -> bool:
    raw, data, _ = event
    return data is not None and (len(raw) - len(data) <= _PLAIN_FRAME_BYTES or raw == b"data: %b\r\n\r\n" % data)
