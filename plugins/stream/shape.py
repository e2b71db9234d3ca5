"""The events of an answer differ in their text alone: a shape is all the rest, learned from one event.

An event that fits a shape needs no parsing to be understood: putting any JSON string in the place of another leaves the
rest of a JSON document as it is.
"""

import re
from typing import Any

import orjson

from plugins.stream.parse import parse_object

TEXT_FIELDS = ("content", "reasoning", "reasoning_content")

_CHUNK_FIELDS = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier", "choices"})
_CHOICE_FIELDS = frozenset({"index", "delta"})
_DELTA_FIELDS = frozenset({"role"})
_OUR_ROLES = (None, "assistant")
_NOTHING: tuple[Any, ...] = (None, "", [], {})

_SLOTS = {field: re.compile(rb'"%b"\s*+:\s*+"((?:[^"\\]|\\.)*+)"' % field.encode(), re.DOTALL) for field in TEXT_FIELDS}


class Shape:
    """The bytes around one event's text, quotes included."""

    __slots__ = ("_from", "_to", "around", "choice", "end", "field", "framing", "head", "joint", "start", "tail")

    def __init__(self, head: bytes, tail: bytes, field: str, choice: int) -> None:
        self.head = head
        self.tail = tail
        self.field = field
        self.choice = choice
        self.around = len(head) + len(tail)
        self.start = b"data: " + head
        self.end = tail + b"\n\n"
        self.framing = len(self.start) + len(self.end)
        self.joint = self.end + self.start  # what stands between the texts of two neighbours
        self._from = len(head) - 1
        self._to = len(tail) - 1

    def text_in(self, data: bytes) -> str | None:
        """The text of an event of this shape. None: not of this shape, or not so plain that this can tell."""
        if data.startswith(self.head) and data.endswith(self.tail):
            try:
                # Opens and closes with the quotes of head and tail, so it parses only if it is one whole string.
                return orjson.loads(data[self._from : len(data) - self._to])  # type: ignore[no-any-return]
            except orjson.JSONDecodeError:
                return None
        return None

    def may_go_on_with(self, part: bytes) -> bool:
        """Whether bytes that follow may be more events of this shape. Half an event may always be."""
        if not part.endswith(b"\n\n"):
            return True
        return part.endswith(self.end) and (part.startswith(self.start) or not part.startswith(b"data: "))


def plain_text(chunk: dict[str, Any]) -> tuple[int, str, str] | None:
    """Choice, field and text of a chunk that carries one text and nothing else that a client could miss."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or _says_more(chunk, _CHUNK_FIELDS):
        return None
    (choice,) = choices
    if not isinstance(choice, dict) or _says_more(choice, _CHOICE_FIELDS):
        return None
    index, delta = choice.get("index"), choice.get("delta")
    if type(index) is not int or not isinstance(delta, dict):
        return None
    found = None
    for field, text in delta.items():
        if text in _NOTHING or field in _DELTA_FIELDS:
            continue
        if found is not None or field not in TEXT_FIELDS or not isinstance(text, str):
            return None
        found = index, field, text
    return found


def says_nothing(chunk: dict[str, Any]) -> bool:
    """Whether a chunk says no more than that the assistant speaks, which a reader of answers knows."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or _says_more(chunk, _CHUNK_FIELDS):
        return False
    (choice,) = choices
    if not isinstance(choice, dict) or choice.get("index") != 0 or _says_more(choice, _CHOICE_FIELDS):
        return False
    delta = choice.get("delta")
    return isinstance(delta, dict) and delta.get("role") in _OUR_ROLES and not _says_more(delta, _DELTA_FIELDS)


def shape_of(data: bytes, chunk: dict[str, Any]) -> Shape | None:
    """The shape of `data`, which holds `chunk`; None unless it is plain text."""
    plain = plain_text(chunk)
    if plain is None:
        return None
    index, field, text = plain
    other = "b" if text == "a" else "a"
    for slot in _SLOTS[field].finditer(data):
        head, tail = data[: slot.start(1)], data[slot.end(1) :]
        # The proof that this is the place, whatever keys come twice or elsewhere: another text put in comes out.
        changed = parse_object(head + other.encode() + tail)
        if changed is not None and plain_text(changed) == (index, field, other):
            return Shape(head, tail, field, index)
    return None


def _says_more(fields: dict[str, Any], known: frozenset[str]) -> bool:
    more = fields.keys() - known
    return bool(more) and any(fields[name] not in _NOTHING for name in more)
