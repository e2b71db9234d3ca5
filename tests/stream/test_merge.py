"""Merging: fewer events, the same text in the same escapes, everything else untouched and in its place."""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.stream.decode import Event
from plugins.stream.merge import Merger
from plugins.stream.watch import Watch
from tests.stream.cases import ENVELOPE, cerebras, decode, dump, event, join_halves, openai, sse, streams, text_of

Piece = tuple[Any, ...]


def said(stream: bytes) -> list[Piece]:
    """The stream with neighbouring texts of one kind joined: what merging must not change."""
    pieces: list[tuple[Any, Any]] = []
    for seen in decode(stream):
        found = text_of(seen.data) if seen.data and seen.raw == sse(seen.data) else None
        pieces.append((found[:2], found[2]) if found else (None, seen.raw))
    return [
        (kind, join_halves("".join(text for _, text in run))) if kind else ("raw", *run)
        for kind, run in groupby(pieces, key=lambda piece: piece[0])
    ]


def push(merger: Merger, seen: Event) -> bytes:
    """With its shape, which the watch knows of every event it saw."""
    watch = Watch()
    watch.see(seen, 0)
    return merger.push(seen, watch.text_shape)


def merged(events: list[Event], flush_before: set[int] = frozenset()) -> bytes:  # type: ignore[assignment]
    merger = Merger()
    out = b""
    for number, seen in enumerate(events):
        out += merger.flush() if number in flush_before else b""
        out += push(merger, seen)
    return out + merger.flush()


def content(text: str, **more: Any) -> Event:
    return event(cerebras({"content": text}, **more))


@settings(max_examples=300, deadline=None)
@given(streams, st.sets(st.integers(0, 40)))
def test_merging_changes_neither_text_nor_order_nor_any_other_event(stream: bytes, flush_before: set[int]) -> None:
    events = decode(stream)

    out = merged(events, flush_before)

    assert said(out) == said(stream)
    assert len(decode(out)) <= len(events)


@settings(max_examples=120, deadline=None)
@given(streams)
def test_without_a_window_every_event_leaves_as_it_came(stream: bytes) -> None:
    events = decode(stream)

    assert merged(events, set(range(len(events)))) == b"".join(seen.raw for seen in events)


@settings(max_examples=120, deadline=None)
@given(streams)
def test_held_says_whether_a_flush_would_send_something(stream: bytes) -> None:
    merger = Merger()
    for seen in decode(stream):
        push(merger, seen)
        held = merger.held

        assert held is bool(merger.flush())
        assert not merger.held


def test_texts_of_one_kind_leave_as_one_event() -> None:
    merger = Merger()
    events = [content(text) for text in ("a", "b", " c", "é", '"')]

    assert [push(merger, seen) for seen in events] == [b""] * 5
    assert merger.flush() == content('ab cé"').raw
    assert merger.flush() == b""


def test_a_text_of_another_kind_or_choice_lets_the_one_before_it_go() -> None:
    merger = Merger()
    thought, word, other = (
        event(cerebras(*delta)) for delta in (({"reasoning": "a"},), ({"content": "b"},), ({"content": "c"}, 1))
    )

    assert push(merger, thought) == b""
    assert push(merger, word) == thought.raw
    assert push(merger, word) == b""
    assert push(merger, other) == content("bb").raw
    assert push(merger, thought) == other.raw
    assert merger.flush() == thought.raw


def test_escapes_leave_as_they_came() -> None:
    bodies = [b"x", b"\\u00e9", b"\\u000a", b"\\/", b"\xc3\xa9", b"\\ud83d", b"\\ude00", b'\\"content\\":\\"', b"\\\\"]
    chunk = dump(cerebras({"content": "BODY"}))

    out = merged([event(chunk.replace(b"BODY", body)) for body in bodies])

    assert out == sse(chunk.replace(b"BODY", b"".join(bodies)))


def test_constant_parts_of_any_form_are_kept() -> None:
    for form in (
        openai({"role": "assistant", "content": "BODY", "refusal": None, "tool_calls": None, "reasoning": ""}),
        cerebras({"reasoning": "BODY", "content": None}),
        {**ENVELOPE, "choices": [{"delta": {"content": "BODY"}, "index": 3}], "x": None},
    ):
        for chunk in (dump(form), dump(form, spaced=True)):
            out = merged([event(chunk.replace(b"BODY", body)) for body in (b"a", b"b", b"c")])

            assert out == sse(chunk.replace(b"BODY", b"abc"))


