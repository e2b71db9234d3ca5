"""Connections are there before the first request, and it uses them."""

from __future__ import annotations

import asyncio

from plugins.policy.targets import Address
from plugins.upstream.pool import Pool
from plugins.upstream.warming import Warming
from tests.upstream.test_wire import OK, ask, speaking


async def warmed(warming: Warming) -> None:
    """What `keep` does at the start."""
    await warming.round()
    await warming.round()


async def test_the_first_request_takes_a_connection_that_is_there() -> None:
    pool = Pool()
    async with speaking(OK, OK, OK) as (url, connections):
        warming = Warming(pool, [Address(f"{url}/chat/completions")], asyncio.get_running_loop().time)
        await warmed(warming)
        assert await ask(pool, f"{url}/chat/completions") == (200, b"hi")

    assert connections == [1]
    (warmth,) = warming.status().values()
    assert warmth["cold_ms"] is not None
    assert warmth["error"] is None
    await pool.close()


async def test_a_provider_that_knows_no_warming_is_warmed_by_its_refusal() -> None:
    refusal = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
    pool = Pool()
    async with speaking(refusal, refusal, OK) as (url, connections):
        await warmed(Warming(pool, [Address(f"{url}/chat/completions")], asyncio.get_running_loop().time))
        await ask(pool, f"{url}/chat/completions")

    assert connections == [1]
    await pool.close()


async def test_two_targets_at_one_origin_are_warmed_once() -> None:
    pool = Pool()
    async with speaking(OK, OK) as (url, connections):
        addresses = [Address(f"{url}/chat/completions", key) for key in ("a", "b")]
        await warmed(Warming(pool, addresses, asyncio.get_running_loop().time))

    assert connections == [1]
    await pool.close()


async def test_a_provider_that_is_not_there_is_said_and_stops_nothing() -> None:
    pool = Pool()
    async with speaking() as (url, _):
        pass
    warming = Warming(pool, [Address(f"{url}/chat/completions")], asyncio.get_running_loop().time)

    await warmed(warming)

    assert [each["error"] for each in warming.status().values()] == ["ConnectError"]


def test_a_key_is_not_in_the_status() -> None:
    warming = Warming(Pool(), [Address("http://127.0.0.1:1/v1/chat/completions", "sk-secret")], lambda: 0.0)

    assert "sk-secret" not in str(warming.status())
