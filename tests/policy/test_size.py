"""How large a request is, without a tokenizer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.policy.size import PER_IMAGE, PER_MESSAGE, PER_REQUEST, Size, measure

LEAST = PER_REQUEST + PER_MESSAGE


def body(content: Any = "", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **fields}


def picture(size: int) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * size}"}}


@pytest.mark.parametrize(
    ("sent", "prompt"),
    [
        (body("a" * 400), LEAST + 100),
        (body("\u05d0" * 200), LEAST + 100),
        (body(None), LEAST),
        (body([{"type": "text", "text": "a" * 400}, picture(10**6)]), LEAST + PER_IMAGE + 100),
        (body([{"type": "text", "text": 5}, {}]), LEAST),
        ({"messages": [{"role": "user", "content": "hi"}] * 100}, PER_REQUEST + 100 * PER_MESSAGE + 50),
    ],
)
def test_four_bytes_are_a_token_and_a_picture_costs_the_same_however_large_its_file(
    sent: dict[str, Any], prompt: int
) -> None:
    assert measure(sent) == Size(prompt, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "description": "a" * 4000}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"enum": ["a" * 2000] * 2}}}},
    ],
)
def test_tools_and_schemas_are_part_of_the_prompt(fields: dict[str, Any]) -> None:
    assert 1000 <= measure(body(**fields)).prompt <= 1100


def test_what_went_back_with_earlier_answers_is_part_of_the_prompt() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "a" * 4000}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "reasoning": "a" * 4000}

    assert 2000 <= measure({"messages": [message]}).prompt <= 2100


@pytest.mark.parametrize(
    ("fields", "completion"),
    [
        ({}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7, "max_tokens": None}, 7),
        ({"max_completion_tokens": 7, "n": 3}, 21),
    ],
)
def test_what_may_be_answered_is_what_was_asked_for(fields: dict[str, Any], completion: int | None) -> None:
    assert measure(body(**fields)).completion == completion


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, JSON, st.lists(st.dictionaries(st.sampled_from(["type", "text", "x"]), JSON)))
def test_whatever_a_client_sends_it_has_a_size_near_that_of_its_body(
    tools: Any, calls: Any, parts: list[dict[str, Any]]
) -> None:
    sent = {"messages": [{"role": "user", "content": parts, "tool_calls": calls}], "tools": tools}

    assert LEAST <= measure(sent).prompt <= LEAST + len(parts) * PER_IMAGE + len(orjson.dumps(sent))
