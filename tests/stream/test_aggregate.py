"""Aggregation: the object that the same answer would have been without streaming."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.stream.aggregate import Aggregate
from tests.stream.cases import ENVELOPE, cerebras, dump, halves, join_halves, openai, texts

USAGE = {"total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 1}}
TIME = {"created": 1.5, "total_time": 0.01}


def completed(*chunks: dict[str, Any] | bytes) -> dict[str, Any]:
    aggregate = Aggregate()
    for chunk in chunks:
        aggregate.add(chunk if isinstance(chunk, bytes) else dump(chunk))
    return aggregate.completion()


def message(*chunks: dict[str, Any] | bytes) -> Any:
    return completed(*chunks)["choices"][0]["message"]


def calls(*fragments: dict[str, Any]) -> Any:
    return message(*(cerebras({"tool_calls": [fragment]}) for fragment in fragments))["tool_calls"]


def fragment(arguments: str | None = None, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    return {"function": {"arguments": arguments, **({"name": name} if name else {})}, **more}


def test_a_cerebras_answer_becomes_one_object() -> None:
    got = completed(
        cerebras({"role": "assistant"}),
        cerebras({"reasoning": "The"}),
        cerebras({"reasoning": " user"}),
        cerebras({}),
        cerebras({"content": "Hel"}),
        cerebras({"content": "lo"}),
        cerebras({"content": " 😀"}),
        cerebras({}, finish_reason="stop", usage=USAGE, time_info=TIME),
        b"[DONE]",
    )

    assert got == {
        **ENVELOPE,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello 😀", "reasoning": "The user"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
        "time_info": TIME,
    }


def test_an_openai_answer_becomes_one_object() -> None:
    got = completed(
        openai({"role": "assistant", "content": "", "refusal": None}),
        openai({"content": "Hi"}),
        openai({"content": "!"}),
        openai({}, finish_reason="stop"),
        {**ENVELOPE, "service_tier": "default", "choices": [], "usage": USAGE},
    )

    assert got == {
        **ENVELOPE,
        "object": "chat.completion",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi!"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_tool_calls_come_whole_from_cerebras() -> None:
    first = fragment('{"a":1}', name="f", type="function", id="e0ecf32e0", index=0)
    second = fragment("{}", name="g", type="function", id="f1", index=1)

    assert calls(first, second) == [
        {"type": "function", "id": "e0ecf32e0", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"type": "function", "id": "f1", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_tool_calls_come_in_fragments_from_openai() -> None:
    got = calls(
        fragment("", name="g", type="function", id="b", index=1),
        fragment("", name="f", type="function", id="a", index=0),
        fragment('{"x":', index=0),
        fragment('{"y":', index=1),
        fragment("1}", index=0, name="", id=""),
        fragment("2}", index=1, id="b", name="g"),
        fragment(None, index=1, id="stray"),
    )

    assert got == [
        {"type": "function", "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"type": "function", "id": "b", "function": {"name": "g", "arguments": '{"y":2}'}},
    ]


@pytest.mark.parametrize("index", [{"index": 0}, {}, {"index": None}])
def test_calls_that_share_a_number_are_told_apart_by_id(index: dict[str, Any]) -> None:
    got = calls(
        fragment("{}", name="f", id="a", **index), fragment("[", name="g", id="b", **index), fragment("]", **index)
    )

    assert got == [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "g", "arguments": "[]"}},
    ]


def test_content_is_null_beside_a_call_and_text_beside_text() -> None:
    call = fragment("{}", name="f", id="a", index=0)

    assert message(cerebras({"content": ""}), cerebras({"tool_calls": [call]}))["content"] is None
    assert message(cerebras({"tool_calls": [call]}))["content"] is None
    assert message(cerebras({"content": "x"}), cerebras({"tool_calls": [call]}))["content"] == "x"
    assert message(cerebras({"content": ""}))["content"] == ""
    assert message(cerebras({"reasoning": "hm"})) == {"role": "assistant", "content": None, "reasoning": "hm"}
    assert "tool_calls" not in message(cerebras({"content": "x"}))


def test_the_old_function_call_is_joined() -> None:
    got = message(
        cerebras({"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": ""}}),
        cerebras({"function_call": {"arguments": '{"a"'}}),
        cerebras({"function_call": {"arguments": ":1}"}}),
    )

    assert got == {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}}


def test_a_refusal_and_fields_we_do_not_know_are_kept() -> None:
    got = completed(
        cerebras({"refusal": "I "}, novel=1, gone=None),
        cerebras({"refusal": "won't", "audio": {"id": 1}, "annotations": [1]}, novel=2),
        cerebras({"annotations": [2], "audio": {"id": 2}}),
        {**cerebras({}), "choices": [{"index": 0, "delta": {}, "stop_reason": 7, "finish_reason": "stop"}]},
    )

    assert got["novel"] == 2
    assert "gone" not in got
    assert got["choices"][0]["stop_reason"] == 7
    assert got["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "I won't",
        "audio": {"id": 2},
        "annotations": [1, 2],
    }


def test_logprobs_are_joined() -> None:
    def chunk(**logprobs: Any) -> dict[str, Any]:
        return {**ENVELOPE, "choices": [{"index": 0, "delta": {"content": "x"}, **logprobs}]}

    got = completed(
        chunk(logprobs={"content": [{"token": "a"}], "refusal": None}),
        chunk(logprobs=None),
        chunk(logprobs={"content": [{"token": "b"}], "refusal": None}, reasoning_logprobs={"content": [1]}),
        chunk(logprobs={"content": None, "refusal": [{"token": "c"}]}, reasoning_logprobs={"content": [2]}),
    )["choices"][0]

    assert got["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}], "refusal": [{"token": "c"}]}
    assert got["reasoning_logprobs"] == {"content": [1, 2]}


def test_choices_are_in_the_order_of_their_index() -> None:
    got = completed(
        cerebras({"content": "b"}, 1),
        cerebras({"content": "a"}, 0),
        cerebras({"content": "b"}, 1),
        cerebras({}, 1, finish_reason="length"),
    )["choices"]

    assert [(choice["index"], choice["message"]["content"], choice["finish_reason"]) for choice in got] == [
        (0, "a", None),
        (1, "bb", "length"),
    ]


def test_a_choice_without_an_index_is_the_first() -> None:
    nameless = {"choices": [{"delta": {"content": "a"}}]}

    assert message(nameless, nameless, cerebras({"content": "b"}))["content"] == "aab"


def test_nothing_added_is_an_answer_without_choices() -> None:
    assert completed() == {"object": "chat.completion", "choices": []}


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b""])
def test_what_is_not_a_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        Aggregate().add(data)


@pytest.mark.parametrize(
    "chunk", [{"choices": 1}, {"choices": [1]}, {"choices": [{"delta": 1}]}, cerebras({"tool_calls": 1})]
)
def test_an_odd_chunk_adds_nothing(chunk: dict[str, Any]) -> None:
    assert completed(chunk, cerebras({"content": "x"}))["choices"][0]["message"]["content"] == "x"


spoken = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from(["content", "content", "reasoning", "reasoning_content", "refusal"]),
        st.one_of(texts, texts, halves),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(spoken, st.sampled_from([cerebras, openai]))
def test_every_text_arrives_whole(said: list[tuple[int, str, str, bool]], form: Any) -> None:
    expected: dict[int, dict[str, str]] = {}
    for index, field, text, _ in said:
        choice = expected.setdefault(index, {})
        choice[field] = choice.get(field, "") + text

    got = completed(
        *(
            dump(form({field: text}, index), ascii_only=plain or join_halves(text) != text)
            for index, field, text, plain in said
        )
    )

    assert {choice["index"]: choice["message"] for choice in got["choices"]} == {
        index: {
            "role": "assistant",
            "content": None,
            **{field: join_halves(text) for field, text in choice.items()},
        }
        for index, choice in expected.items()
    }


def test_plain_text_is_added_without_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregate = Aggregate()
    aggregate.add(dump(cerebras({"content": "a"})))
    monkeypatch.setattr("plugins.stream.aggregate.parse_object", None)
    aggregate.add(dump(cerebras({"content": '"b"'})))

    assert aggregate.completion()["choices"][0]["message"]["content"] == 'a"b"'
