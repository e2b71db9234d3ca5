"""A front without LiteLLM behind it: a scope, what the client sends, and what it gets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from plugins.front.asgi import Message, Receive, Scope


def scope(method: str = "POST", path: str = "/v1/chat/completions", **headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}


def arriving(*parts: bytes, whole: bool = True) -> Receive:
    """The client's body in these parts; then it hangs up."""
    waiting: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts or (b"",)]
    if whole:
        waiting[-1]["more_body"] = False

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    return receive


@dataclass
class Client:
    """What the client got."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        (start,) = (each for each in self.messages if each["type"] == "http.response.start")
        return int(start["status"])

    @property
    def headers(self) -> dict[str, str]:
        (start,) = (each for each in self.messages if each["type"] == "http.response.start")
        pairs: Iterable[tuple[bytes, bytes]] = start["headers"]
        assert len({name for name, _ in pairs}) == len(list(pairs)), "a header came twice"
        return {name.decode(): value.decode("latin-1") for name, value in pairs}

    @property
    def body(self) -> bytes:
        return b"".join(each["body"] for each in self.messages if each["type"] == "http.response.body")

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def ended(self) -> bool:
        last = self.messages[-1]
        return last["type"] == "http.response.body" and not last.get("more_body")
