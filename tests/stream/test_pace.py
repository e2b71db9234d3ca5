"""Whether an answer drips, by an estimate that is to its favour."""

from __future__ import annotations

import pytest

from plugins.stream.pace import drips, tokens
from plugins.stream.relay import Collector, Relay
from plugins.stream.watch import Watch
from tests.stream.cases import cerebras, dump, sse

ROLE = sse(dump(cerebras({"role": "assistant"})))


def said(text: str) -> bytes:
    return sse(dump(cerebras({"content": text})))


def heard(*deliveries: tuple[float, list[bytes]], merge: bool = True) -> Watch:
    watch = Watch()
    relay = Relay(watch, merge=merge, wants_usage=True)
    for now, parts in deliveries:
        relay.feed(parts, now)
    return watch


def test_an_event_is_a_token_at_the_least() -> None:
    answer = heard((0.0, [said("a")]), *((0.2 * number, [said("b")]) for number in range(1, 10)))

    assert tokens(answer) == 10
    assert not drips(answer, 5, 2.0)
    assert drips(answer, 5.1, 2.0)


@pytest.mark.parametrize("merge", [True, False])
def test_of_events_that_hold_many_tokens_the_text_counts(*, merge: bool) -> None:
    answer = heard((0.0, [ROLE, said("one two three ")]), (1.0, [said("x" * 200)] * 2), merge=merge)

    assert tokens(answer) == 414 / 4
    assert not drips(answer, 5, 2.0)


def test_a_collected_answer_is_counted_alike() -> None:
    watch = Watch()
    collector = Collector(watch)
    for part in (ROLE, said("one two three "), said("x" * 200)):
        collector.feed([part], 1.0)

    assert tokens(watch) == 214 / 4


@pytest.mark.parametrize("cut", [1, 50, 120])
def test_it_does_not_matter_where_the_network_cut(cut: int) -> None:
    whole = said("x" * 40)

    assert tokens(heard((0.0, [said("a")]), (1.0, [whole[:cut]]), (1.1, [whole[cut:]]))) == 41 / 4


def test_an_answer_that_says_little_drips_whatever_else_is_sent() -> None:
    comments, nothing = [b": still here\n\n"], [sse(dump(cerebras({"content": ""})))]
    answer = heard((0.0, [said("a")]), (0.5, comments), (1.0, nothing * 50), (1.5, [said("b")]))

    assert drips(answer, 5, 2.0)


def test_parts_of_a_tool_call_are_tokens() -> None:
    part = sse(dump(cerebras({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})))

    assert tokens(heard(*((0.1 * number, [part]) for number in range(10)))) == 10


def test_before_it_has_spoken_nothing_drips() -> None:
    assert not drips(heard((0.0, [ROLE])), 5, 100.0)


@pytest.mark.parametrize("merge", [True, False])
def test_the_arguments_of_a_tool_call_count_as_text_does(*, merge: bool) -> None:
    part = sse(dump(cerebras({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 200}}]})))
    answer = heard((0.0, [said("Let me look.")]), (0.5, [part]), (1.0, [part]), merge=merge)

    assert tokens(answer) == (12 + 400) / 4


def test_text_that_comes_with_more_counts_as_well() -> None:
    chunk = cerebras({"content": "x" * 40, "reasoning": "y" * 40})
    chunk["choices"][0]["logprobs"] = {"content": [{"token": "x"}]}

    assert tokens(heard((0.0, [sse(dump(chunk))]))) == 20
