"""The store, as `check`, `doctor` and `circuit list` speak of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.commands.examined import State
from plugins.commands.serving import told
from plugins.commands.store import examined
from tests.commands.running import waferline
from tests.commands.test_circuit import KEY, serving, snapshot
from tests.support import stores
from tests.support.processes import free_port

BAD = "redis://:pa55word@here/one"


def test_check_refuses_an_address_that_is_none() -> None:
    said = waferline("check", environment={"REDIS_URL": BAD})

    assert said.status == 1
    assert said.lines[0].startswith(
        "the environment REDIS_URL: has a database that is no number (was 'one'); write it like redis://"
    )


def test_the_doctor_exchanges_with_a_store_that_is_well(tmp_path: Path) -> None:
    with stores.server(tmp_path, stores.valkey_binary()) as server:
        address, exchange = examined({"REDIS_URL": server.url}, offline=False)

    assert (address.state, address.said) == (State.OK, server.url.removesuffix("/0"))
    assert exchange.state is State.OK
    assert exchange.said.partition(", ")[2].startswith("Valkey ")


@pytest.mark.parametrize(
    ("url", "offline", "state", "says"),
    [
        ("", False, State.OK, "REDIS_URL is not set: the circuits of each gateway are its own"),
        (BAD, True, State.BAD, "REDIS_URL has a database that is no number"),
        ("redis://here/1", True, State.OK, "redis://here:6379"),
        ("redis://127.0.0.1:{port}", False, State.BAD, "redis://127.0.0.1:{port}: "),
    ],
)
def test_the_doctor_says_what_is_wrong_with_a_store(url: str, offline: bool, state: State, says: str) -> None:
    port = free_port()

    line = list(examined({"REDIS_URL": url.format(port=port)}, offline=offline))[-1]

    assert (line.state, bool(line.cure)) == (state, state is State.BAD)
    assert line.said.startswith(says.format(port=port))
    assert "pa55word" not in line.said


SHARING: dict[str, Any] = {
    "on": True,
    "in_reach": True,
    "seconds": 12.3,
    "why": None,
    "replicas": 2,
    "replica": "pod-1",
    "store": "redis://here:6379",
}
AWAY = {**SHARING, "in_reach": False, "why": "no answer in time", "replicas": 0}


@pytest.mark.parametrize(
    ("sharing", "says"),
    [
        (SHARING, "shared by 2 gateways over redis://here:6379; this one is pod-1"),
        (AWAY, "redis://here:6379 is out of reach, so these are this gateway's alone (no answer in time)"),
    ],
)
def test_the_list_says_with_whom_it_is_shared(sharing: dict[str, Any], says: str) -> None:
    rows = [{**row, "probe_with": "pod-2" if row["state"] == "open" else None} for row in snapshot()]
    with serving({"circuits": rows, "sharing": sharing}) as (url, _):
        said = waferline("circuit", "list", "--gateway", url, environment=KEY)

    assert said.lines[0].endswith("probe with")
    assert next(line for line in said.lines if line.endswith("pod-2")).startswith("cerebras/gpt-oss-120b  open")
    assert said.lines[-1] == says


def test_the_doctor_says_of_a_gateway_whether_it_reaches_its_store() -> None:
    status = {"policies": "policies", "version": "f00"}

    (_, well), (_, away) = (list(told({**status, "sharing": each})) for each in (SHARING, AWAY))

    assert (well.state, well.said) == (State.OK, "2 replicas over redis://here:6379, for 12 s")
    assert (away.state, bool(away.cure)) == (State.WARN, True)
    assert away.said == "redis://here:6379 is out of reach (no answer in time), so it decides for itself"
