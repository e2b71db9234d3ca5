"""Whether an answer drips, by an estimate that is to its favour."""

from __future__ import annotations

from math import inf

import pytest

from plugins.stream.pace import Pace
from plugins.stream.relay import Relay
from plugins.stream.watch import Watch
from tests.stream.cases import cerebras, dump, sse

ROLE = sse(dump(cerebras({"role": "assistant"})))


def said(text: str) -> bytes:
    return sse(dump(cerebras({"content": text})))


def heard(*deliveries: tuple[float, list[bytes]], least: float = 5, seconds: float = 2, merged: bool = False) -> Pace:
    watch = Watch()
    relay, pace = Relay(watch, merge=True, wants_usage=True), Pace(watch, least, seconds)
    for now, parts in deliveries:
        out = relay.feed(parts, now)
        pace.hear(out if merged else b"".join(parts))
    return pace


def test_the_opening_stretch_begins_with_the_first_token() -> None:
    assert heard((1.0, [ROLE])).due == inf
    assert heard((1.0, [ROLE]), (1.5, [said("a")]), (1.7, [said("b")])).due == 3.5


def test_an_event_is_a_token_at_the_least() -> None:
    pace = heard((0.0, [said("a")]), *((0.2 * number, [said("b")]) for number in range(1, 10)))

    assert pace.tokens == 10
    assert not pace.drips(2.0)


@pytest.mark.parametrize("merged", [True, False])
def test_of_events_that_hold_many_tokens_the_text_counts(*, merged: bool) -> None:
    pace = heard((0.0, [ROLE, said("one two three ")]), (1.0, [said("x" * 200)] * 2), merged=merged)

    assert 100 <= pace.tokens <= 110
    assert not pace.drips(2.0)


@pytest.mark.parametrize("cut", [1, 50, 120])
def test_it_does_not_matter_where_the_network_cut(cut: int) -> None:
    whole = said("x" * 40)

    assert heard((0.0, [said("a")]), (1.0, [whole[:cut]]), (1.1, [whole[cut:]])).tokens == pytest.approx(10.25)


def test_an_answer_that_says_little_drips_whatever_else_is_sent() -> None:
    comments, nothing = [b": still here\n\n"], [sse(dump(cerebras({"content": ""})))]
    pace = heard((0.0, [said("a")]), (0.5, comments), (1.0, nothing * 50), (1.5, [said("b")]))

    assert pace.drips(2.0)


def test_parts_of_a_tool_call_are_tokens() -> None:
    part = sse(dump(cerebras({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})))

    assert heard(*((0.1 * number, [part]) for number in range(10))).tokens == 10


def test_before_it_has_spoken_nothing_drips() -> None:
    assert not heard((0.0, [ROLE])).drips(100.0)
