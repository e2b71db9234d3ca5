"""A simulated provider in a process of its own, with its knobs and its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import BIN, Running, clean_environment, eventually, started

_READY = re.compile(r"listening on (http://\S+)")


@dataclass(frozen=True)
class Provider:
    origin: str
    running: Running
    client: httpx.Client

    @property
    def base(self) -> str:
        return f"{self.origin}/v1"

    def set(self, **knobs: Any) -> None:
        self.client.put("/simulator/knobs", json=knobs).raise_for_status()

    def reset(self) -> None:
        self.client.delete("/simulator/knobs").raise_for_status()
        self.client.delete("/simulator/requests").raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/simulator/requests").raise_for_status().json()
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get("/simulator/stats").raise_for_status().json()
        return found

    def chats(self) -> list[dict[str, Any]]:
        return [each for each in self.requests() if each["path"].endswith("/chat/completions")]


@contextmanager
def provider(persona: str, directory: Path, *flags: str) -> Iterator[Provider]:
    command = [str(BIN / "python"), "-m", "simulator", "--persona", persona, "--port", "0", *flags]
    with started(command, directory / f"{persona}.log", clean_environment()) as running:

        def ready() -> str | None:
            running.check_alive()
            found = _READY.search("\n".join(running.lines()))
            return found[1] if found else None

        origin = eventually(ready, 10, f"the {persona} simulator's start")
        with httpx.Client(base_url=origin, timeout=5) as client:
            yield Provider(origin, running, client)
