"""A simulated provider's knobs and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen


@dataclass(frozen=True, slots=True)
class Provider:
    name: str  # as scenarios call it
    origin: str

    @property
    def base(self) -> str:
        return f"{self.origin}/v1"

    def turn(self, **knobs: object) -> None:
        self._call("PUT", "knobs", json.dumps(knobs).encode())

    def restore(self) -> None:
        self._call("DELETE", "knobs")

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "requests")
        return found

    def chats(self) -> list[dict[str, Any]]:
        return [each for each in self.requests() if each["path"].endswith("/chat/completions")]

    def started(self) -> float:
        """Its zero on the machine's monotonic clock."""
        return float(self._call("GET", "stats")["started"])

    def _call(self, method: str, what: str, body: bytes | None = None) -> Any:
        # S310: an address of ours, on loopback
        with urlopen(Request(f"{self.origin}/simulator/{what}", body, method=method), timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())
