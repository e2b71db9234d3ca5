"""A process that asks many times for one lease. Its last line says how often it got it."""

from __future__ import annotations

import asyncio
import sys

from plugins.state.address import read
from plugins.state.redis_store import RedisStore
from plugins.state.store import Terms, Told

TRIES = 200


async def ask(url: str, name: str, epoch: int) -> int:
    store = RedisStore(read(url), wait_seconds=20)
    won = 0
    for _ in range(TRIES):
        answer = await store.exchange(name, {"t": Told(epoch=epoch, state="open", asks=1)}, Terms(namespace="many"))
        won += answer.known["t"].holder == name
    await store.close()
    return won


if __name__ == "__main__":
    print(asyncio.run(ask(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
