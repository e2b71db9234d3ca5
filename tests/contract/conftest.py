"""Every store there is, each with a real server behind it where there is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from plugins.state.address import read
from plugins.state.memory import MemoryStore
from plugins.state.redis_store import RedisStore
from plugins.state.store import Answer, Known, Store, Terms, Told
from tests.support import stores

KINDS = ("memory", "valkey", "redis", "unix", "tls", "sentinel", "cluster")
PATIENT = 5.0  # of a busy machine
_numbers = count()


@dataclass
class Kept:
    """A store as several replicas use it, each over a connection of its own, in a namespace of its own."""

    make: Callable[[], Store]
    namespace: str = field(default_factory=lambda: f"test-{next(_numbers)}")
    opened: dict[str, Store] = field(default_factory=dict)

    async def whole(self, replica: str, told: dict[str, Told], **terms: Any) -> Answer:
        store = self.opened.setdefault(replica, self.make())
        return await store.exchange(replica, told, Terms(**{"namespace": self.namespace, **terms}))

    async def tell(self, replica: str, target: str = "t", terms: dict[str, Any] | None = None, **told: Any) -> Known:
        answer = await self.whole(replica, {target: Told(**told)}, **(terms or {}))
        return answer.known[target]

    async def close(self) -> None:
        for store in self.opened.values():
            await store.close()


async def in_time(look: Callable[[], Awaitable[Any]], seconds: float = 5, what: str = "it") -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def url_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Each server is started when the first test wants it."""
    running: dict[str, str] = {}
    with ExitStack() as stack:

        def find(kind: str) -> str:
            if kind not in running:
                directory = tmp_path_factory.mktemp(kind)
                binary = stores.redis_binary() if kind in ("redis", "tls") else stores.valkey_binary()
                if binary is None:
                    pytest.skip("no redis-server is installed here")
                match kind:
                    case "unix":
                        socket = directory / "socket"
                        stack.enter_context(stores.server(directory, binary, "--unixsocket", str(socket)))
                        running[kind] = f"unix://{socket}"
                    case "tls":
                        running[kind] = stack.enter_context(stores.encrypted(directory, binary))
                    case "sentinel":
                        running[kind] = stack.enter_context(stores.watched(directory, binary)).url
                    case "cluster":
                        node = stack.enter_context(stores.cluster(directory, binary))
                        running[kind] = f"redis+cluster://127.0.0.1:{node.port}"
                    case _:
                        running[kind] = stack.enter_context(stores.server(directory, binary)).url
            return running[kind]

        yield find


@pytest.fixture(params=KINDS)
async def kept(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> AsyncIterator[Kept]:
    if request.param == "memory":
        memory = MemoryStore(lambda: round(time.monotonic() * 1000) + 10**12)
        made = Kept(lambda: memory)
    else:
        address = read(url_of(request.param))
        made = Kept(lambda: RedisStore(address, PATIENT))
    yield made
    await made.close()
