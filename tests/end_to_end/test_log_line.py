"""Every request leaves one JSON line with its numbers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.provider import Provider

ASK: dict[str, Any] = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_a_streamed_request_is_measured_from_its_first_token_not_its_first_chunk(
    waferline: Gateway, primary: Provider
) -> None:
    primary.set(role_after=0.01, first_token=0.3, tokens=400, pace=1000, reasoning_tokens=0)
    with waferline.client() as client:
        began = time.monotonic()
        response = client.post("/v1/chat/completions", json=ASK)
        took = (time.monotonic() - began) * 1000

    event = waferline.event_of(response.headers["x-request-id"])
    assert 300 <= event["ttft_ms"] < event["total_ms"] < took + 100  # the line is written after the last byte has left
    assert event["tokens_per_s"] == pytest.approx(1000, rel=0.15)
    assert (event["prompt_tokens"] > 0, event["completion_tokens"]) == (True, 400)
    assert 0 <= event["gateway_ttft_ms"] < event["ttft_ms"] - 295
    assert set(event["time_info"]) >= {"queue_time", "prompt_time", "completion_time", "total_time"}


def test_the_line_says_who_asked_for_what_and_who_served_it(
    waferline: Gateway, primary: Provider, fallback: Provider
) -> None:
    primary.set(fault="503")
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ASK, headers={"x-request-id": "order-4711.retry_2"})

    event = waferline.event_of("order-4711.retry_2")
    assert response.headers["x-request-id"] == "order-4711.retry_2"
    assert {
        "client": "master",
        "model_asked": "chat",
        "workload": "chat",
        "model_served": "gpt-oss-120b",
        "deployment": "fallback/gpt-oss-120b",
        "lane": waferline.lane,
        "outcome": "whole",
        "status": 200,
    }.items() <= event.items()
    assert [(each["deployment"], each["outcome"], each["status"]) for each in event["attempts"]] == [
        ("cerebras/gpt-oss-120b", "failed", 503),
        ("fallback/gpt-oss-120b", "whole", 200),
    ]


def test_a_request_id_that_could_forge_a_log_line_is_replaced(waferline: Gateway, primary: Provider) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ASK, headers={"x-request-id": 'a" b'})

    assert response.headers["x-request-id"].startswith("wl-")


def test_a_refused_request_leaves_its_line_too(waferline: Gateway) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={**ASK, "model": "llama-3.3-70b"})

    event = waferline.event_of(response.headers["x-request-id"])
    assert (event["outcome"], event["status"], event["code"]) == ("refused", 404, "model_retired")
    assert (event["rule"], event["attempts"]) == ("lifecycle.retired", [])


def test_the_headers_name_request_lane_and_models(waferline: Gateway, primary: Provider) -> None:
    with waferline.client() as client:
        headers = client.post("/v1/chat/completions", json=ASK).headers

    assert {name: headers[name] for name in headers if name.startswith("x-waferline")} == {
        "x-waferline-lane": waferline.lane,
        "x-waferline-model-asked": "chat",
        "x-waferline-model-served": "gpt-oss-120b",
        "x-waferline-deployment": "cerebras/gpt-oss-120b",
        "x-waferline-attempts": "1",
    }


def test_clients_are_not_told_where_the_providers_are(waferline: Gateway, primary: Provider) -> None:
    with waferline.client() as client:
        headers = client.post("/v1/chat/completions", json=ASK).headers

    assert primary.origin not in str(headers)
    assert not [name for name in headers if name.startswith("llm_provider-")]


def test_neither_the_prompt_nor_a_key_is_logged(waferline: Gateway, primary: Provider) -> None:
    canary = "canary-prompt-4711"
    with waferline.client() as client:
        ask = {**ASK, "messages": [{"role": "user", "content": canary}]}
        request_id = client.post("/v1/chat/completions", json=ask).headers["x-request-id"]
        client.post("/v1/chat/completions", json=ask, headers={"authorization": "Bearer sk-canary-key-4711"})
        waferline.event_of(request_id)

    log = "\n".join(waferline.running.lines())
    assert canary not in log
    assert "canary-key" not in log
    assert client.headers["authorization"].removeprefix("Bearer ") not in log
