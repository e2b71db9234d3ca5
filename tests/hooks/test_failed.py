"""An attempt that failed becomes the exception that LiteLLM's own lane would have raised."""

from __future__ import annotations

import httpx
import litellm
import pytest
from fastapi import HTTPException

from plugins.dialect.openai import UpstreamError
from plugins.hooks.failed import exception_of
from plugins.policy.targets import Target
from plugins.telemetry.record import Attempt, Fault, Outcome

TARGET = Target("cerebras/gpt-oss-120b", "gpt-oss-120b", "cerebras", "gpt-oss-120b")


def attempt(fault: Fault, status: int | None = None) -> Attempt:
    made = Attempt(TARGET, 1.0)
    made.end(Outcome.FAILED, 2.0, fault)
    if status:
        made.status, made.error = status, UpstreamError(status, "overloaded")
    return made


@pytest.mark.parametrize(
    ("failed", "raised"),
    [
        (attempt(Fault.HTTP_STATUS, 400), litellm.BadRequestError),
        (attempt(Fault.HTTP_STATUS, 401), litellm.AuthenticationError),
        (attempt(Fault.HTTP_STATUS, 429), litellm.RateLimitError),
        (attempt(Fault.HTTP_STATUS, 503), litellm.ServiceUnavailableError),
        (attempt(Fault.ERROR_EVENT, 500), litellm.InternalServerError),
        (attempt(Fault.FIRST_TOKEN_TIMEOUT), litellm.Timeout),
        (attempt(Fault.CONNECT), litellm.InternalServerError),
        (attempt(Fault.CUT), litellm.InternalServerError),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else f"{each.fault}-{each.status}",
)
def test_a_failure_before_the_first_token_is_of_litellms_classes(failed: Attempt, raised: type[Exception]) -> None:
    error, trace = exception_of(failed, midway=False)

    assert type(error) is raised
    assert raised.__name__ in trace


def test_an_answer_that_broke_off_is_a_broken_connection() -> None:
    error, _ = exception_of(attempt(Fault.STALL), midway=True)

    assert type(error) is httpx.RemoteProtocolError
    assert str(error) == "the answer broke off (stall)"


def test_a_client_that_left_is_a_499() -> None:
    left = Attempt(TARGET, 1.0)
    left.end(Outcome.CLIENT_GONE, 2.0)

    error, _ = exception_of(left, midway=False)

    assert isinstance(error, HTTPException)
    assert error.status_code == 499
