"""Connections are there before the first request, and it uses them."""

from __future__ import annotations

import asyncio

import pytest

from plugins.policy.targets import CEREBRAS, Address
from plugins.upstream.pool import Pool
from plugins.upstream.warming import Warming, knock
from tests.upstream.test_wire import OK, ask, speaking

NO_BODY = b"HTTP/1.1 404 Not Found\r\ncontent-length: 207\r\n\r\n"


def warming(pool: Pool, *addresses: Address, connections: int = 1, provider: str = CEREBRAS) -> Warming:
    now = asyncio.get_running_loop().time
    return Warming(pool, [(provider, address) for address in addresses], now, lambda: connections)


async def test_the_first_request_takes_a_connection_that_is_there() -> None:
    pool = Pool()
    async with speaking(OK, OK, OK) as (url, connections):
        warm = warming(pool, Address(f"{url}/chat/completions"))
        await warm.begin()
        assert await ask(pool, f"{url}/chat/completions") == (200, b"hi")

    assert connections == [1]
    (warmth,) = warm.status().values()
    assert warmth["cold_ms"] is not None
    assert warmth["warm_ms"] is not None
    assert (warmth["connections"], warmth["status"], warmth["error"]) == (1, 200, None)
    await pool.close()


async def test_a_burst_of_users_finds_as_many_connections_as_were_asked_for() -> None:
    pool = Pool()
    async with speaking(*[OK] * 9) as (url, connections):
        warm = warming(pool, Address(f"{url}/chat/completions"), connections=3)
        await warm.begin()
        await asyncio.gather(*(ask(pool, f"{url}/chat/completions") for _ in range(3)))

    assert connections == [1, 1, 1]
    assert [each["connections"] for each in warm.status().values()] == [3]
    await pool.close()


async def test_another_provider_is_asked_for_nothing() -> None:
    """It answers with the length of what it would have sent, and the connection is kept all the same."""
    pool = Pool()
    async with speaking(NO_BODY, NO_BODY, OK) as (url, connections):
        await warming(pool, Address(f"{url}/chat/completions"), provider="openai").begin()
        await ask(pool, f"{url}/chat/completions")

    assert connections == [1]
    await pool.close()


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("cerebras", ("GET", "https://api.cerebras.ai/v1/tcp_warming")),
        ("openai", ("HEAD", "https://api.cerebras.ai/v1")),
    ],
)
def test_only_cerebras_has_an_address_for_warming(provider: str, expected: tuple[str, str]) -> None:
    assert expected == knock(provider, Address("https://api.cerebras.ai/v1/chat/completions"))


async def test_a_provider_that_knows_no_warming_is_warmed_by_its_refusal() -> None:
    refusal = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
    pool = Pool()
    async with speaking(refusal, refusal, OK) as (url, connections):
        await warming(pool, Address(f"{url}/chat/completions")).begin()
        await ask(pool, f"{url}/chat/completions")

    assert connections == [1]
    await pool.close()


async def test_two_targets_at_one_origin_are_warmed_once() -> None:
    pool = Pool()
    async with speaking(OK, OK) as (url, connections):
        await warming(pool, *(Address(f"{url}/chat/completions", key) for key in ("a", "b"))).begin()

    assert connections == [1]
    await pool.close()


async def test_a_provider_that_is_not_there_is_said_and_stops_nothing() -> None:
    pool = Pool()
    async with speaking() as (url, _):
        pass
    warm = warming(pool, Address(f"{url}/chat/completions"))

    await warm.begin()

    assert [(each["error"], each["connections"]) for each in warm.status().values()] == [("ConnectError", 0)]


async def test_a_key_is_not_in_the_status() -> None:
    warm = warming(Pool(), Address("http://127.0.0.1:1/v1/chat/completions", "sk-secret"))

    assert "sk-secret" not in str(warm.status())
