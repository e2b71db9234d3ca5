"""The common tongue: what every OpenAI-compatible provider is sent, and the shapes in which they refuse."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]

# Reasoning that came with an answer and goes back with the next question; each provider has its own word for it.
_HISTORY = ("reasoning", "reasoning_content", "thinking_blocks", "provider_specific_fields")
_SECRET = re.compile(r"\b(?:[a-z]{1,4}-[A-Za-z0-9_\-]{12,}|Bearer\s+\S+)")
_ADDRESS = re.compile(r"https?://\S+")
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class UpstreamError:
    """A provider's refusal, whichever shape it came in, with nothing in it that a client should not see."""

    status: int
    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None

    def as_body(self) -> Body:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def shape(body: Body, upstream_model: str, *, stream: bool) -> Body:
    """The body for the provider. A stream always ends with its token counts, for our log if not for the client."""
    shaped = {**body, "model": upstream_model, "messages": [without_reasoning(each) for each in body["messages"]]}
    shaped.pop("stream_options", None)
    if stream:
        shaped |= {"stream": True, "stream_options": {"include_usage": True}}
    return shaped


def without_reasoning(message: Body) -> Body:
    return {key: value for key, value in message.items() if key not in _HISTORY}


def read_error(status: int, payload: bytes) -> UpstreamError:
    """Flat, wrapped, {"detail": ...} or HTML: providers, and the proxies before them, have four ways to refuse."""
    try:
        parsed = json.loads(payload)
    except ValueError:
        return UpstreamError(status, f"the provider answered {status} without a reason that can be read")
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(inner, dict):
        return UpstreamError(status, _presentable(str(inner)))
    message = inner.get("message") or inner.get("detail") or f"the provider answered {status}"
    return UpstreamError(
        status,
        _presentable(str(message)),
        type=_text(inner.get("type")),
        param=_text(inner.get("param")),
        code=_text(inner.get("code")),
    )


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _presentable(message: str) -> str:
    masked = _ADDRESS.sub("[address]", _SECRET.sub("[key]", message))
    return masked if len(masked) <= _LONGEST_MESSAGE else f"{masked[:_LONGEST_MESSAGE]}..."
