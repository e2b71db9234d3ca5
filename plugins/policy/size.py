"""How large a request is, as a provider counts it before it has read it: an estimate, for no tokenizer is at hand.

Four bytes of text are a token, a message and a tool cost a few more, and an image a thousand. What a target really
counted corrects it from answer to answer, so it need not be exact, but cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

TOKEN_LIMITS = ("max_completion_tokens", "max_tokens")  # the names of one thing
BYTES_PER_TOKEN = 4
PER_REQUEST = 8
PER_MESSAGE = 4
PER_IMAGE = 1000
_MARKUP = 2  # of ten bytes of a schema as JSON, a few are quotes and braces that cost nothing


class Size(NamedTuple):
    prompt: int
    completion: int | None  # at most so many tokens, all choices together; None when the client set no limit


def measure(body: Mapping[str, Any]) -> Size:
    messages = body["messages"]
    held, images = 0, 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            held += _bytes(content)
        elif content:
            for part in content:
                held += _bytes(part.get("text"))
                images += part.get("type") == "image_url"
        if len(message) > _MARKUP:  # more than a role and a content
            held += _bytes(message.get("reasoning")) + _written(message.get("tool_calls"))
    held += _written(body.get("tools")) + _written(body.get("response_format"))
    prompt = PER_REQUEST + PER_MESSAGE * len(messages) + PER_IMAGE * images + held // BYTES_PER_TOKEN
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    return Size(prompt, None if asked is None else asked * (body.get("n") or 1))


def _bytes(text: object) -> int:
    """Of text in UTF-8. What is not English costs more per letter, and has more bytes too."""
    if not isinstance(text, str):
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _written(value: object) -> int:
    """Of all text within: names, descriptions, and what stands between them."""
    if not value:
        return 0
    if isinstance(value, Mapping):
        return sum([len(key) + _MARKUP + _written(inner) for key, inner in value.items()])
    if isinstance(value, list):
        return sum([_written(inner) for inner in value])
    return _bytes(value) if isinstance(value, str) else 1
