"""What the client is told when no target answered: the truth about the request, nothing about our addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from plugins.dialect.openai import UpstreamError, read_error
from plugins.policy.verdict import Refuse
from plugins.stream.watch import Watch
from plugins.telemetry.record import Attempt, Fault, Outcome

LONGEST_WAIT_SECONDS = 60.0  # buckets refill all the time; whoever says more than this does not know
_LITELLM_WORDS = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception)\s*[:-]\s*)+|litellm\.\w+:\s*")


def explain(status: int, payload: bytes, attempts: Sequence[Attempt]) -> Refuse:
    if not attempts or attempts[-1].outcome is Outcome.WHOLE:
        return _litellm_refused(status, payload)
    for attempt in attempts:
        if attempt.client_is_to_blame and attempt.error is not None:
            return _as_told(attempt.error)
    if all(attempt.status == 429 for attempt in attempts):
        waits = [float(each.retry_after) for each in attempts if each.retry_after and _is_number(each.retry_after)]
        return Refuse(
            "upstream.capacity",
            f"every provider is at its rate limit ({_summary(attempts)})",
            "try again later",
            429,
            "rate_limit_exceeded",
            param=None,
            retry_after=min(min(waits, default=1.0), LONGEST_WAIT_SECONDS),
        )
    return Refuse(
        "upstream.failed",
        f"no provider answered ({_summary(attempts)})",
        "try again; if it stays, the operator sees each attempt under this request id",
        503,
        "upstream_unavailable",
        param=None,
        retry_after=1.0,
    )


def interrupted_chunk(attempt: Attempt | None, said: Watch, request_id: str) -> bytes:
    """The last event of an answer that broke: SDKs raise on it, and no [DONE] follows that could belie it."""
    fault = attempt.fault if attempt and attempt.fault else Fault.CUT
    error = {
        "message": f"the answer broke off ({fault}); what came before is not whole",
        "type": "upstream_error",
        "param": None,
        "code": "stream_interrupted",
        "request_id": request_id,
    }
    chunk = {
        "id": said.id,
        "object": "chat.completion.chunk",
        "model": said.model,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],
        "error": error,
    }
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _as_told(error: UpstreamError) -> Refuse:
    return Refuse(
        "upstream.client_error",
        error.message,
        "correct the request",
        error.status,
        error.code or "invalid_request",
        param=error.param,
    )


def _litellm_refused(status: int, payload: bytes) -> Refuse:
    told = read_error(status, payload)
    message = _LITELLM_WORDS.sub("", told.message).strip() or "LiteLLM refused the request"
    if status >= 500:
        return Refuse("litellm", "the gateway failed", "try again", 500, "internal_error", param=None)
    return Refuse("litellm", message, "correct the request", status, "invalid_request", param=told.param)


def _summary(attempts: Sequence[Attempt]) -> str:
    return ", ".join(f"{each.target.deployment}: {_what_happened(each)}" for each in attempts)


def _what_happened(attempt: Attempt) -> str:
    if attempt.fault is Fault.HTTP_STATUS or attempt.fault is None:
        return f"{attempt.status}" if attempt.status else "not called"
    return str(attempt.fault)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None
