"""What an attempt says about its target, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.circuit.facts import Finding, Origin, Result
from plugins.circuit.failures import at_first_token, before_first_token, lost_race, wait
from plugins.dialect.openai import UpstreamError
from plugins.stream.decode import Decoder
from plugins.telemetry.record import UNREACHED, Attempt, Fault, Outcome
from tests.stream.cases import dump, sse
from tests.telemetry.cases import CEREBRAS

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def attempt(status: int | None, fault: Fault, code: str | None = None, outcome: Outcome = Outcome.FAILED) -> Attempt:
    made = Attempt(CEREBRAS, 0.0, status=status)
    if status is not None:
        made.error = UpstreamError(status, "no", code=code)
    made.end(outcome, 1.0, fault)
    return made


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, None, Result.NOTHING),
        (400, "context_length_exceeded", Result.NOTHING),
        (400, "content_filter", Result.NOTHING),
        (409, None, Result.NOTHING),
        (413, None, Result.NOTHING),
        (422, None, Result.NOTHING),
        (401, "wrong_api_key", Result.MISCONFIGURED),
        (402, "payment_required", Result.MISCONFIGURED),
        (403, None, Result.MISCONFIGURED),
        (404, "model_not_found", Result.MISCONFIGURED),
        (429, "queue_exceeded", Result.CAPACITY),
        (429, "token_quota_exceeded", Result.CAPACITY),
        (429, None, Result.CAPACITY),
        (301, None, Result.FAILURE),
        (408, None, Result.FAILURE),
        (500, None, Result.FAILURE),
        (502, None, Result.FAILURE),
        (503, None, Result.FAILURE),
        (504, None, Result.FAILURE),
    ],
)
def test_a_status_says_whose_fault_it_is(status: int, code: str | None, result: Result) -> None:
    assert result is before_first_token(attempt(status, Fault.HTTP_STATUS, code)).result


@pytest.mark.parametrize(
    "fault", sorted(set(Fault) - {Fault.HTTP_STATUS, Fault.ERROR_EVENT, Fault.REQUEST_TIMEOUT, Fault.PACE, Fault.TLS})
)
@pytest.mark.parametrize("status", [None, 200])
def test_whatever_else_went_wrong_before_the_first_token_is_the_targets_failure(
    fault: Fault, status: int | None
) -> None:
    origin = Origin.PATH if fault in UNREACHED else Origin.PROVIDER
    assert Finding(Result.FAILURE, str(fault), origin=origin) == before_first_token(attempt(status, fault))


def test_a_certificate_that_nobody_vouches_for_is_the_operators_to_mend() -> None:
    assert Finding(Result.MISCONFIGURED, "tls", origin=Origin.PATH) == before_first_token(attempt(None, Fault.TLS))


@pytest.mark.parametrize(
    ("event", "result"),
    [
        ({"error": {"message": "full"}, "status_code": 429}, Result.CAPACITY),
        ({"message": "full", "type": "x", "code": "queue_exceeded"}, Result.CAPACITY),
        ({"error": {"message": "full", "code": "token_quota_exceeded"}}, Result.CAPACITY),
        ({"error": {"message": "too long", "code": "context_length_exceeded"}}, Result.NOTHING),
        ({"error": {"message": "no", "code": "content_filter"}}, Result.NOTHING),
        ({"error": {"message": "key", "code": 401}}, Result.MISCONFIGURED),
        ({"error": {"message": "down", "code": 503}}, Result.FAILURE),
        ({"error": "sorry"}, Result.FAILURE),
    ],
)
def test_an_error_within_a_stream_is_judged_like_one_with_a_status(event: dict[str, Any], result: Result) -> None:
    made = Attempt(CEREBRAS, 0.0, status=200)
    for each in Decoder().feed(sse(dump(event))):
        made.watch.see(each, 0.5)
    made.end(Outcome.FAILED, 1.0, Fault.ERROR_EVENT)

    assert result is before_first_token(made).result


def test_who_had_only_what_others_left_of_the_requests_time_is_not_to_blame() -> None:
    assert before_first_token(attempt(None, Fault.REQUEST_TIMEOUT)).result is Result.NOTHING


@pytest.mark.parametrize(
    ("hedge", "lagged", "result"),
    [(False, False, Result.SLOW), (False, True, Result.NOTHING), (True, False, Result.NOTHING)],
)
def test_who_lost_a_race_was_slow_if_the_race_was_for_its_sake(hedge: bool, lagged: bool, result: Result) -> None:
    made = Attempt(CEREBRAS, 0.0, is_hedge=hedge)
    made.lose(1.0)

    assert lost_race(made, lagged=lagged).result is result


@pytest.mark.parametrize("fault", [None, *Fault])
def test_a_client_that_left_says_nothing_about_the_target(fault: Fault | None) -> None:
    made = Attempt(CEREBRAS, 0.0, status=503)
    made.end(Outcome.CLIENT_GONE, 1.0, fault)

    assert before_first_token(made).result is Result.NOTHING


@pytest.mark.parametrize(
    ("ttft", "lagged", "result"),
    [
        (0.17, False, Result.SUCCESS),
        (1.5, False, Result.SUCCESS),
        (1.6, False, Result.SLOW),
        (1.6, True, Result.SUCCESS),
        (None, False, Result.SUCCESS),
    ],
)
def test_a_late_first_token_is_slow_unless_we_were_late_ourselves(
    ttft: float | None, lagged: bool, result: Result
) -> None:
    assert result is at_first_token(ttft, 1.5, lagged=lagged).result


DATE = "Fri, 20 Nov 2026 12:00:20 GMT"
TOKENS, REQUESTS = "token_quota_exceeded", "request_quota_exceeded"


def minute(kind: str, remaining: str, reset: str, per: str = "minute") -> dict[str, str]:
    return {f"x-ratelimit-remaining-{kind}-{per}": remaining, f"x-ratelimit-reset-{kind}-{per}": reset}


@pytest.mark.parametrize(
    ("code", "headers", "seconds", "by_day"),
    [
        # retry-after
        (None, {"retry-after": "7"}, 7.0, False),
        (None, {"retry-after": "3.5"}, 3.5, False),
        (None, {"retry-after": DATE}, 20.0, False),
        (None, {"retry-after": DATE, "date": "Fri, 20 Nov 2026 12:00:15 GMT"}, 5.0, False),
        (None, {"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, None, False),
        (None, {"retry-after-ms": "1500"}, 1.5, False),
        (None, {"retry-after": "2", "retry-after-ms": "2400"}, 2.4, False),
        (None, {"retry-after": "1000000000"}, 1e9, False),
        (None, {"retry-after": "-5"}, None, False),
        (None, {"retry-after": "0"}, None, False),
        (None, {"retry-after": "nan"}, None, False),
        (None, {"retry-after": "inf"}, None, False),
        (None, {"retry-after": "soon"}, None, False),
        (None, {"retry-after": ""}, None, False),
        (None, {}, None, False),
        # the bucket that is empty
        (TOKENS, minute("tokens", "0", "11.382867097854614"), 11.382867097854614, False),
        (REQUESTS, minute("requests", "0", "9.5"), 9.5, False),
        (None, {**minute("tokens", "0", "4"), **minute("requests", "12", "50")}, 4.0, False),
        (TOKENS, {**minute("tokens", "0", "4"), **minute("requests", "0", "50")}, 4.0, False),
        (REQUESTS, minute("requests", "0", "33011.382867", "day"), 33011.382867, True),
        (TOKENS, minute("tokens", "0", "1800", "hour"), 1800.0, True),
        (TOKENS, {**minute("tokens", "0", "4"), "retry-after": "7"}, 7.0, False),
        (None, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0, False),
        (None, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12, False),
        # none is empty: the one that the error names had too little left
        (TOKENS, minute("tokens", "500", "11.4"), 11.4, False),
        (None, minute("tokens", "500", "11.4"), None, False),
        # the provider's queue is no quota of ours
        ("queue_exceeded", minute("tokens", "0", "11.4"), None, False),
        ("queue_exceeded", {"retry-after": "2", **minute("tokens", "0", "11.4")}, 2.0, False),
        # garbage
        (TOKENS, minute("tokens", "0", "soon"), None, False),
        (TOKENS, minute("tokens", "0", "-4"), None, False),
        (TOKENS, minute("tokens", "none", "4"), 4.0, False),
    ],
)  # fmt: skip
def test_a_429_says_how_long_to_wait_in_many_ways(
    code: str | None, headers: dict[str, str], seconds: float | None, by_day: bool
) -> None:
    assert (seconds, by_day) == wait(lambda name: headers.get(name.decode()), code, NOW)


@given(st.dictionaries(st.sampled_from([
    "retry-after", "retry-after-ms", "date",
    *minute("tokens", "", ""), *minute("requests", "", "", "day"),
]), st.text(max_size=60) | st.from_regex(r"[0-9.hmse+-]{0,45}", fullmatch=True)))  # fmt: skip
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    seconds, _ = wait(lambda name: headers.get(name.decode()), None, NOW)

    assert seconds is None or 0 < seconds < float("inf")
