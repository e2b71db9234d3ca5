"""What a client does wrong is told to it, stops the provider at once, and counts for nothing."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.asking import ASK, numbered, whole
from tests.end_to_end.faults.seen import NOTHING, PRIMARY, SPOKE, Providers, at_rest, attempts, counted, told
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

CLIENTS_OWN = [
    ({"fault": "400"}, 400, "wrong_api_format"),
    ({"fault": "400_context"}, 400, "context_length_exceeded"),
    ({"fault": "400_content_filter"}, 400, "content_filter"),
    ({"fault": "413"}, 413, "request_too_large"),
    ({"fault": "422"}, 422, "wrong_api_format"),
    ({"fault": "error_event", "after": 0, "error_status": 400}, 400, "wrong_api_format"),
]


@pytest.mark.parametrize(("knobs", "status", "code"), CLIENTS_OWN, ids=lambda value: str(value)[:40])
def test_a_mistake_of_the_clients_is_told_in_the_providers_words_asked_once_and_not_counted(
    waferline: Gateway, providers: Providers, knobs: dict[str, Any], status: int, code: str
) -> None:
    primary, fallback = providers
    primary.set(**knobs)

    with waferline.client() as client:
        responses = [client.post("/v1/chat/completions", json=ASK) for _ in range(6)]

    assert {(each.status_code, each.json()["error"]["code"]) for each in responses} == {(status, code)}
    assert "litellm" not in responses[0].text.lower()
    assert (len(primary.chats()), len(fallback.chats())) == (6, 0)
    line = waferline.event_of(responses[-1].headers["x-request-id"])
    assert (line["outcome"], line["status"]) == ("rejected", status)
    assert (counted(waferline), told(waferline)) == (NOTHING, [])


@contextmanager
def asking(waferline: Gateway, request_id: str, buffer: int | None = None) -> Iterator[socket.socket]:
    """A client that may leave, or not read."""
    where = urlsplit(waferline.url)
    body = json.dumps(ASK).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {where.netloc}\r\nauthorization: Bearer {MASTER_KEY}\r\n"
    head += f"x-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.socket() as line:
        if buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        line.connect((where.hostname, where.port))
        line.sendall(head.encode() + body)
        yield line


def began(provider: Provider) -> float:
    """When the provider's clock began, on ours: both are the machine's."""
    return time.monotonic() - float(provider.stats()["seconds"])


@pytest.mark.parametrize("when", ["before the first byte", "in the middle"])
def test_a_client_that_leaves_stops_the_provider_within_a_tenth_of_a_second(
    waferline: Gateway, providers: Providers, when: str
) -> None:
    """The quickest of five says what the gateway does; the others, what else the machine had to do."""
    primary, fallback = providers
    midway = when == "in the middle"
    primary.set(**({"pace": 50, "tokens": 2000} if midway else {"fault": "hang"}))
    start, took = began(primary), []
    for number in range(5):
        with asking(waferline, f"leaves-{midway}-{number}") as line:
            eventually(lambda number=number: len(primary.chats()) == number + 1, 5, "the call")  # type: ignore[misc]
            if midway:
                line.recv(2**16)
                line.recv(2**16)
            left = time.monotonic() - start
        at_rest(primary)
        took.append(primary.chats()[-1]["ended_at"] - left)

    assert min(took) < 0.1
    assert {each["ended"] for each in primary.chats()} <= {"client_gone", "hang"}
    assert fallback.chats() == []
    line_of_it = waferline.event_of(f"leaves-{midway}-4")
    assert line_of_it["outcome"] == "client_gone"
    assert attempts(line_of_it) == [(PRIMARY, "client_gone", None, 200 if midway else None)]
    assert counted(waferline) == ({**SPOKE, "calls": 5} if midway else NOTHING)
    assert told(waferline) == []


def megabytes(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_client_that_does_not_read_slows_its_provider_and_nobody_else(
    waferline: Gateway, providers: Providers
) -> None:
    """That it is given up in the end is shown in tests/upstream, where half a minute need not be waited for."""
    primary, _ = providers
    primary.set(fault="endless", pace=2_000_000, tokens=2000)
    before = megabytes(waferline.running.process.pid)
    with asking(waferline, "reads-nothing", buffer=4096):
        eventually(lambda: primary.stats()["waiting_for_readers"], 20, "the provider's wait")
        primary.set(text="numbered", tokens=60, reasoning_tokens=0, fault="none", pace=2300)

        assert whole(waferline).words == numbered(60)
        assert megabytes(waferline.running.process.pid) - before < 48

    at_rest(primary)
    assert primary.chats()[0]["ended"] == "client_gone"
    assert waferline.event_of("reads-nothing")["outcome"] == "client_gone"
    assert counted(waferline)["failures"] == 0
