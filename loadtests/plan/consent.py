"""Whether a target may be loaded at all: one on this machine may, any other has to be named twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from loadtests.plan.cost import Estimate
from loadtests.plan.scenario import Bounds


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def missing(hosts: Iterable[str], meant: Iterable[str]) -> list[str]:
    """A sentence for each host that nobody has named."""
    named = set(meant)
    return [
        f"{host} is not this machine: a load test may cost money and get you blocked; if it is yours, "
        f"add --i-mean-it {host}"
        for host in dict.fromkeys(hosts)
        if not is_loopback(host) and host not in named
    ]


def beyond(estimate: Estimate, bounds: Bounds) -> list[str]:
    found = []
    for what, planned, most in (
        ("requests", estimate.requests, bounds.max_requests),
        ("tokens", estimate.tokens, bounds.max_tokens),
    ):
        if planned > most:
            found.append(
                f"the run may take {planned:,} {what}, and bounds.max_{what} allows {most:,}: "
                f"make it shorter (`--seconds`), or raise the bound in the scenario's file"
            )
    return found
