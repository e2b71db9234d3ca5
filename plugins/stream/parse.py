"""JSON from a provider, read as leniently as the clients behind us read it."""

import json
from typing import Any

import orjson


def parse_object(data: bytes) -> dict[str, Any] | None:
    """The object in `data`; None when it is anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _parse_with_half_characters(data)
    return value if isinstance(value, dict) else None


def is_string(body: bytes) -> bool:
    """Whether this is what may stand between the quotes of a JSON string."""
    try:
        orjson.loads(b'"%b"' % body)
    except orjson.JSONDecodeError:
        return False
    return True


def _parse_with_half_characters(data: bytes) -> Any:
    """An emoji may be split over two events, \\ud83d in one and \\ude00 in the next. orjson refuses such a half."""
    if b"\\u" not in data:
        return None
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def join_text(parts: list[str]) -> str:
    """The parts as one text: halves of a character that meet become it, and a half left alone becomes U+FFFD."""
    text = "".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def objects_in(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
