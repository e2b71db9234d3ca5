"""The environment: where the providers are, and the one combination nobody may serve with. Standard library only."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

# In the README and in every checkout: fit for a demonstration on loopback, and for nothing else.
DEMO_KEY = "sk-waferline-demo-key-for-loopback-only"
CEREBRAS_BASE = "https://api.cerebras.ai/v1"
NEW_KEY = "export LITELLM_MASTER_KEY=sk-$(openssl rand -hex 24)"


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def real_hosts(environment: Mapping[str, str]) -> list[str]:
    """The providers that are not on this machine, so that a request to them costs money."""
    cerebras = environment.get("CEREBRAS_API_BASE") or (CEREBRAS_BASE if environment.get("CEREBRAS_API_KEY") else "")
    bases = [cerebras, environment.get("FALLBACK_API_BASE") or ""]
    hosts = [host_of(base) for base in bases if base]
    return [host for host in hosts if not is_loopback(host)]


def host_of(base: str) -> str:
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""


def unsafe(environment: Mapping[str, str]) -> str | None:
    """Why this environment must not serve, if it must not."""
    real = real_hosts(environment)
    if real and environment.get("LITELLM_MASTER_KEY") == DEMO_KEY:
        return f"LITELLM_MASTER_KEY is the public demo key, but {real[0]} is a real provider; set your own: `{NEW_KEY}`"
    return None
