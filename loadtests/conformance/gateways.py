"""How each gateway is started: one worker, with two simulated providers of its own, so that none waits for another."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from loadtests.bench.load import request
from loadtests.bench.policies import copied, on_lane
from loadtests.bench.processes import LOOPBACK, ROOT, clean_environment, free_port, posted, started, wait_until
from loadtests.conformance.cases import FALLBACK_MODEL, FALLBACK_NAME, MODEL, OTHER, SCALE, WORDS

KEY = "sk-waferline-conformance-key-for-loopback-only"
EXPRESS, LITELLM, STOCK = "express lane", "LiteLLM lane", "stock LiteLLM"
ATOMIC_EXPRESS, ATOMIC_LITELLM = "atomic express", "atomic LiteLLM"
GATEWAYS = (EXPRESS, LITELLM, ATOMIC_EXPRESS, ATOMIC_LITELLM, STOCK)
ATOMIC = (ATOMIC_EXPRESS, ATOMIC_LITELLM)
OURS = (EXPRESS, LITELLM, *ATOMIC)
START_SECONDS = 120
STOCK_TIMEOUT_SECONDS = 30 / SCALE  # FailoverBench gives every gateway 30
STOCK_COOLDOWN_SECONDS = 5 / SCALE  # LiteLLM's own default is 5
STOCK_SETTINGS = {"timeout": STOCK_TIMEOUT_SECONDS, "cooldown_time": STOCK_COOLDOWN_SECONDS}
BIN = Path(sys.executable).parent


class Provider:
    def __init__(self, port: int) -> None:
        self.base = f"http://{LOOPBACK}:{port}/v1"
        self._client = httpx.Client(base_url=f"http://{LOOPBACK}:{port}/simulator", timeout=10)

    def turn(self, knobs: Mapping[str, object]) -> None:
        """As it was started, but for `knobs`; and with an empty log."""
        self._client.delete("/knobs").raise_for_status()
        self._client.delete("/requests").raise_for_status()
        self._client.put("/knobs", json=dict(knobs)).raise_for_status()

    def chats(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get("/requests").raise_for_status().json()
        return [each for each in found if each["path"].endswith("/chat/completions")]

    def close(self) -> None:
        self._client.close()


@dataclass(frozen=True, slots=True)
class Gateway:
    name: str
    client: httpx.Client
    primary: Provider
    fallback: Provider

    def forget(self) -> None:
        """What one case broke is nothing to the next: circuits by hand. LiteLLM's cooldowns end by themselves."""
        if self.name in OURS:
            for row in self.client.get("/waferline/circuits").raise_for_status().json()["circuits"]:
                told = {"target": row["target"], "to": "auto"}
                self.client.post("/waferline/circuits/force", json=told).raise_for_status()


@contextmanager
def gateway(name: str, directory: Path) -> Iterator[Gateway]:
    directory.mkdir(parents=True)
    with ExitStack() as stack:
        primary = stack.enter_context(provider("cerebras", directory))
        fallback = stack.enter_context(provider("openai", directory))
        port = free_port()
        if name == STOCK:
            config, environment = stock_config(directory, primary, fallback, STOCK_SETTINGS), {}
        else:
            config, environment = ROOT / "litellm_config.yaml", _waferline(name, directory, primary, fallback)
        command = [str(BIN / "litellm"), "--config", str(config), "--host", LOOPBACK, "--port", str(port)]
        told = clean_environment(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MASTER_KEY=KEY, **environment)
        log = directory / "gateway.log"
        process = stack.enter_context(started(command, log, environment=told, directory=directory))
        wait_until(lambda: posted(port, request(port, KEY, 1)), process, log, START_SECONDS)
        if name in OURS:
            wait_until(lambda: "gateway.ready" in log.read_text(errors="replace"), process, log, START_SECONDS)
        headers = {"authorization": f"Bearer {KEY}"}
        client = stack.enter_context(httpx.Client(base_url=f"http://{LOOPBACK}:{port}", headers=headers, timeout=20))
        yield Gateway(name, client, primary, fallback)


