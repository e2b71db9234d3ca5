"""The canned answer is the rehearsal's alone."""

from __future__ import annotations

import httpx
import pytest

from plugins.stream.relay import Collector
from plugins.stream.watch import Watch
from plugins.telemetry.record import Record
from plugins.upstream.understudy import Understudy
from tests.policy.cases import SHIPPED


class Real(httpx.AsyncBaseTransport):
    """The transport that calls providers."""

    def __init__(self) -> None:
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, text="from a provider")


def record() -> Record:
    return Record("id", 0.0, SHIPPED, "/v1/chat/completions")


def request() -> httpx.Request:
    return httpx.Request("POST", "https://provider.example/v1/chat/completions", json={"model": "m"})


async def test_the_rehearsal_is_answered_without_a_provider_and_whole() -> None:
    real, playing = Real(), record()
    understudy = Understudy(real, lambda: playing)
    understudy.cover(playing)

    answer = await understudy.handle_async_request(request())

    collector = Collector(Watch())
    collector.feed([answer.content], 0.0)
    assert real.asked == 0
    assert collector.completion()["choices"][0]["message"]["content"] == "One. Two."


@pytest.mark.parametrize("client", [None, record()], ids=["no record", "a client's"])
async def test_everybody_else_is_answered_by_a_provider(client: Record | None) -> None:
    """A record that is equal is not the same."""
    real = Real()
    understudy = Understudy(real, lambda: client)
    understudy.cover(record())

    answer = await understudy.handle_async_request(request())

    assert (real.asked, answer.text) == (1, "from a provider")


async def test_before_a_rehearsal_nobody_is_covered() -> None:
    real = Real()

    await Understudy(real, lambda: None).handle_async_request(request())

    assert real.asked == 1
