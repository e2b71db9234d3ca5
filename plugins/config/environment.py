"""The environment: what is read from it, and the one combination the gateway refuses to start with."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

# In the README and in every checkout: fit for a demonstration on loopback, and for nothing else.
DEMO_KEY = "sk-waferline-demo-key-for-loopback-only"
CEREBRAS_BASE = "https://api.cerebras.ai/v1"


def is_loopback(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def real_providers(environment: Mapping[str, str]) -> list[str]:
    """The providers that are not on this machine, so that a request to them costs money."""
    bases = [environment.get("FALLBACK_API_BASE") or ""]
    cerebras = environment.get("CEREBRAS_API_BASE") or (CEREBRAS_BASE if environment.get("CEREBRAS_API_KEY") else "")
    return [base for base in (cerebras, *bases) if base and not is_loopback(base)]


def unsafe(environment: Mapping[str, str]) -> str | None:
    """Why this environment must not serve, if it must not."""
    real = real_providers(environment)
    if environment.get("LITELLM_MASTER_KEY") == DEMO_KEY and real:
        host = urlsplit(real[0]).hostname
        return (
            f"LITELLM_MASTER_KEY is the public demo key, but {host} is a real provider; "
            "set a key of your own, for instance sk-$(openssl rand -hex 24)"
        )
    return None
