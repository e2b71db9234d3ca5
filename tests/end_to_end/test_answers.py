"""An answer is whole, or visibly broken. Before its first token another target takes over without a trace."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.end_to_end.asking import ASK, ask, numbered
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

FAILURES_BEFORE_THE_FIRST_TOKEN = [
    {"fault": "429_queue"},
    {"fault": "429_tokens", "retry_after": "3"},
    {"fault": "429_requests"},
    {"fault": "500"},
    {"fault": "502"},
    {"fault": "503"},
    {"fault": "504"},
    {"fault": "401"},
    {"fault": "402"},
    {"fault": "403"},
    {"fault": "404"},
    {"fault": "408"},
    {"fault": "reset_before_headers"},
    {"fault": "hang"},
    {"fault": "hang_after_headers"},
    {"fault": "role_only"},
    {"fault": "error_event", "after": 0},
    {"fault": "cut", "after": 0},
    {"fault": "reset", "after": 0},
    {"first_token": 5},
]


@pytest.mark.parametrize("knobs", FAILURES_BEFORE_THE_FIRST_TOKEN, ids=lambda knobs: "-".join(map(str, knobs.values())))
def test_a_failure_before_the_first_token_leaves_no_trace_in_the_stream(
    waferline: Gateway, providers: tuple[Provider, Provider], knobs: dict[str, Any]
) -> None:
    primary, fallback = providers
    primary.set(**knobs)

    with ask(waferline) as stream:
        pass

    assert stream.words == numbered(60)
    assert (stream.roles, stream.finish_reasons, stream.done) == (["assistant"], ["stop"], 1)
    assert len({chunk["id"] for chunk in stream.chunks}) == 1
    assert stream.headers["x-waferline-deployment"] == "fallback/gpt-oss-120b"
    # A reset without a word may be a connection that was closed while it waited, so it is tried once more.
    assert len(primary.chats()) <= (2 if knobs.get("fault") == "reset_before_headers" else 1)
    assert len(fallback.chats()) == 1
    event = waferline.event_of(stream.headers["x-request-id"])
    assert event["outcome"] == "whole"
    assert [attempt["outcome"] for attempt in event["attempts"]] == ["failed", "whole"]


BREAKS_AFTER_THE_FIRST_TOKEN = [
    {"fault": "cut", "after": 20},
    {"fault": "cut_chunked", "after": 20},
    {"fault": "reset", "after": 20},
    {"fault": "stall", "after": 20},
    {"fault": "error_event", "after": 20},
    {"fault": "flat_error_event", "after": 20},
    {"fault": "malformed", "after": 20},
    {"fault": "no_finish_but_done"},
]


@pytest.mark.parametrize("knobs", BREAKS_AFTER_THE_FIRST_TOKEN, ids=lambda knobs: str(knobs["fault"]))
def test_an_answer_that_breaks_later_is_visibly_broken(
    waferline: Gateway, providers: tuple[Provider, Provider], knobs: dict[str, Any]
) -> None:
    primary, fallback = providers
    primary.set(**knobs)

    with ask(waferline) as stream:
        pass

    assert stream.words == numbered(len(stream.words))  # a gap-free beginning of one provider's answer
    assert stream.words
    assert (stream.finish_reasons, stream.done) == (["error"], 0)
    assert stream.chunks[-1]["error"]["code"] == "stream_interrupted"
    assert fallback.chats() == []
    assert waferline.event_of(stream.headers["x-request-id"])["outcome"] == "broken"


def test_the_openai_sdk_raises_on_a_broken_answer(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    providers[0].set(fault="cut", after=20)
    client = openai.OpenAI(base_url=f"{waferline.url}/v1", api_key=MASTER_KEY, max_retries=0)

    with client, pytest.raises(openai.APIError, match="what came before is not whole"):
        list(client.chat.completions.create(**ASK))  # type: ignore[call-overload]  # one literal for both clients


@pytest.mark.parametrize(
    "knobs",
    [
        {"fault": "no_done"},
        {"fault": "junk_after_done"},
        {"fault": "crlf"},
        {"fault": "comments"},
        {"fault": "no_usage"},
    ],
    ids=lambda knobs: str(knobs["fault"]),
)
def test_an_answer_with_a_finish_reason_is_whole_however_it_was_framed(
    waferline: Gateway, providers: tuple[Provider, Provider], knobs: dict[str, Any]
) -> None:
    providers[0].set(**knobs)

    with ask(waferline) as stream:
        pass

    assert (stream.words, stream.finish_reasons, stream.done) == (numbered(60), ["stop"], 1)


def test_an_error_of_the_clients_own_is_told_in_the_providers_words_and_asked_once(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    primary, fallback = providers
    primary.set(fault="400")

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ASK)

    assert response.status_code == 400
    assert "litellm" not in response.text.lower()
    assert (len(primary.chats()), len(fallback.chats())) == (1, 0)


def test_a_fallback_that_is_stricter_does_not_make_it_the_clients_mistake(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    primary, fallback = providers
    primary.set(fault="503", fault_for=1)
    fallback.set(fault="400")

    with ask(waferline, model="chat") as stream:
        pass

    assert stream.headers["x-waferline-deployment"] == "cerebras/qwen-3.8-27b"
    assert stream.words == numbered(60)


def test_when_both_providers_fail_the_client_hears_of_both(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    primary, fallback = providers
    primary.set(fault="503")
    fallback.set(fault="500")

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ASK)

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "upstream_unavailable")
    assert "cerebras/gpt-oss-120b: 503, fallback/gpt-oss-120b: 500" in error["message"]
    assert "127.0.0.1" not in response.text
    assert "litellm" not in response.text.lower()


def test_when_both_providers_are_at_their_limit_the_client_is_told_when_to_come_back(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    providers[0].set(fault="429_tokens", retry_after="7")
    providers[1].set(fault="429_tokens", retry_after="4")

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=ASK)

    assert response.status_code == 429
    assert response.headers["retry-after"] in {"4", "5"}, "what the nearer of the two says, with a little jitter"
    assert response.json()["error"]["code"] == "rate_limit_exceeded"


def test_a_workload_goes_on_to_its_second_model_when_both_targets_of_the_first_fail(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    primary, fallback = providers
    primary.set(fault="503", fault_for=1)
    fallback.set(fault="503", fault_for=1)

    with ask(waferline, model="chat") as stream:
        pass

    assert stream.headers["x-waferline-model-asked"] == "chat"
    assert stream.headers["x-waferline-model-served"] == "qwen-3.8-27b"
    assert stream.words == numbered(60)


def test_a_client_that_leaves_stops_the_provider(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    primary, _ = providers
    primary.set(pace=20, tokens=2000)

    with waferline.client() as client, client.stream("POST", "/v1/chat/completions", json=ASK) as response:
        next(response.iter_bytes())
        request_id = response.headers["x-request-id"]

    eventually(lambda: primary.chats()[0]["ended"] == "client_gone", 5, "the end of the provider's work")
    assert waferline.event_of(request_id)["outcome"] == "client_gone"


def test_connections_to_the_provider_are_kept(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    for _ in range(5):
        with ask(waferline):
            pass

    assert len({chat["connection"] for chat in providers[0].chats()}) == 1
