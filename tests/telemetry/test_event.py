"""The line a request leaves, from records whose times can be added up by hand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.policy.verdict import Refuse
from plugins.stream.watch import Watch
from plugins.telemetry.event import finished, tokens_per_second
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from tests.policy.cases import SHIPPED
from tests.telemetry.cases import CEREBRAS, DONE, FALLBACK, ROLE, USAGE, deliver, failed, finish, record, said, watched

WALL = "2026-11-20T12:00:00.000+00:00"


def told(of: Record, now: float = 101.0) -> dict[str, Any]:
    return finished(of, now, WALL)


def streamed() -> Record:
    """Asked at 100.000, called at 100.002, first token there at 100.172 and here at 100.175, last at 100.672."""
    made = record(status=200)
    made.attempts = [
        watched(
            CEREBRAS,
            100.002,
            (100.1, ROLE),
            (100.172, said("a")),
            (100.672, said("b")),
            (100.7, finish(usage=USAGE, time_info={"queue_time": 0.1})),
            (100.7, DONE),
        )
    ]
    made.attempts[0].end(Outcome.WHOLE, 100.7)
    deliver(made, (100.101, ROLE), (100.175, said("a")), (100.68, said("b")), (100.71, finish(usage=USAGE)))
    made.end(Outcome.WHOLE)
    return made


def test_a_streamed_answer_leaves_its_four_numbers_and_who_gave_it() -> None:
    event = told(streamed())

    expected = {
        "event": "request.finished",
        "time": WALL,
        "request_id": "wl-1",
        "client": "app",
        "path": "/v1/chat/completions",
        "model_asked": "chat",
        "workload": "chat",
        "model_served": "gpt-oss-120b",
        "deployment": "cerebras/gpt-oss-120b",
        "upstream_model": "zai-glm-4.7",  # what the provider says it is, which may be news
        "lane": "litellm",
        "stream": True,
        "stream_mode": "as-asked",
        "skipped": [],
        "outcome": "whole",
        "status": 200,
        "code": None,
        "rule": None,
        "ttft_ms": 175.0,
        "total_ms": 1000.0,
        "gateway_ttft_ms": 5.0,
        "tokens_per_s": 200.0,
        "prompt_tokens": 10,
        "completion_tokens": 101,
        "reasoning_tokens": 40,
        "cached_tokens": 8,
        "time_info": {"queue_time": 0.1},
        "policies": SHIPPED.version,
    }
    attempt = {
        "deployment": "cerebras/gpt-oss-120b",
        "outcome": "whole",
        "fault": None,
        "hedge": False,
        "dripped": False,
        "status": 200,
        "code": None,
        "ttft_ms": 170.0,
        "ms": 698.0,
    }

    assert {**expected, "attempts": [attempt]} == event


def test_the_first_token_is_not_the_role_that_comes_before_it() -> None:
    made = record()
    deliver(made, (100.01, ROLE))

    assert told(made)["ttft_ms"] is None


def test_the_gateways_share_leaves_out_what_failed_attempts_took() -> None:
    made = record()
    made.attempts = [
        failed(CEREBRAS, 100.002, 100.302, 503),
        watched(FALLBACK, 100.31, (100.51, said("a"))),
    ]
    deliver(made, (100.513, said("a")))

    event = told(made)

    assert (event["ttft_ms"], event["gateway_ttft_ms"]) == (513.0, 13.0)
    assert [each["outcome"] for each in event["attempts"]] == ["failed", "running"]
    assert [each["ms"] for each in event["attempts"]] == [300.0, None]
    assert event["deployment"] == "fallback/gpt-oss-120b"


def test_of_two_attempts_at_once_the_time_is_counted_once_and_the_winner_is_billed() -> None:
    lost = watched(CEREBRAS, 100.0)
    won = watched(FALLBACK, 100.2, (100.5, said("a")), (100.7, finish(usage=USAGE)))
    won.is_hedge = True
    lost.lose(100.5)
    won.end(Outcome.WHOLE, 100.7)
    made = record(attempts=[lost, won], winner=won)
    deliver(made, (100.51, said("a")))

    event = told(made)

    assert (event["ttft_ms"], event["gateway_ttft_ms"], event["completion_tokens"]) == (510.0, 10.0, 101)
    assert [(each["outcome"], each["hedge"]) for each in event["attempts"]] == [("lost_race", False), ("whole", True)]
    assert event["deployment"] == "fallback/gpt-oss-120b"


def test_a_hedge_that_lost_leaves_the_first_in_its_place() -> None:
    won = watched(CEREBRAS, 100.0, (100.5, said("a")))
    lost = watched(FALLBACK, 100.2, (100.5, said("b")), (100.5, finish(usage=USAGE)))
    lost.end(Outcome.WHOLE, 100.5)  # so quick that it was over before it could be called off
    lost.lose(100.5)

    event = told(record(attempts=[won, lost], winner=won))

    assert event["deployment"] == "cerebras/gpt-oss-120b"
    assert event["completion_tokens"] is None
    assert [each["outcome"] for each in event["attempts"]] == ["running", "lost_race"]


def test_where_the_client_waits_for_the_whole_answer_the_first_token_is_the_one_we_saw() -> None:
    made = record("reasoning", stream=False)
    made.attempts = [watched(CEREBRAS, 100.0, (100.2, said("a")), (100.3, finish(usage=USAGE)))]

    event = told(made)

    assert (
        event["ttft_ms"],
        event["gateway_ttft_ms"],
        event["stream_mode"],
        event["stream"],
    ) == (200.0, 0.0, "upgrade", False)


def test_an_answer_that_came_in_one_piece_was_served_and_has_no_first_token() -> None:
    attempt = Attempt(CEREBRAS, 100.0, status=200)
    attempt.watch.usage = USAGE
    attempt.end(Outcome.WHOLE, 100.4)
    event = told(record("reasoning", stream=False, attempts=[attempt]))

    assert (
        event["model_served"],
        event["ttft_ms"],
        event["tokens_per_s"],
        event["completion_tokens"],
    ) == ("gpt-oss-120b", None, None, 101)


def test_nobody_served_a_request_whose_every_attempt_failed() -> None:
    made = record(status=503)
    made.refusal = Refuse("upstream.failed", "a", "b", 503, "upstream_unavailable")
    made.attempts = [failed(CEREBRAS, 100, 100.1, None, Fault.CONNECT), failed(FALLBACK, 100.1, 100.2, 500)]
    made.end(Outcome.FAILED)

    event = told(made)

    assert (
        event["model_served"],
        event["deployment"],
        event["outcome"],
        event["code"],
    ) == (None, "fallback/gpt-oss-120b", "failed", "upstream_unavailable")
    assert [each["fault"] for each in event["attempts"]] == ["connect", "http_status"]


def test_a_refused_request_names_the_rule_and_nobody_who_served_it() -> None:
    made = record("llama3.1-8b", status=404)
    assert made.decision is not None
    made.refusal = made.decision.refusal
    made.end(Outcome.REFUSED)

    event = told(made)

    assert tuple(
        event[name] for name in ("outcome", "status", "code", "rule", "attempts", "model_served", "deployment")
    ) == ("refused", 404, "model_retired", "lifecycle.retired", [], None, None)
    assert event["model_asked"] == "llama3.1-8b"


def test_a_request_that_never_got_to_a_decision_still_leaves_its_line() -> None:
    event = told(Record("wl-1", 100.0, SHIPPED, "/v1/chat/completions"))

    assert tuple(event[name] for name in ("client", "model_asked", "lane", "stream_mode", "attempts")) == (
        None,
        None,
        None,
        None,
        [],
    )


def test_every_line_has_the_same_keys() -> None:
    assert told(streamed()).keys() == told(Record("wl-1", 100.0, SHIPPED, "/")).keys()


@pytest.mark.parametrize(
    ("tokens", "first", "last", "speed"),
    [
        (101, 1.0, 1.5, 200.0),
        (2, 1.0, 1.001, 1000.0),
        (1, 1.0, 1.5, None),
        (0, 1.0, 1.5, None),
        (None, 1.0, 1.5, None),
        ("101", 1.0, 1.5, None),
        (101, 1.0, 1.0, None),
        (101, None, None, None),
    ],
)
def test_tokens_per_second_counts_from_the_first_token_to_the_last_and_not_the_first_itself(
    tokens: Any, first: float | None, last: float | None, speed: float | None
) -> None:
    watch = Watch()
    watch.first_token_at, watch.last_token_at = first, last

    assert speed == tokens_per_second(watch, {"completion_tokens": tokens})


@pytest.mark.parametrize("details", [None, "none", 7, [], [{"reasoning_tokens": 1}], {}, {"reasoning_tokens": None}])
def test_odd_details_in_a_providers_usage_cost_a_number_and_not_the_line(details: Any) -> None:
    made = record()
    made.attempts = [watched(CEREBRAS, 100.0, (100.1, finish(usage={**USAGE, "completion_tokens_details": details})))]

    event = told(made)

    assert (event["reasoning_tokens"], event["completion_tokens"]) == (None, 101)


@given(
    st.recursive(
        st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from([*USAGE, "reasoning_tokens", "cached_tokens"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_no_usage_breaks_the_line(usage: Any) -> None:
    made = record()
    made.attempts = [watched(CEREBRAS, 100.0, (100.1, said("a")), (100.2, said("b")), (100.3, finish(usage=usage)))]

    assert orjson.dumps(told(made))


def test_the_first_end_of_an_attempt_and_of_a_request_counts() -> None:
    made = record()
    attempt = failed(CEREBRAS, 1, 2, None, Fault.STALL)
    attempt.end(Outcome.WHOLE, 3)
    made.end(Outcome.BROKEN)
    made.end(Outcome.WHOLE)

    assert (attempt.outcome, attempt.ended, attempt.fault) == (Outcome.FAILED, 2, Fault.STALL)
    assert Outcome.BROKEN is made.outcome


@pytest.mark.parametrize(
    ("status", "blamed"),
    [(400, True), (413, True), (422, True), (401, False), (404, False), (429, False), (500, False), (None, False)],
)
def test_only_a_bad_request_is_the_clients_fault(status: int | None, blamed: bool) -> None:
    assert blamed == Attempt(CEREBRAS, 0, status=status).client_is_to_blame
