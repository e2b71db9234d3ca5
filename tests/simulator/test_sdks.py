"""The official clients work against the simulator as they do against the provider."""

import json
from collections.abc import Iterator
from typing import Any

import cerebras.cloud.sdk as cerebras_sdk
import openai as openai_sdk
import pytest

from tests.simulator.asking import WEATHER
from tests.simulator.processes import Running
from tests.simulator.raw import get

HELLO: Any = [{"role": "user", "content": "hello"}]
TOOLS: Any = [WEATHER]


@pytest.fixture(scope="module")
def wafer(cerebras: Running) -> Iterator[cerebras_sdk.Cerebras]:
    with cerebras_sdk.Cerebras(api_key="key-warm", base_url=cerebras.url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def other(openai: Running) -> Iterator[openai_sdk.OpenAI]:
    with openai_sdk.OpenAI(api_key="key", base_url=openai.url + "/v1", max_retries=0) as client:
        yield client


def test_the_cerebras_client_warms_the_connection_it_then_uses(cerebras: Running, wafer: cerebras_sdk.Cerebras) -> None:
    wafer.chat.completions.create(model="gpt-oss-120b", messages=HELLO)
    entries = [
        e for e in get(cerebras.port, "/simulator/requests").json if e["headers"].get("authorization") == "...warm"
    ]

    assert [entry["path"] for entry in entries[:2]] == ["/v1/tcp_warming", "/v1/chat/completions"]
    assert entries[0]["connection"] == entries[1]["connection"]


def test_a_plain_answer_is_read_by_the_cerebras_client(wafer: cerebras_sdk.Cerebras) -> None:
    answer: Any = wafer.chat.completions.create(model="gpt-oss-120b", messages=HELLO, max_completion_tokens=40)

    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.reasoning
    assert answer.usage.completion_tokens == 40
    assert answer.time_info.total_time > 0


def test_a_streamed_answer_is_read_by_the_cerebras_client(wafer: cerebras_sdk.Cerebras) -> None:
    chunks: Any = list(wafer.chat.completions.create(model="gpt-oss-120b", messages=HELLO, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [60]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_through_the_cerebras_client(wafer: cerebras_sdk.Cerebras, stream: bool) -> None:
    answer: Any = wafer.chat.completions.create(model="qwen-3.8-27b", messages=HELLO, tools=TOOLS, stream=stream)
    spoken = [chunk.choices[0].delta for chunk in answer] if stream else [answer.choices[0].message]
    calls = [call for said in spoken for call in said.tool_calls or []]

    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "wafer", "days": 7}]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", cerebras_sdk.AuthenticationError),
        ("402", cerebras_sdk.APIStatusError),
        ("403", cerebras_sdk.PermissionDeniedError),
        ("404", cerebras_sdk.NotFoundError),
        ("422", cerebras_sdk.UnprocessableEntityError),
        ("429_queue", cerebras_sdk.RateLimitError),
        ("500", cerebras_sdk.InternalServerError),
        ("reset_before_headers", cerebras_sdk.APIConnectionError),
    ],
)
def test_errors_become_the_cerebras_clients_own(
    wafer: cerebras_sdk.Cerebras, fault: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        wafer.chat.completions.create(model=f"gpt-oss-120b+fault={fault}", messages=HELLO)


def test_an_in_band_429_is_a_rate_limit_error_and_a_cut_stream_ends_silently(wafer: cerebras_sdk.Cerebras) -> None:
    model = "gpt-oss-120b+fault=error_event,after=10,error_status=429"
    with pytest.raises(cerebras_sdk.RateLimitError):
        list(wafer.chat.completions.create(model=model, messages=HELLO, stream=True))
    cut: Any = list(wafer.chat.completions.create(model="gpt-oss-120b+fault=cut,after=10", messages=HELLO, stream=True))

    assert not [chunk for chunk in cut if chunk.choices[0].finish_reason]


def test_models_are_listed_to_both_clients(wafer: cerebras_sdk.Cerebras, cerebras: Running) -> None:
    listed: Any = wafer.models.list()
    with openai_sdk.OpenAI(api_key="key", base_url=cerebras.url + "/v1") as client:
        same = [model.id for model in client.models.list()]

    assert [model.id for model in listed.data] == same == ["gpt-oss-120b", "qwen-3.8-27b"]


def test_the_openai_client_reads_the_cerebras_persona(cerebras: Running) -> None:
    with openai_sdk.OpenAI(api_key="key", base_url=cerebras.url + "/v1") as client:
        chunks = list(client.chat.completions.create(model="gpt-oss-120b", messages=HELLO, stream=True))
        answer = client.chat.completions.create(model="gpt-oss-120b", messages=HELLO)

    assert chunks[-1].usage is not None
    assert answer.choices[0].message.content == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_persona_speaks_to_the_openai_client(other: openai_sdk.OpenAI, stream: bool) -> None:
    more: Any = {"stream_options": {"include_usage": True}} if stream else {}
    answer: Any = other.chat.completions.create(model="any", messages=HELLO, stream=stream, **more)
    usage = list(answer)[-1].usage if stream else answer.usage

    assert usage.completion_tokens == 60


def test_the_openai_client_assembles_tool_arguments(other: openai_sdk.OpenAI) -> None:
    with other.chat.completions.stream(model="any", messages=HELLO, tools=TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message

    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "wafer", "days": 7}


def test_errors_become_the_openai_clients_own(other: openai_sdk.OpenAI) -> None:
    with pytest.raises(openai_sdk.RateLimitError) as error:
        other.chat.completions.create(model="any+fault=429_tokens,retry_after=3", messages=HELLO)

    assert error.value.code == "rate_limit_exceeded"
    assert error.value.response.headers["retry-after"] == "3"
