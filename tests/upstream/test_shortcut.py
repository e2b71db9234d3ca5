"""The client is given the provider's stream itself, and LiteLLM hears the same answer in a few events."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.stream.decode import Decoder
from plugins.stream.watch import Watch
from plugins.telemetry.kept import Said, completion
from plugins.upstream.shortcut import Shortcut, in_few_events, offered, the_rest
from tests.stream.cases import cerebras, dump, sse, texts
from tests.telemetry.cases import DONE, ROLE, USAGE, finish, said
from tests.upstream.provider import provider, streams
from tests.upstream.test_transport import House

CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def answer(stream: bytes) -> list[dict[str, Any]]:
    choices: list[dict[str, Any]] = completion(Said(parts=[stream]), streamed=True)["choices"]
    return choices


def usage_of(stream: bytes) -> Any:
    return completion(Said(parts=[stream]), streamed=True).get("usage")


def watching(stream: bytes) -> Watch:
    watch = Watch()
    for event in Decoder().feed(stream):
        watch.see(event, 0.0)
    return watch


@given(st.lists(st.tuples(st.sampled_from(["content", "reasoning"]), texts), max_size=8), st.booleans())
def test_what_litellm_is_told_is_the_answer_whatever_was_said(deltas: list[tuple[str, str]], counted: bool) -> None:
    rest = [sse(dump(cerebras({field: text}))) for field, text in deltas]
    rest.append(finish(usage=USAGE) if counted else finish())
    stream = b"".join([ROLE, said("first"), *rest, DONE])

    told = in_few_events(ROLE + said("first")) + the_rest(b"".join([*rest, DONE]), watching(stream))

    assert answer(told) == answer(stream)
    assert usage_of(told) == usage_of(stream)
    assert len(Decoder().feed(told)) == 3, "how it began, the rest, and [DONE]"


def test_tool_calls_are_told_as_they_came() -> None:
    rest = sse(dump(cerebras({"tool_calls": [CALL]}))) + finish(usage=USAGE) + DONE

    told = the_rest(rest, watching(ROLE + rest))

    assert answer(told) == answer(rest)
    assert usage_of(told) == USAGE


def test_counts_that_the_client_was_not_given_are_told_all_the_same() -> None:
    counts = sse(dump({**cerebras({}), "choices": [], "usage": USAGE}))
    asked_by_us_alone = watching(said("a") + finish() + counts + DONE)

    assert usage_of(the_rest(finish() + DONE, asked_by_us_alone)) == USAGE
    assert usage_of(the_rest(b"", asked_by_us_alone)) == USAGE


@pytest.fixture
def shortcut() -> Any:
    async def offer() -> Shortcut:
        made = Shortcut(wants_usage=False)
        offered.set(made)
        return made

    return offer


async def test_an_answer_that_is_taken_is_told_once_it_is_over(shortcut: Any) -> None:
    house, way = House(), await shortcut()
    async with provider(streams(ROLE, said("a"), said("b"), finish(usage=USAGE), DONE)) as held:
        response = await house.ask(held.url)
        heard = response.aiter_raw()
        begun = await anext(heard)
        taken = way.take()
        assert taken is not None
        given_to_client = [way.first]
        while out := await taken.next(0):
            given_to_client.append(out)
        for out in given_to_client:
            way.said.append(out)
        way.end()
        told = begun + b"".join([out async for out in heard])
        await response.aclose()
        await house.client.aclose()

    assert answer(told) == answer(b"".join(given_to_client)) != []
    assert told.endswith(DONE)


async def test_an_answer_that_nobody_takes_passes_through_litellm(shortcut: Any) -> None:
    house, way = House(), await shortcut()
    stream = (ROLE, said("a"), said("b"), finish(usage=USAGE), DONE)
    async with provider(streams(*stream)) as held:
        response = await house.ask(held.url)
        heard = await response.aread()
        await house.client.aclose()

    assert way.take() is None
    assert answer(heard) == answer(b"".join(stream))


async def test_an_answer_that_broke_on_the_shortcut_is_no_success_to_litellm(shortcut: Any) -> None:
    house, way = House(), await shortcut()
    async with provider(streams(ROLE, said("a"), hang=True)) as held:
        response = await house.ask(held.url)
        heard = response.aiter_raw()
        await anext(heard)
        taken = way.take()
        taken.close()  # its client left
        way.end()
        with pytest.raises(httpx.RemoteProtocolError, match="its client left"):
            await asyncio.wait_for(anext(heard), 5)
        await house.client.aclose()
