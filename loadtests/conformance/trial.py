"""One case on one gateway: what its clients got, and what its providers noted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any

import httpx

from loadtests.conformance.answer import Answer, End, read
from loadtests.conformance.cases import PATIENCE_SECONDS, WORDS, Ask, Case
from loadtests.conformance.checks import Call, Seen
from loadtests.conformance.gateways import Gateway

SETTLE_SECONDS = 8.0


def run(case: Case, gateway: Gateway) -> Seen:
    gateway.fallback.turn(case.fallback)
    gateway.primary.turn(case.primary)
    began = monotonic()

    def ask_in_time(ask: Ask) -> Answer:
        sleep(max(0.0, began + ask.at - monotonic()))
        return asked(gateway.client, ask)

    with ThreadPoolExecutor(len(case.asks)) as clients:
        answers = tuple(clients.map(ask_in_time, case.asks))
    primary, fallback = _calls(gateway.primary.chats()), _calls(gateway.fallback.chats())
    gateway.fallback.turn({})
    gateway.primary.turn({})
    alive = asked(gateway.client, Ask()).end == End.WHOLE
    gateway.forget()
    _settled(gateway, monotonic)
    return Seen(answers, primary, fallback, alive)


def asked(client: httpx.Client, ask: Ask) -> Answer:
    body: dict[str, Any] = {"model": ask.model, "messages": [{"role": "user", "content": "hi"}]}
    if ask.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    began, parts = monotonic(), bytearray()
    status, headers, cut, gave_up = 200, httpx.Headers(), False, False
    try:
        with client.stream("POST", "/v1/chat/completions", json=body, timeout=PATIENCE_SECONDS) as response:
            status, headers = response.status_code, response.headers
            for part in response.iter_bytes():
                parts += part
                if monotonic() - began > PATIENCE_SECONDS:
                    gave_up = True
                    break
    except httpx.TimeoutException:
        gave_up = True
    except httpx.HTTPError:
        cut = True
    seconds = round(monotonic() - began, 3)
    return read(status, headers, bytes(parts), expected=WORDS, at=ask.at, seconds=seconds, cut=cut, gave_up=gave_up)


def _settled(gateway: Gateway, clock: Callable[[], float]) -> None:
    """Until the primary serves again, so that no case pays for the one before."""
    deadline = clock() + SETTLE_SECONDS
    while not gateway.primary.chats() and clock() < deadline:
        sleep(0.1)
        asked(gateway.client, Ask())


def _calls(chats: list[dict[str, Any]]) -> tuple[Call, ...]:
    return tuple(
        Call(
            at=chat["at"],
            fault="refused" if chat["fault"] == "none" and chat["status"] not in (None, 200) else chat["fault"],
            ended=chat["ended"],
            model=chat["model"] or "",
            prefill=bool(chat["body"]) and chat["body"]["messages"][-1].get("role") == "assistant",
        )
        for chat in chats
    )
