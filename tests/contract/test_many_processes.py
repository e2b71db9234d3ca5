"""Processes that want one lease at the same time."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

from plugins.state.address import read
from plugins.state.redis_store import RedisStore
from plugins.state.store import Change, Terms, Told
from tests.contract.conftest import PATIENT
from tests.contract.one_replica import TRIES
from tests.support.processes import BIN, ROOT

PROCESSES = 8


async def open_target(url: str) -> int:
    store = RedisStore(read(url), PATIENT)
    opened = Told(change=Change.MADE, state="open", open_ms=60_000)
    answer = await store.exchange("opener", {"t": opened}, Terms(namespace="many"))
    await store.close()
    return answer.known["t"].epoch


def test_of_eight_processes_one_gets_the_lease_and_keeps_it(url_of: Callable[[str], str]) -> None:
    url = url_of("valkey")
    epoch = asyncio.run(open_target(url))

    command = [str(BIN / "python"), "-m", "tests.contract.one_replica", url]
    running = [
        subprocess.Popen([*command, f"r{number}", str(epoch)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    won = sorted(int(each.communicate(timeout=60)[0]) for each in running)

    assert won[:-1] == [0] * (PROCESSES - 1)
    assert 0 < won[-1] <= TRIES
