"""One gateway and two simulated providers for all end-to-end tests, reset between them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.policy.access import digest
from tests.support.gateway import Gateway, gateway
from tests.support.processes import ROOT
from tests.support.provider import Provider, provider

BOT_KEY = "sk-wl-support-bot-in-the-end-to-end-tests"
EXPIRED_KEY = "sk-wl-somebody-who-left-in-the-end-to-end-tests"

CLIENTS = f"""clients:
  - {{name: support-bot, key_sha256: {digest(BOT_KEY)}, models: [voice, chat]}}
  - {{name: somebody-who-left, key_sha256: {digest(EXPIRED_KEY)}, models: ["*"], expires: 2026-01-31}}
"""


# How the attempts of three workloads differ from the others'.
ATTEMPTS = {
    "reasoning": "hedge_after_seconds: 0.1",
    "long-context": "commit: {hold_ms: 50}",
    "classify": "commit: {atomic: short}",
}


def write_policies(directory: Path, lane: str) -> None:
    """The shipped policies with two clients, one lane, and deadlines that a test can wait for."""
    shutil.copytree(ROOT / "policies", directory, dirs_exist_ok=True)
    access = directory / "access.yaml"
    access.write_text(access.read_text().replace("clients: []\n", CLIENTS))
    routing = directory / "routing.yaml"
    text = re.sub(r"first_token_seconds: \d+", "first_token_seconds: 1", routing.read_text())
    text = re.sub(r"stall_seconds: \d+", "stall_seconds: 1", text)
    text = text.replace("minimum_tokens_per_s: 5", "minimum_tokens_per_s: 20")
    text = text.replace("pace_seconds: 5", "pace_seconds: 0.5")
    text = re.sub(r"(?s)(long-context:.*?deadlines: {)", r"\1request_seconds: 1.5, ", text)
    for workload, settings in ATTEMPTS.items():
        text = text.replace(f"  {workload}:\n", f"  {workload}:\n    {settings}\n")
    routing.write_text(re.sub(r"^lane: \w+", f"lane: {lane}", text, flags=re.MULTILINE))


@pytest.fixture(scope="session")
def primary_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("cerebras", tmp_path_factory.mktemp("primary"), "--first-token", "0.02") as running:
        yield running


@pytest.fixture(scope="session")
def fallback_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("openai", tmp_path_factory.mktemp("fallback"), "--first-token", "0.02") as running:
        yield running


@pytest.fixture(scope="session", params=["express", "litellm"])
def waferline_process(
    request: pytest.FixtureRequest,
    primary_process: Provider,
    fallback_process: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """The same promises on both lanes."""
    directory = tmp_path_factory.mktemp(f"gateway-{request.param}")
    policies = directory / "policies"
    write_policies(policies, request.param)
    bases = {"CEREBRAS_API_BASE": primary_process.base, "FALLBACK_API_BASE": fallback_process.base}
    with gateway(directory, policies, bases, request.param) as running:
        yield running


@pytest.fixture
def waferline(waferline_process: Gateway) -> Gateway:
    waferline_process.forget_failures()
    return waferline_process


@pytest.fixture
def primary(primary_process: Provider) -> Provider:
    primary_process.reset()
    return primary_process


@pytest.fixture
def fallback(fallback_process: Provider) -> Provider:
    fallback_process.reset()
    return fallback_process


@pytest.fixture
def providers(primary: Provider, fallback: Provider) -> tuple[Provider, Provider]:
    for each in (primary, fallback):
        each.set(text="numbered", tokens=60, reasoning_tokens=0)
    return primary, fallback
