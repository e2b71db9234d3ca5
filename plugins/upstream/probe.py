"""Where the time of a new connection goes: one is opened in steps, and closed again."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass

from plugins.upstream.answer import Clock
from plugins.upstream.pool import Origin

SECONDS = 10.0


class UnreachableError(Exception):
    """Which step failed, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """In milliseconds. TLS is None where there is none."""

    dns_ms: float
    tcp_ms: float
    tls_ms: float | None

    @property
    def total_ms(self) -> float:
        return self.dns_ms + self.tcp_ms + (self.tls_ms or 0.0)


async def handshake(url: str, now: Clock) -> Handshake:
    origin, _ = Origin.of(url)
    step = "DNS"
    try:
        async with asyncio.timeout(SECONDS):
            began = now()
            family, kind, protocol, _, address = (await _looked_up(origin))[0]
            found, step = now(), "TCP"
            with socket.socket(family, kind, protocol) as line:
                line.setblocking(False)
                await asyncio.get_running_loop().sock_connect(line, address)
                connected, step = now(), "TLS"
                if origin.scheme == "https":
                    await _encrypt(line, origin.host)
                done = now()
    except TimeoutError as error:
        raise UnreachableError(f"{step} was not done within {SECONDS:g} s") from error
    except OSError as error:  # ssl's are among them
        raise UnreachableError(f"{step} failed, {_reason(error)}") from error
    tls = (done - connected) * 1000 if origin.scheme == "https" else None
    return Handshake((found - began) * 1000, (connected - found) * 1000, tls)


def _reason(error: OSError) -> str:
    if isinstance(error, (ssl.SSLError, socket.gaierror)) or not error.errno:  # their numbers are not the system's
        return error.strerror or str(error)
    return os.strerror(error.errno)


async def _looked_up(
    origin: Origin,
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]]:
    loop = asyncio.get_running_loop()
    return list(await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM))


async def _encrypt(line: socket.socket, host: str) -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=line.dup(), ssl=context, server_hostname=host)
    transport.abort()
