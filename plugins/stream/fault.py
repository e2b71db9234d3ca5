"""Errors that arrive inside a stream that began with HTTP 200, in the forms providers use."""

from dataclasses import dataclass
from typing import Any

_ERROR_STATUSES = frozenset(map(str, range(400, 600)))


_STATUS_OF_CODE = {
    "queue_exceeded": 429,
    "token_quota_exceeded": 429,
    "request_quota_exceeded": 429,
    "rate_limit_exceeded": 429,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
}


@dataclass(frozen=True, slots=True)
class StreamError:
    message: str
    type: str | None
    code: str | None
    status: int | None

    @property
    def meant_status(self) -> int:
        """The HTTP status it would have come with, had the answer not begun."""
        return self.status or _STATUS_OF_CODE.get(self.code or "", 502)


def fault_in(chunk: dict[str, Any]) -> StreamError | None:
    """The error this object is; None for a chunk of an answer.

    Wrapped: {"error": {..}, "status_code": 429}, or {"error": "sentence"}. Flat, as in Cerebras' HTTP errors:
    {"message", "type", "code"}.
    """
    if error := chunk.get("error"):
        return _fault(error, chunk) if isinstance(error, dict) else _fault({"message": error}, chunk)
    if "choices" not in chunk and "message" in chunk and not chunk.keys().isdisjoint({"type", "code", "status_code"}):
        return _fault(chunk, chunk)
    return None


def fault_named(data: bytes | None, chunk: dict[str, Any] | None) -> StreamError:
    """The error of an `event: error`, which is one whatever its data looks like."""
    if chunk is None:
        return StreamError((data or b"").decode(errors="replace"), None, None, None)
    return fault_in(chunk) or _fault(chunk, chunk)


def fault_of_finish() -> StreamError:
    """Some providers only say finish_reason "error"."""
    return StreamError("the provider ended the answer with finish_reason 'error'", None, None, None)


def _fault(error: dict[str, Any], chunk: dict[str, Any]) -> StreamError:
    candidates = (chunk.get("status_code"), error.get("status_code"), error.get("status"), error.get("code"))
    return StreamError(
        message=_word(error.get("message")) or "",
        type=_word(error.get("type")),
        code=_word(error.get("code")),
        status=next((status for value in candidates if (status := _error_status(value))), None),
    )


def _word(value: object) -> str | None:
    return None if value is None else str(value)


def _error_status(value: object) -> int | None:
    """Some send the status as the code, some as a string."""
    return int(str(value)) if str(value) in _ERROR_STATUSES else None
