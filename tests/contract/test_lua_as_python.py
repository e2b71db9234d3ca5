"""The script says the same as its twin in Python, whatever is told in whatever order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from plugins.state.address import read
from plugins.state.memory import MemoryStore
from plugins.state.redis_store import RedisStore
from plugins.state.store import Change, Known, Store, Terms, Told
from tests.contract.conftest import PATIENT, in_time

LONG = [0, 1_000_000, 2_000_000]  # so long that none ends meanwhile
_numbers = count()

TOLD = st.builds(
    Told,
    epoch=st.sampled_from([0, 0, -1, -2]),  # older than the latest by so many; 0 is the latest
    change=st.sampled_from([*Change, Change.MADE]),
    state=st.sampled_from(["closed", "open", "open", "half_open", "forced_open"]),
    open_ms=st.sampled_from(LONG[1:]),
    ejections=st.integers(0, 5),
    successes=st.integers(0, 2),
    hand_ms=st.sampled_from([-1, 0, *LONG[1:]]),
    full_ms=st.sampled_from(LONG),
    misconfigured_ms=st.sampled_from(LONG),
    asks=st.integers(0, 1),
    gives=st.integers(0, 1),
    missed=st.integers(0, 1),
)


def comparable(known: Known, epochs: list[int]) -> dict[str, Any]:
    """Without what depends on the clock: epochs by their order, times by what they were."""
    found = known._asdict()
    found["epoch"] = epochs.index(known.epoch)
    for name in ("open_ms", "full_ms", "misconfigured_ms", "lease_ms", "hand_ms"):
        found[name] = round(found[name] / LONG[1], 1) if found[name] > 0 else min(found[name], 0)
    return found


@pytest.mark.parametrize("kind", ["valkey", "redis"])
async def test_they_answer_alike(kind: str, url_of: Callable[[str], str]) -> None:
    store = RedisStore(read(url_of(kind)), PATIENT)
    histories: list[list[tuple[str, Told]]] = []

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from("abc"), TOLD), min_size=1, max_size=25))
    def gather(history: list[tuple[str, Told]]) -> None:
        histories.append(history)

    gather()
    for history in histories:
        memory = MemoryStore(lambda: time.time_ns() // 1_000_000)
        stores: tuple[Store, Store] = (memory, store)
        terms = Terms(namespace=f"twin-{next(_numbers)}", lease_ms=1_000_000, wanted_ms=1_000_000)
        epochs: tuple[list[int], list[int]] = ([0], [0])
        for replica, told in history:
            seen = []
            for each, known_epochs in zip(stores, epochs, strict=True):
                meant = known_epochs[max(-len(known_epochs), told.epoch - 1)]
                hand = max(told.hand_ms, 0) if told.change == Change.BY_HAND else told.hand_ms
                answer = await each.exchange(replica, {"t": told._replace(epoch=meant, hand_ms=hand)}, terms)
                known = answer.known["t"]
                if known.epoch not in known_epochs:
                    known_epochs.append(known.epoch)
                seen.append((answer.replicas, comparable(known, known_epochs)))
            assert seen[0] == seen[1], history
    await store.close()


async def test_whatever_is_kept_is_forgotten_some_day(url_of: Callable[[str], str]) -> None:
    url = url_of("valkey")
    store = RedisStore(read(url), PATIENT)
    await store.exchange("one", {"t": Told(change=Change.MADE, state="open")}, Terms(namespace="days"))
    await store.close()

    with Redis.from_url(url) as client:
        left = {key.decode(): client.pttl(key) for key in client.keys("{waferline:days}*")}

    assert left.keys() == {"{waferline:days}:1:replicas", "{waferline:days}:1:target:t"}
    assert all(86_000_000 < each <= 86_400_000 for each in left.values())


async def test_after_a_failover_to_another_clock_nothing_lasts_longer_than_was_meant(
    url_of: Callable[[str], str],
) -> None:
    url, key = url_of("valkey"), "{waferline:clocks}:1:target:t"
    store, terms = RedisStore(read(url), PATIENT), Terms(namespace="clocks")
    told = Told(change=Change.MADE, state="open", open_ms=5_000, full_ms=4_000, misconfigured_ms=3_000, asks=1)
    opened = (await store.exchange("one", {"t": told}, terms)).known["t"]
    with Redis.from_url(url) as client:
        record = json.loads(client.get(key) or "")
        for name in ("opens", "full", "misconfigured", "lease", "hand"):
            record[name] += 3_600_000
        client.set(key, json.dumps(record))

    async def look() -> Known:
        return (await store.exchange("other", {"t": Told(epoch=opened.epoch)}, terms)).known["t"]

    async def ends() -> bool:
        return (await look()).open_ms < 5_000

    seen = await look()
    await in_time(ends, what="the passing of time, which has to be kept,")
    await store.close()

    assert (seen.open_ms, seen.full_ms, seen.misconfigured_ms, seen.lease_ms) == (5_000, 4_000, 3_000, 10_000)
