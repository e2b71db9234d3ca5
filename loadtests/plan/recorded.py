"""`request.finished` lines of our own log, as asks with a rhythm. A log holds no texts: those are made up. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

_MARK = b'"request.finished"'


@dataclass(frozen=True, slots=True)
class Request:
    at: float  # seconds after the first
    model: str
    prompt_tokens: int
    completion_tokens: int
    stream: bool


def read(lines: Iterable[bytes]) -> list[Request]:
    """Those that reached a model, in the order in which they came: a line is written when its request has ended."""
    found = [each for line in lines if _MARK in line and (each := _request(line))]
    found.sort(key=lambda each: each[0])
    first = found[0][0] if found else 0.0
    return [Request(at - first, *rest) for at, rest in found]


def _request(line: bytes) -> tuple[float, tuple[str, int, int, bool]] | None:
    try:
        row: dict[str, Any] = orjson.loads(line[line.index(b"{") :])
        ended = datetime.fromisoformat(row["time"]).timestamp()
        came = ended - (row.get("total_ms") or 0) / 1e3
        model, prompt, completion = row["model_asked"], row["prompt_tokens"], row["completion_tokens"]
    except (ValueError, KeyError, TypeError):
        return None
    if not (isinstance(model, str) and isinstance(prompt, int) and isinstance(completion, int) and completion > 0):
        return None
    return came, (model, prompt, completion, bool(row.get("stream")))
