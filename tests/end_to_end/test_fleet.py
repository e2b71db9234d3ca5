"""Two gateways, one per lane, and one store: what one finds out the other knows, and no request waits for the store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from tests.end_to_end.conftest import write_policies
from tests.end_to_end.test_circuits import FALLBACK, PRIMARY, ask, circuit, line_of, served_by
from tests.support import stores
from tests.support.gateway import Gateway, gateway
from tests.support.processes import eventually, free_port
from tests.support.provider import Provider

Providers = tuple[Provider, Provider]


@dataclass
class Fleet:
    gateways: tuple[Gateway, Gateway]
    store: ExitStack
    port: int
    directory: Path

    def start_store(self) -> None:
        self.server = self.store.enter_context(
            stores.server(self.directory, stores.valkey_binary(), port=self.port, password="in-no-log")
        )

    def said(self, event: str) -> list[int]:
        """How often each of them."""
        return [sum(each["event"] == f"sharing.{event}" for each in one.events()) for one in self.gateways]


def in_reach(one: Gateway) -> bool:
    with one.client() as client:
        told = client.get("/waferline/status").json()["sharing"]
    return bool(told["in_reach"]) and told["replicas"] == 2


@pytest.fixture(scope="module")
def fleet_of_two(
    primary_process: Provider, fallback_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    port = free_port()
    environment = {
        "CEREBRAS_API_BASE": primary_process.base,
        "FALLBACK_API_BASE": fallback_process.base,
        "REDIS_URL": f"redis://:in-no-log@127.0.0.1:{port}/0",
    }

    def start(lane: str) -> Gateway:
        policies = directory / lane / "policies"
        write_policies(policies, lane)
        circuits = policies / "circuits.yaml"
        circuits.write_text(circuits.read_text().replace("seconds: 5\n", "seconds: 1\n"))
        return running.enter_context(gateway(directory / lane, policies, environment, lane))

    with ExitStack() as running, ExitStack() as store, ThreadPoolExecutor(2) as pool:
        express, litellm = pool.map(start, ("express", "litellm"))
        fleet = Fleet((express, litellm), store, port, directory / "store")
        fleet.start_store()
        yield fleet
    shutil.rmtree(directory / "store", ignore_errors=True)


@pytest.fixture
def fleet(fleet_of_two: Fleet) -> Fleet:
    for each in fleet_of_two.gateways:
        eventually(lambda each=each: in_reach(each), 10, "both gateways' reaching the store")  # type: ignore[misc]
    fleet_of_two.gateways[0].forget_failures()
    for each in fleet_of_two.gateways:
        eventually(lambda each=each: circuit(each)["state"] == "closed", 5, "the circuits' release")  # type: ignore[misc]
    return fleet_of_two


@pytest.fixture
def providers(primary: Provider, fallback: Provider) -> Providers:
    for each in (primary, fallback):
        each.set(tokens=20, reasoning_tokens=0)
    return primary, fallback


@pytest.mark.parametrize("first", [0, 1], ids=["express", "litellm"])
def test_what_one_gateway_trips_the_other_does_not_call(fleet: Fleet, providers: Providers, first: int) -> None:
    primary, _ = providers
    one, other = fleet.gateways[first], fleet.gateways[1 - first]
    for _ in range(5):
        primary.set(fault="503")
        assert served_by(ask(one)) == FALLBACK
    called = len(primary.chats())

    eventually(lambda: circuit(other)["state"] == "open", 5, "the news")

    assert served_by(response := ask(other)) == FALLBACK
    assert [each["why"] for each in line_of(other, response)["skipped"]] == ["open"]
    assert len(primary.chats()) == called
    opened = [each for each in other.events() if each["event"] == "circuit.opened"][-1]
    assert opened["why"] == "fleet"


def test_one_probe_tries_for_both_and_both_are_back_with_it(fleet: Fleet, providers: Providers) -> None:
    primary, _ = providers
    one, _ = fleet.gateways
    primary.set(fault="503")
    for _ in range(5):
        ask(one)
    eventually(lambda: all(circuit(each)["state"] == "open" for each in fleet.gateways), 5, "the news")
    eventually(lambda: any(circuit(each)["rejects"] is None for each in fleet.gateways), 5, "the end of the open time")
    primary.reset()
    primary.set(tokens=20, first_token=0.6)

    with ThreadPoolExecutor(8) as pool:
        served = list(pool.map(lambda number: served_by(ask(fleet.gateways[number % 2])), range(8)))

    assert sorted(served) == [PRIMARY, *[FALLBACK] * 7]
    assert len(primary.chats()) == 1
    primary.set(first_token=0.02)

    def all_back() -> bool:
        for each in fleet.gateways:
            ask(each)
        return all(circuit(each)["state"] == "closed" for each in fleet.gateways)

    eventually(all_back, 10, "the return of both")


def test_what_an_operator_turns_is_turned_for_both(fleet: Fleet, providers: Providers) -> None:
    one, other = fleet.gateways

    one.turn(PRIMARY, "open")
    eventually(lambda: circuit(other)["state"] == "forced_open", 5, "the news")
    assert served_by(ask(other)) == FALLBACK

    other.turn(PRIMARY, "auto")
    eventually(lambda: circuit(one)["state"] == "closed", 5, "the news")
    assert served_by(ask(one)) == PRIMARY


def test_a_store_that_is_killed_and_comes_back_is_noticed_by_no_request(fleet: Fleet, providers: Providers) -> None:
    before = fleet.said("lost")
    once_more = [number + 1 for number in before]
    stop = Event()

    def keep_asking(one: Gateway) -> list[str]:
        served = []
        while not stop.is_set():
            served.append(served_by(ask(one, timeout=5)))
        return served

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(keep_asking, each) for each in fleet.gateways]
        try:
            fleet.server.running.process.kill()
            eventually(lambda: fleet.said("lost") == once_more, 20, "the loss")
            fleet.start_store()
            eventually(lambda: fleet.said("back") == once_more, 20, "the return")
        finally:
            stop.set()
        served = [each.result() for each in asking]

    assert {each for one in served for each in one} == {PRIMARY}
    assert all(len(one) > 3 for one in served)
    assert fleet.said("lost") == fleet.said("back") == once_more
    for each in fleet.gateways:
        assert "in-no-log" not in each.running.log.read_text()
        assert circuit(each)["state"] == "closed"
