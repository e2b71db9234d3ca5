"""What one answer's bytes say. Pure; every word of a simulated answer has a number, so nothing can be lost unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson


class End(StrEnum):
    WHOLE = "whole"
    REFUSED = "refused"  # by a status, before any text
    BROKEN = "broken"  # visibly: an error within the stream, or a connection that broke
    LIE = "lie"  # ended like a whole answer, and is none
    HANG = "hang"  # the client gave up


@dataclass(frozen=True, slots=True)
class Answer:
    end: End
    seconds: float
    words: int = 0
    status: int = 200
    code: str = ""  # of the error, if there is one
    message: str = ""
    model: str = ""
    deployment: str = ""  # who served it, by a header
    usage: bool = False
    asked_at: float = 0.0

    def __str__(self) -> str:
        told = f" {self.status} {self.code}".rstrip() if self.end == End.REFUSED else ""
        after = f" after {self.words} words" if self.end in (End.BROKEN, End.LIE) else ""
        return f"{self.end}{told}{after}"


def read(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    expected: int,
    at: float = 0.0,
    seconds: float = 0.0,
    cut: bool = False,
    gave_up: bool = False,
) -> Answer:
    """`cut`: the connection broke before the body's end. `expected`: words of a whole answer."""
    streamed = "text/event-stream" in headers.get("content-type", "")
    chunks = _events(body) if streamed else [_json(body)]
    error = next((chunk["error"] for chunk in chunks if chunk.get("error")), None)
    choices = [choice for chunk in chunks for choice in chunk.get("choices") or ()]
    text = "".join(_text(choice) for choice in choices)
    finished = any(choice.get("finish_reason") in ("stop", "length") for choice in choices)
    right = text.split() == [f"w{number:04}" for number in range(1, expected + 1)]
    if gave_up:
        end = End.HANG
    elif status != 200:
        end = End.REFUSED
    elif error or (cut and not (right and finished)):
        end = End.BROKEN
    else:
        end = End.WHOLE if right and finished else End.LIE
    return Answer(
        end=end,
        seconds=seconds,
        words=len(text.split()),
        status=status,
        code=_said(error, "code"),
        message=_said(error, "message"),
        model=next((str(chunk["model"]) for chunk in chunks if chunk.get("model")), ""),
        deployment=headers.get("x-waferline-deployment") or headers.get("x-litellm-model-id", ""),
        usage=any((chunk.get("usage") or {}).get("completion_tokens") for chunk in chunks),
        asked_at=at,
    )


def _events(body: bytes) -> list[dict[str, Any]]:
    return [_json(line[5:]) for line in body.splitlines() if line.startswith(b"data:") and b"[DONE]" not in line[:12]]


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}  # cut in half, or garbage: its words will be missed
    return found if isinstance(found, dict) else {}


def _text(choice: Mapping[str, Any]) -> str:
    return str((choice.get("delta") or choice.get("message") or {}).get("content") or "")


def _said(error: object, field: str) -> str:
    return str(error.get(field) or "") if isinstance(error, dict) else ""
