"""What a provider is sent: the client's request in words that this provider accepts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.dialect import cerebras, openai
from plugins.policy.catalog import Row
from tests.policy.cases import SHIPPED

OSS = SHIPPED.catalog.models["gpt-oss-120b"]
QWEN = SHIPPED.catalog.models["qwen-3.8-27b"]
GLM = SHIPPED.catalog.models["zai-glm-5.3"]
USER = {"role": "user", "content": "hi"}


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "public-name", "messages": list(messages) or [USER], **fields}


def row(**capabilities: Any) -> Row:
    return Row.model_validate(
        {"stage": "production", "mark": "confirmed", "verified_on": "2026-11-20", "capabilities": capabilities}
    )


def to_cerebras(sent: dict[str, Any], known: Row | None = OSS, *, stream: bool = True) -> dict[str, Any]:
    return cerebras.shape(sent, "upstream", known, stream=stream)


# ---- for everybody ------------------------------------------------------------------------------------------------


def test_the_provider_is_asked_for_its_own_model() -> None:
    assert openai.shape(body(), "upstream", stream=False)["model"] == "upstream"


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_usage": True, "other": 1}])
def test_a_stream_always_ends_with_its_token_counts(options: Any) -> None:
    shaped = openai.shape(body(stream_options=options), "upstream", stream=True)

    assert (shaped["stream"], shaped["stream_options"]) == (True, {"include_usage": True})


def test_a_request_that_does_not_stream_has_no_options_for_a_stream() -> None:
    assert "stream_options" not in openai.shape(body(stream_options={}), "upstream", stream=False)


def test_reasoning_of_earlier_answers_is_no_word_that_every_provider_knows() -> None:
    answer = {
        "role": "assistant",
        "content": "4",
        "reasoning": "2+2",
        "reasoning_content": "2+2",
        "thinking_blocks": [{"thinking": "2+2"}],
        "provider_specific_fields": {"x": 1},
        "tool_calls": [{"id": "1"}],
    }

    shaped = openai.shape(body(USER, answer), "upstream", stream=True)

    assert shaped["messages"] == [USER, {"role": "assistant", "content": "4", "tool_calls": [{"id": "1"}]}]


@pytest.mark.parametrize(
    "shape", [openai.shape, lambda sent, name, stream: cerebras.shape(sent, name, QWEN, stream=stream)]
)
def test_the_clients_request_itself_is_left_as_it_was_for_the_next_target(shape: Any) -> None:
    sent = body(
        {"role": "system", "content": "a"},
        {"role": "system", "content": "b"},
        {"role": "assistant", "content": "4", "reasoning_content": "2+2"},
        max_tokens=5,
        reasoning_effort="minimal",
        stream_options={"include_usage": False},
    )
    before = deepcopy(sent)

    shape(sent, "upstream", stream=True)

    assert before == sent


# ---- for Cerebras -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"reasoning_content": "2+2"}, {"reasoning": "2+2"}),
        ({"reasoning": "2+2"}, {"reasoning": "2+2"}),
        ({"reasoning": "ours", "reasoning_content": "theirs"}, {"reasoning": "ours"}),
        ({"reasoning": "", "reasoning_content": "2+2"}, {"reasoning": "2+2"}),
        ({"reasoning": None, "reasoning_content": None}, {}),
        ({"reasoning": {"text": "2+2"}}, {}),
        ({"thinking_blocks": [{"thinking": "2+2"}], "provider_specific_fields": {}}, {}),
        ({"tool_calls": [{"id": "1"}]}, {"tool_calls": [{"id": "1"}]}),
    ],
)
def test_an_answer_may_go_back_as_it_came(answer: dict[str, Any], kept: dict[str, Any]) -> None:
    plain = {"role": "assistant", "content": "4"}

    shaped = to_cerebras(body(USER, {**plain, **answer}))

    assert [USER, {**plain, **kept}] == shaped["messages"]


def test_only_an_assistant_has_reasoned() -> None:
    assert to_cerebras(body({**USER, "reasoning_content": "x", "reasoning": "y"}))["messages"] == [USER]


@pytest.mark.parametrize(
    ("sent", "shaped"),
    [
        ({"max_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_tokens": None, "max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": None}, {"max_completion_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ({}, {}),
    ],
)
def test_the_token_limit_goes_by_its_new_name_and_only_once(sent: dict[str, Any], shaped: dict[str, Any]) -> None:
    found = to_cerebras(body(**sent))

    assert shaped == {name: found[name] for name in ("max_tokens", "max_completion_tokens") if name in found}


SYSTEM_A, SYSTEM_B = {"role": "system", "content": "be brief"}, {"role": "system", "content": "be kind"}
PARTS = {"role": "system", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}
PICTURE = {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}


@pytest.mark.parametrize(
    ("sent", "shaped"),
    [
        ([SYSTEM_A, USER], [SYSTEM_A, USER]),
        ([SYSTEM_A, SYSTEM_B, USER], [{"role": "system", "content": "be brief\n\nbe kind"}, USER]),
        ([SYSTEM_A, USER, SYSTEM_B], [{"role": "system", "content": "be brief\n\nbe kind"}, USER]),
        ([USER, SYSTEM_A, SYSTEM_A], [{"role": "system", "content": "be brief\n\nbe brief"}, USER]),
        ([SYSTEM_A, PARTS, USER], [{"role": "system", "content": "be brief\n\none\n\ntwo"}, USER]),
        ([SYSTEM_A, PICTURE, USER], [SYSTEM_A, PICTURE, USER]),
        ([USER], [USER]),
    ],
)
def test_a_model_that_takes_one_system_message_gets_one(
    sent: list[dict[str, Any]], shaped: list[dict[str, Any]]
) -> None:
    assert shaped == to_cerebras(body(*sent), QWEN)["messages"]


@pytest.mark.parametrize("known", [OSS, None])
def test_system_messages_stay_apart_where_the_model_takes_any_number_or_is_not_known(known: Row | None) -> None:
    assert to_cerebras(body(SYSTEM_A, SYSTEM_B, USER), known)["messages"] == [SYSTEM_A, SYSTEM_B, USER]


@pytest.mark.parametrize(
    ("known", "asked", "sent"),
    [
        (OSS, "none", "low"),
        (OSS, "minimal", "low"),
        (OSS, "low", "low"),
        (OSS, "high", "high"),
        (QWEN, "none", "none"),
        (QWEN, "minimal", "low"),
        (QWEN, "medium", "medium"),
        (GLM, "none", "low"),
        (GLM, "medium", "high"),
        (GLM, "max", "max"),
        (OSS, "extreme", "extreme"),  # not ours to judge: the provider says what is wrong with it
        (OSS, ["low"], ["low"]),
        (None, "none", "none"),
        (row(efforts=["none", "low"]), "high", "low"),
        (row(efforts_refused=["none", "minimal"]), "none", "low"),
        (row(), "minimal", "minimal"),
        (row(efforts=["max"]), "low", None),
    ],
)
def test_an_effort_becomes_the_nearest_that_the_model_knows(known: Row | None, asked: Any, sent: Any) -> None:
    assert sent == to_cerebras(body(reasoning_effort=asked), known).get("reasoning_effort")


def test_no_effort_asked_is_none_sent() -> None:
    assert "reasoning_effort" not in to_cerebras(body())


@given(st.sampled_from(sorted(SHIPPED.catalog.models)), st.sampled_from(["none", "minimal", "low", "medium", "high"]))
def test_no_model_is_sent_an_effort_it_is_known_to_refuse(name: str, asked: str) -> None:
    known = SHIPPED.catalog.models[name]

    sent = to_cerebras(body(reasoning_effort=asked), known).get("reasoning_effort")

    assert sent not in (known.capabilities.efforts_refused or ())
    assert known.capabilities.efforts is None or sent is None or sent in known.capabilities.efforts


def test_what_only_cerebras_understands_is_not_sent_to_others() -> None:
    body = {"model": "m", "messages": [], "clear_thinking": True, "reasoning_format": "raw", "temperature": 1}

    assert openai.without_cerebras_fields(body) == {"model": "m", "messages": [], "temperature": 1}
