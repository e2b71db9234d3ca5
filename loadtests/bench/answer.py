"""What one answer's bytes and their times say. Pure; done when the clock has stopped.

first token   the delivery that holds the first event with text, content or reasoning; a role alone does not count
rate          (tokens - those of the first delivery) / (last text - first text); tokens by the provider's usage, and
              those of the first delivery by its share of the text. `summary` looks at whether it can be true
gap           the time between two deliveries from the first token on; a delivery is what one read brought
whole         status 200, a finish reason, [DONE], the tokens that were asked for, and the same text as direct
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

_SIZE_LINE = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")
_TEXT_FIELDS = ("content", "reasoning", "reasoning_content")


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, in seconds from its request. None where there was nothing to measure."""

    began: float  # after the clock started
    first_token: float | None
    took: float | None
    rate: float | None
    last_text: float | None
    first_share: float | None  # of the text, in the first delivery
    tokens: int
    gaps: tuple[float, ...]
    deliveries: int
    text: str
    trouble: str | None  # why it is not whole
    cut_by_us: bool = False  # the cell's time was up


@dataclass(frozen=True, slots=True)
class Body:
    """A body without its chunk frames, and which byte of the whole each part of it began at."""

    data: bytes
    starts: tuple[int, ...]  # in `data`
    places: tuple[int, ...]  # in what came over the wire

    def place(self, at: int) -> int:
        part = bisect_left(self.starts, at + 1) - 1
        return self.places[part] + at - self.starts[part]


def unchunked(raw: bytes, start: int) -> Body:
    """As far as it came: a chunk that was cut keeps what is there of it."""
    parts: list[bytes] = []
    places: list[int] = []
    while match := _SIZE_LINE.match(raw, start):
        size = int(match[1], 16)
        if size == 0:
            break
        parts.append(raw[match.end() : match.end() + size])
        places.append(match.end())
        start = match.end() + size + 2
    return Body(b"".join(parts), tuple(accumulate((len(part) for part in parts[:-1]), initial=0)), tuple(places))


def read(
    parts: Sequence[bytes],
    times: Sequence[float],
    *,
    began: float,
    asked_tokens: int,
    expected: str | None = None,
    trouble: str | None = None,
    cut_by_us: bool = False,
) -> Heard:
    """`times` are seconds from the request; `expected` is the text of the same answer when nothing is in between."""
    raw = b"".join(parts)
    head_end = raw.find(b"\r\n\r\n") + 4
    head = raw[:head_end].lower()
    chunked = b"transfer-encoding: chunked" in head
    body = unchunked(raw, head_end) if chunked else Body(raw[head_end:], (0,), (head_end,))
    ends = list(accumulate(len(part) for part in parts))

    events = _events(body.data)
    texts = [(end, text) for end, chunk in events if (text := _text_of(chunk))]
    usage: dict[str, Any] = next((chunk["usage"] for _, chunk in reversed(events) if chunk.get("usage")), {})
    whole_text = "".join(text for _, text in texts)
    told = int(usage.get("completion_tokens", 0))
    # An answer that was cut short tells no usage; its share of the text stands in for it.
    tokens = told or (round(asked_tokens * len(whole_text) / len(expected)) if expected else 0)
    if trouble is None and not cut_by_us:
        trouble = _trouble(head, body.data, events, told, asked_tokens, whole_text, expected)

    first_token = rate = last_text = first_share = None
    gaps: tuple[float, ...] = ()
    if texts:
        when = [bisect_left(ends, body.place(end - 1) + 1) for end, _ in texts]
        first, last = when[0], when[-1]
        first_token = times[first]
        gaps = tuple(later - earlier for earlier, later in zip(times[first:], times[first + 1 :], strict=False))
        last_text = times[last]
        first_share = sum(len(text) for (_, text), at in zip(texts, when, strict=True) if at == first) / len(whole_text)
        if last_text > first_token:
            rate = tokens * (1 - first_share) / (last_text - first_token)
    took = times[-1] if times and trouble is None and not cut_by_us else None
    return Heard(
        began=began,
        first_token=first_token,
        took=took,
        rate=rate,
        last_text=last_text,
        first_share=first_share,
        tokens=tokens,
        gaps=gaps,
        deliveries=len(parts),
        text=whole_text,
        trouble=trouble,
        cut_by_us=cut_by_us,
    )


def _events(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Chunks, and where in `data` each one's line ends."""
    found: list[tuple[int, dict[str, Any]]] = []
    end = 0
    for line in data.split(b"\n"):
        end += len(line) + 1
        if line.startswith(b"data:") and b"[DONE]" not in line[:12]:
            try:
                chunk = orjson.loads(line[5:])
            except orjson.JSONDecodeError:
                continue  # the last one, cut in half; anywhere else the text will be missed
            if isinstance(chunk, dict):
                found.append((end - 1, chunk))
    return found


def _text_of(chunk: dict[str, Any]) -> str:
    delta = ((chunk.get("choices") or [{}])[0]).get("delta") or {}
    # LiteLLM sends reasoning under two names at once; it is one text.
    return next((str(delta[field]) for field in _TEXT_FIELDS if delta.get(field)), "")


def _trouble(
    head: bytes,
    data: bytes,
    events: Sequence[tuple[int, dict[str, Any]]],
    tokens: int,
    asked: int,
    text: str,
    expected: str | None,
) -> str | None:
    status = head.split(b" ", 2)[1:2]
    checks = (
        (status == [b"200"], f"status {status[0].decode() if status else 'unknown'}"),
        (not any("error" in chunk for _, chunk in events), "an error within the stream"),
        (any((c.get("choices") or [{}])[0].get("finish_reason") for _, c in events), "no finish reason"),
        (data.rstrip().endswith(b"data: [DONE]"), "no [DONE]"),
        (tokens == asked, f"{tokens} tokens for {asked}"),
        (expected is None or text == expected, "another text than direct"),
    )
    return next((problem for fine, problem in checks if not fine), None)
