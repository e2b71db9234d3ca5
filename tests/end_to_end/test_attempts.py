"""What a workload may ask of its attempts: to be held back, to be read whole, to be hedged; and what ends all of them.

tests/end_to_end/conftest.py says which workload does which.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.end_to_end.asking import Stream, ask, numbered
from tests.support.gateway import Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

Providers = tuple[Provider, Provider]
ATOMIC, HELD, HEDGED = "classify", "long-context", "reasoning"

BREAKS = [
    {"fault": "cut_chunked", "after": 40},
    {"fault": "cut", "after": 40},
    {"fault": "reset", "after": 40},
    {"fault": "stall", "after": 20},
    {"fault": "error_event", "after": 40},
    {"fault": "malformed", "after": 40},
    {"fault": "no_finish_but_done"},
    {"pace": 2, "tokens_per_event": 1},
]


def is_seamless(stream: Stream) -> bool:
    """One answer, as if there had been one attempt."""
    ends = (stream.roles, stream.finish_reasons, stream.done)
    one = len({chunk["id"] for chunk in stream.chunks}) == 1 and len({chunk["model"] for chunk in stream.chunks}) == 1
    return stream.words == numbered(60) and ends == (["assistant"], ["stop"], 1) and one


def outcomes(waferline: Gateway, stream: Stream) -> list[tuple[str, str | None]]:
    event = waferline.event_of(stream.headers["x-request-id"])
    assert event["outcome"] == "whole"
    assert event["deployment"] == stream.headers["x-waferline-deployment"]
    return [(each["outcome"], each["fault"]) for each in event["attempts"]]


@pytest.mark.parametrize("knobs", BREAKS, ids=lambda knobs: str(knobs.get("fault", "drips")))
def test_an_atomic_answer_that_breaks_late_is_given_by_the_next_target_without_a_trace(
    waferline: Gateway, providers: Providers, knobs: dict[str, Any]
) -> None:
    providers[0].set(**knobs)

    with ask(waferline, model=ATOMIC) as stream:
        pass

    assert is_seamless(stream)
    assert stream.headers["x-waferline-deployment"] == "fallback/gpt-oss-120b"
    assert [outcome for outcome, _ in outcomes(waferline, stream)] == ["broken", "whole"]
    assert (len(providers[0].chats()), len(providers[1].chats())) == (1, 1)


def test_an_atomic_answer_leaves_as_the_stream_it_was(waferline: Gateway, providers: Providers) -> None:
    with ask(waferline, model=ATOMIC, stream_options={"include_usage": True}) as stream:
        pass

    assert is_seamless(stream)
    assert stream.chunks[-1]["usage"]["completion_tokens"] == 60
    assert stream.headers["x-waferline-deployment"] == "cerebras/gpt-oss-120b"


def test_an_answer_that_may_be_long_is_not_held_back_where_only_short_ones_are(
    waferline: Gateway, providers: Providers
) -> None:
    providers[0].set(fault="cut_chunked", after=40)

    with ask(waferline, model=ATOMIC, max_completion_tokens=513) as stream:
        pass

    assert (stream.finish_reasons, stream.done) == (["error"], 0)
    assert providers[1].chats() == []


def test_a_break_right_behind_the_first_token_is_repaired_where_answers_are_held(
    waferline: Gateway, providers: Providers
) -> None:
    providers[0].set(fault="cut_chunked", after=5)

    with ask(waferline, model=HELD) as stream:
        pass

    assert is_seamless(stream)
    assert outcomes(waferline, stream) == [("broken", "cut"), ("whole", None)]


def test_a_break_after_the_hold_is_not(waferline: Gateway, providers: Providers) -> None:
    providers[0].set(fault="cut_chunked", after=40, pace=100)

    with ask(waferline, model=HELD) as stream:
        pass

    assert (stream.finish_reasons, stream.done) == (["error"], 0)


def test_an_answer_that_drips_goes_on_once_it_has_left_and_the_log_says_so(
    waferline: Gateway, providers: Providers
) -> None:
    providers[0].set(pace=3, tokens_per_event=1, tokens=4)

    with ask(waferline) as stream:
        pass

    event = waferline.event_of(stream.headers["x-request-id"])
    assert (stream.words, stream.done) == (numbered(4), 1)
    assert [(each["outcome"], each["dripped"]) for each in event["attempts"]] == [("whole", True)]


def test_an_answer_that_drips_is_taken_over_where_the_client_waits_for_all_of_it(
    waferline: Gateway, providers: Providers
) -> None:
    providers[0].set(pace=2, tokens_per_event=1)

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": "gpt-oss-120b", "messages": _MESSAGES})

    event = waferline.event_of(response.headers["x-request-id"])
    assert response.json()["choices"][0]["message"]["content"].split() == numbered(60)
    assert [(each["outcome"], each["fault"]) for each in event["attempts"]] == [("broken", "pace"), ("whole", None)]


def test_the_last_that_could_answer_may_drip(waferline: Gateway, providers: Providers) -> None:
    providers[0].set(fault="503")
    providers[1].set(pace=3, tokens_per_event=1, tokens=4)

    with ask(waferline, model=ATOMIC) as stream:
        pass

    assert (stream.words, stream.done) == (numbered(4), 1)


@pytest.mark.parametrize("silence", [{"first_token": 5}, {"fault": "hang"}, {"fault": "role_only"}], ids=str)
def test_the_next_target_starts_beside_one_that_is_late_and_the_first_to_speak_answers(
    waferline: Gateway, providers: Providers, silence: dict[str, Any]
) -> None:
    primary, fallback = providers
    primary.set(**silence)

    with ask(waferline, model=HEDGED) as stream:
        pass

    assert is_seamless(stream)
    assert (stream.headers["x-waferline-attempts"], stream.headers["x-waferline-deployment"]) == (
        "2",
        "fallback/gpt-oss-120b",
    )
    eventually(lambda: primary.chats()[0]["ended"], 5, "the end of the loser's work")
    event = waferline.event_of(stream.headers["x-request-id"])
    assert [(each["outcome"], each["hedge"]) for each in event["attempts"]] == [("lost_race", False), ("whole", True)]
    assert event["completion_tokens"] == 60
    assert len(fallback.chats()) == 1
    assert {row["failures"] for row in waferline.circuits()} == {0}


def test_a_hedge_that_is_later_still_is_called_off(waferline: Gateway, providers: Providers) -> None:
    primary, fallback = providers
    primary.set(first_token=0.3)
    fallback.set(first_token=5)

    with ask(waferline, model=HEDGED) as stream:
        pass

    assert is_seamless(stream)
    assert (stream.headers["x-waferline-attempts"], stream.headers["x-waferline-deployment"]) == (
        "2",
        "cerebras/gpt-oss-120b",
    )
    eventually(lambda: fallback.chats()[0]["ended"] == "client_gone", 5, "the end of the hedge")
    assert outcomes(waferline, stream) == [("whole", None), ("lost_race", None)]
    assert {row["calls"] for row in waferline.circuits() if row["target"] == "fallback/gpt-oss-120b"} == {0}


@pytest.mark.parametrize("winner", [0, 1], ids=["the first", "the hedge"])
def test_who_lost_a_race_is_asked_again_when_the_winner_breaks(
    waferline: Gateway, providers: Providers, winner: int
) -> None:
    providers[winner].set(first_token=0.25 - winner * 0.2, fault="cut", after=40)
    providers[1 - winner].set(first_token=0.6)

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": HEDGED, "messages": _MESSAGES})

    names = ["cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"]
    assert (response.status_code, response.headers["x-waferline-deployment"]) == (200, names[1 - winner])
    event = waferline.event_of(response.headers["x-request-id"])
    broken = ("broken", bool(winner))
    assert [(each["outcome"], each["hedge"]) for each in event["attempts"]] == [
        *([("lost_race", False), broken] if winner else [broken, ("lost_race", True)]),
        ("whole", False),
    ]


def test_a_hedge_that_fails_leaves_the_first_alone(waferline: Gateway, providers: Providers) -> None:
    providers[0].set(first_token=0.3)
    providers[1].set(fault="400")

    with ask(waferline, model=HEDGED) as stream:
        pass

    assert is_seamless(stream)
    assert outcomes(waferline, stream) == [("whole", None), ("failed", "http_status")]


def test_where_both_fail_the_client_hears_of_both_once(waferline: Gateway, providers: Providers) -> None:
    providers[0].set(fault="cut", after=0, first_token=0.3)
    providers[1].set(fault="503")

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": HEDGED, "messages": _MESSAGES, "stream": True})

    assert response.status_code == 503
    assert "cerebras/gpt-oss-120b: no_finish, fallback/gpt-oss-120b: 503" in response.json()["error"]["message"]
    assert (len(providers[0].chats()), len(providers[1].chats())) == (1, 1)


def test_a_client_that_leaves_during_a_race_stops_both(waferline: Gateway, providers: Providers) -> None:
    for provider in providers:
        provider.set(fault="hang")

    with waferline.client() as client:
        client.timeout = 0.3
        with pytest.raises(Exception, match="timed out"):
            client.post("/v1/chat/completions", json={"model": HEDGED, "messages": _MESSAGES, "stream": True})

    eventually(lambda: all(each.chats()[0]["ended"] for each in providers), 5, "the end of both providers' work")


def test_no_request_takes_longer_than_all_its_attempts_may(waferline: Gateway, providers: Providers) -> None:
    for provider in providers:
        provider.set(fault="hang")
    began = time.monotonic()

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": HELD, "messages": _MESSAGES, "stream": True})

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["rule"]) == (504, "deadline_exceeded", "upstream.deadline")
    assert "cerebras/gpt-oss-120b: first_token_timeout, fallback/gpt-oss-120b: request_timeout" in error["message"]
    assert time.monotonic() - began >= 1.5
    assert {row["failures"] for row in waferline.circuits() if row["target"] == "fallback/gpt-oss-120b"} == {0}


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_names_the_model_as_whoever_gave_it_does(
    waferline: Gateway, providers: Providers, *, stream: bool
) -> None:
    providers[0].set(fault="wrong_model")

    with ask(waferline, stream=stream) as answer:
        chunks = answer.chunks if stream else [json.loads(answer.raw)]

    said = waferline.event_of(answer.headers["x-request-id"])["upstream_model"]
    assert {chunk["model"] for chunk in chunks} == {said}
    assert said != "gpt-oss-120b"


_MESSAGES = [{"role": "user", "content": "hi"}]
