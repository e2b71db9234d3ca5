"""A store that is refused, hangs, is slow, empty, locked or elsewhere: each circuit goes on alone and says so once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Permit, Result, State
from plugins.circuit.machine import Circuit
from plugins.circuit.sharing import Fleet
from plugins.policy.circuits import CircuitsFile
from plugins.state.address import read
from plugins.state.redis_store import RedisStore
from plugins.upstream import sharing
from plugins.upstream.sharing import Sharing
from tests.circuit.fleet import TARGET
from tests.contract.conftest import PATIENT, in_time
from tests.support import stores
from tests.support.stores import Server

SETTINGS = CircuitsFile.model_validate({"sharing": {"tick_ms": 20}, "open": {"seconds": 60}})
QUICK = 0.2
PASSWORD = "p4ssw0rd-in-a-test"


class Gateway:
    """What of a gateway shares: no requests, but circuits and the loop beside them."""

    def __init__(self, url: str, name: str = "one", wait: float = PATIENT) -> None:
        self.events: list[dict[str, Any]] = []
        board = Board([TARGET], lambda: SETTINGS, lambda: 0.0, self.events.append)
        self.circuit: Circuit = board.of(TARGET)
        store = RedisStore(read(url), wait)
        self.sharing = Sharing(Fleet(board, name), store, lambda: SETTINGS, time.monotonic, self.events.append)

    def trip(self) -> None:
        while isinstance(permit := self.circuit.may_call(time.monotonic()), Permit):
            self.circuit.report(permit, Finding(Result.FAILURE), time.monotonic())

    def said(self) -> list[str]:
        return [each["event"] for each in self.events if each["event"].startswith("sharing.")]

    async def is_lost(self) -> str:
        await in_time(lambda: self._has("sharing.lost"), 10, "the loss")
        assert not self.sharing.status()["in_reach"]
        assert self.circuit.leave is None, "it decides by itself"
        return str(self.events[-1]["why"])

    async def is_back(self) -> None:
        await in_time(lambda: self._has("sharing.back"), 10, "the return")
        assert self.said() == ["sharing.lost", "sharing.back"]
        assert self.circuit.leave is not None

    async def is_reached(self) -> None:
        async def look() -> bool:
            return bool(self.sharing.status()["in_reach"])

        await in_time(look, 10, "the first exchange")

    async def becomes(self, state: State) -> None:
        async def look() -> bool:
            return self.circuit.state is state

        await in_time(look, 10, f"the circuit's being {state}")

    async def _has(self, event: str) -> bool:
        return event in self.said()


@asynccontextmanager
async def sharing_over(*urls: str, wait: float = PATIENT) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(url, f"r{number}", wait) for number, url in enumerate(urls)]
    tasks = [asyncio.create_task(each.sharing.keep()) for each in made]
    try:
        for each in made:
            await each.is_reached()
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "AWAY_SECONDS", 0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with stores.server(tmp_path, stores.valkey_binary()) as running:
        yield running


async def test_a_store_that_ends_and_is_started_again_is_told_again_what_is_known(tmp_path: Path) -> None:
    with stores.server(tmp_path, stores.valkey_binary()) as first:
        async with sharing_over(first.url, first.url) as (one, other):
            one.trip()
            await other.becomes(State.OPEN)
            first.running.process.kill()
            assert first.url.removesuffix("/0") in await one.is_lost()
            with stores.server(tmp_path, stores.valkey_binary(), port=first.port):
                await one.is_back()
                async with sharing_over(first.url) as (late,):
                    await late.becomes(State.OPEN)


async def test_a_store_that_hangs_is_lost_and_one_that_goes_on_is_back(server: Server) -> None:
    async with sharing_over(server.url, wait=QUICK) as (one,):
        os.kill(server.running.process.pid, signal.SIGSTOP)
        try:
            await one.is_lost()
        finally:
            os.kill(server.running.process.pid, signal.SIGCONT)
        await one.is_back()


async def test_a_store_that_was_flushed_is_no_loss(server: Server) -> None:
    async with sharing_over(server.url, server.url) as (one, other):
        one.trip()
        await other.becomes(State.OPEN)
        server.ask("FLUSHALL")
        server.ask("SCRIPT", "FLUSH")
        async with sharing_over(server.url) as (late,):
            await late.becomes(State.OPEN)
        assert one.said() == other.said() == []


async def test_a_store_that_wants_a_password_says_so_and_the_password_is_in_no_event(server: Server) -> None:
    url = server.url.replace("redis://", f"redis://:{PASSWORD}@")
    server.ask("CONFIG", "SET", "requirepass", PASSWORD)
    locked = Server(server.port, server.running, PASSWORD)
    async with sharing_over(url) as (one,):
        locked.ask("CONFIG", "SET", "requirepass", "another-one")
        Server(server.port, server.running, "another-one").ask("CLIENT", "KILL", "TYPE", "NORMAL")
        why = await one.is_lost()
        assert "WRONGPASS" in why or "invalid username-password" in why
        Server(server.port, server.running, "another-one").ask("CONFIG", "SET", "requirepass", PASSWORD)
        await one.is_back()
        assert PASSWORD not in str(one.events) + str(one.sharing.status())


async def test_a_replica_that_only_reads_is_no_store(server: Server, tmp_path: Path) -> None:
    async with sharing_over(server.url) as (one,):
        server.ask("REPLICAOF", "127.0.0.1", "1")
        assert "read" in (await one.is_lost()).lower()
        server.ask("REPLICAOF", "NO", "ONE")
        await one.is_back()


async def test_keys_that_hold_something_else_are_no_store(server: Server) -> None:
    async with sharing_over(server.url) as (one,):
        server.ask("SET", "{waferline:waferline}:1:replicas", "something else")
        assert "WRONGTYPE" in await one.is_lost()
        server.ask("DEL", "{waferline:waferline}:1:replicas")
        await one.is_back()


async def test_a_store_that_answers_too_slowly_is_lost(server: Server) -> None:
    async with slow_way(server.port) as (port, delay), sharing_over(f"redis://127.0.0.1:{port}", wait=QUICK) as (one,):
        delay[0] = 0.5
        assert "Timeout" in await one.is_lost()
        delay[0] = 0.0
        await one.is_back()


async def test_a_store_that_was_never_there_is_lost_once(tmp_path: Path) -> None:
    one = Gateway("redis://127.0.0.1:1")
    task = asyncio.create_task(one.sharing.keep())
    await one.is_lost()

    async def tried() -> bool:
        return one.sharing._failures >= 8

    await in_time(tried, 10, "some more tries")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert one.said() == ["sharing.lost"]


async def test_one_that_answers_every_second_time_is_not_told_of(server: Server) -> None:
    """Three in a row are a loss; less is a hiccup."""
    async with slow_way(server.port) as (port, delay), sharing_over(f"redis://127.0.0.1:{port}", wait=QUICK) as (one,):
        for _ in range(3):
            delay[0] = 0.5

            async def failed() -> bool:
                return one.sharing._failures > 0

            await in_time(failed, 10, "a failure")
            delay[0] = 0.0

            async def well() -> bool:
                return one.sharing._failures == 0

            await in_time(well, 10, "a success")
        assert one.said() == []


async def test_a_server_that_sentinels_replace_is_followed(tmp_path: Path) -> None:
    with stores.watched(tmp_path, stores.valkey_binary()) as watched:
        async with sharing_over(watched.url, watched.url) as (one, other):
            one.trip()
            await other.becomes(State.OPEN)
            watched.first.running.process.kill()

            async def promoted() -> bool:
                return bool(watched.second.ask("ROLE")[0] == "master")

            await in_time(promoted, 20, "the failover")
            one.circuit.force(None, time.monotonic())
            await other.becomes(State.CLOSED)
            await one.is_reached()  # it may still wait for the answer to what the other has read by now
            assert one.said() in ([], ["sharing.lost", "sharing.back"])


async def test_a_replica_that_ends_gives_its_leases_back(server: Server) -> None:
    async with sharing_over(server.url) as (other,):
        async with sharing_over(server.url) as (one,):
            one.sharing._fleet.replica = "first"
            one.trip()
            await other.becomes(State.OPEN)

            async def held() -> bool:
                return other.circuit.holder == "first"

            await in_time(held, 5, "the lease")

        async def handed_over() -> bool:
            return other.circuit.holder == "r0"

        await in_time(handed_over, 5, "the lease's return")


@asynccontextmanager
async def slow_way(port: int) -> AsyncIterator[tuple[int, list[float]]]:
    """A proxy whose delay may be set while it runs."""
    delay = [0.0]

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await asyncio.sleep(delay[0])
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(proxy.sockets[0].getsockname()[1]), delay
    finally:
        proxy.close()
