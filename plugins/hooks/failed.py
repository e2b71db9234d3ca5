"""An attempt that failed, as the exception LiteLLM would have raised."""

from __future__ import annotations

import traceback
from typing import Any

import httpx
import litellm
import openai
from fastapi import HTTPException
from litellm.llms.openai.common_utils import OpenAIError

from plugins.telemetry.record import Attempt, Fault, Outcome

_LATE = (Fault.FIRST_TOKEN_TIMEOUT, Fault.STALL, Fault.PACE, Fault.TOTAL_TIMEOUT, Fault.REQUEST_TIMEOUT)
_NOWHERE = httpx.Request("POST", "https://provider.invalid/v1/chat/completions")


def exception_of(attempt: Attempt, *, midway: bool) -> tuple[Exception, str]:
    """With its traceback, which loggers print. `midway`: the client had begun to read."""
    error = _broken_off(attempt) if midway else _mapped(attempt)
    return error, "".join(traceback.format_exception(error))


def _broken_off(attempt: Attempt) -> Exception:
    """LiteLLM raises what breaks a stream as it is."""
    return httpx.RemoteProtocolError(f"the answer broke off ({attempt.fault})", request=_NOWHERE)


def _mapped(attempt: Attempt) -> Exception:
    if attempt.outcome is Outcome.CLIENT_GONE:
        return HTTPException(499, "Client disconnected the request")
    original = _original(attempt)
    try:
        litellm.exception_type(
            model=attempt.target.upstream_model,
            original_exception=original,
            custom_llm_provider=attempt.target.provider,
        )
    except Exception as error:  # noqa: BLE001  it raises what it found
        return error
    return original


def _original(attempt: Attempt) -> Exception:
    """What our transport would have made of it, as the OpenAI SDK passes it on."""
    if attempt.error is not None:
        return _error(attempt.error.status, attempt.error.message, attempt.error.as_body()["error"])
    if attempt.fault in _LATE:
        return openai.APITimeoutError(request=_NOWHERE)
    return _error(500, "Connection error.")


def _error(status: int, message: str, body: dict[str, Any] | None = None) -> Exception:
    error: Exception = OpenAIError(status, message, body=body)
    return error
