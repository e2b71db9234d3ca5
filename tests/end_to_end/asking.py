"""Asking the gateway, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.gateway import Gateway

ASK = {"model": "gpt-oss-120b", "messages": [{"role": "user", "content": "hi"}], "stream": True}


class Stream:
    """A streamed answer, as bytes and as what they mean."""

    def __init__(self, response: httpx.Response) -> None:
        self.headers = response.headers
        self.status = response.status_code
        self.raw = response.read().decode()
        self.data = [line[6:] for line in self.raw.splitlines() if line.startswith("data: ")]
        self.chunks = [json.loads(each) for each in self.data if each != "[DONE]"]
        self.done = self.data.count("[DONE]")

    @property
    def words(self) -> list[str]:
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas).split()

    @property
    def finish_reasons(self) -> list[str]:
        choices = [choice for chunk in self.chunks for choice in chunk["choices"]]
        return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]

    @property
    def roles(self) -> list[str]:
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]
        return [delta["role"] for delta in deltas if delta.get("role")]


def numbered(count: int) -> list[str]:
    return [f"w{number:04}" for number in range(1, count + 1)]


@contextmanager
def ask(waferline: Gateway, **fields: Any) -> Iterator[Stream]:
    with (
        waferline.client() as client,
        client.stream("POST", "/v1/chat/completions", json={**ASK, **fields}) as response,
    ):
        yield Stream(response)
