"""Voice and chat must stream; everything else is streamed from the provider, whatever the client asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.provider import Provider

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("workload", ["voice", "chat"])
@pytest.mark.parametrize("fields", [{}, {"stream": False}, {"stream": None}])
def test_a_workload_with_somebody_waiting_is_refused_without_streaming(
    waferline: Gateway, primary: Provider, workload: str, fields: dict[str, Any]
) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": workload, "messages": MESSAGES, **fields})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "streaming_required"
    assert 'set "stream": true' in response.json()["error"]["message"]
    assert primary.chats() == []


def test_an_upgraded_request_is_streamed_from_the_provider_and_answered_as_json(
    waferline: Gateway, primary: Provider
) -> None:
    primary.set(text="numbered", tokens=120, reasoning_tokens=0)
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={"model": "classify", "messages": MESSAGES})

    answer = response.json()
    assert response.headers["content-type"] == "application/json"
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"].split() == [f"w{number:04}" for number in range(1, 121)]
    assert answer["usage"]["completion_tokens"] == 120
    assert [chat["stream"] for chat in primary.chats()] == [True]
    event = waferline.event_of(response.headers["x-request-id"])
    assert event["stream_mode"] == "upgrade"
    assert event["ttft_ms"] > 15


def test_json_mode_is_not_upgraded_since_cerebras_does_not_stream_it(waferline: Gateway, primary: Provider) -> None:
    ask = {"model": "classify", "messages": MESSAGES, "response_format": {"type": "json_object"}}
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ask)

    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["finish_reason"] == "stop"
    assert [chat["stream"] for chat in primary.chats()] == [False]
    assert waferline.event_of(response.headers["x-request-id"])["outcome"] == "whole"


def test_a_model_is_not_asked_for_an_effort_it_refuses_whoever_serves_it(
    waferline: Gateway, primary: Provider, fallback: Provider
) -> None:
    """Voice asks for no thinking at all. Its second model always thinks, at Cerebras and elsewhere."""
    ask = {"model": "voice", "messages": MESSAGES, "stream": True}
    for _ in range(4):  # each target serves one request, and is then left alone
        with waferline.client() as client:
            response = client.post("/v1/chat/completions", json=ask).raise_for_status()
        waferline.turn(response.headers["x-waferline-deployment"], "open")

    efforts = [(chat["model"], chat["body"]["reasoning_effort"]) for chat in primary.chats() + fallback.chats()]
    assert efforts == [
        ("qwen-3.8-27b", "none"),
        ("gpt-oss-120b", "low"),
        ("qwen-3.8-27b", "none"),
        ("gpt-oss-120b", "low"),
    ]


def test_a_workloads_parameters_reach_the_provider_unless_the_client_has_its_own(
    waferline: Gateway, primary: Provider
) -> None:
    ask = {"model": "classify", "messages": MESSAGES}
    with waferline.client() as client:
        client.post("/v1/chat/completions", json=ask).raise_for_status()
        client.post(
            "/v1/chat/completions", json={**ask, "reasoning_effort": "high", "max_tokens": 9}
        ).raise_for_status()

    first, second = (chat["body"] for chat in primary.chats())
    assert (first["reasoning_effort"], first["max_completion_tokens"]) == ("low", 512)
    assert (second["reasoning_effort"], second["max_completion_tokens"]) == ("high", 9)
    assert "max_tokens" not in second
