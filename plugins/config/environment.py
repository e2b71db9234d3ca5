"""The environment: where the providers are, and the one combination nobody may serve with. Standard library only."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

# In the README and in every checkout: fit for a demonstration on loopback, and for nothing else.
DEMO_KEY = "sk-waferline-demo-key-for-loopback-only"
CEREBRAS_BASE = "https://api.cerebras.ai/v1"
SHORTEST_KEY = 32
NEW_KEY = "export LITELLM_MASTER_KEY=sk-$(openssl rand -hex 24)"


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def provider_hosts(environment: Mapping[str, str]) -> list[str]:
    """Where the variables say that the providers are."""
    cerebras = environment.get("CEREBRAS_API_BASE") or (CEREBRAS_BASE if environment.get("CEREBRAS_API_KEY") else "")
    return [host_of(base) for base in (cerebras, environment.get("FALLBACK_API_BASE")) if base]


def host_of(base: str) -> str:
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""


def unsafe(master_key: str | None, hosts: Iterable[str]) -> str | None:
    """Why these providers must not be served under this key, if they must not."""
    real = [host for host in hosts if not is_loopback(host)]  # not on this machine, so a request costs money
    if not real or (master_key and master_key != DEMO_KEY and len(master_key.strip()) >= SHORTEST_KEY):
        return None
    return (
        f"{real[0]} is a real provider, so LITELLM_MASTER_KEY must be your own, of {SHORTEST_KEY} characters or more: "
        f"`{NEW_KEY}`"
    )
