"""What a fault leaves behind beside the answer: in the log, at the providers, and in the circuit of its target."""

from __future__ import annotations

from typing import Any

from tests.support.gateway import Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

PRIMARY, FALLBACK = "cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"
Providers = tuple[Provider, Provider]

# What a circuit counted of one attempt.
NOTHING = {"state": "closed", "rejects": None, "calls": 0, "failures": 0, "slow": 0}
SPOKE = {**NOTHING, "calls": 1}
FAILED = {**SPOKE, "failures": 1}  # before its first token
BROKE = FAILED  # after it: a call and a failure as well, but none in a row
CAPACITY = {**NOTHING, "rejects": "capacity"}
MISCONFIGURED = {**NOTHING, "rejects": "misconfigured"}


def counted(waferline: Gateway, target: str = PRIMARY) -> dict[str, Any]:
    row = next(row for row in waferline.circuits() if target in (row["target"], *row["also"]))
    return {name: row[name] for name in NOTHING}


def told(waferline: Gateway, target: str = PRIMARY) -> list[dict[str, Any]]:
    """The events of a circuit since it was put back before the test."""
    events = [event for event in waferline.events() if event.get("target") == target]
    last = max((at for at, event in enumerate(events) if event["event"] == "circuit.released"), default=-1)
    return events[last + 1 :]


def attempts(line: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(each["deployment"], each["outcome"], each["fault"], each["status"]) for each in line["attempts"]]


def at_rest(*providers: Provider) -> None:
    """What nobody waits for any more is not worked on."""
    for each in providers:
        eventually(lambda each=each: each.stats()["in_flight"] == 0, 5, "the end of all work at a provider")  # type: ignore[misc]