def test_a_change_in_the_constant_parts_ends_the_merging() -> None:
    events = [content("a"), content("b"), content("c"), content("d", created=2), content("e", created=2)]

    assert merged(events) == content("abc").raw + content("de", created=2).raw


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("field", [b"data: ", b"data:"])
def test_plain_events_merge_whatever_their_line_ends(field: bytes, end: bytes) -> None:
    events = [
        Event(field + dump(cerebras({"content": text})) + end + end, dump(cerebras({"content": text})), None)
        for text in "abc"
    ]

    assert merged(events) in (content("abc").raw, b"".join(seen.raw for seen in events))


@pytest.mark.parametrize(
    "raw",
    [
        sse(dump(cerebras({"content": ""}))),
        sse(dump(cerebras({"role": "assistant"}))),
        sse(dump(cerebras({"content": "a", "reasoning": "b"}))),
        sse(dump(cerebras({"content": ["a"]}))),
        sse(dump(cerebras({"content": "a", "count": 0}))),
        sse(dump(cerebras({"content": "a", "flag": False}))),
        sse(dump(cerebras({"refusal": "a"}))),
        sse(dump(cerebras({"tool_calls": [{"index": 0}]}))),
        sse(dump(cerebras({"content": "a"}, finish_reason="stop"))),
        sse(dump(cerebras({"content": "a"}, usage={"total_tokens": 1}))),
        sse(dump(cerebras({"content": "a"}, time_info={"total_time": 1}))),
        sse(dump(cerebras({"content": "a"}, novel=1))),
        sse(dump({**ENVELOPE, "choices": [{"delta": {"content": "a"}, "index": 0, "logprobs": {"content": []}}]})),
        sse(dump({**ENVELOPE, "choices": [{"delta": {"content": "a"}}]})),
        sse(dump({**ENVELOPE, "choices": [{"delta": {"content": "a"}, "index": i} for i in (0, 1)]})),
        sse(dump({**ENVELOPE, "choices": []})),
        sse(dump({**ENVELOPE, "choices": ["a"]})),
        sse(dump({**ENVELOPE, "choices": [{"delta": "a", "index": 0}]})),
        sse(dump({**cerebras({"content": "a"}), "error": {"message": "x"}})),
        sse(dump(cerebras({"content": "a"})).replace(b"content", b"\\u0063ontent")),
        sse(b'{"choices":[{"index":0,"delta":{"content":"a\\q"}}]}'),
        sse(b'{"error":{"message":"x"}}'),
        sse(b"[DONE]"),
        sse(b"{"),
        sse(b"7"),
        sse(b""),
        b": ping\n\n",
        b":\n" + sse(dump(cerebras({"content": "a"}))).replace(b"data: ", b"data:"),
        b"id\n" + sse(dump(cerebras({"content": "a"}))).replace(b"data: ", b"data:"),
        sse(dump(cerebras({"content": "a"})))[:-1] + b":\n\n",
        sse(dump(cerebras({"content": "a"})))[:-1] + b"id\n\n",
        b"event: message\n" + sse(dump(cerebras({"content": "a"}))),
        sse(dump(cerebras({"content": "a"}), spaced=False)).replace(b',"index"', b'\ndata: ,"index"'),
    ],
)
def test_whatever_is_not_plain_text_flushes_and_passes_as_it_came(raw: bytes) -> None:
    merger = Merger()
    (seen,) = decode(raw)
    push(merger, content("a"))
    push(merger, content("b"))
    push(merger, content("c"))

    assert push(merger, seen) == content("abc").raw + raw
    assert not merger.held
    assert push(merger, content("d")) == b""
    assert merger.flush() == content("d").raw


def test_one_held_event_leaves_as_it_came() -> None:
    merger = Merger()
    crlf = sse(dump(cerebras({"content": "b"})), b"\r\n")
    (seen,) = decode(crlf)

    assert push(merger, seen) == b""
    assert merger.flush() == crlf


@pytest.mark.parametrize("text", [b"a", b"b", b"ab"])
def test_a_key_that_comes_twice_is_not_mistaken_for_the_text(text: bytes) -> None:
    twice = b'{"choices":[{"index":0,"delta":{"content":"lost"}}],"choices":[{"index":0,"delta":{"content":"%b"}}]}'

    assert merged([event(twice % text)] * 3) == sse(twice % (text * 3))
