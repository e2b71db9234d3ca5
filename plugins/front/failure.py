"""What the client is told when no target answered: the truth about the request, nothing about our addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import orjson

from plugins.dialect.openai import UpstreamError, read_error
from plugins.policy.verdict import Refuse
from plugins.stream.watch import Watch
from plugins.telemetry.record import Attempt, Fault, Outcome, Skipped

_LITELLM_WORDS = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception)\s*[:-]\s*)+|litellm\.\w+:\s*")


# The request may be served as soon as a limit leaves room for it; `attempts`: it had those of other targets.
_AT_A_LIMIT = frozenset({"capacity", "allowance", "too_large", "attempts"})
_AT_ONCE = frozenset({"attempts", "budget"})  # another request may call the target right now
_LEAST_SECONDS = 1.0


def explain(status: int, payload: bytes, attempts: Sequence[Attempt], skipped: Sequence[Skipped], now: float) -> Refuse:
    if not attempts and not skipped:
        return _litellm_refused(status, payload)
    if any(attempt.outcome is Outcome.WHOLE for attempt in attempts):
        return _litellm_refused(status, payload)
    for attempt in attempts:
        if attempt.client_is_to_blame and attempt.error is not None:
            return _as_told(attempt.error)
    return unanswered(attempts, skipped, now)


def unanswered(attempts: Sequence[Attempt], skipped: Sequence[Skipped], now: float) -> Refuse:
    """No target spoke: what each of them did, and when the first of them is worth asking again."""
    summary = ", ".join([*map(_attempted, attempts), *map(_left_alone, skipped)])
    whys = {each.why for each in skipped}
    if not attempts and whys == {"too_large"}:
        return Refuse(
            "upstream.allowance",
            f"the request may need more tokens than any rate limit here ever leaves ({summary})",
            "set a smaller max_completion_tokens, or send less",
            413,
            "too_many_tokens",
            param=None,
        )
    least = min(_waits(attempts, skipped, now), default=_LEAST_SECONDS)
    limited = all(each.status == 429 for each in attempts)
    if limited and whys <= _AT_A_LIMIT:
        return Refuse(
            "upstream.capacity",
            f"every provider is at its rate limit ({summary})",
            "try again later",
            429,
            "rate_limit_exceeded",
            param=None,
            retry_after=least,
        )
    if limited and whys - _AT_A_LIMIT == {"full"}:
        return Refuse(
            "upstream.full",
            f"no provider has room for one more request ({summary})",
            "try again later",
            503,
            "overloaded",
            param=None,
            retry_after=least,
        )
    if any(each.fault is Fault.REQUEST_TIMEOUT for each in attempts) or any(each.why == "deadline" for each in skipped):
        return Refuse(
            "upstream.deadline",
            f"no provider answered within the time a request may take ({summary})",
            "try again, or ask for less at once",
            504,
            "deadline_exceeded",
            param=None,
        )
    return Refuse(
        "upstream.failed",
        f"no provider answered ({summary})",
        "try again; if it stays, the operator sees each attempt under this request id",
        503,
        "upstream_unavailable",
        param=None,
        retry_after=least,
    )


def outcome_of(refusal: Refuse) -> Outcome:
    """Of a request for which no provider was called."""
    if refusal.code == "overloaded":
        return Outcome.SHED
    return Outcome.REFUSED if refusal.status == 413 else Outcome.FAILED


def _waits(attempts: Sequence[Attempt], skipped: Sequence[Skipped], now: float) -> Iterator[float]:
    """Of every target of which it can be said, from now on. Time has passed since some of them were asked."""
    for attempt in attempts:
        if attempt.retry_after is not None:
            yield attempt.retry_after - (now - (now if attempt.ended is None else attempt.ended))
        elif attempt.status != 429:
            yield _LEAST_SECONDS  # its circuit lets the next one through
    for each in skipped:
        if each.seconds is not None:
            yield each.seconds - (now - (now if each.at is None else each.at))
        elif each.why in _AT_ONCE:
            yield _LEAST_SECONDS


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


def _attempted(attempt: Attempt) -> str:
    return f"{attempt.target.deployment}: {_what_happened(attempt)}"


def _left_alone(skipped: Skipped) -> str:
    return f"{skipped.target.deployment}: not called, {skipped.why.replace('_', ' ')}"


def _what_happened(attempt: Attempt) -> str:
    if attempt.outcome is Outcome.LOST_RACE:
        return "called off"
    if attempt.fault is Fault.HTTP_STATUS or attempt.fault is None:
        return f"{attempt.status}" if attempt.status else "not called"
    return str(attempt.fault)
