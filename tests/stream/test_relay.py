"""What a client gets of a provider's bytes, however they were cut on the way: the same text, in fewer events."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.stream.merge import joined
from plugins.stream.parse import parse_object
from plugins.stream.relay import Relay
from plugins.stream.shape import Shape, shape_of
from plugins.stream.watch import Broken, Watch
from tests.stream.cases import cerebras, cuts, decode, dump, join_halves, sse, streams, text_of, text_runs

ROLE = sse(dump(cerebras({"role": "assistant"})))
FINISH = [sse(dump(cerebras({}, index, finish_reason="stop"))) for index in (0, 1)]
END = b"".join(FINISH) + sse(b"[DONE]")


endings = st.sampled_from([b"", END, FINISH[0], sse(b"[DONE]"), END.replace(b"\n", b"\r\n"), END + b": bye\n\n"])


def chunk(text: bytes) -> bytes:
    return sse(dump(cerebras({"content": "BODY"})).replace(b"BODY", text))


def said(stream: bytes) -> list[tuple[object, str]]:
    """Texts by choice and field, read by a decoder that knows nothing of shapes."""
    found = [text_of(event.data) for event in decode(stream) if event.data]
    runs = groupby((each for each in found if each), key=lambda each: each[:2])
    return [(kind, join_halves("".join(text for *_, text in run))) for kind, run in runs]


def others(stream: bytes) -> list[bytes]:
    return [event.raw for event in decode(stream) if not (event.data and text_of(event.data))]


def relayed(windows: list[list[bytes]], *, merge: bool = True) -> tuple[bytes, Watch]:
    watch = Watch()
    relay = Relay(watch, merge=merge, wants_usage=True)
    return b"".join(relay.feed(parts, float(now)) for now, parts in enumerate(windows)), watch


@st.composite
def windows(draw: st.DrawFn) -> list[list[bytes]]:
    """An answer of several runs of text, cut anywhere into parts, and the parts dealt out to windows."""
    runs = draw(st.lists(text_runs(), min_size=1, max_size=4))
    events = [sse(chunk) for run in runs for chunk in run]
    parts = events if draw(st.booleans()) else draw(cuts(b"".join(events)))
    parts = [ROLE, *parts, END]
    ends = sorted(draw(st.sets(st.integers(1, len(parts)), max_size=6)) | {len(parts)})
    return [parts[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=500, deadline=None)
@given(windows())
def test_the_text_is_the_providers_to_the_byte_however_it_was_cut(cut: list[list[bytes]]) -> None:
    stream = b"".join(part for parts in cut for part in parts)

    out, watch = relayed(cut)

    assert said(out) == said(stream)
    assert others(out) == others(stream)
    assert watch.whole
    assert watch.done


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_windows_and_cuts_change_nothing_that_anybody_can_see(data: st.DataObject) -> None:
    """Comments, named events, tool calls, errors, CRLF, half events: what one by one is passed on, is passed on."""
    stream = ROLE + data.draw(st.sampled_from([b"", chunk(b"a")])) + data.draw(streams) + data.draw(endings)
    parts = [part for part in data.draw(cuts(stream)) if part]
    ends = sorted(data.draw(st.sets(st.integers(1, max(len(parts), 1)), max_size=4)) | {len(parts)})
    cut = [parts[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    out, together = relayed(cut)
    apart_out, apart = relayed([[event.raw] for event in decode(stream)], merge=False)

    assert said(out) == said(apart_out)
    assert others(out) == others(apart_out)
    for fact in ("whole", "done", "error", "usage", "time_info", "events", "finish_reason", "id", "model"):
        assert getattr(together, fact) == getattr(apart, fact), fact


@settings(max_examples=200, deadline=None)
@given(windows())
def test_without_merging_every_byte_is_the_providers(cut: list[list[bytes]]) -> None:
    out, _ = relayed(cut, merge=False)

    assert out == b"".join(part for parts in cut for part in parts)


@settings(max_examples=300, deadline=None)
@given(windows())
def test_events_that_came_together_are_counted_one_by_one(cut: list[list[bytes]]) -> None:
    _, together = relayed(cut)
    _, apart = relayed([[event.raw] for event in decode(b"".join(part for parts in cut for part in parts))])

    assert together.events == apart.events


def shape() -> Shape:
    data = dump(cerebras({"content": "a"}))
    found = shape_of(data, parse_object(data) or {})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "parts",
    [
        [chunk(b"a"), chunk(b"b"), chunk(b"c")],
        [chunk(b"a") + chunk(b"b"), chunk(b"c")],
        [chunk(b"a")[:50], chunk(b"a")[50:] + chunk(b"bc")],
        [chunk(b"ab"), chunk(b""), chunk(b"c")],
    ],
)
def test_whole_events_of_one_shape_are_joined_whatever_parts_they_came_in(parts: list[bytes]) -> None:
    events = b"".join(parts).count(b"data: ")

    assert joined(shape(), parts) == (chunk(b"abc"), events)


@pytest.mark.parametrize(
    "parts",
    [
        [chunk(b"a"), chunk(b"b")[:-1]],
        [chunk(b"a"), b": ping\n\n"],
        [chunk(b"a"), sse(b"[DONE]")],
        [chunk(b"a"), b"event: error\n" + chunk(b"b")],
        [chunk(b"a"), chunk(b"b").replace(b"created", b"CREATED")],
        [chunk(b'a"'), chunk(b"b")],
        [chunk(b"a\\"), chunk(b"nb")],
        [chunk(b"a\\u00"), chunk(b"41b")],
        [chunk(b"a\x01"), chunk(b"b")],
        [chunk(b"a\xff"), chunk(b"b")],
        [chunk(b"")],
        [],
    ],
)
def test_whatever_is_not_plain_text_to_its_last_byte_is_not_joined(parts: list[bytes]) -> None:
    """An escape or a quote that reaches over the end of its event would make text of what is none."""
    assert joined(shape(), parts) is None


@pytest.mark.parametrize("text", [b"a\\", b"a\\u00", b"a\\ud83", b'a"'])
def test_an_event_that_is_no_json_breaks_the_answer_even_if_the_next_one_would_mend_it(text: bytes) -> None:
    watch = Watch()
    relay = Relay(watch, merge=True, wants_usage=True)
    relay.feed([ROLE, chunk(b"x")], 0.0)

    assert relay.feed([chunk(text), chunk(b"n41")], 1.0) == b""
    assert relay.broken is Broken.MALFORMED
    assert relay.feed([chunk(b"and so on"), chunk(b"as if nothing had happened")], 2.0) == b""


@pytest.mark.parametrize(
    ("news", "part"),
    [
        (False, chunk(b"b")),
        (False, chunk(b"b") + chunk(b"c")),
        (False, chunk(b"b")[:60]),
        (False, chunk(b"b")[10:]),
        (True, sse(dump(cerebras({"reasoning": "b"})))),
        (True, sse(dump(cerebras({}, finish_reason="stop")))),
        (True, sse(b"[DONE]")),
        (True, chunk(b"b") + sse(b"[DONE]")),
        (True, b": ping\n\n"),
    ],
)
def test_what_is_not_more_of_the_same_text_ends_a_window(news: bool, part: bytes) -> None:
    watch = Watch()
    Relay(watch, merge=True, wants_usage=True).feed([ROLE, chunk(b"a")], 0.0)

    assert watch.is_news(part) is news


def terse(*parts: bytes) -> bytes:
    watch = Watch()
    return Relay(watch, merge=True, wants_usage=True, terse=True).feed(list(parts), 0.0)


@pytest.mark.parametrize(
    "empty",
    [
        ROLE,
        sse(dump(cerebras({}))),
        sse(dump(cerebras({"role": "assistant", "content": "", "refusal": None}))),
        sse(dump(cerebras({"content": ""}, finish_reason=None))),
    ],
)
def test_a_reader_that_pays_by_the_event_is_spared_those_that_say_nothing(empty: bytes) -> None:
    assert terse(empty, chunk(b"a"), empty, chunk(b"b")) == chunk(b"ab")
    assert terse(empty) == b""


@pytest.mark.parametrize(
    "event",
    [
        sse(dump(cerebras({"role": "tool"}))),
        sse(dump(cerebras({"role": "assistant"}, 1))),
        sse(dump(cerebras({"role": "assistant", "tool_calls": [{"index": 0}]}))),
        sse(dump(cerebras({"role": "assistant"}, usage={"total_tokens": 1}))),
        sse(dump(cerebras({"role": "assistant"}, finish_reason="stop"))),
        sse(dump(cerebras({"role": "assistant"}, novel=1))),
        sse(dump(cerebras({"reasoning": "hm"}))),
        b": a comment\n\n",
    ],
)
def test_it_is_told_everything_else(event: bytes) -> None:
    assert terse(event, chunk(b"a")) == event + chunk(b"a")


def test_what_comes_together_leaves_together_and_at_once() -> None:
    """Whether it is the first of its kind or not: nobody has it sooner if it stands alone."""
    watch = Watch()
    relay = Relay(watch, merge=True, wants_usage=True)

    assert relay.feed([ROLE, chunk(b"a"), chunk(b"b")], 0.0) == ROLE + chunk(b"ab")
    assert relay.feed([chunk(b"c")], 1.0) == chunk(b"c")
