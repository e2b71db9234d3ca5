"""The circuits of a process, one per target, and which targets are worth calling now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from plugins.circuit.facts import Rejected, State
from plugins.circuit.machine import Circuit, Tell
from plugins.policy.circuits import AllOpen, CircuitsFile
from plugins.policy.targets import Target

Called = tuple[str, str, str, str]
Event = dict[str, Any]


class Board:
    """By what a call comes down to: two deployments that call the same are one target with one circuit."""

    def __init__(
        self,
        targets: Iterable[Target],
        settings: Callable[[], CircuitsFile],
        chance: Callable[[], float],
        tell: Callable[[Event], None],
    ) -> None:
        self._settings = settings
        self._chance = chance
        self._tell = tell
        self.circuits: dict[Called, Circuit] = {}
        self._deployments: dict[Called, list[str]] = {}
        self._by_deployment: dict[str, Circuit] = {}
        for target in targets:
            self.of(target)

    @property
    def settings(self) -> CircuitsFile:
        return self._settings()

    def of(self, target: Target) -> Circuit:
        return self._by_deployment.get(target.deployment) or self._add(target)

    def named(self, deployment: str) -> Circuit | None:
        return self._by_deployment.get(deployment)

    def _add(self, target: Target) -> Circuit:
        called = target.called
        circuit = self.circuits.get(called)
        if circuit is None:
            circuit = Circuit(self._settings, self._chance, self._teller(called))
            self.circuits[called] = circuit
        self._deployments.setdefault(called, []).append(target.deployment)
        self._by_deployment[target.deployment] = circuit
        return circuit

    def _teller(self, called: Called) -> Tell:
        def tell(event: str, facts: dict[str, Any]) -> None:
            deployments = self._deployments[called]
            more = {"also": deployments[1:]} if deployments[1:] else {}
            self._tell({"event": event, "target": deployments[0], **more, **facts})

        return tell

    def is_last_resort(self, targets: Sequence[Target], now: float) -> bool:
        """Whether every target is closed to us, so that open circuits may be tried ahead of time."""
        if self.settings.probe.all_open is not AllOpen.PROBE:
            return False
        return all(self.of(target).rejection(now) is not None for target in targets)

    def all_rejected(
        self, targets: Sequence[Target], now: float, *, last_resort: bool
    ) -> list[tuple[Target, Rejected]]:
        """Every target with why it is not called; nothing if there is one that may be."""
        found = []
        for target in targets:
            rejected = self.of(target).rejection(now, last_resort=last_resort)
            if rejected is None:
                return []
            found.append((target, rejected))
        return found

    def force(self, deployment: str, state: State | None, now: float) -> bool:
        """Whether there is such a deployment."""
        circuit = self._by_deployment.get(deployment)
        if circuit is not None:
            circuit.force(state, now)
        return circuit is not None

    def snapshot(self, now: float) -> list[dict[str, Any]]:
        return [
            {"target": names[0], "also": names[1:], **self.circuits[called].snapshot(now)}
            for called, names in self._deployments.items()
        ]
