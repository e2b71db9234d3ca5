"""What the client is told when nobody answered, by what the attempts were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import orjson
import pytest

from plugins.dialect.openai import UpstreamError
from plugins.front.failure import explain, interrupted_chunk
from plugins.policy.verdict import Refuse
from plugins.stream.watch import Watch
from plugins.telemetry.record import Attempt, Fault, Outcome, Skipped
from tests.telemetry.cases import CEREBRAS, FALLBACK, failed


def attempt(status: int | None = None, fault: Fault = Fault.HTTP_STATUS, **more: Any) -> Attempt:
    made = failed(more.pop("target", CEREBRAS), 0, 1, status, fault)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def second(status: int | None = None, fault: Fault = Fault.HTTP_STATUS, **more: Any) -> Attempt:
    return attempt(status, fault, target=FALLBACK, **more)


def explained(
    status: int, payload: bytes, attempts: list[Attempt], skipped: Sequence[Skipped] = (), now: float = 1.0
) -> Refuse:
    return explain(status, payload, attempts, skipped, now)


def told(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("attempts", "skipped", "summary"),
    [
        (
            [attempt(fault=Fault.FIRST_TOKEN_TIMEOUT), second(fault=Fault.REQUEST_TIMEOUT)],
            [],
            "cerebras/gpt-oss-120b: first_token_timeout, fallback/gpt-oss-120b: request_timeout",
        ),
        (
            [attempt(fault=Fault.FIRST_TOKEN_TIMEOUT)],
            [Skipped(FALLBACK, "deadline", None)],
            "cerebras/gpt-oss-120b: first_token_timeout, fallback/gpt-oss-120b: not called, deadline",
        ),
    ],
)
def test_a_request_that_has_had_its_time_is_told_so(
    attempts: list[Attempt], skipped: list[Skipped], summary: str
) -> None:
    refusal = explained(503, b"", attempts, skipped)

    assert (refusal.status, refusal.code, refusal.retry_after) == (504, "deadline_exceeded", None)
    assert refusal.reason == f"no provider answered within the time a request may take ({summary})"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_bad_request_is_told_in_the_providers_words(status: int) -> None:
    error = UpstreamError(status, "messages.2: unsupported", "invalid_request_error", "messages", "wrong_api_format")

    refusal = explained(500, b"", [attempt(503), second(status, error=error)])

    assert (status, "wrong_api_format", "messages", "messages.2: unsupported; correct the request") == (
        refusal.status,
        refusal.code,
        refusal.param,
        refusal.message,
    )


@pytest.mark.parametrize(
    ("waits", "wait"),
    [
        ((None, None), 1.0),
        ((7.0, 3.5), 3.5),
        ((None, 20.0), 20.0),
    ],
)
def test_when_all_are_at_their_limit_the_client_waits_for_the_first_to_be_free(
    waits: tuple[float | None, float | None], wait: float
) -> None:
    refusal = explained(429, b"", [attempt(429, retry_after=waits[0]), second(429, retry_after=waits[1])])

    assert (429, "rate_limit_exceeded", wait) == (refusal.status, refusal.code, refusal.retry_after)


@pytest.mark.parametrize(
    ("attempts", "summary"),
    [
        ([attempt(429), second(503)], "cerebras/gpt-oss-120b: 429, fallback/gpt-oss-120b: 503"),
        ([attempt(503), second(429)], "cerebras/gpt-oss-120b: 503, fallback/gpt-oss-120b: 429"),
        ([attempt(None, Fault.CONNECT)], "cerebras/gpt-oss-120b: connect"),
        ([attempt(200, Fault.FIRST_TOKEN_TIMEOUT)], "cerebras/gpt-oss-120b: first_token_timeout"),
        ([attempt(200, Fault.NO_FINISH), second(401)], "cerebras/gpt-oss-120b: no_finish, fallback/gpt-oss-120b: 401"),
        ([Attempt(CEREBRAS, 0)], "cerebras/gpt-oss-120b: not called"),
    ],
)
def test_when_nobody_answered_the_client_learns_what_each_did(attempts: list[Attempt], summary: str) -> None:
    refusal = explained(500, told("litellm.InternalServerError: secret"), attempts)

    assert (refusal.status, refusal.code, refusal.retry_after) == (503, "upstream_unavailable", 1.0)
    assert f"no provider answered ({summary})" == refusal.reason


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_providers_no_to_us_is_not_passed_off_as_a_no_to_the_client(status: int) -> None:
    error = UpstreamError(status, "Wrong API Key")

    refusal = explained(status, b"", [attempt(status, error=error)])

    assert refusal.status == 503
    assert "Wrong API Key" not in refusal.message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("litellm.BadRequestError: OpenAIException - tools must be a list", "tools must be a list"),
        ("BadRequestError: nothing", "nothing"),
        ("litellm.UnsupportedParamsError: cerebras does not support it", "cerebras does not support it"),
        ("the field is odd", "the field is odd"),
        ("litellm.BadRequestError:", "LiteLLM refused the request"),
    ],
)
def test_what_litellm_itself_refuses_is_told_without_its_class_names(message: str, shown: str) -> None:
    refusal = explained(400, told(message, param="tools"), [])

    assert (400, "invalid_request", f"{shown}; correct the request", "tools") == (
        refusal.status,
        refusal.code,
        refusal.message,
        refusal.param,
    )


@pytest.mark.parametrize("payload", [b"", b"Internal Server Error", told("KeyError: 'x' at /srv/app.py"), b"<html>"])
def test_a_failure_of_our_own_says_nothing_of_its_insides(payload: bytes) -> None:
    refusal = explained(500, payload, [])

    assert (refusal.status, refusal.code, refusal.message) == (500, "internal_error", "the gateway failed; try again")


def test_a_failure_behind_a_provider_that_did_answer_is_not_called_the_providers() -> None:
    whole = Attempt(CEREBRAS, 0, status=200)
    whole.end(Outcome.WHOLE, 1)

    assert explained(500, b"", [whole]).code == "internal_error"


def test_no_refusal_names_litellm_or_a_key() -> None:
    payload = told("litellm.AuthenticationError: AuthenticationError: OpenAIException - bad key sk-proj-abcdefgh1234")

    refusal = explained(401, payload, [])

    assert "sk-proj" not in refusal.message
    assert "Exception" not in refusal.message
    assert "litellm." not in refusal.message


@pytest.mark.parametrize(
    ("held", "word"),
    [(None, "cut"), (Attempt(CEREBRAS, 0), "cut"), (attempt(200, Fault.STALL), "stall")],
)
def test_an_answer_that_broke_off_says_how(held: Attempt | None, word: str) -> None:
    chunk = orjson.loads(interrupted_chunk(held, Watch(), "wl-1").removeprefix(b"data: "))

    assert {
        "message": f"the answer broke off ({word}); what came before is not whole",
        "type": "upstream_error",
        "param": None,
        "code": "stream_interrupted",
        "request_id": "wl-1",
    } == chunk["error"]


CAPACITY = Skipped(CEREBRAS, "capacity", 7.5)


@pytest.mark.parametrize(
    ("attempts", "skipped", "status", "wait"),
    [
        ([], [CAPACITY, Skipped(FALLBACK, "capacity", 3.0)], 429, 3.0),
        ([second(429, retry_after=9.0)], [CAPACITY], 429, 7.5),
        ([], [CAPACITY, Skipped(FALLBACK, "open", 3.0)], 503, 3.0),
        ([], [CAPACITY, Skipped(FALLBACK, "forced_open", None)], 503, 7.5),
        ([], [Skipped(CEREBRAS, "forced_open", None)], 503, 1.0),
        ([second(503)], [CAPACITY], 503, 1.0),
        ([second(429, retry_after=9.0)], [CAPACITY, Skipped(FALLBACK, "attempts", None)], 429, 1.0),
    ],
)
def test_targets_that_were_left_alone_count_as_what_they_are(
    attempts: list[Attempt], skipped: list[Skipped], status: int, wait: float
) -> None:
    refusal = explained(500, b"", attempts, skipped)

    assert (status, wait) == (refusal.status, refusal.retry_after)
    assert "cerebras/gpt-oss-120b: not called, " in refusal.reason


# What may have become of a target: whether only a limit keeps it from serving, and for how many seconds it does not.
FATES: dict[str, tuple[Attempt | Skipped, bool, float | None]] = {
    "failed": (attempt(503), False, 1.0),
    "refused the connection": (attempt(None, Fault.CONNECT), False, 1.0),
    "failed and is open now": (attempt(None, Fault.STALL, retry_after=6.0), False, 6.0),
    "answered 429": (attempt(429, retry_after=7.0), True, 7.0),
    "is at its limit": (Skipped(CEREBRAS, "capacity", 9.0, at=1.0), True, 9.0),
    "has too little left": (Skipped(CEREBRAS, "allowance", 2.5, at=1.0), True, 2.5),
    "never has enough": (Skipped(CEREBRAS, "too_large", None, at=1.0), True, None),
    "was not asked as there were attempts enough": (Skipped(CEREBRAS, "attempts", None, at=1.0), True, 1.0),
    "was not asked for the retry budget": (Skipped(CEREBRAS, "budget", None, at=1.0), False, 1.0),
    "is open": (Skipped(CEREBRAS, "open", 4.0, at=1.0), False, 4.0),
    "is being probed": (Skipped(CEREBRAS, "probing", 8.0, at=1.0), False, 8.0),
    "is misconfigured": (Skipped(CEREBRAS, "misconfigured", 50.0, at=1.0), False, 50.0),
    "is forced open": (Skipped(CEREBRAS, "forced_open", None, at=1.0), False, None),
    "is full": (Skipped(CEREBRAS, "full", 1.0, at=1.0), False, 1.0),
}
MIXTURES = [mixture for size in (1, 2, 3) for mixture in combinations_with_replacement(FATES, size)]


def refusal_for(mixture: Sequence[str], now: float) -> Refuse:
    held = [FATES[fate][0] for fate in mixture]
    attempts = [each for each in held if isinstance(each, Attempt)]
    return explained(503, b"", attempts, [each for each in held if isinstance(each, Skipped)], now)


def test_who_lost_a_race_was_called_off_whatever_it_had_said() -> None:
    broken = attempt(200, Fault.CUT, outcome=Outcome.BROKEN)
    for status in (None, 200):
        lost = Attempt(FALLBACK, 0.0, status=status, outcome=Outcome.LOST_RACE)
        assert (
            "(cerebras/gpt-oss-120b: cut, fallback/gpt-oss-120b: called off)"
            in explained(503, b"", [broken, lost]).message
        )


def test_whatever_became_of_the_targets_the_client_is_told_the_truth_and_the_least_wait() -> None:
    for mixture in MIXTURES:
        waits = [wait for fate in mixture if (wait := FATES[fate][2]) is not None]
        limited = all(FATES[fate][1] or fate == "is full" for fate in mixture)
        code = "too_many_tokens"
        if {*mixture} != {"never has enough"}:
            code = (
                ("overloaded" if "is full" in mixture else "rate_limit_exceeded") if limited else "upstream_unavailable"
            )
        status = {"too_many_tokens": 413, "rate_limit_exceeded": 429}.get(code, 503)
        wait = None if code == "too_many_tokens" else min(waits, default=1.0)

        refusal = refusal_for(mixture, 1.0)

        assert (refusal.code, refusal.status, refusal.retry_after) == (code, status, wait), mixture


def test_what_has_passed_since_a_target_was_asked_is_no_longer_waited_for() -> None:
    assert refusal_for(["is at its limit", "is open"], 3.5).retry_after == 1.5
    assert refusal_for(["answered 429", "failed and is open now"], 3.0).retry_after == 4.0
    assert refusal_for(["answered 429", "failed"], 3.0).retry_after == 1.0
