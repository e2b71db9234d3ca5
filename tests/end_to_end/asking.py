"""Asking the gateway, and what its answers mean. Their words are numbered, so none can be lost unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.gateway import Gateway

MODEL = "gpt-oss-120b"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}


class Stream:
    """A streamed answer, as bytes and as what they mean."""

    def __init__(self, response: httpx.Response) -> None:
        self.headers = response.headers
        self.status = response.status_code
        self.raw = response.read().decode()
        events = self.raw.replace("\r\n", "\n").split("\n\n")
        self.data = [data for event in events if (data := _data_of(event))]
        self.chunks = [json.loads(each) for each in self.data if each != "[DONE]"]
        self.done = self.data.count("[DONE]")

    @property
    def request_id(self) -> str:
        return str(self.headers["x-request-id"])

    @property
    def text(self) -> str:
        return "".join(delta.get("content") or "" for delta in self._deltas)

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def finish_reasons(self) -> list[str]:
        choices = [choice for chunk in self.chunks for choice in chunk["choices"]]
        return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]

    @property
    def roles(self) -> list[str]:
        return [delta["role"] for delta in self._deltas if delta.get("role")]

    @property
    def _deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]


def _data_of(event: str) -> str:
    return "\n".join(line.removeprefix("data:").strip() for line in event.split("\n") if line.startswith("data:"))


def numbered(count: int) -> list[str]:
    return [f"w{number:04}" for number in range(1, count + 1)]


@contextmanager
def ask(waferline: Gateway, **fields: Any) -> Iterator[Stream]:
    with (
        waferline.client() as client,
        client.stream("POST", "/v1/chat/completions", json={**ASK, **fields}) as response,
    ):
        yield Stream(response)


def whole(waferline: Gateway, **fields: Any) -> Stream:
    """The answer, read to its end."""
    with ask(waferline, **fields) as stream:
        return stream
