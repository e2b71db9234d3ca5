"""What the front needs to know and to call, in one place; wiring.py fills it in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from plugins.config.reload import PolicyStore
from plugins.policy.targets import Deployed
from plugins.telemetry.sinks import Events


@dataclass(frozen=True, slots=True)
class Clock:
    """The only clocks there are: one to measure with, one to tell the day by."""

    monotonic: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def today(self) -> date:
        return self.utc().date()

    @property
    def wall(self) -> str:
        return self.utc().isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Gateway:
    store: PolicyStore
    deployed: Deployed
    master_digest: str | None
    events: Events
    clock: Clock = field(default_factory=Clock)

    def status(self) -> dict[str, Any]:
        """What an operator asks first: which rules are in force, and is anything wrong with them."""
        return {
            **self.store.status(),
            "targets": [
                {
                    "deployment": target.deployment,
                    "model": target.model,
                    "provider": target.provider,
                    "upstream_model": target.upstream_model,
                    "order": target.order,
                    "missing": list(target.missing),
                }
                for target in self.deployed.by_deployment.values()
            ],
            "telemetry_failures": self.events.failures,
        }