@contextmanager
def provider(persona: str, directory: Path, more: str = f"--tokens {WORDS} --first-token 0.02") -> Iterator[Provider]:
    port, log = free_port(), directory / f"{persona}.log"
    flags = f"--persona {persona} --port {port} --text numbered --reasoning-tokens 0 {more}"
    with started([sys.executable, "-m", "simulator", *flags.split()], log) as process:
        wait_until(lambda: posted(port, request(port, KEY, 1)), process, log, 20)
        made = Provider(port)
        try:
            yield made
        finally:
            made.close()


def _waferline(name: str, directory: Path, primary: Provider, fallback: Provider) -> dict[str, str]:
    """As shipped, with the scaled deadlines in a copy of the policies."""
    policies = copied(directory)
    for file, keys in SCALED.items():
        text = (policies / file).read_text()
        (policies / file).write_text(scaled(text, keys))
    return waferline_environment(name, policies, primary, fallback)


def waferline_environment(name: str, policies: Path, primary: Provider, fallback: Provider) -> dict[str, str]:
    """With these policies, on the lane of that name."""
    routing = policies / "routing.yaml"
    routing.write_text(as_named(routing.read_text(), name))
    return {
        "WAFERLINE_POLICIES": str(policies),
        "CEREBRAS_API_BASE": primary.base,
        "CEREBRAS_API_KEY": "simulated",
        "FALLBACK_API_BASE": fallback.base,
        "FALLBACK_API_KEY": "simulated",
        "FALLBACK_MODEL": FALLBACK_MODEL,
    }


def as_named(routing: str, name: str) -> str:
    """The lane and the commit of this gateway, in the text of a routing.yaml."""
    lane = "express" if name in (EXPRESS, ATOMIC_EXPRESS) else "litellm"
    atomic = "always" if name in ATOMIC else "never"
    text = re.sub(r"^  atomic: \w+", f"  atomic: {atomic}", on_lane(routing, lane), flags=re.MULTILINE)
    # An answer that drips has a tenth of the time, so it has ten times the tokens.
    return re.sub(r"(minimum_tokens_per_s: )(\d+)", lambda found: f"{found[1]}{int(found[2]) * SCALE}", text)


# Connecting is not scaled, nor what a 429's headers may say, nor lateness by which a circuit calls a target slow.
SCALED = {
    "routing.yaml": ("first_token_seconds", "stall_seconds", "pace_seconds"),
    "circuits.yaml": ("window_seconds", "seconds", "most_seconds", "forgiven_after_seconds", "misconfigured_seconds"),
}


def scaled(text: str, keys: tuple[str, ...]) -> str:
    """`text` with the numbers of `keys` divided, but for the section on capacity."""

    def divided(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) / SCALE:g}"

    before, capacity, after = text.partition("capacity:")
    rest, blank, end = after.partition("\n\n")
    pattern = re.compile(rf"((?<![\w])(?:{'|'.join(keys)}): )([\d.]+)")
    return pattern.sub(divided, before) + capacity + rest + pattern.sub(divided, blank + end)


def stock_config(directory: Path, primary: Provider, fallback: Provider, settings: Mapping[str, object]) -> Path:
    """The same release and the same rows, without our plugins; its defaults, but for these settings of its router."""
    rows: list[dict[str, Any]] = []
    for model in (MODEL, OTHER):
        targets = (("cerebras", primary, model, "primary"), ("openai", fallback, FALLBACK_MODEL, FALLBACK_NAME))
        for order, (provider, at, upstream, where) in enumerate(targets, start=1):
            params = {"model": f"{provider}/{upstream}", "api_base": at.base, "api_key": "simulated", "order": order}
            params["allowed_openai_params"] = ["reasoning_effort"]  # its Cerebras provider refuses it otherwise
            rows.append({"model_name": model, "litellm_params": params, "model_info": {"id": f"{where}/{model}"}})
    config = {"model_list": rows, "router_settings": dict(settings), "general_settings": {"master_key": KEY}}
    path = directory / "config.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path
