"""What befalls a process of the gateway befalls its own clients only, and shows none of them half an answer for all."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.end_to_end.asking import ASK, Stream, numbered, whole
from tests.end_to_end.conftest import write_policies
from tests.end_to_end.faults.seen import PRIMARY, SPOKE, Providers, at_rest, counted
from tests.support.gateway import Gateway, gateway
from tests.support.processes import answers, eventually
from tests.support.provider import Provider


@pytest.fixture(scope="module")
def mortal(
    waferline_process: Gateway,
    primary_process: Provider,
    fallback_process: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """One that nobody needs afterwards. The tests of this file are its life, in their order."""
    lane = waferline_process.lane
    directory = tmp_path_factory.mktemp(f"mortal-{lane}")
    write_policies(directory / "policies", lane)
    bases = {"CEREBRAS_API_BASE": primary_process.base, "FALLBACK_API_BASE": fallback_process.base}
    settings = {**bases, "GRACEFUL_SHUTDOWN_TIMEOUT": "2"}
    with gateway(directory, directory / "policies", settings, lane) as running:
        yield running


@pytest.fixture
def doomed(primary_process: Provider, fallback_process: Provider, tmp_path: Path) -> Iterator[Gateway]:
    """One to be killed, in the lane that ships."""
    write_policies(tmp_path / "policies", "express")
    bases = {"CEREBRAS_API_BASE": primary_process.base, "FALLBACK_API_BASE": fallback_process.base}
    with gateway(tmp_path, tmp_path / "policies", bases) as running:
        yield running


def files_of(process: int) -> set[int]:
    return {int(each.name) for each in Path(f"/proc/{process}/fd").iterdir()}


def test_who_is_in_is_served_while_there_is_no_file_left_for_others(mortal: Gateway, providers: Providers) -> None:
    where, process = urlsplit(mortal.url), mortal.running.process.pid
    usual = resource.prlimit(process, resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        client = stack.enter_context(mortal.client())
        client.get("/health/liveliness")
        limit = max(files_of(process)) + 3
        resource.prlimit(process, resource.RLIMIT_NOFILE, (limit, usual[1]))
        for _ in range(12):
            stack.enter_context(socket.create_connection((where.hostname, where.port)))
        eventually(lambda: set(range(limit)) <= files_of(process), 5, "the last file")

        with client.stream("POST", "/v1/chat/completions", json=ASK) as response:
            stream = Stream(response)

        resource.prlimit(process, resource.RLIMIT_NOFILE, usual)

    assert (stream.words, stream.done, stream.headers["x-waferline-deployment"]) == (numbered(60), 1, PRIMARY)
    assert whole(mortal).words == numbered(60), "and the others are, as soon as there is"
    assert counted(mortal) == {**SPOKE, "calls": 2}


def test_told_to_end_it_finishes_what_it_can_and_says_of_the_rest_that_it_broke(
    mortal: Gateway, providers: Providers
) -> None:
    primary, _ = providers
    with ExitStack() as stack:
        client = stack.enter_context(mortal.client())
        primary.set(fault="endless", pace=100)
        endless = stack.enter_context(client.stream("POST", "/v1/chat/completions", json=ASK))
        primary.set(fault="none", pace=100)
        ending = stack.enter_context(client.stream("POST", "/v1/chat/completions", json=ASK))
        primary.set(fault="endless", pace=100)
        held = stack.enter_context(ThreadPoolExecutor(1)).submit(
            client.post, "/v1/chat/completions", json={**ASK, "model": "classify"}
        )
        eventually(lambda: len(primary.chats()) == 3, 5, "the answer that is held")

        mortal.running.process.send_signal(signal.SIGTERM)
        eventually(lambda: not answers(f"{mortal.url}/health/readiness"), 5, "no new clients")
        finished = Stream(ending)
        assert (finished.words, finished.finish_reasons, finished.done) == (numbered(60), ["stop"], 1)
        assert mortal.running.process.poll() is None, "one is not finished yet"

        broken = Stream(endless)
        refused = held.result(10)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "shutting_down"
    assert mortal.event_of(refused.headers["x-request-id"])["outcome"] == "broken"
    assert len(broken.words) > 60
    assert (broken.finish_reasons, broken.done) == (["error"], 0)
    assert broken.chunks[-1]["error"]["code"] == "stream_interrupted"
    assert mortal.running.process.wait(10) in (0, -signal.SIGTERM), "as the server passes it on to whoever waits"
    at_rest(primary)
    assert [each["ended"] for each in primary.chats()] == ["client_gone", "whole", "client_gone"]
    assert mortal.event_of(broken.request_id)["outcome"] == "broken"


def test_killed_it_cuts_its_answers_visibly_and_stops_their_providers(doomed: Gateway, providers: Providers) -> None:
    primary, _ = providers
    primary.set(fault="endless", pace=100)
    with doomed.client() as client, client.stream("POST", "/v1/chat/completions", json=ASK) as response:
        heard = response.iter_text()
        text = next(heard)

        doomed.running.process.kill()
        with pytest.raises(httpx.RemoteProtocolError):
            text += "".join(heard)

    assert "[DONE]" not in text
    assert '"finish_reason":"stop"' not in text
    at_rest(primary)
    assert [each["ended"] for each in primary.chats()] == ["client_gone"]
