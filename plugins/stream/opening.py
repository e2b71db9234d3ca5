"""The first delivery of an answer in as few events as can be, for a reader that pays by the event."""

from __future__ import annotations

from typing import Any

from plugins.stream.merge import joined
from plugins.stream.parse import objects_in, parse_object
from plugins.stream.shape import shape_of

_END = b"\n\n"


def opening(block: bytes) -> bytes:
    """Texts that came together are joined; an event that only names the role, as the reader does itself, is left out.

    Anything else, and whatever is not plain `data:` lines, stays as it came.
    """
    role, _, rest = block.partition(_END)
    first = rest.partition(_END)[0]
    if rest and _names_only_the_role(role) and _index(role) == _index(first):
        block = rest
    return _joined(block)


def _joined(block: bytes) -> bytes:
    data = _data(block.partition(_END)[0])
    chunk = parse_object(data)
    shape = shape_of(data, chunk) if chunk else None
    found = joined(shape, [block]) if shape else None
    return found[0] if found else block


def _names_only_the_role(event: bytes) -> bool:
    chunk = parse_object(_data(event))
    choices = objects_in(chunk.get("choices")) if chunk and not chunk.get("usage") else []
    if len(choices) != 1:
        return False
    choice: dict[str, Any] = choices[0]
    delta = choice.get("delta")
    if not isinstance(delta, dict) or delta.get("role") != "assistant":
        return False
    others = [value for name, value in delta.items() if name != "role"]
    others += [value for name, value in choice.items() if name not in {"delta", "index"}]
    return not any(others)


def _index(event: bytes) -> object:
    chunk = parse_object(_data(event))
    choices = objects_in(chunk.get("choices")) if chunk else []
    return choices[0].get("index") if len(choices) == 1 else None


def _data(event: bytes) -> bytes:
    return event[6:] if event.startswith(b"data: ") and b"\n" not in event else b""
