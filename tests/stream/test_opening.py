"""The first delivery: as few events as can be, and not a character of text or anything else less."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.stream.opening import opening
from tests.stream.cases import cerebras, dump, sse

ROLE = sse(dump(cerebras({"role": "assistant"})))


def said(text: str, index: int = 0, field: str = "content", **more: Any) -> bytes:
    return sse(dump(cerebras({field: text}, index, **more)))


def test_an_event_that_only_names_the_role_is_left_out_where_a_text_follows() -> None:
    assert opening(ROLE + said("a")) == said("a")


@pytest.mark.parametrize(
    "role",
    [
        dump(cerebras({"role": "assistant", "content": "", "refusal": None})),
        dump(cerebras({"role": "assistant"}, finish_reason=None)),
    ],
)
def test_what_is_empty_beside_the_role_does_not_keep_it(role: bytes) -> None:
    assert opening(sse(role) + said("a")) == said("a")


def test_texts_that_came_together_leave_together() -> None:
    assert opening(ROLE + said("a ") + said("b ") + said("c")) == said("a b c")
    assert opening(said("a ") + said("b")) == said("a b")


@pytest.mark.parametrize(
    "block",
    [
        ROLE,
        said("a"),
        ROLE + said("other choice", index=1),
        sse(dump(cerebras({"role": "tool"}))) + said("a"),
        sse(dump(cerebras({"role": "assistant", "tool_calls": [{"index": 0}]}))) + said("a"),
        sse(dump(cerebras({"role": "assistant"}, usage={"total_tokens": 1}))) + said("a"),
        sse(dump(cerebras({"role": "assistant"}, finish_reason="stop"))) + said("a"),
        said("thought", field="reasoning") + said("said"),
        b": a comment\n\n" + said("a"),
        b"event: error\ndata: {}\n\n",
        b"data: half an ev",
        b"data: not json\n\n" + said("a"),
        b"",
    ],
)
def test_anything_else_stays_as_it_came(block: bytes) -> None:
    assert opening(block) == block


def test_what_follows_a_role_that_is_left_out_stays_as_it_came() -> None:
    rest = said("thought", field="reasoning") + said("said")

    assert opening(ROLE + rest) == rest
