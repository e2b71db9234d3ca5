"""What loggers want to know of a request and our log line does not say: what was asked, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from plugins.stream.aggregate import Aggregate
from plugins.stream.decode import Decoder, ProtocolError

LARGEST_ANSWER = 2**20


@dataclass(slots=True)
class Said:
    """The answer's bytes while it runs."""

    parts: list[bytes] = field(default_factory=list, kw_only=True)
    size: int = field(default=0, kw_only=True)
    truncated: bool = field(default=False, kw_only=True)

    def append(self, out: bytes) -> None:
        if self.size + len(out) > LARGEST_ANSWER:
            self.truncated = True
        if not self.truncated:  # what comes after a gap would read as if there were none
            self.parts.append(out)
            self.size += len(out)


@dataclass(slots=True)
class Kept(Said):
    """And the request, as LiteLLM would have been given it."""

    scope: Mapping[str, Any]
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)  # the provider's, which tell of its rate limits


def completion(kept: Said, *, streamed: bool) -> dict[str, Any]:
    """The answer as one object, as far as it came; without a choice when nothing did."""
    payload = b"".join(kept.parts)
    if not streamed:
        found = orjson.loads(payload) if payload and not kept.truncated else {}
        return found if isinstance(found, dict) else {}
    aggregate = Aggregate()
    for data in _events(payload):
        aggregate.add(data)
    return aggregate.completion()


def _events(payload: bytes) -> list[bytes]:
    decoder = Decoder()
    try:
        events = decoder.feed(payload)
    except ProtocolError:
        return []
    return [event.data for event in events if event.data and not event.data.startswith(b"[DONE]")]
