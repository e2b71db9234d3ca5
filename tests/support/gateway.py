"""Stock LiteLLM with our configuration, as an operator starts it: `litellm --config litellm_config.yaml`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import BIN, ROOT, Running, answers, clean_environment, eventually, free_port, started

MASTER_KEY = "sk-test-master-key-of-at-least-32-characters"
START_SECONDS = 120  # of a machine that does much else


@dataclass(frozen=True)
class Gateway:
    url: str
    running: Running
    policies: Path
    lane: str

    def events(self) -> list[dict[str, Any]]:
        text = self.running.log.read_text(errors="replace")
        whole = text[: text.rfind("\n") + 1]  # the last line may still be on its way
        return [json.loads(line) for line in whole.splitlines() if line.startswith('{"event"')]

    def event_of(self, request_id: str) -> dict[str, Any]:
        """The line that this request left in the log."""

        def look() -> dict[str, Any] | None:
            return next((event for event in self.events() if event.get("request_id") == request_id), None)

        return eventually(look, 10, f"the log line of {request_id}")

    def circuits(self) -> list[dict[str, Any]]:
        with self.client() as client:
            found: list[dict[str, Any]] = client.get("/waferline/circuits").raise_for_status().json()["circuits"]
            return found

    def turn(self, target: str, to: str) -> None:
        """A circuit, by hand: open, close or auto."""
        with self.client() as client:
            client.post("/waferline/circuits/force", json={"target": target, "to": to}).raise_for_status()

    def forget_failures(self) -> None:
        """What one test breaks is nothing to the next."""
        for row in self.circuits():
            self.turn(row["target"], "auto")

    def client(self, key: str = MASTER_KEY) -> httpx.Client:
        # To read the machine's certificates takes longer than most of what is asked.
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {key}"}, timeout=20, verify=False)


@contextmanager
def gateway(
    directory: Path,
    policies: Path,
    environment: dict[str, str],
    lane: str = "express",
    config: Path = ROOT / "litellm_config.yaml",
    until: str = "/health/readiness",
) -> Iterator[Gateway]:
    port = free_port()
    command = [str(BIN / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    settings = {
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "WAFERLINE_POLICIES": str(policies),
        **environment,
    }
    # Started from a directory that is not the product's: nothing may depend on where the operator stands.
    with started(command, directory / "gateway.log", clean_environment(**settings), cwd=directory) as running:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            running.check_alive()
            return answers(f"{url}{until}")

        eventually(ready, START_SECONDS, "the gateway's start")
        yield Gateway(url, running, policies, lane)
