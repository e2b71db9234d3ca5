"""Watching: what each event is, when the first token came, and whether the answer ended whole."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.stream.decode import Event
from plugins.stream.fault import StreamError
from plugins.stream.watch import Broken, Kind, Watch
from tests.stream.cases import ENVELOPE, cerebras, decode, dump, event, openai, sse, streams, text_runs

FINISH = cerebras({}, finish_reason="stop", usage={"total_tokens": 3}, time_info={"total_time": 0.1})
CALL = {"index": 0, "id": "e0ecf32e0", "type": "function", "function": {"name": "f", "arguments": "{}"}}


class SlowWatch(Watch):
    """Parses every event: what the fast path must agree with."""

    def see(self, event: Event, now: float) -> Kind:
        return self._read(event, now)


def state(watch: Watch) -> dict[str, Any]:
    shape = watch.text_shape
    seen = {name: getattr(watch, name) for name in Watch.__slots__ if name not in ("_shape", "text_shape")}
    return {**seen, "shape": shape and (shape.choice, shape.field, shape.head, shape.tail)}


def watched(*events: dict[str, Any] | bytes) -> Watch:
    watch = Watch()
    for now, value in enumerate(events):
        watch.see(event(value), float(now))
    return watch


@pytest.mark.parametrize(
    ("kind", "chunk"),
    [
        (Kind.ROLE, cerebras({"role": "assistant"})),
        (Kind.ROLE, cerebras({})),
        (Kind.ROLE, cerebras({"content": ""})),
        (Kind.ROLE, openai({"role": "assistant", "content": "", "refusal": None, "tool_calls": None})),
        (Kind.OTHER, {**ENVELOPE, "choices": [], "usage": {"total_tokens": 1}}),
        (Kind.OTHER, {}),
        (Kind.OTHER, {"choices": 5}),
        (Kind.OTHER, {"choices": [5, {"delta": 5}]}),
        (Kind.OTHER, {"error": None, "choices": []}),
        (Kind.OTHER, {"message": "hello"}),
        (Kind.OTHER, b""),
        (Kind.TOKEN, cerebras({"content": " "})),
        (Kind.TOKEN, cerebras({"reasoning": "hm"})),
        (Kind.TOKEN, cerebras({"reasoning_content": "hm"})),
        (Kind.TOKEN, cerebras({"refusal": "no"})),
        (Kind.TOKEN, cerebras({"tool_calls": [CALL]})),
        (Kind.TOKEN, cerebras({"function_call": {"name": "f"}})),
        (Kind.TOKEN, cerebras({"content": '{"error":{"message":"x"}}'})),
        (Kind.TOKEN, {"choices": [{"delta": {}}, {"delta": {"content": "x"}, "index": 1}]}),
        (Kind.TOKEN, b'{"choices":[{"delta":{"content":"\\ud83d"}}]}'),
        (Kind.FINISH, FINISH),
        (Kind.FINISH, openai({"content": "x"}, finish_reason="length")),
        (Kind.DONE, b"[DONE]"),
        (Kind.ERROR, {"error": {"message": "x"}}),
        (Kind.ERROR, {"error": "x"}),
        (Kind.ERROR, {"message": "x", "type": "t"}),
        (Kind.ERROR, {"message": "x", "code": "c"}),
        (Kind.ERROR, {"message": "x", "status_code": 500}),
        (Kind.ERROR, {**cerebras({"content": "x"}), "error": {"message": "x"}}),
        (Kind.ERROR, cerebras({}, finish_reason="error")),
        (Kind.MALFORMED, b'{"choices":['),
        (Kind.MALFORMED, b"null"),
        (Kind.MALFORMED, b"[]"),
        (Kind.MALFORMED, b'{"a":"\xff"}'),
        (Kind.MALFORMED, b'{"a":"\\ud83d\xff"}'),
        (Kind.MALFORMED, b'{"a":"\\u12"}'),
        (Kind.MALFORMED, b'{"a":"\\u0041","b":NaN}'),
        (Kind.MALFORMED, b"\\u" + b"[" * 100_000),
    ],
)
def test_each_event_is_of_one_kind(kind: Kind, chunk: dict[str, Any] | bytes) -> None:
    assert Watch().see(event(chunk), 0.0) is kind


def test_a_comment_is_no_token() -> None:
    assert Watch().see(Event(b": ping\n\n", None, None), 0.0) is Kind.OTHER


def test_a_comment_between_tokens_changes_nothing() -> None:
    watch = watched(TOKEN)

    assert watch.see(Event(b": ping\n\n", None, None), 9.0) is Kind.OTHER
    assert (watch.events, watch.last_token_at) == (1, 0.0)


def test_facts_of_the_wrong_type_are_not_kept() -> None:
    watch = watched({"id": 5, "model": ["m"], "usage": "much", "choices": [{"delta": {}, "finish_reason": 5}]})

    assert (watch.id, watch.model, watch.usage, watch.finish_reason) == (None, None, None, None)


def test_a_choice_without_an_index_is_the_first() -> None:
    watch = watched({"choices": [{"delta": {"content": "x"}}]}, FINISH)

    assert (watch.finish_reason, watch.whole) == ("stop", True)


def test_an_event_named_error_is_one_whatever_it_says() -> None:
    for data in (dump(cerebras({"content": "x"})), b"overloaded", b"{}", b"[1]"):
        watch = watched(cerebras({"content": "x"}))

        assert watch.see(event(data, name=b"error"), 1.0) is Kind.ERROR
    assert Watch().see(Event(b"event: error\n\n", None, b"error"), 0.0) is Kind.ERROR


@pytest.mark.parametrize(
    ("error", "data", "name"),
    [
        (
            StreamError("slow down", "too_many_requests_error", "queue_exceeded", 429),
            {
                "error": {"message": "slow down", "type": "too_many_requests_error", "code": "queue_exceeded"},
                "status_code": 429,
            },
            None,
        ),
        (StreamError("m", "t", "c", None), {"message": "m", "type": "t", "param": "p", "code": "c"}, None),
        (StreamError("m", None, "502", 502), {"error": {"message": "m", "code": 502}}, None),
        (StreamError("m", None, "429", 429), {"error": {"message": "m", "code": "429"}}, None),
        (StreamError("m", None, "200", None), {"error": {"message": "m", "code": 200}}, None),
        (StreamError("m", None, "600", None), {"error": {"message": "m", "code": 600}}, None),
        (StreamError("m", None, None, 400), {"error": {"message": "m", "status": 400}}, None),
        (StreamError("m", None, None, 599), {"error": {"message": "m", "status_code": 599}}, None),
        (StreamError("m", None, "500", 503), {"error": {"message": "m", "code": 500}, "status_code": 503}, None),
        (StreamError("sentence", None, None, 500), {"error": "sentence", "status_code": 500}, None),
        (StreamError("", None, "c", None), {"error": {"code": "c"}}, None),
        (StreamError("m", None, None, 400), {"message": "m", "status_code": 400}, None),
        (StreamError("over\ufffdloaded", None, None, None), b"over\xffloaded", b"error"),
        (StreamError("m", "t", None, None), {"message": "m", "type": "t"}, b"error"),
        (StreamError("m", None, None, None), {"message": "m"}, b"error"),
        (StreamError("m", None, None, None), {"error": {"message": "m"}}, b"error"),
    ],
)
def test_an_error_is_read_in_every_form(error: StreamError, data: dict[str, Any] | bytes, name: bytes | None) -> None:
    watch = Watch()
    watch.see(event(data, name), 0.0)

    assert watch.error == error
    assert watch.verdict_at_end() is Broken.ERROR_EVENT


def test_the_first_error_is_the_cause() -> None:
    watch = watched({"error": "first"}, {"error": "second"})

    assert watch.error is not None
    assert watch.error.message == "first"


def test_times_are_those_of_deltas_and_tokens() -> None:
    watch = Watch()
    seen: list[tuple[dict[str, Any] | bytes, float]] = [
        (b"", 0.0),
        (cerebras({"role": "assistant"}), 1.0),
        (cerebras({"reasoning": "hm"}), 3.0),
        (cerebras({}), 9.0),
        (cerebras({"content": "a"}), 10.0),
        (cerebras({"content": "b"}), 12.0),
        (cerebras({"tool_calls": [CALL]}), 12.5),
        (openai({"content": "c"}, finish_reason="stop"), 13.0),
        (b"[DONE]", 90.0),
        (cerebras({"content": "b"}), 95.0),
    ]
    for value, now in seen:
        watch.see(event(value), now)

    assert (watch.first_delta_at, watch.first_token_at, watch.last_token_at) == (1.0, 3.0, 13.0)
    assert (watch.largest_gap, watch.events) == (7.0, 5)


def test_before_anything_was_said_there_are_no_times() -> None:
    watch = watched({**ENVELOPE, "choices": []}, b"")

    assert (watch.first_delta_at, watch.first_token_at, watch.last_token_at) == (None, None, None)
    assert (watch.largest_gap, watch.events, watch.finish_reason, watch.done) == (0.0, 0, None, False)


def test_the_facts_of_the_answer_are_kept() -> None:
    watch = watched(
        cerebras({"role": "assistant"}, usage={"total_tokens": 1}),
        cerebras({"content": "x"}),
        {**FINISH, "id": "other", "model": "other"},
        {"choices": [], "usage": None, "time_info": 5},
        b"[DONE]",
    )

    assert (watch.id, watch.model) == ("chatcmpl-1", "zai-glm-4.7")
    assert (watch.usage, watch.time_info) == ({"total_tokens": 3}, {"total_time": 0.1})
    assert (watch.finish_reason, watch.done, watch.whole) == ("stop", True, True)


TOKEN = cerebras({"content": "x"})


@pytest.mark.parametrize(
    ("verdict", "events"),
    [
        (None, [TOKEN, FINISH, b"[DONE]"]),
        (None, [TOKEN, FINISH]),
        (None, [FINISH]),
        (None, [TOKEN, FINISH, b"[DONE]", b"garbage", {"error": "late"}]),
        (None, [cerebras({"content": "a"}, 1), FINISH, cerebras({}, 1, finish_reason="length")]),
        (Broken.EMPTY, []),
        (Broken.EMPTY, [b"[DONE]"]),
        (Broken.EMPTY, [cerebras({"role": "assistant"}), b"[DONE]"]),
        (Broken.NO_FINISH, [TOKEN]),
        (Broken.NO_FINISH, [TOKEN, b"[DONE]"]),
        (Broken.NO_FINISH, [TOKEN, cerebras({}, 1), FINISH]),
        (Broken.NO_FINISH, [cerebras({}, 1), FINISH]),
        (Broken.MALFORMED, [TOKEN, b"{", FINISH]),
        (Broken.MALFORMED, [b"{"]),
        (Broken.ERROR_EVENT, [TOKEN, {"error": "x"}, FINISH]),
        (Broken.ERROR_EVENT, [b"{", {"error": "x"}]),
        (Broken.ERROR_EVENT, [TOKEN, cerebras({}, finish_reason="error")]),
    ],
)
def test_only_a_whole_answer_has_no_verdict(verdict: Broken | None, events: list[dict[str, Any] | bytes]) -> None:
    watch = watched(*events)

    assert watch.verdict_at_end() is verdict
    assert watch.whole is (verdict is None)


def test_the_finish_reason_is_the_first_choices() -> None:
    watch = watched(cerebras({}, 1, finish_reason="length"), cerebras({}, 0), cerebras({}, 0, finish_reason="stop"))

    assert watch.finish_reason == "stop"


def test_a_finish_is_not_taken_back() -> None:
    assert watched(TOKEN, FINISH, openai({"content": ""})).whole


@settings(max_examples=300, deadline=None)
@given(streams)
def test_the_fast_path_sees_what_parsing_sees(stream: bytes) -> None:
    fast, slow = Watch(), SlowWatch()
    for now, seen in enumerate(decode(stream)):
        assert fast.see(seen, float(now * now)) is slow.see(seen, float(now * now))
        assert state(fast) == state(slow)


@st.composite
def damaged(draw: st.DrawFn) -> list[bytes]:
    """A run of text chunks, of which some had bytes replaced near the text or anywhere."""
    chunks = draw(text_runs())
    for number, chunk in enumerate(chunks):
        start = draw(st.integers(0, len(chunk)))
        piece = draw(
            st.sampled_from([b'"', b"\\", b'\\"', b"\n", b"\xff", b"\x01", b"}", b'","x":"', b"", b"null", b"\\q"])
        )
        if number and draw(st.booleans()):
            chunks[number] = chunk[:start] + piece + chunk[start + draw(st.integers(0, 2)) :]
    return chunks


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_the_fast_path_is_not_taken_in_by_damage(chunks: list[bytes]) -> None:
    fast, slow = Watch(), SlowWatch()
    for now, data in enumerate(chunks):
        seen = Event(sse(data), data, None)

        assert fast.see(seen, float(now)) is slow.see(seen, float(now))
        assert state(fast) == state(slow)


def test_a_plain_event_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watched(TOKEN)
    monkeypatch.setattr("plugins.stream.watch.parse_object", None)

    for text in ("a", 'said "x"', "é\n", "\\"):
        data = json.dumps(cerebras({"content": text}), separators=(",", ":")).encode()
        assert watch.see(event(data), 1.0) is Kind.TOKEN
