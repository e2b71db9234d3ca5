"""When more than one target fails, and what a client's SDK makes of it. Each fault by itself: see faults/."""

from __future__ import annotations

import openai
import pytest

from tests.end_to_end.asking import ASK, ask, numbered
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.provider import Provider


def test_the_openai_sdk_raises_on_a_broken_answer(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    providers[0].set(fault="cut", after=20)
    client = openai.OpenAI(base_url=f"{waferline.url}/v1", api_key=MASTER_KEY, max_retries=0)

    with client, pytest.raises(openai.APIError, match="what came before is not whole"):
        list(client.chat.completions.create(**ASK))


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


def test_connections_to_the_provider_are_kept(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    for _ in range(5):
        with ask(waferline):
            pass

    assert len({chat["connection"] for chat in providers[0].chats()}) == 1
