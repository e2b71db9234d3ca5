"""Readiness on a real gateway: late by what a first user would have had to wait for, and no later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.end_to_end.conftest import write_policies
from tests.support.gateway import MASTER_KEY, START_SECONDS, Gateway, gateway
from tests.support.processes import answers, eventually
from tests.support.provider import Provider, provider


@pytest.fixture(scope="module")
def cerebras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One of our own: what it was asked is what this gateway asked."""
    with provider("cerebras", tmp_path_factory.mktemp("cerebras"), "--first-token", "0.02") as running:
        yield running


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("openai", tmp_path_factory.mktemp("other"), "--first-token", "0.02") as running:
        yield running


@pytest.fixture(scope="module")
def starting(cerebras: Provider, other: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that is alive and not yet ready, for Cerebras does not answer its warming."""
    directory = tmp_path_factory.mktemp("gateway")
    write_policies(directory / "policies", "litellm")
    bases = {"CEREBRAS_API_BASE": cerebras.base, "CEREBRAS_API_KEY": "k", "FALLBACK_API_BASE": other.base}
    cerebras.set(warming_hangs=True)
    with gateway(directory, directory / "policies", bases, "litellm", until="/health/liveliness") as running:
        yield running


def readiness(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urlopen(f"{url}/health/readiness", timeout=5) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


def test_a_gateway_becomes_ready(starting: Gateway, cerebras: Provider, other: Provider) -> None:
    """One test, for it is one story: the parts happen once in the life of a process."""
    status, body = eventually(lambda: readiness(starting.url), 5, "an answer")
    assert (status, body["status"]) == (503, "starting")

    def waits_for_connections() -> bool:
        return readiness(starting.url)[1].get("waiting_for") == "connections to the providers are being opened"

    eventually(waits_for_connections, 10, "waiting for the providers")
    assert answers(f"{starting.url}/health/liveliness")
    with starting.client() as client:
        early = client.post(
            "/v1/chat/completions",
            json={"model": "gpt-oss-120b", "stream": True, "messages": [{"role": "user", "content": "early"}]},
        )
    assert early.headers["x-waferline-deployment"] == "cerebras/gpt-oss-120b"
    assert len(cerebras.chats()) == 1, "a client is answered by a provider, ready or not"

    cerebras.set(warming_hangs=False)
    eventually(lambda: answers(f"{starting.url}/health/readiness"), START_SECONDS, "readiness")

    events = [event for event in starting.events() if event["event"] != "request.finished"]
    (ready,) = events
    assert (ready["event"], ready["failed"]) == ("gateway.ready", [])
    assert 0 < ready["wiring_ms"] < ready["litellm_import_ms"] < ready["total_ms"]
    assert ready["rehearsal_ms"] > 0
    assert len([event for event in starting.events() if event["event"] == "request.finished"]) == 1

    asked = Counter((each["method"], each["path"]) for each in (*cerebras.requests(), *other.requests()))
    assert asked == {("POST", "/v1/chat/completions"): 1, ("GET", "/v1/tcp_warming"): 8, ("HEAD", "/v1"): 8}

    with starting.client(MASTER_KEY) as client:
        status = client.get("/waferline/status").json()
    assert (status["startup"]["total_ms"], status["startup"]["waiting_for"]) == (ready["total_ms"], None)
    assert {each["connections"] for each in status["connections"].values()} == {4}


def test_nothing_of_litellms_idle_work_is_done_as_shipped(waferline: Gateway) -> None:
    assert [event for event in waferline.events() if event["event"] == "cut.left_out"] == []
