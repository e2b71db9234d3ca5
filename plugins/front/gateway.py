"""What the front needs to know and to call, in one place; wiring.py fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plugins.circuit.board import Board
from plugins.config.reload import PolicyStore
from plugins.front.clock import Clock
from plugins.front.express import Express
from plugins.front.places import Places
from plugins.front.startup import Startup
from plugins.policy.engine import Precedents
from plugins.policy.targets import Address, Deployed
from plugins.telemetry.loggers import Loggers
from plugins.telemetry.sinks import Events
from plugins.upstream.sharing import Sharing
from plugins.upstream.warming import Warming


@dataclass(frozen=True, slots=True)
class Gateway:
    store: PolicyStore
    deployed: Deployed
    master_digest: str | None
    events: Events
    board: Board
    express: Express
    direct: Mapping[str, Address | str]  # by deployment: how to call it past LiteLLM, or why not
    only_litellm: tuple[str, ...]  # what the operator configured that only LiteLLM does
    warming: Warming
    startup: Startup
    sharing: Sharing
    loggers: Loggers = field(default_factory=Loggers)
    clock: Clock = field(default_factory=Clock)
    places: Places = field(default_factory=Places)
    precedents: Precedents = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "precedents", Precedents(self.deployed))

    def left_out(self, cut: str, why: str) -> None:
        """A cut in LiteLLM's idle work that was not made."""
        self.events({"event": "cut.left_out", "time": self.clock.wall, "cut": cut, "why": why})

    def status(self) -> dict[str, Any]:
        """What an operator asks first: which rules are in force, and is anything wrong with them."""
        return {
            **self.store.status(),
            "targets": [target.as_dict() for target in self.deployed.by_deployment.values()],
            "circuits": self.board.snapshot(self.clock.monotonic()),
            "in_flight": self.places.status(),
            "sharing": self.sharing.status(),
            "connections": self.warming.status(),
            "loggers": self.loggers.status(),
            "startup": self.startup.status(),
            "telemetry_failures": self.events.failures,
        }
