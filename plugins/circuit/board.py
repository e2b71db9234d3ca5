"""The targets of a process, how each of them stands, and which are worth calling now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from plugins.circuit.allowance import Allowance
from plugins.circuit.facts import Rejected, State
from plugins.circuit.machine import Circuit, Tell
from plugins.circuit.standing import Standing
from plugins.policy.circuits import AllOpen, CircuitsFile
from plugins.policy.size import Size
from plugins.policy.targets import CEREBRAS, Target

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
        self._standings: dict[Called, Standing] = {}
        self._deployments: dict[Called, list[str]] = {}
        self._by_deployment: dict[str, Standing] = {}
        for target in targets:
            self.of(target)

    @property
    def settings(self) -> CircuitsFile:
        return self._settings()

    def of(self, target: Target) -> Circuit:
        return self.standing(target).circuit

    def standing(self, target: Target) -> Standing:
        return self._by_deployment.get(target.deployment) or self._add(target)

    def _add(self, target: Target) -> Standing:
        called = target.called
        standing = self._standings.get(called)
        if standing is None:
            settings = self._settings_of(called)
            circuit = self.circuits[called] = Circuit(settings, self._chance, self._teller(called))
            allowance = Allowance(lambda: settings().allowance, reserves_unasked=target.provider == CEREBRAS)
            standing = self._standings[called] = Standing(circuit, allowance, settings)
        self._deployments.setdefault(called, []).append(target.deployment)
        self._by_deployment[target.deployment] = standing
        return standing

    def _settings_of(self, called: Called) -> Callable[[], CircuitsFile]:
        """With what the file says of this target; made anew when the file, or the names it has, are others."""
        seen: CircuitsFile | None = None
        made = CircuitsFile()
        names: tuple[str, ...] = ()

        def settings() -> CircuitsFile:
            nonlocal seen, made, names
            whole = self._settings()
            if whole is not seen or len(names) != len(self._deployments[called]):
                seen, names = whole, tuple(self._deployments[called])
                made = whole.of(names)
            return made

        return settings

    def _teller(self, called: Called) -> Tell:
        def tell(event: str, facts: dict[str, Any]) -> None:
            deployments = self._deployments[called]
            more = {"also": deployments[1:]} if deployments[1:] else {}
            self._tell({"event": event, "target": deployments[0], **more, **facts})

        return tell

    @property
    def has_last_resort(self) -> bool:
        """Whether open circuits may be tried ahead of time when every target is closed to us."""
        return self.settings.probe.all_open is AllOpen.PROBE

    def all_rejected(
        self, targets: Sequence[Target], now: float, size: Size | None = None, *, last_resort: bool = False
    ) -> list[tuple[Target, Rejected]]:
        """Every target with why it is not called; nothing as soon as there is one that may be."""
        found = []
        for target in targets:
            rejected = self.standing(target).rejection(now, size, last_resort=last_resort)
            if rejected is None:
                return []
            found.append((target, rejected))
        return found

    def force(self, deployment: str, state: State | None, now: float) -> bool:
        """Whether there is such a deployment."""
        standing = self._by_deployment.get(deployment)
        if standing is not None:
            standing.force(state, now)
        return standing is not None

    def snapshot(self, now: float) -> list[dict[str, Any]]:
        return [
            {"target": names[0], "also": names[1:], **self._standings[called].snapshot(now)}
            for called, names in self._deployments.items()
        ]
