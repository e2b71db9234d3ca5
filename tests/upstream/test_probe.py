"""The steps of a new connection, on loopback."""

from __future__ import annotations

import asyncio
import socket

import pytest

from plugins.upstream.probe import UnreachableError, handshake
from tests.upstream.test_wire import speaking


def clock() -> float:
    return asyncio.get_running_loop().time()


async def test_a_connection_is_told_in_steps() -> None:
    async with speaking() as (url, _):
        steps = await handshake(url, clock)

    assert steps.tls_ms is None
    assert steps.total_ms == steps.dns_ms + steps.tcp_ms > 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://no-such-host.invalid/v1", "DNS failed"),
        ("http://127.0.0.1:{closed}/v1", "TCP failed, Connection refused"),
        ("https://127.0.0.1:{open}/v1", "TLS failed"),
    ],
)
async def test_the_step_that_fails_is_named(url: str, says: str) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    places = {"open": server.sockets[0].getsockname()[1], "closed": closed}

    with pytest.raises(UnreachableError, match=says):
        await handshake(url.format(**places), clock)
    server.close()
