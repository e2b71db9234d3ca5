"""The common tongue: what every OpenAI-compatible provider is sent, and the shapes in which they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]

# Cerebras' own. Another provider would answer 400, and the request would seem to be the client's mistake.
_CEREBRAS_ONLY = frozenset(
    "clear_thinking disable_reasoning reasoning_format min_completion_tokens min_tokens model_parameters".split()
)
# Reasoning that came with an answer and goes back with the next question; each provider has its own word for it.
_HISTORY = ("reasoning", "reasoning_content", "thinking_blocks", "provider_specific_fields")
# A key by its prefix, by the word before it, or by being too long and mixed for a name; model ids have hyphens.
_SECRET = re.compile(
    r"\b(?:c?sk|pk|rk|gsk|xai|pplx|nvapi|hf|fw|tgp)[-_][\w*-]{6,}"
    r"|\bbearer\s+(?!auth|tokens?\b)[\w.~+/=*-]{6,}|\bbasic\s+(?=\S*[\d=])[\w+/=]{8,}"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])\w{24,}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,20}://\S+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}:\d{2,5}\b"
    r"|\b[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}\.(?:internal|local|svc|cluster)\b[\w.:-]*",
    re.IGNORECASE,
)
_LONGEST_READ = 4000  # masking is slower than reading
_LONGEST_MESSAGE = 500


def wants_usage(body: Body) -> bool:
    """Whether who asks wants the counts at the end of a stream."""
    return bool((body.get("stream_options") or {}).get("include_usage"))


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


def without_reasoning(message: Body) -> Body:
    return {key: value for key, value in message.items() if key not in _HISTORY}


def shape(
    body: Body, upstream_model: str, *, stream: bool, history: Callable[[Body], Body] = without_reasoning
) -> Body:
    """The body for the provider. A stream always ends with its token counts, for our log if not for the client."""
    shaped = {**body, "model": upstream_model, "messages": [history(each) for each in body["messages"]]}
    shaped.pop("stream_options", None)
    if stream:
        shaped |= {"stream": True, "stream_options": {"include_usage": True}}
    return shaped


def without_cerebras_fields(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in _CEREBRAS_ONLY}


def read_error(status: int, payload: bytes, secret: str | None = None) -> UpstreamError:
    """Flat, wrapped, {"detail": ...} or HTML: providers, and the proxies before them, have four ways to refuse."""
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        parsed = None
    inner = (parsed.get("error") or parsed) if isinstance(parsed, dict) else parsed
    if isinstance(inner, dict):
        message = inner.get("message") or inner.get("detail") or f"the provider answered {status}"
        return presentable(
            UpstreamError(status, str(message), *(_text(inner.get(name)) for name in ("type", "param", "code"))), secret
        )
    if isinstance(inner, str) and inner:
        return presentable(UpstreamError(status, inner), secret)
    return UpstreamError(status, f"the provider answered {status} without a reason that can be read")


def presentable(error: UpstreamError, secret: str | None = None) -> UpstreamError:
    """Without keys, addresses and novels. `secret` is the key that was sent, which may look like anything."""
    return UpstreamError(
        error.status,
        _masked(error.message, secret),
        *(None if each is None else _masked(each, secret) for each in (error.type, error.param, error.code)),
    )


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _masked(text: str, secret: str | None) -> str:
    text = text[:_LONGEST_READ].replace(secret, "[key]") if secret else text[:_LONGEST_READ]
    masked = _ADDRESS.sub("[address]", _SECRET.sub("[key]", text))
    return masked if len(masked) <= _LONGEST_MESSAGE else f"{masked[:_LONGEST_MESSAGE]}..."
