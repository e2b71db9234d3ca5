"""Simulated providers and the gateway, started for one run and ended with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

from loadtests.bench.policies import copied
from loadtests.bench.processes import LOOPBACK, ROOT, clean_environment, free_port, started, wait_until
from loadtests.engine.provider import Provider

KEY = "sk-waferline-load-key-for-loopback-only"
GATEWAY_SECONDS = 120.0
PROVIDER_SECONDS = 20.0
_PERSONAS = {"cerebras": "cerebras", "fallback": "openai"}
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Local:
    url: str
    providers: Mapping[str, Provider]
    gateway: int | None  # process id

    @property
    def direct(self) -> str:
        return self.providers["cerebras"].base


@contextmanager
def providers(logs: Path, knobs: Mapping[str, object]) -> Iterator[dict[str, Provider]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(provider(name, logs, knobs)) for name in _PERSONAS}


@contextmanager
def local(logs: Path, knobs: Mapping[str, object], lane: str | None = None) -> Iterator[Local]:
    """The gateway has the policies of this repository, but for the lane where one is named."""
    with providers(logs, knobs) as found, _policies(lane) as policies:
        port, log = free_port(), logs / "gateway.log"
        config = str(ROOT / "litellm_config.yaml")
        command = [str(_BIN / "litellm"), "--config", config, "--host", LOOPBACK, "--port", str(port)]
        environment = clean_environment(
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            LITELLM_MASTER_KEY=KEY,
            CEREBRAS_API_BASE=found["cerebras"].base,
            CEREBRAS_API_KEY="simulated",
            FALLBACK_API_BASE=found["fallback"].base,
            FALLBACK_API_KEY="simulated",
            WAFERLINE_POLICIES=str(policies),
        )
        with started(command, log, environment=environment, directory=logs) as process:
            url = f"http://{LOOPBACK}:{port}"
            wait_until(lambda: _answers(f"{url}/health/readiness"), process, log, GATEWAY_SECONDS)
            yield Local(f"{url}/v1", found, process.pid)


@contextmanager
def _policies(lane: str | None) -> Iterator[Path]:
    if lane is None:
        yield ROOT / "policies"
        return
    with TemporaryDirectory(prefix="waferline-policies-") as name:
        yield copied(Path(name), lane)


@contextmanager
def provider(name: str, logs: Path, knobs: Mapping[str, object]) -> Iterator[Provider]:
    port, log = free_port(), logs / f"{name}.log"
    flags = [part for knob, value in knobs.items() for part in _flag(knob, value)]
    command = [sys.executable, "-m", "simulator", "--persona", _PERSONAS[name], "--port", str(port), *flags]
    with started(command, log) as process:
        origin = f"http://{LOOPBACK}:{port}"
        wait_until(lambda: _answers(f"{origin}/simulator/stats"), process, log, PROVIDER_SECONDS)
        yield Provider(name, origin)


def _flag(knob: str, value: object) -> list[str]:
    name = f"--{knob.replace('_', '-')}"
    if isinstance(value, bool):
        return [name if value else f"--no-{knob.replace('_', '-')}"]
    return [name, str(value)]


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310  an address of ours, on loopback
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
