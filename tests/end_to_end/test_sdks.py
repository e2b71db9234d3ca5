"""The OpenAI and Cerebras SDKs, as they are, against the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cerebras.cloud.sdk
import openai
import pytest

from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.provider import Provider

ASK: dict[str, Any] = {"model": "gpt-oss-120b", "messages": [{"role": "user", "content": "Say something."}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(params=["openai", "cerebras"])
def sdk(request: pytest.FixtureRequest, waferline: Gateway, primary: Provider, fallback: Provider) -> Iterator[Any]:
    """Nothing but the address and the key differs from what an application has in production."""
    if request.param == "openai":
        with openai.OpenAI(base_url=f"{waferline.url}/v1", api_key=MASTER_KEY, max_retries=0) as client:
            yield client
    else:
        with cerebras.cloud.sdk.Cerebras(base_url=waferline.url, api_key=MASTER_KEY, max_retries=0) as client:
            yield client


def not_found(sdk: Any) -> Any:
    return openai.NotFoundError if isinstance(sdk, openai.OpenAI) else cerebras.cloud.sdk.NotFoundError


def test_a_plain_answer_arrives_with_its_token_counts(sdk: Any) -> None:
    answer = sdk.chat.completions.create(**ASK, max_completion_tokens=40)

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 40


def test_a_streamed_answer_is_the_text_that_the_provider_sent(sdk: Any, primary: Provider) -> None:
    primary.set(text="numbered", tokens=300, reasoning_tokens=0)

    chunks = list(sdk.chat.completions.create(**ASK, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.split() == [f"w{number:04}" for number in range(1, 301)]
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert next(chunk.usage for chunk in reversed(chunks) if chunk.usage).completion_tokens == 300


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_arrives_complete(sdk: Any, stream: bool) -> None:
    answer = sdk.chat.completions.create(**ASK, tools=[WEATHER], stream=stream)

    if stream:
        deltas = [c.choices[0].delta for c in answer if c.choices and c.choices[0].delta.tool_calls]
        arguments = "".join(call.function.arguments or "" for delta in deltas for call in delta.tool_calls)
        name = deltas[0].tool_calls[0].function.name
    else:
        call = answer.choices[0].message.tool_calls[0]
        name, arguments = call.function.name, call.function.arguments
    assert name == "weather"
    assert "city" in json.loads(arguments)


def test_a_retired_model_raises_the_sdks_own_exception_with_the_cure_in_it(sdk: Any, primary: Provider) -> None:
    with pytest.raises(not_found(sdk)) as refusal:
        sdk.chat.completions.create(**{**ASK, "model": "llama-3.3-70b"})

    assert "was retired by Cerebras on 2026-02-16; use 'gpt-oss-120b' instead" in str(refusal.value)
    assert primary.chats() == []


def test_the_models_listed_are_those_that_would_be_served(sdk: Any) -> None:
    names = [model.id for model in sdk.models.list().data]

    assert names == ["voice", "chat", "reasoning", "long-context", "classify", "gpt-oss-120b", "qwen-3.8-27b"]


def test_one_model_can_be_looked_up_and_a_retired_one_cannot(sdk: Any) -> None:
    assert sdk.models.retrieve("gpt-oss-120b").id == "gpt-oss-120b"
    with pytest.raises(not_found(sdk), match=r"use 'qwen-3\.8-27b'"):
        sdk.models.retrieve("gemma-4-31b")


def test_an_answer_with_reasoning_can_be_sent_back_in_the_next_turn(sdk: Any, primary: Provider) -> None:
    """Cerebras answers 400 to `reasoning_content` in the history, which is what clients have from us."""
    first = sdk.chat.completions.create(**ASK, max_completion_tokens=30)
    said = {key: value for key, value in first.choices[0].message.model_dump().items() if value is not None}
    history = [*ASK["messages"], {"reasoning_content": "Hm.", **said}, {"role": "user", "content": "And?"}]

    second = sdk.chat.completions.create(**{**ASK, "messages": history}, max_completion_tokens=30)

    assert second.choices[0].finish_reason == "length"
    assert [chat["status"] for chat in primary.chats()] == [200, 200]
