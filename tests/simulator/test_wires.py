"""An answer's frames against the captured shape, key order included."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator.answer import compose
from simulator.catalog import describe
from simulator.cerebras_wire import CerebrasWire
from simulator.frames import Frame
from simulator.knobs import Knobs
from simulator.openai_wire import OpenAIWire
from simulator.refusals import WRONG_KEY, too_many
from simulator.wire import Wire, frames
from tests.simulator.asking import WEATHER, chat, plain, words

IDENTITY = "0123456789abcdef0123456789abcdef"
ID = "chatcmpl-01234567-89ab-cdef-0123-456789abcdef"
TOOL_RESULT = [{"role": "user", "content": "a"}, {"role": "tool", "content": "sun", "tool_call_id": "1"}]


def spoken(body: dict[str, Any], accent: Callable[[Knobs], Wire] = CerebrasWire, **turned: Any) -> list[Frame]:
    knobs = Knobs.model_validate(
        {"text": "numbered", "tokens": 8, "tokens_per_event": 1, "reasoning_tokens": 2, **turned}
    )
    wire = accent(knobs)
    show_usage = wire.wants_usage(body.get("stream_options"))
    return frames(compose(body, knobs, describe(body["model"]), IDENTITY, 1779147581.5, show_usage), wire, knobs)


def whole(body: dict[str, Any], **turned: Any) -> dict[str, Any]:
    knobs = Knobs.model_validate({"text": "numbered", "tokens": 8, "reasoning_tokens": 2, **turned})
    answer = compose(body, knobs, describe(body["model"]), IDENTITY, 1779147581.5, True)
    return CerebrasWire(knobs).whole(answer)


def data(frame: Frame) -> Any:
    return json.loads(frame.data.removeprefix(b"data: "))


def kinds(line: list[Frame]) -> str:
    return " ".join(frame.kind for frame in line)


def text(line: list[Frame]) -> str:
    return "".join(data(frame)["choices"][0]["delta"]["content"] for frame in line if frame.kind == "content")


def test_a_cerebras_stream_is_role_reasoning_one_empty_delta_content_finish_done() -> None:
    line = spoken(chat())

    assert kinds(line) == "role reasoning reasoning turn content content content content content content finish done"
    assert line[-1].data == b"data: [DONE]\n\n"


def test_a_cerebras_chunk_is_written_as_captured() -> None:
    line = spoken(chat())
    fingerprint = data(line[0])["system_fingerprint"]
    tail = (
        b'"index":0}],"created":1779147581,"model":"gpt-oss-120b","system_fingerprint":"%b",'
        b'"object":"chat.completion.chunk"}\n\n' % fingerprint.encode()
    )
    opening = b'data: {"id":"%b","choices":[{"delta":' % ID.encode()

    assert line[0].data == opening + b'{"role":"assistant"},' + tail
    assert line[3].data == opening + b"{}," + tail
    assert line[4].data == opening + b'{"content":"w0001 "},' + tail
    assert fingerprint.startswith("fp_")
    assert len(fingerprint) == 23


def test_finish_reason_is_absent_until_the_last_cerebras_chunk_which_has_usage_and_time() -> None:
    *before, finish, _ = spoken(chat())
    last = data(finish)

    assert all("finish_reason" not in data(frame)["choices"][0] and "usage" not in data(frame) for frame in before)
    assert list(last)[-2:] == ["usage", "time_info"]
    assert last["choices"] == [{"delta": {}, "finish_reason": "stop", "index": 0}]
    assert list(last["usage"]) == [
        "total_tokens",
        "completion_tokens",
        "completion_tokens_details",
        "prompt_tokens",
        "prompt_tokens_details",
    ]
    assert last["usage"]["completion_tokens"] == 8
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2
    parts = last["time_info"]
    assert parts["total_time"] > parts["queue_time"] + parts["prompt_time"] + parts["completion_time"]


def test_qwen_counts_images_and_may_not_reason() -> None:
    line = spoken(chat("qwen-3.8-27b", reasoning_effort="none"))
    usage = data(line[-2])["usage"]

    assert kinds(line) == "role" + " content" * 8 + " finish done"
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0, "image_tokens": 0}


def test_a_cerebras_tool_call_is_whole_in_one_chunk_and_no_empty_delta_precedes_it() -> None:
    line = spoken(chat(tools=[WEATHER]))
    call = data(line[3])["choices"][0]["delta"]["tool_calls"][0]

    assert kinds(line) == "role reasoning reasoning tool finish done"
    assert list(call) == ["function", "type", "id", "index"]
    assert json.loads(call["function"]["arguments"]) == {"city": "wafer", "days": 7}
    assert len(call["id"]) == 9
    assert int(call["id"], 16)
    assert data(line[4])["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("body", "calls"),
    [
        (chat(tools=[WEATHER]), 1),
        (chat(tools=[WEATHER], tool_choice="none"), 0),
        (chat(tools=[WEATHER], tool_choice="required"), 1),
        (chat(tools=[WEATHER], messages=TOOL_RESULT), 0),
        (chat(tools=[WEATHER], messages=TOOL_RESULT, tool_choice="required"), 1),
        (chat(), 0),
    ],
    ids=["offered", "forbidden", "required", "answered", "answered and required", "not offered"],
)
def test_tools_are_called_when_offered_and_not_yet_answered(body: dict[str, Any], calls: int) -> None:
    assert kinds(spoken(body)).count("tool") == calls


def test_several_calls_are_several_chunks_with_an_index_each() -> None:
    line = [frame for frame in spoken(chat(tools=[WEATHER]), tool_calls=3) if frame.kind == "tool"]

    assert [data(frame)["choices"][0]["delta"]["tool_calls"][0]["index"] for frame in line] == [0, 1, 2]


@pytest.mark.parametrize(
    ("limits", "tokens", "finish"),
    [
        ({}, 8, "stop"),
        ({"max_completion_tokens": 5}, 5, "length"),
        ({"max_tokens": 5}, 5, "length"),
        ({"max_tokens": 1}, 1, "length"),
        ({"max_tokens": 50}, 8, "stop"),
        ({"max_completion_tokens": -1}, 8, "stop"),
    ],
)
def test_completion_tokens_are_the_lesser_of_limit_and_knob(limits: dict[str, Any], tokens: int, finish: str) -> None:
    last = data(spoken(chat(**limits))[-2])

    assert last["usage"]["completion_tokens"] == tokens
    assert last["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("options", "turned", "shown"),
    [
        (None, {}, True),
        (None, {"usage_by_default": False}, False),
        ({"include_usage": True}, {"usage_by_default": False}, True),
        ({"include_usage": False}, {}, False),
        ({"include_usage": False}, {"usage_when_off": True}, True),
    ],
)
def test_whether_cerebras_shows_usage_is_an_assumption_that_can_be_turned(
    options: dict[str, bool] | None, turned: dict[str, Any], shown: bool
) -> None:
    assert ("usage" in data(spoken(chat(stream_options=options), **turned)[-2])) is shown


@pytest.mark.parametrize(
    ("how", "expected"),
    [("parsed", "role reasoning reasoning turn"), ("hidden", "role content content"), ("raw", "role content content")],
)
def test_reasoning_is_shown_as_asked(how: str, expected: str) -> None:
    line = spoken(chat(reasoning_format=how))

    assert kinds(line).startswith(expected)
    assert data(line[-2])["usage"]["completion_tokens_details"]["reasoning_tokens"] == (0 if how == "raw" else 2)
    assert text(line).startswith("<think>") == (how == "raw")


def test_structured_output_is_json_that_fits_its_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}

    assert json.loads(text(spoken(chat(response_format=form), tokens=100))) == {"n": 7}


def test_a_whole_cerebras_answer_has_its_keys_in_order() -> None:
    answer = whole(plain())

    assert list(answer) == ["id", "choices", "created", "model", "system_fingerprint", "object", "usage", "time_info"]
    assert list(answer["choices"][0]) == ["finish_reason", "index", "message"]
    assert list(answer["choices"][0]["message"]) == ["content", "reasoning", "role"]
    assert answer["choices"][0]["message"]["content"] == words(6)
    assert answer["object"] == "chat.completion"


def test_content_is_absent_beside_tool_calls() -> None:
    message = whole(plain(tools=[WEATHER]))["choices"][0]["message"]

    assert list(message) == ["reasoning", "role", "tool_calls"]


def test_the_tier_used_is_told_only_when_auto_was_asked_for() -> None:
    assert whole(plain(service_tier="auto"))["service_tier_used"] == "default"
    assert "service_tier_used" not in whole(plain(service_tier="flex"))


def test_several_choices_are_spoken_side_by_side_and_counted_together() -> None:
    line = spoken(chat(n=3))
    last = data(line[-2])

    assert {data(frame)["choices"][0]["index"] for frame in line[:-1]} == {0, 1, 2}
    assert kinds(line).count("finish") == 3
    assert last["usage"]["completion_tokens"] == 24


def test_tokens_are_due_at_the_pace_from_the_first_event_on() -> None:
    line = spoken(
        chat("qwen-3.8-27b", reasoning_effort="none"), tokens=100, tokens_per_event=1, pace=100, first_token=0.5
    )
    content = [frame.due for frame in line if frame.kind == "content"]

    assert content[0] == pytest.approx(0.5)
    assert content[-1] == pytest.approx(0.5 + 99 / 100)


def test_an_openai_stream_has_null_finish_reasons_an_empty_opening_and_no_usage_unless_asked() -> None:
    line = spoken(chat("any"), OpenAIWire)
    first = data(line[0])

    assert kinds(line) == "role" + " content" * 8 + " finish done"
    assert list(first) == ["id", "object", "created", "model", "system_fingerprint", "choices"]
    assert first["choices"][0]["delta"]["content"] == ""
    assert all(data(frame)["choices"][0]["finish_reason"] is None for frame in line[:-2])
    assert "usage" not in data(line[-2])


def test_openai_usage_is_an_event_of_its_own_without_choices() -> None:
    line = spoken(chat("any", stream_options={"include_usage": True}), OpenAIWire)

    assert kinds(line).endswith("finish usage done")
    assert data(line[-2])["choices"] == []
    assert data(line[-2])["usage"]["completion_tokens"] == 8
    assert data(line[0])["usage"] is None


def test_openai_tool_arguments_come_in_pieces() -> None:
    line = [frame for frame in spoken(chat("any", tools=[WEATHER]), OpenAIWire) if frame.kind == "tool"]
    parts = [data(frame)["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for frame in line]

    assert len(parts) == 4
    assert json.loads("".join(parts)) == {"city": "wafer", "days": 7}


def test_cerebras_errors_are_flat_and_openai_errors_are_wrapped() -> None:
    tokens = too_many("tokens", "minute")

    assert CerebrasWire(Knobs()).refused(tokens) == {
        "message": "Tokens per minute limit exceeded - too many tokens processed.",
        "type": "too_many_tokens_error",
        "param": "quota",
        "code": "token_quota_exceeded",
    }
    assert OpenAIWire(Knobs()).refused(WRONG_KEY)["error"]["code"] == "invalid_api_key"
    assert list(CerebrasWire(Knobs()).error_event(tokens, "x")) == ["error", "status_code"]
